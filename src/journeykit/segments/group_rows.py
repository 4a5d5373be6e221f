"""Groups of contacts, read row by row: where the extension module was not built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.segments.group_facet import SEGMENT, FacetCodes, need_columns, orders_of
from journeykit.tables.arrow.open_arrow import as_rows
from journeykit.tables.contact_table import ContactTable

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.bad_row_list import BadRows
    from journeykit.tables.column_names import Spellings


class GroupRows:
    """Reads a table of contacts one by one.

    Args:
        playbook: whose segments.
        contacts: the table.
        asked: the facets.
        at: the instant at which rules are asked.
        spellings: how columns are written.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows go.
    """

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
        self.table = ContactTable(as_rows(contacts, "contacts"), spellings=spellings, zone=zone, bad=bad)

    def read(self) -> dict[str, Any]:
        """Read all: what `ContactGroups` is made of."""
        facets = {name: FacetCodes(name) for name in self.asked}
        codes: dict[str, list[int]] = {name: [] for name in facets}
        index: dict[str, int] = {}
        met: set[str] = set()
        for _, contact in self.table:
            index[contact.id] = len(index)
            values = contact.values()
            met.update(name for name, value in values.items() if value is not None)
            for name, own in facets.items():
                value = self.playbook.segments_of(contact, self.at) if name == SEGMENT else values.get(name)
                codes[name].append(own.code(value))
        self.bad.refuse_useless(self.table.source, len(index))
        self.bad.check()
        if index:
            need_columns(self.asked, met, self.table.source)
        orders = orders_of(self.playbook)
        for name, own in facets.items():
            own.codes.append(np.array(codes[name], np.int32))
        found = {name: own.facet(orders.get(name, ())) for name, own in facets.items()}
        return {"contacts": len(index), "source": self.table.source, "facets": found, "index": index}
