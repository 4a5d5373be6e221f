"""What waits, in a run over tables: it competes where the run says so, and is kept up to date piece by piece.

What waited when the run began is what the run sees, however often it is begun again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import clock, first_and_last
from journeykit.ledger.waiting_claim import Waiting, WaitingChanges, WaitingClaim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.transaction import WaitingRow
    from journeykit.model.claim import Claim
    from journeykit.model.decision import Decision

_PIECE = 500
"""So many changes are written in one transaction."""


class RunWaiting:
    """The claims that wait, of a run whose claims are brought.

    Args:
        run: the run, in the ledger.
        competes: whether what waits competes in this run.
    """

    def __init__(self, run: LedgerRun, *, competes: bool) -> None:
        self.run = run
        self.competes = competes
        self.at, self.last = first_and_last(run.at, run.until)
        self._rows: dict[str, list[WaitingRow]] = {}
        with run.ledger.reading() as transaction:
            for row in transaction.waiting(until=run.mark.waiting):
                self._rows.setdefault(row.contact, []).append(row)
        self._brought: dict[str, Sequence[Claim]] = {}
        self._changes: list[WaitingRow] = []
        self._began = self._ended = 0

    def __contains__(self, contact: str) -> bool:
        """Whether anything of a contact waits."""
        return contact in self._rows

    def contacts(self) -> Iterator[str]:
        """The contacts of whom anything waits that competes."""
        return iter(self._rows if self.competes else ())

    def places(self, names: Sequence[str | None]) -> list[int]:
        """Where in a list those contacts are: what waits is in no table, and the row engine joins it to what is."""
        known = self._rows if self.competes else ()
        return [place for place, name in enumerate(names) if name in known] if known else []

    def of(self, contact: str) -> Waiting:
        """What waits of a contact."""
        return Waiting(contact, (WaitingClaim.of(row) for row in self._rows.get(contact, ())))

    def claims(self, contact: str, brought: list[Claim]) -> list[Claim]:
        """The claims of a contact that are decided: what is brought and, where it competes, what waits."""
        self._brought[contact] = brought
        if not self.competes or contact not in self._rows:
            return brought
        told, more = self.of(contact).joined(brought)
        return [*told, *more]

    def decided(self, contact: str, decision: Decision) -> None:
        """See what changes once a contact is decided by the row engine."""
        brought = self._brought.pop(contact, ())
        waiting = self.of(contact)
        if not self.run.dry_run and (waiting.held or len(decision.granted) < len(brought)):
            changes = self.changes(decision.timezone)
            self.add(changes.after(waiting, brought, decision.rows, competed=self.competes))

    def changes(self, zone: str) -> WaitingChanges:
        """What says what changes for contacts of a zone."""
        return WaitingChanges(self.run.decider.ruleset, clock(zone), self.at, self.last, self.run.mark.run_id)

    def add(self, changes: Iterable[WaitingRow]) -> None:
        """Take changes that are to be written."""
        for row in changes:
            self._changes.append(row)
            self._began += row.claim is not None and row.since == self.at
            self._ended += row.claim is None
        if len(self._changes) >= _PIECE:
            self.flush()

    def flush(self) -> None:
        """Write the changes that were taken."""
        changes, self._changes = self._changes, []
        if changes:
            with self.run.ledger.transaction(sorted({row.contact for row in changes})) as transaction:
                # Begun again, a run has written some of them before.
                known = set(transaction.waiting(sorted({row.contact for row in changes})))
                held = {row.key for row in known}
                transaction.change_waiting(
                    row for row in changes if (row.key in held if row.claim is None else row not in known)
                )

    def notes(self) -> Iterator[str]:
        """What a person should know."""
        if self._began or self._ended:
            yield (
                f"ledger: {self._began:,} claims that were deferred wait from now on, and {self._ended:,} do not wait "
                "any more; --waiting (waiting=True) lets those that wait compete"
            )
