"""The command line of the journey: ``journeykit place``."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from journeykit.basics.version import VERSION
from journeykit.cli.arguments import (
    TABLE_KINDS,
    UsageError,
    add_engine,
    add_max_bad,
    add_playbook_command,
    add_table_format,
    add_zone,
    instant,
    print_json,
    write_summary,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import PlaybookError, Problem, missing
from journeykit.rule.tree import STAGE_SINCE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from journeykit.journey import Journey
    from journeykit.journey.placing_results import Placements
    from journeykit.playbook.playbook import Playbook

_OUTPUTS = ("out", "paths", "handovers", "placed")


def add_place(commands: Any) -> None:
    """Add the command."""
    words = "say on which stage of the journey each contact is, from what they did"
    parser = add_playbook_command(commands, "place", _place, words)
    add_events(parser)
    parser.add_argument("--out", metavar="F", help="a row for each contact: .csv, .jsonl or .parquet; - prints")
    add_table_format(parser, "of --out, where the ending does not say it")
    parser.add_argument("--paths", metavar="F", help="a row for each stage that a contact entered")
    parser.add_argument(
        "--placed",
        metavar="F",
        help="the table of contacts again, with the columns stage and stage_since as they are now, for decide",
    )
    parser.add_argument("--handovers", metavar="F", help="a row for each stage of another owner that a contact entered")
    parser.add_argument("--since", type=instant, metavar="T", help="only hand-overs after T, such as the last run's")
    parser.add_argument("--contact", metavar="ID", help="print the path of one contact, with its evidence")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--summary", metavar="F", help="write the summary as JSON")


def add_events(parser: argparse.ArgumentParser) -> None:
    """Add what says who is placed, from which events, and for when."""
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument("--events", required=True, metavar="F", help="what contacts did: contact_id, event, at, ...")
    tables.add_argument("--contacts", metavar="F", help="contacts to place; by default all contacts that have an event")
    add_zone(tables)
    parser.add_argument("--at", required=True, type=instant, metavar="T", help="the instant for which they are placed")
    add_engine(parser, "paths")
    add_max_bad(parser)


def placed(arguments: argparse.Namespace, playbook: Playbook) -> Placements:
    """Where the contacts of the tables are on a playbook's journey.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows.
        UsageError: for an unknown time zone.
    """
    journey, timezone, zone = journey_of(playbook, arguments.playbook), playbook.timezone, zone_of(arguments)
    lacking = missing_module()
    if arguments.engine == "columns" and lacking is not None:
        raise missing(lacking, "columns", "--engine columns")
    if lacking is None and arguments.engine != "one":
        return journey.place_table(
            arguments.events,
            arguments.contacts,
            arguments.at,
            zone=arguments.zone,
            timezone=timezone,
            max_bad=arguments.max_bad,
        )
    from journeykit.placing.rows import place_rows

    return place_rows(
        journey,
        arguments.events,
        arguments.contacts,
        arguments.at,
        zone=zone,
        timezone=timezone,
        max_bad=arguments.max_bad,
    )


def journey_of(playbook: Playbook, source: str) -> Journey:
    """The journey of a playbook.

    Raises:
        PlaybookError: if there is none with transitions.
    """
    journey = playbook.journey
    if journey is None or not journey.transitions:
        problem = Problem("journey.transitions", "there are none: without them nobody ever leaves the first stage")
        raise PlaybookError([problem], source=source)
    return journey


def _place(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook

    _check(arguments)
    playbook = Playbook.load(arguments.playbook)
    if arguments.contact is not None:
        return _one(arguments, playbook)
    began = time.monotonic()
    found = placed(arguments, playbook)
    between = time.monotonic()
    _write(arguments, journey_of(playbook, arguments.playbook), found)
    if arguments.summary is not None:
        seconds = {"placing": round(between - began, 3), "writing": round(time.monotonic() - between, 3)}
        run = {"version": VERSION, "engine": found.engine}
        write_summary(arguments.summary, "placing", {**run, "seconds": seconds, **found.summary.to_dict()})
    if arguments.json:
        print_json("placing", found.summary.to_dict())
    else:
        asked = (arguments.out, arguments.paths, arguments.handovers, arguments.placed)
        print(found.summary, file=sys.stderr if any(asked) else sys.stdout)
    return 0


def _write(arguments: argparse.Namespace, journey: Journey, found: Placements) -> None:
    """Write all tables that were asked for, or none: what is printed comes last."""
    from journeykit.tables import whole_files

    outputs = [getattr(arguments, name) for name in _OUTPUTS]
    with whole_files([path for path in outputs if path not in (None, "-")]) as beside:
        _write_each(arguments, journey, found, beside)


def _write_each(arguments: argparse.Namespace, journey: Journey, found: Placements, beside: Mapping[str, str]) -> None:
    from journeykit.journey.placing_results import PATHS, STAGES
    from journeykit.tables import format_of
    from journeykit.tables.rewrite import write_again
    from journeykit.tables.write_rows import write_rows

    if arguments.handovers is not None:
        write_rows(beside[arguments.handovers], *_handovers(arguments, journey, found))
    if arguments.placed is not None:
        # Of whom nothing was heard, the table may know better.
        stages = list(found.stages())
        entered = {row[0]: {"stage": row[1], STAGE_SINCE: row[2]} for row in stages if row[2] is not None}
        write_again(
            arguments.contacts,
            beside[arguments.placed],
            ("stage", STAGE_SINCE),
            entered,
            {row[0]: {"stage": row[1]} for row in stages if row[2] is None},
        )
    for path, name, kinds, rows in (
        (arguments.paths, "paths", PATHS, found.steps),
        (arguments.out, "table", STAGES, found.stages),
    ):
        form = arguments.format if name == "table" else None
        if path not in (None, "-") and (form or format_of(path)) == "parquet":
            found.write_parquet(beside[path], name)
        elif path is not None:
            write_rows(beside.get(path, path), kinds, rows(), form)


def _handovers(
    arguments: argparse.Namespace, journey: Journey, found: Placements
) -> tuple[Mapping[str, str], Iterable[Any]]:
    """The columns and rows of hand-overs."""
    from journeykit.journey import HANDOVERS, handover_rows
    from journeykit.journey.placing_results import PATHS

    paths = (dict(zip(PATHS, row, strict=True)) for row in found.steps())
    return HANDOVERS, handover_rows(paths, journey, arguments.since)


def _one(arguments: argparse.Namespace, playbook: Playbook) -> int:
    """One contact's path, worked out by the readable engine, which keeps the evidence."""
    from journeykit.placing.rows import place_one

    print(
        place_one(
            journey_of(playbook, arguments.playbook),
            arguments.events,
            arguments.contacts,
            arguments.contact,
            arguments.at,
            zone=zone_of(arguments),
            timezone=playbook.timezone,
        )
    )
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the outputs before any work is done."""
    from journeykit.tables import ENDINGS, format_of
    from journeykit.tables.outputs import ADVICE, harm_to

    outputs = {f"--{name}": getattr(arguments, name) for name in (*_OUTPUTS, "summary")}
    outputs = {name: path for name, path in outputs.items() if path is not None}
    if arguments.contact is not None and (outputs or arguments.json):
        raise UsageError("--contact prints one path, and goes with no other output")
    if outputs.get("--out") == "-" and arguments.json:
        raise UsageError("--out - and --json both want the standard output")
    if outputs.get("--out") == "-" and arguments.format is None:
        raise UsageError("--out - needs --format csv, jsonl or parquet")
    if arguments.format is not None and arguments.out is None:
        raise UsageError("--format goes with --out: it says what that file is")
    if arguments.since is not None and arguments.handovers is None:
        raise UsageError("--since goes with --handovers")
    if arguments.placed is not None and arguments.contacts is None:
        raise UsageError("--placed needs --contacts: it writes that table again")
    read = {"the playbook": arguments.playbook, "--events": arguments.events, "--contacts": arguments.contacts}
    taken = {path: name for name, path in read.items() if path is not None}
    for name, path in outputs.items():
        if path == "-" and name == "--out":
            continue
        if name != "--summary" and format_of(path) is None and not (name == "--out" and arguments.format is not None):
            more = "; or give --format" if name == "--out" else ""
            raise UsageError(f"{name} {path}: the ending of a table is one of {', '.join(ENDINGS)}{more}")
        for other, which in taken.items():
            harm = harm_to(other, path)
            if harm is not None:
                raise UsageError(f"{name} {path} would {harm} {which}; {ADVICE}")
        taken[path] = name
    if arguments.placed is not None and format_of(arguments.placed) != _format_of_table(arguments.contacts):
        raise UsageError("--placed and --contacts must be of one format: the table is written as it was")


def _format_of_table(path: str) -> str | None:
    """The format of a table that is read; a folder is one of Parquet files."""
    from journeykit.tables import format_of

    return "parquet" if os.path.isdir(path) else format_of(path)  # noqa: PTH112  (a text is all that is needed)
