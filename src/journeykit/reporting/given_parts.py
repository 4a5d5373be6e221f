"""The parts of the report that come from what others found: experiments, measures, and rows as examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.model.outcome import Outcome
from journeykit.reporting import page_charts
from journeykit.reporting.page_parts import (
    COUNT,
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
)
from journeykit.reporting.report_tally import NOBODY
from journeykit.reporting.voice_parts import GRANTED, MOST_BARS, cut_note, granted_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.report_tally import ReportTally
    from journeykit.reporting.voice_parts import ReportNames

_FEW = "rests on few answers"
_CONTACTS = frozenset({"contact", "contact_id", "account", "account_id", "decision_id"})
_OF_MANY = frozenset(
    {"arm", "campaign", "campaign_id", "channel", "content", "content_id", "cost", "goal", "role", "segment"}
    | {"solution", "stage", "tag", "team", "theme", "topic"}
)
"""What messages are measured by that says nothing of a single contact."""


def experiment_part(playbook: Playbook, tally: ReportTally, names: ReportNames) -> PagePart:
    """What each arm of the experiments got."""
    key, title = "experiments", "Experiments"
    if not playbook.experiments:
        return PagePart(key=key, title=title, missing="the playbook has no experiments")
    if not tally.arms.counts:
        return PagePart(key=key, title=title, missing="the column arm, which `journeykit decide` writes")
    messages, sizes = granted_by(tally.arms), {own: tally.contacts_in(own) for own in tally.arms.by(0)}
    each = {own: messages[own] / sizes[own] for own in sizes if sizes[own]}
    order = sorted(each)
    short = names.short
    first = leaders({own: each[own] for own in order}, short)
    last = leaders({own: -each[own] for own in order}, short)
    most, least = (f"{own:,.2f}" for own in (max(each.values()), min(each.values())))
    finding = f"{listed(first)} send{'s' * (len(first) == 1)} most: {most} messages per contact, "
    finding += f"{listed(last)} least: {least}"
    if len(first) == len(order):
        finding = f"All arms send alike: {most} messages per contact"
    if len(order) == 1:
        finding = f"All contacts are in one arm: {first[0]}, {most} messages per contact"
    rows = [
        (
            short(own),
            sizes[own],
            messages[own],
            each[own],
            tally.arms.weights.get((own, GRANTED), 0.0),
            tally.arms.weights.get((own, GRANTED), 0.0) / sizes[own],
        )
        for own in order
    ]
    columns = [
        PageColumn("arm", TEXT),
        PageColumn("contacts", COUNT),
        PageColumn("messages", COUNT),
        PageColumn("messages per contact", NUMBER),
        PageColumn("value", NUMBER),
        PageColumn("value per contact", NUMBER),
    ]
    chart = PageChart(
        title=finding,
        chart=page_charts.bars(
            [{"arm": short(own), "messages": each[own]} for own in order[:MOST_BARS]],
            "arm",
            "messages",
            "messages per contact",
        ),
        table=PageTable.of("Arms", columns, rows),
        notes=(
            "Contacts are those with claims. What contacts did then is a matter of measures.",
            *cut_note(len(order), "arms"),
        ),
    )
    return PagePart(key=key, title=title, charts=(chart,))


def measure_part(found: Mapping[str, Any] | None, names: ReportNames) -> PagePart:
    """What messages did, as `journeykit measure --json` says it."""
    key, title = "measures", "What messages did"
    if found is None:
        return PagePart(key=key, title=title, missing="--measures, what `journeykit measure --json` prints")
    everything = found["all"]
    line = f"{everything['messages']:,} messages to {everything['contacts']:,} contacts"
    line += f" from {found['since'][:10]} to {found['until'][:10]}"
    line += f"; intervals are at {100 * found['level']:g} %, by {found['unit']}."
    shown = {by: groups for by, groups in found["by"].items() if not _tells_contacts(by, groups)}
    hidden = [names.short(by) for by in found["by"] if by not in shown]
    lines = (line, f"Not shown by {listed(hidden)}: that would tell single contacts.") if hidden else (line,)
    charts = [own for by, groups in shown.items() for own in _measure_charts(by, groups, names.short)]
    charts += [own for own in (_pressure_chart(found, names.short), _arm_chart(found, names.short)) if own is not None]
    if not charts:
        charts = list(_measure_charts("all messages", [everything], names.short))
    return PagePart(key=key, title=title, lines=lines, charts=tuple(charts))


def _tells_contacts(by: str, groups: Sequence[Mapping[str, Any]]) -> bool:
    """Whether groups are single contacts, or columns of contacts tell them apart almost one by one."""
    parts = {part.strip() for part in by.split("*")}
    if parts & _CONTACTS:
        return True
    return not parts <= _OF_MANY and sum(own["contacts"] for own in groups) < 2 * len(groups)


def _measure_charts(by: str, groups: Sequence[Mapping[str, Any]], short: ShortNames) -> Iterator[PageChart]:
    """A chart for each response by one facet."""
    responses = dict.fromkeys(own["response"] for group in groups for own in group["responses"])
    for response in responses:
        rows = [
            _measured(group, own, short)
            for group in groups
            for own in group["responses"]
            if own["response"] == response
        ]
        known = [own for own in rows if own[3] is not None]
        if not known:
            continue
        known.sort(key=lambda own: (-own[3], own[0]))
        best = [own for own in known if own[3] == known[0][3]]
        _, _, _, rate, low, high, *_ = best[0]
        finding = f"{short(response)}: {100 * rate:.1f} % of messages"
        finding += f" ({100 * low:.1f} to {100 * high:.1f} %)" if len(best) == 1 and low is not None else ""
        if len(known) > 1:
            has = "has" if len(best) == 1 else "have"
            finding = f"{listed([own[0] for own in best])} {has} the highest rate of {finding}"
        columns = [
            PageColumn(by, TEXT),
            PageColumn("messages"),
            PageColumn("answered", COUNT),
            PageColumn("rate", SHARE),
            PageColumn("low", SHARE),
            PageColumn("high", SHARE),
            PageColumn("value", NUMBER),
            PageColumn("note", TEXT),
        ]
        drawn = [
            {"group": own[0], "rate": own[3], **dict(zip(("low", "high"), _ends(own), strict=True))}
            for own in known[:MOST_BARS]
        ]
        yield PageChart(
            title=finding,
            chart=_rates(drawn, short(response)),
            table=PageTable.of(f"{short(response)} by {by}", columns, rows),
            notes=cut_note(len(known), "groups"),
        )


def _rates(drawn: Sequence[Mapping[str, Any]], response: str) -> Any:
    """The chart of rates; a single one needs none."""
    if len(drawn) == 1:
        return None
    return page_charts.intervals(drawn, "group", "rate", ("low", "high"), f"share of messages with {response}")


def _ends(own: Sequence[Any]) -> Sequence[float]:
    """Where a rate's interval is drawn: without one, at the rate."""
    return own[4:6] if own[4] is not None else (own[3], own[3])


def _measured(group: Mapping[str, Any], own: Mapping[str, Any], short: ShortNames) -> tuple[Any, ...]:
    rate = own["rate"]
    return (
        _group_name(group["group"], short),
        rate["whole"],
        rate["part"],
        rate["rate"],
        rate["low"],
        rate["high"],
        own.get("value"),
        _FEW if rate.get("is_small") else None,
    )


def _group_name(parts: Sequence[str | None], short: ShortNames) -> str:
    return " * ".join(NOBODY if own is None else short(own) for own in parts) or "all messages"


def _pressure_chart(found: Mapping[str, Any], short: ShortNames) -> PageChart | None:
    """Opt-outs and complaints by how many messages came before."""
    groups = found.get("pressure") or []
    charts = list(_measure_charts("messages before", groups, short))
    return charts[0] if charts else None


def _arm_chart(found: Mapping[str, Any], short: ShortNames) -> PageChart | None:
    """Differences between arms."""
    rows = []
    for own in found.get("arms") or ():
        for one in own.get("differences", ()):
            ends = one.get("fixed") or (None, None)
            rows.append(
                (
                    short(own["dealt_by"]),
                    short(own["response"]),
                    short(one["arm"]),
                    short(one["against"]),
                    one["difference"],
                    *ends,
                )
            )
    if not rows:
        return None
    columns = [PageColumn(name, TEXT) for name in ("experiment", "response", "arm", "against")]
    columns += [PageColumn(name, NUMBER) for name in ("difference", "low", "high")]
    sure = [own for own in rows if own[5] is not None and not own[5] <= 0 <= own[6]]
    finding = f"{len(sure)} of {len(rows)} differences between arms leave out 0, for a single look"
    if sure:
        first = max(sure, key=lambda own: abs(own[4]))
        finding += f"; the largest is {first[2]} against {first[3]}: {amount(first[4])} in {first[1]}"
    return PageChart(title=finding, table=PageTable.of("Differences between arms", columns, rows))


# Rows as examples


def example_part(tally: ReportTally, names: ReportNames, examples: int) -> PagePart | None:
    """The decisions of a few contacts, which were asked for."""
    if not examples:
        return None
    columns = ("contact_id", "campaign_id", "channel", "outcome", "reason", "rule", "lost_to", "weight", "send_at")
    kinds = {"weight": NUMBER}
    rows = [tuple(_cell(name, row[name], names.short) for name in columns) for row in tally.kept]
    count = len({row["contact_id"] for row in tally.kept})
    table = PageTable.of("Rows of decisions", [PageColumn(name, kinds.get(name, TEXT)) for name in columns], rows)
    granted = sum(row["outcome"] == Outcome.GRANTED for row in tally.kept)
    return PagePart(
        key="examples",
        title="Examples",
        lines=("This part has data of single contacts, since --examples asks for it. Give the page to few.",),
        charts=(PageChart(title=f"{granted:,} of {len(rows):,} claims of {count} contacts go out", table=table),),
    )


def _cell(name: str, value: Any, short: ShortNames) -> Any:
    if name == "lost_to":
        return ", ".join(map(short, value)) or None
    if value is None or name == "weight":
        return value
    return value.isoformat() if name == "send_at" else short(str(value))
