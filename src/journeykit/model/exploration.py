"""Exploration: for some contacts chance decides what competes with which weight, and the chance of a grant is known.

Nothing is drawn from a stream of random numbers. Which contacts are drawn, by which vector, and what the vector holds
for a claim, are hashes of the seed, the contact, the instant and the claim: a run that is repeated gives the same rows.
All numbers are of 64 bits, sums and products are taken modulo 2**64, and `stir` is the finalizer of MurmurHash3:

- ``start = stir(key(contact) ^ stir(key(seed) ^ at))``, where ``key`` is the first half of `contact_key` and ``at`` is
  the instant of the decision in microseconds; the account takes the contact's place where contacts are decided
  together;
- the contact is drawn when ``(start >> 11) / 2**53 < share``, by the vector ``stir(start + 1) % draws``;
- vector j holds for a claim the number ``stir(stir(start + 2 + j) ^ key)``, where the claim's key says what it is, and
  not in which run or row.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.ids import claim_digest, contact_key, stir
from journeykit.basics.validation import number, one_of, required_text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

METHODS = ("uniform", "thompson")
"""How weights are drawn."""
MOST_DRAWS = 1_000
"""More vectors are not allowed: the chance of each claim is found by deciding with every one of them."""
PARTS = 4_096
"""Into so many equal parts a number is put to draw a propensity."""
_PART_BITS = 64 - 12
_MASK = 2**64 - 1


@frozen(kw_only=True)
class Exploration:
    """For a share of the contacts, weights that are drawn, so that it can be learned what else would have worked.

    A contact who is drawn is decided by one of `draws` numbered vectors of weights. ``uniform`` deals the weights of
    the contact's own claims anew among these claims; each claim gets each weight equally often. Weights that are equal
    are set apart first (`set_apart`), so that the vector decides among them too. ``thompson`` draws the propensity of
    each claim around its score, with the score's `Claim.spread`, and makes the weight anew from it.

    The claims that take part are those that are eligible, obey caps, did not bring their weight and weigh more than the
    reserve. Consent, caps, quotas, tiers and ranks hold as ever. Decisions say with which chance each claim was to be
    granted (`Row.chance`): exact, by deciding with every vector.

    Attributes:
        share: of the contacts, from 0 to 1, who are drawn; at another instant others are.
        method: ``uniform`` or ``thompson``.
        draws: how many vectors there are, from 1 to 1,000.
        seed: another seed draws other contacts, and otherwise.

    Raises:
        ModelError: for a field that is not as above.

    Example:
        >>> explore = Exploration(share=0.25, draws=8)
        >>> starts = [explore.start(name, 0) for name in ("anna", "ben", "cleo", "dora")]
        >>> [explore.vector(start) for start in starts]
        [None, None, None, 5]
        >>> explore.chance(granted=True, times=2)
        0.8125
    """

    share: float = field(validator=number(0, 1))
    method: str = field(default="uniform", validator=one_of(*METHODS))
    draws: int = field(default=50, validator=whole(1, MOST_DRAWS))
    seed: str = field(default="explore", validator=required_text)

    def start(self, unit: str, at: int) -> int:
        """What all that is drawn of a contact comes from.

        Args:
            unit: the id of the contact; of the account where its contacts are decided together.
            at: the instant of the decision, in microseconds.
        """
        return stir(contact_key(unit)[0] ^ stir(contact_key(self.seed)[0] ^ (at & _MASK)))

    def vector(self, start: int) -> int | None:
        """The number of the vector, from 0, by which a contact is decided; None for one who is not drawn."""
        return self.vector_drawn(start) if (start >> 11) / 2**53 < self.share else None

    def vector_drawn(self, start: int) -> int:
        """The number of the vector of a contact who is drawn."""
        return stir((start + 1) & _MASK) % self.draws

    def chance(self, *, granted: bool, times: int) -> float:
        """The chance that a claim is granted.

        Args:
            granted: whether it is granted to the contact if they are not drawn.
            times: how many of the vectors grant it.
        """
        return (1 - self.share) * granted + self.share * (times / self.draws)


def claim_number(start: int, vector: int, claim: int) -> int:
    """What a vector holds for a claim: 64 bits.

    Args:
        start: as `Exploration.start` gives it.
        vector: the number of the vector, from 0.
        claim: the key of the claim.
    """
    return stir(stir((start + 2 + vector) & _MASK) ^ claim)


def claim_key(campaign: str, content: str | None, channel: str | None, own: str | None, claim: str | None) -> int:
    """The key of a claim: 64 bits, the first half of `claim_digest` of no run.

    Args:
        campaign: the campaign's id.
        content: the content's id.
        channel: the channel.
        own: the claim's own date or instant, as ISO 8601.
        claim: the claim's own id.
    """
    return claim_digest("", campaign, content, channel, own, claim=claim)[0]


def set_apart(weights: Iterable[int]) -> list[int]:
    """Weights as they are dealt: each at least one millionth more than the next, so that no two are equal.

    Else all claims of equal weight would have the same vectors, and what comes first undrawn would always win.

    Args:
        weights: in millionths, in any order.

    Returns:
        The weights, the largest first; those that differ stay as they are.

    Example:
        >>> set_apart([5, 9, 5, 5])
        [9, 7, 6, 5]
    """
    found: list[int] = []
    for weight in sorted(weights):
        found.append(max(weight, found[-1] + 1) if found else weight)
    return found[::-1]


def dealt(weights: Sequence[int], numbers: Sequence[int]) -> list[int]:
    """Weights dealt anew: the claim with the smallest number gets the largest weight, and so on.

    Args:
        weights: the largest first, as `set_apart` gives them.
        numbers: what the vector holds for each claim.

    Example:
        >>> dealt([8, 5, 2], [30, 10, 20])
        [2, 8, 5]
    """
    found = [0] * len(weights)
    for weight, claim in zip(weights, sorted(range(len(numbers)), key=numbers.__getitem__), strict=True):
        found[claim] = weight
    return found


def drawn_propensity(propensity: float, spread: float | None, drawn: int) -> float:
    """A propensity drawn around a score: cut to 0 to 1.

    Args:
        propensity: the score.
        spread: its standard deviation; None is 0.
        drawn: what the vector holds for the claim.

    Example:
        >>> drawn_propensity(0.5, 0.25, 0), drawn_propensity(0.25, None, 0)
        (0.0, 0.25)
    """
    if not spread:
        return propensity
    return min(1.0, max(0.0, propensity + spread * normal_quantiles()[drawn >> _PART_BITS]))


@cache
def normal_quantiles() -> tuple[float, ...]:
    """The quantiles of the normal distribution at the middles of 4,096 equal parts.

    Example:
        >>> found = normal_quantiles()
        >>> found[0] == -found[-1], round(found[-1], 3)
        (True, 3.668)
    """
    from statistics import NormalDist

    quantile: Any = NormalDist().inv_cdf
    half = [quantile((part + 0.5) / PARTS) for part in range(PARTS // 2)]
    return (*half, *(-own for own in reversed(half)))
