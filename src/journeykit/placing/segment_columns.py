"""What tells contacts apart, over columns: by contact, the group of those who share their segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.columns.chunk import Chunk, rule_columns
from journeykit.columns.contact_encoder import ContactEncoder
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.ruleset_arrays import RulesetArrays
from journeykit.columns.zone_arrays import LocalKinds
from journeykit.engine.ruleset import Ruleset
from journeykit.errors import ModelError
from journeykit.journey.measure.observed_paths import NO_SEGMENT, segments_of
from journeykit.model.bad_row import BadRow
from journeykit.model.contact import Contact
from journeykit.placing.funnel_rows import SEGMENTS
from journeykit.playbook.playbook import Playbook
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import BadCellError
from journeykit.tables.contact_table import ContactPlan, is_attribute
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from journeykit.placing.funnel_rows import Asked
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.column import Column
    from journeykit.tables.bad_row_list import BadRows

_FIELDS = frozenset(Contact(id="-").values())
"""What every contact has, if only as None."""


class Segments:
    """The groups of contacts who share their segments.

    Args:
        count: how many contacts there are.

    Attributes:
        names: by group, the segments of its contacts.
        group: by contact, their group.
        none: the group of contacts without a segment.
    """

    none = 0

    def __init__(self, count: int) -> None:
        self.names: list[tuple[str, ...]] = [(NO_SEGMENT,)]
        self.group = np.zeros(count, np.int64)
        self._number = {self.names[0]: 0}

    def number(self, value: Any) -> int:
        """The group of contacts of whom a value names the segments."""
        names = segments_of(value)
        number = self._number.setdefault(names, len(self.names))
        if number == len(self.names):
            self.names.append(names)
        return number


class SegmentColumns:
    """Reads from the table of contacts what tells them apart.

    Args:
        asked: what is asked.
        index: the contacts who were placed.
        count: how many they are.
        bad: where bad rows go.
    """

    def __init__(self, asked: Asked, index: ContactIndex, count: int, bad: BadRows) -> None:
        self.asked = asked
        self.index = index
        self.bad = bad
        self.found = Segments(count)
        self.met: set[str] = set()
        self.spellings = asked.spellings
        self.source = open_source(
            asked.contacts, "contacts", typed=is_attribute, texts=self.spellings.texts, zone=asked.zone
        )
        self.source.needed = ("contact_id",)
        columns = self.source.columns
        if columns is not None and "contact_id" not in places_of(columns, self.source.source):
            raise missing_column("contact_id", columns, self.source.source)
        # Segments need no other rules.
        playbook = asked.playbook
        lean = Playbook(timezone=playbook.timezone, journey=playbook.journey, segments=playbook.segments)
        self.encoder = ContactEncoder(RulesetArrays(Ruleset(lean), ()), asked.at, LocalKinds([playbook.timezone]))

    def read(self) -> Segments:
        """Read all.

        Raises:
            DataError: if no contact has the column that is asked for.
        """
        met, row, good = ContactIndex(self.source.count or 0), 0, 0
        for part in self.source.parts(lambda _: True):
            if isinstance(part, BadRow):
                self.bad.add(part)
                continue
            chunk = self._chunk(part)
            # Of two rows with one id the first counts, even where it is bad.
            nameless = chunk.apart.copy()
            group = self._groups(chunk)
            again = met.add(chunk.one, chunk.two, row, nameless)
            row += chunk.rows
            self._meet(chunk, ~(chunk.apart | again))
            for own in np.flatnonzero(chunk.apart | again).tolist():
                group[own] = self._group_of_one(chunk, own, is_again=bool(again[own]))
            whose = self.index.find(chunk.one, chunk.two)
            kept = (group >= 0) & (whose >= 0)
            self.found.group[whose[kept]] = group[kept]
            good += int(np.count_nonzero(group >= 0))
        if good and self.asked.by != SEGMENTS:
            self.asked.need_column(self.met, self.source.source)
        return self.found

    def _chunk(self, part: Part) -> Chunk:
        number, names, arrays = part
        plan = ContactPlan(names, places_of(names, self.source.source), self.spellings, self.asked.zone)
        return Chunk(plan, arrays, number)

    def _groups(self, chunk: Chunk) -> np.ndarray:
        """By row, its group; marks the rows that the readers of cells must look at."""
        people = self.encoder.contacts(chunk)
        columns = rule_columns(chunk)
        if self.asked.by == SEGMENTS:
            return self._groups_of_all(chunk, columns["segments"], people.person["zone"])
        column = columns.get(self.asked.field)
        if column is None:
            return np.zeros(chunk.rows, np.int64)
        used = np.bincount(column.codes, minlength=len(column.values)) > 0
        numbers = [
            self.found.number(value) if is_used else 0 for value, is_used in zip(column.values, used, strict=True)
        ]
        return np.array(numbers, np.int64)[column.codes]

    def _groups_of_all(self, chunk: Chunk, own: Column, zone: np.ndarray) -> np.ndarray:
        masks = self.encoder.segments(chunk, zone)
        code = own.codes.astype(np.int64)
        held: list[tuple[int, tuple[str, ...]]] = [(place, ()) for place in range(len(own.values))]
        for segment in self.asked.playbook.segments:
            true, _ = masks.pair(segment.name)
            found, code = np.unique(code * 2 + true, return_inverse=True)
            held = [
                (held[pair // 2][0], (*held[pair // 2][1], *((segment.name,) if pair % 2 else ())))
                for pair in found.tolist()
            ]
        used = np.bincount(code, minlength=len(held)) > 0
        numbers = [
            self.found.number((*(own.values[place] or ()), *named)) if is_used else 0
            for (place, named), is_used in zip(held, used, strict=True)
        ]
        return np.array(numbers, np.int64)[code]

    def _meet(self, chunk: Chunk, good: np.ndarray) -> None:
        """Remember what contacts have: the columns in which one of them says something."""
        if self.asked.field in self.met or not good.any():
            return
        self.met |= _FIELDS
        columns = rule_columns(chunk)
        for name in columns.keys() - self.met:
            column = columns[name]
            known = np.array([value is not None for value in column.values], np.bool_)
            if known[column.codes][good].any():
                self.met.add(name)

    def _group_of_one(self, chunk: Chunk, row: int, *, is_again: bool) -> int:
        """The group of a contact that the readers of cells must look at; -1 for a row that cannot be used."""
        asked, source, number = self.asked, self.source.source, chunk.number + row
        try:
            if is_again:
                raise BadCellError(chunk.ids[row].as_py(), "one row for each contact")  # noqa: TRY301  (one way for all)
            contact = chunk.contact(row)
        except BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            self.bad.add(BadRow(source, number, column, bad.found, bad.allowed))
            return -1
        except ModelError as error:
            self.bad.add(BadRow.of_error(source, number, error))
            return -1
        if asked.by == SEGMENTS:
            return self.found.number(asked.playbook.segments_of(contact, asked.at))
        values = contact.values()
        self.met.update(values)
        return self.found.number(values.get(asked.field))
