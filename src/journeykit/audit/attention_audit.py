"""The audit of the price of attention: what a message must change at least, and what must be known of its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Claim
    from journeykit.playbook.playbook import Playbook


def faults_of_attention(
    playbook: Playbook, campaign: Campaign, claim: Claim, stage: str | None
) -> Iterator[tuple[str, str]]:
    """Which rules a granted claim breaks, and how.

    Args:
        playbook: the playbook.
        campaign: the claim's campaign.
        claim: the claim, with what its score says.
        stage: the contact's stage.
    """
    least = campaign.min_uplift
    if least is not None and claim.uplift is None and campaign.scored:
        yield "missing_data", "the campaign needs an uplift, and there is none"
    if least is not None and claim.uplift is not None and claim.uplift < least:
        yield "not_worth_it", f"the uplift {claim.uplift} is below {least}"
    if playbook.opt_out_cost is None or claim.weight is not None or not campaign.needs_consent:
        return
    if claim.opt_out is None:
        if campaign.scored:
            yield "missing_data", "the campaign needs an opt_out, and there is none"
    elif playbook.opt_out_cost == "stage_value" and playbook.on_missing.stage == "deny":
        stages = playbook.journey.stages if playbook.journey else ()
        if all(own.name != stage or own.value is None for own in stages):
            yield "missing_data", f"nobody knows what an opt-out on the stage {stage} costs"
