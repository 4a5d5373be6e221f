"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import glob
import gzip
import io
import os
import re
import secrets
import shutil
import stat
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeykit.basics.stopping import STOP
from journeykit.basics.streams import STANDARD_OUTPUT
from journeykit.errors import DataError, named_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

_HEX = frozenset("0123456789abcdef")
PART = "part-0.parquet"
"""What each file of a folder of decisions is called, where one process writes it."""
PARTS = re.compile(r"part-[0-9]+\.parquet")
"""Likewise where many do."""
RUN = "run"
"""A log has a folder of each run, called ``run=NAME``."""
MARK = {"journeykit": "decisions"}
"""What the metadata of each such file says: that it may be replaced. Others call their files so too."""
_MAKING = 5.0
"""For so many seconds a new file may not be locked yet."""


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that appears whole or not at all: written beside, then renamed.

    What is no regular file, such as a pipe or ``/dev/null``, is written in place. What a killed process has left
    beside it is removed.

    Raises:
        OSError: if it cannot be written; nothing is left behind.
    """
    try:
        with _whole_file(path) as file:
            yield file
    except OSError as error:
        # A disk that is full says so of no file.
        raise named_error(error, path) from error


@contextmanager
def _whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        with target.open("wb") as file:
            yield file
        return
    _remove_left(target)
    beside = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}.tmp")
    STOP.left.add(beside)
    try:
        # Unlike those of the module tempfile, this file gets the rights that a new file usually gets.
        with _opened(beside, path) as file:
            _hold(file)
            if target.exists():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        STOP.check()
        beside.replace(target)
        STOP.is_written = True
    finally:
        beside.unlink(missing_ok=True)
        STOP.left.discard(beside)
    _sync_folder(target.parent)


@contextmanager
def whole_folder(
    path: str | os.PathLike[str],
    *,
    beside: Path | None = None,
    placing: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[Path]:
    """A folder to fill that appears whole or not at all: written beside, then renamed.

    A folder that is there already is replaced, if it holds nothing but what such a run writes. What a killed process
    has left beside it is removed.

    Args:
        path: the folder.
        beside: beside what it is filled until it is whole; None for the folder itself.
        placing: entered while it is put in its place.

    Raises:
        DataError: if there is something else.
        OSError: if it cannot be written; nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    check_replaceable(target)
    near = target if beside is None else beside
    try:
        _remove_left_folders(near)
        made = _hidden(near)
        STOP.left.add(made)
        try:
            made.mkdir()
        except OSError as error:
            # The message names the folder that was asked for.
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        handle = _held_folder(made)
        try:
            yield made
            for file in made.rglob("part-*.parquet"):
                _sync_folder(file)
            with placing():
                STOP.check()
                _put_in_place(made, target, _hidden(near))
                STOP.is_written = True
        finally:
            shutil.rmtree(made, ignore_errors=True)
            STOP.left.discard(made)
            if handle is not None:
                os.close(handle)
        _sync_folder(target.parent)
    except OSError as error:
        raise named_error(error, path) from error


def check_replaceable(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that holds anything but files of decisions, which `MARK` tells, and folders of such.

    Files whose names begin with ``_`` or ``.``, such as ``_SUCCESS``, are passed over, as readers do.

    Raises:
        DataError: naming what else there is.
    """
    target = Path(folder)
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise DataError(
            "this is a file, and a folder is to be written; write to another place", source=os.fspath(folder)
        )
    for below in target.iterdir():
        if below.name.startswith(f"{RUN}="):
            raise DataError(
                f"the folder holds {below.name!r}: it is a log of runs, which append adds to; write to another place",
                source=os.fspath(folder),
            )
        own = list(below.iterdir()) if below.is_dir() and "=" in below.name else [below]
        other = next((found for found in own if not _is_passed_over(found) and not _is_own(found)), None)
        if other is not None:
            raise DataError(
                f"the folder holds {str(other.relative_to(target))!r}, which is no part of a table of decisions; "
                "write to another place",
                source=os.fspath(folder),
            )


def _is_passed_over(path: Path) -> bool:
    return path.name.startswith(("_", ".")) and path.is_file()


def _is_own(path: Path) -> bool:
    """Whether a file is one of a folder of decisions."""
    if not PARTS.fullmatch(path.name) or not path.is_file():
        return False
    from journeykit.tables.decision_columns import DECISIONS
    from journeykit.tables.marked_files import marked_columns

    columns = marked_columns(path, MARK)
    # A table that was made from such a file, and written elsewhere, may have kept the mark.
    return columns is not None and DECISIONS.keys() >= set(columns)


def _hidden(near: Path) -> Path:
    """A name beside a folder that readers pass over."""
    return near.with_name(f".{near.name[:40]}.{secrets.token_hex(6)}.tmp")


def _put_in_place(folder: Path, target: Path, old: Path) -> None:
    """Rename a folder, over one that is there, which goes away; files at its top that are passed over are kept."""
    if not target.exists():
        folder.rename(target)
        return
    if swapped(folder, target):
        old = folder
    else:
        target.rename(old)
        try:
            folder.rename(target)
        except OSError:
            old.rename(target)
            raise
    for kept in filter(_is_passed_over, old.iterdir()):
        kept.rename(target / kept.name)
    shutil.rmtree(old, ignore_errors=True)


def swapped(one: Path, other: Path) -> bool:
    """Give each of two folders the name of the other, at once; whether the system could.

    See renameat2(2) of Linux, and renamex_np(2) of macOS.
    """
    here, swap = -100, 2
    try:
        import ctypes

        system = ctypes.CDLL(None)
        names = os.fsencode(one), os.fsencode(other)
        if hasattr(system, "renameat2"):
            return bool(system.renameat2(here, names[0], here, names[1], swap) == 0)
        return bool(system.renamex_np(*names, swap) == 0)
    except (ImportError, AttributeError, OSError, TypeError):
        return False


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Wait until no other process holds a folder, and hold it, where a folder can be locked."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _held_folder(folder: Path) -> int | None:
    """A handle that locks a folder for as long as it is open; None where a folder cannot be locked."""
    if sys.platform == "win32":
        return None
    handle = os.open(folder, os.O_RDONLY)
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _remove_left_folders(target: Path) -> None:
    """Remove folders beside a target that nobody fills any more."""
    start = f".{target.name[:40]}."
    with suppress(OSError):
        for left in list(target.parent.glob(f"{glob.escape(start)}*.tmp")):
            middle = left.name[len(start) : -len(".tmp")]
            if len(middle) != 12 or not _HEX.issuperset(middle) or not left.is_dir():
                continue
            if time.time() - left.stat().st_mtime > _MAKING and _is_let_go(left):
                shutil.rmtree(left, ignore_errors=True)


def _is_let_go(folder: Path) -> bool:
    """Whether no process holds a folder."""
    if sys.platform == "win32":
        return True
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


@contextmanager
def standard_output() -> Iterator[Any]:
    """The standard output, for bytes; what goes wrong says that it is about it."""
    try:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.flush()
    except OSError as error:
        raise named_error(error, STANDARD_OUTPUT) from error


@contextmanager
def whole_files(paths: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Where to write several files, by their paths, so that all of them appear, or none.

    What is no regular file, such as a pipe, is written in place.

    Raises:
        OSError: if one cannot be put in its place.
    """
    beside = {path: _staged(path) for path in paths}
    own = {Path(staged) for path, staged in beside.items() if staged != path}
    STOP.left.update(own)
    try:
        yield beside
        STOP.check()
        for path, staged in beside.items():
            STOP.is_written = True
            if staged != path:
                os.replace(staged, os.path.realpath(path))  # noqa: PTH105  (texts are all that is needed)
    finally:
        for path, staged in beside.items():
            if staged != path:
                Path(staged).unlink(missing_ok=True)
        STOP.left.difference_update(own)


def _staged(path: str) -> str:
    """A name beside a file, with the same ending."""
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        return path
    if not target.parent.is_dir():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return str(target.with_name(f".{secrets.token_hex(6)}.{target.name[-100:]}"))


def _remove_left(target: Path) -> None:
    """Remove files beside a target that nobody writes any more: those whose writer lives are locked by it."""
    start = f".{target.name[:40]}."
    with suppress(OSError):
        for left in list(target.parent.iterdir()):
            middle = left.name[len(start) : -len(".tmp")]
            if left.name != f"{start}{middle}.tmp" or len(middle) != 12 or not _HEX.issuperset(middle):
                continue
            # One that has just been made is perhaps not locked yet.
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _MAKING and _is_left(left):
                    left.unlink()


def _is_left(path: Path) -> bool:
    """Whether no process holds a file."""
    if sys.platform == "win32":
        # A file that is open cannot be removed there.
        return True
    with path.open("rb+") as file:
        return _hold(file)


def _hold(file: BinaryIO) -> bool:
    """Lock a file for as long as it is open; whether that could be done."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _opened(beside: Path, path: str | os.PathLike[str]) -> BinaryIO:
    try:
        return beside.open("xb")
    except OSError as error:
        # The message names the file that was asked for.
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _sync_folder(folder: Path) -> None:
    """Make the new name last, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


@contextmanager
def packed_file(file: BinaryIO, path: str | os.PathLike[str]) -> Iterator[Any]:
    """A file as it is, or packed by gzip where the ending of its path says so."""
    if not os.fspath(path).lower().endswith(".gz"):
        yield file
        return
    # Without a name and a time the same rows give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        yield packed


@contextmanager
def text_file(file: BinaryIO, path: str | os.PathLike[str]) -> Iterator[io.TextIOWrapper]:
    """A file as text in UTF-8, packed by gzip where the ending of its path says so."""
    with packed_file(file, path) as target, utf8_text(target) as text:
        yield text


@contextmanager
def utf8_text(file: Any) -> Iterator[io.TextIOWrapper]:
    """A file of bytes as text in UTF-8, which leaves the file open; a lone surrogate is written as its escape."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()
