"""What tests of Spark compare: tables of Arrow for random playbooks, and rows of decisions in one order."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import tabled
from attrs import evolve
from generate import lively, with_experiments, with_exploration

from journeykit import Arbiter, Cap, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table | None:
    """Rows as a table of Arrow, as a warehouse would keep them: cells of several kinds are text. None for no rows."""
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names}) if rows else None


def _column(values: list[Any]) -> pa.Array:
    if {type(value) for value in values} <= {float, int, type(None)} and not all(value is None for value in values):
        kind = pa.float64() if any(isinstance(value, float) for value in values) else pa.int64()
        return pa.array(values, kind)
    try:
        found = pa.array(values)
    except pa.ArrowInvalid:
        found = pa.array([None if value is None else str(value) for value in values], pa.string())
    except pa.ArrowTypeError:
        found = pa.array([None if value is None else str(value) for value in values], pa.string())
    return found.cast(pa.string()) if pa.types.is_null(found.type) else found


SHARED = Cap(name="shared", max=2, per="account", window=Window.rolling("2d"))


class Case:
    """A random playbook with tables for it, as `tests/columns` makes them.

    Attributes:
        seed: by which all of it was drawn.
        arbiter: the arbiter.
        tables: the tables by name, of Arrow; ``nr`` is the order of their rows.
        options: the options of a run.
    """

    def __init__(self, seed: int, *, people: int = 8, accounts: bool = False) -> None:
        self.seed = seed
        found = with_exploration(with_experiments(lively(seed))) if seed % 4 == 0 else lively(seed)
        rng = Random(seed)
        playbook, at = found.playbook, found.at
        if accounts:
            playbook = evolve(playbook, caps=(*playbook.caps, SHARED))
        self.arbiter = Arbiter(playbook)
        few = found.until is not None
        tables = {
            "contacts": tabled.contacts(rng, at, people, faults=True),
            "touches": tabled.touches(rng, playbook, at, people, faults=True),
            "scores": tabled.scores(rng, playbook, people) if seed % 2 else [],
            "claims": tabled.claims(rng, playbook, at, people, few=few) if seed % 3 == 0 else [],
        }
        if tables["claims"] and seed % 9 == 0:
            tables["contacts"] = []
        self.tables = {name: made for name, rows in tables.items() if (made := table(rows)) is not None}
        for name in ("contacts", "scores", "claims"):
            if name in self.tables:
                # By which the rows of one contact are put in order again.
                own = self.tables[name]
                self.tables[name] = own.append_column("nr", pa.array(range(own.num_rows), pa.int64()))
        self.options = {"at": at, "until": found.until, "explain": seed % 5 == 0, "everything": True}

    def decided(self) -> pa.Table:
        """The rows of a local run."""
        found: pa.Table = self.arbiter.decide_table(**({"contacts": None} | self.tables), **self.options)
        return found


def cases(seeds: Iterable[int], *, accounts: bool = False, people: int = 8) -> Iterator[Case]:
    """The cases of those seeds whose playbooks have campaigns; with a cap that an account shares, or without."""
    for seed in seeds:
        playbook = lively(seed).playbook
        if playbook.campaigns is not None:
            yield Case(seed, people=people, accounts=accounts)


def frames(spark: Any, tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """Tables of Arrow as DataFrames; contacts may be left out."""
    return {"contacts": None} | {name: spark.createDataFrame(own) for name, own in tables.items()}


def collected(frame: Any) -> pa.Table:
    """A DataFrame as a table of Arrow."""
    return frame.toArrow()


def in_order(decisions: pa.Table) -> list[str]:
    """The rows of a table of decisions, to be compared: as texts, in one order."""
    rows = [{name: _plain(cell) for name, cell in row.items()} for row in decisions.to_pylist()]
    return sorted(map(repr, rows))


def _plain(cell: Any) -> Any:
    return cell.timestamp() if isinstance(cell, datetime) else cell
