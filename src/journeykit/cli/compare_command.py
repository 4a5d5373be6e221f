"""The command line of comparisons: ``journeykit compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.plain_data import with_schema
from journeykit.cli.arguments import (
    DONE,
    TABLES,
    UsageError,
    add_command,
    add_max_bad,
    all_names,
    as_json,
    check_unharmed,
    level,
    name_list,
    policies_of,
    threads,
)
from journeykit.cli.decide_command import add_tables, ledger_of
from journeykit.cli.sensitivity_options import add_sensitivity, check_sensitivity, sensitivities
from journeykit.columns import missing_module
from journeykit.errors import ModelError, missing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from journeykit.arbiter import Arbiter
    from journeykit.cli.progress_bar import ProgressBar
    from journeykit.comparing import Comparison, Sensitivity


def add_compare(commands: Any) -> None:
    """Add the command."""
    words = "compare what playbooks decide, or tables of decisions of the same run, with the first of them"
    parser = add_command(commands, "compare", _compare, words)
    parser.add_argument(
        "sides",
        nargs="+",
        metavar="PLAYBOOK|DECISIONS",
        help="playbooks (.yaml, .toml or .json), which decide the tables; or tables of decisions (.csv, .jsonl or "
        ".parquet, or a folder)",
    )
    add_tables(parser, at=False)
    parser.add_argument(
        "--playbook", metavar="F", help="the playbook with the segments that tell contacts apart (the first one)"
    )
    parser.add_argument(
        "--by",
        action="append",
        type=name_list,
        metavar="NAME,...",
        help="compare groups of contacts by segment, stage, role or any column, with intervals by contact; may be "
        "repeated; one playbook will do then",
    )
    parser.add_argument("--level", type=level, default=0.95, metavar="P", help="level of these intervals (0.95)")
    parser.add_argument(
        "--threads", type=threads, metavar="N", help="contacts are decided in so many threads (by default up to 4)"
    )
    parser.add_argument(
        "--ledger", metavar="URL", help="read the history from a ledger too: a rehearsal, which reserves nothing"
    )
    add_max_bad(parser)
    add_sensitivity(parser)
    parser.add_argument(
        "--out",
        metavar="F",
        help="write the groups, or the sensitivity of one playbook, as a table too: .csv, .jsonl or .parquet",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print everything as JSON")
    form.add_argument("--html", action="store_true", help="print HTML")
    parser.add_argument("--quiet", action="store_true", help="print no progress")


def _compare(arguments: argparse.Namespace) -> int:
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "columns", "compare")
    _check(arguments)
    from journeykit.cli.progress_bar import ProgressBar

    with ProgressBar(quiet=arguments.quiet) as bar:
        found = None if _is_alone(arguments) else _compared(arguments, bar)
        worth = sensitivities(arguments, _arbiters(arguments), bar) if arguments.sensitivity else []
    _write(arguments, found, worth)
    if arguments.json:
        print(as_json(_plain(found, worth)))
        return DONE
    reports = [own for own in (found, *worth) if own is not None]
    if arguments.html:
        print("\n".join(own._repr_html_() for own in reports))
    else:
        print("\n\n".join(map(str, reports)))
    return DONE


def _is_alone(arguments: argparse.Namespace) -> bool:
    """Whether nothing is compared: of one playbook only what its numbers are worth is asked."""
    return arguments.sensitivity and len(arguments.sides) == 1 and not arguments.by


def _plain(found: Comparison | None, worth: list[Sensitivity]) -> Mapping[str, Any]:
    """The comparison as plain data, with the sensitivity of each playbook; or that of one alone."""
    if found is None:
        return worth[0].to_dict()
    more = {"sensitivities": [own.to_dict() for own in worth]} if worth else {}
    return with_schema("comparison", found.to_dict() | more)


def _arbiters(arguments: argparse.Namespace) -> list[Arbiter]:
    from journeykit.arbiter import Arbiter
    from journeykit.playbook.playbook import Playbook

    policies, guards = policies_of(arguments), _guards(arguments)
    return [Arbiter(Playbook.load(own), policies=policies, guards=guards) for own in arguments.sides]


def _compared(arguments: argparse.Namespace, bar: ProgressBar) -> Comparison:
    from journeykit.comparing.comparison import compare, is_playbook
    from journeykit.playbook.playbook import Playbook

    sides: list[Any] = list(arguments.sides)
    if all(map(is_playbook, sides)):
        sides = _arbiters(arguments)
    names = ("at", "until", "level", "zone", "max_bad", "threads")
    try:
        with ledger_of(arguments) as ledger:
            return compare(
                *sides,
                **{name: getattr(arguments, name) for name in (*TABLES, *names)},
                by=all_names(arguments.by) or (),
                names=arguments.sides,
                playbook=None if arguments.playbook is None else Playbook.load(arguments.playbook),
                ledger=ledger,
                progress=bar,
            )
    except ModelError as error:
        raise UsageError(str(error)) from error


def _guards(arguments: argparse.Namespace) -> Any:
    from journeykit.model.tripped_guards import TrippedGuards

    return None if arguments.guards is None else TrippedGuards.load(arguments.guards)


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    if arguments.at is not None and arguments.until is not None and arguments.until < arguments.at:
        raise UsageError("--until lies before --at")
    check_sensitivity(arguments)
    if arguments.out is None:
        return
    if format_of(arguments.out) is None:
        raise UsageError(f"--out {arguments.out}: the ending of a table is one of {', '.join(ENDINGS)}")
    given = {f"the {name}": getattr(arguments, name) for name in ("playbook", "guards", *TABLES)}
    check_unharmed(arguments.out, given | {side: side for side in arguments.sides})


def _write(arguments: argparse.Namespace, found: Comparison | None, worth: list[Sensitivity]) -> None:
    from journeykit.comparing import COMPARISONS, SENSITIVITIES
    from journeykit.tables.write_rows import write_rows

    if arguments.out is None:
        return
    columns = COMPARISONS if found is not None else SENSITIVITIES
    rows: Iterator[Mapping[str, Any]] = worth[0].rows() if found is None else found.rows()
    write_rows(arguments.out, columns, ([own[name] for name in columns] for own in rows))
