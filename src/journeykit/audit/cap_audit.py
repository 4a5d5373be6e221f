"""Caps, audited: every window of every group, counted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.audit.violation import Violation
from journeykit.audit.window_audit import every_window, held_by
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from journeykit.audit.window_audit import AuditMark
    from journeykit.basics.clock import Clock
    from journeykit.model.cap import Cap


def broken_cap(
    cap: Cap,
    limit_of: Callable[[], int | None],
    everything: Sequence[AuditMark],
    granted: Sequence[AuditMark],
    local: Clock,
) -> Iterator[Violation]:
    """Every way in which granted claims break a cap.

    Args:
        cap: the cap.
        limit_of: gives the cap's limit for the contact, in billionths; None for no limit. An invalid limit raises.
        everything: what may count in the cap: the history and what was granted.
        granted: what was granted to the contact.
        local: the clock of the cap's windows.
    """
    scoped = [mark for mark in everything if cap.where.matches(mark.facets) and cap.points_of(mark.facets)]
    try:
        limit = limit_of()
    except ModelError as error:
        for mark in scoped:
            if mark in granted and _obeys(mark) and cap.keys_of(mark.facets):
                yield Violation(cap.name, f"{mark.label}: {error}")
        return
    if limit is None:
        return
    windows, over = (every_window, _over_campaigns) if cap.count == "campaigns" else (held_by, _over)
    for key in sorted({key for mark in scoped for key in cap.keys_of(mark.facets)}):
        which = f"a window of {', '.join(key)}" if key else "a window"
        inside = [mark for mark in scoped if key in cap.keys_of(mark.facets)]
        for held in windows(cap.window, local, inside):
            for mark, found in over(cap, limit, held):
                if mark in granted:
                    yield Violation(cap.name, f"{mark.label}: {which} holds {found}")


def _over_campaigns(_: Cap, limit: int, held: Sequence[AuditMark]) -> Iterator[tuple[AuditMark, str]]:
    """The claims that bring one campaign more to a window than it may hold."""
    counted = [mark for mark in held if mark.counts or _obeys(mark)]
    known = {mark.campaign or mark for mark in counted if not _obeys(mark)}
    total = len({mark.campaign or mark for mark in counted})
    for mark in held:
        if _obeys(mark) and mark.campaign not in known and total * 10**9 > limit:
            yield mark, f"{total} campaigns of {limit / 1e9:g}"


def _over(cap: Cap, limit: int, held: Sequence[AuditMark]) -> Iterator[tuple[AuditMark, str]]:
    """The claims that obey caps, in a window that holds more than it may with them."""
    # A claim that does not count is checked as if it did, and so are those that are granted with it.
    total = sum(cap.points_of(other.facets) for other in held if other.counts or _obeys(other))
    for mark in held:
        if _obeys(mark) and total > limit:
            yield mark, f"{total / 1e9:g} of {limit / 1e9:g}"


def _obeys(mark: AuditMark) -> bool:
    """Whether it is a granted claim that caps could have stopped."""
    return mark.grant is not None and mark.settings is not None and mark.settings.obeys_caps
