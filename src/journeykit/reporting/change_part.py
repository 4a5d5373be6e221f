"""The part of the report about what another playbook would change, as `journeykit compare --json` says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.journey.measure.funnel_report import counted
from journeykit.reporting import page_charts
from journeykit.reporting.page_parts import (
    COUNT,
    NUMBER,
    TEXT,
    PageChart,
    PageColumn,
    PagePart,
    PageTable,
    amount,
    listed,
)
from journeykit.reporting.report_tally import NOBODY
from journeykit.reporting.voice_parts import MOST_BARS, cut_note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.reporting.page_parts import ShortNames
    from journeykit.reporting.voice_parts import ReportNames

_SHOWN = ("team", "stage", "campaign", "channel", "segment")


def change_part(found: Mapping[str, Any] | None, names: ReportNames, fingerprint: str) -> PagePart:
    """What others decide otherwise than the first side.

    Args:
        found: the comparison as plain data.
        names: how names are shown.
        fingerprint: that of the playbook of the report's decisions.
    """
    key, title = "changes", "What would change"
    if found is None:
        return PagePart(key=key, title=title, missing="--compare, what `journeykit compare --json` prints")
    short = names.short
    lines = [f"{short(own['other'])} against {short(own['first'])}: {own['verdict']}." for own in found["pairs"]]
    if found.get("at"):
        last = f" to {_instant(found['until'])}" if found.get("until") else ""
        lines.append(f"Compared are decisions of {_instant(found['at'])}{last}.")
    if all(fingerprint not in own.get("playbooks", (fingerprint,)) for own in found["sides"]):
        lines.append("None of the sides is the playbook of the decisions of this report.")
    charts = [chart for own in found["pairs"] for chart in _charts(own, short, is_one=len(found["pairs"]) == 1)]
    return PagePart(key=key, title=title, lines=tuple(lines), charts=(_sides(found, short), *charts))


def _instant(text: str) -> str:
    """An instant as people read it."""
    return text[:16].replace("T", " ") + (" (UTC)" if text.endswith(("+00:00", "Z")) else "")


def _sides(found: Mapping[str, Any], short: ShortNames) -> PageChart:
    """What each side is worth, all in one measure: as the first weighs messages, and what only others weigh apart."""
    sides, pairs = found["sides"], found["pairs"]
    first = short(sides[0]["name"])
    worth = [sides[0]["value"], *(_in_one_measure(side, pair) for side, pair in zip(sides[1:], pairs, strict=True))]
    best = max(worth)
    leading = [short(own["name"]) for own, value in zip(sides, worth, strict=True) if value == best]
    if len(leading) == len(sides):
        finding = f"All are worth as much: {amount(best)}"
    else:
        are = "is" if len(leading) == 1 else "are"
        finding = f"{listed(leading)} {are} worth most: {amount(best)}"
        finding += "" if first in leading else f", against {amount(worth[0])}"
    weighs_otherwise = any(own["weights"] for own in pairs)
    finding += f", as {first} weighs them" if weighs_otherwise else ""
    strange = [own for own in pairs if own["weights"] and own["unweighed"]]
    notes = tuple(
        f"{counted(own['unweighed'], 'message')} of {short(own['other'])} that {first} does not weigh: worth 0 here."
        for own in strange
    )
    columns = [
        PageColumn("side", TEXT),
        PageColumn("contacts", COUNT),
        PageColumn("contacts who get a message", COUNT),
        PageColumn("claims", COUNT),
        PageColumn("messages", COUNT),
        PageColumn("value", NUMBER),
        *([PageColumn(f"as {first} weighs it", NUMBER)] if weighs_otherwise else []),
    ]
    told = ("contacts", "reached", "claims", "messages", "value")
    rows = [
        (short(own["name"]), *(own[name] for name in told), *([value] if weighs_otherwise else []))
        for own, value in zip(sides, worth, strict=True)
    ]
    drawn = [{"side": row[0], "value": value} for row, value in zip(rows, worth, strict=True)]
    return PageChart(
        title=finding,
        chart=page_charts.bars(drawn, "side", "value", "value (sum of weights)"),
        table=PageTable.of("What each decides", columns, rows),
        notes=notes,
    )


def _in_one_measure(side: Mapping[str, Any], pair: Mapping[str, Any]) -> float:
    """What a side is worth as the first weighs it, where the two weigh claims differently."""
    return float(pair["value_by_first"] if pair["weights"] else side["value"])


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
