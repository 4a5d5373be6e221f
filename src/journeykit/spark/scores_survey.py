"""Which campaigns a table of scores speaks of: what is decided of a contact depends on it, and no slice knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.columns.score_columns import ScoreEncoder
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.header import fold_name
from journeykit.tables.score_table import SCORE_COLUMNS
from journeykit.tables.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import DataFrame

    from journeykit.spark.shipped_arbiter import ShippedArbiter


class _EveryScore(ScoreEncoder):
    """Scores among which none is left out for an earlier one: which are earlier is not known of a batch."""

    @staticmethod
    def _doubles(one: np.ndarray, two: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: ARG004
        return np.arange(len(one)), np.zeros(len(one), np.bool_)


_SCHEMA = pa.schema({"campaign": pa.string(), "what": pa.string()})


def scored_campaigns(shipped: ShippedArbiter, scores: DataFrame) -> frozenset[tuple[str, str]]:
    """The campaigns for which some good row has a propensity, an opt_out or an uplift, each with which of them.

    Rows that score what an earlier one does count here too: which is the earlier one is not known yet. It is one pass
    over the scores where they are, without a shuffle; a few rows come back.
    """

    def told(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found: set[tuple[str, str]] = set()
        for batch in batches:
            found |= _scored(shipped, batch)
        columns = zip(*sorted(found), strict=True) if found else ((), ())
        yield pa.RecordBatch.from_arrays([pa.array(own, pa.string()) for own in columns], schema=_SCHEMA)

    read = scores.select(*(f"`{name}`" for name in scores.columns if fold_name(name) in SCORE_COLUMNS))
    rows = read.mapInArrow(told, "campaign string, what string").distinct().collect()
    return frozenset((row["campaign"], row["what"]) for row in rows)


def _scored(shipped: ShippedArbiter, batch: pa.RecordBatch) -> set[tuple[str, str]]:
    decider = shipped.arbiter().decider
    playbook = decider.playbook
    source = open_source(pa.Table.from_batches([batch]), "scores")
    words = Words("scores", playbook, decider.ruleset.vocabulary)
    return _EveryScore(source, playbook, bad=BadRows(), words=words).scored
