"""What a run with quotas had chosen, and did not reserve: what quotas are left with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.model.claim import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from journeykit.basics.clock import Clock
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.engine.ruleset import Ruleset
    from journeykit.ledger.reservation import Reservation


@frozen
class Fallen:
    """What messages use of the sides of quotas that a run had chosen and that fell away afterwards.

    Attributes:
        uses: by side, in smallest units.
        messages: by side, how many of them lie on its days.
    """

    uses: tuple[int, ...]
    messages: tuple[int, ...]

    @classmethod
    def none(cls, tariff: QuotaCharges) -> Fallen:
        """Nothing has fallen away."""
        nothing = (0,) * len(tariff.sides)
        return cls(nothing, nothing)

    def plus(self, other: Fallen) -> Fallen:
        """The same, with what fell away in another part of the run."""
        both = ((self.uses, other.uses), (self.messages, other.messages))
        return Fallen(*(tuple(map(sum, zip(*own, strict=True))) for own in both))

    def with_less(
        self,
        compiled: Ruleset,
        tariff: QuotaCharges,
        chosen: Iterable[Reservation],
        left: Iterable[Reservation],
        local: Callable[[str], Clock],
    ) -> Fallen:
        """The same, after messages that were chosen for contacts have given way to those that are left of them.

        Args:
            compiled: the playbook.
            tariff: what has the sides of its quotas.
            chosen: what the run had chosen.
            left: what of it was reserved.
            local: the clock of a contact, by id.
        """
        uses, messages = list(self.uses), list(self.messages)
        for sign, several in ((1, chosen), (-1, left)):
            for own in several:
                day = local(own.contact).day(own.micros)
                claim = Claim(
                    campaign=own.campaign or "", cost=own.cost, propensity=own.propensity, numbers=own.numbers
                )
                opening = compiled.message_of(own.touch())
                # It was granted by this very playbook.
                assert not isinstance(opening, str)  # noqa: S101
                weight = scaled(own.weight or 0.0, MILLIONTH)
                for place, side in enumerate(tariff.sides):
                    uses[place] += sign * side.use(opening.campaign, opening.facets, claim, weight, day, own.micros)
                    messages[place] += sign * side.counts_at(day, own.micros)
        return Fallen(tuple(uses), tuple(messages))
