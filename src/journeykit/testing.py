"""Checks that authors of policies run on their own.

In a test of theirs, ``check_policy(MyPolicy())`` is all there is to write.
"""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from journeykit.arbiter import Arbiter
from journeykit.campaign import Campaign, Claim, Score, Team
from journeykit.cap import Cap, Conflict, Requirement, Scope
from journeykit.contact import Contact
from journeykit.content import Content
from journeykit.decision import Decision, Reason
from journeykit.journey import Journey
from journeykit.playbook import OnMissing, Playbook
from journeykit.touch import Touch
from journeykit.window import Lag, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.policy import Policy

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def check_policy(
    policy: Policy,
    *,
    playbook: Playbook | None = None,
    contacts: Sequence[Contact] | None = None,
    at: datetime = AT,
) -> None:
    """Check that a policy keeps what the engine relies on.

    It weighs every claim it is shown with a finite number: claims without scores, with propensities of 0, a half and
    1, and with instants of asking. It says the same when asked again, in another order, in other threads, and after
    pickling; it leaves what it is shown as it was; and no decision made with it breaks a rule. What is not checked is
    whether it reads the clock or Python's own ``hash``, which differs from process to process: a policy must not.

    Args:
        policy: the policy to check.
        playbook: your own rule set, for a policy that wants certain attributes or campaigns; by default a small one.
        contacts: your own contacts, likewise.
        at: the instant of the decisions, for a playbook whose campaigns are open at another time.

    Raises:
        AssertionError: with what is wrong.

    Example:
        >>> from journeykit.policies import Weighted
        >>> check_policy(Weighted())
    """
    _require(not isinstance(policy, type), f"give an object, not the class {policy!r}")
    _require(callable(getattr(policy, "weigh", None)), "a policy has a method weigh(claim, contact, context)")
    shown = _playbook() if playbook is None else playbook
    named = Playbook.from_dict({**shown.to_dict(), "policy": "checked"})
    arbiter = Arbiter(named, {"checked": policy})
    people = list(_contacts() if contacts is None else contacts)
    before = copy.deepcopy(people)
    first = [_decide(arbiter, contact, at) for contact in people]
    for decisions in first:
        for decision in decisions:
            _check_weights(decision)
    _require(
        any(row.weight is not None for decisions in first for decision in decisions for row in decision.rows),
        "no claim was weighed: give contacts and a playbook of which something is eligible at the instant `at`",
    )
    expected = [_facts(decisions) for decisions in first]
    _require(
        [_facts(_decide(arbiter, contact, at)) for contact in reversed(people)] == expected[::-1],
        "asked again, in another order, the policy must say the same; take randomness from a hash of the contact's id",
    )
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda contact: _facts(_decide(arbiter, contact, at)), people))
    _require(threaded == expected, "in other threads the policy must say the same")
    copied = _pickled(arbiter)
    again = [_facts(_decide(copied, contact, at)) for contact in people]
    _require(again == expected, "after pickling the policy must say the same")
    _require(people == before, "a policy must not change the contacts")
    for contact, decisions in zip(people, first, strict=True):
        broken = arbiter.audit(decisions[0], contact, _touches(at))
        _require(not broken, f"a decision breaks a rule: {broken}")


def _require(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _decide(arbiter: Arbiter, contact: Contact, at: datetime) -> list[Decision]:
    """Decisions without scores, with scores, and on claims that say when they asked."""
    campaigns = [campaign for campaign in arbiter.playbook.campaigns or () if campaign.content]
    scores = {
        campaign.id: Score(propensity=(0.0, 0.5, 1.0)[number % 3], value=(None, 0.0, 20.0)[number // 3 % 3])
        for number, campaign in enumerate(campaigns)
    }
    claims = [
        Claim(campaign=campaign.id, asked_at=at - timedelta(hours=number % 5))
        for number, campaign in enumerate(campaigns)
    ]
    touches = _touches(at)
    return [
        arbiter.decide(contact, touches, at=at),
        arbiter.decide(contact, touches, at=at, scores=scores),
        arbiter.decide(contact, touches, claims, at=at),
    ]


def _facts(decisions: Sequence[Decision]) -> list[tuple[object, ...]]:
    return [
        (row.campaign, row.content, str(row.outcome), str(row.reason), row.weight, row.send_at)
        for decision in decisions
        for row in decision.rows
    ]


def _check_weights(decision: Decision) -> None:
    for row in decision.rows:
        _require(row.reason is not Reason.INVALID, f"the claim of campaign {row.campaign!r} is invalid: {row.note}")


def _pickled(arbiter: Arbiter) -> Arbiter:
    try:
        found: Arbiter = pickle.loads(pickle.dumps(arbiter))  # noqa: S301  (our own bytes)
    except Exception as error:
        raise AssertionError(f"a policy must survive pickling, so that jobs can run in processes: {error}") from error
    return found


def _playbook() -> Playbook:
    content = [
        Content(
            id="outlook",
            channel="email",
            stages={"awareness": 1, "consideration": 0.4},
            topics=("market",),
            advances={"consideration": 0.25},
        ),
        Content(id="invitation", channel="email", roles={"user": 1, "influencer": 0.5}, topics=("events",)),
        Content(id="launch-mail", channel="email"),
        Content(id="launch-text", channel="sms"),
        Content(id="check-in", channel="phone", theme="care"),
    ]
    campaigns = [
        Campaign(id="nurture", team="demand_gen", content=("outlook",), priority=2),
        Campaign(id="meetup", team="events", content=("invitation",), weight=3, ends=date(2026, 12, 1), priority=1),
        Campaign(
            id="launch",
            team="product",
            content=("launch-mail", "launch-text"),
            weight=5,
            starts=date(2026, 11, 1),
        ),
        Campaign(id="care", team="community", content=("check-in",), weight=0.5, repeat=None),
        Campaign(id="receipt", content=("launch-mail",), weight=0.1, obeys_caps=False, repeat=None),
    ]
    return Playbook(
        journey=Journey().valued({"awareness": 2, "consideration": 6, "decision": 30}),
        teams=[
            Team(name="demand_gen", goal="nurture"),
            Team(name="events", goal="event", lever=1.2),
            Team(name="product", goal="launch"),
            Team(name="community", goal="relationship"),
        ],
        content=content,
        campaigns=campaigns,
        caps=[
            Cap(name="two a week", max=2, window=Window.calendar("week")),
            Cap(name="one a day on each channel", max=1, by="channel", window=Window.calendar("day")),
        ],
        conflicts=[
            Conflict(
                name="no pitch after care",
                first=Scope.of(theme="care"),
                then=Scope.of(goal="launch"),
                lag=Lag.parse("2d"),
            )
        ],
        requirements=[
            Requirement(
                name="meet with nurture",
                claim=Scope.of(campaign="meetup"),
                partner=Scope.of(channel=["email", "sms"]),
            )
        ],
        on_missing=OnMissing(stage="allow", consent="allow"),
        interest_lift=0.5,
    )


def _contacts() -> list[Contact]:
    stages = [None, "awareness", "consideration", "decision"]
    roles = [None, "decision_maker", "influencer", "user"]
    return [
        Contact(
            id=f"contact-{number}",
            account=f"account-{number % 5}",
            stage=stages[number % 4],
            role=roles[number // 4 % 4],
            timezone=["Europe/Skopje", "America/New_York", None][number % 3],
            interests=["market"] if number % 2 else [],
            preferences={"email": 0.5} if number % 5 == 0 else {},
            attributes={"score": number * 3, "city": ["Skopje", "Berlin"][number % 2]},
        )
        for number in range(24)
    ]


def _touches(at: datetime) -> list[Touch]:
    return [
        Touch(at=at - timedelta(days=3), channel="phone", campaign="care"),
        Touch(
            at=AT - timedelta(days=9),
            channel="email",
            campaign="launch",
            content="launch-mail",
            status="bounced",
        ),
    ]
