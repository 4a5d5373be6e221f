"""Slices: tables that are cut by contact are decided as the whole is. These tests need no Spark."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pyarrow as pa
import pytest
from parity import Case, cases, in_order

from journeykit import Arbiter, ModelError, Playbook, PolicyError
from journeykit.job import TableJob
from journeykit.model.prices import Prices
from journeykit.model.tripped_guards import TrippedGuards
from journeykit.policies import Weighted
from journeykit.spark import slice_job
from journeykit.spark.shipped_arbiter import ShippedArbiter
from journeykit.spark.slice_job import SliceDecider, SliceJob, plain_schema


def cut(table, key_of):
    """A table in three parts, by contact."""
    keys = [key_of(str(own).strip()) for own in table["contact_id"].to_pylist()]
    return [table.filter(pa.array([key == own for key in keys])) for own in range(3)]


def decided(case, tables, scored, run_id):
    """The rows of slices, as a worker gives them."""
    ids = tables[0].get("contacts", tables[0].get("claims")).schema.field("contact_id").type
    schema = plain_schema(ids if "contacts" in tables[0] and pa.types.is_integer(ids) else pa.string(), COLUMNS)
    shipped = ShippedArbiter.of(case.arbiter)
    worker = SliceDecider(shipped, iter, case.options | {"run_id": run_id}, schema, scored)
    batches = list(worker.decided((SliceJob(shipped.arbiter(), **worker.given(own)) for own in tables), set()))
    assert all(batch.num_rows <= slice_job.MOST_GIVEN for batch in batches)
    return pa.Table.from_batches(batches, schema)


COLUMNS = list(plain_schema(pa.string()).names)


@pytest.mark.parametrize("start", range(0, 45, 15))
def test_slices_are_decided_as_the_whole_is(start, monkeypatch):
    """Random playbooks and tables with faults, cut in three by contact: every row is that of one job over all."""
    monkeypatch.setattr(slice_job, "MOST_GIVEN", 5)
    for case in cases(range(start, start + 15)):
        whole = TableJob(case.arbiter, **case.tables, **case.options)
        wanted = pa.Table.from_batches(list(whole.batches()))
        key_of = lambda name, seed=case.seed: Random(f"{name} {seed}").randrange(3)  # noqa: E731
        parts = [cut(own, key_of) for own in case.tables.values()]
        slices = [dict(zip(case.tables, own, strict=True)) for own in zip(*parts, strict=True)]
        found = decided(case, slices, frozenset(whole.scored()), whole.run_id)
        assert in_order(found) == in_order(wanted)


def test_a_slice_without_scores_of_a_campaign_knows_that_others_have_some():
    """Whether a campaign's claims need a score is for the whole table to say."""
    playbook = Playbook.from_dict(
        {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "news", "content": ["note"]}]}
    )
    contacts = pa.table({"contact_id": ["a"], "consent_email": [True]})
    scores = pa.table({"contact_id": ["b"], "campaign_id": ["news"], "propensity": [0.5]}).slice(1)
    at = Case(0).options["at"]
    for scored, reason in ((frozenset(), "granted"), ({("news", "propensity")}, "missing_data")):
        job = SliceJob(Arbiter(playbook), contacts=contacts, scores=scores, at=at, everything=True, scored=scored)
        assert [own for batch in job.batches() for own in batch["reason"].to_pylist()] == [reason]


def test_an_arbiter_travels_by_text_and_names():
    """The arbiter that arrives has the playbook, the policies, and all else; and a process compiles it once."""
    playbook = Playbook(name="harmony", policy="mine")
    prices = Prices(playbook.fingerprint)
    guards = TrippedGuards(playbook=playbook.fingerprint, until=datetime(2026, 11, 5, tzinfo=UTC))
    own = Arbiter(playbook, {"mine": Weighted()}, prices, node_budget=7, guards=guards)
    found = ShippedArbiter.of(own).arbiter()
    for name in ("playbook", "fingerprint", "policy_identity", "prices", "node_budget", "guards"):
        assert getattr(found, name) == getattr(own, name)
    assert ShippedArbiter.of(own).arbiter() is found


class _Nested:
    class Stubborn(Weighted):
        def __reduce__(self):
            raise TypeError("it holds a connection")


def test_what_executors_cannot_import_is_refused_by_name():
    """A policy of the program that is run, of a function, or that cannot be pickled: its name is told."""

    class Local(Weighted):
        pass

    script = type("Script", (Weighted,), {"__module__": "__main__"})
    for policy, said in ((Local(), "Local"), (script(), "__main__"), (_Nested.Stubborn(), "connection")):
        with pytest.raises(PolicyError, match=rf"policy 'mine' cannot be sent to executors: .*{said}.*--py-files"):
            ShippedArbiter.of(Arbiter(Playbook(policy="mine"), {"mine": policy}))


def test_another_version_on_an_executor_is_refused():
    """An executor with another version reads the playbook otherwise, maybe."""
    from attrs import evolve

    from journeykit import DataError

    shipped = evolve(ShippedArbiter.of(Arbiter(Playbook(name="old"))), version="0.0.1")
    with pytest.raises(DataError, match=r"the driver has 0\.0\.1"):
        shipped.arbiter()


def test_only_an_arbiter_is_shipped():
    """A playbook is not yet an arbiter."""
    with pytest.raises(ModelError, match="arbiter must be an Arbiter, found Playbook"):
        ShippedArbiter.of(Playbook())
