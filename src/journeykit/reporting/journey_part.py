"""The part of the report about the journey: who is where, and which messages speak there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from journeykit.journey.picture.diagram import Volumes, diagram_of, drawing
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.report_tally import ReportTally
    from journeykit.reporting.voice_parts import ReportNames
    from journeykit.segments.contact_facets import ContactGroups

_NAMED = 5
_MOST_STAGES = 40
"""A picture of more stages cannot be read."""


def journey_part(playbook: Playbook, tally: ReportTally, names: ReportNames, groups: ContactGroups | None) -> PagePart:
    """The journey with its volumes: how many contacts are on each stage, and how many messages they get."""
    key, title = "journey", "The journey"
    if groups is None:
        return PagePart(key=key, title=title, missing="--contacts, for how many contacts are on each stage")
    facet = groups.facet("stage")
    sizes = {label[0]: int(count) for label, count in zip(facet.labels, facet.contacts().tolist(), strict=True)}
    stages = [stage.name for stage in playbook.journey.stages] if playbook.journey is not None else []
    order = [*stages, *(own for own in sizes if own not in set(stages) and own is not None)]
    if not order:
        return PagePart(key=key, title=title, missing="the column stage of the contacts")
    found = {name: sizes.get(name, 0) for name in order} | ({NOBODY: sizes[None]} if sizes.get(None) else {})
    messages = tally.stages.by(0)
    whole = sum(found.values())
    owners = {stage.name: stage.owner for stage in playbook.journey.stages} if playbook.journey is not None else {}
    columns = [
        PageColumn("stage", TEXT),
        PageColumn("owner", TEXT),
        PageColumn("contacts", COUNT),
        PageColumn("share of contacts", SHARE),
        PageColumn("messages", COUNT),
        PageColumn("messages per contact", NUMBER),
    ]
    rows = [
        (
            names.short(own),
            owners.get(own) and names.short(str(owners[own])),
            count,
            count / whole if whole else None,
            int(messages.get(own, 0)),
            messages.get(own, 0) / count if count else None,
        )
        for own, count in found.items()
    ]
    chart = PageChart(
        title=_largest(found, names),
        chart=page_charts.bars(
            [{"stage": names.short(own), "contacts": count} for own, count in found.items()],
            "stage",
            "contacts",
            "contacts",
        ),
        table=PageTable.of("Contacts and messages by stage", columns, rows),
    )
    rates = {own: messages.get(own, 0) / count for own, count in found.items() if count}
    charts = (chart, _rate_chart(rates, names)) if rates else (chart,)
    return PagePart(key=key, title=title, charts=charts, html=_picture(playbook, sizes))


def _largest(found: Mapping[str, int], names: ReportNames) -> str:
    """Where most contacts are."""
    first, most, whole = leaders(found, names.short), max(found.values()), sum(found.values())
    if not whole:
        return "No contact is on any stage"
    each = " each" if len(first) > 1 else ""
    said = f"{most:,} of {whole:,}{each} ({percent(most, whole)})"
    if first == (NOBODY,):
        return f"The most contacts have no stage: {said}"
    return f"The most contacts are in {listed(first)}: {said}"


def _rate_chart(rates: Mapping[str, float], names: ReportNames) -> PageChart:
    """How many messages a contact of each stage gets."""
    short = names.short
    most = max(rates.values())
    title = "No stage gets a message"
    if most:
        silent = [short(own) for own, rate in rates.items() if not rate and own != NOBODY]
        more = f" and {len(silent) - _NAMED:,} more" if len(silent) > _NAMED else ""
        none = f"; no message goes to {', '.join(silent[:_NAMED])}{more}" if silent else ""
        title = f"Contacts in {listed(leaders(rates, short))} get most messages, {amount(most)} each{none}"
    rows = [(short(own), rate) for own, rate in rates.items()]
    columns = [PageColumn("stage", TEXT), PageColumn("messages for each contact", NUMBER)]
    bars = [{"stage": stage, "messages": rate} for stage, rate in rows]
    return PageChart(
        title=title,
        chart=page_charts.bars(bars, "stage", "messages", "messages for each contact"),
        table=PageTable.of("Messages for each contact by stage", columns, rows),
    )


def _picture(playbook: Playbook, sizes: dict[str | None, int]) -> str:
    """The journey drawn, each stage with its contacts."""
    journey = playbook.journey
    if journey is None or not journey.transitions or len(journey.stages) > _MOST_STAGES:
        return ""
    known = {stage.name for stage in journey.stages}
    volumes = Volumes({name: count for name, count in sizes.items() if name in known})
    diagram = diagram_of(journey, volumes)
    # How many went from stage to stage is not known here.
    arrows = tuple(evolve(own, moves=None) for own in diagram.arrows)
    svg = _as_the_page(drawing(evolve(diagram, arrows=arrows)).svg)
    return f'<div class="picture" tabindex="0" role="region" aria-label="Picture of the journey">{svg}</div>'


def _as_the_page(svg: str) -> str:
    """A picture that is dark where its page is: a reader may choose that, and paper is light."""
    before, rules, after = re.split(r"@media \(prefers-color-scheme:dark\){(.*)}(?=</style>)", svg, maxsplit=1)
    chosen = (
        f"@media screen and (prefers-color-scheme:dark){{{_below(':root:not([data-theme=light])', rules)}}}"
        f"@media screen{{{_below(':root[data-theme=dark]', rules)}}}"
    )
    return f"{before}{chosen}{after}"


def _below(where: str, rules: str) -> str:
    return rules.replace(".journeykit .", f"{where} .journeykit .")
