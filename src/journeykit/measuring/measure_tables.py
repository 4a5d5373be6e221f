"""Measures as tables for people, and as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.journey.measure.funnel_report import ReportTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from journeykit.measuring.group_measures import GroupMeasures, ResponseMeasures
    from journeykit.measuring.ratio_interval import Ratio

_UNKNOWN = "-"
NONE = "(none)"
"""What people read where messages have no value of a facet."""
SHOWN = 30
"""So many groups are shown as text; plain data and tables have all."""


def group_rows(by: str, groups: Iterable[GroupMeasures]) -> Iterator[dict[str, Any]]:
    """Groups as rows of the table of measures."""
    for group in groups:
        name = " * ".join(NONE if one is None else one for one in group.group)
        for own in group.responses:
            rate, worth = own.rate, own.worth
            yield {
                "by": by,
                "group": name,
                "measure": own.response,
                "messages": group.messages,
                "contacts": group.contacts,
                "young": own.young,
                "young_responded": own.young_part,
                "settled": rate.whole,
                "responded": rate.part,
                "rate": rate.rate,
                "low": rate.low,
                "high": rate.high,
                "method": rate.method,
                "is_small": str(rate.is_small).lower(),
                "events": own.events,
                "value": own.value,
                **({} if worth is None else {"value_per_message": worth.rate}),
                **({} if worth is None else {"value_low": worth.low, "value_high": worth.high}),
                "cost": own.cost,
                "value_per_cost": own.value_per_cost,
                "per_thousand": own.per_thousand,
            }
        if not group.responses:
            counts = {"messages": group.messages, "contacts": group.contacts, "cost": group.cost}
            yield {"by": by, "group": name, **counts}


def groups_table(title: str, facets: Sequence[str], measures: Sequence[GroupMeasures]) -> ReportTable:
    """Groups as a table: a line for each response, and columns for what one of them has."""
    groups = measures[:SHOWN]
    if len(measures) > SHOWN:
        title = f"{title}: {SHOWN} of {len(measures):,} groups; --json and --out give all"
    measured = [own for group in groups for own in group.responses]
    group_columns = [_MESSAGES, _CONTACTS, *([_COST] if any(own.cost is not None for own in groups) else [])]
    columns = [column for column, is_there in _COLUMNS if any(map(is_there, measured))]
    rows = [
        (*cells, *("" if own is None else cell(own) for _, cell in columns))
        for group in groups
        for cells, own in _lines(group, [cell for _, cell in group_columns])
    ]
    headings = (*facets, *(heading for heading, _ in (*group_columns, *columns)))
    names = len(facets)
    return ReportTable(title, headings, rows, names, again=(names + len(group_columns),) if columns else ())


def _lines(
    group: GroupMeasures, cells: Sequence[Callable[[GroupMeasures], str]]
) -> Iterator[tuple[tuple[str, ...], ResponseMeasures | None]]:
    """By response, what is to the left of it: the group, once."""
    before = (*(NONE if one is None else one for one in group.group), *(cell(group) for cell in cells))
    if not group.responses:
        yield before, None
    for own in group.responses:
        yield before, own
        before = ("",) * len(before)


_MESSAGES = "messages", lambda own: f"{own.messages:,}"
_CONTACTS = "contacts", lambda own: f"{own.contacts:,}"
_COST = "cost", lambda own: _number(own.cost)


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:,.2f}"


def _rate(own: ResponseMeasures) -> str:
    if own.rate.rate is None:
        return _UNKNOWN
    return f"{1_000 * own.rate.rate:,.2f} in 1,000" if own.is_harm else f"{100 * own.rate.rate:.2f} %"


def _interval(own: ResponseMeasures) -> str:
    if own.rate.low is None or own.rate.high is None:
        return _UNKNOWN
    scale, unit = (1_000, "") if own.is_harm else (100, " %")
    return f"{scale * own.rate.low:,.2f} to {scale * own.rate.high:,.2f}{unit}"


def _span(ratio: Ratio | None) -> str:
    if ratio is None or ratio.low is None or ratio.high is None:
        return _UNKNOWN
    return f"{ratio.low:,.2f} to {ratio.high:,.2f}"


_ALWAYS: Callable[[ResponseMeasures], bool] = lambda _: True  # noqa: E731
_HAS_VALUE: Callable[[ResponseMeasures], bool] = lambda own: own.has_value  # noqa: E731
_COLUMNS: Sequence[tuple[tuple[str, Callable[[ResponseMeasures], str]], Callable[[ResponseMeasures], bool]]] = (
    (("response", lambda own: own.response), _ALWAYS),
    (("young", lambda own: f"{own.young:,}"), lambda own: own.young > 0),
    (("settled", lambda own: f"{own.rate.whole:,}"), _ALWAYS),
    (("responded", lambda own: f"{own.rate.part:,}"), _ALWAYS),
    (("rate", _rate), _ALWAYS),
    (("interval", _interval), _ALWAYS),
    (("value", lambda own: _number(own.value)), _HAS_VALUE),
    (("per message", lambda own: _number(None if own.worth is None else own.worth.rate)), _HAS_VALUE),
    (("its interval", lambda own: _span(own.worth)), _HAS_VALUE),
    (("per cost", lambda own: _number(own.value_per_cost)), lambda own: own.value_per_cost is not None),
    (("", lambda own: "small" if own.rate.is_small else ""), lambda own: own.rate.is_small),
)
