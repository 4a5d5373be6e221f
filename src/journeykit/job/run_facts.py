"""What is known of a run over tables whatever its rows say; with what its rows count, it is the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from journeykit.basics.validation import MILLIONTH
from journeykit.basics.version import VERSION
from journeykit.engine.decider import Decider
from journeykit.engine.unknowns import Unknowns
from journeykit.errors import ModelError
from journeykit.job.calendar import DayTally
from journeykit.job.claim_counts import KINDS, by_outcome, largest_first
from journeykit.job.exploration_notes import spread_notes
from journeykit.job.summary import Summary, cost_notes, event_notes, plan_notes, scored_notes, uplift_notes
from journeykit.job.table_quality import QualityCounts, TableQuality, named_kinds
from journeykit.model.mismatch import Mismatches
from journeykit.tables import Spellings
from journeykit.tables.bad_row_list import refuse_useless_tables
from journeykit.tables.decision_columns import DECISIONS
from journeykit.tables.doubles import restricted_notes
from journeykit.tables.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.job.calendar import Calendar
    from journeykit.job.run_counts import RunCounts
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.quotas.quota_run import QuotaRun


@frozen(kw_only=True)
class RunFacts:
    """What is known of a run over tables whatever its rows say.

    Attributes:
        decider: the playbook, compiled.
        run_id: the name of the run.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware, or None.
        engine: which engine does the work: ``columns`` or ``one``.
        tables: the tables that are given, by name, ``contacts`` among them.
        sources: by name of a table, what its bad rows call it.
        contact_source: what bad rows call the table from which the contacts are.
        columns: the columns of the table of decisions that are given.
    """

    decider: Decider
    run_id: str
    at: datetime
    until: datetime | None
    engine: str
    tables: Mapping[str, Any]
    sources: Mapping[str, str]
    contact_source: str
    columns: Sequence[str]

    def refuse(self, counts: RunCounts) -> None:
        """Refuse what the counts of all parts together tell: too many bad rows, or a table of which none can be used.

        Raises:
            DataError: naming the table, with the first of its bad rows.
        """
        refuse_useless_tables(counts.bad, self.sources, counts.claims.contacts)
        if "touches" in self.sources:
            counts.bad.refuse_useless(self.sources["touches"])
        counts.bad.check()

    def summary(
        self,
        counts: RunCounts,
        *,
        quotas: QuotaRun | None = None,
        ledger: LedgerRun | None = None,
    ) -> Summary:
        """The summary of the run.

        Args:
            counts: what was counted, of all parts together.
            quotas: what the run chose so that its quotas hold; None without quotas.
            ledger: the run in the ledger; None without one.
        """
        playbook, claims, unknowns = self.decider.playbook, counts.claims, self._unknowns(counts)
        words = self._words(counts)
        return Summary(
            run_id=self.run_id,
            playbook=self.decider.fingerprint,
            at=self.at,
            until=self.until,
            contacts=claims.contacts,
            claims=claims.outcomes.total(),
            written=counts.written,
            value=claims.value / MILLIONTH,
            bound=claims.bound / MILLIONTH if quotas is None else quotas.bound,
            penalties=0.0 if quotas is None else quotas.penalties,
            quotas=() if quotas is None else quotas.usages(None if ledger is None else ledger.fallen),
            prices=None if quotas is None else quotas.prices,
            unproven=claims.unproven,
            outcomes=largest_first(claims.outcomes),
            reasons=largest_first(claims.reasons),
            rules=largest_first(claims.rules),
            teams=by_outcome(claims.teams),
            stages=by_outcome(claims.stages),
            channels=by_outcome(claims.channels),
            missing=claims.missing_data(playbook),
            bad_rows=counts.bad.total,
            bad_kinds=dict(sorted(counts.bad.kinds.items(), key=lambda item: (-item[1], item[0]))),
            bad_first=tuple(counts.bad.first[:KINDS]),
            unknown_touches=counts.unknown_touches,
            unknown_scores=counts.unknown_scores,
            notes=(
                *counts.notes,
                *restricted_notes(self.contact_source, counts.restricted),
                *(() if counts.fallback is None else counts.fallback.notes()),
                *(() if ledger is None else ledger.notes()),
                *plan_notes(playbook, self.at, self.until, derived="claims" not in self.tables),
                *self.decider.guard_notes(),
                *(() if ledger is None else self.decider.pause_notes()),
                *self._score_and_event_notes(counts),
                *claims.notes(playbook),
                *spread_notes(playbook, words),
                *(() if quotas is None else quotas.notes()),
            ),
            mismatches=tuple(self._mismatches(counts, words, unknowns)),
            bad_touches=counts.bad_touches,
            rows={name: counts.bad.rows[own] for name, own in self.sources.items() if own in counts.bad.rows},
            policy=playbook.policy,
            policy_class=f"{type(self.decider.policy).__module__}.{type(self.decider.policy).__qualname__}",
            inputs=tuple(name for name in self.tables if name != "contacts"),
            version=VERSION,
            tables=dict(self._qualities(counts, words, unknowns)),
            output={name: DECISIONS[name] for name in self.columns},
            engine=self.engine,
            durations=dict(counts.durations),
            unknown=unknowns.by_rule(),
            arms={} if counts.arms is None else counts.arms.to_dict(),
        )

    def calendar(self, counts: RunCounts) -> Calendar:
        """What is granted and deferred on each day of the plan.

        Raises:
            ModelError: without ``until``, since a single instant has no days.
        """
        if self.until is None:
            raise ModelError("a calendar is that of a plan; give until, its last instant", field="until")
        tally = DayTally(self.decider.playbook, self.at, self.until)
        tally.merge(counts.days or {})
        return tally.calendar()

    def _score_and_event_notes(self, counts: RunCounts) -> Iterator[str]:
        """What a person should know of scores and events that are missing, or that nobody asks for."""
        ruleset, playbook = self.decider.ruleset, self.decider.playbook
        yield from event_notes(
            ruleset,
            counts.unknown_events,
            given="events" in self.tables,
            kept=counts.has_kept_events,
            met=counts.events,
        )
        yield from scored_notes(ruleset.attention, counts.scored)
        yield from cost_notes(ruleset.attention, playbook, counts.scored, counts.costless)
        yield from uplift_notes(ruleset.attention, playbook, counts.scored, counts.upliftless)

    def _unknowns(self, counts: RunCounts) -> Unknowns:
        found = Unknowns(self.decider, self.at)
        found.unknown.update(counts.unknown)
        found.readings.add(counts.cells)
        return found

    def _words(self, counts: RunCounts) -> dict[str, Words]:
        """What the words of each table are compared with, which knows its columns."""
        found = {name: Words(name, self.decider.playbook, self.decider.ruleset.vocabulary) for name in self.tables}
        for name, words in found.items():
            words.name(counts.columns.get(name, {}).values())
        return found

    def _qualities(
        self, counts: RunCounts, words: Mapping[str, Words], unknowns: Unknowns
    ) -> Iterator[tuple[str, TableQuality]]:
        """How good each table is, as far as it was read."""
        contacts = counts.claims.contacts
        unknown = {name: getattr(counts, f"unknown_{name}") for name in ("touches", "scores", "events")}
        filled = {"contacts": unknowns.readings.filled()}
        quality = QualityCounts(self.decider, words, Spellings.of(self.decider.playbook), counts.bad)
        quality.spans = counts.spans
        for name, source in self.sources.items():
            kinds = named_kinds(words[name].names, counts.kinds.get(name, {}), self.tables[name])
            missing = {path: contacts - count for path, count in filled.get(name, {}).items()}
            found = quality.of(name, source, kinds, missing)
            yield name, evolve(found, unknown=unknown.get(name), contacts=contacts)

    def _mismatches(self, counts: RunCounts, words: Mapping[str, Words], unknowns: Unknowns) -> Mismatches:
        """What was found in the rows, in the columns, and in the cells that rules read."""
        found = Mismatches()
        found.merge(counts.mismatches)
        for own in words.values():
            own.finish(found)
        unknowns.readings.tell(found)
        ledger = Words("ledger", self.decider.playbook, self.decider.ruleset.vocabulary)
        for step, rows in counts.steps.items():
            for finding in ledger.no_step(*step):
                ledger.count(finding, rows, found)
        return found
