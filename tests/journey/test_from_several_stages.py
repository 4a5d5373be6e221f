"""Transitions that leave several stages, or all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import generate_journeys
import pytest
from attrs import evolve

from journeykit import ModelError, Playbook, PlaybookError
from journeykit.journey import Event, Journey, Stage, Transition
from journeykit.journey.picture.diagram import Volumes

AT = datetime(2026, 11, 5, tzinfo=UTC)
STAGES = ["new", "active", "buyer", Stage("lost", lost=True)]
WAYS = [
    Transition(source="new", to="active", event="visit"),
    Transition(source=["new", "active"], to="buyer", event="purchase"),
    Transition(source="any", to="lost", after="90d", label="not seen for a quarter"),
    Transition(source="lost", to="active", event="visit"),
]
JOURNEY = Journey(STAGES, WAYS)


def log(*names: str, contact: str = "anna") -> list[dict]:
    """Events, a day apart."""
    days = (AT - timedelta(days=300 - place) for place in range(len(names)))
    return [{"contact_id": contact, "event": name, "at": day} for name, day in zip(names, days, strict=True)]


def path(*names: str) -> list[str]:
    events = [Event(row["event"], row["at"]) for row in log(*names)]
    return [step.stage for step in JOURNEY.place(events, at=AT).path]


def test_a_transition_is_taken_from_each_stage_that_it_leaves():
    """A list names the stages; any is all of them but the one that it leads to."""
    assert path("purchase") == ["new", "buyer", "lost"]
    assert path("visit", "purchase") == ["new", "active", "buyer", "lost"]
    assert path("hello") == ["new", "lost"]


def test_it_is_one_transition_with_one_place():
    """Both engines call it by its place and its label, and count the stages that it was taken from apart."""
    events = log("purchase") + log("visit", contact="ben") + log("hello", contact="cleo")
    columns = JOURNEY.place_table(events, at=AT)
    assert columns.paths.column("transition").to_pylist() == [-1, 1, 2, -1, 0, 2, -1, 2]
    assert columns.paths.column("label").to_pylist().count("not seen for a quarter") == 3
    assert columns.counts() == ({"lost": 3}, {0: 1, 1: 1, 2: 3})
    from journeykit.placing.rows import place_rows

    rows = place_rows(JOURNEY, events, None, AT)
    assert (
        columns.origins()
        == rows.origins()
        == {
            (0, "new"): 1,
            (1, "new"): 1,
            (2, "new"): 1,
            (2, "active"): 1,
            (2, "buyer"): 1,
        }
    )
    drawn = Volumes.of(columns, JOURNEY)
    assert drawn == Volumes.of(columns.paths, JOURNEY) == Volumes.of(rows.placements, JOURNEY)
    assert [drawn.moves_from(1, WAYS[1], stage) for stage in ("new", "active")] == [1, 0]


def test_pictures_draw_it_from_each_stage():
    """The graph has an edge, and the picture an arrow, for each stage that it leaves."""
    assert [pair[:2] for pair in JOURNEY.graph().edges if pair[1] == "lost"] == [
        ("new", "lost"),
        ("active", "lost"),
        ("buyer", "lost"),
    ]
    assert JOURNEY.to_mermaid().count("not seen for a quarter") == 3
    assert "purchase" in str(JOURNEY.draw(Volumes({"lost": 1}, {1: 4})))


def test_files_have_a_text_or_a_list():
    """One stage alone stays a text, so that fingerprints stay; a playbook goes to data and back."""
    ways = [
        {"from": ["new"], "to": "active", "event": "visit"},
        {"from": ["new", "active"], "to": "lost", "event": "complaint"},
        {"from": "any", "to": "new", "event": "again"},
    ]
    playbook = Playbook.from_dict({"journey": {"stages": ["new", "active", "lost"], "transitions": ways}})
    written = playbook.to_dict()["journey"]["transitions"]
    assert [way["from"] for way in written] == ["new", ["new", "active"], "any"]
    assert Playbook.from_dict(playbook.to_dict()) == playbook


def test_a_stage_that_is_not_there_is_named_by_its_place():
    """An error of a list says which part of it is wrong."""
    with pytest.raises(PlaybookError) as caught:
        Playbook.from_dict(
            {"journey": {"stages": ["a", "b"], "transitions": [{"from": ["a", "x"], "to": "b", "event": "e"}]}}
        )
    assert [problem.path for problem in caught.value.problems] == ["journey.transitions[0].from[1]"]


@pytest.mark.parametrize("source", [[], ["a", "any"], "", None])
def test_what_is_no_stage_is_refused(source):
    """Any stands alone, and a transition leaves at least one stage."""
    with pytest.raises(ModelError):
        Transition(source=source, to="b", event="e")


def test_no_stage_is_called_any():
    """The word would have two meanings."""
    with pytest.raises(ModelError, match="cannot be called 'any'"):
        Stage("any")


def test_a_catch_all_is_no_mistake_where_another_comes_first():
    """A transition from any stage is warned of only where it can be taken from none; one from a list, from each."""

    def warnings(source) -> list[str]:
        first = Transition(source="a", to="b", event="bye")
        ways = [Transition(source="a", to="b", event="go"), first, Transition(source=source, to="c", event="bye")]
        return [found.path for found in Journey(["a", "b", "c"], ways).check()]

    assert warnings("any") == []
    assert warnings(["a", "b"]) == ["journey.transitions[2]"]


@pytest.mark.parametrize("start", range(0, 120, 40))
def test_it_is_the_same_as_a_transition_written_for_each_stage(start):
    """On random journeys: the paths, the instants and the evidence are those of a journey that is written out."""
    for seed in range(start, start + 40):
        found, pick = generate_journeys.situation(seed), Random(f"several {seed}")
        stages = [stage.name for stage in found.journey.stages]
        several = [
            evolve(way, source=pick.choice(("any", pick.sample(stages, 2)))) if pick.random() < 0.4 else way
            for way in found.journey.transitions
        ]
        apart = [evolve(way, source=source) for way in several for source in way.leaves(stages)]
        paths = [
            Journey(found.journey.stages, ways).place(found.events, found.at, found.attributes, **found.given()).path
            for ways in (several, apart)
        ]
        told = [[(step.stage, step.since, step.evidence) for step in own] for own in paths]
        assert told[0] == told[1], seed


def test_tables_are_placed_alike():
    """Both engines, on random journeys with such transitions."""
    from journeykit.placing.rows import place_rows

    for seed in range(200, 230):
        found, pick = generate_journeys.situation(seed), Random(f"several {seed}")
        ways = [evolve(way, source="any") if pick.random() < 0.4 else way for way in found.journey.transitions]
        journey = Journey(found.journey.stages, ways)
        events = [
            {"contact_id": pick.choice("abc"), "event": own.event, "at": own.at, "properties": dict(own.properties)}
            for own in found.events
        ]
        if events:
            rows, columns = place_rows(journey, events, None, found.at), journey.place_table(events, at=found.at)
            assert list(columns.steps()) == list(rows.steps()), seed
            assert (columns.counts(), columns.origins()) == (rows.counts(), rows.origins()), seed
