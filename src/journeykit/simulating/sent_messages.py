"""The messages that contacts have got, by contact and instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import DAY, FOREVER
from journeykit.simulating.rows_until import instants_of
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.kept_table import KeptTable
from journeykit.tables.arrow.open_arrow import open_with
from journeykit.tables.cells import is_missing
from journeykit.tables.header import places_of

if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import Self

    from numpy.typing import NDArray

    from journeykit.measuring.contact_numbers import ContactNumbers


class SentMessages:
    """When contacts got messages, by contact and instant."""

    def __init__(self, contact: NDArray[np.int64], at: NDArray[np.int64]) -> None:
        order = np.lexsort((at, contact))
        self._contact, self._at = contact[order], at[order]

    @classmethod
    def of(cls, touches: Any, contacts: ContactNumbers, end: int, zone: tzinfo | None) -> Self:
        """The messages of a table, until an instant; rows that cannot be read are no messages."""
        who, when = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        if touches is not None:
            table = KeptTable.of(open_with(touches, "touches", ("contact_id", "sent_at"), zone))
            for _, names, arrays in table.chunks():
                places = places_of(names, table.source)
                ids, at = (Column(arrays[places[name]]) for name in ("contact_id", "sent_at"))
                instants = instants_of(at, zone, FOREVER)
                own = contacts.find(ids, len(ids), {}).astype(np.int64)
                good = (own >= 0) & (instants <= end)
                if "status" in places:
                    codes, values = Column(arrays[places["status"]]).read(lambda cell: cell)
                    good &= np.array([_went_out(own) for own in values], np.bool_)[codes]
                who.append(own[good])
                when.append(instants[good])
        return cls(np.concatenate(who), np.concatenate(when))

    def days_by(
        self,
        contact: NDArray[np.int64],
        stage: NDArray[np.int64],
        since: NDArray[np.int64],
        until: NDArray[np.int64],
        size: int,
    ) -> NDArray[np.float64]:
        """By stage, on how many days of their stays there contacts got a message."""
        found = np.zeros(size)
        fresh = np.ones(len(self._at), np.bool_)
        fresh[1:] = (self._contact[1:] != self._contact[:-1]) | (self._at[1:] // DAY != self._at[:-1] // DAY)
        place = _last_before(contact, since, self._contact[fresh], self._at[fresh])
        own = np.flatnonzero(place >= 0)
        own = own[self._at[fresh][own] < until[place[own]]]
        return found + np.bincount(stage[place[own]], minlength=size)

    def follows(self, contact: NDArray[np.int64], at: NDArray[np.int64], reach: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether what contacts did follows a message within some time."""
        place = _last_before(self._contact, self._at, contact, at)
        gap = at - np.append(self._at, -FOREVER // 2)[place]
        found: NDArray[np.bool_] = (place >= 0) & (gap <= reach)
        return found

    def counts(self, since: int, until: int, size: int) -> NDArray[np.int64]:
        """By contact, how many messages came after one instant, and not after another.

        Args:
            since: the one.
            until: the other.
            size: how many contacts there are.
        """
        found: NDArray[np.int64] = np.bincount(self._contact[(self._at > since) & (self._at <= until)], minlength=size)
        return found


def _went_out(status: Any) -> bool:
    """Whether a message went out, by its status; one without any did."""
    return is_missing(status) or str(status).strip().casefold() == "sent"


def _last_before(
    contact: NDArray[np.int64], at: NDArray[np.int64], whose: NDArray[np.int64], when: NDArray[np.int64]
) -> NDArray[np.int64]:
    """By contact and instant, the place of the contact's last row at or before it; -1 for none.

    Args:
        contact: by row, the contact; rows are by contact and, of each, by instant.
        at: by row, the instant.
        whose: the contacts that are asked for.
        when: the instants.
    """
    merged = np.concatenate([contact, whose])
    order = np.lexsort((np.arange(len(merged)), np.concatenate([at, when]), merged))
    rows = np.where(order < len(contact), order, -1)
    last = np.maximum.accumulate(np.where(rows >= 0, np.arange(len(order)), -1))
    row = np.where(last >= 0, rows[last], -1)
    place = np.full(len(whose), -1, np.int64)
    asked = order >= len(contact)
    place[order[asked] - len(contact)] = row[asked]
    same = np.append(contact, -1)[place] == whose
    return np.where(same & (place >= 0), place, -1)
