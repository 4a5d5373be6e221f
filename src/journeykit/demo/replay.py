"""The year once more, morning by morning, with the retailer's mailings as claims."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from journeykit.arbiter import Arbiter
from journeykit.basics.clock import HOUR, clock, micros
from journeykit.demo.experience import Experience
from journeykit.demo.households import Households
from journeykit.model.claim import Claim
from journeykit.model.contact import Contact
from journeykit.model.decision import Decision
from journeykit.model.outcome import Grant, Outcome, Reason, Row
from journeykit.model.touch import Touch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from journeykit.demo.retailer import Retailer
    from journeykit.playbook.playbook import Playbook

MORNING = 9 * HOUR
"""When the mail of a day is decided, local time, in microseconds since midnight."""
Pair = tuple[int, int]
"""A household and a campaign, by number."""


@frozen(kw_only=True)
class ClaimAnswer:
    """The answer to one claim on one morning.

    Attributes:
        day: the morning's day number.
        household: the household's number.
        campaign: the campaign's number.
        team: the campaign's team.
        stage: the household's stage on that morning.
        outcome: granted, deferred or denied.
        reason: why.
        rule: the first rule that stopped it; None for a grant.
        weight: the claim's weight; None where it was not weighed.
        chance: how likely a redemption seemed on that morning.
    """

    day: int
    household: int
    campaign: int
    team: str
    stage: str
    outcome: Outcome
    reason: Reason
    rule: str | None
    weight: float | None
    chance: float


class Foresight(Protocol):
    """What says how likely a household is to redeem a mailing, by what is known on a morning."""

    def wake(self, day: int, households: Sequence[int]) -> None:
        """Learn, on the morning of a day, what is new; these households are asked about next."""

    def send(self, household: int, campaign: int, day: int) -> None:
        """Note a mailing that goes out."""

    def chance(self, household: int, campaign: int) -> float:
        """How likely it is that a household redeems a campaign's mailing within four weeks."""


class OwnExperience:
    """The running experience of a replay: `Experience`, taught by what goes out.

    Args:
        retailer: the year.
        teams: the team of each campaign.
    """

    def __init__(self, retailer: Retailer, teams: Mapping[int, str]) -> None:
        self._retailer = retailer
        self._teams = teams
        self._experience = Experience()

    def wake(self, day: int, households: Sequence[int]) -> None:  # noqa: ARG002  (it knows the same of all)
        """Learn how the mailings went that are now four weeks old."""
        self._experience.wake(day)

    def send(self, household: int, campaign: int, day: int) -> None:
        """Note a mailing that goes out; what was redeemed before the first day is not on record."""
        if day >= self._retailer.first:
            redemptions = self._retailer.redemptions.get((household, campaign), ())
            self._experience.grant(self._teams[campaign], household, day=day, redemptions=redemptions)

    def chance(self, household: int, campaign: int) -> float:
        """The chance as learned so far."""
        return self._experience.chance(self._teams[campaign], household)


@frozen(kw_only=True)
class Replay:
    """How a year went under a playbook.

    Attributes:
        answers: all answers, by day, household and the order of claims.
        granted: the day on which each granted claim went out.
        example: the earliest of the decisions with the most different answers.
    """

    answers: Sequence[ClaimAnswer]
    granted: Mapping[Pair, int]
    example: Decision | None


def replay(retailer: Retailer, playbook: Playbook, households: Households | None = None) -> Replay:
    """Decide the retailer's mailings again, each asked for on the morning on which its campaign starts.

    On every morning with claims, new ones or deferred ones that have reached their ``retry_at``, each household with a
    claim is decided on its own; what is granted becomes a touch. Nothing of that day or later is known: not the
    baskets, not the redemptions, not the campaigns that are still to come.

    Args:
        retailer: the year.
        playbook: the rules; its campaigns are named as `Retailer.campaign_id` says, its journey places households.
        households: their stages, where another replay of the same year has placed them already.

    Returns:
        The answers. A claim that waits longer than the year lasts keeps its last answer, which is deferred.
    """
    year = _Year(retailer, playbook, households or Households(retailer, playbook))
    for mailing in retailer.mailings:
        year.ask(mailing.household, mailing.campaign, mailing.day)
    return year.replay()


def resume(
    begun: Replay, day: int, retailer: Retailer, playbook: Playbook, households: Households, foresight: Foresight
) -> Replay:
    """A replay from a day on, decided anew by chances that come from elsewhere.

    Args:
        begun: a replay of the whole year. What it granted before the day is the past; what waited then asks again
            when it did.
        day: the first day that is decided anew.
        retailer: the year.
        playbook: the rules.
        households: the stages of the households.
        foresight: what says how likely a redemption is. It is not told of the past.

    Returns:
        The answers from that day on, and what was granted from then on.
    """
    year = _Year(retailer, playbook, households, foresight)
    for (household, campaign), sent in begun.granted.items():
        if sent < day:
            year.touch(household, campaign, sent)
    asked = {(answer.household, answer.campaign): answer.day for answer in reversed(begun.answers) if answer.day >= day}
    for (household, campaign), first in asked.items():
        year.ask(household, campaign, first)
    return year.replay()


class _Year:
    """A replay under way."""

    def __init__(
        self, retailer: Retailer, playbook: Playbook, households: Households, foresight: Foresight | None = None
    ) -> None:
        self.retailer = retailer
        self.households = households
        self.arbiter = Arbiter(playbook)
        self.clock = clock(playbook.timezone)
        self.numbers = {retailer.campaign_id(number): number for number in retailer.runs}
        self.teams = {self.numbers[campaign.id]: campaign.team or "" for campaign in playbook.campaigns or ()}
        self.foresight = foresight or OwnExperience(retailer, self.teams)
        self.asked_at = {number: self.morning(run.starts) for number, run in retailer.runs.items()}
        self.touches: dict[int, list[Touch]] = defaultdict(list)
        self.answers: list[ClaimAnswer] = []
        self.granted: dict[Pair, int] = {}
        self.example: Decision | None = None
        self.asking: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))

    def ask(self, household: int, campaign: int, day: int) -> None:
        """Let a claim ask on the morning of a day."""
        self.asking[day][household].append(campaign)

    def touch(self, household: int, campaign: int, day: int) -> None:
        """Note a mailing that went out on a day."""
        own = Touch(at=self.morning(day), channel="mail", campaign=self.retailer.campaign_id(campaign))
        self.touches[household].append(own)

    def replay(self) -> Replay:
        """Decide all mornings."""
        for day in self.mornings():
            self.decide(day)
        return Replay(answers=tuple(self.answers), granted=self.granted, example=self.example)

    def mornings(self) -> Iterator[int]:
        """The days with claims, in order, those that deferred claims add included."""
        while self.asking and (day := min(self.asking)) <= self.retailer.last:
            yield day

    def decide(self, day: int) -> None:
        """One morning. What it grants teaches the next one, so that the order of households does not matter."""
        at = self.morning(day)
        run_id = self.arbiter.run_id(at)
        asking = sorted(self.asking.pop(day).items())
        self.foresight.wake(day, [household for household, _ in asking])
        answers = []
        for household, campaigns in asking:
            answers += self.answer(household, campaigns, day, at, run_id)
        for answer in answers:
            if answer.outcome is Outcome.GRANTED:
                self.take(answer)
        self.answers += answers

    def answer(
        self, household: int, campaigns: Sequence[int], day: int, at: datetime, run_id: str
    ) -> list[ClaimAnswer]:
        """Decide a household's claims, and put off those that are deferred."""
        contact = Contact(id=household, stage=self.households.stage(household, at))
        chances = {campaign: self.foresight.chance(household, campaign) for campaign in campaigns}
        claims = [self.claim(campaign, chance) for campaign, chance in chances.items()]
        decision = self.arbiter.decide(contact, self.touches[household], claims, at=at, run_id=run_id)
        rows: Sequence[Row | Grant] = decision.granted
        if len(rows) < len(claims):  # where all are granted, the rows need not be worked out
            rows = decision.rows
            self.example = max(self.example or decision, decision, key=_variety)
            self.put_off(decision, household)
        return [self.note(row, household, contact.stage or "", day, chances) for row in rows]

    def claim(self, campaign: int, chance: float) -> Claim:
        """A campaign's claim on a household, with the chance of a redemption."""
        return Claim(
            campaign=self.retailer.campaign_id(campaign),
            propensity=chance,
            asked_at=self.asked_at[campaign],
        )

    def put_off(self, decision: Decision, household: int) -> None:
        """Let deferred claims ask again on the first morning at which they may go."""
        for row in decision.rows:
            if row.outcome is Outcome.DEFERRED and row.retry_at is not None:
                day = self.clock.day(micros(row.retry_at))
                day += self.morning(day) < row.retry_at
                self.ask(household, self.numbers[row.campaign], day)

    def note(self, row: Row | Grant, household: int, stage: str, day: int, chances: Mapping[int, float]) -> ClaimAnswer:
        """The answer to one claim."""
        campaign = self.numbers[row.campaign]
        if isinstance(row, Grant):
            outcome, reason, rule = Outcome.GRANTED, Reason.GRANTED, None
        else:
            outcome, reason, rule = row.outcome, row.reason, row.rule
        return ClaimAnswer(
            day=day,
            household=household,
            campaign=campaign,
            team=self.teams[campaign],
            stage=stage,
            outcome=outcome,
            reason=reason,
            rule=rule,
            weight=row.weight,
            chance=chances[campaign],
        )

    def take(self, answer: ClaimAnswer) -> None:
        """Send what was granted: from now on it is a touch, and it teaches."""
        self.granted[answer.household, answer.campaign] = answer.day
        self.touch(answer.household, answer.campaign, answer.day)
        self.foresight.send(answer.household, answer.campaign, answer.day)

    def morning(self, day: int) -> datetime:
        """When the mail of a day is decided."""
        return self.clock.moment(self.clock.instants(day, MORNING)[0])


def _variety(decision: Decision) -> tuple[bool, int, int]:
    """Whether something goes out; then how many different answers and weights there are."""
    answers = {(row.outcome, row.reason) for row in decision.rows}
    weights = {row.weight for row in decision.rows}
    return bool(decision.granted), len(answers), len(weights)
