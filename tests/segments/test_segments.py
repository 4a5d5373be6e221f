"""Segments: named rules of the playbook, seen by audiences, caps and policies alike, in both engines."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tabled
from attrs import evolve
from generate import SEGMENT_RULES, named_segments, situation
from test_one_equals_columns import assert_equal

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Contact,
    Content,
    DataError,
    Journey,
    ModelError,
    Playbook,
    PlaybookError,
    Rule,
    Segment,
    Stage,
    Transition,
    Window,
)
from journeykit.cli import main
from journeykit.ledger import MemoryLedger
from journeykit.rule.reasoning import can_be_true
from journeykit.segments.count import segment_report
from journeykit.tables import ContactTable, Spellings
from journeykit.tables.arrow import arrow_table

if TYPE_CHECKING:
    from journeykit.model.segment_report import SegmentReport

AT = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
BIG = Segment(name="enterprise", rule="employees >= 500")
MAIL = Content(id="note", channel="email")


def playbook(**more) -> Playbook:
    """One campaign for enterprises."""
    campaign = Campaign(id="launch", content=["note"], audience="'enterprise' in segments")
    return Playbook(**{"segments": [BIG], "content": [MAIL], "campaigns": [campaign]} | more)


def contact(name: str = "anna", employees: float | None = 700, **more) -> Contact:
    """Somebody of a company of some size."""
    return Contact(id=name, consent=["email"], attributes={"employees": employees}, **more)


def granted(rules: Playbook, who: Contact, **more) -> list[str]:
    """The campaigns that a contact gets."""
    return [grant.campaign for grant in Arbiter(rules).decide(who, at=AT, **more).granted]


# What a segment is


def test_an_audience_asks_for_a_segment_of_the_playbook():
    """A contact of whom the rule is true is in the segment; who is unknown is not."""
    assert granted(playbook(), contact()) == ["launch"]
    assert granted(playbook(), contact(employees=20)) == []
    assert granted(playbook(), contact(employees=None)) == []


def test_a_contact_brings_segments_too():
    """Their own come first, then the playbook's in their order, and none twice."""
    rules = playbook(segments=[BIG, Segment(name="all", rule="True"), Segment(name="vip", rule="True")])
    assert rules.segments_of(contact(segments=["vip", "old"]), AT) == ("vip", "old", "enterprise", "all")
    assert rules.segments_of(contact(employees=3, segments=["enterprise"]), AT) == ("enterprise", "all", "vip")
    assert rules.segmented(contact(), AT) == contact(segments=["enterprise", "all", "vip"])


def test_a_rule_may_ask_for_other_segments():
    """Whatever their order; what is asked of segments otherwise is asked of those that the contact brings."""
    rules = playbook(
        segments=[
            Segment(name="both", rule="'enterprise' in segments"),
            BIG,
            Segment(name="any", rule="length(segments) > 0"),
            Segment(name="neither", rule="'both' not in segments and 'any' not in segments"),
        ]
    )
    assert rules.segments_of(contact(), AT) == ("both", "enterprise")
    assert rules.segments_of(contact(employees=3), AT) == ("neither",)
    assert rules.segments_of(contact(employees=3, segments=["enterprise"]), AT) == ("enterprise", "both", "any")


def test_what_is_unknown_of_a_segment_is_unknown_of_those_built_on_it():
    """Neither it nor its opposite is true; a segment that the contact brings is known."""
    rules = playbook(segments=[BIG, Segment(name="not big", rule="'enterprise' not in segments")])
    nobody = Contact(id="cleo")
    assert rules.segments_of(nobody, AT) == ()
    assert rules.segmented(nobody, AT).segments.unknown == {"enterprise", "not big"}
    assert rules.segments_of(Contact(id="cleo", segments=["enterprise"]), AT) == ("enterprise",)


def test_segments_are_not_built_in_a_circle(tmp_path):
    """Each circle is an error, once, with the line of the first segment of it."""
    path = tmp_path / "playbook.yaml"
    path.write_text(
        "segments:\n"
        "  - {name: a, rule: \"'b' in segments\"}\n"
        "  - {name: b, rule: \"'c' in segments and vip\"}\n"
        "  - {name: c, rule: \"'a' in segments or 'c' in segments\"}\n"
        "  - {name: d, rule: \"'a' in segments\"}\n"
        "  - {name: e, rule: \"'e' in segments\"}\n"
    )
    with pytest.raises(PlaybookError) as caught:
        Playbook.load(path)
    assert [(own.path, own.line) for own in caught.value.problems] == [("segments[0].rule", 2), ("segments[4].rule", 6)]
    assert "'a' asks for 'b' asks for 'c' asks for 'a'" in caught.value.problems[0].message


def test_a_playbook_with_such_segments_goes_to_data_and_back():
    """It stays equal, pickled or changed, and its segments know each other."""
    rules = playbook(segments=[Segment(name="both", rule="'enterprise' in segments"), BIG])
    for own in (Playbook.from_dict(rules.to_dict()), pickle.loads(pickle.dumps(rules)), evolve(rules, name="other")):
        assert own.segments == rules.segments
        assert own.segments_of(contact(), AT) == ("both", "enterprise")
    assert Playbook.from_dict(rules.to_dict()) == rules


def test_a_rule_is_asked_at_the_contacts_own_date():
    """Half past eleven in the evening is tomorrow in Skopje."""
    rules = playbook(segments=[Segment(name="today", rule="days_since('2026-11-05') < 1")])
    assert rules.segments_of(contact(), AT) == ("today",)
    assert rules.segments_of(contact(timezone="Europe/Skopje"), AT) == ()
    assert evolve(rules, timezone="Europe/Skopje").segments_of(contact(), AT) == ()


def test_caps_and_policies_see_segments_too():
    """A cap that protects a segment binds its contacts alone; a policy reads them off the contact."""
    cap = Cap(name="none", max=0, window=Window.ever(), audience="'enterprise' in segments")
    claims = [Claim(campaign="news", channel="email", weight=1)]
    rules = playbook(caps=[cap], campaigns=None)
    assert granted(rules, contact(), claims=claims) == []
    assert granted(rules, contact(employees=3), claims=claims) == ["news"]

    class Counting:
        def weigh(self, claim, who, context):
            return len(who.segments)

    open_to_all = playbook(campaigns=[Campaign(id="launch", content=["note"])], policy="counting")
    decision = Arbiter(open_to_all, {"counting": Counting()}).decide(contact(segments=["vip"]), at=AT)
    assert [grant.weight for grant in decision.granted] == [2.0]


def test_the_contact_that_was_given_stays_as_it_was():
    """A decision changes no contact."""
    anna = contact()
    assert granted(playbook(), anna) == ["launch"]
    assert anna.segments == ()


# Everywhere else


def test_it_holds_for_accounts_ledgers_plans_explanations_and_audits():
    """Every way to a decision sees the same segments."""
    rules, anna, ben = playbook(), contact("anna", account="acme"), contact("ben", 3, account="acme")
    arbiter = Arbiter(rules)
    assert [len(decision.granted) for decision in arbiter.decide_account([anna, ben], at=AT)] == [1, 0]
    per_account = Cap(name="one", max=1, per="account", window=Window.ever(), audience="'enterprise' in segments")
    assert granted(playbook(caps=[per_account]), anna) == ["launch"]
    assert len(arbiter.decide(anna, at=AT, ledger=MemoryLedger()).granted) == 1
    assert len(arbiter.decide(anna, at=AT, until=AT + timedelta(days=2)).granted) == 1
    decision = arbiter.decide(anna, at=AT)
    assert arbiter.audit(decision, anna) == ()
    assert [violation.rule for violation in arbiter.audit(decision, evolve(ben, id="anna"))] == ["not_in_audience"]
    denied = arbiter.decide(ben, at=AT)
    assert [(str(row.reason), row.rule) for row in denied.rows] == [("not_in_audience", "'enterprise' in segments")]
    assert "'enterprise' in segments" in str(denied.explain())


@pytest.mark.parametrize("policy", [None, "counting"])
def test_both_engines_see_the_same(policy):
    """Segments by the dozens, of the contact's own and of the playbook, over columns with gaps."""

    class Counting:
        def weigh(self, claim, who, context):
            return 1 + len(who.segments) + ("s1" in who.segments) / 4

    for seed in range(8):
        rng = Random(seed)
        segments = named_segments(rng.choice(SEGMENT_RULES) for _ in range(rng.choice((1, 3, 40))))
        audiences = ("'s0' in segments", f"length(segments) >= {len(segments) // 3}", "'s1' not in segments")
        rules = Playbook(
            timezone=rng.choice(("UTC", "Asia/Kolkata")),
            segments=segments,
            content=[evolve(MAIL, id=f"c{n}") for n in range(3)],
            campaigns=[Campaign(id=f"k{n}", content=[f"c{n}"], audience=own) for n, own in enumerate(audiences)],
            policy=policy or "weighted",
        )
        rows = tabled.contacts(rng, AT, 40)
        assert_equal(rules, rows, None, at=AT, policies={"counting": Counting()} if policy else None)


def test_columns_are_found_in_whatever_case():
    """A column that only a segment's rule reads is found as the rule writes it."""
    rows = [{"CONTACT_ID": "anna", "EMPLOYEES": 700, "CONSENT": "email"}]
    assert_equal(playbook(), rows, None, at=AT)
    assert len(Arbiter(playbook()).decide_table(rows, at=AT)) == 1


# Playbooks


def test_a_file_holds_segments():
    """They are read, written, and change the fingerprint."""
    data = {"segments": [{"name": "enterprise", "rule": "employees >= 500"}]}
    rules = Playbook.from_dict(data)
    assert rules.segments == (BIG,)
    assert rules.to_dict()["segments"] == [{**data["segments"][0], "description": None}]
    assert Playbook.from_dict(rules.to_dict()) == rules
    assert rules.fingerprint != Playbook().fingerprint
    assert "segments" not in Playbook().to_dict()


@pytest.mark.parametrize(
    ("segments", "path", "message"),
    [
        ([{"name": "a", "rule": "x"}, {"name": "a", "rule": "y"}], "segments[1].name", "already taken"),
        ([{"name": "", "rule": "x"}], "segments[0].name", "not empty"),
        ([{"name": "a"}], "segments[0].rule", ""),
        ([{"name": "a", "rule": "x =>"}], "segments[0].rule", "cannot be read"),
        ([{"name": "a", "rule": "x", "rules": "y"}], "segments[0].rules", "unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(segments, path, message):
    """As for every other section."""
    with pytest.raises(PlaybookError) as caught:
        Playbook.from_dict({"segments": segments})
    assert [problem.path for problem in caught.value.problems] == [path]
    assert message in caught.value.problems[0].message


def test_a_segment_is_made_of_a_name_and_a_rule():
    """Anything else is refused, with the field."""
    for wrong, name in (({"name": 3}, "name"), ({"rule": 3}, "rule")):
        with pytest.raises(ModelError) as caught:
            Segment(**{"name": "a", "rule": "x"} | wrong)
        assert caught.value.field == name
    with pytest.raises(PlaybookError):
        Playbook(segments=[BIG, BIG])


def test_check_warns_of_what_is_probably_not_meant():
    """The same rule twice, a rule that can be true of nobody, a misspelt name."""
    rules = playbook(
        segments=[
            BIG,
            Segment(name="large", rule="employees  >= 500"),
            Segment(name="nobody", rule="employees >= 500 and employees < 20"),
            Segment(name="nested", rule="'lar ge' in segments"),
            Segment(name="built", rule="'large' in segments"),
        ],
        campaigns=[Campaign(id="a", content=["note"], audience="'enterprize' in segments or 'guests' in segments")],
        caps=[Cap(name="c", max=1, window=Window.ever(), audience="'larg' not in segments")],
    )
    told = {problem.path: problem for problem in rules.check()}
    assert sorted(told) == ["campaigns[0].audience", "caps[0].audience", *(f"segments[{n}].rule" for n in (1, 2, 3))]
    assert told["campaigns[0].audience"].suggestion == "enterprise"
    assert told["caps[0].audience"].suggestion == "large"
    assert "same rule as 'enterprise'" in told["segments[1].rule"].message
    journey = Journey(
        stages=[Stage(name="a"), Stage(name="b", qualified="'enterprise' in segments")],
        transitions=[Transition(source="a", to="b", when="'enterprise' in segments or 'guests' in segments")],
    )
    paths = [problem.path for problem in playbook(journey=journey).check() if "bring" in problem.message]
    assert paths == ["journey.stages[1].qualified", "journey.transitions[0].when"]
    assert playbook().check() == ()


@pytest.mark.parametrize(
    "text",
    [
        "False",
        "x is None and x > 3",
        "x >= 5 and x < 5",
        "not (x > 3) and x > 5",
        "c == 'a' and c == 'b'",
        "c in ('a', 'b') and c == 'c'",
        "c in ('a',) and c not in ('a', 'b')",
        "vip and not vip",
        "x > 3 and x == 'a'",
        "(x > 3 and x < 2) or (y > 3 and (y < 2 and z))",
        "length(segments) > 3 and length(segments) < 2",
        "x is None and x is not None",
    ],
)
def test_a_contradiction_is_found(text):
    """Rules of which it is plain that they are true of nobody."""
    assert not can_be_true(Rule(text))


def test_no_rule_that_can_be_true_is_called_a_contradiction():
    """Random rules: whatever is found has no values that make it true."""
    rng = Random(5)
    leaves = ["x > 1", "x >= 2", "x < 2", "x <= 1", "x == 1", "x != 1", "x in (1, 3)", "x not in (1, 2)", "x is None"]
    leaves += ["not (x > 1)", "not (x in (1, 2))", "x is not None", "x", "not x", "y == 'a'", "y > 'b'", "y", "False"]
    values = [{"x": x, "y": y} for x in (None, 0, 1, 1.5, 2, 3, "a", True, False) for y in (None, "a", "c", True, 7)]
    found = 0
    for _ in range(2000):
        parts = rng.sample(leaves, rng.choice((2, 3, 4)))
        text = "".join(f"{part}{rng.choice((' and ', ' and ', ' or '))}" for part in parts[:-1]) + parts[-1]
        rule = Rule(text)
        if not can_be_true(rule):
            found += 1
            assert not any(rule.selects(own, AT) for own in values), text
    assert found > 300


def test_random_situations_have_segments():
    """What the comparisons of the engines draw does use them."""
    drawn = [situation(seed).playbook for seed in range(60)]
    assert sum(1 for own in drawn if own.segments) == 24
    assert any("segments" in c.audience.names for own in drawn for c in own.campaigns or () if c.audience is not None)


# The report


def people() -> list[Contact]:
    """One in two segments, two in one, one in none, and one of whom nothing is known."""
    sizes = {"anna": 700, "ben": 30, "cleo": 800, "dora": 100, "emil": None}
    return [contact(name, size, segments=["vip"] if name == "anna" else ()) for name, size in sizes.items()]


NAMED = [
    BIG,
    Segment(name="small", rule="employees < 50"),
    Segment(name="vip", rule="False"),
    Segment(name="all", rule="True"),
    Segment(name="lost", rule="employees > 9000"),
]


def test_the_smallest_report():
    """Without segments everybody is in none; without contacts there are none."""
    assert Playbook().segment_report(people(), at=AT).by_number == (5,)
    found = playbook().segment_report([], at=AT)
    assert (found.contacts, found.none, found.one, found.several, found.share(0)) == (0, 0, 0, 0, 0.0)
    assert (found.empty, found.full) == (("enterprise",), ())


def test_gaps_and_overlaps_are_counted():
    """Those whom a contact brings themselves count too, and what is unknown is told apart."""
    found = playbook(segments=[*NAMED[:3], NAMED[4]]).segment_report(iter(people()), at=AT)
    assert (found.contacts, found.none, found.one, found.several) == (5, 2, 2, 1)
    assert [(own.name, own.contacts, own.alone, own.unknown) for own in found.segments] == [
        ("enterprise", 2, 1, 1),
        ("small", 1, 1, 1),
        ("vip", 1, 0, 0),
        ("lost", 0, 0, 1),
    ]
    assert found.empty == ("lost",)
    assert [(own.one, own.other, own.contacts, own.share) for own in found.overlaps[:1]] == [
        ("enterprise", "vip", 1, 1.0)
    ]
    assert len(found.overlaps) == 6
    assert playbook(segments=NAMED).segment_report(people(), at=AT).full == ("all",)


def brute_force(rules: Playbook, contacts: list[Contact]) -> dict:
    """The report, said again with sets."""
    names = [segment.name for segment in rules.segments]
    held = [set(rules.segments_of(own, AT)) & set(names) for own in contacts]
    number = [len(own) for own in held]
    sizes = {name: sum(name in own for own in held) for name in names}
    return {
        "contacts": len(contacts),
        "in": [number.count(0), number.count(1), sum(1 for own in number if own > 1)],
        "segments": {
            name: (
                sizes[name],
                sum(own == {name} for own in held),
                sum(
                    name not in mine and name in getattr(rules.segmented(own, AT).segments, "unknown", ())
                    for own, mine in zip(contacts, held, strict=True)
                ),
            )
            for name, segment in zip(names, rules.segments, strict=True)
        },
        "overlaps": {
            (one, other): (
                both := sum({one, other} <= own for own in held),
                both / max(1, min(sizes[one], sizes[other])),
            )
            for one, other in combinations(names, 2)
        },
    }


def told(found: SegmentReport) -> dict:
    """What the report says, in the same form."""
    return {
        "contacts": found.contacts,
        "in": [found.none, found.one, found.several],
        "segments": {own.name: (own.contacts, own.alone, own.unknown) for own in found.segments},
        "overlaps": {(own.one, own.other): (own.contacts, own.share) for own in found.overlaps},
    }


@pytest.mark.parametrize("seed", range(12))
def test_all_ways_to_count_agree(seed, tmp_path, monkeypatch):
    """Objects, rows one by one, and columns in chunks count what sets count; bad rows are left out, and the same."""
    monkeypatch.setattr(arrow_table, "CHUNK", 7)
    rng = Random(seed)
    segments = named_segments(rng.choice(SEGMENT_RULES) for _ in range(rng.choice((1, 2, 5, 9))))
    rules = Playbook(timezone=rng.choice(("UTC", "Asia/Kolkata")), segments=segments)
    rows = tabled.contacts(rng, AT, 40, faults=seed % 2 == 1)
    contacts = [own for _, own in ContactTable(rows, spellings=Spellings.of(rules))]
    found = rules.segment_report(contacts, at=AT)
    assert told(found) == brute_force(rules, contacts)
    one, columns = (segment_report(rules, rows, at=AT, engine=engine) for engine in ("one", "columns"))
    assert one == columns
    assert sorted(map(str, one.bad)) == sorted(map(str, columns.bad))
    assert one.bad_rows == len(rows) - len(contacts)
    assert told(one) == told(found)


def test_a_database_counts_the_same(tmp_path):
    """DuckDB, asked with the rules' own SQL over a file, counts the same."""
    rng = np.random.default_rng(3)
    count = 20_000
    table = pa.table(
        {
            "contact_id": np.arange(count),
            "employees": pa.array(rng.integers(0, 1000, count), mask=rng.random(count) < 0.1),
            "country": pa.array(rng.choice(["MK", "RS", "DE"], count), mask=rng.random(count) < 0.1),
            "score": rng.random(count) * 100,
        }
    )
    pq.write_table(table, tmp_path / "contacts.parquet")
    named = {
        "enterprise": "employees >= 500",
        "near": "country in ('MK', 'RS') and not (score < 20)",
        "hot": "score >= 70 or employees >= 900",
        "rest": "country is None",
    }
    rules = Playbook(segments=[Segment(name=name, rule=rule) for name, rule in named.items()])
    found = rules.segment_report(tmp_path / "contacts.parquet", at=AT)
    db = duckdb.connect()
    flags = ", ".join(f"({Rule(rule).to_sql()}) AS {name}" for name, rule in named.items())
    db.execute(f"CREATE VIEW held AS SELECT {flags} FROM '{tmp_path / 'contacts.parquet'}'")
    for own in found.segments:
        asked = db.execute(f"SELECT count_if({own.name}), count_if({own.name} IS NULL) FROM held").fetchone()
        assert asked == (own.contacts, own.unknown)
    for own in found.overlaps:
        (both,) = db.execute(f"SELECT count_if({own.one} AND {own.other}) FROM held").fetchone()
        assert both == own.contacts
    number = " + ".join(f"coalesce({name}, false)::INT" for name in named)
    by_number = dict(db.execute(f"SELECT {number} AS n, count(*) FROM held GROUP BY n").fetchall())
    assert by_number == {n: own for n, own in enumerate(found.by_number) if own}


def test_a_report_prints_and_is_data():
    """As a text, as JSON and as HTML; names cannot break any of them."""
    rules = playbook(segments=[*NAMED[:3], NAMED[4], Segment(name="<b>\n&", rule="employees >= 500")])
    found = rules.segment_report(people(), at=AT)
    text = str(found)
    assert text.splitlines()[0] == "5 segments, 5 contacts, at 2026-11-05 23:30 UTC"
    assert "in none" in text
    assert "empty: lost" in text
    assert "\\u000a" in text
    assert json.loads(json.dumps(found.to_dict()))["in"]["several"] == {"contacts": 2, "share": 0.4}
    assert "<b>" not in found._repr_html_()
    assert "&lt;b&gt;" in found._repr_html_()


def test_what_is_no_contact_is_refused():
    """Objects of another kind, a naive instant, a table without ids, too many bad rows."""
    rules = playbook()
    with pytest.raises(ModelError, match="Contact objects"):
        rules.segment_report(iter([contact(), 3]), at=AT)
    with pytest.raises(ModelError, match="aware"):
        rules.segment_report([], at=AT.replace(tzinfo=None))
    for engine in ("one", "columns"):
        with pytest.raises(DataError, match="contact_id"):
            segment_report(rules, pd.DataFrame({"x": [1]}).to_dict("records"), at=AT, engine=engine)
        with pytest.raises(DataError, match="more bad rows"):
            segment_report(rules, [{"contact_id": "a"}] * 3, at=AT, engine=engine, max_bad=1)


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_the_command_line_reports(tmp_path, capsys, engine):
    """`journeykit segments` prints a table or JSON; a bad playbook is 3, a bad table 4, a bad zone 2."""
    (tmp_path / "playbook.json").write_text(json.dumps(playbook(campaigns=None, content=None).to_dict()), "utf-8")
    (tmp_path / "people.csv").write_text(
        "contact_id,employees,timezone\na,700,\nb,3,\nb,4,\nc,900,Mars/Base\n", "utf-8"
    )
    (tmp_path / "bad.csv").write_text("name\na\n", "utf-8")
    given = ["segments", str(tmp_path / "playbook.json"), "--at", "2026-11-05T10:00:00Z", "--engine", engine]
    table = ["--contacts", str(tmp_path / "people.csv")]
    assert main([*given, *table]) == 0
    out = capsys.readouterr()
    assert "1 segment, 2 contacts" in out.out
    assert "Mars/Base" in out.err
    assert main([*given, *table, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["contacts"], found["bad_rows"], found["segments"][0]["contacts"]) == (2, 2, 1)
    assert main([*given, *table, "--html"]) == 0
    assert "<table" in capsys.readouterr().out
    assert main([*given, *table, "--max-bad", "1"]) == 4
    assert main([*given, "--contacts", str(tmp_path / "bad.csv")]) == 4
    assert main([*given, *table, "--zone", "Mars/Base"]) == 2
    assert main(["segments", str(tmp_path / "bad.csv"), *given[2:], *table]) == 3
