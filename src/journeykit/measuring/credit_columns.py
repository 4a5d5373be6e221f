"""Credit over columns: of each event, the messages that it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.errors import DataError
from journeykit.kernels.interface.credit_arrays import CREDITED, STRANGE_CAMPAIGN
from journeykit.measuring.response_count import (
    BEFORE,
    CODES,
    EARLIER,
    LATE,
    NO_MESSAGE,
    OUT_OF_SCOPE,
    UNKNOWN_CAMPAIGN,
    UNKNOWN_DECISION,
)
from journeykit.model.response import FIRST, LINEAR

if TYPE_CHECKING:
    from journeykit.measuring.event_parts import EventPart
    from journeykit.measuring.message_table import MessageTable
    from journeykit.model.response import Response

LONGEST = 2**60
"""No two instants are further apart, in microseconds."""
MOST = 500_000_000
"""More credits of one response do not fit in memory."""


def check_size(response: Response, credits_: int) -> None:
    """Refuse more credits of one response than fit in memory.

    Raises:
        DataError: saying of which.
    """
    if credits_ > MOST:
        raise DataError(
            f"the response {response.name!r} is shared by {credits_:,} pairs of an event and a message, more than the "
            f"{MOST:,} that fit in memory; shorten its 'within', or leave out contacts that are no people"
        )


class ColumnCredit:
    """Credits events without the kernels: slower, and with the same results as `KernelCredit`.

    Args:
        messages: the messages.
        told: the events.
        campaign_of: by kind of message, the number of its campaign; -1 for none.
    """

    def __init__(self, messages: MessageTable, told: EventPart, campaign_of: np.ndarray) -> None:
        whole = [messages] if messages.earlier is None else [messages, messages.earlier]
        self._owner, self._sent, self._kind, self._mark = (
            np.concatenate([getattr(own, name) for own in whole]) for name in ("contact", "at", "kind", "decision")
        )
        self._told = told
        self._campaign_of = campaign_of
        self._here = len(messages)
        # The decisions, their places among them from 1, and the pairs of a contact and a decision that there are.
        self._marks = np.unique(self._mark[self._mark != 0])
        self._place = _place_of(self._marks, self._mark)
        self._pairs = np.unique((self._owner * (len(self._marks) + 1) + self._place)[self._mark != 0])
        self._got = np.zeros(len(messages.ids), np.bool_)
        self._got[self._owner] = True

    def credit(
        self, response: Response, scope: np.ndarray, name: int, why: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Credit the events of one response.

        Args:
            response: the response.
            scope: by kind of message, whether the response is about it.
            name: the number of the name of its events.
            why: by event, the code of why it is not credited, or `CREDITED` for those that are looked at; changed.

        Returns:
            By credit, the event, the row of the message and the share: by message, then in the order of time.
        """
        told = self._told
        events = np.flatnonzero((told.name == name) & (why == CREDITED))
        contact, at = told.contact[events].astype(np.int64), told.at[events]
        decision, campaign = told.decision[events], told.campaign[events]
        named, place, width = _place_of(self._marks, decision), self._place, len(self._marks) + 1
        is_strange = (named == 0) | (_place_of(self._pairs, contact * width + named) == 0)
        reason = np.full(len(events), CREDITED, np.int8)
        reason[(decision == 0) & (campaign == STRANGE_CAMPAIGN)] = CODES[UNKNOWN_CAMPAIGN]
        reason[(decision != 0) & is_strange] = CODES[UNKNOWN_DECISION]
        reason[~self._got[contact]] = CODES[NO_MESSAGE]
        own = np.flatnonzero(scope[self._kind]) if len(self._kind) else np.zeros(0, np.int64)
        owner = self._owner[own]
        campaigns = max(int(self._campaign_of.max(initial=-1)), int(campaign.max(initial=-1))) + 2
        near = owner * campaigns + self._campaign_of[self._kind[own]] + 1
        asked = (
            (decision != 0, owner * width + place[own], contact * width + named),
            ((decision == 0) & (campaign >= 0), near, contact * campaigns + campaign + 1),
            ((decision == 0) & (campaign < 0), owner, contact),
        )
        is_open, found = reason == CREDITED, []
        for chosen, key, of_event in asked:
            rows = np.flatnonzero(chosen & is_open)
            followed = _followed(key, self._sent[own], of_event[rows], at[rows], response)
            event, message, share, reason[rows] = followed
            found.append((rows[event], own[message], share))
        event, message, share = (np.concatenate(part) for part in zip(*found, strict=True))
        is_here = message < self._here
        event, message, share = event[is_here], message[is_here], share[is_here]
        kept = np.zeros(len(events), np.bool_)
        kept[event] = True
        reason[(reason == CREDITED) & ~kept] = CODES[EARLIER]
        why[events] = reason
        event = events[event]
        order = np.lexsort((told.row[event], told.at[event], message))
        return event[order], message[order], share[order]


def _place_of(known: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The places of numbers among known ones, which are sorted, from 1; 0 for those that are not among them."""
    if not len(known):
        return np.zeros(len(given), np.int64)
    place = np.minimum(np.searchsorted(known, given), len(known) - 1)
    return np.where(known[place] == given, place + 1, 0)


def _followed(
    key: np.ndarray, sent: np.ndarray, of_event: np.ndarray, at: np.ndarray, response: Response
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The messages that events follow, among those that have their key.

    Returns:
        By credit, the place of the event, that of the message and the share; and by event why it is not credited.
    """
    order = np.lexsort((sent, key))
    key, sent = key[order], sent[order]
    start = np.searchsorted(key, of_event, "left")
    end = np.searchsorted(key, of_event, "right")
    high = _first_from(sent, start, end, at)
    low = _first_from(sent, start, high, at - min(response.length, LONGEST))
    why = np.full(len(at), CREDITED, np.int8)
    why[low == high] = CODES[LATE]
    why[high == start] = CODES[BEFORE]
    why[start == end] = CODES[OUT_OF_SCOPE]
    event = np.flatnonzero(why == CREDITED)
    low, high = low[event], high[event]
    share = np.ones(len(event))
    if response.credit == LINEAR:
        count = high - low
        check_size(response, int(count.sum()))
        first = np.cumsum(count) - count
        message = np.arange(int(count.sum())) - np.repeat(first - low, count)
        event, share = np.repeat(event, count), np.repeat(1.0 / count, count)
    else:
        message = low if response.credit == FIRST else high - 1
    return event, order[message], share, why


def _first_from(sent: np.ndarray, low: np.ndarray, high: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The first places, between two, whose instants are not before others: all searches halve what is left at once."""
    low, high = low.copy(), high.copy()
    is_open = np.flatnonzero(low < high)
    while len(is_open):
        middle = (low[is_open] + high[is_open]) // 2
        is_before = sent[middle] < at[is_open]
        low[is_open] = np.where(is_before, middle + 1, low[is_open])
        high[is_open] = np.where(is_before, high[is_open], middle)
        is_open = is_open[low[is_open] < high[is_open]]
    return low
