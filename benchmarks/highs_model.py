"""Linear models for HiGHS, the yardstick of the benchmarks: built from arrays, solved by one thread.

`assignment` is the model of a customer assignment instance that describes each contact's choices exactly: one column
for every set of activities that the contact may have, one row for each contact (at most one set), one for each rule
over all contacts. `by_cliques` has one column for each possible assignment, and describes a contact's choices by rows
for the maximal cliques of activities that conflict. Both have the same bound on the published instances; the second is
smaller.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import highspy
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assignment import Instance, Option

INFINITE = highspy.kHighsInf


@dataclass
class Model:
    """Maximise `value` over the columns, between bounds, with rows between bounds; the matrix by columns."""

    value: np.ndarray
    least: np.ndarray
    most: np.ndarray
    row_least: np.ndarray
    row_most: np.ndarray
    starts: np.ndarray
    rows: np.ndarray
    entries: np.ndarray
    whole: bool = False
    """Whether columns with an upper bound are whole numbers."""


@dataclass
class Solved:
    """What HiGHS found; `optimal` is False where it was stopped by its time limit."""

    status: str
    optimal: bool
    objective: float
    bound: float
    seconds: float
    iterations: int
    columns: np.ndarray
    duals: np.ndarray


def by_columns(rows: np.ndarray, columns: np.ndarray, entries: np.ndarray, count: int) -> tuple[np.ndarray, ...]:
    """Starts, rows and entries by column, from entries in any order."""
    order = np.argsort(columns, kind="stable")
    starts = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(columns, minlength=count), out=starts[1:])
    return starts, rows[order].astype(np.int32), entries[order]


def solve(
    model: Model, *, threads: int = 1, limit: float = INFINITE, solver: str = "choose", gap: float = 1e-4
) -> Solved:
    """Pass the model on and run; the seconds are those of HiGHS alone."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(model.value), len(model.row_most)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = model.value, model.least, model.most
    lp.row_lower_, lp.row_upper_ = model.row_least, model.row_most
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = model.starts, model.rows, model.entries
    if model.whole:
        kinds = highspy.HighsVarType
        lp.integrality_ = [kinds.kInteger if most < INFINITE else kinds.kContinuous for most in model.most]
    highs = highspy.Highs()
    highspy.Highs.resetGlobalScheduler(True)
    options = {"output_flag": False, "threads": threads, "parallel": "on" if threads > 1 else "off"}
    options |= {"time_limit": limit, "solver": solver, "mip_rel_gap": gap}
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    began = time.perf_counter()
    highs.run()
    seconds = time.perf_counter() - began
    info, solution, status = highs.getInfo(), highs.getSolution(), highs.getModelStatus()
    return Solved(
        status=highs.modelStatusToString(status),
        optimal=status == highspy.HighsModelStatus.kOptimal,
        objective=info.objective_function_value,
        bound=info.mip_dual_bound if model.whole else info.objective_function_value,
        seconds=seconds,
        iterations=max(info.simplex_iteration_count, info.ipm_iteration_count, info.pdlp_iteration_count),
        columns=np.array(solution.col_value),
        duals=np.array(solution.row_dual),
    )


class Rows:
    """Entries of a matrix, collected piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, rows: np.ndarray, columns: np.ndarray, entries: np.ndarray) -> None:
        """Some entries; nothing is kept of those that are zero."""
        kept = entries != 0
        self.pieces.append((rows[kept], columns[kept], entries[kept]))

    def by_columns(self, count: int) -> tuple[np.ndarray, ...]:
        """All of them, by column."""
        rows, columns, entries = (np.concatenate(parts) for parts in zip(*self.pieces, strict=True))
        return by_columns(rows, columns, entries, count)


def assignment(instance: Instance, *, whole: bool = False) -> tuple[Model, list[tuple[Option, ...]]]:
    """One column for each set of assignments that a contact may have; the model, and the sets of its columns."""
    sets, owners = [], []
    known: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
    for number, options in enumerate(instance.by_contact.values()):
        acts = tuple(option.activity for option in options)
        if acts not in known:
            known[acts] = list(_sets(instance, acts))
        sets += [tuple(options[place] for place in places) for places in known[acts]]
        owners += [number] * len(known[acts])
    sizes = np.array([len(chosen) for chosen in sets])
    member = np.repeat(np.arange(len(sets)), sizes)
    flat = [option for chosen in sets for option in chosen]
    rows, count = Rows(), len(instance.by_contact)
    rows.add(np.array(owners), np.arange(len(sets)), np.ones(len(sets)))
    return _finish(instance, rows, np.ones(count), member, flat, len(sets), whole=whole), sets


def by_cliques(instance: Instance, *, whole: bool = False) -> tuple[Model, list[tuple[Option, ...]]]:
    """One column for each possible assignment; conflicts as maximal cliques."""
    options = [option for owned in instance.by_contact.values() for option in owned]
    rows, most, column = Rows(), [], 0
    known: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
    for owned in instance.by_contact.values():
        acts = tuple(option.activity for option in owned)
        if acts not in known:
            known[acts] = _cliques(instance, acts)
        limits = [(places, 1.0) for places in known[acts]]
        for rule in instance.caps:
            places = tuple(place for place, act in enumerate(acts) if rule.covers(instance.activities[act]))
            limits.append((places, float(int(rule.bound))))
        for places, limit in limits:
            if len(places) > limit:
                rows.add(np.full(len(places), len(most)), column + np.array(places), np.ones(len(places)))
                most.append(limit)
        column += len(owned)
    member = np.arange(len(options))
    model = _finish(instance, rows, np.array(most), member, options, len(options), whole=whole)
    return model, [(option,) for option in options]


def _finish(
    instance: Instance,
    rows: Rows,
    most: np.ndarray,
    member: np.ndarray,
    flat: Sequence[Option],
    count: int,
    *,
    whole: bool,
) -> Model:
    """Add the rules over all contacts: a row each, and a column for the excess or shortfall of a soft one."""
    acts = [instance.activities[option.activity] for option in flat]
    value = [np.bincount(member, [option.profit for option in flat], count)]
    row_least, row_most, extra = [], [], 0
    for number, rule in enumerate(instance.quotas, start=len(most)):
        amounts = [rule.amount(act, option) if rule.covers(act) else 0 for act, option in zip(acts, flat, strict=True)]
        usage = np.bincount(member, amounts, count)
        rows.add(np.full(count, number), np.arange(count), usage)
        row_least.append(rule.bound if rule.least else -INFINITE)
        row_most.append(INFINITE if rule.least else rule.bound)
        if rule.kind not in ("Maximum assignment", "Budget"):
            rows.add(np.array([number]), np.array([count + extra]), np.array([1.0 if rule.least else -1.0]))
            value.append(np.array([-instance.penalty]))
            extra += 1
    columns = count + extra
    return Model(
        np.concatenate(value),
        np.zeros(columns),
        np.concatenate([np.ones(count), np.full(extra, INFINITE)]),
        np.concatenate([np.full(len(most), -INFINITE), row_least]),
        np.concatenate([most, row_most]),
        *rows.by_columns(columns),
        whole=whole,
    )


def _sets(instance: Instance, acts: tuple[str, ...], chosen: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every set of places of `acts`, not empty, that one contact may have, in which `chosen` comes first."""
    if chosen:
        yield chosen
    for place in range(chosen[-1] + 1 if chosen else 0, len(acts)):
        more = (*chosen, place)
        if all((acts[place], acts[other]) in instance.together for other in chosen) and _capped(
            instance, [acts[other] for other in more]
        ):
            yield from _sets(instance, acts, more)


def _capped(instance: Instance, acts: Iterable[str]) -> bool:
    found = [instance.activities[act] for act in acts]
    return all(sum(rule.covers(act) for act in found) <= rule.bound for rule in instance.caps)


def _cliques(instance: Instance, acts: tuple[str, ...]) -> list[tuple[int, ...]]:
    """The maximal sets of places of which any two conflict."""
    near = defaultdict(set)
    for one in range(len(acts)):
        for other in range(len(acts)):
            if one != other and (acts[one], acts[other]) not in instance.together:
                near[one].add(other)
    found = []

    def grow(clique: set[int], candidates: set[int], done: set[int]) -> None:
        if not candidates and not done:
            found.append(tuple(sorted(clique)))
        for place in sorted(candidates):
            grow(clique | {place}, candidates & near[place], done & near[place])
            candidates = candidates - {place}
            done = done | {place}

    grow(set(), set(range(len(acts))), set())
    return found
