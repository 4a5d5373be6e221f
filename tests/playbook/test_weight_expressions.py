"""Weights that are worked out: what a playbook may say, and what it may not."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from journeykit import Arbiter, Campaign, Claim, Contact, Playbook, PlaybookError, RuleError, Score
from journeykit.playbook.read import loads
from journeykit.rule.expression import Expression

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def world(weight: object, **more: object) -> Playbook:
    return Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email", "weight": 2}],
            "campaigns": [{"id": "news", "content": ["note"], "weight": weight, **more}],
            "reserve": -100,
        }
    )


def row_of(weight: object, attributes: dict, scores: Score | None = None, claim: Claim | None = None, **more: object):
    anna = Contact(id="anna", consent=["email"], attributes=attributes)
    claims = None if claim is None else [claim]
    own = {} if scores is None else {"news": scores}
    (row,) = Arbiter(world(weight, **more)).decide(anna, (), claims, at=AT, scores=own).rows
    return row


def test_an_expression_is_worked_out_of_contact_and_claim():
    """What it names leaves the product, all other factors stay."""
    row = row_of("propensity * margin", {"margin": "40"}, Score(propensity=0.25, value=3.0))
    assert row.weight == 0.25 * 40 * 2 * 3
    assert row.factors["campaign"] == 10.0
    assert "propensity" not in row.factors
    assert row_of("2 * margin", {"margin": 5}, Score(propensity=0.5)).weight == 2 * 5 * 2 * 0.5
    assert row_of("value + cost", {}, claim=Claim(campaign="news", value=7.0), cost=3).weight == 20.0
    assert row_of("value + cost", {}, claim=Claim(campaign="news", value=7.0, cost=1.0), cost=3).weight == 16.0
    assert row_of("-margin / 4", {"margin": 2}).weight == -1.0


@pytest.mark.parametrize(
    ("expression", "attributes"),
    [("margin", {}), ("margin", {"margin": "much"}), ("1 / seats", {"seats": 0}), ("propensity * 2", {}),
     ("margin * margin", {"margin": 1e200}), ("min(margin, 2)", {"margin": math.nan})],
)  # fmt: skip
def test_what_is_not_known_is_missing_data(expression, attributes):
    """Nothing is guessed; a claim with a weight of its own is not asked."""
    row = row_of(expression, attributes)
    assert (str(row.reason), row.binding, row.weight) == ("missing_data", ("weight of news",), None)
    assert row_of(expression, attributes, claim=Claim(campaign="news", weight=4.0)).weight == 4.0


def test_coalesce_says_what_to_take_instead():
    """The first that is known."""
    assert row_of("coalesce(margin, propensity, 3)", {}).weight == 6.0
    assert row_of("coalesce(1 / seats, 5)", {"seats": 0}).weight == 10.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 *", "this weight cannot be read: invalid syntax"),
        ("margin / 0", r"this divides by zero, whatever the contact \(column 10\)"),
        ("margin / (2 - 2)", "this divides by zero"),
        ("2 * 3", "this is the same for every contact: write the number itself"),
        ("margin ** 2", "is not allowed; a weight is made of numbers, names"),
        ("margin > 2", "is not allowed"),
        ("margin if vip else 2", "is not allowed"),
        ("'a' + margin", "is not allowed"),
        ("days_since(x) * 2", "unknown function days_since, only min, max, coalesce exist"),
        ("mim(a, b)", "did you mean 'min'"),
        ("min(a)", "min takes at least 2 arguments, found 1"),
        ("margin.__class__ * 1", "no part of a name may begin with an underscore"),
        ("__import__('os').system('x')", "unknown function"),
        ("a" + " + a" * 60, "nested deeper than 50"),
    ],
)
def test_what_is_no_expression_is_refused(text, message):
    """With the column, and in a file with its path and line."""
    with pytest.raises(RuleError, match=message):
        Expression(text)
    data = f'content: [{{id: note, channel: email}}]\ncampaigns:\n  - id: news\n    weight: "{text}"\n'
    with pytest.raises(PlaybookError, match=rf"line 4: campaigns\[0\].weight: .*{message}"):
        loads(data, "yaml", Playbook)


def test_expressions_are_written_as_they_came():
    """A playbook with one comes back from its data; a text that is a number is that number."""
    playbook = world("2 * margin")
    assert playbook.to_dict()["campaigns"][0]["weight"] == "2 * margin"
    assert Playbook.from_dict(playbook.to_dict()) == playbook
    assert Campaign(id="a", weight="margin").weight == Expression("margin")
    with pytest.raises(PlaybookError, match=r"campaigns\[0\].weight: "):
        world(True)
