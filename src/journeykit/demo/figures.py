"""What the demo found, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from journeykit.demo.crowding import most_at_once, refused
from journeykit.demo.replay import Answer, Replay, replay
from journeykit.model.decision import Explanation
from journeykit.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from journeykit.demo.replay import Pair
    from journeykit.demo.retailer import Retailer
    from journeykit.playbook.playbook import Playbook

ENDS = ("granted_at_once", "granted_later", "waiting", "denied")
"""What becomes of a claim by the end of the year."""
CHECKED = (1, 2, 3, 4)
"""The caps on campaigns at once that the check tries, each alone."""
_Key = TypeVar("_Key")


@frozen
class Findings:
    """What the demo found.

    Attributes:
        figures: plain data: ``record`` (what happened), ``playbook``, ``kept`` (mailings and redemptions of the
            record, of ``first_come`` and of ``journeykit``), ``teams``, ``stages``, ``stops`` (why claims were not
            granted at once, and what became of them), ``denied`` (why, by reason), ``explained`` and ``check``.
        explanation: one decision, explained; None where every claim was granted.
        replays: what was answered: ``journeykit`` and ``first_come``.
    """

    figures: Mapping[str, Any]
    explanation: Explanation | None
    replays: Mapping[str, Replay]


@frozen
class Fate:
    """What became of a claim.

    Attributes:
        first: the answer on the first morning.
        last: the answer on the last one.
    """

    first: Answer
    last: Answer

    @property
    def end(self) -> str:
        """One of `ENDS`."""
        if self.last.outcome is Outcome.GRANTED:
            return "granted_at_once" if self.last is self.first else "granted_later"
        return "waiting" if self.last.outcome is Outcome.DEFERRED else "denied"


def find(retailer: Retailer, playbook: Playbook, tell: Callable[[str], object] = str) -> Findings:
    """Replay the year under a playbook and in order of arrival, and count.

    Args:
        retailer: the year.
        playbook: the rules. In order of arrival its caps stand; its reserve does not, for nothing is weighed.
        tell: is told what is being done.
    """
    tell("replaying the year")
    ours = replay(retailer, playbook)
    tell("replaying it in order of arrival")
    theirs = replay(retailer, evolve(playbook, policy="first_come", reserve=0))
    tell("checking caps on campaigns at once")
    check = {str(most): refused(retailer, most) for most in CHECKED}
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
            "record": _kept(retailer, {(own.household, own.campaign): own.day for own in retailer.mailings}),
            "first_come": _kept(retailer, theirs.granted),
            "journeykit": _kept(retailer, ours.granted),
        },
        **_fates(ours, playbook),
        "explained": explanation and explanation.to_dict(),
        "check": check,
    }
    return Findings(figures, explanation, {"journeykit": ours, "first_come": theirs})


def _explanation(replayed: Replay, timezone: str) -> Explanation | None:
    decision = replayed.telling
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


def _kept(retailer: Retailer, granted: Mapping[Pair, int]) -> dict[str, int]:
    """The mailings that went out, and the redemptions of these on that day or later."""
    redeemed = [sum(day >= sent for day in retailer.redemptions.get(pair, ())) for pair, sent in granted.items()]
    return {
        "mailings": len(granted),
        "saved": len(retailer.mailings) - len(granted),
        "redeemed_mailings": sum(count > 0 for count in redeemed),
        "redemptions": sum(redeemed),
    }


def _fates(replayed: Replay, playbook: Playbook) -> dict[str, Any]:
    """What became of the claims: by team, by the stage and the stop of the first morning, and why in the end."""
    first: dict[Pair, Answer] = {}
    last: dict[Pair, Answer] = {}
    for answer in replayed.answers:
        first.setdefault((answer.household, answer.campaign), answer)
        last[answer.household, answer.campaign] = answer
    fates = [Fate(first[pair], last[pair]) for pair in first]
    stages = playbook.journey.stages if playbook.journey else ()
    denied = Counter(str(fate.last.reason) for fate in fates if fate.end == "denied")
    return {
        "teams": _tally(fates, lambda fate: fate.first.team, [team.name for team in playbook.teams or ()]),
        "stages": _tally(fates, lambda fate: fate.first.stage, [stage.name for stage in stages]),
        "stops": _stops([fate for fate in fates if fate.end != "granted_at_once"]),
        "denied": dict(sorted(denied.items())),
    }


def _tally(fates: Iterable[Fate], key: Callable[[Fate], _Key], keys: Iterable[_Key] = ()) -> dict[_Key, dict[str, int]]:
    """By key, how many claims there were, and what became of them."""
    nothing = dict.fromkeys(("claims", *ENDS), 0)
    found = {one: nothing.copy() for one in keys}
    for fate in fates:
        counts = found.setdefault(key(fate), nothing.copy())
        counts["claims"] += 1
        counts[fate.end] += 1
    return found


def _stops(fates: Iterable[Fate]) -> list[dict[str, Any]]:
    """What stopped claims on the first morning, most frequent first, and what became of them."""
    tallied = _tally(fates, lambda fate: (str(fate.first.reason), fate.first.rule or ""))
    rows = [{"reason": reason, "rule": rule, **counts} for (reason, rule), counts in sorted(tallied.items())]
    return sorted(rows, key=lambda row: -row["claims"])
