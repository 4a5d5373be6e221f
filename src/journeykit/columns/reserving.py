"""Chunks with a ledger: what it knows of their contacts, and reservations for what they are granted."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import evolve

from journeykit.campaign import Claim
from journeykit.civil import moment
from journeykit.columns.eligible import IS_OPTED_OUT, IS_SUPPRESSED
from journeykit.decision import Outcome
from journeykit.ledger.facts import facts_of, numbers_of
from journeykit.ledger.reservation import RESERVED, Reservation
from journeykit.ledger.run import touch_row
from journeykit.tables.columns import fold_name
from journeykit.tables.touches import TOUCH_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.columns.answers import Labels
    from journeykit.columns.eligible import People, Scores
    from journeykit.columns.engine import Engine
    from journeykit.columns.people import Chunk
    from journeykit.columns.wishes import Asked, ClaimTable
    from journeykit.ledger.run import LedgerRun

_ROWS = 50_000
_GRANTED = (
    "decision_id",
    "campaign_id",
    "content_id",
    "channel",
    "send_at",
    "weight",
    "run_id",
    "decided_at",
    "account_id",
)
_KINDS = {"sent_at": pa.timestamp("us", "UTC"), "campaign_ends": pa.date32(), "counts_toward_caps": pa.bool_()}


_TOUCHES = pa.schema([(name, _KINDS.get(name, pa.string())) for name in TOUCH_COLUMNS if name != "topic"])


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


class Messages:
    """What the messages of a run are, as their reservations keep it.

    Args:
        engine: the playbook as arrays.
        labels: what claims are called.
        asked: the claims by contact; None where campaigns make them.
        table: the table of claims; None likewise.
    """

    def __init__(self, engine: Engine, labels: Labels, asked: Asked | None, table: ClaimTable | None) -> None:
        self._compiled = engine.compiled
        self._layout = engine.layout
        self._labels = labels
        self._asked = asked
        self._table = table
        self._facts: dict[int, dict[str, Any]] = {}

    def more(self, contact: int, label: int, scores: Mapping[int, float]) -> dict[str, Any]:
        """What a reservation keeps besides what the table of decisions says.

        Args:
            contact: the number of the contact.
            label: what the claim is called.
            scores: by the number of a campaign, the propensity that the table of scores gives the contact.
        """
        opening = self._layout.list[self._labels.opening[label]]
        facts = self._facts.get(label)
        if facts is None:
            facts = self._facts[label] = facts_of(self._compiled, opening)
        claim = self._claim(contact, label, opening.campaign.id)
        if claim.propensity is None and scores:
            number = self._layout.campaigns.number.get(opening.campaign.id, -1)
            claim = evolve(claim, propensity=scores.get(number))
        return {**facts, **numbers_of(self._compiled, opening, claim)}

    def _claim(self, contact: int, label: int, campaign: str) -> Claim:
        """The numbers of a claim."""
        if self._asked is None or self._table is None:
            return Claim(campaign=campaign)
        first, asked = self._asked.wishes.first, self._asked.wishes.asked
        own = asked[int(first[contact]) : int(first[contact + 1])]
        group = int(own["group"][np.flatnonzero(own["label"] == label)[0]])
        row = int(self._asked.order[group])
        columns = ((column, self._table.number_at(row, fold_name(column))) for column in self._compiled.own_columns)
        return Claim(
            campaign=campaign,
            propensity=self._table.number_at(row, "propensity"),
            cost=self._table.number_at(row, "cost"),
            numbers={column: value for column, value in columns if value is not None},
        )


def granted_of(
    batch: pa.RecordBatch, answers: np.ndarray, names: Sequence[str], scores: Scores, start: int, messages: Messages
) -> dict[int, list[Reservation]]:
    """What a chunk grants, by row of the contact.

    Args:
        batch: rows of the table of decisions.
        answers: the answers that they were made of (`ROWS`).
        names: the ids of the contacts.
        scores: what models say of them.
        start: the number of the chunk's first contact.
        messages: what the messages are.
    """
    places = np.flatnonzero(pc.equal(pc.cast(batch["outcome"], pa.string()), Outcome.GRANTED.value).to_numpy(False))
    chosen = batch.select(list(_GRANTED)).take(pa.array(places))
    found: dict[int, list[Reservation]] = {}
    columns = [_values(chosen[name]) for name in _GRANTED]
    whose, labels = answers["contact"][places].tolist(), answers["label"][places].tolist()
    said: dict[int, dict[int, float]] = {}
    for row, label, id_, campaign, content, channel, at, weight, run_id, decided_at, account in zip(
        whose, labels, *columns, strict=True
    ):
        if row not in said:
            said[row] = _propensities(scores, row)
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
                **messages.more(start + row, label, said[row]),
                weight=weight,
                run_id=run_id,
                decided_at=moment(decided_at),
            )
        )
    return found


def _propensities(scores: Scores, row: int) -> dict[int, float]:
    """By the number of a campaign, the propensity that is known of a contact."""
    own = scores.score[int(scores.first[row]) : int(scores.first[row + 1])]
    return {} if not len(own) else dict(zip(own["campaign"].tolist(), own["propensity"].tolist(), strict=True))


def _values(column: pa.Array) -> Iterable[Any]:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_pylist()
    return column.to_pylist()
