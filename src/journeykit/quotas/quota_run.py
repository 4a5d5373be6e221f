"""A run with quotas: the contacts' problems are pooled, allocated tier by tier, and told to who writes the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.ids import contact_key
from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.columns.problem_pool import GrowingPool
from journeykit.columns.quota_arrays import fold, need_no_columns
from journeykit.columns.ruleset_arrays import RulesetArrays
from journeykit.engine.quota_charges import QuotaCharges, Slot
from journeykit.errors import InfeasibleError, ModelError
from journeykit.kernels.interface.codes import OBEYS_CAPS
from journeykit.model.prices import LARGEST_PRICE, Prices
from journeykit.model.quota import Usage
from journeykit.quotas.allocation import Allocation, allocate, conflicting, most_of
from journeykit.quotas.chosen_claims import ChosenClaims
from journeykit.quotas.levels import Leveled, LevelOf
from journeykit.quotas.pool_parts import LocalPool, itself
from journeykit.quotas.pool_slice import PoolSlice
from journeykit.quotas.round_problem import problem_of_round
from journeykit.quotas.settlement import Granted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.columns.capacity import Capacity
    from journeykit.engine.arbitration import TwoRounds
    from journeykit.engine.contact_group import ContactGroup, QuotaChoice
    from journeykit.engine.decider import Decider
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.ledger.fallen import Fallen
    from journeykit.model.quota import Side
    from journeykit.playbook.playbook import Playbook
    from journeykit.quotas.pool_facts import PoolFacts
    from journeykit.quotas.pool_parts import PoolParts

_TOO_SMALL = 1e-9
_NUDGE = 5e-6
"""By so much, as a share of what a unit of a quota is worth, saved prices are larger than those found."""


class QuotaRun(ChosenClaims):
    """What a run chooses for its contacts so that the quotas hold.

    Args:
        playbook: the rule set.
        layout: the playbook as arrays.
        fingerprint: of the playbook.
        contacts: how many there are.
        threads: how many pieces of them are worked on at once.

    Attributes:
        several: whether there is more than one level: tiers, ranks, or claims that need not obey caps.
    """

    def __init__(
        self, playbook: Playbook, layout: RulesetArrays, *, fingerprint: str, contacts: int, threads: int, ranks: bool
    ) -> None:
        super().__init__(contacts)
        self.playbook = playbook
        self.layout = layout.quotas
        self.sides: Sequence[Side] = self.layout.sides
        self.fingerprint = fingerprint
        self.threads = threads
        traits, tiers = layout.parts["openings"]["traits"], layout.parts["openings"]["tier"]
        self._obeys = traits & OBEYS_CAPS != 0
        self.several = ranks or len(set(tiers.tolist())) > 1
        self.contests: Sequence[int] = (1,) if self._obeys.all() else (0, 1)
        self._softened: list[str] = []
        self._notes: list[str] = []
        self.used = np.zeros(len(self.sides), np.int64)
        self._kinds = np.zeros(len(self.layout.fixed), np.int64)
        self.slot_prices: dict[Slot | None, np.ndarray] = {}
        self.value = 0
        self._bounds = self._charged = 0.0
        self._most = np.zeros(len(self.sides))
        self._left_out = self._unproven = self.passes = 0
        self._ceiling: np.ndarray | None = None
        self._nudge = np.zeros(len(self.sides))
        self.share_costs: dict[int, float] = {}
        self._total_without: dict[int, float] = {}

    @property
    def charges(self) -> QuotaCharges:
        """What the prices take from claims."""
        return QuotaCharges(self.sides, {slot: prices.tolist() for slot, prices in self.slot_prices.items()}, run=True)

    @property
    def prices(self) -> Prices:
        """The prices, for decisions on single contacts: the largest of all tiers.

        Slots and contents of equal worth are many, and the run chose among them as the quotas need it. So that single
        contacts lean the same way, each price is a few millionths larger than what the run found, a free quota's too.
        """
        found: dict[str, dict[str, float]] = {}
        for row, side in enumerate(self.sides):
            price = float(self.slot_prices[None][row]) + float(self._nudge[row])
            own = found.setdefault(side.quota.name, {})
            which = "max" if side.is_max else "min"
            # Of several periods the dearest.
            own[which] = min(max(price, own.get(which, 0.0)), LARGEST_PRICE)
        return Prices(self.fingerprint, found)

    # Choosing

    def choose(self, obeys: int, pools: Iterable[tuple[ProblemPool, np.ndarray]]) -> None:
        """Choose for the claims that need not obey caps (0), or for the others (1), given their problems.

        Raises:
            InfeasibleError: where hard quotas cannot hold together, unless the playbook says to relax them.
        """
        growing = GrowingPool(len(self.layout.columns))
        for own, whose in pools:
            growing.add(own, whose)
        here = PoolSlice(growing.pool, growing.contact, threads=self.threads)
        settled = self.settle(obeys, LocalPool([here], len(self.layout.fixed), len(self.layout.columns)))
        self.take(obeys, settled.ask(itself))

    def settle(self, obeys: int, pools: PoolParts) -> PoolParts:
        """The pool with what is granted of it: of claims that need not obey caps (0), or of the others (1).

        Raises:
            InfeasibleError: where hard quotas cannot hold together, unless the playbook says to relax them.
        """
        pools, tiers = self._leveled(pools)
        facts = pools.facts
        levels = range(len(tiers))
        single = len(tiers) == 1 and len(self.contests) == 1
        whole = self.layout.room(facts.counts, facts.total, facts.largest_weight(self.playbook.reserve))
        if not single:
            lasting = [row for row, side in enumerate(self.sides) if _looks_at_all(side)]
            whole = whole.but(ceiling=self._softer(facts, whole.ceiling, lasting))
        self._nudge = np.maximum(self._nudge, _NUDGE * facts.scales(whole))
        if self._ceiling is None or obeys:
            # The largest weight of the run: that of the claims that obey caps, where there are both.
            self._ceiling = whole.ceiling
        self.slot_prices.setdefault(None, np.zeros(len(self.sides)))
        for level in levels:
            stage = pools if len(tiers) == 1 else pools.become(LevelOf(level)).keep()
            room = self._room(whole, facts, level, levels[level + 1 :], obeys=obeys, single=single)
            found, room = self._allocate(stage, room, single=single)
            pools = stage.become(Granted(found.settlement))
            self._keep(stage, room, found, (bool(obeys), tiers[level]))
        return pools

    def _leveled(self, pools: PoolParts) -> tuple[PoolParts, list[int]]:
        """The pool with its levels numbered, the first to be decided first; and the tier of each."""
        facts = pools.facts
        if not len(facts.levels):
            return pools, [self.layout.slots[0][1] if self.layout.slots else 0]
        tiers = np.array([opening.campaign.tier for opening in self.layout.openings], np.int64)
        tier = np.repeat(tiers, len(self.layout.times))
        level, kind = np.nonzero(facts.leveled)
        pairs = np.unique(np.stack([tier[kind], facts.levels[level]], axis=1), axis=0)
        return pools.become(Leveled(tier, pairs)), pairs[:, 0].tolist()

    def _room(
        self, whole: Capacity, facts: PoolFacts, level: int, later: Sequence[int], *, obeys: int, single: bool
    ) -> Capacity:
        """The rows of a stage: what earlier ones leave; with several stages, minima and shares only in the last."""
        if single:
            return whole
        ceiling = whole.ceiling.copy()
        kinds = facts.kinds_of(later) if later else np.zeros(0, np.int64)
        if not obeys and len(self.contests) == 2:
            kinds = np.union1d(kinds, np.flatnonzero(np.repeat(self._obeys, len(self.layout.times))))
        kinds = kinds.astype(np.int64)
        now = facts.kinds_of([level])
        for row, side in enumerate(self.sides):
            if _looks_at_all(side) and (self._serves(row, kinds) or not self._serves(row, now)):
                ceiling[row] = 0.0
        return whole.but(bound=whole.bound - self.used, ceiling=ceiling)

    def _serves(self, row: int, kinds: np.ndarray) -> bool:
        """Whether claims of some kinds are in the scope of a side."""
        side = self.sides[row]
        if side.quota.of != "share":
            return bool((self.layout.fixed[kinds, row] != 0).any() or (self.layout.factor[kinds, row] != 0).any())
        count = len(self.layout.times)
        return any(side.quota.where.matches(self.layout.openings[int(kind) // count].facets) for kind in kinds)

    def _allocate(self, pools: PoolParts, room: Capacity, *, single: bool) -> tuple[Allocation, Capacity]:
        """What a stage grants, and the room that it kept to: hard rows that cannot hold may have turned soft."""
        limit = self.playbook.master_limit
        found = allocate(pools, room, limit=limit)
        over = np.flatnonzero(room.hard & (found.used > room.bound))
        if len(over) and single and self.contacts:
            # Whether they can hold at all is asked only where it is not seen.
            possible = self._possible(pools, room)
            if possible is not room:
                room = possible
                found = allocate(pools, room, limit=limit)
                over = np.flatnonzero(room.hard & (found.used > room.bound))
        if not self.contacts:
            return found, room
        if len(over) and self.playbook.on_infeasible == "refuse":
            raise self._no_whole(over.tolist(), found.used, room)
        if len(over):
            names = [self.sides[row].quota.name for row in over.tolist()]
            self._soften(names, "no choice of whole messages that keeps it was found")
            room = room.but(ceiling=self._softer(pools.facts, room.ceiling, over.tolist()))
            found = allocate(pools, room, limit=limit)
        for row, side in enumerate(self.sides):
            if side.quota.of == "share" and not side.is_max and found.prices[row] > 0 and room.ceiling[row] > 0:
                ceiling = room.ceiling.copy()
                ceiling[row] = 0.0
                without = allocate(pools, room.but(ceiling=ceiling), limit=limit)
                self.share_costs[row] = max(0.0, (without.value - found.value) / MILLIONTH)
                self._total_without[row] = without.value / MILLIONTH
        return found, room

    def _softer(self, facts: PoolFacts, ceiling: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        """The penalties, where some hard rows turn soft."""
        found = ceiling.copy()
        for row in rows:
            penalty = self.sides[row].quota.penalty
            found[row] = facts.largest_weight(self.playbook.reserve) if penalty is None else penalty
        return found

    def _possible(self, pools: PoolParts, room: Capacity) -> Capacity:
        """The room, once the hard rows that cannot hold together are refused, or softened."""
        while rows := conflicting(pools, room):
            sides = [self.sides[row] for row in rows]
            first = next((row for row in rows if not self.sides[row].is_max), rows[0])
            side = self.sides[first]
            most = most_of(pools, room, first, [row for row in rows if row != first])
            said = self._missing(side, most, [other for other in sides if other is not side])
            if self.playbook.on_infeasible == "refuse":
                names = dict.fromkeys(own.quota.name for own in (side, *sides))
                lacks = -most - side.wanted if side.is_max else side.wanted - most
                raise InfeasibleError(
                    f"the quotas cannot all hold: {said}; on_infeasible: relax goes on with them as soft ones",
                    quotas=names,
                    missing=round(max(0.0, lacks), 6),
                )
            soft = [row for row in rows if not self.sides[row].is_max] or rows
            self._soften([self.sides[row].quota.name for row in soft], said)
            room = room.but(ceiling=self._softer(pools.facts, room.ceiling, soft))
        return room

    def _missing(self, side: Side, most: float, others: Sequence[Side]) -> str:
        quota = side.quota
        rest = f" where {', '.join(dict.fromkeys(repr(own.quota.name) for own in others))} holds" if others else ""
        if quota.of == "share":
            return f"{quota.name!r} wants a share of {'at most' if side.is_max else 'at least'} {side.limit:g}{rest}"
        if side.is_max:
            return f"{quota.name!r} wants at most {side.wanted:g}, no less than {-most:,.6g} can be had{rest}"
        return (
            f"{quota.name!r} wants at least {side.wanted:g}, no more than {max(0.0, most):,.6g} can be had{rest}: "
            f"{side.wanted - max(0.0, most):,.6g} are missing"
        )

    def _soften(self, names: Sequence[str], said: str) -> None:
        for name in dict.fromkeys(names):
            if name not in self._softened:
                self._softened.append(name)
                self._notes.append(f"the hard quota {name!r} was relaxed: {said}")

    def _no_whole(self, rows: Sequence[int], used: np.ndarray, room: Capacity) -> InfeasibleError:
        sides = [self.sides[row] for row in rows]
        missing = float((used[rows[0]] - room.bound[rows[0]]) / room.unit[rows[0]])
        names = ", ".join(repr(side.quota.name) for side in sides)
        return InfeasibleError(
            f"no choice of whole messages was found that keeps the quotas {names}, though parts of messages could: the "
            f"best one misses {sides[0].quota.name!r} by {missing:,.6g}; on_infeasible: relax goes on so",
            quotas=[side.quota.name for side in sides],
            missing=round(missing, 6),
        )

    def _keep(self, pools: PoolParts, room: Capacity, found: Allocation, slot: Slot) -> None:
        self.used += found.used
        self._kinds += found.granted.counts
        self.value += found.value
        self._bounds += found.bound
        self._charged += found.penalties
        self.passes += found.passes
        self._left_out += found.left_out
        self._unproven += found.unproven
        earlier = self.slot_prices.get(slot)
        self.slot_prices[slot] = found.prices if earlier is None else np.maximum(earlier, found.prices)
        self.slot_prices[None] = np.maximum(self.slot_prices[None], found.prices)
        for row, side in enumerate(self.sides):
            if not side.is_max and side.quota.of != "share":
                self._most[row] += most_of(pools, room, row, []) if self._over(row) > _TOO_SMALL else 0.0
        assert self._ceiling is not None  # noqa: S101  (set before)
        # What turned soft on the way stays so.
        self._ceiling = np.where(np.isinf(self._ceiling), room.ceiling, self._ceiling)

    # What it came to

    @property
    def bound(self) -> float:
        """What no choice is worth more than, value less penalties.

        Each stage bounds its own value less the penalties that it is charged; what later stages change about those,
        and what no stage is charged, comes on top.
        """
        found = self._bounds + self._charged - self.penalties
        reached = self.value / MILLIONTH - self.penalties
        if found < reached - 1e-6 * max(1.0, abs(reached)):
            raise AssertionError(f"the bound {found!r} lies below {reached!r}, which was reached")
        return max(found, reached)

    @property
    def penalties(self) -> float:
        """What the soft quotas cost that do not hold."""
        return float(sum(self._penalty_of(row) for row in range(len(self.sides))))

    def _over(self, row: int) -> float:
        """By how much a side does not hold."""
        side = self.sides[row]
        return max(0.0, float(int(self.used[row]) - side.bound) / side.unit)

    def _penalty_of(self, row: int) -> float:
        assert self._ceiling is not None  # noqa: S101  (set when the first claims were settled)
        over = self._over(row)
        return 0.0 if over <= _TOO_SMALL or np.isinf(self._ceiling[row]) else over * float(self._ceiling[row])

    def usages(self, fallen: Fallen | None = None) -> tuple[Usage, ...]:
        """What became of each quota; with a ledger, also what is reserved, less what fell away."""
        rows: dict[tuple[str, str | None], list[int]] = {}
        for row, side in enumerate(self.sides):
            if not side.ahead or self.used[row]:
                rows.setdefault((side.quota.name, side.period), []).append(row)
        return tuple(self._usage(own, fallen) for own in rows.values())

    def _used_of(self, row: int, fallen: Fallen | None = None) -> float:
        """What is used of the quota of a side, in its units; in a period, before the run too."""
        side = self.sides[row]
        less, fewer = (0, 0) if fallen is None else (fallen.uses[row], fallen.messages[row])
        used = (int(self.used[row]) - less + side.spent) / side.unit * side.sign
        if side.quota.of != "share":
            return used + 0.0
        # Usage of a share is counted against its limit: messages in scope less the limit's part of all.
        granted = self.granted_of(side) - fewer + side.counted
        # The limit as it is counted with, a whole number of billionths.
        limit = scaled(side.limit, side.unit) / side.unit
        return (used + limit * granted) / granted + 0.0 if granted else 0.0

    def _usage(self, rows: Sequence[int], fallen: Fallen | None) -> Usage:
        sides = [self.sides[row] for row in rows]
        quota = sides[0].quota
        over = {side.is_max: self._over(row) for row, side in zip(rows, sides, strict=True)}
        if quota.of == "share":
            granted = self.granted_of(sides[0])
            over = {key: value / granted if granted else 0.0 for key, value in over.items()}
        price = sum(side.sign * float(self.slot_prices[None][row]) for row, side in zip(rows, sides, strict=True))
        cost = next((self.share_costs[row] for row in rows if row in self.share_costs), None)
        return Usage(
            name=quota.name,
            of=quota.of,
            max=_limit_in(quota.max, sides, is_max=True),
            min=_limit_in(quota.min, sides, is_max=False),
            usage=self._used_of(rows[0]),
            reserved=None if fallen is None else self._used_of(rows[0], fallen),
            price=price + 0.0,
            excess=over.get(True, 0.0),
            shortfall=over.get(False, 0.0),
            penalty=sum(self._penalty_of(row) for row in rows),
            cost=cost,
            period=sides[0].period,
            before=0.0 if quota.of == "share" else sides[0].spent / sides[0].unit * sides[0].sign + 0.0,
            note="; ".join(self._remarks(rows, over)),
        )

    def granted_of(self, side: Side) -> int:
        """How many messages were granted on the days of a quota."""
        counts = [side.counts_at(*time) for time in self.layout.times]
        return int(self._kinds.reshape(-1, len(counts))[:, counts].sum())

    def _remarks(self, rows: Sequence[int], over: dict[bool, float]) -> Iterator[str]:
        assert self._ceiling is not None  # noqa: S101  (set when the first claims were settled)
        if self.sides[rows[0]].quota.name in self._softened:
            yield "relaxed, since the hard quotas cannot all hold"
        for row in rows:
            side = self.sides[row]
            if over.get(side.is_max, 0.0) <= _TOO_SMALL:
                continue
            if not side.is_max and side.quota.of != "share" and self._most[row] < side.wanted - _TOO_SMALL:
                yield f"no more than {self._most[row]:,.6g} can be had from those who are eligible"
            elif self.slot_prices[None][row] >= self._ceiling[row] * (1 - 1e-6):
                what = "less of it would cost more than" if side.is_max else "more of it is not worth"
                yield f"{what} the penalty of {self._ceiling[row]:g} for each unit"
            else:
                yield "no better choice of whole messages was found"

    def notes(self) -> Iterator[str]:
        """What a person should look at."""
        yield from self._notes
        if self._left_out:
            yield (
                f"the master was cut: {self._left_out:,} contacts whose choice the prices leave open were not in it "
                f"(master_limit: {self.playbook.master_limit:,})"
            )
        if self.careful:
            yield (
                f"several messages of one campaign competed for {self.careful:,} contacts: for them caps that "
                "count campaigns counted messages, and so do value, bound and gap"
            )
        if self._unproven:
            yield f"for {self._unproven:,} contacts the search was cut short; the bound allows for what they may lack"
        if len([slot for slot in self.slot_prices if slot is not None]) > 1 and any(
            _looks_at_all(side) for side in self.sides
        ):
            yield "with several tiers, minima and shares are soft and act in the last tier that can serve them"
        for row, cost in self.share_costs.items():
            total = self._total_without[row]
            side = self.sides[row]
            part = f", {cost / total:.1%} of the total" if total > 0 else ""
            yield f"{side.quota.name}: {side.limit:.0%} of all messages, costs {cost:,.6g} in value{part}"


def _limit_in(limit: float | None, sides: Sequence[Side], *, is_max: bool) -> float | None:
    """A limit of a quota; of an arm, its part of it."""
    part = next((own.wanted for own in sides if own.is_max == is_max and own.part is not None), limit)
    return None if limit is None else part


def _looks_at_all(side: Side) -> bool:
    """Whether a side can be judged only by the whole run: a least, or a share."""
    return not side.is_max or side.quota.of == "share"


def choose_together(
    decider: Decider,
    groups: Sequence[ContactGroup],
    *,
    claims: bool,
    threads: int,
    sides: Sequence[Side] | None = None,
    numbers: Sequence[int] | None = None,
    contacts: int | None = None,
) -> QuotaRun:
    """What contacts get so that the quotas hold, where all of them are decided by the row engine.

    Args:
        decider: decides.
        groups: the contacts: one by one, or by account; what is chosen is given by the number of the group.
        claims: whether claims are given.
        threads: how many pieces of them are worked on at once.
        sides: the sides of the quotas as the run has them; None for those of the playbook.
        numbers: the number of each group, where there are others besides; None where these are all.
        contacts: how many groups there are in all; None likewise.

    Raises:
        InfeasibleError: where hard quotas cannot hold together, unless the playbook says to relax them.
        DataError: for a quota of a column of claims where no claims are given.
    """
    playbook, ruleset = decider.playbook, decider.ruleset
    if not claims:
        need_no_columns(playbook)
    found = [_rounds(decider, group, None) for group in groups]
    openings = dict.fromkeys(ruleset.messages)
    for own in found:
        if own is not None:
            openings.update((one.message, None) for one in own.candidates if one.message is not None)
    columns = {fold(quota.of) for quota in playbook.quotas if quota.own_column is not None or quota.of == "cost"}
    layout = RulesetArrays(ruleset, list(openings), sorted(columns) if claims else (), sides=sides)
    places: dict[object, int] = {opening: number for number, opening in enumerate(openings)}
    given = range(len(groups)) if numbers is None else numbers
    run = QuotaRun(
        playbook,
        layout,
        fingerprint=decider.fingerprint,
        contacts=len(groups) if contacts is None else contacts,
        threads=threads,
        ranks=callable(getattr(decider.policy, "rank", None)),
    )
    for obeys in run.contests:
        pools = []
        for number, group, own in zip(given, groups, found, strict=True):
            problem = None if own is None else own.main if obeys else own.exempt
            if problem is not None and problem.items:
                key = contact_key(group.key(by_account=decider.by_account))[0]
                run.note_careful(number, problem.problem)
                pool = problem_of_round(problem, layout.quotas, places, key, several=run.several)
                if len(pool.item):
                    pools.append((pool, np.array([number])))
        run.choose(obeys, pools)
        if not obeys:
            pairs = zip(given, found, strict=True)
            found = [None if own is None else own.with_choice(run.choice(number)) for number, own in pairs]
    return run


def _rounds(decider: Decider, group: ContactGroup, choice: QuotaChoice | None) -> TwoRounds | None:
    """The rounds of a group; None where it cannot be decided, which is said where the rows are written."""
    try:
        return decider.rounds(group, choice)
    except ModelError:
        return None
