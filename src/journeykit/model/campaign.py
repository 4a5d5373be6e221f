"""Teams, campaigns and claims: who asks for attention, with what, and how much it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from journeykit.basics.clock import day_number
from journeykit.basics.lazy import lazy_names
from journeykit.basics.validation import (
    boolean,
    calendar_date,
    instance,
    is_number,
    listed,
    names,
    number,
    one_of,
    optional_text,
    required_text,
    shown,
    whole,
)
from journeykit.errors import ModelError
from journeykit.model.holdout import Holdout, bucket
from journeykit.model.window import Lag
from journeykit.rule import Rule
from journeykit.rule.expression import Expression
from journeykit.rule.named_rules import NamedRules, audience_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attrs import Attribute

    from journeykit.model.patience import Patience  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.recurrence import OwnDates, Recurrence  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.send_at import SendAt  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.series import Series  # noqa: TC004  (loaded where it is needed)

# What few campaigns have is loaded by those that have it, and to read a file.
_SELDOM = {
    "OwnDates": "model.recurrence",
    "Patience": "model.patience",
    "Recurrence": "model.recurrence",
    "SendAt": "model.send_at",
    "Series": "model.series",
}
load_part, part_names = __getattr__, __dir__ = lazy_names(__name__, _SELDOM)


EVERYWHERE = "everywhere"
"""What a team speaks that may do so on the stages of all departments."""


def _departments(_: Any, __: Any, value: tuple[str, ...]) -> None:
    if EVERYWHERE in value and len(value) > 1:
        raise ModelError(
            f"speaks is {EVERYWHERE}, or a list of departments, found {shown(list(value))}", field="speaks"
        )


@frozen(kw_only=True)
class Team:
    """Who claims attention, and to what end.

    Attributes:
        name: which.
        goal: what for: ``nurture``, ``event``, ``launch``, ``promotion``, ``relationship``, ``service``, ...
        lever: a factor on the weight of all its claims.
        department: the department it belongs to, compared with a stage's owner.
        speaks: on whose stages it may speak besides its own: names of departments, or ``everywhere``.

    Example:
        >>> care = Team(name="care", department="service", speaks=["sales"])
        >>> care.speaks_to("service"), care.speaks_to("sales"), care.speaks_to("marketing")
        (True, True, False)
    """

    name: str = field(validator=required_text)
    goal: str | None = field(default=None, validator=optional_text)
    lever: float = field(default=1.0, validator=number(0))
    department: str = field(default="marketing", validator=required_text)
    speaks: tuple[str, ...] = field(default=(), converter=names, validator=_departments, metadata={"later": True})

    def speaks_to(self, owner: str) -> bool:
        """Whether it may speak to contacts on the stages of a department."""
        return owner == self.department or owner in self.speaks or EVERYWHERE in self.speaks


PAUSED = "paused"
"""The rule of a campaign that the playbook pauses itself."""
_EARLY = date(1970, 1, 1)
"""Where the dates of a recurrence are looked for from that does not depend on its start."""
_EXACT = 1e-9
"""Shares that add up to 1 but for so much do so."""


def _lag(value: Lag | str | None) -> Lag | None:
    return Lag.parse(value) if isinstance(value, str) else value


def _dates(value: Iterable[date] | Recurrence | None) -> tuple[date, ...] | Recurrence | None:
    if value is None or isinstance(value, load_part("Recurrence")):
        return value
    found = listed(value, "a list of dates")
    for day in found:
        if not isinstance(day, date) or isinstance(day, datetime):
            raise ModelError(f"dates must be dates, found {shown(day)}", field="dates")
    return tuple(sorted(set(found)))


def _shares(value: Mapping[str, float] | Iterable[str] | str | None) -> dict[str, float] | None:
    """A mapping of contents to shares from 0 to 1; a list shares equally."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        listed = names(value)
        return dict.fromkeys(listed, 1 / len(listed)) if listed else {}
    for name, share in value.items():
        if not isinstance(name, str) or not name:
            raise ModelError(f"a share is named by a content, found {shown(name)}", field="split")
        if not is_number(share) or not 0 <= share <= 1:
            raise ModelError(f"the share of {name!r} must be a number from 0 to 1, found {shown(share)}", field="split")
    return {name: float(share) for name, share in value.items()}


def _seldom(name: str) -> Any:
    """A check of a part that few campaigns have; its class is loaded once it is given."""

    def check(campaign: Any, attribute: Attribute[Any], value: object) -> None:
        instance(load_part(name))(campaign, attribute, value)

    return validators.optional(check)


def _send_time(value: SendAt | str | time | None) -> SendAt | None:
    if value is None:
        return None
    from journeykit.model.send_at import send_time

    return send_time(value)


def _weight(value: float | Expression | str) -> float | Expression:
    return Expression(value) if isinstance(value, str) else value


def _check_weight(_: Any, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, Expression):
        number()(_, attribute, value)


@frozen(kw_only=True)
class Campaign:
    """A team's intention to send some content to an audience within a period.

    Attributes:
        id: which.
        team: the name of the team.
        content: ids of its content; of several one is chosen.
        weight: what one message is worth: a number, or an expression that is worked out for each contact and claim,
            such as ``2 * propensity * margin``.
        audience: the rule that selects contacts; None for everybody. Or rules by name, all of which must be true: the
            name of one that is not is what stops a claim.
        starts: first local date, in the contact's zone; None for no start.
        ends: last local date; None for no end.
        dates: its own local dates, or their recurrence; it goes out on these only, and each is an occasion, a claim of
            its own. None for any.
        stages: stages at which it may speak though another department owns them.
        goal: its end, where it differs from its team's.
        tier: 0 goes first; the choice is optimal tier by tier.
        priority: for the policy ``ranked``: 0 goes first.
        repeat: the most touches of it one contact gets over its whole period; None for no limit.
        paused: nothing goes out.
        if_lost: ``defer`` a loser that could go later, or ``drop`` it; in a series also ``skip``: like ``defer``, and a
            step that the contact is refused is passed over.
        cost: what one message costs, from 0, for quotas.
        obeys_caps: whether caps can stop it.
        counts_toward_caps: whether its touches count in caps.
        needs_consent: whether opt-out, consent and holdouts can stop it.
        obeys_quiet_hours: whether quiet hours, send hours and holidays can stop it.
        holdout: the share of contacts that never gets it.
        scored: whether its claims need a score: one that has no propensity, and no weight of its own, is
            ``missing_data``; and so is one without the ``opt_out`` that an ``opt_out_cost`` asks for, or the ``uplift``
            that `min_uplift` does. A run over tables treats every campaign that its scores table names in this way.
        patience: how much more its claims weigh where the contact has not got it for long; None for no more.
        tags: words of your own, for caps and other rules; all its messages have them, beside those of their content.
        split: the share of contacts that each of its contents goes to, as variants: a hash of campaign and contact
            chooses one of them, and only that one claims. The shares add up to 1; a list shares equally. None lets all
            contents claim, of which the best wins.
        wait: how long a claim that was brought may wait since its ``asked_at``, such as ``3d`` (local days, the last
            one included) or ``36h``; after that it is ``expired``. None for no limit.
        send_at: the local time of day at which its claims go, such as ``10:00``, or ``{attribute: best_hour, default:
            "10:00"}`` for a time of the contact's own; None for what its channel says, or any time.
        min_uplift: the least by which a message must change the chance of a response, from -1 to 1: a claim whose
            ``uplift`` is below it is ``not_worth_it``. None for no such limit.
        series: makes the contents steps, in their listed order, each some time after the one before it; `repeat` then
            counts each of them apart. None where they are no steps.
    """

    id: str = field(validator=required_text)
    team: str | None = field(default=None, validator=optional_text)
    content: tuple[str, ...] = field(default=(), converter=names)
    weight: float | Expression = field(default=1.0, converter=_weight, validator=_check_weight)
    audience: Rule | NamedRules | None = field(
        default=None, converter=audience_of, validator=validators.optional(instance(Rule))
    )
    starts: date | None = field(default=None, validator=validators.optional(calendar_date))
    ends: date | None = field(default=None, validator=validators.optional(calendar_date))
    dates: tuple[date, ...] | Recurrence | None = field(default=None, converter=_dates)
    stages: tuple[str, ...] = field(default=(), converter=names)
    goal: str | None = field(default=None, validator=optional_text)
    tier: int = field(default=0, validator=whole(0, 1000))
    priority: int = field(default=0, validator=whole(-1_000_000, 1_000_000))
    repeat: int | None = field(
        default=1,
        validator=validators.optional(whole(1, 1_000_000)),  # type: ignore[arg-type]  # attrs looks at the default
    )
    paused: bool = field(default=False, validator=boolean)
    if_lost: str = field(default="defer", validator=one_of("defer", "drop", "skip"))
    cost: float | None = field(default=None, validator=validators.optional(number(0)))
    obeys_caps: bool = field(default=True, validator=boolean)
    counts_toward_caps: bool = field(default=True, validator=boolean)
    needs_consent: bool = field(default=True, validator=boolean)
    obeys_quiet_hours: bool = field(default=True, validator=boolean)
    holdout: Holdout | None = field(default=None, validator=validators.optional(instance(Holdout)))
    scored: bool = field(default=False, validator=boolean, metadata={"later": True})
    patience: Patience | None = field(default=None, validator=_seldom("Patience"), metadata={"later": True})
    tags: tuple[str, ...] = field(default=(), converter=names, metadata={"later": True})
    split: Mapping[str, float] | None = field(default=None, converter=_shares, metadata={"later": True})
    wait: Lag | None = field(
        default=None, converter=_lag, validator=validators.optional(instance(Lag)), metadata={"later": True}
    )
    send_at: SendAt | None = field(
        default=None,
        converter=_send_time,
        validator=_seldom("SendAt"),
        metadata={"later": True},
    )
    series: Series | None = field(default=None, validator=_seldom("Series"), metadata={"later": True})
    min_uplift: float | None = field(
        default=None, validator=validators.optional(number(-1, 1)), metadata={"later": True}
    )

    paused_by: str = field(default=PAUSED, init=False, eq=False, repr=False)
    """What decisions name where it is paused; a guard that pauses it has its own name here."""

    def __attrs_post_init__(self) -> None:
        if self.starts is not None and self.ends is not None and self.ends < self.starts:
            raise ModelError(f"the campaign ends ({self.ends}) before it starts ({self.starts})", field="ends")
        if self.dates is not None and not isinstance(self.dates, tuple):
            self._check_recurrence(self.dates)
        if self.split is not None:
            self._check_split(self.split)
        if self.split is not None and self.series is not None:
            raise ModelError(
                "a campaign is a series or is split, not both: the contents of a series all go, one after the other",
                field="series",
            )
        if self.series is not None and not self.content:
            raise ModelError("a series has steps: the contents of the campaign, found none", field="series")
        if self.if_lost == "skip" and self.series is None:
            raise ModelError("'skip' passes over a step of a series, and the campaign has no series", field="if_lost")

    def _check_recurrence(self, dates: Recurrence) -> None:
        if self.starts is None and dates.needs_start:
            raise ModelError(
                f"the recurrence {dates.rrule!r} says every so many, so many times, or days like the first one: it "
                "counts from the campaign's start, which is missing",
                field="dates",
            )
        first = dates.first_from(self.starts or _EARLY)
        if first is None:
            raise ModelError(f"the recurrence {dates.rrule!r} falls on no day", field="dates")
        if self.ends is not None and first > self.ends:
            raise ModelError(
                f"the recurrence {dates.rrule!r} falls on no day between the campaign's start and end", field="dates"
            )

    @property
    def own_dates(self) -> OwnDates | None:
        """Its own dates within its period; None where it goes out on any."""
        if self.dates is None:
            return None
        from journeykit.model.recurrence import own_dates

        return own_dates(self.dates, self.starts, self.ends)

    def _check_split(self, split: Mapping[str, float]) -> None:
        if set(split) != set(self.content):
            raise ModelError(
                f"the shares are those of all the contents of the campaign ({', '.join(self.content) or 'none'}), "
                f"found {', '.join(split) or 'none'}; a content that is not to go out has the share 0",
                field="split",
            )
        total = math.fsum(split.values())
        if abs(total - 1) > _EXACT:
            raise ModelError(f"the shares add up to 1, found {total:g}", field="split")

    @property
    def variants(self) -> tuple[tuple[str, float], ...]:
        """Of a campaign with a split, its contents in order, each with where its share of the buckets ends."""
        shares = [] if self.split is None else [self.split[content] for content in self.content]
        return tuple(zip(self.content, accumulate(shares), strict=False))

    def variant_of(self, contact: str) -> str | None:
        """The content that a split chooses for a contact; None without a split.

        The bucket (`journeykit.model.holdout.bucket`) of campaign id and contact id lies in its share.

        Example:
            >>> Campaign(id="trial", content=["long", "short"], split={"long": 0.5, "short": 0.5}).variant_of("anna")
            'short'
        """
        if self.split is None:
            return None
        place = bucket(self.id, contact)
        own = (content for content, end in self.variants if place < end)
        return next(own, self._last_variant)

    @property
    def _last_variant(self) -> str:
        """The last content with a share: what rounding leaves over is its."""
        return next(content for content in reversed(self.content) if (self.split or {})[content] > 0)

    def closed(self, day: int) -> str | None:
        """Why nothing goes out on a local date (a day number), or None where the campaign is open."""
        if self.paused:
            return self.paused_by
        if self.starts is not None and day < day_number(self.starts):
            return f"starts {self.starts}"
        if self.ends is not None and day > day_number(self.ends):
            return f"ends {self.ends}"
        if (own := self.own_dates) is not None and day not in own:
            return "dates"
        return None
