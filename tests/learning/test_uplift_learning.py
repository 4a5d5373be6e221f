"""Uplift from tables: nights of decisions with a holdout, what followed, and scores of what messages add."""

import random
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("sklearn")

from journeykit import Arbiter, Campaign, Content, Playbook, Response, Scope, learn
from journeykit.errors import DataError
from journeykit.learning import LearnedModel, score
from journeykit.model.holdout import Holdout

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
UNTIL = AT + timedelta(days=8)


@pytest.fixture(scope="module")
def world():
    """2,000 contacts: the news brings sales of those in banking, and puts off those in retail; tips have no holdout."""
    playbook = Playbook(
        content=[Content(id=name, channel="email") for name in ("news", "tips")],
        campaigns=[
            Campaign(id="news", content=["news"], holdout=Holdout(0.3)),
            Campaign(id="tips", content=["tips"], audience="industry == 'banking'"),
        ],
        responses=[Response(name="sale", event="purchase", within="7d")],
    )
    people = [
        {
            "contact_id": f"c{number}",
            "industry": ("banking", "retail")[number % 2],
            "born": 1950 + number % 40,
            "consent_email": True,
        }
        for number in range(2_000)
    ]
    log = Arbiter(playbook).decide_table(people, at=AT, everything=True).to_pylist()
    sent = [
        {"contact_id": row["contact_id"], "sent_at": row["send_at"], "campaign_id": row["campaign_id"]}
        for row in log
        if row["reason"] == "granted"
    ]
    got = {row["contact_id"] for row in sent if row["campaign_id"] == "news"}
    events, chance = [], random.Random(4)
    for row in people:
        adds = (0.2 if row["industry"] == "banking" else -0.1) if row["contact_id"] in got else 0
        if chance.random() < 0.2 + adds:
            at = AT + timedelta(days=chance.uniform(0.1, 6))
            events.append({"contact_id": row["contact_id"], "event": "purchase", "at": at})
    return playbook, people, sent, events, log


@pytest.fixture(scope="module")
def model(world):
    """What was learned of them."""
    playbook, people, sent, events, log = world
    return learn(playbook, sent, iter(events), until=UNTIL, contacts=people, static=["industry", "born"], log=log)


def test_scores_have_what_messages_add(world, model, tmp_path):
    """The uplift of contacts is near the truth; propensity is the same, at least 0, where it is known."""
    playbook, people, sent, events, _ = world
    model.save(tmp_path / "model.skops")
    kept = LearnedModel.load(tmp_path / "model.skops", playbook)
    scores = score(playbook, kept, people, sent, events, at=UNTIL)
    rows = scores.table().to_pylist()
    assert list(rows[0]) == ["contact_id", "campaign_id", "propensity", "spread", "uplift"]
    news = {row["contact_id"]: row for row in rows if row["campaign_id"] == "news"}
    for industry, truth in (("banking", 0.2), ("retail", -0.1)):
        own = [news[row["contact_id"]]["uplift"] for row in people if row["industry"] == industry]
        assert sum(own) / len(own) == pytest.approx(truth, abs=0.06)
    assert all(row["propensity"] == max(row["uplift"], 0) for row in news.values())
    assert all(0.01 < row["spread"] < 0.05 for row in news.values())
    tips = [row for row in rows if row["campaign_id"] == "tips"]
    assert len(tips) == 2_000
    assert all(row["uplift"] is None and row["propensity"] > 0 for row in tips)
    assert "without uplift, so that propensity is the chance of a response: tips" in scores.notes


def test_the_card_says_who_was_compared(model):
    """Both sides of the campaign, and messages to those with uplift above 0 bring more than messages to all."""
    card = model.cards["uplift of sale"]
    (news,) = card.campaigns
    assert news.messaged + news.held == 2_000
    assert news.held == pytest.approx(600, abs=70)
    assert news.effect.low < 0.05 < news.effect.high
    assert card.over_everyone.low > 0
    assert "Campaign 'tips' has 1,000 contacts who could get its messages and none held out" in str(card)
    assert str(card).startswith("What messages add to the chance of 'sale', by ")
    assert card.to_markdown().startswith("# Uplift of sale\n")


def test_a_log_of_granted_rows_alone_is_refused(world):
    """Without the rows of contacts held out nothing can be compared, and the error says what to do."""
    playbook, people, sent, events, log = world
    granted = [row for row in log if row["reason"] == "granted"]
    with pytest.raises(DataError, match=r"uplift of 'sale' cannot be learned: no campaign has .* decide --all"):
        learn(playbook, sent, events, until=UNTIL, contacts=people, static=["industry"], log=granted)


def test_a_log_that_is_too_young_is_refused(world):
    """Rows whose response may still come are not compared, and the error says how many they are."""
    playbook, people, sent, events, log = world
    early = [{**row, "sent_at": AT - timedelta(days=20)} for row in sent]
    with pytest.raises(DataError, match="younger than the response's within 3,000"):
        learn(playbook, early, events, until=AT + timedelta(days=2), contacts=people, log=log)


def test_bad_rows_of_the_log_are_told(world):
    """A row that cannot be read is counted, and named in the card."""
    playbook, people, sent, events, log = world
    rows = [*log[:40], {**log[0], "decided_at": "soon"}]
    card = learn(playbook, sent, events, until=UNTIL, contacts=people, log=rows).cards["uplift of sale"]
    assert "bad rows of decisions: 1" in "\n".join(card.notes)


def test_campaigns_that_a_response_is_not_about_are_not_compared():
    """What calls bring is no measure of letters, and does not draw their uplift towards its own."""
    sale = Response(name="sale", event="purchase", within="7d", where=Scope.of(campaign="letter"))
    visit = Response(name="visit", event="visit", within="7d", where=Scope.of(campaign="poster"))
    playbook = Playbook(campaigns=[Campaign(id=name) for name in ("letter", "call", "poster")], responses=[sale, visit])
    log = [
        {
            "contact_id": f"c{number}",
            "campaign_id": name,
            "decided_at": AT,
            "reason": ("granted", "holdout")[number % 2],
        }
        for number in range(40)
        for name in ("letter", "call")
    ]
    sent = [{"contact_id": f"c{number}", "sent_at": AT, "campaign_id": "letter"} for number in range(0, 40, 2)]
    sent += [{"contact_id": "c0", "sent_at": AT, "campaign_id": "poster"}]
    events = [{"contact_id": "c0", "event": "purchase", "at": AT + timedelta(days=1)}]
    model = learn(playbook, sent, events, until=UNTIL, log=log)
    assert {name: [one.campaign for one in own.campaigns] for name, own in model.uplift.items()} == {"sale": ["letter"]}
    assert model.uplift["sale"].card.left_out == {"out of the response's scope": 40}
    with pytest.raises(DataError, match="no response that was learned is about a campaign of the log"):
        learn(playbook, sent, events, until=UNTIL, log=[row | {"campaign_id": "call"} for row in log])
