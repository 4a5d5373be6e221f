"""The price of attention: what a message may cost, since the contact may opt out, and what it must change at least."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from journeykit.model.claim import Claim, Scored
    from journeykit.playbook.playbook import Playbook

STAGE_VALUE, MIN_UPLIFT = "stage_value", "min_uplift"
"""The rules that a claim breaks whose cost is not known, and one that changes too little."""


@frozen
class ScoreNeeds:
    """The campaigns whose claims need a score, by what a score holds.

    Attributes:
        propensity: those whose claims need a propensity, unless they bring a weight.
        opt_out: likewise, a chance of an opt-out.
        uplift: those whose claims need an uplift.
    """

    propensity: frozenset[str]
    opt_out: frozenset[str]
    uplift: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.propensity or self.opt_out or self.uplift)

    def lacks(self, claim: Claim) -> bool:
        """Whether a claim needs a score that it does not have."""
        campaign = claim.campaign
        if claim.uplift is None and campaign in self.uplift:
            return True
        if claim.weight is not None:
            return False
        lacks_chance = claim.propensity is None and campaign in self.propensity
        return lacks_chance or (claim.opt_out is None and campaign in self.opt_out)


class Attention:
    """What a playbook says of the price of attention.

    Attributes:
        cost: what an opt-out costs: a number, ``stage_value`` for the value of the contact's stage, or None.
        is_priced: whether it costs anything.
        least: by campaign that has one, the least uplift of its claims.
        needs: the campaigns that say themselves that their claims need a score.

    Example:
        >>> from journeykit import Claim, Playbook
        >>> attention = Attention(Playbook(opt_out_cost=80))
        >>> attention.risk(Claim(campaign="news", opt_out=0.0125), "retention")
        1.0
    """

    def __init__(self, playbook: Playbook) -> None:
        self.cost = playbook.opt_out_cost
        self.is_priced = self.cost is not None
        self._values: Mapping[str, float] = {} if playbook.journey is None else playbook.journey.values
        self._denies = playbook.on_missing.stage == "deny"
        campaigns = playbook.campaigns or ()
        self._spared = frozenset(own.id for own in campaigns if not own.needs_consent)
        self.least = {own.id: own.min_uplift for own in campaigns if own.min_uplift is not None}
        self.needs = self.needs_of(own.id for own in campaigns if own.scored)

    def needs_of(
        self, scored: Iterable[str | tuple[str, str]], spelt: Callable[[str], str] | None = None
    ) -> ScoreNeeds:
        """The campaigns whose claims need a score.

        Args:
            scored: ids of campaigns whose claims need all that their weight takes; or pairs of an id and
                ``propensity``, ``opt_out`` or ``uplift``.
            spelt: gives an id as the playbook spells it; None where it does already.
        """
        found: dict[str, set[str]] = {"propensity": set(), "opt_out": set(), "uplift": set()}
        for own in scored:
            campaign, kinds = (own, tuple(found)) if isinstance(own, str) else (own[0], own[1:])
            campaign = campaign if spelt is None else spelt(campaign)
            for kind in kinds:
                found[kind].add(campaign)
        bearing = found["opt_out"] - self._spared if self.is_priced else ()
        return ScoreNeeds(
            frozenset(found["propensity"]), frozenset(bearing), frozenset(found["uplift"] & self.least.keys())
        )

    def all_needs(self, scored: Scored, spelt: Callable[[str], str] | None = None) -> ScoreNeeds:
        """Those that say it themselves, and others."""
        own, more = self.needs, self.needs_of(scored, spelt)
        return ScoreNeeds(own.propensity | more.propensity, own.opt_out | more.opt_out, own.uplift | more.uplift)

    def loss(self, stage: str | None) -> float:
        """What it costs to lose a contact on a stage; NaN where that is not known.

        To lose a contact on a stage that is worth less than nothing costs nothing.
        """
        if self.cost != STAGE_VALUE:
            return float(self.cost or 0)
        value = self._values.get(stage or "")
        return math.nan if value is None else max(0.0, value)

    def bears(self, campaign: str) -> bool:
        """Whether the messages of a campaign bear the cost."""
        return self.is_priced and campaign not in self._spared

    def risk(self, claim: Claim, stage: str | None) -> float:
        """What a message costs at the chance that the contact opts out; NaN where that is not known.

        Args:
            claim: the claim, with its score.
            stage: the contact's stage.
        """
        if claim.opt_out is None or claim.weight is not None or not self.bears(claim.campaign):
            return 0.0
        loss = self.loss(stage)
        return 0.0 if math.isnan(loss) and not self._denies else claim.opt_out * loss

    def is_below(self, claim: Claim) -> bool:
        """Whether a message changes less than its campaign asks for."""
        return claim.uplift is not None and claim.uplift < self.least.get(claim.campaign, -math.inf)
