"""Names of events that rests and rules ask for, and those that a table has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from journeykit import Arbiter, Contact, DataError, Playbook
from journeykit.cli import main
from journeykit.journey import Event
from journeykit.ledger import MemoryLedger

pytest.importorskip("pyarrow")
from journeykit.job import TableJob
from journeykit.job.tables_by_rows import TablesByRows

ENGINES = {"rows": TablesByRows, "columns": TableJob}
AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
BOOK = Playbook.from_dict(
    {
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": "news", "content": ["note"]}],
        "rests": [{"name": "peace", "event": "complaint", "for": "30d"}],
    }
)
ANNA = [{"contact_id": "anna", "consent": ["email"]}]


def told(name: str, engine: str, **how: object) -> tuple[list[str], list[str], list[str]]:
    """The reasons, the mismatches and the notes of a run whose table has one event."""
    events = [{"contact_id": "anna", "event": name, "at": AT - timedelta(days=1)}]
    job = ENGINES[engine](Arbiter(BOOK), ANNA, events=events, at=AT, everything=True, **how)
    rows, summary = job.table().to_pylist(), job.summary()
    return [row["reason"] for row in rows], [str(own) for own in summary.mismatches], list(summary.notes)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_near_is_told_and_what_nobody_did_too(engine):
    """In the summary of a run, with the number of rows; a strict run refuses the first."""
    note = "none of the events is complaint, which rules or rests ask for"
    wanted = "events: event 'complaints' (1 row) is not in what rules and rests ask for; did you mean 'complaint'?"
    assert told("complaints", engine) == (["granted"], [wanted], [note])
    assert told("opened", engine) == (["granted"], [], [note])
    assert told("complaint", engine) == (["resting"], [], [])
    with pytest.raises(DataError, match="did you mean 'complaint'"):
        told("complaints", engine, strict=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_names_differ_in_case_and_blanks_as_other_words_do(engine):
    """They are the event that is meant, and told; alone, and beside one that is written as the playbook does."""
    wanted = (["resting"], ["events: event 'Complaint' (1 row) is read as 'complaint'"], [])
    assert told("Complaint", engine) == wanted
    assert told("Complaint", engine, strict=True) == wanted
    anna = Contact(id="anna", consent="email")
    (row,) = Arbiter(BOOK).decide(anna, at=AT, events=[Event("COMPLAINT", AT)]).rows
    assert str(row.reason) == "resting"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_strict_run_needs_events(engine, tmp_path, capsys):
    """Without them nobody rests: refused, with what to do; those that a ledger keeps will do."""
    arbiter, ledger = Arbiter(BOOK), MemoryLedger()
    how = {"at": AT, "strict": True}
    for given in ({}, {"ledger": ledger}):
        with pytest.raises(DataError, match=r"nobody rests: peace\ngive a table of events \(--events\)"):
            ENGINES[engine](arbiter, ANNA, **how, **given)
    ledger.record_events([{"contact_id": "anna", "event": "complaint", "at": AT}])
    job = ENGINES[engine](arbiter, ANNA, **how, ledger=ledger, everything=True)
    assert [row["reason"] for row in job.table().to_pylist()] == ["resting"]
    assert job.summary().notes == ()
    playbook, contacts = tmp_path / "book.json", tmp_path / "contacts.csv"
    playbook.write_text('{"rests": [{"name": "peace", "event": "complaint", "for": "30d"}]}')
    contacts.write_text("contact_id\nanna\n")
    command = ["decide", str(playbook), "--contacts", str(contacts), "--at", "2026-11-05T10:00Z", "--strict"]
    assert main([*command, "--out", str(tmp_path / "out.csv"), "--engine", {"rows": "one"}.get(engine, engine)]) == 4
    assert "nobody rests: peace" in capsys.readouterr().err
