"""Tasks write decisions themselves: the rows of a local run, from the attempts that count, whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from attrs import evolve, frozen
from parity import Case, frames, in_order
from test_run_summary import assert_told_alike, local_job

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.spark import RunSummary, decide
from journeykit.spark.decision_files import DecisionFiles
from journeykit.spark.output_folder import FolderStage, OutputFolder
from journeykit.spark.shipped_arbiter import ShippedArbiter
from journeykit.spark.slice_job import SliceDecider, SliceJob, plain_schema

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NOTE = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "launch", "content": ["note"], "team": "growth"}],
    "on_missing": {"consent": "allow"},
}
CONTACTS = pa.table({"contact_id": pa.array(["a", "b"]), "timezone": pa.array(["UTC", "Mars/Base"])})


def read(folder):
    """The rows of a folder or a file, as all readers see them, in one order."""
    return in_order(ds.dataset(folder, partitioning="hive").to_table())


def names(folder):
    """All that is in a folder, hidden or not."""
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def decided(spark, case, out, **more):
    """The case, decided in three tasks into a folder."""
    how = case.options | {"partitions": 3, "order_by": "nr", "out": out, **more}
    return decide(spark, case.arbiter, **frames(spark, case.tables), **how)


def locally(case, out, **more):
    """The case, decided by a local run."""
    return case.arbiter.decide_table(**({"contacts": None} | case.tables), **case.options, out=out, **more)


@pytest.mark.parametrize("partition", [None, "day"])
def test_files_have_the_rows_and_types_of_a_local_run(spark, tmp_path, partition):
    """A random playbook with arms, a plan and faults: rows, types, folders and summary; done again, it is replaced."""
    case, told = Case(12, people=30), RunSummary()
    own, local = tmp_path / "spark" / "own", tmp_path / ("local" if partition else "local.parquet")
    locally(case, local, partition=partition)
    decided(spark, case, own, partition=partition)
    found = decided(spark, case, own, partition=partition, summary=told)
    assert read(own) == read(local)
    one, other = (next(folder.rglob("*.parquet")) if folder.is_dir() else folder for folder in (own, local))
    assert pq.read_schema(one).equals(pq.read_schema(other))
    if partition:
        assert {name.partition("/")[0] for name in names(own)} - {"_SUCCESS"} == {path.name for path in local.iterdir()}
    assert found.to_dict() == told.get.to_dict()
    assert_told_alike(told, local_job(case.arbiter, case.tables, **case.options))
    assert [path.name for path in own.parent.iterdir()] == ["own"]


@frozen
class FailingFiles(DecisionFiles):
    """Where tasks write that fail once, when all is written."""

    def begin(self):
        """The files of an attempt."""
        from pyspark import TaskContext

        found = super().begin()
        if TaskContext.get().attemptNumber() == 0:
            found.written = failed
        return found


def failed():
    """The machine is gone."""
    raise OSError("the machine is gone")


def failing(stage):
    """What tasks of a stage are told that fail once."""
    own = stage.folder
    return FailingFiles(own.system, stage.attempts, own.columns, own.partitioning)


def test_attempts_that_fail_leave_nothing(spark, tmp_path, monkeypatch):
    """Each task fails once, with all its files written: the rows are there once."""
    case = Case(13, people=30)
    monkeypatch.setattr(FolderStage, "files", property(failing))
    summary = decided(spark, case, tmp_path / "own")
    locally(case, tmp_path / "local.parquet")
    assert read(tmp_path / "own") == read(tmp_path / "local.parquet")
    assert sum(pq.read_metadata(path).num_rows for path in tmp_path.glob("own/*.parquet")) == sum(
        summary.outcomes.values()
    )
    assert set(names(tmp_path)) == {"local.parquet", *(f"own/{name}" for name in names(tmp_path / "own"))}


def test_too_many_bad_rows_and_what_is_in_the_way_are_refused(spark, tmp_path):
    """Nothing is written then, and what is there stays; places that pyarrow does not reach are named."""
    arbiter, contacts = Arbiter(Playbook.from_dict(NOTE)), spark.createDataFrame(CONTACTS)
    out = tmp_path / "own"
    assert decide(spark, arbiter, contacts, at=AT, out=out).outcomes == {"granted": 1}
    before = names(tmp_path)
    for most in (0, "10%"):
        with pytest.raises(DataError, match=r"Mars/Base"):
            decide(spark, arbiter, contacts, at=AT, out=out, max_bad=most)
    assert names(tmp_path) == before
    (out / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(DataError, match=r"the folder holds 'notes.txt', which is no part of a table of decisions"):
        decide(spark, arbiter, contacts, at=AT, out=out)
    (out / "notes.txt").unlink()
    with pytest.raises(DataError, match="the contacts are read there, and the decisions would overwrite them"):
        decide(spark, arbiter, spark.read.parquet(str(out)), at=AT, out=out)
    with pytest.raises(ModelError, match="which pyarrow does not reach from here"):
        decide(spark, arbiter, contacts, at=AT, out="wasbs://box@account/decisions")
    with pytest.raises(ModelError, match="give out too"):
        decide(spark, arbiter, contacts, at=AT, partition="team")
    assert decide(spark, arbiter, contacts.limit(0), at=AT, out=out, partition="team").contacts == 0
    assert names(tmp_path) == ["own/_SUCCESS", "own/part-0.parquet"]


def test_runs_with_quotas_are_written(spark, tmp_path):
    """What quotas leave is written as it is given: the rows of a local run."""
    quota = {"name": "seats", "max": 7, "where": {"campaign": "launch"}}
    arbiter = Arbiter(Playbook.from_dict({**NOTE, "quotas": [quota]}))
    contacts = pa.table({"contact_id": pa.array(range(20), pa.int64())})
    found = decide(spark, arbiter, spark.createDataFrame(contacts), at=AT, partitions=2, out=tmp_path / "own")
    assert found.outcomes["granted"] == 7
    arbiter.decide_table(contacts, at=AT, out=tmp_path / "local.parquet")
    assert read(tmp_path / "own") == read(tmp_path / "local.parquet")


def test_connect_writes_the_same(connect, tmp_path):
    """Over Spark Connect the tasks tell what they have written beside what they have counted."""
    arbiter = Arbiter(Playbook.from_dict(NOTE))
    found = decide(connect, arbiter, connect.createDataFrame(CONTACTS), at=AT, out=tmp_path / "own", partition="team")
    assert found.outcomes == {"granted": 1}
    assert pq.read_table(tmp_path / "own")["team"].to_pylist() == ["growth"]


# Without Spark


def written(stage):
    """The rows of an attempt that decides `CONTACTS`, as the driver gets them."""
    shipped = ShippedArbiter.of(Arbiter(Playbook.from_dict(NOTE)))
    worker = SliceDecider(shipped, iter, {"at": AT, "run_id": "r"}, plain_schema(pa.string())).writing(stage.files)
    jobs = [SliceJob(shipped.arbiter(), **worker.given({"contacts": CONTACTS})) for _ in range(2)]
    (batch,) = worker.decided(jobs, set())
    return batch.to_pylist()


class Store:
    """A file system without folders, as far as its users see, in one that has some."""

    type_name = "store"

    def __init__(self, system):
        self.system = system

    def __getattr__(self, name):
        return getattr(self.system, name)

    def move(self, source, target):
        """A file comes to another place, wherever that is."""
        self.system.create_dir(str(Path(target).parent))
        self.system.move(source, target)

    def open_output_stream(self, path):
        """A file, wherever it is."""
        self.system.create_dir(str(Path(path).parent))
        return self.system.open_output_stream(path)


@pytest.mark.parametrize("has_folders", [True, False])
def test_of_two_attempts_at_once_one_counts(tmp_path, monkeypatch, has_folders):
    """Speculation: the other's files go away, and a late one finds no folder; in stores without folders too."""
    pytest.importorskip("pyspark")
    monkeypatch.setattr(OutputFolder, "is_local", False)
    box = tmp_path / "box"
    box.mkdir()
    folder = OutputFolder.of(box / "own", tuple(plain_schema(pa.string()).names), "team", "UTC")
    if not has_folders:
        folder = evolve(folder, system=Store(folder.system))
    for _ in range(2):
        with folder.filling() as stage:
            one, other = written(stage), written(stage)
            assert one[0]["attempt"] != other[0]["attempt"]
            stage.take(other)
        assert names(box) == ["own/_SUCCESS", "own/team=growth/part-0.parquet"]
        assert pq.read_table(folder.path).num_rows == 2
    if has_folders:
        with pytest.raises(FileNotFoundError):
            written(stage)
    with folder.filling() as stage:
        rows = written(stage)
        with pytest.raises(DataError, match="write to a place that all machines share"):
            stage.take([{**rows[0], "attempt": "gone"}])
        stage.take(rows)
    (box / "own" / "team=growth" / "mine.csv").touch()
    with pytest.raises(DataError, match=r"the folder holds 'team=growth/mine.csv', which is no part"), folder.filling():
        pass
    assert not list(box.glob(".*"))
