"""What tells messages apart: columns of the touches, of the contacts, stages of the journey, segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import evolve

from journeykit.basics.clock import clock
from journeykit.basics.validation import parted
from journeykit.errors import DataError, closest
from journeykit.journey.measure.observed_paths import NO_SEGMENT
from journeykit.kernels import has_kernels
from journeykit.measuring.arm_places import arm_texts
from journeykit.measuring.group_sums import MessageGroups
from journeykit.placing.funnel_rows import SEGMENTS, Asked, segments_by_contact
from journeykit.tables.arrow.arrays import numbers, one_piece
from journeykit.tables.arrow.column import Column
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from journeykit.measuring.facet_sources import FacetSources
    from journeykit.measuring.message_table import MessageTable


STAGE = "stage"
_COLUMN_OF = {
    "campaign": "campaign_id",
    "content": "content_id",
    "contact": "contact_id",
    "account": "account_id",
    "topic": "topics",
    "solution": "solutions",
    "tag": "tags",
    "segment": SEGMENTS,
}
"""The columns of facets whose names are other than theirs."""
_FACETS = ("campaign", "content", "team", "goal", "channel", "theme", "topic", "solution", "tag")
"""The facets that messages always have, if only as none."""
_LISTS = ("topic", "topics", "solution", "solutions", "tag", "tags", "segment", SEGMENTS, "arm")
_MOST_GROUPS = 10_000
_BY_JOURNEY = "stage: from the events, as it was when the message was sent"
_BY_HASH = "arm: as the playbook's experiments give it now; touches do not name it"
_BY_CONTACT = "stage: as the table of contacts has it, not as it was when the message was sent"
_BY_SEGMENT = "segments: as of the end; a contact in several of them counts in each"


def facet_names(text: str) -> tuple[tuple[str, ...], ...]:
    """The facets that ``--by`` names: one table for each part between commas, of all facets that ``*`` joins.

    Raises:
        ValueError: for an empty name.

    Example:
        >>> facet_names("team,stage*segment")
        (('team',), ('stage', 'segment'))
    """
    found = tuple(tuple(name.strip() for name in part.split("*")) for part in text.split(","))
    if not all(name for part in found for name in part):
        raise ValueError(text)
    return tuple(dict.fromkeys(found))


def column_names(facets: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The columns of touches and contacts that facets may ask for."""
    named = {fold_name(name) for own in facets for name in own}
    return tuple(sorted(named | {_COLUMN_OF.get(name, name) for name in named}))


class MessageFacets:
    """Tells messages apart; what several facets need is read once.

    Args:
        sources: what facets are found from.
    """

    def __init__(self, sources: FacetSources) -> None:
        self._sources = sources
        self._known: dict[str, MessageGroups] = {}
        self._columns = {fold_name(name): name for name in sources.messages.rows.column_names}

    def groups(self, facets: Sequence[str]) -> MessageGroups:
        """Messages by one facet, or by several together.

        Raises:
            DataError: for a facet that neither messages nor contacts have, and for one of too many values.
        """
        found, *others = (self._of(name) for name in facets)
        for own in others:
            found = found.times(own)
        need_few(facets, len(found.names))
        return found

    def _of(self, name: str) -> MessageGroups:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._found(name)
        return found

    def _found(self, name: str) -> MessageGroups:
        fold, own = fold_name(name), self._sources
        if fold in ("segment", SEGMENTS) and own.contacts is not None:
            return self._by_segment(name)
        column = self._columns.get(_COLUMN_OF.get(fold, fold), self._columns.get(fold))
        values = None if column is None else own.messages.rows[column]
        if fold == STAGE and (values is None or values.null_count == len(values)):
            return self._by_stage(name)
        if fold == "arm" and own.playbook.experiments and (values is None or values.null_count == len(values)):
            return evolve(of_column(name, arm_texts(own.playbook, own.messages)), notes=(_BY_HASH,))
        if values is not None or fold in _FACETS:
            return of_column(name, pa.nulls(len(own.messages)) if values is None else values)
        there = sorted({*self._columns.values(), *_FACETS, STAGE})
        hint = closest(name, there)
        more = f"did you mean {hint!r}?" if hint else f"there is {', '.join(there)}"
        raise DataError(f"neither messages nor contacts have {name!r}; {more}")

    def _by_stage(self, name: str) -> MessageGroups:
        """By the stage at the time of the message, of which touches say nothing."""
        own = self._sources
        messages, journey = own.messages, own.playbook.journey
        if journey is not None and journey.transitions:
            from journeykit.measuring.message_stages import message_stages

            names = tuple((stage.name,) for stage in journey.stages)
            stages = message_stages(own, journey)
            return _met(MessageGroups((name,), names, np.arange(len(messages)), stages, (_BY_JOURNEY,)))
        people = messages.contacts
        column = None if people is None else next((o for o in people.column_names if fold_name(o) == STAGE), None)
        if people is None or column is None:
            raise DataError(
                "nothing says on which stage a message met its contact: give touches a column 'stage', or the playbook "
                "a journey whose transitions the events take"
            )
        found = of_column(name, people[column].take(numbers(messages.contact, pa.int64())))
        return evolve(found, notes=(_BY_CONTACT,))

    def _by_segment(self, name: str) -> MessageGroups:
        own = self._sources
        where = None if own.zone is None else clock(own.zone).zone
        asked = Asked(own.playbook, own.events, own.contacts, own.until, SEGMENTS, None, None, None, where)
        group, values = _segments(asked, own.messages)
        return spread((name,), group[own.messages.contact], values, (_BY_SEGMENT,))


def need_few(facets: Sequence[str], groups: int) -> None:
    """Refuse facets that tell too many groups apart.

    Raises:
        DataError: if they do.
    """
    if groups > _MOST_GROUPS:
        raise DataError(f"{'*'.join(facets)!r} has {groups:,} values; measure by what has at most {_MOST_GROUPS:,}")


def of_column(name: str, values: pa.ChunkedArray | pa.Array) -> MessageGroups:
    """Messages by the values of a column; a list, as of topics, puts a message in each of its groups.

    Example:
        >>> of_column("team", pa.array(["events", None, "events"])).names
        (('events',), (None,))
    """
    array = one_piece(values)
    if not pa.types.is_nested(array.type) and not pa.types.is_null(array.type):
        # Of a column of instants, say, no value is made before it is clear that there are few.
        array = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        need_few((name,), len(array.indices.unique()))
    column = Column(array)
    read = _several if fold_name(name) in _LISTS else _labels
    return spread((name,), column.codes, [read(value) for value in column.values])


def _several(value: Any) -> tuple[str | None, ...]:
    """The groups of a list, which a table may write as text."""
    return _labels(parted(value) if isinstance(value, str) else value)


def _labels(value: Any) -> tuple[str | None, ...]:
    """The groups of a value: one, several of a list, and None of nothing."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(dict.fromkeys(str(part) for part in value)) or (None,)
    if value is None or value != value or value == "":  # noqa: PLR0124  (only NaN is not itself)
        return (None,)
    return (str(value),)


def spread(
    facets: tuple[str, ...],
    code: NDArray[np.int64],
    values: Sequence[tuple[str | None, ...]],
    notes: Iterable[str] = (),
) -> MessageGroups:
    """Messages by codes, each of which means one group or several.

    Example:
        >>> found = spread(("topic",), np.array([0, 1]), [("a", "b"), ("b",)])
        >>> found.names, found.message.tolist(), found.group.tolist()
        ((('a',), ('b',)), [0, 0, 1], [0, 1, 1])
    """
    used = np.bincount(code, minlength=len(values)) > 0
    number: dict[str | None, int] = {}
    for own, is_used in zip(values, used.tolist(), strict=True):
        if is_used:
            for label in own:
                number.setdefault(label, len(number))
    flat = np.array([number.get(label, 0) for own in values for label in own], np.int64)
    many = np.array([len(own) for own in values], np.int64)
    start = np.cumsum(many) - many
    if (many == 1).all():
        message, group = np.arange(len(code)), flat[code]
    else:
        size = many[code]
        message = np.repeat(np.arange(len(code)), size)
        group = flat[np.arange(len(message)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(start[code], size)]
    return MessageGroups(facets, tuple((label,) for label in number), message, group, tuple(notes))


def _met(groups: MessageGroups) -> MessageGroups:
    """The same without groups of no message."""
    count = np.bincount(groups.group, minlength=len(groups.names))
    kept = np.flatnonzero(count)
    place = np.cumsum(count > 0) - 1
    names = tuple(groups.names[own] for own in kept.tolist())
    return MessageGroups(groups.facets, names, groups.message, place[groups.group], groups.notes)


def _segments(asked: Asked, messages: MessageTable) -> tuple[NDArray[np.int64], list[tuple[str | None, ...]]]:
    """By number of a contact, a code of their segments; and by code, which they are."""
    # Rows that cannot be used were counted when the contacts were read for their columns.
    bad = BadRows()
    if not has_kernels():
        known = segments_by_contact(asked, bad)
        column = Column([known.get(own) for own in messages.ids.to_pylist()])
        return column.codes, [_labels(value) for value in column.values]
    from journeykit.columns.chunk import id_keys
    from journeykit.columns.contact_index import ContactIndex
    from journeykit.placing.segment_columns import SegmentColumns

    count = len(messages.ids)
    index = ContactIndex(count)
    one, two, lacking = id_keys(Column(messages.ids), count)
    index.add(one, two, 0, lacking)
    found = SegmentColumns(asked, index, count, bad).read()
    return found.group, [(None,) if own == (NO_SEGMENT,) else own for own in found.names]
