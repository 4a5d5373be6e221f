"""A published planning problem, solved to its optimum."""

from __future__ import annotations

from pathlib import Path

import pytest

from journeykit.columns import has_columns

pytest.importorskip("highspy")
if not has_columns():
    pytest.skip("the columnar engine is not installed", allow_module_level=True)

from assignment import Instance, check, claims, playbook

from journeykit import Arbiter

TOY = Path(__file__).parents[1] / "data" / "customer_assignment" / "toy"


@pytest.fixture(scope="module")
def toy():
    return Instance.read(TOY)


@pytest.fixture(scope="module")
def run(toy):
    """The granted pairs, and the summary of the run."""
    told = []
    table = Arbiter(playbook(toy)).decide_table(
        None, claims=claims(toy), at=toy.at, until=toy.until, summary=told.append
    )
    rows = table.select(["contact_id", "campaign_id", "outcome"]).to_pylist()
    pairs = [(row["contact_id"], row["campaign_id"]) for row in rows if row["outcome"] == "granted"]
    return pairs, told[0].to_dict()


def test_the_plan_is_the_optimum(toy, run):
    """Profit 2,973, less the penalty of the sales of mobile that are too many."""
    pairs, _ = run
    found = check(toy, pairs)
    assert found.violations == []
    assert found.profit == pytest.approx(2973, abs=1e-9)
    assert found.objective == pytest.approx(2959.56, abs=1e-6)


def test_the_run_says_what_the_checker_says(toy, run):
    """Value, penalties and the usage of every quota are those that the tables give."""
    pairs, told = run
    found = check(toy, pairs)
    assert told["value"] == pytest.approx(found.profit, abs=1e-6)
    assert told["penalties"] == pytest.approx(found.penalties, abs=1e-6)
    for rule, quota in zip(toy.quotas, told["quotas"], strict=True):
        options = [option for option in toy.options if (option.contact, option.activity) in set(pairs)]
        acts = [toy.activities[option.activity] for option in options]
        used = sum(rule.amount(act, option) for act, option in zip(acts, options, strict=True) if rule.covers(act))
        assert quota["name"] == rule.name
        assert quota["usage"] == pytest.approx(used, abs=1e-6)


def test_the_bound_is_reached(run):
    """The linear bound of this instance is its optimum, and the run knows it."""
    _, told = run
    assert told["bound"] == pytest.approx(2959.56, abs=1e-3)
    assert abs(told["gap"]) < 1e-6


def test_the_checker_sees_every_hard_rule(toy):
    """A checker that lets things pass would prove nothing."""
    assert check(toy, []).violations == []
    assert check(toy, [("1", "1")]).violations == ["1: activity 1 is not possible"]
    assert check(toy, [("1", "3"), ("1", "3")]).violations == ["1: activity 3 twice"]
    assert check(toy, [("1", "3"), ("1", "5")]).violations == ["1: activities 3 and 5 conflict"]
    calls = [(option.contact, option.activity) for option in toy.options if option.activity in ("3", "4", "7")]
    assert any("Maximum assignment" in fault for fault in check(toy, calls).violations)
    letters = [(option.contact, "5") for option in toy.options if option.activity == "5"]
    assert check(toy, letters).violations == ["2 Budget: 68.0 instead of 40.0"]
    assert check(toy, [("2", "6"), ("2", "5")]).violations == ["2: activities 6 and 5 conflict"]


def test_soft_rules_cost_and_break_nothing(toy):
    """Sales of mobile beyond 5 cost 112 each."""
    acts = {act.id for act in toy.activities.values() if "mobile" in act.products}
    options = [option for option in toy.options if option.activity in acts]
    found = check(toy, [(option.contact, option.activity) for option in options])
    assert toy.penalty == 112
    assert found.penalties == pytest.approx(112 * (sum(option.chance for option in options) - 5))


def test_the_playbook_warns_of_nothing(toy):
    """Every rule of the instance can bind."""
    assert playbook(toy).check() == ()
