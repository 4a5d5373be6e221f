"""Pauses: campaigns that a guard has paused, beside those that the playbook pauses itself."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeykit.model.campaign import Campaign
    from journeykit.playbook.playbook import Playbook


def with_pauses(playbook: Playbook, pauses: Mapping[str, str]) -> Playbook:
    """A playbook some campaigns of which are paused.

    Args:
        playbook: the playbook.
        pauses: by id of the campaign, the guard that pauses it.
    """
    if not pauses or playbook.campaigns is None:
        return playbook
    made = copy(playbook)
    object.__setattr__(made, "campaigns", tuple(paused(own, pauses) for own in playbook.campaigns))
    return made


def paused(campaign: Campaign, pauses: Mapping[str, str]) -> Campaign:
    """A campaign as pauses leave it; what the playbook pauses itself stays paused by the playbook."""
    guard = pauses.get(campaign.id)
    if guard is None or campaign.paused:
        return campaign
    made = copy(campaign)
    object.__setattr__(made, "paused", True)
    object.__setattr__(made, "paused_by", guard)
    return made
