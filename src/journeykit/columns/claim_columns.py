"""Claims over columns: the tables of claims and of scores."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import LAST_YEAR, day_number, micros
from journeykit.basics.validation import LARGEST, shown
from journeykit.columns.chunk import id_keys, id_texts
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.quota_arrays import fold
from journeykit.columns.word_counts import count_words
from journeykit.errors import DataError
from journeykit.kernels.interface.codes import NONE
from journeykit.kernels.interface.contact_arrays import CLAIM_EXTRA, ESTIMATES
from journeykit.model.bad_row import BadRow
from journeykit.model.mismatch import Mismatches
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.cells import (
    BadCellError,
    is_missing,
    is_no_number,
    optional,
    read_cost,
    read_degree,
    read_difference,
    read_id,
    read_number,
)
from journeykit.tables.claim_table import (
    CLAIM_COLUMNS,
    CLAIM_FACETS,
    ClaimFaults,
    ClaimTable,
    claim_parts,
    claim_readers,
    further_numbers,
    need_columns,
)
from journeykit.tables.header import fold_name, missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import tzinfo

    from journeykit.model.claim import Claim
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.bad_row_list import BadRows
    from journeykit.tables.words import Words

_BOUNDS = {"propensity": (0, 1), "cost": (0, LARGEST), "spread": (0, LARGEST), "opt_out": (0, 1), "uplift": (-1, 1)}
_READERS = {
    "propensity": read_degree,
    "cost": read_cost,
    "spread": read_cost,
    "opt_out": read_degree,
    "uplift": read_difference,
}
CLAIM_ROWS = np.dtype([("kind", np.int32), ("own", np.int32), ("weight", np.float64)])
"""Claims as a table has them: the number of what is asked for (campaign, content, channel and what the claim brings
itself); the number of its own date or instant and id, or -1 for neither; and the weight, NaN for none."""
_MOST_CLAIMS = 2**31 - 1
_EXTRAS = "asked_at", "propensity", "value", "expires"


_NOBODYS = 2
"""The fault of a claim without a contact."""


class ClaimEncoder:
    """A table of claims, held as arrays.

    Args:
        source: the table.
        playbook: what the playbook does not know makes a claim bad.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows go.
        words: looks at the words of each chunk, and knows how the playbook writes them; None for nobody.
        found: where its findings go.

    Attributes:
        rows: the claims (`CLAIM_ROWS`), until they are joined; and so are the next four.
        extra: what they bring besides (`CLAIM_EXTRA`); empty where the table has no column for any of it.
        estimate: likewise, what they say as models do (`ESTIMATES`).
        suspect: which of them the row engine must look at.
        one: the first half of the hash of the contact's id, and `two` the second.
        asks: what is asked for, by number: campaign, content, channel, and what a claim can bring itself.
        owns: the claims' own dates and instants, and their ids, by number; one of the two may be None.
        ids: the numbers of the claims' ids, from 1.
        brings_cost: whether it has a column of costs.
        costless: the campaigns of which some claim brings neither a weight nor an opt_out, where that costs something.
        upliftless: the campaigns of which some claim brings no uplift, where a campaign asks for one.
    """

    def __init__(
        self,
        source: ArrowTable,
        playbook: Playbook,
        *,
        zone: tzinfo | None,
        bad: BadRows,
        words: Words | None = None,
        found: Mismatches | None = None,
    ) -> None:
        self._words = words
        self._found = found if found is not None else Mismatches()
        self.source = source
        self.playbook = playbook
        self.bad = bad
        self.asks: list[tuple[Any, ...]] = []
        self.owns: list[tuple[datetime | date | None, str | None]] = []
        self.ids: dict[str, int] = {}
        self._number: dict[Any, int] = {}
        self._own: dict[Any, int] = {}
        self._faults = ClaimFaults(playbook)
        self._apart = {own.id for own in playbook.campaigns or () if own.split or own.if_lost == "skip"}
        self._readers = claim_readers(zone, None if words is None else words.vocabulary)
        self._parts: list[tuple[int, dict[str, int], tuple[str, ...], list[Column]]] = []
        source.needed = CLAIM_COLUMNS[:2]
        if source.columns is not None:
            places = places_of(source.columns, source.source)
            for column in CLAIM_COLUMNS[:2]:
                if column not in places:
                    raise missing_column(column, source.columns, source.source)
        self._own_columns = [
            (quota, fold(quota.of)) for quota in playbook.quotas if quota.own_column is not None or quota.of == "cost"
        ]
        rows = 0
        self._starts: list[int] = []
        for part in source.parts(lambda _: True):
            if isinstance(part, BadRow):
                bad.add(part)
                continue
            number, names, arrays = part
            columns = [Column(array) for array in arrays]
            self._starts.append(rows)
            places = places_of(names, source.source)
            self._parts.append((number, places, names, columns))
            if words is not None:
                count_words(words, places, columns, self._found)
            rows += len(columns[0]) if columns else 0
        self._need_columns({name for _, places, _, _ in self._parts for name in places}, source)
        if rows > _MOST_CLAIMS:
            raise DataError(
                f"{rows:,} claims; a run takes at most {_MOST_CLAIMS:,}: split the table", source=source.source
            )
        # Made once and filled part by part: with millions of claims, touching memory is what takes time.
        self.one, self.two = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
        self.rows, self.suspect = np.zeros(rows, CLAIM_ROWS), np.zeros(rows, np.bool_)
        brings = any(name in places for _, places, _, _ in self._parts for name in _EXTRAS)
        self.extra = np.zeros(rows if brings else 0, CLAIM_EXTRA)
        brings = any(name in places for _, places, _, _ in self._parts for name in ESTIMATES.names or ())
        self.estimate = np.zeros(rows if brings else 0, ESTIMATES)
        self.brings_cost = any("cost" in places for _, places, _, _ in self._parts)
        # 0 for good rows, 1 for those that are counted as bad, 2 for those without a contact.
        self.faults = np.zeros(rows, np.int8)
        self.numbers = {name: np.zeros(rows) for _, name in self._own_columns}
        for place, (start, known) in enumerate(zip(self._starts, self._parts, strict=True)):
            self._read(start, *known)
            # What was worked out of the cells is let go; few of them are looked at again.
            self._parts[place] = (*known[:3], [Column(column.data) for column in known[3]])

        is_priced = playbook.opt_out_cost is not None
        self.costless = self._lacking("opt_out", np.isnan(self.rows["weight"])) if is_priced else set()
        asks = any(own.min_uplift is not None for own in playbook.campaigns or ())
        self.upliftless = self._lacking("uplift", np.ones(rows, np.bool_)) if asks else set()

    def _lacking(self, name: str, chosen: np.ndarray) -> set[str]:
        """The campaigns of some of the claims that are good and do not bring an estimate."""
        chosen = chosen & (self.faults == 0)
        if len(self.estimate):
            chosen &= np.isnan(self.estimate[name])
        return {self.asks[kind][0] for kind in np.unique(self.rows["kind"][chosen]).tolist()}

    @property
    def dates(self) -> list[int]:
        """The dates that claims ask for, as day numbers, each once."""
        days = (day_number(at) for at, _ in self.owns if at is not None and not isinstance(at, datetime))
        return list(dict.fromkeys(days))

    def _need_columns(self, names: Collection[str], source: ArrowTable) -> None:
        """Refuse a table that lacks a column which a quota adds up."""
        need_columns(self.playbook, names if self._parts else None, source.source)

    def _read(
        self, start: int, number: int, places: Mapping[str, int], names: Sequence[str], columns: Sequence[Column]
    ) -> None:
        rows = len(columns[0]) if columns else 0
        own = slice(start, start + rows)
        bad, suspect = np.ones(rows, np.bool_), np.zeros(rows, np.bool_)
        if "contact_id" in places:
            self.one[own], self.two[own], bad = id_keys(columns[places["contact_id"]], rows)
        found_rows = self.rows[own]
        texts = [self._values(columns, places, name, suspect) for name in ASKED]
        found_rows["kind"] = self._numbered(texts, suspect)
        found_rows["own"] = self._owns(columns, places, suspect)
        extra: Any = self.extra[own] if len(self.extra) else {}
        for name in ("weight", "propensity", "value", "cost"):
            found = self._number_column(columns, places, name, suspect)
            if name == "weight":
                found_rows[name] = found
            elif name != "cost" and len(extra):
                extra[name] = found
        for name in ESTIMATES.names or () if len(self.estimate) else ():
            self.estimate[name][own] = self._number_column(columns, places, name, suspect)
        asked = self._asked(columns, places, suspect)
        if len(extra):
            extra["asked"] = asked
            extra["expires"] = extra["last_day"] = NONE
            if "expires" in places:
                extra["expires"], extra["last_day"] = self._expiries(columns, places, suspect)
        codes, campaigns = texts[0]
        for name, numbers in self.numbers.items():
            numbers[own] = self._number_column(columns, places, name, np.zeros(rows, np.bool_))
            needs = [any(own[0] == name for own in self._faults.needed.get(key, ())) for key in campaigns]
            suspect |= np.isnan(numbers[own]) & np.array(needs, np.bool_)[codes]
        suspect |= self._impossible_numbers(names, columns)
        for row in np.flatnonzero(bad | suspect).tolist():
            self.faults[start + row] = self._fault(number + row, places, columns, row)
        self.suspect[own] = suspect

    def _fault(self, number: int, places: Mapping[str, int], columns: Sequence[Column], row: int) -> int:
        """Count a row as bad, if it is: 2 where it has no contact, 1 where anything else is wrong."""
        source = self.source.source
        values = [column.value(row) for column in columns]
        try:
            contact = read_id(values[places["contact_id"]] if "contact_id" in places else None)
        except BadCellError as error:
            self.bad.add(BadRow(source, number, "contact_id", error.found, error.allowed))
            return 2
        fault, parts = claim_parts(places, values, self._readers)
        fault = fault or self._faults.of(contact, parts, places, values)
        if fault is None:
            return 0
        self.bad.add(BadRow(source, number, *fault), is_useless=not self._faults.is_of_split(fault))
        return 1

    def _values(
        self, columns: Sequence[Column], places: Mapping[str, int], name: str, suspect: np.ndarray
    ) -> tuple[np.ndarray, list[Any]]:
        """Codes and values of a column of texts; marks the rows that its reader refuses."""
        if name not in places:
            if name == "campaign_id":
                suspect[:] = True
            return np.zeros(len(suspect), np.int64), [None]
        read, needed = self._readers[name], name == "campaign_id"
        codes, values = columns[places[name]].read(lambda v: None if is_missing(v) and not needed else read(v))
        refused = np.array([value is UNREAD for value in values], np.bool_)
        suspect |= refused[codes]
        return codes, [None if value is UNREAD else value for value in values]

    def _numbered(self, texts: Sequence[tuple[np.ndarray, list[Any]]], suspect: np.ndarray) -> np.ndarray:
        """By row, the number of what it asks for."""
        distinct, first, inverse = np.unique(_combined(texts), return_index=True, return_inverse=True)
        numbers, faulty = np.zeros(len(distinct), np.int64), np.zeros(len(distinct), np.bool_)
        for place, row in enumerate(first.tolist()):
            ask = tuple(values[codes[row]] for codes, values in texts)
            # What a split chooses, and which steps are passed over, depends on the contact.
            faulty[place] = ask[0] in self._apart or self._faults.unknown_part(ask) is not None
            numbers[place] = self._number.setdefault(ask, len(self.asks))
            if numbers[place] == len(self.asks):
                self.asks.append(ask)
        suspect |= faulty[inverse.reshape(-1)]
        return numbers[inverse.reshape(-1)]

    def _owns(self, columns: Sequence[Column], places: Mapping[str, int], suspect: np.ndarray) -> np.ndarray:
        """By row, the number of its own date and id."""
        both = [self._values(columns, places, name, suspect) for name in ("at", "claim_id")]
        _, first, inverse = np.unique(_combined(both), return_index=True, return_inverse=True)
        numbers = np.full(len(first), -1, np.int64)
        for place, row in enumerate(first.tolist()):
            at, own = (values[codes[row]] for codes, values in both)
            if at is None and own is None:
                continue
            key = (None if at is None else (type(at), at.isoformat()), own)
            numbers[place] = self._own.setdefault(key, len(self.owns))
            if numbers[place] == len(self.owns):
                self.owns.append((at, own))
            if own is not None:
                self.ids.setdefault(own, len(self.ids) + 1)
        return numbers[inverse.reshape(-1)]

    def _asked(self, columns: Sequence[Column], places: Mapping[str, int], suspect: np.ndarray) -> np.ndarray:
        codes, values = self._values(columns, places, "asked_at", suspect)
        return np.array([NONE if value is None else micros(value) for value in values], np.int64)[codes]

    def _expiries(
        self, columns: Sequence[Column], places: Mapping[str, int], suspect: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """By row, the last instant and the last date on which it may go; marks those that lie before its own."""
        codes, values = self._values(columns, places, "expires", suspect)
        own, ats = self._values(columns, places, "at", suspect)
        expires, last_day = (by_kind[codes] for by_kind in _by_kind(values))
        at, day = (by_kind[own] for by_kind in _by_kind(ats))
        suspect |= ((expires != NONE) & (expires < at)) | ((last_day != NONE) & (last_day < day))
        return expires, last_day

    def _number_column(
        self, columns: Sequence[Column], places: Mapping[str, int], name: str, suspect: np.ndarray
    ) -> np.ndarray:
        if name not in places:
            return np.full(len(suspect), np.nan)
        column = columns[places[name]]
        if column.numbers is not None and column.array is not None and not column.array.null_count:
            found = column.numbers[0].astype(np.float64)
            low, high = _BOUNDS.get(name, (-LARGEST, LARGEST))
            suspect |= ~(np.isnan(found) | ((found >= low) & (found <= high)))
            return found
        read = _READERS.get(name, read_number)
        codes, values = column.read(optional(lambda v: float(read(v))))
        suspect |= np.array([value is UNREAD for value in values], np.bool_)[codes]
        return np.array([np.nan if v is None or v is UNREAD else v for v in values], np.float64)[codes]

    @staticmethod
    def _impossible_numbers(names: Sequence[str], columns: Sequence[Column]) -> np.ndarray:
        """The rows with a further number that cannot be."""
        unreadable = np.zeros(len(columns[0]) if columns else 0, np.bool_)
        for name, column in zip(names, columns, strict=True):
            if fold_name(name) in CLAIM_COLUMNS:
                continue
            if column.numbers is not None:
                found, known = column.numbers
                unreadable |= known & ~((found >= -LARGEST) & (found <= LARGEST))
            elif column.array is None:
                unreadable |= np.array([_is_unreadable(value) for value in column.values], np.bool_)[column.codes]
        return unreadable

    # By contact

    def join(self, index: ContactIndex, contacts: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the claims of each contact start, and one more; and the claims, by contact, in the table's order."""
        found = index.find(self.one, self.two)
        # Nobody looks at the hashes again.
        del self.one, self.two
        found[self.faults == _NOBODYS] = -1
        self.contact = found
        self.by_contact = self._by_contact(found, contacts)
        return self.by_contact

    @staticmethod
    def _by_contact(found: np.ndarray, contacts: int) -> tuple[np.ndarray, np.ndarray]:
        own = found if len(found) and found.min() >= 0 else found[found >= 0]
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(own, minlength=contacts))])
        if len(own) == len(found) and (own[1:] >= own[:-1]).all():
            # As most tables are: the claims of a contact together, and contacts in order.
            return first, np.arange(len(own), dtype=np.int32)
        rows = np.flatnonzero(found >= 0).astype(np.int32)
        return first, rows[np.argsort(own, kind="stable")]

    def drop_rows(self) -> None:
        """Let go what is read of the claims, once they are joined: it is there by contact too."""
        del self.rows, self.extra, self.suspect, self.estimate

    def claims(
        self, key: str, rows: Sequence[int], number_of: Callable[[int], int], bad: BadRows | None = None
    ) -> tuple[list[Claim], int]:
        """The claims in some rows, as the row engine takes them, and how many are counted as bad rows."""
        found = ClaimTable.empty(self.source.source, self.playbook, self.bad if bad is None else bad)
        where = np.searchsorted(self._starts, rows, side="right") - 1
        for part in dict.fromkeys(where.tolist()):
            _, places, names, columns = self._parts[part]
            own = np.array(rows, np.int64)[where == part]
            cells = [column.take(own - self._starts[part]).cells() for column in columns]
            for row, values in zip(own.tolist(), zip(*cells, strict=True), strict=True):
                _, parts = claim_parts(places, values, self._readers)
                numbers = further_numbers(names, places, values)
                found.add(key, (number_of(row), bool(self.faults[row]), *parts, numbers))
        return found.take(key), found.taken_bad

    def claims_in(self, rows: Sequence[int]) -> dict[int, Claim]:
        """The claims in rows that are good, ascending, as the row engine takes them."""
        found = ClaimTable.empty(self.source.source, self.playbook, self.bad)
        where = np.searchsorted(self._starts, rows, side="right") - 1
        for part in dict.fromkeys(where.tolist()):
            _, places, names, columns = self._parts[part]
            own = np.array(rows, np.int64)[where == part]
            cells = [column.take(own - self._starts[part]).cells() for column in columns]
            for row, values in zip(own.tolist(), zip(*cells, strict=True), strict=True):
                _, parts = claim_parts(places, values, self._readers)
                found.add(str(row), (row, False, *parts, further_numbers(names, places, values)))
        return {row: found.take(str(row))[0] for row in rows}

    def number_at(self, row: int, column: str) -> float | None:
        """The number that a row has in a column, by its folded name; None where there is none."""
        part = int(np.searchsorted(self._starts, row, side="right")) - 1
        _, places, _, columns = self._parts[part]
        value = columns[places[column]].value(row - self._starts[part]) if column in places else None
        found = None if is_no_number(value) else float(read_number(value))
        return None if found is None or math.isnan(found) else found

    def rows_of(self, contact: int) -> list[int]:
        """The rows of the claims of a contact that was met, in the table's order."""
        first, order = self.by_contact
        return order[int(first[contact]) : int(first[contact + 1])].tolist()

    def number(self, row: int) -> int:
        """The number of a row in its table."""
        part = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._parts[part][0] + row - self._starts[part]

    def contact_id(self, row: int) -> str:
        """The contact of a row."""
        part = int(np.searchsorted(self._starts, row, side="right")) - 1
        _, places, _, columns = self._parts[part]
        return read_id(columns[places["contact_id"]].value(row - self._starts[part]))

    def refuse(self, rows: np.ndarray) -> None:
        """Count claims of contacts that were not decided as bad rows."""
        for row in rows[self.faults[rows] == 0].tolist():
            allowed = "a contact of the table of contacts"
            self.bad.add(
                BadRow(self.source.source, self.number(row), "contact_id", shown(self.contact_id(row)), allowed)
            )

    def contact_ids(self) -> list[str]:
        """The contacts that have claims, in the order of their first appearance."""
        skip = self.faults == _NOBODYS
        # Claims of one contact are mostly together: the contact of the row before is known already.
        skip[1:] |= (self.one[1:] == self.one[:-1]) & (self.two[1:] == self.two[:-1]) & (self.faults[:-1] != _NOBODYS)
        index, met = ContactIndex(), []
        rows = np.flatnonzero(~skip)
        for start in range(0, len(rows), _AT_ONCE):
            own = rows[start : start + _AT_ONCE]
            again = index.add(self.one[own], self.two[own], 0, np.zeros(len(own), np.bool_))
            met.append(own[~again])
        firsts = np.concatenate([rows[:0], *met])
        found: list[str] = []
        ends = np.searchsorted(firsts, [*self._starts, len(self.one)]).tolist()[1:]
        begin = 0
        for start, end, (_, places, _, columns) in zip(self._starts, ends, self._parts, strict=True):
            if begin < end:
                array = columns[places["contact_id"]].array
                if array is None:
                    found += [self.contact_id(row) for row in firsts[begin:end].tolist()]
                else:
                    found += id_texts(Column(array.take(pa.array(firsts[begin:end] - start))))[0].to_pylist()
            begin = end
        return found


ASKED = (*CLAIM_COLUMNS[1:4], *CLAIM_FACETS)
"""The columns that say what a claim asks for."""
_MOST_CODES = 2**40
_AT_ONCE = 2**20


def _combined(columns: Sequence[tuple[np.ndarray, list[Any]]]) -> np.ndarray:
    """One code for each row, equal where the codes of all columns are."""
    code, size = columns[0][0], len(columns[0][1])
    for codes, values in columns[1:]:
        if len(values) == 1:
            continue
        if size * len(values) > _MOST_CODES:
            # Only the combinations that occur are told apart from here on.
            _, code = np.unique(code, return_inverse=True)
            code = code.reshape(-1)
            size = len(code)
        code = code * len(values) + codes
        size *= len(values)
    return code


def _by_kind(values: Sequence[datetime | date | None]) -> tuple[np.ndarray, np.ndarray]:
    """Instants, and day numbers of dates; each `NONE` for what is of the other kind, or beyond all that is known."""
    known = [None if value is None or value.year > LAST_YEAR else value for value in values]
    instants = [micros(value) if isinstance(value, datetime) else NONE for value in known]
    days = [NONE if value is None or isinstance(value, datetime) else day_number(value) for value in known]
    return np.array(instants, np.int64), np.array(days, np.int64)


def _is_unreadable(value: Any) -> bool:
    return type(value) in (int, float) and not is_missing(value) and not -LARGEST <= value <= LARGEST
