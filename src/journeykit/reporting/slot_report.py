"""Room: how many more messages contacts could get, by segment, channel and day, under all rules that are theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import evolve, frozen

from journeykit.basics.clock import WEEKDAYS, clock, micros, moment
from journeykit.errors import ModelError
from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.placing.funnel import repeatable
from journeykit.reporting.decision_source import RunInputs
from journeykit.reporting.planned_touches import PLANNED, refuse_planned, touches_of, with_plan
from journeykit.reporting.slot_counts import SLOT_COLUMNS, SlotCounts
from journeykit.reporting.slot_probes import SlotProbes
from journeykit.segments.contact_facets import ContactGroups
from journeykit.tables.arrow.decision_log import DecisionLog
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from journeykit.playbook.playbook import Playbook

SLOTS: Mapping[str, str] = {
    "group": "text",
    "channel": "text",
    "day": "text",
    "contacts": "whole",
    "free": "whole",
}
"""The columns of the table of free slots, with the kind of each; ``group`` is empty for all contacts."""
_SHOWN = 30
_DAYS = 62
_LONGEST = 30
_NO_VALUE = "(none)"
_WHAT = (
    "A free slot: one more plain message of the channel on that local day that breaks no rule of the contact,",
    "beside history, reservations and the plan. Slots are counted one by one: one that is taken may close others.",
    "Together: how many fit at once, of a contact at most one of each channel and day.",
)


@frozen(kw_only=True)
class GroupSlots:
    """The free slots of a group of contacts.

    Attributes:
        group: what the group is called, a value for each facet; None for contacts without one. Empty for all contacts.
        contacts: how many contacts are in it.
        free: by channel and local day, how many of them have that slot free.
        together: how many plain messages fit at once, all contacts added up: of each contact the most that break no
            rule together.
    """

    group: tuple[str | None, ...]
    contacts: int
    free: Mapping[str, Mapping[date, int]]
    together: int

    @property
    def name(self) -> str:
        """The group in one text."""
        return " * ".join(_NO_VALUE if own is None else own for own in self.group)

    def slots(self, channel: str | None = None) -> int:
        """How many slots are free on all days, of one channel or of all."""
        return sum(sum(own.values()) for name, own in self.free.items() if channel in (None, name))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "group": list(self.group),
            "contacts": self.contacts,
            "free": {name: {day.isoformat(): count for day, count in own.items()} for name, own in self.free.items()},
            "together": self.together,
        }


@frozen(kw_only=True)
class BarredSlots:
    """Slots that are not free.

    Attributes:
        channel: their channel.
        reason: why: the code of a reason; ``no_instant`` where the day has no instant at which a message may go.
        rule: the first rule that bars the slot; empty where there is none.
        slots: how many.
    """

    channel: str
    reason: str
    rule: str
    slots: int

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: getattr(self, name) for name in ("channel", "reason", "rule", "slots")}


@frozen(kw_only=True, repr=False)
class FreeSlots:
    """How many more messages contacts could get.

    Attributes:
        at: the first instant of the plan.
        until: its last.
        by: what tells groups apart.
        channels: the channels that were asked for.
        days: the local days of the contacts.
        planned: how many messages of the plan count.
        every: the slots of all contacts.
        groups: those of each group; a contact may be in several.
        barred: why slots are not free; the most come first.
        notes: what is to be said of the tables.
    """

    at: datetime
    until: datetime
    by: tuple[str, ...]
    channels: tuple[str, ...]
    days: tuple[date, ...]
    planned: int
    every: GroupSlots
    groups: tuple[GroupSlots, ...]
    barred: tuple[BarredSlots, ...]
    notes: tuple[str, ...] = ()

    def of(self, *group: str | None) -> GroupSlots:
        """The slots of a group by what it is called.

        Raises:
            KeyError: for a group that nobody is in.
        """
        for own in self.groups:
            if own.group == group:
                return own
        raise KeyError(group)

    def to_dict(self) -> dict[str, Any]:
        """The slots as plain data."""
        return {
            "at": self.at.isoformat(),
            "until": self.until.isoformat(),
            "by": list(self.by),
            "channels": list(self.channels),
            "days": [day.isoformat() for day in self.days],
            "planned": self.planned,
            "every": self.every.to_dict(),
            "groups": [own.to_dict() for own in self.groups],
            "barred": [own.to_dict() for own in self.barred],
            "notes": list(self.notes),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of free slots, with the columns of `SLOTS`."""
        for own in (self.every, *self.groups):
            for channel, by_day in own.free.items():
                for day, free in by_day.items():
                    about = {"group": own.name, "channel": channel, "day": day.isoformat()}
                    yield {**about, "contacts": own.contacts, "free": free}

    def _heading(self) -> Iterator[str]:
        plan = f", beside {self.planned:,} messages of the plan" if self.planned else ""
        yield f"Room of {self.every.contacts:,} contacts, {_day(self.days[0])} to {_day(self.days[-1])}{plan}."
        yield from _WHAT
        yield from self.notes

    def _tables(self) -> Iterator[ReportTable]:
        own = self.every
        channels = self.channels[:_CHANNELS]
        more = len(self.channels) - len(channels)
        hidden = f" (the first {len(channels)} channels; {more:,} more in --json)" if more else ""
        late = len(self.days) - _DAYS
        hidden += f" (the first {_DAYS} days; {late:,} more in --json)" if late > 0 else ""
        headings = ("day", *(part for name in channels for part in (_cut(name, 12), "share")))
        rows = [
            (_day(day), *(cell for name in channels for cell in _part(own.free[name][day], own.contacts)))
            for day in self.days[:_DAYS]
        ]
        yield ReportTable(f"Free slots by day{hidden}", headings, rows, 1)
        shown = (own, *self.groups[:_SHOWN])
        more = len(self.groups) - len(shown) + 1
        title = f"Free slots by {' * '.join(self.by)}" + (f" ({more:,} more in --json)" if more else "")
        headings = ("", "contacts", *(_cut(name, 12) for name in channels), "each", "together", "each")
        groups = [
            (
                _cut(group.name or "all contacts", _LONGEST),
                f"{group.contacts:,}",
                *(f"{group.slots(name):,}" for name in channels),
                _each(group.slots(), group.contacts),
                f"{group.together:,}",
                _each(group.together, group.contacts),
            )
            for group in shown
        ]
        yield ReportTable(title, headings, groups, 1)
        why = [
            (_cut(own.channel, 20), own.reason, _cut(own.rule, 40), f"{own.slots:,}") for own in self.barred[:_SHOWN]
        ]
        more = len(self.barred) - len(why)
        title = "Why slots are not free" + (f" ({more:,} more in --json)" if more else "")
        yield ReportTable(title, ("channel", "reason", "rule", "slots"), why, 3)

    def __str__(self) -> str:
        return text(self._heading(), self._tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self._heading(), self._tables())


_CHANNELS = 5
"""So many channels have a column of text."""


def free_slots(
    playbook: Playbook,
    contacts: Any,
    touches: Any = None,
    scores: Any = None,
    claims: Any = None,
    *,
    at: datetime,
    until: datetime,
    decisions: Any = None,
    by: str = "segment",
    channels: Iterable[str] | None = None,
    events: Any = None,
    zone: str | None = None,
    policies: Mapping[str, Any] | None = None,
    guards: Any = None,
    ledger: Any = None,
    max_bad: int | str | None = None,
    threads: int | None = None,
) -> FreeSlots:
    """Count free slots: for each contact, channel and local day of a plan, whether one more plain message may go.

    A plain message has the channel, and else nothing: no team, topic or theme, a campaign of its own that ends on that
    day, and the weight of any other. It goes at the instant at which a plan would send it on that day. The slot is
    free where consent, holdout, hours, rests, caps, conflicts and requirements all let it pass, given the history, what
    is reserved, and what the plan grants. So a cap on one team's messages does not count, and one on all emails does.
    Quotas are about all contacts, and have no part in it.

    Args:
        playbook: the rule set.
        contacts: the table of contacts.
        touches: the history.
        scores: what models say, for the plan.
        claims: what is asked for, for the plan; None derives claims from the audiences.
        at: the first instant of the plan, aware.
        until: its last instant.
        decisions: the plan's decisions, as `DecisionLog` takes them; None to decide it now, ``()`` for no plan.
        by: what tells contacts apart: ``segment``, ``stage``, ``role`` or any column, or several as ``stage*role``.
        channels: the channels; None for all that the playbook knows.
        events: what contacts did, for rules that ask for it.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        policies: your own policies by name, for the plan.
        guards: tripped guards, whose campaigns are paused in the plan.
        ledger: where else the history is read; nothing is reserved.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).
        threads: how many chunks of contacts are decided at once.

    Raises:
        DataError: for a table that cannot be used, decisions of another playbook, or too many bad rows.
        MissingExtraError: without the extra ``columns``.
        ModelError: for a channel that the playbook does not know, an end before the start, and touches that are planned
            together with claims.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, free_slots
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [{"id": "launch", "content": ["note"], "audience": "city == 'Skopje'"}],
        ...     "caps": [{"name": "one in three days", "max": 1, "window": {"days": 3}}],
        ... })
        >>> contacts = [{"contact_id": n, "city": city, "consent": "email"} for n, city in enumerate(["Skopje", "Bar"])]
        >>> span = {"at": datetime(2026, 11, 2, 10, tzinfo=UTC), "until": datetime(2026, 11, 6, 10, tzinfo=UTC)}
        >>> found = free_slots(playbook, contacts, **span)
        >>> list(found.every.free["email"].values()), found.every.together
        ([1, 1, 1, 2, 2], 3)
    """
    tables = {"contacts": contacts, "touches": touches, "scores": scores, "claims": claims, "events": events}
    tables = {name: repeatable(table) for name, table in tables.items()}
    how = {"zone": zone, "max_bad": max_bad, "threads": threads, "ledger": ledger, "at": at, "until": until}
    inputs = RunInputs(**tables, **how, policies=policies, guards=guards)
    if contacts is None:
        raise ModelError("free slots are those of contacts: give a table of contacts", field="contacts")
    if claims is not None and touches is not None:
        refuse_planned(tables["touches"])
    probes = SlotProbes.of(playbook, channels, at, until, is_local=_may_have_zones(tables["contacts"]))
    facets = tuple(part.strip() for part in by.split("*"))
    groups = ContactGroups.read(playbook, tables["contacts"], at=at, by=facets, zone=zone, max_bad=max_bad)
    plan = touches_of(_planned(playbook, decisions, inputs))
    asked = evolve(
        inputs,
        touches=with_plan(tables["touches"], plan, None if zone is None else clock(zone).zone),
        scores=None,
        claims=None,
        policies=probes.policies,
        guards=None,
    )
    counts = SlotCounts(probes.probes, groups, groups.facet(by))
    notes = _ask(probes, asked, counts)
    return _report(counts, groups, probes, by=facets, span=(at, until), planned=plan.num_rows, notes=notes)


def _may_have_zones(contacts: Any) -> bool:
    """Whether contacts may have a zone of their own."""
    names = open_source(contacts, "contacts").columns
    return names is None or any(fold_name(name) == "timezone" for name in names)


def _planned(playbook: Playbook, decisions: Any, inputs: RunInputs) -> Iterator[pa.Table]:
    """What a plan grants."""
    if decisions is None:
        if playbook.campaigns or inputs.claims is not None:
            for batch in inputs.job(playbook, PLANNED, outcomes="granted").batches():
                yield _table(batch)
    elif not (isinstance(decisions, list | tuple) and not decisions):
        where = None if inputs.zone is None else clock(inputs.zone).zone
        needed = tuple(name for name in PLANNED if name not in ("team", "tags"))
        for piece in DecisionLog(decisions, zone=where).of_playbook(playbook).pieces(needed, ("team", "tags")):
            yield piece.select(list(PLANNED))


def _ask(probes: SlotProbes, inputs: RunInputs, counts: SlotCounts) -> tuple[str, ...]:
    """Decide the probes, and count; what is to be said of the tables."""
    job = inputs.job(probes.playbook, SLOT_COLUMNS)
    for batch in job.batches():
        counts.take(_table(batch), is_joint=True, is_alone=not probes.is_tied)
    notes = list(job.bad.lines())
    summary = job.summary()
    if summary.unproven:
        notes.append(
            f"for {summary.unproven:,} contacts the search for the most messages at once ended before the proof: more "
            "may fit"
        )
    for own in probes.alone() if probes.is_tied else ():
        for batch in inputs.job(own.playbook, SLOT_COLUMNS).batches():
            counts.take(_table(batch), is_joint=False, is_alone=True)
    return tuple(notes)


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _report(
    counts: SlotCounts,
    groups: ContactGroups,
    probes: SlotProbes,
    *,
    by: tuple[str, ...],
    span: tuple[datetime, datetime],
    planned: int,
    notes: tuple[str, ...],
) -> FreeSlots:
    facet = groups.facet("*".join(by))
    channels = tuple(dict.fromkeys(own.channel for own in probes.probes))
    every = tuple(dict.fromkeys(own.day for own in probes.probes))
    # Where contacts have zones of their own, days at both ends are asked that nobody may have.
    met = {own.day for own, count in zip(probes.probes, counts.open.tolist(), strict=True) if count or not own.is_edge}
    days = tuple(day for day in every if day in met)

    def free(row: np.ndarray) -> dict[str, dict[date, int]]:
        found: dict[str, dict[date, int]] = {name: {} for name in channels}
        for own, count in zip(probes.probes, row.tolist(), strict=True):
            if own.day in days:
                found[own.channel][own.day] = count
        return found

    made = tuple(
        GroupSlots(group=label, contacts=size, free=free(row), together=together)
        for label, size, row, together in zip(
            facet.labels, facet.contacts().tolist(), counts.free, counts.together.tolist(), strict=True
        )
    )
    barred = [BarredSlots(channel=own[0], reason=own[1], rule=own[2], slots=n) for own, n in counts.barred.items()]
    return FreeSlots(
        at=moment(micros(span[0])),
        until=moment(micros(span[1])),
        by=by,
        channels=channels,
        days=days,
        planned=planned,
        every=GroupSlots(
            group=(), contacts=groups.contacts, free=free(counts.free_of_all), together=counts.together_of_all
        ),
        groups=made,
        barred=tuple(sorted(barred, key=lambda own: (-own.slots, own.channel, own.reason, own.rule))),
        notes=notes,
    )


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()].capitalize()} {day.isoformat()}"


def _part(part: int, whole: int) -> tuple[str, str]:
    return f"{part:,}", f"{100 * part / whole:.1f} %" if whole else "-"


def _each(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 3]}..."
