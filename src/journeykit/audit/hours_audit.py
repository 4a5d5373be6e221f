"""Hours, audited: which quiet hours, send hours and holidays forbid a message, asked one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from journeykit.basics.clock import Clock
    from journeykit.model.cap import Facets
    from journeykit.model.quiet_hours import Holiday, Hours
    from journeykit.model.send_at import SendAt
    from journeykit.playbook.playbook import Playbook
    from journeykit.rule import Rule


def closed_by(
    playbook: Playbook,
    facets: Facets,
    channel: str | None,
    local: tuple[int, int],
    test: Callable[[Rule], bool | None],
) -> Iterator[str]:
    """What forbids a message at a local time.

    An audience of which it is unknown whether the contact is in it protects: such send hours allow nothing that others
    forbid.

    Args:
        playbook: the rule set.
        facets: what the message is told apart by.
        channel: its channel.
        local: the local date, as a day number, and the time in microseconds.
        test: whether a rule is true of the contact; None where that is unknown.
    """
    day, time = local

    def protects(hours: Hours | Holiday) -> bool | None:
        if not hours.where.matches(facets):
            return False
        return True if hours.audience is None else test(hours.audience)

    for hours in playbook.quiet_hours:
        if hours.applies(channel) and protects(hours) is not False and hours.covers(day, time):
            yield hours.label
    sent = [hours for hours in playbook.send_hours if hours.applies(channel)]
    sure = [hours for hours in sent if protects(hours) is True]
    if not any(hours.covers(day, time) for hours in sure):
        yield from (f"outside {hours.label}" for hours in sure)
    if not sure:
        unsure = [hours for hours in sent if protects(hours) is None]
        allowed = {str(hours.audience) for hours in unsure if hours.covers(day, time)}
        yield from (f"outside {hours.label}" for hours in unsure if str(hours.audience) not in allowed)
    for holiday in playbook.holidays:
        if protects(holiday) is not False and holiday.falls_on(day):
            yield holiday.label


def misses_time(send_at: SendAt, values: Mapping[str, Any], local: Clock, at: int, now: int) -> bool:
    """Whether a message that goes at a time of day goes at another one; where that of today is over, any is right."""
    day, time = local.day(at), send_at.time_for(values)
    return at != now and at not in local.instants(day, time)
