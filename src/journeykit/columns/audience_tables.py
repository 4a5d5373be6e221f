"""Audience tables: by value of a column, of which rules its part is true, and of which it is false, as bits.

A rule is a conjunction of parts. Where a part reads one column, its verdict is looked up by the value, or by between
which of the thresholds it lies; the rules of a contact are then an AND over the columns, however many there are.
Parts of other kinds are asked over the whole chunk.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from journeykit.columns.chunk import mapped_values
from journeykit.columns.rule_masks import RuleMasks, asks_time
from journeykit.columns.ruleset_arrays import packed
from journeykit.kernels import set_bits
from journeykit.rule.tree import MIRRORED, Aggregate, Compare, Junction, Literal, Name, Node, Not, asks_for_dates
from journeykit.tables.arrow.arrays import numbers
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.rule import Rule

_EXACT = 2**53
_MOST_VALUES = 4_096
_WIDEST = 65_536
"""Whole numbers that lie no farther apart are looked up without a search."""
_MOST_TABLES = 64
_BITS = (np.uint64(1) << np.arange(64, dtype=np.uint64)).view(np.int64)


class AudienceBits(NamedTuple):
    """What the audiences of a chunk of contacts say, as bits.

    Attributes:
        true: by rule, of whom it is surely true.
        false: by rule, of whom it is surely false.
        outside: by opening, whom its audience leaves out.
        unsure: which rules may be unknown of somebody.
    """

    true: np.ndarray
    false: np.ndarray
    outside: np.ndarray
    unsure: list[int]


class _Table(NamedTuple):
    """By class of values: rules whose part is true, those whose part is false, openings left out; and the unknown."""

    true: np.ndarray
    false: np.ndarray
    outside: np.ndarray
    unsure: np.ndarray


class AudienceTables:
    """Rules as tables by column.

    Args:
        rules: the rules.
        outside: by rule, the openings whose audience it is; bits of whole numbers.
        at: the instant of the decision, aware; none of the tables depends on it.
    """

    def __init__(self, rules: Sequence[Rule], outside: np.ndarray, at: datetime) -> None:
        self._at = at
        self._count = len(rules)
        self._outside = outside
        self._parts: dict[str, list[tuple[int, Node]]] = {}
        self._others: list[tuple[int, Node]] = []
        for number, rule in enumerate(rules):
            for node in _conjuncts(rule.tree):
                name = _only_name(node)
                own = self._others if name is None else self._parts.setdefault(name, [])
                own.append((number, node))
        self._thresholds = {name: _thresholds_of(node for _, node in own) for name, own in self._parts.items()}
        self._tables: dict[Any, _Table] = {}

    def bits(self, columns: Mapping[str, Column], masks: RuleMasks) -> AudienceBits:
        """What the rules say of a chunk.

        Args:
            columns: the fields and attributes of the contacts, by name.
            masks: asks any part over the whole chunk.
        """
        rows, words = masks.rows, -(-self._count // 64)
        true, false = np.full((rows, words), -1, np.int64), np.zeros((rows, words), np.int64)
        outside = np.zeros((rows, self._outside.shape[1]), np.int64)
        unsure = np.zeros(words, np.int64)
        asked = list(self._others)
        for name, parts in self._parts.items():
            found = self._classes(name, columns.get(name))
            if found is None:
                asked += parts
                continue
            codes, table = found
            true &= table.true[codes]
            false |= table.false[codes]
            outside |= table.outside[codes]
            unsure |= np.bitwise_or.reduce(table.unsure[np.bincount(codes, minlength=len(table.unsure)) > 0], axis=0)
        for number, node in asked:
            self._ask(number, masks.pair_of(node), true, false, outside, unsure)
        numbers = [n for n in range(self._count) if int(unsure[n >> 6]) >> (n & 63) & 1]
        return AudienceBits(true, false, outside, numbers)

    def _ask(
        self,
        number: int,
        pair: tuple[np.ndarray, np.ndarray],
        true: np.ndarray,
        false: np.ndarray,
        outside: np.ndarray,
        unsure: np.ndarray,
    ) -> None:
        """Add a part whose verdict is known by contact."""
        is_true, is_false = pair
        word, bit = number >> 6, _BITS[number & 63]
        true[:, word] &= np.where(is_true, -1, ~bit)
        set_bits(false, word, bit, is_false)
        for other in np.flatnonzero(self._outside[number]).tolist():
            set_bits(outside, other, self._outside[number, other], ~is_true)
        if not (is_true | is_false).all():
            unsure[word] |= bit

    def _classes(self, name: str, column: Column | None) -> tuple[np.ndarray, _Table] | None:
        """By contact the class of the value of a column, and the table of classes; None where there are too many."""
        if column is None:
            return None
        thresholds = self._thresholds[name]
        codes = None if thresholds is None else _between(thresholds, column)
        if codes is not None and thresholds is not None:
            return codes, self._table(name, "numbers", lambda: _samples(thresholds))
        if len(column.values) > _MOST_VALUES:
            return None
        key = tuple((type(value), value) for value in column.values)
        return column.codes, self._table(name, key, lambda: mapped_values(column.values))

    def _table(self, name: str, key: Any, samples: Callable[[], Column]) -> _Table:
        """The table of a column whose values are of some classes, given one of each."""
        try:
            known = self._tables.get((name, key))
        except TypeError:  # a value without a hash
            return self._asked(name, samples())
        if known is None:
            if len(self._tables) >= _MOST_TABLES:
                self._tables.clear()
            known = self._tables[name, key] = self._asked(name, samples())
        return known

    def _asked(self, name: str, column: Column) -> _Table:
        """Ask the parts that read a column of one value of each class."""
        rows = len(column)
        masks = RuleMasks({name: column}, rows, self._at, ["UTC"], np.zeros(rows, np.int64))
        true, false = np.ones((rows, self._count), np.bool_), np.zeros((rows, self._count), np.bool_)
        unsure = np.zeros((rows, self._count), np.bool_)
        for number, node in self._parts[name]:
            is_true, is_false = masks.pair_of(node)
            true[:, number] &= is_true
            false[:, number] |= is_false
            unsure[:, number] |= ~(is_true | is_false)
        outside = np.zeros((rows, self._outside.shape[1]), np.int64)
        for number in {number for number, _ in self._parts[name]}:
            outside |= np.where(true[:, number, None], 0, self._outside[number][None, :])
        return _Table(packed(true), packed(false), outside, packed(unsure))


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Junction) and node.op == "and":
        for part in node.parts:
            yield from _conjuncts(part)
    else:
        yield node


def _only_name(node: Node) -> str | None:
    """The one column that a part reads, where it reads nothing else: neither clocks nor zones, nor events."""
    names = {part.path for part in node.walk() if isinstance(part, Name)}
    if len(names) != 1 or asks_time(node) or asks_for_dates(node) or _asks_events(node):
        return None
    (name,) = names
    return None if "." in name else name


def _asks_events(node: Node) -> bool:
    return any(isinstance(part, Aggregate) for part in node.walk())


def _thresholds_of(nodes: Iterator[Node]) -> np.ndarray | None:
    """The numbers with which the parts that read a column compare it; None where some part does something else."""
    found = set()
    for leaf in itertools.chain.from_iterable(map(_leaves, nodes)):
        limit = _limit_of(leaf)
        if limit is None or abs(limit) > _EXACT:
            return None
        found.add(limit)
    return np.array(sorted(found), np.float64)


def _leaves(node: Node) -> Iterator[Node]:
    if isinstance(node, (Junction, Not)):
        for part in node.children:
            yield from _leaves(part)
    else:
        yield node


def _limit_of(node: Node) -> float | None:
    """The number with which a part compares a column; None where it does something else."""
    if not isinstance(node, Compare) or node.op not in MIRRORED:
        return None
    sides = (node.left, node.right) if isinstance(node.left, Name) else (node.right, node.left)
    name, literal = sides
    if not isinstance(name, Name) or not isinstance(literal, Literal) or type(literal.value) not in (int, float):
        return None
    return float(literal.value)


def _samples(thresholds: np.ndarray) -> Column:
    """A value of each class: below the first threshold, the threshold itself, between it and the next; then unknown."""
    between = np.nextafter([*thresholds, np.inf], [-np.inf, *thresholds])
    if len(thresholds):
        between[-1] = np.nextafter(thresholds[-1], np.inf)
    found = np.empty(2 * len(thresholds) + 1)
    found[::2], found[1::2] = between, thresholds
    # pyarrow.array would load pandas, where that is installed.
    return Column(numbers(np.append(found, 0.0), pa.float64(), np.arange(len(found) + 1) == len(found)))


def _between(thresholds: np.ndarray, column: Column) -> np.ndarray | None:
    """By row, the class of a number among thresholds; None where they are no plain numbers."""
    if column.numbers is None or not len(column):
        return None
    numbers, known = column.numbers
    if numbers.dtype.kind == "i":
        low, high = int(numbers.min()), int(numbers.max())
        if low < -_EXACT or high > _EXACT:
            return None
        if high - low < _WIDEST:
            codes = _class_of(thresholds, np.arange(low, high + 1))[numbers - low]
        else:
            codes = _class_of(thresholds, numbers)
    else:
        codes = _class_of(thresholds, numbers)
    return codes if known.all() else np.where(known, codes, 2 * len(thresholds) + 1)


def _class_of(thresholds: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    below = np.searchsorted(thresholds, numbers, "left")
    return below + np.searchsorted(thresholds, numbers, "right")
