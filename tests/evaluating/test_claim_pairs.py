"""Logs of decisions and others on the same inputs: what is read, what is joined, and what is left out."""

import numpy as np
import pytest

from journeykit import Playbook
from journeykit.errors import DataError
from journeykit.evaluating.claim_log import ClaimReader
from journeykit.evaluating.claim_pairs import ClaimPairs
from journeykit.tables import BadRows

RUN = "2026-11-05T10:00:00Z"


def claim(contact="anna", campaign="news", outcome="granted", chance=0.5, **more):
    """A row of a table of decisions."""
    own = {"contact_id": contact, "campaign_id": campaign, "outcome": outcome, "chance": chance, "decided_at": RUN}
    return {**own, **more}


def read(log, others, bad=None):
    """Both tables, and their pairs."""
    reader = ClaimReader(Playbook(), zone=None, bad=bad or BadRows())
    other = reader.read(others, "decisions")
    return reader, ClaimPairs.of(reader.read(log, "log", beside=other), other, np.array(reader.kinds.keys))


def told(reader, pairs):
    """By contact and campaign: whether it was sent, its chance, and that of the others."""
    names = reader.contacts.ids.to_pylist()
    campaigns = [touch.campaign for touch in reader.kinds.touches]
    rows = zip(pairs.contact, pairs.kind, pairs.is_sent, pairs.chance, pairs.wanted, strict=True)
    return {(names[who], campaigns[kind]): (bool(sent), p, q) for who, kind, sent, p, q in rows}


def test_a_claim_has_its_chance_in_the_log_and_in_the_other_decisions():
    """Without a chance the other decisions' grant is one of 0 or 1; a claim that one side lacks has chance 0 there."""
    log = [claim(), claim(campaign="sale", outcome="denied", chance=0.3), claim("ben", chance=1.0)]
    log += [claim("ben", "sale", "denied", None), claim("ben", "call", "denied", 0)]
    others = [claim(outcome="denied", chance=None), claim(campaign="sale", chance=None), claim("ben", chance=0.25)]
    others += [claim("ben", "sale", chance=None), claim("ben", "call", "denied", 0.75)]
    reader, pairs = read(log, others)
    assert told(reader, pairs) == {
        ("anna", "news"): (True, 0.5, 0),
        ("anna", "sale"): (False, 0.3, 1),
        ("ben", "news"): (True, 1, 0.25),
        ("ben", "sale"): (False, 0, 1),
        ("ben", "call"): (False, 0, 0.75),
    }
    assert pairs.left_out == {}
    assert [row >= 0 for row in pairs.row.tolist()].count(True) == 3


def test_content_channel_and_claim_id_tell_claims_apart():
    """Another content is another claim; columns that only one table has do not."""
    log = [claim(content_id="a", claim_id="1"), claim(content_id="b", claim_id="1", outcome="denied")]
    _, pairs = read(log, [claim(content_id="b", claim_id="1"), claim(content_id="a", claim_id="2")])
    assert sorted(zip(pairs.chance, pairs.wanted, strict=True)) == [(0, 0.5), (0.5, 0), (0.5, 0.5)]
    _, pairs = read(log, [claim(content_id="b"), claim(content_id="a")])
    assert sorted(zip(pairs.chance, pairs.wanted, strict=True)) == [(0.5, 0.5), (0.5, 0.5)]


def test_what_does_not_join_is_counted():
    """Runs and contacts of one table alone, claims twice, and granted claims without a chance."""
    late = {"decided_at": "2026-11-06T10:00:00Z"}
    early = {"decided_at": "2026-11-04T10:00:00Z"}
    log = [claim(), claim(**early), claim("ben"), claim("ben"), claim("cleo", chance=None), claim("dora")]
    log += [
        claim("cleo", "sale", "denied", 0.5),
        claim("emil", outcome="denied", chance=0.1),
        claim("cleo", "x", "denied"),
    ]
    others = [
        claim(),
        claim(**late),
        claim("ben"),
        claim("cleo"),
        claim("emil"),
        claim("fay"),
        claim("x", outcome="denied"),
    ]
    reader, pairs = read(log, others)
    assert set(told(reader, pairs)) == {("anna", "news"), ("emil", "news")}
    assert pairs.left_out == {
        "claims of runs that only the log has": 1,
        "claims of runs that the log does not have": 1,
        "claims of contacts that only one of both tables has in the run": 3,
        "claims of contacts of whom a granted one has no chance": 2,
        "claims that a table has more than once": 3,
    }


def test_a_contact_counts_in_the_runs_in_which_both_tables_have_it():
    """Where the other decisions were cut off in a run, the log's messages to the others say nothing of them."""
    late = {"decided_at": "2026-11-06T10:00:00Z"}
    log = [claim(who, **run) for who in ("anna", "ben") for run in ({}, late)]
    others = [claim(), claim("ben", outcome="denied", chance=None), claim(**late)]
    _, pairs = read([*log, claim("ben", "sale", "denied", None)], others)
    assert (len(pairs), pairs.left_out) == (3, {"claims of contacts that only one of both tables has in the run": 1})


def test_bad_rows_are_counted_and_named():
    """Chances that are none, granted claims that could not be, and words that are no outcome."""
    bad = BadRows()
    log = [claim(), claim(chance=1.5), claim(chance="much"), claim(chance=0), claim(outcome="sent")]
    log += [claim(contact=None), claim(decided_at="soon"), claim(send_at="later")]
    _, pairs = read(log, [claim()], bad)
    assert len(pairs) == 1
    assert [(row.row, row.field, row.found) for row in bad.first] == [
        (2, "chance", "1.5"),
        (3, "chance", "'much'"),
        (4, "chance", "0"),
        (5, "outcome", "'sent'"),
        (6, "contact_id", "None"),
        (7, "decided_at", "'soon'"),
        (8, "send_at", "'later'"),
    ]


def test_tables_without_a_common_run_are_refused():
    """Decisions of another instant are no decisions on the log's inputs."""
    with pytest.raises(
        DataError, match="decisions, field 'decided_at': no claim was decided at an instant of the log's"
    ):
        read([claim()], [claim(decided_at="2026-11-06T10:00:00Z")])
    with pytest.raises(DataError, match="decided_at"):
        read([claim()], [{"contact_id": "anna", "outcome": "granted"}])


def test_tables_without_rows_have_nothing_in_common():
    """Headers alone are no error of reading."""
    _, pairs = read([], [])
    assert len(pairs) == 0
