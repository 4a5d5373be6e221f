"""Random tables for a random playbook: contacts, touches, scores and claims with gaps, and with faults where asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from generate import CHANNELS, ZONES, _claims, _touches, identified, times

from journeykit import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from journeykit import Playbook
    from journeykit.journey import Event

Rows = list[dict[str, Any]]


def contacts(rng: Random, at: datetime, count: int, *, faults: bool = False) -> Rows:
    rows: Rows = []
    for number in range(count):
        row = {
            "contact_id": f"p{number:03d}",
            "account_id": rng.choice((None, "a", "b")),
            "stage": rng.choice(("early", "late", "elsewhere", "early", None)),
            "role": rng.choice(("user", "boss", "stranger", None)),
            "timezone": rng.choice((*ZONES, None)),
            "opted_out": rng.random() < 0.05,
            "suppressed": rng.random() < 0.03,
            "consent": rng.choice((None, *(list(CHANNELS),) * 4, list(CHANNELS[:1]))),
            "consent_sms": rng.choice((None, None, None, True, False)),
            "consent_until_email": rng.choice((None, None, at, at - timedelta(days=1), at + timedelta(days=1))),
            "topic_consent_offers": rng.choice((None, None, True, False)),
            "prefer_sms": rng.choice((None, None, 0.5)),
            "interests": rng.choice((None, ["news"], [])),
            "weekly": rng.choice((0, 1, 2, 1.5, None)),
            "vip": rng.choice((True, False, None)),
        }
        row["segments"] = Random(f"{at} {number}").choice((None, None, [], ["own"], ["own", "s0"], ["s1", "s1"]))
        row |= times(Random(f"times {at} {number}"), at)
        if faults:
            if rng.random() < 0.15:
                row["timezone"] = "Mars/Base"
            if rng.random() < 0.1:
                row["contact_id"] = rng.choice((None, "p001", "", 7))
            if rng.random() < 0.1:
                row["weekly"] = rng.choice((-1, "x"))
        rows.append(row)
    return rows


def touches(rng: Random, playbook: Playbook, at: datetime, count: int, *, faults: bool = False) -> Rows:
    rows = [
        {
            "contact_id": f"p{number:03d}",
            "sent_at": touch.at,
            "channel": touch.channel,
            "campaign_id": touch.campaign,
            "content_id": touch.content,
            "team": touch.team,
            "topic": list(touch.topics) or None,
            "goal": touch.goal,
            "solutions": list(touch.solutions) or None,
            "theme": touch.theme,
            "campaign_ends": touch.campaign_ends,
            "counts_toward_caps": touch.counts_toward_caps,
            "without": list(touch.without) or None,
            "status": touch.status,
        }
        for number in range(count)
        for touch in _touches(rng, playbook, at)
    ]
    rng.shuffle(rows)
    own = Random(f"ids {at} {count}")
    if own.random() < 0.5:
        for row in rows:
            row["claim_id"] = own.choice((None, None, "a", "b"))
    for row in rows if faults else ():
        if rng.random() < 0.05:
            row["sent_at"] = rng.choice((None, "soon"))
        if rng.random() < 0.05:
            row["contact_id"] = "nobody"
        if rng.random() < 0.03:
            row["status"] = "lost"
    return rows


def scores(rng: Random, playbook: Playbook, count: int) -> Rows:
    rows = [
        {
            "contact_id": f"p{number:03d}" if rng.random() < 0.95 else "nobody",
            "campaign_id": campaign.id if rng.random() < 0.98 else "nothing",
            "propensity": rng.choice((None, 0.5, 0.25)),
            "value": rng.choice((None, 2.0)),
        }
        for number in range(count)
        for campaign in playbook.campaigns or ()
        if rng.random() < 0.3
    ]
    apart = Random(f"contents {rng.random()}")
    rows += [
        {
            "contact_id": f"p{number:03d}",
            "campaign_id": campaign.id,
            "content_id": apart.choice((*campaign.content, "nothing")),
            "propensity": apart.choice((None, 0.125, 0.75, 1.5)),
            "value": apart.choice((None, 3.0)),
        }
        for number in range(count)
        for campaign in playbook.campaigns or ()
        if campaign.content and apart.random() < 0.3
    ]
    rng.shuffle(rows)
    return rows


def estimated(rng: Random, rows: Rows) -> Rows:
    """Scores or claims with what models say besides, of which a few cannot be."""
    for row in rows:
        row["spread"] = rng.choice((None, 0.0, 0.125, 2, -1 if rng.random() < 0.1 else None))
        row["opt_out"] = rng.choice((None, 0.0, 0.125, 0.25, 7 if rng.random() < 0.1 else 1.0))
        row["uplift"] = rng.choice((None, -0.5, 0.0, 0.25, 1, 2 if rng.random() < 0.1 else None))
    return rows


def log(rng: Random, numbers: Iterable[int], made: Callable[[], Iterable[Event]]) -> Rows:
    """A table of what contacts of some numbers did, whose events are made one contact after the other."""
    rows = [
        {"contact_id": f"p{number:03d}", "event": own.event, "at": own.at, "event_id": own.id, **own.properties}
        for number in numbers
        for own in made()
    ]
    rng.shuffle(rows)
    return rows


def claims(rng: Random, playbook: Playbook, at: datetime, count: int, *, few: bool, faults: bool = True) -> Rows:
    rows: Rows = []
    for number in range(count):
        for claim in _claims(rng, playbook, at, few=few) if rng.random() < 0.8 else ():
            row = {
                "contact_id": f"p{number:03d}",
                "campaign_id": claim.campaign,
                "content_id": claim.content,
                "at": claim.at,
                "weight": claim.weight,
                "propensity": claim.propensity,
                "asked_at": claim.asked_at,
            }
            if faults and rng.random() < 0.04:
                name, value = rng.choice(
                    (("campaign_id", "nothing"), ("weight", float("nan")), ("contact_id", "nobody"), ("at", "soon"))
                )
                row[name] = value
            rows.append(row)
    own = Random(f"ids {at} {count} {len(rows)}")
    if own.random() < 0.6:
        rows += [dict(row) for row in rows if own.random() < 0.2]
        for row in rows:
            claim = identified(own, Claim(campaign="any"))
            row |= {"claim_id": claim.id, "team": claim.team, "goal": claim.goal, "theme": claim.theme}
            row |= {name: list(getattr(claim, name)) or None for name in ("topics", "solutions", "tags")}
            if faults and own.random() < 0.02:
                row["tags"] = 7.5
    return rows
