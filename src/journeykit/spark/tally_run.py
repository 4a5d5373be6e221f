"""A run on Spark of other work than decisions, of which a summary is asked."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from journeykit.errors import ModelError
from journeykit.spark.counts_told import CountsTold
from journeykit.spark.part_counts import all_parts
from journeykit.tables.bad_row_list import BadRows


@frozen(kw_only=True)
class TallyRun:
    """A run of which a summary is asked; see `journeykit.spark.run_summary.RunSummary`.

    Attributes:
        facts: what is known of the run whatever its rows say, such as a `journeykit.spark.tally_facts.PlacingFacts`.
        buckets: of which all must be counted.
        counted: brings what tasks count.
        max_bad: how many bad rows are tolerated.
    """

    facts: Any
    buckets: frozenset[int]
    counted: CountsTold
    max_bad: int | str | None = None

    def counts(self) -> Any:
        """What all tasks have counted.

        Raises:
            DataError: where some have not counted yet.
        """
        found = self.facts.none(BadRows(self.max_bad))
        for part in all_parts(self.buckets, self.counted.parts()):
            found.merge(part)
        return found

    def summary(self, counts: Any) -> Any:
        """The summary of what was counted."""
        return self.facts.summary(counts)

    def bad_rows(self) -> Any:
        """They are not kept here.

        Raises:
            ModelError: always.
        """
        raise ModelError("only decisions give bad rows whole; the summary has the first ones", field="bad_rows")
