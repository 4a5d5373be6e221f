"""The table of contacts, streamed."""

from __future__ import annotations

import difflib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import shown
from journeykit.errors import ModelError
from journeykit.model.bad_row import BadRow
from journeykit.model.contact import ANY, Consent, Contact
from journeykit.model.mismatch import Mismatches
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import (
    BadCellError,
    attribute_reader,
    expiry_reader,
    id_or_none,
    is_missing,
    read_degree,
    read_id,
    read_list,
    read_text,
    read_truth,
    read_zone,
)
from journeykit.tables.column_names import Spellings
from journeykit.tables.doubles import Doubles, rereadable
from journeykit.tables.header import PATIENCE, RowLayout, fold_name
from journeykit.tables.read_rows import open_table
from journeykit.tables.words import Words, spelling_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from journeykit.tables.formats import TableSource

_CONTACT_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "account_id": ("account", read_text),
    "role": ("role", read_text),
    "stage": ("stage", read_text),
    "persona": ("persona", read_text),
    "timezone": ("timezone", read_zone),
    "segments": ("segments", read_list),
    "interests": ("interests", read_list),
    "opted_out": ("opted_out", read_truth),
    "suppressed": ("suppressed", read_truth),
}
_SPELT = {"role": "role", "stage": "stage", "segments": "segment", "interests": "interest"}
_PREFIXES = ("consent_until_", "topic_consent_", "consent_", "prefer_")
TWICE = "one row for each contact"
"""What is allowed where several rows have one contact."""
_CONTACT_COLUMNS = ("contact_id", "consent", *_CONTACT_FIELDS)


def _prefix(fold: str) -> str | None:
    """The prefix of a column that is named after a channel or topic."""
    return next((prefix for prefix in _PREFIXES if fold.startswith(prefix) and fold != prefix), None)


def forbids(fold: str) -> bool:
    """Whether a column, by its folded name, is the id or can forbid messages to a contact."""
    if fold in ("contact_id", "consent", "opted_out", "suppressed"):
        return True
    return _prefix(fold) in ("consent_", "consent_until_", "topic_consent_")


def is_attribute(name: str) -> bool:
    """Whether a column is none of the contact's own fields."""
    fold = fold_name(name)
    return fold not in _CONTACT_COLUMNS and _prefix(fold) is None


def twin_restrictions(bad: BadRow, spellings: Spellings, zone: tzinfo | None) -> Iterator[Contact]:
    """What a row two of whose keys are one name forbids, whichever of the two is meant; nothing for other bad rows."""
    columns = tuple(str(name) for name, _ in bad.pairs)
    values = [value for _, value in bad.pairs]
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, name in enumerate(columns):
        fold = fold_name(name)
        first.setdefault(fold, place)
        last[fold] = place
    for places in (first, last) if columns else ():
        plan = ContactPlan(columns, places, spellings, zone)
        key = id_or_none(None if plan.id is None else values[plan.id])
        if key is not None:
            with suppress(ModelError):
                yield plan.restrictions(key, values)


class _TwinRows(BadRows):
    """Keeps the rows two of whose keys are one name; all else that is bad is for others to count."""

    def add(self, bad: BadRow, *, is_useless: bool = True) -> None:  # noqa: ARG002  (none of it is counted)
        if bad.pairs:
            self.first.append(bad)


class ContactPlan:
    """What to do with the columns of a row of contacts.

    Each part is a list of (place, what it fills, how it is read); what a prefixed column fills are names.
    """

    def __init__(
        self, columns: Sequence[str], places: Mapping[str, int], spellings: Spellings, zone: tzinfo | None
    ) -> None:
        self.columns = columns
        self.id = places.get("contact_id")
        self.consent = places.get("consent")
        self.fields: list[tuple[int, str, Callable[[Any], Any]]] = []
        self.named: dict[str, list[tuple[int, tuple[str, ...]]]] = {prefix: [] for prefix in _PREFIXES}
        self.attributes: list[tuple[int, tuple[str, ...]]] = []
        self.channels = spelling_reader(read_list, spellings.vocabulary, "channel")
        self.expiry = expiry_reader(zone)
        self.attribute = attribute_reader(zone)
        self.has_zone = zone is not None
        for fold, place in places.items():
            own = columns[place].strip()
            prefix = _prefix(fold)
            if fold in _CONTACT_FIELDS:
                name, read = _CONTACT_FIELDS[fold]
                if fold in _SPELT:
                    read = spelling_reader(read, spellings.vocabulary, _SPELT[fold])
                self.fields.append((place, name, read))
            elif prefix is not None and fold not in _CONTACT_COLUMNS:
                known = spellings.topics if prefix == "topic_consent_" else spellings.channels
                self.named[prefix].append((place, _spelt(own, known, len(prefix))))
            elif fold not in _CONTACT_COLUMNS:
                self.attributes.append((place, _spelt(own, spellings.attributes)))

    def contact(self, key: str, values: Sequence[Any]) -> Contact:
        """The contact of a row.

        Raises:
            BadCellError: if a cell cannot be read.
            ModelError: if the row cannot be.
        """
        kept: dict[str, Any] = {}
        for place, name, read in self.fields:
            if not is_missing(values[place]):
                kept[name] = self._read(place, read, values)
        for prefix, name in (("topic_consent_", "topic_consent"), ("prefer_", "preferences")):
            if self.named[prefix]:
                read = read_truth if prefix == "topic_consent_" else read_degree
                kept[name] = self._mapping(prefix, read, values)
        attributes = self._attributes(values)
        kept = {name: value for name, value in kept.items() if value is not None}
        return Contact(id=key, consent=self._consent(values), attributes=attributes, **kept)

    def _attributes(self, values: Sequence[Any]) -> dict[str, Any]:
        return {
            name: self.attribute(values[place])
            for place, names in self.attributes
            if values[place] is not None
            for name in names
        }

    def asked(self, values: Sequence[Any]) -> dict[str, Any]:
        """What rules can read of a row, whether it can be used or not; cells that cannot be read are left out."""
        found = self._attributes(values)
        cells = [(place, name, read) for place, name, read in self.fields if not is_missing(values[place])]
        if self.id is not None:
            cells.append((self.id, "id", read_id))
        for place, name, read in cells:
            with suppress(BadCellError):
                found[name] = read(values[place])
        return found

    def restrictions(self, key: str, values: Sequence[Any]) -> Contact:
        """What a later row of a contact can forbid: its opt-outs and consents. What cannot be read may be a no."""
        kept: dict[str, Any] = {}
        for place, name, read in self.fields:
            if name in ("opted_out", "suppressed") and not is_missing(values[place]):
                try:
                    kept[name] = read(values[place])
                except BadCellError:
                    kept[name] = True
        bad = self._unreadable(values)
        readable = [None if place in bad else value for place, value in enumerate(values)]
        consent = (self._consent(readable) or {}) | ({ANY: Consent(False)} if self.consent in bad else {})
        topics = self._mapping("topic_consent_", read_truth, readable)
        for prefix, found in (("consent_", consent), ("consent_until_", consent), ("topic_consent_", topics)):
            for place, names in self.named[prefix]:
                if place in bad:
                    found.update(dict.fromkeys(names, Consent(False)))
        return Contact(id=key, consent=consent or None, topic_consent=topics, **kept)

    def _unreadable(self, values: Sequence[Any]) -> set[int]:
        """The places of consents that cannot be read."""
        readers = {"topic_consent_": read_truth, "consent_": read_truth, "consent_until_": self.expiry}
        cells = [(place, read) for prefix, read in readers.items() for place, _ in self.named[prefix]]
        cells += [] if self.consent is None else [(self.consent, self.channels)]
        found = set()
        for place, read in cells:
            try:
                if not is_missing(values[place]):
                    read(values[place])
            except BadCellError:
                found.add(place)
        return found

    def _read(self, place: int, read: Callable[[Any], Any], values: Sequence[Any]) -> Any:
        try:
            return read(values[place])
        except BadCellError as bad:
            bad.add_note(self.columns[place])
            raise

    def _mapping(self, prefix: str, read: Callable[[Any], Any], values: Sequence[Any]) -> dict[str, Any]:
        return {
            name: self._read(place, read, values)
            for place, names in self.named[prefix]
            if not is_missing(values[place])
            for name in names
        }

    def _consent(self, values: Sequence[Any]) -> dict[str, Consent] | None:
        """The list of channels, then what single columns say of theirs; an expiry alone is a consent until then."""
        agreed: dict[str, bool] = {}
        if self.consent is not None and not is_missing(values[self.consent]):
            agreed = dict.fromkeys(self._read(self.consent, self.channels, values), True) | {ANY: False}
        agreed |= self._mapping("consent_", read_truth, values)
        until = self._mapping("consent_until_", self.expiry, values)
        for name in until:
            agreed.setdefault(name, ANY not in agreed)
        return {name: Consent(yes, until.get(name)) for name, yes in agreed.items()} or None


def _spelt(own: str, known: Mapping[str, tuple[str, ...]], skip: int = 0) -> tuple[str, ...]:
    """How the playbook writes what a column is named after; else as the column does, in capitals aside."""
    name = own[skip:]
    return known.get(name.casefold()) or (name.lower() if own.isupper() else name,)


def mixed_notes(source: str, mixed: Iterable[tuple[str, int, str]], read: Container[str]) -> Iterator[str]:
    """What is to be said of columns of numbers that are text because of other cells, where a rule reads them."""
    for name, row, text in mixed:
        if fold_name(name) in read:
            yield (
                f"{source}: {name!r}, which a rule reads, is no number in row {row}, which has {shown(text)}: sum() "
                "does not add such cells up; leave them empty"
            )


def contact_notes(
    source: str,
    columns: Sequence[str],
    naive: Sequence[str],
    spellings: Spellings,
) -> Iterator[str]:
    """What looks like a mistake in the columns of a table of contacts, without being one for certain."""
    for name in naive:
        if fold_name(name) in spellings.attributes:
            yield (
                f"{source}: {name!r}, which a rule reads, has instants without an offset; "
                "they count as text unless you say in which zone they are meant"
            )
    for name in filter(is_attribute, columns):
        near = difflib.get_close_matches(fold_name(name), _CONTACT_COLUMNS, n=1, cutoff=0.85)
        # What may be meant to forbid messages is a mismatch: see `journeykit.tables.words.Words`.
        if near and fold_name(name) not in spellings.attributes and not forbids(near[0]):
            yield f"{source}: {name!r} is taken as an attribute; did you mean {near[0]!r}?"


class ContactTable:
    """A table of contacts, streamed: iterating gives the number of each row and its contact.

    Iterating remembers the ids it has seen: of two rows with one id the first counts, even where it is bad.

    Args:
        source: a file (CSV, JSON lines or Parquet), or rows as mappings.
        spellings: how the playbook writes the names of channels, topics and attributes.
        zone: the zone in which instants without an offset are meant; without one they are bad.
        bad: where bad rows go.
        only: the ids of the contacts that are wanted; None for all.
        wanted: which columns are looked at, by folded name; None for all.
        words: looks at the words of each row; None for nobody.
        found: where its findings go.
        doubles: takes what later rows of a contact forbid, which is then seen in the contact: the table is read once
            before. None leaves later rows unread.

    Attributes:
        source: the table.
        count: how many rows it has, where that is known.
        notes: what looks like a mistake, without being one for certain.

    Raises:
        DataError: for a table that cannot be used, also while it is read.
        MissingExtraError: for a Parquet file without the extra ``columns``.

    Example:
        >>> rows = [{"Contact_ID": 7, "consent": "email;sms", "city": "Ohrid", "segments": ["vip"]}]
        >>> [(number, contact.id, contact.attributes) for number, contact in ContactTable(rows)]
        [(1, '7', {'city': 'Ohrid'})]
    """

    def __init__(
        self,
        source: TableSource,
        *,
        spellings: Spellings | None = None,
        zone: tzinfo | None = None,
        bad: BadRows | None = None,
        only: frozenset[str] | None = None,
        wanted: Callable[[str], bool] | None = None,
        words: Words | None = None,
        found: Mismatches | None = None,
        doubles: Doubles | None = None,
    ) -> None:
        self.bad = bad if bad is not None else BadRows()
        self.words = words
        self.found = found if found is not None else Mismatches()
        self.doubles = doubles
        self.zone = zone
        self.only = only
        self.wanted = wanted
        self.spellings = spellings or Spellings()
        self._file = open_table(
            rereadable(source) if doubles is not None else source,
            "contacts",
            typed=is_attribute,
            texts=self.spellings.texts,
            zone=zone,
        )
        self._table = RowLayout(self._file, ["contact_id"], self.bad)
        self.source = self._file.source
        self.count = self._file.count
        if words is not None:
            # They are judged without rows too.
            words.name(self._file.columns or ())
        self.notes = tuple(contact_notes(self.source, self._file.columns or (), self._file.naive, self.spellings))

    def __iter__(self) -> Iterator[tuple[int, Contact]]:
        if self.doubles is not None:
            self._survey(self.doubles)
        met: set[str] = set()
        for number, places, plan, values in self._rows(self._table):
            if self.words is not None:
                self.words.row(places, values, self.found)
            contact = self._contact(number, plan, values, met)
            if contact is not None:
                yield number, contact if self.doubles is None else self.doubles.applied(contact)

    def _rows(self, table: RowLayout) -> Iterator[tuple[int, dict[str, int], ContactPlan, Sequence[Any]]]:
        """The rows, each with its number, the places of its columns, and how they are read."""
        plans: dict[tuple[str, ...], ContactPlan] = {}
        for number, columns, places, values in table.rows():
            plan = plans.get(columns)
            if plan is None:
                if len(plans) >= PATIENCE:
                    plans.clear()
                if self.words is not None:
                    self.words.name(columns)
                wanted = places
                if self.wanted is not None:
                    wanted = {fold: place for fold, place in places.items() if self.wanted(fold)}
                plan = plans[columns] = ContactPlan(columns, wanted, self.spellings, self.zone)
            yield number, places, plan, values

    def _survey(self, doubles: Doubles) -> None:
        """Read the table once before: what later rows forbid must be known when the first one is met."""
        met: set[str] = set()
        unusable = _TwinRows()
        for _, _, plan, values in self._rows(RowLayout(self._file, ["contact_id"], unusable)):
            key = id_or_none(None if plan.id is None else values[plan.id])
            if key is None or (self.only is not None and key not in self.only):
                continue
            if key in met:
                with suppress(ModelError):
                    doubles.add(plan.restrictions(key, values))
            met.add(key)
        for bad in unusable.first:
            for own in twin_restrictions(bad, self.spellings, self.zone):
                doubles.add(own)

    def _contact(self, number: int, plan: ContactPlan, values: Sequence[Any], met: set[str]) -> Contact | None:
        try:
            key = read_id(None if plan.id is None else values[plan.id])
            if self.only is not None and key not in self.only:
                return None
            if key in met:
                raise BadCellError(key, TWICE)  # noqa: TRY301  (one way for all)
            met.add(key)
            return plan.contact(key, values)
        except BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            self.bad.add(BadRow(self.source, number, column, bad.found, bad.allowed))
        except ModelError as error:
            self.bad.add(BadRow.of_error(self.source, number, error))
        return None
