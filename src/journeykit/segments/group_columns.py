"""Groups of contacts, read over columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.threads import at_once
from journeykit.columns.chunk import Chunk, rule_columns
from journeykit.columns.contact_encoder import ContactEncoder
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.ruleset_arrays import RulesetArrays
from journeykit.columns.zone_arrays import LocalKinds
from journeykit.engine.ruleset import Ruleset
from journeykit.errors import ModelError
from journeykit.model.bad_row import BadRow
from journeykit.playbook.playbook import Playbook
from journeykit.segments.group_facet import SEGMENT, FacetCodes, need_columns, orders_of
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import BadCellError
from journeykit.tables.contact_table import ContactPlan, is_attribute
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from journeykit.model.contact import Contact
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.column import Column
    from journeykit.tables.bad_row_list import BadRows
    from journeykit.tables.column_names import Spellings

_THREADS = 2
_LARGEST = 2**62


class _Grouped(NamedTuple):
    """A chunk, the rows whose ids cannot be used, and by facet a code by row and what the codes mean."""

    chunk: Chunk
    nameless: np.ndarray
    groups: dict[str, tuple[np.ndarray, list[Any]]]


class GroupColumns:
    """Reads a table of contacts chunk by chunk; the arguments are those of `GroupRows`."""

    def __init__(
        self,
        playbook: Playbook,
        contacts: Any,
        asked: tuple[str, ...],
        at: datetime,
        spellings: Spellings,
        zone: tzinfo | None,
        bad: BadRows,
    ) -> None:
        self.playbook, self.asked, self.at, self.bad = playbook, asked, at, bad
        self.spellings, self.zone = spellings, zone
        self.source = open_source(contacts, "contacts", typed=is_attribute, texts=spellings.texts, zone=zone)
        self.source.needed = ("contact_id",)
        columns = self.source.columns
        if columns is not None and "contact_id" not in places_of(columns, self.source.source):
            raise missing_column("contact_id", columns, self.source.source)
        # Segments need no other rules.
        lean = Playbook(timezone=playbook.timezone, journey=playbook.journey, segments=playbook.segments)
        self.encoder = ContactEncoder(RulesetArrays(Ruleset(lean), ()), at, LocalKinds([playbook.timezone]))
        self.facets = {name: FacetCodes(name) for name in asked}
        self.met: set[str] = set()
        self.contacts = 0

    def read(self) -> dict[str, Any]:
        """Read all: what `ContactGroups` is made of."""
        index, row = ContactIndex(self.source.count or 0), 0
        for found in at_once(self._grouped, self._parts(), min(_THREADS, os.cpu_count() or 1)):
            chunk = found.chunk
            again = index.add(chunk.one, chunk.two, row, found.nameless)
            row += chunk.rows
            self._take(found, chunk.apart | again, again)
        if self.source.count is not None:
            self.bad.rows[self.source.source] = self.source.count
        self.bad.refuse_useless(self.source.source, self.contacts)
        self.bad.check()
        if self.contacts:
            need_columns(self.asked, self.met, self.source.source)
        orders = orders_of(self.playbook)
        facets = {name: own.facet(orders.get(name, ())) for name, own in self.facets.items()}
        return {"contacts": self.contacts, "source": self.source.source, "facets": facets, "index": index}

    def _parts(self) -> Iterator[Part]:
        for part in self.source.parts(lambda _: True):
            if isinstance(part, BadRow):
                self.bad.add(part)
            else:
                yield part

    def _grouped(self, part: Part) -> _Grouped:
        number, names, arrays = part
        plan = ContactPlan(names, places_of(names, self.source.source), self.spellings, self.zone)
        chunk = Chunk(plan, arrays, number)
        # Of two rows with one id the first counts, even where it is bad.
        nameless = chunk.apart.copy()
        people = self.encoder.contacts(chunk)
        columns = rule_columns(chunk)
        groups = {}
        for name in self.asked:
            if name == SEGMENT:
                groups[name] = self._segments(chunk, columns["segments"], people.person["zone"])
            elif name in columns:
                groups[name] = columns[name].codes, columns[name].values
        return _Grouped(chunk, nameless, groups)

    def _segments(self, chunk: Chunk, own: Column, zone: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        """By row a code, and by code the segments: a bit for each of the playbook's, and those that contacts bring."""
        masks = self.encoder.segments(chunk, zone)
        code, size = own.codes.astype(np.int64), len(own.values)
        held: list[tuple[Any, ...]] = [tuple(value or ()) for value in own.values]
        names: list[str] = []
        for segment in self.playbook.segments:
            if size * 2 ** (len(names) + 1) >= _LARGEST:
                code, held = _renumbered(code, held, names)
                size, names = len(held), []
            true, _ = masks.pair(segment.name)
            code += true.astype(np.int64) * (size << len(names))
            names.append(segment.name)
        return _renumbered(code, held, names)

    def _take(self, found: _Grouped, apart: np.ndarray, again: np.ndarray) -> None:
        """Take a chunk; contacts apart are read cell by cell."""
        chunk, good = found.chunk, ~apart
        self.contacts += int(np.count_nonzero(good))
        if good.any():
            self._meet(chunk, good)
        codes = {name: self._codes(name, found, good) for name in self.asked}
        for row in np.flatnonzero(apart).tolist():
            contact = self._contact(chunk, row, is_again=bool(again[row]))
            if contact is not None:
                self._take_one(contact, codes, row)
        for name, own in codes.items():
            self.facets[name].codes.append(own)

    def _codes(self, name: str, found: _Grouped, good: np.ndarray) -> np.ndarray:
        """By row of a chunk, the code of a facet; -1 for contacts apart."""
        facet = self.facets[name]
        own = np.full(len(good), -1, np.int32)
        if name not in found.groups:
            own[good] = facet.code(None) if good.any() else -1
            return own
        code, values = found.groups[name]
        used = np.bincount(code[good], minlength=len(values)) > 0
        numbers = [facet.code(value) if is_used else -1 for value, is_used in zip(values, used.tolist(), strict=True)]
        own[good] = np.array(numbers or [-1], np.int32)[code[good]]
        return own

    def _meet(self, chunk: Chunk, good: np.ndarray) -> None:
        """Remember what contacts have: the columns in which one of them says something."""
        columns = rule_columns(chunk)
        for name in columns.keys() - self.met:
            if name in self.asked:
                column = columns[name]
                known = np.array([value is not None for value in column.values], np.bool_)
                is_met = bool(known[column.codes][good].any())
            else:
                is_met = True
            if is_met:
                self.met.add(name)

    def _take_one(self, contact: Contact, codes: dict[str, np.ndarray], row: int) -> None:
        self.contacts += 1
        values = contact.values()
        self.met.update(name for name, value in values.items() if value is not None)
        for name, own in codes.items():
            value = self.playbook.segments_of(contact, self.at) if name == SEGMENT else values.get(name)
            own[row] = self.facets[name].code(value)

    def _contact(self, chunk: Chunk, row: int, *, is_again: bool) -> Contact | None:
        """A contact that the readers of cells must look at; None for a row that cannot be used."""
        source, number = self.source.source, chunk.number + row
        try:
            if is_again:
                raise BadCellError(chunk.ids[row].as_py(), "one row for each contact")  # noqa: TRY301  (one way for all)
            return chunk.contact(row)
        except BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            self.bad.add(BadRow(source, number, column, bad.found, bad.allowed))
        except ModelError as error:
            self.bad.add(BadRow.of_error(source, number, error))
        return None


def _renumbered(
    code: np.ndarray, held: list[tuple[Any, ...]], names: list[str]
) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """Codes that count on, and what they mean: what was held, and a name for each bit above it."""
    found, numbers = np.unique(code, return_inverse=True)
    size = len(held)
    means = [
        (*held[own % size], *(name for place, name in enumerate(names) if own // size >> place & 1))
        for own in found.tolist()
    ]
    return numbers.reshape(-1), means
