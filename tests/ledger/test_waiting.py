"""Claims that wait: brought, deferred, kept by the ledger, and decided again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
import tabled
from attrs import evolve
from expiring import expiring_rows
from expiring import waiting as with_waits
from generate import situation
from ledgers import KINDS, ledger_of

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Contact,
    Content,
    ModelError,
    OnMissing,
    Playbook,
    Series,
    Touch,
    Window,
)
from journeykit.cli import main
from journeykit.columns import has_columns
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import MemoryLedger
from journeykit.tables import decision_cells

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
ANNA = Contact(id="anna", consent=["email"])
SENT = Touch(at=AT - timedelta(hours=1), channel="email")
ENGINES = ["one", "columns"] if has_columns() else ["one"]


def shop(**changes) -> Playbook:
    """One message a day, for news and for launches that weigh more."""
    news = Campaign(**{"id": "news", "content": "note"} | changes.pop("news", {}))
    launch = Campaign(id="launch", content=["note", "poem"], weight=8, repeat=None)
    return Playbook(
        content=[Content(id="note", channel="email"), Content(id="poem", channel="email")],
        campaigns=[news, launch],
        caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))],
        **changes,
    )


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def decide(ledger, claims, *, at=AT, playbook=None, touches=(), **options):
    """What becomes of claims: by campaign and id."""
    decision = Arbiter(playbook or shop()).decide(ANNA, touches, claims, at=at, ledger=ledger, **options)
    return {(row.campaign, row.claim): str(row.reason) for row in decision.rows}


def waits(ledger, contact="anna"):
    return [(own.claim.campaign, own.claim.id) for own in ledger.waiting(contact)]


def test_a_claim_that_is_deferred_waits_until_it_goes(ledger):
    """It is kept with the instant of asking, competes when it is asked for, and leaves once it is granted."""
    assert decide(ledger, [Claim(campaign="news", weight=2)], touches=[SENT]) == {("news", None): "capped"}
    (held,) = ledger.waiting("anna")
    assert (held.claim, held.since, held.until) == (Claim(campaign="news", weight=2, asked_at=AT), AT, None)
    assert decide(ledger, [], at=AT + DAY) == {}
    assert waits(ledger) == [("news", None)]
    assert decide(ledger, (), at=AT + DAY, waiting=True) == {("news", None): "granted"}
    assert ledger.waiting("anna") == []
    assert decide(ledger, [], at=AT + 2 * DAY, waiting=True) == {}


def test_what_is_denied_or_derived_does_not_wait(ledger):
    """A claim that campaigns make comes again by itself; one that may not go later is over."""
    Arbiter(shop()).decide(ANNA, [SENT], at=AT, ledger=ledger)
    decide(ledger, [Claim(campaign="news", expires=AT)], touches=[SENT])
    decide(ledger, [Claim(campaign="news", weight=-1)], touches=[SENT])
    decide(ledger, [Claim(campaign="nothing"), Claim(campaign="news", weight=float("nan"))])
    decide(ledger, [Claim(campaign="news")], playbook=shop(news={"if_lost": "drop"}), touches=[SENT])
    assert ledger.waiting() == []


def test_a_claim_with_several_contents_waits_as_one(ledger):
    """It waits as it was brought, without a content of its own; where one content goes, it does not wait."""
    decide(ledger, [Claim(campaign="launch")], touches=[SENT])
    assert [own.claim.content for own in ledger.waiting("anna")] == [None]
    found = decide(ledger, [], at=AT + DAY, waiting=True)
    assert set(found.values()) <= {"granted", "outbid"}
    assert ledger.waiting("anna") == []


def test_a_new_claim_replaces_the_one_that_waits(ledger):
    """It asks for the same: only it competes, it keeps the earlier instant of asking, and its own data hold."""
    decide(ledger, [Claim(campaign="news", id="one", weight=2, asked_at=AT - DAY)], touches=[SENT])
    again = Claim(campaign="news", id="one", weight=3, asked_at=AT)
    assert decide(ledger, [again], touches=[SENT], waiting=True) == {("news", "one"): "capped"}
    assert [own.claim for own in ledger.waiting("anna")] == [evolve(again, asked_at=AT - DAY)]
    # So it does where nothing that waits competes.
    decide(ledger, [evolve(again, weight=4)], touches=[SENT])
    assert [(own.claim.weight, own.claim.asked_at, own.since) for own in ledger.waiting("anna")] == [(4, AT - DAY, AT)]
    assert decide(ledger, [again], at=AT + DAY) == {("news", "one"): "granted"}
    assert ledger.waiting("anna") == []


def test_another_claim_waits_beside_it(ledger):
    """Claims with other ids are other claims."""
    decide(ledger, [Claim(campaign="launch", content="note", id=own) for own in "ab"], touches=[SENT])
    found = decide(ledger, [Claim(campaign="launch", content="note", id="c", weight=9)], at=AT + DAY, waiting=True)
    assert found == {("launch", "c"): "granted", ("launch", "a"): "outbid", ("launch", "b"): "outbid"}
    assert sorted(waits(ledger)) == [("launch", "a"), ("launch", "b")]


@pytest.mark.parametrize(
    ("claim", "news", "until"),
    [
        (Claim(campaign="news", expires=AT + 2 * DAY), {}, AT + 2 * DAY),
        (Claim(campaign="news"), {"wait": "36h"}, AT + timedelta(hours=36)),
        (Claim(campaign="news"), {"ends": date(2026, 11, 6)}, datetime(2026, 11, 7, tzinfo=UTC) - timedelta.resolution),
    ],
)
def test_it_leaves_once_it_is_over(ledger, claim, news, until):
    """By its own expiry, its campaign's wait or its campaign's end; then it is denied, and does not wait."""
    playbook = shop(news=news)
    decide(ledger, [claim], playbook=playbook, touches=[SENT])
    assert [own.until for own in ledger.waiting("anna")] == [until]
    found = decide(ledger, [], at=AT + 3 * DAY, playbook=playbook, waiting=True)
    assert found[("news", None)] in ("expired", "campaign_closed")
    assert ledger.waiting("anna") == []


def test_what_may_be_lifted_does_not_end_it(ledger):
    """A contact who is in no audience today may be tomorrow; one whose campaign is paused goes on waiting."""
    decide(ledger, [Claim(campaign="news")], touches=[SENT])
    for news in ({"audience": "score > 3"}, {"paused": True}):
        decide(ledger, [], at=AT + DAY, playbook=shop(news=news), waiting=True)
        assert waits(ledger) == [("news", None)]
    decide(ledger, [], at=AT + DAY, playbook=shop(news={"if_lost": "drop"}), touches=[Touch(at=AT + DAY)], waiting=True)
    assert waits(ledger) == []


def test_a_date_that_has_passed_does_not_bind_it(ledger):
    """It wanted to go today, and waits for any day; brought again for the same date, it is the same claim."""
    today = Claim(campaign="news", at=AT.date(), weight=2)
    decide(ledger, [today], touches=[SENT])
    assert [own.claim.at for own in ledger.waiting("anna")] == [None]
    decide(ledger, [today], touches=[SENT], waiting=True)
    assert waits(ledger) == [("news", None)]
    later = Claim(campaign="news", at=AT.date() + DAY, id="later")
    decide(ledger, [later])
    assert [own.claim.at for own in ledger.waiting("anna")] == [None, AT.date() + DAY]
    found = decide(ledger, [], at=AT + DAY, waiting=True)
    assert sorted(found.values()) == ["granted", "outbid"]


def test_claims_whose_dates_have_passed_take_turns(ledger):
    """Each keeps its date as what it is known by: none is lost, and what is brought without a date goes first."""
    for weight, day in ((2, AT.date()), (3, AT.date() - DAY)):
        decide(
            ledger, [Claim(campaign="news", at=day, weight=weight)], at=AT - DAY, touches=[evolve(SENT, at=AT - DAY)]
        )
    decide(ledger, [], touches=[SENT], waiting=True)
    assert [own.claim.at for own in ledger.waiting("anna")] == [None, None]
    playbook, went = shop(news={"repeat": None}), []
    for night, brought in enumerate(([Claim(campaign="news", weight=1)], [], [], []), start=1):
        decision = Arbiter(playbook).decide(ANNA, (), brought, at=AT + night * DAY, ledger=ledger, waiting=True)
        went += [(night, row.weight, str(row.reason)) for row in decision.rows]
    assert went == [(1, 1, "granted"), (2, 3, "granted"), (3, 2, "granted")]
    assert ledger.waiting() == []


def test_the_same_claim_in_other_words_replaces_it(ledger):
    """Words are the playbook's, however a claim spells them."""
    decide(ledger, [Claim(campaign="news", channel="email")], touches=[SENT])
    assert decide(ledger, [Claim(campaign="news", channel=" Email")], touches=[SENT], waiting=True) == {
        ("news", None): "capped"
    }
    assert waits(ledger) == [("news", None)]


def course(**changes) -> Playbook:
    """The shop, and a series of three steps."""
    found = shop(on_missing=OnMissing(consent="allow"))
    steps = [Content(id=name, channel="email") for name in ("one", "two", "three")]
    series = Campaign(id="course", content=[own.id for own in steps], weight=9, series=Series(gap="1d"), **changes)
    return evolve(found, content=(*found.content, *steps), campaigns=(*found.campaigns, series))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_series_waits_until_its_last_step_has_gone(ledger, engine):
    """Brought once, with its content open, it goes step after step."""
    claims, went = [{"contact_id": "anna", "campaign_id": "course"}], []
    for night in range(5):
        rows, _ = run(engine, Arbiter(course()), claims, ledger, at=AT + night * DAY, run_id=str(night), waiting=True)
        went += [(night, row[5]) for row in rows if row[2] == "anna" and "granted" in row]
        assert waits(ledger) == ([("course", None)] if night < 2 else [])
        claims = [{"contact_id": "ben", "campaign_id": "news"}]
    assert went == [(0, "one"), (1, "two"), (2, "three")]


def test_a_step_that_may_go_another_day_does_not_end_a_series(ledger):
    """The first step has gone; the second is stopped by a consent that may come."""
    decide(ledger, [Claim(campaign="course")], playbook=course())
    refuses = evolve(ANNA, consent=["push"])
    strict = evolve(course(), on_missing=OnMissing(consent="deny"))
    Arbiter(strict).decide(refuses, claims=[], at=AT + DAY, ledger=ledger, waiting=True)
    assert waits(ledger) == [("course", None)]
    ended = course(ends=AT.date())
    decide(ledger, [], at=AT + 2 * DAY, playbook=ended, waiting=True)
    assert waits(ledger) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_what_loses_beside_a_plan_of_steps_waits(ledger, engine):
    """One claim is granted two steps: as many as there are claims, and yet one of them is deferred."""
    claims = [{"contact_id": "anna", "campaign_id": name} for name in ("course", "news")]
    run(engine, Arbiter(course()), claims, ledger, until=AT + DAY, run_id="plan")
    assert sorted(waits(ledger)) == [("course", None), ("news", None)]
    alone = MemoryLedger()
    decide(alone, [Claim(campaign=row["campaign_id"]) for row in claims], playbook=course(), until=AT + DAY)
    assert sorted(waits(alone)) == [("course", None), ("news", None)]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_has_waited_is_not_asked_again(ledger, engine):
    """Once nothing of a contact waits, a later run does not count them; the run that let it go, begun again, does."""
    arbiter = Arbiter(shop(on_missing=OnMissing(consent="allow")))
    lost = [{"contact_id": "anna", "campaign_id": name} for name in ("launch", "news")]
    run(engine, arbiter, lost, ledger, run_id="first")
    other, counts = [{"contact_id": "ben", "campaign_id": "news"}], []
    for night, name in ((1, "second"), (2, "third"), (1, "second")):
        found = run(engine, arbiter, other, ledger, at=AT + night * DAY, run_id=name, waiting=True)
        counts.append((found[1].contacts, len(found[0])))
    assert counts == [(2, 2), (1, 1), (2, 2)]


def test_a_rehearsal_changes_nothing(ledger):
    """It reads what waits, and keeps none of it."""
    decide(ledger, [Claim(campaign="news")], touches=[SENT], dry_run=True)
    assert ledger.waiting() == []
    decide(ledger, [Claim(campaign="news")], touches=[SENT])
    assert decide(ledger, [], at=AT + DAY, waiting=True, dry_run=True) == {("news", None): "granted"}
    assert waits(ledger) == [("news", None)]


def test_a_key_gives_the_same_answer_again(ledger):
    """What competed then is in the answer, though it does not wait any more."""
    decide(ledger, [Claim(campaign="news")], touches=[SENT])
    found = decide(ledger, [], at=AT + DAY, waiting=True, key="k")
    assert decide(ledger, [], at=AT + DAY, waiting=True, key="k") == found == {("news", None): "granted"}
    assert [grant.campaign for grant in ledger.decision("k").granted] == ["news"]


def test_what_waits_is_forgotten_exported_and_pruned(ledger):
    """It belongs to the contact."""
    decide(ledger, [Claim(campaign="news", expires=AT + DAY)], touches=[SENT])
    assert ledger.stats()["waiting"] == 1
    assert ledger.export("anna")["waiting"][0]["claim"]["campaign"] == "news"
    assert [row["contact"] for row in ledger.export_all("contacts")] == ["anna"]
    ledger.prune(AT + timedelta(hours=1))
    assert waits(ledger) == [("news", None)]
    ledger.prune(AT + 2 * DAY)
    assert waits(ledger) == []
    decide(ledger, [Claim(campaign="news")], touches=[SENT])
    ledger.forget("anna")
    assert (ledger.waiting(), ledger.stats()["waiting"]) == ([], 0)


def test_what_waits_needs_a_ledger_and_claims():
    """Without a ledger nothing waits; with claims that campaigns make nothing competes."""
    arbiter = Arbiter(shop())
    with pytest.raises(ModelError, match="waiting is about a ledger"):
        arbiter.decide(ANNA, claims=[], at=AT, waiting=True)
    with pytest.raises(ModelError, match="give claims too"):
        arbiter.decide(ANNA, at=AT, waiting=True, ledger=MemoryLedger())
    with pytest.raises(ModelError, match="give claims too"):
        arbiter.decide_table([{"contact_id": "anna"}], at=AT, waiting=True, ledger=MemoryLedger())


# Jobs


def run(engine, arbiter, claims, ledger, *, contacts=None, touches=None, at=AT, **options):
    """The rows of a job, and its summary."""
    options = {"at": at, "ledger": ledger, **options}
    if engine == "one":
        job = Job(arbiter, Inputs(contacts=contacts, touches=touches, claims=claims), **options)
        rows = [decision_cells(row) for _, decision in job.decisions() for row in decision.rows]
    else:
        job = TableJob(arbiter, contacts, touches, None, claims, everything=True, **options)
        batches = list(job.batches())
        rows = [
            tuple(tuple(cell) if isinstance(cell, list) else cell for cell in row)
            for batch in batches
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        ]
    return [tuple(tuple(cell) if isinstance(cell, list) else cell for cell in row) for row in rows], job.summary()


def held(ledger):
    """What waits, without the order in which it was written."""
    return sorted(json.dumps(own.to_dict()) for own in ledger.waiting())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_job_keeps_what_waits_and_lets_it_compete(ledger, engine):
    """Night after night: a contact who is in no table of claims any more is decided by what waits."""
    arbiter = Arbiter(shop(on_missing=OnMissing(consent="allow")))
    claims = [
        {"contact_id": name, "campaign_id": campaign, "claim_id": None}
        for name in ("anna", "ben")
        for campaign in ("news", "launch")
    ]
    _, summary = run(engine, arbiter, claims, ledger, run_id="first")
    assert summary.outcomes == {"granted": 2, "deferred": 2, "denied": 2}
    assert sorted(own.contact for own in ledger.waiting()) == ["anna", "ben"]
    assert any("any more; --waiting (waiting=True) lets those that wait compete" in note for note in summary.notes)
    later = [{"contact_id": "cleo", "campaign_id": "news", "claim_id": None}]
    rows, _ = run(engine, arbiter, later, ledger, at=AT + DAY, run_id="second")
    assert len(rows) == 1
    rows, summary = run(engine, arbiter, later, ledger, at=AT + DAY, run_id="third", waiting=True)
    assert any(note.endswith("2 do not wait any more") for note in summary.notes)
    assert {row[2] for row in rows} >= {"anna", "ben"}
    assert ledger.waiting() == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_claim_that_waits_and_cannot_be_decided_is_named(engine):
    """No row of a table is at fault where the playbook has come to split a campaign of which a claim waits."""
    arbiter, ledger = Arbiter(shop(on_missing=OnMissing(consent="allow"))), MemoryLedger()
    claims = [{"contact_id": "anna", "campaign_id": "launch", "content_id": name} for name in ("note", "poem")]
    claims.append({"contact_id": "anna", "campaign_id": "news", "content_id": "note"})
    run(engine, arbiter, claims, ledger, run_id="first")
    before = [own.claim.content for own in ledger.waiting() if own.claim.campaign == "news"]
    assert before == ["note"]
    split = {"content": ["note", "poem"], "split": {"note": 0.0, "poem": 1.0}}
    found = Arbiter(shop(on_missing=OnMissing(consent="allow"), news=split))
    later = [{"contact_id": "anna", "campaign_id": "launch", "content_id": "poem"}]
    _, summary = run(engine, found, later, ledger, at=AT + DAY, run_id="second", waiting=True)
    (bad,) = summary.bad_first
    assert str(bad) == (
        "ledger: found a claim of campaign 'news' that waits, of contact 'anna'; allowed is one that the playbook "
        "takes as it is now, and the split of campaign 'news' chooses the content 'poem' for the contact"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_what_others_decide_meanwhile_goes_once(engine):
    """A claim that a web request has let go since a job began does not go again, nor when the job is begun again."""
    playbook = evolve(
        shop(on_missing=OnMissing(consent="allow")), caps=[Cap(name="two", max=2, window=Window.calendar("day"))]
    )
    arbiter, ledger = Arbiter(playbook), MemoryLedger()
    two = [Touch(at=AT, channel="email"), Touch(at=AT, channel="email")]
    arbiter.decide(ANNA, two, [Claim(campaign="launch", content="note", id="x")], at=AT, ledger=ledger)
    claims = [{"contact_id": "anna", "campaign_id": "news"}]
    tomorrow = {"at": AT + DAY, "ledger": ledger, "waiting": True, "run_id": "night"}
    job = Job(arbiter, Inputs(claims=claims), **tomorrow)
    if engine == "columns":
        job = TableJob(arbiter, None, None, None, claims, everything=True, **tomorrow)
    arbiter.decide(ANNA, claims=[], at=AT + DAY, ledger=ledger, waiting=True)
    if engine == "columns":
        assert sum(batch.num_rows for batch in job.batches()) == 1
    else:
        assert [row.campaign for _, decision in job.decisions() for row in decision.rows] == ["news"]
    assert sorted(str(own.campaign) for own in ledger.reservations("anna")) == ["launch", "news"]
    rows, _ = run(engine, arbiter, claims, ledger, at=AT + DAY, waiting=True, run_id="night")
    assert [row[4] for row in rows] == ["news"]


@pytest.mark.skipif(not has_columns(), reason="it needs the extra columns")
@pytest.mark.parametrize("start", range(0, 45, 15))
def test_both_engines_let_claims_wait_alike(start):
    """Three nights with random claims: the same rows, and the same claims wait; begun again, the same once more."""
    met = 0
    for seed in range(start, start + 15):
        found = situation(seed)
        if found.playbook.campaigns is None:
            continue
        rng = Random(seed)
        playbook = with_waits(rng, found.playbook)
        arbiter, contacts = Arbiter(playbook), tabled.contacts(rng, found.at, 8)
        ledgers = {engine: MemoryLedger() for engine in ENGINES}
        for night in range(3):
            at = found.at + night * timedelta(hours=rng.choice((0, 3, 24, 30)))
            until = None if found.until is None else at + (found.until - found.at)
            few = until is not None
            claims = expiring_rows(rng, tabled.claims(rng, playbook, at, 8, few=few), at)
            history = tabled.touches(rng, playbook, at, 8) if not night else None
            options = {"at": at, "until": until, "run_id": f"night {night}", "waiting": bool(rng.randrange(2))}
            options |= {"contacts": contacts, "touches": history}
            told = []
            for engine, ledger in ledgers.items():
                rows, _ = run(engine, arbiter, claims, ledger, **options)
                waiting = held(ledger)
                again, _ = run(engine, arbiter, claims, ledger, **options)
                assert again == rows, (seed, night, engine)
                assert held(ledger) == waiting, (seed, night, engine)
                told.append((rows, waiting))
            assert told[0] == told[1], (seed, night)
            met += len(told[0][1])
    assert met


def test_the_command_line_shows_what_waits(tmp_path, monkeypatch, capsys):
    """Journeykit decide --waiting, and journeykit ledger waiting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.json").write_text(json.dumps(shop(on_missing=OnMissing(consent="allow")).to_dict()))
    (tmp_path / "claims.csv").write_text("contact_id,campaign_id,claim_id\nanna,news,\nanna,launch,x\n")
    (tmp_path / "none.csv").write_text("contact_id,campaign_id,claim_id\n")
    url = "sqlite:///own.db"
    assert main(["ledger", "upgrade", url]) == 0
    job = ["decide", "shop.json", "--ledger", url, "--out", "out.csv", "--quiet"]
    assert main([*job, "--claims", "claims.csv", "--at", "2026-11-05T10:00:00Z"]) == 0
    capsys.readouterr()
    assert main(["ledger", "waiting", url]) == 0
    assert capsys.readouterr().out == "anna  news  since 2026-11-05T10:00:00+00:00\n"
    assert main(["ledger", "waiting", url, "anna", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"][0]["claim"]["campaign"] == "news"
    assert main([*job, "--claims", "none.csv", "--at", "2026-11-06T10:00:00Z", "--waiting"]) == 0
    assert main(["ledger", "waiting", url, "anna"]) == 0
    assert capsys.readouterr().err.endswith("no claim of contact 'anna' waits\n")
    assert main([*job, "--contacts", "none.csv", "--at", "2026-11-06T10:00:00Z", "--waiting"]) == 2
    assert (
        main(["decide", "shop.json", "--claims", "none.csv", "--at", "2026-11-06", "--out", "x.csv", "--waiting"]) == 2
    )
