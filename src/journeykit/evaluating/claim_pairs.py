"""The claims of a log beside those of other decisions on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.errors import DataError

if TYPE_CHECKING:
    from journeykit.evaluating.claim_log import ClaimLog

OTHER_RUNS, NO_LOG_RUN = "claims of runs that only the log has", "claims of runs that the log does not have"
OTHER_CONTACTS = "claims of contacts that only one of both tables has in the run"
UNKNOWN, TWICE = "claims of contacts of whom a granted one has no chance", "claims that a table has more than once"
"""Why claims that the log sent, or that the decisions would send, are left out."""


@frozen(eq=False, kw_only=True)
class ClaimPairs:
    """Claims that the log has granted, or the other decisions do or could, each once.

    Attributes:
        contact: by claim, the number of its contact.
        at: when it was decided, in microseconds since 1970.
        kind: what it is, by its number in `ClaimKinds`.
        is_sent: whether the log granted it.
        chance: with which chance; 0 where the log could not have.
        wanted: with which chance the other decisions grant it: 0 or 1 where no chance had a part in them.
        row: the claim's place in the log; -1 where it is not there.
        runs: the instants of the runs that both tables have, ascending.
        left_out: by reason, how many such claims of both tables are left out.
    """

    contact: NDArray[np.int64]
    at: NDArray[np.int64]
    kind: NDArray[np.int64]
    is_sent: NDArray[np.bool_]
    chance: NDArray[np.float64]
    wanted: NDArray[np.float64]
    row: NDArray[np.int64]
    runs: NDArray[np.int64]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.contact)

    @classmethod
    def of(cls, log: ClaimLog, others: ClaimLog, keys: NDArray[np.int64]) -> ClaimPairs:
        """Join the claims of both tables by run, contact, campaign, content, channel and claim id.

        Args:
            log: the log.
            others: the other decisions.
            keys: by number of a kind, that of its campaign, content and channel.

        Raises:
            DataError: where the tables have no run in common.
        """
        return _Joining(log, others, keys).pairs()


class _Joining:
    def __init__(self, log: ClaimLog, others: ClaimLog, keys: NDArray[np.int64]) -> None:
        self._log, self._others, self._keys = log, others, keys
        self._left_out: dict[str, int] = {}
        self._runs = np.zeros(0, np.int64)
        self._kept = [np.ones(len(own), np.bool_) for own in (log, others)]

    def pairs(self) -> ClaimPairs:
        self._drop_runs()
        self._drop_contacts()
        self._drop_unknown()
        log, others = self._log, self._others
        row, other = (np.flatnonzero(kept) for kept in self._kept)
        size = len(row)

        def joined(name: str) -> NDArray[Any]:
            return np.concatenate([getattr(log, name)[row], getattr(others, name)[other]])

        columns = {name: joined(name) for name in ("contact", "at", "kind", "claim", "is_sent", "chance")}
        if "claim_id" not in log.columns & others.columns:
            columns["claim"][:] = 0
        own, its = self._partners(columns, size)
        is_log = own < size
        chance = columns["chance"]
        wanted = np.where(np.isnan(chance), columns["is_sent"], chance)
        return ClaimPairs(
            contact=columns["contact"][own],
            at=columns["at"][own],
            kind=columns["kind"][own],
            is_sent=is_log & columns["is_sent"][own],
            chance=np.where(is_log, np.nan_to_num(chance)[own], 0.0),
            wanted=np.where(its < 0, 0.0, wanted[its]),
            row=np.where(is_log, np.append(row, -1)[np.minimum(own, size)], -1),
            runs=self._runs,
            left_out=self._left_out,
        )

    def _drop(self, side: int, gone: NDArray[np.bool_], why: str) -> None:
        count = int(np.count_nonzero(gone & self._kept[side]))
        self._kept[side] &= ~gone
        if count:
            self._left_out[why] = self._left_out.get(why, 0) + count

    def _drop_runs(self) -> None:
        """Runs that are not in both tables say nothing of each other."""
        self._runs = np.intersect1d(self._log.runs, self._others.runs)
        if len(self._log.runs) and len(self._others.runs) and not len(self._runs):
            raise DataError(
                "no claim was decided at an instant of the log's: decide on the log's inputs, at the instants of its "
                "runs",
                source=self._others.source,
                field="decided_at",
            )
        self._drop(0, ~np.isin(self._log.at, self._runs), OTHER_RUNS)
        self._drop(1, ~np.isin(self._others.at, self._runs), NO_LOG_RUN)

    def _drop_contacts(self) -> None:
        """Contacts of whom only one table has a row in a run.

        One without denied rows may be silent of whom it sends nothing.
        """
        for side, (own, other) in enumerate(((self._log, self._others), (self._others, self._log))):
            if other.has_denied:
                met = self._in_run(*other.met)
                self._drop(side, ~np.isin(self._in_run(own.contact, own.at), met), OTHER_CONTACTS)

    def _drop_unknown(self) -> None:
        """Where a granted claim has no chance, nothing is known of how the contact's others were chosen."""
        log, others = self._log, self._others
        lacking = log.is_sent & np.isnan(log.chance)
        if not lacking.any():
            return
        unknown = self._in_run(log.contact[lacking], log.at[lacking])
        for side, own in enumerate((log, others)):
            self._drop(side, np.isin(self._in_run(own.contact, own.at), unknown), UNKNOWN)

    def _in_run(self, contact: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each contact in a run of either table."""
        runs = np.union1d(self._log.runs, self._others.runs)
        found: NDArray[np.int64] = contact * max(1, len(runs)) + np.searchsorted(runs, at)
        return found

    def _partners(self, columns: Mapping[str, NDArray[Any]], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """By claim its place, in the log where it is there, and its place in the other decisions; -1 for none.

        The log's claims are the first ones, so many.
        """
        told = [columns["claim"], self._keys[columns["kind"]], columns["at"], columns["contact"]]
        count = len(columns["kind"])
        side = np.arange(count) >= size
        order = np.lexsort([side, *told])
        is_new = np.ones(count, np.bool_)
        is_new[1:] = np.logical_or.reduce([own[order[1:]] != own[order[:-1]] for own in told])
        start, group = np.flatnonzero(is_new), np.cumsum(is_new) - 1
        of_others = np.bincount(group[side[order]], minlength=len(start))
        of_log = np.diff(np.append(start, count)) - of_others
        once = (of_log <= 1) & (of_others <= 1)
        if not once.all():
            self._left_out[TWICE] = int((of_log + of_others)[~once].sum())
        last = order[start[once] + (of_log + of_others)[once] - 1]
        return order[start[once]], np.where(of_others[once] > 0, last, -1)
