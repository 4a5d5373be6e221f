"""Accounts in tables: the contacts of one account, gathered wherever they stand, and decided together."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import evolve

from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.arbiter import Arbiter
    from journeykit.campaign import Claim, Score
    from journeykit.contact import Contact
    from journeykit.decision import Decision
    from journeykit.touch import Touch

Decided = tuple["Decision | ModelError", int]
"""A decision, or why there is none; and how many of the contact's claims are counted as bad rows already."""

_END = float("inf")


class Belongings:
    """What belongs to one contact of a table.

    Attributes:
        touches: his history.
        claims: what is asked for; None where the campaigns say it.
        counted: how many of the claims are counted as bad rows already.
        scores: by campaign id.
    """

    __slots__ = ("claims", "counted", "scores", "touches")

    def __init__(
        self, touches: list[Touch], claims: list[Claim] | None, counted: int, scores: Mapping[str, Score]
    ) -> None:
        self.touches = touches
        self.claims = claims
        self.counted = counted
        self.scores = scores


def decide_members(
    arbiter: Arbiter,
    contacts: Sequence[Contact],
    belongings: Callable[[Contact], Belongings],
    *,
    at: datetime,
    until: datetime | None,
    explain: bool,
    run_id: str,
) -> list[Decided]:
    """Decide contacts of one account that stand in tables; the account of a touch is that of its contact."""
    own = {contact.id: belongings(contact) for contact in contacts}
    asked = {name: found.claims for name, found in own.items() if found.claims is not None}
    try:
        decisions: Iterable[Decision | ModelError] = arbiter.decide_account(
            contacts,
            [evolve(touch, contact=name) for name, found in own.items() for touch in found.touches],
            asked or None,
            at=at,
            until=until,
            scores={name: found.scores for name, found in own.items()},
            explain=explain,
            run_id=run_id,
        )
    except ModelError as error:
        decisions = [error] * len(contacts)
    return [(found, own[contact.id].counted) for contact, found in zip(contacts, decisions, strict=True)]


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
