"""A strict run: tables of Spark are compared with the playbook, cell by cell, before anything is decided."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import frozen

from journeykit.basics.clock import clock
from journeykit.columns.unknown_counts import survey_readings
from journeykit.columns.word_counts import survey_source
from journeykit.engine.unknowns import Readings
from journeykit.model.mismatch import Mismatches
from journeykit.spark.grouped_tables import numbered
from journeykit.spark.shipped_arbiter import ShippedArbiter
from journeykit.tables import Spellings
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.contact_table import ContactPlan
from journeykit.tables.header import places_of
from journeykit.tables.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


@frozen
class StrictSurvey:
    """Compares the cells of a table with the playbook, where they are. For ``mapInArrow``; one row comes of each task.

    Attributes:
        shipped: the arbiter.
        table: the name of the table.
        columns: the names of the columns that are read.
        zone: the zone in which instants without an offset are meant, by name; None for none.
    """

    shipped: ShippedArbiter
    table: str
    columns: tuple[str, ...]
    zone: str | None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What was found, and what was counted of cells that rules read, pickled."""
        decider = self.shipped.arbiter().decider
        found, readings = Mismatches(), Readings(decider.playbook)
        words = Words(self.table, decider.playbook, decider.ruleset.vocabulary)
        for batch in batches:
            own = pa.table(batch.columns, names=list(self.columns))
            found.merge(survey_source(open_source(own, self.table), words))
            if self.table == "contacts":
                survey_readings(open_source(own, self.table), readings, self._plan)
        told = pickle.dumps((found, readings.counted()))
        yield pa.record_batch({"found": pa.array([told], pa.binary())})

    def _plan(self, names: tuple[str, ...]) -> ContactPlan:
        zone = None if self.zone is None else clock(self.zone).zone
        return ContactPlan(names, places_of(names, self.table), Spellings.of(self.shipped.arbiter().playbook), zone)


def refuse_mismatches(
    shipped: ShippedArbiter, tables: Mapping[str, Any], wanted: Callable[[str, str], bool], zone: str | None
) -> None:
    """Refuse tables whose cells do not match the playbook. It is one pass over all of them, without a shuffle.

    Args:
        shipped: the arbiter.
        tables: DataFrames by name.
        wanted: by the names of a table and a column, whether the column is read.
        zone: as of `StrictSurvey`.

    Raises:
        DataError: naming what does not match.
    """
    playbook = shipped.arbiter().playbook
    found, readings = Mismatches(), Readings(playbook)
    for name, frame in tables.items():
        columns = tuple(own for own in frame.columns if wanted(name, own))
        survey = StrictSurvey(shipped, name, columns, zone)
        for row in numbered(frame, columns).mapInArrow(survey, "found binary").collect():
            mismatches, counted = pickle.loads(row["found"])  # noqa: S301  (pickled by the workers of this job)
            found.merge(mismatches)
            readings.add(counted)
    readings.tell(found)
    found.refuse()
