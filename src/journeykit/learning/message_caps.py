"""Caps that are learned: the number of messages a week from which on the next one is not worth its risk."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import evolve, frozen
from numpy.typing import NDArray

from journeykit.basics.clock import DAY
from journeykit.engine.attention import STAGE_VALUE, Attention
from journeykit.errors import DataError
from journeykit.journey.measure.funnel_report import counted
from journeykit.learning.feature_matrix import Feature, FeatureMatrix
from journeykit.learning.timeline import STAGE
from journeykit.learning.uplift_model import drawn_together
from journeykit.measuring.message_pressure import messages_before
from journeykit.rule.expression import Expression
from journeykit.tables.arrow.arrays import numbers
from journeykit.tables.write_rows import write_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.learning.campaign_scoring import CampaignScores
    from journeykit.learning.message_history import MessageHistory
    from journeykit.learning.response_model import ResponseModel
    from journeykit.learning.scored_campaigns import ScoredCampaign
    from journeykit.model.campaign import Campaign
    from journeykit.playbook.playbook import Playbook

CAPS = {
    "contact_id": "text",
    "messages_a_week": "number",
    "worth": "number",
    "opt_out": "number",
    "opt_out_cost": "number",
}
"""The columns of a table of caps, with the kind of each."""
_DAYS, _MONTH = 7, 30
_NARROW = 1e-12
"""The least variance of values, so that it can be divided by."""
_TRIED = 30
"""So many messages at least have been sent at a pressure, or it has not been tried."""


@frozen(eq=False, kw_only=True)
class MessageCaps:
    """By contact, the number of messages a week from which on the next one is not worth its risk.

    Attributes:
        ids: the ids of the contacts.
        messages: the number; nan where it is not known.
        worth: what the contact's best message is worth: weight of the campaign, lever of the team, propensity, and what
            an answer brought.
        opt_out: the chance that the first message that is not worth it ends the relationship; of contacts for whom each
            was, that of the last one that was tried.
        opt_out_cost: what it costs to lose the contact.
        tried: the most messages in a week that were tried.
        notes: what is to be said of it.
    """

    ids: pa.Array
    messages: NDArray[np.float64]
    worth: NDArray[np.float64]
    opt_out: NDArray[np.float64]
    opt_out_cost: NDArray[np.float64]
    tried: int
    notes: tuple[str, ...] = ()

    def table(self) -> pa.Table:
        """The table, with the columns of `CAPS`."""
        unknown = np.isnan(self.messages)
        whole = np.where(unknown, 0, self.messages).astype(np.int64)
        columns: dict[str, Any] = {"contact_id": self.ids, "messages_a_week": numbers(whole, pa.int64(), unknown)}
        for name, own in zip(list(CAPS)[2:], (self.worth, self.opt_out, self.opt_out_cost), strict=True):
            columns[name] = numbers(own, pa.float64(), np.isnan(own))
        return pa.table(columns)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a file, which appears whole or not at all.

        Raises:
            DataError: for an unknown ending.
            OSError: if the file cannot be written.
        """
        cells = (own.values() for part in self.table().to_batches() for own in part.to_pylist())
        write_rows(str(path), CAPS, ([*own] for own in cells))


def weekly_messages(
    worth: NDArray[np.float64], risk: NDArray[np.float64], cost: NDArray[np.float64], reserve: float = 0.0
) -> NDArray[np.int64]:
    """How many messages a week are worth their risk.

    Args:
        worth: by contact, what a message is worth.
        risk: by contact and number of messages in the week before, the chance that the next one ends the relationship.
        cost: by contact, what that would cost.
        reserve: what a message must be worth beyond its risk.

    Example:
        >>> risk = np.array([[0.01, 0.02, 0.04]])
        >>> [weekly_messages(np.array([own]), risk, np.array([100.0])).item() for own in (0.5, 1.5, 3.0, 9.0)]
        [0, 1, 2, 3]
    """
    is_worth_it = worth[:, None] - risk * cost[:, None] > reserve
    # What is not worth it once is not later either, whatever the curve says of the few who got more.
    found: NDArray[np.int64] = np.logical_and.accumulate(is_worth_it, axis=1).sum(axis=1)
    return found


def caps_of(playbook: Playbook, scores: CampaignScores) -> MessageCaps:
    """The caps of contacts, from scores.

    A contact's best message counts as the next one: that of the campaign whose weight times the team's lever,
    propensity and what an answer brought is the largest. Its risk is the learned chance of an opt-out where the contact
    gets so many messages every week. It never falls with more messages: contacts who still are there after many are
    those who do not mind them. More messages a week than were tried are not recommended.

    Args:
        playbook: the rule set, with an ``opt_out_cost``.
        scores: the scores of its contacts.

    Raises:
        DataError: without a cost of an opt-out, or where no risk of it was learned.
    """
    if playbook.opt_out_cost is None:
        raise DataError("caps need what an opt-out costs: give opt_out_cost in the playbook", source="playbook")
    if scores.model.opt_out is None:
        raise DataError("caps need opt-outs to learn from, and the events have none", source="events")
    history, at = scores.history, scores.at
    factor, unweighed = _factors(playbook, scores)
    worth = _worth(scores, factor)
    tried = most_tried(history)
    before, place = np.unique(
        history.messages.before(scores.whose, np.full(len(scores.whose), at)), return_inverse=True
    )
    risk = steady_risk(scores.model.opt_out, before, tried)[place]
    cost = opt_out_costs(playbook, history, scores.whose, at)
    is_known = ~np.isnan(worth) & ~np.isnan(cost)
    found = weekly_messages(np.nan_to_num(worth), risk, np.nan_to_num(cost), playbook.reserve)
    caps = MessageCaps(
        ids=history.ids.take(numbers(scores.whose, pa.int64())),
        messages=np.where(is_known, found, np.nan),
        worth=worth,
        opt_out=risk[np.arange(len(risk)), np.minimum(found, tried)],
        opt_out_cost=cost,
        tried=tried + 1,
    )
    return evolve(caps, notes=tuple(_notes(caps, unweighed)))


def steady_risk(model: ResponseModel, before: NDArray[np.int64], tried: int) -> NDArray[np.float64]:
    """The chance that the next message ends the relationship, by how many a contact gets every week.

    Args:
        model: the model of opt-outs.
        before: how many messages contacts have had ever.
        tried: the most messages in the days before one that were tried.

    Returns:
        Chances of shape (len(before), tried + 1); in a row they never fall.
    """
    week = np.tile(np.arange(tried + 1.0), len(before))
    month = np.round(week * _MONTH / _DAYS)
    ever = np.maximum(np.repeat(before, tried + 1), month)
    known = {"touches": ever, "touches_7d": week, "touches_30d": month}
    names = [own.name for own in model.features]
    matrix = FeatureMatrix(tuple(map(Feature, names)), np.column_stack([known[name] for name in names]))
    chance = model.chances(matrix)[0].reshape(len(before), tried + 1)
    found: NDArray[np.float64] = np.maximum.accumulate(chance, axis=1)
    return found


def most_tried(history: MessageHistory) -> int:
    """The most messages in the seven days before another one that were tried often enough to know their risk."""
    line = history.messages
    before = messages_before(np.repeat(np.arange(line.owners), np.diff(line.first)), line.at, _DAYS * DAY)
    often = np.cumsum(np.bincount(before, minlength=1)[::-1])[::-1]
    return max(int(np.count_nonzero(often >= _TRIED)) - 1, 0)


def opt_out_costs(
    playbook: Playbook, history: MessageHistory, whose: NDArray[np.int64], at: int
) -> NDArray[np.float64]:
    """By contact, what an opt-out costs; nan where the contact's stage, or what that is worth, is not known."""
    attention = Attention(playbook)
    if attention.cost != STAGE_VALUE:
        return np.full(len(whose), attention.loss(None))
    instants = np.full(len(whose), at)
    contacts = history.contacts
    column = None if contacts is None else contacts.columns.get(STAGE)
    if contacts is not None and column is not None and column.classes is not None:
        names: Sequence[str] = column.classes
        place = np.append(column.values, np.nan)[contacts.place_of(STAGE, whose, instants)]
    elif history.steps is not None:
        names, last = history.stages, history.steps.last(whose, instants)
        place = np.where(last < 0, 0, np.append(history.steps.code, 0)[last]).astype(np.float64)
    else:
        names, place = (), np.full(len(whose), np.nan)
    losses = np.array([*map(attention.loss, names), np.nan])
    found: NDArray[np.float64] = losses[np.where(np.isnan(place), -1, place).astype(np.int64)]
    return found


def _worth(scores: CampaignScores, factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """By contact, what the best message is worth; nan where no propensity is known."""
    found = []
    for batch in scores.batches():
        own = batch.column(batch.schema.names.index("propensity")).to_numpy(zero_copy_only=False)
        whole = own.reshape(-1, len(factor)) * factor
        best = np.max(whole, axis=1, initial=-np.inf, where=~np.isnan(whole))
        found.append(np.where(np.isinf(best), np.nan, best))
    return np.concatenate([np.zeros(0), *found])


def _factors(playbook: Playbook, scores: CampaignScores) -> tuple[NDArray[np.float64], list[str]]:
    """By message, what its propensity is multiplied with; nan for one that is not considered, and why that is."""
    campaigns = {own.id: own for own in playbook.campaigns or ()}
    levers = {own.name: own.lever for own in playbook.teams or ()}
    contents = {own.id: own.weight for own in playbook.content or ()}
    values = {name: _answer_values(scores.history, name) for name in set(scores.responses) if name is not None}
    found: list[float] = []
    unweighed: dict[str, None] = {}
    for own, response in zip(scores.campaigns, scores.responses, strict=True):
        campaign = campaigns[own.campaign]
        if not (campaign.needs_consent and campaign.obeys_caps):
            found.append(np.nan)
            continue
        if isinstance(campaign.weight, Expression):
            unweighed[own.campaign] = None
            found.append(np.nan)
            continue
        content = max((contents.get(name, 1.0) for name in _contents(own, campaign)), default=1.0)
        value = 1.0 if response is None else values[response][own.campaign]
        found.append(campaign.weight * content * levers.get(campaign.team or "", 1.0) * value)
    return np.array(found), list(unweighed)


def _contents(own: ScoredCampaign, campaign: Campaign) -> tuple[str, ...]:
    return campaign.content if own.content is None else (own.content,)


def _answer_values(history: MessageHistory, response: str) -> Mapping[str, float]:
    """By campaign, what an answer was worth on average, those of few answers drawn towards the mean of all.

    It is 1 where the response has no value, and for campaigns where no answer had one the mean of all.
    """
    try:
        own = history.credits.of(response)
    except KeyError:
        return defaultdict(lambda: 1.0)
    known = ~np.isnan(own.value)
    if own.responses[0].value is None or not known.any():
        return defaultdict(lambda: 1.0)
    message, place = np.unique(own.message[known], return_inverse=True)
    value = np.bincount(place, (own.value * own.share)[known])
    names = [next(iter(facets.get("campaign", ())), "") for facets in history.kinds]
    campaign = np.array(names)[history.table.kind[message]]
    known_names, number, count = np.unique(campaign, return_inverse=True, return_counts=True)
    mean = np.bincount(number, value) / count
    spread = float(((value - mean[number]) ** 2).sum() / max(len(value) - len(mean), 1))
    middle = float(value.mean())
    kept = drawn_together(mean.tolist(), (max(spread, _NARROW) / count).tolist())
    return defaultdict(lambda: middle, zip(known_names.tolist(), kept, strict=True))


def _notes(caps: MessageCaps, unweighed: Sequence[str]) -> Iterator[str]:
    """What is to be said of caps."""
    unknown = {"propensity": np.isnan(caps.worth), "opt_out_cost": np.isnan(caps.opt_out_cost)}
    for name, own in unknown.items():
        if own.any():
            yield f"{counted(int(own.sum()), 'contact')} without a number of messages: they have no {name}"
    most = int(np.count_nonzero(caps.messages == caps.tried))
    if most:
        yield (
            f"for {counted(most, 'contact')} every message that was tried is worth its risk: their number is "
            f"{caps.tried}, the most that {_TRIED} messages or more were sent after"
        )
    if unweighed:
        yield f"campaigns whose weight is an expression are not considered: {', '.join(unweighed)}"
