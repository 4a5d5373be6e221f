"""A contact round: the candidates of one contact that compete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.engine.candidate import Candidate, claim_order, message_of
from journeykit.engine.contact_caps import ContactCaps
from journeykit.engine.dominance import worthwhile
from journeykit.engine.round import Round, RoundAnswer
from journeykit.engine.round_layout import RoundLayout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.engine.candidate import Group, Level, Winner
    from journeykit.engine.contact_facts import ContactFacts
    from journeykit.engine.selection import Choice

MANY_ITEMS = 1_000
"""Of more items those that can be among the best ones are looked for first."""
MOST_ITEMS = 5_000
"""More items than that are settled part after part, the best ones first, unless taking the best first is optimal."""


class ContactRound(Round):
    """The candidates of one contact that compete."""

    def __init__(
        self,
        facts: ContactFacts,
        candidates: list[Candidate],
        earlier: Sequence[Winner],
        choice: frozenset[int] | None = None,
        *,
        whole: bool = False,
    ) -> None:
        """Lay the round out.

        Args:
            facts: what is known of the contact.
            candidates: the candidates that compete.
            earlier: the winners that were settled before.
            choice: what a run over many contacts chose; None to choose the best ones here.
            whole: whether no candidate may be left out, however many there are.
        """
        items = [(candidate, at) for candidate in candidates for at in candidate.instants]
        super().__init__(facts, candidates, earlier, items, choice)
        self._parts: list[Candidate] | None = None
        if not items:
            return
        # Prices, and quotas over many contacts, may choose any candidate.
        free = facts.charges is None and choice is None and not facts.playbook.quotas
        if len(items) > MANY_ITEMS and free and not whole:
            kept = worthwhile(ContactCaps(facts), candidates, earlier)
            self.items = [(candidate, at) for candidate in kept for at in candidate.instants]
            self.dominated = frozenset(candidates) - frozenset(kept)
            if len(self.items) > MOST_ITEMS and not self._may_be_plain():
                self._parts = kept
                return
        layout = RoundLayout(facts, self.items, earlier)
        if len(self.items) > MOST_ITEMS and free and not whole and not layout.problem.is_plain(self._worths()):
            self._parts = [candidate for candidate in candidates if candidate not in self.dominated]
            return
        self.ruled_out, self.implied, self.problem = layout.ruled_out, layout.implied, layout.problem

    def _worths(self) -> list[int]:
        return [self.first.worth(candidate) for candidate, _ in self.items]

    def _may_be_plain(self) -> bool:
        """Whether taking the best first may be optimal, so that any number of items is settled at once."""
        messages = {id(message_of(candidate)): message_of(candidate) for candidate, _ in self.items}.values()
        one_instant = len({at for _, at in self.items}) == 1
        return one_instant and not any(own.first or own.then or own.needy or own.step >= 0 for own in messages)

    @property
    def searched(self) -> bool:
        """Whether other sets are searched for: not where the round is settled part after part."""
        return self._parts is None

    def facts_of(self, candidate: Candidate) -> ContactFacts:  # noqa: ARG002  (there is one contact)
        """What is known of the contact."""
        return self.first

    def _best(self) -> RoundAnswer:
        """The best set; of too many items a good one."""
        return self.solve() if self._parts is None else self._answer_in_parts(self._parts)

    def _answer_in_parts(self, candidates: list[Candidate]) -> RoundAnswer:
        """Settle part after part, the best ones first; what was granted before is history to the next part."""
        facts = self.first
        place = {pair: number for number, pair in enumerate(self.items)}
        ordered = sorted(candidates, key=lambda one: (one.level, *claim_order(one, one.instants[0])))
        earlier, taken = list(self.earlier), list[int]()
        groups: set[Group] = set()
        totals: dict[Level, int] = {}
        size, part = 0, list[Candidate]()
        for number, candidate in enumerate(ordered, 1):
            if candidate.group not in groups:
                part.append(candidate)
                size += len(candidate.instants)
            if part and (size >= MOST_ITEMS or number == len(ordered)):
                own = ContactRound(facts, part, earlier, whole=True)
                for item in own.result.chosen:
                    won = own.items[item]
                    taken.append(place[won])
                    groups.add(won[0].group)
                    totals[won[0].level] = totals.get(won[0].level, 0) + facts.worth(won[0])
                earlier = [*earlier, *own.result.winners]
                size, part = 0, []
        total = sum(totals.values())
        bound = sum(max(0, facts.worth(candidate)) for candidate in candidates)
        return RoundAnswer(tuple(sorted(taken)), totals, total, bound, optimal=total == bound)

    def joined_by(self, candidate: Candidate) -> ContactRound:
        """The round with a candidate that was left out: what it would have taken can be asked there."""
        kept = [own for own in self.candidates if own not in self.dominated]
        return ContactRound(self.first, [*kept, candidate], self.earlier, whole=True)

    def admits(self, candidate: Candidate) -> bool:
        """Whether any set that keeps all rules holds a candidate."""
        return not self.searched or any(self.items[item][0] is candidate for item in self.solve(force=candidate).chosen)

    def _choose(self, values: list[int], order: list[int], levels: list[Level]) -> Choice:  # noqa: ARG002  (see Round)
        return self.problem.solve(values, order, self.first.budget)
