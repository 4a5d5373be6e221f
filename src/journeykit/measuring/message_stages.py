"""On which stage of the journey each message met its contact, from the events until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import clock
from journeykit.kernels import has_kernels
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from journeykit.journey.journey import Journey
    from journeykit.measuring.facet_sources import FacetSources


def message_stages(sources: FacetSources, journey: Journey) -> NDArray[np.int64]:
    """By message, the place of its contact's stage in the journey when it was sent.

    A contact who had not entered the journey by then was on its first stage.
    """
    paths = _paths(sources, journey)
    numbers = ContactNumbers()
    steps = one_piece(paths["contact_id"])
    walker = numbers.meet(Column(steps), len(steps), {})
    place = {stage.name: number for number, stage in enumerate(journey.stages)}
    names = Column(one_piece(paths["stage"]))
    stage = np.array([place.get(name, 0) for name in names.values], np.int64)[names.codes]
    instants = Column(one_piece(paths["since"])).instants
    since = np.zeros(0, np.int64) if instants is None else instants[0]
    order = np.argsort(walker, kind="stable")
    first = np.searchsorted(walker[order], np.arange(numbers.count + 1))
    messages = sources.messages
    owner = numbers.find(Column(messages.ids), len(messages.ids), {})[messages.contact]
    at_first = owner < 0
    low, high = first[np.where(at_first, 0, owner)], first[np.where(at_first, 0, owner + 1)]
    last = last_at_most(low, np.where(at_first, low, high), since[order], messages.at)
    return np.where(last < 0, 0, np.append(stage[order], 0)[last])


def last_at_most(
    low: NDArray[np.int64], high: NDArray[np.int64], values: NDArray[np.int64], limit: NDArray[np.int64]
) -> NDArray[np.int64]:
    """In each of many ascending parts of an array, the place of the last value of at most a limit; else -1.

    Args:
        low: where the parts begin.
        high: where they end, which is no longer in them.
        values: the array.
        limit: the limit for each part.

    Example:
        >>> last_at_most(np.array([0, 2]), np.array([2, 3]), np.array([5, 7, 1]), np.array([6, 0])).tolist()
        [0, -1]
    """
    begin = low
    while (open_ := low < high).any():
        middle = (low + high) // 2
        fits = open_ & (values[np.minimum(middle, len(values) - 1)] <= limit)
        low = np.where(fits, middle + 1, low)
        high = np.where(open_ & ~fits, middle, high)
    return np.where(low > begin, low - 1, -1)


def _paths(sources: FacetSources, journey: Journey) -> pa.Table:
    """The steps of the contacts of the events, in the order of each path."""
    events, contacts, at, timezone = sources.events, sources.contacts, sources.until, sources.playbook.timezone
    if has_kernels():
        from journeykit.placing.place import place_table

        return place_table(journey, events, contacts, at, zone=sources.zone, timezone=timezone).paths
    from journeykit.placing.rows import place_rows

    where = None if sources.zone is None else clock(sources.zone).zone
    return place_rows(journey, events, contacts, at, zone=where, timezone=timezone).paths
