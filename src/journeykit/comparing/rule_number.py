"""The numbers of a playbook's rules, and the playbook with one of them a unit more or less."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields, frozen

from journeykit.basics.validation import is_number, shown
from journeykit.errors import ModelError, closest
from journeykit.model.cap import Limit
from journeykit.model.window import Lag
from journeykit.rule.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from journeykit.model.cap import Cap
    from journeykit.model.experiment import Experiment
    from journeykit.model.quota import Quota
    from journeykit.playbook.playbook import Playbook

CAP, CONFLICT, SERIES, QUOTA, RESERVE = "cap", "conflict", "series", "quota", "reserve"
KINDS = (CAP, CONFLICT, SERIES, QUOTA, RESERVE)
"""The kinds of rules that have a number."""
_TENTH, _POINT = 0.1, 0.01
_HOUR = timedelta(hours=1)
_DIGITS = 12
"""Decimals to which sums of a number and a unit are rounded: 0.1 + 0.2 is 0.3."""


@frozen
class ShiftedLimit(Limit):
    """A limit of the contact's own, and so much more or less for everybody who has one.

    Attributes:
        by: how much more; below 0 for less, down to a limit of 0.
    """

    by: float = 0.0

    def of(self, values: Mapping[str, Any]) -> float | None:
        """The limit of a contact with these attributes; None for no limit."""
        found = super().of(values)
        return None if found is None else max(0.0, found + self.by)


@frozen(kw_only=True)
class RuleNumber:
    """A number in a rule of a playbook.

    Attributes:
        kind: ``cap``, ``conflict``, ``series``, ``quota`` or ``reserve``.
        name: the rule's name; that of a series is the campaign's id.
        side: which number: ``max``, ``min``, ``lag``, ``gap`` or ``reserve``.
        place: the place of the rule in its section.
        unit: what one more is.
        measure: in words, of what: ``messages``, ``points``, ``days``, ``hours``, ``share``, ``weight`` or a column.
        now: the number as the playbook has it; the attribute that holds it where it is the contact's own.
    """

    kind: str
    name: str
    side: str
    place: int
    unit: float
    measure: str
    now: float | str

    @property
    def eases(self) -> int:
        """The direction in which the rule forbids less: 1 where that is a larger number, -1 where a smaller."""
        return 1 if self.side == "max" else -1

    def after(self, direction: int) -> float | str | None:
        """The number, one unit more (1) or less (-1); None where there is no such number.

        Example:
            >>> cap = RuleNumber(kind="cap", name="weekly", side="max", place=0, unit=1, measure="messages", now=2)
            >>> cap.after(1), cap.after(-1)
            (3, 1)
        """
        if isinstance(self.now, str):
            return f"{self.now} {'+' if direction > 0 else '-'} {self.unit:g}"
        found = round(self.now + direction * self.unit, _DIGITS)
        least, most = _ENDS.get((self.kind, self.measure), _ENDS.get((self.kind, ""), (-float("inf"), float("inf"))))
        found = min(max(found, least), most)
        return None if found == self.now else found

    def shifted(self, playbook: Playbook, direction: int) -> Playbook | None:
        """The playbook with this number one unit more (1) or less (-1).

        Returns:
            The playbook, whose parts are checked one by one; None where there is no such number, as less than 0.
        """
        number = self.after(direction)
        if number is None:
            return None
        try:
            return _CHANGES[self.kind](self, playbook, number, direction)
        except ModelError:
            # One that the rule's other number forbids, such as a least above the most.
            return None


_ENDS = {
    (CAP, ""): (0.0, float("inf")),
    (CONFLICT, ""): (0.0, float("inf")),
    (SERIES, ""): (0.0, float("inf")),
    (QUOTA, "share"): (0.0, 1.0),
    (QUOTA, "messages"): (0.0, float("inf")),
}
"""The least and the most that a number can be, by kind and measure."""


def rule_numbers(
    playbook: Playbook,
    *,
    only: Iterable[str] | None = None,
    units: Mapping[str, float] | None = None,
) -> tuple[RuleNumber, ...]:
    """The numbers of a playbook's rules.

    Those are the most of each cap, the lag of each conflict, the gap of each series, the most and the least of each
    quota, and the reserve. A cap without a limit has none.

    Args:
        playbook: the playbook.
        only: the names of the rules that are wanted; ``reserve`` is the reserve's. None for all.
        units: by name of a rule, what one more is, where that is not the usual: 1; of a lag or gap a day, or an hour
            where it is no whole number of days; of a share a hundredth; of the reserve a tenth of it, or a tenth of
            the median of the campaigns' weights where it is 0, in one digit.

    Raises:
        ModelError: for a name that no such rule has, or a unit that is not above 0.

    Example:
        >>> from journeykit import Cap, Playbook, Window
        >>> playbook = Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))], reserve=2)
        >>> [(own.name, own.now, own.unit) for own in rule_numbers(playbook)]
        [('one a day', 1, 1.0), ('reserve', 2, 0.2)]
    """
    every = tuple(_every(playbook))
    known = list(dict.fromkeys(own.name for own in every))
    units = units or {}
    wanted = None if only is None else [only] if isinstance(only, str) else list(only)
    for name in (*(wanted or ()), *units):
        _need_known(name, known)
    for name, unit in units.items():
        if not is_number(unit) or not unit > 0:
            raise ModelError(f"the unit of {name!r} is a number above 0, found {shown(unit)}", field="units")
    chosen = every if wanted is None else [own for own in every if own.name in wanted]
    return tuple(_in_units(own, units.get(own.name)) for own in chosen)


def _need_known(name: str, known: Sequence[str]) -> None:
    if name not in known:
        hint = closest(name, known)
        more = f"did you mean {hint!r}?" if hint else f"there are {', '.join(map(repr, known))}"
        raise ModelError(f"no rule with a number is called {shown(name)}; {more}", field="only")


def _in_units(number: RuleNumber, unit: float | None) -> RuleNumber:
    """A number whose unit is another; that of days and hours is a whole number of them."""
    if unit is None:
        return number
    if number.measure in ("days", "hours") and unit != int(unit):
        raise ModelError(f"the unit of {number.name!r} is a whole number of {number.measure}", field="units")
    return evolve(number, unit=unit)


def _every(playbook: Playbook) -> Iterator[RuleNumber]:
    for place, cap in enumerate(playbook.caps):
        if cap.max is not None:
            now: float | str = f"attribute {cap.max.attribute}" if isinstance(cap.max, Limit) else cap.max
            what = "messages" if cap.points == 1 else "points"
            yield RuleNumber(kind=CAP, name=cap.name, side="max", place=place, unit=1.0, measure=what, now=now)
    for place, conflict in enumerate(playbook.conflicts):
        yield _length(CONFLICT, conflict.name, "lag", place, conflict.lag)
    for place, campaign in enumerate(playbook.campaigns or ()):
        if campaign.series is not None:
            yield _length(SERIES, campaign.id, "gap", place, campaign.series.gap)
    for place, quota in enumerate(playbook.quotas):
        yield from _of_quota(place, quota)
    yield RuleNumber(
        kind=RESERVE,
        name=RESERVE,
        side=RESERVE,
        place=0,
        unit=_reserve_unit(playbook),
        measure="weight",
        now=playbook.reserve,
    )


def _length(kind: str, name: str, side: str, place: int, lag: Lag) -> RuleNumber:
    now, measure = (lag.days, "days") if lag.days is not None else ((lag.length or timedelta()) / _HOUR, "hours")
    return RuleNumber(kind=kind, name=name, side=side, place=place, unit=1.0, measure=measure, now=now)


def _of_quota(place: int, quota: Quota) -> Iterator[RuleNumber]:
    measure = "messages" if quota.of == "count" else quota.of
    unit = _POINT if quota.of == "share" else 1.0
    for side, now in (("max", quota.max), ("min", quota.min)):
        if now is not None:
            yield RuleNumber(kind=QUOTA, name=quota.name, side=side, place=place, unit=unit, measure=measure, now=now)


def _reserve_unit(playbook: Playbook) -> float:
    """A tenth of the reserve; where it is 0, of the median of the weights that campaigns have; in one digit."""
    known = (own.weight for own in playbook.campaigns or ())
    weights = [float(weight) for weight in known if not isinstance(weight, Expression) and weight > 0]
    return float(f"{(abs(playbook.reserve) or median(weights or [1.0])) * _TENTH:.1g}")


# Changing


def _with_cap(number: RuleNumber, playbook: Playbook, found: float | str, direction: int) -> Playbook:
    def changed(cap: Cap) -> Cap:
        return evolve(cap, max=_limit(cap.max, found, direction * number.unit))

    def in_arms(experiment: Experiment) -> Experiment:
        return _of_arms(experiment, lambda changes: evolve(changes, caps=tuple(map(in_arm, changes.caps))))

    def in_arm(change: Any) -> Any:
        own = change.max
        if change.name != number.name or not (is_number(own) or isinstance(own, Limit)):
            return change
        less = direction * number.unit
        return evolve(change, max=_limit(own, own if isinstance(own, Limit) else max(0.0, own + less), less))

    return _with(
        playbook,
        caps=_at(playbook.caps, number.place, changed),
        experiments=tuple(map(in_arms, playbook.experiments)),
    )


def _limit(now: Any, found: Any, by: float) -> Any:
    return ShiftedLimit(now.attribute, now.default, by) if isinstance(now, Limit) else found


def _with_lag(number: RuleNumber, playbook: Playbook, found: Any, _: int) -> Playbook:
    lag = _lag(number, found)
    return _with(playbook, conflicts=_at(playbook.conflicts, number.place, lambda own: evolve(own, lag=lag)))


def _with_gap(number: RuleNumber, playbook: Playbook, found: Any, _: int) -> Playbook:
    def changed(campaign: Any) -> Any:
        return evolve(campaign, series=evolve(campaign.series, gap=_lag(number, found)))

    return _with(playbook, campaigns=_at(playbook.campaigns or (), number.place, changed))


def _lag(number: RuleNumber, found: float) -> Lag:
    return Lag(days=int(found)) if number.measure == "days" else Lag(length=found * _HOUR)


def _with_quota(number: RuleNumber, playbook: Playbook, found: Any, _: int) -> Playbook:
    def changed(quota: Quota) -> Quota:
        return evolve(quota, **{number.side: found})

    return _with(playbook, quotas=_at(playbook.quotas, number.place, changed))


def _with_reserve(number: RuleNumber, playbook: Playbook, found: Any, direction: int) -> Playbook:
    def in_arm(changes: Any) -> Any:
        own = changes.reserve
        return changes if own is None else evolve(changes, reserve=own + direction * number.unit)

    arms = tuple(_of_arms(experiment, in_arm) for experiment in playbook.experiments)
    return _with(playbook, reserve=found, experiments=arms)


_CHANGES: dict[str, Callable[[RuleNumber, Playbook, Any, int], Playbook]] = {
    CAP: _with_cap,
    CONFLICT: _with_lag,
    SERIES: _with_gap,
    QUOTA: _with_quota,
    RESERVE: _with_reserve,
}


def _of_arms(experiment: Experiment, change: Callable[[Any], Any]) -> Experiment:
    return evolve(experiment, arms=tuple(evolve(arm, changes=change(arm.changes)) for arm in experiment.arms))


def _at(rules: Sequence[Any], place: int, change: Callable[[Any], Any]) -> tuple[Any, ...]:
    return tuple(change(own) if number == place else own for number, own in enumerate(rules))


def _with(playbook: Playbook, **changes: Any) -> Playbook:
    """The playbook with other sections; what holds between sections is not checked again."""
    return type(playbook).unchecked({own.name: getattr(playbook, own.name) for own in fields(type(playbook))} | changes)
