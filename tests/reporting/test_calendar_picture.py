"""The calendar of a plan as a picture: every number of the calendar, under a title that says what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from journeykit import ModelError, draw_calendar
from journeykit.job import Calendar

MONDAY = date(2026, 11, 2)
NASTY = "<script>alert(1)</script>\u202e"


def calendar(counts: dict[str, list[int]], later: int = 0, deferred: int = 0) -> Calendar:
    """Messages by team and day."""
    days = tuple(MONDAY + timedelta(days=number) for number in range(max(map(len, counts.values()))))
    granted = {(day, team): own[at] for team, own in counts.items() for at, day in enumerate(days)}
    waits = dict.fromkeys(granted, 0) | {next(iter(granted)): deferred}
    names = tuple(counts)
    after = dict.fromkeys(names, 0) | {names[0]: later}
    return Calendar(timezone="UTC", days=days, teams=names, granted=granted, deferred=waits, later=after)


def numbers(svg: str) -> list[str]:
    """The texts of the light half of a picture."""
    light = ET.fromstring(svg).find("{http://www.w3.org/2000/svg}g")
    return [own.text for own in light.iter("{http://www.w3.org/2000/svg}text") if own.text]


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ({"events": [0]}, "No message goes out."),
        ({"events": [1]}, "1 message goes out."),
        ({"events": [3]}, "3 messages go out."),
        ({"events": [3, 1]}, "4 messages go out; the busiest day is Mon 2026-11-02 (3)."),
        (
            {"events": [3, 0], "sales": [0, 1]},
            "events sends 75 % of 4 messages, most of any team; the busiest day is Mon 2026-11-02 (3).",
        ),
        (
            {"events": [3, 0], "sales": [0, 3], "club": [0, 0]},
            (
                "events and sales each send 50 % of 6 messages, most of any team; the busiest days are "
                "Mon 2026-11-02 and Tue 2026-11-03 (3 each)."
            ),
        ),
    ],
)
def test_the_title_says_what_is_found(counts: dict[str, list[int]], title: str) -> None:
    """Who sends most, and when most goes out; nothing is said of a difference where there is none."""
    assert draw_calendar(calendar(counts)).title == title


def test_what_waits_is_counted() -> None:
    """Deferred claims have no cell, and are not silently left out."""
    picture = draw_calendar(calendar({"events": [1, 2]}, later=2, deferred=3))
    assert picture.subtitle.endswith("3 claims deferred to another day of the plan. 2 claims got no day of the plan.")


def test_each_number_has_its_cell() -> None:
    """Teams in the playbook's order, days in theirs, a name that is markup as text."""
    svg = draw_calendar(calendar({"sales": [1_200, 0], NASTY: [7, 8]})).svg
    found = numbers(svg)
    assert [text for text in found if re.fullmatch("[0-9,]+", text)] == ["1,200", "0", "7", "8"]
    assert [text for text in found if text in ("2 Nov", "3 Nov")] == ["2 Nov", "3 Nov"]
    assert "sales" in found
    assert any(text.startswith("<script>alert(1)") for text in found)
    assert "<script" not in svg


def test_many_teams_are_told_together() -> None:
    """The teams with most messages have rows, and the row of the others says how many they are."""
    counts = {f"team {number:02}": [number] for number in range(40)}
    found = numbers(draw_calendar(calendar(counts)).svg)
    assert "16 other teams" in found
    assert str(sum(range(16))) in found
    assert "team 16" in found
    assert "team 15" not in found


def test_a_long_plan_has_a_legend_in_place_of_numbers() -> None:
    """A year is a picture that still fits a screen."""
    svg = draw_calendar(calendar({"events": list(range(366))})).svg
    assert ET.fromstring(svg).get("width") == "1400"
    assert "messages" in numbers(svg)


def test_it_is_saved_whole_or_not_at_all(tmp_path) -> None:
    """As SVG or as a page; another ending, or a folder that is not there, leaves nothing behind."""
    picture = draw_calendar(calendar({"events": [1, 2], NASTY: [0, 0]}))
    for name in ("plan.svg", "plan.html"):
        picture.save(tmp_path / name)
    assert (tmp_path / "plan.svg").read_text("utf-8") == picture.svg == str(picture)
    page = (tmp_path / "plan.html").read_text("utf-8")
    assert page == picture.html
    assert page.count("<svg") == page.count("<table") == 1
    assert "<script" not in page
    with pytest.raises(ModelError, match=r"drawn as \.svg or \.html"):
        picture.save(tmp_path / "plan.png")
    with pytest.raises(OSError, match=r"plan\.svg"):
        picture.save(tmp_path / "nowhere" / "plan.svg")
    assert {path.name for path in tmp_path.iterdir()} == {"plan.svg", "plan.html"}


def test_without_the_extra_it_says_which_one() -> None:
    """The command says so before anything is decided."""
    code = (
        "import sys; sys.modules['altair'] = None\n"
        "import journeykit, journeykit.cli\n"
        "try:\n    journeykit.draw_calendar\n"
        "except journeykit.MissingExtraError as error:\n    print(error)\n"
        "open('p.json', 'w').write('{}'); open('c.csv', 'w').write('contact_id\\nanna\\n')\n"
        "command = 'plan p.json --contacts c.csv --out d.csv --calendar c.svg --at 2026-11-05T10:00:00Z'\n"
        "code = journeykit.cli.main([*command.split(), '--until', '2026-11-06T10:00:00Z'])\n"
        "print(code, __import__('os').path.exists('d.csv'))"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    said, end = done.stdout.splitlines()
    assert said == "journeykit.draw_calendar needs the extra 'report': pip install 'journeykit[report]'"
    assert "plan --calendar needs the extra 'report'" in done.stderr
    assert end.endswith("False")
    assert not end.startswith("0")
