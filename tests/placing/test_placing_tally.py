"""What is counted of parts of the contacts adds up to what is counted of all, and the paths are the same."""

from __future__ import annotations

from random import Random
from typing import Any

import pyarrow as pa
import pytest
from attrs import evolve
from generate_journeys import BEGIN, HORIZON, MINUTE, attributes, instant, journey, log

from journeykit import Journey, Transition
from journeykit.journey import Event
from journeykit.placing.place import place_table
from journeykit.placing.placing_tally import PlacingTally
from journeykit.tables import BadRows

AT = BEGIN + HORIZON * MINUTE


def row_of(contact: object, event: Event) -> dict[str, Any]:
    return {"contact_id": contact, "event": event.event, "at": event.at, "event_id": event.id, **event.properties}


def tables(pick: Random, contacts: int = 12) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events and contacts, with bad rows, doubles, and events of contacts who are not known."""
    events = [row_of(f"c{number}", own) for number in range(contacts + 2) for own in log(pick)]
    events += [row_of(f"c{pick.randrange(contacts)}", Event("odd", instant(pick))) for _ in range(3)]
    events += [{"contact_id": f"c{pick.randrange(contacts)}", "event": "visit", "at": "soon"} for _ in range(3)]
    people = [{"contact_id": f"c{number}", **attributes(pick)} for number in range(contacts)]
    people += [people[0], {"contact_id": "c3", "timezone": "Mars/Base"}]
    return events, [own | {"entry_stage": pick.choice((None, "decision", "decisoin"))} for own in people]


def placed(own: Journey, events: Any, contacts: Any, bad: BadRows) -> tuple[list[Any], list[Any], PlacingTally]:
    found = place_table(own, events, contacts, AT, timezone="Europe/Skopje", threads=1, bad=bad)
    return list(found.stages()), list(found.steps()), found.tally


@pytest.mark.parametrize("seed", range(12))
def test_parts_of_the_contacts_add_up(seed: int) -> None:
    """However contacts are parted, with a table of contacts or without: the same rows, and the same summary."""
    pick = Random(seed)
    own = journey(pick)
    events, people = tables(pick)
    given = people if seed % 3 else None
    stages, steps, whole = placed(own, events, given, BadRows())
    part_of = {f"c{number}": pick.randrange(3) for number in range(20)}
    total, parts = PlacingTally(), []
    for part in pick.sample(range(3), 3):
        mine = [[row for row in rows if part_of[row["contact_id"]] == part] for rows in (events, people)]
        parts.append(placed(own, mine[0], given and mine[1], BadRows(is_part=True)))
        total.merge(parts[-1][2])
    assert sorted(stages, key=str) == sorted((row for part in parts for row in part[0]), key=str)
    assert sorted(steps, key=str) == sorted((row for part in parts for row in part[1]), key=str)
    # The order of bad rows, and their numbers, are those of a part.
    one, other = (evolve(found.summary(own, AT), bad=()) for found in (whole, total))
    assert one == other
    assert whole.bad.kinds == total.bad.kinds


def test_a_part_without_rows_has_the_columns_of_all() -> None:
    """Of empty tables the result has its columns with their kinds; nothing is counted, and nothing is said."""
    own = Journey(["a", "b"], [Transition(source="a", to="b", when='sum("buy.amount") > 3')])
    events = pa.table({"contact_id": pa.array([], pa.string()), "event": pa.array([], pa.string())})
    events = events.append_column("at", pa.array([], pa.timestamp("us", "UTC")))
    found = place_table(own, events, None, AT, bad=BadRows(is_part=True))
    assert found.table.schema.field("since").type == pa.timestamp("us", "UTC")
    assert (found.tally.contacts, found.tally.events, found.summary.notes) == (0, 0, ())
