"""How many threads decide changes nothing but the time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from journeykit import Arbiter, Campaign, Content, ModelError, Playbook

pytest.importorskip("pyarrow")
pytest.importorskip("journeykit.kernels._core")

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = Playbook(
    content=[Content(id="note", channel="email")],
    campaigns=[Campaign(id="launch", content=["note"], audience="score >= 40")],
)


def test_rows_do_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr("journeykit.tables.arrow.arrow_table.CHUNK", 10)
    contacts = [{"contact_id": n, "score": n % 100, "consent_email": True} for n in range(200)]
    tables = [Arbiter(PLAYBOOK).decide_table(contacts, at=AT, threads=threads) for threads in (None, 1, 2, 7)]
    assert all(table.equals(tables[0]) for table in tables)
    assert tables[0].num_rows == 120


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_threads_are_a_whole_number(threads):
    with pytest.raises(ModelError, match="threads is a whole number from 1 on"):
        Arbiter(PLAYBOOK).decide_table([{"contact_id": 1}], at=AT, threads=threads)
