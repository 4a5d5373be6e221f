"""Series: the contents of a campaign as steps that follow each other."""

from __future__ import annotations

from datetime import timedelta

from attrs import field, frozen

from journeykit.basics.validation import instance, shown
from journeykit.errors import ModelError
from journeykit.model.window import Lag


def _gap(value: Lag | str) -> Lag:
    return Lag.parse(value) if isinstance(value, str) else value


@frozen(kw_only=True)
class Series:
    """What makes the contents of a campaign steps, in their listed order.

    Attributes:
        gap: how long after the step before it a step may go: local days (``3d``), or hours (``36h``).

    Example:
        >>> str(Series(gap="3d").gap)
        '3d'
    """

    gap: Lag = field(converter=_gap, validator=instance(Lag))

    @gap.validator
    def _is_longer_than_nothing(self, _: object, value: Lag) -> None:
        if value in (Lag(days=0), Lag(length=timedelta(0))):
            raise ModelError(f"the gap of a series is longer than nothing, found {shown(str(value))}", field="gap")
