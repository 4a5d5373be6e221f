"""How far a job is: its phases, how long each takes, and a word in the log every half minute.

The log is that of Python, under the name ``journeykit``. Without a handler of yours it says nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from journeykit.basics.tracing import RunTrace, run_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

LOG = logging.getLogger("journeykit")
LOG.addHandler(logging.NullHandler())
EVERY = 30.0
"""So many seconds lie between two words of the log, at least."""
_STEP = 1.0


class Watch:
    """How far a job is. One thread works; others may ask.

    Args:
        every: seconds between two words of the log.

    Attributes:
        durations: by phase, the seconds that it has taken so far.
        detail: tells more of the phase, where there is something; an empty text for nothing.

    Example:
        >>> watch = Watch()
        >>> watch.begin("reading")
        >>> watch.begin("deciding")
        >>> watch.end()
        >>> list(watch.durations)
        ['reading', 'deciding']
    """

    def __init__(self, every: float = EVERY) -> None:
        self.durations: dict[str, float] = {}
        self.detail: Callable[[], str] = str
        self._every = every
        self._trace: RunTrace | None = None
        self._phase: str | None = None
        self._since = self._began = self._told = time.monotonic()
        self._done = 0
        self._total: int | None = None

    def begin_run(self, attributes: Mapping[str, Any]) -> None:
        """A run begins; where OpenTelemetry gathers spans, it has one from now on.

        Args:
            attributes: what is known of the run.
        """
        self._trace = run_trace(attributes)

    @property
    def is_traced(self) -> bool:
        """Whether OpenTelemetry gathers spans of the run."""
        return self._trace is not None

    def end_run(self, attributes: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> None:
        """The run is done; see `RunTrace.finish`."""
        self.end()
        if self._trace is not None:
            self._trace.finish(attributes, counts)

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """An error that comes meanwhile is the end of the run."""
        try:
            yield
        except BaseException as error:
            if self._trace is not None:
                self._trace.fail(None if isinstance(error, GeneratorExit) else error)
            raise

    def table(self, name: str) -> AbstractContextManager[None]:
        """A table is read meanwhile."""
        return nullcontext() if self._trace is None else self._trace.table(name)

    def begin(self, phase: str) -> None:
        """Another phase begins."""
        self.end()
        if self._trace is not None:
            self._trace.begin(phase)
        self._phase, self._began = phase, time.monotonic()
        LOG.debug("%s", phase, extra={"event": "phase_began", "fields": {"phase": phase}})

    def end(self) -> None:
        """The phase has ended."""
        if self._trace is not None:
            self._trace.end()
        if self._phase is not None:
            now = time.monotonic()
            self.durations[self._phase] = self.durations.get(self._phase, 0.0) + now - self._began
            told = {"phase": self._phase, "seconds": round(now - self._began, 3)}
            LOG.debug("%s took %.1f s", self._phase, now - self._began, extra={"event": "phase_ended", "fields": told})
        self._phase = None

    def count(self, done: int, total: int | None) -> None:
        """So many contacts are done, and of how many where that is known."""
        self._done, self._total = done, total
        self.beat()

    def beat(self) -> None:
        """Say in the log how far the work is, where that was last said long ago."""
        now = time.monotonic()
        if now - self._told >= self._every:
            self._told = now
            told = {"phase": self._phase, "seconds": round(now - self._since, 3)}
            told |= {"contacts": self._done, "of": self._total}
            LOG.info("%s", self.text(), extra={"event": "progress", "fields": told})

    def text(self) -> str:
        """How far the work is."""
        now = time.monotonic()
        parts = [f"{self._phase or 'working'}, {now - self._since:,.0f} s"]
        if self._done:
            of_all = "" if self._total is None else f" of {self._total:,}"
            rate = self._done / max(now - self._began, 1e-9)
            parts.append(f"{self._done:,}{of_all} contacts done, {rate:,.0f}/s")
        parts += filter(None, [self.detail()])
        return "; ".join(parts)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Let a thread look after the log, so that there is a word also where nothing is counted for long."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(min(_STEP, self._every)):
                self.beat()

        thread = threading.Thread(target=look, name="journeykit heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
