"""Charts as files: a picture by itself, and the parts of a page that opens without a network."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from journeykit.basics.text import clean
from journeykit.reporting.chart_style import DARK_OF, FONT, INK, LEGEND_WIDTH, PAPER, WIDTH, chart_config, darkened

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAGE_STYLE = (
    f":root{{color-scheme:light dark}}body{{margin:0;font-family:{FONT};background:{PAPER.light};color:{INK.light}}}"
    "main{max-width:1400px;margin:0 auto;padding:1.5rem}h1{font-size:1.35rem;overflow-wrap:anywhere}"
    f"@media (prefers-color-scheme:dark){{body{{background:{PAPER.dark};color:{INK.dark}}}}}"
    f"@media print{{body{{background:{PAPER.light};color:{INK.light}}}}}"
)


def chart_spec(chart: Any) -> dict[str, Any]:
    """A chart as a Vega-Lite specification in the style of `chart_style`, for a light page.

    A theme that the user has set in altair is for the user's own charts, and has no part in it.
    """
    with alt.theme.enable("none"):
        spec: dict[str, Any] = chart.to_dict()
    return spec | {"config": _joined(chart_config(), spec.get("config", {}))}


def chart_svg(chart: Any, *, width: int = WIDTH) -> str:
    """A chart as a whole file of SVG, which turns dark where the reader's screen is.

    Args:
        chart: an altair chart.
        width: in pixels, for a chart that would take the width of its place in a page.

    Example:
        >>> import altair as alt
        >>> from journeykit.reporting.chart_style import chart_data
        >>> picture = alt.Chart(chart_data([{"team": "events", "messages": 3}])).mark_bar()
        >>> chart_svg(picture.encode(x="messages:Q", y="team:N"))[:4]
        '<svg'
    """
    spec = chart_spec(chart)
    if spec.get("width") == "container":
        spec["width"] = width
        spec.setdefault("autosize", {"type": "fit-x", "contains": "padding"})
        spec["config"]["legend"]["columns"] = max(1, width // LEGEND_WIDTH)
    spec.setdefault("padding", 14)
    spec["config"]["background"] = PAPER.light
    light, dark = _rendered(spec), _rendered(darkened(spec))
    head, body = _parts(light)
    # Both are in the file, so that colours between two colours are right too; one of them is shown. Viewers without
    # style sheets show the light one.
    return (
        f"{head}<style>@media (prefers-color-scheme:dark){{.jk-light{{display:none}}.jk-dark{{display:inline}}}}"
        f'</style>\n<g class="jk-light">{body}</g>\n<g class="jk-dark" display="none">{_parts(dark)[1]}</g>\n</svg>\n'
    )


def chart_holder(chart: Any, name: str, description: str) -> str:
    """The place of a chart in a page, with its specification.

    Args:
        chart: an altair chart; give it ``width="container"``, so that it takes the width of its place.
        name: an id, unique in the page.
        description: what the picture shows, for readers who do not see it; the page has a table beside it.
    """
    key, label = html.escape(name), html.escape(description)
    return (
        f'<div class="chart" style="width:100%" role="img" aria-label="{label}" data-chart="{key}"></div>\n'
        f'<script type="application/json" id="{key}">{script_json(chart_spec(chart))}</script>\n'
    )


def chart_scripts() -> str:
    """The scripts that show all charts of a page, to be put once at its end: nothing is loaded from elsewhere.

    A page that offers light and dark itself sets ``data-theme`` of its root element to either.
    """
    return (
        f'<script type="application/json" id="chart-colours">{script_json(DARK_OF)}</script>\n'
        f'<script type="module">{_bundle()}</script>\n'
    )


def page_of(title: str, subtitle: str, *parts: str) -> str:
    """A whole page that needs no network: a title, what is below it, and parts, each HTML; light or dark.

    Args:
        title: what was found, in words.
        subtitle: what is shown.
        parts: pictures and tables, one below the other.
    """
    inside = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(clean(title))}</title>\n<style>{_PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{html.escape(clean(title))}</h1>\n<p>{html.escape(clean(subtitle))}</p>\n{inside}\n</main>\n</body>\n</html>\n"
    )


def script_json(value: Any) -> str:
    r"""Plain data as JSON that cannot end the script around it.

    Example:
        >>> script_json({"team": "</script>"})
        '{"team":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


@cache
def _bundle() -> str:
    own = (files("journeykit.reporting") / "charts.js").read_text("utf-8")
    # A page's script ends where its text says so, even inside of a string.
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", vl_convert.javascript_bundle(own), flags=re.IGNORECASE)


def _rendered(spec: Mapping[str, Any]) -> str:
    return vl_convert.vegalite_to_svg(dict(spec), show_warnings=False, allowed_base_urls=[])


def _parts(svg: str) -> tuple[str, str]:
    """What opens a file of SVG, and what is inside."""
    inside = svg.index(">", svg.index("<svg")) + 1
    return svg[:inside], svg[inside : svg.rindex("</svg>")].strip()


def _joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, with those of a chart itself in their place."""
    both = {
        name: _joined(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}
