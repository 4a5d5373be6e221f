"""Prices: what one more unit of each quota is worth.

A run over many contacts finds them; saved, they steer decisions on single contacts, who know nothing of each other:
a claim that uses a scarce quota is charged its price, one that fills a minimum is paid for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from journeykit.basics.plain_data import write_json
from journeykit.basics.validation import is_number, required_text, shown
from journeykit.errors import DataError, ModelError, closest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.model.quota import Quota, Side

_SIDES = ("max", "min")
LARGEST_PRICE = 1e15
"""What a unit of a quota uses may be small, but no price makes sense beyond this."""


class _HasQuotas(Protocol):
    """A playbook."""

    @property
    def quotas(self) -> Sequence[Quota]: ...


def _checked(value: object) -> dict[str, dict[str, float]]:
    if not isinstance(value, Mapping):
        raise ModelError(f"prices are by quota, found {shown(value)}", field="quotas")
    found: dict[str, dict[str, float]] = {}
    for name, sides in value.items():
        good = isinstance(sides, Mapping) and set(sides) <= set(_SIDES)
        if (
            not isinstance(name, str)
            or not good
            or not all(is_number(price) and 0 <= price <= LARGEST_PRICE for price in sides.values())
        ):
            numbers = f"number from 0 to {LARGEST_PRICE:g}"
            raise ModelError(
                f"the prices of a quota are {{max: {numbers}, min: {numbers}}}, found {shown(sides)} for {shown(name)}",
                field="quotas",
            )
        found[name] = {side: float(sides[side]) for side in _SIDES if side in sides}
    return found


def _by_arm(value: object) -> dict[str, dict[str, dict[str, float]]]:
    if not isinstance(value, Mapping) or not all(isinstance(arm, str) for arm in value):
        raise ModelError(f"prices of arms are by arm, found {shown(value)}", field="arms")
    return {arm: _checked(own) for arm, own in value.items()}


def _plain(quotas: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: dict(sides) for name, sides in quotas.items()}


@frozen
class Prices:
    """Prices of a playbook's quotas.

    Attributes:
        playbook: the fingerprint of the playbook they belong to.
        quotas: by quota, what one unit of its ``max`` costs and one unit of its ``min`` earns, in weight; at least 0.
            One unit of a share is one message.
        arms: by the arms of a contact, as decisions name them, the same for contacts who are in these; all others, and
            those of arms that are not there, have the prices of `quotas`: those of the contacts in no arm, or, of a run
            that has none, the largest of any arm.

    Raises:
        ModelError: for a price that cannot be.

    Example:
        >>> prices = Prices("0" * 64, {"seats": {"max": 2.5}})
        >>> Prices.from_dict(prices.to_dict()) == prices
        True
    """

    playbook: str = field(validator=required_text)
    quotas: Mapping[str, Mapping[str, float]] = field(factory=dict, converter=_checked)
    arms: Mapping[str, Mapping[str, Mapping[str, float]]] = field(factory=dict, converter=_by_arm, kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        """The prices as plain data."""
        found = {"playbook": self.playbook, "quotas": _plain(self.quotas)}
        return {**found, "arms": {arm: _plain(own) for arm, own in self.arms.items()}} if self.arms else found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Prices:
        """Prices from plain data.

        Raises:
            ModelError: for anything else.
        """
        found: object = data
        if not isinstance(found, Mapping) or {*found} - {"arms"} != {"playbook", "quotas"}:
            raise ModelError(f"prices are {{playbook: fingerprint, quotas: ...}}, found {shown(found)}")
        return cls(data["playbook"], data["quotas"], arms=data.get("arms", {}))

    def of_arm(self, arm: str | None) -> Prices:
        """The prices for contacts in some arms; None for those in none."""
        return type(self)(self.playbook, self.arms.get(arm or "", self.quotas))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the prices to a JSON file, which appears whole or not at all."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Prices:
        """Read prices from a JSON file.

        Raises:
            DataError: if it holds none, or cannot be read.
        """
        from pathlib import Path

        try:
            return cls.from_dict(json.loads(Path(path).read_text("utf-8")))
        except OSError as error:
            raise DataError(f"no prices can be read: {error.strerror}", source=os.fspath(path)) from error
        except (ValueError, ModelError) as error:
            raise DataError(f"no prices can be read: {error}", source=os.fspath(path)) from error

    def check(self, playbook: _HasQuotas, source: str = "prices") -> None:
        """Refuse prices of quotas that a playbook does not have.

        Raises:
            DataError: naming the first of them, and where it was found.
        """
        known = [quota.name for quota in playbook.quotas]
        for name in (*self.quotas, *(name for own in self.arms.values() for name in own)):
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
