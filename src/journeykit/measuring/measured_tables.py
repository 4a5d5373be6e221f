"""What the parts of a report on messages are made from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from journeykit.measuring.assignment_log import AssignmentLog
from journeykit.measuring.credits import Credits
from journeykit.measuring.message_facets import MessageFacets
from journeykit.measuring.message_table import MessageTable
from journeykit.measuring.ratio_interval import Draws
from journeykit.measuring.read_tables import ReadTables
from journeykit.playbook.playbook import Playbook


@frozen(kw_only=True)
class MeasuredTables:
    """What the parts of a report are made from.

    Attributes:
        playbook: the rule set.
        messages: the messages.
        credits: the events that are credited to them.
        read: the tables from which they were read.
        contacts: the table of contacts, which can be read again; None where there is none.
        since: the first instant of the messages.
        until: the instant at which observation ended.
        draws: how intervals are drawn.
        facets: tells messages apart.
        log: the decisions that say who was assigned; None where the table of contacts says it.
        lifts: by guard and campaign, the instant at which a person last lifted it, in microseconds.
    """

    playbook: Playbook
    messages: MessageTable
    credits: Credits
    read: ReadTables
    contacts: Any
    since: datetime
    until: datetime
    draws: Draws
    facets: MessageFacets
    log: AssignmentLog | None = None
    lifts: Mapping[tuple[str, str], int] = field(factory=dict)

    @property
    def is_by_account(self) -> bool:
        """Whether contacts are decided together, so that the account is what intervals are drawn over."""
        return any(cap.per == "account" for cap in self.playbook.caps)
