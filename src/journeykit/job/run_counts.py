"""What a run over tables counts: a value that can be pickled, and merged with those of other parts of the run."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING

from attrs import Factory, define

from journeykit.basics.clock import wider
from journeykit.job.arm_counts import ArmCounts
from journeykit.job.claim_counts import ClaimCounts
from journeykit.ledger.ledger_counts import LedgerCounts
from journeykit.model.mismatch import Mismatches
from journeykit.tables import BadRows

if TYPE_CHECKING:
    from journeykit.engine.unknowns import CellCounts
    from journeykit.job.calendar import DayCounts
    from journeykit.job.fallback_counts import FallbackCounts

_SUMS = ("written", "restricted", "bad_touches", "unknown_touches", "unknown_scores", "unknown_events")


@define(kw_only=True)
class RunCounts:
    """What a run over tables counts, or a part of one that has some of the contacts and all that belongs to them.

    All of it is sums of whole numbers, sets, and first ones in the order of texts: so parts add up to what the whole
    counts, exactly and in any order. `journeykit.job.run_facts.RunFacts` makes a summary of it.

    Attributes:
        claims: contacts and claims, by what becomes of them.
        written: rows that were given.
        restricted: contacts to whom a later row forbids something.
        bad: rows that could not be used.
        bad_touches: how many of them are touches.
        unknown_touches: touches of contacts that were not decided.
        unknown_scores: likewise, scores.
        unknown_events: likewise, events.
        mismatches: what does not match the playbook in the cells of the tables.
        unknown: by audience, of how many contacts it is unknown.
        cells: by place of what rules read, what was counted of the cells.
        columns: by table and folded name, what its columns are called.
        kinds: by table and name, the kinds of columns that are known.
        spans: by table, the earliest and the latest instant, in microseconds.
        steps: of touches of series that the ledger has, how many there are of each campaign and content.
        events: the names of events that were met.
        has_kept_events: whether the ledger keeps any.
        arms: by arm; None without experiments.
        days: by day of a plan; None without a plan.
        notes: what a person should look at in the columns of the contacts, or in the engine.
        fallback: contacts that the row engine decided in a columnar job; None in others.
        usage: by side of the quotas, what was granted uses; none without quotas.
        ledger: what became of the contacts in a ledger; None without one.
        scored: the campaigns for which the table of scores has what.
        costless: the campaigns of claims that are brought with neither weight nor opt_out; None where campaigns claim.
        upliftless: the campaigns of claims that are brought without an uplift; None likewise.
        durations: by phase of the work, the seconds that it took, of all parts together.
    """

    claims: ClaimCounts = Factory(ClaimCounts)
    written: int = 0
    restricted: int = 0
    bad: BadRows = Factory(BadRows)
    bad_touches: int = 0
    unknown_touches: int = 0
    unknown_scores: int = 0
    unknown_events: int = 0
    mismatches: Mismatches = Factory(Mismatches)
    unknown: Counter[str] = Factory(Counter)
    cells: list[CellCounts] = Factory(list)
    columns: dict[str, dict[str, str]] = Factory(dict)
    kinds: dict[str, dict[str, str]] = Factory(dict)
    spans: dict[str, tuple[int, int]] = Factory(dict)
    steps: Counter[tuple[str, str]] = Factory(Counter)
    events: set[str] = Factory(set)
    has_kept_events: bool = False
    arms: ArmCounts | None = None
    days: DayCounts | None = None
    notes: dict[str, None] = Factory(dict)
    fallback: FallbackCounts | None = None
    usage: list[int] = Factory(list)
    ledger: LedgerCounts | None = None
    scored: set[str | tuple[str, str]] = Factory(set)
    costless: set[str] | None = None
    upliftless: set[str] | None = None
    durations: dict[str, float] = Factory(dict)

    @property
    def contacts(self) -> int:
        """How many contacts were decided."""
        return self.claims.contacts

    def merge(self, other: RunCounts) -> None:
        """Count what another part of the same run has counted, which has other contacts; it is not changed."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.claims.merge(other.claims)
        self.bad.merge(other.bad)
        self.mismatches.merge(other.mismatches)
        self.unknown.update(other.unknown)
        self.steps.update(other.steps)
        self.events |= other.events
        self.has_kept_events |= other.has_kept_events
        self.notes |= other.notes
        self.scored |= other.scored
        self._merge_cells(other.cells)
        self._merge_columns(other)
        self._merge_optional(other)
        for phase, seconds in other.durations.items():
            self.durations[phase] = self.durations.get(phase, 0.0) + seconds

    def _merge_cells(self, cells: list[CellCounts]) -> None:
        pairs = zip(self.cells, cells, strict=True) if self.cells and cells else ()
        self.cells = [own.plus(more) for own, more in pairs] or self.cells or list(cells)

    def _merge_optional(self, other: RunCounts) -> None:
        """Count what only some runs count, as plans count days."""
        self.usage = [own + more for own, more in zip_longest(self.usage, other.usage, fillvalue=0)]
        if other.ledger is not None:
            self.ledger = self.ledger or LedgerCounts()
            self.ledger.merge(other.ledger)
        if other.arms is not None:
            self.arms = self.arms or ArmCounts()
            self.arms.merge(other.arms)
        for outcome, days in (other.days or {}).items():
            self.days = self.days or {}
            self.days.setdefault(outcome, Counter()).update(days)
        if other.fallback is not None:
            self.fallback = self.fallback or other.fallback.none()
            self.fallback.merge(other.fallback)
        for name in ("costless", "upliftless"):
            own, more = getattr(self, name), getattr(other, name)
            if more is not None:
                setattr(self, name, {*(own or ()), *more})

    def _merge_columns(self, other: RunCounts) -> None:
        """Take notice of columns and instants that another part has met."""
        for own, more in ((self.columns, other.columns), (self.kinds, other.kinds)):
            for table, names in more.items():
                known = own.setdefault(table, {})
                for name, said in names.items():
                    known[name] = min(known.get(name, said), said)
        for table, span in other.spans.items():
            found = wider(self.spans.get(table), span)
            assert found is not None  # noqa: S101  (one of the two is a span)
            self.spans[table] = found
