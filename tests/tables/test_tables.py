"""Tables in, decisions out: columns, bad rows, formats, and a job that keeps little in memory."""

from __future__ import annotations

import contextlib
import csv
import gc
import gzip
import json
import os
import sys
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeykit import Arbiter, Consent, DataError, JourneykitError, MissingExtraError, Playbook, Score
from journeykit.job import Inputs, Job, Summary, decide_one
from journeykit.tables import (
    DECISIONS,
    BadRows,
    ClaimTable,
    ContactTable,
    ScoreTable,
    Spellings,
    TouchTable,
    decision_cells,
    open_table,
    table_writer,
)

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
SKOPJE = ZoneInfo("Europe/Skopje")
PLAYBOOK = Playbook.from_dict(
    {
        "timezone": "Europe/Skopje",
        "teams": [{"name": "events"}, {"name": "community"}],
        "content": [
            {"id": "invitation", "channel": "email", "roles": {"user": 1}},
            {"id": "check-in", "channel": "email", "stages": {"awareness": 1}},
        ],
        "campaigns": [
            {"id": "meetup", "team": "events", "content": ["invitation"], "weight": 3, "audience": "City == 'Ohrid'"},
            {"id": "care", "team": "community", "content": ["check-in"], "weight": 0.5, "repeat": None},
        ],
        "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        "on_missing": {"consent": "allow"},
    }
)


@pytest.fixture
def file(tmp_path):
    """Writes a file and gives its path."""

    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def contacts(source, **options):
    """The contacts of a table by id, and its bad rows."""
    bad = options.setdefault("bad", BadRows())
    return {contact.id: contact for _, contact in ContactTable(source, **options)}, bad


def attributes(source, **options):
    """The attributes of the contacts of a table."""
    return [contact.attributes for _, contact in ContactTable(source, **options)]


def bad_rows(bad: BadRows):
    return [(row.row, row.field) for row in bad.first]


def parquet(path, rows):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


# What the columns of contacts mean


def test_every_column_of_contacts_finds_its_place():
    """The columns of the format fill the contact; every other one is an attribute."""
    row = {
        "contact_id": "anna",
        "account_id": "acme",
        "role": "user",
        "stage": "awareness",
        "segments": "vip; new;",
        "interests": ["golf", "opera"],
        "persona": "doer",
        "timezone": "Asia/Tokyo",
        "opted_out": "no",
        "suppressed": False,
        "prefer_email": 0.5,
        "consent_email": "true",
        "consent_until_email": "2026-12-01T00:00:00Z",
        "topic_consent_golf": "false",
        "city": "Ohrid",
    }
    anna = contacts([row])[0]["anna"]
    assert (anna.account, anna.role, anna.stage, anna.persona) == ("acme", "user", "awareness", "doer")
    assert anna.segments == ("vip", "new")
    assert anna.interests == ("golf", "opera")
    assert anna.timezone == "Asia/Tokyo"
    assert (anna.opted_out, anna.suppressed) == (False, False)
    assert anna.preferences == {"email": 0.5}
    assert anna.consent == {"email": Consent(True, until=datetime(2026, 12, 1, tzinfo=UTC))}
    assert anna.topic_consent == {"golf": Consent(False)}
    assert anna.attributes == {"city": "Ohrid"}


def test_an_id_is_text_for_ever(file):
    """007 stays 007, in ids of any table; a whole number elsewhere is its text."""
    found, _ = contacts(file("c.csv", "contact_id,account_id,stage\n007,042,01\n"))
    assert (found["007"].account, found["007"].stage) == ("042", "01")
    assert "7" in contacts([{"contact_id": 7}])[0]


def test_column_names_are_read_whatever_their_case(file):
    """CONTACT_ID, Contact_Id and contact_id are one; rules and channels keep the playbook's spelling."""
    path = file("c.csv", "CONTACT_ID,CITY,CONSENT_EMAIL,SCORE\nanna,Ohrid,true,4\n")
    found, _ = contacts(path, spellings=Spellings.of(PLAYBOOK))
    assert found["anna"].attributes == {"City": "Ohrid", "score": 4}
    assert found["anna"].consent == {"email": Consent(True)}


def test_two_columns_of_one_name_make_a_table_unusable(file):
    """Nobody can know which of City and CITY is meant."""
    with pytest.raises(DataError, match="two columns have one name: 'City' and 'CITY'"):
        contacts(file("c.csv", "contact_id,City,CITY\n"))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, None),
        ({"consent": ""}, None),
        ({"consent": "email;sms"}, {"email": True, "sms": True, "*": False}),
        ({"consent": []}, {"*": False}),
        ({"consent": ";"}, {"*": False}),
        ({"consent": ["email"], "consent_push": True}, {"email": True, "push": True, "*": False}),
        ({"consent": ["email"], "consent_email": False}, {"email": False, "*": False}),
        ({"consent_email": None, "consent_sms": 1}, {"sms": True}),
        ({"consent_until_email": "2026-12-01T00:00Z"}, {"email": True}),
        ({"consent": ["sms"], "consent_until_email": "2026-12-01T00:00Z"}, {"sms": True, "*": False, "email": False}),
    ],
)
def test_consent_is_a_list_or_a_column_for_each_channel(row, expected):
    """A column beats the list; the list withdraws the rest; an expiry alone is a consent until then."""
    anna = contacts([{"contact_id": "anna", **row}])[0]["anna"]
    found = None if anna.consent is None else {name: entry.granted for name, entry in anna.consent.items()}
    assert found == expected


def test_a_needed_column_that_is_missing_is_named(file):
    """The error says which column, what there is, and what was probably meant."""
    with pytest.raises(DataError) as caught:
        contacts(file("c.csv", "contactid,stage\nanna,x\n"))
    assert caught.value.field == "contact_id"
    assert "there is contactid, stage; did you mean 'contactid'?" in str(caught.value)


def test_a_file_with_other_separators_is_recognised(file):
    """A file separated by semicolons gets a hint rather than a riddle."""
    with pytest.raises(DataError, match="separated by ';'"):
        contacts(file("c.csv", "contact_id;stage\nanna;x\n"))
    with pytest.raises(DataError) as caught:
        ClaimTable.read(file("k.csv", "contact_id;campaign_id\nanna;x\n"))
    assert "did you mean" not in str(caught.value)


def test_a_column_that_no_json_line_has_is_missing(file):
    """JSON lines bring their own columns: a needed one that none has is missing."""
    with pytest.raises(DataError, match="'contact_id' is missing; there is id"):
        contacts(file("c.jsonl", '{"id": 1}\n{"id": 2}\n'))


def test_a_likely_misspelling_is_noted(file):
    """`segment` is an attribute, but the summary asks whether it was meant so."""
    notes = ContactTable(file("c.csv", "contact_id,segment\nanna,vip\n")).notes
    assert "did you mean 'segments'?" in notes[0]


# How CSV columns are typed


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["true", "FALSE", ""], [True, False, None]),
        (["1", "-20", ""], [1, -20, None]),
        (["1", "2.5", "1e3", ".5"], [1.0, 2.5, 1000.0, 0.5]),
        (["1", "true"], ["1", "true"]),
        (["12", "abc"], ["12", "abc"]),
        (["1000", "01000"], ["1000", "01000"]),
        (["1_000", "2"], ["1_000", "2"]),
        (["2026-11-05", "2026-11-05T10:00Z"], [date(2026, 11, 5), AT]),
        (["2026-11-05T10:00+01:00"], [AT - timedelta(hours=1)]),
        (["2026-11-05T10:00"], ["2026-11-05T10:00"]),
        (["", ""], [None, None]),
        ([" 5 ", "6"], [5, 6]),
        (["Љубица", "١٢"], ["Љубица", "١٢"]),
    ],
)
def test_csv_columns_are_typed_as_a_whole(file, cells, expected):
    """Boolean, number, instant, else text, for all rows alike; an empty cell is missing."""
    rows = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    found = attributes(file("c.csv", f"contact_id,x\n{rows}"))
    assert [row.get("x") for row in found] == expected
    assert [type(row.get("x")) for row in found] == [type(value) for value in expected]


def test_late_cells_decide_too(file):
    """One text in the last of many rows makes the column text in the first."""
    rows = "".join(f"{number},{number}\n" for number in range(5_000))
    found = attributes(file("c.csv", f"contact_id,x\n{rows}last,none\n"))
    assert found[0] == {"x": "0"}


def test_nan_is_a_number(file):
    """A column of numbers does not turn into text because some tool writes NaN."""
    first, second = attributes(file("c.csv", "contact_id,x\na,1\nb,NaN\n"))
    assert first == {"x": 1.0}
    assert second["x"] != second["x"]


def test_a_zone_gives_naive_instants_a_meaning(file):
    """With a zone given, `2026-11-05 11:00` is an instant; in every format."""
    rows = [{"contact_id": "anna", "seen": "2026-11-05 11:00"}]
    text = file("c.csv", "contact_id,seen\nanna,2026-11-05 11:00\n")
    assert attributes(text, zone=SKOPJE) == attributes(rows, zone=SKOPJE) == [{"seen": AT}]


def test_naive_instants_that_a_rule_reads_are_noted(file):
    """Without a zone such a column is text, and a rule on it would silently select nobody."""
    playbook = Playbook.from_dict(
        {"campaigns": [{"id": "a", "audience": "days_since(seen) < 3"}], "content": [], "teams": []}
    )
    path = file("c.csv", "contact_id,seen\nanna,2026-11-05 11:00\n")
    assert "without an offset" in ContactTable(path, spellings=Spellings.of(playbook)).notes[0]


# Bad rows


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"contact_id": None}, "contact_id"),
        ({"contact_id": ""}, "contact_id"),
        ({"contact_id": 1.5}, "contact_id"),
        ({"contact_id": True}, "contact_id"),
        ({"contact_id": "a\0b"}, "contact_id"),
        ({"contact_id": "\ud800"}, "contact_id"),
        ({"contact_id": "first"}, "contact_id"),
        ({"contact_id": "x", "timezone": "Mars/Base"}, "timezone"),
        ({"contact_id": "x", "Opted_Out": "maybe"}, "Opted_Out"),
        ({"contact_id": "x", "suppressed": 2}, "suppressed"),
        ({"contact_id": "x", "consent_email": "yes please"}, "consent_email"),
        ({"contact_id": "x", "consent_until_sms": "2026-12-01T00:00"}, "consent_until_sms"),
        ({"contact_id": "x", "consent_until_sms": "0001-01-01T00:00:00+14:00"}, "consent_until_sms"),
        ({"contact_id": "x", "prefer_email": 1.5}, "prefer_email"),
        ({"contact_id": "x", "segments": [1.5]}, "segments"),
        ({"contact_id": "x", "segments": {"a": 1}}, "segments"),
        ({"contact_id": "x", "stage": ["a"]}, "stage"),
        ({"contact_id": "x", "ROLE": "a", "role": "b"}, "role"),
    ],
)
def test_a_bad_contact_is_isolated(row, field):
    """It is reported with its row and column; its neighbours go on."""
    found, bad = contacts([{"contact_id": "first"}, row, {"contact_id": "last"}])
    assert list(found) == ["first", "last"]
    assert bad_rows(bad) == [(2, field)]
    assert str(bad.first[0]).startswith(f"contacts, row 2, field {field!r}: found ")


def test_of_two_rows_with_one_id_the_first_stands(file):
    """Even where it is bad itself: a later row does not take its place."""
    found, bad = contacts(file("c.csv", "contact_id,timezone\nanna,Mars\nanna,UTC\nberta,UTC\n"))
    assert list(found) == ["berta"]
    assert bad_rows(bad) == [(1, "timezone"), (2, "contact_id")]


def test_a_line_that_is_no_object_is_a_bad_row(file):
    """JSON lines stand for themselves: what cannot be read stops no other."""
    lines = ['{"contact_id": "a"}', "{oops", "[1]", '{"contact_id": "b", "contact_id": "c"}', "[" * 100_000]
    found, bad = contacts(file("c.jsonl", "\n".join([*lines, "", '{"contact_id": "d"}'])))
    assert list(found) == ["a", "d"]
    assert [row.row for row in bad.first] == [2, 3, 4, 5]


def test_bad_rows_are_counted_beyond_those_kept():
    """Memory stays small however bad the data is; nothing goes uncounted."""
    _, bad = contacts([{"contact_id": None}] * 250)
    assert (bad.total, len(bad.first), sum(bad.kinds.values())) == (250, 100, 250)


def test_more_bad_rows_than_tolerated_end_the_work():
    """The error shows the first of them."""
    with pytest.raises(DataError, match="more bad rows than the 1 that are tolerated"):
        contacts([{"contact_id": None}] * 3, bad=BadRows(1))


# Files that cannot be used


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.csv", "", "is empty"),
        ("c.csv", "contact_id,x\na,1\nb\n", "row 2: 1 field in a table of 2"),
        ("c.csv", "contact_id,x\na,1,2\n", "row 1: 3 fields in a table of 2"),
        ("c.csv", 'contact_id,x\na,"open\nb,2\n', "is a quote left open"),
        ("c.csv", b"contact_id\nok\n\xff\xfe\n", "line 3 is not UTF-8"),
        ("c.csv", "contact_id\na\n".encode("utf-16"), "not UTF-8"),
        ("c.jsonl", b'{"contact_id": "\xff"}', "line 1 is not UTF-8"),
        ("c.csv.gz", b"no gzip", "cannot be read"),
        ("c.csv.gz", gzip.compress(b"contact_id\nanna\n" * 99, mtime=0)[:-9], "cannot be read"),
        ("c.parquet", b"no parquet", "not readable Parquet"),
        ("c.xlsx", b"", "the ending of a table is one of .csv"),
    ],
)
def test_an_unreadable_table_is_one_clear_error(file, name, content, message):
    """What makes the file as a whole unusable is a DataError that names it."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = file(name, content)
    with pytest.raises(DataError, match=message) as caught:
        contacts(path)
    assert caught.value.source == path


def test_a_missing_file_and_a_directory_are_data_errors(tmp_path):
    """So is what is no file."""
    for path in (tmp_path / "none.csv", tmp_path / "none.jsonl", tmp_path / "none.parquet"):
        with pytest.raises(DataError, match="cannot be read"):
            contacts(path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="the folder holds no Parquet file"):
        contacts(tmp_path / "folder.csv")


@pytest.mark.parametrize("content", ["contact_id\n", "\ufeffcontact_id\n", "contact_id,x", "\n\ncontact_id\n\n\n"])
def test_a_table_without_rows_has_no_contacts(file, content):
    """A header alone is a table; a byte order mark and blank lines are nothing."""
    assert contacts(file("c.csv", content))[0] == {}
    assert contacts(file("c.jsonl", ""))[0] == {}


def test_packed_and_quoted_files_are_read(file):
    """gzip, quotes, line breaks in cells and any letters."""
    text = '\ufeffcontact_id,note\r\n"Љубица, ""Л""","two\nlines"\r\n'
    for name, content in (("c.csv", text.encode()), ("c.csv.gz", gzip.compress(text.encode()))):
        found, _ = contacts(file(name, content))
        assert found['Љубица, "Л"'].attributes == {"note": "two\nlines"}


def test_parquet_without_its_extra_says_what_to_install(monkeypatch, file):
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"journeykit\[columns\]"):
        contacts(file("c.parquet", b""))


def test_parquet_values_that_python_cannot_hold_spoil_their_row_only(tmp_path):
    """An instant in the year 30000 is a bad row, not a broken file."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    at = pa.array([int(AT.timestamp()) * 10**6, 9 * 10**17], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"contact_id": ["a", "b"], "consent_until_email": at}), tmp_path / "c.parquet")
    found, bad = contacts(tmp_path / "c.parquet")
    assert list(found) == ["a"]
    assert bad_rows(bad) == [(2, "consent_until_email")]


# Touches, scores and claims


def test_touches_are_held_by_contact_until_they_are_taken():
    """What was taken is let go; what is left belongs to nobody that was decided."""
    rows = [
        {"contact_id": "anna", "sent_at": "2026-11-02T09:00+01:00", "channel": "email", "topic": ["golf"]},
        {"contact_id": "berta", "sent_at": AT, "channel": "", "campaign_id": "care", "status": "planned"},
    ]
    history = TouchTable.read(rows)
    (touch,) = history.take("anna")
    assert (touch.at, touch.channel, touch.topics) == (datetime(2026, 11, 2, 8, tzinfo=UTC), "email", ("golf",))
    assert history.take("anna") == []
    assert len(history) == 1
    (other,) = history.take("berta")
    assert (other.channel, other.campaign, other.status) == (None, "care", "planned")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"contact_id": None}, "contact_id"),
        ({"sent_at": "2026-11-02T09:00"}, "sent_at"),
        ({"sent_at": "2026-11-02"}, "sent_at"),
        ({"sent_at": "soon"}, "sent_at"),
        ({"sent_at": 1_700_000_000}, "sent_at"),
        ({"sent_at": None}, "sent_at"),
        ({"status": ["sent"]}, "status"),
        ({"channel": 1.5}, "channel"),
        ({"topic": [None, 2.5]}, "topic"),
    ],
)
def test_a_bad_touch_is_isolated(row, field):
    """What cannot be read, and instants without an offset, spoil their row and no other."""
    good = {"contact_id": "anna", "sent_at": AT, "channel": "email"}
    bad = BadRows()
    assert len(TouchTable.read([good, good | row, good], bad=bad)) == 2
    assert bad_rows(bad) == [(2, field)]


def test_a_zone_says_when_naive_touches_were():
    """A date then means its first instant."""
    rows = [{"contact_id": "a", "sent_at": at, "channel": "x"} for at in ("2026-11-05 11:00", "2026-11-05")]
    found = [touch.at for touch in TouchTable.read(rows, zone=SKOPJE).take("a")]
    assert found == [AT, datetime(2026, 11, 4, 23, tzinfo=UTC)]


@pytest.mark.parametrize("column", ["contact_id", "sent_at", "channel"])
def test_touches_need_their_columns(file, column):
    """Each of the three is named when it is missing."""
    header = ",".join({"contact_id", "sent_at", "channel"} - {column})
    with pytest.raises(DataError, match=f"column '{column}' is missing"):
        TouchTable.read(file("t.csv", f"{header}\n"))


@pytest.mark.parametrize(
    "at",
    ["0001-01-01T00:00:00+14:00", "0500-01-01T00:00:00Z", "9000-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"],
)
def test_instants_that_the_engine_refuses_are_bad(at):
    """In touches the row is isolated; a claim is answered with `invalid`; as texts and as datetimes."""
    for edge in (at, datetime.fromisoformat(at)):
        bad = BadRows()
        assert len(TouchTable.read([{"contact_id": "anna", "sent_at": edge, "channel": "email"}], bad=bad)) == 0
        assert bad_rows(bad) == [(1, "sent_at")]
        for column in ("at", "asked_at"):
            claim = {"contact_id": "anna", "campaign_id": "care", column: edge}
            # A table none of whose rows can be used is refused.
            good = {"contact_id": "berta", "campaign_id": "care"}
            rows, summary = answers(contacts=TWO, claims=[claim, good])
            assert ("anna", "care", "invalid") in rows
            assert [(row.row, row.field) for row in summary.bad_first] == [(1, column)]


def test_equal_values_of_different_types_are_different_touches():
    """A channel 1 is the text "1", and so is 1.0; True is bad, also after it."""
    bad = BadRows()
    rows = [{"contact_id": "a", "sent_at": AT, "channel": channel} for channel in (1, True, 1.0, 1.5)]
    assert [touch.channel for touch in TouchTable.read(rows, bad=bad).take("a")] == ["1", "1"]
    assert bad_rows(bad) == [(2, "channel"), (4, "channel")]


def test_values_of_numpy_are_those_of_python():
    """Scalars and arrays of NumPy are converted, also in lists."""
    np = pytest.importorskip("numpy")
    row = {"contact_id": np.int64(7), "segments": np.array(["vip"]), "interests": [np.str_("golf")], "x": np.float64(2)}
    seven = contacts([row | {"opted_out": np.bool_(True)}])[0]["7"]
    assert (seven.segments, seven.interests, seven.attributes, seven.opted_out) == (("vip",), ("golf",), {"x": 2}, True)


@pytest.mark.parametrize("odd", [bytearray(b"x"), {"a": 1}, [1], ([],)])
def test_values_without_a_hash_are_bad_rows(odd):
    """As ids they spoil their row, and a claim with one is answered."""
    touch = {"contact_id": odd, "sent_at": AT, "channel": odd}
    bad = BadRows()
    assert len(TouchTable.read([touch, touch | {"contact_id": "a"}], bad=bad)) == 0
    assert len(ScoreTable.read([{"contact_id": "a", "campaign_id": odd, "value": 1}], bad=bad)) == 0
    assert contacts([{"contact_id": odd}], bad=bad)[0] == {}
    assert bad.total == 4
    _, summary = answers(contacts=TWO, claims=[{"contact_id": "anna", "campaign_id": own} for own in (odd, "care")])
    assert summary.bad_rows == 1


def test_blanks_are_missing_values():
    """In columns of whatever kind."""
    anna = contacts([{"contact_id": "anna", "opted_out": " ", "stage": "  "}])[0]["anna"]
    assert (anna.opted_out, anna.stage) == (False, None)
    bad = BadRows()
    row = {"contact_id": "anna", "campaign_id": "care", "weight": " ", "propensity": " ", "value": " "}
    assert ClaimTable.read([row], bad=bad).take("anna")[0].weight is None
    assert ScoreTable.read([row], bad=bad).take("anna")["care"].propensity is None
    assert bad.total == 0


def test_a_pipe_is_no_table(tmp_path):
    """It could be read only once; the error says so at once."""
    os.mkfifo(tmp_path / "c.csv")
    with pytest.raises(DataError, match="give a regular file"):
        ContactTable(tmp_path / "c.csv")


def test_scopes_of_requirements_spell_channels_too():
    """A column named after a channel that only a requirement knows finds its spelling."""
    need = {"name": "n", "claim": {"channel": "SMS"}, "with": {"topic": "Golf"}}
    spellings = Spellings.of(Playbook.from_dict({"requirements": [need]}))
    assert (spellings.channels, spellings.topics) == ({"sms": ("SMS",)}, {"golf": ("Golf",)})


def test_repeated_scores_are_found_among_many():
    """However many campaigns a contact has scores for."""
    rows = [{"contact_id": "a", "campaign_id": f"c{number}", "value": 1} for number in range(300)]
    bad = BadRows()
    assert len(ScoreTable.read([*rows, rows[0], rows[200], rows[299]], bad=bad)) == 300
    assert bad_rows(bad) == [(301, "campaign_id"), (302, "campaign_id"), (303, "campaign_id")]


def test_scores_are_held_by_contact():
    """Either column will do; the second score of a contact and campaign is bad, as is an unknown campaign."""
    rows = [
        {"contact_id": "anna", "campaign_id": "care", "propensity": 0.2},
        {"contact_id": "anna", "campaign_id": "meetup", "value": "7"},
        {"contact_id": "anna", "campaign_id": "care", "propensity": 0.9},
        {"contact_id": "anna", "campaign_id": "unknown", "propensity": 0.9},
        {"contact_id": "anna", "campaign_id": "x", "propensity": float("nan")},
        {"contact_id": "berta", "campaign_id": "care", "value": float("nan")},
    ]
    bad = BadRows()
    scores = ScoreTable.read(rows, playbook=PLAYBOOK, bad=bad)
    found = {name: (score.propensity, score.value) for name, score in scores.take("anna").items()}
    assert found == {"care": (0.2, None), "meetup": (None, 7.0)}
    assert bad_rows(bad) == [(3, "campaign_id"), (4, "campaign_id"), (5, "campaign_id")]
    assert (scores.scored, scores.take("berta")) == ({("care", "propensity")}, {"care": Score()})


def test_scores_need_one_of_their_numbers(file):
    """A table of scores without any score is none."""
    with pytest.raises(DataError, match="'propensity' is missing"):
        ScoreTable.read(file("s.csv", "contact_id,campaign_id\n"))


def test_further_numbers_of_claims_are_kept(file):
    """Any numeric column serves quotas; a date is a date; an instant is an instant."""
    path = file(
        "k.csv",
        "contact_id,campaign_id,at,weight,risk,word\nanna,care,2026-11-06,2,0.5,x\nanna,meetup,2026-11-06T10:00Z,,,y\n",
    )
    first, second = ClaimTable.read(path).take("anna")
    assert (first.at, first.weight, first.numbers) == (date(2026, 11, 6), 2.0, {"risk": 0.5})
    assert (second.at, second.weight, second.numbers) == (AT + timedelta(days=1), None, {})


# The job


def job(inputs: Inputs | None = None, **options) -> Job:
    tables = {name: options.pop(name) for name in ("contacts", "touches", "scores", "claims") if name in options}
    return Job(Arbiter(options.pop("playbook", PLAYBOOK)), inputs or Inputs(**tables), at=AT, **options)


def answers(**options):
    """Contact, campaign and reason of every row; and the summary."""
    work = job(**options)
    rows = [row for _, decision in work.decisions() for row in decision.rows]
    return [(row.contact, row.campaign, str(row.reason)) for row in rows], work.summary()


TWO = [
    {"contact_id": "anna", "City": "Ohrid", "stage": "awareness", "role": "user"},
    {"contact_id": "berta", "City": "Skopje", "stage": "awareness", "role": "user"},
]


def test_a_job_decides_contacts_in_their_order():
    """By contact as given, then in the order of claims; the summary adds up."""
    rows, summary = answers(contacts=TWO)
    assert rows == [
        ("anna", "meetup", "granted"),
        ("anna", "care", "outbid"),
        ("berta", "care", "granted"),
        ("berta", "meetup", "not_in_audience"),
    ]
    assert (summary.contacts, summary.claims, summary.value) == (2, 4, 3.5)
    assert summary.outcomes == {"granted": 2, "deferred": 1, "denied": 1}
    assert summary.teams == {"community": {"granted": 1, "deferred": 1}, "events": {"granted": 1, "denied": 1}}
    assert summary.stages == {"awareness": {"granted": 2, "deferred": 1, "denied": 1}}
    assert summary.rules == {"City == 'Ohrid'": 1, "one a day": 1}


def test_history_and_scores_reach_the_decision():
    """A touch fills the cap; a score changes who wins."""
    touches = [
        {"contact_id": "anna", "sent_at": AT - timedelta(hours=1), "channel": "email"},
        {"contact_id": "nobody", "sent_at": AT, "channel": "email"},
    ]
    scores = [{"contact_id": "berta", "campaign_id": "care", "propensity": 0}]
    rows, summary = answers(contacts=TWO, touches=touches, scores=scores)
    assert ("anna", "meetup", "capped") in rows
    assert ("berta", "care", "not_worth_it") in rows
    assert summary.unknown_touches == 1


def test_claims_may_stand_without_contacts():
    """Contacts are then those of the claims, in the order of their first appearance."""
    claims = [{"contact_id": name, "campaign_id": "care"} for name in ("zoe", "anna", "zoe")]
    claims[2] = claims[2] | {"campaign_id": "meetup"}
    playbook = Playbook.from_dict(PLAYBOOK.to_dict() | {"on_missing": {"consent": "allow", "stage": "allow"}})
    rows, summary = answers(claims=claims, playbook=playbook)
    assert [row[0] for row in rows] == ["zoe", "zoe", "anna"]
    assert summary.missing["stage"] == {"setting": "allow", "claims": 2}
    assert summary.missing["role"] == {"setting": "allow", "claims": 1}


def test_claims_of_unknown_contacts_are_bad_rows():
    """With a table of contacts, a claim must belong to one of them."""
    claims = [{"contact_id": name, "campaign_id": "care"} for name in ("anna", "nobody")]
    rows, summary = answers(contacts=TWO, claims=claims)
    assert rows == [("anna", "care", "granted")]
    assert [(bad.row, bad.field) for bad in summary.bad_first] == [(2, "contact_id")]


@pytest.mark.parametrize(
    ("claim", "field"),
    [
        ({"campaign_id": "unknown"}, "campaign_id"),
        ({"campaign_id": None}, "campaign_id"),
        ({"campaign_id": "\ud800"}, "campaign_id"),
        ({"content_id": "other"}, "content_id"),
        ({"channel": "sms"}, "channel"),
        ({"weight": float("inf")}, "weight"),
        ({"weight": "heavy"}, "weight"),
        ({"weight": 1e12}, "weight"),
        ({"cost": [1]}, "cost"),
        ({"at": "someday"}, "at"),
        ({"at": "2026-11-05T10:00"}, "at"),
        ({"at": 20261105}, "at"),
        ({"asked_at": "yesterday"}, "asked_at"),
        ({}, "campaign_id"),
    ],
)
def test_a_bad_claim_is_answered_with_invalid(claim, field, tmp_path):
    """It is reported as a bad row and has a row in the decisions: no claim disappears."""
    good = {"contact_id": "anna", "campaign_id": "care"}
    work = job(contacts=TWO, claims=[good, good | claim])
    out = tmp_path / "d.jsonl"
    summary = work.write(out, everything=True)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert sorted(row["reason"] for row in rows) == ["granted", "invalid"]
    assert [(bad.row, bad.field) for bad in summary.bad_first] == [(2, field)]


def test_policies_that_fail_are_noted():
    """The summary says what a policy said, and how often."""

    class Broken:
        def weigh(self, *_):
            raise ZeroDivisionError("oh no")

    playbook = Playbook.from_dict(PLAYBOOK.to_dict() | {"policy": "broken"})
    work = Job(Arbiter(playbook, policies={"broken": Broken()}), Inputs(contacts=TWO), at=AT)
    list(work.decisions())
    assert "ZeroDivisionError: oh no (3 claims)" in work.summary().notes[0]


def test_the_summary_does_not_grow_with_the_contacts():
    """Policy faults are told apart by the exception, stages by the playbook; one example is kept."""

    class Broken:
        def weigh(self, _claim, contact, _context):
            raise KeyError(contact.id)

    playbook = Playbook.from_dict(PLAYBOOK.to_dict() | {"policy": "broken"})
    people = [
        {"contact_id": f"c{number}", "stage": f"s{number}", "city": "Ohrid", "role": "user"} for number in range(9)
    ]
    work = Job(Arbiter(playbook, policies={"broken": Broken()}), Inputs(contacts=people), at=AT)
    list(work.decisions())
    summary = work.summary()
    assert summary.notes == ("policy 'broken' failed: KeyError: 'c0' (9 claims)",)
    assert set(summary.stages) == {"(other)"}
    assert summary.bad_rows == 0


def test_impossible_limits_of_contacts_are_noted_and_bad():
    """The claims are counted in a note, and each such contact is one bad row; duplicates are counted once."""
    cap = {"name": "own", "max": {"attribute": "lim", "default": None}, "window": {"calendar": "day"}}
    plan = PLAYBOOK.to_dict() | {"caps": [cap]}
    arbiter = Arbiter(Playbook.from_dict(plan))
    people = [{"contact_id": name, "city": "Ohrid", "role": "user", "stage": "awareness", "lim": -1} for name in "ab"]
    work = Job(arbiter, Inputs(contacts=people), at=AT)
    list(work.decisions())
    summary = work.summary()
    assert "cap 'own'" in summary.notes[0]
    assert summary.notes[0].endswith("(4 claims)")
    assert [bad.row for bad in summary.bad_first] == [1, 2]
    with pytest.raises(DataError, match="more bad rows than the 1"):
        list(Job(arbiter, Inputs(contacts=people), at=AT, max_bad=1).decisions())
    plan["campaigns"][0]["content"] = ["invitation", "check-in"]
    twice = [{"contact_id": "a", "campaign_id": "meetup"}] * 2
    people[0]["lim"] = 1
    work = Job(Arbiter(Playbook.from_dict(plan)), Inputs(contacts=people, claims=twice), at=AT)
    list(work.decisions())
    assert (work.summary().bad_rows, work.summary().notes) == (1, ())


def test_neither_contacts_nor_claims_is_an_error():
    """Somebody must be decided."""
    with pytest.raises(DataError, match="either contacts or claims"):
        Inputs()


def test_the_summary_is_plain_data_and_readable():
    """`to_dict` is JSON; the text shows bad rows and what was missing."""
    _, summary = answers(contacts=[*TWO, {"contact_id": "anna"}, {"contact_id": "carl"}])
    assert isinstance(summary, Summary)
    data = json.loads(json.dumps(summary.to_dict()))
    assert data["bad_rows"]["kinds"][0]["count"] == 1
    assert data["missing"]["stage"] == {"setting": "deny", "claims": 1}
    text = str(summary)
    assert "3 contacts, 6 claims" in text
    assert "contacts, row 3, field 'contact_id': found 'anna'; allowed is one row for each contact" in text
    assert "missing stage: 1 claims, deny" in text


def test_one_contact_can_be_taken_out_of_the_tables():
    """The rest is passed over; a contact that is not there is an error that shows their bad rows."""
    contact, decision, bad = decide_one(Arbiter(PLAYBOOK), Inputs(contacts=TWO), "berta", at=AT)
    assert (contact.id, decision.granted[0].campaign, bad) == ("berta", "care", ())
    touches = [{"contact_id": "berta", "sent_at": "2026-11-05T09:00:00", "channel": "email"}]
    *_, bad = decide_one(Arbiter(PLAYBOOK), Inputs(contacts=TWO, touches=touches), "berta", at=AT)
    assert [(row.source, row.field) for row in bad] == [("touches", "sent_at")]
    with pytest.raises(DataError, match="no usable row of contact 'nobody'"):
        decide_one(Arbiter(PLAYBOOK), Inputs(contacts=TWO), "nobody", at=AT)
    with pytest.raises(DataError, match="Mars"):
        decide_one(Arbiter(PLAYBOOK), Inputs(contacts=[{"contact_id": "anna", "timezone": "Mars"}]), "anna", at=AT)


# The same in every format


CONTACT_ROWS = [
    {
        "contact_id": "007",
        "stage": "awareness",
        "role": "user",
        "City": "Ohrid",
        "timezone": "Asia/Tokyo",
        "consent": ["email", "sms"],
        "opted_out": False,
        "seen": AT,
    },
    {"contact_id": "anna;b", "stage": "awareness", "role": None, "City": "Ohrid", "consent": ["email"], "seen": None},
]
TOUCH_ROWS = [
    {"contact_id": "anna;b", "sent_at": AT - timedelta(days=2), "channel": "email", "campaign_id": "care"},
    {"contact_id": "007", "sent_at": AT + timedelta(days=2), "channel": "email", "campaign_id": None},
]


def written(tmp_path, form, name, rows):
    path = tmp_path / f"{name}.{form}"
    if form == "parquet":
        names = dict.fromkeys(key for row in rows for key in row)
        return parquet(path, [{key: row.get(key) for key in names} for row in rows])
    text = {key: None for row in rows for key in row}
    plain = [{k: v.isoformat() if isinstance(v, datetime) else v for k, v in (text | row).items()} for row in rows]
    if form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in plain), "utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, list(text))
            writer.writeheader()
            for row in plain:
                writer.writerow({k: ";".join(v) if isinstance(v, list) else v for k, v in row.items()})
    return str(path)


def test_the_format_of_the_input_makes_no_difference(tmp_path):
    """CSV, JSON lines, Parquet and mappings of the same rows give the same bytes."""
    pytest.importorskip("pyarrow")
    results = []
    for form in ("csv", "jsonl", "parquet", None):
        made = [
            rows if form is None else written(tmp_path, form, name, rows)
            for name, rows in (("c", CONTACT_ROWS), ("t", TOUCH_ROWS))
        ]
        job(contacts=made[0], touches=made[1], explain=True).write(tmp_path / "out.csv", everything=True)
        results.append((tmp_path / "out.csv").read_bytes())
    assert len(set(results)) == 1
    assert results[0].count(b"\n") == 5


def decided(tmp_path, name):
    """The rows of a written table of decisions, all alike."""
    path = str(tmp_path / name)
    rows = []
    for row in open_table(path, "decisions").rows():
        _, columns, values = row
        cells = dict(zip(columns, values, strict=True))
        assert tuple(cells) == tuple(DECISIONS)
        for column, kind in DECISIONS.items():
            value = cells[column]
            if kind == "instant" and isinstance(value, datetime):
                cells[column] = value.isoformat(timespec="microseconds")[:26] + "Z"
            elif kind == "number" and isinstance(value, str):
                cells[column] = float(value)
            elif kind == "texts":
                cells[column] = value if isinstance(value, str) else ";".join(value or ())
        rows.append({column: cells[column] or None for column in DECISIONS})
    return rows


def test_the_format_of_the_output_makes_no_difference(tmp_path):
    """The same columns in the same order, the same values; a rerun gives the same bytes."""
    pytest.importorskip("pyarrow")
    for name in ("a.csv", "a.jsonl", "a.parquet", "a.csv.gz"):
        for again in ("", "again-"):
            job(contacts=TWO, explain=True).write(tmp_path / f"{again}{name}", everything=True)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()
    assert (
        decided(tmp_path, "a.csv")
        == decided(tmp_path, "a.jsonl")
        == decided(tmp_path, "a.parquet")
        == decided(tmp_path, "a.csv.gz")
    )


def test_a_row_of_decisions_reads_as_documented(tmp_path):
    """Instants are UTC with microseconds; `lost_to` is a list in JSON lines; missing is null."""
    job(contacts=TWO, explain=True, run_id="night").write(tmp_path / "d.jsonl")
    first, second, _ = (json.loads(line) for line in (tmp_path / "d.jsonl").read_text("utf-8").splitlines())
    assert list(first) == list(DECISIONS)
    assert first["send_at"] == first["decided_at"] == "2026-11-05T10:00:00.000000Z"
    assert (first["displaced"], first["needs"], first["lost_to"]) == (0.5, None, [])
    assert (second["displaced"], second["needs"], second["lost_to"]) == (None, 3.0, ["meetup"])
    assert (second["retry_at"], second["rule"]) == ("2026-11-05T23:00:00.000000Z", "one a day")
    assert first["run_id"] == "night"


# Whole or not at all


def test_output_appears_whole_or_not_at_all(tmp_path):
    """Whatever stops the work midway, neither the file nor a piece of it is there; an old file stays as it was."""
    out = tmp_path / "d.csv"
    out.write_text("old")

    def rows(fault):
        yield from TWO
        raise fault

    for fault in (RuntimeError("power"), KeyboardInterrupt(), SystemExit(143)):
        with pytest.raises(type(fault)):
            job(contacts=rows(fault)).write(out)
        assert [path.name for path in tmp_path.iterdir()] == ["d.csv"]
        assert out.read_text() == "old"
    job(contacts=TWO).write(out)
    assert out.read_text().startswith("decision_id,")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_too_many_bad_rows_leave_no_output(tmp_path, form):
    """A job that fails at its end has written nothing."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="tolerated"):
        job(contacts=[*TWO, {"contact_id": None}], max_bad=0).write(tmp_path / f"d.{form}")
    assert not list(tmp_path.iterdir())


def test_output_keeps_the_rights_of_the_file_it_replaces(tmp_path):
    """A new file gets the usual rights, so that the sender's own user can read it."""
    out = tmp_path / "d.csv"
    job(contacts=TWO).write(out)
    usual = os.umask(0)
    os.umask(usual)
    assert out.stat().st_mode & 0o777 == 0o666 & ~usual
    out.chmod(0o640)
    job(contacts=TWO).write(out)
    assert out.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path):
    """What it points to is replaced."""
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    job(contacts=TWO).write(tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("decision_id,")


def test_values_that_cannot_be_written_leave_nothing(tmp_path):
    """The writer itself keeps the promise."""

    def write_all(*numbers):
        with table_writer(tmp_path / "x.jsonl", {"n": "number"}) as write:
            for number in numbers:
                write([number])

    with pytest.raises(ValueError, match="JSON compliant"):
        write_all(1.0, float("nan"))
    assert not list(tmp_path.iterdir())


# Memory


def peak(count: int) -> int:
    """The most memory that deciding so many contacts took at once, in bytes."""
    rows = ({"contact_id": f"c{number:06d}", "consent": "email", "stage": "awareness"} for number in range(count))
    work = job(contacts=rows)
    # When Python collects cycles by itself depends on all else that the process holds: that is set apart.
    gc.collect()
    gc.freeze()
    tracemalloc.start()
    for number, (_, decision) in enumerate(work.decisions()):
        for row in decision.rows:
            decision_cells(row)
        if number % 50 == 0:
            gc.collect()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.unfreeze()
    return found


def test_memory_does_not_grow_with_the_contacts():
    """Of a contact that was decided, the id stays, and nothing else."""
    peak(50)
    few, many = peak(500), peak(1_500)
    ids = 1_000 * (sys.getsizeof("c000000") + 100)
    assert many < few + ids + 100_000


def test_history_is_packed():
    """A touch takes a few dozen bytes while it waits."""
    rows = (
        {"contact_id": f"c{number % 1_000}", "sent_at": AT, "channel": "email", "campaign_id": "care"}
        for number in range(20_000)
    )
    tracemalloc.start()
    history = TouchTable.read(rows)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(history) == 20_000
    assert used < 20_000 * 40


# Whatever bytes


KINDS = {
    "contacts": lambda path: list(ContactTable(path)),
    "touches": TouchTable.read,
    "scores": ScoreTable.read,
    "claims": lambda path: ClaimTable.read(path).take("a"),
}
PIECES = st.sampled_from(
    [
        *("contact_id", "campaign_id", "sent_at", "channel", "weight", "at", "timezone", "consent_email", "x"),
        *(",", "\n", '"', "\r", ";", "{", "}", "[", ":", "null", "true", "NaN", "1e999", "-", "0" * 5_000),
        *("2026-11-05T10:00Z", "2026-11-05", "9999-12-31T23:59-14:00", "\ufeff", "\0", "Љ", '\\ud800"', "a"),
    ]
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=80), st.lists(PIECES, max_size=25).map("".join)), headed=st.booleans())
def test_any_bytes_give_rows_or_our_own_error(tmp_path, kind, form, content, headed):
    """A reader of text never lets a foreign error through."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    if headed and form == "csv":
        raw = b"contact_id,campaign_id,sent_at,channel,weight,at,timezone,x\n" + raw
    elif headed:
        raw = b'{"contact_id": "a", "campaign_id": "b", "sent_at": null, "channel": 1, "x": ' + raw
    path = tmp_path / f"any.{form}"
    path.write_bytes(raw)
    with contextlib.suppress(JourneykitError):
        KINDS[kind](path)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)
COLUMNS = st.sampled_from(
    [
        *("contact_id", "campaign_id", "content_id", "sent_at", "channel", "status", "topic", "weight", "at"),
        *("asked_at", "timezone", "consent", "consent_email", "consent_until_email", "prefer_x", "segments"),
        *("stage", "x", ""),
    ]
)


@settings(max_examples=300, deadline=None)
@given(row=st.dictionaries(COLUMNS, JSON_VALUES), claim=st.dictionaries(COLUMNS, JSON_VALUES))
def test_any_values_give_decisions_or_bad_rows(row, claim):
    """Rows of any values are decided or isolated; the job always comes to its end."""
    good = {"contact_id": "good", "campaign_id": "care", "sent_at": AT, "channel": "email", "status": None}
    work = job(
        contacts=[{"contact_id": "good"}, {"contact_id": "other"} | row],
        touches=[good, good | row],
        claims=[good, good | claim],
    )
    rows = [decision_cells(line) for _, decision in work.decisions() for line in decision.rows]
    assert rows
    assert work.summary().contacts >= 1


def test_a_job_never_writes_over_what_it_reads(tmp_path):
    """The decisions may not go where one of the tables came from; the table is left as it was."""
    from journeykit.job import Inputs, Job

    contacts = tmp_path / "contacts.csv"
    contacts.write_text("contact_id\nanna\n", "utf-8")
    job = Job(Arbiter(Playbook()), Inputs(contacts=contacts), at=AT)
    with pytest.raises(DataError, match="would overwrite the contacts"):
        job.write(contacts)
    assert contacts.read_text("utf-8") == "contact_id\nanna\n"


def test_a_status_is_read_in_any_case(tmp_path):
    """A send log that writes SENT counts like one that writes sent."""
    touches = [{"contact_id": "berta", "sent_at": AT, "channel": "email", "status": "SENT"}]
    *_, bad = decide_one(Arbiter(PLAYBOOK), Inputs(contacts=TWO, touches=touches), "berta", at=AT)
    assert bad == ()
