"""The schema of a table of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.model.outcome import Outcome
from journeykit.tables.arrow.arrays import as_numpy
from journeykit.tables.decision_columns import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.tables.output_selection import OutputSelection

TEXT = pa.dictionary(pa.int32(), pa.string())
_KINDS = {
    "text": TEXT,
    "number": pa.float64(),
    "instant": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
}


def decision_schema(contact: pa.DataType, columns: Iterable[str] = tuple(DECISIONS)) -> pa.Schema:
    """The schema of a table of decisions, given the kind of the contacts' ids, and its columns.

    Texts that come again and again are dictionary-encoded.
    """
    own = {"decision_id": pa.string(), "contact_id": contact, "account_id": pa.string(), "claim_id": pa.string()}
    return pa.schema([(name, own.get(name, _KINDS[DECISIONS[name]])) for name in columns])


def selected(batch: pa.RecordBatch, output: OutputSelection) -> pa.RecordBatch:
    """Those rows and columns of a batch of decisions that are given."""
    if output.last is not Outcome.DENIED:
        outcome = batch.column("outcome")
        given = [output.has(Outcome(word)) for word in outcome.dictionary.to_pylist()]
        codes = as_numpy(outcome.indices)
        if len(codes):
            batch = batch.filter(pa.array(np.array(given)[codes]))
    return batch.select(list(output.columns))
