"""Contact caps: the caps as one contact meets them, its own and those that it shares with its account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.engine.contact_facts import spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.engine.account import Account
    from journeykit.engine.contact_facts import ContactFacts, Placed, Touched
    from journeykit.engine.window_usage import Span


class ContactCaps:
    """The caps as one contact meets them.

    Attributes:
        facts: what is known of the contact.
        account: the account with which it is decided, or None.
    """

    def __init__(self, facts: ContactFacts, account: Account | None = None) -> None:
        self.facts = facts
        self.account = account

    def limit(self, cap: int) -> int | None:
        """The limit of a cap, in billionths, for the contact or its account; None where it does not bind the contact.

        Raises:
            ModelError: if it is an invalid limit of the contact's own.
        """
        own = self.facts.limit(cap)
        if self.account is None or cap not in self.account.shared:
            return own
        return self.account.limit(cap) if self.facts.is_protected_by(cap) else None

    def touched(self, cap: int, key: tuple[str, ...]) -> Sequence[Touched]:
        """The touches that count in a cap's windows."""
        if self.account is None or cap not in self.account.shared:
            return self.facts.touched(cap, key)
        return self.account.touched(cap, key)

    def spans(self, cap: int, key: tuple[str, ...], winners: Sequence[Placed] = ()) -> list[Span]:
        """What a cap's windows hold: the history, and the winners given."""
        return spans_of(self.facts.gauges[cap], self.touched(cap, key), winners)
