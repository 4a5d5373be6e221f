"""The decision for one contact, and its explanation for people: a text, a page or plain data."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import Factory, asdict, field, frozen

from journeykit.basics.clock import WEEKDAYS, clock, micros
from journeykit.basics.text import clean
from journeykit.basics.text_table import text_table
from journeykit.model.outcome import Grant, Reason, Row

HEADINGS = ("outcome", "campaign / content", "channel", "weight", "why", "lost to", "when", "at what price")
"""The columns of an explanation; where the playbook explores also the chance."""
_CHANCE = "chance"
_NUMBERS = (3, len(HEADINGS))
_WIDEST_WHY = 44


@frozen(kw_only=True)
class Decision:
    """The answer for one contact: an outcome and a reason for every claim.

    Reading `granted` costs nothing more. The rows are worked out when they are first read.

    Attributes:
        contact: the contact's id.
        at: the instant of the decision.
        until: the last instant of the plan, or None.
        timezone: the contact's time zone, or the playbook's for a contact without one: for people to read instants in.
        granted: what goes out, in the order of claims.
        total: the sum of weight less reserve over what was granted.
        optimal: False where the node budget, or the size of an account, ended the search before the proof.
        bound: no set of claims is worth more than this. Where an account was decided together, the sum over its
            contacts is the bound: each has a total of their own, and the first in the text order of ids what is above.
        notes: what a person should know of it, such as quotas that a single decision does not enforce, or that
            nobody rests since no events are given.
        replayed: whether it is an answer that the ledger kept under the key or run, given once more.
        arm: the arm in which the contact is, as ``experiment:arm``; of several experiments separated by ``;``; None for
            none.
        together: the ids of the contacts that were decided together, this one among them; none
            where the contact was alone.
        vector: where the playbook explores, and the contact was drawn, by which of the numbered vectors of weights,
            from 0; else None.
    """

    contact: str
    at: datetime
    until: datetime | None
    timezone: str
    granted: tuple[Grant, ...]
    total: float
    optimal: bool = True
    bound: float
    together: tuple[str, ...] = ()
    arm: str | None = None
    notes: tuple[str, ...] = ()
    vector: int | None = None
    replayed: bool = field(default=False, eq=False)
    _write: Callable[[bool], tuple[Row, ...]] = field(repr=False, eq=False)
    _explain: bool = field(default=False, repr=False, eq=False)
    _rows: dict[bool, tuple[Row, ...]] = field(init=False, factory=dict, repr=False, eq=False)

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row for each claim, in the order of claims; with ``explain=True`` also what displaced whom."""
        return self._read(explain=self._explain)

    def _read(self, *, explain: bool) -> tuple[Row, ...]:
        if explain not in self._rows:
            self._rows[explain] = self._write(explain)
        return self._rows[explain]

    def row(self, campaign: str, content: str | None = None) -> Row:
        """The row of a campaign (and content).

        Raises:
            KeyError: if no claim of it was made.
        """
        for row in self.rows:
            if row.campaign == campaign and content in (None, row.content):
                return row
        raise KeyError(f"no claim of campaign {campaign!r}; there are {sorted({row.campaign for row in self.rows})}")

    def explain(self) -> Explanation:
        """Everything about the decision, for people: print it, show it in a notebook, or take it as JSON."""
        return Explanation(decision=self, rows=self._read(explain=True))

    def _shown(self) -> Explanation:
        """What is shown unasked: without what weight would have won, which costs a search for each row."""
        return Explanation(decision=self, rows=self.rows)

    def __str__(self) -> str:
        return str(self._shown())

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()

    def __getstate__(self) -> dict[str, Any]:
        # What writes the rows holds the whole case; what travels are the rows.
        state = asdict(self, recurse=False)
        state["_rows"] = {explain: self._read(explain=explain) for explain in (False, True)}
        state["_write"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state["_write"] = state["_rows"].__getitem__
        for name, value in state.items():
            object.__setattr__(self, name, value)


def _own_zone(explanation: Explanation) -> str:
    return explanation.decision.timezone


@frozen(repr=False)
class Explanation:
    """Everything about a decision: a value first, a text last.

    Print it for the text, show it in a notebook for a table, or take it as JSON.

    Attributes:
        decision: the decision.
        rows: one for each claim, in the order of claims, with what displaced whom.
        timezone: IANA name of the zone in which instants are shown; the decision's own by default.

    Raises:
        ModelError: for an unknown time zone, when the text is made.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Claim, Contact, Playbook
        >>> arbiter = Arbiter(Playbook())
        >>> decision = arbiter.decide(
        ...     Contact(id="anna", consent=["email"]),
        ...     claims=[Claim(campaign="launch", channel="email", weight=8)],
        ...     at=datetime(2026, 11, 5, 10, tzinfo=UTC),
        ... )
        >>> print(decision.explain().to_dict()["claims"][0]["why"])
        it goes out
    """

    decision: Decision
    rows: tuple[Row, ...]
    timezone: str = field(default=Factory(_own_zone, takes_self=True), kw_only=True)

    def heading(self) -> tuple[str, ...]:
        """A line that says who and when, and one that says how much and how surely."""
        decision = self.decision
        span = self._when(decision.at)
        if decision.until is not None:
            span = f"from {span} until {self._when(decision.until)}"
        who = f"Decision for {decision.contact}, {span} ({self.timezone})"
        if decision.replayed:
            who += ", given again as it was decided then"
        if decision.arm is not None:
            who += f", in {decision.arm}"
        count = len(decision.granted)
        if not self.rows:
            return who, "There is no claim on the contact's attention."
        value = f"{count} of {_counted(len(self.rows), 'claim')} granted, value {_number(decision.total)}"
        return who, f"{value}: {self._surely()}."

    def _surely(self) -> str:
        decision = self.decision
        if decision.together:
            proven = "the best possible" if decision.optimal else "not proven to be the best"
            return f"{proven} for the {len(decision.together)} contacts of the account together"
        return "the best possible" if decision.optimal else f"no choice is worth more than {_number(decision.bound)}"

    @property
    def headings(self) -> tuple[str, ...]:
        """The columns of the table: `HEADINGS`, and the chance where any claim has one."""
        return (*HEADINGS, _CHANCE) if any(row.chance is not None for row in self.rows) else HEADINGS

    def cells(self) -> list[tuple[str, ...]]:
        """The table: for each claim the text under each of the headings."""
        if len(self.headings) == len(HEADINGS):
            return [self._cells(row) for row in self.rows]
        chances = ("" if row.chance is None else _number(row.chance) for row in self.rows)
        return [(*self._cells(row), chance) for row, chance in zip(self.rows, chances, strict=True)]

    def _cells(self, row: Row) -> tuple[str, ...]:
        return (
            str(row.outcome),
            # The ids of an invalid claim are as they were found, which need not be text.
            " / ".join(str(part) for part in (row.campaign or "(none)", row.content) if part),
            str(row.channel or ""),
            "" if row.weight is None else _number(row.weight),
            why(row),
            ", ".join(row.lost_to),
            self._timing(row),
            _price(row),
        )

    def _timing(self, row: Row) -> str:
        if row.send_at is not None:
            return f"goes {self._when(row.send_at)}"
        return "" if row.retry_at is None else f"may go {self._when(row.retry_at)}"

    def _when(self, instant: datetime) -> str:
        local = clock(self.timezone).moment(micros(instant))
        # Not strftime: its answer depends on the locale of the machine.
        return f"{WEEKDAYS[local.weekday()].capitalize()} {local.isoformat(' ', 'minutes')[:16]}"

    def __str__(self) -> str:
        table = text_table(self.headings, self.cells(), right=_NUMBERS, widest=_WIDEST_WHY) if self.rows else []
        notes = [f"note: {clean(note)}" for note in self.decision.notes]
        return "\n".join([*(clean(line) for line in self.heading()), *([""] if table else []), *table, *notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from journeykit.basics.html_table import html_page, html_table

        table = html_table(self.headings, self.cells(), right=_NUMBERS)
        return html_page(self.heading(), [table], [f"note: {note}" for note in self.decision.notes])

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain data: the decision, and its claims as `Row.to_dict` with ``why`` in words."""
        decision = self.decision
        return {
            "contact": decision.contact,
            "at": decision.at.isoformat(),
            "until": None if decision.until is None else decision.until.isoformat(),
            "notes": list(decision.notes),
            "timezone": self.timezone,
            "value": decision.total,
            "optimal": decision.optimal,
            "bound": decision.bound,
            "replayed": decision.replayed,
            **({} if decision.arm is None else {"arm": decision.arm}),
            **({} if decision.vector is None else {"vector": decision.vector}),
            "claims": [row.to_dict() | {"why": why(row)} for row in self.rows],
        }

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)


def why(row: Row) -> str:
    """The reason of a row in words, with the rules that stop the claim.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Claim, Contact, Playbook
        >>> anna, noon = Contact(id="anna", opted_out=True), datetime(2026, 11, 5, 12, tzinfo=UTC)
        >>> decision = Arbiter(Playbook()).decide(anna, claims=[Claim(campaign="news", channel="email")], at=noon)
        >>> why(decision.rows[0])
        'the contact wants no messages at all'
    """
    words = _worthless(row) if row.reason is Reason.NOT_WORTH_IT else row.reason.meaning
    # A rule that only repeats the code of a reason says nothing new.
    rules = [rule for rule in row.binding if rule not in (*Reason, "reserve", "min_uplift")]
    others = [reason.meaning for reason in row.failed if reason is not row.reason]
    if row.reason is Reason.QUOTA_FULL and row.price:
        rules = [*rules[:1], f"prices take {_number(row.price)}", *rules[1:]]
    if row.note:
        words = f"{words}: {row.note}"
    elif rules:
        # The first rule belongs to the reason; the rest may belong to what else fails.
        words = f"{words}: {'; '.join(rules[:1] if others else rules)}"
    if others:
        rest = f" ({'; '.join(rules[1:])})" if rules[1:] else ""
        words = f"{words}. Also: {'; '.join(others)}{rest}"
    return words


def _worthless(row: Row) -> str:
    """Why a message is not worth sending: its weight, of which an opt-out may take a part, or what it changes."""
    if row.rule == "min_uplift":
        return "the message changes too little"
    words, risk = row.reason.meaning, -row.factors.get("opt_out", 0)
    if row.weight is None or not risk:
        return words
    return f"{words}: it brings {_number(row.weight + risk)}, less {_number(risk)} for the opt-out that it may bring"


def _price(row: Row) -> str:
    if row.displaced is not None:
        return f"pushed out {_number(row.displaced)}" if row.displaced else ""
    return "" if row.needs is None else f"needs {_number(row.needs)}"


def _number(value: float) -> str:
    """Up to six decimals, none of them idle."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
