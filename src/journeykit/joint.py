"""A joint contest: the claims of all contacts of an account, which compete for the account's room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.contest import Contest
from journeykit.selection import Choice, Problem
from journeykit.sharing import Part, joined, share, share_by_level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from journeykit.account import Account
    from journeykit.case import Case
    from journeykit.entry import Entry, Level, Winner

MOST_ITEMS = 300
"""So many items at most are searched for the best set, where taking the best first will not do."""

Cells = dict[tuple[int, tuple[str, ...]], list[tuple[int, int]]]


class OwnContest(Contest):
    """One contact's claims in the contest of his account: laid out here, and chosen together with all others."""

    def _settle(self) -> None:
        """Nothing is chosen by one contact alone."""

    def _cells(self) -> Cells:
        shared = self.case.compiled.per_account
        return {cell: members for cell, members in super()._cells().items() if cell[0] not in shared}


class JointContest(Contest):
    """The claims of an account's contacts: the problem they make together, and its answers.

    The items of the contacts follow each other, by contact in the text order of ids; else it is a `Contest` like any
    other. Few items are searched for the best set; many are settled by prices, with the bound that these give.

    Attributes:
        own: the contests of the contacts that have claims here.
        starts: for each of them, the number of its first item.
        shared: the rows of the caps per account.
        parts: the contests once more, as `journeykit.sharing` asks for them.
    """

    def __init__(
        self,
        account: Account,
        entries: list[Entry],
        before: Sequence[Winner],
        given: frozenset[int] | None = None,
    ) -> None:
        """Lay the contest out and settle it.

        Args:
            account: whose contacts compete.
            entries: their claims.
            before: what was granted before, and is history here.
            given: what a run over many contacts chose: items, by their places in the order of claims; None to choose
                the best ones here.
        """
        self.account = account
        self.case = next(iter(account.members.values()))  # what a contest asks of it is the same for all
        self.entries = entries
        self.before = before
        self.given = given
        self.own: list[OwnContest] = []
        self.starts: list[int] = []
        self.items = []
        self.shut = set()
        self.derived = []
        self.left_out = frozenset()
        for whose, mine in _by_contact(entries).items():
            member = account.members[whose]
            own = OwnContest(member, mine, [winner for winner in before if winner.entry.whose == whose])
            self.own.append(own)
            self.starts.append(len(self.items))
            self.shut.update(len(self.items) + item for item in own.shut)
            self.items += own.items
        self.single = len({at for _, at in self.items}) == 1
        self.shared = tuple(self._cap_rows())
        self.parts = [
            Part(start, len(own.items), own.problem) for own, start in zip(self.own, self.starts, strict=True)
        ]
        self.problem = joined(self.parts, self.shared)
        self._settle()

    def _cells(self) -> Cells:
        """By cap per account and group, the items of the contacts that it protects."""
        members, shared = self.account.members, self.account.compiled.per_account
        found = {}
        for (cap, key), items in super()._cells().items():
            if cap in shared:
                kept = [(n, points) for n, points in items if members[self.items[n][0].whose].is_protected_by(cap)]
                found[cap, key] = kept
        return found

    def _cap_rows(self) -> list[tuple[dict[int, int], int]]:
        rows: list[tuple[dict[int, int], int]] = []
        for (cap, key), members in self._cells().items():
            limit = self.account.limit(cap)
            if limit is not None and members:
                spans = self.case.spans(cap, key, self.account.protected(cap, self.before))
                self._add_rows(cap, limit, spans, members, rows)
        return rows

    def _settle(self) -> None:
        super()._settle()
        self.searched = self.answer.optimal or len(self.items) <= MOST_ITEMS

    def case_of(self, entry: Entry) -> Case:
        """The case of the contact whose claim it is."""
        return self.account.members[entry.whose]

    def choose(self, values: list[int], order: list[int], levels: list[Level]) -> Choice:
        """The best set where the items are few, or where taking the best first finds it; else a good one.

        Where the search for the best set of few items ends before its proof, the better of the two stands.
        """
        found = None
        if len(order) <= MOST_ITEMS or self.problem.is_plain(values):
            found = super().choose(values, order, levels)
            if found.value == found.bound:
                return found
        shared = self._shared_out(values, order, levels)
        if found is None:
            return shared
        best = max(shared, found, key=lambda choice: choice.value)
        return Choice(best.chosen, best.value, min(shared.bound, found.bound))

    def _shared_out(self, values: list[int], order: list[int], levels: list[Level]) -> Choice:
        if len(set(levels)) == 1:
            return share(self.parts, self.shared, values, order, self.case.budget)
        level = dict(zip((item for item, value in enumerate(values) if value > 0), levels, strict=True))
        return share_by_level(self.parts, self.shared, values, order, self.case.budget, level)

    def admits(self, entry: Entry) -> bool:
        """Whether any set that keeps all rules holds a claim: what colleagues get can only take room from it."""
        place = next(n for n, own in enumerate(self.own) if own.case.contact.id == entry.whose)
        own, start = self.own[place], self.starts[place]
        size = len(own.items)
        inside = range(start, start + size)
        shared = [
            ({item - start: use for item, use in members.items() if item in inside}, room)
            for members, room in self.shared
        ]
        problem = own.problem
        alone = Problem((*problem.rows, *shared), problem.groups, problem.pairs, problem.clauses)
        values = [
            0 if start + n in self.shut else size if rival is entry else int(self.case.worth(rival) > 0)
            for n, (rival, _) in enumerate(own.items)
        ]
        chosen = alone.solve(values, range(size), self.case.budget).chosen
        return any(own.items[n][0] is entry for n in chosen)


def _by_contact(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The claims of each contact, by contact in the text order of ids."""
    found: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.whose):
        found.setdefault(entry.whose, []).append(entry)
    return found
