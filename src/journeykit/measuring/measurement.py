"""Measuring what messages did: from tables to the report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from journeykit.basics.clock import clock, micros, moment
from journeykit.basics.validation import shown
from journeykit.errors import ModelError
from journeykit.journey.measure.intervals import normal_quantile
from journeykit.measuring.arm_measures import arm_measures
from journeykit.measuring.assignment import is_dealt_out
from journeykit.measuring.assignment_log import AssignmentLog
from journeykit.measuring.bad_row_keeper import BadRowKeeper
from journeykit.measuring.facet_measures import FacetMeasures
from journeykit.measuring.facet_sources import FacetSources
from journeykit.measuring.group_measures import HARMFUL, AnsweredMessages, measures_of, settled_and_young
from journeykit.measuring.group_sums import MessageGroups
from journeykit.measuring.guard_measures import guard_measures
from journeykit.measuring.measure_report import MeasureReport
from journeykit.measuring.measured_tables import MeasuredTables
from journeykit.measuring.message_facets import MessageFacets, column_names, facet_names
from journeykit.measuring.message_pressure import by_messages_before, harms_of, messages_before_each
from journeykit.measuring.ratio_interval import Draws
from journeykit.measuring.read_tables import ReadTables
from journeykit.measuring.response_count import in_rows
from journeykit.measuring.table_notes import (
    event_notes,
    not_sent_notes,
    strange_names,
    twice_notes,
    unknown_campaign_notes,
)
from journeykit.placing.funnel import repeatable
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.column import Column
from journeykit.tables.cells import is_missing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.measuring.group_measures import GroupMeasures
    from journeykit.measuring.measure_report import ReportBlock
    from journeykit.measuring.message_table import MessageTable
    from journeykit.playbook.playbook import Playbook

_MOST_SAMPLES = 100_000


def measure(
    playbook: Playbook,
    touches: Any,
    events: Any,
    *,
    since: datetime,
    until: datetime,
    contacts: Any = None,
    decisions: Any = None,
    by: str | Iterable[str] = "campaign",
    zone: str | None = None,
    level: float = 0.95,
    samples: int = 1_000,
    seed: int = 0,
    max_bad: int | str | None = None,
    bad_rows: str | os.PathLike[str] | None = None,
    lifts: Mapping[tuple[str, str], datetime] | None = None,
    relation: Mapping[str, Any] | None = None,
) -> MeasureReport:
    """Measure what messages did, as ``journeykit measure`` does.

    An event is credited to a message as the playbook's `responses` say. Rates are of messages that are at least as old
    at the end as their response's `within`. The unit of all intervals is the contact; the account where the playbook
    has a cap per account. Where each counts once, an interval is Wilson's; else it is a bootstrap by contact.

    Args:
        playbook: the rule set, with its ``responses``. Events ``opt_out`` and ``complaint`` are responses without being
            named there.
        touches: the table of touches: a dataframe, a path, a folder, an Arrow table, or rows as mappings. Those before
            ``since`` are used too: events may still be credited to them.
        events: the table of events: ``contact_id``, ``event``, ``at``, and what responses ask for.
        since: messages from this instant on, aware.
        until: messages before this instant, and events up to it, aware.
        contacts: the table of contacts, whose columns and segments tell messages apart. They are those who may be in a
            holdout or an arm, messaged or not, where no decisions say it.
        decisions: a table of decisions, which says who was assigned to which arm, and when. With it a share that
            changed on the way is found, and a campaign's own holdout is that of the contacts in its audience.
        by: what tells messages apart: names, or a text with commas between them; ``*`` joins several into one table
            (``"team,stage*segment"``). ``campaign``, ``content``, ``team``, ``goal``, ``channel``, ``stage``,
            ``segment``, ``theme``, ``topic``, ``solution``, ``tag``, ``arm``, or a column of touches or contacts.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        level: the level of confidence of intervals.
        samples: how many samples the bootstrap draws.
        seed: of these draws; the same seed gives the same intervals.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number.
        bad_rows: a file (CSV, JSON lines or Parquet) in which bad rows are kept whole, with what is wrong; or None.
        lifts: by guard and campaign, the instant at which a person last lifted it, as `BaseLedger.guard_lifts` gives
            them: only later responses count.
        relation: what `measure_relation` is asked besides, by the names of its arguments (``{"silent": "90d"}``): its
            parts are added to the report. None for none of them.

    Raises:
        DataError: for a table that cannot be used, too many bad rows, or a facet that messages do not have.
        MissingExtraError: without the extra ``columns``.
        ModelError: for what cannot be asked.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, Response
        >>> from journeykit.measuring import measure
        >>> playbook = Playbook(responses=[Response(name="sale", event="purchase", within="7d")])
        >>> sent = [
        ...     {"contact_id": name, "sent_at": "2026-11-02T09:00Z", "campaign_id": "news"} for name in ("anna", "ben")
        ... ]
        >>> bought = [{"contact_id": "anna", "event": "purchase", "at": "2026-11-03T10:00Z"}]
        >>> since, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
        >>> found = measure(playbook, sent, bought, since=since, until=until)
        >>> rate = found.everything.responses[0].rate
        >>> rate.part, rate.whole, round(rate.low, 3), round(rate.high, 3)
        (1, 2, 0.095, 0.905)
    """
    named = _facets(by)
    draws = _draws(level, samples, seed)
    if micros(since, what="since") >= micros(until, what="until"):
        raise ModelError(
            f"since must be before until, found {since.isoformat()} and {until.isoformat()}", field="since"
        )
    touches, events, contacts = repeatable(touches), repeatable(events), repeatable(contacts)
    decisions = repeatable(decisions)
    given = {"touches": touches, "events": events, "contacts": contacts, "decisions": decisions}
    with BadRowKeeper(max_bad, bad_rows, given) as keeper:
        log = None if decisions is None else _log(playbook, decisions, zone, keeper)
        known = log.as_contacts() if contacts is None and log is not None else contacts
        how: dict[str, Any] = {"until": micros(until), "zone": zone, "columns": column_names(named), "keeper": keeper}
        again = bool(playbook.guards) or relation is not None or is_dealt_out(playbook)
        read = ReadTables(playbook, touches, events, contacts=known, again=again, **how)
        found = report_of(_measured_tables(read, draws, micros(since), contacts, log, lifts), named)
        if relation is None:
            return found
        if known is not contacts:
            # The relationship knows no contacts by the decisions.
            read = ReadTables(playbook, touches, events, again=True, **how)
        return _with_relation(found, read, since, level, relation)


def _with_relation(
    found: MeasureReport, read: ReadTables, since: datetime, level: float, asked: Mapping[str, Any]
) -> MeasureReport:
    """The report with the measures of the relationship."""
    from journeykit.measuring.relation_report import related

    try:
        relation = related(read, since=since, level=level, **asked)
    except ModelError as error:
        raise ModelError(str(error), field=f"relation.{error.field}") from error
    # What is said of several responses need not be said of one of them again.
    told = {
        (name, said) for names, _, said in (own.partition(": ") for own in found.notes) for name in names.split(", ")
    }
    more = (note for note in relation.notes if (note.partition(": ")[0], note.partition(": ")[2]) not in told)
    return evolve(found, blocks=(*found.blocks, *relation.blocks), notes=(*found.notes, *more))


def _measured_tables(
    read: ReadTables,
    draws: Draws,
    since: int,
    contacts: Any,
    log: AssignmentLog | None,
    lifts: Mapping[tuple[str, str], datetime] | None,
) -> MeasuredTables:
    playbook, until = read.playbook, moment(read.until)
    messages, credits_ = read.messages(since), read.credits(since)
    sources = FacetSources(
        playbook=playbook, messages=messages, events=read.events, contacts=contacts, until=until, zone=read.zone
    )
    return MeasuredTables(
        playbook=playbook,
        messages=messages,
        credits=credits_,
        read=read,
        contacts=contacts,
        since=moment(since),
        until=until,
        draws=draws,
        facets=MessageFacets(sources),
        log=log,
        lifts={key: micros(at, what="lifts") for key, at in (lifts or {}).items()},
    )


def _log(playbook: Playbook, decisions: Any, zone: str | None, keeper: BadRowKeeper) -> AssignmentLog:
    """The contacts of a table of decisions."""
    bad = keeper.counter()
    named = [own.id for own in playbook.campaigns or () if own.holdout is not None]
    found = AssignmentLog.read(decisions, named, zone=None if zone is None else clock(zone).zone, bad=bad)
    bad.check()
    return found


def report_of(tables: MeasuredTables, by: Sequence[tuple[str, ...]]) -> MeasureReport:
    """The report on tables that were read, by some facets."""
    messages = tables.messages
    answers = list(answered_messages(tables))
    groups = [tables.facets.groups(facets) for facets in by]
    everything = _measured(tables, MessageGroups.everything(len(messages)), answers)[0]
    harms = [own for own in answers if own.name in HARMFUL]
    pressure = rows = None
    if harms and len(messages):
        before = messages_before_each(messages)
        steps = by_messages_before(before)
        pressure = FacetMeasures(facets=steps.facets, groups=tuple(_measured(tables, steps, harms)))
        rows = harms_of(messages, tables.credits, before, tables.read.touches)
    return MeasureReport(
        since=moment(micros(tables.since)),
        until=moment(micros(tables.until)),
        unit="account" if tables.is_by_account else "contact",
        draws=tables.draws,
        everything=everything,
        facets=tuple(_of_facet(tables, own, answers) for own in groups),
        pressure=pressure,
        harms=rows,
        blocks=tuple(blocks_of(tables)),
        counts=_counts(tables),
        notes=(*_notes(tables, everything), *dict.fromkeys(note for own in groups for note in own.notes)),
    )


def blocks_of(tables: MeasuredTables) -> Iterator[ReportBlock]:
    """The parts of the report that are not about groups of messages, each where there is something to say."""
    arms = arm_measures(tables)
    if arms is not None:
        yield arms
    guards = guard_measures(tables)
    if guards is not None:
        yield guards


def answered_messages(tables: MeasuredTables) -> Iterator[AnsweredMessages]:
    """What is known of each response, by message."""
    messages, found = tables.messages, tables.credits
    until = micros(tables.until)
    for response in found.responses:
        own = found.of(response.name)
        settled, young = settled_and_young(response, messages, until)
        yield AnsweredMessages(
            response.name,
            settled=settled,
            young=young,
            message=own.message,
            share=own.share,
            value=None if response.value is None else own.value,
        )


def _of_facet(tables: MeasuredTables, groups: MessageGroups, answers: Sequence[AnsweredMessages]) -> FacetMeasures:
    found = _measured(tables, groups, answers)
    if groups.facets != ("stage",) or tables.playbook.journey is None:
        found.sort(key=lambda own: (-own.messages, [name or "" for name in own.group]))
    else:
        order = {own.name: place for place, own in enumerate(tables.playbook.journey.stages)}
        found.sort(key=lambda own: (order.get(own.group[0] or "", len(order)), own.group[0] or ""))
    return FacetMeasures(facets=groups.facets, groups=tuple(found))


def _measured(
    tables: MeasuredTables, groups: MessageGroups, answers: Sequence[AnsweredMessages]
) -> list[GroupMeasures]:
    messages = tables.messages
    contact: NDArray[np.int64] = messages.contact
    unit = messages.account if tables.is_by_account else contact
    cost = _costs(messages)
    return measures_of(groups, answers, contact=contact, unit=unit, cost=cost, draws=tables.draws)


def _costs(messages: MessageTable) -> NDArray[np.float64]:
    """By message, what it did cost; nan where that is unknown."""
    found = Column(one_piece(messages.rows["cost"])).numbers
    if found is None:
        return np.full(len(messages), np.nan)
    cost, known = found
    return np.where(known, cost.astype(np.float64), np.nan)


def _counts(tables: MeasuredTables) -> dict[str, Any]:
    messages, found = tables.messages, tables.credits
    return {
        "messages": {
            "not_sent": dict(messages.not_sent),
            "outside": messages.outside,
            "of_unknown_contacts": messages.strangers,
            "cost_is_no_number": messages.no_cost,
            "cost_rows": list(messages.no_cost_rows),
            "repeated_decisions": messages.repeated,
            "alike": messages.alike,
            "bad_rows": messages.bad_rows,
            "bad": [str(row) for row in messages.bad[:10]],
        },
        "events": {
            "responses": [own.to_dict() for own in found.counts],
            "others": found.others,
            "other_names": dict(found.other_names),
            "bad_rows": found.bad_rows,
            "bad": [str(row) for row in found.bad[:10]],
        },
        **({} if tables.log is None else {"decisions": {"bad_rows": tables.log.bad_rows}}),
    }


def _notes(tables: MeasuredTables, everything: GroupMeasures) -> Iterator[str]:
    messages, found = tables.messages, tables.credits
    if not found.responses:
        yield "The playbook has no responses, and the events have no opt_out and no complaint: nothing is credited."
    yield from messages.bad_lines
    yield from found.bad_lines
    yield from _notes_on_log(tables)
    yield from not_sent_notes(messages)
    if messages.outside:
        yield f"messages before the start or from the end on: {messages.outside:,}"
    if messages.strangers:
        lacking = "the decisions lack" if tables.contacts is None else "the table of contacts lacks"
        yield f"messages of contacts that {lacking}: {messages.strangers:,}"
    yield from unknown_campaign_notes(tables.playbook, messages)
    yield from _unknown_arms(tables)
    if messages.no_cost:
        where = in_rows(messages.no_cost, messages.no_cost_rows)
        yield f"messages whose cost is no number from 0 on, and is unknown: {messages.no_cost:,}{where}"
    if everything.cost is not None and everything.cost_unknown:
        yield f"messages whose cost is unknown: {everything.cost_unknown:,}; no value per cost where they are"
    yield from twice_notes(messages)
    yield from event_notes(found)


def _unknown_arms(tables: MeasuredTables) -> Iterator[str]:
    """The arms of messages that the playbook does not have, where it has experiments."""
    known = {f"{own.name}:{arm.name}" for own in tables.playbook.experiments for arm in own.arms}
    if not known:
        return
    column = Column(one_piece(tables.messages.rows["arm"]))
    counts = np.bincount(column.codes, minlength=len(column.values)).tolist()
    found: Counter[str] = Counter()
    for value, count in zip(column.values, counts, strict=True):
        for name in () if is_missing(value) else str(value).split(";"):
            if name.strip() and name not in known:
                found[name] += count
    yield from strange_names("arm", found, known)


def _notes_on_log(tables: MeasuredTables) -> Iterator[str]:
    log = tables.log
    if log is None:
        return
    yield from log.bad_lines
    if not log.has_denied and is_dealt_out(tables.playbook):
        yield (
            "no row of the decisions is denied: unless they were written whole (decide --all), contacts whose claims "
            "were all denied, and a holdout, are missing, and what is compared is biased"
        )
    place = log.among(tables.messages.ids)
    known = tables.messages.known
    if known is not None and is_dealt_out(tables.playbook):
        absent = known.copy()
        absent[place[place >= 0]] = False
        if absent.any():
            yield (
                f"contacts of whom there is no decision, and who count in no holdout and no arm: {absent.sum():,}; "
                "decide --all writes a row for each claim"
            )
    lost = int(np.count_nonzero(place < 0))
    if lost:
        yield f"contacts of the decisions who are in no table of contacts or touches, and count nowhere: {lost:,}"


def _facets(by: str | Iterable[str]) -> tuple[tuple[str, ...], ...]:
    text = by if isinstance(by, str) else ",".join(by)
    try:
        return facet_names(text)
    except ValueError:
        raise ModelError(
            f"by is names with commas between them, or * to join them, found {shown(text)}", field="by"
        ) from None


def _draws(level: float, samples: int, seed: int) -> Draws:
    normal_quantile(level)
    if type(samples) is not int or not 100 <= samples <= _MOST_SAMPLES:
        raise ModelError(
            f"samples is a whole number from 100 to {_MOST_SAMPLES:,}, found {shown(samples)}", field="samples"
        )
    if type(seed) is not int or seed < 0:
        raise ModelError(f"seed is a whole number from 0 on, found {shown(seed)}", field="seed")
    return Draws(samples, seed, level)
