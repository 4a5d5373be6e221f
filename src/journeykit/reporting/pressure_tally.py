"""Counts for the report of pressure, while decisions pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.model.outcome import Reason
from journeykit.reporting.campaign_overlap import COMPETING
from journeykit.reporting.contact_bits import ContactBits
from journeykit.reporting.displacement import Displaced, ListCodes, RunDisplacement, joined
from journeykit.tables.arrow.arrays import as_numpy, is_known
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

NEEDED = ("contact_id", "campaign_id", "channel", "outcome", "reason", "lost_to", "binding")
"""The columns that decisions must have."""
OPTIONAL = ("weight", "displaced", "run_id")
"""The columns that they may lack."""
_LOSING = COMPETING - {Reason.GRANTED}
_MOST_RULES = 64


class MetNames(dict[str, int]):
    """Numbers of names, in the order in which they are met."""

    def code(self, column: Column) -> NDArray[np.int64]:
        """By row, the number of its name; -1 for none."""
        numbers = [-1 if value is None else self.setdefault(str(value), len(self)) for value in column.values]
        found: NDArray[np.int64] = np.array(numbers or [-1], np.int64)[column.codes]
        return found


class PressureTally:
    """Counts messages, and claims that lost, by contact.

    Args:
        rules: the names of the playbook's rules, which come first.

    Attributes:
        contacts: the contacts that were met.
        channels: the channels.
        rules: the rules.
        stopped: by rule, how many losing claims it stops.
        outbid: by rule, how many of them lost to other messages of the same decision.
        weight: by rule, what they weigh.
        is_explained: whether a message says what it displaced.
        silent: how many messages do not say it.
    """

    def __init__(self, rules: Iterable[str]) -> None:
        self.contacts = ContactNumbers()
        self.channels, self.rules = MetNames(), MetNames()
        for name in rules:
            self.rules.setdefault(name, len(self.rules))
        self._campaigns = MetNames()
        self._messages: dict[int, NDArray[np.int64]] = {}
        self._bound = ContactBits(_MOST_RULES)
        self._runs: dict[str | None, RunDisplacement] = {}
        self.stopped, self.outbid = np.zeros(_MOST_RULES, np.int64), np.zeros(_MOST_RULES, np.int64)
        self.weight = np.zeros(_MOST_RULES)
        self.is_explained, self.silent = False, 0

    def take(self, piece: Any) -> None:
        """Count some rows, with the columns `NEEDED` and `OPTIONAL`."""
        columns = {
            name: Column(piece[name].combine_chunks())
            for name in piece.column_names
            if name not in ("lost_to", "binding")
        }
        rows = len(columns["contact_id"])
        contact = self.contacts.meet(columns["contact_id"], rows, {}).astype(np.int64)
        campaign = self._campaigns.code(columns["campaign_id"])
        there = (contact >= 0) & (campaign >= 0)
        channel = self.channels.code(columns["channel"])
        granted = there & columns["outcome"].among({"granted"})
        self._count_messages(contact[granted], channel[granted])
        lost = np.flatnonzero(there & columns["reason"].among(_LOSING) & ~granted)
        winners, rules = ListCodes(piece["lost_to"], self._campaigns), ListCodes(piece["binding"], self.rules)
        self._count_losers(contact, lost, rules, columns)
        displaced = piece["displaced"].combine_chunks()
        known = is_known(displaced)
        value = np.where(known, np.nan_to_num(as_numpy(displaced.fill_null(0))), 0.0)
        self.is_explained |= bool((known & granted).any())
        self.silent += int(np.count_nonzero(granted & ~known))
        pushed = granted & (value != 0)
        for name, own in self._by_run(columns["run_id"]):
            run = self._runs.setdefault(name, RunDisplacement())
            chosen = pushed & own
            run.add_messages(contact[chosen], campaign[chosen], channel[chosen], value[chosen])
            losers = lost[own[lost]]
            run.add_losers(contact[losers], losers, winners, rules)

    @staticmethod
    def _by_run(column: Column) -> Iterable[tuple[str | None, NDArray[np.bool_]]]:
        """The runs of some rows, each with which rows are its."""
        used = np.flatnonzero(np.bincount(column.codes, minlength=len(column.values)))
        return [(column.values[code], column.codes == code) for code in used.tolist()]

    def _count_messages(self, contact: NDArray[np.int64], channel: NDArray[np.int64]) -> None:
        for own in np.unique(channel).tolist():
            counts = np.bincount(contact[channel == own], minlength=self.contacts.count)
            known = self._messages.get(own)
            if known is not None:
                counts[: len(known)] += known
            self._messages[own] = counts

    def _count_losers(
        self, contact: NDArray[np.int64], lost: NDArray[np.int64], rules: ListCodes, columns: dict[str, Column]
    ) -> None:
        self._make_room()
        place, rule = rules.entries(lost)
        size = len(self.stopped)
        weights = columns["weight"].numbers
        weight = np.zeros(len(lost)) if weights is None else np.where(weights[1], weights[0], 0.0)[lost]
        outbid = columns["reason"].among({Reason.OUTBID})[lost]
        self.stopped += np.bincount(rule, minlength=size)
        self.outbid += np.bincount(rule[outbid[place]], minlength=size)
        self.weight += np.bincount(rule, weight[place], minlength=size)
        self._bound.add(contact[lost][place], rule)

    def _make_room(self) -> None:
        """Let there be a place for each rule that was met."""
        if len(self.rules) > len(self.stopped):
            more = 2 * len(self.rules)
            for name in ("stopped", "outbid", "weight"):
                own = getattr(self, name)
                setattr(self, name, np.concatenate([own, np.zeros(more - len(own), own.dtype)]))
            bound = ContactBits(more)
            bound.take(self._bound, self.contacts.count)
            self._bound = bound

    def messages(self, channel: str | None = None) -> NDArray[np.int64]:
        """By contact, how many messages they get, of one channel or of all."""
        found = np.zeros(self.contacts.count, np.int64)
        for own, counts in self._messages.items():
            if channel is None or own == self.channels[channel]:
                found[: len(counts)] += counts
        return found

    def bound(self, rule: str) -> int:
        """How many contacts have a losing claim that a rule stops."""
        place = self.rules[rule]
        bits = self._bound.matrix(self.contacts.count)
        if place >= self._bound.names:
            return 0
        return int(np.count_nonzero(bits[:, place >> 3] & np.uint8(128 >> (place & 7))))

    def displaced(self) -> Displaced:
        """What all messages displaced, in parts by rule."""
        return joined([own.displaced() for own in self._runs.values()] or [RunDisplacement().displaced()])
