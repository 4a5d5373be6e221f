"""Golden: playbooks, decisions of tables and of single contacts, audits."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import generate
import tabled
from attrs import evolve

from journeykit import (
    Arbiter,
    Cap,
    Holdout,
    OnMissing,
    Playbook,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from golden import (
    AT,
    ENGINES,
    as_json,
    as_lines,
    digest,
    folded,
    house,
    masked,
    people,
    playbooks,
    run,
    without,
    write_rows,
)


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


@cache
def singles() -> tuple[tuple[generate.Situation, Any], ...]:
    """Decisions of single contacts, explained."""
    return tuple(_singles())


def _singles() -> Iterator[tuple[generate.Situation, Any]]:
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
