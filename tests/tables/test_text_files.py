"""CSV and JSON lines read by Arrow hold what they hold row by row, and say the same of what is wrong."""

from __future__ import annotations

import gzip
import json
import math
import random
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from journeykit import Arbiter, Campaign, Content, OnMissing, Playbook
from journeykit.basics.clock import micros
from journeykit.columns.chunk import text_buffers
from journeykit.errors import DataError
from journeykit.job import Job
from journeykit.job.inputs import Inputs
from journeykit.job.table_job import TableJob
from journeykit.kernels import is_plain_csv, is_plain_jsonl, read_instants
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow import json_files, text_files
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.json_files import JsonTable
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.arrow.row_table import RowTable
from journeykit.tables.arrow.text_files import CsvTable
from journeykit.tables.cells import BadCellError, instant_reader
from journeykit.tables.read_rows import open_table

TYPED = {"typed": lambda name: name not in ("contact_id", "plain"), "texts": frozenset({"code"})}

AT = datetime(2026, 11, 5, 9, tzinfo=UTC)
PLAYBOOK = Playbook(
    content=[Content(id="note", channel="email")],
    campaigns=[Campaign(id="news", content=["note"])],
    on_missing=OnMissing(consent="allow"),
)


def cells(table, names):
    """Everything that a table gives: rows with their numbers, bad rows, and the error in which it ends."""
    found = []
    try:
        for part in table.parts(lambda name: name in names):
            if isinstance(part, BadRow):
                found.append(part)
                continue
            number, own, arrays = part
            columns = dict(zip(own, (Column(array).cells() for array in arrays), strict=True))
            for place in range(len(arrays[0])):
                row = {name: columns[name][place] for name in own if columns[name][place] is not None}
                found.append((number + place, {name: same(value) for name, value in sorted(row.items())}))
    except DataError as error:
        found.append(str(error))
    return found


def same(value):
    """A value, so that 1 and 1.0 are one and NaN is itself."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else int(value) if value.is_integer() else value
    return [same(part) for part in value] if isinstance(value, list) else value


def by_row(path):
    file = open_table(path, "contacts", **({} if "jsonl" in str(path) else TYPED))
    return RowTable("contacts", file, lambda: file)


def by_arrow(path):
    return open_source(path, "contacts", **TYPED)


def opened(make, path):
    try:
        return make(path)
    except DataError as error:
        return str(error)


def check(path, names):
    """Both readings of a file give the same; whether Arrow read all of it."""
    one, two = opened(by_row, path), opened(by_arrow, path)
    if isinstance(one, str):
        assert two == one
        return False
    assert cells(two, names) == cells(one, names)
    assert (two.source, two.count, two.naive, two.mixed) == (one.source, one.count, one.naive, one.mixed)
    assert tuple(two.names) == tuple(one.names)
    return getattr(two, "_rows", None) is None


CELLS = {
    "contact_id": ["a1", "ü2", "007", " x ", "", "a,b", 'say "hi"', "two\nlines", "12"],
    "plain": ["", "x", "1", "true", " "],
    "number": ["1", "2.5", "-3", "", "1e3", " 4 ", "+5", "NaN", ".5", "5.", "12345678901234567890"],
    "whole": ["1", "-2", "", "33", "400000"],
    "mixed": ["1", "2", "x", ""],
    "code": ["01000", "22", "2026-W45", "", "3.0", "1e3"],
    "truth": ["true", "False", "", "TRUE"],
    "when": ["2026-11-05T10:00:00Z", "2026-11-05", "", "2026-11-05 10:00+02:00"],
    "naive": ["2026-11-05T10:00:00", "2026-11-06 10:00", ""],
}


def csv_text(rng, names, rows):
    """Rows as a CSV file writes them: some cells in quotes that need none."""

    def written(cell):
        if any(mark in cell for mark in ',"\n') or rng.random() < 0.1:
            return '"' + cell.replace('"', '""') + '"'
        return cell

    end = rng.choice(["\n", "\r\n"])
    lines = [",".join(map(written, row)) for row in [names, *rows]]
    if rng.random() < 0.3:
        lines.insert(rng.randint(1, len(lines)), "")
    return end.join(lines) + (end if rng.random() < 0.8 else "")


@pytest.mark.parametrize("seed", range(60))
def test_csv_is_read_as_row_by_row(tmp_path, monkeypatch, seed):
    """Numbers, instants, truth values and texts; in blocks so small that records lie across them."""
    rng = random.Random(seed)
    monkeypatch.setattr(text_files, "BLOCK", rng.choice([2**8, 2**12, 2**22]))
    monkeypatch.setattr(text_files, "LONGEST", 2**7)
    monkeypatch.setattr(text_files, "KEPT", rng.choice([0, 2**27]))
    names = ["contact_id", *rng.sample(list(CELLS)[1:], rng.randint(0, 6))]
    chosen = {name: rng.sample(CELLS[name], rng.randint(1, len(CELLS[name]))) for name in names}
    rows = [[rng.choice(chosen[name]) for name in names] for _ in range(rng.choice([0, 1, 40, 1200]))]
    path = tmp_path / rng.choice(["contacts.csv", "contacts.csv.gz"])
    text = csv_text(rng, names, rows).encode()
    if rng.random() < 0.2:
        text = b"\xef\xbb\xbf" + text
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    check(str(path), names)


ODD = {
    "a field too many": b"contact_id,n\na,1\nb,2,3\n",
    "a quote left open": b'contact_id,n\na,1\n"b,2\n',
    "a quote inside": b'contact_id,n\na,1\nb"c,2\n',
    "text after a quote": b'contact_id,n\na,1\n"b"c,2\n',
    "not UTF-8": b"contact_id,n\na,1\n\xff\xfe,2\n",
    "a cut character": b"contact_id,n\na,1\nb\xc3,2\n",
    "a cut character at the end": b"contact_id,n\na,1\nb,\xc3",
    "a lone return": b"contact_id,n\na,1\rb,2\n",
    "a lone return at the end": b"contact_id,n\na,1\r",
    "NUL": b"contact_id,n\na,1\nb\0,2\n",
    "nothing": b"",
    "no rows": b"contact_id,n\n",
    "no rows and no line": b"contact_id,n",
    "two columns of one name": b"contact_id,n,N\na,1,2\n",
    "blank lines before": b"\n\ncontact_id,n\na,1\n",
    "one column": b'contact_id\na\n\n""\nb\n',
    "a long line": b"contact_id,n\na," + b"1" * 3_000_000 + b"\n",
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_in_csv_is_said_in_the_same_words(tmp_path, name):
    """A file that Arrow would read in another way, or not, is read row by row."""
    path = tmp_path / "contacts.csv"
    path.write_bytes(ODD[name])
    check(str(path), ["contact_id", "n"])


def test_plain_files_are_read_by_arrow(tmp_path):
    """What needs no second look gets none."""
    path = tmp_path / "contacts.csv"
    path.write_text('contact_id,n,code\r\na,1,01000\r\n"b ""c""\nd",,3\r\n')
    assert check(str(path), ["contact_id", "n", "code"])
    table = by_arrow(str(path))
    assert isinstance(table, CsvTable)
    assert cells(table, ["contact_id", "n", "code"])[0] == (1, {"contact_id": "a", "n": 1, "code": "01000"})


def test_a_number_that_ends_a_column_of_numbers_is_told_with_its_row(tmp_path):
    """However late it comes, and whatever it is."""
    path = tmp_path / "contacts.csv"
    rows = [f"c{row},{row}.5" for row in range(5_000)]
    rows[4_321] = "c4321,none"
    path.write_text("contact_id,n\n" + "\n".join(rows))
    assert check(str(path), ["contact_id", "n"])
    assert by_arrow(str(path)).mixed == (("n", 4_322, "none"),)


def line(rng):
    row = {"contact_id": rng.choice(["a1", "ü", 7, None, "2026-11-05 10:00:00"])}
    for name, values in {
        "n": [1, 2.5, None, -3],
        "text": ["x", "", "2026-11-05", "2026-11-05T10:00:00Z"],
        "truth": [True, False, None],
        "list": [["a", "b"], [], None],
        "deep": [{"a": 1}, None],
        "huge": [2**53 + 1, 0.5],
        "late": [1],
    }.items():
        if rng.random() < (0.02 if name in ("deep", "huge", "late") else 0.8):
            row[name] = rng.choice(values)
    return json.dumps(row)


FAULTS = ['{"contact_id": "a", "contact_id": "b"}', "[1]", "{", '{"a": 1} {"b": 2}', "", "  ", '{"City": 1, "city": 2}']


@pytest.mark.parametrize("seed", range(60))
def test_json_lines_are_read_as_row_by_row(tmp_path, monkeypatch, seed):
    """Values of all kinds, keys that come late, lines that are no objects."""
    rng = random.Random(seed)
    monkeypatch.setattr(json_files, "BLOCK", rng.choice([2**9, 2**12, 2**22]))
    uniform = rng.random() < 0.5
    lines = [line(random.Random(seed) if uniform else rng) for _ in range(rng.choice([0, 1, 30, 1200]))]
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 4)):
            lines.insert(rng.randint(0, len(lines)), rng.choice(FAULTS))
    path = tmp_path / rng.choice(["contacts.jsonl", "contacts.jsonl.gz"])
    text = rng.choice(["\n", "\r\n"]).join(lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    names = {"contact_id", "n", "text", "truth", "list", "deep", "huge", "late", "a", "City", "city"}
    one, two = by_row(str(path)), by_arrow(str(path))
    assert isinstance(two, JsonTable)
    assert cells(two, names) == cells(one, names)
    assert two.count == one.count
    assert set(two.names) == set(one.names)


ODD_LINES = {
    "not UTF-8": b'{"contact_id": "a"}\n{"contact_id": "\xff"}\n',
    "a lone return": b'{"contact_id": "a"}\r{"contact_id": "b"}\n',
    "one object over two lines": b'{"contact_id": "a",\n"n": 1}\n{"contact_id": "b"}\n',
    "two on a line, one over two": b'{"contact_id": "a"}{"contact_id": "b"}\n{"contact_id":\n"c"}\n',
    "NaN": b'{"contact_id": "a", "n": NaN}\n',
    "huge": b'{"contact_id": "a", "n": 1e999}\n{"contact_id": 123456789012345678901234567890}\n',
    "a mark at the beginning": b'\xef\xbb\xbf{"contact_id": "a"}\n',
    "no rows": b"\n\n",
    "nothing": b"",
    "no id": b'{"n": 1}\n' * 1_100,
    "a lone surrogate": b'{"contact_id": "\\ud800"}\n',
    "NUL": b'{"contact_id": "a\\u0000b"}\n{"contact_id": "\0"}\n',
}


@pytest.mark.parametrize("name", ODD_LINES)
def test_what_is_odd_in_json_lines_is_said_in_the_same_words(tmp_path, name):
    """Whatever Arrow makes of it."""
    path = tmp_path / "contacts.jsonl"
    path.write_bytes(ODD_LINES[name])
    one, two = by_row(str(path)), by_arrow(str(path))
    one.needed = two.needed = ("contact_id",)
    assert cells(two, ["contact_id", "n"]) == cells(one, ["contact_id", "n"])


@pytest.mark.parametrize("before", ["", "a\n", "ab,\n", "abcdef,x\n"])
def test_a_record_is_plain_as_long_as_it_is_no_longer_than_it_may_be(before):
    """Wherever its end lies in the steps of eight bytes in which it is looked at."""
    for size in range(100, 160):
        for is_plain, text in (
            (is_plain_csv, before + "x" * size + "\n"),
            (is_plain_jsonl, "{}\n" * len(before) + '{"' + "x" * (size - 4) + '"}\n'),
        ):
            scan = text_files.text_scan()
            scan["longest"] = 128
            assert is_plain(np.frombuffer(text.encode(), np.uint8), scan) == (size <= 128), (is_plain, size)


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".csv.gz"])
def test_what_is_not_utf8_after_many_blocks_is_told_with_its_line(tmp_path, monkeypatch, ending):
    """As at the beginning of a file."""
    monkeypatch.setattr(json_files, "BLOCK", 2**9)
    monkeypatch.setattr(text_files, "BLOCK", 2**9)
    lines = [b"a%d" % row for row in range(2_000)] + [b"\xff", b"z"]
    lines = [b'{"contact_id": "%b"}' % own for own in lines] if "json" in ending else [b"contact_id", *lines]
    path = tmp_path / f"contacts{ending}"
    text = b"\n".join(lines)
    path.write_bytes(gzip.compress(text) if ending.endswith(".gz") else text)
    found = cells(by_arrow(str(path)), ["contact_id"])[-1]
    assert found == cells(by_row(str(path)), ["contact_id"])[-1]
    assert f"line {2_001 + ('csv' in ending)} is not UTF-8" in found


def test_each_pass_over_json_lines_gives_the_same(tmp_path, monkeypatch):
    """What a pass learns of the columns is not left for the next: ids were numbers at first, and texts later."""
    monkeypatch.setattr(json_files, "BLOCK", 2**9)
    path = tmp_path / "contacts.jsonl"
    ids = [*range(100), *[None] * 200, *(f"p{row}" for row in range(100))]
    path.write_text("\n".join(json.dumps({"contact_id": own, "n": 1} if own is not None else {"n": 1}) for own in ids))
    table = by_arrow(str(path))
    one, two = (
        [(number, [str(getattr(array, "type", "")) for array in arrays]) for number, _, arrays in table.parts(bool)]
        for _ in range(2)
    )
    assert one == two
    assert {"int64", "string"} <= {kinds[0] for _, kinds in one}
    contacts = TableJob(Arbiter(PLAYBOOK), str(path), at=AT, everything=True)
    assert sum(batch.num_rows for batch in contacts.batches()) == 200
    assert contacts.summary().bad_rows == 200


def test_members_of_lists_keep_how_they_are_written(tmp_path):
    """A whole number beside a fraction is no fraction."""
    path = tmp_path / "contacts.jsonl"
    path.write_text('{"contact_id": "a", "n": [1, 2.5]}\n')
    ((_, _, (_, array)),) = by_arrow(str(path)).parts(bool)
    assert list(map(repr, Column(array).cells()[0])) == ["1", "2.5"]


def test_bad_rows_are_met_in_their_order(tmp_path):
    """Lines that are no objects, and cells that cannot be read, as they follow each other."""
    path = tmp_path / "contacts.jsonl"
    path.write_text('{"contact_id": "a"}\n{"contact_id": []}\n[1]\n{"contact_id": {}}\n[2]\n')
    one = Job(Arbiter(PLAYBOOK), Inputs(contacts=str(path)), at=AT)
    two = TableJob(Arbiter(PLAYBOOK), str(path), at=AT, everything=True)
    assert [len(list(one.decisions())), sum(batch.num_rows for batch in two.batches())] == [1, 1]
    assert [bad.row for bad in two.bad.first] == [bad.row for bad in one.bad.first] == [2, 3, 4, 5]


def test_a_column_of_instants_without_offsets_is_noted_however_many_there_are(tmp_path):
    """By both readers."""
    path = tmp_path / "contacts.csv"
    path.write_text("contact_id,when\n" + "".join(f"a{row},2026-11-0{row} 10:00\n" for row in range(1, 9)))
    assert by_row(str(path)).naive == by_arrow(str(path)).naive == ("when",)


INSTANTS = [
    "2026-11-05T10:00:00Z",
    "2026-11-05 10:00+02:00",
    "2026-02-29T10:00Z",
    "2024-02-29T23:59:59.1Z",
    "2026-11-05T10:00:00.123456-11:45",
    "2026-11-05T10:00:00.1234567Z",
    "2026-11-05",
    "2026-11-05T10:00:00",
    "2026-11-05T24:00:00Z",
    "2026-13-05T10:00:00Z",
    "0999-11-05T10:00:00Z",
    "9000-01-01T00:00:00Z",
    "1001-01-01T00:00:00+23:59",
    " 2026-11-05T10:00:00Z",
    "2026-11-05T10:00:00 UTC",
    "20261105T100000Z",
    "2026-11-05T10:60Z",
    "",
    "soon",
    "2026-11-05T10:00:00+24:00",
]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_instants_are_read_as_cell_by_cell(kind):
    """The kernel takes what is written as usual, and leaves all else to the reader of cells."""
    rng = random.Random(1)
    digits = [
        "".join(rng.choice("0123456789") if char.isdigit() and rng.random() < 0.3 else char for char in text)
        for text in INSTANTS
        for _ in range(300)
    ]
    texts = [*INSTANTS, *digits, *(text[: rng.randint(0, len(text))] for text in INSTANTS)]
    array = pa.array(["before", *texts, "after"], kind)[1:-1]
    at, known = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    read_instants(*text_buffers(array), at, known)
    read = instant_reader(None, bounded=True)
    assert known[:2].all()
    for text, own, is_known in zip(texts, at.tolist(), known.tolist(), strict=True):
        if is_known:
            assert micros(read(text)) == own
        elif text in INSTANTS[:2]:
            pytest.fail(text)
    with pytest.raises(BadCellError):
        read("soon")
