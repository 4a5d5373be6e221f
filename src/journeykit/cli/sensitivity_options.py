"""The options of ``journeykit compare`` that ask what each rule's number is worth."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from journeykit.basics.watch import EVERY, LOG
from journeykit.cli.arguments import TABLES, UsageError
from journeykit.errors import ModelError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from journeykit.arbiter import Arbiter
    from journeykit.cli.progress_bar import ProgressBar
    from journeykit.comparing import Sensitivity


def add_sensitivity(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("sensitivity")
    group.add_argument(
        "--sensitivity",
        action="store_true",
        help="tell for each cap, lag, gap, quota and the reserve of a playbook what one more and one less is worth, by "
        "deciding again; of one playbook, or of each that is compared",
    )
    group.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="of this rule only; may be repeated (all). The reserve is called reserve, a series by its campaign",
    )
    group.add_argument(
        "--unit",
        action="append",
        default=[],
        metavar="NAME=N",
        help="what one more of a rule is; may be repeated (1; of a share 0.01; of the reserve a tenth of it)",
    )


def check_sensitivity(arguments: argparse.Namespace) -> None:
    """What can be said of the options before any work is done."""
    from journeykit.comparing.comparison import is_playbook

    if not arguments.sensitivity:
        for name in ("only", "unit"):
            if getattr(arguments, name):
                raise UsageError(f"--{name} is about --sensitivity: give that too")
        return
    for side in arguments.sides:
        if not is_playbook(side):
            raise UsageError(f"--sensitivity decides again, by a playbook (.yaml, .toml or .json); found {side}")
    if arguments.at is None or (arguments.contacts is None and arguments.claims is None):
        raise UsageError("--sensitivity decides contacts at an instant: give --contacts (or --claims) and --at")
    if arguments.ledger is not None:
        raise UsageError("--sensitivity does not read a ledger: give the history as --touches, and leave out --ledger")
    if arguments.out is not None and (len(arguments.sides) > 1 or arguments.by):
        raise UsageError(
            "--out holds one table, of a comparison or of the sensitivity of one playbook: ask for each apart, or for "
            "--json, which has both"
        )
    _units(arguments)


def _units(arguments: argparse.Namespace) -> dict[str, float]:
    """By name of a rule, what one more is."""
    found = {}
    for text in arguments.unit:
        # A name may have the sign, a number has not.
        name, sign, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            sign = ""
        if not sign:
            raise UsageError(f"--unit {text}: give the rule and a number, as in --unit reserve=0.5")
    return found


def sensitivities(arguments: argparse.Namespace, arbiters: list[Arbiter], bar: ProgressBar) -> list[Sensitivity]:
    """What the numbers of each playbook are worth."""
    from journeykit.comparing.shifting import sensitivity

    tables = {name: getattr(arguments, name) for name in TABLES}
    how = {name: getattr(arguments, name) for name in ("at", "until", "only", "zone", "max_bad", "threads")}
    found = []
    for side, arbiter in zip(arguments.sides, arbiters, strict=True):
        how |= {"units": _units(arguments), "progress": bar, "announce": _announcing(side, bar)}
        try:
            found.append(sensitivity(arbiter, **tables, **how))
        except ModelError as error:
            raise UsageError(f"{side}: {error}") from error
    return found


def _announcing(side: str, bar: ProgressBar) -> Callable[[int, int], None]:
    """Tells how many runs there will be, and now and then which one begins; nothing where one is enough."""
    last = float("-inf")

    def announce(number: int, runs: int) -> None:
        nonlocal last
        now = time.monotonic()
        if runs == 1 or now - last < EVERY:
            return
        last = now
        text = f"sensitivity of {side}: run {number:,} of {runs:,} over all contacts"
        LOG.info("%s", text)
        if bar.shown and number == 1:
            print(f"\r\x1b[K{text}", file=sys.stderr)

    return announce
