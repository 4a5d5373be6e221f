"""Warnings of `Playbook.check`: each is told where it is meant, and none where it would be false."""

# ruff: noqa: E501  (a message is read whole)

from __future__ import annotations

from typing import Any

import pytest
from generate import situation

from journeykit import Arbiter, Playbook
from journeykit.errors import closest

WEEK = {"calendar": "week"}
SAME_HOLDOUT = "the playbook's holdout has the same seed, and all of these contacts: give one another seed"
NOTE = {"id": "note", "channel": "email", "topics": ["news"], "theme": "care"}
CALL = {"id": "call", "channel": "phone"}


def campaigns(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": name, "content": ["note"]} | more for name in names]


def told(**parts: Any) -> list[str]:
    """What the checks say of a playbook with one content and one campaign, unless others are given."""
    given = {"content": [NOTE], "campaigns": campaigns("news")} | parts
    found = Playbook.from_dict({name: part for name, part in given.items() if part is not None}).check()
    assert all(problem.severity == "warning" for problem in found)
    return [str(problem) for problem in found]


def gatekeeper(**parts: Any) -> list[str]:
    """What the checks say of a playbook that lists no campaigns."""
    return told(campaigns=None, content=None, **parts)


def hours(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"from": start, "to": end, **more}


def cap(most: Any, window: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": "most", "max": most, "window": window or WEEK, **more}


def share(name: str, team: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "of": "share", "where": {"team": team}, "hard": True} | more


TEAMS = {
    "teams": [{"name": "sales"}, {"name": "events"}],
    "campaigns": [
        {"id": "offer", "team": "sales", "content": ["note"]},
        {"id": "demo", "team": "sales", "content": ["note"]},
        {"id": "gala", "team": "events", "content": ["note"]},
    ],
}


@pytest.mark.parametrize(
    ("parts", "warnings"),
    [
        pytest.param(
            {"quiet_hours": [hours("21:00", "21:00")]},
            ["quiet_hours[0]: '21:00-21:00' is every hour of every day: nothing ever goes out by email"],
            id="quiet all day",
        ),
        pytest.param(
            {"quiet_hours": [hours("21:00", "09:00"), hours("08:00", "21:00")]},
            ["quiet_hours: together quiet_hours leave no time: nothing ever goes out by email"],
            id="two quiet hours are all day",
        ),
        pytest.param(
            {"quiet_hours": [hours("21:00", "09:00")], "send_hours": [hours("07:00", "09:00", channel="email")]},
            ["quiet_hours: together quiet_hours and send_hours leave no time: nothing ever goes out by email"],
            id="send hours within quiet hours",
        ),
        pytest.param(
            {"holidays": [{"rrule": "FREQ=DAILY"}]},
            ["holidays: together holidays leave no time: nothing ever goes out by email"],
            id="a holiday every day",
        ),
        pytest.param(
            {"send_hours": [hours("09:00", "17:00", days=["sun"])], "holidays": [{"rrule": "FREQ=WEEKLY;BYDAY=SU"}]},
            ["send_hours: together send_hours and holidays leave no time: nothing ever goes out by email"],
            id="sent on Sundays, which are holidays",
        ),
        pytest.param(
            {"campaigns": campaigns("news", audience="score > 5 and score < 3")},
            [
                (
                    "campaigns[0].audience: 'news' can never win: its audience can be true of nobody: "
                    "score > 5 and score < 3"
                )
            ],
            id="an audience of nobody",
        ),
        pytest.param(
            {"caps": [cap(1, audience="vip and not vip")]},
            ["caps[0].audience: 'most' can never bind: its audience can be true of nobody: vip and not vip"],
            id="a cap that protects nobody",
        ),
        pytest.param(
            {"holdout": {"share": 1}},
            ["holdout.share: every contact is held out: only campaigns with needs_consent: false send anything"],
            id="a holdout of all",
        ),
        pytest.param(
            {"campaigns": campaigns("news", holdout={"share": 1, "seed": "s"})},
            ["campaigns[0].holdout.share: 'news' can never win: every contact is held out"],
            id="a campaign's holdout of all",
        ),
        pytest.param(
            {"holdout": {"share": 0.2}, "campaigns": campaigns("news", holdout={"share": 0.1})},
            [f"campaigns[0].holdout.seed: {SAME_HOLDOUT}"],
            id="a campaign's holdout within the playbook's",
        ),
        pytest.param(
            {"campaigns": campaigns("a", "b", "c"), "caps": [cap(900)]},
            [
                (
                    "caps[0].max: 'most' can never bind by itself: the playbook's campaigns give a contact at most 3 "
                    "messages, and 900 are allowed"
                )
            ],
            id="a cap of 900",
        ),
        pytest.param(
            {"campaigns": campaigns("a", "b", "c"), "caps": [cap(900, "ever", by="channel", points={"email": 2})]},
            [
                (
                    "caps[0].max: 'most' can never bind by itself: the playbook's campaigns give a contact at most 6 "
                    "points, and 900 are allowed"
                )
            ],
            id="a cap of 900 points",
        ),
        pytest.param(
            TEAMS | {"quotas": [share("one", "sales", min=0.6), share("two", "events", min=0.6)]},
            [
                (
                    "quotas[1].min: 'one' and 'two' together want 1.2 of all that is granted: only a run without messages "
                    "has both"
                )
            ],
            id="minimum shares above one",
        ),
        pytest.param(
            TEAMS
            | {
                "quotas": [
                    share("one", "sales", min=0.6),
                    {"name": "two", "of": "share", "hard": True, "min": 0.6, "where": {"campaign": "gala"}},
                ]
            },
            [
                (
                    "quotas[1].min: 'one' and 'two' together want 1.2 of all that is granted: only a run without messages "
                    "has both"
                )
            ],
            id="shares of a team and of another team's campaign",
        ),
        pytest.param(
            TEAMS | {"quotas": [share("one", "sales", max=0.4), share("two", "events", max=0.5)]},
            [
                (
                    "quotas[1].max: 'one' and 'two' allow 0.9 of all that is granted, and every message is one of theirs: "
                    "only a run without messages keeps this"
                )
            ],
            id="maximum shares below one",
        ),
        pytest.param(
            TEAMS
            | {
                "quotas": [
                    {"name": "offers", "min": 50, "where": {"campaign": "offer"}},
                    {"name": "of sales", "max": 40, "where": {"team": "sales"}},
                ]
            },
            [
                (
                    "quotas[0].min: 'offers' wants at least 50, and 'of sales' allows at most 40 of what they are part of: "
                    "both cannot hold"
                )
            ],
            id="a campaign's minimum above its team's maximum",
        ),
        pytest.param(
            TEAMS
            | {
                "quotas": [
                    {"name": "of sales", "max": 40, "where": {"team": "sales"}},
                    {"name": "offers", "min": 30, "where": {"campaign": "offer"}},
                    {"name": "demos", "min": 20, "where": {"campaign": "demo"}},
                ]
            },
            [
                (
                    "quotas[2].min: 'offers' and 'demos' want at least 50, and 'of sales' allows at most 40 of what they "
                    "are part of: both cannot hold"
                )
            ],
            id="two campaigns' minima above their team's maximum",
        ),
        pytest.param(
            {
                "quiet_hours": [hours("21:00", "08:00", channel=["email", "smss"])],
                "content": [NOTE, NOTE | {"id": "x", "channel": "sms"}],
            },
            [
                (
                    "quiet_hours[0].channel: no content has the channel 'smss': '21:00-08:00' stops nothing there "
                    "(did you mean 'sms'?)"
                )
            ],
            id="hours of a channel that no content has",
        ),
        pytest.param(
            {"send_hours": [hours("09:00", "17:00", channel="fax")]},
            ["send_hours[0].channel: no content has the channel 'fax': '09:00-17:00' stops nothing there"],
            id="hours of one channel that no content has",
        ),
        pytest.param(
            {"caps": [cap(3, points={"email": 1, "fax": 2})]},
            ["caps[0].points.fax: no content has the channel 'fax': its points count for touches from elsewhere alone"],
            id="points of a channel that no content has",
        ),
        pytest.param(
            {"send_hours": [hours("09:00", "17:00", channel="Email")]},
            [
                (
                    "send_hours[0].channel: channel 'Email' differs in case only from 'email' (content[0].channel), and "
                    "they are two (did you mean 'email'?)"
                )
            ],
            id="a channel in another case",
        ),
        pytest.param(
            {"content": [NOTE, NOTE | {"id": "Note", "topics": ["News"]}], "campaigns": campaigns("news", "News")},
            [
                (
                    "content[1].id: content 'Note' differs in case only from 'note' (content[0].id), and they are two "
                    "(did you mean 'note'?)"
                ),
                (
                    "content[1].topics: topic 'News' differs in case only from 'news' (content[0].topics), and they are "
                    "two (did you mean 'news'?)"
                ),
                (
                    "campaigns[1].id: campaign 'News' differs in case only from 'news' (campaigns[0].id), and they are two "
                    "(did you mean 'news'?)"
                ),
            ],
            id="ids and topics in another case",
        ),
        pytest.param(
            {
                "journey": {"stages": [{"name": "decision", "owner": "Sales"}, "retention"]},
                "teams": [{"name": "care", "department": "sales"}],
            },
            [
                (
                    "teams[0].department: department 'sales' differs in case only from 'Sales' (journey.stages[0].owner), "
                    "and they are two (did you mean 'Sales'?)"
                )
            ],
            id="departments in another case",
        ),
        pytest.param(
            {"requirements": [{"name": "r", "claim": {"topic": "news"}, "with": {"theme": "sales talk"}}]},
            [
                (
                    "requirements[0].with: matches no campaign's content: what needs it is never sent; with within, a "
                    "touch from elsewhere would do"
                )
            ],
            id="a partner that is never there",
        ),
        pytest.param(
            {"requirements": [{"name": "r", "claim": {"topic": "x"}, "with": {}}]},
            ["requirements[0].claim: matches no campaign's content: the rule can never apply"],
            id="a requirement of nothing",
        ),
        pytest.param(
            {"quotas": [{"name": "q", "max": 3, "where": {"topic": "x"}}]},
            ["quotas[0].where: matches no campaign's content: the rule can never apply"],
            id="a quota of nothing",
        ),
    ],
)
def test_what_can_never_do_what_it_seems_to_be_meant_for_is_told(parts: dict[str, Any], warnings: list[str]) -> None:
    """One warning each, where the fault is, with what it means."""
    assert told(**parts) == warnings


@pytest.mark.parametrize(
    ("parts", "warnings"),
    [
        pytest.param(
            {"quiet_hours": [hours("00:00", "24:00")]},
            ["quiet_hours[0]: '00:00-24:00' is every hour of every day: nothing ever goes out"],
            id="quiet all day",
        ),
        pytest.param(
            {"quiet_hours": [hours("00:00", "24:00", channel="sms")]},
            ["quiet_hours[0]: '00:00-24:00' is every hour of every day: nothing ever goes out by sms"],
            id="quiet all day by one channel",
        ),
        pytest.param(
            {"holdout": {"share": 1}},
            ["holdout.share: every contact is held out: only campaigns with needs_consent: false send anything"],
            id="a holdout of all",
        ),
        pytest.param(
            {"caps": [cap(1, audience="length(id) < 0")]},
            ["caps[0].audience: 'most' can never bind: its audience can be true of nobody: length(id) < 0"],
            id="a cap that protects nobody",
        ),
        pytest.param(
            {"quotas": [share("one", "sales", min=0.6), share("two", "events", min=0.6)]},
            [
                (
                    "quotas[1].min: 'one' and 'two' together want 1.2 of all that is granted: only a run without messages "
                    "has both"
                )
            ],
            id="minimum shares above one",
        ),
        pytest.param(
            {"caps": [cap(1, where={"channel": "email"}), cap(2, where={"channel": "EMAIL"}) | {"name": "other"}]},
            [
                (
                    "caps[1].where.channel: channel 'EMAIL' differs in case only from 'email' (caps[0].where.channel), and "
                    "they are two (did you mean 'email'?)"
                )
            ],
            id="channels in another case",
        ),
    ],
)
def test_gatekeepers_are_checked_too(parts: dict[str, Any], warnings: list[str]) -> None:
    """A playbook without campaigns has hours, caps, holdouts and quotas that can be wrong."""
    assert gatekeeper(**parts) == warnings


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(
            {"conflicts": [{"name": "k", "first": {"channel": "phone"}, "then": {}, "lag": "3d"}]},
            id="a conflict with calls that come as touches",
        ),
        pytest.param(
            {"conflicts": [{"name": "k", "first": {"topic": "news"}, "then": {"channel": "phone"}, "lag": "3d"}]},
            id="a conflict with planned calls",
        ),
        pytest.param(
            {"requirements": [{"name": "r", "claim": {}, "with": {"channel": "phone"}, "within": "ever"}]},
            id="a call that must have been",
        ),
        pytest.param({"quiet_hours": [hours("00:00", "24:00", days=["sun"])]}, id="no Sundays"),
        pytest.param({"quiet_hours": [hours("21:00", "20:59")]}, id="a minute a day is left"),
        pytest.param(
            {"quiet_hours": [hours("21:00", "08:00", channel=["email", "phone"])]}, id="hours for what is to come too"
        ),
        pytest.param(
            {"campaigns": campaigns("news", obeys_quiet_hours=False), "quiet_hours": [hours("00:00", "24:00")]},
            id="hours that nothing obeys",
        ),
        pytest.param({"holidays": ["2026-12-08", {"rrule": "FREQ=DAILY;UNTIL=20270101"}]}, id="holidays that end"),
        pytest.param({"holidays": [{"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}]}, id="no weekends"),
        pytest.param({"holdout": {"share": 0.9999}}, id="a large holdout"),
        pytest.param({"caps": [cap(20, {"calendar": "month"})]}, id="a cap that touches of others fill"),
        pytest.param({"caps": [cap(100, "ever")]}, id="a limit for all of the time"),
        pytest.param({"caps": [cap(900)], "campaigns": campaigns("news", repeat=None)}, id="a campaign without end"),
        pytest.param({"caps": [cap({"attribute": "own", "default": 900})]}, id="a limit of the contact's own"),
        pytest.param(
            {"content": None, "campaigns": [{"id": "call"}], "caps": [cap(1, where={"channel": "phone"}, by="topic")]}
            | {"quiet_hours": [hours("21:00", "08:00", channel="phone")]},
            id="a campaign whose claims say how they travel",
        ),
        pytest.param(
            TEAMS | {"quotas": [share("one", "sales", min=0.6), share("two", "events", min=0.4)]}, id="shares of one"
        ),
        pytest.param(
            TEAMS
            | {
                "quotas": [
                    share("one", "sales", min=0.6),
                    {"name": "two", "of": "share", "hard": True, "min": 0.6, "where": {"theme": "care"}},
                ]
            },
            id="shares of the same messages",
        ),
        pytest.param(
            TEAMS | {"quotas": [share("one", "sales", min=0.6), share("two", "events", min=0.6, hard=False)]},
            id="a share that is a wish",
        ),
        pytest.param(
            TEAMS
            | {
                "quotas": [
                    share("one", "sales", min=0.6, during=["2026-11-01", "2026-11-07"]),
                    share("two", "events", min=0.6, during=["2026-11-08", "2026-11-14"]),
                ]
            },
            id="shares of different days",
        ),
        pytest.param(
            TEAMS
            | {
                "quotas": [
                    {"name": "galas", "min": 50, "where": {"campaign": "gala"}},
                    {"name": "of sales", "max": 40, "where": {"team": "sales"}},
                ]
            },
            id="a minimum of another team",
        ),
        pytest.param(
            TEAMS | {"quotas": [share("one", "sales", max=0.4), share("two", "events", max=0.7)]}, id="room for a whole"
        ),
        pytest.param({"campaigns": campaigns("news", weight=0), "policy": "own"}, id="a policy that weighs otherwise"),
        pytest.param(
            {"campaigns": campaigns("news", weight=0), "quotas": [{"name": "q", "min": 5}]},
            id="a minimum that pays for what is worth nothing",
        ),
    ],
)
def test_what_may_be_meant_is_not_warned_of(parts: dict[str, Any]) -> None:
    """Touches, claims and contacts bring more than the playbook has: what they may do is no fault."""
    assert told(**parts) == []


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"caps": [cap(900, where={"channel": "fax"}, points={"fax": 2})]}, id="any channel"),
        pytest.param(
            {
                "conflicts": [{"name": "k", "first": {"team": "sales"}, "then": {"team": "events"}, "lag": "3d"}],
                "requirements": [{"name": "r", "claim": {"team": "sales"}, "with": {"team": "events"}}],
                "quotas": [{"name": "q", "max": 3, "where": {"team": "sales"}}, {"name": "p", "min": 2}],
            },
            id="any team",
        ),
        pytest.param({"quiet_hours": [hours("21:00", "08:00", channel=["fax", "phone"])]}, id="hours of any channel"),
    ],
)
def test_a_gatekeeper_takes_what_comes(parts: dict[str, Any]) -> None:
    """Without campaigns any claim may come: nothing is said of what matches none."""
    assert gatekeeper(**parts) == []


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_what_is_said_to_be_never_is_never(start: int) -> None:
    """Random playbooks: what "can never win" is never granted, and what "can never bind" stops nothing."""
    for seed in range(start, start + 50):
        found = situation(seed)
        never = {str(problem).split("'")[1] for problem in found.playbook.check() if "can never" in problem.message}
        decision = Arbiter(found.playbook).decide(
            found.contact, found.touches, claims=found.claims, at=found.at, until=found.until
        )
        for row in decision.rows:
            assert row.outcome.value != "granted" or row.campaign not in never or found.claims is not None
            assert never.isdisjoint(row.binding)


def test_the_closest_word_is_found_in_whatever_case() -> None:
    """A word that differs in case only is the closest, and case is no distance to others."""
    assert closest("EMAIL", ["emal", "email"]) == "email"
    assert closest(" Teams ", ["team", "theme"]) == "team"
    assert closest("SMS", ["email"]) is None


NIGHT = hours("21:00", "08:00")
LATE = "nothing of 'news' ever goes out by email at 22:30: closed every day, "
TIMED = {"id": "news", "content": ["note"], "send_at": "22:30"}


@pytest.mark.parametrize(
    ("parts", "warnings"),
    [
        pytest.param({"quiet_hours": [NIGHT]}, [f"campaigns[0].send_at: {LATE}21:00-08:00"], id="at night"),
        pytest.param(
            {"send_hours": [hours("09:00", "18:00")]},
            [f"campaigns[0].send_at: {LATE}outside 09:00-18:00"],
            id="outside of send hours",
        ),
        pytest.param(
            {"quiet_hours": [NIGHT], "campaigns": [TIMED | {"send_at": {"attribute": "best", "default": "22:30"}}]},
            [
                (
                    "campaigns[0].send_at: nothing of 'news' ever goes out by email at 22:30, the time of those without "
                    "best: closed every day, 21:00-08:00"
                )
            ],
            id="a default",
        ),
        pytest.param(
            {
                "quiet_hours": [NIGHT],
                "campaigns": [{"id": "news", "content": ["note"]}],
                "channels": [{"name": "email", "send_at": "22:30"}],
            },
            [f"channels[0].send_at: {LATE}21:00-08:00"],
            id="of a channel",
        ),
        pytest.param({"quiet_hours": [NIGHT | {"days": ["mon", "tue"]}]}, [], id="some days"),
        pytest.param({"quiet_hours": [NIGHT | {"audience": "vip"}]}, [], id="some contacts"),
        pytest.param(
            {
                "quiet_hours": [NIGHT | {"where": {"tag": "loud"}}],
                "campaigns": [TIMED, {"id": "fair", "content": ["note"], "tags": ["loud"]}],
            },
            [],
            id="some messages",
        ),
        pytest.param({"send_hours": [hours("09:00", "18:00"), hours("22:00", "23:00")]}, [], id="open"),
        pytest.param(
            {"quiet_hours": [NIGHT], "campaigns": [TIMED | {"obeys_quiet_hours": False}]}, [], id="does not obey hours"
        ),
    ],
)
def test_send_times_that_are_closed_every_day_are_told(parts: dict[str, Any], warnings: list[str]) -> None:
    """Those that hours for everybody close whatever the weekday; where they may be open, nothing is said."""
    assert told(**({"campaigns": [TIMED]} | parts)) == warnings


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ({"starts": "2026-11-02", "ends": "2026-11-04", "series": {"gap": "3d"}}, True),
        ({"starts": "2026-11-02", "ends": "2026-11-04", "series": {"gap": "2d"}}, False),
        ({"starts": "2026-11-02", "ends": "2026-11-04", "series": {"gap": "72h"}}, True),
        ({"starts": "2026-11-02", "ends": "2026-11-04", "series": {"gap": "71h"}}, False),
        ({"starts": "2026-11-02", "series": {"gap": "300d"}}, False),
        ({"dates": ["2026-11-02", "2026-11-05"], "series": {"gap": "4d"}}, True),
        ({"dates": ["2026-11-02", "2026-11-05"], "series": {"gap": "3d"}}, False),
    ],
)
def test_a_gap_that_is_longer_than_its_campaign_is_told(more: dict[str, Any], warned: bool) -> None:
    """No second step can then go: the days of a period have no more between them."""
    content = [{"id": own, "channel": "email"} for own in ("one", "two")]
    found = told(content=content, campaigns=[{"id": "welcome", "content": ["one", "two"], **more}])
    message = "the gap of 'welcome' is longer than the campaign: no step follows another within it"
    assert found == [f"campaigns[0].series.gap: {message}"] * warned
