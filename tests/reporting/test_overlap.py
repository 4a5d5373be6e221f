"""Overlap: the contacts that campaigns share, in audiences, among the eligible, and among those who get both."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeykit
from journeykit import Arbiter, DataError, ModelError, Playbook, overlap
from journeykit.cli import main
from journeykit.reporting import OVERLAPS
from journeykit.reporting.audience_overlap import AudienceOverlap
from journeykit.reporting.contact_bits import ContactBits, pairs

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NAMES = ("launch", "meetup", "news")


def playbook(caps=1, **more) -> Playbook:
    """Three campaigns, the second for Skopje and the third for big companies."""
    return Playbook.from_dict(
        {
            "segments": [{"name": "big", "rule": "employees >= 500"}],
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [
                {"id": "launch", "content": ["note"], "weight": 8},
                {"id": "meetup", "content": ["note"], "weight": 3, "audience": "city == 'Skopje'"},
                {"id": "news", "content": ["note"], "audience": "'big' in segments", "ends": "2026-11-01"},
            ],
            "caps": [{"name": "a day", "max": caps, "window": {"calendar": "day"}}],
            **more,
        }
    )


def contact(number, city="Skopje", **more):
    """A row of a table of contacts."""
    return {"contact_id": f"c{number}", "city": city, "employees": 700, "consent": "email", **more}


def test_campaigns_share_contacts():
    """In audiences everybody counts; among the eligible nobody who is opted out, and no campaign that is over."""
    rows = [contact(0), contact(1, "Ohrid"), contact(2, opted_out=True), contact(3, employees=3)]
    found = overlap(playbook(), rows, at=AT)
    assert [(own.campaign, own.audience, own.eligible, own.granted) for own in found.campaigns] == [
        ("launch", 4, 3, 3),
        ("meetup", 3, 2, 0),
        ("news", 3, 0, 0),
    ]
    pair = found.of("meetup", "launch")
    assert (pair.audience, pair.eligible, pair.both) == (3, 2, 0)
    assert (pair.campaign_only, pair.other_only, pair.neither) == (2, 0, 0)
    assert found.of("meetup", "news").audience == 2
    assert overlap(playbook(caps=2), rows, at=AT).of("launch", "meetup").both == 2


def test_decisions_that_are_given_count_alike():
    """A table of whole decisions says what deciding now says; without contacts audiences are not known."""
    rows = [contact(0), contact(1, "Ohrid"), contact(2, opted_out=True)]
    decisions = Arbiter(playbook()).decide_table(rows, at=AT, everything=True)
    now = overlap(playbook(), rows, at=AT)
    assert overlap(playbook(), rows, decisions=decisions).to_dict() == now.to_dict()
    alone = overlap(playbook(), decisions=decisions)
    assert alone.contacts is None
    assert alone.of("launch", "meetup").to_dict() == {**now.of("launch", "meetup").to_dict(), "audience": None}


def test_decisions_without_denied_claims_say_who_gets_both():
    """Who was eligible is not known then, and the report says what writes it."""
    decisions = Arbiter(playbook(caps=2)).decide_table([contact(0)], at=AT)
    found = overlap(playbook(caps=2), decisions=decisions)
    assert found.of("launch", "meetup").both == 1
    assert found.of("launch", "meetup").eligible is None
    assert "decide --all" in str(found)


def test_audiences_that_ask_for_events_are_not_counted():
    """What contacts did is not at hand for audiences, so a count would be too small; the report says so."""
    campaigns = [
        {"id": "launch", "content": ["note"]},
        {"id": "asks", "content": ["note"], "audience": "count('webinar', '90d') >= 1"},
    ]
    found = overlap(playbook(campaigns=campaigns), [contact(0)], at=AT)
    assert [own.audience for own in found.campaigns] == [1, None]
    assert "audiences that ask what contacts did are not counted: asks" in str(found)


def test_decisions_of_another_playbook_are_refused():
    """The error names both."""
    decisions = Arbiter(playbook()).decide_table([contact(0)], at=AT)
    with pytest.raises(DataError, match="decided by the playbook"):
        overlap(playbook(caps=2), decisions=decisions)


def test_what_cannot_be_is_said():
    """Neither decisions nor an instant, or both."""
    with pytest.raises(ModelError, match="give decisions, or contacts and the instant"):
        overlap(playbook(), [contact(0)])
    with pytest.raises(ModelError, match="leave out one of them"):
        overlap(playbook(), decisions=[], at=AT)


def test_an_empty_table_shares_nobody():
    """All counts are there, and are 0."""
    found = overlap(playbook(), pa.table({"contact_id": pa.array([], pa.string())}), at=AT)
    assert found.decided == 0
    assert [own.granted for own in found.campaigns] == [0, 0, 0]
    assert found.apart == 3
    assert "3 pairs share nobody" in str(found)


def test_long_and_hostile_names_are_cut_and_escaped():
    """Markup in a name is text; a long one is cut in text and whole in JSON."""
    names = ["<script>alert(1)</script>", "x" * 10_000]
    campaigns = [{"id": name, "content": ["note"]} for name in names]
    found = overlap(playbook(campaigns=campaigns), [contact(0)], at=AT)
    assert "<script>" not in found._repr_html_()
    assert max(map(len, str(found).splitlines())) <= 120
    assert found.to_dict()["campaigns"][1]["campaign"] == names[1]


def test_many_campaigns_are_shown_in_part():
    """The text says how many more there are."""
    campaigns = [{"id": f"k{number}", "content": ["note"]} for number in range(30)]
    found = overlap(playbook(campaigns=campaigns), [contact(0)], at=AT)
    assert len(found.pairs) == 435
    assert "415 more in --json and --out" in str(found)


def test_the_command_prints_and_writes(tmp_path, capsys):
    """Text, JSON and a table say the same."""
    rules, people, out = tmp_path / "p.json", tmp_path / "c.csv", tmp_path / "o.csv"
    rules.write_text(json.dumps(playbook().to_dict()))
    people.write_text("contact_id,city,employees,consent\nanna,Skopje,700,email\n")
    given = ["overlap", str(rules), "--contacts", str(people), "--at", AT.isoformat()]
    assert main([*given, "--json", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "journeykit.overlap/1"
    assert found["pairs"][0]["eligible"] == 1
    assert out.read_text().splitlines()[0] == ",".join(OVERLAPS)
    assert main(given) == 0
    assert "one alone" in capsys.readouterr().out
    assert main(["overlap", str(rules), "--contacts", str(people)]) == 2
    assert "give --decisions" in capsys.readouterr().err


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(NAMES),
        st.sampled_from(["granted", "outbid", "capped", "no_consent", "not_in_audience"]),
    ),
    max_size=40,
    unique_by=lambda row: row[:2],
)


@given(_ROWS)
@settings(max_examples=20, deadline=None)
def test_counts_are_those_of_sql(rows):
    """DuckDB joins the table with itself, and counts."""
    fingerprint = playbook().fingerprint
    claimed = pa.Table.from_pylist(
        [
            {
                "contact_id": f"c{who}",
                "campaign_id": name,
                "outcome": "granted" if reason == "granted" else "denied",
                "reason": reason,
                "playbook": fingerprint,
                "decided_at": AT,
            }
            for who, name, reason in [*rows, (9, "launch", "not_in_audience")]
        ]
    )
    found = overlap(playbook(), decisions=claimed)
    own = "reason in ('granted', 'outbid', 'capped')"
    expected = duckdb.sql(
        f"select a.campaign_id, b.campaign_id, count(*), "
        "count(*) filter (a.outcome = 'granted' and b.outcome = 'granted'), "
        "count(*) filter (a.outcome = 'granted' and b.outcome != 'granted'), "
        "count(*) filter (a.outcome != 'granted' and b.outcome != 'granted') "
        f"from claimed a join claimed b using (contact_id) where a.{own} and b.{own} group by all"
    ).fetchall()
    by_pair = {row[:2]: row[2:] for row in expected}
    for one, other in combinations(NAMES, 2):
        counts = by_pair.get((one, other), (0, 0, 0, 0))
        if counts[0]:
            pair = found.of(one, other)
            assert (pair.eligible, pair.both, pair.campaign_only, pair.neither) == counts
        else:
            with pytest.raises(KeyError):
                found.of(one, other)


@given(st.lists(st.tuples(st.sampled_from([None, "Skopje"]), st.sampled_from([None, 3, 700])), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_audiences_are_alike_over_columns_and_by_rows(cells):
    """Both readers ask the same rules, and so does a loop."""
    rows = [{"contact_id": f"c{n}", "city": city, "employees": size} for n, (city, size) in enumerate(cells)]
    found = AudienceOverlap.read(playbook(), rows, at=AT, zone=None, max_bad=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("journeykit.reporting.audience_overlap.has_columns", lambda: False)
        again = AudienceOverlap.read(playbook(), rows, at=AT, zone=None, max_bad=None)
    assert found.pairs.tolist() == again.pairs.tolist()
    sets = [[True, city == "Skopje", size == 700] for city, size in cells]
    expected = [[sum(own[one] and own[other] for own in sets) for other in range(3)] for one in range(3)]
    assert found.pairs.tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 19)), max_size=60))
@settings(max_examples=40, deadline=None)
def test_pairs_of_bits_are_those_of_sets(noted):
    """Bits count what sets of names by contact count."""
    bits = ContactBits(20)
    bits.add(np.array([own[0] for own in noted], np.int64), np.array([own[1] for own in noted], np.int64))
    by_contact: dict[int, set[int]] = {}
    for who, name in noted:
        by_contact.setdefault(who, set()).add(name)
    expected = np.zeros((20, 20), np.int64)
    for names in by_contact.values():
        for one in names:
            expected[one, list(names)] += 1
    own = bits.matrix(3001)
    assert (pairs(own, own, 20) == expected).all()


def test_overlap_is_on_the_front_door():
    """The function is where the others are."""
    assert journeykit.overlap is overlap
