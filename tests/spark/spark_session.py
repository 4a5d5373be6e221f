"""A Spark session for tests: what it needs, its settings, and a Connect session on the same server."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MUST = os.environ.get("JOURNEYKIT_SPARK") == "1"
"""Whether these tests may not be skipped, as in `.ci/spark`."""
CONNECT = ("grpc", "grpc_status", "google.rpc", "zstandard")
"""The modules that Spark's Connect needs besides PySpark."""


def lacking(*modules: str, java: bool = True) -> str | None:
    """Why the tests cannot run here, or None; whether they need Java and PySpark."""
    absent = [name for name in ("pyspark", *modules) if not _is_there(name)]
    if absent:
        return f"{', '.join(absent)} is missing: `.ci/spark` installs what these tests need"
    if java and shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        return "Java is missing: Spark 4 needs Java 17 or 21 on the path, or JAVA_HOME"
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return "tests of Spark share one session: run `pytest tests/spark` without -n"
    return None


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def need(*modules: str, java: bool = True) -> None:
    """Skip the test where what it needs is missing; where it must run (`JOURNEYKIT_SPARK=1`), fail."""
    why = lacking(*modules, java=java)
    if why is not None:
        (pytest.fail if MUST else pytest.skip)(f"no tests of Spark: {why}")


SETTINGS = {
    "spark.driver.memory": "1g",
    # Tests are many small queries: a compiler that begins at once, and no threads of a collector.
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.timezone=UTC",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    # A Connect server in the same machine, for the sessions of `connected`.
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
}


def start(folder, master="local[2, 2]", settings=None):
    """Start a session whose files are in a folder; a task may fail once and is tried again, as on a cluster.

    Python's workers find what tests find: this library, and the helpers beside the tests.
    """
    from pyspark.sql import SparkSession

    own = {
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        **({} if lacking(*CONNECT) else {"spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin"}),
    }
    builder = SparkSession.builder.master(master).appName("tests of journeykit")
    for name, value in (SETTINGS | own | (settings or {})).items():
        builder = builder.config(name, value)
    with environment():
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


@contextmanager
def environment():
    """The environment in which a Spark of tests starts: the loopback, this Python, and the paths of the tests."""
    paths = [path for path in sys.path if Path(path).is_relative_to(TESTS.parent)]
    own = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]).strip(os.pathsep),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        yield own


def connected(session):
    """A session of Spark Connect, on the server in the machine of a session: the same tables and workers."""
    from pyspark.sql.connect.session import SparkSession

    service = session._jvm.org.apache.spark.sql.connect.service
    server = getattr(getattr(service, "SparkConnectService$"), "MODULE$")
    return SparkSession.builder.remote(f"sc://127.0.0.1:{server.localPort()}").create()
