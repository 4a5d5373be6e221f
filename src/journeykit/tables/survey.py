"""A survey: tables and playbook compared before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.mismatch import Mismatches
from journeykit.tables.bad_rows import BadRows
from journeykit.tables.claims import CLAIM_COLUMNS
from journeykit.tables.columns import PlacedRows, fold_name
from journeykit.tables.contacts import is_attribute
from journeykit.tables.reading import open_table
from journeykit.tables.words import Words
from journeykit.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from journeykit.playbook import Playbook
    from journeykit.tables.formats import Source

TYPED: dict[str, Callable[[str], bool]] = {
    "contacts": is_attribute,
    "claims": lambda name: fold_name(name) not in CLAIM_COLUMNS,
}
"""Which columns of a CSV file are typed as a whole, by table."""


def survey(
    playbook: Playbook,
    sources: Mapping[str, Source | None],
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
        ["contacts: stage 'Decison' (1 row) is not in the playbook; did you mean 'decision'?"]
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
        for _, columns, places, values in PlacedRows(table, (), BadRows()).rows():
            words.row(places, values, found, columns)
        words.finish(found)
    return found
