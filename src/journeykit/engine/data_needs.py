"""Which data of a contact a claim needs: a time zone, a stage, a role, a consent, the value of a stage, a score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeykit.engine.attention import STAGE_VALUE, Attention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.campaign import Campaign
    from journeykit.model.contact import Contact
    from journeykit.model.content import Content
    from journeykit.model.outcome import Row
    from journeykit.playbook.playbook import Playbook

LOSS = "opt_out_cost"
"""What a claim needs whose message may cost the value of the contact's stage."""
DATA_NEEDS = ("timezone", "stage", "role", "consent", "stage_value", "score", LOSS)
"""What a contact can lack. Who is denied for want of a score or of the cost of an opt-out is counted by the rule."""


class DataNeeds:
    """Which data of a contact a claim needs.

    Attributes:
        values: whether something needs the value of a stage.
    """

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook
        self.campaigns: dict[str, Campaign] = {campaign.id: campaign for campaign in playbook.campaigns or ()}
        self.contents: dict[str, Content] = {content.id: content for content in playbook.content or ()}
        self.attention = Attention(playbook)
        self._costs_value = self.attention.cost == STAGE_VALUE and playbook.on_missing.stage != "deny"
        self.values = self._costs_value or any(content.advances for content in self.contents.values())
        self._timed = {own.name for own in playbook.channels if own.send_at is not None}
        self._values = {} if playbook.journey is None else playbook.journey.values
        self._known: dict[tuple[str, str | None, str | None], frozenset[str]] = {}

    def gaps(self, contact: Contact, row: Row) -> Iterator[str]:
        """The data that the contact lacks for a claim."""
        key = (row.campaign, row.content, row.channel)
        asked = self._known.get(key)
        if asked is None:
            if len(self._known) > 10_000:
                self._known.clear()
            asked = self._known[key] = frozenset(self.of(*key))
        if contact.timezone is None and "timezone" in asked:
            yield "timezone"
        if contact.stage is None and "stage" in asked:
            yield "stage"
        if contact.role is None and "role" in asked:
            yield "role"
        is_gain = "stage_value" in asked
        if is_gain and self.contents[row.content or ""].stage_gain(contact.stage, self._values) is None:
            yield "stage_value"
        if LOSS in asked and math.isnan(self.attention.loss(contact.stage)):
            yield LOSS
        if "consent" in asked:
            channel, consent = row.channel, contact.consent
            if consent is None or channel is None or (channel not in consent and "*" not in consent):
                yield "consent"

    def of(self, campaign_id: str, content_id: str | None, channel: str | None) -> Iterator[str]:
        """The kinds of data that a claim needs."""
        campaign = self.campaigns.get(campaign_id)
        content = self.contents.get(content_id or "")
        if content is not None and content.stages is not None:
            yield "stage"
        if content is not None and content.roles is not None:
            yield "role"
        if content is not None and content.advances is not None:
            yield "stage_value"
        if self._costs_value and self.attention.bears(campaign_id):
            yield LOSS
        if campaign is None or campaign.needs_consent:
            yield "consent"
        if self._is_local(campaign, content, channel):
            yield "timezone"

    def _is_local(self, campaign: Campaign | None, content: Content | None, channel: str | None) -> bool:
        if campaign is not None and (campaign.starts or campaign.ends or campaign.dates):
            return True
        if (campaign is not None and campaign.send_at) or channel in self._timed:
            return True
        if self.playbook.schedule and (campaign is None or campaign.obeys_quiet_hours):
            return True
        facets = self.playbook.facets(campaign, content) | ({"channel": (channel,)} if channel else {})
        return (campaign is None or campaign.obeys_caps) and any(
            cap.window.is_local and cap.where.matches(facets) and cap.keys_of(facets) for cap in self.playbook.caps
        )
