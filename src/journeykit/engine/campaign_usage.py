"""Campaign usage: windows in which each campaign counts once, however many touches of it they hold.

Where a cap counts touches a span has points; here it has, in their place, the number of its campaign. A claim whose
campaign is in a window already needs nothing there. So the windows with the most touches no longer say all: one that
begins later may hold fewer campaigns, and not the claim's own. Every set of spans that some window holds is looked at.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from journeykit.basics.clock import FOREVER, day_number
from journeykit.basics.validation import BILLIONTH
from journeykit.engine.window_usage import HISTORY, NO_CAMPAIGN, Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from journeykit.engine.selection import Members
    from journeykit.engine.window_usage import Span

_OWN = -2
_WHOLE = ("calendar", "between", "ever", "decision")
"""Windows that begin and end by themselves: what they hold does not depend on where one looks from."""


class CampaignGauge(Gauge):
    """One window that counts campaigns, read with the clock of its zone.

    Example:
        >>> from journeykit import Window
        >>> from journeykit.basics.clock import clock
        >>> gauge = CampaignGauge(Window.ever(), clock("UTC"))
        >>> news, launch = (gauge.span(10, None, campaign) for campaign in (1, 2))
        >>> gauge.exceeds([news, news], news, BILLIONTH), gauge.exceeds([news, news], launch, BILLIONTH)
        (False, True)
    """

    __slots__ = ()

    counts_campaigns: ClassVar[bool] = True

    def windows(self, spans: Iterable[Span]) -> Iterator[Sequence[Span]]:
        """Every set of spans that some window holds, and no more."""
        held = self.fill(spans).spans
        starts = [span[0] for span in held]
        if self.running:
            for at in sorted({*starts, *(span[1] for span in held)}):
                yield [span for span in held if span[0] <= at < span[1]]
        elif self.window.kind in _WHOLE:
            for low in sorted(set(map(self.back, starts))):
                yield [span for span in held if self.back(span[0]) == low]
        else:
            leaves = (place for place in map(self.window.leave, starts) if place is not None)
            for end in sorted({*starts, *leaves}):
                yield held[bisect_left(starts, self.back(end)) : bisect_right(starts, end)]

    def _over(self, spans: Iterable[Span], own: Span, limit: int) -> Iterator[Sequence[Span]]:
        """What else is in each window that ``own`` would push over its limit."""
        mine = (*own[:3], _OWN)
        for held in self.windows([*spans, mine]):
            if mine in held:
                others = [span for span in held if span is not mine]
                if all(span[2] != own[2] for span in others) and (_count(others) + 1) * BILLIONTH > limit:
                    yield others

    def exceeds(self, spans: Iterable[Span], own: Span, limit: int) -> bool:
        """Whether some window would hold more campaigns than its limit with ``own``, which is of none of them."""
        return any(True for _ in self._over(spans, own, limit))

    def occupants(self, spans: Iterable[Span], own: Span, limit: int) -> set[int]:
        """Who is in a window that ``own`` would push over its limit."""
        found = set()
        for others in self._over(spans, own, limit):
            found |= {HISTORY, *(span[3] for span in others)}
        return found

    def first_fit(self, spans: Iterable[Span], since: int, ends: date | None, points: int, limit: int) -> int | None:
        """The first instant from ``since`` on at which one of a campaign fits; None if never."""
        held = () if self.of_decision else tuple(spans)
        for instant in chain((since,), self._changes(held, since, ends, points)):
            own = self.span(instant, ends, points)
            if own is None or not self.exceeds(held, own, limit):
                return instant
        return None

    def _changes(self, spans: Sequence[Span], since: int, ends: date | None, points: int) -> list[int]:
        """The instants after one from which a span, or the claim, no longer counts, or one of its campaign does."""
        last = ends if self.running else self.window.last
        found = set() if last is None else {self.clock.day_start(day_number(last) + 1)}
        for start, end, campaign, _ in spans:
            if self.running:
                found |= {end, start} if campaign == points else {end}
                continue
            leave = self.window.leave(start)
            if leave is not None:
                found.add(self.window.opens(leave, self.clock))
            if campaign == points and self.window.kind not in _WHOLE:
                found.add(self.window.opens(start, self.clock))
        return sorted(at for at in found if since < at < FOREVER)

    def classes(self, spans: Iterable[Span], placed: Sequence[Span], limit: int) -> list[tuple[Members, int]]:
        """The claims that some window holds together, by their campaigns, and how many new campaigns it may hold.

        Args:
            spans: the history.
            placed: where the claims are, each with its number.
            limit: the window's limit.
        """
        found: dict[frozenset[int], tuple[Members, int]] = {}
        before = [(*span[:3], HISTORY) for span in spans]
        for held in self.windows([*before, *placed]):
            known = {span[2] for span in held if span[3] == HISTORY}
            members = {span[3]: span[2] for span in held if span[3] != HISTORY and span[2] not in known}
            capacity = max(0, limit // BILLIONTH - _count(span for span in held if span[3] == HISTORY))
            key = frozenset(members)
            if len(set(members.values())) > capacity and (key not in found or found[key][1] > capacity):
                found[key] = members, capacity
        rows = list(found.items())
        return [row for key, row in rows if not any(key < other and row[1] >= wider[1] for other, wider in rows)]


def _count(spans: Iterable[Span]) -> int:
    """How many campaigns some spans are of."""
    numbers = [span[2] for span in spans]
    return len(set(numbers) - {NO_CAMPAIGN}) + numbers.count(NO_CAMPAIGN)
