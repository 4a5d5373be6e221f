"""Lines that are written as columns have the bytes of lines that are written row by row."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit.tables.arrow.decision_schema import TEXT, coded_lists
from journeykit.tables.arrow.text_lines import TextLines
from journeykit.tables.write_rows import row_writer

KINDS = {"id": "text", "word": "text", "weight": "number", "at": "instant", "rules": "texts", "tags": "texts"}
TEXTS = st.text(st.sampled_from("ab,;\"'\\\n\r\t é\U0001f600\x00{}:"), max_size=4) | st.just("plain")
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.1, 1e16, 1e-7, -0.0])
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
ROWS = st.lists(
    st.tuples(
        TEXTS,
        st.none() | TEXTS,
        st.none() | NUMBERS,
        st.none() | INSTANTS,
        st.lists(TEXTS, max_size=3),
        st.lists(st.sampled_from(["vip", "new"]), max_size=2),
    ),
    max_size=5,
)


def as_columns(rows, columns, form):
    """As columns: texts as plain and as coded arrays, lists as coded ones and as such of texts."""
    values = list(zip(*rows, strict=True)) or [()] * len(KINDS)
    arrays = {
        "id": pa.array(values[0], pa.large_string()),
        "word": pa.array(values[1], pa.string()).dictionary_encode().cast(TEXT),
        "weight": pa.array(values[2], pa.float64()),
        "at": pa.array(values[3], pa.timestamp("us", "UTC")),
        "rules": coded_lists(pa.array(values[4], pa.list_(pa.string()))),
        "tags": pa.array(values[5], pa.list_(pa.string())),
    }
    batch = pa.RecordBatch.from_arrays([arrays[name] for name in columns], list(columns))
    lines = TextLines(form, columns)
    # A piece of a batch has offsets of its own.
    pieces = [batch.slice(0, 2), batch.slice(2)]
    return b"".join([lines.head(), *(line for piece in pieces for line in lines.lines(piece))])


def row_by_row(rows, columns, form):
    places = [list(KINDS).index(name) for name in columns]
    file = io.BytesIO()
    with row_writer(form)(file, {name: KINDS[name] for name in columns}) as write:
        for row in rows:
            write([row[place] for place in places])
    return file.getvalue()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@settings(max_examples=150, deadline=None)
@given(rows=ROWS, columns=st.lists(st.sampled_from(list(KINDS)), min_size=1, unique=True))
def test_columns_give_the_bytes_of_rows(form, rows, columns):
    """Quotes, separators, line ends, nulls, numbers of every size; one column alone too."""
    assert as_columns(rows, columns, form) == row_by_row(rows, columns, form)


def test_whole_numbers_are_ids():
    """Ids that are whole numbers are written as text, as the format says."""
    batch = pa.RecordBatch.from_arrays([pa.array([7, 12])], ["contact_id"])
    assert b"".join(TextLines("csv", ["contact_id"]).lines(batch)) == b"7\n12\n"
    assert b"".join(TextLines("jsonl", ["contact_id"]).lines(batch)) == b'{"contact_id":"7"}\n{"contact_id":"12"}\n'
