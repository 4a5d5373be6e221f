"""Price decomposition: rows for which many contacts compete, settled by prices.

Where the contacts of an account are few, `journeykit.engine.selection` finds the best set of all their claims. Where
they are many, each row that several of them share gets a price: at given prices every contact is solved alone,
exactly, and the prices together with what the contacts then reach are a bound that no set of claims exceeds (Geoffrion
1974). The prices move by the step of Polyak (1969) along a deflected subgradient (Camerini, Fratta and Maffioli 1975).
Then the contacts take what they want of the capacity, one after the other, and each is asked again until nobody finds
anything better in the capacity that the others leave; at last few are asked together.

Prices, values and bounds are ints, so that the bound is exact; only directions are floats, and no sum of them depends
on the order of rows. There is no clock.
"""

from __future__ import annotations

from functools import reduce
from itertools import accumulate
from math import fsum, gcd
from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.engine.class_rows import classes_of, shifted, with_classes, with_rows
from journeykit.engine.selection import Choice, SelectionProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.engine.selection import Members

_STEPS = 200
_FEWEST_STEPS = 10
_PATIENCE = 8
_ROUNDS = 5
_BLOCK = 250
_BLOCK_NODES = 2_000
_STRIDE = 1.5
_DEFLECTION = 0.7
_HUNDREDTHS = (100, 98, 90, 75, 50)
"""The shares of the best prices at which the contacts are asked first: at the prices themselves many do not care."""

Level = tuple[int, int]


@frozen
class ProblemPart:
    """What one contact brings.

    Attributes:
        start: the number of its first item among those of all.
        size: how many items it has.
        problem: what goes together of them, with items numbered from 0.
    """

    start: int
    size: int
    problem: SelectionProblem


def joined(parts: Sequence[ProblemPart], rows: Sequence[tuple[Members, int]]) -> SelectionProblem:
    """One problem of all: what each contact's own rules say, and the rows that they share."""
    every = list(rows)
    groups: list[tuple[int, ...]] = []
    pairs: list[tuple[int, int]] = []
    clauses: list[tuple[int, frozenset[int]]] = []
    for part in parts:
        start, own = part.start, part.problem
        every += [({start + item: use for item, use in members.items()}, capacity) for members, capacity in own.rows]
        groups += [tuple(start + item for item in group) for group in own.groups]
        pairs += [(start + one, start + other) for one, other in own.pairs]
        clauses += [(start + item, frozenset(start + other for other in partners)) for item, partners in own.clauses]
    classes = [row for part in parts for row in shifted(classes_of(part.problem), part.start)]
    return with_classes(SelectionProblem(tuple(every), tuple(groups), tuple(pairs), tuple(clauses)), classes)


def share(
    parts: Sequence[ProblemPart],
    rows: Sequence[tuple[Members, int]],
    values: Sequence[int],
    order: Sequence[int],
    budget: int,
) -> Choice:
    """A good set of items, and a bound on what any set is worth.

    Args:
        parts: the contacts, whose items follow each other.
        rows: what they share: how much each item uses, and how much there is in all.
        values: by item; those of 0 or less are left out.
        order: the items in the order of claims.
        budget: the most nodes that the search for one contact visits.

    Example:
        >>> parts = [ProblemPart(0, 2, SelectionProblem()), ProblemPart(2, 2, SelectionProblem())]
        >>> share(parts, [({0: 1, 1: 1, 2: 1, 3: 1}, 2)], [500, 100, 400, 300], [0, 2, 3, 1], 100)
        Choice(chosen=(0, 2), value=900, bound=900)
    """
    return _Sharing(parts, rows, values, order, budget).run(_STEPS)


def share_by_level(
    parts: Sequence[ProblemPart],
    rows: Sequence[tuple[Members, int]],
    values: Sequence[int],
    order: Sequence[int],
    budget: int,
    levels: dict[int, Level],
) -> Choice:
    """The same where the items are of several levels: the first level is settled, then the next in what is left.

    Nothing is proven then, since another choice among equals of one level might leave more to the next: the bound is
    the value of all items together.

    Args:
        parts: as for `share`.
        rows: likewise.
        values: by item, so that sums compare level by level.
        order: as for `share`.
        budget: likewise.
        levels: by item; smaller ones go first.
    """
    chosen: tuple[int, ...] = ()
    every = sorted({levels[item] for item in order})
    for level in every:
        mine = [item for item in order if levels[item] == level]
        unit = reduce(gcd, (values[item] for item in mine))
        now = [0] * len(values)
        for item in mine:
            now[item] = values[item] // unit
        most = sum(now) + 1
        for item in chosen:
            now[item] = most
        steps = max(_FEWEST_STEPS, _STEPS // len(every))
        chosen = _Sharing(parts, rows, now, order, budget, chosen).run(steps).chosen
    value = sum(values[item] for item in chosen)
    return Choice(chosen, value, sum(values[item] for item in order))


class _Sharing:
    def __init__(
        self,
        parts: Sequence[ProblemPart],
        rows: Sequence[tuple[Members, int]],
        values: Sequence[int],
        order: Sequence[int],
        budget: int,
        kept: Iterable[int] = (),
    ) -> None:
        self.budget = budget
        self.place = {item: place for place, item in enumerate(order)}
        open_values = [max(value, 0) for value in values]
        for members, capacity in rows:
            for item, use in members.items():
                if use > capacity:
                    open_values[item] = 0
        binding = _binding(rows, open_values, self.place)
        self.capacities = [capacity for _, capacity in binding]
        # Rows are measured by what one item uses at most, so that none outweighs the others.
        self.units = [max(members.values()) for members, _ in binding]
        uses: list[dict[int, int]] = [{} for _ in values]
        for row, (members, _) in enumerate(binding):
            for item, use in members.items():
                uses[item][row] = use
        self.asked = [_Asked(part, open_values, uses, self.place, kept) for part in parts]
        self.asked.sort(key=lambda asked: self.place[asked.part.start + asked.order[0]] if asked.order else -1)

    def run(self, steps: int) -> Choice:
        best = self._filled([0] * len(self.capacities))
        bound, prices = self._cheapest(steps, self._value(best))
        if bound > self._value(best):
            tried = [self._filled([price * share // 100 for price in prices]) for share in _HUNDREDTHS]
            best = self._polished(max([best, *tried], key=self._rank))
        value = self._value(best)
        chosen = sorted(asked.part.start + item for asked, own in zip(self.asked, best, strict=True) for item in own)
        return Choice(tuple(chosen), value, max(bound, value))

    def _cheapest(self, steps: int, value: int) -> tuple[int, list[int]]:
        """The least bound that is found, and its prices; a set of this value is known."""
        prices = [0.0] * len(self.capacities)
        course = [0.0] * len(self.capacities)
        stride, waited = _STRIDE, 0
        bound, best = -1, [0] * len(self.capacities)
        for _ in range(steps):
            whole = [round(price / unit) for price, unit in zip(prices, self.units, strict=True)]
            found, left = self._priced(whole)
            if bound < 0 or found < bound:
                bound, best, waited = found, whole, 0
            else:
                waited += 1
                if waited == _PATIENCE:
                    stride, waited = stride / 2, 0
            course = _deflected([-capacity / unit for capacity, unit in zip(left, self.units, strict=True)], course)
            norm = fsum(way * way for way in course)
            if bound <= value or not norm:
                break
            step = stride * (found - value) / norm
            prices = [max(0.0, price + step * way) for price, way in zip(prices, course, strict=True)]
        return bound, best

    def _priced(self, prices: list[int]) -> tuple[int, list[int]]:
        """The bound at prices of the rows, and the capacity that the contacts then leave of each."""
        bound = sum(price * capacity for price, capacity in zip(prices, self.capacities, strict=True))
        left = self.capacities.copy()
        for asked in self.asked:
            choice = asked.at_prices(prices, self.budget)
            bound += choice.bound
            asked.take(choice.chosen, left)
        # A row with capacity to spare and no price is as it should be.
        return bound, [
            0 if capacity > 0 and not price else capacity for capacity, price in zip(left, prices, strict=True)
        ]

    def _filled(self, prices: list[int]) -> list[tuple[int, ...]]:
        """Sets that go together: the contacts take one after the other at prices, and then each is asked again.

        The contacts that would gain the most at the prices are asked first.
        """
        gains = [asked.at_prices(prices, self.budget).value for asked in self.asked]
        turns = sorted(range(len(gains)), key=gains.__getitem__, reverse=True)
        left = self.capacities.copy()
        found = [asked.kept for asked in self.asked]
        for asked in self.asked:
            asked.take(asked.kept, left)
        for _ in range(_ROUNDS):
            before = found.copy()
            for number in turns:
                asked = self.asked[number]
                asked.take(found[number], left, back=True)
                found[number] = asked.within(left, prices, self.budget)
                asked.take(found[number], left)
            if found == before and not any(prices):
                break
            prices = [0] * len(prices)
        return found

    def _polished(self, found: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Few contacts after each other are asked together, in the capacity that all others leave them."""
        found = found.copy()
        left = self.capacities.copy()
        for asked, own in zip(self.asked, found, strict=True):
            asked.take(own, left)
        for block in _blocks([asked.part.size for asked in self.asked]):
            few, before = self.asked[block], found[block]
            for asked, own in zip(few, before, strict=True):
                asked.take(own, left, back=True)
            better = self._together(few, left)
            if sum(map(_worth, few, better)) > sum(map(_worth, few, before)):
                found[block] = better
            for asked, own in zip(few, found[block], strict=True):
                asked.take(own, left)
        return found

    def _together(self, few: Sequence[_Asked], left: list[int]) -> list[tuple[int, ...]]:
        """The best sets of few contacts in the capacity that is left."""
        starts = [0, *accumulate(asked.part.size for asked in few)]
        rows: dict[int, dict[int, int]] = {}
        for asked, start in zip(few, starts, strict=False):
            for row, members in asked.rows.items():
                rows.setdefault(row, {}).update((start + item, use) for item, use in members.items())
        parts = [
            ProblemPart(start, asked.part.size, asked.part.problem) for asked, start in zip(few, starts, strict=False)
        ]
        values = [value for asked in few for value in asked.values]
        order = sorted(
            (self.place[asked.part.start + item], start + item)
            for asked, start in zip(few, starts, strict=False)
            for item in asked.order
        )
        problem = joined(parts, [(members, left[row]) for row, members in rows.items()])
        chosen = problem.solve(values, [item for _, item in order], min(self.budget, _BLOCK_NODES)).chosen
        return [tuple(item - part.start for item in chosen if 0 <= item - part.start < part.size) for part in parts]

    def _value(self, chosen: Sequence[tuple[int, ...]]) -> int:
        return sum(map(_worth, self.asked, chosen))

    def _rank(self, chosen: Sequence[tuple[int, ...]]) -> tuple[int, list[int]]:
        """The better of two is worth more or, where they are worth the same, comes first in the order of claims."""
        places = sorted(
            self.place[asked.part.start + item] for asked, own in zip(self.asked, chosen, strict=True) for item in own
        )
        return self._value(chosen), [-place for place in places]


class _Asked:
    """One contact: what its items are worth, and what they use of the rows."""

    def __init__(
        self,
        part: ProblemPart,
        values: Sequence[int],
        uses: Sequence[dict[int, int]],
        place: dict[int, int],
        kept: Iterable[int],
    ) -> None:
        self.part = part
        self.kept = tuple(item - part.start for item in kept if 0 <= item - part.start < part.size)
        inside = range(part.start, part.start + part.size)
        self.values = [values[item] for item in inside]
        self.uses = [uses[item] for item in inside]
        self.order = sorted(
            (item - part.start for item in inside if item in place), key=lambda item: place[part.start + item]
        )
        members: dict[int, dict[int, int]] = {}
        for item, own in enumerate(self.uses):
            for row, use in own.items():
                members.setdefault(row, {})[item] = use
        self.rows = members
        self._known: dict[tuple[int, ...], Choice] = {}

    def at_prices(self, prices: list[int], budget: int) -> Choice:
        """The best set where the rows cost their prices."""
        own = tuple([prices[row] for row in self.rows])
        found = self._known.get(own)
        if found is None:
            found = self._known[own] = self.part.problem.solve(self._worths(prices), self.order, budget)
        return found

    def within(self, left: list[int], prices: list[int], budget: int) -> tuple[int, ...]:
        """The best set in the capacity that is left, where it costs something besides."""
        inside = with_rows(self.part.problem, ((members, left[row]) for row, members in self.rows.items()))
        return inside.solve(self._worths(prices), self.order, budget).chosen

    def _worths(self, prices: list[int]) -> list[int]:
        return [
            value and value - sum(prices[row] * use for row, use in uses.items())
            for value, uses in zip(self.values, self.uses, strict=True)
        ]

    def take(self, chosen: tuple[int, ...], left: list[int], *, back: bool = False) -> None:
        """Take what the chosen items use of the capacity that is left, or give it back."""
        for item in chosen:
            for row, use in self.uses[item].items():
                left[row] += use if back else -use


def _worth(asked: _Asked, chosen: tuple[int, ...]) -> int:
    return sum(asked.values[item] for item in chosen)


def _blocks(sizes: Sequence[int]) -> Iterator[slice]:
    """Stretches of at least two contacts, of few items in all, each of which reaches half into the next."""
    start = 0
    while start < len(sizes) - 1:
        stop = start + 2
        while stop < len(sizes) and sum(sizes[start : stop + 1]) <= _BLOCK:
            stop += 1
        yield slice(start, stop)
        start = len(sizes) if stop == len(sizes) else (start + stop) // 2


def _deflected(way: list[float], before: list[float]) -> list[float]:
    """A direction that does not turn back on the one before."""
    length = fsum(old * old for old in before)
    along = fsum(new * old for new, old in zip(way, before, strict=True))
    turn = max(0.0, -_DEFLECTION * along / length) if length else 0.0
    return [new + turn * old for new, old in zip(way, before, strict=True)]


def _binding(
    rows: Sequence[tuple[Members, int]], values: Sequence[int], place: dict[int, int]
) -> list[tuple[Members, int]]:
    """The rows that can stop something, in smallest whole numbers, each once, in an order of their own."""
    found: dict[tuple[tuple[int, int, int], ...], int] = {}
    for members, capacity in rows:
        kept = {item: use for item, use in members.items() if use and values[item] > 0}
        if kept and sum(kept.values()) > capacity:
            unit = reduce(gcd, kept.values())
            key = tuple(sorted((place[item], item, use // unit) for item, use in kept.items()))
            found[key] = min(found.get(key, capacity // unit), capacity // unit)
    return [({item: use for _, item, use in key}, found[key]) for key in sorted(found)]
