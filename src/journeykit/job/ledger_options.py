"""What a ledger asks of a run before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.errors import ModelError

if TYPE_CHECKING:
    from journeykit.engine.decider import Decider
    from journeykit.ledger import BaseLedger


def paused_by_ledger(decider: Decider, ledger: BaseLedger | None, *, writes: bool) -> Decider:
    """The decider, by which those campaigns are paused too that the ledger pauses."""
    if ledger is None:
        return decider
    from journeykit.ledger.guard_keeping import paused_now

    with ledger.reading() as transaction:
        found = paused_now(decider, transaction)
    if writes and decider.guards is not None:
        ledger.keep_guards(decider.guards)
    return found


def check_ledger_options(ledger: BaseLedger | None, *, dry_run: bool, keep_decisions: bool, waiting: bool) -> None:
    """Refuse options of a ledger without one, and those that do not go together."""
    for name, asked in (("dry_run", dry_run), ("keep_decisions", keep_decisions), ("waiting", waiting)):
        if asked and ledger is None:
            raise ModelError(f"{name} is about a ledger: give ledger too", field=name)
    if dry_run and keep_decisions:
        raise ModelError("a rehearsal (dry_run) keeps nothing: leave out keep_decisions", field="keep_decisions")
