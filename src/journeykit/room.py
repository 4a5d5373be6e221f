"""Room: what a window already holds, and when there will be room again.

A gauge measures one window in one zone. What it measures are spans: ``(start, end, points, who)``. For most windows
start and end are the same place on the window's axis; for a `running` window they are the instants between which
the touch's campaign runs. ``who`` is -1 for the history and the number of a winner otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.civil import FOREVER, Clock, day_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from journeykit.window import Window

Span = tuple[int, int, int, int]
HISTORY = -1


class Gauge:
    """One window, read with the clock of its zone."""

    __slots__ = ("_starts", "axis", "clock", "running", "window")

    def __init__(self, window: Window, local: Clock) -> None:
        self.window = window
        self.clock = local
        self.running = window.kind == "running"
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
        """Where a touch or claim stands; None where the window never counts it.

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

    def windows(self, spans: Sequence[Span], own: Span) -> Iterator[list[Span]]:
        """The contents of every window that holds a span, as far as they differ."""
        if self.running:
            for instant in {own[0], *(start for start, *_ in spans if own[0] < start < own[1])}:
                yield [span for span in spans if span[0] <= instant < span[1]]
            return
        place, low = own[0], self.back(own[0])
        near = [span for span in spans if low <= span[0] and (span[0] <= place or self.back(span[0]) <= place)]
        # Of windows that start together, the one that ends last holds what the others hold.
        ends = {self.back(end): end for end in sorted({place, *(span[0] for span in near if span[0] > place)})}
        for start, end in ends.items():
            yield [span for span in near if start <= span[0] <= end]

    def load(self, spans: Sequence[Span], own: Span) -> int:
        """The most points that any window with ``own`` in it holds besides."""
        if not self.running:
            place = own[0]
            low = self.back(place)
            total = 0
            for start, _, points, _ in spans:
                if start > place:
                    break
                if start >= low:
                    total += points
            else:
                return total
        return max(sum(span[2] for span in window) for window in self.windows(spans, own))

    def crowd(self, spans: Sequence[Span], own: Span, limit: int) -> set[int]:
        """Who stands, with points, in a window that ``own`` would push over its limit."""
        found: set[int] = set()
        if own[2]:
            for window in self.windows(spans, own):
                if sum(span[2] for span in window) + own[2] > limit:
                    found.update(span[3] for span in window if span[2])
                    found.add(HISTORY)
        return found

    def first_fit(self, spans: Sequence[Span], since: int, ends: date | None, points: int, limit: int) -> int | None:
        """The first instant from ``since`` on at which ``points`` more fit; None if never."""
        if not points:
            return since
        for instant in sorted({since, *(leave for leave in self._leaves(spans, ends) if leave > since)}):
            own = self.span(instant, ends, points)
            if own is None or self.load(spans, own) + points <= limit:
                return instant
        return None

    def _leaves(self, spans: Iterable[Span], ends: date | None) -> Iterator[int]:
        """The instants from which one of the spans, or the claim, no longer counts: only then can there be new room."""
        if self.running and ends is not None:
            yield self.clock.day_start(day_number(ends) + 1)
        if self.window.last is not None:
            yield self.clock.day_start(day_number(self.window.last) + 1)
        for start, end, *_ in spans:
            if self.running:
                if end < FOREVER:
                    yield end
            elif (place := self.window.leave(start)) is not None:
                yield self.window.opens(place, self.clock)

    def groups(self, spans: Sequence[Span]) -> Iterator[list[int]]:
        """The positions of spans that some window holds together: all such sets that matter."""
        if self.running:
            for instant in {start for start, *_ in spans}:
                yield [at for at, span in enumerate(spans) if span[0] <= instant < span[1]]
            return
        ends = {self.back(end): end for end in sorted({span[0] for span in spans})}
        for start, end in ends.items():
            yield [at for at, span in enumerate(spans) if start <= span[0] <= end]
