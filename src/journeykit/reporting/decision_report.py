"""The report for marketers: from tables of decisions to one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import clock, micros, moment
from journeykit.basics.plain_data import read_json
from journeykit.basics.text import clean
from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError
from journeykit.journey.measure.funnel_report import ReportTable, counted, page, text
from journeykit.reporting.change_part import change_part
from journeykit.reporting.contact_pressure import kind_of
from journeykit.reporting.contest_parts import contest_part, quota_part, reason_part
from journeykit.reporting.given_parts import example_part, experiment_part, measure_part
from journeykit.reporting.journey_part import journey_part
from journeykit.reporting.matrix_page_part import matrix_part
from journeykit.reporting.page_parts import DAY, ISOLATE, ISOLATED, TEXT, PagePart
from journeykit.reporting.pressure_page_part import pressure_part
from journeykit.reporting.pressure_tally import NEEDED as PRESSURE_NEEDED
from journeykit.reporting.pressure_tally import OPTIONAL as PRESSURE_OPTIONAL
from journeykit.reporting.pressure_tally import PressureTally
from journeykit.reporting.report_page import page_html, shown_number
from journeykit.reporting.report_tally import NEEDED, READ, ReportTally
from journeykit.reporting.voice_parts import ReportNames, calendar_part, headline, voice_part
from journeykit.segments.contact_facets import ContactGroups
from journeykit.tables.arrow.decision_log import DecisionLog
from journeykit.tables.files import whole_file

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.page_parts import PageChart

_MOST_EXAMPLES = 1_000


@frozen(kw_only=True, repr=False)
class DecisionReport:
    """What was decided, for people who plan campaigns.

    Attributes:
        title: its heading.
        lines: what it is about: runs, instants, contacts.
        parts: its parts, each with charts and tables; those that lack something say what would fill them.
        html: the page, whole in one text.
    """

    title: str
    lines: tuple[str, ...]
    parts: tuple[PagePart, ...]
    html: str

    def part(self, key: str) -> PagePart:
        """A part by its name, such as ``voice``.

        Raises:
            KeyError: if there is no such part.
        """
        for own in self.parts:
            if own.key == key:
                return own
        raise KeyError(key)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which appears whole or not at all.

        Raises:
            OSError: if it cannot be written; what was there stays as it was.
        """
        with whole_file(path) as file:
            file.write(self.html.encode("utf-8", "backslashreplace"))

    def to_dict(self) -> dict[str, Any]:
        """What the page says and shows as plain data, without the page."""
        parts = {own.key: own.to_dict() for own in self.parts}
        return {"title": self.title, "lines": list(self.lines), "parts": parts}

    def _tables(self) -> Iterator[ReportTable]:
        for part in self.parts:
            for chart in part.charts:
                yield _as_text(part, chart)

    def _heading(self) -> Iterator[str]:
        yield from _wrapped(self.title, *self.lines)
        for part in self.parts:
            if part.key == "headline":
                yield from _wrapped(*(f"{value} {what}" for value, what in part.figures), *part.lines)
        for part in self.parts:
            if part.missing:
                yield from _wrapped(f"{part.title}: not shown: {part.missing}")

    def __str__(self) -> str:
        return _on_a_terminal(text(self._heading(), self._tables()))

    def __repr__(self) -> str:
        return f"DecisionReport({self.title!r}, {len(self.html):,} characters)"

    def _repr_html_(self) -> str:
        return _on_a_terminal(page(self._heading(), self._tables()))


_TOLD_ROWS, _TOLD_COLUMNS, _TOLD_CELL, _WIDE = 10, 4, 26, 120


def _wrapped(*lines: str) -> Iterator[str]:
    for line in lines:
        yield from wrap(line, _WIDE)


def _as_text(part: PagePart, chart: PageChart) -> ReportTable:
    """The first rows of a table of the page; how many more there are is said."""
    table = chart.table
    columns = table.columns[:_TOLD_COLUMNS]
    rows = [
        tuple(_told(value, column.kind) for value, column in zip(row, columns, strict=False))
        for row in table.rows[:_TOLD_ROWS]
    ]
    more = len(table.rows) + table.cut - len(rows)
    title = f"{part.title}: {chart.title}" + (f" (the first {len(rows)} rows; {more:,} more)" if more else "")
    hidden = len(table.columns) - len(columns)
    title += f" ({hidden} more column{'s' * (hidden != 1)})" if hidden else ""
    names = sum(column.kind in (TEXT, DAY) for column in columns)
    return ReportTable("\n".join(wrap(title, _WIDE)), tuple(column.name for column in columns), rows, max(1, names))


def _told(value: Any, kind: str) -> str:
    if value is None:
        return "-"
    told = str(value) if kind in (TEXT, DAY) else shown_number(value, kind)
    return told if len(told) <= _TOLD_CELL else f"{told[: _TOLD_CELL - 1]}…"


def _on_a_terminal(told: str) -> str:
    """Text without what keeps directions apart on a page."""
    for mark in (ISOLATE, ISOLATED):
        told = told.replace(mark, "").replace(clean(mark), "")
    return told


def report(
    playbook: Playbook,
    decisions: Any,
    *,
    contacts: Any = None,
    summary: Any = None,
    measures: Any = None,
    compare: Any = None,
    examples: int = 0,
    title: str | None = None,
    at: datetime | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
) -> DecisionReport:
    """Make the report, as ``journeykit report`` does.

    Args:
        playbook: the playbook that decided.
        decisions: what `Arbiter.decide_table` or ``journeykit decide`` wrote, best with all claims: a path, a folder, a
            list of paths, a table of Arrow or rows as mappings. Rows of other playbooks are refused.
        contacts: the contacts, for stages and segments: whatever `Arbiter.decide_table` takes.
        summary: what ``decide --summary`` wrote, or a `Summary`, for the use of quotas.
        measures: what ``measure --json`` printed, or a `MeasureReport`.
        compare: what ``compare --json`` printed, or a `Comparison`: what another playbook would change.
        examples: the rows of so many contacts are shown. Without it nothing of a single contact is in the page.
        title: its heading; by default the playbook's name.
        at: the instant at which segments are asked, aware; by default that of the last decision.
        zone: IANA name of the zone in which instants of a table without an offset are meant.
        max_bad: how many bad rows of contacts are tolerated, as a number or as a share (``"1%"``).

    Raises:
        DataError: for tables and files that cannot be used, and decisions of another playbook.
        MissingExtraError: without the extra ``report``.
        ModelError: for a wrong number of examples, and for contacts where nothing says an instant.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Campaign, Content, Playbook, Team
        >>> playbook = Playbook(
        ...     teams=[Team(name="events")],
        ...     content=[Content(id="invitation", channel="email")],
        ...     campaigns=[Campaign(id="meetup", team="events", content=["invitation"])],
        ... )
        >>> people = [{"contact_id": "anna", "consent": "email"}, {"contact_id": "ben", "opted_out": True}]
        >>> at = datetime(2026, 11, 5, 10, tzinfo=UTC)
        >>> decisions = Arbiter(playbook).decide_table(people, at=at, everything=True)
        >>> print(report(playbook, decisions).part("voice").charts[0].title)
        All messages come from events
    """
    if type(examples) is not int or not 0 <= examples <= _MOST_EXAMPLES:
        raise ModelError(f"examples must be a whole number from 0 to {_MOST_EXAMPLES:,}, found {shown(examples)}")
    decisions, contacts = _lasting(decisions), _lasting(contacts)
    where = None if zone is None else clock(zone).zone
    log = DecisionLog(decisions, zone=where).of_playbook(playbook)
    groups = None
    if contacts is not None:
        at = at or _last_instant(log)
        groups = ContactGroups.read(playbook, contacts, at=at, by=("segment", "stage"), zone=zone, max_bad=max_bad)
    tally, load = ReportTally(playbook, groups, examples), PressureTally(kind_of(playbook))
    pressed = (*PRESSURE_NEEDED, *PRESSURE_OPTIONAL)
    counts_load = {*PRESSURE_NEEDED} <= {*log.columns}
    optional = tuple(dict.fromkeys(name for name in (*READ, *pressed) if name not in NEEDED))
    for piece in log.pieces(NEEDED, optional):
        tally.add(piece)
        if counts_load and piece.num_rows:
            load.take(piece.select(pressed))
    given = {"summary": summary, "measures": measures, "comparison": compare}
    found = {name: _plain(value, name) for name, value in given.items()}
    _check_summary(found["summary"], playbook, tally.runs if "run_id" in log.columns else ())
    names = ReportNames(playbook, tally)
    parts = tuple(_parts(playbook, tally, load, names, groups, contacts, decisions, log, found, examples, at, zone))
    heading = clean(title) if title else names.short(playbook.name)
    lines = tuple(_about(playbook, log, tally, groups))
    page = page_html(heading, lines, parts, names.short.hints)
    return DecisionReport(title=heading, lines=lines, parts=parts, html=page)


def _parts(
    playbook: Playbook,
    tally: ReportTally,
    load: PressureTally,
    names: ReportNames,
    groups: ContactGroups | None,
    contacts: Any,
    decisions: Any,
    log: DecisionLog,
    found: Mapping[str, Any],
    examples: int,
    at: datetime | None,
    zone: str | None,
) -> Iterator[PagePart]:
    """The parts of the page, in their order."""
    yield headline(tally)
    yield calendar_part(tally, names, playbook.timezone)
    yield voice_part(tally, names, has_contacts=groups is not None)
    yield contest_part(tally, names)
    yield reason_part(tally, names)
    yield pressure_part(playbook, tally, names, load, groups, log.columns)
    yield quota_part(playbook, tally, names, found["summary"])
    # Without the content of messages nobody knows in which cell they are.
    last = micros(at) if at is not None else None if tally.span is None else tally.span[1]
    told = decisions if "content_id" in log.columns else None
    yield matrix_part(playbook, names, contacts, told, last, zone)
    yield journey_part(playbook, tally, names, groups)
    yield experiment_part(playbook, tally, names)
    yield measure_part(found["measures"], names)
    yield change_part(found["comparison"], names, playbook.fingerprint)
    shown = example_part(tally, names, examples)
    if shown is not None:
        yield shown


def _about(playbook: Playbook, log: DecisionLog, tally: ReportTally, groups: ContactGroups | None) -> Iterator[str]:
    """What the report is about."""
    if tally.span is None:
        yield "No decisions."
    else:
        first, last = (f"{clock(playbook.timezone).moment(at):%Y-%m-%d %H:%M}" for at in tally.span)
        when = first if first == last else f"{first} to {last}"
        runs = (
            f"{len(tally.runs):,} runs"
            if len(tally.runs) > 1
            else f"run {clean(next(iter(tally.runs)))[:_LONGEST_RUN]}"
        )
        yield f"Decided {when} ({playbook.timezone}), {runs}; {tally.rows:,} claims of {tally.contacts:,} contacts."
    yield f"Playbook {playbook.fingerprint[:12]}; decisions from {clean(PurePath(log.source).name)[:_LONGEST_SOURCE]}."
    if groups is not None and groups.bad_rows:
        yield f"{counted(groups.bad_rows, 'row')} of contacts could not be used."


_LONGEST_RUN, _LONGEST_SOURCE = 60, 120


def _lasting(source: Any) -> Any:
    """A table that can be read more than once, as the parts of the page do: what comes only once is kept."""
    if not hasattr(source, "__next__"):
        return source
    return source.read_all() if hasattr(source, "read_all") else list(source)


def _last_instant(log: DecisionLog) -> datetime:
    """The instant of the last decision, at which segments are asked.

    Raises:
        ModelError: where no row has one.
    """
    for _ in log.pieces((), ("decided_at",)):
        pass
    if log.instants is None and log.rows:
        raise ModelError("the decisions do not say when they were made: give at", field="at")
    return moment(0) if log.instants is None else log.instants[1]


def _plain(value: Any, what: str) -> Mapping[str, Any] | None:
    """What a command printed, or a value that it prints, as plain data."""
    if value is None:
        return None
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if not isinstance(value, Mapping):
        return read_json(value, what)
    lacking = [name for name in _KEYS[what] if name not in value]
    if lacking:
        raise DataError(f"this is no JSON of {what}: it has no {', '.join(lacking)}", source=what)
    return value


def _check_summary(summary: Mapping[str, Any] | None, playbook: Playbook, runs: Collection[str]) -> None:
    """Quotas of another playbook, or of another run, are not what these decisions used."""
    if summary is None:
        return
    decided = summary.get("playbook", playbook.fingerprint)
    if decided != playbook.fingerprint:
        raise DataError(
            f"the summary is of the playbook {decided[:12]}..., and {playbook.fingerprint[:12]}... is given; "
            "give the summary of the same decisions",
            source="summary",
            field="playbook",
        )
    run = summary.get("run_id")
    if run is not None and runs and run not in runs:
        raise DataError(
            f"the summary is of the run {shown(run)}, and no decision is of that run; give the summary of the same "
            "decisions",
            source="summary",
            field="run_id",
        )


_KEYS = {
    "summary": ("quotas",),
    "measures": ("all", "by", "since", "until", "level", "unit"),
    "comparison": ("sides", "pairs"),
}
"""What the report reads of what others give."""
