"""The command line of the report for marketers: ``journeykit report``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    UsageError,
    add_command,
    add_max_bad,
    add_zone,
    check_unharmed,
    instant,
    print_json,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import MissingExtraError, ModelError, missing

if TYPE_CHECKING:
    import argparse

    from journeykit.reporting import DecisionReport

_READ = ("decisions", "contacts", "summary", "measures", "compare")


def add_report(commands: Any) -> None:
    """Add the command."""
    words = "make one page of HTML of decisions, for people who plan campaigns: who speaks, who loses, and why"
    parser = add_command(commands, "report", _report, words)
    parser.add_argument("given", nargs="?", metavar="PLAYBOOK", help="a playbook: .yaml, .toml or .json")
    parser.add_argument("--playbook", metavar="F", help="the same, as an option")
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument(
        "--decisions", required=True, metavar="F", help="what `decide` wrote, best with all claims (decide --all)"
    )
    tables.add_argument("--contacts", metavar="F", help="contacts, for shares by stage and segment, and the journey")
    add_zone(tables)
    parser.add_argument("--summary", metavar="F", help="what `decide --summary` wrote, for the use of quotas")
    parser.add_argument("--measures", metavar="F", help="what `measure --json` printed, for what messages did")
    parser.add_argument("--compare", metavar="F", help="what `compare --json` printed, for what would change")
    parser.add_argument(
        "--examples",
        type=_examples,
        default=0,
        metavar="N",
        help="show the decisions of N contacts too; without it the page has no data of single contacts",
    )
    parser.add_argument("--title", metavar="TEXT", help="the heading of the page; by default the name of the playbook")
    parser.add_argument(
        "--at", type=instant, metavar="T", help="the instant at which segments are asked; by default the last run's"
    )
    add_max_bad(parser)
    parser.add_argument("--out", metavar="F", help="write the page: .html; without it the report is printed as text")
    parser.add_argument("--json", action="store_true", help="print what the page says and shows as JSON")


def _examples(text: str) -> int:
    import argparse

    if not text.isdecimal() or int(text) > 1_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to 1,000")
    return int(text)


def _report(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook

    _check(arguments)
    playbook = Playbook.load(arguments.playbook)
    zone_of(arguments)
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "report", "report")
    if any(find_spec(name) is None for name in ("altair", "vl_convert")):
        raise MissingExtraError("report", "report")
    from journeykit.reporting.decision_report import report

    try:
        found = report(
            playbook,
            arguments.decisions,
            examples=arguments.examples,
            title=arguments.title,
            at=arguments.at,
            zone=arguments.zone,
            max_bad=arguments.max_bad,
            **{name: getattr(arguments, name) for name in _READ[1:]},
        )
    except ModelError as error:
        raise UsageError(str(error)) from error
    if arguments.out is not None:
        found.save(arguments.out)
    if arguments.json:
        print_json("report", found.to_dict())
    else:
        print(found if arguments.out is None else _written(arguments, found))
    return DONE


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    if (arguments.given is None) == (arguments.playbook is None):
        raise UsageError("give one playbook: journeykit report PLAYBOOK --decisions F ...")
    arguments.playbook = arguments.playbook or arguments.given
    if arguments.out is None:
        return
    if not arguments.out.lower().endswith((".html", ".htm")):
        raise UsageError(f"--out {arguments.out}: the page is HTML: give a name that ends in .html")
    read = {f"the {name}": getattr(arguments, name) for name in ("playbook", *_READ)}
    check_unharmed(arguments.out, read)


def _written(arguments: argparse.Namespace, found: DecisionReport) -> str:
    """What a person reads after the page is written."""
    size = len(found.html.encode("utf-8", "backslashreplace"))
    lines = [f"{arguments.out}: {size / 1_000_000:.1f} MB, {len(found.parts)} parts", *found.lines]
    lines += [f"not shown: {part.title}: {part.missing}" for part in found.parts if part.missing]
    return "\n".join(lines)
