"""The calendar of a plan: what is counted on which day, and how it reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from journeykit import Arbiter, ModelError, Outcome, Playbook
from journeykit.basics.clock import day_number, micros
from journeykit.basics.text import width_of
from journeykit.job import Inputs, Job, TableJob
from journeykit.job.calendar import Calendar, DayTally
from journeykit.job.count_days import count_days

GRANTED, DEFERRED = Outcome.GRANTED, Outcome.DEFERRED
AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
UNTIL = datetime(2026, 11, 8, 10, tzinfo=UTC)
THURSDAY, FRIDAY, SATURDAY, SUNDAY = DAYS = tuple(date(2026, 11, day) for day in range(5, 9))
PLAYBOOK = Playbook.from_dict(
    {
        "timezone": "Europe/Skopje",
        "teams": [{"name": "events"}, {"name": "community"}, {"name": "idle"}],
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [
            {"id": "meetup", "team": "events", "content": ["note"], "weight": 3},
            {"id": "care", "team": "community", "content": ["note"], "weight": 2},
            {"id": "outlook", "content": ["note"]},
        ],
        "caps": [{"name": "two a week", "max": 2, "window": {"calendar": "week"}}],
        "on_missing": {"consent": "allow"},
    }
)
CONTACTS = [{"contact_id": "anna"}, {"contact_id": "ben"}]


def tally(*, timezone: str = "Europe/Skopje", teams=("events", "community"), at=AT, until=UNTIL) -> DayTally:
    playbook = Playbook.from_dict({"timezone": timezone, "teams": [{"name": name} for name in teams]})
    return DayTally(playbook, at, until)


def batch(*rows: tuple[str, str | None, datetime | None, datetime | None]) -> pa.RecordBatch:
    """Rows of the table of decisions: outcome, team, when a claim goes, and when it may go after all."""
    outcomes, teams, goes, may_go = zip(*rows, strict=True)
    kind = pa.timestamp("us", "UTC")
    return pa.record_batch(
        {
            "outcome": pa.array(outcomes, pa.string()).dictionary_encode(),
            "team": pa.array(teams, pa.string()).dictionary_encode(),
            "send_at": pa.array(goes, kind),
            "retry_at": pa.array(may_go, kind),
        }
    )


def filled(*counts: tuple[date | None, str | None, Outcome, int], **more) -> Calendar:
    found = tally(**more)
    for day, team, outcome, count in counts:
        found.add(None if day is None else day_number(day), team, outcome, count)
    return found.calendar()


def by_one(playbook=PLAYBOOK, at=AT, until=UNTIL) -> Calendar:
    job = Job(Arbiter(playbook), Inputs(contacts=CONTACTS), at=at, until=until)
    assert len(list(job.decisions())) == len(CONTACTS)
    return job.calendar()


# What is counted


def test_messages_count_when_they_go_and_deferred_claims_when_they_may():
    """Two messages a contact have room in the week; the third may go on Monday, when the plan is over."""
    found = by_one()
    assert found.granted[THURSDAY, "events"] == found.granted[THURSDAY, "community"] == 2
    assert sum(found.granted.values()) == 4
    assert sum(found.deferred.values()) == 0
    assert found.later == {"events": 0, "community": 0, "idle": 0, "(none)": 2}


def test_a_deferred_claim_that_may_go_within_the_plan_has_its_day():
    """A count of rows of another origin, such as yesterday's plan, shows the day on which they may go."""
    columns = tally()
    count_days(columns, batch(("deferred", "community", None, AT + timedelta(days=2)), ("deferred", None, None, AT)))
    found = columns.calendar()
    assert {place: n for place, n in found.deferred.items() if n} == {
        (SATURDAY, "community"): 1,
        (THURSDAY, "(none)"): 1,
    }
    assert sum(found.later.values()) == 0


def test_every_day_and_every_team_is_there():
    """Days on which nothing happens, and teams that get nothing, are seen as zeros."""
    found = by_one()
    assert found.days == DAYS
    assert found.teams == ("events", "community", "idle", "(none)")
    assert set(found.granted) == set(found.deferred) == {(day, team) for day in DAYS for team in found.teams}


def test_claims_without_a_team_are_told_where_there_are_any():
    """A playbook without teams has one column."""
    assert filled().teams == ("events", "community")
    assert filled((FRIDAY, None, GRANTED, 1)).teams == ("events", "community", "(none)")
    assert filled((FRIDAY, "guests", GRANTED, 1)).teams == ("events", "community", "guests")
    assert filled(teams=()).teams == ("(none)",)


@pytest.mark.parametrize("timezone", ["Europe/Skopje", "America/New_York", "Pacific/Auckland"])
def test_days_are_those_of_the_playbooks_zone(timezone):
    """A message at half past eleven in the evening, UTC, belongs to the date that the playbook's clocks show."""
    late = datetime(2026, 11, 6, 23, 30, tzinfo=UTC)
    day = {"America/New_York": FRIDAY}.get(timezone, SATURDAY)
    columns = tally(timezone=timezone)
    count_days(columns, batch(("granted", "events", late, None)))
    assert columns.calendar().granted[day, "events"] == 1
    assert columns.calendar().timezone == timezone


def test_the_plan_ends_with_its_last_instant():
    """What may go on the plan's last day, but after its last instant, is later; at the instant it is not."""
    second = timedelta(seconds=1)
    columns = tally()
    count_days(columns, batch(("deferred", "events", None, UNTIL), ("deferred", "events", None, UNTIL + second)))
    found = columns.calendar()
    assert found.deferred[SUNDAY, "events"] == 1
    assert found.later["events"] == 1


def test_denied_claims_count_nowhere():
    """Even where it is said when they might have gone."""
    columns = tally()
    count_days(columns, batch(("denied", "events", None, UNTIL), ("granted", None, AT, None)))
    found = columns.calendar()
    assert sum(found.deferred.values()) + sum(found.later.values()) == 0
    assert found.granted[THURSDAY, "(none)"] == 1


def test_clocks_that_are_set_back_over_midnight_lose_no_message():
    """In St. John's they went from a minute past midnight on Sunday back to Saturday."""
    sunday = datetime(2006, 10, 29, 2, 30, 30, tzinfo=UTC)
    again = sunday + timedelta(minutes=10)
    columns = tally(timezone="America/St_Johns", at=sunday, until=sunday + timedelta(days=1))
    assert columns.clock.day(micros(again)) < columns.clock.day(micros(sunday))
    count_days(columns, batch(("granted", "events", sunday, None), ("granted", "events", again, None)))
    found = columns.calendar()
    assert [found.granted[day, "events"] for day in found.days] == [1, 1]
    assert [day.day for day in found.days] == [28, 29]


def test_a_piece_without_rows_counts_nothing():
    """Pieces of the table may be empty, and may lack any outcome."""
    columns = tally()
    count_days(columns, batch(("denied", "events", None, None)).slice(0, 0))
    assert columns.calendar() == filled()


# Where it comes from


def test_both_engines_give_the_same_calendar():
    """And so does a table, a stream and a file of `decide_table`."""
    job = TableJob(Arbiter(PLAYBOOK), CONTACTS, at=AT, until=UNTIL)
    job.table()
    assert job.calendar() == by_one()


def test_decide_table_gives_the_calendar_once_all_is_decided(tmp_path):
    """As a table, piece by piece and to a file; for a stream after the last piece."""
    arbiter, found = Arbiter(PLAYBOOK), []
    arbiter.decide_table(CONTACTS, at=AT, until=UNTIL, calendar=found.append)
    arbiter.decide_table(CONTACTS, at=AT, until=UNTIL, calendar=found.append, out=tmp_path / "d.parquet")
    pieces = arbiter.decide_table(CONTACTS, at=AT, until=UNTIL, calendar=found.append, stream=True)
    assert len(found) == 2
    assert len(list(pieces)) == 1
    assert found == [by_one()] * 3


def test_an_instant_has_no_calendar():
    """Without `until` there is no plan, which is said before any work."""
    with pytest.raises(ModelError, match="give until"):
        Arbiter(PLAYBOOK).decide_table(CONTACTS, at=AT, calendar=print)
    with pytest.raises(ModelError, match="give until"):
        Job(Arbiter(PLAYBOOK), Inputs(contacts=CONTACTS), at=AT).calendar()


def test_plain_data_has_an_entry_for_each_day_and_team():
    """For JSON: days as text, counts as numbers, what is later by team."""
    found = filled((FRIDAY, "events", GRANTED, 3), (None, "community", DEFERRED, 2)).to_dict()
    assert found["timezone"] == "Europe/Skopje"
    assert found["later"] == {"events": 0, "community": 2}
    assert len(found["calendar"]) == 8
    assert found["calendar"][2] == {"day": "2026-11-06", "team": "events", "granted": 3, "deferred": 0}


# How it reads


def test_the_text_has_a_line_for_each_day():
    """Numbers stand below each other, and the last line sums what is above it, what is later too."""
    found = filled(
        (THURSDAY, "events", GRANTED, 1200),
        (FRIDAY, "community", GRANTED, 7),
        (FRIDAY, "community", DEFERRED, 10),
        (None, "events", DEFERRED, 5),
    )
    assert str(found) == (
        "Plan from Thu 2026-11-05 until Sun 2026-11-08: messages granted / claims deferred, by team.\n"
        "Days are those of Europe/Skopje, the playbook's zone; a contact's own may differ.\n"
        "\n"
        "day                events  community         all\n"
        "--------------  ---------  ---------  ----------\n"
        "Thu 2026-11-05  1,200         0       1,200\n"
        "Fri 2026-11-06      0         7 / 10      7 / 10\n"
        "Sat 2026-11-07      0         0           0\n"
        "Sun 2026-11-08      0         0           0\n"
        "later               - / 5     -           - / 5\n"
        "all             1,200 / 5     7 / 10  1,207 / 15"
    )
    assert repr(found) == str(found)


def many(count: int, days: int = 60) -> Calendar:
    """A calendar of so many teams, each of which gets more than the one before."""
    teams = [f"team {number}" for number in range(count)]
    until = AT + timedelta(days=days - 1)
    counts = [(THURSDAY, team, GRANTED, 1000 + number) for number, team in enumerate(teams)]
    return filled(*counts, teams=teams, until=until)


def titles(text: str) -> list[str]:
    return [part.strip() for part in text.splitlines()[3].split("  ") if part.strip()]


@pytest.mark.parametrize("days", [14, 60])
@pytest.mark.parametrize("count", range(1, 13))
def test_one_line_a_day_for_any_number_of_teams(count, days):
    """Up to nine teams have columns of their own; of more, the eight that get most, in the playbook's order."""
    text = str(many(count, days))
    lines = text.splitlines()
    assert len(lines) == 5 + days + 2
    assert max(map(len, lines)) <= 160
    own = [f"team {number}" for number in range(0 if count <= 9 else count - 8, count)]
    others = [f"{count - 8} others"] if count > 9 else []
    assert titles(text) == ["day", *own, *others, *(["all"] if count > 1 else [])]
    # Whatever is shown together, the sums are those of all.
    assert lines[-1].split("  ")[-1].strip() == f"{sum(1000 + number for number in range(count)):,}"


@pytest.mark.parametrize("width", [50, 60, 80])
def test_a_narrow_terminal_is_given_fewer_teams(width):
    """Those that get most stay; no line is wider than asked for."""
    text = many(9).text(width)
    assert max(map(len, text.splitlines()[3:])) <= width
    shown = titles(text)
    assert shown[-3:] == ["team 8", f"{9 - len(shown) + 3} others", "all"]


def test_the_narrowest_text_shows_one_team():
    """There is a limit to what can be left out."""
    assert titles(many(3).text(10)) == ["day", "team 2", "2 others", "all"]


def test_names_of_any_kind_keep_the_table_in_shape():
    """Long names go on below and are broken between words, wide letters take two columns, and nothing breaks a line."""
    names = ["customer-relationship office", "東京東京東京東京", "a\nb"]
    lines = str(filled(teams=names)).splitlines()
    assert lines[3:7] == [
        "                   customer-",
        "                relationship",
        "day                   office  東京東京東京東京  a\\u000ab  all",
        "--------------  ------------  ----------------  --------  ---",
    ]
    assert {width_of(line) for line in lines[6:]} == {len(lines[6])}


def test_a_notebook_shows_all_teams():
    """As a table in which names are only names."""
    page = filled((FRIDAY, "<b>", GRANTED, 4), teams=[f"t{number}" for number in range(12)])._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<th ") == 15
    assert page.count("<tr>") == len(DAYS) + 3


def test_a_campaign_that_may_go_again_is_noted_in_a_plan():
    """A plan gives a contact one message of a campaign without dates: where more seem meant, both engines say so."""
    campaigns = [
        {"id": "dated", "content": ["note"], "repeat": None, "dates": ["2026-11-06", "2026-11-07", "2026-11-08"]},
        {"id": "tips", "content": ["note"], "repeat": 3},
        {"id": "once", "content": ["note"], "dates": ["2026-11-06", "2026-11-07"]},
        {"id": "later", "content": ["note"], "repeat": None, "dates": ["2026-11-06", "2026-12-07"]},
    ]
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": campaigns,
            "on_missing": {"consent": "allow"},
        }
    )
    at, rows = datetime(2026, 11, 5, 10, tzinfo=UTC), [{"contact_id": "anna"}]
    for until, noted in ((at + timedelta(days=5), True), (None, False)):
        one = Job(Arbiter(playbook), Inputs(contacts=rows), at=at, until=until)
        granted = [row.campaign for _, decision in one.decisions() for row in decision.granted]
        other = TableJob(Arbiter(playbook), rows, at=at, until=until)
        assert sum(len(batch) for batch in other.batches()) == len(granted) or until is None
        assert one.summary().notes == other.summary().notes
        assert any(": tips may go more than once" in note for note in one.summary().notes) is noted
        # Those with dates go on each of them, as often as they may.
        assert [granted.count(name) for name in ("dated", "tips", "once", "later")] == (
            [3, 1, 1, 1] if noted else [0, 1, 0, 0]
        )
