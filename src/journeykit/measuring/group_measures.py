"""The measures of a group of messages: how many there were, how many were answered, what that was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.measuring.group_sums import GroupSums
from journeykit.measuring.ratio_interval import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.measuring.group_sums import MessageGroups
    from journeykit.measuring.message_table import MessageTable
    from journeykit.measuring.ratio_interval import Draws
    from journeykit.model.response import Response

HARMFUL = ("opt_out", "complaint")
"""The responses that are counted per thousand messages, and by how many messages came before."""


@frozen
class AnsweredMessages:
    """What is known of one response, by message.

    Attributes:
        name: the response's.
        settled: which messages are in its scope and at least as old as its `within`; of the others nothing is final.
        young: which are in its scope and younger.
        message: by credit, the place of the message.
        share: by credit, the part of the event that is credited to the message.
        value: by credit, what the event is worth; nan where that is unknown. None where the response has no value.
    """

    name: str
    settled: NDArray[np.bool_]
    young: NDArray[np.bool_]
    message: NDArray[np.int64]
    share: NDArray[np.float64]
    value: NDArray[np.float64] | None

    @property
    def answered(self) -> NDArray[np.bool_]:
        """By message, whether it has a credited event."""
        found = np.zeros(len(self.settled), np.bool_)
        found[self.message] = True
        return found

    @property
    def events(self) -> NDArray[np.float64]:
        """By settled message, how many events are credited to it; of one that several messages share, its part."""
        return self._by_message(self.share)

    @property
    def valued(self) -> NDArray[np.float64]:
        """By settled message, how many of its events have a value that is known."""
        return self._by_message(0 * self.share if self.value is None else self.share * ~np.isnan(self.value))

    @property
    def worth(self) -> NDArray[np.float64]:
        """By settled message, what its events are worth; 0 where the response has no value."""
        return self._by_message(0 * self.share if self.value is None else self.share * np.nan_to_num(self.value))

    def _by_message(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        kept = self.settled[self.message]
        return np.bincount(self.message[kept], parts[kept], len(self.settled)).astype(np.float64, copy=False)


@frozen(kw_only=True)
class ResponseMeasures:
    """How the messages of a group did by one response.

    Attributes:
        response: its name.
        young: messages in its scope that are younger than its `within`. They are counted apart: their events may
            yet come.
        young_part: how many of these have a credited event already.
        rate: the messages with a credited event, of those in its scope and old enough.
        events: how many events are credited to these; parts of one are added up.
        has_value: whether the response has a value.
        value: what these events are worth, as far as that is known; None where it is known of none of them, or the
            response has no value.
        worth: their value per message; None likewise.
        cost: what the messages did cost; None where that is unknown of one of them.
    """

    response: str
    young: int
    young_part: int
    rate: Ratio
    events: float
    has_value: bool
    value: float | None
    worth: Ratio | None
    cost: float | None

    @property
    def is_harm(self) -> bool:
        """Whether it is an opt-out or a complaint, which is counted per thousand messages."""
        return self.response in HARMFUL

    @property
    def per_thousand(self) -> float | None:
        """The rate per thousand messages; None of no messages."""
        return None if self.rate.rate is None else 1_000 * self.rate.rate

    @property
    def value_per_cost(self) -> float | None:
        """The value by what the messages did cost; None where one of them is unknown, and of no cost."""
        return self.value / self.cost if self.value is not None and self.cost else None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "response": self.response,
            "young": self.young,
            "young_part": self.young_part,
            "rate": self.rate.to_dict(),
            "per_thousand": self.per_thousand,
            "events": self.events,
            "value": self.value,
            "worth": None if self.worth is None else self.worth.to_dict(),
            "cost": self.cost,
            "value_per_cost": self.value_per_cost,
        }


@frozen(kw_only=True)
class GroupMeasures:
    """How a group of messages did.

    Attributes:
        group: the value of each facet; None where the messages have none. Empty for all messages.
        messages: how many there were.
        contacts: to how many contacts they went.
        cost: what they did cost, as far as that is known; None where it is known of none.
        cost_unknown: of how many messages it is unknown.
        responses: how they did, by response.
    """

    group: tuple[str | None, ...]
    messages: int
    contacts: int
    cost: float | None
    cost_unknown: int
    responses: tuple[ResponseMeasures, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("messages", "contacts", "cost", "cost_unknown")
        return {
            "group": list(self.group),
            **{name: getattr(self, name) for name in names},
            "responses": [own.to_dict() for own in self.responses],
        }


def settled_and_young(
    response: Response, messages: MessageTable, until: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By message, whether it is in a response's scope and at least as old at the end as its `within`; or younger."""
    scope = np.array([response.where.surely_matches(facets) for facets in messages.kinds] or [False], np.bool_)
    in_scope, is_old = scope[messages.kind], until - messages.at >= response.length
    return in_scope & is_old, in_scope & ~is_old


def measures_of(
    groups: MessageGroups,
    answers: Sequence[AnsweredMessages],
    *,
    contact: NDArray[np.int64],
    unit: NDArray[np.int64],
    cost: NDArray[np.float64],
    draws: Draws,
) -> list[GroupMeasures]:
    """The measures of groups of messages, in their order.

    Args:
        groups: the groups.
        answers: what is known of each response.
        contact: by message, the number of its contact.
        unit: by message, the number of what is drawn: the contact, or the account.
        cost: by message, what it did cost; nan where that is unknown.
        draws: how intervals are drawn.
    """
    sums = GroupSums(groups, unit)
    contacts = sums if unit is contact else GroupSums(groups, contact)
    known = ~np.isnan(cost)
    paid = np.where(known, cost, 0.0)
    by_response = [list(_of_response(sums, groups, own, paid, known, draws)) for own in answers]
    rows = zip(
        groups.names,
        sums.by_group(np.ones(len(unit), np.bool_)),
        contacts.units(),
        sums.by_group(paid),
        sums.by_group(~known),
        strict=True,
    )
    return [
        GroupMeasures(
            group=name,
            messages=messages,
            contacts=people,
            cost=None if unknown == messages else spent,
            cost_unknown=unknown,
            responses=tuple(own[place] for own in by_response),
        )
        for place, (name, messages, people, spent, unknown) in enumerate(rows)
    ]


def _of_response(
    sums: GroupSums,
    groups: MessageGroups,
    own: AnsweredMessages,
    paid: NDArray[np.float64],
    known: NDArray[np.bool_],
    draws: Draws,
) -> Iterator[ResponseMeasures]:
    settled, answered, has_value = own.settled, own.answered, own.value is not None
    whole, part, worth = (sums.slices(sums.by_unit(values)) for values in (settled, answered & settled, own.worth))
    rows = zip(
        groups.names,
        sums.by_group(own.young),
        sums.by_group(answered & own.young),
        sums.by_group(own.events),
        sums.by_group(own.valued),
        sums.by_group(np.where(settled, paid, 0.0)),
        sums.by_group(settled & ~known),
        whole,
        part,
        worth,
        strict=True,
    )
    for name, young, young_part, events, valued, cost, unknown, messages, answered, worths in rows:
        there, is_known = messages > 0, has_value and (valued > 0 or not events)
        title = "\0".join((own.name, *groups.facets, *("" if one is None else f"={one}" for one in name)))
        yield ResponseMeasures(
            response=own.name,
            young=young,
            young_part=young_part,
            rate=Ratio.of(messages[there], answered[there], draws, title),
            events=events,
            has_value=has_value,
            value=worths.sum().item() if is_known else None,
            worth=Ratio.of(messages[there], worths[there], draws, title, is_count=False) if is_known else None,
            cost=None if unknown else cost,
        )
