"""The report of an evaluation: as text, as a page, as plain data and as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.evaluating.policy_estimates import DOUBLY_ROBUST, SELF_NORMALISED, PolicyEstimates
from journeykit.journey.measure.funnel_report import ReportTable, page, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.evaluating.mean_estimate import Ends, MeanEstimate

EVALUATIONS: Mapping[str, str] = {
    "response": "text",
    "measure": "text",
    "estimator": "text",
    "messages": "number",
    "mean": "number",
    "low": "number",
    "high": "number",
    "total": "number",
    "total_low": "number",
    "total_high": "number",
    "difference": "number",
    "difference_low": "number",
    "difference_high": "number",
    "total_difference": "number",
    "total_difference_low": "number",
    "total_difference_high": "number",
    "effective_size": "number",
    "unsupported": "number",
}
"""The columns of the table of evaluations, with the kind of each. What a row does not have is empty."""
RATES, VALUES = "rate", "value"
"""What is estimated per message: whether it is answered, and what that is worth."""
_UNKNOWN = "-"
_TITLES = {SELF_NORMALISED: "self-normalised", DOUBLY_ROBUST: "doubly robust"}
_FEW = 50
"""With a smaller effective sample size there is too little overlap."""
_FEW_ANSWERS = 30
"""With fewer answers, so weighed, intervals of values are a little too narrow."""
_MUCH = 0.1
"""Where the log could not have sent a larger share, the estimates are of too few."""
_FAR = 4
"""So many standard errors off, the chances are not those of the log."""


@frozen(kw_only=True)
class ResponseEvaluation:
    """What is estimated of one response.

    Attributes:
        response: its name.
        young: messages of the log whose answers may yet come; their runs are not evaluated.
        rate: the share of messages that are answered.
        value: what the answers are worth per message; None where the response has no value.
    """

    response: str
    young: int
    rate: PolicyEstimates
    value: PolicyEstimates | None = None

    @property
    def parts(self) -> Iterator[tuple[str, PolicyEstimates]]:
        """What is estimated, by its name."""
        yield RATES, self.rate
        if self.value is not None:
            yield VALUES, self.value

    @property
    def wanted(self) -> float:
        """How many messages the decisions send."""
        return self.rate.by(SELF_NORMALISED).found.messages

    def notes(self) -> Iterator[str]:
        """What is to be said of it."""
        own, wanted = self.rate, self.wanted
        if self.young:
            yield f"{self.response}: messages of runs whose answers may yet come, not evaluated: {self.young:,}"
        if not own.log.messages:
            return
        if not own.weight > 0:
            yield f"{self.response}: the log and the decisions have no message in common: nothing is known"
        elif own.size < _FEW:
            yield (
                f"{self.response}: too little overlap: the log tells as much as {own.size:,.0f} messages of the "
                "decisions would; explore a larger share, or compare decisions that are nearer to the log's"
            )
        if self.value is not None and 0 < self.value.answers < _FEW_ANSWERS:
            number = self.value.answers
            yield (
                f"{self.response}: what is known of the value is as much as that of {number:,.0f} "
                f"answer{'s say' if round(number) != 1 else ' says'}, which is little where one may be worth ten times "
                "another: its interval may be too narrow"
            )
        if wanted and own.unsupported > _MUCH * wanted:
            share = own.unsupported / wanted
            yield (
                f"{self.response}: the log could not have sent {_count(own.unsupported)} of the decisions' "
                f"{_count(wanted)} messages ({100 * share:.0f} %); what is estimated of the others is taken for them"
            )
        if abs(own.weight - own.expected) > _FAR * own.weight_error and own.weight_error > 0:
            yield (
                f"{self.response}: the log's messages weigh {_count(own.weight)}, and should weigh about "
                f"{_count(own.expected)}: the chances are not those with which the messages were chosen"
            )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        found = {name: own.to_dict() for name, own in self.parts}
        return {"response": self.response, "young": self.young, **found}


@frozen(kw_only=True, repr=False)
class EvaluationReport:
    """What decisions would have brought, by a log whose decisions were made by chance.

    Attributes:
        since: the instant of the first run that both have.
        last: that of the last one.
        until: the instant at which observation ended.
        unit: what intervals are over: ``contact``, or ``account`` where contacts are decided together.
        level: the level of confidence of intervals.
        runs: how many runs both have.
        contacts: to how many contacts the log sent a message, or the decisions do.
        claims: how many claims the log could have granted, in all its runs.
        sent: how many messages the log sent.
        wanted: how many the decisions send; expected ones, where chance has a part in them.
        unsupported: how many of these the log could not have sent.
        responses: what is estimated, by response.
        left_out: by reason, how many claims are left out.
        counts: what became of the rows of the tables.
        notes: what is to be said of the tables.
    """

    since: datetime
    last: datetime
    until: datetime
    unit: str
    level: float
    runs: int
    contacts: int
    claims: int
    sent: int
    wanted: float
    unsupported: float
    responses: tuple[ResponseEvaluation, ...]
    left_out: Mapping[str, int] = field(factory=dict)
    counts: Mapping[str, Any] = field(factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, response: str) -> ResponseEvaluation:
        """What is estimated of one response.

        Raises:
            KeyError: if it was not evaluated.
        """
        for own in self.responses:
            if own.response == response:
                return own
        raise KeyError(response)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; instants are ISO text, rates from 0 to 1."""
        names = ("unit", "level", "runs", "contacts", "claims", "sent", "wanted", "unsupported")
        return {
            **{name: getattr(self, name).isoformat() for name in ("since", "last", "until")},
            **{name: getattr(self, name) for name in names},
            "responses": [own.to_dict() for own in self.responses],
            "left_out": dict(self.left_out),
            "counts": dict(self.counts),
            "notes": list(self._notes()),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of evaluations, with the columns of `EVALUATIONS`."""
        empty = dict.fromkeys(EVALUATIONS)
        for own in self.responses:
            for measure, found in own.parts:
                about = {"response": own.response, "measure": measure}
                yield {**empty, **about, "estimator": "log", **_cells(found.log)}
                for estimate in found.found:
                    gap = estimate.difference
                    yield {
                        **empty,
                        **about,
                        "estimator": estimate.method,
                        **_cells(estimate.found),
                        "difference": gap.mean,
                        **_spread("difference_", gap.ends),
                        "total_difference": gap.total,
                        **_spread("total_difference_", gap.total_ends),
                        "effective_size": found.size,
                        "unsupported": found.unsupported,
                    }

    def _notes(self) -> Iterator[str]:
        yield from self.notes
        for why, count in self.left_out.items():
            yield f"left out: {why}: {count:,}"
        for own in self.responses:
            yield from own.notes()

    def _heading(self) -> Iterator[str]:
        runs = f"{self.runs:,} run{'s' * (self.runs != 1)}, {self.since:%Y-%m-%d %H:%M}"
        if self.last != self.since:
            runs += f" to {self.last:%Y-%m-%d %H:%M}"
        yield (
            f"{self.contacts:,} contacts in {runs}; events until {self.until:%Y-%m-%d %H:%M} (UTC). The log could have "
            f"granted {self.claims:,} claims."
        )
        yield (
            f"The log sent {self.sent:,} messages, the decisions send {_count(self.wanted)}; the log could not have "
            f"sent {_count(self.unsupported)} of these{_share(self.unsupported, self.wanted)}."
        )
        yield (
            f"Intervals are at {100 * self.level:g} %, by {self.unit}. This is one step: messages are taken to act "
            "alone, and what the decisions would have changed for later runs is not followed."
        )
        yield from self._notes()

    def _tables(self) -> Iterator[ReportTable]:
        for own in self.responses:
            for measure, found in own.parts:
                yield _table(own.response, measure, found)

    def __str__(self) -> str:
        return text(self._heading(), self._tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self._heading(), self._tables())


def _cells(found: MeanEstimate) -> dict[str, Any]:
    return {
        "messages": found.messages,
        "mean": found.mean,
        **_spread("", found.ends),
        "total": found.total,
        **_spread("total_", found.total_ends),
    }


def _spread(name: str, ends: Ends) -> dict[str, float]:
    return {} if ends is None else {f"{name}low": ends[0], f"{name}high": ends[1]}


def _table(response: str, measure: str, found: PolicyEstimates) -> ReportTable:
    is_rate = measure == RATES
    per = "rate" if is_rate else "per message"
    headings = ("", "messages", per, "interval", "in all", "interval", "more than the log", "interval")
    log = found.log
    rows = [("the log", _count(log.messages), *_figures(log, is_rate=is_rate), "", "")]
    for own in found.found:
        gap, mean = own.difference, own.found
        more = (_number(gap.total), _total_span(gap.total_ends))
        figures = _figures(mean, is_rate=is_rate)
        rows.append((_TITLES[own.method], _count(mean.messages), *figures, *more))
    what = "messages answered" if is_rate else "value of the answers"
    title = f"{response}: {what} (effective sample size {found.size:,.0f})"
    return ReportTable(title, headings, rows, 1)


def _figures(found: MeanEstimate, *, is_rate: bool) -> tuple[str, ...]:
    scale, unit = (100, " %") if is_rate else (1, "")
    mean = _UNKNOWN if found.mean is None else f"{scale * found.mean:,.2f}{unit}"
    return mean, _span(found.ends, scale, unit), _number(found.total), _total_span(found.total_ends)


def _span(ends: Ends, scale: float, unit: str) -> str:
    return _UNKNOWN if ends is None else f"{scale * ends[0]:,.2f} to {scale * ends[1]:,.2f}{unit}"


def _total_span(ends: Ends) -> str:
    return _UNKNOWN if ends is None else f"{_number(ends[0])} to {_number(ends[1])}"


def _number(value: float | None) -> str:
    if value is None:
        return _UNKNOWN
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:,.2f}"


_LARGE = 1_000
"""Of totals from here on nobody reads the decimals."""


def _count(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < _ALMOST else f"{value:,.1f}"


_ALMOST = 0.05


def _share(part: float, whole: float) -> str:
    return f" ({100 * part / whole:.1f} %)" if whole else ""
