"""The command line of measures: ``journeykit measure``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    GUARD,
    TABLE_KINDS,
    UsageError,
    add_max_bad,
    add_playbook_command,
    add_zone,
    check_unharmed,
    instant,
    level,
    open_ledger,
    print_json,
    seed,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import DataError, ModelError, missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from journeykit.measuring import MeasureReport


def add_measure(commands: Any) -> None:
    """Add the command."""
    words = "measure what messages did: how many were answered, what that was worth, and what it did harm"
    parser = add_playbook_command(commands, "measure", _measure, words)
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument("--touches", metavar="F", help="the messages: contact_id, sent_at, channel, campaign_id, ...")
    tables.add_argument("--events", metavar="F", help="what contacts did: contact_id, event, at, ...")
    tables.add_argument("--contacts", metavar="F", help="contacts, with the columns that tell them apart")
    tables.add_argument(
        "--decisions", metavar="F", help="decisions, which say who was assigned to a holdout or an arm, and when"
    )
    tables.add_argument(
        "--ledger",
        metavar="URL",
        help="take touches and events that are not given, and when guards were lifted, from a ledger",
    )
    add_zone(tables)
    parser.add_argument("--since", required=True, type=instant, metavar="T", help="messages from T on")
    parser.add_argument(
        "--until", required=True, type=instant, metavar="T", help="messages before T, and what contacts did until T"
    )
    parser.add_argument(
        "--by",
        default="campaign",
        metavar="FACET,...",
        help="tell messages apart by campaign (default), content, team, goal, channel, stage, segment, theme, arm or a "
        "column of touches or contacts; a table for each, or for several together: team*stage",
    )
    _add_relation(parser)
    parser.add_argument("--level", type=level, default=0.95, metavar="P", help="level of the intervals (0.95)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the bootstrap (0)")
    add_max_bad(parser)
    parser.add_argument(
        "--bad-rows", metavar="F", help="keep bad rows whole in a file, with what is wrong: .csv, .jsonl or .parquet"
    )
    parser.add_argument("--out", metavar="F", help="write the measures as a table too: .csv, .jsonl or .parquet")
    parser.add_argument("--harms", metavar="F", help="write which message each opt-out and complaint followed")
    parser.add_argument(
        "--guards-out", metavar="F", help="write the guards that tripped, as `decide --guards` takes them: .json"
    )
    parser.add_argument(
        "--strict", action="store_true", help="fail, with exit code 4, where guards of the playbook cannot be asked"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _add_relation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "relationship", "scores, churn, lifetime value, sales by when contacts came, and what messages kept"
    )
    group.add_argument("--relation", action="store_true", help="measure the relationship with contacts too")
    group.add_argument("--segment-by", metavar="COLUMN", help="the column of contacts that parts them, or segments")
    group.add_argument("--silent", metavar="TIME", help="after this time without an event a contact is lost: 90d")
    group.add_argument("--value", metavar="RESPONSE", help="the response that says what contacts bring")
    group.add_argument("--lost-sale", metavar="EVENT", help="the event of a sale that was lost")
    group.add_argument(
        "--before", type=instant, metavar="T", help="part contacts into those who came before T and those from T on"
    )
    group.add_argument("--sales-within", metavar="TIME", help="count sales this long after a contact came: 90d")
    group.add_argument("--period", metavar="TIME", help="the length of a period of lifetime values (30d)")
    group.add_argument(
        "--discount", type=_discount, metavar="RATE", help="the discount rate of a period, from 0 to 1 (0.01)"
    )


_OF_RELATION = {
    "segment_by": "by",
    "silent": "silent",
    "value": "value",
    "lost_sale": "lost_sale",
    "before": "before",
    "sales_within": "within",
    "period": "period",
    "discount": "discount",
}
"""The options of the relationship, and what `measure_relation` calls them."""


def _discount(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate from 0 to 1, such as 0.01")
    return rate


def _measure(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook

    _check(arguments)
    playbook = Playbook.load(arguments.playbook)
    if arguments.guards_out is not None and not playbook.guards:
        raise UsageError("--guards-out: the playbook has no guards")
    if None not in (arguments.ledger, arguments.touches, arguments.events) and not playbook.guards:
        raise UsageError("--ledger gives what --touches and --events do not, and both are given")
    zone_of(arguments)
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "columns", "measure")
    touches, events, lifts = _sources(arguments)
    from journeykit.measuring.measurement import measure

    try:
        found = measure(
            playbook,
            touches,
            events,
            since=arguments.since,
            until=arguments.until,
            contacts=arguments.contacts,
            decisions=arguments.decisions,
            by=arguments.by,
            zone=arguments.zone,
            level=arguments.level,
            seed=arguments.seed,
            max_bad=arguments.max_bad,
            bad_rows=arguments.bad_rows,
            lifts=lifts,
            relation=_relation(arguments) if arguments.relation else None,
        )
    except ModelError as error:
        raise _said(error) from error
    _write(arguments, found)
    if arguments.json:
        print_json("measures", found.to_dict())
    else:
        print(found)
    return _guarded(arguments, found.block("guards"))


def _guarded(arguments: argparse.Namespace, guards: Any) -> int:
    """Say on standard error which guards tripped; the exit code.

    Raises:
        DataError: for guards that cannot be asked, where that is not let pass.
    """
    if guards is None:
        return DONE
    sys.stdout.flush()
    for trip in guards.tripped.trips:
        print(f"journeykit: {trip}", file=sys.stderr)
    if arguments.strict and guards.unasked:
        told = "; ".join(f"guard {name!r} cannot be asked: {why}" for name, why in guards.unasked.items())
        raise DataError(told, source="events")
    return GUARD if guards.tripped.trips else DONE


def _relation(arguments: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the relationship."""
    asked = {own: getattr(arguments, name) for name, own in _OF_RELATION.items()}
    return {name: value for name, value in asked.items() if value is not None}


def _said(error: ModelError) -> UsageError:
    """What cannot be asked, with the option that asks for it where it is one of the relationship."""
    field = error.field.removeprefix("relation.")
    option = next((name for name, own in _OF_RELATION.items() if error.field == f"relation.{own}"), None)
    if option is None:
        return UsageError(str(error))
    return UsageError(f"--{option.replace('_', '-')}: {str(error).removeprefix(f'{field}: ')}")


def _sources(arguments: argparse.Namespace) -> tuple[Any, Any, Any]:
    """The touches and the events: as they are given, else from the ledger; and when guards were lifted there."""
    if arguments.ledger is None:
        return arguments.touches, arguments.events, None
    with open_ledger(arguments.ledger) as ledger:
        touches, events = arguments.touches, arguments.events
        if touches is None:
            # A reservation has the id of the decision that made it.
            touches = [{**row, "decision_id": row["id"]} for row in ledger.export_all("touches")]
        if events is None:
            events = list(ledger.export_all("events"))
        return touches, events, ledger.guard_lifts()


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    if arguments.ledger is None:
        for name in ("touches", "events"):
            if getattr(arguments, name) is None:
                raise UsageError(f"--{name} is needed, or --ledger, which holds {name}")
    given = [f"--{name.replace('_', '-')}" for name in _OF_RELATION if getattr(arguments, name) is not None]
    if given and not arguments.relation:
        raise UsageError(f"{given[0]} belongs to --relation")
    if arguments.since >= arguments.until:
        raise UsageError("--since must be before --until")
    tables = ("playbook", "touches", "events", "contacts", "decisions")
    read = {f"the {name}": getattr(arguments, name) for name in tables}
    for name in ("out", "harms", "bad-rows", "guards-out"):
        path = getattr(arguments, name.replace("-", "_"))
        if path is None:
            continue
        if name == "guards-out":
            if not path.endswith(".json"):
                raise UsageError(f"--guards-out {path}: the file is JSON: give a name that ends in .json")
        elif format_of(path) is None:
            raise UsageError(f"--{name} {path}: the ending of a table is one of {', '.join(ENDINGS)}")
        check_unharmed(path, read, option=name)
        read[f"--{name}"] = path


def _write(arguments: argparse.Namespace, found: MeasureReport) -> None:
    """Write the tables that were asked for, or none."""
    from journeykit.measuring.measure_report import MEASURES
    from journeykit.measuring.message_pressure import HARMS
    from journeykit.tables import whole_files
    from journeykit.tables.write_rows import write_rows

    harms: Iterable[Mapping[str, Any]] = () if found.harms is None else found.harms.to_pylist()
    with whole_files([path for path in (arguments.out, arguments.harms) if path is not None]) as beside:
        for path, kinds, rows in ((arguments.out, MEASURES, found.rows()), (arguments.harms, HARMS, harms)):
            if path is not None:
                write_rows(beside[path], kinds, ([cells[name] for name in kinds] for cells in rows))
    guards: Any = found.block("guards")
    if arguments.guards_out is not None:
        guards.tripped.save(arguments.guards_out)
