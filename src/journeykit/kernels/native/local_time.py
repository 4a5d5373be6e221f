"""Local days and instants in kernels."""

from __future__ import annotations

import numpy as np

from journeykit.kernels.native.jit import kernel


@kernel
def offset_place(zones, zone, at):
    """Where the offset of a zone at an instant is."""
    low, high = zones.first[zone], zones.first[zone + 1] - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if zones.since[middle] <= at:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def offset_at(zones, zone, at):
    """Microseconds by which local time is ahead of UTC."""
    return zones.offset[offset_place(zones, zone, at)]


@kernel
def day_of(zones, zone, at):
    """Local date of an instant, as a day number."""
    return (at + offset_at(zones, zone, at)) // 86_400_000_000


@kernel
def instants_of(zones, zone, day, time):
    """The instants at which local clocks show a time on a day: how many (1 or 2), and these, earliest first."""
    wall = day * 86_400_000_000 + time
    one = offset_at(zones, zone, wall - 86_400_000_000)
    two = offset_at(zones, zone, wall)
    three = offset_at(zones, zone, wall + 86_400_000_000)
    first, second, count = np.int64(0), np.int64(0), 0
    for ahead in (one, two, three):
        at = wall - ahead
        if offset_at(zones, zone, at) == ahead and not (count and at in (first, second)):
            if count == 0:
                first = second = at
            else:
                first, second = min(first, at), max(second, at)
            count += 1
    if count == 0:
        # Clocks are set forward over it: the instant at which they jump.
        low = wall - max(one, two, three)
        place = zones.first[zone]
        while zones.since[place] <= low:
            place += 1
        first = second = zones.since[place]
        count = 1
    return count, first, second


@kernel
def day_start(zones, zone, day):
    """The first instant of a local date."""
    wall = day * 86_400_000_000
    ahead = offset_at(zones, zone, wall)
    # Nearly always the offset is the same all around, and there is one midnight.
    if (
        offset_at(zones, zone, wall - 86_400_000_000) == ahead
        and offset_at(zones, zone, wall + 86_400_000_000) == ahead
        and offset_at(zones, zone, wall - ahead) == ahead
    ):
        return wall - ahead
    return instants_of(zones, zone, day, np.int64(0))[1]


@kernel
def _civil_month(day):
    """Months since January 1970 of a day number, in the proleptic Gregorian calendar."""
    # Years that begin in March put the leap day last; eras of 400 years have 146,097 days.
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march = (5 * of_year + 2) // 153
    month = march + 2 if march < 10 else march - 10
    year += era * 400 + (1 if month <= 1 else 0)
    return (year - 1970) * 12 + month


@kernel
def _month_start(months):
    """Day number of the first day of a month, counted from January 1970."""
    year = 1970 + months // 12
    month = months % 12 + 1
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    march = month - 3 if month > 2 else month + 9
    of_year = (153 * march + 2) // 5
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@kernel
def period_edge(day, unit, every, shift, ahead):
    """First day of the block of periods in which a day lies, or of a later block.

    Args:
        day: a day number.
        unit: 1 for days, 7 for weeks, and 100 more than the number of months for months, quarters and years.
        every: how many periods make a block.
        shift: days by which weeks are moved, so that one starts on their first day.
        ahead: 0 for the day's own block, 1 for the next.
    """
    if unit < 100:
        return ((day + shift) // unit // every + ahead) * every * unit - shift
    months = (_civil_month(day) // (unit - 100) // every + ahead) * every * (unit - 100)
    # Python's dates end with the year 9999; so do periods.
    if months >= 96_360:
        return 2_932_893
    if months < -23_628:
        return -719_160
    return _month_start(months)
