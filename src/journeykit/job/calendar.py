"""The calendar of a plan: what goes out and what waits, day by day and team by team."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from journeykit.basics.clock import WEEKDAYS, clock, day_date, micros
from journeykit.basics.html_table import html_page, html_table
from journeykit.basics.text import clean, width_of
from journeykit.basics.text_table import text_table
from journeykit.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from journeykit.model.outcome import Row
    from journeykit.playbook.playbook import Playbook

WIDTH = 160
"""So many columns wide the text is at most, unless another width is asked for."""
_NO_TEAM = "(none)"
_MOST_TEAMS = 9
_LONGEST_NAME = 14
DayCounts = dict[Outcome, Counter[tuple[int | None, str]]]
"""By outcome, local day and team, how many claims there are; None is after the plan's end."""


class _Line(NamedTuple):
    """A line of the table: what it is called, and by team how much is granted, which may mean nothing, and deferred."""

    label: str
    granted: Mapping[str, int] | None
    deferred: Mapping[str, int]


@frozen(kw_only=True, repr=False)
class Calendar:
    """How many messages are granted, and how many claims deferred, on each day of a plan, team by team.

    A message counts on the day on which it goes (``send_at``), a deferred claim on the day on which it may go
    (``retry_at``). A plan has weighed all of its own days when it defers a claim, so that `Arbiter` looks for that day
    after the plan: what it defers is ``later``. Days are those of the playbook's zone: a contact elsewhere may call
    the day by another date.

    Print it for the text, show it in a notebook for a table, or take it as plain data.

    Attributes:
        timezone: IANA name of the playbook's zone.
        days: the local dates of the plan, each one, whether something is on it or not.
        teams: names, in the playbook's order; claims without a team are those of ``(none)``.
        granted: by day and team, how many messages go out; all days and teams are there.
        deferred: likewise, how many claims may go then, up to the plan's last instant.
        later: by team, how many deferred claims may go only after the plan's last instant.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Playbook
        >>> from journeykit.job import Inputs, Job
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "teams": [{"name": "events"}],
        ...     "campaigns": [{"id": name, "team": "events", "content": ["note"]} for name in ("meetup", "gala")],
        ...     "caps": [{"name": "one a week", "max": 1, "window": {"calendar": "week"}}],
        ... })
        >>> inputs = Inputs(contacts=[{"contact_id": "anna", "consent": "email"}])
        >>> span = {"at": datetime(2026, 11, 5, 10, tzinfo=UTC), "until": datetime(2026, 11, 7, 10, tzinfo=UTC)}
        >>> job = Job(Arbiter(playbook), inputs, **span)
        >>> for _ in job.decisions():
        ...     pass
        >>> print(job.calendar())
        Plan from Thu 2026-11-05 until Sat 2026-11-07: messages granted / claims deferred, by team.
        Days are those of UTC, the playbook's zone; a contact's own may differ.
        <BLANKLINE>
        day             events
        --------------  ------
        Thu 2026-11-05   1
        Fri 2026-11-06   0
        Sat 2026-11-07   0
        later            - / 1
        all              1 / 1
    """

    timezone: str
    days: tuple[date, ...]
    teams: tuple[str, ...]
    granted: Mapping[tuple[date, str], int]
    deferred: Mapping[tuple[date, str], int]
    later: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The calendar as plain data: ``calendar`` with one entry for each day and team, ``later``, ``timezone``."""
        return {
            "timezone": self.timezone,
            "calendar": [
                {
                    "day": day.isoformat(),
                    "team": team,
                    "granted": self.granted[day, team],
                    "deferred": self.deferred[day, team],
                }
                for day in self.days
                for team in self.teams
            ],
            "later": dict(self.later),
        }

    def heading(self) -> tuple[str, str]:
        """A line that says what is counted, and one that says whose days they are."""
        span = f"from {_day(self.days[0])} until {_day(self.days[-1])}"
        zone = f"Days are those of {self.timezone}, the playbook's zone; a contact's own may differ."
        return f"Plan {span}: messages granted / claims deferred, by team.", zone

    def text(self, width: int = WIDTH) -> str:
        """The calendar as a text with one line a day. A day to which no claim is deferred has one number.

        Where not all teams have room in the width, those with most messages granted are shown, and all others
        together; so too where there are more than nine teams.
        """
        for shown in self._choices():
            headings = self._headings(shown)
            table = text_table(headings, self._cells(shown), right=range(1, len(headings)))
            if max(map(width_of, table)) <= width:
                break
        return "\n".join([*map(clean, self.heading()), "", *table])

    def _choices(self) -> list[int]:
        """How many teams may be shown, the most first; one other alone would take as much room as it saves."""
        count = len(self.teams)
        return [*([count] if count <= _MOST_TEAMS else []), *range(min(_MOST_TEAMS - 1, count - 2), 0, -1)]

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        groups = self._groups(len(self.teams))
        most = max([*self.granted.values(), 1])
        heat = [
            [0, *(self.granted[day, names[0]] / most if len(names) == 1 else 0 for _, names in groups)]
            for day in self.days
        ]
        heat += [[0] * (1 + len(groups))] * 2
        headings = ["day", *(name for name, _ in groups)]
        cells = self._cells(len(self.teams))
        return html_page(self.heading(), [html_table(headings, cells, right=range(1, len(headings)), heat=heat)])

    # The table

    def _groups(self, shown: int) -> list[tuple[str, tuple[str, ...]]]:
        """What has a column of its own: a heading, and the teams that are counted together under it."""
        most = sorted(self.teams, key=lambda team: -sum(self.granted[day, team] for day in self.days))[:shown]
        others = tuple(team for team in self.teams if team not in most)
        groups: list[tuple[str, tuple[str, ...]]] = [(team, (team,)) for team in self.teams if team in most]
        groups += [(f"{len(others)} others", others)] if others else []
        # A total of one team would say the same twice.
        return [*groups, ("all", self.teams)] if len(self.teams) > 1 else groups

    def _lines(self) -> Iterator[_Line]:
        granted: Counter[str] = Counter()
        deferred = Counter(self.later)
        for day in self.days:
            goes = {team: self.granted[day, team] for team in self.teams}
            waits = {team: self.deferred[day, team] for team in self.teams}
            granted.update(goes)
            deferred.update(waits)
            yield _Line(_day(day), goes, waits)
        yield _Line("later", None, self.later)
        yield _Line("all", granted, deferred)

    def _cells(self, shown: int) -> list[list[str]]:
        """The table: what each line is called, then the cells of its columns, the slashes of each below each other."""
        lines = list(self._lines())
        columns = [[line.label for line in lines]]
        for _, teams in self._groups(shown):
            goes = ["-" if line.granted is None else f"{_sum(line.granted, teams):,}" for line in lines]
            waits = [f" / {count:,}" if (count := _sum(line.deferred, teams)) else "" for line in lines]
            left, right = max(map(len, goes)), max(map(len, waits))
            columns.append([f"{go:>{left}}{wait:<{right}}" for go, wait in zip(goes, waits, strict=True)])
        return [list(row) for row in zip(*columns, strict=True)]

    def _headings(self, shown: int) -> list[list[str]]:
        """The heading of each column, in as many lines as a long name needs."""
        return [["day"], *(_broken(clean(name)) for name, _ in self._groups(shown))]


class DayTally:
    """What a calendar counts, kept small while the contacts pass.

    Args:
        playbook: whose zone and teams they are.
        at: the first instant of the plan, aware.
        until: its last instant, aware.

    Attributes:
        clock: local time of the playbook's zone.
        last: the last instant of the plan, in microseconds.
        counted: what was counted so far.
    """

    def __init__(self, playbook: Playbook, at: datetime, until: datetime) -> None:
        self.clock = clock(playbook.timezone)
        self.last = micros(until, what="until")
        self._days = self.clock.day(micros(at)), self.clock.day(self.last)
        self._teams = [team.name for team in playbook.teams or ()]
        self.counted: DayCounts = {Outcome.GRANTED: Counter(), Outcome.DEFERRED: Counter()}

    def add(self, day: int | None, team: str | None, outcome: Outcome, count: int = 1) -> None:
        """Count so many claims, granted or deferred, of a team on a local day; None is after the plan's end."""
        self.counted[outcome][day, _NO_TEAM if team is None else team] += count

    def count(self, rows: Iterable[Row]) -> None:
        """Count the rows of a decision."""
        for row in rows:
            when = row.send_at if row.outcome is Outcome.GRANTED else row.retry_at
            if when is not None and row.outcome in self.counted:
                at = micros(when)
                self.add(self.clock.day(at) if at <= self.last else None, row.team, row.outcome)

    def merge(self, counted: DayCounts) -> None:
        """Count what was counted elsewhere, of the same plan."""
        for outcome, counts in counted.items():
            self.counted[outcome].update(counts)

    def calendar(self) -> Calendar:
        """What was counted so far."""
        granted, deferred = (self.counted[own] for own in (Outcome.GRANTED, Outcome.DEFERRED))
        counted = {day for day, _ in (*granted, *deferred) if day is not None}
        # A clock that is set back over midnight shows, for a while, the day before the first.
        days = range(min({self._days[0], *counted}), max({self._days[1], *counted}) + 1)
        seen = sorted({team for _, team in (*granted, *deferred)} - {_NO_TEAM})
        teams = dict.fromkeys([*self._teams, *seen])
        if not teams or any(team == _NO_TEAM for _, team in (*granted, *deferred)):
            teams[_NO_TEAM] = None
        return Calendar(
            timezone=self.clock.name,
            days=tuple(map(day_date, days)),
            teams=tuple(teams),
            granted={(day_date(day), team): granted[day, team] for day in days for team in teams},
            deferred={(day_date(day), team): deferred[day, team] for day in days for team in teams},
            later={team: deferred[None, team] for team in teams},
        )


def _sum(counts: Mapping[str, int], teams: Iterable[str]) -> int:
    return sum(counts[team] for team in teams)


def _day(day: date) -> str:
    # Not strftime: the answer would depend on the locale of the machine.
    return f"{WEEKDAYS[day.weekday()].capitalize()} {day.isoformat()}"


def _broken(name: str) -> list[str]:
    """A name in lines that are short enough, broken between words; a word that is longer has a line of its own."""
    lines = [""]
    for word in re.split(r"(?<=[ _-])", name):
        if lines[-1] and width_of(lines[-1] + word.rstrip()) > _LONGEST_NAME:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]
