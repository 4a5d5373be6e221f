"""Contacts, touches, scores, claims and decisions as tables: what their columns mean.

Column names are read whatever their case. Contacts are streamed; touches, scores and claims are held by contact,
packed, until that contact is decided: they are the only things here that grow with the data, besides the set of
contact ids that were met, which tells a second row of one contact from the first.

A row that cannot be used is put with the `BadRows` and stops no other. A table that cannot be used is a `DataError`.
"""

from __future__ import annotations

import difflib
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.campaign import Claim, Score
from journeykit.cap import Limit
from journeykit.civil import clock, micros, moment
from journeykit.contact import ANY, Consent, Contact
from journeykit.errors import DataError, ModelError, closest
from journeykit.fields import LARGEST, shown
from journeykit.table_file import (
    BadRow,
    Source,
    TableFile,
    as_instant,
    in_zone,
    is_number,
    is_unicode,
    open_table,
)
from journeykit.touch import STATUSES, Touch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    from journeykit.campaign import Campaign
    from journeykit.decision import Row
    from journeykit.playbook import Playbook

DECISIONS: Mapping[str, str] = {
    "decision_id": "text",
    "run_id": "text",
    "contact_id": "text",
    "account_id": "text",
    "campaign_id": "text",
    "content_id": "text",
    "channel": "text",
    "team": "text",
    "outcome": "text",
    "reason": "text",
    "rule": "text",
    "lost_to": "texts",
    "weight": "number",
    "send_at": "instant",
    "retry_at": "instant",
    "displaced": "number",
    "needs": "number",
    "playbook": "text",
    "decided_at": "instant",
}
"""The columns of a table of decisions, in order, and what each holds."""

_TEXT = "text that is not empty, without NUL"
_IDENTIFIER = "an id: text or a whole number"
_TRUTH = "true or false"
_INSTANT = "an instant with an offset or Z, such as 2026-11-05T10:00:00Z (or say in which zone others are meant)"
_INSTANT_OR_DATE = f"a date, or {_INSTANT}"
_NUMBER = f"a number of at most {LARGEST:g}"
_DEGREE = "a number from 0 to 1"
_LIST = "a list of texts, or text separated by ';'"
_ZONE = "an IANA time zone such as 'Europe/Skopje'"
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_PATIENCE = 1_000


def decision_cells(row: Row) -> tuple[Any, ...]:
    """A row of a decision as the cells of the table of decisions, under `DECISIONS`."""
    return (
        row.decision_id,
        row.run_id,
        row.contact,
        row.account,
        # The ids of an invalid claim are as they were found, which need not be text.
        _as_text(row.campaign),
        _as_text(row.content),
        _as_text(row.channel),
        row.team,
        row.outcome.value,
        row.reason.value,
        row.rule,
        row.lost_to,
        row.weight,
        row.send_at,
        row.retry_at,
        row.displaced,
        row.needs,
        row.playbook,
        row.decided_at,
    )


def _as_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


class BadRows:
    """The rows that could not be used: all are counted, the first ones kept.

    Attributes:
        total: how many.
        kinds: how many by table, column and what would have been allowed.
        first: the first ones, as they were met.

    Args:
        most: how many are tolerated; None for any number.
        keep: how many are kept to be shown.

    Example:
        >>> bad = BadRows()
        >>> [contact.id for _, contact in Contacts([{"contact_id": "anna"}, {"contact_id": "anna"}], bad=bad)]
        ['anna']
        >>> print(bad.first[0])
        contacts, row 2, field 'contact_id': found 'anna'; allowed is one row for each contact
    """

    def __init__(self, most: int | None = None, keep: int = 100) -> None:
        self.most = most
        self.keep = keep
        self.total = 0
        self.kinds: Counter[tuple[str, str, str]] = Counter()
        self.first: list[BadRow] = []

    def add(self, bad: BadRow) -> None:
        """Count a row.

        Raises:
            DataError: if there are now more than are tolerated.
        """
        self.total += 1
        self.kinds[bad.source, bad.field, bad.allowed] += 1
        if len(self.first) < self.keep:
            self.first.append(bad)
        if self.most is not None and self.total > self.most:
            shown_rows = "\n".join(f"  {row}" for row in self.first[:5])
            more = "" if self.total <= 5 else f"\n  ... and {self.total - 5:,} more"
            raise DataError(f"more bad rows than the {self.most:,} that are tolerated:\n{shown_rows}{more}")


@frozen
class Spellings:
    """How a playbook writes the names that columns bring in whatever case.

    Attributes:
        channels: by folded name, the channels of the playbook.
        topics: likewise, its topics.
        attributes: likewise, the attributes of contacts that its rules read.

    Example:
        >>> from journeykit import Campaign, Playbook
        >>> playbook = Playbook(campaigns=[Campaign(id="a", audience="City == 'Skopje'")])
        >>> Spellings.of(playbook).attributes
        {'city': ('City',)}
    """

    channels: Mapping[str, tuple[str, ...]] = field(factory=dict)
    topics: Mapping[str, tuple[str, ...]] = field(factory=dict)
    attributes: Mapping[str, tuple[str, ...]] = field(factory=dict)

    @classmethod
    def of(cls, playbook: Playbook) -> Spellings:
        """The names that a playbook uses."""
        contents = playbook.content or ()
        scopes = [cap.where for cap in playbook.caps]
        scopes += [scope for conflict in playbook.conflicts for scope in (conflict.first, conflict.then)]
        scoped = [part for scope in scopes for part in (scope.match, scope.exclude)]
        channels = [content.channel for content in contents]
        channels += [name for hours in (*playbook.quiet_hours, *playbook.send_hours) for name in hours.channel]
        channels += [name for cap in playbook.caps if isinstance(cap.points, Mapping) for name in cap.points]
        topics = [topic for content in contents for topic in content.topics]
        rules = [campaign.audience for campaign in playbook.campaigns or ()]
        rules += [cap.audience for cap in playbook.caps]
        paths = {path for rule in rules if rule is not None for path in rule.names}
        limits = {cap.max.attribute for cap in playbook.caps if isinstance(cap.max, Limit)}
        return cls(
            _folded([*channels, *(name for part in scoped for name in part.get("channel", ()))]),
            _folded([*topics, *(name for part in scoped for name in part.get("topic", ()))]),
            _folded([*paths, *(path.partition(".")[0] for path in paths), *limits]),
        )


def _folded(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        found.setdefault(name.casefold(), []).append(name)
    return {fold: tuple(spellings) for fold, spellings in found.items()}


# Cells


class _BadCellError(Exception):
    def __init__(self, found: object, allowed: str) -> None:
        super().__init__()
        self.found = shown(found)
        self.allowed = allowed


def _text(value: Any) -> str | None:
    """A text; a whole number is taken as its text, so that 7 in one file and "7" in another are one id."""
    if type(value) is str:
        if "\0" in value or not (value.isascii() or is_unicode(value)):
            raise _BadCellError(value, _TEXT)
        return value or None
    if value is None or value != value:  # noqa: PLR0124  (NaN is how some tables write nothing)
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _BadCellError(value, _TEXT)


def _identifier(value: Any) -> str:
    try:
        found = _text(value)
    except _BadCellError as bad:
        raise _BadCellError(value, _IDENTIFIER) from bad
    if found is None:
        raise _BadCellError(None, _IDENTIFIER)
    return found


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    found = _WORDS.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None and isinstance(value, (int, float)) and value in (0, 1):
        found = bool(value)
    if found is None:
        raise _BadCellError(value, _TRUTH)
    return found


def _number(value: Any) -> float:
    """A number within bounds; NaN is none."""
    found = value
    if isinstance(value, str) and is_number(value.strip()):
        found = float(value)
    if isinstance(found, (int, float)) and not isinstance(found, bool) and -LARGEST <= found <= LARGEST:
        return found
    raise _BadCellError(value, _NUMBER)


def _degree(value: Any) -> float:
    try:
        found = _number(value)
    except _BadCellError as bad:
        raise _BadCellError(value, _DEGREE) from bad
    if not 0 <= found <= 1:
        raise _BadCellError(value, _DEGREE)
    return found


def _list(value: Any) -> list[str]:
    if isinstance(value, str):
        value = [part for part in map(str.strip, value.split(";")) if part]
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise _BadCellError(value, _LIST)
    try:
        found = [_text(part) for part in value]
    except _BadCellError as bad:
        raise _BadCellError(value, _LIST) from bad
    return [part for part in found if part is not None]


def _zone(value: Any) -> str:
    try:
        name = _text(value)
        clock(name or "")
    except (ModelError, _BadCellError):
        raise _BadCellError(value, _ZONE) from None
    return name or ""


def _instant_reader(zone: tzinfo | None, *, dates: bool = False) -> Callable[[Any], Any]:
    """A reader of instants, and of dates where they may stand; with a zone, naive ones and dates are meant in it."""
    allowed = _INSTANT_OR_DATE if dates else _INSTANT

    def read(value: Any) -> Any:
        found = as_instant(value) if isinstance(value, str) else value
        if isinstance(found, datetime):
            if found.tzinfo is not None:
                return found
            if zone is not None:
                return in_zone(found, zone)
        elif isinstance(found, date):
            if dates:
                return found
            if zone is not None:
                return in_zone(datetime(found.year, found.month, found.day), zone)  # noqa: DTZ001  (of the zone)
        raise _BadCellError(value, allowed)

    return read


def _attribute_reader(zone: tzinfo | None) -> Callable[[Any], Any]:
    """What an attribute is: whatever stands there; with a zone, a naive datetime is an instant in it."""
    if zone is None:
        return lambda value: value

    def read(value: Any) -> Any:
        found = value
        if type(value) is str and len(value) > 10 and value[4:5] == "-":
            found = as_instant(value)
        if isinstance(found, datetime) and found.tzinfo is None:
            return in_zone(found, zone)
        return value

    return read


# Columns


def _fold(name: str) -> str:
    return name.strip().casefold()


def _places(columns: Sequence[str], source: str) -> dict[str, int]:
    """Where the columns stand, by folded name."""
    found: dict[str, int] = {}
    for place, name in enumerate(columns):
        if not isinstance(name, str):
            raise DataError(f"the name of a column is text, found {shown(name)}", source=source)
        fold = _fold(name)
        if fold in found:
            twin = columns[found[fold]]
            raise DataError(f"two columns have one name: {twin!r} and {name!r}", source=source, field=name)
        found[fold] = place
    return found


def _missing(column: str, columns: Sequence[str], source: str) -> DataError:
    shown_columns = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    hint = closest(column, [_fold(name) for name in columns])
    message = f"the column {column!r} is missing; there is {shown_columns or 'none'}"
    if hint:
        message += f"; did you mean {hint!r}?"
    if len(columns) == 1:
        mark = next((mark for mark in (";", "\t", "|") if mark in columns[0]), None)
        message += f"; the file is separated by {mark!r}, a CSV file is by commas" if mark else ""
    return DataError(message, source=source, field=column)


class _Table:
    """A table with the places of its columns, for every way in which its rows name them."""

    def __init__(self, table: TableFile, needed: Sequence[str], bad: BadRows) -> None:
        self.table = table
        self.needed = needed
        self.bad = bad
        if table.columns is not None:
            places = _places(table.columns, table.source)
            for column in needed:
                if column not in places:
                    raise _missing(column, table.columns, table.source)

    def rows(self) -> Iterator[tuple[int, tuple[str, ...], dict[str, int], Sequence[Any]]]:
        """Number, columns, places and values of each row that can be read at all.

        Where rows bring their own columns, a needed column that none of the first thousand has is missing.
        """
        table = self.table
        known: dict[tuple[str, ...], dict[str, int]] = {}
        met: dict[str, None] = {}
        unsure = table.columns is None
        number = 0
        for row in table.rows():
            if isinstance(row, BadRow):
                self.bad.add(row)
                continue
            number, columns, values = row
            places = known.get(columns)
            if places is None:
                try:
                    places = _places(columns, table.source)
                except DataError as error:
                    allowed = "an object whose keys differ in more than their case"
                    self.bad.add(BadRow(table.source, number, error.field, shown(columns), allowed))
                    continue
                if len(known) >= _PATIENCE:
                    known.clear()
                known[columns] = places
                if unsure:
                    met.update(dict.fromkeys(columns))
            if unsure and number >= _PATIENCE:
                unsure = self._check_met(met)
            yield number, columns, places, values
        if unsure and number:
            self._check_met(met)

    def _check_met(self, met: Mapping[str, None]) -> bool:
        folded = {_fold(name) for name in met}
        for column in self.needed:
            if column not in folded:
                raise _missing(column, list(met), self.table.source)
        return False


# Contacts

_CONTACT_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "account_id": ("account", _text),
    "role": ("role", _text),
    "stage": ("stage", _text),
    "persona": ("persona", _text),
    "timezone": ("timezone", _zone),
    "segments": ("segments", _list),
    "interests": ("interests", _list),
    "opted_out": ("opted_out", _truth),
    "suppressed": ("suppressed", _truth),
}
_PREFIXES = ("consent_until_", "topic_consent_", "consent_", "prefer_")
_CONTACT_COLUMNS = ("contact_id", "consent", *_CONTACT_FIELDS)


def _prefix(fold: str) -> str | None:
    """The prefix of a column that is named after a channel or topic."""
    return next((prefix for prefix in _PREFIXES if fold.startswith(prefix) and fold != prefix), None)


def _is_attribute(name: str) -> bool:
    fold = _fold(name)
    return fold not in _CONTACT_COLUMNS and _prefix(fold) is None


class _ContactPlan:
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
        self.instant = _instant_reader(zone)
        self.attribute = _attribute_reader(zone)
        for fold, place in places.items():
            own = columns[place].strip()
            prefix = _prefix(fold)
            if fold in _CONTACT_FIELDS:
                self.fields.append((place, *_CONTACT_FIELDS[fold]))
            elif prefix is not None and fold not in _CONTACT_COLUMNS:
                known = spellings.topics if prefix == "topic_consent_" else spellings.channels
                self.named[prefix].append((place, _spelt(own, known, len(prefix))))
            elif fold not in _CONTACT_COLUMNS:
                self.attributes.append((place, _spelt(own, spellings.attributes)))

    def contact(self, key: str, values: Sequence[Any]) -> Contact:
        kept: dict[str, Any] = {}
        for place, name, read in self.fields:
            if values[place] is not None:
                kept[name] = self._read(place, read, values)
        for prefix, name in (("topic_consent_", "topic_consent"), ("prefer_", "preferences")):
            if self.named[prefix]:
                read = _truth if prefix == "topic_consent_" else _degree
                kept[name] = self._mapping(prefix, read, values)
        attributes = {
            name: self.attribute(values[place])
            for place, names in self.attributes
            if values[place] is not None
            for name in names
        }
        kept = {name: value for name, value in kept.items() if value is not None}
        return Contact(id=key, consent=self._consent(values), attributes=attributes, **kept)

    def _read(self, place: int, read: Callable[[Any], Any], values: Sequence[Any]) -> Any:
        try:
            return read(values[place])
        except _BadCellError as bad:
            bad.add_note(self.columns[place])
            raise

    def _mapping(self, prefix: str, read: Callable[[Any], Any], values: Sequence[Any]) -> dict[str, Any]:
        return {
            name: self._read(place, read, values)
            for place, names in self.named[prefix]
            if values[place] not in (None, "")
            for name in names
        }

    def _consent(self, values: Sequence[Any]) -> dict[str, Consent] | None:
        """The list of channels, then what single columns say of theirs; an expiry alone is a consent until then."""
        agreed: dict[str, bool] = {}
        if self.consent is not None and values[self.consent] is not None:
            agreed = dict.fromkeys(self._read(self.consent, _list, values), True) | {ANY: False}
        agreed |= self._mapping("consent_", _truth, values)
        until = self._mapping("consent_until_", self.instant, values)
        for name in until:
            agreed.setdefault(name, ANY not in agreed)
        return {name: Consent(yes, until.get(name)) for name, yes in agreed.items()} or None


def _spelt(own: str, known: Mapping[str, tuple[str, ...]], skip: int = 0) -> tuple[str, ...]:
    """How the playbook writes what a column is named after; else as the column does, in capitals aside."""
    name = own[skip:]
    return known.get(name.casefold()) or (name.lower() if own.isupper() else name,)


class Contacts:
    """A table of contacts, streamed: iterating gives the number of each row and its contact.

    Iterating remembers the ids it has met: of two rows with one id the first stands, even where it is bad.

    Args:
        source: a file (CSV, JSON lines or Parquet), or rows as mappings.
        spellings: how the playbook writes the names of channels, topics and attributes.
        zone: the zone in which instants without an offset are meant; without one they are bad.
        bad: where bad rows go.
        only: the id of the one contact that is wanted; None for all.

    Attributes:
        source: the table.
        count: how many rows it has, where that is known.
        notes: what looks like a mistake and is none for sure.

    Raises:
        DataError: for a table that cannot be used, also while it is read.
        MissingExtraError: for a Parquet file without the extra ``columns``.

    Example:
        >>> rows = [{"Contact_ID": 7, "consent": "email;sms", "city": "Ohrid", "segments": ["vip"]}]
        >>> [(number, contact.id, contact.attributes) for number, contact in Contacts(rows)]
        [(1, '7', {'city': 'Ohrid'})]
    """

    def __init__(
        self,
        source: Source,
        *,
        spellings: Spellings | None = None,
        zone: tzinfo | None = None,
        bad: BadRows | None = None,
        only: str | None = None,
    ) -> None:
        self.bad = bad if bad is not None else BadRows()
        self.zone = zone
        self.only = only
        self.spellings = spellings or Spellings()
        self._file = open_table(source, "contacts", typed=_is_attribute, zone=zone)
        self._table = _Table(self._file, ["contact_id"], self.bad)
        self.source = self._file.source
        self.count = self._file.count
        self.notes = tuple(self._notes())

    def _notes(self) -> Iterator[str]:
        for name in self._file.naive:
            if _fold(name) in self.spellings.attributes:
                yield (
                    f"{self.source}: {name!r}, which a rule reads, has instants without an offset; "
                    "they count as text unless you say in which zone they are meant"
                )
        for name in filter(_is_attribute, self._file.columns or ()):
            near = difflib.get_close_matches(_fold(name), _CONTACT_COLUMNS, n=1, cutoff=0.85)
            if near and _fold(name) not in self.spellings.attributes:
                yield f"{self.source}: {name!r} is taken as an attribute; did you mean {near[0]!r}?"

    def __iter__(self) -> Iterator[tuple[int, Contact]]:
        met: set[str] = set()
        plans: dict[tuple[str, ...], _ContactPlan] = {}
        for number, columns, places, values in self._table.rows():
            plan = plans.get(columns)
            if plan is None:
                if len(plans) >= _PATIENCE:
                    plans.clear()
                plan = plans[columns] = _ContactPlan(columns, places, self.spellings, self.zone)
            contact = self._contact(number, plan, values, met)
            if contact is not None:
                yield number, contact

    def _contact(self, number: int, plan: _ContactPlan, values: Sequence[Any], met: set[str]) -> Contact | None:
        try:
            key = _identifier(None if plan.id is None else values[plan.id])
            if self.only not in (None, key):
                return None
            if key in met:
                raise _BadCellError(key, "one row for each contact")
            met.add(key)
            return plan.contact(key, values)
        except _BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            self.bad.add(BadRow(self.source, number, column, bad.found, bad.allowed))
        except ModelError as error:
            self.bad.add(BadRow(self.source, number, error.field, "a row that cannot be", str(error)))
        return None


# Touches

_TOUCH_COLUMNS = (
    "contact_id",
    "sent_at",
    "channel",
    "campaign_id",
    "content_id",
    "team",
    "goal",
    "topic",
    "status",
)
_SHAPE = _TOUCH_COLUMNS[2:]


class History:
    """Touches by contact, packed: sixteen bytes each, and the rest of what they are only once.

    Example:
        >>> history = History.read([{"contact_id": "anna", "sent_at": "2026-11-02T09:00Z", "channel": "email"}])
        >>> len(history), [touch.channel for touch in history.take("anna")], len(history)
        (1, ['email'], 0)
    """

    def __init__(self) -> None:
        self._of: dict[str, array[int]] = {}
        self._shapes: list[dict[str, Any]] = []
        self._count = 0

    @classmethod
    def read(
        cls,
        source: Source,
        *,
        zone: tzinfo | None = None,
        bad: BadRows | None = None,
        only: str | None = None,
    ) -> History:
        """Read a table of touches; the arguments and errors are those of `Contacts`."""
        history = cls()
        bad = bad if bad is not None else BadRows()
        file = open_table(source, "touches", wanted=lambda name: _fold(name) in _TOUCH_COLUMNS, zone=zone)
        instant = _instant_reader(zone)
        shapes: dict[tuple[Any, ...], int | BadRow] = {}
        for number, _, places, values in _Table(file, _TOUCH_COLUMNS[:3], bad).rows():
            column = "contact_id"
            try:
                key = _identifier(_cell(places, "contact_id", values))
                if only not in (None, key):
                    continue
                column = "sent_at"
                at = micros(instant(_cell(places, "sent_at", values)))
            except _BadCellError as error:
                bad.add(BadRow(file.source, number, column, error.found, error.allowed))
                continue
            raw = tuple(_hashable(_cell(places, name, values)) for name in _SHAPE)
            shape = shapes.get(raw)
            if shape is None:
                shape = shapes[raw] = history._shape(raw, file.source)
            if isinstance(shape, BadRow):
                bad.add(BadRow(shape.source, number, shape.field, shape.found, shape.allowed))
            else:
                history._add(key, at, shape)
        return history

    def _shape(self, raw: tuple[Any, ...], source: str) -> int | BadRow:
        found: dict[str, Any] = {}
        for column, value in zip(_SHAPE, raw, strict=True):
            try:
                found[column] = (_status if column == "status" else _list if column == "topic" else _text)(value)
            except _BadCellError as bad:
                if value is not None:
                    return BadRow(source, 0, column, bad.found, bad.allowed)
        self._shapes.append(
            {
                "channel": found["channel"],
                "campaign": found["campaign_id"],
                "content": found["content_id"],
                "team": found["team"],
                "goal": found["goal"],
                "topics": found.get("topic", ()),
                "status": found.get("status", "sent"),
            }
        )
        return len(self._shapes) - 1

    def _add(self, key: str, at: int, shape: int) -> None:
        packed = self._of.get(key)
        if packed is None:
            packed = self._of[key] = array("q")
        packed.append(at)
        packed.append(shape)
        self._count += 1

    def take(self, contact: str) -> list[Touch]:
        """The touches of a contact, which are then let go."""
        packed = self._of.pop(contact, None)
        if packed is None:
            return []
        self._count -= len(packed) // 2
        return [
            Touch(at=moment(at), **self._shapes[shape]) for at, shape in zip(packed[::2], packed[1::2], strict=True)
        ]

    def __len__(self) -> int:
        return self._count


def _status(value: Any) -> str:
    if not isinstance(value, str) or value not in STATUSES:
        raise _BadCellError(value, f"one of {', '.join(STATUSES)}")
    return value


def _cell(places: Mapping[str, int], name: str, values: Sequence[Any]) -> Any:
    place = places.get(name)
    return None if place is None else values[place]


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_hashable(part) for part in value)
    return shown(value).encode() if isinstance(value, dict) else value


# Scores

_SCORE_COLUMNS = ("contact_id", "campaign_id", "propensity", "value")


class Scores:
    """Scores by contact, packed: three numbers each.

    Example:
        >>> scores = Scores.read([{"contact_id": "anna", "campaign_id": "launch", "propensity": 0.2}])
        >>> scores.take("anna")
        {'launch': Score(propensity=0.2, value=None)}
    """

    def __init__(self) -> None:
        self._of: dict[str, array[float]] = {}
        self._campaigns: dict[str, int] = {}
        self._count = 0

    @classmethod
    def read(
        cls,
        source: Source,
        *,
        playbook: Playbook | None = None,
        bad: BadRows | None = None,
        only: str | None = None,
    ) -> Scores:
        """Read a table of scores; a campaign that the playbook does not have makes a row bad."""
        scores = cls()
        bad = bad if bad is not None else BadRows()
        file = open_table(source, "scores", wanted=lambda name: _fold(name) in _SCORE_COLUMNS)
        known = _known_campaigns(playbook)
        if file.columns is not None and not {"propensity", "value"} & {_fold(name) for name in file.columns}:
            raise _missing("propensity", file.columns, file.source)
        for number, _, places, values in _Table(file, _SCORE_COLUMNS[:2], bad).rows():
            column = "contact_id"
            try:
                key = _identifier(_cell(places, "contact_id", values))
                if only not in (None, key):
                    continue
                column = "campaign_id"
                campaign = _identifier(_cell(places, column, values))
                _check_campaign(campaign, known)
                parts = []
                for column in _SCORE_COLUMNS[2:]:  # noqa: B007  (the handler below names the column)
                    value = _cell(places, column, values)
                    parts.append(math.nan if value is None else float(_number(value)))
                column = "campaign_id"
                scores._add(key, campaign, parts)
            except _BadCellError as error:
                bad.add(BadRow(file.source, number, column, error.found, error.allowed))
        return scores

    def _add(self, key: str, campaign: str, parts: list[float]) -> None:
        number = self._campaigns.setdefault(campaign, len(self._campaigns))
        packed = self._of.get(key)
        if packed is None:
            packed = self._of[key] = array("d")
        if number in packed[::3]:
            raise _BadCellError(campaign, "one score for each contact and campaign")
        packed.extend((number, *parts))
        self._count += 1

    def take(self, contact: str) -> dict[str, Score]:
        """The scores of a contact by campaign, which are then let go."""
        packed = self._of.pop(contact, None)
        if packed is None:
            return {}
        self._count -= len(packed) // 3
        campaigns = list(self._campaigns)
        return {
            campaigns[int(number)]: Score(propensity=_or_none(propensity), value=_or_none(value))
            for number, propensity, value in zip(packed[::3], packed[1::3], packed[2::3], strict=True)
        }

    def __len__(self) -> int:
        return self._count


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _known_campaigns(playbook: Playbook | None) -> dict[str, Campaign] | None:
    if playbook is None or playbook.campaigns is None:
        return None
    return {campaign.id: campaign for campaign in playbook.campaigns}


def _check_campaign(campaign: str, known: Mapping[str, Campaign] | None) -> None:
    if known is not None and campaign not in known:
        raise _BadCellError(campaign, "a campaign of the playbook")


# Claims

_CLAIM_NUMBERS = ("weight", "propensity", "value", "cost")
_CLAIM_COLUMNS = ("contact_id", "campaign_id", "content_id", "channel", "at", "asked_at", *_CLAIM_NUMBERS)


class Claims:
    """Claims by contact, as plain tuples until they are taken.

    A claim whose own data is bad is counted as a bad row and kept all the same: the decision answers it with
    ``invalid``. Only a claim without a contact has no decision to be answered in.

    Attributes:
        source: the table.

    Example:
        >>> claims = Claims.read([{"contact_id": "anna", "campaign_id": "launch", "weight": 8, "risk": 0.5}])
        >>> list(claims), [(claim.campaign, claim.weight, claim.numbers) for claim in claims.take("anna")]
        (['anna'], [('launch', 8, {'risk': 0.5})])
    """

    def __init__(self, source: str, bad: BadRows) -> None:
        self.source = source
        self.bad = bad
        self._of: dict[str, list[tuple[Any, ...]]] = {}
        self._same: dict[Any, Any] = {}

    @classmethod
    def read(
        cls,
        source: Source,
        *,
        playbook: Playbook | None = None,
        zone: tzinfo | None = None,
        bad: BadRows | None = None,
        only: str | None = None,
    ) -> Claims:
        """Read a table of claims; what the playbook does not know makes a claim bad."""
        file = open_table(source, "claims", typed=lambda name: _fold(name) not in _CLAIM_COLUMNS, zone=zone)
        claims = cls(file.source, bad if bad is not None else BadRows())
        readers = _claim_readers(zone)
        known = _known_campaigns(playbook)
        channels = {content.id: content.channel for content in (playbook.content or () if playbook else ())}
        for number, columns, places, values in _Table(file, _CLAIM_COLUMNS[:2], claims.bad).rows():
            try:
                key = _identifier(_cell(places, "contact_id", values))
            except _BadCellError as error:
                claims.bad.add(BadRow(file.source, number, "contact_id", error.found, error.allowed))
                continue
            if only in (None, key):
                fault, parts = _claim_parts(places, values, readers)
                fault = fault or _unknown_part(parts, known, channels)
                if fault is not None:
                    claims.bad.add(BadRow(file.source, number, *fault))
                numbers = _further_numbers(columns, places, values)
                claims._add(key, (number, fault is not None, *parts, numbers))
        return claims

    def _add(self, key: str, claim: tuple[Any, ...]) -> None:
        # Ids come again and again: one copy of each is enough.
        number, bad, *ids = claim[:5]
        same = tuple(part if part is None else self._same.setdefault(part, part) for part in ids)
        self._of.setdefault(key, []).append((number, bad, *same, *claim[5:]))

    def take(self, contact: str) -> list[Claim]:
        """The claims of a contact, which are then let go; of equal ones all but one are counted as bad."""
        found = []
        met: set[tuple[Any, ...]] = set()
        for number, bad, campaign, content, channel, at, *parts, asked_at, numbers in self._of.pop(contact, ()):
            key = (campaign, content, channel, micros(at) if isinstance(at, datetime) and at.tzinfo else at)
            if key in met and not bad:
                allowed = "one claim of a contact for each campaign, content, channel and date"
                self.bad.add(BadRow(self.source, number, "campaign_id", shown(campaign), allowed))
            met.add(key)
            weight, propensity, value, cost = parts
            found.append(
                Claim(
                    campaign=campaign,
                    content=content,
                    channel=channel,
                    at=at,
                    weight=weight,
                    propensity=propensity,
                    value=value,
                    cost=cost,
                    asked_at=asked_at,
                    numbers=numbers or {},
                )
            )
        return found

    def refuse_rest(self, allowed: str) -> None:
        """Count the claims that nobody took as bad rows, and let them go."""
        rest = sorted((claim[0], key) for key, claims in self._of.items() for claim in claims if not claim[1])
        self._of.clear()
        for number, key in rest:
            self.bad.add(BadRow(self.source, number, "contact_id", shown(key), allowed))

    def __iter__(self) -> Iterator[str]:
        """The contacts that have claims left, in the order of their first appearance."""
        return iter(list(self._of))

    def __len__(self) -> int:
        return len(self._of)


def _claim_readers(zone: tzinfo | None) -> dict[str, Callable[[Any], Any]]:
    return {
        "campaign_id": _identifier,
        "content_id": _text,
        "channel": _text,
        "at": _instant_reader(zone, dates=True),
        **dict.fromkeys(_CLAIM_NUMBERS, _number),
        "asked_at": _instant_reader(zone),
    }


def _claim_parts(
    places: Mapping[str, int], values: Sequence[Any], readers: Mapping[str, Callable[[Any], Any]]
) -> tuple[tuple[str, str, str] | None, list[Any]]:
    """The parts of a claim in the order of the readers, as found where they are bad; and the first fault."""
    fault = None
    parts = []
    for column, read in readers.items():
        value = _cell(places, column, values)
        if value is not None or column == "campaign_id":
            try:
                value = read(value)
            except _BadCellError as error:
                fault = fault or (column, error.found, error.allowed)
                value = _kept(value)
        parts.append(value)
    return fault, parts


def _kept(value: Any) -> Any:
    """A bad value in a form that the engine finds bad too: text that cannot be written comes as bytes."""
    if isinstance(value, str) and ("\0" in value or not is_unicode(value)):
        return value.encode("utf-8", "surrogatepass")
    return shown(value).encode() if isinstance(value, (list, dict, set)) else value


def _unknown_part(
    parts: Sequence[Any], known: Mapping[str, Campaign] | None, channels: Mapping[str, str]
) -> tuple[str, str, str] | None:
    """What a claim asks for that the playbook does not have."""
    campaign, content, channel = parts[:3]
    if known is None:
        return None
    if campaign not in known:
        return "campaign_id", shown(campaign), "a campaign of the playbook"
    contents = known[campaign].content
    if contents and content is not None and content not in contents:
        return "content_id", shown(content), "a content of the campaign"
    asked = contents if content is None else (content,)
    if contents and channel is not None and all(channels.get(own) != channel for own in asked):
        return "channel", shown(channel), "a channel of the campaign's content"
    return None


def _further_numbers(
    columns: Sequence[str], places: Mapping[str, int], values: Sequence[Any]
) -> dict[str, float] | None:
    found = {
        columns[place].strip(): values[place]
        for fold, place in places.items()
        if fold not in _CLAIM_COLUMNS and type(values[place]) in (int, float)
    }
    return found or None
