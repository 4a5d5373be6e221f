"""Effects: what a touch of the history, or a winner of the decision, does to claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.engine.rest_caps import FULL

if TYPE_CHECKING:
    from datetime import date

    from journeykit.engine.message import Message
    from journeykit.model.campaign import Campaign
    from journeykit.model.touch import Touch


class Effects:
    """What a touch, or a winner, does to claims."""

    __slots__ = ("campaign", "cells", "channel", "content", "ends", "first", "partner", "then")

    def __init__(
        self,
        *,
        campaign: str | None,
        content: str | None,
        channel: str | None,
        ends: date | None,
        cells: tuple[tuple[int, tuple[str, ...], int], ...],
        first: int,
        then: int,
        partner: int,
    ) -> None:
        self.campaign = campaign
        self.content = content
        self.channel = channel
        self.ends = ends
        self.cells = cells
        self.first = first
        self.then = then
        self.partner = partner

    @classmethod
    def of_mark(cls, cap: int, key: tuple[str, ...]) -> Effects:
        """What fills one group of a rest's cap, and does nothing else."""
        return cls(
            campaign=None,
            content=None,
            channel=None,
            ends=None,
            cells=((cap, key, FULL),),
            first=0,
            then=0,
            partner=0,
        )

    @classmethod
    def of_winner(cls, message: Message) -> Effects:
        """What a granted claim counts in."""
        return cls(
            campaign=message.campaign.id,
            content=message.content_id,
            channel=message.channel,
            ends=message.campaign.ends,
            cells=message.cells if message.campaign.counts_toward_caps else (),
            first=message.first,
            then=message.then,
            partner=message.partner,
        )


def counts_toward_caps(touch: Touch, campaign: Campaign | None) -> bool:
    """Whether a touch counts toward caps."""
    if touch.counts_toward_caps is not None:
        return touch.counts_toward_caps
    return campaign is None or campaign.counts_toward_caps


def end_of(touch: Touch, campaign: Campaign | None) -> date | None:
    """The last date of a touch's campaign as it was then, else as the playbook has it; None where nothing is known."""
    if touch.campaign_ends is not None or "campaign_ends" in touch.without:
        return touch.campaign_ends
    return campaign.ends if campaign else None
