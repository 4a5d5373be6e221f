"""The schema of a table of decisions."""

from __future__ import annotations

import pyarrow as pa

from journeykit.tables.decision_columns import DECISIONS

TEXT = pa.dictionary(pa.int32(), pa.string())
_KINDS = {
    "text": TEXT,
    "number": pa.float64(),
    "instant": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
}


def decision_schema(contact: pa.DataType) -> pa.Schema:
    """The schema of a table of decisions, given the kind of the contacts' ids.

    Texts that come again and again are dictionary-encoded.
    """
    own = {"decision_id": pa.string(), "contact_id": contact, "account_id": pa.string(), "claim_id": pa.string()}
    return pa.schema([(name, own.get(name, _KINDS[kind])) for name, kind in DECISIONS.items()])
