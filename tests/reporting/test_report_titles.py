"""The titles of the report are true: of ties, of nothing, of values below 0, and of contacts who are missing."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from reported import AT, PEOPLE, decided, playbook_of

from journeykit import Arbiter, Campaign, Content, DataError, Playbook, Quota, Response, Team, pressure, report
from journeykit.measuring import measure


def titles(found, key):
    return [chart.title for chart in found.part(key).charts]


def changed(table, name, values):
    """Decisions with other values in a column."""
    place = table.schema.get_field_index(name)
    return table.set_column(place, name, pa.array(values, table.schema.field(place).type))


def even_playbook():
    """Three teams alike: everybody gets one message of each."""
    names = ("care", "events", "sales")
    return Playbook(
        teams=[Team(name=name) for name in names],
        content=[Content(id=name, channel=name) for name in names],
        campaigns=[Campaign(id=f"of {name}", team=name, content=[name]) for name in names],
    )


def test_titles_name_all_that_lead():
    """Where several share the first place, a title that names one of them would not be true."""
    playbook = even_playbook()
    people = [
        {"contact_id": "anna", "consent": "care;events;sales", "stage": "new"},
        {"contact_id": "ben", "consent": "care;events;sales", "stage": "known"},
    ]
    found = report(playbook, decided(playbook, people), contacts=people)
    voice = titles(found, "voice")
    assert voice[0] == "care, events and sales take 33 % of attention each, most of all teams"
    assert voice[3] == (
        "care in known, events in known, sales in known and 3 more take 33 % of attention each, "
        "the largest share in any stage"
    )
    assert titles(found, "journey") == [
        "The most contacts are in known and new: 1 of 2 each (50 %)",
        "Contacts in known and new get most messages, 3 each",
    ]
    again = Arbiter(playbook).decide_table(people, at=AT + timedelta(days=1), everything=True)
    days = titles(report(playbook, pa.concat_tables([decided(playbook, people), again])), "calendar")
    assert days == ["Thu 2026-11-05 and Fri 2026-11-06 have the most messages: 6 of 12 each (50 %)"]


def test_what_is_not_more_than_half_is_not_called_most():
    """A day, a stage or a reason may lead with a small part of all."""
    playbook = playbook_of("fair", "offer", "news")
    table = decided(playbook, [*PEOPLE, {"contact_id": "ed-2", "stage": "lost"}])
    found = report(playbook, table, contacts=PEOPLE)
    assert titles(found, "reasons")[0] == "What does not go out is most often outbid: 4 of 10 claims (40 %)"
    assert not any(own.startswith("Most ") for part in found.parts for own in titles(found, part.key))


def test_nothing_displaced_is_not_displaced_most():
    """What lets others go has less than nothing displaced."""
    playbook = playbook_of("fair", "offer")
    table = decided(playbook, explain=True)
    for value, title in ((0.0, "No campaign displaces anything"), (-1.5, "offer lets others go, worth 3")):
        parted = changed(
            table, "displaced", [value if own == "granted" else None for own in table["outcome"].to_pylist()]
        )
        found = report(playbook, parted)
        assert title in titles(found, "contests")[1]
        assert "costs most" not in titles(found, "pressure")[-1]


def test_prices_below_0_add_to_weights():
    """A quota that wants more messages has such a price."""
    playbook = playbook_of("fair", "offer", quotas=[Quota(name="care", min=1)])
    table = decided(playbook)
    for prices, title in (
        ([-0.5] * 6, "Prices of quotas add most to fair and offer: 0.5 to the weight of a claim"),
        ([0.0] * 6, "No quota has a price: none is scarce"),
        ([1.0] * 6, "Prices of quotas take most from fair and offer: 1 of the weight of a claim"),
    ):
        assert titles(report(playbook, changed(table, "price", prices)), "quotas") == [title]


def test_a_claim_that_lost_to_several_counts_in_parts():
    """A third of a claim is neither none nor one."""
    playbook = playbook_of("fair", "offer", "news", "launch")
    table = decided(playbook, PEOPLE[:1])
    lost = [["offer", "news", "launch"] if own == "fair" else [] for own in table["campaign_id"].to_pylist()]
    assert titles(report(playbook, changed(table, "lost_to", lost)), "contests")[0] == (
        "launch over fair, news over fair and offer over fair cost most: 0.333 claims each, worth 0.333 of 1 in all"
    )


def test_contacts_are_as_many_everywhere():
    """Those of the decisions whom the table of contacts lacks are contacts too; bad rows are counted."""
    playbook = playbook_of("fair", "offer")
    people = [PEOPLE[0], {"contact_id": "dora-1", "stage": "new"}, {"contact_id": "ed-2"}, PEOPLE[0]]
    found = report(playbook, decided(playbook), contacts=people)
    assert found.part("headline").figures[1] == ("2", "of 5 contacts get one (40 %)")
    assert titles(found, "pressure")[0].startswith("40 % of contacts get a message")
    assert found.lines[-1] == "1 row of contacts could not be used."
    notes = pressure(playbook, people, decisions=decided(playbook)).notes
    assert "rows of contacts that could not be used: 1" in notes


def test_what_cannot_be_added_up_or_is_something_else_is_refused():
    """Weights that are not finite, and plain data of another kind."""
    playbook = playbook_of("fair", "offer")
    table = decided(playbook)
    with pytest.raises(DataError, match="not a finite number"):
        report(playbook, changed(table, "weight", [float("inf")] * 6))
    for name in ("summary", "measures", "compare"):
        with pytest.raises(DataError, match="this is no JSON of"):
            report(playbook, table, **{name: {"schema": "journeykit.matrix/1"}})
    text = str(report(playbook, table, title="a\x1b[31m"))
    assert "\x1b" not in text


def test_the_text_is_as_wide_as_a_terminal():
    """A meaning of a reason may be long."""
    playbook = playbook_of("fair")
    text = str(report(playbook, decided(playbook, [{"contact_id": "ed-2"}])))
    assert max(map(len, text.splitlines())) <= 120


def test_measures_by_contact_are_not_in_the_page():
    """Without examples nothing of a single contact is in the page, whatever was measured by."""
    click = Response(name="click", event="click", within="2d")
    playbook = playbook_of("fair", "offer", responses=[click])
    table = decided(playbook)
    people = [{**own, "email": f"{own['contact_id']}@example.org"} for own in PEOPLE]
    sent = [row for row in table.to_pylist() if row["outcome"] == "granted"]
    touches = [{**{name: row[name] for name in ("contact_id", "campaign_id")}, "sent_at": AT} for row in sent]
    events = [{"contact_id": "anna-7", "event": "click", "at": AT + timedelta(hours=1)}]
    by = ["contact_id", "email", "team*email", "team"]
    measures = measure(playbook, touches, events, since=AT, until=AT + timedelta(days=9), contacts=people, by=by)
    found = report(playbook, table, contacts=people, measures=measures)
    assert "anna" not in found.html
    assert found.part("measures").lines[1].startswith("Not shown by contact_id, email and team*email:")
    assert [own.table.title for own in found.part("measures").charts] == ["click by team"]
