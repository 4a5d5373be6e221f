"""On which stage each contact was from when to when, as columns; silence for long is a stage of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.measuring.message_stages import last_at_most

if TYPE_CHECKING:
    from collections.abc import Sequence


SILENT = "(silent)"
"""The stage of contacts of whom nothing was heard for long. It is an end, as a stage marked ``lost`` is."""
NOWHERE = -1
"""In place of a stage: where contacts are who have not entered the journey."""


@frozen(eq=False, kw_only=True)
class Spells:
    """Times in which contacts were on the journey without being lost. One who comes back has another one.

    Attributes:
        contact: by spell, the number of the contact, ascending.
        start: when it began, in microseconds.
        end: when it ended, or observation did.
        is_over: whether the contact was lost then.
    """

    contact: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    is_over: NDArray[np.bool_]

    def of(self, contacts: NDArray[np.bool_]) -> Spells:
        """Those of some contacts.

        Args:
            contacts: by number of a contact, whether it is one of them.
        """
        kept = contacts[self.contact]
        return Spells(**{name: getattr(self, name)[kept] for name in ("contact", "start", "end", "is_over")})


@frozen(eq=False, kw_only=True)
class StageStays:
    """Stays of contacts on stages: those of a contact follow each other without a gap, until observation ended.

    Attributes:
        stages: the names of the stages, `SILENT` among them where silence counts.
        is_lost: by stage, whether a contact there is lost.
        contact: by stay, the number of the contact, ascending.
        stage: its place in `stages`.
        start: when it began, in microseconds since 1970.
        end: when it ended: the start of the next one, or `until`.
        contacts: how many contacts there are, also those who have not entered the journey.
        until: the instant at which observation ended.
    """

    stages: tuple[str, ...]
    is_lost: NDArray[np.bool_]
    contact: NDArray[np.int64]
    stage: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    contacts: int
    until: int

    @classmethod
    def of(
        cls,
        stages: Sequence[str],
        is_lost: Sequence[bool],
        contact: NDArray[np.int64],
        stage: NDArray[np.int64],
        start: NDArray[np.int64],
        *,
        contacts: int,
        until: int,
    ) -> StageStays:
        """The stays of paths.

        Args:
            stages: the names of the stages.
            is_lost: by stage, whether a contact there is lost.
            contact: by step of a path, the number of the contact, in any order; those of one contact in theirs.
            stage: the stage that was entered.
            start: when, in microseconds.
            contacts: how many contacts there are.
            until: the instant at which observation ended; later steps do not count.
        """
        known = start <= until
        contact, stage, start = contact[known], stage[known], start[known]
        order = np.lexsort((start, contact))
        contact, stage, start = contact[order], stage[order], start[order]
        return cls(
            stages=tuple(stages),
            is_lost=np.array(is_lost, np.bool_),
            contact=contact.astype(np.int64),
            stage=stage.astype(np.int64),
            start=start.astype(np.int64),
            end=_ends(contact, start, until),
            contacts=contacts,
            until=until,
        )

    def with_silence(self, contact: NDArray[np.int64], at: NDArray[np.int64], silence: int) -> StageStays:
        """The same, where contacts of whom nothing was heard for a time are on the stage `SILENT` until they are again.

        To enter the journey is heard of; on a stage on which they are lost anyway, contacts stay.

        Args:
            contact: by sign of life, the number of the contact, in any order.
            at: when, in microseconds.
            silence: how long nothing must be heard, in microseconds.
        """
        first = np.flatnonzero(is_first(self.contact))
        entered, entry = self.contact[first], np.full(self.contacts, self.until, np.int64)
        entry[entered] = self.start[first]
        heard = (contact >= 0) & (at <= self.until)
        contact, at = contact[heard], at[heard]
        heard = at > entry[contact]
        contact = np.concatenate([entered, contact[heard]])
        at = np.concatenate([self.start[first], at[heard]])
        order = np.lexsort((at, contact))
        contact, at = contact[order], at[order]
        next_at = _ends(contact, at, self.until)
        is_last = is_first(contact[::-1])[::-1]
        # One who is heard of again at the very end of the time was not silent for longer than it.
        silent = np.flatnonzero(np.where(is_last, next_at - at >= silence, next_at - at > silence))
        over = np.where(is_last, self.until + 1, next_at)
        return self._cut(contact[silent], at[silent] + silence, over[silent])

    def _cut(self, contact: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]) -> StageStays:
        """The same with silences."""
        steps = len(self.contact)
        whose = np.concatenate([self.contact, contact, contact])
        start = np.concatenate([self.start, begin, end])
        change = np.repeat([0, 1, -1], [steps, len(contact), len(contact)])
        # Of one instant, steps come before silences.
        order = np.lexsort((start, whose))
        whose, start, change = whose[order], start[order], change[order]
        # Every contact begins with a step, so that the last step at a place is of the same contact.
        step = np.maximum.accumulate(np.where(order < steps, np.arange(len(order)), 0)) if len(order) else order
        stage = self.stage[order[step]] if len(order) else self.stage
        is_silent = np.cumsum(change) > 0
        silent = len(self.stages)
        stage = np.where(is_silent & ~self.is_lost[stage], silent, stage)
        kept = is_first(whose) | ((change == 0) & (stage != silent))
        kept[1:] |= stage[1:] != stage[:-1]
        return StageStays.of(
            (*self.stages, SILENT),
            [*self.is_lost.tolist(), True],
            whose[kept],
            stage[kept],
            start[kept],
            contacts=self.contacts,
            until=self.until,
        )

    def stage_at(self, at: int) -> NDArray[np.int64]:
        """By contact, the stage at an instant; `NOWHERE` for one who had not entered the journey."""
        found = np.full(self.contacts, NOWHERE, np.int64)
        is_last = (self.start <= at) & ((self.end > at) | (self.end == self.until))
        # Of stays that begin at one instant the last one is kept.
        found[self.contact[is_last]] = self.stage[is_last]
        return found

    def stages_at(self, contact: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The stages of contacts at instants; `NOWHERE` for those who had not entered the journey.

        Args:
            contact: the numbers of contacts, in any order.
            at: an instant for each, no later than `until`.
        """
        first = np.searchsorted(self.contact, np.arange(self.contacts + 1))
        # A step at the instant itself comes before it: to enter is to be there.
        last = last_at_most(first[contact], first[contact + 1], self.start, at)
        return np.where(last < 0, NOWHERE, np.append(self.stage, NOWHERE)[last])

    def is_present(self, at: int) -> NDArray[np.bool_]:
        """By contact, whether they were on the journey at an instant, and not lost."""
        stage = self.stage_at(at)
        found: NDArray[np.bool_] = (stage != NOWHERE) & ~self.is_lost[stage]
        return found

    def spells(self) -> Spells:
        """The times without a break in which contacts were on the journey and not lost."""
        lost = self.is_lost[self.stage]
        begins = ~lost & (is_first(self.contact) | np.append(True, lost)[: len(lost)])
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(lost))
        # A spell ends with the stay before the first one after it on which the contact is lost.
        onward = np.where(lost | is_first(self.contact), np.arange(len(lost)), len(lost))
        after = np.minimum.accumulate(np.append(onward, len(lost))[::-1])[::-1]
        stop = np.minimum(after[first + 1], last)
        ended = np.zeros(len(first), np.bool_)
        inside = stop < len(lost)
        ended[inside] = lost[stop[inside]] & (self.contact[stop[inside]] == self.contact[first[inside]])
        return Spells(contact=self.contact[first], start=self.start[first], end=self.end[stop - 1], is_over=ended)

    def clipped(self, since: int | None, until: int) -> StageStays:
        """The same within a time: as if observation had begun and ended then."""
        kept = self.start <= until
        if since is not None:
            kept &= (self.end > since) | (self.end == self.until)
        start = self.start[kept] if since is None else np.maximum(self.start[kept], since)
        return StageStays(
            stages=self.stages,
            is_lost=self.is_lost,
            contact=self.contact[kept],
            stage=self.stage[kept],
            start=start,
            end=np.minimum(self.end[kept], until),
            contacts=self.contacts,
            until=until,
        )


def is_first(contact: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each of sorted rows is the first of its contact."""
    found = np.ones(len(contact), np.bool_)
    found[1:] = contact[1:] != contact[:-1]
    return found


def _ends(contact: NDArray[np.int64], start: NDArray[np.int64], until: int) -> NDArray[np.int64]:
    """When each of sorted spans ends: where the next one of its contact begins, or at the end."""
    end = np.full(len(contact), until, np.int64)
    same = contact[1:] == contact[:-1]
    end[:-1][same] = start[1:][same]
    return end
