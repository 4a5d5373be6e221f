"""Two returns beside each other: what messages brought for what they cost, and what they kept of the relationship."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen

from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.measuring.arm_outcomes import arm_outcomes
from journeykit.measuring.base_value import amount_cells
from journeykit.measuring.differences import Difference
from journeykit.measuring.group_measures import settled_and_young
from journeykit.measuring.relation_arms import relation_arms
from journeykit.measuring.stage_stays import NOWHERE
from journeykit.measuring.value_chain import Estimated, jackknifed
from journeykit.tables.arrow.arrays import one_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from journeykit.measuring.credits import Credits
    from journeykit.measuring.message_table import MessageTable
    from journeykit.measuring.relation_tables import RelationTables
    from journeykit.measuring.value_chain import StageValues
    from journeykit.model.response import Response

_UNKNOWN = "-"
ALL_TEAMS, NO_TEAM = "(all)", "(none)"
FEW_CONTACTS = 100
"""With fewer contacts on one side, what was kept is said to be small."""


@frozen(kw_only=True)
class MoneyReturn:
    """What messages brought for what they cost.

    Attributes:
        team: whose messages.
        messages: how many, of those in the response's scope that are as old at the end as its `within`: to younger ones
            more may yet be credited.
        cost: what they cost; None where the cost of one is not known.
        value: what is credited to them.
        value_per_cost: the one by the other; None where they cost nothing, or nobody knows what.
    """

    team: str
    messages: int
    cost: float | None
    value: float
    value_per_cost: Estimated | None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        per = None if self.value_per_cost is None else self.value_per_cost.to_dict()
        counts = {name: getattr(self, name) for name in ("team", "messages", "cost", "value")}
        return {**counts, "value_per_cost": per}


@frozen(kw_only=True)
class KeptValue:
    """The lifetime value that an arm kept: of contacts who were there at the start, against another one's.

    Of each contact it is the value at the end, nothing for one who left, less that at the start. Everybody counts who
    was assigned, messaged or not.

    Attributes:
        name: ``holdout``, of the playbook; ``holdout of CAMPAIGN``; or the name of an experiment.
        arm: the arm: ``messaged`` of a holdout.
        against: the arm that it is compared with: ``holdout`` of a holdout.
        contacts: by arm, how many were there at the start.
        before: by arm, what a contact was worth at the start.
        after: by arm, what those contacts are worth at the end, per contact who was there at the start.
        kept: how much more a contact of the arm kept.
        in_all: that, for all contacts of the arm.
        cost: what those of the messages in the time cost that went to these contacts and that a holdout does not get;
            None where this is not known, and for experiments.
        per_cost: what was kept in all by that cost; None where there is none.
        lost: the share of contacts who are lost at the end, arm less arm.
    """

    name: str
    arm: str
    against: str
    contacts: Mapping[str, int]
    before: Mapping[str, float]
    after: Mapping[str, float]
    kept: Estimated
    in_all: Estimated
    cost: float | None
    per_cost: Estimated | None
    lost: Difference

    @property
    def is_small(self) -> bool:
        """Whether there are few contacts on one side."""
        return min(self.contacts.values()) < FEW_CONTACTS

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            **{name: getattr(self, name) for name in ("name", "arm", "against")},
            **{name: dict(getattr(self, name)) for name in ("contacts", "before", "after")},
            "kept": self.kept.to_dict(),
            "in_all": self.in_all.to_dict(),
            "cost": self.cost,
            "per_cost": None if self.per_cost is None else self.per_cost.to_dict(),
            "lost": self.lost.to_dict(),
            "is_small": self.is_small,
        }


@frozen(kw_only=True, repr=False)
class TwoReturns:
    """Two returns beside each other: money, and the relationship.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        response: the response whose value is credited.
        money: what messages brought for what they cost: of all teams, then by team, those with the most messages first.
        kept: the lifetime value kept against each holdout, the playbook's first, and by the arms of experiments.
        said: what is to be said of it.
        level: the level of confidence of intervals.
    """

    response: str
    money: tuple[MoneyReturn, ...]
    kept: tuple[KeptValue, ...]
    said: tuple[str, ...]
    level: float

    name = "returns"

    def notes(self) -> tuple[str, ...]:
        """What is to be said of it, a line each."""
        return self.said

    def tables(self) -> Iterator[ReportTable]:
        """Both returns as tables."""
        rows = [
            (own.team, f"{own.messages:,}", _number(own.cost), _number(own.value), *amount_cells(own.value_per_cost))
            for own in self.money
        ]
        headings = ("team", "settled", "cost", "value", "value per cost", "interval")
        yield ReportTable(f"Return in money: {self.response}", headings, rows, 1)
        for kept in self.kept:
            title = f"Return in lifetime value: contacts there at the start, by {kept.name}"
            sides = ("", kept.arm, kept.against, "difference", "interval")
            yield ReportTable(title, sides, list(_kept_cells(kept)), 1)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "response": self.response,
            "level": self.level,
            "money": [own.to_dict() for own in self.money],
            "kept": [own.to_dict() for own in self.kept],
            "notes": list(self.said),
        }

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Rows of the table of measures: value per cost by team; the value kept, and how many were lost, by arm."""
        for own in self.money:
            counts = {"messages": own.messages, "cost": own.cost, "value": own.value}
            per = own.value_per_cost or Estimated(float("nan"))
            span = {
                "value_per_cost": None if own.value_per_cost is None else per.value,
                "value_low": per.low,
                "value_high": per.high,
            }
            yield {"by": "team", "group": own.team, "measure": "return in money", **counts, **span}
        for kept in self.kept:
            yield from _kept_rows(kept)

    def __str__(self) -> str:
        return text((f"Intervals are at {100 * self.level:g} %.", *self.said), self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(self.said, self.tables())


def two_returns(
    tables: RelationTables,
    values: StageValues,
    group: NDArray[np.int64],
    messages: MessageTable,
    credits_: Credits,
    response: Response,
) -> TwoReturns:
    """What messages brought for what they cost, and what they kept of the relationship.

    Args:
        tables: what was read.
        values: what a contact on each stage is worth.
        group: by contact, the group with which it is left out, to see how sure a figure is.
        messages: the messages in the time.
        credits_: the events that are credited to them.
        response: that whose value counts.
    """
    whose = tables.numbers_of(messages)
    left_out = np.where(whose >= 0, group[np.maximum(whose, 0)], 0)
    own = credits_.of(response.name)
    settled, _ = settled_and_young(response, messages, tables.until)
    value = np.bincount(own.message, own.share * np.nan_to_num(own.value), len(messages))
    cost = messages.rows["cost"].to_numpy(zero_copy_only=False).astype(np.float64)
    column = one_piece(messages.rows["team"]).dictionary_encode()
    names = [*column.dictionary.to_pylist(), NO_TEAM]
    code = column.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
    groups = int(group.max(initial=0)) + 1
    chosen = [(ALL_TEAMS, np.ones(len(code), np.bool_)), *((name, code == own) for own, name in enumerate(names))]
    whole, *others = (
        _money(name, left_out[own & settled], cost[own & settled], value[own & settled], groups, tables.level)
        for name, own in chosen
        if name == ALL_TEAMS or own.any()
    )
    campaign = one_piece(messages.rows["campaign_id"])

    def cost_of(campaigns: frozenset[str | None] | None, contacts: NDArray[np.bool_]) -> float | None:
        # The playbook's holdout gets what needs no consent, as all others do.
        free = [own.id for own in tables.playbook.campaigns or () if not own.needs_consent]
        some = pa.array(free if campaigns is None else list(campaigns), pa.large_string())
        own = pc.is_in(campaign.cast(pa.large_string()), some).to_numpy(zero_copy_only=False)
        to_them = (whose >= 0) & contacts[whose]
        found = float(cost[to_them & (own != (campaigns is None))].sum())
        return None if np.isnan(found) else found

    kept, said = _kept(tables, values, group, cost_of)
    return TwoReturns(
        response=response.name,
        money=(whole, *sorted(others, key=lambda own: (-own.messages, own.team))),
        kept=tuple(kept),
        said=tuple(said),
        level=tables.level,
    )


def _money(
    team: str,
    group: NDArray[np.int64],
    cost: NDArray[np.float64],
    value: NDArray[np.float64],
    groups: int,
    level: float,
) -> MoneyReturn:
    total = float(cost.sum()) if len(cost) else 0.0
    per = None
    if total > 0:
        costs, brought = (np.bincount(group, own, groups) for own in (cost, value))
        with np.errstate(divide="ignore", invalid="ignore"):
            without = (value.sum() - brought) / (total - costs)
        # Groups without a message of the team say nothing of how sure the figure is.
        per = jackknifed(float(value.sum()) / total, without if groups > 1 else without[:0], level)
        if per.low is not None and value.min() >= 0:
            per = Estimated(per.value, max(per.low, 0.0), per.high)
    known = None if np.isnan(total) else total
    return MoneyReturn(team=team, messages=len(cost), cost=known, value=float(value.sum()), value_per_cost=per)


def _kept(
    tables: RelationTables, values: StageValues, group: NDArray[np.int64], cost_of: Callable[..., float | None]
) -> tuple[list[KeptValue], list[str]]:
    """The value kept by each arm against another one, and what is to be said of it."""
    found, said = list[KeptValue](), list[str]()
    start = tables.stays.is_present(tables.since)
    ends = [_present_stage(tables, at) for at in (tables.since, tables.until)]
    for dealt in relation_arms(tables):
        said += dealt.notes
        for number in range(1, len(dealt.arms)):
            there = start & ((dealt.place == 0) | (dealt.place == number))
            arm = (dealt.place[there] == number).astype(np.int64)
            names = (dealt.arms[0], dealt.arms[number])
            if len(np.unique(arm)) < len(names):
                said.append(
                    f"{dealt.name}, lifetime value kept: not compared; nobody of one arm was there at the start"
                )
                continue
            # What was kept is that of contacts there at the start, and so is what it cost.
            cost = cost_of(dealt.campaigns, start & (dealt.place == number)) if dealt.is_holdout else None
            account = None if dealt.is_holdout or tables.account is None else tables.account[there]
            sides = _Sides(names, arm, account, group[there], [own[there] for own in ends], len(tables.stays.stages))
            found.append(_kept_value(dealt.name, values, sides, cost))
    if not found and not said:
        said.append("lifetime value kept: not compared; a holdout, of the playbook or a campaign, shows what is kept")
    return found, said


def _present_stage(tables: RelationTables, at: int) -> NDArray[np.int64]:
    """By contact, the stage at an instant; the number of stages for one who was not there."""
    stage = tables.stays.stage_at(at)
    return np.where((stage == NOWHERE) | tables.stays.is_lost[stage], len(tables.stays.stages), stage)


class _Sides(NamedTuple):
    """Contacts of two arms: the names; and by contact the arm, the account, the group, and the stage at both ends.

    There are accounts where these were dealt out.
    """

    names: tuple[str, str]
    arm: NDArray[np.int64]
    account: NDArray[np.int64] | None
    group: NDArray[np.int64]
    ends: list[NDArray[np.int64]]
    stages: int

    def counts(self, stage: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
        """Contacts by group, arm and stage; those who are not there are on the last one."""
        shape = groups, 2, self.stages + 1
        place = (self.group * 2 + self.arm) * shape[2] + stage
        return np.bincount(place, minlength=groups * 2 * shape[2]).reshape(shape).astype(np.float64)


def _kept_value(name: str, values: StageValues, sides: _Sides, cost: float | None) -> KeptValue:
    groups = max(len(values.without), int(sides.group.max(initial=0)) + 1)
    before, after = (sides.counts(own, groups) for own in sides.ends)
    start, end = before.sum(0), after.sum(0)

    def worth(at: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
        """By arm, the value per contact."""
        found: NDArray[np.float64] = at[:, :-1] @ value / at.sum(1)
        return found

    def kept(first: NDArray[np.float64], last: NDArray[np.float64], value: NDArray[np.float64]) -> float:
        gain = worth(last, value) - worth(first, value)
        return float(gain[1] - gain[0])

    with np.errstate(divide="ignore", invalid="ignore"):
        without = [kept(start - before[place], end - after[place], value) for place, value in enumerate(values.without)]
    found = jackknifed(kept(start, end, values.array), np.array(without), values.level)
    against, arm = sides.names
    gone = sides.ends[1] == sides.stages
    lost = arm_outcomes(sides.names, sides.arm, gone, accounts=sides.account)
    contacts = int(start[1].sum())
    return KeptValue(
        name=name,
        arm=arm,
        against=against,
        contacts={own: int(count) for own, count in zip(sides.names, start.sum(1), strict=True)},
        before=dict(zip(sides.names, worth(start, values.array).tolist(), strict=True)),
        after=dict(zip(sides.names, worth(end, values.array).tolist(), strict=True)),
        kept=found,
        in_all=_times(found, contacts),
        cost=cost,
        per_cost=_times(found, contacts / cost) if cost else None,
        lost=Difference.between(lost[1], lost[0], level=values.level),
    )


def _times(own: Estimated, factor: float) -> Estimated:
    if own.low is None or own.high is None:
        return Estimated(own.value * factor)
    return Estimated(own.value * factor, own.low * factor, own.high * factor)


def _kept_cells(own: KeptValue) -> Iterator[tuple[str, ...]]:
    sides = (own.arm, own.against)
    yield "contacts", *(f"{own.contacts[name]:,}" for name in sides), "", "small" if own.is_small else ""
    for said, values in (("value at the start", own.before), ("value at the end", own.after)):
        yield said, *(f"{values[name]:,.2f}" for name in sides), "", ""
    yield "kept per contact", "", "", *amount_cells(own.kept)
    yield "kept in all", "", "", *amount_cells(own.in_all)
    if own.per_cost is not None:
        yield "cost of messages to them", _number(own.cost), "", "", ""
        yield "kept per cost", "", "", *amount_cells(own.per_cost)
    rates = [
        f"{100 * arm.mean:.1f} %" if arm.mean is not None else _UNKNOWN for arm in (own.lost.arm, own.lost.against)
    ]
    difference, span = _UNKNOWN, _UNKNOWN
    if own.lost.difference is not None and own.lost.fixed is not None:
        difference = f"{100 * own.lost.difference:+.1f} %"
        span = f"{100 * own.lost.fixed[0]:+.1f} to {100 * own.lost.fixed[1]:+.1f} %"
    yield "lost", *rates, difference, span


def _kept_rows(own: KeptValue) -> Iterator[Mapping[str, Any]]:
    both: dict[str, Any] = {
        "by": own.name,
        "group": f"{own.arm} - {own.against}",
        "is_small": str(own.is_small).lower(),
    }
    for name in ("kept", "in_all", "per_cost"):
        amount: Estimated | None = getattr(own, name)
        if amount is not None:
            said = "kept per cost" if name == "per_cost" else name.replace("_", " ")
            cells = {**both, "measure": f"lifetime value {said}", "contacts": own.contacts[own.arm], "cost": own.cost}
            yield {**cells, "value": amount.value, "value_low": amount.low, "value_high": amount.high}
    for arm in (own.lost.arm, own.lost.against):
        counts = {"contacts": arm.contacts, "responded": arm.responding, "rate": arm.mean}
        yield {"by": own.name, "group": arm.name, "measure": "lost", **counts}
    low, high = own.lost.fixed or (None, None)
    yield {**both, "measure": "lost", "rate": own.lost.difference, "low": low, "high": high, "method": "one look"}


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:,.2f}"
