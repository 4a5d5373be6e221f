"""The command line of segments: ``journeykit segments``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    add_engine,
    add_forms,
    add_max_bad,
    add_playbook_command,
    add_zone,
    instant,
    print_found,
    print_json,
    zone_of,
)

if TYPE_CHECKING:
    import argparse


def add_segments(commands: Any) -> None:
    """Add the command."""
    words = "count contacts by segment: gaps and overlaps"
    parser = add_playbook_command(commands, "segments", _segments, words)
    parser.add_argument(
        "--contacts", required=True, metavar="F", help="CSV, JSON lines or Parquet, as its ending says; a folder; or -"
    )
    add_zone(parser)
    parser.add_argument(
        "--at", required=True, type=instant, metavar="T", help="the instant at which the rules are asked"
    )
    add_engine(parser, "counts")
    add_max_bad(parser)
    add_forms(parser)


def _segments(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook
    from journeykit.segments.count import segment_report

    zone_of(arguments)
    playbook = Playbook.load(arguments.playbook)
    if not playbook.segments:
        print("the playbook has no segments: every contact is in none of them", file=sys.stderr)
    found = segment_report(
        playbook,
        arguments.contacts,
        at=arguments.at,
        zone=arguments.zone,
        max_bad=arguments.max_bad,
        engine=arguments.engine,
    )
    if arguments.json:
        print_json("segments", found.to_dict())
        return 0
    print_found(found, arguments)
    for row in found.bad[:10]:
        print(row, file=sys.stderr)
    return 0
