"""The report as one page of HTML: nothing is loaded from elsewhere, and nothing in a name can become markup."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from journeykit.basics.version import VERSION
from journeykit.reporting.chart_files import chart_holder, chart_scripts
from journeykit.reporting.chart_style import FAINT, FONT, INK, PAPER, RULE
from journeykit.reporting.page_charts import MOST_COLOURS, colour_at
from journeykit.reporting.page_parts import DAY, NUMBER, SHARE, TEXT, amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.reporting.page_parts import PageChart, PagePart, PageTable

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""A browser that obeys it loads nothing at all, whatever the page holds."""
_FEW_ROWS = 8
"""A table of so few rows, or one without a chart, is shown at once."""


def page_html(title: str, lines: Sequence[str], parts: Sequence[PagePart], hints: Mapping[str, str]) -> str:
    """The page.

    Args:
        title: its heading.
        lines: what is said below it.
        parts: its parts; those that lack something are named at the end.
        hints: by name as it is shown, the whole one.
    """
    shown = [part for part in parts if not part.missing]
    lacking = [part for part in parts if part.missing]
    body = "\n".join(_part(part, hints, _findings(shown) if part is shown[0] else "") for part in shown)
    links = [(part.key, part.title) for part in shown] + ([("lacking", "Not in this report")] if lacking else [])
    nav = "".join(f'<li><a href="#{key}">{told(name)}</a></li>' for key, name in links)
    below = "".join(f'<p class="faint">{told(line)}</p>' for line in lines)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{told(_POLICY)}">
<meta name="generator" content="journeykit {VERSION}">
<title>{told(title)}</title>
<style>
{_colours()}
{_own("page.css")}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<div><h1>{told(title)}</h1>{below}</div>
<button class="theme" type="button" hidden>Colours: as the screen</button>
</header>
<div class="shell">
<nav aria-label="Parts of the report"><ul>{nav}</ul></nav>
<main id="main" tabindex="-1">
<noscript><p>Charts need scripts, which are switched off here; every table is below its place.</p></noscript>
{body}
{_lacking(lacking)}
</main>
</div>
<footer><p>Made by journeykit {VERSION}. The page is whole in this file and loads nothing.</p></footer>
{chart_scripts()}
<script type="module">
{_own("page.js")}</script>
</body>
</html>
"""


def told(text: str) -> str:
    """A text as markup that is nothing but text; a number and its sign of percent stay together."""
    return escape(text).replace(" %", "\u00a0%")


def said(text: str) -> str:
    """A sentence as markup, with its commands set as such."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", told(text))


def _own(name: str) -> str:
    return (files("journeykit.reporting") / name).read_text("utf-8")


def _colours() -> str:
    """The colours of charts as those of the page: light, dark, and light on paper."""
    own = {"paper": PAPER, "ink": INK, "faint": FAINT, "rule": RULE}
    own |= {f"series-{place}": colour_at(place) for place in range(MOST_COLOURS)} | {"series-rest": colour_at(-1)}

    def as_names(kind: str) -> str:
        return "".join(f"--{name}:{getattr(colour, kind)};" for name, colour in own.items())

    dark = f"color-scheme:dark;{as_names('dark')}"
    return (
        f":root{{color-scheme:light;--font:{FONT};{as_names('light')}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{{dark}}}}}"
    )


def _findings(parts: Sequence[PagePart]) -> str:
    """What each part finds first, with the way to it."""
    found = [(part.key, part.charts[0].title) for part in parts if part.charts and part.key != "examples"]
    items = "".join(f'<li><a href="#{key}">{told(title)}</a></li>' for key, title in found)
    return f'<ul class="findings">{items}</ul>' if items else ""


def _part(part: PagePart, hints: Mapping[str, str], findings: str) -> str:
    charts = "\n".join(_chart(chart, f"{part.key}-{number}", hints) for number, chart in enumerate(part.charts, 1))
    lines = "".join(f"<p>{said(line)}</p>" for line in part.lines)
    figures = "".join(f"<div><dt>{told(what)}</dt><dd>{told(value)}</dd></div>" for value, what in part.figures)
    figures = f'<dl class="figures">{figures}</dl>' if figures else ""
    return (
        f'<section id="{part.key}" aria-labelledby="{part.key}-title">'
        f'<h2 id="{part.key}-title">{told(part.title)}</h2>'
        f"{figures}{lines}{findings}{charts}{part.html}</section>"
    )


def _lacking(parts: Sequence[PagePart]) -> str:
    if not parts:
        return ""
    items = "".join(f"<li><strong>{told(part.title)}</strong>: {said(part.missing)}.</li>" for part in parts)
    return (
        '<section id="lacking" aria-labelledby="lacking-title"><h2 id="lacking-title">Not in this report</h2>'
        f"<p>These parts have nothing to show, or need what is named:</p><ul>{items}</ul></section>"
    )


def _chart(chart: PageChart, key: str, hints: Mapping[str, str]) -> str:
    """A chart with its title, its legend and its table."""
    picture = "" if chart.chart is None else chart_holder(chart.chart, f"chart-{key}", chart.title)
    notes = "".join(f'<p class="note">{said(note)}</p>' for note in chart.notes)
    is_open = chart.chart is None
    return (
        f'<figure aria-labelledby="{key}-title"><h3 id="{key}-title">{told(chart.title)}</h3>'
        f"{_legend(chart)}{picture}{notes}{_folded(chart.table, key, hints, is_open=is_open)}</figure>"
    )


def _legend(chart: PageChart) -> str:
    if not chart.legend:
        return ""
    items = "".join(
        f'<li><i style="--own:var(--series-{place if 0 <= place < MOST_COLOURS else "rest"})"></i>{told(name)}</li>'
        for name, place in chart.legend.items()
    )
    return f'<ul class="legend" aria-label="Colours">{items}</ul>'


def _folded(table: PageTable, key: str, hints: Mapping[str, str], *, is_open: bool) -> str:
    count = len(table.rows)
    summary = f"Table: {table.title} ({count:,} row{'s' * (count != 1)})"
    more = f'<p class="note">{table.cut:,} more rows are not in the page.</p>' if table.cut else ""
    return (
        f"<details{' open' if is_open else ''}><summary>{told(summary)}</summary>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{told(table.title)}">'
        f"{_table(table, key, hints)}</div>{more}</details>"
    )


def _table(table: PageTable, key: str, hints: Mapping[str, str]) -> str:
    kinds = [column.kind for column in table.columns]
    heads = "".join(f'<th scope="col"{_class(column.kind)}>{told(column.name)}</th>' for column in table.columns)
    left = dict(hints)
    rows = "".join(f"<tr>{''.join(_cells(row, kinds, left))}</tr>" for row in table.rows)
    return f'<table id="{key}-table" data-sorts><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _class(kind: str) -> str:
    return "" if kind in (TEXT, DAY) else ' class="n"'


def _cells(row: Sequence[Any], kinds: Sequence[str], hints: dict[str, str]) -> Iterator[str]:
    for value, kind in zip(row, kinds, strict=True):
        if value is None:
            yield f"<td{_class(kind)}></td>"
        elif kind in (TEXT, DAY):
            # The whole name once in a table: pages with many long names would grow large.
            whole = hints.pop(value, None)
            yield f"<td{f' title={chr(34)}{told(whole)}{chr(34)}' if whole else ''}>{told(str(value))}</td>"
        else:
            yield f'<td class="n" data-v="{value:.10g}">{told(shown_number(value, kind))}</td>'


def shown_number(value: float, kind: str) -> str:
    """A number of a table in words.

    Example:
        >>> shown_number(1234, "count"), shown_number(0.4136, "share"), shown_number(2.5, "number")
        ('1,234', '41.4 %', '2.50')
    """
    if kind == SHARE:
        return f"{100 * value:.1f} %"
    return amount(value) if kind == NUMBER or value != round(value) else f"{value:,.0f}"
