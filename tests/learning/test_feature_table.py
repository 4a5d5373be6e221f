"""Features as a table: what examples have, and parts of the contacts that add up."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from letters import AT, playbook, tables

import journeykit
from journeykit.learning import MessageHistory, examples_of, feature_table, score
from journeykit.learning.campaign_scoring import scores_at_hour
from journeykit.learning.history_features import hour_counts, usual_hour
from journeykit.learning.score_tally import ScoreTally
from journeykit.measuring import MessageTable
from journeykit.measuring.credits import EventReading
from journeykit.measuring.message_table import MessageReading
from journeykit.tables import BadRows


def test_a_table_of_features_has_what_examples_have() -> None:
    """The same values by name, for the messages that are examples; for the others nobody knows the answer."""
    own = tables()
    past = MessageHistory.read(playbook(), **own, until=AT, static="born")
    found, examples = feature_table(past, until=AT), examples_of(past, until=AT)["sale"]
    known = found.filter(found["answered_sale"].is_valid())
    assert known["answered_sale"].to_pylist() == examples.label.tolist()
    for name, feature in zip(examples.matrix.names, examples.matrix.features, strict=True):
        if feature.kind == "category":
            assert known[name].to_pylist() == examples.matrix.texts(name)
        else:
            assert np.array_equal(np.array(known[name], np.float64), examples.matrix.column(name), equal_nan=True)
    assert 0 < known.num_rows < found.num_rows


def test_the_columns_of_features_do_not_depend_on_the_events_that_there_are() -> None:
    """The well-known responses have theirs whether or not there are such events, and so has a table without rows."""
    own = tables()
    quiet = [event for event in own["events"] if event["event"] != "opt_out"]
    with_all, without = (
        feature_table(MessageHistory.read(playbook(), own["touches"], events, until=AT), until=AT)
        for events in (own["events"], quiet)
    )
    assert with_all.schema == without.schema
    assert {"answered_opt_out", "answered_complaint", "responses_complaint"} <= set(without.column_names)
    assert not any(without["answered_opt_out"].to_pylist())
    empty = [pa.Table.from_pylist(own[name]).slice(0, 0) for name in ("touches", "events")]
    assert feature_table(MessageHistory.read(playbook(), *empty, until=AT), until=AT).schema == without.schema


def history(touches: Any, events: Any, contacts: Any, **more: Any) -> MessageHistory:
    """The past of some of the contacts."""
    rules, bad = playbook(), BadRows(is_part=True)
    reading = MessageReading(rules, touches, contacts=None, zone=None, columns=(), bad=bad)
    table = reading.table(MessageTable, since=None, until=round(AT.timestamp() * 1e6))
    found = EventReading(rules, table, events, zone=None, bad=bad).credit(table)
    return MessageHistory.of(rules, table, found, events, until=AT, contacts=contacts, zone=None, bad=bad, **more)


def parted(own: dict[str, pa.Table], pick: Random) -> list[dict[str, pa.Table]]:
    """Tables of some contacts each."""
    names = sorted({name for table in own.values() for name in table["contact_id"].to_pylist()})
    part_of = {name: pick.randrange(3) for name in names}
    return [
        {
            kind: table.filter(pa.array([part_of[name] == part for name in table["contact_id"].to_pylist()]))
            for kind, table in own.items()
        }
        for part in range(3)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_parts_of_the_contacts_add_up(seed: int) -> None:
    """However contacts are parted, the same features and scores, and the same is said of them."""
    pick = Random(seed)
    own = {name: pa.Table.from_pylist(rows) for name, rows in tables().items()}

    def with_city(*names: str | None) -> pa.Table:
        return own["contacts"].append_column("city", pa.array([pick.choice(names) for _ in range(40)])).slice(seed, 30)

    static = ("born", "city")
    model = journeykit.learn(
        playbook(), **own | {"contacts": with_city("Ohrid", "Bitola", None)}, until=AT, static=static
    )
    own["contacts"] = with_city("Ohrid", "Prilep", "Struga")
    whole = score(playbook(), model, own["contacts"], own["touches"], own["events"], at=AT)
    past = MessageHistory.read(playbook(), **own, until=AT, static=static)
    own_scores, tally, hours = [], ScoreTally(), np.zeros(24, np.int64)
    for part in parted(own, pick):
        found = scores_at_hour(
            playbook(),
            model,
            history(**part, static=static, only=frozenset(static)),
            at=AT,
            response=None,
            hour=whole.hour,
        )
        own_scores.append(found.table())
        tally.merge(found.tally())
        hours += hour_counts(found.history.clock, found.history.messages.at)
    assert sorted_rows(pa.concat_tables(own_scores)) == sorted_rows(whole.table())
    assert usual_hour(past.clock, hours, whole.at) == whole.hour
    told = [*tally.notes(whole.features, whole.hour, whole.at, model.until)]
    assert tally.unseen["city"].keys() == {"Prilep", "Struga"}
    assert told == [note for note in whole.notes if note in told]
    assert len(told) > 1
    features = [
        feature_table(history(**part, static=static, only=None), until=AT, attributes=static)
        for part in parted(own, pick)
    ]
    assert sorted_rows(pa.concat_tables(features)) == sorted_rows(feature_table(past, until=AT, attributes=static))


def test_a_part_without_contacts_has_the_columns_of_all() -> None:
    """Where the table of contacts has no row of a part, its attributes are missing, with the types that they have."""
    own = {name: pa.Table.from_pylist(rows) for name, rows in tables().items()}
    own["contacts"] = own["contacts"].append_column("city", pa.array(["Ohrid"] * 40))
    whole, part = (
        feature_table(history(**own | {"contacts": people}, static=("born", "city"), only=None), until=AT)
        for people in (own["contacts"], own["contacts"].slice(0, 0))
    )
    assert whole.schema == part.schema
    assert part.drop_columns(["born", "city"]).equals(whole.drop_columns(["born", "city"]))
    assert part["city"].null_count == len(part)


def sorted_rows(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))
