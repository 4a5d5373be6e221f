"""What models say besides propensity and value: spread, opt_out and uplift, in both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import numpy as np
import pytest
import tabled
from generate import lively

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook, Score
from journeykit.job import Inputs, Job, TableJob
from journeykit.tables import decision_cells
from journeykit.testing import check_policy

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = {
    "policy": "careful",
    "content": [{"id": "note", "channel": "email"}, {"id": "letter", "channel": "email"}],
    "campaigns": [{"id": "launch", "content": ["note", "letter"]}, {"id": "care", "content": ["note"]}],
}
ESTIMATES = ("spread", "opt_out", "uplift")
UNKNOWN = {"spread": 0.5, "opt_out": 0.25, "uplift": 0.125}
FACTORS = {"spread": 2, "opt_out": 10, "uplift": 100}


class Careful:
    """A policy that looks at all three, claim by claim."""

    def weigh(self, claim, contact, context):
        """So that each of the three can be told from the weight."""
        return 200 + sum(
            FACTORS[name] * (UNKNOWN[name] if getattr(claim, name) is None else getattr(claim, name))
            for name in ESTIMATES
        )


class CarefulColumns(Careful):
    """The same over columns."""

    def weigh_columns(self, columns):
        """The same for many claims."""
        own = {name: getattr(columns, name) for name in ESTIMATES}
        return 200 + sum(FACTORS[name] * np.where(np.isnan(own[name]), UNKNOWN[name], own[name]) for name in ESTIMATES)


def both(playbook, policy, contacts, scores=None, claims=None, *, at=AT):
    """The rows of both engines, which are equal, and the summary."""
    arbiter = Arbiter(playbook, {"careful": policy})
    job = Job(arbiter, Inputs(contacts=contacts, scores=scores, claims=claims), at=at)
    wanted = [decision_cells(row) for _, decision in job.decisions() for row in decision.rows]
    table = TableJob(arbiter, contacts, scores=scores, claims=claims, at=at, everything=True)
    found = [tuple(row.values()) for batch in table.batches() for row in batch.to_pylist()]
    plain = [tuple(list(cell) if isinstance(cell, tuple) else cell for cell in row) for row in wanted]
    assert found == plain
    assert table.summary().bad_first == job.summary().bad_first
    return wanted, job.summary()


@pytest.mark.parametrize("policy", [Careful(), CarefulColumns()])
@pytest.mark.parametrize("brought", [False, True])
def test_policies_see_what_models_say(policy, brought):
    """A claim's own numbers, else those of the content's score, else those of the campaign's score."""
    playbook = Playbook.from_dict(PLAYBOOK)
    contacts = [{"contact_id": name, "consent": "email"} for name in ("anna", "ben", "cleo")]
    scores = [
        {"contact_id": "anna", "campaign_id": "launch", "spread": 0.25, "opt_out": 0.5, "uplift": -1},
        {"contact_id": "ben", "campaign_id": "launch", "opt_out": 0.75, "spread": 3},
        {"contact_id": "ben", "campaign_id": "launch", "content_id": "letter", "uplift": 0.5},
    ]
    own = {"anna": {}, "ben": {"uplift": 1, "opt_out": None}, "cleo": {"opt_out": 0}}
    claims = [
        {"contact_id": name, "campaign_id": "launch", "content_id": content, **own[name]}
        for name in own
        for content in ("note", "letter")
    ]
    rows, summary = both(playbook, policy, contacts, scores, claims if brought else None)
    weights = {(row[2], row[5]): row[12] for row in rows if row[4] == "launch"}
    nothing = {"spread": None, "opt_out": None, "uplift": None}
    expected = {
        ("anna", "note"): nothing | {"spread": 0.25, "opt_out": 0.5, "uplift": -1},
        ("anna", "letter"): nothing | {"spread": 0.25, "opt_out": 0.5, "uplift": -1},
        ("ben", "note"): nothing | {"opt_out": 0.75, "spread": 3} | ({"uplift": 1} if brought else {}),
        ("ben", "letter"): nothing | {"uplift": 1 if brought else 0.5},
        ("cleo", "note"): nothing | ({"opt_out": 0} if brought else {}),
        ("cleo", "letter"): nothing | ({"opt_out": 0} if brought else {}),
    }
    assert weights == {
        key: Careful().weigh(Claim(campaign="launch", **own), None, None) for key, own in expected.items()
    }
    assert summary.bad_rows == 0


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("spread", -0.1, "a number from 0 to 1e9"),
        ("spread", float("inf"), "a number from 0 to 1e9"),
        ("opt_out", 1.5, "a number from 0 to 1"),
        ("opt_out", -1, "a number from 0 to 1"),
        ("opt_out", "often", "a number from 0 to 1"),
        ("uplift", -1.25, "a number from -1 to 1"),
        ("uplift", "2", "a number from -1 to 1"),
    ],
)
def test_cells_that_cannot_be_are_bad(name, value, allowed):
    """A bad cell of scores makes its row bad, one of claims its claim invalid; as those of propensity do."""
    playbook = Playbook.from_dict(PLAYBOOK)
    contacts = [{"contact_id": "anna", "consent": "email"}]
    scores = [
        {"contact_id": "anna", "campaign_id": "care", name: value},
        {"contact_id": "anna", "campaign_id": "launch", name: 0.5},
    ]
    _, summary = both(playbook, CarefulColumns(), contacts, scores)
    assert [(bad.row, bad.field, bad.allowed) for bad in summary.bad_first] == [(1, name, allowed)]
    rows, summary = both(playbook, CarefulColumns(), contacts, None, scores)
    assert [(bad.row, bad.field, bad.allowed) for bad in summary.bad_first] == [(1, name, allowed)]
    assert [row[9] for row in rows if row[4] == "care"] == ["invalid"]


def test_scores_and_claims_in_python_are_checked_too():
    """A score that cannot be is an error; of a claim it makes the claim invalid."""
    with pytest.raises(ModelError, match="opt_out of a score is a number from 0 to 1, found 2"):
        Score(opt_out=2)
    with pytest.raises(ModelError, match="uplift"):
        Score(uplift=-1.5)
    with pytest.raises(ModelError, match="spread"):
        Score(spread=True)
    arbiter = Arbiter(Playbook.from_dict(PLAYBOOK), {"careful": Careful()})
    claims = [Claim(campaign="care", uplift=-2), Claim(campaign="launch", content="note", spread=0)]
    decision = arbiter.decide(Contact(id="anna", consent=["email"]), claims=claims, at=AT)
    assert decision.row("care").note == "uplift must be a number from -1 to 1, found -2"
    assert [grant.campaign for grant in decision.granted] == ["launch"]


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5, 7])
def test_both_engines_see_the_same_in_any_tables(seed):
    """Any playbook, any scores and claims, with cells that cannot be."""
    found = lively(seed)
    rng = Random(f"estimates {seed}")
    playbook = Playbook.from_dict({**found.playbook.to_dict(), "policy": "careful"})
    contacts = [{"contact_id": f"p{number:03d}", "consent": "email;sms;push"} for number in range(6)]
    scores = tabled.estimated(rng, tabled.scores(rng, playbook, 6))
    claims = tabled.estimated(rng, tabled.claims(rng, playbook, found.at, 6, few=True)) if seed % 2 else None
    policy = CarefulColumns() if seed % 3 else Careful()
    both(playbook, policy, contacts, scores, claims, at=found.at)


@pytest.mark.parametrize("column", ["opt_out", "propensity"])
def test_quotas_add_up_what_models_say(column):
    """At most so many opt-outs are to be expected of a run: a quota of a column of claims, in both engines."""
    quota = {"name": "expected", "max": 0.3, "of": column}
    playbook = Playbook.from_dict({**PLAYBOOK, "policy": "weighted", "quotas": [quota]})
    contacts = [{"contact_id": f"p{number}", "consent": "email"} for number in range(5)]
    claims = [
        {"contact_id": f"p{number}", "campaign_id": "care", column: 0.1, "weight": 1 + number} for number in range(5)
    ]
    arbiter = Arbiter(playbook)
    decisions = [decision for _, decision in Job(arbiter, Inputs(contacts=contacts, claims=claims), at=AT).decisions()]
    granted = [grant.weight for decision in decisions for grant in decision.granted]
    table = TableJob(arbiter, contacts, claims=claims, at=AT, everything=True)
    found = [row["weight"] for batch in table.batches() for row in batch.to_pylist() if row["outcome"] == "granted"]
    assert granted == found == [3, 4, 5]


class Forgetful(CarefulColumns):
    """A policy whose columns forget one of the three."""

    def weigh_columns(self, columns):
        """The same as if nobody said how likely an opt-out is."""
        return super().weigh_columns(columns) - FACTORS["opt_out"] * np.nan_to_num(columns.opt_out)


def test_a_policy_is_checked_with_them():
    """Columns that forget what `weigh` looks at are found by `check_policy`."""
    check_policy(CarefulColumns())
    with pytest.raises(AssertionError, match="weigh_columns"):
        check_policy(Forgetful())
