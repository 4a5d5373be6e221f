"""Audiences of campaigns: how many contacts are in each, and in two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.basics.clock import clock, micros, moment
from journeykit.columns import has_columns
from journeykit.model.campaign import Campaign
from journeykit.model.content import Content
from journeykit.playbook.playbook import Playbook
from journeykit.tables.arrow.open_arrow import as_rows
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.column_names import Spellings
from journeykit.tables.contact_table import ContactTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from journeykit.columns.chunk import Chunk
    from journeykit.kernels.interface.contact_arrays import Contacts
    from journeykit.model.contact import Contact

_BITS = 64


@frozen(eq=False, kw_only=True)
class AudienceOverlap:
    """The contacts of a table by the audiences that they are in, whether their campaigns are open or not.

    Attributes:
        contacts: how many there are.
        pairs: by two campaigns, in the playbook's order, how many contacts are in the audiences of both; of one and
            the same, how many are in its audience.
        bad_lines: what is to be said of rows that could not be used.
    """

    contacts: int
    pairs: NDArray[np.int64]
    bad_lines: tuple[str, ...]

    @classmethod
    def read(
        cls, playbook: Playbook, contacts: Any, *, at: datetime, zone: str | None, max_bad: int | str | None
    ) -> AudienceOverlap:
        """Ask the rules of all campaigns of each contact of a table.

        Args:
            playbook: the rule set.
            contacts: the table.
            at: the instant at which rules are asked, aware. What they ask of events is unknown, and selects nobody.
            zone: IANA name of the zone in which instants without an offset are meant.
            max_bad: how many bad rows are tolerated.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
        """
        bad = BadRows(max_bad)
        where = None if zone is None else clock(zone).zone
        how = {"spellings": Spellings.of(playbook), "zone": where, "bad": bad}
        kind = _ByColumns if has_columns() else _ByRows
        found = kind(playbook, contacts, moment(micros(at)), how)
        pairs = np.zeros((len(playbook.campaigns or ()),) * 2, np.int64)
        for inside in found.pieces():
            ones = inside.astype(np.float32)
            pairs += (ones.T @ ones).astype(np.int64)
        return cls(contacts=found.contacts, pairs=pairs, bad_lines=tuple(bad.lines()))


class _ByColumns:
    def __init__(self, playbook: Playbook, contacts: Any, at: datetime, how: dict[str, Any]) -> None:
        from journeykit.segments.contact_chunks import ContactChunks

        # Audiences need no other rules.
        lean = Playbook(
            timezone=playbook.timezone,
            journey=playbook.journey,
            segments=playbook.segments,
            content=[Content(id="-", channel="-")],
            campaigns=[Campaign(id=own.id, content=["-"], audience=own.audience) for own in playbook.campaigns or ()],
        )
        self._playbook, self._at = playbook, at
        self._chunks = ContactChunks(lean, contacts, at=at, **how)

    @property
    def contacts(self) -> int:
        return self._chunks.contacts

    def pieces(self) -> Iterator[NDArray[np.bool_]]:
        """Some contacts: by row and campaign, whether they are in its audience."""
        for piece in self._chunks.pieces(self._inside):
            apart = [_inside(self._playbook, contact, self._at) for _, contact in piece.apart]
            yield np.concatenate([piece.made[piece.good], np.array(apart, np.bool_).reshape(-1, piece.made.shape[1])])

    def _inside(self, chunk: Chunk, people: Contacts) -> NDArray[np.bool_]:
        campaigns = len(self._playbook.campaigns or ())
        bits = people.outside.view(np.uint64)
        found = np.ones((chunk.rows, campaigns), np.bool_)
        # Each campaign has one opening, in its order.
        for place in range(campaigns if bits.shape[1] else 0):
            found[:, place] = (bits[:, place // _BITS] >> np.uint64(place % _BITS)) & np.uint64(1) == 0
        return found


class _ByRows:
    def __init__(self, playbook: Playbook, contacts: Any, at: datetime, how: dict[str, Any]) -> None:
        self._playbook, self._at, self._bad = playbook, at, how["bad"]
        self._table = ContactTable(as_rows(contacts, "contacts"), **how)
        self.contacts = 0

    def pieces(self) -> Iterator[NDArray[np.bool_]]:
        """The contacts, one by one."""
        for _, contact in self._table:
            self.contacts += 1
            yield np.array([_inside(self._playbook, contact, self._at)], np.bool_)
        self._bad.refuse_useless(self._table.source, self.contacts)
        self._bad.check()


def _inside(playbook: Playbook, contact: Contact, at: datetime) -> list[bool]:
    """Whether a contact is in the audience of each campaign."""
    from journeykit.engine.eligibility import Subject

    local = clock(contact.timezone or playbook.timezone)
    values = Subject(contact, playbook, local, micros(at)).values
    then = local.moment(micros(at))
    return [own.audience is None or own.audience.compiled(values, then) is True for own in playbook.campaigns or ()]


def asks_events(playbook: Playbook) -> tuple[str, ...]:
    """The campaigns whose audiences ask what contacts did, themselves or by a segment of the playbook."""
    indirectly = any(segment.rule.aggregates for segment in playbook.segments)
    return tuple(
        own.id
        for own in playbook.campaigns or ()
        if own.audience is not None and (own.audience.aggregates or (indirectly and "segments" in own.audience.names))
    )
