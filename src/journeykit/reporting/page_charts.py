"""The charts of the report: each takes the width of its place, and has its title and its legend in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from journeykit.reporting.chart_style import (
    FAINT,
    GAIN_AND_LOSS,
    OTHERS,
    RAMP,
    RULE,
    TEAM_COLOURS,
    chart_data,
    day_axis,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.reporting.chart_style import ChartColour

MOST_COLOURS = len(TEAM_COLOURS)
"""So many names have a colour of their own."""
_ROW, _LEAST = 26, 60
_LABEL = 150
_THOUSANDS, _TENS = 10_000, 10
_TICKS: Any = {"tickCount": 5, "labelSeparation": 8}
"""Few values along an axis, which do not touch on a narrow page."""
_MAIN = TEAM_COLOURS[0].light


def colour_at(place: int) -> ChartColour:
    """The colour of a place; -1, and any place beyond the last colour, is that of all others."""
    return TEAM_COLOURS[place] if 0 <= place < MOST_COLOURS else OTHERS


def bars(
    rows: Iterable[Mapping[str, Any]],
    name: str,
    value: str,
    unit: str,
    *,
    share: bool = False,
    lines: int = 1,
    colours: Mapping[str, int] | None = None,
) -> Any:
    """Horizontal bars, the largest first, each with its name.

    Args:
        rows: a row for each bar, in order.
        name: the column of names.
        value: that of the lengths.
        unit: what the lengths are in.
        share: whether they are shares from 0 to 1.
        lines: how many lines names have, with a line break between them.
        colours: by name, the place of its colour, where names have one elsewhere too; None for one colour.
    """
    own = [dict(row) for row in rows]
    label = alt.Axis(labelLimit=_LABEL)
    if lines > 1:
        label = alt.Axis(labelLimit=_LABEL, labelExpr="split(datum.label, '\\n')", labelOffset=-7 * (lines - 1))
    style = ".0%" if share else _number_format(own, value)
    base = alt.Chart(chart_data(own))
    chart = base.mark_bar(color=_MAIN).encode(
        x=alt.X(f"{value}:Q", title=unit, axis=alt.Axis(format=style, **_TICKS)),
        y=alt.Y(f"{name}:N", title=None, sort=None, axis=label),
        tooltip=[
            alt.Tooltip(f"{name}:N"),
            alt.Tooltip(f"{value}:Q", title=unit, format=".1%" if share else ",.6~g"),
        ],
    )
    if colours is not None:
        places = {row[name]: colours.get(row[name], -1) for row in own}
        chart = chart.encode(color=_coloured(name, places))
    return _finished(chart, len(own) * (1 + 0.4 * (lines - 1)))


def stacked_bars(
    rows: Iterable[Mapping[str, Any]],
    name: str,
    part: str,
    value: str,
    unit: str,
    colours: Mapping[str, int],
    *,
    share: bool = False,
) -> Any:
    """Horizontal bars of parts that have a colour each.

    Args:
        rows: a row for each part of a bar.
        name: the column of the bars' names.
        part: that of the parts' names.
        value: that of the lengths.
        unit: what they are in.
        colours: by part, in order, the place of its colour.
        share: whether every bar is the whole.
    """
    places = {own: place for place, own in enumerate(colours)}
    own = [{**row, "place": places[row[part]]} for row in rows]
    chart = (
        alt.Chart(chart_data(own))
        .mark_bar()
        .encode(
            x=alt.X(
                f"{value}:Q",
                title=unit,
                stack="normalize" if share else "zero",
                axis=alt.Axis(format=".0%" if share else _number_format(own, value), **_TICKS),
            ),
            y=alt.Y(f"{name}:N", title=None, sort=None, axis=alt.Axis(labelLimit=_LABEL)),
            color=_coloured(part, colours),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip(f"{name}:N"), alt.Tooltip(f"{part}:N"), alt.Tooltip(f"{value}:Q", format=",.6~g")],
        )
    )
    return _finished(chart, len({row[name] for row in own}))


def stacked_days(
    rows: Iterable[Mapping[str, Any]],
    days: Sequence[str],
    part: str,
    value: str,
    unit: str,
    colours: Mapping[str, int],
) -> Any:
    """Upright bars, one for each day, of parts that have a colour each.

    Args:
        rows: a row for each part of a ``day``.
        days: all days, those without rows too.
        part: as `stacked_bars` has it, and so what follows.
        value: likewise.
        unit: likewise.
        colours: likewise.
    """
    own = [dict(row) for row in rows]
    chart = (
        alt.Chart(chart_data(own))
        .mark_bar()
        .encode(
            x=day_axis("day", days=days),
            y=alt.Y(f"{value}:Q", title=unit, axis=alt.Axis(format=_number_format(own, value), **_TICKS)),
            color=_coloured(part, colours),
            tooltip=[alt.Tooltip("day:O"), alt.Tooltip(f"{part}:N"), alt.Tooltip(f"{value}:Q", format=",.6~g")],
        )
    )
    return chart.properties(width="container", height=260)


def columns(rows: Iterable[Mapping[str, Any]], name: str, value: str, across: str, unit: str) -> Any:
    """Upright bars in the order of their names, such as a distribution.

    Args:
        rows: a row for each bar, in order.
        name: the column of names.
        value: that of the heights.
        across: what the names are.
        unit: what the heights are in.
    """
    own = [dict(row) for row in rows]
    chart = (
        alt.Chart(chart_data(own))
        .mark_bar(color=_MAIN)
        .encode(
            x=alt.X(f"{name}:O", title=across, sort=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            y=alt.Y(f"{value}:Q", title=unit, axis=alt.Axis(format=_number_format(own, value), **_TICKS)),
            tooltip=[alt.Tooltip(f"{name}:O", title=across), alt.Tooltip(f"{value}:Q", title=unit, format=",.6~g")],
        )
    )
    return chart.properties(width="container", height=240)


def intervals(rows: Iterable[Mapping[str, Any]], name: str, value: str, ends: Sequence[str], unit: str) -> Any:
    """Points with their intervals, one below the other; shares from 0 to 1.

    Args:
        rows: a row for each point.
        name: the column of names.
        value: that of the points.
        ends: those of the ends of intervals.
        unit: what the points are in.
    """
    own = [dict(row) for row in rows]
    base = alt.Chart(chart_data(own)).encode(
        y=alt.Y(f"{name}:N", title=None, sort=None, axis=alt.Axis(labelLimit=_LABEL)),
        tooltip=[alt.Tooltip(f"{name}:N"), *(alt.Tooltip(f"{own}:Q", format=".2%") for own in (value, *ends))],
    )
    axis = alt.Axis(format=".1%", **_TICKS)
    lines = base.mark_rule(strokeWidth=2, color=_MAIN).encode(
        x=alt.X(f"{ends[0]}:Q", title=unit, axis=axis), x2=f"{ends[1]}:Q"
    )
    points = base.mark_point(filled=True, size=70, color=_MAIN).encode(x=f"{value}:Q")
    return _finished(lines + points, len(own))


def gains(rows: Iterable[Mapping[str, Any]], name: str, value: str, unit: str) -> Any:
    """Horizontal bars to both sides of 0: what is gained to the right, what is lost to the left.

    Args:
        rows: a row for each bar, in order.
        name: the column of names.
        value: that of the lengths.
        unit: what the lengths are in.
    """
    own = [dict(row) for row in rows]
    loss, gain = GAIN_AND_LOSS[0].light, GAIN_AND_LOSS[-1].light
    chart = (
        alt.Chart(chart_data(own))
        .mark_bar()
        .encode(
            x=alt.X(f"{value}:Q", title=unit, axis=alt.Axis(format=f"+{_number_format(own, value)}", **_TICKS)),
            y=alt.Y(f"{name}:N", title=None, sort=None, axis=alt.Axis(labelLimit=_LABEL)),
            color=alt.condition(f"datum.{value} < 0", alt.value(loss), alt.value(gain)),
            tooltip=[f"{name}:N", alt.Tooltip(f"{value}:Q", title=unit, format="+,.6~g")],
        )
    )
    return _finished(chart, len(own))


def grid(rows: Iterable[Mapping[str, Any]], row: str, column: str, value: str, empty: str, unit: str) -> Any:
    """A grid of cells, the darker the more; an empty one has a line in place of a colour.

    Args:
        rows: a row for each cell, in order.
        row: the column of the names of the grid's rows.
        column: that of the names of its columns.
        value: that of the numbers.
        empty: that of whether a cell is empty.
        unit: what the numbers are of.
    """
    own = [dict(one) for one in rows]
    across = alt.Axis(labelLimit=_LABEL, labelAngle=-50, orient="top")
    down = alt.Axis(labelLimit=_LABEL)
    base = alt.Chart(chart_data(own)).encode(
        x=alt.X(f"{column}:N", title=None, sort=None, axis=across),
        y=alt.Y(f"{row}:N", title=None, sort=None, axis=down),
        tooltip=[f"{row}:N", f"{column}:N", alt.Tooltip(f"{value}:Q", title=unit, format=",.6~g")],
    )
    scale = alt.Scale(range=[own.light for own in RAMP], domainMin=0)
    legend = alt.Legend(orient="bottom", gradientLength=200, titleLimit=300)
    colour = alt.Color(f"{value}:Q", title=unit, scale=scale, legend=legend)
    cells = base.mark_rect(stroke=RULE.light, strokeWidth=1).encode(
        color=alt.condition(f"datum.{empty}", alt.value("transparent"), colour)
    )
    lines = base.transform_filter(f"datum.{empty}").mark_text(text="-", color=FAINT.light)
    return _finished(cells + lines, len({one[row] for one in own}) + 2)


def _number_format(rows: Sequence[Mapping[str, Any]], value: str) -> str:
    """How numbers along an axis are written: thousands with a k, small ones with what tells them apart."""
    most = max((abs(row[value]) for row in rows), default=0)
    return ",.3~s" if most >= _THOUSANDS else ",.0f" if most >= _TENS else ",.3~g"


def _coloured(part: str, colours: Mapping[str, int]) -> Any:
    scale = alt.Scale(domain=[*colours], range=[colour_at(place).light for place in colours.values()])
    return alt.Color(f"{part}:N", legend=None, scale=scale)


def _finished(chart: Any, count: float) -> Any:
    return chart.properties(width="container", height=max(_LEAST, round(count * _ROW)))
