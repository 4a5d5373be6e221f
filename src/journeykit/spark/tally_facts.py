"""What is known of a placement, of credit and of scores whatever rows say; with what they count, it is a summary."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from journeykit.errors import ModelError
from journeykit.journey import Journey
from journeykit.learning.campaign_scoring import CampaignScores, model_notes
from journeykit.measuring.credit_tally import CreditSummary, CreditTally
from journeykit.model.bad_row import BadRow
from journeykit.placing.placing_tally import PlacingTally
from journeykit.playbook.playbook import Playbook
from journeykit.spark.history_work import HistoryTally

if TYPE_CHECKING:
    from collections.abc import Collection

    from journeykit.journey.placing_results import PlacingSummary
    from journeykit.tables.bad_row_list import BadRows


@frozen(kw_only=True)
class ScoreSummary:
    """Who was scored.

    Attributes:
        contacts: how many contacts were.
        scores: how many scores they have.
        bad_rows: how many rows could not be used.
        bad: the first of them.
        notes: what else is worth knowing.
    """

    contacts: int
    scores: int
    bad_rows: int
    bad: tuple[BadRow, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "contacts": self.contacts,
            "scores": self.scores,
            "bad_rows": self.bad_rows,
            "bad": [str(own) for own in self.bad],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        return "\n".join([f"{self.scores:,} scores of {self.contacts:,} contacts", *self.notes])


class TallyFacts:
    """What is known of work whatever the rows say."""

    def calendar(self, tally: Any) -> Any:
        """There are no plans here.

        Raises:
            ModelError: always.
        """
        del tally
        raise ModelError("a calendar is that of a plan of decisions", field="calendar")


@frozen(kw_only=True)
class PlacingFacts(TallyFacts):
    """What is known of a placement.

    Attributes:
        journey: the journey.
        at: the instant for which contacts are placed.
        tables: the names of the tables that are given.
        notes: what is to be said of their columns.
    """

    journey: Journey
    at: datetime
    tables: frozenset[str]
    notes: tuple[str, ...]

    def none(self, bad: BadRows) -> PlacingTally:
        """Nothing counted; bad rows will be added to some."""
        return PlacingTally(bad=bad)

    def refuse(self, tally: PlacingTally) -> None:
        """Refuse tables none of whose rows can be used, and too many bad rows.

        Raises:
            DataError: with the first of the bad rows.
        """
        tally.bad.refuse_useless("events", tally.events)
        if "contacts" in self.tables:
            tally.bad.refuse_useless("contacts", tally.contacts)
        tally.bad.check()

    def summary(self, tally: PlacingTally) -> PlacingSummary:
        """The summary, as the local placement has it."""
        return tally.summary(self.journey, self.at, self.notes)


@frozen(kw_only=True)
class CreditFacts(TallyFacts):
    """What is known of credit, and of the past of contacts.

    Attributes:
        playbook: the rule set.
        tables: the names of the tables that are given.
        notes: what is to be said of their columns.
    """

    playbook: Playbook
    tables: frozenset[str]
    notes: tuple[str, ...] = ()

    def none(self, bad: BadRows) -> CreditTally:
        """Nothing counted; bad rows will be added to some."""
        return CreditTally(bad=bad)

    def refuse(self, tally: CreditTally) -> None:
        """Refuse tables none of whose rows can be used, and too many bad rows.

        Raises:
            DataError: with the first of the bad rows.
        """
        _refuse(tally.bad, self.tables)

    def summary(self, tally: CreditTally) -> CreditSummary:
        """The summary."""
        found = tally.summary(self.playbook)
        return evolve(found, notes=(*found.notes, *self.notes))


@frozen(kw_only=True)
class ScoreFacts(TallyFacts):
    """What is known of scores.

    Attributes:
        playbook: the rule set.
        tables: the names of the tables that are given.
        scores: those of nobody, for the same campaigns.
        hour: the hour of the day for which they are; None for that of the instant.
    """

    playbook: Playbook
    tables: frozenset[str]
    scores: CampaignScores
    hour: int | None

    def none(self, bad: BadRows) -> HistoryTally:
        """Nothing counted; bad rows will be added to some."""
        return HistoryTally(credit=CreditTally(bad=bad))

    def refuse(self, tally: HistoryTally) -> None:
        """Refuse tables none of whose rows can be used, and too many bad rows.

        Raises:
            DataError: with the first of the bad rows.
        """
        _refuse(tally.credit.bad, self.tables)

    def summary(self, tally: HistoryTally) -> ScoreSummary:
        """The summary, which says what `CampaignScores.notes` says."""
        own, bad = self.scores, tally.credit.bad
        return ScoreSummary(
            contacts=tally.scores.contacts,
            scores=tally.scores.contacts * len(own.campaigns),
            bad_rows=bad.total,
            bad=tuple(bad.first),
            notes=(
                *tally.credit.notes(self.playbook),
                *tally.scores.notes(own.features, self.hour, own.at, own.model.until),
                *model_notes(own.model, own.campaigns, own.responses),
            ),
        )


def _refuse(bad: BadRows, tables: Collection[str]) -> None:
    for name in ("touches", "events", "contacts"):
        if name in tables:
            bad.refuse_useless(name)
    bad.check()
