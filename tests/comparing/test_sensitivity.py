"""What one more and one less of each rule is worth: small cases, bad input, and what the report says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from journeykit import (
    Arbiter,
    Arm,
    Campaign,
    Cap,
    CapChange,
    Conflict,
    Content,
    Experiment,
    Exploration,
    InfeasibleError,
    Lag,
    Limit,
    ModelError,
    OnMissing,
    Playbook,
    Quota,
    RuleChanges,
    Scope,
    Series,
    Window,
    sensitivity,
)
from journeykit.comparing import SENSITIVITIES
from journeykit.comparing.rule_number import rule_numbers

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ONE = Cap(name="one a day", max=1, window=Window.calendar("day"))


def playbook(**sections) -> Playbook:
    """A playbook of a meetup worth 3 and news worth 1, of which one a day may go."""
    own = {
        "content": [Content(id="invitation", channel="email"), Content(id="letter", channel="email")],
        "campaigns": [
            Campaign(id="meetup", content=["invitation"], weight=3),
            Campaign(id="news", content=["letter"], weight=1),
        ],
        "caps": [ONE],
        "on_missing": OnMissing(consent="allow"),
    }
    return Playbook(**(own | sections))


def contacts(count: int) -> list[dict]:
    """Contacts who like email less and less."""
    return [{"contact_id": f"p{number}", "prefer_email": 1 - number / 20} for number in range(count)]


def effect(found, name, shift, side=None):
    own = getattr(found.of(name, side), shift)
    return None if own is None else (own.value, own.messages, own.contacts)


# What it is worth


def test_a_cap_is_worth_the_next_best_message():
    """One more lets the second message go, one less takes the first away; each contact is bound."""
    found = sensitivity(playbook(), contacts(1), at=AT)
    assert (found.contacts, found.messages, found.value) == (1, 1, 3.0)
    assert found.of("one a day").binds == 1
    assert effect(found, "one a day", "more") == (1.0, 1, 1)
    assert effect(found, "one a day", "less") == (-3.0, -1, 1)
    assert [own.rule.name for own in found.rules] == ["one a day", "reserve"]


def test_nobody_is_decided_again_whom_a_rule_cannot_concern():
    """A contact with one claim and no history cannot get more by a larger limit."""
    rows = [{"contact_id": "fan", "score": 1}, {"contact_id": "guest", "score": 0}]
    campaigns = [evolve(own, audience="score > 0" if own.id == "meetup" else None) for own in playbook().campaigns]
    cap = sensitivity(playbook(campaigns=campaigns), rows, at=AT).of("one a day")
    assert (cap.binds, cap.more.decided, cap.less.decided) == (1, 1, 2)


def test_the_reserve_is_valued_by_what_it_is_now():
    """Of a larger reserve it is told what the messages that stay out were worth, not that all are worth less."""
    found = sensitivity(playbook(reserve=0.5), contacts(1), at=AT, units={"reserve": 3})
    assert effect(found, "reserve", "more") == (-2.5, -1, 1)
    assert effect(found, "reserve", "less") == (0.0, 0, 0)
    without = sensitivity(playbook(reserve=2, caps=[]), contacts(1), at=AT, units={"reserve": 1.5})
    assert effect(without, "reserve", "less") == (-1.0, 1, 1)
    assert without.of("reserve").binds == 1


def test_a_lag_is_a_day_longer_or_shorter():
    """A conflict of two days holds an invitation back two days after the news; one of a day does not."""
    conflict = Conflict(
        name="rest after news", first=Scope({"campaign": "news"}), then=Scope({"campaign": "meetup"}), lag=Lag(days=2)
    )
    touches = [{"contact_id": "p0", "sent_at": AT - timedelta(days=2), "channel": "email", "campaign_id": "news"}]
    found = sensitivity(playbook(caps=[], conflicts=[conflict]), contacts(1), touches, at=AT)
    assert found.of("rest after news").binds == 1
    assert effect(found, "rest after news", "less") == (3.0, 1, 1)
    assert effect(found, "rest after news", "more") == (0.0, 0, 0)


def test_the_gap_of_a_series_is_a_day_longer_or_shorter():
    """A second step whose turn comes a day later goes today where the gap is a day shorter."""
    steps = Campaign(id="course", content=["invitation", "letter"], series=Series(gap=Lag(days=3)))
    touches = [{"contact_id": "p0", "sent_at": AT - timedelta(days=2), "channel": "email"}]
    touches[0] |= {"campaign_id": "course", "content_id": "invitation"}
    found = sensitivity(playbook(campaigns=[steps], caps=[]), contacts(1), touches, at=AT)
    assert found.of("course").binds == 1
    assert effect(found, "course", "less") == (1.0, 1, 1)
    assert effect(found, "course", "more") == (0.0, 0, 0)


def test_limits_of_the_contacts_own_are_all_shifted():
    """One more for everybody who has a limit; one less, down to none."""
    cap = evolve(ONE, name="own", max=Limit("weekly", None))
    rows = [{"contact_id": name, "weekly": limit} for name, limit in (("a", 0), ("b", 1), ("c", 2), ("d", None))]
    found = sensitivity(playbook(caps=[cap]), rows, at=AT).of("own")
    assert (found.more.value, found.more.messages, found.more.contacts) == (4.0, 2, 2)
    assert (found.less.value, found.less.messages, found.less.contacts) == (-4.0, -2, 2)
    assert found.more.number == "attribute weekly + 1"


def test_a_plan_is_decided_again_too():
    """In a plan of two days each contact gets a message a day; one more gives both today, and nobody gains."""
    found = sensitivity(playbook(), contacts(2), at=AT, until=AT + timedelta(days=1))
    assert effect(found, "one a day", "more") == (0.0, 0, 0)
    assert effect(found, "one a day", "less") == (-7.8, -4, 2)


# Quotas, and what else ties contacts


def test_a_seat_is_worth_what_the_next_contact_brings():
    """With four seats the fifth gives the invitation instead of the news to one contact more."""
    told = []
    seats = Quota(name="seats", max=4, where=Scope({"campaign": "meetup"}))
    found = sensitivity(
        playbook(quotas=[seats]), contacts(10), at=AT, only="seats", announce=lambda *own: told.append(own)
    )
    assert effect(found, "seats", "more") == (1.6, 0, 1)
    assert effect(found, "seats", "less") == (-1.7, 0, 1)
    assert found.of("seats").binds == 6
    low, high = found.of("seats").more.ends
    assert low <= 1.6 + 1e-9
    assert high >= 1.6 - 1e-9
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert found.runs == 3


def test_a_number_at_which_no_decision_holds_says_so():
    """Without messages a hard least cannot be met; and a least above the most is no rule."""
    both = Quota(name="ten", min=10, max=10, hard=True)
    found = sensitivity(playbook(quotas=[both]), contacts(10), at=AT)
    assert effect(found, "one a day", "less") == (None, None, None)
    assert "cannot hold" in str(found)
    assert found.of("ten", "max").less is None
    assert found.of("ten", "min").more is None
    with pytest.raises(InfeasibleError):
        sensitivity(playbook(quotas=[evolve(both, min=30, max=30)]), contacts(10), at=AT)


def test_a_share_is_shifted_by_a_hundredth():
    """A whole unit of a share is all messages."""
    share = Quota(name="voice", min=0.7, of="share", hard=True, where=Scope({"campaign": "news"}))
    found = sensitivity(playbook(quotas=[share]), contacts(10), at=AT, only=["voice"])
    own = found.of("voice")
    assert (own.more.number, own.less.number) == (0.71, 0.69)
    assert (own.more.value, own.more.messages) == (-1.8, 0)
    assert "min 70 ± 1 %" in str(found)


def test_soft_quotas_cost_apart_from_the_value():
    """What a soft least costs where it does not hold is told beside the value."""
    soft = Quota(name="both", min=10, penalty=2)
    found = sensitivity(playbook(quotas=[soft]), contacts(10), at=AT, only="one a day")
    less = found.of("one a day").less
    assert (less.value, less.penalties) == (-23.25, 20.0)
    assert less.ends == pytest.approx((-43.25, -43.25))
    assert any("soft quotas cost" in note for note in found.notes)


def test_arms_keep_the_difference_they_make():
    """An arm that allows two allows three then, and one."""
    arms = [Arm(name="loud", share=0.5, changes=RuleChanges(caps=[CapChange(name="one a day", max=2)]))]
    rules = playbook(experiments=[Experiment(name="volume", arms=arms)])
    rows = contacts(20)
    loud = sum(Arbiter(rules).decide_table(rows, at=AT).column("arm").is_valid().to_pylist()) // 2
    found = sensitivity(rules, rows, at=AT, only="one a day")
    assert found.messages == 20 + loud
    assert found.of("one a day").more.messages == 20 - loud
    assert found.of("one a day").less.messages == -20


@pytest.mark.parametrize(
    "rules",
    [
        playbook(explore=Exploration(share=0.5, draws=5)),
        playbook(caps=[Cap(name="one a day", max=1, per="account", window=Window.days(1, zone="playbook"))]),
    ],
    ids=["explores", "accounts"],
)
def test_contacts_who_are_not_decided_alone_take_whole_runs(rules):
    """The value is the difference of two runs, whatever ties the contacts."""
    rows = [row | {"account_id": "ab"[number % 2]} for number, row in enumerate(contacts(8))]
    more = evolve(rules, caps=[evolve(rules.caps[0], max=2)])

    def value(own):
        told = []
        Arbiter(own).decide_table(rows, at=AT, run_id="one", summary=told.append)
        return told[0].value

    found = sensitivity(rules, rows, at=AT, only="one a day")
    assert found.runs == 3
    assert found.of("one a day").more.value == pytest.approx(value(more) - value(rules))


def test_it_works_without_the_extension(monkeypatch):
    """Then contacts are decided one by one, and the report is the same but for the runs."""
    whole = sensitivity(playbook(), contacts(5), at=AT)
    for module in ("shifting", "shift_runs"):
        monkeypatch.setattr(f"journeykit.comparing.{module}.has_kernels", lambda: False)
    again = sensitivity(playbook(), contacts(5), at=AT)
    assert again.runs == 5

    def told(found):
        return [
            (own.rule, own.binds, [(s, e.value, e.messages, e.contacts) for s, e in own.shifts]) for own in found.rules
        ]

    assert told(again) == told(whole)


# Which numbers there are


def test_numbers_are_listed_by_kind():
    """Caps with a limit, lags, gaps, both sides of quotas, and the reserve; each with a unit that fits it."""
    rules = playbook(
        caps=[ONE, evolve(ONE, name="any", max=None), evolve(ONE, name="points", points={"email": 2})],
        conflicts=[Conflict(name="apart", first=Scope(), then=Scope(), lag=Lag(length=timedelta(hours=36)))],
        quotas=[Quota(name="cost", min=1, max=5, of="cost")],
        reserve=4,
    )
    found = [(own.kind, own.name, own.side, own.measure, own.now, own.unit) for own in rule_numbers(rules)]
    assert found == [
        ("cap", "one a day", "max", "messages", 1, 1.0),
        ("cap", "points", "max", "points", 1, 1.0),
        ("conflict", "apart", "lag", "hours", 36.0, 1.0),
        ("quota", "cost", "max", "cost", 5, 1.0),
        ("quota", "cost", "min", "cost", 1, 1.0),
        ("reserve", "reserve", "reserve", "weight", 4, 0.4),
    ]


def test_a_number_has_an_end():
    """A limit of 0 has no less, one below the unit goes down to 0."""
    none, half = evolve(ONE, name="none", max=0), evolve(ONE, name="half", max=0.5)
    found = {own.name: (own.after(1), own.after(-1)) for own in rule_numbers(playbook(caps=[none, half]))}
    assert (found["none"], found["half"]) == ((1.0, None), (1.5, 0.0))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"only": ["one day"]}, "did you mean 'one a day'"),
        ({"only": "seats"}, "there are 'one a day', 'reserve'"),
        ({"units": {"reserve": 0}}, "the unit of 'reserve' is a number above 0, found 0"),
        ({"units": {"reserv": 1}}, "did you mean 'reserve'"),
    ],
)
def test_what_is_asked_for_must_be_there(how, message):
    """A misspelt name, or a unit that is none, is refused before anything is decided."""
    with pytest.raises(ModelError, match=message):
        sensitivity(playbook(), contacts(1), at=AT, **how)


def test_quotas_that_a_ledger_counts_are_refused():
    """What is left of them is known to the ledger alone."""
    month = Quota(name="seats", max=4, window=Window.calendar("month", zone="playbook"))
    with pytest.raises(ModelError, match="counted in a ledger, which is not read here: 'seats'"):
        sensitivity(playbook(quotas=[month]), contacts(1), at=AT)


def test_a_playbook_comes_as_a_value_a_file_or_an_arbiter(tmp_path):
    """All three say the same; anything else is refused."""
    path = tmp_path / "playbook.json"
    path.write_text(json.dumps(playbook().to_dict()), "utf-8")
    found = [sensitivity(own, contacts(2), at=AT) for own in (playbook(), path, Arbiter(playbook()))]
    assert found[0] == found[1] == found[2]
    with pytest.raises(ModelError, match="a playbook, its path or an Arbiter is asked"):
        sensitivity(7, contacts(2), at=AT)


def test_the_unit_of_days_is_whole():
    """Half a day more is no lag of days."""
    conflict = Conflict(name="apart", first=Scope(), then=Scope(), lag=Lag(days=2))
    with pytest.raises(ModelError, match="a whole number of days"):
        rule_numbers(playbook(conflicts=[conflict]), units={"apart": 0.5})


# What the report says


def test_the_forms_say_the_same():
    """JSON says what it is, and the table has a row for each shift."""
    found = sensitivity(playbook(), contacts(2), at=AT)
    data = found.to_dict()
    assert next(iter(data.items())) == ("schema", "journeykit.sensitivity/1")
    assert [own["name"] for own in data["rules"]] == ["one a day", "reserve"]
    assert data["rules"][0]["more"]["value"] == 1.95
    rows = list(found.rows())
    assert all(list(row) == list(SENSITIVITIES) for row in rows)
    assert [(row["name"], row["shift"], row["number"], row["value"]) for row in rows[:2]] == [
        ("one a day", "more", "2", 1.95),
        ("one a day", "less", "0", -5.85),
    ]


def test_names_are_shown_as_they_are_and_do_no_harm():
    """Markup is escaped, what turns the direction of text is spelt out, a long name is cut and says how long it is."""
    names = ["<script>alert(1)</script>", "\u202eright to left", "ten " * 2560]
    rules = playbook(caps=[evolve(ONE, name=name) for name in names])
    found = sensitivity(rules, contacts(1), at=AT)
    page, text = found._repr_html_(), str(found)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page + text
    assert "(10,240)" in text
    assert max(map(len, text.splitlines())) <= 120


def test_many_rules_are_cut_with_a_count():
    """As text the rules with most to gain are shown, and how many there are besides; other forms have all."""
    rules = playbook(caps=[evolve(ONE, name=f"cap {number}", max=1 + number % 2) for number in range(60)])
    found = sensitivity(rules, contacts(1), at=AT)
    assert "... and 21 more rules" in str(found)
    assert found._repr_html_().count("<tr>") == 62


def test_nobody_gains_where_there_is_nobody():
    """An empty table is decided as any other."""
    found = sensitivity(playbook(), [], at=AT, claims=[])
    assert (found.contacts, found.messages, found.value) == (0, 0, 0)
    assert all(own.binds == 0 for own in found.rules)
