"""To look without touching: rehearsals, what was decided then, and all that a ledger holds."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from ledgers import KINDS, database, ledger_of

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Contact,
    Content,
    DataError,
    LedgerError,
    ModelError,
    Playbook,
    Quota,
    Touch,
    Window,
)
from journeykit.cli import main
from journeykit.cli.ledger_commands import EXPORTED
from journeykit.job import Inputs, Job, TableJob, decide_one
from journeykit.ledger import Ledger, MemoryLedger
from journeykit.ledger.exporting import EXPORTS

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
RULES = Playbook(
    content=[Content(id=name, channel="email") for name in ("outlook", "news", "care")],
    campaigns=[
        Campaign(id="nurture", content=["outlook"], repeat=None),
        Campaign(id="launch", content=["news"], weight=8, repeat=None),
        Campaign(id="closed", content=["care"], paused=True),
    ],
    caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))],
)
ARBITER = Arbiter(RULES)
ANNA = Contact(id="anna", consent=["email"])
PEOPLE = [{"contact_id": name, "consent": "email"} for name in ("anna", "ben", "cora")]
ENGINES = ("one", "columns")


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def run(engine, arbiter, ledger, contacts=PEOPLE, *, at=AT, run_id="night", **more):
    """The rows of a run over tables, all of them, by contact and campaign; and its notes."""
    if engine == "one":
        job = Job(arbiter, Inputs(contacts=contacts), at=at, ledger=ledger, run_id=run_id, **more)
        rows = [row for _, decision in job.decisions() for row in decision.rows]
        found = [(row.contact, row.campaign, row.decision_id, str(row.reason)) for row in rows]
    else:
        job = TableJob(arbiter, contacts, at=at, everything=True, ledger=ledger, run_id=run_id, **more)
        table = job.table()
        names = ("contact_id", "campaign_id", "decision_id", "reason")
        found = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    return found, job.summary().notes


def all_of(ledger):
    """All that a ledger holds."""
    return {what: [repr(row) for row in ledger.export_all(what)] for what in EXPORTED}


# Rehearsals


@pytest.mark.parametrize("named", [{}, {"key": "k"}, {"run_id": "r"}])
def test_a_single_rehearsal_reserves_nothing(ledger, named):
    """And then the real decision is the same."""
    before = all_of(ledger)
    rehearsed = ARBITER.decide(ANNA, at=AT, ledger=ledger, dry_run=True, **named)
    assert [grant.campaign for grant in rehearsed.granted] == ["launch"]
    assert all_of(ledger) == before
    real = ARBITER.decide(ANNA, at=AT, ledger=ledger, **named)
    assert real.granted == rehearsed.granted
    if named:
        assert real.rows == rehearsed.rows
        # What is known is given again.
        assert ARBITER.decide(ANNA, at=AT, ledger=ledger, dry_run=True, **named).rows == real.rows
    assert not ARBITER.decide(ANNA, at=AT, ledger=ledger, dry_run=True).granted


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rehearsal_of_a_run_leaves_no_mark(ledger, engine):
    """It takes no room of the real run, which may have its name and another playbook."""
    ARBITER.decide(ANNA, at=AT, ledger=ledger)
    ledger.opt_out("ben", at=AT)
    before = all_of(ledger)
    rows, notes = run(engine, ARBITER, ledger, dry_run=True)
    assert [row[0] for row in rows if row[3] == "granted"] == ["cora"]
    assert {row[3] for row in rows if row[0] == "ben"} == {"opted_out"}
    assert any("this was a rehearsal: nothing was reserved" in note for note in notes)
    assert all_of(ledger) == before
    other = Arbiter(evolve(RULES, name="other"))
    assert run(engine, other, ledger, dry_run=True)[0] != []
    real, notes = run(engine, ARBITER, ledger)
    assert real == rows
    assert not any("rehearsal" in note for note in notes)
    assert len([held for held in ledger.reservations("cora") if held.status == "reserved"]) == 1
    # Of a run that was begun it rehearses how it would go on.
    assert run(engine, ARBITER, ledger, dry_run=True)[0] == rows
    # And a later run counts what it has reserved.
    again, _ = run(engine, ARBITER, ledger, dry_run=True, run_id="later")
    assert not [row for row in again if row[3] == "granted"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rehearsal_with_quotas_and_accounts_reserves_nothing(engine):
    """Both ways of deciding together."""
    ledger = MemoryLedger()
    quotas = Arbiter(evolve(RULES, quotas=[Quota(name="seats", max=1)]))
    cap = Cap(name="one for all", max=1, window=Window.rolling("7d"), per="account")
    accounts = Arbiter(evolve(RULES, caps=[cap]))
    people = [{**row, "account_id": "acme"} for row in PEOPLE]
    before = all_of(ledger)
    for arbiter in (quotas, accounts):
        rows, _ = run(engine, arbiter, ledger, people, dry_run=True)
        assert len([row for row in rows if row[3] == "granted"]) == 1
    assert all_of(ledger) == before


def test_what_is_about_a_ledger_needs_one():
    """And a rehearsal keeps nothing."""
    with pytest.raises(ModelError, match="dry_run is about a ledger"):
        ARBITER.decide(ANNA, at=AT, dry_run=True)
    for make in (
        lambda **more: Job(ARBITER, Inputs(contacts=PEOPLE), **more),
        lambda **m: TableJob(ARBITER, PEOPLE, **m),
    ):
        with pytest.raises(ModelError, match="dry_run is about a ledger"):
            make(at=AT, dry_run=True)
        with pytest.raises(ModelError, match="keep_decisions is about a ledger"):
            make(at=AT, keep_decisions=True)
        with pytest.raises(ModelError, match="keeps nothing"):
            make(at=AT, dry_run=True, keep_decisions=True, ledger=MemoryLedger())
    with pytest.raises(ModelError, match="dry_run is about a ledger"):
        ARBITER.decide_table(PEOPLE, at=AT, dry_run=True)


# What was decided then


@pytest.mark.parametrize("named", [{"key": "k"}, {"run_id": "r"}])
def test_a_decision_is_read_as_it_was_though_the_playbook_has_changed(ledger, named):
    """Losers and all; to read it decides and reserves nothing."""
    first = ARBITER.decide(ANNA, at=AT, ledger=ledger, explain=True, **named)
    asked = named if "key" in named else {**named, "contact": "anna"}
    before = all_of(ledger)
    assert ledger.decision(**asked, explain=True).rows == first.rows
    changed = Arbiter(evolve(RULES, campaigns=RULES.campaigns[:1]))
    assert ledger.decision(**asked, arbiter=changed, explain=True).rows == first.rows
    assert [str(row.reason) for row in first.rows] == ["granted", "campaign_closed", "outbid"]
    # One who asks again with the key gets the whole answer, too.
    assert changed.decide(ANNA, at=AT, ledger=ledger, explain=True, **named).rows == first.rows
    assert all_of(ledger) == before


def test_what_is_not_known_is_an_error_and_no_decision(ledger):
    """A mistyped key decides nothing."""
    ARBITER.decide(ANNA, at=AT, ledger=ledger, key="k")
    run("one", ARBITER, ledger)
    before = all_of(ledger)
    for asked, message in (
        ({"key": "K"}, "no decision under the key 'K'"),
        ({"key": "k", "contact": "ben"}, "no decision of contact 'ben' under the key 'k'"),
        ({"run_id": "nigt", "contact": "anna"}, "there is no such run"),
        ({"run_id": "night", "contact": "anna"}, "where it is asked to"),
    ):
        with pytest.raises(LedgerError, match=message) as caught:
            ledger.decision(**asked)
        assert caught.value.kind == "unknown"
    for wrong in ({}, {"key": "k", "run_id": "r"}, {"run_id": "r"}):
        with pytest.raises(ModelError):
            ledger.decision(**wrong)
    assert all_of(ledger) == before


class Reversed:
    """A policy of one's own: the lighter the better."""

    def weigh(self, claim, contact, context):
        return 10 - context.campaign.weight


def test_a_policy_of_ones_own_is_asked_again(ledger):
    """Without it only what was granted is known, and the rows say so."""
    rules = evolve(RULES, policy="reversed")
    arbiter = Arbiter(rules, policies={"reversed": Reversed()})
    first = arbiter.decide(ANNA, at=AT, ledger=ledger, key="k")
    assert ledger.decision("k", arbiter=Arbiter(Playbook(), policies={"reversed": Reversed()})).rows == first.rows
    (row,) = ledger.decision("k").rows
    assert (row.campaign, str(row.outcome)) == ("nurture", "granted")
    assert "what lost is not known any more" in row.note


@pytest.mark.parametrize("engine", ENGINES)
def test_runs_over_tables_can_keep_their_decisions(ledger, engine):
    """Of each contact, granted or not, as they were written; begun again they are kept once."""
    ledger.opt_out("ben", at=AT)
    rows, _ = run(engine, ARBITER, ledger, keep_decisions=True)
    assert run(engine, ARBITER, ledger, keep_decisions=True)[0] == rows
    for name in ("anna", "ben", "cora"):
        kept = ledger.decision(run_id="night", contact=name)
        found = [(row.contact, row.campaign, row.decision_id, str(row.reason)) for row in kept.rows]
        assert found == [row for row in rows if row[0] == name]
    anna = ledger.decision(run_id="night", contact="anna")
    assert [grant.campaign for grant in anna.granted] == ["launch"]
    assert anna.total == 8
    assert "one a day" in str(anna.explain())
    assert ledger.stats()["answers"] == 3
    assert ledger.forget("anna")["answers"] == 1
    with pytest.raises(LedgerError, match="no decision of contact 'anna'"):
        ledger.decision(run_id="night", contact="anna")


def test_both_engines_keep_the_same():
    """Also of contacts that cannot be decided, without claims, or that the other engine decides."""
    people = [*PEOPLE, {"contact_id": "anna"}, {"contact_id": "dora", "timezone": "Mars/Base"}, {"contact_id": 7}]
    claims = [
        {"contact_id": name, "campaign_id": own} for name in ("anna", "cora") for own in ("launch", "launch", "nurture")
    ]
    found = []
    for engine in ENGINES:
        ledger = MemoryLedger()
        if engine == "one":
            job = Job(ARBITER, Inputs(contacts=people, claims=claims), at=AT, ledger=ledger, keep_decisions=True)
            list(job.decisions())
        else:
            job = TableJob(ARBITER, people, claims=claims, at=AT, ledger=ledger, keep_decisions=True)
            assert "denied" not in job.table()["outcome"].to_pylist()
        found.append(sorted(map(repr, ledger.export_all("answers"))))
    assert found[0] == found[1]
    assert len(found[0]) == 4


# On the command line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "playbook.json").write_text(json.dumps(RULES.to_dict()))
    (tmp_path / "contacts.csv").write_text("contact_id,consent\nanna,email\nben,email\n")
    with database("sqlite", tmp_path) as url, Ledger(url) as ledger:
        ledger.upgrade()
        yield url, ledger


def asked(command, url, *more):
    tables = ["--contacts", "contacts.csv", "--at", "2026-11-05T10:00:00Z"]
    return main([command, "playbook.json", *tables, "--ledger", url, *more])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("command", ["decide", "plan"])
def test_the_command_line_rehearses(folder, command, engine, capsys):
    """`decide` and `plan`, with either engine."""
    url, ledger = folder
    more = ["--until", "2026-11-06T10:00:00Z"] if command == "plan" else []
    before = all_of(ledger)
    assert asked(command, url, "--out", "dry.csv", "--dry-run", "--run", "n", "--engine", engine, *more) == 0
    assert "rehearsal: nothing was reserved" in "".join(capsys.readouterr())
    assert all_of(ledger) == before
    assert asked(command, url, "--out", "real.csv", "--run", "n", "--engine", engine, *more) == 0
    assert Path("dry.csv").read_bytes() == Path("real.csv").read_bytes()
    assert ledger.stats()["touches"]["reserved"] == (4 if command == "plan" else 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_command_line_keeps_and_explains(folder, engine, capsys):
    """`--keep-decisions`, `ledger explain` of a run and of a key, and `explain --ledger` as of now and of then."""
    url, ledger = folder
    assert asked("decide", url, "--out", "a.csv", "--run", "n", "--keep-decisions", "--engine", engine) == 0
    with Path("a.csv").open() as file:
        assert {row["outcome"] for row in csv.DictReader(file)} == {"granted", "deferred"}
    capsys.readouterr()
    assert main(["ledger", "explain", url, "--run", "n", "--contact", "ben"]) == 0
    told = capsys.readouterr().out
    assert "launch" in told
    assert "closed" in told
    ARBITER.decide(ANNA, at=AT + timedelta(days=1), ledger=ledger, key="k")
    assert main(["ledger", "explain", url, "k", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["claims"][0]["campaign"] == "launch"
    before = all_of(ledger)
    assert main(["ledger", "explain", url, "kk"]) == 1
    assert "no decision under the key 'kk'" in capsys.readouterr().err
    assert main(["ledger", "explain", url, "k", "--run", "n"]) == 2
    assert asked("explain", url, "--contact", "anna", "--json") == 0
    assert {own["reason"] for own in json.loads(capsys.readouterr().out)["claims"]} == {"capped", "campaign_closed"}
    assert asked("explain", url, "--contact", "anna", "--run", "n", "--json") == 0
    assert json.loads(capsys.readouterr().out)["claims"][0]["reason"] == "granted"
    assert asked("explain", url, "--contact", "anna", "--run", "x") == 4
    assert all_of(ledger) == before


@pytest.mark.parametrize("wrong", [["--dry-run"], ["--keep-decisions"]])
def test_the_command_line_says_what_needs_a_ledger(folder, wrong, capsys):
    """Before any work is done."""
    tables = ["decide", "playbook.json", "--contacts", "contacts.csv", "--at", "2026-11-05T10:00:00Z", "--out", "a.csv"]
    assert main([*tables, *wrong]) == 2
    assert "give --ledger too" in capsys.readouterr().err
    assert main([*tables, "--ledger", folder[0], "--dry-run", "--keep-decisions"]) == 2
    assert "keeps nothing" in capsys.readouterr().err


def test_a_contact_is_explained_with_a_ledger_in_memory(ledger):
    """History and opt-outs of the ledger count; nothing is reserved."""
    inputs = Inputs(contacts=PEOPLE)
    ARBITER.decide(ANNA, at=AT, ledger=ledger)
    _, decision, _ = decide_one(ARBITER, inputs, "anna", at=AT, ledger=ledger)
    assert not decision.granted
    ledger.opt_out("ben", at=AT)
    _, decision, _ = decide_one(ARBITER, inputs, "ben", at=AT, ledger=ledger)
    assert {str(row.reason) for row in decision.rows} == {"opted_out"}
    with pytest.raises(DataError, match="no run 'x'"):
        decide_one(ARBITER, inputs, "anna", at=AT, ledger=ledger, run_id="x")
    assert ledger.reservations("ben") == []


# All that it holds


def test_all_of_a_ledger_can_be_exported(ledger):
    """Row by row; the touches are a table of touches."""
    assert tuple(EXPORTS) == EXPORTED
    ARBITER.decide(ANNA, at=AT, ledger=ledger, key="k")
    run("one", ARBITER, ledger, PEOPLE[1:])
    ledger.opt_out("dora", at=AT)
    rows = list(ledger.export_all())
    assert [row["contact_id"] for row in rows] == ["anna", "ben", "cora"]
    assert set(rows[0]) == set(EXPORTS["touches"])
    assert [row["contact_id"] for row in ledger.export_all("words")] == ["dora"]
    assert [row["key"] for row in ledger.export_all("answers")] == ["key k"]
    assert [row["run_id"] for row in ledger.export_all("runs")] == ["night"]
    assert [row["contact"] for row in ledger.export_all("contacts")] == ["anna", "ben", "cora", "dora"]
    assert next(ledger.export_all("contacts")) == ledger.export("anna")
    with pytest.raises(ModelError, match="did you mean 'touches'"):
        ledger.export_all("touch")
    job = Job(ARBITER, Inputs(contacts=PEOPLE, touches=rows), at=AT)
    assert not any(decision.granted for _, decision in job.decisions())
    assert job.bad.total == 0


@pytest.mark.parametrize("become", ["released", "expired"])
def test_what_gave_its_room_back_does_not_count_in_an_export(ledger, become):
    """Every status of a ledger is one of a table of touches."""
    ARBITER.decide(ANNA, at=AT, ledger=ledger)
    if become == "expired":
        assert ledger.expire(AT + timedelta(days=1)) == 1
    else:
        ledger.release(ledger.reservations("anna"))
    rows = list(ledger.export_all())
    assert [row["status"] for row in rows] == [become]
    job = Job(ARBITER, Inputs(contacts=[{"contact_id": "anna", "consent": "email"}], touches=rows), at=AT)
    assert [len(decision.granted) for _, decision in job.decisions()] == [1]
    assert not job.summary().mismatches


def test_an_account_that_was_decided_together_is_explained_by_key_and_contact(folder, capsys):
    """Each contact's part is told to be one of then; contacts who are told of in it are among all contacts."""
    url, ledger = folder
    anna, ben = (evolve(ANNA, id=name, account="acme") for name in ("anna", "ben"))
    told = [Touch(at=AT - timedelta(days=90), channel="email", contact="ben")]
    for replayed in (False, True):
        found = ARBITER.decide_account([anna, ben], told, at=AT, ledger=ledger, key="k")
        assert [decision.replayed for decision in found] == [replayed] * 2
    assert ledger.decision("k", contact="ben").replayed
    with pytest.raises(LedgerError, match="where an account was decided together, give the contact too"):
        ledger.decision("k")
    assert main(["ledger", "explain", url, "k", "--contact", "ben"]) == 0
    assert "Decision for ben" in capsys.readouterr().out
    assert main(["ledger", "explain", url, "k", "--run", "night", "--contact", "ben"]) == 2


def test_contacts_of_whom_an_answer_tells_are_among_all(ledger):
    """So that an export of all contacts leaves nobody out."""
    told = [Touch(at=AT, channel="email", contact="ben", account="acme")]
    ARBITER.decide(evolve(ANNA, account="acme"), told, at=AT, ledger=ledger, key="k")
    assert [row["contact"] for row in ledger.export_all("contacts")] == ["anna", "ben"]


@pytest.mark.parametrize(
    "asked", [{"key": "k\0"}, {"run_id": "r\0", "contact": "anna"}, {"key": "k", "contact": "a\0"}]
)
def test_names_that_no_ledger_holds_are_refused_alike(ledger, asked):
    """By every kind of ledger, with the same words."""
    with pytest.raises(LedgerError, match="the character NUL"):
        ledger.decision(**asked)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_command_line_exports(folder, ending, capsys):
    """As a file that `--touches` takes."""
    url, ledger = folder
    ARBITER.decide(ANNA, at=AT, ledger=ledger)
    assert main(["ledger", "export", url, "--out", f"t.{ending}"]) == 0
    assert "1 touches written" in capsys.readouterr().err
    tables = ["--contacts", "contacts.csv", "--touches", f"t.{ending}", "--at", "2026-11-05T10:00:00Z"]
    assert main(["decide", "playbook.json", *tables, "--out", "a.csv", "--all"]) == 0
    with Path("a.csv").open() as file:
        assert [row["contact_id"] for row in csv.DictReader(file) if row["outcome"] == "granted"] == ["ben"]
    contacts = main(["ledger", "export", url, "--what", "contacts", "--out", f"c.{ending}"])
    assert contacts == (0 if ending == "jsonl" else 2)
    assert main(["ledger", "export", url, "--out", "t.txt"]) == 2
    assert main(["ledger", "export", url, "--out", "-", "--format", "csv"]) == 0


def test_claims_that_are_dated_are_kept_with_their_ids(ledger):
    """The id of a row says which claim it was."""
    claims = [{"contact_id": "anna", "campaign_id": "launch", "at": "2026-11-05"}]
    job = Job(ARBITER, Inputs(claims=claims, contacts=PEOPLE), at=AT, ledger=ledger, run_id="n", keep_decisions=True)
    ids = [row.decision_id for _, decision in job.decisions() for row in decision.rows]
    assert [row.decision_id for row in ledger.decision(run_id="n", contact="anna").rows] == ids
    assert Claim(campaign="launch").at is None


def test_a_decision_that_is_given_again_has_its_notes(ledger):
    """What a person should know of it, as it was then: also by a playbook that has changed, and read only."""
    data = {
        "journey": {"stages": [{"name": "lead"}]},
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": "news", "content": ["note"]}],
        "rests": [{"name": "peace", "event": "complaint", "for": "3d"}],
        "on_missing": {"consent": "allow"},
        "quotas": [{"name": "seats", "max": 1}],
    }
    arbiter, changed = Arbiter(Playbook.from_dict(data)), Arbiter(Playbook.from_dict(data | {"quotas": []}))
    for number, given in enumerate((None, ())):
        anna = Contact(id=f"anna {number}", stage="laed")
        first = arbiter.decide(anna, at=AT, ledger=ledger, key=f"k{number}", events=given)
        assert len(first.notes) == 3 - number
        for other in (arbiter, changed):
            assert other.decide(anna, at=AT, ledger=ledger, key=f"k{number}", events=given).notes == first.notes
        assert ledger.decision(f"k{number}").notes == first.notes
