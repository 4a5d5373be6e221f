"""Charts in a browser: they are drawn without a network, in the colours of the screen, and on paper in light ones."""

from __future__ import annotations

import re
import zlib

import altair as alt
import pytest

from journeykit.reporting.chart_files import chart_holder, chart_scripts, chart_svg
from journeykit.reporting.chart_style import (
    PAPER,
    TEAM_COLOURS,
    chart_data,
    day_axis,
    finding,
    name_scale,
    outcome_scale,
    short_names,
)

NASTY = "</script><script>document.title='broken'</script><!-- & \u05d0\u05d1\u05d2"
TEAMS = list(short_names(["events", "demand gen", NASTY, "x" * 10_000]).values())
STYLE = f"""<style>
:root {{ color-scheme: light dark }}
@media (prefers-color-scheme: dark) {{ body {{ background: {PAPER.dark}; color: #e8ecf1 }} }}
</style>"""


def bars() -> alt.Chart:
    """Messages by day and team."""
    rows = [{"day": f"2026-11-{day:02}", "team": team, "messages": day} for day in range(1, 15) for team in TEAMS]
    color = alt.Color("team:N", scale=name_scale(TEAMS), title=None)
    chart = alt.Chart(chart_data(rows), width="container", title=finding("All teams send alike"))
    return chart.mark_bar().encode(x=day_axis("day"), y="messages:Q", color=color)


def names() -> alt.Chart:
    """Claims by team and outcome, a row for each team."""
    rows = [{"team": team, "outcome": outcome, "claims": 3} for team in TEAMS for outcome in ("granted", "denied")]
    chart = alt.Chart(chart_data(rows), width="container").mark_bar()
    return chart.encode(y="team:N", x="claims:Q", color=alt.Color("outcome:N", scale=outcome_scale()))


@pytest.fixture(scope="module")
def page() -> str:
    """A page with two charts, one of them folded away."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>charts</title>{STYLE}</head><body><main>'
        f"<h1>Charts</h1>{chart_holder(bars(), 'bars', NASTY)}"
        f"<details><summary>more</summary>{chart_holder(names(), 'names', 'claims by team')}</details>"
        f"</main>{chart_scripts()}</body></html>"
    )


def fills(watched) -> set[str]:
    """The colours of the marks of all charts."""
    found = watched.page.eval_on_selector_all("[data-chart] path", "all => all.map(own => own.getAttribute('fill'))")
    return {colour for colour in found if colour}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_charts_are_drawn_for_the_screen(opened, axe, page: str, width: int, scheme: str) -> None:
    """They fit into the window, have the colours of its scheme, and hold nothing that axe complains of."""
    watched = opened(page, width=width, scheme=scheme)
    assert watched.overflow <= 0
    assert {getattr(own, scheme) for own in TEAM_COLOURS[:4]} <= fills(watched)
    assert watched.page.title() == "charts"
    assert watched.complaints(axe) == []


def test_a_chart_that_is_unfolded_takes_its_width(opened, page: str) -> None:
    """What was folded away has no width; when it is opened it is drawn anew."""
    watched = opened(page)
    watched.page.click("summary")
    watched.page.wait_for_function("document.querySelector('[data-chart=names] svg').clientWidth > 1000")


def test_a_reader_may_choose(opened, page: str) -> None:
    """A page with a button for light and dark sets data-theme, which comes before the screen's."""
    watched = opened(page, scheme="dark")
    watched.page.evaluate("document.documentElement.dataset.theme = 'light'")
    watched.wait_for_charts("light")
    assert TEAM_COLOURS[0].light in fills(watched)
    watched.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    watched.wait_for_charts("dark")


def test_paper_is_light(opened, page: str) -> None:
    """A reader with a dark screen prints in the colours of a light one, and has the dark ones again afterwards."""
    watched = opened(page, scheme="dark")
    printed = colours_of(watched.page.pdf())
    assert TEAM_COLOURS[0].light in printed
    assert not {own.dark for own in TEAM_COLOURS} & printed
    watched.wait_for_charts("dark")


def test_a_picture_turns_dark(opened) -> None:
    """An SVG in a page shows the half for the reader's screen."""
    page = f'<!doctype html><html lang="en"><title>picture</title><body>{chart_svg(bars())}</body></html>'
    for scheme in ("light", "dark"):
        watched = opened(page, scheme=scheme)
        shown = [own for own in ("light", "dark") if watched.page.is_visible(f".jk-{own}")]
        assert shown == [scheme]


def test_a_chart_that_cannot_be_drawn_says_so(browser, tmp_path) -> None:
    """The reader sees words in its place, and the others are drawn."""
    broken = '<div data-chart="no"></div><script type="application/json" id="no">{"mark": 3}</script>'
    (tmp_path / "page.html").write_text(f"{broken}{chart_holder(bars(), 'bars', 'x')}{chart_scripts()}", "utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector("[data-chart=bars] svg")
    assert "could not be drawn" in page.inner_text("[data-chart=no]")
    page.context.close()


def colours_of(pdf: bytes) -> set[str]:
    """The colours with which a PDF fills."""
    found = set()
    for start in re.finditer(rb"stream\r?\n", pdf):
        try:
            text = zlib.decompressobj().decompress(pdf[start.end() :])
        except zlib.error:
            continue
        for parts in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) rg", text):
            found.add("#" + "".join(f"{round(float(part) * 255):02x}" for part in parts))
    return found
