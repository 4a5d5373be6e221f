"""The style of charts: colours that everybody tells apart, on a light page and on a dark one."""

from __future__ import annotations

from itertools import combinations, pairwise

import altair as alt
import numpy as np
import pytest

from journeykit.reporting.chart_style import (
    DARK_OF,
    FAINT,
    GAIN_AND_LOSS,
    INK,
    OTHERS,
    OUTCOME_COLOURS,
    PAPER,
    RAMP,
    RULE,
    TEAM_COLOURS,
    chart_config,
    chart_data,
    darkened,
    day_axis,
    finding,
    name_colours,
    name_scale,
    short_names,
)

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
SIGHT = {
    "all colours": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Ottosson's Oklab (2020): distances in it are alike to the eye.
LMS = np.array(
    [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.62997870]]
)
LAB = np.array(
    [[0.21045426, 0.79361779, -0.00407205], [1.9779985, -2.42859221, 0.45059371], [0.0259040, 0.78277177, -0.80867577]]
)


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def seen(colour: str, sight: str) -> np.ndarray:
    """Where a colour is for somebody's eyes, in Oklab."""
    return LAB @ np.cbrt(np.clip(LMS @ np.clip(np.array(SIGHT[sight]) @ linear(colour), 0, 1), 0, None))


def contrast(one: str, other: str) -> float:
    """The contrast of WCAG 2.1 between two colours."""
    low, high = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_teams_look_alike(page: str, sight: str) -> None:
    """Every two colours of teams are far enough apart for all eyes; so are those of outcomes."""
    for colours in (TEAM_COLOURS, OUTCOME_COLOURS.values()):
        for one, other in combinations((getattr(colour, page) for colour in colours), 2):
            assert np.linalg.norm(seen(one, sight) - seen(other, sight)) > 0.1, (one, other)


@pytest.mark.parametrize("page", ["light", "dark"])
def test_all_is_seen_on_its_page(page: str) -> None:
    """Marks have a contrast of 3 to the page, text one of 4.5."""
    paper = getattr(PAPER, page)
    for colour in (*TEAM_COLOURS, OTHERS, *OUTCOME_COLOURS.values(), GAIN_AND_LOSS[0], GAIN_AND_LOSS[-1], RAMP[-1]):
        assert contrast(getattr(colour, page), paper) >= 3, colour
    for colour in (INK, FAINT):
        assert contrast(getattr(colour, page), paper) >= 4.5, colour


@pytest.mark.parametrize("page", ["light", "dark"])
def test_more_is_further_from_the_page(page: str) -> None:
    """A ramp goes one way, in even enough steps."""
    steps = [contrast(getattr(colour, page), getattr(PAPER, page)) for colour in RAMP]
    assert steps == sorted(steps)
    assert all(after / before > 1.15 for before, after in pairwise(steps))


def test_each_colour_has_one_for_dark_pages() -> None:
    """No light colour stands for two dark ones, and the style has no colour that stays as it is."""
    colours = {PAPER, INK, FAINT, RULE, *TEAM_COLOURS, OTHERS, *OUTCOME_COLOURS.values(), *RAMP, *GAIN_AND_LOSS}
    assert len(DARK_OF) == len(colours)
    assert not set(DARK_OF) & set(DARK_OF.values())
    assert "#" in str(chart_config())
    assert not [colour for colour in DARK_OF if colour in str(darkened(chart_config()))]


def test_names_have_the_same_colours_everywhere() -> None:
    """Colours go by the order of the names; from the ninth on they share one."""
    names = [f"team {number}" for number in range(10)]
    assert name_colours(names)[:8] == [colour.light for colour in TEAM_COLOURS]
    assert name_colours(names)[8:] == [OTHERS.light] * 2
    assert name_colours(names[:3]) == name_colours(names)[:3]
    assert name_colours([]) == []


def test_data_that_look_like_a_colour_keep_their_text() -> None:
    """A team may be called like a colour: it is called so on a dark page too."""
    name = TEAM_COLOURS[0].light
    chart = (
        alt.Chart(chart_data([{"team": name}])).mark_bar().encode(color=alt.Color("team:N", scale=name_scale([name])))
    )
    dark = darkened(chart.to_dict())
    assert next(iter(dark["datasets"].values())) == [{"team": name}]
    assert dark["encoding"]["color"]["scale"] == {"domain": [name], "range": [TEAM_COLOURS[0].dark]}


def test_a_title_breaks_between_words() -> None:
    """A finding is never cut: it goes on in a further line, and cannot drive a terminal or turn a page."""
    words = "Events takes 41 % of attention, most of any team, and more than all the others together"
    title = finding(words, "messages granted\u202e", width=400).to_dict()
    assert len(title["text"]) == 2
    assert " ".join(title["text"]) == words
    assert title["subtitle"] == [r"messages granted\u202e"]


def test_short_names_are_told_apart() -> None:
    """Long names that begin alike have numbers; a short one keeps its text, even where a cut one looks like it."""
    names = ["a" * 10_000, "a" * 10_001, "b", "a" * 47 + "…", "line\nbreak"]
    found = short_names(names)
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert max(map(len, found.values())) <= 48
    assert found["b"] == "b"
    assert found["line\nbreak"] == r"line\u000abreak"


def test_a_day_is_the_same_day_in_every_zone() -> None:
    """Days are names, and their labels are read as UTC."""
    assert day_axis("day").to_dict()["axis"]["labelExpr"].startswith("utcFormat(")
