"""Chances are exact: contacts are decided as if they were drawn by each vector in turn, and grants are counted."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from account_oracle import gathering
from attrs import evolve
from generate import experiments_for, lively, quotas

from journeykit import Arbiter, Cap, Claim, Decision, Exploration, OnMissing, Playbook, Prices, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest
    from generate import Situation

LENIENT = OnMissing(stage="allow", role="allow", consent="allow")
DRAWS = 4
ONE = Cap(name="one at a time", max=1, window=Window.rolling("12h"))


def exploring(playbook: Playbook, seed: int, **more: Any) -> Playbook:
    """A playbook that explores, and in which most claims are eligible."""
    method = "thompson" if seed % 3 == 0 else "uniform"
    how = Exploration(share=0.3, draws=DRAWS, method=method, seed=str(seed))
    open_ = {"quiet_hours": (), "send_hours": (), "holdout": None, "on_missing": LENIENT, "explore": how}
    return evolve(playbook, caps=[*playbook.caps, ONE], **open_, **more)


def unweighed(rng: Random, claims: Iterable[Claim] | None) -> tuple[Claim, ...] | None:
    """Claims of which most leave their weight to the policy."""
    if claims is None:
        return None
    scored = (evolve(own, propensity=rng.random(), spread=rng.random()) for own in claims)
    return tuple(evolve(own, weight=rng.choice((None, None, own.weight))) for own in scored)


def granted(decisions: Iterable[Decision]) -> dict[tuple, bool]:
    """By eligible claim, whether it is granted."""
    rows = (row for own in decisions for row in own.rows if row.chance is not None)
    return {_key(row): row.outcome == "granted" for row in rows}


def _key(row: Any) -> tuple:
    return row.contact, row.campaign, row.content, row.channel, row.date, row.claim


def assert_exact(monkeypatch: pytest.MonkeyPatch, decide: Callable[[], Iterable[Decision]], seed: int) -> bool:
    """The chances of decisions are those of counting; whether any is neither 0 nor 1."""
    decided = list(decide())
    chances = {_key(row): row.chance for own in decided for row in own.rows if row.chance is not None}
    found = []
    for vector in (None, *range(DRAWS)):
        with monkeypatch.context() as patch:
            patch.setattr(Exploration, "vector", lambda _, __, vector=vector: vector)
            again = list(decide())
            assert {_key(row): row.chance for own in again for row in own.rows if row.chance is not None} == chances
            found.append(granted(again))
    undrawn, *drawn = found
    for key, chance in chances.items():
        times = sum(own[key] for own in drawn)
        assert chance == (1 - 0.3) * undrawn[key] + 0.3 * (times / DRAWS), seed
    return any(0 < chance < 1 for chance in chances.values())


def alone(arbiter: Arbiter, case: Situation, claims: tuple[Claim, ...] | None) -> list[Decision]:
    return [arbiter.decide(case.contact, (), claims, at=case.at, until=case.until)]


def test_one_contact(monkeypatch):
    """Plans, conflicts, requirements, series and all else that playbooks have; claims that are given and derived."""
    several = 0
    for seed in range(5000, 5050):
        case = lively(seed)
        if case.playbook.campaigns is None:
            continue
        arbiter = Arbiter(exploring(case.playbook, seed))
        claims = unweighed(Random(seed), case.claims)
        several += assert_exact(monkeypatch, partial(alone, arbiter, case, claims), seed)
    assert several > 1


def test_accounts(monkeypatch):
    """Contacts who are decided together, with experiments for every other."""
    several = 0
    for seed in range(40):
        case, rng = gathering(seed), Random(seed)
        more = {} if seed % 2 else {"experiments": experiments_for(rng, case.playbook, case.at.date())}
        arbiter = Arbiter(exploring(case.playbook, seed, **more))
        given = None if case.claims is None else {name: unweighed(rng, own) for name, own in case.claims.items()}
        asked = case.contacts, case.touches, given
        several += assert_exact(
            monkeypatch, partial(arbiter.decide_account, *asked, at=case.at, until=case.until), seed
        )
    assert several > 1


def test_saved_prices(monkeypatch):
    """What prices take depends on the drawn weight, where a quota adds up values."""
    several = 0
    for seed in range(6000, 6040):
        case, rng = lively(seed), Random(seed)
        if case.playbook.campaigns is None:
            continue
        playbook = exploring(case.playbook, seed, quotas=quotas(rng, case.playbook, case.at.date()))
        sides = [side for quota in playbook.quotas for side in quota.sides]
        own = {side.quota.name: {"max" if side.is_max else "min": rng.random()} for side in sides}
        prices = Prices(playbook.fingerprint, own)
        arbiter, claims = Arbiter(playbook, prices=prices), unweighed(rng, case.claims)
        several += assert_exact(monkeypatch, partial(alone, arbiter, case, claims), seed)
    assert several > 1
