"""Claims and scores: what a campaign asks for, and what a model says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from attrs import field, frozen

from journeykit.basics.clock import FIRST_YEAR
from journeykit.basics.validation import LARGEST, shown
from journeykit.errors import ModelError

NEEDS_CLAIMS = "claims that wait compete with claims that are brought: give claims too, which may be none at all"


def _several(value: Any) -> Any:
    """Texts as a tuple without repeats; one text is one of them. What else is given is judged with the claim."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return tuple(dict.fromkeys(value))
    return value


@frozen(kw_only=True)
class Claim:
    """A campaign's claim to send one contact some content.

    A claim's own data may be bad: it is judged with the rest of the contact's claims, and answered with `invalid`.

    What a claim brings of ``team``, ``goal``, ``topics``, ``solutions``, ``theme`` and ``tags`` holds for it, whatever
    the campaign and the content have; so caps can count by them where the playbook lists no campaigns.

    Attributes:
        campaign: the campaign's id.
        id: its own id: claims of one campaign that have different ids are different messages, such as two receipts, and
            `Campaign.repeat` counts each of them apart.
        content: the content's id; None means each content of the campaign, of which one can win.
        channel: the content's channel; None takes it from the content.
        at: the instant, or the local date, on which it wants to go; None for any in the decision's span.
        weight: its own weight; the policy's product is then not applied. None lets the policy weigh it.
        propensity: the chance of a response, from 0 to 1.
        value: what a response is worth.
        cost: what sending it costs, from 0, for quotas.
        asked_at: when it was asked for; the policy `first_come` and `Campaign.wait` look at this.
        expires: the last instant, or the last local date, on which it may go; None for no end of its own.
        spread: how uncertain the propensity is: the standard deviation of what it may be, from 0.
        opt_out: the chance that the contact opts out because of the message, from 0 to 1.
        uplift: by how much the message changes the chance of a response, from -1 to 1.
        numbers: further columns, for quotas.
        team: who claims; None takes it from the campaign.
        goal: to what end; None takes it from the campaign, or its team.
        topics: what it is about; none takes them from the content. The contact's consent by topic looks at them.
        solutions: the solutions that it names; none takes them from the content.
        theme: its theme; None takes it from the content.
        tags: words of your own, for caps and other rules; none takes them from the campaign and the content.

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
    expires: datetime | date | None = None
    spread: float | None = None
    opt_out: float | None = None
    uplift: float | None = None

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
                return f"{name} must be a text that is not empty, found {shown(value)}"
        for name in ("topics", "solutions", "tags"):
            several: object = getattr(self, name)
            if not isinstance(several, tuple) or not all(isinstance(one, str) and one for one in several):
                return f"{name} must be texts that are not empty, found {shown(several)}"
        for name in ("weight", "propensity", "value", "cost", "spread", "opt_out", "uplift"):
            value = getattr(self, name)
            if value is not None and not _usable(value):
                return f"{name} must be a number of at most {LARGEST:g}, found {shown(value)}"
            if value is not None and name in _BOUNDS and not _is_within(name, value):
                return f"{name} must be {_ALLOWED[name]}, found {shown(value)}"
        numbers: object = self.numbers
        if not isinstance(numbers, Mapping):
            return f"numbers must be a mapping of names to numbers, found {shown(numbers)}"
        for name, value in numbers.items():
            if not _usable(value):
                return f"{name} must be a number of at most {LARGEST:g}, found {shown(value)}"
        for name in ("at", "asked_at", "expires"):
            value = getattr(self, name)
            if isinstance(value, datetime) and value.tzinfo is None:
                return f"{name} must be an aware instant, found a naive one: {value.isoformat()}"
            if value is not None and not isinstance(value, datetime if name == "asked_at" else date):
                return f"{name} must be an instant{'' if name == 'asked_at' else ' or a date'}, found {shown(value)}"
        if isinstance(self.expires, datetime) and self.expires.year < FIRST_YEAR:
            return f"expires must lie in the year {FIRST_YEAR} or later, found {shown(self.expires)}"
        if expires_too_early(self.at, self.expires):
            return f"expires must not be before at ({shown(self.at)}), found {shown(self.expires)}"
        return None


def expires_too_early(at: object, expires: object) -> bool:
    """Whether a claim expires before the date or instant that it asks for; a date and an instant are not compared."""
    if isinstance(at, datetime) and isinstance(expires, datetime):
        return expires < at
    both = type(at) is type(expires) is date
    return both and expires < at  # type: ignore[operator]  # dates


@frozen(kw_only=True)
class Score:
    """What a model says of a contact and a campaign, or one of its contents.

    Attributes:
        propensity: the chance of a response, from 0 to 1.
        value: what a response is worth.
        spread: how uncertain the propensity is: the standard deviation of what it may be, from 0.
        opt_out: the chance that the contact opts out because of the next message, from 0 to 1.
        uplift: by how much a message changes the chance of a response, from -1 to 1.

    Raises:
        ModelError: for a propensity, a spread, an opt_out or an uplift outside these bounds, and for what is no number.
    """

    propensity: float | None = field(default=None)
    value: float | None = None
    spread: float | None = field(default=None)
    opt_out: float | None = field(default=None)
    uplift: float | None = field(default=None)

    @propensity.validator
    def _is_chance(self, _: object, value: object) -> None:
        # Most scores are made by readers of tables, which look at them first: this is quick where all is well.
        if (
            value is not None
            and not (type(value) is float and 0.0 <= value <= 1.0)
            and not _is_good("propensity", value)
        ):
            raise ModelError(f"a propensity is a number from 0 to 1, found {shown(value)}", field="propensity")

    @spread.validator
    @opt_out.validator
    @uplift.validator
    def _is_within_bounds(self, attribute: Any, value: object) -> None:
        if value is not None and not _is_good(attribute.name, value):
            raise ModelError(
                f"{attribute.name} of a score is {_ALLOWED[attribute.name]}, found {shown(value)}", field=attribute.name
            )


Scored = Collection[str | tuple[str, str]]
"""Campaigns whose claims need a score: ids, for all that the weight takes; or pairs of an id and ``propensity``,
``opt_out`` or ``uplift``, for this alone."""
Scores = Mapping[Any, Score]
"""Scores of one contact: by the id of a campaign or, for one of its contents, by the ids of campaign and content."""


_BOUNDS = {"propensity": (0, 1), "cost": (0, LARGEST), "spread": (0, LARGEST), "opt_out": (0, 1), "uplift": (-1, 1)}
_ALLOWED = {
    **dict.fromkeys(("propensity", "opt_out"), "a number from 0 to 1"),
    **dict.fromkeys(("cost", "spread"), "a number from 0"),
    "uplift": "a number from -1 to 1",
}


def _is_within(name: str, value: float) -> bool:
    low, high = _BOUNDS[name]
    return low <= value <= high


def _is_good(name: str, value: object) -> bool:
    return _usable(value) and _is_within(name, value)  # type: ignore[arg-type]  # a number by now


def _usable(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST
