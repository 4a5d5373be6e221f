"""A slice of a pool: the problems of some of a run's contacts, and what is chosen for these so far.

A pool may lie in one slice, or in many, each of which may be on another machine. What the allocation wants to know of
it are questions to each slice, the answers of which add up; sums are whole numbers, so that it does not matter how a
pool is cut.
"""

from __future__ import annotations

from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.threads import at_once
from journeykit.columns.problem_pool import spread
from journeykit.kernels import collect_offers_of, list_all, price_pass, price_pass_kept, price_workspace
from journeykit.kernels.interface.problem_arrays import BLOCKS, OFFER, Charges, ProblemPool
from journeykit.kernels.interface.records import joined
from journeykit.quotas.offers import Offers, idle_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from journeykit.columns.capacity import Capacity
    from journeykit.kernels import PriceWorkspace

_PIECE, _HARD_PIECE = 4_096, 32
_ROOM_FOR_OFFERS = 65_536


class PoolSlice:
    """The problems of some contacts.

    Args:
        whole: the problems.
        contact: by unit, the number of its contact.
        threads: how many pieces of them are worked on at once.
        number: the number of the slice among those of its pool.

    Attributes:
        taken: by item, whether it is granted by what is settled so far.
        pool: the problems that are settled now: all, or those of one level.
        which: by item of these, which item of the whole it is; None where they are the whole.
        kept: what all units choose at prices, by the charges that these make, as far as it is kept.
    """

    def __init__(self, whole: ProblemPool, contact: np.ndarray, *, threads: int = 1, number: int = 0) -> None:
        self.whole = whole
        self.contact = contact
        self.threads = threads
        self.number = number
        self.taken = np.zeros(len(whole.item), np.bool_)
        self.kept: dict[bytes, Offers] = {}
        self._last: tuple[object, Offers] | None = None
        self.settle_now(whole)

    def __reduce__(self) -> tuple[Any, ...]:
        """What a slice was asked before does not travel."""
        return _slice_again, (self.whole, self.contact, self.number, self.taken, self.pool, self.which)

    def settle_now(self, pool: ProblemPool, which: np.ndarray | None = None) -> None:
        """Take up the problems that are settled next."""
        self.pool, self.which = pool, which
        self.forget()
        self._workspaces: SimpleQueue[PriceWorkspace] | None = None

    def forget(self) -> None:
        """Let go what is kept of choices."""
        self.kept.clear()
        self._last = None

    def but(self, pool: ProblemPool) -> PoolSlice:
        """The same slice with other values of its items."""
        found = PoolSlice(self.whole, self.contact, threads=self.threads, number=self.number)
        found.taken = self.taken
        found.settle_now(pool, self.which)
        return found

    @contextmanager
    def workspace(self) -> Iterator[PriceWorkspace]:
        """What a kernel works in; one for each thread."""
        if self._workspaces is None:
            self._workspaces = SimpleQueue()
            for _ in range(self.threads):
                self._workspaces.put(price_workspace(self.pool))
        own = self._workspaces.get()
        try:
            yield own
        finally:
            self._workspaces.put(own)

    def _pieces(self, *, is_hard: bool) -> list[tuple[int, int]]:
        """Where the units are cut."""
        count = self.pool.units
        size = max(_HARD_PIECE if is_hard else _PIECE, -(-count // (4 * self.threads)))
        # A slice without units is one piece: what it answers has the shape of any other's.
        return [(start, min(count, start + size)) for start in range(0, max(1, count), size)]

    # Sums

    def sums(
        self, charges: Charges, *, is_hard: bool, keeps: bool = False
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """What the units choose at a price.

        Args:
            charges: what the price takes.
            is_hard: whether choosing is hard.
            keeps: whether the choices are kept.

        Returns:
            By block and kind the number of items; by block, kind and column what they add up to; by block what they
            are worth, in two parts; and how many units could not be solved to the end.
        """
        kinds, columns = charges.kind.shape[1], self.pool.column.shape[1]
        none = np.zeros(0, np.int64)

        def work(piece: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, Any]:
            counts = np.zeros((BLOCKS, kinds), np.int64)
            sums = np.zeros((BLOCKS, kinds, columns), np.int64)
            totals = np.zeros((BLOCKS, 2), np.int64)
            kept = None
            with self.workspace() as workspace:
                workspace.found[1] = 0
                if keeps:
                    kept = self._pass_kept(charges, piece, workspace, (counts, sums, totals))
                else:
                    price_pass(self.pool, charges, none, *piece, workspace, counts, sums, totals)
                return counts, sums, totals, int(workspace.found[1]), kept

        pieces = self._pieces(is_hard=is_hard)
        # A few milliseconds of work are not worth a thread: there are hundreds of passes.
        is_short = len(pieces) == 1 and not is_hard
        parts = list(map(work, pieces) if is_short else at_once(work, pieces, self.threads))
        if keeps:
            self.kept[_mark(charges)] = _kept_offers([part[4] for part in parts])
        counts = np.sum([part[0] for part in parts], axis=0)
        sums = np.sum([part[1] for part in parts], axis=0)
        totals = np.sum([part[2] for part in parts], axis=0)
        return counts, sums, totals, sum(part[3] for part in parts)

    def _pass_kept(
        self, charges: Charges, piece: tuple[int, int], workspace: PriceWorkspace, found: tuple[np.ndarray, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """A pass over a piece of the units; what each of them chooses, and the items of that."""
        start, stop = piece
        sizes = np.diff(self.pool.first[start : stop + 1])
        most = np.clip(self.pool.unit["top"][start:stop], 0, sizes).sum()
        offers, items = np.zeros(stop - start, OFFER), np.zeros(int(most), np.int32)
        used = np.zeros(2, np.int64)
        price_pass_kept(self.pool, charges, start, stop, workspace, *found, offers, items, used)
        return offers, items[: used[1]].copy()

    # Choices

    def kept_at(self, charges: Charges) -> Offers:
        """What each unit chooses at a price; as it was kept, or chosen again."""
        mark = _mark(charges)
        if mark not in self.kept:
            self.sums(charges, is_hard=True, keeps=True)
        return self.kept[mark]

    def once(self, key: object, make: Callable[[], Offers | None]) -> Offers:
        """Choices, made once where they are asked for several times in turn."""
        if self._last is None or self._last[0] is not key:
            found = make()
            assert found is not None  # noqa: S101  (looked at before)
            self._last = key, found
        return self._last[1]

    def offers(self, charges: Charges, *, is_hard: bool) -> Offers:
        """The distinct choices of all units at several prices."""
        pool, prices, none = self.pool, len(charges.kind), np.zeros(0, np.int64)

        def work(piece: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
            start, stop = piece
            found = []
            with self.workspace() as workspace:
                most = max(_ROOM_FOR_OFFERS, 2 * prices)
                room = max(4 * most, 2 * prices * pool.widest)
                while start < stop:
                    offers, items, used = np.zeros(most, OFFER), np.zeros(room, np.int32), np.zeros(2, np.int64)
                    start = collect_offers_of(pool, charges, none, start, stop, workspace, offers, items, used)
                    found.append((offers[: used[0]].copy(), items[: used[1]].copy()))
                return found

        pieces = at_once(work, self._pieces(is_hard=is_hard), self.threads)
        return _kept_offers([part for parts in pieces for part in parts])

    def all_offers(self, room: Capacity, most: int) -> Offers | None:
        """Every choice that the units have, without what is idle in a room; None where there are more than so many."""
        if self.pool.units > most:
            return None
        idle = idle_items(self.pool, room)
        offers, items, used = np.zeros(most, OFFER), np.zeros(16 * most, np.int32), np.zeros(2, np.int64)
        with self.workspace() as workspace:
            if not list_all(self.pool, idle, workspace, offers, items, used):
                return None
        return Offers(offers[: used[0]], items[: used[1]])

    def items_of(self, offers: Offers, picked: np.ndarray) -> np.ndarray:
        """The items of some choices."""
        offer = offers.offer[picked]
        sizes = offer["item_to"] - offer["item_from"]
        found: np.ndarray = (
            np.repeat(self.pool.first[offer["unit"]], sizes) + offers.item[spread(offer["item_from"], sizes)]
        )
        return found


def _slice_again(
    whole: ProblemPool,
    contact: np.ndarray,
    number: int,
    taken: np.ndarray,
    pool: ProblemPool,
    which: np.ndarray | None,
) -> PoolSlice:
    found = PoolSlice(whole, contact, number=number)
    found.taken = taken
    found.settle_now(pool, which)
    return found


def _mark(charges: Charges) -> bytes:
    """What tells charges apart."""
    return charges.kind.tobytes() + charges.slope.tobytes() + bytes([charges.shift])


def _kept_offers(parts: list[tuple[np.ndarray, np.ndarray]]) -> Offers:
    """The choices of pieces of the units as those of all."""
    shift = 0
    for offer, item in parts:
        offer["item_from"] += shift
        offer["item_to"] += shift
        shift += len(item)
    return Offers(
        joined(OFFER, [offer for offer, _ in parts]),
        np.concatenate([np.zeros(0, np.int32), *(item for _, item in parts)]),
    )
