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
from journeykit.cli.decide_command import add_tables
from journeykit.columns import missing_module
from journeykit.errors import ModelError, missing

if TYPE_CHECKING:
    import argparse

    from journeykit.comparing import Comparison


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
    add_max_bad(parser)
    parser.add_argument("--out", metavar="F", help="write the groups as a table too: .csv, .jsonl or .parquet")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print everything as JSON")
    form.add_argument("--html", action="store_true", help="print HTML")
    parser.add_argument("--quiet", action="store_true", help="print no progress")


def _compare(arguments: argparse.Namespace) -> int:
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "columns", "compare")
    _check(arguments)
    found = _compared(arguments)
    _write(arguments, found)
    if arguments.json:
        print(as_json(with_schema("comparison", found.to_dict())))
    else:
        print(found._repr_html_() if arguments.html else found)
    return DONE


def _compared(arguments: argparse.Namespace) -> Comparison:
    from journeykit.arbiter import Arbiter
    from journeykit.cli.progress_bar import ProgressBar
    from journeykit.comparing.comparison import compare, is_playbook
    from journeykit.playbook.playbook import Playbook

    policies = policies_of(arguments)
    sides: list[Any] = list(arguments.sides)
    if all(map(is_playbook, sides)):
        sides = [Arbiter(Playbook.load(own), policies=policies, guards=_guards(arguments)) for own in sides]
    with ProgressBar(quiet=arguments.quiet) as bar:
        try:
            return compare(
                *sides,
                **{name: getattr(arguments, name) for name in TABLES},
                at=arguments.at,
                until=arguments.until,
                by=all_names(arguments.by) or (),
                level=arguments.level,
                names=arguments.sides,
                playbook=None if arguments.playbook is None else Playbook.load(arguments.playbook),
                zone=arguments.zone,
                max_bad=arguments.max_bad,
                threads=arguments.threads,
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
    if arguments.out is None:
        return
    if format_of(arguments.out) is None:
        raise UsageError(f"--out {arguments.out}: the ending of a table is one of {', '.join(ENDINGS)}")
    given = {f"the {name}": getattr(arguments, name) for name in ("playbook", "guards", *TABLES)}
    check_unharmed(arguments.out, given | {side: side for side in arguments.sides})


def _write(arguments: argparse.Namespace, found: Comparison) -> None:
    from journeykit.comparing.comparison_report import COMPARISONS
    from journeykit.tables.write_rows import write_rows

    if arguments.out is not None:
        write_rows(arguments.out, COMPARISONS, ([own[name] for name in COMPARISONS] for own in found.rows()))
