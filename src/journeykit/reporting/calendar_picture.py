"""The calendar of a plan as a picture: the days beside each other, a row for each team, darker where more goes out."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
from attrs import frozen

from journeykit.basics.clock import WEEKDAYS
from journeykit.basics.html_table import scroll_box
from journeykit.errors import ModelError, named_error
from journeykit.job.calendar import Calendar
from journeykit.reporting.chart_files import chart_svg, page_of
from journeykit.reporting.chart_style import INK, PAPER, RAMP, chart_data, day_axis, finding, short_names
from journeykit.reporting.page_parts import listed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

CALENDAR_FILES = (".svg", ".html")
"""The endings of the files in which a calendar is drawn."""
_MOST_TEAMS = 25
_MOST_NUMBERS = 21
_DAY, _NAMES, _NARROWEST, _WIDEST = 38, 170, 520, 1400


@frozen(repr=False)
class CalendarPicture:
    """A picture of a calendar. It shows itself in a notebook, and saves itself as SVG or as a page.

    Attributes:
        calendar: what is drawn.
    """

    calendar: Calendar

    @property
    def title(self) -> str:
        """What the calendar says, in a sentence: which team sends most, and on which day most goes out."""
        teams, days = _sums(self.calendar)
        whole = teams.total()
        if not whole:
            return "No message goes out."
        peak = max(days.values())
        busiest = [day for day in self.calendar.days if days[day] == peak]
        said = f"{whole:,} {'message goes' if whole == 1 else 'messages go'} out"
        if len(self.calendar.teams) > 1:
            most = max(teams.values())
            first = [team for team in short_names(self.calendar.teams).items() if teams[team[0]] == most]
            who = listed([name for _, name in first])
            verb = "sends" if len(first) == 1 else "each send"
            said = f"{who} {verb} {_percent(most, whole)} of {_counted(whole, 'message')}, most of any team"
        if len(self.calendar.days) == 1:
            return f"{said}."
        day = listed([_day(own) for own in busiest])
        if len(busiest) == 1:
            return f"{said}; the busiest day is {day} ({peak:,})."
        return f"{said}; the busiest days are {day} ({peak:,} each)."

    @property
    def subtitle(self) -> str:
        """What is counted, and what is not in the picture."""
        deferred, later = sum(self.calendar.deferred.values()), sum(self.calendar.later.values())
        said = f"Messages granted, by day ({self.calendar.timezone}) and team."
        if deferred:
            said += f" {_counted(deferred, 'claim')} deferred to another day of the plan."
        if later:
            said += f" {_counted(later, 'claim')} got no day of the plan."
        return said

    @property
    def svg(self) -> str:
        """The picture as a file of SVG, with its title."""
        width = self._width
        return chart_svg(self._chart(finding(self.title, self.subtitle, width=width)), width=width)

    @property
    def html(self) -> str:
        """A page with the picture and the table of the same numbers, which needs no network."""
        picture = chart_svg(self._chart(), width=self._width)
        return page_of(self.title, self.subtitle, scroll_box(picture), self.calendar._repr_html_())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file, which appears whole or not at all.

        Raises:
            ModelError: for an ending that is none of `CALENDAR_FILES`.
            OSError: where it cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() not in CALENDAR_FILES:
            raise ModelError(f"{target.name}: a calendar is drawn as {' or '.join(CALENDAR_FILES)}", field="path")
        text = self.svg if target.suffix.lower() == ".svg" else self.html
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            beside.write_text(text, "utf-8")
            beside.replace(target)
        except OSError as error:
            raise named_error(error, path) from error
        finally:
            beside.unlink(missing_ok=True)

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"CalendarPicture({len(self.calendar.days)} days, {len(self.calendar.teams)} teams)"

    def _repr_html_(self) -> str:
        return scroll_box(self.svg)

    @property
    def _width(self) -> int:
        return min(max(_NAMES + _DAY * len(self.calendar.days), _NARROWEST), _WIDEST)

    def _chart(self, title: Any = alt.Undefined) -> Any:
        rows = _rows(self.calendar)
        teams = list(dict.fromkeys(row["team"] for row in rows))
        most = max((row["messages"] for row in rows), default=0)
        scale = alt.Scale(domain=[0, max(most, 1)], range=[own.light for own in RAMP])
        base = alt.Chart(chart_data(rows)).encode(
            x=day_axis("day"), y=alt.Y("team:N", title=None, sort=teams, axis=alt.Axis(labelLimit=_NAMES))
        )
        # A day without a message is empty rather than pale.
        cells = base.transform_filter("datum.messages > 0").mark_rect(stroke=PAPER.light, cornerRadius=3)
        legend = alt.Legend(title="messages") if len(self.calendar.days) > _MOST_NUMBERS else None
        layers = [base.mark_rect(opacity=0), cells.encode(color=alt.Color("messages:Q", scale=scale, legend=legend))]
        if len(self.calendar.days) <= _MOST_NUMBERS:
            ink = alt.condition(f"datum.messages > {0.62 * most}", alt.value(PAPER.light), alt.value(INK.light))
            layers.append(base.mark_text().encode(text=alt.Text("messages:Q", format=","), color=ink))
        return alt.layer(*layers, width="container", height=alt.Step(30), title=title)


def draw_calendar(calendar: Calendar) -> CalendarPicture:
    """Draw the calendar of a plan: days beside each other, a row for each team, darker where more goes out.

    It shows the messages that are granted; what is deferred is counted below its title. Of more than 25 teams the 24
    with most messages have rows of their own, and all others one together.

    Args:
        calendar: as `Arbiter.decide_table` gives it to ``calendar``.

    Raises:
        MissingExtraError: where the extra ``report`` is not installed.

    Example:
        >>> from datetime import date
        >>> from journeykit.job import Calendar
        >>> monday = date(2026, 11, 2)
        >>> calendar = Calendar(timezone="UTC", days=(monday,), teams=("events", "sales"), later={},
        ...     granted={(monday, "events"): 3, (monday, "sales"): 1}, deferred={})
        >>> draw_calendar(calendar).title
        'events sends 75 % of 4 messages, most of any team.'
    """
    return CalendarPicture(calendar)


def _rows(calendar: Calendar) -> list[dict[str, Any]]:
    teams, _ = _sums(calendar)
    shown = [*calendar.teams]
    if len(shown) > _MOST_TEAMS:
        most = {team for team, _ in teams.most_common(_MOST_TEAMS - 1)}
        shown = [team for team in shown if team in most]
    others = [team for team in calendar.teams if team not in set(shown)]
    names: Mapping[str, str] = short_names(shown)
    rows = [
        {"day": day.isoformat(), "team": names[team], "messages": calendar.granted[day, team]}
        for team in shown
        for day in calendar.days
    ]
    if others:
        name = f"{len(others)} other teams"
        rows += [
            {"day": day.isoformat(), "team": name, "messages": sum(calendar.granted[day, team] for team in others)}
            for day in calendar.days
        ]
    return rows


def _sums(calendar: Calendar) -> tuple[Counter[str], Counter[date]]:
    """How many messages are granted by team, and by day."""
    teams, days = Counter(dict.fromkeys(calendar.teams, 0)), Counter(dict.fromkeys(calendar.days, 0))
    for (day, team), count in calendar.granted.items():
        teams[team] += count
        days[day] += count
    return teams, days


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 1 else "less than 1 %"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()].capitalize()} {day.isoformat()}"
