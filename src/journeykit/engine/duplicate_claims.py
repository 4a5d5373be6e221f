"""Claims that ask for the same thing: one of them is decided."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import micros
from journeykit.basics.validation import LARGEST

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from journeykit.engine.candidate import Candidate
    from journeykit.model.claim import Claim


def mark_duplicates(candidates: Sequence[Candidate]) -> None:
    """Of claims that ask for the same thing one is decided; which one does not depend on their order."""
    same: dict[tuple[Any, ...], list[Candidate]] = {}
    for own in candidates:
        claim = own.claim
        if own.fault is None:
            same.setdefault((claim.campaign, claim.content, claim.channel, own.own_date, claim.id), []).append(own)
    sizes = Counter(own.source for own in candidates)
    for alike in same.values():
        ordered = sorted(alike, key=lambda own: _duplicate_order(own, sizes)) if len(alike) > 1 else ()
        for place, own in enumerate(ordered):
            if place:
                own.duplicate = place
                own.fault = "the same claim is there already"


def _duplicate_order(candidate: Candidate, sizes: Mapping[Hashable, int]) -> tuple[Any, ...]:
    *first, facets = precedence(candidate.claim)
    # What asks for fewer contents comes before what leaves them open.
    return *first, sizes[candidate.source], facets


def precedence(claim: Claim) -> tuple[Any, ...]:
    """Of claims that ask for the same, the one with the smallest of these is decided."""
    asked_at = claim.asked_at and micros(claim.asked_at)
    rest = (claim.propensity, claim.value, claim.cost, asked_at, claim.spread, claim.opt_out, claim.uplift)
    expires = claim.expires
    return (
        -(claim.weight if claim.weight is not None else -LARGEST),
        *((part is None, part or 0) for part in rest),
        "" if expires is None else expires.isoformat(),
        sorted(claim.numbers.items()),
        sorted(claim.facets.items()),
    )
