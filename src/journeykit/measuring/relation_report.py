"""Measuring the relationship: from tables to scores, churn, lifetime value, cohorts and both returns."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen

from journeykit.basics.clock import micros, moment
from journeykit.basics.validation import is_number, shown
from journeykit.errors import ModelError, closest
from journeykit.journey.measure.funnel_report import page, text
from journeykit.measuring.bad_row_keeper import BadRowKeeper
from journeykit.measuring.base_value import base_value
from journeykit.measuring.churn_measures import churn_measures
from journeykit.measuring.measure_report import ReportBlock
from journeykit.measuring.read_tables import ReadTables
from journeykit.measuring.relation_tables import RelationTables, length_of
from journeykit.measuring.sale_cohorts import sale_cohorts
from journeykit.measuring.survey_scores import survey_scores
from journeykit.measuring.two_returns import two_returns
from journeykit.measuring.value_chain import StageSums, StageValues, jackknife_groups
from journeykit.placing.funnel import repeatable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from journeykit.journey.measure.funnel_report import ReportTable
    from journeykit.model.response import Response
    from journeykit.playbook.playbook import Playbook

SURVEY, SCORE = "survey", "score"
"""The events that say how likely a contact is to recommend, and the property that says it, from 0 to 10."""


@frozen(kw_only=True, repr=False)
class RelationReport:
    """What became of the relationship with contacts.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        since: the start of what is measured.
        until: the instant at which observation ended.
        level: the level of confidence of intervals.
        blocks: its parts by name, those that there are: ``nps``, ``churn``, ``base_value``, ``cohorts``, ``returns``.
        notes: what is to be said of the tables, and of parts that there are not.
    """

    since: datetime
    until: datetime
    level: float
    blocks: tuple[ReportBlock, ...]
    notes: tuple[str, ...] = field(default=())

    def block(self, name: str) -> Any:
        """A part by its name; None where there is none."""
        return next((own for own in self.blocks if own.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; instants are ISO text, rates from 0 to 1, scores from -100 to 100."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "level": self.level,
            **{own.name: own.to_dict() for own in self.blocks},
            "notes": list(self.notes),
        }

    def _heading(self) -> Iterator[str]:
        yield f"The relationship from {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} (UTC)."
        yield f"Intervals are at {100 * self.level:g} %; what rests on few is small."
        yield from self.notes
        for own in self.blocks:
            yield from own.notes()

    def _tables(self) -> Iterator[ReportTable]:
        for own in self.blocks:
            yield from own.tables()

    def __str__(self) -> str:
        return text(self._heading(), self._tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(self._heading(), self._tables())


def measure_relation(
    playbook: Playbook,
    events: Any,
    *,
    since: datetime,
    until: datetime,
    contacts: Any = None,
    touches: Any = None,
    by: str | None = None,
    silent: str | None = None,
    signs: Iterable[str] | None = None,
    value: str | None = None,
    lost_sale: str | None = None,
    before: datetime | None = None,
    within: str | None = None,
    period: str = "30d",
    discount: float = 0.01,
    horizon: int | None = None,
    survey: str = SURVEY,
    score: str = SCORE,
    zone: str | None = None,
    level: float = 0.95,
    max_bad: int | str | None = None,
    bad_rows: str | os.PathLike[str] | None = None,
) -> RelationReport:
    """Measure the relationship with contacts, as ``journeykit measure --relation`` does.

    The parts are the net promoter score (`SurveyScores`), churn (`ChurnMeasures`), the lifetime value of the base and
    what changed it (`BaseValue`), sales by when contacts came (`SaleCohorts`), and what messages brought and kept
    (`TwoReturns`). What a table does not tell is left out, and said.

    Args:
        playbook: the rule set: its journey says where contacts are and which stages are a loss (``lost: true``), its
            ``responses`` which events have a value, its ``holdout`` who got nothing.
        events: the table of events, from the beginning: ``contact_id``, ``event``, ``at``, and properties.
        since: the start of what is measured, aware.
        until: the instant at which observation ended, aware.
        contacts: the table of contacts; None for everybody who has an event.
        touches: the table of touches, from the beginning; None where messages do not matter. What they cost is taken
            from what contacts bring.
        by: the column of contacts that tells them apart, or ``segments``.
        silent: after which time without a sign of life a contact counts as lost, such as ``90d``; None for never.
        signs: the events that are signs of life; None for all.
        value: the name of the response whose value counts; None for the only one that has a value.
        lost_sale: the event of a sale that was lost; None where these are not recorded.
        before: an aware instant that parts contacts into those who came before it and those who came from it on.
        within: the time after a contact came within which their sales count, such as ``90d``.
        period: the length of a period of the chain.
        discount: the discount rate of a period.
        horizon: over how many periods after the present one values are added up; None for all.
        survey: the name of the events of surveys.
        score: their property that says how likely the contact is to recommend, from 0 to 10.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        level: the level of confidence of intervals.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).
        bad_rows: a file (CSV, JSON lines or Parquet) in which bad rows are kept whole, with what is wrong; or None.

    Raises:
        DataError: for a table that cannot be used, too many bad rows, or a column ``by`` that no contact has.
        MissingExtraError: without the extra ``columns``.
        ModelError: for what cannot be asked.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook
        >>> from journeykit.measuring import measure_relation
        >>> log = [
        ...     {"contact_id": name, "event": "survey", "at": "2026-11-02T09:00Z", "score": score}
        ...     for name, score in (("anna", 10), ("ben", 9), ("cleo", 4))
        ... ]
        >>> since, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
        >>> found = measure_relation(Playbook(), log, since=since, until=until).block("nps").everything
        >>> round(found.score, 1), found.is_small
        (33.3, True)
    """
    events, contacts, touches = repeatable(events), repeatable(contacts), repeatable(touches)
    with BadRowKeeper(max_bad, bad_rows, {"events": events, "contacts": contacts, "touches": touches}) as keeper:
        read = ReadTables(
            playbook,
            touches,
            events,
            contacts=contacts,
            until=micros(until, what="until"),
            zone=zone,
            columns=(),
            keeper=keeper,
            again=True,
        )
        return related(
            read,
            since=since,
            by=by,
            silent=silent,
            signs=signs,
            value=value,
            lost_sale=lost_sale,
            before=before,
            within=within,
            period=period,
            discount=discount,
            horizon=horizon,
            survey=survey,
            score=score,
            level=level,
        )


def related(
    read: ReadTables,
    *,
    since: datetime,
    level: float,
    by: str | None = None,
    silent: str | None = None,
    signs: Iterable[str] | None = None,
    value: str | None = None,
    lost_sale: str | None = None,
    before: datetime | None = None,
    within: str | None = None,
    period: str = "30d",
    discount: float = 0.01,
    horizon: int | None = None,
    survey: str = SURVEY,
    score: str = SCORE,
) -> RelationReport:
    """Measure the relationship, from tables that may be read for more than this.

    Args:
        read: the tables.
        since: as for `measure_relation`, like all that follow.
        level: likewise.
        by: likewise.
        silent: likewise.
        signs: likewise.
        value: likewise.
        lost_sale: likewise.
        before: likewise.
        within: likewise.
        period: likewise.
        discount: likewise.
        horizon: likewise.
        survey: likewise.
        score: likewise.
    """
    playbook, touches = read.playbook, read.touches
    asked = _value_response(playbook, value)
    if not is_number(discount) or not 0 <= discount <= 1:
        raise ModelError(
            f"discount must be a rate from 0 to 1, such as 0.01, found {shown(discount)}", field="discount"
        )
    length = length_of(period, "period")
    numbers = [score] if asked is None or asked.value is None else [score, asked.value]
    tables = RelationTables.read(
        playbook,
        read.events,
        since=since,
        until=moment(read.until),
        contacts=read.contacts,
        touches=touches,
        by=by,
        silent=silent,
        signs=signs,
        numbers=numbers,
        zone=read.zone,
        level=level,
        read=read,
    )
    blocks: list[ReportBlock] = []
    notes = list(tables.notes)
    if survey in tables.events.names:
        blocks.append(survey_scores(tables, event=survey, score=score))
    else:
        notes.append(f"no net promoter score: there is no event {survey!r}")
    if tables.stays.is_lost.any():
        blocks.append(churn_measures(tables))
    else:
        notes.append("no churn: no stage of the journey is marked 'lost: true', and no time of silence is given")
    if asked is None:
        notes.append("no lifetime value: no response of the playbook has a value")
        return _report(tables, blocks, notes)
    notes += _without_value(tables, asked)
    group = jackknife_groups(tables.key, tables.account)
    values, earlier = _values(tables, asked, group, length, discount, horizon)
    blocks.append(
        base_value(tables.stays, tables.since, values, earlier=earlier, period=period, segments=tables.segments)
    )
    if lost_sale is not None and lost_sale not in tables.events.names:
        likely = closest(lost_sale, tables.events.names)
        hint = f"; did you mean {likely!r}?" if likely else ""
        notes.append(f"no close rate: no event has the name {lost_sale!r}{hint}")
    blocks.append(
        sale_cohorts(tables, won=asked.event, lost=lost_sale, amount=asked.value, before=before, within=within)
    )
    if touches is None:
        notes.append("no returns: there are no touches")
        return _report(tables, blocks, notes)
    # What of the touches cannot be used was said when all of them were read.
    start = micros(since)
    messages, credits_ = read.messages(start), read.credits(start)
    notes += credits_.of(asked.name).lines
    blocks.append(two_returns(tables, values, group, messages, credits_, asked))
    return _report(tables, blocks, notes)


def _report(tables: RelationTables, blocks: Iterable[ReportBlock], notes: Iterable[str]) -> RelationReport:
    return RelationReport(
        since=moment(tables.since),
        until=moment(tables.until),
        level=tables.level,
        blocks=tuple(blocks),
        notes=tuple(notes),
    )


def _value_response(playbook: Playbook, value: str | None) -> Response | None:
    """The response whose value counts; None where none has a value.

    Raises:
        ModelError: for one that there is not, one without a value, and where several have one and none is named.
    """
    worth = {own.name: own for own in playbook.responses if own.value is not None}
    if value is not None:
        if value in worth:
            return worth[value]
        hint = closest(value, worth)
        said = f"did you mean {hint!r}?" if hint else f"there is {', '.join(worth) or 'none'}"
        raise ModelError(f"no response {value!r} has a value; {said}", field="value")
    if len(worth) > 1:
        raise ModelError(
            f"several responses have a value ({', '.join(worth)}): name the one that counts", field="value"
        )
    return next(iter(worth.values()), None)


def _without_value(tables: RelationTables, asked: Response) -> Iterator[str]:
    log = tables.events
    own = log.is_named(asked.event) & (log.contact >= 0)
    lacking = int(np.count_nonzero(np.isnan(log.numbers[asked.value or ""][own])))
    if lacking:
        yield (
            f"{asked.name}: {lacking:,} of {int(np.count_nonzero(own)):,} events have no {asked.value} that is a "
            "number; they bring nothing"
        )


def _values(
    tables: RelationTables,
    asked: Response,
    group: NDArray[np.int64],
    length: int,
    discount: float,
    horizon: int | None,
) -> tuple[StageValues, StageValues | None]:
    """What a contact on each stage is worth, from all that was seen until the end; and until the start, if any was."""
    log, stays = tables.events, tables.stays
    own = log.is_named(asked.event) & (log.contact >= 0)
    contact, at, amount = log.contact[own], log.at[own], np.nan_to_num(log.numbers[asked.value or ""][own])
    if tables.messages is not None:
        whose = tables.numbers_of(tables.messages)
        cost = np.nan_to_num(tables.messages.rows["cost"].to_numpy(zero_copy_only=False).astype(np.float64))
        kept = (whose >= 0) & (cost != 0)
        contact = np.concatenate([contact, whose[kept]])
        at = np.concatenate([at, tables.messages.at[kept]])
        amount = np.concatenate([amount, -cost[kept]])

    def until(end: int) -> StageValues:
        seen = at <= end
        part = stays if end == stays.until else stays.clipped(None, end)
        sums = StageSums.of(part, group, length, contact[seen], at[seen], amount[seen])
        return StageValues.of(sums, discount=discount, horizon=horizon, level=tables.level)

    present = stays.start < tables.since - length
    return until(stays.until), until(tables.since) if present.any() else None
