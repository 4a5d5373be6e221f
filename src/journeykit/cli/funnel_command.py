"""The command line of estimation: ``journeykit funnel``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import UsageError, add_playbook_command, check_unharmed, print_json, zone_of
from journeykit.cli.place_command import add_events, journey_of

if TYPE_CHECKING:
    import argparse

    from journeykit.journey import Estimates

FUNNEL = {
    "segment": "text",
    "stage": "text",
    "to": "text",
    "reached": "number",
    "in_order": "number",
    "converted": "number",
    "conversion": "number",
    "low": "number",
    "high": "number",
    "drop_off": "number",
    "skipped": "number",
    "waiting": "number",
    "left": "number",
    "between_days": "number",
}
"""The columns of a table of the funnel, with the kind of each; the segment of all contacts is empty."""


def add_funnel(commands: Any) -> None:
    """Add the command."""
    words = "measure the journey: how far contacts come, how they move, how long they stay and what they buy"
    parser = add_playbook_command(commands, "funnel", _funnel, words)
    add_events(parser)
    parser.add_argument(
        "--by", metavar="COLUMN", help="tell contacts apart by a column of theirs, or by all segments: --by segments"
    )
    parser.add_argument("--won", metavar="EVENT", help="the event of a sale that was won")
    parser.add_argument("--lost", metavar="EVENT", help="the event of a sale that was lost")
    parser.add_argument("--amount", metavar="PROPERTY", help="the property of the event that says what was paid")
    parser.add_argument("--out", metavar="F", help="write the funnel as a table too: .csv, .jsonl or .parquet")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _funnel(arguments: argparse.Namespace) -> int:
    from journeykit.placing.funnel import funnel_table
    from journeykit.playbook.playbook import Playbook

    _check(arguments)
    playbook = Playbook.load(arguments.playbook)
    journey_of(playbook, arguments.playbook)
    zone_of(arguments)
    found = funnel_table(
        playbook,
        arguments.events,
        arguments.contacts,
        at=arguments.at,
        by=arguments.by,
        won=arguments.won,
        lost=arguments.lost,
        amount=arguments.amount,
        zone=arguments.zone,
        max_bad=arguments.max_bad,
        engine=arguments.engine,
    )
    for note in found.notes:
        print(note, file=sys.stderr)
    estimates, placements = found.estimates, found.placements
    if arguments.out is not None:
        write_funnel(arguments.out, estimates)
    if arguments.json:
        print_json("funnel", estimates.to_dict() | {"placed": placements.summary.to_dict()})
    else:
        print(estimates)
        print(placements.summary, file=sys.stderr)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    for name in ("by", "won", "lost", "amount"):
        if getattr(arguments, name) is not None and not getattr(arguments, name).strip():
            raise UsageError(f"--{name} is empty; leave the option out, or give a name")
    if arguments.by is not None and arguments.contacts is None:
        raise UsageError("--by needs --contacts, which says who is what")
    if arguments.won is not None and arguments.won == arguments.lost:
        raise UsageError("--won and --lost are one event: a sale is won or lost")
    if arguments.won is None and (arguments.lost is not None or arguments.amount is not None):
        raise UsageError("--lost and --amount need --won, the event of a sale that was won")
    out = arguments.out
    if out is None:
        return
    if format_of(out) is None:
        raise UsageError(f"--out {out}: the ending of a table is one of {', '.join(ENDINGS)}")
    check_unharmed(out, {f"the {name}": getattr(arguments, name) for name in ("playbook", "events", "contacts")})


def write_funnel(path: str, estimates: Estimates) -> None:
    """Write the funnel, of all contacts and of each segment, as a table with the columns of `FUNNEL`."""
    from journeykit.tables import table_writer

    with table_writer(path, FUNNEL) as write:
        for segment, own in ((None, estimates), *estimates.by_segment.items()):
            for step in own.funnel:
                data = step.to_dict()
                share = data["converted"] or dict.fromkeys(("part", "rate", "low", "high"))
                more = {"segment": segment, "converted": share["part"], "conversion": share["rate"]}
                cells = {**data, **share, **more}
                write([cells[name] for name in FUNNEL])
