"""Threads: chunks that are worked on at once, and given back in order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


def at_once(work: Callable[[_Given], _Result], given: Iterable[_Given], threads: int) -> Iterator[_Result]:
    """What becomes of each thing that is given, in order; a few are worked on at once.

    An interrupted caller does not wait: the threads end with the process, whatever they are doing.

    Example:
        >>> list(at_once(len, ["a", "bc", ""], 2))
        [1, 2, 0]
    """
    tasks: SimpleQueue[tuple[Future[_Result], _Given] | None] = SimpleQueue()
    for _ in range(threads):
        threading.Thread(target=_work, args=(work, tasks), daemon=True).start()
    waiting: deque[Future[_Result]] = deque()
    try:
        for thing in given:
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
        for _ in range(threads):
            tasks.put(None)


def _work(work: Callable[[Any], Any], tasks: SimpleQueue[Any]) -> None:
    while (task := tasks.get()) is not None:
        future, thing = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work(thing))
            except BaseException as error:  # noqa: BLE001  (it is raised where the result is asked for)
                future.set_exception(error)
        # What was worked on is let go before the next thing is waited for.
        del task, future, thing
