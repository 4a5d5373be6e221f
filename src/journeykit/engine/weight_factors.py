"""The factors of a weight that few claims have, as one contact makes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from journeykit.policies.policy import OwnFactors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from journeykit.engine.message import Message
    from journeykit.model.claim import Claim


def own_factors(
    message: Message,
    weight: float,
    values: Mapping[str, Any],
    now: datetime,
    stage_fit: float,
    role_fit: float,
    patience: float,
) -> OwnFactors:
    """What an expression, levers and patience make of the weight of a message for a contact.

    Args:
        message: what the claim asks to send.
        weight: the weight of the campaign.
        values: the contact's fields and attributes.
        now: the instant of the decision, in the contact's zone.
        stage_fit: degree to which the content fits the contact's stage.
        role_fit: degree to which it fits the contact's role.
        patience: the factor of the campaign's patience.
    """
    lead, levers = message.lead(weight), {}
    for lever in message.levers:
        if lever.applies(values, now):
            lead *= lever.factor
            levers[lever.name] = lever.factor
    named = frozenset() if message.expression is None else message.expression.names
    calm = lead * stage_fit * role_fit
    if not lead > 0 or patience == 1:
        return OwnFactors(weight, calm, calm, levers, 1.0, named)
    return OwnFactors(weight, lead * patience * stage_fit * role_fit, calm, levers, patience, named)


def weight_of(message: Message, claim: Claim, values: Mapping[str, Any], gain: float | None) -> float:
    """The weight of a message's campaign for a contact and a claim; NaN where it is not known.

    Args:
        message: what the claim asks to send.
        claim: the claim.
        values: the contact's fields and attributes.
        gain: the stage gain, taken where the claim has no value; or None.
    """
    expression = message.expression
    if expression is None:
        return message.campaign.weight  # type: ignore[return-value]  # a number where it is no expression
    cost = message.campaign.cost if claim.cost is None else claim.cost
    value = gain if claim.value is None else claim.value
    found = expression.value({**values, "propensity": claim.propensity, "value": value, "cost": cost})
    return found if math.isfinite(found) else math.nan
