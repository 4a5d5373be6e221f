"""Quotas: what holds over all contacts. This version reads them; it cannot act on them yet."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from attrs import field, frozen, validators

from journeykit.cap import Scope
from journeykit.errors import ModelError
from journeykit.fields import boolean, instance, listed, number, required_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterable


def _span(value: Iterable[date] | None) -> tuple[date, date] | None:
    if value is None:
        return None
    days = listed(value, "a first and a last date")
    if len(days) != 2 or any(not isinstance(day, date) or isinstance(day, datetime) for day in days):
        raise ModelError(f"during is a first and a last date, found {shown(value)}", field="during")
    return days[0], days[1]


@frozen(kw_only=True)
class Quota:
    """A maximum or minimum over all contacts: seats, calls, budget, a team's share.

    Attributes:
        name: how runs refer to it.
        where: which granted claims count.
        max: the most, or None.
        min: the least, or None.
        of: what is added up: ``count``, ``cost``, ``responses``, ``value``, ``share``, or a column of the claims.
        during: the run, or first and last local date of the claims that count.
        hard: whether it holds exactly; None takes the default, True for a max and False for a min.
        penalty: what one unit of excess or shortfall costs; None takes the largest weight of the run.
    """

    name: str = field(validator=required_text)
    where: Scope = field(factory=Scope, validator=instance(Scope))
    max: float | None = field(default=None, validator=validators.optional(number()))
    min: float | None = field(default=None, validator=validators.optional(number()))
    of: str = field(default="count", validator=required_text)
    during: tuple[date, date] | None = field(default=None, converter=_span)
    hard: bool | None = field(default=None, validator=validators.optional(boolean))
    penalty: float | None = field(default=None, validator=validators.optional(number(0)))

    def __attrs_post_init__(self) -> None:
        if self.max is None and self.min is None:
            raise ModelError("a quota needs a max, a min, or both", field="max")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise ModelError(f"no number is at least {self.min} and at most {self.max}", field="min")
        if self.of == "share" and any(bound is not None and not 0 <= bound <= 1 for bound in (self.max, self.min)):
            raise ModelError("a share is a number from 0 to 1", field="max" if self.max is not None else "min")
        if self.during is not None and self.during[1] < self.during[0]:
            raise ModelError(f"the quota ends ({self.during[1]}) before it starts ({self.during[0]})", field="during")
