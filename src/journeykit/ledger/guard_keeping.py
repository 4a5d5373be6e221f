"""The guards that a ledger keeps: what they pause, until a person lifts that."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from journeykit.basics.clock import micros, moment
from journeykit.basics.validation import check_text
from journeykit.errors import DataError, LedgerError, closest
from journeykit.ledger.transaction import GuardRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from journeykit.engine.decider import Decider
    from journeykit.ledger.transaction import RunMark, Transaction
    from journeykit.model.tripped_guards import GuardTrip, TrippedGuards


@frozen(kw_only=True)
class KeptGuard:
    """A guard that tripped for a campaign, as a ledger keeps it.

    Attributes:
        guard: its name.
        campaign: the campaign's id.
        paused: whether it pauses the campaign; it does until a person lifts it.
        until: the instant at which the observation ended by which it tripped.
        messages: how many messages of the campaign were in its window then.
        answered: how many of them had a response.
        lifted_at: when a person last lifted it; None for never.
    """

    guard: str
    campaign: str
    paused: bool
    until: datetime
    messages: int
    answered: int
    lifted_at: datetime | None = field(default=None)

    @classmethod
    def of(cls, row: GuardRow) -> KeptGuard:
        """The same as users read it."""
        return cls(
            guard=row.guard,
            campaign=row.campaign,
            paused=row.paused,
            until=moment(row.until),
            messages=row.messages,
            answered=row.answered,
            lifted_at=None if row.lifted is None else moment(row.lifted),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("guard", "campaign", "paused", "messages", "answered")
        instants = {"until": self.until, "lifted_at": self.lifted_at}
        own = {name: getattr(self, name) for name in names}
        return own | {name: None if at is None else at.isoformat() for name, at in instants.items()}

    def __str__(self) -> str:
        found = f"{self.answered:,} of {self.messages:,} messages had a response by {self.until.isoformat()}"
        state = "pauses" if self.paused else "does not pause"
        lifted = "" if self.lifted_at is None else f"; last lifted at {self.lifted_at.isoformat()}"
        return f"{self.guard!r} {state} {self.campaign!r}: {found}{lifted}"


class GuardsIn:
    """The part of a ledger that is about guards."""

    def transaction(self, *args: Any, **how: Any) -> AbstractContextManager[Transaction]:
        """One transaction; see `BaseLedger`."""
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads; see `BaseLedger`."""
        raise NotImplementedError

    def guards(self) -> list[KeptGuard]:
        """The guards that tripped, with what they pause, by name and campaign; those that were lifted are there too."""
        with self.reading() as transaction:
            return [KeptGuard.of(row) for row in transaction.guards()]

    def guard_lifts(self) -> dict[tuple[str, str], datetime]:
        """By guard and campaign, when a person last lifted it: `measure` counts later responses (``lifts=``)."""
        with self.reading() as transaction:
            return {row.key: moment(row.lifted) for row in transaction.guards() if row.lifted is not None}

    def keep_guards(self, tripped: TrippedGuards) -> list[KeptGuard]:
        """Pause the campaigns for which guards tripped, from now on, until a person lifts that.

        Decisions and runs with this ledger, and `release_check`, ask it. Those that are given tripped guards
        (``Arbiter(..., guards=)``, ``decide --guards``) keep them here too.

        Args:
            tripped: the guards. What a person has lifted since their responses is not paused by them again.

        Returns:
            What is paused by it that was not.
        """
        with self.reading() as transaction:
            if not newly_paused(transaction.guards(), tripped):
                return []
        with self.transaction(exclusive=True) as transaction:
            found = newly_paused(transaction.guards(), tripped)
            transaction.keep_guards(found)
        return [KeptGuard.of(row) for row in found]

    def lift_guard(self, guard: str, campaign: str | None = None, *, at: datetime | None = None) -> list[KeptGuard]:
        """Lift a guard: a person has looked at it, and the campaign goes on.

        It does not trip again by the same responses: only later ones count.

        Args:
            guard: its name.
            campaign: the campaign's id; None for all that it pauses.
            at: the instant after which responses count again, aware; None is now.

        Returns:
            What was lifted.

        Raises:
            LedgerError: where it pauses nothing, or not this campaign.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import GuardTrip, TrippedGuards
            >>> from journeykit.ledger import MemoryLedger
            >>> ledger, at = MemoryLedger(), datetime(2026, 11, 5, tzinfo=UTC)
            >>> own = {"messages": 900, "answered": 4, "responses": 4, "third_last_at": at}
            >>> trip = GuardTrip(guard="complaints", campaign="launch", **own)
            >>> paused = ledger.keep_guards(TrippedGuards(playbook="f", until=at, trips=[trip]))
            >>> [own.paused for own in ledger.lift_guard("complaints")], [own.paused for own in ledger.guards()]
            ([False], [False])
        """
        check_text(guard, "guard")
        when = micros(datetime.now(UTC) if at is None else at)
        with self.transaction(exclusive=True) as transaction:
            kept = transaction.guards()
            paused = [row for row in kept if row.paused and row.guard == guard and campaign in (None, row.campaign)]
            if not paused:
                raise _nothing_paused(guard, campaign, kept)
            found = [evolve(row, paused=False, lifted=when) for row in paused]
            transaction.keep_guards(found)
        return [KeptGuard.of(row) for row in found]


def _nothing_paused(guard: str, campaign: str | None, kept: Iterable[GuardRow]) -> LedgerError:
    rows = [row for row in kept if row.paused]
    names = sorted({row.guard for row in rows})
    meant = closest(guard, names)
    hint = f"; did you mean {meant!r}?" if meant and meant != guard else ""
    where = "nothing" if campaign is None else f"no campaign {campaign!r}"
    some = ", ".join(f"{row.guard!r} {row.campaign!r}" for row in rows[:8]) or "none"
    return LedgerError(f"the guard {guard!r} pauses {where} in the ledger; paused are: {some}{hint}", kind="unknown")


def newly_paused(kept: Sequence[GuardRow], tripped: TrippedGuards) -> list[GuardRow]:
    """The trips that pause what is not paused: those that are new, and those with three responses since the lift."""
    known = {row.key: row for row in kept}
    found = []
    for trip in tripped.trips:
        row = known.get(trip.key)
        if row is None or (not row.paused and row.lifted is not None and micros(trip.third_last_at) > row.lifted):
            found.append(_row_of(trip, tripped, None if row is None else row.lifted))
    return found


def _row_of(trip: GuardTrip, tripped: TrippedGuards, lifted: int | None) -> GuardRow:
    return GuardRow(
        guard=trip.guard,
        campaign=trip.campaign,
        paused=True,
        until=micros(tripped.until),
        messages=trip.messages,
        answered=trip.answered,
        lifted=lifted,
    )


def paused_now(decider: Decider, transaction: Transaction, *, writes: bool = False) -> Decider:
    """A decider by which the campaigns are paused that the ledger pauses, and those of its own tripped guards.

    Args:
        decider: the decider.
        transaction: reads the ledger.
        writes: whether what its own guards pause is kept in the ledger.
    """
    kept = transaction.guards()
    new = [] if decider.guards is None else newly_paused(kept, decider.guards)
    if new and writes:
        transaction.keep_guards(new)
    keys = dict.fromkeys(row.key for row in (*kept, *new) if row.paused)
    return decider.with_pauses(decider.pauses_by(keys)) if keys or decider.ruleset.pauses else decider


def rules_mark(decider: Decider) -> str:
    """What a run over tables is begun with: the playbook, and what guards pause, if anything."""
    pauses = decider.ruleset.pauses
    if not pauses:
        return decider.fingerprint
    return f"{decider.fingerprint} paused {sha256(json.dumps(sorted(pauses.items())).encode()).hexdigest()[:16]}"


def check_begun(mark: RunMark, wanted: RunMark) -> None:
    """Refuse to go on with a run by other rules, or for another time, than it was begun with.

    Raises:
        DataError: saying what is another.
    """
    for name in ("playbook", "at", "until"):
        was, now = getattr(mark, name), getattr(wanted, name)
        if was == now:
            continue
        if name == "playbook" and was.partition(" ")[0] == now.partition(" ")[0]:
            raise DataError(
                f"the run {mark.run_id!r} was begun while guards paused other campaigns, and would not end as it was "
                f"begun; give another run",
                source="ledger",
            )
        raise DataError(
            f"the run {mark.run_id!r} was begun with another {name}; give the same, or another run", source="ledger"
        )
