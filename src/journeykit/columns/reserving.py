"""Chunks with a ledger: what it knows of their contacts, and reservations for what they are granted."""

from __future__ import annotations

import math
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import evolve, fields

from journeykit.basics.clock import clock, moment
from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.columns.touch_columns import TouchShapes
from journeykit.kernels.interface.codes import IS_OPTED_OUT, IS_SUPPRESSED
from journeykit.kernels.interface.contact_arrays import TouchArrays
from journeykit.ledger.facts import facts_of, numbers_of
from journeykit.ledger.reservation import RESERVED, Reservation
from journeykit.ledger.run import touch_row
from journeykit.model.claim import Claim
from journeykit.model.decision import Decision
from journeykit.model.outcome import Grant, Outcome
from journeykit.model.touch import Touch
from journeykit.tables.columns import fold_name
from journeykit.tables.touches import TOUCH_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.claim_columns import ClaimBlockInputs, ClaimTable
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.decision_rows import ClaimIds
    from journeykit.engine.decider import Decider
    from journeykit.kernels.interface.contact_arrays import Contacts, ScoreArrays
    from journeykit.kernels.interface.decision_arrays import DecisionCounts
    from journeykit.ledger.answers import DecisionInputs
    from journeykit.ledger.run import LedgerRun
    from journeykit.model.contact import Contact
    from journeykit.model.outcome import Row

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
    "claim_id",
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


def protect(run: LedgerRun, chunk: Chunk, people: Contacts, odd: np.ndarray) -> None:
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

    def __init__(
        self, engine: ColumnarEngine, labels: ClaimIds, asked: ClaimBlockInputs | None, table: ClaimTable | None
    ) -> None:
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
            scores: by the number of an opening, the propensity that the table of scores gives the contact.
        """
        number = self._labels.opening[label]
        opening = self._layout.list[number]
        facts = self._facts.get(label)
        if facts is None:
            facts = self._facts[label] = facts_of(self._compiled, opening)
        claim = self._claim(contact, label, opening.campaign.id)
        if claim.propensity is None and scores:
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
    batch: pa.RecordBatch,
    answers: np.ndarray,
    names: Sequence[str],
    scores: ScoreArrays,
    start: int,
    messages: Messages,
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
    for row, label, id_, campaign, content, channel, at, weight, run_id, decided_at, account, claim in zip(
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
                claim=claim,
                **messages.more(start + row, label, said[row]),
                weight=weight,
                run_id=run_id,
                decided_at=moment(decided_at),
            )
        )
    return found


def _propensities(scores: ScoreArrays, row: int) -> dict[int, float]:
    """By the number of an opening, the propensity that is known of a contact."""
    own = scores.score[int(scores.first[row]) : int(scores.first[row + 1])]
    found = zip(own["opening"].tolist(), own["propensity"].tolist(), strict=True) if len(own) else ()
    return {opening: propensity for opening, propensity in found if not math.isnan(propensity)}


class Late(NamedTuple):
    """Contacts of a chunk who were decided again, since the ledger knows more of them than when the run began.

    Attributes:
        rows: which.
        batch: their rows of the table of decisions.
        whose: for each of those, the row of its contact in the chunk.
        tally: their counts.
    """

    rows: list[int]
    batch: pa.RecordBatch
    whose: np.ndarray
    tally: DecisionCounts


def mark_opt_outs(people: Contacts, pairs: Sequence[tuple[Contact, Contact]]) -> np.ndarray:
    """Mark who has opted out by now; and tell of whom more has changed than the kernels can be told.

    Args:
        people: as the table has them.
        pairs: each of them, as when the run began and as now.
    """
    odd = np.zeros(len(pairs), np.bool_)
    for row, (before, now) in enumerate(pairs):
        odd[row] = now != before and evolve(before, opted_out=now.opted_out, suppressed=now.suppressed) != now
        people.person["traits"][row] |= IS_OPTED_OUT * now.opted_out | IS_SUPPRESSED * now.suppressed
    return odd


_SHAPE = tuple(own for own in fields(Touch) if own.init and own.name not in ("at", "contact", "account"))


def histories(touches: Sequence[Sequence[Touch]]) -> tuple[TouchArrays, list[dict[str, Any]]]:
    """The touches of contacts, and what kinds of them there are."""
    kinds = TouchShapes()
    known: dict[Any, int] = {}
    shape = []
    for touch in (touch for own in touches for touch in own):
        values = tuple(getattr(touch, own.name) for own in _SHAPE)
        number = known.get(values)
        if number is None:
            parts = {own.name: value for own, value in zip(_SHAPE, values, strict=True) if value not in (None, ())}
            number = known[values] = kinds.number(parts)
        shape.append(number)
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(own) for own in touches], dtype=np.int64)])
    at = np.array([touch.micros for own in touches for touch in own], np.int64)
    return TouchArrays(first=first, at=at, shape=np.array(shape, np.int32)), kinds.list


def decisions_of(
    granted: Mapping[int, list[Reservation]], asks: Mapping[int, DecisionInputs], decider: Decider
) -> dict[int, tuple[Decision, list[Reservation]]]:
    """By row of the contact, the decision that was made again, and what it grants."""
    reserve = scaled(decider.playbook.reserve, MILLIONTH)
    found = {}
    for row, asked in asks.items():
        own, contact = granted.get(row, []), asked.contacts[0]
        total = sum(round((held.weight or 0) * MILLIONTH) - reserve for held in own) / MILLIONTH
        decision = Decision(
            contact=contact.id,
            at=asked.at,
            until=asked.until,
            timezone=decider.ruleset.clock.name if contact.timezone is None else clock(contact.timezone).name,
            granted=tuple(
                Grant(held.campaign or "", held.content, held.channel, held.at, held.weight or 0.0, held.claim)
                for held in own
            ),
            total=total,
            bound=total,
            write=partial(_written, asked, decider),
        )
        found[row] = decision, own
    return found


def _written(asked: DecisionInputs, decider: Decider, explain: bool) -> tuple[Row, ...]:
    """The rows of a decision, by the one-contact engine; those of the table are made of the kernels' answers."""
    (own,) = asked.arbitrations(decider).values()
    return decider.decision(own, explain=explain, run_id=asked.run_id).rows


def _values(column: pa.Array) -> Iterable[Any]:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_pylist()
    return column.to_pylist()
