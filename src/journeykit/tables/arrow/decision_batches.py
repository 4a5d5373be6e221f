"""Rows of the row engine as batches of the table of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from journeykit.tables.arrow.decision_schema import TEXT, coded_lists
from journeykit.tables.decision_columns import decision_cells
from journeykit.tables.output_selection import cells_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.model.outcome import Row


def rows_batch(rows: Sequence[Row], ids: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of the row engine as rows of the table of decisions, with the contacts' ids as they came."""
    cells = [decision_cells(row) for row in rows]
    arrays = []
    for place, field in zip(cells_at(schema.names), schema, strict=True):
        values = [row[place] for row in cells]
        if field.name == "contact_id":
            arrays.append(pa.array(ids, field.type))
        elif pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode().cast(TEXT))
        elif field.type == pa.list_(TEXT):
            arrays.append(coded_lists(pa.array(values, pa.list_(pa.string()))))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
