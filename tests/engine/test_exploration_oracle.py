"""Exploration against brute force: the chance of each claim, and what a drawn contact gets, worked out anew."""

from __future__ import annotations

from hashlib import sha256
from json import dumps
from random import Random
from statistics import NormalDist

import pytest
from attrs import evolve
from generate import CHANNELS, Situation, lively
from oracle import Oracle, TooManyItemsError, Wish

from journeykit import Arbiter, Cap, Claim, Exploration, OnMissing, Window
from journeykit.audit import violations
from journeykit.basics.clock import micros
from journeykit.basics.ids import contact_key

MILLION = 1_000_000
ALL = 2**64 - 1
CHUNKS = 2
SEEDS = 160
MOST_ITEMS = 9
LENIENT = OnMissing(stage="allow", role="allow", consent="allow")


def stirred(value: int) -> int:
    """The finalizer of MurmurHash3, written down once more."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * factor & ALL
    return value ^ value >> 33


class Explored:
    """What exploration comes to, by brute force."""

    def __init__(self, case: Situation, oracle: Oracle, how: Exploration) -> None:
        self.how, self.oracle = how, oracle
        seed, contact = contact_key(how.seed)[0], contact_key(case.contact.id)[0]
        self.start = stirred(contact ^ stirred(seed ^ micros(case.at)))
        self.is_drawn = (self.start >> 11) / 2**53 < how.share
        self.vector = stirred(self.start + 1 & ALL) % how.draws
        taking = [own for own, instants in oracle.open.items() if instants and own.campaign.obeys_caps]
        taking = [own for own in taking if own.claim.weight is None and own.weight > oracle.reserve]
        self.taking = sorted(taking, key=lambda own: oracle.position((own, oracle.open[own][0])))
        self.undrawn = [own.weight for own in self.taking]

    def number(self, wish: Wish, vector: int) -> int:
        """What a vector holds for a claim."""
        claim = wish.claim
        own = None if claim.at is None else claim.at.isoformat()
        parts = ["", claim.campaign, claim.content, claim.channel, own]
        text = dumps(parts if claim.id is None else [*parts, 0, claim.id])
        key = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
        return stirred(stirred(self.start + 2 + vector & ALL) ^ key)

    def weights(self, vector: int) -> list[int]:
        """The weights that a vector gives."""
        if self.how.method == "uniform":
            places = sorted(range(len(self.taking)), key=lambda place: self.number(self.taking[place], vector))
            # No two are equal: each is at least a millionth more than the next one down.
            apart = sorted(self.undrawn)
            for place in range(1, len(apart)):
                apart[place] = max(apart[place], apart[place - 1] + 1)
            return [apart[-1 - places.index(place)] for place in range(len(self.taking))]
        return [self.drawn(wish, self.number(wish, vector) >> 52) for wish in self.taking]

    def drawn(self, wish: Wish, part: int) -> int:
        """The weight with a propensity drawn around the score."""
        claim, before = wish.claim, wish.weight
        if claim.propensity is None:
            return before
        normal = NormalDist()
        # The upper half mirrors the lower one.
        at = normal.inv_cdf((part + 0.5) / 4096) if part < 2048 else -normal.inv_cdf((4095 - part + 0.5) / 4096)
        wish.claim = evolve(claim, propensity=min(1.0, max(0.0, claim.propensity + (claim.spread or 0.0) * at)))
        self.oracle._weigh(wish)
        found, wish.weight, wish.claim = wish.weight, before, claim
        return found

    def granted(self, weights: list[int]) -> set[tuple]:
        """What is granted with other weights."""
        for wish, weight in zip(self.taking, weights, strict=True):
            wish.weight = weight
        items = [item for item in self.oracle._items() if item[0].campaign.obeys_caps]
        found = [*self.oracle.chosen[0], *self.oracle.best(items, self.oracle.chosen[0])]
        for wish, weight in zip(self.taking, self.undrawn, strict=True):
            wish.weight = weight
        return {wish.key for wish, _ in found}

    def chances(self) -> dict[tuple, float]:
        """By claim, its chance."""
        share, draws = self.how.share, self.how.draws
        undrawn = self.granted(self.undrawn)
        vectors = [self.granted(self.weights(vector)) for vector in range(draws)]
        eligible = [own.key for own, instants in self.oracle.open.items() if instants]
        return {
            key: (1 - share) * (key in undrawn) + share * (sum(key in own for own in vectors) / draws)
            for key in eligible
        }


def explored(seed: int, method: str) -> tuple[Situation, Explored] | None:
    """A situation whose playbook explores; None for one with too many claims to try all sets again and again."""
    case = lively(seed)
    how = Exploration(share=0.5, draws=5, method=method, seed=str(seed))
    if case.claims is not None and case.playbook.campaigns is not None:
        rng = Random(seed)
        case = case.but(claims=tuple(_weighed_here(rng, own, method) for own in case.claims))
    # Most claims are eligible, and compete.
    plain = {
        "quiet_hours": (),
        "send_hours": (),
        "holidays": (),
        "holdout": None,
        "on_missing": LENIENT,
        "reserve": 0.0,
    }
    own = Cap(name="one at a time", max=1, window=Window.rolling(hours=12))
    case = case.but(
        playbook=evolve(case.playbook, **plain, caps=(*case.playbook.caps, own), explore=how),
        touches=case.touches if seed % 4 == 0 else (),
        contact=evolve(case.contact, consent=CHANNELS, opted_out=False, suppressed=False),
    )
    try:
        oracle = Oracle(case)
    except TooManyItemsError:
        return None
    return (case, Explored(case, oracle, how)) if len(oracle.items) <= MOST_ITEMS else None


def _weighed_here(rng: Random, claim: Claim, method: str) -> Claim:
    """A claim that mostly leaves its weight to the policy."""
    claim = evolve(claim, weight=rng.choice((None, None, claim.weight)))
    return claim if method == "uniform" else evolve(claim, propensity=rng.random(), spread=rng.random() / 2)


@pytest.mark.parametrize("method", ["uniform", "thompson"])
@pytest.mark.parametrize("number", range(CHUNKS))
def test_chances_are_those_of_deciding_with_every_vector(number, method):
    """For every eligible claim, drawn or not; and a contact who is drawn gets what their vector grants."""
    several = drawn = 0
    for seed in range(number, SEEDS, CHUNKS):
        found = explored(seed, method)
        if found is None:
            continue
        case, brute = found
        decision = Arbiter(case.playbook).decide(case.contact, case.touches, case.claims, at=case.at, until=case.until)
        wanted = brute.chances()
        rows = {
            (row.campaign, row.content, row.channel, row.date, row.claim): row for row in decision.rows if row.twin == 0
        }
        assert {key: row.chance for key, row in rows.items() if row.chance is not None} == wanted, seed
        assert decision.vector == (brute.vector if brute.is_drawn else None), seed
        assert list(violations(case.playbook, decision, case.contact, case.touches, case.claims)) == [], seed
        weights = brute.weights(brute.vector) if brute.is_drawn else brute.undrawn
        granted = {key for key, row in rows.items() if row.outcome == "granted"}
        assert granted == brute.granted(weights), seed
        assert [rows[own.key].weight for own in brute.taking] == [weight / MILLION for weight in weights], seed
        several += any(0 < own < 1 for own in wanted.values())
        drawn += brute.is_drawn
    assert several > 4
    assert drawn > 20
