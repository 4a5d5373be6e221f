"""The default policy: a product of what campaign, team, fit, contact and model have to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.policies.policy import Context


@frozen
class Weighted:
    """Weighs a claim by the product of its factors.

    ``campaign.weight x content.weight x team.lever x levers x patience x stage fit x role fit x channel preference x
    interest x propensity x value``, multiplied in this order in float64, each 1 where it is absent. Every factor is
    kept in the decision, so that a person can see where a weight comes from. Where a claim has no value of its own and
    its content says what it advances, the value is the stage gain: the sum over these stages of the gain in
    probability times the gain in `Stage.value`.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Contact, Playbook
        >>> playbook = Playbook.from_dict({
        ...     "teams": [{"name": "events", "lever": 1.5}],
        ...     "content": [{"id": "invitation", "channel": "email", "roles": {"user": 0.5}}],
        ...     "campaigns": [{"id": "meetup", "team": "events", "content": ["invitation"], "weight": 4}],
        ... })
        >>> ben = Contact(id="ben", role="user", consent=["email"])
        >>> decision = Arbiter(playbook).decide(ben, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> decision.rows[0].weight
        3.0
    """

    def weigh(self, claim: Claim, contact: Contact, context: Context) -> float:  # noqa: ARG002  (the protocol's)
        """The product of the factors."""
        own = context.own
        if own is not None:
            return own.product(context, claim)
        weight = context.base * context.preference * context.interest
        if claim.propensity is not None:
            weight *= claim.propensity
        if claim.value is not None:
            weight *= claim.value
        elif context.gain is not None:
            weight *= context.gain
        return weight

    def factors(self, claim: Claim, contact: Contact, context: Context) -> dict[str, float]:  # noqa: ARG002  (the protocol's)
        """The factors, in the order in which they are multiplied."""
        return context.factors(claim)

    def weigh_columns(self, columns: Any) -> Any:
        """The same for many claims at once, an array of float64."""
        return columns.product
