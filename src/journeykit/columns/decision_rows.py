"""Answers over columns: what became of claims, as tables of Arrow and as counts."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from journeykit.basics.ids import claim_digest
from journeykit.columns.decision_counts import OUTCOMES, REASONS
from journeykit.kernels import write_ids
from journeykit.kernels.interface.codes import (
    KNOWN_CHANCE,
    KNOWN_DISPLACED,
    KNOWN_NAMES,
    KNOWN_NEEDS,
    KNOWN_PRICE,
    KNOWN_RETRY_AT,
    KNOWN_RULE,
    KNOWN_SEND_AT,
    KNOWN_WEIGHT,
)
from journeykit.model.exploration import claim_key
from journeykit.tables.arrow.arrays import numbers, words
from journeykit.tables.arrow.decision_schema import TEXT, coded_lists, decision_schema
from journeykit.tables.cells import BadCellError, is_missing, read_text
from journeykit.tables.decision_columns import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.claim_block import Label
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.columns.worker import BlockResult
    from journeykit.kernels.interface.decision_arrays import DecisionCounts, RowColumns
    from journeykit.tables.arrow.column import Column


class ClaimIds:
    """What the claims of a run are called: campaign, content, channel, team, id, and a digest of what tells them apart.

    Args:
        layout: the playbook as arrays.
        run_id: the name of the run.
        labels: openings, by number, each with a claim's own date or instant, or None, and its own id, or None.
        columns: the columns of the table of decisions that are made.

    Attributes:
        run_id: the name of the run.
        opening: by label, the number of its opening.
        claim_id: by label, the claim's own id, or None.
        when: by label, twice the place of its own date and id among all, from 0 for none; plus one for a date.
        names: by kind of name and label, what a claim is called, as a code; one below 0 is no name.
    """

    def __init__(
        self, layout: RulesetArrays, run_id: str, labels: Sequence[Label], columns: Collection[str] = tuple(DECISIONS)
    ) -> None:
        self.run_id = run_id
        self.opening = [opening for opening, *_ in labels]
        self.claim_id = [claim for *_, claim in labels]
        openings = [(layout.list[opening], own, claim) for opening, own, claim in labels]
        digests = [
            claim_digest(
                run_id,
                opening.campaign.id,
                opening.content_id,
                opening.channel,
                None if own is None else own.isoformat(),
                claim=claim,
            )
            for opening, own, claim in openings
        ]
        texts = [("" if own is None else own.isoformat(), claim or "") for _, own, claim in labels]
        order = {text: place for place, text in enumerate(sorted({("", ""), *texts}))}
        self.when = np.array([2 * order[text] + (text[0] != "") for text in texts] or [0], np.int64)
        self.one = np.array([one for one, _ in digests], np.uint64)
        self.two = np.array([two for _, two in digests], np.uint64)
        self.by_column = {
            "campaign_id": _Names([opening.campaign.id for opening, *_ in openings]),
            "content_id": _Names([opening.content_id for opening, *_ in openings]),
            "channel": _Names([opening.channel for opening, *_ in openings]),
            "team": _Names([opening.team_name for opening, *_ in openings]),
            "claim_id": _Names(self.claim_id),
        }
        self.names = self._laid_out(columns)
        self._openings = openings
        self.tags = _Lists([opening.tags for opening, *_ in openings])
        self.campaigns = words(layout.campaigns.list)

    @cached_property
    def keys(self) -> np.ndarray:
        """By label, the key of the claim, by which weights are drawn."""
        keys = [
            claim_key(own.campaign.id, own.content_id, own.channel, None if at is None else at.isoformat(), claim)
            for own, at, claim in self._openings
        ]
        return np.array(keys, np.uint64)

    def _laid_out(self, columns: Collection[str]) -> np.ndarray:
        """The codes of the columns that are made; those of equal codes share them."""
        rows: dict[bytes, int] = {}
        kept: list[np.ndarray] = []
        for name, own in self.by_column.items():
            if name in columns and own.is_mixed:
                key = own.codes.tobytes()
                if key not in rows:
                    rows[key] = len(kept)
                    kept.append(own.codes)
                own.place = rows[key]
        return np.stack(kept) if kept else np.zeros((0, len(self.opening)), np.int32)


class _Names:
    """A name for each label, as codes and distinct names.

    Attributes:
        codes: the codes; one below 0 is no name.
        names: the distinct names.
        is_mixed: whether the labels have different names, so that each row tells its own.
        place: which row of `ClaimIds.names` has the codes.
    """

    def __init__(self, names: Sequence[str | None]) -> None:
        distinct = list(dict.fromkeys(name for name in names if name is not None))
        number = {name: place for place, name in enumerate(distinct)}
        self.codes = np.array([-1 if name is None else number[name] for name in names], np.int32)
        self.names = words(distinct)
        self.is_mixed = len(set(names)) > 1
        self.place = 0

    def of(self, rows: RowColumns) -> pa.Array:
        """The names of rows, coded."""
        count = int(rows.used[0])
        if self.is_mixed:
            indices = _nullable(rows.name[self.place], pa.int32(), rows, KNOWN_NAMES + self.place)
        else:
            indices = _zeros(count) if len(self.names) else pa.nulls(count, pa.int32())
        return pa.DictionaryArray.from_arrays(indices, self.names, safe=False)


class _Lists:
    """Several texts for each label."""

    def __init__(self, lists: Sequence[Sequence[str]]) -> None:
        self._lists = pa.array(lists, pa.list_(pa.string())) if any(lists) else None
        self.names = words(sorted({text for own in lists for text in own}))

    def of(self, labels: np.ndarray, *, coded: bool) -> pa.Array:
        if self._lists is None:
            codes = np.zeros(0, np.int32)
            return _lists(np.zeros(len(labels) + 1, np.int32), codes, self.names, coded=coded)
        found = self._lists.take(numbers(labels, pa.int32()))
        return coded_lists(found, self.names) if coded else found


_NO_NUMBERS = np.zeros(1 << 16, np.int32)


def _zeros(count: int) -> pa.Array:
    """So many zeros, which many arrays share."""
    global _NO_NUMBERS  # noqa: PLW0603  (it only grows)
    zeros = _NO_NUMBERS
    if len(zeros) < count:
        zeros = _NO_NUMBERS = np.zeros(2 * count, np.int32)
    return pa.Array.from_buffers(pa.int32(), count, [None, pa.py_buffer(zeros)], 0)


def _constant(value: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(_zeros(count), words([value]), safe=False)


def dictionaries(engine: ColumnarEngine, labels: ClaimIds, arms: Sequence[str] = ()) -> dict[str, pa.Array]:
    """The words that a run's texts are coded by, by column; given the arms, as decisions name them."""
    rules = words(engine.layout.rules.list)
    return {
        "run_id": words([labels.run_id]),
        **{name: own.names for name, own in labels.by_column.items() if name != "claim_id"},
        "outcome": _OUTCOME_NAMES,
        "reason": _REASON_NAMES,
        "rule": rules,
        "lost_to": labels.campaigns,
        "playbook": words([engine.decider.fingerprint]),
        "binding": rules,
        "tags": labels.tags.names,
        **({"arm": words(arms)} if arms else {}),
    }


_INSTANT = pa.timestamp("us", "UTC")
_OUTCOME_NAMES = words([outcome.value for outcome in OUTCOMES])
_REASON_NAMES = words([reason.value for reason in REASONS])


def decision_ids(chunk: Chunk, labels: ClaimIds, label: np.ndarray, contact: np.ndarray) -> pa.Array:
    """The ids of decisions, given for each the label of its claim and the row of its contact."""
    count = len(label)
    text = np.empty(count * 32, np.uint8)
    own = label.astype(np.int32, copy=False), contact.astype(np.int32, copy=False)
    write_ids(chunk.one, chunk.two, labels.one, labels.two, *own, text)
    offsets = np.arange(0, count * 32 + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def ids_as_given(chunk: Chunk) -> pa.Array:
    """The ids of a chunk as they came: whole numbers or text."""
    array = None if chunk.plan.id is None else chunk.columns[chunk.plan.id].array
    return chunk.ids if array is None or not pa.types.is_integer(array.type) else array


def decision_batch(
    engine: ColumnarEngine,
    labels: ClaimIds,
    chunk: Chunk,
    answers: BlockResult,
    columns: Sequence[str],
    *,
    coded: bool = False,
) -> pa.RecordBatch:
    """The answers for a chunk as rows of the table of decisions, with some of its columns.

    Args:
        engine: the playbook as arrays.
        labels: what claims are called.
        chunk: the contacts.
        answers: the answers.
        columns: the columns that are made.
        coded: whether lists of texts are coded too.
    """
    rows, ids, count, contact = answers.rows, ids_as_given(chunk), answers.size, answers.contact
    label, rules = rows.label[:count], words(engine.layout.rules.list)

    def number(name: str, place: int) -> pa.Array:
        return _nullable(getattr(rows, name), pa.float64(), rows, place)

    def instant(name: str, place: int) -> pa.Array:
        return _nullable(getattr(rows, name), _INSTANT, rows, place)

    def word(indices: pa.Array, names: pa.Array) -> pa.Array:
        return pa.DictionaryArray.from_arrays(indices, names, safe=False)

    made: dict[str, Callable[[], pa.Array]] = {
        "decision_id": lambda: decision_ids(chunk, labels, label, contact),
        "run_id": lambda: _constant(labels.run_id, count),
        "contact_id": lambda: ids.take(numbers(contact, pa.int32())),
        "account_id": lambda: account_texts(chunk, contact),
        **{name: partial(own.of, rows) for name, own in labels.by_column.items()},
        "outcome": lambda: word(numbers(rows.outcome[:count], pa.int32()), _OUTCOME_NAMES),
        "reason": lambda: word(numbers(rows.reason[:count], pa.int32()), _REASON_NAMES),
        "rule": lambda: word(_nullable(rows.rule, pa.int32(), rows, KNOWN_RULE), rules),
        "lost_to": lambda: _lists(rows.lost_first[: count + 1], rows.lost, labels.campaigns, coded=coded),
        "weight": lambda: number("weight", KNOWN_WEIGHT),
        "price": lambda: number("price", KNOWN_PRICE),
        "send_at": lambda: instant("send_at", KNOWN_SEND_AT),
        "retry_at": lambda: instant("retry_at", KNOWN_RETRY_AT),
        "displaced": lambda: number("displaced", KNOWN_DISPLACED),
        "needs": lambda: number("needs", KNOWN_NEEDS),
        "playbook": lambda: _constant(engine.decider.fingerprint, count),
        "decided_at": lambda: numbers(np.full(count, engine.now), _INSTANT),
        "claim_id": lambda: _plain_texts(labels.by_column["claim_id"].of(rows)),
        "binding": lambda: _lists(rows.bind_first[: count + 1], rows.bind, rules, coded=coded),
        "tags": lambda: labels.tags.of(label, coded=coded),
        "arm": lambda: pa.nulls(count, TEXT) if engine.decider.arm is None else _constant(engine.decider.arm, count),
        "chance": lambda: number("chance", KNOWN_CHANCE),
    }
    schema = decision_schema(ids.type, columns, coded=coded)
    return pa.RecordBatch.from_arrays([made[name]() for name in columns], schema=schema)


def _nullable(values: np.ndarray, kind: pa.DataType, rows: RowColumns, place: int) -> pa.Array:
    """Values of which a validity bitmap says which are known."""
    count, known = int(rows.used[0]), int(rows.counts[place])
    if not known:
        return pa.nulls(count, kind)
    valid = None if known == count else pa.py_buffer(rows.known[place])
    return pa.Array.from_buffers(kind, count, [valid, pa.py_buffer(values)], count - known)


def _lists(first: np.ndarray, codes: np.ndarray, names: pa.Array, *, coded: bool) -> pa.Array:
    """Lists of names, given where each begins among the codes."""
    offsets = first if len(first) else np.zeros(1, np.int32)
    indices = numbers(codes[: int(offsets[-1])], pa.int32())
    values = pa.DictionaryArray.from_arrays(indices, names, safe=False) if coded else names.take(indices)
    return pa.ListArray.from_arrays(numbers(offsets, pa.int32()), values)


def _plain_texts(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if len(array.dictionary) else pa.nulls(len(array), pa.string())


def account_texts(chunk: Chunk, contact: np.ndarray) -> pa.Array:
    """The accounts of contacts of a chunk, given their rows."""
    column = account_column(chunk)
    if column is None:
        return pa.nulls(len(contact), pa.string())
    names = [_text_or_none(value) for value in column.values]
    return words(names).take(numbers(column.codes[contact], pa.int64()))


def account_column(chunk: Chunk) -> Column | None:
    """The column of a chunk that names accounts."""
    return next((chunk.columns[place] for place, name, _ in chunk.plan.fields if name == "account"), None)


def _text_or_none(value: Any) -> str | None:
    try:
        return read_text(value) if not is_missing(value) else None
    except BadCellError:
        return None


def less(counts: DecisionCounts, some: DecisionCounts) -> DecisionCounts:
    """Counts without those of some contacts; what the quotas are used stays, which is that of the run's choice."""
    rules = counts.rules.copy()
    rules[: len(some.rules)] -= some.rules[: len(rules)]
    names = ("labels", "stages", "sums", "missing", "explored")
    return counts.but(rules=rules, **{name: getattr(counts, name) - getattr(some, name) for name in names})
