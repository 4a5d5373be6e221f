"""The report for marketers: what it counts, what it says, and that nothing in a name or a cell becomes markup."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reported import AT, HEBREW, LONG, PEOPLE, SCRIPT, decided, playbook_of

from journeykit import (
    Arbiter,
    Arm,
    DataError,
    Experiment,
    ModelError,
    Quota,
    Response,
    RuleChanges,
    compare,
    report,
)
from journeykit.measuring import measure
from journeykit.reporting.report_tally import NEEDED, READ, ReportTally
from journeykit.tables.arrow.decision_log import DecisionLog


def test_a_report_says_who_speaks_who_loses_and_why():
    """Each chart has a title that says what it found, and a table of the numbers."""
    playbook = playbook_of("fair", "offer")
    found = report(playbook, decided(playbook, explain=True), contacts=PEOPLE)
    assert found.part("headline").figures[0] == ("2", "messages go out")
    assert found.part("headline").figures[1] == ("2", "of 3 contacts get one (67 %)")
    # It is after midnight in Skopje, and before in UTC.
    (calendar,) = found.part("calendar").charts[:1]
    assert calendar.title == "All 2 messages go out on Thu 2026-11-05"
    voice = found.part("voice").charts
    assert voice[0].title == "All messages come from sales"
    assert [tuple(row[:2]) for row in voice[0].table.rows] == [("sales", 2), ("events", 0)]
    contests = found.part("contests").charts
    assert contests[0].title == "offer over fair costs most: 2 claims, worth 2"
    assert contests[1].title == "offer displaces most: 2, which is 50 % of its own value"
    reasons = found.part("reasons").charts
    assert list(reasons[0].table.rows) == [("fair", "events", 3, 0, 1, 2), ("offer", "sales", 3, 2, 1, 0)]
    assert [column.name for column in reasons[0].table.columns[3:]] == ["granted", "opted_out", "outbid"]
    pressed = found.part("pressure").charts
    assert pressed[0].title == "67 % of contacts get a message, 1 each on average, 1 at most"
    assert pressed[-1].title == "The limit that costs most is one a day: messages displaced 2 by it"
    assert found.part("journey").charts[0].title == "The most contacts are in known: 2 of 3 (67 %)"
    assert found.part("measures").missing == "--measures, what `journeykit measure --json` prints"
    assert found.part("voice").title in found.html


def test_tables_that_come_only_once_are_read_only_once():
    """Rows that a generator or a reader gives make the same page as a table."""
    playbook = playbook_of("fair", "offer")
    decisions = decided(playbook)
    found = report(playbook, decisions, contacts=PEOPLE)
    assert report(playbook, decisions.to_reader(), contacts=iter(PEOPLE)).to_dict() == found.to_dict()


class Page(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.titles, self.addresses = Counter(), [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        self.titles += [value for name, value in attrs if name == "title"]

    def handle_data(self, data):
        self.texts.append(data)


def test_no_name_becomes_markup_and_long_names_are_cut():
    """Scripts in names are text, a name of 10,000 letters is cut and told apart, and turned text keeps to itself."""
    names = (SCRIPT, HEBREW, LONG, LONG[:-1], "\u202egnp.exe")
    playbook = playbook_of(*names, teams=(SCRIPT, HEBREW))
    plain = playbook_of("a", "b", "c", "d", "e")
    found = Page(report(playbook, decided(playbook)).html)
    usual = Page(report(plain, decided(plain)).html)
    assert found.tags == usual.tags
    assert found.addresses == usual.addresses
    assert all(address.startswith("#") for address in found.addresses)
    assert SCRIPT in found.texts
    assert f"\u2068{HEBREW}\u2069" in found.texts
    assert "L" * 59 + "…" in found.texts
    assert max(len(text) for text in found.titles) < 300
    assert not any("\u202e" in text for text in found.texts)
    told = str(report(playbook, decided(playbook)))
    assert max(map(len, told.splitlines())) <= 120
    assert HEBREW in told
    assert "2068" not in told
    assert "\u2068" not in told


def test_nothing_of_a_single_contact_is_in_the_page_unless_asked():
    """Ids are shown with examples alone, and the page says so."""
    playbook = playbook_of("fair", "offer")
    decisions = decided(playbook)
    without = report(playbook, decisions, contacts=PEOPLE)
    assert not any(person["contact_id"] in without.html for person in PEOPLE)
    shown = report(playbook, decisions, contacts=PEOPLE, examples=1)
    assert "anna-7" in shown.html
    assert "ben-8" not in shown.html
    assert "has data of single contacts" in shown.part("examples").lines[0]
    with pytest.raises(ModelError, match="examples must be a whole number from 0 to 1,000, found -1"):
        report(playbook, decisions, examples=-1)


def test_other_playbooks_and_missing_columns_are_refused():
    """Decisions of another playbook, or without what the report asks, are no basis for it."""
    playbook = playbook_of("fair", "offer")
    with pytest.raises(DataError, match="give the playbook that decided"):
        report(playbook_of("fair"), decided(playbook))
    with pytest.raises(DataError, match="the column 'reason' is missing"):
        report(playbook, decided(playbook).drop_columns(["reason"]))


def test_an_empty_table_makes_a_page_that_says_so():
    """What is not there is named, with what would fill it."""
    playbook = playbook_of("fair")
    found = report(playbook, decided(playbook).slice(0, 0))
    assert "empty" in found.part("headline").lines[0]
    assert {part.key for part in found.parts if not part.missing} == {"headline", "matrix"}
    assert "Not in this report" in found.html


def test_granted_rows_alone_make_a_report_that_says_what_it_lacks():
    """Without denied claims, why not is of those that wait, and the page says how to get all."""
    playbook = playbook_of("fair", "offer")
    found = report(playbook, Arbiter(playbook).decide_table(PEOPLE, at=AT, outcomes="granted"))
    assert "decide --all" in found.part("headline").lines[0]
    assert found.part("reasons").charts[0].title == "All 2 claims of the table go out"


def test_decisions_with_few_columns_make_a_report_of_what_they_say():
    """Fewer columns are fewer parts, and the page names the columns that are lacking."""
    playbook = playbook_of("fair", "offer")
    few = decided(playbook).select(["contact_id", "campaign_id", "outcome", "reason", "playbook"])
    with pytest.raises(ModelError, match="do not say when they were made: give at"):
        report(playbook, few, contacts=PEOPLE)
    found = report(playbook, few, contacts=PEOPLE, at=AT)
    assert found.part("headline").figures[0] == ("2", "messages go out")
    assert found.part("pressure").missing == "the columns channel, lost_to, binding of the decisions"
    assert found.part("calendar").missing
    assert found.part("voice").charts[0].title == "No message names a team"
    assert not found.part("matrix").missing


def test_what_others_found_is_shown():
    """Quotas of the summary, arms, measures and a comparison each have a part with their finding."""
    arms = [Arm(name="now", share=0.5), Arm(name="calm", share=0.5, changes=RuleChanges(reserve=1.5))]
    own = {
        "experiments": [Experiment(name="tone", arms=arms, horizon="30d")],
        "quotas": [Quota(name="seats", max=10)],
        "responses": [
            Response(name="click", event="click", within="2d"),
            Response(name="sale", event="buy", within="2d"),
        ],
    }
    playbook = playbook_of("fair", "offer", **own)
    people = [{"contact_id": f"c{place}", "consent": "email", "stage": "new"} for place in range(40)]
    summaries: list[Any] = []
    decisions = decided(playbook, people, summary=summaries.append)
    sent = [row for row in decisions.to_pylist() if row["outcome"] == "granted"]
    touches = [
        {**{name: row[name] for name in ("contact_id", "campaign_id", "channel")}, "sent_at": AT} for row in sent
    ]
    events = [{"contact_id": row["contact_id"], "event": "click", "at": AT + timedelta(hours=1)} for row in sent[:4]]
    end = AT + timedelta(days=9)
    measures = measure(playbook, touches, events, since=AT, until=end, contacts=people, decisions=decisions)
    other = playbook_of("offer", "fair", **own)
    changes = compare(playbook, other, contacts=people, at=AT)
    given = {"summary": summaries[0], "measures": measures, "compare": changes}
    found = report(playbook, decisions, contacts=people, **given)
    assert found.part("quotas").charts[0].title.startswith("seats")
    assert [row[0] for row in found.part("experiments").charts[0].table.rows] == ["tone:calm", "tone:now"]
    assert found.part("measures").charts[0].title.startswith("click: 40.0 % of messages (")
    titles = [chart.title for chart in found.part("changes").charts]
    assert "fair gains 10 messages, offer loses 10 messages" in titles
    assert "10 contacts get fair instead of offer, the most frequent change" in titles
    assert not any(part.missing for part in found.parts)
    plain = report(playbook, decisions, contacts=people, **{name: own.to_dict() for name, own in given.items()})
    assert plain.html == found.html


@pytest.mark.parametrize("length", [10, 10_000])
def test_a_page_of_500_campaigns_is_below_3_megabytes(length):
    """Charts show the first, tables what a page holds, and both say how many more there are."""
    names = [f"{place:03}{'x' * length}" for place in range(500)]
    playbook = playbook_of(*names, teams=[f"team {place}{'y' * length}" for place in range(40)])
    same = {"contact_id": "anna", "playbook": playbook.fingerprint, "decided_at": AT, "send_at": AT, "weight": 1.0}
    rows = [
        {
            **same,
            "campaign_id": name,
            "team": playbook.campaigns[place].team,
            "outcome": "granted" if place % 2 else "denied",
            "reason": "granted" if place % 2 else "outbid",
            "lost_to": [] if place % 2 else [names[place - 1], names[place - 3]],
            "rule": None if place % 2 else f"rule {place % 7}",
            "channel": "email",
        }
        for place, name in enumerate(names)
    ]
    found = report(playbook, rows)
    assert len(found.html.encode()) < 3_000_000
    (voice,) = [chart for chart in found.part("voice").charts if chart.table.title == "Share of voice by campaign"]
    assert voice.notes == ("The chart shows the first 20 of 250 campaigns; the table has more.",)
    assert found.part("contests").charts[0].table.cut == 0
    assert "28 other teams" in [column.name for column in found.part("calendar").charts[0].table.columns]
    assert found.part("calendar").charts[0].legend["others"] == -1


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "contact_id": st.sampled_from(["anna", "ben", "clara"]),
            "campaign_id": st.sampled_from(["fair", "offer", "news"]),
            "channel": st.sampled_from(["email", None]),
            "team": st.sampled_from(["events", "sales", None]),
            "outcome": st.sampled_from(["granted", "deferred", "denied"]),
            "reason": st.sampled_from(["outbid", "no_consent"]),
            "rule": st.sampled_from(["one a day", None]),
            "lost_to": st.lists(st.sampled_from(["fair", "offer"]), max_size=2, unique=True),
            "weight": st.sampled_from([1.0, 2.5, None]),
            "send_at": st.integers(0, 200).map(lambda hours: AT + timedelta(hours=hours)),
            "decided_at": st.just(AT),
        }
    ),
    max_size=12,
)


@given(ROWS, st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_what_is_counted_is_what_a_plain_loop_counts(rows, size):
    """Piece by piece, in numbers and names, the tally is that of a loop over rows."""
    tally = ReportTally(playbook_of("fair", "offer", "news"))
    if rows:
        table = DecisionLog(rows).table(NEEDED, tuple(name for name in READ if name not in NEEDED))
        for start in range(0, len(rows), size):
            tally.add(pa.table(table.slice(start, size)))
    told = [{**row, "team": row["team"] or "(none)", "weight": row["weight"] or 0.0} for row in rows]
    granted = [row for row in told if row["outcome"] == "granted"]
    assert tally.teams.counts == Counter((row["team"], row["outcome"]) for row in told)
    assert tally.reasons.counts == Counter((row["campaign_id"], row["reason"]) for row in told)
    assert tally.contacts == len({row["contact_id"] for row in told})
    each = Counter(row["contact_id"] for row in granted)
    assert tally.by_messages == Counter(each[own] for own in {row["contact_id"] for row in told})
    zone = ZoneInfo("Europe/Skopje")
    days = Counter((row["send_at"].astimezone(zone).date().isoformat(), row["team"]) for row in granted)
    assert tally.days.counts == days
    losses, values = Counter(), Counter()
    for row in told:
        for winner in row["lost_to"]:
            losses[row["campaign_id"], winner] += 1 / len(row["lost_to"])
            values[row["campaign_id"], winner] += row["weight"] / len(row["lost_to"])
    assert tally.losses.counts == losses
    assert tally.losses.weights == pytest.approx(dict(values))
