"""All arms of an experiment beside each other: their outcomes, their differences, their sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.errors import ModelError, closest
from journeykit.journey.measure.funnel_report import ReportTable, counted, page, text
from journeykit.measuring.always_valid import FEWEST
from journeykit.measuring.arm_outcomes import ArmOutcomes, arm_outcomes
from journeykit.measuring.differences import Difference
from journeykit.measuring.sample_ratio import SampleRatio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from journeykit.measuring.differences import Ends

_UNKNOWN = "-"
_LARGE = 10
"""Amounts from here on are shown with two digits after the point, smaller ones with four."""


@frozen(kw_only=True, repr=False)
class ArmComparison:
    """The arms of an experiment beside each other: each against one of them.

    Print it for the text, show it in a notebook for a table, or take it as plain data.

    Attributes:
        of: what the outcomes are, such as ``visit``.
        arms: the outcomes of each arm.
        differences: of each other arm against the one that they are compared with.
        ratio: the arms' sizes against their planned shares; None where no shares are given.
        progress: the part of the horizon that is over; None where there is no horizon.
        unit: what was dealt out: ``contact`` or ``account``.
        left_out: contacts of stretches of time in which an arm has nobody, so that they compare nothing.
        is_weighted: whether shares changed on the way. Then a mean is not the arm's total by its contacts: each stretch
            of time counts by its contacts in all arms.
    """

    of: str
    arms: tuple[ArmOutcomes, ...]
    differences: tuple[Difference, ...]
    ratio: SampleRatio | None
    progress: float | None
    unit: str
    left_out: int
    is_weighted: bool = False

    def difference(self, arm: str) -> Difference:
        """The difference of an arm.

        Raises:
            KeyError: for an arm that is not compared.
        """
        for own in self.differences:
            if own.arm.name == arm:
                return own
        raise KeyError(arm)

    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the figures, in sentences."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[str]:
        if self.ratio is not None and (note := self.ratio.note()) is not None:
            yield f"{note}. Find out why before you read any difference"
        if self.left_out:
            yield f"{counted(self.left_out, 'contact')} left out: when they came, an arm had nobody"
        if self.is_weighted:
            what = "rates are not responding by contacts" if self._is_rate else "means are not totals by contacts"
            yield f"{what}: shares changed, so each stretch of time counts by its contacts in all arms"
        few = [f"{own.name} {own.responding:,}" for own in self.arms if own.responding < FEWEST]
        if few and self.progress is not None:
            yield f"no interval for every look: it takes {FEWEST} responding contacts in each arm ({', '.join(few)})"
        if self.progress is not None and self.progress < 1:
            yield "the interval for one look is right at the end of the horizon only; until then go by the other"

    @property
    def _is_rate(self) -> bool:
        return all(own.is_rate for own in self.arms)

    def tables(self) -> tuple[ReportTable, ...]:
        """The arms as a table for people."""
        by_arm = {own.arm.name: own for own in self.differences}
        is_rate, looks = self._is_rate, self.progress is not None
        rows = [(*_outcomes(own, is_rate), *_compared(by_arm.get(own.name), is_rate, looks)) for own in self.arms]
        against = self.differences[0].against.name if self.differences else ""
        mean, every = "rate" if is_rate else "per contact", ("every look",) if looks else ()
        mean = f"weighted {mean}" if self.is_weighted else mean
        headings = ("arm", "contacts", "responding", mean, "difference", "one look", *every, "in all", "its interval")
        if any(own.is_small for own in self.arms):
            headings = (*headings, "")
            rows = [(*row, "small" if own.is_small else "") for own, row in zip(self.arms, rows, strict=True)]
        return (ReportTable(f"{self.of}: arms against {against}", headings, rows, 1),)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain data."""
        return {
            "of": self.of,
            "unit": self.unit,
            "progress": self.progress,
            "arms": [own.to_dict() for own in self.arms],
            "differences": [own.to_dict() for own in self.differences],
            "sample_ratio": None if self.ratio is None else self.ratio.to_dict(),
            "left_out": self.left_out,
            "is_weighted": self.is_weighted,
            "notes": list(self.notes()),
        }

    def __str__(self) -> str:
        return text(self.notes(), self.tables()).lstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(self.notes(), self.tables())


def compare_arms(
    names: Sequence[str],
    arm: ArrayLike,
    outcomes: ArrayLike,
    *,
    of: str = "outcome",
    against: str | None = None,
    shares: Sequence[float] | None = None,
    accounts: ArrayLike | None = None,
    stretch: ArrayLike | None = None,
    progress: float | None = None,
    level: float = 0.95,
) -> ArmComparison:
    """What the contacts assigned to each arm did, messaged or not, and how the arms differ.

    All contacts that were assigned count, also those that no message reached: to leave them out would compare unlike
    contacts.

    Args:
        names: of the arms.
        arm: by contact, the place of the arm in the names; -1 for contacts of no arm.
        outcomes: by contact, what the contact did so far: 0 or 1, a number of responses, an amount.
        of: what the outcomes are called.
        against: the arm that the others are compared with, such as the holdout; without it the first.
        shares: the planned shares of the arms, to compare their sizes with. Where they changed on the way, and there
            are several stretches, sizes are compared with nothing.
        accounts: by contact, the number of the account, where accounts were dealt out and not contacts.
        stretch: by contact, the stretch of time in which it was assigned, where shares changed: see `ArmHistory`.
        progress: the part of the horizon that is over: 0.5 after 30 of 60 days.
        level: the level of confidence.

    Raises:
        ModelError: for an unknown arm, arrays of different lengths, outcomes that are no numbers.

    Example:
        >>> from journeykit.measuring import compare_arms
        >>> arm, visits = [0] * 1_000 + [1] * 1_000, [1] * 100 + [0] * 900 + [1] * 150 + [0] * 850
        >>> found = compare_arms(["holdout", "messaged"], arm, visits, of="visit", shares=[0.5, 0.5], progress=1)
        >>> print(found)
        visit: arms against holdout
        arm       contacts  responding     rate  difference          one look        every look  in all  its interval
        --------  --------  ----------  -------  ----------  ----------------  ----------------  ------  ------------
        holdout      1,000         100  10.00 %           -                 -                 -       -             -
        messaged     1,000         150  15.00 %     +5.00 %  +2.10 to +7.90 %  +0.50 to +9.52 %      50       5 to 95
    """
    if against is not None and against not in names:
        likely = closest(against, names)
        hint = f"did you mean {likely!r}?" if likely else f"there are {', '.join(names)}"
        raise ModelError(f"there is no arm {against!r}; {hint}", field="against")
    base = 0 if against is None else list(names).index(against)
    place = np.asarray(arm, np.int64)
    place, left_out = (place, 0) if stretch is None else _comparable(len(names), place, np.asarray(stretch, np.int64))
    arms = arm_outcomes(names, place, outcomes, accounts=accounts, stretch=stretch)
    changed = stretch is not None and bool(np.any(np.asarray(stretch)))
    others = [own for own in arms if own is not arms[base]]
    counts = [own.units for own in arms]
    return ArmComparison(
        of=of,
        arms=arms,
        differences=tuple(Difference.between(own, arms[base], progress=progress, level=level) for own in others),
        ratio=None if shares is None or changed else SampleRatio.of(names, counts, shares),
        progress=progress,
        unit="contact" if accounts is None else "account",
        left_out=left_out,
        is_weighted=stretch is not None and len(np.unique(np.asarray(stretch)[place >= 0])) > 1,
    )


def _comparable(arms: int, place: NDArray[np.int64], stretch: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Arms of contacts without those of stretches in which an arm has nobody, and how many these are."""
    kept = place >= 0
    counts = np.bincount(place[kept] + arms * stretch[kept], minlength=arms * (int(stretch.max(initial=0)) + 1))
    whole = np.all(counts.reshape(-1, arms) > 0, axis=1)[stretch]
    return np.where(whole, place, -1), int(np.count_nonzero(kept & ~whole))


def _outcomes(own: ArmOutcomes, is_rate: bool) -> tuple[str, ...]:
    mean = _UNKNOWN if own.mean is None else f"{100 * own.mean:.2f} %" if is_rate else _amount(own.mean)
    return own.name, f"{own.contacts:,}", f"{own.responding:,}", mean


def _compared(own: Difference | None, is_rate: bool, looks: bool) -> tuple[str, ...]:
    """The cells of a difference; with a horizon the worth has the interval that holds at every look."""
    if own is None or own.difference is None or own.worth is None:
        return (_UNKNOWN,) * (5 if looks else 4)
    value = f"{100 * own.difference:+.2f} %" if is_rate else _amount(own.difference, "+")
    spans = [_span(ends, is_rate) for ends in (own.fixed, own.always)[: 1 + looks]]
    return value, *spans, f"{own.worth:z,.0f}", _worth(own.worth_always if looks else own.worth_fixed)


def _span(ends: Ends, is_rate: bool) -> str:
    if ends is None:
        return _UNKNOWN
    if is_rate:
        return f"{100 * ends[0]:+.2f} to {100 * ends[1]:+.2f} %"
    return f"{_amount(ends[0], '+')} to {_amount(ends[1], '+')}"


def _worth(ends: Ends) -> str:
    return _UNKNOWN if ends is None else f"{ends[0]:z,.0f} to {ends[1]:z,.0f}"


def _amount(value: float, sign: str = "") -> str:
    return f"{value:{sign},.2f}" if abs(value) >= _LARGE else f"{value:{sign},.4f}"
