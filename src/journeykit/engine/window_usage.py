"""Window usage: what a window already holds, and when there will be capacity again.

A gauge measures one window in one zone. What it measures are spans: ``(start, end, points, who)``. For most windows
start and end are the same place on the window's axis; for a `running` window they are the instants between which
the touch's campaign runs. ``who`` is -1 for the history and the number of a winner otherwise.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from heapq import merge
from itertools import accumulate, chain
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar

from journeykit.basics.clock import FOREVER, Clock, day_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from journeykit.model.window import Window

Span = tuple[int, int, int, int]
HISTORY = -1
NO_CAMPAIGN = -1
"""The number of what is of no campaign, or of an unknown one: each such touch counts as a campaign of its own."""
_FEW = 16
"""So few windows are looked at one by one."""


class Gauge:
    """One window, read with the clock of its zone."""

    __slots__ = ("_starts", "axis", "clock", "of_decision", "running", "window")

    counts_campaigns: ClassVar[bool] = False
    """Whether it counts campaigns, of which spans have the numbers in place of points."""

    def __init__(self, window: Window, local: Clock) -> None:
        self.window = window
        self.clock = local
        self.running = window.kind == "running"
        self.of_decision = window.kind == "decision"
        self.axis = window.axis(local)
        # Where windows start, by where they end: local dates are few, and a month is worked out slowly.
        self._starts: dict[int, int] | None = {} if window.kind == "calendar" or window.stretch else None

    def back(self, end: int) -> int:
        """Where the window that ends at a place starts."""
        if self._starts is None:
            return self.window.back(end)
        start = self._starts.get(end)
        if start is None:
            start = self._starts[end] = self.window.back(end)
        return start

    def span(self, at: int, ends: date | None, points: int, who: int = HISTORY) -> Span | None:
        """Where a touch or claim is placed; None where the window never counts it.

        Args:
            at: its instant.
            ends: the last local date of its campaign, for a `running` window.
            points: how much it weighs.
            who: the number of the winner; the history by default.
        """
        if self.running:
            end = FOREVER if ends is None else self.clock.day_start(day_number(ends) + 1)
            return (at, end, points, who) if at < end else None
        place = self.axis(at)
        return None if place is None else (place, place, points, who)

    def fill(self, spans: Iterable[Span]) -> WindowUsage:
        """Spans in order, so that each question about them takes little time, however many there are."""
        return spans if isinstance(spans, WindowUsage) else WindowUsage(self, spans)

    def _later(self, spans: WindowUsage, place: int) -> tuple[int, int]:
        """Of the places of spans, from which to which the windows that end there hold a place before."""
        first = bisect_right(spans.starts, place)
        return first, bisect_right(spans.starts, place, first, key=self.back)

    def load(self, spans: Iterable[Span], own: Span) -> int:
        """The most points that any window with ``own`` in it holds besides."""
        usage = self.fill(spans)
        starts = usage.starts
        if self.running:
            first, end = bisect_right(starts, own[0]), bisect_left(starts, own[1])
            most = usage.active(own[0])
            return most if first >= end else max(most, usage.most(first, end))
        place = own[0]
        total = usage.between(self.back(place), place)
        if not starts or starts[-1] <= place:
            return total
        # Of windows that start together, the one that ends last holds what the others hold.
        first, end = self._later(usage, place)
        return total if first >= end else max(total, usage.most(first, end))

    def exceeds(self, spans: Iterable[Span], own: Span, limit: int) -> bool:
        """Whether some window would be over its limit with ``own``."""
        return self.load(spans, own) + own[2] > limit

    def occupants(self, spans: Iterable[Span], own: Span, limit: int) -> set[int]:
        """Who is, with points, in a window that ``own`` would push over its limit."""
        usage = self.fill(spans)
        if not own[2] or self.load(usage, own) + own[2] <= limit:
            return set()
        found = {HISTORY}
        starts, full = usage.starts, limit - own[2]
        if self.running:
            near = starts[bisect_right(starts, own[0]) : bisect_left(starts, own[1])]
            instants = [at for at in dict.fromkeys((own[0], *near)) if usage.active(at) > full]
            found.update(who for start, end, points, who in usage.others if points and _any_from(instants, start, end))
            return found
        first, end = self._later(usage, own[0])
        for place in dict.fromkeys((own[0], *starts[first:end])):
            low = self.back(place)
            if usage.between(low, place) > full:
                found.update(span[3] for span in usage.others_in(low, place) if span[2])
        return found

    def first_fit(self, spans: Iterable[Span], since: int, ends: date | None, points: int, limit: int) -> int | None:
        """The first instant from ``since`` on at which ``points`` more fit; None if never."""
        if not points:
            return since
        if self.of_decision:
            # Later is another decision, which begins with nothing.
            return since if points <= limit else None
        usage = self.fill(spans)
        for instant in chain((since,), self._leaves(usage, since, ends, limit - points)):
            own = self.span(instant, ends, points)
            if own is None or self.load(usage, own) + points <= limit:
                return instant
        return None

    def _leaves(self, spans: WindowUsage, since: int, ends: date | None, capacity: int) -> Iterator[int]:
        """The instants after one from which one of the spans, or the claim, no longer counts, in their order.

        Only then can there be new capacity; those at which there is surely too little are left out.
        """
        last = ends if self.running else self.window.last
        over = [] if last is None else [self.clock.day_start(day_number(last) + 1)]
        if self.running:
            edges = spans.ends
            later = range(bisect_right(edges, since), bisect_left(edges, FOREVER))
            found = merge(over, (edges[number] for number in later))
        else:
            found = merge(over, self._opens(spans, since, capacity))
        before = since
        for instant in found:
            if instant > before:
                yield instant
                before = instant

    def _opens(self, spans: WindowUsage, since: int, capacity: int) -> Iterator[int]:
        """The instants from which spans no longer count, but for the first ones that leave too little capacity."""
        place = self.axis(since)
        starts = spans.starts
        first = 0
        if place is not None:
            # All that comes before here has to leave: the rest up to now fits into the capacity.
            most = spans.sums[bisect_right(starts, place)]
            first = max(0, bisect_left(spans.sums, most - capacity) - 1)
        before = None
        for number in range(first, len(starts)):
            start = starts[number]
            if start != before:
                before = start
                leave = self.window.leave(start)
                if leave is None:
                    return
                yield self.window.opens(leave, self.clock)

    def rows(self, spans: Iterable[Span], placed: Iterable[Span], limit: int) -> Iterator[tuple[list[Span], int]]:
        """The claims that some window holds together, and the capacity that the history leaves them there.

        All such sets that matter: one that lies in another and has no less capacity says nothing.

        Args:
            spans: the history.
            placed: where the claims are, in the order of their places.
            limit: the window's limit.
        """
        usage, claims = self.fill(spans), self.fill(placed)
        yield from self._rows_running(usage, claims, limit) if self.running else self._rows(usage, claims, limit)

    def _rows(self, usage: WindowUsage, claims: WindowUsage, limit: int) -> Iterator[tuple[list[Span], int]]:
        places, history = claims.starts, usage.starts
        if not places:
            return
        after = history[bisect_right(history, places[0]) :]
        last: tuple[int, int, int] | None = None
        for end in sorted({*places, *after}):
            start = self.back(end)
            first, stop = bisect_left(places, start), bisect_right(places, end)
            if first == stop:
                continue
            row = first, stop, limit - usage.between(start, end)
            if last is not None:
                if row[0] == last[0] and row[2] <= last[2]:
                    # The one before lies in this one.
                    last = row
                    continue
                if row[1] == last[1] and row[2] >= last[2]:
                    continue
                yield claims.spans[last[0] : last[1]], last[2]
            last = row
        if last is not None:
            yield claims.spans[last[0] : last[1]], last[2]

    def _rows_running(self, usage: WindowUsage, claims: WindowUsage, limit: int) -> Iterator[tuple[list[Span], int]]:
        opens = set(claims.starts)
        edges = sorted({*opens, *claims.ends})
        active: list[Span] = []
        place = 0
        for number, edge in enumerate(edges):
            active = [span for span in active if span[1] > edge]
            while place < len(claims.spans) and claims.spans[place][0] <= edge:
                active.append(claims.spans[place])
                place += 1
            if not active or number + 1 == len(edges):
                continue
            first, end = bisect_right(usage.starts, edge), bisect_left(usage.starts, edges[number + 1])
            if first >= end and edge not in opens:
                # Some have ended, and nothing has begun.
                continue
            most = usage.active(edge)
            yield list(active), limit - (most if first >= end else max(most, usage.most(first, end)))

    def most_that_fit(self, spans: Iterable[Span], places: Iterable[int], each: int, limit: int, most: int) -> int:
        """How many claims of equal points fit at some places, of any number of them at each, up to a number.

        Each as early as possible fits the most: an earlier place leaves every later window no fuller.
        """
        usage, mine = self.fill(spans), list[int]()
        starts = usage.starts
        for place in sorted(set(places)):
            first, end = self._later(usage, place)
            windows = [(self.back(own), own) for own in dict.fromkeys((place, *starts[first:end]))]
            held = [(low, usage.between(low, high)) for low, high in windows]
            while len(mine) < most and all(
                points + each * (len(mine) - bisect_left(mine, low)) + each <= limit for low, points in held
            ):
                mine.append(place)
        return len(mine)


class WindowUsage:
    """What a window holds, in order, with sums: a sequence of spans.

    Attributes:
        spans: the spans, by start.
        starts: where they start.
        sums: the points of so many first ones.
    """

    __slots__ = ("_end_sums", "_ends", "_others", "_tops", "gauge", "spans", "starts", "sums")

    def __init__(self, gauge: Gauge, spans: Iterable[Span]) -> None:
        self.gauge = gauge
        self.spans: list[Span] = sorted(spans)
        self.starts = [span[0] for span in self.spans]
        self.sums = [0, *accumulate(span[2] for span in self.spans)]
        self._ends: list[int] | None = None
        self._end_sums: list[int] = []
        self._others: list[Span] | None = None
        self._tops: list[int] | None = None

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    def between(self, low: int, high: int) -> int:
        """The points of what starts from one place to another."""
        return self.sums[bisect_right(self.starts, high)] - self.sums[bisect_left(self.starts, low)]

    @property
    def ends(self) -> list[int]:
        """Where the spans end, in order."""
        if self._ends is None:
            ended = sorted((span[1], span[2]) for span in self.spans)
            self._ends = [end for end, _ in ended]
            self._end_sums = [0, *accumulate(points for _, points in ended)]
        return self._ends

    def active(self, at: int) -> int:
        """The points of what has started by an instant, and has not ended."""
        ended = bisect_right(self.ends, at)
        return self.sums[bisect_right(self.starts, at)] - self._end_sums[ended]

    @property
    def others(self) -> list[Span]:
        """What is not of the history."""
        if self._others is None:
            self._others = [span for span in self.spans if span[3] != HISTORY]
        return self._others

    def others_in(self, low: int, high: int) -> list[Span]:
        """What is not of the history and starts from one place to another."""
        others = self.others
        first = bisect_left(others, low, key=itemgetter(0))
        return others[first : bisect_right(others, high, first, key=itemgetter(0))]

    def _top(self, number: int) -> int:
        """The points of the window that ends where a span starts; for `running`, of all that runs then."""
        place = self.starts[number]
        return self.active(place) if self.gauge.running else self.between(self.gauge.back(place), place)

    def most(self, first: int, end: int) -> int:
        """The most points of a window that ends where one of some spans starts; see `_top`."""
        if end - first <= _FEW:
            return max(map(self._top, range(first, end)))
        tops, size = self._tree(), len(self.spans)
        # A tree of maxima: leaves are at `size` and after, the parent of a node is at half its number.
        found = 0
        low, high = first + size, end + size
        while low < high:
            if low & 1:
                found = max(found, tops[low])
                low += 1
            if high & 1:
                high -= 1
                found = max(found, tops[high])
            low >>= 1
            high >>= 1
        return found

    def _tree(self) -> list[int]:
        if self._tops is None:
            size = len(self.spans)
            tops = [0] * size + [self._top(number) for number in range(size)]
            for node in range(size - 1, 0, -1):
                tops[node] = max(tops[2 * node], tops[2 * node + 1])
            self._tops = tops
        return self._tops


def _any_from(instants: Sequence[int], start: int, end: int) -> bool:
    """Whether any of some instants, in order, lies in a span."""
    place = bisect_left(instants, start)
    return place < len(instants) and instants[place] < end
