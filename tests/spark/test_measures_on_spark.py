"""Placing, credit, features and scores over Spark: the rows of the local functions, whatever the partitions."""

from __future__ import annotations

import re
from datetime import timedelta
from random import Random
from typing import Any

import credited
import letters
import pyarrow as pa
import pytest
from attrs import evolve
from measured_tables import AT, JOURNEY, first_rows, places
from parity import table

import journeykit
from journeykit import DataError, ModelError
from journeykit import spark as on_spark
from journeykit.learning import MessageHistory, feature_table, score
from journeykit.measuring import MessageTable, credit


def rows(found: Any) -> list[str]:
    """The rows of a table in an order of their own."""
    found = found if isinstance(found, pa.Table) else found.toArrow()
    return sorted(map(repr, found.to_pylist()))


def without_rows(notes: tuple[str, ...]) -> list[str]:
    """Notes without the numbers of rows, which Spark has not."""
    return [re.sub(r" \(rows? [^)]*\)", "", note) for note in notes]


def frames(spark: Any, tables: dict[str, pa.Table | None]) -> dict[str, Any]:
    return {name: None if own is None else spark.createDataFrame(own) for name, own in tables.items()}


def test_contacts_are_placed_as_they_are_locally(spark: Any) -> None:
    """One row for each contact, and one for each step: ids as they came, bad rows and strangers left out."""
    tables = places(120)
    local = JOURNEY.place_table(**first_rows(tables), at=AT)
    assert local.summary.bad_rows > 20
    own = frames(spark, tables)
    for paths, partitions in ((False, 3), (True, 1)):
        summary = on_spark.RunSummary()
        found = on_spark.place(
            spark, JOURNEY, **own, at=AT, paths=paths, order_by="version desc", partitions=partitions, summary=summary
        ).toArrow()
        assert evolve(summary.get, bad=()) == evolve(local.summary, bad=())
        assert any(bad.contact for bad in summary.get.bad)
        assert rows(found) == rows(local.paths if paths else local.table)
        assert found.schema.field("contact_id").type == pa.int64()


def test_everybody_with_an_event_is_placed_where_there_are_no_contacts(connect: Any) -> None:
    """By Spark Connect too."""
    tables = {"events": places(40)["events"]}
    local = JOURNEY.place_table(first_rows(tables)["events"], at=AT)
    summary = on_spark.RunSummary()
    found = on_spark.place(
        connect, JOURNEY, frames(connect, tables)["events"], at=AT, partitions=2, summary=summary, max_bad="90%"
    )
    assert rows(found) == rows(local.table)
    assert evolve(summary.get, bad=()) == evolve(local.summary, bad=())


def test_events_are_credited_as_they_are_locally(spark: Any) -> None:
    """With messages before the start, names that nobody knows, and contacts who are not in the table."""
    touches, events = credited.tables(5, rows=900, contacts=60)
    people = table([{"contact_id": f"c{number}", "account_id": f"a{number % 7}"} for number in range(50)])
    tables = {"touches": table(touches), "events": table(events)}
    since, until = credited.DAY + timedelta(days=2), credited.DAY + timedelta(days=8)
    for contacts, more in ((people, {"since": since, "until": until}), (None, {})):
        messages = MessageTable.read(
            credited.PLAYBOOK, tables["touches"], contacts=contacts, columns=("decision_id",), **more
        )
        whole = credit(credited.PLAYBOOK, messages, tables["events"])
        local = whole.table(messages)
        own = frames(spark, {**tables, "contacts": contacts})
        summary = on_spark.RunSummary()
        found = on_spark.credit(spark, credited.PLAYBOOK, **own, partitions=3, summary=summary, **more)
        assert rows(found) == rows(local)
        assert summary.get.responses == tuple(evolve(own, rows={}, no_number_rows=()) for own in whole.counts)
        assert local.num_rows > 100


def test_features_and_scores_are_those_of_the_local_functions(spark: Any) -> None:
    """A model that one machine has learned scores contacts where they are, by attributes that change too."""
    pick, tables = Random(3), {name: table(own) for name, own in letters.tables(60).items()}
    people = [
        {**own, "city": pick.choice(("Ohrid", "Bitola", None)), "visits": number, "valid_from": letters.on(10 * number)}
        for own in tables["contacts"].to_pylist()
        for number in range(3)
    ]
    tables["contacts"] = table(people)
    rules, static = letters.playbook(), ("born", "city")
    past = MessageHistory.read(rules, **tables, until=letters.AT, static=static)
    own = frames(spark, tables)
    more = {"until": letters.AT, "since": letters.on(20)}
    summary = on_spark.RunSummary()
    found = on_spark.features(spark, rules, **own, static=static, partitions=3, summary=summary, **more).toArrow()
    assert without_rows(summary.get.notes) == without_rows(past.notes)
    local = feature_table(past, **more)
    assert found.column_names == local.column_names
    assert {"city", "visits", "answered_sale", "responses_opt_out"} <= set(found.column_names)
    assert rows(found) == rows(local)
    for contacts in (tables["contacts"], None):
        given = {} if contacts is None else {"contacts": contacts, "static": static}
        model = journeykit.learn(rules, tables["touches"], tables["events"], until=letters.AT, **given)
        people = None if contacts is None else own["contacts"]
        summary = on_spark.RunSummary()
        scores = on_spark.score(
            spark, rules, model, people, own["touches"], own["events"], at=letters.AT, partitions=3, summary=summary
        )
        whole = score(rules, model, contacts, tables["touches"], tables["events"], at=letters.AT)
        assert rows(scores) == rows(whole.table())
        assert summary.get.contacts == whole.contacts
        assert without_rows(summary.get.notes) == without_rows(whole.notes)


def test_what_cannot_be_is_said_before_work_begins(spark: Any) -> None:
    """Tables of another kind, columns that are missing, an order of nothing, an attribute that contacts lack."""
    events = spark.createDataFrame(table([{"contact_id": "a", "event": "visit", "at": "2026-01-01T00:00Z"}]))
    contacts = spark.createDataFrame(table([{"contact_id": "a", "score": 1}]))
    with pytest.raises(DataError, match="a table is a DataFrame of Spark here, found list"):
        on_spark.place(spark, JOURNEY, [], at=AT)
    with pytest.raises(ModelError, match="give summary too"):
        on_spark.place(spark, JOURNEY, events, at=AT, max_bad=3)
    with pytest.raises(DataError, match="'event' is missing"):
        on_spark.place(spark, JOURNEY, contacts, at=AT)
    with pytest.raises(ModelError, match="order_by says which of several rows"):
        on_spark.place(spark, JOURNEY, events, at=AT, order_by="score")
    with pytest.raises(DataError, match="'sent_at' is missing"):
        on_spark.credit(spark, credited.PLAYBOOK, contacts, events)
    sent = events.withColumnRenamed("at", "sent_at")
    with pytest.raises(DataError, match="contacts have no attribute 'scores'; did you mean 'score'"):
        on_spark.features(spark, letters.playbook(), sent, events, contacts, until=AT, static="scores")
