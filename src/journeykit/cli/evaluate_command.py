"""The command line of evaluation: ``journeykit evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    UsageError,
    add_max_bad,
    add_playbook_command,
    add_zone,
    as_json,
    check_unharmed,
    instant,
    level,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import ModelError, missing

if TYPE_CHECKING:
    import argparse

    from journeykit.evaluating import EvaluationReport


def add_evaluate(commands: Any) -> None:
    """Add the command."""
    words = "say what other decisions would have brought, by a log of decisions in which chance had a part"
    parser = add_playbook_command(commands, "evaluate", _evaluate, words)
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument(
        "--log",
        required=True,
        metavar="F",
        help="the log: decisions of a playbook that has explore, with all claims (decide --all) and their chances",
    )
    tables.add_argument(
        "--decisions",
        required=True,
        metavar="F",
        help="the decisions to evaluate, of the same runs and inputs, with all claims (decide --all)",
    )
    tables.add_argument("--events", required=True, metavar="F", help="what contacts did: contact_id, event, at, ...")
    add_zone(tables)
    parser.add_argument(
        "--until", type=instant, metavar="T", help="the end of observation; without it the instant of the last event"
    )
    parser.add_argument(
        "--response", action="append", metavar="NAME", help="evaluate by this response; may be repeated (all of them)"
    )
    parser.add_argument("--level", type=level, default=0.95, metavar="P", help="level of the intervals (0.95)")
    add_max_bad(parser)
    parser.add_argument("--out", metavar="F", help="write the estimates as a table too: .csv, .jsonl or .parquet")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _evaluate(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook

    _check(arguments)
    playbook = Playbook.load(arguments.playbook)
    zone_of(arguments)
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "columns", "evaluate")
    from journeykit.evaluating.evaluation import evaluate

    try:
        found = evaluate(
            playbook,
            arguments.log,
            arguments.decisions,
            arguments.events,
            until=arguments.until,
            responses=arguments.response,
            zone=arguments.zone,
            level=arguments.level,
            max_bad=arguments.max_bad,
        )
    except ModelError as error:
        raise UsageError(str(error)) from error
    _write(arguments, found)
    print(as_json(found.to_dict()) if arguments.json else found)
    return DONE


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    if arguments.out is None:
        return
    if format_of(arguments.out) is None:
        raise UsageError(f"--out {arguments.out}: the ending of a table is one of {', '.join(ENDINGS)}")
    tables = ("playbook", "log", "decisions", "events")
    check_unharmed(arguments.out, {f"the {name}": getattr(arguments, name) for name in tables})


def _write(arguments: argparse.Namespace, found: EvaluationReport) -> None:
    from journeykit.evaluating.evaluation_report import EVALUATIONS
    from journeykit.tables.write_rows import write_rows

    if arguments.out is not None:
        rows = ([cells[name] for name in EVALUATIONS] for cells in found.rows())
        write_rows(arguments.out, EVALUATIONS, rows)
