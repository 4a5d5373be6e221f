"""The row engine against brute force, on thousands of small random situations."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from expiring import with_expiries
from generate import Situation, fussy_playbook, lively, moment, person, situation
from oracle import TICK, Oracle, TooManyItemsError, Wish

from journeykit import Arbiter, Cap, Claim, Contact, Decision, Playbook, Row, Touch, Window
from journeykit.audit import violations
from journeykit.basics.clock import clock, micros
from journeykit.engine.eligibility import Subject, failures
from journeykit.engine.ruleset import Ruleset
from journeykit.model.outcome import Grant

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS = 12
DECISIONS = 720  # with their grants, totals and audits
EXPLAINED = 420  # with all of their rows besides
EXPIRING = 240
SHUFFLED = 240
CHANGED = 204
ELIGIBLE = 420
AUDITED = 204
FAR = timedelta(days=70)
MILLION = 1_000_000
TIMED = {"campaign_closed", "quiet_hours"}
Key = tuple[object, ...]


def decide(case: Situation, *, explain: bool = False) -> Decision:
    """The engine's answer."""
    arbiter = Arbiter(case.playbook)
    return arbiter.decide(case.contact, case.touches, case.claims, at=case.at, until=case.until, explain=explain)


def chunk(number: int, of: int, *, start: int = 0) -> range:
    """The seeds of one of the chunks."""
    return range(start + number, start + of, CHUNKS)


def solved(seed: int) -> tuple[Situation, Oracle] | None:
    """A situation and its oracle; None for the few with more claims than can be tried."""
    case = lively(seed)
    try:
        return case, Oracle(case)
    except TooManyItemsError:
        return None


def grants(decision: Decision) -> list[Key]:
    return [(g.campaign, g.content, g.channel, g.send_at, g.weight) for g in decision.granted]


def assert_best(seed: int, case: Situation, oracle: Oracle, decision: Decision) -> None:
    best = [(w.claim.campaign, w.claim.content, w.claim.channel, at, w.weight / MILLION) for w, at in oracle.winners]
    assert grants(decision) == best, seed
    assert round(decision.total * MILLION) == oracle.worth(oracle.winners), seed
    assert decision.optimal, seed
    assert decision.bound == decision.total, seed
    assert list(violations(case.playbook, decision, case.contact, case.touches, case.claims)) == [], seed


@pytest.mark.parametrize("number", range(CHUNKS))
def test_grants_are_the_best_set_there_is(number):
    """What is granted is the best of all sets that keep every rule, ties settled by the order of claims."""
    for seed in chunk(number, DECISIONS):
        if (found := solved(seed)) is not None:
            case, oracle = found
            assert_best(seed, case, oracle, decide(case))


@pytest.mark.parametrize("number", range(CHUNKS))
def test_rows_say_what_brute_force_says(number):
    """Every claim has one row, and its outcome, reason, rules, rivals, dates and prices are those of brute force."""
    for seed in chunk(number, EXPLAINED, start=10_000):
        if (found := solved(seed)) is None:
            continue
        case, oracle = found
        decision = decide(case, explain=True)
        assert_best(seed, case, oracle, decision)
        rows = decision.rows
        assert len({row.decision_id for row in rows}) == len(rows), seed
        assert Counter(map(key_of, rows)) == Counter(wish.key for wish in oracle.wishes), seed
        told = {key_of(row): row for row in rows if row.note != "the same claim is there already"}
        assert sum(str(row.reason) == "invalid" for row in rows) == sum(wish.is_twin for wish in oracle.wishes), seed
        for wish in oracle.wishes:
            if not wish.is_twin:
                faults = list(row_faults(oracle, wish, told[wish.key]))
                assert not faults, (seed, wish.key, faults)


@pytest.mark.parametrize("number", range(CHUNKS))
def test_claims_that_expire_end_as_brute_force_says(number):
    """So it is where claims expire, by themselves or by what their campaigns let them wait."""
    reasons: Counter[str] = Counter()
    for seed in chunk(number, EXPIRING, start=60_000):
        case = with_expiries(lively(seed))
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        decision = decide(case, explain=True)
        assert_best(seed, case, oracle, decision)
        told = {key_of(row): row for row in decision.rows if row.note != "the same claim is there already"}
        for wish in oracle.wishes:
            if not wish.is_twin:
                reasons[str(told[wish.key].reason)] += 1
                faults = list(row_faults(oracle, wish, told[wish.key]))
                assert not faults, (seed, wish.key, faults)
    assert reasons["expired"]


def test_few_situations_are_too_large_for_brute_force():
    """Nearly all of the generated situations are tried, and most of them are contests that somebody loses."""
    found = [solved(seed) for seed in range(200)]
    tried = [oracle for one in found if one is not None for oracle in (one[1],)]
    contested = [oracle for oracle in tried if len({wish for wish, _ in oracle.items}) > len(oracle.winners)]
    assert len(tried) > 190
    assert len(contested) > 90


def key_of(row: Row) -> Key:
    return row.campaign, row.content, row.channel, row.date, row.claim


def row_faults(oracle: Oracle, wish: Wish, row: Row):
    """What a row says that brute force does not."""
    reason, winners = str(row.reason), oracle.winners
    granted = [(rival, at) for rival, at in winners if rival is wish]
    if (reason == "granted") != bool(granted):
        yield "granted", reason
        return
    if len(wish.asked) == 1 and oracle.reason(wish) != reason:
        yield "reason", reason, oracle.reason(wish)
    if reason == "granted":
        if (
            row.send_at != granted[0][1]
            or row.retry_at is not None
            or row.needs is not None
            or row.lost_to
            or row.binding
        ):
            yield "granted row", row
        if round((row.displaced or 0) * MILLION) != oracle.displaced(wish):
            yield "displaced", row.displaced, oracle.displaced(wish)
        return
    if row.send_at is not None or row.displaced is not None:
        yield "losing row", row
    yield from retry_faults(oracle, wish, row)
    may_defer = row.retry_at is not None and wish.campaign.if_lost != "drop"
    if str(row.outcome) != ("deferred" if may_defer else "denied"):
        yield "outcome", row.outcome
    instants = oracle.open[wish]
    if instants:
        yield from loser_faults(oracle, wish, row, instants)
    elif not row.binding or row.lost_to or row.needs is not None:
        yield "ineligible row", row.binding, row.lost_to, row.needs


def loser_faults(oracle: Oracle, wish: Wish, row: Row, instants: list[datetime]):
    """What the row of an eligible loser says that brute force does not."""
    if wish.weight > oracle.reserve:
        stops = [stop for at in instants for stop in oracle.stops(wish, at, oracle.winners)]
        if not row.binding:
            yield "no binding", row.reason
        if set(row.binding) != {name for _, name, _ in stops}:
            yield "binding", row.binding, stops
        places = sorted({place for _, _, crowd in stops for place in crowd})
        if list(row.lost_to) != list(dict.fromkeys(oracle.winners[place][0].campaign.id for place in places)):
            yield "lost_to", row.lost_to, stops
    elif row.binding != ("reserve",) or row.lost_to:
        yield "worthless", row.binding, row.lost_to
    if row.needs is None:
        if oracle.wins_with(wish, 10**9 * MILLION):
            yield "needs", None
    else:
        needs = round(row.needs * MILLION)
        if not oracle.wins_with(wish, needs) or oracle.wins_with(wish, needs - 1):
            yield "needs", row.needs, oracle.wins_with(wish, needs), oracle.wins_with(wish, needs - 1)


def retry_faults(oracle: Oracle, wish: Wish, row: Row):
    """Whether ``retry_at`` is the first instant that will do."""
    if oracle.open[wish]:
        before, has_passed = oracle.step_before(wish)
        is_waiting = before is not None and not has_passed
        may = str(row.reason) in ("capped", "conflict", "outbid") or (str(row.reason) == "requires" and is_waiting)
    else:
        failed = {reason for at in wish.asked for reason in oracle.failures(wish, at)}
        may = failed <= TIMED and wish.weight > oracle.reserve
    if not may:
        if row.retry_at is not None:
            yield "retry_at", row.retry_at, "there should be none"
        return
    found = oracle.retry(wish, row.retry_at or oracle.last + FAR)
    if found != row.retry_at:
        yield "retry_at", row.retry_at, found
    if row.retry_at is not None:
        earliest = oracle.earliest(wish)
        before = row.retry_at - TICK
        if before >= earliest and oracle.fits(wish, before):
            yield "retry_at", row.retry_at, "a microsecond earlier will do"


@pytest.mark.parametrize("number", range(CHUNKS))
def test_the_order_of_the_input_does_not_matter(number):
    """Claims and touches in another order give the same rows, byte for byte."""
    for seed in chunk(number, SHUFFLED, start=20_000):
        case = lively(seed)
        rng = Random(seed)
        touches = rng.sample(case.touches, len(case.touches))
        claims = case.claims
        if claims is not None:
            claims = (*claims, bad_claim(rng, case), bad_claim(rng, case))
            case = case.but(claims=claims)
            claims = tuple(rng.sample(claims, len(claims)))
        other = case.but(touches=tuple(touches), claims=claims)
        one, two = decide(case, explain=True), decide(other, explain=True)
        assert grants(one) == grants(two), seed
        assert [repr(row) for row in one.rows] == [repr(row) for row in two.rows], seed
        assert len({row.decision_id for row in one.rows}) == len(one.rows), seed


def one_level(case: Situation) -> Situation:
    """The situation with all claims in one tier."""
    known = case.playbook.campaigns
    campaigns = None if known is None else [evolve(campaign, tier=0) for campaign in known]
    return case.but(playbook=evolve(case.playbook, campaigns=campaigns, policy="weighted"))


@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_higher_weight_never_loses(number):
    """With one tier, a granted claim whose weight is raised is granted still."""
    for seed in chunk(number, CHANGED, start=30_000):
        case = one_level(lively(seed))
        rng = Random(seed)
        claims = [claim for claim in case.claims or () if claim.content and claim.weight is not None]
        case = case.but(claims=tuple({(claim.campaign, claim.content, claim.at): claim for claim in claims}.values()))
        before = decide(case)
        for grant in before.granted:
            own = [
                c
                for c in case.claims or ()
                if (c.campaign, c.content, c.weight) == (grant.campaign, grant.content, grant.weight)
            ]
            for claim in own[:1]:
                raised = evolve(claim, weight=claim.weight + rng.choice((0.000001, 0.5, 10)))
                after = decide(case.but(claims=tuple(raised if c is claim else c for c in case.claims or ())))
                assert any((g.campaign, g.content) == (grant.campaign, grant.content) for g in after.granted), seed


@pytest.mark.parametrize("number", range(CHUNKS))
def test_more_room_never_lowers_the_total(number):
    """With one tier, a higher limit of any cap leaves the total as it is or raises it."""
    for seed in chunk(number, CHANGED, start=40_000):
        case = one_level(lively(seed))
        before = decide(case)
        for place, cap in enumerate(case.playbook.caps):
            if isinstance(cap.max, int | float):
                caps: list[Cap] = list(case.playbook.caps)
                caps[place] = evolve(cap, max=cap.max + 0.5)
                after = decide(case.but(playbook=evolve(case.playbook, caps=caps)))
                assert after.total >= before.total, seed


@pytest.mark.parametrize("number", range(CHUNKS))
def test_needs_is_exact(number):
    """With one tier, the weight that a row says it needs wins when it is given, and one millionth less does not."""
    for seed in chunk(number, CHANGED, start=50_000):
        case = one_level(lively(seed))
        claims = [claim for claim in case.claims or () if claim.content]
        claims = [evolve(claim, weight=claim.weight or 1.0) for claim in claims]
        case = case.but(claims=tuple({(claim.campaign, claim.content, claim.at): claim for claim in claims}.values()))
        for row in decide(case, explain=True).rows:
            mine = [
                c for c in case.claims or () if (c.campaign, c.content, c.at) == (row.campaign, row.content, row.date)
            ]
            if row.needs is None:
                continue
            for weight, wins in ((row.needs, True), (round(row.needs * MILLION - 1) / MILLION, False)):
                again = case.but(
                    claims=tuple(evolve(c, weight=weight) if c is mine[0] else c for c in case.claims or ())
                )
                found = {key_of(other): str(other.reason) for other in decide(again).rows}
                assert (found[key_of(row)] == "granted") == wins, (seed, key_of(row), weight)


@pytest.mark.parametrize("number", range(CHUNKS))
def test_the_fast_way_to_eligibility_agrees_with_the_readable_one(number):
    """Without claims or a plan, just those openings are granted that fail no check, for any contact."""
    rng = Random(number)
    for _ in range(ELIGIBLE // CHUNKS):
        playbook, at = fussy_playbook(rng), moment(rng)
        playbook = evolve(
            playbook, campaigns=[evolve(one, content=one.content[:1]) for one in playbook.campaigns or ()]
        )
        contact = person(rng, at)
        compiled = Ruleset(playbook)
        subject = Subject(contact, playbook, clock(contact.timezone or playbook.timezone), micros(at))
        fit = {o.campaign.id for o in compiled.messages if not any(True for _ in failures(subject, o, micros(at)))}
        decision = Arbiter(playbook).decide(contact, at=at)
        assert {grant.campaign for grant in decision.granted} == fit
        assert list(violations(playbook, decision, contact)) == []
        case = Situation(seed=0, playbook=playbook, contact=contact, touches=(), claims=None, at=at, until=None)
        oracle = Oracle(case)
        assert {wish.campaign.id for wish, instants in oracle.open.items() if instants} == fit
        for wish in oracle.wishes:
            grant = Grant(wish.campaign.id, wish.claim.content, wish.claim.channel, at, wish.weight / MILLION)
            broken = list(violations(playbook, granting(decision, [grant]), contact))
            assert bool(broken) == (wish.campaign.id not in fit), (wish.key, broken)
        for row, wish in ((decision.row(wish.campaign.id), wish) for wish in oracle.wishes):
            assert str(row.reason) == (oracle.failures(wish, oracle.at) or ["granted"])[0]


def granting(decision: Decision, grants: list[Grant]) -> Decision:
    """A decision as somebody else might have made it."""
    return evolve(decision, granted=tuple(grants))


@pytest.mark.parametrize("number", range(CHUNKS))
def test_the_audit_finds_just_the_sets_that_break_a_rule(number):
    """Just those sets of claims, eligible or not, pass the audit with which brute force finds nothing wrong."""
    verdicts: Counter[bool] = Counter()
    for seed in chunk(number, AUDITED, start=60_000):
        if (found := solved(seed)) is None:
            continue
        case, oracle = found
        # A grant does not say which of two claims for the same content it answers.
        if len({(*wish.key[:3], wish.claim.id) for wish in oracle.wishes}) < len(oracle.wishes):
            continue
        rng = Random(seed)
        decision = decide(case)
        everything = [(wish, at) for wish in oracle.wishes for at in wish.asked]
        for _ in range(8):
            pool = oracle.items if oracle.items and rng.random() < 0.8 else everything
            items = rng.sample(pool, rng.randint(0, min(len(pool), 4)))
            made = granting(
                decision,
                [
                    Grant(w.campaign.id, w.claim.content, w.claim.channel, at, w.weight / MILLION, w.claim.id)
                    for w, at in items
                ],
            )
            broken = list(violations(case.playbook, made, case.contact, case.touches, case.claims))
            sound = oracle.is_sound(items)
            assert (not broken) == sound, (seed, broken, [(w.key, at) for w, at in items])
            verdicts[sound] += 1
    assert min(verdicts[True], verdicts[False]) > 20


def bad_claim(rng: Random, case: Situation) -> Claim:
    """A claim whose own data cannot be used."""
    known = rng.choice([claim.campaign for claim in case.claims or ()])
    fault = rng.choice(
        (
            {"weight": float("nan")},
            {"weight": 2e9},
            {"weight": "heavy"},
            {"at": datetime(2026, 3, 8, 12)},
            {"at": "tomorrow"},
            {"propensity": float("inf")},
            {"asked_at": case.at.date()},
            {"numbers": {"risk": float("nan")}},
            {"content": 7},
            {"campaign": ""},
        )
    )
    return Claim(**({"campaign": known} | fault))


@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_bad_claim_changes_nothing_for_the_others(number):
    """A claim with bad data gets a row of its own, `invalid`, and every other row stays as it is."""
    for seed in chunk(number, CHANGED, start=70_000):
        case = lively(seed)
        if case.claims is None:
            continue
        rng = Random(seed)
        claims = list(case.claims)
        claims.insert(rng.randint(0, len(claims)), bad_claim(rng, case))
        before, after = decide(case, explain=True), decide(case.but(claims=tuple(claims)), explain=True)
        assert grants(before) == grants(after), seed
        assert list(violations(case.playbook, after, case.contact, case.touches, claims)) == [], seed
        kept = {row.decision_id: row for row in after.rows}
        assert len(after.rows) == len(before.rows) + 1, seed
        assert all(kept.get(row.decision_id) == row for row in before.rows), seed
        (new,) = set(kept) - {row.decision_id for row in before.rows}
        assert str(kept[new].reason) == "invalid", seed


def test_a_bad_claim_replaces_no_planned_touch():
    """A planned touch stays in the history where the claim that would replace it cannot be used."""
    cap = Cap(name="one a day", max=1, window=Window.calendar("day"))
    at = datetime(2026, 11, 5, 10, tzinfo=UTC)
    touches = [Touch(at=at + timedelta(hours=1), campaign="news", status="planned")]
    claims = [Claim(campaign="news", weight=float("nan")), Claim(campaign="launch", channel="email")]
    decision = Arbiter(Playbook(caps=[cap])).decide(Contact(id="anna", consent=["email"]), touches, claims, at=at)
    assert [str(decision.row(name).reason) for name in ("news", "launch")] == ["invalid", "capped"]


class Wild:
    """A policy that answers anything, but always the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def weigh(self, claim, contact, context):
        answers = (1.0, 2, 0.5, 3.25, -1.0, 0.0, float("nan"), float("inf"), 1e12, "much", None, True)
        found = Random(f"{self.seed} {claim.campaign} {claim.content} {contact.id}").choice((*answers, KeyError))
        if found is KeyError:
            raise KeyError(context.campaign.id)
        return found

    def rank(self, claim, contact, context):
        assert context.playbook.policy
        return Random(f"{self.seed} {claim.campaign} {contact.id}").choice((0, 0, 1, 2, -5, 1.5, None))


@pytest.mark.parametrize("number", range(CHUNKS))
def test_no_policy_breaks_a_rule(number):
    """Whatever a policy answers, no rule is broken, and every claim has one row."""
    for seed in chunk(number, CHANGED, start=80_000):
        case = lively(seed)
        playbook = evolve(case.playbook, policy="wild")
        arbiter = Arbiter(playbook, {"wild": Wild(seed)})
        decision = arbiter.decide(case.contact, case.touches, case.claims, at=case.at, until=case.until)
        assert arbiter.audit(decision, case.contact, case.touches, case.claims) == (), seed
        wanted = Counter(key_of(row) for row in decide(case).rows)
        assert Counter(key_of(row) for row in decision.rows) == wanted, seed


@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_spent_budget_is_said_and_bounded(number):
    """With no nodes to spend, what is granted breaks no rule, and its bound is no lower than the best total."""
    for seed in chunk(number, CHANGED, start=90_000):
        case = one_level(lively(seed))
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        arbiter = Arbiter(case.playbook, node_budget=0)
        decision = arbiter.decide(case.contact, case.touches, case.claims, at=case.at, until=case.until)
        assert arbiter.audit(decision, case.contact, case.touches, case.claims) == (), seed
        # What is exempt is settled first, so that a poor choice there may leave more room than the best one.
        if all(campaign.obeys_caps for campaign in case.playbook.campaigns or ()):
            assert decision.total <= decision.bound, seed
            assert round(decision.bound * MILLION) >= oracle.worth(oracle.winners), seed
        if decision.optimal:
            assert grants(decision) == [
                (w.claim.campaign, w.claim.content, w.claim.channel, at, w.weight / MILLION) for w, at in oracle.winners
            ], seed


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        # 01:30 happens twice on the first of November in New York: the first is the slot.
        (datetime(2026, 10, 31, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        # 02:30 does not happen on the eighth of March: the clocks jump over it at 07:00 UTC.
        (datetime(2026, 3, 7, 7, 30, tzinfo=UTC), datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
    ],
)
def test_a_slot_meets_a_change_of_clocks(at, sent):
    """A plan's slot at an hour that clocks skip is the instant of the jump, and at one they repeat the first."""
    cap = Cap(name="one a day", max=1, window=Window.calendar("day"))
    contact = Contact(id="anna", consent=["email"], timezone="America/New_York")
    claims = [Claim(campaign="news", channel="email")]
    touches = [Touch(at=at, channel="email")]
    arbiter = Arbiter(Playbook(caps=[cap]))
    decision = arbiter.decide(contact, touches, claims, at=at, until=at + timedelta(days=2))
    assert [grant.send_at for grant in decision.granted] == [sent]


def test_the_hash_seed_does_not_matter():
    """Processes with different hash seeds give the same rows, byte for byte."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from test_arbiter_oracle import decide, lively\n"
        "for seed in range(120): print(decide(lively(seed), explain=True).rows)"
    )
    command = [sys.executable, "-c", code, *map(str, Path(__file__).parents[:2])]
    one, two = (
        subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "4242")
    )
    assert one == two
    assert len(one) > 10_000


def test_what_claims_that_are_alike_share_is_what_each_would_be_told(monkeypatch):
    """Rows are the same whether a loss is worked out once for all that are alike, or for each apart."""
    compared = 0
    for seed in range(150):
        found = lively(seed)
        asked = (found.contact, found.touches, found.claims)
        shared = Arbiter(found.playbook).decide(*asked, at=found.at, until=found.until).rows
        with monkeypatch.context() as apart:
            for module in ("reasons", "retry"):
                apart.setattr(f"journeykit.engine.{module}.alike", lambda _, __: None)
            each = Arbiter(found.playbook).decide(*asked, at=found.at, until=found.until).rows
        assert shared == each, seed
        compared += len(shared)
    assert compared > 500


def assert_like_brute_force(change: Callable[[Situation], Situation], start: int) -> None:
    """Fifty situations, changed, are decided as brute force decides them, with all of their rows."""
    tried = 0
    for seed in range(start, start + 50):
        case = change(situation(seed))
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        decision = decide(case, explain=True)
        assert_best(seed, case, oracle, decision)
        told = {key_of(row): row for row in decision.rows if row.note != "the same claim is there already"}
        for wish in oracle.wishes:
            faults = [] if wish.is_twin else list(row_faults(oracle, wish, told[wish.key]))
            assert not faults, (seed, wish.key, faults)
        tried += 1
    assert tried > 40
