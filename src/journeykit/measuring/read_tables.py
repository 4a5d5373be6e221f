"""The tables of a measure, each read once, whatever is made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.measuring.credits import EventReading
from journeykit.measuring.message_table import MessageReading, MessageTable
from journeykit.placing.funnel import repeatable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.measuring.bad_row_keeper import BadRowKeeper
    from journeykit.measuring.credits import Credits
    from journeykit.playbook.playbook import Playbook


class ReadTables:
    """Touches, events and contacts, read when they are first asked for.

    Args:
        playbook: the rule set.
        touches: the table of touches.
        events: the table of events.
        contacts: the table of contacts; None for none.
        until: the instant at which observation ended, in microseconds.
        zone: IANA name of the zone in which instants without an offset are meant, or None.
        columns: the names of the columns that messages keep.
        keeper: counts bad rows.
        again: whether more than one table of messages is asked for: what was read is kept until then.

    Attributes:
        playbook: the rule set.
        touches: the table of touches, which can be read again.
        events: the table of events, likewise.
        contacts: the table of contacts, likewise.
        until: the instant at which observation ended.
        zone: the zone, or None.
        keeper: counts bad rows.
    """

    def __init__(
        self,
        playbook: Playbook,
        touches: Any,
        events: Any,
        *,
        contacts: Any = None,
        until: int,
        zone: str | None,
        columns: Iterable[str],
        keeper: BadRowKeeper,
        again: bool,
    ) -> None:
        self.playbook = playbook
        self.touches, self.events, self.contacts = repeatable(touches), repeatable(events), repeatable(contacts)
        self.until = until
        self.zone = zone
        self.keeper = keeper
        self._columns = tuple(columns)
        self._again = again
        self._read: MessageReading | None = None
        self._events: EventReading | None = None
        self._messages: dict[int | None, MessageTable] = {}
        self._credits: dict[int | None, Credits] = {}

    def messages(self, since: int | None) -> MessageTable:
        """The messages from an instant on, in microseconds; None for all.

        Raises:
            DataError: for a table that cannot be read, too many bad rows, or touches none of which can be used.
        """
        found = self._messages.get(since)
        if found is None:
            reading = self._read or MessageReading(
                self.playbook,
                self.touches,
                contacts=self.contacts,
                zone=self.zone,
                columns=self._columns,
                bad=self.keeper.counter(),
            )
            self._read = reading if self._again else None
            found = self._messages[since] = reading.table(MessageTable, since=since, until=self.until)
        return found

    def credits(self, since: int | None) -> Credits:
        """What is credited to the messages from an instant on.

        Raises:
            DataError: as for `messages`, of the events.
        """
        found = self._credits.get(since)
        if found is None:
            found = self._credits[since] = self.events_for(self.messages(since)).credit(self.messages(since))
        return found

    def events_for(self, messages: MessageTable) -> EventReading:
        """The events, as far as responses ask for them, with the contacts of messages.

        Raises:
            DataError: for a table that cannot be read, too many bad rows, or events none of which can be used.
        """
        found = self._events
        if found is None:
            found = EventReading(self.playbook, messages, self.events, zone=self.zone, bad=self.keeper.counter())
            self._events = found if self._again else None
        return found
