"""Dominance: of very many claims of one contact, those that can be among the best ones.

A claim is dominated where more claims that are like it in all that binds stand before it in the order of claims than
can ever be granted together: whatever set holds it, one of these is left over and can take its place, and the set is
then worth as much or more and stands before in the order. So no best set holds it, and leaving it out changes no
answer.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from journeykit.entry import opening_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.case import Case
    from journeykit.entry import Entry, Winner

_NARROW = 16
"""A cap and group in which so few claims count binds these alone."""
_MARGIN = 2
"""So many more are kept: what would be granted without one of them, or with another one's weight, is asked too."""

_Cell = tuple[int, tuple[str, ...]]


def worthwhile(case: Case, entries: Sequence[Entry], before: Sequence[Winner]) -> list[Entry]:
    """The claims that can be among the best ones, in the order given.

    Args:
        case: whose claims they are; without prices of quotas, which may choose any claim.
        entries: the claims.
        before: the winners that were settled before.
    """
    cells = _cells_of(case, entries)
    leader = _joined(entries, {cell for cell, count in cells.items() if count <= _NARROW})
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for number, entry in enumerate(entries):
        kinds.setdefault(_kind_of(entry, cells), []).append(number)
    spread: dict[int, set[int]] = {}
    for which, numbers in enumerate(kinds.values()):
        for number in numbers:
            spread.setdefault(leader[number], set()).add(which)
    kept = set(range(len(entries)))
    taken = {winner.entry.claim.campaign for winner in before}
    taken_cells = {part[:2] for winner in before for part in opening_of(winner.entry).cells}
    narrow = {cell for cell, count in cells.items() if count <= _NARROW}
    free = [
        opening_of(entry).campaign.id not in taken and _is_free(case, entry, narrow, taken_cells) for entry in entries
    ]
    for numbers in kinds.values():
        most = _most_of(case, entries[numbers[0]], len(numbers), cells, before)
        if most is not None:
            kept -= _dominated(case, entries, numbers, leader, spread, free, most + _MARGIN)
    return [entries[number] for number in sorted(kept)]


def _cells_of(case: Case, entries: Sequence[Entry]) -> dict[_Cell, int]:
    """How many claims count in each group of each cap that binds the contact."""
    found: dict[_Cell, int] = {}
    for entry in entries:
        if entry.obeys_caps:
            for cap, key, _ in opening_of(entry).cells:
                if case.limit(cap) is not None:
                    found[cap, key] = found.get((cap, key), 0) + 1
    return found


def _joined(entries: Sequence[Entry], narrow: set[_Cell]) -> list[int]:
    """By claim, one that stands for all which its own limits tie to it: contents of a wish, a campaign's repeats."""
    leader = list(range(len(entries)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    first: dict[object, int] = {}
    for number, entry in enumerate(entries):
        opening = opening_of(entry)
        ties: list[object] = [("group", entry.group)]
        if opening.campaign.repeat is not None:
            ties.append(("campaign", opening.campaign.id, entry.claim.id))
        ties += [(cap, key) for cap, key, _ in opening.cells if (cap, key) in narrow]
        for tie in ties:
            leader[find(number)] = find(first.setdefault(tie, number))
    return [find(number) for number in range(len(entries))]


def _kind_of(entry: Entry, cells: Mapping[_Cell, int]) -> tuple[Any, ...]:
    """What must be equal for one claim to take another's place."""
    opening = opening_of(entry)
    shared = tuple(part for part in opening.cells if cells.get(part[:2], 0) > _NARROW) if entry.obeys_caps else ()
    return (
        tuple(entry.instants),
        entry.level,
        shared,
        opening.first,
        opening.then,
        opening.needy | opening.partner,
        opening.campaign.ends,
        opening.campaign.counts_toward_caps,
    )


def _most_of(case: Case, entry: Entry, count: int, cells: Mapping[_Cell, int], before: Sequence[Winner]) -> int | None:
    """How many claims of one kind can be granted at most; None where nothing says so, or they need each other."""
    opening = opening_of(entry)
    if opening.needy or opening.partner or not entry.obeys_caps:
        return None
    most = None
    for cap, key, points in opening.cells:
        gauge, limit = case.gauges[cap], case.limit(cap)
        if limit is None or not points or gauge.running or cells.get((cap, key), 0) <= _NARROW:
            continue
        places = [place for place in map(gauge.axis, entry.instants) if place is not None]
        if len(places) < len(entry.instants):
            # At some instants the cap does not hold.
            continue
        fits = gauge.most_that_fit(case.spans(cap, key, before), places, points, limit, count)
        most = fits if most is None else min(most, fits)
    return most


def _dominated(
    case: Case,
    entries: Sequence[Entry],
    numbers: Sequence[int],
    leader: Sequence[int],
    spread: Mapping[int, set[int]],
    free: Sequence[bool],
    enough: int,
) -> set[int]:
    """Of claims of one kind, those before which enough others stand that can take their place."""
    # Of claims that go at one instant it does not matter which.
    order = {number: case.order(entries[number], 0) for number in numbers}
    best: dict[int, int] = {}
    for number in sorted(numbers, key=order.__getitem__):
        # Only one of those that are tied to each other can be sure to be free, and only where no other kind is tied.
        if free[number] and len(spread[leader[number]]) == 1:
            best.setdefault(leader[number], number)
            if len(best) > enough:
                break
    first = sorted(order[number] for number in best.values())
    found = set()
    for number in numbers:
        ahead = bisect_left(first, order[number])
        own = best.get(leader[number])
        if ahead - (own is not None and order[own] < order[number]) >= enough:
            found.add(number)
    return found


def _is_free(case: Case, entry: Entry, narrow: set[_Cell], taken: set[_Cell]) -> bool:
    """Whether nothing in the history stands in a claim's way that does not stand in that of all of its kind."""
    opening = opening_of(entry)
    campaign = opening.campaign
    if campaign.repeat is not None and case.past.of(campaign.id, entry.claim.id) >= max(1, campaign.repeat):
        return False
    for cap, key, points in opening.cells if entry.obeys_caps else ():
        if (cap, key) in narrow:
            limit = case.limit(cap)
            if limit is not None and (points > limit or (cap, key) in taken or case.touched(cap, key)):
                return False
    return campaign.repeat != 0
