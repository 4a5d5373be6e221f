"""The part of the report with the messaging matrix: which content speaks to whom, and where nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import moment
from journeykit.journey.measure.funnel_report import counted
from journeykit.reporting import page_charts
from journeykit.reporting.matrix_builder import messaging_matrix
from journeykit.reporting.matrix_tally import WHYS
from journeykit.reporting.matrix_text import matrix_grids
from journeykit.reporting.page_parts import (
    COUNT,
    NUMBER,
    SHARE,
    TEXT,
    PageChart,
    PageColumn,
    PagePart,
    PageTable,
    leaders,
    listed,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.matrix_parts import MatrixCell
    from journeykit.reporting.matrix_value import MessagingMatrix
    from journeykit.reporting.voice_parts import ReportNames

_CONTENTS = "The matrix, with its contents"
_KEY, _TITLE = "matrix", "Messaging matrix"
_MOST_ROWS, _MOST_COLUMNS = 40, 30
"""A picture of more cannot be read."""
_MOST_BARS = 15
_LARGEST = 400_000
"""A matrix of more characters would make the page too large."""


def matrix_part(
    playbook: Playbook, names: ReportNames, contacts: Any, decisions: Any, at: int | None, zone: str | None
) -> PagePart:
    """The messaging matrix by stage, or by segment where nothing tells stages apart.

    Args:
        playbook: whose messages.
        names: the names of the report.
        contacts: the table of contacts; None for the playbook alone.
        decisions: the table of decisions, for what was granted to them.
        at: the instant of the first decision, in microseconds; None without decisions.
        zone: the zone in which instants without an offset are meant.
    """
    if not playbook.campaigns or not playbook.content:
        return PagePart(key=_KEY, title=_TITLE, missing="campaigns and contents, which the playbook does not name")
    if at is None:
        contacts = None
    matrix = messaging_matrix(
        playbook,
        contacts,
        None if contacts is None else decisions,
        at=None if at is None else moment(at),
        audience=_audience(playbook),
        by=_by(playbook),
        zone=zone,
    )
    grid = matrix_grids(matrix)
    lines: tuple[str, ...] = ("A cell names the contents that speak there, with their fit where it is below 1.",)
    if contacts is not None:
        lines = (f"{lines[0][:-1]}, and how many contacts each can address.",)
    if len(grid) > _LARGEST:
        grid, lines = "", ("The matrix is too large to be shown whole: `journeykit matrix --html` writes it.",)
    return PagePart(
        key=_KEY,
        title=_TITLE,
        lines=lines,
        charts=(
            _matrix_chart(matrix, names),
            *_unheard_charts(matrix, names),
            *_crowded_charts(matrix, names),
            *_pair_charts(matrix, names),
        ),
        html=grid and f'<details class="embedded"><summary>{_CONTENTS}</summary>{grid}</details>',
    )


def _audience(playbook: Playbook) -> str:
    has_stages = playbook.journey is not None or any(own.stages for own in playbook.content or ())
    return "stage" if has_stages or not playbook.segments else "segment"


def _by(playbook: Playbook) -> str:
    """What tells the columns apart: themes, where contents have some, else topics, else teams."""
    contents = playbook.content or ()
    if any(own.theme for own in contents):
        return "theme"
    return "topic" if any(own.topics for own in contents) else "team"


def _matrix_chart(matrix: MessagingMatrix, names: ReportNames) -> PageChart:
    short, by = names.short, matrix.by
    cells = [*matrix.cells]
    holes = sum(own.is_hole for own in cells)
    finding = f"In {holes:,} of {len(cells):,} cells nobody speaks ({percent(holes, len(cells))})"
    everybody = matrix.everybody
    if everybody is not None and everybody.contacts:
        unheard = sum(everybody.unheard.values())
        share = percent(unheard, everybody.contacts)
        told = f"Nobody can address {unheard:,} of {everybody.contacts:,} contacts ({share})"
        finding = f"{told}; i{finding[1:]}"
    rows = [
        (
            short(own.group.label),
            short(own.channel),
            f"no {by}" if own.value is None else short(own.value),
            sum(one.live for one in own.messages),
            own.group.contacts,
            own.eligible,
            own.eligible / own.group.contacts if own.eligible is not None and own.group.contacts else None,
            "nobody speaks" if own.is_hole else None,
        )
        for own in cells
    ]
    columns = [
        PageColumn(matrix.audience.replace("*", " and "), TEXT),
        PageColumn("channel", TEXT),
        PageColumn(by, TEXT),
        PageColumn("live messages", COUNT),
        PageColumn("contacts", COUNT),
        PageColumn("can be addressed", COUNT),
        PageColumn("share of contacts", SHARE),
        PageColumn("note", TEXT),
    ]
    unit = "live messages" if everybody is None else "contacts who can be addressed"
    drawn = [
        {"row": row[0], "column": f"{row[1]}: {row[2]}", "number": _number(own), "hole": own.is_hole}
        for row, own in zip(rows, cells, strict=True)
    ]
    kept = [dict.fromkeys(own[name] for own in drawn) for name in ("row", "column")]
    shown = [set([*kept[0]][:_MOST_ROWS]), set([*kept[1]][:_MOST_COLUMNS])]
    inside = [own for own in drawn if own["row"] in shown[0] and own["column"] in shown[1]]
    is_cut = len(kept[0]) > _MOST_ROWS or len(kept[1]) > _MOST_COLUMNS
    return PageChart(
        title=finding,
        chart=page_charts.grid(inside, "row", "column", "number", "hole", unit),
        table=PageTable.of("Cells of the matrix", columns, rows),
        notes=(f"The chart shows the first {_MOST_ROWS} rows and {_MOST_COLUMNS} columns.",) if is_cut else (),
    )


def _number(cell: MatrixCell) -> int:
    return sum(own.live for own in cell.messages) if cell.eligible is None else cell.eligible


def _unheard_charts(matrix: MessagingMatrix, names: ReportNames) -> Iterator[PageChart]:
    """Why nobody can address contacts, if there are such."""
    everybody = matrix.everybody
    if everybody is None or not everybody.unheard:
        return
    whys = dict(sorted(everybody.unheard.items(), key=lambda own: -own[1]))
    first, whole = leaders(whys, WHYS.__getitem__), sum(whys.values())
    is_one = len(first) == 1
    most = f"{listed(first)} {'is the most frequent reason' if is_one else 'are the most frequent reasons'}"
    columns = [
        PageColumn(matrix.audience.replace("*", " and "), TEXT),
        PageColumn("contacts", COUNT),
        *(PageColumn(WHYS[own], COUNT) for own in whys),
    ]
    rows = [
        (names.short(own.label), own.contacts, *(own.unheard.get(name, 0) for name in whys))
        for own in matrix.groups
        if own.unheard
    ]
    share = percent(max(whys.values()), whole) + ("" if is_one else " each")
    bars = [{"why": name.replace("_", " "), "contacts": own} for name, own in whys.items()]
    yield PageChart(
        title=f"Why nobody can address {counted(whole, 'contact')}: {most} ({share})",
        chart=page_charts.bars(bars, "why", "contacts", "contacts"),
        table=PageTable.of("Contacts whom nobody can address", columns, rows),
    )


def _crowded_charts(matrix: MessagingMatrix, names: ReportNames) -> Iterator[PageChart]:
    """Where several messages ask for the same contacts, if they do."""
    if not matrix.crowded or matrix.everybody is None:
        return
    short = names.short
    wanted = {(short(own.group.label), short(own.channel)): own.wanted or 0.0 for own in matrix.crowded}
    most = listed(leaders(wanted, lambda own: f"{own[0]} by {own[1]}"))
    columns = [
        PageColumn(matrix.audience.replace("*", " and "), TEXT),
        PageColumn("channel", TEXT),
        PageColumn("live messages", COUNT),
        PageColumn("contacts", COUNT),
        PageColumn("messages for each contact", NUMBER),
        PageColumn("granted", COUNT),
        PageColumn("lost", COUNT),
    ]
    rows = [
        (short(own.group.label), short(own.channel), own.messages, own.contacts, own.wanted, own.granted, own.lost)
        for own in matrix.crowded
    ]
    shown = matrix.crowded[:_MOST_BARS]
    yield PageChart(
        title=f"{max(wanted.values()):.1f} messages ask for each contact of {most}, more than anywhere else",
        chart=page_charts.bars(
            [{"where": f"{short(own.group.label)}: {short(own.channel)}", "messages": own.wanted} for own in shown],
            "where",
            "messages",
            "messages for each contact",
        ),
        table=PageTable.of("Where several messages ask for the same contacts", columns, rows),
        notes=_of_all(len(shown), len(rows)),
    )


def _pair_charts(matrix: MessagingMatrix, names: ReportNames) -> Iterator[PageChart]:
    """The campaigns that conflicts keep apart, if there are such."""
    if not matrix.pairs:
        return
    short, first = names.short, matrix.pairs[0]
    columns = [
        PageColumn("conflict", TEXT),
        PageColumn("first", TEXT),
        PageColumn("not then", TEXT),
        PageColumn("contacts of both", COUNT),
        PageColumn("stopped", COUNT),
        PageColumn("got both", COUNT),
    ]
    rows = [
        (short(own.conflict), short(own.first), short(own.then), own.met, own.stopped, own.both) for own in matrix.pairs
    ]
    shown = [own for own in matrix.pairs[:_MOST_BARS] if own.met]
    both = f"{short(first.first)} and {short(first.then)}"
    title = f"Conflicts keep {len(rows):,} pairs of campaigns apart"
    if first.met:
        stopped = f" and stopped {first.stopped:,} of their claims" if first.stopped else ""
        title = f"{both} meet in {counted(first.met, 'contact')}; a conflict keeps them apart{stopped}"
    elif len(rows) == 1:
        title = f"A conflict keeps {both} apart"
    yield PageChart(
        title=title,
        chart=page_charts.bars(
            [{"pair": f"{short(own.first)}, {short(own.then)}", "contacts": own.met} for own in shown],
            "pair",
            "contacts",
            "contacts whom both can address",
        )
        if shown
        else None,
        table=PageTable.of("Campaigns that a conflict keeps apart", columns, rows),
        notes=_of_all(len(shown), len(rows)) if shown else (),
    )


def _of_all(shown: int, all_rows: int) -> tuple[str, ...]:
    return (f"The chart shows the first {shown} of {all_rows:,}.",) if shown < all_rows else ()
