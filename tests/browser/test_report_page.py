"""The report in a browser: no error, no request, readable, and tables that sort and filter."""

from __future__ import annotations

import pytest
from attrs import evolve
from reported import HEBREW, LONG, SCRIPT, decided, playbook_of

from journeykit import Journey, Transition, report

NAMES = (SCRIPT, HEBREW, LONG, "constructor", "__proto__", *(f"campaign {place}" for place in range(5)))
STAGES = ("new", "known", None)
PEOPLE = [
    {"contact_id": f"c{place}", "consent": "email" if place % 4 else "", "stage": STAGES[place % 3]}
    for place in range(60)
]


@pytest.fixture(scope="module")
def page() -> str:
    """A report of ten campaigns, some of them with names that no page should trust."""
    playbook = playbook_of(*NAMES, teams=("events", "sales", SCRIPT, HEBREW))
    return report(playbook, decided(playbook, PEOPLE, explain=True), contacts=PEOPLE, examples=2).html


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_report_can_be_read_by_everybody(opened, axe, page: str, width: int, scheme: str) -> None:
    """It fits into the window with all tables open, its charts are drawn, and axe finds nothing."""
    watched = opened(page, width=width, scheme=scheme)
    watched.page.evaluate("document.querySelectorAll('details').forEach(own => own.open = true)")
    assert watched.overflow <= 0
    # Tables are alike, and axe takes long for each cell.
    watched.page.evaluate("document.querySelectorAll('details').forEach((own, place) => own.open = place < 2)")
    assert watched.page.locator("[data-chart] svg").count() == watched.page.locator("[data-chart]").count() > 8
    assert watched.complaints(axe) == []
    assert watched.page.locator("main section:not([aria-labelledby])").count() == 0


def test_the_picture_of_the_journey_is_dark_where_the_page_is(opened) -> None:
    """By the screen, by the reader's choice, and never on paper."""
    transitions = [Transition(source="new", to="known", event="visit")]
    journey = Journey(["new", "known"], transitions=transitions)
    playbook = evolve(playbook_of("fair"), journey=journey)
    watched = opened(report(playbook, decided(playbook, PEOPLE), contacts=PEOPLE).html, scheme="dark")
    paper = "getComputedStyle(document.querySelector('.picture .paper')).fill"
    light = "rgb(255, 255, 255)"
    assert watched.page.evaluate(paper) != light
    watched.page.emulate_media(media="print", color_scheme="dark")
    assert watched.page.evaluate(paper) == light
    watched.wait_for_charts("light")
    watched.page.emulate_media(media="screen", color_scheme="dark")
    watched.page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert watched.page.evaluate(paper) == light
    watched.page.emulate_media(media="screen", color_scheme="light")
    watched.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert watched.page.evaluate(paper) != light
    watched.wait_for_charts("dark")


def test_tables_sort_and_filter_by_keyboard_too(opened, page: str) -> None:
    """A heading sorts, largest first where there are numbers; a filter says how many rows are left."""
    watched = opened(page, scheme="dark")
    part = watched.page.locator("#reasons figure").first
    part.locator("summary").focus()
    watched.page.keyboard.press("Enter")
    table = part.locator("table")
    button = table.get_by_role("button", name="granted")
    button.focus()
    watched.page.keyboard.press("Enter")
    assert table.locator("th[aria-sort]").inner_text().strip() == "granted"
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    granted = [int(own) for own in table.locator("tbody td:nth-child(4)").all_inner_texts()]
    assert granted == sorted(granted, reverse=True)
    assert granted[0] > granted[-1]
    table.get_by_role("button", name="campaign").click()
    names = table.locator("tbody td:first-child").all_inner_texts()
    assert names.index("campaign 2") < names.index("campaign 4")
    part.get_by_label("Filter rows").fill("campaign events")
    assert part.get_by_role("status").inner_text() == f"{table.locator('tbody tr:visible').count()} of 10 rows"
    assert 0 < table.locator("tbody tr:visible").count() < 10
    part.get_by_label("Filter rows").fill("")
    assert table.locator("tbody tr:visible").count() == 10
    watched.page.get_by_role("button", name="Colours").click()
    watched.wait_for_charts("light")
    assert len(watched.page.pdf()) > 50_000
