"""Scores: needed where a campaign or a table says so, by content before campaign, and never above 1."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook, Score
from journeykit.__main__ import main
from journeykit.basics.validation import LARGEST
from journeykit.job import Inputs, Job, TableJob
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.score_numbers import numbers_of_scores
from journeykit.tables.score_table import SCORE_READERS

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = {
    "content": [{"id": "letter", "channel": "email"}, {"id": "call", "channel": "phone"}],
    "campaigns": [
        {"id": "launch", "content": ["letter"]},
        {"id": "care", "content": ["letter", "call"], "repeat": None},
        {"id": "news", "content": ["letter"], "scored": True},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
    "on_missing": {"consent": "allow"},
}
ANNA = [{"contact_id": "anna"}]


def run(engine, playbook=PLAYBOOK, contacts=ANNA, **tables):
    """The rows of decisions as (campaign, content, reason, rule, weight), the summary, and the bad rows."""
    arbiter = Arbiter(Playbook.from_dict(playbook))
    if engine == "one":
        job = Job(arbiter, Inputs(contacts=contacts, **tables), at=AT)
        rows = [
            (row.campaign, row.content, str(row.reason), row.rule, row.weight)
            for _, decision in job.decisions()
            for row in decision.rows
        ]
    else:
        table_job = TableJob(arbiter, contacts, **tables, at=AT, everything=True)
        names = ("campaign_id", "content_id", "reason", "rule", "weight")
        rows = [tuple(row[name] for name in names) for row in table_job.table().to_pylist()]
        return rows, table_job.summary()
    return rows, job.summary()


@pytest.fixture(params=["one", "columns"])
def engine(request):
    return request.param


def test_a_claim_without_a_score_does_not_beat_a_scored_one(engine):
    """`care` has no score for anna: it does not win with the weight of a certain response."""
    scores = [
        {"contact_id": "anna", "campaign_id": "launch", "propensity": 0.02},
        {"contact_id": "ben", "campaign_id": "care", "propensity": 0.03},
    ]
    rows, summary = run(engine, scores=scores)
    assert ("launch", "letter", "granted", None, 0.02) in rows
    assert {(row[0], *row[2:]) for row in rows if row[0] != "launch"} == {
        ("care", "missing_data", "score", None),
        ("news", "missing_data", "score", None),
    }
    assert summary.missing["score"] == {"setting": "deny", "claims": 3}
    (note,) = summary.notes
    assert note.startswith("the scores table has propensities for care, launch: claims of these campaigns")


def test_a_campaign_can_say_that_it_needs_scores(engine):
    """Without a scores table only `news` is refused; a claim's own propensity or weight will do."""
    rows, summary = run(engine)
    assert [row for row in rows if row[2] == "missing_data"] == [("news", "letter", "missing_data", "score", None)]
    assert summary.missing["score"]["claims"] == 1
    assert not summary.notes
    for own in ({"propensity": 0.5}, {"weight": 0.5}):
        rows, summary = run(engine, claims=[{"contact_id": "anna", "campaign_id": "news", **own}])
        assert rows == [("news", "letter", "granted", None, 0.5)]
        assert "score" not in summary.missing
    rows, _ = run(engine, claims=[{"contact_id": "anna", "campaign_id": "news", "value": 5}])
    assert [row[2] for row in rows] == ["missing_data"]


def test_a_plan_needs_scores_too():
    """The check does not depend on the number of days."""
    arbiter = Arbiter(Playbook.from_dict(PLAYBOOK))
    until = datetime(2026, 11, 8, tzinfo=UTC)
    decision = arbiter.decide(Contact(id="anna"), at=AT, until=until)
    assert str(decision.row("news").reason) == "missing_data"
    job = TableJob(arbiter, ANNA, at=AT, until=until, everything=True)
    assert {row["campaign_id"]: row["rule"] for row in job.table().to_pylist()}["news"] == "score"
    assert job.summary().missing["score"]["claims"] == 1


def test_a_score_of_the_content_goes_before_that_of_the_campaign(engine):
    """The row of the content counts where there is one, else that of the campaign; in any order of rows."""
    scores = [
        {"contact_id": "anna", "campaign_id": "care", "content_id": "call", "propensity": 0.5, "value": 3},
        {"contact_id": "anna", "campaign_id": "care", "content_id": None, "propensity": 0.25, "value": 2},
    ]
    for given in (scores, scores[::-1]):
        rows, summary = run(engine, scores=given)
        assert {row[:2]: row[4] for row in rows if row[0] == "care"} == {
            ("care", "call"): 1.5,
            ("care", "letter"): 0.5,
        }
        assert summary.bad_rows == 0


def test_a_row_of_a_content_is_taken_whole(engine):
    """What it leaves empty is missing, and not that of the campaign."""
    scores = [
        {"contact_id": "anna", "campaign_id": "care", "content_id": "", "propensity": 0.25},
        {"contact_id": "anna", "campaign_id": "care", "content_id": "call", "value": 9},
    ]
    rows, _ = run(engine, scores=scores)
    assert {row[1]: row[2:] for row in rows if row[0] == "care"} == {
        "letter": ("outbid", "one a day", 0.25),
        "call": ("missing_data", "score", None),
    }


def test_doubles_are_told_by_contact_campaign_and_content(engine):
    """Two contents of a campaign are no doubles; two rows of one content are; an unknown content is bad."""
    row = {"contact_id": "anna", "campaign_id": "care", "propensity": 0.5}
    scores = [
        {**row, "content_id": "call"},
        {**row, "content_id": "letter"},
        {**row, "content_id": "call"},
        {**row, "content_id": "leter"},
    ]
    _, summary = run(engine, scores=scores)
    assert sorted((bad.row, bad.field, bad.found, bad.allowed) for bad in summary.bad_first) == [
        (3, "campaign_id", "'care'", "one score for each contact, campaign and content"),
        (4, "content_id", "'leter'", "a content of the campaign"),
    ]


@pytest.mark.parametrize("propensity", [45, -0.2, 1.0000001, "120"])
def test_a_propensity_is_a_chance(engine, propensity):
    """Outside 0 to 1 a row is bad: of scores it is left out, of claims the claim is invalid."""
    scores = [
        {"contact_id": "anna", "campaign_id": "launch", "propensity": propensity},
        {"contact_id": "anna", "campaign_id": "care", "propensity": 1},
    ]
    rows, summary = run(engine, scores=scores)
    assert (summary.bad_rows, summary.bad_first[0].field) == (1, "propensity")
    assert ("launch", "letter") in {row[:2] for row in rows if row[2] == "outbid" or row[2] == "granted"}
    claims = [{**row, "propensity": own} for row, own in zip(scores, (propensity, 1), strict=True)]
    rows, summary = run(engine, claims=claims)
    reasons = [row[2] for row in rows]
    assert (reasons.count("invalid"), reasons.count("granted"), summary.bad_rows) == (1, 1, 1)


def test_the_same_in_python():
    """`decide` takes the same set, and scores by content; a propensity that cannot be is an error."""
    arbiter = Arbiter(Playbook.from_dict(PLAYBOOK))
    anna = Contact(id="anna")
    scores = {"launch": Score(propensity=0.02), ("care", "call"): Score(propensity=0.04)}
    decision = arbiter.decide(anna, at=AT, scores=scores, scored=["launch", "care"])
    assert [(grant.campaign, grant.content) for grant in decision.granted] == [("care", "call")]
    assert decision.row("care", "letter").binding == ("score",)
    assert arbiter.audit(decision, anna, scores=scores) == ()
    free = arbiter.decide(anna, at=AT, scores=scores)
    assert [(grant.campaign, grant.content) for grant in free.granted] == [("care", "letter")]
    invalid = arbiter.decide(anna, at=AT, claims=[Claim(campaign="launch", propensity=45)])
    assert invalid.rows[0].note == "propensity must be a number from 0 to 1, found 45"
    for value in (45, -0.2, True, "0.5", float("nan")):
        with pytest.raises(ModelError, match="a propensity is a number from 0 to 1"):
            Score(propensity=value)


def test_the_audit_finds_a_grant_without_its_score():
    """A granted claim of a campaign that needs scores must have had one."""
    arbiter = Arbiter(Playbook.from_dict(PLAYBOOK))
    anna, scores = Contact(id="anna"), {"news": Score(propensity=0.9)}
    decision = arbiter.decide(anna, at=AT, scores=scores, scored=["care", "launch"])
    assert [grant.campaign for grant in decision.granted] == ["news"]
    assert arbiter.audit(decision, anna, scores=scores) == ()
    assert [broken.rule for broken in arbiter.audit(decision, anna)] == ["one content"]


def test_the_command_line_tells_of_scores(tmp_path, capsys):
    """Both engines say which campaigns need scores; `explain` for one contact sees those of the whole table."""
    book, people, scores = (tmp_path / name for name in ("p.json", "c.csv", "s.csv"))
    book.write_text(json.dumps(PLAYBOOK))
    people.write_text("contact_id\nanna\nben\n")
    scores.write_text(
        "contact_id,campaign_id,content_id,propensity\nanna,launch,,0.02\nben,care,call,0.5\nben,care,letter,45\n"
    )
    told = []
    for engine in ("one", "columns"):
        out = tmp_path / f"{engine}.csv"
        arguments = ["decide", str(book), "--contacts", str(people), "--scores", str(scores), "--at", AT.isoformat()]
        assert main([*arguments, "--out", str(out), "--engine", engine, "--all"]) == 0
        shown = capsys.readouterr()
        told.append((out.read_text(), shown.out + shown.err))
    assert told[0][0] == told[1][0]
    assert "missing score: " in told[0][1]
    assert "propensities for care, launch" in told[0][1]
    assert "row 3, field 'propensity': found '45'; allowed is a number from 0 to 1" in told[0][1]
    arguments[0] = "explain"
    assert main([*arguments, "--contact", "anna"]) == 0
    assert "score" in capsys.readouterr().out


def test_playbooks_without_scored_keep_their_fingerprint():
    """A key that nobody uses is not part of what a playbook means."""
    plain = Playbook.from_dict({"campaigns": []})
    assert "cap" not in plain.to_dict()["on_missing"]
    scored = {**PLAYBOOK, "campaigns": [{"id": "launch", "content": ["letter"]}]}
    assert "scored" not in Playbook.from_dict(scored).to_dict()["campaigns"][0]


@pytest.mark.parametrize("name", SCORE_READERS)
def test_plain_numbers_are_refused_as_cells_are(name: str) -> None:
    """A column of numbers is read at once, and refuses what the reader of its cells refuses."""
    ends = [
        own
        for end in (0.0, 1.0, LARGEST)
        for near in (end, np.nextafter(end, -9e9), np.nextafter(end, 9e9))
        for own in (near, -near)
    ]
    cells = [*ends, math.nan, math.inf, -math.inf, None]
    found, refused = numbers_of_scores(name, Column(pa.array(cells)))
    expected, also = numbers_of_scores(name, Column(list(cells)))
    assert Column(list(cells)).numbers is None
    assert refused.tolist() == also.tolist()
    good = ~refused
    assert np.array_equal(found[good], expected[good], equal_nan=True)
