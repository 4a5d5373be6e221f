"""Counting the contacts of a table by segment, over columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import clock, moment
from journeykit.basics.threads import at_once
from journeykit.columns.chunk import Chunk
from journeykit.columns.contact_encoder import ContactEncoder
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.ruleset_arrays import RulesetArrays
from journeykit.columns.zone_arrays import LocalKinds
from journeykit.engine.ruleset import Ruleset
from journeykit.errors import ModelError
from journeykit.model.bad_row import BadRow
from journeykit.playbook.playbook import Playbook
from journeykit.segments.segment_tally import SegmentTally
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError
from journeykit.tables.column_names import Spellings
from journeykit.tables.contact_table import ContactPlan, is_attribute
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.segment_report import SegmentReport
    from journeykit.tables.arrow.adapters import Part

_THREADS = 2


class _Read(NamedTuple):
    """A chunk, the rows whose ids cannot be used, and by row and segment who is in it, and of whom it is not known."""

    chunk: Chunk
    nameless: np.ndarray
    inside: np.ndarray
    unknown: np.ndarray


def count_table(
    playbook: Playbook, contacts: Any, *, now: int, zone: str | None, max_bad: int | str | None
) -> SegmentReport:
    """Count the contacts of a table by segment.

    Args:
        playbook: whose segments.
        contacts: a dataframe, a path, a folder or dataset of Parquet files, or rows as mappings.
        now: the instant at which the rules are asked, in microseconds since 1970.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share (``"1%"``); None for any number.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows.
    """
    return _Count(playbook, contacts, now, zone, BadRows(max_bad)).report()


class _Count:
    def __init__(self, playbook: Playbook, contacts: Any, now: int, zone: str | None, bad: BadRows) -> None:
        self.playbook = playbook
        self.now = now
        self.bad = bad
        self.zone = None if zone is None else clock(zone).zone
        self.spellings = Spellings.of(playbook)
        self.source = open_source(contacts, "contacts", typed=is_attribute, texts=self.spellings.texts, zone=self.zone)
        self.source.needed = ("contact_id",)
        columns = self.source.columns
        if columns is not None and "contact_id" not in places_of(columns, self.source.source):
            raise missing_column("contact_id", columns, self.source.source)
        # Counting segments needs no other rules.
        lean = Playbook(timezone=playbook.timezone, journey=playbook.journey, segments=playbook.segments)
        layout = RulesetArrays(Ruleset(lean), ())
        self.encoder = ContactEncoder(layout, moment(now), LocalKinds([playbook.timezone]))
        self.tally = SegmentTally(len(playbook.segments))

    def report(self) -> SegmentReport:
        """Read all, and say what was counted."""
        met, row = ContactIndex(self.source.count or 0), 0
        for found in at_once(self._read, self._parts(), min(_THREADS, os.cpu_count() or 1)):
            chunk = found.chunk
            again = met.add(chunk.one, chunk.two, row, found.nameless)
            row += chunk.rows
            apart = chunk.apart | again
            self.tally.merge(_tally(found.inside[~apart], found.unknown[~apart]))
            for own in np.flatnonzero(apart).tolist():
                self._add_one(chunk, own, is_again=bool(again[own]))
        if self.source.count is not None:
            self.bad.rows[self.source.source] = self.source.count
        self.bad.refuse_useless(self.source.source, self.tally.contacts)
        self.bad.check()
        return self.tally.report(self.playbook, self.now, self.bad.total, self.bad.first)

    def _parts(self) -> Iterator[Part]:
        for part in self.source.parts(lambda _: True):
            if isinstance(part, BadRow):
                self.bad.add(part)
            else:
                yield part

    def _read(self, part: Part) -> _Read:
        number, names, arrays = part
        plan = ContactPlan(names, places_of(names, self.source.source), self.spellings, self.zone)
        chunk = Chunk(plan, arrays, number)
        # Of two rows with one id the first counts, even where it is bad.
        nameless = chunk.apart.copy()
        people = self.encoder.contacts(chunk)
        segments = self.encoder.segments(chunk, people.person["zone"])
        shape = chunk.rows, len(self.playbook.segments)
        inside, unknown = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        for place, segment in enumerate(self.playbook.segments):
            true, false = segments.pair(segment.name)
            inside[:, place], unknown[:, place] = true, ~true & ~false
        return _Read(chunk, nameless, inside, unknown)

    def _add_one(self, chunk: Chunk, row: int, *, is_again: bool) -> None:
        """Count a contact that the readers of cells must look at."""
        source, number = self.source.source, chunk.number + row
        try:
            if is_again:
                raise BadCellError(chunk.ids[row].as_py(), "one row for each contact")  # noqa: TRY301  (one way for all)
            self.tally.add_contact(self.playbook, chunk.contact(row), self.now)
        except BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            self.bad.add(BadRow(source, number, column, bad.found, bad.allowed))
        except ModelError as error:
            self.bad.add(BadRow.of_error(source, number, error))


def _tally(inside: np.ndarray, unknown: np.ndarray) -> SegmentTally:
    """The tally of some contacts: by row and segment, who is in it, and of whom it is not known."""
    found = SegmentTally(inside.shape[1])
    number = inside.sum(axis=1)
    # A chunk has fewer rows than the whole numbers that these floats hold exactly.
    ones = inside.astype(np.float64)
    found.contacts = len(inside)
    found.inside = inside.sum(axis=0).tolist()
    found.unknown = unknown.sum(axis=0).tolist()
    found.alone = inside[number == 1].sum(axis=0).tolist()
    found.by_number = np.bincount(number, minlength=inside.shape[1] + 1).tolist()
    found.pairs = np.triu(ones.T @ ones, 1).astype(np.int64).tolist()
    return found
