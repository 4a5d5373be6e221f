"""A table of contacts, chunk by chunk: each contact once, as the columnar engine reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np

from journeykit.basics.threads import at_once
from journeykit.columns.chunk import Chunk
from journeykit.columns.contact_encoder import ContactEncoder
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.ruleset_arrays import RulesetArrays
from journeykit.columns.zone_arrays import LocalKinds
from journeykit.engine.ruleset import Ruleset
from journeykit.errors import ModelError
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import BadCellError
from journeykit.tables.contact_table import ContactPlan, is_attribute
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, tzinfo

    from journeykit.kernels.interface.contact_arrays import Contacts
    from journeykit.model.contact import Contact
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.bad_row_list import BadRows
    from journeykit.tables.column_names import Spellings

_THREADS = 2
_Made = TypeVar("_Made")


class ContactPiece(NamedTuple, Generic[_Made]):
    """Some contacts of a table.

    Attributes:
        chunk: their rows.
        made: what was worked out of them.
        good: the rows that columns say all about.
        apart: the rows that the readers of cells have read, each with its contact.
    """

    chunk: Chunk
    made: _Made
    good: np.ndarray
    apart: list[tuple[int, Contact]]


class ContactChunks:
    """Reads a table of contacts; of two rows with one id the first counts, even where it is bad.

    Args:
        playbook: whose rules are asked; those of its segments, and the audiences of its campaigns where it has some.
        contacts: the table.
        at: the instant at which rules are asked.
        spellings: how columns are written.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows go.

    Attributes:
        encoder: what says which rules hold.
        layout: the playbook as arrays.
        index: once all is read, the contacts by the numbers of their rows.
        contacts: how many were read so far.
        source: what the table is called.
    """

    def __init__(
        self,
        playbook: Playbook,
        contacts: Any,
        *,
        at: datetime,
        spellings: Spellings,
        zone: tzinfo | None,
        bad: BadRows,
    ) -> None:
        self._spellings, self._zone, self._bad = spellings, zone, bad
        self._table = open_source(contacts, "contacts", typed=is_attribute, texts=spellings.texts, zone=zone)
        self._table.needed = ("contact_id",)
        self.source = self._table.source
        columns = self._table.columns
        if columns is not None and "contact_id" not in places_of(columns, self.source):
            raise missing_column("contact_id", columns, self.source)
        ruleset = Ruleset(playbook)
        self.layout = RulesetArrays(ruleset, ruleset.messages)
        self.encoder = ContactEncoder(self.layout, at, LocalKinds([playbook.timezone]))
        self.index = ContactIndex(self._table.count or 0)
        self.contacts = 0

    def pieces(self, work: Callable[[Chunk, Contacts], _Made]) -> Iterator[ContactPiece[_Made]]:
        """The contacts in their order.

        Args:
            work: what is worked out of a chunk and the arrays of its contacts; several chunks at once.

        Raises:
            DataError: for a table that cannot be read, none of whose rows can be used, or with too many bad ones.
        """

        def read(part: Part) -> tuple[Chunk, np.ndarray, _Made]:
            number, names, arrays = part
            plan = ContactPlan(names, places_of(names, self.source), self._spellings, self._zone)
            chunk = Chunk(plan, arrays, number)
            nameless = chunk.apart.copy()
            people = self.encoder.contacts(chunk)
            return chunk, nameless, work(chunk, people)

        row = 0
        for chunk, nameless, made in at_once(read, self._parts(), min(_THREADS, os.cpu_count() or 1)):
            again = self.index.add(chunk.one, chunk.two, row, nameless)
            row += chunk.rows
            apart = chunk.apart | again
            found = [(own, self._contact(chunk, own, bool(again[own]))) for own in np.flatnonzero(apart).tolist()]
            read_apart = [(own, contact) for own, contact in found if contact is not None]
            self.contacts += int(np.count_nonzero(~apart)) + len(read_apart)
            yield ContactPiece(chunk, made, ~apart, read_apart)
        if self._table.count is not None:
            self._bad.rows[self.source] = self._table.count
        self._bad.refuse_useless(self.source, self.contacts)
        self._bad.check()

    def _parts(self) -> Iterator[Part]:
        for part in self._table.parts(lambda _: True):
            if isinstance(part, BadRow):
                self._bad.add(part)
            else:
                yield part

    def _contact(self, chunk: Chunk, row: int, is_again: bool) -> Contact | None:
        """A contact that the readers of cells must look at; None for a row that cannot be used."""
        number = chunk.number + row
        try:
            if is_again:
                raise BadCellError(chunk.ids[row].as_py(), "one row for each contact")  # noqa: TRY301  (one way for all)
            return chunk.contact(row)
        except BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            self._bad.add(BadRow(self.source, number, column, bad.found, bad.allowed))
        except ModelError as error:
            self._bad.add(BadRow.of_error(self.source, number, error))
        return None
