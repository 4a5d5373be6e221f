"""A survey: tables and playbook compared before a run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.engine.unknowns import Readings
from journeykit.errors import DataError
from journeykit.job.exploration_notes import spread_notes
from journeykit.model.bad_row import BadRow
from journeykit.model.mismatch import Mismatches
from journeykit.playbook.vocabulary import Vocabulary, events_of
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError, instant_reader, read_id
from journeykit.tables.claim_table import CLAIM_COLUMNS, ClaimTable
from journeykit.tables.column_names import Spellings
from journeykit.tables.contact_table import ContactPlan, ContactTable, is_attribute
from journeykit.tables.doubles import Doubles, restricted_notes
from journeykit.tables.event_log import is_property, read_event
from journeykit.tables.formats import called
from journeykit.tables.header import RowLayout, cell_of, fold_name
from journeykit.tables.read_rows import open_table
from journeykit.tables.score_table import ScoreTable
from journeykit.tables.touch_table import TouchTable, refuse_useless
from journeykit.tables.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import tzinfo

    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.formats import TableSource

TYPED: dict[str, Callable[[str], bool]] = {
    "contacts": is_attribute,
    "claims": lambda name: fold_name(name) not in CLAIM_COLUMNS,
}
"""Which columns of a CSV file are typed as a whole, by table."""


@frozen
class Inspection:
    """What is to be said of tables before a run.

    Attributes:
        mismatches: where they and the playbook do not match.
        bad: the rows that cannot be used.
        notes: what else a person should look at.
        useless: why a run would refuse a table none of whose rows can be used, or None.
    """

    mismatches: Mismatches
    bad: BadRows
    notes: tuple[str, ...]
    useless: DataError | None


def inspect(playbook: Playbook, sources: Mapping[str, TableSource | None], *, zone: tzinfo | None = None) -> Inspection:
    """Read tables as a run would, without deciding anything: the arguments and errors are those of `survey`.

    Example:
        >>> from journeykit import Playbook
        >>> found = inspect(Playbook(), {"touches": [{"contact_id": "a", "sent_at": "soon", "channel": "email"}]})
        >>> found.bad.total, found.useless is None
        (1, False)
    """
    known, found, bad = Vocabulary.of(playbook), Mismatches(), BadRows()
    notes: list[str] = []
    every: dict[str, Words] = {}
    useless = None
    for name, source in sources.items():
        if source is None:
            continue
        words, before = Words(name, playbook, known), bad.total
        every[name] = words
        good = None
        if name == "contacts":
            doubles = Doubles.of(playbook)
            table = ContactTable(
                source,
                spellings=Spellings.of(playbook),
                zone=zone,
                bad=bad,
                words=words,
                found=found,
                doubles=doubles,
            )
            readings, good = Readings(playbook), 0
            for good, (_, contact) in enumerate(table, 1):  # noqa: B007  (the last is the number of all)
                readings.count(known.contact(contact).values())
            readings.tell(found)
            notes += [*table.notes, *restricted_notes(table.source, len(doubles.changed))]
        elif name == "touches":
            good = TouchTable.read(source, zone=zone, bad=bad, vocabulary=known, words=words, found=found).good
        elif name == "claims":
            ClaimTable.read(source, playbook=playbook, zone=zone, bad=bad, words=words, found=found)
        elif name == "scores":
            ScoreTable.read(source, playbook=playbook, bad=bad, words=words, found=found)
        else:
            notes += _inspect_events(source, zone, bad, words, found)
        try:
            _refuse_useless(name, source, bad, before, good)
        except DataError as error:
            useless = useless or error
        words.finish(found)
    if {"scores", "claims"} & every.keys():
        notes += spread_notes(playbook, every)
    return Inspection(found, bad, tuple(notes), useless)


def _refuse_useless(name: str, source: TableSource, bad: BadRows, before: int, good: int | None) -> None:
    if name == "touches":
        refuse_useless(bad, before, good or 0)
    else:
        bad.refuse_useless(called(os.fspath(source)) if isinstance(source, str | os.PathLike) else name, good)


def _inspect_events(
    source: TableSource, zone: tzinfo | None, bad: BadRows, words: Words, found: Mismatches
) -> Iterator[str]:
    """Look at events, as a run would read them; which of those that the playbook asks for there are none of."""
    met: set[str] = set()
    in_journey = frozenset(events_of(words.playbook.journey))
    file = open_table(source, "events", typed=is_property, zone=zone)
    read: dict[str, Callable[[Any], Any]] = {
        "contact_id": read_id,
        "event": read_event,
        "at": instant_reader(zone, bounded=True),
    }
    for number, columns, places, values in RowLayout(file, list(read), bad).rows():
        words.row(places, values, found, columns)
        column = ""
        try:
            for column, own in read.items():
                value = own(cell_of(places, column, values))
                if column == "event":
                    spelt = words.vocabulary.spelt("event", value)
                    # A journey takes events as they are written.
                    met |= {value} if spelt in in_journey else {value, spelt}
        except BadCellError as error:
            bad.add(BadRow(file.source, number, column, error.found, error.allowed))
    asked = words.vocabulary.words.get("event", frozenset())
    for name in sorted(asked - met):
        yield f"{file.source}: no row has the event {name!r}, which the playbook asks for"


def survey(
    playbook: Playbook,
    sources: Mapping[str, TableSource | None],
    *,
    zone: tzinfo | None = None,
    vocabulary: Vocabulary | None = None,
) -> Mismatches:
    """Compare tables with a playbook, row by row, without deciding anything.

    Args:
        playbook: the rule set.
        sources: by name (``contacts``, ``touches``, ``claims``, ``scores``, ``events``) a table, or None for none.
        zone: the zone in which instants without an offset are meant.
        vocabulary: the playbook's words; None makes them.

    Raises:
        DataError: for a table that cannot be read.

    Example:
        >>> from journeykit import Content, Playbook
        >>> playbook = Playbook(content=[Content(id="note", channel="email", stages=["decision"])])
        >>> [str(found) for found in survey(playbook, {"contacts": [{"contact_id": "a", "stage": "Decison"}]})]
        ["contacts: stage 'Decison' (1 row) is not in the journey; did you mean 'decision'?"]
    """
    found = Mismatches()
    known = vocabulary or Vocabulary.of(playbook)
    for name, source in sources.items():
        if source is None:
            continue
        words = Words(name, playbook, known)
        table = open_table(source, name, typed=TYPED.get(name, lambda _: False), zone=zone)
        if table.columns is not None:
            words.name(table.columns)
        readings = Readings(playbook)
        asked, plans = name == "contacts" and bool(readings.list), {}
        for _, columns, places, values in RowLayout(table, (), BadRows()).rows():
            words.row(places, values, found, columns)
            if asked:
                if columns not in plans:
                    plans[columns] = ContactPlan(columns, places, Spellings.of(playbook), zone)
                readings.count(plans[columns].asked(values))
        words.finish(found)
        readings.tell(found)
    return found
