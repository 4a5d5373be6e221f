"""What shifts of rules change, added up over contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.validation import MILLIONTH
from journeykit.comparing.rule_number import CONFLICT, RESERVE, SERIES
from journeykit.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from journeykit.comparing.rule_number import RuleNumber
    from journeykit.engine.decider import GroupDecision
    from journeykit.model.outcome import Row

LOST = frozenset((Reason.CAPPED, Reason.CONFLICT, Reason.REQUIRES, Reason.OUTBID))
"""The reasons of claims that could be granted if other rules, or other winners, let them."""


class ShiftSum:
    """What one shift changes.

    Attributes:
        value: how much more the granted messages are worth above the reserve that the playbook has, in millionths.
        messages: how many messages more there are.
        contacts: how many contacts get other messages than before.
        decided: how many contacts were decided again.
        penalties: how much more soft quotas cost that do not hold.
    """

    def __init__(self) -> None:
        self.value = self.messages = self.contacts = self.decided = 0
        self.penalties = 0.0

    def add(self, *, weight: int, messages: int, contacts: int, decided: int, reserve: int) -> None:
        """Add what changed for some contacts: weights in millionths, the reserve likewise."""
        self.value += weight - messages * reserve
        self.messages += messages
        self.contacts += contacts
        self.decided += decided

    def add_group(self, before: GroupDecision, after: GroupDecision, reserve: int) -> None:
        """Add what changed for the contacts of a group."""
        old, new = granted_weights(before), granted_weights(after)
        changed = {key[0] for key in old.keys() ^ new.keys()}
        self.add(
            weight=sum(new.values()) - sum(old.values()),
            messages=len(new) - len(old),
            contacts=len(changed),
            decided=len(before.decided),
            reserve=reserve,
        )


def rows_of(found: GroupDecision) -> Iterable[Row]:
    """The rows of the contacts of a group that could be decided."""
    return (row for decision, _ in found.decided if not isinstance(decision, Exception) for row in decision.rows)


def granted_weights(found: GroupDecision) -> Mapping[tuple[object, ...], int]:
    """By granted claim, its weight in millionths; the contact comes first in what tells claims apart."""
    return {
        (row.contact, row.campaign, row.content, row.channel, row.date, row.claim): round((row.weight or 0) * MILLIONTH)
        for row in rows_of(found)
        if row.outcome == Outcome.GRANTED
    }


def is_stopped(number: RuleNumber, row: Row) -> bool:
    """Whether a rule stops the claim of a row."""
    if number.kind == RESERVE:
        return row.reason == Reason.NOT_WORTH_IT
    if number.kind == SERIES:
        return row.campaign == number.name and row.reason == Reason.REQUIRES and row.outcome == Outcome.DEFERRED
    return number.name in row.binding


def may_concern(number: RuleNumber, direction: int, found: GroupDecision, *, is_plan: bool) -> bool:
    """Whether a number that is a unit more (1) or less (-1) may change what the contacts of a group get."""
    eases = direction == number.eases
    rows = list(rows_of(found))
    has_granted = any(row.outcome == Outcome.GRANTED for row in rows)
    has_lost = any(row.reason in LOST for row in rows)
    if number.kind == RESERVE and eases:
        return has_lost or any(row.reason == Reason.NOT_WORTH_IT for row in rows)
    if number.kind in (SERIES, CONFLICT) or not eases:
        return has_lost or has_granted
    return has_lost or (is_plan and has_granted)
