"""Measuring what messages did: facets, young messages, costs, holdouts, and what the report says."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import (
    Campaign,
    Cap,
    Content,
    DataError,
    Holdout,
    Journey,
    ModelError,
    Playbook,
    Response,
    Segment,
    Team,
    Transition,
    Window,
)
from journeykit.measuring import MEASURES, measure
from journeykit.model.holdout import bucket

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
SALE = Response(name="sale", event="purchase", value="amount", within="7d")
RULES = Playbook(
    teams=[Team(name="events", goal="event"), Team(name="care", goal="relationship")],
    content=[
        Content(id="invite", channel="email", theme="leadership", topics=["a", "b"]),
        Content(id="note", channel="mail"),
    ],
    campaigns=[
        Campaign(id="meetup", team="events", content=["invite"], cost=0.5),
        Campaign(id="hello", team="care", content=["note"]),
    ],
    responses=[SALE],
)


def sent(contact, day, campaign="meetup", **more):
    at = START + timedelta(days=day)
    content = {"meetup": "invite", "hello": "note"}.get(campaign)
    return {"contact_id": contact, "sent_at": at, "campaign_id": campaign, "content_id": content, **more}


def did(contact, day, event="purchase", **more):
    return {"contact_id": contact, "event": event, "at": START + timedelta(days=day), **more}


def measured(touches, events, playbook=RULES, **more):
    return measure(playbook, touches, events, **{"since": START, "until": END, **more})


def counts(groups, response="sale"):
    """By group, how many messages responded, of how many."""
    return {
        own.group if len(own.group) > 1 else own.group[0]: (rate.part, rate.whole)
        for own in groups
        for rate in [found.rate for found in own.responses if found.response == response]
    }


TOUCHES = [sent("anna", 1), sent("anna", 2, "hello"), sent("ben", 3), sent("cleo", 28)]
EVENTS = [did("anna", 4, amount=30), did("ben", 20, amount=9), did("cleo", 29, amount=50)]


def test_a_rate_is_of_messages_that_are_old_enough():
    """Three messages are settled and one is answered; the young one stands apart, with its answer so far."""
    own = measured(TOUCHES, EVENTS).everything
    sale = own.responses[0]
    assert (own.messages, own.contacts) == (4, 3)
    assert (sale.rate.part, sale.rate.whole, sale.young, sale.young_part) == (1, 3, 1, 1)
    assert (sale.value, sale.worth.rate, sale.events) == (30, 10, 1)
    assert (own.cost, own.cost_unknown, sale.cost, sale.value_per_cost) == (1.5, 1, None, None)


def test_by_default_the_campaign_tells_messages_apart():
    """Those with the most messages come first."""
    found = measured(TOUCHES, EVENTS).by("campaign").groups
    assert [own.group for own in found] == [("meetup",), ("hello",)]
    assert counts(found) == {"meetup": (0, 2), "hello": (1, 1)}
    assert found[0].responses[0].value_per_cost == 0


def test_what_touches_do_not_say_comes_from_the_playbook():
    """Team, goal, channel, theme and content, each with a table of its own; a message of two topics is in both."""
    found = measured(TOUCHES, EVENTS, by="team,goal,channel,theme,content,topic,Team*channel")
    assert counts(found.by("goal").groups) == {"event": (0, 2), "relationship": (1, 1)}
    assert counts(found.by("theme").groups) == {"leadership": (0, 2), None: (1, 1)}
    assert counts(found.by("topic").groups) == {"a": (0, 2), "b": (0, 2), None: (1, 1)}
    assert counts(found.by("Team*channel").groups) == {("events", "email"): (0, 2), ("care", "mail"): (1, 1)}
    with pytest.raises(KeyError):
        found.by("campaign")


def test_columns_of_touches_and_contacts():
    """Any column tells messages apart; numbers are written out, and what is missing is a group."""
    contacts = [
        {"contact_id": "anna", "size": 7},
        {"contact_id": "ben", "size": None},
        {"contact_id": "cleo", "size": 9},
    ]
    touches = [{**own, "Wave": wave} for own, wave in zip(TOUCHES, ("x", "y", "x", "y"), strict=True)]
    found = measured(touches, EVENTS, contacts=contacts, by="wave,size,segment")
    assert counts(found.by("wave").groups) == {"x": (0, 2), "y": (1, 1)}
    assert counts(found.by("size").groups) == {"7": (1, 2), None: (0, 1), "9": (0, 0)}
    assert counts(found.by("segment").groups) == {None: (1, 3)}


def test_segments_are_those_of_the_playbook_and_of_the_contacts():
    """A contact in two segments counts in each, which is said."""
    playbook = Playbook(responses=[SALE], segments=[Segment(name="large", rule="size >= 8")])
    contacts = [{"contact_id": "anna", "size": 9, "segments": "vip"}, {"contact_id": "ben", "size": 9}]
    found = measured(TOUCHES, EVENTS, playbook, contacts=contacts, by="segment")
    assert counts(found.by("segment").groups) == {"large": (1, 3), "vip": (1, 2), None: (0, 0)}
    assert any(note.startswith("segments: as of the end") for note in found.notes)


WAY = Journey(["lead", "customer"], [Transition(source="lead", to="customer", event="purchase")])


def test_the_stage_is_that_at_the_time_of_the_message():
    """Anna was a lead when both messages were sent, and a customer when the third one was."""
    playbook = Playbook(responses=[SALE], journey=WAY)
    contacts = [{"contact_id": name, "stage": "customer"} for name in ("anna", "ben", "cleo")]
    found = measured([*TOUCHES, sent("anna", 5)], EVENTS, playbook, contacts=contacts, by="stage")
    assert [own.group for own in found.by("stage").groups] == [("lead",), ("customer",)]
    assert counts(found.by("stage").groups) == {"lead": (1, 3), "customer": (0, 1)}
    assert "stage: from the events, as it was when the message was sent" in found.notes


def test_without_transitions_the_stage_is_that_of_the_contacts_now():
    """It is said; a column of the touches goes before it; with neither, nothing can be said."""
    contacts = [{"contact_id": name, "stage": "customer"} for name in ("anna", "ben", "cleo")]
    found = measured(TOUCHES, EVENTS, contacts=contacts, by="stage")
    assert counts(found.by("stage").groups) == {"customer": (1, 3)}
    assert any("not as it was" in note for note in found.notes)
    found = measured([{**own, "stage": "lead"} for own in TOUCHES], EVENTS, contacts=contacts, by="stage")
    assert counts(found.by("stage").groups) == {"lead": (1, 3)}
    with pytest.raises(DataError, match="on which stage"):
        measured(TOUCHES, EVENTS, by="stage")


def test_a_facet_that_is_nowhere_is_refused():
    """With the name that may be meant."""
    with pytest.raises(DataError, match="did you mean 'channel'"):
        measured(TOUCHES, EVENTS, by="chanel")


def test_opt_outs_by_messages_before():
    """The third message within 30 days made anna leave; messages from before the start are among those before it."""
    touches = [sent("anna", day) for day in (-40, -20, -2, 3)] + [sent("ben", 4)]
    found = measured(touches, [did("anna", 3.5, "opt_out"), did("ben", 20, "opt_out")])
    assert counts(found.pressure.groups, "opt_out") == {"0": (0, 0), "2": (0, 0)}
    found = measured(touches, [did("anna", 3.5, "opt_out"), did("ben", 20, "opt_out")], until=END + timedelta(days=30))
    assert counts(found.pressure.groups, "opt_out") == {"0": (1, 1), "2": (1, 1)}
    harms = found.harms.to_pylist()
    assert [(own["contact_id"], own["messages_before"], own["campaign_id"]) for own in harms] == [
        ("anna", 2, "meetup"),
        ("ben", 0, "meetup"),
    ]
    assert found.everything.responses[-1].per_thousand == 1_000


def test_messages_out_of_the_scope_of_a_response_are_not_of_its_rate():
    """A response to invitations alone has their number."""
    playbook = Playbook.from_dict(
        {
            **RULES.to_dict(),
            "responses": [{"name": "sale", "event": "purchase", "within": "7d", "where": {"team": "care"}}],
        }
    )
    own = measured(TOUCHES, EVENTS, playbook).everything
    assert (own.messages, own.responses[0].rate.whole, own.responses[0].young) == (4, 1, 0)


def test_where_contacts_are_decided_together_the_account_is_the_unit():
    """Two contacts of one account are one unit."""
    cap = Cap(name="firm", max=9, window=Window.rolling(hours=24), per="account")
    touches = [{**sent(f"c{n}", n / 100), "account_id": f"a{n // 2}"} for n in range(6)]
    found = measured(touches, EVENTS, Playbook(responses=[SALE], caps=[cap]))
    assert (found.unit, found.everything.contacts, found.everything.responses[0].rate.units) == ("account", 6, 3)
    assert found.everything.responses[0].rate.method == "effective"
    assert "bootstrap by account" in str(found)


def test_the_difference_of_a_holdout_is_of_all_contacts_assigned():
    """Contacts count whether a message reached them or not; messages to the holdout are told."""
    names = [f"c{number}" for number in range(400)]
    held = {name for name in names if bucket("holdout", name) < 0.3}
    playbook = Playbook(responses=[SALE], holdout=Holdout(share=0.3))
    touches = [sent(name, 1) for name in names if name not in held][::2] + [sent(min(held), 2)] * 3
    events = [did(name, 3, amount=10) for place, name in enumerate(names) if name not in held and place % 3 == 0]
    events += [did(name, 2, amount=4) for name in sorted(held)[:20]] + [did("stranger", 2)]
    found = measured(touches, events, playbook, contacts=[{"contact_id": name} for name in names])
    (_, name, rates), (_, worth, values) = found.block("arms").comparisons
    assert (name, worth) == ("sale", "value of sale")
    assert [own.contacts for own in rates.arms] == [len(held), 400 - len(held)]
    assert [own.responding for own in rates.arms] == [20, len(events) - 21]
    assert [own.total for own in values.arms] == [80, 10 * (len(events) - 21)]
    assert f"holdout was written to: 3 messages to 1 of {len(held)} contacts, the first on" in str(found)
    told = measured(touches, events, playbook).block("arms")
    assert told.comparisons == ()
    assert "give contacts" in next(told.notes())


def test_a_campaigns_holdout_is_compared_apart_from_the_general_one():
    """Contacts who get nothing at all are in neither of its arms."""
    campaign = Campaign(id="meetup", holdout=Holdout(share=0.5, seed="own"))
    playbook = Playbook(responses=[SALE], holdout=Holdout(share=0.3), campaigns=[campaign])
    names = [f"c{number}" for number in range(200)]
    found = measured(TOUCHES, EVENTS, playbook, contacts=[{"contact_id": name} for name in names])
    free = [name for name in names if bucket("holdout", name) >= 0.3]
    own = next(compared for dealt, _, compared in found.block("arms").comparisons if dealt == "holdout of meetup")
    assert [arm.contacts for arm in own.arms] == [
        sum(bucket("own", name) < 0.5 for name in free),
        sum(bucket("own", name) >= 0.5 for name in free),
    ]


def test_the_report_is_text_a_page_plain_data_and_rows():
    """Each holds the same figures; what is not there is empty."""
    found = measured(TOUCHES, [*EVENTS, did("anna", 5, "click")], by="team")
    lines = str(found).splitlines()
    assert lines[0] == "4 messages to 3 contacts, from 2026-11-01 00:00 to 2026-12-01 00:00 (UTC)."
    assert "events that are no response: 1; 'click' 1" in lines
    assert "By team" in lines
    assert "<strong>By team</strong>" in found._repr_html_()
    data = json.loads(json.dumps(found.to_dict()))
    assert data["by"]["team"][0]["group"] == ["events"]
    assert data["counts"]["events"]["responses"][0]["not_credited"] == {"late": 1}
    rows = list(found.rows())
    assert all(list(row) == list(MEASURES) for row in rows)
    assert [(row["by"], row["group"], row["settled"]) for row in rows] == [
        ("", "", 3),
        ("team", "events", 2),
        ("team", "care", 1),
    ]


def test_the_order_of_rows_does_not_matter():
    """The same report, to the last digit, from shuffled tables, Arrow or rows."""
    generator = np.random.default_rng(4)
    touches = [sent(f"c{generator.integers(60)}", generator.uniform(0, 29), "hello") for _ in range(300)]
    events = [did(f"c{generator.integers(60)}", generator.uniform(0, 30), amount=1.5) for _ in range(90)]
    first = measured(touches, events).to_dict()
    touches, events = ([rows[place] for place in generator.permutation(len(rows))] for rows in (touches, events))
    again = measured(pa.Table.from_pylist(touches), pa.Table.from_pylist(events)).to_dict()
    assert again["all"] == first["all"]
    assert again["by"] == first["by"]


def test_nothing_measures_as_nothing():
    """No message in the time: no rate; no response: messages are counted alone."""
    own = measured(TOUCHES, EVENTS, since=END, until=END + timedelta(days=1)).everything
    assert (own.messages, own.responses[0].rate.rate) == (0, None)
    found = measured(TOUCHES, EVENTS, Playbook())
    assert found.everything.responses == ()
    assert "nothing is credited" in str(found)
    assert [row["messages"] for row in found.rows()] == [4, 3, 1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"until": START}, "since must be before until"),
        ({"by": "team,"}, "by is names"),
        ({"level": 1}, "level"),
        ({"samples": 5}, "samples"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_asked_is_refused(more, said):
    """With what is allowed."""
    with pytest.raises(ModelError, match=said):
        measured(TOUCHES, EVENTS, **more)


# Experiments

TONE = {
    "experiments": [
        {
            "name": "tone",
            "horizon": "60d",
            "arms": [
                {"name": "bold", "share": 0.3, "with": {"reserve": 1}},
                {"name": "plain", "share": 0.5},
                {"name": "off", "share": 0, "with": {"reserve": 2}},
            ],
        }
    ],
    "responses": [{"name": "sale", "event": "purchase", "within": "7d"}],
}
PEOPLE = [f"c{number}" for number in range(300)]


def arm_of(name):
    """The arm that the published hash gives."""
    found = bucket("tone", name)
    return "bold" if found < 0.3 else "plain" if found < 0.8 else None


def test_arms_are_compared_over_all_contacts_assigned():
    """By the hash, apart from the holdout; against the arm without changes; an arm of nobody is left out."""
    playbook = Playbook.from_dict({**TONE, "holdout": {"share": 0.1}})
    bought = [name for place, name in enumerate(PEOPLE) if place % (2 if arm_of(name) == "bold" else 3) == 0]
    found = measured(
        [sent(name, 1) for name in PEOPLE[:50]],
        [did(name, 3) for name in bought],
        playbook,
        contacts=[{"contact_id": name} for name in PEOPLE],
        by="arm",
    )
    free = [name for name in PEOPLE if bucket("holdout", name) >= 0.1]
    own = next(compared for dealt, _, compared in found.block("arms").comparisons if dealt == "tone")
    assert [(arm.name, arm.contacts, arm.responding) for arm in own.arms] == [
        (arm, sum(arm_of(name) == arm for name in free), sum(arm_of(name) == arm and name in bought for name in free))
        for arm in ("bold", "plain")
    ]
    assert own.difference("bold").against.name == "plain"
    assert own.progress == 0.5
    assert own.difference("bold").always is not None
    assert {name: whole for name, (_, whole) in counts(found.by("arm").groups).items()} == {
        (None if arm is None else f"tone:{arm}"): sum(arm_of(name) == arm for name in PEOPLE[:50])
        for arm in ("bold", "plain", None)
    }


def test_arms_that_touches_name_are_compared_with_the_hash():
    """A contact in two arms, and messages of another arm than now, are told; by arm they count as they were sent."""
    playbook = Playbook.from_dict(TONE)
    bold = [name for name in PEOPLE if arm_of(name) == "bold"]
    touches = [{**sent(bold[0], day), "arm": arm} for day, arm in ((1, "tone:bold;pace:x"), (2, "tone:plain"))]
    touches += [{**sent(bold[1], 1), "arm": "tone:plain"}]
    found = measured(touches, [], playbook, contacts=[{"contact_id": name} for name in PEOPLE], by="arm")
    said = str(found)
    assert "tone: 1 contact in two arms (bold to plain 1), on 2026-11-03" in said
    assert "tone: 1 contact first in another arm than that of the playbook as it is now" in said
    assert [own.group[0] for own in found.by("arm").groups] == ["tone:plain", "pace:x", "tone:bold"]


def test_where_a_cap_is_per_account_accounts_are_dealt_out():
    """The contacts of an account are in one arm, and the account is the unit."""
    cap = {"name": "firm", "max": 9, "window": {"rolling": "1d"}, "per": "account"}
    playbook = Playbook.from_dict({**TONE, "caps": [cap]})
    contacts = [{"contact_id": name, "account_id": f"a{place // 3}"} for place, name in enumerate(PEOPLE)]
    found = measured(TOUCHES, [did(name, 3) for name in PEOPLE[::5]], playbook, contacts=contacts)
    ((_, _, own),) = found.block("arms").comparisons
    accounts = [arm_of(f"a{number}") for number in range(100)]
    assert [(arm.units, arm.contacts) for arm in own.arms] == [
        (accounts.count(arm), 3 * accounts.count(arm)) for arm in ("bold", "plain")
    ]
    assert own.unit == "account"


def decided(name, day, arm=None, **more):
    at = START + timedelta(days=day)
    return {"contact_id": name, "decided_at": at, "campaign_id": "meetup", "reason": "granted", "arm": arm, **more}


def test_decisions_say_who_was_assigned_and_when():
    """The arms that they name go before the hash; shares that changed on the way, and moves, are told."""
    playbook = Playbook.from_dict(TONE)
    early, late = PEOPLE[:150], [f"late{number}" for number in range(2_000)]
    log = [decided(name, 1, "tone:bold" if place % 2 else "tone:plain;pace:x") for place, name in enumerate(early)]
    log += [decided(name, 9, "tone:bold" if place % 8 == 0 else "tone:plain") for place, name in enumerate(late)]
    log += [decided(early[1], 10, "tone:plain"), decided(early[2], 10, None), decided("nobody", 3)]
    found = measured([sent(early[0], 2)], [did(name, 12) for name in late[:400]], playbook, decisions=log * 2)
    ((_, _, own),) = found.block("arms").comparisons
    assert [(arm.name, arm.contacts, arm.responding) for arm in own.arms] == [("bold", 325, 50), ("plain", 1_825, 350)]
    assert own.ratio is None
    said = str(found)
    assert "tone: shares of arms changed on 2026-11-10: bold from 50.0% to 12.5%" in said
    assert "tone: 1 contact in two arms (bold to plain 1)" in said
    assert "first decided in another arm than that of the playbook as it is now" in said


def test_an_instant_without_an_offset_is_named_as_it_was_given():
    """The argument's own name, not that of whatever looks at it."""
    with pytest.raises(ModelError, match="since must be an aware datetime"):
        measured(TOUCHES, EVENTS, since=datetime(2026, 1, 1))
    with pytest.raises(ModelError, match="until must be an aware datetime"):
        measured(TOUCHES, EVENTS, until=datetime(2026, 12, 1))


@pytest.mark.parametrize("column", ["outcome", "reason"])
def test_decisions_that_are_not_whole_are_told(column):
    """Without denied rows a holdout, and who was denied everything, is missing; the option is named."""
    playbook = Playbook.from_dict(TONE)
    log = [decided(name, 1, f"tone:{arm_of(name)}") for name in PEOPLE[:200] if arm_of(name)]
    log = [{**row, "reason": "granted", "outcome": "granted"} for row in log]
    everybody = [{"contact_id": name} for name in PEOPLE]

    def said(*more):
        rows = [{name: cell for name, cell in row.items() if name != other} for row in (*log, *more)]
        return str(measured([], [did(PEOPLE[0], 2)], playbook, decisions=rows, contacts=everybody))

    other = {"outcome": "reason", "reason": "outcome"}[column]
    assert "no row of the decisions is denied: unless they were written whole (decide --all)" in said()
    assert f"who count in no holdout and no arm: {len(PEOPLE) - len(log):,}; decide --all" in said()
    assert "is denied" not in said({**log[0], "outcome": "denied", "reason": "capped"})


def test_arms_that_are_switched_off_or_gone_are_told():
    """Contacts of an arm that has no share any more count in it; those of one that is not there are counted."""
    arms = [{"name": "plain", "share": 1}, {"name": "bold", "share": 0, "with": {"reserve": 1}}]
    playbook = Playbook.from_dict({"responses": TONE["responses"], "experiments": [{"name": "tone", "arms": arms}]})
    log = [decided(name, 1, f"tone:{('plain', 'bold', 'old')[place % 3]}") for place, name in enumerate(PEOPLE)]
    found = measured([], [did(PEOPLE[0], 2)], playbook, decisions=log)
    own = found.block("arms").comparisons[0][2]
    assert [(arm.name, arm.contacts) for arm in own.arms] == [("plain", 100), ("bold", 100)]
    assert "tone: 100 contacts decided in arms that the playbook does not have now: tone:old" in str(found)


def test_a_campaigns_holdout_is_that_of_the_contacts_that_it_was_for():
    """Decisions say of whom it was asked: those in the audience, with consent, on a stage that fits."""
    campaign = Campaign(id="meetup", holdout=Holdout(share=0.5, seed="own"))
    playbook = Playbook(responses=[SALE], campaigns=[campaign])
    reasons = ("granted", "holdout", "capped", "not_in_audience", "no_consent", "wrong_stage")
    log = [decided(name, 1, reason=reasons[place % 6]) for place, name in enumerate(PEOPLE)]
    (_, _, own), _ = measured([], [did(PEOPLE[0], 2, amount=3)], playbook, decisions=log).block("arms").comparisons
    asked = [name for place, name in enumerate(PEOPLE) if place % 6 < 3]
    held = [name for name in asked if bucket("own", name) < 0.5]
    assert [arm.contacts for arm in own.arms] == [len(held), len(asked) - len(held)]


def test_decisions_that_cannot_be_used():
    """Rows that cannot be read are counted; without the instant of the decision there is nothing to go by."""
    playbook = Playbook.from_dict(TONE)
    with pytest.raises(DataError, match="decided_at"):
        measured(TOUCHES, EVENTS, playbook, decisions=[{"contact_id": "anna"}])
    with pytest.raises(DataError, match="its only row cannot be used"):
        measured(TOUCHES, EVENTS, playbook, decisions=[{"contact_id": "anna", "decided_at": "soon"}])
    found = measured(
        TOUCHES, EVENTS, playbook, decisions=[decided("anna", 1), {"contact_id": "ben", "decided_at": "x"}]
    )
    assert "bad rows of decisions: 1" in str(found)
    found = measured(TOUCHES, EVENTS, playbook, decisions=[decided("dora", 1)], contacts=[{"contact_id": "anna"}])
    assert "contacts of the decisions who are in no table of contacts or touches, and count nowhere: 1" in found.notes


# Against a count one by one

MOMENT = st.integers(0, 40 * 24)
MANY_TOUCHES = st.lists(st.tuples(st.sampled_from("abcd"), MOMENT, st.sampled_from(["meetup", "hello"])), max_size=25)
MANY_EVENTS = st.lists(st.tuples(st.sampled_from("abcde"), MOMENT, st.integers(1, 9)), max_size=20, unique=True)


@settings(max_examples=40)
@given(MANY_TOUCHES, MANY_EVENTS)
def test_measures_are_those_of_a_count_one_by_one(touches, events):
    """By team and by contact: messages, rates, young ones and values, as plain loops give them."""
    week, begin, end = 7 * 24, 5 * 24, 35 * 24
    touches = sorted({(contact, hour): campaign for contact, hour, campaign in touches}.items())
    won: dict[tuple[str, int], float] = defaultdict(float)
    for contact, hour, amount in events:
        before = [at for (own, at), _ in touches if own == contact and at < hour <= at + week and at < end]
        if before and hour <= end:
            won[contact, max(before)] += amount
    wanted = {}
    for (contact, hour), campaign in touches:
        if begin <= hour < end:
            for key in (("contact", contact), ("team", "events" if campaign == "meetup" else "care")):
                own = wanted.setdefault(key, [0, 0, 0, 0])
                settled, value = hour + week <= end, won.get((contact, hour), 0)
                own[0] += 1
                own[1] += settled
                own[2] += settled and value > 0
                own[3] += value * settled
    found = measured(
        [sent(contact, hour / 24, campaign) for (contact, hour), campaign in touches],
        [did(contact, hour / 24, amount=amount) for contact, hour, amount in events],
        since=START + timedelta(hours=begin),
        until=START + timedelta(hours=end),
        by="team,contact",
    )
    groups = [(facet.name, own) for facet in found.facets for own in facet.groups]
    assert {(name, own.group[0]): [own.messages, *_figures(own.responses[0])] for name, own in groups} == wanted


def _figures(own):
    assert own.rate.low is None or own.rate.low <= own.rate.rate <= own.rate.high
    return [own.rate.whole, own.rate.part, own.value]


def test_unknown_campaigns_are_named():
    """With the one that may be meant; their messages are measured all the same."""
    found = measured([*TOUCHES, sent("anna", 2, "meetupp"), *(sent("ben", 2, f"x{n}") for n in range(6))], EVENTS)
    assert "messages of campaign 'meetupp', which the playbook does not have: 1; did you mean 'meetup'?" in found.notes
    assert "messages of other campaigns that the playbook does not have: 2" in found.notes
    assert found.everything.messages == 11


def test_a_facet_of_very_many_values_is_refused():
    """A table by each instant would tell nobody anything."""
    touches = pa.table({"contact_id": ["anna"] * 10_001, "sent_at": pa.array(range(10_001), pa.timestamp("us", "UTC"))})
    with pytest.raises(DataError, match="'sent_at' has 10,001 values; measure by what has at most 10,000"):
        measured(touches, EVENTS, since=datetime(1970, 1, 1, tzinfo=UTC), by="sent_at")


def test_a_campaigns_holdout_of_the_same_seed_has_fewer_contacts_of_its_own():
    """One hash makes both holdouts: the general one has the first contacts of it, which is no mismatch."""
    names = [f"c{number}" for number in range(2_000)]
    contacts = [{"contact_id": name} for name in names]

    def compared(share):
        campaign = Campaign(id="meetup", holdout=Holdout(share=share))
        playbook = Playbook(responses=[SALE], holdout=Holdout(share=0.3), campaigns=[campaign])
        return measured(TOUCHES, EVENTS, playbook, contacts=contacts)

    found = compared(0.5)
    own = next(compared for dealt, _, compared in found.block("arms").comparisons if dealt == "holdout of meetup")
    assert own.arms[0].contacts == sum(0.3 <= bucket("holdout", name) < 0.5 for name in names)
    assert own.ratio.expected[0] == pytest.approx(own.ratio.counts[0], rel=0.1)
    assert "mismatch" not in str(found)
    found = compared(0.2)
    assert {dealt for dealt, _, _ in found.block("arms").comparisons} == {"holdout"}
    assert "holdout of meetup: not compared; the playbook's holdout has the same seed" in str(found)


@pytest.mark.parametrize(("shares", "said"), [((0, 0), "0 arms"), ((0.5, 0), "1 arm")])
def test_an_experiment_of_fewer_than_two_arms_is_not_compared(shares, said):
    """An experiment that is switched off is no fault of the tables."""
    arms = [{"name": name, "share": share} for name, share in zip("ab", shares, strict=True)]
    playbook = Playbook.from_dict({"responses": TONE["responses"], "experiments": [{"name": "tone", "arms": arms}]})
    found = measured(TOUCHES, EVENTS, playbook, contacts=[{"contact_id": name} for name in PEOPLE])
    assert found.block("arms").comparisons == ()
    assert f"tone: not compared; {said} with contacts" in str(found)


@pytest.mark.parametrize("blank", ["", " ", float("nan")])
def test_a_blank_account_is_none(blank):
    """Contacts with a blank account are dealt out by themselves, as the engine does, and are no account together."""
    playbook = Playbook.from_dict({**TONE, "caps": [{"name": "f", "max": 9, "window": "ever", "per": "account"}]})
    accounts = ["7" if place % 3 == 0 else None for place in range(len(PEOPLE))]

    def report(missing):
        rows = [
            {"contact_id": name, "account_id": missing if own is None else own}
            for name, own in zip(PEOPLE, accounts, strict=True)
        ]
        return measured(
            [sent(name, 1) for name in PEOPLE], [did(name, 3) for name in PEOPLE[::5]], playbook, contacts=rows
        )

    found = report(blank)
    assert found.to_dict() == report(None).to_dict()
    own = found.block("arms").comparisons[0][2]
    keys = ["7" if account else name for name, account in zip(PEOPLE, accounts, strict=True)]
    assert [arm.contacts for arm in own.arms] == [sum(arm_of(key) == arm.name for key in keys) for arm in own.arms]
