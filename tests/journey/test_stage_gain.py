"""Nurture in the currency of promotions: what content brings by moving a contact on is the value of its claims."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Claim, Contact, Content, Journey, ModelError, Playbook, PlaybookError, Score, Stage
from journeykit.job import Inputs, Job
from journeykit.playbook.read import loads
from journeykit.policies import Weighted

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DATA = {
    "journey": {
        "stages": [
            {"name": "awareness", "value": 2},
            {"name": "decision", "value": 50},
            {"name": "lost", "value": 0},
            {"name": "nowhere"},
        ]
    },
    "content": [
        {"id": "guide", "channel": "email", "advances": {"decision": 0.25, "lost": -0.5}},
        {"id": "offer", "channel": "email"},
    ],
    "campaigns": [
        {"id": "nurture", "content": ["guide"], "weight": 2},
        {"id": "promotion", "content": ["offer"], "weight": 5},
    ],
}
GAIN = 0.25 * (50 - 2) - 0.5 * (0 - 2)
"""Of the guide, for a contact of awareness."""


def playbook(**changes) -> Playbook:
    return Playbook.from_dict({**DATA, **changes})


def contact(stage: str | None = "awareness") -> Contact:
    return Contact(id="anna", stage=stage, consent=["email"])


def nurture(stage: str | None = "awareness", **given):
    return Arbiter(playbook()).decide(contact(stage), at=AT, **given).row("nurture")


def test_the_gain_is_a_factor_of_the_weight() -> None:
    """The weight is multiplied with the expected gain in stage value, and the explanation says so."""
    row = nurture()
    assert (row.weight, row.factors["stage_gain"]) == (2 * GAIN, GAIN)
    assert "stage_gain" not in Arbiter(playbook()).decide(contact(), at=AT).row("promotion").factors


def test_what_leads_back_is_worth_less_than_nothing() -> None:
    """For a contact who is further than where the content leads, it is worth nothing or less, and is not sent."""
    row = nurture("decision")
    assert (row.weight, str(row.reason)) == (2 * -0.5 * (0 - 50) + 0, "granted")
    backwards = playbook(
        content=[{"id": "guide", "channel": "email", "advances": {"awareness": 0.5}}, DATA["content"][1]]
    )
    row = Arbiter(backwards).decide(contact("decision"), at=AT).row("nurture")
    assert (row.weight, str(row.reason)) == (2 * 0.5 * (2 - 50), "not_worth_it")


@pytest.mark.parametrize("stage", ["nowhere", "elsewhere", None])
def test_without_a_value_of_the_stage_there_is_no_factor(stage: str | None) -> None:
    """Where the contact's stage, or its value, is not known, the claim weighs what it would without, visibly."""
    row = nurture(stage)
    assert row.weight == 2
    assert "stage_gain" not in row.factors


def test_one_unknown_target_is_enough() -> None:
    """Where the value of a stage that the content advances to is not known, there is no factor."""
    content = [{"id": "guide", "channel": "email", "advances": {"decision": 0.25, "nowhere": 0.1}}]
    unknown = Playbook.from_dict({**DATA, "content": content, "campaigns": DATA["campaigns"][:1]})
    assert Arbiter(unknown).decide(contact(), at=AT).row("nurture").weight == 2


def test_a_claims_own_value_or_weight_comes_first() -> None:
    """A value from a claims table or a model's score stands in place of the gain; a claim's own weight stays."""
    valued = nurture(claims=[Claim(campaign="nurture", value=3)])
    assert (valued.weight, valued.factors["value"], "stage_gain" in valued.factors) == (6, 3, False)
    assert nurture(claims=[Claim(campaign="nurture", weight=7)]).weight == 7
    assert nurture(scores={"nurture": Score(propensity=0.5, value=10)}).weight == 10
    assert nurture(scores={"nurture": Score(propensity=0.5)}).weight == 2 * 0.5 * GAIN


@pytest.mark.parametrize("policy", ["ranked", "first_come"])
def test_policies_that_weigh_like_weighted(policy: str) -> None:
    """What `weighted` makes of the gain, the other built-in policies make of it too."""
    assert Arbiter(playbook(policy=policy)).decide(contact(), at=AT).row("nurture").weight == 2 * GAIN


ROWS = [
    {"contact_id": f"p{number}", "stage": stage, "consent_email": True}
    for number, stage in enumerate(["awareness", "decision", "lost", "nowhere", "elsewhere", None, "awareness"])
]


class Doubled(Weighted):
    """Twice the gain, by columns and claim by claim."""

    def weigh(self, claim, contact, context):
        return super().weigh(claim, contact, context) + (context.gain or 0)

    def weigh_columns(self, columns):
        return columns.product + np.nan_to_num(columns.gain)


class Slow(Doubled):
    """The same, claim by claim alone."""

    def weigh(self, claim, contact, context):
        return super().weigh(claim, contact, context)


@pytest.mark.parametrize("policy", [None, Doubled(), Slow()], ids=["weighted", "columns", "rows"])
@pytest.mark.parametrize("asked", [False, True], ids=["derived", "claims"])
def test_both_engines_weigh_alike(policy, asked: bool) -> None:
    """Derived claims and those of a table, with values and weights of their own or not."""
    claims = [
        {"contact_id": row["contact_id"], "campaign_id": "nurture", "value": value, "weight": weight}
        for row in ROWS
        for value, weight in [((None, 3)[row["contact_id"] == "p0"], (None, 7)[row["contact_id"] == "p1"])]
    ]
    scores = [{"contact_id": "p6", "campaign_id": "nurture", "value": 4, "propensity": 0.5}]
    mine = {} if policy is None else {"mine": policy}
    rules = playbook(policy="mine") if mine else playbook()
    assert_equal(rules, ROWS, None, scores, claims if asked else None, at=AT, policies=mine)


def test_a_run_says_how_many_claims_had_no_gain() -> None:
    """Claims whose content advances contacts, while a value is not known, are counted in the summary."""
    job = Job(Arbiter(playbook()), Inputs(contacts=ROWS), at=AT)
    list(job.decisions())
    assert job.summary().missing["stage_value"] == {"setting": "allow", "claims": 3}
    assert "missing stage_value: 3 claims, allow" in str(job.summary())


def test_a_gain_that_never_counts_is_warned_of() -> None:
    """`check` names the stages whose value is not known: those advanced to, or those on which a contact may be."""
    (problem,) = playbook().check()
    assert str(problem) == (
        "content[0].advances: the gain does not count for contacts there: "
        "the journey has no value for the stage 'nowhere'"
    )
    bare = playbook(journey={"stages": ["awareness", "decision", "lost"]})
    assert "the gain never counts: the journey has no value for the stages 'decision', 'lost'" in str(bare.check()[0])
    assert playbook(content=[{**DATA["content"][0], "stages": ["awareness"]}, DATA["content"][1]]).check() == ()


def test_an_unknown_stage_is_an_error() -> None:
    """Content advances to stages that the journey has."""
    with pytest.raises(
        PlaybookError, match=r"content\[0\].advances.decison: unknown stage 'decison'.*did you mean 'decision'"
    ):
        playbook(content=[{"id": "guide", "channel": "email", "advances": {"decison": 0.1}}, DATA["content"][1]])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"decision": 1.5}, "the gain for 'decision' must be a number from -1 to 1, found 1.5"),
        ({"decision": float("nan")}, "the gain for 'decision' must be a number from -1 to 1, found nan"),
        ({"decision": True}, "the gain for 'decision' must be a number from -1 to 1, found True"),
        ({"": 0.5}, "a gain is named by a stage, found ''"),
        (["decision"], "advances must be a mapping of stages to numbers from -1 to 1"),
    ],
)
def test_a_gain_is_a_change_of_a_probability(given: object, said: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ModelError, match=said):
        Content(id="guide", channel="email", advances=given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("yaml", "content: [{id: guide, channel: email, advances: {decision: 0.25, lost: -0.5}}]"),
        ("json", '{"content": [{"id": "guide", "channel": "email", "advances": {"decision": 0.25, "lost": -0.5}}]}'),
        ("toml", '[[content]]\nid = "guide"\nchannel = "email"\nadvances = {decision = 0.25, lost = -0.5}\n'),
    ],
)
def test_files_hold_it(form, text: str) -> None:
    """In YAML, JSON and TOML; written out it is read back, and what is wrong is named with its path."""
    read = loads(text, form, Playbook)
    assert read.content is not None
    assert read.content[0].advances == {"decision": 0.25, "lost": -0.5}
    assert Playbook.from_dict(read.to_dict()) == read
    with pytest.raises(PlaybookError, match=r"content\[0\].advances.decision: the gain for 'decision' must be"):
        loads(text.replace("0.25", "25"), form, Playbook)


def test_files_refuse_a_list() -> None:
    """A list says no gains."""
    with pytest.raises(PlaybookError, match=r"content\[0\].advances: expected a mapping of stages to numbers"):
        loads("content: [{id: guide, channel: email, advances: [decision]}]", "yaml", Playbook)


def test_an_empty_mapping_is_none() -> None:
    """A mapping without stages says as little as none, and the playbooks are the same."""
    empty = Content(id="guide", channel="email", advances={})
    assert empty == Content(id="guide", channel="email")


def test_a_playbook_without_it_is_written_and_hashed_as_before() -> None:
    """Content that advances to nothing does not have the key, so that older playbooks keep their fingerprint."""
    assert "advances" not in Playbook(content=[Content(id="guide", channel="email")]).to_dict()["content"][0]
    assert playbook().to_dict()["content"][0]["advances"] == {"decision": 0.25, "lost": -0.5}


def test_values_come_from_a_journey() -> None:
    """A journey with values makes the playbook that weighs by them."""
    journey = Journey([Stage("awareness"), Stage("decision")]).valued({"awareness": 0, "decision": 8})
    content = [Content(id="guide", channel="email", advances={"decision": 0.5})]
    assert content[0].stage_gain("awareness", journey.values) == 4
    assert journey.values == {"awareness": 0, "decision": 8}
