"""What a ledger asks of a run before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.errors import ModelError
from journeykit.ledger.begun_run import BegunRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from journeykit.engine.decider import Decider
    from journeykit.ledger import BaseLedger
    from journeykit.ledger.ledger_run import LedgerRun


def paused_by_ledger(decider: Decider, ledger: BaseLedger | BegunRun | None, *, writes: bool) -> Decider:
    """The decider, by which those campaigns are paused too that the ledger pauses."""
    if ledger is None:
        return decider
    if isinstance(ledger, BegunRun):
        return decider.with_pauses(ledger.pauses)
    from journeykit.ledger.guard_keeping import paused_now

    with ledger.reading() as transaction:
        found = paused_now(decider, transaction)
    if writes and decider.guards is not None:
        ledger.keep_guards(decider.guards)
    return found


def check_ledger_options(
    ledger: BaseLedger | BegunRun | None, *, dry_run: bool, keep_decisions: bool, waiting: bool
) -> None:
    """Refuse options of a ledger without one, and those that do not go together."""
    for name, asked in (("dry_run", dry_run), ("keep_decisions", keep_decisions), ("waiting", waiting)):
        if asked and ledger is None:
            raise ModelError(f"{name} is about a ledger: give ledger too", field=name)
    if dry_run and keep_decisions:
        raise ModelError("a rehearsal (dry_run) keeps nothing: leave out keep_decisions", field="keep_decisions")


def ledger_run_of(
    ledger: BaseLedger | BegunRun, decider: Decider, contacts: Callable[[], Iterable[str]], how: Mapping[str, Any]
) -> LedgerRun:
    """A run in a ledger, or the part of one that was begun.

    Args:
        ledger: where, or what was begun there.
        decider: decides.
        contacts: gives the ids of the contacts, of a part.
        how: as for `LedgerRun`.
    """
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.part_of_run import PartOfRun

    if isinstance(ledger, BegunRun):
        return PartOfRun(ledger, decider, contacts(), **how)
    return LedgerRun(ledger, decider, **how)
