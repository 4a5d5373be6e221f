"""Chunks with a ledger: what it knows of their contacts, and reservations for what they are granted."""

from __future__ import annotations

import math
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from attrs import evolve, fields

from journeykit.basics.clock import clock, day_date, micros, moment
from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.columns.decision_counts import OUTCOMES
from journeykit.columns.decision_rows import account_texts, decision_ids
from journeykit.columns.touch_columns import MARK, TouchShapes
from journeykit.engine.eligibility import expiry
from journeykit.kernels.interface.codes import IS_OPTED_OUT, IS_SUPPRESSED, NONE
from journeykit.kernels.interface.contact_arrays import TouchArrays
from journeykit.ledger.event_keeping import events_as_of
from journeykit.ledger.facts import end_of, facts_of, numbers_of
from journeykit.ledger.reservation import Reservation
from journeykit.model.claim import Claim
from journeykit.model.decision import Decision
from journeykit.model.outcome import Grant, Outcome
from journeykit.model.touch import Touch
from journeykit.tables.header import fold_name
from journeykit.tables.touch_table import TOUCH_COLUMNS, touch_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.claim_block import ClaimBlockInputs
    from journeykit.columns.claim_columns import ClaimEncoder
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.decision_rows import ClaimIds
    from journeykit.engine.decider import Decider
    from journeykit.engine.ruleset import Ruleset
    from journeykit.job.chunk_state import ChunkState, Piece
    from journeykit.kernels.interface.contact_arrays import Contacts, ScoreArrays
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.saved_decisions import DecisionInputs
    from journeykit.model.contact import Contact
    from journeykit.model.outcome import Row

_ROWS = 50_000
_KINDS = {"sent_at": pa.timestamp("us", "UTC"), "campaign_ends": pa.date32(), "counts_toward_caps": pa.bool_()}


_TOUCHES = pa.schema([(name, _KINDS.get(name, pa.string())) for name in TOUCH_COLUMNS if name != "topic"])


def touches_table(known: Iterable[Reservation]) -> pa.Table:
    """The touches that the ledger knew when the run began."""
    held = (touch_cells(own.touch()) for own in known)
    batches = []
    while rows := list(islice(held, _ROWS)):
        batches.append(pa.RecordBatch.from_pylist(rows, _TOUCHES))
    return pa.Table.from_batches(batches, _TOUCHES)


_EVENTS = pa.schema(
    [
        ("contact_id", pa.string()),
        ("event", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("event_id", pa.string()),
        ("properties", pa.string()),
    ]
)


def events_table(run: LedgerRun) -> pa.Table:
    """The events that the ledger had kept when the run began."""
    rows, batches = events_as_of(run.ledger, run.mark, run.contacts), []
    while some := list(islice(rows, _ROWS)):
        columns = zip(*((own.contact, own.event, own.at, own.id, own.properties) for own in some), strict=True)
        arrays = [pa.array(own, kind.type) for own, kind in zip(columns, _EVENTS, strict=True)]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=_EVENTS))
    return pa.Table.from_batches(batches, _EVENTS)


def protect(run: LedgerRun, chunk: Chunk, people: Contacts) -> list[int]:
    """Let the ledger's opt-outs win over the rows of a chunk; those with one of a channel or topic fall back."""
    found = []
    for row, name in enumerate(chunk.ids.to_pylist()):
        for word in () if name is None else run.opt_outs(name):
            if word.suppressed:
                people.person["traits"][row] |= IS_SUPPRESSED
            elif word.channel is None and word.topic is None:
                people.person["traits"][row] |= IS_OPTED_OUT
            else:
                found.append(row)
    return found


RESERVED = ("outcome", "send_at", "weight")
"""The columns of the table of decisions from which reservations are made."""


class _Answer(NamedTuple):
    """What the kernels say of a granted claim: its label, when it goes, and its weight."""

    label: int
    send_at: int
    weight: float


class Messages:
    """What the messages of a run are, as their reservations keep it.

    Args:
        engine: the playbook as arrays.
        labels: what claims are called.
        asked: the claims by contact; None where campaigns make them.
        table: the table of claims; None likewise.
    """

    def __init__(
        self, engine: ColumnarEngine, labels: ClaimIds, asked: ClaimBlockInputs | None, table: ClaimEncoder | None
    ) -> None:
        self._compiled = engine.compiled
        self._layout = engine.layout
        self._zones = engine.zones.list
        self._decided_at = moment(engine.now)
        self.labels = labels
        self._asked = asked
        self._table = table
        self._facts: dict[int, dict[str, Any]] = {}

    def reservation(
        self,
        id_: str,
        contact: str,
        account: str | None,
        answer: _Answer,
        number: int,
        zone: int,
        scores: Mapping[int, float],
        arm: str | None = None,
    ) -> Reservation:
        """The reservation of a granted claim.

        Args:
            id_: the decision's id.
            contact: the contact's id.
            account: the contact's account, or None.
            answer: what the kernels say of the claim.
            number: the number of the contact.
            zone: the number of their time zone.
            scores: by the number of an opening, the propensity that the table of scores gives the contact.
            arm: the arm of the contact, or None.
        """
        label = answer.label
        place = self.labels.opening[label]
        opening = self._layout.list[place]
        facts = self._facts.get(label)
        if facts is None:
            facts = self._facts[label] = facts_of(self._compiled, opening)
        claim = self._claim(number, label, opening.campaign.id)
        if claim.propensity is None and scores:
            claim = evolve(claim, propensity=scores.get(place))
        grant = Grant(
            opening.campaign.id,
            opening.content_id,
            opening.channel,
            moment(answer.send_at),
            answer.weight,
            self.labels.claim_id[label],
        )
        message = {**facts, **numbers_of(self._compiled, opening, claim)}
        if claim.asked_at is not None or claim.expires is not None:
            message |= end_of(expiry(claim, opening.campaign, clock(self._zones[zone].zone)))
        return Reservation.of(
            grant,
            message,
            id_=id_,
            contact=contact,
            account=account,
            run_id=self.labels.run_id,
            at=self._decided_at,
            arm=arm,
        )

    def _claim(self, contact: int, label: int, campaign: str) -> Claim:
        """The numbers of a claim, and until when it may go."""
        if self._asked is None or self._table is None:
            return Claim(campaign=campaign)
        first, asked = self._asked.claims.first, self._asked.claims.asked
        own = asked[int(first[contact]) : int(first[contact + 1])]
        place = int(np.flatnonzero(own["label"] == label)[0])
        row = int(self._asked.order[int(own["group"][place])])
        extra = self._asked.claims.extra
        columns = ((column, self._table.number_at(row, fold_name(column))) for column in self._compiled.own_columns)
        return Claim(
            campaign=campaign,
            propensity=self._table.number_at(row, "propensity"),
            cost=self._table.number_at(row, "cost"),
            numbers={column: value for column, value in columns if value is not None},
            **(_times_of(extra[int(first[contact]) + place]) if len(extra) else {}),
        )


def _times_of(extra: Any) -> dict[str, Any]:
    """When a claim was asked for, and its own end."""
    asked, expires, last_day = (int(extra[name]) for name in ("asked", "expires", "last_day"))
    found: dict[str, Any] = {} if asked == NONE else {"asked_at": moment(asked)}
    if expires != NONE:
        found["expires"] = moment(expires)
    elif last_day != NONE:
        found["expires"] = day_date(last_day)
    return found


def grants_of(state: ChunkState, piece: Piece, messages: Messages) -> dict[int, list[Reservation]]:
    """What a piece of a chunk grants, by row of the contact."""
    rows, arm = piece.answers.rows, piece.decider.engine.decider.arm
    places = np.flatnonzero(rows.outcome[: piece.answers.size] == OUTCOMES.index(Outcome.GRANTED))
    contact = piece.contact[places]
    ids = decision_ids(state.chunk, messages.labels, rows.label[places], contact).to_pylist()
    accounts, names = account_texts(state.chunk, contact).to_pylist(), state.chunk.ids.to_pylist()
    numbers = (own[places].tolist() for own in (rows.label, rows.send_at, rows.weight))
    answers = [_Answer(*own) for own in zip(*numbers, strict=True)]
    found: dict[int, list[Reservation]] = {}
    scores: dict[int, dict[int, float]] = {}
    zones = state.people.person["zone"][contact].tolist()
    for row, id_, account, answer, zone in zip(contact.tolist(), ids, accounts, answers, zones, strict=True):
        if row not in scores:
            scores[row] = _propensities(state.scores, row)
        held = messages.reservation(id_, names[row], account, answer, state.start + row, zone, scores[row], arm)
        found.setdefault(row, []).append(held)
    return found


def _propensities(scores: ScoreArrays, row: int) -> dict[int, float]:
    """By the number of an opening, the propensity that is known of a contact."""
    own = scores.score[int(scores.first[row]) : int(scores.first[row + 1])]
    found = zip(own["opening"].tolist(), own["propensity"].tolist(), strict=True) if len(own) else ()
    return {opening: propensity for opening, propensity in found if not math.isnan(propensity)}


def mark_opt_outs(people: Contacts, pairs: Sequence[tuple[Contact, Contact]]) -> np.ndarray:
    """Mark the contacts that have opted out by now; return those of which more has changed than kernels can take.

    Args:
        people: as the table has them.
        pairs: each of them, as when the run began and as now.
    """
    unable = np.zeros(len(pairs), np.bool_)
    for row, (before, now) in enumerate(pairs):
        unable[row] = now != before and evolve(before, opted_out=now.opted_out, suppressed=now.suppressed) != now
        people.person["traits"][row] |= IS_OPTED_OUT * now.opted_out | IS_SUPPRESSED * now.suppressed
    return unable


_SHAPE = tuple(own for own in fields(Touch) if own.init and own.name not in ("at", "contact", "account"))


def touch_arrays(asks: Sequence[DecisionInputs], ruleset: Ruleset) -> tuple[TouchArrays, list[dict[str, Any]]]:
    """The touches of contacts, what fills the caps of their rests, and what kinds of these there are."""
    kinds = TouchShapes()
    known: dict[Any, int] = {}
    first, at, shape = [0], list[int](), list[int]()
    for asked in asks:
        for touch in asked.touches:
            values = tuple(getattr(touch, own.name) for own in _SHAPE)
            number = known.get(values)
            if number is None:
                parts = {own.name: value for own, value in zip(_SHAPE, values, strict=True) if value not in (None, ())}
                number = known[values] = kinds.number(parts)
            at.append(touch.micros)
            shape.append(number)
        contact = asked.contacts[0]
        for cap, key, begins in ruleset.rests.marks(contact.events, asked.touches, contact.id, micros(asked.at)):
            at.append(begins)
            shape.append(kinds.number({MARK: (cap, key)}))
        first.append(len(at))
    arrays = np.array(first, np.int64), np.array(at, np.int64), np.array(shape, np.int32)
    return TouchArrays(first=arrays[0], at=arrays[1], shape=arrays[2]), kinds.list


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
            arm=decider.arm,
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
    """The rows of a decision, by the row engine; those of the table are made of the kernels' answers."""
    (own,) = asked.arbitrations(decider).values()
    return decider.decision(own, explain=explain, run_id=asked.run_id).rows
