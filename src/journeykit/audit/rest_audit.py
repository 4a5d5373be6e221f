"""Rests, checked from scratch: every event counted again for every grant."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING

from journeykit.audit.violation import Violation
from journeykit.basics.clock import EPOCH
from journeykit.model.rest import micros_of_lag
from journeykit.model.touch import IGNORED, Touch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.audit.window_audit import AuditMark
    from journeykit.journey.event_history import EventHistory
    from journeykit.model.cap import Facets
    from journeykit.model.contact import Contact
    from journeykit.model.rest import Rest

Told = tuple[int, "Facets | None"]
"""An event: its instant, and what it is told apart by; None where it names no campaign."""
FacetsOf = Callable[[Touch], "Facets | None"]
"""What a touch is told apart by; None for one that counts in no cap."""


def broken_rests(
    rests: Iterable[Rest],
    contact: Contact,
    touches: Sequence[Touch],
    now: int,
    touched: Callable[[Touch], AuditMark],
) -> Callable[[AuditMark], Iterator[Violation]]:
    """Asks for a granted claim which rests it breaks.

    Args:
        rests: the rests.
        contact: the contact, with what they did; without events at hand nobody rests.
        touches: the history.
        now: the instant of the decision.
        touched: what a touch is told apart by.
    """

    def facets_of(touch: Touch) -> Facets | None:
        mark = touched(touch) if touch.contact in (None, contact.id) else None
        return mark.facets if mark is not None and mark.counts else None

    events = contact.events
    told = [] if events is None else [(rest, list(_events(rest, events, touches, now, facets_of))) for rest in rests]

    def ask(mark: AuditMark) -> Iterator[Violation]:
        for rest, own in told if mark.settings is None or mark.settings.obeys_caps else ():
            keys = _keys(rest, mark.facets) if rest.where.matches(mark.facets) else ()
            if any(_rests(rest, own, key, mark.at) for key in keys):
                yield Violation(rest.name, f"{mark.label}: the contact rests then")

    return ask


def _events(
    rest: Rest, events: EventHistory, touches: Sequence[Touch], now: int, facets_of: FacetsOf
) -> Iterator[Told]:
    if rest.event != IGNORED:
        for at, campaign in events.campaigns.get(rest.event, ()):
            # Events of campaigns count whether or not messages of these count toward caps.
            about = None if campaign is None else Touch(at=EPOCH, campaign=campaign, counts_toward_caps=True)
            yield at, None if about is None else facets_of(about)
        return
    for touch in touches:
        facets = facets_of(touch)
        end = touch.micros + rest.answer_within
        answers = [at for at, name, campaign in events.answers if _is_answer(rest, touch, name, campaign, facets_of)]
        is_late = touch.status == "sent" and touch.campaign is not None and end <= now
        if is_late and facets is not None and not any(touch.micros < at <= end for at in answers):
            yield end, facets


def _is_answer(rest: Rest, touch: Touch, name: str, campaign: str, facets_of: FacetsOf) -> bool:
    same = facets_of(Touch(at=EPOCH, campaign=campaign, counts_toward_caps=True)) or {}
    mine = facets_of(Touch(at=EPOCH, campaign=touch.campaign, counts_toward_caps=True)) or {}
    return (not rest.response or name in rest.response) and same.get("campaign") == mine.get("campaign")


def _keys(rest: Rest, facets: Facets) -> Iterator[tuple[str, ...]]:
    yield from product(*(facets.get(name, ()) for name in rest.by))


def _rests(rest: Rest, told: Iterable[Told], key: tuple[str, ...], at: int) -> bool:
    """Whether the claims of a group rest at an instant."""
    known = sorted(
        when
        for when, facets in told
        if when <= at and (not rest.by if facets is None else rest.where.matches(facets) and key in _keys(rest, facets))
    )
    within = None if rest.within is None else micros_of_lag(rest.within)
    if rest.rest is None:
        return sum(at - (within or 0) < when for when in known) >= rest.times
    return any(
        at < when + micros_of_lag(rest.rest)
        and sum(within is None or when - within < other for other in known if other <= when) >= rest.times
        for when in known
    )
