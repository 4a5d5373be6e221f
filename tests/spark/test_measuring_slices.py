"""What workers do with slices of placements and credit: any cut and any order give the same. These need no Spark."""

from __future__ import annotations

import pickle
from datetime import timedelta
from random import Random
from typing import Any

import credited
import letters
import pandas as pd
import pyarrow as pa
import pytest
from attrs import evolve
from measured_tables import AT, JOURNEY, first_rows, places
from parity import table

from journeykit import DataError
from journeykit.basics.clock import micros
from journeykit.measuring import MessageTable, credit
from journeykit.model.bad_row import BadRow
from journeykit.placing import place
from journeykit.spark.credit_work import CreditWork
from journeykit.spark.history_work import HistoryWork
from journeykit.spark.placing_work import PlacingWork
from journeykit.spark.row_order import ORDERS, events_in_order
from journeykit.spark.slice_bad_rows import SliceBadRows
from journeykit.spark.slice_run import need_frames
from journeykit.spark.tally_facts import CreditFacts, PlacingFacts
from journeykit.tables import BadRows


def slices(tables: dict[str, pa.Table | None], pick: Random, parts: int = 3) -> list[dict[str, pa.Table]]:
    """Tables in parts of whole contacts, their rows in any order, which `SliceReader` puts in its own."""
    part_of: dict[str, int] = {}
    found: list[dict[str, pa.Table]] = [{} for _ in range(parts)]
    for name, given in tables.items():
        if given is not None:
            own = given.take(pick.sample(range(len(given)), len(given)))
            ids = [str(cell).strip() for cell in own["contact_id"].to_pylist()]
            numbers = [part_of.setdefault(cell, pick.randrange(parts)) for cell in ids]
            for part in range(parts):
                rows = own.filter(pa.array([number == part for number in numbers]))
                found[part][name] = ORDERS[name](rows, (("version", True),)) if name in ORDERS else rows
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("has_contacts", [True, False])
def test_slices_are_placed_as_the_whole_is(seed: int, has_contacts: bool) -> None:
    """The rows, and the summary but for numbers of rows: these say whose they are."""
    pick, tables = Random(seed), places(40)
    if not has_contacts:
        del tables["contacts"]
    local = JOURNEY.place_table(**{"contacts": None} | first_rows(tables), at=AT)
    work = pickle.loads(pickle.dumps(PlacingWork(journey=JOURNEY, at=AT)))
    facts = PlacingFacts(journey=JOURNEY, at=AT, tables=frozenset(tables), notes=local.summary.notes)
    found, tally = [], facts.none(BadRows())
    for own in slices(tables, pick):
        rows, counted = work(own)
        found += rows.to_pylist()
        tally.merge(pickle.loads(pickle.dumps(counted)))
    assert sorted(map(str, found)) == sorted(map(str, local.table.to_pylist()))
    facts.refuse(tally)
    summary = facts.summary(tally)
    assert evolve(summary, bad=()) == evolve(local.summary, bad=())
    assert tally.bad.kinds == local.tally.bad.kinds
    assert not any(bad.row for bad in summary.bad)
    assert any(bad.contact for bad in summary.bad)


@pytest.mark.parametrize("seed", range(3))
def test_slices_are_credited_as_the_whole_is(seed: int) -> None:
    """The rows, and what became of the events of each response, and of the messages."""
    pick = Random(seed)
    touches, events = credited.tables(seed, rows=200, contacts=12)
    events += [{**events[0], "contact_id": None}, {**events[1], "at": None}]
    tables = {"touches": table(touches), "events": table(events)}
    since, until = credited.DAY + timedelta(days=2), credited.DAY + timedelta(days=8)
    messages = MessageTable.read(
        credited.PLAYBOOK, tables["touches"], since=since, until=until, columns=("decision_id",)
    )
    local = credit(credited.PLAYBOOK, messages, tables["events"])
    work = CreditWork(playbook=credited.PLAYBOOK, since=micros(since), until=micros(until), columns=("decision_id",))
    facts = CreditFacts(playbook=credited.PLAYBOOK, tables=frozenset(tables))
    found, tally = [], facts.none(BadRows())
    for own in slices(tables, pick):
        rows, counted = work(own)
        found += rows.to_pylist()
        tally.merge(counted)
    assert sorted(map(str, found)) == sorted(map(str, local.table(messages).to_pylist()))
    summary = facts.summary(tally)
    assert summary.responses == tuple(evolve(own, rows={}, no_number_rows=()) for own in local.counts)
    assert (summary.messages, summary.credits, summary.bad_rows) == (len(messages), len(local), local.bad_rows)
    assert {bad.field for bad in summary.bad} == {bad.field for bad in local.bad}
    assert any("contact 'c" in str(bad) for bad in summary.bad)


def test_tables_none_of_whose_rows_can_be_used_are_refused_once_all_parts_are_counted() -> None:
    """A part alone says nothing: its rows are counted, and the others may be good."""
    events = table([{"contact_id": "a", "event": "visit", "at": "soon"}] * 3)
    facts = PlacingFacts(journey=JOURNEY, at=AT, tables=frozenset({"events"}), notes=())
    tally = facts.none(BadRows())
    for _ in range(2):
        tally.merge(PlacingWork(journey=JOURNEY, at=AT)({"events": events})[1])
    with pytest.raises(DataError, match="none of its 6 rows can be used"):
        facts.refuse(tally)
    with pytest.raises(DataError, match="more bad rows than the 5 that are tolerated"):
        PlacingFacts.refuse(facts, evolve_bad(tally, BadRows(5)))


def evolve_bad(tally: Any, bad: BadRows) -> Any:
    """The same counts with another limit, and one good row."""
    bad.merge(tally.bad)
    tally.bad, tally.events = bad, 1
    return tally


def test_the_order_of_events_and_touches_does_not_matter() -> None:
    """Of events with one id the earliest counts, and of touches of one instant one is always the last."""
    pick = Random(1)
    events = [{"contact_id": 1, "event": "visit", "at": AT - timedelta(hours=hour), "event_id": "x"} for hour in (5, 1)]
    touches = [
        {"contact_id": 1, "sent_at": AT - timedelta(hours=6), "channel": "email", "cost": cost} for cost in (1, 2, 3)
    ]
    tables = {
        "events": table([*events, *({**own, "event": "buy", "event_id": None} for own in events)]),
        "touches": table(touches),
    }
    placed, sold = set(), set()
    for _ in range(6):
        (own,) = slices(tables, pick, parts=1)
        rows, _ = PlacingWork(journey=JOURNEY, at=AT, has_paths=True)(own)
        placed.add(str(rows.to_pylist()))
        sold.add(str(CreditWork(playbook=credited.PLAYBOOK)(own)[0].to_pylist()))
    assert len(placed) == len(sold) == 1
    assert "cost': 3.0" in sold.pop()


def test_a_table_of_another_kind_is_refused_by_what_it_is():
    """A DataFrame of pandas is none of Spark."""
    need_frames({"touches": None})
    for given, words in [(pd.DataFrame(), "found a DataFrame of pandas; read"), ([], "found list; read")]:
        with pytest.raises(DataError, match=f"touches: a table is a DataFrame of Spark here, {words}"):
            need_frames({"touches": given})


def test_the_earliest_of_events_that_write_their_instants_as_texts_counts() -> None:
    """However they write them, such as with another offset; cells that are no instants come last."""
    written = ["2026-11-05T04:00", "2026-11-05T10:00+05:00", "2026-11-05T09:00Z", "at noon", None]
    for pick in map(Random, range(3)):
        events = table([{"contact_id": "a", "at": at, "event_id": "x"} for at in pick.sample(written, 5)])
        assert events_in_order(events)["at"].to_pylist()[:3] == [written[0], written[1], written[2]]


def test_of_very_many_bad_rows_the_first_ones_by_contact_are_held() -> None:
    """All are counted; those that are held are few, and are those that all would give."""
    rows = Random(1).sample(range(12_000), 12_000)
    events = table([{"contact_id": f"c{row:05}", "event": "visit", "at": "soon"} for row in rows])
    bad, held = SliceBadRows({"events": events}), []
    for row in range(len(events)):
        bad.add(BadRow("events", row + 1, "at", "'soon'", "an instant"))
        held.append(len(bad.first))
    assert max(held) < 5_000
    assert bad.told().total == len(events)
    assert [own.contact for own in bad.told().first] == [f"c{number:05}" for number in range(100)]


def test_a_worker_places_contacts_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark gives a task one processor, also where the past of contacts is read."""
    used: list[int | None] = []
    place_table = place.place_table

    def noting(*given: Any, threads: int | None = None, **more: Any) -> Any:
        used.append(threads)
        return place_table(*given, threads=threads, **more)

    monkeypatch.setattr(place, "place_table", noting)
    own = {name: table(rows) for name, rows in letters.tables(3).items()}
    HistoryWork(playbook=letters.playbook(), until=letters.AT).read(own)
    assert used == [1]
