"""Tables as HTML: plain text stays text, and a page's own colours are left alone."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from journeykit.basics.html_table import LONGEST, LONGEST_HEADING, html_page, html_table
from journeykit.basics.text import clean


def test_a_small_table() -> None:
    """Names are at the left, numbers at the right, and the title belongs to the table."""
    root = ET.fromstring(html_table(["team", "messages"], [["events", "7"]], title="By team", right=[1]))
    assert root.find(".//caption/strong").text == "By team"
    assert [cell.text for cell in root.iter("th")] == ["team", "messages"]
    assert [cell.get("scope") for cell in root.iter("th")] == ["col", "col"]
    name, number = root.iter("td")
    assert (name.text, number.text) == ("events", "7")
    assert "text-align:left" in name.get("style")
    assert "text-align:right" in number.get("style")


def test_a_page_is_its_parts() -> None:
    """A bold first line, the others below it, tables, and notes; what is empty leaves nothing behind."""
    assert html_page(["a", "b"], ["<i>c</i>"], ["d"]) == "<div><p><strong>a</strong><br>b</p><i>c</i><p>d</p></div>"
    assert html_page([], ["<i>c</i>"]) == "<div><i>c</i></div>"


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_text_is_markup(heading: str, cell: str) -> None:
    """Whatever users call things, a reader of HTML reads it back."""
    root = ET.fromstring(
        html_page([heading], [html_table([heading], [[cell]], title=heading)]).replace("<br>", "<br/>")
    )
    assert (root.find(".//td").text or "") == clean(cell)
    assert (root.find(".//th").text or "") == clean(heading)
    assert (root.findtext("p/strong") or "") == clean(heading)


def test_a_long_cell_is_cut_and_says_all_of_it() -> None:
    """The tooltip has the whole text, and a long word breaks rather than widen the table."""
    root = ET.fromstring(html_table(["y" * 10_000], [["x" * 10_000]]))
    (cell,), (heading,) = root.iter("td"), root.iter("th")
    assert (heading.text, heading.get("title")) == ("y" * LONGEST_HEADING + "…", "y" * 10_000)
    assert cell.text == "x" * LONGEST + "…"
    assert cell.get("title") == "x" * 10_000
    assert "overflow-wrap" in cell.get("style")


def test_names_run_in_their_own_direction() -> None:
    """A name of another script is set by itself; one of plain letters needs nothing."""
    cells = [*ET.fromstring(html_table(["name"], [["אירועים (2)"], ["events (2)"]])).iter("td")]
    assert [cell.get("dir") for cell in cells] == ["auto", None]


def test_colours_are_those_of_the_page() -> None:
    """Every colour is see-through, so that a dark notebook stays dark; shades go by how much there is."""
    text = html_table(["team", "messages"], [["a", "1"], ["b", "9"]], right=[1], heat=[[0, 0.1], [0, 1]])
    assert re.findall(r"background:rgba\(36,115,167,([\d.]+)\)", text) == ["0.05", "0.50"]
    assert not re.findall("color:(?!rgba)|#[0-9a-f]{3}", text)
