"""The worked cases that vendors document, run through the arbiter as they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from journeykit import Arbiter, Claim, Contact, Playbook, Touch

COPY = Path(__file__).parents[1] / "data" / "conformance.yaml"
SHARED = Path(__file__).parents[3] / "shared" / "conformance" / "cases.yaml"
CASES = yaml.load((SHARED if SHARED.exists() else COPY).read_text("utf-8"), Loader=yaml.BaseLoader)
FACETS = ("team", "topic", "channel")


def instant(text: str, zone: str) -> datetime:
    """An instant as a case writes it: without an offset it is local."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


def as_claims(case: dict) -> list[dict]:
    """The claims of a case, each with a campaign and content of its own unless named."""
    claims = []
    for at, given in enumerate(case["claims"]):
        claim = {"at": given} if isinstance(given, str) else dict(given)
        claim.setdefault("campaign", f"campaign-{at}")
        claim.setdefault("channel", "email")
        claim["content"] = f"content of {claim['campaign']} {claim.get('topic', '')} {claim['channel']}"
        claims.append(claim)
    return claims


def playbook_of(case: dict, claims: list[dict]) -> Playbook:
    """The playbook of a case: its rules, and a campaign and content for each of its claims."""
    own = {campaign["id"]: campaign for campaign in case.get("campaigns", [])}
    campaigns: dict[str, dict] = {}
    content: dict[str, dict] = {}
    for claim in claims:
        campaign = campaigns.setdefault(
            claim["campaign"],
            {"repeat": None, **flags(own.get(claim["campaign"], {})), "id": claim["campaign"], "content": []},
        )
        if "team" in claim:
            campaign["team"] = claim["team"]
        if claim["content"] not in campaign["content"]:
            campaign["content"].append(claim["content"])
        content[claim["content"]] = {
            "id": claim["content"],
            "channel": claim["channel"],
            "topics": [claim["topic"]] if "topic" in claim else [],
        }
    rules = {key: numbers(case[key]) for key in ("caps", "conflicts", "requirements", "quiet_hours") if key in case}
    return Playbook.from_dict(
        {
            "campaigns": list(campaigns.values()),
            "content": list(content.values()),
            "on_missing": {"stage": "allow", "consent": "allow"},
            **rules,
        }
    )


def flags(campaign: dict) -> dict:
    return {key: {"true": True, "false": False}.get(value, value) for key, value in campaign.items()}


def numbers(value: object, key: str = "") -> object:
    """The cases are read as texts; what the playbook wants as numbers and booleans is made so here."""
    if isinstance(value, dict):
        return {
            name: numbers(part, name if name not in ("phone", "email", "sms") else "points")
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [numbers(part, key) for part in value]
    if key in ("max", "days", "every", "points") and isinstance(value, str) and value.isdigit():
        return int(value)
    return {"true": True, "false": False}.get(value, value) if key == "both_ways" else value


def as_claim(claim: dict, at: datetime | None = None) -> Claim:
    weight = float(claim.get("weight", 1))
    return Claim(campaign=claim["campaign"], content=claim["content"], channel=claim["channel"], weight=weight, at=at)


def history_of(case: dict) -> list[Touch]:
    return [
        Touch(
            at=instant(given["at"], case["zone"]),
            channel=given.get("channel", "email"),
            status=given.get("status", "sent"),
        )
        for given in case.get("history", [])
    ]


def contact_of(case: dict) -> Contact:
    return Contact(id="somebody", timezone=case["zone"], attributes=case.get("contact", {}))


@pytest.mark.parametrize("case", [c for c in CASES if c["kind"] == "sequence"], ids=lambda case: case["id"])
def test_a_sequence_is_granted_as_the_vendor_says(case: dict) -> None:
    """Claims that arrive one at a time are granted and refused as documented; a granted one counts for the next."""
    claims = as_claims(case)
    arbiter = Arbiter(playbook_of(case, claims))
    history = history_of(case)
    granted = []
    # All are decided from the first instant on: a planned touch before a decision's `at` would not have happened.
    since = min(instant(claim["at"], case["zone"]) for claim in claims)
    for claim in claims:
        at = instant(claim["at"], case["zone"])
        asked = [as_claim(claim, at)]
        decision = arbiter.decide(contact_of(case), history, asked, at=since, until=at)
        assert not arbiter.audit(decision, contact_of(case), history, asked)
        granted.append(str(len(decision.granted)))
        history += [
            Touch(at=grant.send_at, channel=grant.channel, campaign=grant.campaign, content=grant.content)
            for grant in decision.granted
        ]
    assert granted == case["granted"]


@pytest.mark.parametrize("case", [c for c in CASES if c["kind"] == "contest"], ids=lambda case: case["id"])
def test_a_contest_ends_as_the_vendor_says(case: dict) -> None:
    """Claims that compete in one decision end with the documented outcomes, total and retries."""
    claims = as_claims(case)
    playbook = playbook_of(case, claims)
    arbiter = Arbiter(playbook)
    at = instant(case["at"], case["zone"])
    asked = [as_claim(claim) for claim in claims]
    decision = arbiter.decide(contact_of(case), history_of(case), asked, at=at)
    assert not arbiter.audit(decision, contact_of(case), history_of(case), asked)
    assert {row.campaign: str(row.reason) for row in decision.rows} == case["outcome"]
    if "total" in case:
        assert decision.total == float(case["total"])
    for campaign, retry in case.get("retry", {}).items():
        assert decision.row(campaign).retry_at == instant(retry, case["zone"]).astimezone(UTC)


def test_the_copy_is_in_step_with_the_shared_cases() -> None:
    """The cases that travel with the project are those that the contract lists, where the contract is at hand."""
    if SHARED.exists():
        assert COPY.read_text("utf-8") == SHARED.read_text("utf-8")
    assert len(CASES) == 28
