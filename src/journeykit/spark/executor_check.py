"""Whether executors can do the work: they have the library, in the driver's version, with its extension module."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from attrs import frozen

from journeykit.basics.version import VERSION
from journeykit.errors import ExecutorError
from journeykit.kernels import has_kernels
from journeykit.spark.spark_errors import said_by_spark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyspark.sql import SparkSession

_ROWS = 4_096
"""So many rows are spread over Spark's default number of partitions, which is that of the cores that it knows."""
_SCHEMA = "host string, python string, path string, version string, has_kernels boolean, trouble string"
_PASSED: WeakKeyDictionary[Any, set[frozenset[str]]] = WeakKeyDictionary()
"""What has been found to be well, by session."""
_DO = (
    f"install journeykit[spark]=={VERSION} on all executors, for the Python that PYSPARK_PYTHON names, or ship an "
    "environment that has it with the job (--archives, see the page on Spark)"
)
_SHOWN = 5


@frozen
class ExecutorFacts:
    """What a Python worker of an executor says of itself.

    Attributes:
        host: the name of its machine.
        python: the version of Python.
        path: where this Python is.
        version: the version of journeykit; None where it has none.
        has_kernels: whether the extension module is there.
        trouble: why a module cannot be imported; None where all can.
    """

    host: str
    python: str
    path: str
    version: str | None
    has_kernels: bool
    trouble: str | None

    def fault(self) -> str | None:
        """What keeps it from deciding as the driver does; None where nothing does."""
        if self.version is None:
            return f"has no journeykit ({self.trouble})"
        if self.version != VERSION:
            return f"has journeykit {self.version}"
        if self.has_kernels != has_kernels():
            return f"has journeykit {'with' if self.has_kernels else 'without'} its extension module"
        return None if self.trouble is None else f"cannot import what the work needs ({self.trouble})"


def check_executors(spark: SparkSession, modules: Iterable[str] = ()) -> None:
    """Refuse executors that would not decide as the driver does, before any work begins.

    A small job asks the executors that Spark has at that moment, once for each session. Executors that come later are
    refused by the work itself.

    Args:
        spark: the session, classic or Connect.
        modules: the names of modules that they must have too, such as those of policies.

    Raises:
        ExecutorError: where one has no journeykit, another version of it or of Python, lacks the extension module that
            the driver has, or cannot import a module; it says which ones, and what is wanted.

    Example:
        >>> check_executors(spark, ["journeykit.policies"])
    """
    wanted = frozenset(modules)
    passed = _PASSED.setdefault(spark, set())
    if any(wanted <= done for done in passed):
        return
    found = _told(spark, sorted(wanted))
    faults = Counter(f"{own.host} ({own.path}, Python {own.python}) {own.fault()}" for own in found if own.fault())
    if faults:
        own = f"journeykit {VERSION} {'with' if has_kernels() else 'without'} its extension module"
        shown = "; ".join(list(faults)[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ExecutorError(f"executors cannot decide as this driver, which has {own}: {shown}{more}. To do: {_DO}")
    passed.add(wanted)


def _told(spark: SparkSession, modules: list[str]) -> list[ExecutorFacts]:
    """What workers say of themselves."""
    try:
        rows = spark.range(_ROWS).mapInArrow(_probe(modules), _SCHEMA).collect()
    except Exception as error:
        raise ExecutorError(
            f"executors cannot run Python for this driver: {said_by_spark(error)}. To do: {_DO}"
        ) from error
    return [ExecutorFacts(**row.asDict()) for row in rows]


def _probe(modules: list[str]) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """What asks a worker; as an inner function it travels as code, so that it runs where there is no journeykit."""

    def probe(batches: Iterable[Any]) -> Iterator[Any]:
        import importlib
        import platform
        import socket
        import sys

        import pyarrow as pa

        has_rows = any([batch.num_rows > 0 for batch in batches])  # noqa: C419  (Spark wants all batches to be read)
        if not has_rows:
            return
        version, is_built, trouble = None, False, None
        try:
            version = importlib.import_module("journeykit.basics.version").VERSION
            is_built = importlib.import_module("journeykit.kernels").has_kernels()
            for name in ("journeykit.job", *modules):
                importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  (whatever it is, the driver tells it)
            trouble = f"{type(error).__name__}: {error}"
        yield pa.record_batch(
            {
                "host": [socket.gethostname()],
                "python": [platform.python_version()],
                "path": [sys.executable],
                "version": pa.array([version], pa.string()),
                "has_kernels": [is_built],
                "trouble": pa.array([trouble], pa.string()),
            }
        )

    return probe
