"""Groups of contacts, read over columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.columns.chunk import Chunk, rule_columns
from journeykit.playbook.playbook import Playbook
from journeykit.segments.contact_chunks import ContactChunks
from journeykit.segments.group_facet import SEGMENT, FacetCodes, need_columns, orders_of

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from journeykit.kernels.interface.contact_arrays import Contacts
    from journeykit.model.contact import Contact
    from journeykit.segments.contact_chunks import ContactPiece
    from journeykit.tables.arrow.column import Column
    from journeykit.tables.bad_row_list import BadRows
    from journeykit.tables.column_names import Spellings

_LARGEST = 2**62
Groups = dict[str, tuple[np.ndarray, list[Any]]]
"""By facet, a code by row and what the codes mean."""


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
        self.playbook, self.asked, self.at = playbook, asked, at
        # Segments need no other rules.
        lean = Playbook(timezone=playbook.timezone, journey=playbook.journey, segments=playbook.segments)
        self.chunks = ContactChunks(lean, contacts, at=at, spellings=spellings, zone=zone, bad=bad)
        self.facets = {name: FacetCodes(name) for name in asked}
        self.met: set[str] = set()

    def read(self) -> dict[str, Any]:
        """Read all: what `ContactGroups` is made of."""
        for piece in self.chunks.pieces(self._grouped):
            self._take(piece)
        if self.chunks.contacts:
            need_columns(self.asked, self.met, self.chunks.source)
        orders = orders_of(self.playbook)
        facets = {name: own.facet(orders.get(name, ())) for name, own in self.facets.items()}
        own = self.chunks
        return {"contacts": own.contacts, "source": own.source, "facets": facets, "index": own.index}

    def _grouped(self, chunk: Chunk, people: Contacts) -> Groups:
        columns = rule_columns(chunk)
        groups: Groups = {}
        for name in self.asked:
            if name == SEGMENT:
                groups[name] = self._segments(chunk, columns["segments"], people.person["zone"])
            elif name in columns:
                groups[name] = columns[name].codes, columns[name].values
        return groups

    def _segments(self, chunk: Chunk, own: Column, zone: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        """By row a code, and by code the segments: a bit for each of the playbook's, and those that contacts bring."""
        masks = self.chunks.encoder.segments(chunk, zone)
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

    def _take(self, piece: ContactPiece[Groups]) -> None:
        """Take a chunk; contacts apart are read cell by cell."""
        if piece.good.any():
            self._meet(piece.chunk, piece.good)
        codes = {name: self._codes(name, piece.made.get(name), piece.good) for name in self.asked}
        for row, contact in piece.apart:
            self._take_one(contact, codes, row)
        for name, own in codes.items():
            self.facets[name].codes.append(own)

    def _codes(self, name: str, found: tuple[np.ndarray, list[Any]] | None, good: np.ndarray) -> np.ndarray:
        """By row of a chunk, the code of a facet; -1 for contacts apart."""
        facet = self.facets[name]
        own = np.full(len(good), -1, np.int32)
        if found is None:
            own[good] = facet.code(None) if good.any() else -1
            return own
        code, values = found
        used = np.bincount(code[good], minlength=len(values)) > 0
        numbers = [facet.code(value) if is_used else -1 for value, is_used in zip(values, used.tolist(), strict=True)]
        own[good] = np.array(numbers or [-1], np.int32)[code[good]]
        return own

    def _meet(self, chunk: Chunk, good: np.ndarray) -> None:
        """Remember what contacts have: the columns in which one of them says something."""
        columns = rule_columns(chunk)
        for name in columns.keys() - self.met:
            known = None if name not in self.asked else [value is not None for value in columns[name].values]
            if known is None or np.array(known, np.bool_)[columns[name].codes][good].any():
                self.met.add(name)

    def _take_one(self, contact: Contact, codes: dict[str, np.ndarray], row: int) -> None:
        values = contact.values()
        self.met.update(name for name, value in values.items() if value is not None)
        for name, own in codes.items():
            value = self.playbook.segments_of(contact, self.at) if name == SEGMENT else values.get(name)
            own[row] = self.facets[name].code(value)


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
