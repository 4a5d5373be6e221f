"""Comparing playbooks, and tables of decisions."""

import json
from collections import Counter
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeykit
from journeykit import Arbiter, Campaign, Cap, Content, Playbook, Team, Window, compare
from journeykit.comparing import COMPARISONS
from journeykit.errors import DataError, ModelError

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NAMES = ("news", "sale", "fair")


def playbook(weights=(3, 2, 1), most=1, names=NAMES, **more):
    """Campaigns of as many weights, of which a contact gets so many."""
    return Playbook(
        content=[Content(id=name, channel="sms" if name == "sale" else "email") for name in names],
        teams=[Team(name="care"), Team(name="events")],
        campaigns=[
            Campaign(id=name, content=(name,), weight=weight, team="events" if name == "fair" else "care")
            for name, weight in zip(names, weights, strict=True)
        ],
        caps=[Cap(name="one a day", max=most, window=Window.calendar("day"))],
        **more,
    )


def people(count=4, **more):
    """So many contacts, the first of whom takes no SMS."""
    return [
        {"contact_id": f"c{n}", "consent_email": True, "consent_sms": n > 0, "stage": "early" if n % 2 else "late"}
        | more
        for n in range(count)
    ]


def test_what_contacts_get_instead_is_counted_with_an_example():
    """Where the sale weighs more than the news, contacts who take SMS get it instead."""
    found = compare(playbook(), playbook((3, 4, 1)), contacts=people(), at=AT)
    pair = found.pairs[0]
    assert [(own.lost, own.gained, own.contacts) for own in pair.swaps] == [("news", "sale", 3)]
    assert pair.swaps[0].examples[0] == {
        "contact": "c1",
        "lost": {"outcome": "deferred", "reason": "outbid", "rule": "one a day"},
        "gained": {"outcome": "deferred", "reason": "outbid", "rule": "one a day"},
    }
    assert (pair.contacts, pair.same, pair.more, pair.fewer, pair.instead) == (4, 1, 0, 0, 3)
    assert [side.value for side in found.sides] == [12, 15]


def test_an_example_is_of_the_claim_that_is_lost():
    """Of a campaign with two contents, what is said is said of the one that a contact no longer gets."""
    data = playbook().to_dict()
    data["content"].append({"id": "poster", "channel": "sms"})
    data["campaigns"][0]["content"] = ["poster", "news"]
    rules = [Playbook.from_dict({**data, "reserve": own}) for own in (2.5, 5)]
    pair = compare(*rules, contacts=people(1), at=AT).pairs[0]
    assert [(own.lost, own.gained) for own in pair.swaps] == [("news", None)]
    assert pair.swaps[0].examples[0]["lost"]["reason"] == "not_worth_it"


def test_groups_stand_before_and_after():
    """By channel, team, campaign, stage and segment: messages and value of both."""
    pair = compare(playbook(), playbook((3, 4, 1)), contacts=people(), at=AT).pairs[0]
    sms = next(own for own in pair.by["channel"] if own.group == "sms")
    assert (sms.first.granted, sms.other.granted, sms.first.value, sms.other.value) == (0, 3, 0, 12)
    stages = {own.group: own for own in pair.by["stage"]}
    assert (stages["early"].first.contacts, stages["early"].other.value, stages["late"].other.value) == (2, 8, 7)
    assert set(pair.by) == {"team", "channel", "campaign", "segment", "stage"}


def test_another_wording_is_no_change():
    """A playbook whose keys stand in another order, and whose caps have another name, decides alike."""
    data = playbook().to_dict()
    data["campaigns"].reverse()
    data["name"], data["caps"][0]["name"] = "harmony", "daily"
    found = compare(playbook(), Playbook.from_dict(data), contacts=people(), at=AT)
    assert not found.is_changed
    assert found.pairs[0].verdict() == "no change: 12 claims of 4 contacts have the same answers"
    assert "the playbooks say the same in other words" in str(found)
    later = Playbook.from_dict({**playbook().to_dict(), "campaigns": [
        {**own, "ends": "2027-01-01"} for own in playbook().to_dict()["campaigns"]
    ]})  # fmt: skip
    found = compare(playbook(), later, contacts=people(), at=AT)
    assert not found.is_changed
    assert "the playbooks differ in 3 places, which changes nothing for these contacts" in str(found)


def test_values_are_compared_in_one_measure():
    """Where weights differ, the other's messages are also valued as the first weighs them."""
    pair = compare(playbook(), playbook((3, 4, 1)), contacts=people(), at=AT).pairs[0]
    assert (pair.weights, pair.value_by_first, pair.unweighed) == (3, 9, 0)
    pair = compare(playbook((3, 2), names=NAMES[:2]), playbook(most=3), contacts=people(), at=AT).pairs[0]
    assert (pair.weights, pair.value_by_first, pair.unweighed) == (0, 18, 4)


def test_messages_at_another_time_are_counted():
    """The same messages, an hour later."""
    rules = [Playbook.from_dict({**playbook().to_dict(), "channels": [{"name": "email", "send_at": own}]})
             for own in ("11:00", "12:00")]  # fmt: skip
    pair = compare(*rules, contacts=people(), at=AT).pairs[0]
    assert (pair.moved, pair.changed, pair.is_changed) == (4, 0, True)
    assert pair.verdict() == "all 4 contacts get the same messages"
    assert "4 messages go out at another time" in list(pair.details())


def test_a_campaign_more_or_less_is_told():
    """Claims of a campaign that one playbook lacks are told as such."""
    pair = compare(playbook(), playbook((3, 2), names=NAMES[:2]), contacts=people(), at=AT).pairs[0]
    assert [(own.campaign, own.before, own.after, own.claims) for own in pair.changes] == [
        ("fair", "deferred: outbid", "no claim", 4)
    ]
    assert pair.verdict() == "all 4 contacts get the same messages"


def test_all_are_compared_with_the_first():
    """Three playbooks make two pairs."""
    found = compare(playbook(), playbook(most=2), playbook(most=3), contacts=people(), at=AT, names=["a", "b", "c"])
    assert [(own.first, own.other, own.more) for own in found.pairs] == [("a", "b", 4), ("a", "c", 4)]
    assert found.pairs[1].by_messages == {(1, 2): 1, (1, 3): 3}


def test_contacts_by_number_of_messages():
    """Of each pair of numbers, how many contacts."""
    pair = compare(playbook(), playbook(most=2), contacts=people(), at=AT).pairs[0]
    assert pair.by_messages == {(1, 2): 4}
    assert [(own.lost, own.gained, own.contacts) for own in pair.swaps] == [(None, "sale", 3), (None, "fair", 1)]


def test_tables_of_decisions_say_what_their_playbooks_do():
    """Decisions that were written compare as the playbooks do, in any order of rows."""
    rules = playbook(), playbook((3, 4, 1), most=2)
    tables = [Arbiter(own).decide_table(people(), at=AT, everything=True) for own in rules]
    tables[1] = tables[1].take(list(range(len(tables[1])))[::-1])
    by_playbook, by_table = (
        compare(*sides, contacts=people(), at=AT, names=["a", "b"]).to_dict() for sides in (rules, tables)
    )
    for side in (by_playbook, by_table):
        for own in side["sides"]:
            own.pop("notes")
        # Tables do not say where their playbooks differ.
        side["pairs"][0].pop("rules")
        side["pairs"][0].pop("details")
    assert by_table == by_playbook


def test_a_contact_of_one_table_alone_is_counted():
    """A table may lack contacts."""
    one, other = (Arbiter(playbook()).decide_table(people(count), at=AT) for count in (3, 5))
    pair = compare(one, other).pairs[0]
    assert (pair.contacts, pair.only_first, pair.only_other, pair.is_changed) == (3, 0, 2, True)
    assert list(pair.details()) == ["2 contacts are in side 2 alone"]
    assert (pair.claims, pair.changed, pair.swaps, pair.changes) == (8, 0, (), ())


def test_an_empty_table_decided_nothing():
    """Against a table without rows all contacts are in the other alone."""
    table = Arbiter(playbook()).decide_table(people(), at=AT)
    pair = compare(table.slice(0, 0), table).pairs[0]
    assert (pair.is_changed, pair.contacts, pair.only_other) == (True, 0, 4)
    assert not compare(table.slice(0, 0), table.slice(0, 0)).is_changed


def test_what_one_table_lacks_tells_no_claims_apart():
    """Where one table has no contents, claims are matched without them, and the comparison says so."""
    table = Arbiter(playbook()).decide_table(people(), at=AT)
    found = compare(table, table.drop_columns(["content_id", "team", "rule"]))
    assert not found.is_changed
    assert found.notes == (
        "side 2 has no column content_id: claims are matched without it",
        "side 1 has no denied claims (decide --all writes them): what it lacks may be denied",
        "side 2 has no denied claims (decide --all writes them): what it lacks may be denied",
    )
    assert compare(table, table.drop_columns(["weight"])).sides[1].value == 0


def test_a_ledger_is_read_and_left_as_it_is():
    """With a ledger both playbooks see what was sent; nothing is reserved."""
    ledger = journeykit.ledger.MemoryLedger()
    Arbiter(playbook()).decide_table(people(2), at=AT, ledger=ledger)
    with ledger.reading() as transaction:
        before = len([*transaction.decided()])
    found = compare(playbook(), playbook(most=2), contacts=people(), at=AT.replace(hour=11), ledger=ledger)
    assert [side.messages for side in found.sides] == [2, 6]
    with ledger.reading() as transaction:
        assert len([*transaction.decided()]) == before == 2


def test_tables_of_other_runs_are_refused():
    """Decisions of different instants are not compared."""
    one, other = (Arbiter(playbook()).decide_table(people(), at=at) for at in (AT, AT.replace(day=6)))
    with pytest.raises(DataError, match="compare decisions of the same runs"):
        compare(one, other)


def test_a_table_without_reasons_is_refused():
    """What a table lacks is named, with what writes it."""
    one = Arbiter(playbook()).decide_table(people(), at=AT)
    with pytest.raises(DataError, match="reason"):
        compare(one, one.drop_columns(["reason"]))


@pytest.mark.parametrize(
    ("sides", "why"),
    [
        ((playbook(),), "at least two"),
        ((playbook(), pa.table({"contact_id": ["a"]})), "playbooks with playbooks"),
        ((playbook(), playbook()), "give contacts"),
    ],
)
def test_what_makes_no_comparison_is_refused(sides, why):
    """One side alone, two kinds of sides, and playbooks without contacts."""
    with pytest.raises(ModelError, match=why):
        compare(*sides)


def test_nobody_is_compared_too():
    """No contacts, and no campaigns: no change."""
    found = compare(playbook(), playbook(), contacts=people(0), at=AT)
    assert (found.is_changed, found.sides[0].claims) == (False, 0)
    assert "no change" in str(found)
    found = compare(Playbook(content=[], campaigns=[]), playbook(), contacts=people(2), at=AT)
    assert found.pairs[0].by_messages == {(0, 1): 2}


def test_the_report_has_every_form():
    """Plain data for JSON, rows for a table, a page that is escaped, and text."""
    found = compare(playbook(), playbook((3, 4, 1)), contacts=people(), at=AT, names=["<script>", "b" * 10_000])
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()
    assert all(list(row) == list(COMPARISONS) for row in found.rows())
    assert "<script>" not in found._repr_html_()
    assert max(map(len, str(found).splitlines())) <= 130
    assert journeykit.compare is compare


def test_what_has_no_messages_is_counted_and_not_listed():
    """Of campaigns without a message before and then the text has the count; plain data have all."""
    found = compare(playbook(), playbook((3, 4, 1)), contacts=people(), at=AT)
    told = str(found)
    assert "By campaign: 1 more without messages" in told
    assert not any(line.startswith("fair ") for line in told.splitlines())
    assert {own["group"] for own in found.to_dict()["pairs"][0]["by"]["campaign"]} == set(NAMES)


def test_examples_are_text_and_aligned_as_such():
    """Reasons of different length begin below their heading."""
    lines = str(compare(playbook(), playbook(most=3), contacts=people(), at=AT)).splitlines()
    heading = next(place for place, line in enumerate(lines) if "for example" in line)
    column = lines[heading].index("for example")
    assert [line[column : column + 2] for line in lines[heading + 2 : heading + 4]] == ["c0", "c1"]


STRANGE = ("<script>alert(1)</script>", "\u0633\u0644\u0627\u0645 \u202eabc", "x" * 10_000)


def test_names_of_any_kind_are_shown():
    """Markup, text from right to left and very long names: whole in plain data, harmless in pages, cut in text."""
    found = compare(playbook(names=STRANGE), playbook((3, 2, 5), names=STRANGE), contacts=people(), at=AT)
    assert {own.gained for own in found.pairs[0].swaps} == {STRANGE[2]}
    assert "<script>" not in found._repr_html_()
    assert max(map(len, str(found).splitlines())) <= 130
    assert STRANGE[2] in json.dumps(found.to_dict())


def test_many_campaigns_are_cut_with_a_count():
    """Of 500 campaigns the text shows 20 of those with messages, and says so."""
    names = [f"k{n}" for n in range(500)]
    rules = [playbook(weights, most=15, names=names) for weights in (range(1, 501), range(500, 0, -1))]
    found = compare(*rules, contacts=people(), at=AT)
    assert "By campaign: 20 of 30; --json and --out give all; 470 more without messages" in str(found)
    assert "What contacts get instead: 20 of 225; --json and --out give all" in str(found)


@settings(max_examples=8)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.integers(0, 3), st.integers(0, 3))
def test_counts_are_those_of_single_decisions(weights, most, other_most):
    """Counting single decisions of the row engine gives the same messages, changes and swaps."""
    rules = playbook(weights[:3], most), playbook(weights[3:], other_most)
    pair = compare(*rules, contacts=people(3), at=AT).pairs[0]
    contacts = [
        journeykit.Contact(id=f"c{n}", consent=["email", "sms"] if n else ["email"], stage="early" if n % 2 else "late")
        for n in range(3)
    ]
    changes, swaps, numbers = Counter(), Counter(), Counter()
    for contact in contacts:
        rows = [{row.campaign: row for row in Arbiter(own).decide(contact, at=AT).rows} for own in rules]
        got = [{name for name, row in own.items() if row.outcome == "granted"} for own in rows]
        numbers[len(got[0]), len(got[1])] += 1
        for name in NAMES:
            told = [(own[name].outcome, own[name].reason) for own in rows]
            changes[name] += told[0] != told[1]
        for lost in got[0] - got[1] or {None}:
            for gained in got[1] - got[0] or {None}:
                swaps[lost, gained] += (lost, gained) != (None, None)
    assert dict(pair.by_messages) == dict(numbers)
    assert {(own.lost, own.gained): own.contacts for own in pair.swaps} == {key: n for key, n in swaps.items() if n}
    for name in NAMES:
        assert sum(own.claims for own in pair.changes if own.campaign == name) == changes[name]
