"""Folders of Parquet files that are one table: which files, what the names of folders say, and all their columns."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from attrs import frozen

from journeykit.errors import DataError
from journeykit.tables.formats import is_part
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""What the folder of rows without a value is called."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


@frozen
class FolderPart:
    """A file of a folder.

    Attributes:
        path: the file.
        cells: what the names of the folders above it say of all its rows, by column.
    """

    path: str
    cells: Mapping[str, str | int | None]


def parts_of(folder: str) -> list[FolderPart]:
    """The Parquet files of a folder and its folders, in the order in which they are read: that of their paths.

    A folder below it that is called ``country=MK`` gives its files the column ``country``. Where all that folders
    say of a column are whole numbers without leading zeros, these are numbers. Hidden files and folders, whose names
    begin with a dot or an underscore, are left out.

    Raises:
        DataError: if there is none.
    """
    found = sorted(_files_in(folder))
    if not found:
        raise DataError("the folder holds no Parquet file", source=folder)
    said = [dict(_cells(os.path.relpath(os.path.dirname(path), folder))) for path in found]  # noqa: PTH120
    names = dict.fromkeys(name for own in said for name in own)
    whole = {name for name in names if all(_is_whole(own.get(name)) for own in said)}
    return [
        FolderPart(
            path,
            {name: int(value) if value is not None and name in whole else value for name, value in own.items()},
        )
        for path, own in zip(found, said, strict=True)
    ]


def _files_in(path: str) -> Iterator[str]:
    for folder, below, names in os.walk(path):
        below[:] = [name for name in below if not name.startswith((".", "_")) or "=" in name]
        yield from (os.path.join(folder, name) for name in names if is_part(name))  # noqa: PTH118  (texts are enough)


def _cells(path: str) -> Iterator[tuple[str, str | None]]:
    for name in path.split(os.sep):  # noqa: PTH206  (a text is enough)
        column, found, value = name.partition("=")
        if found and column:
            yield unquote(column), None if value in ("", NOTHING) else unquote(value)


def _is_whole(value: str | None) -> bool:
    return value is None or _WHOLE.fullmatch(value) is not None


@frozen
class United:
    """The columns of files that are one table.

    Attributes:
        columns: all of them, in the order in which they are met; those that only folders name come last.
        own: by file, what it calls those that it has.
    """

    columns: tuple[str, ...]
    own: tuple[Mapping[str, str], ...]


def united(files: Sequence[Sequence[str]], cells: Sequence[Mapping[str, object]] = ()) -> United:
    """The columns of files with columns of their own, in any order; a column has one name, however its case differs.

    What a file says itself goes before what its folder is called.

    Args:
        files: the columns of each file.
        cells: what the names of folders say of it.

    Example:
        >>> united([["contact_id", "City"], ["city", "contact_id", "vip"]], [{"day": 1}, {"day": 2}]).columns
        ('contact_id', 'City', 'vip', 'day')
    """
    spelt: dict[str, str] = {}
    columns: dict[str, None] = {}
    own = []
    for names in files:
        mine: dict[str, str] = {}
        for name in names:
            known = spelt.setdefault(fold_name(name), name)
            # Two columns of one file that differ in case alone stay two, and are refused where that matters.
            column = name if known in mine or (known != name and known in names) else known
            columns[column] = None
            mine[column] = name
        own.append(mine)
    for said in cells:
        for name in said:
            columns[spelt.setdefault(fold_name(name), name)] = None
    return United(tuple(columns), tuple(own))


def cells_by_column(columns: Sequence[str], cells: Mapping[str, str | int | None]) -> dict[str, str | int | None]:
    """What the names of folders say, by the names that the columns have in the whole table."""
    said = {fold_name(name): value for name, value in cells.items()}
    return {name: said[fold_name(name)] for name in columns if fold_name(name) in said}
