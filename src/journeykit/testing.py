"""Checks that authors of policies, and of stores for a ledger, run on their own.

In a test of theirs, ``check_policy(MyPolicy())`` or ``check_ledger(MyStore)`` is all there is to write.
"""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeykit.arbiter import Arbiter
from journeykit.basics.validation import LARGEST, MILLIONTH
from journeykit.job import Inputs, Job
from journeykit.journey import Journey
from journeykit.model.campaign import Campaign, Team
from journeykit.model.cap import Cap, Conflict, Requirement, Scope
from journeykit.model.claim import Claim, Score
from journeykit.model.contact import Contact
from journeykit.model.content import Content
from journeykit.model.outcome import Reason
from journeykit.model.touch import Touch
from journeykit.model.window import Lag, Window
from journeykit.playbook.playbook import Playbook
from journeykit.playbook.sections import OnMissing
from journeykit.policies.policy import offers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from journeykit.ledger import BaseLedger, Store
    from journeykit.model.decision import Decision
    from journeykit.policies.policy import Context, Policy

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
_MANY = 400
"""So many contacts of our own are shown to methods that look at many claims at once."""


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

    What it offers besides is checked too: ``factors`` gives numbers by name, and ``weigh_columns`` and ``rank_columns``
    say the same as ``weigh`` and ``rank``, claim by claim, over many contacts. That needs the extra ``columns``.

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
    _check_factors(policy, first)
    _check_columns(policy, named, list(_contacts(_MANY) if contacts is None else contacts), at)
    for contact, decisions in zip(people, first, strict=True):
        broken = arbiter.audit(decisions[0], contact, _touches(at))
        _require(not broken, f"a decision breaks a rule: {broken}")


def check_ledger(make: Callable[[], Store | BaseLedger], *, rounds: int = 20, threads: int = 8) -> None:
    """Check that a store keeps what a ledger relies on.

    Random steps (touches, moves, answers, words of consent, runs, quotas, forgetting and pruning; some of them taken
    back) are done to it and to a `MemoryLedger`, and after each step both must tell the same. Then many threads ask at
    once: under a cap of one no contact gets two messages, four seats are given four times, one key has one answer,
    transactions that hold accounts, contacts and quotas in orders of their own come to an end, and a run begins alone.
    What threads of one process cannot show, such as a process that dies while it commits, is not checked.

    Args:
        make: makes a new and empty store, or ledger, each time; it is upgraded and closed here.
        rounds: how many random scripts are tried.
        threads: how many threads ask at once.

    Raises:
        AssertionError: with what is wrong.

    Example:
        >>> from journeykit.ledger import MemoryLedger
        >>> check_ledger(MemoryLedger, rounds=2)
    """
    from journeykit.ledger.checking import check

    check(make, rounds=rounds, threads=threads)


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


def _check_factors(policy: Any, decided: Sequence[Sequence[Decision]]) -> None:
    """A policy's own factors are shown, whatever they are; where there are none, its name alone."""
    if not offers(policy, "factors", "weigh"):
        return
    for decisions in decided:
        for row in (row for decision in decisions for row in decision.rows if row.factors):
            _require(
                set(row.factors) != {"checked"},
                f"factors must give a mapping of names to numbers, and fails for campaign {row.campaign!r}",
            )


def _check_columns(policy: Any, playbook: Playbook, contacts: Sequence[Contact], at: datetime) -> None:
    """`weigh_columns` and `rank_columns` say of many claims what `weigh` and `rank` say of each."""
    pairs = [(own, of) for own, of in (("weigh_columns", "weigh"), ("rank_columns", "rank")) if offers(policy, own, of)]
    if not pairs:
        return
    try:
        from journeykit.job import TableJob
    except ImportError as error:
        names = " and ".join(own for own, _ in pairs)
        raise AssertionError(f"to check {names}, install the extra: pip install 'journeykit[columns]'") from error
    plain = Playbook.from_dict({**playbook.to_dict(), "quotas": []})
    campaigns = [campaign.id for campaign in playbook.campaigns or () if campaign.content]
    scores = [
        {
            "contact_id": contact.id,
            "campaign_id": campaign,
            "propensity": (number + at_) % 5 / 4,
            "value": 2.0 + number % 3,
            "spread": (number + at_) % 3 / 8,
            "opt_out": (number + at_) % 4 / 16,
            "uplift": ((number + at_) % 3 - 1) / 2,
        }
        for number, contact in enumerate(contacts)
        for at_, campaign in enumerate(campaigns)
        if (number + at_) % 3
    ]
    rows = [_row_of(contact) for contact in contacts]
    touches = list(_history(contacts, plain, at))
    for table in (None, scores or None):
        probe = _Probe(policy, dict(pairs))
        inputs = Inputs(contacts=rows, touches=touches, scores=table)
        for _ in Job(Arbiter(plain, {"checked": probe}), inputs, at=at).decisions():
            pass
        for _ in TableJob(Arbiter(plain, {"checked": probe}), rows, touches, table, at=at, threads=1).batches():
            pass
        _require(probe.compared, "weigh_columns was asked of no claim: give contacts of whom something is eligible")


class _Probe:
    """A policy that remembers what another one says of each claim, and compares what it says of many."""

    def __init__(self, policy: Any, offered: dict[str, str]) -> None:
        self.policy = policy
        self.offered = offered
        self.said: dict[tuple[str, str, str | None], tuple[float, int]] = {}
        self.compared = 0
        if "rank_columns" in offered:
            self.rank = policy.rank
            self.rank_columns = self._rank_columns

    def weigh(self, claim: Claim, contact: Contact, context: Context) -> float:
        weight = float(self.policy.weigh(claim, contact, context))
        rank = self.policy.rank(claim, contact, context) if "rank_columns" in self.offered else 0
        self.said[contact.id, claim.campaign, claim.content] = weight, rank
        return weight

    def weigh_columns(self, columns: Any) -> Any:
        if "weigh_columns" not in self.offered:
            return [self.said.get(key, (0.0, 0))[0] for key in columns.keys()]  # noqa: SIM118  (no mapping)
        return self._compared("weigh_columns", columns, _same_weight)

    def _rank_columns(self, columns: Any) -> Any:
        return self._compared("rank_columns", columns, lambda value, own: int(value) == value and int(value) == own[1])

    def _compared(self, name: str, columns: Any, agrees: Callable[[Any, tuple[float, int]], bool]) -> Any:
        single = self.offered[name]
        try:
            found = getattr(self.policy, name)(columns)
            several = list(found)
        except Exception as error:
            raise AssertionError(f"{name} raises {type(error).__name__}: {error}") from error
        _require(
            len(several) == len(columns) and getattr(found, "shape", (len(several),)) == (len(columns),),
            f"{name} must give one number for each claim: {len(columns)} of them, found {len(several)}",
        )
        for key, value in zip(columns.keys(), several, strict=True):
            own = self.said.get(key)
            if own is not None:
                self.compared += 1
                contact, campaign, _ = key
                _require(
                    agrees(value, own),
                    f"{name} gives {value} for campaign {campaign!r} and contact {contact!r}, where {single} gives "
                    f"{own[0] if single == 'weigh' else own[1]}",
                )
        return found


def _same_weight(value: Any, own: tuple[float, int]) -> bool:
    """Whether two weights are one to the engine, which counts in millionths."""
    return abs(value) <= LARGEST and round(float(value) * MILLIONTH) == round(own[0] * MILLIONTH)


def _history(contacts: Sequence[Contact], playbook: Playbook, at: datetime) -> Iterator[dict[str, Any]]:
    """Up to three touches of each contact: of some hours ago, of days ago, and one that is reserved."""
    sendable = [
        (campaign.id, content.id, content.channel)
        for campaign in playbook.campaigns or ()
        for content in playbook.content or ()
        if content.id in campaign.content
    ]
    for number, contact in enumerate(contacts):
        for place in range(min(number % 4, len(sendable))):
            campaign, content, channel = sendable[(number + place) % len(sendable)]
            yield {
                "contact_id": contact.id,
                "sent_at": at - timedelta(hours=(5, 24 * 5, -30)[place] + number % 9),
                "channel": channel,
                "campaign_id": campaign,
                "content_id": content,
                "status": "reserved" if place == 2 else "sent",
            }


def _row_of(contact: Contact) -> dict[str, Any]:
    """A contact as a row of a table."""
    found: dict[str, Any] = {
        "contact_id": contact.id,
        "account_id": contact.account,
        **{
            name: getattr(contact, name) for name in ("stage", "role", "persona", "timezone", "opted_out", "suppressed")
        },
        "segments": list(contact.segments),
        "interests": list(contact.interests),
        **{f"prefer_{channel}": degree for channel, degree in contact.preferences.items()},
        **contact.attributes,
    }
    if contact.consent is not None:
        found["consent"] = [channel for channel, own in contact.consent.items() if own.granted and channel != "*"]
    return {name: value for name, value in found.items() if value is not None}


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


def _contacts(count: int = 24) -> list[Contact]:
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
        for number in range(count)
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
