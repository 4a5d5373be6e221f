"""What windows hold of a contact's touches and winners."""

from __future__ import annotations

from journeykit.kernels.interface.rules import BETWEEN, CALENDAR, DAYS, EVER, FOREVER, ROLLING, RUNNING, STRETCH
from journeykit.kernels.interface.workspaces import ALL, RIVALS
from journeykit.kernels.native.jit import kernel
from journeykit.kernels.native.local_time import day_of, day_start, period_edge


@kernel
def add_span(spans, cell, start, end, points, who, layer):
    """Add a span to a cell."""
    place = spans.count[0]
    spans.before[place] = spans.head[cell]
    spans.cell[place] = cell
    spans.start[place] = start
    spans.end[place] = end
    spans.points[place] = points
    spans.who[place] = who
    spans.layer[place] = layer
    spans.head[cell] = place
    spans.count[0] = place + 1


@kernel
def place_of(windows, window, zones, zone, at):
    """Whether a window can count an instant, and where that lies on its axis."""
    kind = windows.kind[window]
    if kind == ROLLING or kind == RUNNING:
        return True, at
    if kind == EVER:
        return True, 0
    own = windows.zone[window]
    day = day_of(zones, zone if own < 0 else own, at)
    return kind != BETWEEN or windows.first[window] <= day <= windows.last[window], day


@kernel
def back(windows, window, end):
    """Where the window that ends at a place starts."""
    kind = windows.kind[window]
    if kind == ROLLING or kind == DAYS:
        return end - windows.span[window] + 1
    if kind == CALENDAR:
        return period_edge(end, windows.unit[window], windows.every[window], windows.shift[window], 0)
    if kind == STRETCH:
        start = end - windows.span[window] + 1
        return period_edge(start, windows.unit[window], 1, windows.shift[window], 0)
    return windows.first[window] if kind == BETWEEN else 0


@kernel
def load(windows, window, spans, cell, layers, start, end):
    """The most points that any window with a claim in it holds besides.

    Args:
        windows: the windows.
        window: which.
        spans: their contents.
        cell: in which cell.
        layers: the layers that count.
        start: the place of the claim on the window's axis.
        end: for a `running` window, where it ends.
    """
    if windows.kind[window] == RUNNING:
        return _most_at_once(spans, cell, layers, start, end)
    low = back(windows, window, start)
    total = 0
    later = False
    span = spans.head[cell]
    while span >= 0:
        if spans.layer[span] & layers:
            place = spans.start[span]
            if place > start:
                later = True
            elif place >= low:
                total += spans.points[span]
        span = spans.before[span]
    if not later:
        return total
    span = spans.head[cell]
    while span >= 0:
        place = spans.start[span]
        if spans.layer[span] & layers and place > start:
            low = back(windows, window, place)
            if low <= start:
                total = max(total, _between(spans, cell, layers, low, place))
        span = spans.before[span]
    return total


@kernel
def _between(spans, cell, layers, low, high):
    total = 0
    span = spans.head[cell]
    while span >= 0:
        if spans.layer[span] & layers and low <= spans.start[span] <= high:
            total += spans.points[span]
        span = spans.before[span]
    return total


@kernel
def _at_once(spans, cell, layers, instant):
    total = 0
    span = spans.head[cell]
    while span >= 0:
        if spans.layer[span] & layers and spans.start[span] <= instant < spans.end[span]:
            total += spans.points[span]
        span = spans.before[span]
    return total


@kernel
def _most_at_once(spans, cell, layers, start, end):
    most = _at_once(spans, cell, layers, start)
    span = spans.head[cell]
    while span >= 0:
        if spans.layer[span] & layers and start < spans.start[span] < end:
            most = max(most, _at_once(spans, cell, layers, spans.start[span]))
        span = spans.before[span]
    return most


@kernel
def crowd(windows, window, spans, cell, start, end, points, limit, crowded):
    """Whether a claim would push a window over its limit; marks the winners that are in it with points."""
    if points == 0:
        return False
    if windows.kind[window] == RUNNING:
        found = _crowd_at(spans, cell, start, points, limit, crowded)
        span = spans.head[cell]
        while span >= 0:
            if start < spans.start[span] < end:
                found = _crowd_at(spans, cell, spans.start[span], points, limit, crowded) or found
            span = spans.before[span]
        return found
    found = _crowd_in(spans, cell, back(windows, window, start), start, points, limit, crowded)
    span = spans.head[cell]
    while span >= 0:
        place = spans.start[span]
        if place > start:
            low = back(windows, window, place)
            if low <= start:
                found = _crowd_in(spans, cell, low, place, points, limit, crowded) or found
        span = spans.before[span]
    return found


@kernel
def _crowd_in(spans, cell, low, high, points, limit, crowded):
    if points + _between(spans, cell, RIVALS, low, high) <= limit:
        return False
    span = spans.head[cell]
    while span >= 0:
        if spans.who[span] >= 0 and spans.points[span] and low <= spans.start[span] <= high:
            crowded[spans.who[span]] = True
        span = spans.before[span]
    return True


@kernel
def _crowd_at(spans, cell, instant, points, limit, crowded):
    if points + _at_once(spans, cell, RIVALS, instant) <= limit:
        return False
    span = spans.head[cell]
    while span >= 0:
        if spans.who[span] >= 0 and spans.points[span] and spans.start[span] <= instant < spans.end[span]:
            crowded[spans.who[span]] = True
        span = spans.before[span]
    return True


@kernel
def leaves(windows, window, zones, zone, spans, span):
    """The instant from which a span no longer counts; a span's own window has no such where it counts for ever."""
    kind = windows.kind[window]
    if kind == RUNNING:
        return spans.end[span]
    start = spans.start[span]
    if kind == ROLLING:
        return start + windows.span[window]
    if kind == EVER:
        return FOREVER
    if kind == DAYS:
        day = start + windows.span[window]
    elif kind == CALENDAR:
        day = period_edge(start, windows.unit[window], windows.every[window], windows.shift[window], 1)
    elif kind == STRETCH:
        day = period_edge(start, windows.unit[window], 1, windows.shift[window], 1) + windows.span[window] - 1
    else:
        day = windows.last[window] + 1
    own = windows.zone[window]
    return day_start(zones, zone if own < 0 else own, day)


@kernel
def fits_at(windows, window, zones, zone, spans, cell, at, end, points, limit):
    """Whether a claim at an instant fits what was granted and the history."""
    counts, start = place_of(windows, window, zones, zone, at)
    if windows.kind[window] == RUNNING:
        counts = at < end
    return not counts or load(windows, window, spans, cell, ALL, start, end) + points <= limit


@kernel
def first_fit(windows, window, zones, zone, spans, cell, since, end, points, limit):
    """The first instant from `since` on at which a claim fits; `FOREVER` if never.

    Only where a span, or the claim itself, no longer counts can there be new room.
    """
    if points == 0:
        return since
    at = since
    while True:
        if fits_at(windows, window, zones, zone, spans, cell, at, end, points, limit):
            return at
        later = FOREVER
        if windows.kind[window] == RUNNING and end < FOREVER and end > at:
            later = end
        if windows.kind[window] == BETWEEN:
            own = windows.zone[window]
            over = day_start(zones, zone if own < 0 else own, windows.last[window] + 1)
            if at < over < later:
                later = over
        span = spans.head[cell]
        while span >= 0:
            if spans.layer[span] & ALL:
                leave = leaves(windows, window, zones, zone, spans, span)
                if at < leave < later:
                    later = leave
            span = spans.before[span]
        if later == FOREVER:
            return FOREVER
        at = later
