"""Run the command line: find the command, guard it, and turn what happens to it into a message and an exit code.

Exit codes: 0 done; 1 the work failed; 2 wrong usage; 3 the playbook is invalid; 4 the data cannot be used; 5 a guard
tripped; 75 the ledger was locked or the connection to it was lost, so that the same command may succeed later; 129, 130
and 143 ended by a signal. An error is one message on standard error.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from journeykit.basics.stopping import STOP, stopped_by
from journeykit.basics.streams import STANDARD_OUTPUT, open_streams
from journeykit.basics.threads import is_busy
from journeykit.cli.arguments import (
    AGAIN,
    DATA,
    DONE,
    FAILED,
    INTERRUPTED,
    PLAYBOOK,
    TABLES,
    USAGE,
    UsageError,
    as_json,
)
from journeykit.cli.check_command import add_check
from journeykit.cli.command_parser import CommandParser, ShowVersion
from journeykit.cli.compare_command import add_compare
from journeykit.cli.decide_command import add_decide
from journeykit.cli.evaluate_command import add_evaluate
from journeykit.cli.explain_command import add_explain
from journeykit.cli.forecast_commands import add_overlap, add_pressure
from journeykit.cli.funnel_command import add_funnel
from journeykit.cli.graph_command import add_graph
from journeykit.cli.json_log import OPTION, is_json_log, json_log, record_line, take_format, tell
from journeykit.cli.learn_commands import add_learn, add_score
from journeykit.cli.ledger_commands import add_ledger
from journeykit.cli.matrix_command import add_matrix
from journeykit.cli.measure_command import add_measure
from journeykit.cli.place_command import add_place
from journeykit.cli.report_command import add_report
from journeykit.cli.segments_command import add_segments
from journeykit.cli.simulate_command import add_simulate
from journeykit.errors import (
    DataError,
    JourneykitError,
    LedgerError,
    PlaybookError,
    PolicyError,
    named_error,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

_SIGNALLED = 128
_PASSING = ("locked", "lost")
"""Kinds of trouble with a ledger that pass by themselves."""
_READ = (*TABLES, "log", "decisions", "chances")
"""The tables that commands read; ``-`` is standard input."""
_KEPT = "what the ledger has reserved by then stays, and the same command goes on from there"


EXIT_CODES = (
    "exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 invalid playbook, 4 unusable data, 5 a guard tripped, 75 "
    "ledger locked or connection lost: try again, 129 terminal closed (SIGHUP), 130 interrupted (SIGINT), 143 ended by "
    "SIGTERM"
)
"""What help says of them."""


class _Terminated(SystemExit):
    """SIGTERM came, or the terminal was closed."""

    def __init__(self, number: int) -> None:
        super().__init__(_SIGNALLED + number)


def main(argv: Sequence[str] | None = None, make_parser: Callable[[], argparse.ArgumentParser] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; None takes those of the process.
        make_parser: makes the parser of another command line, whose arguments have what runs them as ``command``; None
            for that of ``journeykit``.

    Returns:
        The exit code.

    Example:
        >>> main(["--version"])  # doctest: +ELLIPSIS
        journeykit 0.1.0
        ...
        0
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if argv is None and not any(word.startswith("--policy") for word in given):
        # No code of ours multiplies matrices large enough for threads, and each of them costs time to start.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with open_streams(), _rare_collections(), ExitStack() as stack:
        try:
            given, form = take_format(given)
        except UsageError as error:
            return _say(str(error), USAGE)
        if form == "json":
            stack.enter_context(json_log(quiet="--quiet" in given))
        code = _guarded(given, make_parser, is_alone=argv is None)
        if argv is None and (STOP.error is not None or is_busy()):
            # The work has failed or was stopped: nobody waits for what threads still do.
            if STOP.error is None:
                sys.stdout.flush()
            STOP.remove_left()
            sys.stderr.flush()
            os._exit(code)
        if argv is None:
            # Python ends now: what is there is not looked through once more.
            gc.freeze()
        return code


def _guarded(given: list[str], make_parser: Callable[[], argparse.ArgumentParser] | None, *, is_alone: bool) -> int:
    """Run, and tell of a signal; whether the process is there for this alone, and ends afterwards."""
    _speak_any_language()
    try:
        with _stopped_by_signals(given, is_alone=is_alone):
            return _run(given, make_parser)
    except KeyboardInterrupt:
        return _say(_stopped(given, signal.SIGINT), INTERRUPTED)
    except _Terminated as end:
        number = int(str(end.code)) - _SIGNALLED
        return _say(_stopped(given, number), _SIGNALLED + number)
    except BrokenPipeError:
        return _let_go_of_output()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED if end.code else DONE


def _run(given: list[str], make_parser: Callable[[], argparse.ArgumentParser] | None) -> int:
    try:
        if make_parser is None and given[:1] == ["demo"]:
            # The demo reads its own arguments.
            code: int = importlib.import_module("journeykit.demo").main(given[1:])
            return code
        arguments = (make_parser or _parser)().parse_args(given)
        try:
            with _standard_input(arguments):
                done: int = arguments.command(arguments)
        except _Terminated:
            raise
        except SystemExit:
            return _say(_who_ended_it(arguments), FAILED)
        sys.stdout.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, a user gets a message and no traceback)
        told = named_error(error, STANDARD_OUTPUT) if isinstance(error, OSError) else error
        if isinstance(told, OSError) and told.filename == STANDARD_OUTPUT:
            # What Python still holds for a standard output that takes no more would fail once more at the end.
            _let_go_of_output()
        return _say(*_message(told), told)
    return done


@contextmanager
def _standard_input(arguments: argparse.Namespace) -> Iterator[None]:
    """Give the command a file instead of standard input, if a table is to be read from there."""
    names = [name for name in _READ if getattr(arguments, name, None) == "-"]
    if not names:
        yield
        return
    if len(names) > 1:
        both = " and ".join(f"--{name}" for name in names)
        raise UsageError(f"{both} cannot both be standard input: give files for all but one")
    from journeykit.cli.standard_input import kept_input

    with kept_input() as path:
        setattr(arguments, names[0], path)
        yield


def _who_ended_it(arguments: argparse.Namespace) -> str:
    """What to say where foreign code wanted to end the process: that would pass for success."""
    own = ", ".join(f"{name} ({place})" for name, _, place in getattr(arguments, "policy", ()))
    culprit = f"most likely the policy {own}" if own else "no code of ours does that"
    return f"the work was ended by sys.exit before it was done; {culprit}"


def _message(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, (UsageError, PolicyError)):
        return str(error), USAGE
    if isinstance(error, PlaybookError):
        return str(error), PLAYBOOK
    if isinstance(error, DataError):
        return str(error), DATA
    if isinstance(error, LedgerError) and error.kind in _PASSING:
        return str(error), AGAIN
    if isinstance(error, JourneykitError):
        return str(error), FAILED
    if isinstance(error, OSError):
        said = error.strerror or str(error)
        return f"{error.filename}: {said}" if error.filename else said, FAILED
    if isinstance(error, MemoryError):
        return "out of memory", FAILED
    return f"this should not happen, please report it: {type(error).__name__}: {error}", FAILED


def _say(message: str, code: int, error: Exception | None = None) -> int:
    """Say what went wrong, with the parts of an error where the log has fields."""
    if is_json_log():
        parts = {name: getattr(error, name, None) for name in ("source", "row", "field")}
        fields: dict[str, Any] = {"code": code, "error": error and type(error).__name__}
        fields |= {name: part for name, part in parts.items() if part not in (None, "")}
        if isinstance(error, PlaybookError):
            fields["problems"] = [str(problem) for problem in error.problems]
        tell("error", "failed", message, fields)
    else:
        print(f"journeykit: {message}", file=sys.stderr)
    return code


def _speak_any_language() -> None:
    """Let a terminal that lacks a letter show its code rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_output() -> int:
    """The reader of our output went away, which is their right: end quietly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(nowhere)
    return FAILED


def _stopped(given: list[str], number: int) -> str:
    """What to say where a signal has ended the work."""
    name = signal.Signals(number).name
    said = "interrupted (SIGINT)" if number == signal.SIGINT else f"ended by {name}"
    written = "the output had been written" if STOP.is_written else "no output was written"
    has_ledger = any(word.partition("=")[0] == "--ledger" for word in given)
    return "; ".join([said, written, *([_KEPT] if has_ledger else [])])


@contextmanager
def _stopped_by_signals(given: list[str], *, is_alone: bool) -> Iterator[None]:
    """Let signals, and a terminal that closes, end the work as an exception would: nothing half-written is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminated(number: int) -> Callable[[], BaseException]:
        return lambda: _Terminated(number)

    errors = {number: terminated(number) for number in (signal.SIGTERM, getattr(signal, "SIGHUP", None)) if number}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Where it is ignored, as in what a shell runs in the background, it stays so.
        errors[signal.SIGINT] = KeyboardInterrupt

    def leave(number: int) -> None:
        with suppress(OSError):
            said = _stopped(given, number)
            line = f"journeykit: {said}\n"
            if is_json_log():
                line = record_line("error", "failed", said, {"code": _SIGNALLED + number})
            os.write(2, line.encode())

    with stopped_by(errors, leave if is_alone else None):
        yield


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python look for garbage in circles rarely: most of what a command makes lasts to its end."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="journeykit",
        # The format of the log is taken before: a part of its name would pass, and do nothing.
        allow_abbrev=False,
        description="Decide which messages a contact gets, which wait, which lose, and why.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="print the version")
    parser.add_argument(
        OPTION,
        choices=("text", "json"),
        help="what is said on standard error, as text or as lines of JSON; also after the command",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add_check(commands)
    add_decide(commands)
    add_compare(commands)
    add_explain(commands)
    add_place(commands)
    add_funnel(commands)
    add_segments(commands)
    add_measure(commands)
    add_overlap(commands)
    add_pressure(commands)
    add_matrix(commands)
    add_learn(commands)
    add_score(commands)
    add_evaluate(commands)
    add_simulate(commands)
    add_report(commands)
    add_ledger(commands)
    add_graph(commands)

    schema = commands.add_parser("schema", help="print the JSON Schema of playbooks, or of summaries")
    schema.add_argument("what", nargs="?", choices=("playbook", "summary"), default="playbook", help="(playbook)")
    schema.set_defaults(command=_schema)
    commands.add_parser("demo", help="show what journeykit does, on public data", add_help=False)
    return parser


def _schema(arguments: argparse.Namespace) -> int:
    from journeykit.job.summary_schema import summary_schema
    from journeykit.playbook.json_schema import json_schema

    print(as_json(json_schema() if arguments.what == "playbook" else summary_schema()))
    return DONE
