"""Bad rows kept whole in a file, so that they can be mended and given again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.model.bad_row import BadRow
from journeykit.tables.cells import escaped
from journeykit.tables.header import fold_name
from journeykit.tables.read_rows import open_table
from journeykit.tables.write_rows import table_writer

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from journeykit.tables.formats import RawRow, TableSource

BAD_ROW_COLUMNS = {
    "table": "text",
    "source": "text",
    "row": "whole",
    "column": "text",
    "found": "text",
    "allowed": "text",
    "cells": "text",
}
"""The columns of a table of bad rows, in order; ``cells`` is the row as it was read, as JSON.

Of what is wrong with a contact who has no row, but claims alone, ``cells`` has the ``contact_id``, and ``row`` is 0."""


def write_bad_rows(
    path: str | os.PathLike[str],
    rows: Sequence[BadRow],
    tables: Mapping[str, tuple[str, Callable[[frozenset[int]], Iterable[tuple[int, Any]]]]],
) -> None:
    """Write bad rows to a file, which appears whole or not at all.

    Args:
        path: the file: ``.csv``, ``.jsonl`` or ``.parquet``.
        rows: the bad rows.
        tables: by the name of a table, what its bad rows call it, and how its rows are read again.

    Raises:
        DataError: for an unknown ending.
        OSError: if it cannot be written.
    """
    names = {source: name for name, (source, _) in tables.items()}
    cells = picked_cells(rows, tables.values())
    order = {source: place for place, source in enumerate(names)}
    with table_writer(path, BAD_ROW_COLUMNS) as write:
        # Table by table and row by row (contact by contact without one), in whatever order an engine met them.
        for bad in sorted(rows, key=lambda bad: (order.get(bad.source, len(order)), bad.row, str(bad.contact or ""))):
            own = None if bad.contact is None else {"contact_id": bad.contact}
            text = cells_text(cells.get((bad.source, bad.row), own))
            name = names.get(bad.source, bad.source)
            given = (name, bad.source, bad.field or None, bad.found, bad.allowed, text)
            # What is not UTF-8 is often why a row is bad.
            texts = [None if own is None else escaped(own) for own in given]
            write((*texts[:2], bad.row, *texts[2:]))


def picked_cells(
    rows: Sequence[BadRow], tables: Iterable[tuple[str, Callable[[frozenset[int]], Iterable[tuple[int, Any]]]]]
) -> dict[tuple[str, int], Any]:
    """By table and number, what bad rows hold, read again; see `by_contact`."""
    found: dict[tuple[str, int], Any] = {}
    for source, pick in tables:
        wanted = frozenset(bad.row for bad in rows if bad.source == source and bad.row)
        if wanted:
            found.update(((source, number), own) for number, own in pick(wanted))
    return found


def cells_text(cells: Any) -> str | None:
    """What a row holds, as JSON."""
    return None if cells is None else json.dumps(cells, ensure_ascii=False, default=str)


def by_contact(
    rows: Sequence[BadRow], tables: Iterable[tuple[str, Callable[[frozenset[int]], Iterable[tuple[int, Any]]]]]
) -> list[BadRow]:
    """Bad rows that say whose they are in place of their numbers, which mean nothing where tables come in parts.

    Args:
        rows: the bad rows.
        tables: what bad rows call a table, and how its rows are read again.
    """
    cells = picked_cells(rows, tables)
    return [
        evolve(bad, row=0, contact=contact_in(cells.get((bad.source, bad.row), {}))) if bad.row else bad for bad in rows
    ]


def contact_in(cells: Any) -> Any:
    """The id of the contact whose row it is, as the table has it; None where it has none."""
    return next((cell for name, cell in cells.items() if fold_name(name) == "contact_id"), None)


def picker(source: TableSource, name: str) -> Callable[[frozenset[int]], Iterable[tuple[int, Any]]]:
    """How rows of a file, or of mappings that can be read again, are read again."""
    return lambda wanted: picked(open_table(source, name).rows(), wanted)


def picked(rows: Iterable[RawRow | BadRow], wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
    """Rows of some numbers, as mappings or as what was read in their place."""
    for row in rows:
        if isinstance(row, BadRow):
            if row.row in wanted:
                yield row.row, row.raw
        elif row[0] in wanted:
            yield row[0], dict(zip(row[1], row[2], strict=True))
