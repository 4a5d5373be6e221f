"""Grant chances: with which probability exploration grants each claim, found by deciding with every vector."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from journeykit.engine.contact_round import MANY_ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from journeykit.engine.candidate import Candidate
    from journeykit.engine.round import Round
    from journeykit.engine.weight_draw import WeightDraw

_Weights = dict["Candidate", int]


class GrantChances:
    """The chances of the claims of contacts that are decided together.

    Attributes:
        by_candidate: by eligible claim, with which chance it was to be granted; None where a run with quotas settled
            the contacts otherwise than its prices alone would, so that nobody knows.
    """

    def __init__(self, exempt: Round, main: Round, draws: Sequence[WeightDraw], again: Callable[[], Round]) -> None:
        """Decide with every vector.

        Args:
            exempt: the round of the claims that need not obey caps, as it is decided.
            main: the round of all others, likewise.
            draws: what exploration makes of the weights of each contact.
            again: lays the latter out once more, for what the claims weigh then.
        """
        self._main = main
        self._again = again
        self._draws = draws
        self._known: dict[tuple[int, ...], frozenset[Candidate]] = {}
        self.by_candidate: dict[Candidate, float | None] = {}
        # What need not obey caps is not drawn, and comes first.
        granted = _granted(exempt)
        for candidate in exempt.candidates:
            self.by_candidate[candidate] = float(candidate in granted) if _is_by_prices(exempt) else None
        if not (_is_by_prices(exempt) and _is_by_prices(main)):
            self.by_candidate |= dict.fromkeys(main.candidates)
        elif main.candidates:
            self.by_candidate |= self._of_main()

    def _of_main(self) -> Mapping[Candidate, float]:
        """The chances of the claims that obey caps."""
        how, main = self._draws[0].how, self._main
        # The order of claims as they are decided, before they weigh anything else.
        _ = main.in_order
        undrawn = self._granted_with([own.undrawn for own in self._draws])
        if self._grants_all(undrawn):
            return {own: float(own in undrawn) for own in main.candidates}
        times = dict.fromkeys(main.candidates, 0)
        for vector in range(how.draws):
            for candidate in self._granted_with([own.weights(vector) for own in self._draws]):
                times[candidate] += 1
        return {own: how.chance(granted=own in undrawn, times=count) for own, count in times.items()}

    def _grants_all(self, undrawn: frozenset[Candidate]) -> bool:
        """Whether all that is worth something is granted undrawn: then it fits together, whatever it weighs."""
        main = self._main
        if self._draws[0].how.method != "uniform" or main.first.charges is not None:
            return False
        open_ = {own for item, (own, _) in enumerate(main.items) if item not in main.ruled_out}
        shut = {own for own, _ in main.items} - open_
        return all(own in undrawn or own in shut or main.first.worth(own) <= 0 for own in main.candidates)

    def _granted_with(self, weights: Sequence[Sequence[int]]) -> frozenset[Candidate]:
        """What would be granted with other weights of the claims that take part."""
        key = tuple(weight for own in weights for weight in own)
        found = self._known.get(key)
        if found is None:
            drawn = [candidate for own in self._draws for candidate in own.candidates]
            found = self._known[key] = self._solved(dict(zip(drawn, key, strict=True)))
        return found

    def _solved(self, weights: _Weights) -> frozenset[Candidate]:
        main = self._main
        if all(own.weight == weight for own, weight in weights.items()):
            return _granted(main)
        with _weighing(weights):
            if self._is_fixed:
                chosen = main.solve(weights=weights).chosen
                return frozenset(main.items[item][0] for item in chosen)
            return _granted(self._again())

    @property
    def _is_fixed(self) -> bool:
        """Whether the problem of the round is the same whatever the claims weigh."""
        main = self._main
        return main.first.capacity is None and sum(len(own.instants) for own in main.candidates) <= MANY_ITEMS


def _granted(round_: Round) -> frozenset[Candidate]:
    return frozenset(winner.candidate for winner in round_.result.winners)


def _is_by_prices(round_: Round) -> bool:
    """Whether what a run with quotas chose is what its prices alone would choose."""
    return round_.choice is None or round_.result.chosen == round_.answer.chosen


@contextmanager
def _weighing(weights: _Weights) -> Iterator[None]:
    """Candidates with other weights, for a while."""
    before = {candidate: candidate.weight for candidate in weights}
    for candidate, weight in weights.items():
        candidate.weight = weight
    try:
        yield
    finally:
        for candidate, own in before.items():
            candidate.weight = own
