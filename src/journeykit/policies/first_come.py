"""Who asks first is served first: what most systems do, for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import DAY, day_number, micros
from journeykit.policies.weighted import Weighted

if TYPE_CHECKING:
    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.policies.policy import Context


@frozen
class FirstCome(Weighted):
    """Decides by the instant at which a claim asked; the weight of `Weighted` settles equal instants.

    A claim without ``asked_at`` asks at the start (in UTC) of its campaign's first day; a campaign without a start
    has been there all along, and comes first. This is the order in which a gatekeeper that judges one message at a
    time would have seen them.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Contact, Playbook
        >>> playbook = Playbook.from_dict({
        ...     "policy": "first_come",
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [
        ...         {"id": "nurture", "content": ["note"], "starts": "2026-10-01", "weight": 1},
        ...         {"id": "launch", "content": ["note"], "starts": "2026-11-01", "weight": 8},
        ...     ],
        ...     "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        ... })
        >>> ben = Contact(id="ben", consent=["email"])
        >>> decision = Arbiter(playbook).decide(ben, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> [grant.campaign for grant in decision.granted]
        ['nurture']
    """

    def rank(self, claim: Claim, contact: Contact, context: Context) -> int:  # noqa: ARG002  (the protocol's)
        """The instant of asking, in microseconds since 1970."""
        return started(context.campaign) if claim.asked_at is None else micros(claim.asked_at)

    def rank_columns(self, columns: Any) -> Any:
        """The same for many claims at once, an array of int64."""
        return columns.asked_at


def started(campaign: Campaign) -> int:
    """When a campaign whose claims do not say so asked for its contacts, in microseconds since 1970."""
    return -(2**62) if campaign.starts is None else day_number(campaign.starts) * DAY
