"""Messages to contacts that are held out: a holdout that was written to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.basics.clock import moment
from journeykit.journey.measure.funnel_report import counted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@frozen(kw_only=True)
class HoldoutMessages:
    """How often a holdout was written to.

    Such contacts stay in the holdout: to take them out, or to count them as messaged, would compare unlike contacts.
    So the difference that is found is, if anything, smaller than that to a holdout without messages.

    Attributes:
        name: of the holdout.
        held: how many contacts are in it.
        contacts: how many of them got a message.
        messages: how many messages that were.
        first_at: the instant of the first one, in UTC; None of none.

    Example:
        >>> found = HoldoutMessages.of([True, True, False], contact=[0, 0, 2], at=[86_400_000_000, 0, 0])
        >>> found.contacts, found.messages, found.held
        (1, 2, 2)
    """

    name: str
    held: int
    contacts: int
    messages: int
    first_at: datetime | None

    @classmethod
    def of(cls, held: ArrayLike, *, contact: ArrayLike, at: ArrayLike, name: str = "holdout") -> HoldoutMessages:
        """The messages to a holdout.

        Args:
            held: by contact, whether it is in the holdout.
            contact: by message, the number of the contact. Messages that a holdout does not stop (`needs_consent:
                false`) are left out by the caller.
            at: by message, the instant, in microseconds since 1970, UTC.
            name: of the holdout.
        """
        is_held, number = np.asarray(held, bool), np.asarray(contact, np.int64)
        wrong = is_held[number]
        instants = np.asarray(at, np.int64)[wrong]
        return cls(
            name=name,
            held=int(np.count_nonzero(is_held)),
            contacts=len(np.unique(number[wrong])),
            messages=len(instants),
            first_at=moment(int(instants.min())) if len(instants) else None,
        )

    def note(self) -> str | None:
        """What is to be said; None where no message went to the holdout.

        Example:
            >>> print(HoldoutMessages.of([True, True, False], contact=[0, 0, 2], at=[86_400_000_000, 0, 0]).note())
            holdout was written to: 2 messages to 1 of 2 contacts, the first on 1970-01-01; they stay in it
        """
        if self.first_at is None:
            return None
        return (
            f"{self.name} was written to: {counted(self.messages, 'message')} to {self.contacts:,} of "
            f"{counted(self.held, 'contact')}, the first on {self.first_at:%Y-%m-%d}; they stay in it"
        )

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain data."""
        first = None if self.first_at is None else self.first_at.isoformat()
        return {
            "holdout": self.name,
            "held": self.held,
            "contacts": self.contacts,
            "messages": self.messages,
            "first_at": first,
        }
