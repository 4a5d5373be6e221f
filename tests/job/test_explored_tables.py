"""Tables of a playbook that explores: what is drawn and counted, quotas, and a ledger."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from journeykit import Arbiter, Contact, Playbook
from journeykit.job import Inputs, RowJob
from journeykit.job.table_survey import inspect
from journeykit.ledger import MemoryLedger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NAMES = "abcd"


def world(**more: Any) -> Playbook:
    """Four campaigns, weighed by attributes, of which a contact gets one."""
    return Playbook.from_dict({
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": name, "content": ["note"], "weight": f"w_{name} + 0.5"} for name in NAMES],
        "caps": [{"name": "one", "max": 1, "window": {"rolling": "24h"}}],
        "explore": {"share": 0.3},
        **more,
    })  # fmt: skip


def people(count: int) -> list[dict[str, Any]]:
    rng = Random(3)
    return [
        {"contact_id": f"c{number}", "consent": "email", **{f"w_{name}": round(rng.random() * 3, 2) for name in NAMES}}
        for number in range(count)
    ]


def contact(row: dict[str, Any]) -> Contact:
    own = {name: value for name, value in row.items() if name.startswith("w_")}
    return Contact(id=row["contact_id"], consent=["email"], attributes=own)


def test_tables_draw_as_single_decisions_do(tmp_path):
    """Row for row; the summary says how many were drawn, and the file has the chances."""
    arbiter, rows = Arbiter(world()), people(60)
    job = RowJob(arbiter, Inputs(contacts=rows), at=AT, outcomes="all")
    job.write(tmp_path / "out.csv")
    alone = [arbiter.decide(contact(row), at=AT, run_id=job.run_id) for row in rows]
    drawn = sum(own.vector is not None for own in alone)
    assert 8 < drawn < 30
    assert f"explore: {drawn} of 60 contacts were drawn (uniform, 50 draws)" in job.summary().notes
    with (tmp_path / "out.csv").open(newline="") as file:
        found = [(row["contact_id"], row["campaign_id"], float(row["chance"])) for row in csv.DictReader(file)]
    assert found == [(own.contact, row.campaign, row.chance) for own in alone for row in own.rows]


def test_chances_are_frequencies():
    """Of many contacts, as many grants as the chances add up to: within four standard deviations."""
    playbook = world(explore={"share": 0.5, "draws": 6, "seed": "f"})
    arbiter = Arbiter(playbook)
    rows = [row for person in people(400) for row in arbiter.decide(contact(person), at=AT).rows]
    for name in NAMES:
        own = [row for row in rows if row.campaign == name]
        granted, wanted = sum(row.outcome == "granted" for row in own), sum(row.chance for row in own)
        assert abs(granted - wanted) < 4 * sum(row.chance * (1 - row.chance) for row in own) ** 0.5


def test_hard_quotas_hold_and_unsure_chances_are_counted():
    """Drawn weights compete for seats; whom the quotas settle otherwise than prices would has no chance."""
    quotas = [
        {"name": "seats", "max": 20, "where": {"campaign": "d"}},
        {"name": "worth", "max": 30, "of": "value", "where": {"campaign": "c"}},
    ]
    arbiter, rows = Arbiter(world(quotas=quotas)), people(200)
    pytest.importorskip("highspy")
    job = RowJob(arbiter, Inputs(contacts=rows), at=AT)
    decisions = [own for _, own in job.decisions()]
    assert arbiter.audit_quotas(decisions) == ()
    assert not any(arbiter.audit(own, contact(row)) for own, row in zip(decisions, rows, strict=True))
    assert sum(own.granted[0].campaign == "d" for own in decisions if own.granted) == 20
    unsure = [row for own in decisions for row in own.rows if row.chance is None]
    assert 0 < len(unsure) < 40
    note = f"explore: {len(unsure)} eligible claims have no chance: the quotas settled their contacts otherwise than "
    assert note + "prices alone would" in job.summary().notes
    # All others add up: one message for each contact.
    sums = [sum(row.chance for row in own.rows) for own in decisions if own.rows[0].chance is not None]
    assert all(own == pytest.approx(1) for own in sums)


def test_a_ledger_keeps_chances():
    """What was decided is read again with its chances; a single decision is given again with its vector."""
    with MemoryLedger() as ledger:
        arbiter, rows = Arbiter(world()), people(20)
        job = RowJob(arbiter, Inputs(contacts=rows), at=AT, ledger=ledger, keep_decisions=True)
        decided = {own.contact: own for _, own in job.decisions()}
        job.finish()
        kept = ledger.decision(run_id=job.run_id, contact="c3")
        assert [row.chance for row in kept.rows] == [row.chance for row in decided["c3"].rows]
        first = arbiter.decide(Contact(id="new", consent=["email"]), at=AT, ledger=ledger, key="k")
        again = arbiter.decide(Contact(id="new", consent=["email"]), at=AT, ledger=ledger, key="k")
        assert (again.vector, again.rows) == (first.vector, first.rows)


def test_quotas_that_a_ledger_counts_bind_every_vector():
    """What is left of a quota is a cap: no vector grants more, and so no chance is above what there is."""
    day = {"calendar": "day", "zone": "UTC"}
    quota = {"name": "seats", "max": 1, "where": {"campaign": "d"}, "window": day}
    arbiter = Arbiter(world(quotas=[quota], explore={"share": 0.9}))
    with MemoryLedger() as ledger:
        rows = people(12)
        found = [arbiter.decide(contact(row), at=AT, ledger=ledger) for row in rows]
    gone = False
    for own in found:
        seat = own.row("d")
        assert not gone or seat.chance == 0
        gone = gone or seat.outcome == "granted"
        assert sum(row.chance for row in own.rows) == pytest.approx(1)
    assert gone


def test_thompson_without_spreads_is_told():
    """By a run and by a look at its tables; with the column it is not."""
    playbook = world(explore={"share": 0.5, "method": "thompson"})
    note = "explore: neither scores nor claims have the column 'spread': thompson draws nothing"
    for spread, notes in (({}, [note]), ({"Spread": 0.1}, [])):
        scores = [{"contact_id": "c1", "campaign_id": "a", "propensity": 0.5, **spread}]
        job = RowJob(Arbiter(playbook), Inputs(contacts=people(3), scores=scores), at=AT)
        assert len(list(job.decisions())) == 3
        assert [own for own in job.summary().notes if "spread" in own] == notes
        assert [*inspect(playbook, {"scores": scores}).notes] == notes
    assert inspect(playbook, {"contacts": people(3)}).notes == ()
