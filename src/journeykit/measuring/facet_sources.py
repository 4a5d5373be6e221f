"""What facets of messages are found from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import frozen

from journeykit.measuring.message_table import MessageTable
from journeykit.playbook.playbook import Playbook


@frozen(kw_only=True)
class FacetSources:
    """What facets are found from.

    Attributes:
        playbook: whose journey and segments.
        messages: the messages.
        events: the table of events.
        contacts: the table of contacts, or None.
        until: the instant at which observation ended; segments are as of then.
        zone: IANA name of the zone in which instants without an offset are meant, or None.
    """

    playbook: Playbook
    messages: MessageTable
    events: Any
    contacts: Any
    until: datetime
    zone: str | None
