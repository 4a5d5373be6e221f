"""The session that the tests of Spark share."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest


def told(batches):
    """What a worker of Python knows: its own Python, this library and a helper beside the tests."""
    import oracle

    import journeykit

    for batch in batches:
        rows = batch.num_rows
        yield pa.record_batch(
            {
                "python": [sys.executable] * rows,
                "home": [journeykit.__file__] * rows,
                "helper": [oracle.__file__] * rows,
            }
        )


@pytest.mark.parametrize("kind", ["spark", "connect"])
def test_workers_have_the_library_and_the_helpers_of_tests(kind, request):
    """Workers run the Python of the tests, with this library and what the tests import, in both kinds of sessions."""
    import oracle

    import journeykit

    session = request.getfixturevalue(kind)
    found = session.range(4, numPartitions=2).mapInArrow(told, "python string, home string, helper string").distinct()
    assert [tuple(row) for row in found.collect()] == [(sys.executable, journeykit.__file__, oracle.__file__)]
