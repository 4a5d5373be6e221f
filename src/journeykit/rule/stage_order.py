"""The order of stages, which rules ask for."""

from __future__ import annotations

from attrs import frozen


@frozen
class StageOrder:
    """The stages of a journey, as rules compare them.

    Attributes:
        names: the stages in the order of the journey.
        lost: those of them where contacts are lost, which have no place in the order.
    """

    names: tuple[str, ...]
    lost: frozenset[str] = frozenset()

    @property
    def ordered(self) -> tuple[str, ...]:
        """The stages that have a place in the order."""
        return tuple(name for name in self.names if name not in self.lost)

    def verdicts(self, least: str) -> dict[str, bool]:
        """By stage, whether it is at least another one; empty where that one has no place in the order."""
        ordered = self.ordered
        if least not in ordered:
            return {}
        reached = ordered[ordered.index(least) :]
        return {name: name in reached for name in self.names}
