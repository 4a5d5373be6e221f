"""Send times: the time of day at which claims of a campaign or channel go, the same for all or the contact's own."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from journeykit.basics.clock import DAY, HOUR, MINUTE
from journeykit.basics.validation import instance, optional_text, required_text, shown
from journeykit.errors import ModelError
from journeykit.model.quiet_hours import time_of_day, written_time
from journeykit.rule.values import as_number, is_empty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attrs import Attribute


def _check_time(_: Any, attribute: Attribute[Any], value: object) -> None:
    time_of_day(value, attribute.name)


@frozen(kw_only=True)
class SendAt:
    """The local time of day at which claims go: the contact's own, or else one for all.

    Attributes:
        default: the time of those without one of their own, ``HH:MM``.
        attribute: the attribute that holds the contact's own time: ``HH:MM``, or a number of hours (``18``, ``9.5``)
            from 0 to 24; None for none.

    Example:
        >>> best = SendAt(attribute="best_hour", default="10:00")
        >>> [best.time_for({"best_hour": hour}) // MINUTE for hour in (18, "07:30", "9.5", None)]
        [1080, 450, 570, 600]
    """

    default: str = field(converter=written_time, validator=[required_text, _check_time], metadata={"short": True})
    attribute: str | None = field(default=None, validator=optional_text)

    def time_for(self, values: Mapping[str, Any]) -> int:
        """The time of a contact with these attributes, in microseconds since local midnight.

        Raises:
            ModelError: if the contact's own value is no time of day.
        """
        own = None if self.attribute is None else values.get(self.attribute)
        if is_empty(own):
            return time_of_day(self.default, "default") * MINUTE
        if isinstance(own, time):
            return own.hour * HOUR + own.minute * MINUTE
        if isinstance(own, str) and ":" in own:
            try:
                return time_of_day(own.strip()) * MINUTE
            except ModelError:
                raise self._wrong(own) from None
        hours: float | None = as_number(own)
        if hours is None or not 0 <= hours <= 24:
            raise self._wrong(own)
        return round(hours * 60) * MINUTE % DAY

    def _wrong(self, value: object) -> ModelError:
        return ModelError(
            f"{self.attribute} must be a time of day such as '10:00', or hours from 0 to 24, found {shown(value)}",
            field=self.attribute or "default",
        )


def send_time(value: SendAt | str | time | None) -> SendAt | None:
    """A send time, from the text of one for all or itself."""
    return SendAt(default=value) if isinstance(value, (str, time)) else value


@frozen(kw_only=True)
class Channel:
    """What holds for all messages of a channel.

    Attributes:
        name: which.
        send_at: when claims go by it whose campaign says nothing of its own; None for any time.
    """

    name: str = field(validator=required_text)
    send_at: SendAt | None = field(default=None, converter=send_time, validator=validators.optional(instance(SendAt)))
