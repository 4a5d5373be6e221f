"""An account round: the candidates of all contacts of an account, which compete for what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from journeykit.engine.cap_rows import CapRows, UsageRow, add_quota_rows
from journeykit.engine.class_rows import cautious, with_classes, with_rows
from journeykit.engine.contact_caps import ContactCaps
from journeykit.engine.contact_facts import by_cell, spans_of
from journeykit.engine.contact_round import MANY_ITEMS
from journeykit.engine.dominance import worthwhile
from journeykit.engine.price_decomposition import ProblemPart, joined, share, share_by_level
from journeykit.engine.round import Round
from journeykit.engine.round_layout import RoundLayout
from journeykit.engine.selection import Choice, compiled_search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.engine.account import Account
    from journeykit.engine.candidate import Candidate, Level, Winner
    from journeykit.engine.contact_facts import ContactFacts

_Given = TypeVar("_Given")
MOST_ITEMS = 300
"""So many items at most are searched for the best set, where taking the best first will not do."""
MOST_COMPILED = 3_000
"""So many where the extension searches."""


class AccountRound(Round):
    """The candidates of an account's contacts that compete.

    The items of the contacts follow each other, by contact in the text order of ids. Few items are searched for the
    best set; many are settled by prices, with the bound that these give.

    Attributes:
        parts: by contact, in the text order of ids, the problem of each that has candidates here.
        shared: the rows of the caps per account.
        classes: those of them that count campaigns, of which several contacts can get the same.
    """

    def __init__(
        self,
        account: Account,
        candidates: list[Candidate],
        earlier: Sequence[Winner],
        choice: frozenset[int] | None = None,
    ) -> None:
        """Lay the round out.

        Args:
            account: the contacts, and what they share.
            candidates: their candidates.
            earlier: what was granted before, and is history here.
            choice: what a run over many contacts chose; None to choose the best ones here.
        """
        super().__init__(account.first, candidates, earlier, [], choice)
        self.account = account
        self.parts: dict[str, ProblemPart] = {}
        earlier_of = _by_contact(earlier, [winner.candidate for winner in earlier])
        for contact, own in sorted(_by_contact(candidates, candidates).items()):
            self._add_part(contact, own, earlier_of.get(contact, []))
        self.shared, self.classes = self._shared_rows()
        self.problem = with_classes(joined(list(self.parts.values()), self.shared), self.classes)

    def _add_part(self, contact: str, candidates: list[Candidate], earlier: Sequence[Winner]) -> None:
        """Lay out what one contact brings."""
        facts, start = self.account.facts[contact], len(self.items)
        items = [(candidate, at) for candidate in candidates for at in candidate.instants]
        # Prices, and quotas over many contacts, may choose any candidate.
        if len(items) > MANY_ITEMS and facts.charges is None and not facts.playbook.quotas:
            kept = worthwhile(ContactCaps(facts, self.account), candidates, earlier)
            items = [(candidate, at) for candidate in kept for at in candidate.instants]
        layout = RoundLayout(facts, items, earlier, self.account.shared)
        self.ruled_out.update(start + item for item in layout.ruled_out)
        self.items += items
        self.parts[contact] = ProblemPart(start, len(items), layout.problem)

    def _shared_rows(self) -> tuple[tuple[UsageRow, ...], tuple[UsageRow, ...]]:
        """The rows of the caps per account: of the items of the contacts that each protects."""
        account, rows = self.account, list[UsageRow]()
        cap_rows = CapRows(self.items, self.ruled_out, rows)
        for (cap, key), items in cap_rows.cells().items():
            if cap not in account.shared:
                continue
            members = [own for own in items if self.facts_of(self.items[own[0]][0]).is_protected_by(cap)]
            limit = account.limit(cap)
            if limit is not None and members:
                gauge = self.first.gauges[cap]
                winners = by_cell(account.protected(cap, self.earlier)).get((cap, key), ())
                cap_rows.add(gauge, limit, spans_of(gauge, account.touched(cap, key), winners), members)
        if self.first.capacity is not None:
            add_quota_rows(self.items, self.earlier, self.facts_of, self.ruled_out, rows)
        self.implied = cap_rows.implied
        return tuple(rows), tuple(cap_rows.classes)

    @property
    def searched(self) -> bool:
        """Whether other sets are searched for as well as the best one was."""
        return self.answer.optimal or len(self.items) <= MOST_ITEMS

    def facts_of(self, candidate: Candidate) -> ContactFacts:
        """What is known of the contact of a candidate."""
        return self.account.facts[candidate.contact]

    def _choose(self, values: list[int], order: list[int], levels: list[Level]) -> Choice:
        """The best set where the items are few, or where taking the best first finds it; else a good one.

        Where the search for the best set of few items ends before its proof, the better of the two is taken.
        """
        found = None
        most = MOST_COMPILED if compiled_search() else MOST_ITEMS
        if len(order) <= most or self.problem.is_plain(values):
            found = self.problem.solve(values, order, self.first.budget)
            if found.value == found.bound:
                return found
        by_prices = self._choose_by_prices(values, order, levels)
        if found is None:
            return by_prices
        best = max(by_prices, found, key=lambda choice: choice.value)
        return Choice(best.chosen, best.value, min(by_prices.bound, found.bound))

    def _choose_by_prices(self, values: list[int], order: list[int], levels: list[Level]) -> Choice:
        parts, budget = list(self.parts.values()), self.first.budget
        if self.classes:
            # Each message as a campaign of its own: allowed, but no proof of how much more there could be.
            careful = (*self.shared, *cautious(self.classes))
            found = share(parts, careful, values, order, budget)
            return Choice(found.chosen, found.value, sum(max(0, values[item]) for item in order))
        if len(set(levels)) == 1:
            return share(parts, self.shared, values, order, budget)
        level = dict(zip((item for item, value in enumerate(values) if value > 0), levels, strict=True))
        return share_by_level(parts, self.shared, values, order, budget, level)

    def admits(self, candidate: Candidate) -> bool:
        """Whether any set that keeps all rules holds a candidate: what colleagues get can only use up capacity."""
        part = self.parts[candidate.contact]
        start, size, problem = part.start, part.size, part.problem
        inside = range(start, start + size)
        shared = [
            ({item - start: use for item, use in members.items() if item in inside}, capacity)
            for members, capacity in self.shared
        ]
        classes = [
            ({item - start: kind for item, kind in members.items() if item in inside}, capacity)
            for members, capacity in self.classes
        ]
        alone = with_classes(with_rows(problem, shared), classes)
        rivals = [rival for rival, _ in self.items[start : start + size]]
        values = [
            0 if start + n in self.ruled_out else size if rival is candidate else int(self.first.worth(rival) > 0)
            for n, rival in enumerate(rivals)
        ]
        chosen = alone.solve(values, range(size), self.first.budget).chosen
        return any(rivals[n] is candidate for n in chosen)


def _by_contact(given: Sequence[_Given], candidates: Sequence[Candidate]) -> dict[str, list[_Given]]:
    """What was given, by the contact of its candidate."""
    found: dict[str, list[_Given]] = {}
    for own, candidate in zip(given, candidates, strict=True):
        found.setdefault(candidate.contact, []).append(own)
    return found
