"""The commands that look at attention as a whole: ``journeykit overlap`` and ``journeykit pressure``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    TABLES,
    UsageError,
    add_max_bad,
    add_playbook_command,
    add_policy,
    add_zone,
    check_unharmed,
    instant,
    policies_of,
    print_found,
    print_json,
    threads,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import ModelError, missing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping


def add_overlap(commands: Any) -> None:
    """Add the command ``overlap``."""
    words = "count the contacts that campaigns share: in their audiences, eligible for both, and who gets both"
    parser = add_playbook_command(commands, "overlap", _overlap, words)
    add_decided_tables(parser)
    add_counted(parser, "the pairs")


def add_pressure(commands: Any) -> None:
    """Add the command ``pressure``."""
    words = "count the messages that contacts get, and what messages displaced, by segment, channel and rule"
    parser = add_playbook_command(commands, "pressure", _pressure, words)
    add_decided_tables(parser)
    parser.add_argument(
        "--by", default="segment", metavar="NAME", help="tell contacts apart by stage, role or any column (segment)"
    )
    add_counted(parser, "the counts")


def add_decided_tables(parser: argparse.ArgumentParser) -> None:
    """Decisions that are given, or what they are made from."""
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument(
        "--decisions",
        metavar="F",
        help="the decisions, whole (decide --all), instead of deciding now; a folder that was partitioned too",
    )
    tables.add_argument("--contacts", metavar="F", help="who; with --decisions, what tells contacts apart")
    tables.add_argument("--touches", metavar="F", help="the history, to decide now; and so are the next ones")
    tables.add_argument("--scores", metavar="F", help="propensity, value, opt_out and the like by contact and campaign")
    tables.add_argument("--claims", metavar="F", help="what is asked for; else it is derived from the audiences")
    tables.add_argument("--events", metavar="F", help="what contacts did, for rules that ask for it")
    add_zone(tables)
    parser.add_argument("--guards", metavar="F", help="the guards that tripped: they pause")
    parser.add_argument("--at", type=instant, metavar="T", help="the instant of the decisions, to decide now")
    parser.add_argument("--until", type=instant, metavar="T", help="the last instant of a plan")
    add_policy(parser)
    parser.add_argument("--threads", type=threads, metavar="N", help="contacts are decided in so many threads")
    add_max_bad(parser)


def add_counted(parser: argparse.ArgumentParser, what: str) -> None:
    """What becomes of the counts."""
    parser.add_argument("--out", metavar="F", help=f"write {what} as a table too: .csv, .jsonl or .parquet")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print everything as JSON")
    form.add_argument("--html", action="store_true", help="print HTML")


def decided_from(arguments: argparse.Namespace) -> dict[str, Any]:
    """The decisions or what they are made from, as the functions of Python take them.

    Raises:
        UsageError: where neither are given, or both, or the output would overwrite what is read.
    """
    from journeykit.model.tripped_guards import TrippedGuards

    zone_of(arguments)
    _check(arguments)
    guards = None if arguments.guards is None else TrippedGuards.load(arguments.guards)
    names = (*TABLES, "decisions", "at", "until", "zone", "max_bad", "threads")
    return {name: getattr(arguments, name) for name in names} | {"policies": policies_of(arguments), "guards": guards}


def _check(arguments: argparse.Namespace) -> None:
    from journeykit.tables import ENDINGS, format_of

    if arguments.decisions is None:
        if arguments.at is None:
            raise UsageError("give --decisions, or the tables to decide and --at")
        if arguments.contacts is None and arguments.claims is None:
            raise UsageError("give --contacts, or --claims, or both")
        if arguments.until is not None and arguments.until < arguments.at:
            raise UsageError("--until lies before --at")
    else:
        for name in ("at", "until", "touches", "scores", "claims", "events", "guards"):
            if getattr(arguments, name) is not None:
                raise UsageError(f"--{name} is for decisions that are made now: leave it out, or --decisions")
    if arguments.out is not None:
        if format_of(arguments.out) is None:
            raise UsageError(f"--out {arguments.out}: the ending of a table is one of {', '.join(ENDINGS)}")
        tables = ("playbook", "decisions", "guards", *TABLES)
        check_unharmed(arguments.out, {f"the {name}": getattr(arguments, name) for name in tables})


def counted_by(
    arguments: argparse.Namespace,
    what: str,
    count: Callable[..., Any],
    columns: Mapping[str, str],
    **how: Any,
) -> int:
    """Count by a function, and give what it found."""
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.write_rows import write_rows

    given = decided_from(arguments)
    playbook = Playbook.load(arguments.playbook)
    try:
        found = count(playbook, **given, **how)
    except ModelError as error:
        raise UsageError(str(error)) from error
    if arguments.out is not None:
        write_rows(arguments.out, columns, ([cells[name] for name in columns] for cells in found.rows()))
    if arguments.json:
        print_json(what, found.to_dict())
    else:
        print_found(found, arguments)
    return DONE


def need_columns(command: str) -> None:
    """Refuse to work without the extra.

    Raises:
        MissingExtraError: where a package is missing.
    """
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "columns", command)


def _overlap(arguments: argparse.Namespace) -> int:
    need_columns("overlap")
    from journeykit.reporting.campaign_overlap import OVERLAPS, overlap

    return counted_by(arguments, "overlap", overlap, OVERLAPS)


def _pressure(arguments: argparse.Namespace) -> int:
    need_columns("pressure")
    from journeykit.reporting.contact_pressure import PRESSURES, pressure

    return counted_by(arguments, "pressure", pressure, PRESSURES, by=arguments.by)
