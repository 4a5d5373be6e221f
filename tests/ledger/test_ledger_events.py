"""Events that the ledger keeps: rests and rules read them, in single decisions and in runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random

import generate
import pytest
import tabled
from generate import situation, with_rests
from ledgers import KINDS, ledger_of

from journeykit import Arbiter, Contact, DataError, Playbook
from journeykit.cli import main
from journeykit.job import Inputs, Job, TableJob, decide_one
from journeykit.journey import Event
from journeykit.ledger import Ledger, MemoryLedger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
SHOP = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "news", "content": ["note"], "repeat": None}],
    "on_missing": {"consent": "allow"},
}
PEACE = Playbook.from_dict({**SHOP, "rests": [{"name": "peace", "event": "complaint", "for": "90d"}]})
TWICE = Playbook.from_dict({**SHOP, "campaigns": [{**SHOP["campaigns"][0], "audience": 'count("buy") >= 2'}]})
ANNA = Contact(id="anna")
ENGINES = ("one", "columns")


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def did(event, *, days=1, contact="anna", **more):
    return {"contact_id": contact, "event": event, "at": AT - days * DAY, **more}


def reasons(decision):
    return [str(row.reason) for row in decision.rows]


def run(engine, playbook, rows, ledger=None, *, at=AT, events=None, run_id="night", **more):
    """The rows of a run by contact and campaign, what is written on them, and the summary."""
    given = {"at": at, "ledger": ledger, "run_id": run_id, **more}
    if engine == "one":
        job = Job(Arbiter(playbook), Inputs(contacts=rows, events=events), **given)
        found = [row for _, decision in job.decisions() for row in decision.rows]
        told = [(row.contact, row.campaign, row.content, str(row.reason), row.rule, row.retry_at) for row in found]
    else:
        job = TableJob(Arbiter(playbook), rows, events=events, everything=True, **given)
        table = job.table()
        names = ("contact_id", "campaign_id", "content_id", "reason", "rule", "retry_at")
        told = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    return told, job.summary()


def test_the_same_event_twice_is_one(ledger):
    """By its own id, else by everything that is known of it."""
    rows = [
        did("buy", value=12, campaign_id="news"),
        did("buy", value=12.0, campaign_id="news"),
        did("buy", value=13, campaign_id="news"),
        did("buy", event_id="7"),
        did("buy", event_id="7", days=3),
        did("buy", event_id="7", contact="ben"),
    ]
    found = ledger.record_events(rows)
    assert (found.rows, found.new, found.repeated, found.bad_rows) == (6, 4, 2, 0)
    assert ledger.record_events(rows).new == 0
    assert sorted((own.at, own.id or "", own.properties.get("value", 0)) for own in ledger.events("anna")) == [
        (AT - DAY, "", 12),
        (AT - DAY, "", 13),
        (AT - DAY, "7", 0),
    ]


def test_rows_that_cannot_be_kept_are_counted(ledger):
    """They are named; too many end it, and a table without any good row is refused."""
    rows = [did("buy"), {"contact_id": "anna", "event": "", "at": AT}, did("buy", contact="x" * 1001)]
    found = ledger.record_events(rows)
    assert (found.new, found.bad_rows) == (1, 2)
    assert "field 'event'" in str(found.bad_first[0])
    assert "1,001 bytes" in str(found.bad_first[1])
    with pytest.raises(DataError):
        ledger.record_events(rows, max_bad=1)
    with pytest.raises(DataError):
        ledger.record_events(rows[1:])


def test_a_single_decision_reads_the_contacts_events(ledger):
    """Without any event in the ledger nothing is at hand, and nobody rests; what is later does not count."""
    arbiter = Arbiter(PEACE)
    assert reasons(arbiter.decide(ANNA, at=AT, ledger=ledger, dry_run=True)) == ["granted"]
    ledger.record_events([did("complaint", days=-1), did("complaint", contact="ben")])
    assert reasons(arbiter.decide(ANNA, at=AT, ledger=ledger, dry_run=True)) == ["granted"]
    ledger.record_events([did("complaint")])
    decision = arbiter.decide(ANNA, at=AT, ledger=ledger, key="k")
    assert [(str(row.reason), row.rule, row.retry_at) for row in decision.rows] == [("resting", "peace", AT + 89 * DAY)]
    assert ledger.decision("k", arbiter=arbiter).rows == decision.rows
    both = [Contact(id=name, account="acme") for name in ("anna", "cora")]
    both = arbiter.decide_account(both, at=AT, ledger=ledger)
    assert [reasons(own) for own in both] == [["resting"], ["granted"]]


def test_events_that_are_given_are_joined(ledger):
    """One that both know counts once."""
    arbiter, bought = Arbiter(TWICE), Event("buy", AT - DAY, {"value": 12})
    assert reasons(arbiter.decide(ANNA, at=AT, ledger=ledger, dry_run=True)) == ["not_in_audience"]
    assert reasons(arbiter.decide(ANNA, at=AT, ledger=ledger, dry_run=True, events=[bought])) == ["not_in_audience"]
    ledger.record_events([did("buy", value=12)])
    for events in (None, [], [bought]):
        found = arbiter.decide(ANNA, at=AT, ledger=ledger, dry_run=True, events=events)
        assert reasons(found) == ["not_in_audience"]
    other = Event("buy", AT - 2 * DAY)
    assert reasons(arbiter.decide(ANNA, at=AT, ledger=ledger, dry_run=True, events=[bought, other])) == ["granted"]
    ledger.record_events([did("buy", days=2)])
    held = arbiter.decide(ANNA, at=AT, ledger=ledger).rows[0].decision_id
    assert ledger.release_check(held, ANNA, AT, arbiter=arbiter)


@pytest.mark.parametrize("engine", ENGINES)
def test_runs_read_them(engine, ledger):
    """Beside those of the table; a rehearsal does too, and a run that goes on knows those of its beginning."""
    rows = [{"contact_id": name} for name in ("anna", "ben", "cora")]
    _, summary = run(engine, TWICE, rows, ledger, run_id="before", dry_run=True)
    assert any("no events are given" in note for note in summary.notes)
    ledger.record_events([did("buy"), did("buy", days=2, contact="ben"), did("buy", days=-2), did("x", contact="zoe")])
    given = [did("buy"), did("buy", contact="ben"), did("buy", contact="yan")]
    wanted = {"anna": "not_in_audience", "ben": "granted", "cora": "not_in_audience"}
    for name, more in (("rehearsal", {"dry_run": True}), ("night", {})):
        found, summary = run(engine, TWICE, rows, ledger, events=given, run_id=name, **more)
        assert {row[0]: row[3] for row in found} == wanted
        assert [note for note in summary.notes if "events" in note] == [
            "1 events belong to contacts that were not decided"
        ]
    ledger.record_events([did("buy", days=5), did("buy", days=5, contact="cora"), did("buy", days=6, contact="cora")])
    found, _ = run(engine, TWICE, rows, ledger, events=given)
    assert {row[0]: row[3] for row in found} == wanted
    assert reasons(decide_one(Arbiter(TWICE), Inputs(contacts=rows), "cora", at=AT, ledger=ledger)[1]) == ["granted"]


@pytest.mark.parametrize("start", [0, 30])
def test_wherever_events_are_kept_the_rows_are_the_same(start):
    """Random playbooks; some events are given, some kept, some both."""
    for seed in range(start, start + 30):
        found = with_rests(situation(seed))
        if found.playbook.campaigns is None or found.until is not None or found.playbook.quotas:
            continue
        rng = Random(seed)
        rows = tabled.contacts(rng, found.at, 6)
        campaigns = [own.id for own in found.playbook.campaigns]
        events = [
            {"contact_id": f"p{number:03d}", "event": own.event, "at": own.at, **own.properties}
            for number in range(1, 6)
            for own in generate.told(rng, found.at, campaigns)
        ]
        wanted, _ = run("one", found.playbook, rows, at=found.at, events=events)
        where = [rng.choice(["given", "kept", "both"]) for _ in events]
        given = [own for own, side in zip(events, where, strict=True) if side != "kept"]
        kept = [own for own, side in zip(events, where, strict=True) if side != "given"]
        if not kept:
            continue
        for engine in ENGINES:
            ledger = MemoryLedger()
            ledger.record_events(kept)
            assert run(engine, found.playbook, rows, ledger, at=found.at, events=given)[0] == wanted, (seed, engine)


def test_rights_and_age_are_those_of_what_the_ledger_holds(ledger):
    """They are exported, forgotten, removed when they are old, and counted."""
    ledger.record_events([did("buy", days=3, value=5), did("buy"), did("buy", contact="ben", days=9)])
    assert ledger.stats()["events"] == 3
    assert (
        ledger.export("anna")["events"][0]
        == {
            "event": "buy",
            "at": (AT - 3 * DAY).isoformat(),
            "event_id": None,
            "properties": {"value": 5},
        }
        or len(ledger.export("anna")["events"]) == 2
    )
    table = list(ledger.export_all("events"))
    assert sorted(own["contact_id"] for own in table) == ["anna", "anna", "ben"]
    assert [own["contact"] for own in ledger.export_all("contacts")] == ["anna", "ben"]
    again = MemoryLedger()
    assert again.record_events(table).new == 3
    assert again.record_events([did("buy", days=3, value=5)]).repeated == 1
    assert ledger.prune(AT - 5 * DAY)["events"] == 1
    assert ledger.forget("anna")["events"] == 2
    assert (ledger.stats()["events"], ledger.events("anna")) == (0, [])


def test_the_command_line_reads_a_table_of_them(tmp_path, capsys, monkeypatch):
    """Twice the same changes nothing."""
    monkeypatch.chdir(tmp_path)
    url = "sqlite:///ledger.db"
    with Ledger(url) as made:
        made.upgrade()
    (tmp_path / "events.csv").write_text(
        "contact_id,event,at,campaign_id,value\nanna,buy,2026-11-02T09:00Z,news,12\nanna,,2026-11-02T09:00Z,news,12\n"
    )
    assert main(["ledger", "events", url, "--events", "events.csv"]) == 0
    assert capsys.readouterr().out.startswith(
        "1 events: 1 new, 0 repeated\nbad rows: 1\n  events.csv, row 2, field 'event'"
    )
    assert main(["ledger", "events", url, "--events", "events.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["repeated"] == 1
    assert main(["ledger", "events", url, "--events", "events.csv", "--max-bad", "0"]) == 4
    assert main(["ledger", "export", url, "--what", "events", "--out", "kept.csv"]) == 0
    assert "anna,buy,2026-11-02T09:00:00" in (tmp_path / "kept.csv").read_text()
