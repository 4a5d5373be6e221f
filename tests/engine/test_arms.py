"""Arms: each contact is decided by the rules of their arm, alone, in an account, with a ledger and later again."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from generate import lively, situation, with_experiments

from journeykit import (
    Arbiter,
    Arm,
    Cap,
    CapChange,
    Claim,
    Contact,
    DataError,
    Experiment,
    Holdout,
    Lever,
    LeverChange,
    Playbook,
    PolicyError,
    Prices,
    Quota,
    RuleChanges,
    Window,
)
from journeykit.ledger import MemoryLedger
from journeykit.model.experiment import UNCHANGED

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAILY = Cap(name="daily", max=1, window=Window.calendar("day"))


def trial(name: str = "trial", **changes) -> Experiment:
    """Half of the contacts as the playbook says, half with changes."""
    arms = [Arm(name="as now", share=0.5), Arm(name="other", share=0.5, changes=RuleChanges(**changes))]
    return Experiment(name=name, arms=arms, horizon="60d")


def contact_in(arm: str, experiment: Experiment, **more) -> Contact:
    names = (f"contact {number}" for number in range(1000))
    return Contact(id=next(n for n in names if experiment.arm_of(n).name == arm), consent=["email"], **more)


def mails(**weights: float) -> list[Claim]:
    return [Claim(campaign=name, channel="email", weight=weight) for name, weight in weights.items()]


@pytest.mark.parametrize(
    ("changes", "now", "other"),
    [
        ({"caps": [CapChange(name="daily", max=None)]}, ["b"], ["b", "a"]),
        ({"caps": [CapChange(name="daily", max=0)]}, ["b"], []),
        ({"caps": [CapChange(name="daily", window=Window.between(AT.date() - timedelta(9), AT.date()))]}, ["b"], ["b"]),
        ({"reserve": 2}, ["b"], []),
        ({"policy": "first_come"}, ["b"], ["b"]),
    ],
)
def test_each_contact_has_the_rules_of_their_arm(changes, now, other):
    """And decision, rows, explanation and JSON say which arm it was."""
    experiment = trial(**changes)
    arbiter = Arbiter(Playbook(caps=[DAILY], experiments=[experiment]))
    for arm, expected in (("as now", now), ("other", other)):
        contact = contact_in(arm, experiment)
        decision = arbiter.decide(contact, claims=mails(a=1, b=2), at=AT)
        assert [grant.campaign for grant in decision.granted] == expected
        named = f"trial:{arm}"
        assert {decision.arm, arbiter.arm_of(contact), *(row.arm for row in decision.rows)} == {named}
        assert f"in {named}" in str(decision.explain())
        assert decision.explain().to_dict()["arm"] == named
        assert {row.playbook for row in decision.rows} == {arbiter.fingerprint}
        assert arbiter.audit(decision, contact, claims=mails(a=1, b=2)) == ()


def test_levers_of_an_arm_are_factors_of_its_weights():
    """The factor of the arm stands in the decision."""
    experiment = trial(levers=[LeverChange(name="spring", factor=3)])
    playbook = Playbook.from_dict(
        {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "launch", "content": ["note"]}]}
    )
    arbiter = Arbiter(evolve(playbook, levers=[Lever(name="spring", factor=2)], experiments=[experiment]))
    rows = {arm: arbiter.decide(contact_in(arm, experiment), at=AT).rows[0] for arm in ("as now", "other")}
    assert {arm: row.factors["lever spring"] for arm, row in rows.items()} == {"as now": 2, "other": 3}


def test_who_is_in_no_arm_has_the_playbooks_rules():
    """Shares that leave somebody out: those have no arm."""
    arms = [Arm(name="bold", share=0.3, changes=RuleChanges(reserve=9))]
    arbiter = Arbiter(Playbook(experiments=[Experiment(name="tone", arms=arms)]))
    found = {}
    for number in range(20):
        decision = arbiter.decide(Contact(id=f"c{number}", consent=["email"]), claims=mails(a=1), at=AT)
        found.setdefault(decision.arm, set()).add(len(decision.granted))
    assert found == {None: {1}, "tone:bold": {0}}


def test_several_experiments_have_arms_of_their_own():
    """A contact is in one arm of each, and the changes of all of them hold."""
    playbook = Playbook(
        caps=[DAILY], experiments=[trial("one", reserve=1), trial("two", caps=[CapChange(name="daily", max=2)])]
    )
    arbiter = Arbiter(playbook)
    granted = {}
    for number in range(40):
        decision = arbiter.decide(Contact(id=f"c{number}", consent=["email"]), claims=mails(a=1, b=2), at=AT)
        granted.setdefault(decision.arm, set()).add(len(decision.granted))
    assert granted == {
        "one:as now;two:as now": {1},
        "one:as now;two:other": {2},
        "one:other;two:as now": {1},
        "one:other;two:other": {1},
    }


def test_a_held_out_contact_is_in_an_arm_too():
    """The hashes have nothing to do with each other, and the holdout holds in every arm."""
    arbiter = Arbiter(Playbook(holdout=Holdout(share=0.5), experiments=[trial(reserve=0.1)]))
    seen = set()
    for number in range(60):
        decision = arbiter.decide(Contact(id=f"c{number}", consent=["email"]), claims=mails(a=1), at=AT)
        seen.add((str(decision.rows[0].reason), decision.arm))
    assert seen == {(reason, f"trial:{arm}") for reason in ("granted", "holdout") for arm in ("as now", "other")}


def test_an_account_is_in_one_arm():
    """Where a cap counts per account the account's id is hashed, and who has none is by their own."""
    cap = Cap(name="account", max=1, per="account", window=Window.rolling("7d"))
    experiment = trial(caps=[CapChange(name="account", max=None)])
    arbiter = Arbiter(Playbook(caps=[cap], experiments=[experiment]))
    accounts = [
        next(n for n in (f"firm {i}" for i in range(99)) if experiment.arm_of(n).name == a) for a in ("as now", "other")
    ]
    for account, granted in zip(accounts, (1, 3), strict=True):
        contacts = [Contact(id=f"c{number}", account=account, consent=["email"]) for number in range(3)]
        claims = {contact.id: mails(a=1) for contact in contacts}
        decisions = arbiter.decide_account(contacts, claims=claims, at=AT)
        assert sum(len(decision.granted) for decision in decisions) == granted
        assert len({decision.arm for decision in decisions}) == 1
        assert arbiter.audit_account(decisions, contacts, claims=claims) == ()
    assert arbiter.arm_of(Contact(id=accounts[0])) == "trial:as now"


def test_contacts_that_are_decided_together_keep_their_arms():
    """Without caps per account an account's contacts may be in several arms, and each has the rules of their own."""
    experiment = trial(caps=[CapChange(name="daily", max=2)])
    arbiter = Arbiter(Playbook(caps=[DAILY], experiments=[experiment]))
    contacts = [contact_in(arm, experiment, account="firm") for arm in ("as now", "other")]
    claims = {contact.id: mails(a=1, b=2) for contact in contacts}
    decisions = arbiter.decide_account(contacts, claims=claims, at=AT)
    assert [len(decision.granted) for decision in decisions] == [1, 2]
    assert arbiter.audit_account(decisions, contacts, claims=claims) == ()


def overlaid(playbook: Playbook, contact: Contact) -> tuple[Playbook, str | None]:
    """The playbook of a contact, worked out step by step."""
    together = any(cap.per == "account" for cap in playbook.caps)
    names, changed = [], evolve(playbook, experiments=())
    for experiment in playbook.experiments:
        arm = experiment.arm_of(contact.account or contact.id if together else contact.id)
        if arm is None:
            continue
        names.append(f"{experiment.name}:{arm.name}")
        for name in ("policy", "reserve"):
            if (value := getattr(arm.changes, name)) is not None:
                changed = evolve(changed, **{name: value})
        for lever in arm.changes.levers:
            levers = [evolve(own, factor=lever.factor) if own.name == lever.name else own for own in changed.levers]
            changed = evolve(changed, levers=levers)
        for change in arm.changes.caps:
            other = {} if change.max is UNCHANGED else {"max": change.max}
            other |= {} if change.window is None else {"window": change.window}
            caps = [evolve(own, **other) if own.name == change.name else own for own in changed.caps]
            changed = evolve(changed, caps=caps)
    return changed, ";".join(names) or None


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_an_arm_decides_as_its_playbook_alone_would(start):
    """Random playbooks and experiments: row for row what the playbook with the arm's changes written into it gives."""
    arms = set()
    for seed in range(start, start + 20):
        found = with_experiments(lively(seed) if seed % 2 else situation(seed))
        when = {"at": found.at, "until": found.until, "run_id": "run", "explain": seed % 3 == 0}
        inputs = (found.touches, found.claims)
        arbiter = Arbiter(found.playbook)
        decision = arbiter.decide(found.contact, *inputs, **when)
        playbook, arm = overlaid(found.playbook, found.contact)
        expected = Arbiter(playbook).decide(found.contact, *inputs, **when)
        assert decision.arm == arm
        rows = [evolve(row, playbook=arbiter.fingerprint, arm=arm) for row in expected.rows]
        assert list(decision.rows) == rows
        assert (decision.total, decision.bound) == (expected.total, expected.bound)
        assert arbiter.audit(decision, found.contact, *inputs) == ()
        arms.add(arm is not None)
    assert True in arms


def test_the_audit_finds_decisions_of_another_arm():
    """By name, and by the rules of the arm that the contact is in."""
    experiment = trial(caps=[CapChange(name="daily", max=2)])
    playbook = Playbook(caps=[DAILY], experiments=[experiment])
    contact, claims = contact_in("as now", experiment), mails(a=1, b=2)
    wrong = Arbiter(evolve(playbook, caps=[evolve(DAILY, max=2)], experiments=())).decide(contact, claims=claims, at=AT)
    broken = {found.rule for found in Arbiter(playbook).audit(wrong, contact, claims=claims)}
    assert broken == {"arm", "daily"}


def test_an_unknown_policy_of_an_arm_is_refused_at_once():
    """Not when the first contact of the arm comes."""
    with pytest.raises(PolicyError, match=r"the policy of an arm is 'rankd'.*did you mean 'ranked'"):
        Arbiter(Playbook(experiments=[trial(policy="rankd")]))


def test_an_arbiter_with_experiments_travels():
    """Pickled, it puts contacts into the same arms, and names its runs alike."""
    arbiter = Arbiter(Playbook(experiments=[trial(policy="ranked")]))
    other = pickle.loads(pickle.dumps(arbiter))
    assert other.run_id(AT) == arbiter.run_id(AT)
    assert other.arm_of(Contact(id="anna")) == arbiter.arm_of(Contact(id="anna"))


def test_prices_are_those_of_the_arm():
    """Saved prices of a run know arms; a contact is charged those of their own."""
    experiment = trial(reserve=0.5)
    playbook = Playbook(quotas=[Quota(name="seats", max=1)], experiments=[experiment])
    by_arm = {"trial:as now": {"seats": {"max": 1.5}}, "trial:other": {"seats": {"max": 0.25}}}
    prices = Prices(playbook.fingerprint, {}, arms=by_arm)
    assert Prices.from_dict(prices.to_dict()) == prices
    arbiter = Arbiter(playbook, prices=prices)
    rows = {
        arm: arbiter.decide(contact_in(arm, experiment), claims=mails(a=1), at=AT).rows[0]
        for arm in ("as now", "other")
    }
    assert {arm: (str(row.reason), row.price) for arm, row in rows.items()} == {
        "as now": ("quota_full", 1.5),
        "other": ("granted", 0.25),
    }
    with pytest.raises(DataError, match="there is a price for the quota 'seat'"):
        Arbiter(playbook, prices=Prices(playbook.fingerprint, {}, arms={"trial:other": {"seat": {"max": 1}}}))


def test_the_ledger_keeps_the_arm():
    """With each reservation, in what is given again under a key, and in what is exported."""
    experiment = trial(caps=[CapChange(name="daily", max=2)])
    arbiter, ledger = Arbiter(Playbook(caps=[DAILY], experiments=[experiment])), MemoryLedger()
    contact, claims = contact_in("other", experiment), mails(a=1, b=2)
    decision = arbiter.decide(contact, claims=claims, at=AT, ledger=ledger, key="k")
    assert len(decision.granted) == 2
    again = arbiter.decide(contact, claims=claims, at=AT, ledger=ledger, key="k")
    assert again.replayed
    assert [*again.rows] == [*decision.rows]
    assert [row["arm"] for row in ledger.export_all("touches")] == ["trial:other"] * 2
    # Once the playbook has changed, the arm of then is still known.
    later = Arbiter(evolve(arbiter.playbook, experiments=()))
    told = ledger.decision("k", arbiter=later)
    assert told.arm == "trial:other"
    assert len(later.decide(contact, claims=mails(c=3), at=AT, ledger=ledger).granted) == 0
