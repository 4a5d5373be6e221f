"""An account: its contacts, decided together, because caps per account count the touches of them all."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from journeykit.case import Case
from journeykit.errors import ModelError
from journeykit.joint import JointContest
from journeykit.past import Past

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from journeykit.compiled import Compiled
    from journeykit.contest import Contest
    from journeykit.engine.contact_group import ContactGroup, QuotaChoice
    from journeykit.entry import Entry, Winner
    from journeykit.past import Cell
    from journeykit.room import Filled


class Member(Case):
    """One contact's case within his account: caps per account look at the touches and winners of all."""

    def __init__(self, account: Account, **given: Any) -> None:
        self.account = account
        super().__init__(account.compiled, **given)
        for entry in self.entries:
            entry.whose = self.contact.id

    def _settle(self) -> None:
        """Nobody is settled alone: the account does it."""

    def forget(self) -> None:
        """Forget what stood in the windows: it is settled again."""
        self._spans.clear()
        self._rivals.clear()
        self._keyed.clear()

    def own_limit(self, cap: int) -> int | None:
        """The limit that a cap has for this contact alone."""
        return super().limit(cap)

    def limit(self, cap: int) -> int | None:
        """The limit of a cap, in billionths; of a cap per account, that of the account."""
        own = super().limit(cap)
        if cap not in self.compiled.per_account:
            return own
        return self.account.limit(cap) if self.is_protected_by(cap) else None

    def touched(self, cap: int, key: tuple[str, ...]) -> Sequence[tuple[int, date | None, int]]:
        """The touches that count in a cap's windows."""
        if cap in self.compiled.per_account:
            return self.account.touched(cap, key)
        return super().touched(cap, key)

    def winners_in(self, cap: int, *, exempt: bool = False) -> Sequence[Winner]:
        """The winners that can count in a cap's windows."""
        if cap in self.compiled.per_account:
            return self.account.protected(cap, self.account.exempt_winners if exempt else self.account.winners)
        return super().winners_in(cap, exempt=exempt)

    def _remembered(self, cap: int, key: tuple[str, ...], winners: Sequence[Winner]) -> Filled:
        if cap in self.compiled.per_account:
            return self.account.remembered(cap, key, winners)
        return super()._remembered(cap, key, winners)

    def contend(self, entries: list[Entry], before: Sequence[Winner], given: frozenset[int] | None = None) -> Contest:
        """The contest of some claims of the account, after what was granted before."""
        return self.account.contend(entries, before, given)


class Account:
    """The contacts of one account at one moment, decided together.

    Attributes:
        members: by contact id, in text order, each one's case.
        winners: what is granted to all of them, in the order of claims.
        exempt: the contest of the claims that obey no caps, which is settled first.
        contest: the contest of all others.
    """

    def __init__(
        self, compiled: Compiled, group: ContactGroup, *, choice: QuotaChoice | None = None, **rest: Any
    ) -> None:
        """Gather the contacts' claims, and settle them.

        Args:
            compiled: the rules.
            group: the contacts, all of one account.
            choice: what a run over many contacts chose for the account; None to choose here.
            rest: what else a `Case` asks for.
        """
        self.compiled = compiled
        self._others = group.colleagues
        self.members = {
            contact.id: Member(
                self,
                contact=contact,
                touches=group.inputs[contact.id].touches,
                claims=group.inputs[contact.id].claims,
                scores=group.inputs[contact.id].scores,
                at=group.at,
                until=group.until,
                scored=group.scored,
                **rest,
            )
            for contact in sorted(group.contacts, key=lambda contact: contact.id)
        }
        self.now = next(iter(self.members.values())).now
        self._limits: dict[int, int | None] = {}
        self._spans: dict[tuple[int, tuple[str, ...], int], Filled] = {}
        self.settle(choice)

    @property
    def arbitrations(self) -> Mapping[str, Member]:
        """By contact id, the settled claims."""
        return self.members

    # What caps per account ask for

    def limit(self, cap: int) -> int | None:
        """The limit of a cap per account: the smallest of the contacts that it protects; None for none."""
        if cap not in self._limits:
            own = [member.own_limit(cap) for member in self.members.values() if self._has_limit(member, cap)]
            self._limits[cap] = min((limit for limit in own if limit is not None), default=None)
        return self._limits[cap]

    @staticmethod
    def _has_limit(member: Member, cap: int) -> bool:
        """Whether a limit of the contact's own can be read; one that cannot makes his own claims invalid, only."""
        try:
            member.own_limit(cap)
        except ModelError:
            return False
        return True

    def protected(self, cap: int, winners: Sequence[Winner]) -> Sequence[Winner]:
        """The winners that are in a cap's audience."""
        if self.compiled.audiences[cap] is None:
            return winners
        return [winner for winner in winners if self.members[winner.entry.whose].is_protected_by(cap)]

    @cached_property
    def _history(self) -> dict[Cell, list[tuple[int, date | None, int]]]:
        """By cap per account and group, the touches of the whole account."""
        others = Past(self.compiled, None, self._others, self.now, lambda _: False)
        found: dict[Cell, list[tuple[int, date | None, int]]] = {}
        for past in (*(member.past for member in self.members.values()), others):
            for cell, spans in past.spans.items():
                if cell[0] in self.compiled.per_account:
                    found.setdefault(cell, []).extend(spans)
        return found

    def touched(self, cap: int, key: tuple[str, ...]) -> Sequence[tuple[int, date | None, int]]:
        """The account's touches that count in the windows of a cap per account."""
        return self._history.get((cap, key), ())

    def remembered(self, cap: int, key: tuple[str, ...], winners: Sequence[Winner]) -> Filled:
        """What stands in the windows of a cap per account, worked out once for all contacts."""
        memory = (cap, key, len(winners))
        found = self._spans.get(memory)
        if found is None:
            member = next(iter(self.members.values()))
            found = self._spans[memory] = member.gauges[cap].fill(member.spans(cap, key, winners))
        return found

    # Settling

    def contend(
        self, entries: list[Entry], before: Sequence[Winner], given: frozenset[int] | None = None
    ) -> JointContest:
        """The contest of some claims of the contacts, after what was granted before."""
        return JointContest(self, entries, before, given)

    @property
    def entries(self) -> list[Entry]:
        """The eligible claims of all contacts."""
        return [entry for member in self.members.values() for entry in member.entries]

    def settle(self, choice: QuotaChoice | None = None) -> None:
        """Settle all contacts: exempt claims first, then the others; or take what was chosen for them."""
        exempt, main = choice or (None, None)
        self._spans.clear()
        entries = [entry for member in self.members.values() for entry in member.contenders()]
        self.exempt = self.contend([entry for entry in entries if not entry.obeys_caps], (), exempt)
        self.exempt_winners = self.exempt.winners()
        self.contest = self.contend([entry for entry in entries if entry.obeys_caps], self.exempt_winners, main)
        self.winners = [*self.exempt_winners, *self.contest.winners()]
        self.winners.sort(key=lambda winner: Case.order(winner.entry, winner.at))
        for number, winner in enumerate(self.winners):
            winner.number = number
        self._hand_out()

    def _hand_out(self) -> None:
        """Give each contact what is his. What the bound leaves over the total is put to the first of them."""
        over = self.exempt.bound + self.contest.bound - self.exempt.total - self.contest.total
        together = tuple(self.members) if len(self.members) > 1 else ()
        exempt, winners = _by_contact(self.exempt_winners), _by_contact(self.winners)
        for name, member in self.members.items():
            member.forget()
            member.exempt, member.contest = self.exempt, self.contest
            member.exempt_winners = exempt.get(name, [])
            member.winners, member.everyone = winners.get(name, []), self.winners
            member.together = together
            member.total = sum(member.worth(winner.entry) for winner in member.winners)
            member.optimal = self.exempt.optimal and self.contest.optimal
            member.bound = member.total + over
            over = 0


def _by_contact(winners: Iterable[Winner]) -> dict[str, list[Winner]]:
    found: dict[str, list[Winner]] = {}
    for winner in winners:
        found.setdefault(winner.entry.whose, []).append(winner)
    return found
