"""Stages and transitions: what a journey is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen, validators

from journeykit.basics.validation import boolean, instance, names, number, optional_text, required_text, shown
from journeykit.errors import ModelError
from journeykit.model.window import Lag
from journeykit.rule import Aggregate, Call, Compare, In, Rule
from journeykit.rule.tree import STAGE, STAGE_SINCE

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS, NEVER = "always", "never"
"""The words for a stage that may be entered again at any time, and for one that may not."""
ANY = "any"
"""What a transition leaves that leads from every stage but its own end."""


def _no_word(_: Any, __: Any, value: str) -> None:
    if value == ANY:
        raise ModelError(f"a stage cannot be called {ANY!r}: a transition from any leaves all", field="name")


def _sources(value: Any) -> Any:
    """The stages that a transition leaves; one alone as its name."""
    if isinstance(value, str):
        return value
    found = names(value)
    return found[0] if len(found) == 1 else found


def _some_stages(_: Any, attribute: Any, value: Any) -> None:
    if not value or (isinstance(value, tuple) and ANY in value):
        raise ModelError(
            f"{attribute.metadata['key']} is a stage, a list of stages, or {ANY!r} alone, found {shown(value)}",
            field=attribute.name,
        )


def _reentry(_: Any, __: Any, value: object) -> None:
    if value not in (ALWAYS, NEVER):
        if not isinstance(value, str):
            raise ModelError(f"reentry is always, never or a time such as '30d', found {shown(value)}", field="reentry")
        try:
            Lag.parse(value)
        except ModelError as error:
            raise ModelError(f"reentry is always, never or a time such as '30d': {error}", field="reentry") from None


def _rule(value: Rule | str | None) -> Rule | None:
    return Rule(value) if isinstance(value, str) else value


def _timed(_: Any, attribute: Any, value: object) -> None:
    """A rule that can be asked at every instant, and whose changes can be foreseen."""
    if not isinstance(value, Rule):
        return
    if not value.names.isdisjoint((STAGE, STAGE_SINCE)):
        raise ModelError(
            f"{attribute.name} cannot ask for stage: a transition starts from its own, and the table's is not read",
            field=attribute.name,
        )
    for node in value.tree.walk():
        if not isinstance(node, Compare | In):
            continue
        sides = [{getattr(part, "function", "") for part in side.walk() if _is_age(part)} for side in node.children]
        same = isinstance(node, Compare) and all(map(_is_event_age, node.children)) and sides[0] == sides[1]
        if all(sides) and not same:
            raise ModelError(
                f"{attribute.name} compares two times that both pass ({node.text}): compare each with a number, or two "
                "events by one function, as in days_since('purchase') < days_since('demo')",
                field=attribute.name,
            )


def _is_age(part: Any) -> bool:
    return isinstance(part, Call) and part.function in ("days_since", "hours_since")


def _is_event_age(part: Any) -> bool:
    return _is_age(part) and isinstance(part.arguments[0], Aggregate)


def _lag(value: Lag | str | None) -> Lag | None:
    return Lag.parse(value) if isinstance(value, str) else value


@frozen
class Stage:
    """A place on the journey.

    Attributes:
        name: which.
        owner: the department that may speak to a contact there, such as ``marketing``; None for all.
        final: whether a journey may end here. Where no stage says so, those that no transition leaves are final.
        reentry: whether a contact who left may come back: ``always``, ``never``, or the time that must have passed
            since they left, such as ``30d``.
        qualified: a rule that must be true of a contact at the instant at which they would enter; None for everybody.
        reward: what a period on this stage brings, less what it costs, in any one currency.
        value: what it is worth to have a contact here, such as `journeykit.journey.Chain` computes; None if unknown.
        lost: whether a contact here is lost: to come here is no progress in the funnel, and an end of the journey.
    """

    name: str = field(validator=[required_text, _no_word], metadata={"short": True})
    owner: str | None = field(default=None, validator=optional_text)
    final: bool = field(default=False, validator=boolean)
    reentry: str = field(default=ALWAYS, validator=_reentry)
    qualified: Rule | None = field(
        default=None, converter=_rule, validator=[validators.optional(instance(Rule)), _timed]
    )
    reward: float = field(default=0.0, validator=number())
    value: float | None = field(default=None, validator=validators.optional(number()))
    lost: bool = field(default=False, validator=boolean, metadata={"later": True})


@frozen(kw_only=True)
class Transition:
    """A way from one stage to another: by an event, by a rule, or by time.

    Attributes:
        source: the stage it leaves, several, or ``any`` for all but the one it leads to (``from`` in a playbook file).
            It is one transition: it has one place among them, from whichever stage it is taken.
        to: the stage it leads to.
        event: the name of the event that takes it.
        when: the rule that takes it.
        after: the time of silence that takes it.
        without: with ``after``: the event whose absence counts as silence; None for any event.
        label: how pictures and reports call it, such as ``no basket for four weeks``; None for the event, the rule or
            the time that takes it.

    Example:
        >>> Transition(source="active", to="away", when="days_since('basket') > 28").label
        "days_since('basket') > 28"
        >>> Transition(source="active", to="away", when="days_since('basket') > 28", label="no basket for weeks").label
        'no basket for weeks'
        >>> Transition(source="any", to="lost", event="churn").leaves(["active", "away", "lost"])
        ('active', 'away')
    """

    source: str | tuple[str, ...] = field(converter=_sources, validator=_some_stages, metadata={"key": "from"})
    to: str = field(validator=required_text)
    event: str | None = field(default=None, validator=optional_text)
    when: Rule | None = field(default=None, converter=_rule, validator=[validators.optional(instance(Rule)), _timed])
    after: Lag | None = field(default=None, converter=_lag, validator=validators.optional(instance(Lag)))
    without: str | None = field(default=None, validator=optional_text)
    _label: str | None = field(default=None, repr=False, validator=optional_text, metadata={"later": True})

    def __attrs_post_init__(self) -> None:
        if sum(part is not None for part in (self.event, self.when, self.after)) != 1:
            ends = f"from {', '.join(names(self.source))!r} to {self.to!r}"
            raise ModelError(f"the transition {ends} needs exactly one of event, when and after", field="event")
        if self.without is not None and self.after is None:
            raise ModelError("without belongs to a transition by time: give after too", field="without")

    @property
    def label(self) -> str:
        """How it is called: by the label it was given, or by what takes it."""
        if self._label is not None:
            return self._label
        if self.event is not None:
            return self.event
        if self.when is not None:
            return str(self.when)
        return f"after {self.after}" + (f" without {self.without}" if self.without else "")

    def leaves(self, stages: Iterable[str]) -> tuple[str, ...]:
        """The stages that it leaves.

        Args:
            stages: the names of all stages of the journey.
        """
        if self.source == ANY:
            return tuple(name for name in stages if name != self.to)
        return (self.source,) if isinstance(self.source, str) else self.source


class StageGraph(Protocol):
    """Stages and the transitions between them, as a `journeykit.Journey` has them."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages; a contact enters on the first one."""

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """The transitions, in the order in which they are tried."""


def unreachable(journey: StageGraph) -> tuple[str, ...]:
    """The stages that no transition leads to from the first one; none where there is no transition at all."""
    if not journey.transitions or not journey.stages:
        return ()
    fresh, names = [journey.stages[0].name], [stage.name for stage in journey.stages]
    ways = [(way.to, way.leaves(names)) for way in journey.transitions]
    reached = {*fresh}
    for here in fresh:
        found = {to for to, sources in ways if here in sources} - reached
        reached |= found
        fresh += found
    return tuple(stage.name for stage in journey.stages if stage.name not in reached)
