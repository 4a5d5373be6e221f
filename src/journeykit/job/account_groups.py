"""Accounts in tables: the contacts of one account, gathered from all over the table, to be decided together."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from journeykit.model.contact import Contact

    Group = list[tuple[int, Contact]]


class AccountGroups:
    """Contacts in groups, in the order of the first contact of each: accounts, and contacts without one alone.

    A group is given as soon as it is whole and all groups before it are given.

    Args:
        contacts: the contacts, each with the number of its row; ids differ, and numbers rise.
        last: by account, the number of the last row that may be of it; None where that is not known.
        together: whether accounts are decided together; else each contact is alone.
    """

    def __init__(
        self, contacts: Iterable[tuple[int, Contact]], last: Mapping[str, int] | None, *, together: bool = True
    ) -> None:
        self._contacts = iter(contacts)
        self._last = last
        self._together = together
        self._waiting: deque[Group] = deque()
        self._open: dict[str, Group] = {}

    @property
    def next_row(self) -> float:
        """The row of the first contact that is read and not given yet; infinite where there is none."""
        return self._waiting[0][0][0] if self._waiting else inf

    def hold(self) -> list[Group]:
        """Read all contacts now; the groups, which are given one by one afterwards."""
        for number, contact in self._contacts:
            self._add(number, contact)
        return list(self._waiting)

    def __iter__(self) -> Iterator[Group]:
        for number, contact in self._contacts:
            self._add(number, contact)
            while self._waiting and self._is_whole(*self._waiting[0][0], number):
                yield self._taken()
        while self._waiting:
            yield self._taken()

    def _account(self, contact: Contact) -> str | None:
        return contact.account if self._together else None

    def _add(self, number: int, contact: Contact) -> None:
        account = self._account(contact)
        group: Group = [] if account is None else self._open.setdefault(account, [])
        if not group:
            self._waiting.append(group)
        group.append((number, contact))

    def _is_whole(self, number: int, contact: Contact, reached: int) -> bool:
        """Whether no row after one that is reached can be of the group that begins with a contact."""
        account = self._account(contact)
        return account is None or (self._last is not None and reached >= self._last.get(account, number))

    def _taken(self) -> Group:
        group = self._waiting.popleft()
        self._open.pop(self._account(group[0][1]) or "", None)
        return group
