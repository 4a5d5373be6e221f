"""What contacts got, what they answered and where on the journey they were: all that features are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from attrs import evolve, frozen

from journeykit.basics.clock import Clock, clock, micros
from journeykit.basics.validation import names
from journeykit.errors import ModelError
from journeykit.kernels import has_kernels
from journeykit.learning.attribute_versions import AttributeVersions
from journeykit.learning.timeline import STAGE, Timeline
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.measuring.credits import Credits, credit
from journeykit.measuring.message_table import MessageTable
from journeykit.measuring.table_notes import event_notes, not_sent_notes, twice_notes, unknown_campaign_notes
from journeykit.model.cap import Facets
from journeykit.placing.funnel import repeatable
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.column import Column
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from journeykit.journey.journey import Journey
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import TableSource


@frozen(eq=False, kw_only=True)
class MessageHistory:
    """The past of contacts, by their numbers.

    Attributes:
        ids: the ids of the contacts, by number.
        messages: the messages that they got; as code the place in `kinds`. Their order is that of ``table``.
        kinds: what messages are apart from whose and when: by facet, the values.
        answers: what they answered; as code the place in `responses`. An event counts once for each response.
        responses: the names of the responses.
        steps: the stages that they entered, as code the place in `stages`; None where the journey has no transitions.
        stages: the names of the stages.
        contacts: what is known of the contacts; None where there is no table of contacts.
        clock: the zone in which days of the week and hours are meant.
        table: the messages as a table.
        credits: what is credited to them.
        notes: what else is worth knowing.
    """

    ids: pa.Array
    messages: Timeline
    kinds: tuple[Facets, ...]
    answers: Timeline
    responses: tuple[str, ...]
    steps: Timeline | None
    stages: tuple[str, ...]
    contacts: AttributeVersions | None
    clock: Clock
    table: MessageTable
    credits: Credits
    notes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        playbook: Playbook,
        touches: TableSource,
        events: TableSource,
        *,
        until: datetime,
        contacts: TableSource | None = None,
        static: str | Iterable[str] = (),
        only: Collection[str] | None = None,
        zone: str | None = None,
        max_bad: int | str | None = None,
    ) -> Self:
        """Read what happened before an instant.

        Args:
            playbook: the rule set: its responses and its journey.
            touches: the table of touches.
            events: the table of events.
            until: messages and events before this instant.
            contacts: the table of contacts.
            static: the names of attributes that hold always.
            only: the folded names of the attributes that are kept; None for all.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            max_bad: how many bad rows are tolerated, as a number or as a share such as ``"1%"``.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
            ModelError: for static attributes without a table of contacts, and for an instant without an offset.
        """
        micros(until, what="until")
        static = names(static)
        if static and contacts is None and only is None:
            raise ModelError("attributes that hold always are those of contacts: give the table", field="static")
        touches, events = repeatable(touches), repeatable(events)
        table = MessageTable.read(playbook, touches, until=until, zone=zone, columns=(), max_bad=max_bad)
        credits_ = credit(playbook, table, events, zone=zone, max_bad=max_bad)
        bad = BadRows(max_bad)
        found = cls.of(
            playbook,
            table,
            credits_,
            events,
            until=until,
            contacts=contacts,
            static=static,
            only=only,
            zone=zone,
            bad=bad,
        )
        notes = (
            *(*table.bad_lines, *credits_.bad_lines, *bad.lines()),
            *not_sent_notes(table),
            *unknown_campaign_notes(playbook, table),
            *twice_notes(table),
            *event_notes(credits_),
        )
        return evolve(found, notes=(*notes, *found.notes))

    @classmethod
    def of(
        cls,
        playbook: Playbook,
        table: MessageTable,
        credits_: Credits,
        events: TableSource,
        *,
        until: datetime,
        contacts: TableSource | None,
        static: Iterable[str],
        only: Collection[str] | None,
        zone: str | None,
        bad: BadRows,
        threads: int | None = None,
    ) -> Self:
        """The same from messages and credits that were read.

        Args:
            playbook: as of `read`, likewise what is not named here.
            table: the messages before the instant.
            credits_: what is credited to them.
            events: the table of events; its bad rows are those of `credits_`, and are not counted again.
            until: the instant.
            contacts: the table of contacts.
            static: the names of attributes that hold always.
            only: the folded names of the attributes that are kept.
            zone: the zone in which instants without an offset are meant.
            bad: where the bad rows of contacts are counted.
            threads: how many threads place contacts at once; None for some of the processors.
        """
        numbers = ContactNumbers.of(table.ids)
        once = BadRows(is_part=bad.is_part)
        walked, stages = _walked(playbook.journey, events, numbers, until, zone, playbook.timezone, once, threads)
        versions = None
        if contacts is not None:
            where = None if zone is None else clock(zone).zone
            versions = AttributeVersions.read(contacts, numbers, zone=where, bad=bad, static=static, only=only)
        count = numbers.count
        return cls(
            ids=numbers.ids,
            messages=Timeline.of(table.contact, table.at, table.kind.astype(np.int64), count),
            kinds=table.kinds,
            answers=_answers(table, credits_, count),
            responses=tuple(own.name for own in credits_.responses),
            steps=None if walked is None else Timeline.of(*walked, count),
            stages=stages,
            contacts=versions,
            clock=clock(playbook.timezone),
            table=table,
            credits=credits_,
            notes=() if versions is None or only is not None else (*_left_out(versions, is_placed=walked is not None),),
        )


def _left_out(contacts: AttributeVersions, *, is_placed: bool) -> Iterator[str]:
    """The columns of contacts that are no features."""
    if not contacts.is_dated:
        left = [
            own.name
            for fold, own in contacts.columns.items()
            if fold not in contacts.static and not (fold == STAGE and is_placed)
        ]
        if left:
            yield (
                f"attributes that are left out, as the table does not say since when they hold: {', '.join(left)}; "
                "give it a column valid_from, or name those that never change as static"
            )
    for name, why in contacts.unusable.items():
        yield f"the attribute {name!r} is left out: {why}"


def _answers(table: MessageTable, credits_: Credits, contacts: int) -> Timeline:
    """What contacts answered; an event that is shared by several messages counts once."""
    _, first = np.unique(np.stack([credits_.response.astype(np.int64), credits_.event]), axis=1, return_index=True)
    owner, at = table.contact[credits_.message[first]].astype(np.int64), credits_.at[first]
    return Timeline.of(owner, at, credits_.response[first].astype(np.int64), contacts)


def _walked(
    journey: Journey | None,
    events: Any,
    numbers: ContactNumbers,
    until: datetime,
    zone: str | None,
    timezone: str,
    bad: BadRows,
    threads: int | None,
) -> tuple[tuple[Any, Any, Any] | None, tuple[str, ...]]:
    """The steps of contacts on the journey: whose, since when, and which stage; and the names of the stages.

    The table of contacts takes no part: what it says is true today, and may not have been true then.
    """
    if journey is None or not journey.transitions:
        return None, ()
    paths = _paths(journey, events, until, zone, timezone, bad, threads)
    stages = tuple(stage.name for stage in journey.stages)
    place = {name: number for number, name in enumerate(stages)}
    ids = one_piece(paths["contact_id"])
    owner = numbers.meet(Column(ids), len(ids), {}).astype(np.int64)
    stage = Column(one_piece(paths["stage"]))
    since = Column(one_piece(paths["since"])).instants
    code = np.array([place.get(name, 0) for name in stage.values] or [0], np.int64)[stage.codes]
    return (owner, np.zeros(0, np.int64) if since is None else since[0], code), stages


def _paths(
    journey: Journey,
    events: Any,
    until: datetime,
    zone: str | None,
    timezone: str,
    bad: BadRows,
    threads: int | None,
) -> pa.Table:
    if has_kernels():
        from journeykit.placing.place import place_table

        placed = place_table(journey, events, None, until, zone=zone, timezone=timezone, threads=threads, bad=bad)
        return placed.paths
    from journeykit.placing.rows import place_rows

    where = None if zone is None else clock(zone).zone
    return place_rows(journey, events, None, until, zone=where, timezone=timezone, bad=bad).paths
