"""Credits as a table: a row for each event and message that it is credited to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.measuring.message_table import FIRST_COLUMNS
from journeykit.tables.arrow.arrays import coded, numbers, texts
from journeykit.tables.arrow.arrow_values import schema_of

if TYPE_CHECKING:
    from journeykit.measuring.credits import Credits
    from journeykit.measuring.message_table import MessageTable

CREDITS: dict[str, str] = {
    **dict.fromkeys(FIRST_COLUMNS, "text"),
    "sent_at": "instant",
    "cost": "number",
    "response": "text",
    "event_at": "instant",
    "value": "number",
    "share": "number",
}
"""The columns of a table of credits, with the kind of each; see `journeykit.tables.table_writer`."""


def credit_rows(found: Credits, messages: MessageTable) -> pa.Table:
    """Credits as a table; see `Credits.table`."""
    own = messages.rows.select(list(FIRST_COLUMNS)).take(numbers(found.message, pa.int64()))
    columns = {name: own[name] for name in FIRST_COLUMNS}
    columns["response"] = coded(found.response.astype(np.int64), texts([one.name for one in found.responses]))
    columns["event_at"] = numbers(found.at, pa.timestamp("us", "UTC"))
    columns["value"] = numbers(found.value, pa.float64(), np.isnan(found.value))
    columns["share"] = numbers(found.share, pa.float64())
    return pa.table(columns).cast(schema_of(CREDITS))
