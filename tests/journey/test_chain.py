"""What a stage is worth: the chain of Pfeifer and Carraway, and properties that must hold for any chain."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from math import isfinite
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import Journey, ModelError, Stage, Transition
from journeykit.journey import LEFT, Chain, estimate

RECENCY = ["bought", "one ago", "two ago", "three ago", "gone"]
REPURCHASE = [0.3, 0.2, 0.15, 0.05]
DISCOUNTS = st.sampled_from([0.0, 0.05, 0.5])


def recency(**settings) -> Chain:
    rows = {
        stage: {"bought": chance, RECENCY[place + 1]: 1 - chance}
        for place, (stage, chance) in enumerate(zip(RECENCY, REPURCHASE, strict=False))
    }
    rewards = {"bought": 40 - 4, "one ago": -4, "two ago": -4, "three ago": -4}
    return Chain(RECENCY, rows, rewards=rewards, **settings)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def rounded(values: dict[str, float], digits: int = 3) -> list[float]:
    return [round(value, digits) for value in values.values()]


@st.composite
def chains(draw, *, discount=DISCOUNTS, ends=True):
    """A chain of a few stages, probabilities in sixteenths; the last stage is final, and some way leads there."""
    size = draw(st.integers(2, 5))
    stages = [f"s{place}" for place in range(size)]
    rows = {}
    for place, stage in enumerate(stages[:-1] if ends else stages):
        parts = draw(st.lists(st.integers(0, 8), min_size=size, max_size=size))
        parts[min(place + 1, size - 1)] += 1
        rows[stage] = {to: part / sum(parts) for to, part in zip(stages, parts, strict=True)}
    rewards = {stage: draw(st.integers(-20, 20)) for stage in (stages[:-1] if ends else stages)}
    return Chain(stages, rows, rewards=rewards, discount=draw(discount))


def exactly(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """The oracle: Gauss and Jordan in fractions."""
    rows = [[*row, own] for row, own in zip(matrix, right, strict=True)]
    for place in range(len(rows)):
        pivot = next(row for row in range(place, len(rows)) if rows[row][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [entry / rows[place][place] for entry in rows[place]]
        for other in range(len(rows)):
            if other != place:
                factor = rows[other][place]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[place], strict=True)]
    return [row[-1] for row in rows]


def fractions(chain: Chain) -> list[list[Fraction]]:
    """The probabilities as fractions that sum to one exactly."""
    rows = []
    for stage in chain.stages:
        row = chain.probabilities.get(stage, {stage: 1})
        parts = [Fraction(row.get(to, 0)) for to in chain.stages]
        rows.append([part / sum(parts) for part in parts])
    return rows


def test_the_chain_of_the_paper() -> None:
    """Pfeifer and Carraway (2000): values by recency over four periods, and without end."""
    assert rounded(recency(discount=0.2).values(4)) == [50.115, 4.22, 0.592, -1.98, 0.0]
    assert rounded(recency(discount=0.2).values()) == [52.320, 5.554, 1.251, -1.820, 0.0]


def test_a_horizon_of_nothing_is_this_period() -> None:
    """With a horizon of 0 a stage is worth what this period brings."""
    assert recency().values(0) == {"bought": 36, "one ago": -4, "two ago": -4, "three ago": -4, "gone": 0}


@given(chains(discount=st.sampled_from([0.25, 0.5, 1.0]), ends=False))
@settings(max_examples=60, deadline=None)
def test_values_without_end_are_the_limit_of_long_horizons(chain: Chain) -> None:
    """The direct solution is what summing period by period comes to."""
    assert rounded(chain.values(200), 7) == pytest.approx(rounded(chain.values(), 7), abs=1e-6)


@given(chains())
@settings(max_examples=60, deadline=None)
def test_values_solve_the_equations_exactly(chain: Chain) -> None:
    """The values are those that fractions give, to the last few bits."""
    discount, rows = 1 + Fraction(chain.discount), fractions(chain)
    here = range(len(chain.stages) - 1)
    matrix = [[(one == two) - rows[one][two] / discount for two in here] for one in here]
    wanted = exactly(matrix, [Fraction(chain.rewards[chain.stages[place]]) for place in here])
    found = list(chain.values().values())
    assert found[:-1] == pytest.approx([float(value) for value in wanted], rel=1e-11, abs=1e-9)
    assert found[-1] == 0


@given(chains(), chains(), st.integers(-3, 3))
@settings(max_examples=60, deadline=None)
def test_values_are_linear_in_rewards(chain: Chain, other: Chain, times: int) -> None:
    """Rewards added, or multiplied, give values added, or multiplied."""

    def worth(rewards):
        return list(
            Chain(chain.stages, chain.probabilities, rewards=rewards, discount=chain.discount).values().values()
        )

    more = {stage: other.rewards.get(stage, 1) for stage in chain.rewards}
    both = worth({stage: chain.rewards[stage] + times * more[stage] for stage in chain.rewards})
    assert both == pytest.approx(
        [a + times * b for a, b in zip(worth(chain.rewards), worth(more), strict=True)], rel=1e-9, abs=1e-7
    )


@given(chains(discount=st.just(0.0)), st.data())
@settings(max_examples=60, deadline=None)
def test_absorption_rows_sum_to_one(chain: Chain, data) -> None:
    """A contact who leaves for good ends somewhere; where is what fractions say, and what many periods come to."""
    ends = data.draw(st.integers(1, 2))
    stages = (*chain.stages, "elsewhere")[: len(chain.stages) + ends - 1]
    rows = {
        stage: {**{to: chance * 0.75 for to, chance in row.items()}, stages[-1]: row.get(stages[-1], 0) * 0.75 + 0.25}
        for stage, row in chain.probabilities.items()
    }
    found = Chain(stages, rows).absorption()
    assert set(found) == set(stages) - set(stages[-ends:])
    for stage, row in found.items():
        assert sum(row.values()) == pytest.approx(1, abs=1e-12)
        for end, chance in row.items():
            # One unit of reward on the way into an end, and nowhere else, is worth the probability to end there.
            moves = {(source, end): 1.0 for source in rows}
            assert Chain(stages, rows, moves=moves).values()[stage] == pytest.approx(chance, abs=1e-12)


@given(chains(discount=st.just(0.0)))
@settings(max_examples=60, deadline=None)
def test_steps_are_visits_summed_up(chain: Chain) -> None:
    """The periods until the end are those spent on each stage, and both are what a reward of one a period is worth."""
    steps, visits = chain.expected_steps(), chain.visits()
    for stage, row in visits.items():
        assert sum(row.values()) == pytest.approx(steps[stage], rel=1e-12)
        assert row[stage] >= 1 - 1e-12
    counting = Chain(chain.stages, chain.probabilities, rewards=dict.fromkeys(chain.stages[:-1], 1))
    assert counting.values() == pytest.approx(steps, rel=1e-12)


def test_who_almost_never_moves_is_counted_right() -> None:
    """Where almost everybody stays, nothing is lost to rounding."""
    chain = Chain(["a", "b", "end"], {"a": {"b": 1e-13, "end": 3e-13}, "b": {"a": 1e-13, "end": 1e-13}}, rest="stay")
    found = chain.absorption()
    assert found == {"a": {"end": 1.0}, "b": {"end": 1.0}}
    assert chain.expected_steps()["a"] == pytest.approx(float(Fraction(3, 7) * 10**13), rel=1e-14)


def test_stages_that_go_round_for_ever_are_one_end() -> None:
    """A group of stages that nobody leaves is one end, named by all of them."""
    chain = Chain(
        ["lead", "retention", "advocacy", "lost"],
        {
            "lead": {"retention": 0.2, "lost": 0.6, "lead": 0.2},
            "retention": {"advocacy": 1},
            "advocacy": {"retention": 0.5, "advocacy": 0.5},
        },
    )
    assert chain.absorption() == {"lead": {"retention, advocacy": pytest.approx(0.25), "lost": pytest.approx(0.75)}}
    assert chain.expected_steps()["retention"] == 0


def test_a_reward_for_ever_has_no_value() -> None:
    """Without a discount, a reward where one never leaves has no end; a discount or a horizon gives it one."""
    rows, rewards = {"lead": {"customer": 1}, "customer": {"customer": 1}}, {"customer": 10}
    with pytest.raises(ModelError, match="who gets to customer never leaves for good"):
        Chain(["lead", "customer"], rows, rewards=rewards).values()
    assert Chain(["lead", "customer"], rows, rewards=rewards).values(2) == {"lead": 20, "customer": 30}
    discounted = Chain(["lead", "customer"], rows, rewards=rewards, discount=0.25).values()
    assert discounted == {"lead": 40, "customer": 50}


def test_what_is_missing_from_a_row_stays_or_leaves_if_said() -> None:
    """A row that does not sum to one is an error that names it, unless `rest` says what happens to the rest."""
    rows = {"lead": {"won": 0.25}}
    with pytest.raises(ModelError, match=r"the row 'lead' sums to 0\.25, not to 1; rest='stay' or rest='leave'"):
        Chain(["lead", "won"], rows)
    assert Chain(["lead", "won"], rows, rest="stay").absorption() == {"lead": {"won": 1.0}}
    assert Chain(["lead", "won"], rows, rest="leave").absorption() == {"lead": {"won": 0.25, LEFT: 0.75}}
    explicit = Chain(["lead", "won"], {"lead": {"won": 0.25, LEFT: 0.75}}, rewards={"lead": -3})
    assert explicit.values() == {"lead": -3.0, "won": 0.0}


@pytest.mark.parametrize("rest", [None, "stay", "leave"])
def test_a_row_that_sums_to_more_than_one_is_always_an_error(rest: str | None) -> None:
    """Too much cannot stay or leave."""
    with pytest.raises(ModelError, match=r"the row 'a' sums to 1\.1, not to 1$"):
        Chain(["a", "b"], {"a": {"a": 0.6, "b": 0.5}}, rest=rest)


@pytest.mark.parametrize("rest", [None, "leave"])
def test_rounding_in_a_row_is_no_fault_and_no_leak(rest: str | None) -> None:
    """A row may miss one by a billionth; it is then taken as if it met it, and nobody leaks away."""
    chain = Chain(["a", "b"], {"a": {"a": 0.1 + 0.2 + 0.7 - 5e-10}, "b": {"a": 1}}, rest=rest)
    assert chain.absorption() == {"b": {"a": 1.0}}


def test_all_faults_are_told_at_once() -> None:
    """Negative, NaN and unknown: every fault is told, with what was probably meant."""
    with pytest.raises(ModelError) as caught:
        Chain(
            ["lead", "won", "won"],
            {"lead": {"won": -0.1, "wonn": float("nan")}, "loast": {"won": 1}, "won": 3},
            rewards={"leed": 1, "won": {"nps": "8"}},
            rates={"npss": 1},
            moves={("lead", "x"): 1, ("lead", "won"): None},
        )
    said = str(caught.value)
    for part in (
        "11 faults",
        "the stage 'won' is there twice",
        "the probability of 'lead' to 'won' must be a number from 0 to 1, found -0.1",
        "the row 'lead' leads to 'wonn': there is no stage 'wonn'; did you mean 'won'?",
        "the probability of 'lead' to 'wonn' must be a number from 0 to 1, found nan",
        "the row 'loast': there is no stage 'loast'",
        "the row 'won' must map stages to probabilities, found 3",
        "the reward of 'leed': there is no stage 'leed'; did you mean 'lead'?",
        "the measure 'nps' of 'won' must be a number up to 1e+09, found '8'",
        "there is a rate for 'npss', which is no measure of any reward; did you mean 'nps'?",
        "the move ('lead', 'x'): there is no stage 'x'",
    ):
        assert part in said


@pytest.mark.parametrize("horizon", [-1, 1.5, True, 10**9])
def test_a_horizon_is_a_whole_number(horizon: object) -> None:
    """A horizon that is none is refused."""
    with pytest.raises(ModelError, match="horizon must be a whole number from 0"):
        recency().values(horizon)  # type: ignore[arg-type]


def test_measures_are_weighed_by_their_rates() -> None:
    """A reward is the sum of its measures, each times its rate: a score that nobody pays for has a value too."""
    rows = {"retention": {"retention": 0.5, "gone": 0.5}}
    rewards = {"retention": {"margin": 40, "nps": 8}}

    def worth(**rates):
        return Chain(["retention", "gone"], rows, rewards=rewards, rates=rates).values()["retention"]

    assert worth(nps=0.5) == 2 * (40 + 4)
    assert worth() == 2 * 48
    assert worth(nps=0, margin=0) == 0


def test_a_move_brings_what_it_brings() -> None:
    """A reward on the way from one stage to another counts in the period of leaving, as often as the way is taken."""
    rows = {"lead": {"lead": 0.5, "won": 0.25, LEFT: 0.25}}
    chain = Chain(["lead", "won"], rows, moves={("lead", "won"): 100, ("lead", LEFT): -10})
    assert chain.values(0)["lead"] == 22.5
    assert chain.values()["lead"] == 45


def test_counts_become_shares() -> None:
    """Transition counts make a chain; a row without any is that of a final stage."""
    chain = Chain.from_counts({"lead": {"lead": 7, "won": 2, LEFT: 1}, "won": {}}, rewards={"lead": -1})
    assert chain.stages == ("lead", "won")
    assert chain.absorption() == {"lead": {"won": pytest.approx(2 / 3), LEFT: pytest.approx(1 / 3)}}
    with pytest.raises(
        ModelError, match="'lead' to 'won' must be a number from 0 to 1e\\+09, found -1; the row 'x' must"
    ):
        Chain.from_counts({"lead": {"won": -1}, "x": 3})  # type: ignore[dict-item]


def test_a_journey_brings_its_rewards() -> None:
    """A chain over a journey takes the stages' rewards, puts measures on top, and gives the stages their values."""
    journey = Journey([Stage("lead", reward=-1), Stage("customer", reward=10), Stage("gone")])
    rows = {"lead": {"customer": 0.5, "gone": 0.5}, "customer": {"customer": 0.5, "gone": 0.5}}
    assert Chain.from_journey(journey, rows).values() == {"lead": 9, "customer": 20, "gone": 0}
    nps = {"customer": {"nps": 8}, "lead": 2}
    chain = Chain.from_journey(journey, rows, rewards=nps, rates={"nps": 0.25})
    assert chain.values() == {"lead": 13, "customer": 24, "gone": 0}
    assert [stage.value for stage in journey.valued(chain.values()).stages] == [13, 24, 0]


def test_a_stage_that_one_leaves_needs_a_row() -> None:
    """Where a journey leads on and nobody was seen to go, the chain does not take the stage for a final one."""
    ways = [Transition(source="lead", to="customer", event="purchase")]
    journey = Journey([Stage("lead", reward=-1), Stage("customer", reward=10)], ways)
    with pytest.raises(ModelError, match="the row 'lead' sums to 0, not to 1"):
        Chain.from_journey(journey, {}, 0.25)
    assert Chain.from_journey(journey, {}, 0.25, rest="stay").values() == {"lead": -5, "customer": 50}
    assert Chain.from_journey(journey, {}, 0.25, rest="leave").values() == {"lead": -1, "customer": 50}


@given(
    st.recursive(
        st.none() | st.text(max_size=3) | st.floats() | st.booleans() | st.just(LEFT),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", LEFT, 3]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_anything_else_is_refused_in_words(wrong: object, data) -> None:
    """Whatever stands where, the answer is a chain with finite values or a `ModelError`."""
    given = {
        "stages": ["a", "b"],
        "probabilities": {"a": {"b": 1.0}},
        "rewards": {"a": 1},
        "rates": {},
        "moves": {},
        "discount": 0.5,
        "rest": None,
    }
    given[data.draw(st.sampled_from(sorted(given)))] = wrong
    try:
        values = Chain(**given).values()  # type: ignore[arg-type]
    except ModelError:
        return
    assert all(isfinite(value) for value in values.values())


def test_values_are_given_to_known_stages_only() -> None:
    """`valued` refuses a stage that the journey does not have, and leaves alone those that are not named."""
    journey = Journey([Stage("lead"), Stage("customer", value=3)])
    assert [stage.value for stage in journey.valued({"lead": 1.5}).stages] == [1.5, 3]
    with pytest.raises(ModelError, match="no stage 'custmer'"):
        journey.valued({"custmer": 1})


def test_fifty_stages_are_instant() -> None:
    """Fifty stages that all lead to each other are solved in a moment."""
    stages = [f"s{place}" for place in range(50)]
    rows = {
        stage: {to: (place * other % 7 + 1) for other, to in enumerate(stages)}
        for place, stage in enumerate(stages[:-1])
    }
    started = perf_counter()
    chain = Chain.from_counts(rows, stages=stages, rewards=dict.fromkeys(stages[:-1], 1.0))
    assert chain.values() == pytest.approx(chain.expected_steps())
    assert perf_counter() - started < 1


def test_what_was_observed_makes_a_chain() -> None:
    """Probabilities estimated from paths go into a chain as they are."""
    journey = Journey([Stage("lead", reward=-1), Stage("customer", reward=10), Stage("gone")])
    rows = [("anna", "lead", day(1)), ("anna", "customer", day(5)), ("anna", "gone", day(7)), ("ben", "lead", day(3))]
    seen = estimate(journey, rows, day(11))
    chain = Chain.from_journey(journey, seen.per_period("1d"))
    assert chain.values() == Chain.from_counts(seen.period_counts("1d"), rewards={"lead": -1, "customer": 10}).values()
    assert chain.absorption() == {"lead": {"gone": pytest.approx(1)}, "customer": {"gone": pytest.approx(1)}}
