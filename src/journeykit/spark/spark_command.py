"""The command ``python -m journeykit.spark``: the contacts of a table, decided on Spark."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from journeykit.cli.arguments import (
    DONE,
    TABLES,
    UsageError,
    add_max_bad,
    add_policy,
    add_zone,
    check_unharmed,
    columns,
    instant,
    name_list,
    print_json,
    run_name,
    write_summary,
    zone_of,
)
from journeykit.cli.command_parser import CommandParser
from journeykit.cli.decide_command import (
    add_ledger_options,
    add_strict,
    arbiter_of,
    check_ledger_options,
    ledger_file,
    tell_summary,
)
from journeykit.cli.main import EXIT_CODES
from journeykit.cli.main import main as command_line
from journeykit.errors import DataError, JourneykitError, ModelError, missing
from journeykit.spark.spark_errors import error_behind
from journeykit.spark.table_place import FORMATS, TablePlace
from journeykit.tables.decision_columns import DECISIONS
from journeykit.tables.partitioning import Partitioning

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.arbiter import Arbiter
    from journeykit.job import Summary
    from journeykit.spark.run_summary import RunSummary

_PLACES = (
    "paths that executors reach, in any format that Spark reads: .parquet, .csv (all cells are text), .json, .jsonl, "
    f".orc and .avro as the ending says; FORMAT:PATH for others ({', '.join(FORMATS[:-1])}); table:NAME for one of the "
    "catalogue"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments; None takes those of the process.

    Returns:
        The exit code, as that of ``journeykit decide``.
    """
    return command_line(argv, _parser)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m journeykit.spark",
        allow_abbrev=False,
        description="Decide all contacts of a table on Spark: the rows that `journeykit decide` gives.",
        epilog=EXIT_CODES,
    )
    parser.set_defaults(command=_decide)
    parser.add_argument("playbook", metavar="PLAYBOOK", help="a playbook: .yaml, .toml or .json, where the driver runs")
    tables = parser.add_argument_group("tables", _PLACES)
    for name, words in _TABLES.items():
        tables.add_argument(f"--{name}", metavar="F", type=_place, help=words)
    add_zone(tables)
    tables.add_argument(
        "--order-by",
        type=name_list,
        default=(),
        metavar="NAME,...",
        help="columns of the contacts by which the first of several rows with one id is found, which counts; "
        "'NAME desc' for the last (by default by the cells, for Spark has no first row)",
    )
    parser.add_argument(
        "--guards", metavar="F", help="the guards that tripped, as `measure --guards-out` writes them: they pause"
    )
    parser.add_argument("--at", required=True, type=instant, metavar="T", help="the instant of the decisions")
    parser.add_argument("--until", type=instant, metavar="T", help="the last instant of a plan")
    add_policy(parser)
    _add_output(parser)
    add_ledger_options(parser)
    add_strict(parser)
    words = "fail where more rows, or a larger share of a table's, are bad; what Spark itself writes is there then"
    add_max_bad(parser, words)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, with a plan's calendar")
    parser.add_argument("--quiet", action="store_true", help="do not print the summary; errors are printed")
    parser.add_argument(
        "--bad-rows",
        type=_place,
        metavar="F",
        help="write bad rows whole too, with what is wrong, likewise; the run is decided once more for it",
    )
    parser.add_argument("--summary", metavar="F", help="write the summary as JSON, where the driver runs")
    parser.add_argument(
        "--save-prices",
        metavar="F",
        help="write the prices of the quotas, for decisions on single contacts, where the driver runs",
    )
    return parser


_TABLES = {
    "contacts": "may be left out where --claims is given",
    "touches": "the history",
    "scores": "propensity, value, opt_out and the like by contact and campaign",
    "claims": "what is asked for; else it is derived from the audiences",
    "events": "what contacts did, for rules that ask for it",
}


def _place(text: str) -> TablePlace:
    try:
        return TablePlace.of(text)
    except ModelError as error:
        raise UsageError(str(error)) from error


def _add_output(parser: argparse.ArgumentParser) -> None:
    out = parser.add_argument_group("decisions")
    out.add_argument("--out", required=True, type=_place, metavar="F", help="a folder, or table:NAME, likewise")
    out.add_argument("--format", choices=FORMATS[:-1], help="where --out does not say it; it writes (parquet)")
    out.add_argument(
        "--overwrite",
        action="store_true",
        help="replace what is there, where journeykit writes only a table of decisions; else there may be nothing",
    )
    out.add_argument(
        "--partition", choices=("day", "channel", "team"), help="write folders by local day, channel or team"
    )
    rows = out.add_mutually_exclusive_group()
    rows.add_argument("--all", action="store_true", help="write denied claims too")
    rows.add_argument("--granted", action="store_true", help="write granted claims alone: what goes out")
    out.add_argument("--columns", type=columns, metavar="NAME,...", help="columns to write, in this order (all)")
    out.add_argument("--explain", action="store_true", help="fill the columns displaced and needs")
    out.add_argument("--run", type=run_name, metavar="NAME", help="a name for the run; by default a hash")
    parser.add_argument(
        "--partitions", type=_partitions, metavar="N", help="into how many tasks the contacts are put (Spark's own)"
    )


def _partitions(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1_000_000):
        raise UsageError(f"--partitions is {text!r}; it is a whole number from 1 on")
    return int(text)


_IS_THERE = "something is there; --overwrite replaces it"


def _decide(arguments: argparse.Namespace) -> int:
    out = _out(arguments)
    _check_beside(arguments)
    zone_of(arguments)
    check_ledger_options(arguments)
    arbiter = arbiter_of(arguments)
    _check_quotas(arguments, arbiter)
    partitioning = (
        None if arguments.partition is None else Partitioning.of(arguments.partition, arbiter.playbook.timezone)
    )
    with spark_session() as spark:
        from journeykit.spark.run_summary import RunSummary

        told = RunSummary()
        folder = out.folder(spark)
        if folder is not None and folder.is_there and not arguments.overwrite:
            raise DataError(_IS_THERE, source=out.path)
        decisions = _decisions(arguments, spark, arbiter, partitioning, told, is_written=folder is not None)
        if arguments.bad_rows is not None:
            with _told_by_spark(arguments.bad_rows):
                bad = told.bad_rows
                arguments.bad_rows.write(bad, columns=bad.columns, overwrite=arguments.overwrite)
        if folder is None:
            _written(out, decisions, arguments, partitioning)
        summary = _counted(told, out)
    found = {} if arguments.until is None else told.calendar.to_dict()
    if arguments.summary is not None:
        write_summary(arguments.summary, "summary", summary.to_dict(run=True) | found)
    if arguments.save_prices is not None:
        assert summary.prices is not None  # noqa: S101  (there are quotas)
        summary.prices.save(arguments.save_prices)
    if arguments.json:
        print_json("summary", summary.to_dict() | found)
    tell_summary(summary, arguments)
    return DONE


def _out(arguments: argparse.Namespace) -> TablePlace:
    """Where decisions go, which is nowhere near what is read."""
    out: TablePlace = arguments.out
    if arguments.format is not None:
        if out.form not in (None, arguments.format):
            raise UsageError(f"--out is a place for {out.form}, and --format {arguments.format}; leave one out")
        out = TablePlace(out.path, arguments.format)
    _check_apart("out", out, {f"--{name} is read": getattr(arguments, name) for name in TABLES})
    if arguments.contacts is None and arguments.claims is None:
        raise UsageError("give --contacts, or --claims, or both")
    return out


def _check_beside(arguments: argparse.Namespace) -> None:
    """What can be said of what is written beside the decisions, before any work is done."""
    read = {f"the {name}": getattr(arguments, name) for name in ("playbook", "guards")}
    read["the ledger"] = ledger_file(arguments)
    for name in ("summary", "save_prices"):
        saved, option = getattr(arguments, name), name.replace("_", "-")
        if saved is None:
            continue
        if not Path(saved).resolve().parent.is_dir() or Path(saved).is_dir():
            raise UsageError(f"--{option} {saved}: no file can be written there")
        check_unharmed(saved, read, option=option)
        read["the summary"] = saved
    bad: TablePlace | None = arguments.bad_rows
    if bad is not None:
        given = {f"--{name} is read": getattr(arguments, name) for name in TABLES} | {"--out goes": arguments.out}
        _check_apart("bad-rows", bad, given)


def _check_apart(option: str, place: TablePlace, given: Mapping[str, TablePlace | None]) -> None:
    for what, other in given.items():
        if other is not None and place.harms(other):
            raise UsageError(f"--{option} {place.path} is where {what}; write to another place")


def _check_quotas(arguments: argparse.Namespace, arbiter: Arbiter) -> None:
    """What some options ask of a playbook's quotas."""
    if arguments.save_prices is not None and not arbiter.playbook.quotas:
        raise UsageError("--save-prices: the playbook has no quotas, and so there are no prices")
    if arguments.bad_rows is not None and arbiter.playbook.quotas:
        raise UsageError(
            "--bad-rows: of a run with quotas bad rows are not kept whole on Spark; the summary has the first hundred. "
            "Leave the option out, or take a playbook without its quotas to find them all"
        )


def _counted(told: RunSummary, out: TablePlace) -> Summary:
    """The summary of a run that is written.

    Raises:
        DataError: for too many bad rows; also where they are known once all is written.
    """
    try:
        return told.get
    except DataError as error:
        raise DataError(f"what was written to {out.path} is there, but {error}") from error


def _decisions(
    arguments: argparse.Namespace,
    spark: SparkSession,
    arbiter: Arbiter,
    partitioning: Partitioning | None,
    told: RunSummary,
    *,
    is_written: bool,
) -> DataFrame:
    from journeykit.spark.decision_frame import decide

    tables = {name: place.read(spark) for name in TABLES if (place := getattr(arguments, name)) is not None}
    chosen = arguments.columns
    goes_to = {"out": arguments.out.path, "partition": arguments.partition} if is_written else {}
    if chosen is not None and not is_written and partitioning is not None:
        chosen = tuple(dict.fromkeys((*partitioning.columns(chosen), *partitioning.needs)))
    try:
        return decide(
            spark,
            arbiter,
            tables.pop("contacts", None),
            **tables,
            **{name: getattr(arguments, name) for name in _OPTIONS},
            **goes_to,
            outcomes="all" if arguments.all else "granted" if arguments.granted else None,
            columns=chosen,
            run_id=arguments.run,
            summary=told,
        )
    except ModelError as error:
        raise UsageError(str(error)) from error


_OPTIONS = (
    *("at", "until", "order_by", "partitions", "explain", "zone"),
    *("max_bad", "strict", "ledger", "dry_run", "keep_decisions", "waiting"),
)
"""The options of `decide` that the command has by the same name."""


def _written(
    out: TablePlace, decisions: DataFrame, arguments: argparse.Namespace, partitioning: Partitioning | None
) -> None:
    columns = arguments.columns or DECISIONS
    with _told_by_spark(out):
        out.write(decisions, partitioning=partitioning, columns=columns, overwrite=arguments.overwrite)


@contextmanager
def _told_by_spark(place: TablePlace) -> Iterator[None]:
    """Say what keeps Spark from writing to a place, in words of this library."""
    try:
        yield
    except Exception as error:
        if "ALREADY_EXISTS]" in str(error):
            raise DataError(_IS_THERE, source=place.path) from error
        raise error_behind(error, f"write to {place.path}") from error


@contextmanager
def spark_session() -> Iterator[SparkSession]:
    """The session that the process has, as managed services give it; else one that ends with the work.

    Raises:
        MissingExtraError: without PySpark, or what the columnar engine needs.
        JourneykitError: without Java, and for what else keeps Spark from starting.
    """
    try:
        from pyspark.sql import SparkSession

        import journeykit.spark.decision_frame  # noqa: F401  (what it lacks is said now)
    except ModuleNotFoundError as error:
        raise missing(error.name, "spark", "python -m journeykit.spark") from error
    is_given = SparkSession.getActiveSession() is not None
    try:
        spark = SparkSession.builder.appName("journeykit").getOrCreate()
    except Exception as error:
        if "JAVA_GATEWAY_EXITED" in str(error) or isinstance(error, FileNotFoundError):
            raise JourneykitError(
                "Spark did not start: it needs Java 17 or 21 (Spark 3.5: 8, 11 or 17). Install it, or set JAVA_HOME to "
                "where it is; a server of Spark Connect (SPARK_REMOTE) needs none here"
            ) from error
        raise error_behind(error, "start") from error
    try:
        yield spark
    finally:
        if not is_given:
            spark.stop()


if __name__ == "__main__":
    sys.exit(main())
