"""The journey as a Markov chain with rewards: what it is worth to have a contact on a stage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import field, frozen, validators

from journeykit.basics.validation import LARGEST, is_between, is_number, listed, number, one_of, shown
from journeykit.errors import ModelError, closest
from journeykit.journey.measure.state_reduction import solve

if TYPE_CHECKING:
    from journeykit.journey.journey import Journey

Rows = Mapping[str, Mapping[str, float]]
Reward = float | Mapping[str, float]

LEFT = "(left)"
"""The name for having left the journey for good, as the target of a probability; it is worth nothing."""

STAY, LEAVE = "stay", "leave"
_TOLERANCE = 1e-9
_LONGEST = 100_000


def _texts(value: Iterable[str]) -> tuple[str, ...]:
    return listed(value, "a list of stages")


@frozen
class Chain:
    """A Markov chain over the stages of a journey: where a contact is next period, and what a period brings.

    The value of a stage is the sum of the rewards of this period and of all that follow, each discounted by how far
    away it is: ``V = sum over t = 0..horizon of [P / (1 + d)]^t R``, and without end ``V = [I - P / (1 + d)]^-1 R``,
    where P are the probabilities, d is the discount rate of a period and R are the rewards (Pfeifer and Carraway,
    "Modeling customer relationships as Markov chains", Journal of Interactive Marketing 14(2), 2000). Absorption,
    steps and visits come from the fundamental matrix (Kemeny and Snell, "Finite Markov Chains", 1960). Everything is
    solved directly; nothing is simulated.

    Attributes:
        stages: their names.
        probabilities: by stage, the probability of each stage one period later; staying where one is counts too. A
            row must sum to one, within 1e-9. A stage without a row is final: who gets there stays. `LEFT` as a target
            is for those who leave the journey for good.
        rewards: what a period on a stage brings, less what it costs: a number, or a mapping of named measures to
            amounts, such as ``{"margin": 40, "nps": 8}``; 0 for stages that are not listed. A number is the measure
            ``reward``.
        rates: what one unit of a measure is worth in the currency of the values; 1 for those that are not listed.
            So a score that nobody pays for, such as NPS, can weigh as much as you think it should.
        moves: by pair of stages, what going from the one to the other brings besides, in the period of leaving.
        discount: the discount rate of a period, such as 0.01 for 1 % a month; 0 counts the future like the present.
        rest: what happens to the part of a row that is missing to one: ``stay`` where one is, or ``leave`` the
            journey. None makes it an error.

    Raises:
        ModelError: with everything that is wrong.

    Example:
        >>> chain = Chain(
        ...     ["lead", "customer", "gone"],
        ...     {"lead": {"customer": 0.1, "gone": 0.9}, "customer": {"customer": 0.5, "gone": 0.5}},
        ...     rewards={"customer": 100, "lead": -2},
        ... )
        >>> chain.values()
        {'lead': 18.0, 'customer': 200.0, 'gone': 0.0}
    """

    stages: tuple[str, ...] = field(converter=_texts)
    probabilities: Rows
    rewards: Mapping[str, Reward] = field(factory=dict, kw_only=True)
    rates: Mapping[str, float] = field(factory=dict, kw_only=True)
    moves: Mapping[tuple[str, str], float] = field(factory=dict, kw_only=True)
    discount: float = field(default=0.0, validator=number(0), kw_only=True)
    rest: str | None = field(default=None, validator=validators.optional(one_of(STAY, LEAVE)), kw_only=True)
    _next: tuple[dict[int, float], ...] = field(init=False, repr=False, eq=False)
    _left: tuple[float, ...] = field(init=False, repr=False, eq=False)
    _reward: tuple[float, ...] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            said = faults[0] if len(faults) == 1 else "".join(f"\n  {fault}" for fault in faults)
            raise ModelError(f"the chain has {len(faults)} fault{'s' * (len(faults) > 1)}: {said}")
        place = {stage: number for number, stage in enumerate(self.stages)}
        rows = [self._row(stage) for stage in self.stages]
        ways = [{place[to]: chance for to, chance in row.items() if to != LEFT and chance} for row in rows]
        rewards = [self._of_period(stage, row) for stage, row in zip(self.stages, rows, strict=True)]
        object.__setattr__(self, "_next", tuple(ways))
        object.__setattr__(self, "_left", tuple(row.get(LEFT, 0.0) for row in rows))
        object.__setattr__(self, "_reward", tuple(rewards))

    @classmethod
    def from_counts(
        cls,
        counts: Rows,
        *,
        stages: Iterable[str] | None = None,
        rewards: Mapping[str, Reward] | None = None,
        rates: Mapping[str, float] | None = None,
        moves: Mapping[tuple[str, str], float] | None = None,
        discount: float = 0.0,
    ) -> Self:
        """A chain whose probabilities are shares of counts.

        Args:
            counts: by stage, how many were on each stage one period later. Those who stayed and those who left
                (`LEFT`) count too. A row without counts is that of a final stage.
            stages: their order; by default that of their first appearance.
            rewards: as for the class; and so are the next three.
            rates: what a unit of a measure is worth.
            moves: what going from one stage to another brings.
            discount: the discount rate of a period.

        Raises:
            ModelError: with everything that is wrong.

        Example:
            >>> chain = Chain.from_counts({"lead": {"lead": 70, "customer": 10, LEFT: 20}}, rewards={"customer": 30},
            ...                           discount=0.5)
            >>> {stage: round(value, 6) for stage, value in chain.values().items()}
            {'lead': 11.25, 'customer': 90.0}
        """
        faults = list(_count_faults(counts))
        if faults:
            raise ModelError("counts: " + "; ".join(faults), field="counts")
        if stages is None:
            named = dict.fromkeys(name for source, row in counts.items() for name in (source, *row))
            stages = [name for name in named if name != LEFT]
        totals = {source: math.fsum(row.values()) for source, row in counts.items()}
        return cls(
            stages,
            {
                source: {to: count / totals[source] for to, count in row.items()}
                for source, row in counts.items()
                if totals[source]
            },
            rewards=rewards or {},
            rates=rates or {},
            moves=moves or {},
            discount=discount,
        )

    @classmethod
    def from_journey(
        cls,
        journey: Journey,
        probabilities: Rows,
        discount: float = 0.0,
        *,
        rewards: Mapping[str, Reward] | None = None,
        rates: Mapping[str, float] | None = None,
        moves: Mapping[tuple[str, str], float] | None = None,
        rest: str | None = None,
    ) -> Self:
        """A chain over a journey's stages, with their `Stage.reward`.

        Args:
            journey: whose stages.
            probabilities: as for the class, and so are the others. Only a stage that no transition of the journey
                leaves may be without a row.
            discount: the discount rate of a period.
            rewards: named measures, or amounts, that come on top of the stages' own reward.
            rates: what a unit of a measure is worth; the stages' own reward is the measure ``reward``.
            moves: what going from one stage to another brings.
            rest: what happens to the missing part of a row.

        Raises:
            ModelError: with everything that is wrong.

        Example:
            >>> from journeykit import Journey, Stage
            >>> journey = Journey([Stage("lead"), Stage("customer", reward=40)])
            >>> Chain.from_journey(journey, {"lead": {"customer": 0.25}}, 0.25, rest="stay").values()
            {'lead': 100.0, 'customer': 200.0}
        """
        own: dict[str, Any] = {stage.name: stage.reward for stage in journey.stages}
        if isinstance(probabilities, Mapping):
            left: dict[str, dict[str, float]] = {
                source: {} for way in journey.transitions for source in way.leaves(own)
            }
            probabilities = {**left, **probabilities}
        return cls(
            [*own],
            probabilities,
            rewards={**own, **{stage: _on_top(own.get(stage, 0.0), more) for stage, more in (rewards or {}).items()}},
            rates=rates or {},
            moves=moves or {},
            discount=discount,
            rest=rest,
        )

    def values(self, horizon: int | None = None) -> dict[str, float]:
        """By stage, what it is worth to have a contact there.

        Args:
            horizon: how many periods after this one count; 0 is this period alone, None is no end.

        Raises:
            ModelError: without a horizon, where the sum does not end: nothing is discounted, and some stages that one
                never leaves bring something in every period.
        """
        if horizon is not None:
            return self._until(horizon)
        endless = [names for group in self._closed() if (names := [self.stages[p] for p in group if self._reward[p]])]
        if endless and not self.discount:
            raise ModelError(
                "without a discount the values have no end: who gets to "
                + " or ".join(", ".join(names) for names in endless)
                + " never leaves for good, and each period there has a reward; give a discount, a horizon or a way out",
                field="discount",
            )
        here = [*range(len(self.stages))] if self.discount else self._transient()
        right = [[(1 + self.discount) * self._reward[place]] for place in here]
        found = dict.fromkeys(self.stages, 0.0)
        return found | {name: row[0] for name, row in self._solved(here, right, self.discount).items()}

    def absorption(self) -> dict[str, dict[str, float]]:
        """By stage that one leaves for good sooner or later, the probability to end in each stage that one does not.

        The ends are the absorbing stages; stages among which one goes round for ever are one end, named by all of
        them: ``retention, advocacy``. `LEFT` is the end of those who leave the journey, where there are such. Each row
        sums to one.

        Example:
            >>> Chain(["lead", "won", "lost"], {"lead": {"won": 0.25, "lost": 0.25}},
            ...       rest="stay").absorption()
            {'lead': {'won': 0.5, 'lost': 0.5}}
        """
        here = self._transient()
        ends = [(", ".join(self.stages[p] for p in group), set(group)) for group in self._closed()]
        right = [
            [math.fsum(chance for to, chance in self._next[place].items() if to in group) for _, group in ends]
            + [self._left[place]]
            for place in here
        ]
        names = [*(name for name, _ in ends), LEFT]
        if not any(self._left):
            names.pop()
        return {stage: dict(zip(names, row, strict=False)) for stage, row in self._solved(here, right).items()}

    def expected_steps(self) -> dict[str, float]:
        """By stage, how many periods pass on average until a contact is at an end; 0 for where one ends.

        Example:
            >>> Chain(["lead", "won"], {"lead": {"won": 0.25}}, rest="stay").expected_steps()
            {'lead': 4.0, 'won': 0.0}
        """
        here = self._transient()
        steps = self._solved(here, [[1.0]] * len(here))
        return dict.fromkeys(self.stages, 0.0) | {name: row[0] for name, row in steps.items()}

    def visits(self) -> dict[str, dict[str, float]]:
        """By stage, how many periods a contact from there spends on each stage on average before the end.

        Both are the stages that one leaves for good sooner or later; the present period counts.

        Example:
            >>> Chain(["lead", "won"], {"lead": {"won": 0.25}}, rest="stay").visits()
            {'lead': {'lead': 4.0}}
        """
        here = self._transient()
        found = self._solved(here, [[float(a == b) for b in here] for a in here])
        return {name: dict(zip(found, row, strict=True)) for name, row in found.items()}

    # Rows and rewards

    def _row(self, stage: str) -> dict[str, float]:
        """The probabilities of a stage, which sum to one."""
        given = self.probabilities.get(stage)
        if given is None:
            return {stage: 1.0}
        row, total = dict(given), math.fsum(given.values())
        if abs(total - 1) <= _TOLERANCE:
            return row if total == 1 else {to: chance / total for to, chance in row.items()}
        to = stage if self.rest == STAY else LEFT
        row[to] = row.get(to, 0.0) + (1 - total)
        return row

    def _of_period(self, stage: str, row: Mapping[str, float]) -> float:
        """What a period on a stage brings, in the currency of the values."""
        own = (amount * self.rates.get(name, 1.0) for name, amount in _measures(self.rewards.get(stage, 0.0)).items())
        moved = (row.get(to, 0.0) * amount for (source, to), amount in self.moves.items() if source == stage)
        return math.fsum((*own, *moved))

    # Solving

    def _until(self, horizon: int) -> dict[str, float]:
        given: object = horizon
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= horizon <= _LONGEST:
            raise ModelError(
                f"horizon must be a whole number from 0 to {_LONGEST}, or None, found {shown(horizon)}", field="horizon"
            )
        values = list(self._reward)
        for _ in range(horizon):
            last = values
            values = [
                own + math.fsum(chance * last[to] for to, chance in row.items()) / (1 + self.discount)
                for own, row in zip(self._reward, self._next, strict=True)
            ]
            if values == last:
                break
        return dict(zip(self.stages, values, strict=True))

    def _solved(self, here: list[int], right: list[list[float]], discount: float = 0.0) -> dict[str, list[float]]:
        """By stage, the X of ``[(1 + d) I - P] X = right``, over some of the stages.

        Raises:
            ModelError: where numbers become too large, or too small, for a float.
        """
        moves = [[self._next[place].get(to, 0.0) for to in here] for place in here]
        away = [discount + self._left[place] + self._to_others(place, here) for place in here]
        try:
            found = solve(moves, away, right)
        except (ZeroDivisionError, OverflowError):
            found = [[math.nan]]
        if not all(math.isfinite(entry) for row in found for entry in row):
            raise ModelError("some stage is left so rarely that the numbers have no end", field="probabilities")
        return {self.stages[place]: row for place, row in zip(here, found, strict=True)}

    def _to_others(self, place: int, here: list[int]) -> float:
        return math.fsum(chance for to, chance in self._next[place].items() if to not in here)

    def _transient(self) -> list[int]:
        ends = {place for group in self._closed() for place in group}
        return [place for place in range(len(self.stages)) if place not in ends]

    def _closed(self) -> list[list[int]]:
        """The groups of stages that one never leaves once one is there, and goes round in for ever."""
        reach = [self._reached(place) for place in range(len(self.stages))]
        groups: dict[int, list[int]] = {}
        for place, own in enumerate(reach):
            if all(place in reach[to] for to in own) and not any(self._left[to] for to in own):
                groups.setdefault(min(own), []).append(place)
        return list(groups.values())

    def _reached(self, place: int) -> set[int]:
        reached, fresh = {place}, [place]
        while fresh:
            new = set(self._next[fresh.pop()]) - reached
            reached |= new
            fresh += new
        return reached


_PLAIN = "reward"
"""The measure of a reward that is a number."""


def _measures(reward: Reward) -> Mapping[str, float]:
    return reward if isinstance(reward, Mapping) else {_PLAIN: reward}


def _on_top(own: float, more: Any) -> Any:
    """A stage's own reward and what comes on top of it; what is no reward stays, for the error to name it."""
    if isinstance(more, Mapping):
        return {**more, _PLAIN: _on_top(own, more.get(_PLAIN, 0.0))}
    return own + more if is_number(more) else more


# Faults


def _faults(chain: Chain) -> Iterator[str]:
    """Everything that is wrong with a chain."""
    stages: tuple[Any, ...] = chain.stages
    if not stages:
        yield "there are no stages"
    for place, name in enumerate(stages):
        if not isinstance(name, str) or not name:
            yield f"a stage is a text that is not empty, found {shown(name)}"
        elif name == LEFT:
            yield f"{LEFT!r} means having left the journey, and cannot be a stage"
        elif name in stages[:place]:
            yield f"the stage {name!r} is there twice"
    yield from _row_faults(chain.probabilities, stages, chain.rest)
    yield from _reward_faults(chain.rewards, chain.rates, stages)
    yield from _move_faults(chain.moves, stages)


def _row_faults(rows: Any, stages: tuple[Any, ...], rest: str | None) -> Iterator[str]:
    if not isinstance(rows, Mapping):
        yield f"probabilities must map stages to mappings of stages to numbers, found {shown(rows)}"
        return
    for source, row in rows.items():
        yield from _unknown(f"the row {shown(source)}", source, stages)
        if not isinstance(row, Mapping):
            yield f"the row {shown(source)} must map stages to probabilities, found {shown(row)}"
            continue
        for to in row:
            if to != LEFT:
                yield from _unknown(f"the row {shown(source)} leads to {shown(to)}", to, stages)
        wrong = {to: chance for to, chance in row.items() if not is_between(chance, 0, 1 + _TOLERANCE)}
        yield from (
            f"the probability of {shown(source)} to {shown(to)} must be a number from 0 to 1, found {shown(chance)}"
            for to, chance in wrong.items()
        )
        total = 1.0 if wrong else math.fsum(row.values())
        if abs(total - 1) > _TOLERANCE and (rest is None or total > 1):
            help_ = "" if total > 1 else "; rest='stay' or rest='leave' says what happens to what is missing"
            yield f"the row {shown(source)} sums to {total:.12g}, not to 1{help_}"


def _reward_faults(rewards: Any, rates: Any, stages: tuple[Any, ...]) -> Iterator[str]:
    if not isinstance(rewards, Mapping) or not isinstance(rates, Mapping):
        yield "rewards must map stages to amounts, and rates must map measures to numbers"
        return
    known: dict[Any, None] = {_PLAIN: None}
    for stage, reward in rewards.items():
        yield from _unknown(f"the reward of {shown(stage)}", stage, stages)
        for measure, amount in _measures(reward).items():
            known[measure] = None
            if not is_between(amount):
                name = f"the measure {shown(measure)}" if isinstance(reward, Mapping) else "the reward"
                yield f"{name} of {shown(stage)} must be a number up to {LARGEST:g}, found {shown(amount)}"
    for measure, rate in rates.items():
        if measure not in known:
            yield f"there is a rate for {shown(measure)}, which is no measure of any reward{_meant(measure, known)}"
        if not is_between(rate):
            yield f"the rate of {shown(measure)} must be a number up to {LARGEST:g}, found {shown(rate)}"


def _move_faults(moves: Any, stages: tuple[Any, ...]) -> Iterator[str]:
    if not isinstance(moves, Mapping):
        yield f"moves must map pairs of stages to amounts, found {shown(moves)}"
        return
    for pair, amount in moves.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            yield f"moves are named by pairs of stages, found {shown(pair)}"
            continue
        yield from _unknown(f"the move {shown(pair)}", pair[0], stages)
        if pair[1] != LEFT:
            yield from _unknown(f"the move {shown(pair)}", pair[1], stages)
        if not is_between(amount):
            yield f"the amount of the move {shown(pair)} must be a number up to {LARGEST:g}, found {shown(amount)}"


def _unknown(what: str, stage: object, stages: tuple[Any, ...]) -> Iterator[str]:
    if stage not in stages:
        yield f"{what}: there is no stage {shown(stage)}{_meant(stage, stages)}"


def _meant(word: object, known: Iterable[Any]) -> str:
    hint = closest(word, [name for name in known if isinstance(name, str)]) if isinstance(word, str) else None
    return f"; did you mean {hint!r}?" if hint else ""


def _count_faults(counts: Any) -> Iterator[str]:
    if not isinstance(counts, Mapping):
        yield f"they map stages to mappings of stages to numbers, found {shown(counts)}"
        return
    for source, row in counts.items():
        if not isinstance(row, Mapping):
            yield f"the row {shown(source)} must map stages to counts, found {shown(row)}"
            continue
        for to, count in row.items():
            if not is_between(count, 0):
                yield f"{shown(source)} to {shown(to)} must be a number from 0 to {LARGEST:g}, found {shown(count)}"
