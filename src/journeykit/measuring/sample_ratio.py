"""Whether arms have as many contacts as they should."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.validation import is_number, shown
from journeykit.errors import ModelError
from journeykit.measuring.tails import chi_squared_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

SUSPECT = 0.001
"""A probability below this is a mismatch."""
FEWEST = 5
"""Where an arm should have fewer contacts, the test says nothing."""


@frozen
class SampleRatio:
    """Counts of arms beside those that their shares give, with Pearson's chi-squared test.

    Arms that differ from their shares by more than chance allows are a sign that contacts were lost, doubled or moved
    on the way, and then no difference between arms can be believed: Fabijan and others, "Diagnosing sample ratio
    mismatch in online controlled experiments" (KDD 2019).

    Attributes:
        names: of the arms.
        counts: how many contacts each has; accounts, where arms are dealt out by account.
        expected: how many it should have.
        statistic: chi-squared; None where an arm should have fewer than 5. Infinite where an arm of no share has some.
        p: the probability of one so large, or larger, if the shares are true; None without it.

    Example:
        >>> ratio = SampleRatio.of(["old", "new"], [5_210, 4_790], [0.5, 0.5])
        >>> ratio.p < 0.001, ratio.is_mismatch
        (True, True)
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float | None
    p: float | None

    @classmethod
    def of(cls, names: Sequence[str], counts: Sequence[int], shares: Sequence[float]) -> SampleRatio:
        """Counts of arms with their planned shares.

        Args:
            names: of the arms.
            counts: contacts, or accounts, by arm.
            shares: by arm; need not add up to 1, since contacts of no arm count nowhere. An arm whose share is 0 has no
                contact.

        Raises:
            ModelError: for lists of different lengths, a share that is below 0, or shares that are all 0.
        """
        if not len(names) == len(counts) == len(shares):
            raise ModelError(f"found {len(names)} arms, {len(counts)} counts and {len(shares)} shares")
        for share in shares:
            if not is_number(share) or share < 0:
                raise ModelError(f"the share of an arm must be 0 or more, found {shown(share)}", field="shares")
        if not sum(shares):
            raise ModelError("the shares of all arms are 0", field="shares")
        whole = sum(counts)
        expected = tuple(whole * share / sum(shares) for share in shares)
        own = tuple(names), tuple(counts), expected
        if any(count and not share for count, share in zip(counts, shares, strict=True)):
            return cls(*own, math.inf, 0.0)
        pairs = [(count, wanted) for count, wanted in zip(counts, expected, strict=True) if wanted]
        if len(pairs) < 2 or min(wanted for _, wanted in pairs) < FEWEST:
            return cls(*own, None, None)
        statistic = sum((count - wanted) ** 2 / wanted for count, wanted in pairs)
        return cls(*own, statistic, chi_squared_tail(statistic, len(pairs) - 1))

    @property
    def is_mismatch(self) -> bool:
        """Whether chance alone hardly gives such counts: p below 0.001."""
        return self.p is not None and self.p < SUSPECT

    def note(self) -> str | None:
        """A mismatch in a sentence; None where there is none.

        Example:
            >>> print(SampleRatio.of(["old", "new"], [5_210, 4_790], [0.5, 0.5]).note())
            sample-ratio mismatch (p below 0.0001): old has 5,210, expected 5,000; new has 4,790, expected 5,000
        """
        if self.p is None or not self.is_mismatch:
            return None
        bound = next(one for one in ("0.000001", "0.00001", "0.0001", "0.001") if self.p < float(one))
        parts = "; ".join(
            f"{name} has {count:,}, expected {wanted:,.0f}"
            for name, count, wanted in zip(self.names, self.counts, self.expected, strict=True)
        )
        return f"sample-ratio mismatch (p below {bound}): {parts}"

    def to_dict(self) -> dict[str, Any]:
        """The counts and the test as plain data."""
        arms = [
            {"arm": name, "count": count, "expected": wanted}
            for name, count, wanted in zip(self.names, self.counts, self.expected, strict=True)
        ]
        return {
            "arms": arms,
            "chi_squared": None if self.statistic == math.inf else self.statistic,
            "p": self.p,
            "mismatch": self.is_mismatch,
        }
