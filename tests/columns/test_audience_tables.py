"""Audience tables say what rules say, contact by contact."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit.columns.audience_tables import AudienceTables
from journeykit.columns.rule_masks import RuleMasks
from journeykit.columns.ruleset_arrays import packed
from journeykit.rule import Rule
from journeykit.tables.arrow.column import Column

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ZONES = ["UTC", "Pacific/Kiritimati"]
PARTS = (
    "score >= 2",
    "2.5 > score",
    "score == 3 or score < 0",
    "not (score != 1)",
    "score in (1, 2)",
    "score is None",
    "score < 9007199254740993",
    "country == 'MK'",
    "country != 'DE'",
    "country in ('MK', 'FR', None)",
    "lower(country) == 'mk'",
    "country > 1",
    "vip",
    "not vip",
    "gone == 1",
    "gone is None",
    "'a' in tags",
    "days_since(seen) < 30",
    "born >= '2026-11-01'",
    "score >= 1 or country == 'MK'",
    "vip and (score > 0 and country == 'MK')",
)

NUMBERS = st.one_of(st.none(), st.integers(-4, 6), st.sampled_from([2**53 + 1, -(2**60), 70_000]))
FLOATS = st.one_of(st.none(), st.floats(-4, 6), st.sampled_from([float("inf"), float("-inf"), float("nan"), 2.5, 3.0]))
TEXTS = st.sampled_from([None, "MK", "DE", "FR", "3", ""])


def columns_of(rng, scores, countries):
    """The columns of some contacts."""
    rows = len(scores)
    return {
        "score": Column(scores),
        "country": Column(countries),
        "vip": Column(pa.array([rng.choice([True, False, None]) for _ in range(rows)], pa.bool_())),
        "tags": Column([rng.choice([None, ["a"], ["b", "a"], []]) for _ in range(rows)]),
        "seen": Column(pa.array([AT - timedelta(days=20 * n % 50) for n in range(rows)], pa.timestamp("us", "UTC"))),
        "born": Column([date(2026, 10, 30) + timedelta(days=n % 4) for n in range(rows)]),
    }


@given(st.data(), st.sampled_from(["whole", "float", "text"]), st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_tables_say_what_masks_say(data, kind, seed):
    """By rule surely true, surely false or unknown; by opening, whom its audience leaves out."""
    rng = Random(seed)
    draw = {"whole": NUMBERS, "float": FLOATS, "text": TEXTS}[kind]
    scores = data.draw(st.lists(draw, min_size=1, max_size=12))
    countries = data.draw(st.lists(TEXTS, min_size=len(scores), max_size=len(scores)))
    types = {"whole": pa.int64(), "float": pa.float64(), "text": pa.string()}
    coded = pa.array(countries, pa.string()).dictionary_encode() if rng.random() < 0.5 else pa.array(countries)
    columns = columns_of(rng, pa.array(scores, types[kind]), coded)
    texts = [" and ".join(f"({part})" for part in rng.sample(PARTS, rng.choice((1, 1, 2, 3)))) for _ in range(70)]
    rules = [Rule(text) for text in dict.fromkeys(texts)]
    audience = np.array([rng.randrange(-1, len(rules)) for _ in range(80)])
    tables = AudienceTables(rules, packed([audience == number for number in range(len(rules))], 80), AT)
    masks = RuleMasks(columns, len(scores), AT, ZONES, np.arange(len(scores)) % 2)
    for _ in range(2):
        found = tables.bits(columns, masks)
        for number, rule in enumerate(rules):
            true, false = masks.pair(rule)
            assert bit(found.true, number).tolist() == true.tolist(), rule
            assert bit(found.false, number).tolist() == false.tolist(), rule
            assert number in found.unsure or (true | false).all()
            for opening in np.flatnonzero(audience == number).tolist():
                assert bit(found.outside, opening).tolist() == (~true).tolist()
        assert not any(bit(found.outside, opening).any() for opening in np.flatnonzero(audience < 0).tolist())


def bit(words, number):
    """A bit of each row."""
    return words[:, number >> 6] >> (number & 63) & 1 == 1


def test_many_values_are_asked_at_once():
    """A column of more values than a table holds is asked row by row."""
    names = pa.array([f"n{number}" for number in range(6_000)])
    rule = Rule("name == 'n7' or name == 'n5999'")
    columns = {"name": Column(names)}
    masks = RuleMasks(columns, 6_000, AT, ["UTC"], np.zeros(6_000, np.int64))
    found = AudienceTables([rule], packed([[True]], 1), AT).bits(columns, masks)
    assert np.flatnonzero(bit(found.true, 0)).tolist() == [7, 5_999]


@pytest.mark.parametrize("values", [[0, 3, 6], [0, 3, 10**9], [0.0, 3.0, 6.5]])
def test_thresholds_are_looked_up(values):
    """Numbers below, at and above thresholds; near ones without a search, far ones with it."""
    columns = {"x": Column(pa.array(values))}
    masks = RuleMasks(columns, 3, AT, ["UTC"], np.zeros(3, np.int64))
    rules = [Rule("x >= 3"), Rule("x > 3"), Rule("x == 3")]
    found = AudienceTables(rules, packed(np.eye(3, dtype=np.bool_)), AT).bits(columns, masks)
    assert [bit(found.true, number).tolist() for number in range(3)] == [
        [False, True, True],
        [False, False, True],
        [False, True, False],
    ]
