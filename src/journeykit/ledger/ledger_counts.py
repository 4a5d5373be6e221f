"""What became of the contacts of a run in a ledger, counted; and what a person should know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from journeykit.model.quota import hard_maxima

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.ledger.fallen import Fallen
    from journeykit.playbook.playbook import Playbook


@define(kw_only=True)
class LedgerCounts:
    """What became of the contacts of a run, or of a part of them, in a ledger.

    All of it is sums, so parts of a run add up to the whole, in any order.

    Attributes:
        reserved: contacts for whom it was asked to reserve.
        held: contacts of whom messages are reserved by the run.
        again: contacts that were decided again.
        full: how many of them since others had used up a quota.
        fell: messages that were chosen, and fell away.
        gone: messages that were reserved, and are not any more.
        fallen: what `fell` uses of the quotas; None without quotas.
        began: claims that wait from now on.
        ended: claims that do not wait any more.
    """

    reserved: int = 0
    held: int = 0
    again: int = 0
    full: int = 0
    fell: int = 0
    gone: int = 0
    fallen: Fallen | None = None
    began: int = 0
    ended: int = 0

    def merge(self, other: LedgerCounts) -> None:
        """Count what another part of the same run has counted; it is not changed."""
        for name in ("reserved", "held", "again", "full", "fell", "gone", "began", "ended"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.fallen is not None:
            self.fallen = other.fallen if self.fallen is None else self.fallen.plus(other.fallen)

    def notes(self, playbook: Playbook, run_id: str, *, dry_run: bool, late: int, unmet: int) -> Iterator[str]:
        """What a person should know of contacts who were decided again, and of messages that stay or went.

        Args:
            playbook: the playbook.
            run_id: the run.
            dry_run: whether it was a rehearsal.
            late: contacts with messages reserved by the run that an opt-out forbids since it began.
            unmet: contacts for whom the run has reserved before, and who are not in its tables now.
        """
        if dry_run:
            yield "ledger: this was a rehearsal: nothing was reserved, and the ledger does not know of it"
        names = hard_maxima(quota for quota in playbook.quotas if quota.window is None)
        if names:
            yield (
                f"ledger: quotas hold within this run: {names} do not count what other runs and single decisions have "
                f"reserved"
            )
        if self.again:
            yield (
                f"ledger: {self.again:,} contacts were decided again, since others had reserved for them"
                f"{', or had used up a quota' * bool(self.full)}, or they had opted out, after the run began"
            )
        if late:
            yield (
                f"ledger: messages of {late:,} contact{'s' * (late != 1)} stay reserved by this run although an "
                f"opt-out since the run began forbids them: a run keeps what it has granted; ask release_check at the "
                f"moment of sending, which stops them, and free them with `journeykit ledger release`"
            )
        if self.fell:
            yield (
                f"ledger: of what the run had chosen so that its quotas hold, {self.fell:,} messages fell away when "
                f"contacts were decided again, and nobody got others in their place: no maximum of messages or cost "
                f"is exceeded by that, but a minimum or a share may be missed, a hard one too; each quota tells what "
                f"is reserved beside what was chosen"
            )
        if self.gone:
            yield (
                f"ledger: {self.gone:,} of the messages that this run has granted are not reserved any more, since "
                f"they were released or have expired: others may have their room by now"
            )
        if unmet:
            yield (
                f"ledger: the run {run_id!r} has reserved for {unmet:,} contacts who are not in "
                f"these tables: their messages stay reserved, and are not in this output"
            )


def waiting_notes(counts: LedgerCounts, *, competes: bool) -> Iterator[str]:
    """What a person should know of claims that wait.

    Args:
        counts: what was counted.
        competes: whether what waits competed in the run.
    """
    if counts.began or counts.ended:
        lets = "" if competes else "; --waiting (waiting=True) lets those that wait compete"
        yield (
            f"ledger: {counts.began:,} claims that were deferred wait from now on, and {counts.ended:,} do not wait "
            f"any more{lets}"
        )
