"""Problems of many contacts under quotas, as kernels read and write them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table
from journeykit.kernels.interface.records import record

ITEM = np.dtype([("value", np.int64), ("kind", np.int32), ("number", np.int32)], align=True)
"""A claim at an instant: weight less reserve in millionths; its kind, which says what it uses of the quotas; and its
place in the order of claims of the contest that it comes from. So few bytes, since there are tens of millions."""
UNIT = record("top form row_from row_to clause_from clause_to")
"""A contact, or account: how many of its items can go in all; its form; and where its rows and clauses lie."""
LINE = record("start stop room")
"""A row: where its members lie, and how much there is in all."""
MEMBER = np.dtype([("pick", np.int32), ("use", np.int64)], align=True)
"""An item in a row, by its place in the unit, and what it uses."""
CLAUSE = record("pick start stop")
"""An item, by its place in the unit, and where its partners lie."""
TOP, LAMINAR, SEARCH = range(3)
"""The forms: the best few of all; taking the best first; anything else."""


class ProblemPool(ArrayBundle):
    """The problems of many contacts.

    Attributes:
        first: where the items of each unit start, and one more.
        unit: the units (`UNIT`).
        item: the items (`ITEM`), those of one unit in the order of claims.
        group: by item, the place in its unit of the first item of its claim, of which one item goes; empty where each
            item is the only one of its claim.
        column: by item, what it has of each column that quotas add up, in whole numbers.
        level: by item, the policy's rank, or the number of tier and rank among all; empty where there is one level.
        line: the rows (`LINE`).
        member: their members (`MEMBER`).
        clause: the clauses (`CLAUSE`).
        partner: the partners, by their places in the unit.
        key: by unit, 64 bits of the hash of its id: the order in which units take turns.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "unit": table(UNIT),
        "item": table(ITEM),
        "group": table(np.int32),
        "column": table(np.int64, 2),
        "level": table(np.int64),
        "line": table(LINE),
        "member": table(MEMBER),
        "clause": table(CLAUSE),
        "partner": table(np.int32),
        "key": table(np.uint64),
    }

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.unit)

    @property
    def widest(self) -> int:
        """The most items of one unit."""
        return int(np.diff(self.first).max(initial=1))


class PoolPart(ArrayBundle):
    """A part of a pool that is being filled.

    Attributes:
        pool: the tables, with room to spare.
        contact: by unit, whose problem it is.
        used: how many units, items, rows, members, clauses and partners there are.
        mark: room, by item, all 0.
    """

    fields: ClassVar = {
        "pool": ProblemPool,
        "contact": table(np.int64),
        "used": table(np.int64),
        "mark": table(np.int64),
    }


UNITS, ITEMS_, LINES_, MEMBERS_, CLAUSES_, PARTNERS_ = range(6)

MOST_ITEMS = 512
MOST_ROWS = 512

BLOCKS = 8
"""Units are told apart by hash into so many blocks, each of which has sums of its own."""


class Charges(ArrayBundle):
    """What several prices of the quotas take from an item, in fine units: millionths of weight, shifted to the left.

    Attributes:
        kind: by price and kind of item, what is charged whatever the item.
        slope: by price, kind and column, what is charged for one of the column's unit.
        shift: how many bits finer than millionths the units are.
    """

    fields: ClassVar = {
        "kind": table(np.int64, 2),
        "slope": table(np.float64, 3),
        "shift": int,
    }


OFFER = record("unit worth value item_from item_to one two")
"""A choice of a unit: what it is worth at the first prices; its value; where its items lie; and two hashes of all that
matters about it."""


class QuotaBudget(ArrayBundle):
    """What is left of the quotas, and what it costs to go beyond.

    Attributes:
        fixed: by kind and row, what any item of the kind uses.
        column: by row, the column that is added up, or -1.
        factor: by kind and row, what it is multiplied with.
        touched: by kind, where its rows lie in `rows`, and one more.
        rows: the rows that items of a kind use.
        left: by row, how much is left; less than nothing where it is broken.
        fine: by row, what one whole unit beyond the room costs, in millionths.
        hard: by row, whether it must hold.
        change: room, by row.
    """

    fields: ClassVar = {
        "fixed": table(np.int64, 2),
        "column": table(np.int64),
        "factor": table(np.int64, 2),
        "touched": table(np.int64),
        "rows": table(np.int64),
        "left": table(np.int64),
        "fine": table(np.float64),
        "hard": table(np.bool_),
        "change": table(np.int64),
    }
