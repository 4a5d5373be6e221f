"""What messages change: contacts in a holdout, or in an arm, against the others, messaged or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.measuring.arm_comparison import ArmComparison, compare_arms
from journeykit.measuring.assignment import is_below
from journeykit.measuring.contact_outcomes import contact_outcomes
from journeykit.measuring.holdout_messages import HoldoutMessages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeykit.journey.measure.funnel_report import ReportTable
    from journeykit.measuring.measured_tables import MeasuredTables
    from journeykit.model.holdout import Holdout
    from journeykit.playbook.playbook import Playbook


_NO_CONTACTS = "holdout: not compared; give contacts, which say who was assigned, messaged or not"
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
        progress: the part of the horizon that is over; None where there is none.
        note: what is to be said of it; empty for nothing.
    """

    name: str
    arms: tuple[str, ...]
    shares: tuple[float, ...]
    against: str
    place: NDArray[np.int64]
    progress: float | None = None
    note: str = ""


@frozen(kw_only=True)
class ArmMeasures:
    """Differences between contacts assigned: the part ``arms`` of the report.

    Attributes:
        comparisons: by what was dealt out and by response.
        said: what is to be said of it.
    """

    comparisons: tuple[tuple[str, str, ArmComparison], ...]
    said: tuple[str, ...] = ()

    name = "arms"

    def notes(self) -> Iterator[str]:
        """What is to be said of it, a line each."""
        yield from self.said
        for dealt, response, own in self.comparisons:
            yield from (f"{dealt}, {response}: {note}" for note in own.notes())

    def tables(self) -> Iterator[ReportTable]:
        """Each comparison as a table."""
        for _, _, own in self.comparisons:
            yield from own.tables()

    def to_dict(self) -> list[dict[str, Any]]:
        """Each comparison as plain data."""
        return [{"dealt_by": dealt, "response": name, **own.to_dict()} for dealt, name, own in self.comparisons]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of measures: each arm, and each difference with both intervals."""
        for dealt, response, own in self.comparisons:
            for arm in own.arms:
                counts = {"contacts": arm.contacts, "responded": arm.responding, "rate": arm.mean, "value": arm.total}
                yield {"by": dealt, "group": arm.name, "measure": response, **counts}
            for one in own.differences:
                for method, ends in (("one look", one.fixed), ("every look", one.always)):
                    low, high = ends or (None, None)
                    span = {"rate": one.difference, "low": low, "high": high, "method": method}
                    yield {"by": dealt, "group": f"{one.arm.name} - {one.against.name}", "measure": response, **span}


def arm_measures(tables: MeasuredTables) -> ArmMeasures | None:
    """Differences between contacts assigned to holdouts and arms; None where nothing was dealt out."""
    if not any(True for _ in holdouts_of(tables.playbook)):
        return None
    if tables.messages.known is None:
        return ArmMeasures(comparisons=(), said=(_NO_CONTACTS,))
    dealt = list(_assignments(tables))
    outcomes = contact_outcomes(tables)
    found = []
    for own in dealt:
        for outcome in outcomes:
            values: Mapping[str, Any] = {outcome.name: outcome.events > 0}
            if outcome.value is not None:
                values = {**values, f"value of {outcome.name}": outcome.value}
            for name, value in values.items():
                compared = compare_arms(
                    own.arms,
                    own.place,
                    value,
                    of=f"{own.name}, {name}",
                    against=own.against,
                    shares=own.shares,
                    accounts=None,
                    progress=own.progress,
                    level=tables.draws.level,
                )
                found.append((own.name, name, compared))
    said = tuple(own.note for own in dealt if own.note)
    return ArmMeasures(comparisons=tuple(found), said=said)


def _assignments(tables: MeasuredTables) -> Iterator[Assignment]:
    """Who is in the holdouts: all contacts of the table, whether a message reached them or not."""
    known = tables.messages.known
    assert known is not None  # noqa: S101  (the table of contacts is given)
    apart = np.zeros(len(known), np.bool_)
    for name, holdout, campaigns in holdouts_of(tables.playbook):
        inside = is_below(holdout.seed, tables.messages.ids, holdout.share)
        place = np.where(known & ~apart, np.where(inside, 0, 1), -1)
        if name == HOLDOUT:
            # Who gets nothing at all says nothing of a campaign's own holdout.
            apart = inside
        yield Assignment(
            name=name,
            arms=(HOLDOUT, OTHERS),
            shares=(holdout.share, 1 - holdout.share),
            against=HOLDOUT,
            place=place,
            note=_written_to(tables, name, inside & known, campaigns),
        )


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
) -> str:
    """How often contacts in a holdout were written to all the same; empty for never.

    Campaigns that need no consent pass by holdouts, and do not count.
    """
    messages = tables.messages
    free = {own.id for own in tables.playbook.campaigns or () if not own.needs_consent}
    of_kind = [next(iter(facets.get("campaign", ())), None) for facets in messages.kinds]
    meant = [own not in free if campaigns is None else own in campaigns for own in of_kind]
    stopped = np.array(meant or [False], np.bool_)[messages.kind]
    found = HoldoutMessages.of(inside, contact=messages.contact[stopped], at=messages.at[stopped], name=name)
    return found.note() or ""
