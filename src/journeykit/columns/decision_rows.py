"""Answers over columns: what became of claims, as tables of Arrow and as counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from journeykit.basics.ids import claim_digest
from journeykit.basics.validation import MILLIONTH
from journeykit.columns.decision_counts import OUTCOMES, REASONS
from journeykit.kernels import write_ids
from journeykit.kernels.interface.codes import NONE
from journeykit.tables.arrow.arrays import coded, numbers, words
from journeykit.tables.arrow.decision_schema import TEXT, decision_schema
from journeykit.tables.cells import BadCellError, is_missing, read_text
from journeykit.tables.decision_columns import decision_cells
from journeykit.tables.output_selection import cells_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.claim_columns import Label
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.columns.worker import BlockResult
    from journeykit.kernels.interface.decision_arrays import DecisionCounts
    from journeykit.model.outcome import Row
    from journeykit.tables.arrow.column import Column


class ClaimIds:
    """What the claims of a run are called: campaign, content, channel, team, id, and a digest of what tells them apart.

    Args:
        layout: the playbook as arrays.
        run_id: the name of the run.
        labels: openings, by number, each with a claim's own date or instant, or None, and its own id, or None.

    Attributes:
        run_id: the name of the run.
        opening: by label, the number of its opening.
        claim_id: by label, the claim's own id, or None.
        when: by label, twice the place of its own date and id among all, from 0 for none; plus one for a date.
    """

    def __init__(self, layout: RulesetArrays, run_id: str, labels: Sequence[Label]) -> None:
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
        self.campaign = _Names([opening.campaign.id for opening, *_ in openings])
        self.content = _Names([opening.content_id for opening, *_ in openings])
        self.channel = _Names([opening.channel for opening, *_ in openings])
        self.team = _Names([opening.team_name for opening, *_ in openings])
        self.claim = _Names(self.claim_id)
        self.tags = _Lists([opening.tags for opening, *_ in openings])
        self.campaigns = words(layout.campaigns.list)


class _Names:
    """A name for each label, as codes and distinct names."""

    def __init__(self, names: Sequence[str | None]) -> None:
        distinct = list(dict.fromkeys(name for name in names if name is not None))
        number = {name: place for place, name in enumerate(distinct)}
        self.codes = np.array([-1 if name is None else number[name] for name in names], np.int32)
        self.names = words(distinct)
        self.some_missing = None in names

    def take(self, labels: np.ndarray) -> pa.Array:
        codes = self.codes[labels]
        return coded(codes, self.names, missing=self.some_missing)


class _Lists:
    """Several texts for each label."""

    def __init__(self, lists: Sequence[Sequence[str]]) -> None:
        self._lists = pa.array(lists, pa.list_(pa.string())) if any(lists) else None

    def take(self, labels: np.ndarray) -> pa.Array:
        return _no_texts(len(labels)) if self._lists is None else self._lists.take(numbers(labels, pa.int64()))


def _constant(value: str, count: int) -> pa.Array:
    return coded(np.zeros(count, np.int32), words([value]))


def dictionaries(engine: ColumnarEngine, labels: ClaimIds) -> dict[str, pa.Array]:
    """The words that a run's texts are coded by, by column."""
    return {
        "run_id": words([labels.run_id]),
        "campaign_id": labels.campaign.names,
        "content_id": labels.content.names,
        "channel": labels.channel.names,
        "team": labels.team.names,
        "outcome": _OUTCOME_NAMES,
        "reason": _REASON_NAMES,
        "rule": words(engine.layout.rules.list),
        "playbook": words([engine.decider.fingerprint]),
    }


def _instants(values: np.ndarray) -> pa.Array:
    return numbers(values, _INSTANT, values == NONE)


def _weights(values: np.ndarray) -> pa.Array:
    return numbers(values / MILLIONTH, pa.float64(), values == NONE)


_INSTANT = pa.timestamp("us", "UTC")
_OUTCOME_NAMES = words([outcome.value for outcome in OUTCOMES])
_REASON_NAMES = words([reason.value for reason in REASONS])


def decision_ids(chunk: Chunk, labels: ClaimIds, label: np.ndarray, contact: np.ndarray) -> pa.Array:
    """The ids of decisions, given for each the label of its claim and the row of its contact."""
    count = len(label)
    text = np.empty(count * 32, np.uint8)
    own = np.ascontiguousarray(label), np.ascontiguousarray(contact)
    write_ids(chunk.one, chunk.two, labels.one, labels.two, *own, text)
    offsets = np.arange(0, count * 32 + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def ids_as_given(chunk: Chunk) -> pa.Array:
    """The ids of a chunk as they came: whole numbers or text."""
    array = None if chunk.plan.id is None else chunk.columns[chunk.plan.id].array
    return chunk.ids if array is None or not pa.types.is_integer(array.type) else array


def decision_batch(
    engine: ColumnarEngine, labels: ClaimIds, chunk: Chunk, answers: BlockResult, columns: Sequence[str]
) -> pa.RecordBatch:
    """The answers for a chunk as rows of the table of decisions, with some of its columns."""
    rows, ids = answers.rows, ids_as_given(chunk)
    label, contact = np.ascontiguousarray(rows["label"]), np.ascontiguousarray(rows["contact"])
    count = len(label)
    owner = numbers(contact, pa.int64())
    rules = words(engine.layout.rules.list)
    made: dict[str, Callable[[], pa.Array]] = {
        "decision_id": lambda: decision_ids(chunk, labels, label, contact),
        "run_id": lambda: _constant(labels.run_id, count),
        "contact_id": lambda: ids.take(owner),
        "account_id": lambda: account_texts(chunk, contact),
        "campaign_id": lambda: labels.campaign.take(label),
        "content_id": lambda: labels.content.take(label),
        "channel": lambda: labels.channel.take(label),
        "team": lambda: labels.team.take(label),
        "outcome": lambda: coded(rows["outcome"], _OUTCOME_NAMES),
        "reason": lambda: coded(rows["reason"], _REASON_NAMES),
        "rule": lambda: coded(rows["rule"], rules, missing=True),
        "lost_to": lambda: _lists(rows["lost_from"], answers.lost, labels.campaigns),
        "weight": lambda: _weights(rows["weight"]),
        "price": lambda: _weights(rows["price"]),
        "send_at": lambda: _instants(rows["send_at"]),
        "retry_at": lambda: _instants(rows["retry_at"]),
        "displaced": lambda: _weights(rows["displaced"]),
        "needs": lambda: _weights(rows["needs"]),
        "playbook": lambda: _constant(engine.decider.fingerprint, count),
        "decided_at": lambda: numbers(np.full(count, engine.now), _INSTANT),
        "claim_id": lambda: _plain_texts(labels.claim.take(label)),
        "binding": lambda: _lists(rows["bind_from"], answers.bound, rules),
        "tags": lambda: labels.tags.take(label),
        "arm": lambda: pa.nulls(count, TEXT),
        "chance": lambda: pa.nulls(count, pa.float64()),
    }
    return pa.RecordBatch.from_arrays([made[name]() for name in columns], schema=decision_schema(ids.type, columns))


def _lists(first: np.ndarray, places: np.ndarray, names: pa.Array) -> pa.Array:
    """Lists of names, given where each begins among the places of the names."""
    offsets = np.concatenate([first, [len(places)]]).astype(np.int32)
    return pa.ListArray.from_arrays(numbers(offsets, pa.int32()), names.take(numbers(places, pa.int64())))


def _plain_texts(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _no_texts(count: int) -> pa.Array:
    """No text in any row."""
    return pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string()))


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


def rows_batch(rows: Sequence[Row], ids: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of the row engine as rows of the table of decisions, with the contacts' ids as they came."""
    cells = [decision_cells(row) for row in rows]
    arrays = []
    for place, field in zip(cells_at(schema.names), schema, strict=True):
        values = [row[place] for row in cells]
        if field.name == "contact_id":
            arrays.append(pa.array(ids, field.type))
        elif pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode().cast(TEXT))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def less(counts: DecisionCounts, some: DecisionCounts) -> DecisionCounts:
    """Counts without those of some contacts; what the quotas are used stays, which is that of the run's choice."""
    rules = counts.rules.copy()
    rules[: len(some.rules)] -= some.rules[: len(rules)]
    names = ("labels", "stages", "sums", "missing")
    return counts.but(rules=rules, **{name: getattr(counts, name) - getattr(some, name) for name in names})
