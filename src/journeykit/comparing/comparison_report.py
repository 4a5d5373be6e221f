"""What a comparison says: as text, as a page, as plain data and as rows of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.comparing.group_outcomes import GroupOutcomes
from journeykit.comparing.pair_comparison import FIGURES, PairComparison, Swap
from journeykit.journey.measure.funnel_report import ReportTable, page, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.comparing.group_outcomes import GroupChange, MeanChange
    from journeykit.comparing.pair_comparison import GroupDifference
    from journeykit.comparing.playbook_change import PlaybookChange
    from journeykit.measuring.differences import Difference

COMPARISONS: Mapping[str, str] = {
    "first": "text",
    "other": "text",
    "by": "text",
    "group": "text",
    **{f"{side}_{name}": "number" for name in FIGURES for side in ("first", "other")},
    "lost": "text",
    "gained": "text",
}
"""The columns of the table of comparisons, with the kind of each. What a row does not have is empty."""
SHOWN = 20
"""So many groups and pairs are shown as text; plain data and tables have all."""
_NOTHING = "(nothing)"
_WIDE = 118
"""So wide are lines of text at most."""
_WIDEST = 40
"""So much of a name is shown in text."""


@frozen(kw_only=True)
class ComparedSide:
    """What one playbook or table of decisions decided.

    Attributes:
        name: what it is called.
        playbooks: the fingerprints of the playbooks that decided.
        contacts: contacts of whom there is a decision.
        reached: those of them who get a message.
        outcomes: by outcome, how many claims.
        reasons: by reason, how many claims.
        value: the weights of the messages, each as the side itself weighs it.
        notes: what the run says that a person should know.
    """

    name: str
    playbooks: tuple[str, ...]
    contacts: int
    reached: int
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    value: float
    notes: tuple[str, ...] = ()

    @property
    def claims(self) -> int:
        """How many claims were decided, or are in the table."""
        return sum(self.outcomes.values())

    @property
    def messages(self) -> int:
        """How many claims were granted."""
        return self.outcomes.get("granted", 0)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "name": self.name,
            "playbooks": list(self.playbooks),
            "contacts": self.contacts,
            "reached": self.reached,
            "claims": self.claims,
            "messages": self.messages,
            "value": self.value,
            "outcomes": dict(self.outcomes),
            "reasons": dict(self.reasons),
            "notes": list(self.notes),
        }


@frozen(kw_only=True, repr=False)
class Comparison:
    """What playbooks, or tables of decisions of the same run, decide otherwise than the first of them.

    Attributes:
        at: the instant of the decisions; None for tables of several runs.
        until: the last instant of the plan, or None.
        sides: what each decided, in the order given.
        pairs: how each of the others differs from the first.
        groups: what groups of contacts get from each, where they were asked for.
        notes: what is to be said of all of them.
    """

    at: datetime | None
    until: datetime | None
    sides: tuple[ComparedSide, ...]
    pairs: tuple[PairComparison, ...]
    groups: tuple[GroupOutcomes, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_changed(self) -> bool:
        """Whether any of the others decides otherwise than the first."""
        return any(pair.is_changed for pair in self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; instants are ISO text."""
        return {
            "at": None if self.at is None else self.at.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "sides": [side.to_dict() for side in self.sides],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "groups": [own.to_dict() for own in self.groups],
            "notes": list(self.notes),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of comparisons, with the columns of `COMPARISONS`."""
        empty = dict.fromkeys(COMPARISONS)
        for pair in self.pairs:
            about = {**empty, "first": pair.first, "other": pair.other}
            for by, groups in pair.by.items():
                for group in groups:
                    yield {**about, "by": by, "group": group.group, **group.cells()}
            for swap in pair.swaps:
                counts = {"by": "swap", "first_contacts": swap.contacts, "other_contacts": swap.contacts}
                yield {**about, **counts, "lost": swap.lost, "gained": swap.gained}

    def _heading(self) -> Iterator[str]:
        if self.at is not None:
            plan = "" if self.until is None else f" to {self.until:%Y-%m-%d %H:%M}"
            yield f"Decisions of {self.at:%Y-%m-%d %H:%M}{plan} (UTC)"
        for pair in self.pairs:
            yield f"{shortened(pair.other)} against {shortened(pair.first)}: {pair.verdict()}"
            yield from (f"  {detail}" for detail in pair.details())
        if self.groups:
            level = f"{100 * self.groups[0].level:g} %"
            yield f"Groups of contacts are compared with all other contacts; intervals are at {level}, by contact."
            yield "Of many groups some differ by chance; and groups that differ in stage or consent differ in messages."
        yield from self.notes
        for side in self.sides:
            yield from (f"{shortened(side.name)}: {note}" for note in side.notes)

    def _tables(self) -> Iterator[ReportTable]:
        yield _sides_table(self.sides)
        if self.is_changed:
            yield _reasons_table(self.sides)
        for pair in self.pairs:
            if pair.is_changed:
                yield from _pair_tables(pair, is_one=len(self.pairs) == 1)
        yield from map(_outcomes_table, self.groups)
        for pair in self.pairs:
            for by, changes in pair.by_groups.items():
                yield _group_changes_table(
                    f"By {by}: {shortened(pair.other)} less {shortened(pair.first)}", by, changes
                )

    def __str__(self) -> str:
        lines = (wrap(line, _WIDE, subsequent_indent="    ", break_long_words=False) for line in self._heading())
        return text(chain.from_iterable(lines), self._tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self._heading(), self._tables())


def shortened(name: str | None) -> str:
    """A name that fits a table."""
    if name is None:
        return "(none)"
    return name if len(name) <= _WIDEST else f"{name[: _WIDEST - 3]}..."


def _sides_table(sides: tuple[ComparedSide, ...]) -> ReportTable:
    first = sides[0]
    rows = []
    for label, read in _LINES:
        cells = [read(side) for side in sides]
        gaps = [_signed(cell - read(first)) for cell in cells[1:]]
        rows.append((label, _number(cells[0]), *(part for pair in zip(map(_number, cells[1:]), gaps) for part in pair)))  # noqa: B905  (as many of both)
    heads = [head for side in sides[1:] for head in (shortened(side.name), "change")]
    return ReportTable("In all", ("", shortened(first.name), *heads), rows, 1)


_LINES: tuple[tuple[str, Any], ...] = (
    ("contacts decided", lambda own: own.contacts),
    ("contacts who get a message", lambda own: own.reached),
    ("claims", lambda own: own.claims),
    ("messages (granted)", lambda own: own.messages),
    ("deferred", lambda own: own.outcomes.get("deferred", 0)),
    ("denied", lambda own: own.outcomes.get("denied", 0)),
    ("value", lambda own: own.value),
)


def _reasons_table(sides: tuple[ComparedSide, ...]) -> ReportTable:
    names = list(dict.fromkeys(name for side in sides for name in side.reasons))
    rows = [(name, *(f"{side.reasons.get(name, 0):,}" for side in sides)) for name in names]
    return ReportTable("Claims by reason", ("reason", *(shortened(side.name) for side in sides)), rows, 1)


def _rules_table(rules: tuple[PlaybookChange, ...], about: str) -> ReportTable:
    rows = [(_middle(own.where), own.what, _value(own.before), _value(own.after)) for own in rules[:SHOWN]]
    title = _cut(f"Where the playbooks differ{about}", len(rules))
    return ReportTable(title, ("where", "", "before", "after"), rows, 4)


def _middle(where: str) -> str:
    """A place that fits a table: its parts are cut, the last one is whole as far as it can be."""
    return " / ".join(map(shortened, where.split(" / ")))


def _value(found: Any) -> str:
    return (
        "" if found is None else shortened(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))
    )


def _pair_tables(pair: PairComparison, *, is_one: bool) -> Iterator[ReportTable]:
    about = "" if is_one else f" ({shortened(pair.other)})"
    if pair.rules:
        yield _rules_table(pair.rules, about)
    for by, groups in pair.by.items():
        # Where nothing has a value there is one group, of all.
        if any(own.group is not None for own in groups) and any(map(_has_messages, groups)):
            yield _groups_table(f"By {by}{about}", by, groups)
    yield _swaps_table(pair.swaps, about)
    yield _counts_table(pair, about)
    yield _changes_table(pair, about)


def _groups_table(title: str, by: str, groups: tuple[GroupDifference, ...]) -> ReportTable:
    headings = (by, "messages", "then", "change", "value", "then", "change")
    told = [*filter(_has_messages, groups)]
    rows = [
        (
            shortened(own.group),
            *_change(own.first.granted, own.other.granted),
            *_change(own.first.value, own.other.value),
        )
        for own in told[:SHOWN]
    ]
    heading, silent = _cut(title, len(told)), len(groups) - len(told)
    if silent:
        heading += f"{';' if len(told) > SHOWN else ':'} {silent:,} more without messages"
    return ReportTable(heading, headings, rows, 1)


def _has_messages(group: GroupDifference) -> bool:
    return bool(group.first.granted or group.other.granted)


def _swaps_table(swaps: tuple[Swap, ...], about: str) -> ReportTable:
    headings = ("lost", "gained", "contacts", "for example")
    rows = [
        (
            _NOTHING if own.lost is None else shortened(own.lost),
            _NOTHING if own.gained is None else shortened(own.gained),
            f"{own.contacts:,}",
            own.told(),
        )
        for own in swaps[:SHOWN]
    ]
    return ReportTable(_cut(f"What contacts get instead{about}", len(swaps)), headings, rows, 2, left=(3,))


def _counts_table(pair: PairComparison, about: str) -> ReportTable:
    counts = pair.by_messages
    across = sorted({other for _, other in counts})
    rows = [
        (str(first), *(f"{counts[first, other]:,}" if (first, other) in counts else "" for other in across))
        for first in sorted({first for first, _ in counts})
    ]
    headings = ("messages", *(f"then {other}" for other in across))
    return ReportTable(f"Contacts by their number of messages{about}", headings, rows, 1)


def _changes_table(pair: PairComparison, about: str) -> ReportTable:
    headings = ("campaign", "from", "to", "claims")
    rows = [(shortened(own.campaign), own.before, own.after, f"{own.claims:,}") for own in pair.changes[:SHOWN]]
    return ReportTable(_cut(f"Claims whose answer changes{about}", len(pair.changes)), headings, rows, 3)


def _outcomes_table(found: GroupOutcomes) -> ReportTable:
    headings = (found.by, *_OUTCOMES)
    rows = [
        (
            shortened(own.group),
            f"{own.contacts:,}",
            _percent(own.rate.rate),
            _span(own.rate.low, own.rate.high, 100, " %"),
            _percent(own.reached.arm.mean),
            *_gap(own.messages),
            *_gap(own.value),
        )
        for own in found.groups[:SHOWN]
    ]
    return ReportTable(_cut(f"{shortened(found.side)} by {found.by}", len(found.groups)), headings, rows, 1)


_OUTCOMES = (
    "contacts",
    "granted",
    "interval",
    "reached",
    "messages",
    "less others",
    "interval",
    "value",
    "less others",
    "interval",
)
"""What the columns of a group are; messages and value are per contact, granted is of the claims that could be."""


def _group_changes_table(title: str, by: str, changes: tuple[GroupChange, ...]) -> ReportTable:
    headings = (by, "contacts", "messages per contact", "interval", "value per contact", "interval")
    rows = [
        (shortened(own.group), f"{own.contacts:,}", *_mean(own.messages), *_mean(own.value)) for own in changes[:SHOWN]
    ]
    return ReportTable(_cut(title, len(changes)), headings, rows, 1)


def _gap(found: Difference) -> tuple[str, str, str]:
    low, high = found.fixed or (None, None)
    mean, gap = found.arm.mean, found.difference
    return _decimals(mean), "-" if gap is None else _more(gap), _span(low, high)


def _mean(found: MeanChange) -> tuple[str, str]:
    return _more(found.mean), _span(found.low, found.high)


def _more(value: float) -> str:
    # What rounding leaves of nothing has no sign of its own.
    return f"{round(value, 3) + 0.0:+,.3f}"


def _decimals(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _span(low: float | None, high: float | None, scale: float = 1, unit: str = "") -> str:
    if low is None or high is None:
        return "-"
    digits = 1 if unit else 3
    return f"{scale * low:,.{digits}f} to {scale * high:,.{digits}f}{unit}"


def _cut(title: str, count: int) -> str:
    return title if count <= SHOWN else f"{title}: {SHOWN} of {count:,}; --json and --out give all"


def _change(before: float, after: float) -> tuple[str, str, str]:
    return _number(before), _number(after), _signed(after - before)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _signed(value: float) -> str:
    return f"{value:+,}" if isinstance(value, int) else f"{value:+,.2f}"
