"""What the report counts of decisions, kept small while their rows pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.basics.clock import clock, day_date
from journeykit.columns.name_numbers import Names
from journeykit.errors import DataError
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.model.outcome import Outcome
from journeykit.tables.arrow.arrays import as_numpy, is_known, one_piece
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from journeykit.playbook.playbook import Playbook
    from journeykit.segments.contact_facets import ContactGroups

Coded = tuple[np.ndarray, list[str]]
"""By row, the code of a name; and the names."""
READ = (
    "run_id",
    "contact_id",
    "campaign_id",
    "channel",
    "team",
    "outcome",
    "reason",
    "rule",
    "lost_to",
    "weight",
    "price",
    "send_at",
    "retry_at",
    "decided_at",
    "arm",
    "displaced",
)
"""The columns that the report reads, where decisions have them."""
NEEDED = ("contact_id", "campaign_id", "outcome", "reason")
"""Those without which it says nothing."""
NOBODY = "(none)"
_QUARTER = 15 * 60 * 1_000_000
"""Local days begin at a quarter of an hour: instants are asked for their day so finely."""
_OUTCOMES = tuple(Outcome)


class PairSums:
    """Numbers of rows, and sums of their weights, by two names each.

    Attributes:
        counts: by both names, how many rows.
        weights: the sum of their weights.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.weights: dict[tuple[str, str], float] = {}

    def add(
        self,
        one: Coded,
        two: Coded,
        rows: NDArray[Any],
        weights: NDArray[np.float64] | None = None,
        parts: NDArray[np.float64] | None = None,
    ) -> None:
        """Add rows.

        Args:
            one: by row, the code of the first name, and the names.
            two: likewise, the second.
            rows: the places of the rows.
            weights: by row, its weight; None counts rows alone.
            parts: by place in ``rows``, by how much a row counts; None for 1 each.
        """
        width = len(two[1])
        keys = one[0][rows] * width + two[0][rows]
        counts = np.bincount(keys, parts, minlength=1)
        sums = None
        if weights is not None:
            own = weights[rows]
            sums = np.bincount(keys, own if parts is None else own * parts, minlength=1)
        for place in np.flatnonzero(counts).tolist():
            key = one[1][place // width], two[1][place % width]
            self.counts[key] += counts[place].item()
            if sums is not None:
                self.weights[key] = self.weights.get(key, 0.0) + sums[place].item()

    def by(self, place: int) -> dict[str, int]:
        """The counts by one of both names, the largest first."""
        found: Counter[str] = Counter()
        for key, count in self.counts.items():
            found[key[place]] += count
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def weights_by(self, place: int) -> dict[str, float]:
        """The sums of weights by one of both names."""
        found: dict[str, float] = {}
        for key, weight in self.weights.items():
            found[key[place]] = found.get(key[place], 0.0) + weight
        return found


class ReportTally:
    """What the report counts of decisions, kept small while their rows pass.

    Args:
        playbook: by whose zone days are local.
        groups: the contacts by stage and segment; None where contacts were not given.
        examples: so many contacts are kept whole.

    Attributes:
        rows: how many rows passed.
        runs: how many rows each run has.
        span: the first and the last instant of decisions, in microseconds; None before the first row.
        days: granted rows by local day (ISO text) and team, with weights.
        waiting: deferred rows by the local day on which they may go and team.
        teams: rows by team and outcome, with weights.
        channels: rows by channel and outcome, with weights.
        reasons: rows by campaign and reason, with weights.
        campaigns: rows by campaign and outcome, with weights.
        team_of: by campaign, its team in the decisions.
        losses: rows that lost to winners by campaign and the winner's campaign, in equal parts where there are
            several, with the weights of the claims that lost.
        prices: rows with a price by campaign and outcome, with the prices as weights.
        displaced: granted rows by campaign and outcome, with what they displaced as weights.
        stages: granted rows by stage and team.
        segments: granted rows by segment and team; a contact in several segments counts in each.
        arms: rows by arm and outcome, with weights.
        unknown: granted rows of contacts that are not in the table of contacts.
        kept: the rows of the contacts that are kept whole.
        has_denied: whether there are denied rows.
        has_displaced: whether any row says what it displaced.
    """

    def __init__(self, playbook: Playbook, groups: ContactGroups | None = None, examples: int = 0) -> None:
        self._clock = clock(playbook.timezone)
        self._groups = groups
        self._examples = examples
        self.rows = 0
        self.runs: Counter[str] = Counter()
        self.span: tuple[int, int] | None = None
        self.days, self.waiting = PairSums(), PairSums()
        self.teams, self.channels, self.campaigns = PairSums(), PairSums(), PairSums()
        self.reasons, self.losses = PairSums(), PairSums()
        self.prices, self.displaced, self.arms = PairSums(), PairSums(), PairSums()
        self.stages, self.segments = PairSums(), PairSums()
        self.team_of: dict[str, str] = {}
        self.has_denied = self.has_displaced = False
        self.kept: list[dict[str, Any]] = []
        self._kept_of: set[str] = set()
        self.unknown = 0
        self._days = Names()
        self._contacts = ContactNumbers()
        self._granted = np.zeros(0, np.int64)
        self._in_arms: dict[str, list[NDArray[Any]]] = {}

    @property
    def contacts(self) -> int:
        """How many contacts have rows."""
        return self._contacts.count

    @property
    def silent(self) -> int:
        """How many contacts of the table of contacts have no rows."""
        if self._groups is None:
            return 0
        return self._groups.contacts - int(np.count_nonzero(self._groups.find(self._contacts.ids) >= 0))

    @property
    def by_messages(self) -> dict[int, int]:
        """How many contacts get how many messages."""
        found = np.bincount(self._granted[: self.contacts], minlength=1)
        return {number: int(count) for number, count in enumerate(found) if count}

    def contacts_in(self, arm: str) -> int:
        """How many contacts are in an arm."""
        parts = self._in_arms.get(arm)
        return len(np.unique(np.concatenate(parts))) if parts else 0

    def add(self, piece: pa.Table) -> None:
        """Count a piece of a log of decisions: the columns `READ`, as `DecisionLog` gives them."""
        if not piece.num_rows:
            return
        columns = {name: one_piece(piece[name]) for name in piece.column_names}
        outcome, reason = coded_names(columns["outcome"]), coded_names(columns["reason"])
        team, campaign = coded_names(columns["team"]), coded_names(columns["campaign_id"])
        everyone = np.arange(piece.num_rows)
        weights = known_numbers(columns["weight"])
        granted, deferred, denied = (_rows_of(outcome, own) for own in _OUTCOMES)
        self.rows += piece.num_rows
        self.has_denied = self.has_denied or bool(len(denied))
        self._count_runs(columns)
        self._count_teams(campaign, team)
        for sums, one in (
            (self.teams, team),
            (self.channels, coded_names(columns["channel"])),
            (self.campaigns, campaign),
        ):
            sums.add(one, outcome, everyone, weights)
        self.reasons.add(campaign, reason, everyone, weights)
        self._count_days(columns, team, granted, deferred, weights)
        self._count_losses(columns["lost_to"], campaign, weights)
        self._count_numbers(columns, campaign, outcome, granted)
        contact = self._count_contacts(columns["contact_id"], granted)
        self._count_arms(columns["arm"], outcome, contact, weights)
        if self._groups is not None:
            self._count_groups(self._groups, columns["contact_id"], team, granted)
        if len(self._kept_of) < self._examples:
            self._keep(piece)

    def _count_runs(self, columns: Mapping[str, pa.Array]) -> None:
        codes, names = coded_names(columns["run_id"])
        for place, count in enumerate(np.bincount(codes).tolist()):
            if count:
                self.runs[names[place]] += count
        known = as_numpy(columns["decided_at"])[is_known(columns["decided_at"])]
        if len(known):
            first, last = int(known.min()), int(known.max())
            own = self.span or (first, last)
            self.span = min(own[0], first), max(own[1], last)

    def _count_teams(self, campaign: Coded, team: Coded) -> None:
        """The team of each campaign that is new: that of its first row."""
        own, first = np.unique(campaign[0], return_index=True)
        for code, row in zip(own.tolist(), first.tolist(), strict=True):
            self.team_of.setdefault(campaign[1][code], team[1][team[0][row]])

    def _count_days(
        self,
        columns: Mapping[str, pa.Array],
        team: Coded,
        granted: NDArray[Any],
        deferred: NDArray[Any],
        weights: NDArray[np.float64],
    ) -> None:
        for sums, name, rows in ((self.days, "send_at", granted), (self.waiting, "retry_at", deferred)):
            own = rows[is_known(columns[name])[rows]]
            if len(own):
                codes = np.zeros(len(team[0]), np.int64)
                codes[own] = self._local_days(as_numpy(columns[name])[own])
                sums.add((codes, self._days.list), team, own, weights)

    def _local_days(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        quarters, places = np.unique(instants // _QUARTER, return_inverse=True)
        days = (day_date(self._clock.day(quarter * _QUARTER)).isoformat() for quarter in quarters.tolist())
        return np.array([self._days.add(day) for day in days], np.int64)[places]

    def _count_losses(self, lost_to: pa.ListArray, campaign: Coded, weights: NDArray[np.float64]) -> None:
        first = as_numpy(lost_to.offsets)
        lengths = np.diff(first)
        if not lengths.any():
            return
        winners = coded_names(lost_to.flatten())
        rows = np.repeat(np.arange(len(lengths)), lengths)
        losers = campaign[0][rows], campaign[1]
        self.losses.add(losers, winners, np.arange(len(rows)), weights[rows], 1 / lengths[rows])

    def _count_numbers(
        self,
        columns: Mapping[str, pa.Array],
        campaign: Coded,
        outcome: Coded,
        granted: NDArray[Any],
    ) -> None:
        """Prices of quotas, and what granted claims displaced."""
        known = np.flatnonzero(is_known(columns["price"]))
        self.prices.add(campaign, outcome, known, known_numbers(columns["price"]))
        told = granted[is_known(columns["displaced"])[granted]]
        self.has_displaced = self.has_displaced or bool(len(told))
        self.displaced.add(campaign, outcome, told, known_numbers(columns["displaced"]))

    def _count_contacts(self, ids: pa.Array, granted: NDArray[Any]) -> NDArray[np.int64]:
        """The number of each row's contact."""
        # A contact's rows mostly follow each other.
        is_new = np.ones(len(ids), np.bool_)
        is_new[1:] = _differ(ids)
        starts = np.flatnonzero(is_new)
        column = Column(ids).take(starts)
        numbers = self._contacts.meet(column, len(starts), {}).astype(np.int64)
        contact: NDArray[np.int64] = np.repeat(numbers, np.diff(np.append(starts, len(ids))))
        if self.contacts > len(self._granted):
            more = np.zeros(max(self.contacts, 2 * len(self._granted)) - len(self._granted), np.int64)
            self._granted = np.append(self._granted, more)
        np.add.at(self._granted, contact[granted], 1)
        return contact

    def _count_arms(
        self,
        column: pa.Array,
        outcome: Coded,
        contact: NDArray[np.int64],
        weights: NDArray[np.float64],
    ) -> None:
        if column.null_count == len(column):
            return
        arm = coded_names(column)
        self.arms.add(arm, outcome, np.arange(len(contact)), weights)
        for code in np.unique(arm[0]).tolist():
            self._in_arms.setdefault(arm[1][code], []).append(np.unique(contact[arm[0] == code]))

    def _count_groups(self, groups: ContactGroups, ids: pa.Array, team: Coded, granted: NDArray[Any]) -> None:
        """Granted rows by stage and segment of their contacts."""
        contact = groups.find(ids.take(pa.array(granted)))
        self.unknown += int(np.count_nonzero(contact < 0))
        own = team[0][granted], team[1]
        for name, sums in (("stage", self.stages), ("segment", self.segments)):
            facet = groups.facet(name)
            places, codes = facet.spread(contact)
            if len(places):
                labels = [label[0] or NOBODY for label in facet.labels]
                sums.add((codes, labels), (own[0][places], own[1]), np.arange(len(places)))

    def _keep(self, piece: pa.Table) -> None:
        """Keep the rows of the first contacts."""
        for row in piece.slice(0, 50 * self._examples).to_pylist():
            if row["contact_id"] not in self._kept_of:
                if len(self._kept_of) == self._examples:
                    return
                self._kept_of.add(row["contact_id"])
            self.kept.append(row)


def coded_names(column: pa.Array) -> Coded:
    """The codes of a column of texts, and its names; nothing is a name of its own."""
    array = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    names = [NOBODY if own is None else own for own in array.dictionary.to_pylist()]
    codes = as_numpy(array.indices).astype(np.int64)
    if array.indices.null_count:
        codes[~is_known(array.indices)] = len(names)
        names.append(NOBODY)
    return codes, names


def known_numbers(column: pa.Array) -> NDArray[np.float64]:
    """The numbers of a column; nothing counts 0.

    Raises:
        DataError: for one that is not finite, with which nothing could be added up.
    """
    found: NDArray[np.float64] = np.where(is_known(column), as_numpy(column), 0.0)
    if not np.isfinite(found).all():
        raise DataError("a weight, a price or what was displaced is not a finite number", source="decisions")
    return found


def _is_any(coded: Coded, wanted: Collection[str]) -> NDArray[np.bool_]:
    codes, names = coded
    found: NDArray[np.bool_] = np.array([own in wanted for own in names], np.bool_)[codes]
    return found


def _rows_of(coded: Coded, name: str) -> NDArray[Any]:
    return np.flatnonzero(_is_any(coded, (name,)))


def _differ(ids: pa.Array) -> NDArray[np.bool_]:
    """Whether each id after the first differs from the one before it."""
    return as_numpy(pc.not_equal(ids[1:], ids[:-1])).astype(np.bool_)
