"""Messages, events and credits, as kernels read and write them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table

LAST_WAY, FIRST_WAY, LINEAR_WAY = range(3)
"""To which of several messages an event is credited."""
(
    REPEATED,
    AFTER_END,
    UNKNOWN_CONTACT,
    NO_MESSAGE,
    UNKNOWN_DECISION,
    UNKNOWN_CAMPAIGN,
    OUT_OF_SCOPE,
    BEFORE,
    LATE,
    EARLIER,
    CREDITED,
) = range(11)
"""Why an event is not credited; the last for one that is."""
NO_CAMPAIGN, STRANGE_CAMPAIGN = -1, -2
"""The numbers of no campaign, and of one that nobody knows."""


class MessageArrays(ArrayBundle):
    """Messages by contact; each contact's in the order of time.

    Attributes:
        first: where the messages of each contact start, and one more.
        at: the instants.
        kind: what each is apart from its contact and its instant.
        decision: the mark of its decision; 0 for none.
        row: the row that it has in the table of messages, or -1; empty where each has its own place.
        campaign: by kind, the number of the campaign; `NO_CAMPAIGN` for none.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "at": table(np.int64),
        "kind": table(np.int32),
        "decision": table(np.uint64),
        "row": table(np.int64),
        "campaign": table(np.int32),
    }


class AnswerArrays(ArrayBundle):
    """Events, and their order by contact.

    Attributes:
        first: where the events of each contact start in the order, and one more.
        order: the events; each contact's in the order of time.
        at: the instants.
        name: the number of each event's name.
        campaign: the number of the campaign that it names; `NO_CAMPAIGN` or `STRANGE_CAMPAIGN`.
        decision: the mark of the decision that it names; 0 for none.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "order": table(np.int64),
        "at": table(np.int64),
        "name": table(np.int16),
        "campaign": table(np.int32),
        "decision": table(np.uint64),
    }


class CreditRecords(ArrayBundle):
    """Credits: by contact, by message, then in the order of time.

    Attributes:
        event: the event.
        message: the row of the message.
        share: the part of the event that is credited to it.
    """

    fields: ClassVar = {"event": table(np.int64), "message": table(np.int64), "share": table(np.float64)}
