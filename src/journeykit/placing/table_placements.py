"""Where contacts are and how they came there, as columns."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from journeykit.basics.clock import micros
from journeykit.journey.placing_results import PATHS, STAGES, Placements
from journeykit.kernels.interface.journey_arrays import MISSING
from journeykit.tables.arrow.arrays import coded, numbers, texts
from journeykit.tables.arrow.arrow_values import schema_of
from journeykit.tables.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from journeykit.journey import Journey, Placement
    from journeykit.journey.placing_results import PlacingSummary
    from journeykit.placing.placing_tally import PlacingTally

_INSTANT = pa.timestamp("us", "UTC")


class TablePlacements(Placements):
    """Where contacts are, and how they came there, as columns.

    Attributes:
        journey: the journey.
        table: a row for each contact: ``contact_id`` as it came, ``stage``, ``since`` (null for one who is not on the
            journey), ``owner`` of the stage, ``steps`` of the path, the ``transition`` that led there (its label;
            null where they entered) and ``evidence_at``, the instant of the last event on which it rests.
        paths: a row for each step: ``contact_id``, ``step`` (from 0), ``stage``, ``since``, ``from_stage``,
            ``transition`` (its place in the journey, -1 where they entered), its ``label``, and ``evidence_at``.
        summary: what became of contacts and events.
        tally: the same, in numbers that add up.
    """

    engine = "columns"
    tally: PlacingTally

    def __init__(self, journey: Journey, ids: pa.Array, entry: np.ndarray, steps: Mapping[str, np.ndarray]) -> None:
        self.journey = journey
        self._ids = ids
        self._entry = entry
        self._steps = steps
        self._first = np.zeros(len(ids) + 1, np.int64)
        np.cumsum(np.bincount(steps["contact"], minlength=len(ids)), out=self._first[1:])
        self._names = [stage.name for stage in journey.stages]

    @classmethod
    def of(
        cls, journey: Journey, placements: Sequence[Placement], summary: PlacingSummary, kind: pa.DataType | None = None
    ) -> TablePlacements:
        """Placements that were worked out one by one, as columns; with ids of a kind of whole numbers, or as text."""
        stage = {own.name: number for number, own in enumerate(journey.stages)}
        ids = texts([str(own.contact) for own in placements])
        entry = np.array([stage[own.stage] for own in placements], np.int64)
        made = cls(journey, ids if kind is None else ids.cast(kind), entry, steps_of(journey, enumerate(placements)))
        made.summary = summary
        return made

    def but(self, placements: Mapping[int, Placement]) -> TablePlacements:
        """The same, with the paths of some contacts, by their places, as they were worked out one by one."""
        stage = {own.name: number for number, own in enumerate(self.journey.stages)}
        others = ~np.isin(self._steps["contact"], list(placements))
        own = steps_of(self.journey, placements.items())
        steps = {name: np.concatenate([part[others], own[name]]) for name, part in self._steps.items()}
        order = np.argsort(steps["contact"], kind="stable")
        entry = self._entry.copy()
        for place, placement in placements.items():
            entry[place] = stage[placement.stage]
        return TablePlacements(self.journey, self._ids, entry, {name: part[order] for name, part in steps.items()})

    @property
    def ids(self) -> pa.Array:
        """The contacts' ids, as they came."""
        return self._ids

    @property
    def first(self) -> np.ndarray:
        """Where the steps of each contact start, and one more."""
        return self._first

    def step(self, name: str) -> np.ndarray:
        """What is known of each step: ``contact``, ``stage``, ``since``, ``way`` or ``evidence``."""
        return self._steps[name]

    @property
    def waiting(self) -> int:
        """How many contacts have not entered the journey."""
        return int(np.count_nonzero(self._first[1:] == self._first[:-1]))

    @property
    def last(self) -> np.ndarray:
        """The stage of each contact, by its place in the journey."""
        first, steps = self._first, self._steps
        found = self._entry.copy()
        entered = first[1:] > first[:-1]
        found[entered] = steps["stage"][first[1:][entered] - 1]
        return found

    @cached_property
    def table(self) -> pa.Table:
        """A row for each contact."""
        first, steps = self._first, self._steps
        entered = first[1:] > first[:-1]
        stage = self.last
        if entered.any():
            at = np.maximum(first[1:] - 1, 0)
            since, way, evidence = steps["since"][at], steps["way"][at].astype(np.int64), steps["evidence"][at]
        else:
            since = way = evidence = np.zeros(len(stage), np.int64)
        way = np.where(entered, way, -1)
        return pa.table(
            {
                "contact_id": self._ids,
                "stage": coded(stage, texts(self._names)),
                "since": numbers(since, _INSTANT, ~entered),
                "owner": self._owners(stage),
                "steps": numbers((first[1:] - first[:-1]).astype(np.int32), pa.int32()),
                "transition": self._labels(way),
                "evidence_at": numbers(evidence, _INSTANT, ~entered | (evidence == MISSING)),
            }
        )

    @cached_property
    def paths(self) -> pa.Table:
        """A row for each step of each path."""
        steps, first = self._steps, self._first
        contact, stage, way = steps["contact"], steps["stage"], steps["way"].astype(np.int64)
        number = np.arange(len(contact)) - first[:-1][contact] if len(contact) else np.zeros(0, np.int64)
        before = np.where(number > 0, np.roll(stage, 1), -1)
        return pa.table(
            {
                "contact_id": self._ids.take(numbers(contact.astype(np.int64), pa.int64())),
                "step": numbers(number.astype(np.int32), pa.int32()),
                "stage": coded(stage, texts(self._names)),
                "since": numbers(steps["since"], _INSTANT),
                "from_stage": coded(before, texts(self._names), missing=True),
                "transition": numbers(way.astype(np.int32), pa.int32()),
                "label": self._labels(way),
                "evidence_at": numbers(steps["evidence"], _INSTANT, steps["evidence"] == MISSING),
            }
        )

    def counts(self) -> tuple[dict[str, int], dict[int, int]]:
        """How many contacts are on each stage, and took each transition; see `Placements`."""
        entered = self._first[1:] > self._first[:-1]
        on = Counter(self._names[place] for place in self.last[entered].tolist())
        moves = Counter(self._steps["way"][self._steps["way"] >= 0].tolist())
        return dict(sorted(on.items())), dict(sorted(moves.items()))

    def origins(self) -> dict[tuple[int, str], int]:
        """How many contacts took each transition from each stage."""
        way, before = self._steps["way"].astype(np.int64), np.roll(self._steps["stage"].astype(np.int64), 1)
        pairs, counts = np.unique((way * len(self._names) + before)[way >= 0], return_counts=True)
        found = zip(pairs.tolist(), counts.tolist(), strict=True)
        return {(pair // len(self._names), self._names[pair % len(self._names)]): count for pair, count in found}

    def stays(self) -> Iterator[tuple[str, str, int]]:
        """A row for each step: the contact's id as text, the stage, and since when, in microseconds since 1970."""
        contacts = self._ids.cast(pa.large_string()).take(numbers(self._steps["contact"], pa.int32())).to_pylist()
        stages = (self._names[place] for place in self._steps["stage"].tolist())
        yield from zip(contacts, stages, self._steps["since"].tolist(), strict=True)

    def write_parquet(self, path: str, name: str) -> None:
        """Write ``table`` or ``paths`` to a Parquet file, with the columns that `table_writer` would give it.

        Raises:
            OSError: if the file cannot be written.
        """
        table: pa.Table = getattr(self, name)
        with whole_file(path) as file:
            pq.write_table(table.cast(schema_of(STAGES if name == "table" else PATHS)), file)

    def _owners(self, stage: np.ndarray) -> pa.Array:
        owners = [own.owner for own in self.journey.stages]
        known = list(dict.fromkeys(owner for owner in owners if owner is not None))
        codes = np.array([-1 if owner is None else known.index(owner) for owner in owners], np.int64)
        return coded(codes[stage], texts(known), missing=True)

    def _labels(self, way: np.ndarray) -> pa.Array:
        return coded(way, texts([own.label for own in self.journey.transitions]), missing=True)

    def stages(self) -> Iterator[tuple[Any, ...]]:
        """A row for each contact, as Python values; ids are text."""
        return _rows(self.table)

    def steps(self) -> Iterator[tuple[Any, ...]]:
        """A row for each step of each path, as Python values; ids are text."""
        return _rows(self.paths)


def steps_of(journey: Journey, placements: Iterable[tuple[int, Placement]]) -> dict[str, np.ndarray]:
    """The steps of placements as columns; each contact is named by its place."""
    stage = {own.name: number for number, own in enumerate(journey.stages)}
    ways = {id(way): place for place, way in enumerate(journey.transitions)}
    steps = [(number, step) for number, own in placements for step in own.path]
    evidence = [MISSING if step.evidence.at is None else micros(step.evidence.at) for _, step in steps]
    return {
        "contact": np.array([number for number, _ in steps], np.int32),
        "stage": np.array([stage[step.stage] for _, step in steps], np.int16),
        "since": np.array([micros(step.since) for _, step in steps], np.int64),
        "way": np.array([ways.get(id(step.transition), -1) for _, step in steps], np.int16),
        "evidence": np.array(evidence, np.int64),
    }


def one_kind(ids: Sequence[pa.Array]) -> pa.Array:
    """Ids in one array: as text, where not all are numbers of one kind."""
    kinds = {array.type for array in ids}
    if len(kinds) != 1:
        ids = [array.cast(pa.large_string()) for array in ids]
    return pa.concat_arrays(ids) if ids else texts([])


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=65_536):
        ids, *rest = (column.to_pylist() for column in batch.columns)
        yield from zip(map(str, ids), *rest, strict=True)
