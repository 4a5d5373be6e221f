"""Sales: what was won and lost, how often one closes and what a sale brings."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, frozen

from journeykit.basics.clock import micros
from journeykit.basics.validation import is_between, shown
from journeykit.errors import DataError, ModelError
from journeykit.journey.measure.intervals import Share, student_quantile
from journeykit.journey.measure.observed_paths import NO_SEGMENT, is_id, segments_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.journey.placement import Event

Sale = tuple[Any, Any, Any, Any]
"""Contact, instant, amount or None, and whether it was won."""
_FEWEST = 5
"""Fewer amounts have no interval."""


def sales_of(
    events: Iterable[Mapping[str, Any] | tuple[Any, Event]],
    *,
    won: str,
    lost: str | None = None,
    amount: str | None = None,
) -> Iterator[Sale]:
    """The sales among events.

    Args:
        events: rows of an events table, as mappings with ``contact_id``, ``event``, ``at`` and properties; or pairs of
            a contact's id and an `Event`.
        won: the event of a sale that was won.
        lost: the event of one that was lost.
        amount: the property that says what was paid.

    Yields:
        Contact, instant, amount and whether it was won, as `estimate` takes them.

    Example:
        >>> from datetime import UTC, datetime
        >>> noon = datetime(2026, 11, 5, 12, tzinfo=UTC)
        >>> rows = [{"contact_id": "anna", "event": "purchase", "at": noon, "amount": 120}]
        >>> [(contact, paid, won) for contact, _, paid, won in sales_of(rows, won="purchase", amount="amount")]
        [('anna', 120, True)]
    """
    for row in events:
        if isinstance(row, Mapping):
            name, contact, at, properties = row.get("event"), row.get("contact_id"), row.get("at"), row
        else:
            contact, event = row
            name, at, properties = event.event, event.at, event.properties
        if name == won or (lost is not None and name == lost):
            yield contact, at, properties.get(amount) if amount is not None else None, name == won


@frozen(kw_only=True)
class Sales:
    """How often one closes, and what a sale brings.

    Attributes:
        won: how many sales were won.
        lost: how many were lost.
        close_rate: the share of those won; None where nobody ever lost one, because then losses are not recorded.
        amounts: how many of those won have an amount: a number up to 1e9.
        total: the sum of these.
        average: their mean; None of none.
        error: the standard error of the mean; None of fewer than two.
        low: the lower end of the mean's interval, by Student's distribution; never below zero where no amount is. None
            of fewer than five amounts, which say too little. Where few sales bring most of the money the interval is
            too narrow.
        high: its upper end; None likewise.
    """

    won: int
    lost: int
    close_rate: Share | None
    amounts: int
    total: float
    average: float | None
    error: float | None
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "won": self.won,
            "lost": self.lost,
            "close_rate": None if self.close_rate is None else self.close_rate.to_dict(),
            "amounts": self.amounts,
            "total": self.total,
            "average": self.average,
            "error": self.error,
            "low": self.low,
            "high": self.high,
        }


@define
class _SalesTally:
    won: int = 0
    lost: int = 0
    amounts: array[float] = Factory(lambda: array("d"))


class SalesReader:
    """Counts sales by segment.

    Args:
        at: the instant at which observation ended, in microseconds.
        segments: by contact, the segment or several.
    """

    def __init__(self, at: int, segments: Mapping[str, Any] | None) -> None:
        self.ignored: Counter[str] = Counter()
        self._at = at
        self._segments = segments or {}
        self._tallies: dict[tuple[str, ...], _SalesTally] = {}

    def read(self, sales: Iterable[Sale]) -> SalesReader:
        """Count sales; the reader itself comes back.

        Raises:
            DataError: for what is no sale.
        """
        for row in sales:
            try:
                contact, at, amount, won = row
            except (TypeError, ValueError):
                raise DataError(f"a sale has contact, at, amount and won, found {shown(row)}") from None
            why = self._why_not(at, won)
            if why is not None:
                self.ignored[why] += 1
                continue
            names = segments_of(self._segments.get(contact)) if is_id(contact) else (NO_SEGMENT,)
            tally = self._tallies.setdefault(names, _SalesTally())
            if won:
                tally.won += 1
                self._add_amount(tally, amount)
            else:
                tally.lost += 1
        return self

    def add(self, names: tuple[str, ...], won: int, lost: int, amounts: array[float]) -> None:
        """Count sales of contacts who share their segments: how many, and the amounts of those won that have one."""
        tally = self._tallies.setdefault(names, _SalesTally())
        tally.won += won
        tally.lost += lost
        tally.amounts.extend(amounts)

    def _why_not(self, at: Any, won: Any) -> str | None:
        try:
            when = at if type(at) is int else micros(at)
        except ModelError:
            return "sale_bad_instant"
        if when > self._at:
            return "sale_future"
        return None if isinstance(won, bool) else "sale_bad_outcome"

    def _add_amount(self, tally: _SalesTally, amount: Any) -> None:
        """Amounts that are no numbers are counted; that there is none is no fault."""
        number = amount_in(amount)
        if number is not None:
            tally.amounts.append(number)
        elif amount is not None:
            self.ignored["sale_bad_amount"] += 1

    def parts(self, level: float, segments: Iterable[str]) -> dict[str | None, Sales]:
        """The sales of all contacts, under None, and those of each segment, also of those that are named."""
        found: dict[str | None, list[_SalesTally]] = {None: [], **{name: [] for name in segments}}
        for names, tally in self._tallies.items():
            for name in (None, *names):
                found.setdefault(name, []).append(tally)
        recorded = any(tally.lost for tally in self._tallies.values())
        return {name: _sales(own, level, recorded) for name, own in found.items()}


def amount_in(value: Any) -> float | None:
    """A value as an amount; None for what is no number up to 1e9.

    Example:
        >>> amount_in(Decimal("7.5")), amount_in("7.5"), amount_in(True)
        (7.5, None, None)
    """
    number = float(value) if isinstance(value, Decimal) else value
    return number if is_between(number) else None


def _sales(own: Sequence[_SalesTally], level: float, recorded: bool) -> Sales:
    """What was counted of some contacts; whether losses are recorded at all."""
    won, lost = sum(tally.won for tally in own), sum(tally.lost for tally in own)
    amounts = [amount for tally in own for amount in tally.amounts]
    average = math.fsum(amounts) / len(amounts) if amounts else None
    error = low = high = None
    if average is not None and len(amounts) > 1:
        squares = math.fsum((amount - average) ** 2 for amount in amounts)
        error = math.sqrt(squares / (len(amounts) - 1) / len(amounts))
        if len(amounts) >= _FEWEST:
            reach = student_quantile(level, len(amounts) - 1) * error
            low, high = max(average - reach, min(0.0, *amounts)), average + reach
    return Sales(
        won=won,
        lost=lost,
        close_rate=Share.of(won, won + lost, level) if recorded else None,
        amounts=len(amounts),
        total=math.fsum(amounts),
        average=average,
        error=error,
        low=low,
        high=high,
    )
