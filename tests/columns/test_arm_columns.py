"""Arms over columns: the same arms, and the same rows, as one contact after the other gives."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
import pytest
import tabled
from attrs import evolve
from generate import experiments_for, lively, quotas, with_experiments
from hypothesis import given, settings
from hypothesis import strategies as st
from test_one_equals_columns import AT, assert_equal

from journeykit import Arbiter, Arm, Contact, Experiment, InfeasibleError, Playbook
from journeykit.columns import arm_numbers
from journeykit.columns.arm_numbers import ArmColumns
from journeykit.job import chunk_parts
from journeykit.playbook.experiment_arms import ArmAssignment


def tables(found, count=10):
    """Contacts, touches and scores of a situation; some contacts have limits of their own."""
    rng = Random(found.seed)
    rows, history = tabled.contacts(rng, found.at, count), tabled.touches(rng, found.playbook, found.at, count)
    for row in rows:
        row["weekly"] = rng.choice((None, 0, 1, 2))
    return rows, history, tabled.scores(rng, found.playbook, count) if found.seed % 3 == 0 else None


def some(start, number):
    """Situations with experiments."""
    for seed in range(start, start + number):
        found = lively(seed)
        if found.playbook.campaigns is not None:
            yield with_experiments(found)


@pytest.mark.parametrize("start", range(0, 24, 6))
def test_derived_claims_are_decided_alike_in_arms(start):
    """Random playbooks with random experiments, plans among them: the whole table and summary."""
    for found in some(start, 6):
        assert_equal(found.playbook, *tables(found), at=found.at, until=found.until, explain=found.seed % 4 == 0)


@pytest.mark.parametrize("start", range(6000, 6016, 8))
def test_claims_that_are_given_are_decided_alike_in_arms(start):
    """Claims with weights, dates and ids of their own."""
    for found in some(start, 8):
        few = found.until is not None
        claims = tabled.claims(Random(found.seed), found.playbook, found.at, 10, few=few, faults=False)
        assert_equal(found.playbook, *tables(found), claims, at=found.at, until=found.until)


@pytest.mark.parametrize("start", range(7000, 7009, 3))
def test_quotas_are_kept_alike_in_arms(start):
    """Each arm on its share, in both engines; where an arm's share cannot be kept, both refuse."""
    for found in some(start, 3):
        own = quotas(Random(-found.seed), found.playbook, found.at.date())
        playbook = evolve(found.playbook, quotas=own, on_infeasible="relax" if found.seed % 3 else "refuse")
        try:
            assert_equal(playbook, *tables(found, 12), at=found.at, until=found.until)
        except InfeasibleError as error:
            assert "with their share" in str(error)  # noqa: PT017


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(max_examples=60)
@given(st.lists(names, max_size=20), st.integers(0, 1000), st.booleans())
def test_columns_put_contacts_into_the_same_arms(ids, seed, by_account):
    """By contact, and by account where a cap counts per account."""
    caps = [{"name": "cap", "max": 1, "window": "ever", "per": "account"}] if by_account else []
    playbook = Playbook.from_dict({"caps": caps})
    playbook = evolve(playbook, experiments=experiments_for(Random(seed), playbook, AT.date()))
    accounts = [name[:1] if place % 3 else None for place, name in enumerate(ids)]
    contacts = [Contact(id=name, account=account) for name, account in zip(ids, accounts, strict=True)]
    assignment, columns = ArmAssignment(playbook), ArmColumns(playbook)
    known = pa.array(accounts, pa.string())
    if seed % 2:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arm_numbers, "has_kernels", lambda: False)
            assert columns.texts(ids, known).to_pylist() == [assignment.arm_of(contact) for contact in contacts]
    assert columns.texts(ids, known).to_pylist() == [assignment.arm_of(contact) for contact in contacts]
    first = playbook.experiments[0]
    keys = [assignment.key_of(contact.id, contact.account) for contact in contacts]
    assert columns.of_experiment(first.name, ids, known).tolist() == [first.place_of(key) for key in keys]


def test_chunks_and_threads_change_nothing(monkeypatch):
    """The rows of arms come in the order of the contacts, however the table is cut."""
    found = next(own for own in some(40, 20) if own.until is None)
    arms = [Arm(name=f"{n}", share=0.25) for n in range(4)]
    playbook = evolve(found.playbook, experiments=[*found.playbook.experiments, Experiment(name="aa", arms=arms)])
    rows, history, scores = tables(found, 60)

    def table(**how):
        return Arbiter(playbook).decide_table(rows, history, scores, at=found.at, everything=True, **how)

    whole = table(threads=1).to_pylist()
    monkeypatch.setattr(chunk_parts, "MOST_ROWS", 40)
    assert table(threads=3).to_pylist() == whole
    assert len({row["arm"] for row in whole}) > 4
    order = {name: place for place, name in enumerate(str(row["contact_id"]) for row in rows)}
    numbers = ArmColumns(playbook)
    expected = dict.fromkeys(numbers.names, 0)
    for name in numbers.texts([str(row["contact_id"]) for row in rows]).to_pylist():
        expected[name] += 1
    told = []
    table(summary=told.append)
    assert {name: own["contacts"] for name, own in told[0].arms.items()} == {
        name or "(none)": count for name, count in expected.items() if count
    }
    assert (np.diff([order[str(row["contact_id"])] for row in whole]) >= 0).all()


def test_nobody_of_any_arm_gets_a_row():
    """Of contacts who all opted out nothing is granted, and a table of grants is empty."""
    arms = [Arm(name=name, share=0.5) for name in ("one", "two")]
    campaign = {"id": "news", "content": ["note"]}
    playbook = Playbook.from_dict({"content": [{"id": "note", "channel": "email"}], "campaigns": [campaign]})
    rows = [{"contact_id": f"c{number}", "consent": ["email"], "opted_out": True} for number in range(20)]
    playbook = evolve(playbook, experiments=[Experiment(name="trial", arms=arms)])
    assert Arbiter(playbook).decide_table(rows, at=AT).num_rows == 0
    assert Arbiter(playbook).decide_table(rows, at=AT, everything=True).num_rows == 20
