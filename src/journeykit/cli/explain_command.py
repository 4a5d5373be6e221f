"""The command ``journeykit explain``: the decision for one contact, with its reasons."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import DONE, UsageError, add_forms, add_playbook_command, print_found, print_json
from journeykit.cli.decide_command import add_tables, arbiter_of, inputs_of, ledger_of

if TYPE_CHECKING:
    import argparse


def add_explain(commands: Any) -> None:
    """Add the command."""
    explain = add_playbook_command(commands, "explain", _explain, "explain the decision for one contact")
    add_tables(explain)
    explain.add_argument("--contact", required=True, metavar="ID", help="contact id")
    explain.add_argument("--prices", metavar="F", help="prices of the quotas, as decide and plan save them")
    explain.add_argument("--ledger", metavar="URL", help="read the history from a ledger too; reserves nothing")
    explain.add_argument(
        "--run", metavar="NAME", help="with --ledger, the history as it was when this run began; by default that of now"
    )
    add_forms(explain)


def _explain(arguments: argparse.Namespace) -> int:
    from journeykit.job import decide_one

    arbiter = arbiter_of(arguments)
    if arbiter.playbook.quotas and arbiter.prices is None:
        print("quotas hold over all contacts together: for one contact alone give --prices", file=sys.stderr)
    if arguments.run is not None and arguments.ledger is None:
        raise UsageError("--run names a run of a ledger: give --ledger too")
    with ledger_of(arguments) as ledger:
        _, decision, bad = decide_one(
            arbiter,
            inputs_of(arguments),
            arguments.contact,
            at=arguments.at,
            until=arguments.until,
            ledger=ledger,
            run_id=arguments.run,
        )
    for note in arbiter.decider.guard_notes():
        print(note, file=sys.stderr)
    if bad:
        # A touch that cannot be read does not count: a reader of the answer must know that it may be missing.
        print("these rows could not be used, and count for nothing here:", *bad[:10], sep="\n  ", file=sys.stderr)
    found = decision.explain()
    if arguments.json:
        print_json("decision", found.to_dict())
    else:
        print_found(found, arguments)
    return DONE
