"""Accounts in tables: the contacts of one account, gathered wherever they stand, and decided together."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from journeykit.engine.decider import Decided
    from journeykit.model.contact import Contact

_END = float("inf")


def decided_by_account(
    people: Iterable[tuple[int, Contact]],
    last: Mapping[str, int] | None,
    decide: Callable[[list[Contact]], list[Decided]],
) -> Iterator[tuple[int, Contact, Decided]]:
    """Each contact with what was decided, in the order given.

    A contact without an account is decided when it is his turn. Those of an account wait for the last of them, and
    whoever comes after them waits with them.

    Args:
        people: the contacts, each with the number of its row; ids differ, and numbers rise.
        last: by account, the number of the last row that may be of it; None where that is not known.
        decide: decides contacts of one account.
    """
    waiting: deque[tuple[int, Contact]] = deque()
    members: dict[str, list[Contact]] = {}
    known: dict[str, Decided] = {}

    def ready(reached: float) -> Iterator[tuple[int, Contact, Decided]]:
        while waiting:
            number, contact = waiting[0]
            account = contact.account
            if account is None:
                found = decide([contact])[0]
            else:
                if account in members:
                    if reached < (_END if last is None else last.get(account, number)):
                        return
                    group = members.pop(account)
                    known.update(zip((member.id for member in group), decide(group), strict=True))
                found = known.pop(contact.id)
            waiting.popleft()
            yield number, contact, found

    for number, contact in people:
        if contact.account is not None:
            members.setdefault(contact.account, []).append(contact)
        waiting.append((number, contact))
        yield from ready(number)
    yield from ready(_END)
