"""Chunks that would have very many decisions are decided in parts, with the same rows in the same order."""

from __future__ import annotations

from random import Random

import pytest
import tabled
from generate import situation

from journeykit import Arbiter
from journeykit.job import TableJob, chunk_parts, table_reader

MOST = 40


def decided(job):
    """The rows, batch by batch, and the summary."""
    return list(job.batches()), job.summary().to_dict()


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("claimed", [True, False])
def test_parts_of_a_chunk_give_the_rows_of_the_whole(monkeypatch, claimed, held):
    """Contacts, touches, scores and claims stay together, whether the contacts are kept or read again."""
    if not held:
        monkeypatch.setattr(table_reader, "_HELD", -1)
    cuts = 0
    for seed in range(7):
        found = situation(seed)
        if found.playbook.campaigns is None:
            continue
        rng = Random(seed)
        rows = tabled.contacts(rng, found.at, 40)
        history = tabled.touches(rng, found.playbook, found.at, 40)
        scores = tabled.scores(rng, found.playbook, 40)
        asked = tabled.claims(rng, found.playbook, found.at, 40, few=False, faults=False) if claimed else None
        results = []
        for most in (2**22, MOST):
            monkeypatch.setattr(chunk_parts, "MOST_ROWS", most)
            job = TableJob(
                Arbiter(found.playbook), rows, history, scores, asked, at=found.at, run_id="run", everything=True
            )
            results.append(decided(job))
        (whole, told), (parts, said) = results
        assert [row for batch in parts for row in batch.to_pylist()] == [
            row for batch in whole for row in batch.to_pylist()
        ]
        assert said == told
        cuts += len(parts) > len(whole)
    assert cuts > 2


def test_one_contact_with_more_claims_than_a_part_is_a_part(monkeypatch):
    """A part has one contact at least."""
    monkeypatch.setattr(chunk_parts, "MOST_ROWS", 1)
    found = next(own for own in map(situation, range(50)) if own.playbook.campaigns and not own.playbook.quotas)
    rows = [{"contact_id": f"c{n}"} for n in range(5)]
    batches, _ = decided(TableJob(Arbiter(found.playbook), rows, at=found.at, everything=True))
    assert [set(batch["contact_id"].to_pylist()) for batch in batches] == [{f"c{n}"} for n in range(5)]
