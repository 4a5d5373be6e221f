"""The engine that is quicker: a few contacts are decided before the columnar engine is loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from journeykit import Arbiter, Campaign, Content, Playbook, Quota
from journeykit.job import Inputs
from journeykit.job.quicker_engine import quicker_engine

pytest.importorskip("pyarrow")
pytest.importorskip("journeykit.kernels._core")

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def playbook(campaigns=10, **more):
    asked = [Campaign(id=f"k{n}", content=["note"]) for n in range(campaigns)]
    return Playbook(content=[Content(id="note", channel="email")], campaigns=asked, **more)


@pytest.fixture
def table(tmp_path):
    def write(rows, name="contacts.csv", width=1):
        path = tmp_path / name
        path.write_text("\n".join(["contact_id,note", *(f"c{n},{'x' * width}" for n in range(rows))]) + "\n")
        return path

    return write


def engine(contacts, book=None, *, until=None, out="out.csv", **more):
    inputs = Inputs(contacts=contacts, **more)
    return quicker_engine(inputs, Arbiter(book or playbook()).decider, at=AT, until=until, out=out)


def test_a_few_contacts_are_for_the_row_engine(table):
    assert engine(table(500)) == "one"
    assert engine(table(500, "contacts.jsonl")) == "one"
    assert engine(table(1_000)) == "columns"
    assert engine(table(2_500), playbook(1)) == "columns"
    assert engine(table(500), until=AT + timedelta(days=13)) == "columns"


def test_what_takes_long_to_read_or_needs_arrow_is_for_columns(table, tmp_path):
    assert engine(table(10), touches=table(1_000, "touches.csv", width=500)) == "columns"
    assert engine(table(10), out="out.parquet") == "columns"
    assert engine("-") == "columns"
    assert engine(tmp_path) == "columns"
    assert engine([{"contact_id": "anna"}]) == "columns"
    assert engine(table(10), playbook(quotas=[Quota(name="few", max=1)])) == "columns"


def test_claims_are_counted_where_they_are_given(table):
    claims = table(1_500, "claims.csv")
    assert engine(None, playbook(50), claims=claims) == "one"


def test_without_columns_the_row_engine_is_taken(table, monkeypatch):
    monkeypatch.setattr("journeykit.job.quicker_engine.has_columns", lambda: False)
    assert engine(table(5_000), playbook(50)) == "one"
