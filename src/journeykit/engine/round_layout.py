"""Round layouts: the problem that one contact's candidates make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.engine.candidate import message_of
from journeykit.engine.cap_rows import CapRows, add_quota_rows
from journeykit.engine.contact_facts import by_cell, spans_of
from journeykit.engine.effects import Effects
from journeykit.engine.selection import SelectionProblem
from journeykit.engine.steps import gap_ends, is_step_before, turn_from

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from journeykit.engine.candidate import Group, Winner
    from journeykit.engine.cap_rows import Item, UsageRow
    from journeykit.engine.contact_facts import ContactFacts
    from journeykit.engine.window_usage import Span


class RoundLayout:
    """The problem that one contact's items make, after what was granted earlier.

    Attributes:
        ruled_out: the items that the history, or what was granted earlier, rules out.
        implied: the rows that follow from others.
        problem: the problem.
    """

    def __init__(
        self,
        facts: ContactFacts,
        items: Sequence[Item],
        earlier: Sequence[Winner],
        shared: Collection[int] | None = None,
    ) -> None:
        """Lay the problem out.

        Args:
            facts: what is known of the contact.
            items: a candidate and an instant each.
            earlier: the winners that were settled before.
            shared: the caps that are not the contact's own, by their numbers; they are left out, and so are quotas.
                None for a contact that is decided alone.
        """
        self.facts = facts
        self.items = items
        self.earlier = earlier
        self.ruled_out: set[int] = set()
        groups, rows = self._groups_and_repeats()
        cap_rows = self._add_cap_rows(rows, shared or ())
        self.implied = cap_rows.implied
        if shared is None and facts.capacity is not None:
            add_quota_rows(items, earlier, lambda _: facts, self.ruled_out, rows)
        pairs = self._pairs()
        clauses = self._clauses()
        ruled_out = self.ruled_out
        several = (group for group in groups if len(group) > 1)
        open_groups = (tuple(item for item in group if item not in ruled_out) for group in several)
        groups_left = tuple(group for group in open_groups if len(group) > 1)
        problem = SelectionProblem(tuple(rows), groups_left, pairs, clauses)
        if cap_rows.classes:
            from journeykit.engine.class_rows import with_classes

            problem = with_classes(problem, cap_rows.classes)
        self.problem = problem

    def _groups_and_repeats(self) -> tuple[list[list[int]], list[UsageRow]]:
        groups: dict[Group, list[int]] = {}
        campaigns: dict[tuple[str, str | None, int], list[int]] = {}
        for item, (candidate, _) in enumerate(self.items):
            groups.setdefault(candidate.group, []).append(item)
            if message_of(candidate).campaign.repeat is not None:
                campaigns.setdefault(candidate.repeat_key, []).append(item)
        rows = []
        for key, items in campaigns.items():
            first = self.items[items[0]][0]
            left = message_of(first).campaign.repeat or 0
            left -= self.facts.history.repeated(first)
            if self.earlier:
                left -= sum(winner.candidate.repeat_key == key for winner in self.earlier)
            if left <= 0:
                self.ruled_out.update(items)
            elif len(items) > left:
                rows.append((dict.fromkeys(items, 1), left))
        return list(groups.values()), rows

    def _add_cap_rows(self, rows: list[UsageRow], shared: Collection[int]) -> CapRows:
        """A row for each set of items that some window of some cap holds together."""
        facts = self.facts
        cap_rows = CapRows(self.items, self.ruled_out, rows)
        earlier = by_cell(self.earlier)
        for (cap, key), members in cap_rows.cells().items():
            limit = None if cap in shared else facts.limit(cap)
            if limit is not None:
                gauge = facts.gauges[cap]
                spans = spans_of(gauge, facts.touched(cap, key), earlier.get((cap, key), ()))
                if self.earlier:
                    spans += self._rivals_before(cap, key)
                cap_rows.add(gauge, limit, spans, members)
        return cap_rows

    def _rivals_before(self, cap: int, key: tuple[str, ...]) -> list[Span]:
        """Of a part: what earlier parts granted uses capacity among rivals, also where it counts toward no cap."""
        gauge = self.facts.gauges[cap]
        found = (
            gauge.span(winner.at, message.campaign.ends, points)
            for winner in self.earlier
            if winner.candidate.obeys_caps and not (message := message_of(winner.candidate)).campaign.counts_toward_caps
            for number, own, points in message.cells
            if number == cap and own == key
        )
        return [span for span in found if span is not None]

    def _pairs(self) -> tuple[tuple[int, int], ...]:
        """Conflicts: with the history they rule an item out, among items they make pairs."""
        facts, items = self.facts, self.items
        if not facts.playbook.conflicts:
            return ()
        messages = [message_of(candidate) for candidate, _ in items]
        marked = [item for item, message in enumerate(messages) if message.first or message.then]
        for item in marked:
            message, at = messages[item], items[item][1]
            if facts.barred_by_history(message, at) or any(
                low <= at <= high
                for winner in self.earlier
                for _, low, high in facts.clashes(message, winner.effects, winner.at)
            ):
                self.ruled_out.add(item)
        effects = {item: Effects.of_winner(messages[item]) for item in marked}
        pairs = []
        for place, item in enumerate(marked):
            candidate, at = items[item]
            for other in marked[place + 1 :]:
                rival, when = items[other]
                if rival is not candidate and any(
                    low <= at <= high for _, low, high in facts.clashes(messages[item], effects[other], when)
                ):
                    pairs.append((item, other))
        return tuple(pair for pair in pairs if self.ruled_out.isdisjoint(pair))

    def _clauses(self) -> tuple[tuple[int, frozenset[int]], ...]:
        """Requirements: an item, and those of which one must be granted with it."""
        clauses = []
        for number in range(len(self.facts.playbook.requirements)):
            bit = 1 << number
            for item, (candidate, at) in enumerate(self.items):
                if item in self.ruled_out or not message_of(candidate).needy & bit or self._met_before(number, at):
                    continue
                partners = frozenset(
                    other
                    for other, (rival, when) in enumerate(self.items)
                    if other not in self.ruled_out
                    and rival is not candidate
                    and message_of(rival).partner & bit
                    and when <= at
                    and rival.level[0] <= candidate.level[0]
                )
                clauses.append((item, partners))
        if self.facts.ruleset.series:
            clauses += self._turns()
        return tuple(clauses)

    def _turns(self) -> list[tuple[int, frozenset[int]]]:
        """Steps of series: an item, and those of the step before, of which one must be granted in time."""
        clauses = []
        steps = [(item, *pair) for item, pair in enumerate(self.items) if message_of(pair[0]).step >= 0]
        for item, candidate, at in steps:
            if item in self.ruled_out or not candidate.is_step:
                continue
            if turn_from(self.facts, candidate, self.earlier) > at:
                partners = frozenset(
                    other
                    for other, rival, when in steps
                    if other not in self.ruled_out
                    and is_step_before(candidate, rival)
                    and gap_ends(self.facts, candidate, when) <= at
                )
                clauses.append((item, partners))
        return clauses

    def _met_before(self, requirement: int, at: int) -> bool:
        """Whether the history, or a winner that was settled before, meets a requirement."""
        bit = 1 << requirement
        return self.facts.met_by_history(requirement, at) or any(
            winner.effects.partner & bit and winner.at <= at for winner in self.earlier
        )
