"""Counting contacts by segment: who is in which, who is in none, and which overlap."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import clock, micros
from journeykit.basics.validation import shown
from journeykit.columns import has_columns
from journeykit.errors import ModelError
from journeykit.model.contact import Contact
from journeykit.playbook.vocabulary import Vocabulary
from journeykit.segments.segment_tally import SegmentTally

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.model.segment_report import SegmentReport
    from journeykit.playbook.playbook import Playbook


def segment_report(
    playbook: Playbook,
    contacts: Any,
    *,
    at: datetime,
    zone: str | None = None,
    max_bad: int | str | None = None,
    engine: str | None = None,
) -> SegmentReport:
    """Count contacts by segment; see `Playbook.segment_report`.

    Args:
        playbook: whose segments.
        contacts: objects, or a table of them.
        at: the instant at which the rules are asked, aware.
        zone: IANA name of the zone in which instants of a table without an offset are meant.
        max_bad: how many bad rows of a table are tolerated, as a number or as a share of its rows (``"1%"``).
        engine: ``one`` or ``columns``; both count the same. None for columns, where the extra is installed.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows.
        ModelError: for a naive ``at``, and for objects that are not contacts.
    """
    now = micros(at)
    objects = contact_objects(contacts)
    if objects is not None:
        tally, vocabulary = SegmentTally(len(playbook.segments)), Vocabulary.of(playbook)
        for contact in objects:
            if not isinstance(contact, Contact):
                raise ModelError(f"contacts must be Contact objects, found {shown(contact)}", field="contacts")
            tally.add_contact(playbook, vocabulary.contact(contact), now)
        return tally.report(playbook, now)
    if engine == "columns" or (engine is None and has_columns()):
        from journeykit.segments.count_table import count_table

        return count_table(playbook, contacts, now=now, zone=zone, max_bad=max_bad)
    return _count_rows(playbook, contacts, now, zone, max_bad)


def contact_objects(contacts: Any) -> Iterable[Any] | None:
    """The contacts as objects; None where they are a table, which may be rows as mappings or a list of paths."""
    if isinstance(contacts, Iterator):
        return contacts
    if isinstance(contacts, str | os.PathLike) or not isinstance(contacts, Sequence | AbstractSet | ValuesView):
        return None
    return contacts if isinstance(next(iter(contacts), None), Contact | None) else None


def _count_rows(
    playbook: Playbook, contacts: Any, now: int, zone: str | None, max_bad: int | str | None
) -> SegmentReport:
    from journeykit.tables import BadRows, ContactTable, Spellings

    bad = BadRows(max_bad)
    found = ContactTable(
        contacts, spellings=Spellings.of(playbook), zone=None if zone is None else clock(zone).zone, bad=bad
    )
    tally = SegmentTally(len(playbook.segments))
    for _, contact in found:
        tally.add_contact(playbook, contact, now)
    bad.refuse_useless(found.source, tally.contacts)
    bad.check()
    return tally.report(playbook, now, bad.total, bad.first)
