"""Series: the contents of a campaign as steps that follow each other, with gaps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Campaign, Claim, Contact, ModelError, Playbook, PlaybookError, Series, Touch
from journeykit.audit import violations
from journeykit.job import Inputs, RowJob, TableJob
from journeykit.ledger import MemoryLedger

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)  # a Monday
ANNA = Contact(id="anna")
STEPS = ("hello", "tips", "offer")


def playbook(gap="3d", contents=None, **more):
    content = contents or [{"id": step, "channel": "email"} for step in STEPS]
    welcome = {"id": "welcome", "content": [own["id"] for own in content], "series": {"gap": gap}} | more
    return Playbook.from_dict({"content": content, "campaigns": [welcome], "on_missing": {"consent": "allow"}})


def sent(step, days=0, **more):
    return Touch(at=AT - timedelta(days=days), channel="email", campaign="welcome", content=step, **more)


def told(decision):
    return {row.content: (str(row.reason), *row.binding) for row in decision.rows}


def granted(decision):
    return {grant.content: (grant.send_at - AT) / timedelta(days=1) for grant in decision.granted}


def test_the_steps_go_in_order_with_their_gaps():
    """In a plan each step goes a gap after the one before it."""
    decision = Arbiter(playbook()).decide(ANNA, at=AT, until=AT + timedelta(days=10))
    assert granted(decision) == {"hello": 0, "tips": 3, "offer": 6}
    assert not list(violations(playbook(), decision, ANNA))


def test_before_its_turn_a_step_requires_the_one_before():
    """At one instant the first step goes; the second waits for the gap, and the third for the second."""
    decision = Arbiter(playbook()).decide(ANNA, at=AT)
    assert told(decision) == {
        "hello": ("granted",),
        "tips": ("requires", "step hello of welcome"),
        "offer": ("requires", "step tips of welcome"),
    }
    second, third = (next(row for row in decision.rows if row.content == step) for step in ("tips", "offer"))
    assert (str(second.outcome), second.retry_at) == ("deferred", datetime(2026, 11, 5, tzinfo=UTC))
    assert (str(third.outcome), third.retry_at) == ("denied", None)


@pytest.mark.parametrize(
    ("gap", "days", "goes"), [("3d", 3, True), ("3d", 2, False), ("48h", 2, True), ("49h", 2, False)]
)
def test_the_gap_counts_from_the_touch(gap, days, goes):
    """A touch of the step before opens a step, once the gap is over: local days, or hours."""
    decision = Arbiter(playbook(gap)).decide(ANNA, [sent("hello", days)], at=AT)
    assert ("tips" in granted(decision)) == goes
    assert told(decision)["hello"] == ("capped", "repeat of welcome")


def test_days_of_a_gap_are_local():
    """Late in the evening of one date to early in the morning of the next is one day."""
    skopje = Contact(id="anna", timezone="Europe/Skopje")
    late = Touch(at=datetime(2026, 11, 1, 22, 30, tzinfo=UTC), channel="email", campaign="welcome", content="hello")
    for at, goes in ((datetime(2026, 11, 1, 22, 45, tzinfo=UTC), False), (datetime(2026, 11, 1, 23, tzinfo=UTC), True)):
        assert ("tips" in granted(Arbiter(playbook("1d")).decide(skopje, [late], at=at))) == goes


@pytest.mark.parametrize("status", ["sent", "reserved", "planned", "failed", "released"])
def test_only_touches_that_count_open_a_step(status):
    """A step that failed or was released has not gone; one that is planned is decided again."""
    decision = Arbiter(playbook("1d")).decide(ANNA, [sent("hello", 2, status=status)], at=AT)
    assert granted(decision) == ({"tips": 0} if status in ("sent", "reserved") else {"hello": 0})


def test_a_touch_without_a_content_is_no_step():
    """It is not known which step it was: none, and the summary counts it."""
    assert granted(Arbiter(playbook()).decide(ANNA, [sent(None, 5)], at=AT)) == {"hello": 0}
    rows = [{"contact_id": "anna", "sent_at": AT - timedelta(days=5), "channel": "email", "campaign_id": "welcome"}]
    job = assert_equal(playbook(), [{"contact_id": "anna"}], rows, at=AT)
    assert "touches: content_id is missing (1 row); a touch of a series without it is no step" in str(job.summary())


def test_a_step_that_was_removed_is_no_step():
    """A touch of a content that the series does not have opens none: it begins again, and the summary counts it."""
    assert granted(Arbiter(playbook()).decide(ANNA, [sent("gone", 5)], at=AT)) == {"hello": 0}
    rows = [{"contact_id": "anna", "sent_at": AT - timedelta(days=5), "channel": "email", "campaign_id": "welcome"}]
    job = assert_equal(playbook(), [{"contact_id": "anna"}], [row | {"content_id": "gone"} for row in rows], at=AT)
    told = (
        "touches: content_id 'gone of welcome' (1 row) is not in the contents of that series; a touch of it is no step"
    )
    assert told in str(job.summary())


@pytest.mark.parametrize("engine", [RowJob, TableJob])
def test_a_ledger_tells_what_is_no_step(engine):
    """Where touches come from the ledger alone they are told as those of a table are."""
    ledger, asked = MemoryLedger(), [Claim(campaign="welcome", content="hello")]
    Arbiter(playbook()).decide(ANNA, claims=asked, at=AT, ledger=ledger)
    contents = [{"id": step, "channel": "email"} for step in ("greeting", "tips")]
    given = {"at": AT + timedelta(days=9), "ledger": ledger}
    contacts = [{"contact_id": "anna"}]
    if engine is RowJob:
        job = RowJob(Arbiter(playbook(contents=contents)), Inputs(contacts=contacts), **given)
        list(job.decisions())
    else:
        job = TableJob(Arbiter(playbook(contents=contents)), contacts, **given)
        list(job.batches())
    told = (
        "ledger: content_id 'hello of welcome' (1 row) is not in the contents of that series; a touch of it is no step"
    )
    assert told in str(job.summary())


def test_repeat_counts_each_step():
    """A step goes once by default, and as often as `repeat` allows; the others do not count."""
    touches = [sent("hello", 9), sent("tips", 6), sent("offer", 3)]
    assert granted(Arbiter(playbook()).decide(ANNA, touches, at=AT)) == {}
    assert granted(Arbiter(playbook(repeat=2)).decide(ANNA, touches, at=AT)) == dict.fromkeys(STEPS, 0)


def test_a_claim_with_an_id_follows_its_own_steps():
    """Of several orders each has a series of its own."""
    arbiter, touches = Arbiter(playbook("1d")), [sent("hello", 2, claim="order 1")]
    claims = [Claim(campaign="welcome", id=f"order {n}") for n in (1, 2)]
    decision = arbiter.decide(ANNA, touches, claims, at=AT)
    assert sorted((grant.claim, grant.content) for grant in decision.granted) == [
        ("order 1", "tips"),
        ("order 2", "hello"),
    ]
    assert not list(violations(playbook("1d"), decision, ANNA, touches, claims))


MIXED = [
    {"id": "hello", "channel": "email"},
    {"id": "text", "channel": "sms"},
    {"id": "elders", "channel": "email", "roles": ["elder"]},
    {"id": "offer", "channel": "email"},
]
BEN = Contact(id="ben", role="user", consent=["email"])


def test_skip_passes_over_what_is_refused():
    """Without a consent for text messages, and in another role, two steps are passed over, and the gap holds."""
    decision = Arbiter(playbook(contents=MIXED, if_lost="skip")).decide(BEN, at=AT, until=AT + timedelta(days=9))
    assert granted(decision) == {"hello": 0, "offer": 3}
    assert told(decision)["text"] == ("no_consent", "consent sms")
    assert not list(violations(playbook(contents=MIXED, if_lost="skip"), decision, BEN))
    assert [str(found.rule) for found in violations(playbook(contents=MIXED), decision, BEN)] == ["series"]


def test_without_skip_a_refused_step_ends_the_series():
    """What comes after it waits for it."""
    decision = Arbiter(playbook(contents=MIXED)).decide(BEN, [sent("hello", 5)], at=AT)
    assert told(decision)["offer"] == ("requires", "step elders of welcome")


def test_a_step_that_lost_is_not_passed_over():
    """A cap keeps a step back; the next one waits."""
    found = playbook(if_lost="skip").to_dict() | {
        "caps": [{"name": "no tips", "max": 0, "window": "ever", "where": {"content": "tips"}}]
    }
    decision = Arbiter(Playbook.from_dict(found)).decide(ANNA, [sent("hello", 5)], at=AT)
    assert told(decision)["tips"] == ("capped", "no tips")
    assert told(decision)["offer"] == ("requires", "step tips of welcome")


def test_a_quiet_hour_passes_over_nothing():
    """A channel that is silent now speaks later; the step waits, and so do those after it."""
    found = playbook(contents=MIXED[:2] + MIXED[3:], if_lost="skip").to_dict() | {
        "quiet_hours": [{"from": "09:00", "to": "12:00", "channel": "sms"}]
    }
    cleo = Contact(id="cleo")
    decision = Arbiter(Playbook.from_dict(found)).decide(cleo, [sent("hello", 5)], at=AT)
    assert told(decision)["text"][0] == "quiet_hours"
    assert told(decision)["offer"] == ("requires", "step text of welcome")


def test_a_step_that_was_passed_over_is_not_gone_back_to():
    """Who agrees to text messages after the offer does not get the text message that comes before it."""
    arbiter, cleo = Arbiter(playbook(contents=MIXED, if_lost="skip")), Contact(id="cleo", role="user")
    decision = arbiter.decide(cleo, [sent("hello", 9), sent("offer", 5)], at=AT)
    assert told(decision)["text"] == ("requires", "step offer of welcome")
    assert all(row.retry_at is None for row in decision.rows if row.content == "text")


@pytest.mark.parametrize(
    ("more", "path", "words"),
    [
        ({"split": list(STEPS)}, "campaigns[0].series", "a series or is split, not both"),
        ({"content": []}, "campaigns[0].series", "a series has steps"),
        ({"series": {"gap": "0d"}}, "campaigns[0].series.gap", "longer than nothing"),
        ({"series": {"gap": "soon"}}, "campaigns[0].series.gap", "such as"),
        ({"series": {}}, "campaigns[0].series.gap", "is required"),
        ({"series": None, "if_lost": "skip"}, "campaigns[0].if_lost", "the campaign has no series"),
    ],
)
def test_contradictions_are_refused_with_their_place(more, path, words):
    """What cannot be a series is a fault of the playbook."""
    with pytest.raises(PlaybookError) as found:
        playbook(**more)
    assert words in str(found.value)
    assert path in [problem.path for problem in found.value.problems]


def test_a_series_of_python_is_checked_alike():
    """The classes refuse what the file reader refuses, and a playbook is written and read back."""
    with pytest.raises(ModelError):
        Campaign(id="k", content=["a"], series=Series(gap="1d"), split={"a": 1})
    assert Playbook.from_dict(playbook().to_dict()) == playbook()
    assert "series" not in Playbook(campaigns=[Campaign(id="k")]).to_dict()["campaigns"][0]


@pytest.mark.parametrize("days", [None, 8])
@pytest.mark.parametrize("lost", ["defer", "drop", "skip"])
def test_over_tables_the_steps_go_alike(days, lost):
    """Both engines give the same rows, of claims that are derived and that are brought."""
    found = playbook(contents=MIXED, if_lost=lost)
    people = [
        {"contact_id": f"c{n}", "role": ("user", "elder")[n % 2], "consent_email": True, "consent_sms": n % 3 == 0}
        for n in range(24)
    ]
    history = [
        {
            "contact_id": f"c{n}",
            "sent_at": AT - timedelta(days=n % 5),
            "channel": "email",
            "campaign_id": "welcome",
            "content_id": ("hello", "text", "elders", None)[n % 4],
            "status": ("sent", "sent", "planned")[n % 3],
        }
        for n in range(2, 24)
    ]
    until = None if days is None else AT + timedelta(days=days)
    assert_equal(found, people, history, at=AT, until=until)
    claims = [
        {
            "contact_id": f"c{n}",
            "campaign_id": "welcome",
            "content_id": (None, "hello", "offer")[n % 3],
            "claim_id": own,
        }
        for n in range(24)
        for own in ("one", None)
    ]
    assert_equal(found, people, history, None, claims, at=AT, until=until)


def test_a_step_may_have_a_date_of_its_own():
    """A brought claim for a step goes on its date, if its turn has come by then."""
    claims = [Claim(campaign="welcome", content="tips", at=date(2026, 11, day)) for day in (3, 5)]
    decision = Arbiter(playbook()).decide(ANNA, [sent("hello")], claims, at=AT, until=AT + timedelta(days=6))
    assert granted(decision) == {"tips": 3}


class Not:
    """A check that refuses some contents."""

    name = "not"

    def __init__(self, *contents, broken=False):
        self.contents = contents
        self.broken = broken

    def allows(self, claim, contact, context):
        if self.broken and claim.content in self.contents:
            raise ValueError
        return claim.content not in self.contents


def test_skip_passes_over_what_a_check_refuses():
    """Whether campaigns make the claims, or one is brought for a step alone; not what a check merely fails at."""
    skips = playbook(if_lost="skip")
    one = [Claim(campaign="welcome", content="tips")]
    for claims in (None, [Claim(campaign="welcome")], one):
        decision = Arbiter(skips, checks=[Not("hello")]).decide(ANNA, claims=claims, at=AT)
        assert told(decision)["tips"] == ("granted",), claims
        assert Arbiter(skips, checks=[Not("hello")]).audit(decision, ANNA, claims=claims) == ()
        assert [own.rule for own in Arbiter(skips).audit(decision, ANNA, claims=claims)] == ["series"]
        failing = Arbiter(skips, checks=[Not("hello", broken=True)]).decide(ANNA, claims=claims, at=AT)
        assert told(failing)["tips"] == ("requires", "step hello of welcome"), claims
    waits = Arbiter(playbook(), checks=[Not("hello")]).decide(ANNA, claims=one, at=AT)
    assert told(waits)["tips"] == ("requires", "step hello of welcome")
