"""The command line: ``journeykit check``, ``decide``, ``plan``, ``explain``, ``ledger``, ``graph`` and so on.

Exit codes: 0 done; 1 the work failed; 2 wrong usage; 3 the playbook is invalid; 4 the data cannot be used; 75 the
ledger was locked or the connection to it was lost, so that the same command may succeed later; 129, 130 and 143 ended
by a signal. An error is one message on standard error.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from journeykit.errors import (
    DataError,
    JourneykitError,
    LedgerError,
    MissingExtraError,
    ModelError,
    PlaybookError,
    PolicyError,
    closest,
    named_error,
)
from journeykit.funnel_command import add_funnel
from journeykit.graph_command import add_graph, draw_graph
from journeykit.journey_commands import TABLE_KINDS, add_place, write_summary
from journeykit.ledger_commands import WrongUsageError, add_ledger, max_bad, open_ledger
from journeykit.segments_command import add_segments, report_segments
from journeykit.streams import STANDARD_OUTPUT, open_streams
from journeykit.watch import LOG, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType

    from journeykit.arbiter import Arbiter
    from journeykit.columns import TableJob
    from journeykit.job import Inputs, Job
    from journeykit.ledger import Ledger
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.survey import Inspection

DONE, FAILED, USAGE, PLAYBOOK, DATA = range(5)
AGAIN = 75
INTERRUPTED = 130
"""The exit codes."""
_SIGNALLED = 128
_PASSING = ("locked", "lost")
"""Kinds of trouble with a ledger that pass by themselves."""
_TABLES = ("contacts", "touches", "scores", "claims")
_READ = (*_TABLES, "events", "log", "decisions")
"""The tables that commands read; ``-`` is standard input."""
_PATIENCE = 10
_BAD_SHOWN = 10


_KEPT = "no output was written; what a ledger has reserved by then stays, and the same command goes on from there"


class _UsageError(Exception):
    """A wrong command line, found after it was parsed."""


class _Terminated(SystemExit):
    """SIGTERM came, or the terminal was closed."""

    def __init__(self, number: int) -> None:
        super().__init__(_SIGNALLED + number)
        self.name = signal.Signals(number).name


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; None takes those of the process.

    Returns:
        The exit code.

    Example:
        >>> main(["--version"])
        journeykit 0.1.0
        0
    """
    given = list(sys.argv[1:] if argv is None else argv)
    with open_streams():
        return _guarded(given)


def _guarded(given: list[str]) -> int:
    _speak_any_language()
    try:
        with _stopped_by_sigterm():
            return _run(given)
    except KeyboardInterrupt:
        return _say(f"interrupted (SIGINT); {_KEPT}", INTERRUPTED)
    except _Terminated as end:
        return _say(f"ended by {end.name}; {_KEPT}", int(str(end.code)))
    except BrokenPipeError:
        return _let_go_of_output()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED if end.code else DONE


def _run(given: list[str]) -> int:
    try:
        if given[:1] == ["demo"]:
            # The demo reads its own arguments.
            code: int = importlib.import_module("journeykit.demo").main(given[1:])
            return code
        arguments = _parser().parse_args(given)
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
        return _say(*_message(told))
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
        raise _UsageError(f"{both} cannot both be standard input: give files for all but one")
    from journeykit.standard_input import kept_input

    with kept_input() as path:
        setattr(arguments, names[0], path)
        yield


def _who_ended_it(arguments: argparse.Namespace) -> str:
    """What to say where foreign code wanted to end the process: that would pass for success."""
    own = ", ".join(f"{name} ({module}:{attribute})" for name, module, attribute in getattr(arguments, "policy", ()))
    culprit = f"most likely the policy {own}" if own else "no code of ours does that"
    return f"the work was ended by sys.exit before it was done; {culprit}"


def _message(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, (_UsageError, WrongUsageError, PolicyError)):
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


def _say(message: str, code: int) -> int:
    print(f"journeykit: {message}", file=sys.stderr)
    return code


def _speak_any_language() -> None:
    """Let a terminal that lacks a letter show its code rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _log_on_stderr() -> None:
    """Let the log speak on standard error, where nobody has said where it goes."""
    import logging

    if not LOG.hasHandlers() or all(isinstance(own, logging.NullHandler) for own in LOG.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("journeykit: %(asctime)s %(message)s", "%H:%M:%S"))
        LOG.addHandler(handler)
        LOG.setLevel(logging.INFO)
        LOG.propagate = False


def _let_go_of_output() -> int:
    """The reader of our output went away, which is his right: end quietly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(nowhere)
    return FAILED


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, and a terminal that closes, end the work as an exception would: nothing half-written is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        raise _Terminated(number)

    ends = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {end: signal.signal(end, stop) for end in ends}
    try:
        yield
    finally:
        for end, handler in before.items():
            signal.signal(end, handler)


# The arguments


class _Parser(argparse.ArgumentParser):
    """Reads arguments; of options that a command does not have, the command itself tells, with its own usage."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            given = next((word for word in unknown if word.startswith("-")), "").partition("=")[0]
            meant = closest(given, known) if given else None
            hint = f"; did you mean {meant}?" if meant else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="journeykit",
        description="Decide which messages a contact gets, which wait, which lose, and why.",
        epilog="exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 invalid playbook, 4 unusable data, 75 ledger "
        "locked or connection lost: try again, 129 terminal closed (SIGHUP), 130 interrupted (SIGINT), 143 ended by "
        "SIGTERM",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = _command(commands, "check", _check, "read a playbook and say what is wrong with it")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    tables = check.add_argument_group("tables", "compared with the playbook before a run; nothing is decided")
    for name, words in (
        ("contacts", "words, columns and consents that the playbook does not know, and rows that cannot be used"),
        ("touches", "the history"),
        ("claims", "what is asked for"),
        ("scores", "propensity and value by contact and campaign"),
        ("events", "what contacts did, for the journey"),
    ):
        tables.add_argument(f"--{name}", metavar="F", help=words)
    tables.add_argument("--zone", metavar="NAME", help="the zone in which instants without an offset are meant")

    decide = _command(commands, "decide", _decide, "decide all contacts of a table")
    _add_tables(decide)
    _add_job(decide)

    plan = _command(commands, "plan", _plan, "decide all contacts of a table for days to come, and print the calendar")
    _add_tables(plan, until=True)
    _add_job(plan)

    explain = _command(commands, "explain", _explain, "explain the decision for one contact")
    _add_tables(explain)
    explain.add_argument("--contact", required=True, metavar="ID", help="whose")
    explain.add_argument("--prices", metavar="F", help="prices of the quotas, as decide and plan save them")
    explain.add_argument("--ledger", metavar="URL", help="read the history from a ledger too; reserves nothing")
    explain.add_argument(
        "--run", metavar="NAME", help="with --ledger, the history as it was when this run began; by default that of now"
    )
    form = explain.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", action="store_true", help="print HTML")

    add_place(commands, _instant)
    add_funnel(commands, _instant)
    segments = _command(commands, "segments", report_segments, "count contacts by segment: gaps and overlaps")
    add_segments(segments, _instant)
    add_ledger(commands, _instant, _loader)

    add_graph(_command(commands, "graph", _graph, "draw the journey, as SVG, Mermaid or DOT"), _instant)

    commands.add_parser("schema", help="print the JSON Schema of playbooks").set_defaults(command=_schema)
    commands.add_parser("demo", help="show what journeykit does, on public data", add_help=False)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from journeykit import __version__

        print(f"journeykit {__version__}")
        parser.exit()


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=f"{words[0].upper()}{words[1:]}."
    )
    parser.add_argument("playbook", metavar="PLAYBOOK", help="a playbook: .yaml, .toml or .json")
    parser.set_defaults(command=run)
    return parser


def _add_tables(parser: argparse.ArgumentParser, *, until: bool = False) -> None:
    """What says who is decided, and for when; whether the last instant of a plan must be given."""
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument("--contacts", metavar="F", help="may be left out where --claims is given")
    tables.add_argument("--touches", metavar="F", help="the history")
    tables.add_argument("--scores", metavar="F", help="propensity and value by contact and campaign")
    tables.add_argument("--claims", metavar="F", help="what is asked for; else it is derived from the audiences")
    tables.add_argument("--zone", metavar="NAME", help="the zone in which instants without an offset are meant")
    parser.add_argument("--at", required=True, type=_instant, metavar="T", help="the instant of the decisions")
    parser.add_argument("--until", required=until, type=_instant, metavar="T", help="the last instant of a plan")
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        type=_policy,
        metavar="NAME=MODULE:OBJECT",
        help="your own policy, by the name that the playbook uses; may be repeated",
    )


def _add_job(parser: argparse.ArgumentParser) -> None:
    """What says how a job works, and what becomes of its decisions."""
    parser.add_argument("--out", required=True, metavar="F", help="the decisions: .csv, .jsonl or .parquet; - prints")
    parser.add_argument("--format", choices=("csv", "jsonl", "parquet"), help="where the ending does not say it")
    parser.add_argument("--all", action="store_true", help="write denied claims too")
    parser.add_argument("--explain", action="store_true", help="fill the columns displaced and needs")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, with a plan's calendar")
    parser.add_argument("--run", type=_name, metavar="NAME", help="a name for the run; by default a hash")
    parser.add_argument(
        "--ledger",
        metavar="URL",
        help="read the history from a ledger too, and reserve what is granted; killed, and begun again with the same "
        "--run, it goes on",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="with --ledger, a rehearsal: read it, reserve nothing, and leave no mark of the run",
    )
    parser.add_argument(
        "--keep-decisions",
        action="store_true",
        help="with --ledger, keep what was decided of each contact there; `journeykit ledger explain` shows it",
    )
    parser.add_argument(
        "--engine",
        choices=("one", "columns"),
        help="who does the work; both give the same rows (by default columns, where the extra is installed)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse tables that do not match the playbook, with exit code 4, before anything is decided or reserved: "
        "unknown words, missing columns, types that a rule can never meet",
    )
    parser.add_argument(
        "--max-bad", type=max_bad, metavar="N|P%%", help="fail where more rows, or a larger share of a table's, are bad"
    )
    parser.add_argument(
        "--bad-rows", metavar="F", help="keep bad rows whole in a file, with what is wrong: .csv, .jsonl or .parquet"
    )
    parser.add_argument(
        "--summary", metavar="F", help="write the summary as JSON, with engine, version and seconds by phase"
    )
    parser.add_argument(
        "--save-prices", metavar="F", help="write the prices of the quotas, for decisions on single contacts"
    )


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; leave the option out, or give a name")
    return text


def _instant(text: str) -> datetime:
    from journeykit.basics.clock import iso_text

    try:
        found = datetime.fromisoformat(iso_text(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no instant; write 2026-11-05T10:00:00Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} has no offset; write it as 2026-11-05T10:00:00Z or 2026-11-05T10:00:00+01:00"
        )
    from journeykit.basics.clock import micros

    try:
        micros(found)
    except ModelError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return found


def _policy(text: str) -> tuple[str, str, str]:
    name, mark, place = text.partition("=")
    module, colon, attribute = place.partition(":")
    if not (name and mark and module and colon and attribute):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=MODULE:OBJECT")
    return name, module, attribute


def _loader(text: str) -> tuple[str, Callable[[], Any]]:
    """A policy's name, and what loads it."""
    name, module, attribute = _policy(text)
    return name, partial(_load_policy, module, attribute)


# The commands


def _check(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook

    try:
        playbook = Playbook.load(arguments.playbook)
    except PlaybookError as error:
        if not arguments.json:
            raise
        print(_as_json({"valid": False, "problems": [_problem(problem) for problem in error.problems]}))
        return PLAYBOOK
    warnings = [*playbook.check(), *_policy_warning(playbook)]
    inspection = _inspected(arguments, playbook)
    if arguments.json:
        found = {"valid": True, "fingerprint": playbook.fingerprint}
        found |= {"problems": [_problem(problem) for problem in warnings]}
        print(_as_json(found | ({} if inspection is None else _inspection_data(inspection))))
    else:
        for warning in warnings:
            print(f"warning: {warning}")
        if inspection is not None:
            _print_inspection(inspection)
        print(f"{arguments.playbook}: valid, {len(warnings)} warning{'s' * (len(warnings) != 1)}")
        print(f"fingerprint {playbook.fingerprint}")
    if inspection is not None and inspection.useless is not None:
        raise inspection.useless
    return DONE


def _inspected(arguments: argparse.Namespace, playbook: Playbook) -> Inspection | None:
    """What is to be said of the tables, if there are any."""
    names = ("contacts", "touches", "claims", "scores", "events")
    sources = {name: getattr(arguments, name) for name in names}
    if all(source is None for source in sources.values()):
        return None
    from journeykit.basics.clock import clock
    from journeykit.tables.survey import inspect

    try:
        zone = None if arguments.zone is None else clock(arguments.zone).zone
    except ModelError as error:
        raise _UsageError(f"--zone: {error}") from error
    return inspect(playbook, sources, zone=zone)


def _inspection_data(found: Inspection) -> dict[str, Any]:
    return {
        "mismatches": [mismatch.to_dict() for mismatch in found.mismatches],
        "bad_rows": {"count": found.bad.total, "first": [str(bad) for bad in found.bad.first]},
        "notes": list(found.notes),
    }


def _print_inspection(found: Inspection) -> None:
    for mismatch in found.mismatches:
        print(f"warning: {mismatch}")
    for note in found.notes:
        print(f"note: {note}")
    if found.bad.total:
        print(f"bad rows: {found.bad.total:,}")
        for bad in found.bad.first[:_BAD_SHOWN]:
            print(f"  {bad}")
        if found.bad.total > _BAD_SHOWN:
            print(f"  ... and {found.bad.total - min(_BAD_SHOWN, len(found.bad.first)):,} more")
    count = len(found.mismatches)
    bad_rows = f"{found.bad.total:,} bad row{'s' * (found.bad.total != 1)}"
    print(f"tables: {count:,} mismatch{'es' * (count != 1)} with the playbook, {bad_rows}")


def _policy_warning(playbook: Playbook) -> Iterator[Any]:
    from journeykit.errors import Problem, closest
    from journeykit.policies import BUILT_IN

    if playbook.policy not in BUILT_IN:
        message = f"{playbook.policy!r} is not built in; decide needs --policy {playbook.policy}=MODULE:OBJECT"
        yield Problem("policy", message, suggestion=closest(playbook.policy, BUILT_IN), severity="warning")


def _problem(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("severity", "path", "line", "message", "suggestion")}


def _decide(arguments: argparse.Namespace) -> int:
    summary = _done(arguments).summary()
    if arguments.summary is not None:
        write_summary(arguments.summary, summary.to_dict(run=True))
    if arguments.json:
        print(_as_json(summary.to_dict()))
    else:
        print(summary, file=sys.stderr)
    return DONE


def _plan(arguments: argparse.Namespace) -> int:
    job = _done(arguments)
    summary, calendar = job.summary(), job.calendar()
    if arguments.summary is not None:
        write_summary(arguments.summary, summary.to_dict(run=True) | calendar.to_dict())
    if arguments.json:
        print(_as_json(summary.to_dict() | calendar.to_dict()))
        return DONE
    # Where the decisions take the standard output, people read on the other one.
    page = sys.stderr if arguments.out == "-" else sys.stdout
    print(calendar.text(shutil.get_terminal_size().columns) if page.isatty() else calendar, file=page)
    print(summary, file=sys.stderr)
    return DONE


def _done(arguments: argparse.Namespace) -> Job | TableJob:
    """The job, done: its decisions are written."""
    _check_outputs(arguments)
    for name in ("dry_run", "keep_decisions"):
        if getattr(arguments, name) and arguments.ledger is None:
            raise _UsageError(f"--{name.replace('_', '-')} is about a ledger: give --ledger too")
    if arguments.dry_run and arguments.keep_decisions:
        raise _UsageError("--dry-run keeps nothing: leave out --keep-decisions")
    arbiter = _arbiter(arguments)
    inputs = _inputs(arguments)
    if arguments.save_prices is not None and not arbiter.playbook.quotas:
        raise _UsageError("--save-prices: the playbook has no quotas, and so there are no prices")
    with _ledger(arguments) as ledger, _Bar() as bar, bar.watch.beating() if not bar.shown else nullcontext():
        work = _columns_job if _takes_columns(arguments) else _job
        job = work(arguments, arbiter, inputs, bar, ledger)
    if arguments.save_prices is not None:
        prices = job.summary().prices
        assert prices is not None  # noqa: S101  (there are quotas)
        prices.save(arguments.save_prices)
    return job


def _takes_columns(arguments: argparse.Namespace) -> bool:
    """Whether the columnar engine does the work."""
    if arguments.engine is not None:
        return bool(arguments.engine == "columns")
    return all(importlib.util.find_spec(name) is not None for name in ("numpy", "numba", "narwhals", "pyarrow"))


def _job(arguments: argparse.Namespace, arbiter: Arbiter, inputs: Inputs, bar: _Bar, ledger: Ledger | None) -> Job:
    from journeykit.job import Job

    job = Job(
        arbiter,
        inputs,
        at=arguments.at,
        until=arguments.until,
        explain=arguments.explain,
        run_id=arguments.run,
        max_bad=arguments.max_bad,
        bad_rows=arguments.bad_rows,
        progress=bar,
        watch=bar.watch,
        ledger=ledger,
        strict=arguments.strict,
        dry_run=arguments.dry_run,
        keep_decisions=arguments.keep_decisions,
    )
    job.write(arguments.out, form=arguments.format, everything=arguments.all)
    return job


def _columns_job(
    arguments: argparse.Namespace, arbiter: Arbiter, inputs: Inputs, bar: _Bar, ledger: Ledger | None
) -> TableJob:
    try:
        from journeykit.columns import TableJob
    except ImportError as error:
        raise MissingExtraError("columns", "--engine columns") from error
    job = TableJob(
        arbiter,
        inputs.contacts,
        inputs.touches,
        inputs.scores,
        inputs.claims,
        at=arguments.at,
        until=arguments.until,
        explain=arguments.explain,
        everything=arguments.all,
        run_id=arguments.run,
        zone=inputs.zone,
        max_bad=arguments.max_bad,
        bad_rows=arguments.bad_rows,
        progress=bar,
        watch=bar.watch,
        ledger=ledger,
        strict=arguments.strict,
        dry_run=arguments.dry_run,
        keep_decisions=arguments.keep_decisions,
    )
    # The first use on a machine compiles the kernels: whoever waits should know for what.
    patience = threading.Timer(_PATIENCE, _say_why_it_takes_long)
    patience.daemon = True
    bar.on_start = patience.cancel
    if bar.shown:
        patience.start()
    try:
        job.write(arguments.out, form=arguments.format)
    finally:
        patience.cancel()
    return job


def _ledger(arguments: argparse.Namespace) -> AbstractContextManager[Ledger | None]:
    return nullcontext() if arguments.ledger is None else open_ledger(arguments.ledger)


def _say_why_it_takes_long() -> None:
    print(
        "journeykit: most likely the kernels are being compiled for this machine, once; that takes a minute or two",
        file=sys.stderr,
    )


def _check_outputs(arguments: argparse.Namespace) -> None:
    """What can be said of the output before any work is done."""
    from journeykit.tables import ENDINGS, format_of
    from journeykit.tables.outputs import ADVICE, harm_to

    given = [arguments.playbook, arguments.out, _ledger_file(arguments)]
    given += [getattr(arguments, name) for name in _TABLES]
    for option, saved in _beside(arguments):
        if saved is None:
            continue
        if any(harm_to(other, saved) for other in given):
            raise _UsageError(f"{option} {saved} would overwrite a file that is read or written")
        if not os.path.isdir(os.path.dirname(os.path.abspath(saved))) or os.path.isdir(saved):  # noqa: PTH100, PTH112, PTH120
            raise _UsageError(f"{option} {saved}: no file can be written there")
        if option == "--bad-rows" and format_of(saved) is None:
            raise _UsageError(f"{option} {saved}: the ending of a table is one of {', '.join(ENDINGS)}")
        given.append(saved)
    out = arguments.out
    if out == "-":
        if arguments.json:
            raise _UsageError("--out - and --json both want the standard output")
        if arguments.format is None:
            raise _UsageError("--out - needs --format csv, jsonl or parquet")
        return
    if arguments.format is None and format_of(out) is None:
        raise _UsageError(f"--out {out}: the ending of a table is one of {', '.join(ENDINGS)}; or give --format")
    if os.path.isdir(out):  # noqa: PTH112  (a text is all that is needed)
        raise _UsageError(f"--out {out} is a directory")
    read = {name: getattr(arguments, name) for name in ("playbook", *_TABLES)}
    for name, source in (read | {"ledger": _ledger_file(arguments)}).items():
        harm = harm_to(source, out)
        if harm is not None:
            raise _UsageError(f"--out {out} would {harm} the {name}; {ADVICE}")


def _ledger_file(arguments: argparse.Namespace) -> str | None:
    """The file of a ledger that is one."""
    head, found, path = (arguments.ledger or "").partition(":///")
    return path if found and head.startswith("sqlite") and path else None


def _beside(arguments: argparse.Namespace) -> list[tuple[str, str | None]]:
    """What a job writes beside its decisions."""
    names = ("save_prices", "summary", "bad_rows")
    return [(f"--{name.replace('_', '-')}", getattr(arguments, name)) for name in names]


def _explain(arguments: argparse.Namespace) -> int:
    from journeykit.job import decide_one

    arbiter = _arbiter(arguments)
    if arbiter.playbook.quotas and arbiter.prices is None:
        print("quotas hold over all contacts: one alone is told of them by --prices only", file=sys.stderr)
    if arguments.run is not None and arguments.ledger is None:
        raise _UsageError("--run names a run of a ledger: give --ledger too")
    with _ledger(arguments) as ledger:
        _, decision, bad = decide_one(
            arbiter,
            _inputs(arguments),
            arguments.contact,
            at=arguments.at,
            until=arguments.until,
            ledger=ledger,
            run_id=arguments.run,
        )
    if bad:
        # A touch that cannot be read does not count: whoever reads the answer must know that it may be missing.
        print("these rows could not be used, and count for nothing here:", *bad[:10], sep="\n  ", file=sys.stderr)
    found = decision.explain()
    if arguments.json:
        print(found.to_json())
    else:
        print(found._repr_html_() if arguments.html else found)
    return DONE


def _graph(arguments: argparse.Namespace) -> int:
    draw_graph(arguments)
    return DONE


def _schema(_: argparse.Namespace) -> int:
    from journeykit.playbook.json_schema import json_schema

    print(_as_json(json_schema()))
    return DONE


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _arbiter(arguments: argparse.Namespace) -> Arbiter:
    from journeykit.arbiter import Arbiter
    from journeykit.playbook.playbook import Playbook
    from journeykit.prices import Prices

    if arguments.until is not None and arguments.until < arguments.at:
        raise _UsageError("--until lies before --at")
    policies = {name: _load_policy(module, attribute) for name, module, attribute in arguments.policy}
    saved = getattr(arguments, "prices", None)
    prices = None if saved is None else Prices.load(saved)
    playbook = Playbook.load(arguments.playbook)
    _check_policy(playbook.policy, policies)
    if prices is not None and prices.playbook == playbook.fingerprint:
        prices.check(playbook, str(saved))
    return Arbiter(playbook, policies=policies, prices=prices)


def _check_policy(name: str, given: dict[str, Any]) -> None:
    """Say of a policy that nobody knows how the command line takes it."""
    from journeykit.policies import BUILT_IN

    known = {**BUILT_IN, **given}
    if name not in known:
        meant = closest(name, known)
        hint = f"; did you mean {meant!r}?" if meant else ""
        raise PolicyError(
            f"the playbook's policy is {name!r}; known are {', '.join(sorted(known))}{hint}. Give your own as "
            f"--policy {name}=MODULE:OBJECT"
        )


def _load_policy(module: str, attribute: str) -> Any:
    here = os.getcwd()  # noqa: PTH109  (sys.path wants a text)
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise PolicyError(
            f"the policy {module}:{attribute} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    return found


def _inputs(arguments: argparse.Namespace) -> Inputs:
    from journeykit.job import Inputs

    if arguments.contacts is None and arguments.claims is None:
        raise _UsageError("give --contacts, or --claims, or both")
    try:
        return Inputs(
            contacts=arguments.contacts,
            touches=arguments.touches,
            scores=arguments.scores,
            claims=arguments.claims,
            zone=arguments.zone,
        )
    except ModelError as error:
        raise _UsageError(f"--zone: {error}") from error


class _Bar:
    """How far the work is, on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.began = self.last = time.monotonic()
        self.on_start: Callable[[], object] | None = None
        self.watch = Watch()

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def __call__(self, done: int, total: int | None) -> None:
        if self.on_start is not None:
            self.on_start()
            self.on_start = None
        now = time.monotonic()
        if not self.shown or now - self.last < 0.2:
            return
        self.last = now
        rate = done / max(now - self.began, 1e-9)
        text = f"{done:,} contacts, {rate:,.0f}/s"
        if total:
            filled = 24 * done // total
            text = f"[{'#' * filled}{'.' * (24 - filled)}] {100 * done // total}% {text}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
