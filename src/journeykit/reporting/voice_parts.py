"""The parts of the report that say who speaks: headline, calendar and share of voice."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import WEEKDAYS
from journeykit.model.outcome import Outcome, Reason
from journeykit.reporting import page_charts
from journeykit.reporting.page_charts import MOST_COLOURS
from journeykit.reporting.page_parts import (
    COUNT,
    DAY,
    NUMBER,
    SHARE,
    TEXT,
    PageChart,
    PageColumn,
    PagePart,
    PageTable,
    ShortNames,
    amount,
    leaders,
    listed,
    percent,
)
from journeykit.reporting.report_tally import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.report_tally import PairSums, ReportTally

OTHERS = "others"
MOST_BARS = 20
"""So many bars has a chart at most; its table has all."""
_FEW_DAYS, _MOST_DAYS = 3, 400
_MOST_TEAMS = 12
"""So many teams have a column of their own in tables."""
GRANTED = str(Outcome.GRANTED)


class ReportNames:
    """What the parts of one report share: short names, and which teams have a colour.

    Args:
        playbook: whose order of teams it is.
        tally: what was counted.

    Attributes:
        short: names as they are shown.
        teams: the teams that have messages or claims, in the playbook's order, then by their messages.
        colours: by shown name, the place of its colour; with many teams the last is that of all others.
    """

    def __init__(self, playbook: Playbook, tally: ReportTally) -> None:
        self.short = ShortNames()
        granted = granted_by(tally.teams)
        order = [team.name for team in playbook.teams or () if team.name in granted]
        met = sorted((name for name in granted if name not in set(order)), key=lambda own: (-granted[own], own))
        self.teams = [*order, *met]
        ranked = sorted(self.teams, key=lambda own: -granted[own])
        self._own = set(self.teams if len(ranked) <= MOST_COLOURS else ranked[:MOST_COLOURS])
        self.columns = [own for own in self.teams if own in set(ranked[:_MOST_TEAMS])]
        self.colours = {
            self.short(own): place for place, own in enumerate(own for own in self.teams if own in self._own)
        }
        if len(self._own) < len(self.teams):
            self.colours[OTHERS] = -1

    def series(self, team: str) -> str:
        """The name under which a team is drawn."""
        return self.short(team) if team in self._own else OTHERS


def granted_by(sums: PairSums) -> dict[str, int]:
    """By the first name, how many rows are granted; of all names that have rows."""
    return {name: int(sums.counts[name, GRANTED]) for name in sums.by(0)}


def headline(tally: ReportTally) -> PagePart:
    """What a reader must know first."""
    messages = sum(granted_by(tally.teams).values())
    value = sum(weight for (_, outcome), weight in tally.teams.weights.items() if outcome == GRANTED)
    reached = tally.contacts - tally.by_messages.get(0, 0)
    whole = tally.contacts + tally.silent
    figures = (
        (f"{messages:,}", "messages go out"),
        (f"{reached:,}", f"of {whole:,} contacts get one ({percent(reached, whole)})"),
        (amount(value), "value: the sum of their weights"),
        (f"{tally.rows - messages:,}", f"of {tally.rows:,} claims do not go out now"),
    )
    return PagePart(key="headline", title="In short", lines=tuple(_short(tally)), figures=figures)


def _short(tally: ReportTally) -> Iterable[str]:
    if not tally.rows:
        yield "The table of decisions is empty: there is nothing to show yet."
        return
    lost = Counter({name: int(count) for name, count in _by_reason(tally).items() if name != Reason.GRANTED})
    if lost:
        first, share = leaders(lost, str), percent(max(lost.values()), lost.total())
        meaning = f": {Reason(first[0]).meaning}" if len(first) == 1 and first[0] in list(Reason) else ""
        each = " each" if len(first) > 1 else ""
        yield f"What does not go out is most often {listed(first)} ({share}{each}){meaning}."
    if not tally.has_denied and tally.rows:
        yield "The decisions hold no denied claims; `journeykit decide --all` writes them too."


def _by_reason(tally: ReportTally) -> dict[str, int]:
    return tally.reasons.by(1)


def _most_of_voice(counts: Mapping[str, int], short: ShortNames, what: str) -> str:
    """Who takes most, as a sentence without its full stop."""
    taking = {own: counts[own] for own in sorted(counts) if counts[own]}
    if len(taking) == 1:
        return f"No message names a {what}" if NOBODY in taking else f"All messages come from {short(*taking)}"
    first, share = leaders(taking, short), percent(max(taking.values()), sum(taking.values()))
    if len(first) > 1:
        return f"{listed(first)} take {share} of attention each, most of all {what}s"
    return f"{first[0]} takes {share} of attention, most of any {what}"


# The calendar


def calendar_part(tally: ReportTally, names: ReportNames, timezone: str) -> PagePart:
    """Messages by local day and team."""
    days = tally.days.by(0)
    waiting = tally.waiting.by(0)
    if not days:
        return PagePart(key="calendar", title="Calendar", missing="no message goes out, so no day has any")
    whole, first, most = sum(days.values()), leaders(days, _day), max(days.values())
    has, each = ("has", "") if len(first) == 1 else ("have", " each")
    title = f"{listed(first)} {has} the most messages: {most:,} of {whole:,}{each} ({percent(most, whole)})"
    if len(days) == 1:
        said = f"All {whole:,} messages go out" if whole > 1 else "The only message goes out"
        title = f"{said} on {first[0]}"
    counts: Counter[tuple[str, str]] = Counter()
    for (day, team), count in tally.days.counts.items():
        counts[day, names.series(team)] += int(count)
    rows = [{"day": day, "team": team, "messages": count} for (day, team), count in sorted(counts.items())]
    chart = PageChart(
        title=title,
        chart=_day_chart(rows, _every_day([*days]), names),
        legend=names.colours,
        table=_day_table(tally, names, sorted({*days, *waiting})),
        notes=(f"Days are local days of {timezone}.",),
    )
    return PagePart(key="calendar", title="Calendar", charts=(chart,))


def _day_chart(rows: Sequence[Mapping[str, Any]], days: Sequence[str], names: ReportNames) -> Any:
    """Days side by side; very few of them one below the other, since upright bars would be as wide as the page."""
    if len(days) > _FEW_DAYS:
        return page_charts.stacked_days(rows, days, "team", "messages", "messages", names.colours)
    return page_charts.stacked_bars(rows, "day", "team", "messages", "messages", names.colours)


def _day_table(tally: ReportTally, names: ReportNames, days: list[str]) -> PageTable:
    others = [own for own in names.teams if own not in set(names.columns)]
    rows = [
        (
            day,
            *(int(tally.days.counts[day, team]) for team in names.columns),
            *((sum(int(tally.days.counts[day, team]) for team in others),) if others else ()),
            sum(int(tally.days.counts[day, team]) for team in names.teams),
            sum(int(tally.waiting.counts[day, team]) for team in names.teams),
        )
        for day in days
    ]
    columns = [PageColumn("day", DAY), *(PageColumn(names.short(own)) for own in names.columns)]
    columns += [PageColumn(f"{len(others)} other teams")] if others else []
    return PageTable.of("Messages by day", [*columns, PageColumn("all"), PageColumn("deferred to then")], rows)


def _every_day(days: Sequence[str]) -> list[str]:
    """All days from the first to the last; where these are many, those that have messages."""
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    many = (last - first).days + 1
    if many > _MOST_DAYS:
        return sorted(days)
    return [(first + timedelta(days=number)).isoformat() for number in range(many)]


def _day(text: str) -> str:
    # Not strftime: the answer would depend on the locale of the machine.
    return f"{WEEKDAYS[date.fromisoformat(text).weekday()].capitalize()} {text}"


# Share of voice


def voice_part(tally: ReportTally, names: ReportNames, *, has_contacts: bool) -> PagePart:
    """Who takes how much attention: by team, campaign, channel, stage and segment."""
    if not sum(granted_by(tally.teams).values()):
        return PagePart(key="voice", title="Share of voice", missing="no message goes out, so nobody takes attention")
    charts = [_share_chart(tally.teams, names, "team"), _share_chart(tally.campaigns, names, "campaign")]
    if len(tally.channels.by(0)) > 1:
        charts.append(_share_chart(tally.channels, names, "channel"))
    if has_contacts:
        charts += [
            _group_chart(sums, names, what)
            for sums, what in ((tally.stages, "stage"), (tally.segments, "segment"))
            if sums.counts
        ]
    lines: tuple[str, ...] = (
        () if has_contacts else ("With --contacts, shares by stage and by segment are shown here too.",)
    )
    if tally.unknown:
        lines += (f"{tally.unknown:,} messages go to contacts that --contacts lacks: they have no stage or segment.",)
    return PagePart(key="voice", title="Share of voice", lines=lines, charts=tuple(charts))


def _share_chart(sums: PairSums, names: ReportNames, what: str) -> PageChart:
    granted = granted_by(sums)
    whole = sum(granted.values())
    values = {name: sums.weights.get((name, GRANTED), 0.0) for name in granted}
    worth = sum(values.values())
    ranked = sorted(granted, key=lambda own: (-granted[own], own))
    claims = sums.by(0)
    short = names.short
    rows = [
        (
            short(own),
            granted[own],
            granted[own] / whole,
            values[own],
            values[own] / worth if worth else None,
            claims[own],
            granted[own] / claims[own],
        )
        for own in ranked
    ]
    columns = [
        PageColumn(what, TEXT),
        PageColumn("messages", COUNT),
        PageColumn("share of messages", SHARE),
        PageColumn("value", NUMBER),
        PageColumn("share of value", SHARE),
        PageColumn("claims", COUNT),
        PageColumn("claims granted", SHARE),
    ]
    drawn = [{what: short(own), "share": granted[own] / whole} for own in ranked[:MOST_BARS] if granted[own]]
    colours = names.colours if what == "team" else None
    return PageChart(
        title=_most_of_voice(granted, short, what),
        chart=page_charts.bars(drawn, what, "share", "share of messages", share=True, colours=colours),
        table=PageTable.of(f"Share of voice by {what}", columns, rows),
        notes=cut_note(len([own for own in ranked if granted[own]]), f"{what}s"),
    )


def cut_note(count: int, what: str, most: int = MOST_BARS) -> tuple[str, ...]:
    """What is said where a chart shows the first alone."""
    return (f"The chart shows the first {most} of {count:,} {what}; the table has more.",) if count > most else ()


def _group_chart(sums: PairSums, names: ReportNames, what: str) -> PageChart:
    """Share of voice within each stage or segment."""
    sizes = sums.by(0)
    groups = list(sizes)
    counts: Counter[tuple[str, str]] = Counter()
    for (group, team), count in sums.counts.items():
        counts[group, names.series(team)] += int(count)
    drawn = [
        {what: names.short(group), "team": team, "messages": counts[group, team]}
        for group in groups[:MOST_BARS]
        for team in names.colours
        if counts[group, team]
    ]
    table = PageTable.of(
        f"Messages by {what} and team",
        [
            PageColumn(what, TEXT),
            PageColumn("team", TEXT),
            PageColumn("messages"),
            PageColumn(f"share in the {what}", SHARE),
        ],
        [
            (names.short(group), names.short(team), int(count), count / sizes[group])
            for (group, team), count in sorted(
                sums.counts.items(), key=lambda item: (-sizes[item[0][0]], item[0][0], -item[1])
            )
        ],
    )
    return PageChart(
        title=_loudest(sums, names, what),
        chart=page_charts.stacked_bars(drawn, what, "team", "messages", "share of messages", names.colours, share=True),
        legend=names.colours,
        table=table,
        notes=cut_note(len(groups), f"{what}s")
        + (("A contact in several segments counts in each of them.",) if what == "segment" else ()),
    )


def _loudest(sums: PairSums, names: ReportNames, what: str) -> str:
    """Where one team takes the largest part of attention."""
    sizes = sums.by(0)
    known = [own for own in sizes if own != NOBODY] or [*sizes]
    shares = {
        (group, team): sums.counts[group, team] / sizes[group]
        for group in known
        for team in names.teams
        if sums.counts[group, team]
    }
    if len(sums.by(1)) == 1:
        return f"All messages to every {what} come from {names.short(*sums.by(1))}"
    share = percent(max(shares.values()), 1)
    first = leaders(shares, lambda own: f"{names.short(own[1])} in {names.short(own[0])}")
    if len(first) > 1:
        return f"{listed(first)} take {share} of attention each, the largest share in any {what}"
    group, team = max(shares, key=lambda own: shares[own])
    said = f"{names.short(team)} takes {share} of attention, the largest share in any {what}"
    return f"In the {what} {names.short(group)}, {said}"
