"""Decisions as they are counted: those of a table, or made now and not kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
from attrs import frozen

from journeykit.arbiter import Arbiter
from journeykit.basics.clock import clock
from journeykit.errors import ModelError
from journeykit.job.inputs import TABLES
from journeykit.kernels import has_kernels
from journeykit.placing.funnel import repeatable
from journeykit.tables.arrow.decision_log import DecisionLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.job.run import Run
    from journeykit.playbook.playbook import Playbook

CLAIM_OF = ("contact_id", "campaign_id", "outcome")
"""The columns without which nothing can be counted."""


@frozen(kw_only=True)
class RunInputs:
    """What decisions are made from, where none are given.

    Attributes:
        contacts: the table of contacts; and so are the next ones.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None derives claims from the campaigns' audiences.
        events: what contacts did.
        at: the instant of the decisions, aware; None where decisions are given.
        until: the last instant of a plan.
        zone: IANA name of the zone in which instants without an offset are meant.
        policies: your own policies by name.
        guards: tripped guards.
        max_bad: how many bad rows are tolerated.
        threads: how many chunks are decided at once.
        ledger: where the history is read, beside the touches; nothing is reserved.
    """

    contacts: Any = None
    touches: Any = None
    scores: Any = None
    claims: Any = None
    events: Any = None
    at: datetime | None = None
    until: datetime | None = None
    zone: str | None = None
    policies: Mapping[str, Any] | None = None
    guards: Any = None
    max_bad: int | str | None = None
    threads: int | None = None
    ledger: Any = None

    def job(self, playbook: Playbook, columns: Sequence[str], *, outcomes: str = "all", explain: bool = False) -> Any:
        """A run over the tables, not begun.

        Args:
            playbook: the rule set.
            columns: the columns of decisions that are made.
            outcomes: which rows are given: ``all``, or ``granted`` alone.
            explain: whether ``displaced`` is worked out.

        Raises:
            ModelError: for an instant that is missing.
        """
        if self.at is None:
            raise ModelError("give decisions, or contacts and the instant of the decisions", field="at")
        arbiter = Arbiter(playbook, dict(self.policies or {}), guards=self.guards)
        if has_kernels():
            from journeykit.job import TableJob as kind  # noqa: N813  (one of two)
        else:
            from journeykit.job import TablesByRows as kind  # type: ignore[assignment]  # noqa: N813
        return kind(
            arbiter,
            self.contacts,
            self.touches,
            self.scores,
            self.claims,
            self.events,
            at=self.at,
            until=self.until,
            zone=self.zone,
            explain=explain,
            outcomes=outcomes,
            columns=tuple(columns),
            max_bad=self.max_bad,
            threads=self.threads,
            ledger=self.ledger,
            dry_run=self.ledger is not None,
        )


class DecisionSource:
    """Decisions, piece by piece.

    Args:
        playbook: the rule set that decides, or decided.
        decisions: tables of decisions, as `DecisionLog` takes them; None to decide now.
        inputs: what is decided from where none are given.

    Attributes:
        log: the decisions that are given; None where they are made.
        run: the run that made them, once it is done; None where they are given.

    Raises:
        ModelError: for decisions together with an instant or tables to decide.
    """

    def __init__(self, playbook: Playbook, decisions: Any, inputs: RunInputs) -> None:
        self.playbook, self.inputs = playbook, inputs
        self.log: DecisionLog | None = None
        self.run: Run | None = None
        if decisions is not None:
            self._refuse_two(inputs)
            zone = None if inputs.zone is None else clock(inputs.zone).zone
            self.log = DecisionLog(decisions, zone=zone).of_playbook(playbook)

    @staticmethod
    def _refuse_two(inputs: RunInputs) -> None:
        for name in ("at", "until", "touches", "scores", "claims", "events"):
            if getattr(inputs, name) is not None:
                raise ModelError(
                    f"{name} is for decisions that are made now, and decisions are given: leave out one of them",
                    field=name,
                )

    @property
    def at(self) -> datetime | None:
        """The instant of the decisions; of several runs that of the last; None for no rows."""
        if self.log is None:
            return self.inputs.at
        return None if self.log.instants is None else self.log.instants[1]

    def pieces(
        self, columns: Sequence[str], optional: Sequence[str] = (), *, outcomes: str = "all", explain: bool = False
    ) -> Iterator[pa.Table]:
        """The decisions; those that are made are of one run, in whose pieces a contact is whole.

        Args:
            columns: columns that they must have.
            optional: columns that may be missing in a table; they are null then.
            outcomes: which are made: ``all`` or ``granted``; a table gives all it has.
            explain: whether those that are made have ``displaced``.

        Raises:
            DataError: for a table that cannot be used, or decisions of another playbook.
        """
        if self.log is not None:
            # Without the instant nobody knows in which segments contacts were.
            yield from self.log.pieces((*columns, "decided_at"), optional)
            return
        job = self.inputs.job(self.playbook, (*columns, *optional), outcomes=outcomes, explain=explain)
        for batch in job.batches():
            yield pa.Table.from_batches([batch])
        self.run = job

    @property
    def has_denied(self) -> bool:
        """Whether denied claims are among those that were read."""
        return self.log is None or "denied" in self.log.outcomes

    def notes(self) -> Iterator[str]:
        """What is to be said of the decisions, once they were read."""
        if self.log is not None:
            if not self.log.rows:
                yield "the decisions have no rows"
            runs = len(self.log.runs)
            if runs > 1:
                yield f"the decisions are of {runs:,} runs: what one contact got in any of them is counted together"
        elif self.run is not None:
            summary = self.run.summary()
            yield from summary.notes
            if summary.unproven:
                yield f"for {summary.unproven:,} contacts the search ended before the proof that no choice is better"
            yield from self.run.bad.lines()

    @classmethod
    def of(cls, playbook: Playbook, decisions: Any, **inputs: Any) -> Self:
        """Decisions, from the arguments of a function that takes them or what they are made from."""
        tables = {name: repeatable(inputs[name]) for name in TABLES}
        return cls(playbook, decisions, RunInputs(**(inputs | tables)))
