"""The summary of a run on Spark: asked once the rows of the run were made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.errors import ModelError
from journeykit.job.run_counts import RunCounts
from journeykit.job.run_facts import RunFacts
from journeykit.ledger.ledger_counts import LedgerCounts
from journeykit.ledger.ledger_run import LedgerRun
from journeykit.quotas.quota_run import QuotaRun
from journeykit.spark.counts_told import CountsTold
from journeykit.spark.part_counts import all_parts
from journeykit.tables import BadRows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from journeykit.job.calendar import Calendar
    from journeykit.job.summary import Summary
    from journeykit.spark.tally_run import TallyRun


class RunSummary:
    """The summary of a run on Spark. Give one to `decide`; once the rows were made, it has the summary.

    All rows of the run must have been made, by one action or several, such as a write: a summary of a part of the run
    is not given. What is done again, after a failure, beside a slow task or by a further action, is counted once. Over
    Spark Connect the first action alone is counted.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Playbook
        >>> from journeykit.spark import decide
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [{"id": "launch", "content": ["note"], "audience": "score >= 40"}],
        ... })
        >>> rows = [(1, 20, True), (2, 40, True)]
        >>> contacts = spark.createDataFrame(rows, "contact_id long, score int, consent_email boolean")
        >>> told, at = RunSummary(), datetime(2026, 11, 5, 10, tzinfo=UTC)
        >>> decide(spark, Arbiter(playbook), contacts, at=at, summary=told).count()
        1
        >>> told.get.contacts, told.get.outcomes
        (2, {'denied': 1, 'granted': 1})
    """

    def __init__(self) -> None:
        self._run: ToldRun | TallyRun | None = None

    @property
    def get(self) -> Any:
        """The summary, as a local run has it; of bad rows it says whose they are, in place of their numbers.

        Of `decide` it is a `journeykit.job.summary.Summary`, of `place` a `PlacingSummary`, of `credit` and `features`
        a `CreditSummary`, of `score` a `ScoreSummary`.

        Raises:
            DataError: where not all rows were made yet, too many are bad, or none of a table's rows can be used.
            ModelError: where the summary was given to no run.
        """
        run, counts = self._counted()
        return run.summary(counts)

    @property
    def calendar(self) -> Calendar:
        """What is granted and deferred on each day of a plan.

        Raises:
            DataError: as for the summary.
            ModelError: for a run without ``until``.
        """
        run, counts = self._counted()
        found: Calendar = run.facts.calendar(counts)
        return found

    @property
    def bad_rows(self) -> DataFrame:
        """All rows that cannot be used, whole, as a DataFrame, so that they can be mended and given again.

        It has the columns ``table``, ``contact_id``, ``column``, ``found``, ``allowed`` and ``cells`` (the row as it
        was read, as JSON), all of them text. Reading it decides the run once more, with all columns of the tables;
        nothing is reserved.

        Raises:
            ModelError: where the summary was given to no run, and for a run with quotas or of something else than
                decisions.
        """
        found: DataFrame = self._given().bad_rows()
        return found

    def begin(self, run: ToldRun | TallyRun) -> None:
        """A run begins, of which this is the summary; `decide` says so.

        Raises:
            ModelError: where it is the summary of another run already.
        """
        self.check_unused()
        self._run = run

    def check_unused(self) -> None:
        """Refuse the summary of a run.

        Raises:
            ModelError: where it is that of one.
        """
        if self._run is not None:
            raise ModelError("this summary is that of another run: make one for each", field="summary")

    def counts(self) -> Any:
        """What the run has counted.

        Raises:
            DataError: where not all rows were made yet.
            ModelError: where the summary was given to no run.
        """
        return self._given().counts()

    def _given(self) -> ToldRun | TallyRun:
        if self._run is None:
            raise ModelError("a summary is that of a run: give it to decide as summary=", field="summary")
        return self._run

    def _counted(self) -> tuple[ToldRun | TallyRun, Any]:
        run = self._given()
        counts = run.counts()
        run.facts.refuse(counts)
        return run, counts


def check_summary(summary: object, max_bad: int | str | None) -> None:
    """Refuse what is no summary or that of another run, and a limit of bad rows that no summary would count.

    Raises:
        ModelError: for any of them.
    """
    if summary is not None:
        if not isinstance(summary, RunSummary):
            raise ModelError("summary is a RunSummary of its own: give RunSummary()", field="summary")
        summary.check_unused()
    elif max_bad is not None:
        raise ModelError("all bad rows are counted when the summary is asked: give summary too", field="max_bad")


@frozen(kw_only=True)
class ToldRun:
    """A run of which a summary is asked.

    Attributes:
        facts: what is known of the run.
        none: what was counted before any row.
        buckets: of which all must be counted.
        counted: brings what tasks count.
        bad_rows: makes a DataFrame of all bad rows.
        ledger: the run in the ledger, which the driver began; None without one.
        quotas: what the run chose so that its quotas hold; None without quotas.
        max_bad: how many bad rows are tolerated.
    """

    facts: RunFacts
    none: RunCounts
    buckets: frozenset[int]
    counted: CountsTold
    bad_rows: Callable[[], Any]
    ledger: LedgerRun | None = None
    quotas: QuotaRun | None = None
    max_bad: int | str | None = None

    def counts(self) -> RunCounts:
        """What all tasks have counted.

        Raises:
            DataError: where some have not counted yet.
        """
        found = RunCounts(bad=BadRows(self.max_bad))
        found.merge(self.none)
        for part in all_parts(self.buckets, self.counted.parts()):
            found.merge(part)
        return found

    def summary(self, counts: RunCounts) -> Summary:
        """The summary of what was counted."""
        if self.ledger is None:
            return self.facts.summary(counts, quotas=self.quotas)
        self.ledger.counts = counts.ledger or LedgerCounts()
        self.ledger.tell(counts.mismatches)
        # The run may have opened the ledger itself, by its address.
        with self.ledger.ledger:
            return self.facts.summary(counts, ledger=self.ledger)
