"""Scores: the chance that each message to each contact is answered, and what it risks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from attrs import evolve, frozen
from numpy.typing import NDArray

from journeykit.basics.clock import micros
from journeykit.basics.threads import Background, at_once
from journeykit.errors import DataError, closest
from journeykit.kernels import has_kernels
from journeykit.learning.history_features import (
    FeatureMaker,
    PossibleMessages,
    attribute_names,
    hour_counts,
    usual_hour,
)
from journeykit.learning.learned_model import LearnedModel
from journeykit.learning.message_history import MessageHistory
from journeykit.learning.score_tally import ScoreTally
from journeykit.learning.scored_campaigns import ScoredCampaign, scored_campaigns
from journeykit.learning.uplift_model import UpliftModel
from journeykit.measuring.cell_columns import thread_count
from journeykit.model.response import WELL_KNOWN
from journeykit.tables.arrow.arrays import coded, numbers, texts
from journeykit.tables.write_rows import output_file, row_writer

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.learning.feature_matrix import Feature, FeatureMatrix
    from journeykit.learning.response_model import ResponseModel
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import TableSource

SCORES = {
    "contact_id": "text",
    "campaign_id": "text",
    "content_id": "text",
    "propensity": "number",
    "spread": "number",
    "opt_out": "number",
    "uplift": "number",
}
"""The columns of a table of scores that is written, with the kind of each."""
_NAMED = 5
"""So many strange classes are named."""
_ROWS = 1 << 18
"""About so many scores are made at once."""
_HARMS = tuple(own.name for own in WELL_KNOWN)


@frozen(eq=False, kw_only=True)
class CampaignScores:
    """The scores of contacts and campaigns, made as they are asked for.

    Attributes:
        campaigns: which messages are scored, in their order.
        responses: by message, the response whose chance is the propensity; None where no model is about it.
        contacts: how many contacts are scored.
        notes: what is worth knowing.
        model: what makes them.
        history: the past of the contacts.
        whose: the numbers of the contacts, in their order.
        at: the instant for which they are, in microseconds since 1970.
        hour: the hour of the day at which messages go; None for that of the instant.
        threads: how many threads work at once.
    """

    campaigns: tuple[ScoredCampaign, ...]
    responses: tuple[str | None, ...]
    contacts: int
    notes: tuple[str, ...]
    model: LearnedModel
    history: MessageHistory
    whose: NDArray[np.int64]
    at: int
    hour: int | None = None
    threads: int

    def __len__(self) -> int:
        return self.contacts * len(self.campaigns)

    @property
    def columns(self) -> dict[str, str]:
        """The columns that the table has, with the kind of each."""
        lacking = {
            "content_id": all(own.content is None for own in self.campaigns),
            "opt_out": self.model.opt_out is None,
            "uplift": not self.model.uplift,
        }
        return {name: kind for name, kind in SCORES.items() if not lacking.get(name, False)}

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features that the models ask for, with the classes that any of them knows."""
        return features_of_models(self.model)

    def tally(self) -> ScoreTally:
        """Who is scored, in numbers that add up."""
        return ScoreTally.of(self.history, self.features, self.whose, self.at)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The scores, some contacts at a time: contact by contact, each with its messages in their order."""
        size = max(1, _ROWS // len(self.campaigns))
        parts = (self.whose[start : start + size] for start in range(0, len(self.whose), size))
        scoring = _Scoring(self)
        return at_once(scoring.batch, parts, self.threads)

    def table(self) -> pa.Table:
        """All of them as one table."""
        made = [own.cast(self.schema) for own in map(_plain, self.batches())]
        return pa.Table.from_batches(made, self.schema)

    @property
    def schema(self) -> pa.Schema:
        """The kinds of the columns."""
        return pa.schema(
            [(name, pa.float64() if kind == "number" else pa.large_string()) for name, kind in self.columns.items()]
        )

    def write(self, path: str | os.PathLike[str], form: str | None = None) -> None:
        """Write them to a file, which appears whole or not at all.

        Args:
            path: the file: ``.csv``, ``.jsonl`` or ``.parquet``; ``-`` is standard output.
            form: the format, where the ending does not say it.

        Raises:
            DataError: for an unknown ending.
            OSError: if the file cannot be written.
        """
        with _writer(path, form, self) as write, Background[pa.RecordBatch](write) as background:
            for batch in self.batches():
                background.put(batch)


def score(
    playbook: Playbook,
    model: LearnedModel,
    contacts: TableSource | None,
    touches: TableSource,
    events: TableSource,
    *,
    at: datetime,
    response: str | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    threads: int | None = None,
) -> CampaignScores:
    """Score every contact for every campaign that is neither paused nor over, as ``journeykit score`` does.

    Args:
        playbook: the rule set with which the model was learned.
        model: the model.
        contacts: who is scored: the table of contacts. Without the column ``valid_from`` it is taken as it is at the
            instant. None for all who have a touch or an event.
        touches: the table of touches: what was sent before the instant.
        events: the table of events: what contacts did before it.
        at: the instant.
        response: the response whose chance is the propensity; None for the first of the playbook that is about the
            message.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share such as ``"1%"``.
        threads: how many threads work at once; None for one for each processor.

    Raises:
        DataError: for a table that cannot be used, too many bad rows, a model that asks for what the tables do not
            have, or a response that was not learned.
        MissingExtraError: without the extra ``learn``.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Campaign, Playbook, Response, learn
        >>> playbook = Playbook(
        ...     campaigns=[Campaign(id="news")], responses=[Response(name="sale", event="purchase", within="7d")]
        ... )
        >>> sent = [
        ...     {"contact_id": name, "sent_at": "2026-11-02T09:00Z", "campaign_id": "news"} for name in ("anna", "ben")
        ... ]
        >>> bought = [{"contact_id": "anna", "event": "purchase", "at": "2026-11-03T10:00Z"}]
        >>> at = datetime(2026, 12, 1, tzinfo=UTC)
        >>> model = learn(playbook, sent, bought, until=at)
        >>> scores = score(playbook, model, [{"contact_id": "clara"}], sent, bought, at=at)
        >>> [round(chance, 6) for chance in scores.table()["propensity"].to_pylist()]
        [0.5]
    """
    micros(at)
    models = models_of(model)
    history = MessageHistory.read(
        playbook,
        touches,
        events,
        until=at,
        contacts=contacts,
        static=model.static,
        only=attribute_names(own.features for own in models),
        zone=zone,
        max_bad=max_bad,
    )
    return scores_of(playbook, model, history, at=at, response=response, threads=threads)


def scores_of(
    playbook: Playbook,
    model: LearnedModel,
    history: MessageHistory,
    *,
    at: datetime,
    response: str | None = None,
    threads: int | None = None,
) -> CampaignScores:
    """The same from a past that was read."""
    hour = usual_hour(history.clock, hour_counts(history.clock, history.messages.at), micros(at))
    found = scores_at_hour(playbook, model, history, at=at, response=response, hour=hour, threads=threads)
    tally = found.tally()
    told = tally.notes(found.features, hour, found.at, model.until)
    notes = (*history.notes, *told, *model_notes(model, found.campaigns, found.responses))
    return evolve(found, notes=notes)


def scores_at_hour(
    playbook: Playbook,
    model: LearnedModel,
    history: MessageHistory,
    *,
    at: datetime,
    response: str | None,
    hour: int | None,
    threads: int | None = None,
) -> CampaignScores:
    """The same for an hour of the day that is known; of the scores nothing is said.

    Args:
        playbook: as of `scores_of`, likewise what is not named here.
        model: likewise.
        history: the past of the contacts, or of some of them.
        at: the instant.
        response: the response whose chance is the propensity.
        hour: the hour of the day at which messages go; None for that of the instant.
        threads: how many threads work at once.
    """
    campaigns = scored_campaigns(playbook, at)
    whose = np.arange(len(history.ids)) if history.contacts is None else history.contacts.given
    return CampaignScores(
        campaigns=campaigns,
        responses=responses_of_scores(playbook, model, campaigns, response),
        contacts=len(whose),
        notes=(),
        model=model,
        history=history,
        whose=whose,
        at=micros(at),
        hour=hour,
        threads=thread_count(threads),
    )


def model_notes(
    model: LearnedModel, campaigns: Sequence[ScoredCampaign], responses: Sequence[str | None]
) -> Iterator[str]:
    """What is to be said of a model and what is scored with it, whatever the contacts."""
    yield from _notes_on_campaigns(model, campaigns)
    yield from _plain_notes(model, campaigns, responses)


def _notes_on_campaigns(model: LearnedModel, campaigns: Sequence[ScoredCampaign]) -> Iterator[str]:
    """The campaigns of which the models of responses never saw a message."""
    named = [own for one in model.responses.values() for own in one.features if own.name == "campaign"]
    known = {name for own in named for name in own.classes}
    strange = dict.fromkeys(own.campaign for own in campaigns if own.campaign not in known)
    if named and strange:
        told = ", ".join([*strange][:_NAMED]) + (", ..." if len(strange) > _NAMED else "")
        yield f"the model never saw a message of {told}: scored as a campaign of which nothing is known"


def _plain_notes(
    model: LearnedModel, campaigns: Sequence[ScoredCampaign], responses: Sequence[str | None]
) -> Iterator[str]:
    """Which campaigns are scored by the chance of a response, where others are by uplift."""
    known = {(name, one.campaign): None for name, own in model.uplift.items() for one in own.campaigns}
    plain = dict.fromkeys(
        own.campaign for own, name in zip(campaigns, responses, strict=True) if (name, own.campaign) not in known
    )
    if model.uplift and plain:
        yield f"without uplift, so that propensity is the chance of a response: {', '.join(plain)}"


def models_of(model: LearnedModel) -> list[ResponseModel | UpliftModel]:
    """All models that are asked, one after another."""
    return [*model.responses.values(), *([] if model.opt_out is None else [model.opt_out]), *model.uplift.values()]


def features_of_models(model: LearnedModel) -> tuple[Feature, ...]:
    """All features that are asked for, with the classes that any of the models knows."""
    found: dict[str, Feature] = {}
    for own in (own for one in models_of(model) for own in one.features):
        classes = {*own.classes, *(found[own.name].classes if own.name in found else ())}
        found[own.name] = evolve(own, classes=tuple(sorted(classes)))
    return tuple(found.values())


def responses_of_scores(
    playbook: Playbook, model: LearnedModel, campaigns: Sequence[ScoredCampaign], response: str | None
) -> tuple[str | None, ...]:
    """By message, the response whose chance is its propensity."""
    if response is not None:
        if response not in model.responses:
            hint = closest(response, list(model.responses))
            more = f"did you mean {hint!r}?" if hint else f"there is {', '.join(model.responses) or 'none'}"
            raise DataError(f"the model has not learned the response {response!r}; {more}", source="model")
        return (response,) * len(campaigns)
    asked = [own for own in playbook.responses if own.name in model.responses and own.name not in _HARMS]
    return tuple(next((own.name for own in asked if own.where.surely_matches(of.facets)), None) for of in campaigns)


class _Scoring:
    """What makes the scores of some contacts; several threads may ask at once."""

    def __init__(self, scores: CampaignScores) -> None:
        self._scores = scores
        self._kinds = tuple(own.facets for own in scores.campaigns)
        self._maker = FeatureMaker(scores.history, features_of_models(scores.model), hour=scores.hour)
        self._names = {
            "campaign_id": _codes([own.campaign for own in scores.campaigns]),
            "content_id": _codes([own.content for own in scores.campaigns]),
        }

    def batch(self, whose: NDArray[np.int64]) -> pa.RecordBatch:
        """The scores of some contacts."""
        scores, size = self._scores, len(self._kinds)
        count = len(whose)
        kind = np.tile(np.arange(size), count)
        possible = PossibleMessages(
            contact=whose,
            at=np.full(count, scores.at),
            moment=np.repeat(np.arange(count), size),
            kind=kind,
            kinds=self._kinds,
        )
        matrix = self._maker.matrix(possible)
        propensity, spread = self._asked(scores.model.responses, matrix, kind)
        uplift = None
        if scores.model.uplift:
            uplift, error = self._asked(scores.model.uplift, matrix, kind)
            # Where it is known what a message adds, that counts; what comes without it is not its merit.
            known = ~np.isnan(uplift)
            propensity, spread = np.where(known, np.maximum(uplift, 0), propensity), np.where(known, error, spread)
        columns = {
            "contact_id": coded(possible.moment, scores.history.ids.take(numbers(whose, pa.int64()))),
            **{name: coded(codes[kind], names, missing=True) for name, (codes, names) in self._names.items()},
            "propensity": numbers(propensity, pa.float64(), np.isnan(propensity)),
            "spread": numbers(spread, pa.float64(), np.isnan(spread)),
        }
        risk = scores.model.opt_out
        if risk is not None:
            columns["opt_out"] = numbers(_chances(risk, matrix)[0], pa.float64())
        if uplift is not None:
            columns["uplift"] = numbers(uplift, pa.float64(), np.isnan(uplift))
        return pa.RecordBatch.from_arrays([columns[name] for name in scores.columns], list(scores.columns))

    def _asked(
        self, models: Mapping[str, ResponseModel | UpliftModel], matrix: FeatureMatrix, kind: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the model of each message's response says of it, and its spread; nan where there is none."""
        found, spread = np.full(len(kind), np.nan), np.full(len(kind), np.nan)
        for name in dict.fromkeys(self._scores.responses):
            if name is None or name not in models:
                continue
            mine = np.array([own == name for own in self._scores.responses], np.bool_)
            if mine.all():
                return _chances(models[name], matrix)
            rows = np.flatnonzero(mine[kind])
            found[rows], spread[rows] = _chances(models[name], matrix.select(rows))
        return found, spread


def _chances(
    model: ResponseModel | UpliftModel, matrix: FeatureMatrix
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    names = [own.name for own in model.features]
    own = matrix if list(matrix.names) == names else matrix.only(names)
    return model.uplift(own) if isinstance(model, UpliftModel) else model.chances(own)


def _codes(names: Sequence[str | None]) -> tuple[NDArray[np.int64], pa.Array]:
    known = list(dict.fromkeys(name for name in names if name is not None))
    place = {name: number for number, name in enumerate(known)}
    return np.array([-1 if name is None else place[name] for name in names], np.int64), texts(known)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts are no dictionaries."""
    arrays = [own.dictionary_decode() if pa.types.is_dictionary(own.type) else own for own in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


@contextmanager
def _writer(
    path: str | os.PathLike[str], form: str | None, scores: CampaignScores
) -> Iterator[Callable[[pa.RecordBatch], object]]:
    """A function that writes batches to a file, which appears whole or not at all."""
    with output_file(path, form) as (kind, file):
        if kind == "parquet":
            with _parquet(file, scores.columns) as write:
                yield write
        elif has_kernels():
            from journeykit.tables.arrow.text_lines import TextLines

            lines = TextLines(kind, list(scores.columns))
            file.write(lines.head())
            yield lambda batch: file.writelines(lines.lines(batch))
        else:
            with row_writer(kind)(file, scores.columns) as write_row:
                yield lambda batch: [write_row(list(row.values())) for row in batch.to_pylist()]


@contextmanager
def _parquet(file: Any, columns: Mapping[str, str]) -> Iterator[Callable[[pa.RecordBatch], object]]:
    """Writes texts as dictionaries, which readers see as plain texts."""
    coded_text = pa.dictionary(pa.int32(), pa.large_string())
    schema = pa.schema([(name, pa.float64() if kind == "number" else coded_text) for name, kind in columns.items()])
    named = [name for name, kind in columns.items() if kind == "text"]
    with pq.ParquetWriter(file, schema, use_dictionary=named, compression="zstd", store_schema=False) as writer:
        yield writer.write_batch
