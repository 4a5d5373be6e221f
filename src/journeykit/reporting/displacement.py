"""What messages displaced, by the rules between them and the claims that they beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.errors import DataError
from journeykit.tables.arrow.arrays import as_numpy
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

_CAMPAIGN_BITS, _RULE_BITS = 18, 14
"""A contact, a campaign and a rule are one whole number of 63 bits."""


class Displaced(NamedTuple):
    """Parts of what messages displaced: of a message that several rules helped, each has an equal part.

    Attributes:
        contact: by part, the number of the contact.
        channel: the channel of the message.
        rule: the rule; -1 where no losing claim names one.
        value: what was displaced.
        is_first: whether it is the first part of its message, so that messages can be counted.
    """

    contact: NDArray[np.int64]
    channel: NDArray[np.int64]
    rule: NDArray[np.int64]
    value: NDArray[np.float64]
    is_first: NDArray[np.bool_]

    def of(self, rows: NDArray[np.bool_]) -> Displaced:
        """Some of the parts."""
        return Displaced(self.contact[rows], self.channel[rows], self.rule[rows], self.value[rows], self.is_first[rows])


class ListCodes:
    """A column of lists of texts: by entry its row and a code."""

    def __init__(self, lists: Any, known: dict[str, int]) -> None:
        array = lists.combine_chunks()
        flat = Column(array.flatten())
        offsets = as_numpy(array.offsets).astype(np.int64)
        self.many = np.diff(offsets)
        self.start = offsets[:-1] - offsets[0]
        codes = [known.setdefault(str(value), len(known)) for value in flat.values if value is not None]
        named = iter(codes)
        numbers = np.array([-1 if value is None else next(named) for value in flat.values] or [-1], np.int64)
        self.code: NDArray[np.int64] = numbers[flat.codes]

    def entries(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of some rows, each entry: the place of its row among them, and its code."""
        many = self.many[rows]
        place = np.repeat(np.arange(len(rows)), many)
        step = np.arange(len(place)) - np.repeat(np.cumsum(many) - many, many)
        return place, self.code[np.repeat(self.start[rows], many) + step]


class RunDisplacement:
    """What the messages of one run displaced, and whom losing claims lost to."""

    def __init__(self) -> None:
        self._messages: list[NDArray[np.int64]] = []
        self._values: list[NDArray[np.float64]] = []
        self._lost: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]

    def add_messages(
        self,
        contact: NDArray[np.int64],
        campaign: NDArray[np.int64],
        channel: NDArray[np.int64],
        value: NDArray[np.float64],
    ) -> None:
        """Note messages that displaced something."""
        self._messages.append(np.stack([contact, campaign, channel]))
        self._values.append(value)

    def add_losers(
        self, contact: NDArray[np.int64], rows: NDArray[np.int64], winners: ListCodes, rules: ListCodes
    ) -> None:
        """Note whom losing claims lost to, and by which rules.

        Args:
            contact: by place among the rows, the number of the contact.
            rows: the rows of the claims.
            winners: by row, the campaigns that they lost to.
            rules: by row, the rules that stop them.
        """
        place, winner = winners.entries(rows)
        inner, rule = rules.entries(rows[place])
        if len(rule) and (max(winner.max(), 0) >> _CAMPAIGN_BITS or max(rule.max(), 0) >> _RULE_BITS):
            raise DataError(
                f"more than {1 << _CAMPAIGN_BITS:,} campaigns, or {1 << _RULE_BITS:,} rules, cannot be told apart"
            )
        key = (contact[place][inner] << _CAMPAIGN_BITS | winner[inner]) << _RULE_BITS | rule
        self._lost.append(np.unique(key))

    def displaced(self) -> Displaced:
        """What the messages displaced, in parts."""
        if not self._messages:
            nothing = np.zeros(0, np.int64)
            return Displaced(nothing, nothing, nothing, np.zeros(0), np.zeros(0, np.bool_))
        contact, campaign, channel = np.concatenate(self._messages, axis=1)
        value = np.concatenate(self._values)
        lost = np.unique(np.concatenate(self._lost))
        beaten = lost >> _RULE_BITS
        key = contact << _CAMPAIGN_BITS | campaign
        first, last = np.searchsorted(beaten, key), np.searchsorted(beaten, key, side="right")
        many = last - first
        parts = np.maximum(many, 1)
        message = np.repeat(np.arange(len(key)), parts)
        step = np.arange(len(message)) - np.repeat(np.cumsum(parts) - parts, parts)
        named = np.repeat(many > 0, parts)
        rule = np.full(len(message), -1, np.int64)
        places = (np.repeat(first, parts) + step)[named]
        rule[named] = lost[places] & ((1 << _RULE_BITS) - 1)
        return Displaced(contact[message], channel[message], rule, (value / parts)[message], step == 0)


def joined(parts: Sequence[Displaced]) -> Displaced:
    """The parts of several runs."""
    return Displaced(
        np.concatenate([own.contact for own in parts]),
        np.concatenate([own.channel for own in parts]),
        np.concatenate([own.rule for own in parts]),
        np.concatenate([own.value for own in parts]),
        np.concatenate([own.is_first for own in parts]),
    )
