"""Caps that count campaigns: each once in a window, however many touches of it the window holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random

import pytest
from account_oracle import AccountOracle, Gathering, gathering
from attrs import evolve
from generate import with_campaign_counts
from oracle import TooManyItemsError
from test_account import check, together
from test_arbiter_oracle import assert_like_brute_force

from journeykit import Arbiter, Claim, Contact, Playbook, PlaybookError, Touch
from journeykit.engine import selection
from journeykit.engine.class_rows import ClassProblem

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", account="acme")


def playbook(most=2, *, repeat=None, caps=(), **cap) -> Playbook:
    counting = {"name": "campaigns", "max": most, "window": {"rolling": "7d"}, "count": "campaigns"} | cap
    return Playbook.from_dict(
        {
            "content": [{"id": f"c{n}", "channel": "email"} for n in range(4)],
            "campaigns": [{"id": f"k{n}", "content": [f"c{n}"], "weight": n + 1, "repeat": repeat} for n in range(4)],
            "caps": [counting, *caps],
            "on_missing": {"consent": "allow"},
        }
    )


def touch(days: float, campaign: str | None, **more) -> Touch:
    return Touch(at=AT - timedelta(days=days), channel="email", campaign=campaign, **more)


def granted(rules: Playbook, touches=(), claims=None, **when) -> list[str]:
    decision = Arbiter(rules).decide(ANNA, touches, claims, at=AT, **when)
    assert decision.optimal
    assert Arbiter(rules).audit(decision, ANNA, touches, claims) == ()
    return [grant.claim or grant.campaign for grant in decision.granted]


def test_touches_of_one_campaign_count_once():
    """Five touches of one campaign leave room for another; its own next message needs none."""
    history = [touch(days, "k0") for days in (1, 2, 3, 4, 5)]
    assert granted(playbook(), history) == ["k3", "k0"]
    assert granted(playbook(1), history) == ["k0"]
    assert granted(playbook(1), [touch(8, "k0")]) == ["k3"]


def test_a_loser_is_told_what_stops_it():
    """The winners in the window, the weight that would have won, what was displaced, and when there is room again."""
    decision = Arbiter(playbook()).decide(ANNA, [touch(1, "k0")], at=AT, explain=True)
    lost = decision.row("k2")
    assert (lost.reason, lost.binding, lost.lost_to) == ("outbid", ("campaigns",), ("k3", "k0"))
    assert lost.needs == 4.0
    assert lost.retry_at == AT + timedelta(days=7)
    assert decision.row("k3").displaced == 3.0
    assert decision.row("k0").displaced == 0.0


def test_messages_of_one_campaign_go_together():
    """Three messages of one campaign are worth more than the best of two others."""
    claims = [Claim(campaign="k0", id=name, weight=weight) for name, weight in (("a", 2.0), ("b", 2.0), ("c", 1.5))]
    claims += [Claim(campaign="k1", id="d", weight=5.0)]
    assert granted(playbook(1), claims=claims) == ["a", "b", "c"]
    assert granted(playbook(2), claims=claims) == ["d", "a", "b", "c"]
    few = {"name": "two", "max": 2, "window": {"rolling": "7d"}}
    assert granted(playbook(1, caps=[few]), claims=claims) == ["d"]


def test_touches_without_a_campaign_count_each_by_itself():
    """Nobody knows of which campaign they were: the careful case."""
    assert granted(playbook(), [touch(1, None), touch(1, None)]) == []
    assert granted(playbook(3), [touch(1, None), touch(1, None)]) == ["k3"]


def test_planned_touches_count_too():
    """A window that ends later must not hold too many either."""
    planned = [touch(-1, "k1", status="reserved"), touch(-2, "k2", status="reserved")]
    assert granted(playbook(), planned) == ["k2", "k1"]
    row = Arbiter(playbook()).decide(ANNA, planned, at=AT).row("k3")
    assert (row.reason, row.retry_at) == ("capped", AT + timedelta(days=8))


def test_its_own_reservation_makes_room_from_then_on():
    """Before it the window holds another campaign; from it on, its own as well."""
    history = [touch(2, "k0"), touch(-1, "k1", status="reserved")]
    row = Arbiter(playbook(1)).decide(ANNA, history, at=AT).row("k1")
    assert (row.reason, row.retry_at) == ("capped", AT + timedelta(days=1))


def test_a_plan_counts_a_campaign_once():
    """In each week two campaigns at most, on as many days as they like."""
    claims = [Claim(campaign=f"k{n}", id=f"{n}{m}", weight=1.0 + n) for n in range(3) for m in range(3)]
    rules = playbook(1, window={"calendar": "week"}, caps=[{"name": "a day", "max": 1, "window": {"calendar": "day"}}])
    plan = Arbiter(rules).decide(ANNA, claims=claims, at=AT, until=AT + timedelta(days=9))
    weeks: dict[int, set[str]] = {}
    for grant in plan.granted:
        weeks.setdefault(grant.send_at.isocalendar().week, set()).add(grant.campaign)
    assert {week: len(campaigns) for week, campaigns in weeks.items()} == {45: 1, 46: 1}
    assert len(plan.granted) == 6
    assert Arbiter(rules).audit(plan, ANNA, claims=claims) == ()


def test_an_account_counts_a_campaign_once():
    """Per account, a campaign that two colleagues get is one."""
    rules, contacts = playbook(2, per="account"), [ANNA, Contact(id="ben", account="acme")]
    decisions = Arbiter(rules).decide_account(contacts, at=AT)
    assert [[grant.campaign for grant in decision.granted] for decision in decisions] == [["k3", "k2"], ["k3", "k2"]]
    assert Arbiter(rules).audit_account(decisions, contacts) == ()


def test_the_audit_finds_one_campaign_too_many():
    """What brings one more than a window may hold is a violation; what is there already is none."""
    decision = Arbiter(playbook(4)).decide(ANNA, at=AT)
    found = [broken.message for broken in Arbiter(playbook(3)).audit(decision, ANNA)]
    assert found[0] == "k3 at 2026-11-05T10:00:00+00:00: a window holds 4 campaigns of 3"
    only = Arbiter(playbook(1)).decide(ANNA, [touch(1, "k0")], at=AT)
    assert Arbiter(playbook(1)).audit(only, ANNA, [touch(1, "k0"), touch(2, "k1"), touch(2, "k2")]) == ()


def test_points_have_no_meaning():
    """A cap that counts campaigns has none, and says so with its path."""
    with pytest.raises(PlaybookError, match=r"caps\[0\].points: where campaigns are counted"):
        playbook(points=2)
    with pytest.raises(PlaybookError, match=r"caps\[0\].count"):
        playbook(count="people")
    assert "count" not in Playbook.from_dict({"caps": [{"name": "a", "max": 1, "window": "ever"}]}).to_dict()["caps"][0]


def brute(problem: ClassProblem, values: list[int], order: list[int]) -> tuple[int, ...]:
    """The best set by trying all."""
    found = []
    for taken in product((False, True), repeat=len(order)):
        chosen = {item for item, is_in in zip(order, taken, strict=True) if is_in}
        rows = all(sum(use for item, use in row.items() if item in chosen) <= most for row, most in problem.rows)
        apart = all(len(chosen & set(group)) <= 1 for group in (*problem.groups, *problem.pairs))
        met = all(item not in chosen or partners & chosen for item, partners in problem.clauses)
        classes = all(
            len({kind for item, kind in row.items() if item in chosen}) <= most for row, most in problem.classes
        )
        if rows and apart and met and classes:
            total = sum(values[item] for item in chosen)
            found.append((-total, [place for place, is_in in enumerate(taken) if is_in], tuple(sorted(chosen))))
    return min(found)[2]


@pytest.mark.parametrize("search", ["compiled", "readable"])
def test_class_rows_are_searched_exactly(monkeypatch, search):
    """Random rows, groups, pairs, clauses and classes: the best set, ties included, by both searches."""
    if search == "readable":
        monkeypatch.setattr(selection, "compiled_search", lambda: None)
    for seed in range(120):
        rng = Random(seed)
        size = rng.randint(2, 8)

        def some(rng: Random = rng, size: int = size) -> list[int]:
            return rng.sample(range(size), rng.randint(1, size))

        problem = ClassProblem(
            rows=tuple(
                ({item: rng.choice((1, 1, 2)) for item in some()}, rng.randint(1, 4)) for _ in range(rng.randint(0, 2))
            ),
            groups=tuple(tuple(rng.sample(range(size), 2)) for _ in range(rng.random() < 0.4)),
            pairs=tuple((0, size - 1) for _ in range(rng.random() < 0.3)),
            clauses=tuple((0, frozenset({size - 1, 1})) for _ in range(rng.random() < 0.3)),
            classes=tuple(({item: item % rng.randint(1, 3) for item in some()}, rng.randint(0, 2)) for _ in range(2)),
        )
        values = [rng.choice((1, 2, 3, 3, 5, 1_000_000)) for _ in range(size)]
        order = sorted(range(size), key=lambda item: -values[item])
        found = problem.solve(values, order)
        assert found.chosen == brute(problem, values, order), seed
        assert found.value == found.bound == sum(values[item] for item in found.chosen)


def test_a_search_that_ends_early_says_so():
    """What it found keeps the rows, and its bound is no less than what there is."""
    problem = ClassProblem(classes=tuple(({item: item // 3 for item in range(n, n + 20)}, 2) for n in range(0, 40, 5)))
    values = [(item * 37) % 11 + 1 for item in range(60)]
    order = sorted(range(60), key=lambda item: -values[item])
    best, early = problem.solve(values, order), problem.solve(values, order, 1)
    assert early.value <= best.value <= early.bound
    assert all(len({row[item] for item in early.chosen if item in row}) <= most for row, most in problem.classes)


@pytest.mark.parametrize("start", range(53_000, 53_200, 50))
def test_brute_force_agrees(start):
    """Grants and rows are those of brute force, which looks into every window there is."""
    assert_like_brute_force(with_campaign_counts, start)


def counting(case: Gathering) -> Gathering:
    """The same account with caps that count campaigns."""
    caps = [evolve(c, count="campaigns", points=1, by=[b for b in c.by if b != "campaign"]) for c in case.playbook.caps]
    campaigns = [
        evolve(one, split=None, repeat=None if n % 2 else one.repeat)
        for n, one in enumerate(case.playbook.campaigns or ())
    ]
    return case.but(playbook=evolve(case.playbook, caps=caps, campaigns=campaigns))


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_brute_force_agrees_on_accounts(start):
    """So it is for accounts, whose caps count a campaign once for all of their contacts."""
    tried = 0
    for seed in range(start, start + 50):
        case = counting(gathering(seed))
        try:
            oracle = AccountOracle(case)
        except TooManyItemsError:
            continue
        decisions = together(case, explain=True)
        for decision in decisions:
            check(case, oracle, decision)
        assert Arbiter(case.playbook).audit_account(decisions, case.contacts, case.touches, case.claims) == ()
        tried += 1
    assert tried > 30


def test_each_campaign_apart_is_never_more_than_one():
    """A cap that counts campaigns by campaign is told of: it can never bind."""
    told = [problem.message for problem in playbook(by="campaign").check()]
    assert told == ["'campaigns' can never bind: it counts campaigns, of each campaign apart"]
