"""A foreign package with policies of its own. It uses nothing but what journeykit documents."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scarce:
    """Weighs what is about to end higher: the fewer days are left, the more."""

    boost: float = 10.0

    def weigh(self, claim, contact, context):
        """The base weight, raised as the campaign's end comes near."""
        ends = context.campaign.ends
        if ends is None:
            return context.base
        left = max(0, (ends - context.at.date()).days)
        return context.base * (1 + self.boost / (1 + left))


@dataclass(frozen=True)
class CareFirst:
    """Ranks relationship before everything else."""

    def weigh(self, claim, contact, context):
        """The base weight."""
        return context.base

    def rank(self, claim, contact, context):
        """0 for the relationship, 1 for the rest."""
        team = context.team
        return 0 if team is not None and team.goal == "relationship" else 1


scarce = Scarce()
