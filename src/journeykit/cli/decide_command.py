"""The commands ``journeykit decide`` and ``journeykit plan``: the contacts of a table, for now or for days to come."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    TABLES,
    UsageError,
    add_engine,
    add_max_bad,
    add_playbook_command,
    add_policy,
    add_table_format,
    add_zone,
    check_unharmed,
    columns,
    instant,
    name_list,
    open_ledger,
    policies_of,
    print_json,
    run_name,
    threads,
    write_summary,
)
from journeykit.cli.json_log import is_json_log, tell
from journeykit.errors import ModelError, PolicyError, closest, missing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from journeykit.arbiter import Arbiter
    from journeykit.cli.progress_bar import ProgressBar
    from journeykit.job import Inputs, Job, Summary, TableJob
    from journeykit.ledger import Ledger
    from journeykit.reporting import FreeSlots


def add_decide(commands: Any) -> None:
    """Add the commands ``decide`` and ``plan``."""
    decide = add_playbook_command(commands, "decide", _decide, "decide all contacts of a table")
    add_tables(decide)
    _add_job(decide)
    words = "decide all contacts of a table for days to come, and print the calendar"
    plan = add_playbook_command(commands, "plan", _plan, words)
    add_tables(plan, until=True)
    _add_job(plan)
    add_room(plan)
    plan.add_argument("--calendar", metavar="F", help="draw the calendar: .svg, or .html with a table beside it")


def add_tables(parser: argparse.ArgumentParser, *, at: bool = True, until: bool = False) -> None:
    """What says who is decided, and for when; whether the instant, and the last one of a plan, must be given."""
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument("--contacts", metavar="F", help="may be left out where --claims is given")
    tables.add_argument("--touches", metavar="F", help="the history")
    tables.add_argument("--scores", metavar="F", help="propensity, value, opt_out and the like by contact and campaign")
    tables.add_argument("--claims", metavar="F", help="what is asked for; else it is derived from the audiences")
    tables.add_argument("--events", metavar="F", help="what contacts did, for rules that ask for it")
    add_zone(tables)
    parser.add_argument(
        "--guards", metavar="F", help="the guards that tripped, as `measure --guards-out` writes them: they pause"
    )
    parser.add_argument("--at", required=at, type=instant, metavar="T", help="the instant of the decisions")
    parser.add_argument("--until", required=until, type=instant, metavar="T", help="the last instant of a plan")
    add_policy(parser)


def add_room(parser: argparse.ArgumentParser) -> None:
    """What says that free slots are counted once the plan is made."""
    room = parser.add_argument_group("room", "how many more messages contacts could get, beside the plan")
    room.add_argument("--room", action="store_true", help="count free slots too, by segment, channel and day")
    room.add_argument(
        "--room-by", metavar="NAME", help="tell contacts apart by stage, role or any column, or by several: stage*role"
    )
    room.add_argument("--room-channels", type=name_list, metavar="NAME,...", help="of these channels (all)")
    room.add_argument("--room-out", metavar="F", help="write free slots as a table: .csv, .jsonl or .parquet")


def _add_job(parser: argparse.ArgumentParser) -> None:
    """What says how a job works, and what becomes of its decisions."""
    parser.add_argument(
        "--out", required=True, metavar="F", help="the decisions: .csv, .jsonl or .parquet, or a folder; - prints"
    )
    add_table_format(parser)
    rows = parser.add_mutually_exclusive_group()
    rows.add_argument("--all", action="store_true", help="write denied claims too")
    rows.add_argument("--granted", action="store_true", help="write granted claims alone: what goes out")
    parser.add_argument(
        "--columns", type=columns, metavar="NAME,...", help="columns to write, in this order; by default all"
    )
    parser.add_argument(
        "--partition",
        choices=("day", "channel", "team"),
        help="write a folder of Parquet files, in folders by local day, channel or team",
    )
    parser.add_argument(
        "--append",
        action="store_true",
        help="--out is a folder that keeps the decisions of all runs: add those of this one, in a folder of its own; "
        "a run that is repeated replaces what it wrote before",
    )
    parser.add_argument("--explain", action="store_true", help="fill the columns displaced and needs")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, with a plan's calendar")
    parser.add_argument(
        "--quiet", action="store_true", help="print neither progress nor the summary; errors are printed"
    )
    parser.add_argument("--run", type=run_name, metavar="NAME", help="a name for the run; by default a hash")
    add_ledger_options(parser)
    add_engine(
        parser,
        "rows",
        default=" (by default the quicker one: columns but for small tables, where the extra is)",
    )
    parser.add_argument(
        "--threads",
        type=threads,
        metavar="N",
        help="contacts are decided in so many threads, by columns (by default one on each processor, up to 4)",
    )
    add_strict(parser)
    add_max_bad(parser, "fail where more rows, or a larger share of a table's, are bad")
    parser.add_argument(
        "--bad-rows", metavar="F", help="keep bad rows whole in a file, with what is wrong: .csv, .jsonl or .parquet"
    )
    parser.add_argument(
        "--summary", metavar="F", help="write the summary as JSON, with engine, version and seconds by phase"
    )
    parser.add_argument(
        "--save-prices", metavar="F", help="write the prices of the quotas, for decisions on single contacts"
    )


def add_strict(parser: argparse.ArgumentParser) -> None:
    """Add whether tables must match the playbook."""
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse tables that do not match the playbook, with exit code 4, before anything is decided or reserved: "
        "unknown words, missing columns, types that a rule can never meet, no events at hand where rests or rules ask, "
        "guards that were not asked",
    )


def _decide(arguments: argparse.Namespace) -> int:
    summary = _done(arguments).summary()
    if arguments.summary is not None:
        write_summary(arguments.summary, "summary", summary.to_dict(run=True))
    if arguments.json:
        print_json("summary", summary.to_dict())
    tell_summary(summary, arguments)
    return DONE


def tell_summary(summary: Summary, arguments: argparse.Namespace) -> None:
    """Say on standard error what was done; in a log of JSON lines also where it is printed as JSON."""
    if arguments.quiet or (arguments.json and not is_json_log()):
        return
    names = ("run_id", "playbook", "engine", "contacts", "claims", "written", "value", "bound", "bad_rows", "outcomes")
    fields: dict[str, Any] = {name: getattr(summary, name) for name in names}
    tell("info", "summary", str(summary), {**fields, "seconds": dict(summary.durations), "notes": list(summary.notes)})


def _plan(arguments: argparse.Namespace) -> int:
    _check_room(arguments)
    job = _done(arguments)
    summary, calendar = job.summary(), job.calendar()
    room = _room(arguments) if arguments.room else None
    if arguments.calendar is not None:
        from journeykit.reporting.calendar_picture import draw_calendar

        draw_calendar(calendar).save(arguments.calendar)
    if arguments.summary is not None:
        write_summary(arguments.summary, "summary", summary.to_dict(run=True) | calendar.to_dict())
    if arguments.json:
        found = summary.to_dict() | calendar.to_dict()
        print_json("summary", found if room is None else found | {"room": room.to_dict()})
        tell_summary(summary, arguments)
        return DONE
    # Where the decisions take the standard output, people read on the other one.
    page = sys.stderr if arguments.out == "-" else sys.stdout
    print(calendar.text(shutil.get_terminal_size().columns) if page.isatty() else calendar, file=page)
    if room is not None:
        print(f"\n{room}", file=page)
    tell_summary(summary, arguments)
    return DONE


_NEEDED_FOR_ROOM = ("contact_id", "campaign_id", "content_id", "channel", "outcome", "send_at", "playbook")


def _check_room(arguments: argparse.Namespace) -> None:
    """What can be said of the count of free slots before any work is done."""
    if not arguments.room:
        for name in ("room_by", "room_channels", "room_out"):
            if getattr(arguments, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} is about free slots: give --room too")
        return
    if arguments.contacts is None:
        raise UsageError("--room counts what contacts could get: give --contacts too")
    if arguments.out == "-":
        raise UsageError("--room reads the plan once it is written: give --out a file")
    if arguments.append or arguments.format is not None:
        option = "--append" if arguments.append else "--format"
        raise UsageError(f"--room reads the plan from --out: leave {option} out, and name a file by its ending")
    lacking = [name for name in _NEEDED_FOR_ROOM if arguments.columns is not None and name not in arguments.columns]
    if lacking:
        raise UsageError(f"--room reads the plan's {lacking[0]}: name it among --columns, or leave the option out")


def _room(arguments: argparse.Namespace) -> FreeSlots:
    """The free slots beside the plan that was written, or that the ledger has."""
    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.slot_report import SLOTS, free_slots
    from journeykit.tables.write_rows import write_rows

    is_reserved = arguments.ledger is not None and not arguments.dry_run
    with ledger_of(arguments) as ledger:
        try:
            found = free_slots(
                Playbook.load(arguments.playbook),
                **{name: getattr(arguments, name) for name in ("contacts", "touches", "claims", "events")},
                **{name: getattr(arguments, name) for name in ("at", "until", "zone", "threads")},
                decisions=() if is_reserved else arguments.out,
                by=arguments.room_by or "segment",
                channels=arguments.room_channels,
                ledger=ledger,
            )
        except ModelError as error:
            raise UsageError(f"--room: {error}") from error
    if arguments.room_out is not None:
        write_rows(arguments.room_out, SLOTS, ([cells[name] for name in SLOTS] for cells in found.rows()))
    return found


def add_ledger_options(parser: argparse.ArgumentParser) -> None:
    """Add what is about a ledger."""
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
        "--waiting",
        action="store_true",
        help="with --ledger and --claims, let the claims that wait there compete too, weighed afresh",
    )


def check_ledger_options(arguments: argparse.Namespace) -> None:
    """Refuse options of a ledger without one, and those that do not go together."""
    for name in ("dry_run", "keep_decisions", "waiting"):
        if getattr(arguments, name) and arguments.ledger is None:
            raise UsageError(f"--{name.replace('_', '-')} is about a ledger: give --ledger too")
    if arguments.dry_run and arguments.keep_decisions:
        raise UsageError("--dry-run keeps nothing: leave out --keep-decisions")
    if arguments.waiting and arguments.claims is None:
        raise UsageError("--waiting: what waits competes with claims that are brought: give --claims too")


def _done(arguments: argparse.Namespace) -> Job | TableJob:
    """The job, done: its decisions are written."""
    from journeykit.cli.progress_bar import ProgressBar

    _check_outputs(arguments)
    check_ledger_options(arguments)
    arbiter = arbiter_of(arguments)
    inputs = inputs_of(arguments)
    if arguments.save_prices is not None and not arbiter.playbook.quotas:
        raise UsageError("--save-prices: the playbook has no quotas, and so there are no prices")
    with ledger_of(arguments) as ledger, ProgressBar(quiet=arguments.quiet) as bar:
        engine = arguments.engine or _engine(arguments, arbiter, inputs)
        job = (_table_job if engine == "columns" else _job)(arguments, arbiter, inputs, _how(arguments, bar, ledger))
    if arguments.save_prices is not None:
        prices = job.summary().prices
        assert prices is not None  # noqa: S101  (there are quotas)
        prices.save(arguments.save_prices)
    return job


def _how(arguments: argparse.Namespace, bar: ProgressBar, ledger: Ledger | None) -> dict[str, Any]:
    """The options that both kinds of jobs take."""
    names = (
        "at",
        "until",
        "explain",
        "max_bad",
        "bad_rows",
        "strict",
        "dry_run",
        "keep_decisions",
        "waiting",
        "columns",
    )
    options = {name: getattr(arguments, name) for name in names}
    outcomes = "all" if arguments.all else "granted" if arguments.granted else None
    return {
        **options,
        "goes_to": _goes_to(arguments),
        "run_id": arguments.run,
        "progress": bar,
        "watch": bar.watch,
        "ledger": ledger,
        "outcomes": outcomes,
    }


def _goes_to(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"out": arguments.out, "partition": arguments.partition, "append": arguments.append}


def _engine(arguments: argparse.Namespace, arbiter: Arbiter, inputs: Inputs) -> str:
    """The engine that is quicker for the tables."""
    from journeykit.job.quicker_engine import quicker_engine

    out = arguments.out if arguments.format is None else f"out.{arguments.format}"
    return quicker_engine(inputs, arbiter.decider, at=arguments.at, until=arguments.until, out=out)


def _job(arguments: argparse.Namespace, arbiter: Arbiter, inputs: Inputs, how: Mapping[str, Any]) -> Job:
    from journeykit.job import Job

    job = Job(arbiter, inputs, **how)
    job.write(form=arguments.format, **_goes_to(arguments))
    return job


def _table_job(arguments: argparse.Namespace, arbiter: Arbiter, inputs: Inputs, how: Mapping[str, Any]) -> TableJob:
    try:
        from journeykit.job import TableJob
    except ImportError as error:
        raise missing(error.name, "columns", "--engine columns") from error
    tables = {name: getattr(inputs, name) for name in TABLES}
    job = TableJob(arbiter, **tables, zone=inputs.zone, threads=arguments.threads, **how)
    job.write(form=arguments.format, **_goes_to(arguments))
    return job


def ledger_of(arguments: argparse.Namespace) -> AbstractContextManager[Ledger | None]:
    """The ledger that is given, or None."""
    return nullcontext() if arguments.ledger is None else open_ledger(arguments.ledger)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """What can be said of the output before any work is done."""
    from journeykit.tables import ENDINGS, format_of
    from journeykit.tables.outputs import folder_harm_to, harm_to

    given = [arguments.playbook, arguments.out, arguments.guards, ledger_file(arguments)]
    given += [getattr(arguments, name) for name in TABLES]
    for option, saved in _beside(arguments):
        if saved is None:
            continue
        if any(harm_to(other, saved) for other in given):
            raise UsageError(f"{option} {saved} would overwrite a file that is read or written")
        if not os.path.isdir(os.path.dirname(os.path.abspath(saved))) or os.path.isdir(saved):  # noqa: PTH100, PTH112, PTH120
            raise UsageError(f"{option} {saved}: no file can be written there")
        if option == "--calendar":
            _check_picture(saved)
        if option in ("--bad-rows", "--room-out") and format_of(saved) is None:
            raise UsageError(f"{option} {saved}: the ending of a table is one of {', '.join(ENDINGS)}")
        given.append(saved)
    out = arguments.out
    read = {f"the {name}": getattr(arguments, name) for name in ("playbook", "guards", *TABLES)}
    read["the ledger"] = ledger_file(arguments)
    if arguments.append or arguments.partition is not None:
        option = "--append" if arguments.append else "--partition"
        if out == "-" or arguments.format not in (None, "parquet") or format_of(out) is not None:
            raise UsageError(f"--out {out}: {option} writes a folder of Parquet files; give the name of a folder")
        # What a log has of other runs may be read; the folder of this one is looked at once it has a name.
        if not arguments.append:
            check_unharmed(out, read, harm=folder_harm_to)
        return
    if out == "-":
        if arguments.json:
            raise UsageError("--out - and --json both want the standard output")
        if arguments.format is None:
            raise UsageError("--out - needs --format csv, jsonl or parquet")
        return
    if arguments.format is None and format_of(out) is None:
        raise UsageError(f"--out {out}: the ending of a table is one of {', '.join(ENDINGS)}; or give --format")
    if os.path.isdir(out):  # noqa: PTH112  (a text is all that is needed)
        raise UsageError(f"--out {out} is a directory; --partition writes one")
    check_unharmed(out, read)


def ledger_file(arguments: argparse.Namespace) -> str | None:
    """The file of a ledger that is one."""
    head, found, path = (arguments.ledger or "").partition(":///")
    return path if found and head.startswith("sqlite") and path else None


def _beside(arguments: argparse.Namespace) -> list[tuple[str, str | None]]:
    """What a job writes beside its decisions."""
    names = ("save_prices", "summary", "bad_rows", "room_out", "calendar")
    return [(f"--{name.replace('_', '-')}", getattr(arguments, name, None)) for name in names]


def _check_picture(path: str) -> None:
    """What can be said of a picture before any work is done."""
    try:
        from journeykit.reporting.calendar_picture import CALENDAR_FILES
    except ImportError as error:
        raise missing(error.name, "report", "plan --calendar") from error
    if os.path.splitext(path)[1].lower() not in CALENDAR_FILES:  # noqa: PTH122  (a text is all that is needed)
        raise UsageError(f"--calendar {path}: the ending of a picture is one of {', '.join(CALENDAR_FILES)}")


def arbiter_of(arguments: argparse.Namespace) -> Arbiter:
    """The arbiter of the playbook, with the user's own policies and prices."""
    from journeykit.arbiter import Arbiter
    from journeykit.engine.counted_quotas import need_ledger
    from journeykit.playbook.playbook import Playbook

    if arguments.until is not None and arguments.until < arguments.at:
        raise UsageError("--until lies before --at")
    policies = policies_of(arguments)
    saved = getattr(arguments, "prices", None)
    prices = guards = None
    if saved is not None:
        from journeykit.model.prices import Prices

        prices = Prices.load(saved)
    playbook = Playbook.load(arguments.playbook)
    _check_policy(playbook.policy, policies)
    if prices is not None and prices.playbook == playbook.fingerprint:
        prices.check(playbook, str(saved))
    if arguments.guards is not None:
        from journeykit.model.tripped_guards import TrippedGuards

        guards = TrippedGuards.load(arguments.guards)
    arbiter = Arbiter(playbook, policies=policies, prices=prices, guards=guards)
    if arguments.ledger is None:
        try:
            need_ledger(arbiter.decider.ruleset.counted)
        except ModelError as error:
            raise UsageError(str(error)) from None
    return arbiter


def _check_policy(name: str, given: dict[str, Any]) -> None:
    """Say of a policy that nobody knows how the command line takes it."""
    from journeykit.policies import BUILT_IN

    known = {**BUILT_IN, **given}
    if name not in known:
        meant = closest(name, known)
        hint = f"; did you mean {meant!r}?" if meant else ""
        raise PolicyError(
            f"the playbook's policy is {name!r}; known are {', '.join(sorted(known))}. Give your own as "
            f"--policy {name}=MODULE:OBJECT{hint}"
        )


def inputs_of(arguments: argparse.Namespace) -> Inputs:
    """The tables that are given."""
    from journeykit.job import Inputs

    if arguments.contacts is None and arguments.claims is None:
        raise UsageError("give --contacts, or --claims, or both")
    try:
        return Inputs(
            contacts=arguments.contacts,
            touches=arguments.touches,
            scores=arguments.scores,
            claims=arguments.claims,
            events=arguments.events,
            zone=arguments.zone,
        )
    except ModelError as error:
        raise UsageError(f"--zone: {error}") from error
