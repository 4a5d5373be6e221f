"""Quotas: what holds over all contacts, and how near the best that can be had comes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random

import pytest

pytest.importorskip("highspy")

import tabled
from attrs import evolve
from generate import quotas, situation
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_one_equals_columns import assert_equal

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Contact,
    Content,
    DataError,
    InfeasibleError,
    ModelError,
    Playbook,
    PlaybookError,
    Prices,
    Quota,
    Scope,
    Team,
    Window,
)
from journeykit.cli import main
from journeykit.job import Inputs, Job, TableJob
from journeykit.quotas import allocation, pricing

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ONE_A_DAY = Cap(name="one a day", max=1, window=Window.calendar("day"))


def book(*quotas, caps=(ONE_A_DAY,), **more):
    """Two teams with a campaign each, both by email."""
    return Playbook(
        teams=[Team(name="sales"), Team(name="care")],
        content=[Content(id="offer", channel="email"), Content(id="letter", channel="email")],
        campaigns=[
            Campaign(id="offer", team="sales", content=["offer"], weight=10, cost=2),
            Campaign(id="letter", team="care", content=["letter"], weight=1),
        ],
        caps=caps,
        quotas=quotas,
        **more,
    )


def people(count):
    return [{"contact_id": f"p{number}", "consent_email": True} for number in range(count)]


def chances(count):
    """The offer suits each of them a tenth better than the one before."""
    return [
        {"contact_id": f"p{number}", "campaign_id": "offer", "propensity": (number + 1) / 10} for number in range(count)
    ]


def run(playbook, contacts, scores=None, claims=None, *, at=AT, until=None, **more):
    """The rows of a run, by contact and campaign, and its summary."""
    told = []
    table = Arbiter(playbook).decide_table(
        contacts, None, scores, claims, at=at, until=until, everything=True, summary=told.append, **more
    )
    return {(row["contact_id"], row["campaign_id"]): row for row in table.to_pylist()}, told[0]


def granted(rows, campaign):
    return sorted(contact for (contact, name), row in rows.items() if name == campaign and row["outcome"] == "granted")


# The smallest cases


def test_seats_go_to_those_for_whom_they_are_worth_most():
    """Of ten who want three seats the best three get them; the rest hear which quota was full, and at what price."""
    rows, summary = run(book(Quota(name="seats", max=3, where=Scope.of(campaign="offer"))), people(10), chances(10))
    assert granted(rows, "offer") == ["p7", "p8", "p9"]
    row = rows["p6", "offer"]
    assert (row["outcome"], row["reason"], row["rule"]) == ("denied", "quota_full", "seats")
    assert row["price"] == pytest.approx(6, abs=1.01)
    (seats,) = summary.quotas
    assert (seats.usage, seats.max, seats.excess) == (3, 3, 0)
    assert seats.price == pytest.approx(row["price"])
    assert summary.gap == 0


def test_who_would_have_lost_anyway_is_told_so():
    """A claim that another would have beaten without any quota is outbid, not turned away by the quota."""
    rows, _ = run(
        book(Quota(name="seats", max=3, where=Scope.of(campaign="offer"))),
        people(10),
        [{"contact_id": "p0", "campaign_id": "offer", "propensity": 0.05}, *chances(10)[1:]],
    )
    assert rows["p0", "offer"]["reason"] == "outbid"
    assert rows["p0", "offer"]["lost_to"] == ["letter"]


def test_a_quota_that_does_not_bind_changes_nothing():
    """With room enough for all the decisions are those of a playbook without the quota."""
    free, _ = run(book(), people(5), chances(5))
    rows, summary = run(book(Quota(name="seats", max=5, where=Scope.of(campaign="offer"))), people(5), chances(5))
    plain = {key: {n: v for n, v in row.items() if n not in ("price", "playbook")} for key, row in rows.items()}
    ids = ("decision_id", "run_id")
    assert [{n: v for n, v in row.items() if n not in ids} for row in plain.values()] == [
        {n: v for n, v in row.items() if n not in (*ids, "price", "playbook")} for row in free.values()
    ]
    assert summary.quotas[0].price == 0
    assert summary.gap == 0


def test_a_least_share_is_kept_and_its_cost_is_told():
    """The voice of the community: a fifth of all messages, whatever the sales team would pay."""
    share = Quota(name="voice", min=0.2, of="share", where=Scope.of(team="care"))
    rows, summary = run(book(share), people(10))
    assert len(granted(rows, "letter")) == 2
    (voice,) = summary.quotas
    assert voice.usage == pytest.approx(0.2)
    assert voice.cost == pytest.approx(18)
    assert any("voice: 20% of all messages, costs 18 in value, 18.0% of the total" in note for note in summary.notes)


def test_a_budget_is_spent_where_it_brings_most():
    """A hard most of cost, with a fraction left over."""
    rows, summary = run(book(Quota(name="budget", max=7.5, of="cost")), people(10), chances(10))
    assert granted(rows, "offer") == ["p7", "p8", "p9"]
    assert summary.quotas[0].usage == 6
    assert granted(rows, "letter") == [f"p{n}" for n in range(7)]


def test_a_soft_least_is_met_as_far_as_it_is_worth_it():
    """With a penalty of 5 a letter takes the place of offers that are worth less than 6."""
    least = Quota(name="letters", min=8, where=Scope.of(campaign="letter"), penalty=5)
    rows, summary = run(book(least), people(10), chances(10))
    assert granted(rows, "offer") == ["p5", "p6", "p7", "p8", "p9"] or granted(rows, "offer") == [
        "p6",
        "p7",
        "p8",
        "p9",
    ]
    (letters,) = summary.quotas
    assert letters.shortfall == 8 - letters.usage
    assert letters.penalty == pytest.approx(5 * letters.shortfall)
    assert "not worth the penalty of 5" in letters.note


def test_a_least_that_too_few_can_serve_says_so():
    """A shortfall comes with its reason."""
    playbook = book(Quota(name="offers", min=9, where=Scope.of(campaign="offer")))
    contacts = [{**person, "consent_email": number < 4} for number, person in enumerate(people(10))]
    _, summary = run(playbook, contacts)
    assert summary.quotas[0].shortfall == 5
    assert "no more than 4 can be had" in summary.quotas[0].note


def test_a_column_of_the_claims_makes_a_ratio():
    """An average risk of at least 700 is a column `risk - 700` that must not come below 0."""
    risks = [600, 650, 690, 720, 800]
    claims = [
        {"contact_id": f"p{n}", "campaign_id": "offer", "weight": 10 - n, "Margin": risk - 700}
        for n, risk in enumerate(risks)
    ]
    rows, summary = run(book(Quota(name="risk", min=0, of="margin", hard=True)), people(5), claims=claims)
    chosen = [risks[int(contact[1:])] for contact in granted(rows, "offer")]
    assert sum(chosen) / len(chosen) >= 700
    assert chosen == [600, 690, 720, 800]
    assert summary.gap == 0


def test_only_the_days_of_a_quota_count():
    """Two seats on the first day; the plan moves the others to the second."""
    quota = Quota(name="first day", max=2, where=Scope.of(campaign="offer"), during=(date(2026, 11, 5),) * 2)
    playbook = evolve(book(quota), campaigns=[Campaign(id="offer", team="sales", content=["offer"])])
    rows, _ = run(playbook, people(5), until=datetime(2026, 11, 6, 23, tzinfo=UTC))
    days = [rows[f"p{n}", "offer"]["send_at"].date() for n in range(5)]
    assert sorted(days) == [date(2026, 11, 5)] * 2 + [date(2026, 11, 6)] * 3


def test_tiers_take_turns_on_what_is_left():
    """Messages of the first tier take the seats, whatever those of the second are worth."""
    playbook = evolve(
        book(Quota(name="messages", max=4)),
        campaigns=[
            Campaign(id="offer", team="sales", content=["offer"], weight=10, tier=1),
            Campaign(id="letter", team="care", content=["letter"], weight=1, audience="vip"),
        ],
    )
    contacts = [{**person, "vip": n < 3} for n, person in enumerate(people(6))]
    rows, summary = run(playbook, contacts)
    assert granted(rows, "letter") == ["p0", "p1", "p2"]
    assert len(granted(rows, "offer")) == 1
    assert summary.quotas[0].usage == 4


# What cannot be


def test_hard_quotas_that_cannot_hold_are_refused_with_what_is_missing():
    """Wanted 8, only 4 can be had where the seats hold: the two that clash are named, the third is not."""
    clash = (
        Quota(name="seats", max=4, where=Scope.of(campaign="offer")),
        Quota(name="letters", max=9, where=Scope.of(campaign="letter")),
        Quota(name="offers wanted", min=8, hard=True, where=Scope.of(team="sales")),
    )
    with pytest.raises(InfeasibleError) as caught:
        run(book(*clash), people(10))
    assert set(caught.value.quotas) == {"seats", "offers wanted"}
    assert caught.value.missing == pytest.approx(4, abs=1e-3)
    assert "'offers wanted' wants at least 8, no more than 4 can be had where 'seats' holds" in str(caught.value)


def test_relaxing_goes_on_with_them_as_soft_ones():
    """With `on_infeasible: relax` the least turns soft, and the summary says so."""
    clash = (
        Quota(name="seats", max=4, where=Scope.of(campaign="offer")),
        Quota(name="offers wanted", min=8, hard=True, where=Scope.of(team="sales")),
    )
    rows, summary = run(book(*clash, on_infeasible="relax"), people(10))
    assert len(granted(rows, "offer")) == 4
    assert summary.quotas[1].shortfall == 4
    assert any("'offers wanted' was relaxed" in note for note in summary.notes)


def test_what_only_whole_messages_cannot_keep_is_said():
    """A cost between 3 and 3.5 exists for one message and a half, and for no whole number of them."""
    quota = Quota(name="spend", min=3, max=3.5, of="cost", hard=True, where=Scope.of(campaign="offer"))
    with pytest.raises(InfeasibleError, match="no choice of whole messages was found"):
        run(book(quota), people(10))


def test_an_empty_run_is_no_error():
    """A share of nothing holds, and nobody misses what nobody could get."""
    share = Quota(name="voice", min=0.2, of="share", where=Scope.of(team="care"))
    _, summary = run(book(share, Quota(name="seats", min=3, hard=True)), [])
    assert summary.contacts == 0
    assert [usage.shortfall for usage in summary.quotas] == [0, 3]


def test_bounds_that_contradict_each_other_are_refused():
    """Within one quota, and between two hard ones of the same messages."""
    with pytest.raises(ModelError, match="no number is at least 3 and at most 2"):
        Quota(name="seats", min=3, max=2)
    with pytest.raises(PlaybookError, match=r"quotas\[1\].*contradicts"):
        book(Quota(name="most", max=2), Quota(name="least", min=3, hard=True))


def test_a_quota_that_names_nothing_is_refused():
    """A campaign that is not there; a column that the claims do not have; a column without claims."""
    with pytest.raises(PlaybookError, match="unknown campaign 'offfer'"):
        book(Quota(name="seats", max=2, where=Scope.of(campaign="offfer")))
    with pytest.raises(DataError, match=r"'risk'.*no claims are given"):
        run(book(Quota(name="risk", max=2, of="risk")), people(2))
    claims = [{"contact_id": "p0", "campaign_id": "offer", "rsik": 1.0}]
    with pytest.raises(DataError, match=r"column 'risk' that is not there.*rsik"):
        run(book(Quota(name="risk", max=2, of="risk")), people(2), claims=claims)


@pytest.mark.parametrize("nothing", [float("nan"), None])
def test_a_claim_without_a_number_that_a_quota_adds_up_is_isolated(nothing):
    """NaN in a quota's column makes that claim invalid; the others go on."""
    claims = [{"contact_id": f"p{n}", "campaign_id": "offer", "risk": nothing if n == 1 else 1.0} for n in range(3)]
    rows, summary = run(book(Quota(name="risk", max=2, of="risk")), people(3), claims=claims)
    assert rows["p1", "offer"]["reason"] == "invalid"
    assert granted(rows, "offer") == ["p0", "p2"]
    assert [str(bad) for bad in summary.bad_first] == [
        f"claims, row 2, field 'risk': found {nothing!r}; allowed is a number, since the quota 'risk' adds it up"
    ]


# Prices


def test_prices_are_saved_and_steer_single_contacts(tmp_path):
    """Online, a contact whose offer is worth less than the price gets the letter."""
    playbook = book(Quota(name="seats", max=3, where=Scope.of(campaign="offer")))
    _, summary = run(playbook, people(10), chances(10))
    summary.prices.save(tmp_path / "prices.json")
    arbiter = Arbiter(playbook, prices=Prices.load(tmp_path / "prices.json"))
    chosen = []
    for n in range(10):
        claims = [Claim(campaign="offer", propensity=(n + 1) / 10), Claim(campaign="letter")]
        decision = arbiter.decide(Contact(id=f"p{n}", consent=["email"]), claims=claims, at=AT)
        chosen.append(decision.granted[0].campaign)
    assert chosen == ["letter"] * 7 + ["offer"] * 3
    row = arbiter.decide(
        Contact(id="p2", consent=["email"]),
        claims=[Claim(campaign="offer", propensity=0.3), Claim(campaign="letter")],
        at=AT,
    ).row("offer")
    assert (str(row.reason), row.binding[0]) == ("quota_full", "seats")
    assert row.price == pytest.approx(summary.quotas[0].price, abs=1e-3)


def test_prices_beyond_all_weights_are_refused_or_cut():
    """A price that no weight can pay is taken as far as numbers go, in both engines; one beyond sense is refused."""
    playbook = book(Quota(name="money", of="cost", max=1, hard=False, penalty=1e9, where=Scope.of(campaign="offer")))
    with pytest.raises(ModelError, match=r"number from 0 to 1e\+15, min"):
        Prices(playbook.fingerprint, {"money": {"max": 2e15}})
    dear = Arbiter(playbook, prices=Prices(playbook.fingerprint, {"money": {"max": 1e15}}))
    claims = [Claim(campaign="offer", cost=1e9), Claim(campaign="letter")]
    decision = dear.decide(Contact(id="p1", consent=["email"]), claims=claims, at=AT)
    assert [row.campaign for row in decision.granted] == ["letter"]
    assert decision.row("offer").price == 1e12
    rows = [{**row, "campaign_id": "offer", "cost": 1e9} for row in people(4)]
    for row in rows:
        del row["consent_email"]
    assert_equal(playbook, people(4), None, None, rows, at=AT, explain=True)


def test_prices_of_another_playbook_are_refused(tmp_path):
    """A price means nothing where the rules are others; nor does a file that holds none."""
    playbook = book(Quota(name="seats", max=3))
    prices = Prices(playbook.fingerprint, {"seats": {"max": 1.0}})
    with pytest.raises(DataError, match="another playbook"):
        Arbiter(book(Quota(name="seats", max=4)), prices=prices)
    (tmp_path / "prices.json").write_text(json.dumps({"seats": 1}))
    with pytest.raises(DataError, match=r"prices\.json: no prices can be read"):
        Prices.load(tmp_path / "prices.json")
    with pytest.raises(ModelError, match="the prices of a quota are"):
        Prices("x", {"seats": {"max": -1}})


def test_without_prices_a_single_contact_knows_of_no_quota():
    """One contact alone can fill no quota."""
    decision = Arbiter(book(Quota(name="none", max=0))).decide(Contact(id="anna", consent=["email"]), at=AT)
    assert [grant.campaign for grant in decision.granted] == ["offer"]


# The best that can be had


SMALL = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "contacts": st.integers(1, 4),
    }
)


def tiny(seed, contacts):
    """A tiny run: each contact has up to three dated claims, a cap and a conflict; and quotas."""
    rng = Random(seed)
    campaigns = [
        Campaign(id=f"k{n}", team=rng.choice(("alpha", "beta")), content=["note"], cost=rng.choice((0.5, 1, 2)))
        for n in range(3)
    ]
    playbook = Playbook(
        teams=[Team(name="alpha", goal="nurture"), Team(name="beta", goal="event")],
        content=[Content(id="note", channel="email"), *(Content(id=f"c{n}", channel="sms") for n in range(3))],
        campaigns=campaigns,
        caps=[Cap(name="few", max=rng.choice((1, 2)), window=Window.ever())] if rng.random() < 0.7 else [],
        on_missing=evolve(Playbook().on_missing, consent="allow"),
    )
    claims = [
        {
            "contact_id": f"p{contact}",
            "campaign_id": campaign.id,
            "weight": rng.choice((-1, 1, 2, 3, 5, 8)) + rng.choice((0, 0.25)),
            "propensity": rng.choice((0.1, 0.5, None)),
            "risk": rng.choice((-2.0, -0.5, 1.0, 3.0)),
        }
        for contact in range(contacts)
        for campaign in campaigns
        if rng.random() < 0.8
    ]
    claims = claims or [{"contact_id": "p0", "campaign_id": "k0", "weight": 1, "propensity": None, "risk": 1.0}]
    own = quotas(rng, playbook, AT.date(), ("risk",))
    return evolve(playbook, quotas=own), claims


def amount(quota, playbook, claim):
    campaign = next(own for own in playbook.campaigns if own.id == claim["campaign_id"])
    facets = playbook.facets(campaign, playbook.content[0])
    matches = quota.where.matches(facets) and (quota.during is None or quota.during[0] <= AT.date() <= quota.during[1])
    of = {
        "cost": campaign.cost,
        "responses": 1 if claim["propensity"] is None else claim["propensity"],
        "value": claim["weight"],
        "risk": claim["risk"],
    }.get(quota.of, 1)
    return of if matches else 0


def judge(playbook, claims, largest):
    """The objective of granting these claims; None where a hard quota breaks."""
    total = sum(claim["weight"] for claim in claims)
    for quota in playbook.quotas:
        used = sum(amount(quota, playbook, claim) for claim in claims)
        for bound, sign in ((quota.max, 1), (quota.min, -1)):
            if bound is None:
                continue
            bound_ = bound
            if quota.of == "share":
                inside = quota.during is None or quota.during[0] <= AT.date() <= quota.during[1]
                bound_ = bound * len(claims) if inside else 0
            over = sign * (used - bound_)
            hard = (sign == 1) if quota.hard is None else quota.hard
            if over > 1e-7:
                if hard:
                    return None
                total -= over * (largest if quota.penalty is None else quota.penalty)
    return total


def feasible(playbook, claims):
    """Every choice that the caps allow."""
    most = playbook.caps[0].max if playbook.caps else 99
    for taken in product((False, True), repeat=len(claims)):
        chosen = [claim for claim, take in zip(claims, taken, strict=True) if take]
        counts = {}
        for claim in chosen:
            counts[claim["contact_id"]] = counts.get(claim["contact_id"], 0) + 1
        if all(count <= most for count in counts.values()):
            yield chosen


@given(SMALL)
@settings(max_examples=90, deadline=None)
def test_small_runs_reach_the_optimum(found):
    """Brute force over all choices of all contacts finds nothing better, nor above the bound; hard quotas hold."""
    try:
        playbook, claims = tiny(found["seed"], found["contacts"])
    except PlaybookError:
        assume(False)  # bounds that contradict each other
    largest = max(claim["weight"] for claim in claims)
    largest = largest if largest > 0 else 1.0
    best = max(
        (total for chosen in feasible(playbook, claims) if (total := judge(playbook, chosen, largest)) is not None),
        default=None,
    )
    try:
        rows, summary = run(playbook, None, claims=claims)
    except InfeasibleError:
        assert best is None
        return
    taken = [claim for claim in claims if rows[claim["contact_id"], claim["campaign_id"]]["outcome"] == "granted"]
    reached = judge(playbook, taken, largest)
    assert reached == pytest.approx(best, abs=1e-5)
    assert summary.value - summary.penalties == pytest.approx(reached, abs=1e-5)
    assert summary.gap <= 1e-6


# Two engines, one meaning


def with_quotas(seed, columns=()):
    """A random situation whose playbook has quotas, those that cannot hold turned soft."""
    found = situation(seed)
    rng = Random(-seed)
    own = quotas(rng, found.playbook, found.at.date(), columns)
    return found, evolve(found.playbook, quotas=own, on_infeasible="relax")


@pytest.mark.parametrize("few", [3_000, 0])
def test_what_is_worth_nothing_takes_no_room_of_later_tiers(few, monkeypatch):
    """Where the master looks at all choices, and where prices are found and a claim that costs nothing adds nothing."""
    monkeypatch.setattr(allocation, "_FEW", few)
    tiers = {"a": 0, "b": 0, "call": 0, "later": 1}
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}, {"id": "ring", "channel": "phone"}],
            "campaigns": [
                {"id": name, "content": ["ring" if name == "call" else "note"], "tier": tier}
                for name, tier in tiers.items()
            ],
            "caps": [{"name": "one", "max": 1, "window": {"rolling": "7d"}}],
            "quotas": [
                {"name": "calls", "max": 1, "where": {"channel": "phone"}},
                {"name": "money", "max": 1, "of": "cost"},
            ],
            "on_missing": {"consent": "allow"},
        }
    )
    asked = [
        ("anna", "a", 0, 0),
        ("anna", "b", 0, 0),
        ("anna", "later", 1, 0),
        ("ben", "call", 2, 1),
        ("cleo", "call", 1, 1),
    ]
    claims = [{"contact_id": who, "campaign_id": name, "weight": w, "cost": cost} for who, name, w, cost in asked]
    people = [{"contact_id": who} for who in ("anna", "ben", "cleo")]
    for days in (0, 1):
        job = assert_equal(playbook, people, [], None, claims, at=AT, until=AT + timedelta(days=days) if days else None)
        assert job.summary().outcomes == {"granted": 2, "denied": 3}


@pytest.mark.parametrize("start", range(0, 42, 14))
def test_both_engines_keep_quotas_alike(start):
    """Random playbooks of every kind of rule, tiers, exempt claims and plans among them, with quotas of every kind."""
    for seed in range(start, start + 14):
        found, playbook = with_quotas(seed)
        if playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, playbook, found.at, 8)
            scores = tabled.scores(rng, playbook, 8) if seed % 3 == 0 else None
            assert_equal(playbook, rows, history, scores, at=found.at, until=found.until, explain=seed % 4 == 0)


def test_plans_are_allocated_by_the_choices_of_all_passes(monkeypatch):
    """Where choosing takes a search, prices come from a sample, and the master looks at all choices that were seen."""
    monkeypatch.setattr(pricing, "_HARD", 1)
    monkeypatch.setattr(pricing, "_HARD_SAMPLE", 40)
    monkeypatch.setattr(allocation, "_FEW", 0)
    for seed in range(0, 400, 10):
        found, playbook = with_quotas(seed)
        if playbook.campaigns is None or found.until is None:
            continue
        rng = Random(seed)
        rows, history = tabled.contacts(rng, found.at, 12), tabled.touches(rng, playbook, found.at, 12)
        assert_equal(playbook, rows, history, at=found.at, until=found.until)


@pytest.mark.parametrize("start", range(5000, 5042, 14))
def test_claims_with_numbers_are_allocated_alike(start):
    """Claims with weights, dates, costs, numbers and faults of their own."""
    for seed in range(start, start + 14):
        found, playbook = with_quotas(seed, ("margin", "Hours"))
        if playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, playbook, found.at, 8)
            claims = tabled.claims(rng, playbook, found.at, 8, few=found.until is not None, faults=seed % 2 == 0)
            for claim in claims:
                claim["cost"] = rng.choice((None, 0.3, 2))
                claim["margin"] = rng.choice((-1.5, 0.25, 2.0, 1.0)) if rng.random() < 0.95 else float("nan")
                claim["hours"] = rng.choice((0.5, 1.0))
            assert_equal(playbook, rows, history, None, claims, at=found.at, until=found.until)


def test_neither_order_nor_threads_nor_chunks_change_a_byte(monkeypatch):
    """A run of a few thousand, shuffled, in other pieces and by other numbers of threads."""
    rng = Random(5)
    count = 3000
    contacts = people(count)
    scores = [
        {"contact_id": f"p{n}", "campaign_id": name, "propensity": rng.choice((0.1, 0.2, 0.5)), "value": rng.random()}
        for n in range(count)
        for name in ("offer", "letter")
    ]
    playbook = book(
        Quota(name="seats", max=700.5, where=Scope.of(campaign="offer")),
        Quota(name="replies", min=300, of="responses"),
        Quota(name="voice", min=0.7, of="share", where=Scope.of(team="care")),
    )

    def decided(rows, known, threads):
        job = TableJob(Arbiter(playbook), rows, None, known, at=AT, everything=True, threads=threads)
        found = {row["decision_id"]: row for batch in job.batches() for row in batch.to_pylist()}
        return found, job.summary().to_dict()

    first = decided(contacts, scores, 1)
    rng.shuffle(contacts)
    rng.shuffle(scores)
    monkeypatch.setattr("journeykit.quotas.pool_slice._PIECE", 97)
    monkeypatch.setattr("journeykit.tables.arrow.arrow_table.CHUNK", 501, raising=False)
    second = decided(contacts, scores, 3)
    assert second[0] == first[0]
    assert second[1] == first[1]


def test_the_audit_knows_which_of_equal_claims_stands():
    """Asked for twice, the heavier claim is the one that was granted, and its numbers are added up."""
    quota = Quota(name="margin", max=1, of="margin")
    playbook = Playbook(content=[Content(id="note", channel="email")], quotas=[quota])
    asked = [Claim(campaign="a", channel="email", weight=w, numbers={"margin": m}) for w, m in ((1, 5), (2, 0.5))]
    decision = Arbiter(playbook).decide(
        Contact(id="anna", consent=["email"]), claims=asked, at=datetime(2026, 11, 5, 10, tzinfo=UTC)
    )
    assert [grant.weight for grant in decision.granted] == [2.0]
    for order in (asked, asked[::-1]):
        assert Arbiter(playbook).audit_quotas([decision], {"anna": order}) == ()


@pytest.mark.parametrize("start", range(7000, 7060, 20))
def test_no_run_breaks_a_hard_quota(start):
    """The audit, which shares nothing with the engine, adds the granted messages of all contacts up from scratch."""
    for seed in range(start, start + 20):
        found, playbook = with_quotas(seed, ("margin",))
        if playbook.campaigns is not None:
            rng = Random(seed)
            rows = tabled.contacts(rng, found.at, 8)
            claims = tabled.claims(rng, playbook, found.at, 8, few=found.until is not None, faults=False)
            for claim in claims:
                claim["margin"] = rng.choice((-1.5, 0.25, 2.0))
            asked = {}
            for claim in claims:
                asked.setdefault(claim["contact_id"], []).append(
                    Claim(
                        campaign=claim["campaign_id"],
                        content=claim["content_id"],
                        at=claim["at"],
                        weight=claim["weight"],
                        propensity=claim["propensity"],
                        numbers={"margin": claim["margin"]},
                    )
                )
            arbiter = Arbiter(playbook)
            job = Job(arbiter, Inputs(contacts=rows, claims=claims), at=found.at, until=found.until)
            decisions = [decision for _, decision in job.decisions()]
            soft = {usage.name for usage in job.summary().quotas if "relaxed" in usage.note}
            broken = [own for own in arbiter.audit_quotas(decisions, asked) if own.rule not in soft]
            assert broken == [], seed


def test_the_audit_sees_what_is_broken():
    """An audit that lets things pass would prove nothing."""
    playbook = book(
        Quota(name="seats", max=2, where=Scope.of(campaign="offer")),
        Quota(name="letters", min=1, hard=True, where=Scope.of(campaign="letter")),
        Quota(name="money", max=5, of="cost"),
        Quota(name="share", max=0.5, of="share", where=Scope.of(team="sales")),
        Quota(name="replies", max=2.5, of="responses"),
        Quota(name="worth", max=25, of="value"),
        Quota(name="free", max=9),
    )
    arbiter = Arbiter(playbook)
    alone = [arbiter.decide(Contact(id=f"p{n}", consent=["email"]), at=AT) for n in range(3)]
    assert [broken.rule for broken in arbiter.audit_quotas(alone)] == [
        "seats",
        "letters",
        "money",
        "share",
        "replies",
        "worth",
    ]


def test_the_audit_counts_only_the_days_of_a_quota():
    """A quota with `during` is broken by what goes on its local days, and by nothing else."""
    today, before = AT.date(), AT.date() - timedelta(days=1)
    for first, last, broken in ((today, today, ["seats"]), (before, before, [])):
        playbook = book(Quota(name="seats", max=2, where=Scope.of(campaign="offer"), during=(first, last)))
        arbiter = Arbiter(playbook)
        alone = [arbiter.decide(Contact(id=f"p{n}", consent=["email"]), at=AT) for n in range(3)]
        assert [found.rule for found in arbiter.audit_quotas(alone)] == broken


def test_a_penalty_is_paid_once_however_many_tiers_there_are():
    """The bound of a run with tiers lies above what was reached, also where an early tier misses its least."""
    playbook = evolve(
        book(Quota(name="letters", min=3, where=Scope.of(campaign="letter"), penalty=9)),
        campaigns=[
            Campaign(id="offer", team="sales", content=["offer"], weight=10, tier=1),
            Campaign(id="letter", team="care", content=["letter"], weight=1, audience="vip"),
        ],
    )
    _, summary = run(playbook, [{**person, "vip": n < 2} for n, person in enumerate(people(6))])
    assert summary.penalties == 9
    assert summary.bound == pytest.approx(summary.value - summary.penalties)


def test_a_relaxed_quota_pays_its_penalty():
    """What turned soft costs what a soft quota costs."""
    clash = (
        Quota(name="seats", max=3),
        Quota(name="full hall", min=5, hard=True, penalty=2, where=Scope.of(team="sales")),
    )
    _, summary = run(book(*clash, on_infeasible="relax"), people(9))
    assert (summary.quotas[1].shortfall, summary.quotas[1].penalty, summary.penalties) == (2, 4, 4)
    assert summary.gap == 0


def test_accounts_are_decided_together_and_keep_quotas():
    """A cap per account and a quota: at most one message for an account, and three in all."""
    cap = Cap(name="one an account", max=1, per="account", window=Window.rolling("7d"))
    playbook = book(Quota(name="messages", max=3), caps=(cap,))
    contacts = [{**person, "account_id": f"a{n // 2}"} for n, person in enumerate(people(10))]
    rows, summary = run(playbook, contacts, chances(10))
    assert granted(rows, "offer") == ["p5", "p7", "p9"]
    assert granted(rows, "letter") == []
    assert summary.gap == 0
    assert rows["p8", "offer"]["lost_to"] == ["offer"]
    assert_equal(playbook, contacts, None, chances(10), at=AT, explain=True)


def test_one_contact_at_a_time_and_over_columns_say_the_same_when_they_refuse():
    """The error is the same too."""
    playbook = book(Quota(name="seats", max=4), Quota(name="wanted", min=8, hard=True, where=Scope.of(team="sales")))
    job = Job(Arbiter(playbook), Inputs(contacts=people(9)), at=AT)
    with pytest.raises(InfeasibleError) as one:
        list(job.decisions())
    with pytest.raises(InfeasibleError) as columns:
        run(playbook, people(9))
    assert str(one.value) == str(columns.value)


def test_a_master_that_is_cut_says_so_and_breaks_nothing():
    """With room for one line only the answer is still feasible, and the note says how many were left out."""
    rng = Random(11)
    count = 2000
    scores = [
        {"contact_id": f"p{n}", "campaign_id": name, "propensity": 0.1 + 0.9 * rng.random()}
        for n in range(count)
        for name in ("offer", "letter")
    ]
    playbook = book(
        Quota(name="seats", max=411, where=Scope.of(campaign="offer")),
        Quota(name="money", max=700.5, of="cost"),
        Quota(name="letters", max=333, where=Scope.of(campaign="letter")),
        master_limit=1,
    )
    rows, summary = run(playbook, people(count), scores)
    assert len(granted(rows, "offer")) <= 350
    assert len(granted(rows, "letter")) <= 333
    assert summary.gap < 0.001
    assert any("the master was cut" in note for note in summary.notes)


def test_identical_contacts_are_one_line_of_the_master():
    """Ten thousand contacts who are all alike, and a quota that only some of them can have."""
    playbook = book(Quota(name="seats", max=1234, where=Scope.of(campaign="offer")), master_limit=3)
    rows, summary = run(playbook, people(10_000))
    assert len(granted(rows, "offer")) == 1234
    assert len(granted(rows, "letter")) == 10_000 - 1234
    assert summary.gap < 1e-9


def test_a_minimum_pays_for_claims_below_the_reserve():
    """What is not worth sending by itself goes out where a quota wants it, and counts with what it is worth."""
    least = Quota(name="letters", min=2, where=Scope.of(campaign="letter"), penalty=5)
    rows, summary = run(book(least, reserve=2), people(6))
    assert len(granted(rows, "letter")) in (0, 2)
    assert summary.value - summary.penalties == pytest.approx(max(6 * 8 - 2 * 5, 4 * 8 - 2 * 1))
    hard = Quota(name="letters", min=2, hard=True, where=Scope.of(campaign="letter"))
    rows, summary = run(book(hard, reserve=2), people(6))
    assert len(granted(rows, "letter")) == 2
    assert summary.value == pytest.approx(4 * 8 - 2)


# What is said, and where


def test_what_a_quota_cannot_add_up_is_a_bad_row_of_the_claims():
    """Infinity in a column that a quota adds up, and a cost below zero, are faults of their row of claims."""
    playbook = plain(quotas=[{"name": "risk", "of": "risk", "max": 3}, {"name": "budget", "of": "cost", "max": 9}])
    rows = [
        {"contact_id": "anna", "campaign_id": "launch", "risk": float("inf"), "cost": 1.0},
        {"contact_id": "ben", "campaign_id": "launch", "risk": 1.0, "cost": -1.0},
        {"contact_id": "cleo", "campaign_id": "launch", "risk": 1.0, "cost": 1.0},
    ]
    contacts = [{"contact_id": row["contact_id"]} for row in rows]
    arbiter = Arbiter(playbook)
    one = Job(arbiter, Inputs(contacts=contacts, claims=rows), at=AT)
    reasons = [row.reason.value for _, decision in one.decisions() for row in decision.rows]
    other = TableJob(arbiter, contacts, None, None, rows, at=AT, everything=True)
    found = [row["reason"] for batch in other.batches() for row in batch.to_pylist()]
    assert reasons == found == ["invalid", "invalid", "granted"]
    told = [(row.source, row.row, row.field) for row in one.bad.first]
    assert told == [(row.source, row.row, row.field) for row in other.bad.first]
    assert told == [("claims", 1, "risk"), ("claims", 2, "cost")]


def test_a_cost_is_a_number_from_zero():
    """A campaign's cost below zero is refused, and so is that of a claim."""
    with pytest.raises(PlaybookError, match="cost"):
        plain(campaigns=[{"id": "launch", "content": ["note"], "cost": -1}])
    assert Claim(campaign="launch", cost=-0.5).fault() == "cost must be a number from 0, found -0.5"


def test_what_there_always_is_to_add_up_is_known_in_any_case():
    """`of: Cost` is the cost, not a column of that name."""
    (quota,) = plain(quotas=[{"name": "budget", "of": " Cost", "max": 3}]).quotas
    assert (quota.of, quota.own_column) == ("cost", None)
    assert plain(quotas=[{"name": "risk", "of": "Risk", "max": 3}]).quotas[0].own_column == "Risk"


def test_a_price_of_no_quota_is_refused(tmp_path, capsys):
    """A name that the playbook's quotas do not have is told, with the nearest, and the file in which it stands."""
    playbook = plain(quotas=[{"name": "seats", "max": 1}])
    prices = Prices(playbook.fingerprint, {"saets": {"max": 2.0}})
    with pytest.raises(DataError, match="it has seats; did you mean 'seats'"):
        Arbiter(playbook, prices=prices)
    (tmp_path / "p.json").write_text(json.dumps(playbook.to_dict()), "utf-8")
    (tmp_path / "c.csv").write_text("contact_id\nanna\n", "utf-8")
    prices.save(tmp_path / "prices.json")
    given = ["--contacts", str(tmp_path / "c.csv"), "--at", "2026-11-05T10:00Z", "--contact", "anna"]
    assert main(["explain", str(tmp_path / "p.json"), *given, "--prices", str(tmp_path / "prices.json")]) == 4
    assert "prices.json: there is a price for the quota 'saets'" in capsys.readouterr().err


def test_an_excess_is_told_as_one():
    """The note of a soft maximum that is exceeded speaks of less; that of a minimum of more."""
    rows = [{"contact_id": name} for name in ("anna", "ben")]
    playbook = plain(quotas=[{"name": "seats", "max": 1, "hard": False, "penalty": 0.5}])
    job = Job(Arbiter(playbook), Inputs(contacts=rows), at=AT)
    assert sum(len(decision.granted) for _, decision in job.decisions()) == 2
    assert job.summary().quotas[0].note == "less of it would cost more than the penalty of 0.5 for each unit"


def test_a_quota_of_other_days_than_the_run_is_noted():
    """Where no day of the run is one of the quota's, it counts nothing, and both engines say so."""
    quotas = [
        {"name": "december", "max": 0, "during": ["2026-12-01", "2026-12-24"]},
        {"name": "today", "max": 9, "during": ["2026-11-05", "2026-11-05"]},
    ]
    rows = [{"contact_id": "anna"}]
    job = Job(Arbiter(plain(quotas=quotas)), Inputs(contacts=rows), at=AT)
    other = TableJob(Arbiter(plain(quotas=quotas)), rows, at=AT)
    assert (list(job.decisions()), list(other.batches())) != ([], [])
    wanted = "the quota 'december' counts nothing: it is about 2026-12-01 to 2026-12-24, and the run about other days"
    assert job.summary().notes == other.summary().notes == (wanted,)


def plain(**parts):
    """A playbook of one content and one campaign."""
    content, campaigns = [{"id": "note", "channel": "email"}], [{"id": "launch", "content": ["note"]}]
    given = {"content": content, "campaigns": campaigns, "on_missing": {"consent": "allow"}}
    return Playbook.from_dict(given | parts)
