"""The second half of the year, decided by what a model learned from the first."""

from __future__ import annotations

from collections import defaultdict
from math import fsum, log
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import day_date
from journeykit.demo.experience import DIGITS, HORIZON
from journeykit.demo.kept import kept
from journeykit.demo.replay import resume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.demo.households import Households
    from journeykit.demo.replay import Pair, Replay
    from journeykit.demo.retailer import Retailer
    from journeykit.playbook.playbook import Playbook

_LEAST = 1e-6
"""What a chance of nothing counts as, so that a loss is a number."""


def second_half(
    retailer: Retailer, playbook: Playbook, households: Households, replays: Mapping[str, Replay]
) -> dict[str, Any] | None:
    """Learn at the middle of the year from what the replay sent, decide the rest by it, and compare.

    Args:
        retailer: the year.
        playbook: the demo's rules.
        households: the stages of the households.
        replays: the replays of the whole year: ``first_come`` and ``journeykit``, whose first half is the past.

    Returns:
        ``since`` (the first day that is decided), ``learned`` (what the model rests on and how good it is), ``kept``
        (of campaigns that start on that day or later: as it happened, and in three replays), ``log_loss`` (of the
        chances that their mailings had on the first morning) and ``best_half`` (how many were redeemed of the half
        with the highest chances); None where nothing was sent early enough to learn from.

    Raises:
        MissingExtraError: without the extra ``learn``.
    """
    day = (retailer.first + retailer.last + 1) // 2
    ours = replays["journeykit"]
    past = {pair: sent for pair, sent in ours.granted.items() if sent < day}
    if not any(retailer.first <= sent <= day - HORIZON for sent in past.values()):
        return None
    from journeykit.demo.learned_scores import LearnedScores

    scores = LearnedScores(retailer, playbook, households, past, day)
    learned = resume(ours, day, retailer, playbook, households, scores)
    half = _from(retailer, day)
    asked = {(own.household, own.campaign): own.day for own in half.mailings}
    sent = {"first_come": replays["first_come"].granted, "experience": ours.granted, "learned": learned.granted}
    found = {name: _results(answers, half) for name, answers in (("experience", ours), ("learned", learned))}
    return {
        "since": day_date(day).isoformat(),
        "learned": scores.told(),
        "kept": {
            "record": kept(half, asked),
            **{name: kept(half, {pair: on for pair, on in own.items() if pair in asked}) for name, own in sent.items()},
        },
        "log_loss": {name: _log_loss(results) for name, results in found.items()},
        "best_half": {name: _best_half(results) for name, results in found.items()},
    }


def _from(retailer: Retailer, day: int) -> Retailer:
    """The year with the mailings from a day on, and their redemptions."""
    mailings = tuple(own for own in retailer.mailings if own.day >= day)
    asked = {(own.household, own.campaign) for own in mailings}
    redemptions = {pair: days for pair, days in retailer.redemptions.items() if pair in asked}
    return evolve(retailer, mailings=mailings, redemptions=redemptions)


def _results(replayed: Replay, half: Retailer) -> list[tuple[float, bool]]:
    """The chance of each mailing on its first morning, and whether the real one was redeemed in its four weeks.

    Only mailings count whose four weeks end within the year.
    """
    chances: dict[Pair, float] = {}
    for answer in replayed.answers:
        chances.setdefault((answer.household, answer.campaign), answer.chance)
    found = []
    for own in half.mailings:
        if own.day + HORIZON <= half.last + 1:
            pair = own.household, own.campaign
            days = half.redemptions.get(pair, ())
            found.append((chances[pair], any(own.day <= on < own.day + HORIZON for on in days)))
    return found


def _log_loss(results: Sequence[tuple[float, bool]]) -> float | None:
    """The mean log loss; None without results."""
    losses = [-log(min(max(chance if redeemed else 1 - chance, _LEAST), 1)) for chance, redeemed in results]
    return round(fsum(losses) / len(losses), DIGITS) if losses else None


def _best_half(results: Sequence[tuple[float, bool]]) -> int:
    """How many were redeemed of the half with the highest chances; of equal ones as many as a lot draws on average."""
    by_chance: dict[float, list[bool]] = defaultdict(list)
    for chance, redeemed in results:
        by_chance[chance].append(redeemed)
    room, found = len(results) // 2, 0.0
    for chance in sorted(by_chance, reverse=True):
        own = by_chance[chance]
        found += sum(own) * min(1, room / len(own))
        room = max(0, room - len(own))
    return round(found)
