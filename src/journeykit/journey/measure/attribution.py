"""Attribution: what each touchpoint had to do with the conversions, by what would be lost without it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from attrs import frozen

from journeykit.basics.validation import LARGEST, is_between, shown
from journeykit.errors import ModelError
from journeykit.journey.measure.state_reduction import solve

Path = tuple[Iterable[str], bool] | tuple[Iterable[str], bool, float] | tuple[Iterable[str], bool, float, float]
"""Touchpoints in their order, whether they ended in a conversion, how often that was seen (1), and what one such
conversion is worth (1)."""

_Read = tuple[tuple[str, ...], bool, float, float]
_MOST_FAULTS = 20


@frozen
class Attribution:
    """What touchpoints had to do with conversions.

    Attributes:
        conversion: the share of the paths that convert.
        removal: by touchpoint, the share of the conversions that would be lost
            if contacts who come to it were lost there.
        shares: the same, so that they sum to one.
        conversions: by touchpoint, its share of how many conversions there were.
        values: by touchpoint, its share of what they were worth.
        direct: how many conversions had no touchpoint; they are nobody's.
    """

    conversion: float
    removal: Mapping[str, float]
    shares: Mapping[str, float]
    conversions: Mapping[str, float]
    values: Mapping[str, float]
    direct: float = 0.0


def removal_effects(paths: Iterable[Path]) -> dict[str, float]:
    """By touchpoint, the share of the conversions that would be lost without it, from 0 to 1.

    Args:
        paths: as for `attribute`.

    Raises:
        ModelError: with everything that is wrong; also where no path converts.

    Example:
        >>> paths = [(["C1", "C2", "C3"], True), (["C1"], False), (["C2", "C3"], False)]
        >>> {name: round(effect, 9) for name, effect in removal_effects(paths).items()}
        {'C1': 0.5, 'C2': 1.0, 'C3': 1.0}
    """
    return dict(attribute(paths).removal)


def attribute(paths: Iterable[Path]) -> Attribution:
    """Share the conversions of observed paths among their touchpoints, by removal effects.

    The paths make a Markov chain: start, touchpoints, and at the end a conversion or none; what leads from one to the
    next are the shares of what was seen. The removal effect of a touchpoint is ``1 - P(conversion without it) /
    P(conversion)``, where contacts who would come to it do not convert (Anderl, Becker, von Wangenheim and Schumann,
    "Mapping the customer journey", International Journal of Research in Marketing 33(3), 2016). All of them come out
    of one system of equations, solved directly; nothing is simulated. A touchpoint twice in a row changes nothing.

    Args:
        paths: ``(touchpoints, converted)``, or also ``count``, and then ``value`` of one conversion. Paths that are
            seen often may be there often, or once with a count. The value of a path that does not convert does not
            count.

    Raises:
        ModelError: with everything that is wrong, each fault with the number of its path, counted from 0; also where
            no path converts, since nothing is there to be shared.

    Example:
        >>> paths = [(["C1", "C2", "C3"], True, 10, 50), (["C1"], False, 10), (["C2", "C3"], False, 10)]
        >>> found = attribute(paths)
        >>> {name: round(share, 9) for name, share in found.shares.items()}
        {'C1': 0.2, 'C2': 0.4, 'C3': 0.4}
        >>> {name: round(value, 6) for name, value in found.values.items()}
        {'C1': 100.0, 'C2': 200.0, 'C3': 200.0}
    """
    seen = _Seen(_read(paths))
    removal = seen.removal()
    total = math.fsum(removal.values())
    shares = {name: effect / total if total else 0.0 for name, effect in removal.items()}
    return Attribution(
        conversion=(seen.conversions + seen.direct) / seen.total,
        removal=removal,
        shares=shares,
        conversions={name: share * seen.conversions for name, share in shares.items()},
        values={name: share * seen.value for name, share in shares.items()},
        direct=seen.direct,
    )


class _Seen:
    """Observed paths as counts of steps.

    Attributes:
        total: how many paths there are.
        conversions: how many of those with touchpoints convert.
        direct: how many of those without.
        value: what the conversions of those with touchpoints are worth.
    """

    def __init__(self, paths: list[_Read]) -> None:
        self.total = math.fsum(count for _, _, count, _ in paths)
        won = [(points, count, count * value) for points, converted, count, value in paths if converted]
        self.conversions = math.fsum(count for points, count, _ in won if points)
        self.direct = math.fsum(count for points, count, _ in won if not points)
        self.value = math.fsum(value for points, _, value in won if points)
        if not self.conversions + self.direct:
            raise ModelError("no path converts, so that there is nothing to attribute", field="paths")
        self._names = [*dict.fromkeys(name for points, *_ in paths for name in points)]
        place = {name: number for number, name in enumerate(self._names)}
        size = len(place)
        self._starts, self._ends, self._wins = [0.0] * size, [0.0] * size, [0.0] * size
        self._steps = [[0.0] * size for _ in range(size)]
        for points, converted, count, _ in paths:
            for one, two in pairwise(points):
                self._steps[place[one]][place[two]] += count
            if points:
                self._starts[place[points[0]]] += count
                self._ends[place[points[-1]]] += count
                self._wins[place[points[-1]]] += count * converted

    def removal(self) -> dict[str, float]:
        """By touchpoint, the share of the conversions that go through it.

        That is how likely one comes by it at all, times how likely a conversion is from there, over how likely it is
        at all. How likely one comes by it is how often one is there, over how often one is there once one is.
        """
        size = len(self._names)
        right = [[self._wins[place], *(float(place == other) for other in range(size))] for place in range(size)]
        found = solve(self._steps, self._ends, right)
        chance = math.fsum(start * row[0] for start, row in zip(self._starts, found, strict=True)) + self.direct
        effects = {}
        for place, name in enumerate(self._names):
            times = math.fsum(start * row[place + 1] for start, row in zip(self._starts, found, strict=True))
            effects[name] = times / found[place][place + 1] * found[place][0] / chance
        return effects


def _read(paths: Iterable[Any]) -> list[_Read]:
    found: list[_Read] = []
    faults: list[str] = []
    for number, path in enumerate(paths):
        own = [f"path {number}: {fault}" for fault in _path_faults(path)]
        faults += own
        if not own:
            points, converted, count, value = _filled(path)
            found.append((tuple(points), bool(converted), float(count), float(value)))
    if faults:
        some = [f"\n  {fault}" for fault in faults[:_MOST_FAULTS]]
        some += [f"\n  and {len(faults) - _MOST_FAULTS} more"] * (len(faults) > _MOST_FAULTS)
        raise ModelError(f"{len(faults)} fault{'s' * (len(faults) > 1)} in the paths:{''.join(some)}", field="paths")
    return [path for path in found if path[2]]


def _filled(path: Any) -> list[Any]:
    """A path with its count and value, 1 where they are left out."""
    return [*path, 1.0, 1.0][:4] if len(path) < 4 else [*path]


def _path_faults(path: Any) -> Iterator[str]:
    if not isinstance(path, (tuple, list)) or not 2 <= len(path) <= 4:
        yield f"it must be touchpoints, converted, and perhaps count and value, found {shown(path)}"
        return
    points, converted, count, value = _filled(path)
    if not isinstance(points, (tuple, list)) or not all(isinstance(name, str) and name for name in points):
        yield f"touchpoints must be a list of texts, found {shown(points)}"
    if not isinstance(converted, bool) and converted not in (0, 1):
        yield f"converted must be true or false, found {shown(converted)}"
    if not is_between(count, 0):
        yield f"count must be a number from 0 to {LARGEST:g}, found {shown(count)}"
    if not is_between(value):
        yield f"value must be a number up to {LARGEST:g}, found {shown(value)}"
