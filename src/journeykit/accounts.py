"""Accounts in tables: the contacts of one account, gathered wherever they stand, and decided together."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.case import Case
from journeykit.entry import opening_of
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.account import Account
    from journeykit.arbiter import Arbiter
    from journeykit.case import Allotted
    from journeykit.model.claim import Claim, Scores
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.model.touch import Touch
    from journeykit.prices import Tariff

Decided = tuple["Decision | ModelError", int]
"""A decision, or why there is none; and how many of the contact's claims are counted as bad rows already."""

_END = float("inf")


class Belongings:
    """What belongs to one contact of a table.

    Attributes:
        touches: his history.
        claims: what is asked for; None where the campaigns say it.
        counted: how many of the claims are counted as bad rows already.
        scores: by campaign id, or by campaign and content.
    """

    __slots__ = ("claims", "counted", "scores", "touches")

    def __init__(self, touches: list[Touch], claims: list[Claim] | None, counted: int, scores: Scores) -> None:
        self.touches = touches
        self.claims = claims
        self.counted = counted
        self.scores = scores


class Party:
    """Contacts of a table that are decided together: those of one account, or one contact alone.

    Args:
        arbiter: who decides.
        contacts: who.
        own: by contact id, what belongs to them.
        at: the instant of the decision.
        until: the last instant of a plan, or None.
        scored: the ids of campaigns whose claims need a score, besides those that say so.

    Attributes:
        others: touches of colleagues who are not decided now.
        used: by side of the quotas, what was granted uses, once a run has chosen.
        cases: by contact id, the claims, settled, once they are decided.
    """

    def __init__(
        self,
        arbiter: Arbiter,
        contacts: Sequence[Contact],
        own: Mapping[str, Belongings],
        *,
        at: datetime,
        until: datetime | None,
        scored: Iterable[str] = (),
    ) -> None:
        self.arbiter = arbiter
        self.contacts = contacts
        self.scored = tuple(sorted(scored))
        self.own = own
        self.others: Sequence[Touch] = ()
        self._when: dict[str, Any] = {"at": at, "until": until, "scored": self.scored}
        self.used: list[int] = []
        self.cases: Mapping[str, Case] = {}

    @property
    def key(self) -> str:
        """What tells the party from all others: the account, or the contact alone."""
        first = self.contacts[0]
        return (
            first.id if first.account is None or not self.arbiter.compiled.per_account else f"account {first.account}"
        )

    def settled(self, allotted: Allotted | None = None, tariff: Tariff | None = None) -> Case | Account:
        """The contacts, settled; or as a run over many chose for them.

        Raises:
            ModelError: for contacts that cannot be decided.
        """
        more = {"allotted": allotted, "tariff": tariff, **self._when}
        if not self.arbiter.compiled.per_account:
            (contact,) = self.contacts
            own = self.own[contact.id]
            return self.arbiter.case(contact, own.touches, own.claims, scores=own.scores, **more)
        asked = {name: found.claims for name, found in self.own.items() if found.claims is not None}
        # The account of a touch is that of its contact.
        touches = [evolve(touch, contact=name) for name, found in self.own.items() for touch in found.touches]
        touches += self.others
        scores = {name: found.scores for name, found in self.own.items()}
        return self.arbiter.account(self.contacts, touches, asked or None, scores=scores, **more)


def parties_of(contacts: Iterable[Contact], party: Callable[[list[Contact]], Party], arbiter: Arbiter) -> list[Party]:
    """Contacts in parties, in the order in which the first of each comes."""
    members: dict[tuple[str, str], list[Contact]] = {}
    for contact in contacts:
        alone = contact.account is None or not arbiter.compiled.per_account
        members.setdefault(("contact", contact.id) if alone else ("account", str(contact.account)), []).append(contact)
    return [party(together) for together in members.values()]


def decide_party(
    party: Party, *, explain: bool, run_id: str, chosen: tuple[Allotted, Tariff] | None = None
) -> list[Decided]:
    """Decide contacts that stand in tables; as a run over many chose for them, at its prices, where it did."""
    try:
        found = party.settled() if chosen is None else party.settled(*chosen)
    except ModelError as error:
        return [(error, party.own[contact.id].counted) for contact in party.contacts]
    party.cases = {found.contact.id: found} if isinstance(found, Case) else found.members
    if chosen is not None:
        members = party.cases.values()
        party.used = [sum(used) for used in zip(*(_used(member, chosen[1]) for member in members), strict=True)]
    return [
        (
            party.arbiter.decision(party.cases[contact.id], explain=explain, run_id=run_id),
            party.own[contact.id].counted,
        )
        for contact in party.contacts
    ]


def _used(case: Case, tariff: Tariff) -> list[int]:
    """By side of the quotas, what the winners of a case use, in smallest units."""
    return [
        sum(
            side.use(
                opening_of(winner.entry).campaign,
                opening_of(winner.entry).facets,
                winner.entry.claim,
                winner.entry.weight or 0,
                case.clock.day(winner.at),
            )
            for winner in case.winners
        )
        for side in tariff.sides
    ]


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
