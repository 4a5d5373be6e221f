"""Cap rows: which items the windows of caps hold together, and how much of them goes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from journeykit.engine.candidate import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from journeykit.engine.campaign_usage import CampaignGauge
    from journeykit.engine.candidate import Candidate, Winner
    from journeykit.engine.contact_facts import ContactFacts
    from journeykit.engine.window_usage import Gauge, Span, WindowUsage

Item = tuple["Candidate", int]
"""A candidate, and an instant at which it may go."""
UsageRow = tuple[dict[int, int], int]
"""Items with what they use, and how much there is in all."""
Cells = dict[tuple[int, tuple[str, ...]], list[tuple[int, int]]]
"""By cap and group of it, the items that the cap can stop, and their points."""


class CapRows:
    """The rows that caps make of items.

    Attributes:
        items: the items.
        ruled_out: the items that the history alone rules out.
        rows: the rows.
        classes: rows that count classes: items, each with its class, and how many classes there may be.
        implied: those of the rows that follow from others.
    """

    def __init__(self, items: Sequence[Item], ruled_out: set[int], rows: list[UsageRow]) -> None:
        """Begin.

        Args:
            items: the items.
            ruled_out: items that are ruled out; it is added to.
            rows: rows that there are; it is added to.
        """
        self.items = items
        self.ruled_out = ruled_out
        self.rows = rows
        self.implied: list[UsageRow] = []
        self.classes: list[UsageRow] = []
        self._at_once = len({at for _, at in items}) == 1

    def cells(self) -> Cells:
        """By cap and group of it, the items that the cap can stop, and their points."""
        found: Cells = {}
        for item, (candidate, _) in enumerate(self.items):
            if candidate.obeys_caps and candidate.message is not None:
                for cap, key, points in candidate.message.cells:
                    found.setdefault((cap, key), []).append((item, points))
        return found

    def add(self, gauge: Gauge, limit: int, spans: list[Span], members: list[tuple[int, int]]) -> None:
        """A row for each set of items that some window of a cap holds together.

        Args:
            gauge: the cap's window.
            limit: its limit.
            spans: what the windows hold already.
            members: the items that count, and their points.
        """
        if gauge.counts_campaigns:
            self._add_campaigns(cast("CampaignGauge", gauge), limit, spans, members)
        elif self._at_once and not gauge.running:
            self._add_at_once(gauge, limit, spans, members)
        else:
            self._add_over_time(gauge, limit, spans, members)

    def _add_at_once(self, gauge: Gauge, limit: int, spans: list[Span], members: list[tuple[int, int]]) -> None:
        own = gauge.span(self.items[0][1], None, 0)
        if own is None:
            return
        capacity = max(0, limit - (gauge.load(spans, own) if spans else 0))
        used = 0
        for item, points in members:
            used += points
            if points > capacity:
                self.ruled_out.add(item)
        if used > capacity:
            self.rows.append((dict(members), capacity))

    def _add_campaigns(
        self, gauge: CampaignGauge, limit: int, spans: list[Span], members: list[tuple[int, int]]
    ) -> None:
        """Rows in which each campaign counts once; plain ones where no two claims of one can be granted together."""
        placed = []
        known: dict[tuple[int, int, int], bool] = {}
        for item, campaign in members:
            candidate, at = self.items[item]
            own = gauge.span(at, message_of(candidate).campaign.ends, campaign, item)
            if own is None:
                continue
            if own[:3] not in known:
                known[own[:3]] = gauge.exceeds(spans, own, limit)
            if known[own[:3]]:
                self.ruled_out.add(item)
            else:
                placed.append(own)
        for kinds, capacity in gauge.classes(spans, placed, limit):
            apart = self._apart(kinds)
            if len(set(apart.values())) == len(apart):
                if len(apart) > capacity:
                    self.rows.append((dict.fromkeys(apart, 1), capacity))
            else:
                self.classes.append((apart, capacity))

    def _apart(self, kinds: dict[int, int]) -> dict[int, int]:
        """Items by class, where those of which one can be granted anyway are each a class of their own, below 0."""
        by_kind: dict[int, list[int]] = {}
        for item, kind in kinds.items():
            by_kind.setdefault(kind, []).append(item)
        return {
            item: -1 - item if self._exclude_each_other(items) else kind
            for kind, items in by_kind.items()
            for item in items
        }

    def _exclude_each_other(self, items: list[int]) -> bool:
        candidates = [self.items[item][0] for item in items]
        if len({(one.contact, one.group) for one in candidates}) == 1:
            return True
        repeat = message_of(candidates[0]).campaign.repeat
        return repeat == 1 and len({(one.contact, one.claim.id) for one in candidates}) == 1

    def _add_over_time(self, gauge: Gauge, limit: int, spans: list[Span], members: list[tuple[int, int]]) -> None:
        usage = gauge.fill(spans)
        placed = []
        loads: dict[tuple[int, int], int] = {}
        for item, points in members:
            candidate, at = self.items[item]
            own = gauge.span(at, message_of(candidate).campaign.ends, points, item)
            if own is not None:
                load = loads.get(own[:2])
                if load is None:
                    load = loads[own[:2]] = gauge.load(usage, own)
                placed.append(own)
                if load + points > limit:
                    self.ruled_out.add(item)
        placed = [span for span in placed if span[3] not in self.ruled_out]
        if not placed:
            return
        for inside, capacity in gauge.rows(usage, placed, limit):
            row = {span[3]: span[2] for span in inside}
            if sum(row.values()) > capacity:
                self.rows.append((row, max(0, capacity)))
        self._add_sum(gauge, limit, usage, placed)

    def _add_sum(self, gauge: Gauge, limit: int, usage: WindowUsage, placed: list[Span]) -> None:
        """A row that follows from the others, and that no search finds alone: how many fit over the whole span."""
        points = {span[2] for span in placed}
        if gauge.running or len(points) != 1:
            return
        count = gauge.most_that_fit(usage, (span[0] for span in placed), points.pop(), limit, len(placed))
        row = {span[3]: 1 for span in placed}, count
        self.implied.append(row)
        self.rows.append(row)


def add_quota_rows(
    items: Sequence[Item],
    earlier: Sequence[Winner],
    facts_of: Callable[[Candidate], ContactFacts],
    ruled_out: set[int],
    rows: list[UsageRow],
) -> None:
    """A row for each period of a quota of which only so much is left.

    Args:
        items: the items, of one contact or of several.
        earlier: the winners that were settled before.
        facts_of: what is known of the contact of a candidate.
        ruled_out: items that are ruled out; it is added to.
        rows: rows that there are; it is added to.
    """
    members: dict[str, dict[int, int]] = {}
    left: dict[str, int] = {}
    for item, (candidate, at) in enumerate(items):
        facts = facts_of(candidate)
        for use in facts.uses(candidate, at):
            members.setdefault(use.key, {})[item] = use.amount
            if use.key not in left and facts.capacity is not None:
                left[use.key] = facts.capacity.left(use)
    for use in (use for winner in earlier for use in facts_of(winner.candidate).uses(winner.candidate, winner.at)):
        if use.key in left:
            left[use.key] -= use.amount
    for key, own in members.items():
        ruled_out.update(item for item, amount in own.items() if amount > left[key])
        if sum(own.values()) > left[key]:
            rows.append((own, max(0, left[key])))
