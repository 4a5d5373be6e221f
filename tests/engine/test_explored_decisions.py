"""Decisions of a playbook that explores: what takes part, what stays as it is, and what is said."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from attrs import evolve

from journeykit import Arbiter, Claim, Contact, Decision, Playbook, Prices, Score

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
CAP = {"name": "one", "max": 1, "window": {"rolling": "24h"}}


def world(explore: dict[str, Any] | None = None, **more: Any) -> Playbook:
    """Three campaigns, of which a contact gets one."""
    return Playbook.from_dict({
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": name, "content": ["note"], "weight": weight} for name, weight in WEIGHTS.items()],
        "caps": [CAP],
        "explore": {"share": 0.5, **(explore or {})},
        **more,
    })  # fmt: skip


WEIGHTS = {"a": 3, "b": 2, "c": 1}


def decide(playbook: Playbook, name: str = "anna", *, explain: bool = False, **how: Any) -> Decision:
    contact = Contact(id=name, consent=["email"])
    return Arbiter(playbook).decide(contact, at=AT, explain=explain, **how)


def someone(playbook: Playbook, *, is_drawn: bool, **how: Any) -> Decision:
    """The decision on the first contact who is drawn, or who is not."""
    found = (decide(playbook, f"c{number}", **how) for number in count())
    return next(own for own in found if (own.vector is not None) == is_drawn)


def chances(decision: Decision) -> dict[str, float | None]:
    return {row.campaign: row.chance for row in decision.rows}


def test_chances_add_up_where_one_of_all_is_granted():
    """Undrawn the best one is granted; of the vectors each is, about as often."""
    found = chances(decide(world()))
    assert sum(found.values()) == pytest.approx(1)
    assert found["a"] > 0.5
    assert 0 < found["b"] < 0.5
    assert 0 < found["c"] < 0.5


def test_a_contact_who_is_not_drawn_is_decided_as_ever():
    """The same grants, weights and reasons as without exploration; chances are told all the same."""
    playbook = world()
    found = someone(playbook, is_drawn=False, explain=True)
    plain = Arbiter(evolve(playbook, explore=None)).decide(
        Contact(id=found.contact, consent=["email"]), at=AT, explain=True
    )
    assert found.granted == plain.granted
    assert found.notes == plain.notes == ()
    blank = {"chance": None, "run_id": "", "playbook": ""}
    assert [evolve(row, **blank) for row in found.rows] == [evolve(row, **blank) for row in plain.rows]


def test_a_contact_who_is_drawn_has_weights_dealt_anew_and_is_told_so():
    """The weights are the contact's own ones; what they are made of is that they were dealt."""
    found = someone(world(), is_drawn=True, explain=True)
    assert sorted(row.weight for row in found.rows) == [1, 2, 3]
    assert all(row.factors == {"dealt": row.weight} for row in found.rows)
    assert all((row.needs, row.displaced) == (None, None) for row in found.rows)
    note = (
        f"explore: this contact was drawn: vector {found.vector + 1} of 50 (uniform); the weights of 3 claims are drawn"
    )
    assert found.notes == (note,)
    assert note in str(found.explain())
    lines = str(found.explain()).splitlines()
    assert lines[3].endswith("chance")
    assert lines[5].endswith(f"{found.rows[0].chance:.3f}".rstrip("0"))
    assert "chance" in found._repr_html_()
    assert found.explain().to_dict()["vector"] == found.vector


def test_decisions_are_the_same_each_time_and_travel():
    """Nothing depends on the process; another instant draws others."""
    playbook = world()
    first = [decide(playbook, f"c{number}") for number in range(20)]
    again = [pickle.loads(pickle.dumps(own)) for own in (decide(playbook, f"c{number}") for number in range(20))]
    assert [own.rows for own in first] == [own.rows for own in again]
    later = datetime(2026, 11, 6, 10, tzinfo=UTC)
    others = [Arbiter(playbook).decide(Contact(id=f"c{number}", consent=["email"]), at=later) for number in range(20)]
    assert [own.vector for own in first] != [own.vector for own in others]


def test_only_what_competes_with_a_weight_of_the_policys_takes_part():
    """Brought weights, exempt claims, what is not worth it and what is not eligible stay as they are."""
    playbook = world({"share": 1}, reserve=1.5)
    campaigns = [evolve(own, obeys_caps=own.id != "c") for own in playbook.campaigns]
    playbook = evolve(playbook, campaigns=[*campaigns, evolve(campaigns[0], id="d", weight=7, paused=True)])
    claims = [Claim(campaign="a"), Claim(campaign="b"), Claim(campaign="b", id="own", weight=2.5), Claim(campaign="d")]
    found = decide(playbook, claims=[*claims, Claim(campaign="c")])
    rows = {(row.campaign, row.claim): row for row in found.rows}
    assert {rows["a", None].weight, rows["b", None].weight} == {2, 3}
    assert (rows["b", "own"].weight, rows["b", "own"].factors) == (2.5, {})
    assert (rows["c", None].weight, rows["c", None].reason, rows["c", None].chance) == (1, "not_worth_it", 0)
    assert (rows["d", None].reason, rows["d", None].chance) == ("campaign_closed", None)


def test_what_obeys_no_caps_has_a_chance_of_one_or_none():
    """It is granted in any case."""
    playbook = world()
    exempt = evolve(playbook.campaigns[2], id="x", obeys_caps=False, counts_toward_caps=False)
    assert chances(decide(evolve(playbook, campaigns=[*playbook.campaigns, exempt])))["x"] == 1


def test_contacts_in_the_holdout_and_without_consent_get_nothing():
    """Drawn or not; claims that are not eligible have no chance."""
    held = world({"share": 1}, holdout={"share": 1})
    assert set(chances(decide(held)).values()) == {None}
    nobody = Arbiter(world({"share": 1})).decide(Contact(id="anna", consent=[]), at=AT)
    assert (nobody.granted, set(chances(nobody).values())) == ((), {None})


def test_claims_of_equal_weight_are_tried_alike():
    """A first playbook has no weights: its claims are dealt, each a millionth apart, in the vector's own order."""
    playbook = world({"share": 0.5, "draws": 300})
    campaigns = [evolve(own, weight=1) for own in playbook.campaigns]
    found = chances(decide(evolve(playbook, campaigns=campaigns)))
    assert sum(found.values()) == pytest.approx(1)
    assert found["a"] == pytest.approx(0.5 + 0.5 / 3, abs=0.06)
    assert found["b"] == pytest.approx(0.5 / 3, abs=0.06)
    assert found["c"] == pytest.approx(0.5 / 3, abs=0.06)
    drawn = someone(evolve(playbook, campaigns=campaigns), is_drawn=True)
    assert sorted(row.weight for row in drawn.rows) == [1, 1.000001, 1.000002]


def test_what_weighs_least_is_tried_where_others_tie():
    """Each claim gets each weight equally often: of 3, 3 and 1 too."""
    playbook = world({"share": 0.5, "draws": 300})
    campaigns = [evolve(own, weight=weight) for own, weight in zip(playbook.campaigns, (3, 3, 1), strict=True)]
    found = chances(decide(evolve(playbook, campaigns=campaigns)))
    assert found["b"] == pytest.approx(0.5 / 3, abs=0.06)
    assert found["c"] == pytest.approx(0.5 / 3, abs=0.06)


def test_tiers_hold():
    """A claim of a later tier gets a larger weight, and still comes after the first tier."""
    playbook = world({"share": 1})
    campaigns = [evolve(own, tier=1 if own.id == "a" else 0) for own in playbook.campaigns]
    for number in range(8):
        found = decide(evolve(playbook, campaigns=campaigns), f"c{number}")
        assert [grant.campaign for grant in found.granted] != ["a"]
        assert chances(found)["a"] == 0


def test_one_claim_alone_is_not_drawn():
    """There is nothing to deal; its chance is one."""
    playbook = world({"share": 1})
    found = decide(evolve(playbook, campaigns=playbook.campaigns[:1]), explain=True)
    assert found.notes[0].endswith("(uniform); no weight is drawn")
    assert (found.rows[0].chance, found.rows[0].displaced) == (1, 0)


def test_contacts_of_an_account_are_drawn_as_one():
    """By the account's id, where a cap counts per account; the chances are those of both together."""
    cap = {**CAP, "per": "account"}
    playbook = world(caps=[cap])
    pairs = [
        Arbiter(playbook).decide_account([_of(name, number) for name in ("anna", "ben")], at=AT) for number in range(12)
    ]
    assert all(one.vector == other.vector for one, other in pairs)
    assert {one.vector is None for one, _ in pairs} == {False, True}
    for pair in pairs:
        assert sum(row.chance for own in pair for row in own.rows) == pytest.approx(1)
    alone = [Arbiter(playbook).decide(_of("anna", number), at=AT) for number in range(12)]
    assert [own.vector for own in alone] == [own.vector for own, _ in pairs]


def _of(name: str, number: int) -> Contact:
    return Contact(id=f"{name} {number}", account=f"acme {number}", consent=["email"])


def test_contacts_of_an_account_without_caps_of_accounts_are_drawn_apart():
    """Deciding them together changes nothing for anybody."""
    playbook = world()
    both = Arbiter(playbook).decide_account([_of(name, 1) for name in ("anna", "ben")], at=AT)
    apart = [Arbiter(playbook).decide(_of(name, 1), at=AT) for name in ("anna", "ben")]
    assert [own.vector for own in both] == [own.vector for own in apart]
    assert [chances(own) for own in both] == [chances(own) for own in apart]


def test_a_plan_explores_too():
    """Whatever the day on which a claim is granted, its chance is that of being granted at all."""
    found = decide(world(caps=[{**CAP, "max": 2, "window": "ever"}]), until=datetime(2026, 11, 7, 10, tzinfo=UTC))
    assert sum(chances(found).values()) == pytest.approx(2)


def test_arms_explore_by_their_own_rules():
    """The contacts of an arm are drawn as the others are, and decided by the arm's rules."""
    arm = {"name": "dear", "share": 0.5, "with": {"reserve": 1.5}}
    playbook = world(experiments=[{"name": "e", "horizon": "60d", "arms": [arm]}])
    found = [decide(playbook, f"c{number}") for number in range(20)]
    assert {chances(own)["c"] == 0 for own in found if own.arm} == {True}
    assert all(chances(own)["c"] > 0 for own in found if not own.arm)
    contacts = [Contact(id=own.contact, consent=["email"]) for own in found]
    assert not any(any(Arbiter(playbook).audit(*pair)) for pair in zip(found, contacts, strict=True))


def test_saved_prices_are_taken_from_drawn_weights():
    """What a price takes is the same whatever the weight, so a dear claim is granted with the largest weight alone."""
    playbook = world({"share": 1, "draws": 200}, quotas=[{"name": "few", "max": 5, "where": {"campaign": "a"}}])
    prices = Prices(playbook.fingerprint, {"few": {"max": 1.5}})
    arbiter = Arbiter(playbook, prices=prices)
    found = chances(arbiter.decide(Contact(id="anna", consent=["email"]), at=AT))
    # With 3 it is worth 1.5, less than the others' 2; with the prices of nothing each would have a third.
    assert found["a"] == 0
    cheap = Arbiter(playbook, prices=evolve(prices, quotas={"few": {"max": 0.5}}))
    assert 0.2 < chances(cheap.decide(Contact(id="anna", consent=["email"]), at=AT))["a"] < 0.5


def test_what_the_audit_finds():
    """Another vector, chances that cannot be, and such of claims that are not eligible."""
    playbook = world()
    arbiter = Arbiter(playbook)
    found = someone(playbook, is_drawn=False)
    contact = Contact(id=found.contact, consent=["email"])
    assert arbiter.audit(found, contact) == ()

    def faults(**changes: Any) -> list[str]:
        rows = tuple(evolve(row, **changes) for row in found.rows)
        return [own.message for own in arbiter.audit(evolve(found, write=lambda _: rows), contact)]

    assert "a: granted, and a chance of 0.123 cannot be" in faults(chance=0.123)
    assert "a: eligible, and without a chance" in faults(chance=None)
    wrong = arbiter.audit(evolve(found, vector=3), contact)
    assert [own.message for own in wrong] == ["decided by vector 4, and the contact has no vector"]
    plain = Arbiter(evolve(playbook, explore=None))
    assert [own.message for own in plain.audit(found, contact)] == ["chances without a playbook that explores"]


def test_the_audit_knows_what_a_vector_deals():
    """Weights that other claims should have are found."""
    playbook = world({"share": 1})
    arbiter, contact = Arbiter(playbook), Contact(id="anna", consent=["email"])
    found = arbiter.decide(contact, at=AT)
    assert arbiter.audit(found, contact) == ()
    turned = [evolve(row, weight=4 - row.weight) for row in found.rows]
    faults = arbiter.audit(evolve(found, write=lambda _: tuple(turned)), contact)
    assert [own.rule for own in faults] == ["explore", "explore"]
    assert "more than the vector gives it" in faults[0].message
    # Weights that tie are a millionth apart.
    tied = [evolve(row, weight=3) for row in found.rows]
    assert len(arbiter.audit(evolve(found, write=lambda _: tuple(tied)), contact)) == 2


THOMPSON = {"method": "thompson", "share": 1, "draws": 100}
SCORES = {
    "a": Score(propensity=0.5, spread=0.1),
    "b": Score(propensity=0.5, spread=0.0),
    "c": Score(propensity=0.5),
}


def test_thompson_draws_propensities_by_their_spread():
    """Claims without a spread keep their weights; what a drawn weight is made of shows the drawn propensity."""
    playbook = world(THOMPSON)
    found = decide(playbook, scores=SCORES)
    rows = {row.campaign: row for row in found.rows}
    assert (rows["b"].weight, rows["c"].weight) == (1, 0.5)
    assert rows["a"].factors["propensity"] != 0.5
    assert rows["a"].weight == pytest.approx(3 * rows["a"].factors["propensity"])
    # The score is what is known of the contact; the drawn propensity is not.
    assert rows["a"].propensity == 0.5
    assert found.notes[0].endswith("(thompson); one weight is drawn")
    # 3 x (0.5 + 0.1 z) is above 1 where z is above -1.667.
    assert rows["a"].chance == pytest.approx(0.952, abs=0.06)
    assert rows["a"].chance + rows["b"].chance == pytest.approx(1)


def test_thompson_draws_what_expressions_name_too():
    """The weight is made anew, by the campaign's expression."""
    playbook = world(THOMPSON)
    campaigns = [evolve(own, weight="10 * propensity - 4") for own in playbook.campaigns[:1]]
    playbook = Playbook.from_dict(evolve(playbook, campaigns=campaigns).to_dict())
    found = decide(playbook, scores=SCORES)
    drawn = found.rows[0].factors["campaign"]
    assert found.rows[0].weight == pytest.approx(drawn)
    assert drawn != 1
    # Not worth it where the drawn propensity is 0.4 or less.
    assert 0.7 < found.rows[0].chance < 0.95


class Picky:
    """A policy that fails for propensities above 0.5."""

    def weigh(self, claim: Claim, contact: Contact, context: Any) -> float:
        if claim.propensity > 0.5:
            raise ValueError(claim.propensity)
        return context.base * claim.propensity


def test_a_policy_that_fails_with_a_drawn_propensity_leaves_the_weight():
    """The claim is sound; it keeps the weight of its score."""
    playbook = world(THOMPSON, policy="picky")
    arbiter = Arbiter(playbook, {"picky": Picky()})
    decisions = [arbiter.decide(Contact(id=f"c{n}", consent=["email"]), at=AT, scores=SCORES) for n in range(10)]
    weights = [own.row("a").weight for own in decisions]
    assert max(weights) == 1.5
    assert min(weights) < 1.5


def test_where_all_is_granted_no_vector_is_tried(monkeypatch):
    """A large cap: every claim is granted whatever it weighs."""
    playbook = world(caps=[{**CAP, "max": 3}])
    own = someone(playbook, is_drawn=False)
    monkeypatch.setattr("journeykit.engine.weight_draw.WeightDraw.weights", None)
    assert chances(decide(playbook, own.contact)) == {"a": 1, "b": 1, "c": 1}
