"""The report of sensitivity: as text, as a page, as plain data and as rows of a table."""

from __future__ import annotations

from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.plain_data import with_schema
from journeykit.basics.text import clean
from journeykit.basics.text_table import text_table
from journeykit.comparing.rule_number import CAP, QUOTA, RESERVE, RuleNumber
from journeykit.journey.measure.funnel_report import ReportTable, page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SENSITIVITIES: Mapping[str, str] = {
    "kind": "text",
    "name": "text",
    "side": "text",
    "measure": "text",
    "now": "text",
    "unit": "number",
    "binds": "number",
    "shift": "text",
    "number": "text",
    "value": "number",
    "value_low": "number",
    "value_high": "number",
    "penalties": "number",
    "messages": "number",
    "contacts": "number",
    "decided": "number",
    "fault": "text",
}
"""The columns of the table of sensitivities, with the kind of each. What a row does not have is empty."""
MORE, LESS = "more", "less"
_NONE = "-"
_SHOWN = 40
"""So many rules are shown as text; all are in the other forms."""
_NAME = 28
"""Longer names are cut in text, and say how long they are."""
_HUNDRED = 100
_WIDTH = 120
_LARGE = 1_000


@frozen(kw_only=True)
class ShiftEffect:
    """What another number of one rule changes.

    Attributes:
        number: the number.
        value: how much more the granted messages are worth, above the reserve that the playbook has now; None where
            no decision keeps all hard quotas.
        messages: how many messages more there are; None likewise.
        contacts: how many contacts get other messages; None likewise.
        decided: how many contacts were decided again; the others it surely leaves as they are.
        penalties: how much more soft quotas cost that do not hold; 0 without such.
        ends: with quotas, from what to what the best value less penalties differs, as far as the bounds of both runs
            prove it; None without quotas, where ``value`` is exact, and for the reserve.
    """

    number: float | str
    value: float | None
    messages: int | None
    contacts: int | None
    decided: int
    penalties: float = 0.0
    ends: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        low, high = self.ends or (None, None)
        names = ("number", "value", "penalties", "messages", "contacts", "decided")
        return {**{name: getattr(self, name) for name in names}, "value_low": low, "value_high": high}


@frozen(kw_only=True)
class RuleSensitivity:
    """What a rule's number is worth.

    Attributes:
        rule: the rule and its number.
        binds: for how many contacts the rule stops at least one claim.
        more: what one unit more changes; None where there is no such number.
        less: what one unit less changes; None likewise.
    """

    rule: RuleNumber
    binds: int
    more: ShiftEffect | None
    less: ShiftEffect | None

    @property
    def shifts(self) -> Iterator[tuple[str, ShiftEffect]]:
        """What there is of one more and one less."""
        for name, effect in ((MORE, self.more), (LESS, self.less)):
            if effect is not None:
                yield name, effect

    @property
    def order(self) -> tuple[float, float, str, str]:
        """Its place among others: the largest gain first, then the largest loss."""
        values = [own.value for _, own in self.shifts if own.value is not None]
        return -max([*values, 0.0]), min([*values, 0.0]), self.rule.name, self.rule.side

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        rule = {name: getattr(self.rule, name) for name in ("kind", "name", "side", "measure", "now", "unit")}
        shifts = {name: None if own is None else own.to_dict() for name, own in ((MORE, self.more), (LESS, self.less))}
        return {**rule, "binds": self.binds, **shifts}


@frozen(kw_only=True, repr=False)
class Sensitivity:
    """What one more and one less of each rule's number is worth, by deciding again.

    Attributes:
        playbook: the fingerprint of the playbook.
        name: the playbook's name, or None.
        at: the instant of the decisions.
        until: the last instant of the plan, or None.
        contacts: how many contacts were decided.
        messages: how many messages are granted as the playbook is.
        value: what they are worth above its reserve.
        rules: the rules, the one with most to gain first.
        runs: how many runs over all contacts it took.
        notes: what a person should know.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Cap, Playbook, Window, sensitivity
        >>> playbook = Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))])
        >>> claim = {"contact_id": "anna", "channel": "email"}
        >>> claims = [{**claim, "campaign_id": "news", "weight": 1}, {**claim, "campaign_id": "launch", "weight": 8}]
        >>> contacts = [{"contact_id": "anna", "consent": ["email"]}]
        >>> found = sensitivity(playbook, contacts, claims=claims, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> cap = found.of("one a day")
        >>> cap.binds, cap.more.value, cap.less.value
        (1, 1.0, -8.0)
    """

    playbook: str
    name: str | None
    at: datetime
    until: datetime | None
    contacts: int
    messages: int
    value: float
    rules: tuple[RuleSensitivity, ...]
    runs: int
    notes: tuple[str, ...] = field(default=())

    def of(self, name: str, side: str | None = None) -> RuleSensitivity:
        """The rule of a name; ``side`` tells the numbers of a quota apart.

        Raises:
            KeyError: if there is none.
        """
        for own in self.rules:
            if own.rule.name == name and side in (None, own.rule.side):
                return own
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; instants are ISO text."""
        data = {
            "playbook": self.playbook,
            "name": self.name,
            "at": self.at.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            **{name: getattr(self, name) for name in ("contacts", "messages", "value", "runs")},
            "rules": [own.to_dict() for own in self.rules],
            "notes": list(self.notes),
        }
        return with_schema("sensitivity", data)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of sensitivities, with the columns of `SENSITIVITIES`: one for each shift."""
        empty = dict.fromkeys(SENSITIVITIES)
        for own in self.rules:
            rule = {name: getattr(own.rule, name) for name in ("kind", "name", "side", "measure", "unit")}
            about = {**rule, "now": _text_of(own.rule.now), "binds": own.binds}
            for name, effect in own.shifts:
                fault = "cannot hold" if effect.value is None else None
                cells = effect.to_dict() | {"number": _text_of(effect.number)}
                yield {**empty, **about, "shift": name, **cells, "fault": fault}

    def _heading(self) -> Iterator[str]:
        when = f"{self.at:%Y-%m-%d %H:%M %Z}" + ("" if self.until is None else f" to {self.until:%Y-%m-%d %H:%M %Z}")
        yield (
            f"Sensitivity of {_called(self)}: {self.contacts:,} contacts, {when}; {self.messages:,} messages, worth "
            f"{_number(self.value)} above the reserve."
        )
        yield (
            "Each number is changed alone, by one unit, and what it may change is decided again "
            f"({_runs(self.runs)} over all contacts)."
        )
        yield from self.notes

    def _table(self, *, whole: bool) -> ReportTable:
        columns = 3 if whole else 2
        names = ("value", "messages", "contacts")[:columns]
        headings = (
            "rule",
            "number",
            "binds for",
            *(f"one {shift}: {name}" for shift in (MORE, LESS) for name in names),
        )
        shown = self.rules if whole else self.rules[:_SHOWN]
        rows = [
            (
                own.rule.name if whole else _short(own.rule.name),
                _number_text(own.rule),
                f"{own.binds:,}",
                *_cells(own.more)[:columns],
                *_cells(own.less)[:columns],
            )
            for own in shown
        ]
        return ReportTable("", headings, rows, 2)

    def __str__(self) -> str:
        table = self._table(whole=False)
        headings = [heading.split(": ") for heading in table.headings]
        lines = [line for part in self._heading() for line in wrap(part, _WIDTH)]
        lines += ["", *text_table(headings, table.rows, right=range(2, len(headings)))]
        left = len(self.rules) - _SHOWN
        if left > 0:
            lines += [f"... and {left:,} more rules, none of which has more to gain"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self._heading(), [self._table(whole=True)])


def _called(found: Sensitivity) -> str:
    return f"playbook {found.playbook[:12]}" if found.name is None else f"{_short(found.name)!r}"


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def _short(name: str) -> str:
    """A name that fits a column; of a longer one its beginning, and how long it is."""
    found = clean(name)
    if len(found) <= _NAME:
        return found
    end = f"... ({len(name):,})"
    return found[: _NAME - len(end)] + end


def _number_text(rule: RuleNumber) -> str:
    """A number, what one more is, and of what."""
    now = _text_of(rule.now)
    measure = "" if rule.kind in (CAP, RESERVE) or rule.measure == "share" else f" {_short(rule.measure)}"
    side = {RESERVE: "above"}.get(rule.side, rule.side)
    if rule.kind == QUOTA and rule.measure == "share":
        now, unit = f"{_HUNDRED * float(rule.now):g}", f"{_HUNDRED * rule.unit:g} %"
    else:
        unit = f"{rule.unit:g}"
    return f"{side} {now} ± {unit}{measure}"


def _text_of(number: float | str) -> str:
    return _short(number) if isinstance(number, str) else f"{number:g}"


def _cells(effect: ShiftEffect | None) -> Sequence[str]:
    if effect is None:
        return (_NONE,) * 3
    if effect.value is None:
        return "cannot hold", _NONE, _NONE
    return _signed(effect.value), f"{effect.messages:+,}" if effect.messages else "0", f"{effect.contacts:,}"


def _signed(value: float) -> str:
    found = f"{value:+,.0f}" if abs(value) >= _LARGE else f"{value:+,.4g}"
    return "0" if value == 0 else found


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:,.6g}"
