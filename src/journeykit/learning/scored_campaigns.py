"""Which messages are scored: those that campaigns might send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.basics.clock import EPOCH
from journeykit.engine.ruleset import Ruleset
from journeykit.errors import DataError
from journeykit.learning.history_features import FACETS
from journeykit.model.cap import Facets
from journeykit.model.touch import Touch

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.model.campaign import Campaign
    from journeykit.playbook.playbook import Playbook


@frozen
class ScoredCampaign:
    """A campaign's message that is scored.

    Attributes:
        campaign: the id of the campaign.
        content: the id of its content; None where its contents do not differ in what features tell apart.
        facets: what the message is.
    """

    campaign: str
    content: str | None
    facets: Facets


def scored_campaigns(playbook: Playbook, at: datetime) -> tuple[ScoredCampaign, ...]:
    """The messages of the campaigns that are neither paused nor over.

    A campaign has one row for each contact; one row for each of its contents where these differ in channel or theme.

    Args:
        playbook: the rule set.
        at: the instant. A campaign is over after its last day, which is the contact's own: a day later, so that it is
            over everywhere.

    Raises:
        DataError: for a playbook of which no campaign is left.
    """
    ruleset = Ruleset(playbook)
    found = []
    for own in playbook.campaigns or ():
        if own.paused or (own.ends is not None and (at.date() - own.ends).days > 1):
            continue
        contents = {content: _facets(ruleset, own, content) for content in own.content}
        told_apart = {tuple(facets.get(name, ()) for name in FACETS) for facets in contents.values()}
        if len(told_apart) > 1:
            found += [ScoredCampaign(own.id, content, facets) for content, facets in contents.items()]
        else:
            first = next(iter(own.content), None)
            found.append(ScoredCampaign(own.id, None, _facets(ruleset, own, first)))
    if not found:
        why = "its campaigns are paused or over" if playbook.campaigns else "it has no campaigns"
        raise DataError(f"the playbook has nothing to score: {why}", source="playbook")
    return tuple(found)


def _facets(ruleset: Ruleset, campaign: Campaign, content: str | None) -> Facets:
    return ruleset.facets(Touch(at=EPOCH, campaign=campaign.id, content=content))
