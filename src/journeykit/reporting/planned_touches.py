"""The messages of a plan as touches, beside those of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from journeykit.errors import ModelError
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.frames import MemoryTable
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.arrow.table_series import TableSeries
from journeykit.tables.header import fold_name, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

PLANNED = ("contact_id", "campaign_id", "content_id", "channel", "team", "tags", "outcome", "send_at")
"""The columns of decisions that say what a plan sends."""


def touches_of(decisions: Iterable[pa.Table]) -> pa.Table:
    """The messages that decisions grant, as touches that are reserved.

    Args:
        decisions: pieces with the columns `PLANNED`.
    """
    pieces = []
    for piece in decisions:
        granted = piece.filter(pc.equal(piece["outcome"], "granted"))
        tags = granted["tags"]
        columns = {
            "contact_id": granted["contact_id"].cast(pa.large_string()),
            "sent_at": granted["send_at"],
            **{name: granted[name].cast(pa.string()) for name in ("channel", "campaign_id", "content_id", "team")},
            # Of a touch that brings no tags those of its campaign and content count.
            "tags": tags if pc.any(pc.greater(pc.list_value_length(tags), 0)).as_py() else pa.nulls(len(tags)),
        }
        pieces.append(pa.table(columns))
    if not pieces:
        return pa.table({"contact_id": pa.array([], pa.large_string())})
    found = pa.concat_tables(pieces, promote_options="permissive")
    coded = {"channel", "campaign_id", "content_id", "team"}
    arrays = [found[name].dictionary_encode() if name in coded else found[name] for name in found.column_names]
    status = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array([0] * found.num_rows, pa.int8()), ["reserved"])])
    made = pa.table([*arrays, status], names=[*found.column_names, "status"])
    return made.drop_columns(["tags"]) if pa.types.is_null(made["tags"].type) else made


def with_plan(touches: Any, plan: pa.Table, zone: tzinfo | None) -> Any:
    """A table of touches with the messages of a plan."""
    if not plan.num_rows:
        return touches
    planned = MemoryTable("plan", plan)
    return planned if touches is None else TableSeries([open_source(touches, "touches", zone=zone), planned])


def refuse_planned(touches: Any) -> None:
    """Refuse touches that are planned beside claims that are brought: which of them the plan replaces is not said.

    Raises:
        ModelError: for such a row.
        DataError: for a table that cannot be read.
    """
    table = open_source(touches, "touches")
    for part in table.parts(lambda name: fold_name(name) == "status"):
        if isinstance(part, BadRow) or "status" not in places_of(part[1], table.source):
            continue
        column = Column(part[2][places_of(part[1], table.source)["status"]])
        used = {column.values[code] for code in set(column.codes.tolist())}
        if any(isinstance(value, str) and value.strip().lower() == "planned" for value in used):
            raise ModelError(
                "touches that are planned and claims that are brought: the plan may replace the one by the other; "
                "give the touches without those that are planned",
                field="touches",
            )
