"""A round: candidates that compete, the problem that they make, and its answers.

A round lays its problem out when it is made, and solves it when it is asked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from journeykit.basics.once import once
from journeykit.engine.candidate import Candidate, Level, Winner, claim_order, message_of
from journeykit.engine.effects import Effects
from journeykit.engine.selection import SelectionProblem, combine
from journeykit.engine.window_usage import HISTORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.engine.cap_rows import Item, UsageRow
    from journeykit.engine.contact_facts import ContactFacts
    from journeykit.engine.selection import Choice

FIRST: Level = (-1, 0)
"""The level of a candidate that is forced in."""
_NOTHING = SelectionProblem()
_Key = tuple[int, str, int, tuple[int, str, str, str], str, str]


class Round(ABC):
    """Candidates that compete, of one contact or of several.

    Attributes:
        first: what is known of the contact, or of the first one.
        candidates: the candidates.
        earlier: the winners that were settled before.
        choice: what a run over many contacts chose: items, by their places in the order of claims; None to choose here.
        items: one for each candidate and instant at which it may go.
        ruled_out: the items that the history alone rules out.
        implied: the rows that follow from others.
        dominated: the candidates that no best set holds, where there are very many.
        problem: the problem.
    """

    def __init__(
        self,
        first: ContactFacts,
        candidates: list[Candidate],
        earlier: Sequence[Winner],
        items: list[Item],
        choice: frozenset[int] | None,
    ) -> None:
        self.first = first
        self.candidates = candidates
        self.earlier = earlier
        self.items = items
        self.choice = choice
        self.ruled_out: set[int] = set()
        self.implied: list[UsageRow] = []
        self.dominated: frozenset[Candidate] = frozenset()
        self.problem = _NOTHING

    @abstractmethod
    def facts_of(self, candidate: Candidate) -> ContactFacts:
        """What is known of the contact of a candidate."""

    @abstractmethod
    def admits(self, candidate: Candidate) -> bool:
        """Whether any set that keeps all rules holds a candidate."""

    @property
    @abstractmethod
    def searched(self) -> bool:
        """Whether other sets are searched for as well as the best one was; else it is unknown what is displaced."""

    @abstractmethod
    def _choose(self, values: list[int], order: list[int], levels: list[Level]) -> Choice:
        """The best set at values that put the levels of the items, those above 0, in their order."""

    def joined_by(self, candidate: Candidate) -> Round:
        """The round with a candidate that was left out: what it would have taken can be asked there."""
        raise NotImplementedError

    # What was chosen

    @once
    def answer(self) -> RoundAnswer:
        """The best set."""
        return self._best() if self.items else _EMPTY

    def _best(self) -> RoundAnswer:
        return self.solve()

    @once
    def result(self) -> RoundResult:
        """What is granted: what was chosen for the round, else the best set."""
        if not self.items:
            return _NOTHING_GRANTED
        over, optimal = 0, True
        if self.choice is None:
            answer = self.answer
            chosen, optimal = answer.chosen, answer.optimal
            # At prices of quotas the answer's own numbers are less the prices.
            over = answer.bound - answer.total
        else:
            order = self.in_order
            chosen = tuple(sorted(order[place] for place in self.choice))
        effects = Effects.of_winner
        granted = [self.items[item] for item in chosen]
        winners = [Winner(candidate, at, effects(message_of(candidate)), HISTORY) for candidate, at in granted]
        total = sum(self.first.worth(candidate) for candidate, _ in granted)
        return RoundResult(chosen, winners, total, total + over, optimal=optimal)

    @property
    def reached(self) -> int:
        """What the chosen items are worth, less what prices of quotas take."""
        return sum(self.gain(*self.items[item]) for item in self.result.chosen)

    @once
    def free(self) -> frozenset[Candidate]:
        """What would be granted if no price of a quota took anything; empty where none does."""
        charged = [(self.facts_of(candidate), candidate, at) for candidate, at in self.items]
        if all(facts.charge(one, at) == facts.charge(one, at, free=True) for facts, one, at in charged):
            return frozenset()
        return frozenset(self.items[item][0] for item in self.solve(free=True).chosen)

    @once
    def in_order(self) -> list[int]:
        """The items in the order of claims."""
        return sorted(range(len(self.items)), key=self._keys.__getitem__)

    @once
    def _keys(self) -> list[_Key]:
        return [claim_order(candidate, at) for candidate, at in self.items]

    def gain(self, candidate: Candidate, at: int) -> int:
        """Weight less reserve, and less what prices of quotas take, in millionths."""
        return self.first.worth(candidate) - self.facts_of(candidate).charge(candidate, at)

    # Solving

    def solve(
        self,
        *,
        weights: Mapping[Candidate, int] | None = None,
        force: Candidate | None = None,
        without: Candidate | None = None,
        free: bool = False,
    ) -> RoundAnswer:
        """The best set: with other weights, a candidate forced in, without one, or as if no price took anything."""
        items, facts = self.items, self.first
        weights = weights or {}
        active, levels, values = [], [], []
        charges = None
        if facts.charges is not None:
            charges = [self.facts_of(one).charge(one, at, free=free) for one, at in items]
        for item, (candidate, _) in enumerate(items):
            charge = 0 if charges is None else charges[item]
            value = weights.get(candidate, candidate.weight or 0) - facts.reserve - charge
            # At prices what is worth less than nothing may be the partner that something else needs.
            useless = value <= 0 and (charges is None or (charge >= 0 and facts.worth(candidate) <= 0))
            if item in self.ruled_out or candidate is without or ((useless or not value) and candidate is not force):
                continue
            active.append(item)
            levels.append(FIRST if candidate is force else candidate.level)
            values.append(1 if candidate is force else value)
        every, gains = [0] * len(items), [0] * len(items)
        for item, value, gain in zip(active, combine(levels, values), values, strict=True):
            every[item], gains[item] = value, gain
        choice = self._choose(every, sorted(active, key=self._keys_at(weights).__getitem__), levels)
        totals: dict[Level, int] = {}
        for item in choice.chosen:
            candidate = items[item][0]
            if candidate is not force:
                totals[candidate.level] = totals.get(candidate.level, 0) + gains[item]
        total = sum(totals.values())
        optimal = choice.bound == choice.value
        one_level = len(set(levels)) <= 1
        bound = total if optimal else choice.bound if one_level else sum(max(0, value) for value in values)
        return RoundAnswer(choice.chosen, totals, total, bound, optimal=optimal)

    def _keys_at(self, weights: Mapping[Candidate, int]) -> list[_Key]:
        """The places of the items in the order of claims, with other weights."""
        if not weights:
            return self._keys
        keys = list(self._keys)
        for item, (candidate, _) in enumerate(self.items):
            if candidate in weights:
                keys[item] = -weights[candidate], *keys[item][1:]
        return keys

    def best_of(self, values: Mapping[int, int]) -> frozenset[int]:
        """The best set of some items, by their places in the order of claims.

        Args:
            values: by item, what it is worth, above 0, in the order of items; others are not chosen.
        """
        open_ones = {item: value for item, value in values.items() if item not in self.ruled_out}
        if not open_ones:
            return frozenset()
        levels = [self.items[item][0].level for item in open_ones]
        every = [0] * len(self.items)
        for item, value in zip(open_ones, combine(levels, list(open_ones.values())), strict=True):
            every[item] = value
        order = self.in_order
        found = set(self._choose(every, [item for item in order if item in open_ones], levels).chosen)
        return frozenset(place for place, item in enumerate(order) if item in found)


class RoundAnswer:
    """One answer of a round.

    Attributes:
        chosen: the items.
        totals: by level, what they are worth, less what prices of quotas take.
        total: the sum of these.
        bound: no set has a larger one.
        optimal: whether the search came to its end.
    """

    __slots__ = ("bound", "chosen", "optimal", "total", "totals")

    def __init__(
        self, chosen: tuple[int, ...], totals: dict[Level, int], total: int, bound: int, *, optimal: bool
    ) -> None:
        self.chosen = chosen
        self.totals = totals
        self.total = total
        self.bound = bound
        self.optimal = optimal


class RoundResult:
    """What a round grants.

    Attributes:
        chosen: the items.
        winners: the granted candidates.
        total: what they are worth.
        bound: no choice is worth more.
        optimal: whether nothing better is known to be possible.
    """

    __slots__ = ("bound", "chosen", "optimal", "total", "winners")

    def __init__(
        self, chosen: tuple[int, ...], winners: Sequence[Winner], total: int, bound: int, *, optimal: bool
    ) -> None:
        self.chosen = chosen
        self.winners = winners
        self.total = total
        self.bound = bound
        self.optimal = optimal


_EMPTY = RoundAnswer((), {}, 0, 0, optimal=True)
_NOTHING_GRANTED = RoundResult((), (), 0, 0, optimal=True)
