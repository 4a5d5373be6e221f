"""Priorities first, weights within: what many teams agree on before they agree on weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.policies.weighted import Weighted

if TYPE_CHECKING:
    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.policies.policy import Context


@frozen
class Ranked(Weighted):
    """Decides by `Campaign.priority`, 0 first, and by the weight of `Weighted` within a priority.

    No number of claims of a later priority outweighs one of an earlier priority.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Contact, Playbook
        >>> playbook = Playbook.from_dict({
        ...     "policy": "ranked",
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [
        ...         {"id": "service", "content": ["note"], "priority": 0, "weight": 1},
        ...         {"id": "launch", "content": ["note"], "priority": 1, "weight": 9},
        ...     ],
        ...     "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        ... })
        >>> ben = Contact(id="ben", consent=["email"])
        >>> decision = Arbiter(playbook).decide(ben, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> [grant.campaign for grant in decision.granted]
        ['service']
    """

    def rank(self, claim: Claim, contact: Contact, context: Context) -> int:  # noqa: ARG002  (the protocol's)
        """The campaign's priority."""
        return context.campaign.priority

    def rank_columns(self, columns: Any) -> Any:
        """The same for many claims at once, an array of int64."""
        return columns.priority
