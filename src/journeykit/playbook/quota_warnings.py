"""Warnings of quotas that no run, or none but an empty one, can keep together."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.errors import Problem
from journeykit.model.quota import Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from journeykit.model.cap import Scope
    from journeykit.model.quota import Quota
    from journeykit.model.window import Window
    from journeykit.playbook.sections import Sections
    from journeykit.playbook.sendable import Sendable

_ONE_VALUE = ("channel", "team", "goal", "campaign", "content", "theme")
"""The facets of which a message has one value at most."""
_NEVER_NEGATIVE = ("count", "cost", "responses", "share")
_MOST_COMPARED = 12


@frozen
class _Bound:
    path: str
    side: Side

    @property
    def quota(self) -> Quota:
        return self.side.quota

    @property
    def limit(self) -> float:
        return self.side.limit


def find_quota_warnings(playbook: Sections, sent: list[Sendable] | None) -> Iterator[Problem]:
    """Quotas that no run, or none but an empty one, can keep together."""
    bounds = [
        _Bound(f"quotas[{at}].{'max' if side.is_max else 'min'}", side)
        for at, quota in enumerate(playbook.quotas)
        for side in quota.sides
    ]
    least = [bound for bound in bounds if not bound.side.is_max and bound.limit > 0]
    most = [bound for bound in bounds if bound.side.is_max]
    yield from _shares_over_one(least, sent)
    yield from _shares_under_one(most, sent)
    for bound in most:
        if bound.quota.of not in _NEVER_NEGATIVE:
            continue
        inside = [own for own in least if _is_part(own.quota, bound.quota, sent) and own.quota is not bound.quota]
        chosen = _heaviest_apart(inside, sent)
        total = sum(own.limit for own in chosen)
        if total > bound.limit * (1 + 1e-9):
            names = " and ".join(repr(own.quota.name) for own in chosen)
            want = "want" if len(chosen) > 1 else "wants"
            message = f"{names} {want} at least {total:g}, and {bound.quota.name!r} allows at most {bound.limit:g}"
            yield Problem.warning(chosen[-1].path, f"{message} of what they are part of: both cannot hold")


def _shares_over_one(least: list[_Bound], sent: list[Sendable] | None) -> Iterator[Problem]:
    for group in _hard_shares(least):
        chosen = _heaviest_apart(group, sent)
        total = sum(own.limit for own in chosen)
        if total > 1 + 1e-9:
            names = " and ".join(repr(own.quota.name) for own in chosen)
            message = f"{names} together want {total:.4g} of all that is granted: only a run without messages has both"
            yield Problem.warning(chosen[-1].path, message)


def _shares_under_one(most: list[_Bound], sent: list[Sendable] | None) -> Iterator[Problem]:
    """Maximum shares that together cover every message, and do not allow a whole."""
    for group in _hard_shares(most):
        for size in range(1, min(len(group), 4) + 1):
            for chosen in combinations(group, size):
                total = sum(own.limit for own in chosen)
                if total < 1 - 1e-9 and _cover([own.quota.where for own in chosen], sent):
                    names = " and ".join(repr(own.quota.name) for own in chosen)
                    message = f"{names} allow {total:.4g} of all that is granted, and every message is one of theirs: "
                    yield Problem.warning(chosen[-1].path, message + "only a run without messages keeps this")
                    return


def _hard_shares(bounds: list[_Bound]) -> Iterable[list[_Bound]]:
    """Hard bounds on shares, those of one period together."""
    groups: dict[tuple[tuple[date, date] | None, Window | None], list[_Bound]] = {}
    for bound in bounds:
        if bound.quota.of == "share" and bound.side.hard:
            groups.setdefault((bound.quota.during, bound.quota.window), []).append(bound)
    return groups.values()


def _cover(wheres: list[Scope], sent: list[Sendable] | None) -> bool:
    if any(not where.match and not where.exclude for where in wheres):
        return True
    return bool(sent) and all(any(own.must_match(where) for where in wheres) for own in sent or ())


def _is_part(one: Quota, whole: Quota, sent: list[Sendable] | None) -> bool:
    """Whether all that one quota counts is counted by another too."""
    if one.of != whole.of or one.window != whole.window:
        return False
    if one.of == "share" and one.during != whole.during:
        return False
    if whole.during is not None and (
        one.during is None or not (whole.during[0] <= one.during[0] and one.during[1] <= whole.during[1])
    ):
        return False
    if sent is not None:
        inside = [own for own in sent if own.may_match(one.where)]
        return bool(inside) and all(own.must_match(whole.where) for own in inside)
    wanted, given = whole.where, one.where
    return not wanted.exclude and all(
        name in given.match and set(given.match[name]) <= set(values) for name, values in wanted.match.items()
    )


def _are_apart(one: Scope, other: Scope, sent: list[Sendable] | None) -> bool:
    """Whether no message is in both scopes."""
    if any(
        name in one.match and name in other.match and set(one.match[name]).isdisjoint(other.match[name])
        for name in _ONE_VALUE
    ):
        return True
    return sent is not None and not any(own.may_match(one) and own.may_match(other) for own in sent)


def _heaviest_apart(bounds: list[_Bound], sent: list[Sendable] | None) -> list[_Bound]:
    """Of bounds, those with the greatest sum of which no two count the same message."""
    bounds = sorted(bounds, key=lambda bound: -bound.limit)[:_MOST_COMPARED]
    best: list[_Bound] = []
    for size in range(1, len(bounds) + 1):
        for chosen in combinations(bounds, size):
            if sum(own.limit for own in chosen) > sum(own.limit for own in best) and all(
                _are_apart(one.quota.where, other.quota.where, sent) for one, other in combinations(chosen, 2)
            ):
                best = list(chosen)
    return sorted(best, key=lambda bound: bound.path)
