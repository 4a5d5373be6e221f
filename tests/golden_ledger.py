"""Golden: the ledger and the command line."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import tabled
import yaml
from attrs import evolve

from journeykit import (
    Arbiter,
    Contact,
    Playbook,
)
from journeykit.ledger import Ledger, MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Iterator

from golden import AT, ENGINES, as_json, as_lines, folded, house, run, without, wordless, write_rows

NIGHT = """
content: [{id: note, channel: email, topics: [news]}, {id: call, channel: phone}]
campaigns:
  - {id: launch, content: [note], weight: 8, cost: 0.25}
  - {id: news, content: [note], repeat: null}
  - {id: ring, content: [call], weight: 2}
caps:
  - {name: two a day, max: 2, window: {calendar: day}}
  - {name: three an account, max: 3, per: account, window: {rolling: 7d}}
"""
LOG = """id,external_user_id,time,event_type,campaign_id,dispatch_id
1,c03,1793872800,users.messages.email.Send,news,d1
1,c03,1793872800,users.messages.email.Send,news,d1
2,c03,1793872860,users.messages.email.Bounce,news,d1
3,c04,1793872800,users.messages.email.Unsubscribe,news,d2
4,,1,users.messages.email.Send,news,d3
5,c05,1793872900,users.messages.email.Send,launch,d4
"""


def night_files() -> None:
    """A playbook, contacts, claims and a send log, where we are."""
    Path("playbook.yaml").write_text(NIGHT, encoding="utf-8")
    Path("log.csv").write_text(LOG, encoding="utf-8")
    consents = ("email;phone", "email", "phone", "")
    rows = [{"contact_id": f"c{n:02d}", "account_id": f"a{n % 5}", "consent": consents[n % 4]} for n in range(30)]
    write_rows("contacts.jsonl", rows)


def dumped(path: str) -> str:
    """All rows of all tables of a SQLite file."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        tables = [
            name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE name LIKE 'jk_%' AND type = 'table'")
        ]
        found = []
        for table in sorted(tables):
            rows = file.execute(f"SELECT * FROM {table}")
            found += [f"{table}: {', '.join(column[0] for column in rows.description)}\n"]
            found += sorted(as_json(row) + "\n" for row in rows)
    return "".join(found)


def night(engine: str) -> Iterator[tuple[str, str, str]]:
    """A night from history to confirmation: the name of each step, what it prints and what it says."""
    url, ledger = f"sqlite:///{engine}.db", f"{engine}.db"
    night_files()
    yield "upgrade", *run("ledger", "upgrade", url)[1:]
    with contextlib.closing(sqlite3.connect(ledger)) as file:
        file.execute("UPDATE jk_settings SET value = 'golden' WHERE name = 'salt'")
        file.commit()
    yield "import", *run("ledger", "import", url, "log.csv", "--columns", "braze", "--json")[1:]
    yield "import again", *run("ledger", "import", url, "log.csv", "--columns", "braze")[1:]
    at = ["--at", "2026-11-05T10:00:00Z"]
    yield "opt out", *run("ledger", "opt-out", url, "c06", *at)[1:]
    yield "opt out of a topic", *run("ledger", "opt-out", url, "c07", "--topic", "news", *at)[1:]
    yield "opt in", *run("ledger", "opt-in", url, "c06", "--at", "2026-11-05T11:00:00Z")[1:]
    yield "suppress", *run("ledger", "opt-out", url, "c08", "--suppressed", *at)[1:]
    given = ["playbook.yaml", "--contacts", "contacts.jsonl", *at, "--ledger", url, "--engine", engine, "--all"]
    yield "rehearsal", *run("decide", *given, "--out", "dry.csv", "--run", "night", "--dry-run")[1:]
    yield "dry.csv", Path("dry.csv").read_text("utf-8"), ""
    yield "run", *run("decide", *given, "--out", "out.csv", "--run", "night", "--keep-decisions")[1:]
    yield "out.csv", Path("out.csv").read_text("utf-8"), ""
    yield "run again", *run("decide", *given, "--out", "again.csv", "--run", "night", "--keep-decisions")[1:]
    yield "again.csv", Path("again.csv").read_text("utf-8"), ""
    yield "as it stands", dumped(ledger), ""
    header, *rows = [line.split(",") for line in Path("out.csv").read_text("utf-8").splitlines()]
    granted = [row[0] for row in rows if row[header.index("outcome")] == "granted"]
    yield "confirm", *run("ledger", "confirm", url, *granted[:6], "unknown")[1:]
    yield "release", *run("ledger", "release", url, *granted[4:9])[1:]
    yield "confirm by table", *run("ledger", "confirm", url, "--decisions", "out.csv")[1:]
    later = [*given[:3], "--at", "2026-11-06T10:00:00Z", *given[5:]]
    yield "next run", *run("decide", *later, "--out", "next.csv", "--run", "next", "--explain")[1:]
    yield "next.csv", Path("next.csv").read_text("utf-8"), ""
    yield "expire", *run("ledger", "expire", url, "--before", "2026-11-07T00:00:00Z")[1:]
    yield "show", *run("ledger", "show", url, "c03")[1:]
    yield "show as JSON", *run("ledger", "show", url, "c03", "--json")[1:]
    yield "explain", *run("ledger", "explain", url, "--run", "night", "--contact", "c01")[1:]
    yield "explain as JSON", *run("ledger", "explain", url, "--run", "night", "--contact", "c01", "--json")[1:]
    for what in ("touches", "words", "answers", "runs", "contacts"):
        yield f"export {what}", *run("ledger", "export", url, "--what", what, "--out", "-", "--format", "jsonl")[1:]
    yield "stats", *run("ledger", "stats", url, "--json")[1:]
    yield "all rows", dumped(ledger), ""
    yield "prune", *run("ledger", "prune", url, "--older-than", "2026-11-06T00:00:00Z")[1:]
    yield "all rows after pruning", dumped(ledger), ""


PROSE = (
    "explain",
    "explain as JSON",
    "show",
    "confirm",
    "release",
    "confirm by table",
    "expire",
    "prune",
    "import again",
    "opt out",
)
_NIGHTS: dict[str, list[tuple[str, str, str]]] = {}


def nights() -> Iterator[tuple[str, str, str, str]]:
    """The night of both engines; worked out once."""
    for engine in ENGINES:
        if engine not in _NIGHTS:
            _NIGHTS[engine] = list(night(engine))
        for name, out, said in _NIGHTS[engine]:
            yield engine, name, out, said


def ledger() -> Iterator[tuple[str, str]]:
    """Rows of the ledger, what commands print as data, decisions by key, and the ledger in memory."""
    one: dict[str, str] = {}
    for engine, name, out, _ in nights():
        if name in PROSE or not out:
            continue
        if name == "import":
            out = as_json(without(json.loads(out), "bad_first"))  # noqa: PLW2901
        same = engine == "columns" and one[name] == out
        one[name] = out
        yield f"{engine}: {name}", "the same" if same else folded(out)
    arbiter = Arbiter(Playbook.from_dict(yaml.safe_load(NIGHT)))
    for kind in ("memory", "file"):
        held = MemoryLedger(arbiter) if kind == "memory" else Ledger("sqlite:///single.db", arbiter=arbiter)
        held.upgrade()
        told = list(singly(held, arbiter))
        yield f"single decisions, {kind}", folded(as_lines(told))
        held.close()


def singly(held: Any, arbiter: Arbiter) -> Iterator[Any]:
    """Decisions with keys, moves, words and what is exported then."""
    for number in range(8):
        contact = Contact(id=f"s{number % 5}", account=f"b{number % 2}", consent=["email", "phone"])
        given = {"at": AT + timedelta(hours=number), "ledger": held}
        decision = arbiter.decide(contact, key=f"key {number}", **given)
        yield [row.to_dict() for row in decision.rows]
        yield [row.to_dict() for row in arbiter.decide(contact, key=f"dry {number}", dry_run=True, **given).rows]
        again = arbiter.decide(contact, key=f"key {number}", **given)
        assert again.rows == decision.rows
    held.opt_out("s1", at=AT, channel="email")
    held.opt_in("s1", at=AT + timedelta(hours=1), channel="email")
    held.opt_out("s2", at=AT, topic="news")
    first = held.reservations("s0")
    yield held.release_check(first[0], Contact(id="s0", consent=["email"]), AT + timedelta(hours=2)).clear
    yield sorted(held.confirm([own.id for own in first]))
    yield sorted(held.release([own.id for own in held.reservations("s1")]))
    yield held.expire(AT + timedelta(days=1))
    for what in ("touches", "answers", "runs"):
        yield [what, *held.export_all(what)]
    yield [(word.channel, word.topic, word.at) for word in held.opt_outs("s2")]
    yield held.forget("s3")
    yield held.stats()
    yield [attrs.asdict(touch) for name in range(5) for touch in held.touches(f"s{name}")]


def ledger_words() -> Iterator[tuple[str, str]]:
    """What the commands of the ledger say."""
    for engine, name, out, said in nights():
        if name in PROSE or said:
            yield f"{engine}: {name}", folded(out if name in PROSE else "") + folded(said)


def shop() -> Playbook:
    """A playbook of which the command line finds little wrong."""
    return evolve(house(), quotas=())


BAD = """
version: 1
timezone: Mars/Base
journey: {stages: [a, b], transitions: [{from: a, to: c, event: x}]}
content: [{id: note, chanel: email}, {id: note, channel: email}]
campaigns: [{id: launch, content: [nope], audience: "score >="}, {id: launch, content: [note], weight: heavy}]
caps: [{name: one, max: -1, window: {calendar: fortnight}}]
quotas: [{name: q}]
"""


def commands() -> Iterator[tuple[str, tuple[int, str, str]]]:
    """Commands and what they give."""
    rng = Random(3)
    Path("bad.yaml").write_text(BAD, encoding="utf-8")
    Path("playbook.json").write_text(as_json(shop().to_dict()), encoding="utf-8")
    write_rows("contacts.jsonl", tabled.contacts(rng, AT, 12, faults=True))
    write_rows("touches.jsonl", tabled.touches(rng, shop(), AT, 12, faults=True))
    write_rows("claims.jsonl", tabled.claims(rng, shop(), AT, 12, few=True))
    write_rows("scores.jsonl", tabled.scores(rng, shop(), 12))
    tables = [part for name in ("contacts", "touches", "scores") for part in (f"--{name}", f"{name}.jsonl")]
    claims, at = ["--claims", "claims.jsonl"], ["--at", AT.isoformat()]
    for name, given in (
        ("check, good", ["check", "playbook.json"]),
        ("check, good, JSON", ["check", "playbook.json", "--json"]),
        ("check, bad", ["check", "bad.yaml"]),
        ("check, bad, JSON", ["check", "bad.yaml", "--json"]),
        ("check, tables", ["check", "playbook.json", *tables, *claims]),
        ("check, tables, JSON", ["check", "playbook.json", *tables, *claims, "--json"]),
        ("decide, strict", ["decide", "playbook.json", *tables, *at, "--out", "out.csv", "--strict"]),
        ("decide, too many bad", ["decide", "playbook.json", *tables, *at, "--out", "out.csv", "--max-bad", "0"]),
        ("decide, no file", ["decide", "playbook.json", "--contacts", "no.csv", *at, "--out", "out.csv"]),
        ("explain", ["explain", "playbook.json", *tables, *at, "--contact", "p002"]),
        ("explain, JSON", ["explain", "playbook.json", *tables, *at, "--contact", "p002", "--json"]),
        ("explain, HTML", ["explain", "playbook.json", *tables, *at, "--contact", "p002", "--html"]),
        ("explain, claims", ["explain", "playbook.json", *tables, *claims, *at, "--contact", "p004", "--json"]),
        ("explain, nobody", ["explain", "playbook.json", *tables, *at, "--contact", "zoe"]),
        ("graph", ["graph", "playbook.json"]),
        ("schema", ["schema"]),
        ("unknown option", ["decide", "playbook.json", "--contact", "x"]),
    ):
        yield name, run(*given)


def command_line() -> Iterator[tuple[str, str]]:
    """Exit codes, and what is printed as data."""
    for name, (code, out, _) in commands():
        data = out if name == "graph" else ""
        if out and ("JSON" in name or name == "schema"):
            data = as_json(wordless(json.loads(out)), indent=1)
        if name.startswith("check"):
            # Findings are words.
            data = ""
        yield name, f"exit code {code}\n" + folded(data, 1_500)


def command_line_words() -> Iterator[tuple[str, str]]:
    """What commands print for people, and what they say on standard error."""
    for name, (_, out, said) in commands():
        yield name, (folded(out, 4_000) if name not in ("graph", "schema", "explain, JSON") else "") + folded(said)
