"""Partners: which campaigns can do for a requirement, given who goes first.

Claims that need not obey caps are granted before all others, and the others tier by tier. So a partner is of the same
or an earlier tier; and the partner of a claim that need not obey caps need not obey them either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.campaign import Campaign
    from journeykit.model.cap import Facets, Requirement
    from journeykit.playbook.sections import Sections


class TooLate(NamedTuple):
    """Campaigns that a requirement asks for, and that go after the one that needs them.

    Attributes:
        number: the number of the requirement.
        campaign: the campaign that needs a partner.
        partners: those of its partners that go too late.
        is_all: whether these are all that there are, so that no claim of the run can ever do.
    """

    number: int
    campaign: Campaign
    partners: tuple[Campaign, ...]
    is_all: bool

    def reason(self) -> str:
        """Why they go too late, and what to do."""
        names = ", ".join(repr(partner.id) for partner in self.partners)
        verb = "goes" if len(self.partners) == 1 else "go"
        if not self.campaign.obeys_caps and any(partner.obeys_caps for partner in self.partners):
            return (
                f"{names} {verb} after {self.campaign.id!r}, which need not obey caps and so goes before all that do: "
                f"let {self.campaign.id!r} obey caps, or what it requires not obey them either"
            )
        return (
            f"{names} {verb} after {self.campaign.id!r}: a partner is of the same or an earlier tier than the campaign "
            f"that requires it (tier {self.campaign.tier})"
        )


def may_partner(child: Campaign, partner: Campaign) -> bool:
    """Whether claims of a campaign are granted no later than those of another, and so can do for them.

    Example:
        >>> from journeykit import Campaign
        >>> order, leaflet = Campaign(id="order"), Campaign(id="leaflet", obeys_caps=False)
        >>> may_partner(leaflet, order), may_partner(order, leaflet)
        (False, True)
    """
    if child.obeys_caps and not partner.obeys_caps:
        return True
    return child.obeys_caps == partner.obeys_caps and partner.tier <= child.tier


def find_too_late(playbook: Sections) -> Iterator[TooLate]:
    """By requirement and campaign, the partners that go too late; only where the playbook lists campaigns."""
    facets = {campaign.id: _facets(playbook, campaign) for campaign in playbook.campaigns or ()}
    for number, requirement in enumerate(playbook.requirements):
        partners = [own for own in playbook.campaigns or () if _is_partner(requirement, facets[own.id])]
        for campaign in playbook.campaigns or ():
            if not any(requirement.claim.matches(own) for own in facets[campaign.id]):
                continue
            late = tuple(own for own in partners if not may_partner(campaign, own))
            if late:
                yield TooLate(number, campaign, late, len(late) == len(partners))


def _is_partner(requirement: Requirement, facets: list[Facets]) -> bool:
    return any(requirement.partner.matches(own) for own in facets)


def _facets(playbook: Sections, campaign: Campaign) -> list[Facets]:
    """What the claims of a campaign are told apart by, for each of its contents."""
    contents = [content for content in playbook.content or () if content.id in campaign.content]
    return [playbook.facets(campaign, content) for content in contents] or [playbook.facets(campaign, None)]
