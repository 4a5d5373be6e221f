"""Credit by the kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.kernels import credit_events
from journeykit.kernels.interface.credit_arrays import (
    FIRST_WAY,
    LAST_WAY,
    LINEAR_WAY,
    AnswerArrays,
    CreditRecords,
    MessageArrays,
)
from journeykit.measuring.credit_columns import LONGEST, check_size
from journeykit.measuring.rows_by_contact import grouped
from journeykit.model.response import FIRST, LAST, LINEAR

if TYPE_CHECKING:
    from journeykit.measuring.event_parts import EventPart
    from journeykit.measuring.message_table import MessageTable
    from journeykit.model.response import Response

_WAYS = {LAST: LAST_WAY, FIRST: FIRST_WAY, LINEAR: LINEAR_WAY}


class KernelCredit:
    """Credits events; methods and results are those of `ColumnCredit`.

    Args:
        messages: the messages.
        told: the events.
        campaign_of: by kind of message, the number of its campaign; -1 for none.
        first: where the events of each contact start in the order, and one more.
        order: the events by contact, in the order of time.
    """

    def __init__(
        self,
        messages: MessageTable,
        told: EventPart,
        campaign_of: np.ndarray,
        first: np.ndarray,
        order: np.ndarray,
    ) -> None:
        self._messages = _messages_of(messages, campaign_of)
        self._told = told
        self._events = AnswerArrays(
            first=first, order=order, at=told.at, name=told.name, campaign=told.campaign, decision=told.decision
        )

    def credit(
        self, response: Response, scope: np.ndarray, name: int, why: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Credit the events of one response."""
        size = int(np.count_nonzero(self._told.name == name))
        while True:
            told = why.copy()
            found = CreditRecords(
                event=np.empty(size, np.int64), message=np.empty(size, np.int64), share=np.empty(size, np.float64)
            )
            length, way = min(response.length, LONGEST), _WAYS[response.credit]
            used = credit_events(self._messages, self._events, scope, name, length, way, told, found)
            if used <= size:
                break
            # Only where several messages share an event there may be more credits than events.
            check_size(response, used)
            size = used
        why[:] = told
        return found.event[:used], found.message[:used], found.share[:used]


def _messages_of(messages: MessageTable, campaign_of: np.ndarray) -> MessageArrays:
    """The messages, and before them those of each contact from before the start."""
    whole = [messages] if messages.earlier is None else [messages.earlier, messages]
    contact, at, kind, decision = (
        np.concatenate([getattr(own, name) for own in whole]) if len(whole) > 1 else getattr(messages, name)
        for name in ("contact", "at", "kind", "decision")
    )
    row = np.zeros(0, np.int64)
    if len(whole) > 1:
        # All that are earlier come first, so that each contact's are in the order of time.
        first, order = grouped(contact, len(messages.ids))
        row = order - len(whole[0])
        row[row < 0] = -1
        at, kind, decision = at[order], kind[order], decision[order]
    else:
        first = np.searchsorted(contact, np.arange(len(messages.ids) + 1))
    return MessageArrays(first=first, at=at, kind=kind, decision=decision, row=row, campaign=campaign_of)
