"""The messaging matrix: which content speaks to whom through which channel, who hears nobody, and what clashes."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import tabled
from attrs import evolve
from generate import situation

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Conflict,
    Contact,
    Content,
    DataError,
    Holdout,
    Journey,
    ModelError,
    Playbook,
    Scope,
    Segment,
    Stage,
    Team,
    Window,
)
from journeykit.cli import main
from journeykit.model.outcome import Reason
from journeykit.model.window import Lag
from journeykit.reporting import messaging_matrix, report
from journeykit.tables import ContactTable, Spellings
from journeykit.tables.arrow.decision_schema import decision_schema

if TYPE_CHECKING:
    from journeykit.reporting import MatrixCell, MessagingMatrix

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
STAGES = [
    Stage(name="awareness"),
    Stage(name="decision", owner="sales"),
    Stage(name="retention"),
    Stage(name="lost", lost=True),
]
CONTENT = [
    Content(
        id="outlook",
        channel="email",
        theme="leadership",
        stages={"awareness": 1, "decision": 0.4},
        roles={"boss": 1, "user": 0.5},
    ),
    Content(id="call", channel="phone", theme="leadership", stages=["awareness", "retention"], topics=["a", "b"]),
    Content(id="check-in", channel="email", theme="care", stages=["awareness", "retention"]),
    Content(id="news", channel="email"),
]
CAMPAIGNS = [
    Campaign(id="nurture", team="marketing", content=["outlook", "call"]),
    Campaign(id="hello", team="marketing", content=["check-in"], audience="city == 'Skopje'"),
    Campaign(id="over", team="everyone", content=["news"], ends=datetime(2026, 11, 1, tzinfo=UTC).date()),
]
TEAMS = [Team(name="marketing"), Team(name="everyone", speaks="everywhere")]
CARE = Conflict(
    name="no pitch on care", first=Scope.of(theme="care"), then=Scope.of(campaign="nurture"), lag=Lag.parse("2d")
)


def playbook(**more: Any) -> Playbook:
    """Three campaigns over a journey, of which one is over."""
    sections = {"journey": Journey(stages=STAGES), "teams": TEAMS, "content": CONTENT, "campaigns": CAMPAIGNS}
    return Playbook(**sections | {"conflicts": [CARE]} | more)


def people(**more: Any) -> list[dict[str, Any]]:
    """Four contacts on three stages."""
    shared = {"city": "Skopje", "consent": ["email", "phone"]} | more
    return [
        {"contact_id": "anna", "stage": "awareness", "role": "boss", **shared},
        {"contact_id": "ben", "stage": "awareness", "role": "user", **shared, "city": "Ohrid"},
        {"contact_id": "cleo", "stage": "decision", "role": "boss", **shared},
        {"contact_id": "dora", "stage": "retention", "role": None, **shared, "consent": []},
    ]


def ids(cell: MatrixCell) -> list[str]:
    """The contents that speak in a cell."""
    return [own.content for own in cell.messages]


# The playbook alone


def test_a_cell_has_the_content_that_fits_the_stage():
    """By channel and theme, with the least and the greatest degree of fit that a role gives."""
    matrix = messaging_matrix(playbook())
    cell = matrix.cell("email", "leadership", stage="awareness")
    assert ids(cell) == ["outlook"]
    assert (cell.messages[0].fit_low, cell.messages[0].fit_high) == (0.5, 1.0)
    assert ids(matrix.cell("email", stage="retention")) == ["news"]
    assert matrix.columns == (("email", "leadership"), ("email", "care"), ("email", None), ("phone", "leadership"))


def test_a_stage_of_another_department_is_spoken_to_by_those_who_may():
    """A team that speaks everywhere does; what it would say is not live."""
    matrix = messaging_matrix(playbook(), at=AT)
    silent = {own.label: own.silence for own in matrix.groups}
    assert silent == {
        "awareness": None,
        "decision": "no_campaign",
        "retention": None,
        "lost": "no_campaign",
    }
    assert [own.silence for own in messaging_matrix(playbook(campaigns=CAMPAIGNS[:1])).groups] == [
        None,
        "foreign_owner",
        None,
        "no_content",
    ]


def test_a_role_has_rows_of_its_own():
    """Stage fit times role fit is one number there."""
    matrix = messaging_matrix(playbook(), audience="stage*role")
    message = matrix.cell("email", "leadership", stage="awareness", role="user").messages[0]
    assert (message.fit_low, message.fit_high) == (0.5, 0.5)
    assert len(matrix.groups) == 8


def test_an_audience_that_cannot_be_true_of_a_row_is_silent_there():
    """What is known of a row is its name, and the rule of its segment."""
    segments = [Segment(name="small", rule="size < 20"), Segment(name="big", rule="size >= 500")]
    big = Campaign(id="hello", content=["check-in"], audience="size >= 700")
    late = Campaign(id="late", content=["news"], audience="stage == 'retention'")
    rules = playbook(segments=segments, campaigns=[big, late], conflicts=[])
    matrix = messaging_matrix(rules, audience="segment")
    assert [ids(matrix.cell("email", "care", segment=own.name)) for own in segments] == [[], ["check-in"]]
    assert ids(messaging_matrix(rules).cell("email", stage="awareness")) == []


def test_a_theme_is_broken_off_where_the_journey_goes_on():
    """Gaps between, the end before the end, and a channel that falls silent; lost stages are none of the journey."""
    threads = {own.theme: own for own in messaging_matrix(playbook()).threads}
    leadership, care = threads["leadership"], threads["care"]
    assert leadership.stages == {"awareness": ("email", "phone"), "decision": (), "retention": ("phone",)}
    assert (leadership.gaps, leadership.ends_after) == (("decision",), None)
    assert leadership.channel_gaps == {"email": ("retention",)}
    assert care.gaps == ("decision",)
    ends = messaging_matrix(playbook(content=[*CONTENT[:1], *CONTENT[3:]], campaigns=[CAMPAIGNS[2]], conflicts=[]))
    assert ends.threads == ()


def test_content_that_no_campaign_sends_is_told():
    """And a playbook without campaigns has an empty matrix, not an error."""
    matrix = messaging_matrix(playbook(campaigns=CAMPAIGNS[:1], conflicts=[]))
    assert matrix.notes == ("content that no campaign sends: 'check-in', 'news'",)
    empty = messaging_matrix(Playbook(content=CONTENT))
    assert empty.cells == ()
    assert "names no campaigns" in str(empty)


def test_a_message_with_several_topics_is_in_several_columns():
    """Those without any are in a column of their own, the last one."""
    matrix = messaging_matrix(playbook(), by="topic")
    assert matrix.columns == (("email", None), ("phone", "a"), ("phone", "b"))
    assert ids(matrix.cell("phone", "a", stage="awareness")) == ["call"]


# With contacts


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_contacts_are_counted_where_they_stand(engine):
    """How many a message can address, with what fit, and why nobody can address the others."""
    matrix = messaging_matrix(playbook(), people(), at=AT, engine=engine)
    groups = {own.label: own for own in matrix.groups}
    assert {label: own.contacts for label, own in groups.items()} == {
        "awareness": 2,
        "decision": 1,
        "retention": 1,
        "lost": 0,
    }
    assert groups["awareness"].reach == {"email": 2, "phone": 2}
    assert groups["decision"].unheard == {"no_campaign": 1}
    assert groups["retention"].unheard == {"no_consent": 1}
    cell = matrix.cell("email", "leadership", stage="awareness")
    assert (cell.eligible, cell.messages[0].fit_mean, cell.messages[0].eligible) == (2, 0.75, 2)
    assert matrix.cell("email", "care", stage="awareness").eligible == 1
    assert matrix.everybody.unheard == {"no_campaign": 1, "no_consent": 1}
    assert [(own.conflict, own.first, own.then, own.met) for own in matrix.pairs] == [
        ("no pitch on care", "hello", "nurture", 1)
    ]
    crowded = matrix.crowded[0]
    assert (crowded.group.label, crowded.channel, crowded.messages, crowded.contacts, crowded.wanted) == (
        "awareness",
        "email",
        2,
        2,
        1.5,
    )


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_contact_in_several_segments_is_in_several_rows(engine):
    """And in all together once."""
    segments = [Segment(name="all", rule="True"), Segment(name="skopje", rule="city == 'Skopje'")]
    rows = [*people(), {"contact_id": "emil", "segments": ["brought"], "consent": ["email"]}]
    matrix = messaging_matrix(playbook(segments=segments), rows, at=AT, audience="segment", engine=engine)
    assert {own.label: own.contacts for own in matrix.groups} == {"all": 5, "skopje": 3, "brought": 1}
    assert matrix.everybody.contacts == 5
    assert matrix.cell("email", "leadership", segment="skopje").eligible == 1


def test_words_that_the_playbook_does_not_know_are_one_row():
    """Stages that nothing names, and none."""
    rows = [{"contact_id": name, "stage": name} for name in ("x", "y")] + [{"contact_id": "z"}]
    groups = {own.label: own.contacts for own in messaging_matrix(playbook(), rows, at=AT).groups}
    assert groups | {"other stages": 2, "no stage": 1} == groups


def test_objects_are_counted_like_rows():
    """Contact objects, in any iterable."""
    rows = people()
    objects = [
        Contact(
            id=own["contact_id"],
            stage=own["stage"],
            role=own["role"],
            consent=own["consent"],
            attributes={"city": own["city"]},
        )
        for own in rows
    ]
    assert messaging_matrix(playbook(), iter(objects), at=AT) == messaging_matrix(playbook(), rows, at=AT)


def test_what_cannot_be_is_refused():
    """Contacts without an instant, an audience and a facet that there is not, things that are no contacts."""
    with pytest.raises(ModelError, match="give at"):
        messaging_matrix(playbook(), people())
    with pytest.raises(ModelError, match="did you mean 'stage'"):
        messaging_matrix(playbook(), audience="stages")
    with pytest.raises(ModelError, match="by is one of theme"):
        messaging_matrix(playbook(), by="channel")
    with pytest.raises(ModelError, match="must be Contact objects"):
        messaging_matrix(playbook(), [Contact(id="anna"), "ben"], at=AT)


# With decisions


def decided(rules: Playbook, rows: list[dict[str, Any]], at: datetime, **more: Any) -> list[dict[str, Any]]:
    """All decisions on some contacts, as rows."""
    return Arbiter(rules).decide_table(rows, at=at, outcomes="all", **more).to_pylist()


def test_decisions_say_what_was_granted_and_what_lost():
    """By cell, by row and channel, and by pair that a conflict keeps apart."""
    rules = playbook(conflicts=[evolve(CARE, first=Scope.of(campaign="nurture"), then=Scope.of(theme="care"))])
    rows = people()
    matrix = messaging_matrix(rules, rows, decided(rules, rows, AT))
    assert matrix.at == AT
    message = matrix.cell("email", "leadership", stage="awareness").messages[0]
    care = matrix.cell("email", "care", stage="awareness").messages[0]
    assert (message.eligible, message.granted + message.lost) == (2, 2)
    assert (care.granted, care.lost) == (1, 0)
    assert [(own.met, own.stopped, own.both) for own in matrix.pairs] == [(1, 2, 0)]
    apart = messaging_matrix(playbook(conflicts=[]), rows, decided(playbook(conflicts=[]), rows, AT))
    assert apart.cell("email", "care", stage="awareness").messages[0].granted == 1


def test_decisions_are_refused_where_they_mean_nothing():
    """Those of another playbook, without contacts, with objects, and tables that miss columns."""
    rows, free = people(), playbook(conflicts=[])
    other = decided(free, rows, AT)
    with pytest.raises(DataError, match="decided by the playbook"):
        messaging_matrix(playbook(), rows, other)
    with pytest.raises(ModelError, match="give contacts too"):
        messaging_matrix(playbook(), None, other)
    with pytest.raises(ModelError, match="not with Contact objects"):
        messaging_matrix(free, [Contact(id="anna")], other, at=AT)
    with pytest.raises(DataError, match="missing"):
        messaging_matrix(free, rows, [{"contact_id": "anna"}], at=AT)
    strange = messaging_matrix(free, rows[1:], other, at=AT)
    assert any(note.startswith("decisions of contacts that the table does not have") for note in strange.notes)


def test_a_table_of_decisions_without_rows_grants_nothing():
    """It says no instant, so that is asked for."""
    nothing = decision_schema(pa.string()).empty_table()
    matrix = messaging_matrix(playbook(), people(), nothing, at=AT)
    assert matrix.cell("email", "care", stage="awareness").messages[0].granted == 0
    with pytest.raises(ModelError, match="give at"):
        messaging_matrix(playbook(), people(), nothing)


@pytest.mark.parametrize("seed", range(6))
def test_grants_are_those_of_the_rows(seed):
    """Counted row by row; in a plan one contact can get both of a pair."""
    rules, at = evolve(random_playbook(seed), policy="weighted"), situation(seed).at
    rows = tabled.contacts(Random(seed), at, 40)
    decisions = decided(rules, rows, at, until=at + timedelta(days=5) if seed % 2 else None)
    matrix = messaging_matrix(rules, rows, decisions, at=at, audience="stage*role", by="campaign")
    counts = {"granted": Counter(), "lost": Counter()}
    got: dict[str, set[str]] = {}
    for row in decisions:
        key = (row["campaign_id"], row["content_id"])
        if row["outcome"] == "granted":
            counts["granted"][key] += 1
            got.setdefault(row["contact_id"], set()).add(row["campaign_id"])
        elif row["reason"] in ("capped", "conflict", "quota_full", "outbid"):
            counts["lost"][key] += 1
    for name, counted in counts.items():
        found: Counter[tuple[str, str]] = Counter()
        for own in (own for cell in matrix.cells for own in cell.messages):
            found[own.campaign, own.content] += getattr(own, name)
        assert +found == counted
    for pair in matrix.pairs:
        assert pair.both <= sum({pair.first, pair.then} <= own for own in got.values())
        assert pair.stopped == sum(
            pair.conflict in row["binding"]
            and row["campaign_id"] in (pair.first, pair.then)
            and {row["campaign_id"], *row["lost_to"]} >= {pair.first, pair.then}
            for row in decisions
        )


def test_free_slots_are_counted_where_several_ask():
    """Those that the history leaves, and the decisions; of two days here."""
    cap = Cap(name="one a day", max=1, window=Window.calendar("day"))
    rules, rows = playbook(caps=[cap]), people()
    touches = [{"contact_id": "anna", "sent_at": AT, "channel": "email"}]
    how = {"at": AT, "until": AT + timedelta(days=1)}
    crowded = messaging_matrix(rules, rows, touches=touches, **how).crowded[0]
    assert (crowded.group.label, crowded.channel, crowded.slots) == ("awareness", "email", 3)
    decisions = decided(rules, rows, **how)
    after = messaging_matrix(rules, rows, decisions, **how)
    assert after.crowded[0].slots == 4 - sum(
        row["outcome"] == "granted" and row["contact_id"] in ("anna", "ben") for row in decisions
    )
    assert "free slots" in str(after)
    assert after.to_dict()["crowded"][0]["slots"] == after.crowded[0].slots
    with pytest.raises(ModelError, match="give until too"):
        messaging_matrix(rules, rows, touches=touches, at=AT)
    with pytest.raises(ModelError, match="give contacts too"):
        messaging_matrix(rules, **how)


def test_the_report_shows_the_matrix_with_what_was_decided():
    """Holes, why nobody is heard, where several ask, and what a conflict stopped, each with its finding."""
    rules, rows = playbook(), people()
    decisions = Arbiter(rules).decide_table(rows, at=AT, outcomes="all")
    part = report(rules, decisions, contacts=rows).part("matrix")
    titles = [own.title for own in part.charts]
    assert titles[0].startswith("Nobody can address 2 of 4 contacts (50 %); in ")
    assert titles[1].startswith("Why nobody can address 2 contacts: ")
    assert titles[2] == "1.5 messages ask for each contact of awareness by email, more than anywhere else"
    assert titles[3] == "hello and nurture meet in 1 contact; a conflict keeps them apart and stopped 2 of their claims"
    assert part.charts[2].table.rows[0][-2:] == (1, 2)
    assert "outlook 0.5 to 1: 2, 0 granted" in part.html


def test_the_report_says_to_which_stages_nobody_writes():
    """Of those that have contacts."""
    rules, rows = playbook(campaigns=CAMPAIGNS[1:2], conflicts=[]), people()
    decisions = Arbiter(rules).decide_table(rows, at=AT, outcomes="all")
    titles = [own.title for own in report(rules, decisions, contacts=rows).part("journey").charts]
    assert titles[1] == "Contacts in awareness get most messages, 0.5 each; no message goes to decision, retention"


# Both engines, and a plain oracle

_RULES = ("weekly > 1", "vip", "'s0' in segments", "weekly is None", "stage == 'early'")


def random_playbook(seed: int) -> Playbook:
    """A random playbook with segments, audiences, splits and holdouts."""
    rng = Random(f"matrix {seed}")
    found = situation(seed).playbook
    segments = [Segment(name=f"s{number}", rule=rng.choice(_RULES[:2])) for number in range(2)]
    campaigns = []
    for own in found.campaigns or ():
        changed = evolve(own, audience=rng.choice((None, None, *_RULES)), scored=False, min_uplift=None)
        if rng.random() < 0.2:
            changed = evolve(changed, holdout=Holdout(share=0.4, seed=own.id))
        if rng.random() < 0.3 and len(own.content) > 1 and own.series is None:
            changed = evolve(changed, split=list(own.content))
        campaigns.append(changed)
    return evolve(found, segments=segments, campaigns=campaigns)


@pytest.mark.parametrize("seed", range(12))
def test_both_engines_count_the_same(seed):
    """Whatever the playbook, and whatever is wrong with rows."""
    rules = random_playbook(seed)
    rng = Random(seed)
    at = situation(seed).at
    rows = tabled.contacts(rng, at, 60, faults=True)
    for audience in ("stage*role", "segment"):
        how = {"at": at, "audience": audience, "by": rng.choice(("theme", "topic", "campaign"))}
        one = messaging_matrix(rules, rows, engine="one", **how)
        assert messaging_matrix(rules, rows, engine="columns", **how) == one


_PASSED = {Reason.GRANTED, *list(Reason)[list(Reason).index(Reason.QUIET_HOURS) :]}


@pytest.mark.parametrize("seed", range(8))
def test_the_arbiter_finds_the_same_messages_eligible(seed):
    """A message can address a contact where the arbiter's row fails nothing but hours and other messages."""
    rules, at = evolve(random_playbook(seed), requirements=()), situation(seed).at
    rows = tabled.contacts(Random(seed), at, 25)
    matrix = messaging_matrix(rules, rows, at=at, audience="stage*role", by="campaign")
    found: Counter[tuple[str | None, ...]] = Counter()
    heard = 0
    contents, campaigns = rules.content or (), rules.campaigns or ()
    roles = {role for own in contents for role in own.roles or ()}
    stages = {stage for own in contents for stage in own.stages or ()} | {
        name for own in campaigns for name in own.stages
    }
    stages |= {own.name for own in rules.journey.stages} if rules.journey else set()
    arbiter = Arbiter(evolve(rules, caps=(), conflicts=(), policy="weighted"))
    for _, contact in ContactTable(rows, spellings=Spellings.of(rules), zone=None):
        eligible = {
            (row.campaign, row.content)
            for row in arbiter.decide(contact, at=at, explain=True).rows
            if set(row.failed or (row.reason,)) <= _PASSED
        }
        heard += bool(eligible)
        stage = contact.stage if contact.stage is None or contact.stage in stages else ""
        role = contact.role if contact.role is None or contact.role in roles else ""
        found.update((stage, role, *own) for own in eligible)
    counted = {
        (cell.group.stage, cell.group.role, own.campaign, own.content): own.eligible
        for cell in matrix.cells
        for own in cell.messages
        if own.eligible
    }
    assert counted == dict(found)
    assert matrix.everybody.addressed == heard


# As text, as a page, as a table


def hostile() -> MessagingMatrix:
    """A matrix of names that break pages and lines."""
    script, turned, long = "<script>alert(1)</script>", "\u202eevil\n", "x" * 10_000
    content = [
        Content(id=name, channel=script, theme=name, stages={long: 0.5, script: 1}) for name in (script, turned, long)
    ]
    campaigns = [Campaign(id=f"{own.id}!", content=[own.id]) for own in content]
    rows = [{"contact_id": "1", "stage": long, "consent": [script]}]
    return messaging_matrix(Playbook(content=content, campaigns=campaigns), rows, at=AT)


def test_names_cannot_break_text_or_page():
    """Lines stay short and single, and no name is markup."""
    text, page = str(hostile()), hostile()._repr_html_()
    assert max(map(len, text.splitlines())) <= 120
    assert "\u202e" not in text + page
    assert "<script>" not in page
    assert len(page) < 20_000
    json.dumps(hostile().to_dict())


def test_text_of_many_columns_goes_on_below_and_is_cut_with_a_count():
    """100 campaigns by campaign: no line is wider than 120, and what is left out is counted."""
    content = [Content(id=f"content number {number}", channel="email") for number in range(100)]
    campaigns = [Campaign(id=f"campaign number {number}", content=[own.id]) for number, own in enumerate(content)]
    journey = Journey(stages=[Stage(name=f"stage {number}") for number in range(70)])
    text = str(messaging_matrix(Playbook(journey=journey, content=content, campaigns=campaigns), by="campaign"))
    assert max(map(len, text.splitlines())) <= 120
    assert "and 76 more columns" in text
    assert "and 10 more rows" in text


def test_the_command_prints_text_json_and_html_and_writes_a_table(tmp_path, capsys):
    """The table has a row for each message of each cell, and one for each cell in which nobody speaks."""
    path, contacts, out = tmp_path / "playbook.json", tmp_path / "contacts.jsonl", tmp_path / "matrix.csv"
    path.write_text(json.dumps(playbook().to_dict(), default=str))
    contacts.write_text("".join(f"{json.dumps(own)}\n" for own in people()))
    given = ["matrix", str(path), "--contacts", str(contacts), "--at", "2026-11-05T10:00Z"]
    assert main([*given, "--out", str(out)]) == 0
    assert "no consent for such a channel or topic: 1" in capsys.readouterr().out
    assert main([*given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert next(iter(told.items())) == ("schema", "journeykit.matrix/1")
    assert told["contacts"]["contacts"] == 4
    assert main([*given, "--html", "--audience", "segment"]) == 0
    assert capsys.readouterr().out.startswith("<div")
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(max(1, len(cell.messages)) for cell in messaging_matrix(playbook(), people(), at=AT).cells)
    assert rows[0]["content_id"] == "outlook"


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    """Contacts without an instant, and words that there are not: exit 2."""
    path = tmp_path / "playbook.json"
    path.write_text(json.dumps(playbook().to_dict(), default=str))
    assert main(["matrix", str(path), "--contacts", "x.csv"]) == 2
    assert "--contacts needs --at" in capsys.readouterr().err
    assert main(["matrix", str(path), "--audience", "stages"]) == 2
    assert "audience is one of" in capsys.readouterr().err
    assert main(["matrix", str(path), "--out", "x.txt"]) == 2
