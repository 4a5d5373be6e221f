"""The stages of the customer journey and the ways between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from journeykit.basics.lazy import door
from journeykit.basics.validation import instances, listed, shown
from journeykit.errors import ModelError, missing
from journeykit.journey.stages import Stage, Transition, unreachable

if TYPE_CHECKING:
    from datetime import datetime

    import networkx as nx

    from journeykit.errors import Problem
    from journeykit.journey.picture.diagram import Drawing
    from journeykit.journey.placement import Event, Placement
    from journeykit.journey.placing_results import Placements
    from journeykit.journey.walk import Walk
    from journeykit.model.contact import Contact


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
    """Stages; a name is short for a stage with nothing else."""
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
        """The stages that no transition leads to from the first one; none where there is no transition at all."""
        return unreachable(self)

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
    def compiled_transitions(self) -> Any:  # attrs keeps the hint among those of the fields, which a file's keys are
        """The transitions, ready to be tried: `journeykit.journey.transitions.CompiledTransitions`."""
        from journeykit.journey.transitions import CompiledTransitions

        return CompiledTransitions(self)

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

        return Walk(self.compiled_transitions, **_given(attributes, timezone), stage=stage, start=start)

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
        """Where a contact is at an instant, and how they came there.

        They enter at their first event, or at ``start``. At each instant all its events become known; then the first
        transition that can be taken is, in document order, and so on until none can: by one of the events, each of
        which takes one transition; by a rule that is true; by a silence that has lasted long enough. No stage is
        entered twice at one instant: a transition that could be taken but for that must close, and open again, before
        it is taken on this stay. Every transition is taken at its exact instant, so that the path up to an instant is
        the same whenever it is asked for.

        Args:
            events: what they did, in any order; those after ``at`` do not count, nor does what is given twice.
            at: the instant, aware.
            attributes: what else is known of them: attributes by name, or the contact. They hold for all
                of the past.
            stage: the stage on which they enter; None for the first.
            start: when they enter; None for their first event. Earlier events are known, and take no transition.
            timezone: in which the dates among the attributes begin; by default the contact's own, else UTC.

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

        return place(self.compiled_transitions, events, at, **_given(attributes, timezone), stage=stage, start=start)

    def place_table(
        self,
        events: Any,
        contacts: Any = None,
        at: datetime | None = None,
        *,
        zone: str | None = None,
        timezone: str = "UTC",
        max_bad: int | str | None = None,
    ) -> Placements:
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
            timezone: in which the dates among attributes begin, of a contact without a time zone of their own.
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
            place_table = door("journeykit.placing.place", "place_table")
        except ImportError as error:
            raise missing(error.name, "columns", "place_table") from error
        found: Placements = place_table(self, events, contacts, at, zone=zone, timezone=timezone, max_bad=max_bad)
        return found

    def graph(self) -> nx.MultiDiGraph[str]:
        """The journey as a networkx graph: nodes carry ``owner``, edges carry ``transition`` and ``label``."""
        import networkx as nx

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for stage in self.stages:
            graph.add_node(stage.name, owner=stage.owner)
        for way in self.transitions:
            for source in way.leaves([stage.name for stage in self.stages]):
                graph.add_edge(source, way.to, transition=way, label=way.label)
        return graph

    # Pictures

    def to_mermaid(self, counts: Any = None) -> str:
        """The journey as a Mermaid state diagram, for Markdown pages and wikis; ``counts`` as for `draw`."""
        from journeykit.journey.picture.diagram import diagram_of, mermaid

        return mermaid(diagram_of(self, counts))

    def to_dot(self, counts: Any = None, title: str | None = None) -> str:
        """The journey in the language of Graphviz; the arguments are those of `draw`."""
        from journeykit.journey.picture.diagram import diagram_of, dot

        return dot(diagram_of(self, counts, title))

    def draw(self, counts: Any = None, title: str | None = None, *, columns: int | None = None) -> Drawing:
        """The journey as a picture, which needs no further package.

        Args:
            counts: `journeykit.journey.Volumes`, or anything that they can be counted from, such as a list of
                placements: the picture then shows how many contacts are where, and its lines are as wide as they
                are busy. None for a picture without numbers.
            title: the text above it.
            columns: the number of stages in a row; None for what suits a page.

        Raises:
            ModelError: for counts of a stage or a transition that the journey does not have.

        Example:
            >>> Journey().draw(title="How contacts become customers")
            Drawing(5 stages, 0 transitions)
        """
        from journeykit.journey.picture.diagram import diagram_of, drawing

        return drawing(diagram_of(self, counts, title), columns)

    def _repr_svg_(self) -> str:
        return str(self.draw())

    def _repr_html_(self) -> str:
        return self.draw()._repr_html_()
