"""Why contacts are decided by the row engine in a job of the columnar engine: each condition beside its words."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from journeykit.basics.clock import DAY
from journeykit.kernels.interface.codes import MOST_CONFLICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.columns.weighing import Weigher
    from journeykit.engine.decider import Decider
    from journeykit.engine.ruleset import Ruleset
    from journeykit.playbook.playbook import Playbook

MOST_OCCASIONS = 5_000
MOST_HOUR_RULES = 100
MOST_TOUCHES = 2_048
"""The kernels look at touches again and again: a contact with more falls back to the row engine, which sorts once."""
_MOST_STEPS = 62
_SURELY_LONG = 3 * DAY
"""A plan of such a length holds every time of day, whatever clocks skip."""
_SHOWN = 5


class RowCause(IntEnum):
    """Why one contact falls back; of several causes the first."""

    KERNELS = 0
    ARM = 1
    CELL = 2
    TOUCHES = 3
    DOUBLE = 4
    OPT_OUT = 5
    CLAIM = 6
    TIMELY_CLAIM = 7
    REPLACED = 8
    WAITING = 9

    @property
    def words(self) -> str:
        """What is said of contacts that fall back for it, after how many they are."""
        return _WORDS[self]


_WORDS = {
    RowCause.KERNELS: "a search too long, or a change in the ledger meanwhile",
    RowCause.ARM: "an arm whose rules the columnar engine does not take",
    RowCause.CELL: "a cell that is read one by one",
    RowCause.TOUCHES: f"more than {MOST_TOUCHES:,} touches",
    RowCause.DOUBLE: "a later row of theirs that withdraws something",
    RowCause.OPT_OUT: "an opt-out of one channel or topic in the ledger",
    RowCause.CLAIM: "a claim that is there twice, is read one by one, or is of a campaign with split or if_lost: skip",
    RowCause.TIMELY_CLAIM: "a claim for a date or instant, whose audience asks for time",
    RowCause.REPLACED: "a planned message that may be replaced, while weights look at the history",
    RowCause.WAITING: "claims that wait in the ledger",
}


class CauseMarks:
    """Marks contacts of a chunk that fall back.

    Args:
        rows: how many contacts it has.

    Attributes:
        apart: which of them fall back.
        cause: by contact, the `RowCause`; that of the kernels for those that do not fall back, or not yet.
    """

    def __init__(self, rows: int) -> None:
        self.apart = np.zeros(rows, np.bool_)
        self.cause = np.zeros(rows, np.int8)

    def mark(self, fallen: Any, cause: RowCause) -> None:
        """Mark contacts, given as a mask or by their places."""
        found = np.zeros_like(self.apart)
        found[fallen] = True
        self.cause[found & ~self.apart] = cause
        self.apart |= found


class PlaybookInRun(Protocol):
    """What is looked at: a `journeykit.columns.columnar_engine.ColumnarEngine` has it."""

    playbook: Playbook
    decider: Decider
    compiled: Ruleset
    layout: RulesetArrays
    weigher: Weigher
    until: datetime | None
    now: int
    last: int
    dates: Sequence[int]
    derived: bool
    brings_cost: bool


def playbook_causes(engine: PlaybookInRun) -> Iterator[str]:
    """Why the kernels cannot decide any contact of a playbook, in words; nothing where they can.

    Args:
        engine: the playbook as arrays, and the instants of the run.
    """
    for name in ("conflicts", "requirements"):
        if (found := len(getattr(engine.playbook, name))) > MOST_CONFLICTS:
            yield f"the playbook has {found:,} {name}, more than {MOST_CONFLICTS}"
    if engine.decider.checks:
        names = some_names(check.name for check in engine.decider.checks)
        yield f"checks of your own are asked of each: {names}"
    how = engine.playbook.explore
    if how is not None and how.method == "thompson" and engine.weigher.by_rows:
        yield asked_by_rows(engine.playbook.policy)
    yield from _caps(engine)
    yield from _hours(engine)
    yield from _campaigns(engine)
    yield from _claims(engine)


def _claims(engine: PlaybookInRun) -> Iterator[str]:
    if engine.derived:
        return
    if engine.weigher.by_rows:
        yield asked_by_rows(engine.playbook.policy)
    # The kernels know the costs of campaigns, and not those of single claims.
    weights = [own for own in engine.layout.list if own.expression is not None and engine.brings_cost]
    if named := {own.campaign.id for own in weights if own.expression and "cost" in own.expression.names}:
        yield f"claims bring costs, and weights name cost: {_named(named)}"


def _caps(engine: PlaybookInRun) -> Iterator[str]:
    caps, compiled = engine.playbook.caps, engine.compiled
    if compiled.per_account:
        names = some_names(repr(caps[place].name) for place in sorted(compiled.per_account))
        yield f"accounts are decided together, for the sake of caps per account: {names}"
    if compiled.counts_campaigns:
        names = some_names(repr(cap.name) for cap in caps if cap.count == "campaigns")
        yield f"caps count campaigns (count: campaigns): {names}"


def _hours(engine: PlaybookInRun) -> Iterator[str]:
    # Whom hours protect is one answer for the kernels, whatever the instant.
    if engine.compiled.timely_hours:
        rules = some_names(repr(rule.text) for rule in engine.compiled.timely_hours)
        yield f"hours or holidays whose audience asks for time: {rules}"
    if (found := len(engine.layout.hour_rules)) > MOST_HOUR_RULES:
        yield f"hours and holidays have {found:,} audiences, more than {MOST_HOUR_RULES}"


def _campaigns(engine: PlaybookInRun) -> Iterator[str]:
    layout, plans = engine.layout.list, engine.until is not None
    timed = {own.campaign.id for own in layout if own.send_at is not None}
    if timed and plans and engine.last - engine.now < _SURELY_LONG:
        yield f"send_at in a plan of less than three days: {_named(timed)}"
    if timed and not plans and engine.dates:
        yield f"send_at, where claims have dates and there is no plan: {_named(timed)}"
    if both := {own.campaign.id for own in layout if own.send_at is not None and own.dates is not None}:
        yield f"send_at and dates in one campaign: {_named(both)}"
    if both := {own.campaign.id for own in layout if own.send_at is not None and own.campaign.series}:
        yield f"send_at and a series in one campaign: {_named(both)}"
    if len(layout) > MOST_OCCASIONS + len(engine.compiled.messages):
        yield f"campaigns have more than {MOST_OCCASIONS:,} dates"
    skips = [own for own in engine.compiled.campaigns.values() if own.if_lost == "skip"]
    if long := {own.id for own in skips if len(own.content) > _MOST_STEPS}:
        yield f"more than {_MOST_STEPS} steps with if_lost: skip: {_named(long)}"
    if dated := {own.id for own in skips if plans and own.dates}:
        yield f"dates and if_lost: skip in a plan: {_named(dated)}"
    days = zip(layout, engine.layout.own_days, strict=True)
    if timely := {own.campaign.id for own, day in days if plans and day is not None and own.timely}:
        yield f"dates and an audience that asks for time, in a plan: {_named(timely)}"


def asked_by_rows(policy: str) -> str:
    """That a policy is asked claim by claim, and why."""
    return f"policy {policy!r} has no weigh_columns (or rank_columns), and was asked claim by claim"


def _named(ids: Iterable[str]) -> str:
    return some_names(map(repr, sorted(ids)))


def some_names(names: Iterable[str]) -> str:
    """The first few of some names, and how many more there are."""
    found = list(names)
    return ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else "")


def cause_notes(causes: Iterable[str], counts: Iterable[int]) -> Iterator[str]:
    """What a summary says of contacts that the row engine decides.

    Args:
        causes: why it decides all of them; none where it does not.
        counts: by `RowCause`, how many contacts fall back for it.
    """
    if found := list(causes):
        yield f"each contact was decided by the row engine, which takes longer: {'; '.join(found)}"
        return
    told = [f"{count:,} for {cause.words}" for cause, count in zip(RowCause, counts, strict=True) if count]
    if told:
        yield f"contacts that fell back to the row engine: {'; '.join(told)}"
