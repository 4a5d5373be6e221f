"""An arbitration: what became of one contact's claims, after the two rounds of the contacts decided with it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from journeykit.basics.once import once
from journeykit.engine.candidate import claim_order, message_of
from journeykit.engine.contact_caps import ContactCaps
from journeykit.engine.contact_facts import by_cell
from journeykit.engine.contact_round import ContactRound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.engine.account import Account
    from journeykit.engine.candidate import Candidate, Group, Winner
    from journeykit.engine.contact_facts import Placed
    from journeykit.engine.contact_group import QuotaChoice
    from journeykit.engine.counted_quotas import QuotaCapacity
    from journeykit.engine.gather import ClaimGatherer
    from journeykit.engine.history import Cell
    from journeykit.engine.round import Round
    from journeykit.engine.weight_draw import WeightDraw
    from journeykit.engine.window_usage import WindowUsage


class TwoRounds:
    """The rounds of contacts that are decided together: candidates that need not obey caps first, then all others.

    Each round is laid out when it is asked for. What the first one grants is history to the second.

    Attributes:
        gathered: what was gathered of each contact, in the text order of ids.
        account: what the contacts share, or None for one contact that shares nothing.
        draws: what exploration makes of the weights of each contact, in the same order; none where nothing is explored.
    """

    def __init__(
        self,
        gathered: Sequence[ClaimGatherer],
        account: Account | None,
        choice: QuotaChoice | None = None,
        draws: Sequence[WeightDraw] = (),
    ) -> None:
        """Begin.

        Args:
            gathered: what was gathered of each contact, in the text order of ids.
            account: what the contacts share, or None for one contact that shares nothing.
            choice: what a run with quotas chose; None to choose here.
            draws: what exploration makes of the weights of each contact; none where nothing is explored.
        """
        self.gathered = gathered
        self.account = account
        self.draws = draws
        self._exempt_choice, self._main_choice = choice or (None, None)
        self.shared_usage: dict[tuple[Cell, bool], WindowUsage] = {}

    def with_choice(self, choice: QuotaChoice) -> TwoRounds:
        """The same contacts, as a run with quotas chose for them."""
        return TwoRounds(self.gathered, self.account, choice, self.draws)

    def round(
        self, candidates: list[Candidate], earlier: Sequence[Winner], choice: frozenset[int] | None = None
    ) -> Round:
        """A round of some of the candidates, after what was granted earlier."""
        if self.account is None:
            return ContactRound(self.gathered[0].facts, candidates, earlier, choice)
        from journeykit.engine.account_round import AccountRound

        return AccountRound(self.account, candidates, earlier, choice)

    @property
    def candidates(self) -> list[Candidate]:
        """The eligible candidates of all contacts."""
        return [candidate for own in self.gathered for candidate in own.candidates]

    @once
    def _contenders(self) -> tuple[list[Candidate], list[Candidate]]:
        """The candidates of the two rounds."""
        exempt: list[Candidate] = []
        main: list[Candidate] = []
        for own in self.gathered:
            for candidate in own.contenders():
                (main if candidate.obeys_caps else exempt).append(candidate)
        return exempt, main

    @once
    def exempt(self) -> Round:
        """The round of the candidates that need not obey caps."""
        return self.round(self._contenders[0], (), self._exempt_choice)

    @once
    def main(self) -> Round:
        """The round of all others."""
        return self.round(self._contenders[1], self.exempt.result.winners, self._main_choice)

    @once
    def winners(self) -> list[Winner]:
        """What both rounds grant, numbered in the order of claims."""
        found = [*self.exempt.result.winners, *self.main.result.winners]
        found.sort(key=lambda winner: claim_order(winner.candidate, winner.at))
        for number, winner in enumerate(found):
            winner.number = number
        return found

    @property
    def is_drawn(self) -> bool:
        """Whether any weight is drawn."""
        return any(own.is_drawn for own in self.draws)

    @once
    def chances(self) -> Mapping[Candidate, float | None]:
        """By eligible claim, with which chance it was to be granted; empty where nothing is explored."""
        if not self.draws:
            return {}
        from journeykit.engine.grant_chances import GrantChances

        again = partial(self.round, self.main.candidates, self.exempt.result.winners)
        return GrantChances(self.exempt, self.main, self.draws, again).by_candidate

    @once
    def users(self) -> Mapping[str, list[tuple[Winner, int]]]:
        """By the key of a quota and period, the winners that use it, and how much of it."""
        found: dict[str, list[tuple[Winner, int]]] = {}
        facts_of = {own.facts.contact.id: own.facts for own in self.gathered}
        first = self.gathered[0].facts
        for winner in self.winners:
            facts = first if self.account is None else facts_of[winner.candidate.contact]
            for use in facts.uses(winner.candidate, winner.at):
                found.setdefault(use.key, []).append((winner, use.amount))
        return found

    def keep_to(self, capacity: QuotaCapacity) -> None:
        """Let no more be granted than is left of quotas; before a round is laid out."""
        for own in self.gathered:
            own.facts.capacity = capacity

    @once
    def arbitrations(self) -> Mapping[str, Arbitration]:
        """By contact id, what became of each contact's claims.

        What the bound leaves over the total is put to the first of the contacts.
        """
        exempt, main = self.exempt.result, self.main.result
        over = exempt.bound + main.bound - exempt.total - main.total
        found = {}
        for place, own in enumerate(self.gathered):
            draw = self.draws[place] if self.draws else None
            found[own.facts.contact.id] = Arbitration(self, own, over, draw)
            over = 0
        return found


class Arbitration:
    """What became of one contact's claims.

    Attributes:
        rounds: the rounds.
        claims: what was gathered of the contact.
        facts: what is known of the contact.
        caps: the caps as the contact meets them.
        winners: what is granted to the contact, in the order of claims.
        exempt_winners: what the first round granted to the contact.
        total: sum of weight less reserve over the winners, in millionths.
        bound: no set of claims is worth more.
        optimal: whether the searches came to their ends.
        together: the ids of the contacts that are decided together; none where it is one.
        draw: what exploration makes of the weights; None where nothing is explored.
        known: what rows of claims that are alike have in common.
    """

    def __init__(self, rounds: TwoRounds, claims: ClaimGatherer, over: int, draw: WeightDraw | None = None) -> None:
        """Take what the rounds grant to a contact.

        Args:
            rounds: the rounds.
            claims: what was gathered of the contact.
            over: by how much the bound lies above the total.
            draw: what exploration makes of the weights; None where nothing is explored.
        """
        self.draw = draw
        self.rounds = rounds
        self.claims = claims
        self.facts = claims.facts
        self.caps = ContactCaps(claims.facts, rounds.account)
        self.together: tuple[str, ...] = ()
        self.winners = rounds.winners
        self.exempt_winners = rounds.exempt.result.winners
        if rounds.account is not None and len(rounds.gathered) > 1:
            name = claims.facts.contact.id
            self.together = tuple(rounds.account.facts)
            self.winners = [winner for winner in self.winners if winner.candidate.contact == name]
            self.exempt_winners = [winner for winner in self.exempt_winners if winner.candidate.contact == name]
        self.total = sum(self.facts.worth(winner.candidate) for winner in self.winners)
        self.optimal = rounds.exempt.result.optimal and rounds.main.result.optimal
        self.bound = self.total + over
        self.known: dict[Any, Any] = {}
        self._usage: dict[tuple[Cell, bool], WindowUsage] = {}
        self._rivals: dict[Cell, WindowUsage] = {}
        self._by_cell: dict[tuple[bool, int | None], Mapping[Cell, Sequence[Placed]]] = {}

    def round_of(self, candidate: Candidate) -> Round:
        """The round in which a candidate competes."""
        found = self.rounds.main if candidate.obeys_caps else self.rounds.exempt
        return found.joined_by(candidate) if candidate in found.dominated else found

    # Who else was granted something

    def winners_repeating(self, candidate: Candidate) -> Sequence[Winner]:
        """The winners of the campaign of a candidate, and of its id."""
        return self._winners_by_key.get(candidate.repeat_key, ())

    def winners_of_group(self, group: Group) -> Sequence[Winner]:
        """The winners of a group of candidates that exclude each other."""
        return self._winners_by_group.get(group, ())

    @once
    def _winners_by_key(self) -> dict[tuple[str, str | None, int], list[Winner]]:
        found: dict[tuple[str, str | None, int], list[Winner]] = {}
        for winner in self.winners:
            found.setdefault(winner.candidate.repeat_key, []).append(winner)
        return found

    @once
    def _winners_by_group(self) -> dict[Group, list[Winner]]:
        found: dict[Group, list[Winner]] = {}
        for winner in self.winners:
            found.setdefault(winner.candidate.group, []).append(winner)
        return found

    # What windows hold

    def usage_before(self, cap: int, key: tuple[str, ...]) -> WindowUsage:
        """What a cap's windows held before candidates that obey caps were settled."""
        return self._used((cap, key), exempt=True)

    def usage(self, cap: int, key: tuple[str, ...]) -> WindowUsage:
        """What a cap's windows hold now that all is settled."""
        return self._used((cap, key), exempt=False)

    def usage_for_rivals(self, cap: int, key: tuple[str, ...]) -> WindowUsage:
        """The same, to a rival: within one decision a winner that obeys but does not count takes capacity as well."""
        known = self._rivals.get((cap, key))
        if known is None:
            known = self._rivals[cap, key] = self._with_rivals(cap, key)
        return known

    def _with_rivals(self, cap: int, key: tuple[str, ...]) -> WindowUsage:
        gauge = self.facts.gauges[cap]
        found = [
            gauge.span(winner.at, winner.effects.ends, points, winner.number)
            for winner in self._winners_in(cap, exempt=False)
            if (message := message_of(winner.candidate)).campaign.obeys_caps and not message.campaign.counts_toward_caps
            for number, own, points in message.cells
            if number == cap and own == key
        ]
        spans = [span for span in found if span is not None]
        known = self.usage(cap, key)
        return gauge.fill([*known, *spans]) if spans else known

    def users_of(self, key: str) -> list[tuple[Winner, int]]:
        """The winners, of all that are decided together, that use a quota in a period; and how much each uses."""
        return self.rounds.users.get(key, [])

    def _winners_in(self, cap: int, *, exempt: bool) -> Sequence[Winner]:
        """The winners that can count in a cap's windows: all, or those that were settled first."""
        account = self.caps.account
        if account is None or cap not in account.shared:
            return self.exempt_winners if exempt else self.winners
        return account.protected(cap, self.rounds.exempt.result.winners if exempt else self.rounds.winners)

    def _used(self, cell: Cell, *, exempt: bool) -> WindowUsage:
        """What windows hold; of caps per account worked out once for all contacts."""
        account, cap = self.caps.account, cell[0]
        shared = account is not None and cap in account.shared
        memory = self.rounds.shared_usage if shared else self._usage
        found = memory.get((cell, exempt))
        if found is None:
            facts = self.facts if account is None or not shared else account.first
            placed = self._placed(cap, exempt=exempt, shared=shared).get(cell, ())
            found = memory[cell, exempt] = facts.gauges[cap].fill(self.caps.spans(*cell, placed))
        return found

    def _placed(self, cap: int, *, exempt: bool, shared: bool) -> Mapping[Cell, Sequence[Placed]]:
        """By cap and group of it, the winners that can count; those of caps per account differ by their audiences."""
        memory = (exempt, cap if shared else None)
        found = self._by_cell.get(memory)
        if found is None:
            found = self._by_cell[memory] = by_cell(self._winners_in(cap, exempt=exempt))
        return found
