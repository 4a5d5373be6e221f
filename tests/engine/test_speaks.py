"""Teams that may speak on the stages of other departments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve

from journeykit import Arbiter, Campaign, Contact, Content, Journey, ModelError, Playbook, Stage, Team

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def shop(**team) -> Playbook:
    """A playbook whose journey has a stage of each department, and one without owner."""
    stages = [Stage("lead", owner="marketing"), Stage("deal", owner="sales"), Stage("client", owner="service"), "fan"]
    return Playbook(
        journey=Journey(stages),
        teams=[Team(name="events", **team)],
        content=[Content(id="note", channel="email")],
        campaigns=[Campaign(id="meetup", team="events", content="note")],
    )


def spoken(playbook: Playbook) -> list[str]:
    """The stages on which the campaign is granted, in both engines."""
    stages = ("lead", "deal", "client", "fan")
    rows = [{"contact_id": name, "stage": name, "consent": ["email"]} for name in stages]
    found = Arbiter(playbook).decide_table(rows, at=AT, everything=True).to_pylist()
    alone = [Arbiter(playbook).decide(Contact(id=name, stage=name, consent="email"), at=AT).rows[0] for name in stages]
    assert [row["reason"] for row in found] == [str(row.reason) for row in alone]
    assert {str(row.reason) for row in alone} <= {"granted", "wrong_owner"}
    return [row["contact_id"] for row in found if row["reason"] == "granted"]


@pytest.mark.parametrize(
    ("speaks", "stages"),
    [
        ((), ["lead", "fan"]),
        ("sales", ["lead", "deal", "fan"]),
        (["sales", "service"], ["lead", "deal", "client", "fan"]),
        ("everywhere", ["lead", "deal", "client", "fan"]),
    ],
)
def test_a_team_speaks_on_its_own_stages_and_on_those_that_are_named(speaks, stages):
    """A stage without owner is everybody's."""
    pytest.importorskip("pyarrow")
    assert spoken(shop(speaks=speaks)) == stages


@pytest.mark.parametrize(
    ("stage", "speaks", "reason"),
    [
        ("deals", (), "wrong_owner"),
        ("deals", "sales", "wrong_owner"),
        ("deals", "everywhere", "granted"),
        (" Lead", (), "granted"),
        (None, (), "granted"),
    ],
)
def test_a_stage_that_the_journey_does_not_have_is_no_departments(stage, speaks, reason):
    """A misspelt stage protects no less than the one that was meant; the decision says so, and the audit agrees."""
    pytest.importorskip("pyarrow")
    playbook, anna = shop(speaks=speaks), Contact(id="anna", stage=stage, consent="email")
    arbiter = Arbiter(playbook)
    alone = arbiter.decide(anna, at=AT)
    (row,) = arbiter.decide_table(
        [{"contact_id": "anna", "stage": stage, "consent": ["email"]}], at=AT, everything=True
    ).to_pylist()
    assert (str(alone.rows[0].reason), row["reason"]) == (reason, reason)
    assert row["rule"] == alone.rows[0].rule
    assert arbiter.audit(alone, anna) == ()
    told = ("the contact's stage 'deals' is not in the journey; did you mean 'deal'?",)
    assert alone.notes == (told if stage == "deals" else ())
    given = shop(speaks="everywhere")
    broken = arbiter.audit(Arbiter(given).decide(anna, at=AT), anna)
    assert [one.rule for one in broken] == (["wrong_owner"] if reason == "wrong_owner" else [])


def test_where_no_stage_has_an_owner_there_is_nobody_to_protect():
    """Nor without a journey."""
    for playbook in (shop(), evolve(shop(), journey=None)):
        bare = evolve(playbook, journey=None if playbook.journey is None else Journey(["lead", "deal"]))
        (row,) = Arbiter(bare).decide(Contact(id="anna", stage="deals", consent="email"), at=AT).rows
        assert str(row.reason) == "granted"


def test_everywhere_stands_alone():
    """Beside departments it would say nothing more."""
    with pytest.raises(ModelError, match="speaks is everywhere, or a list of departments"):
        Team(name="events", speaks=["everywhere", "sales"])


def test_a_department_that_owns_no_stage_is_warned_of():
    """With the nearest one that does; and a campaign can win on the stages of others."""
    (warning,) = shop(speaks=["salse"]).check()
    assert (warning.path, warning.suggestion) == ("teams[0].speaks[0]", "sales")
    fits = [Content(id="note", channel="email", stages=["deal"])]
    parts = {"journey": shop().journey, "content": fits, "campaigns": shop().campaigns}
    assert "every stage that its content fits" in Playbook(teams=shop().teams, **parts).check()[0].message
    assert Playbook(teams=shop(speaks="sales").teams, **parts).check() == ()


def test_old_playbooks_are_what_they_were():
    """Nothing is written where nothing is said; a text and a list go to a file and back."""
    assert "speaks" not in shop().to_dict()["teams"][0]
    for speaks in ("everywhere", ["sales"]):
        assert Playbook.from_dict(shop(speaks=speaks).to_dict()) == shop(speaks=speaks)
