"""What is used of quotas with a window, and what is left of them, period by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from journeykit.basics.clock import first_and_last
from journeykit.basics.validation import BILLIONTH, MILLIONTH
from journeykit.errors import ModelError
from journeykit.ledger.quota_usage import usage_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from journeykit.engine.counted_quotas import CountedQuota
    from journeykit.engine.decider import HasDecider
    from journeykit.ledger.transaction import Transaction


@frozen
class QuotaState:
    """What is used of a quota in one period. Numbers are in the quota's own unit; of a share they are shares.

    Attributes:
        name: the quota's name.
        of: what it adds up.
        period: which, such as its first date.
        used: what is reserved and sent in it.
        max: the most, or None.
        min: the least, or None.
        left: how much the most leaves, from 0; None without a most, and of a share.
        messages: of a share, how many messages there are in the period, in its scope or not; else None.
    """

    name: str
    of: str
    period: str
    used: float
    max: float | None
    min: float | None
    left: float | None
    messages: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def quota_states(
    arbiter: HasDecider | None, transaction: Transaction, at: datetime, until: datetime | None
) -> list[QuotaState]:
    """The state of a playbook's quotas; see `journeykit.ledger.BaseLedger.quotas`."""
    if arbiter is None:
        raise ModelError(
            "what is left of quotas needs a playbook: give arbiter=, here or to the ledger", field="arbiter"
        )
    ruleset = arbiter.decider.ruleset
    first, last = first_and_last(at, until)
    every = [(own, start) for own in ruleset.counted.every for start in own.starts(first, last)]
    names = list(dict.fromkeys(own.quota.name for own, _ in every))
    keys = [key for own, start in every for key in own.keys(start)]
    used = usage_now(transaction, ruleset, names, keys, writes=False) if keys else {}
    return [_state(own, start, used) for own, start in every]


def _state(counted: CountedQuota, start: int, used: Mapping[str, int]) -> QuotaState:
    quota = counted.quota
    amount, *messages = (used[key] for key in counted.keys(start))
    period = counted.period(start)
    if messages:
        part = amount / messages[0] if messages[0] else 0.0
        return QuotaState(quota.name, quota.of, period, part, quota.max, quota.min, None, messages[0] // BILLIONTH)
    found = amount / (MILLIONTH if quota.of == "value" else BILLIONTH)
    left = None if quota.max is None else max(0.0, quota.max - found)
    return QuotaState(quota.name, quota.of, period, found, quota.max, quota.min, left)
