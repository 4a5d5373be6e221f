"""A contest: claims that compete, the problem that they make, and its answers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from journeykit.dominance import worthwhile
from journeykit.entry import Entry, Level, Winner, opening_of
from journeykit.room import HISTORY, Filled, Gauge, Span
from journeykit.selection import Problem, combine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.case import Case
    from journeykit.selection import Choice

FIRST: Level = (-1, 0)
"""The level of a claim that is forced in."""

_NOTHING = Problem()
MANY_ITEMS = 1_000
"""Of more items those that can be among the best ones are looked for first."""
MOST_ITEMS = 5_000
"""More items than that are settled part after part, the best ones first, unless taking the best first is optimal."""


class Contest:
    """Claims that compete: the problem they make, and its answers.

    Attributes:
        entries: the claims.
        items: one for each claim and instant at which it may go.
        shut: the items that the history alone rules out.
        derived: the rows that follow from others.
        left_out: the claims that no best set holds, where there are very many.
        searched: whether other sets are searched for as well as the best one was; else what a claim pushed out is not
            known.
    """

    searched = True

    def __init__(
        self,
        case: Case,
        entries: list[Entry],
        before: Sequence[Winner],
        given: frozenset[int] | None = None,
        *,
        whole: bool = False,
    ) -> None:
        """Set the contest up and settle it.

        Args:
            case: whose claims these are.
            entries: the claims that compete.
            before: the winners that were settled before.
            given: what a run over many contacts chose: items, by their places in the order of claims; None to choose
                the best ones here.
            whole: whether no claim may be left out, however many there are.
        """
        self.given = given
        self.case = case
        self.entries = entries
        self.before = before
        self.items = [(entry, at) for entry in entries for at in entry.instants]
        self.shut: set[int] = set()
        self.derived: list[tuple[dict[int, int], int]] = []
        self.left_out: frozenset[Entry] = frozenset()
        self.optimal = True
        self.bound = self.total = 0
        if not self.items:
            self.problem = _NOTHING
            self.answer = Answer((), {}, 0, 0, optimal=True)
            self.chosen: tuple[int, ...] = ()
            return
        # Prices, and quotas over many contacts, may choose any claim.
        free = case.tariff is None and given is None and not case.playbook.quotas
        if len(self.items) > MANY_ITEMS and free and not whole:
            kept = worthwhile(case, entries, before)
            self.items = [(entry, at) for entry in kept for at in entry.instants]
            self.left_out = frozenset(entries) - frozenset(kept)
            if len(self.items) > MOST_ITEMS:
                if self._is_plain():
                    self._settle()
                else:
                    self._settle_in_parts(kept)
                return
        self._lay_out()
        self._settle()

    def _lay_out(self) -> None:
        """Make the problem."""
        self.single = len({at for _, at in self.items}) == 1
        groups, rows = self._groups_and_repeats()
        rows += self._cap_rows()
        pairs = self._pairs()
        clauses = self._clauses()
        open_groups = tuple(tuple(item for item in group if item not in self.shut) for group in groups)
        self.problem = Problem(tuple(rows), tuple(group for group in open_groups if len(group) > 1), pairs, clauses)

    def _is_plain(self) -> bool:
        """Whether taking the best first is optimal, so that any number of items is settled at once."""
        openings = {id(opening_of(entry)): opening_of(entry) for entry, _ in self.items}.values()
        if len({at for _, at in self.items}) > 1 or any(o.first or o.then or o.needy for o in openings):
            return False
        self._lay_out()
        plain = self.problem.is_plain([self.case.worth(entry) for entry, _ in self.items])
        if not plain:
            self.shut.clear()
            self.derived.clear()
        return plain

    def _settle_in_parts(self, entries: list[Entry]) -> None:
        """Settle part after part, the best ones first; what was granted before is history to the next part."""
        case = self.case
        self.single, self.searched = False, False
        self.problem = _NOTHING
        place = {pair: number for number, pair in enumerate(self.items)}
        ordered = sorted(entries, key=lambda entry: (entry.level, *case.order(entry, entry.instants[0])))
        before, taken = list(self.before), list[int]()
        groups: set[int | str] = set()
        totals: dict[Level, int] = {}
        size, part = 0, list[Entry]()
        for number, entry in enumerate(ordered, 1):
            if entry.group not in groups:
                part.append(entry)
                size += len(entry.instants)
            if part and (size >= MOST_ITEMS or number == len(ordered)):
                own = Contest(case, part, before, whole=True)
                for item in own.chosen:
                    won = own.items[item]
                    taken.append(place[won])
                    groups.add(won[0].group)
                    totals[won[0].level] = totals.get(won[0].level, 0) + case.worth(won[0])
                before = [*before, *own.winners()]
                size, part = 0, []
        total = sum(totals.values())
        bound = sum(max(0, case.worth(entry)) for entry in entries)
        self.answer = Answer(tuple(sorted(taken)), totals, total, bound, optimal=total == bound)
        self.chosen, self.optimal, self.total, self.bound = self.answer.chosen, self.answer.optimal, total, bound

    def joined_by(self, entry: Entry) -> Contest:
        """The contest with a claim that was left out: what it would have taken can be asked there."""
        kept = [own for own in self.entries if own not in self.left_out]
        return Contest(self.case, [*kept, entry], self.before, whole=True)

    def _settle(self) -> None:
        """Choose, or take what was given; what that is worth, and no choice is worth more than."""
        self.answer = self.solve()
        self.chosen, self.optimal = self.answer.chosen, self.answer.optimal
        if self.given is not None:
            order = self.in_order
            self.chosen, self.optimal = tuple(sorted(order[place] for place in self.given)), True
        self.total = sum(self.case.worth(self.items[item][0]) for item in self.chosen)
        # At prices of quotas the answer's own numbers are less the prices.
        self.bound = self.total + (self.answer.bound - self.answer.total if self.given is None else 0)

    @cached_property
    def free(self) -> frozenset[Entry]:
        """What would be granted if no price of a quota took anything; empty where none does."""
        charged = [(self.case_of(entry), entry, at) for entry, at in self.items]
        if all(case.charge(entry, at) == case.charge(entry, at, free=True) for case, entry, at in charged):
            return frozenset()
        return frozenset(self.items[item][0] for item in self.solve(free=True).chosen)

    @property
    def in_order(self) -> list[int]:
        """The items in the order of claims."""
        return sorted(range(len(self.items)), key=lambda item: self.case.order(*self.items[item]))

    @property
    def reached(self) -> int:
        """What the chosen items are worth, less what prices of quotas take."""
        return sum(self.gain(*self.items[item]) for item in self.chosen)

    def gain(self, entry: Entry, at: int) -> int:
        """Weight less reserve, and less what prices of quotas take, in millionths."""
        return self.case.worth(entry) - self.case_of(entry).charge(entry, at)

    def case_of(self, entry: Entry) -> Case:
        """The case of the contact whose claim it is."""
        _ = entry
        return self.case

    def winners(self) -> list[Winner]:
        """The granted claims."""
        effects = self.case.compiled.effects_of_winner
        return [
            Winner(entry, at, effects(opening_of(entry)), HISTORY)
            for entry, at in (self.items[item] for item in self.chosen)
        ]

    def solve(
        self,
        *,
        weights: Mapping[Entry, int] | None = None,
        force: Entry | None = None,
        without: Entry | None = None,
        free: bool = False,
    ) -> Answer:
        """The best set, with other weights, with a claim forced in, without one, or as if no price took anything."""
        case = self.case
        weights = weights or {}
        active, levels, values = [], [], []
        charges = [0] * len(self.items)
        if case.tariff is not None:
            charges = [self.case_of(entry).charge(entry, at, free=free) for entry, at in self.items]
        for item, (entry, _) in enumerate(self.items):
            value = weights.get(entry, entry.weight or 0) - case.reserve - charges[item]
            # At prices what is worth less than nothing may be the partner that something else needs.
            useless = value <= 0 and (case.tariff is None or (charges[item] >= 0 and case.worth(entry) <= 0))
            if item in self.shut or entry is without or ((useless or not value) and entry is not force):
                continue
            active.append(item)
            levels.append(FIRST if entry is force else entry.level)
            values.append(1 if entry is force else value)
        every = [0] * len(self.items)
        for item, value in zip(active, combine(levels, values), strict=True):
            every[item] = value
        items = self.items
        if weights:
            key = {
                item: (
                    -weights.get(items[item][0], items[item][0].weight or 0),
                    *case.order(*items[item])[1:],
                )
                for item in active
            }
        else:
            key = {item: case.order(*items[item]) for item in active}
        choice = self.choose(every, sorted(active, key=key.__getitem__), levels)
        totals: dict[Level, int] = {}
        for item in choice.chosen:
            entry = items[item][0]
            if entry is not force:
                value = weights.get(entry, entry.weight or 0) - case.reserve - charges[item]
                totals[entry.level] = totals.get(entry.level, 0) + value
        total = sum(totals.values())
        optimal = choice.bound == choice.value
        one_level = len(set(levels)) <= 1
        bound = total if optimal else choice.bound if one_level else sum(max(0, value) for value in values)
        return Answer(choice.chosen, totals, total, bound, optimal=optimal)

    def best_of(self, values: Mapping[int, int]) -> frozenset[int]:
        """The best set of some items, by their places in the order of claims.

        Args:
            values: by item, what it is worth, above 0, in the order of items; others are not chosen.
        """
        open_ones = {item: value for item, value in values.items() if item not in self.shut}
        if not open_ones:
            return frozenset()
        levels = [self.items[item][0].level for item in open_ones]
        every = [0] * len(self.items)
        for item, value in zip(open_ones, combine(levels, list(open_ones.values())), strict=True):
            every[item] = value
        order = self.in_order
        found = set(self.choose(every, [item for item in order if item in open_ones], levels).chosen)
        return frozenset(place for place, item in enumerate(order) if item in found)

    def choose(self, values: list[int], order: list[int], levels: list[Level]) -> Choice:  # noqa: ARG002  (an account asks)
        """The best set at values that put the levels of the items, those above 0, in their order."""
        return self.problem.solve(values, order, self.case.budget)

    def admits(self, entry: Entry) -> bool:
        """Whether any set that keeps all rules holds a claim."""
        if not self.searched:
            return True
        return any(self.items[item][0] is entry for item in self.solve(force=entry).chosen)

    def _groups_and_repeats(self) -> tuple[list[list[int]], list[tuple[dict[int, int], int]]]:
        groups: dict[int | str, list[int]] = {}
        campaigns: dict[tuple[str, str | None], list[int]] = {}
        for item, (entry, _) in enumerate(self.items):
            groups.setdefault(entry.group, []).append(item)
            opening = opening_of(entry)
            if opening.campaign.repeat is not None:
                campaigns.setdefault((opening.campaign.id, entry.claim.id), []).append(item)
        rows = []
        for (campaign, claim), items in campaigns.items():
            repeat = opening_of(self.items[items[0]][0]).campaign.repeat
            room = (repeat or 0) - self.case.past.of(campaign, claim)
            room -= sum(
                (winner.entry.claim.campaign, winner.entry.claim.id) == (campaign, claim) for winner in self.before
            )
            if room <= 0:
                self.shut.update(items)
            elif len(items) > room:
                rows.append((dict.fromkeys(items, 1), room))
        return list(groups.values()), rows

    def _cap_rows(self) -> list[tuple[dict[int, int], int]]:
        """A row for each set of claims that some window of some cap holds together."""
        rows: list[tuple[dict[int, int], int]] = []
        for (cap, key), members in self._cells().items():
            limit = self.case.limit(cap)
            if limit is not None:
                spans = self.case.spans(cap, key, self.before) + self._rivals_before(cap, key)
                self._add_rows(cap, limit, spans, members, rows)
        return rows

    def _rivals_before(self, cap: int, key: tuple[str, ...]) -> list[Span]:
        """Of a part: what earlier parts granted takes room among rivals, also where it counts toward no cap."""
        gauge = self.case.gauges[cap]
        late = [winner for winner in self.before if winner.entry.obeys_caps] if self.before else []
        found = (
            gauge.span(winner.at, opening.campaign.ends, points)
            for winner in late
            if not (opening := opening_of(winner.entry)).campaign.counts_toward_caps
            for number, own, points in opening.cells
            if number == cap and own == key
        )
        return [span for span in found if span is not None]

    def _cells(self) -> dict[tuple[int, tuple[str, ...]], list[tuple[int, int]]]:
        """By cap and group, the items that caps can stop and their points."""
        cells: dict[tuple[int, tuple[str, ...]], list[tuple[int, int]]] = {}
        for item, (entry, _) in enumerate(self.items):
            if entry.obeys_caps:
                for cap, key, points in opening_of(entry).cells:
                    cells.setdefault((cap, key), []).append((item, points))
        return cells

    def _add_rows(
        self,
        cap: int,
        limit: int,
        spans: list[Span],
        members: list[tuple[int, int]],
        rows: list[tuple[dict[int, int], int]],
    ) -> None:
        if self.single and not self.case.gauges[cap].running:
            self._row_at_once(cap, limit, spans, members, rows)
        else:
            self._rows_over_time(cap, limit, spans, members, rows)

    def _row_at_once(
        self,
        cap: int,
        limit: int,
        spans: list[Span],
        members: list[tuple[int, int]],
        rows: list[tuple[dict[int, int], int]],
    ) -> None:
        gauge = self.case.gauges[cap]
        own = gauge.span(self.items[0][1], None, 0)
        if own is None:
            return
        room = max(0, limit - (gauge.load(spans, own) if spans else 0))
        used = 0
        for item, points in members:
            used += points
            if points > room:
                self.shut.add(item)
        if used > room:
            rows.append((dict(members), room))

    def _rows_over_time(
        self,
        cap: int,
        limit: int,
        spans: list[Span],
        members: list[tuple[int, int]],
        rows: list[tuple[dict[int, int], int]],
    ) -> None:
        gauge = self.case.gauges[cap]
        filled = gauge.fill(spans)
        placed = []
        loads: dict[tuple[int, int], int] = {}
        for item, points in members:
            entry, at = self.items[item]
            own = gauge.span(at, opening_of(entry).campaign.ends, points, item)
            if own is not None:
                load = loads.get(own[:2])
                if load is None:
                    load = loads[own[:2]] = gauge.load(filled, own)
                placed.append(own)
                if load + points > limit:
                    self.shut.add(item)
        placed = [span for span in placed if span[3] not in self.shut]
        if not placed:
            return
        for inside, room in gauge.rows(filled, placed, limit):
            row = {span[3]: span[2] for span in inside}
            if sum(row.values()) > room:
                rows.append((row, max(0, room)))
        self._add_sum(gauge, limit, filled, placed, rows)

    def _add_sum(
        self,
        gauge: Gauge,
        limit: int,
        spans: Filled,
        placed: list[Span],
        rows: list[tuple[dict[int, int], int]],
    ) -> None:
        """A row that follows from the others, and that no search finds alone: how many fit over the whole span."""
        points = {span[2] for span in placed}
        if gauge.running or len(points) != 1:
            return
        count = gauge.most_that_fit(spans, (span[0] for span in placed), points.pop(), limit, len(placed))
        row = {span[3]: 1 for span in placed}, count
        self.derived.append(row)
        rows.append(row)

    def _pairs(self) -> tuple[tuple[int, int], ...]:
        """Conflicts: with the history they shut an item, among items they make pairs."""
        case = self.case
        if not case.playbook.conflicts:
            return ()
        marked = [
            item for item, (entry, _) in enumerate(self.items) if opening_of(entry).first or opening_of(entry).then
        ]
        pairs = []
        for item in marked:
            entry, at = self.items[item]
            opening = opening_of(entry)
            if case.barred_by_history(opening, at) or any(
                low <= at <= high
                for winner in self.before
                for _, low, high in case.clashes(opening, winner.effects, winner.at)
            ):
                self.shut.add(item)
        effects = {item: case.compiled.effects_of_winner(opening_of(self.items[item][0])) for item in marked}
        for place, item in enumerate(marked):
            entry, at = self.items[item]
            opening = opening_of(entry)
            for other in marked[place + 1 :]:
                rival, when = self.items[other]
                if rival is not entry and any(
                    low <= at <= high for _, low, high in case.clashes(opening, effects[other], when)
                ):
                    pairs.append((item, other))
        return tuple(pair for pair in pairs if self.shut.isdisjoint(pair))

    def _clauses(self) -> tuple[tuple[int, frozenset[int]], ...]:
        """Requirements: an item, and those of which one must be granted with it."""
        case = self.case
        clauses = []
        for number in range(len(case.playbook.requirements)):
            bit = 1 << number
            for item, (entry, at) in enumerate(self.items):
                if item in self.shut or not opening_of(entry).needy & bit or self.met_before(number, at):
                    continue
                partners = frozenset(
                    other
                    for other, (rival, when) in enumerate(self.items)
                    if other not in self.shut
                    and rival is not entry
                    and opening_of(rival).partner & bit
                    and when <= at
                    and rival.level[0] <= entry.level[0]
                )
                clauses.append((item, partners))
        return tuple(clauses)

    def met_before(self, requirement: int, at: int) -> bool:
        """Whether the history, or a winner that came before this contest, will do for a requirement."""
        bit = 1 << requirement
        return self.case.met_by_history(requirement, at) or any(
            winner.effects.partner & bit and winner.at <= at for winner in self.before
        )


class Answer:
    """One answer of a contest."""

    __slots__ = ("bound", "chosen", "optimal", "total", "totals")

    def __init__(
        self, chosen: tuple[int, ...], totals: dict[Level, int], total: int, bound: int, *, optimal: bool
    ) -> None:
        self.chosen = chosen
        self.totals = totals
        self.total = total
        self.bound = bound
        self.optimal = optimal
