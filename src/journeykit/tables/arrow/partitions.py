"""Stretches: what can be decided apart, where contacts and touches lie in one order.

Parquet files say of each group of rows between which ids it lies. Where the contacts' groups follow each other and
few of the touches' groups reach into more than one stretch of contacts, stretch after stretch is decided with its own
touches alone: memory is then set by a stretch, not by the number of contacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from journeykit.tables.arrow.parquet_files import ParquetFiles

if TYPE_CHECKING:
    from journeykit.tables.arrow.arrow_table import ArrowTable, Range

ROWS = 1_048_576
"""A stretch has so many contacts or, by whole groups, a little more."""


class Partition(NamedTuple):
    """A stretch of contacts.

    Attributes:
        contacts: the groups of rows of the contacts.
        touches: the groups of the touches that may be theirs.
        fresh: those of them that no stretch before has read.
    """

    contacts: list[int]
    touches: list[int]
    fresh: frozenset[int]


def partitions_of(contacts: ArrowTable, touches: ArrowTable | None) -> list[Partition] | None:
    """The stretches of two tables; None where they cannot be told apart, or are not worth it."""
    if not isinstance(contacts, ParquetFiles) or not isinstance(touches, ParquetFiles):
        return None
    people, history = contacts.ranges(), touches.ranges()
    if people is None or history is None or not people or not history:
        return None
    parts = list(_parts(people))
    if len(parts) < 2 or type(people[0].low) is not type(history[0].low):
        return None
    found: list[Partition] = []
    read: set[int] = set()
    highest = None
    for groups in parts:
        low, high = min(people[at].low for at in groups), max(people[at].high for at in groups)
        if highest is not None and not highest < low:
            return None
        highest = high
        own = [at for at, group in enumerate(history) if group.low <= high and low <= group.high]
        found.append(Partition(groups, own, frozenset(own) - read))
        read.update(own)
    if sum(len(stretch.touches) for stretch in found) > len(history) + 2 * len(found):
        return None
    # What belongs to nobody is read too, to be counted.
    rest = [at for at in range(len(history)) if at not in read]
    if rest:
        last = found[-1]
        found[-1] = Partition(last.contacts, last.touches + rest, last.fresh | frozenset(rest))
    return found


def _parts(people: list[Range]) -> list[list[int]]:
    found: list[list[int]] = []
    rows = ROWS
    for at, group in enumerate(people):
        if rows >= ROWS:
            found.append([])
            rows = 0
        found[-1].append(at)
        rows += group.rows
    return found
