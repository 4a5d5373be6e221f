"""Spans and counters of OpenTelemetry, where the process has set it up. The only home of opentelemetry.

The library needs its API alone, and only if it is there: where nothing of it was loaded nobody gathers spans, and
nothing is asked. What a span is, and what it may be called, is in https://opentelemetry.io/docs/specs/otel/trace/api/.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = "journeykit"


class RunTrace:
    """The spans of one run: its own, one for each phase, and one for each table that is read in a phase.

    Args:
        api: the modules ``trace`` and ``metrics`` of OpenTelemetry's API.
        attributes: what is known of the run when it begins.
    """

    def __init__(self, api: tuple[Any, Any], attributes: Mapping[str, Any]) -> None:
        self._trace, metrics = api
        self._tracer = self._trace.get_tracer(_NAME)
        self._meter = metrics.get_meter(_NAME)
        self._run: Any = self._tracer.start_span(f"{_NAME}.run", attributes=_named(attributes))
        self._phase: Any = None

    def begin(self, phase: str) -> None:
        """A phase begins; the one before has ended."""
        self._phase = self._below(self._run, f"{_NAME}.phase.{phase}")

    def end(self) -> None:
        """The phase has ended."""
        if self._phase is not None:
            self._phase.end()
            self._phase = None

    @contextmanager
    def table(self, name: str) -> Iterator[None]:
        """A table is read meanwhile."""
        span = self._below(self._phase or self._run, f"{_NAME}.table.{name}")
        try:
            yield
        except Exception as error:
            self._fail(span, error)
            raise
        finally:
            span.end()

    def finish(self, attributes: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> None:
        """The run is done.

        Args:
            attributes: what is known of it now.
            counts: by counter, how many more by what they are; an empty text where they are of one kind.
        """
        if self._run is None:
            return
        self.end()
        self._run.set_attributes(_named(attributes))
        for counter, values in counts.items():
            found = self._meter.create_counter(f"{_NAME}.{counter}")
            for kind, value in values.items():
                found.add(value, {f"{_NAME}.kind": kind} if kind else {})
        self._run.end()
        self._run = None

    def fail(self, error: BaseException | None = None) -> None:
        """The run has failed, or is given up; nothing where it is done."""
        if self._run is None:
            return
        self.end()
        self._fail(self._run, error)
        self._run.end()
        self._run = None

    def __del__(self) -> None:
        # A run that was never begun, or is not read to its end.
        if getattr(self, "_run", None) is not None and not sys.is_finalizing():
            self.fail()

    def _below(self, span: Any, name: str) -> Any:
        return self._tracer.start_span(name, context=self._trace.set_span_in_context(span))

    def _fail(self, span: Any, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            span.record_exception(error)
        said = "the run did not come to its end" if error is None else f"{type(error).__name__}: {error}"
        span.set_status(self._trace.StatusCode.ERROR, said)


def run_trace(attributes: Mapping[str, Any]) -> RunTrace | None:
    """The spans of a run that begins; None where the process does not use OpenTelemetry.

    Args:
        attributes: what is known of the run.
    """
    if "opentelemetry" not in sys.modules:
        return None
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return None
    return RunTrace((trace, metrics), attributes)


def _named(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{_NAME}.{name}": value for name, value in attributes.items() if value is not None}
