"""Quotas with experiments: each arm on its share, with prices of its own, and never more than there is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pyarrow as pa
import pytest
import tabled
from attrs import evolve
from generate import quotas, situation, with_experiments
from hypothesis import given
from hypothesis import strategies as st

from journeykit import Arbiter, Contact, InfeasibleError, Playbook
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import MemoryLedger
from journeykit.quotas.arm_quotas import parts_of

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
CONTACTS = [{"contact_id": f"c{number}", "consent_email": True} for number in range(60)]


def book(quotas, *, share=0.5, **more) -> Playbook:
    arms = [
        {"name": "now", "share": 1 - share},
        {"name": "double", "share": share, "with": {"levers": [{"name": "l", "factor": 2}]}},
    ]
    return Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": "launch", "content": ["note"], "cost": 0.3}],
            "levers": [{"name": "l", "factor": 1}],
            "quotas": quotas,
            "experiments": [{"name": "trial", "arms": arms}],
            **more,
        }
    )


@given(
    st.integers(-(10**15), 10**15), st.lists(st.integers(0, 20), min_size=1, max_size=6), st.sampled_from([1, 7, 10**9])
)
def test_parts_are_the_whole(whole, weights, unit):
    """No unit is lost or made by rounding, and each part is within a unit of its share."""
    total = sum(weights)
    shares = [weight / total for weight in weights] if total else [1 / len(weights)] * len(weights)
    parts = parts_of(whole, shares, unit)
    assert sum(parts) == whole
    assert all(part * whole >= 0 for part in parts)
    assert all(
        abs(part - share * whole) <= 2 * unit + abs(whole) * 1e-12 for part, share in zip(parts, shares, strict=True)
    )


def test_a_maximum_is_shared_out_whole():
    """Seven seats: three and four; each arm has a price of its own, and the whole the price of one more seat."""
    playbook = book([{"name": "seats", "max": 7}])
    job = TableJob(Arbiter(playbook), CONTACTS, at=AT, everything=True)
    granted = [row["arm"] for row in job.table().to_pylist() if row["outcome"] == "granted"]
    assert sorted(map(granted.count, set(granted))) == [3, 4]
    whole, now, double = job.summary().quotas
    assert (whole.arm, now.arm, double.arm) == (None, "trial:now", "trial:double")
    assert (whole.usage, now.usage + double.usage, now.max + double.max) == (7, 7, 7)
    assert (now.price, double.price, whole.price) == pytest.approx((1, 2, 1.5))
    prices = job.summary().prices
    assert prices.arms["trial:now"]["seats"]["max"] == pytest.approx(1, rel=1e-4)
    assert Arbiter(playbook, prices=prices).prices == prices


def test_contacts_of_an_arm_that_a_run_had_nobody_of_are_not_free_of_prices():
    """They pay the largest price of any arm: a seat that is worth more elsewhere is not theirs."""
    arbiter = Arbiter(book([{"name": "seats", "max": 2}]))
    arms = {row["contact_id"]: arbiter.arm_of(Contact(id=row["contact_id"])) for row in CONTACTS}
    job = TableJob(arbiter, [row for row in CONTACTS if arms[row["contact_id"]] == "trial:double"], at=AT)
    job.table()
    prices = job.summary().prices
    assert prices.quotas["seats"] == prices.arms["trial:double"]["seats"]
    other = next(name for name, arm in arms.items() if arm == "trial:now")
    decided = Arbiter(arbiter.playbook, prices=prices).decide(Contact(id=other, consent=["email"]), at=AT)
    assert [row.reason.value for row in decided.rows] == ["quota_full"]


def test_each_arm_keeps_to_its_share():
    """A tenth of the contacts have a tenth of the seats, though their messages weigh twice as much."""
    job = TableJob(Arbiter(book([{"name": "seats", "max": 20}], share=0.1)), CONTACTS, at=AT)
    granted = [row["arm"] for row in job.table().to_pylist() if row["outcome"] == "granted"]
    assert granted.count("trial:double") == 2
    assert granted.count("trial:now") == 18
    assert "quota seats (count, trial:double): 2 of at most 2" in str(job.summary())


def test_an_arm_without_contacts_leaves_its_share():
    """Of a run that has nobody of an arm, the others have it all."""
    arbiter = Arbiter(book([{"name": "seats", "max": 7}, {"name": "least", "min": 7, "hard": True}]))
    mine = [row for row in CONTACTS if arbiter.decider.arms.assignment.places_of(row["contact_id"], None) == (0,)]
    for job in (TableJob(arbiter, mine, at=AT), Job(arbiter, Inputs(contacts=mine), at=AT)):
        sum(1 for _ in (job.batches() if isinstance(job, TableJob) else job.decisions()))
        assert job.summary().outcomes["granted"] == 7


@pytest.mark.parametrize("good", [0, 1])
def test_an_arm_all_whose_contacts_are_bad_rows_leaves_its_share(good):
    """An arm has its part of a quota where one of its contacts at least can be read, in both engines."""
    arbiter = Arbiter(book([{"name": "seats", "max": 7}]))
    arms = {row["contact_id"]: arbiter.arm_of(Contact(id=row["contact_id"])) for row in CONTACTS}
    others = [name for name, arm in arms.items() if arm == "trial:double"]
    given = [row | {"timezone": "Atlantis" if row["contact_id"] in others[good:] else "UTC"} for row in CONTACTS]
    rows = Job(arbiter, Inputs(contacts=given), at=AT)
    columns = TableJob(arbiter, given, at=AT)
    by_rows = Counter(row.arm for _, own in rows.decisions() for row in own.rows if row.outcome == "granted")
    by_columns = Counter(row["arm"] for row in columns.table().to_pylist())
    assert by_rows == by_columns == ({"trial:now": 4, "trial:double": 1} if good else {"trial:now": 7})
    assert columns.summary().bad_rows == rows.summary().bad_rows
    assert columns.summary().quotas == rows.summary().quotas


def test_nobody_is_decided_too():
    """A table without a contact, in both engines."""
    arbiter = Arbiter(book([{"name": "seats", "max": 7}]))
    empty = pa.table({"contact_id": pa.array([], pa.string())})
    assert TableJob(arbiter, empty, at=AT).table().num_rows == 0
    assert list(Job(arbiter, Inputs(contacts=[]), at=AT).decisions()) == []


def test_what_an_arm_cannot_keep_is_told_with_its_name():
    """A minimum that the contacts of an arm cannot reach with its share."""
    playbook = book([{"name": "least", "min": 59, "hard": True}], share=0.1)
    with pytest.raises(
        InfeasibleError, match=r"for the contacts in trial:\w+, with their share: the quotas cannot all"
    ):
        TableJob(Arbiter(playbook), CONTACTS, at=AT).table()


def test_a_quota_over_time_keeps_its_whole_maximum():
    """What is left when a run begins is parted among its arms; single decisions may use what is left, and no more."""
    playbook = book([{"name": "seats", "max": 6, "window": {"calendar": "day", "zone": "playbook"}}])
    arbiter, ledger = Arbiter(playbook), MemoryLedger()

    def alone(name):
        return len(arbiter.decide(Contact(id=name, consent=["email"]), at=AT, ledger=ledger).granted)

    assert [alone(f"early {number}") for number in range(3)] == [1, 1, 1]
    for kind in (TableJob, Job):
        how = {"at": AT, "ledger": ledger, "dry_run": kind is Job, "run_id": kind.__name__}
        job = (
            kind(arbiter, CONTACTS[:30], **how)
            if kind is TableJob
            else kind(arbiter, Inputs(contacts=CONTACTS[:30]), **how)
        )
        sum(1 for _ in (job.batches() if kind is TableJob else job.decisions()))
        whole, *arms = job.summary().quotas
        if kind is TableJob:
            assert (whole.usage, whole.before, whole.reserved) == (6, 3, 6)
            assert sorted((own.usage, own.max) for own in arms) == [(1, 1), (2, 2)]
        else:
            assert whole.usage == 6
    assert alone("late") == 0
    assert {row["arm"] for row in ledger.export_all("touches")} == {"trial:now", "trial:double"}


def test_no_run_with_arms_breaks_a_hard_quota():
    """Random quotas, playbooks and experiments, added up from scratch for all contacts together."""
    for seed in range(60, 72):
        found = with_experiments(situation(seed))
        if found.playbook.campaigns is None:
            continue
        own = quotas(Random(-seed), found.playbook, found.at.date())
        arbiter = Arbiter(evolve(found.playbook, quotas=own))
        job = Job(arbiter, Inputs(contacts=tabled.contacts(Random(seed), found.at, 10)), at=found.at, until=found.until)
        try:
            decisions = [decision for _, decision in job.decisions()]
        except InfeasibleError:
            continue
        assert arbiter.audit_quotas(decisions) == (), seed
        sums = Counter(decision.arm or "(none)" for decision in decisions)
        assert {arm: counts["contacts"] for arm, counts in job.summary().arms.items()} == sums


def test_shares_and_budgets_are_kept_in_every_arm():
    """A budget is parted to the billionth, and a share is a share of the arm's messages."""
    quotas = [{"name": "budget", "of": "cost", "max": 2.5}, {"name": "some", "of": "share", "min": 0.5}]
    arbiter = Arbiter(book(quotas))
    job = TableJob(arbiter, CONTACTS, at=AT, everything=True)
    job.table()
    by_name = {(usage.name, usage.arm): usage for usage in job.summary().quotas}
    budgets = [by_name["budget", arm] for arm in ("trial:now", "trial:double")]
    assert sum(own.max for own in budgets) == pytest.approx(2.5, abs=1e-12)
    assert all(own.usage <= own.max for own in budgets)
    decisions = [decision for _, decision in Job(arbiter, Inputs(contacts=CONTACTS), at=AT).decisions()]
    assert arbiter.audit_quotas(decisions) == ()
