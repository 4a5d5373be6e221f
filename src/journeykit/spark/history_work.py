"""The past of the contacts of a slice: features of their messages, and scores."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import Factory, define, frozen

from journeykit.basics.clock import clock, micros
from journeykit.learning.campaign_scoring import scores_at_hour
from journeykit.learning.feature_columns import feature_table
from journeykit.learning.history_features import hour_counts
from journeykit.learning.learned_model import LearnedModel
from journeykit.learning.message_history import MessageHistory
from journeykit.learning.score_tally import ScoreTally
from journeykit.measuring.credit_tally import CreditTally
from journeykit.playbook.playbook import Playbook
from journeykit.spark.credit_work import CreditWork
from journeykit.spark.row_order import rows_in_order
from journeykit.spark.slice_bad_rows import SliceBadRows
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa

    from journeykit.learning.campaign_scoring import CampaignScores


@define(kw_only=True)
class HistoryTally:
    """What is said of the past of contacts and of their scores: parts add up to the whole, in any order.

    Attributes:
        credit: what became of messages and events.
        scores: who is scored.
    """

    credit: CreditTally = Factory(CreditTally)
    scores: ScoreTally = Factory(ScoreTally)

    @property
    def contacts(self) -> int:
        """How many contacts are scored."""
        return self.scores.contacts

    def merge(self, other: HistoryTally) -> None:
        """Count what a part has counted that has other contacts; it is not changed."""
        self.credit.merge(other.credit)
        self.scores.merge(other.scores)


@frozen(kw_only=True)
class HistoryWork:
    """Reads the past of the contacts of slices.

    Attributes:
        playbook: the rule set.
        until: the end of what is known.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        static: the attributes that hold always.
        only: the folded names of the attributes that are read; None for all.
    """

    playbook: Playbook
    until: datetime
    zone: str | None = None
    static: tuple[str, ...] = ()
    only: frozenset[str] | None = None

    def read(self, tables: Mapping[str, pa.Table]) -> tuple[MessageHistory, CreditTally]:
        """The past of a slice, and what was counted."""
        tables = rows_in_order(tables)
        bad = SliceBadRows(tables)
        crediting = CreditWork(playbook=self.playbook, until=micros(self.until), zone=self.zone)
        table = crediting.messages(tables["touches"], None, bad)
        found = crediting.credits(table, tables["events"], bad)
        history = MessageHistory.of(
            self.playbook,
            table,
            found,
            tables["events"],
            until=self.until,
            contacts=tables.get("contacts"),
            static=self.static,
            only=self.only,
            zone=self.zone,
            bad=bad,
            threads=1,
        )
        return history, CreditTally.of(table, found, bad.told())


@frozen(kw_only=True)
class FeatureWork:
    """Makes the features of the messages of slices.

    Attributes:
        history: reads their past.
        since: messages from this instant on; None for all.
        attributes: the folded names of the attributes of contacts that are features.
    """

    history: HistoryWork
    since: datetime | None = None
    attributes: tuple[str, ...] = ()

    def __call__(self, tables: Mapping[str, pa.Table]) -> tuple[pa.Table, CreditTally]:
        """The features of a slice, and what was counted."""
        past, tally = self.history.read(tables)
        return feature_table(past, until=self.history.until, since=self.since, attributes=self.attributes), tally


@frozen(kw_only=True)
class ScoringWork:
    """Scores the contacts of slices.

    Attributes:
        history: reads their past.
        model: the model.
        response: the response whose chance is the propensity; None for the first that is about the message.
        hour: the hour of the day at which messages go; None for that of the instant.
    """

    history: HistoryWork
    model: LearnedModel
    response: str | None = None
    hour: int | None = None

    def __call__(self, tables: Mapping[str, pa.Table]) -> tuple[pa.Table, HistoryTally]:
        """The scores of a slice, and what was counted."""
        scores, tally = self.scores(tables)
        return scores.table(), HistoryTally(credit=tally, scores=scores.tally())

    def scores(self, tables: Mapping[str, pa.Table]) -> tuple[CampaignScores, CreditTally]:
        """The scores of a slice, made as they are asked for."""
        own, (past, tally) = self.history, self.history.read(tables)
        found = scores_at_hour(
            own.playbook, self.model, past, at=own.until, response=self.response, hour=self.hour, threads=1
        )
        return found, tally


@frozen
class HourCount:
    """Counts the messages of a table by the local hour at which they went; counts of batches add up.

    Attributes:
        messages: reads the messages.
    """

    messages: CreditWork

    def __call__(self, touches: pa.Table) -> np.ndarray:
        """By local hour of the day, how many messages of some touches went."""
        found = self.messages.messages(touches, None, BadRows(is_part=True))
        return hour_counts(clock(self.messages.playbook.timezone), found.at)
