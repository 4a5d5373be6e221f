"""The protocol of a store: where a ledger of your own is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from journeykit.ledger.base import BaseLedger, check_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from journeykit.engine.decider import HasDecider
    from journeykit.ledger.transaction import Transaction


class Store(Protocol):
    """Where a ledger is kept: what `StoreLedger` asks of a database of your own.

    A store gives transactions; all that a ledger can do is made of their methods (`Transaction`). What caps and quotas
    rely on is that two decisions that could disturb each other come one after the other, and that a transaction is kept
    whole or not at all. `journeykit.testing.check_ledger` tries both, and compares every answer with that of a
    `MemoryLedger`.
    """

    def upgrade(self) -> int:
        """Create what the store needs, or take it to the version of now; the version that it has then."""
        ...

    def salt(self) -> str:
        """A secret text, made once and kept: ids are mixed with it before they are hashed."""
        ...

    def transaction(
        self,
        contacts: Sequence[str] = (),
        accounts: Sequence[str] = (),
        keys: Sequence[str] = (),
        *,
        exclusive: bool = False,
    ) -> AbstractContextManager[Transaction]:
        """One transaction: kept at the end of its block, taken back by whatever error leaves it.

        Meanwhile no other transaction holds one of the same contacts, accounts or keys: it waits. What is read inside
        is all that earlier transactions have kept. To hold names in one order for all (accounts, contacts, keys, each
        sorted; quotas after these) keeps two transactions from waiting for each other. A store with one lock for all
        is right, and slow.

        Args:
            contacts: ids of contacts.
            accounts: accounts.
            keys: keys of answers.
            exclusive: whether nobody else may write anything meanwhile: a run begins so.

        Raises:
            LedgerError: where it cannot begin or be kept, such as one of kind ``locked`` or ``lost``.
        """
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads, and waits for nobody."""
        ...

    def close(self) -> None:
        """Close what is open; the store may be used again."""
        ...


class StoreLedger(BaseLedger):
    """A ledger that is kept in a store of your own.

    Args:
        store: the store.
        arbiter: whose playbook `release_check` looks at; None where it is given there.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Claim, Contact, Playbook
        >>> from journeykit.ledger import MemoryLedger
        >>> ledger = StoreLedger(MemoryLedger())  # any object with the methods of a Store
        >>> anna, at = Contact(id="anna", consent=["email"]), datetime(2026, 11, 5, 10, tzinfo=UTC)
        >>> claim = Claim(campaign="launch", channel="email", weight=8)
        >>> decision = Arbiter(Playbook()).decide(anna, claims=[claim], at=at, ledger=ledger)
        >>> [held.status for held in ledger.reservations("anna")]
        ['reserved']
    """

    def __init__(self, store: Store, arbiter: HasDecider | None = None) -> None:
        super().__init__(arbiter)
        self.store = store
        self._salt: str | None = None

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def upgrade(self) -> int:
        """Create what the store needs, or take it to the version of now; the version that it has then."""
        return self.store.upgrade()

    def salt(self) -> str:
        """What ids are mixed with before they are hashed."""
        if self._salt is None:
            self._salt = self.store.salt()
        return self._salt

    def transaction(
        self,
        contacts: Sequence[str] = (),
        accounts: Sequence[str] = (),
        keys: Sequence[str] = (),
        *,
        exclusive: bool = False,
    ) -> AbstractContextManager[Transaction]:
        """One transaction of the store."""
        check_names(contacts, accounts, keys)
        return self.store.transaction(contacts, accounts, keys, exclusive=exclusive)

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads."""
        return self.store.reading()
