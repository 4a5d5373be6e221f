"""Tables of decisions, for evaluations: the claims that could be granted, each with its chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.basics.clock import EPOCH
from journeykit.basics.validation import shown
from journeykit.columns.word_counts import cells_at, combinations
from journeykit.engine.ruleset import Ruleset
from journeykit.measuring.cell_columns import floats, id_column, id_marks, instants
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.model.bad_row import BadRow
from journeykit.model.outcome import Outcome
from journeykit.model.touch import Touch
from journeykit.tables.arrow.arrays import numbers as number_array
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_with
from journeykit.tables.cells import instant_reader, is_missing
from journeykit.tables.header import fold_name, places_of
from journeykit.tables.touch_table import shape_parts, shape_readers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from journeykit.measuring.cell_columns import Faults
    from journeykit.model.cap import Facets
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.bad_row_list import BadRows

NEEDED = ("contact_id", "decided_at", "outcome")
KEYS = ("campaign_id", "content_id", "channel", "claim_id")
"""The columns that tell the claims of a contact in a run apart."""
_SHAPE = ("campaign_id", "content_id", "channel", "team", "tags")
_COLUMNS = frozenset({*NEEDED, *KEYS, *_SHAPE, "account_id", "chance", "send_at", "decision_id"})
_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_GRANTED = Outcome.GRANTED.value


class ClaimKinds:
    """What claims are, apart from their contact and their run; several tables share their numbers.

    Args:
        playbook: the rule set, which knows what campaigns and contents are.

    Attributes:
        touches: the messages that claims would be, by number.
        facets: what these are told apart by.
        keys: by number, the number of its campaign, content and channel.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._ruleset = Ruleset(playbook)
        self._readers = shape_readers(self._ruleset.vocabulary)
        self._number: dict[tuple[Any, ...], int] = {}
        self._key: dict[tuple[str | None, ...], int] = {}
        self.touches: list[Touch] = []
        self.facets: list[Facets] = []
        self.keys: list[int] = []

    def meet(self, columns: dict[str, Column], rows: int, faults: Faults) -> NDArray[np.int64]:
        """The numbers of rows; one that cannot be read is a fault of its row."""
        if not columns:
            return np.full(rows, self._of({}), np.int64)
        own = list(columns.values())
        codes, examples = combinations(own)
        numbers = np.zeros(max(1, len(examples)), np.int64)
        for place, values in enumerate(cells_at(own, examples)):
            parts = shape_parts(zip(columns, values, strict=True), self._readers)
            if isinstance(parts, tuple):
                faults.update((row, parts) for row in np.flatnonzero(codes == place).tolist() if row not in faults)
            else:
                numbers[place] = self._of(parts)
        found: NDArray[np.int64] = numbers[codes]
        return found

    def _of(self, parts: dict[str, Any]) -> int:
        number = self._number.setdefault(tuple(parts.items()), len(self.touches))
        if number == len(self.touches):
            touch = Touch(at=EPOCH, **parts)
            self.touches.append(touch)
            self.facets.append(self._ruleset.facets(touch))
            key = (touch.campaign, touch.content, touch.channel)
            self.keys.append(self._key.setdefault(key, len(self._key)))
        return number


@frozen(eq=False, kw_only=True)
class ClaimLog:
    """The claims of a table of decisions that were granted, or had a chance to be; or those of them that matter.

    Attributes:
        source: the table.
        contact: by claim, the number of its contact.
        at: when it was decided, in microseconds since 1970.
        kind: what it is, by its number in `ClaimKinds`.
        claim: the mark of the claim's own id; 0 for none.
        is_sent: whether it was granted.
        chance: the chance with which it was granted; nan where that is not known.
        send_at: of a granted one, when it goes out, in microseconds; else when it was decided.
        account: by number of a contact, the number of the account; -1 for none.
        met: the numbers of the contacts of whom it has a row in a run, and the instant of this run; each pair once.
        runs: the instants of all its runs, in microseconds, ascending.
        decision: of the granted ones, the decision ids.
        columns: the columns of `KEYS` that it has.
        rows: how many rows could be read.
        chances: how many of them have a chance above 0.
        has_denied: whether a row is not granted; if none is, the table may not be whole.
        has_chances: whether a row has a chance, be it 0.
    """

    source: str
    contact: NDArray[np.int64]
    at: NDArray[np.int64]
    kind: NDArray[np.int64]
    claim: NDArray[np.uint64]
    is_sent: NDArray[np.bool_]
    chance: NDArray[np.float64]
    send_at: NDArray[np.int64]
    account: NDArray[np.int64]
    met: tuple[NDArray[np.int64], NDArray[np.int64]]
    runs: NDArray[np.int64]
    decision: pa.Array
    columns: frozenset[str] = field(factory=frozenset)
    rows: int = 0
    chances: int = 0
    has_denied: bool = False
    has_chances: bool = False

    def __len__(self) -> int:
        return len(self.contact)


class ClaimReader:
    """Reads tables of decisions whose contacts, accounts and claims have the same numbers.

    Args:
        playbook: the rule set.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows are counted.

    Attributes:
        contacts: the numbers of contacts.
        kinds: what claims are.

    Example:
        >>> from journeykit import Playbook
        >>> from journeykit.tables import BadRows
        >>> row = {"contact_id": "anna", "decided_at": "2026-11-05T10:00Z", "campaign_id": "news", "chance": 0.25}
        >>> rows = [{**row, "outcome": "granted"}, {**row, "campaign_id": "sale", "chance": 0.75, "outcome": "denied"}]
        >>> log = ClaimReader(Playbook(), zone=None, bad=BadRows()).read(rows, "log")
        >>> log.is_sent.tolist(), log.chance.tolist()
        ([True, False], [0.25, 0.75])
    """

    def __init__(self, playbook: Playbook, *, zone: tzinfo | None, bad: BadRows) -> None:
        self._zone, self._bad = zone, bad
        self.contacts, self.kinds = ContactNumbers(), ClaimKinds(playbook)
        self.accounts = ContactNumbers()

    def read(self, source: Any, name: str, beside: ClaimLog | None = None) -> ClaimLog:
        """Read a table of decisions.

        Args:
            source: the table: whatever other tables come as.
            name: what messages call what is no file.
            beside: other decisions that were read; of claims that were not granted only those that may be among them
                are kept. A log of all claims of millions of contacts takes little memory so. None for all.

        Raises:
            DataError: for a table that cannot be read.
        """
        table = open_with(source, name, NEEDED, self._zone)
        among = None if beside is None else np.unique(self._marks(beside.contact, beside.at, beside.kind))
        made = _ClaimRows(self, table, self._zone, self._bad, among)
        unread = 0
        for part in table.parts(lambda column: fold_name(column) in _COLUMNS):
            if isinstance(part, BadRow):
                self._bad.add(part)
                unread += 1
            else:
                made.take(part)
        self._bad.rows[table.source] = made.rows + made.bad_rows + unread
        self._bad.refuse_useless(table.source, made.rows)
        return made.log()

    def are_among(
        self,
        marks: NDArray[np.uint64],
        contact: NDArray[np.int64],
        at: NDArray[np.int64],
        kind: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Which claims may be among those with some marks, ascending; all that are, and hardly any others."""
        own = self._marks(contact, at, kind)
        place = np.minimum(np.searchsorted(marks, own), max(len(marks) - 1, 0))
        return np.append(marks, 0)[place] == own if len(marks) else np.zeros(len(own), np.bool_)

    def _marks(self, contact: NDArray[np.int64], at: NDArray[np.int64], kind: NDArray[np.int64]) -> NDArray[np.uint64]:
        """A number for each claim, the same for equal runs, contacts, campaigns, contents and channels."""
        keys = np.array(self.kinds.keys or [0], np.uint64)[kind]
        mixed = contact.astype(np.uint64) * _ODD[0] + at.astype(np.uint64) * _ODD[1] + keys * _ODD[2]
        found: NDArray[np.uint64] = mixed ^ mixed >> np.uint64(29)
        return found


class _ClaimRows:
    def __init__(
        self,
        reader: ClaimReader,
        table: ArrowTable,
        zone: tzinfo | None,
        bad: BadRows,
        among: NDArray[np.uint64] | None,
    ) -> None:
        self._reader, self._source, self._bad, self._among = reader, table.source, bad, among
        self._instant = instant_reader(zone, bounded=True)
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._decisions: list[pa.Array] = []
        self._met: list[NDArray[np.int64]] = []
        self._met_who: list[NDArray[np.int64]] = []
        self._met_at: list[NDArray[np.int64]] = []
        self._runs: list[NDArray[np.int64]] = []
        self._accounts: list[NDArray[np.int64]] = []
        self._columns: set[str] = set()
        self._has_denied = self._has_chances = False
        self.rows = self.chances = self.bad_rows = 0

    def take(self, part: Part) -> None:
        """Take a chunk."""
        number, names, arrays = part
        places = places_of(names, self._source)
        columns = [Column(array) for array in arrays]
        own = {name: columns[place] for name, place in places.items() if name in _COLUMNS}
        self._columns.update(own)
        rows = len(columns[0]) if columns else 0
        faults: Faults = {}
        at = instants(columns, places, rows, faults, "decided_at", self._instant)
        kind = self._reader.kinds.meet({name: own[name] for name in _SHAPE if name in own}, rows, faults)
        claim = id_marks(own.get("claim_id"), rows, "claim_id", faults)
        is_sent = _granted(own.get("outcome"), rows, faults)
        chance = _chances(own.get("chance"), is_sent, rows, faults)
        contact = self._reader.contacts.meet(own.get("contact_id"), rows, faults).astype(np.int64)
        send_at = self._send_at(own, places, columns, at, is_sent, faults)
        for row in sorted(faults):
            self._bad.add(BadRow(self._source, number + row, *faults[row]))
        good = np.ones(rows, np.bool_)
        good[list(faults)] = False
        self.rows += int(np.count_nonzero(good))
        self.bad_rows += len(faults)
        self._has_denied |= bool((good & ~is_sent).any())
        self._has_chances |= bool((good & ~np.isnan(chance)).any())
        self._meet(contact, good, own.get("account_id"))
        who, when = _pairs(contact[good], at[good])
        self._met_who.append(who)
        self._met_at.append(when)
        self._runs.append(np.unique(at[good]))
        self.chances += int(np.count_nonzero(good & (chance > 0)))
        kept = np.flatnonzero(good & (is_sent | (chance > 0)))
        if self._among is not None:
            may_be = self._reader.are_among(self._among, contact[kept], at[kept], kind[kept])
            kept = kept[is_sent[kept] | may_be]
        self._parts.append(tuple(array[kept] for array in (contact, at, kind, claim, is_sent, chance, send_at)))
        sent = kept[is_sent[kept]]
        told = pa.nulls(len(sent), pa.large_string())
        if "decision_id" in own and len(sent):
            told = id_column(Column(own["decision_id"].take(sent).data).array)
        self._decisions.append(told.cast(pa.large_string()))

    def _send_at(
        self,
        own: dict[str, Column],
        places: dict[str, int],
        columns: Sequence[Column],
        at: NDArray[np.int64],
        is_sent: NDArray[np.bool_],
        faults: Faults,
    ) -> NDArray[np.int64]:
        """When granted claims go out."""
        found: NDArray[np.int64] = at.copy()
        rows = np.flatnonzero(is_sent)
        if "send_at" not in own or not len(rows):
            return found
        sent: Faults = {}
        column = columns[places["send_at"]].take(rows)
        found[rows] = instants([column], {"send_at": 0}, len(rows), sent, "send_at", self._instant)
        for row, fault in sent.items():
            if is_missing(column.value(row)):
                found[rows[row]] = at[rows[row]]
            else:
                faults.setdefault(int(rows[row]), fault)
        return found

    def _meet(self, contact: NDArray[np.int64], good: NDArray[np.bool_], account: Column | None) -> None:
        """Which contacts there are, and their accounts by their first row."""
        whole = np.flatnonzero(good)
        met, first = np.unique(contact[whole], return_index=True)
        self._met.append(met)
        found = np.full(len(met), -1, np.int64)
        if account is not None:
            named = account.take(whole[first])
            ids = id_column(named.array if named.array is not None else pa.array(named.cells()))
            known = np.flatnonzero(np.asarray(ids.is_valid()))
            if len(known):
                found[known] = self._reader.accounts.meet(
                    Column(ids.take(number_array(known, pa.int64()))), len(known), {}
                )
        self._accounts.append(found)

    def log(self) -> ClaimLog:
        """What was read."""
        kinds = (np.int64, np.int64, np.int64, np.uint64, np.bool_, np.float64, np.int64)
        read = [
            np.concatenate([np.zeros(0, kind), *(part[place] for part in self._parts)])
            for place, kind in enumerate(kinds)
        ]
        count = self._reader.contacts.count
        account = np.full(count, -1, np.int64)
        # The first row of a contact says the account.
        for met, own in zip(reversed(self._met), reversed(self._accounts), strict=True):
            account[met] = own
        names = ("contact", "at", "kind", "claim", "is_sent", "chance", "send_at")
        return ClaimLog(
            source=self._source,
            **dict(zip(names, read, strict=True)),
            account=account,
            met=_pairs(*(np.concatenate([np.zeros(0, np.int64), *own]) for own in (self._met_who, self._met_at))),
            runs=np.unique(np.concatenate([np.zeros(0, np.int64), *self._runs])),
            decision=pa.concat_arrays([pa.nulls(0, pa.large_string()), *self._decisions]),
            columns=frozenset(self._columns.intersection(KEYS)),
            rows=self.rows,
            chances=self.chances,
            has_denied=self._has_denied,
            has_chances=self._has_chances,
        )


def _pairs(contact: NDArray[np.int64], at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Contacts and instants, each pair once."""
    order = np.lexsort((contact, at))
    contact, at = contact[order], at[order]
    is_new = np.ones(len(at), np.bool_)
    is_new[1:] = (contact[1:] != contact[:-1]) | (at[1:] != at[:-1])
    return contact[is_new], at[is_new]


def _granted(column: Column | None, rows: int, faults: Faults) -> NDArray[np.bool_]:
    """Which rows are granted."""
    words = tuple(own.value for own in Outcome)
    if column is None:
        faults.update((row, ("outcome", "None", f"one of {', '.join(words)}")) for row in range(rows))
        return np.zeros(rows, np.bool_)
    strange = np.array([value not in words for value in column.values], np.bool_)[column.codes]
    for row in np.flatnonzero(strange).tolist():
        faults.setdefault(row, ("outcome", shown(column.value(row)), f"one of {', '.join(words)}"))
    found: NDArray[np.bool_] = np.array([value == _GRANTED for value in column.values], np.bool_)[column.codes]
    return found


def _chances(column: Column | None, is_sent: NDArray[np.bool_], rows: int, faults: Faults) -> NDArray[np.float64]:
    """The chances, nan where there is none."""
    chance, is_bad = floats(column, rows)
    is_bad = is_bad | (chance < 0) | (chance > 1)
    for row in np.flatnonzero(is_bad).tolist():
        assert column is not None  # noqa: S101  (else none is bad)
        faults.setdefault(row, ("chance", shown(column.value(row)), "a number from 0 to 1"))
    for row in np.flatnonzero(is_sent & (chance == 0)).tolist():
        faults.setdefault(row, ("chance", "0", "a number above 0, as the claim was granted"))
    return chance
