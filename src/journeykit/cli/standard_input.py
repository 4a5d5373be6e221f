"""Tables from standard input: kept in a temporary file, since tables are read more than once."""

from __future__ import annotations

import shutil
import sys
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from journeykit.basics.stopping import STOP
from journeykit.errors import DataError
from journeykit.tables.formats import CALLED

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_INPUT = "standard input"
"""What messages call it."""
_HEAD = 65_536
_ENDINGS = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet"}


@contextmanager
def kept_input() -> Iterator[str]:
    """The path of a temporary file that holds what comes on standard input; it is there as long as the context is.

    Only its owner can read it. Its ending says its format, as the first bytes do.

    Raises:
        DataError: if standard input cannot be read, or not be kept.
    """
    with tempfile.TemporaryDirectory(prefix="journeykit-") as folder:
        STOP.left.add(Path(folder))
        path = _kept(Path(folder))
        CALLED[path] = STANDARD_INPUT
        try:
            yield path
        finally:
            del CALLED[path]
            STOP.left.discard(Path(folder))


def _kept(folder: Path) -> str:
    given: IO[bytes] = sys.stdin.buffer
    try:
        head = given.read(_HEAD)
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror or error}", source=STANDARD_INPUT) from error
    form, packed = format_of_bytes(head)
    path = folder / f"standard-input{_ENDINGS[form]}{'.gz' * packed}"
    try:
        with path.open("xb") as file:
            file.write(head)
            shutil.copyfileobj(given, file, _HEAD)
    except OSError as error:
        said = f"it cannot be kept in {folder.parent}: {error.strerror or error}; TMPDIR names another folder"
        raise DataError(said, source=STANDARD_INPUT) from error
    return str(path)


def format_of_bytes(head: bytes) -> tuple[str, bool]:
    r"""The format of a table by its first bytes, and whether it is packed by gzip.

    Example:
        >>> format_of_bytes(b"PAR1..."), format_of_bytes(b' {"contact_id": 1}'), format_of_bytes(b"contact_id\n")
        (('parquet', False), ('jsonl', False), ('csv', False))
    """
    if head.startswith(b"PAR1"):
        return "parquet", False
    packed = head.startswith(b"\x1f\x8b")
    if packed:
        try:
            head = zlib.decompressobj(wbits=31).decompress(head)
        except zlib.error:
            # Who reads it says what is wrong with it.
            return "csv", True
    return ("jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else "csv"), packed
