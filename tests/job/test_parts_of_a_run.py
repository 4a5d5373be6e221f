"""A run in parts: tables are cut by contact in any way, and what the parts count adds up to what the whole counts."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from random import Random

import pyarrow as pa
import pytest
import tabled
from attrs import evolve
from generate import events, lively, situation, with_events, with_experiments, with_exploration

from journeykit import Arbiter, Cap, DataError, Playbook, Window
from journeykit.job import TableJob
from journeykit.job.claim_counts import KINDS, FaultCounts
from journeykit.job.run_counts import RunCounts
from journeykit.model.bad_row import BadRow
from journeykit.tables.bad_row_file import by_contact
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError, read_id

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NOTE = {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "launch", "content": ["note"]}]}
SHARED = Cap(name="shared", max=2, per="account", window=Window.rolling("2d"))


class PartJob(TableJob):
    """A job over a part of the tables, which is told for which campaigns the scores of all parts have what."""

    is_part = True

    def __init__(self, *given, scored=(), **options):
        super().__init__(*given, **options)
        self.reader.scored = scored


def decided(job):
    """A job that has decided all of its contacts."""
    for _ in job.batches():
        pass
    return job


def key_of(row) -> str:
    """The contact of a row, however it is spelt; a row of none belongs to nothing else."""
    try:
        return read_id(row.get("contact_id")) or str(id(row))
    except BadCellError:
        return str(id(row))


def cut(rng, tables, parts, *, by_account):
    """The tables in so many parts, in the order of the rows: whole contacts, or whole accounts, in each."""
    group: dict[str, str] = {}

    def root(name):
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    for row in tables["contacts"] if by_account else ():
        if row["account_id"]:
            group[root(key_of(row))] = root(f"account {row['account_id']}")
    places: dict[str, int] = {}
    found = [{name: [] for name in tables} for _ in range(parts)]
    for name, rows in tables.items():
        for row in rows:
            found[places.setdefault(root(key_of(row)), rng.randrange(parts))][name].append(row)
    return found


def schemas_of(tables) -> dict[str, pa.Schema]:
    """The schema of each table, which all parts have; columns of several kinds are made text."""
    for rows in tables.values():
        for name in {name for row in rows for name in row}:
            kinds = {type(row.get(name)) for row in rows} - {type(None)}
            if len(kinds) > 1 and kinds != {int, float}:
                for row in rows:
                    row[name] = None if row.get(name) is None else str(row[name])
    names = {table: list(dict.fromkeys(name for row in rows for name in row)) for table, rows in tables.items()}
    return {
        table: pa.Table.from_pylist([{name: row.get(name) for name in names[table]} for row in rows]).schema
        for table, rows in tables.items()
    }


def made(seed):
    """A random playbook, now and then with arms, draws, events or caps that accounts share; and tables with faults."""
    kind = seed % 5
    found = with_events(situation(seed)) if kind == 1 else lively(seed)
    if not found.playbook.campaigns:
        return None
    if kind == 2:
        found = with_exploration(with_experiments(found))
    if kind == 3:
        found = found.but(playbook=evolve(found.playbook, caps=[*found.playbook.caps, SHARED]))
    rng, count = Random(seed), 12
    tables = {
        "contacts": tabled.contacts(rng, found.at, count, faults=True),
        "touches": tabled.touches(rng, found.playbook, found.at, count, faults=True),
        "scores": tabled.scores(rng, found.playbook, count) if seed % 2 else (),
        "claims": tabled.claims(rng, found.playbook, found.at, count, few=found.until is not None)
        if seed % 3 == 0
        else (),
        "events": tabled.log(rng, range(2, count + 2), lambda: events(rng, found.at)) if kind == 1 else (),
    }
    return found, {name: rows for name, rows in tables.items() if rows}


def told(facts, counts):
    """All that is said of a run; which of the bad rows were met first is not the same in parts."""
    found = facts.summary(counts).to_dict()
    return {**found, "bad_rows": {**found["bad_rows"], "first": sorted(found["bad_rows"]["first"])}}


def said_by_contact(job) -> RunCounts:
    """What a whole job has counted, with bad rows that say whose they are, as those of parts do."""
    counts = job.counts()
    tables = [(source, job.picker(name)) for name, source in job.sources.items()]
    counts.bad = counts.bad.with_rows(by_contact(counts.bad.first, tables))
    return counts


def merged(jobs, rng) -> RunCounts:
    """What the jobs have counted, sent and merged in any order, some of them beforehand."""
    counts = [pickle.loads(pickle.dumps(job.counts())) for job in jobs]
    rng.shuffle(counts)
    while len(counts) > 1:
        together = RunCounts()
        for _ in range(min(len(counts), rng.choice((2, 3)))):
            together.merge(counts.pop())
        counts.insert(0, together)
    return counts[0]


@pytest.mark.parametrize("start", range(0, 24, 3))
def test_parts_add_up_to_the_whole(start):
    """Summary, calendar and bad rows of any cut, merged in any order, are those of the whole."""
    for seed in range(start, start + 3):
        found = made(seed)
        if found is None:
            continue
        (at, until, playbook), tables = (found[0].at, found[0].until, found[0].playbook), found[1]
        schemas, rng, arbiter = schemas_of(tables), Random(f"cut {seed}"), Arbiter(playbook)

        def arrow(given, schemas=schemas):
            return {name: pa.Table.from_pylist(rows, schemas[name]) for name, rows in given.items()}

        how = {"at": at, "until": until, "threads": 1}
        whole = decided(TableJob(arbiter, **arrow(tables), **how))
        parts = cut(rng, tables, rng.choice((1, 2, 4)), by_account=arbiter.decider.by_account)
        jobs = [decided(PartJob(arbiter, **arrow(part), **how, scored=whole.scored())) for part in parts]
        counts = merged(jobs, rng)
        assert told(jobs[0].facts, counts) == told(whole.facts, said_by_contact(whole)), seed
        if until is not None:
            assert jobs[0].facts.calendar(counts) == whole.calendar()


def test_merging_does_not_change_what_is_merged():
    """Counts can be merged into several sums."""
    job = decided(PartJob(Arbiter(Playbook.from_dict(NOTE)), pa.table({"contact_id": [1, 2]}), at=AT))
    counts, again = job.counts(), pickle.dumps(job.counts())
    sums = RunCounts()
    sums.merge(counts)
    sums.merge(counts)
    assert pickle.dumps(counts) == again
    assert sums.claims.contacts == 4


def test_a_part_is_not_refused_for_what_only_the_whole_tells():
    """A part may have no row that can be used; the whole is refused only where no part has one."""
    arbiter, kinds = Arbiter(Playbook.from_dict(NOTE)), {"contact_id": pa.string(), "timezone": pa.string()}
    rows = [{"contact_id": "anna", "timezone": "Mars/Base"}, {"contact_id": "ben", "timezone": "UTC"}]
    tables = [pa.Table.from_pylist([row], pa.schema(kinds)) for row in rows]
    with pytest.raises(DataError, match="its only row cannot be used"):
        decided(TableJob(arbiter, tables[0], at=AT))
    bad, good = (decided(PartJob(arbiter, table, at=AT, max_bad="10%")) for table in tables)
    counts = RunCounts()
    counts.merge(bad.counts())
    with pytest.raises(DataError, match="its only row cannot be used"):
        bad.facts.refuse(counts)
    counts.merge(good.counts())
    bad.facts.refuse(counts)
    assert str(counts.bad.first[0]).startswith("contacts, contact 'anna', field 'timezone': found 'Mars/Base'; allowed")
    tolerant = RunCounts(bad=BadRows("10%"))
    tolerant.merge(counts)
    with pytest.raises(DataError, match="1 of 2 rows are bad"):
        bad.facts.refuse(tolerant)


def test_touches_that_are_all_bad_are_refused_once_all_parts_are_known():
    """A part's touches may all be bad; where all are, caps would protect nobody."""
    arbiter = Arbiter(Playbook.from_dict(NOTE))
    touches = pa.table({"contact_id": ["anna"], "sent_at": ["soon"], "channel": ["email"]})
    job = decided(PartJob(arbiter, pa.table({"contact_id": ["anna"]}), touches, at=AT))
    with pytest.raises(DataError, match="its only row cannot be used") as raised:
        job.facts.refuse(job.counts())
    assert raised.value.source == "touches"


def test_the_first_bad_rows_are_those_of_the_first_contacts_in_any_order():
    """Each part keeps its first hundred, and one of each table."""
    rng = Random(1)
    rows = [BadRow("contacts", 0, "stage", f"{n}", "a stage", contact=f"{n:04d}") for n in range(600)]
    rows.append(BadRow("touches", 0, "sent_at", "soon", "an instant", contact="9999"))
    wanted = [*rows[:100], rows[-1]]
    for _ in range(5):
        rng.shuffle(rows)
        parts = [BadRows() for _ in range(4)]
        for row in rows:
            one = BadRows()
            one.add(row)
            rng.choice(parts).merge(one)
        found = parts.pop()
        for part in parts:
            found.merge(part)
        assert found.first == wanted
        assert found.total == len(rows)


def test_kinds_of_faults_are_kept_in_the_order_of_their_texts():
    """So many are told apart, the same ones in whatever order they come; the others are one."""
    rng, kinds = Random(1), [f"kind {number:03d}" for number in range(KINDS + 20)] * 3
    for _ in range(5):
        rng.shuffle(kinds)
        parts = [FaultCounts() for _ in range(3)]
        for kind in kinds:
            rng.choice(parts).add(kind, f"{kind}, found 7")
        parts[0].merge(parts[1])
        parts[0].merge(parts[2])
        notes = list(parts[0].notes())
        assert notes[0] == "kind 000, found 7 (3 claims)"
        assert notes[-1] == "claims with other faults (60 claims)"


def test_a_part_with_too_many_bad_rows_says_whose_they_are():
    """Where a part alone has more than are tolerated, numbers of its rows would be those of no table."""
    contacts = pa.table({"contact_id": [7, 9, 4], "timezone": ["Mars/Base", "UTC", "Mars/Base"]})
    with pytest.raises(DataError, match="more bad rows than the 1") as told:
        decided(PartJob(Arbiter(Playbook.from_dict(NOTE)), contacts, at=AT, max_bad=1))
    assert [line.partition(",")[2].partition(",")[0] for line in str(told.value).splitlines()[1:]] == [
        " contact 7",
        " contact 4",
    ]
