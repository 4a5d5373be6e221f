"""The history is what messages were when they were sent, whatever the playbook says today."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from attrs import evolve
from ledgers import KINDS, ledger_of

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Conflict,
    Contact,
    Content,
    Lag,
    ModelError,
    Playbook,
    Quota,
    Requirement,
    Scope,
    Team,
    Touch,
    Window,
)
from journeykit.basics.clock import clock
from journeykit.engine.quota_charges import QuotaCharges
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import MemoryLedger, Reservation
from journeykit.ledger.fallen import Fallen

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
LATER = AT + timedelta(days=3)
ANNA = Contact(id="anna", consent=["email"])
PROMO = Scope.of(topic="promo")


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def playbook(*campaigns, **rules):
    """Campaigns with one content each; all that is not about promo is about news."""
    return Playbook(
        teams=[Team(name="shop", goal="promotion"), Team(name="care", goal="relationship")],
        content=[
            Content(
                id=f"c-{own.id}",
                channel="email",
                topics=["news" if own.id.startswith("news") else "promo"],
                solutions=["platform"],
                theme="autumn",
            )
            for own in campaigns
        ],
        campaigns=[evolve(own, content=(f"c-{own.id}",)) for own in campaigns],
        **rules,
    )


def sent(ledger, rules, at=AT):
    """Decide, and confirm what is granted."""
    decision = Arbiter(rules).decide(ANNA, at=at, ledger=ledger)
    assert len(ledger.confirm(decision)) == 1


def reasons(ledger, rules):
    """By campaign, what a later playbook says: with the ledger, with its touches, and by both engines over tables."""
    arbiter = Arbiter(rules)
    history = ledger.touches("anna")
    alone = {row.campaign: str(row.reason) for row in arbiter.decide(ANNA, history, at=LATER).rows}
    assert not arbiter.audit(arbiter.decide(ANNA, history, at=LATER), ANNA, history)
    contacts, one, columns = [{"contact_id": "anna", "consent": "email"}], uuid4().hex, uuid4().hex
    job = Job(arbiter, Inputs(contacts=contacts), at=LATER, ledger=ledger, run_id=one)
    assert {row.campaign: str(row.reason) for _, found in job.decisions() for row in found.rows} == alone
    ledger.release(run_id=one)
    table = TableJob(arbiter, contacts, at=LATER, everything=True, ledger=ledger, run_id=columns).table()
    assert dict(zip(table["campaign_id"].to_pylist(), table["reason"].to_pylist(), strict=True)) == alone
    ledger.release(run_id=columns)
    return alone


def test_a_cap_of_a_later_playbook_counts_what_a_message_was(ledger):
    """The campaign is gone from the playbook; what it was about is not forgotten."""
    caps = [Cap(name="promo", max=1, window=Window.days(30), where=PROMO)]
    sent(ledger, playbook(Campaign(id="october", team="shop"), caps=caps))
    assert reasons(ledger, playbook(Campaign(id="november", team="shop"), caps=caps)) == {"november": "capped"}


def test_a_later_playbook_gives_a_message_no_other_meaning(ledger):
    """What was about promo still is, and about nothing else; what had no team has none."""
    sent(ledger, playbook(Campaign(id="october")))
    renamed = playbook(Campaign(id="october", team="care", repeat=None), Campaign(id="news", repeat=None))
    renamed = evolve(renamed, content=[evolve(own, topics=["news"]) for own in renamed.content])
    caps = [
        Cap(name="news", max=1, window=Window.days(30), where=Scope.of(topic="news", campaign="news")),
        Cap(name="care", max=1, window=Window.days(30), where=Scope.of(team="care")),
        Cap(name="relationship", max=1, window=Window.days(30), where=Scope.of(goal="relationship")),
    ]
    assert reasons(ledger, evolve(renamed, caps=caps)) == {"october": "granted", "news": "granted"}
    assert reasons(ledger, evolve(renamed, caps=[evolve(caps[0], where=PROMO)])) == {
        "october": "granted",
        "news": "granted",
    }
    assert reasons(ledger, playbook(Campaign(id="new"), caps=[evolve(caps[0], where=PROMO)])) == {"new": "capped"}


def test_conflicts_and_requirements_read_what_a_message_was(ledger):
    """As caps do."""
    sent(ledger, playbook(Campaign(id="october", team="shop")))
    conflict = Conflict(name="rest", first=Scope.of(team="shop"), then=Scope.of(topic="news"), lag=Lag.parse("9d"))
    assert reasons(ledger, playbook(Campaign(id="news"), conflicts=[conflict])) == {"news": "conflict"}
    need = Requirement(name="after promo", claim=Scope.of(topic="news"), partner=PROMO, within=Window.days(30))
    assert reasons(ledger, playbook(Campaign(id="news"), requirements=[need])) == {"news": "granted"}
    need = evolve(need, partner=Scope.of(theme="winter"))
    assert reasons(ledger, playbook(Campaign(id="news"), requirements=[need])) == {"news": "requires"}


def test_a_campaign_runs_as_long_as_it_did_then(ledger):
    """Neither a longer nor a shorter end of today moves that of a message that was sent."""
    caps = [Cap(name="at once", max=1, window=Window.running())]
    sent(ledger, playbook(Campaign(id="october", ends=date(2026, 11, 7))))
    assert reasons(ledger, playbook(Campaign(id="october"), Campaign(id="new"), caps=caps))["new"] == "granted"
    other = Campaign(id="endless", repeat=None)
    sent(ledger, playbook(other))
    ended = playbook(evolve(other, ends=date(2026, 11, 6)), Campaign(id="new"), caps=caps)
    assert reasons(ledger, ended) == {"endless": "campaign_closed", "new": "capped"}


@pytest.mark.parametrize("counts", [True, False])
def test_whether_a_message_counts_is_what_it_was_then(ledger, counts):
    """A campaign that counts from today on makes nothing count that did not."""
    caps = [Cap(name="one", max=1, window=Window.days(30))]
    own = Campaign(id="october", counts_toward_caps=counts, repeat=None)
    sent(ledger, playbook(own))
    found = reasons(ledger, playbook(evolve(own, counts_toward_caps=not counts), Campaign(id="new"), caps=caps))
    assert found["new"] == ("capped" if counts else "granted")


def test_all_that_a_message_was_is_stored(ledger):
    """Facets, and the numbers that quotas add up; what it was not is told from what is not known."""
    rules = playbook(
        Campaign(id="october", team="shop", ends=date(2026, 12, 1), cost=2, weight=3),
        quotas=[Quota(name="risk", of="Risk", max=9)],
    )
    claim = Claim(campaign="october", propensity=0.5, numbers={"risk": 0.25, "other": 1})
    Arbiter(rules).decide(ANNA, claims=[claim], at=AT, ledger=ledger)
    (held,) = ledger.reservations("anna")
    assert (held.team, held.goal, held.topics, held.solutions) == ("shop", "promotion", ("promo",), ("platform",))
    assert (held.theme, held.campaign_ends, held.counts_toward_caps) == ("autumn", date(2026, 12, 1), True)
    assert (held.cost, held.propensity, held.weight, held.numbers) == (2, 0.5, 1.5, {"Risk": 0.25})
    assert held.without == ()
    told = ledger.export("anna")["touches"][0]
    assert (told["campaign_ends"], told["numbers"], told["without"]) == ("2026-12-01", {"Risk": 0.25}, [])


def test_what_is_not_known_is_told_from_none(ledger):
    """A playbook that lists a campaign knows that it has no team; one that lists none knows nothing of it."""
    Arbiter(playbook(Campaign(id="october"))).decide(ANNA, at=AT, ledger=ledger)
    claim = [Claim(campaign="november", channel="email")]
    Arbiter(Playbook()).decide(ANNA, claims=claim, at=AT, ledger=ledger)
    known, unknown = sorted(ledger.reservations("anna"), key=lambda held: held.campaign != "october")
    assert (known.without, unknown.without) == (("campaign_ends", "goal", "team"), ())
    assert (known.counts_toward_caps, unknown.counts_toward_caps) == (True, None)
    caps = [Cap(name="care", max=1, window=Window.days(30), where=Scope.of(team="care"))]
    today = playbook(*(Campaign(id=name, team="care", repeat=None) for name in ("october", "november")), caps=caps)
    assert reasons(ledger, today) == {"october": "capped", "november": "capped"}
    ledger.release([unknown.id])
    assert "granted" in reasons(ledger, today).values()


@pytest.mark.parametrize("row", [{}, {"weight": 8, "cost": 1.5, "propensity": 0.25}, {"at": "2026-11-05"}])
def test_a_run_over_tables_stores_what_a_single_decision_stores(row):
    """By both engines, from campaigns, scores and claims."""
    own = [Campaign(id="october", team="shop", cost=2), Campaign(id="news", repeat=None)]
    rules = playbook(*own, quotas=[Quota(name="risk", of="Risk", min=0)] if row else ())
    tables = {"contacts": [{"contact_id": "anna", "consent": "email"}]}
    tables["scores"] = [{"contact_id": "anna", "campaign_id": "october", "propensity": 0.75, "value": 2}]
    if row:
        tables["claims"] = [
            {"contact_id": "anna", "campaign_id": "news", "RISK": 3, **row},
            {"contact_id": "anna", "campaign_id": "october", "RISK": 1, **row},
        ]
    found = []
    for make in (lambda **more: Job(Arbiter(rules), Inputs(**tables), **more), table_job(rules, tables)):
        ledger = MemoryLedger()
        job = make(at=AT, ledger=ledger, run_id="night")
        list(job.decisions() if isinstance(job, Job) else job.batches())
        found.append(ledger.reservations("anna"))
    assert sorted(found[0], key=repr) == sorted(found[1], key=repr)
    october = next(held for held in found[0] if held.campaign == "october")
    assert (october.propensity, october.cost) == (row.get("propensity", 0.75), row.get("cost", 2))
    assert october.numbers == ({"Risk": 1} if row else {})


def table_job(rules, tables):
    return lambda **more: TableJob(Arbiter(rules), **tables, everything=True, **more)


def test_what_a_touch_says_wins_and_the_rest_comes_from_the_playbook():
    """One by one."""
    rules = playbook(Campaign(id="october", team="shop", repeat=None))

    def capped(touch, **where):
        caps = [Cap(name="x", max=1, window=Window.days(9), where=Scope.of(**where))]
        claims = [Claim(campaign="october")]
        scope = evolve(rules, caps=[evolve(caps[0], where=Scope.of(campaign="october", **where))])
        assert touch.campaign == "october"
        return not Arbiter(scope).decide(ANNA, [touch], claims, at=LATER).granted

    touch = Touch(at=AT, campaign="october", solutions="other")
    assert capped(touch, team="shop")
    assert capped(touch, topic="promo")
    assert not capped(touch, solution="platform")
    assert not capped(evolve(touch, without=["team"]), team="shop")
    assert capped(evolve(touch, without=["team"]), goal="promotion")


def test_a_touch_is_not_with_and_without():
    """That would be two stories."""
    with pytest.raises(ModelError, match="team is 'shop', and without names it too"):
        Touch(at=AT, team="shop", without=["team"])
    with pytest.raises(ModelError, match="without names some of channel, team, goal"):
        Touch(at=AT, without=["teams"])


HISTORY = [
    {"topic": "promo"},
    {"topics": ["promo", "x;y"]},
    {"Topics": '["promo"]', "without": "Team; goal"},
    {"solutions": "platform", "theme": "autumn", "tags": "a;b"},
    {"campaign_ends": "2026-11-30", "counts_toward_caps": "no"},
    {"campaign_ends": "soon"},
    {"counts_toward_caps": "maybe"},
    {"without": "teams"},
    {"without": "team", "team": "shop"},
]


def test_tables_of_touches_have_all_facets(tmp_path):
    """Both engines read the same of them, and the same rows are bad."""
    rows = [{"contact_id": "anna", "sent_at": AT, "channel": "email", **more} for more in HISTORY]
    caps = [Cap(name="one", max=1, window=Window.days(9)), Cap(name="at once", max=2, window=Window.running())]
    arbiter = Arbiter(playbook(Campaign(id="october"), caps=caps))
    contacts = [{"contact_id": "anna", "consent": "email"}]
    job = Job(arbiter, Inputs(contacts=contacts, touches=rows), at=LATER)
    history = {tuple(sorted(shape)): shape for shape in job._history._shapes}
    assert history["channel", "topics"]["topics"] == ("promo", "x;y")
    assert history["channel", "topics", "without"]["without"] == ("goal", "team")
    assert history["channel", "solutions", "tags", "theme"]["tags"] == ("a", "b")
    ends = history["campaign_ends", "channel", "counts_toward_caps"]
    assert (ends["campaign_ends"], ends["counts_toward_caps"]) == (date(2026, 11, 30), False)
    ((_, decision),) = job.decisions()
    table = TableJob(arbiter, contacts, rows, at=LATER, everything=True)
    assert table.table()["reason"].to_pylist() == [str(row.reason) for row in decision.rows] == ["capped"]
    told = [str(bad) for bad in job.bad.first]
    assert told == [str(bad) for bad in table.bad.first]
    assert [bad.field for bad in job.bad.first] == ["campaign_ends", "counts_toward_caps", "without", "without"]


def test_what_is_not_enforced_is_said(ledger):
    """A single decision names the hard maxima that it does not keep, and a run those that hold for itself alone."""
    quotas = [Quota(name="seats", max=1), Quota(name="soft", max=1, hard=False), Quota(name="voice", min=1)]
    arbiter = Arbiter(playbook(Campaign(id="october"), quotas=quotas))
    for more in ({"dry_run": True}, {"key": "k"}, {"key": "k"}, {}):
        decision = arbiter.decide(ANNA, at=AT, ledger=ledger, **more)
        (note,) = decision.notes
        assert "'seats' (at most 1) may be exceeded" in note
        assert note in str(decision.explain())
        assert decision.explain().to_dict()["notes"] == [note]
    for more in ({"dry_run": True}, {"key": "all"}, {"key": "all"}, {}):
        (decision,) = arbiter.decide_account([ANNA], at=AT, ledger=ledger, **more)
        assert decision.notes == (note,)
    contacts = [{"contact_id": "ben", "consent": "email"}]
    for job in (Job(arbiter, Inputs(contacts=contacts), at=AT, ledger=ledger),):
        list(job.decisions())
        assert any("quotas hold within this run: 'seats' (at most 1)" in note for note in job.summary().notes)
    plain = Arbiter(playbook(Campaign(id="october")))
    assert plain.decide(ANNA, at=AT, ledger=ledger).notes == ()


def test_what_falls_away_of_a_quota_is_told_apart_by_what_its_claim_brought():
    """A run's message whose tag is its claim's own uses a quota of that tag, also when it gives way."""
    quota = Quota(name="q", min=2, hard=False, where=Scope.of(tag="loud"), penalty=5)
    found = []
    for own, tags in (((), ("loud",)), (("loud",), ())):
        arbiter = Arbiter(
            Playbook(
                content=[Content(id="n", channel="email")],
                campaigns=[Campaign(id="k", content=["n"], tags=own)],
                quotas=[quota],
            )
        )
        held = Reservation(
            id="x", contact="anna", at=AT, status="reserved", campaign="k", content="n", channel="email", tags=tags
        )
        tariff = QuotaCharges([*quota.sides], {})
        less = Fallen.none(tariff).with_less(arbiter.decider.ruleset, tariff, [held], [], lambda _: clock("UTC"))
        found.append(less)
    assert found[0] == found[1]
    assert any(found[0].uses)
