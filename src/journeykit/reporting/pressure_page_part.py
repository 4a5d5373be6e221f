"""The part of the report about pressure: how many messages contacts get, and what limits cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.journey.measure.funnel_report import counted
from journeykit.reporting import page_charts
from journeykit.reporting.contact_pressure import pressure_of
from journeykit.reporting.page_parts import (
    COUNT,
    NUMBER,
    SHARE,
    TEXT,
    PageChart,
    PageColumn,
    PagePart,
    PageTable,
    amount,
    leaders,
    listed,
    percent,
)
from journeykit.reporting.pressure_tally import NEEDED
from journeykit.reporting.voice_parts import MOST_BARS, cut_note

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.contact_pressure import ContactPressure, PressureCell, RulePressure
    from journeykit.reporting.pressure_tally import PressureTally
    from journeykit.reporting.report_tally import ReportTally
    from journeykit.reporting.voice_parts import ReportNames
    from journeykit.segments.contact_facets import ContactGroups

_KEY, _TITLE = "pressure", "Pressure on contacts"
_SHARED = "A claim that several limits stop counts for each; what was displaced is shared among them."
_MOST_MESSAGES = 10
"""From so many messages on, contacts are counted together."""


def pressure_part(
    playbook: Playbook,
    tally: ReportTally,
    names: ReportNames,
    load: PressureTally,
    groups: ContactGroups | None,
    columns: Collection[str],
) -> PagePart:
    """How many messages contacts get, and which limits keep them few.

    Args:
        playbook: the playbook that decided.
        tally: what was counted.
        names: the names of the report.
        load: what was counted of pressure; nothing, where columns are lacking.
        groups: the contacts by segment; None where they were not given.
        columns: the columns that the decisions have.
    """
    if not tally.rows:
        return PagePart(key=_KEY, title=_TITLE, missing="the table of decisions has no rows")
    lacking = [name for name in NEEDED if name not in columns]
    if lacking:
        return PagePart(key=_KEY, title=_TITLE, missing=f"the columns {', '.join(lacking)} of the decisions")
    found = pressure_of(playbook, load, groups, ("segment",))
    charts = [_load_chart(found.every), *_group_charts(found, names), *_limit_charts(found.rules, names)]
    return PagePart(key=_KEY, title=_TITLE, charts=tuple(charts))


def _load_chart(every: PressureCell) -> PageChart:
    numbers = dict(enumerate(every.by_number))
    many = max((number for number, count in numbers.items() if count), default=0)
    reached = every.contacts - numbers.get(0, 0)
    finding = f"Nobody of {counted(every.contacts, 'contact')} gets a message"
    if reached:
        mean = amount(round(every.messages / reached, 2))
        share = percent(reached, every.contacts)
        finding = f"{share} of contacts get a message, {mean} each on average, {many} at most"
    rows = [(str(number), numbers.get(number, 0)) for number in range(min(many, _MOST_MESSAGES - 1) + 1)]
    if many >= _MOST_MESSAGES:
        rows.append((f"{_MOST_MESSAGES}+", sum(every.by_number[_MOST_MESSAGES:])))
    columns = [PageColumn("messages per contact", TEXT), PageColumn("contacts"), PageColumn("share of contacts", SHARE)]
    return PageChart(
        title=finding,
        chart=page_charts.columns(
            [{"messages": name, "contacts": count} for name, count in rows],
            "messages",
            "contacts",
            "messages per contact",
            "contacts",
        ),
        table=PageTable.of(
            "Contacts by messages", columns, [(name, count, count / every.contacts) for name, count in rows]
        ),
        notes=("Messages are those of the decisions; what contacts got before counts in the caps alone.",),
    )


def _group_charts(found: ContactPressure, names: ReportNames) -> Iterator[PageChart]:
    """Messages per contact of each segment, where contacts are told apart."""
    groups = [own for own in found.cells if own.group and own.channel is None and own.contacts]
    if len(groups) < 2:
        return
    groups.sort(key=lambda own: (-(own.mean or 0.0), own.name))
    short = names.short
    means = {own.name: own.mean or 0.0 for own in groups}
    first, last = leaders(means, short), leaders({name: -own for name, own in means.items()}, short)
    most, least = (amount(round(own, 2)) for own in (max(means.values()), min(means.values())))
    finding = f"{listed(first)} get{'s' * (len(first) == 1)} most messages: {most} per contact; "
    finding += f"{listed(last)} least: {least}"
    yield PageChart(
        title=finding if len(first) < len(groups) else f"All segments get as many messages: {most} per contact",
        chart=page_charts.bars(
            [{"segment": short(own.name), "messages": own.mean} for own in groups[:MOST_BARS]],
            "segment",
            "messages",
            "messages per contact",
        ),
        table=_cell_table([own for own in found.cells if own.group], names),
        notes=cut_note(len(groups), "segments"),
    )


def _cell_table(cells: Sequence[PressureCell], names: ReportNames) -> PageTable:
    columns = [
        PageColumn("segment", TEXT),
        PageColumn("channel", TEXT),
        PageColumn("contacts", COUNT),
        PageColumn("messages", COUNT),
        PageColumn("messages per contact", NUMBER),
        PageColumn("value displaced", NUMBER),
        PageColumn("displaced per message", NUMBER),
    ]
    rows = [
        (
            names.short(own.name),
            "all" if own.channel is None else names.short(own.channel),
            own.contacts,
            own.messages,
            own.mean,
            own.displaced,
            own.mean_displaced,
        )
        for own in cells
    ]
    return PageTable.of("Pressure by segment and channel", columns, rows)


def _limit_charts(rules: Sequence[RulePressure], names: ReportNames) -> Iterator[PageChart]:
    """What limits stop, and what that costs, where decisions say it."""
    if not rules:
        return
    short = names.short
    costs = {own.rule: own.displaced or 0.0 for own in rules}
    if max(costs.values()) > 0:
        ranked = sorted(rules, key=lambda own: (-costs[own.rule], own.rule))
        unit, value, cost = "value displaced (sum of weights)", "displaced", amount(max(costs.values()))
        first = leaders(costs, short)
        finding = f"The limit that costs most is {first[0]}: messages displaced {cost} by it"
        if len(first) > 1:
            finding = f"The limits that cost most are {listed(first)}: messages displaced {cost} by each"
    else:
        ranked = sorted(rules, key=lambda own: (-own.stopped, own.rule))
        unit, value, stopped = "eligible claims that do not go out", "stopped", ranked[0].stopped
        first = leaders({own.rule: own.stopped for own in ranked}, short)
        finding = f"The limit that stops most is {first[0]}: {counted(stopped, 'eligible claim')}, worth "
        finding += amount(ranked[0].weight)
        if len(first) > 1:
            finding = f"The limits that stop most are {listed(first)}: {counted(stopped, 'eligible claim')} each"
    drawn = [{"limit": short(own.rule), "number": getattr(own, value)} for own in ranked if getattr(own, value)]
    columns = [
        PageColumn("limit", TEXT),
        PageColumn("kind", TEXT),
        PageColumn("claims stopped", COUNT),
        PageColumn("of them outbid", COUNT),
        PageColumn("contacts", COUNT),
        PageColumn("value of the claims", NUMBER),
        PageColumn("value displaced", NUMBER),
        PageColumn("displaced per message", NUMBER),
    ]
    rows = [
        (
            short(own.rule),
            own.kind,
            own.stopped,
            own.outbid,
            own.contacts,
            own.weight,
            own.displaced,
            own.mean_displaced,
        )
        for own in ranked
    ]
    yield PageChart(
        title=finding,
        chart=page_charts.bars(drawn[:MOST_BARS], "limit", "number", unit) if drawn else None,
        table=PageTable.of("What limits stop", columns, rows),
        notes=(_SHARED, *cut_note(len(drawn), "limits")),
    )
