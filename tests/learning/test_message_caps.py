"""Caps that are learned: how many messages a week are worth their risk, contact by contact."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

pytest.importorskip("sklearn")

from hypothesis import given
from hypothesis import strategies as st

from journeykit import Arbiter, Campaign, Cap, Contact, Content, Journey, Playbook, Response, Stage, Window
from journeykit.errors import DataError
from journeykit.learning import Feature, MessageHistory, learn_from, scores_of
from journeykit.learning.message_caps import caps_of, most_tried, steady_risk, weekly_messages
from journeykit.model.cap import Limit

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
UNTIL = START + timedelta(days=120)


def playbook(**changes):
    """Two campaigns with a purchase as response, and a journey of two stages."""
    return Playbook(
        **{
            "content": [Content(id=name, channel="email") for name in ("news", "offer")],
            "campaigns": [Campaign(id="news", content=["news"]), Campaign(id="offer", content=["offer"])],
            "responses": [Response(name="sale", event="purchase", value="amount", within="3d")],
            "journey": Journey(stages=[Stage(name="lead", value=50), Stage(name="customer", value=400)]),
            "opt_out_cost": 100,
            **changes,
        }
    )


def tables():
    """600 contacts over eight weeks: one to four messages a week, and opt-outs that grow likelier with each."""
    random = np.random.default_rng(8)
    touches, events, people = [], [], []
    for number in range(600):
        who, week = f"c{number:03}", number % 4 + 1
        people.append(
            {"contact_id": who, "stage": ("lead", "customer")[number % 2], "kind": ("a", "b")[number % 3 == 0]}
        )
        for sent in range(8 * week):
            at = START + timedelta(days=sent * 7 / week)
            touches.append(
                {"contact_id": who, "sent_at": at, "campaign_id": ("news", "offer")[int(random.random() < 0.5)]}
            )
            if random.random() < (0.3 if number % 3 == 0 else 0.1):
                events.append({"contact_id": who, "event": "purchase", "at": at + timedelta(hours=2), "amount": 10})
            if random.random() < 0.004 * 3 ** min(sent, week - 1):
                events.append({"contact_id": who, "event": "opt_out", "at": at + timedelta(hours=3)})
                break
    return touches, events, people


TABLES = tables()


def learned(rules, people=TABLES[2]):
    """The scores of the contacts after four months."""
    touches, events, _ = TABLES
    static = ["kind"] if people else []
    history = MessageHistory.read(rules, touches, events, until=UNTIL, contacts=people, static=static)
    return scores_of(rules, learn_from(rules, history, until=UNTIL, static=static), history, at=UNTIL)


@pytest.fixture(scope="module")
def scores():
    """Those of the playbook as it is."""
    return learned(playbook())


NUMBERS = st.floats(0, 10)


@given(NUMBERS, st.lists(st.floats(0, 0.5), min_size=1, max_size=6), NUMBERS, st.floats(-2, 2))
def test_messages_are_counted_until_one_is_not_worth_it(worth, risk, cost, reserve):
    """The number is that of a contact who asks before each message whether it is worth its risk."""
    count = 0
    while count < len(risk) and worth - risk[count] * cost > reserve:
        count += 1
    found = weekly_messages(np.array([worth]), np.array([risk]), np.array([cost]), reserve)
    assert found.tolist() == [count]


class RiskByWeek:
    """A model of opt-outs that falls and rises with the messages of the week, and knows the month and all before."""

    features = (Feature("touches"), Feature("touches_7d"), Feature("touches_30d"))

    def chances(self, matrix):
        self.seen = matrix
        return np.array([0.03, 0.01, 0.02, 0.05])[matrix.column("touches_7d").astype(int)], np.zeros(len(matrix))


def test_risk_never_falls_with_more_messages():
    """Who still is there after many messages is one who does not mind; the risk of the next one is not lower for it."""
    model = RiskByWeek()
    assert steady_risk(model, np.array([2, 20]), 3).tolist() == [[0.03, 0.03, 0.03, 0.05]] * 2
    assert model.seen.column("touches_30d").tolist() == [0, 4, 9, 13] * 2
    assert model.seen.column("touches").tolist() == [2, 4, 9, 13, 20, 20, 20, 20]


def test_who_answers_more_bears_more(scores):
    """Contacts whose messages are worth more get more of them, and none gets more than was tried."""
    found = caps_of(playbook(), scores)
    assert found.tried == 4
    kind = np.array([row["kind"] for row in TABLES[2]])
    assert found.ids.to_pylist() == [row["contact_id"] for row in TABLES[2]]
    assert found.worth[kind == "b"].mean() > 2 * found.worth[kind == "a"].mean()
    assert found.messages[kind == "b"].mean() > found.messages[kind == "a"].mean() > 0
    assert found.messages.max() <= found.tried
    assert found.worth[kind == "b"].mean() == pytest.approx(3, rel=0.2)  # three of ten answer, with 10 each


def test_a_dearer_opt_out_means_fewer(scores):
    """The more an opt-out costs, the fewer messages are worth it; for nothing all that were tried are."""
    found = [caps_of(playbook(opt_out_cost=cost), scores) for cost in (0, 50, 100, 1_000, 1e6)]
    means = [own.messages.mean() for own in found]
    assert means == sorted(means, reverse=True)
    assert set(found[0].messages) == {4.0}
    assert set(found[-1].messages) == {0.0}
    assert "for 600 contacts every message that was tried is worth its risk: their number is 4" in found[0].notes[0]


def test_the_value_of_the_stage(scores):
    """A customer is worth more than a lead, and bears fewer messages; of a stage without a value nothing is known."""
    found = caps_of(playbook(opt_out_cost="stage_value"), scores)
    stage = np.array([row["stage"] for row in TABLES[2]])
    assert set(found.opt_out_cost[stage == "customer"]) == {400.0}
    assert found.messages[stage == "lead"].mean() > found.messages[stage == "customer"].mean()
    half = Journey(stages=[Stage(name="lead", value=50), Stage(name="customer")])
    unknown = caps_of(playbook(opt_out_cost="stage_value", journey=half), scores)
    assert np.isnan(unknown.messages).tolist() == (stage == "customer").tolist()
    assert "300 contacts without a number of messages: they have no opt_out_cost" in unknown.notes


def test_the_column_is_a_cap(scores, tmp_path):
    """The table is written with a row for each contact, and its column is the limit of a cap."""
    found = caps_of(playbook(), scores)
    found.write(tmp_path / "caps.csv")
    lines = (tmp_path / "caps.csv").read_text("utf-8").splitlines()
    assert lines[0] == "contact_id,messages_a_week,worth,opt_out,opt_out_cost"
    assert len(lines) == 601
    week = Cap(name="own", max=Limit("messages_a_week", 1), window=Window.rolling("7d"))
    row = found.table().to_pylist()[0]
    contact = Contact(id="c000", attributes={"messages_a_week": row["messages_a_week"]}, consent={"email": True})
    decision = Arbiter(playbook(caps=[week], opt_out_cost=None)).decide(contact, at=UNTIL)
    assert len(decision.granted) == min(row["messages_a_week"], 2)


def test_what_is_not_there_is_an_error(scores):
    """Without a cost, or without opt-outs to learn from, there are no caps."""
    with pytest.raises(DataError, match="give opt_out_cost in the playbook"):
        caps_of(playbook(opt_out_cost=None), scores)
    touches, events, people = TABLES
    calm = [row for row in events if row["event"] != "opt_out"]
    history = MessageHistory.read(playbook(), touches, calm, until=UNTIL, contacts=people)
    model = learn_from(playbook(), history, until=UNTIL)
    with pytest.raises(DataError, match="caps need opt-outs to learn from"):
        caps_of(playbook(), scores_of(playbook(), model, history, at=UNTIL))


def test_campaigns_that_no_cap_stops_do_not_count(scores):
    """Service messages, and weights that only a contact has, are not what the next message is worth."""
    service = Campaign(id="offer", content=["offer"], needs_consent=False, weight=1_000)
    rules = playbook(campaigns=[Campaign(id="news", content=["news"], weight=2), service])
    found, plain = caps_of(rules, scores), caps_of(playbook(), scores)
    assert found.worth.max() < 3 * plain.worth.max()
    own = playbook(campaigns=[Campaign(id="news", content=["news"], weight="margin"), service])
    unknown = caps_of(own, scores)
    assert np.isnan(unknown.messages).all()
    assert "campaigns whose weight is an expression are not considered: news" in unknown.notes


def test_what_was_tried_often_enough():
    """A pressure counts as tried where thirty messages had it, or more."""
    sent = [
        {"contact_id": f"c{number}", "sent_at": START + timedelta(hours=hour)}
        for number in range(30)
        for hour in (0, 5)
    ]
    sent += [{"contact_id": f"c{number}", "sent_at": START + timedelta(hours=9)} for number in range(29)]
    assert most_tried(MessageHistory.read(playbook(), sent, [], until=UNTIL)) == 1
