"""Prices: what one more unit of each quota is worth, and what that takes from a claim's weight.

A run over many contacts finds them; saved, they steer decisions on single contacts, who know nothing of each other:
a claim that uses a scarce quota is charged its price, one that fills a minimum is paid for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.validation import MILLIONTH, is_number, required_text, shown
from journeykit.errors import DataError, ModelError, closest, named_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.eligibility import Opening
    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Claim
    from journeykit.model.quota import Side
    from journeykit.playbook.playbook import Playbook

_SIDES = ("max", "min")


def _checked(value: object) -> dict[str, dict[str, float]]:
    if not isinstance(value, Mapping):
        raise ModelError(f"prices are by quota, found {shown(value)}", field="quotas")
    found: dict[str, dict[str, float]] = {}
    for name, sides in value.items():
        good = isinstance(sides, Mapping) and set(sides) <= set(_SIDES)
        if (
            not isinstance(name, str)
            or not good
            or not all(is_number(price) and price >= 0 for price in sides.values())
        ):
            raise ModelError(
                f"the prices of a quota are {{max: number from 0, min: number from 0}}, found {shown(sides)} "
                f"for {shown(name)}",
                field="quotas",
            )
        found[name] = {side: float(sides[side]) for side in _SIDES if side in sides}
    return found


@frozen
class Prices:
    """Prices of a playbook's quotas.

    Attributes:
        playbook: the fingerprint of the playbook they belong to.
        quotas: by quota, what one unit of its ``max`` costs and one unit of its ``min`` earns, in weight; at least 0.
            One unit of a share is one message.

    Raises:
        ModelError: for a price that cannot be.

    Example:
        >>> prices = Prices("0" * 64, {"seats": {"max": 2.5}})
        >>> Prices.from_dict(prices.to_dict()) == prices
        True
    """

    playbook: str = field(validator=required_text)
    quotas: Mapping[str, Mapping[str, float]] = field(factory=dict, converter=_checked)

    def to_dict(self) -> dict[str, Any]:
        """The prices as plain data."""
        return {"playbook": self.playbook, "quotas": {name: dict(sides) for name, sides in self.quotas.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Prices:
        """Prices from plain data.

        Raises:
            ModelError: for anything else.
        """
        found: object = data
        if not isinstance(found, Mapping) or set(found) != {"playbook", "quotas"}:
            raise ModelError(f"prices are {{playbook: fingerprint, quotas: ...}}, found {shown(found)}")
        return cls(data["playbook"], data["quotas"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the prices to a JSON file, which appears whole or not at all."""
        target = Path(path)
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            beside.write_text(json.dumps(self.to_dict(), indent=2) + "\n", "utf-8")
            beside.replace(target)
        except OSError as error:
            raise named_error(error, path) from error
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Prices:
        """Read prices from a JSON file.

        Raises:
            DataError: if it holds none, or cannot be read.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text("utf-8")))
        except OSError as error:
            raise DataError(f"no prices can be read: {error.strerror}", source=os.fspath(path)) from error
        except (ValueError, ModelError) as error:
            raise DataError(f"no prices can be read: {error}", source=os.fspath(path)) from error

    def check(self, playbook: Playbook, source: str = "prices") -> None:
        """Refuse prices of quotas that a playbook does not have.

        Raises:
            DataError: naming the first of them, and where it was found.
        """
        known = [quota.name for quota in playbook.quotas]
        for name in self.quotas:
            if name not in known:
                meant = closest(name, known)
                hint = f"; did you mean {meant!r}?" if meant else ""
                raise DataError(
                    f"there is a price for the quota {name!r}, which the playbook does not have; it has "
                    f"{', '.join(known) or 'none'}{hint}",
                    source=source,
                )

    def of(self, side: Side) -> float:
        """The price of one side of a quota."""
        return self.quotas.get(side.quota.name, {}).get("max" if side.is_max else "min", 0.0)


Slot = tuple[bool, int]
"""Whether a campaign obeys caps, and its tier: claims of one slot are decided at the same prices."""


def slot_of(campaign: Campaign) -> Slot:
    """The slot of a campaign."""
    return campaign.obeys_caps, campaign.tier


class Tariff:
    """What prices take from the claims of a playbook.

    Args:
        sides: the sides of its quotas.
        prices: the price of each, in weight, by slot; for slots that are not there, that of None.
        run: whether they are those of a run over many contacts, which keeps the quotas and chose for all.
    """

    def __init__(
        self, sides: Sequence[Side], prices: Mapping[Slot | None, Sequence[float]], *, run: bool = False
    ) -> None:
        self.sides = sides
        self.prices = prices
        self.run = run

    @classmethod
    def of(cls, playbook: Playbook, prices: Prices) -> Tariff:
        """What saved prices take.

        Raises:
            DataError: for prices of quotas that the playbook does not have.
        """
        prices.check(playbook)
        sides = [side for quota in playbook.quotas for side in quota.sides]
        return cls(sides, {None: [prices.of(side) for side in sides]})

    def terms(self, opening: Opening, claim: Claim, weight: int, day: int) -> list[tuple[Side, float]]:
        """What each side takes from a claim that goes out on a day, in weight; what it adds is below 0."""
        found = []
        prices = self.prices.get(slot_of(opening.campaign)) or self.prices[None]
        for side, price in zip(self.sides, prices, strict=True):
            if price:
                use = side.use(opening.campaign, opening.facets, claim, weight, day)
                if use:
                    found.append((side, price * (use / side.unit)))
        return found


def whole(terms: Any) -> int:
    """A sum of weights, taken in order, in millionths."""
    total = 0.0
    for term in terms:
        total += term
    return round(total * MILLIONTH)
