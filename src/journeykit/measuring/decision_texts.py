"""The decision ids of a few messages, as touches write them: texts of all would take much memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.measuring.cell_columns import as_array, id_column, id_marks
from journeykit.measuring.touch_parts import DECISION, LEDGER_ID
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.arrays import numbers
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.header import fold_name, places_of

if TYPE_CHECKING:
    from journeykit.tables import TableSource


def decision_texts(touches: TableSource, marks: np.ndarray) -> dict[int, str]:
    """The decision ids that have some marks.

    Args:
        touches: the table of touches, which is read again.
        marks: the marks (`journeykit.measuring.cell_columns.id_mark`); 0 for no id.

    Returns:
        By mark, the id.

    Example:
        >>> from journeykit.measuring.cell_columns import id_mark
        >>> mark = id_mark("d1")
        >>> sent = [{"contact_id": "anna", "sent_at": "2026-11-02T09:00Z", "decision_id": "d1"}]
        >>> decision_texts(sent, np.array([0, mark], np.uint64)) == {mark: "d1"}
        True
    """
    asked = np.unique(marks[marks != 0])
    found: dict[int, str] = {}
    if not len(asked):
        return found
    source = open_source(touches, "touches")
    for part in source.parts(lambda name: fold_name(name) in (DECISION, LEDGER_ID)):
        if isinstance(part, BadRow):
            continue
        _, names, arrays = part
        places = places_of(names, source.source)
        place = places.get(DECISION, places.get(LEDGER_ID))
        if place is None:
            continue
        array = as_array(arrays[place])
        own = id_marks(Column(array), len(array), DECISION, {})
        rows = np.flatnonzero(np.isin(own, asked))
        texts = id_column(array.take(numbers(rows, pa.int64()))).to_pylist()
        found.update((mark, text) for mark, text in zip(own[rows].tolist(), texts, strict=True) if text is not None)
    return found
