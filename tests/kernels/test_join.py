"""Joining by ids: hashes, the index of contacts and the taking of touches, against plain Python."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from journeykit.basics.ids import contact_key
from journeykit.columns.chunk import id_keys
from journeykit.columns.contact_index import ContactIndex
from journeykit.kernels import hash_ids, is_plain_csv, is_plain_jsonl, read_instants, take_touches
from journeykit.kernels.interface.contact_arrays import TEXT_SCANS
from journeykit.tables.arrow.column import Column

IDS = [
    "a",
    "",
    "ü" * 9,
    "x" * 16,
    "x" * 17,
    "12345678",
    "123456789",
    "a\0b",
    "Љубица",
    "\U0001f600",
    None,
    "z" * 10_000,
]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_keys_are_read_where_they_lie(kind):
    """From strings of every kind, sliced or not, with nulls; also the last bytes of a buffer."""
    for start, stop in ((0, 12), (1, 11), (5, 6), (11, 12), (4, 4)):
        array = pa.array(IDS, pa.string()).cast(kind) if kind != pa.string_view() else pa.array(IDS, kind)
        part = array[start:stop]
        one, two, bad = id_keys(Column(part), len(part))
        for row, text in enumerate(IDS[start:stop]):
            assert bad[row] == (not text or "\0" in text)
            if not bad[row]:
                assert (int(one[row]), int(two[row])) == contact_key(text)


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint8(), pa.float64(), pa.float32(), pa.decimal128(38, 0)])
def test_whole_numbers_are_ids_whatever_they_are_kept_as(kind):
    """7 and 7.0 are one id; 7.5, NaN and what a float does not hold exactly are none."""
    array = pa.array([None, 7, 0, 200, 9, None], pa.int64()).cast(kind)[1:]
    one, two, bad = id_keys(Column(array), 5)
    assert bad.tolist() == [False, False, False, False, True]
    assert list(zip(one.tolist(), two.tolist(), strict=True))[:4] == [contact_key(t) for t in ("7", "0", "200", "9")]
    odd = pa.array([7.5, float("nan"), float("inf"), 2.0**53, -0.0, -3.0])
    assert id_keys(Column(odd), 6)[2].tolist() == [True, True, True, True, False, False]


def test_texts_that_are_none_are_marked():
    """Offsets that a broken file brings, and bytes that are not UTF-8."""
    data = np.frombuffer(b"ab\xffcd\xc3\xa9\xed\xa0\x80\xc3", np.uint8)
    for kind in (np.int32, np.int64):
        offsets = np.array([0, 2, 3, 5, 7, 10, 11, 9, -5, 4, 400], kind)
        rows = len(offsets) - 1
        one, two, bad = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64), np.zeros(rows, np.bool_)
        hash_ids(offsets, data, one, two, bad)
        assert bad.tolist() == [False, True, False, False, True, True, True, True, True, True]
        at, known = np.ones(rows, np.int64), np.ones(rows, np.bool_)
        read_instants(offsets, data, at, known)
        assert not known.any()
        assert not at.any()


@pytest.mark.parametrize("seed", range(20))
def test_the_index_is_a_dictionary(seed):
    """Keys that are met again, left out or never met; tables that grow; keys that differ in one half alone."""
    rng = random.Random(seed)
    index, known = ContactIndex(rng.choice([0, 1, 5_000])), {}
    row = 0
    few = [rng.getrandbits(64) for _ in range(rng.choice([2, 40, 3_000]))]
    for _ in range(rng.randint(1, 6)):
        count = rng.choice([0, 1, 31, 32, 33, 700, 3_000])
        one = np.array([rng.choice(few) for _ in range(count)], np.uint64)
        two = np.array([rng.choice(few) for _ in range(count)], np.uint64)
        skip = np.array([rng.random() < 0.1 for _ in range(count)], np.bool_)
        again = index.add(one, two, row, skip)
        for place, key in enumerate(zip(one.tolist(), two.tolist(), strict=True)):
            assert again[place] == (not skip[place] and key in known)
            if not skip[place]:
                known.setdefault(key, row + place)
        row += count
        wanted = [(rng.choice(few), rng.choice(few)) for _ in range(100)]
        found = index.find(*(np.array(half, np.uint64) for half in zip(*wanted, strict=True)))
        assert found.tolist() == [known.get(key, -1) for key in wanted]
    assert index.count == len(known)


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_touches_are_taken_that_matter(rows):
    """Those of contacts who were met, not bad, and young enough or of a shape that counts for ever."""
    rng = np.random.default_rng(rows)
    contact, at = rng.integers(-1, 5, rows).astype(np.int32), rng.integers(0, 100, rows)
    codes, bad = rng.integers(0, 3, rows), rng.random(rows) < 0.1
    shapes, counts = np.array([1, 0, 1], np.int32), np.array([True, False])
    out = np.empty(rows, np.int32), np.empty(rows, np.int64), np.empty(rows, np.int32)
    known, taken = take_touches(contact, at, codes, shapes, bad, 50, counts, *out)
    good = (contact >= 0) & ~bad
    kept = good & ((at >= 50) | counts[shapes[codes]])
    assert known == np.count_nonzero(good)
    for found, wanted in zip(out, (contact, at, shapes[codes]), strict=True):
        assert found[:taken].tolist() == wanted[kept].tolist()


def plain(kernel, text, cut):
    """What a scan says of a text that comes in pieces, and whether a character or a quote is left open."""
    scan = np.zeros(1, TEXT_SCANS)
    scan["longest"] = 40
    good = all(
        kernel(np.frombuffer(text[start : start + cut], np.uint8), scan) for start in range(0, len(text) + 1, cut)
    )
    return good, int(scan["open"][0]), int(scan["place"][0]) if good else -1, int(scan["rows"][0]) if good else -1


@pytest.mark.parametrize("seed", range(40))
def test_a_scan_is_the_same_in_pieces(seed):
    """However a file is cut into blocks, down to single bytes."""
    rng = random.Random(seed)
    marks = [
        b'"',
        b",",
        b"\n",
        b"\r\n",
        b"a",
        b"bcdefghi",
        "ü€\U0001f600".encode(),
        b" ",
        b"{",
        b"}",
        b"\xff",
        b"\0",
        b"\r",
    ]
    weights = [3, 6, 4, 1, 9, 6, 2, 2, 3, 3, 0.05, 0.05, 0.2]
    text = b"".join(rng.choices(marks, weights, k=rng.randint(0, 80)))
    for kernel in (is_plain_csv, is_plain_jsonl):
        whole = plain(kernel, text, 1_000)
        assert {plain(kernel, text, cut) for cut in (1, 2, 3, 7, 8, 9)} <= {whole}
        if whole[0] and not whole[1]:
            text.decode()
