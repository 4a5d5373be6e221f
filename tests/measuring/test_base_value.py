"""The lifetime value of the base: the tables of Pfeifer and Carraway from events, and parts that sum to the change."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import Journey, Stage
from journeykit.basics.clock import DAY, micros
from journeykit.journey import estimate
from journeykit.measuring.base_value import ValueChange, base_value, stage_pairs
from journeykit.measuring.stage_stays import StageStays
from journeykit.measuring.value_chain import StageSums, StageValues, jackknife_groups, jackknifed

RECENCY = ["bought", "one ago", "two ago", "three ago", "gone"]
BUYING = [30, 20, 15, 5]
UNTIL = micros(datetime(2026, 11, 30, tzinfo=UTC))
MONTH = 30 * DAY


def recency() -> tuple[StageStays, list[np.ndarray]]:
    """Hundred contacts on each stage a month before the end; the paper's shares of them buy. A purchase is 40."""
    rows, money = [], []
    for stage, buying in enumerate(BUYING):
        for number in range(100):
            contact = 100 * stage + number
            rows.append((contact, stage, UNTIL - MONTH))
            if number < buying:
                rows += [(contact, 0, UNTIL)] if stage else []
            else:
                rows.append((contact, stage + 1, UNTIL))
            money.append((contact, UNTIL - MONTH // 2, 40 - 4 if stage == 0 else -4))
    contact, stage, start = (np.array(own, np.int64) for own in zip(*rows, strict=True))
    lost = [name == "gone" for name in RECENCY]
    stays = StageStays.of(RECENCY, lost, contact, stage, start, contacts=400, until=UNTIL)
    whose, at, amount = zip(*money, strict=True)
    return stays, [np.array(whose), np.array(at), np.array(amount, np.float64)]


def values_of(stays: StageStays, money: list[np.ndarray], **asked) -> StageValues:
    keys = np.random.default_rng(1).integers(0, 2**63, stays.contacts).astype(np.uint64)
    sums = StageSums.of(stays, jackknife_groups(keys), asked.pop("period", MONTH), *money)
    return StageValues.of(sums, discount=asked.pop("discount", 0.2), horizon=asked.pop("horizon", None))


def test_the_tables_of_the_paper_from_events() -> None:
    """Rewards and probabilities that are estimated from events give both tables of Pfeifer and Carraway (2000)."""
    stays, money = recency()
    assert [round(own, 3) for own in values_of(stays, money, horizon=4).values.values()] == [
        50.115,
        4.22,
        0.592,
        -1.98,
        0.0,
    ]
    found = values_of(stays, money)
    assert [round(own, 3) for own in found.values.values()] == [52.320, 5.554, 1.251, -1.820, 0.0]
    assert found.seen == {"bought": 100, "one ago": 100, "two ago": 100, "three ago": 100, "gone": 0}


def test_what_changed_the_base() -> None:
    """Of the base at the start 95 leave; what the others' moves are worth is added up by hand."""
    stays, money = recency()
    values = values_of(stays, money)
    found = base_value(stays, UNTIL - MONTH, values, period="30d").everything
    worth = list(values.values.values())
    # By hand: who buys goes to the first stage, everybody else one further.
    moved = sum(
        buying * (worth[0] - worth[place]) + (100 - buying) * (worth[place + 1] - worth[place]) * (place < 3)
        for place, buying in enumerate(BUYING)
    )
    assert (found.contacts_before, found.contacts_came, found.contacts_left, found.contacts_after) == (400, 0, 95, 305)
    assert found.before.value == pytest.approx(100 * sum(worth))
    assert found.moved.value == pytest.approx(moved)
    assert found.left.value == pytest.approx(95 * worth[3])
    assert found.change.value == pytest.approx(moved - 95 * worth[3])
    assert found.before.low < found.before.value < found.before.high


def test_earlier_values_give_the_revaluation_apart() -> None:
    """At other values of the stages the base at the start is worth less; that is no part of the change."""
    stays, money = recency()
    values, earlier = values_of(stays, money), values_of(stays, money, discount=0.5)
    found = base_value(stays, UNTIL - MONTH, values, earlier=earlier, period="30d").everything
    gain = sum(values.values.values()) - sum(earlier.values.values())
    assert found.revaluation.value == pytest.approx(100 * gain)
    assert found.change.value == pytest.approx(found.moved.value - found.left.value)


@st.composite
def bases(draw):
    """Paths of a few contacts over three stages, the last of which is a loss."""
    starts = draw(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=16))
    return [(contact, draw(st.integers(0, 2)), start) for contact, start in sorted(starts)]


def stays_of(rows, until=40):
    contact, stage, start = (np.array(own, np.int64) for own in zip(*rows, strict=True))
    return StageStays.of(["a", "b", "gone"], [False, False, True], contact, stage, start, contacts=6, until=until)


@given(bases(), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_parts_sum_to_the_change(rows, since) -> None:
    """Whatever happened, came and moved less left is what the base at the end is worth more; by segment too."""
    stays = stays_of(rows)
    nothing = [np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)]
    values = values_of(stays, nothing, period=7)
    values = StageValues(
        chain=values.chain,
        values={"a": 3.0, "b": 7.5, "gone": 99.0},
        without=values.without,
        level=0.95,
        seen=values.seen,
        elsewhere=0.0,
    )
    odd = np.arange(6) % 2 == 1
    whole = base_value(stays, since, values, period="7", segments={"odd": odd, "even": ~odd})
    parts = [whole.everything, *whole.by_segment.values()]
    for own in parts:
        assert own.change.value == pytest.approx(own.came.value + own.moved.value - own.left.value)
        assert own.after.value == pytest.approx(own.before.value + own.change.value)
        assert own.contacts_after == own.contacts_before + own.contacts_came - own.contacts_left
    assert parts[0].after.value == pytest.approx(parts[1].after.value + parts[2].after.value)
    # One by one: what each contact was worth at both ends.
    worth = [3.0, 7.5, 0.0, 0.0]
    ends = [[worth[stage] for stage in stays.stage_at(at).tolist()] for at in (since, 40)]
    assert parts[0].before.value == pytest.approx(sum(ends[0]))
    assert parts[0].after.value == pytest.approx(sum(ends[1]))


@given(bases(), st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_moves_over_a_period_are_those_of_the_journeys_estimates(rows, period) -> None:
    """The counts over columns are the counts that `Estimates.period_counts` gives."""
    origin = micros(datetime(2026, 1, 1, tzinfo=UTC))
    shifted = [(contact, stage, origin + start * DAY) for contact, stage, start in rows]
    until = origin + 40 * DAY
    stays = stays_of(shifted, until)
    nothing = [np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)]
    sums = StageSums.of(stays, np.zeros(6, np.int64), period * DAY, *nothing)
    journey = Journey([Stage(name) for name in stays.stages])
    named = [(str(contact), stays.stages[stage], start) for contact, stage, start in shifted]
    counts = estimate(journey, named, datetime(2026, 2, 10, tzinfo=UTC)).period_counts(f"{period}d")
    wanted = [[counts.get(one, {}).get(two, 0) for two in stays.stages] for one in stays.stages]
    assert sums.moves[0].tolist() == wanted


def test_groups_that_are_left_out_are_equally_large_and_keep_accounts_together() -> None:
    """Groups depend on ids alone, differ by one at most, and have whole accounts."""
    keys = np.random.default_rng(2).integers(0, 2**63, 1_030).astype(np.uint64)
    sizes = np.bincount(jackknife_groups(keys))
    assert (len(sizes), sizes.min(), sizes.max()) == (100, 10, 11)
    unit = np.arange(1_030) // 3
    found = jackknife_groups(keys, unit)
    assert all(len(set(found[unit == own].tolist())) == 1 for own in range(20))
    turned = jackknife_groups(keys[::-1], unit[::-1])
    assert (turned[::-1] == found).all()
    assert set(jackknife_groups(keys[:19]).tolist()) == {0}


def test_the_jackknife_of_a_mean_is_its_usual_interval() -> None:
    """Where each contact is a group, the interval of a mean is Student's."""
    from statsmodels.stats.weightstats import DescrStatsW

    own = np.random.default_rng(3).normal(5, 2, 60)
    without = (own.sum() - own) / 59
    found = jackknifed(own.mean(), without, 0.9)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(own).tconfint_mean(alpha=0.1), rel=1e-12)


def test_nobody_is_a_base_of_nothing() -> None:
    """Without a contact on the journey everything is 0."""
    stays, money = recency()
    none = np.zeros(400, np.bool_)
    found = ValueChange.of(stage_pairs(stays, UNTIL - MONTH, none), values_of(stays, money))
    assert (found.contacts_before, found.after.value) == (0, 0.0)
