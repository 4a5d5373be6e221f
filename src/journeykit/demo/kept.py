"""How many mailings and redemptions a replay keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeykit.demo.replay import Pair
    from journeykit.demo.retailer import Retailer


def kept(retailer: Retailer, granted: Mapping[Pair, int]) -> dict[str, int]:
    """The mailings that went out, and their redemptions on that day or later.

    ``at_random`` is how many redeemed mailings so many keep on average, where those that are left out are drawn by lot
    and the others go out when they really did.
    """
    redeemed = [sum(day >= sent for day in retailer.redemptions.get(pair, ())) for pair, sent in granted.items()]
    return {
        "mailings": len(granted),
        "saved": len(retailer.mailings) - len(granted),
        "redeemed_mailings": sum(count > 0 for count in redeemed),
        "redemptions": sum(redeemed),
        "at_random": round(len(retailer.redemptions) * len(granted) / len(retailer.mailings)),
    }
