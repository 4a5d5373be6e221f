"""Who was assigned to what by a hash: to a holdout, or to an arm; all contacts of the table, messaged or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.basics.clock import micros
from journeykit.journey.measure.funnel_report import counted
from journeykit.measuring.arm_history import ArmHistory
from journeykit.measuring.arm_places import account_ids, arm_places, is_below
from journeykit.measuring.holdout_messages import HoldoutMessages
from journeykit.model.rest import micros_of_lag
from journeykit.playbook.experiment_arms import ArmAssignment
from journeykit.tables.arrow.arrays import one_piece, texts
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.measuring.measured_tables import MeasuredTables
    from journeykit.measuring.message_table import MessageTable
    from journeykit.model.experiment import Experiment
    from journeykit.model.holdout import Holdout
    from journeykit.playbook.playbook import Playbook

HOLDOUT, OTHERS = "holdout", "others"


@frozen(kw_only=True)
class Assignment:
    """Contacts, dealt out by a hash.

    Attributes:
        name: ``holdout``, ``holdout of CAMPAIGN``, or the name of an experiment.
        arms: the names of the arms.
        shares: their planned shares.
        against: the arm that the others are compared with.
        place: by number of the contact, the place of the arm; -1 for none.
        account: by number of the contact, the number of the account, where accounts were dealt out; else None.
        progress: the part of the horizon that is over; None where there is none.
        notes: what is to be said of it.
    """

    name: str
    arms: tuple[str, ...]
    shares: tuple[float, ...]
    against: str
    place: NDArray[np.int64]
    account: NDArray[np.int64] | None = None
    progress: float | None = None
    notes: tuple[str, ...] = ()


def is_dealt_out(playbook: Playbook) -> bool:
    """Whether contacts are dealt out: to a holdout that leaves out some and not all, or to arms."""
    return bool(playbook.experiments) or any(True for _ in holdouts_of(playbook))


def assignments(tables: MeasuredTables) -> Iterator[Assignment]:
    """The holdouts, then the experiments, with the contacts of the table of contacts."""
    messages, known = tables.messages, tables.messages.known
    assert known is not None  # noqa: S101  (the table of contacts is given)
    apart = np.zeros(len(known), np.bool_)
    for name, holdout, campaigns in holdouts_of(tables.playbook):
        inside = is_below(holdout.seed, messages.ids, holdout.share)
        place = np.where(known & ~apart, np.where(inside, 0, 1), -1)
        if name == HOLDOUT:
            # Contacts that get nothing at all say nothing of a campaign's own holdout, nor of an arm.
            apart = inside
        yield Assignment(
            name=name,
            arms=(HOLDOUT, OTHERS),
            shares=(holdout.share, 1 - holdout.share),
            against=HOLDOUT,
            place=place,
            notes=tuple(_written_to(tables, name, inside & known, campaigns)),
        )
    for own, place in zip(tables.playbook.experiments, arm_places(tables.playbook, messages), strict=True):
        yield _experiment(tables, own, np.where(known & ~apart, place, -1))


def holdouts_of(playbook: Playbook) -> Iterator[tuple[str, Holdout, frozenset[str | None] | None]]:
    """The holdouts that leave out some and not all, with their campaigns; None for all campaigns."""
    if playbook.holdout is not None and 0 < playbook.holdout.share < 1:
        yield HOLDOUT, playbook.holdout, None
    for campaign in playbook.campaigns or ():
        own = campaign.holdout
        if own is not None and campaign.needs_consent and 0 < own.share < 1:
            yield f"holdout of {campaign.id}", own, frozenset[str | None]([campaign.id])


def _written_to(
    tables: MeasuredTables, name: str, inside: NDArray[np.bool_], campaigns: frozenset[str | None] | None
) -> Iterator[str]:
    """How often contacts in a holdout were written to all the same, if they were.

    Campaigns that need no consent pass by holdouts, and do not count.
    """
    messages = tables.messages
    free = {own.id for own in tables.playbook.campaigns or () if not own.needs_consent}
    of_kind = [next(iter(facets.get("campaign", ())), None) for facets in messages.kinds]
    meant = [own not in free if campaigns is None else own in campaigns for own in of_kind]
    stopped = np.array(meant or [False], np.bool_)[messages.kind]
    found = HoldoutMessages.of(inside, contact=messages.contact[stopped], at=messages.at[stopped], name=name)
    note = found.note()
    if note is not None:
        yield note


def _experiment(tables: MeasuredTables, experiment: Experiment, place: NDArray[np.int64]) -> Assignment:
    """The arms of an experiment; those of no contacts are left out."""
    there = [number for number, arm in enumerate(experiment.arms) if arm.share > 0]
    new = np.full(len(experiment.arms) + 1, -1, np.int64)
    new[there] = np.arange(len(there))
    arms = [experiment.arms[number] for number in there]
    plain = next((arm.name for arm in arms if not arm.changes.keys), arms[0].name if arms else "")
    progress = None
    if experiment.horizon is not None:
        progress = (micros(tables.until) - micros(tables.since)) / micros_of_lag(experiment.horizon)
    return Assignment(
        name=experiment.name,
        arms=tuple(arm.name for arm in arms),
        shares=tuple(arm.share for arm in arms),
        against=plain,
        place=new[place],
        account=_account_numbers(tables.messages) if ArmAssignment(tables.playbook).by_account else None,
        progress=progress,
        notes=tuple(_other_arms(tables.messages, experiment, place)),
    )


def _other_arms(messages: MessageTable, experiment: Experiment, place: NDArray[np.int64]) -> Iterator[str]:
    """What the arms that touches name say against the hash: contacts in two arms, and in another one than now."""
    column = Column(one_piece(messages.rows["arm"]))
    number = {f"{experiment.name}:{arm.name}": at for at, arm in enumerate(experiment.arms)}
    named = [[number[own] for own in str(value or "").split(";") if own in number] for value in column.values]
    arm = np.array([own[0] if own else -1 for own in named] or [-1], np.int64)[column.codes]
    names = [own.name for own in experiment.arms]
    found = ArmHistory.of(names, contacts=len(messages.ids), contact=messages.contact, arm=arm, at=messages.at)
    yield from (f"{experiment.name}: {note}" for note in found.notes(counted_in="the arm of the playbook as it is now"))
    other = np.count_nonzero((found.arm >= 0) & (place >= 0) & (found.arm != place))
    if other:
        whole = counted(int(other), "contact")
        yield (
            f"{experiment.name}: {whole} first in another arm than that of the playbook as it is now, by another seed "
            "or other shares; they count in the latter. Find out why before you read any difference"
        )


def _account_numbers(messages: MessageTable) -> NDArray[np.int64]:
    """By number of the contact, the number of the account; a number of their own for contacts without one."""
    ids = account_ids(messages)
    column = Column(texts([None] * len(messages.ids)) if ids is None else ids)
    missing = np.array([value is None for value in column.values], np.bool_)[column.codes]
    return np.where(missing, len(column.values) + np.arange(len(missing)), column.codes)
