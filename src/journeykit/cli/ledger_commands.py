"""The command line of the ledger: ``journeykit ledger upgrade``, ``import``, ``show``, ``confirm`` and so on."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    UsageError,
    add_command,
    add_forms,
    add_max_bad,
    add_policy,
    add_table_format,
    add_zone,
    instant,
    open_ledger,
    policies_of,
    print_found,
    print_json,
)
from journeykit.errors import DataError, ModelError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from journeykit.ledger import Ledger, Moved

_NAMED = 50
"""So many rows that could not be confirmed or released are named."""


EXPORTED = ("touches", "words", "answers", "runs", "events", "contacts")
"""What ``journeykit ledger export`` writes."""


def add_ledger(commands: Any) -> None:
    """Add the commands."""
    words = "keep the ledger: what was promised and what was sent"
    parser = commands.add_parser("ledger", help=words, description=f"{words[0].upper()}{words[1:]}.")
    own = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _command(own, "upgrade", _upgrade, "create the schema, or take it to the version of this journeykit")

    read = _command(own, "import", _import, "read a send log into the history; to read it again changes nothing")
    read.add_argument("log", metavar="F", help="the send log: CSV, JSON lines or Parquet; or -")
    read.add_argument(
        "--columns", required=True, metavar="MAP", help="braze, sfmc, or a JSON file with a map of columns"
    )
    add_max_bad(read)
    read.add_argument("--json", action="store_true", help="print JSON")

    events = _command(own, "events", _events, "keep what contacts did; to read the same events again changes nothing")
    events.add_argument("--events", required=True, metavar="F", help="a table of events: contact_id, event, at, ...")
    add_zone(events)
    add_max_bad(events)
    events.add_argument("--json", action="store_true", help="print JSON")

    explain = _command(own, "explain", _explain, "show what was decided then; nothing is decided or reserved")
    explain.add_argument("key", nargs="?", metavar="KEY", help="the key of a decision; of an account, and --contact")
    explain.add_argument("--run", metavar="NAME", help="instead of a key, a run; and --contact")
    explain.add_argument("--contact", metavar="ID", help="the contact of that run, or of that account")
    add_policy(explain, "the playbook of then")
    add_forms(explain)

    export = _command(own, "export", _export, "write what the ledger holds of all contacts to a file, row by row")
    export.add_argument("--out", required=True, metavar="F", help="the file: .csv, .jsonl or .parquet; - prints")
    add_table_format(export)
    export.add_argument(
        "--what",
        choices=EXPORTED,
        default="touches",
        help="touches (default; may be given as --touches), words of consent, answers, runs, events (may be given as "
        "--events), or all of each contact "
        "(contacts: JSON lines)",
    )

    show = _command(own, "show", _show, "show what the ledger holds of a contact")
    show.add_argument("contact", metavar="CONTACT", help="contact id")
    show.add_argument("--json", action="store_true", help="print everything, as JSON")

    waiting = _command(own, "waiting", _waiting, "show the claims that wait: brought, lost, and to be decided again")
    waiting.add_argument("contact", nargs="?", metavar="CONTACT", help="contact id; by default all contacts")
    waiting.add_argument("--json", action="store_true", help="print everything, as JSON")

    quotas = _command(own, "quotas", _quotas, "show what is used, and left, of a playbook's quotas with a window")
    quotas.add_argument("playbook", metavar="PLAYBOOK", help="the playbook that has the quotas")
    quotas.add_argument("--at", type=instant, metavar="T", help="the period in which T lies; by default that of now")
    quotas.add_argument("--until", type=instant, metavar="T", help="all periods from there to that of T")
    quotas.add_argument("--json", action="store_true", help="print everything, as JSON")

    words = "show and lift what guards pause, or pause what tripped now"
    guard = own.add_parser("guard", help=words, description=f"{words[0].upper()}{words[1:]}.")
    guards = guard.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _command(guards, "list", _list_guards, "show what guards pause, and what was lifted")
    listed.add_argument("--json", action="store_true", help="print everything, as JSON")
    lifted = _command(guards, "lift", _lift_guard, "let a campaign go on; later responses count from then on")
    lifted.add_argument("name", metavar="NAME", help="the name of the guard")
    lifted.add_argument("--campaign", metavar="ID", help="one campaign; by default all that the guard pauses")
    lifted.add_argument("--at", type=instant, metavar="T", help="responses after T count again; by default now")
    kept = _command(guards, "keep", _keep_guards, "pause what tripped from now on, without waiting for a run")
    kept.add_argument("guards", metavar="F", help="the guards that tripped, as `measure --guards-out` writes them")

    for name, word, words in (
        ("opt-out", _opt_out, "record that a contact does not want to be written to"),
        ("opt-in", _opt_in, "record that a contact wants to be written to again"),
    ):
        said = _command(own, name, word, words)
        said.add_argument("contact", metavar="CONTACT", help="contact id")
        scope = said.add_mutually_exclusive_group()
        scope.add_argument("--channel", metavar="NAME", help="about one channel alone")
        scope.add_argument("--topic", metavar="NAME", help="about one topic alone")
        scope.add_argument("--suppressed", action="store_true", help="about messages that need no consent, too")
        said.add_argument("--at", type=instant, metavar="T", help="when the contact said so; by default now")

    run: Callable[[Ledger, argparse.Namespace], int | None]
    for name, run, words in (
        ("confirm", _confirm, "say that the sender has accepted reservations"),
        ("release", _release, "say that the sender has not, which frees their room"),
    ):
        moved = _command(own, name, run, words)
        moved.add_argument("ids", nargs="*", metavar="ID", help="ids of reservations: decision_id of granted rows")
        moved.add_argument("--decisions", metavar="F", help="a table of decisions, for all its granted rows")
        if name == "release":
            moved.add_argument("--run", metavar="NAME", help="all that a run still has reserved")

    expire = _command(own, "expire", _expire, "free the room of what was never confirmed")
    expire.add_argument("--before", required=True, type=instant, metavar="T", help="what should have gone before T")

    prune = _command(own, "prune", _prune, "remove what is old")
    prune.add_argument("--older-than", required=True, type=instant, metavar="T", help="what lies before T")

    stats = _command(own, "stats", _stats, "count what the ledger holds")
    stats.add_argument("--json", action="store_true", help="print JSON")


def _command(commands: Any, name: str, run: Callable[..., int | None], words: str) -> argparse.ArgumentParser:
    def command(arguments: argparse.Namespace) -> int:
        ledger = open_ledger(arguments.ledger)
        try:
            return run(ledger, arguments) or 0
        finally:
            ledger.close()

    parser = add_command(commands, name, command, words)
    parser.add_argument("ledger", metavar="URL", help="sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")
    return parser


def _upgrade(ledger: Ledger, _: argparse.Namespace) -> None:
    print(f"the schema has version {ledger.upgrade()}")


def _import(ledger: Ledger, arguments: argparse.Namespace) -> None:
    from journeykit.ledger.send_log_presets import SEND_LOGS

    columns: Any = arguments.columns
    if columns not in SEND_LOGS:
        columns = _map_of_columns(columns)
    found = ledger.import_log(arguments.log, columns, max_bad=arguments.max_bad)
    if arguments.json:
        print_json("imported_touches", found.to_dict())
    else:
        print(found)


def _events(ledger: Ledger, arguments: argparse.Namespace) -> None:
    found = ledger.record_events(arguments.events, zone=arguments.zone, max_bad=arguments.max_bad)
    if arguments.json:
        print_json("kept_events", found.to_dict())
    else:
        print(found)


def _map_of_columns(path: str) -> Any:
    from journeykit.ledger import SendLog
    from journeykit.ledger.send_log_presets import SEND_LOGS

    known = f"a map of columns is {', '.join(SEND_LOGS)}, or a JSON file"
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123  (a text is all that is needed)
            data = json.load(file)
    except OSError as error:
        raise UsageError(f"--columns {path}: {error.strerror}; {known}") from error
    except ValueError as error:
        raise DataError(f"this is no JSON: {error}", source=path) from error
    if not isinstance(data, dict):
        raise DataError("a map of columns is an object", source=path)
    try:
        return SendLog.of(data)
    except ModelError as error:
        raise DataError(str(error), source=path, field=error.field) from error


def _explain(ledger: Ledger, arguments: argparse.Namespace) -> None:
    from journeykit.arbiter import Arbiter
    from journeykit.playbook.playbook import Playbook

    alone = arguments.run is not None and arguments.contact is None
    if alone or (arguments.key is None) == (arguments.run is None):
        raise UsageError("give the KEY of a decision (and --contact, of an account's), or --run and --contact")
    policies = policies_of(arguments)
    arbiter = Arbiter(Playbook(), policies) if policies else None
    decision = ledger.decision(
        arguments.key, run_id=arguments.run, contact=arguments.contact, arbiter=arbiter, explain=True
    )
    found = decision.explain()
    if arguments.json:
        print_json("decision", found.to_dict())
    else:
        print_found(found, arguments)


def _export(ledger: Ledger, arguments: argparse.Namespace) -> None:
    from journeykit.ledger.exporting import EXPORTS
    from journeykit.tables import ENDINGS, format_of, table_writer
    from journeykit.tables.write_rows import line_writer

    out, form = arguments.out, arguments.format or format_of(arguments.out)
    if form is None:
        ask = "--out - needs --format" if out == "-" else f"--out {out}: the ending is one of {', '.join(ENDINGS)}"
        raise UsageError(f"{ask}; or give --format" if out != "-" else f"{ask} csv, jsonl or parquet")
    rows, columns = ledger.export_all(arguments.what), EXPORTS[arguments.what]
    count = 0
    if not columns:
        if form != "jsonl":
            raise UsageError("--what contacts is written as JSON lines: give a file that ends in .jsonl")
        with line_writer(out) as write_line:
            for count, row in enumerate(rows, 1):  # noqa: B007  (the last is the number of all)
                write_line(row)
    else:
        with table_writer(out, columns, form) as write:
            for count, row in enumerate(rows, 1):  # noqa: B007
                write([row[name] for name in columns])
    print(f"{count:,} {arguments.what} written", file=sys.stderr)


def _show(ledger: Ledger, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json("ledger_contact", ledger.export(arguments.contact))
        return
    held = ledger.reservations(arguments.contact)
    words = ledger.opt_outs(arguments.contact)
    for no in words:
        what = "is suppressed" if no.suppressed else f"has opted out of {no.about}"
        print(f"{arguments.contact} {what}: said at {no.at.isoformat()}")
    for own in held:
        what = " / ".join(part for part in (own.campaign, own.content, own.channel) if part)
        print(f"{own.at.isoformat()}  {own.status:8}  {what}  {own.id}")
    if not held and not words:
        print(f"the ledger holds nothing of contact {arguments.contact!r}", file=sys.stderr)


def _waiting(ledger: Ledger, arguments: argparse.Namespace) -> None:
    found = ledger.waiting(arguments.contact)
    if arguments.json:
        print_json("waiting_claims", {"waiting": [own.to_dict() for own in found]})
        return
    for own in found:
        claim = own.claim
        what = " / ".join(part for part in (claim.campaign, claim.content, claim.channel, claim.id) if part)
        until = "" if own.until is None else f", until {own.until.isoformat()}"
        print(f"{own.contact}  {what}  since {own.since.isoformat()}{until}")
    if not found:
        whose = "" if arguments.contact is None else f" of contact {arguments.contact!r}"
        print(f"no claim{whose} waits", file=sys.stderr)


def _quotas(ledger: Ledger, arguments: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from journeykit.arbiter import Arbiter
    from journeykit.playbook.playbook import Playbook

    at = arguments.at or datetime.now(UTC)
    if arguments.until is not None and arguments.until < at:
        raise UsageError("--until lies before --at")
    found = ledger.quotas(Arbiter(Playbook.load(arguments.playbook)), at=at, until=arguments.until)
    if arguments.json:
        print_json("quota_usage", {"quotas": [own.to_dict() for own in found]})
        return
    for own in found:
        sides = "".join(
            f", {name} {side:,g}" for name, side in (("max", own.max), ("min", own.min)) if side is not None
        )
        rest = f" of {own.messages:,} messages" if own.messages is not None else ""
        rest += "" if own.left is None else f", {own.left:,g} left"
        print(f"{own.name}  {own.period}  used {own.used:,g}{rest}{sides}")
    if not found:
        print("the playbook has no quota with a window that counts then", file=sys.stderr)


def _list_guards(ledger: Ledger, arguments: argparse.Namespace) -> None:
    found = ledger.guards()
    if arguments.json:
        print_json("tripped_guards", {"guards": [own.to_dict() for own in found]})
        return
    for own in found:
        print(own)
    if not found:
        print("no guard has tripped", file=sys.stderr)


def _lift_guard(ledger: Ledger, arguments: argparse.Namespace) -> None:
    for own in ledger.lift_guard(arguments.name, arguments.campaign, at=arguments.at):
        print(f"{own.guard!r} does not pause {own.campaign!r} any more; responses after {own.lifted_at} count")


def _keep_guards(ledger: Ledger, arguments: argparse.Namespace) -> None:
    from journeykit.model.tripped_guards import TrippedGuards

    found = ledger.keep_guards(TrippedGuards.load(arguments.guards))
    for own in found:
        print(own)
    if not found:
        print("nothing is paused that was not, or had been lifted", file=sys.stderr)


def _scope(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a word of consent is about, and when it was said."""
    from datetime import UTC, datetime

    for name in ("contact", "channel", "topic"):
        if getattr(arguments, name) == "":
            raise UsageError(f"the {name} is empty; give the name of one")
    return {
        "channel": arguments.channel,
        "topic": arguments.topic,
        "suppressed": arguments.suppressed,
        "at": arguments.at or datetime.now(UTC),
    }


def _opt_out(ledger: Ledger, arguments: argparse.Namespace) -> None:
    scope = _scope(arguments)
    ledger.opt_out(arguments.contact, **scope)
    _tell_opt_outs(ledger, arguments.contact)


def _opt_in(ledger: Ledger, arguments: argparse.Namespace) -> None:
    ledger.opt_in(arguments.contact, **_scope(arguments))
    _tell_opt_outs(ledger, arguments.contact)


def _tell_opt_outs(ledger: Ledger, contact: str) -> None:
    """Say what holds now: an earlier word that came later changes nothing."""
    held = [no.about for no in ledger.opt_outs(contact)]
    print(f"{contact}: " + ("no opt-out holds" if not held else f"opt-outs that hold: {', '.join(held)}"))


def _ids(arguments: argparse.Namespace) -> Iterator[str]:
    """The ids that are meant: those given, or those of a table."""
    if bool(arguments.ids) == bool(arguments.decisions):
        more = ", and not both" if arguments.ids else f"{', or --run' if hasattr(arguments, 'run') else ''}"
        raise UsageError(f"give ids of reservations, or a table of --decisions{more}")
    return iter(arguments.ids) if arguments.ids else _granted(arguments.decisions)


def _granted(path: str) -> Iterator[str]:
    from journeykit.tables import BadRows, open_table
    from journeykit.tables.header import RowLayout

    table = RowLayout(open_table(path, "decisions"), ["decision_id", "outcome"], BadRows(0))
    for _, _, places, values in table.rows():
        if values[places["outcome"]] == "granted":
            yield str(values[places["decision_id"]])


def _confirm(ledger: Ledger, arguments: argparse.Namespace) -> int:
    return _tell_moved(ledger.confirm_many(_ids(arguments)), "confirmed")


def _release(ledger: Ledger, arguments: argparse.Namespace) -> int:
    if arguments.run is None:
        return _tell_moved(ledger.release_many(_ids(arguments)), "released")
    if arguments.ids or arguments.decisions:
        raise UsageError("give --run alone: it is about all that the run has reserved")
    if not arguments.run:
        raise UsageError("--run is empty; give the name of a run")
    print(f"{len(ledger.release(run_id=arguments.run)):,} released")
    return 0


def _tell_moved(pieces: Iterable[Moved], done: str) -> int:
    """Say how many were moved, and what the others are; exit code 1 where one of them contradicts the command."""
    moved = refused = 0
    rest: Counter[str] = Counter()
    named: list[str] = []
    for piece in pieces:
        moved += len(piece)
        refused += len(piece.refused)
        for state, ids in piece.rest.items():
            rest[state] += len(ids)
            if not set(ids).isdisjoint(piece.refused):
                named += [f"{id_}  {state}" for id_ in ids[: _NAMED - len(named)]]
    print(f"{moved:,} {done}" + (f"; the rest: {_counted(rest)}" if rest else ""))
    if not refused:
        return 0
    print(f"{refused:,} could not be {done}:", file=sys.stderr)
    more = [f"and {refused - len(named):,} more"] if refused > len(named) else []
    print("\n".join(f"  {line}" for line in [*named, *more]), file=sys.stderr)
    return 1


def _counted(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))


def _expire(ledger: Ledger, arguments: argparse.Namespace) -> None:
    print(f"{ledger.expire(arguments.before):,} expired")


def _prune(ledger: Ledger, arguments: argparse.Namespace) -> None:
    print(", ".join(f"{count:,} {what}" for what, count in ledger.prune(arguments.older_than).items()) + " removed")


def _stats(ledger: Ledger, arguments: argparse.Namespace) -> None:
    found = ledger.stats()
    if arguments.json:
        print_json("ledger", found)
        return
    for name, value in found.items():
        text = ", ".join(f"{status} {count:,}" for status, count in value.items()) if name == "touches" else value
        print(f"{name}: {text if text not in (None, '') else 'none'}")
