"""Laying out is one act, solving another: no contact is solved for an answer that nobody reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from journeykit import Arbiter, Cap, Claim, Contact, Playbook, Prices, Quota, Window
from journeykit.engine.contact_group import ContactGroup, ContactInputs
from journeykit.engine.selection import SelectionProblem

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA, BEN = (Contact(id=name, account="acme", consent=["email"]) for name in ("anna", "ben"))
CLAIMS = [Claim(campaign=name, channel="email", weight=weight) for name, weight in [("news", 1), ("launch", 8)]]
ONE_A_DAY = Cap(name="one a day", max=1, window=Window.calendar("day"))
ONE_EACH = Cap(name="one a week for an account", max=1, per="account", window=Window.rolling("7d"))


@pytest.fixture
def searches(monkeypatch):
    """A list that grows by one with each search."""
    found = []
    solve = SelectionProblem.solve

    def counted(self, *given):
        found.append(self)
        return solve(self, *given)

    monkeypatch.setattr(SelectionProblem, "solve", counted)
    return found


def group_of(*contacts, claims=CLAIMS):
    inputs = {contact.id: ContactInputs((), claims, None) for contact in contacts}
    return ContactGroup(contacts, inputs, at=AT)


def test_a_decision_takes_one_search(searches):
    """One contact is solved once, and reading the rows solves nothing again."""
    decision = Arbiter(Playbook(caps=[ONE_A_DAY])).decide(ANNA, claims=CLAIMS, at=AT)
    assert len(searches) == 1
    assert [row.campaign for row in decision.rows] == ["launch", "news"]
    assert len(searches) == 1


def test_who_may_get_nothing_takes_no_search(searches):
    """A contact without any eligible claim is not solved."""
    decision = Arbiter(Playbook(caps=[ONE_A_DAY])).decide(Contact(id="carl", suppressed=True), claims=CLAIMS, at=AT)
    assert decision.granted == ()
    assert searches == []


def test_an_account_takes_one_search(searches):
    """The contacts of an account are laid out each, and solved together, once."""
    asked = {"anna": CLAIMS[:1], "ben": CLAIMS[1:]}
    found = Arbiter(Playbook(caps=[ONE_EACH])).decide_account([ANNA, BEN], claims=asked, at=AT)
    assert [len(decision.granted) for decision in found] == [0, 1]
    assert len(searches) == 1


@pytest.mark.parametrize("caps", [[ONE_A_DAY], [ONE_EACH]])
def test_laying_out_takes_no_search(searches, caps):
    """A round that is only laid out, as a run with quotas lays out those of all contacts, is not solved."""
    rounds = Arbiter(Playbook(caps=caps)).decider.rounds(group_of(ANNA))
    assert [candidate.claim.campaign for candidate, _ in rounds.main.items] == ["news", "launch"]
    assert rounds.main.problem.rows
    assert searches == []
    assert [winner.candidate.claim.campaign for winner in rounds.winners] == ["launch"]
    assert len(searches) == 1


@pytest.mark.parametrize("caps", [[ONE_A_DAY], [ONE_EACH]])
def test_what_was_chosen_elsewhere_takes_no_search(searches, caps):
    """What a run with quotas chose is granted, and no better choice is looked for."""
    decider = Arbiter(Playbook(caps=caps)).decider
    found = decider.decide_group(
        group_of(ANNA), explain=False, run_id="night", choice=(frozenset(), frozenset({1})), charges=None
    )
    ((decision, _),) = found.decided
    assert [grant.campaign for grant in decision.granted] == ["news"]
    assert (decision.optimal, decision.bound) == (True, decision.total)
    assert searches == []


def test_a_run_with_quotas_solves_nobody_alone(searches):
    """The one-contact engine lays out every contact for a run with quotas, and solves none of them."""
    pytest.importorskip("journeykit.columns")
    from journeykit.quotas.quota_run import choose_together

    playbook = Playbook(caps=[ONE_A_DAY], quotas=[Quota(name="letters", max=1)])
    decider = Arbiter(playbook).decider
    groups = [group_of(Contact(id=f"c{number}", consent=["email"])) for number in range(3)]
    run = choose_together(decider, groups, claims=True, threads=1)
    charges = run.charges
    found = [
        decider.decide_group(group, explain=False, run_id="night", choice=run.choice(number), charges=charges)
        for number, group in enumerate(groups)
    ]
    assert sum(len(decision.granted) for own in found for decision, _ in own.decided) == 1
    assert searches == []


def test_explaining_searches_for_what_it_says(searches):
    """Besides the decision: without the winner, with the loser forced in, and at two weights for the loser."""
    decision = Arbiter(Playbook(caps=[ONE_A_DAY])).decide(ANNA, claims=CLAIMS, at=AT, explain=True)
    assert [(row.displaced, row.needs) for row in decision.rows] == [(1.0, None), (None, 8.000001)]
    assert len(searches) == 5


def test_saved_prices_take_one_search_more_only_for_the_reason(searches):
    """At saved prices one search decides; the rows ask once more what would be granted without them."""
    playbook = Playbook(caps=[ONE_A_DAY], quotas=[Quota(name="letters", max=1)])
    prices = Prices(playbook.fingerprint, {"letters": {"max": 20.0}})
    decision = Arbiter(playbook, prices=prices).decide(ANNA, claims=CLAIMS, at=AT, until=AT + timedelta(days=1))
    assert len(searches) == 1
    assert {str(row.reason) for row in decision.rows} == {"quota_full"}
    assert len(searches) == 2
