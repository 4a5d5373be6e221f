"""What paths say of a journey: how contacts move, how long they stay, how far they come and what they buy."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import chain, pairwise
from operator import sub
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.clock import DAY, micros, moment
from journeykit.basics.validation import listed, shown
from journeykit.errors import ModelError, closest
from journeykit.journey.measure.funnel_report import (
    FunnelStep,
    Length,
    Move,
    Stays,
    counted,
    funnel_table,
    moves_table,
    page,
    sales_table,
    stays_table,
    text,
)
from journeykit.journey.measure.intervals import Share, normal_quantile, quantiles, remaining, times_by
from journeykit.journey.measure.observed_paths import ELSEWHERE, NO_SEGMENT, PackedPaths, PathReader
from journeykit.journey.measure.sales import Sales, SalesReader
from journeykit.model.window import Lag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.journey.journey import Journey
    from journeykit.journey.measure.funnel_report import ReportTable
    from journeykit.journey.measure.observed_paths import Observed, Pattern
    from journeykit.journey.measure.sales import Sale

Matrix = dict[str, dict[str, float]]
"""By stage, the probability of each stage after it."""


@frozen(kw_only=True, repr=False)
class Estimates:
    """What paths say of a journey, for all contacts or for a segment.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        segment: whose estimates these are; None for all contacts.
        at: the instant at which observation ended, in UTC.
        level: the level of confidence of all intervals.
        stages: names of the journey's stages.
        contacts: how many contacts had a path.
        steps: how many stages they entered, all together.
        entries: by stage, how many contacts entered the journey there; only where some did.
        moves: each pair of stages that was seen, in the order of stages.
        stays: one for each stage.
        funnel: one for each stage of the funnel.
        sales: what was won and lost; None where no sales were given.
        by_segment: the same by segment, where segments were given. A contact of several counts in each.
        ignored: how much was not used, by why. Of paths: rows ``future``, ``unknown_stage``, ``bad_instant``,
            ``duplicate``, ``no_contact``, and contacts ``not_entered``. Of sales: ``sale_future``,
            ``sale_bad_instant``, ``sale_bad_outcome``, and ``sale_bad_amount``, whose sale counts without an amount.
        repaired: how much was used after it was put right: rows that were ``out_of_order``.
    """

    segment: str | None = None
    at: datetime
    level: float
    stages: tuple[str, ...]
    contacts: int
    steps: int
    entries: Mapping[str, int]
    moves: tuple[Move, ...]
    stays: tuple[Stays, ...]
    funnel: tuple[FunnelStep, ...]
    sales: Sales | None = None
    by_segment: Mapping[str, Estimates] = field(factory=dict)
    ignored: Mapping[str, int] = field(factory=dict)
    repaired: Mapping[str, int] = field(factory=dict)
    _paths: PackedPaths = field(default=(), eq=False)

    def probabilities(self) -> Matrix:
        """By stage, the probability of each stage that may be next, among the moves that were seen.

        A row sums to one. A stage that nobody was seen to leave has none. Where many stays go on, moves that come
        quickly are seen more often than those that take long.
        """
        found: Matrix = {}
        for move in self.moves:
            found.setdefault(move.source, {})[move.to] = move.share.rate or 0.0
        return found

    def per_period(self, period: str = "30d") -> Matrix:
        """By stage, the probability of being on each stage a period later, staying included, for `Chain`.

        The shares of `period_counts`. A row sums to one; a stage without counts has no row.

        Args:
            period: a length of time, such as ``7d`` or ``12h``; a day has 24 hours.

        Raises:
            ModelError: for what is no length of time.
        """
        return {
            source: {to: count / total for to, count in row.items()}
            for source, row in self.period_counts(period).items()
            if (total := sum(row.values()))
        }

    def period_counts(self, period: str = "30d") -> dict[str, dict[str, int]]:
        """By stage, on which stage contacts were a period later, as counts; for `Chain.from_counts`.

        Everybody is looked at when observation ended, a period before, two periods before, and so on back to when they
        entered the journey. Of each pair of looks that follow each other, the stage at the first and the stage at the
        second count; what happens in between does not.

        Args:
            period: a length of time, such as ``7d`` or ``12h``; a day has 24 hours.

        Raises:
            ModelError: for what is no length of time.
        """
        counts = _period_counts(self._paths, micros(self.at), _length(period))
        found: dict[str, dict[str, int]] = {}
        for source, to in sorted(counts):
            found.setdefault(self.stages[source], {})[self.stages[to]] = counts[source, to]
        return found

    def curve(self, stage: str) -> list[tuple[timedelta, float]]:
        """The share of stays on a stage that last longer than a time (Kaplan and Meier, 1958).

        Args:
            stage: which.

        Returns:
            Each time at which a stay ended, and the share that lasts longer.

        Raises:
            ModelError: for an unknown stage.
        """
        tally = _PathTally(self._paths, micros(self.at), len(self.stages), ())
        ended, open_ = tally.lengths(_place(stage, self.stages))
        return [(timedelta(microseconds=length), share) for length, share in remaining(ended, open_)]

    def to_dict(self) -> dict[str, Any]:
        """The estimates as plain data; times are days of 24 hours."""
        found: dict[str, Any] = {
            "at": self.at.isoformat(),
            "level": self.level,
            "contacts": self.contacts,
            "steps": self.steps,
            "entries": dict(self.entries),
            "moves": [move.to_dict() for move in self.moves],
            "stays": [stays.to_dict() for stays in self.stays],
            "funnel": [step.to_dict() for step in self.funnel],
            "sales": None if self.sales is None else self.sales.to_dict(),
        }
        if self.segment is not None:
            return {"segment": self.segment, **found}
        return {
            **found,
            "segments": [own.to_dict() for own in self.by_segment.values()],
            "ignored": dict(self.ignored),
            "repaired": dict(self.repaired),
        }

    def heading(self) -> tuple[str, ...]:
        """Who was observed until when, and what was not used."""
        who = counted(self.contacts, "contact") + ("" if self.segment is None else f" of segment {self.segment}")
        until = self.at.isoformat(" ", "minutes")[:16]
        used = (("Not used", self.ignored), ("Put right", self.repaired))
        return (
            f"{who}, {counted(self.steps, 'step')}, until {until} (UTC).",
            f"Intervals are at {100 * self.level:g} %; times are days of 24 hours.",
            *(
                f"{what}: {', '.join(f'{why} {count:,}' for why, count in counts.items())}."
                for what, counts in used
                if counts
            ),
        )

    def tables(self) -> Iterator[ReportTable]:
        """The tables for people, those by segment with all contacts first."""
        groups = [("all", self), *self.by_segment.items()]
        yield funnel_table([(name, own.funnel) for name, own in groups])
        yield moves_table(self.moves)
        yield stays_table(self.stays)
        if self.sales is not None:
            yield sales_table((name, own.sales) for name, own in groups if own.sales is not None)

    def __str__(self) -> str:
        return text(self.heading(), self.tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self.heading(), self.tables())


def estimate(
    journey: Journey,
    paths: Any,
    at: datetime,
    *,
    segments: Mapping[str, Any] | None = None,
    sales: Iterable[Sale] | None = None,
    order: Iterable[str] | None = None,
    level: float = 0.95,
) -> Estimates:
    """Estimate, from observed paths, how contacts move through a journey.

    Rows that cannot be used are counted, by why, and stop nothing. A stage that the journey does not have, and an
    unreadable instant, cut a path: the stay before is known to a part only, and no move is counted across. Rows of a
    contact out of order are put in order.

    Args:
        journey: whose stages they are.
        paths: placements; or rows (contact, stage, since), those of a contact together, in order of time; or
            placements of tables, or their table of paths. ``since`` is an aware datetime, or microseconds since 1970
            in UTC. Each row is a stage that the contact entered.
        at: the instant at which observation ended, aware. Who is on a stage then is there still.
        segments: by contact, the segment, or several. Contacts without one are those of ``(none)``.
        sales: rows (contact, at, amount, won): won is true or false, and the amount may be None. `sales_of` finds
            them among events.
        order: the stages of the funnel; by default those of the journey that are not marked ``lost``.
        level: the level of confidence of intervals.

    Returns:
        The estimates, which do not depend on the order of contacts.

    Raises:
        ModelError: for a naive ``at``, an unknown stage in ``order``, or a level outside 0 to 1.
        DataError: for what is no path or sale, and where the rows of a contact are not together.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Journey, Stage
        >>> day = lambda number: datetime(2026, 11, number, tzinfo=UTC)
        >>> rows = [("anna", "lead", day(1)), ("anna", "customer", day(4)), ("ben", "lead", day(2))]
        >>> found = estimate(Journey([Stage("lead"), Stage("customer")]), rows, day(10))
        >>> found.funnel[0].reached, found.funnel[0].converted.part, found.stays[0].quartiles[1].days
        (2, 1, 3)
    """
    end = micros(at)
    places = funnel_order(journey, order)
    names = tuple(stage.name for stage in journey.stages)
    normal_quantile(level)
    observed = PathReader(names, end, segments).read(paths)
    sold = None if sales is None else SalesReader(end, segments).read(sales)
    return estimates_of(observed, sold, places, level, by_segment=segments is not None)


def estimates_of(
    observed: Observed, sold: SalesReader | None, order: Sequence[int], level: float = 0.95, *, by_segment: bool
) -> Estimates:
    """Estimate from paths that are packed, and sales that are counted; see `estimate`.

    Args:
        observed: the paths.
        sold: the sales; None where none were given.
        order: the stages of the funnel, as `funnel_order` gives them.
        level: the level of confidence of intervals.
        by_segment: whether segments were given.
    """
    paths_of = observed.parts()
    sales_of = {} if sold is None else sold.parts(level, (name for name in paths_of if name is not None))

    def estimates(segment: str | None, **more: Any) -> Estimates:
        own = paths_of.get(segment, ())
        return _estimates(observed, own, order, level, segment=segment, sales=sales_of.get(segment), **more)

    met = {name for name in (*paths_of, *sales_of) if name is not None} if by_segment else set()
    return estimates(
        None,
        by_segment={name: estimates(name) for name in sorted(met, key=lambda name: (name == NO_SEGMENT, name))},
        ignored=_met(observed.ignored) | ({} if sold is None else _met(sold.ignored)),
        repaired=_met(observed.repaired),
    )


def funnel_order(journey: Journey, order: Iterable[str] | None = None) -> tuple[int, ...]:
    """The stages of a funnel, as their places in the journey; by default those that are not marked ``lost``.

    Raises:
        ModelError: for a stage that the journey does not have, or has twice.
    """
    names = tuple(stage.name for stage in journey.stages)
    # To be lost is no progress.
    onward = [stage.name for stage in journey.stages if not stage.lost]
    return _order(onward if order is None else order, names)


def _met(counts: Mapping[str, int]) -> dict[str, int]:
    return {why: count for why, count in sorted(counts.items()) if count}


def _place(stage: Any, stages: Sequence[str]) -> int:
    if stage not in stages:
        hint = closest(stage, stages) if isinstance(stage, str) else None
        said = f"; did you mean {hint!r}?" if hint else f"; there is {', '.join(stages)}"
        raise ModelError(f"the journey has no stage {shown(stage)}{said}", field="stage")
    return stages.index(stage)


def _order(order: Iterable[str], stages: Sequence[str]) -> tuple[int, ...]:
    """The stages of the funnel, as their places in the journey."""
    places = [_place(stage, stages) for stage in listed(order, "a list of stages")]
    if len(set(places)) != len(places):
        twice = next(stages[place] for place in places if places.count(place) > 1)
        raise ModelError(f"the order of a funnel has each stage once, found {twice!r} twice", field="order")
    return tuple(places)


def _length(period: str) -> int:
    """A length of time in microseconds, more than none."""
    lag = Lag.parse(period)
    length = lag.days * DAY if lag.days is not None else (lag.length or timedelta()) // timedelta(microseconds=1)
    if not length:
        raise ModelError(f"a period is longer than nothing, found {shown(period)}", field="period")
    return length


# Counting


def _columns(pattern: Pattern, times: array[int]) -> list[array[int]]:
    """The instants of contacts who went the same way: one array for each stage on it."""
    return [times[place :: len(pattern)] for place in range(len(pattern))]


class _PathTally:
    """What is counted over paths: everything by pattern first, so that contacts who went the same way cost little."""

    def __init__(self, paths: PackedPaths, at: int, stages: int, order: Sequence[int]) -> None:
        self.contacts = self.steps = 0
        self.entries: Counter[int] = Counter()
        self.moves: Counter[tuple[int, int]] = Counter()
        self.ended: list[array[int]] = [array("q") for _ in range(stages)]
        self.going: list[array[int]] = [array("q") for _ in range(stages)]
        self.cut: list[array[int]] = [array("q") for _ in range(stages)]
        self.steps_of = [_StepTally() for _ in order]
        for pattern, times in paths:
            columns = _columns(pattern, times)
            self._add(pattern, columns, at)
            self._add_funnel(pattern, columns, order)

    def _add(self, pattern: Pattern, columns: list[array[int]], at: int) -> None:
        count = len(columns[0])
        self.contacts += count
        self.steps += count * sum(stage != ELSEWHERE for stage in pattern)
        if pattern[0] != ELSEWHERE:
            self.entries[pattern[0]] += count
        for place, (stage, to) in enumerate(pairwise(pattern)):
            if stage != ELSEWHERE:
                if to != ELSEWHERE:
                    self.moves[stage, to] += count
                kept = self.ended if to != ELSEWHERE else self.cut
                kept[stage].extend(map(sub, columns[place + 1], columns[place]))
        if pattern[-1] != ELSEWHERE:
            self.going[pattern[-1]].extend(at - since for since in columns[-1])

    def _add_funnel(self, pattern: Pattern, columns: list[array[int]], order: Sequence[int]) -> None:
        count = len(columns[0])
        last = {stage: place for place, stage in enumerate(pattern)}
        depth = _depth(pattern, order)
        for number, (stage, step) in enumerate(zip(order, self.steps_of, strict=True)):
            if stage not in last:
                continue
            here = pattern.index(stage)
            step.reached += count
            step.in_order += count if number < depth else 0
            further = [last.get(later, -1) > here for later in order[number + 1 :]]
            if further[:1] == [True]:
                there = pattern.index(order[number + 1], here + 1)
                step.converted += count
                step.between.extend(map(sub, columns[there], columns[here]))
            elif any(further):
                step.skipped += count
            elif pattern[-1] == stage:
                step.waiting += count

    def lengths(self, stage: int) -> tuple[array[int], Iterable[int]]:
        """How long stays on a stage were that ended, and how long those are so far that did not."""
        return self.ended[stage], chain(self.going[stage], self.cut[stage])


class _StepTally:
    """What is counted of a stage of the funnel."""

    def __init__(self) -> None:
        self.reached = self.in_order = self.converted = self.skipped = self.waiting = 0
        self.between = array("q")


def _depth(pattern: Pattern, order: Sequence[int]) -> int:
    """How many stages of a funnel a path has in their order, from the first on."""
    depth = 0
    for stage in pattern:
        if depth < len(order) and stage == order[depth]:
            depth += 1
    return depth


def _estimates(
    observed: Observed, paths: PackedPaths, order: Sequence[int], level: float, *, segment: str | None, **more: Any
) -> Estimates:
    names = observed.stages
    tally = _PathTally(paths, observed.at, len(names), order)
    leaving: Counter[int] = Counter()
    for (source, _), count in tally.moves.items():
        leaving[source] += count
    return Estimates(
        segment=segment,
        at=moment(observed.at),
        level=level,
        stages=names,
        contacts=tally.contacts,
        steps=tally.steps,
        entries={names[stage]: tally.entries[stage] for stage in sorted(tally.entries)},
        moves=tuple(
            Move(names[source], names[to], Share.of(tally.moves[source, to], leaving[source], level))
            for source, to in sorted(tally.moves)
        ),
        stays=tuple(_stays(tally, stage, name) for stage, name in enumerate(names)),
        funnel=tuple(_funnel(tally, [names[stage] for stage in order], level)),
        paths=paths,
        **more,
    )


def _stays(tally: _PathTally, stage: int, name: str) -> Stays:
    lengths, open_ = tally.lengths(stage)
    # Sorted once, though both estimates sort them.
    ended = sorted(lengths)
    counts = len(ended), len(tally.going[stage]), len(tally.cut[stage])
    return Stays(
        stage=name,
        entered=sum(counts),
        ended=counts[0],
        going=counts[1],
        cut=counts[2],
        quartiles=_three(times_by(ended, open_)),
        completed=_three(quantiles(ended)),
    )


def _three(lengths: Sequence[int | None]) -> tuple[Length, Length, Length]:
    first, second, third = (None if length is None else timedelta(microseconds=length) for length in lengths)
    return first, second, third


def _funnel(tally: _PathTally, names: Sequence[str], level: float) -> Iterator[FunnelStep]:
    for step, stage, to in zip(tally.steps_of, names, (*names[1:], None), strict=True):
        yield FunnelStep(
            stage=stage,
            to=to,
            reached=step.reached,
            in_order=step.in_order,
            converted=None if to is None else Share.of(step.converted, step.reached, level),
            skipped=step.skipped,
            waiting=step.waiting,
            left=step.reached - step.converted - step.skipped - step.waiting,
            between=_three(quantiles(step.between))[1],
        )


def _period_counts(paths: PackedPaths, at: int, period: int) -> Counter[tuple[int, int]]:
    """Pairs of stages, one period apart. Looks are numbered back from the end of observation, which is 0."""
    counts: Counter[tuple[int, int]] = Counter()
    for pattern, times in paths:
        width = len(pattern)
        for start in range(0, len(times), width):
            # The first look at which a stage is seen is the first at or after the instant at which it was entered.
            looks = [-((at - since) // period) for since in times[start : start + width]]
            before: int | None = None
            for stage, look, until in zip(pattern, looks, [*looks[1:], 1], strict=True):
                if look == until:
                    continue
                if before is not None and ELSEWHERE not in (before, stage):
                    counts[before, stage] += 1
                if stage != ELSEWHERE and until - look > 1:
                    counts[stage, stage] += until - look - 1
                before = stage
    return counts
