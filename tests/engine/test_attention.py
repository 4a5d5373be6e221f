"""The price of attention: what an opt-out costs is taken from weights; messages that change too little do not go."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from attrs import evolve
from generate import lively
from generate_attention import with_attention
from hypothesis import given
from hypothesis import strategies as st
from oracle import MILLION, Oracle, TooManyItemsError
from test_arbiter_oracle import assert_best, decide, key_of, row_faults

from journeykit import Arbiter, Claim, Contact, Playbook, PlaybookError, Score
from journeykit.audit import violations
from journeykit.model.decision import why

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
STAGES = [{"name": "new", "value": 10}, {"name": "customer", "value": 80}, {"name": "former", "value": -5}]
PLAYBOOK = {
    "journey": {"stages": STAGES},
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "offer", "content": ["note"], "weight": 2}],
    "opt_out_cost": 50,
}


def playbook(**changes) -> Playbook:
    return Playbook.from_dict(PLAYBOOK | changes)


def offer(rules: Playbook, score: Score | None = None, *, stage="customer", claims=None, **how):
    """The row of the offer, which the audit finds right."""
    contact = Contact(id="anna", consent=["email"], stage=stage)
    scores = {} if score is None else {"offer": score}
    decision = Arbiter(rules).decide(contact, claims=claims, scores=scores, at=AT, explain=True, **how)
    assert list(violations(rules, decision, contact, (), claims, scores=scores)) == []
    (row,) = decision.rows
    return row


def test_what_an_opt_out_costs_is_taken_from_the_weight():
    """The weight is the product, less the chance of an opt-out times what that costs; a factor says how much."""
    row = offer(playbook(), Score(propensity=0.5, value=4, opt_out=0.01))
    assert (row.weight, row.factors["opt_out"]) == (2 * 0.5 * 4 - 0.01 * 50, -0.5)
    row = offer(playbook(), Score(propensity=0.5, value=4, opt_out=0.1))
    assert (str(row.reason), row.rule, row.weight) == ("not_worth_it", "reserve", -1.0)
    assert why(row) == "the weight is not above the reserve: it brings 4, less 5 for the opt-out that it may bring"
    # Nobody says how likely an opt-out is: nothing is taken.
    assert offer(playbook(), Score(propensity=0.5, value=4)).weight == 4.0
    assert "opt_out" not in offer(playbook(), Score(opt_out=0)).factors


def test_the_relationship_is_worth_what_the_stage_is():
    """With `stage_value` a message risks the value of the contact's stage; one below 0 is nothing to lose."""
    rules = playbook(opt_out_cost="stage_value")
    score = Score(opt_out=0.0125)
    assert {stage: offer(rules, score, stage=stage).weight for stage in ("new", "customer", "former")} == {
        "new": 2 - 0.125,
        "customer": 2 - 1.0,
        "former": 2.0,
    }


@pytest.mark.parametrize("stage", [None, "lead"])
def test_a_value_that_is_not_known_is_missing_data(stage):
    """Without a stage, or on one of unknown value, nobody knows what is at stake: `on_missing` says what happens."""
    rules = playbook(opt_out_cost="stage_value", journey={"stages": [*STAGES, "lead"]})
    row = offer(rules, Score(opt_out=0.01), stage=stage)
    assert (str(row.reason), row.rule) == ("missing_data", "stage_value")
    assert offer(rules, Score(value=3), stage=stage).weight == 6.0
    lenient = evolve(rules, on_missing=evolve(rules.on_missing, stage="allow"))
    assert offer(lenient, Score(opt_out=0.01), stage=stage).weight == 2.0


def test_nothing_multiplies_the_cost():
    """Patience, levers, expressions and fit are factors of what the message brings, not of what it risks."""
    campaign = {
        "id": "offer",
        "content": ["note"],
        "weight": "2 * propensity",
        "patience": {"after": "1d", "factor": 3},
    }
    rules = playbook(
        campaigns=[campaign], levers=[{"name": "autumn", "factor": 5}], teams=[{"name": "sales", "lever": 7}]
    )
    claim = Claim(campaign="offer", propensity=0.5, opt_out=0.01, asked_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert offer(rules, claims=[claim]).weight == 1 * 5 * 3 - 0.5


def test_messages_that_need_no_consent_bear_no_cost():
    """A receipt is no risk to the relationship; and a weight that a claim brings is kept as it is."""
    campaigns = [{"id": "offer", "content": ["note"], "weight": 2, "needs_consent": False}]
    assert offer(playbook(campaigns=campaigns), Score(opt_out=0.5)).weight == 2.0
    assert offer(playbook(), claims=[Claim(campaign="offer", weight=1, opt_out=0.5)]).weight == 1.0


@pytest.mark.parametrize("policy", ["weighted", "ranked", "first_come", "flat"])
def test_every_policy_bears_it(policy):
    """The cost is the playbook's, whatever weighs what a message brings."""

    class Flat:
        def weigh(self, claim, contact, context):
            return 3

    decision = Arbiter(playbook(policy=policy), {"flat": Flat()}).decide(
        Contact(id="anna", consent=["email"]), scores={"offer": Score(opt_out=0.01)}, at=AT
    )
    gross = 3 if policy == "flat" else 2
    assert (decision.rows[0].weight, decision.rows[0].factors["opt_out"]) == (gross - 0.5, -0.5)
    if policy == "flat":
        assert decision.rows[0].factors["flat"] == 3.0


def test_a_missing_opt_out_follows_scored():
    """Where a campaign needs scores, a claim without a chance of an opt-out is denied; where not, it costs nothing."""
    campaigns = [{"id": "offer", "content": ["note"], "weight": 2, "scored": True}]
    row = offer(playbook(campaigns=campaigns), Score(propensity=0.5))
    assert (str(row.reason), row.rule) == ("missing_data", "score")
    assert str(offer(playbook(campaigns=campaigns, opt_out_cost=None), Score(propensity=0.5)).reason) == "granted"
    for scored, reason in (
        ([("offer", "opt_out")], "missing_data"),
        (["offer"], "missing_data"),
        ([("offer", "propensity")], "granted"),
        ([("offer", "uplift")], "granted"),
    ):
        assert str(offer(playbook(), Score(propensity=0.5), scored=scored).reason) == reason, scored


def test_what_changes_too_little_is_not_worth_it():
    """A claim whose uplift is below its campaign's least one is denied, whatever its weight, the claim's own too."""
    rules = playbook(campaigns=[{"id": "offer", "content": ["note"], "min_uplift": 0.02}])
    row = offer(rules, Score(uplift=0.01, value=1000))
    assert (str(row.reason), row.rule, row.retry_at, row.needs) == ("not_worth_it", "min_uplift", None, None)
    assert why(row) == "the message changes too little: the uplift is 0.01, and must be at least 0.02"
    assert str(offer(rules, claims=[Claim(campaign="offer", weight=9, uplift=-0.5)]).reason) == "not_worth_it"
    assert str(offer(rules, Score(uplift=0.02)).reason) == "granted"
    # Where nobody says it, it follows `scored`.
    assert str(offer(rules).reason) == "granted"
    row = offer(rules, claims=[Claim(campaign="offer", weight=9)], scored=["offer"])
    assert (str(row.reason), row.rule) == ("missing_data", "score")


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"opt_out_cost": -1}, "opt_out_cost", "opt_out_cost must be a number from 0 to 1e+09, found -1"),
        ({"opt_out_cost": "dear"}, "opt_out_cost", "expected a number from 0, or 'stage_value', found the text 'dear'"),
        ({"opt_out_cost": True}, "opt_out_cost", "expected a number"),
        ({"opt_out_cost": "stage_value", "journey": {"stages": ["new"]}}, "opt_out_cost", "no stage has a value"),
        ({"opt_out_cost": "stage_value", "journey": None}, "opt_out_cost", "no stage has a value"),
        (
            {"campaigns": [{"id": "offer", "min_uplift": 2}]},
            "campaigns[0].min_uplift",
            "a number from -1 to 1, found 2",
        ),
    ],
)
def test_a_cost_that_cannot_be_is_an_error(changes, path, message):
    """Each with its path and what is allowed."""
    given = {name: value for name, value in (PLAYBOOK | changes).items() if value is not None}
    with pytest.raises(PlaybookError) as error:
        Playbook.from_dict(given)
    (problem,) = error.value.problems
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"opt_out_cost": 0}, "an opt-out that costs 0 takes nothing from any weight"),
        (
            {"campaigns": [{"id": "offer", "content": ["note"], "needs_consent": False}]},
            "it takes nothing: only messages of campaigns that need consent bear it, and none does",
        ),
        (
            {"opt_out_cost": "stage_value", "journey": {"stages": [*STAGES, "lead"]}},
            "messages with an opt_out are denied there (missing_data): the journey has no value for the stage 'lead'",
        ),
    ],
)
def test_a_cost_that_cannot_do_what_it_is_meant_for_is_a_warning(changes, message):
    """`check` says so."""
    assert [own.message for own in playbook(**changes).check() if own.path == "opt_out_cost"] == [message]


def test_playbooks_without_a_price_keep_their_fingerprint():
    """What is not said is not written."""
    plain = Playbook.from_dict({name: value for name, value in PLAYBOOK.items() if name != "opt_out_cost"}).to_dict()
    assert "opt_out_cost" not in plain
    assert "min_uplift" not in plain["campaigns"][0]
    assert Playbook.from_dict(playbook(opt_out_cost="stage_value").to_dict()) == playbook(opt_out_cost="stage_value")


@given(chance=st.floats(0, 1), more=st.floats(0, 1), cost=st.floats(0, 100), value=st.floats(0, 100))
def test_a_higher_risk_never_raises_a_weight(chance, more, cost, value):
    """The weight falls as the chance of an opt-out rises, and with it what is granted."""
    rules = playbook(opt_out_cost=cost)
    low, high = sorted((chance, more))
    rows = [offer(rules, Score(value=value, opt_out=own)) for own in (low, high)]
    assert rows[0].weight >= rows[1].weight
    assert rows[0].weight == round((2 * value - low * cost) * MILLION) / MILLION
    assert not (str(rows[1].reason) == "granted" and str(rows[0].reason) != "granted")


def test_what_is_granted_is_the_best_set_at_that_price():
    """Brute force over claims with estimates says the same of every row, in plans too, and the audit finds no fault."""
    reasons: Counter[tuple[str, str | None]] = Counter()
    for seed in range(80_000, 80_070):
        case = lively(seed)
        if case.playbook.campaigns is None:
            continue
        rng = Random(f"attention {seed}")
        claims = [
            evolve(claim, opt_out=rng.choice((None, 0.0, 0.125, 0.25)), uplift=rng.choice((None, -1, 0.125, 0.5)))
            for claim in case.claims or ()
        ]
        case = case.but(
            playbook=with_attention(rng, case.playbook), claims=None if case.claims is None else tuple(claims)
        )
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        decision = decide(case, explain=True)
        assert_best(seed, case, oracle, decision)
        told = {key_of(row): row for row in decision.rows if row.note != "the same claim is there already"}
        for wish in oracle.wishes:
            if not wish.is_twin:
                row = told[wish.key]
                reasons[str(row.reason), row.rule] += 1
                faults = list(row_faults(oracle, wish, row))
                assert not faults, (seed, wish.key, faults)
    assert reasons["not_worth_it", "min_uplift"]
    assert reasons["not_worth_it", "reserve"]
    assert reasons["missing_data", "score"]
    assert reasons["missing_data", "stage_value"]
