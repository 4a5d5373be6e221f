"""Patience: a campaign that has not reached a contact for long weighs more, so that a weak team does not starve."""

from __future__ import annotations

from datetime import timedelta

from attrs import field, frozen

from journeykit.basics.clock import DAY
from journeykit.basics.validation import instance, number
from journeykit.model.window import Lag

_SMALLEST = 1e-6
_MICROSECOND = timedelta(microseconds=1)


def _lag(value: Lag | str) -> Lag:
    return Lag.parse(value) if isinstance(value, str) else value


@frozen(kw_only=True)
class Patience:
    """A factor on the weight of a campaign whose last touch of the contact is long ago.

    Attributes:
        after: how long ago that must be: more than ``14d``, say; a day has 24 hours. Where the contact has no touch of
            the campaign, the instant counts at which a claim that was brought was asked for; where there is none
            either, the weight stays what it is.
        factor: what a weight above 0 is then multiplied with; more than 0.

    Example:
        >>> two_weeks = Patience(after="14d", factor=1.5)
        >>> two_weeks.factor_at(0, since=-15 * DAY), two_weeks.factor_at(0, since=None)
        (1.5, 1.0)
    """

    after: Lag = field(converter=_lag, validator=instance(Lag))
    factor: float = field(validator=number(_SMALLEST))

    @property
    def length(self) -> int:
        """How long ago the last touch must be at least, in microseconds."""
        if self.after.length is not None:
            return self.after.length // _MICROSECOND
        return (self.after.days or 0) * DAY

    def factor_at(self, now: int, since: int | None) -> float:
        """What a weight is multiplied with.

        Args:
            now: the instant of the decision, in microseconds.
            since: the instant of the last touch, or of asking; None where there is neither.
        """
        return float(self.factor) if since is not None and now - since > self.length else 1.0
