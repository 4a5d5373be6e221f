"""Words over columns: each distinct cell of a chunk is looked at once, and its rows are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.model.mismatch import Mismatches
from journeykit.tables.header import places_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.arrow.column import Column
    from journeykit.tables.words import Words

_MOST = 2**20
_CHANNELS = ("channel", "campaign_id", "content_id")


def count_words(words: Words, places: Mapping[str, int], columns: Sequence[Column], found: Mismatches) -> None:
    """Count what is to be said of the words of a chunk.

    Args:
        words: looks at them.
        places: the places of the columns, by folded name.
        columns: the columns of the chunk.
        found: what is counted.
    """
    for name in words.columns:
        if name not in places:
            continue
        column = columns[places[name]]
        counts = np.bincount(column.codes, minlength=len(column.values))
        for value, rows in zip(column.values, counts.tolist(), strict=True):
            if rows and value is not None:
                for finding in words.cell(name, value):
                    words.count(finding, rows, found)
    if words.tests_rows:
        _count_unclear(words, [(name, columns[places[name]]) for name in _CHANNELS if name in places], found)


def _count_unclear(words: Words, columns: Sequence[tuple[str, Column]], found: Mismatches) -> None:
    """Count the touches that do not say what rules ask for."""
    if not columns:
        return
    names, own = [name for name, _ in columns], [column for _, column in columns]
    codes, examples = combinations(own)
    counts = np.bincount(codes, minlength=len(examples))
    for values, rows in zip(cells_at(own, examples), counts.tolist(), strict=True):
        for finding in words.unclear(dict(zip(names, values, strict=True))):
            words.count(finding, rows, found)


def combinations(columns: Sequence[Column]) -> tuple[np.ndarray, np.ndarray]:
    """By row, the number of its combination of values; and for each combination a row that has it."""
    rows = len(columns[0]) if columns else 0
    codes = np.zeros(rows, np.int64)
    size = 1
    for column in columns:
        width = max(1, len(column.values))
        if size * width > _MOST:
            # Only the combinations that occur are told apart from here on.
            _, codes = np.unique(codes, return_inverse=True)
            size = int(codes.max()) + 1 if rows else 1
        codes = codes * width + column.codes
        size *= width
    if size <= _MOST:
        occurring = np.flatnonzero(np.bincount(codes, minlength=size))
        place = np.zeros(size, np.int64)
        place[occurring] = np.arange(len(occurring))
        codes = place[codes]
    else:
        occurring, codes = np.unique(codes, return_inverse=True)
    examples = np.zeros(len(occurring), np.int64)
    examples[codes] = np.arange(rows)
    return codes, examples


def cells_at(columns: Sequence[Column], rows: np.ndarray) -> Iterator[tuple[Any, ...]]:
    """The cells of some rows."""
    cells = [[column.values[code] for code in column.codes[rows].tolist()] for column in columns]
    return zip(*cells, strict=True)


def survey_source(source: ArrowTable, words: Words) -> Mismatches:
    """Compare a table with the playbook of its words, without deciding anything."""
    from journeykit.tables.arrow.column import Column

    found = Mismatches()
    for part in source.parts(lambda _: True):
        if not isinstance(part, tuple):
            continue
        _, names, arrays = part
        count_words(words, places_of(names, source.source), [Column(array) for array in arrays], found)
    words.name(source.names)
    words.finish(found)
    return found
