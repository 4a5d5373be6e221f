"""What became of reservations that were to be confirmed or released."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from attrs import field, frozen

from journeykit.ledger.reservation import RELEASED, SENT

if TYPE_CHECKING:
    from typing import Self

UNKNOWN, FORGOTTEN = "unknown", "forgotten"
_REFUSED = {SENT: (UNKNOWN, RELEASED), RELEASED: (UNKNOWN, SENT)}
"""By what reservations were to become, the states that contradict it: to confirm what was released and not sent, to
release what was sent, and whatever the ledger does not hold."""


def _ids(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _rest(value: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {state: tuple(value[state]) for state in sorted(value) if value[state]}


@frozen(eq=False)
class Moved(Sequence[str]):
    """What a call has confirmed or released, and the state of the rest. It is the sequence of the ids that it moved.

    Who confirms first, and sends only these, sends at most once.

    Attributes:
        to: what they were to become: ``sent`` or ``released``.
        ids: the ids of those that this call has moved.
        rest: by state, the ids of the others: ``sent`` and ``released`` ones were so already, or are the opposite of
            what was asked; ``bounced``, ``failed`` and ``expired`` ones moved on; ``forgotten`` ones went with their
            contact; ``unknown`` ones the ledger does not hold.

    Example:
        >>> found = Moved("sent", ("r1",), {"bounced": ["r2"], "released": ["r3"]})
        >>> list(found), found.rest, found.refused
        (['r1'], {'bounced': ('r2',), 'released': ('r3',)}, ('r3',))
    """

    to: str
    ids: tuple[str, ...] = field(default=(), converter=_ids)
    rest: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_rest)

    @property
    def refused(self) -> tuple[str, ...]:
        """The ids of those whose state contradicts the call; all others are harmless.

        These are unknown ones; to confirm, those that were released and not sent; to release, those that were sent.
        """
        return tuple(id_ for state in _REFUSED[self.to] for id_ in self.rest.get(state, ()))

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        return self.ids[place]

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Moved):
            return (self.to, self.ids, self.rest) == (other.to, other.ids, other.rest)
        # Before there was a rest to tell, the answer was the tuple of the ids.
        return self.ids == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.ids)

    def __str__(self) -> str:
        done = "confirmed" if self.to == SENT else "released"
        rest = ", ".join(f"{len(ids):,} {state}" for state, ids in self.rest.items())
        return f"{len(self.ids):,} {done}" + (f"; the rest: {rest}" if rest else "")

    @classmethod
    def joined(cls, to: str, pieces: Iterable[Moved]) -> Self:
        """Several as one."""
        ids: list[str] = []
        rest: dict[str, list[str]] = {}
        for piece in pieces:
            ids += piece.ids
            for state, own in piece.rest.items():
                rest.setdefault(state, []).extend(own)
        return cls(to, ids, rest)
