"""Guards in a ledger: what tripped pauses campaigns until a person lifts it, and not by the same responses again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from ledgers import DURABLE, KINDS, database, ledger_of

from journeykit import (
    Arbiter,
    Cap,
    Claim,
    Contact,
    DataError,
    Guard,
    GuardTrip,
    LedgerError,
    Playbook,
    Touch,
    TrippedGuards,
    Window,
)
from journeykit.cli import main
from journeykit.ledger import Ledger, MemoryLedger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = evolve(
    Playbook.from_dict({
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [
            {"id": "launch", "content": ["note"], "weight": 8, "repeat": None},
            {"id": "news", "content": ["note"], "repeat": None},
        ],
    }),
    guards=[Guard(name="complaints", response="complaint", max=0.001, window="30d")],
)  # fmt: skip
ANNA = Contact(id="anna", consent=["email"])
ROWS = [{"contact_id": name, "consent_email": True} for name in ("anna", "ben")]


def tripped(*campaigns, guard="complaints", at=AT):
    trips = [
        GuardTrip(guard=guard, campaign=name, messages=900, answered=4, responses=4, third_last_at=at)
        for name in campaigns
    ]
    return TrippedGuards(playbook=RULES.fingerprint, until=at + DAY, asked=["complaints"], trips=trips)


def told(arbiter, ledger, **more):
    decision = arbiter.decide(ANNA, **{"at": AT, "ledger": ledger, **more})
    return {row.campaign: (str(row.reason), row.rule) for row in decision.rows}


def rules_of(arbiter, ledger, **more):
    table = arbiter.decide_table(ROWS[:1], **{"at": AT, "ledger": ledger, "everything": True, **more})
    return {row["campaign_id"]: row["rule"] for row in table.to_pylist()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_tripped_pauses_until_a_person_lifts_it(kind, tmp_path):
    """Every decision with the ledger holds to it, given the tripped guards or not; once lifted, it goes on."""
    with ledger_of(kind, tmp_path) as ledger:
        guarded, plain = Arbiter(RULES, guards=tripped("launch")), Arbiter(RULES)
        assert told(plain, ledger)["launch"] == ("granted", None)
        assert told(guarded, ledger)["launch"] == ("campaign_closed", "complaints")
        for arbiter in (guarded, plain):
            assert told(arbiter, ledger) == {"launch": ("campaign_closed", "complaints"), "news": ("granted", None)}
            assert rules_of(arbiter, ledger)["launch"] == "complaints"
        (kept,) = ledger.guards()
        assert (kept.guard, kept.campaign, kept.paused, kept.lifted_at) == ("complaints", "launch", True, None)
        (lifted,) = ledger.lift_guard("complaints", "launch", at=AT + DAY)
        assert (lifted.paused, lifted.lifted_at) == (False, AT + DAY)
        assert ledger.guard_lifts() == {("complaints", "launch"): AT + DAY}
        for arbiter in (guarded, plain):
            assert told(arbiter, ledger)["launch"] == ("granted", None)
            assert rules_of(arbiter, ledger)["launch"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_responses_do_not_trip_what_was_lifted_and_later_ones_do(kind, tmp_path):
    """Where fewer than three of the responses are later than the lift, it holds."""
    with ledger_of(kind, tmp_path) as ledger:
        ledger.keep_guards(tripped("launch", "news"))
        assert ledger.keep_guards(tripped("launch", "news")) == []
        assert len(ledger.lift_guard("complaints", at=AT + DAY)) == 2
        assert ledger.keep_guards(tripped("launch", at=AT + DAY)) == []
        (again,) = ledger.keep_guards(tripped("launch", at=AT + DAY + timedelta(microseconds=1)))
        assert (again.paused, again.lifted_at) == (True, AT + DAY)
        assert [own.paused for own in ledger.guards()] == [True, False]


def test_a_rehearsal_pauses_and_keeps_nothing():
    """It reads the ledger, and writes nothing."""
    ledger, arbiter = MemoryLedger(), Arbiter(RULES, guards=tripped("launch"))
    assert told(arbiter, ledger, dry_run=True)["launch"] == ("campaign_closed", "complaints")
    assert rules_of(arbiter, ledger, dry_run=True)["launch"] == "complaints"
    assert ledger.guards() == []
    assert rules_of(arbiter, ledger)["launch"] == "complaints"
    assert len(ledger.guards()) == 1


def test_a_guard_that_the_playbook_does_not_have_any_more_holds():
    """Until a person lifts it: to remove a rule is not to look at the harm."""
    ledger = MemoryLedger()
    ledger.keep_guards(tripped("launch", guard="gone"))
    assert told(Arbiter(RULES), ledger)["launch"] == ("campaign_closed", "gone")


def test_messages_that_are_reserved_do_not_go_out():
    """The release check at the moment of sending knows what has tripped since."""
    ledger, arbiter = MemoryLedger(), Arbiter(RULES)
    held = {own.campaign: own for own in (arbiter.decide(ANNA, at=AT, ledger=ledger), *ledger.reservations("anna"))[1:]}
    assert ledger.release_check(held["launch"], ANNA, AT, arbiter=arbiter)
    ledger.keep_guards(tripped("launch"))
    found = ledger.release_check(held["launch"], ANNA, AT, arbiter=arbiter)
    assert not found
    assert [(str(reason), rule) for reason, rule in found.reasons] == [("campaign_closed", "complaints")]
    assert ledger.release_check(held["news"], ANNA, AT, arbiter=arbiter)


def test_what_was_decided_then_is_shown_as_it_was():
    """Decisions are told again by what was paused then, though a guard has tripped, or was lifted, since."""
    ledger, arbiter = MemoryLedger(), Arbiter(RULES)
    before = arbiter.decide(ANNA, at=AT, ledger=ledger, key="before")
    ledger.keep_guards(tripped("launch"))
    during = arbiter.decide(ANNA, at=AT, ledger=ledger, key="during")
    ledger.lift_guard("complaints")
    for key, wanted in (("before", before), ("during", during)):
        for judge in (arbiter, None, Arbiter(RULES, guards=tripped("launch", "news"))):
            assert ledger.decision(key, arbiter=judge).rows == wanted.rows
    assert {row.rule for row in during.rows} == {None, "complaints"}


@pytest.mark.parametrize("campaigns", [RULES.campaigns, None])
def test_claims_wait_while_a_guard_pauses_their_campaign(campaigns):
    """As while the playbook pauses it; once it is lifted they go."""
    cap = Cap(name="one a day", max=1, window=Window.calendar("day"))
    arbiter, ledger = Arbiter(evolve(RULES, campaigns=campaigns, caps=[cap])), MemoryLedger()
    claim, full = Claim(campaign="launch", content="note", channel="email", weight=2), [Touch(at=AT, channel="email")]
    arbiter.decide(ANNA, full, [claim], at=AT, ledger=ledger)
    assert len(ledger.waiting("anna")) == 1
    ledger.keep_guards(tripped("launch"))
    later = {"claims": [], "waiting": True, "at": AT + DAY}
    assert told(arbiter, ledger, **later) == {"launch": ("campaign_closed", "complaints")}
    assert len(ledger.waiting("anna")) == 1
    ledger.lift_guard("complaints")
    assert told(arbiter, ledger, **later) == {"launch": ("granted", None)}
    assert ledger.waiting("anna") == []


def test_a_run_goes_on_only_while_the_same_is_paused():
    """What it has reserved and what it would decide now would not be one run."""
    ledger, arbiter = MemoryLedger(), Arbiter(RULES)
    assert rules_of(arbiter, ledger, run_id="night") == rules_of(arbiter, ledger, run_id="night")
    ledger.keep_guards(tripped("launch"))
    with pytest.raises(DataError, match="was begun while guards paused other campaigns"):
        rules_of(arbiter, ledger, run_id="night")
    assert rules_of(arbiter, ledger, run_id="next")["launch"] == "complaints"
    assert {row["playbook"] for row in ledger.export_all("runs")} == {RULES.fingerprint}
    ledger.lift_guard("complaints")
    assert rules_of(arbiter, ledger, run_id="night")["launch"] is None


def test_runs_say_what_the_ledger_pauses_and_what_was_lifted():
    """In the notes of their summary."""
    ledger, said = MemoryLedger(), []
    guarded = Arbiter(RULES, guards=tripped("launch"))
    how = {"at": AT, "ledger": ledger, "summary": lambda own: said.append([n for n in own.notes if "guards:" in n])}
    guarded.decide_table(ROWS, **how)
    ledger.lift_guard("complaints", at=AT + DAY)
    guarded.decide_table(ROWS, **how)
    assert [len(notes) for notes in said] == [1, 1]
    assert "paused until a person lifts it (`journeykit ledger guard lift`): 'launch' by 'complaints'" in said[0][0]
    assert "by responses from before a person lifted it" in said[1][0]


def test_what_pauses_nothing_cannot_be_lifted():
    """The error says what does."""
    ledger = MemoryLedger()
    ledger.keep_guards(tripped("launch"))
    with pytest.raises(LedgerError, match=r"'complaint' pauses nothing.*did you mean 'complaints'"):
        ledger.lift_guard("complaint")
    with pytest.raises(LedgerError, match=r"pauses no campaign 'news'.*'complaints' 'launch'"):
        ledger.lift_guard("complaints", "news")
    assert len(ledger.lift_guard("complaints")) == 1
    with pytest.raises(LedgerError, match="paused are: none"):
        ledger.lift_guard("complaints")


@pytest.mark.parametrize("kind", DURABLE[:1])
def test_the_command_line_lists_lifts_and_keeps(kind, tmp_path, capsys, monkeypatch):
    """`decide --guards` with a ledger keeps what tripped; `ledger guard` shows and lifts it; `measure` knows of it."""
    monkeypatch.chdir(tmp_path)
    with database(kind, tmp_path) as url:
        Ledger(url).upgrade()
        (tmp_path / "playbook.json").write_text(json.dumps(RULES.to_dict()))
        (tmp_path / "contacts.csv").write_text("contact_id,consent_email\nanna,true\n")
        sent = [f"c{n},2026-11-02T09:00:00Z,launch,note" for n in range(20)]
        (tmp_path / "touches.csv").write_text("\n".join(["contact_id,sent_at,campaign_id,content_id", *sent]) + "\n")
        did = [f"c{n},complaint,2026-11-03T09:00:00Z" for n in range(3)]
        (tmp_path / "events.csv").write_text("\n".join(["contact_id,event,at", *did]) + "\n")
        measure = ["measure", "playbook.json", "--touches", "touches.csv", "--events", "events.csv", "--ledger", url]
        measure += ["--since", "2026-11-01T00:00:00Z", "--until", "2026-11-05T00:00:00Z", "--guards-out", "guards.json"]
        decide = ["decide", "playbook.json", "--contacts", "contacts.csv", "--at", "2026-11-05T10:00:00Z", "--quiet"]
        decide += ["--ledger", url, "--all", "--out", "-", "--format", "csv", "--columns", "campaign_id,reason,rule"]
        assert main(measure) == 5
        assert main([*decide, "--guards", "guards.json"]) == 0
        assert "launch,campaign_closed,complaints" in capsys.readouterr().out
        assert main(["ledger", "guard", "list", url]) == 0
        assert "'complaints' pauses 'launch': 3 of 20 messages had a response" in capsys.readouterr().out
        assert main(["ledger", "guard", "lift", url, "complaints", "--campaign", "news"]) == 1
        assert main(["ledger", "guard", "lift", url, "complaints", "--at", "2026-11-04T00:00:00Z"]) == 0
        assert main(["ledger", "guard", "list", url, "--json"]) == 0
        assert '"lifted_at": "2026-11-04T00:00:00+00:00"' in capsys.readouterr().out
        assert main(["ledger", "guard", "keep", url, "guards.json"]) == 0
        assert main([*decide, "--guards", "guards.json"]) == 0
        assert "launch,granted," in capsys.readouterr().out
        assert main(measure) == 0
        assert TrippedGuards.load("guards.json").trips == ()
