"""Rests: times in which a contact is left alone because of what they did, or did not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from journeykit.basics.clock import DAY
from journeykit.basics.validation import instance, names, required_text, whole
from journeykit.errors import ModelError
from journeykit.model.cap import Scope, facet_names
from journeykit.model.touch import IGNORED
from journeykit.model.window import Lag

if TYPE_CHECKING:
    from collections.abc import Iterable

IGNORED_AFTER = Lag(days=7)
"""How long a response may take, where nothing says it."""


def micros_of_lag(lag: Lag) -> int:
    """A lag in microseconds; a day has 24 hours here, as in rules that ask for events.

    Example:
        >>> micros_of_lag(Lag.parse("2d")) == micros_of_lag(Lag.parse("48h"))
        True
    """
    if lag.length is None:
        return (lag.days or 0) * DAY
    return (lag.length.days * 86_400 + lag.length.seconds) * 1_000_000 + lag.length.microseconds


def _lag(value: Lag | str | None) -> Lag | None:
    return Lag.parse(value) if isinstance(value, str) else value


def _texts(value: str | Iterable[str] | None) -> tuple[str, ...]:
    return names(value)


_LENGTH: dict[str, Any] = {
    "default": None,
    "converter": _lag,
    "validator": validators.optional(instance(Lag)),
}


@frozen(kw_only=True)
class Rest:
    """After so many events, the claims in a scope rest.

    With ``rest`` (``for`` in a playbook file) they rest for so long after an event by which there are `times` events
    within `within`. Without it they rest as long as so many events lie within `within`: a cap on events, such as on
    impressions or clicks. A day has 24 hours. Campaigns that need not obey caps do not rest.

    Attributes:
        name: how decisions refer to it.
        event: the name of the events; ``ignored`` is a sent touch to which no response came in time.
        times: how many of them.
        within: how close together, so that they count; None for however far apart.
        rest: how long after the last of them (``for`` in a playbook file); None for as long as they lie within
            `within`.
        where: which claims rest. Of events, those that name a campaign count only if it is in this scope, and so do
            the touches that are ignored.
        by: the events are counted for each value of these facets apart, and a claim rests by those of its own value.
        after: of ``ignored``: how long after a touch a response may come; None for 7 days.
        response: of ``ignored``: the names of the events that are a response if they name the touch's campaign; empty
            for all events that do. The name of one of the playbook's responses means its events.

    Example:
        >>> rest = Rest(name="no answer", event="ignored", times=3, within="30d", rest="60d", by="campaign")
        >>> str(rest.rest), rest.by
        ('60d', ('campaign',))
    """

    name: str = field(validator=required_text)
    event: str = field(validator=required_text)
    times: int = field(default=1, validator=whole(1, 1_000_000))
    within: Lag | None = field(**_LENGTH)
    rest: Lag | None = field(**_LENGTH, metadata={"key": "for"})
    where: Scope = field(factory=Scope, validator=instance(Scope))
    by: tuple[str, ...] = field(default=(), converter=facet_names)
    after: Lag | None = field(**_LENGTH)
    response: tuple[str, ...] = field(default=(), converter=_texts)

    def __attrs_post_init__(self) -> None:
        if self.rest is None and self.within is None:
            raise ModelError("a rest needs 'for', how long it is, or 'within', so that it ends", field="for")
        for name, lag in (("within", self.within), ("for", self.rest), ("after", self.after)):
            if lag is not None and not micros_of_lag(lag):
                raise ModelError(f"{name} is longer than nothing, found {lag}", field=name)
        if self.event != IGNORED:
            for name, given in (("after", self.after), ("response", self.response)):
                if given:
                    raise ModelError(f"{name} is about the event {IGNORED!r}, and this is {self.event!r}", field=name)

    @property
    def length(self) -> int:
        """How long a claim rests after the instant that begins it, in microseconds."""
        lag = self.within if self.rest is None else self.rest
        assert lag is not None  # noqa: S101  (checked when made)
        return micros_of_lag(lag)

    @property
    def answer_within(self) -> int:
        """How long a response may take, in microseconds."""
        return micros_of_lag(self.after or IGNORED_AFTER)

    def begins(self, instants: Iterable[int]) -> int | None:
        """The instant from which claims rest, given those of events in their order; None where there are too few.

        A claim rests from there for `length`, if it does at all: where that has passed, it does not.

        Example:
            >>> rest = Rest(name="enough", event="click", times=2, within="1h", rest="1d")
            >>> hour = 3_600_000_000
            >>> rest.begins([0, hour, hour + 1, 5 * hour]) == hour + 1
            True
        """
        known = list(instants)
        if self.rest is None:
            return known[-self.times] if len(known) >= self.times else None
        close = None if self.within is None else micros_of_lag(self.within)
        for last in range(len(known) - 1, self.times - 2, -1):
            if close is None or known[last] - known[last - self.times + 1] < close:
                return known[last]
        return None
