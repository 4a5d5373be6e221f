"""Arm deciders: a playbook with experiments, compiled once for each combination of arms that contacts are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from journeykit.model.experiment import text_of
from journeykit.playbook.experiment_arms import ArmAssignment, changed_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from journeykit.model.contact import Contact
    from journeykit.playbook.experiment_arms import Places
    from journeykit.playbook.playbook import Playbook

_Decider = TypeVar("_Decider")


class ArmDeciders(Generic[_Decider]):
    """The deciders of the contacts of each combination of arms, made when they are first asked for.

    Args:
        playbook: the playbook.
        make: makes the decider of a playbook as some arms have it, who are named as in decisions; None for no arm.
    """

    def __init__(self, playbook: Playbook, make: Callable[[Playbook, str | None], _Decider]) -> None:
        self.assignment = ArmAssignment(playbook)
        self._playbook = playbook
        self._make = make
        self._made: dict[Places, _Decider] = {}
        experiments = self.assignment.experiments
        self._places = {text_of(experiments, places): places for places, _ in self.assignment.every}
        self._places.setdefault(None, (-1,) * len(experiments))

    def of(self, contact: Contact) -> _Decider:
        """The decider of a contact."""
        return self.at(self.assignment.places_of(contact.id, contact.account))

    def at(self, places: Places) -> _Decider:
        """The decider of some arms."""
        found = self._made.get(places)
        if found is None:
            rules = changed_rules(self._playbook, self.assignment.changes(places))
            # Two threads may make it at once: either will do.
            found = self._made.setdefault(places, self._make(rules, text_of(self.assignment.experiments, places)))
        return found

    def named(self, arm: str | None) -> _Decider:
        """The decider of some arms, as decisions name them; None for no arm.

        Raises:
            KeyError: for arms that there are not.
        """
        return self.at(self._places[arm])

    @property
    def every(self) -> Iterator[tuple[Places, _Decider, float]]:
        """Every combination of arms, its decider, and the share of the contacts that are in it."""
        for places, share in self.assignment.every:
            yield places, self.at(places), share

    @property
    def policies(self) -> list[str]:
        """The names of the policies that arms have otherwise."""
        arms = (arm for experiment in self.assignment.experiments for arm in experiment.arms)
        return sorted({arm.changes.policy for arm in arms if arm.changes.policy is not None})
