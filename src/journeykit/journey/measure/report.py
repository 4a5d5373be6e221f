"""Estimates as text and as HTML."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from journeykit.basics.text import clean
from journeykit.basics.text_table import text_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.journey.measure.estimates import Estimates
    from journeykit.journey.measure.intervals import Share
    from journeykit.journey.measure.sales import Sales

_UNKNOWN = "-"
_CELL = "border:1px solid #ccc;padding:2px 6px"


class Table(NamedTuple):
    """A table for people: a title, headings, rows, and how many columns, from the first on, are names."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    names: int


def text(estimates: Estimates) -> str:
    """The estimates as text."""
    lines = list(heading(estimates))
    for table in tables(estimates):
        figures = range(table.names, len(table.headings))
        lines += ["", table.title, *text_table(table.headings, table.rows, right=figures)]
    return "\n".join(lines)


def page(estimates: Estimates) -> str:
    """The estimates as HTML, for notebooks."""
    lines = "<br>".join(html.escape(clean(line)) for line in heading(estimates))
    return f"<div><p>{lines}</p>{''.join(map(_html, tables(estimates)))}</div>"


def heading(estimates: Estimates) -> Iterator[str]:
    """Who was observed until when, and what was not used."""
    who = "" if estimates.segment is None else f" of segment {estimates.segment}"
    until = estimates.at.isoformat(" ", "minutes")[:16]
    yield f"{_counted(estimates.contacts, 'contact')}{who}, {_counted(estimates.steps, 'step')}, until {until} (UTC)."
    yield f"Intervals are at {100 * estimates.level:g} %; times are days of 24 hours."
    for what, counts in (("Not used", estimates.ignored), ("Put right", estimates.repaired)):
        if counts:
            yield f"{what}: {', '.join(f'{why} {count:,}' for why, count in counts.items())}."


def tables(estimates: Estimates) -> Iterator[Table]:
    """The tables, those by segment with all contacts first."""
    yield _funnel(estimates)
    yield _moves(estimates)
    yield _stays(estimates)
    if estimates.sales is not None:
        yield _sales(estimates)


def _groups(estimates: Estimates) -> list[tuple[tuple[str, ...], Estimates]]:
    """What stands under each other, each with the cells that say whose it is."""
    if not estimates.by_segment:
        return [((), estimates)]
    return [(("all",), estimates), *(((name,), own) for name, own in estimates.by_segment.items())]


def _funnel(estimates: Estimates) -> Table:
    who = ("segment",) if estimates.by_segment else ()
    rows = [
        (
            *name,
            step.stage,
            f"{step.reached:,}",
            f"{step.in_order:,}",
            _UNKNOWN if step.converted is None else f"{step.converted.part:,}",
            *_share(step.converted),
            _UNKNOWN if step.drop_off is None else f"{step.drop_off:,}",
            f"{step.skipped:,}",
            f"{step.waiting:,}",
            f"{step.left:,}",
            _days(step.between),
        )
        for name, own in _groups(estimates)
        for step in own.funnel
    ]
    headings = ("stage", "reached", "in order", "went on", "share", "interval", "drop-off", "skipped it", "waiting")
    return Table("Funnel", (*who, *headings, "left", "median days"), rows, len(who) + 1)


def _moves(estimates: Estimates) -> Table:
    rows = [(move.source, move.to, f"{move.share.part:,}", *_share(move.share)) for move in estimates.moves]
    return Table("Moves", ("from", "to", "moves", "share", "interval"), rows, 2)


def _stays(estimates: Estimates) -> Table:
    rows = [
        (
            stays.stage,
            *(f"{count:,}" for count in (stays.entered, stays.ended, stays.going, stays.cut)),
            *map(_days, stays.quartiles),
        )
        for stays in estimates.stays
    ]
    headings = ("stage", "entered", "ended", "going on", "cut", "25 % by day", "50 % by day", "75 % by day")
    return Table("Time on the stage", headings, rows, 1)


def _sales(estimates: Estimates) -> Table:
    rows = [(*(name or ("all",)), *_sold(own.sales)) for name, own in _groups(estimates) if own.sales is not None]
    headings = ("segment", "won", "lost", "close rate", "interval", "amounts", "average sale", "its interval")
    return Table("Sales", headings, rows, 1)


def _sold(sales: Sales) -> tuple[str, ...]:
    span = _UNKNOWN if sales.low is None else f"{sales.low:,.2f} to {sales.high:,.2f}"
    average = _UNKNOWN if sales.average is None else f"{sales.average:,.2f}"
    return f"{sales.won:,}", f"{sales.lost:,}", *_share(sales.close_rate), f"{sales.amounts:,}", average, span


def _share(share: Share | None) -> tuple[str, str]:
    if share is None or share.rate is None or share.low is None or share.high is None:
        return _UNKNOWN, _UNKNOWN
    return f"{100 * share.rate:.1f} %", f"{100 * share.low:.1f} to {100 * share.high:.1f} %"


def _days(length: timedelta | None) -> str:
    """A time in days: one decimal, and for parts of a day the two digits that tell most."""
    if length is None:
        return _UNKNOWN
    days = length / timedelta(days=1)
    return f"{days:.2g}" if 0 < days < 0.95 else f"{days:,.1f}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _html(table: Table) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="{_CELL};text-align:{"left" if place < table.names else "right"}">{html.escape(clean(cell))}'
            f"</{tag}>"
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in table.rows)
    return (
        f"<p><strong>{table.title}</strong></p>"
        f'<table style="border-collapse:collapse"><thead><tr>{cells(table.headings, "th")}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
