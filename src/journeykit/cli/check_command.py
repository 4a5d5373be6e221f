"""The command ``journeykit check``: what is wrong with a playbook, and with tables that are to be used with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import DONE, PLAYBOOK, add_playbook_command, add_zone, print_json, zone_of
from journeykit.errors import PlaybookError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from journeykit.job.table_survey import Inspection
    from journeykit.playbook.playbook import Playbook

_INSPECTED = {
    "contacts": "words, columns and consents that the playbook does not know, and rows that cannot be used",
    "touches": "the history",
    "claims": "what is asked for",
    "scores": "propensity, value, opt_out and the like by contact and campaign",
    "events": "what contacts did, for the journey and for rules that ask for it",
}
_BAD_SHOWN = 10


def add_check(commands: Any) -> None:
    """Add the command."""
    check = add_playbook_command(commands, "check", _check, "read a playbook and say what is wrong with it")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    tables = check.add_argument_group("tables", "compared with the playbook before a run; nothing is decided")
    for name, words in _INSPECTED.items():
        tables.add_argument(f"--{name}", metavar="F", help=words)
    add_zone(tables)


def _check(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook

    try:
        playbook = Playbook.load(arguments.playbook)
    except PlaybookError as error:
        if not arguments.json:
            raise
        print_json("check", {"valid": False, "problems": [_problem(problem) for problem in error.problems]})
        return PLAYBOOK
    warnings = [*playbook.check(), *_policy_warning(playbook)]
    inspection = _inspected(arguments, playbook)
    if arguments.json:
        found = {"valid": True, "fingerprint": playbook.fingerprint}
        found |= {"problems": [_problem(problem) for problem in warnings]}
        print_json("check", found | ({} if inspection is None else _inspection_data(inspection)))
    else:
        for warning in warnings:
            print(f"warning: {warning}")
        if inspection is not None:
            _print_inspection(inspection)
        print(f"{arguments.playbook}: valid, {len(warnings)} warning{'s' * (len(warnings) != 1)}")
        print(f"fingerprint {playbook.fingerprint}")
    if inspection is not None and inspection.useless is not None:
        raise inspection.useless
    return DONE


def _inspected(arguments: argparse.Namespace, playbook: Playbook) -> Inspection | None:
    """What is to be said of the tables, if there are any."""
    sources = {name: getattr(arguments, name) for name in _INSPECTED}
    if all(source is None for source in sources.values()):
        return None
    from journeykit.job.table_survey import inspect

    return inspect(playbook, sources, zone=zone_of(arguments))


def _inspection_data(found: Inspection) -> dict[str, Any]:
    return {
        "mismatches": [mismatch.to_dict() for mismatch in found.mismatches],
        "bad_rows": {"count": found.bad.total, "first": [str(bad) for bad in found.bad.first]},
        "notes": list(found.notes),
    }


def _print_inspection(found: Inspection) -> None:
    for mismatch in found.mismatches:
        print(f"warning: {mismatch}")
    for note in found.notes:
        print(f"note: {note}")
    if found.bad.total:
        print(f"bad rows: {found.bad.total:,}")
        for bad in found.bad.first[:_BAD_SHOWN]:
            print(f"  {bad}")
        if found.bad.total > _BAD_SHOWN:
            print(f"  ... and {found.bad.total - min(_BAD_SHOWN, len(found.bad.first)):,} more")
    count = len(found.mismatches)
    bad_rows = f"{found.bad.total:,} bad row{'s' * (found.bad.total != 1)}"
    print(f"tables: {count:,} mismatch{'es' * (count != 1)} with the playbook, {bad_rows}")


def _policy_warning(playbook: Playbook) -> Iterator[Any]:
    from journeykit.errors import Problem, closest
    from journeykit.policies import BUILT_IN

    if playbook.policy not in BUILT_IN:
        message = f"{playbook.policy!r} is not built in; decide needs --policy {playbook.policy}=MODULE:OBJECT"
        yield Problem("policy", message, suggestion=closest(playbook.policy, BUILT_IN), severity="warning")


def _problem(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("severity", "path", "line", "message", "suggestion")}
