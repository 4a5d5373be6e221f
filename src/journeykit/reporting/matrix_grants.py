"""What was decided, by row and message of a messaging matrix: granted, and lost for want of capacity."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.errors import ModelError
from journeykit.model.outcome import Outcome, Reason
from journeykit.reporting.contact_bits import ContactBits, pairs
from journeykit.reporting.matrix_layout import row_of
from journeykit.segments.contact_facets import ContactGroups
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.decision_log import DecisionLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from numpy.typing import NDArray

    from journeykit.reporting.matrix_layout import MatrixLayout, Profile

NO_CAPACITY = frozenset({Reason.CAPPED, Reason.CONFLICT, Reason.QUOTA_FULL, Reason.OUTBID})
"""The reasons of claims that are eligible and find a cap, a conflict, a quota or a better message in their way."""
_NEEDED = ("contact_id", "campaign_id", "content_id", "outcome", "reason")
_OPTIONAL = ("binding", "lost_to", "decided_at")
_JOIN = "\x1f"


class MatrixGrants:
    """Counts decisions.

    Args:
        layout: the messages.
        decisions: tables of decisions, as `DecisionLog` takes them.
        zone: the zone in which instants without an offset are meant.

    Attributes:
        log: the decisions.
        granted: by row and message, how many messages were granted.
        lost: by row and message, how many claims were lost for want of capacity (`NO_CAPACITY`).
        both: by conflict, first and then campaign, how many contacts were granted both.
        stopped: likewise, how many claims of one lost to the other while the conflict was binding; None where the
            decisions do not say to whom claims lost.
        strangers: how many decisions are of contacts that the table of contacts does not have.

    Raises:
        DataError: for decisions that cannot be read.
    """

    def __init__(self, layout: MatrixLayout, decisions: Any, zone: tzinfo | None) -> None:
        self.layout = layout
        self.log = DecisionLog(decisions, zone=zone).of_playbook(layout.playbook)
        self.log.need(_NEEDED)
        self._places = {(own.campaign.id, own.content_id): place for place, own in enumerate(layout.messages)}
        for name, messages in layout.ruleset.messages_of.items():
            if len(messages) == 1:
                self._places.setdefault((name, None), self._places[name, messages[0].content_id])
        self._units = list(dict.fromkeys(own for sides in layout.sides for side in sides for own in side.values()))
        self._member = np.zeros((len(layout.messages) + 1, len(self._units)), np.bool_)
        for unit, members in enumerate(self._units):
            self._member[list(members), unit] = True
        self._conflicts = pa.array([own.name for own in layout.playbook.conflicts], pa.string())
        self._bits = ContactBits(max(1, len(self._units)))
        self._stopped: Counter[tuple[str, str, str]] = Counter()
        self._tells = True
        self.granted: dict[Profile, NDArray[np.int64]] = {}
        self.lost: dict[Profile, NDArray[np.int64]] = {}
        self.both: list[list[list[int]]] = []
        self.strangers = 0

    def last(self) -> datetime:
        """The instant of the last decision.

        Raises:
            ModelError: where there is none.
        """
        for _ in self.log.pieces((), ("decided_at",)):
            pass
        if self.log.instants is None:
            raise ModelError("there are no decisions that say an instant: give at", field="at")
        return self.log.instants[1]

    def count(self, contacts: Any, *, at: datetime, zone: str | None, max_bad: int | str | None) -> None:
        """Count all decisions.

        Args:
            contacts: the table of contacts.
            at: the instant at which the rules of segments are asked, aware.
            zone: IANA name of the zone in which instants without an offset are meant.
            max_bad: how many bad rows are tolerated.

        Raises:
            DataError: for a table that cannot be used, and decisions of another playbook.
        """
        by = self.layout.audience.split("*")
        groups = ContactGroups.read(self.layout.playbook, contacts, at=at, by=by, zone=zone, max_bad=max_bad)
        facet = groups.facet(self.layout.audience)
        shape = len(facet.labels), len(self.layout.messages) + 1
        granted, lost = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for piece in self.log.pieces(_NEEDED, _OPTIONAL):
            contact = groups.find(piece["contact_id"])
            self.strangers += int((contact < 0).sum())
            place = self._messages(piece)
            is_granted = Column(piece["outcome"].combine_chunks()).among({Outcome.GRANTED})
            is_lost = ~is_granted & Column(piece["reason"].combine_chunks()).among(NO_CAPACITY)
            for table, chosen in ((granted, is_granted), (lost, is_lost)):
                rows, label = facet.spread(contact[chosen])
                np.add.at(table, (label, place[chosen][rows]), 1)
            known = is_granted & (contact >= 0)
            rows, unit = np.nonzero(self._member[place[known]])
            self._bits.add(contact[known][rows], unit)
            self._stop(piece, place)
        self._tells = {"binding", "lost_to"} <= set(self.log.columns)
        for names, own, more in zip(facet.labels, granted, lost, strict=True):
            row = row_of(self.layout, dict(zip(by, names, strict=True)))
            for found, counts in ((self.granted, own), (self.lost, more)):
                found[row] = found.get(row, 0) + counts[:-1]
        self.both = list(self._both(len(facet.code)))

    def _messages(self, piece: pa.Table) -> NDArray[np.int64]:
        """By row, the place of its message; the last one for what the playbook does not have."""
        campaign, content = (Column(piece[name].combine_chunks()) for name in ("campaign_id", "content_id"))
        unknown = len(self.layout.messages)
        table = [[self._places.get((str(one), other), unknown) for other in content.values] for one in campaign.values]
        shape = len(campaign.values), len(content.values)
        found: NDArray[np.int64] = np.array(table, np.int64).reshape(shape)[campaign.codes, content.codes]
        return found

    def _stop(self, piece: pa.Table, place: NDArray[np.int64]) -> None:
        """Count the claims that a conflict stopped, by what they lost to."""
        if not self.layout.sides:
            return
        rows = _holding(piece["binding"], self._conflicts)
        rows = rows[(place < len(self.layout.messages))[rows]]
        if not len(rows):
            return
        some = piece.select(["campaign_id", "binding", "lost_to"]).take(pa.array(rows))
        joined = {name: _joined(some[name]) for name in ("binding", "lost_to")}
        campaign = some["campaign_id"].cast(pa.large_string())
        table = pa.table({"campaign": campaign, **joined}).group_by(["campaign", "binding", "lost_to"])
        for row in table.aggregate([([], "count_all")]).to_pylist():
            for conflict in set(row["binding"].split(_JOIN)):
                for winner in set(row["lost_to"].split(_JOIN)):
                    self._stopped[conflict, row["campaign"], winner] += row["count_all"]

    def stopped(self, conflict: str, first: str, then: str) -> int | None:
        """How many claims of one of two campaigns lost to the other while a conflict was binding."""
        if not self._tells:
            return None
        return self._stopped[conflict, first, then] + self._stopped[conflict, then, first]

    def _both(self, contacts: int) -> Iterator[list[list[int]]]:
        """By conflict, first and then campaign, how many contacts were granted both."""
        bits = self._bits.matrix(contacts)
        met = pairs(bits, bits, len(self._units)) if self._units else np.zeros((0, 0), np.int64)
        number = {own: place for place, own in enumerate(self._units)}
        for first, then in self.layout.sides:
            yield [[int(met[number[one], number[other]]) for other in then.values()] for one in first.values()]

    def notes(self) -> Iterator[str]:
        """What is to be said of the decisions."""
        if self.strangers:
            yield f"decisions of contacts that the table does not have: {self.strangers:,}"
        if len(self.log.runs) > 1:
            yield f"the decisions are of {len(self.log.runs):,} runs: what one contact got in any of them is counted"
        if self.log.rows and "denied" not in self.log.outcomes:
            yield "the decisions have no denied claims, so what lost is counted in part: decide --all writes them"
        if not self._tells and self.layout.sides:
            yield "the decisions have no binding and lost_to, so what conflicts stopped is not counted"


def _holding(column: pa.ChunkedArray, words: pa.Array) -> NDArray[np.int64]:
    """The rows of which a list has one of some words."""
    lists = column.combine_chunks()
    texts = lists.flatten().cast(pa.string())
    parents = pc.list_parent_indices(lists).filter(pc.is_in(texts, words))
    found: NDArray[np.int64] = np.unique(parents.to_numpy())
    return found


def _joined(column: pa.ChunkedArray) -> pa.Array:
    """Lists of texts as one text each."""
    lists = column.combine_chunks()
    texts = pa.ListArray.from_arrays(lists.offsets, lists.values.cast(pa.string()))
    return pc.binary_join(texts, _JOIN)
