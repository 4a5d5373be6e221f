"""Variants: of a campaign with a split one content claims, chosen by a hash of campaign and contact."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Campaign, Claim, Contact, DataError, ModelError, Playbook, PlaybookError, Score
from journeykit.audit import violations
from journeykit.model.holdout import bucket

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
CONTENT = [
    {"id": name, "channel": channel} for name, channel in (("long", "email"), ("short", "email"), ("sms", "sms"))
]


SHARES = {"long": 0.5, "short": 0.25, "sms": 0.25}


def playbook(split=SHARES, **more):
    trial = {"id": "trial", "content": ["long", "short", "sms"], "split": split}
    return Playbook.from_dict({"content": CONTENT, "campaigns": [trial], "on_missing": {"consent": "allow"}} | more)


def contact(number, **more):
    return Contact(id=f"contact {number}", **more)


def test_each_contact_gets_one_variant_and_always_the_same():
    """The variant depends on campaign and contact alone, and each has about its share of the contacts."""
    arbiter = Arbiter(playbook())
    first, again = (
        [arbiter.decide(contact(n), at=at).granted[0].content for n in range(400)]
        for at in (AT, AT + timedelta(days=300))
    )
    assert first == again
    counts = Counter(first)
    assert {name: counts[name] / 400 for name in SHARES} == pytest.approx(SHARES, abs=0.05)


def test_the_published_hash_chooses():
    """The bucket of campaign id and contact id lies in the share of the variant, in the order of the contents."""
    trial = playbook().campaigns[0]
    for number in range(50):
        place = bucket("trial", f"contact {number}")
        wanted = "long" if place < 0.5 else "short" if place < 0.75 else "sms"
        assert trial.variant_of(f"contact {number}") == wanted


def test_only_the_variant_has_a_row():
    """What was not chosen claims nothing, also where the one that was is refused."""
    arbiter = Arbiter(playbook({"long": 0, "short": 0, "sms": 1}))
    (row,) = arbiter.decide(contact(1, consent=["email"]), at=AT, explain=True).rows
    assert (row.content, str(row.reason)) == ("sms", "no_consent")
    (row,) = arbiter.decide(contact(1), at=AT, until=AT + timedelta(days=3)).rows
    assert (row.content, str(row.reason)) == ("sms", "granted")


def test_a_claim_for_another_variant_is_invalid():
    """A claim may leave the content open; one that names another content than the chosen one is invalid."""
    arbiter, anna = Arbiter(playbook({"long": 1, "short": 0, "sms": 0})), Contact(id="anna")
    wrong, right = (arbiter.decide(anna, claims=[Claim(campaign="trial", content=c)], at=AT) for c in ("sms", None))
    assert [(row.content, str(row.reason)) for row in right.rows] == [("long", "granted")]
    (row,) = wrong.rows
    assert str(row.reason) == "invalid"
    assert row.note == "the split of campaign 'trial' chooses the content 'long' for the contact"
    assert not list(violations(playbook({"long": 1, "short": 0, "sms": 0}), right, anna))
    other = violations(playbook({"long": 0, "short": 1, "sms": 0}), right, anna)
    assert "split" in [broken.rule for broken in other]


def test_a_score_is_that_of_the_variant():
    """The score of the content holds, else that of the campaign."""
    arbiter = Arbiter(playbook({"long": 1, "short": 0, "sms": 0}))
    for scores, weight in (
        ({"trial": Score(propensity=0.5), ("trial", "sms"): Score(propensity=0.9)}, 0.5),
        ({"trial": Score(propensity=0.5), ("trial", "long"): Score(propensity=0.25)}, 0.25),
    ):
        assert arbiter.decide(contact(1), at=AT, scores=scores).rows[0].weight == weight


def test_a_list_shares_equally():
    """A list of contents is a split into equal shares."""
    assert Campaign(id="k", content=["a", "b"], split=["a", "b"]) == Campaign(
        id="k", content=["a", "b"], split={"a": 0.5, "b": 0.5}
    )
    found = playbook()
    assert Playbook.from_dict(found.to_dict()) == found
    assert "split" not in evolve(found, campaigns=[evolve(found.campaigns[0], split=None)]).to_dict()["campaigns"][0]


@pytest.mark.parametrize(
    ("split", "told"),
    [
        ({"long": 0.5, "short": 0.5}, "found long, short; a content that is not to go out has the share 0"),
        ({"long": 0.5, "short": 0.5, "fax": 0}, "are those of all the contents of the campaign (long, short, sms)"),
        ({"long": 0.5, "short": 0.5, "sms": 0.5}, "the shares add up to 1, found 1.5"),
        ({"long": 2, "short": 0, "sms": 0}, "must be a number from 0 to 1, found 2"),
        ({}, "found none"),
    ],
)
def test_contradictions_are_refused_with_their_place(split, told):
    """Shares of other contents, and shares that do not add up to 1, are faults of the playbook."""
    with pytest.raises(PlaybookError) as found:
        playbook(split)
    assert told in str(found.value)
    assert "campaigns[0].split" in str(found.value)
    with pytest.raises(ModelError):
        Campaign(id="trial", content=["long", "short", "sms"], split=split)


@pytest.mark.parametrize("days", [None, 3])
@pytest.mark.parametrize("caps", [[], [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}]])
def test_over_tables_the_same_variants_claim(days, caps):
    """Both engines give the same rows, of claims that are derived and that are brought."""
    other = {"id": "news", "content": ["sms"], "weight": 2}
    trial = {"id": "trial", "content": ["long", "short", "sms"], "split": {"long": 0.5, "short": 0.3, "sms": 0.2}}
    found = playbook(campaigns=[trial, other], caps=caps, on_missing={"consent": "deny"})
    rows = [
        {
            "contact_id": f"contact {n}",
            "consent_email": n % 3 > 0,
            "consent_sms": None if n % 5 else True,
            "opted_out": n == 7,
        }
        for n in range(40)
    ]
    until = None if days is None else AT + timedelta(days=days)
    assert_equal(found, rows, None, at=AT, until=until)
    claims = [
        {"contact_id": f"contact {n}", "campaign_id": "trial", "content_id": content}
        for n in range(40)
        for content in ("long", None)
    ]
    assert_equal(found, rows, None, None, claims, at=AT, until=until)


def test_a_row_for_another_variant_is_named():
    """A claim in a table for what the split does not choose is a bad row of claims, not of contacts."""
    asked = [{"content_id": "short"}, {"channel": "sms"}, {"content_id": "long"}, {}, {"content_id": "nothing"}]
    claims = [{"contact_id": f"c{n}", "campaign_id": "trial", **own} for n, own in enumerate(asked)]
    rows = [{"contact_id": f"c{n}", "consent": "*"} for n in range(len(asked))]
    found = assert_equal(playbook({"long": 1, "short": 0, "sms": 0}), rows, None, None, claims, at=AT).summary()
    why = "which the split of campaign 'trial' chooses for the contact"
    assert [str(row) for row in found.bad_first] == [
        f"claims, row 1, field 'content_id': found 'short'; allowed is the content 'long', {why}",
        f"claims, row 2, field 'channel': found 'sms'; allowed is the channel of the content 'long', {why}",
        "claims, row 5, field 'content_id': found 'nothing'; allowed is a content of the campaign",
    ]


def test_a_table_of_claims_for_other_variants_alone_can_be_used():
    """Who brings claims cannot know what the split chooses: each such claim has its row, and the run goes on."""
    arbiter = Arbiter(playbook({"long": 1, "short": 0, "sms": 0}))
    claims = [{"contact_id": f"c{n}", "campaign_id": "trial", "content_id": "short"} for n in range(2)]
    rows = [{"contact_id": "c0"}, {"contact_id": "c1"}]
    found = assert_equal(playbook({"long": 1, "short": 0, "sms": 0}), rows, None, None, claims, at=AT)
    assert found.summary().reasons == {"invalid": 2}
    unknown = [{**own, "campaign_id": "trail"} for own in claims]
    with pytest.raises(DataError, match="none of its 2 rows can be used"):
        arbiter.decide_table([{"contact_id": "c0"}], claims=unknown, at=AT)


def test_a_row_without_what_a_quota_adds_up_is_named():
    """Where a quota is about some of a campaign's contents, the claims that it is about need its number."""
    risk = {"name": "risk", "of": "risk", "max": 9, "where": {"channel": "sms"}}
    asked = [{"content_id": "short"}, {"content_id": "sms"}, {}, {"content_id": "sms", "risk": 1.5}]
    claims = [{"contact_id": f"c{n}", "campaign_id": "trial", "risk": None, **own} for n, own in enumerate(asked)]
    rows = [{"contact_id": f"c{n}", "consent": "*"} for n in range(len(asked))]
    for split, bad in ((None, [2, 3]), ({"long": 1, "short": 0, "sms": 0}, [1, 2, 4])):
        found = assert_equal(playbook(split, quotas=[risk]), rows, None, None, claims, at=AT).summary()
        assert [(row.source, row.row) for row in found.bad_first] == [("claims", row) for row in bad]
