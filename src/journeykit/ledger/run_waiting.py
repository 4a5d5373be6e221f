"""What waits, in a run over tables: it competes where the run says so, and is kept up to date piece by piece.

What waited when the run began is what the run sees, however often it is begun again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import clock, first_and_last
from journeykit.ledger.saved_decisions import key_of_claim
from journeykit.ledger.waiting_claim import Waiting, WaitingChanges, WaitingClaim, has_deferred
from journeykit.model.bad_row import BadRow
from journeykit.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.transaction import Transaction, WaitingRow
    from journeykit.model.claim import Claim
    from journeykit.model.decision import Decision


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
        self._names = dict.fromkeys(_waiting_in(run))
        # What waits is read when its contacts come, and let go once they are decided.
        self._rows: dict[str, list[WaitingRow]] = {}
        self._brought: dict[str, Sequence[Claim]] = {}
        self._changes: list[WaitingRow] = []
        run.competes = competes

    def __contains__(self, contact: str) -> bool:
        """Whether anything of a contact waits."""
        return contact in self._names

    def contacts(self) -> Iterator[str]:
        """The contacts of whom anything waits that competes."""
        return iter(self._names if self.competes else ())

    def places(self, names: Sequence[str | None]) -> list[int]:
        """Where in a list those contacts are: what waits is in no table, and the row engine joins it to what is."""
        known = self._names if self.competes else ()
        found = [place for place, name in enumerate(names) if name in known] if known else []
        self.read(str(names[place]) for place in found)
        return found

    def read(self, names: Iterable[str]) -> None:
        """Read what waits of contacts, all at once."""
        wanted = [name for name in names if name in self._names and name not in self._rows]
        if not wanted:
            return
        found: dict[str, list[WaitingRow]] = {name: [] for name in wanted}
        with self.run.ledger.reading() as transaction:
            for row in transaction.waiting(wanted, self.run.mark.waiting):
                found[row.contact].append(row)
        self._rows.update(found)

    def of(self, contact: str) -> Waiting:
        """What waits of a contact."""
        self.read([contact])
        held = (WaitingClaim.of(row) for row in self._rows.get(contact, ()))
        return Waiting(contact, self.run.decider.ruleset.vocabulary, held)

    def claims(self, contact: str, brought: list[Claim]) -> list[Claim]:
        """The claims of a contact that are decided: what is brought and, where it competes, what waits."""
        self._brought[contact] = brought
        if not self.competes or contact not in self._names:
            return brought
        told, more = self.of(contact).joined(brought)
        return [*told, *more]

    def bad_row(self, decision: Decision, fault: str) -> BadRow | None:
        """What is wrong with a claim of a contact that waits, which no table has; None where another claim is at fault.

        Args:
            decision: what is decided of the contact.
            fault: the note of the claim's row, or how it begins.
        """
        if not self.competes or decision.contact not in self._names:
            return None
        bad = {row.campaign for row in decision.rows if row.reason is Reason.INVALID and row.note.startswith(fault)}
        waiting = self.of(decision.contact).ready(self._brought.get(decision.contact, ()))
        own = next((held.claim for held in waiting if held.claim.campaign in bad), None)
        if own is None:
            return None
        found = f"a claim of campaign {own.campaign!r} that waits, of contact {decision.contact!r}"
        return BadRow("ledger", 0, "", found, f"one that the playbook takes as it is now, and {fault}")

    def over(self, transaction: Transaction, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By contact, the keys of claims that waited when the run began, and that others have decided since."""
        mine = [name for name in names if name in self._names] if self.competes else []
        live = {row.key for row in transaction.waiting(mine)} if mine else set()
        found = {}
        for name in mine:
            gone = [own for own in self.of(name).ready(self._brought.get(name, ())) if own.key not in live]
            if gone:
                found[name] = tuple(key_of_claim(name, own.claim) for own in gone)
        return found

    def decided(self, contact: str, decision: Decision) -> None:
        """See what changes once a contact is decided by the row engine."""
        brought = self._brought.pop(contact, ())
        waiting = self.of(contact)
        self._rows.pop(contact, None)
        if not self.run.dry_run and (waiting.held or (brought and has_deferred(decision))):
            changes = self.changes(decision.timezone)
            self.add(changes.after(waiting, brought, decision.rows, competed=self.competes))

    def changes(self, zone: str) -> WaitingChanges:
        """What says what changes for contacts of a zone."""
        return WaitingChanges(self.run.decider.ruleset, clock(zone), self.at, self.last, self.run.mark.run_id)

    def add(self, changes: Iterable[WaitingRow]) -> None:
        """Take changes that are to be written."""
        for row in changes:
            self._changes.append(row)
            self.run.counts.began += row.claim is not None and row.since == self.at
            self.run.counts.ended += row.claim is None
        if len(self._changes) >= self.run.piece:
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


def _waiting_in(run: LedgerRun) -> Iterable[str]:
    """The contacts of a run of whom anything waited when it began."""
    if not run.mark.waiting:
        return ()
    with run.ledger.reading() as transaction:
        if run.contacts is None:
            return transaction.waiting_contacts(run.mark.waiting)
        return [row.contact for row in transaction.waiting(run.contacts, run.mark.waiting)]
