"""The chance of a redemption as `journeykit.learn` learns it, in place of the replay's own experience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import evolve

from journeykit.basics.clock import clock
from journeykit.demo.experience import DIGITS, HORIZON
from journeykit.demo.replay import MORNING
from journeykit.journey import Journey
from journeykit.learning import learn, score
from journeykit.learning.message_examples import YOUNG
from journeykit.model.campaign import Campaign
from journeykit.model.response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.demo.households import Households
    from journeykit.demo.replay import Pair
    from journeykit.demo.retailer import Retailer
    from journeykit.playbook.playbook import Playbook

REDEMPTION = "redemption"
_INSTANT = pa.timestamp("us", "UTC")


def learners_view(playbook: Playbook) -> Playbook:
    """The playbook as the model knows it.

    A campaign is its type: the campaigns of a year run once each, and what was learned of one by its own number would
    say nothing of the next. The stages are those that the households were given, with the instant from which each
    holds; so the journey has no transitions.
    """
    teams = playbook.teams or ()
    contents = {own.team: own.content for own in playbook.campaigns or ()}
    return evolve(
        playbook,
        campaigns=tuple(Campaign(id=own.name, team=own.name, content=contents[own.name]) for own in teams),
        journey=Journey(stages=playbook.journey.stages if playbook.journey else ()),
        responses=(Response(name=REDEMPTION, event=REDEMPTION, within=f"{HORIZON}d"),),
    )


class LearnedScores:
    """What a model says, that was learned on the morning of a day and is asked on later mornings.

    Each morning the households that ask are scored by what is known then, as a nightly job does it: their stage, and
    the mailings and redemptions until the evening before. The model itself is not learned again.

    Args:
        retailer: the year.
        playbook: the demo's rules.
        households: the stages of the households.
        sent: what went out before the day, with its days.
        day: the first day that is not known.
    """

    def __init__(
        self, retailer: Retailer, playbook: Playbook, households: Households, sent: Mapping[Pair, int], day: int
    ) -> None:
        self._retailer = retailer
        self._households = households
        self._playbook = learners_view(playbook)
        self._teams = {number: f"type {run.type}" for number, run in retailer.runs.items()}
        self._clock = clock(playbook.timezone)
        self._sent = dict(sent)
        self._chances: dict[tuple[str, str], float] = {}
        self.model = learn(
            self._playbook,
            self._touches(),
            self._redemptions(day),
            until=self._clock.moment(self._clock.day_start(day)),
            since=self._clock.moment(self._clock.day_start(retailer.first)),
            contacts=self._stages({household for household, _ in sent}),
        )

    def told(self) -> dict[str, Any]:
        """What the model rests on, which one was chosen, and the log losses by which it was."""
        card = self.model.responses[REDEMPTION].card
        whole = card.parts[0]
        return {
            "messages": whole.messages,
            "redeemed": whole.answered,
            "too_young": card.left_out.get(YOUNG, 0),
            "chosen": card.chosen,
            "log_loss": {own.name: _rounded(own.log_loss) for own in card.tried},
        }

    def wake(self, day: int, households: Sequence[int]) -> None:
        """Score the households that ask on the morning of a day."""
        at = self._clock.moment(self._morning(day))
        people = self._stages(households)
        scores = score(self._playbook, self.model, people, self._touches(), self._redemptions(day), at=at, threads=1)
        columns = (scores.table()[name].to_pylist() for name in ("contact_id", "campaign_id", "propensity"))
        self._chances = {(contact, team): chance for contact, team, chance in zip(*columns, strict=True)}

    def send(self, household: int, campaign: int, day: int) -> None:
        """Note a mailing that goes out."""
        self._sent[household, campaign] = day

    def chance(self, household: int, campaign: int) -> float:
        """What the model says of a household that asks this morning."""
        return self._chances[str(household), self._teams[campaign]]

    def _touches(self) -> pa.Table:
        """The mailings that went out."""
        return pa.table(
            {
                "contact_id": [str(household) for household, _ in self._sent],
                "sent_at": pa.array([self._morning(day) for day in self._sent.values()], _INSTANT),
                "campaign_id": [self._teams[campaign] for _, campaign in self._sent],
                "channel": ["mail"] * len(self._sent),
                "decision_id": [_named(pair) for pair in self._sent],
            }
        )

    def _redemptions(self, day: int) -> pa.Table:
        """What was redeemed of these mailings before a day; each at the end of its own day."""
        found = [
            (pair, on)
            for pair, sent in self._sent.items()
            for on in self._retailer.redemptions.get(pair, ())
            if sent <= on < day
        ]
        return pa.table(
            {
                "contact_id": [str(household) for (household, _), _ in found],
                "event": [REDEMPTION] * len(found),
                "at": pa.array([self._clock.day_start(on + 1) for _, on in found], _INSTANT),
                "event_id": [str(number) for number in range(len(found))],
                "decision_id": [_named(pair) for pair, _ in found],
            }
        )

    def _stages(self, households: Sequence[int] | set[int]) -> pa.Table:
        """The stages of households, with the instants from which they hold."""
        steps = list(self._households.steps(sorted(households)))
        return pa.table(
            {
                "contact_id": [str(household) for household, _, _ in steps],
                "stage": [stage for _, stage, _ in steps],
                "valid_from": pa.array([since for _, _, since in steps], _INSTANT),
            }
        )

    def _morning(self, day: int) -> int:
        return self._clock.instants(day, MORNING)[0]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _named(pair: Pair) -> str:
    return f"{pair[0]}/{pair[1]}"
