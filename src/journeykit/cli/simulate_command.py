"""The command line of simulations: ``journeykit simulate``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeykit.basics.watch import EVERY
from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    UsageError,
    add_command,
    add_forms,
    add_max_bad,
    add_policy,
    add_zone,
    as_json,
    check_unharmed,
    instant,
    level,
    policies_of,
    print_found,
    seed,
    threads,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import ModelError, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.playbook.playbook import Playbook
    from journeykit.simulating import SimulationReport

_TABLES = ("contacts", "touches", "scores", "events", "chances")


def add_simulate(commands: Any) -> None:
    """Add the command."""
    words = "simulate days to come: decisions night after night, and answers and opt-outs as scores have them"
    parser = add_command(commands, "simulate", _simulate, words)
    parser.add_argument(
        "playbook", nargs="+", metavar="PLAYBOOK", help="a playbook: .yaml, .toml or .json; more are compared with it"
    )
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument(
        "--contacts", required=True, metavar="F", help="contacts: contact_id, stage, consent_email, ..."
    )
    tables.add_argument("--touches", metavar="F", help="the history: contact_id, sent_at, channel, campaign_id, ...")
    tables.add_argument(
        "--scores", metavar="F", help="the chances: contact_id, campaign_id, propensity, value, opt_out, ..."
    )
    tables.add_argument("--events", metavar="F", help="what contacts did: contact_id, event, at, ...")
    moves = tables.add_mutually_exclusive_group()
    moves.add_argument("--chances", metavar="F", help="how contacts move on a day without a message: stage, to, chance")
    moves.add_argument(
        "--estimate-chances",
        action="store_true",
        help="estimate how contacts move on a day without a message, from --events and --touches until --at",
    )
    add_zone(tables)
    parser.add_argument(
        "--at", required=True, type=instant, metavar="T", help="the first night; the others are at its local time"
    )
    parser.add_argument("--until", required=True, type=instant, metavar="T", help="no night is later")
    parser.add_argument("--seeds", type=seed, default=1, metavar="N", help="how many worlds are simulated (1)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="the first seed; the others follow it (0)")
    parser.add_argument(
        "--response", metavar="NAME", help="the response that an answer is (the first that is about the message)"
    )
    parser.add_argument(
        "--opt-outs",
        choices=("all", "channel", "topic"),
        default="all",
        help="what an opt-out takes back: all consent (default), that for the channel, or for the topic",
    )
    parser.add_argument(
        "--pressure",
        type=_factor,
        default=1.0,
        metavar="X",
        help="by how much each message of the seven days before multiplies the chance of an opt-out, such as 1.2 (1)",
    )
    add_policy(parser, "a playbook")
    parser.add_argument("--level", type=level, default=0.95, metavar="P", help="level of the intervals (0.95)")
    parser.add_argument("--threads", type=threads, metavar="N", help="how many chunks are decided at once")
    add_max_bad(parser)
    parser.add_argument("--out", metavar="F", help="write the days as a table too: .csv, .jsonl or .parquet")
    add_forms(parser)


def _factor(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, such as 1.2") from None


def _simulate(arguments: argparse.Namespace) -> int:
    from journeykit.playbook.playbook import Playbook

    _check(arguments)
    playbooks = [Playbook.load(path) for path in arguments.playbook]
    names = _names([own.name for own in playbooks], arguments.playbook)
    zone_of(arguments)
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "columns", "simulate")
    from journeykit.simulating.simulation import simulate

    try:
        found = simulate(
            playbooks,
            arguments.contacts,
            arguments.touches,
            arguments.scores,
            arguments.events,
            at=arguments.at,
            until=arguments.until,
            seeds=arguments.seeds,
            seed=arguments.seed,
            chances=_chances(arguments, playbooks[0]),
            response=arguments.response,
            opt_outs=arguments.opt_outs,
            pressure=arguments.pressure,
            names=names,
            policies=policies_of(arguments),
            zone=arguments.zone,
            level=arguments.level,
            max_bad=arguments.max_bad,
            threads=arguments.threads,
            progress=NightCounter(),
        )
    except ModelError as error:
        raise UsageError(str(error)) from error
    _write(arguments, found)
    if arguments.json:
        print(as_json(found.to_dict()))
    else:
        print_found(found, arguments)
    return DONE


def _names(own: Sequence[str], paths: Sequence[str]) -> list[str]:
    """What playbooks are called: by their names where these tell them apart, else by their files."""
    from journeykit.playbook.playbook import Playbook

    named = len(set(own)) == len(own) and Playbook().name not in own
    return [*own] if named else [Path(path).stem for path in paths]


def _chances(arguments: argparse.Namespace, playbook: Playbook) -> Any:
    """How contacts move on a day without a message: as a table says, or as was seen on the first playbook's journey."""
    if not arguments.estimate_chances:
        return arguments.chances
    from journeykit.simulating.move_rates import daily_chances

    tables = (arguments.events, arguments.touches, arguments.contacts)
    return daily_chances(playbook, *tables, until=arguments.at, zone=arguments.zone)


class NightCounter:
    """Says how many nights are done, on standard error: a terminal sees each, a log a line every half minute."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """So many nights are done, of so many."""
        now = time.monotonic()
        if self._is_terminal:
            end = "\r\x1b[K" if done == total else ""
            print(f"\r\x1b[Knight {done:,} of {total:,}{end}", end="", file=sys.stderr, flush=True)
        elif now - self._last >= EVERY:
            self._last = now
            print(f"journeykit: night {done:,} of {total:,}", file=sys.stderr, flush=True)


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    if arguments.estimate_chances and arguments.events is None:
        raise UsageError("--estimate-chances takes chances from events: give --events too")
    if arguments.out is None:
        return
    if format_of(arguments.out) is None:
        raise UsageError(f"--out {arguments.out}: the ending of a table is one of {', '.join(ENDINGS)}")
    read = {f"the {name}": getattr(arguments, name) for name in _TABLES}
    read |= {f"the playbook {path}": path for path in arguments.playbook}
    check_unharmed(arguments.out, read)


def _write(arguments: argparse.Namespace, found: SimulationReport) -> None:
    from journeykit.simulating.simulation_report import SIMULATIONS
    from journeykit.tables.write_rows import write_rows

    if arguments.out is not None:
        rows = ([cells[name] for name in SIMULATIONS] for cells in found.rows())
        write_rows(arguments.out, SIMULATIONS, rows)
