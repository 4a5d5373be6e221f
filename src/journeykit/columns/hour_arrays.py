"""Hours, holidays and times of day as arrays, for some local days and kinds of contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.kernels.interface.codes import NONE
from journeykit.kernels.interface.records import records
from journeykit.kernels.interface.rules import HOLIDAYS, PERIODS, HourTables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.columns.zone_arrays import Answers, LocalKind
    from journeykit.model.quiet_hours import Holiday, Hours
    from journeykit.model.send_at import SendAt


def hour_tables(layout: RulesetArrays, low: int, high: int, local: Sequence[LocalKind]) -> HourTables:
    """Hours and holidays, for local days from one to another, and kinds of contacts."""
    schedule = layout.compiled.playbook.schedule
    periods = [*schedule.quiet, *schedule.send]
    everything: list[Hours | Holiday] = [*periods, *schedule.holidays]
    answers = [own.answers for own in local]
    kinds = list(dict.fromkeys(answers))
    rule = layout.rules.add
    labels = [hours.label for hours in schedule.quiet] + [f"outside {hours.label}" for hours in schedule.send]
    return HourTables(
        periods=records(
            PERIODS,
            start=[hours.edges[0] for hours in periods],
            end=[hours.edges[1] for hours in periods],
            days=[sum(1 << day for day in range(7) if hours.begins(day - 3)) for hours in periods],
            is_send=[place >= len(schedule.quiet) for place in range(len(periods))],
            rule=[rule(label) for label in labels],
        ),
        first=np.array([kinds.index(own) * len(everything) for own in answers], np.int64),
        applies=_table(
            [_holds(layout, own, answer) for answer in kinds for own in everything],
            len(layout.timing),
            np.int8,
        ),
        times=_table(
            [[_time(layout, own, kind) for _, own in layout.timing] for kind in local], len(layout.timing), np.int64
        ),
        edges=np.array(sorted({0} | {edge for hours in periods for edge in hours.edges}), np.int64),
        holidays=np.array(
            [
                (day, rule(holiday.label), number)
                for day in (range(low, high + 1) if schedule.holidays else ())
                for number, holiday in enumerate(schedule.holidays)
                if holiday.falls_on(day)
            ],
            HOLIDAYS,
        ),
    )


def _holds(layout: RulesetArrays, own: Hours | Holiday, answers: Answers) -> list[int]:
    """By schedule, whether hours hold, as kernels read it (`HourTables.applies`)."""
    found, is_send = 1, any(own is one for one in layout.compiled.playbook.send_hours)
    if own.audience is not None:
        number = layout.hour_rules.index(own.audience) if own.audience in layout.hour_rules else -1
        answer = answers[number] if 0 <= number < len(answers) else None
        found = 0 if answer is False else 1
        if answer is None and is_send:
            found = 2 + number
    return [found if any(own is one for one in (*s.hours, *s.holidays)) else 0 for s, _ in layout.timing]


def _time(layout: RulesetArrays, send_at: SendAt | None, kind: LocalKind) -> int:
    """The local time of day at which claims go, or `NONE`."""
    if send_at is None:
        return NONE
    return kind.times[layout.send_times.index(send_at)] if kind.times else send_at.time_for({})


def _table(rows: list[list[Any]], width: int, kind: Any) -> np.ndarray:
    return np.array(rows, kind).reshape(len(rows), width)
