"""Credit by the kernels, without them, by brute force and by an as-of join: the same."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from credited import DAY, PLAYBOOK, tables

from journeykit.measuring import Credits, MessageTable, credit

COLUMNS = ("message", "response", "event", "at", "value", "share")


def measured(touches: object, events: object, **more: object) -> tuple[Credits, MessageTable]:
    threads = more.pop("threads", None)
    messages = MessageTable.read(PLAYBOOK, touches, threads=threads, **more)
    return credit(PLAYBOOK, messages, events, threads=threads), messages


def same(one: Credits, other: Credits) -> None:
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "value"), name
    assert one.counts == other.counts


@pytest.fixture
def without_kernels(monkeypatch):
    """As where the extension module is not built."""

    def switch() -> None:
        for name in ("cell_columns", "contact_numbers", "credits", "event_parts", "rows_by_contact"):
            monkeypatch.setattr(f"journeykit.measuring.{name}.has_kernels", lambda: False)

    return switch


@pytest.mark.parametrize("seed", range(4))
def test_kernels_are_not_needed(seed, without_kernels):
    """The same credits, counts and messages without them, with messages before the start and events after the end."""
    given = tables(seed)
    more = {"since": DAY + timedelta(days=2), "until": DAY + timedelta(days=8)}
    found, messages = measured(*given, **more)
    assert {name for own in found.counts for name in own.reasons} >= {"repeated", "after_end", "before", "late"}
    without_kernels()
    others, own = measured(*given, **more)
    same(found, others)
    assert messages.rows.equals(own.rows)
    assert messages.account.tolist() == own.account.tolist()


def test_the_result_depends_on_neither_rows_nor_threads_nor_the_kind_of_table():
    """Rows turned around, one thread or three, and Arrow instead of rows: the same messages and credits."""
    touches, events = tables(11)
    found, messages = measured(touches, events, threads=1)
    again, others = measured(pa.Table.from_pylist(touches[::-1]), events, threads=3)
    same(found, again)
    assert messages.rows["decision_id"].to_pylist() == others.rows["decision_id"].to_pylist()
    backwards, _ = measured(touches, events[::-1])
    assert sorted(backwards.at.tolist()) == sorted(found.at.tolist())
    assert [own.credited for own in backwards.counts] == [own.credited for own in found.counts]


def test_the_last_message_is_that_of_an_as_of_join():
    """DuckDB finds the same message before each event, among messages of different instants."""
    duckdb = pytest.importorskip("duckdb")
    rng = np.random.default_rng(5)
    start = int(DAY.timestamp()) * 1_000_000
    size = 3_000
    sent = pa.table(
        {
            "contact_id": pa.array([f"c{n}" for n in rng.integers(0, 200, size)]),
            "sent_at": pa.array(start + rng.permutation(size) * 600_000_000, pa.timestamp("us", "UTC")),
        }
    )
    told = pa.table(
        {
            "contact_id": pa.array([f"c{n}" for n in rng.integers(0, 210, size)]),
            "event": pa.array(["buy"] * size),
            "at": pa.array(start + rng.integers(0, size * 600, size) * 1_000_000, pa.timestamp("us", "UTC")),
            "event_id": pa.array(np.arange(1, size + 1)),
        }
    )
    found, messages = measured(sent, told)
    last = found.of("last")
    own = dict(zip(last.event.tolist(), messages.at[last.message].tolist(), strict=True))
    duckdb.register("sent", sent)
    duckdb.register("told", told)
    joined = duckdb.sql(
        "select event_id, epoch_us(sent_at) from told asof join sent "
        "on told.contact_id = sent.contact_id and told.at > sent.sent_at "
        "where told.at <= sent.sent_at + interval 3 days"
    ).fetchall()
    assert len(joined) > 1_000
    assert own == dict(joined)


def test_counts_are_plain_data():
    """What became of the events can be written as JSON, and each of them has one reason or is credited."""
    found, _ = measured(*tables(2))
    for count in found.counts:
        data = json.loads(json.dumps(count.to_dict()))
        assert data["events"] == data["credited"] + sum(data["not_credited"].values())
