"""Pressure: how many messages contacts get, and what messages cost each other where rules let only some of them go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.reporting.decision_source import DecisionSource
from journeykit.reporting.pressure_tally import NEEDED, OPTIONAL, PressureTally
from journeykit.segments.contact_facets import ContactGroups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.displacement import Displaced
    from journeykit.segments.group_facet import GroupFacet

PRESSURES: Mapping[str, str] = {
    "group": "text",
    "channel": "text",
    "rule": "text",
    "contacts": "whole",
    "messages": "whole",
    "displacing": "whole",
    "displaced": "number",
}
"""The columns of the table of pressure, with the kind of each; where they are about all, the first three are empty."""
_SHOWN = 20
_MOST = 5
"""From so many messages a contact on, the text counts together."""
_NO_VALUE = "(none)"
_UNKNOWN = "-"
_ALL = "all contacts"


@frozen(kw_only=True)
class PressureCell:
    """The messages of a group of contacts, by one channel or by all.

    Attributes:
        group: what the group is called, a value for each facet; None for contacts without one. Empty for all contacts.
        channel: the channel; None for all.
        contacts: how many contacts are in the group, whether they get messages or not.
        by_number: by the number of messages, from 0 on, how many of these contacts get so many.
        messages: how many messages they get.
        displacing: how many of them displaced something; None where decisions do not say it.
        displaced: the value of what they displaced; None likewise. Of a message that lets a partner go (a requirement)
            it may be below 0.
        by_rule: by rule, what was displaced by it: where several stopped the claims that a message beat, each has
            an equal part. What no losing claim names a rule of has an empty name.
    """

    group: tuple[str | None, ...]
    channel: str | None
    contacts: int
    by_number: tuple[int, ...]
    messages: int
    displacing: int | None
    displaced: float | None
    by_rule: Mapping[str, float]

    @property
    def name(self) -> str:
        """The group in one text."""
        return " * ".join(_NO_VALUE if own is None else own for own in self.group)

    @property
    def mean(self) -> float | None:
        """Messages per contact; None for no contacts."""
        return self.messages / self.contacts if self.contacts else None

    @property
    def mean_displaced(self) -> float | None:
        """What a message displaced on average; None where that is not known."""
        return None if self.displaced is None or not self.messages else self.displaced / self.messages

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("channel", "contacts", "messages", "mean", "displacing", "displaced", "mean_displaced")
        return {
            "group": list(self.group),
            **{name: getattr(self, name) for name in names},
            "by_number": list(self.by_number),
            "by_rule": dict(self.by_rule),
        }


@frozen(kw_only=True)
class RulePressure:
    """What a rule costs: the eligible claims that it stops.

    Attributes:
        rule: its name.
        kind: ``cap``, ``repeat``, ``rest``, ``conflict``, ``requirement``, ``quota``, ``reserve`` or ``other``.
        stopped: how many losing claims it stops; one that several rules stop counts for each.
        outbid: how many of them lost to other messages of the same decision.
        contacts: how many contacts they belong to.
        weight: what they weigh.
        displacing: how many messages displaced something by it; None where decisions do not say it.
        displaced: the value of it; see `PressureCell.by_rule`.
    """

    rule: str
    kind: str
    stopped: int
    outbid: int
    contacts: int
    weight: float
    displacing: int | None
    displaced: float | None

    @property
    def mean_displaced(self) -> float | None:
        """What a message that displaced something by it displaced by it, on average."""
        return self.displaced / self.displacing if self.displaced is not None and self.displacing else None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("rule", "kind", "stopped", "outbid", "contacts", "weight", "displacing", "displaced", "mean_displaced")
        return {name: getattr(self, name) for name in names}


@frozen(kw_only=True, repr=False)
class ContactPressure:
    """How many messages contacts get, and what they cost each other.

    Attributes:
        by: what tells groups apart; empty where no contacts are given.
        cells: all contacts and each group, each by all channels and by each.
        rules: what each rule stops; what displaced most comes first.
        notes: what is to be said of the tables.
    """

    by: tuple[str, ...]
    cells: tuple[PressureCell, ...]
    rules: tuple[RulePressure, ...]
    notes: tuple[str, ...] = ()

    @property
    def every(self) -> PressureCell:
        """All contacts, by all channels."""
        return self.cells[0]

    def of(self, *group: str | None, channel: str | None = None) -> PressureCell:
        """A group by what it is called; without a name all contacts.

        Raises:
            KeyError: for a group that nobody is in, or a channel without messages.
        """
        for own in self.cells:
            if own.group == group and own.channel == channel:
                return own
        raise KeyError((*group, channel))

    def to_dict(self) -> dict[str, Any]:
        """The pressure as plain data."""
        return {
            "by": list(self.by),
            "cells": [own.to_dict() for own in self.cells],
            "rules": [own.to_dict() for own in self.rules],
            "notes": list(self.notes),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of pressure, with the columns of `PRESSURES`: each cell, and below it each of its rules."""
        for own in self.cells:
            about = {"group": own.name, "channel": own.channel or ""}
            counts = {"contacts": own.contacts, "messages": own.messages}
            yield {**about, "rule": "", **counts, "displacing": own.displacing, "displaced": own.displaced}
            for rule, value in own.by_rule.items():
                yield {**about, "rule": rule or _NO_VALUE, **counts, "displacing": None, "displaced": value}

    def _heading(self) -> Iterator[str]:
        every = self.every
        mean = _UNKNOWN if every.mean is None else f"{every.mean:.2f}"
        yield f"{every.messages:,} messages to {every.contacts:,} contacts, {mean} each."
        if every.displaced is not None:
            yield f"They displaced what is worth {every.displaced:,.6g}: what would have gone in their place."
        yield from self.notes

    def _tables(self) -> Iterator[ReportTable]:
        shown = [own for own in self.cells if own.channel is None][: _SHOWN + 1]
        more = sum(own.channel is None for own in self.cells) - len(shown)
        title = "Messages per contact" + (f", by {' * '.join(self.by)}" if self.by else "") + _more(more)
        headings = ("", "contacts", "messages", "mean", *(f"get {n}" for n in range(_MOST)), f"{_MOST} or more")
        yield ReportTable(title, headings, [_load(own) for own in shown], 1)
        channels = [own for own in self.cells if own.channel is not None]
        title = "By channel" + (f" and {' * '.join(self.by)}" if self.by else "") + _more(len(channels) - _SHOWN)
        headings = ("", "channel", "messages", "mean", "displacing", "displaced", "a message")
        yield ReportTable(title, headings, [_cost(own) for own in channels[:_SHOWN]], 2)
        title = "What rules stop, and what was displaced by them" + _more(len(self.rules) - _SHOWN)
        headings = (
            "rule",
            "kind",
            "claims",
            "outbid",
            "contacts",
            "their weight",
            "displacing",
            "displaced",
            "a message",
        )
        yield ReportTable(title, headings, [_stop(own) for own in self.rules[:_SHOWN]], 2)

    def __str__(self) -> str:
        return text(self._heading(), self._tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self._heading(), self._tables())


def _more(count: int) -> str:
    return f" ({count:,} more in --json and --out)" if count > 0 else ""


def _load(own: PressureCell) -> tuple[str, ...]:
    numbers = [*own.by_number[:_MOST], *[0] * (_MOST - len(own.by_number)), sum(own.by_number[_MOST:])]
    mean = _UNKNOWN if own.mean is None else f"{own.mean:.2f}"
    return (
        _cut(own.name or "all contacts"),
        f"{own.contacts:,}",
        f"{own.messages:,}",
        mean,
        *map("{:,}".format, numbers),
    )


def _cost(own: PressureCell) -> tuple[str, ...]:
    mean = _UNKNOWN if own.mean is None else f"{own.mean:.2f}"
    costs = (_count(own.displacing), _value(own.displaced), _value(own.mean_displaced))
    return _cut(own.name or _ALL), _cut(own.channel or "", 20), f"{own.messages:,}", mean, *costs


def _stop(own: RulePressure) -> tuple[str, ...]:
    return (
        _cut(own.rule),
        own.kind,
        f"{own.stopped:,}",
        f"{own.outbid:,}",
        f"{own.contacts:,}",
        _value(own.weight),
        _count(own.displacing),
        _value(own.displaced),
        _value(own.mean_displaced),
    )


def _count(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _value(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:,.2f}"


def _cut(name: str, most: int = 30) -> str:
    return name if len(name) <= most else f"{name[: most - 3]}..."


def pressure(
    playbook: Playbook,
    contacts: Any = None,
    touches: Any = None,
    scores: Any = None,
    claims: Any = None,
    *,
    decisions: Any = None,
    by: str = "segment",
    at: datetime | None = None,
    until: datetime | None = None,
    events: Any = None,
    zone: str | None = None,
    policies: Mapping[str, Any] | None = None,
    guards: Any = None,
    max_bad: int | str | None = None,
    threads: int | None = None,
) -> ContactPressure:
    """Count the messages that contacts get, and what they displaced, by segment, channel and rule.

    Decisions are given, or made now from the other tables. What a message displaced is the value of what would have
    gone in its place (`Row.displaced`). It is laid at the rules that stop the claims which lost to the message: where
    there are several, each has an equal part, so that the parts of all rules add up to what was displaced in all.

    Args:
        playbook: the rule set.
        contacts: the table of contacts; may be left out where decisions are given: contacts are then those who have
            decisions, and are not told apart.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None derives claims from the audiences.
        decisions: the decisions, as `DecisionLog` takes them. What was displaced is in those that were explained
            (``decide --explain``), and what lost in those that are whole (``--all``). None to decide now.
        by: what tells contacts apart: ``segment``, ``stage``, ``role`` or any column, or several as ``stage*role``.
        at: the instant of the decisions, aware, where they are made now.
        until: the last instant of a plan.
        events: what contacts did, for rules that ask for it.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        policies: your own policies by name.
        guards: tripped guards, whose campaigns are paused.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).
        threads: how many chunks of contacts are decided at once.

    Raises:
        DataError: for a table that cannot be used, decisions of another playbook, or too many bad rows.
        MissingExtraError: without the extra ``columns``.
        ModelError: where neither decisions nor an instant are given, or both.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, pressure
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [
        ...         {"id": "launch", "content": ["note"], "weight": 8},
        ...         {"id": "news", "content": ["note"], "weight": 3},
        ...     ],
        ...     "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        ... })
        >>> contacts = [{"contact_id": "anna", "consent": "email"}, {"contact_id": "ben"}]
        >>> found = pressure(playbook, contacts, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> found.every.by_number, found.rules[0].rule, found.rules[0].displaced
        ((1, 1), 'one a day', 3.0)
    """
    how = {"at": at, "until": until, "zone": zone, "policies": policies, "guards": guards, "max_bad": max_bad}
    tables = {"contacts": contacts, "touches": touches, "scores": scores, "claims": claims, "events": events}
    source = DecisionSource.of(playbook, decisions, **tables, **how, threads=threads)
    tally = PressureTally(kind_of(playbook))
    for piece in source.pieces(NEEDED, OPTIONAL, explain=True):
        tally.take(piece)
    groups, facets = None, tuple(part.strip() for part in by.split("*"))
    if contacts is not None and source.at is not None:
        groups = ContactGroups.read(
            playbook, source.inputs.contacts, at=source.at, by=facets, zone=zone, max_bad=max_bad
        )
    return pressure_of(playbook, tally, groups, facets, [*source.notes(), *_notes(source, tally, groups)])


def pressure_of(
    playbook: Playbook,
    tally: PressureTally,
    groups: ContactGroups | None,
    by: tuple[str, ...],
    notes: Iterable[str] = (),
) -> ContactPressure:
    """The pressure that was counted.

    Args:
        playbook: the rule set.
        tally: what was counted.
        groups: the contacts; None where they are not given.
        by: what tells them apart.
        notes: what is to be said.
    """
    found = _PressureCells(tally, groups, "*".join(by))
    return ContactPressure(
        by=by if groups is not None else (),
        cells=tuple(found.cells()),
        rules=tuple(_rules(tally, found.displaced, kind_of(playbook))),
        notes=tuple(dict.fromkeys(notes)),
    )


def _notes(source: DecisionSource, tally: PressureTally, groups: ContactGroups | None) -> Iterator[str]:
    if source.log is not None and groups is not None and groups.bad_rows:
        yield f"rows of {groups.source} that could not be used: {groups.bad_rows:,}"
    if not source.has_denied:
        yield "the decisions have no denied claims, so what rules stop is not whole: decide --all writes them"
    if not tally.is_explained and tally.messages().any():
        yield "the decisions do not say what messages displaced: decide --explain fills that column"
    elif tally.silent:
        yield f"{tally.silent:,} messages do not say what they displaced, and are not among those that did"
    if source.inputs.contacts is None:
        yield "without a table of contacts nobody knows who gets nothing: contacts are those with decisions"


def kind_of(playbook: Playbook) -> dict[str, str]:
    """The rules of a playbook by name, each with its kind."""
    sections: dict[str, tuple[Any, ...]] = {
        "cap": playbook.caps,
        "rest": playbook.rests,
        "conflict": playbook.conflicts,
        "requirement": playbook.requirements,
        "quota": playbook.quotas,
    }
    named = {own.name: kind for kind, section in sections.items() for own in section}
    return {**named, "reserve": "reserve"}


class _PressureCells:
    """Makes cells of what was counted.

    Args:
        tally: what was counted.
        groups: the table of contacts; None where it is not given.
        by: the facet of it.
    """

    def __init__(self, tally: PressureTally, groups: ContactGroups | None, by: str) -> None:
        self.tally, self.groups = tally, groups
        self.displaced = tally.displaced() if tally.is_explained else None
        self.facet = None if groups is None else groups.facet(by)
        count = tally.contacts.count
        nobody: NDArray[np.int64] = np.full(count, -1)
        self.row = nobody if groups is None else groups.find(tally.contacts.ids)
        self.rules = [*tally.rules, ""]

    def cells(self) -> Iterator[PressureCell]:
        """All contacts by all channels, then each group, then the same by channel."""
        channels: list[str | None] = [None, *self.tally.channels]
        for channel in channels:
            loads = self.tally.messages(channel)
            yield self._every(channel, loads)
            if self.facet is not None:
                yield from self._of_groups(channel, loads, self.facet)

    def _every(self, channel: str | None, loads: NDArray[np.int64]) -> PressureCell:
        by_number = np.bincount(loads, minlength=1)
        if self.groups is not None:
            # Contacts of the table whom no decision names get nothing.
            by_number[0] += self.groups.contacts - int(np.count_nonzero(self.row >= 0))
        parts = self._parts(channel)
        cost = None if parts is None else self._costs(parts.rule, parts.value, parts.is_first)
        return _cell((), channel, by_number, cost)

    def _of_groups(self, channel: str | None, loads: NDArray[np.int64], facet: GroupFacet) -> Iterator[PressureCell]:
        sizes = facet.contacts()
        place, label = facet.spread(self.row)
        most = int(loads.max(initial=0)) + 1
        counts = np.bincount(label * most + loads[place], minlength=most * len(sizes)).reshape(-1, most)
        counts[:, 0] += sizes - counts.sum(axis=1)
        parts = self._parts(channel)
        if parts is not None:
            place, label = facet.spread(self.row[parts.contact])
        for number, name in enumerate(facet.labels):
            cost = None
            if parts is not None:
                own = place[label == number]
                cost = self._costs(parts.rule[own], parts.value[own], parts.is_first[own])
            yield _cell(name, channel, counts[number], cost)

    def _parts(self, channel: str | None) -> Displaced | None:
        """What messages of a channel displaced."""
        found = self.displaced
        if found is None or channel is None:
            return found
        return found.of(found.channel == self.tally.channels[channel])

    def _costs(self, rule: NDArray[np.int64], value: NDArray[np.float64], is_first: NDArray[np.bool_]) -> _Cost:
        """How many messages displaced something, what that is worth, and by which rules."""
        # Parts without a rule are those of the last name.
        sums = np.bincount(rule % len(self.rules), value, minlength=len(self.rules))
        by_rule = {name: own for name, own in zip(self.rules, sums.tolist(), strict=True) if own}
        return int(np.count_nonzero(is_first)), float(value.sum()), by_rule


_Cost = tuple[int, float, dict[str, float]]


def _cell(
    group: tuple[str | None, ...], channel: str | None, by_number: NDArray[np.int64], cost: _Cost | None
) -> PressureCell:
    used = int(np.flatnonzero(by_number).max(initial=0)) + 1
    displacing, displaced, by_rule = (None, None, {}) if cost is None else cost
    return PressureCell(
        group=group,
        channel=channel,
        contacts=int(by_number.sum()),
        by_number=tuple(by_number[:used].tolist()),
        messages=int(by_number @ np.arange(len(by_number))),
        displacing=displacing,
        displaced=displaced,
        by_rule=by_rule,
    )


def _rules(tally: PressureTally, displaced: Displaced | None, kinds: Mapping[str, str]) -> list[RulePressure]:
    found = []
    for name, place in tally.rules.items():
        stopped = int(tally.stopped[place]) if place < len(tally.stopped) else 0
        if not stopped:
            continue
        own = np.zeros(0, np.bool_) if displaced is None else displaced.rule == place
        found.append(
            RulePressure(
                rule=name,
                kind=kinds.get(name, "repeat" if name.startswith("repeat of ") else "other"),
                stopped=stopped,
                outbid=int(tally.outbid[place]),
                contacts=tally.bound(name),
                weight=float(tally.weight[place]),
                displacing=None if displaced is None else int(np.count_nonzero(own)),
                displaced=None if displaced is None else float(displaced.value[own].sum()),
            )
        )
    return sorted(found, key=lambda own: (-(own.displaced or 0), -own.stopped, own.rule))
