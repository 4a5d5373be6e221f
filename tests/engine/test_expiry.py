"""Claims that expire: by themselves, or because their campaign lets them wait no longer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from journeykit import Arbiter, Campaign, Cap, Claim, Contact, Content, Hours, Playbook, PlaybookError, Touch, Window
from journeykit.audit import violations
from journeykit.columns import has_columns
from journeykit.job import Inputs, Job
from journeykit.model.window import Lag

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", consent=["email"], timezone="America/New_York")
NOTE = Content(id="note", channel="email")
ONE_A_DAY = Cap(name="one a day", max=1, window=Window.calendar("day"))
TODAY, SENT = AT.date(), Touch(at=AT - timedelta(hours=1), channel="email")


def playbook(*, wait: str | None = None, **parts) -> Playbook:
    return Playbook(content=[NOTE], campaigns=[Campaign(id="news", content="note", wait=wait)], **parts)


def ends(claim: Claim, rules: Playbook, *, at=AT, until=None, touches=(), explain=False):
    """Outcome, reason and rules of one claim, and when it may go after all; the audit finds nothing."""
    decision = Arbiter(rules).decide(ANNA, touches, [claim], at=at, until=until, explain=explain)
    assert list(violations(rules, decision, ANNA, touches, [claim])) == []
    (row,) = decision.rows
    return str(row.outcome), str(row.reason), row.binding, row.retry_at


@pytest.mark.parametrize(
    ("expires", "reason"),
    [
        (AT, "granted"),
        (AT - timedelta(microseconds=1), "expired"),
        (date(2026, 11, 5), "granted"),
        (date(2026, 11, 4), "expired"),
        (date(9999, 12, 31), "granted"),
        (datetime(9999, 12, 31, tzinfo=UTC), "granted"),
    ],
)
def test_a_claim_may_go_until_it_expires(expires, reason):
    """The instant and the local date themselves are the last on which it may go."""
    rules = ("expires",) if reason == "expired" else ()
    outcome = "denied" if rules else "granted"
    assert ends(Claim(campaign="news", expires=expires), playbook()) == (outcome, reason, rules, None)


def test_a_date_is_that_of_the_contact():
    """At 3 in the morning in London it is still the day before in New York."""
    night = datetime(2026, 11, 5, 3, tzinfo=UTC)
    assert ends(Claim(campaign="news", expires=date(2026, 11, 4)), playbook(), at=night)[1] == "granted"


@pytest.mark.parametrize(
    ("wait", "ago", "reason"),
    [
        ("24h", timedelta(hours=24), "granted"),
        ("24h", timedelta(hours=24, microseconds=1), "expired"),
        ("1d", timedelta(hours=29), "granted"),
        ("1d", timedelta(hours=30), "expired"),
        ("0d", timedelta(hours=5), "granted"),
    ],
)
def test_a_campaign_says_how_long_its_claims_wait(wait, ago, reason):
    """Hours are exact, days are local days; in New York it is 5 in the morning."""
    found = ends(Claim(campaign="news", asked_at=AT - ago), playbook(wait=wait))
    assert found[1:3] == (reason, ("wait",) if reason == "expired" else ())


def test_who_asked_is_not_known_waits_for_ever():
    """Without asked_at nothing counts from anywhere, and derived claims have none."""
    rules = playbook(wait="0d")
    assert ends(Claim(campaign="news"), rules)[1] == "granted"
    assert [grant.campaign for grant in Arbiter(rules).decide(ANNA, at=AT).granted] == ["news"]


@pytest.mark.parametrize(
    ("expires", "outcome"), [(TODAY, "denied"), (TODAY + timedelta(days=1), "deferred"), (AT, "denied")]
)
def test_no_retry_lies_after_it(expires, outcome):
    """What is capped today may go tomorrow, if it has not expired by then."""
    claim = Claim(campaign="news", expires=expires)
    found = ends(claim, playbook(caps=[ONE_A_DAY]), touches=[SENT])
    later = datetime(2026, 11, 6, 5, tzinfo=UTC) if outcome == "deferred" else None
    assert found == (outcome, "capped", ("one a day",), later)


def test_what_the_hours_keep_back_until_it_is_over_says_so():
    """The rule that stops it once its time has come is the one by which it expires."""
    rules = playbook(quiet_hours=[Hours(start="00:00", end="08:00")], wait="2h")
    found = ends(Claim(campaign="news", asked_at=AT), rules)
    assert found == ("denied", "quiet_hours", ("00:00-08:00", "wait"), None)


def test_a_plan_takes_the_days_before_it():
    """Of the days of a plan those count that are left to the claim; after the first grant another waits in vain."""
    rules = playbook(caps=[ONE_A_DAY])
    tomorrow = Claim(campaign="news", expires=TODAY + timedelta(days=1))
    until = AT + timedelta(days=3)
    assert ends(tomorrow, rules, until=until, touches=[SENT])[0] == "granted"
    today = Claim(campaign="news", expires=TODAY)
    assert ends(today, rules, until=until, touches=[SENT])[:3] == ("denied", "capped", ("one a day",))


@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        (Claim(campaign="news", at=AT, expires=AT - timedelta(hours=1)), "expires must not be before at"),
        (Claim(campaign="news", at=TODAY, expires=TODAY - timedelta(days=1)), "expires must not be before at"),
        (Claim(campaign="news", expires=AT.replace(tzinfo=None)), "expires must be an aware instant"),
        (Claim(campaign="news", expires="soon"), "expires must be an instant or a date"),
        (Claim(campaign="news", expires=datetime(999, 1, 1, tzinfo=UTC)), "expires must lie in the year 1000 or later"),
    ],
)
def test_an_expiry_that_cannot_be_makes_the_claim_invalid(claim, fault):
    """A claim that expires before it wants to go is no claim."""
    (row,) = Arbiter(playbook()).decide(ANNA, claims=[claim], at=AT).rows
    assert (str(row.reason), row.note[: len(fault)]) == ("invalid", fault)


def test_both_jobs_count_what_cannot_be_alike():
    """A bad expiry is a bad row, named; the others go on, and expire as they say."""
    rows = [
        {"contact_id": "anna", "campaign_id": "news", "claim_id": "late", "at": None, "expires": "2026-11-04"},
        {"contact_id": "ben", "campaign_id": "news", "claim_id": "odd", "at": "2026-11-06", "expires": "2026-11-05"},
        {"contact_id": "cleo", "campaign_id": "news", "claim_id": "bad", "at": None, "expires": "soon"},
        {"contact_id": "dora", "campaign_id": "news", "claim_id": "good", "at": None, "expires": "9999-12-31"},
    ]
    contacts = [{"contact_id": row["contact_id"], "consent": "email"} for row in rows]
    job = Job(Arbiter(playbook()), Inputs(contacts=contacts, claims=rows), at=AT)
    wanted = [row for _, decision in job.decisions() for row in decision.rows]
    assert [(row.claim, str(row.reason), row.rule) for row in wanted] == [
        ("late", "expired", "expires"),
        ("odd", "invalid", "invalid"),
        ("bad", "invalid", "invalid"),
        ("good", "granted", None),
    ]
    assert [(bad.row, bad.field, bad.found) for bad in job.bad.first] == [
        (2, "expires", "2026-11-05"),
        (3, "expires", "'soon'"),
    ]
    if has_columns():
        tables = Arbiter(playbook()).decide_table(contacts, claims=rows, at=AT, everything=True)
        assert tables.column("reason").to_pylist() == [str(row.reason) for row in wanted]
        assert tables.column("rule").to_pylist() == [row.rule for row in wanted]


def test_rows_that_explain_say_when_it_was_over():
    """The note has the instants; the rules are those of the checks that fail."""
    claim = Claim(campaign="news", asked_at=AT - timedelta(days=9), expires=AT + timedelta(days=9))
    (row,) = Arbiter(playbook(wait="3d")).decide(ANNA, claims=[claim], at=AT, explain=True).rows
    assert (row.binding, row.note) == (("wait",), "asked for at 2026-10-27T10:00:00+00:00, and waits 3d")


def test_the_campaigns_wait_is_written_and_read():
    """It is a length of time, as elsewhere; a playbook without it keeps its fingerprint."""
    data = {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "news", "content": ["note"]}]}
    before = Playbook.from_dict(data)
    data["campaigns"][0]["wait"] = "3d"
    found = Playbook.from_dict(data)
    assert found.campaigns[0].wait == Lag(days=3)
    assert found.to_dict()["campaigns"][0]["wait"] == "3d"
    assert Playbook.from_dict(found.to_dict()) == found
    assert "wait" not in before.to_dict()["campaigns"][0]
    data["campaigns"][0]["wait"] = "soon"
    with pytest.raises(PlaybookError, match=r"campaigns\[0\].wait.*'soon' is no length of time"):
        Playbook.from_dict(data)
