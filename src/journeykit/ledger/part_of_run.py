"""A part of a run over tables in a ledger: some of its contacts, decided by a job of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.errors import ModelError
from journeykit.ledger.consent_word import standing
from journeykit.ledger.ledger_run import LedgerRun
from journeykit.ledger.reservation import can_hold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.engine.decider import Decider
    from journeykit.ledger.begun_run import BegunRun
    from journeykit.ledger.consent_word import ConsentWord
    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.transaction import RunMark
    from journeykit.model.mismatch import Mismatches


class PartOfRun(LedgerRun):
    """Some contacts of a run that was begun elsewhere.

    It reads of the ledger what is about these contacts, and waits for nobody but those who decide the same ones. What
    concerns the run as a whole it leaves to `LedgerRun`, to which its `counts` are added.

    Args:
        begun: the run.
        decider: decides, with the pauses of the run.
        contacts: the ids of the contacts, in any order.
        how: as for `LedgerRun`: ``run_id``, ``at``, ``until``, ``explain``, ``dry_run``, ``keep``.

    Raises:
        DataError: for another playbook, ``at`` or ``until`` than the run was begun with.
        ModelError: for another name than that of the run.
        LedgerError: where the ledger cannot be used.
    """

    def __init__(self, begun: BegunRun, decider: Decider, contacts: Iterable[str], **how: Any) -> None:
        self._own = [name for name in dict.fromkeys(contacts) if can_hold(name)]
        self.contacts = self._own
        self._begun = begun
        super().__init__(begun.ledger, decider, **how)
        self.piece = begun.piece

    def _begin(self, wanted: RunMark) -> tuple[RunMark, list[ConsentWord]]:
        """Go on with the run; the words of consent of these contacts that held when it began."""
        mark = self._begun.mark
        if wanted.run_id != mark.run_id:
            raise ModelError(f"the run that was begun is {mark.run_id!r}, not {wanted.run_id!r}", field="run_id")
        # Another one may have worked on these contacts before, or does now.
        self.goes_on = True
        if not mark.opt_outs:
            return mark, []
        persons = [self.ledger.person(name) for name in self._own]
        with self.ledger.reading() as transaction:
            return mark, standing(transaction.said(persons, mark.opt_outs))

    def history(self, contacts: Sequence[str] | None = None) -> Iterator[Reservation]:
        """The touches that counted, of all or some of these contacts."""
        if self.mark.touches:
            yield from super().history(self._own if contacts is None else contacts)

    def tell(self, found: Mismatches) -> None:
        """Nothing: that is for the run as a whole."""

    def notes(self) -> Iterator[str]:
        """Nothing: `LedgerRun` tells of all parts together."""
        return iter(())
