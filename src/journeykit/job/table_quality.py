"""How good the tables of a run were: what monitoring reads, and nothing that a person must see."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.clock import moment, wider
from journeykit.tables.claim_table import CLAIM_COLUMNS
from journeykit.tables.contact_table import TWICE, is_attribute
from journeykit.tables.event_log import EVENT_COLUMNS
from journeykit.tables.formats import format_of
from journeykit.tables.header import fold_name
from journeykit.tables.score_table import SCORE_COLUMNS
from journeykit.tables.touch_table import TOUCH_COLUMNS

if TYPE_CHECKING:
    from journeykit.engine.decider import Decider
    from journeykit.tables import BadRows, Spellings
    from journeykit.tables.words import Words

_COLUMNS = {
    "touches": TOUCH_COLUMNS,
    "scores": SCORE_COLUMNS,
    "claims": CLAIM_COLUMNS,
    "events": EVENT_COLUMNS,
}


@frozen(kw_only=True)
class TableQuality:
    """One table of a run, as it was read.

    Attributes:
        source: what messages call it.
        rows: how many rows it has; None where that is not known, as of a table that was not read.
        columns: the columns, as it writes them, with their kinds; see `journeykit.tables.arrow.column_kinds.kind_of`.
            None of a table that was not read.
        unused: those of them that nothing asks for.
        bad: what is wrong with its bad rows: column, what is allowed, and how many rows.
        unknown: how many of its rows belong to contacts that were not decided; None for the contacts themselves, and
            for claims, which are bad rows then.
        repeated: how many of its rows have a contact that an earlier row has.
        missing: by attribute that rules compare with something, of how many contacts it is empty.
        contacts: how many contacts were decided, of which these are a share.
        span: the earliest and the latest instant of its usable rows, where it has instants.
    """

    source: str
    rows: int | None = None
    columns: Mapping[str, str] = field(factory=dict)
    unused: tuple[str, ...] = ()
    bad: tuple[tuple[str, str, int], ...] = ()
    unknown: int | None = None
    repeated: int = 0
    missing: Mapping[str, int] = field(factory=dict)
    contacts: int = 0
    span: tuple[datetime, datetime] | None = None

    @property
    def bad_rows(self) -> int:
        """How many of its rows could not be used."""
        return sum(count for _, _, count in self.bad)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        first, last = (None, None) if self.span is None else self.span
        return {
            "source": self.source,
            "rows": self.rows,
            "columns": dict(self.columns),
            "unused": list(self.unused),
            "bad_rows": self.bad_rows,
            "bad": [{"field": name, "allowed": allowed, "count": count} for name, allowed, count in self.bad],
            "unknown": self.unknown,
            "repeated": self.repeated,
            "missing": {
                name: {"count": count, "share": count / self.contacts if self.contacts else 0.0}
                for name, count in self.missing.items()
            },
            "first": None if first is None else first.isoformat(),
            "last": None if last is None else last.isoformat(),
        }


def named_kinds(names: Mapping[str, str], kinds: Mapping[str, str], given: Any) -> dict[str, str]:
    """The columns of a table with their kinds, in the order of the alphabet: rows may bring them in any.

    Args:
        names: by folded name, what the table calls them.
        kinds: by name, the kinds that are known.
        given: the table; in a CSV file all is text.
    """
    known = {fold_name(own): kind for own, kind in kinds.items()}
    rest = "text" if isinstance(given, str | os.PathLike) and format_of(given) == "csv" else "any"
    return {own: known.get(fold, rest) for fold, own in sorted(names.items(), key=lambda pair: pair[1])}


class QualityCounts:
    """Counts what tells how good the tables of a run are, while they are read.

    Args:
        decider: the playbook, compiled.
        words: by table, what its words are compared with, which knows its columns.
        spellings: the attributes of contacts that rules ask for.
        bad: the rows that could not be used.

    Attributes:
        spans: by table, the earliest and the latest instant of its rows, in microseconds.
    """

    def __init__(self, decider: Decider, words: Mapping[str, Words], spellings: Spellings, bad: BadRows) -> None:
        asked = decider.ruleset.events_asked
        self._words, self._bad = words, bad
        self._attributes = spellings.attributes
        self._properties = frozenset(map(fold_name, (*asked.numbers, *asked.values)))
        # Policies and checks of the user's own may look at all attributes.
        self._sees_all = decider.shows_history
        self._reads_events = bool(asked)
        self.spans: dict[str, tuple[int, int]] = {}

    def widen(self, name: str, span: tuple[int, int] | None) -> None:
        """Take notice of the earliest and the latest instant of some rows of a table, in microseconds."""
        found = wider(self.spans.get(name), span)
        if found is not None:
            self.spans[name] = found

    def of(self, name: str, source: str, columns: Mapping[str, str], missing: Mapping[str, int]) -> TableQuality:
        """How good a table is, as far as it was read.

        Args:
            name: the table.
            source: what messages call it.
            columns: its columns with their kinds.
            missing: by attribute, of how many contacts it is empty.
        """
        is_read = name != "events" or self._reads_events
        bad = sorted((key[1], key[2], count) for key, count in self._bad.kinds.items() if key[0] == source)
        span = self.spans.get(name)
        return TableQuality(
            source=source,
            rows=self._bad.rows.get(source),
            columns=columns if is_read else {},
            unused=tuple(own for own in columns if is_read and not self._is_used(name, own)),
            bad=tuple(bad),
            repeated=sum(count for _, allowed, count in bad if allowed == TWICE),
            missing=missing,
            span=None if span is None else (moment(span[0]), moment(span[1])),
        )

    def _is_used(self, table: str, name: str) -> bool:
        """Whether anything asks for a column."""
        fold = fold_name(name)
        if table == "contacts":
            return self._sees_all or not is_attribute(name) or fold in {*self._attributes, *self._words[table].columns}
        # All numbers of claims are read, for policies.
        is_own = fold in _COLUMNS[table] or table == "claims"
        return is_own or (table == "events" and fold in self._properties)
