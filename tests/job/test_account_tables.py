"""Accounts in tables: gathered wherever their contacts stand, decided together, alike by both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from random import Random

import pytest
import tabled
from account_oracle import with_account_caps
from attrs import evolve
from generate import Situation, situation
from test_one_equals_columns import cells, plain

from journeykit import Arbiter, Cap, Contact, Playbook, Touch, Window
from journeykit.job import Inputs, Job, TableJob, decide_one
from journeykit.job.account_groups import AccountGroups
from journeykit.tables import ContactTable, decision_cells
from journeykit.tables.arrow import arrow_table

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ONE_A_WEEK = Playbook.from_dict(
    {
        "caps": [{"name": "account", "max": 1, "per": "account", "window": {"rolling": "7d"}}],
        "on_missing": {"consent": "allow"},
    }
)


def world(seed: int) -> Situation:
    """A situation of which most caps are per account."""
    rng = Random(seed)
    found = situation(seed)
    while found.playbook.campaigns is None or not found.playbook.caps:
        found = situation(rng.randrange(10**9))
    return found.but(playbook=with_account_caps(rng, found.playbook))


def asked(*claims: tuple[str, str, float]) -> list[dict[str, object]]:
    return [{"contact_id": c, "campaign_id": k, "channel": "email", "weight": w} for c, k, w in claims]


def people(*rows: tuple[str, str | None]) -> list[dict[str, object]]:
    return [{"contact_id": name, "account_id": account} for name, account in rows]


def sorted_bad(summary: dict) -> dict:
    """What is read ahead differs between the engines, and so does the order in which faults are met."""
    bad = summary["bad_rows"] | {"first": sorted(summary["bad_rows"]["first"])}
    return summary | {"bad_rows": bad | {"kinds": sorted(bad["kinds"], key=str)}}


def assert_alike(playbook, rows, history, scores=None, claims=None, *, at, until=None, explain=False):
    arbiter = Arbiter(playbook)
    inputs = Inputs(contacts=rows, touches=history, scores=scores, claims=claims)
    job = Job(arbiter, inputs, at=at, until=until, explain=explain)
    wanted = [plain(decision_cells(row)) for _, decision in job.decisions() for row in decision.rows]
    other = TableJob(arbiter, rows, history, scores, claims, at=at, until=until, explain=explain, everything=True)
    assert cells(other.batches()) == wanted
    one, two = job.summary().to_dict(), other.summary().to_dict()
    for name in ("written", "notes"):
        one.pop(name), two.pop(name)
    assert sorted_bad(two) == sorted_bad(one)
    return wanted


@pytest.mark.parametrize("start", range(0, 40, 20))
def test_both_engines_decide_accounts_alike(start, monkeypatch):
    """Random playbooks with caps per account over contacts of two accounts and of none, in chunks of few rows."""
    monkeypatch.setattr(arrow_table, "CHUNK", 3)
    for seed in range(start, start + 20):
        found, rng = world(seed), Random(seed)
        rows = tabled.contacts(rng, found.at, 8, faults=seed % 4 == 0)
        history = tabled.touches(rng, found.playbook, found.at, 8, faults=seed % 4 == 0)
        scores = tabled.scores(rng, found.playbook, 8) if seed % 3 == 0 else None
        claims = None
        if seed % 2:
            claims = tabled.claims(rng, found.playbook, found.at, 8, few=True, faults=seed % 4 == 1)
        assert_alike(found.playbook, rows, history, scores, claims, at=found.at, until=found.until, explain=True)


def test_quotas_and_caps_per_account_hold_over_many_chunks(monkeypatch):
    """What is chosen for accounts is found by account, however many contacts each has and wherever their rows are."""
    monkeypatch.setattr(arrow_table, "CHUNK", 4)
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": "launch", "content": ["note"]}],
            "caps": [{"name": "account", "max": 1, "per": "account", "window": {"rolling": "7d"}}],
            "quotas": [{"name": "seats", "of": "count", "max": 2}],
        }
    )
    rows = [{"contact_id": f"p{number}", "consent": "email", "account_id": "abc"[number % 3]} for number in range(12)]
    written = assert_alike(playbook, rows, None, at=AT)
    assert sum("granted" in row for row in written) == 2


def test_tables_give_what_the_arbiter_gives():
    """An account of a table gets what `decide_account` gives its contacts with their touches."""
    for seed in range(40):
        found, rng = world(seed), Random(seed)
        rows, history = tabled.contacts(rng, found.at, 7), tabled.touches(rng, found.playbook, found.at, 7)
        arbiter = Arbiter(found.playbook)
        job = Job(arbiter, Inputs(contacts=rows, touches=history), at=found.at, until=found.until)
        got = {contact.id: decision.rows for contact, decision in job.decisions()}
        contacts = [contact for _, contact in ContactTable(rows)]
        groups = [[contact for contact in contacts if contact.account == account] for account in ("a", "b")]
        groups += [[contact] for contact in contacts if contact.account is None]
        touches = [touch_of(row) for row in history]
        for group in groups:
            ids = {contact.id for contact in group}
            own = [touch for touch in touches if touch.contact in ids]
            for decision in arbiter.decide_account(group, own, at=found.at, until=found.until, run_id=job.run_id):
                assert got[decision.contact] == decision.rows


def touch_of(row: dict) -> Touch:
    return Touch(
        at=row["sent_at"],
        channel=row["channel"],
        campaign=row["campaign_id"],
        content=row["content_id"],
        team=row["team"],
        topics=row["topic"] or (),
        **{name: row[name] or () for name in ("solutions", "without")},
        **{name: row[name] for name in ("goal", "theme", "campaign_ends", "counts_toward_caps")},
        status=row["status"],
        contact=row["contact_id"],
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_rows_does_not_matter(seed):
    """Contacts and touches in another order give the same set of rows, by both engines."""
    found, rng = world(seed), Random(seed)
    rows, history = tabled.contacts(rng, found.at, 20), tabled.touches(rng, found.playbook, found.at, 20)
    one = assert_alike(found.playbook, rows, history, at=found.at, until=found.until)
    rng.shuffle(rows)
    rng.shuffle(history)
    two = assert_alike(found.playbook, rows, history, at=found.at, until=found.until)
    assert sorted(map(repr, one)) == sorted(map(repr, two))


def test_rows_come_in_the_order_of_the_contacts():
    """The contacts of an account stand apart in the table, and their rows come where they stand."""
    rows = people(("anna", "acme"), ("zoe", None), ("ben", "acme"))
    claims = asked(("anna", "news", 1), ("zoe", "news", 1), ("ben", "launch", 8))
    found = assert_alike(ONE_A_WEEK, rows, None, None, claims, at=AT)
    assert [(row[2], row[9]) for row in found] == [("anna", "outbid"), ("zoe", "granted"), ("ben", "granted")]


def test_what_a_colleague_got_counts_in_tables_too():
    """The account of a touch is that of its contact in the table of contacts; of strangers nothing is known."""
    rows, claims = people(("anna", "acme"), ("ben", "acme")), asked(("anna", "news", 1))
    for name, reason in (("ben", "capped"), ("nobody", "granted")):
        history = [{"contact_id": name, "sent_at": AT, "channel": "email"}]
        assert [row[9] for row in assert_alike(ONE_A_WEEK, rows, history, None, claims, at=AT)] == [reason]


def test_contacts_without_an_account_do_not_wait():
    """A contact without an account is a group at once; one of an account waits for its last, and no longer."""
    accounts = (None, "x", None, "y", "x", "y", None)
    rows = [Contact(id=name, account=account) for name, account in zip("abcdefg", accounts, strict=True)]
    read = []

    def reading():
        for number, contact in enumerate(rows):
            read.append(contact.id)
            yield number, contact

    last = {"x": 4, "y": 5}
    groups = AccountGroups(reading(), last)
    steps = [("".join(contact.id for _, contact in rows), "".join(read), groups.next_row) for rows in groups]
    assert steps == [
        ("a", "a", inf),
        ("be", "abcde", 2),
        ("c", "abcde", 3),
        ("df", "abcdef", inf),
        ("g", "abcdefg", inf),
    ]


def test_contacts_that_can_be_read_only_once_are_decided_too():
    """Rows from an iterator are gathered to its end."""
    claims = asked(("anna", "news", 1), ("ben", "launch", 8))
    job = Job(Arbiter(ONE_A_WEEK), Inputs(contacts=iter(people(("anna", "x"), ("ben", "x"))), claims=claims), at=AT)
    assert [len(decision.granted) for _, decision in job.decisions()] == [0, 1]


def test_one_contact_is_explained_among_his_colleagues():
    """Who asks for one contact of a table is told what their colleagues' claims did to them."""
    rows = people(("zoe", None), ("anna", "acme"), ("ben", "acme"))
    claims = asked(("anna", "news", 1), ("ben", "launch", 8), ("zoe", "news", 1))
    for source in (rows, iter(rows)):
        inputs = Inputs(contacts=source, claims=claims)
        contact, decision, bad = decide_one(Arbiter(ONE_A_WEEK), inputs, "anna", at=AT)
        assert (contact.id, bad) == ("anna", ())
        assert [(str(row.reason), row.lost_to) for row in decision.rows] == [("outbid", ("launch",))]


def test_without_caps_per_account_accounts_mean_nothing():
    """Contacts pass one by one then, and colleagues do not see each other."""
    playbook = evolve(ONE_A_WEEK, caps=[Cap(name="own", max=1, window=Window.rolling("7d"))])
    rows, claims = people(("anna", "acme"), ("ben", "acme")), asked(("anna", "news", 1), ("ben", "launch", 8))
    assert [row[9] for row in assert_alike(playbook, rows, None, None, claims, at=AT)] == ["granted", "granted"]
