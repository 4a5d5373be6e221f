"""Deciding again only whom a number may concern gives what deciding everybody gives, for every kind of rule."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import tabled
from attrs import evolve
from generate import lively, with_campaign_counts, with_decisions, with_hours, with_send_times
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import Arbiter, Campaign, Cap, Content, Limit, OnMissing, Playbook, Scope, Team, Window, sensitivity
from journeykit.comparing import shifting
from journeykit.comparing.shift_reach import ShiftReach

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
CHANGES = (with_hours, with_decisions, with_send_times, with_campaign_counts)


def assert_alike(playbook, *tables, monkeypatch, at, until=None, units=None) -> Counter[str]:
    """One pass that decides some contacts again against a whole run for each number; how many it decided again."""
    found = sensitivity(playbook, *tables, at=at, until=until, units=units)
    assert found.runs == 1
    with monkeypatch.context() as patch:
        patch.setattr(shifting, "_needs_runs", lambda _: True)
        whole = sensitivity(playbook, *tables, at=at, until=until, units=units)
    assert (found.messages, found.value) == (whole.messages, whole.value)
    counts = Counter()
    for own, other in zip(found.rules, whole.rules, strict=True):
        assert (own.rule, own.binds) == (other.rule, other.binds)
        for (shift, mine), (_, theirs) in zip(own.shifts, other.shifts, strict=True):
            assert evolve(mine, decided=0) == evolve(theirs, decided=0), f"one {shift} of {own.rule.name}"
            counts.update(decided=mine.decided, all=theirs.decided, changed=theirs.contacts)
    return counts


@pytest.mark.parametrize("start", range(0, 15, 3))
def test_some_are_decided_again_as_all_are(start, monkeypatch):
    """Random playbooks of every kind of rule, plans among them, over contacts with gaps and histories."""
    for seed in range(start, start + 3):
        found = lively(seed)
        found = CHANGES[seed // 3 % 4](found) if seed % 3 == 2 else found
        playbook = evolve(found.playbook, quotas=(), experiments=(), explore=None, reserve=float(seed % 2))
        if playbook.campaigns is None or any(cap.per == "account" for cap in playbook.caps):
            continue
        rng, claims = Random(seed), None
        rows, history = tabled.contacts(rng, found.at, 10), tabled.touches(rng, playbook, found.at, 10)
        if seed % 2:
            claims = tabled.claims(rng, playbook, found.at, 10, few=found.until is not None, faults=False)
        units = {"reserve": 0.5}
        tables = (rows, history, None, claims)
        assert_alike(playbook, *tables, monkeypatch=monkeypatch, at=found.at, until=found.until, units=units)


# Plain rules, of which most are nested

CHANNELS, TEAMS = ("email", "sms"), ("events", "care")
SCOPES = st.sampled_from(
    [({}, ()), ({"channel": "email"}, ()), ({"team": "care"}, ()), ({}, "channel"), ({}, "content"), ({}, "campaign")]
)
WINDOWS = st.sampled_from(
    [Window.calendar("day"), Window.calendar("week"), Window.rolling("3d"), Window.days(2), Window.ever()]
)
LIMITS = st.sampled_from([0, 1, 1, 2, 2, 3, 1.5, Limit("weekly", 2)])
POINTS = st.sampled_from([1, 1, 1, {"sms": 2}])


@st.composite
def plain_playbooks(draw) -> Playbook:
    """Caps over all messages, a channel, a team, and by what messages are; no conflicts, one instant."""
    content = [Content(id=f"c{place}", channel=CHANNELS[place % 2]) for place in range(5)]
    campaigns = [
        Campaign(
            id=f"k{place}",
            team=TEAMS[place % 2 if draw(st.booleans()) else 0],
            content=[f"c{place}"] if draw(st.booleans()) else [f"c{place}", f"c{(place + 2) % 5}"],
            weight=draw(st.sampled_from([0.05, 0.5, 1, 1, 2, 5])),
            tier=draw(st.sampled_from([0, 0, 0, 1])),
            repeat=draw(st.sampled_from([1, 2, None])),
            obeys_caps=draw(st.integers(0, 9)) > 0,
        )
        for place in range(5)
    ]
    caps = []
    for place in range(draw(st.integers(1, 3))):
        where, by = draw(SCOPES)
        how = {"max": draw(LIMITS), "window": draw(WINDOWS), "points": draw(POINTS)}
        caps.append(Cap(name=f"cap {place}", where=Scope(where), by=by, **how))
    return Playbook(
        teams=[Team(name=name) for name in TEAMS],
        content=content,
        campaigns=campaigns,
        caps=caps,
        reserve=draw(st.sampled_from([0, 0.5, 1])),
        on_missing=OnMissing(consent="allow"),
    )


def history_of(rng: Random) -> tabled.Rows:
    """Touches of twelve contacts in the last days."""
    return [
        {
            "contact_id": f"p{number}",
            "sent_at": AT - timedelta(hours=rng.choice((1, 20, 30, 60, 200))),
            "channel": rng.choice(CHANNELS),
            "campaign_id": f"k{place}",
            "content_id": f"c{place}",
        }
        for number in range(12)
        for place in rng.sample(range(5), rng.choice((0, 0, 1, 2, 3)))
    ]


@given(plain_playbooks(), st.integers(0, 999))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_plain_rules_are_shifted_alike(playbook, seed):
    """Where claims are taken best first, few are decided again, and nobody is missed."""
    rng = Random(seed)
    rows = [{"contact_id": f"p{n}", "weekly": rng.choice((None, 0, 1, 2)), "prefer_sms": 0.4} for n in range(12)]
    with pytest.MonkeyPatch.context() as patch:
        counts = assert_alike(playbook, rows, history_of(rng), monkeypatch=patch, at=AT, units={"reserve": 0.5})
    assert counts["changed"] <= counts["decided"] <= counts["all"]


def test_the_comparison_can_fail(monkeypatch):
    """A reach that misses contacts is found out."""
    content = [Content(id="c0", channel="email"), Content(id="c1", channel="email")]
    campaigns = [Campaign(id=f"k{place}", content=[f"c{place}"]) for place in range(2)]
    caps = [Cap(name="one a day", max=1, window=Window.calendar("day"))]
    rules = Playbook(content=content, campaigns=campaigns, caps=caps, on_missing=OnMissing(consent="allow"))
    rows = [{"contact_id": "anna"}]
    assert assert_alike(rules, rows, monkeypatch=monkeypatch, at=AT)["changed"]
    monkeypatch.setattr(ShiftReach, "concerns", lambda self, number, direction, state, *_: state.apart)
    with pytest.raises(AssertionError, match="one more of one a day"):
        assert_alike(rules, rows, monkeypatch=monkeypatch, at=AT)


def test_an_independent_sum_says_the_same():
    """One more of each cap, written into the playbook by hand and decided contact by contact."""
    found = next(own for own in map(lively, range(40, 99)) if own.playbook.campaigns and own.playbook.caps)
    rules = evolve(found.playbook, quotas=(), experiments=(), explore=None, reserve=0.0)
    rows = tabled.contacts(Random(1), found.at, 12)
    ids = [row["contact_id"] for row in rows]

    def total(playbook) -> float:
        table = Arbiter(playbook).decide_table(rows, at=found.at, until=found.until, outcomes="granted")
        return sum(table.column("weight").to_pylist())

    told = sensitivity(rules, rows, at=found.at, until=found.until)
    assert len(ids) == told.contacts
    for place, cap in enumerate(rules.caps):
        if isinstance(cap.max, (int, float)):
            caps = [evolve(own, max=own.max + 1) if number == place else own for number, own in enumerate(rules.caps)]
            gain = total(evolve(rules, caps=caps)) - total(rules)
            own = next(own for own in told.rules if own.rule.kind == "cap" and own.rule.place == place)
            assert own.more.value == pytest.approx(gain)
