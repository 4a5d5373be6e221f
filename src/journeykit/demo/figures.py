"""The demo's results, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from journeykit.demo.households import Households
from journeykit.demo.kept import kept
from journeykit.demo.overlap import most_at_once, refused
from journeykit.demo.replay import ClaimAnswer, Replay, replay
from journeykit.demo.second_half import second_half
from journeykit.model.decision import Explanation
from journeykit.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from journeykit.demo.replay import Pair
    from journeykit.demo.retailer import Retailer
    from journeykit.playbook.playbook import Playbook

ENDS = ("granted_at_once", "granted_later", "waiting", "denied")
"""How a claim can end the year."""
CHECKED = (1, 2, 3, 4)
"""The caps on campaigns at once that the check tries, each alone."""
_Key = TypeVar("_Key")


@frozen
class Findings:
    """The demo's results.

    Attributes:
        figures: plain data: ``record`` (what happened), ``playbook``, ``kept`` (mailings and redemptions of the
            record and of each replay), ``teams``, ``stages``, ``stops`` (why claims were not granted at once, and
            their outcome in the end), ``denied`` (why, by reason), ``explained``, ``check`` and ``second_half`` (see
            `journeykit.demo.second_half.second_half`).
        explanation: one decision, explained; None where every claim was granted.
        replays: ``first_come``, ``choice_alone`` (journeykit without the reserve) and ``journeykit``.
    """

    figures: Mapping[str, Any]
    explanation: Explanation | None
    replays: Mapping[str, Replay]


@frozen
class ClaimResult:
    """The first and the last answer to a claim.

    Attributes:
        first: the answer on the first morning.
        last: the answer on the last one.
    """

    first: ClaimAnswer
    last: ClaimAnswer

    @property
    def end(self) -> str:
        """One of `ENDS`."""
        if self.last.outcome is Outcome.GRANTED:
            return "granted_at_once" if self.last is self.first else "granted_later"
        return "waiting" if self.last.outcome is Outcome.DEFERRED else "denied"


def find(retailer: Retailer, playbook: Playbook, progress: Callable[[str], object] = str) -> Findings:
    """Replay the year in order of arrival and under a playbook, and count.

    Args:
        retailer: the year.
        playbook: the rules. In order of arrival its caps apply; its reserve does not, since nothing is weighed.
        progress: called with a line of text before each step.
    """
    progress("placing households on the journey")
    households = Households(retailer, playbook)
    replays = {}
    for name, rules in variants(playbook).items():
        progress(f"replaying the year: {name}")
        replays[name] = replay(retailer, rules, households)
    ours = replays["journeykit"]
    progress("checking caps on campaigns at once")
    check = {str(most): refused(retailer, most) for most in CHECKED}
    progress("learning from the first half, and deciding the second by it")
    learned = second_half(retailer, playbook, households, replays)
    explanation = _explanation(ours, playbook.timezone)
    figures = {
        "record": _record(retailer),
        "playbook": {
            "name": playbook.name,
            "fingerprint": playbook.fingerprint,
            "caps": [cap.name for cap in playbook.caps],
            "reserve": playbook.reserve,
            "goals": {team.name: team.goal for team in playbook.teams or ()},
        },
        "kept": {
            "record": kept(retailer, {(own.household, own.campaign): own.day for own in retailer.mailings}),
            **{name: kept(retailer, replayed.granted) for name, replayed in replays.items()},
        },
        **_results(ours, playbook),
        "explained": explanation and explanation.to_dict(),
        "check": check,
        "second_half": learned,
    }
    return Findings(figures, explanation, replays)


def variants(playbook: Playbook) -> dict[str, Playbook]:
    """The playbooks to compare, under the same caps: order of arrival, choice alone, choice and reserve."""
    return {
        "first_come": evolve(playbook, policy="first_come", reserve=0),
        "choice_alone": evolve(playbook, reserve=0),
        "journeykit": playbook,
    }


def _explanation(replayed: Replay, timezone: str) -> Explanation | None:
    decision = replayed.example
    return None if decision is None else Explanation(decision, decision.explain().rows, timezone=timezone)


def _record(retailer: Retailer) -> dict[str, Any]:
    at_once = most_at_once(retailer)
    return {
        "campaigns": len(retailer.runs),
        "households": len({mailing.household for mailing in retailer.mailings}),
        "mailings": len(retailer.mailings),
        "redeemed_mailings": len(retailer.redemptions),
        "redemptions": sum(map(len, retailer.redemptions.values())),
        "baskets": sum(map(len, retailer.baskets.values())),
        "households_by_most_campaigns_at_once": {str(most): at_once[most] for most in sorted(at_once)},
    }


def _results(replayed: Replay, playbook: Playbook) -> dict[str, Any]:
    """The claims' outcomes: by team, by the stage and the stop of the first morning, and the reason in the end."""
    first: dict[Pair, ClaimAnswer] = {}
    last: dict[Pair, ClaimAnswer] = {}
    for answer in replayed.answers:
        first.setdefault((answer.household, answer.campaign), answer)
        last[answer.household, answer.campaign] = answer
    results = [ClaimResult(first[pair], last[pair]) for pair in first]
    stages = playbook.journey.stages if playbook.journey else ()
    denied = Counter(str(result.last.reason) for result in results if result.end == "denied")
    return {
        "teams": _tally(results, lambda result: result.first.team, [team.name for team in playbook.teams or ()]),
        "stages": _tally(results, lambda result: result.first.stage, [stage.name for stage in stages]),
        "stops": _stops([result for result in results if result.end != "granted_at_once"]),
        "denied": dict(sorted(denied.items())),
    }


def _tally(
    results: Iterable[ClaimResult], key: Callable[[ClaimResult], _Key], keys: Iterable[_Key] = ()
) -> dict[_Key, dict[str, int]]:
    """By key, how many claims there were, and how these claims ended."""
    nothing = dict.fromkeys(("claims", *ENDS), 0)
    found = {one: nothing.copy() for one in keys}
    for result in results:
        counts = found.setdefault(key(result), nothing.copy())
        counts["claims"] += 1
        counts[result.end] += 1
    return found


def _stops(results: Iterable[ClaimResult]) -> list[dict[str, Any]]:
    """What stopped claims on the first morning, most frequent first, and how these claims ended."""
    tallied = _tally(results, lambda result: (str(result.first.reason), result.first.rule or ""))
    rows = [{"reason": reason, "rule": rule, **counts} for (reason, rule), counts in sorted(tallied.items())]
    return sorted(rows, key=lambda row: -row["claims"])
