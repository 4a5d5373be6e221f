"""Outputs that keep off the inputs: what writing a file would do to a table that is read."""

from __future__ import annotations

import fnmatch
import glob
import os
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError
from journeykit.tables.files import check_replaceable
from journeykit.tables.formats import is_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_ENTRIES = 10_000
"""Of a tree of folders with more than that it is not asked whether all its files are given."""


def harm_to(source: Any, out: str | os.PathLike[str]) -> str | None:
    """What writing a file would do to a table, as words after "would"; None where it does nothing.

    Args:
        source: the table as a job takes it: a path of a file or folder, a list of such, a dataset of pyarrow; what is
            in memory cannot be harmed.
        out: the file to write; ``-`` is standard output.

    Example:
        >>> harm_to("contacts.csv", "./contacts.csv"), harm_to("contacts.csv", "decisions.csv")
        ('overwrite', None)
    """
    target = os.fspath(out)
    if target == "-" or source is None:
        return None
    if isinstance(source, str | os.PathLike):
        return _harm_to_path(os.fspath(source), target)
    if isinstance(source, list | tuple) and source and all(isinstance(part, str | os.PathLike) for part in source):
        given = [os.fspath(part) for part in source]
        harm = next(filter(None, (_harm_to_path(path, target) for path in given)), None)
        return harm or _harm_to_folder_of([path for path in given if not os.path.isdir(path)], target)  # noqa: PTH112
    if type(source).__module__ == "pyarrow._dataset":
        files = local_paths(source) or []
        harm = next(filter(None, (_harm_to_path(path, target) for path in files)), None)
        return harm or _harm_to_folder_of(files, target)
    return None


def need_apart(out: str | os.PathLike[str], tables: Mapping[str, Any], what: str = "the decisions") -> None:
    """Refuse an output that would destroy a table that is read, or become part of it.

    Args:
        out: the file to write.
        tables: what is read, by name.
        what: what is written.

    Raises:
        DataError: naming the table and what to do.
    """
    for name, source in tables.items():
        harm = harm_to(source, out)
        if harm is not None:
            raise DataError(f"{what} would {harm} the {name}; {ADVICE}", source=os.fspath(out))


def need_folder_apart(out: str | os.PathLike[str], tables: Mapping[str, Any], what: str = "the decisions") -> None:
    """Refuse a folder as output that would destroy a table that is read, or become part of it.

    Args:
        out: the folder to write.
        tables: what is read, by name.
        what: what is written.

    Raises:
        DataError: naming the table and what to do; also for a folder that holds other things than such a table.
    """
    for name, source in tables.items():
        harm = folder_harm_to(source, out)
        if harm is not None:
            raise DataError(f"{what} would {harm} the {name}; {ADVICE}", source=os.fspath(out))
    check_replaceable(out)


def folder_harm_to(source: Any, out: str | os.PathLike[str]) -> str | None:
    """What writing a folder would do to a table, as words after "would"; None where it does nothing.

    Args:
        source: the table as a job takes it; see `harm_to`.
        out: the folder to write.
    """
    target = os.fspath(out)
    given = [source] if isinstance(source, str | os.PathLike) else source if isinstance(source, list | tuple) else []
    paths = [os.fspath(own) for own in given if isinstance(own, str | os.PathLike)]
    if type(source).__module__ == "pyarrow._dataset":
        paths = local_paths(source) or []
    for path in paths:
        found = glob.glob(path, recursive=True) if glob.has_magic(path) and not os.path.exists(path) else [path]  # noqa: PTH110, PTH207
        if any(_is_same(own, target) or _lies_in(target, own) for own in found):
            return "overwrite"
        if any(os.path.isdir(own) and _lies_in(own, target) for own in found):  # noqa: PTH112
            return "become part of"
    return None


ADVICE = "write to another place"
"""What to do about an output that harms an input."""


def local_paths(dataset: Any) -> list[str] | None:
    """The paths of a dataset's files on this machine; None where none of them is known."""
    children = getattr(dataset, "children", None)
    if children is not None:
        return [path for child in children for path in local_paths(child) or ()] or None
    files = getattr(dataset, "files", None)
    if files is None:
        return None
    system, base = dataset.filesystem, ""
    while type(system).__name__ == "SubTreeFileSystem":
        system, base = system.base_fs, os.path.join(system.base_path, base)  # noqa: PTH118  (texts are enough)
    if type(system).__name__ != "LocalFileSystem":
        return None
    return [os.path.join(base, path) for path in files]  # noqa: PTH118  (likewise)


def _harm_to_path(path: str, out: str) -> str | None:
    if _is_same(path, out):
        return "overwrite"
    if os.path.isdir(path):  # noqa: PTH112  (texts are enough here and below)
        if any(_is_same(part, out) for part in _parts_of(path)):
            return "overwrite a file of"
        return "become part of" if is_part(out) and _lies_in(path, out) else None
    if glob.has_magic(path) and not os.path.exists(path):  # noqa: PTH110
        if any(_is_same(part, out) for part in glob.iglob(path, recursive=True)):  # noqa: PTH207
            return "overwrite a file of"
        pattern = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))  # noqa: PTH118, PTH119, PTH120
        return "become part of" if fnmatch.fnmatch(os.path.realpath(out), pattern) else None
    return None


def _harm_to_folder_of(files: list[str], out: str) -> str | None:
    """Whether several files are all that a folder has, and the output would be one more."""
    if len(files) < 2 or not is_part(out):
        return None
    try:
        folder = os.path.commonpath([os.path.dirname(os.path.realpath(path)) for path in files])  # noqa: PTH120
    except ValueError:
        return None
    if not _lies_in(folder, out):
        return None
    given = {os.path.realpath(path) for path in (*files, out)}
    seen = 0
    for where, folders, names in os.walk(folder):
        seen += len(folders) + len(names)
        parts = (os.path.join(where, name) for name in names if is_part(name))  # noqa: PTH118
        if seen > _MOST_ENTRIES or any(os.path.realpath(part) not in given for part in parts):
            return None
    return "become part of"


def _is_same(path: str, out: str) -> bool:
    """Whether two paths are one file: by name, by a link of either kind, or in another case."""
    try:
        return os.path.samefile(path, out)  # noqa: PTH121
    except (OSError, ValueError):
        return os.path.realpath(path) == os.path.realpath(out)


def _lies_in(folder: str, path: str) -> bool:
    inside, outside = os.path.realpath(path), os.path.realpath(folder)
    try:
        return os.path.commonpath([inside, outside]) == outside
    except ValueError:
        return False


def _parts_of(folder: str) -> Iterator[str]:
    for where, _, names in os.walk(folder):
        yield from (os.path.join(where, name) for name in names if is_part(name))  # noqa: PTH118
