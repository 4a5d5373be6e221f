"""Plain data as JSON: what says of itself what it is, and files of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError, named_error

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_schema(what: str, data: Mapping[str, Any], version: int = 1) -> dict[str, Any]:
    """Plain data with what it is as its first key: what a command prints as JSON.

    Args:
        what: what it is, such as ``summary``.
        data: the rest of it.
        version: larger by one whenever a key gets another meaning or goes away; not where one is new.

    Example:
        >>> with_schema("summary", {"contacts": 3})
        {'schema': 'journeykit.summary/1', 'contacts': 3}
    """
    return {"schema": f"journeykit.{what}/{version}", **data}


def read_json(path: str | os.PathLike[str], what: str, version: int = 1) -> dict[str, Any]:
    """What a command printed as JSON, or wrote to a file.

    Args:
        path: the file.
        what: what it must be; see `with_schema`.
        version: of which version.

    Raises:
        DataError: for a file that cannot be read, is not JSON, or is something else.
    """
    from pathlib import Path

    source = os.fspath(path)
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror or error}", source=source) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"the file is not JSON: {error}", source=source) from error
    schema = found.get("schema") if isinstance(found, dict) else None
    wanted = f"journeykit.{what}/{version}"
    if schema != wanted:
        said = f"the schema {schema!r}" if isinstance(schema, str) else "no schema"
        raise DataError(f"found {said}; allowed is {wanted!r}", source=source, field="schema")
    return dict(found)


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write plain data to a JSON file, which appears whole or not at all.

    Raises:
        OSError: if it cannot be written; what was there stays as it was.
    """
    from pathlib import Path

    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        beside.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        beside.replace(target)
    except OSError as error:
        raise named_error(error, path) from error
    finally:
        beside.unlink(missing_ok=True)
