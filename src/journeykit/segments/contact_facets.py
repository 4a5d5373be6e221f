"""The contacts of a table, by what they share, and where decisions find them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from attrs import evolve, frozen

from journeykit.basics.clock import clock, micros, moment
from journeykit.columns import has_columns
from journeykit.kernels import has_kernels
from journeykit.model.bad_row import BadRow
from journeykit.segments.group_facet import ALWAYS, SEGMENT, GroupFacet
from journeykit.segments.group_rows import GroupRows
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import read_id
from journeykit.tables.column_names import Spellings
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.playbook.playbook import Playbook

_OWN = {"contact_id": "id", "account_id": "account", "segments": SEGMENT}


@frozen(eq=False, kw_only=True)
class ContactGroups:
    """The contacts of a table, by what tells them apart; a few bytes for each of them.

    Attributes:
        contacts: how many there are.
        bad: the first of the rows that could not be used; of two rows with one id the later is one of them.
        bad_rows: how many there are.
        source: what the table is called.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook
        >>> playbook = Playbook.from_dict({"segments": [{"name": "big", "rule": "employees >= 500"}]})
        >>> rows = [{"contact_id": "anna", "employees": 700, "stage": "decision"}, {"contact_id": "ben"}]
        >>> groups = ContactGroups.read(playbook, rows, at=datetime(2026, 11, 5, tzinfo=UTC))
        >>> segments = groups.facet("segment")
        >>> list(zip(segments.labels, segments.contacts().tolist()))
        [(('big',), 1), ((None,), 1)]
        >>> groups.find(pa.array(["ben", "clara", "anna"])).tolist()
        [1, -1, 0]
    """

    contacts: int
    bad: tuple[BadRow, ...]
    bad_rows: int
    source: str
    _facets: Mapping[str, GroupFacet]
    _index: Any

    @classmethod
    def read(
        cls,
        playbook: Playbook,
        contacts: Any,
        *,
        at: datetime,
        by: Iterable[str] = (SEGMENT, "stage", "role"),
        zone: str | None = None,
        max_bad: int | str | None = None,
    ) -> Self:
        """Read a table of contacts.

        Args:
            playbook: whose segments.
            contacts: a dataframe, a path, a folder or dataset of Parquet files, or rows as mappings.
            at: the instant at which the rules of segments are asked, aware. What they ask of events is unknown.
            by: what tells contacts apart: ``segment``, ``stage``, ``role``, or any column. A contact may be in several
                segments, and in several groups of a column that holds lists.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            max_bad: how many bad rows are tolerated, as a number or as a share (``"1%"``); None for any number.

        Raises:
            DataError: for a table that cannot be used, too many bad rows, a column that no contact has, and one of too
                many values.
            ModelError: for a naive ``at``.
        """
        asked = {name: _OWN.get(fold_name(name), fold_name(name)) for name in by}
        spellings = Spellings.of(playbook)
        known = spellings.attributes
        spelt = {name: tuple({*known.get(name, ()), name}) for name in asked.values() if name not in ALWAYS}
        spellings = evolve(spellings, attributes={**known, **spelt})
        where = None if zone is None else clock(zone).zone
        bad = BadRows(max_bad)
        reader: type[GroupColumns | GroupRows] = GroupRows
        if has_columns():
            from journeykit.segments.group_columns import GroupColumns

            reader = GroupColumns
        found = reader(playbook, contacts, tuple(asked.values()), moment(micros(at)), spellings, where, bad).read()
        return cls(**found, bad=tuple(bad.first), bad_rows=bad.total)

    def facet(self, name: str) -> GroupFacet:
        """Groups by what was asked for, or by several of it together, as ``stage*role``.

        Raises:
            KeyError: for what was not asked for.
        """
        parts = (self._facets[_OWN.get(fold_name(part), fold_name(part))] for part in name.split("*"))
        return reduce(GroupFacet.times, parts)

    def find(self, ids: Any) -> NDArray[np.int64]:
        """The numbers of contacts by their ids; -1 where no contact of the table has the id.

        Args:
            ids: an array of Arrow, in one piece or in several, or a list.
        """
        if isinstance(ids, pa.ChunkedArray):
            return np.concatenate([np.zeros(0, np.int64), *(self.find(part) for part in ids.chunks)])
        column = Column(ids)
        if not has_kernels():
            codes, read = column.read(read_id)
            known = [-1 if own is UNREAD else self._index.get(own, -1) for own in read]
            by_row: NDArray[np.int64] = np.array(known or [-1], np.int64)[codes]
            return by_row
        from journeykit.columns.chunk import id_keys

        one, two, suspect = id_keys(column, len(column))
        found: NDArray[np.int64] = self._index.find(one, two).astype(np.int64)
        found[suspect] = -1
        return found
