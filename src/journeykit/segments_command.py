"""The command line of segments: ``journeykit segments``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from journeykit.errors import ModelError
from journeykit.ledger_commands import WrongUsageError, max_bad

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_segments(parser: argparse.ArgumentParser, instant: Callable[[str], Any]) -> None:
    """Add what the command takes.

    Args:
        parser: that of the command, which knows the playbook.
        instant: reads an instant.
    """
    parser.add_argument(
        "--contacts", required=True, metavar="F", help="CSV, JSON lines or Parquet, as its ending says; a folder; or -"
    )
    parser.add_argument("--zone", metavar="NAME", help="the zone in which instants without an offset are meant")
    parser.add_argument(
        "--at", required=True, type=instant, metavar="T", help="the instant at which the rules are asked"
    )
    parser.add_argument("--engine", choices=("one", "columns"), help="who does the work; both count the same")
    parser.add_argument("--max-bad", type=max_bad, metavar="N|P%%", help="fail where more rows are bad")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", action="store_true", help="print HTML")


def report_segments(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from journeykit.basics.clock import clock
    from journeykit.playbook.playbook import Playbook
    from journeykit.segments.count import segment_report

    try:
        clock(arguments.zone or "UTC")
    except ModelError as error:
        raise WrongUsageError(f"--zone: {error}", field="zone") from error
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
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
        return 0
    print(found._repr_html_() if arguments.html else found)
    for row in found.bad[:10]:
        print(row, file=sys.stderr)
    return 0
