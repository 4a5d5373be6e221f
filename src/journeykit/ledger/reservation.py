"""Reservations: touches that the ledger holds, and the moves that they may make."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from attrs import field, fields, frozen

from journeykit.basics.clock import micros
from journeykit.basics.validation import shown
from journeykit.errors import LedgerError
from journeykit.model.outcome import Grant, Reason
from journeykit.model.touch import Touch

RESERVED, SENT, RELEASED, EXPIRED, BOUNCED, FAILED = STATUSES = (
    "reserved",
    "sent",
    "released",
    "expired",
    "bounced",
    "failed",
)
COUNTING = (RESERVED, SENT)
"""The statuses that count against caps."""
MOVES = {
    RESERVED: (SENT, RELEASED, EXPIRED),
    # It did go out after all: what was sent counts, even if others have used up its capacity.
    EXPIRED: (SENT,),
    SENT: (BOUNCED, FAILED),
    RELEASED: (),
    BOUNCED: (),
    FAILED: (),
}
"""From each status, those to which it may move."""


@frozen(kw_only=True)
class Reservation:
    """A touch that the ledger holds: reserved, or what became of it. What a send log brought is held in the same way.

    Attributes:
        id: unique and stable. Of a decision's it is the `decision_id` of the granted row.
        contact: the contact's id.
        account: the contact's account, or None.
        at: when it goes, or went, UTC.
        channel: how.
        campaign: the campaign's id.
        content: the content's id.
        claim: the id of the claim that it came from, where that had one.
        team: the team's name, as it was when the message was decided. What is not known of this and the next seven
            comes from the playbook, one by one.
        goal: the goal it serves.
        topics: what it is about.
        solutions: the solutions that it names.
        theme: its theme.
        tags: words of the claim's own.
        campaign_ends: the campaign's last local date.
        counts_toward_caps: whether it counts in caps; None where that is not known.
        without: names of the above that it is known not to have: the playbook does not fill these in.
        cost: what sending it costs.
        propensity: the chance of a response.
        weight: the weight with which it was granted.
        numbers: what else the playbook's quotas added up.
        uses: what it uses of the quotas with a window that it was decided by, in smallest units, by the key of the
            quota and period.
        status: ``reserved``, ``sent``, ``released``, ``expired``, ``bounced`` or ``failed``.
        expires: the last instant at which it may go, UTC: its claim's own end, or that of its campaign's `wait`,
            whichever is first; None for neither.
        expires_by: which of the two: ``expires`` or ``wait``.
        arm: the arm in which the contact was, as ``experiment:arm``; several are separated by ``;``; None for none.
        run_id: the run or decision that reserved it; None for what a send log brought.
        decided_at: the instant of the decision, UTC; None for what a send log brought.
        message: what a send log calls it, hashed; None while none has told of it.
        parts: by part of the message, such as a device, hashed: ``sent``, ``bounced`` or ``failed``; empty where no log
            tells parts apart.

    Example:
        >>> from datetime import UTC
        >>> at = datetime(2026, 11, 5, 9, tzinfo=UTC)
        >>> held = Reservation(id="r1", contact="anna", at=at, campaign="launch", channel="email", status="reserved")
        >>> held.touch().status, held.counts
        ('reserved', True)
    """

    id: str
    contact: str
    at: datetime
    status: str
    account: str | None = None
    channel: str | None = None
    campaign: str | None = None
    content: str | None = None
    claim: str | None = None
    team: str | None = None
    goal: str | None = None
    topics: tuple[str, ...] = ()
    solutions: tuple[str, ...] = ()
    theme: str | None = None
    tags: tuple[str, ...] = ()
    campaign_ends: date | None = None
    counts_toward_caps: bool | None = None
    without: tuple[str, ...] = ()
    cost: float | None = None
    propensity: float | None = None
    weight: float | None = None
    numbers: Mapping[str, float] = field(factory=dict, hash=False)
    uses: Mapping[str, int] = field(factory=dict, hash=False)
    expires: datetime | None = None
    expires_by: str | None = None
    arm: str | None = None
    run_id: str | None = None
    decided_at: datetime | None = None
    message: str | None = None
    parts: Mapping[str, str] = field(factory=dict, hash=False)
    micros: int = field(init=False, repr=False, eq=False)

    @micros.default
    def _at_micros(self) -> int:
        return micros(self.at)

    @classmethod
    def of(
        cls,
        grant: Grant,
        message: Mapping[str, Any],
        *,
        id_: str,
        contact: str,
        account: str | None,
        run_id: str,
        at: datetime,
        arm: str | None = None,
    ) -> Reservation:
        """The reservation of a granted claim.

        Args:
            grant: the claim, granted.
            message: what the message is, its numbers, and until when it may go (`journeykit.ledger.facts`).
            id_: the `decision_id` of the granted row.
            contact: the contact's id.
            account: the contact's account, or None.
            run_id: the run or decision that grants it.
            at: the instant of the decision, UTC.
            arm: the arm of the contact, or None.
        """
        return cls(
            id=id_,
            contact=contact,
            account=account,
            at=grant.send_at,
            status=RESERVED,
            channel=grant.channel,
            campaign=grant.campaign,
            content=grant.content,
            claim=grant.claim,
            weight=grant.weight,
            run_id=run_id,
            decided_at=at,
            arm=arm,
            **message,
        )

    def check_held(self) -> None:
        """Refuse what not every ledger can hold; see `check_held`."""
        for what, text in (
            ("reservation id", self.id),
            ("contact id", self.contact),
            ("account id", self.account),
            ("channel", self.channel),
            ("campaign id", self.campaign),
            ("content id", self.content),
            ("team", self.team),
            ("goal", self.goal),
            ("theme", self.theme),
            ("run", self.run_id),
            ("arm", self.arm),
            ("claim id", self.claim),
        ):
            check_held(what, text)
        check_held("quota", *self.uses)
        for what, several in (("topic", self.topics), ("solution", self.solutions), ("tag", self.tags)):
            check_held(what, *several)

    @property
    def counts(self) -> bool:
        """Whether it counts against caps."""
        return self.status in COUNTING

    def touch(self) -> Touch:
        """The same as a touch of a contact's history."""
        return Touch(
            at=self.at,
            channel=self.channel,
            campaign=self.campaign,
            content=self.content,
            claim=self.claim,
            team=self.team,
            goal=self.goal,
            topics=self.topics,
            solutions=self.solutions,
            theme=self.theme,
            tags=self.tags,
            campaign_ends=self.campaign_ends,
            counts_toward_caps=self.counts_toward_caps,
            without=self.without,
            status=self.status,
            contact=self.contact,
            account=self.account,
        )

    def to_dict(self) -> dict[str, Any]:
        """The reservation as plain data; instants as ISO 8601."""
        found = {own.name: getattr(self, own.name) for own in fields(type(self)) if own.init}
        return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def used_after(touch: Reservation, to: str) -> dict[str, int]:
    """How what is used of quotas changes, by key, when a touch gets a new status."""
    if not touch.uses or (touch.status in COUNTING) == (to in COUNTING):
        return {}
    sign = 1 if to in COUNTING else -1
    return {key: sign * use for key, use in touch.uses.items()}


def added_up(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Uses of quotas together, by key, in the order of keys."""
    found: dict[str, int] = {}
    for uses in several:
        for key, use in uses.items():
            found[key] = found.get(key, 0) + use
    return dict(sorted(found.items()))


def held_already(which: str) -> LedgerError:
    """A reservation that is made a second time: what was decided then is not known any more."""
    return LedgerError(
        f"the ledger holds this reservation already ({which}), though no answer is kept: it was pruned, or forgotten. "
        f"Nothing of this transaction was kept; decide with another key or run"
    )


def refused(id_: str, was: str, to: str) -> LedgerError:
    """A reservation that may not become what was asked."""
    allowed = " or ".join(MOVES[was]) or "nothing more: that is its end"
    return LedgerError(f"reservation {id_!r} is {was} and cannot become {to}; allowed is {allowed}", kind="move")


def unknown(ids: Sequence[str]) -> LedgerError:
    """Ids of reservations that the ledger does not hold."""
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return LedgerError(
        f"the ledger holds no reservation {ids[0]!r}{more}; an id is the decision_id of a granted row", kind="unknown"
    )


def check_held(what: str, *texts: str | None) -> None:
    """Refuse a text that not every ledger can hold, before any is asked: so all give the same error.

    Raises:
        LedgerError: for one with the character NUL, or that is no Unicode text.

    Example:
        >>> check_held("contact id", "anna", None)
    """
    for text in texts:
        if text is None or (text.isascii() and "\0" not in text):
            continue
        fault = "it has the character NUL"
        if "\0" not in text:
            with suppress(UnicodeEncodeError):
                text.encode()
                continue
            fault = "it is no Unicode text"
        raise LedgerError(
            f"a ledger cannot hold the {what} {shown(text)}: {fault}; nothing of this transaction was kept. Allowed is "
            "Unicode text without NUL"
        )


def can_hold(contact: str) -> bool:
    """Whether every ledger can hold a contact's id; of others none knows anything."""
    try:
        check_held("contact id", contact)
    except LedgerError:
        return False
    return True


def message_of(contact: str, id_: str) -> str:
    """What a message is called where the id of its reservation is all that a send log tells of it."""
    return hashed([contact, "reservation", id_])


def hashed(parts: Sequence[str | None]) -> str:
    """What a send log calls a message, as a hash."""
    return sha256(json.dumps(list(parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def person_of(salt: str, contact: str) -> str:
    """The hash by which the ledger knows a contact once they are forgotten."""
    return sha256(f"{salt}\0{contact}".encode("utf-8", "surrogatepass")).hexdigest()


@frozen(kw_only=True)
class ReleaseCheck:
    """Whether a reservation may go out now.

    Attributes:
        reservation: as the ledger holds it at this moment.
        reasons: what forbids it, with the rule that says so; none where nothing does.
    """

    reservation: Reservation
    reasons: tuple[tuple[Reason, str], ...]

    @property
    def clear(self) -> bool:
        """Whether it may go: it is still reserved, and nothing forbids it."""
        return self.reservation.status == RESERVED and not self.reasons

    def __bool__(self) -> bool:
        return self.clear
