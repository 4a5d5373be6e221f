"""Outcomes, reasons, and the row that says what becomes of a claim."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any, Self

from attrs import asdict, field, frozen

from journeykit.basics.ids import claim_digest, contact_key, decision_id


class Outcome(StrEnum):
    """What becomes of a claim."""

    GRANTED = "granted"
    DEFERRED = "deferred"
    DENIED = "denied"


class Reason(StrEnum):
    """Why: the first of these, in this order, that holds. The set is closed and stable."""

    meaning: str

    def __new__(cls, code: str, meaning: str = "") -> Self:  # noqa: D102  (what Enum asks for)
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    GRANTED = "granted", "it goes out"
    INVALID = "invalid", "the claim's own data is bad, or its policy failed"
    SUPPRESSED = "suppressed", "a hard bounce, a complaint or the law forbids all messages to the contact"
    OPTED_OUT = "opted_out", "the contact wants no messages at all"
    NO_CONSENT = "no_consent", "consent for the channel or topic is withdrawn or expired"
    CAMPAIGN_CLOSED = "campaign_closed", "the campaign is paused, not open yet, or over at that instant"
    EXPIRED = "expired", "what it asks for is no longer wanted at that instant: it expired, or waited too long"
    NOT_IN_AUDIENCE = "not_in_audience", "the campaign's audience rule does not select the contact"
    WRONG_STAGE = "wrong_stage", "the content does not fit the contact's stage"
    WRONG_ROLE = "wrong_role", "the content does not fit the contact's role in the decision unit"
    WRONG_OWNER = "wrong_owner", "another department owns the contact's stage"
    HOLDOUT = "holdout", "the contact is held out, so that the effect of messages can be measured"
    MISSING_DATA = "missing_data", "needed data, or a score, is missing, and the playbook or the run denies such claims"
    REFUSED = "refused", "one of your own checks of eligibility says no"
    QUIET_HOURS = "quiet_hours", "quiet hours, hours outside the send hours, or a holiday"
    NOT_WORTH_IT = "not_worth_it", "the weight is not above the reserve"
    RESTING = "resting", "the contact rests from such messages after what they did, or did not do"
    CAPPED = "capped", "the history alone uses up a cap or the campaign's repeat limit"
    CONFLICT = "conflict", "it conflicts with a touch of the history, or with a winner"
    REQUIRES = "requires", "the partner that it requires is missing"
    QUOTA_FULL = "quota_full", "a quota over all contacts is used up"
    OUTBID = "outbid", "eligible, but higher-value messages used up the limit"


# A decision makes dozens of rows, and one with a dict is made in half the time.
@frozen(kw_only=True, slots=False)
class Row:
    """What a decision says of one claim.

    Attributes:
        run_id: the run it belongs to.
        contact: the contact's id.
        account: the contact's account.
        campaign: the campaign's id.
        content: the content's id.
        channel: the channel.
        team: the team's name.
        date: the claim's own instant or local date, or None.
        outcome: granted, deferred or denied.
        reason: the first reason that holds.
        binding: every rule that stops the claim, by name, the history's first.
        lost_to: the campaigns of the winners that use up the limit, in the order of claims; those of colleagues too,
            where an account was decided together.
        weight: what the claim is worth; None where it was not weighed.
        factors: what the weight is made of, by name.
        price: what the prices of quotas take from the weight (what they add is below 0), at the instant at which they
            take least; None where there are none, or it was not eligible.
        send_at: when it goes out, UTC; None unless granted.
        retry_at: the earliest instant at which it could go after all, UTC; None if there is none.
        displaced: of a granted claim, the value of what it pushed out; None unless explained.
        needs: of a losing claim, the smallest weight that would have won; None if none would, or not explained. Both
            are None where a large account was settled without a proof.
        failed: every check of eligibility that fails, in order; only the first unless explained.
        note: for people: what exactly is wrong.
        twin: 0, or which of several claims it is that nothing but their faults tells apart.
        playbook: the playbook's fingerprint.
        decided_at: the instant of the decision, UTC.
        claim: the claim's own id, which tells two messages of one campaign apart; None for a claim without one.
        tags: the tags of the message: those that its claim brings, else those of its campaign and content.
        propensity: the chance of a response, the claim's own or from scores; None where none is known.
        arm: the arm in which the contact is, as ``experiment:arm``; of several experiments separated by ``;``; None for
            none.
        chance: where the playbook explores, the probability with which an eligible claim was to be granted, before it
            was known whether the contact is drawn, and how; None otherwise, and where quotas settled the contact
            otherwise than their prices alone would.
    """

    run_id: str
    contact: str
    account: str | None
    campaign: str
    content: str | None
    channel: str | None
    team: str | None
    date: datetime | date | None
    outcome: Outcome
    reason: Reason
    binding: tuple[str, ...]
    lost_to: tuple[str, ...]
    weight: float | None
    factors: Mapping[str, float]
    price: float | None
    send_at: datetime | None
    retry_at: datetime | None
    displaced: float | None
    needs: float | None
    failed: tuple[Reason, ...]
    note: str
    twin: int
    playbook: str
    decided_at: datetime
    claim: str | None = None
    tags: tuple[str, ...] = ()
    propensity: float | None = None
    arm: str | None = None
    chance: float | None = None

    @property
    def decision_id(self) -> str:
        """A stable hash of run, contact, campaign, content, channel, the claim's own date and id.

        No two rows share one.
        """
        own = None if self.date is None else self.date.isoformat()
        digest = claim_digest(self.run_id, self.campaign, self.content, self.channel, own, self.twin, self.claim)
        return decision_id(contact_key(self.contact), digest)

    @property
    def rule(self) -> str | None:
        """The first rule that stops the claim."""
        return self.binding[0] if self.binding else None

    def to_dict(self) -> dict[str, Any]:
        """The row as plain data: texts, numbers, lists; instants as ISO 8601."""
        found = {"decision_id": self.decision_id, **asdict(self, recurse=False)}
        return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return dict(value) if isinstance(value, Mapping) else value


@frozen
class Grant:
    """A claim that goes out.

    Attributes:
        campaign: the campaign's id.
        content: the content's id.
        channel: the channel.
        send_at: when, UTC.
        weight: what it is worth.
        claim: the claim's own id, or None.
        date: the claim's own instant or local date, or None.
    """

    campaign: str
    content: str | None
    channel: str | None
    send_at: datetime
    weight: float
    claim: str | None = None
    date: datetime | date | None = field(default=None, eq=False)
