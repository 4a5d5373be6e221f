"""Which arm each contact was in, and what went wrong with arms on the way."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.basics.clock import DAY, moment
from journeykit.journey.measure.funnel_report import counted
from journeykit.measuring.sample_ratio import FEWEST, SUSPECT
from journeykit.measuring.tails import chi_squared_tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    Integers = NDArray[np.int64]


@frozen
class ShareChange:
    """A day from which on new contacts went to arms by other shares.

    Attributes:
        day: the first day with the new shares, in UTC.
        before: the share of each arm among the contacts that came before it, since the last change.
        after: the same among those that came from it on, until the next one.
    """

    day: date
    before: tuple[float, ...]
    after: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """The change as plain data."""
        return {"day": self.day.isoformat(), "before": list(self.before), "after": list(self.after)}


@frozen(kw_only=True, repr=False, eq=False)
class ArmHistory:
    """The arm of each contact, by what decisions say, and what is wrong with arms.

    A contact that was in two arms counts in the first, as in all trials: contacts are analysed as they were assigned.
    Where an arm changed its share midway, contacts that came early and late are mixed unlike in the arms, and then arms
    differ that do the same. So the contacts are numbered by the stretch of time in which they came, and `compare_arms`
    compares each stretch for itself.

    Attributes:
        names: of the arms.
        arm: by contact, the place of the first arm that it was in; -1 where it was in none.
        stretch: by contact, the number of the stretch between changes of the shares in which it came.
        moves: by the names of two arms, how many contacts were first in the one and then in the other.
        moved_rows: how many rows have another arm than the contact's first.
        moved_at: the instants of the first and the last of these rows, in UTC; None of none.
        changes: of the shares.
    """

    names: tuple[str, ...]
    arm: Integers
    stretch: Integers
    moves: dict[tuple[str, str], int]
    moved_rows: int
    moved_at: tuple[datetime, datetime] | None
    changes: tuple[ShareChange, ...]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        *,
        contacts: int,
        contact: ArrayLike,
        arm: ArrayLike,
        at: ArrayLike,
        all_assigned: bool = False,
    ) -> ArmHistory:
        """What rows of decisions, or of messages, say of the arms.

        Args:
            names: of the arms.
            contacts: how many contacts there are.
            contact: by row, the number of the contact, from 0.
            arm: by row, the place of the arm in the names; -1 for none.
            at: by row, the instant, in microseconds since 1970, UTC.
            all_assigned: whether contacts have rows as soon as they are assigned, whatever their arm. Decisions are
                such rows. Messages are not: an arm may well send less, or later, and that says nothing of its share. So
                changes of shares are looked for only where this is true.

        Example:
            >>> day = 86_400_000_000
            >>> found = ArmHistory.of(["a", "b"], contacts=2, contact=[0, 0, 1], arm=[0, 1, 1], at=[0, day, 2 * day])
            >>> found.arm.tolist(), found.moves
            ([0, 1], {('a', 'b'): 1})
            >>> print(*found.notes())
            1 contact in two arms (a to b 1), on 1970-01-02; they count in the arm that they were in first
        """
        own, place, when = (np.asarray(values, np.int64) for values in (contact, arm, at))
        own, place, when = (values[place >= 0] for values in (own, place, when))
        if not _is_in_order(own, when):
            order = np.lexsort((place, when, own))
            own, place, when = own[order], place[order], when[order]
        is_first = np.append(True, own[1:] != own[:-1])[: len(own)]
        first, came = np.full(contacts, -1, np.int64), np.zeros(contacts, np.int64)
        first[own[is_first]], came[own[is_first]] = place[is_first], when[is_first]
        moved = place != first[own]
        pairs = np.unique(np.column_stack([own, first[own], place])[moved], axis=0)
        moves = Counter((names[one], names[other]) for _, one, other in pairs.tolist())
        there = first >= 0
        days, counts = _by_day(first[there], came[there], len(names))
        cuts = sorted(_cuts(counts, 0, len(days))) if all_assigned else []
        stretch = np.searchsorted(days[cuts], came // DAY, side="right") if cuts else np.zeros(contacts, np.int64)
        return cls(
            names=tuple(names),
            arm=first,
            stretch=stretch.astype(np.int64),
            moves=dict(moves),
            moved_rows=int(np.count_nonzero(moved)),
            moved_at=(moment(int(when[moved].min())), moment(int(when[moved].max()))) if moved.any() else None,
            changes=tuple(_changes(days, counts, cuts)),
        )

    @property
    def moved(self) -> int:
        """How many contacts were in two arms; one in three arms counts twice."""
        return sum(self.moves.values())

    def elsewhere(self, place: ArrayLike) -> int:
        """How many contacts were first in another arm than the playbook says now, by their share or seed.

        Args:
            place: by contact, the place of the arm by the playbook; -1 for none.
        """
        return int(np.count_nonzero((self.arm >= 0) & (self.arm != np.asarray(place, np.int64))))

    def notes(self, *, counted_in: str = "the arm that they were in first") -> tuple[str, ...]:
        """What is to be said, in sentences.

        Args:
            counted_in: where contacts of two arms are counted, if the caller counts them elsewhere than `arm` does.
        """
        return tuple(self._notes(counted_in))

    def _notes(self, counted_in: str) -> Iterator[str]:
        for change in self.changes:
            parts = zip(self.names, change.before, change.after, strict=True)
            shares = ", ".join(f"{name} from {before:.1%} to {after:.1%}" for name, before, after in parts)
            yield f"shares of arms changed on {change.day}: {shares}; contacts from before and after are compared apart"
        if self.moved_at is not None:
            first, last = (f"{one:%Y-%m-%d}" for one in self.moved_at)
            when = f"on {first}" if first == last else f"from {first} to {last}"
            pairs = ", ".join(f"{one} to {other} {count:,}" for (one, other), count in self.moves.items())
            whole = counted(self.moved, "contact")
            yield f"{whole} in two arms ({pairs}), {when}; they count in {counted_in}"

    def to_dict(self) -> dict[str, Any]:
        """What is wrong as plain data."""
        return {
            "moved": [{"from": one, "to": other, "contacts": count} for (one, other), count in self.moves.items()],
            "moved_rows": self.moved_rows,
            "moved_at": None if self.moved_at is None else [one.isoformat() for one in self.moved_at],
            "share_changes": [own.to_dict() for own in self.changes],
        }


def _is_in_order(own: Integers, when: Integers) -> bool:
    """Whether rows lie by contact, then by instant, no two alike: those of messages do, and sorting many takes long."""
    return bool(np.all((own[1:] > own[:-1]) | ((own[1:] == own[:-1]) & (when[1:] > when[:-1]))))


def _by_day(arm: Integers, came: Integers, arms: int) -> tuple[Integers, Integers]:
    """The days on which contacts came, in order, and how many came to each arm by then: a row for each day."""
    days, number = np.unique(came // DAY, return_inverse=True)
    counts = np.bincount(number * arms + arm, minlength=len(days) * arms).reshape(-1, arms)
    return days, np.concatenate([np.zeros((1, arms), np.int64), np.cumsum(counts, axis=0)])


def _cuts(counts: Integers, start: int, end: int) -> Iterator[int]:
    """The days, by place, from which on shares are others than since the last change.

    The day that divides the contacts into the two most unlike parts is taken, by Pearson's chi-squared; it is a change
    where chance gives one like it on any of the days with a probability below 0.001. Then each part is looked at again.
    """
    before = (counts[start + 1 : end] - counts[start]).astype(np.float64)
    whole = (counts[end] - counts[start]).astype(np.float64)
    before, whole = before[:, whole > 0], whole[whole > 0]
    if not len(before) or len(whole) < 2:
        return
    part = before.sum(axis=1, keepdims=True) / whole.sum()
    spread = part * (1 - part)
    statistic = ((before - whole * part) ** 2 / (whole * spread)).sum(axis=1)
    enough = (np.minimum(part, 1 - part) * whole.min()).ravel() >= FEWEST
    if not enough.any():
        return
    best = int(np.argmax(np.where(enough, statistic, -1)))
    if chi_squared_tail(float(statistic[best]), len(whole) - 1) * np.count_nonzero(enough) < SUSPECT:
        cut = start + 1 + best
        yield cut
        yield from _cuts(counts, start, cut)
        yield from _cuts(counts, cut, end)


def _changes(days: Integers, counts: Integers, cuts: Sequence[int]) -> Iterator[ShareChange]:
    ends = [0, *cuts, len(days)] if cuts else []
    shares = [_shares(counts[end] - counts[start]) for start, end in pairwise(ends)]
    for cut, (before, after) in zip(cuts, pairwise(shares), strict=True):
        yield ShareChange(moment(int(days[cut]) * DAY).date(), before, after)


def _shares(counts: Integers) -> tuple[float, ...]:
    return tuple((counts / counts.sum()).tolist())
