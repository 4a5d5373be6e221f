"""The part of the report about what another playbook would change, as `journeykit compare --json` says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.journey.measure.funnel_report import counted
from journeykit.reporting import page_charts
from journeykit.reporting.page_parts import COUNT, NUMBER, TEXT, PageChart, PageColumn, PagePart, PageTable, amount
from journeykit.reporting.report_tally import NOBODY
from journeykit.reporting.voice_parts import MOST_BARS, cut_note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.reporting.page_parts import ShortNames
    from journeykit.reporting.voice_parts import ReportNames

_SHOWN = ("team", "stage", "campaign", "channel", "segment")


def change_part(found: Mapping[str, Any] | None, names: ReportNames) -> PagePart:
    """What others decide otherwise than the first side."""
    key, title = "changes", "What would change"
    if found is None:
        return PagePart(key=key, title=title, missing="--compare, what `journeykit compare --json` prints")
    short = names.short
    lines = [f"{short(own['other'])} against {short(own['first'])}: {own['verdict']}." for own in found["pairs"]]
    charts = [chart for own in found["pairs"] for chart in _charts(own, short, is_one=len(found["pairs"]) == 1)]
    return PagePart(key=key, title=title, lines=tuple(lines), charts=(_sides(found["sides"], short), *charts))


def _sides(sides: Sequence[Mapping[str, Any]], short: ShortNames) -> PageChart:
    first = sides[0]
    best = max(sides, key=lambda own: own["value"])
    finding = f"All are worth as much: {amount(first['value'])}"
    if best["value"] > first["value"]:
        finding = f"{short(best['name'])} is worth most: {amount(best['value'])}, against {amount(first['value'])}"
    elif any(own["value"] < first["value"] for own in sides):
        finding = f"{short(first['name'])} is worth most: {amount(first['value'])}"
    columns = [
        PageColumn("side", TEXT),
        PageColumn("contacts", COUNT),
        PageColumn("contacts who get a message", COUNT),
        PageColumn("claims", COUNT),
        PageColumn("messages", COUNT),
        PageColumn("value", NUMBER),
    ]
    rows = [
        (short(own["name"]), *(own[name] for name in ("contacts", "reached", "claims", "messages", "value")))
        for own in sides
    ]
    return PageChart(
        title=f"{finding}, each as it weighs itself",
        chart=page_charts.bars([{"side": row[0], "messages": row[4]} for row in rows], "side", "messages", "messages"),
        table=PageTable.of("What each decides", columns, rows),
    )


def _charts(pair: Mapping[str, Any], short: ShortNames, *, is_one: bool) -> Iterator[PageChart]:
    if not pair["is_changed"]:
        return
    about = "" if is_one else f"{short(pair['other'])}: "
    for by in _SHOWN:
        if by in pair["by"]:
            yield from _change_chart(about, by, pair["by"][by], short)
    if pair["swaps"]:
        yield _swap_chart(about, pair["swaps"], short)


def _change_chart(about: str, by: str, groups: Sequence[Mapping[str, Any]], short: ShortNames) -> Iterator[PageChart]:
    """Messages gained and lost by what groups are formed."""
    rows = []
    for own in groups:
        one, other = own["first"], own["other"]
        name = NOBODY if own["group"] is None else short(own["group"])
        gain = other["granted"] - one["granted"]
        rows.append((name, one["granted"], other["granted"], gain, one["value"], other["value"]))
    rows.sort(key=lambda own: (-own[3], own[0]))
    changed = [own for own in rows if own[3]]
    if not changed:
        return
    first, last = changed[0], changed[-1]
    said = [
        f"{own[0]} {word} {counted(abs(own[3]), 'message')}"
        for own, word in ((first, "gains"), (last, "loses"))
        if (own[3] > 0) == (word == "gains")
    ]
    drawn = changed if len(changed) <= MOST_BARS else [*changed[: MOST_BARS // 2], *changed[-MOST_BARS // 2 :]]
    columns = [
        PageColumn(by, TEXT),
        PageColumn("messages of the first", COUNT),
        PageColumn("of the other", COUNT),
        PageColumn("change", COUNT),
        PageColumn("value of the first", NUMBER),
        PageColumn("value of the other", NUMBER),
    ]
    yield PageChart(
        title=about + ", ".join(said),
        chart=page_charts.gains(
            [{by: own[0], "change": own[3]} for own in drawn], by, "change", "messages more or less"
        ),
        table=PageTable.of(f"Change by {by}", columns, rows),
        notes=cut_note(len(changed), f"{by}s"),
    )


def _swap_chart(about: str, swaps: Sequence[Mapping[str, Any]], short: ShortNames) -> PageChart:
    """What contacts get instead."""
    ranked = sorted(swaps, key=lambda own: -own["contacts"])
    rows = [
        (*("nothing" if own[side] is None else short(own[side]) for side in ("lost", "gained")), own["contacts"])
        for own in ranked
    ]
    lost, gained, contacts = rows[0]
    drawn = [
        {"swap": f"{gained}\ninstead of {lost}", "contacts": contacts} for lost, gained, contacts in rows[:MOST_BARS]
    ]
    columns = [PageColumn("lost", TEXT), PageColumn("gained", TEXT), PageColumn("contacts", COUNT)]
    gets = "contact gets" if contacts == 1 else "contacts get"
    most = (
        "the most frequent change" if [row[2] for row in rows].count(contacts) == 1 else "as many as any other change"
    )
    return PageChart(
        title=f"{about}{contacts:,} {gets} {gained} instead of {lost}, {most}",
        chart=page_charts.bars(drawn, "swap", "contacts", "contacts", lines=2),
        table=PageTable.of("What contacts get instead", columns, rows),
        notes=cut_note(len(rows), "pairs"),
    )
