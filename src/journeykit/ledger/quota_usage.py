"""What is used of quotas that are counted over all runs and single decisions, as a ledger keeps it.

Each reservation knows what it uses, and the ledger keeps the sum for each quota and period; both change in the
transaction in which touches are reserved or moved. A quota that the ledger has not counted yet is counted once, from
the reservations that it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from journeykit.engine.candidate import message_of
from journeykit.engine.counted_quotas import QuotaCapacity, capacity_keys
from journeykit.ledger.reservation import added_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.engine.arbitration import TwoRounds
    from journeykit.engine.counted_quotas import CountedQuota
    from journeykit.engine.decider import Decider
    from journeykit.engine.ruleset import Ruleset
    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.transaction import Transaction


def usage_now(
    transaction: Transaction, ruleset: Ruleset, names: Sequence[str], keys: Sequence[str], *, writes: bool
) -> dict[str, int]:
    """What is used of counted quotas, by key; nobody else decides by them until the end of the transaction.

    Args:
        transaction: the transaction.
        ruleset: the playbook.
        names: the names of the quotas.
        keys: the keys of quotas and periods.
        writes: whether a quota that was not counted yet is counted from here on; else it is counted for this answer.
    """
    wanted = set(names)
    counted = [own for own in ruleset.counted.every if own.quota.name in wanted]
    found = transaction.used(names, [*(own.mark for own in counted), *keys])
    new = [own for own in counted if own.mark not in found]
    if new:
        uses = [(held, own) for held in transaction.decided() if (own := uses_of(ruleset, new, held))]
        if writes:
            transaction.count_uses([own.mark for own in new], uses)
        found.update(added_up(own for _, own in uses))
    return {key: found.get(key, 0) for key in keys}


def uses_of(ruleset: Ruleset, counted: Iterable[CountedQuota], held: Reservation) -> dict[str, int]:
    """What a reservation uses of some quotas, by key."""
    facets = ruleset.facets(held.touch())
    return {key: use for own in counted for key, use in own.uses(facets, held) if use}


def with_uses(ruleset: Ruleset, reservations: Sequence[Reservation]) -> Sequence[Reservation]:
    """Reservations that know what they use of the playbook's counted quotas."""
    if not ruleset.counted:
        return reservations
    return [evolve(held, uses=uses_of(ruleset, ruleset.counted.every, held)) for held in reservations]


def left_for(transaction: Transaction, decider: Decider, rounds: TwoRounds, *, writes: bool) -> dict[str, int]:
    """What is used, by key, of the maxima that the eligible claims of a decision may use."""
    asked = ((message_of(candidate), candidate.instants) for candidate in rounds.candidates)
    names, keys = capacity_keys(decider.ruleset.counted, asked)
    return usage_now(transaction, decider.ruleset, names, keys, writes=writes) if keys else {}


class RoomOfQuotas:
    """What is left of the maxima of counted quotas, while messages are taken one contact after the other.

    Attributes:
        used: by key, what is used.
    """

    def __init__(self, ruleset: Ruleset, used: dict[str, int]) -> None:
        self._ruleset = ruleset
        self.used = used

    @classmethod
    def of(
        cls, transaction: Transaction, decider: Decider, reservations: Iterable[Reservation], *, writes: bool
    ) -> RoomOfQuotas:
        """What is left of the quotas that some messages use; nobody else decides by them in the meantime."""
        counted = decider.ruleset.counted.capped
        names, keys = dict[str, None](), dict[str, None]()
        for held in reservations:
            for own in counted:
                for key in uses_of(decider.ruleset, [own], held):
                    names[own.quota.name], keys[key] = None, None
        return cls(decider.ruleset, usage_now(transaction, decider.ruleset, [*names], [*keys], writes=writes))

    def takes(self, reservations: Sequence[Reservation]) -> bool:
        """Whether there is room for messages, which is theirs then."""
        used = dict(self.used)
        for held in reservations:
            for own in self._ruleset.counted.capped:
                for key, use in uses_of(self._ruleset, [own], held).items():
                    used[key] = used.get(key, 0) + use
                    if use > 0 and own.cap is not None and used[key] > own.cap.bound:
                        return False
        self.used = used
        return True

    def take(self, reservations: Sequence[Reservation]) -> None:
        """Count what messages use."""
        for held in reservations:
            for key, use in uses_of(self._ruleset, self._ruleset.counted.capped, held).items():
                self.used[key] = self.used.get(key, 0) + use


def keep_to(decider: Decider, rounds: TwoRounds, used: Mapping[str, int] | None) -> TwoRounds:
    """The rounds of a decision in which no more is granted than is left of counted quotas; with None as they are."""
    if used is not None and decider.ruleset.counted:
        rounds.keep_to(QuotaCapacity(decider.ruleset.counted, used))
    return rounds
