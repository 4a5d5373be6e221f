"""Vocabulary: words of contacts, touches and claims that differ from the playbook's in case, blanks or letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook, Score, Touch
from journeykit.playbook.vocabulary import Vocabulary

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
RULES: dict[str, Any] = {
    "journey": {"stages": [{"name": "interest"}, {"name": "decision"}]},
    "teams": [{"name": "events", "goal": "event"}],
    "content": [
        {"id": "note", "channel": "email", "stages": {"interest": 1}, "roles": {"user": 1}, "topics": ["market"]},
        {"id": "plain", "channel": "email"},
        {"id": "buzz", "channel": "sms"},
    ],
    "campaigns": [
        {"id": "launch", "team": "events", "content": ["note"]},
        {"id": "news", "content": ["plain"], "repeat": None},
    ],
    "caps": [{"name": "one email a week", "max": 1, "window": {"days": 7}, "where": {"channel": "email"}}],
    "on_missing": {"consent": "allow"},
}


def granted(rules: dict[str, Any], contact: Contact, *touches: Touch, claims: list[Claim] | None = None) -> set[str]:
    decision = Arbiter(Playbook.from_dict(rules)).decide(contact, touches, claims, at=AT)
    assert not Arbiter(Playbook.from_dict(rules)).audit(decision, contact, touches, claims)
    return {grant.campaign for grant in decision.granted}


def touch(**parts: Any) -> Touch:
    return Touch(at=AT - timedelta(days=1), **parts)


def without_caps(**changes: Any) -> dict[str, Any]:
    return RULES | {"caps": []} | changes


@pytest.mark.parametrize("stage", ["interest", "Interest", " INTEREST "])
@pytest.mark.parametrize("role", ["user", "User", "user "])
def test_stages_and_roles_are_matched_whatever_their_case(stage: str, role: str) -> None:
    """Exactly first, then without blanks, then in whatever case."""
    assert granted(without_caps(), Contact(id="a", stage=stage, role=role)) == {"launch", "news"}


def test_an_exact_word_wins_and_an_unclear_one_names_nothing() -> None:
    """Where two stages differ in case alone, each is itself, and a third way of writing is neither."""
    rules = {
        "content": [
            {"id": "low", "channel": "email", "stages": {"trial": 1}},
            {"id": "high", "channel": "email", "stages": {"Trial": 1}},
        ],
        "campaigns": [{"id": "a", "content": ["low"]}, {"id": "b", "content": ["high"]}],
        "on_missing": {"consent": "allow", "stage": "allow"},
    }
    found = [granted(rules, Contact(id="a", stage=stage)) for stage in ("trial", "Trial", " Trial", "TRIAL")]
    assert found == [{"a"}, {"b"}, {"b"}, set()]


@pytest.mark.parametrize("setting", ["allow", "deny"])
def test_an_unknown_word_is_not_missing(setting: str) -> None:
    """A stage or role that the playbook does not name fits only content without that tag, whatever on_missing says."""
    rules = without_caps(on_missing={"consent": "allow", "stage": setting, "role": setting})
    assert granted(rules, Contact(id="a", stage="Decison", role="user")) == {"news"}
    assert granted(rules, Contact(id="a", stage="interest", role="boss")) == {"news"}
    assert granted(rules, Contact(id="a")) == ({"launch", "news"} if setting == "allow" else {"news"})


@pytest.mark.parametrize("channel", ["email", "Email", "email ", "e-mail", "EMAIL", "emial", None])
def test_a_touch_of_a_channel_that_may_be_the_capped_one_counts(channel: str | None) -> None:
    """Written otherwise, nearly right or not at all: no second message goes."""
    assert granted(RULES, Contact(id="a"), touch(channel=channel)) == set()


def test_another_channel_is_another_channel() -> None:
    """A channel that is near none that the playbook names is not taken for one of them."""
    assert granted(RULES, Contact(id="a"), touch(channel="sms")) == {"news"}
    assert granted(RULES, Contact(id="a"), touch(channel="phone")) == {"news"}


def test_a_touch_without_a_channel_went_by_one_of_its_campaign() -> None:
    """Its content, or the channels of its campaign's contents, say by which it may have gone."""
    rules = RULES | {"campaigns": [{"id": "buzzes", "content": ["buzz"]}, *RULES["campaigns"]]}
    arbiter = Arbiter(Playbook.from_dict(rules))
    for parts, free in [({"campaign": "buzzes"}, True), ({"content": "buzz"}, True), ({"campaign": "news"}, False)]:
        decision = arbiter.decide(Contact(id="a"), [touch(**parts)], at=AT)
        assert ("news" in {grant.campaign for grant in decision.granted}) is free, parts


def test_what_a_touch_may_have_been_meets_no_requirement_and_no_exclusion() -> None:
    """Rules that protect take the case that protects; a partner must be one for sure."""
    rules = RULES | {
        "caps": [{"name": "all but sms", "max": 1, "window": {"days": 7}, "where": {"not": {"channel": "sms"}}}]
    }
    assert granted(rules, Contact(id="a"), touch()) == set()
    needs = {"name": "first an email", "claim": {"campaign": "news"}, "with": {"channel": "email", "team": "events"}}
    rules = without_caps(requirements=[needs | {"within": {"days": 9}}])
    assert granted(rules, Contact(id="a"), touch(team="events")) == set()
    assert granted(rules, Contact(id="a"), touch(team="Events", channel="Email")) == {"news"}


def test_a_campaign_is_repeated_whatever_its_case() -> None:
    """Touches of LAUNCH are touches of launch."""
    anna = Contact(id="a", stage="interest", role="user")
    assert granted(without_caps(), anna, touch(campaign=" LAUNCH")) == {"news"}


def test_claims_and_scores_are_matched_too() -> None:
    """A claim of Launch is one of launch, and is written so; twice the same is twice the same."""
    anna = Contact(id="a", stage="interest", role="user")
    claims = [Claim(campaign="Launch", content="NOTE", channel="Email"), Claim(campaign="launch", content="note")]
    arbiter = Arbiter(Playbook.from_dict(RULES))
    decision = arbiter.decide(anna, claims=claims, at=AT)
    assert [(row.campaign, row.content, str(row.reason)) for row in decision.rows] == [
        ("launch", "note", "granted"),
        ("launch", "note", "invalid"),
    ]
    scored = arbiter.decide(anna, at=AT, scores={"LAUNCH": Score(propensity=0.5, value=4.0)})
    assert {grant.campaign: grant.weight for grant in scored.granted} == {"launch": 2.0}
    (row,) = arbiter.decide(anna, claims=[Claim(campaign="lanch")], at=AT).rows
    assert "did you mean 'launch'" in (row.note or "")


def test_statuses_in_any_case() -> None:
    """A touch takes a status in whatever case; one that nobody knows is refused, where a person can mend it."""
    assert touch(status=" SENT").status == "sent"
    with pytest.raises(ModelError, match="status"):
        touch(status="delivered")


def test_consents_and_segments_are_matched_too() -> None:
    """The consent for Email is that for email, an exact entry wins, and segments are those that rules ask for."""
    rules = without_caps(campaigns=[{"id": "news", "content": ["plain"], "audience": "'vip' in segments"}])
    rules["on_missing"] = {"consent": "deny"}
    vip = {"id": "a", "segments": ["VIP"]}
    assert granted(rules, Contact(**vip, consent={"Email": True})) == {"news"}
    assert granted(rules, Contact(**vip, consent={"Email": True, "email": False})) == set()
    assert granted(rules, Contact(**vip, consent=["EMAIL"])) == {"news"}
    topics = without_caps(campaigns=[{"id": "launch", "content": ["note"]}])
    anna = {"id": "a", "stage": "interest", "role": "user"}
    assert granted(topics, Contact(**anna, topic_consent={"Market": False})) == set()


def test_words_that_are_near() -> None:
    """Letters more, fewer or changed; short words only where a letter is too many or too few."""
    known = Vocabulary({"channel": frozenset(["email", "sms", "web_push"]), "stage": frozenset(["decision"])})
    near = {word: known.nearest("channel", word) for word in ("e-mail", "mail", "mms", "fax", "webpush", "smss", "")}
    assert near == {
        "e-mail": "email",
        "mail": "email",
        "mms": None,
        "fax": None,
        "webpush": "web_push",
        "smss": "sms",
        "": None,
    }
    numbered = Vocabulary({"campaign": frozenset(["spring-2026", "tier 1"])})
    assert [numbered.nearest("campaign", word) for word in ("spring-2025", "Sprng-2026", "tier-2", "tier-1")] == [
        *(None, "spring-2026", None, "tier 1"),
    ]
    assert [known.nearest("stage", word) for word in ("Decison", "decisoin", "dicision", "care")] == [
        *["decision"] * 3,
        None,
    ]


def test_segments_of_contacts_are_counted_whatever_their_case() -> None:
    """A contact that says VIP is in the segment vip, in a report over objects as over rows."""
    playbook = Playbook.from_dict({"segments": [{"name": "vip", "rule": "employees > 500"}]})
    reports = [
        playbook.segment_report([Contact(id="a", segments=["VIP"])], at=AT),
        playbook.segment_report([{"contact_id": "a", "segments": "VIP"}], at=AT),
    ]
    assert [report.segments[0].contacts for report in reports] == [1, 1]
