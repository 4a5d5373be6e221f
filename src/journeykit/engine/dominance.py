"""Dominance: of very many claims of one contact, those that can be among the best ones.

A claim is dominated where more claims that are like it in all that binds come before it in the order of claims than
can ever be granted together: whatever set holds it, one of these is left over and can take its place, and the set is
then worth as much or more and comes earlier in the order. So no best set holds it, and leaving it out changes no
answer.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from journeykit.engine.candidate import claim_order, message_of
from journeykit.engine.contact_facts import by_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.engine.candidate import Candidate, Winner
    from journeykit.engine.contact_caps import ContactCaps
    from journeykit.engine.contact_facts import Placed

_NARROW = 16
"""A cap and group in which so few claims count binds these alone."""
_MARGIN = 2
"""So many more are kept: what would be granted without one of them, or with another one's weight, is asked too."""

_Cell = tuple[int, tuple[str, ...]]


def worthwhile(caps: ContactCaps, candidates: Sequence[Candidate], earlier: Sequence[Winner]) -> list[Candidate]:
    """The claims that can be among the best ones, in the order given.

    Args:
        caps: the caps as their contact meets them; without prices of quotas, which may choose any claim.
        candidates: the claims.
        earlier: the winners that were settled before.
    """
    cells = _cells_of(caps, candidates)
    leader = _joined(candidates, {cell for cell, count in cells.items() if count <= _NARROW})
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for number, candidate in enumerate(candidates):
        kinds.setdefault(_kind_of(candidate, cells), []).append(number)
    spread: dict[int, set[int]] = {}
    for which, numbers in enumerate(kinds.values()):
        for number in numbers:
            spread.setdefault(leader[number], set()).add(which)
    placed = by_cell(earlier)
    kept = set(range(len(candidates)))
    taken = {winner.candidate.claim.campaign for winner in earlier}
    taken_cells = {part[:2] for winner in earlier for part in message_of(winner.candidate).cells}
    narrow = {cell for cell, count in cells.items() if count <= _NARROW}
    free = [
        message_of(candidate).campaign.id not in taken and _is_free(caps, candidate, narrow, taken_cells)
        for candidate in candidates
    ]
    for numbers in kinds.values():
        most = _most_of(caps, candidates[numbers[0]], len(numbers), cells, placed)
        if most is not None:
            kept -= _dominated(candidates, numbers, leader, spread, free, most + _MARGIN)
    return [candidates[number] for number in sorted(kept)]


def _cells_of(caps: ContactCaps, candidates: Sequence[Candidate]) -> dict[_Cell, int]:
    """How many claims count in each group of each cap that binds the contact."""
    found: dict[_Cell, int] = {}
    for candidate in candidates:
        if candidate.obeys_caps:
            for cap, key, _ in message_of(candidate).cells:
                if caps.limit(cap) is not None:
                    found[cap, key] = found.get((cap, key), 0) + 1
    return found


def _joined(candidates: Sequence[Candidate], narrow: set[_Cell]) -> list[int]:
    """By claim, the first of all that its own limits tie to it: contents of one claim, a campaign's repeats."""
    leader = list(range(len(candidates)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    first: dict[object, int] = {}
    for number, candidate in enumerate(candidates):
        message = message_of(candidate)
        ties: list[object] = [("group", candidate.group)]
        if message.campaign.repeat is not None:
            ties.append(("campaign", *candidate.repeat_key))
        ties += [(cap, key) for cap, key, _ in message.cells if (cap, key) in narrow]
        for tie in ties:
            leader[find(number)] = find(first.setdefault(tie, number))
    return [find(number) for number in range(len(candidates))]


def _kind_of(candidate: Candidate, cells: Mapping[_Cell, int]) -> tuple[Any, ...]:
    """What must be equal for one claim to take another's place."""
    message = message_of(candidate)
    shared = tuple(part for part in message.cells if cells.get(part[:2], 0) > _NARROW) if candidate.obeys_caps else ()
    return (
        tuple(candidate.instants),
        candidate.level,
        shared,
        message.first,
        message.then,
        message.needy | message.partner,
        None if message.step < 0 else (message.campaign.id, message.step),
        message.campaign.ends,
        message.campaign.counts_toward_caps,
    )


def _most_of(
    caps: ContactCaps,
    candidate: Candidate,
    count: int,
    cells: Mapping[_Cell, int],
    earlier: Mapping[_Cell, Sequence[Placed]],
) -> int | None:
    """How many claims of one kind can be granted at most; None where nothing says so, or they need each other."""
    message = message_of(candidate)
    if message.needy or message.partner or message.step >= 0 or not candidate.obeys_caps:
        return None
    most = None
    for cap, key, points in message.cells:
        gauge, limit = caps.facts.gauges[cap], caps.limit(cap)
        if (
            limit is None
            or not points
            or gauge.running
            or gauge.counts_campaigns
            or cells.get((cap, key), 0) <= _NARROW
        ):
            continue
        places = [place for place in map(gauge.axis, candidate.instants) if place is not None]
        if len(places) < len(candidate.instants):
            # At some instants the cap does not hold.
            continue
        fits = gauge.most_that_fit(caps.spans(cap, key, earlier.get((cap, key), ())), places, points, limit, count)
        most = fits if most is None else min(most, fits)
    return most


def _dominated(
    candidates: Sequence[Candidate],
    numbers: Sequence[int],
    leader: Sequence[int],
    spread: Mapping[int, set[int]],
    free: Sequence[bool],
    enough: int,
) -> set[int]:
    """Of claims of one kind, those with enough others before them that can take their place."""
    # Of claims that go at one instant it does not matter which.
    order = {number: claim_order(candidates[number], 0) for number in numbers}
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


def _is_free(caps: ContactCaps, candidate: Candidate, narrow: set[_Cell], taken: set[_Cell]) -> bool:
    """Whether nothing in the history stops a claim that does not stop all of its kind."""
    message = message_of(candidate)
    campaign = message.campaign
    if campaign.repeat is not None and caps.facts.history.repeated(candidate) >= max(1, campaign.repeat):
        return False
    for cap, key, points in message.cells if candidate.obeys_caps else ():
        if (cap, key) in narrow:
            limit = caps.limit(cap)
            if limit is not None and (points > limit or (cap, key) in taken or caps.touched(cap, key)):
                return False
    return campaign.repeat != 0
