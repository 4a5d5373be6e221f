"""The parts of the report that say what messages do to each other: who beats whom, why not, pressure and quotas."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from journeykit.journey.measure.funnel_report import counted
from journeykit.model.outcome import Reason
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
    amount,
    leaders,
    listed,
    percent,
)
from journeykit.reporting.report_tally import NOBODY
from journeykit.reporting.voice_parts import GRANTED, MOST_BARS, cut_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.report_tally import ReportTally
    from journeykit.reporting.voice_parts import ReportNames

_BAD = "holdout, data and checks"
_GROUPS: Mapping[str, frozenset[Reason]] = {
    "granted": frozenset({Reason.GRANTED}),
    "outbid or in conflict": frozenset({Reason.OUTBID, Reason.CONFLICT, Reason.REQUIRES}),
    "caps, rests and quotas": frozenset({Reason.CAPPED, Reason.RESTING, Reason.QUOTA_FULL}),
    "not worth it": frozenset({Reason.NOT_WORTH_IT}),
    "time": frozenset({Reason.QUIET_HOURS, Reason.CAMPAIGN_CLOSED, Reason.EXPIRED}),
    "consent": frozenset({Reason.SUPPRESSED, Reason.OPTED_OUT, Reason.NO_CONSENT}),
    "audience and fit": frozenset({Reason.NOT_IN_AUDIENCE, Reason.WRONG_STAGE, Reason.WRONG_ROLE, Reason.WRONG_OWNER}),
    _BAD: frozenset({Reason.HOLDOUT, Reason.MISSING_DATA, Reason.INVALID, Reason.REFUSED}),
}
"""Reasons that a chart shows together."""
_GROUP_OF = {reason: name for name, own in _GROUPS.items() for reason in own}
_LOST = (
    "A claim that lost to several winners counts for each by an equal part. Its value is its weight: what it would "
    "have been worth, had it gone out."
)
_DEFERRED_ALONE = "The decisions hold no denied claims, only deferred ones; `journeykit decide --all` writes all."


# Who beats whom


def contest_part(tally: ReportTally, names: ReportNames) -> PagePart:
    """Which campaigns keep which others out, and what that costs."""
    key, title = "contests", "Who beats whom, at what price"
    if not tally.losses.counts:
        why = "no claim of the table lost to another"
        if not tally.has_denied:
            why += "; it holds no denied claims, which `journeykit decide --all` writes"
        return PagePart(key=key, title=title, missing=why)
    pairs = sorted(
        ((tally.losses.weights[pair], count, *pair) for pair, count in tally.losses.counts.items()),
        key=lambda own: (-own[0], -own[1], own[2:]),
    )
    charts = [_pair_chart(pairs, names)]
    if tally.has_displaced:
        charts.append(_displaced_chart(tally, names))
    lines: tuple[str, ...] = (_LOST,)
    if not tally.has_denied:
        lines += (_DEFERRED_ALONE,)
    return PagePart(key=key, title=title, lines=lines, charts=tuple(charts))


def _pair_chart(pairs: Sequence[tuple[float, float, str, str]], names: ReportNames) -> PageChart:
    value, count, loser, winner = pairs[0]
    short = names.short
    whole = sum(own[0] for own in pairs)
    # A claim that lost to several counts in parts.
    claims = counted(round(count), "claim") if count == round(count) else f"{amount(count)} claims"
    title = f"{short(winner)} over {short(loser)} costs most: {claims}, worth {amount(value)}"
    first = [own for own in pairs if math.isclose(own[0], value) and math.isclose(own[1], count)]
    if len(first) > 1:
        those = listed([f"{short(own[3])} over {short(own[2])}" for own in first])
        title = f"{those} cost most: {claims} each, worth {amount(value)}"
    elif winner == loser:
        title = f"{short(winner)} competes most with itself: {claims}, worth {amount(value)}"
    title += f" of {amount(whole)} in all" if len(pairs) > 1 else ""
    drawn = [
        {"contest": f"{short(winner)}\nover {short(loser)}", "value": value}
        for value, _, loser, winner in pairs[:MOST_BARS]
    ]
    rows = [
        (short(winner), short(loser), count, value, value / count if count else None)
        for value, count, loser, winner in pairs
    ]
    columns = [
        PageColumn("winner", TEXT),
        PageColumn("loser", TEXT),
        PageColumn("claims that lost", NUMBER),
        PageColumn("value lost", NUMBER),
        PageColumn("value lost per claim", NUMBER),
    ]
    return PageChart(
        title=title,
        chart=page_charts.bars(drawn, "contest", "value", "value lost (sum of weights)", lines=2),
        table=PageTable.of("Winners and losers", columns, rows),
        notes=cut_note(len(pairs), "pairs"),
    )


def _displaced_chart(tally: ReportTally, names: ReportNames) -> PageChart:
    """What the messages of each campaign pushed out, as decisions explain it."""
    sums = tally.displaced.weights_by(0)
    counts = tally.displaced.by(0)
    own = {name: tally.campaigns.weights.get((name, GRANTED), 0.0) for name in sums}
    ranked = sorted(sums, key=lambda name: (-sums[name], name))
    drawn = [{"campaign": names.short(name), "value": sums[name]} for name in ranked[:MOST_BARS] if sums[name]]
    unit = "value displaced (sum of weights)"
    return PageChart(
        title=_most_displaced(sums, own, names),
        chart=page_charts.bars(drawn, "campaign", "value", unit) if drawn else None,
        table=PageTable.of(
            "Value displaced by campaign",
            [
                PageColumn("campaign", TEXT),
                PageColumn("messages", COUNT),
                PageColumn("own value", NUMBER),
                PageColumn("value displaced", NUMBER),
                PageColumn("displaced per message", NUMBER),
            ],
            [(names.short(name), counts[name], own[name], sums[name], sums[name] / counts[name]) for name in ranked],
        ),
        notes=cut_note(len(ranked), "campaigns"),
    )


def _most_displaced(sums: Mapping[str, float], own: Mapping[str, float], names: ReportNames) -> str:
    first, most, least = leaders(sums, names.short), max(sums.values()), min(sums.values())
    if most > 0 and len(first) > 1:
        return f"{listed(first)} displace most: {amount(most)} each"
    if most > 0:
        (name,) = (name for name in sums if sums[name] == most)
        share = f", which is {percent(most, own[name])} of its own value" if own[name] > 0 else ""
        return f"{first[0]} displaces most: {amount(most)}{share}"
    # What lets a partner go displaces less than nothing.
    helping = leaders({name: -value for name, value in sums.items()}, names.short)
    more = f"; {listed(helping)} let{'s' * (len(helping) == 1)} others go, worth {amount(-least)}"
    return f"No campaign displaces anything{more if least < 0 else ''}"


# Why not


def reason_part(tally: ReportTally, names: ReportNames) -> PagePart:
    """Why messages do not go out, by campaign."""
    key, title = "reasons", "Why not, by campaign"
    counts = {name: int(count) for name, count in tally.reasons.by(1).items()}
    if not counts:
        return PagePart(key=key, title=title, missing="the table of decisions has no rows")
    lost = {name: count for name, count in counts.items() if name != Reason.GRANTED}
    lines = () if tally.has_denied else (_DEFERRED_ALONE,)
    whole = sum(lost.values())
    if lost:
        first, most = leaders(lost, str), max(lost.values())
        each = " each" if len(first) > 1 else ""
        share = percent(most, whole)
        finding = f"What does not go out is most often {listed(first)}: {most:,} of {whole:,} claims{each} ({share})"
    else:
        finding = f"All {sum(counts.values()):,} claims of the table go out"
    return PagePart(
        key=key,
        title=title,
        lines=lines,
        charts=(_campaign_reasons(tally, names, counts, finding), _reason_chart(counts, lost)),
    )


def _campaign_reasons(tally: ReportTally, names: ReportNames, counts: Mapping[str, int], finding: str) -> PageChart:
    sizes = tally.reasons.by(0)
    ranked = [*sizes]
    groups: Counter[tuple[str, str]] = Counter()
    for (campaign, reason), count in tally.reasons.counts.items():
        groups[campaign, _group_of(reason)] += int(count)
    used = {own for _, own in groups}
    colours = {name: place for place, name in enumerate(_GROUPS) if name in used}
    drawn = [
        {"campaign": names.short(campaign), "reason": group, "claims": groups[campaign, group]}
        for campaign in ranked[:MOST_BARS]
        for group in colours
        if groups[campaign, group]
    ]
    reasons = [str(reason) for reason in Reason if str(reason) in counts]
    rows = [
        (
            names.short(campaign),
            names.short(tally.team_of.get(campaign, NOBODY)),
            sizes[campaign],
            *(int(tally.reasons.counts[campaign, reason]) for reason in reasons),
        )
        for campaign in ranked
    ]
    columns = [PageColumn("campaign", TEXT), PageColumn("team", TEXT), PageColumn("claims")]
    return PageChart(
        title=finding,
        chart=page_charts.stacked_bars(drawn, "campaign", "reason", "claims", "share of claims", colours, share=True),
        legend=colours,
        table=PageTable.of("Claims by campaign and reason", [*columns, *map(PageColumn, reasons)], rows),
        notes=cut_note(len(ranked), "campaigns"),
    )


def _group_of(reason: str) -> str:
    return _GROUP_OF.get(Reason(reason), "") if reason in list(Reason) else _BAD


def _reason_chart(counts: Mapping[str, int], lost: Mapping[str, int]) -> PageChart:
    whole = sum(lost.values())
    meanings = {str(reason): reason.meaning for reason in Reason}
    drawn = [{"reason": name, "claims": count} for name, count in lost.items()]
    share = {name: count / whole for name, count in lost.items()}
    top = [*lost][:3]
    finding = "Nothing is kept back"
    if top:
        together = percent(sum(lost[name] for name in top), whole)
        finding = f"{listed(top)} {'explain' if len(top) > 1 else 'explains'} {together} of what does not go out"
    return PageChart(
        title=finding,
        chart=page_charts.bars(drawn, "reason", "claims", "claims") if drawn else None,
        table=PageTable.of(
            "Reasons and what they mean",
            [
                PageColumn("reason", TEXT),
                PageColumn("meaning", TEXT),
                PageColumn("claims"),
                PageColumn("share of what does not go out", SHARE),
            ],
            [(name, meanings.get(name), count, share.get(name)) for name, count in counts.items()],
        ),
    )


# Quotas and prices


def quota_part(
    playbook: Playbook, tally: ReportTally, names: ReportNames, summary: Mapping[str, Any] | None
) -> PagePart:
    """How far each quota is used, and what its price is."""
    key, title = "quotas", "Quotas and prices"
    if not playbook.quotas:
        return PagePart(key=key, title=title, missing="the playbook has no quotas")
    charts = []
    lines: tuple[str, ...] = ()
    if summary is None:
        lines = (
            "With --summary, which `journeykit decide` writes, the use and the price of each quota are shown here.",
        )
    elif summary.get("quotas"):
        charts.append(_quota_chart(summary["quotas"], names))
    if tally.prices.counts:
        charts.append(_price_chart(tally, names))
    if not charts:
        return PagePart(key=key, title=title, missing="--summary, which `journeykit decide --summary` writes")
    return PagePart(key=key, title=title, lines=lines, charts=tuple(charts))


def _quota_chart(usages: Sequence[Mapping[str, Any]], names: ReportNames) -> PageChart:
    rows, drawn, full = [], [], []
    for own in usages:
        parts = (names.short(str(part)) for part in (own.get("period"), own.get("arm")) if part)
        name = " ".join([names.short(own["name"]), *(f"({part})" for part in parts)])
        used = own["usage"] / own["max"] if own.get("max") else None
        if used is not None:
            drawn.append({"quota": name, "share": used})
            full += [name] if own["usage"] >= own["max"] else []
        rows.append(
            (
                name,
                own.get("of"),
                own.get("min"),
                own.get("max"),
                own["usage"],
                used,
                own.get("price"),
                own.get("note") or None,
            )
        )
    finding = "No quota is full" if not full else f"{listed(full)} {'are' if len(full) > 1 else 'is'} full"
    columns = [
        PageColumn("quota", TEXT),
        PageColumn("counts", TEXT),
        PageColumn("at least", NUMBER),
        PageColumn("at most", NUMBER),
        PageColumn("used", NUMBER),
        PageColumn("share of the most", SHARE),
        PageColumn("price of one more", NUMBER),
        PageColumn("note", TEXT),
    ]
    return PageChart(
        title=f"{finding}, of {len(rows)} quotas" if len(rows) > 1 else finding,
        chart=page_charts.bars(drawn[:MOST_BARS], "quota", "share", "share of the most that is used", share=True)
        if drawn
        else None,
        table=PageTable.of("Quotas", columns, rows),
        notes=cut_note(len(drawn), "quotas"),
    )


def _price_chart(tally: ReportTally, names: ReportNames) -> PageChart:
    """What prices take from the weights of claims, on average."""
    counts, sums = tally.prices.by(0), tally.prices.weights_by(0)
    mean = {name: sums.get(name, 0.0) / counts[name] for name in counts}
    ranked = sorted(counts, key=lambda own: (-mean[own], own))
    most, least = (amount(round(own, 4)) for own in (mean[ranked[0]], -mean[ranked[-1]]))
    finding = "No quota has a price: none is scarce"
    if mean[ranked[0]] > 0:
        finding = (
            f"Prices of quotas take most from {listed(leaders(mean, names.short))}: {most} of the weight of a claim"
        )
    elif mean[ranked[-1]] < 0:
        # A quota that wants more messages adds to weights.
        those = listed(leaders({name: -own for name, own in mean.items()}, names.short))
        finding = f"Prices of quotas add most to {those}: {least} to the weight of a claim"
    drawn = [{"campaign": names.short(own), "price": mean[own]} for own in ranked[:MOST_BARS] if mean[own]]
    unit = "mean price of a claim (in weight)"
    return PageChart(
        title=finding,
        chart=page_charts.bars(drawn, "campaign", "price", unit) if drawn else None,
        table=PageTable.of(
            "Prices by campaign",
            [
                PageColumn("campaign", TEXT),
                PageColumn("eligible claims"),
                PageColumn("mean price", NUMBER),
                PageColumn("granted", COUNT),
            ],
            [(names.short(own), int(counts[own]), mean[own], int(tally.prices.counts[own, GRANTED])) for own in ranked],
        ),
        notes=cut_note(len(ranked), "campaigns"),
    )
