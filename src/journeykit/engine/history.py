"""The history: what a contact's touches amount to for their claims."""

from __future__ import annotations

from bisect import bisect_right
from datetime import timedelta
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING

from journeykit.basics.clock import DAY, FOREVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from journeykit.basics.clock import Clock
    from journeykit.engine.candidate import Candidate
    from journeykit.engine.effects import Effects
    from journeykit.engine.message import Message
    from journeykit.engine.ruleset import Ruleset
    from journeykit.engine.window_usage import Gauge
    from journeykit.model.cap import Conflict
    from journeykit.model.touch import Touch

_MICROSECOND = timedelta(microseconds=1)

Cell = tuple[int, tuple[str, ...]]
"""A cap, by its number, and one of the groups in which it counts."""


class TouchHistory:
    """The touches that count, by what they count in.

    Attributes:
        touches: the instant of each and what it does; those too old to matter to anything are left out.
        counts: how many there are of each campaign that repeats, however old; `repeated` tells the ids of claims apart.
        latest: by campaign, the instant of the last of them; kept only where some campaign has patience.
        steps: of series, by campaign and content, the instant of each touch and the id of its claim.
        spans: for each cell: the instant of a touch, the last date of its campaign, and its points.
    """

    __slots__ = ("_known", "counts", "latest", "spans", "steps", "touches")

    def __init__(
        self,
        ruleset: Ruleset,
        contact: str | None,
        touches: Iterable[Touch],
        now: int,
        replaced: Callable[[Touch], bool],
    ) -> None:
        """Read the touches.

        Args:
            ruleset: the rules.
            contact: whose touches count; one that names somebody else does not. None where all that are given count.
            touches: in any order.
            now: the instant of the decision.
            replaced: whether a planned touch is decided again, and so does not count.
        """
        self.touches: list[tuple[int, Effects]] = []
        self.counts: dict[str, int] = {}
        self.latest: dict[str, int] = {}
        self._known: dict[str, dict[str, int]] = {}
        self.steps: dict[tuple[str, str], list[tuple[int, str | None]]] = {}
        self.spans: dict[Cell, list[tuple[int, date | None, int]]] = {}
        oldest = now - ruleset.reach
        campaigns, has_patience = ruleset.campaigns, ruleset.has_patience
        passing = ruleset.passing
        for touch in touches:
            at, campaign = touch.micros, touch.campaign
            if at < oldest and campaign in passing:
                continue
            status = touch.status
            if status != "sent" and not touch.counts_at(now):
                continue
            if touch.contact is not None and contact is not None and touch.contact != contact:
                continue
            if campaign is not None:
                if campaign not in campaigns:
                    campaign = ruleset.vocabulary.spelt("campaign", campaign)
                if status == "planned" and replaced(ruleset.vocabulary.touch(touch)):
                    continue
            if campaign is not None:
                self.counts[campaign] = self.counts.get(campaign, 0) + 1
                if has_patience:
                    self.latest[campaign] = max(at, self.latest.get(campaign, at))
                if touch.claim is not None:
                    known = self._known.setdefault(campaign, {})
                    known[touch.claim] = known.get(touch.claim, 0) + 1
            if at < oldest:
                continue
            effects = ruleset.effects(touch)
            if campaign in ruleset.series and effects.content is not None:
                self.steps.setdefault((campaign, effects.content), []).append((at, touch.claim))
            self.touches.append((at, effects))
            for cap, key, points in effects.cells:
                self.spans.setdefault((cap, key), []).append((at, effects.ends, points))

    def repeated(self, candidate: Candidate) -> int:
        """How many touches a claim repeats; a step of a series repeats those of its content.

        Those of its own id, and those of which no id is known: any of these could be its own. A claim without an id
        repeats all touches of the campaign.
        """
        claim, message = candidate.claim, candidate.message
        if message is not None and message.step >= 0:
            steps = self.steps.get((claim.campaign, message.content_id or ""), ())
            return sum(claim.id is None or own in (None, claim.id) for _, own in steps)
        found = self.counts.get(claim.campaign, 0)
        known = self._known.get(claim.campaign)
        return found if claim.id is None or known is None else found - sum(known.values()) + known.get(claim.id, 0)


def counting(
    ruleset: Ruleset, contact: str, touches: Iterable[Touch], now: int, replaced: Callable[[Touch], bool]
) -> Iterator[Touch]:
    """The touches that count, as `TouchHistory` takes them, in the playbook's words and with what it knows of them."""
    for touch in touches:
        if not touch.counts_at(now) or touch.contact not in (None, contact):
            continue
        told = ruleset.told(touch)
        if told.status != "planned" or told.campaign is None or not replaced(ruleset.vocabulary.touch(touch)):
            yield told


def clashes(
    conflicts: tuple[Conflict, ...], message: Message, effects: Effects, at: int, local: Clock
) -> list[tuple[int, int, int]]:
    """The conflicts of a message with a touch or winner at an instant: number, first and last instant it bars."""
    found = []
    for number, conflict in enumerate(conflicts):
        bit = 1 << number
        back = ahead = None
        if message.then & bit and effects.first & bit:
            ahead = True
            back = conflict.both_ways
        if message.first & bit and effects.then & bit:
            back = True
            ahead = ahead or conflict.both_ways
        if ahead is not None or back is not None:
            found.append((number, *_barred(conflict, at, local, back=bool(back), ahead=bool(ahead))))
    return found


def bars_of(
    conflicts: tuple[Conflict, ...],
    message: Message,
    touches: Iterable[tuple[int, Effects]],
    since: int,
    local: Clock,
) -> dict[int, list[tuple[int, int]]]:
    """By number, the instants from one on that the conflicts of a message with some touches bar, as merged spans."""
    reach = max((_reach(conflict) for conflict in conflicts), default=0)
    found: dict[int, list[tuple[int, int]]] = {}
    for when, effects in touches:
        if when + reach >= since and (message.then & effects.first or message.first & effects.then):
            for number, low, high in clashes(conflicts, message, effects, when, local):
                if high >= since:
                    found.setdefault(number, []).append((low, high))
    return {number: merged(spans) for number, spans in sorted(found.items())}


def _reach(conflict: Conflict) -> int:
    """So long after a touch a conflict bars nothing any more."""
    lag = conflict.lag
    if lag.days is None:
        assert lag.length is not None  # noqa: S101  (a lag is one or the other)
        return lag.length // _MICROSECOND
    return (lag.days + 3) * DAY


def _barred(conflict: Conflict, at: int, local: Clock, *, back: bool, ahead: bool) -> tuple[int, int]:
    lag = conflict.lag
    if lag.days is None:
        assert lag.length is not None  # noqa: S101  (a lag is one or the other)
        length = lag.length // _MICROSECOND
        return at - (length if back else 0), at + (length if ahead else 0)
    day = local.day(at)
    first = local.day_start(day - (lag.days if back else 0))
    return first, local.day_start(day + (lag.days if ahead else 0) + 1) - 1


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of instants, first and last included, in order and without overlaps.

    Example:
        >>> merged([(5, 9), (1, 3), (2, 4), (20, 30)])
        [(1, 9), (20, 30)]
    """
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def holds(spans: Sequence[tuple[int, int]], at: int) -> bool:
    """Whether any of some merged spans holds an instant.

    Example:
        >>> holds([(1, 9), (20, 30)], 9), holds([(1, 9), (20, 30)], 10)
        (True, False)
    """
    place = bisect_right(spans, (at, FOREVER)) - 1
    return place >= 0 and at <= spans[place][1]


class PartnerTouches:
    """The touches that will do for a requirement, in order.

    Attributes:
        instants: when they were.
    """

    __slots__ = ("_effects", "_ends", "_gauge", "instants")

    def __init__(self, gauge: Gauge, touches: Iterable[tuple[int, Effects]]) -> None:
        found = sorted(touches, key=itemgetter(0))
        self._gauge = gauge
        self.instants = [when for when, _ in found]
        self._effects = [effects for _, effects in found]
        # Of a `running` window: until when any of so many first ones runs.
        self._ends: list[int] = []
        if gauge.running:
            spans = (None if effects.campaign is None else gauge.span(when, effects.ends, 1) for when, effects in found)
            self._ends = list(accumulate((-FOREVER if span is None else span[1] for span in spans), max))

    def meet(self, at: int) -> bool:
        """Whether any of them still counts at an instant."""
        last = bisect_right(self.instants, at) - 1
        if last < 0:
            return False
        if self._gauge.running:
            return at < self._ends[last]
        # A window that holds an earlier one holds the last one too.
        return still_counts(self._gauge, self.instants[last], self._effects[last], at)


def still_counts(gauge: Gauge, when: int, effects: Effects, at: int) -> bool:
    """Whether a touch, at an instant, lies in the window that ends at a later one."""
    span = gauge.span(when, effects.ends, 1)
    if span is None:
        return False
    if gauge.running:
        return effects.campaign is not None and span[0] <= at < span[1]
    place = gauge.axis(at)
    return place is not None and gauge.back(place) <= span[0] <= place
