"""The arbiter: the smallest readable cases of what it decides and what it says."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Conflict,
    Consent,
    Contact,
    Content,
    Holdout,
    Hours,
    Journey,
    Lag,
    Limit,
    ModelError,
    OnMissing,
    Outcome,
    Playbook,
    Reason,
    Requirement,
    Scope,
    Score,
    Stage,
    Team,
    Touch,
    Window,
)

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)  # a Thursday
ONE_A_DAY = Cap(name="one a day", max=1, window=Window.calendar("day"))


def playbook(*campaigns: Campaign, **parts) -> Playbook:
    """A playbook of campaigns that all send the same email, unless the parts say otherwise."""
    parts.setdefault("content", [Content(id="mail", channel="email")])
    return Playbook(campaigns=campaigns, **parts)


def campaign(name: str, weight: float = 1, **parts) -> Campaign:
    parts.setdefault("content", ["mail"])
    return Campaign(id=name, weight=weight, **parts)


def anna(**parts) -> Contact:
    parts.setdefault("consent", ["email"])
    return Contact(id="anna", **parts)


def reasons(book: Playbook, contact: Contact | None = None, touches=(), **parts) -> dict[str, str]:
    """The reason for each campaign; every decision is audited on the way."""
    arbiter = Arbiter(book)
    contact = contact or anna()
    parts.setdefault("at", AT)
    decision = arbiter.decide(contact, touches, **parts)
    assert not arbiter.audit(decision, contact, touches, parts.get("claims"))
    return {row.campaign: str(row.reason) for row in decision.rows}


def sent(days_ago: float, **parts) -> Touch:
    parts.setdefault("channel", "email")
    return Touch(at=AT - timedelta(days=days_ago), **parts)


# Who may get what


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        ({"suppressed": True, "opted_out": True}, "suppressed"),
        ({"opted_out": True}, "opted_out"),
        ({"consent": ["sms"]}, "no_consent"),
        ({"consent": {"email": False}}, "no_consent"),
        ({"consent": {"email": Consent(True, until=AT)}}, "no_consent"),
        ({"consent": {"email": Consent(True, until=AT + timedelta(microseconds=1))}}, "granted"),
        ({"topic_consent": {"market": False}}, "no_consent"),
        ({"topic_consent": {"other": False}}, "granted"),
        ({"consent": {"sms": True}}, "missing_data"),
        ({"consent": None}, "missing_data"),
        ({"attributes": {"score": 39}}, "not_in_audience"),
        ({"attributes": {}}, "not_in_audience"),
        ({"stage": "retention"}, "wrong_stage"),
        ({"stage": None}, "missing_data"),
        ({"role": "gatekeeper"}, "wrong_role"),
        ({"role": None}, "granted"),
        ({"stage": "decision"}, "wrong_owner"),
        ({"stage": "advocacy"}, "granted"),
        ({}, "granted"),
    ],
    ids=str,
)
def test_the_checks_of_eligibility(contact: dict, reason: str) -> None:
    """Each check refuses whom it should, the first that fails is the reason, and who passes all is granted."""
    book = playbook(
        campaign("outlook", audience="score >= 40", team="demand_gen", stages=["advocacy"]),
        journey=Journey(
            [
                Stage("awareness", "marketing"),
                Stage("decision", "sales"),
                Stage("retention", "service"),
                Stage("advocacy", "service"),
            ]
        ),
        teams=[Team(name="demand_gen")],
        content=[
            Content(
                id="mail",
                channel="email",
                topics=["market"],
                stages={"awareness": 1, "decision": 0.5, "advocacy": 0.5},
                roles={"user": 1},
            )
        ],
    )
    whole = {"stage": "awareness", "role": "user", "consent": ["email"], "attributes": {"score": 40}}
    assert reasons(book, anna(**{**whole, **contact})) == {"outlook": reason}


def test_all_checks_that_fail_are_told_when_asked() -> None:
    """The first check that fails is the reason; explained, a row lists them all."""
    book = playbook(campaign("outlook", audience="score > 1", paused=True))
    decision = Arbiter(book).decide(anna(suppressed=True, consent=[]), at=AT, explain=True)
    row = decision.row("outlook")
    assert row.reason is Reason.SUPPRESSED
    expected = [Reason.SUPPRESSED, Reason.NO_CONSENT, Reason.CAMPAIGN_CLOSED, Reason.NOT_IN_AUDIENCE]
    assert list(row.failed) == expected
    assert row.binding == ("suppressed", "consent email", "paused", "score > 1")


def test_a_campaign_is_open_on_its_local_dates() -> None:
    """First and last date are the contact's own, ends included."""
    book = playbook(campaign("meetup", starts=date(2026, 11, 5), ends=date(2026, 11, 5)))
    night = datetime(2026, 11, 4, 23, 30, tzinfo=UTC)
    assert reasons(book, anna(timezone="Europe/Skopje"), at=night) == {"meetup": "granted"}
    assert reasons(book, anna(timezone="America/New_York"), at=night) == {"meetup": "campaign_closed"}
    assert reasons(book, anna(), at=AT + timedelta(days=1)) == {"meetup": "campaign_closed"}


def test_a_campaign_that_has_not_started_may_go_when_it_does() -> None:
    """A closed campaign is deferred to its first day, and to its own dates where it has them."""
    book = playbook(campaign("later", starts=date(2026, 11, 9)), campaign("dated", dates=[date(2026, 11, 7)]))
    decision = Arbiter(book).decide(anna(timezone="Europe/Skopje"), at=AT)
    assert decision.row("later").outcome is Outcome.DEFERRED
    assert decision.row("later").retry_at == datetime(2026, 11, 8, 23, tzinfo=UTC)
    assert decision.row("dated").retry_at == datetime(2026, 11, 6, 23, tzinfo=UTC)


def test_the_four_exemptions_are_separate() -> None:
    """Each flag lifts its own rule and no other; a suppressed contact gets nothing whatever the flags say."""
    book = playbook(
        campaign("no consent needed", needs_consent=False, repeat=None),
        campaign("no hours", obeys_quiet_hours=False),
        caps=[Cap(name="none", max=0, window=Window.ever())],
        quiet_hours=[Hours(start="09:00", end="11:00")],
    )
    assert reasons(book, anna(opted_out=True)) == {"no consent needed": "quiet_hours", "no hours": "opted_out"}
    assert reasons(book, anna()) == {"no consent needed": "quiet_hours", "no hours": "capped"}
    free = playbook(campaign("receipt", needs_consent=False, obeys_caps=False), caps=[ONE_A_DAY])
    assert reasons(free, anna(opted_out=True, consent=[])) == {"receipt": "granted"}
    assert reasons(free, anna(suppressed=True)) == {"receipt": "suppressed"}


def test_holdouts_get_nothing_that_needs_consent() -> None:
    """Who is held out by the playbook or the campaign gets nothing, but for what needs no consent."""
    everyone = Holdout(share=1)
    book = playbook(campaign("news"), campaign("receipt", needs_consent=False), holdout=everyone)
    assert reasons(book) == {"news": "holdout", "receipt": "granted"}
    assert reasons(playbook(campaign("news", holdout=everyone), campaign("other"))) == {
        "news": "holdout",
        "other": "granted",
    }


def test_a_missing_zone_can_be_denied() -> None:
    """Where the playbook denies contacts without a zone, only what depends on local time is refused."""
    book = playbook(campaign("dated", ends=date(2026, 12, 1)), campaign("plain"), on_missing=OnMissing(timezone="deny"))
    assert reasons(book) == {"dated": "missing_data", "plain": "granted"}


# What wins


def test_the_stronger_claim_wins_and_the_loser_waits() -> None:
    """Under one a day the stronger claim wins; the other learns what stopped it, who won, and when it may go."""
    decision = Arbiter(playbook(campaign("nurture"), campaign("launch", 8), caps=[ONE_A_DAY])).decide(
        anna(timezone="Europe/Skopje"), at=AT, explain=True
    )
    winner, loser = decision.rows
    assert (winner.campaign, winner.outcome, winner.send_at, winner.displaced) == ("launch", Outcome.GRANTED, AT, 1.0)
    assert (loser.campaign, loser.outcome, loser.reason) == ("nurture", Outcome.DEFERRED, Reason.OUTBID)
    assert (loser.binding, loser.lost_to, loser.needs) == (("one a day",), ("launch",), 8.000001)
    assert loser.retry_at == datetime(2026, 11, 5, 23, tzinfo=UTC)  # midnight in Skopje
    assert (decision.total, decision.bound, decision.optimal) == (8.0, 8.0, True)


def test_a_tie_goes_to_what_ends_sooner_then_to_the_smaller_id() -> None:
    """Equal weights: the campaign that ends earlier wins, no end is last, then ids compare as text."""
    book = playbook(campaign("b"), campaign("a"), campaign("z", ends=date(2026, 12, 1)), caps=[ONE_A_DAY])
    assert reasons(book) == {"z": "granted", "a": "outbid", "b": "outbid"}
    assert list(reasons(playbook(campaign("b"), campaign("a"), caps=[ONE_A_DAY]))) == ["a", "b"]


def test_what_is_not_worth_it_stays_silent() -> None:
    """A claim whose weight is not above the reserve is refused, and told what it would need."""
    decision = Arbiter(playbook(campaign("weak", 2), campaign("strong", 3), reserve=2)).decide(
        anna(), at=AT, explain=True
    )
    assert decision.row("weak").reason is Reason.NOT_WORTH_IT
    assert decision.row("weak").needs == 2.000001
    assert decision.total == 1.0


def test_tiers_come_before_weights() -> None:
    """No weight of a later tier outweighs a claim of an earlier one, and needs says that none would."""
    book = playbook(campaign("care", 1), campaign("pitch", 9, tier=1), caps=[ONE_A_DAY])
    assert reasons(book) == {"care": "granted", "pitch": "outbid"}
    assert Arbiter(book).decide(anna(), at=AT, explain=True).row("pitch").needs is None


def test_a_campaign_repeats_as_often_as_it_says() -> None:
    """History and run together: so often as `repeat` says, without end for None; failures do not count."""
    for repeat, expected in [(1, "capped"), (2, "capped"), (3, "granted"), (None, "granted")]:
        touches = [sent(40, campaign="news"), sent(20, campaign="news"), sent(1, campaign="news", status="failed")]
        assert reasons(playbook(campaign("news", repeat=repeat)), touches=touches) == {"news": expected}
    decision = Arbiter(playbook(campaign("news"))).decide(anna(), [sent(40, campaign="news")], at=AT)
    assert decision.row("news").binding == ("repeat of news",)
    assert decision.row("news").outcome is Outcome.DENIED


def test_one_content_of_a_campaign_wins() -> None:
    """The contents of one campaign are a choice of one; the other lost to its sibling."""
    book = playbook(
        campaign("news", content=["long", "short"], repeat=None),
        content=[Content(id="long", channel="email"), Content(id="short", channel="sms")],
    )
    decision = Arbiter(book).decide(anna(consent=["email", "sms"], preferences={"email": 0.5}), at=AT)
    assert [(row.content, str(row.reason), row.binding) for row in decision.rows] == [
        ("short", "granted", ()),
        ("long", "outbid", ("one content of news",)),
    ]


def test_conflicts_look_both_ways_in_time() -> None:
    """A `then` may not follow a `first` within the lag; before a planned one it may, unless both ways."""
    book = playbook(
        campaign("pitch", content=["pitch"]),
        content=[Content(id="pitch", channel="email", theme="sale"), Content(id="care", channel="email", theme="care")],
        conflicts=[
            Conflict(
                name="no pitch after care",
                first=Scope.of(theme="care"),
                then=Scope.of(theme="sale"),
                lag=Lag.parse("2d"),
            )
        ],
    )
    touched = [Touch(at=AT - timedelta(days=2), content="care", channel="email")]
    decision = Arbiter(book).decide(anna(), touched, at=AT)
    assert (decision.rows[0].reason, decision.rows[0].binding) == (Reason.CONFLICT, ("no pitch after care",))
    assert decision.rows[0].retry_at == datetime(2026, 11, 6, tzinfo=UTC)
    assert reasons(book, touches=[Touch(at=AT - timedelta(days=3), content="care", channel="email")]) == {
        "pitch": "granted"
    }
    ahead = [Touch(at=AT + timedelta(days=1), content="care", channel="email", status="planned")]
    assert reasons(book, touches=ahead) == {"pitch": "granted"}


def test_a_circle_of_requirements_is_granted_whole_or_not_at_all() -> None:
    """Two claims that need each other go together, and neither goes where there is room for one only."""
    needs = [
        Requirement(name="a with b", claim=Scope.of(campaign="a"), partner=Scope.of(campaign="b")),
        Requirement(name="b with a", claim=Scope.of(campaign="b"), partner=Scope.of(campaign="a")),
    ]
    assert reasons(playbook(campaign("a"), campaign("b"), requirements=needs)) == {"a": "granted", "b": "granted"}
    assert reasons(playbook(campaign("a"), campaign("b"), requirements=needs, caps=[ONE_A_DAY])) == {
        "a": "requires",
        "b": "requires",
    }


def test_a_requirement_can_be_met_by_the_history() -> None:
    """With `within`, a touch of the history will do, as long as the window holds it."""
    needs = Requirement(
        name="after the lead",
        claim=Scope.of(campaign="follow-up"),
        partner=Scope.of(campaign="lead"),
        within=Window.days(7),
    )
    book = playbook(campaign("follow-up"), campaign("lead", paused=True), requirements=[needs])
    assert reasons(book, touches=[sent(6, campaign="lead")])["follow-up"] == "granted"
    assert reasons(book, touches=[sent(7, campaign="lead")])["follow-up"] == "requires"


# Limits


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ({}, "granted"),
        ({"most": None}, "granted"),
        ({"most": float("nan")}, "granted"),
        ({"most": 0}, "capped"),
        ({"most": 2}, "granted"),
    ],
    ids=str,
)
def test_a_limit_of_the_contacts_own(own: dict, reason: str) -> None:
    """A contact's own limit holds for them; missing, null and NaN take the default; 0 forbids."""
    book = playbook(campaign("news"), caps=[Cap(name="own", max=Limit("most", default=3), window=Window.days(7))])
    assert reasons(book, anna(attributes=own)) == {"news": reason}


@pytest.mark.parametrize("own", [-1, "many", True, float("inf")], ids=repr)
def test_a_limit_that_cannot_be_makes_its_claims_invalid(own: object) -> None:
    """A negative or unreadable limit never means no limit: what it should stop is invalid, and the rest go on."""
    book = playbook(
        campaign("news"),
        campaign("text", content=["text"]),
        content=[Content(id="mail", channel="email"), Content(id="text", channel="sms")],
        caps=[Cap(name="own", max=Limit("most", default=3), where=Scope.of(channel="email"), window=Window.days(7))],
    )
    contact = anna(consent=["email", "sms"], attributes={"most": own})
    assert reasons(book, contact) == {"news": "invalid", "text": "granted"}


def test_points_weigh_touches() -> None:
    """A touch weighs its points; a claim of no points is never stopped."""
    book = playbook(
        campaign("call", content=["call"], repeat=None),
        campaign("post", content=["post"], repeat=None),
        content=[Content(id="call", channel="phone"), Content(id="post", channel="post")],
        caps=[Cap(name="pressure", max=2.5, points={"phone": 2, "post": 0}, window=Window.days(7))],
    )
    contact = anna(consent=["phone", "post"])
    assert reasons(book, contact) == {"call": "granted", "post": "granted"}
    assert reasons(book, contact, [sent(1, channel="phone")]) == {"call": "capped", "post": "granted"}


def test_all_caps_that_stop_a_claim_are_told() -> None:
    """Which caps bind is never the first one found: all of them are listed."""
    caps = [
        ONE_A_DAY,
        Cap(name="three ever", max=3, window=Window.ever()),
        Cap(name="ten ever", max=10, window=Window.ever()),
    ]
    touches = [sent(0.1), sent(5), sent(6)]
    row = Arbiter(playbook(campaign("news"), caps=caps)).decide(anna(), touches, at=AT).rows[0]
    assert (row.reason, row.binding) == (Reason.CAPPED, ("one a day", "three ever"))


def test_a_planned_touch_is_replaced_by_the_claim_that_it_was() -> None:
    """A claim that is decided again does not stand in its own way; a reservation does."""
    book = playbook(campaign("news"), caps=[ONE_A_DAY])
    later = AT + timedelta(hours=2)
    assert reasons(book, touches=[Touch(at=later, channel="email", campaign="news", status="planned")]) == {
        "news": "granted"
    }
    assert reasons(book, touches=[Touch(at=later, channel="email", campaign="news", status="reserved")]) == {
        "news": "capped"
    }
    past = AT - timedelta(hours=2)
    assert reasons(book, touches=[Touch(at=past, channel="email", campaign="x", status="planned")]) == {
        "news": "granted"
    }


# Claims given


def test_claims_that_are_given_are_judged_with_all_the_rest() -> None:
    """Bad claims are invalid, each for its own reason, and the good ones go on."""
    book = playbook(campaign("news"), campaign("launch", 5))
    claims = [
        Claim(campaign="news", weight=1.0),
        Claim(campaign="news", weight=0.5),
        Claim(campaign="nwes"),
        Claim(campaign="launch", weight=float("nan")),
        Claim(campaign="launch", content="nothing"),
        Claim(campaign="launch", channel="fax"),
        Claim(campaign="launch", at=datetime(2026, 11, 5)),
    ]
    rows = Arbiter(book).decide(anna(), claims=claims, at=AT).rows
    assert len(rows) == len(claims)
    assert len({row.decision_id for row in rows}) == len(claims)
    assert [row.note for row in rows if row.reason is Reason.INVALID and row.weight is None]
    assert [(row.campaign, row.weight) for row in rows if row.outcome is Outcome.GRANTED] == [("news", 1.0)]
    notes = " / ".join(row.note for row in rows)
    for part in (
        "already",
        "unknown campaign 'nwes'",
        "weight must be",
        "no content 'nothing'",
        "channel 'fax'",
        "naive",
    ):
        assert part in notes


def test_scores_weigh_the_claims_of_their_campaign() -> None:
    """A propensity and a value multiply the weight, and are told as factors."""
    decision = Arbiter(playbook(campaign("news", 2))).decide(
        anna(), at=AT, scores={"news": Score(propensity=0.25, value=10)}
    )
    assert decision.rows[0].weight == 5.0
    assert decision.rows[0].factors["propensity"] == 0.25


def test_interests_lift_what_meets_them() -> None:
    """Topics that meet a contact's interests weigh more by the playbook's lift."""
    book = playbook(campaign("news"), content=[Content(id="mail", channel="email", topics=["wine"])], interest_lift=0.5)
    assert Arbiter(book).decide(anna(interests=["wine"]), at=AT).rows[0].weight == 1.5
    assert Arbiter(book).decide(anna(), at=AT).rows[0].weight == 1.0


# Plans


def test_a_plan_finds_room_for_both() -> None:
    """Over a week both campaigns get through, each on a day of its own, the stronger first."""
    book = playbook(campaign("nurture"), campaign("launch", 8), caps=[Cap(name="gap", max=1, window=Window.days(3))])
    decision = Arbiter(book).decide(anna(), at=AT, until=AT + timedelta(days=7))
    assert [(g.campaign, g.send_at) for g in decision.granted] == [("launch", AT), ("nurture", AT + timedelta(days=3))]


def test_a_plan_keeps_out_of_quiet_hours() -> None:
    """A slot is the first instant of a local day that the hours allow; on a holiday there is none."""
    book = playbook(
        campaign("news"),
        campaign("more", 0.5),
        caps=[ONE_A_DAY],
        quiet_hours=[Hours(start="20:00", end="08:00")],
    )
    decision = Arbiter(book).decide(
        anna(timezone="Europe/Skopje"), at=AT + timedelta(hours=12), until=AT + timedelta(days=3)
    )
    assert [g.send_at.isoformat() for g in decision.granted] == [
        "2026-11-06T07:00:00+00:00",
        "2026-11-07T07:00:00+00:00",
    ]


def test_a_dated_claim_keeps_its_date() -> None:
    """A claim with a date is considered on that date; outside the span its campaign is closed."""
    book = playbook(campaign("news", repeat=None))
    claims = [Claim(campaign="news", at=date(2026, 11, 7)), Claim(campaign="news", at=date(2026, 12, 24))]
    rows = Arbiter(book).decide(anna(), claims=claims, at=AT, until=AT + timedelta(days=7)).rows
    assert {(str(row.date), str(row.reason)) for row in rows} == {
        ("2026-11-07", "granted"),
        ("2026-12-24", "campaign_closed"),
    }


# The object itself


def test_an_arbiter_is_immutable_thread_safe_and_picklable() -> None:
    """Threads and a pickled copy give the same decisions; nothing can be set on it."""
    arbiter = Arbiter(playbook(campaign("nurture"), campaign("launch", 8), caps=[ONE_A_DAY]))
    contacts = [Contact(id=f"c{number}", consent=["email"], timezone="Europe/Skopje") for number in range(50)]

    def facts(which: Arbiter, contact: Contact) -> list[dict]:
        return [row.to_dict() for row in which.decide(contact, at=AT, explain=True).rows]

    alone = [facts(arbiter, contact) for contact in contacts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda contact: facts(arbiter, contact), contacts)) == alone
    copy = pickle.loads(pickle.dumps(arbiter))
    assert [facts(copy, contact) for contact in contacts] == alone
    with pytest.raises(AttributeError):
        arbiter.playbook = None


def test_a_decision_travels() -> None:
    """A pickled decision keeps its rows and its explanation, and is plain data as JSON."""
    decision = Arbiter(playbook(campaign("nurture"), campaign("launch", 8), caps=[ONE_A_DAY])).decide(anna(), at=AT)
    copy = pickle.loads(pickle.dumps(decision))
    assert copy == decision
    assert copy.rows == decision.rows
    assert str(copy.explain()) == str(decision.explain())
    assert json.loads(json.dumps([row.to_dict() for row in decision.rows]))[0]["outcome"] == "granted"


def test_many_are_decided_as_they_come() -> None:
    """`decide_many` takes contacts, or contacts with their touches and claims, and is lazy."""
    arbiter = Arbiter(playbook(campaign("news"), caps=[ONE_A_DAY]))

    def stream():
        yield anna()
        yield anna(), [sent(0.1)]
        yield anna(), [], [Claim(campaign="news", weight=3.0)]
        raise AssertionError("read too far")

    decisions = arbiter.decide_many(stream(), at=AT)
    assert [str(next(decisions).rows[0].reason) for _ in range(2)] == ["granted", "capped"]
    assert next(decisions).granted[0].weight == 3.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": datetime(2026, 11, 5)}, "naive"),
        ({"at": "2026-11-05"}, "aware datetime"),
        ({"at": AT, "until": AT - timedelta(days=1)}, "lies before"),
        ({"at": AT, "claims": ["news"]}, "Claim objects"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_are_refused(arguments: dict, message: str) -> None:
    """A wrong argument is refused at once, with what was found."""
    with pytest.raises(ModelError, match=message):
        _ = Arbiter(playbook(campaign("news"))).decide(anna(), **arguments).rows


def test_a_budget_that_bites_is_told() -> None:
    """Where the node budget ends a search, the decision says so and gives a bound; what it grants is still sound."""
    content = [Content(id=f"m{n}", channel=f"channel-{n % 4}", topics=[f"topic-{n % 3}"]) for n in range(24)]
    campaigns = [
        Campaign(id=f"k{n}", content=[f"m{n}"], weight=1 + (n * 7 % 11) / 10, team=f"team-{n % 5}") for n in range(24)
    ]
    caps = [
        Cap(
            name=f"by {facet}",
            max=2,
            by=facet,
            points={f"channel-{n}": 1 + n % 2 for n in range(4)},
            window=Window.calendar("day"),
        )
        for facet in ("channel", "team", "topic")
    ]
    book = Playbook(content=content, campaigns=campaigns, caps=caps, on_missing=OnMissing(consent="allow"))
    short, full = Arbiter(book, node_budget=3), Arbiter(book)
    guess, proof = short.decide(anna(consent=None), at=AT), full.decide(anna(consent=None), at=AT)
    assert not guess.optimal
    assert proof.optimal
    assert guess.total <= proof.total <= guess.bound
    assert not short.audit(guess, anna(consent=None))


@pytest.mark.parametrize(
    "claim",
    [
        Claim(campaign=None),
        Claim(campaign=3),
        Claim(campaign=["x"]),
        Claim(campaign="news", content=["a"]),
        Claim(campaign="news", at="soon"),
        Claim(campaign="news", numbers=None),
    ],
    ids=repr,
)
def test_a_claim_of_rubbish_is_invalid(claim: Claim) -> None:
    """Whatever a claim holds, it is answered: as invalid, with a row of its own, and the rest go on."""
    for book in (playbook(campaign("news")), Playbook(on_missing=OnMissing(consent="allow"))):
        claims = [claim, Claim(campaign="news", channel="email", weight=1.0)]
        decision = Arbiter(book).decide(anna(), claims=claims, at=AT)
        assert sorted(str(row.reason) for row in decision.rows) == ["granted", "invalid"]
        assert json.dumps([row.to_dict() for row in decision.rows])


def test_scores_speak_for_claims_that_wait_for_the_hours_too() -> None:
    """A claim inside quiet hours that its score makes worthless is not deferred; one that it makes worth it is."""
    book = playbook(campaign("news"), quiet_hours=[Hours(start="09:00", end="11:00")], reserve=1)
    for value, retry_at in [(1.0, None), (2.0, AT + timedelta(hours=1))]:
        row = Arbiter(book).decide(anna(), at=AT, scores={"news": Score(value=value)}).rows[0]
        assert (row.weight, row.retry_at) == (value, retry_at)


def test_rows_have_one_order_however_they_are_read() -> None:
    """The order of claims is by weight for claims that wait for the hours too; reading and pickling keep it."""
    book = playbook(
        *(campaign(f"k{number}", number + 1) for number in range(4)), quiet_hours=[Hours(start="09:00", end="12:00")]
    )
    decision = Arbiter(book).decide(anna(), at=AT)
    expected = ["k3", "k2", "k1", "k0"]
    assert [row.campaign for row in decision.rows] == expected
    assert [row.campaign for row in decision.explain().rows] == expected
    assert [row.campaign for row in pickle.loads(pickle.dumps(decision)).rows] == expected
    assert [row.campaign for row in decision.rows] == expected


def test_a_window_without_end_defers_nothing() -> None:
    """A loser under a cap that lasts to the end of the calendar is denied, not deferred to it."""
    lasting = Cap(name="for ever", max=1, window=Window.between(date(2026, 1, 1), date(9999, 12, 31)))
    row = Arbiter(playbook(campaign("a", 2), campaign("b"), caps=[lasting])).decide(anna(), at=AT).row("b")
    assert (row.outcome, row.retry_at) == (Outcome.DENIED, None)


@pytest.mark.parametrize("year", [1, 999, 9001, 9999])
def test_instants_beyond_the_calendar_are_refused(year: int) -> None:
    """An instant at the edges of Python's calendar is refused, not moved; a consent until then lasts for ever."""
    edge = datetime(year, 12, 31, tzinfo=UTC)
    with pytest.raises(ModelError, match="years 1000 to 9000"):
        Arbiter(playbook(campaign("news"))).decide(anna(), at=edge)
    with pytest.raises(ModelError, match="years 1000 to 9000"):
        Touch(at=edge)
    if year > 9000:
        assert Consent(True, until=edge).holds(AT)


def test_an_audit_is_of_one_decision() -> None:
    """Several decisions where one is wanted, and one where several are, are refused with what is wanted."""
    arbiter, anna = Arbiter(Playbook()), Contact(id="anna")
    decision = arbiter.decide(anna, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
    assert arbiter.audit(decision, anna) == arbiter.audit_quotas([decision]) == ()
    for audit, words in (
        (lambda: arbiter.audit([decision], anna), "decision must be a Decision"),
        (lambda: arbiter.audit(decision, [anna]), "contact must be a Contact"),
        (lambda: arbiter.audit_quotas(decision), "decisions"),
        (lambda: arbiter.audit_account([decision], anna), "contacts"),
    ):
        with pytest.raises(ModelError, match=words):
            audit()


@pytest.mark.parametrize(
    "topics", [{"*": False}, {"news": False}, {"*": True, "news": False}, {"*": False, "news": True}]
)
def test_the_audit_knows_who_wants_no_topic_at_all(topics):
    """A grant that was made before is a violation once the contact withdraws from its topic, or from all."""
    book = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email", "topics": ["news"]}],
            "campaigns": [{"id": "letter", "content": ["note"]}],
        }
    )
    arbiter = Arbiter(book)
    ben, then = Contact(id="ben", consent=["email"]), Contact(id="ben", consent=["email"], topic_consent=topics)
    decision = arbiter.decide(ben, at=AT)
    denied = str(arbiter.decide(then, at=AT).rows[0].reason) == "no_consent"
    assert [violation.rule for violation in arbiter.audit(decision, then)] == ["no_consent"] * denied
    assert denied == (not topics.get("news", topics.get("*")))
