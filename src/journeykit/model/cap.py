"""Scopes, caps, conflicts and requirements: what may not go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen, validators

from journeykit.basics.validation import (
    BILLIONTH,
    LARGEST,
    boolean,
    instance,
    is_number,
    names,
    number,
    one_of,
    required_text,
    scaled,
    shown,
)
from journeykit.errors import ModelError, closest
from journeykit.model.window import Lag, Window
from journeykit.rule import Rule
from journeykit.rule.named_rules import NamedRules, audience_of
from journeykit.rule.values import as_number, is_empty

FACETS = ("channel", "team", "goal", "campaign", "content", "topic", "solution", "theme", "tag")
"""What a touch or a claim can be told apart by."""

Facets = Mapping[str, tuple[str, ...]]
"""The values of a touch or claim by facet; one without a value is left out."""


class Either(tuple[str, ...]):
    """Values of which a touch has one, while nobody knows which. Rules that protect take the one that protects."""

    __slots__ = ()


def _facet(name: object) -> str:
    if not isinstance(name, str) or name not in FACETS:
        hint = closest(name, FACETS) if isinstance(name, str) else None
        raise ModelError(
            f"unknown key {shown(name)}; allowed are {', '.join(FACETS)}"
            + (f"; did you mean {hint!r}?" if hint else ""),
            field=name if isinstance(name, str) else "",
        )
    return name


def _match(value: Mapping[str, str | Iterable[str]] | None) -> dict[str, tuple[str, ...]]:
    if value is not None and not isinstance(value, Mapping):
        raise ModelError(f"a scope is a mapping of {', '.join(FACETS)}, found {shown(value)}")
    return {_facet(name): names(values) for name, values in (value or {}).items()}


@frozen
class Scope:
    """Which touches and claims a rule is about.

    Attributes:
        match: by facet, the values of which any will do; all facets must match. Empty matches everything.
        exclude: likewise; what matches it is out. Empty excludes nothing.

    Example:
        >>> pushes = Scope.of(channel="push", exclude={"topic": "service"})
        >>> pushes.matches({"channel": ("push",)}), pushes.matches({"channel": ("push",), "topic": ("service",)})
        (True, False)
    """

    match: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_match)
    exclude: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_match)

    @classmethod
    def of(cls, *, exclude: Mapping[str, Any] | None = None, **match: str | Iterable[str]) -> Scope:
        """A scope from keyword arguments: ``Scope.of(channel=["email", "sms"])``."""
        return cls(match, exclude or {})

    def matches(self, facets: Facets) -> bool:
        """Whether a touch or claim with these facets is in scope, or may be."""
        return _all_match(self.match, facets) and not (self.exclude and _all_match(self.exclude, facets, surely=True))

    def surely_matches(self, facets: Facets) -> bool:
        """Whether it is in scope, whichever of the values that it may have it has."""
        return _all_match(self.match, facets, surely=True) and not (self.exclude and _all_match(self.exclude, facets))


def _all_match(wanted: Mapping[str, tuple[str, ...]], facets: Facets, *, surely: bool = False) -> bool:
    for name, values in wanted.items():
        found = facets.get(name, ())
        enough = all if surely and found and isinstance(found, Either) else any
        if not enough(value in values for value in found):
            return False
    return True


@frozen
class Limit:
    """A limit of the contact's own, chosen by them or learned.

    Attributes:
        attribute: the attribute that holds it.
        default: the limit where the attribute is missing; it must be said. None is no limit.
    """

    attribute: str = field(validator=required_text)
    default: float | None = field(validator=validators.optional(number(0)))

    def of(self, values: Mapping[str, Any]) -> float | None:
        """The limit of a contact with these attributes; None for no limit.

        Raises:
            ModelError: if the contact's own limit is negative or no number.
        """
        own = values.get(self.attribute)
        if is_empty(own):
            return self.default
        found: float | None = as_number(own)
        if found is None or not 0 <= found <= LARGEST:
            raise ModelError(f"{self.attribute} must be a number from 0, found {shown(own)}", field=self.attribute)
        return found


def limit_of(value: Any) -> Any:
    """A limit, or one of the contact's own where a mapping says so."""
    if isinstance(value, Mapping):
        if set(value) != {"attribute", "default"}:
            raise ModelError(
                "a limit of the contact's own is {attribute: ..., default: ...}, where default is the limit of "
                f"contacts without the attribute (null for none), found {shown(value)}",
                field="max",
            )
        return Limit(**value)
    return value


def check_limit(_: Any, __: Any, value: Any) -> None:
    """Refuse what is no limit."""
    if value is None or isinstance(value, Limit):
        return
    if not is_number(value) or not 0 <= value <= LARGEST:
        raise ModelError(
            f"max is a number from 0, null for no limit, or {{attribute: ..., default: ...}}, found {shown(value)}",
            field="max",
        )


def _check_points(_: Any, __: Any, value: object) -> None:
    weights: Mapping[Any, Any] = value if isinstance(value, Mapping) else {"any": value}
    for channel, weight in weights.items():
        if not isinstance(channel, str) or not channel:
            raise ModelError(f"points are named by a channel, found {shown(channel)}", field="points")
        if not is_number(weight) or not 0 <= weight <= LARGEST:
            raise ModelError(
                f"points must be numbers from 0, by channel or one for all, found {shown(weight)}",
                field="points",
            )


def facet_names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """The names of facets, one or several.

    Raises:
        ModelError: for a word that names none.
    """
    return tuple(_facet(name) for name in names(value))


@frozen(kw_only=True)
class Cap:
    """At most so many touches, or points, in a window.

    Attributes:
        name: how decisions refer to it.
        max: the most that one window may hold; 0 forbids, None is no limit, a `Limit` is the contact's own.
        window: which touches count together.
        where: which touches and claims it is about.
        by: it holds for each value of these facets apart; one with several values needs room in each, one with
            none is not capped. With several facets, for each combination of values.
        per: whose touches count together: ``contact``, or ``account`` for those of all contacts of an account. The
            window's zone must then be the playbook's or a named one, where it has local dates.
        points: how much one touch weighs, for all or by channel (1 for one not listed); a claim of 0 is never stopped.
        audience: the rule that says whom the cap protects; None for everybody.
        count: ``touches``, or ``campaigns``: each campaign counts once in a window, however many touches of it that
            holds, and a claim whose campaign is there already needs no room. A touch without a campaign counts as one
            of its own. Points have no meaning then.

    Example:
        >>> Cap(name="two a week", max=2, window=Window.calendar("week")).limit_for({})
        2000000000
    """

    name: str = field(validator=required_text)
    max: float | Limit | None = field(converter=limit_of, validator=check_limit)
    window: Window = field(validator=instance(Window))
    where: Scope = field(factory=Scope, validator=instance(Scope))
    by: tuple[str, ...] = field(default=(), converter=facet_names)
    per: str = field(default="contact", validator=one_of("contact", "account"))
    points: float | Mapping[str, float] = field(default=1, validator=_check_points)
    audience: Rule | NamedRules | None = field(
        default=None, converter=audience_of, validator=validators.optional(instance(Rule))
    )

    count: str = field(default="touches", validator=one_of("touches", "campaigns"), metadata={"later": True})

    def __attrs_post_init__(self) -> None:
        if self.count == "campaigns" and self.points != 1:
            raise ModelError("where campaigns are counted each is one: points have no meaning", field="points")

    def limit_for(self, values: Mapping[str, Any]) -> int | None:
        """The limit for a contact with these attributes, in billionths; None for no limit.

        Raises:
            ModelError: if the contact's own limit is negative or no number.
        """
        limit = self.max.of(values) if isinstance(self.max, Limit) else self.max
        return None if limit is None else scaled(limit, BILLIONTH)

    def points_of(self, facets: Facets) -> int:
        """How much one touch or claim with these facets weighs, in billionths."""
        if not isinstance(self.points, Mapping):
            return scaled(self.points, BILLIONTH)
        # Where the channel is one of several, the careful case is the one that weighs most.
        channels = facets.get("channel") or ("",)
        found = channels if isinstance(channels, Either) else channels[:1]
        return scaled(max(self.points.get(channel, 1) for channel in found), BILLIONTH)

    def keys_of(self, facets: Facets) -> tuple[tuple[str, ...], ...]:
        """The groups in which a touch or claim counts: one without ``by``, one for each (combination of) value with."""
        keys: tuple[tuple[str, ...], ...] = ((),)
        for name in self.by:
            keys = tuple((*key, value) for key in keys for value in facets.get(name, ()))
        return keys


@frozen(kw_only=True)
class Conflict:
    """No touch of one kind within some time after one of another kind.

    A ``then`` may not follow a ``first`` by 0 to ``lag``, both ends included.

    Attributes:
        name: how decisions refer to it.
        first: the kind that comes first.
        then: the kind that may not follow.
        lag: how long: local days (the same day is 0) or an exact length.
        both_ways: whether a ``first`` may not follow a ``then`` either.
    """

    name: str = field(validator=required_text)
    first: Scope = field(validator=instance(Scope))
    then: Scope = field(validator=instance(Scope))
    lag: Lag = field(validator=instance(Lag))
    both_ways: bool = field(default=False, validator=boolean)


def _of_history(_: Any, __: Any, window: Window | None) -> None:
    if window is not None and window.kind == "decision":
        raise ModelError("what is granted in the same decision meets a requirement without within", field="within")


@frozen(kw_only=True)
class Requirement:
    """A claim only together with, or after, another.

    Attributes:
        name: how decisions refer to it.
        claim: what needs a partner.
        partner: what will do (``with`` in a playbook file): any one claim that is granted in the same run at or
            before the claim's instant. It is of the same or an earlier tier; what need not obey caps goes before all
            that must. A playbook in which all partners of a campaign go after it is refused.
        within: the window in which a touch of the history will do as well; None for none.
    """

    name: str = field(validator=required_text)
    claim: Scope = field(validator=instance(Scope))
    partner: Scope = field(validator=instance(Scope), metadata={"key": "with"})
    within: Window | None = field(default=None, validator=[validators.optional(instance(Window)), _of_history])
