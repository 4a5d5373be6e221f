"""Counts of free slots while decisions of probes pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.model.outcome import Reason
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from journeykit.reporting.slot_probes import Probe
    from journeykit.segments.contact_facets import ContactGroups
    from journeykit.segments.group_facet import GroupFacet

SLOT_COLUMNS = ("contact_id", "campaign_id", "reason", "rule")
NO_INSTANT = "no_instant"
"""Why a slot is not free where no instant of the day will do: hours, holidays, or a plan that is over by then."""
_NO_DAY = frozenset({Reason.SUPPRESSED, Reason.OPTED_OUT, Reason.NO_CONSENT, Reason.CAMPAIGN_CLOSED})
"""The reasons of probes that do not show that the contact has their day."""
FREE = frozenset({Reason.GRANTED, Reason.OUTBID})
"""The reasons of probes that fit the history: one that others have outbid would have fitted alone."""


class SlotCounts:
    """Counts probes by group, channel and day.

    Args:
        probes: what is asked.
        groups: the contacts.
        facet: what tells them apart.

    Attributes:
        free: by group and probe, how many contacts have the slot free.
        together: by group, how many plain messages fit at once.
        free_of_all: by probe, how many contacts have the slot free.
        together_of_all: how many plain messages fit at once.
        open: by probe, how many contacts have that day at all.
        barred: by channel, reason and rule, how many slots are not free.
        contacts: how many contacts were asked.
    """

    def __init__(self, probes: Sequence[Probe], groups: ContactGroups, facet: GroupFacet) -> None:
        self._probes = probes
        self._groups, self._facet = groups, facet
        self._place = {own.campaign: place for place, own in enumerate(probes)}
        shape = len(facet.member), len(probes)
        self._free, self._together = np.zeros(shape, np.int64), np.zeros(shape[0], np.int64)
        self.free_of_all, self.open = np.zeros(shape[1], np.int64), np.zeros(shape[1], np.int64)
        self.together_of_all = 0
        self.barred: Counter[tuple[str, str, str]] = Counter()

    @property
    def free(self) -> NDArray[np.int64]:
        """By group and probe, how many contacts have the slot free."""
        return self._facet.member.T.astype(np.int64) @ self._free

    @property
    def together(self) -> NDArray[np.int64]:
        """By group, how many plain messages fit at once."""
        return self._facet.member.T.astype(np.int64) @ self._together

    def take(self, piece: Any, *, is_joint: bool, is_alone: bool) -> None:
        """Count the rows of probes.

        Args:
            piece: rows with the columns `SLOT_COLUMNS`.
            is_joint: whether what is granted fits at once.
            is_alone: whether each probe was asked for itself, or nothing ties them.
        """
        campaign, reason, rule = (Column(piece[name].combine_chunks()) for name in SLOT_COLUMNS[1:])
        by_code = np.array([self._place.get(value, -1) for value in campaign.values] or [-1], np.int64)
        probe = by_code[campaign.codes]
        rows = np.flatnonzero(probe >= 0)
        probe = probe[rows]
        contact = self._groups.find(piece["contact_id"])[rows]
        code = np.where(contact >= 0, self._facet.code[contact], -1).astype(np.int64)
        is_granted = reason.among({Reason.GRANTED})[rows]
        if is_joint:
            self._together += np.bincount(code[is_granted & (code >= 0)], minlength=len(self._together))
            self.together_of_all += int(np.count_nonzero(is_granted))
        if is_alone:
            is_free = reason.among(FREE)[rows]
            self._count_free(probe, code, is_free)
            self._count_barred(probe, (reason, rule), rows, is_free)

    def _count_free(self, probe: NDArray[np.int64], code: NDArray[np.int64], is_free: NDArray[np.bool_]) -> None:
        count = len(self._probes)
        self.free_of_all += np.bincount(probe[is_free], minlength=count)
        known = is_free & (code >= 0)
        key = code[known] * count + probe[known]
        self._free += np.bincount(key, minlength=self._free.size).reshape(self._free.shape)

    def _count_barred(
        self, probe: NDArray[np.int64], why: tuple[Column, Column], rows: NDArray[np.int64], is_free: NDArray[np.bool_]
    ) -> None:
        """Count why slots are not free; a day that a contact does not have in the plan is no slot."""
        reason, rule = why
        reasons, rules = reason.codes[rows], rule.codes[rows]
        # A day at either end that only some zones have is a slot of those alone who show that they have it.
        is_edge = np.array([own.is_edge for own in self._probes], np.bool_)[probe]
        is_slot = ~(is_edge & reason.among(_NO_DAY)[rows])
        self.open += np.bincount(probe[is_slot], minlength=len(self._probes))
        barred = ~is_free & is_slot
        size, more = len(reason.values), len(rule.values)
        key = (probe[barred] * size + reasons[barred]) * more + rules[barred]
        for own, count in zip(*(part.tolist() for part in np.unique(key, return_counts=True)), strict=True):
            place, rest = divmod(own, size * more)
            own_reason, own_rule = divmod(rest, more)
            texts = str(reason.values[own_reason]), str(rule.values[own_rule] or "")
            if texts[0] == Reason.CAMPAIGN_CLOSED:
                # A probe's campaign lasts for its day: it is closed where that has no slot.
                texts = NO_INSTANT, ""
            self.barred[self._probes[place].channel, *texts] += count
