"""How contacts move between stages: by what they do, by time, and by a daily chance where no message comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import evolve

from journeykit.basics.clock import moment
from journeykit.basics.validation import is_number, shown
from journeykit.errors import DataError, ModelError, closest
from journeykit.journey.stages import Transition
from journeykit.playbook.vocabulary import Vocabulary
from journeykit.simulating.contact_base import AS_GIVEN, INSTANT, stage_cells
from journeykit.simulating.journey_places import journey_places
from journeykit.tables.arrow.adapters import batches_to_rows
from journeykit.tables.arrow.arrays import coded, numbers, texts
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.kept_table import rows_of
from journeykit.tables.arrow.open_arrow import open_with
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_degree, read_text
from journeykit.tables.header import fold_name
from journeykit.tables.words import spelling_reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from numpy.typing import NDArray

    from journeykit.journey.journey import Journey
    from journeykit.playbook.playbook import Playbook
    from journeykit.simulating.chance_draws import DrawKeys
    from journeykit.simulating.contact_base import BaseState, ContactBase
    from journeykit.tables.arrow.kept_table import KeptTable

DailyChances = Mapping[str, Mapping[str, float]]
"""By stage, and by the stage to which a contact goes, the chance of it on a day without a message."""
CHANCES = {"stage": "text", "to": "text", "chance": "number"}
"""The columns of a table of daily chances."""
_TOLERANCE = 1e-9


def read_chances(source: Any, zone: tzinfo | None = None) -> DailyChances:
    """Daily chances from a table with the columns of `CHANCES`, or a mapping by stage.

    Raises:
        DataError: for a row that cannot be read, or a move that is there twice.
    """
    if isinstance(source, Mapping):
        for stage, row in source.items():
            if not isinstance(row, Mapping):
                said = f"chances: those of {shown(stage)} are a mapping by stage, found {shown(row)}"
                raise ModelError(said, field="chances")
        return source
    found: dict[str, dict[str, float]] = {}
    table = open_with(source, "chances", tuple(CHANCES), zone)
    for number, row in enumerate(batches_to_rows(table.parts(lambda _: True)), 1):
        cells = {fold_name(name): cell for name, cell in row.items()}
        stage, to = (None if is_missing(cells[name]) else str(cells[name]).strip() for name in ("stage", "to"))
        if stage is None or to is None:
            raise DataError(f"row {number} has no stage, or none to which contacts go", source=table.source)
        if to in found.setdefault(stage, {}):
            raise DataError(f"row {number}: the move from {stage!r} to {to!r} is there twice", source=table.source)
        try:
            found[stage][to] = float(read_degree(cells["chance"]))
        except BadCellError as bad:
            said = f"row {number}: a chance is {bad.allowed}, found {bad.found}"
            raise DataError(said, source=table.source, field="chance") from bad
    return found


def checked_chances(chances: DailyChances, journey: Journey | None) -> dict[str, dict[str, float]]:
    """Daily chances that a journey can have.

    Raises:
        ModelError: for a playbook without a journey, a stage that it does not have, and numbers that are no chances.
    """
    if not chances:
        return {}
    if journey is None:
        raise ModelError("chances are about a journey, and the playbook has none", field="chances")
    stages = [stage.name for stage in journey.stages]
    for stage, row in chances.items():
        for name in (stage, *row):
            if name not in stages:
                hint = closest(name, stages)
                more = f"; did you mean {hint!r}?" if hint else f"; there is {', '.join(stages)}"
                raise ModelError(f"chances: there is no stage {shown(name)}{more}", field="chances")
        for to, chance in row.items():
            if not is_number(chance) or not 0 <= chance <= 1:
                raise ModelError(
                    f"chances: that of {stage!r} to {to!r} is a number from 0 to 1, found {shown(chance)}",
                    field="chances",
                )
        if stage in row:
            raise ModelError(f"chances: {stage!r} leads to itself; who stays needs no chance", field="chances")
        if sum(row.values()) > 1 + _TOLERANCE:
            raise ModelError(f"chances: those of {stage!r} add up to more than 1", field="chances")
    return {stage: dict(row) for stage, row in chances.items()}


class StageWalk:
    """Places contacts night after night, by the journey's own engine and all that is known by then.

    Args:
        playbook: whose journey.
        base: the contacts.
        at: the first night, in microseconds since 1970: who is on a stage by the table, without a word since when,
            enters it then.
        zone: the zone in which instants without an offset are meant.
        chances: what happens to contacts on a day without a message.
        threads: how many blocks of contacts are placed at once.
    """

    def __init__(
        self,
        playbook: Playbook,
        base: ContactBase,
        at: int,
        *,
        zone: str | None,
        known: tzinfo | None,
        chances: Mapping[str, Mapping[str, float]],
        threads: int | None,
    ) -> None:
        journey = playbook.journey
        self.stages = () if journey is None else tuple(stage.name for stage in journey.stages)
        self._base, self._zone, self._threads, self._timezone = base, zone, threads, playbook.timezone
        self._chances = [
            (self.stages.index(stage), [(self.stages.index(to), chance) for to, chance in row.items()])
            for stage, row in chances.items()
        ]
        read = spelling_reader(read_text, Vocabulary.of(playbook), "stage")
        self._given = stage_cells(base, self.stages, read)
        self._start = _entries(base, at, known)
        self._journey = None if journey is None else _with_moves(journey, chances)
        self._contacts = self._with_entries()

    @property
    def moves(self) -> bool:
        """Whether contacts can move at all."""
        return self._journey is not None and bool(self._journey.transitions)

    @property
    def events(self) -> list[str]:
        """By stage, the name of the event that brings a contact to it without a message."""
        return [_event(name) for name in self.stages]

    def place(self, state: BaseState, events: KeptTable, at: int) -> None:
        """Note where contacts are at an instant, by all that happened until then."""
        if self._journey is None or not self.moves:
            return
        found = journey_places(
            self._journey,
            events,
            self._contacts,
            moment(at),
            zone=self._zone,
            timezone=self._timezone,
            threads=self._threads,
        )
        number = self._base.known.find(Column(found.ids), len(found.ids), {})
        steps = np.diff(found.first)
        # The first step of those whose stage the table says is that stage.
        moved = steps > (self._given[number] >= 0)
        own = number[moved]
        state.stage[:] = AS_GIVEN
        state.stage[own] = found.last[moved]
        state.since[own] = found.step("since")[found.first[1:][moved] - 1]

    def stage(self, state: BaseState) -> NDArray[np.int64]:
        """By contact, the place of the stage; -1 for none."""
        return np.where(state.stage == AS_GIVEN, self._given, state.stage)

    def drawn(
        self, stage: NDArray[np.int64], silent: NDArray[np.bool_], keys: DrawKeys, seed: int, night: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Who moves without a message, and to which stage.

        Args:
            stage: by contact, the place of the stage.
            silent: by contact, whether no message came.
            keys: what contacts are drawn by.
            seed: which world.
            night: which night.
        """
        who, where = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for source, row in self._chances:
            here = np.flatnonzero(silent & (stage == source))
            drawn = keys.take(here).draws(seed, "move", night)
            ends = np.cumsum([chance for _, chance in row])
            place = np.searchsorted(ends, drawn, side="right")
            moves = place < len(row)
            who.append(here[moves])
            where.append(np.array([to for to, _ in row], np.int64)[place[moves]])
        return np.concatenate(who), np.concatenate(where)

    def _with_entries(self) -> KeptTable:
        """The contacts, with the stage on which each is at the beginning, and since when."""
        if not (self._given >= 0).any():
            return self._base.table

        def stage(array: Any, start: int, stop: int) -> Any:
            own = np.append(self._given, -1)[self._base.row[start:stop]]
            return _said(array, own < 0, coded(own, texts(self.stages), missing=True))

        def since(array: Any, start: int, stop: int) -> Any:
            rows = self._base.row[start:stop]
            own = np.append(self._given, -1)[rows]
            return _said(array, own < 0, numbers(np.append(self._start, 0)[rows], INSTANT, own < 0))

        return self._base.table.changed({"entry_stage": stage, "entered_at": since})


def _said(given: Any, silent: NDArray[np.bool_], known: pa.Array) -> Any:
    """A column of what is known, and of what was given where nothing is."""
    if silent.all():
        return given
    if given is None or not silent.any():
        return known
    pairs = zip(silent.tolist(), Column(given).cells(), known.to_pylist(), strict=True)
    return [cell if own else value for own, cell, value in pairs]


def _event(stage: str) -> str:
    return f"(moves to {stage})"


def _with_moves(journey: Journey, chances: Mapping[str, Mapping[str, float]]) -> Journey:
    """A journey on which contacts also move by themselves."""
    ways = [Transition(source=stage, to=to, event=_event(to)) for stage, row in chances.items() for to in row]
    return evolve(journey, transitions=(*journey.transitions, *ways))


def _entries(base: ContactBase, at: int, zone: tzinfo | None) -> NDArray[np.int64]:
    """By contact, since when they are on the stage that the table says."""
    found = np.full(base.count + 1, at, np.int64)
    read = instant_reader(zone, bounded=True)
    rows = len(base.row)
    for part in reversed([*base.table.chunks()]):
        _, names, arrays = part
        column = next(
            (Column(own) for name, own in zip(names, arrays, strict=True) if fold_name(name) == "stage_since"), None
        )
        if column is None:
            rows -= rows_of(part)
            continue
        codes, values = column.read(lambda cell: None if is_missing(cell) else read(cell))
        # What happened at the instant at which they came has brought them there, and takes them no further.
        starts = [at if own is None or own is UNREAD else min(at, _micros(own) + 1) for own in values]
        start = rows - len(codes)
        found[base.row[start:rows][::-1]] = np.array(starts, np.int64)[codes][::-1]
        rows = start
    return found[:-1]


def _micros(value: Any) -> int:
    from journeykit.basics.clock import micros

    return micros(value)


def move_events(ids: pa.Array, stage: NDArray[np.int64], names: Sequence[str], at: int) -> pa.RecordBatch:
    """Events by which contacts move without a message.

    Args:
        ids: the contacts.
        stage: of each, the place of the stage to which they go.
        names: the names of the events, by stage.
        at: when.
    """
    when = numbers(np.full(len(ids), at, np.int64), INSTANT)
    return pa.record_batch({"contact_id": ids, "event": coded(stage, texts(names)), "at": when})
