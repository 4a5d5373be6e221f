"""Weight draws: what exploration makes of the weights of one contact's claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import fields

from journeykit.basics.once import once
from journeykit.basics.validation import MILLIONTH
from journeykit.engine.candidate import claim_order
from journeykit.model.claim import Claim
from journeykit.model.exploration import claim_key, claim_number, dealt, drawn_propensity, set_apart

if TYPE_CHECKING:
    from journeykit.engine.candidate import Candidate
    from journeykit.engine.gather import ClaimGatherer
    from journeykit.model.exploration import Exploration

_FIELDS = tuple(own.name for own in fields(Claim))


class WeightDraw:
    """What exploration makes of the weights of one contact's claims.

    Where the contact is drawn, the claims that take part have their drawn weights from here on.

    Attributes:
        how: the section of the playbook.
        vector: the number of the vector by which the contact is decided; None where they are not drawn.
        candidates: the claims that take part, in the order of claims as they are weighed.
        undrawn: their weights, in millionths.
    """

    def __init__(self, how: Exploration, unit: str, claims: ClaimGatherer) -> None:
        """Look whether the contact is drawn.

        Args:
            how: the section of the playbook.
            unit: the id of the contact, or of the account where its contacts are decided together.
            claims: what was gathered of the contact.
        """
        self.how = how
        self._claims = claims
        self._start = how.start(unit, claims.facts.now)
        self.vector = how.vector(self._start)
        taking = (own for own in claims.contenders() if self._takes_part(own))
        self.candidates = sorted(taking, key=lambda own: claim_order(own, own.instants[0]))
        self.undrawn = [own.weight or 0 for own in self.candidates]
        if self.vector is not None:
            for candidate, weight in zip(self.candidates, self.weights(self.vector), strict=True):
                candidate.weight = weight

    def _takes_part(self, candidate: Candidate) -> bool:
        """Whether a claim's weight is drawn: it competes, and its weight is the policy's and worth it."""
        return candidate.obeys_caps and candidate.claim.weight is None and self._claims.facts.worth(candidate) > 0

    @property
    def is_drawn(self) -> bool:
        """Whether weights of the contact are drawn."""
        return self.vector is not None and self.count > 0

    @once
    def count(self) -> int:
        """How many weights a vector draws: of one claim alone nothing is dealt, and without a spread nothing varies."""
        if self.how.method == "uniform":
            return len(self.candidates) if len(self.candidates) > 1 else 0
        return sum(own.claim.propensity is not None and bool(own.claim.spread) for own in self.candidates)

    def weights(self, vector: int) -> list[int]:
        """The weights of the claims that take part, as a vector has them, in millionths."""
        keys = self._keys
        numbers = [claim_number(self._start, vector, key) for key in keys]
        if self.how.method == "uniform":
            return dealt(self._apart, numbers)
        return [
            self._weight(own, weight, drawn)
            for own, weight, drawn in zip(self.candidates, self.undrawn, numbers, strict=True)
        ]

    @once
    def _apart(self) -> list[int]:
        return set_apart(self.undrawn)

    @once
    def _keys(self) -> list[int]:
        return [_key_of(own) for own in self.candidates]

    def _weight(self, candidate: Candidate, weight: int, drawn: int) -> int:
        """The weight with a drawn propensity; as it was where there is none, or the policy fails with it."""
        claim = self._drawn(candidate, drawn)
        found = None if claim is candidate.claim else self._claims.weighed(candidate, claim)
        return weight if found is None or isinstance(found, str) else found[0]

    @staticmethod
    def _drawn(candidate: Candidate, drawn: int) -> Claim:
        """A claim with its propensity drawn."""
        claim = candidate.claim
        if claim.propensity is None or not claim.spread:
            return claim
        return _with_propensity(claim, drawn_propensity(claim.propensity, claim.spread, drawn))

    def factors(self, candidate: Candidate, weight: int) -> dict[str, float] | None:
        """What a drawn weight is made of, by name; None where the weight is not drawn.

        Args:
            candidate: the claim.
            weight: its weight, in millionths.
        """
        if self.vector is None or candidate not in self.candidates:
            return None
        if self.how.method == "uniform":
            return {"dealt": weight / MILLIONTH}
        drawn = claim_number(self._start, self.vector, _key_of(candidate))
        return self._claims.factors(candidate, weight, self._drawn(candidate, drawn))


def _with_propensity(claim: Claim, propensity: float) -> Claim:
    """A claim with another propensity; made by hand, since each vector makes one of each claim."""
    found = object.__new__(Claim)
    for name in _FIELDS:
        object.__setattr__(found, name, getattr(claim, name))
    object.__setattr__(found, "propensity", propensity)
    return found


def _key_of(candidate: Candidate) -> int:
    claim = candidate.claim
    own = None if claim.at is None else claim.at.isoformat()
    return claim_key(claim.campaign, claim.content, claim.channel, own, claim.id)
