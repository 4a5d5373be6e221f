"""The schema of a table of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.model.outcome import Outcome
from journeykit.tables.arrow.arrays import as_numpy, numbers
from journeykit.tables.decision_columns import DECISIONS, LISTS

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


def decision_schema(
    contact: pa.DataType, columns: Iterable[str] = tuple(DECISIONS), *, coded: bool = False
) -> pa.Schema:
    """The schema of a table of decisions, given the kind of the contacts' ids, and its columns.

    Texts that come again and again are dictionary-encoded; those in lists too, where that is asked for.
    """
    own = {"decision_id": pa.string(), "contact_id": contact, "account_id": pa.string(), "claim_id": pa.string()}
    if coded:
        own.update(dict.fromkeys(LISTS, pa.list_(TEXT)))
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


def coded_lists(lists: pa.ListArray, names: pa.Array | None = None) -> pa.ListArray:
    """Lists of texts with the texts coded: by given names, or by those that they have where one is not among these."""
    values = lists.flatten()
    codes = None if names is None else pc.index_in(values, names)
    if codes is None or codes.null_count:
        values = values.dictionary_encode().cast(TEXT)
    else:
        values = pa.DictionaryArray.from_arrays(codes, names)
    first = as_numpy(lists.offsets)
    return pa.ListArray.from_arrays(numbers(first - first[0], pa.int32()), values)
