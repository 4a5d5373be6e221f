"""What a store must be able to do within one transaction; everything else a ledger does is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.ledger.reservation import OptOut, Reservation


@frozen(kw_only=True)
class RunMark:
    """A run over tables: what it decides, and up to where it looks back.

    Attributes:
        run_id: its name.
        playbook: the playbook's fingerprint.
        at: the instant of its decisions, microseconds.
        until: the last instant of a plan, or None.
        touches: the last touch that it knows, by the number that each gets when it is written.
        moves: the last move of a status that it knows.
        opt_outs: the last opt-out that it knows.
    """

    run_id: str
    playbook: str
    at: int
    until: int | None
    touches: int = 0
    moves: int = 0
    opt_outs: int = 0


class Transaction(Protocol):
    """One transaction: all of it is kept, or nothing."""

    def counting(self, contacts: Sequence[str], accounts: Sequence[str] = ()) -> list[Reservation]:
        """The touches that count, of contacts and of accounts, in the order in which they were written."""

    def held(self, ids: Sequence[str]) -> dict[str, Reservation]:
        """Touches by id, held until the end of the transaction."""

    def held_by_message(self, messages: Sequence[str]) -> dict[str, Reservation]:
        """Touches by what a send log calls them, likewise."""

    def of_contact(self, contact: str) -> list[Reservation]:
        """All touches of a contact, whatever became of them."""

    def of_run(self, run_id: str, contacts: Sequence[str]) -> list[Reservation]:
        """What a run has reserved for contacts, whatever became of it."""

    def contacts_of(self, mark: RunMark) -> frozenset[str]:
        """The contacts for whom a run has reserved anything."""

    def in_status(self, status: str, before: int | None, run_id: str | None, count: int) -> list[Reservation]:
        """So many touches of a status, of a run, that lie before an instant."""

    def add(self, touches: Iterable[Reservation]) -> None:
        """Write touches, those with a known id left out."""

    def move(self, touches: Iterable[tuple[Reservation, str]]) -> None:
        """Give touches a new status; what they were is written down."""

    def tell_message(self, told: Iterable[tuple[str, str]]) -> None:
        """Give touches, by id, what a send log calls them."""

    def answer(self, key: str) -> tuple[str, str] | None:
        """Whose answer is kept under a key, and the answer; None where there is none."""

    def answers_of(self, keys: Sequence[str]) -> dict[str, str]:
        """Several answers by key."""

    def keep_answer(self, key: str, contact: str, at: int, answer: str, others: Sequence[str]) -> None:
        """Keep an answer, which is gone when its contact, or another one that it tells of, is forgotten."""

    def opt_outs(self, persons: Sequence[str] | None = None, until: int | None = None) -> list[OptOut]:
        """Opt-outs of persons, or of all; with ``until`` those with at most this number."""

    def add_opt_out(self, wish: OptOut) -> None:
        """Write an opt-out; one that is there already changes nothing."""

    def lift(self, person: str, channel: str | None, *, suppressed: bool) -> int:
        """Take opt-outs back; how many there were."""

    def run(self, run_id: str) -> RunMark | None:
        """A run that was begun."""

    def begin_run(self, mark: RunMark) -> RunMark:
        """Write a run down, with the last touch, move and opt-out that there are."""

    def news(self, mark: RunMark, contacts: Sequence[str], accounts: Sequence[str], persons: Sequence[str]) -> News:
        """Whose history others have added to since a run began."""

    def forget(self, contact: str, person: str, *, keep_opt_outs: bool) -> dict[str, int]:
        """Remove a contact; how many touches and answers there were, and opt-outs kept."""

    def answers_about(self, contact: str) -> list[tuple[str, str]]:
        """All kept answers about a contact, with their keys."""

    def moves_of(self, contact: str) -> list[tuple[str, str, str]]:
        """The moves of a contact's touches: id, what it was, what it became."""

    def prune(self, before: int) -> dict[str, int]:
        """Remove what lies before an instant; how much of what."""

    def stats(self) -> dict[str, Any]:
        """How much of what there is."""

    def as_of(
        self, mark: RunMark, contacts: Sequence[str] | None = None, accounts: Sequence[str] = ()
    ) -> Iterator[Reservation]:
        """The touches that counted when a run began, of all or some, in the order in which they were written."""


@frozen
class News:
    """Whose history others have added to since a run began.

    Attributes:
        contacts: ids of contacts.
        accounts: accounts.
        persons: hashes of those who have opted out since.
    """

    contacts: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
