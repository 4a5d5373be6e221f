"""All bad rows of a run on Spark, whole, as a DataFrame."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import evolve

from journeykit.errors import ModelError
from journeykit.tables.arrow.arrays import texts
from journeykit.tables.bad_row_file import cells_text, contact_in, picked_cells
from journeykit.tables.cells import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.spark.grouped_tables import GroupedTables
    from journeykit.spark.slice_job import SliceDecider, SliceJob

BAD_ROWS = ("table", "contact_id", "column", "found", "allowed", "cells")
"""The columns of bad rows, all of them text; ``cells`` is the row as it was read, as JSON."""
_WITHOUT_ROWS = {"everything": False, "explain": False, "outcomes": "granted", "columns": ("contact_id",)}


def bad_row_frame(decider: SliceDecider, grouped: GroupedTables) -> Any:
    """All rows of a run that cannot be used, each once: the run is decided for it, and nothing is reserved.

    Args:
        decider: decides slices.
        grouped: the tables, with all of their columns.

    Raises:
        ModelError: with quotas, which are settled over all slices.
    """
    if decider.shipped.arbiter().playbook.quotas:
        raise ModelError(
            "the bad rows of a run with quotas are not kept whole on Spark: the summary has the first hundred; for "
            "all of them decide with a playbook without its quotas",
            field="quotas",
        )
    options = {**decider.options, **_WITHOUT_ROWS, "max_bad": None}
    if "ledger" in options:
        options |= {"dry_run": True, "keep_decisions": False}
    own = evolve(decider, options=options, slices=grouped.slices, counted=None)

    def told(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        begun = own.options.get("ledger")
        with nullcontext() if begun is None else begun.ledger:
            for job in own.jobs(batches, set()):
                for _ in job.batches():
                    pass
                yield _batch(job)

    return grouped.frame.mapInArrow(told, ", ".join(f"`{name}` string" for name in BAD_ROWS))


def _batch(job: SliceJob) -> pa.RecordBatch:
    """The bad rows of a slice."""
    names = {source: name for name, source in job.sources.items()}
    cells = picked_cells(job.bad.first, [(source, job.picker(name)) for source, name in names.items()])
    rows: list[tuple[str | None, ...]] = []
    for bad in job.bad.first:
        own = cells.get((bad.source, bad.row))
        contact = bad.contact if own is None else contact_in(own)
        name = None if contact is None else str(contact)
        rows.append((names[bad.source], name, bad.field or None, bad.found, bad.allowed, cells_text(own)))
    columns = zip(*rows, strict=True) if rows else [()] * len(BAD_ROWS)
    arrays = [texts([None if own is None else escaped(own) for own in column]) for column in columns]
    return pa.RecordBatch.from_arrays([own.cast(pa.string()) for own in arrays], names=list(BAD_ROWS))
