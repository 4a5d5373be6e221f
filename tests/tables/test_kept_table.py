"""Tables that are kept in memory, and grow."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from journeykit.tables.arrow.arrays import coded, texts
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.kept_table import KeptTable


def test_a_thousand_additions_are_a_few_chunks() -> None:
    """Row by row the same, whatever the columns of an addition, and what was there stays as it was."""
    given = (1, ("ID", "name"), [pa.array([7]), pa.array(["old"])])
    table = KeptTable("events", [given], ("ID", "name"))
    for number in range(1000):
        names = texts([f"event {number % 3}", "other"])
        more = {"amount": pa.array([float(number)])} if number % 2 else {}
        table = table.followed_by([pa.record_batch({"id": [number], "name": coded(np.zeros(1, int), names), **more})])
    assert table.columns == ("ID", "name", "amount")
    assert (table.rows, table.count) == (1001, 1001)
    chunks = [*table.chunks()]
    assert chunks[0] is given
    assert len(chunks) < 15
    assert chunks[1][0] == 2
    read = [dict(zip(names, map(Column, arrays), strict=True)) for _, names, arrays in chunks[1:]]
    assert [cell for own in read for cell in own["id"].cells()] == [*range(1000)]
    assert [cell for own in read for cell in own["name"].cells()] == [f"event {number % 3}" for number in range(1000)]
    amounts = [cell for own in read for cell in own["amount"].cells()]
    assert amounts == [float(number) if number % 2 else None for number in range(1000)]
