"""The playbook as a value: what it refuses, and what it warns of."""

from __future__ import annotations

import pytest

from journeykit import (
    Campaign,
    Cap,
    Claim,
    Conflict,
    Contact,
    Content,
    Journey,
    Lag,
    Limit,
    ModelError,
    Playbook,
    PlaybookError,
    Scope,
    Stage,
    Team,
    Touch,
    Window,
)

WEEK = Window.calendar("week")


def problems(**parts) -> list[str]:
    with pytest.raises(PlaybookError) as error:
        Playbook(**parts)
    return [str(problem) for problem in error.value.problems]


def test_all_references_to_nothing_are_told_at_once() -> None:
    """Every reference that leads nowhere is reported with its path, what there is, and what was probably meant."""
    found = problems(
        teams=[Team(name="events")],
        content=[Content(id="invitation", channel="email")],
        campaigns=[Campaign(id="meetup", team="evnts", content=["invitaton"])],
        caps=[Cap(name="c", max=1, window=WEEK, where=Scope.of(campaign="meet-up"))],
        conflicts=[Conflict(name="k", first=Scope.of(content="x"), then=Scope.of(team="events"), lag=Lag.parse("1d"))],
    )
    assert found == [
        "campaigns[0].team: unknown team 'evnts'; there is events (did you mean 'events'?)",
        "campaigns[0].content[0]: unknown content 'invitaton'; there is invitation (did you mean 'invitation'?)",
        "caps[0].where.campaign: unknown campaign 'meet-up'; there is meetup (did you mean 'meetup'?)",
        "conflicts[0].first.content: unknown content 'x'; there is invitation",
    ]


def test_names_are_taken_once() -> None:
    """Two of one kind with one name are an error that says where the first stands."""
    assert problems(teams=[Team(name="a"), Team(name="b"), Team(name="a")]) == [
        "teams[2].name: 'a' is already taken by teams[0]"
    ]


def test_a_section_left_out_is_not_checked_against() -> None:
    """Without teams any team will do; without a journey any stage."""
    book = Playbook(
        content=[Content(id="mail", channel="email", stages={"anything": 1})],
        campaigns=[Campaign(id="news", team="anybody", content=["mail"])],
    )
    assert book.check() == ()


@pytest.mark.parametrize(
    ("parts", "warning"),
    [
        ({"caps": [Cap(name="c", max=None, window=WEEK)]}, "caps[0].max: 'c' can never bind: it has no limit"),
        (
            {"caps": [Cap(name="c", max=1, window=WEEK, where=Scope.of(channel="fax"))]},
            "caps[0].where: 'c' can never bind: it matches no campaign's content",
        ),
        (
            {"caps": [Cap(name="c", max=1, window=WEEK, by="theme")]},
            "caps[0].by: 'c' can never bind: nothing in its scope has theme",
        ),
        (
            {"caps": [Cap(name="c", max=1, window=WEEK, points=0)]},
            "caps[0].points: 'c' can never bind: everything in its scope weighs 0 points",
        ),
        (
            {"caps": [Cap(name="c", max=0, window=WEEK)]},
            "campaigns[0]: 'news' can never win: the cap 'c' forbids it",
        ),
        (
            {
                "conflicts": [
                    Conflict(name="k", first=Scope.of(theme="x"), then=Scope.of(theme="y"), lag=Lag.parse("1d"))
                ]
            },
            "conflicts[0]: neither first nor then matches a campaign's content: the rule can never apply",
        ),
        ({"reserve": 0, "weight": 0}, "campaigns[0]: 'news' can never win: its weight is 0 and the reserve 0"),
        ({"paused": True}, "campaigns[0]: 'news' can never win: it is paused"),
        ({"stages": {"awareness": 0}}, "campaigns[0]: 'news' can never win: its content fits no stage"),
        (
            {"stages": {"decision": 1}},
            "campaigns[0]: 'news' can never win: every stage that its content fits is owned by another department",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_probably_not_meant_is_warned_of(parts: dict, warning: str) -> None:
    """A cap that can never bind and a campaign that can never win are warnings, not errors."""
    parts = dict(parts)
    campaign = {key: parts.pop(key) for key in ("weight", "paused") if key in parts}
    book = Playbook(
        journey=Journey([Stage("awareness", "marketing"), Stage("decision", "sales")]),
        content=[Content(id="mail", channel="email", stages=parts.pop("stages", None))],
        campaigns=[Campaign(id="news", content=["mail"], **campaign)],
        **parts,
    )
    assert [str(problem) for problem in book.check()] == [warning]
    assert all(problem.severity == "warning" for problem in book.check())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cap(name="c", max=-1, window=WEEK), "from 0"),
        (lambda: Cap(name="c", max=float("nan"), window=WEEK), "from 0"),
        (lambda: Cap(name="c", max={"atribute": "x"}, window=WEEK), "attribute"),
        (lambda: Limit("most", default=-1), "default"),
        (lambda: Cap(name="c", max=1, window=WEEK, by="chanel"), "did you mean 'channel'"),
        (lambda: Scope.of(chanel="email"), "did you mean 'channel'"),
        (lambda: Cap(name="c", max=1, window="week"), "window"),
        (lambda: Content(id="m", channel="email", stages={"a": 2}), "from 0 to 1"),
        (lambda: Campaign(id="c", weight=float("inf")), "weight"),
        (lambda: Campaign(id="c", repeat=0), "repeat"),
        (lambda: Contact(id=""), "id"),
        (lambda: Contact(id="a", timezone="Europe/Skopie"), "unknown time zone"),
        (lambda: Contact(id="a", preferences={"email": 2}), "from 0 to 1"),
        (lambda: Contact(id="a", consent=7), "consent"),
        (lambda: Touch(at=None), "aware datetime"),
        (lambda: Playbook(timezone="Skopje"), "unknown time zone"),
    ],
)
def test_values_that_cannot_be_are_refused(make, message: str) -> None:
    """A part of the model that cannot be is refused when it is made, with its field."""
    with pytest.raises(ModelError, match=message):
        make()


def test_a_claim_judges_its_own_data() -> None:
    """A claim is made from any data, and says what is wrong with it."""
    assert Claim(campaign="news").fault() is None
    assert "weight" in (Claim(campaign="news", weight=float("nan")).fault() or "")
    assert "campaign" in (Claim(campaign="").fault() or "")
    assert "risk" in (Claim(campaign="news", numbers={"risk": float("inf")}).fault() or "")
