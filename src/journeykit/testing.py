"""Checks that authors of policies run on their own.

In a test of theirs, ``check_policy(MyPolicy())`` is all there is to write.
"""

from __future__ import annotations

import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from journeykit.arbiter import Arbiter
from journeykit.campaign import Campaign, Team
from journeykit.cap import Cap, Conflict, Requirement, Scope
from journeykit.contact import Contact
from journeykit.content import Content
from journeykit.decision import Decision, Reason
from journeykit.playbook import OnMissing, Playbook
from journeykit.touch import Touch
from journeykit.window import Lag, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.policy import Policy

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def check_policy(
    policy: Policy, *, playbook: Playbook | None = None, contacts: Sequence[Contact] | None = None
) -> None:
    """Check that a policy keeps what the engine relies on.

    It weighs every claim it is shown with a finite number; it says the same when asked again, in another order, in
    other threads, and after pickling; it leaves what it is shown as it was; and no decision made with it breaks a
    rule.

    Args:
        policy: the policy to check.
        playbook: your own rule set, for a policy that wants certain attributes or campaigns; by default a small one.
        contacts: your own contacts, likewise.

    Raises:
        AssertionError: with what is wrong.

    Example:
        >>> from journeykit.policies import Weighted
        >>> check_policy(Weighted())
    """
    assert not isinstance(policy, type), f"give an object, not the class {policy.__name__}"  # noqa: S101
    _require(callable(getattr(policy, "weigh", None)), "a policy has a method weigh(claim, contact, context)")
    shown = _playbook() if playbook is None else playbook
    named = Playbook.from_dict({**shown.to_dict(), "policy": "checked"})
    arbiter = Arbiter(named, {"checked": policy})
    people = list(_contacts() if contacts is None else contacts)
    first = [_decide(arbiter, contact) for contact in people]
    for decision in first:
        _check_weights(decision)
    _require(
        [_facts(_decide(arbiter, contact)) for contact in reversed(people)] == [_facts(d) for d in reversed(first)],
        "asked again, in another order, the policy must say the same; take randomness from a hash of the contact's id",
    )
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda contact: _facts(_decide(arbiter, contact)), people))
    _require(threaded == [_facts(decision) for decision in first], "in other threads the policy must say the same")
    _check_pickle(arbiter, people, first)
    _require(
        [*people] == list(_contacts() if contacts is None else contacts),
        "a policy must not change the contacts",
    )
    for contact, decision in zip(people, first, strict=True):
        broken = arbiter.audit(decision, contact, _touches())
        _require(not broken, f"a decision breaks a rule: {broken}")


def _require(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _decide(arbiter: Arbiter, contact: Contact) -> Decision:
    return arbiter.decide(contact, _touches(), at=AT)


def _facts(decision: Decision) -> list[tuple[object, ...]]:
    return [
        (row.campaign, row.content, str(row.outcome), str(row.reason), row.weight, row.send_at) for row in decision.rows
    ]


def _check_weights(decision: Decision) -> None:
    for row in decision.rows:
        _require(row.reason is not Reason.INVALID, f"the claim of campaign {row.campaign!r} is invalid: {row.note}")
        _require(row.weight is None or math.isfinite(row.weight), f"the weight of {row.campaign!r} is {row.weight}")


def _check_pickle(arbiter: Arbiter, people: Sequence[Contact], first: Sequence[Decision]) -> None:
    try:
        copy = pickle.loads(pickle.dumps(arbiter))  # noqa: S301  (our own bytes)
    except Exception as error:
        raise AssertionError(f"a policy must survive pickling, so that jobs can run in processes: {error}") from error
    again = [_facts(_decide(copy, contact)) for contact in people]
    _require(again == [_facts(decision) for decision in first], "after pickling the policy must say the same")


def _playbook() -> Playbook:
    content = [
        Content(id="outlook", channel="email", stages={"awareness": 1, "consideration": 0.4}, topics=("market",)),
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


def _touches() -> list[Touch]:
    return [
        Touch(at=AT - timedelta(days=3), channel="phone", campaign="care"),
        Touch(
            at=AT - timedelta(days=9),
            channel="email",
            campaign="launch",
            content="launch-mail",
            status="bounced",
        ),
    ]
