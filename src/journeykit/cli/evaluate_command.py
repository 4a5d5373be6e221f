"""The command line of evaluation: ``journeykit evaluate``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    UsageError,
    add_max_bad,
    add_playbook_command,
    add_zone,
    all_names,
    check_unharmed,
    instant,
    level,
    load_model,
    name_list,
    print_json,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import MissingExtraError, ModelError, missing

if TYPE_CHECKING:
    import argparse

    from journeykit.evaluating import EvaluationReport
    from journeykit.learning import LearnedModel
    from journeykit.playbook.playbook import Playbook


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
    tables.add_argument("--contacts", metavar="F", help="contacts, where the model asks for attributes of theirs")
    tables.add_argument(
        "--touches",
        metavar="F",
        help="what contacts got until the last run, the log's messages included, for the model; by default these alone",
    )
    add_zone(tables)
    parser.add_argument(
        "--until", type=instant, metavar="T", help="the end of observation; without it the instant of the last event"
    )
    parser.add_argument(
        "--response",
        action="append",
        type=name_list,
        metavar="NAME,...",
        help="evaluate by these responses; may be repeated (all of them)",
    )
    parser.add_argument(
        "--model",
        metavar="F",
        help="what `learn` wrote: its chances are expected of messages, not what campaigns brought",
    )
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="TYPE",
        help="a type that the model may hold, such as that of your own estimator; loading runs its code",
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
            responses=all_names(arguments.response),
            model=_model(arguments, playbook),
            contacts=arguments.contacts,
            touches=arguments.touches,
            zone=arguments.zone,
            level=arguments.level,
            max_bad=arguments.max_bad,
        )
    except ModelError as error:
        raise UsageError(str(error)) from error
    _write(arguments, found)
    if arguments.json:
        print_json("evaluation", found.to_dict())
    else:
        print(found)
    return DONE


def _model(arguments: argparse.Namespace, playbook: Playbook) -> LearnedModel | None:
    """The model that is named."""
    if arguments.model is None:
        return None
    if any(find_spec(name) is None for name in ("sklearn", "skops")):
        raise MissingExtraError("learn", "evaluate --model")
    return load_model(arguments.model, playbook, arguments.trust)


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    for name in ("contacts", "touches", "trust"):
        if arguments.model is None and getattr(arguments, name):
            raise UsageError(f"--{name} is for the model: give --model too")
    if arguments.out is None:
        return
    if format_of(arguments.out) is None:
        raise UsageError(f"--out {arguments.out}: the ending of a table is one of {', '.join(ENDINGS)}")
    tables = ("playbook", "log", "decisions", "events", "contacts", "touches", "model")
    check_unharmed(arguments.out, {f"the {name}": getattr(arguments, name) for name in tables})


def _write(arguments: argparse.Namespace, found: EvaluationReport) -> None:
    from journeykit.evaluating.evaluation_report import EVALUATIONS
    from journeykit.tables.write_rows import write_rows

    if arguments.out is not None:
        rows = ([cells[name] for name in EVALUATIONS] for cells in found.rows())
        write_rows(arguments.out, EVALUATIONS, rows)
