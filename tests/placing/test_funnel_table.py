"""Measuring a journey from tables: over columns and row by row the same, and what is asked for in vain is told."""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journeykit import DataError, Journey, ModelError, Playbook, Segment, Stage, Transition
from journeykit.journey import funnel_table
from journeykit.tables.arrow import arrow_table

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
AT = BEGIN + timedelta(days=60)
PLAYBOOK = Playbook(
    journey=Journey(
        [Stage("lead"), Stage("talk"), Stage("gone", lost=True), Stage("customer")],
        [
            Transition(source="lead", to="talk", event="demo"),
            Transition(source="talk", to="customer", event="purchase"),
            Transition(source="talk", to="gone", event="lost"),
            Transition(source="lead", to="customer", when='sum("purchase.amount", "30d") >= 150'),
            Transition(source="talk", to="lead", after="20d"),
        ],
    ),
    segments=[Segment(name="big", rule="employees >= 500"), Segment(name="banks", rule="industry == 'bank'")],
)


def measured(events: Any, contacts: Any = None, **more: Any) -> Any:
    """The same by both engines."""
    found = [funnel_table(PLAYBOOK, events, contacts, at=AT, engine=engine, **more) for engine in ("one", "columns")]
    assert [own.placements.engine for own in found] == ["one", "columns"]
    one, columns = (own.estimates.to_dict() for own in found)
    assert columns == one
    assert found[0].notes == found[1].notes
    assert found[0].placements.summary.bad_rows == found[1].placements.summary.bad_rows
    return found[1]


def log(*told: tuple[str, str, float, Any]) -> list[dict[str, Any]]:
    """Events from (contact, event, day, what was paid)."""
    return [
        {"contact_id": who, "event": name, "at": BEGIN + timedelta(days=day), "amount": paid}
        for who, name, day, paid in told
    ]


SMALL = log(
    ("anna", "demo", 1, None),
    ("anna", "purchase", 5, 100),
    ("ben", "demo", 2, None),
    ("ben", "lost", 9, None),
    ("cleo", "purchase", 3, 200),
)


def test_a_small_case_by_hand() -> None:
    """Paths, sales and segments of three contacts."""
    contacts = [
        {"contact_id": "anna", "industry": "bank"},
        {"contact_id": "ben"},
        {"contact_id": "cleo", "industry": "shop"},
    ]
    found = measured(SMALL, contacts, by="Industry", won="purchase", lost="lost", amount="amount").estimates
    assert [(step.stage, step.reached) for step in found.funnel] == [("lead", 3), ("talk", 2), ("customer", 2)]
    assert (found.sales.won, found.sales.lost, found.sales.total) == (2, 1, 300)
    assert {name: own.sales.total for name, own in found.by_segment.items()} == {"bank": 100, "shop": 200, "(none)": 0}


def test_amounts_may_come_in_texts_of_objects() -> None:
    """As properties that come together; one that cannot be read may have had an amount, which is told."""
    texts = ['{"amount": 100, "city": "Ohrid"}', '{"amount": "50.5"}', '{"amount": ', '{"amount": null}']
    events = [
        {"contact_id": "anna", "event": "purchase", "at": BEGIN + timedelta(days=day), "properties": text}
        for day, text in enumerate(texts)
    ]
    for table in (events, pa.Table.from_pylist(events)):
        if isinstance(table, list):
            found = measured(table, won="purchase", amount="amount")
        else:
            found = funnel_table(PLAYBOOK, table, at=AT, won="purchase", amount="amount")
        assert (found.estimates.sales.won, found.estimates.sales.total) == (4, 150.5)
        assert found.estimates.ignored == {"sale_bad_amount": 1}
        assert [(row.row, row.field) for row in found.placements.summary.bad] == [(3, "properties")]


def test_what_is_asked_for_in_vain_is_told() -> None:
    """An event or a property that is nowhere, with what is near it."""
    assert measured(SMALL, won="purchas").notes == (
        "there is no event 'purchas': no sale is taken from it; did you mean 'purchase'?",
    )
    assert measured(SMALL, won="purchase", lost="zzz", amount="Amuont").notes == (
        "there is no event 'zzz': no sale is taken from it",
        "no sale has the property 'Amuont': none has an amount; did you mean 'amount'?",
    )
    assert measured(SMALL, won="purchase", amount="AMOUNT").notes == ()


def test_a_playbook_may_name_an_event_that_no_table_has() -> None:
    """The journey's own events are near, too."""
    (note,) = measured(SMALL[:1], won="purchas").notes
    assert "did you mean 'purchase'?" in note


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"by": "industry"}, "by needs contacts"),
        ({"lost": "lost"}, "need won"),
        ({"won": "a", "lost": "a"}, "one event"),
        ({"engine": "rows"}, "engine is one or columns"),
    ],
)
def test_what_cannot_be_asked_is_an_error(more: dict[str, Any], said: str) -> None:
    """Before anything is read."""
    with pytest.raises(ModelError, match=said):
        funnel_table(PLAYBOOK, SMALL, at=AT, **more)
    with pytest.raises(ModelError, match="no journey"):
        funnel_table(Playbook(), SMALL, at=AT)


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_column_that_no_contact_has_is_an_error(engine: str) -> None:
    """With what is near it; what contacts have but say nothing about tells nobody apart."""
    contacts = [{"contact_id": "anna", "industry": "bank"}]
    with pytest.raises(DataError, match="no contact has 'indusry'; did you mean 'industry'"):
        funnel_table(PLAYBOOK, SMALL, contacts, at=AT, by="indusry", engine=engine)
    found = funnel_table(PLAYBOOK, SMALL, contacts, at=AT, by="role", engine=engine)
    assert list(found.estimates.by_segment) == ["(none)"]


def test_tables_that_are_read_once_are_kept() -> None:
    """Iterators of rows and readers of batches are read for paths and for sales."""
    wanted = measured(SMALL, won="purchase").estimates.to_dict()
    assert funnel_table(PLAYBOOK, iter(SMALL), at=AT, won="purchase").estimates.to_dict() == wanted
    reader = pa.Table.from_pylist(SMALL).to_reader()
    assert funnel_table(PLAYBOOK, reader, at=AT, won="purchase").estimates.to_dict() == wanted


def test_it_is_shown() -> None:
    """As text, and in a notebook."""
    found = measured(SMALL, won="purchas")
    assert str(found).startswith("3 contacts")
    assert str(found).endswith("did you mean 'purchase'?")
    assert "<table" in found._repr_html_()


# Both engines, over random tables


def random_events(pick: random.Random) -> list[dict[str, Any]]:
    """Rows as a careless system writes them."""
    found = []
    for number in range(pick.choice((0, 3, 40))):
        row: dict[str, Any] = {
            "contact_id": pick.choice(["anna", "ben", "cleo", "dora", "emil", "emil", "zoe", "", None]),
            "event": pick.choice(["demo", "purchase", "purchase", "lost", "visit", " ", None]),
            "at": pick.choice(
                [f"2026-0{pick.choice('123')}-0{pick.randrange(1, 8)}T0{pick.randrange(9)}:00Z"] * 9
                + ["soon", "", "2026-01-05T10:00"]
            ),
        }
        if pick.random() < 0.7:
            row["AMOUNT"] = pick.choice([10, 10.0, 2.5, 1e12, -3, None, "7", "7.0", "a lot", True, float("nan")])
        if pick.random() < 0.5:
            row["properties"] = pick.choice(
                [
                    '{"amount": 5}',
                    '{"amount": "6", "room": [1]}',
                    '{"room": "b"}',
                    "{}",
                    "",
                    None,
                    "{",
                    "[1]",
                    '{"amount": true}',
                ]
            )
        if pick.random() < 0.2:
            row["event_id"] = pick.choice([number, 1, 1.0, "1", "", None])
        found.append(row)
        if pick.random() < 0.3:
            found.append(dict(row))
    pick.shuffle(found)
    return found


def random_contacts(pick: random.Random) -> list[dict[str, Any]]:
    """Some with cells that cannot be read, some twice."""
    return [
        {
            "contact_id": who,
            "industry": pick.choice(["bank", "shop", "", None, "bank"]),
            "employees": pick.choice([900, "900", 20, None, "many"]),
            "account_id": pick.choice(["acme", 7, None]),
            "segments": pick.choice(["vip", "vip;big", ["b", "a"], None, ""]),
            "role": pick.choice([None, "user", 1.5]) if pick.random() < 0.2 else None,
            "timezone": pick.choice(["UTC", "Mars"]) if pick.random() < 0.2 else None,
            "consent_email": pick.choice([True, "maybe"]) if pick.random() < 0.2 else None,
        }
        for who in pick.sample(["anna", "ben", "cleo", "dora", "emil", "fay", "", "anna"], 7)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_both_engines_measure_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of chunks, whatever is wrong with rows, and whatever is there twice."""
    monkeypatch.setattr(arrow_table, "CHUNK", (3, 65_536)[seed % 2])
    pick = random.Random(seed)
    events, contacts = random_events(pick), pick.choice([None, random_contacts(pick)])
    by = (
        None
        if contacts is None
        else pick.choice([None, "industry", "EMPLOYEES", "account_id", "segments", "contact_id", "role"])
    )
    more: dict[str, Any] = {"lost": pick.choice([None, "lost"]), "amount": pick.choice([None, "amount", "Amount"])}
    if not events:
        events = log(("anna", "visit", 1, None))
    more |= {"by": by, "won": "purchase", "zone": pick.choice([None, "Europe/Skopje"])}
    if fault_of("one", events, contacts, more) or fault_of("columns", events, contacts, more):
        assert fault_of("one", events, contacts, more) == fault_of("columns", events, contacts, more)
    else:
        measured(events, contacts, **more)


def fault_of(engine: str, events: Any, contacts: Any, more: dict[str, Any]) -> str | None:
    """What an engine refuses."""
    try:
        funnel_table(PLAYBOOK, events, contacts, at=AT, engine=engine, **more)
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_files_of_every_kind_measure_the_same(ending: str, tmp_path: Path) -> None:
    """What is written in a file is read alike by both engines."""
    pick = random.Random(7)
    days = [f"2026-01-{day:02}T09:00:00Z" for day in range(1, 29)]
    events = [
        {
            "contact_id": f"c{pick.randrange(20)}",
            "event": pick.choice(["demo", "purchase", "lost", "visit"]),
            "at": pick.choice(days),
            "properties": json.dumps(
                {"amount": pick.choice([5, 7.5, None, "12"]), "note": pick.choice(["ä", 'a "b"'])}
            ),
        }
        for _ in range(400)
    ]
    contacts = [{"contact_id": f"c{number}", "industry": pick.choice(["bank", "shop"])} for number in range(20)]
    paths = []
    for name, rows in (("events", events), ("contacts", contacts)):
        path = tmp_path / f"{name}.{ending}"
        paths.append(str(path))
        if ending == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=50)
        elif ending == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
    found = measured(*paths, by="industry", won="purchase", lost="lost", amount="amount").estimates
    assert found.sales.amounts > 20
    assert set(found.by_segment) == {"bank", "shop"}
