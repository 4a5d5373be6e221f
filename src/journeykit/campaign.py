"""Teams, campaigns and claims: who asks for attention, with what, and how much it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from attrs import field, frozen, validators

from journeykit.civil import day_number
from journeykit.errors import ModelError
from journeykit.fields import (
    LARGEST,
    boolean,
    calendar_date,
    instance,
    listed,
    names,
    number,
    one_of,
    optional_text,
    required_text,
    shown,
    whole,
)
from journeykit.rule import Rule, asks_no_events
from journeykit.split import Holdout


@frozen(kw_only=True)
class Team:
    """Who claims attention, and to what end.

    Attributes:
        name: which.
        goal: what for: ``nurture``, ``event``, ``launch``, ``promotion``, ``relationship``, ``service``, ...
        lever: a factor on the weight of all its claims.
        department: the department it belongs to, compared with a stage's owner.
    """

    name: str = field(validator=required_text)
    goal: str | None = field(default=None, validator=optional_text)
    lever: float = field(default=1.0, validator=number(0))
    department: str = field(default="marketing", validator=required_text)


def _rule(value: Rule | str | None) -> Rule | None:
    return Rule(value) if isinstance(value, str) else value


def _dates(value: Iterable[date] | None) -> tuple[date, ...] | None:
    if value is None:
        return None
    found = listed(value, "a list of dates")
    for day in found:
        if not isinstance(day, date) or isinstance(day, datetime):
            raise ModelError(f"dates must be dates, found {shown(day)}", field="dates")
    return tuple(sorted(set(found)))


@frozen(kw_only=True)
class Campaign:
    """A team's intention to send some content to an audience within a period.

    Attributes:
        id: which.
        team: the name of the team.
        content: ids of its content; several stand for a choice of one.
        weight: what one message is worth.
        audience: the rule that selects contacts; None for everybody.
        starts: first local date, in the contact's zone; None for no start.
        ends: last local date; None for no end.
        dates: its own local dates; it goes out on these only. None for any.
        stages: stages at which it may speak though another department owns them.
        goal: its end, where it differs from its team's.
        tier: 0 goes first; the choice is optimal tier by tier.
        priority: for the policy ``ranked``: 0 goes first.
        repeat: the most touches of it one contact gets over its whole period; None for no limit.
        paused: nothing goes out.
        if_lost: ``defer`` a loser that could go later, or ``drop`` it.
        cost: what one message costs, from 0, for quotas.
        obeys_caps: whether caps can stop it.
        counts_toward_caps: whether its touches count in caps.
        needs_consent: whether opt-out, consent and holdouts can stop it.
        obeys_quiet_hours: whether quiet hours, send hours and holidays can stop it.
        holdout: the share of contacts that never gets it.
        scored: whether its claims need a score: one that has no propensity, and no weight of its own, is
            ``missing_data``. A run over tables treats every campaign that its scores table names in this way.
    """

    id: str = field(validator=required_text)
    team: str | None = field(default=None, validator=optional_text)
    content: tuple[str, ...] = field(default=(), converter=names)
    weight: float = field(default=1.0, validator=number())
    audience: Rule | None = field(
        default=None, converter=_rule, validator=[validators.optional(instance(Rule)), asks_no_events]
    )
    starts: date | None = field(default=None, validator=validators.optional(calendar_date))
    ends: date | None = field(default=None, validator=validators.optional(calendar_date))
    dates: tuple[date, ...] | None = field(default=None, converter=_dates)
    stages: tuple[str, ...] = field(default=(), converter=names)
    goal: str | None = field(default=None, validator=optional_text)
    tier: int = field(default=0, validator=whole(0, 1000))
    priority: int = field(default=0, validator=whole(-1_000_000, 1_000_000))
    repeat: int | None = field(
        default=1,
        validator=validators.optional(whole(1, 1_000_000)),  # type: ignore[arg-type]  # attrs looks at the default
    )
    paused: bool = field(default=False, validator=boolean)
    if_lost: str = field(default="defer", validator=one_of("defer", "drop"))
    cost: float | None = field(default=None, validator=validators.optional(number(0)))
    obeys_caps: bool = field(default=True, validator=boolean)
    counts_toward_caps: bool = field(default=True, validator=boolean)
    needs_consent: bool = field(default=True, validator=boolean)
    obeys_quiet_hours: bool = field(default=True, validator=boolean)
    holdout: Holdout | None = field(default=None, validator=validators.optional(instance(Holdout)))
    scored: bool = field(default=False, validator=boolean)

    def __attrs_post_init__(self) -> None:
        if self.starts is not None and self.ends is not None and self.ends < self.starts:
            raise ModelError(f"the campaign ends ({self.ends}) before it starts ({self.starts})", field="ends")

    def closed(self, day: int) -> str | None:
        """Why nothing goes out on a local date (a day number), or None where the campaign is open."""
        if self.paused:
            return "paused"
        if self.starts is not None and day < day_number(self.starts):
            return f"starts {self.starts}"
        if self.ends is not None and day > day_number(self.ends):
            return f"ends {self.ends}"
        if self.dates is not None and all(day != day_number(own) for own in self.dates):
            return "dates"
        return None


def _several(value: Any) -> Any:
    """Texts as a tuple without repeats; one text is one of them. What else is given is judged with the claim."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return tuple(dict.fromkeys(value))
    return value


@frozen(kw_only=True)
class Claim:
    """A campaign's wish to send one contact some content.

    A claim's own data may be bad: it is judged with the rest of the contact's claims, and answered with `invalid`.

    What a claim brings of `team`, `goal`, `topics`, `solutions`, `theme` and `tags` holds for it, whatever the campaign
    and the content have; so caps can count by them where the playbook lists no campaigns.

    Attributes:
        campaign: the campaign's id.
        id: its own id: claims of one campaign that have different ids are different messages, such as two receipts, and
            `Campaign.repeat` counts each of them apart.
        content: the content's id; None stands for each content of the campaign, of which one can win.
        channel: the content's channel; None takes it from the content.
        at: the instant, or the local date, on which it wants to go; None for any in the decision's span.
        weight: its own weight; the policy's product is then not applied. None lets the policy weigh it.
        propensity: the chance of a response, from 0 to 1.
        value: what a response is worth.
        cost: what sending it costs, from 0, for quotas.
        asked_at: when it was asked for; the policy `first_come` looks at this.
        numbers: further columns, for quotas.
        team: who claims; None takes it from the campaign.
        goal: to what end; None takes it from the campaign, or its team.
        topics: what it is about; none takes them from the content. The contact's consent by topic looks at them.
        solutions: the solutions that it names; none takes them from the content.
        theme: its theme; None takes it from the content.
        tags: words of your own, for caps and other rules.

    Example:
        >>> Claim(campaign="launch", weight=8.0).content is None
        True
    """

    campaign: str
    content: str | None = None
    channel: str | None = None
    at: datetime | date | None = None
    weight: float | None = None
    propensity: float | None = None
    value: float | None = None
    cost: float | None = None
    asked_at: datetime | None = None
    numbers: Mapping[str, float] = field(factory=dict)
    id: str | None = None
    team: str | None = None
    goal: str | None = None
    topics: tuple[str, ...] = field(default=(), converter=_several)
    solutions: tuple[str, ...] = field(default=(), converter=_several)
    theme: str | None = None
    tags: tuple[str, ...] = field(default=(), converter=_several)

    @property
    def facets(self) -> dict[str, tuple[str, ...]]:
        """What it brings itself of all that claims are told apart by, besides campaign, content and channel.

        Example:
            >>> Claim(campaign="news", team="events", topics="product").facets
            {'team': ('events',), 'topic': ('product',)}
        """
        single = {"team": self.team, "goal": self.goal, "theme": self.theme}
        several = {"topic": self.topics, "solution": self.solutions, "tag": self.tags}
        found = {name: (value,) for name, value in single.items() if value is not None}
        return found | {name: values for name, values in several.items() if values}

    def fault(self) -> str | None:
        """What is wrong with the claim's own data, or None."""
        for name in ("campaign", "content", "channel", "id", "team", "goal", "theme"):
            value = getattr(self, name)
            optional = name != "campaign" and value is None
            if not optional and (not isinstance(value, str) or not value):
                return f"{name} must be a text that is not empty, found {value!r}"
        for name in ("topics", "solutions", "tags"):
            several: object = getattr(self, name)
            if not isinstance(several, tuple) or not all(isinstance(one, str) and one for one in several):
                return f"{name} must be texts that are not empty, found {several!r}"
        for name in ("weight", "propensity", "value", "cost"):
            value = getattr(self, name)
            if value is not None and not _usable(value):
                return f"{name} must be a number of at most {LARGEST:g}, found {value!r}"
        if self.propensity is not None and not 0 <= self.propensity <= 1:
            return f"propensity must be a number from 0 to 1, found {self.propensity!r}"
        if self.cost is not None and self.cost < 0:
            return f"cost must be a number from 0, found {self.cost!r}"
        numbers: object = self.numbers
        if not isinstance(numbers, Mapping):
            return f"numbers must be a mapping of names to numbers, found {numbers!r}"
        for name, value in numbers.items():
            if not _usable(value):
                return f"{name} must be a number of at most {LARGEST:g}, found {value!r}"
        for name in ("at", "asked_at"):
            value = getattr(self, name)
            if isinstance(value, datetime) and value.tzinfo is None:
                return f"{name} must be an aware instant, found a naive one: {value.isoformat()}"
            if value is not None and not isinstance(value, datetime if name == "asked_at" else date):
                return f"{name} must be an instant{'' if name == 'asked_at' else ' or a date'}, found {value!r}"
        return None


@frozen(kw_only=True)
class Score:
    """What a model says of a contact and a campaign, or one of its contents.

    Attributes:
        propensity: the chance of a response, from 0 to 1.
        value: what a response is worth.

    Raises:
        ModelError: for a propensity outside 0 to 1, and for what is no number.
    """

    propensity: float | None = field(default=None)
    value: float | None = None

    @propensity.validator
    def _is_chance(self, _: object, value: object) -> None:
        # Most scores are made by readers of tables, which look at them first: this is quick where all is well.
        if value is not None and not (type(value) is float and 0.0 <= value <= 1.0) and not _is_chance(value):
            raise ModelError(f"a propensity is a number from 0 to 1, found {shown(value)}", field="propensity")


Scores = Mapping[Any, Score]
"""Scores of one contact: by the id of a campaign or, for one of its contents, by the ids of campaign and content."""


def _is_chance(value: object) -> bool:
    return _usable(value) and 0 <= value <= 1  # type: ignore[operator]  # a number by now


def _usable(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST
