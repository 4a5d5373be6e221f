"""Windows, audited: what each holds, mark by mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from journeykit.basics.clock import Clock, day_number
from journeykit.model.campaign import Campaign
from journeykit.model.cap import Facets
from journeykit.model.content import Content
from journeykit.model.outcome import Grant
from journeykit.model.touch import Touch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from journeykit.model.window import Window


@frozen(eq=False)
class AuditMark:
    """A touch or a granted claim: when, and what it is told apart by."""

    at: int
    campaign: str | None
    facets: Facets
    settings: Campaign | None
    grant: Grant | None = None
    content: Content | None = None
    touch: Touch | None = None
    claim: str | None = None
    label: str = field(init=False)

    @label.default
    def _name(self) -> str:
        return f"{self.campaign} at {self.grant.send_at.isoformat()}" if self.grant else f"a touch of {self.campaign}"

    @property
    def counts(self) -> bool:
        """Whether it counts toward caps."""
        if self.touch is not None and self.touch.counts_toward_caps is not None:
            return self.touch.counts_toward_caps
        return self.settings is None or self.settings.counts_toward_caps

    @property
    def ends(self) -> date | None:
        """The last local date of its campaign, where it is known."""
        if self.touch is not None and (self.touch.campaign_ends or "campaign_ends" in self.touch.without):
            return self.touch.campaign_ends
        return self.settings.ends if self.settings else None


def step_of(mark: AuditMark) -> str | None:
    """Of a series, the content; None where its campaign has no series, or the content is not known."""
    if mark.settings is None or mark.settings.series is None:
        return None
    return mark.facets.get("content", (None,))[0]


def held_by(window: Window, local: Clock, marks: Sequence[AuditMark]) -> Iterator[list[AuditMark]]:
    """What each window holds: one ends with every mark, and no other holds more."""
    if window.kind == "decision":
        yield [mark for mark in marks if mark.grant is not None]
        return
    if window.kind == "running":
        for instant in sorted({mark.at for mark in marks}):
            yield [mark for mark in marks if mark.campaign is not None and _runs(mark, local, instant)]
        return
    axis = window.axis(local)
    places = [(place, mark) for mark in marks if (place := axis(mark.at)) is not None]
    for end in sorted({place for place, _ in places}):
        yield [mark for place, mark in places if window.back(end) <= place <= end]


def every_window(window: Window, local: Clock, marks: Sequence[AuditMark]) -> Iterator[list[AuditMark]]:
    """What any window holds, also those that hold less than others: where campaigns count, these can be over too."""
    axis = window.axis(local)
    places = [(place, mark) for mark in marks if (place := axis(mark.at)) is not None]
    if window.kind == "running":
        ends = {local.day_start(day_number(mark.ends) + 1) for mark in marks if mark.ends is not None}
        for instant in sorted({mark.at for mark in marks} | ends):
            yield [mark for mark in marks if mark.campaign is not None and _runs(mark, local, instant)]
    elif window.kind in ("rolling", "days"):
        over = {window.leave(place) for place, _ in places}
        for end in sorted({place for place, _ in places} | {place for place in over if place is not None}):
            yield [mark for place, mark in places if window.back(end) <= place <= end]
    else:
        counted = [(place, mark) for place, mark in places if window.kind != "decision" or mark.grant is not None]
        for start in sorted({window.back(place) for place, _ in counted}):
            yield [mark for place, mark in counted if window.back(place) == start]


def _runs(mark: AuditMark, local: Clock, at: int) -> bool:
    return mark.at <= at and (mark.ends is None or local.day(at) <= day_number(mark.ends))


def counter_of(window: Window, local: Clock) -> Callable[[AuditMark, int], bool]:
    """Whether a touch counts in a window that ends at an instant."""

    def counted(mark: AuditMark, at: int) -> bool:
        if window.kind == "running":
            return mark.campaign is not None and _runs(mark, local, at)
        axis = window.axis(local)
        start, end = axis(mark.at), axis(at)
        return start is not None and end is not None and window.back(end) <= start

    return counted
