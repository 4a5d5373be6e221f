"""Warnings of times that never come: send times within hours that are closed, and gaps longer than their campaign."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from journeykit.basics.clock import DAY, MINUTE, clock
from journeykit.errors import Problem
from journeykit.model.quiet_hours import Schedule, time_of_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.campaign import Campaign
    from journeykit.model.send_at import SendAt
    from journeykit.playbook.sections import Sections
    from journeykit.playbook.sendable import Sendable

_WEEK = 7


def find_time_warnings(playbook: Sections, sent: list[Sendable] | None) -> Iterator[Problem]:
    """Send times at which nothing ever goes out, and series that their campaign's period cuts short."""
    yield from _send_time_warnings(playbook, sent or [])
    for at, campaign in enumerate(playbook.campaigns or ()):
        days = _days_between(campaign)
        gap = None if campaign.series is None or days is None else campaign.series.gap
        if gap is None or days is None or len(campaign.content) < 2:
            continue
        # From the first instant of the first day to the last of the last it is a day longer than between the days.
        is_over = gap.days > days if gap.days is not None else (gap.length or timedelta()) >= timedelta(days + 1)
        if is_over:
            message = f"the gap of {campaign.id!r} is longer than the campaign: no step follows another within it"
            yield Problem.warning(f"campaigns[{at}].series.gap", message)


def _days_between(campaign: Campaign) -> int | None:
    """From a campaign's first day to its last; None where there is no first or last."""
    if isinstance(campaign.dates, tuple) and campaign.dates:
        return (max(campaign.dates) - min(campaign.dates)).days
    if campaign.starts is None or campaign.ends is None:
        return None
    return (campaign.ends - campaign.starts).days


def _send_time_warnings(playbook: Sections, sent: list[Sendable]) -> Iterator[Problem]:
    """Send times at which hours that hold for everybody are closed, whatever the weekday."""
    campaigns = {own.id: (at, own) for at, own in enumerate(playbook.campaigns or ())}
    channels = {own.name: (at, own) for at, own in enumerate(playbook.channels)}
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for own in sent:
        channel = next(iter(own.facets.get("channel", ())), None)
        if not own.obeys_hours or channel is None:
            continue
        at, campaign = campaigns[own.campaign]
        path, send_at = f"campaigns[{at}].send_at", campaign.send_at
        if send_at is None and channel in channels:
            at, kind = channels[channel]
            path, send_at = f"channels[{at}].send_at", kind.send_at
        if send_at is not None and (labels := _closed(playbook, own, channel, send_at)):
            found.setdefault((path, _when(send_at, channel), labels), []).append(repr(own.campaign))
    for (path, when, labels), names in found.items():
        who = ", ".join(dict.fromkeys(names))
        yield Problem.warning(path, f"nothing of {who} ever goes out {when}: closed every day, {' and '.join(labels)}")


def _when(send_at: SendAt, channel: str) -> str:
    whose = "" if send_at.attribute is None else f", the time of those without {send_at.attribute}"
    return f"by {channel} at {send_at.default}{whose}"


def _closed(playbook: Sections, own: Sendable, channel: str, send_at: SendAt) -> tuple[str, ...]:
    """What closes a send time on every day of a week; nothing where it is open on one of them."""
    quiet = (hours for hours in playbook.quiet_hours if hours.audience is None and own.must_match(hours.where))
    send = tuple(hours for hours in playbook.send_hours if own.may_match(hours.where) and hours.applies(channel))
    is_sure = any(hours.audience is None and own.must_match(hours.where) for hours in send)
    schedule = Schedule(tuple(quiet), send if is_sure else ())
    local, time = clock("UTC"), time_of_day(send_at.default) * MINUTE
    days = [schedule.closed(channel, day * DAY + time, local) for day in range(_WEEK)]
    return tuple(dict.fromkeys(label for labels in days for label in labels)) if all(days) else ()
