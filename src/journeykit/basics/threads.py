"""Threads: chunks that are worked on at once and given back in order, and work that goes on in the background."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from concurrent.futures import Future
from queue import Full, Queue, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from journeykit.basics.stopping import STOP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")
_STEP = 0.05
_LONGEST = 60.0
"""So many seconds the end of Python waits for what threads are working on."""


class _Busy:
    """How many threads are working on something.

    A thread that comes back from compiled code while Python ends would end the process with an error: so Python waits.
    """

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()
        self._is_over = False

    def __enter__(self) -> bool:
        """Begin to work; whether there is still time to."""
        with self._changed:
            self.count += 1
            return not self._is_over

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self.count -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until nothing is worked on; nothing is begun any more."""
        with self._changed:
            self._is_over = True
            self._changed.wait_for(lambda: self.count == 0, _LONGEST)


_BUSY = _Busy()
atexit.register(_BUSY.wait)


def is_busy() -> bool:
    """Whether a thread is working on something, though nobody waits for it any more."""
    return _BUSY.count > 0


def at_once(work: Callable[[_Given], _Result], given: Iterable[_Given], threads: int) -> Iterator[_Result]:
    """What becomes of each thing that is given, in order; a few are worked on at once.

    An interrupted caller does not wait for what is worked on; Python does, before it ends.

    Example:
        >>> list(at_once(len, ["a", "bc", ""], 2))
        [1, 2, 0]
    """
    tasks: SimpleQueue[tuple[Future[_Result], _Given] | None] = SimpleQueue()
    waiting: deque[Future[_Result]] = deque()
    started = 0
    try:
        for thing in given:
            if started < threads:  # no more threads than things
                threading.Thread(target=_work, args=(work, tasks), daemon=True).start()
                started += 1
            future: Future[_Result] = Future()
            tasks.put((future, thing))
            waiting.append(future)
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in range(started):
            tasks.put(None)


def _work(work: Callable[[Any], Any], tasks: SimpleQueue[Any]) -> None:
    while (task := tasks.get()) is not None:
        future, thing = task
        with _BUSY as is_time:
            if is_time and future.set_running_or_notify_cancel():
                try:
                    future.set_result(work(thing))
                except BaseException as error:  # noqa: BLE001  (it is raised where the result is asked for)
                    future.set_exception(error)
            # What was worked on is let go before the next thing is waited for, and while Python still waits: compiled
            # code may be what lets it go.
            del task, future, thing


class Background(Generic[_Given]):
    """Work that a thread of its own does, one thing after another, while its caller goes on.

    What goes wrong is raised by the next `put`, or at the end. Where the caller fails, what is still waiting is let
    go, and only what is being worked on is waited for.

    Args:
        work: what is done with each thing.
        ahead: so many things may wait; then the caller waits too.

    Example:
        >>> found = []
        >>> with Background(found.append) as background:
        ...     background.put("a")
        ...     background.put("b")
        >>> found
        ['a', 'b']
    """

    def __init__(self, work: Callable[[_Given], object], ahead: int = 2) -> None:
        self._work = work
        self._waiting: Queue[_Given | None] = Queue(ahead)
        self._error: BaseException | None = None
        self._is_over = False
        self._has_left = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_over = kind is not None
        # Who closes what the thread works with must be sure that it has left: nothing that is raised ends the waiting.
        kept: BaseException | None = None
        while not self._has_left.is_set():
            try:
                self._wait()
            except BaseException as error:  # noqa: BLE001  (it is raised below)
                self._is_over = True
                kept = kept or error
        if kept is not None:
            raise kept
        STOP.check()
        if kind is None:
            self._raise()

    def _wait(self) -> None:
        """Wait until the thread has ended. `Thread.join` that is interrupted takes it for ended, though it is not."""
        is_told = False
        while not self._has_left.is_set():
            self._is_over = self._is_over or STOP.is_waiting()
            if not is_told:
                try:
                    self._waiting.put(None, timeout=_STEP)
                except Full:
                    continue
                is_told = True
            self._has_left.wait(_STEP)

    def put(self, thing: _Given) -> None:
        """Let the thread work on a thing, after those that wait."""
        self._raise()
        self._waiting.put(thing)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work_on_all()
        finally:
            self._has_left.set()

    def _work_on_all(self) -> None:
        while (thing := self._waiting.get()) is not None:
            with _BUSY as is_time:
                try:
                    if is_time and self._error is None and not self._is_over:
                        self._work(thing)
                except BaseException as error:  # noqa: BLE001  (it is raised in the thread of the caller)
                    self._error = error
                del thing
