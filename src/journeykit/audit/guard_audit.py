"""The audit of guards: whether anything was granted to a campaign for which one tripped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.audit.violation import Violation
from journeykit.playbook.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.model.decision import Decision
    from journeykit.model.tripped_guards import TrippedGuards
    from journeykit.playbook.playbook import Playbook


def guard_violations(
    playbook: Playbook, guards: TrippedGuards | None, decisions: Iterable[Decision]
) -> Iterator[Violation]:
    """What was granted to campaigns that guards pause; none where nothing tripped.

    What a person has lifted in a ledger is not known here, and told too.

    Args:
        playbook: whose campaigns are meant, however the trips spell them.
        guards: the tripped guards; None for none.
        decisions: what was decided.
    """
    if guards is None:
        return
    words = Vocabulary.of(playbook)
    trips = [(words.spelt("campaign", trip.campaign), trip) for trip in guards.trips]
    for decision in decisions:
        for grant in decision.granted:
            for campaign, trip in trips:
                if campaign == grant.campaign:
                    yield Violation("campaign_closed", f"{grant.campaign}: the guard {trip.guard!r} pauses it")
