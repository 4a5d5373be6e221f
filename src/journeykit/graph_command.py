"""The command ``journeykit graph``: the journey as a picture, with the volumes of a log of events if one is given."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from journeykit.journey_commands import placed
from journeykit.ledger_commands import WrongUsageError, max_bad

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from journeykit.journey import Journey, Volumes
    from journeykit.playbook.playbook import Playbook

FORMS = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".md": "markdown"}
"""The form of a picture, by the ending of its file."""
_TABLES = ("events", "contacts")


def add_graph(parser: argparse.ArgumentParser, instant: Callable[[str], Any]) -> None:
    """Add the arguments.

    Args:
        parser: of the command, which takes a playbook already.
        instant: reads an instant.
    """
    parser.add_argument(
        "--out", metavar="F", help=f"the file, whose ending says the form: {', '.join(FORMS)}; else Mermaid is printed"
    )
    parser.add_argument(
        "--title", metavar="TEXT", help="what stands above it, except in Mermaid; by default the playbook's name"
    )
    volume = parser.add_argument_group(
        "volumes", "with them the picture shows how many contacts are where, and which ways they took"
    )
    volume.add_argument("--events", metavar="F", help="what contacts did: CSV, JSON lines or Parquet")
    volume.add_argument("--contacts", metavar="F", help="who they are; else everybody who has an event is placed")
    volume.add_argument("--at", type=instant, metavar="T", help="the instant at which they are placed")
    volume.add_argument("--zone", metavar="NAME", help="the zone in which instants without an offset are meant")
    volume.add_argument("--engine", choices=("one", "columns"), help="who does the work; both give the same numbers")
    volume.add_argument("--max-bad", type=max_bad, metavar="N|P%%", help="fail where more rows are bad")


def draw_graph(arguments: argparse.Namespace) -> None:
    """Do what the command is asked for.

    Raises:
        WrongUsageError: for arguments that do not go together.
        DataError: for tables that cannot be used.
    """
    from journeykit.journey import Journey
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import whole_file

    form = _form(arguments)
    playbook = Playbook.load(arguments.playbook)
    journey = playbook.journey or Journey()
    text = _text(form, journey, volumes(arguments, playbook), _title(arguments, playbook))
    if arguments.out is None:
        print(text, end="")
        return
    with whole_file(arguments.out) as file:
        file.write(text.encode())


def _form(arguments: argparse.Namespace) -> str:
    """The form of the picture; what can be said of the arguments is said before any work is done."""
    from journeykit.tables.outputs import ADVICE, harm_to

    alone = [name for name in ("contacts", "at", "zone", "engine", "max_bad") if getattr(arguments, name) is not None]
    if arguments.events is None and alone:
        raise WrongUsageError(f"--{alone[0].replace('_', '-')} goes with --events")
    if arguments.events is not None and arguments.at is None:
        raise WrongUsageError("--events needs --at: the instant at which the contacts are placed")
    out = arguments.out
    if out is None:
        return "mermaid"
    form = FORMS.get(os.path.splitext(out)[1].lower())  # noqa: PTH122  (a text is all that is needed)
    if form is None:
        raise WrongUsageError(f"--out {out}: the ending of a picture is one of {', '.join(FORMS)}")
    for name in ("playbook", *_TABLES):
        source = getattr(arguments, name)
        harm = harm_to(source, out)
        if harm is not None:
            raise WrongUsageError(f"--out {out} would {harm} the {name}; {ADVICE}")
    return form


def _title(arguments: argparse.Namespace, playbook: Playbook) -> str | None:
    if arguments.title is not None:
        return arguments.title or None
    # A playbook without a name of its own has one that says nothing.
    return None if playbook.name == type(playbook)().name else playbook.name


def _text(form: str, journey: Journey, counts: Volumes | None, title: str | None) -> str:
    if form == "svg":
        return str(journey.draw(counts, title))
    if form == "dot":
        return journey.to_dot(counts, title)
    drawn = journey.to_mermaid(counts)
    return f"```mermaid\n{drawn}```\n" if form == "markdown" else drawn


def volumes(arguments: argparse.Namespace, playbook: Playbook) -> Volumes | None:
    """How many contacts are where, if a log of events is given; what became of its rows is said on standard error."""
    if arguments.events is None:
        return None
    from journeykit.journey import Journey, Volumes

    found = placed(arguments, playbook)
    print(found.summary, file=sys.stderr)
    return Volumes.of(found, playbook.journey or Journey())
