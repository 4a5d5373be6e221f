"""Words of tables: what data and playbook do not share is matched, counted and told, by both engines alike."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Claim, Contact, DataError, Playbook
from journeykit.cli import main
from journeykit.job import Inputs, Job, TableJob
from journeykit.job.table_survey import survey
from journeykit.ledger import MemoryLedger

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
YESTERDAY = "2026-11-04T09:00:00Z"
RULES: dict[str, Any] = {
    "journey": {"stages": [{"name": "interest"}, {"name": "decision"}]},
    "teams": [{"name": "events"}],
    "content": [
        {"id": "note", "channel": "email", "stages": {"interest": 1}, "topics": ["market"]},
        {"id": "plain", "channel": "email"},
    ],
    "campaigns": [
        {"id": "launch", "team": "events", "content": ["note"], "weight": 3},
        {"id": "news", "content": ["plain"], "repeat": None, "audience": "not ('vip' in segments)"},
    ],
    "caps": [{"name": "one email a week", "max": 1, "window": {"days": 7}, "where": {"channel": "email"}}],
    "on_missing": {"consent": "allow"},
}
PLAYBOOK = Playbook.from_dict(RULES)


def decided(rows: Any, touches: Any = None, playbook: Playbook = PLAYBOOK, **tables: Any) -> tuple[dict[str, Any], Any]:
    """What both engines grant, by contact, and the summary."""
    job = assert_equal(playbook, rows, touches, tables.get("scores"), tables.get("claims"), at=AT)
    one = Job(Arbiter(playbook), Inputs(contacts=rows, touches=touches, **tables), at=AT)
    granted = {contact.id: [grant.campaign for grant in decision.granted] for contact, decision in one.decisions()}
    return granted, job.summary()


def said(summary: Any) -> list[str]:
    return [str(mismatch) for mismatch in summary.mismatches]


def contact(key: str, **parts: Any) -> dict[str, Any]:
    return {"contact_id": key, "segments": None, **parts}


def touch(key: str, **parts: Any) -> dict[str, Any]:
    return {"contact_id": key, "sent_at": YESTERDAY, "channel": None, "campaign_id": None, **parts}


# Matching


def test_words_of_contacts() -> None:
    """Six of twenty with Interest get what interest gets, and one with Decison is told, with the nearest word."""
    rows = [contact(f"c{n:02}", stage="Interest" if n < 6 else "interest") for n in range(19)]
    rows.append(contact("typo", stage="Decison", segments="VIP"))
    granted, summary = decided(rows)
    assert all(granted[f"c{n:02}"] == ["launch"] for n in range(19))
    assert granted["typo"] == []
    assert said(summary) == [
        "contacts: stage 'Decison' (1 row) is not in the journey; did you mean 'decision'?",
        "contacts: stage 'Interest' (6 rows) is read as 'interest'",
        "contacts: segments 'VIP' (1 row) is read as 'vip'",
    ]
    assert str(summary).splitlines()[0] == said(summary)[0]
    assert summary.to_dict()["mismatches"][0] == {
        "table": "contacts",
        "column": "stage",
        "kind": "unknown",
        "found": "Decison",
        "rows": 1,
        "expected": "decision",
        "text": said(summary)[0],
    }


def test_words_of_touches() -> None:
    """Email, e-mail, 'email ' and none under a cap on email: no second message; LAUNCH was launch."""
    channels = ["Email", "e-mail", "email ", None, "email", "fax"]
    rows = [contact(str(n), stage="interest") for n in range(len(channels))]
    touches = [touch(str(n), channel=channel) for n, channel in enumerate(channels)]
    granted, summary = decided(rows, touches)
    assert granted == {**{str(n): [] for n in range(5)}, "5": ["launch"]}
    near = "touches: channel 'e-mail' (1 row) is not in the playbook's content; did you mean 'email'?"
    assert said(summary) == [
        f"{near} (rules that protect count it as 'email' too)",
        "touches: channel 'fax' (1 row) is not in the playbook's content",
        "touches: channel is missing (1 row); rules that protect count it whatever the channel",
        "touches: channel 'Email' (1 row) is read as 'email'",
        "touches: channel 'email ' (1 row) is read as 'email'",
    ]
    granted, summary = decided(
        [contact("a", stage="interest"), contact("b", stage="interest")],
        [touch("a", campaign_id="LAUNCH", channel="fax"), touch("b", campaign_id="lanch", channel="fax")],
    )
    assert granted == {"a": ["news"], "b": ["launch"]}
    assert "touches: campaign_id 'lanch' (1 row) is not in the playbook's campaigns; did you mean 'launch'?" in said(
        summary
    )


def test_statuses() -> None:
    """In any case; a status that nobody knows counts as sent, and is told."""
    rows = [contact(name, stage="interest") for name in ("a", "b", "c")]
    touches = [
        touch("a", channel="email", status=" SENT"),
        touch("b", channel="email", status="Bounced"),
        touch("c", channel="email", status="delivered"),
    ]
    granted, summary = decided(rows, touches)
    assert granted == {"a": [], "b": ["launch"], "c": []}
    assert "touches: status 'delivered' (1 row) is not in the list of statuses; it counts as sent" in said(summary)


def test_words_of_claims_and_scores() -> None:
    """LAUNCH is launch, twice the same is told, and what names nothing is bad and near something."""
    rows = [contact("a", stage="interest"), contact("b", stage="interest")]
    claims = [
        {"contact_id": "a", "campaign_id": "Launch", "content_id": "NOTE", "channel": "Email"},
        {"contact_id": "a", "campaign_id": "launch", "content_id": "note", "channel": "email"},
        {"contact_id": "b", "campaign_id": "lanch", "content_id": None, "channel": None},
    ]
    granted, summary = decided(rows, claims=claims)
    assert granted == {"a": ["launch"], "b": []}
    assert summary.bad_rows == 2
    assert said(summary)[0] == (
        "claims: campaign_id 'lanch' (1 row) is not in the playbook's campaigns; did you mean 'launch'?"
    )
    scores = [{"contact_id": "a", "campaign_id": "LAUNCH", "propensity": 0.5, "value": 4.0}]
    _, summary = decided(rows[:1], scores=scores)
    assert summary.value == 6.0
    assert said(summary) == ["scores: campaign_id 'LAUNCH' (1 row) is read as 'launch'"]


def test_words_that_claims_bring() -> None:
    """The team and topics of a claim are matched too: a cap on events sees Events, in tables and objects."""
    caps = [{"name": "events", "max": 1, "window": "ever", "where": {"team": "events", "topic": "market"}}]
    playbook = Playbook.from_dict({"teams": [{"name": "events"}], "caps": caps, "on_missing": {"consent": "allow"}})
    facets = [{"team": "Events", "topics": "Market"}, {"team": "events", "topics": "market"}]
    claims = [
        {"contact_id": "a", "campaign_id": f"x{n}", "channel": "email", "weight": n + 1, **own}
        for n, own in enumerate(facets)
    ]
    granted, summary = decided([contact("a")], playbook=playbook, claims=claims)
    assert granted == {"a": ["x1"]}
    assert said(summary) == [
        "claims: team 'Events' (1 row) is read as 'events'",
        "claims: topics 'Market' (1 row) is read as 'market'",
    ]
    own = [
        Claim(campaign=f"x{n}", channel="email", weight=n + 1, **{**parts, "topics": [parts["topics"]]})
        for n, parts in enumerate(facets)
    ]
    decision = Arbiter(playbook).decide(Contact(id="a"), claims=own, at=AT)
    assert [grant.campaign for grant in decision.granted] == ["x1"]


@pytest.mark.parametrize("setting", ["allow", "deny"])
def test_an_unknown_stage_is_not_missing(setting: str) -> None:
    """Only an empty cell is missing; an unknown word fits only what has no stages."""
    playbook = Playbook.from_dict(RULES | {"on_missing": {"consent": "allow", "stage": setting}})
    granted, summary = decided([contact("a", stage="Decison"), contact("b", stage=" ")], playbook=playbook)
    assert granted == {"a": ["news"], "b": ["launch"] if setting == "allow" else ["news"]}
    assert said(summary) == ["contacts: stage 'Decison' (1 row) is not in the journey; did you mean 'decision'?"]


def test_columns_named_after_topics_and_channels() -> None:
    """topic_consent_markets where the topic is market; consents of channels that nothing goes by; list entries."""
    rows = [contact("a", stage="interest", topic_consent_markets=False, consent_e_mail=True, consent_fax=True)]
    _, summary = decided(rows)
    column = "contacts: the column {} names nothing in the playbook's {}".format
    assert said(summary) == [
        column("'consent_e_mail'", "channels; did you mean 'consent_email'?"),
        column("'topic_consent_markets'", "topics; did you mean 'topic_consent_market'?"),
        column("'consent_fax'", "channels"),
    ]
    granted, summary = decided(
        [contact("a", stage="interest", consent="Email;fax"), contact("b", stage="interest", consent=["e-mail"])]
    )
    assert granted == {"a": ["launch"], "b": []}
    assert said(summary) == [
        "contacts: consent 'e-mail' (1 row) is not in the playbook's content; did you mean 'email'?",
        "contacts: consent 'fax' (1 row) is not in the playbook's content",
        "contacts: consent 'Email' (1 row) is read as 'email'",
    ]


def test_missing_columns() -> None:
    """What audiences, caps and limits read, and what touches call otherwise."""
    caps = [
        {"name": "small", "max": 0, "window": "ever", "audience": "employes < 50"},
        {"name": "own", "max": {"attribute": "per_weeek", "default": 2}, "window": {"days": 7}},
    ]
    playbook = Playbook.from_dict(RULES | {"caps": caps})
    rows = [{"contact_id": "a", "stage": "interest", "employees": 10, "per_week": 1}]
    _, summary = decided(rows, [touch("a", state="sent")], playbook)
    lacks = "contacts: there is no column {}, which {} reads{}".format
    assert said(summary) == [
        lacks("'employes'", "the audience of the cap 'small'", "; did you mean 'employees'?"),
        lacks("'per_weeek'", "the limit of the cap 'own'", "; did you mean 'per_week'?"),
        lacks("'segments'", "the audience of 'news'", ""),
        "touches: there is no column 'status'; did you mean 'state'?",
    ]


def test_touches_that_do_not_tell_what_rules_ask() -> None:
    """Without a column that says it, and none from which the playbook could, a rule never sees it: that is told."""
    lacks = "touches: there is no column {}, which {} reads".format
    caps = [
        {"name": "events", "max": 1, "window": "ever", "where": {"team": "events"}},
        {"name": "no repeats", "max": 1, "window": "ever", "by": "topic"},
    ]
    playbook = Playbook.from_dict(RULES | {"caps": caps})
    rows = [contact("a", stage="interest")]
    bare = {"contact_id": "a", "sent_at": YESTERDAY, "channel": "email"}
    assert said(decided(rows, [bare], playbook)[1]) == [
        lacks("'campaign_id'", "a campaign's repeat"),
        lacks("'team'", "the cap 'events'"),
        lacks("'topics'", "the cap 'no repeats'"),
    ]
    assert said(decided(rows, [touch("a", channel="email", campaign_id="news")], playbook)[1]) == []
    found = said(decided(rows, [bare | {"campaign": "news"}], playbook)[1])
    assert "touches: there is no column 'campaign_id'; did you mean 'campaign'?" in found


def test_a_column_that_nearly_tells_what_rules_ask() -> None:
    """A misspelt column of a facet is told where a rule asks for it, in touches and claims; else it is one's own."""
    caps = [{"name": "promo", "max": 1, "window": "ever", "where": {"tag": "promo", "not": {"theme": "care"}}}]
    asking, other = Playbook.from_dict(RULES | {"caps": caps}), Playbook.from_dict(RULES)
    rows = [contact("a", stage="interest")]
    for near in ("tag", "tagz"):
        sent = [touch("a", channel="email", campaign_id="news") | {near: "promo"}]
        told = f"touches: there is no column 'tags'; did you mean {near!r}?"
        assert told in said(decided(rows, sent, asking)[1])
        assert said(decided(rows, sent, other)[1]) == []
        claims = [{"contact_id": "a", "campaign_id": "news", near: "promo", "thme": "care"}]
        found = said(decided(rows, None, asking, claims=claims)[1])
        assert f"claims: there is no column 'tags'; did you mean {near!r}?" in found
        assert "claims: there is no column 'theme'; did you mean 'thme'?" in found


def _write(path: Path, rows: list[dict[str, Any]], form: str) -> Any:
    if form == "mappings":
        return rows
    if form == "jsonl":
        path = path.with_suffix(".jsonl")
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    elif form == "csv":
        path = path.with_suffix(".csv")
        names = list(dict.fromkeys(name for row in rows for name in row))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    elif form == "parquet":
        path = path.with_suffix(".parquet")
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        return pd.DataFrame(rows)
    return str(path)


@pytest.mark.parametrize("form", ["mappings", "jsonl", "csv", "parquet"])
def test_every_format_says_the_same(form: str, tmp_path: Path) -> None:
    """The same words in any format, in any order of rows, are counted alike."""
    rng = Random(1)
    people = [
        contact(f"c{n}", stage=rng.choice(["interest", "Interest", "Decison", "INTEREST "]), consent="email;Email;fax")
        for n in range(60)
    ]
    sent = [
        touch(
            f"c{n % 60}",
            channel=rng.choice(["Email", "email", "e-mail", "mail", None]),
            status=rng.choice(["Sent", "x"]),
        )
        for n in range(90)
    ]
    wanted = said(decided(people, sent)[1])
    for _ in range(2):
        rng.shuffle(people)
        rng.shuffle(sent)
        found = decided(_write(tmp_path / "people", people, form), _write(tmp_path / "sent", sent, form))
        assert said(found[1]) == wanted


# Doubles


def test_a_misspelt_column_that_content_reads_is_told_and_refused() -> None:
    """Without the role, content for some roles may go to all: a column that surely means it is a mismatch."""
    rules = RULES | {
        "content": [{"id": "plain", "channel": "email", "roles": {"boss": 1}, "stages": {"interest": 1}}],
        "teams": [],
        "campaigns": [{"id": "news", "content": ["plain"]}],
    }
    rows = [{"contact_id": "a", "consent_email": True, "rolle": "user", "stge": "interest"}]
    playbook = Playbook.from_dict(rules)
    found = said(decided(rows, playbook=playbook)[1])
    assert "contacts: there is no column 'role'; did you mean 'rolle'?" in found
    assert "contacts: there is no column 'stage'; did you mean 'stge'?" in found
    for engine in (
        lambda: list(Job(Arbiter(playbook), Inputs(contacts=rows), at=AT, strict=True).decisions()),
        lambda: Arbiter(playbook).decide_table(pa.Table.from_pylist(rows), at=AT, strict=True),
    ):
        with pytest.raises(DataError, match="rolle"):
            engine()


def test_a_history_of_others_alone_is_told_first() -> None:
    """Ids that are written otherwise in both tables would leave every cap without a history."""
    summary = decided([contact("1", stage="interest")], [touch("1.0"), touch("2.0")])[1]
    assert str(summary).startswith("touches: none of 2 belongs to a contact that was decided")
    found = decided([contact("1", stage="interest")], [touch("1"), touch("2")])[1]
    assert "none of" not in str(found)


def test_what_a_second_row_forbids_holds() -> None:
    """Opt-outs, suppression and withdrawn consents of later rows are honoured, in any order, and counted."""
    first = [contact(name, stage="interest", consent_email=True) for name in ("a", "b", "c", "d", "e")]
    later = [
        contact("a", stage="interest", opted_out=True),
        contact("b", stage="interest", suppressed="yes"),
        contact("c", stage="decision", consent_email=False),
        contact("d", stage="decision", consent_email=True),
        contact("e", stage="interest", topic_consent_market=False),
        contact("e", stage="interest", opted_out="perhaps"),
    ]
    granted, summary = decided([*first, *later])
    assert granted == {"a": [], "b": [], "c": [], "d": ["launch"], "e": []}
    assert summary.bad_rows == 6
    note = "contacts: 4 contacts have an opt-out or a withdrawn consent in a second row only, and that holds"
    assert note in summary.notes
    assert decided([*later, *first])[0] == {"a": [], "b": [], "c": [], "d": ["news"], "e": []}


def test_of_two_ends_of_consent_the_earlier_one_holds() -> None:
    """Whichever row has it: before the earlier end a message may go, and after it none."""
    ends = [AT - timedelta(days=1), AT + timedelta(days=1), AT + timedelta(days=2)]
    for one, other in permutations(ends, 2):
        rows = [contact("a", stage="interest", consent_email=True, consent_until_email=end) for end in (one, other)]
        assert bool(decided(rows)[0]["a"]) == (min(one, other) > AT), (one, other)


@pytest.mark.parametrize(
    "cell",
    [
        {"opted_out": "unsubscribed"},
        {"suppressed": "maybe"},
        {"consent_email": "nope"},
        {"consent_until_email": "soon"},
        {"topic_consent_market": "?"},
    ],
)
def test_what_a_second_row_may_forbid_holds(cell: dict[str, str]) -> None:
    """A cell that cannot be read may be a no, in a second row as in the first."""
    granted, _ = decided([contact("a", stage="interest", consent_email=True), contact("a", stage="interest", **cell)])
    assert "launch" not in granted["a"]
    if "topic_consent_market" not in cell:
        assert granted["a"] == []


def test_a_second_list_of_consents() -> None:
    """A later list withdraws what it leaves out, and agrees to nothing that the first row does not know."""
    rules = RULES | {
        "content": [{"id": "plain", "channel": "email"}, {"id": "buzz", "channel": "sms"}],
        "teams": [],
        "campaigns": [{"id": "news", "content": ["plain"]}, {"id": "ping", "content": ["buzz"]}],
    }
    rows = [
        contact("a", consent="email;sms"),
        contact("a", consent="sms"),
        contact("b"),
        contact("b", consent="sms"),
        contact("c", consent="email"),
        contact("c", consent="sms"),
    ]
    for setting, unknown in (("allow", ["ping"]), ("deny", [])):
        playbook = Playbook.from_dict(rules | {"on_missing": {"consent": setting}})
        assert decided(rows, playbook=playbook)[0] == {"a": ["ping"], "b": unknown, "c": []}


def test_doubles_in_other_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later row forbids from whichever chunk or batch, of tables in memory and of what can be read only once."""
    from journeykit.tables.arrow import arrow_table

    monkeypatch.setattr(arrow_table, "CHUNK", 7)
    rows = [contact(f"c{n:02}", stage="interest", opted_out=False) for n in range(40)]
    rows += [contact("c03", stage="interest", opted_out=True), contact("c38", stage="interest", opted_out=True)]
    granted, _ = decided(rows)
    assert [name for name, found in granted.items() if not found] == ["c03", "c38"]
    once = Job(Arbiter(PLAYBOOK), Inputs(contacts=iter(rows)), at=AT)
    assert [who.id for who, decision in once.decisions() if not decision.granted] == ["c03", "c38"]
    decided(pa.Table.from_pylist(rows).to_pandas().to_dict("records"))


# Touches that protect nobody


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_touches_none_of_which_can_be_used(engine: str) -> None:
    """Rows without one that can be used are refused before anything is decided or reserved."""
    rows, touches = [contact("a", stage="interest")], [touch("a", sent_at="soon"), touch("a", sent_at=None)]
    ledger = MemoryLedger()

    def run() -> None:
        if engine == "one":
            list(Job(Arbiter(PLAYBOOK), Inputs(contacts=rows, touches=touches), at=AT, ledger=ledger).decisions())
        else:
            list(TableJob(Arbiter(PLAYBOOK), rows, touches, at=AT, ledger=ledger).batches())

    with pytest.raises(DataError, match="none of these touches can be used") as caught:
        run()
    assert "touches, row 1, field 'sent_at': found 'soon'" in str(caught.value)
    assert not ledger.touches("a")


def test_bad_touches_are_the_first_line() -> None:
    """Some that cannot be used are the first thing that is said."""
    rows, touches = [contact("a", stage="Interest")], [touch("a", sent_at="soon"), touch("a", channel="email")]
    _, summary = decided(rows, touches)
    assert summary.bad_touches == 1
    assert str(summary).splitlines()[0] == "touches: 1 row could not be used, and no cap, conflict or repeat sees them"
    assert decided(rows, [])[1].bad_touches == 0


INSTANTS = [
    "2026-11-01 08:00:00.000 +00:00",
    "2026-11-01 08:00:00.000 UTC",
    "2026-11-01 08:00:00+0000",
    "2026-11-01T08:00:00 +0000",
    "2026-11-01 08:00:00Z",
    "2026-11-01 09:00:00 +01",
    "2026-11-01T08:00:00.000000000Z",
]


@pytest.mark.parametrize("form", ["mappings", "jsonl", "csv", "parquet", "pandas"])
def test_instants_as_warehouses_print_them(form: str, tmp_path: Path) -> None:
    """With a blank before the offset, UTC for it, no colon in it; in every format and by both engines."""
    people = [contact(str(n), stage="interest", consent_until_email=text) for n, text in enumerate(INSTANTS)]
    people += [contact(f"x{n}", stage="interest", consent_until_email=None) for n in range(len(INSTANTS))]
    sent = [touch(f"x{n}", sent_at=text, channel="email") for n, text in enumerate(INSTANTS)]
    job = TableJob(
        Arbiter(PLAYBOOK),
        _write(tmp_path / "people", people, form),
        _write(tmp_path / "sent", sent, form),
        at=AT,
        everything=True,
    )
    reasons = {}
    for row in job.table().to_pylist() if form != "pandas" else job.table().to_dict("records"):
        reasons.setdefault(str(row["contact_id"]), set()).add(str(row["reason"]))
    assert job.summary().bad_rows == 0
    assert all("no_consent" in reasons[str(n)] for n in range(len(INSTANTS)))
    assert all("capped" in reasons[f"x{n}"] for n in range(len(INSTANTS)))
    if form != "pandas":
        decided(_write(tmp_path / "people", people, form), _write(tmp_path / "sent", sent, form))


# Strict runs


BAD_WORDS = [
    ({"contacts": [contact("a", stage="Decison")]}, "stage 'Decison'"),
    ({"touches": [touch("a", channel="e-mail")]}, "channel 'e-mail'"),
    ({"touches": [touch("a", channel="email", status="delivered")]}, "status 'delivered'"),
    ({"touches": [touch("a", channel="email", state="sent")]}, "no column 'status'"),
    ({"contacts": [contact("a", topic_consent_markets=False)]}, "topic_consent_markets"),
    ({"claims": [{"contact_id": "a", "campaign_id": "lanch"}]}, "campaign_id 'lanch'"),
    ({"scores": [{"contact_id": "a", "campaign_id": "lanch", "value": 1}]}, "campaign_id 'lanch'"),
]
PLAIN = Playbook.from_dict(RULES | {"campaigns": RULES["campaigns"][:1]})


@pytest.mark.parametrize(("tables", "words"), BAD_WORDS, ids=[words for _, words in BAD_WORDS])
def test_strict_refuses(tables: dict[str, Any], words: str) -> None:
    """Unknown words and missing columns are refused before anything is decided or reserved, by both engines."""
    given = {"contacts": [contact("a", stage="interest")]} | tables
    ledger = MemoryLedger()
    with pytest.raises(DataError, match="does not match the playbook") as caught:
        Job(Arbiter(PLAIN), Inputs(**given), at=AT, strict=True, ledger=ledger)
    assert words in str(caught.value)
    with pytest.raises(DataError, match="does not match the playbook") as other:
        Arbiter(PLAIN).decide_table(**given, at=AT, strict=True, ledger=ledger)
    assert str(other.value) == str(caught.value)
    assert not ledger.touches("a")


def test_strict_lets_pass_what_does_no_harm() -> None:
    """Folded words, empty cells, consents of other channels, campaigns of the past; also from iterators."""
    rows = [contact("a", stage="Interest", consent_fax=True), contact("b", stage=None, consent_fax=None)]
    touches = [touch("a", channel="Email", campaign_id="summer-party")]
    job = Job(Arbiter(PLAIN), Inputs(contacts=iter(rows), touches=iter(touches)), at=AT, strict=True)
    assert [len(decision.granted) for _, decision in job.decisions()] == [0, 0]
    assert len(job.summary().mismatches) == 4
    table = Arbiter(PLAIN).decide_table(rows, touches, at=AT, strict=True)
    assert table.num_rows == 1


@pytest.mark.parametrize("engine", ["one", "columns"])
@pytest.mark.parametrize("command", ["decide", "plan"])
def test_strict_on_the_command_line(
    engine: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, what is wrong on standard error, and nothing written; without the option it is told."""
    playbook, out = tmp_path / "playbook.json", tmp_path / "out.csv"
    playbook.write_text(json.dumps(RULES | {"campaigns": RULES["campaigns"][:1]}), "utf-8")
    people = _write(tmp_path / "people", [contact("a", stage="Decison")], "csv")
    given = [command, str(playbook), "--contacts", people, "--at", AT.isoformat(), "--out", str(out)]
    given += ["--engine", engine, *(["--until", "2026-11-07T10:00:00Z"] if command == "plan" else [])]
    wanted = "contacts: stage 'Decison' (1 row) is not in the journey; did you mean 'decision'?"
    assert main([*given, "--strict"]) == 4
    assert f"journeykit: the data does not match the playbook:\n  {wanted}" in capsys.readouterr().err
    assert not out.exists()
    assert main(given) == 0
    assert capsys.readouterr().err.startswith(f"{wanted}\n")


# The check before a run


def _files(tmp_path: Path) -> tuple[str, dict[str, str]]:
    playbook = tmp_path / "playbook.json"
    journey = {**RULES["journey"], "transitions": [{"from": "interest", "to": "decision", "event": "demo_requested"}]}
    campaigns = [RULES["campaigns"][0] | {"audience": "stage == 'decisoin' or employes < 50 or role == 'user'"}]
    playbook.write_text(json.dumps(RULES | {"journey": journey, "campaigns": campaigns}), "utf-8")
    tables = {
        "contacts": [contact("a", stage="Decison", employees=7, role=None), contact("a", opted_out=True)],
        "touches": [touch("a", channel="e-mail"), touch("a", sent_at="soon", channel="email")],
        "claims": [{"contact_id": "a", "campaign_id": own} for own in ("lanch", "launch")],
        "scores": [{"contact_id": "a", "campaign_id": "LAUNCH", "propensity": 0.5}],
        "events": [{"contact_id": "a", "event": "demo-requested", "at": YESTERDAY}],
    }
    return str(playbook), {name: _write(tmp_path / name, rows, "jsonl") for name, rows in tables.items()}


NEAR = "touches: channel 'e-mail' (1 row) is not in the playbook's content; did you mean 'email'?"
CHECKED = [
    "contacts: there is no column 'employes', which the audience of 'launch' reads; did you mean 'employees'?",
    "claims: campaign_id 'lanch' (1 row) is not in the playbook's campaigns; did you mean 'launch'?",
    "contacts: stage 'Decison' (1 row) is not in the journey; did you mean 'decision'?",
    "events: event 'demo-requested' (1 row) is not in the journey; did you mean 'demo_requested'?",
    f"{NEAR} (rules that protect count it as 'email' too)",
    "scores: campaign_id 'LAUNCH' (1 row) is read as 'launch'",
]


def test_check_compares_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mismatch, note and bad row of all tables, with the exit code of warnings; as text and as JSON."""
    playbook, files = _files(tmp_path)
    given = ["check", playbook, *(part for name, path in files.items() for part in (f"--{name}", path))]
    assert main(given) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == (
        "warning: campaigns[0].audience: stage is compared with 'decisoin', and the journey has no such stage "
        "(did you mean 'decision'?)"
    )
    assert [line for line in told if line in [f"warning: {words}" for words in CHECKED]] == [
        f"warning: {words}" for words in CHECKED
    ]
    assert "tables: 6 mismatches with the playbook, 3 bad rows" in told
    assert any("1 contact has an opt-out" in line for line in told)
    assert main([*given, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [mismatch["text"] for mismatch in data["mismatches"]] == CHECKED
    assert data["bad_rows"]["count"] == 3
    assert main(["check", playbook, "--json"]) == 0
    assert "mismatches" not in json.loads(capsys.readouterr().out)


def test_check_of_useless_touches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run would refuse is refused here too, after all that there is to say."""
    playbook, _ = _files(tmp_path)
    path = _write(tmp_path / "useless", [touch("a", sent_at="soon", channel="Email")], "jsonl")
    assert main(["check", playbook, "--touches", path]) == 4
    said_ = capsys.readouterr()
    assert "warning: touches: channel 'Email' (1 row) is read as 'email'" in said_.out
    assert "none of these touches can be used" in said_.err
    assert main(["check", playbook, "--touches", path, "--zone", "Mars/Base"]) == 2


@pytest.mark.parametrize(
    ("rule", "warned"),
    [
        ("stage == 'decisoin'", "decision"),
        ("stage in ('decision', 'Interest')", "interest"),
        ("'decisoin' != stage", "decision"),
        ("stage == 'elsewhere'", None),
        ("role == 'decison_maker'", "decision_maker"),
        ("role == 'champion'", ""),
        ("stage == 'decision' and role in ('decision_maker', 'champion')", ""),
        ("'vpi' in segments", "vip"),
        ("city == 'decisoin'", ""),
    ],
)
def test_words_of_rules_are_checked(rule: str, warned: str | None) -> None:
    """A stage, role or segment that the playbook does not know is a warning, with the nearest word."""
    content = [{"id": "note", "channel": "email", "roles": {"decision_maker": 1}}]
    parts = {"content": content, "campaigns": [{"id": "launch", "content": ["note"], "audience": rule}]}
    parts["segments"] = [{"name": "vip", "rule": "employees > 500"}]
    found = [own for own in Playbook.from_dict(RULES | parts | {"teams": []}).check() if own.path.endswith("audience")]
    assert [own.suggestion for own in found] == ([] if warned == "" else [warned])


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("opted out", "opted_out"),
        ("Opt_out", "opted_out"),
        ("supressed", "suppressed"),
        ("consents", "consent"),
        ("consent-email", "consent_email"),
        ("topic consent market", "topic_consent_market"),
    ],
)
def test_columns_that_probably_forbid_are_told_and_refused(column, meant):
    """A column of opt-outs or consents under a name that forbids nothing; an attribute that a rule reads is none."""
    content = [{"id": "letter", "channel": "email", "topics": ["market"]}]
    book = Playbook.from_dict({"content": content, "campaigns": [{"id": "launch", "content": ["letter"]}]})
    rows = [{"contact_id": "a", column: "false"}]
    (found,) = survey(book, {"contacts": rows})
    assert (found.column, found.expected, found.refuses) == (column, meant, True)
    for strict in (Job, TableJob):
        tables = Inputs(contacts=rows) if strict is Job else rows
        with pytest.raises(DataError, match=f"did you mean '{meant}'"):
            strict(Arbiter(book), tables, at=AT, strict=True)
    # The right column is there, or a rule reads the attribute.
    assert not survey(book, {"contacts": [{**rows[0], meant: None}]})
    if column.isidentifier():
        read = [{"id": "launch", "content": ["letter"], "audience": f"{column} == 'x'"}]
        assert not survey(Playbook.from_dict({"content": content, "campaigns": read}), {"contacts": rows})
