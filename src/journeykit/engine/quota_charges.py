"""Quota charges: what the prices of quotas take from the claims of a playbook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import MILLIONTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.engine.message import Message
    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Claim
    from journeykit.model.prices import Prices
    from journeykit.model.quota import Side
    from journeykit.playbook.playbook import Playbook

Slot = tuple[bool, int]
"""Whether a campaign obeys caps, and its tier: claims of one slot are decided at the same prices."""


def slot_of(campaign: Campaign) -> Slot:
    """The slot of a campaign."""
    return campaign.obeys_caps, campaign.tier


class QuotaCharges:
    """What prices take from the claims of a playbook.

    Args:
        sides: the sides of its quotas.
        prices: the price of each, in weight, by slot; for slots that are not there, that of None.
        run: whether they are those of a run over many contacts, which keeps the quotas and chose for all.
        arms: by arms, as decisions name them, what prices take from the claims of contacts who are in these; empty
            where the prices are those of all.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        prices: Mapping[Slot | None, Sequence[float]],
        *,
        run: bool = False,
        arms: Mapping[str | None, QuotaCharges] | None = None,
    ) -> None:
        self.sides = sides
        self.prices = prices
        self.run = run
        self.arms = arms or {}

    def of_arm(self, arm: str | None) -> QuotaCharges:
        """What prices take from the claims of contacts in some arms; None for those in none."""
        return self.arms.get(arm, self)

    @classmethod
    def of(cls, playbook: Playbook, prices: Prices) -> QuotaCharges:
        """What saved prices take.

        Raises:
            DataError: for prices of quotas that the playbook does not have.
        """
        prices.check(playbook)
        sides = [side for quota in playbook.quotas for side in quota.sides]
        return cls(sides, {None: [prices.of(side) for side in sides]})

    def terms(self, message: Message, claim: Claim, weight: int, day: int, at: int) -> list[tuple[Side, float]]:
        """What each side takes from a claim that goes out at an instant, in weight; what it adds is below 0."""
        found = []
        prices = self.prices.get(slot_of(message.campaign)) or self.prices[None]
        for side, price in zip(self.sides, prices, strict=True):
            if price:
                use = side.use(message.campaign, message.facets, claim, weight, day, at)
                if use:
                    found.append((side, price * (use / side.unit)))
        return found


MOST_CHARGED = 1e12
"""No claim is charged more, or paid more, in weight: far beyond any weight, and few enough for 64 bits."""


def whole(terms: Any) -> int:
    """A sum of weights, taken in order, in millionths; at most `MOST_CHARGED`, with either sign."""
    total = 0.0
    for term in terms:
        total += term
    return round(max(-MOST_CHARGED, min(MOST_CHARGED, total)) * MILLIONTH)
