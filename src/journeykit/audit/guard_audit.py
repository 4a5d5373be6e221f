"""The audit of guards: whether anything was granted to a campaign for which one tripped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.audit.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.model.decision import Decision
    from journeykit.model.tripped_guards import TrippedGuards


def guard_violations(guards: TrippedGuards | None, decisions: Iterable[Decision]) -> Iterator[Violation]:
    """What was granted to campaigns that guards pause; none where nothing tripped.

    Args:
        guards: the tripped guards; None for none.
        decisions: what was decided.
    """
    for decision in decisions:
        for grant in decision.granted:
            for trip in () if guards is None else guards.trips:
                if trip.campaign == grant.campaign:
                    yield Violation("campaign_closed", f"{grant.campaign}: the guard {trip.guard!r} pauses it")
