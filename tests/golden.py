"""What the golden files share: playbooks, contacts, and how texts are held."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import generate
import generate_journeys
import yaml
from attrs import evolve
from test_conformance import CASES, as_claims, playbook_of

from journeykit import (
    Cap,
    Contact,
    Playbook,
    PlaybookError,
    presets,
)
from journeykit.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


@cache
def playbooks() -> tuple[tuple[str, Playbook], ...]:
    """Every playbook at hand: of files, of the docs as of when this was written, presets, cases, random ones."""
    return tuple(_playbooks())


def _playbooks() -> Iterator[tuple[str, Playbook]]:
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


def people(count: int) -> list[Contact]:
    """Contacts with data missing, withdrawn or expired."""
    rng = Random(count)
    return [evolve(generate.person(rng, AT), id=f"q{number}") for number in range(count)]


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


def wordless(data: Any) -> Any:
    """Plain data without its texts for people."""
    if isinstance(data, dict):
        return {name: wordless(value) for name, value in data.items() if name not in ("why", "missing", "description")}
    return [wordless(value) for value in data] if isinstance(data, list) else data


def without(mapping: dict[str, Any], *names: str) -> dict[str, Any]:
    """Plain data without what is words."""
    return {name: value for name, value in mapping.items() if name not in names}


def reachable(start: int) -> Iterator[Any]:
    """Random journeys of which every stage can be reached."""
    for seed in itertools.count(start):
        journey = generate_journeys.situation(seed).journey
        with contextlib.suppress(PlaybookError):
            yield Playbook(journey=journey).journey
