"""What `journeykit.placing.funnel` reads of tables beside paths, over columns: the same as row by row, for millions."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import micros
from journeykit.basics.threads import at_once
from journeykit.columns.chunk import id_keys
from journeykit.columns.contact_index import ContactIndex
from journeykit.journey.measure.estimates import estimates_of, funnel_order
from journeykit.journey.measure.observed_paths import Observed
from journeykit.journey.measure.sales import SalesReader
from journeykit.placing.funnel_rows import SalesMet
from journeykit.placing.sale_columns import SaleReader
from journeykit.placing.segment_columns import SegmentColumns, Segments
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from journeykit.journey.measure.estimates import Estimates
    from journeykit.placing.funnel_rows import Asked
    from journeykit.placing.sale_columns import SalesTaken
    from journeykit.placing.table_placements import TablePlacements
    from journeykit.tables.bad_row_list import BadRows

_THREADS = 4


def measured_columns(
    asked: Asked, placements: TablePlacements, bad: BadRows
) -> tuple[Estimates, Counter[str], SalesMet]:
    """The estimates, how many sales were not used, by why, and what was met among events."""
    journey = asked.playbook.journey
    assert journey is not None  # noqa: S101  (its contacts were placed)
    index = _index_of(placements)
    count = len(placements.ids)
    segments = Segments(count)
    if asked.by is not None:
        segments = SegmentColumns(asked, index, count, bad).read()
    end, met, ignored = micros(asked.at), SalesMet(), Counter[str]()
    names = tuple(stage.name for stage in journey.stages)
    observed = Observed(names, end, paths=packed_paths(placements, segments))
    sold = None
    if asked.won is not None:
        sold = SalesReader(end, None)
        taken = _sales(asked, index, met)
        _count_sales(taken, segments, sold, ignored, end, everybody=asked.contacts is None)
    found = estimates_of(observed, sold, funnel_order(journey), by_segment=asked.by is not None)
    return found, ignored, met


def _index_of(placements: TablePlacements) -> ContactIndex:
    """The contacts who were placed, by their places."""
    count = len(placements.ids)
    one, two, _ = id_keys(Column(placements.ids), count)
    index = ContactIndex(count)
    index.add(one, two, 0, np.zeros(count, np.bool_))
    return index


# Paths


def packed_paths(placements: TablePlacements, segments: Segments) -> dict[Any, array[int]]:
    """The paths of placements, packed: those of contacts who share their segments and went the same way are together.

    Contacts are followed step by step, all at once; those who share a group and their way so far have one number.
    """
    first, stage, since = placements.first, placements.step("stage").astype(np.int64), placements.step("since")
    length, stages = np.diff(first), len(placements.journey.stages)
    way = segments.group.astype(np.int64)
    used, step = len(segments.names), 0
    going = np.flatnonzero(length > 0)
    entered = going
    while len(going):
        found, place = np.unique(way[going] * stages + stage[first[going] + step], return_inverse=True)
        way[going] = used + place
        used += len(found)
        step += 1
        going = going[length[going] > step]
    order = entered[np.argsort(way[entered], kind="stable")]
    packed: dict[Any, array[int]] = {}
    starts = np.flatnonzero(np.diff(way[order], prepend=-1))
    for contacts in np.split(order, starts[1:]) if len(order) else ():
        own = int(contacts[0])
        pattern = tuple(stage[first[own] : first[own + 1]].tolist())
        times = array("q")
        times.frombytes(np.ascontiguousarray(since[first[contacts][:, None] + np.arange(len(pattern))]).tobytes())
        packed[segments.names[segments.group[own]], pattern] = times
    return packed


# Sales


def _sales(asked: Asked, index: ContactIndex, met: SalesMet) -> list[SalesTaken]:
    reader = SaleReader(asked, index, met)
    threads = min(_THREADS, os.cpu_count() or 1)
    found = at_once(reader.read, reader.source.parts(lambda _: True), threads)
    return [taken for taken in found if taken is not None]


def _count_sales(
    taken: list[SalesTaken],
    segments: Segments,
    sold: SalesReader,
    ignored: Counter[str],
    end: int,
    *,
    everybody: bool,
) -> None:
    """Count sales by the segments of their contacts; why some are not counted is said where `SaleRows` says it."""
    if not taken:
        return
    contact, at, is_timed, is_won, amount, is_amount, is_bad = (
        np.concatenate(parts) for parts in zip(*(own.counted for own in taken), strict=True)
    )
    twin = _twins(taken)
    ignored["sale_duplicate"] += int(np.count_nonzero(twin))
    good = ~twin
    if not everybody:
        ignored["sale_unknown_contact"] += int(np.count_nonzero(good & (contact < 0)))
        good &= contact >= 0
    sold.ignored["sale_bad_instant"] += int(np.count_nonzero(good & ~is_timed))
    good &= is_timed
    sold.ignored["sale_future"] += int(np.count_nonzero(good & (at > end)))
    good &= at <= end
    sold.ignored["sale_bad_amount"] += int(np.count_nonzero(good & is_won & is_bad))
    # Whose contact was not placed is of no segment.
    group = np.where(contact >= 0, segments.group[contact], segments.none) if len(segments.group) else contact * 0
    won = np.bincount(group[good & is_won], minlength=len(segments.names))
    lost = np.bincount(group[good & ~is_won], minlength=len(segments.names))
    with_amount = np.flatnonzero(good & is_won & is_amount)
    with_amount = with_amount[np.argsort(group[with_amount], kind="stable")]
    ends = np.cumsum(np.bincount(group[with_amount], minlength=len(segments.names)))
    for number, own in enumerate(np.split(amount[with_amount], ends[:-1])):
        if won[number] or lost[number]:
            amounts = array("d")
            amounts.frombytes(own.tobytes())
            sold.add(segments.names[number], int(won[number]), int(lost[number]), amounts)


def _twins(taken: list[SalesTaken]) -> np.ndarray:
    """The sales that were there before: those of one contact and one mark."""
    one, mark, can_be = (np.concatenate(parts) for parts in zip(*(own.told for own in taken), strict=True))
    twin = np.zeros(len(one), np.bool_)
    rows = np.flatnonzero(can_be)
    rows = rows[np.lexsort((mark[rows], one[rows]))]
    same = (one[rows[1:]] == one[rows[:-1]]) & (mark[rows[1:]] == mark[rows[:-1]])
    twin[rows[1:][same]] = True
    return twin
