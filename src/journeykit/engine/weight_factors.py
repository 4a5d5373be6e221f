"""The factors of a weight that few claims have, as one contact makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.policies.policy import OwnFactors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from journeykit.engine.message import Message


def own_factors(
    message: Message, values: Mapping[str, Any], now: datetime, stage_fit: float, role_fit: float
) -> OwnFactors:
    """What levers make of the weight of a message for a contact.

    Args:
        message: what the claim asks to send.
        values: the contact's fields and attributes.
        now: the instant of the decision, in the contact's zone.
        stage_fit: degree to which the content fits the contact's stage.
        role_fit: degree to which it fits the contact's role.
    """
    base, levers = message.scale, {}
    for lever in message.levers:
        if lever.applies(values, now):
            base *= lever.factor
            levers[lever.name] = lever.factor
    return OwnFactors(base * stage_fit * role_fit, levers)
