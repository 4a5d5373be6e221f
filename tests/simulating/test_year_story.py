"""The story of the documentation: a year of four ways to send, which the page, its table and its picture tell alike."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def world(monkeypatch):
    """The module that makes the world."""
    monkeypatch.syspath_prepend(DOCS)
    monkeypatch.syspath_prepend(DOCS / "year")
    import world

    yield world
    sys.modules.pop("world", None)


def test_the_first_week_comes_again_to_the_last_bit(world) -> None:
    """The same world, simulated anew: four ways, seven nights."""
    kept = json.loads((DOCS / "year" / "year.json").read_text("utf-8"))["first week of one world"]
    assert json.loads(json.dumps(world.record(world.year(world.START + timedelta(days=6))))) == kept


def test_page_and_picture_are_of_the_year_that_is_kept(world) -> None:
    """The table of the page, and the picture, are made of the file."""
    import pictures

    kept = json.loads((DOCS / "year" / "year.json").read_text("utf-8"))["year"]
    assert f"```{{code-block}} text\n{world.table(kept)}```" in (DOCS / "year.md").read_text("utf-8")
    assert (DOCS / "year" / "year.svg").read_text("utf-8") == pictures.year(kept)
