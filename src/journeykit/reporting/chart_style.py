"""How charts look: one style for every picture, in colours that colour-blind people tell apart, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
from attrs import frozen

from journeykit.basics.text import clean, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@frozen
class ChartColour:
    """A colour on a light page, and the one that takes its place on a dark page."""

    light: str
    dark: str


PAPER = ChartColour("#ffffff", "#12161c")
INK = ChartColour("#1f2937", "#e8ecf1")
FAINT = ChartColour("#526071", "#aab6c4")
"""Of subtitles, units and the names on axes."""
RULE = ChartColour("#d5dbe3", "#2f3a47")
"""Of grids and frames."""
TEAM_COLOURS = (
    ChartColour("#2473a7", "#83c8e4"),
    ChartColour("#d08121", "#ed9c77"),
    ChartColour("#16a396", "#a1fccb"),
    ChartColour("#8d2b59", "#975e74"),
    ChartColour("#ab72fc", "#a186d0"),
    ChartColour("#1825a6", "#4163e4"),
    ChartColour("#846832", "#f5dc39"),
    ChartColour("#592810", "#e24611"),
)
"""Of teams, in the playbook's order, and of anything else that has names. No two look alike to people who see red,
green or blue weakly (a test goes by the model of Machado, Oliveira and Fernandes, 2009), and each has a contrast of at
least 3 to 1 to its page (WCAG 2.1, 1.4.11)."""
OTHERS = ChartColour("#7b8794", "#8d99a8")
"""Of all names together that have no colour of their own."""
OUTCOME_COLOURS = {
    "granted": ChartColour("#0f766e", "#5eead4"),
    "deferred": ChartColour("#c27412", "#f0a95c"),
    "denied": ChartColour("#8b929c", "#7d8793"),
}
RAMP = (
    ChartColour("#eaf2f9", "#1b2937"),
    ChartColour("#bcd7eb", "#1f4560"),
    ChartColour("#86b6d9", "#2a698f"),
    ChartColour("#4a8fbf", "#3a80ad"),
    ChartColour("#1f6799", "#86c9e6"),
    ChartColour("#123f66", "#d5f1fb"),
)
"""From little to much: the more, the further from the page."""
GAIN_AND_LOSS = (
    ChartColour("#9a4a08", "#f6ab5e"),
    ChartColour("#dfa25f", "#9a6430"),
    ChartColour("#eef0f3", "#29323d"),
    ChartColour("#7db1d8", "#2f7099"),
    ChartColour("#155b91", "#8fcdf3"),
)
"""From loss over no change to gain; a scale that uses it has its middle at zero."""
FONT = "'Helvetica Neue', Arial, 'Liberation Sans', 'Noto Sans', sans-serif"
WIDTH = 640
"""The width of a chart in pixels where no page gives it one."""
LEGEND_WIDTH = 170
"""The width in pixels that a name takes in a legend; so many fit beside each other."""

DARK_OF = {
    own.light: own.dark
    for own in (PAPER, INK, FAINT, RULE, *TEAM_COLOURS, OTHERS, *OUTCOME_COLOURS.values(), *RAMP, *GAIN_AND_LOSS)
}
"""By colour of a light page, that of a dark one: all that charts are drawn with."""
_NOT_STYLE = frozenset({"data", "datasets", "domain"})


def chart_config() -> dict[str, Any]:
    """The style as Vega-Lite's ``config``, for a light page; `darkened` makes it that of a dark one.

    Example:
        >>> chart_config()["range"]["category"][0]
        '#2473a7'
    """
    ramp = [own.light for own in RAMP]
    text = {"labelColor": INK.light, "titleColor": FAINT.light, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None, "continuousWidth": WIDTH, "discreteWidth": WIDTH, "continuousHeight": 260},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "color": INK.light,
            "subtitleColor": FAINT.light,
            "fontSize": 15,
            "fontWeight": 600,
            "subtitleFontSize": 12,
            "subtitlePadding": 4,
            "lineHeight": 20,
            "subtitleLineHeight": 16,
            "offset": 14,
        },
        "axis": {
            **text,
            "domainColor": FAINT.light,
            "tickColor": FAINT.light,
            "gridColor": RULE.light,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelLimit": 170,
            "labelPadding": 5,
        },
        # Lines across are for reading values; a name needs none.
        "axisBand": {"grid": False, "domain": False, "ticks": False},
        "axisX": {"labelLimit": 120},
        "axisQuantitative": {"tickCount": 6},
        "legend": {
            **text,
            "orient": "top",
            "direction": "horizontal",
            "titleFontWeight": "normal",
            "labelLimit": 130,
            "columns": WIDTH // LEGEND_WIDTH,
            "offset": 8,
        },
        "header": {**text, "labelFontWeight": 600, "labelLimit": 220},
        "range": {
            "category": [own.light for own in TEAM_COLOURS],
            "ordinal": ramp,
            "ramp": ramp,
            "heatmap": ramp,
            "diverging": [own.light for own in GAIN_AND_LOSS],
        },
        "mark": {"color": TEAM_COLOURS[0].light},
        "bar": {"cornerRadiusEnd": 2},
        "line": {"strokeWidth": 2.5, "strokeCap": "round", "strokeJoin": "round"},
        "area": {"fillOpacity": 0.18},
        "point": {"size": 55, "filled": True},
        "rule": {"color": FAINT.light},
        "text": {"color": INK.light, "fontSize": 12},
    }


def darkened(part: Any) -> Any:
    """A specification, or a part of one, in the colours of a dark page; data keep what they are.

    Example:
        >>> darkened({"mark": {"color": "#2473a7"}, "data": {"values": [{"team": "#2473a7"}]}})
        {'mark': {'color': '#83c8e4'}, 'data': {'values': [{'team': '#2473a7'}]}}
    """
    if isinstance(part, dict):
        return {name: value if name in _NOT_STYLE else darkened(value) for name, value in part.items()}
    if isinstance(part, list):
        return [darkened(value) for value in part]
    return DARK_OF.get(part, part) if isinstance(part, str) else part


def chart_data(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Rows as the data of a chart: as many as there are, in the chart itself."""
    return alt.InlineData(values=[dict(row) for row in rows])


def name_scale(names: Sequence[str]) -> Any:
    """The scale of colours of names: the first eight have one of their own, all others one together.

    The same names in the same order have the same colours in every chart: give teams in the playbook's order.

    Example:
        >>> name_scale(["events", "sales"]).to_dict()
        {'domain': ['events', 'sales'], 'range': ['#2473a7', '#d08121']}
    """
    return alt.Scale(domain=[*names], range=name_colours(names))


def name_colours(names: Sequence[str]) -> list[str]:
    """The colours of names on a light page, as `name_scale` gives them."""
    return [own.light for own, _ in zip([*TEAM_COLOURS, *[OTHERS] * len(names)], names, strict=False)]


def short_names(names: Iterable[str], most: int = 48) -> dict[str, str]:
    """By name, how a chart calls it: at most so many characters, no two alike, and nothing that turns a line.

    A name of thousands of characters takes a chart seconds to measure, for a label that is cut anyway.

    Example:
        >>> short_names(["winter sale for members", "winter sale for everybody"], most=14)
        {'winter sale for members': 'winter sale f…', 'winter sale for everybody': 'winter sa… (2)'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        own, number = _cut(clean(name), most), 1
        while own in taken:
            number += 1
            own = _cut(clean(name), most - len(f" ({number})")).removesuffix("…") + f"… ({number})"
        taken.add(own)
        found[name] = own
    return found


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def outcome_scale() -> Any:
    """The scale of colours of outcomes."""
    return alt.Scale(domain=[*OUTCOME_COLOURS], range=[own.light for own in OUTCOME_COLOURS.values()])


def day_axis(field: str, title: str | None = None, days: Sequence[str] | None = None) -> Any:
    """A horizontal axis of days, each a text such as ``2026-11-05``, which is the same day in every reader's zone.

    Args:
        field: the column of days.
        title: what is below the axis.
        days: all days that have a place, those without data too; by default those of the data.

    Example:
        >>> day_axis("day").to_dict()["type"]
        'ordinal'
    """
    label = "utcFormat(toDate(datum.value), '%-d %b')"
    axis = alt.Axis(labelExpr=label, labelAngle=0, labelOverlap=True, labelSeparation=8, ticks=True)
    scale = alt.Undefined if days is None else alt.Scale(domain=[*days])
    return alt.X(field, type="ordinal", title=title, axis=axis, scale=scale)


def finding(title: str, subtitle: str = "", *, width: int = WIDTH) -> Any:
    """The title of a picture: what it found, in words; below it what is shown, with units, in lines that fit.

    A page has its titles as text instead, which can be selected and wraps by itself.
    """
    below: Any = {"subtitle": _lines(subtitle, (width - 28) / 6)} if subtitle else {}
    return alt.TitleParams(text=_lines(title, (width - 28) / 7.6), **below)


def _lines(text: str, most: float) -> list[str]:
    lines = [""]
    for word in clean(text).split(" "):
        if lines[-1] and width_of(lines[-1]) + 1 + width_of(word) > most:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines
