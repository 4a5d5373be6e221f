"""How many messages a contact had in the days before each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import DAY
from journeykit.measuring.decision_texts import decision_texts
from journeykit.measuring.group_measures import HARMFUL
from journeykit.measuring.group_sums import MessageGroups
from journeykit.tables.arrow.arrays import coded, numbers, texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeykit.measuring.credits import Credits
    from journeykit.measuring.message_table import MessageTable
    from journeykit.tables import TableSource

PRESSURE_DAYS = 30
"""So many days before a message are looked at."""
_OF_MESSAGE = ("sent_at", "campaign_id", "content_id", "channel", "decision_id")
HARMS = {
    "response": "text",
    "contact_id": "text",
    "at": "instant",
    "sent_at": "instant",
    "campaign_id": "text",
    "content_id": "text",
    "channel": "text",
    "decision_id": "text",
    "messages_before": "number",
}
"""The columns of the table of opt-outs and complaints, with the kind of each."""
_FEW_BEFORE = 64
"""Up to so many messages before another one are counted for all contacts at once."""
_STEPS = ("0", "1", "2", "3", "4", "5 to 9", "10 or more")
_STEP_OF = np.array([0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 6])


def messages_before_each(messages: MessageTable) -> NDArray[np.int64]:
    """By message, how many others the contact had in the `PRESSURE_DAYS` before, those before the start included."""
    contact, at, own = messages.contact, messages.at, np.ones(len(messages), np.bool_)
    if messages.earlier is not None:
        before = messages.earlier
        contact, at = np.concatenate([before.contact, contact]), np.concatenate([before.at, at])
        own = np.arange(len(at)) >= len(before)
        order = np.lexsort((at, contact))
        contact, at, own = contact[order], at[order], own[order]
    return messages_before(contact, at, PRESSURE_DAYS * DAY)[own]


def by_messages_before(before: NDArray[np.int64]) -> MessageGroups:
    """Messages by how many others the contact had in the days before."""
    step = _STEP_OF[np.minimum(before, len(_STEP_OF) - 1)]
    used = np.flatnonzero(np.bincount(step, minlength=len(_STEPS)))
    place = np.zeros(len(_STEPS), np.int64)
    place[used] = np.arange(len(used))
    names = tuple((_STEPS[number],) for number in used.tolist())
    return MessageGroups((f"in the {PRESSURE_DAYS} days before",), names, np.arange(len(step)), place[step])


def harms_of(
    messages: MessageTable, credits_: Credits, before: NDArray[np.int64], touches: TableSource | None = None
) -> pa.Table:
    """The opt-outs and complaints, each with the message that it followed, with the columns of `HARMS`.

    Args:
        messages: the messages.
        credits_: what is credited to them.
        before: by message, how many others its contact had in the days before.
        touches: the table of touches, which says the decision ids that the messages may be without.
    """
    named = [place for place, own in enumerate(credits_.responses) if own.name in HARMFUL]
    rows = np.flatnonzero(np.isin(credits_.response, named))
    message = credits_.message[rows]
    names = [own.name for own in credits_.responses]
    taken = messages.rows.select(["contact_id", *_OF_MESSAGE]).take(numbers(message, pa.int64()))
    decisions = taken["decision_id"]
    if touches is not None and decisions.null_count:
        ids = decision_texts(touches, messages.decision[message])
        decisions = texts([ids.get(mark) for mark in messages.decision[message].tolist()])
    return pa.table(
        {
            "response": coded(credits_.response[rows], texts(names)),
            "contact_id": taken["contact_id"],
            "at": numbers(credits_.at[rows], pa.timestamp("us", "UTC")),
            **{name: taken[name] for name in _OF_MESSAGE},
            "decision_id": decisions,
            "messages_before": numbers(before[message], pa.int64()),
        }
    )


def messages_before(contact: NDArray[np.int64], at: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """How many messages of the same contact are before each and less than a time older.

    Args:
        contact: by message, the number of the contact, ascending.
        at: by message, the instant, ascending for each contact. Of two at one instant the first one is before.
        length: the time.

    Example:
        >>> messages_before(np.array([0, 0, 0, 1]), np.array([0, 5, 9, 9]), 6).tolist()
        [0, 1, 1, 0]
    """
    found = np.zeros(len(at), np.int64)
    rows = np.arange(len(at))
    for number in range(_FEW_BEFORE):
        found[rows] = number
        rows = rows[rows > number]
        others = rows - number - 1
        rows = rows[(contact[others] == contact[rows]) & (at[rows] - at[others] < length)]
    # The few contacts who get very many messages, and may be no people, are looked at one by one.
    for own in np.unique(contact[rows]).tolist():
        low, high = np.searchsorted(contact, [own, own + 1]).tolist()
        theirs = at[low:high]
        found[low:high] = np.arange(high - low) - np.searchsorted(theirs, theirs - length, "right")
    return found
