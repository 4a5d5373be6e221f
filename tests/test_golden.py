"""What the library gives, byte for byte: a change of layout, names or speed changes none of it.

`tests/data/golden` holds one file for each area. What is long is held by its SHA-256, its first lines and a digest for
every fifty lines, so that a difference can be found. Texts for people, which may be reworded, have files of their own
(`*_words.txt`). Where behaviour changes on purpose, write the files again, and read the difference:

    python tests/test_golden.py [area ...]

Only documented names are used here, and the command line through its entry point.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import io
import itertools
import json
import os
import re
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("numba")
pytest.importorskip("sqlalchemy")

import attrs
import generate
import generate_journeys
import tabled
import yaml
from attrs import evolve
from test_conformance import CASES, as_claims, playbook_of

import journeykit
from journeykit import (
    Arbiter,
    Cap,
    Contact,
    Holdout,
    OnMissing,
    Playbook,
    PlaybookError,
    Touch,
    Window,
    presets,
)
from journeykit.cli import main
from journeykit.journey import (
    LEFT,
    Chain,
    Event,
    attribute,
    estimate,
    handover_rows,
    handovers,
    removal_effects,
    sales_of,
)
from journeykit.ledger import Ledger, MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HERE = Path(__file__).parent
GOLDEN = HERE / "data" / "golden"
ENGINES = ("one", "columns")
AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
_WHOLE, _HEAD, _BLOCK = 3_000, 4, 50


def folded(text: str, whole: int = _WHOLE) -> str:
    """A text as the files hold it: whole where it is short, else by its digests and its head."""
    if len(text) <= whole:
        return text if text.endswith("\n") or not text else text + "\n"
    lines = text.splitlines(keepends=True)
    parts = ["".join(lines[at : at + _BLOCK]) for at in range(0, len(lines), _BLOCK)]
    head = "".join(line if len(line) <= 300 else line[:300] + " ...\n" for line in lines[: _HEAD if whole else 1])
    blocks = f"every {_BLOCK} lines {' '.join(digest(part)[:10] for part in parts)}\n" if len(parts) > 1 else ""
    return f"sha256 {digest(text)} of {len(lines)} lines\n{blocks}{head}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def as_json(value: Any, **how: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, **how)


def as_lines(values: Iterable[Any]) -> str:
    return "".join(as_json(value) + "\n" for value in values)


# Playbooks


def playbooks() -> Iterator[tuple[str, Playbook]]:
    """Every playbook at hand: of files, of the docs as of when this was written, presets, cases, random ones."""
    for path in sorted([*(HERE / "data" / "playbooks").iterdir(), HERE / "data" / "harmony.yaml"]):
        yield f"tests/data {path.name}", Playbook.load(path)
    for name, text in yaml.safe_load((GOLDEN / "docs_playbooks.yaml").read_text("utf-8")).items():
        yield f"docs {name}", Playbook.from_dict(yaml.safe_load(text))
    from journeykit import demo

    yield "demo", demo.playbook()
    yield "house", house()
    yield "empty", Playbook()
    for name in sorted(vars(presets)):
        caps = getattr(presets, name)
        if isinstance(caps, tuple) and caps and isinstance(caps[0], Cap):
            yield f"preset {name}", Playbook(caps=caps)
    for case in CASES:
        yield f"case {case['id']}", playbook_of(case, as_claims(case))
    for seed in range(150):
        yield f"random {seed}", generate.situation(seed).playbook
    for seed in range(30):
        yield f"fussy {seed}", generate.fussy_playbook(Random(seed))
    for seed in range(30):
        found = generate.situation(seed)
        if found.playbook.campaigns is not None:
            quotas = generate.quotas(Random(seed), found.playbook, found.at.date())
            yield f"quotas {seed}", evolve(found.playbook, quotas=quotas)
    for number, journey in enumerate(itertools.islice(reachable(0), 30)):
        yield f"journey {number}", Playbook(journey=journey)


def house() -> Playbook:
    """A playbook in which every section stands."""
    return Playbook.load(GOLDEN / "house.yaml")


def fingerprints() -> Iterator[tuple[str, str]]:
    """The fingerprint of each playbook, and a digest of its canonical form."""
    lines = []
    for name, playbook in playbooks():
        form = as_json(playbook.to_dict())
        lines.append(f"{playbook.fingerprint} {digest(form)[:16]} {name}\n")
        assert Playbook.from_dict(json.loads(form)).fingerprint == playbook.fingerprint
    yield "fingerprint, digest of the canonical form", "".join(lines)
    for name, playbook in playbooks():
        if name in ("house", "empty", "tests/data everything.toml", "tests/data windows.yaml"):
            yield f"canonical form of {name}", as_json(playbook.to_dict(), indent=1)


def findings_words() -> Iterator[tuple[str, str]]:
    """What checking says of each playbook that has something to be told."""
    for name, playbook in playbooks():
        if told := "".join(f"{problem}\n" for problem in playbook.check()):
            yield name, folded(told, 300)


class Flat:
    """A policy with a setting, for which every claim weighs the same."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def weigh(self, _claim: Any, _contact: Any, _context: Any) -> float:
        return self.weight


def identities() -> Iterator[tuple[str, str]]:
    """Who a policy is, what a run is called by default, and saved prices."""
    own = {"flat": Flat(2.5)}
    for policy in ("weighted", "ranked", "first_come", "flat"):
        arbiter = Arbiter(evolve(house(), policy=policy), own)
        yield f"policy {policy}", arbiter.policy_identity.replace(Flat.__module__, "here")
        if policy == "flat":
            continue
        named = [arbiter.run_id(AT), arbiter.run_id(AT, AT + timedelta(days=3)), arbiter.run_id(AT, None, ["scores"])]
        yield f"runs of {policy}", as_lines(named)
    told: list[Any] = []
    arbiter = Arbiter(house())
    rng = Random(11)
    rows = tabled.contacts(rng, AT, 60)
    arbiter.decide_table(rows, scores=tabled.scores(rng, house(), 60), at=AT, summary=told.append, run_id="priced")
    prices = told[0].prices
    yield "prices", as_json(prices.to_dict(), indent=1)
    priced = Arbiter(house(), prices=prices)
    yield "run with prices", priced.run_id(AT)
    rows_of = [row.to_dict() for contact in people(8) for row in priced.decide(contact, at=AT, explain=True).rows]
    yield "decided with prices", folded(as_lines(rows_of))


def people(count: int) -> list[Contact]:
    """Contacts with data missing, withdrawn or expired."""
    rng = Random(count)
    return [evolve(generate.person(rng, AT), id=f"q{number}") for number in range(count)]


# Tables


def write_rows(name: str, rows: list[dict[str, Any]] | None) -> None:
    """A table as JSON lines."""
    if rows is not None:
        Path(name).write_text("".join(as_json(row) + "\n" for row in rows), encoding="utf-8")


def run(*arguments: str) -> tuple[int, str, str]:
    """The command line: its exit code, what it prints and what it says."""
    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        code = main(list(arguments))
    return code, out.getvalue(), masked(said.getvalue())


def masked(text: str) -> str:
    """A text without what no two runs share."""
    return re.sub(r'("seconds": )(\{[^}]*\}|[\d.]+)', r"\1null", text.replace(str(Path.cwd()), "HERE"))


@attrs.frozen(kw_only=True)
class Population:
    """Tables, and how they are decided."""

    name: str
    playbook: Playbook
    contacts: list[dict[str, Any]] | None
    touches: list[dict[str, Any]] | None = None
    scores: list[dict[str, Any]] | None = None
    claims: list[dict[str, Any]] | None = None
    at: datetime = AT
    until: datetime | None = None
    explain: bool = False

    def write(self) -> list[str]:
        """Write the tables where we are; the arguments that name them."""
        Path("playbook.json").write_text(as_json(self.playbook.to_dict()), encoding="utf-8")
        arguments = ["playbook.json", "--at", self.at.isoformat()]
        for table in ("contacts", "touches", "scores", "claims"):
            if (rows := getattr(self, table)) is not None:
                write_rows(f"{table}.jsonl", rows)
                arguments += [f"--{table}", f"{table}.jsonl"]
        arguments += ["--until", self.until.isoformat()] if self.until else []
        return arguments + (["--explain"] if self.explain else [])

    def digest(self) -> str:
        """Of all that is decided on: if this differs, the test's own inputs have changed."""
        tables = [self.contacts, self.touches, self.scores, self.claims]
        return digest(as_json([self.playbook.to_dict(), *tables, self.at, self.until]))[:16]


def random_population(seed: int, count: int, playbook: Callable[[Playbook], Playbook] = lambda own: own) -> Population:
    """A population of a random playbook: plans, claims, scores, faults and explanations in turn."""
    rng = Random(f"golden {seed}")
    found = generate.situation(seed)
    while found.playbook.campaigns is None or not found.playbook.caps:
        found = generate.situation(rng.randrange(10**6))
    faults, few = seed % 3 == 0, found.until is not None
    return Population(
        name=f"random {seed}",
        playbook=playbook(found.playbook),
        contacts=tabled.contacts(rng, found.at, count, faults=faults),
        touches=tabled.touches(rng, found.playbook, found.at, count, faults=faults),
        scores=tabled.scores(rng, found.playbook, count) if seed % 2 else None,
        claims=tabled.claims(rng, found.playbook, found.at, count, few=few, faults=faults) if seed % 4 > 1 else None,
        at=found.at,
        until=found.until,
        explain=seed % 5 == 0,
    )


def by_account(playbook: Playbook) -> Playbook:
    """The playbook with caps for whole accounts."""
    caps = [
        Cap(name="account", max=3, per="account", window=Window.rolling("7d")),
        Cap(name="account by channel", max=2, per="account", by="channel", window=Window.days(2, zone="playbook")),
    ]
    return evolve(playbook, caps=[*playbook.caps, *caps])


def strict(playbook: Playbook) -> Playbook:
    """The playbook that denies what it does not know, and holds contacts out."""
    unknown = OnMissing(timezone="deny", stage="deny", role="deny", consent="deny")
    return evolve(playbook, on_missing=unknown, holdout=Holdout(share=0.3, seed="golden"))


def populations() -> Iterator[Population]:
    """All that is decided, some hundred contacts in each of several ways."""
    for seed in range(24):
        yield random_population(seed, 24)
    for seed in range(100, 106):
        yield evolve(random_population(seed, 20, by_account), name=f"accounts {seed}")
    for seed in range(200, 204):
        yield evolve(random_population(seed, 20, strict), name=f"strict {seed}")
    for seed in range(300, 306):
        found = random_population(seed, 20)
        quotas = generate.quotas(Random(seed), found.playbook, found.at.date())
        yield evolve(found, playbook=evolve(found.playbook, quotas=quotas), name=f"quotas {seed}")
    rng = Random(400)
    large = Population(
        name="house",
        playbook=house(),
        contacts=tabled.contacts(rng, AT, 240, faults=True),
        touches=tabled.touches(rng, house(), AT, 240, faults=True),
        scores=tabled.scores(rng, house(), 240),
    )
    yield large
    yield evolve(large, name="house, a plan", until=AT + timedelta(days=4), contacts=large.contacts[:90])
    claims = tabled.claims(rng, house(), AT, 240, few=False)
    yield evolve(large, name="house, claims", claims=claims, playbook=evolve(house(), quotas=()), explain=True)
    yield evolve(large, name="house, claims alone", claims=claims[:200], contacts=None, scores=None)
    gatekeeper = evolve(house(), campaigns=None, quotas=())
    yield evolve(large, name="house, gatekeeper", playbook=gatekeeper, claims=claims, scores=None)


def decided(population: Population, engine: str) -> dict[str, str]:
    """What a run writes and says, by name."""
    arguments = population.write()
    files = ["--bad-rows", "bad.jsonl", "--summary", "summary.json", "--save-prices", "prices.json"]
    if not population.playbook.quotas:
        files = files[:-2]
    given = [*arguments, "--out", "out.csv", "--all", "--run", "golden", "--engine", engine, *files]
    code, out, said = run("plan" if population.until else "decide", *given)
    found = {"code": str(code), "printed": out, "said": said}
    for name in ("out.csv", "bad.jsonl", "summary.json", "prices.json"):
        if Path(name).exists():
            found[name] = masked(Path(name).read_bytes().decode())
            Path(name).unlink()
    return found


def without(mapping: dict[str, Any], *names: str) -> dict[str, Any]:
    """Plain data without what is words."""
    return {name: value for name, value in mapping.items() if name not in names}


def counted(summary: str) -> str:
    """The summary of a run without words."""
    found = json.loads(summary)
    for mismatch in found["mismatches"]:
        mismatch.pop("message", None)
    found["bad_rows"] = [kind["count"] for kind in found["bad_rows"]["kinds"]], found["bad_rows"]["count"]
    return as_json(without(found, "notes", "engine"))


_DECIDED: dict[tuple[str, str], dict[str, str]] = {}


def all_decided() -> Iterator[tuple[Population, str, dict[str, str]]]:
    """What each engine makes of each population; worked out once."""
    for population in populations():
        for engine in ENGINES:
            key = population.name, engine
            if key not in _DECIDED:
                _DECIDED[key] = decided(population, engine)
            yield population, engine, _DECIDED[key]


def decisions() -> Iterator[tuple[str, str]]:
    """Tables of decisions, summaries as data, prices and bad rows, of both engines."""
    before: dict[str, str] = {}
    for population, engine, found in all_decided():
        told = [f"inputs {population.digest()}, exit code {found['code']}\n"]
        for name in ("out.csv", "prices.json", "bad.jsonl", "summary.json"):
            text = found.get(name)
            if text is None:
                continue
            if name == "bad.jsonl":
                text = as_lines(without(json.loads(line), "allowed") for line in text.splitlines())
            if name == "summary.json":
                text = counted(text)
            same = engine == "columns" and before.get(name) == text
            before[name] = text
            told.append(f"-- {name}\n" + ("the same\n" if same else folded(text, 700)))
        yield f"{population.name}, {engine}", "".join(told)


def decisions_words() -> Iterator[tuple[str, str]]:
    """Summaries of runs and calendars as text, their notes, and what is wrong with bad rows."""
    for population, engine, found in all_decided():
        whole = 2_500 if population.name.startswith("house") else 0
        text = found["said"] + found["printed"]
        summary = json.loads(found.get("summary.json", "{}"))
        told = [summary.get(name) for name in ("notes", "mismatches", "bad_rows")]
        allowed = [json.loads(line)["allowed"] for line in found.get("bad.jsonl", "").splitlines()]
        yield f"{population.name}, {engine}", folded(text, whole) + folded(as_lines([*told, *allowed]), whole // 5)


def formats() -> Iterator[tuple[str, str]]:
    """The other formats of decisions, and the tables of Python."""
    import pyarrow.parquet as pq

    population = random_population(1, 12)
    arguments = population.write()
    for engine in ENGINES:
        for name in ("out.jsonl", "out.parquet"):
            run("decide", *arguments, "--out", name, "--all", "--run", "golden", "--engine", engine)
        yield f"JSON lines, {engine}", folded(Path("out.jsonl").read_text("utf-8"))
        table = pq.read_table("out.parquet")
        yield f"Parquet, {engine}", f"{table.schema.remove_metadata()}\n" + folded(as_lines(table.to_pylist()))
        _, printed, _ = run(
            "decide", *arguments, "--out", "-", "--format", "csv", "--run", "golden", "--engine", engine
        )
        yield f"standard output, {engine}", folded(printed)
        _, printed, _ = run("decide", *arguments, "--out", "out.csv", "--json", "--run", "golden", "--engine", engine)
        yield f"summary as JSON, {engine}", counted(printed)
    rows = {"contacts": population.contacts, "touches": population.touches, "scores": population.scores}
    table = Arbiter(population.playbook).decide_table(**rows, at=population.at, run_id="golden", everything=True)
    yield "decide_table", f"{table.schema.remove_metadata()}\n" + folded(as_lines(table.to_pylist()))


# Single decisions


def singles() -> Iterator[tuple[generate.Situation, Any]]:
    """Decisions of single contacts, explained."""
    for seed in range(90):
        found = generate.situation(seed)
        given = {"at": found.at, "until": found.until, "run_id": f"run {seed}"}
        decision = Arbiter(found.playbook).decide(found.contact, found.touches, found.claims, explain=True, **given)
        yield found, decision


def single_decisions() -> Iterator[tuple[str, str]]:
    """Rows of `Arbiter.decide`, `decide_account` and `decide_many`."""
    for found, decision in singles():
        text = as_lines(row.to_dict() for row in decision.rows)
        yield f"situation {found.seed}", folded(text, 2_500 if found.seed < 10 else 0)
    for seed in range(20):
        found = generate.situation(seed)
        arbiter = Arbiter(by_account(found.playbook))
        group = [evolve(found.contact, id=name, account="acme") for name in ("anna", "ben", "cleo")]
        touches = [evolve(touch, contact=group[n % 3].id, account="acme") for n, touch in enumerate(found.touches)]
        given = {"at": found.at, "until": found.until, "explain": True, "run_id": "golden"}
        claims = None if found.claims is None else {own.id: found.claims[n : n + 2] for n, own in enumerate(group)}
        told = arbiter.decide_account(group, touches, claims, **given)
        yield f"account {seed}", folded(as_lines(row.to_dict() for own in told for row in own.rows), 0)
    many = Arbiter(house()).decide_many(people(20), at=AT, run_id="golden")
    yield "many", folded(as_lines(row.to_dict() for own in many for row in own.rows))


def single_decisions_words() -> Iterator[tuple[str, str]]:
    """Decisions as texts and pages."""
    for found, decision in singles():
        text = str(decision)
        yield f"situation {found.seed}", folded(text, 2_500 if found.seed < 12 else 0)
        if found.seed < 12:
            yield f"page of situation {found.seed}", folded(decision._repr_html_(), 0)
            yield f"explanation of situation {found.seed}", folded(as_json(decision.explain().to_dict()), 0)


def audited() -> Iterator[tuple[int, Any, Any]]:
    """Findings of audits: of sound decisions none, of the same under other rules many."""
    for found, decision in singles():
        given = decision, found.contact, found.touches, found.claims
        sound = Arbiter(found.playbook).audit(*given)
        tight = evolve(
            found.playbook,
            caps=[*found.playbook.caps, Cap(name="nothing", max=0, window=Window.ever())],
            on_missing=OnMissing(timezone="deny", stage="deny", role="deny", consent="deny"),
            holdout=Holdout(share=0.5, seed="audit"),
        )
        history = [*found.touches, *(evolve(touch, status="sent") for touch in found.touches)]
        broken = Arbiter(tight).audit(decision, evolve(found.contact, consent=None), history, found.claims)
        yield found.seed, sound, broken


def audits() -> Iterator[tuple[str, str]]:
    """The rules that audits find broken."""
    yield (
        "all",
        as_lines(
            [seed, [one.rule for one in sound], [one.rule for one in broken]] for seed, sound, broken in audited()
        ),
    )


def audits_words() -> Iterator[tuple[str, str]]:
    """Findings of audits as texts."""
    for seed, sound, broken in audited():
        if sound or broken:
            yield f"situation {seed}", "".join(f"{one}\n" for one in (*sound, *broken))


# Placing


def reachable(start: int) -> Iterator[Any]:
    """Random journeys of which every stage can be reached."""
    for seed in itertools.count(start):
        journey = generate_journeys.situation(seed).journey
        with contextlib.suppress(PlaybookError):
            yield Playbook(journey=journey).journey


def placed(seed: int) -> tuple[Any, list[dict[str, Any]], list[dict[str, Any]]]:
    """A random journey, contacts and events for it, as tables."""
    rng = Random(f"placed {seed}")
    journey = next(reachable(10 * seed))
    contacts, events = [], []
    for number in range(25):
        name = f"p{number:02d}"
        row = {"contact_id": name, **generate_journeys.attributes(rng), "timezone": rng.choice(generate_journeys.ZONES)}
        row |= {"entry_stage": rng.choice((None, None, "decision", "nowhere"))}
        row |= {"entered_at": rng.choice((None, None, generate_journeys.instant(rng)))}
        contacts.append(row)
        for number_, event in enumerate(generate_journeys.log(rng)):
            events.append({"contact_id": name, "event": event.event, "at": event.at, **event.properties})
            if rng.random() < 0.05:
                events.append({**events[-1], "at": rng.choice(("soon", None, events[-1]["at"]))})
            if rng.random() < 0.03:
                events.append({**events[-1], "contact_id": rng.choice(("stranger", None))})
            if rng.random() < 0.03:
                events[-1]["event_id"] = f"e{number_ % 3}"
    return journey, contacts, events


def placements() -> Iterator[tuple[str, str]]:
    """`Journey.place`, and the tables that both engines make, with paths and hand-overs."""
    for seed in range(60):
        found = generate_journeys.situation(seed)
        given = found.given()
        own = found.journey.place(found.events, found.at, found.attributes, **given)
        text = as_json(attrs.asdict(own, recurse=False, filter=lambda field, _: field.name != "path"))
        path = as_lines(attrs.astuple(step) for step in own.path)
        yield f"journey {seed}", folded(text + "\n" + path, 900 if seed < 8 else 0)
    before: dict[str, str] = {}
    for seed in range(16):
        journey, contacts, events = placed(seed)
        Path("playbook.json").write_text(as_json(Playbook(journey=journey).to_dict()), encoding="utf-8")
        write_rows("contacts.jsonl", contacts)
        write_rows("events.jsonl", events)
        at = (generate_journeys.BEGIN + timedelta(hours=7)).isoformat()
        for engine in ENGINES:
            given = ["playbook.json", "--events", "events.jsonl", "--at", at, "--engine", engine, "--json"]
            given += ["--contacts", "contacts.jsonl", "--placed", "placed.jsonl"] if seed % 4 else []
            files = ["out.csv", "paths.csv"]
            code, out, _ = run("place", *given, "--out", files[0], "--paths", files[1])
            told = [f"inputs {digest(as_json([contacts, events]))[:16]}, exit code {code}\n"]
            for name in (*files, "placed.jsonl"):
                if Path(name).exists():
                    text = Path(name).read_bytes().decode()
                    Path(name).unlink()
                    same = engine == "columns" and before.get(name) == text
                    before[name] = text
                    told.append(f"-- {name}\n" + ("the same\n" if same else folded(text, 700)))
            data = {key: value for key, value in json.loads(out).items() if key not in ("bad", "notes", "seconds")}
            yield f"table {seed}, {engine}", "".join(told) + as_json(data)
    journey, contacts, events = placed(1)
    result = journey.place_table(events, contacts, generate_journeys.BEGIN + timedelta(hours=7))
    yield "place_table", f"{result.table.schema.remove_metadata()}\n" + folded(as_lines(result.table.to_pylist()))


def placements_words() -> Iterator[tuple[str, str]]:
    """Placements as texts, and what is said of the tables."""
    for seed in range(40):
        found = generate_journeys.situation(seed)
        own = found.journey.place(found.events, found.at, found.attributes, **found.given())
        yield f"journey {seed}", folded(str(own), 1_500 if seed < 10 else 0)
    for seed in (0, 1, 2, 3):
        journey, contacts, events = placed(seed)
        Path("playbook.json").write_text(as_json(Playbook(journey=journey).to_dict()), encoding="utf-8")
        write_rows("contacts.jsonl", contacts)
        write_rows("events.jsonl", events)
        for engine in ENGINES:
            given = ["--at", (generate_journeys.BEGIN + timedelta(hours=7)).isoformat(), "--engine", engine]
            tables = ["--events", "events.jsonl", "--contacts", "contacts.jsonl"]
            _, out, said = run("place", "playbook.json", *tables, *given, "--out", "out.csv")
            yield f"table {seed}, {engine}", folded(out + said)
            _, out, said = run("place", "playbook.json", *tables, *given, "--contact", "p03")
            yield f"one contact {seed}, {engine}", folded(out + said)


# Segments, measures, hand-overs, pictures


def segments() -> Iterator[tuple[str, str]]:
    """The report of segments, as data; both engines, and contacts as objects."""
    for name, playbook in (
        ("house", house()),
        *((f"random {seed}", generate.situation(seed).playbook) for seed in (1, 4, 7)),
    ):
        rows = tabled.contacts(Random(name), AT, 120, faults=True)
        Path("playbook.json").write_text(as_json(playbook.to_dict()), encoding="utf-8")
        write_rows("contacts.jsonl", rows)
        given = ["playbook.json", "--contacts", "contacts.jsonl", "--at", AT.isoformat(), "--json"]
        for engine in ENGINES:
            code, out, _ = run("segments", *given, "--engine", engine)
            data = json.loads(out) if out else {}
            yield f"{name}, {engine}", f"{code} " + as_json({k: v for k, v in data.items() if k != "bad"}, indent=1)
    yield "objects", as_json(house().segment_report(people(50), at=AT).to_dict(), indent=1)


def segments_words() -> Iterator[tuple[str, str]]:
    """The report of segments, as text and as a page."""
    Path("playbook.json").write_text(as_json(house().to_dict()), encoding="utf-8")
    write_rows("contacts.jsonl", tabled.contacts(Random("house"), AT, 120, faults=True))
    given = ["playbook.json", "--contacts", "contacts.jsonl", "--at", AT.isoformat()]
    for engine in ENGINES:
        for form in ((), ("--html",)):
            _, out, said = run("segments", *given, "--engine", engine, *form)
            yield f"{engine} {form}", folded(out, 2_500) + said


def measured() -> tuple[Any, list[Any], list[Contact], list[Event]]:
    """The placements of some contacts on the house's journey."""
    rng = Random(77)
    journey = house().journey
    contacts, everything, found = [], [], []
    for number in range(60):
        contact = evolve(generate.person(rng, AT), id=f"m{number:02d}", account=f"a{number % 9}")
        begin = AT - timedelta(days=rng.randint(5, 100))
        events = [
            Event(
                rng.choice(("webinar", "demo_requested", "purchase", "returned", "visit")),
                begin + timedelta(days=rng.randint(0, 60), hours=rng.randint(0, 23)),
                {"amount": rng.choice((10, 25.5, 400))},
            )
            for _ in range(rng.randint(0, 9))
        ]
        contacts.append(contact)
        everything.append(events)
        found.append(journey.place(events, AT, contact))
    return journey, found, contacts, everything


def measures() -> Iterator[tuple[str, str]]:
    """The funnel, sales, the chain and attribution, as data and by the command line."""
    journey, found, contacts, everything = measured()
    estimates = estimate(journey, found, AT)
    yield "estimates", folded(as_json(estimates.to_dict(), indent=1), 4_000)
    pairs = [(contact.id, event) for contact, events in zip(contacts, everything, strict=True) for event in events]
    yield (
        "sales",
        as_lines(
            attrs.astuple(one) if attrs.has(type(one)) else one
            for one in sales_of(pairs, won="purchase", lost="returned", amount="amount")
        ),
    )
    chain = Chain.from_counts({"a": {"b": 5, "c": 1}, "b": {"c": 2, "a": 1}, "c": {LEFT: 4, "a": 1}}, rewards={"c": 10})
    yield (
        "chain",
        as_lines([chain.values(), chain.values(3), chain.absorption(), chain.expected_steps(), chain.visits()]),
    )
    paths = [(["mail", "call"], True), (["mail"], False), (["web", "mail", "web"], True), (["call"], False)]
    yield "attribution", as_lines([attrs.asdict(attribute(paths)), removal_effects(paths)])
    rows = [
        {"contact_id": contact.id, "event": event.event, "at": event.at, **event.properties}
        for contact, events in zip(contacts, everything, strict=True)
        for event in events
    ]
    people = [
        {"contact_id": contact.id, "account_id": contact.account, "role": contact.role, **contact.attributes}
        for contact in contacts
    ]
    Path("playbook.json").write_text(as_json(house().to_dict()), encoding="utf-8")
    write_rows("contacts.jsonl", people)
    write_rows("events.jsonl", rows)
    given = ["playbook.json", "--events", "events.jsonl", "--contacts", "contacts.jsonl", "--at", AT.isoformat()]
    for more in (
        (),
        ("--by", "role"),
        ("--by", "segments", "--won", "purchase", "--lost", "returned", "--amount", "amount"),
    ):
        texts = {}
        for engine in ENGINES:
            _, texts[engine], _ = run("funnel", *given, *more, "--json", "--engine", engine)
        assert texts["one"] == texts["columns"]
        yield f"funnel {' '.join(more)}", folded(texts["one"])
    run("funnel", *given, "--out", "funnel.csv")
    yield "funnel.csv", Path("funnel.csv").read_text("utf-8")


def measures_words() -> Iterator[tuple[str, str]]:
    """The funnel as text."""
    journey, found, _, _ = measured()
    list(measures())
    given = ["playbook.json", "--events", "events.jsonl", "--contacts", "contacts.jsonl", "--at", AT.isoformat()]
    yield "estimates", str(estimate(journey, found, AT))
    _, out, said = run("funnel", *given, "--by", "role", "--won", "purchase", "--amount", "amount")
    yield "funnel", out + said


def handed() -> Iterator[tuple[Contact, Any]]:
    """Hand-overs with their briefs."""
    journey, found, contacts, everything = measured()
    rng = Random(5)
    arbiter = Arbiter(evolve(house(), quotas=()))
    for contact, events, placement in zip(contacts, everything, found, strict=True):
        touches = [
            Touch(
                at=AT - timedelta(days=rng.randint(1, 80)),
                channel="email",
                campaign=rng.choice(("nurture", "meetup")),
                content=rng.choice(("outlook", "deck")),
                status=rng.choice(("sent", "sent", "bounced")),
            )
            for _ in range(rng.randint(0, 4))
        ]
        given = {"playbook": house(), "contact": contact, "events": events}
        decide = lambda one, at, touches=touches: arbiter.decide(one, touches, at=at, run_id="golden")  # noqa: E731
        for handover in handovers(placement, journey, touches=touches, decision=decide, **given):
            yield contact, handover


def briefs() -> Iterator[tuple[str, str]]:
    """Hand-overs as data, of single contacts and of tables of paths."""
    for number, (contact, handover) in enumerate(handed()):
        yield f"{number} {contact.id}", folded(as_json(handover.to_dict(), indent=1), 2_000 if number < 3 else 0)
    list(measures())
    given = ["playbook.json", "--events", "events.jsonl", "--contacts", "contacts.jsonl", "--at", AT.isoformat()]
    for engine in ENGINES:
        for more in ((), ("--since", (AT - timedelta(days=30)).isoformat())):
            run("place", *given, "--handovers", "handed.csv", "--paths", "paths.csv", "--engine", engine, *more)
            yield f"handed.csv {engine} {len(more)}", folded(Path("handed.csv").read_text("utf-8"))
    import pyarrow.csv as pc

    paths = pc.read_csv("paths.csv").to_pylist()
    yield "handover_rows", folded(as_lines(handover_rows(paths, house().journey)))


def briefs_words() -> Iterator[tuple[str, str]]:
    """Hand-overs as texts and pages."""
    for number, (contact, handover) in enumerate(handed()):
        yield f"{number} {contact.id}", folded(str(handover), 2_500 if number < 4 else 0)
        if number < 4:
            yield f"page of {number}", folded(handover._repr_html_(), 0)


def pictures() -> Iterator[tuple[str, str]]:
    """Journeys as SVG, Mermaid and DOT."""
    from journeykit import demo

    for name, playbook in (("demo", demo.playbook()), ("house", house())):
        yield f"mermaid of {name}", playbook.journey.to_mermaid()
        yield f"dot of {name}", playbook.journey.to_dot(title=name)
        yield f"svg of {name}", folded(playbook.journey.draw(title=name).svg, 0)
        yield f"page of {name}", folded(playbook.journey._repr_html_(), 0)
    list(measures())
    given = ["playbook.json", "--events", "events.jsonl", "--contacts", "contacts.jsonl", "--at", AT.isoformat()]
    for engine in ENGINES:
        for name in ("out.svg", "out.dot", "out.mmd"):
            run("graph", *given, "--out", name, "--engine", engine)
            yield f"{name} with volumes, {engine}", folded(Path(name).read_text("utf-8"))
    for seed in range(12):
        journey = generate_journeys.situation(seed).journey
        yield f"svg of {seed}", folded(journey.draw(columns=3).svg, 0)
        yield f"mermaid of {seed}", folded(journey.to_mermaid(), 0)


# The ledger


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


PROSE = ("explain", "show", "confirm", "release", "confirm by table", "expire", "prune", "import again", "opt out")
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


# The command line


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
        data = out if "JSON" in name or name in ("graph", "schema") else ""
        if name.startswith("check"):
            # Findings are words.
            data = ""
        yield name, f"exit code {code}\n" + folded(data, 1_500)


def command_line_words() -> Iterator[tuple[str, str]]:
    """What commands print for people, and what they say on standard error."""
    for name, (_, out, said) in commands():
        yield name, (folded(out, 4_000) if name not in ("graph", "schema", "explain, JSON") else "") + folded(said)


AREAS: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    area.__name__: area
    for area in (
        fingerprints,
        findings_words,
        identities,
        decisions,
        decisions_words,
        formats,
        single_decisions,
        single_decisions_words,
        audits,
        audits_words,
        placements,
        placements_words,
        segments,
        segments_words,
        measures,
        measures_words,
        briefs,
        briefs_words,
        pictures,
        ledger,
        ledger_words,
        command_line,
        command_line_words,
    )
}


def written(area: str) -> str:
    """What an area gives now, as its file holds it; worked out in a folder of its own."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            pages = [f"== {title}\n{text.rstrip(chr(10))}\n" for title, text in AREAS[area]()]
        finally:
            os.chdir(before)
    return "\n".join(pages)


@pytest.fixture(autouse=True)
def one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is part of the default name of a run."""
    monkeypatch.setattr(journeykit, "__version__", "0.1.0")


@pytest.mark.parametrize("area", AREAS)
def test_nothing_has_changed(area: str) -> None:
    """An area gives what its file says, to the byte."""
    wanted = (GOLDEN / f"{area}.txt").read_text("utf-8")
    found = written(area)
    if found != wanted:
        lines = difflib.unified_diff(wanted.splitlines(), found.splitlines(), "as it was", "as it is", lineterm="", n=2)
        pytest.fail("\n".join([f"{area}.txt", *list(lines)[:60]]), pytrace=False)


if __name__ == "__main__":
    journeykit.__version__ = "0.1.0"
    for one in sys.argv[1:] or AREAS:
        (GOLDEN / f"{one}.txt").write_text(written(one), encoding="utf-8", newline="\n")
