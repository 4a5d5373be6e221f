"""Selection: the exact choice among one contact's claims.

A problem is a list of items with whole values, rows that say how much of them goes together, and clauses that say
which need a partner. Its answer is the set of the largest total value; of several such sets the one whose sorted
places in the order of claims are lexicographically smallest.

Two ways lead there. Where what binds is a laminar family of plain counts (any two rows are nested or disjoint), the
feasible sets are the independent sets of a laminar matroid and taking the best first is optimal (Edmonds 1971).
Otherwise a branch and bound runs in the order of claims, taking before leaving, so that the first of several equal
sets that it meets is the one wanted. Its bound is the Lagrangian relaxation of the rows (Geoffrion 1974), with
prices from coordinate descent on the dual and, where that is stuck, from the linear relaxation. The prices may be
rough; the bound that they give is worked out on ints, like all sums, and so is exact, of any size.

Where the extension was built, its search does the same work (`journeykit.kernels`): it finds the same set, and where
the budget of nodes ends it, another one may be the best that it has seen.
"""

from __future__ import annotations

from functools import cache, reduce
from math import gcd
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.engine.lp_prices import shadow_prices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Members = dict[int, int]
NODE_BUDGET = 20_000
"""Nodes that one search may visit before it settles for the best set it has seen."""
_PATIENCE = 100
_SWEEPS = 6
_SMALL = 12
_UNIT = 2**52
_MOST_ENTRIES = 300_000
_MANY = 1_000
"""With more items each node takes so much longer that the budget is less in proportion."""
_FEW = 60
"""More items than that are given to the extension's search at once, which sees itself whether one is needed."""
_DEEPEST = 500
"""A search that takes more items one after the other would be too deep: what it has met by then is taken."""


@frozen
class Choice:
    """What a search found.

    Attributes:
        chosen: the items taken, ascending.
        value: their total value.
        bound: no feasible set has a larger one; equal to ``value`` where the search came to its end.
    """

    chosen: tuple[int, ...]
    value: int
    bound: int


@frozen
class SelectionProblem:
    """What goes together, among items numbered from 0.

    Attributes:
        rows: each a mapping of items to what they use, and how much there is in all.
        groups: disjoint sets of items of which one at most is taken, such as the slots of one claim.
        pairs: items that exclude each other.
        clauses: an item, and those of which at least one must be taken with it.

    Example:
        >>> one_of_two = SelectionProblem(rows=(({0: 1, 1: 1}, 1),))
        >>> one_of_two.solve([5, 7, 2], [0, 1, 2]).chosen
        (1, 2)
    """

    rows: tuple[tuple[Members, int], ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    clauses: tuple[tuple[int, frozenset[int]], ...] = ()

    def solve(self, values: Sequence[int], order: Sequence[int], budget: int = NODE_BUDGET) -> Choice:
        """The best feasible set.

        Args:
            values: by item; those of 0 are left out, and those of less but for partners that something else needs.
            order: the items in the order of claims, which settles ties.
            budget: the most nodes to visit.
        """
        if len(order) > _FEW and (found := self._solve_compiled(values, order, budget)):
            return found
        open_items = {item for item, value in enumerate(values) if value > 0 or (value < 0 and self.clauses)}
        if self.clauses:
            _drop_unwanted(open_items, self.clauses, values)
        rows = list(self._binding(open_items))
        pairs = [(a, b) for a, b in self.pairs if a in open_items and b in open_items]
        if not rows and not pairs and not self.clauses:
            total = sum(values[item] for item in open_items)
            return Choice(tuple(sorted(open_items)), total, total)
        if not pairs and not self.clauses and _is_laminar(rows):
            return _greedy(open_items, rows, values, order)
        if len(order) <= _FEW and (found := self._solve_compiled(values, order, budget)):
            return found
        clauses = _drop_unwanted(open_items, self.clauses, values)
        rows += [(dict.fromkeys(clique, 1), 1) for clique in _cliques(pairs)]
        chosen: list[int] = []
        value = bound = 0
        for part in _components(open_items, rows, clauses):
            found = _solve_part(part, rows, self.groups, clauses, values, order, budget)
            chosen += found.chosen
            value += found.value
            bound += found.bound
        return Choice(tuple(sorted(chosen)), value, bound)

    def _solve_compiled(self, values: Sequence[int], order: Sequence[int], budget: int) -> Choice | None:
        """The best set by the extension's search; None where there is none, or where the numbers are too large."""
        search = compiled_search()
        if search is None:
            return None
        answer = search(self.rows, self.groups, self.pairs, self.clauses, list(values), list(order), budget)
        if answer is None:
            return None
        chosen, high, low = answer
        value = sum([values[item] for item in chosen])
        return Choice(chosen, value, value + (high << 62) + low)

    def is_plain(self, values: Sequence[int]) -> bool:
        """Whether taking the best first is optimal, so that a problem of any size is solved at once."""
        open_items = {item for item, value in enumerate(values) if value > 0 or (value < 0 and self.clauses)}
        if self.clauses:
            _drop_unwanted(open_items, self.clauses, values)
        return not self.pairs and not self.clauses and _is_laminar(list(self._binding(open_items)))

    def _binding(self, open_items: set[int]) -> Iterator[tuple[Members, int]]:
        """The rows that can stop something, in smallest whole numbers; what a row alone rules out is dropped."""
        tight = []
        rows = [*self.rows, *((dict.fromkeys(group, 1), 1) for group in self.groups)]
        for members, capacity in rows:
            kept = {item: use for item, use in members.items() if use and item in open_items}
            for item, use in kept.items():
                if use > capacity:
                    open_items.discard(item)
            tight.append((kept, capacity))
        for members, capacity in tight:
            kept = {item: use for item, use in members.items() if item in open_items}
            if kept and sum(kept.values()) > capacity:
                unit = reduce(gcd, kept.values())
                yield ({item: use // unit for item, use in kept.items()} if unit > 1 else kept), capacity // unit


@cache
def compiled_search() -> Callable[..., Any] | None:
    """The extension's search; None where the extension was not built."""
    try:
        from journeykit.kernels import find_best_set
    except ImportError:
        return None
    search: Callable[..., Any] = find_best_set
    return search


def combine(levels: Sequence[tuple[int, ...]], values: Sequence[int]) -> list[int]:
    """One whole value for each item, so that their sums compare as totals level by level, the first level first.

    Args:
        levels: by item; smaller ones go first.
        values: by item; those below 0 add nothing to what a level can reach.

    Example:
        >>> combine([(0,), (1,)], [1, 10])
        [11, 10]
    """
    totals: dict[tuple[int, ...], int] = {}
    for level, value in zip(levels, values, strict=True):
        totals[level] = totals.get(level, 0) + max(0, value)
    if len(totals) == 1:
        return list(values)
    scale: dict[tuple[int, ...], int] = {}
    unit = 1
    for level in sorted(totals, reverse=True):
        scale[level] = unit
        unit *= totals[level] + 1
    return [value * scale[level] for level, value in zip(levels, values, strict=True)]


def _is_laminar(rows: Sequence[tuple[Members, int]]) -> bool:
    """Whether the rows count plainly and any two of them are nested or disjoint."""
    if any(use != 1 for members, _ in rows for use in members.values()):
        return False
    # From the widest row on, all items of a row must lie in the same narrowest row that came before.
    inside: dict[int, int] = {}
    for number, (members, _) in enumerate(sorted(rows, key=lambda row: len(row[0]), reverse=True)):
        if len({inside.get(item) for item in members}) > 1:
            return False
        inside.update(dict.fromkeys(members, number))
    return True


def _greedy(
    items: Iterable[int], rows: Sequence[tuple[Members, int]], values: Sequence[int], order: Sequence[int]
) -> Choice:
    capacities = [capacity for _, capacity in rows]
    rows_of: dict[int, list[int]] = {item: [] for item in items}
    for row, (members, _) in enumerate(rows):
        for item in members:
            rows_of[item].append(row)
    chosen = []
    # Python's sort keeps the order of claims among equal values.
    for item in sorted((item for item in order if item in rows_of), key=values.__getitem__, reverse=True):
        mine = rows_of[item]
        for row in mine:
            if not capacities[row]:
                break
        else:
            for row in mine:
                capacities[row] -= 1
            chosen.append(item)
    total = sum(values[item] for item in chosen)
    return Choice(tuple(sorted(chosen)), total, total)


def _drop_hopeless(items: set[int], clauses: Sequence[tuple[int, frozenset[int]]]) -> list[tuple[int, frozenset[int]]]:
    """Drop, from the set itself, the items whose partners are all gone; return the clauses that are left."""
    left = [(item, partners & items) for item, partners in clauses if item in items]
    while hopeless := {item for item, partners in left if not partners}:
        items -= hopeless
        left = [(item, partners - hopeless) for item, partners in left if item not in hopeless]
    return left


def _drop_unwanted(
    items: set[int], clauses: Sequence[tuple[int, frozenset[int]]], values: Sequence[int]
) -> list[tuple[int, frozenset[int]]]:
    """`_drop_hopeless`, and drop what costs more than it is worth where nothing needs it as a partner."""
    while True:
        left = _drop_hopeless(items, clauses)
        wanted = frozenset().union(*(partners for _, partners in left))
        unwanted = {item for item in items if values[item] < 0 and item not in wanted}
        if not unwanted:
            return left
        items -= unwanted


def _cliques(pairs: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Sets of which every two exclude each other, that together cover all pairs: one row each, a tight one."""
    near: dict[int, set[int]] = {}
    for a, b in pairs:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    open_pairs = dict.fromkeys((min(pair), max(pair)) for pair in pairs)
    while open_pairs:
        clique = list(next(iter(open_pairs)))
        for item in sorted(near[clique[0]] & near[clique[1]]):
            if all(item in near[other] for other in clique):
                clique.append(item)
        for a in clique:
            for b in clique:
                open_pairs.pop((a, b), None)
        yield clique


def _components(
    items: Iterable[int], rows: Sequence[tuple[Members, int]], clauses: Sequence[tuple[int, frozenset[int]]]
) -> list[list[int]]:
    """The items in groups that nothing connects."""
    leader = {item: item for item in items}

    def find(item: int) -> int:
        while leader[item] != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    links = [list(members) for members, _ in rows] + [[item, *partners] for item, partners in clauses]
    for link in links:
        there = [item for item in link if item in leader]
        for item in there[1:]:
            leader[find(item)] = find(there[0])
    groups: dict[int, list[int]] = {}
    for item in leader:
        groups.setdefault(find(item), []).append(item)
    return list(groups.values())


def _solve_part(
    part: list[int],
    rows: Sequence[tuple[Members, int]],
    groups: Sequence[tuple[int, ...]],
    clauses: Sequence[tuple[int, frozenset[int]]],
    values: Sequence[int],
    order: Sequence[int],
    budget: int,
) -> Choice:
    inside = set(part)
    own_rows = [
        (members, capacity)
        for members, capacity in ((_inside(m, inside), r) for m, r in rows)
        if sum(members.values()) > capacity
    ]
    own_clauses = [(item, partners) for item, partners in clauses if item in inside]
    if not own_clauses and _is_laminar(own_rows):
        return _greedy(part, own_rows, values, order)
    places = [item for item in order if item in inside]
    number = {item: place for place, item in enumerate(places)}
    search = _Search(
        [values[item] for item in places],
        [({number[item]: use for item, use in members.items()}, capacity) for members, capacity in own_rows],
        [[number[item] for item in group if item in inside] for group in groups],
        [(number[item], sum(1 << number[partner] for partner in partners)) for item, partners in own_clauses],
        budget,
    )
    found = search.run()
    return Choice(tuple(sorted(places[place] for place in found.chosen)), found.value, found.bound)


def _inside(members: Members, items: set[int]) -> Members:
    return {item: use for item, use in members.items() if item in items}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class _Search:
    """Depth-first branch and bound over one component; items are numbered in the order of claims.

    The relaxation drops all rows at a price, but for a partition of the items into groups of which one item at most
    can be taken (the slots of one claim, its contents): those it keeps, which makes it as strong again.
    """

    def __init__(
        self,
        values: list[int],
        rows: list[tuple[Members, int]],
        groups: list[list[int]],
        clauses: list[tuple[int, int]],
        budget: int,
    ) -> None:
        # Prices are whole numbers per unit of a row: scaled up, they lose nothing to rounding that matters.
        self.scale = max((use for members, _ in rows for use in members.values()), default=1)
        self.values = [value * self.scale for value in values]
        # The widest rows first: their prices, set first, leave the narrow ones least to do.
        rows = sorted(rows, key=lambda row: len(row[0]), reverse=True)
        self.capacities = [capacity for _, capacity in rows]
        self.members = [members for members, _ in rows]
        self.masks = [sum(1 << item for item in members) for members, _ in rows]
        self.uses: list[list[tuple[int, int]]] = [[] for _ in values]
        for row, members in enumerate(self.members):
            for item, use in members.items():
                self.uses[item].append((row, use))
        self.groups = self._partition([group for group in groups if len(group) > 1])
        self.group_of = {item: group for group, items in enumerate(self.groups) for item in items}
        self.clauses = clauses
        self.partnered = reduce(int.__or__, (1 << item | partners for item, partners in clauses), 0)
        self.budget = budget
        self.nodes = 0
        self.best = 0
        self.best_set = 0
        self.seen: dict[tuple[int, int, tuple[int, ...]], int] = {}

    def _partition(self, groups: list[list[int]]) -> list[list[int]]:
        """Disjoint sets of items of which one at most can be taken: those given, then from rows, covering all."""
        left = (1 << len(self.values)) - 1
        for items in groups:
            left ^= sum(1 << item for item in items)
        for row, mask in enumerate(self.masks):
            if self.capacities[row] == 1 and mask & left == mask and set(self.members[row].values()) == {1}:
                groups.append(list(_bits(mask)))
                left ^= mask
        return [*groups, *([item] for item in _bits(left))]

    def run(self) -> Choice:
        everything = (1 << len(self.values)) - 1
        prices = self._price(everything, self.capacities, [0] * len(self.capacities))
        if len(self.values) > _SMALL:
            prices = self._sharpen(everything, prices)
        bound = self._bound(everything, self.capacities, prices)
        self.budget = min(self.budget, max(1, self.budget * _MANY // len(self.values)))
        if self._take_first(everything) > _DEEPEST:
            self.nodes = self.budget + 1
        else:
            self._visit(everything, 0, 0, self.capacities, prices)
        value = self.best // self.scale
        spent = self.nodes > self.budget
        return Choice(tuple(_bits(self.best_set)), value, max(value, bound // self.scale) if spent else value)

    def _price(self, free: int, capacities: list[int], prices: list[int]) -> _Prices:
        """Prices for the rows by coordinate descent on the dual, from given ones."""
        prices = prices.copy()
        worth = self._worths(prices).worth
        groups = [[item for item in items if free >> item & 1] for items in self.groups]
        for _ in range(_SWEEPS):
            moved = False
            for row, members in enumerate(self.members):
                if not self.masks[row] & free:
                    continue
                old = prices[row]
                offers = []
                for group in {self.group_of[item]: None for item in members if free >> item & 1}:
                    inside = outside = 0
                    use = 0
                    for item in groups[group]:
                        if item in members:
                            gain = worth[item] + old * members[item]
                            if gain > inside:
                                inside, use = gain, members[item]
                        elif worth[item] > outside:
                            outside = worth[item]
                    if inside > outside:
                        offers.append((inside - outside, use))
                new = _best_price(offers, capacities[row])
                if new != old:
                    moved = True
                    prices[row] = new
                    for item, use in members.items():
                        worth[item] += (old - new) * use
            if not moved:
                break
        return self._worths(prices)

    def _sharpen(self, free: int, prices: _Prices) -> _Prices:
        """Better prices from the linear relaxation, where coordinate descent is stuck at a corner."""
        least = self._bound(free, self.capacities, prices)
        largest = max(self.values)
        if least <= self._dive(free) or len(self.values) * len(self.capacities) > _MOST_ENTRIES:
            return prices
        # A group's row needs no price: the bound looks at groups itself. One item alone is a group too.
        grouped = [(dict.fromkeys(group, 1), 1) for group in self.groups]
        rows = [*zip(self.members, self.capacities, strict=True), *grouped]
        values = [value * _UNIT // largest / _UNIT for value in self.values]
        found = shadow_prices(values, rows)[: len(self.capacities)]
        better = self._worths([round(price * _UNIT) * largest // _UNIT for price in found])
        return min(better, prices, key=lambda each: self._bound(free, self.capacities, each))

    def _take_first(self, free: int) -> int:
        """Take what fits in the order of claims, as the best set so far; how many items that are."""
        chosen = value = 0
        capacities = self.capacities.copy()
        for item in _bits(free):
            if all(use <= capacities[row] for row, use in self.uses[item]):
                chosen |= 1 << item
                for row, use in self.uses[item]:
                    capacities[row] -= use
        # What has no partner goes, and with it what needs it.
        changed = True
        while changed:
            gone = [item for item, partners in self.clauses if chosen >> item & 1 and not partners & chosen]
            chosen &= ~sum(1 << item for item in set(gone))
            changed = bool(gone)
        count = chosen.bit_count()
        if count > _DEEPEST:
            value = sum(self.values[item] for item in _bits(chosen))
            self.best, self.best_set = value, chosen
        return count

    def _dive(self, free: int) -> int:
        """The value of taking what fits in the order of claims, clauses aside: what the search meets first."""
        capacities, value = self.capacities.copy(), 0
        for item in _bits(free):
            if all(use <= capacities[row] for row, use in self.uses[item]):
                value += self.values[item]
                for row, use in self.uses[item]:
                    capacities[row] -= use
        return value

    def _worths(self, rows: list[int]) -> _Prices:
        """What the items are worth at prices of the rows."""
        worth = [
            value - sum(rows[row] * use for row, use in uses)
            for value, uses in zip(self.values, self.uses, strict=True)
        ]
        ranked = [
            sorted((item for item in items if worth[item] > 0), key=worth.__getitem__, reverse=True)
            for items in self.groups
        ]
        return _Prices(rows, worth, ranked)

    def _bound(self, free: int, capacities: list[int], prices: _Prices) -> int:
        """What the free items can add at most."""
        total = sum(price * capacity for price, capacity in zip(prices.rows, capacities, strict=True) if price)
        for group in range(len(self.groups)):
            total += prices.best(group, free)
        return total

    def _visit(self, free: int, chosen: int, value: int, capacities: list[int], prices: _Prices) -> None:
        """Decide the free items one after the other."""
        if self._met_before(free, chosen, value, capacities):
            return
        if chosen.bit_count() > _DEEPEST:
            # The search ends: what is known by now is the answer, and is not called proven.
            self.nodes = self.budget + 1
        bound = value + self._bound(free, capacities, prices)
        if bound > self.best and self.nodes > _PATIENCE and free.bit_count() > 5 and self.nodes % 16 == 0:
            prices = self._price(free, capacities, prices.rows)
            bound = min(bound, value + self._bound(free, capacities, prices))
        while free:
            self.nodes += 1
            if bound <= self.best or self.nodes > self.budget:
                return
            low = free & -free
            item = low.bit_length() - 1
            before = free
            free ^= low
            child = self._take(item, free, chosen, value, capacities)
            if child is not None:
                self._visit(*child, prices)
            if self.clauses:
                free, alive = self._propagate(free, chosen)
                if not alive:
                    return
            for group in {self.group_of[gone] for gone in _bits(before & ~free)}:
                bound += prices.best(group, free) - prices.best(group, before)
        if value > self.best:
            self.best, self.best_set = value, chosen

    def _take(
        self, item: int, free: int, chosen: int, value: int, capacities: list[int]
    ) -> tuple[int, int, int, list[int]] | None:
        """What remains to decide once an item is taken; None where a chosen one can have no partner any more."""
        chosen |= 1 << item
        capacities = capacities.copy()
        left = free
        for row, use in self.uses[item]:
            capacity = capacities[row] = capacities[row] - use
            if left & self.masks[row]:
                if not capacity:
                    left &= ~self.masks[row]
                    continue
                for other, wanted in self.members[row].items():
                    if wanted > capacity:
                        left &= ~(1 << other)
        if self.clauses:
            left, alive = self._propagate(left, chosen)
            if not alive:
                return None
        return left, chosen, value + self.values[item], capacities

    def _propagate(self, free: int, chosen: int) -> tuple[int, bool]:
        """Drop free items that can have no partner any more; whether every chosen one still can."""
        changed = True
        while changed:
            changed = False
            for item, partners in self.clauses:
                if not partners & (free | chosen):
                    if chosen >> item & 1:
                        return free, False
                    if free >> item & 1:
                        free &= ~(1 << item)
                        changed = True
        return free, True

    def _met_before(self, free: int, chosen: int, value: int, capacities: list[int]) -> bool:
        """Whether the same choice was open before, with at least the same value: nothing better can follow."""
        open_rooms = tuple(
            capacity if mask & free else -1 for capacity, mask in zip(capacities, self.masks, strict=True)
        )
        # What is chosen matters to what follows only as a partner, or as one that still needs a partner.
        key = (free, chosen & self.partnered, open_rooms)
        # What is taken may be worth less than nothing, as long as its partners are not taken yet.
        if (before := self.seen.get(key)) is not None and before >= value:
            return True
        self.seen[key] = value
        return False


class _Prices:
    """Prices of the rows, what the items are worth at them, and the items of each group by that worth."""

    __slots__ = ("ranked", "rows", "worth")

    def __init__(self, rows: list[int], worth: list[int], ranked: list[list[int]]) -> None:
        self.rows = rows
        self.worth = worth
        self.ranked = ranked

    def best(self, group: int, free: int) -> int:
        """What the best free item of a group is worth; 0 if none is worth anything."""
        for item in self.ranked[group]:
            if free >> item & 1:
                return self.worth[item]
        return 0


def _best_price(offers: list[tuple[int, int]], capacity: int) -> int:
    """The price per unit at which the offers worth more just fill the capacity: the dual's minimum in one row."""
    offers = [offer for offer in offers if offer[0] > 0]
    if sum(use for _, use in offers) <= capacity:
        return 0
    offers.sort(key=lambda offer: offer[0] // offer[1], reverse=True)
    taken = 0
    for worth, use in offers:
        taken += use
        if taken > capacity:
            return worth // use
    return 0
