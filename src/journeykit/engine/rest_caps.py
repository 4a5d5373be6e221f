"""Rests, as caps: one for each, which is full for a contact while they rest.

A rest and a cap bar the same claims in the same way: those in a scope, by group, for a time that is over some day. So
each rest becomes a cap with a rolling window as long as the rest is, that holds nearly any number of claims. Where a
contact rests, a mark fills it at the instant at which the rest began. All else (plans, retries, exact
search, prices) is that of caps.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from typing import TYPE_CHECKING

from journeykit.basics.clock import EPOCH
from journeykit.basics.validation import BILLIONTH, LARGEST, scaled
from journeykit.model.cap import Cap
from journeykit.model.touch import IGNORED, Touch
from journeykit.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from journeykit.journey.event_history import EventHistory, Ignoring
    from journeykit.model.rest import Rest
    from journeykit.playbook.playbook import Playbook
    from journeykit.playbook.vocabulary import Vocabulary

FULL = scaled(LARGEST, BILLIONTH)
"""What a mark weighs: all that a rest's cap holds."""

RestCell = tuple[int, tuple[str, ...]]
"""A rest's cap, by its number, and one of the groups in which it counts."""
Mark = tuple[int, tuple[str, ...], int]
"""A rest's cap, the group that rests, and the instant at which that began."""


def with_rests(playbook: Playbook) -> Playbook:
    """A playbook with a cap more for each of its rests, after its own; its rests name events."""
    if not playbook.rests:
        return playbook
    made = copy(playbook)
    object.__setattr__(made, "caps", (*playbook.caps, *map(_cap_of, playbook.rests)))
    object.__setattr__(made, "rests", playbook.rests_by_event)
    return made


def _cap_of(rest: Rest) -> Cap:
    window = Window.rolling(f"{rest.length // 60_000_000}m")
    return Cap(name=rest.name, max=LARGEST, window=window, where=rest.where, by=rest.by, points=1 / BILLIONTH)


class Rests:
    """The rests of a playbook.

    Args:
        rests: the rests.
        first: the number of the first cap that is one.
        cells_of: the caps that are rests in which a touch counts, with its groups.
        vocabulary: the playbook's words.

    Attributes:
        first: the number of the first cap that is a rest.
    """

    def __init__(
        self,
        rests: Sequence[Rest],
        first: int,
        cells_of: Callable[[Touch], tuple[RestCell, ...]],
        vocabulary: Vocabulary,
    ) -> None:
        self.first = first
        self._cells_of = cells_of
        self._vocabulary = vocabulary
        self._rests = rests
        self._unknown = {number: ((number, ()),) for number, rest in self.numbered() if not rest.by}
        self._cells: dict[object, tuple[RestCell, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._rests)

    def numbered(self) -> Iterator[tuple[int, Rest]]:
        """The rests, each with the number of its cap."""
        yield from enumerate(self._rests, self.first)

    def cells(self, number: int, touch: Touch) -> Sequence[RestCell]:
        """The groups of a rest in which a touch, or an event of a campaign, counts."""
        found = self._cells.get(touch.facts)
        if found is None:
            if len(self._cells) > 20_000:
                self._cells.clear()
            found = self._cells[touch.facts] = self._cells_of(touch)
        return [cell for cell in found if cell[0] == number]

    def cells_of_event(self, number: int, campaign: str | None) -> Sequence[RestCell]:
        """The groups of a rest in which an event counts; one that names no campaign counts in that of all.

        Whether messages of its campaign count toward caps is no matter: a complaint about a receipt is a complaint.
        """
        if campaign is None:
            return self._unknown.get(number, ())
        return self.cells(number, Touch(at=EPOCH, campaign=campaign, counts_toward_caps=True))

    def marks(self, events: EventHistory | None, touches: Iterable[Touch], contact: str, now: int) -> Iterator[Mark]:
        """Where a contact's rests began; without events at hand there are none.

        Args:
            events: what they did.
            touches: their history.
            contact: who; a touch that names somebody else does not count.
            now: the instant of the decision.
        """
        if events is None:
            return
        for number, rest in self.numbered():
            instants: dict[RestCell, list[int]] = {}
            if rest.event == IGNORED:
                from journeykit.journey.event_history import EventsAsked

                how = EventsAsked.ignoring(rest)
                for at, touch in self.ignored(events, touches, how, contact=contact, now=now):
                    for cell in self.cells(number, touch):
                        instants.setdefault(cell, []).append(at)
            else:
                for at, campaign in events.campaigns.get(rest.event, ()):
                    for cell in self.cells_of_event(number, campaign):
                        instants.setdefault(cell, []).append(at)
            for (cap, key), own in instants.items():
                begins = rest.begins(sorted(own))
                if begins is not None:
                    yield cap, key, begins

    def ignored(
        self, events: EventHistory, touches: Iterable[Touch], how: Ignoring, *, contact: str, now: int
    ) -> Iterator[tuple[int, Touch]]:
        """The sent touches to which no response came in time, each with the instant at which that was known.

        A response is an event that names the campaign of the touch. A touch without a campaign is never ignored.
        """
        spelt = self._vocabulary.spelt
        answers: dict[str, list[int]] = {}
        for at, name, campaign in events.answers:
            if not how.response or name in how.response:
                answers.setdefault(spelt("campaign", campaign), []).append(at)
        for touch in touches:
            until = touch.micros + how.after
            if touch.status != "sent" or touch.campaign is None or until > now:
                continue
            if touch.contact is not None and touch.contact != contact:
                continue
            known = answers.get(spelt("campaign", touch.campaign), ())
            next_ = bisect_right(known, touch.micros)
            if next_ == len(known) or known[next_] > until:
                yield until, touch
