"""Tags: words of one's own on contents and campaigns, which caps and other rules look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from journeykit import Arbiter, Campaign, Cap, Claim, Contact, Content, Playbook, Quota, Scope, Touch, Window
from journeykit.columns import has_columns
from journeykit.ledger import MemoryLedger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", consent=["email"])
A_DAY = Window.calendar("day")


def shop(*caps: Cap, **changes) -> Playbook:
    """Three campaigns: a sale by its content, spare parts by itself, and news without tags."""
    return Playbook(
        content=[Content(id="sale", channel="email", tags="promotion"), Content(id="list", channel="email")],
        campaigns=[
            Campaign(id="sale", content="sale", weight=2, repeat=None),
            Campaign(id="parts", content="list", tags=["promotion", "loud"], repeat=None),
            Campaign(id="news", content="list", repeat=None),
        ],
        caps=caps,
        **changes,
    )


ONE_PROMOTION = Cap(name="one promotion", max=1, window=A_DAY, where=Scope.of(tag="promotion"))


def told(playbook: Playbook, **given) -> dict[str, str]:
    """By campaign, what became of it."""
    return {row.campaign: str(row.reason) for row in Arbiter(playbook).decide(ANNA, at=AT, **given).rows}


def test_a_message_has_the_tags_of_its_campaign_and_of_its_content():
    """They are in the facets, in the rows, and in what a cap counts."""
    decision = Arbiter(shop(ONE_PROMOTION)).decide(ANNA, at=AT)
    assert {row.campaign: row.tags for row in decision.rows} == {
        "sale": ("promotion",),
        "parts": ("promotion", "loud"),
        "news": (),
    }
    assert told(shop(ONE_PROMOTION)) == {"sale": "granted", "parts": "outbid", "news": "granted"}
    one_by_one = Cap(name="each apart", max=1, window=A_DAY, by="tag")
    assert told(shop(one_by_one)) == {"sale": "granted", "parts": "outbid", "news": "granted"}


def test_a_touch_gets_its_tags_from_the_playbook():
    """What a touch brings itself wins; what it is known not to have had, the playbook does not fill in."""
    before = AT - timedelta(hours=2)
    sent = {"campaign": "parts", "channel": "email", "at": before}
    assert told(shop(ONE_PROMOTION), touches=[Touch(**sent)])["sale"] == "capped"
    assert told(shop(ONE_PROMOTION), touches=[Touch(**sent, tags="service")])["sale"] == "granted"
    assert told(shop(ONE_PROMOTION), touches=[Touch(**sent, without="tags")])["sale"] == "granted"


def test_what_a_claim_brings_wins_over_campaign_and_content():
    """A claim without tags has those of campaign and content."""
    claims = [Claim(campaign="sale"), Claim(campaign="parts", tags="service"), Claim(campaign="news", tags="promotion")]
    assert told(shop(ONE_PROMOTION), claims=claims) == {"sale": "granted", "parts": "granted", "news": "outbid"}


def test_tags_are_kept_with_what_is_reserved():
    """The ledger keeps them, so that a later playbook without them counts the message all the same."""
    ledger = MemoryLedger()
    Arbiter(shop(ONE_PROMOTION)).decide(ANNA, at=AT, ledger=ledger, key="first")
    later = Playbook(
        content=[Content(id="sale", channel="email"), Content(id="list", channel="email", tags="promotion")],
        campaigns=[Campaign(id="sale", content="sale"), Campaign(id="parts", content="list")],
        caps=[ONE_PROMOTION],
    )
    found = Arbiter(later).decide(ANNA, at=AT + timedelta(hours=1), ledger=ledger, key="second")
    assert {row.campaign: str(row.reason) for row in found.rows} == {"sale": "capped", "parts": "capped"}


@pytest.mark.skipif(not has_columns(), reason="needs the extra columns")
def test_a_quota_counts_by_tag():
    """A maximum over all contacts holds for the messages with a tag."""
    playbook = shop(quotas=[Quota(name="loud", max=1, where=Scope.of(tag="loud"))])
    people = [{"contact_id": str(number), "consent": ["email"]} for number in range(3)]
    rows = Arbiter(playbook).decide_table(people, at=AT, everything=True).to_pylist()
    assert sorted(row["reason"] for row in rows if row["campaign_id"] == "parts") == [
        "granted",
        "quota_full",
        "quota_full",
    ]


def test_a_misspelt_tag_of_a_rule_is_warned_of():
    """One that no campaign or content has, only claims and touches can bring; one that is nearly known is suggested."""
    caps = [Cap(name=tag, max=1, window=A_DAY, where=Scope.of(tag=tag)) for tag in ("promotoin", "service")]
    warnings = [(own.path, own.suggestion) for own in shop(*caps).check() if "tag" in own.path]
    assert warnings == [("caps[0].where.tag", "promotion"), ("caps[1].where.tag", None)]
    gatekeeper = Playbook(caps=caps)
    assert [own for own in gatekeeper.check() if "tag" in own.path] == []


def test_playbooks_without_tags_are_what_they_were():
    """No tags are not written, so that fingerprints stay; tags go to a file and back."""
    assert "tags" not in Playbook(campaigns=[Campaign(id="news")]).to_dict()["campaigns"][0]
    assert Playbook.from_dict(shop().to_dict()) == shop()
