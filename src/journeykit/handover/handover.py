"""Hand-overs: what one department leaves to another when a contact enters a stage that the other owns.

Marketing hands a contact to sales, sales hands them back or on to service; each is a hand-over. A stage without owner
changes nothing: who had the contact before is still responsible.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from journeykit.basics.clock import micros, moment
from journeykit.basics.html_table import html_page
from journeykit.basics.text import clean
from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError
from journeykit.handover.brief import ANSWERS, Brief, Decide, Known, plain
from journeykit.journey.placement import Event, Evidence, Placement, Step
from journeykit.journey.placing_results import Placements
from journeykit.journey.stages import Transition

if TYPE_CHECKING:
    from journeykit.journey.journey import Journey
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.model.touch import Touch
    from journeykit.playbook.playbook import Playbook

HANDOVERS: Mapping[str, str] = {
    "contact_id": "text",
    "at": "instant",
    "from_stage": "text",
    "to_stage": "text",
    "from_owner": "text",
    "to_owner": "text",
    "transition": "text",
    "evidence_at": "instant",
}
"""The columns of a table of hand-overs, in order, and what each holds; ``transition`` is its label."""
_BLOCK, _MOST = 10_000, 262_144
"""So many rows are looked at together: of plain ones, and of a table."""


@frozen(kw_only=True)
class Handover:
    """A contact passes from one department to another.

    Attributes:
        contact: the id, or None.
        source: the stage that the contact left.
        target: the stage that they entered.
        from_owner: the department that was responsible; None where nobody was.
        to_owner: the department that owns the target.
        at: when, in UTC.
        transition: what led them there.
        evidence: what it rests on.
        brief: what the receiving side needs to know.
        is_return: whether the contact goes back to the department that handed them to the one they leave.
    """

    contact: str | None
    source: str
    target: str
    from_owner: str | None
    to_owner: str
    at: datetime
    transition: Transition
    evidence: Evidence
    brief: Brief
    is_return: bool = False

    def heading(self) -> tuple[str, str]:
        """A line that says who goes from whom to whom and when, and one that says why."""
        goes = "goes back" if self.is_return else "goes"
        owners = f"from {self.from_owner or 'nobody'} to {self.to_owner}"
        who = f"{self.contact or 'the contact'} {goes} {owners}, {self.brief.when(self.at)} ({self.brief.timezone})"
        reason = self.transition.label
        rests = "" if self.evidence.text == reason else f" ({self.evidence})"
        return who, f"{self.source} to {self.target}: {reason}{rests}"

    def to_dict(self) -> dict[str, Any]:
        """The hand-over as plain data: texts, numbers, lists; instants as ISO 8601."""
        return {
            "contact": self.contact,
            "at": self.at.isoformat(),
            "from_stage": self.source,
            "to_stage": self.target,
            "from_owner": self.from_owner,
            "to_owner": self.to_owner,
            "is_return": self.is_return,
            "transition": self.transition.label,
            "evidence": {"at": plain(self.evidence.at), "text": self.evidence.text},
            "brief": self.brief.to_dict(),
        }

    def __str__(self) -> str:
        lines = [*self.heading()]
        for name, own in self.brief.sections():
            lines += ["", name, *(f"  {line}" for line in own)]
        return "\n".join(clean(line) for line in lines)

    def _repr_html_(self) -> str:
        parts = "".join(
            f"<dt><strong>{name}</strong></dt>" + "".join(f"<dd>{html.escape(clean(line))}</dd>" for line in lines)
            for name, lines in self.brief.sections()
        )
        return html_page(self.heading(), [f"<dl>{parts}</dl>"])


def handovers(
    placement: Placement,
    journey: Journey,
    *,
    playbook: Playbook | None = None,
    contact: Contact | None = None,
    touches: Iterable[Touch] | None = None,
    events: Iterable[Event] | None = None,
    decision: Decision | Decide | None = None,
    since: datetime | None = None,
    answers: Mapping[str, str] | Iterable[str] = ANSWERS,
    recent: int = 10,
) -> tuple[Handover, ...]:
    """The hand-overs along a contact's path, first to last, each with its brief.

    They are handed over when they enter a stage of another owner than the one responsible for them. Entering the
    journey hands nothing over. Nor does a stage without owner: the last owner stays responsible, and coming back to one
    of their stages is not one either. A brief tells what was known at the hand-over: later touches and events do not
    change it.

    Args:
        placement: where they are, from `Journey.place`.
        journey: whose stages they are.
        playbook: for the contents that were sent and their solutions, and for segments.
        contact: who; None leaves the profile out.
        touches: their history. None says that it is not known, which is not the same as an empty one.
        events: what they did. None, likewise.
        decision: open claims: a `Decision`, or a function of contact and instant that gives one, such as
            ``lambda contact, at: arbiter.decide(contact, touches, at=at)``; it is asked for the contact on the stage
            that they enter. A decision says nothing of a hand-over that another one followed before it was made.
        since: only hand-overs after this instant. A nightly job gives the ``at`` of its last run and gets each once.
        answers: the events that answer a message, each with the word for it, or their names alone. They name what they
            answer in the properties ``campaign`` or ``content`` (or ``campaign_id``, ``content_id``).
        recent: the most events of other kinds in a brief.

    Raises:
        ModelError: for a stage that the journey does not have, a contact who is another, or a naive instant.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Contact, Journey, Stage, Transition
        >>> journey = Journey(
        ...     [Stage("consideration", "marketing"), Stage("decision", "sales")],
        ...     [Transition(source="consideration", to="decision", event="demo_requested")],
        ... )
        >>> day = lambda number: datetime(2026, 11, number, tzinfo=UTC)
        >>> did = [Event("demo_requested", day(5), {"solution": "platform"})]
        >>> anna = Contact(id="anna", role="decision_maker")
        >>> placement = journey.place(did, day(6), anna, start=day(1))
        >>> (found,) = handovers(placement, journey, contact=anna, events=did)
        >>> found.from_owner, found.to_owner, found.brief.solutions[0].name
        ('marketing', 'sales', 'platform')
    """
    who = placement.contact if contact is None else contact.id
    _check_same(who, placement=placement.contact, decision=getattr(decision, "contact", None))
    known = Known(playbook, contact, touches, events, answers, recent)
    after = None if since is None else micros(since, what="since")
    changes = list(_changes(placement.path, _owners(journey)))
    found = []
    for place, change in enumerate(changes):
        at = change.step.since
        if after is not None and micros(at) <= after:
            continue
        following = changes[place + 1].step.since if place + 1 < len(changes) else None
        made, why_not = _decision(decision, contact, change.step, following)
        found.append(change.handover(who, known.brief(at, change.step.stage, made, why_not)))
    return tuple(found)


@frozen
class _Change:
    """A step to another owner."""

    source: str
    step: Step
    from_owner: str | None
    to_owner: str
    is_return: bool

    def handover(self, contact: str | None, brief: Brief) -> Handover:
        step = self.step
        assert step.transition is not None  # noqa: S101  (only the first step of a path has none)
        return Handover(
            contact=contact,
            source=self.source,
            target=step.stage,
            from_owner=self.from_owner,
            to_owner=self.to_owner,
            at=step.since,
            transition=step.transition,
            evidence=step.evidence,
            brief=brief,
            is_return=self.is_return,
        )


def _changes(path: Sequence[Step], owners: Mapping[str, str | None]) -> Iterator[_Change]:
    # The owners so far, down to the present one: a return takes the last one off.
    chain: list[str | None] = []
    for place, step in enumerate(path):
        if step.stage not in owners:
            raise ModelError(
                f"the path has the stage {shown(step.stage)}, the journey has {', '.join(owners)}", field="placement"
            )
        owner = owners[step.stage]
        if not place:
            chain.append(owner)
        elif owner is not None and owner != chain[-1]:
            is_return = chain[-2:-1] == [owner]
            yield _Change(path[place - 1].stage, step, chain[-1], owner, is_return)
            if is_return:
                chain.pop()
            else:
                chain.append(owner)


def _owners(journey: Journey) -> dict[str, str | None]:
    return {stage.name: stage.owner for stage in journey.stages}


def _check_same(contact: str | None, **others: str | None) -> None:
    for name, other in others.items():
        if contact is not None and other not in (None, contact):
            raise ModelError(f"the {name} is that of {other!r}, the contact is {contact!r}", field=name)


def _decision(
    given: Decision | Decide | None, contact: Contact | None, step: Step, following: datetime | None
) -> tuple[Decision | None, str]:
    """The decision that tells of the claims that are open at a step; where there is none, why."""
    if given is None:
        return None, "no decision was given"
    if callable(given):
        if contact is None:
            return None, "without the contact nothing can be decided"
        return given(evolve(contact, stage=step.stage), step.since), ""
    if following is not None and following <= given.at:
        return None, "the decision was made after a later hand-over"
    return given, ""


# Tables


def handover_rows(paths: Any, journey: Journey, since: datetime | None = None) -> Iterator[tuple[Any, ...]]:
    """The hand-overs of many contacts, from their paths: the cells of `HANDOVERS`, in the order of the paths.

    Args:
        paths: placements of tables, or their table of paths; also batches of one, a mapping of columns to lists, or
            rows as mappings. Columns: ``contact_id``, ``step`` (0 where a contact enters), ``stage``, ``since``,
            ``label`` and ``evidence_at``; instants are aware, or microseconds since 1970. The rows of a contact are
            together, in order.
        journey: whose stages they are.
        since: only hand-overs after this instant, as in `handovers`.

    Raises:
        DataError: for a missing column, a stage that the journey does not have, and rows out of order.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Journey, Stage
        >>> journey = Journey([Stage("consideration", "marketing"), Stage("decision", "sales")])
        >>> day = lambda number: datetime(2026, 11, number, tzinfo=UTC)
        >>> rows = [
        ...     {"contact_id": "anna", "step": 0, "stage": "consideration", "since": day(1)},
        ...     {"contact_id": "anna", "step": 1, "stage": "decision", "since": day(5), "label": "demo_requested"},
        ... ]
        >>> [(row[0], *row[2:7]) for row in handover_rows(rows, journey)]
        [('anna', 'consideration', 'decision', 'marketing', 'sales', 'demo_requested')]
    """
    after = None if since is None else micros(since, what="since")
    owners = _owners(journey)
    stage, owner, last = None, None, -1
    for stages, steps, take in _blocks(paths.paths if isinstance(paths, Placements) else paths):
        hits, moves = [], []
        for place, (entered, step) in enumerate(zip(stages, steps, strict=True)):
            try:
                own = owners[entered]
            except (KeyError, TypeError):
                raise DataError(
                    f"a path has the stage {shown(entered)}, the journey has {', '.join(owners)}", source="paths"
                ) from None
            if isinstance(step, bool) or not isinstance(step, int):
                raise DataError(
                    f"a step is a whole number, 0 where a contact enters, found {shown(step)}",
                    source="paths",
                    field="step",
                )
            if step == 0:
                owner = own
            elif step != last + 1:
                raise DataError(
                    f"step {shown(step)} follows step {last}: the rows of a contact must be together, in order",
                    source="paths",
                )
            elif own is not None and own != owner:
                hits.append(place)
                moves.append((stage, entered, owner, own))
                owner = own
            stage, last = entered, step
        if hits:
            yield from _filled(take(hits), moves, after)


Block = tuple[Sequence[Any], Sequence[Any], Callable[[list[int]], Mapping[str, Sequence[Any]]]]
"""Stages, numbers of steps, and what gives the cells of some of the rows, by column."""
_NEEDED = ("contact_id", "step", "stage", "since")
_TAKEN = ("contact_id", "since", "label", "evidence_at")


def _filled(
    cells: Mapping[str, Sequence[Any]], moves: Sequence[tuple[Any, ...]], after: int | None
) -> Iterator[tuple[Any, ...]]:
    for contact, at, label, evidence_at, move in zip(*(cells[name] for name in _TAKEN), moves, strict=True):
        if _is_missing(contact):
            raise DataError("a row has no contact", source="paths", field="contact_id")
        entered = _instant(at, "since")
        if after is None or micros(entered) > after:
            told = None if _is_missing(evidence_at) else _instant(evidence_at, "evidence_at")
            yield (contact, entered, *move, _text(label), told)


def _instant(value: Any, name: str) -> datetime:
    """An instant of a path, which is aware, or a whole number of microseconds since 1970."""
    if isinstance(value, int) and not isinstance(value, bool):
        return moment(value)
    try:
        micros(value)
    except ModelError:
        raise DataError(
            f"found {shown(value)}; allowed are an aware datetime, or whole microseconds since 1970",
            source="paths",
            field=name,
        ) from None
    found: datetime = value
    return found


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124  (NaN is not itself)


def _text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    if not isinstance(value, str):
        raise DataError(f"a label is a text, found {shown(value)}", source="paths", field="label")
    return value


def _blocks(paths: Any) -> Iterator[Block]:
    if isinstance(paths, Mapping):
        yield _block_of_columns(paths)
    elif hasattr(paths, "to_batches"):
        _check_columns(paths.schema.names)
        wanted = [name for name in paths.schema.names if name in (*_NEEDED, *_TAKEN)]
        yield from map(_block_of_batch, paths.select(wanted).to_batches(max_chunksize=_MOST))
    elif isinstance(paths, str | bytes) or not isinstance(paths, Iterable):
        raise DataError(f"paths are a table of paths, or rows, found {shown(paths)}", source="paths")
    else:
        rest = iter(paths)
        while part := list(islice(rest, 1)):
            if hasattr(part[0], "to_pydict"):
                yield from [_block_of_batch(part[0])] if not hasattr(part[0], "to_batches") else _blocks(part[0])
            else:
                yield _block_of_rows([*part, *islice(rest, _BLOCK - 1)])


def _block_of_batch(batch: Any) -> Block:
    _check_columns(batch.schema.names)

    def take(hits: list[int]) -> Mapping[str, Sequence[Any]]:
        found = batch.select([name for name in _TAKEN if name in batch.schema.names]).take(hits)
        cells = {name: _cells(found.column(name)) for name in found.schema.names}
        return {name: cells.get(name, [None] * len(hits)) for name in _TAKEN}

    return _cells(batch.column("stage")), _cells(batch.column("step")), take


def _cells(column: Any) -> list[Any]:
    """A column of Arrow's as a list: a value that is coded is read once, an instant with a zone is a whole number."""
    if hasattr(column, "dictionary"):
        known = [*_cells(column.dictionary), None]
        return [known[code] for code in column.indices.fill_null(len(known) - 1).to_pylist()]
    if getattr(column.type, "tz", None) is not None and column.type.unit == "us":
        column = column.cast("int64")
    return list(column.to_pylist())


def _block_of_columns(columns: Mapping[str, Sequence[Any]]) -> Block:
    _check_columns(columns)

    def take(hits: list[int]) -> Mapping[str, Sequence[Any]]:
        return {name: [columns[name][hit] if name in columns else None for hit in hits] for name in _TAKEN}

    return columns["stage"], columns["step"], take


def _block_of_rows(rows: list[Any]) -> Block:
    for row in rows:
        if not isinstance(row, Mapping):
            raise DataError(f"a row of a path is a mapping of columns to values, found {shown(row)}", source="paths")
        _check_columns(row)

    def take(hits: list[int]) -> Mapping[str, Sequence[Any]]:
        return {name: [rows[hit].get(name) for hit in hits] for name in _TAKEN}

    return [row["stage"] for row in rows], [row["step"] for row in rows], take


def _check_columns(known: Iterable[str]) -> None:
    missing = [name for name in _NEEDED if name not in known]
    if missing:
        raise DataError(f"the column {missing[0]!r} is missing; there is {', '.join(known)}", source="paths")
