"""A row two of whose keys are one name is bad, and yet what it forbids holds, whichever of the two is meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from journeykit import Arbiter, Campaign, Content, Playbook
from journeykit.job import Inputs, Job, TableJob

pytest.importorskip("pyarrow")
pytest.importorskip("journeykit.kernels._core")

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = Playbook(
    content=[Content(id="note", channel="email")],
    campaigns=[Campaign(id="launch", content=["note"], audience="score >= 40")],
)
ANNA = '{"contact_id": "anna", "consent": "email", "score": 50}'
BEN = '{"contact_id": "ben", "consent": "email", "score": 50}'


def granted(source):
    """Who gets a message, by each engine; both count the same bad rows."""
    one = Job(Arbiter(PLAYBOOK), Inputs(contacts=source), at=AT)
    by_row = [contact.id for contact, decision in one.decisions() if decision.granted]
    two = TableJob(Arbiter(PLAYBOOK), source, at=AT, outcomes="granted")
    by_column = [name for batch in two.batches() for name in batch["contact_id"].to_pylist()]
    assert by_column == by_row
    assert one.summary().bad_rows == two.summary().bad_rows == 1
    assert one.summary().bad_first == two.summary().bad_first
    return by_row


FORBIDDING = [
    '{"contact_id": "anna", "opted_out": true, "score": 1, "Score": 2}',
    '{"contact_id": "anna", "opted_out": true, "Opted_Out": false}',
    '{"contact_id": "anna", "opted_out": false, "Opted_Out": true}',
    '{"contact_id": "anna", "opted_out": true, "opted_out": false}',
    '{"contact_id": "anna", "consent_email": true, "Consent_Email": "no"}',
    '{"contact_id": "anna", "Contact_ID": "other", "suppressed": true}',
]


@pytest.mark.parametrize("row", FORBIDDING)
@pytest.mark.parametrize("first", [True, False])
def test_what_it_forbids_holds(tmp_path, row, first):
    path = tmp_path / "contacts.jsonl"
    path.write_text("\n".join([row, ANNA, BEN] if first else [ANNA, BEN, row]) + "\n")
    assert granted(str(path)) == ["ben"]


def test_what_forbids_nothing_takes_nothing_away(tmp_path):
    path = tmp_path / "contacts.jsonl"
    rows = [ANNA, BEN, '{"contact_id": "anna", "score": 1, "Score": 2}']
    path.write_text("\n".join(rows) + "\n")
    assert granted(str(path)) == ["anna", "ben"]


def test_rows_as_mappings_are_read_alike():
    rows = [json.loads(ANNA), json.loads(BEN), {"contact_id": "anna", "opted_out": True, "Opted_Out": False}]
    assert granted(rows) == ["ben"]
