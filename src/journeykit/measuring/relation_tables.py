"""What measures of the relationship are made from, read once: stays, events, segments, messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from journeykit.basics.clock import clock, micros
from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError
from journeykit.journey import Journey, Stage
from journeykit.journey.measure.intervals import normal_quantile
from journeykit.journey.measure.observed_paths import NO_SEGMENT, segments_of
from journeykit.kernels import has_kernels
from journeykit.measuring.bad_row_keeper import BadRowKeeper
from journeykit.measuring.cell_columns import id_halves
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.measuring.message_table import MessageTable
from journeykit.measuring.read_tables import ReadTables
from journeykit.measuring.relation_events import RelationEventReader, RelationEvents
from journeykit.measuring.response_count import in_rows
from journeykit.measuring.stage_stays import StageStays
from journeykit.model.rest import micros_of_lag
from journeykit.model.window import Lag
from journeykit.placing.funnel import repeatable
from journeykit.placing.funnel_rows import Asked, segments_by_contact
from journeykit.playbook.playbook import Playbook
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.column import Column
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from journeykit.journey.placing_results import Placements

HERE = "(here)"
"""The only stage where the playbook has no journey: contacts are on it from their first event on."""
_MOST_GROUPS = 1_000


def length_of(text: str, name: str) -> int:
    """A length of time such as ``90d``, in microseconds.

    Raises:
        ModelError: for what is no length of time, or none at all.
    """
    try:
        length = micros_of_lag(Lag.parse(text))
    except ModelError as error:
        raise ModelError(f"{name}: {error}", field=name) from error
    if not length:
        raise ModelError(f"{name} is longer than nothing, found {text!r}", field=name)
    return length


@frozen(eq=False, kw_only=True)
class RelationTables:
    """What measures of the relationship are made from.

    Attributes:
        playbook: the rule set.
        since: the start of what is measured, in microseconds since 1970.
        until: the instant at which observation ended.
        level: the level of confidence of intervals.
        ids: the contacts' ids, by number.
        key: by contact, a number that depends on the id alone and looks random.
        account: by contact, the number of the account; None where contacts are not decided together.
        stays: where contacts were; also silence, where it counts.
        silence: after which time without a sign a contact is silent, in microseconds; None where it does not count.
        events: the events.
        by: the column of contacts that tells them apart, or ``segments``; None for none.
        segments: by name, which contacts are in a segment.
        messages: the messages before `until`; None where no touches were given.
        notes: what is to be said of the tables, a line each.
    """

    playbook: Playbook
    since: int
    until: int
    level: float
    ids: pa.Array
    key: NDArray[np.uint64]
    account: NDArray[np.int64] | None
    stays: StageStays
    silence: int | None
    events: RelationEvents
    by: str | None = None
    segments: Mapping[str, NDArray[np.bool_]] = field(factory=dict)
    messages: MessageTable | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        playbook: Playbook,
        events: Any,
        *,
        since: datetime,
        until: datetime,
        contacts: Any = None,
        touches: Any = None,
        by: str | None = None,
        silent: str | None = None,
        signs: Iterable[str] | None = None,
        numbers: Iterable[str] = (),
        zone: str | None = None,
        level: float = 0.95,
        max_bad: int | str | None = None,
        read: ReadTables | None = None,
    ) -> Self:
        """Read tables.

        Args:
            playbook: the rule set, whose journey says where contacts are. Without one they are in one place from their
                first event on.
            events: the table of events, from the beginning: ``contact_id``, ``event``, ``at``, and properties.
            since: the start of what is measured, aware.
            until: the instant at which observation ended, aware.
            contacts: the table of contacts; None for everybody who has an event.
            touches: the table of touches; None where messages do not matter.
            by: the column of contacts that tells them apart, or ``segments``: those that contacts bring and those of
                the playbook, as of the end. None for none.
            silent: after which time without a sign of life a contact counts as lost, such as ``90d``; None for never.
            signs: the events that are signs of life; None for all.
            numbers: the properties of events that are read as numbers.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            level: the level of confidence of intervals.
            max_bad: how many bad rows of a table are tolerated, as a number or as a share (``"1%"``).
            read: the touches where they are read for more than this, and what counts bad rows; None for neither.

        Raises:
            DataError: for a table that cannot be used, too many bad rows, or a column ``by`` that no contact has.
            ModelError: for what cannot be asked.
        """
        normal_quantile(level)
        if micros(since, what="since") >= micros(until, what="until"):
            raise ModelError(
                f"since must be before until, found {since.isoformat()} and {until.isoformat()}", field="since"
            )
        if by is not None and contacts is None:
            raise ModelError("by needs contacts: they say who is what", field="by")
        silence = None if silent is None else length_of(silent, "silent")
        events, contacts, touches = repeatable(events), repeatable(contacts), repeatable(touches)
        journey = playbook.journey or Journey([Stage(HERE)])
        bad = BadRows(max_bad) if read is None else read.keeper.counter()
        placements = _placed(playbook, journey, events, contacts, until, zone, bad)
        ids = one_piece(placements.table["contact_id"]).cast(pa.large_string())
        known = ContactNumbers.of(ids)
        where = None if zone is None else clock(zone).zone
        # Bad rows were counted, and too many refused, when contacts were placed.
        log = RelationEventReader(events, tuple(numbers), contacts=known, zone=where, bad=BadRows()).read()
        stays = _stays(journey, placements, known, micros(until, what="until"))
        if silence is not None:
            heard = np.ones(len(log.at), np.bool_) if signs is None else log.is_named(*_named(signs, log))
            stays = stays.with_silence(log.contact[heard], log.at[heard], silence)
        messages = None
        if touches is not None:
            whole = read or ReadTables(
                playbook,
                touches,
                events,
                contacts=contacts,
                until=micros(until),
                zone=zone,
                columns=(),
                keeper=BadRowKeeper(max_bad),
                again=False,
            )
            messages = whole.messages(None)
        one, two, _ = id_halves(Column(ids), len(ids))
        asked = Asked(playbook, events, contacts, until, by and fold_name(by), None, None, None, where)
        return cls(
            playbook=playbook,
            since=micros(since, what="since"),
            until=micros(until, what="until"),
            level=level,
            ids=ids,
            key=one ^ two,
            account=_accounts(playbook, asked, ids) if contacts is not None else None,
            stays=stays,
            silence=silence,
            events=log,
            by=by,
            segments={} if by is None else segment_members(asked, ids),
            messages=messages,
            notes=(*_notes(placements, log), *_message_notes(messages)),
        )

    def numbers_of(self, messages: MessageTable) -> NDArray[np.int64]:
        """By message, the number that its contact has here; -1 for one who is not here."""
        found = ContactNumbers.of(self.ids).find(Column(messages.ids), len(messages.ids), {})
        whose: NDArray[np.int64] = found[messages.contact]
        return whose


def _placed(
    playbook: Playbook,
    journey: Journey,
    events: Any,
    contacts: Any,
    until: datetime,
    zone: str | None,
    bad: BadRows,
) -> Placements:
    if has_kernels():
        from journeykit.placing.place import place_table

        return place_table(journey, events, contacts, until, zone=zone, timezone=playbook.timezone, bad=bad)
    from journeykit.placing.rows import place_rows

    where = None if zone is None else clock(zone).zone
    return place_rows(journey, events, contacts, until, zone=where, timezone=playbook.timezone, bad=bad)


def _stays(journey: Journey, placements: Placements, known: ContactNumbers, until: int) -> StageStays:
    paths = placements.paths
    place = {stage.name: number for number, stage in enumerate(journey.stages)}
    ids, names = Column(one_piece(paths["contact_id"]).cast(pa.large_string())), Column(one_piece(paths["stage"]))
    stage = np.array([place.get(name, 0) for name in names.values], np.int64)[names.codes]
    return StageStays.of(
        [own.name for own in journey.stages],
        [own.lost for own in journey.stages],
        known.find(ids, len(paths), {}),
        stage,
        one_piece(paths["since"]).cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False),
        contacts=known.count,
        until=until,
    )


def _named(signs: Iterable[str], log: RelationEvents) -> tuple[str, ...]:
    """The names of events that are signs of life.

    Raises:
        DataError: for one that no event has.
    """
    found = tuple(signs)
    for name in found:
        if name not in log.names:
            raise DataError(f"no event is named {name!r}: it cannot be a sign of life; there is {', '.join(log.names)}")
    return found


def _accounts(playbook: Playbook, asked: Asked, ids: pa.Array) -> NDArray[np.int64] | None:
    """By contact, the number of the account where contacts are decided together; one without has its own."""
    if not any(cap.per == "account" for cap in playbook.caps):
        return None
    try:
        code, names = segment_codes(evolve(asked, by="account_id"), ids)
    except DataError:
        return None  # no contact has an account
    alone = np.array([own == (NO_SEGMENT,) for own in names], np.bool_)[code]
    return np.where(alone, len(names) + np.arange(len(ids)), code)


def _notes(placements: Placements, log: RelationEvents) -> Iterable[str]:
    summary = placements.summary
    yield from summary.notes
    if summary.bad_rows:
        yield f"bad rows of contacts and events: {summary.bad_rows:,}; the first: {summary.bad[0]}"
    for name, said in (
        ("unknown_contact", "events of contacts that the table of contacts lacks"),
        ("future", "events after the end, not used"),
    ):
        if summary.noted.get(name):
            yield f"{said}: {summary.noted[name]:,}"
    if log.repeated:
        yield f"events that are there again: {log.repeated:,}; each counts once"


def _message_notes(messages: MessageTable | None) -> Iterable[str]:
    if messages is None:
        return
    yield from messages.bad_lines
    if messages.strangers:
        yield f"messages of contacts that the table of contacts lacks: {messages.strangers:,}"
    if messages.no_cost:
        where = in_rows(messages.no_cost, messages.no_cost_rows)
        yield f"messages whose cost is no number from 0 on, and is unknown: {messages.no_cost:,}{where}"
    unknown = messages.rows["cost"].null_count
    if 0 < unknown < len(messages):
        yield f"messages whose cost is unknown: {unknown:,}; lifetime values take them to cost nothing"


def segment_members(asked: Asked, ids: pa.Array) -> dict[str, NDArray[np.bool_]]:
    """By segment, which contacts are in it; those without any are in one of their own.

    Args:
        asked: what tells contacts apart.
        ids: the contacts' ids, by number.

    Raises:
        DataError: for a column that no contact has, and for one of too many values.
    """
    code, names = segment_codes(asked, ids)
    members: dict[str, list[int]] = {}
    for place, own in enumerate(names):
        for name in own:
            members.setdefault(name, []).append(place)
    if len(members) > _MOST_GROUPS:
        raise DataError(f"{shown(asked.by)} has {len(members):,} values; measure by what has at most {_MOST_GROUPS:,}")
    found = {name: np.isin(code, members[name]) for name in sorted(members, key=lambda own: (own == NO_SEGMENT, own))}
    return {name: own for name, own in found.items() if own.any()}


def segment_codes(asked: Asked, ids: pa.Array) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
    """By number of a contact, a code of their segments; and by code, which they are."""
    # Rows that cannot be used were counted when the contacts were placed.
    bad, count = BadRows(), len(ids)
    if not has_kernels():
        known = segments_by_contact(asked, bad)
        column = Column([known.get(own) for own in ids.to_pylist()])
        return column.codes, [segments_of(value) for value in column.values]
    from journeykit.columns.contact_index import ContactIndex
    from journeykit.placing.segment_columns import SegmentColumns

    index = ContactIndex(count)
    one, two, lacking = id_halves(Column(ids), count)
    index.add(one, two, 0, lacking)
    found = SegmentColumns(asked, index, count, bad).read()
    return found.group, found.names
