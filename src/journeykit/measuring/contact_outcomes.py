"""What contacts did, messaged or not: their events by response, whatever they are credited to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.basics.clock import micros

if TYPE_CHECKING:
    from journeykit.measuring.measured_tables import MeasuredTables


@frozen
class ContactOutcomes:
    """What contacts did by one response from the start to the end, by number of the contact.

    Attributes:
        name: the response's.
        events: how many events of its name they have; an event that is in the table twice counts once.
        value: what these are worth; None where the response has no value, or none of them has one that is known.
    """

    name: str
    events: NDArray[np.int64]
    value: NDArray[np.float64] | None


def contact_outcomes(tables: MeasuredTables) -> list[ContactOutcomes]:
    """The outcomes of all contacts, by response. Events count by their names: no message need come before them."""
    messages, responses = tables.messages, tables.credits.responses
    read = tables.read.events_for(messages)
    told, parts = read.told, read.parts
    contact, at, name = told.contact, told.at, told.name
    kept = _once(contact, at, told.mark)
    kept &= (contact >= 0) & (at >= micros(tables.since)) & (at <= micros(tables.until))
    found = []
    for response in responses:
        own = kept & (name == parts.names[response.event])
        value: NDArray[np.float64] | None = None
        if response.value is not None:
            place = parts.values[response.value]
            numbers = told.value[place][own]
            if not len(numbers) or not np.isnan(numbers).all():
                value = np.bincount(contact[own], np.nan_to_num(numbers), len(messages.ids)).astype(np.float64)
        found.append(ContactOutcomes(response.name, np.bincount(contact[own], minlength=len(messages.ids)), value))
    return found


def _once(contact: NDArray[np.int64], at: NDArray[np.int64], mark: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which events count: of the same one more than once the first."""
    order = np.lexsort((at, mark, contact))
    again = np.zeros(len(order), np.bool_)
    again[order[1:]] = (contact[order[1:]] == contact[order[:-1]]) & (mark[order[1:]] == mark[order[:-1]])
    return ~again
