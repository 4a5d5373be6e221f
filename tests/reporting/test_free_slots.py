"""Free slots: for each contact, channel and day, whether one more plain message breaks no rule."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from random import Random

import pyarrow as pa
import pytest
import tabled
from attrs import evolve
from generate import situation
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import (
    Arbiter,
    Arm,
    CapChange,
    DataError,
    Experiment,
    ModelError,
    Playbook,
    RuleChanges,
    free_slots,
    overlap,
    pressure,
)
from journeykit.cli import main
from journeykit.job import Inputs, Job
from journeykit.reporting import SLOTS
from journeykit.reporting.slot_probes import SlotProbes

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
DAYS = [date(2026, 11, 2) + timedelta(days=number) for number in range(5)]
UNTIL = AT + timedelta(days=4)


def playbook(caps=(), channels=("email",), **more) -> Playbook:
    """A playbook without campaigns that claim anything, unless some are given."""
    return Playbook.from_dict(
        {
            "content": [{"id": name, "channel": name} for name in channels],
            "campaigns": [],
            "caps": [{"name": f"cap {number}", **cap} for number, cap in enumerate(caps)],
            **more,
        }
    )


def anna(**more):
    """A table of one contact."""
    return [{"contact_id": "anna", "consent": "email;sms;push", **more}]


def touch(day, channel="email", **more):
    """A touch of Anna's, at the hour of the plan on a day of November."""
    return {"contact_id": "anna", "sent_at": f"2026-11-{day:02}T10:00Z", "channel": channel, **more}


def free(rules, *tables, contacts=None, **how):
    """Whether each day has a free slot for an email to Anna, as a text of ones and zeros."""
    found = free_slots(rules, contacts or anna(), *tables, at=AT, until=UNTIL, **how)
    return "".join(str(own) for own in found.every.free["email"].values())


def test_a_day_is_free_where_no_rule_is_broken():
    """A cap of days looks at both sides: a message that is reserved for Thursday closes the days around it too."""
    rules = playbook([{"max": 1, "window": {"days": 2}}])
    assert free(rules) == "11111"
    assert free(rules, [touch(1)]) == "01111"
    assert free(rules, [touch(5, status="reserved")]) == "11000"


@pytest.mark.parametrize(
    ("cap", "expected"),
    [
        ({"max": 2, "window": {"calendar": "week"}}, "11111"),
        ({"max": 1, "window": {"calendar": "week"}}, "00000"),
        ({"max": 1, "window": {"calendar": "week"}, "where": {"channel": "sms"}}, "11111"),
        ({"max": 1, "window": {"calendar": "week"}, "where": {"team": "events"}}, "11111"),
        ({"max": 1, "window": {"rolling": "30h"}}, "10001"),
        ({"max": 1, "window": {"calendar": "week"}, "by": "campaign"}, "11111"),
        ({"max": 1, "window": "running"}, "11101"),
        ({"max": 0, "window": "ever", "audience": "vip"}, "11111"),
    ],
)
def test_caps_that_are_the_contacts_close_days(cap, expected):
    """Anna has a message on Wednesday; a cap on others' messages, or on other contacts, is not asked of a plain one."""
    found = free(playbook([cap]), [touch(4, "email", campaign_id="x")], contacts=anna(vip=False))
    if cap["window"] == "running":
        # What runs on for ever, as a touch of no known campaign does, is on every day from its own on.
        assert found in (expected, "11000")
    else:
        assert found == expected


def test_rests_consent_and_hours_close_days():
    """The report says which rule stands in the way, and on how many slots."""
    weekend = [{"channel": "email", "days": ["tue"], "from": "00:00", "to": "00:00"}]
    rests = [{"name": "after a complaint", "event": "complaint", "times": 1, "within": "30d", "for": "3d"}]
    rules = playbook(quiet_hours=weekend, rests=rests)
    events = [{"contact_id": "anna", "event": "complaint", "at": "2026-11-01T10:00Z"}]
    assert free(rules, events=events) == "00111"
    found = free_slots(rules, anna(), at=AT, until=UNTIL, events=events)
    assert [(own.reason, own.rule, own.slots) for own in found.barred] == [
        ("no_instant", "", 1),
        ("resting", "after a complaint", 1),
    ]
    assert free(rules, contacts=anna(opted_out=True)) == "00000"
    assert free(rules, contacts=anna(consent_email=False)) == "00000"


def test_conflicts_are_asked_one_by_one():
    """Two plain messages that conflict with each other are both free, as each would be alone; together one fits."""
    conflict = {"name": "c", "first": {"channel": "email"}, "then": {"channel": "sms"}, "lag": "0d", "both_ways": True}
    rules = playbook(channels=("email", "sms"), conflicts=[conflict])
    found = free_slots(rules, anna(), at=AT, until=AT)
    assert (found.every.slots("email"), found.every.slots("sms"), found.every.together) == (1, 1, 1)
    after = free_slots(rules, anna(), [touch(2, "sms", sent_at="2026-11-02T08:00Z")], at=AT, until=AT)
    assert (after.every.slots("email"), after.every.slots("sms")) == (0, 1)


def test_the_plan_takes_its_slots_first():
    """What the plan grants is history for plain messages, whether it is decided now or given."""
    rules = playbook(
        [{"max": 2, "window": {"calendar": "week"}}],
        campaigns=[{"id": "launch", "content": ["email"]}, {"id": "tip", "content": ["email"], "audience": "vip"}],
    )
    people = [*anna(vip=True), {"contact_id": "ben", "consent": "email"}]
    now = free_slots(rules, people, at=AT, until=UNTIL)
    assert list(now.every.free["email"].values()) == [1, 1, 1, 1, 1]
    assert now.planned == 3
    decisions = Arbiter(rules).decide_table(people, at=AT, until=UNTIL)
    given_plan = free_slots(rules, people, at=AT, until=UNTIL, decisions=decisions)
    assert given_plan.to_dict() == now.to_dict()
    nothing = free_slots(rules, people, at=AT, until=UNTIL, decisions=())
    assert nothing.every.slots() == 10


def test_a_planned_touch_of_a_campaign_is_decided_again():
    """It counts as what the plan makes of it, and not beside it; another system's planned message counts."""
    rules = playbook([{"max": 1, "window": {"days": 2}}], campaigns=[{"id": "launch", "content": ["email"]}])
    assert free(rules, [touch(4, campaign_id="launch", status="planned")]) == "00111"
    assert free(rules, [touch(5, campaign_id="elsewhere", status="planned")], decisions=()) == "11000"


def test_touches_have_the_facets_that_the_playbook_gives_them():
    """A cap by theme does not stop a plain message, one on all but a theme does not count its touches."""
    rules = Playbook.from_dict(
        {
            "content": [{"id": "care", "channel": "email", "theme": "care"}],
            "campaigns": [{"id": "hello", "content": ["care"], "audience": "False == True"}],
            "caps": [{"name": "others", "max": 1, "window": {"calendar": "week"}, "where": {"not": {"theme": "care"}}}],
        }
    )
    assert free(rules, [touch(4, campaign_id="hello")]) == "11111"
    assert free(rules, [touch(4, campaign_id="other")]) == "00000"


def test_stages_of_other_departments_are_open_to_plain_messages():
    """Whose stage it is says nothing of how much the contact can bear."""
    stages = [{"name": "decision", "owner": "sales"}]
    assert free(playbook(journey={"stages": stages, "transitions": []}), contacts=anna(stage="decision")) == "11111"


def test_groups_are_segments_or_any_column():
    """A contact of two segments has its slots in both; all contacts are counted once."""
    segments = [{"name": "big", "rule": "employees >= 500"}, {"name": "vip", "rule": "vip"}]
    people = [*anna(employees=700, vip=True, stage="a"), {"contact_id": "ben", "consent": "email", "stage": "b"}]
    found = free_slots(playbook(segments=segments), people, at=AT, until=UNTIL)
    assert [(own.name, own.contacts, own.slots()) for own in found.groups] == [
        ("big", 1, 5),
        ("vip", 1, 5),
        ("(none)", 1, 5),
    ]
    assert (found.every.slots(), found.every.together) == (10, 10)
    by = free_slots(playbook(segments=segments), people, at=AT, until=UNTIL, by="stage*vip")
    assert by.of("a", "True").slots() == 5
    with pytest.raises(DataError, match="no contact has 'ctiy'"):
        free_slots(playbook(), people, at=AT, until=UNTIL, by="ctiy")


def test_arms_have_caps_of_their_own():
    """Of an experiment the caps of the contact's arm count; what else it changes does not matter."""
    arms = [Arm(name="calm", share=1, changes=RuleChanges(caps=[CapChange(name="cap 0", max=1)], reserve=9))]
    rules = evolve(
        playbook([{"max": 3, "window": {"calendar": "week"}}]), experiments=[Experiment(name="e", arms=arms)]
    )
    assert free(rules, [touch(2)]) == "00000"
    assert free(evolve(rules, experiments=()), [touch(2)]) == "11111"


def test_days_are_those_of_the_contact():
    """Where it is a day later already, the plan's days are; nobody else has that day."""
    late = datetime(2026, 11, 2, 20, tzinfo=UTC)
    people = [*anna(timezone="Asia/Tokyo")]
    found = free_slots(playbook(), people, at=late, until=late + timedelta(days=1))
    assert {str(day): n for day, n in found.every.free["email"].items()} == {
        "2026-11-02": 0,
        "2026-11-03": 1,
        "2026-11-04": 1,
    }
    here = free_slots(playbook(), anna(timezone=None), at=late, until=late + timedelta(days=1))
    assert [str(day) for day in here.days] == ["2026-11-02", "2026-11-03"]


def test_what_cannot_be_is_said():
    """Channels, spans, tables and plans that do not go together."""
    with pytest.raises(ModelError, match="no channel 'emial'; did you mean 'email'"):
        free_slots(playbook(), anna(), at=AT, until=UNTIL, channels=["emial"])
    with pytest.raises(ModelError, match="say which are asked for"):
        free_slots(Playbook(), anna(), at=AT, until=UNTIL)
    with pytest.raises(ModelError, match="until lies before at"):
        free_slots(playbook(), anna(), at=AT, until=AT - timedelta(days=1))
    claims = [{"contact_id": "anna", "campaign_id": "x", "channel": "email", "weight": 1}]
    with pytest.raises(ModelError, match="give the touches without"):
        free_slots(playbook(), anna(), [touch(4, status="planned")], None, claims, at=AT, until=UNTIL)
    other = Arbiter(playbook(campaigns=[{"id": "x", "content": ["email"]}])).decide_table(anna(), at=AT)
    with pytest.raises(DataError, match="decided by the playbook"):
        free_slots(playbook(), anna(), at=AT, until=UNTIL, decisions=other)


def test_a_gatekeeper_has_room_too():
    """A playbook without campaigns, whose claims are brought, and the channels that are asked for."""
    caps = [{"name": "a day", "max": 1, "window": {"calendar": "day"}}]
    claims = [{"contact_id": "anna", "campaign_id": "x", "channel": "email", "weight": 1}]
    rules = Playbook.from_dict({"caps": caps})
    assert free(rules, None, None, claims, channels=["email"]) == "01111"


def test_the_report_is_plain_narrow_and_escaped():
    """Text of at most 120 columns; markup is text; rows are those of the table."""
    name = "<script>alert(1)</script>" * 9
    found = free_slots(playbook(channels=(name, "email")), anna(segments=name), at=AT, until=UNTIL)
    assert max(map(len, str(found).splitlines())) <= 120
    assert "<script>" not in found._repr_html_()
    rows = list(found.rows())
    assert set(rows[0]) == set(SLOTS)
    assert len(rows) == 2 * 2 * 5
    assert json.loads(json.dumps(found.to_dict()))["every"]["free"]["email"]["2026-11-02"] == 1


def test_a_long_plan_is_shown_in_part():
    """The text says how many more days there are."""
    found = free_slots(playbook(), anna(), at=AT, until=AT + timedelta(days=69))
    assert "the first 62 days; 8 more in --json" in str(found)
    assert found.every.together == 70


def test_an_empty_table_has_no_slots():
    """All days are there."""
    found = free_slots(playbook(), pa.table({"contact_id": pa.array([], pa.string())}), at=AT, until=UNTIL)
    assert [str(own) for own in found.days] == [str(day) for day in DAYS]
    assert found.every.slots() == 0
    assert "Room of 0 contacts" in str(found)


_CAPS = st.lists(
    st.tuples(
        st.sampled_from(["days", "day", "week", "rolling"]),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([None, "email", "sms"]),
    ),
    max_size=3,
)
_TOUCHES = st.lists(st.tuples(st.integers(27, 40), st.sampled_from(["email", "sms"])), max_size=5)


def _window(kind, length):
    return {"days": {"days": length}, "rolling": {"rolling": f"{length * 20}h"}}.get(kind, {"calendar": kind})


@given(_CAPS, _TOUCHES)
@settings(max_examples=25, deadline=None)
def test_slots_are_those_of_a_count_by_hand(caps, touches):
    """Each message of the history counts in hours and days; a slot is free where no window that has it is over."""
    rules = playbook(
        [
            {"max": most, "window": _window(kind, length), **({"where": {"channel": where}} if where else {})}
            for kind, length, most, where in caps
        ],
        channels=("email", "sms"),
    )
    rows = [
        {
            "contact_id": "anna",
            "sent_at": datetime(2026, 10, 1, 10, tzinfo=UTC) + timedelta(days=day),
            "channel": channel,
        }
        for day, channel in touches
    ]
    found = free_slots(rules, anna(), rows, at=AT, until=UNTIL)
    for channel in ("email", "sms"):
        for number, day in enumerate(DAYS):
            own = 24 * (32 + number) + 10
            expected = 1
            for kind, length, most, where in caps:
                history = [24 * at + 10 for at, sent in touches if where in (None, sent)]
                if where in (None, channel) and _adds(kind, length, most, history, own):
                    expected = 0
            assert found.every.free[channel][day] == expected, (channel, day)


def _adds(kind, length, most, history, own):
    """Whether a message breaks a cap: a window that has it holds too many with it."""
    if kind == "rolling":
        ends = [at for at in [*history, own] if own <= at < own + length * 20]
        return any(sum(end - length * 20 < at <= end for at in [*history, own]) > most for end in ends)
    days = [at // 24 for at in [*history, own]]
    if kind == "days":
        ends = [day for day in days if own // 24 <= day < own // 24 + length]
        return any(sum(end - length < day <= end for day in days) > most for end in ends)
    keys = days if kind == "day" else [(day - 4) // 7 for day in days]
    return keys.count(keys[-1]) > most


@pytest.mark.parametrize("seed", [*range(1, 4), 7, 16])
def test_slots_are_those_of_probes_that_are_decided_alone(seed):
    """Random rules: what the columnar engine says of all probes at once, the row engine says of each one alone."""
    own = situation(seed)
    rng = Random(f"room {seed}")
    people = tabled.contacts(rng, own.at, 3)
    touches = tabled.touches(rng, own.playbook, own.at, 3) if own.playbook.campaigns else None
    channels = None if own.playbook.content else ["email"]
    span = {"at": own.at, "until": own.at + timedelta(days=1)}
    found = free_slots(own.playbook, people, touches, **span, decisions=(), channels=channels)
    inputs = Inputs(contacts=people, touches=touches)
    for probe in SlotProbes.of(own.playbook, channels, own.at, span["until"], is_local=True).alone():
        (asked,) = probe.probes
        decided = Job(Arbiter(probe.playbook, probe.policies), inputs, **span).decisions()
        reasons = [row.reason for _, decision in decided for row in decision.rows if row.campaign == asked.campaign]
        count = sum(reason in ("granted", "outbid") for reason in reasons)
        assert found.every.free[asked.channel].get(asked.day, 0) == count, (seed, asked)


def _limits_broken(chosen, caps):
    """Whether days that are chosen break a cap of so many within some days."""
    return any(sum(end - length < day <= end for day in chosen) > most for most, length in caps for end in chosen)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), max_size=3))
@settings(max_examples=15, deadline=None)
def test_together_is_the_largest_set_of_days(caps):
    """All sets of five days are tried."""
    rules = playbook([{"max": most, "window": {"days": length}} for most, length in caps])
    found = free_slots(rules, anna(), at=AT, until=UNTIL)
    sets = ([day for day in range(5) if own >> day & 1] for own in range(32))
    assert found.every.together == max(len(chosen) for chosen in sets if not _limits_broken(chosen, caps))


def test_the_command_counts_beside_its_plan(tmp_path, capsys):
    """`plan --room` prints the calendar and then the room, as text or JSON, and writes a table."""
    rules, people, out, room = (tmp_path / name for name in ("p.json", "c.csv", "plan.csv", "room.csv"))
    own = playbook([{"max": 1, "window": {"days": 2}}], campaigns=[{"id": "launch", "content": ["email"]}])
    rules.write_text(json.dumps(own.to_dict()))
    people.write_text("contact_id,consent\nanna,email\n")
    given_words = ["plan", str(rules), "--contacts", str(people), "--at", AT.isoformat(), "--until", UNTIL.isoformat()]
    given_words += ["--out", str(out), "--quiet"]
    assert main([*given_words, "--room", "--room-out", str(room)]) == 0
    printed = capsys.readouterr().out
    assert "Free slots by day" in printed
    assert printed.index("messages granted") < printed.index("Room of 1 contacts")
    assert len(room.read_text().splitlines()) == 11
    assert main([*given_words, "--room", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["room"]["every"]["free"]["email"].values()) == [0, 0, 1, 1, 1]
    ledger = f"sqlite:///{tmp_path / 'l.db'}"
    assert main(["ledger", "upgrade", ledger]) == 0
    capsys.readouterr()
    assert main([*given_words, "--ledger", ledger, "--room", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["room"]["every"] == found["room"]["every"]
    assert main([*given_words, "--room-by", "stage"]) == 2
    assert "give --room too" in capsys.readouterr().err
    assert main([*given_words, "--room", "--format", "csv"]) == 2
    assert "leave --format out" in capsys.readouterr().err
    assert main([*given_words, "--room", "--columns", "contact_id"]) == 2
    assert "name it among --columns" in capsys.readouterr().err


def test_without_the_extension_module_counts_are_the_same(monkeypatch):
    """Tables are then decided contact by contact."""
    rules = playbook(
        [{"max": 1, "window": {"days": 2}}],
        segments=[{"name": "big", "rule": "employees >= 500"}],
        campaigns=[{"id": "launch", "content": ["email"]}, {"id": "news", "content": ["email"], "weight": 0.5}],
    )
    people = [*anna(employees=700), {"contact_id": 7, "consent": "email"}]
    tables = people, [touch(1, campaign_id="launch")]
    with_it = [
        free_slots(rules, *tables, at=AT, until=UNTIL),
        overlap(rules, *tables, at=AT),
        pressure(rules, *tables, at=AT),
    ]
    for module in (
        "reporting.decision_source.has_kernels",
        "segments.contact_facets.has_kernels",
        "segments.contact_facets.has_columns",
        "measuring.contact_numbers.has_kernels",
        "reporting.audience_overlap.has_columns",
    ):
        monkeypatch.setattr(f"journeykit.{module}", lambda: False)
    without = [
        free_slots(rules, *tables, at=AT, until=UNTIL),
        overlap(rules, *tables, at=AT),
        pressure(rules, *tables, at=AT),
    ]
    assert [own.to_dict() for own in without] == [own.to_dict() for own in with_it]
