"""Observed paths: which contacts were on which stage since when, packed, and what of it cannot be used."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import chain, groupby, pairwise
from operator import itemgetter, le
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.clock import micros
from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError
from journeykit.journey.placement import Placement
from journeykit.journey.placing_results import Placements

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_SEGMENT = "(none)"
"""The segment of contacts without one."""
ELSEWHERE = -1
"""In a pattern: what is no stage of the journey."""
_COLUMNS = ("contact_id", "stage", "since")

Pattern = tuple[int, ...]
"""Numbers of stages, in the order in which they were entered."""
PackedPaths = tuple[tuple[Pattern, "array[int]"], ...]
"""Patterns, each with the instants of all contacts who went that way, contact after contact."""


def segments_of(value: Any) -> tuple[str, ...]:
    """The segments that a value names: one, or several, or none.

    Example:
        >>> segments_of("vip"), segments_of(["b", "a", "b"]), segments_of(None), segments_of(7)
        (('vip',), ('a', 'b'), ('(none)',), ('7',))
    """
    several = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    found = {str(part) for part in (value if several else [value]) if part is not None and _is_itself(part)} - {""}
    return tuple(sorted(found)) or (NO_SEGMENT,)


def is_id(value: Any) -> bool:
    """Whether a value can be the id of a contact: one that is equal to itself, and can be looked up."""
    return isinstance(value, Hashable) and value is not None and _is_itself(value)


def _is_itself(value: Any) -> bool:
    """Whether a value is equal to itself, which NaN is not; what some tables write for nothing cannot even say."""
    try:
        return bool(value == value)  # noqa: PLR0124  (only NaN is not itself)
    except (TypeError, ValueError):
        return False


@frozen(eq=False)
class Observed:
    """Paths, packed: those of contacts who share their segments and went the same way are together.

    Attributes:
        stages: names of the stages; patterns have their places.
        at: the instant at which observation ended, in microseconds.
        paths: by segments and pattern, the instants.
        ignored: how much was not used, by why.
        repaired: how much was used after it was put right, by how.
    """

    stages: tuple[str, ...]
    at: int
    paths: dict[tuple[tuple[str, ...], Pattern], array[int]] = field(factory=dict)
    ignored: Counter[str] = field(factory=Counter)
    repaired: Counter[str] = field(factory=Counter)

    def parts(self) -> dict[str | None, PackedPaths]:
        """The paths of all contacts, under None, and those of each segment."""
        found: dict[str | None, list[tuple[Pattern, array[int]]]] = {None: []}
        for (names, pattern), times in self.paths.items():
            for name in (None, *names):
                found.setdefault(name, []).append((pattern, times))
        return {name: tuple(own) for name, own in found.items()}


class PathReader:
    """Packs paths as they come.

    Args:
        stages: names of the journey's stages.
        at: the instant at which observation ended, in microseconds.
        segments: by contact, the segment or several.
    """

    def __init__(self, stages: Sequence[str], at: int, segments: Mapping[str, Any] | None = None) -> None:
        self.observed = Observed(tuple(stages), at)
        self._segments = segments
        self._known: dict[Any, tuple[str, ...]] = {}
        self._numbers = {name: number for number, name in enumerate(stages)}
        self._patterns: dict[tuple[Any, ...], Pattern] = {}
        self._met: set[Any] = set()

    def read(self, paths: Any) -> Observed:
        """Read placements, rows, or a table of rows.

        Raises:
            DataError: for what is no path, and where the rows of a contact are not together.
        """
        rows = iter(_rows(paths))
        first = next(rows, None)
        if first is None:
            return self.observed
        if isinstance(first, Placement):
            for placement in chain([first], rows):
                self._add_placement(placement)
            return self.observed
        for contact, steps in _by_contact(chain([first], rows)):
            self._add(contact, steps)
        return self.observed

    def _add_placement(self, placement: Any) -> None:
        if not isinstance(placement, Placement):
            raise DataError(f"where one path is a placement, all are, found {shown(placement)}")
        steps = [(step.since, step.stage) for step in placement.path]
        if not steps:
            self.observed.ignored["not_entered"] += 1
        elif placement.contact is None:
            self._keep(None, steps)
        else:
            self._add(placement.contact, steps)

    def _add(self, contact: Any, steps: list[tuple[Any, Any]]) -> None:
        if not is_id(contact):
            self.observed.ignored["no_contact"] += len(steps)
            return
        if contact in self._met:
            raise DataError(f"the rows of contact {contact!r} are not together: sort them by contact and time")
        self._met.add(contact)
        self._keep(contact, steps)

    def _keep(self, contact: Any, steps: list[tuple[Any, Any]]) -> None:
        """Pack a path; one that is as it should be goes the short way."""
        try:
            pattern = self._patterns[tuple([stage for _, stage in steps])]
            times = array("q", [since for since, _ in steps])
            right = times[-1] <= self.observed.at and all(map(le, times, times[1:]))
        except (KeyError, TypeError, OverflowError):
            right = False
        if not right:
            pattern, times = self._mended(steps)
        if pattern:
            key = self._segments_of(contact), pattern
            held = self.observed.paths.get(key)
            if held is None:
                self.observed.paths[key] = times
            else:
                held.extend(times)

    def _mended(self, steps: list[tuple[Any, Any]]) -> tuple[Pattern, array[int]]:
        """A path without what cannot be used, in order of time."""
        found: list[tuple[int, int]] = []
        for since, stage in steps:
            number = self._number(stage)
            at = _instant(since)
            if at is None:
                self.observed.ignored["bad_instant"] += 1
                # Where the contact went is not known, nor when: of the stay before only the beginning is seen.
                if found:
                    found.append((found[-1][0], ELSEWHERE))
            elif at > self.observed.at:
                self.observed.ignored["future"] += 1
            else:
                if number == ELSEWHERE:
                    self.observed.ignored["unknown_stage"] += 1
                found.append((at, number))
        late = sum(after[0] < before[0] for before, after in pairwise(found))
        if late:
            self.observed.repaired["out_of_order"] += late
            found.sort(key=lambda step: step[0])
        kept = [step for place, step in enumerate(found) if not place or step != found[place - 1]]
        repeated = [step for place, step in enumerate(found) if place and step == found[place - 1]]
        self.observed.ignored["duplicate"] += sum(number != ELSEWHERE for _, number in repeated)
        pattern = tuple(number for _, number in kept)
        if all(number == ELSEWHERE for number in pattern):
            return (), array("q")
        if len(kept) == len(steps) and ELSEWHERE not in pattern and not _stays(pattern):
            self._patterns[tuple(self.observed.stages[number] for number in pattern)] = pattern
        return pattern, array("q", [at for at, _ in kept])

    def _number(self, stage: Any) -> int:
        return self._numbers.get(stage, ELSEWHERE) if isinstance(stage, str) else ELSEWHERE

    def _segments_of(self, contact: Any) -> tuple[str, ...]:
        if self._segments is None:
            return (NO_SEGMENT,)
        value = self._segments.get(contact)
        if type(value) is not str:
            return segments_of(value)
        names = self._known.get(value)
        if names is None:
            names = self._known[value] = segments_of(value)
        return names


def _stays(pattern: Pattern) -> bool:
    """Whether a stage follows itself, so that a row may be there twice."""
    return any(before == after for before, after in pairwise(pattern))


def _instant(since: Any) -> int | None:
    if type(since) is int:
        return since if -(2**63) <= since < 2**63 else None
    try:
        return micros(since)
    except ModelError:
        return None


def _rows(paths: Any) -> Iterator[Any]:
    """The rows of whatever holds paths. A table of Arrow's gives instants as whole numbers, which is much quicker."""
    table = paths.paths if isinstance(paths, Placements) else paths
    if not hasattr(table, "to_batches"):
        if isinstance(table, (str, bytes, Mapping)) or not isinstance(table, Iterable):
            raise DataError(f"paths are placements, or rows of contact, stage and since, found {shown(table)}")
        yield from table
        return
    missing = [name for name in _COLUMNS if name not in table.schema.names]
    if missing:
        raise DataError(f"the column {missing[0]!r} is missing; there is {', '.join(table.schema.names)}")
    for batch in table.select(list(_COLUMNS)).to_batches():
        contacts, stages, since = (batch.column(name) for name in _COLUMNS)
        yield from zip(contacts.to_pylist(), stages.to_pylist(), _whole(since), strict=True)


def _by_contact(rows: Iterable[Any]) -> Iterator[tuple[Any, list[tuple[Any, Any]]]]:
    """The rows of each contact that are together: since when they were on which stage."""
    try:
        for contact, own in groupby(rows, itemgetter(0)):
            yield contact, [(since, stage) for _, stage, since in own]
    except DataError:
        raise
    except (TypeError, ValueError, LookupError) as error:
        raise DataError(f"a path has rows of contact, stage and since: {error}") from error


def _whole(instants: Any) -> list[Any]:
    """Instants of a column as microseconds where they have a zone; naive ones as they are, to be counted."""
    kind = instants.type
    if getattr(kind, "unit", None) == "us" and getattr(kind, "tz", None) is not None:
        return list(instants.cast("int64").to_pylist())
    return list(instants.to_pylist())
