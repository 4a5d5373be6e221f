"""Tables of decisions, for measures: which contacts were assigned, when, and to which arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from attrs import frozen
from numpy.typing import NDArray

from journeykit.measuring.cell_columns import as_array, instants
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.model.bad_row import BadRow
from journeykit.model.outcome import Outcome, Reason
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_with
from journeykit.tables.cells import instant_reader
from journeykit.tables.header import fold_name, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from journeykit.measuring.cell_columns import Faults
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.bad_row_list import BadRows

_NEEDED = ("contact_id", "decided_at")
_COLUMNS = (*_NEEDED, "account_id", "campaign_id", "outcome", "reason", "arm")
_NOT_DENIED = (Outcome.GRANTED, Outcome.DEFERRED)
_EARLIER = frozenset(list(Reason)[1 : list(Reason).index(Reason.HOLDOUT)])
"""Of a claim with one of these reasons nobody asked whether its contact is held out."""


@frozen(eq=False, kw_only=True)
class AssignmentLog:
    """The contacts of tables of decisions.

    Attributes:
        ids: the contacts' ids, by their number here.
        account: their accounts' ids; null for none.
        contact: by row, the number of the contact. Rows that follow each other and say the same are one.
        at: by row, when it was decided, in microseconds since 1970.
        arm: by row, a place in `arms`.
        arms: texts of arms, as decisions name them; None for none.
        reached: by campaign that has a holdout of its own, which contacts were asked whether they are in it: those of
            whom no check before it speaks against the campaign.
        has_denied: whether a claim was denied in them, or nothing says so; if none was, they may not be whole.
        bad: the first of the rows that could not be used.
        bad_rows: how many there are.
        bad_lines: what is to be said of them, a line for each table.

    Example:
        >>> from journeykit.tables import BadRows
        >>> row = {"contact_id": "anna", "decided_at": "2026-11-05T10:00Z", "arm": "tone:bold", "reason": "granted"}
        >>> log = AssignmentLog.read([row, row], (), zone=None, bad=BadRows())
        >>> log.ids.to_pylist(), [log.arms[place] for place in log.arm]
        (['anna'], ['tone:bold'])
    """

    ids: pa.Array
    account: pa.Array
    contact: NDArray[np.int64]
    at: NDArray[np.int64]
    arm: NDArray[np.int64]
    arms: tuple[str | None, ...]
    reached: Mapping[str, NDArray[np.bool_]]
    has_denied: bool = True
    bad: tuple[BadRow, ...] = ()
    bad_rows: int = 0
    bad_lines: tuple[str, ...] = ()

    def among(self, ids: pa.Array) -> NDArray[np.int64]:
        """By number of a contact here, the place among other ids; -1 for one who is not there."""
        return ContactNumbers.of(ids).find(Column(self.ids), len(self.ids), {}).astype(np.int64)

    def as_contacts(self) -> pa.Table:
        """Its contacts, as a table of contacts."""
        return pa.table({"contact_id": self.ids, "account_id": self.account})

    @classmethod
    def read(cls, source: Any, campaigns: Iterable[str], *, zone: tzinfo | None, bad: BadRows) -> Self:
        """Read a table of decisions.

        Args:
            source: the table: whatever other tables come as.
            campaigns: those that have a holdout of their own.
            zone: the zone in which instants without an offset are meant.
            bad: where bad rows are counted.

        Raises:
            DataError: for a table that cannot be read.
        """
        table = open_with(source, "decisions", _NEEDED, zone)
        made = _LogReading(table, tuple(campaigns), zone, bad)
        for part in table.parts(lambda name: fold_name(name) in _COLUMNS):
            if isinstance(part, BadRow):
                bad.add(part)
            else:
                made.take(part)
        bad.refuse_useless(table.source, made.good)
        return cls(**made.parts(), bad=tuple(bad.first), bad_rows=bad.total, bad_lines=tuple(bad.lines()))


class _LogReading:
    def __init__(self, table: ArrowTable, campaigns: Sequence[str], zone: tzinfo | None, bad: BadRows) -> None:
        self._source = table.source
        self._instant = instant_reader(zone, bounded=True)
        self._bad = bad
        self._numbers = ContactNumbers()
        self._accounts: list[pa.Array] = []
        self._rows: list[NDArray[np.int64]] = []
        self._arms: dict[str | None, int] = {}
        self._reached: dict[str, list[NDArray[np.int64]]] = {name: [] for name in campaigns}
        self._denied: list[bool] = []
        self.good = 0

    def take(self, part: Part) -> None:
        """Take a chunk."""
        number, names, arrays = part
        places = places_of(names, self._source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        faults: Faults = {}
        at = instants(columns, places, rows, faults, "decided_at", self._instant)
        before = self._numbers.count
        contact = self._numbers.meet(columns[places["contact_id"]] if "contact_id" in places else None, rows, faults)
        for row in sorted(faults):
            self._bad.add(BadRow(self._source, number + row, *faults[row]))
        good = np.ones(rows, np.bool_)
        good[list(faults)] = False
        self.good += int(np.count_nonzero(good))
        self._take_accounts(columns, places, contact, before)
        arm = self._coded(columns[places["arm"]]) if "arm" in places else np.full(rows, self._arm(None))
        told = np.column_stack([contact, at, arm])[good]
        # A contact has a row for each claim, one after the other, and they say the same here.
        is_new = np.append(True, (told[1:] != told[:-1]).any(axis=1))[: len(told)]
        self._rows.append(told[is_new])
        for name, others in (("outcome", _NOT_DENIED), ("reason", (Reason.GRANTED,))):
            if name in places:
                column = columns[places[name]]
                is_denied = np.array([own is not None and own not in others for own in column.values], np.bool_)
                self._denied.append(bool((is_denied[column.codes] & good).any()))
                break
        if self._reached and "campaign_id" in places and "reason" in places:
            self._take_reached(columns[places["campaign_id"]], columns[places["reason"]], contact, good)

    def _take_accounts(
        self, columns: Sequence[Column], places: Mapping[str, int], contact: NDArray[np.int64], before: int
    ) -> None:
        """The accounts of contacts that are new, by their first row."""
        new = self._numbers.count - before
        if "account_id" not in places or not new:
            self._accounts.append(pa.nulls(new, pa.large_string()))
            return
        found, first = np.unique(contact, return_index=True)
        column = as_array(columns[places["account_id"]].take(first[found >= before]).data)
        self._accounts.append(column.cast(pa.large_string()))

    def _arm(self, text: str | None) -> int:
        return self._arms.setdefault(text, len(self._arms))

    def _coded(self, column: Column) -> NDArray[np.int64]:
        places = [self._arm(None if own in (None, "") else str(own)) for own in column.values]
        found: NDArray[np.int64] = np.array(places, np.int64)[column.codes]
        return found

    def _take_reached(
        self, campaign: Column, reason: Column, contact: NDArray[np.int64], good: NDArray[np.bool_]
    ) -> None:
        asked = np.array([own not in _EARLIER for own in reason.values], np.bool_)[reason.codes] & good
        for name, found in self._reached.items():
            own = np.array([value == name for value in campaign.values], np.bool_)[campaign.codes]
            found.append(np.unique(contact[own & asked]))

    def parts(self) -> dict[str, Any]:
        """What was read."""
        count = self._numbers.count
        rows = np.concatenate(self._rows or [np.zeros((0, 3), np.int64)])
        reached = {name: np.zeros(count, np.bool_) for name in self._reached}
        for name, found in self._reached.items():
            for own in found:
                reached[name][own] = True
        return {
            "ids": self._numbers.ids,
            "account": pa.concat_arrays(self._accounts or [pa.nulls(0, pa.large_string())]),
            "contact": rows[:, 0],
            "at": rows[:, 1],
            "arm": rows[:, 2],
            "arms": tuple(self._arms),
            "reached": reached,
            "has_denied": any(self._denied) or not self._denied,
        }
