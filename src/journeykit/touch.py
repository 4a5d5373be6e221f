"""Touches: what a contact got, will surely get, or holds a reservation for."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from journeykit.civil import micros
from journeykit.fields import names, one_of, optional_text

COUNTING = ("sent", "reserved", "planned")
"""The statuses that count against caps, conflicts and repeats."""
STATUSES = (*COUNTING, "failed", "bounced", "released")


@frozen(kw_only=True)
class Touch:
    """One message of a contact's history.

    Attributes:
        at: the instant, aware; in the future for what is planned or reserved.
        channel: how it went. What a touch lacks it gets from the playbook, by its campaign and content.
        campaign: the campaign's id.
        content: the content's id.
        team: the team's name.
        goal: the goal it served.
        topics: what it was about.
        status: ``sent``, ``reserved`` or ``planned`` count; ``failed``, ``bounced`` and ``released`` do not. A
            ``planned`` touch before the decision's instant did not happen and does not count either.
        contact: whose it is, where the touches of several are given together.
        account: the account of that contact.

    Raises:
        ModelError: for a naive instant or an unknown status.

    Example:
        >>> from datetime import UTC
        >>> Touch(at=datetime(2026, 11, 2, 9, tzinfo=UTC), channel="email").status
        'sent'
    """

    at: datetime
    channel: str | None = field(default=None, validator=optional_text)
    campaign: str | None = field(default=None, validator=optional_text)
    content: str | None = field(default=None, validator=optional_text)
    team: str | None = field(default=None, validator=optional_text)
    goal: str | None = field(default=None, validator=optional_text)
    topics: tuple[str, ...] = field(default=(), converter=names)
    status: str = field(default="sent", validator=one_of(*STATUSES))
    contact: str | None = None
    account: str | None = None
    micros: int = field(init=False, repr=False, eq=False)

    @micros.default
    def _at_micros(self) -> int:
        return micros(self.at)

    def counts_at(self, now: int) -> bool:
        """Whether it counts in a decision made at an instant (microseconds)."""
        return self.status in ("sent", "reserved") or (self.status == "planned" and self.micros >= now)
