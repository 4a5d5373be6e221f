"""Class rows: of some items, so many classes at most; items of one class count once, however many are taken.

Caps that count campaigns make them: the items of a window, each of the class of its campaign. Where no two items of a
class can be taken together they are plain rows. Otherwise each class brings two items more, "it is used" and "it is
not", of which one is taken at most and which are both worth more than all others together: so just one of the two is
taken. "It is not used" excludes every item of the class, and "it is used" is what the row counts. The problem then is a
plain one, and its best sets are those of the problem with classes, ties included: the new items come last in the order
of claims, and all of these sets have equally many of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from journeykit.engine.selection import NODE_BUDGET, Choice, SelectionProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.engine.selection import Members

ClassRow = tuple["Members", int]
"""Items, each with its class, and how many classes there may be."""


def cautious(classes: Iterable[ClassRow]) -> list[tuple[Members, int]]:
    """Plain rows that hold where each item counts, as if it were a class of its own: they allow less, never more."""
    return [(dict.fromkeys(members, 1), capacity) for members, capacity in classes]


def with_classes(problem: SelectionProblem, classes: Iterable[ClassRow]) -> SelectionProblem:
    """A problem with class rows besides those that it has; the same where there are none."""
    every = (*classes_of(problem), *classes)
    if not every:
        return problem
    return ClassProblem(problem.rows, problem.groups, problem.pairs, problem.clauses, every)


def classes_of(problem: SelectionProblem) -> tuple[ClassRow, ...]:
    """The class rows of a problem."""
    return problem.classes if isinstance(problem, ClassProblem) else ()


@frozen
class ClassProblem(SelectionProblem):
    """What goes together, where some rows count classes.

    Attributes:
        classes: the class rows.

    Example:
        >>> two_of_one_campaign = ClassProblem(classes=(({0: 7, 1: 7, 2: 8}, 1),))
        >>> two_of_one_campaign.solve([5, 4, 8], [2, 0, 1]).chosen
        (0, 1)
    """

    classes: tuple[ClassRow, ...] = ()

    def solve(self, values: Sequence[int], order: Sequence[int], budget: int = NODE_BUDGET) -> Choice:
        """The best feasible set; see `SelectionProblem.solve`."""
        plain, more = self._plain(values)
        if not more:
            return plain.solve(values, order, budget)
        size, high = len(values), 1 + sum(max(0, value) for value in values)
        found = plain.solve([*values, *[high] * more], [*order, *range(size, size + more)], budget)
        chosen = tuple(item for item in found.chosen if item < size)
        bound = found.bound - high * (more // 2)
        if found.value == found.bound:
            return Choice(chosen, bound, bound)
        # The search ended early: what it has may lack some of the items that keep classes apart.
        careful = SelectionProblem((*self.rows, *cautious(self.classes)), self.groups, self.pairs, self.clauses)
        best = careful.solve(values, order, budget)
        value = sum(values[item] for item in chosen)
        if value > best.value and self._holds(chosen):
            return Choice(chosen, value, max(value, bound))
        return Choice(best.chosen, best.value, max(best.value, bound))

    def is_plain(self, values: Sequence[int]) -> bool:
        """Whether taking the best first is optimal, so that a problem of any size is solved at once."""
        plain, more = self._plain(values)
        return not more and plain.is_plain(values)

    def _holds(self, chosen: Sequence[int]) -> bool:
        taken = set(chosen)
        return all(
            len({kind for item, kind in members.items() if item in taken}) <= capacity
            for members, capacity in self.classes
        )

    def _plain(self, values: Sequence[int]) -> tuple[SelectionProblem, int]:
        """The problem as a plain one, and how many items more it has."""
        rows, groups = list(self.rows), list(self.groups)
        used: dict[frozenset[int], int] = {}
        size = len(values)
        for members, capacity in self.classes:
            by_class = _by_class(members, values, partners=bool(self.clauses))
            if len(by_class) <= capacity:
                continue
            uses: dict[int, int] = {}
            for items in by_class.values():
                if len(items) == 1:
                    uses[items[0]] = 1
                    continue
                key = frozenset(items)
                if key not in used:
                    used[key] = size + 2 * len(used)
                    groups.append((used[key], used[key] + 1))
                    rows += self._exclusions(key, used[key] + 1)
                uses[used[key]] = 1
            rows.append((uses, capacity))
        return SelectionProblem(tuple(rows), tuple(groups), self.pairs, self.clauses), 2 * len(used)

    def _exclusions(self, items: frozenset[int], unused: int) -> list[tuple[Members, int]]:
        """Rows by which the item "it is not used" excludes each item of its class.

        What goes together of these items is taken along: where it is not used nothing of a row is, and its capacity is
        what the new item uses. Such rows bind as closely as can be.
        """
        found: dict[frozenset[int], tuple[Members, int]] = {}
        plain = [*self.rows, *((dict.fromkeys(group, 1), 1) for group in self.groups)]
        for members, capacity in plain:
            uses = {item: min(use, capacity) for item, use in members.items() if item in items and use}
            if capacity > 0 and sum(uses.values()) > 0:
                found.setdefault(frozenset(uses), ({**uses, unused: capacity}, capacity))
        kept = [row for key, row in found.items() if not any(key < other for other in found)]
        covered = {item for row, _ in kept for item in row}
        alone = ({item: 1, unused: 1} for item in sorted(items - covered))
        return [*kept, *((row, 1) for row in alone)]


def _by_class(members: Mapping[int, int], values: Sequence[int], *, partners: bool) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for item, kind in members.items():
        if values[item] > 0 or (values[item] < 0 and partners):
            found.setdefault(kind, []).append(item)
    return found


def shifted(classes: Iterable[ClassRow], start: int) -> list[ClassRow]:
    """Class rows of items that are numbered from another number on."""
    return [({start + item: kind for item, kind in members.items()}, capacity) for members, capacity in classes]


def with_rows(problem: SelectionProblem, rows: Iterable[tuple[Members, int]]) -> SelectionProblem:
    """A problem with more rows."""
    return evolve(problem, rows=(*problem.rows, *rows))
