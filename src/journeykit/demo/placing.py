"""Where a household stands on the journey: from its own baskets of the days before, and nothing else."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import day_date

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from journeykit.journey import Journey, Transition

EIGHT_WEEKS = 56


def facts(baskets: Sequence[int], day: int) -> dict[str, Any]:
    """What a household's baskets say on the morning of a day: attributes that the playbook's rules read.

    Args:
        baskets: the days of its baskets, in order.
        day: the morning's day number; baskets of that day or later are not looked at.

    Returns:
        ``first_basket``, ``last_basket`` (dates) and ``baskets_in_8_weeks``; nothing before the first basket.

    Example:
        >>> facts([0, 70, 100], day=100)["baskets_in_8_weeks"]
        1
    """
    known = bisect_left(baskets, day)
    if not known:
        return {}
    return {
        "first_basket": day_date(baskets[0]),
        "last_basket": day_date(baskets[known - 1]),
        "baskets_in_8_weeks": known - bisect_left(baskets, day - EIGHT_WEEKS),
    }


def place(journey: Journey, values: Mapping[str, Any], at: datetime) -> str:
    """The stage that a contact's attributes lead to.

    The contact enters at the first stage and takes the first transition whose rule selects it, and so on.

    Args:
        journey: the stages, and the transitions with their rules.
        values: the contact's attributes.
        at: the instant, aware, in the contact's zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Journey, Stage, Transition
        >>> way = Transition(source="new", to="active", when="baskets > 1")
        >>> journey = Journey([Stage("new"), Stage("active")], [way])
        >>> place(journey, {"baskets": 2}, datetime(2017, 5, 8, 9, tzinfo=UTC))
        'active'
    """
    stage = journey.stages[0].name
    for _ in journey.stages:
        way = next((way for way in journey.transitions if way.source == stage and _open(way, values, at)), None)
        if way is None:
            break
        stage = way.to
    return stage


def _open(way: Transition, values: Mapping[str, Any], at: datetime) -> bool:
    return way.when is not None and way.when.selects(values, at)
