"""The factors of a weight that few claims have, as one contact makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.policies.policy import OwnFactors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from journeykit.engine.message import Message


def own_factors(
    message: Message,
    values: Mapping[str, Any],
    now: datetime,
    stage_fit: float,
    role_fit: float,
    patience: float,
) -> OwnFactors:
    """What levers and patience make of the weight of a message for a contact.

    Args:
        message: what the claim asks to send.
        values: the contact's fields and attributes.
        now: the instant of the decision, in the contact's zone.
        stage_fit: degree to which the content fits the contact's stage.
        role_fit: degree to which it fits the contact's role.
        patience: the factor of the campaign's patience.
    """
    lead, levers = message.scale, {}
    for lever in message.levers:
        if lever.applies(values, now):
            lead *= lever.factor
            levers[lever.name] = lever.factor
    calm = lead * stage_fit * role_fit
    if not lead > 0 or patience == 1:
        return OwnFactors(calm, calm, levers, 1.0)
    return OwnFactors(lead * patience * stage_fit * role_fit, calm, levers, patience)
