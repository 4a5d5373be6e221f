"""Charts as files: one SVG for light and dark, and scripts that nothing in the data can end."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import altair as alt
import pytest

from journeykit.reporting.chart_files import chart_holder, chart_scripts, chart_spec, chart_svg, script_json
from journeykit.reporting.chart_style import TEAM_COLOURS, chart_data, finding, name_scale

NASTY = "</script><script>alert(1)</script><!-- & \u2028 \u05d0"
SVG = "{http://www.w3.org/2000/svg}"


def chart(team: str = "events") -> alt.Chart:
    """A bar for one team."""
    color = alt.Color("team:N", scale=name_scale([team]), legend=None)
    picture = alt.Chart(chart_data([{"team": team, "messages": 3}]), width="container", title=finding("Three messages"))
    return picture.mark_bar().encode(x="messages:Q", y="team:N", color=color)


def test_a_picture_holds_both_colours() -> None:
    """The file is well-formed; its dark half is hidden unless the reader's screen is dark."""
    svg = chart_svg(chart(NASTY))
    root = ET.fromstring(svg)
    light, dark = root.findall(f"{SVG}g")
    assert (light.get("class"), light.get("display")) == ("jk-light", None)
    assert (dark.get("class"), dark.get("display")) == ("jk-dark", "none")
    for group, colour, other in ((light, "light", "dark"), (dark, "dark", "light")):
        text = ET.tostring(group, encoding="unicode")
        assert getattr(TEAM_COLOURS[0], colour) in text
        assert getattr(TEAM_COLOURS[0], other) not in text
        assert "Three messages" in "".join(group.itertext())
    assert root.get("width") == "640"


def test_a_width_can_be_given() -> None:
    """A chart that takes the width of its place has one of its own in a file."""
    assert ET.fromstring(chart_svg(chart(), width=400)).get("width") == "400"


def test_a_theme_of_the_user_is_not_ours() -> None:
    """A theme that is set in altair changes nothing, and is still set afterwards."""
    plain = chart_spec(chart())
    with alt.theme.enable("dark"):
        assert chart_spec(chart()) == plain
        assert alt.theme.active == "dark"


def test_a_chart_may_set_something_itself() -> None:
    """What a chart says of itself comes before the style, and leaves the rest of it."""
    axis = chart_spec(chart().configure_axis(labelLimit=10))["config"]["axis"]
    assert axis["labelLimit"] == 10
    assert axis["titlePadding"] == chart_spec(chart())["config"]["axis"]["titlePadding"]


def test_nothing_in_the_data_ends_a_script() -> None:
    """Names with markup are the same names after they were read, and are no markup before."""
    text = script_json({"team": NASTY})
    assert json.loads(text) == {"team": NASTY}
    assert not re.search("[<>&\u2028]", text)
    holder = chart_holder(chart(NASTY), "c1", NASTY)
    assert holder.count("<script") == holder.count("</script") == 1
    assert "alert(1)&lt;/script&gt;" in holder
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


def test_the_scripts_of_a_page_are_all_in_it() -> None:
    """No script is loaded from elsewhere, none ends too early, and the whole is under a megabyte."""
    text = chart_scripts()
    assert len(text) < 1_000_000
    assert text.count("<script") == text.count("</script") == 2
    assert "src=" not in re.findall("<script[^>]*>", text)[1]
    assert "[data-chart]" in text
