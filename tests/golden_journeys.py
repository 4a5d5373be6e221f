"""Golden: placements, segments, measures, hand-overs and pictures."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import generate
import generate_journeys
import tabled
from attrs import evolve

from journeykit import (
    Arbiter,
    Contact,
    Playbook,
    Touch,
)
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

if TYPE_CHECKING:
    from collections.abc import Iterator

from golden import AT, ENGINES, as_json, as_lines, digest, folded, house, people, reachable, run, wordless, write_rows


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


def step_row(step: Any) -> tuple[Any, ...]:
    """A step with its transition, if any, and its evidence."""
    names = ("source", "to", "event", "when", "after", "without")
    way = None if step.transition is None else [getattr(step.transition, name) for name in names]
    return step.stage, step.since, way and as_json(way), attrs.astuple(step.evidence)


def placements() -> Iterator[tuple[str, str]]:
    """`Journey.place`, and the tables that both engines make, with paths and hand-overs."""
    for seed in range(60):
        found = generate_journeys.situation(seed)
        given = found.given()
        own = found.journey.place(found.events, found.at, found.attributes, **given)
        text = as_json(attrs.asdict(own, recurse=False, filter=lambda field, _: field.name != "path"))
        path = as_lines(map(step_row, own.path))
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
        yield (
            f"{number} {contact.id}",
            folded(as_json(wordless(handover.to_dict()), indent=1), 2_000 if number < 3 else 0),
        )
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
