"""Whole runs, one for each shift: where contacts depend on each other, all of them are decided again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.comparing.rule_number import RESERVE, SERIES
from journeykit.comparing.shift_reach import millionths
from journeykit.comparing.shift_sums import ShiftSum
from journeykit.errors import InfeasibleError
from journeykit.kernels import has_kernels
from journeykit.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from journeykit.comparing.rule_number import RuleNumber
    from journeykit.comparing.shift_job import Shift
    from journeykit.engine.decider import Decider
    from journeykit.job.run import Run
    from journeykit.job.summary import Summary

_ALL = ("decision_id", "contact_id", "campaign_id", "outcome", "reason", "weight", "binding")
_GRANTED = ("decision_id", "contact_id", "weight")


class WholeRun(NamedTuple):
    """What one run granted.

    Attributes:
        granted: the decision ids of what is granted, their contacts, and weights in millionths.
        weight: the sum of these.
        summary: the summary of the run.
    """

    granted: pa.Table
    weight: int
    summary: Summary


class ShiftRuns:
    """Decides all contacts by the playbook as it is, then once by each shift.

    Args:
        numbers: the numbers that are asked for.
        tables: contacts, touches, scores, claims and events, or None; each can be read more than once.
        options: as for `journeykit.job.TableJob`.
        announce: is called, before each run, with its number and how many there are.

    Attributes:
        binds: by number, how many contacts the rule stops in something.
        sums: by shift, what it changes; None where no decision keeps all hard quotas.
        gaps: by shift, from what to what the best value less penalties differs, as far as it is proven; None where
            there are no quotas.
    """

    def __init__(
        self,
        numbers: Sequence[RuleNumber],
        tables: Sequence[Any],
        options: dict[str, Any],
        announce: Callable[[int, int], object] | None = None,
    ) -> None:
        self._numbers, self._tables, self._options = numbers, tables, options
        self._announce = announce or (lambda *_: None)
        self.binds = [0] * len(numbers)
        self.sums: list[ShiftSum | None] = []
        self.gaps: list[tuple[float, float] | None] = []

    def run(self, decider: Decider, shifts: Sequence[Shift]) -> Summary:
        """Decide; the summary of the run by the playbook as it is."""
        runs = len(shifts) + 1
        self._announce(1, runs)
        before = self._first(decider)
        reserve = scaled(decider.playbook.reserve, MILLIONTH)
        for place, shift in enumerate(shifts):
            self._announce(place + 2, runs)
            try:
                after = self._again(shift.decider, before.summary.run_id)
            except InfeasibleError:
                self.sums.append(None)
                self.gaps.append(None)
                continue
            self.sums.append(_difference(before, after, reserve))
            self.gaps.append(_gaps(before.summary, after.summary) if decider.playbook.quotas else None)
        return before.summary

    def _first(self, decider: Decider) -> WholeRun:
        job = self._job(decider, outcomes="all", columns=_ALL)
        pieces = []
        for batch in job.batches():
            self._count_binds(batch)
            pieces.append(batch.filter(pc.equal(_texts(batch["outcome"]), Outcome.GRANTED.value)).select(_GRANTED))
        return _whole(pieces, job)

    def _again(self, decider: Decider, run_id: str) -> WholeRun:
        job = self._job(decider, outcomes="granted", columns=_GRANTED, run_id=run_id)
        return _whole(list(job.batches()), job)

    def _job(self, decider: Decider, **options: Any) -> Any:
        from journeykit.job import TableJob, TablesByRows

        kind: Any = TableJob if has_kernels() else TablesByRows
        return kind(decider, *self._tables, **self._options, **options)

    def _count_binds(self, batch: pa.RecordBatch) -> None:
        """Count the contacts of whom rules stop something; all rows of a contact are in one batch."""
        contact = np.asarray(pc.fill_null(batch["contact_id"].dictionary_encode().indices, 0))
        lists = batch["binding"]
        owner, rule = np.asarray(pc.list_parent_indices(lists)), _texts(pc.list_flatten(lists))
        reason = _texts(batch["reason"])
        for place, number in enumerate(self._numbers):
            if number.kind == RESERVE:
                which = _mask(pc.equal(reason, Reason.NOT_WORTH_IT.value))
            elif number.kind == SERIES:
                waits = pc.and_(
                    pc.equal(reason, Reason.REQUIRES.value),
                    pc.equal(_texts(batch["outcome"]), Outcome.DEFERRED.value),
                )
                which = _mask(pc.and_(waits, pc.equal(_texts(batch["campaign_id"]), number.name)))
            else:
                which = owner[_mask(pc.equal(rule, number.name))]
            self.binds[place] += len(np.unique(contact[which]))


def _mask(flags: Any) -> np.ndarray:
    found: np.ndarray = np.asarray(pc.fill_null(flags, False), np.bool_)
    return found


def _texts(column: Any) -> Any:
    """A column of texts, without a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _whole(pieces: list[pa.RecordBatch], job: Run) -> WholeRun:
    tables = [pa.table([_texts(piece[name]) for name in _GRANTED], _GRANTED) for piece in pieces]
    found = pa.concat_tables(tables, promote_options="permissive") if tables else None
    weight = 0 if found is None else int(millionths(found["weight"].to_numpy()).sum())
    empty = pa.table({name: pa.array([], pa.large_string()) for name in _GRANTED[:2]})
    return WholeRun(empty if found is None else found.select(_GRANTED[:2]), weight, job.summary())


def _difference(before: WholeRun, after: WholeRun, reserve: int) -> ShiftSum:
    old, new = before.granted, after.granted
    lost = old.filter(pc.invert(pc.is_in(old["decision_id"], new["decision_id"].combine_chunks())))
    gained = new.filter(pc.invert(pc.is_in(new["decision_id"], old["decision_id"].combine_chunks())))
    changed = {*lost["contact_id"].to_pylist(), *gained["contact_id"].to_pylist()}
    found = ShiftSum()
    found.add(
        weight=after.weight - before.weight,
        messages=len(new) - len(old),
        contacts=len(changed),
        decided=after.summary.contacts,
        reserve=reserve,
    )
    found.penalties = after.summary.penalties - before.summary.penalties
    return found


def _gaps(before: Summary, after: Summary) -> tuple[float, float]:
    """From what to what the best objective may differ, as far as the bounds of both runs prove it."""
    low, high = (own.value - own.penalties for own in (before, after))
    return high - max(before.bound, low), max(after.bound, high) - low
