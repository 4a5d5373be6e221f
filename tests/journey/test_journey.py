"""The journey: stages, transitions and their picture."""

from __future__ import annotations

import pytest

from journeykit import Journey, Lag, ModelError, Playbook, PlaybookError, Rule, Stage, Transition


def journey() -> Journey:
    return Journey(
        [Stage("awareness", "marketing"), Stage("decision", "sales"), Stage("retention")],
        [
            Transition(source="awareness", to="decision", when=Rule("webinars >= 1")),
            Transition(source="decision", to="retention", event="purchase"),
            Transition(source="decision", to="awareness", after=Lag.parse("90d"), without="webinar"),
        ],
    )


def test_a_journey_has_five_stages_by_default() -> None:
    """Without stages of its own a playbook knows the five usual ones, owned by nobody."""
    assert [stage.name for stage in Journey().stages] == [
        "awareness",
        "consideration",
        "decision",
        "retention",
        "advocacy",
    ]
    assert Journey().owner("decision") is None


def test_the_graph_carries_owners_and_labels() -> None:
    """The networkx graph has the stages as nodes, with owners, and the transitions as edges, with labels."""
    graph = journey().graph()
    assert graph.nodes["decision"]["owner"] == "sales"
    assert sorted(label for _, _, label in graph.edges(data="label")) == [
        "after 90d without webinar",
        "purchase",
        "webinars >= 1",
    ]


def test_the_picture_is_mermaid() -> None:
    """The diagram names each stage with its owner and each transition with what takes it; odd signs are escaped."""
    text = journey().to_mermaid()
    assert 'state "decision (sales)" as s1' in text
    assert "s0 --> s1: webinars #62;= 1" in text
    assert text.startswith("stateDiagram-v2")


def test_an_unreachable_stage_is_an_error() -> None:
    """Once transitions are drawn, every stage must be reachable from the first."""
    lonely = Journey([*journey().stages, Stage("advocacy")], journey().transitions)
    assert lonely.unreachable() == ("advocacy",)
    with pytest.raises(PlaybookError, match=r"journey.stages\[3\]: no transition leads to 'advocacy'"):
        Playbook(journey=lonely)


def test_a_transition_to_nowhere_is_an_error() -> None:
    """A transition names stages that exist; a misspelt one is suggested."""
    wrong = Journey([Stage("awareness"), Stage("decision")], [Transition(source="awareness", to="decison", event="x")])
    with pytest.raises(
        PlaybookError, match=r"journey.transitions\[0\].to: unknown stage 'decison'.*did you mean 'decision'"
    ):
        Playbook(journey=wrong)


@pytest.mark.parametrize(
    "parts", [{}, {"event": "x", "when": Rule("a > 1")}, {"event": "x", "without": "y"}], ids=["none", "two", "without"]
)
def test_a_transition_is_taken_by_one_thing(parts: dict) -> None:
    """A transition is by an event, by a rule or by time, and `without` belongs to time."""
    with pytest.raises(ModelError):
        Transition(source="a", to="b", **parts)
