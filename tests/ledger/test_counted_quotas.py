"""Quotas over time: what is used is counted over all runs and single decisions, and a maximum is never exceeded."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from ledgers import DURABLE, KINDS, database, ledger_of

from journeykit import Arbiter, Cap, Claim, Contact, ModelError, Playbook, Window
from journeykit.job import Inputs, RowJob
from journeykit.ledger import ledger_run

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
SEATS = {"name": "seats", "max": 2, "where": {"campaign": "meetup"}, "window": {"calendar": "day", "zone": "playbook"}}


def arbiter(*quotas, **more):
    """Two campaigns, of which the first weighs more, and quotas."""
    campaigns = [{"id": "meetup", "content": ["note"], "weight": 3, "cost": 2}, {"id": "news", "content": ["note"]}]
    caps = [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}]
    data = {"timezone": "Europe/Skopje", "content": [{"id": "note", "channel": "email"}], "campaigns": campaigns}
    return Arbiter(Playbook.from_dict(data | {"caps": caps, "quotas": list(quotas)} | more))


def who(name, **more):
    return Contact(id=name, consent=["email"], **more)


def people(count, first=0):
    return [{"contact_id": f"p{number}", "consent_email": True} for number in range(first, first + count)]


def granted(decision):
    return [grant.campaign for grant in decision.granted]


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


# Single decisions


def test_single_decisions_keep_to_what_is_left(ledger):
    """Two seats a day: the third contact gets the next best, and is told which quota was full."""
    judge = arbiter(SEATS)
    found = [judge.decide(who(name), at=AT, ledger=ledger) for name in "abc"]
    assert [granted(decision) for decision in found] == [["meetup"], ["meetup"], ["news"]]
    row = found[2].rows[0]
    assert (row.campaign, row.outcome, row.reason, row.binding[0]) == ("meetup", "denied", "quota_full", "seats")
    assert granted(judge.decide(who("c"), at=AT + DAY, ledger=ledger)) == ["meetup"], "a new day, new seats"
    assert not found[0].notes, "nothing is left unenforced"


def test_a_period_is_that_of_the_slot_in_the_quotas_zone(ledger):
    """At 23:30 UTC it is the next day in Skopje."""
    judge = arbiter(SEATS)
    late = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
    first = [judge.decide(who(name), at=AT, ledger=ledger) for name in "ab"]
    assert all(granted(decision) == ["meetup"] for decision in first)
    assert granted(judge.decide(who("c", timezone="America/New_York"), at=late, ledger=ledger)) == ["meetup"]


def test_a_plan_goes_to_a_day_with_room(ledger):
    """Where today is full, a plan takes tomorrow's seat."""
    judge = arbiter(SEATS)
    for name in "ab":
        judge.decide(who(name), at=AT, ledger=ledger)
    found = judge.decide(who("c"), at=AT, until=AT + 2 * DAY, ledger=ledger)
    assert {grant.campaign: grant.send_at for grant in found.granted} == {"news": AT, "meetup": AT + DAY}


@pytest.mark.parametrize("how", ["release", "expire", "failed"])
def test_room_comes_back(ledger, how):
    """Released, expired and failed messages give their seats back; a late confirm takes one again, whatever it was."""
    judge = arbiter(SEATS | {"max": 1})
    first = judge.decide(who("a"), at=AT, ledger=ledger)
    (held,) = ledger.reservations("a")
    assert granted(judge.decide(who("b"), at=AT, ledger=ledger)) == ["news"]
    if how == "release":
        ledger.release(first)
    elif how == "expire":
        ledger.expire(AT + DAY)
    else:
        ledger.confirm(first)
        with ledger.transaction() as transaction:
            transaction.move([(transaction.held([held.id])[held.id], "failed")])
    assert granted(judge.decide(who("c"), at=AT, ledger=ledger)) == ["meetup"]
    if how == "expire":
        ledger.confirm(first)
        ledger.release(ledger.reservations("c"))
        assert granted(judge.decide(who("d"), at=AT, ledger=ledger)) == ["news"], "what was sent counts"


def test_a_budget_counts_costs_and_winners_share_what_is_left(ledger):
    """Of a budget what is left may do for one message and not for two: the second is outbid by the first."""
    budget = {"name": "budget", "max": 3, "of": "cost", "window": "ever"}
    judge = arbiter(budget, caps=[])
    claims = [Claim(campaign="meetup", cost=2), Claim(campaign="news", cost=2)]
    found = judge.decide(who("a"), claims=claims, at=AT, ledger=ledger, explain=True)
    assert [(row.campaign, row.reason, row.lost_to) for row in found.rows] == [
        ("meetup", "granted", ()),
        ("news", "outbid", ("meetup",)),
    ]
    assert found.rows[1].binding == ("budget",)
    assert granted(judge.decide(who("b"), claims=[Claim(campaign="news", cost=1.5)], at=AT, ledger=ledger)) == []
    assert granted(judge.decide(who("c"), claims=[Claim(campaign="news", cost=1)], at=AT, ledger=ledger)) == ["news"]


def test_what_a_quota_leaves_is_a_cap():
    """The best set with so much left is the best set under a cap of so much: drawn at random."""
    random = Random(16)
    for _ in range(40):
        names = [f"c{n}" for n in range(6)]
        content = [{"id": "note", "channel": "email"}]
        campaigns = [{"id": name, "content": ["note"], "weight": random.randint(1, 9)} for name in names]
        scopes = [random.sample(names, 3) for _ in range(2)]
        limits = [random.randint(0, 3) for _ in scopes]
        daily = [Cap(name="day", max=4, window=Window.calendar("day"))]
        caps = [
            {"name": f"q{n}", "max": most, "where": {"campaign": scope}, "window": "ever"}
            for n, (scope, most) in enumerate(zip(scopes, limits, strict=True))
        ]
        data = {"content": content, "campaigns": campaigns}
        by_caps = Playbook.from_dict(data | {"caps": caps})
        by_quotas = Playbook.from_dict(data | {"quotas": caps})
        by_caps, by_quotas = (
            Arbiter(Playbook.from_dict(own.to_dict() | {"caps": [*own.to_dict()["caps"], *_plain(daily)]}))
            for own in (by_caps, by_quotas)
        )
        with ledger_of("memory", None) as ledger:
            one = by_quotas.decide(who("a"), at=AT, ledger=ledger)
        assert one.granted == by_caps.decide(who("a"), at=AT).granted


def _plain(caps):
    return Playbook(caps=caps).to_dict()["caps"]


def test_an_account_shares_what_is_left(ledger):
    """Contacts that are decided together take no more than is left."""
    shared = {"name": "two", "max": 5, "per": "account", "window": {"rolling": "7d"}}
    judge = arbiter(SEATS | {"max": 1}, caps=[shared])
    both = [who(name, account="acme") for name in ("a", "b")]
    found = judge.decide_account(both, at=AT, ledger=ledger)
    assert sorted(granted(decision) for decision in found) == [["meetup", "news"], ["news"]]
    reasons = {row.reason for decision in found for row in decision.rows if row.outcome != "granted"}
    assert reasons == {"outbid"}


def test_asked_again_the_answer_is_the_same(ledger):
    """A key's answer stands, and tells the same reasons, though the seats are gone or free by now."""
    judge = arbiter(SEATS | {"max": 1})
    first = judge.decide(who("a"), at=AT, ledger=ledger, key="one")
    full = judge.decide(who("b"), at=AT, ledger=ledger, key="two")
    ledger.release(first)
    again = judge.decide(who("b"), at=AT, ledger=ledger, key="two")
    assert (granted(full), full.rows) == (["news"], again.rows)
    assert granted(judge.decide(who("a"), at=AT, ledger=ledger, key="one")) == ["meetup"]


def test_minima_shares_and_soft_quotas_are_noted(ledger):
    """They bind runs only; a single decision says so, and is counted."""
    judge = arbiter(
        {"name": "some", "min": 1, "where": {"campaign": "news"}, "window": "ever"},
        {"name": "share", "max": 0.1, "of": "share", "where": {"campaign": "meetup"}, "window": "ever"},
        {"name": "soft", "max": 0, "hard": False, "window": "ever"},
    )
    found = judge.decide(who("a"), at=AT, ledger=ledger)
    assert granted(found) == ["meetup"]
    assert found.notes == (
        "minima, shares and soft quotas bind runs over tables only: 'some', 'share', 'soft'; this decision is counted",
    )


def test_a_rehearsal_takes_nothing(ledger):
    """It sees what is left, and leaves it."""
    judge = arbiter(SEATS | {"max": 1})
    for _ in range(3):
        assert granted(judge.decide(who("a"), at=AT, ledger=ledger, dry_run=True)) == ["meetup"]
    judge.decide_table(people(3), at=AT, ledger=ledger, dry_run=True)
    assert granted(judge.decide(who("a"), at=AT, ledger=ledger)) == ["meetup"]
    assert granted(judge.decide(who("b"), at=AT, ledger=ledger, dry_run=True)) == ["news"]


def test_a_new_quota_counts_what_is_reserved_already(ledger):
    """Seats that were promised before there was the quota are taken; what was released, or sent elsewhere, is not."""
    before = arbiter()
    for name in "abc":
        before.decide(who(name), at=AT, ledger=ledger)
    ledger.release(ledger.reservations("a"))
    assert granted(arbiter(SEATS).decide(who("d"), at=AT, ledger=ledger)) == ["news"]
    ledger.release(ledger.reservations("b"))
    assert granted(arbiter(SEATS).decide(who("e"), at=AT, ledger=ledger)) == ["meetup"]
    assert granted(arbiter(SEATS | {"max": 3}).decide(who("f"), at=AT, ledger=ledger)) == ["meetup"], "another maximum"


def test_without_a_ledger_the_error_names_the_quota():
    """A quota that is counted over time needs the place where it is counted."""
    judge = arbiter(SEATS)
    for ask in (
        lambda: judge.decide(who("a"), at=AT),
        lambda: list(judge.decide_many([who("a")], at=AT)),
        lambda: judge.decide_account([who("a")], at=AT),
        lambda: judge.decide_table(people(1), at=AT),
        lambda: RowJob(judge, Inputs(contacts=people(1)), at=AT),
    ):
        with pytest.raises(ModelError, match="the quota 'seats' counts over all runs") as told:
            ask()
        assert told.value.field == "ledger"


# Jobs


def rows_of(kind, judge, contacts, ledger, **more):
    """Who gets what by a job of a kind."""
    if kind == "columns":
        table = judge.decide_table(contacts, ledger=ledger, outcomes="granted", **more).to_pylist()
        return sorted((row["contact_id"], row["campaign_id"], row["send_at"]) for row in table)
    job = RowJob(judge, Inputs(contacts=contacts), ledger=ledger, **more)
    return sorted((who.id, grant.campaign, grant.send_at) for who, own in job.decisions() for grant in own.granted)


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_a_job_starts_from_what_is_left_of_each_day(ledger, kind):
    """One seat of today is gone: of a plan over three days five are left, and no day has more than two."""
    judge = arbiter(SEATS)
    judge.decide(who("a"), at=AT, ledger=ledger)
    found = rows_of(kind, judge, people(9), ledger, at=AT, until=AT + 2 * DAY)
    days = sorted(at.date().day for _, campaign, at in found if campaign == "meetup")
    assert days == [5, 6, 6, 7, 7]
    more = {"at": AT, "until": AT + 2 * DAY, "run_id": "next"}
    once = rows_of(kind, judge, people(9, 20), ledger, **more)
    assert rows_of(kind, judge, people(9, 20), ledger, **more) == once, "a run that goes on gives the same"
    later = rows_of(kind, judge, people(9, 40), ledger, at=AT, until=AT + 2 * DAY, run_id="third")
    assert all(campaign == "news" for _, campaign, _ in later)


@pytest.mark.parametrize("seed", range(12))
def test_both_jobs_choose_alike(seed):
    """Rows and columns start from the same and choose the same, for windows, zones and quotas drawn at random."""
    random = Random(seed)
    zones = ("playbook", "America/New_York", "Asia/Tokyo")
    windows = (
        {"calendar": random.choice(["day", "week", "month"]), "zone": random.choice(zones)},
        {"between": ["2026-11-06", "2026-11-08"], "zone": random.choice(zones)},
        "ever",
        "run",
    )
    quotas = [
        {
            "name": f"q{number}",
            random.choice(["max", "max", "min"]): random.randint(1, 6),
            "where": random.choice([{}, {"campaign": "meetup"}, {"campaign": "news"}]),
            "of": random.choice(["count", "cost", "value"]),
            "window": random.choice(windows),
        }
        for number in range(3)
    ]
    judge = arbiter(*quotas)
    contacts = [
        own | {"timezone": random.choice(["Europe/Skopje", "America/New_York", "Asia/Tokyo"])} for own in people(12)
    ]
    until = random.choice([None, AT + 3 * DAY])
    found = []
    for kind in ("rows", "columns"):
        with ledger_of("memory", None) as ledger:
            judge.decide(who("a"), at=AT, ledger=ledger)
            found.append(rows_of(kind, judge, contacts, ledger, at=AT, until=until))
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_what_others_take_meanwhile_is_not_given_twice(ledger, kind, monkeypatch):
    """Single decisions take seats between what a job chooses and what it reserves: the job gives these up."""
    judge = arbiter(SEATS | {"max": 5})
    notes = []
    settle = ledger_run.LedgerRun.settle

    def late(self, *given):
        if not notes:
            notes.append("others")
            for name in "abc":
                assert granted(judge.decide(who(name), at=AT, ledger=ledger)) == ["meetup"]
        return settle(self, *given)

    monkeypatch.setattr(ledger_run.LedgerRun, "settle", late)
    found = rows_of(kind, judge, people(8), ledger, at=AT)
    assert sum(campaign == "meetup" for _, campaign, _ in found) == 2
    held = [own for name in [*"abc", *(f"p{n}" for n in range(8))] for own in ledger.reservations(name)]
    assert sum(own.campaign == "meetup" for own in held) == 5
    assert granted(judge.decide(who("z"), at=AT, ledger=ledger)) == ["news"]


def test_two_jobs_at_once_share_what_there_is(ledger, monkeypatch):
    """A job that chooses while another does takes only what that one leaves."""
    judge = arbiter(SEATS | {"max": 5})
    begun, settle = [], ledger_run.LedgerRun.settle

    def late(self, *given):
        if not begun:
            begun.append(self)
            found.append(rows_of("rows", judge, people(4, 50), ledger, at=AT, run_id="second"))
        return settle(self, *given)

    found: list = []
    monkeypatch.setattr(ledger_run.LedgerRun, "settle", late)
    found.append(rows_of("columns", judge, people(8), ledger, at=AT, run_id="first"))
    second, first = ([name for name, campaign, _ in rows if campaign == "meetup"] for rows in found)
    assert (len(second), len(first)) == (4, 1)


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_a_job_that_was_killed_goes_on_with_what_was_left_at_its_beginning(tmp_path, kind, monkeypatch):
    """Though its own first piece has used seats by then."""
    judge = arbiter(SEATS | {"max": 6})
    monkeypatch.setattr(ledger_run, "PIECE", 2)
    with ledger_of("sqlite", tmp_path) as ledger, ledger_of("memory", tmp_path) as calm:
        wanted = rows_of(kind, judge, people(12), calm, at=AT)
        used = []
        takes = ledger_run.LedgerRun._settle

        def dies(self, *given):
            if len(used) == 2:
                raise RuntimeError
            used.append(1)
            return takes(self, *given)

        with monkeypatch.context() as patch:
            patch.setattr(ledger_run.LedgerRun, "_settle", dies)
            with pytest.raises(RuntimeError):
                rows_of(kind, judge, people(12), ledger, at=AT)
        assert rows_of(kind, judge, people(12), ledger, at=AT) == wanted


def test_the_summary_tells_each_period(tmp_path):
    """What was used before the run is a part of what is used."""
    judge = arbiter(SEATS)
    with ledger_of("memory", tmp_path) as ledger:
        judge.decide(who("a"), at=AT, ledger=ledger)
        job = RowJob(judge, Inputs(contacts=people(9)), at=AT, until=AT + DAY, ledger=ledger)
        list(job.decisions())
    usages = [(own.period, own.before, own.usage, own.reserved) for own in job.summary().quotas]
    assert usages == [("2026-11-05", 1, 2, 2), ("2026-11-06", 0, 2, 2)]
    assert "quota seats (count, 2026-11-05): 2 of at most 2, 1 of it before this run" in str(job.summary())


def test_a_minimum_is_met_together_with_what_was_sent_before(ledger):
    """Three a week are wanted, one is there: a run brings the two that are missing, though they are worth less."""
    least = {"name": "voice", "min": 3, "where": {"campaign": "news"}, "penalty": 9}
    judge = arbiter(least | {"window": {"calendar": "week", "zone": "playbook"}})
    judge.decide(who("a"), claims=[Claim(campaign="news")], at=AT, ledger=ledger)
    found = rows_of("columns", judge, people(6), ledger, at=AT)
    assert sum(campaign == "news" for _, campaign, _ in found) == 2


# Many at once


@pytest.mark.parametrize("kind", DURABLE)
def test_32_processes_share_four_seats(kind, tmp_path):
    """Exactly four are granted, in whatever order they come."""
    with database(kind, tmp_path) as url:
        worker = Path(__file__).parent / "ledger_worker.py"
        done = subprocess.run(
            [sys.executable, str(worker), "seats", url], capture_output=True, text=True, timeout=600, check=False
        )
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "4", "")


def test_random_orders_of_accounts_contacts_and_quotas_make_no_deadlock(tmp_path):
    """Decisions of accounts, moves, and a job, all at once, over quotas that cross: each comes to its end."""
    with database("postgresql", tmp_path) as url:
        worker = Path(__file__).parent / "ledger_worker.py"
        done = subprocess.run(
            [sys.executable, str(worker), "tangle", url], capture_output=True, text=True, timeout=600, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        used, summed = done.stdout.split("\n")[:2]
        assert used == summed


# The audit


def test_the_audit_counts_what_the_ledger_holds(tmp_path):
    """What was reserved before and what a run grants hold together, period by period; too many are told."""
    judge = arbiter(SEATS, {"name": "budget", "max": 9, "of": "cost", "window": "ever"})
    with ledger_of("memory", tmp_path) as ledger:
        first = judge.decide(who("a"), at=AT, ledger=ledger)
        job = RowJob(judge, Inputs(contacts=people(6)), at=AT, until=AT + 2 * DAY, ledger=ledger)
        found = [decision for _, decision in job.decisions()]
        assert sum("meetup" in granted(decision) for decision in found) == 3
        assert judge.audit_quotas([first, *found], ledger=ledger) == ()
        assert judge.audit_quotas(found, ledger=ledger) == ()
        smaller = arbiter(SEATS | {"max": 1})
        told = sorted(str(violation) for violation in smaller.audit_quotas(found, ledger=ledger))
    assert [line.split(" in ")[0] for line in told] == ["seats: 2 of at most 1"] * len(told)
    assert told


# What is left


def test_a_ledger_tells_what_is_left(ledger):
    """Period by period, in the quota's own unit, whether the ledger counts the quota yet or not."""
    budget = {"name": "budget", "max": 5, "of": "cost", "window": {"calendar": "week", "zone": "playbook"}}
    part = {"name": "part", "min": 0.5, "of": "share", "where": {"campaign": "news"}, "window": "ever"}
    judge = arbiter(SEATS)
    for name in "abc":
        judge.decide(who(name), at=AT, ledger=ledger)
    before = ledger.stats()
    found = ledger.quotas(arbiter(SEATS, budget, part, {"name": "run", "max": 1}), at=AT, until=AT + DAY)
    assert [(own.name, own.period, own.used, own.max, own.min, own.left, own.messages) for own in found] == [
        ("seats", "2026-11-05", 2, 2, None, 0, None),
        ("seats", "2026-11-06", 0, 2, None, 2, None),
        ("budget", "2026-11-02", 4, 5, None, 1, None),
        ("part", "ever", 1 / 3, None, 0.5, None, 3),
    ]
    assert ledger.quotas(arbiter(SEATS | {"max": 1}), at=AT)[0].left == 0, "what was used stays, whatever the limit"
    assert ledger.quotas(arbiter(), at=AT) == []
    assert ledger.stats() == before
    with pytest.raises(ModelError, match="needs a playbook"):
        ledger.quotas(at=AT)
