"""Where the households are on the journey: the library places them, from their own baskets and nothing else."""

from __future__ import annotations

from bisect import bisect_right
from itertools import zip_longest
from operator import attrgetter
from typing import TYPE_CHECKING

from journeykit.basics.clock import clock
from journeykit.journey import Event, Journey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from journeykit.demo.retailer import Retailer
    from journeykit.journey import Step
    from journeykit.playbook.playbook import Playbook


class Households:
    """The stages of all households through the year.

    Each household is placed once, at the end of the year, and its path is read at every morning: a path up to an
    instant does not depend on what comes later. A basket is an event at the end of its day, so that a morning knows
    the baskets of the days before and none of its own.

    Args:
        retailer: the year.
        playbook: its journey has the stages, and the rules that lead from one to the next.
    """

    def __init__(self, retailer: Retailer, playbook: Playbook) -> None:
        self._journey = playbook.journey or Journey()
        self._clock = clock(playbook.timezone)
        self._end = self._evening(retailer.last)
        self._paths = {household: self._path(days) for household, days in retailer.baskets.items()}

    def stage(self, household: int, at: datetime) -> str:
        """The stage of a household at an instant; the journey's first stage before its first basket."""
        path = self._paths[household]
        place = bisect_right(path, at, key=attrgetter("since"))
        return path[place - 1].stage if place else self._journey.stages[0].name

    def steps(self, households: Iterable[int]) -> Iterator[tuple[int, str, datetime]]:
        """Whose, which and since when: the stages of households, the last one where several begin at one instant."""
        for household in households:
            for step, after in zip_longest(path := self._paths[household], path[1:]):
                if after is None or after.since > step.since:
                    yield household, step.stage, step.since

    def _path(self, days: Sequence[int]) -> tuple[Step, ...]:
        # The number tells two baskets of one day apart; without it they are one event, given twice.
        baskets = [Event("basket", self._evening(day), id=str(number)) for number, day in enumerate(days)]
        return self._journey.place(baskets, self._end, timezone=self._clock.name).path

    def _evening(self, day: int) -> datetime:
        return self._clock.moment(self._clock.day_start(day + 1))
