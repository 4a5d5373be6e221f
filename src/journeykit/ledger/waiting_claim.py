"""Claims that wait: those that were brought, lost, and may go later.

A claim is known by what it asks for: contact, campaign, content, channel, its own date and its own id. A claim that
asks for the same thing replaces the one that waits, and keeps the earlier of the two instants of asking. Its own date
stays part of it once that has passed: claims of which only the date differed take turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from journeykit.basics.clock import LAST, Clock, day_number, micros, moment
from journeykit.engine.duplicate_claims import precedence
from journeykit.engine.eligibility import expiry
from journeykit.engine.pauses import paused
from journeykit.ledger.saved_decisions import claim_in, claim_text, identity_of, key_of_claim, own_text
from journeykit.ledger.transaction import WaitingRow
from journeykit.model.campaign import Campaign
from journeykit.model.claim import Claim
from journeykit.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from journeykit.engine.ruleset import Ruleset
    from journeykit.model.decision import Decision
    from journeykit.model.outcome import Row
    from journeykit.playbook.vocabulary import Vocabulary

LEAVES = {Reason.GRANTED, Reason.INVALID, Reason.EXPIRED, Reason.CAMPAIGN_CLOSED, Reason.QUIET_HOURS}
LEAVES |= {Reason.CAPPED, Reason.CONFLICT, Reason.OUTBID}
"""What ends a claim that waits and is not deferred again: it goes, or nothing that time brings will let it go. The
other reasons, such as consent, audience or a quota that is full, may hold another day and not this one."""


@frozen(kw_only=True)
class WaitingClaim:
    """A claim that waits.

    Attributes:
        contact: the contact's id.
        claim: the claim, as it competes when it is decided again: with the instant at which it was asked for, and
            without a date of its own that has passed.
        since: the instant of the decision since which it waits, UTC.
        until: the last instant at which it may go, UTC; None where nothing ends it.
        run_id: the run that decided it.
        key: a hash of what it asks for.
    """

    contact: str
    claim: Claim
    since: datetime
    until: datetime | None
    run_id: str
    key: str

    @classmethod
    def of(cls, row: WaitingRow) -> WaitingClaim:
        """What a row of the ledger holds."""
        return cls(
            contact=row.contact,
            claim=claim_in(row.claim or ""),
            since=moment(row.since),
            until=None if row.until is None else moment(row.until),
            run_id=row.run_id,
            key=row.key,
        )

    def to_dict(self) -> dict[str, Any]:
        """The claim as plain data: what it has of its own; instants and dates as ISO 8601."""
        own = {name: _plain(value) for name, value in asdict(self.claim).items() if value not in (None, (), {})}
        until = None if self.until is None else self.until.isoformat()
        return {
            "contact": self.contact,
            "claim": own,
            "since": self.since.isoformat(),
            "until": until,
            "run_id": self.run_id,
            "key": self.key,
        }


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


class Waiting:
    """The claims of one contact that wait.

    Args:
        contact: the contact's id.
        vocabulary: the playbook's words.
        held: what waits.
    """

    def __init__(self, contact: str, vocabulary: Vocabulary, held: Iterable[WaitingClaim] = ()) -> None:
        self.contact = contact
        self.vocabulary = vocabulary
        self.held = list(held)
        self._found = {own.key: own for own in self.held}

    def same(self, claim: Claim) -> WaitingClaim | None:
        """The one that asks for the same as a claim."""
        return self._found.get(key_of_claim(self.contact, self.vocabulary.claim(claim))) if self._found else None

    def ready(self, brought: Iterable[Claim]) -> list[WaitingClaim]:
        """Those that compete beside claims that are brought.

        None that these replace. Of those that ask for the same now that their dates have passed one is decided, and
        what is brought comes first: the others wait for their turn.
        """
        if not self.held:
            return []
        sound = [self.vocabulary.claim(claim) for claim in brought if claim.fault() is None]
        replaced = {own.key for own in map(self.same, sound) if own is not None}
        taken = set(map(identity_of, sound))
        turn = set()
        for own in sorted(self.held, key=lambda own: (precedence(own.claim), own.since, own.key)):
            identity = identity_of(self.vocabulary.claim(own.claim))
            if own.key not in replaced and identity not in taken:
                taken.add(identity)
                turn.add(own.key)
        return [own for own in self.held if own.key in turn]

    def joined(self, brought: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
        """Claims that are brought, each with the earliest instant of asking; and those that wait besides."""
        if not self.held:
            return list(brought), []
        told: list[Claim] = []
        for claim in brought:
            known = None if claim.fault() else self.same(claim)
            told.append(claim if known is None else evolve(claim, asked_at=_earliest(claim, known.claim)))
        return told, [own.claim for own in self.ready(brought)]


def _earliest(*claims: Claim) -> datetime | None:
    return min((claim.asked_at for claim in claims if claim.asked_at is not None), key=micros, default=None)


class WaitingChanges:
    """What changes of what waits, once a contact is decided.

    Args:
        ruleset: the rules.
        clock: the contact's clock.
        at: the instant of the decision.
        last: the last instant of a plan, or the same.
        run_id: the run.
    """

    def __init__(self, ruleset: Ruleset, clock: Clock, at: int, last: int, run_id: str) -> None:
        self.ruleset = ruleset
        self.clock = clock
        self.at = at
        self.last = last
        self.run_id = run_id

    def after(
        self, waiting: Waiting, brought: Iterable[Claim], rows: Iterable[Row], *, competed: bool
    ) -> Iterator[WaitingRow]:
        """What is written down.

        Args:
            waiting: what waited before.
            brought: the claims that were brought.
            rows: what became of all claims.
            competed: whether those that wait were decided too.
        """
        of: dict[Any, list[Row]] = {}
        for row in rows:
            of.setdefault((row.campaign, row.claim, own_text(row.date)), []).append(row)
        brought = list(brought)
        for claim in self.sound(brought):
            known = waiting.same(claim)
            if self._is_deferred(_rows_of(claim, of)):
                yield from self.kept(waiting.contact, claim, known)
            elif known is not None:
                yield self.gone(known)
        for known in waiting.ready(brought) if competed else ():
            own = _rows_of(known.claim, of)
            if self._is_deferred(own):
                yield from self.kept(waiting.contact, known.claim, known)
            elif self._is_over(own):
                yield self.gone(known)

    def sound(self, claims: Iterable[Claim]) -> Iterator[Claim]:
        """The claims whose data are good, in the playbook's words; of those that ask for the same, the decided one."""
        found: dict[tuple[Any, ...], Claim] = {}
        for claim in sorted((own for own in claims if own.fault() is None), key=precedence):
            spelt = self.ruleset.vocabulary.claim(claim)
            found.setdefault(identity_of(spelt), spelt)
        return iter(found.values())

    def kept(self, contact: str, claim: Claim, known: WaitingClaim | None) -> Iterator[WaitingRow]:
        """What is written down of a claim that was deferred; nothing where it waits as it is already."""
        asked_at = _earliest(claim, *(() if known is None else (known.claim,))) or moment(self.at)
        found = evolve(claim, asked_at=asked_at, at=None if self._was_considered(claim.at) else claim.at)
        if known is not None and known.claim == found:
            return
        yield WaitingRow(
            key=key_of_claim(contact, claim) if known is None else known.key,
            contact=contact,
            claim=claim_text(found),
            since=self.at if known is None else micros(known.since),
            until=self._until(found),
            at=self.at,
            run_id=self.run_id,
        )

    def gone(self, known: WaitingClaim) -> WaitingRow:
        """What is written down of a claim that does not wait any more."""
        return WaitingRow(
            key=known.key,
            contact=known.contact,
            claim=None,
            since=micros(known.since),
            until=None,
            at=self.at,
            run_id=self.run_id,
        )

    def _was_considered(self, own: datetime | date | None) -> bool:
        """Whether a claim's own date or instant has passed: what waits on goes on any day."""
        if own is None:
            return False
        return micros(own) <= self.last if isinstance(own, datetime) else day_number(own) <= self.clock.day(self.last)

    def _until(self, claim: Claim) -> int | None:
        campaign = self._campaign(claim.campaign)
        found = expiry(claim, campaign, self.clock)
        ends = LAST if campaign.ends is None else self.clock.day_start(day_number(campaign.ends) + 1) - 1
        until = min(ends, LAST if found is None else found[0])
        return None if until >= LAST else until

    def _campaign(self, name: str) -> Campaign:
        return self.ruleset.campaigns.get(name) or paused(Campaign(id=name), self.ruleset.pauses)

    def _is_deferred(self, rows: Sequence[Row]) -> bool:
        """Whether a claim is deferred: one of its contents is, and none goes; of a series, one of its steps is."""
        outcomes = {row.outcome for row in rows}
        return Outcome.DEFERRED in outcomes and (Outcome.GRANTED not in outcomes or self._is_series(rows))

    def _is_over(self, rows: Sequence[Row]) -> bool:
        """Whether a claim that is not deferred ends: one of its contents does; of a series, each of its steps does."""
        if not rows or not self._is_series(rows):
            return not rows or any(self._leaves(row) for row in rows)
        # A step whose turn has not come ends as those before it do.
        turns = [row for row in rows if row.reason is not Reason.REQUIRES]
        return bool(turns) and all(self._leaves(row) for row in turns)

    def _is_series(self, rows: Sequence[Row]) -> bool:
        return bool(rows) and self._campaign(rows[0].campaign).series is not None

    def _leaves(self, row: Row) -> bool:
        """Whether a denial ends a claim that waits: it is over, or its campaign drops what loses."""
        if row.reason is Reason.CAMPAIGN_CLOSED and self._campaign(row.campaign).paused:
            return False
        return row.reason in LEAVES or self._campaign(row.campaign).if_lost == "drop"


def _rows_of(claim: Claim, of: Mapping[Any, Sequence[Row]]) -> list[Row]:
    """The rows of a claim: one for each content that it leaves open."""
    found = of.get((claim.campaign, claim.id, own_text(claim.at)), ())
    return [row for row in found if claim.content in (None, row.content) and claim.channel in (None, row.channel)]


def has_deferred(decision: Decision) -> bool:
    """Whether any claim of a contact is deferred."""
    return any(row.outcome is Outcome.DEFERRED for row in decision.rows)
