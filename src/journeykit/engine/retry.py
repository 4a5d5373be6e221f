"""Retry: when a candidate that lost may go after all."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING

from journeykit.basics.clock import FOREVER, LAST, moment
from journeykit.engine.candidate import Candidate, message_of
from journeykit.engine.eligibility import first_send_time
from journeykit.engine.history import merged
from journeykit.engine.steps import turn_from
from journeykit.engine.stops import is_met, stops_at
from journeykit.model.outcome import Reason
from journeykit.model.quiet_hours import NO_HOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from datetime import datetime

    from journeykit.engine.arbitration import Arbitration
    from journeykit.engine.message import Message

_MOST_STEPS = 10_000


def retry(arbitration: Arbitration, candidate: Candidate) -> datetime | None:
    """The earliest instant after the decision's span at which a claim alone fits the history and what was granted.

    Audience, stage, consent and weight are held as they are. Each rule says from when on it has no objection; the
    latest of these is asked again, until all agree. No instant before that one can do, so the answer is exact.
    """
    if arbitration.winners_of_group(candidate.group):
        # The claim was granted, with another content: none of it remains to go later.
        return None
    key = alike(arbitration, candidate)
    if key is not None and key in arbitration.known:
        found: datetime | None = arbitration.known[key]
        return found
    at = _agreed(_timed_rules(arbitration, candidate), _since(arbitration, candidate))
    found = None if at is None else moment(at)
    if key is not None:
        arbitration.known[key] = found
    return found


def alike(arbitration: Arbitration, candidate: Candidate) -> Hashable | None:
    """All that `_timed_rules` and `_since` read of a claim, so that claims that are alike are worked out once.

    None for a claim of which more is read.
    """
    message = message_of(candidate)
    campaign = message.campaign
    own = message.step >= 0 or candidate.outside is not None or candidate.claim.at is not None
    if own or message.needy or arbitration.facts.capacity is not None:
        return None
    same = len(arbitration.winners_repeating(candidate))
    worn = campaign.repeat is not None and arbitration.facts.history.repeated(candidate) + same >= campaign.repeat
    return (
        "retry",
        worn,
        candidate.slots[-1],
        candidate.expiry,
        campaign.paused,
        message.starts,
        message.ends,
        message.dates,
        message.channel,
        message.schedule,
        message.send_at,
        message.cells if campaign.obeys_caps else None,
        message.first,
        message.then,
    )


def _since(arbitration: Arbitration, candidate: Candidate) -> int | None:
    """The first instant for which a claim was not considered; None where its own has passed.

    Of a claim with a date or instant of its own only that was; of others the whole span was, but for its end where they
    have no slot there.
    """
    asked = candidate.slots[-1]
    if candidate.outside is not None:
        return None if asked < arbitration.facts.now else max(arbitration.facts.last + 1, asked)
    if candidate.is_occasion:
        # Each date of the span has a claim of its own.
        return arbitration.facts.last + 1
    if candidate.claim.at is not None:
        return asked + 1
    if asked > arbitration.facts.last:
        # A time of day after the one instant that is decided.
        return asked + 1
    return arbitration.facts.last + 1 if asked == arbitration.facts.last else arbitration.facts.last


def _agreed(rules: Sequence[Callable[[int], int | None]], since: int | None) -> int | None:
    """The first instant from ``since`` on to which no rule objects; None if there is none."""
    at = since
    for _ in range(_MOST_STEPS):
        later = at
        for rule in rules:
            if later is None:
                return None
            later = rule(later)
        if later is None or later >= LAST:
            return None
        if later == at:
            return at
        at = later
    return None


def stopped_later(arbitration: Arbitration, candidate: Candidate) -> tuple[str, ...]:
    """What stops a claim once its time has come, where it could not go then either."""
    at = _agreed(_message_rules(arbitration, message_of(candidate)), _since(arbitration, candidate))
    if at is None:
        return ()
    expired = candidate.expired(at)
    if expired is not None:
        return (expired,)
    stops = sorted(
        stops_at(arbitration, candidate, at, later=True),
        key=lambda stop: (stop.reason is not Reason.CAPPED, not stop.by_history),
    )
    return tuple(stop.name for stop in stops)


def _message_rules(arbitration: Arbitration, message: Message) -> list[Callable[[int], int | None]]:
    """When the campaign is open, and the hours allow it."""
    rules: list[Callable[[int], int | None]] = [partial(_open_from, arbitration, message)]
    subject, local = arbitration.facts.subject, arbitration.facts.clock
    if message.schedule is not NO_HOURS:
        rules.append(lambda since: subject.schedule_of(message, since).opens(message.channel, since, local))
    send_time = subject.send_time(message)
    if send_time is not None:
        rules.append(partial(first_send_time, arbitration.facts.clock, send_time))
    return rules


def _timed_rules(arbitration: Arbitration, candidate: Candidate) -> list[Callable[[int], int | None]]:
    message = message_of(candidate)
    rules = _message_rules(arbitration, message)
    campaign = message.campaign
    if candidate.expiry is not None:
        rules.append(lambda since: since if candidate.expired(since) is None else None)
    if campaign.repeat is not None:
        same = len(arbitration.winners_repeating(candidate))
        if arbitration.facts.history.repeated(candidate) + same >= campaign.repeat:
            rules.append(lambda _: None)
    if campaign.obeys_caps:
        for cap, key, points in message.cells:
            limit = arbitration.caps.limit(cap)
            if limit is not None:
                rules.append(
                    partial(
                        arbitration.facts.gauges[cap].first_fit,
                        arbitration.usage(cap, key),
                        ends=campaign.ends,
                        points=points,
                        limit=limit,
                    )
                )
    if message.first or message.then:
        barred = [span for spans in arbitration.facts.bars(message).values() for span in spans]
        barred += [
            (low, high)
            for winner in arbitration.winners
            for _, low, high in arbitration.facts.clashes(message, winner.effects, winner.at)
        ]
        if barred:
            rules.append(partial(_clear_of, merged(barred)))
    if candidate.is_step:
        turn = turn_from(arbitration.facts, candidate, arbitration.winners)
        rules.append(lambda since: None if turn == FOREVER else max(since, turn))
    if arbitration.facts.capacity is not None:
        rules.append(partial(_quota_left_from, arbitration, candidate))
    rules += [
        partial(_met_from, arbitration, candidate, number)
        for number in range(len(arbitration.facts.playbook.requirements))
        if message.needy >> number & 1
    ]
    return rules


def _open_from(arbitration: Arbitration, message: Message, since: int) -> int | None:
    """The first instant from ``since`` on at which the campaign is open."""
    campaign = message.campaign
    day = max(arbitration.facts.clock.day(since), message.starts)
    if campaign.paused:
        return None
    if message.dates is not None:
        own = message.dates.first_from(day)
        if own is None:
            return None
        day = own
    if day > message.ends:
        return None
    return since if arbitration.facts.clock.day(since) == day else max(since, arbitration.facts.clock.day_start(day))


def _quota_left_from(arbitration: Arbitration, candidate: Candidate, since: int) -> int | None:
    """The first instant from ``since`` on in whose period every quota has enough left, as far as that is known."""
    capacity, at = arbitration.facts.capacity, since
    assert capacity is not None  # noqa: S101  (asked only where there is one)
    for use in arbitration.facts.uses(candidate, at):
        taken = sum(amount for _, amount in arbitration.users_of(use.key))
        if capacity.is_known(use) and use.amount > capacity.left(use) - taken:
            later = capacity.after(use.name, at)
            if later is None:
                return None
            at = max(at, later)
    return at


def _clear_of(barred: list[tuple[int, int]], since: int) -> int:
    """The first instant from ``since`` on that none of some merged spans holds."""
    place = bisect_right(barred, (since, LAST)) - 1
    return barred[place][1] + 1 if place >= 0 and since <= barred[place][1] else since


def _met_from(arbitration: Arbitration, candidate: Candidate, requirement: int, since: int) -> int | None:
    """The first instant from ``since`` on at which a requirement is met."""
    # Only a touch that will do, or a winner, can change the answer.
    partners = arbitration.facts.partners_in_history(requirement)
    touches = () if partners is None else partners.instants[bisect_right(partners.instants, since) :]
    winners = (winner.at for winner in arbitration.winners if winner.at > since)
    instants: set[int] = {since, *touches, *winners}
    for at in sorted(instants):
        if is_met(arbitration, candidate, requirement, at):
            return at
    return None
