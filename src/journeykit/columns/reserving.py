"""Chunks with a ledger: what it knows of their contacts, and reservations for what they are granted."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.civil import moment
from journeykit.columns.eligible import IS_OPTED_OUT, IS_SUPPRESSED
from journeykit.decision import Outcome
from journeykit.ledger.reservation import RESERVED, Reservation
from journeykit.ledger.run import touch_row
from journeykit.tables.touches import TOUCH_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from journeykit.columns.eligible import People
    from journeykit.columns.people import Chunk
    from journeykit.ledger.run import LedgerRun

_ROWS = 50_000
_TOUCHES = pa.schema(
    [(name, pa.timestamp("us", "UTC") if name == "sent_at" else pa.string()) for name in TOUCH_COLUMNS]
)
_GRANTED = ("decision_id", "campaign_id", "content_id", "channel", "send_at", "run_id", "decided_at", "account_id")


def touches_table(run: LedgerRun) -> pa.Table:
    """The touches that the ledger knew when the run began."""
    held = map(touch_row, run.history())
    batches = []
    while rows := list(islice(held, _ROWS)):
        batches.append(pa.RecordBatch.from_pylist(rows, _TOUCHES))
    return pa.Table.from_batches(batches, _TOUCHES)


def protect(run: LedgerRun, chunk: Chunk, people: People, odd: np.ndarray) -> None:
    """Let the ledger's opt-outs win over the rows of a chunk; those of a channel or topic make a contact odd."""
    for row, name in enumerate(chunk.ids.to_pylist()):
        for word in () if name is None else run.opt_outs(name):
            if word.suppressed:
                people.person["traits"][row] |= IS_SUPPRESSED
            elif word.channel is None and word.topic is None:
                people.person["traits"][row] |= IS_OPTED_OUT
            else:
                odd[row] = True


def granted_of(batch: pa.RecordBatch, whose: np.ndarray, names: Sequence[str]) -> dict[int, list[Reservation]]:
    """What a chunk grants, by row of the contact.

    Args:
        batch: rows of the table of decisions.
        whose: for each of them, the row of its contact.
        names: the ids of the contacts.
    """
    places = np.flatnonzero(pc.equal(pc.cast(batch["outcome"], pa.string()), Outcome.GRANTED.value).to_numpy(False))
    chosen = batch.select(list(_GRANTED)).take(pa.array(places))
    found: dict[int, list[Reservation]] = {}
    columns = [_values(chosen[name]) for name in _GRANTED]
    for row, id_, campaign, content, channel, at, run_id, decided_at, account in zip(
        whose[places].tolist(), *columns, strict=True
    ):
        found.setdefault(row, []).append(
            Reservation(
                id=id_,
                contact=names[row],
                account=account,
                at=moment(at),
                status=RESERVED,
                channel=channel,
                campaign=campaign,
                content=content,
                run_id=run_id,
                decided_at=moment(decided_at),
            )
        )
    return found


def _values(column: pa.Array) -> Iterable[Any]:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_pylist()
    return column.to_pylist()
