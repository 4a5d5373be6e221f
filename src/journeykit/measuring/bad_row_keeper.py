"""Bad rows of the tables of a measure, counted table by table, and kept whole in a file where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_file import write_bad_rows
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self


class BadRowKeeper:
    """Counts bad rows; at the end, whether all is well or too many are bad, it writes them to a file.

    Args:
        max_bad: how many of one reading are tolerated, as a number or as a share (``"1%"``); None for any number.
        path: the file: ``.csv``, ``.jsonl`` or ``.parquet``; None for none.
        tables: by name, the tables, which can be read again.
    """

    def __init__(
        self,
        max_bad: int | str | None,
        path: str | os.PathLike[str] | None = None,
        tables: Mapping[str, Any] | None = None,
    ) -> None:
        self._max_bad = max_bad
        self._path = path
        self._tables = {name: table for name, table in (tables or {}).items() if table is not None}
        self._counters: list[BadRows] = []

    def counter(self) -> BadRows:
        """Counts the bad rows of one reading."""
        found = BadRows(self._max_bad, keep=100 if self._path is None else None)
        self._counters.append(found)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._path is None or not (error is None or isinstance(error, Exception)):
            return
        # A table that is read by two parts of a report has each of its bad rows once.
        rows = {(own.source, own.row, own.field): own for bad in self._counters for own in bad.first}
        opened = {name: open_source(table, name) for name, table in self._tables.items()}
        tables = {name: (source.source, source.pick) for name, source in opened.items()}
        write_bad_rows(self._path, list(rows.values()), tables)
