"""What commands say on standard error as JSON lines, for machines that gather logs."""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from journeykit.basics.watch import LOG
from journeykit.cli.arguments import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

OPTION = "--log-format"
_FORMATS = ("text", "json")
_NAME = "journeykit: "
_WARNING = "warning: "
_WARNINGS = logging.getLogger("py.warnings")


def take_format(given: Sequence[str]) -> tuple[list[str], str]:
    """The arguments without the option, and the format that it names.

    The option is one of all commands, and may come anywhere.

    Raises:
        UsageError: for another format, or none.

    Example:
        >>> take_format(["decide", "playbook.yaml", "--log-format", "json"])
        (['decide', 'playbook.yaml'], 'json')
    """
    rest, found = [], ""
    words = iter(given)
    for word in words:
        name, mark, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif name == OPTION:
            if found:
                raise UsageError(f"argument {OPTION}: given twice; it takes one value")
            found = value if mark else next(words, "")
            if found not in _FORMATS:
                raise UsageError(f"{OPTION} is {found!r}; allowed are {', '.join(_FORMATS)}")
        else:
            rest.append(word)
    return rest, found or _FORMATS[0]


def record_line(level: str, event: str, message: str, fields: Mapping[str, Any] | None = None) -> str:
    """One line of the log.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        event: what happened, as one word that stays the same.
        message: the same for people.
        fields: its numbers and names; what is no plain data is written as text.
    """
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"time": time, "level": level, "event": event, "message": message, **(fields or {})}
    # Letters as escapes: they come through whatever encoding the stream has.
    return json.dumps(told, default=str) + "\n"


class JsonLog:
    """An error stream that writes what it is given as JSON lines.

    Args:
        stream: the error stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Take some text; what ends with the end of a line is a record, be it of several lines."""
        with self._lock:
            self._waiting += text
            found = ""
            if self._waiting.endswith("\n"):
                found, self._waiting = self._waiting, ""
        self._note(found)
        return len(text)

    def _note(self, text: str) -> None:
        message = text.strip().removeprefix(_NAME)
        if message:
            level = "warning" if message.startswith(_WARNING) else "info"
            self.record(level, "note", message.removeprefix(_WARNING))

    def record(self, level: str, event: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
        """Write a record; see `record_line`."""
        self._stream.write(record_line(level, event, message, fields))
        self._stream.flush()

    def flush(self) -> None:
        """Nothing waits that is a record."""

    def isatty(self) -> bool:
        """No terminal shows it: there is no progress bar."""
        return False

    def close(self) -> None:
        """Write what waits for its end."""
        found, self._waiting = self._waiting, ""
        self._note(found)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _JsonHandler(logging.Handler):
    """Writes records of Python's logs."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", None)
        self._log.record(record.levelname.lower(), getattr(record, "event", "log"), record.getMessage().strip(), fields)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  (what `warnings.showwarning` takes)
    line: str | None = None,
) -> None:
    """Log a warning of Python."""
    _WARNINGS.warning(warnings.formatwarning(message, category, filename, lineno, line))


@contextmanager
def json_log(*, quiet: bool) -> Iterator[None]:
    """Write what is said on standard error as JSON lines meanwhile, and what logs and warnings of Python say.

    Args:
        quiet: whether logs say nothing: no phases, no progress.
    """
    before, level, root = sys.stderr, LOG.level, logging.getLogger()
    log = JsonLog(before)
    handler = _JsonHandler(log)
    sys.stderr = cast("TextIO", log)
    if not quiet:
        # Of other libraries what a person would see too.
        root.addHandler(handler)
        LOG.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings():
            if not quiet:
                warnings.showwarning = _warned
            yield
    finally:
        log.close()
        root.removeHandler(handler)
        LOG.setLevel(level)
        sys.stderr = before


def is_json_log() -> bool:
    """Whether standard error gets JSON lines."""
    return isinstance(sys.stderr, JsonLog)


def tell(level: str, event: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
    """Say something on standard error: the message, or where that is asked for a line of JSON with more."""
    if isinstance(sys.stderr, JsonLog):
        sys.stderr.record(level, event, message, fields)
    else:
        print(message, file=sys.stderr)
