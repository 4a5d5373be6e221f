"""Who a claim is: its own id, the facets that it brings, every rule that stops it, and when it may go after all."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Contact,
    Content,
    Playbook,
    PlaybookError,
    Requirement,
    Scope,
    Team,
    Touch,
    Window,
)
from journeykit.cli import main
from journeykit.columns import has_columns
from journeykit.job import Inputs, Job
from journeykit.ledger import MemoryLedger
from journeykit.tables import decision_cells

if TYPE_CHECKING:
    from journeykit.model.decision import Decision

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", consent=["email"])
NOTE = Content(id="note", channel="email")
A_DAY = Window.calendar("day")


def shop(**changes) -> Playbook:
    """A playbook of one content, by default with one campaign of receipts."""
    receipt = Campaign(id="receipt", content="note", obeys_caps=False, repeat=changes.pop("repeat", 1))
    return Playbook(**{"content": [NOTE], "campaigns": [receipt]} | changes)


def reasons(decision: Decision) -> list[tuple[str | None, str]]:
    """By id of the claim, in the order of rows, what became of it."""
    return [(row.claim, str(row.reason)) for row in decision.rows]


def both(playbook: Playbook, contacts, touches=None, claims=None, *, at=AT, until=None, explain=False):
    """The rows and the summary of a run over tables, which both engines give alike."""
    job = Job(
        Arbiter(playbook),
        Inputs(contacts=contacts, touches=touches, claims=claims),
        at=at,
        until=until,
        explain=explain,
    )
    rows = [row for _, decision in job.decisions() for row in decision.rows]
    try:
        from journeykit.job import TableJob
    except ImportError:
        return rows, job.summary()
    other = TableJob(
        Arbiter(playbook), contacts, touches, None, claims, at=at, until=until, explain=explain, everything=True
    )
    found = [own for batch in other.batches() for own in zip(*(c.to_pylist() for c in batch.columns), strict=True)]
    wanted = [decision_cells(row) for row in rows]
    assert [tuple(tuple(c) if isinstance(c, list) else c for c in row) for row in found] == wanted
    assert other.summary().rules == job.summary().rules
    return rows, job.summary()


# Ids of claims


def test_two_receipts_of_one_contact_are_two_claims():
    """Their ids tell them apart, in rows and in the ids of decisions, and each goes once."""
    claims = [Claim(campaign="receipt", id=name) for name in ("order 1", "order 2")]
    found = Arbiter(shop()).decide(ANNA, claims=claims, at=AT)
    assert reasons(found) == [("order 1", "granted"), ("order 2", "granted")]
    assert [grant.claim for grant in found.granted] == ["order 1", "order 2"]
    assert len({row.decision_id for row in found.rows}) == 2
    assert found.rows[0].to_dict()["claim"] == "order 1"
    again = Arbiter(shop()).decide(ANNA, claims=[*claims, claims[0]], at=AT)
    assert sorted(reasons(again), key=str) == sorted([*reasons(found), ("order 1", "invalid")], key=str)


def test_a_claim_without_an_id_keeps_the_id_of_its_decision():
    """What was written down of claims without ids stays what it was."""
    found = Arbiter(Playbook()).decide(ANNA, claims=[Claim(campaign="launch", channel="email")], at=AT, run_id="run")
    assert found.rows[0].decision_id == "540c44e3231c38d78364b23b8b679080"


def test_the_instant_of_asking_tells_no_claims_apart():
    """Of the same claim asked for twice one stands."""
    claims = [Claim(campaign="receipt", asked_at=AT - timedelta(hours=hours)) for hours in (1, 2)]
    found = Arbiter(shop()).decide(ANNA, claims=claims, at=AT)
    assert sorted(str(row.reason) for row in found.rows) == ["granted", "invalid"]


@pytest.mark.parametrize(
    ("touched", "asked", "reason"),
    [
        ("order 1", "order 1", "capped"),
        ("order 1", "order 2", "granted"),
        # Where one of the two has no id, nobody knows that they are two messages.
        (None, "order 1", "capped"),
        ("order 1", None, "capped"),
        (None, None, "capped"),
    ],
)
def test_repeat_counts_each_id_apart(touched, asked, reason):
    """History and this decision together, in both engines."""
    past = AT - timedelta(days=30)
    touch = Touch(at=past, channel="email", campaign="receipt", claim=touched)
    found = Arbiter(shop()).decide(ANNA, [touch], [Claim(campaign="receipt", id=asked)], at=AT)
    assert [row.reason for row in found.rows] == [reason]
    assert found.rows[0].binding == (("repeat of receipt",) if reason == "capped" else ())
    contacts = [{"contact_id": "anna", "consent": "email"}]
    touches = [
        {"contact_id": "anna", "sent_at": past, "channel": "email", "campaign_id": "receipt", "claim_id": touched}
    ]
    rows, _ = both(shop(), contacts, touches, [{"contact_id": "anna", "campaign_id": "receipt", "claim_id": asked}])
    assert [(row.claim, row.reason) for row in rows] == [(asked, reason)]


def test_a_planned_touch_is_replaced_by_the_claim_of_its_id():
    """A plan that is made anew does not take its own messages for others."""
    planned = [Touch(at=AT, channel="email", campaign="receipt", claim=n, status="planned") for n in ("1", "2")]
    found = Arbiter(shop()).decide(ANNA, planned, [Claim(campaign="receipt", id="1")], at=AT)
    assert reasons(found) == [("1", "granted")]
    found = Arbiter(shop()).decide(ANNA, planned, [Claim(campaign="receipt")], at=AT)
    assert reasons(found) == [(None, "capped")]


def test_a_bad_id_makes_the_claim_invalid():
    """An id is a text that is not empty."""
    found = Arbiter(shop()).decide(ANNA, claims=[Claim(campaign="receipt", id=""), Claim(campaign="receipt")], at=AT)
    assert sorted(reasons(found), key=str) == [("", "invalid"), (None, "granted")]


def test_the_ledger_remembers_the_id_of_a_claim():
    """A receipt that went does not go again, and another one does."""
    ledger, arbiter = MemoryLedger(), Arbiter(shop())
    for name, reason in (("1", "granted"), ("1", "capped"), ("2", "granted")):
        found = arbiter.decide(ANNA, claims=[Claim(campaign="receipt", id=name)], at=AT, ledger=ledger)
        assert reasons(found) == [(name, reason)]
    assert [held.claim for held in ledger.reservations("anna")] == ["1", "2"]
    assert {row.decision_id for row in found.rows} <= {held.id for held in ledger.reservations("anna")}


def test_a_run_over_tables_reserves_claims_by_their_ids():
    """So that a second run with the same table sends nothing twice, in both engines."""
    contacts = [{"contact_id": "anna", "consent": "email"}]
    claims = [{"contact_id": "anna", "campaign_id": "receipt", "claim_id": name} for name in (1, 2)]
    for run in ("one", "columns"):
        ledger = MemoryLedger()
        for night, reason in enumerate(("granted", "capped")):
            at = AT + timedelta(days=night)
            if run == "one":
                job = Job(Arbiter(shop()), Inputs(contacts=contacts, claims=claims), at=at, ledger=ledger)
                found = [(row.claim, str(row.reason)) for _, decision in job.decisions() for row in decision.rows]
            else:
                if not has_columns():
                    pytest.skip("the columnar engine is not installed")
                table = (
                    Arbiter(shop())
                    .decide_table(contacts, claims=claims, at=at, ledger=ledger, everything=True)
                    .to_pylist()
                )
                found = [(row["claim_id"], row["reason"]) for row in table]
            assert found == [("1", reason), ("2", reason)]
        assert [held.claim for held in ledger.reservations("anna")] == ["1", "2"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("engine", ["one", "columns"])
def test_the_command_line_writes_ids_and_all_rules(tmp_path, form, engine, capsys):
    """Two receipts in, two rows out, whatever the format and the engine; lists of rules as `lost_to`."""
    if (form == "parquet" or engine == "columns") and not has_columns():
        pytest.skip("the columnar engine is not installed")
    playbook = {
        "caps": [
            {"name": "none today", "max": 0, "window": {"calendar": "day"}},
            {"name": "no email", "max": 0, "window": {"calendar": "week"}, "where": {"channel": "email"}},
        ]
    }
    (tmp_path / "p.json").write_text(json.dumps(playbook), "utf-8")
    (tmp_path / "contacts.csv").write_text("contact_id,consent\nanna,email\n", "utf-8")
    (tmp_path / "claims.csv").write_text(
        "contact_id,campaign_id,channel,claim_id,tags\nanna,receipt,email,1,big;late\nanna,receipt,email,2,\n", "utf-8"
    )
    out = tmp_path / f"d.{form}"
    inputs = ["--contacts", str(tmp_path / "contacts.csv"), "--claims", str(tmp_path / "claims.csv")]
    run = ["decide", str(tmp_path / "p.json"), *inputs, "--at", AT.isoformat(), "--all", "--engine", engine]
    assert main([*run, "--json", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["rules"] == {"no email": 2, "none today": 2}
    if form == "parquet":
        import pyarrow.parquet as pq

        rows = pq.read_table(out).to_pylist()
    elif form == "jsonl":
        rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    else:
        import csv

        rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    rules, tags = ["none today", "no email"], ["big", "late"]
    if form == "csv":
        rules, tags = ";".join(rules), ";".join(tags)
    assert [(row["claim_id"], row["rule"], row["binding"]) for row in rows] == [(n, "none today", rules) for n in "12"]
    assert rows[0]["tags"] == tags


# Facets of claims


FACETS = [
    ("team", "sales", "team"),
    ("goal", "launch", "goal"),
    ("topics", ["golf"], "topic"),
    ("solutions", ["cloud"], "solution"),
    ("theme", "spring", "theme"),
    ("tags", ["loud"], "tag"),
]


@pytest.mark.parametrize(("name", "value", "facet"), FACETS)
def test_a_gatekeeper_caps_by_what_claims_bring(name, value, facet):
    """Without campaigns in the playbook, a cap by goal, team, topic and so on binds all the same."""
    caps = [Cap(name="one each", max=1, window=A_DAY, by=facet)]
    claims = [Claim(campaign=f"k{n}", channel="email", weight=n, **{name: value}) for n in (1, 2)]
    claims.append(Claim(campaign="other", channel="email", weight=1))
    found = Arbiter(Playbook(caps=caps)).decide(ANNA, claims=claims, at=AT)
    assert {row.campaign: str(row.reason) for row in found.rows} == {
        "k1": "outbid",
        "k2": "granted",
        "other": "granted",
    }
    rows, _ = both(
        Playbook(caps=caps),
        [{"contact_id": "anna", "consent": "email"}],
        None,
        [
            {"contact_id": "anna", "campaign_id": own.campaign, "channel": "email", "weight": own.weight}
            | ({} if own.campaign == "other" else {name: value})
            for own in claims
        ],
    )
    assert {row.campaign: str(row.reason) for row in rows} == {"k1": "outbid", "k2": "granted", "other": "granted"}
    # As a touch it counts as what it was.
    touch = Touch(at=AT, channel="email", campaign="gone", **{name: value})
    found = Arbiter(Playbook(caps=caps)).decide(ANNA, [touch], claims[:1], at=AT)
    assert [(row.reason, row.rule) for row in found.rows] == [("capped", "one each")]


def test_what_a_claim_brings_holds_whatever_the_playbook_has():
    """Team, goal and topics of the claim win over those of its campaign and content; the rest stays."""
    teams = [Team(name="events", goal="event"), Team(name="sales", goal="promotion", lever=2.0)]
    content = [Content(id="note", channel="email", topics="golf", theme="spring")]
    campaigns = [Campaign(id="launch", content="note", team="events", repeat=None)]
    caps = [
        Cap(name=name, max=0, window=A_DAY, where=scope)
        for name, scope in (
            ("golf", Scope.of(topic="golf")),
            ("events", Scope.of(team="events")),
            ("event", Scope.of(goal="event")),
            ("spring", Scope.of(theme="spring")),
            ("promotion", Scope.of(goal="promotion")),
        )
    ]
    arbiter = Arbiter(Playbook(teams=teams, content=content, campaigns=campaigns, caps=caps))
    (row,) = arbiter.decide(ANNA, claims=[Claim(campaign="launch")], at=AT).rows
    assert row.binding == ("golf", "events", "event", "spring")
    assert (row.team, row.weight) == ("events", 1.0)
    (row,) = arbiter.decide(ANNA, claims=[Claim(campaign="launch", team="sales", topics="chess")], at=AT).rows
    assert row.binding == ("spring", "promotion")
    assert (row.team, row.weight) == ("sales", 2.0)


def test_consent_by_topic_looks_at_the_topics_of_a_claim():
    """A gatekeeper that knows no content keeps what a contact said about a topic."""
    claims = [Claim(campaign="k", channel="email", topics=["golf", "chess"], tags="golf")]
    contact = Contact(id="anna", consent=["email"], topic_consent={"golf": False})
    (row,) = Arbiter(Playbook()).decide(contact, claims=claims, at=AT).rows
    assert (row.reason, row.rule, row.tags) == ("no_consent", "topic consent golf", ("golf",))
    contacts = [{"contact_id": "anna", "consent": "email", "topic_consent_golf": False}]
    table = [{"contact_id": "anna", "campaign_id": "k", "channel": "email", "topics": "golf;chess"}]
    rows, _ = both(Playbook(), contacts, None, table)
    assert [row.rule for row in rows] == ["topic consent golf"]


def test_bad_facets_make_a_claim_invalid():
    """What is no text is told, and the rest of the contact's claims go on."""
    claims = [Claim(campaign="a", channel="email", team=7), Claim(campaign="b", channel="email", tags=[1])]
    notes = [row.note for row in Arbiter(Playbook()).decide(ANNA, claims=claims, at=AT).rows]
    assert notes == [
        "team must be a text that is not empty, found 7",
        "tags must be texts that are not empty, found [1]",
    ]


# All rules that bind


def test_two_caps_that_stop_the_same_claims_are_both_counted():
    """`rule` is the first of them; `binding` and the summary have both."""
    caps = [Cap(name=name, max=0, window=A_DAY) for name in ("first", "second")]
    playbook = Playbook(content=[NOTE], campaigns=[Campaign(id="launch", content="note")], caps=caps)
    contacts = [{"contact_id": name, "consent": "email"} for name in ("anna", "ben")]
    rows, summary = both(playbook, contacts)
    assert [(row.rule, row.binding) for row in rows] == [("first", ("first", "second"))] * 2
    assert summary.rules == {"first": 2, "second": 2}


def test_what_the_summary_counts_does_not_depend_on_explanations():
    """Of claims that are not eligible the first rule is counted, though an explained row lists all."""
    playbook = Playbook(content=[NOTE], campaigns=[Campaign(id="launch", content="note", audience="vip")])
    contacts = [{"contact_id": "anna", "opted_out": True, "consent": "email", "vip": False}]
    plain, summary = both(playbook, contacts)
    full, explained = both(playbook, contacts, explain=True)
    assert [row.binding for row in plain] == [("opted_out",)]
    assert [row.binding for row in full] == [("opted_out", "vip")]
    assert summary.rules == explained.rules == {"opted_out": 1}


# Requirements


def needing(child: Campaign, partner: Campaign, **rest) -> Playbook:
    """A playbook in which one campaign requires another."""
    need = Requirement(
        name="with an order", claim=Scope.of(campaign=child.id), partner=Scope.of(campaign=partner.id), **rest
    )
    return Playbook(content=[NOTE], campaigns=[child, partner], requirements=[need])


def test_an_exempt_partner_satisfies_what_obeys_caps():
    """It is granted first, whatever the tiers."""
    order = Campaign(id="order", content="note", obeys_caps=False, tier=2)
    found = Arbiter(needing(Campaign(id="leaflet", content="note"), order)).decide(ANNA, at=AT)
    assert {row.campaign: str(row.reason) for row in found.rows} == {"leaflet": "granted", "order": "granted"}


@pytest.mark.parametrize("within", [None, Window.days(30)])
@pytest.mark.parametrize(
    ("child", "partner", "said"),
    [
        ({"obeys_caps": False}, {}, "'order' goes after 'leaflet', which need not obey caps"),
        ({}, {"tier": 1}, r"'order' goes after 'leaflet': a partner is of the same or an earlier tier .*\(tier 0\)"),
        ({"obeys_caps": False}, {"obeys_caps": False, "tier": 1}, "'order' goes after 'leaflet': a partner"),
    ],
)
def test_a_partner_that_goes_too_late_is_refused(child, partner, said, within):
    """A claim whose partner is granted only after it could never have it: the playbook says so when it is made."""
    campaigns = (
        Campaign(id="leaflet", content="note", **child),
        Campaign(id="order", content="note", **partner),
    )
    with pytest.raises(PlaybookError, match=rf"requirements\[0\]\.with: {said}"):
        needing(*campaigns, within=within)


def test_some_partners_that_go_too_late_are_a_warning():
    """The others will do."""
    campaigns = [Campaign(id=name, content="note", tier=tier) for name, tier in (("leaflet", 0), ("a", 0), ("b", 1))]
    need = Requirement(name="n", claim=Scope.of(campaign="leaflet"), partner=Scope.of(campaign=["a", "b"]))
    found = Playbook(content=[NOTE], campaigns=campaigns, requirements=[need]).check()
    assert [(own.path, own.message.partition(":")[0]) for own in found] == [
        ("requirements[0].with", "some partners never do")
    ]


def test_an_exempt_campaign_that_goes_once_is_a_warning():
    """Most are meant to go again and again; `repeat: null` says so."""
    (found,) = shop().check()
    assert (found.path, found.severity) == ("campaigns[0].repeat", "warning")
    assert "say repeat: null if it may go again" in found.message
    assert shop(repeat=None).check() == ()


# When it may go after all


def test_a_claim_with_an_instant_of_its_own_is_looked_at_from_there_on():
    """Not from the end of the plan on, which has nothing to do with it."""
    caps = [Cap(name="one a day", max=1, window=A_DAY)]
    until = AT + timedelta(days=6, microseconds=0)
    contacts = [{"contact_id": "anna", "consent": "email", "timezone": "Europe/Skopje"}]
    claims = [
        {"contact_id": "anna", "campaign_id": "a", "channel": "email", "weight": 2, "at": AT + timedelta(days=1)},
        {"contact_id": "anna", "campaign_id": "b", "channel": "email", "weight": 1, "at": AT + timedelta(days=1)},
        {"contact_id": "anna", "campaign_id": "c", "channel": "email", "weight": 1, "at": date(2026, 11, 6)},
    ]
    rows, _ = both(Playbook(caps=caps), contacts, None, claims, until=until)
    midnight = datetime(2026, 11, 6, 23, tzinfo=UTC)
    assert [(row.campaign, str(row.reason), row.retry_at) for row in rows] == [
        ("a", "granted", None),
        ("b", "outbid", midnight),
        ("c", "outbid", midnight),
    ]


def test_the_end_of_a_plan_will_do_where_a_claim_had_no_slot():
    """Slots are at the hour of `at`; the last day of a plan that ends before that hour has none."""
    caps = [Cap(name="one a day", max=1, window=Window.rolling("24h"))]
    until = AT + timedelta(days=2, hours=-1)
    contacts = [{"contact_id": "anna", "consent": "email"}]
    claims = [{"contact_id": "anna", "campaign_id": f"k{n}", "channel": "email", "weight": n} for n in (1, 2, 3)]
    rows, _ = both(Playbook(caps=caps), contacts, None, claims, until=until)
    assert [(row.campaign, row.retry_at) for row in rows] == [
        ("k3", None),
        ("k2", None),
        ("k1", AT + timedelta(days=2)),
    ]
    caps = [Cap(name="none at first", max=0, window=Window.between(date(2026, 11, 1), date(2026, 11, 6)))]
    rows, _ = both(Playbook(caps=caps), contacts, None, claims, until=until)
    assert [row.retry_at for row in rows] == [until] * 3


def test_what_keeps_a_campaign_that_starts_later_is_shown():
    """Denied where its like are deferred, with the rule that is in its way once it starts."""
    campaigns = [
        Campaign(id="plain", content="note", starts=date(2026, 11, 9)),
        Campaign(id="needy", content="note", starts=date(2026, 11, 9)),
        Campaign(id="gone", content="note", starts=date(2026, 11, 9)),
        Campaign(id="full", content="note", starts=date(2026, 11, 9)),
        Campaign(id="order", content="note", audience="vip"),
    ]
    need = Requirement(name="with an order", claim=Scope.of(campaign="needy"), partner=Scope.of(campaign="order"))
    cap = Cap(name="never", max=0, window=Window.ever(), where=Scope.of(campaign="full"))
    playbook = Playbook(content=[NOTE], campaigns=campaigns, requirements=[need], caps=[cap])
    touches = [{"contact_id": "anna", "sent_at": AT - timedelta(days=9), "channel": "email", "campaign_id": "gone"}]
    contacts = [{"contact_id": "anna", "consent": "email", "vip": False}]
    for explain in (False, True):
        rows, summary = both(playbook, contacts, touches, explain=explain)
        found = {row.campaign: (str(row.outcome), row.binding) for row in rows}
        later = "starts 2026-11-09"
        assert found == {
            "plain": ("deferred", (later,)),
            "needy": ("denied", (later, "with an order")),
            "gone": ("denied", (later, "repeat of gone")),
            "full": ("denied", (later, "never")),
            "order": ("denied", ("vip",)),
        }
        assert summary.rules == {later: 4, "vip": 1}


# What a decision says of itself


def test_the_failing_part_of_an_audience_is_shown_with_its_values():
    """Not the whole rule alone, which people would have to work out themselves."""
    rule = "vip and (score >= 40 or country == 'MK') and not (complained)"
    playbook = Playbook(content=[NOTE], campaigns=[Campaign(id="launch", content="note", audience=rule)])
    contact = Contact(id="anna", consent=["email"], attributes={"vip": True, "score": 12, "complained": False})
    decision = Arbiter(playbook).decide(contact, at=AT)
    (row,) = decision.explain().rows
    assert row.note == "score >= 40 (score = 12); country == 'MK' (country is unknown)"
    assert "score = 12" in decision.explain().to_dict()["claims"][0]["why"]
    assert decision.rows[0].note == ""
    contact = Contact(id="ben", consent=["email"], attributes={"vip": True, "score": 50, "complained": True})
    (row,) = Arbiter(playbook).decide(contact, at=AT).explain().rows
    assert row.note == "not (complained) (complained = True)"


def test_a_decision_says_that_it_was_given_again():
    """The second answer under a key is the first one."""
    ledger, arbiter = MemoryLedger(), Arbiter(shop())
    claims = [Claim(campaign="receipt", id="1")]
    found = [arbiter.decide(ANNA, claims=claims, at=AT, ledger=ledger, key="k") for _ in range(2)]
    assert [decision.replayed for decision in found] == [False, True]
    assert found[0].rows == found[1].rows
    assert str(found[1]).splitlines()[0].endswith("given again as it was decided then")
    assert found[1].explain().to_dict()["replayed"]


class Twice:
    """A policy with a setting."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def weigh(self, claim, contact, context):
        return self.factor * context.base


class Other(Twice):
    """Another class with the same setting."""


def test_runs_that_may_decide_otherwise_have_other_names():
    """Policy, its class and settings, inputs and span; and both engines give the same name."""
    playbook = shop(policy="mine")
    policies = [Twice(), Twice(3.0), Other()]
    names = [Arbiter(playbook, {"mine": policy}).run_id(AT) for policy in policies]
    names += [Arbiter(shop(policy=policy)).run_id(AT) for policy in ("weighted", "ranked", "first_come")]
    plain = Arbiter(shop())
    names += [plain.run_id(AT, AT), *(plain.run_id(AT, None, [name]) for name in ("touches", "scores", "claims"))]
    assert len(set(names)) == len(names)
    assert Arbiter(playbook, {"mine": Twice()}).run_id(AT) == names[0]
    contacts, claims = [{"contact_id": "anna"}], [{"contact_id": "anna", "campaign_id": "receipt"}]
    _, summary = both(shop(), contacts, [], claims)
    rows, _ = both(shop(), contacts, None, claims)
    told = summary.to_dict()
    assert told["inputs"] == ["touches", "claims"]
    assert told["policy"] == {"name": "weighted", "class": "journeykit.policies.weighted.Weighted"}
    assert told["version"]
    assert rows[0].run_id != summary.run_id


def test_another_version_of_the_library_is_another_run(monkeypatch):
    """Its answers may differ."""
    before = Arbiter(shop()).run_id(AT)
    monkeypatch.setattr("journeykit.engine.decider.VERSION", "99.0")
    assert Arbiter(shop()).run_id(AT) != before
