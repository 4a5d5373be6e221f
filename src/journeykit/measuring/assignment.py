"""Who was assigned to what by a hash: to a holdout, or to an arm; all contacts of the table, messaged or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.measuring.measured_tables import MeasuredTables
    from journeykit.measuring.message_table import MessageTable
    from journeykit.model.experiment import Experiment
    from journeykit.model.holdout import Holdout
    from journeykit.playbook.playbook import Playbook

HOLDOUT, OTHERS = "holdout", "others"
_FEWEST_ARMS = 2
_SAME_CONTACTS = "the playbook's holdout has the same seed, and so the same contacts: give one of them another seed"


@frozen(kw_only=True)
class Assignment:
    """Contacts, dealt out by a hash.

    Attributes:
        name: ``holdout``, ``holdout of CAMPAIGN``, or the name of an experiment.
        arms: the names of the arms; fewer than two are compared with nothing, and `notes` says so.
        shares: their planned shares.
        against: the arm that the others are compared with.
        place: by number of the contact, the place of the arm; -1 for none.
        account: by number of the contact, the number of the account, where accounts were dealt out; else None.
        stretch: by number of the contact, the stretch between changes of the shares; None where nothing says it.
        progress: the part of the horizon that is over; None where there is none.
        notes: what is to be said of it.
    """

    name: str
    arms: tuple[str, ...]
    shares: tuple[float, ...]
    against: str
    place: NDArray[np.int64]
    account: NDArray[np.int64] | None = None
    stretch: NDArray[np.int64] | None = None
    progress: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_comparable(self) -> bool:
        """Whether there is anything to compare an arm with."""
        return len(self.arms) >= _FEWEST_ARMS


def is_dealt_out(playbook: Playbook) -> bool:
    """Whether contacts are dealt out: to a holdout that leaves out some and not all, or to arms."""
    return bool(playbook.experiments) or any(True for _ in holdouts_of(playbook))


def assignments(tables: MeasuredTables) -> Iterator[Assignment]:
    """The holdouts, then the experiments, with the contacts of the decisions, else those of the table of contacts."""
    messages = tables.messages
    every, reached = _assigned(tables)
    apart = np.zeros(len(every), np.bool_)
    for name, holdout, campaigns in holdouts_of(tables.playbook):
        inside = is_below(holdout.seed, messages.ids, holdout.share)
        asked = every if campaigns is None else reached.get(next(iter(campaigns)) or "", every)
        place = np.where(asked & ~apart, np.where(inside, 0, 1), -1)
        share, notes = holdout.share, list(_written_to(tables, name, inside & every, campaigns))
        if name == HOLDOUT:
            # Contacts that get nothing at all say nothing of a campaign's own holdout, nor of an arm.
            apart = inside
        else:
            share = _share_left(holdout, tables.playbook.holdout)
        if not share:
            notes.append(f"{name}: not compared; {_SAME_CONTACTS}")
        yield Assignment(
            name=name,
            arms=(HOLDOUT, OTHERS) if share else (OTHERS,),
            shares=(share, 1 - share) if share else (1.0,),
            against=HOLDOUT if share else OTHERS,
            place=place,
            notes=tuple(notes),
        )
    for own, place in zip(tables.playbook.experiments, arm_places(tables.playbook, messages), strict=True):
        yield _experiment(tables, own, place, every & ~apart)


def _assigned(tables: MeasuredTables) -> tuple[NDArray[np.bool_], Mapping[str, NDArray[np.bool_]]]:
    """By number of the contact, who was assigned; and by campaign, who was asked whether they are in its holdout."""
    known, log = tables.messages.known, tables.log
    assert known is not None  # noqa: S101  (contacts or decisions are given)
    if log is None:
        return known, {}
    place = log.among(tables.messages.ids)

    def marked(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.zeros(len(known), np.bool_)
        found[place[rows & (place >= 0)]] = True
        return found

    return marked(np.ones(len(place), np.bool_)), {name: marked(own) for name, own in log.reached.items()}


def _share_left(own: Holdout, general: Holdout | None) -> float:
    """The share of a campaign's holdout among the contacts that are not in the playbook's.

    Where both have one seed, they have one hash, and the contacts below the smaller share are in both.
    """
    if general is None or own.seed != general.seed or general.share == 1:
        return own.share
    return max(own.share - general.share, 0.0) / (1 - general.share)


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


def _experiment(
    tables: MeasuredTables, experiment: Experiment, place: NDArray[np.int64], allowed: NDArray[np.bool_]
) -> Assignment:
    """The arms of an experiment; those of no share and no contacts are left out."""
    progress = None
    if experiment.horizon is not None:
        progress = (micros(tables.until) - micros(tables.since)) / micros_of_lag(experiment.horizon)
    history = _decided(tables, experiment, allowed)
    if history is None:
        stretch, notes = None, list(_sent_otherwise(tables.messages, experiment, place))
    else:
        # What decisions say goes before the hash, which knows only the shares of today.
        notes = list(_decided_otherwise(history, history.elsewhere(np.where(allowed, place, history.arm))))
        place, stretch = history.arm, history.stretch
    notes += _gone_arms(tables, experiment)
    place = np.where(allowed, place, -1)
    there = [number for number, arm in enumerate(experiment.arms) if arm.share > 0 or (place == number).any()]
    new = np.full(len(experiment.arms) + 1, -1, np.int64)
    new[there] = np.arange(len(there))
    arms = [experiment.arms[number] for number in there]
    plain = next((arm.name for arm in arms if not arm.changes.keys), arms[0].name if arms else "")
    if len(arms) < _FEWEST_ARMS:
        notes.append(f"not compared; {counted(len(arms), 'arm')} with contacts")
    elif all(arm.changes.keys for arm in arms):
        notes.append(f"every arm has a 'with': the others are compared with the first, {plain!r}")
    return Assignment(
        name=experiment.name,
        arms=tuple(arm.name for arm in arms),
        shares=tuple(arm.share for arm in arms),
        against=plain,
        place=new[place],
        account=_account_numbers(tables.messages) if ArmAssignment(tables.playbook).by_account else None,
        stretch=stretch,
        progress=progress,
        notes=tuple(f"{experiment.name}: {note}" for note in notes),
    )


def _decided(tables: MeasuredTables, experiment: Experiment, allowed: NDArray[np.bool_]) -> ArmHistory | None:
    """The arms that decisions name, without those of contacts in a holdout; None where they name none."""
    log = tables.log
    if log is None:
        return None
    arm, contact = _arms_of(log.arms, experiment)[log.arm], log.among(tables.messages.ids)[log.contact]
    arm[(contact < 0) | ~allowed[contact]] = -1
    if (arm < 0).all():
        return None
    contacts = len(tables.messages.ids)
    names = [own.name for own in experiment.arms]
    return ArmHistory.of(names, contacts=contacts, contact=contact, arm=arm, at=log.at, all_assigned=True)


def _gone_arms(tables: MeasuredTables, experiment: Experiment) -> Iterator[str]:
    """Contacts that were decided in arms of other names than the experiment has now."""
    log, known = tables.log, {f"{experiment.name}:{arm.name}" for arm in experiment.arms}
    if log is None:
        return
    gone = [
        {own for own in str(text or "").split(";") if own.startswith(f"{experiment.name}:")} - known
        for text in log.arms
    ]
    contacts = len(np.unique(log.contact[np.array([bool(own) for own in gone] or [False], np.bool_)[log.arm]]))
    if contacts:
        names = ", ".join(sorted(set().union(*gone)))
        yield f"{counted(contacts, 'contact')} decided in arms that the playbook does not have now: {names}"


def _decided_otherwise(history: ArmHistory, other: int) -> Iterator[str]:
    """What decisions say against each other, and against the playbook as it is now."""
    yield from history.notes()
    if other:
        yield (
            f"{counted(other, 'contact')} first decided in another arm than that of the playbook as it is now, by "
            "another seed or other shares; they count where they were decided first"
        )


def _sent_otherwise(messages: MessageTable, experiment: Experiment, place: NDArray[np.int64]) -> Iterator[str]:
    """What the arms that touches name say against the hash: contacts in two arms, and in another one than now."""
    column = Column(one_piece(messages.rows["arm"]))
    arm = _arms_of(column.values, experiment)[column.codes]
    names = [own.name for own in experiment.arms]
    found = ArmHistory.of(names, contacts=len(messages.ids), contact=messages.contact, arm=arm, at=messages.at)
    yield from found.notes(counted_in="the arm of the playbook as it is now")
    other = found.elsewhere(place)
    if other:
        yield (
            f"{counted(other, 'contact')} first in another arm than that of the playbook as it is now, by another seed "
            "or other shares; they count in the latter. Find out why before you read any difference, or give decisions"
        )


def _arms_of(values: Sequence[Any], experiment: Experiment) -> NDArray[np.int64]:
    """The place of the arm of one experiment that texts of decisions name; -1 for none."""
    number = {f"{experiment.name}:{arm.name}": at for at, arm in enumerate(experiment.arms)}
    named = [[number[own] for own in str(value or "").split(";") if own in number] for value in values]
    return np.array([own[0] if own else -1 for own in named] or [-1], np.int64)


def _account_numbers(messages: MessageTable) -> NDArray[np.int64]:
    """By number of the contact, the number of the account; a number of their own for contacts without one."""
    ids = account_ids(messages)
    column = Column(texts([None] * len(messages.ids)) if ids is None else ids)
    missing = np.array([value is None for value in column.values], np.bool_)[column.codes]
    return np.where(missing, len(column.values) + np.arange(len(missing)), column.codes)
