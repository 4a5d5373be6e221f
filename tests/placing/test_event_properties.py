"""Properties of events as texts of JSON objects: the kernel reads what Python reads, and tells events apart alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from journeykit import Journey, Transition
from journeykit.basics.ids import contact_key
from journeykit.placing.event_marks import marks_of_values
from journeykit.placing.event_properties import JsonObjects, properties_of
from journeykit.placing.rows import place_rows
from journeykit.rule.values import typed
from journeykit.tables.arrow.column import Column
from journeykit.tables.cells import BadCellError
from journeykit.tables.event_log import read_properties, spelt_by

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
AT = BEGIN + timedelta(days=60)

_plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.integers(-3, 3),
    st.floats(),
    st.floats(-2, 2),
    st.text(max_size=6),
    st.sampled_from(["", " ", "\u2003", "web", "Охрид", 'a\\b"c/\n', "\u00a0x", "😀"]),
)
_values = st.recursive(
    _plain, lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts, max_size=3)
)
_names = st.sampled_from(["amount", "kind", "room", "a", "ä", ""]) | st.text(max_size=3)
_objects = st.dictionaries(_names, _values, max_size=5)


@st.composite
def written(draw: Any) -> str:
    """The text of an object, written in one of the ways in which that may be done; or something that is none."""
    ways = {
        "ensure_ascii": draw(st.booleans()),
        "separators": draw(st.sampled_from([(",", ":"), (" , ", " :\t"), None])),
    }
    text = json.dumps(draw(_objects), **ways)
    if draw(st.integers(0, 3)):
        return draw(st.sampled_from([text, f" {text}\r\n"]))
    place = draw(st.integers(0, len(text)))
    return (
        text[:place]
        + draw(
            st.sampled_from(
                ["", "}", '"', "\\", ",", "1", "\\u12", "\ud83d".encode("utf-8", "replace").decode(), "\x01"]
            )
        )
        + text[place:]
    )


def as_read(text: str) -> dict[str, Any] | None:
    try:
        return read_properties(text)
    except BadCellError:
        return None


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one kind, and equal; 1 and 1.0 are."""
    if one is None or other is None:
        return one is other
    (kind, own), (other_kind, others) = typed(one), typed(other)
    return kind == other_kind and (own == others or repr(own) == repr(others))


def marks_by_hand(parts: dict[str, Any], but: set[str]) -> np.uint64:
    found = np.zeros(1, np.uint64)
    for label, value in parts.items():
        if label not in but:
            found += marks_of_values([value], contact_key(label)[0])
    return found[0]


@settings(max_examples=180)
@given(st.lists(written(), max_size=8), st.sets(_names, max_size=2), st.integers(0, 2))
@example(
    ['{"amount": 1, "amount": 2}', '{"amount": 9007199254740993}', '{"amount": 0.5, "a": [1, {"b": null}]}'],
    {"amount"},
    0,
)
@example(
    ['{"a": -0.0}', '{"a": 0}', '{"a": 1e400}', '{"a": 01}', '{"a": NaN}', "{}", "", " ", "[]", "5", "{"], set(), 1
)
def test_the_kernel_reads_what_python_reads(texts: list[str], kept: set[str], skip: int) -> None:
    """Every text is read as `read_properties` reads it, or left to it; whatever the place in the buffer."""
    array = pa.array([*["{}"] * skip, *texts], pa.large_string())[skip:]
    faults: dict[int, Any] = {}
    column = Column(array)
    found = properties_of(["properties"], [column], {"properties": 0}, faults, spelt_by(()), kept)
    read = [as_read(text) for text in texts]
    assert sorted(faults) == [row for row, own in enumerate(read) if own is None]
    assert found.names == {label for own in read if own for label in own}
    for row, own in enumerate(read):
        for label, cells in found.columns.items():
            assert same(cells.value(row), (own or {}).get(label)), (texts[row], label)
        if own is not None:
            assert found.others[row] == marks_by_hand(own, kept)


def test_plain_objects_are_all_read_by_the_kernel() -> None:
    """What events commonly have is not left to Python: numbers, texts with escapes, truth values, nothing, lists."""
    told = {
        "amount": 12.5,
        "items": 3,
        "name": 'Ohrid "1" \u00e9 😀\n',
        "new": True,
        "code": None,
        "of": [1, {"a": "b"}],
    }
    objects = JsonObjects(pa.array([json.dumps(told), json.dumps(told, ensure_ascii=False), ""], pa.large_string()))
    assert objects.unread.tolist() == []
    assert objects.labels == {"amount", "items", "name", "new", "of"}
    for label in objects.labels:
        assert objects.column(label).cells() == [told[label], told[label], None]
    assert objects.marks(())[0] == objects.marks(())[1] != objects.marks(())[2]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
)
def test_a_bad_text_is_a_bad_row_with_its_number(kind: pa.DataType) -> None:
    """In every kind of Arrow's texts, and by both engines: the row is named, and the others are used."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='sum("buy.amount", "30d") >= 30')])
    told = ['{"amount": 10}', '{"amount": "20"}', '{"amount": 50', "[5]", None, '{"amount": [50]}']
    events = pa.table(
        {
            "contact_id": ["anna"] * len(told),
            "event": ["buy"] * len(told),
            "at": [BEGIN + timedelta(days=day) for day in range(len(told))],
            "properties": pa.array(told, pa.string()).cast(kind),
        }
    )
    placed = journey.place_table(events, at=AT)
    assert [(row.row, row.field, row.found) for row in placed.summary.bad] == [
        (3, "properties", "'{\"amount\": 50'"),
        (4, "properties", "[5]"),
    ]
    assert placed.summary.noted == {"not_a_number": 1}
    one = place_rows(journey, events.to_pylist(), None, AT)
    assert list(one.steps()) == list(placed.steps())
    assert one.summary == placed.summary
    assert placed.table["stage"].to_pylist() == ["b"]


def test_one_event_written_in_two_ways_is_one() -> None:
    """The order of members, blanks, escapes and 50.0 for 50 do not make two events of one; another number does."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='count("buy") >= 2')])
    ways = ['{"amount": 50, "city": "Zürich"}', '{ "city":"Z\\u00fcrich", "amount":50.0, "no": null }']

    def count(*texts: str) -> dict[str, int]:
        rows = [{"contact_id": "anna", "event": "buy", "at": BEGIN, "properties": text} for text in texts]
        found = journey.place_table(pa.Table.from_pylist(rows), at=AT).summary.noted
        assert found == place_rows(journey, rows, None, AT).summary.noted
        return dict(found)

    assert count(*ways) == {"duplicate": 1}
    assert count(ways[0], ways[1].replace("50.0", "50.5")) == {}
    assert count('{"a": [1, 2]}', '{"a": [1,2]}', '{"a": [2, 1]}') == {"duplicate": 1}


def test_a_column_of_its_own_comes_before_the_object() -> None:
    """Where the column says nothing, the object does."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", when='sum("buy.amount") == 7')])
    rows = [
        {"contact_id": "anna", "event": "buy", "at": BEGIN, "amount": 5, "properties": '{"amount": 100}'},
        {"contact_id": "anna", "event": "buy", "at": BEGIN, "amount": None, "properties": '{"amount": 2}'},
    ]
    for events in (rows, pa.Table.from_pylist(rows)):
        placed = journey.place_table(events, at=AT)
        assert placed.table["stage"].to_pylist() == ["b"]
    assert list(place_rows(journey, rows, None, AT).steps()) == list(placed.steps())


def test_names_that_are_ids_cost_no_column_each() -> None:
    """Thousands of names in one table are read, and tell events apart."""
    journey = Journey(["a", "b"], [Transition(source="a", to="b", event="buy")])
    texts = [json.dumps({f"sku-{number}": 1, "same": "x"}) for number in range(5_000)]
    events = pa.table(
        {"contact_id": ["anna"] * 5_000, "event": ["buy"] * 5_000, "at": [BEGIN] * 5_000, "properties": texts}
    )
    assert journey.place_table(events, at=AT).summary.noted == {"other_stage": 4_999}
