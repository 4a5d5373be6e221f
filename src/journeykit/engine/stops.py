"""Stops: the rules that keep a candidate from going at an instant, beside the history and the winners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.engine.candidate import Candidate, Winner, message_of
from journeykit.engine.history import holds
from journeykit.engine.steps import step_rule, turn_from
from journeykit.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.engine.arbitration import Arbitration
    from journeykit.engine.message import Message
    from journeykit.engine.window_usage import Span


class Stop:
    """One rule that stops a claim at an instant."""

    __slots__ = ("by_history", "name", "reason", "winners")

    def __init__(self, reason: Reason, name: str, winners: set[int], *, by_history: bool) -> None:
        self.reason = reason
        self.name = name
        self.winners = winners
        self.by_history = by_history


def stops_at(arbitration: Arbitration, candidate: Candidate, at: int, *, later: bool = False) -> Iterator[Stop]:
    """Every rule that adding a claim at an instant to the history and the winners would break.

    Args:
        arbitration: what became of the contact's claims.
        candidate: the claim.
        at: the instant.
        later: whether another decision is meant, to which the winners are history.
    """
    message = message_of(candidate)
    yield from _capped(arbitration, message, at, later=later)
    yield from _repeated(arbitration, candidate)
    yield from _full(arbitration, candidate, at)
    for number, spans in arbitration.facts.bars(message).items():
        if holds(spans, at):
            yield Stop(Reason.CONFLICT, arbitration.facts.playbook.conflicts[number].name, set(), by_history=True)
    for winner in arbitration.winners if message.first or message.then else ():
        for number, low, high in arbitration.facts.clashes(message, winner.effects, winner.at):
            if low <= at <= high:
                before = _goes_before(candidate, winner)
                yield Stop(
                    Reason.CONFLICT,
                    arbitration.facts.playbook.conflicts[number].name,
                    {winner.number},
                    by_history=before,
                )
    if candidate.is_step and not has_turn(arbitration, candidate, at):
        yield Stop(Reason.REQUIRES, step_rule(candidate), set(), by_history=False)
    for number, requirement in enumerate(arbitration.facts.playbook.requirements):
        if message.needy >> number & 1 and not is_met(arbitration, candidate, number, at):
            yield Stop(Reason.REQUIRES, requirement.name, set(), by_history=False)


def _goes_before(candidate: Candidate, winner: Winner) -> bool:
    """Whether a winner was settled before a candidate's round began, and so is history to it."""
    return candidate.obeys_caps and not winner.candidate.obeys_caps


def _capped(arbitration: Arbitration, message: Message, at: int, *, later: bool) -> Iterator[Stop]:
    if not message.campaign.obeys_caps:
        return
    for cap, key, points in message.cells:
        limit = arbitration.caps.limit(cap)
        own = arbitration.facts.gauges[cap].span(at, message.campaign.ends, points)
        if limit is None or own is None:
            continue
        gauge = arbitration.facts.gauges[cap]
        if later and gauge.of_decision and not gauge.exceeds((), own, limit):
            continue
        occupants, by_history = _occupants(arbitration, cap, key, own, limit)
        if occupants:
            name = arbitration.facts.playbook.caps[cap].name
            if cap >= arbitration.facts.ruleset.rests.first:
                # A rest is a cap that the history alone fills. No winner is in its way.
                yield Stop(Reason.RESTING, name, set(), by_history=True)
            else:
                yield Stop(Reason.CAPPED if by_history else Reason.OUTBID, name, occupants, by_history=by_history)


def _occupants(
    arbitration: Arbitration, cap: int, key: tuple[str, ...], own: Span, limit: int
) -> tuple[set[int], bool]:
    """Who is in a window that a claim would push over its limit, and whether the history alone does that."""
    known = ("occupants", cap, key, own)
    if known not in arbitration.known:
        gauge = arbitration.facts.gauges[cap]
        occupants = gauge.occupants(arbitration.usage_for_rivals(cap, key), own, limit)
        by_history = bool(occupants) and gauge.exceeds(arbitration.usage_before(cap, key), own, limit)
        arbitration.known[known] = occupants, by_history
    found: tuple[set[int], bool] = arbitration.known[known]
    return found


def _full(arbitration: Arbitration, candidate: Candidate, at: int) -> Iterator[Stop]:
    """The quotas of whose maximum too little is left."""
    capacity = arbitration.facts.capacity
    for use in arbitration.facts.uses(candidate, at):
        assert capacity is not None  # noqa: S101  (without one nothing is used)
        users = arbitration.users_of(use.key)
        before = sum(amount for winner, amount in users if _goes_before(candidate, winner))
        left = capacity.left(use)
        if use.amount > left - sum(amount for _, amount in users):
            by_history = use.amount > left - before
            reason = Reason.QUOTA_FULL if by_history else Reason.OUTBID
            yield Stop(reason, use.name, {winner.number for winner, _ in users}, by_history=by_history)


def _repeated(arbitration: Arbitration, candidate: Candidate) -> Iterator[Stop]:
    campaign = message_of(candidate).campaign
    same = {winner.number for winner in arbitration.winners_repeating(candidate)}
    if campaign.repeat is not None:
        before = arbitration.facts.history.repeated(candidate)
        if before >= campaign.repeat:
            yield Stop(Reason.CAPPED, f"repeat of {campaign.id}", same, by_history=True)
        elif before + len(same) >= campaign.repeat:
            yield Stop(Reason.OUTBID, f"repeat of {campaign.id}", same, by_history=False)
    siblings = {winner.number for winner in arbitration.winners_of_group(candidate.group)}
    if siblings:
        yield Stop(Reason.OUTBID, f"one content of {campaign.id}", siblings, by_history=False)


def has_turn(arbitration: Arbitration, candidate: Candidate, at: int) -> bool:
    """Whether it is the turn of a step at an instant, by the history or a winner."""
    return turn_from(arbitration.facts, candidate, arbitration.winners) <= at


def is_met(arbitration: Arbitration, candidate: Candidate, requirement: int, at: int) -> bool:
    """Whether the history, or a winner, meets a requirement at an instant."""
    return arbitration.facts.met_by_history(requirement, at) or any(
        winner.candidate is not candidate
        and winner.effects.partner >> requirement & 1
        and winner.at <= at
        and _may_partner(candidate, winner)
        for winner in arbitration.winners
    )


def _may_partner(candidate: Candidate, winner: Winner) -> bool:
    exempt = not winner.candidate.obeys_caps
    early = winner.candidate.level[0] <= candidate.level[0]
    return exempt or early if candidate.obeys_caps else exempt and early
