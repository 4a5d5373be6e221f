"""Evaluating decisions by a log: from tables to the report."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import journeykit
from journeykit import Arbiter, Campaign, Cap, Content, Playbook, Response, Scope, Window
from journeykit.errors import DataError, ModelError
from journeykit.evaluating import EVALUATIONS
from journeykit.model.exploration import Exploration

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
SALE = Response(name="sale", event="purchase", value="amount", within="7d")
NAMES = ("news", "call", "offer")


def playbook(weights=(3, 2, 1), **more):
    """Three campaigns, of which a contact gets one."""
    return Playbook(
        content=[Content(id=name, channel="email") for name in NAMES],
        campaigns=[
            Campaign(id=name, content=(name,), weight=weight) for name, weight in zip(NAMES, weights, strict=True)
        ],
        caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))],
        responses=[SALE],
        **more,
    )


def decided(rules, contacts=300, at=AT):
    """All rows of a run over so many contacts."""
    people = [{"contact_id": f"c{number}", "consent_email": True} for number in range(contacts)]
    return Arbiter(rules).decide_table(people, at=at, everything=True).to_pylist()


def claim(contact, campaign, chance=None, *, sent=False, at=AT, **more):
    """A row of a table of decisions."""
    outcome = "granted" if sent else "deferred"
    own = {"contact_id": contact, "campaign_id": campaign, "outcome": outcome, "chance": chance}
    return {**own, "decided_at": at.isoformat(), **more}


def event(contact, days, name="purchase", **more):
    """An event, so many days after the run."""
    return {"contact_id": contact, "event": name, "at": (AT + timedelta(days=days)).isoformat(), **more}


LOG = [
    claim("anna", "news", 0.75, sent=True),
    claim("anna", "call", 0.25),
    claim("ben", "news", 0.75),
    claim("ben", "call", 0.25, sent=True),
    claim("cleo", "news", 0.5),
    claim("cleo", "call", 0.5, sent=True),
]
CALLS = [claim(who, what, sent=what == "call") for who in ("anna", "ben", "cleo") for what in ("news", "call")]
BOUGHT = [event("ben", 1, amount=30), event("anna", 2, amount=5), event("cleo", 40, "visit")]


def test_a_call_that_was_rarely_made_counts_the_more():
    """Ben's call had a chance of a quarter and was answered, Cleo's a half and was not: four of six are answered."""
    found = journeykit.evaluate(playbook(), LOG, CALLS, BOUGHT)
    rate, value = found.of("sale").rate, found.of("sale").value
    assert (found.sent, found.wanted, found.unsupported) == (3, 3, 0)
    assert rate.log.mean == 2 / 3
    assert rate.by("self_normalised").found.mean == 4 / 6
    assert rate.by("self_normalised").found.total == 3 * 4 / 6
    assert rate.size == pytest.approx(36 / 20)
    assert value.log.total == 35
    assert value.by("self_normalised").found.mean == pytest.approx(4 * 30 / 6)
    assert value.by("self_normalised").difference.total == pytest.approx(60 - 35)


def test_the_log_s_own_decisions_bring_what_they_brought():
    """A log with its chances as the decisions too: nothing is gained, and nothing lost."""
    log = decided(playbook(explore=Exploration(share=0.5, draws=10)), 100)
    bought = [event(f"c{number}", 1, amount=number) for number in range(0, 100, 7)]
    found = journeykit.evaluate(playbook(), log, log, [*bought, event("c0", 30, "visit")]).of("sale")
    for own in (found.rate, found.value):
        assert own.by("self_normalised").found.mean == pytest.approx(own.log.mean)
        assert own.by("self_normalised").found.messages == pytest.approx(own.log.messages, rel=0.01)
        assert own.by("doubly_robust").found.mean == pytest.approx(own.log.mean, abs=0.2 * own.log.mean)


def test_decisions_of_another_playbook_are_found_by_the_engines_chances():
    """Contacts answer calls alone; the log mostly sends news, and calls would bring what those that were made say."""
    log = decided(playbook(explore=Exploration(share=0.5, draws=8)), 400)
    calls = decided(playbook((1, 3, 2)), 400)
    generator = np.random.default_rng(1)
    answers = {f"c{number}" for number in np.flatnonzero(generator.random(400) < 0.4)}
    called = [row["contact_id"] for row in log if row["outcome"] == "granted" and row["campaign_id"] == "call"]
    assert 40 < len(called) < 100
    bought = [event(who, 1) for who in called if who in answers] + [event("c0", 30, "visit")]
    found = journeykit.evaluate(playbook(), log, calls, bought).of("sale").rate
    low, high = found.by("self_normalised").found.ends
    truth = len(answers) / 400
    assert low < truth < high
    assert found.by("self_normalised").found.messages == 400
    assert found.unsupported < 40
    low, high = found.by("self_normalised").difference.ends
    assert 0.1 < low < truth - found.log.mean < high
    assert abs(found.weight - found.expected) < 4 * found.weight_error


def test_a_value_that_rests_on_few_answers_is_said_to():
    """One answer tells nothing of how far amounts spread; of rates it is no secret how few there were."""
    found = journeykit.evaluate(playbook(), LOG, CALLS, BOUGHT)
    assert found.of("sale").value.answers == 1
    told = "sale: what is known of the value is as much as that of 1 answer says"
    assert [note.startswith(told) for note in found.of("sale").notes()].count(True) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_tables_may_come_in_any_order_and_form(tmp_path, order):
    """Rows in another order, and Parquet or CSV files, give the same."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    first = journeykit.evaluate(playbook(), LOG, CALLS, BOUGHT)
    pa.parquet.write_table(pa.Table.from_pylist(LOG[::order]), tmp_path / "log.parquet")
    pa.csv.write_csv(pa.Table.from_pylist(CALLS[::-order]), tmp_path / "calls.csv")
    files = [str(tmp_path / "log.parquet"), str(tmp_path / "calls.csv")]
    again = journeykit.evaluate(playbook(), *files, BOUGHT[::order])
    one, other = (found.of("sale") for found in (first, again))
    assert one.rate.by("self_normalised").to_dict() == other.rate.by("self_normalised").to_dict()
    assert one.value.log.to_dict() == other.value.log.to_dict()


def test_messages_whose_answers_may_yet_come_are_not_evaluated():
    """A run is evaluated once its last message is as old as the response's within."""
    late = AT + timedelta(days=3)
    log = [*LOG, claim("anna", "news", 0.5, sent=True, at=late, send_at=(late + timedelta(days=1)).isoformat())]
    calls = [*CALLS, claim("anna", "news", sent=True, at=late)]
    found = journeykit.evaluate(playbook(), log, calls, BOUGHT, until=AT + timedelta(days=10, hours=23))
    assert found.of("sale").young == 1
    assert found.of("sale").rate.log.messages == 3
    assert "sale: messages of runs whose answers may yet come, not evaluated: 1" in str(found)
    found = journeykit.evaluate(playbook(), log, calls, BOUGHT, until=AT + timedelta(days=11))
    assert found.of("sale").young == 0
    assert found.of("sale").rate.log.messages == 4


def test_a_response_is_about_messages_in_its_scope():
    """A response to calls alone says nothing of news."""
    calls = Response(name="callback", event="purchase", within="7d", where=Scope.of(campaign="call"))
    rules = Playbook(responses=[calls])
    found = journeykit.evaluate(rules, LOG, CALLS, BOUGHT).of("callback").rate
    assert found.log.messages == 2
    assert found.log.mean == 1 / 2


def test_an_event_that_names_its_decision_is_credited_to_it():
    """Decision ids of the log are those of its messages."""
    log = [{**row, "decision_id": f"d{number}"} for number, row in enumerate(LOG)]
    bought = [event("ben", 1, decision_id="d3"), event("cleo", 1, decision_id="d0"), event("cleo", 40, "visit")]
    found = journeykit.evaluate(playbook(), log, CALLS, bought).of("sale").rate
    assert found.log.mean == 1 / 3
    assert found.by("self_normalised").found.mean == 4 / 6


def test_accounts_are_the_units_where_contacts_are_decided_together():
    """With a cap per account, messages of an account are one piece of evidence."""
    together = Playbook(
        caps=[Cap(name="one a week", max=1, window=Window.rolling("7d"), per="account")], responses=[SALE]
    )
    log = [{**row, "account_id": "acme" if row["contact_id"] != "cleo" else None} for row in LOG]
    found = journeykit.evaluate(together, log, CALLS, BOUGHT)
    assert found.unit == "account"
    assert len(found.of("sale").rate.log.influence[found.of("sale").rate.log.influence != 0]) == 2


def test_what_the_log_could_not_have_sent_is_told():
    """Messages of the decisions without a chance in the log are counted, and so is too little overlap."""
    log = [*LOG[:4], claim("cleo", "news", 1, sent=True), claim("cleo", "call", 0)]
    found = journeykit.evaluate(playbook(), log, CALLS, BOUGHT)
    assert found.unsupported == 1
    said = str(found)
    assert "the log could not have sent 1 of these (33.3 %)" in said
    assert "the log could not have sent 1 of the decisions' 3 messages (33 %)" in said
    assert "too little overlap: the log tells as much as 1 messages" in said


def test_chances_of_another_log_are_noticed():
    """Where what was sent is not what chances say, the weights do not come to what they should."""
    generator = np.random.default_rng(2)
    chances = generator.uniform(0.05, 0.4, 500)
    log = [claim(f"c{number}", "news", chance, sent=True) for number, chance in enumerate(chances)]
    others = [claim(f"c{number}", "news", sent=True) for number in range(500)]
    said = str(journeykit.evaluate(playbook(), log, others, BOUGHT))
    assert "the chances are not those with which the messages were chosen" in said
    assert "no row of the log is denied" in said


def test_a_log_without_chances_is_refused():
    """It does not say what else could have been sent."""
    bare = [{**row, "chance": None} for row in LOG]
    with pytest.raises(DataError, match="log, field 'chance': the log has no chances"):
        journeykit.evaluate(playbook(), bare, CALLS, BOUGHT)
    for row in bare:
        del row["chance"]
    with pytest.raises(DataError, match="decide with a playbook that has explore"):
        journeykit.evaluate(playbook(), bare, CALLS, BOUGHT)


def test_what_cannot_be_asked_is_said():
    """Unknown responses, none at all, events that say no end, and nothing that is left."""
    with pytest.raises(ModelError, match="no response 'sales'; did you mean 'sale'"):
        journeykit.evaluate(playbook(), LOG, CALLS, BOUGHT, responses="sales")
    with pytest.raises(ModelError, match="the playbook has no responses"):
        journeykit.evaluate(Playbook(), LOG, CALLS, BOUGHT)
    with pytest.raises(DataError, match="no event says when observation ended"):
        journeykit.evaluate(playbook(), LOG, CALLS, [])
    with pytest.raises(DataError, match="no claim is left"):
        journeykit.evaluate(playbook(), [{**LOG[0], "chance": None}, *LOG[1:2]], CALLS[:2], BOUGHT)
    found = journeykit.evaluate(playbook(), LOG, CALLS, [], until=AT + timedelta(days=30))
    assert found.of("sale").rate.by("self_normalised").found.mean == 0


def test_so_many_bad_rows_are_tolerated_as_is_said():
    """Of each table a share: one row of seven is more than a tenth, and less than a fifth."""
    log = [*LOG, {**LOG[0], "chance": 2}]
    assert journeykit.evaluate(playbook(), log, CALLS, BOUGHT, max_bad="20%").counts["decisions"]["bad_rows"] == 1
    with pytest.raises(DataError, match="1 of 7 rows are bad"):
        journeykit.evaluate(playbook(), log, CALLS, BOUGHT, max_bad="10%")
    with pytest.raises(DataError, match="more bad rows than the 0"):
        journeykit.evaluate(playbook(), log, CALLS, BOUGHT, max_bad=0)


def test_the_report_is_text_a_page_plain_data_and_rows():
    """All forms have the same figures, and JSON holds them."""
    found = journeykit.evaluate(playbook(), LOG, CALLS, BOUGHT)
    told = json.loads(json.dumps(found.to_dict()))
    assert told["responses"][0]["rate"]["found"][0]["mean"] == pytest.approx(4 / 6)
    rows = list(found.rows())
    assert all(list(row) == list(EVALUATIONS) for row in rows)
    assert [(row["measure"], row["estimator"]) for row in rows[:3]] == [
        ("rate", "log"),
        ("rate", "self_normalised"),
        ("rate", "doubly_robust"),
    ]
    assert rows[1]["mean"] == pytest.approx(4 / 6)
    assert "66.67 %" in str(found)
    assert "66.67 %" in found._repr_html_()
    with pytest.raises(KeyError):
        found.of("click")


KEYS = [(who, what, run) for who in ("anna", "ben", "cleo") for what in NAMES for run in (0, 1)]
LOGGED = st.dictionaries(
    st.sampled_from(KEYS),
    st.tuples(st.sampled_from([0.125, 0.25, 0.5, 1.0]), st.booleans(), st.booleans()),
    min_size=1,
)
WANTED = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.sampled_from([None, 0.25, 1.0]), st.booleans()), min_size=1
)


@settings(max_examples=40, deadline=None)
@given(LOGGED, WANTED)
def test_an_oracle_finds_the_same(logged, wanted):
    """Sums over a dictionary of claims, with nothing of the library."""
    log = [
        claim(who, what, chance, sent=sent, at=AT + timedelta(days=30 * run))
        for (who, what, run), (chance, sent, _) in logged.items()
    ]
    decisions = [
        claim(who, what, chance, sent=sent, at=AT + timedelta(days=30 * run))
        for (who, what, run), (chance, sent) in wanted.items()
    ]
    # Rows of a campaign that nobody has: with them no contact is in one table alone, and none is whole for want of one.
    log += [
        claim(who, "none", 0, at=AT + timedelta(days=30 * run)) for who in ("anna", "ben", "cleo") for run in (0, 1)
    ]
    decisions += [{**row, "chance": None} for row in log[-6:]]
    ids = {key: f"d{number}" for number, key in enumerate(logged)}
    for row, key in zip(log, logged, strict=False):
        row["decision_id"] = ids[key]
    bought = [
        event(who, 30 * run + 1, decision_id=ids[who, what, run])
        for (who, what, run), (_, sent, answered) in logged.items()
        if sent and answered
    ]
    assume(any(own["outcome"] == "granted" for own in log) or any(own[0] or own[1] for own in wanted.values()))
    found = journeykit.evaluate(playbook(), log, decisions, [*bought, event("anna", 90, "visit")])
    share = {key: float(sent) if chance is None else chance for key, (chance, sent) in wanted.items()}
    sent = {
        key: (share.get(key, 0) / chance, answered) for key, (chance, is_sent, answered) in logged.items() if is_sent
    }
    weight = sum(own for own, _ in sent.values())
    rate = found.of("sale").rate
    assert found.wanted == pytest.approx(sum(share.values()))
    assert found.unsupported == pytest.approx(sum(own for key, own in share.items() if key not in logged))
    assert rate.log.messages == len(sent)
    assert rate.weight == pytest.approx(weight)
    mean = rate.by("self_normalised").found.mean
    if weight:
        assert mean == pytest.approx(sum(own for own, answered in sent.values() if answered) / weight)
    else:
        assert mean is None
