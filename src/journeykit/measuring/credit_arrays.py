"""Credit over columns: of each event, the messages that it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.measuring.event_parts import STRANGE_CAMPAIGN
from journeykit.measuring.response_count import (
    BEFORE,
    CODES,
    CREDITED,
    EARLIER,
    LATE,
    NO_MESSAGE,
    OUT_OF_SCOPE,
    UNKNOWN_CAMPAIGN,
    UNKNOWN_DECISION,
)
from journeykit.model.response import FIRST, LINEAR

if TYPE_CHECKING:
    from journeykit.measuring.message_table import MessageTable
    from journeykit.model.response import Response


def credit_events(
    messages: MessageTable,
    scope: np.ndarray,
    campaign_of: np.ndarray,
    response: Response,
    contact: np.ndarray,
    at: np.ndarray,
    campaign: np.ndarray,
    decision: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Credit the events of one response.

    Args:
        messages: the messages.
        scope: by kind of message, whether the response is about it.
        campaign_of: by kind of message, the number of its campaign; -1 for none.
        response: the response.
        contact: by event, the number of the contact.
        at: the instant.
        campaign: the number of the campaign that it names.
        decision: the mark of the decision that it names; 0 for none.

    Returns:
        By credit, the place of the event, the row of the message and the share; and by event the code of why it is not
        credited, or `CREDITED`.
    """
    whole = [messages] if messages.earlier is None else [messages, messages.earlier]
    owner, sent, kind, mark = (
        np.concatenate([getattr(own, name) for own in whole]) for name in ("contact", "at", "kind", "decision")
    )
    why = np.full(len(at), CREDITED, np.int8)
    got = np.zeros(len(messages.ids), np.bool_)
    got[owner] = True
    why[~got[contact]] = CODES[NO_MESSAGE]
    marks = np.unique(mark[mark != 0])
    named, place, width = _place_of(marks, decision), _place_of(marks, mark), len(marks) + 1
    is_strange = (named == 0) | ~np.isin(contact * width + named, owner * width + place)
    is_open = why == CREDITED
    why[is_open & (decision != 0) & is_strange] = CODES[UNKNOWN_DECISION]
    why[is_open & (decision == 0) & (campaign == STRANGE_CAMPAIGN)] = CODES[UNKNOWN_CAMPAIGN]
    is_open = why == CREDITED
    own = np.flatnonzero(scope[kind]) if len(kind) else np.zeros(0, np.int64)
    campaigns = int(campaign_of.max(initial=-1)) + 2
    found = []
    near, theirs = _keys(owner[own], campaign_of[kind[own]], campaigns), _keys(contact, campaign, campaigns)
    asked = (
        (decision != 0, owner[own] * width + place[own], contact * width + named),
        ((decision == 0) & (campaign >= 0), near, theirs),
        ((decision == 0) & (campaign < 0), owner[own], contact),
    )
    for chosen, keys, of_event in asked:
        events = np.flatnonzero(chosen & is_open)
        event, message, share, why[events] = _followed(keys, sent[own], of_event[events], at[events], response)
        found.append((events[event], own[message], share))
    event, message, share = (np.concatenate(part) for part in zip(*found, strict=True))
    is_here = message < len(messages)
    kept = np.zeros(len(at), np.bool_)
    kept[event[is_here]] = True
    why[(why == CREDITED) & ~kept] = CODES[EARLIER]
    return event[is_here], message[is_here], share[is_here], why


def _place_of(known: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The places of numbers among known ones, which are sorted, from 1; 0 for those that are not among them."""
    if not len(known):
        return np.zeros(len(given), np.int64)
    place = np.minimum(np.searchsorted(known, given), len(known) - 1)
    return np.where(known[place] == given, place + 1, 0)


def _keys(contact: np.ndarray, campaign: np.ndarray, campaigns: int) -> np.ndarray:
    """One number for a contact and a campaign."""
    found: np.ndarray = contact * campaigns + campaign + 1
    return found


def _followed(
    key: np.ndarray, sent: np.ndarray, of_event: np.ndarray, at: np.ndarray, response: Response
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The messages that events follow, among those that have their key; the results are those of `credit_events`."""
    order = np.lexsort((sent, key))
    key, sent = key[order], sent[order]
    start = np.searchsorted(key, of_event, "left")
    end = np.searchsorted(key, of_event, "right")
    low = _count_before(key, sent, of_event, at - response.length)
    high = _count_before(key, sent, of_event, at)
    why = np.full(len(at), CREDITED, np.int8)
    why[low == high] = CODES[LATE]
    why[high == start] = CODES[BEFORE]
    why[start == end] = CODES[OUT_OF_SCOPE]
    event = np.flatnonzero(why == CREDITED)
    low, high = low[event], high[event]
    share = np.ones(len(event))
    if response.credit == LINEAR:
        count = high - low
        first = np.cumsum(count) - count
        message = np.arange(int(count.sum())) - np.repeat(first - low, count)
        event, share = np.repeat(event, count), np.repeat(1.0 / count, count)
    else:
        message = low if response.credit == FIRST else high - 1
    return event, order[message], share, why


def _count_before(key: np.ndarray, sent: np.ndarray, of_event: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How many messages come before each event, in the order of keys, then instants; not those of its very instant."""
    is_message = np.arange(len(key) + len(of_event)) < len(key)
    order = np.lexsort((is_message, np.concatenate([sent, at]), np.concatenate([key, of_event])))
    before = np.cumsum(is_message[order])
    found = np.empty(len(order), np.int64)
    found[order] = before
    return found[len(key) :]
