"""Segments: named rules of the playbook, seen by audiences, caps and policies alike, in both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import tabled
from attrs import evolve
from generate import SEGMENT_RULES, situation
from test_one_equals_columns import assert_equal

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Contact,
    Content,
    ModelError,
    Playbook,
    PlaybookError,
    Rule,
    Segment,
    Window,
)
from journeykit.contradiction import is_never_true
from journeykit.ledger import MemoryLedger

AT = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
BIG = Segment(name="enterprise", rule="employees >= 500")
MAIL = Content(id="note", channel="email")


def playbook(**more) -> Playbook:
    """One campaign for enterprises."""
    campaign = Campaign(id="launch", content=["note"], audience="'enterprise' in segments")
    return Playbook(**{"segments": [BIG], "content": [MAIL], "campaigns": [campaign]} | more)


def contact(name: str = "anna", employees: float | None = 700, **more) -> Contact:
    """Somebody of a company of some size."""
    return Contact(id=name, consent=["email"], attributes={"employees": employees}, **more)


def granted(rules: Playbook, who: Contact, **more) -> list[str]:
    """The campaigns that a contact gets."""
    return [grant.campaign for grant in Arbiter(rules).decide(who, at=AT, **more).granted]


# What a segment is


def test_an_audience_asks_for_a_segment_of_the_playbook():
    """Whoever the rule is true of is in the segment; who is unknown is not."""
    assert granted(playbook(), contact()) == ["launch"]
    assert granted(playbook(), contact(employees=20)) == []
    assert granted(playbook(), contact(employees=None)) == []


def test_a_contact_brings_segments_too():
    """His own come first, then the playbook's in their order, and none twice."""
    rules = playbook(segments=[BIG, Segment(name="all", rule="True"), Segment(name="vip", rule="True")])
    assert rules.segments_of(contact(segments=["vip", "old"]), AT) == ("vip", "old", "enterprise", "all")
    assert rules.segments_of(contact(employees=3, segments=["enterprise"]), AT) == ("enterprise", "all", "vip")
    assert rules.segmented(contact(), AT) == contact(segments=["enterprise", "all", "vip"])


def test_a_rule_sees_only_what_the_contact_brings():
    """A segment does not see the other named ones, whatever their order."""
    rules = playbook(
        segments=[
            Segment(name="both", rule="'enterprise' in segments"),
            BIG,
            Segment(name="any", rule="length(segments) > 0"),
        ]
    )
    assert rules.segments_of(contact(), AT) == ("enterprise",)
    assert rules.segments_of(contact(segments=["enterprise"]), AT) == ("enterprise", "both", "any")


def test_a_rule_is_asked_at_the_contacts_own_date():
    """Half past eleven in the evening is tomorrow in Skopje."""
    rules = playbook(segments=[Segment(name="today", rule="days_since('2026-11-05') < 1")])
    assert rules.segments_of(contact(), AT) == ("today",)
    assert rules.segments_of(contact(timezone="Europe/Skopje"), AT) == ()
    assert evolve(rules, timezone="Europe/Skopje").segments_of(contact(), AT) == ()


def test_caps_and_policies_see_segments_too():
    """A cap that protects a segment binds its contacts alone; a policy reads them off the contact."""
    cap = Cap(name="none", max=0, window=Window.ever(), audience="'enterprise' in segments")
    claims = [Claim(campaign="news", channel="email", weight=1)]
    rules = playbook(caps=[cap], campaigns=None)
    assert granted(rules, contact(), claims=claims) == []
    assert granted(rules, contact(employees=3), claims=claims) == ["news"]

    class Counting:
        def weigh(self, claim, who, context):
            return len(who.segments)

    open_to_all = playbook(campaigns=[Campaign(id="launch", content=["note"])], policy="counting")
    decision = Arbiter(open_to_all, {"counting": Counting()}).decide(contact(segments=["vip"]), at=AT)
    assert [grant.weight for grant in decision.granted] == [2.0]


def test_the_contact_that_was_given_stays_as_it_was():
    """A decision changes no contact."""
    anna = contact()
    assert granted(playbook(), anna) == ["launch"]
    assert anna.segments == ()


# Everywhere else


def test_it_holds_for_accounts_ledgers_plans_explanations_and_audits():
    """Every way to a decision sees the same segments."""
    rules, anna, ben = playbook(), contact("anna", account="acme"), contact("ben", 3, account="acme")
    arbiter = Arbiter(rules)
    assert [len(decision.granted) for decision in arbiter.decide_account([anna, ben], at=AT)] == [1, 0]
    per_account = Cap(name="one", max=1, per="account", window=Window.ever(), audience="'enterprise' in segments")
    assert granted(playbook(caps=[per_account]), anna) == ["launch"]
    assert len(arbiter.decide(anna, at=AT, ledger=MemoryLedger()).granted) == 1
    assert len(arbiter.decide(anna, at=AT, until=AT + timedelta(days=2)).granted) == 1
    decision = arbiter.decide(anna, at=AT)
    assert arbiter.audit(decision, anna) == ()
    assert [violation.rule for violation in arbiter.audit(decision, evolve(ben, id="anna"))] == ["not_in_audience"]
    denied = arbiter.decide(ben, at=AT)
    assert [(str(row.reason), row.rule) for row in denied.rows] == [("not_in_audience", "'enterprise' in segments")]
    assert "'enterprise' in segments" in str(denied.explain())


@pytest.mark.parametrize("policy", [None, "counting"])
def test_both_engines_see_the_same(policy):
    """Segments by the dozens, of the contact's own and of the playbook, over columns with gaps."""

    class Counting:
        def weigh(self, claim, who, context):
            return 1 + len(who.segments) + ("s1" in who.segments) / 4

    for seed in range(8):
        rng = Random(seed)
        segments = [Segment(name=f"s{n}", rule=rng.choice(SEGMENT_RULES)) for n in range(rng.choice((1, 3, 40)))]
        audiences = ("'s0' in segments", f"length(segments) >= {len(segments) // 3}", "'s1' not in segments")
        rules = Playbook(
            timezone=rng.choice(("UTC", "Asia/Kolkata")),
            segments=segments,
            content=[evolve(MAIL, id=f"c{n}") for n in range(3)],
            campaigns=[Campaign(id=f"k{n}", content=[f"c{n}"], audience=own) for n, own in enumerate(audiences)],
            policy=policy or "weighted",
        )
        rows = tabled.contacts(rng, AT, 40)
        assert_equal(rules, rows, None, at=AT, policies={"counting": Counting()} if policy else None)


def test_columns_are_found_in_whatever_case():
    """A column that only a segment's rule reads is found as the rule writes it."""
    rows = [{"CONTACT_ID": "anna", "EMPLOYEES": 700, "CONSENT": "email"}]
    assert_equal(playbook(), rows, None, at=AT)
    assert len(Arbiter(playbook()).decide_table(rows, at=AT)) == 1


# Playbooks


def test_a_file_holds_segments():
    """They are read, written, and change the fingerprint."""
    data = {"segments": [{"name": "enterprise", "rule": "employees >= 500"}]}
    rules = Playbook.from_dict(data)
    assert rules.segments == (BIG,)
    assert rules.to_dict()["segments"] == [{**data["segments"][0], "description": None}]
    assert Playbook.from_dict(rules.to_dict()) == rules
    assert rules.fingerprint != Playbook().fingerprint
    assert "segments" not in Playbook().to_dict()


@pytest.mark.parametrize(
    ("segments", "path", "message"),
    [
        ([{"name": "a", "rule": "x"}, {"name": "a", "rule": "y"}], "segments[1].name", "already taken"),
        ([{"name": "", "rule": "x"}], "segments[0].name", "not empty"),
        ([{"name": "a"}], "segments[0].rule", ""),
        ([{"name": "a", "rule": "x =>"}], "segments[0].rule", "cannot be read"),
        ([{"name": "a", "rule": "count('webinar') > 1"}], "segments[0].rule", "cannot ask for events"),
        ([{"name": "a", "rule": "x", "rules": "y"}], "segments[0].rules", "unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(segments, path, message):
    """As for every other section."""
    with pytest.raises(PlaybookError) as caught:
        Playbook.from_dict({"segments": segments})
    assert [problem.path for problem in caught.value.problems] == [path]
    assert message in caught.value.problems[0].message


def test_a_segment_is_made_of_a_name_and_a_rule():
    """Anything else is refused, with the field."""
    for wrong, name in (({"name": 3}, "name"), ({"rule": 3}, "rule"), ({"rule": "sum('buy.x') > 3"}, "rule")):
        with pytest.raises(ModelError) as caught:
            Segment(**{"name": "a", "rule": "x"} | wrong)
        assert caught.value.field == name
    with pytest.raises(PlaybookError):
        Playbook(segments=[BIG, BIG])


def test_check_warns_of_what_is_probably_not_meant():
    """The same rule twice, a rule that can be true of nobody, a misspelt name, a segment that asks for another."""
    rules = playbook(
        segments=[
            BIG,
            Segment(name="large", rule="employees  >= 500"),
            Segment(name="nobody", rule="employees >= 500 and employees < 20"),
            Segment(name="nested", rule="'large' in segments"),
        ],
        campaigns=[Campaign(id="a", content=["note"], audience="'enterprize' in segments or 'guests' in segments")],
        caps=[Cap(name="c", max=1, window=Window.ever(), audience="'larg' not in segments")],
    )
    told = {problem.path: problem for problem in rules.check()}
    assert sorted(told) == ["campaigns[0].audience", "caps[0].audience", *(f"segments[{n}].rule" for n in (1, 2, 3))]
    assert told["campaigns[0].audience"].suggestion == "enterprise"
    assert told["caps[0].audience"].suggestion == "large"
    assert "same rule as 'enterprise'" in told["segments[1].rule"].message
    assert playbook().check() == ()


@pytest.mark.parametrize(
    "text",
    [
        "False",
        "x is None and x > 3",
        "x >= 5 and x < 5",
        "not (x > 3) and x > 5",
        "c == 'a' and c == 'b'",
        "c in ('a', 'b') and c == 'c'",
        "c in ('a',) and c not in ('a', 'b')",
        "vip and not vip",
        "x > 3 and x == 'a'",
        "(x > 3 and x < 2) or (y > 3 and (y < 2 and z))",
        "length(segments) > 3 and length(segments) < 2",
        "x is None and x is not None",
    ],
)
def test_a_contradiction_is_found(text):
    """Rules of which it is plain that they are true of nobody."""
    assert is_never_true(Rule(text))


def test_no_rule_that_can_be_true_is_called_a_contradiction():
    """Random rules: whatever is found has no values that make it true."""
    rng = Random(5)
    leaves = ["x > 1", "x >= 2", "x < 2", "x <= 1", "x == 1", "x != 1", "x in (1, 3)", "x not in (1, 2)", "x is None"]
    leaves += ["not (x > 1)", "not (x in (1, 2))", "x is not None", "x", "not x", "y == 'a'", "y > 'b'", "y", "False"]
    values = [{"x": x, "y": y} for x in (None, 0, 1, 1.5, 2, 3, "a", True, False) for y in (None, "a", "c", True, 7)]
    found = 0
    for _ in range(2000):
        parts = rng.sample(leaves, rng.choice((2, 3, 4)))
        text = "".join(f"{part}{rng.choice((' and ', ' and ', ' or '))}" for part in parts[:-1]) + parts[-1]
        rule = Rule(text)
        if is_never_true(rule):
            found += 1
            assert not any(rule.selects(own, AT) for own in values), text
    assert found > 300


def test_random_situations_have_segments():
    """What the comparisons of the engines draw does use them."""
    drawn = [situation(seed).playbook for seed in range(60)]
    assert sum(1 for own in drawn if own.segments) == 20
    assert any("segments" in c.audience.names for own in drawn for c in own.campaigns or () if c.audience is not None)
