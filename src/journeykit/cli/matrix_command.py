"""The command line of the messaging matrix: ``journeykit matrix``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.plain_data import with_schema
from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    UsageError,
    add_engine,
    add_forms,
    add_max_bad,
    add_playbook_command,
    add_zone,
    as_json,
    check_unharmed,
    instant,
    print_found,
    zone_of,
)
from journeykit.errors import ModelError

if TYPE_CHECKING:
    import argparse

    from journeykit.reporting import MessagingMatrix


def add_matrix(commands: Any) -> None:
    """Add the command."""
    words = (
        "show which content speaks to whom through which channel: holes, crowded audiences, conflicts and broken themes"
    )
    parser = add_playbook_command(commands, "matrix", _matrix, words)
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument("--contacts", metavar="F", help="count the contacts whom messages can address")
    tables.add_argument(
        "--decisions", metavar="F", help="decisions on these contacts (decide --all): what was granted, and what lost"
    )
    tables.add_argument("--touches", metavar="F", help="the history, for free slots")
    add_zone(tables)
    parser.add_argument(
        "--at",
        type=instant,
        metavar="T",
        help="the instant at which campaigns are live and rules are asked; needed with --contacts, unless there are "
        "decisions (then that of the last of them)",
    )
    parser.add_argument(
        "--until",
        type=instant,
        metavar="T",
        help="count the free slots until T where several messages ask for the same contacts",
    )
    parser.add_argument("--audience", default="stage", metavar="ROWS", help="segment, stage or stage*role (stage)")
    parser.add_argument(
        "--by",
        default="theme",
        metavar="COLUMNS",
        help="the columns below the channel: theme, topic, solution, content, campaign, team, goal or tag (theme)",
    )
    add_engine(parser, "counts")
    add_max_bad(parser)
    add_forms(parser)
    parser.add_argument("--out", metavar="F", help="write the cells as a table too: .csv, .jsonl or .parquet")


def _matrix(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting import messaging_matrix

    _check(arguments)
    zone_of(arguments)
    playbook = Playbook.load(arguments.playbook)
    try:
        found = messaging_matrix(
            playbook,
            arguments.contacts,
            arguments.decisions,
            at=arguments.at,
            until=arguments.until,
            touches=arguments.touches,
            audience=arguments.audience,
            by=arguments.by,
            zone=arguments.zone,
            max_bad=arguments.max_bad,
            engine=arguments.engine,
        )
    except ModelError as error:
        raise UsageError(str(error)) from error
    _write(arguments, found)
    if arguments.json:
        print(as_json(with_schema("matrix", found.to_dict())))
    else:
        print_found(found, arguments)
    return DONE


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    if arguments.contacts is None and arguments.decisions is not None:
        raise UsageError("--decisions needs --contacts: decisions do not say the stage of a contact")
    if arguments.contacts is not None and arguments.decisions is None and arguments.at is None:
        raise UsageError("--contacts needs --at: the instant at which campaigns are live and rules are asked")
    if arguments.out is None:
        return
    if format_of(arguments.out) is None:
        raise UsageError(f"--out {arguments.out}: the ending of a table is one of {', '.join(ENDINGS)}")
    names = ("playbook", "contacts", "decisions", "touches")
    check_unharmed(arguments.out, {f"the {name}": getattr(arguments, name) for name in names})


def _write(arguments: argparse.Namespace, found: MessagingMatrix) -> None:
    from journeykit.reporting import MATRIX
    from journeykit.tables.write_rows import write_rows

    if arguments.out is not None:
        write_rows(arguments.out, MATRIX, ([cells[name] for name in MATRIX] for cells in found.rows()))
