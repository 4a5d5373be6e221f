"""Checks of eligibility of one's own: what they stop, and what happens when they fail."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook, Score, Touch
from journeykit.job import Inputs, RowJob, TableJob
from journeykit.policies import Check, Weighted

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", consent=["email"], attributes={"rating": 1})
WORLD = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [
        {"id": "loan", "content": ["note"], "weight": 5},
        {"id": "news", "content": ["note"]},
        {"id": "over", "content": ["note"], "ends": "2026-11-01"},
        {"id": "later", "content": ["note"], "starts": "2026-11-07"},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
}
PLAYBOOK = Playbook.from_dict(WORLD)


class Only:
    """Allows some campaigns."""

    def __init__(self, *allowed: str, name: str = "only", verdict: object = False) -> None:
        self.allowed = allowed
        self.name = name
        self.verdict = verdict

    def allows(self, claim, contact, context):
        assert contact.id == "anna"
        assert context.campaign.id == claim.campaign
        return claim.campaign in self.allowed or self.verdict


def told(arbiter: Arbiter, **more) -> dict[str, tuple]:
    decision = arbiter.decide(ANNA, at=AT, **more)
    return {row.campaign: (str(row.outcome), str(row.reason), *row.binding) for row in decision.rows}


def test_an_audit_asks_the_checks_too():
    """What they do not allow, and what they fail at, is a violation; scores and the history are what a check reads."""

    class Reads:
        name = "reads"

        def allows(self, claim, contact, context):
            return (claim.content, claim.propensity, contact.segments) == ("note", 0.5, ("few",)) and len(
                context.touches
            ) == 1

    few = Playbook.from_dict(WORLD | {"segments": [{"name": "few", "rule": "rating < 2"}]})
    given = {"touches": [Touch(at=AT - timedelta(days=9), channel="email")], "scores": {"loan": Score(propensity=0.5)}}
    decision = Arbiter(few).decide(ANNA, at=AT, **given)
    assert [own.campaign for own in decision.granted] == ["loan"]
    for checks, wanted in (((), []), ([Reads()], []), ([Only("news")], ["refused"]), ([Only(verdict=1)], ["invalid"])):
        arbiter = Arbiter(few, checks=checks)
        assert [own.rule for own in arbiter.audit(decision, ANNA, **given)] == wanted
    found = Arbiter(few, checks=[Only("news")]).audit_account([decision], [ANNA], given["touches"])
    assert [own.rule for own in found] == ["refused"]


def test_what_a_check_does_not_allow_is_refused():
    """Its name is the rule; what comes before it in the order of the reasons stays the reason; others go on."""
    assert told(Arbiter(PLAYBOOK, checks=[Only("news")])) == {
        "loan": ("denied", "refused", "only"),
        "news": ("granted", "granted"),
        "over": ("denied", "campaign_closed", "ends 2026-11-01"),
        "later": ("denied", "campaign_closed", "starts 2026-11-07"),
    }
    # A claim that a check allows may go once its campaign begins.
    assert told(Arbiter(PLAYBOOK, checks=[Only("news", "later")]))["later"][0] == "deferred"


def test_all_checks_are_told_when_asked_to_explain():
    """The first is the rule; explained rows have them all."""
    arbiter = Arbiter(PLAYBOOK, checks=[Only("news"), Only("news", name="again")])
    assert told(arbiter)["loan"] == ("denied", "refused", "only")
    assert told(arbiter, explain=True)["loan"] == ("denied", "refused", "only", "again")
    assert told(arbiter, explain=True)["over"][1:] == ("campaign_closed", "ends 2026-11-01", "only", "again")


@pytest.mark.parametrize(
    ("verdict", "message"),
    [(None, "allows gives True or False, found None"), (1, "found 1"), ("no", "found 'no'")],
)
def test_a_check_that_says_nothing_lets_nothing_go(verdict, message):
    """The claim is invalid, with a note; the others go on."""
    arbiter = Arbiter(PLAYBOOK, checks=[Only("news", verdict=verdict)])
    row = arbiter.decide(ANNA, at=AT).row("loan")
    assert str(row.reason) == "invalid"
    assert row.note.startswith("check 'only' failed: TypeError: ")
    assert message in row.note
    assert told(arbiter)["news"][0] == "granted"


def test_a_check_that_raises_lets_nothing_go():
    """The note says what was raised."""

    class Broken(Only):
        def allows(self, claim, contact, context):
            return 1 / 0

    assert arbiter_note(Broken()) == "check 'only' failed: ZeroDivisionError: division by zero"


def arbiter_note(check: Check) -> str:
    return Arbiter(PLAYBOOK, checks=[check]).decide(ANNA, at=AT).row("loan").note


def test_truth_values_of_numpy_will_do():
    """They are what comparisons of arrays give."""
    assert told(Arbiter(PLAYBOOK, checks=[Only("news", verdict=np.bool_(False))]))["loan"][1] == "refused"


def test_checks_see_the_history_and_brought_claims():
    """A context has the touches; a plan asks once for each claim."""

    class NotTwice:
        name = "not twice"

        def allows(self, claim, contact, context):
            return all(touch.campaign != claim.campaign for touch in context.touches)

    sent = Touch(at=AT - timedelta(days=9), channel="email", campaign="loan")
    arbiter = Arbiter(Playbook.from_dict({**WORLD, "campaigns": WORLD["campaigns"][:2]}), checks=[NotTwice()])
    claims = [Claim(campaign="loan", weight=8.0), Claim(campaign="news", weight=1.0)]
    for until in (None, AT + timedelta(days=3)):
        rows = arbiter.decide(ANNA, [sent], claims, at=AT, until=until).rows
        assert {row.campaign: str(row.reason) for row in rows} == {"loan": "refused", "news": "granted"}


def test_tables_are_decided_alike():
    """Over tables each contact is checked too, with the same rows and counts."""
    arbiter = Arbiter(PLAYBOOK, checks=[Only("news")])
    rows = [{"contact_id": "anna", "consent": ["email"]}]
    found = []
    table = arbiter.decide_table(rows, at=AT, everything=True, summary=found.append)
    assert {row["campaign_id"]: row["reason"] for row in table.to_pylist()} == {
        name: own[1] for name, own in told(arbiter).items()
    }
    assert found[0].reasons["refused"] == 1


class Creditworthy:
    """The example of `Check`: it denies by an attribute that the playbook does not name."""

    name = "credit"

    def __init__(self, *, turned: bool = False) -> None:
        self.turned = turned

    def allows(self, claim, contact, context):
        rating = contact.attributes.get("rating")
        if self.turned:
            # Denies those who have a bad mark, and so lets everybody go whose mark is not read.
            return rating is None or rating >= 3
        return (rating or 0) >= 3


def _given(kind: str, rows: list[dict], folder):
    table = pa.Table.from_pylist(rows)
    flat = pa.table({"contact_id": table["contact_id"], "consent_email": [True] * len(rows), "rating": table["rating"]})
    if kind == "rows":
        return rows
    if kind == "arrow":
        return table
    if kind == "polars":
        return pytest.importorskip("polars").from_arrow(table)
    if kind == "pandas":
        return pytest.importorskip("pandas").DataFrame(rows)
    path = folder / f"contacts.{kind}"
    if kind == "csv":
        csv.write_csv(flat, path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        parquet.write_table(table, path)
    return str(path)


@pytest.mark.parametrize("in_columns", [False, True])
@pytest.mark.parametrize("kind", ["rows", "arrow", "polars", "pandas", "csv", "jsonl", "parquet"])
def test_checks_see_every_attribute_of_tables(kind, in_columns, tmp_path):
    """Those too that nothing else asks for: else a check would let everybody go, or nobody."""
    rows = [{"contact_id": name, "consent": ["email"], "rating": rating} for name, rating in (("anna", 1), ("b", 4))]
    playbook = Playbook.from_dict({**WORLD, "campaigns": [{"id": "loan", "content": ["note"]}]})
    if not in_columns and kind in ("arrow", "polars", "pandas"):
        pytest.skip("a job by rows takes rows and files")
    for turned in (False, True):
        arbiter, given = Arbiter(playbook, checks=[Creditworthy(turned=turned)]), _given(kind, rows, tmp_path)
        if in_columns:
            job = TableJob(arbiter, given, at=AT, everything=True)
            found = {row["contact_id"]: row["reason"] for batch in job.batches() for row in batch.to_pylist()}
        else:
            job = RowJob(arbiter, Inputs(contacts=given), at=AT)
            found = {row.contact: str(row.reason) for _, decision in job.decisions() for row in decision.rows}
        assert found == {"anna": "refused", "b": "granted"}
        notes = [note.partition(": ")[2] for note in job.summary().notes]
        assert notes == ["checks of your own are asked of each: credit"] * in_columns


def test_what_is_no_check_is_refused():
    """With what a check is; and two of one name."""
    for wrong in (Only, object(), lambda *_: True):
        with pytest.raises(ModelError, match="a check is an object with a name and a method allows"):
            Arbiter(PLAYBOOK, checks=[wrong])
    with pytest.raises(ModelError, match="two checks are named 'only'"):
        Arbiter(PLAYBOOK, checks=[Only(), Only()])


def test_an_arbiter_with_checks_is_pickled():
    """And names its runs apart from those without."""
    arbiter = Arbiter(PLAYBOOK, checks=[Only("news")])
    again = pickle.loads(pickle.dumps(arbiter))
    assert told(again) == told(arbiter)
    runs = {row.run_id for own in (arbiter, again) for row in own.decide(ANNA, at=AT).rows}
    assert len(runs) == 1
    assert runs != {row.run_id for row in Arbiter(PLAYBOOK).decide(ANNA, at=AT).rows}
    assert isinstance(Only(), Check)
    assert not isinstance(Weighted(), Check)
