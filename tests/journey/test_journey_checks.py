"""The checks of a journey: what is wrong, what is probably not meant, and that every "never" is one."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import timedelta

import generate_journeys
import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import Journey, Playbook, PlaybookError, Rule, Stage, Transition
from journeykit.rule.reasoning import can_be_true, implies


def way(source: str, to: str, by: str = "", **parts: str) -> Transition:
    """A transition by an event, where nothing else is given."""
    return Transition(source=source, to=to, **(parts or {"event": by or f"{source} {to}"}))


def told(stages: list[str | Stage], *ways: Transition) -> list[str]:
    """What the checks of a journey say."""
    return [str(problem) for problem in Journey(stages, ways).check()]


def the_one(stages: list[str | Stage], *ways: Transition) -> str:
    (one,) = told(stages, *ways)
    return one


# The whole


def test_a_lost_contact_has_come_to_an_end() -> None:
    """A stage that is marked lost is no trap, though others are marked final; one that is not is."""
    ways = [way("lead", "customer"), way("lead", "gone")]
    final = Stage("customer", final=True)
    assert told(["lead", final, Stage("gone", lost=True)], *ways) == []
    assert "no transition leaves 'gone'" in the_one(["lead", final, "gone"], *ways)


def test_a_sound_journey_has_nothing_to_tell() -> None:
    """An ordinary journey, with ways back, has no warnings."""
    ways = [
        way("awareness", "consideration", when='count("webinar", "90d") >= 2'),
        way("awareness", "decision", when="score >= 80"),
        way("consideration", "decision", "demo"),
        way("consideration", "awareness", after="90d"),
        way("decision", "retention", "purchase"),
        way("decision", "awareness", after="90d", without="demo"),
    ]
    assert told(["awareness", "consideration", "decision", "retention"], *ways) == []
    assert Journey().check() == ()


def test_a_journey_alone_tells_of_missing_and_repeated_stages() -> None:
    """Without a playbook nothing else would; the other checks wait until they are mended."""
    assert told(["a", "a"], way("a", "b"), way("aa", "a")) == [
        "journey.stages[1].name: 'a' is already taken by journey.stages[0]",
        "journey.transitions[0].to: unknown stage 'b'; there is a",
        "journey.transitions[1].from: unknown stage 'aa'; there is a (did you mean 'a'?)",
    ]
    assert told([]) == ["journey.stages: a journey needs at least one stage"]


def test_a_playbook_refuses_errors_and_tells_warnings() -> None:
    """Errors stop the playbook from being made; warnings are those of `Playbook.check`."""
    endless = Journey(["a", "b"], [way("a", "b", after="0d"), way("b", "a", after="0h")])
    with pytest.raises(PlaybookError, match="go round in no time"):
        Playbook(journey=endless)
    stuck = Journey(["a", Stage("b", final=True), "c"], [way("a", "b"), way("a", "c")])
    (problem,) = Playbook(journey=stuck).check()
    assert (problem.severity, problem.path) == ("warning", "journey.stages[2]")


# Stages


def test_stages_that_no_way_leads_to_are_errors() -> None:
    """The first stage is where contacts enter; every other one must be drawn to."""
    (problem,) = Journey(["a", "b", "c"], [way("a", "b"), way("c", "b")]).check()
    assert problem.severity == "error"
    assert str(problem) == "journey.stages[2]: no transition leads to 'c' from the first stage, 'a'"


def test_a_transition_that_is_never_taken_leads_nowhere() -> None:
    """A stage behind nothing but such transitions is told of."""
    assert told(["a", "b", "c"], way("a", "b", when="False"), way("b", "c"), way("a", "c")) == [
        "journey.stages[1]: only transitions that can never be taken lead to 'b'",
        "journey.transitions[0]: this transition ('a' -> 'b') can never be taken: its rule is never true: False",
    ]


def test_a_stage_that_nobody_can_enter_is_told_once() -> None:
    """The fault is that of the stage, not of each transition to it."""
    shut = Stage("b", qualified='role == "boss" and role == "user"')
    assert the_one(["a", shut, "c"], way("a", "b", "x"), way("a", "b", "y"), way("a", "c")) == (
        'journey.stages[1].qualified: nobody can enter \'b\': its rule is never true: role == "boss" and role == "user"'
    )


def test_a_trap_is_told_with_the_way_there() -> None:
    """Where stages are marked final, others must have a way out."""
    stages = ["a", "b", Stage("won", final=True), "lost"]
    assert the_one(stages, way("a", "b"), way("b", "won"), way("b", "lost")) == (
        "journey.stages[3]: no transition leaves 'lost', and it is not final; 'won' is. "
        "The way there: 'a' -> 'b' -> 'lost'"
    )


def test_stages_that_no_way_leaves_are_final_where_none_is_marked() -> None:
    """Without marks a stage without a way out is where a journey ends."""
    assert told(["a", "won", "lost"], way("a", "won"), way("a", "lost")) == []


def test_a_closed_circle_is_told() -> None:
    """Stages that lead only to each other have no way to a final stage."""
    ways = [way("a", "won"), way("a", "b"), way("b", "c"), way("c", "b")]
    assert the_one(["a", "won", "b", "c"], *ways) == (
        "journey.stages[2]: no way leads from 'b', 'c' to a final stage ('won'). The way there: 'a' -> 'b'"
    )
    assert told(["a", "won", Stage("b", final=True), "c"], *ways)[0].startswith("journey.stages[1]: no transition")


def test_a_journey_that_is_one_circle_is_fine() -> None:
    """A journey without any end goes on for ever, and is meant to."""
    assert told(["a", "b", "c"], way("a", "b"), way("b", "c"), way("c", "a")) == []


# Transitions that are never taken


@pytest.mark.parametrize(
    "rule",
    [
        "False",
        'count("x") < 0',
        'count("x", "9d") == 1.5',
        'count("x") > 1 and count("x") < 2',
        'count("x", "1d") >= 3 and count("x", "2d") < 3',
        "score > 5 and score < 3",
        "5 < score < 3",
        "not (score > 5 or score <= 5)",
        'count("x") >= "3"',
        'score > 3 and score == "high"',
        'role in ("boss", "user") and role == "guest"',
        'role in ("boss", 3) and role not in ("boss", "user") and role != 3',
        "score is None and score >= 1",
        'count("x") is None',
        "coalesce(score, 0) is None",
        'days_since("x") < 0',
        'days_since("x") is None and count("x") >= 1',
        'days_since("x") >= 7 and count("x", "7d") >= 1',
        'hours_since("x") < 3 and count("x", "3h") == 0',
        "score < score",
        "1 > 2",
        '3 == "3"',
        "vip and not vip",
        "(a > b) and not (a > b)",
        "length(name) < 1 and length(name) > 0",
        "lower(city) == 3",
    ],
)
def test_a_rule_that_is_plainly_never_true_is_told(rule: str) -> None:
    """Contradictions, bare numbers, and comparisons of what does not compare are never true."""
    assert not can_be_true(Rule(rule))
    assert f"its rule is never true: {rule}" in told(["a", "b"], way("a", "b", "x"), way("a", "b", when=rule))[-1]


@pytest.mark.parametrize(
    "rule",
    [
        "vip",
        'days_since(last("form.deadline")) < 0',
        'days_since(last("form.deadline")) >= 30 and count("form", "10d") >= 1',
        "score >= 3 and score <= 3",
        "score == 3 and score == 3.0",
        'role in ("boss", 3) and role not in (4,)',
        "score == score",
        "score is None or score > 3",
        'days_since("x") is None and count("x") == 0',
        'days_since("x") < 7 and count("x", "7d") >= 1',
        'count("x", "1d") < 3 and count("x", "2d") >= 3',
        'last("form.role") is None',
        "a > b and b > a",
        'coalesce(score, "none") == "none"',
        "(score > 3) == True",
        '"vip" in segments and not ("old" in segments)',
        "not (x in ())",
    ],
)
def test_a_rule_that_may_be_true_is_left_in_peace(rule: str) -> None:
    """What can be true, or is not understood, is not told."""
    assert can_be_true(Rule(rule))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("score >= 40", "score >= 60"),
        ("score >= 40", "60 <= score < 80"),
        ("score >= 40 or vip", "vip"),
        ("not (score < 40)", "score > 40"),
        ("True", "vip"),
        ('count("x") >= 0', 'last("x.y") == 1'),
        ('role in ("boss", "user")', 'role == "user"'),
        ('role != "boss"', 'role in ("user", "guest")'),
        ('count("x", "90d") >= 1', 'count("x", "30d") >= 2'),
        ('count("x") >= 1', 'days_since("x") < 3'),
        ('days_since("x") < 30', 'count("x", "7d") >= 1'),
        ("score is not None", "score != 3"),
        ("a < b", "a < b and c"),
        ('"vip" in segments', 'country == "MK" and "vip" in segments'),
        ("coalesce(score, 0) >= 1", "coalesce(score,0) > 1"),
    ],
)
def test_a_rule_behind_a_wider_one_is_told(earlier: str, later: str) -> None:
    """The wider rule, tried first, is true whenever the narrower one is."""
    assert implies([Rule(later)], Rule(earlier))
    assert not implies([Rule(earlier)], Rule(later))
    ways = way("a", "b", when=earlier), way("a", "c", when=later)
    assert "transitions[0] is always taken before" in told(["a", "b", "c"], *ways)[-1]
    assert told(["a", "b", "c"], *ways[::-1]) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("score >= 40", "score >= 20"),
        ("score < 40", "score is None"),
        ("score != 3", "not (score == 4)"),
        ('count("x", "30d") >= 1', 'count("x", "90d") >= 1'),
        ('count("x") >= 1', 'sum("x.amount") >= 1'),
        ("not vip", "vip is None"),
    ],
)
def test_a_rule_behind_a_narrower_one_is_fine(earlier: str, later: str) -> None:
    """It is true of others too."""
    assert told(["a", "b", "c"], way("a", "b", when=earlier), way("a", "c", when=later)) == []


def test_of_one_event_twice_the_first_always_wins() -> None:
    """The same event from one stage takes the first transition, so the second is dead."""
    assert "transitions[0] is taken by the same" in the_one(
        ["a", "b", "c"], way("a", "b", "x"), way("a", "c", "x"), way("b", "c")
    )


@pytest.mark.parametrize(
    ("target", "back", "unless"),
    [
        (Stage("b", reentry="never"), (), "'b' may not be entered again"),
        (Stage("b", reentry="2d"), (), "'b' may not be entered again"),
        (Stage("b", qualified="score >= 3"), (), "'b' does not let the contact in"),
        (Stage("b"), (way("b", "a", "y"),), "'b' was entered at the same instant"),
    ],
)
def test_what_may_be_blocked_makes_the_second_ambiguous(
    target: Stage, back: tuple[Transition, ...], unless: str
) -> None:
    """Where the first transition cannot always be taken, the second is left, and the check says when."""
    ways = way("a", "b", "x"), way("a", "c", "x"), way("b", "c"), *back
    assert the_one(["a", target, "c"], *ways) == (
        "journey.transitions[1]: ambiguous: journey.transitions[0] is taken by the same, and comes first; "
        f"this one is taken only where {unless}"
    )


def test_a_gate_that_is_true_whenever_it_matters_blocks_nothing() -> None:
    """Two ways into one stage have one gate and one re-entry."""
    gated = Stage("b", qualified="score >= 3", reentry="never")
    assert "can never be taken" in the_one(["a", gated], way("a", "b", "x"), way("a", "b", "x"))
    assert "can never be taken" in the_one(
        ["a", Stage("b", qualified="score >= 3"), "c"], way("a", "b", "x"), way("a", "c", when="score > 3"),
        way("a", "b", when="score > 2"), way("a", "b", when="score > 4"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("quick", "slow"),
    [
        ({"after": "30d"}, {"after": "60d"}),
        ({"after": "1d"}, {"after": "24h"}),
        ({"after": "30d", "without": "x"}, {"after": "60d", "without": "x"}),
        ({"after": "30d", "without": "x"}, {"after": "30d"}),
        ({"after": "30d", "without": "x"}, {"after": "60d"}),
        ({"after": "0d"}, {"after": "30d", "without": "x"}),
        ({"when": 'count("x", "9d") == 0'}, {"after": "9d", "without": "x"}),
        ({"when": 'count("x") >= 1'}, {"event": "x"}),
    ],
)
def test_what_comes_too_late_is_told(quick: dict[str, str], slow: dict[str, str]) -> None:
    """A time-out behind a shorter one that the same events break, and what a rule has always taken before."""
    ways = way("a", "b", **quick), way("a", "c", **slow), way("b", "c", "y")
    assert "journey.transitions[1]" in the_one(["a", "b", "c"], *ways)


@pytest.mark.parametrize(
    ("quick", "slow"),
    [
        ({"after": "30d"}, {"after": "60d", "without": "x"}),
        ({"after": "30d", "without": "y"}, {"after": "60d", "without": "x"}),
        ({"when": 'count("x", "9d") == 0'}, {"after": "8d", "without": "x"}),
        ({"when": 'count("x", "9d") >= 2'}, {"event": "x"}),
        ({"event": "x"}, {"when": 'count("x") >= 1'}),
    ],
)
def test_what_may_come_first_is_left_in_peace(quick: dict[str, str], slow: dict[str, str]) -> None:
    """Each can be taken where the other is not."""
    assert told(["a", "b", "c"], way("a", "b", **quick), way("a", "c", **slow)) == []


def test_a_shorter_time_out_comes_first_wherever_it_stands() -> None:
    """Of time-outs the time decides, and document order only between equal ones."""
    assert told(["a", "b", "c"], way("a", "c", "y"), way("a", "b", after="60d"), way("a", "c", after="30d"))[-1] == (
        "journey.transitions[1]: this transition ('a' -> 'b') can never be taken: "
        "journey.transitions[2] is always taken before"
    )


def test_a_way_to_where_one_comes_from_is_barred_by_reentry() -> None:
    """A stage is left at the instant at which it would be entered again."""
    assert "its reentry is never" in the_one([Stage("a", reentry="never"), "b"], way("a", "a"), way("a", "b"))
    assert "its reentry is 3d" in the_one([Stage("a", reentry="3d"), "b"], way("a", "a"), way("a", "b"))
    assert "begin the stay anew" in the_one(["a", "b"], way("a", "a"), way("a", "b"))


def test_a_way_back_is_barred_where_everybody_has_been() -> None:
    """A contact who entered the journey at its beginning passed the stage, and may never come back to it."""
    stages = ["a", Stage("b", reentry="never"), "c", Stage("d", final=True)]
    ways = [way("a", "b"), way("b", "c"), way("c", "d"), way("c", "b", "back")]
    assert the_one(stages, *ways) == (
        "journey.transitions[3]: this transition ('c' -> 'b') can never be taken: "
        "contacts who entered at 'a' have been on 'b' before, and its reentry is never"
    )
    assert told(stages, *ways, way("a", "c")) == []


def test_an_attribute_named_like_an_event_is_told() -> None:
    """A count was probably meant."""
    assert the_one(["a", "b"], way("a", "b", "webinar"), way("a", "b", when="webinar >= 2")) == (
        "journey.transitions[1]: the rule reads an attribute 'webinar' of the contact, and there is an event of that "
        "name (did you mean 'count(\"webinar\")'?)"
    )


# Circles in silence


def test_time_outs_that_never_rest_are_told() -> None:
    """A contact of whom nothing is heard would go round for ever."""
    ways = way("a", "b", after="30d"), way("b", "a", after="60d", without="x"), way("a", "c"), way("b", "c")
    assert the_one(["a", "b", "c"], *ways) == (
        "journey.transitions[0]: a contact of whom nothing more is heard may go round here for ever: "
        "'a' -> 'b' -> 'a' (after 30d, after 60d without x)"
    )
    assert "'a' -> 'a' (after 30d)" in the_one(["a", "b"], way("a", "a", after="30d"), way("a", "b"))


def test_a_circle_that_something_ends_is_fine() -> None:
    """Re-entry that is never, a quicker way out, and a gate that closes with time let a contact rest."""
    ways = way("a", "b", after="30d"), way("b", "a", after="60d"), way("b", "c")
    assert told(["a", Stage("b", reentry="never"), "c"], *ways) == []
    assert told(["a", Stage("b", qualified='count("x", "90d") >= 1'), "c"], *ways) == []
    left = told(["a", "b", "c"], *ways, way("b", "c", after="40d"))
    assert ["can never be taken" in one for one in left] == [True]


def test_a_rule_that_stays_true_closes_a_circle() -> None:
    """Who ever came to a webinar is never lost for good; a window would let them rest."""
    back = way("a", "b", after="30d"), way("b", "a", when='count("x") >= 1'), way("a", "c")
    assert """'a' -> 'b' -> 'a' (after 30d, count("x") >= 1)""" in the_one(["a", "b", "c"], *back)
    assert told(["a", "b", "c"], back[0], way("b", "a", when='count("x", "9d") >= 1'), back[2]) == []
    some = 'count("x") >= 1 and score'
    apart = way("b", "d", when=f"{some} < 3"), way("d", "a", when=f"{some} > 3")
    assert told(["a", "b", "c", "d"], back[0], *apart, back[2], way("d", "c")) == []


def test_time_outs_of_no_time_are_an_error() -> None:
    """They would throw a contact round within one instant."""
    (problem,) = Journey(["a", "b"], [way("a", "b", after="0d"), way("b", "a", after="0h")]).check()
    assert problem.severity == "error"
    assert str(problem) == (
        "journey.transitions[0]: these time-outs go round in no time: 'a' -> 'b' -> 'a' (after 0d, after 0h)"
    )


# Properties


def random_graph(pick: random.Random) -> Journey:
    """Transitions that are all alive: each by an event of its own."""
    names = [f"s{number}" for number in range(pick.randrange(1, 9))]
    stages = [Stage(name, final=pick.random() < 0.15) for name in names]
    pairs = {(pick.choice(names), pick.choice(names)) for _ in range(pick.randrange(1, 14))}
    return Journey(stages, [way(*pair) for pair in sorted(pairs)])


@settings(max_examples=120)
@given(st.integers(0, 2**32))
def test_graphs_are_read_as_networkx_reads_them(seed: int) -> None:
    """Unreachable stages, traps and closed circles are those that networkx finds."""
    journey = random_graph(random.Random(seed))
    graph, first = journey.graph(), journey.stages[0].name
    problems = journey.check()
    inside = nx.descendants(graph, first) | {first}
    unreachable = {p.message.split("'")[1] for p in problems if p.severity == "error"}
    assert unreachable == set(graph) - inside
    final = {stage.name for stage in journey.stages if stage.final} or {n for n in graph if not graph.out_degree(n)}
    expected = set()
    for part in nx.strongly_connected_components(graph):
        closed = all(target in part for _, target in graph.out_edges(part))
        if final and closed and part <= inside and not part & final:
            expected.add(min(place for place, stage in enumerate(journey.stages) if stage.name in part))
    traps = {int(p.path[15:-1]) for p in problems if "final" in p.message}
    assert traps == expected


@settings(max_examples=180)
@given(st.integers(0, 2**48))
def test_what_can_never_be_taken_is_never_taken(seed: int) -> None:
    """Transitions that are called dead are on no path, and stages behind them are on none either."""
    pick = random.Random(seed)
    journey = generate_journeys.journey(pick)
    dead = {p.path: p.message for p in journey.check() if "can never be taken" in p.message or "nobody" in p.message}
    entries = [None] if any("contacts who entered" in message for message in dead.values()) else [None, *journey.stages]
    for _ in range(4):
        stage = pick.choice(entries)
        placement = journey.place(
            generate_journeys.log(pick),
            generate_journeys.BEGIN + timedelta(hours=10),
            generate_journeys.attributes(pick),
            stage=None if stage is None else stage.name,
            start=pick.choice([None, generate_journeys.instant(pick)]),
            timezone=pick.choice(generate_journeys.ZONES),
        )
        for step in placement.path[1:]:
            place = next(place for place, way in enumerate(journey.transitions) if way is step.transition)
            assert f"journey.transitions[{place}]" not in dead
            entered = next(place for place, known in enumerate(journey.stages) if known.name == step.stage)
            assert f"journey.stages[{entered}].qualified" not in dead
            if stage is None:
                assert f"journey.stages[{entered}]" not in dead


@settings(max_examples=180)
@given(st.integers(0, 2**48))
def test_a_verdict_on_rules_holds_of_contacts(seed: int) -> None:
    """What is never true is true of nobody, and who is selected by a rule is by those that it implies."""
    pick = random.Random(seed)
    one, other = (Rule(generate_journeys.rule(pick)) for _ in range(2))
    never, wider = not can_be_true(one), implies([one], other)
    if not never and not wider:
        return
    journey = Journey(["a", "b"], [way("a", "b", when=one.text), way("b", "a", when=other.text)])
    for _ in range(10):
        given = generate_journeys.attributes(pick)
        events, at = generate_journeys.log(pick), generate_journeys.instant(pick)
        taken = [step.transition for step in journey.place(events, at, given).path[1:]]
        assert not (never and taken)
        # From the stage on which the wider rule is asked, it is true at the instant of the narrower one.
        behind = Journey(["a", "b", "c"], [way("a", "c", when=other.text), way("a", "b", when=one.text)])
        assert not (wider and any(step.stage == "b" for step in behind.place(events, at, given).path))


# How it is done


def test_checking_needs_no_networkx() -> None:
    """A graph library is loaded by who asks for the graph, not by who loads a playbook."""
    code = (
        "import sys; from journeykit import *; j = Journey(['a', 'b'], [Transition(source='a', to='b', event='x')]);"
        "Playbook(journey=j).check(); assert 'networkx' not in sys.modules; j.graph(); assert 'networkx' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
