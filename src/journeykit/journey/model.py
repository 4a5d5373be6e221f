"""The stages of the customer journey and the ways between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen, validators

from journeykit.errors import MissingExtraError, ModelError
from journeykit.fields import boolean, instance, instances, listed, number, optional_text, required_text, shown
from journeykit.rule import Aggregate, Call, Compare, In, Rule
from journeykit.window import Lag

if TYPE_CHECKING:
    from datetime import datetime

    import networkx as nx

    from journeykit.columns.placing import ColumnPlacements
    from journeykit.contact import Contact
    from journeykit.errors import Problem
    from journeykit.journey.path import Event, Placement
    from journeykit.journey.picture import Drawing
    from journeykit.journey.walk import Walk


ALWAYS, NEVER = "always", "never"
"""The words for a stage that may be entered again at any time, and for one that may not."""


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
    if "stage" in value.names:
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
            since he left, such as ``30d``.
        qualified: a rule that must be true of a contact at the instant at which he would enter; None for everybody.
        reward: what a period on this stage brings, less what it costs, in any one currency.
        value: what it is worth to have a contact here, such as `journeykit.journey.Chain` computes; None if unknown.
        lost: whether a contact here is lost: to come here is no progress in the funnel, and an end of the journey.
    """

    name: str = field(validator=required_text)
    owner: str | None = field(default=None, validator=optional_text)
    final: bool = field(default=False, validator=boolean)
    reentry: str = field(default=ALWAYS, validator=_reentry)
    qualified: Rule | None = field(
        default=None, converter=_rule, validator=[validators.optional(instance(Rule)), _timed]
    )
    reward: float = field(default=0.0, validator=number())
    value: float | None = field(default=None, validator=validators.optional(number()))
    lost: bool = field(default=False, validator=boolean)


@frozen(kw_only=True)
class Transition:
    """A way from one stage to another: by an event, by a rule, or by time.

    Attributes:
        source: the stage it leaves (``from`` in a playbook file).
        to: the stage it leads to.
        event: the name of the event that takes it.
        when: the rule that takes it.
        after: the time of silence that takes it.
        without: with ``after``: the event whose absence counts as silence; None for any event.
    """

    source: str = field(validator=required_text)
    to: str = field(validator=required_text)
    event: str | None = field(default=None, validator=optional_text)
    when: Rule | None = field(default=None, converter=_rule, validator=[validators.optional(instance(Rule)), _timed])
    after: Lag | None = field(default=None, converter=_lag, validator=validators.optional(instance(Lag)))
    without: str | None = field(default=None, validator=optional_text)

    def __attrs_post_init__(self) -> None:
        if sum(part is not None for part in (self.event, self.when, self.after)) != 1:
            raise ModelError(
                f"the transition from {self.source!r} to {self.to!r} needs exactly one of event, when and after",
                field="event",
            )
        if self.without is not None and self.after is None:
            raise ModelError("without belongs to a transition by time: give after too", field="without")

    @property
    def label(self) -> str:
        """What takes this way, in a few words."""
        if self.event is not None:
            return self.event
        if self.when is not None:
            return str(self.when)
        return f"after {self.after}" + (f" without {self.without}" if self.without else "")


def _given(attributes: Mapping[str, Any] | Contact | None, timezone: str | None) -> dict[str, Any]:
    """What is known of a contact, as a walk takes it."""
    if attributes is None or isinstance(attributes, Mapping):
        return {"attributes": attributes or {}, "timezone": timezone or "UTC"}
    return {
        "attributes": attributes.values(),
        "contact": attributes.id,
        "timezone": timezone or attributes.timezone or "UTC",
    }


def _stages(value: object) -> tuple[Stage, ...]:
    """Stages; a name stands for a stage without more."""
    return tuple(Stage(part) if isinstance(part, str) else part for part in listed(value))


def _default_stages() -> tuple[Stage, ...]:
    return tuple(Stage(name) for name in ("awareness", "consideration", "decision", "retention", "advocacy"))


@frozen
class Journey:
    """The stages, in order, and the transitions between them.

    Attributes:
        stages: the first one is where a contact enters.
        transitions: in the order in which they are tried.

    Example:
        >>> Journey().owner("decision") is None
        True
        >>> sorted(Journey().graph().nodes)
        ['advocacy', 'awareness', 'consideration', 'decision', 'retention']
    """

    stages: tuple[Stage, ...] = field(factory=_default_stages, converter=_stages, validator=instances(Stage))
    transitions: tuple[Transition, ...] = field(default=(), converter=listed, validator=instances(Transition))

    def owner(self, stage: str | None) -> str | None:
        """The department that owns a stage; None for a stage without owner, or an unknown one."""
        return next((known.owner for known in self.stages if known.name == stage), None)

    @property
    def values(self) -> dict[str, float]:
        """By stage, what it is worth to have a contact there; stages of unknown value are left out."""
        return {stage.name: stage.value for stage in self.stages if stage.value is not None}

    def valued(self, values: Mapping[str, float]) -> Journey:
        """The same journey with values of stages, such as `journeykit.journey.Chain.values` gives.

        Args:
            values: by stage; those that are not listed keep what they have.

        Raises:
            ModelError: for a stage that the journey does not have, and for a value that is no number.

        Example:
            >>> [stage.value for stage in Journey([Stage("lead"), Stage("customer")]).valued({"customer": 90}).stages]
            [None, 90]
        """
        unknown = [name for name in values if all(stage.name != name for stage in self.stages)]
        if unknown:
            known = ", ".join(stage.name for stage in self.stages)
            raise ModelError(f"there is no stage {', '.join(map(shown, unknown))}; there is {known}", field="stages")
        stages = [evolve(stage, value=values.get(stage.name, stage.value)) for stage in self.stages]
        return evolve(self, stages=stages)

    def unreachable(self) -> tuple[str, ...]:
        """The stages that no way leads to from the first one; none where no transition is drawn at all."""
        if not self.transitions or not self.stages:
            return ()
        reached, fresh = {self.stages[0].name}, [self.stages[0].name]
        while fresh:
            here = fresh.pop()
            for way in self.transitions:
                if way.source == here and way.to not in reached:
                    reached.add(way.to)
                    fresh.append(way.to)
        return tuple(stage.name for stage in self.stages if stage.name not in reached)

    def check(self) -> tuple[Problem, ...]:
        """What is wrong with the journey, and, as warnings, what is allowed but probably not meant.

        A playbook with what is wrong cannot be made; a journey alone can.

        Example:
            >>> ways = [Transition(source="lead", to="customer", when=rule) for rule in ("score >= 40", "score >= 60")]
            >>> print(Journey(["lead", "customer"], ways).check()[0].message)
            this transition ('lead' -> 'customer') can never be taken: journey.transitions[0] is always taken before
        """
        from journeykit.journey.checks import check

        return check(self)

    @cached_property
    def ways(self) -> Any:  # attrs keeps the hint among those of the fields, which the file format reads
        """The transitions, made ready to be tried: `journeykit.journey.ways.Ways`."""
        from journeykit.journey.ways import Ways

        return Ways(self)

    def walk(
        self,
        attributes: Mapping[str, Any] | Contact | None = None,
        *,
        stage: str | None = None,
        start: datetime | None = None,
        timezone: str | None = None,
    ) -> Walk:
        """A contact's way, to which events can be given one by one; the arguments are those of `place`."""
        from journeykit.journey.walk import Walk

        return Walk(self.ways, **_given(attributes, timezone), stage=stage, start=start)

    def place(
        self,
        events: Iterable[Event],
        at: datetime,
        attributes: Mapping[str, Any] | Contact | None = None,
        *,
        stage: str | None = None,
        start: datetime | None = None,
        timezone: str | None = None,
    ) -> Placement:
        """Where a contact is at an instant, and how he came there.

        He enters at his first event, or at ``start``. At each instant all its events become known; then the first
        transition that can be taken is, in document order, and so on until none can: by one of the events, each of
        which takes one transition; by a rule that is true; by a silence that has lasted long enough. No stage is
        entered twice at one instant: a transition that could be taken but for that must close, and open again, before
        it is taken on this stay. Every transition is taken at its exact instant, so that the path up to an instant is
        the same whenever it is asked for.

        Args:
            events: what he did, in any order; those after ``at`` do not count, nor does what is given twice.
            at: the instant, aware.
            attributes: what else is known of him: his attributes by name, or the contact himself. They hold for all
                of the past.
            stage: the stage on which he enters; None for the first.
            start: when he enters; None for his first event. Earlier events are known, and take no transition.
            timezone: in which the dates among his attributes begin; by default the contact's own, else UTC.

        Raises:
            ModelError: for a stage that the journey does not have, or a naive instant.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit.journey import Event, Journey, Stage, Transition
            >>> journey = Journey(
            ...     ["awareness", "consideration", "decision"],
            ...     [
            ...         Transition(source="awareness", to="consideration", when='count("webinar", "90d") >= 2'),
            ...         Transition(source="consideration", to="decision", event="demo"),
            ...         Transition(source="consideration", to="awareness", after="90d"),
            ...     ],
            ... )
            >>> log = [Event("webinar", datetime(2026, month, 3, 9, tzinfo=UTC)) for month in (1, 3)]
            >>> print(journey.place(log, at=datetime(2026, 11, 5, tzinfo=UTC)))
            the contact is on awareness
              2026-01-03 09:00 awareness: entered the journey (webinar)
              2026-03-03 09:00 consideration: count("webinar", "90d") >= 2 (count("webinar", "90d") = 2)
              2026-06-01 09:00 awareness: after 90d (no event since 2026-03-03 09:00)
        """
        from journeykit.journey.walk import place

        return place(self.ways, events, at, **_given(attributes, timezone), stage=stage, start=start)

    def place_table(
        self,
        events: Any,
        contacts: Any = None,
        at: datetime | None = None,
        *,
        zone: str | None = None,
        timezone: str = "UTC",
        max_bad: int | str | None = None,
    ) -> ColumnPlacements:
        """Place all contacts of a table: the same paths as those of `place`, for millions of contacts.

        Args:
            events: a table with ``contact_id``, ``event`` and ``at``; ``event_id`` tells an event from others,
                ``properties`` holds properties together, every other column is a property of that name. A dataframe,
                the path of a Parquet, CSV or JSON lines file, a folder of Parquet files, or rows as mappings.
            contacts: a table with ``contact_id``, and the attributes that the rules read; ``entry_stage`` and
                ``entered_at`` say where and when one enters the journey. Events of others are not used. None places
                everybody who has an event.
            at: the instant, aware; it must be given.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            timezone: in which the dates among attributes begin, of a contact without a time zone of his own.
            max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None
                for any number.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
            MissingExtraError: without the extra ``columns``.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit.journey import Journey, Transition
            >>> way = Transition(source="awareness", to="decision", event="demo")
            >>> journey = Journey(["awareness", "decision"], [way])
            >>> log = [{"contact_id": "anna", "event": "demo", "at": "2026-11-02T09:00Z"}]
            >>> journey.place_table(log, at=datetime(2026, 11, 5, tzinfo=UTC)).table["stage"].to_pylist()
            ['decision']
        """
        if at is None:
            raise ModelError("at must be given: the instant for which contacts are placed", field="at")
        try:
            from journeykit.columns.placing import place_table
        except ImportError as error:
            raise MissingExtraError("columns", "place_table") from error
        return place_table(self, events, contacts, at, zone=zone, timezone=timezone, max_bad=max_bad)

    def graph(self) -> nx.MultiDiGraph[str]:
        """The journey as a networkx graph: nodes carry ``owner``, edges carry ``transition`` and ``label``."""
        import networkx as nx

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for stage in self.stages:
            graph.add_node(stage.name, owner=stage.owner)
        for way in self.transitions:
            graph.add_edge(way.source, way.to, transition=way, label=way.label)
        return graph

    # Pictures

    def to_mermaid(self, counts: Any = None) -> str:
        """The journey as a Mermaid state diagram, for Markdown pages and wikis; ``counts`` as for `draw`."""
        from journeykit.journey.picture import diagram_of, mermaid

        return mermaid(diagram_of(self, counts))

    def to_dot(self, counts: Any = None, title: str | None = None) -> str:
        """The journey in the language of Graphviz; the arguments are those of `draw`."""
        from journeykit.journey.picture import diagram_of, dot

        return dot(diagram_of(self, counts, title))

    def draw(self, counts: Any = None, title: str | None = None, *, columns: int | None = None) -> Drawing:
        """The journey as a picture, which needs no further package.

        Args:
            counts: `journeykit.journey.Volumes`, or anything that they can be counted from, such as a list of
                placements: the picture then shows how many contacts are where, and its lines are as wide as they
                are busy. None for a picture without numbers.
            title: what stands above it.
            columns: how many stages stand in a row; None for what suits a page.

        Raises:
            ModelError: for counts of a stage or a transition that the journey does not have.

        Example:
            >>> Journey().draw(title="How contacts become customers")
            Drawing(5 stages, 0 transitions)
        """
        from journeykit.journey.picture import diagram_of, drawing

        return drawing(diagram_of(self, counts, title), columns)

    def _repr_svg_(self) -> str:
        return str(self.draw())

    def _repr_html_(self) -> str:
        return self.draw()._repr_html_()
