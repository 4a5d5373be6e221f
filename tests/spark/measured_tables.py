"""Contacts and events to be placed over Spark and locally, on one journey."""

from __future__ import annotations

from random import Random
from typing import Any

import pyarrow as pa
from generate_journeys import BEGIN, HORIZON, MINUTE, attributes, log
from parity import table

from journeykit import Journey, Stage, Transition

AT = BEGIN + HORIZON * MINUTE
JOURNEY = Journey(
    [Stage("awareness", "marketing"), Stage("consideration", qualified="score >= 1"), Stage("decision", reentry="3h")],
    [
        Transition(source="awareness", to="consideration", when='count("visit", "2h") >= 2 or sum("form.amount") > 2'),
        Transition(source="consideration", to="decision", event="purchase"),
        Transition(source="decision", to="awareness", after="90m"),
        Transition(source="awareness", to="decision", when='last("form.role") == "boss"'),
    ],
)


def places(contacts: int) -> dict[str, pa.Table | None]:
    """Contacts with whole numbers as ids, and events that write them as texts; rows of nobody, doubles, bad cells."""
    pick = Random(contacts)
    people = [{"contact_id": number, **attributes(pick), "version": 1} for number in range(contacts)]
    people += [{**own, **attributes(pick), "version": 2} for own in pick.sample(people, contacts // 10)]
    people += [{"contact_id": None, "score": 1, "version": 1}] * 3
    events = []
    for number in range(contacts + 5):
        for own in log(pick):
            at = "soon" if pick.random() < 0.01 else own.at.isoformat()
            ids = pick.choice((str(number), f" {number} ", None if pick.random() < 0.05 else f"{number}"))
            events.append({"contact_id": ids, "event": own.event, "at": at, "event_id": own.id, **own.properties})
    return {"contacts": table(pick.sample(people, len(people))), "events": table(pick.sample(events, len(events)))}


def first_rows(tables: dict[str, pa.Table | None]) -> dict[str, Any]:
    """The same as the local engine is to see it: of several rows the one first that is first on Spark."""
    events = tables["events"].to_pylist()
    contacts = [] if tables.get("contacts") is None else tables["contacts"].to_pylist()
    contacts.sort(key=lambda own: -own["version"])
    events.sort(key=lambda own: [(cell is None, str(cell)) for cell in (own["at"], *own.values())])
    kinds = {name: own.schema for name, own in tables.items() if own is not None}
    return {
        "events": pa.Table.from_pylist(events, kinds["events"]),
        "contacts": pa.Table.from_pylist(contacts, kinds["contacts"]) if contacts else None,
    }
