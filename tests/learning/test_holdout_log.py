"""Logs of decisions, for uplift: who could get messages, who was held out, and who responded."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from journeykit import Arbiter, Campaign, Cap, Content, Playbook, Response, Window
from journeykit.errors import DataError
from journeykit.learning import MessageHistory
from journeykit.learning.holdout_log import MORE, NO_MESSAGES_AT_ALL, NOT_ELIGIBLE, TOO_YOUNG, HoldoutLog
from journeykit.learning.message_examples import NOT_DRAWN
from journeykit.model.holdout import Holdout
from journeykit.tables import BadRows

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
SALE = Response(name="sale", event="purchase", within="7d")
PEOPLE = [{"contact_id": f"c{number}", "city": "Ohrid" if number % 3 else "Bitola"} for number in range(300)]


def playbook():
    """Two campaigns, of which a contact gets one; a tenth of all contacts is held out, and a third from the launch."""
    return Playbook(
        content=[Content(id=name, channel="email") for name in ("news", "launch")],
        campaigns=[
            Campaign(id="news", content=["news"], weight=1),
            Campaign(
                id="launch", content=["launch"], weight=2, holdout=Holdout(1 / 3, "own"), audience="city == 'Ohrid'"
            ),
        ],
        caps=[Cap(name="one", max=1, window=Window.rolling("7d"))],
        holdout=Holdout(0.1),
        responses=[SALE],
    )


def decided(at=AT):
    """All rows of a night's decisions."""
    return Arbiter(playbook()).decide_table(PEOPLE, at=at, everything=True)


def read(*tables):
    """The log of some nights."""
    rows = [row for table in tables for row in table.to_pylist()]
    return HoldoutLog.read(rows, zone=None, bad=BadRows())


def sides(log, campaign):
    """By side, the contacts of a campaign."""
    ids, own = log.ids.to_pylist(), log.campaign == log.campaigns.index(campaign)
    return [{ids[who] for who in log.contact[own & (log.treated == side)].tolist()} for side in (True, False)]


def test_contacts_are_where_the_hash_deals_them():
    """Who could get a campaign's messages, granted or not, stands against who was held out, of the audience alone."""
    log = read(decided())
    ids = {row["contact_id"] for row in PEOPLE}
    held = {own for own in ids if Holdout(0.1).holds(own)}
    assert sides(log, "news") == [ids - held, held]
    ohrid = {row["contact_id"] for row in PEOPLE if row["city"] == "Ohrid"} - held
    own = {one for one in ohrid if Holdout(1 / 3, "own").holds(one)}
    assert sides(log, "launch") == [ohrid - own, own]
    # Where a campaign has a holdout of its own, those who get nothing at all are no comparison.
    assert log.left_out[NO_MESSAGES_AT_ALL] == len(held) - sum(not int(one[1:]) % 3 for one in held)
    assert log.left_out[NOT_ELIGIBLE] == sum(row["city"] == "Bitola" for row in PEOPLE)


def test_the_first_decision_counts():
    """What is decided on later days depends on what was sent, and is left out; another order of rows says the same."""
    first, later = decided(), decided(AT + timedelta(days=1))
    log, turned = read(first, later), read(later, first)
    assert len(log) == len(read(first)) == len(turned)
    assert log.left_out[MORE] == len(log)
    assert sides(log, "news") == sides(turned, "news")
    assert set(log.at.tolist()) == {int(AT.timestamp()) * 1_000_000}


def rows_of(log, events, until=AT + timedelta(days=7), people=PEOPLE):
    """The rows of a log with features and labels."""
    history = MessageHistory.read(playbook(), TOUCHES, events, until=until, contacts=people, static=["city"])
    return log.rows(SALE, history, events, until=until, zone=None, bad=BadRows())


TOUCHES = [{"contact_id": "c0", "sent_at": "2026-11-01T10:00Z", "campaign_id": "news", "channel": "email"}]


def test_events_after_the_decision_are_responses():
    """From just after the decision until `within` is over, for contacts held out as for all; other events are not."""
    log = read(decided())
    (treated, *_), (held, *_) = (sorted(own) for own in sides(log, "news"))
    after = {treated: 1, held: 7 * 86_400, "c10": 0, "c11": 7 * 86_400 + 1}
    bought = [
        {"contact_id": who, "event": "purchase", "at": (AT + timedelta(seconds=seconds)).isoformat()}
        for who, seconds in after.items()
    ]
    rows = rows_of(log, [*bought, {"contact_id": "c12", "event": "visit", "at": "2026-11-03T10:00Z"}])
    ids, news = log.ids.to_pylist(), rows.campaigns.index("news")
    assert {ids[who] for who in rows.contact[rows.label & (rows.campaign == news)].tolist()} == {treated, held}
    young = rows_of(log, bought, until=AT + timedelta(days=6))
    assert (len(young), young.left_out[TOO_YOUNG]) == (0, len(log))


def test_features_do_not_tell_who_is_held_out():
    """Campaign and attributes are known of all; touches and answers are left out, as messages make them."""
    log = read(decided())
    rows = rows_of(log, [{"contact_id": "c0", "event": "purchase", "at": "2026-11-01T11:00Z"}])
    assert rows.matrix.names == ("campaign", "city")
    city = np.array(rows.matrix.texts("city"))
    known = {row["contact_id"]: row["city"] for row in PEOPLE}
    assert city.tolist() == [known[log.ids[who].as_py()] for who in rows.contact.tolist()]
    assert set(zip(rows.matrix.texts("campaign"), rows.campaign.tolist(), strict=True)) == {("launch", 0), ("news", 1)}


def test_contacts_without_a_past_have_no_features():
    """A contact of the log whom no other table knows has missing features, and is a row all the same."""
    rows = rows_of(read(decided()), [], people=PEOPLE[:10])
    assert len(rows) == len(read(decided()))
    assert rows.matrix.texts("city").count(None) == sum(rows.contact >= 10)


def test_of_very_many_rows_some_contacts_are_drawn():
    """Contacts held out are drawn more often than others, so that both sides have rows; the rest is counted."""
    log = read(decided())
    history = MessageHistory.read(playbook(), TOUCHES, [], until=AT + timedelta(days=7))
    asked = {"until": AT + timedelta(days=7), "zone": None, "bad": BadRows()}
    rows = log.rows(SALE, history, [], most=120, **asked)
    assert len(rows) == pytest.approx(120, abs=30)
    assert rows.left_out[NOT_DRAWN] == len(log) - len(rows)
    held = {who for who, treated in zip(log.contact.tolist(), log.treated.tolist(), strict=True) if not treated}
    drawn = rows.contact.tolist()
    assert 40 <= sum(who in held for who in drawn) <= 80
    # All rows of a contact are drawn, or none.
    assert sorted(drawn) == sorted(own for own in log.contact.tolist() if own in set(drawn))


def test_a_table_without_reasons_is_no_log():
    """A table that lacks a column is named; bad rows are counted, and none that is good is an error."""
    with pytest.raises(DataError, match="reason"):
        HoldoutLog.read(
            [{"contact_id": "a", "campaign_id": "b", "decided_at": "2026-11-02T10:00Z"}], zone=None, bad=BadRows()
        )
    row = {"contact_id": "a", "campaign_id": "news", "decided_at": "2026-11-02T10:00Z", "reason": "granted"}
    bad = BadRows()
    log = HoldoutLog.read([row, {**row, "decided_at": "soon"}, {**row, "contact_id": None}], zone=None, bad=bad)
    assert (len(log), bad.total) == (1, 2)
    with pytest.raises(DataError, match="its only row cannot be used"):
        HoldoutLog.read([{**row, "decided_at": "soon"}], zone=None, bad=BadRows())
