"""Messages: the contents of campaigns, compiled: what a claim asks to send."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.clock import day_number
from journeykit.model.campaign import Campaign, Team
from journeykit.model.content import Content
from journeykit.model.quiet_hours import NO_HOURS, Schedule
from journeykit.rule.expression import Expression

if TYPE_CHECKING:
    from journeykit.journey import Journey
    from journeykit.model.lever import Lever  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.recurrence import OwnDates  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.send_at import SendAt  # noqa: TC004  (loaded where it is needed)

ALWAYS = 10**9
"""A day number that no date reaches."""


@frozen(eq=False)
class Message:
    """One content of one campaign: what a claim asks to send.

    Attributes:
        campaign: the campaign.
        content: the content, or None where the playbook does not know it.
        content_id: its id, or None.
        team: the team, or None where the playbook does not know it.
        channel: the channel, or None.
        facets: what it is told apart by.
        cells: the caps in which it counts: number of the cap, group, and points in billionths.
        first: the conflicts whose ``first`` it is, as a bit mask.
        then: the conflicts whose ``then`` it is.
        needy: the requirements that it must meet.
        partner: the requirements for which it will do.
        starts: first day number.
        ends: last day number.
        schedule: the hours and holidays that it obeys, for all audiences.
        send_at: the time of day at which it goes, or None.
        local: whether the contact's time zone matters to it.
        audience: the campaign's rule as a function, or None.
        timely: whether the answer of that rule depends on the instant.
        dates: the campaign's own dates, or None.
        levers: the levers in whose scope it is.
        step: in a series, which step it is, from 0; -1 where its campaign has no series.
        rare: whether a check applies that most messages are spared: topics, holdouts, splits, a missing zone or
            channel.
        tie: its place in the order of claims, after weight and instant.
        topics: what it is about.
        team_name: the name of the team, whether the playbook knows it or not.
        tags: its tags.
        expression: the expression that is the campaign's weight, or None where that is a number.
        has_own_factors: whether more makes up its weight than campaign, content, team and fit.
        is_always_open: whether neither dates nor hours nor a rare check can stop it.
    """

    campaign: Campaign
    content: Content | None
    content_id: str | None
    team: Team | None
    channel: str | None
    facets: Mapping[str, tuple[str, ...]]
    cells: tuple[tuple[int, tuple[str, ...], int], ...]
    first: int
    then: int
    needy: int
    partner: int
    starts: int
    ends: int
    schedule: Schedule
    send_at: SendAt | None
    local: bool
    audience: Any
    timely: bool
    dates: OwnDates | None
    levers: tuple[Lever, ...]
    step: int
    rare: bool
    tie: tuple[int, str, str, str]
    topics: tuple[str, ...] = field(init=False)
    team_name: str | None = field(init=False)
    tags: tuple[str, ...] = field(init=False)
    expression: Expression | None = field(init=False)
    has_own_factors: bool = field(init=False)
    is_always_open: bool = field(init=False)

    @topics.default
    def _find_topics(self) -> tuple[str, ...]:
        return self.facets.get("topic", ())

    @team_name.default
    def _find_team_name(self) -> str | None:
        return self.facets.get("team", (None,))[0]

    @tags.default
    def _find_tags(self) -> tuple[str, ...]:
        return self.facets.get("tag", ())

    @expression.default
    def _find_expression(self) -> Expression | None:
        return self.campaign.weight if isinstance(self.campaign.weight, Expression) else None

    @has_own_factors.default
    def _look_for_factors(self) -> bool:
        return bool(self.levers) or self.campaign.patience is not None or self.expression is not None

    @is_always_open.default
    def _look_for_times(self) -> bool:
        dated = self.starts != -ALWAYS or self.ends != ALWAYS or self.dates is not None
        return not (dated or self.rare or self.schedule is not NO_HOURS)

    @property
    def department(self) -> str:
        """The department that speaks."""
        return self.team.department if self.team else "marketing"

    @property
    def about(self) -> tuple[str, ...]:
        """What a contact's interests can meet: its topics and solutions."""
        return (*self.topics, *self.facets.get("solution", ()))

    @property
    def scale(self) -> float:
        """What its claims weigh before anything of the contact is looked at: campaign x content x team lever.

        NaN where the campaign's weight is an expression.
        """
        weight = self.campaign.weight
        return math.nan if isinstance(weight, Expression) else self.lead(weight)

    def lead(self, weight: float) -> float:
        """A weight of the campaign x the content's x the team's lever."""
        content = 1.0 if self.content is None else self.content.weight
        return weight * content * (self.team.lever if self.team else 1.0)

    def stage_fit(self, stage: str | None) -> float:
        """Degree of fit for the contact's stage; 1 where it is missing."""
        return 1.0 if self.content is None or stage is None else self.content.stage_fit(stage)

    def stage_gain(self, stage: str | None, values: Mapping[str, float]) -> float | None:
        """What the content is expected to bring by moving the contact on; None where that is not known."""
        return None if self.content is None else self.content.stage_gain(stage, values)

    def role_fit(self, role: str | None) -> float:
        """Degree of fit for the contact's role; 1 where it is missing."""
        return 1.0 if self.content is None or role is None else self.content.role_fit(role)


def edge(day: Any, default: int) -> int:
    """A date as a day number, or a default."""
    return default if day is None else day_number(day)


NOBODYS = ""
"""The owner of a stage that the journey does not have: of no department, so only who speaks everywhere may speak."""


def owner_of(journey: Journey | None, stage: str | None) -> str | None:
    """The department that owns a stage; None where no check is made.

    A stage that the journey does not have, a misspelt one say, may be anybody's: it protects as much as a stage of a
    department that no team belongs to. Where no stage of the journey has an owner there is nothing to protect.
    """
    if journey is None or stage is None:
        return None
    owners = {known.name: known.owner for known in journey.stages}
    return owners.get(stage, NOBODYS) if any(owners.values()) else None


def owner_rule(owner: str) -> str:
    """How rows call the owner that a claim breaks on."""
    return f"owner {owner}" if owner else "owner unknown (the journey does not have the stage)"


def foreign_owner(owner: str | None, message: Message, stage: str | None) -> str | None:
    """The stage's owner, where the team may not speak on its stages and the campaign does not name the stage."""
    if owner is None or stage in message.campaign.stages:
        return None
    speaks = message.team.speaks_to(owner) if message.team else owner == message.department
    return None if speaks else owner
