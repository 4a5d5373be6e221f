"""Arms: what a playbook is for the contacts of each, and who is in which."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, fields

from journeykit.model.experiment import UNCHANGED, text_of
from journeykit.playbook.sections import Sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.model.cap import Cap
    from journeykit.model.contact import Contact
    from journeykit.model.experiment import RuleChanges


_TRIFLE = 1e-9
_Made = TypeVar("_Made", bound=Sections)
Places = tuple[int, ...]
"""By experiment, the place of an arm; -1 for none."""


def changed_rules(playbook: _Made, changes: Iterable[RuleChanges]) -> _Made:
    """A playbook as some arms have it, without experiments; nothing is checked again.

    Example:
        >>> from journeykit import Playbook, RuleChanges
        >>> changed_rules(Playbook(), [RuleChanges(reserve=2)]).reserve
        2
    """
    parts = {own.name: getattr(playbook, own.name) for own in fields(type(playbook))}
    parts["experiments"] = ()
    for own in changes:
        parts |= {name: getattr(own, name) for name in ("policy", "reserve") if getattr(own, name) is not None}
        parts["caps"] = tuple(changed_caps(parts["caps"], own))
        factors = {lever.name: lever.factor for lever in own.levers}
        parts["levers"] = tuple(
            evolve(lever, factor=factors[lever.name]) if lever.name in factors else lever for lever in parts["levers"]
        )
    return type(playbook).unchecked(parts)


def changed_caps(caps: Iterable[Cap], changes: RuleChanges) -> Iterator[Cap]:
    """Caps as an arm has them; one that it takes away has no limit."""
    named = {change.name: change for change in changes.caps}
    for cap in caps:
        change = named.get(cap.name)
        if change is None:
            yield cap
            continue
        yield evolve(
            cap,
            max=cap.max if change.max is UNCHANGED else change.max,
            window=cap.window if change.window is None else change.window,
        )


def every_cap(playbook: Sections) -> Iterator[Cap]:
    """The caps of a playbook, then those that its arms have otherwise."""
    yield from playbook.caps
    known = {id(cap) for cap in playbook.caps}
    for experiment in playbook.experiments:
        for arm in experiment.arms:
            yield from (cap for cap in changed_caps(playbook.caps, arm.changes) if id(cap) not in known)


class ArmAssignment:
    """Who is in which arms of a playbook's experiments.

    A contact is put into an arm by the hash of the contact's id; where any cap counts per account, by that of the
    account's, so that the contacts of an account, who are decided together, are in one arm.

    Attributes:
        experiments: the experiments.
        by_account: whether the account counts.

    Example:
        >>> from journeykit import Arm, Contact, Experiment, Playbook
        >>> tone = Experiment(name="tone", arms=[Arm(name="calm", share=0.5), Arm(name="bold", share=0.5)])
        >>> assignment = ArmAssignment(Playbook(experiments=[tone]))
        >>> assignment.arm_of(Contact(id="anna"))
        'tone:bold'
    """

    def __init__(self, playbook: Sections) -> None:
        self.experiments = playbook.experiments
        self.by_account = any(cap.per == "account" for cap in playbook.caps)

    def key_of(self, contact: str, account: str | None) -> str:
        """The id of which the hash chooses."""
        return account if self.by_account and account is not None else contact

    def places_of(self, contact: str, account: str | None) -> Places:
        """The arms of a contact, by id and account."""
        key = self.key_of(contact, account)
        return tuple(experiment.place_of(key) for experiment in self.experiments)

    def arm_of(self, contact: Contact) -> str | None:
        """The arms of a contact as decisions name them, ``experiment:arm``; None for none."""
        return text_of(self.experiments, self.places_of(contact.id, contact.account))

    @property
    def every(self) -> Iterator[tuple[Places, float]]:
        """Each combination of arms that contacts may be in, with the share of the contacts that are in it."""
        sides = []
        for experiment in self.experiments:
            shares = [arm.share for arm in experiment.arms]
            rest = 1.0 - sum(shares)
            sides.append([*enumerate(shares), *([(-1, rest)] if rest > _TRIFLE else [])])
        for combination in product(*sides):
            yield tuple(place for place, _ in combination), prod(share for _, share in combination)

    def changes(self, places: Places) -> list[RuleChanges]:
        """What arms change."""
        return [own.arms[at].changes for own, at in zip(self.experiments, places, strict=True) if at >= 0]
