"""Spark for tests: one session, `local[2]`, for all tests of the process.

They skip, and say why, where PySpark or Java is missing or tests run in many processes (`-n`); `.ci/spark`, which
installs both, sets `JOURNEYKIT_SPARK=1`, and then they fail instead. Only what asks for the fixture `spark` (or
`connect`) needs Spark.

Pages of docs/ and docstrings that need Spark run here, with `spark` at hand, and not in `tests/test_docs.py`
(`test_spark_docs.py`): pages called `spark...`, and that on Ray and Dask, in a process of its own. Modules of
`journeykit.spark` import without PySpark.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import spark_session

FOLDER = Path(__file__).parent
WARNINGS = (
    "ignore:PySpark does not yet fully support pandas:FutureWarning",
    "ignore:unclosed:ResourceWarning",  # PySpark leaves its sockets to Python
    "ignore::DeprecationWarning:pyspark",
)
"""What PySpark warns of, which is not for these tests to judge."""


def pytest_collection_modifyitems(items):
    """Filter PySpark's own warnings in these tests, and nowhere else."""
    for item in items:
        if FOLDER in Path(item.path).parents:
            for own in WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(own))


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """The session of all tests."""
    spark_session.need()
    session = spark_session.start(tmp_path_factory.mktemp("spark"))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def connect(spark):
    """A session of Spark Connect beside the classic one, on the same machine."""
    spark_session.need(*spark_session.CONNECT)
    session = spark_session.connected(spark)
    yield session
    session.stop()
