"""Contacts that are settled plainly are decided as all others are, to the byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import tabled
from attrs import evolve
from generate import situation

from journeykit import Arbiter, Campaign, Cap, Content, OnMissing, Playbook, Window
from journeykit.columns import columnar_engine
from journeykit.columns.worker import Worker
from journeykit.job import Inputs, Job, TableJob
from journeykit.tables import decision_cells

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAIN_WINDOWS = ("rolling", "days", "calendar", "ever")


@pytest.fixture
def general(monkeypatch):
    """Switches the plain path off, and on again; and counts what it settles."""
    found = columnar_engine.are_plain
    settled = []
    decide = Worker.decide

    def counted(worker, *given):
        answers = decide(worker, *given)
        if hasattr(worker, "plain"):
            settled.append((int(worker.plain.used[2]), given[0].rows))
        return answers

    monkeypatch.setattr(Worker, "decide", counted)

    def switch(*, off):
        monkeypatch.setattr(columnar_engine, "are_plain", (lambda rules: False) if off else found)
        return settled

    return switch


def told(playbook, rows, history, scores=None, *, at, everything):
    """All rows and the whole summary of a job."""
    job = TableJob(Arbiter(playbook), rows, history, scores, at=at, run_id="run", everything=everything)
    table = job.table()
    return table, job.summary().to_dict()


def assert_alike(general, playbook, rows, history, scores=None, *, at):
    """The plain path and the general one give the same."""
    for everything in (True, False):
        settled = general(off=False)
        plain = told(playbook, rows, history, scores, at=at, everything=everything)
        general(off=True)
        wanted = told(playbook, rows, history, scores, at=at, everything=everything)
        assert plain[0] == wanted[0]
        assert plain[1] == wanted[1]
    return settled


def plain_situation(seed):
    """A random situation without what ties claims together."""
    found = situation(seed)
    playbook = found.playbook
    if playbook.campaigns is None:
        return None
    caps = [cap for cap in playbook.caps if cap.window.kind in PLAIN_WINDOWS]
    return evolve(found, until=None, playbook=evolve(playbook, caps=caps, conflicts=[], requirements=[], quotas=[]))


@pytest.mark.parametrize("start", range(0, 40, 20))
def test_plain_playbooks_are_decided_as_by_the_general_path(general, start):
    """Random playbooks of caps over time, audiences, hours, consent, holdouts, tiers and own limits."""
    settled = []
    for seed in range(start, start + 20):
        found = plain_situation(seed)
        if found is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 12), tabled.touches(rng, found.playbook, found.at, 12)
            scores = tabled.scores(rng, found.playbook, 12) if seed % 3 == 0 else None
            settled = assert_alike(general, found.playbook, rows, history, scores, at=found.at)
    # Caps that cross, and touches of the future, are left to the general path.
    assert sum(own for own, _ in settled) > sum(rows for _, rows in settled) // 3


def test_plain_playbooks_are_decided_as_by_the_row_engine(general):
    """The same rows as one contact after the other."""
    for seed in range(500, 515):
        found = plain_situation(seed)
        if found is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 6), tabled.touches(rng, found.playbook, found.at, 6)
            job = Job(Arbiter(found.playbook), Inputs(contacts=rows, touches=history), at=found.at, run_id="run")
            wanted = [decision_cells(row) for _, decision in job.decisions() for row in decision.rows]
            general(off=False)
            table, summary = told(found.playbook, rows, history, at=found.at, everything=True)
            cells = zip(*(column.to_pylist() for column in table.columns), strict=True)
            found_rows = [tuple(tuple(cell) if isinstance(cell, list) else cell for cell in row) for row in cells]
            assert found_rows == [tuple(tuple(c) if isinstance(c, list) else c for c in row) for row in wanted]
            assert summary["outcomes"] == job.summary().to_dict()["outcomes"]


def many_campaigns(count, **options):
    """A playbook of so many campaigns in four channels, with two caps."""
    channels = ("email", "sms", "push", "phone")
    return Playbook(
        content=[Content(id=f"c{n}", channel=channels[n % 4]) for n in range(count)],
        campaigns=[
            Campaign(id=f"k{n}", content=[f"c{n}"], weight=1 + n * 7 % 31, audience=f"score >= {n % 90}", repeat=None)
            for n in range(count)
        ],
        caps=[
            Cap(name="any", max=2, window=Window.rolling(days=7)),
            Cap(name="channel", by=("channel",), max=1, window=Window.calendar("day")),
        ],
        on_missing=OnMissing(consent="allow"),
        **options,
    )


def test_more_than_64_campaigns_are_several_words_of_bits(general):
    """With 150 campaigns, all rows and counts are the same, and everybody is settled plainly."""
    rng = Random(4)
    rows = [{"contact_id": f"p{n}", "score": rng.randrange(100)} for n in range(40)]
    history = [
        {
            "contact_id": f"p{rng.randrange(40)}",
            "sent_at": AT - timedelta(hours=rng.randrange(300)),
            "channel": "email",
            "campaign_id": "k3",
        }
        for _ in range(60)
    ]
    settled = assert_alike(general, many_campaigns(150), rows, history, at=AT)
    assert {own == rows for own, rows in settled} == {True}


def test_rows_that_do_not_fit_are_made_in_parts(general, monkeypatch):
    """Where the space for rows runs out, the next part goes on with the same contact."""
    from journeykit.columns import worker

    monkeypatch.setattr(worker, "BLOCK", 50)
    rows = [{"contact_id": f"p{n}", "score": n} for n in range(100)]
    assert_alike(general, many_campaigns(30), rows, [], at=AT)


def test_a_contact_may_have_as_many_claims_as_there_is_room_for_rows(general, monkeypatch):
    """Where a block is no larger than the claims of one contact, there is room for all of them at once."""
    from journeykit.columns import worker

    monkeypatch.setattr(worker, "BLOCK", 1)
    rows = [{"contact_id": f"p{n}", "score": n} for n in range(5)]
    assert_alike(general, many_campaigns(30), rows, [], at=AT)


def test_what_no_zone_changes_is_worked_out_once(general, monkeypatch):
    """Time zones that are met chunk by chunk ask for instants anew, and for no weights; rows are the same."""
    from journeykit.columns import plain_rules
    from journeykit.tables.arrow import arrow_table

    monkeypatch.setattr(arrow_table, "CHUNK", 3)
    found, weights = plain_rules._weights, []
    monkeypatch.setattr(plain_rules, "_weights", lambda rules: weights.append(rules) or found(rules))
    zones = ("Europe/Berlin", "Asia/Tokyo", "America/New_York", "Europe/London")
    rows = [{"contact_id": f"p{n}", "score": n, "timezone": zones[n // 5]} for n in range(20)]
    history = [{"contact_id": f"p{n}", "sent_at": AT - timedelta(hours=n), "channel": "email"} for n in range(20)]
    assert_alike(general, many_campaigns(20), rows, history, at=AT)
    # Once for each of the two runs by the plain path.
    assert len(weights) == 2


def test_counts_of_many_contacts_do_not_overflow(general):
    """A counter of 16 bits is emptied before it is full."""
    playbook = many_campaigns(3)
    rows = [{"contact_id": str(n), "score": -1} for n in range(66_000)]
    general(off=False)
    _, summary = told(playbook, rows, [], at=AT, everything=False)
    assert summary["reasons"]["not_in_audience"] == 198_000
