"""A run over tables that was begun in a ledger, as those get it who decide a part of its contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from journeykit.ledger.transaction import RunMark

if TYPE_CHECKING:
    from journeykit.ledger.base import BaseLedger  # noqa: TC004  (loaded where it is needed)

PIECE = 500
"""So many contacts are reserved for in one transaction: PostgreSQL has room for some thousand locks, of all jobs."""
_LOCKS, _LEAST = 4_000, 20
"""So many contacts are held by all parts of a run that are decided at once; and by each of them, at least."""


@frozen(kw_only=True)
class BegunRun:
    """A run that was begun in a ledger, for jobs each of which decides a part of its contacts.

    Give it to a job as the option ``ledger``. The job reads what the ledger knew of its own contacts when the run
    began, and reserves under the run's name. Parts may be decided at once, in other processes and on other machines,
    and any of them again: what a part has reserved is found, as that of a run that goes on.

    It can be pickled where the ledger can.

    Attributes:
        ledger: where the run was begun.
        mark: what it decides, and up to where it looks back.
        pauses: by id of a campaign that guards paused when it began, the guard.
        piece: for how many contacts each part reserves in one transaction.
    """

    ledger: BaseLedger
    mark: RunMark
    pauses: Mapping[str, str] = field(factory=dict, hash=False)
    piece: int = PIECE


def piece_for(parts: int) -> int:
    """For how many contacts each part reserves in one transaction, where so many parts are decided at once.

    Each contact is a lock, and PostgreSQL has room for some thousand of all jobs (``max_locks_per_transaction``).
    """
    return max(_LEAST, min(PIECE, _LOCKS // max(1, parts)))
