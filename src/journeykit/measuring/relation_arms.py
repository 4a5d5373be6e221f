"""How contacts of the base were dealt out by hashes: to holdouts, and to the arms of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.measuring.arm_places import arm_places, is_below
from journeykit.measuring.assignment import HOLDOUT, holdouts_of
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.measuring.holdout_messages import HoldoutMessages
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.measuring.relation_tables import RelationTables

MESSAGED = "messaged"
"""The contacts that are not in a holdout."""


@frozen(eq=False, kw_only=True)
class RelationArms:
    """Contacts that were dealt out, messaged or not.

    Attributes:
        name: ``holdout``, ``holdout of CAMPAIGN``, or the name of an experiment.
        arms: the names of the arms; the first is the one that the others are compared with.
        place: by contact, the place of the arm; -1 for none.
        campaigns: the campaigns that a holdout does not get; None for all, and for an experiment.
        is_holdout: whether it is a holdout.
        notes: what is to be said of it.
    """

    name: str
    arms: tuple[str, ...]
    place: NDArray[np.int64]
    campaigns: frozenset[str | None] | None = None
    is_holdout: bool = True
    notes: tuple[str, ...] = field(default=())


def relation_arms(tables: RelationTables) -> list[RelationArms]:
    """The holdouts of a playbook, then its experiments, with the contacts of tables that were read."""
    return [*_holdouts(tables), *_experiments(tables)]


def _holdouts(tables: RelationTables) -> Iterator[RelationArms]:
    apart = np.zeros(len(tables.ids), np.bool_)
    for name, holdout, campaigns in holdouts_of(tables.playbook):
        held_out = is_below(holdout.seed, tables.ids, holdout.share)
        place = np.where(apart, -1, np.where(held_out, 0, 1))
        if campaigns is None:
            # Contacts that get nothing at all say nothing of a campaign's own holdout.
            apart = held_out
        note = _written_to(tables, name, held_out, campaigns)
        yield RelationArms(
            name=name,
            arms=(HOLDOUT, MESSAGED),
            place=place,
            campaigns=campaigns,
            notes=() if note is None else (note,),
        )


def _written_to(
    tables: RelationTables, name: str, held_out: NDArray[np.bool_], campaigns: frozenset[str | None] | None
) -> str | None:
    """How often a holdout was written to within the time; campaigns that need no consent pass by it."""
    messages = tables.messages
    if messages is None:
        return None
    free = {own.id for own in tables.playbook.campaigns or () if not own.needs_consent}
    of_kind = [next(iter(facets.get("campaign", ())), None) for facets in messages.kinds]
    meant = [own not in free if campaigns is None else own in campaigns for own in of_kind]
    whose = tables.numbers_of(messages)
    stopped = np.array(meant or [False], np.bool_)[messages.kind] & (whose >= 0) & (messages.at >= tables.since)
    return HoldoutMessages.of(held_out, contact=whose[stopped], at=messages.at[stopped], name=name).note()


def _experiments(tables: RelationTables) -> Iterator[RelationArms]:
    """The experiments, where touches are given with the contacts: then everybody is among the messages' contacts."""
    messages, playbook = tables.messages, tables.playbook
    if not playbook.experiments or messages is None or messages.known is None:
        return
    apart = np.zeros(len(tables.ids), np.bool_)
    if playbook.holdout is not None:
        apart = is_below(playbook.holdout.seed, tables.ids, playbook.holdout.share)
    row = ContactNumbers.of(messages.ids).find(Column(tables.ids), len(tables.ids), {})
    for experiment, places in zip(playbook.experiments, arm_places(playbook, messages), strict=True):
        there = [number for number, arm in enumerate(experiment.arms) if arm.share > 0]
        # The arm without changes is the one that others are compared with, else the first.
        there.sort(key=lambda number: bool(experiment.arms[number].changes.keys))
        new = np.full(len(experiment.arms) + 1, -1, np.int64)
        new[there] = np.arange(len(there))
        place = np.where(apart | (row < 0), -1, new[places[row]])
        names = tuple(experiment.arms[number].name for number in there)
        if len(names) > 1:
            yield RelationArms(name=experiment.name, arms=names, place=place, is_holdout=False)
