"""What became of the events of a response: credited, or why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from journeykit.errors import closest
from journeykit.kernels.interface.credit_arrays import CREDITED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from journeykit.model.response import Response

REPEATED, AFTER_END, UNKNOWN_CONTACT, NO_MESSAGE = "repeated", "after_end", "unknown_contact", "no_message"
UNKNOWN_DECISION, UNKNOWN_CAMPAIGN, OUT_OF_SCOPE = "unknown_decision", "unknown_campaign", "out_of_scope"
BEFORE, LATE, EARLIER = "before", "late", "earlier"

WHY_NOT: dict[str, str] = {
    REPEATED: "are in the table twice or more: the same event counts once",
    AFTER_END: "happened after the end",
    UNKNOWN_CONTACT: "are of contacts who are in no table of contacts or touches",
    NO_MESSAGE: "are of contacts who got no message",
    UNKNOWN_DECISION: "name a decision of which the contact got no message",
    UNKNOWN_CAMPAIGN: "name a campaign that neither the playbook nor a message has",
    OUT_OF_SCOPE: "are of contacts who got no message in scope, or none of the campaign that the event names",
    BEFORE: "happened before the message, or at its instant",
    LATE: "happened too long after the message",
    EARLIER: "are credited to messages from before the start",
}
"""Why an event is not credited: the first of these that is true of it, and what it says of events."""
CODES = {name: code for code, name in enumerate(WHY_NOT)}
"""The codes of the reasons; the one that follows them is that of an event that is credited."""
_SHOWN = 5

assert len(CODES) == CREDITED  # noqa: S101  (kernels write them)


@frozen
class ResponseCount:
    """The events of one response.

    Attributes:
        response: its name.
        events: how many events of its name could be read.
        credited: how many are credited.
        reasons: how many are not, by reason: see `WHY_NOT`. Reasons of none are left out.
        rows: by reason, the numbers of the first rows, counted from 1 without the header.
        no_value: how many of the credited ones have no value, though the response has one.
        no_number: how many of the credited ones have a value that is no number; they count, without a value.
        no_number_rows: the numbers of the first of their rows.
        event: the name of its events.
        nearest: where there are none, a name that events have and that may have been meant; None for none.
        no_property: the property that is the value, where no event has it.
        nearest_property: a property that events have and that may have been meant; None for none.
    """

    response: str
    events: int
    credited: int
    reasons: Mapping[str, int] = field(factory=dict)
    rows: Mapping[str, tuple[int, ...]] = field(factory=dict)
    no_value: int = 0
    no_number: int = 0
    no_number_rows: tuple[int, ...] = ()
    event: str = ""
    nearest: str | None = None
    no_property: str | None = None
    nearest_property: str | None = None

    @property
    def lines(self) -> Iterator[str]:
        """What is to be said of them.

        Example:
            >>> list(ResponseCount("sale", 5, 3, {"late": 2}, {"late": (4, 9)}).lines)
            ['sale: 2 of 5 events happened too long after the message (rows 4, 9)']
        """
        if not self.events:
            hint = "" if self.nearest is None else f"; did you mean {self.nearest!r}?"
            yield f"{self.response}: no event has the name {self.event!r}{hint}"
        for name, count in self.reasons.items():
            where = in_rows(count, self.rows.get(name, ()))
            yield f"{self.response}: {count:,} of {self.events:,} events {WHY_NOT[name]}{where}"
        if self.no_property is not None:
            hint = "" if self.nearest_property is None else f"; did you mean {self.nearest_property!r}?"
            yield f"{self.response}: no event has the property {self.no_property!r}, its value{hint}"
        unknown = ": its value is unknown" if self.credited and self.no_number + self.no_value == self.credited else ""
        if self.no_number:
            why = ": none is added" if self.no_value or not unknown else unknown
            where = in_rows(self.no_number, self.no_number_rows)
            yield f"{self.response}: {self.no_number:,} credited events have a value that is no number{where}{why}"
        if self.no_value:
            yield f"{self.response}: {self.no_value:,} credited events have no value{unknown}"

    def hinted(self, response: Response, names: Collection[str], properties: Collection[str]) -> ResponseCount:
        """The same with what may have been meant, where there are no such events or values.

        Args:
            response: the response.
            names: the names that events have.
            properties: the properties that they have.
        """
        lacks_value = self.events > 0 and response.value not in properties
        return evolve(
            self,
            event=response.event,
            nearest=None if self.events else closest(response.event, sorted(names)),
            no_property=response.value if lacks_value else None,
            nearest_property=None if response.value is None else closest(response.value, sorted(properties)),
        )

    def plus(self, other: ResponseCount) -> ResponseCount:
        """Together with the events of other contacts. Rows of parts have no numbers in the whole."""
        reasons = Counter(self.reasons)
        reasons.update(other.reasons)
        return ResponseCount(
            response=self.response,
            events=self.events + other.events,
            credited=self.credited + other.credited,
            reasons={name: reasons[name] for name in CODES if reasons[name]},
            no_value=self.no_value + other.no_value,
            no_number=self.no_number + other.no_number,
        )

    def moved(self, before: str, after: str, events: int) -> ResponseCount:
        """The same where some events are not credited for another reason than was thought."""
        reasons = Counter(self.reasons)
        reasons.update({before: -events, after: events})
        return evolve(self, reasons={name: reasons[name] for name in CODES if reasons[name]})

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "response": self.response,
            "events": self.events,
            "credited": self.credited,
            "not_credited": dict(self.reasons),
            "rows": {name: list(rows) for name, rows in self.rows.items()},
            "no_value": self.no_value,
            "no_number": self.no_number,
            "no_number_rows": list(self.no_number_rows),
        }


def in_rows(count: int, rows: Sequence[int]) -> str:
    """In which rows something is, of which the first are known.

    Example:
        >>> in_rows(3, (4, 9)), in_rows(1, (4,)), in_rows(3, ())
        (' (rows 4, 9, ...)', ' (row 4)', '')
    """
    more = ", ..." if count > len(rows) else ""
    return f" (row{'s' if count > 1 else ''} {', '.join(map(str, rows))}{more})" if rows else ""
