"""The command ``journeykit graph``: the journey as a picture, with the volumes of a log of events if one is given."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    UsageError,
    add_engine,
    add_max_bad,
    add_playbook_command,
    add_zone,
    check_unharmed,
    instant,
)
from journeykit.cli.place_command import placed

if TYPE_CHECKING:
    import argparse

    from journeykit.journey import Journey, Volumes
    from journeykit.playbook.playbook import Playbook

FORMS = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".md": "markdown"}
"""The form of a picture, by the ending of its file."""
_TABLES = ("events", "contacts")


def add_graph(commands: Any) -> None:
    """Add the command."""
    parser = add_playbook_command(commands, "graph", _graph, "draw the journey, as SVG, Mermaid or DOT")
    parser.add_argument(
        "--out",
        metavar="F",
        help=f"the file; its ending says the form: {', '.join(FORMS)}; else Mermaid is printed",
    )
    parser.add_argument(
        "--title", metavar="TEXT", help="the heading of the picture, except in Mermaid; by default the playbook's name"
    )
    volume = parser.add_argument_group(
        "volumes", "with them the picture shows how many contacts are where, and which ways they took"
    )
    volume.add_argument("--events", metavar="F", help="what contacts did: CSV, JSON lines or Parquet")
    volume.add_argument("--contacts", metavar="F", help="who they are; else everybody who has an event is placed")
    volume.add_argument("--at", type=instant, metavar="T", help="the instant at which they are placed")
    add_zone(volume)
    add_engine(volume, "numbers")
    add_max_bad(volume)


def _graph(arguments: argparse.Namespace) -> int:
    from journeykit.journey import Journey
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import whole_file

    form = _form(arguments)
    playbook = Playbook.load(arguments.playbook)
    journey = playbook.journey or Journey()
    text = _text(form, journey, volumes(arguments, playbook), _title(arguments, playbook))
    if arguments.out is None:
        print(text, end="")
        return DONE
    with whole_file(arguments.out) as file:
        file.write(text.encode("utf-8", "backslashreplace"))
    return DONE


def _form(arguments: argparse.Namespace) -> str:
    """The form of the picture; what can be said of the arguments is said before any work is done."""
    alone = [name for name in ("contacts", "at", "zone", "engine", "max_bad") if getattr(arguments, name) is not None]
    if arguments.events is None and alone:
        raise UsageError(f"--{alone[0].replace('_', '-')} goes with --events")
    if arguments.events is not None and arguments.at is None:
        raise UsageError("--events needs --at: the instant at which the contacts are placed")
    out = arguments.out
    if out is None:
        return "mermaid"
    form = FORMS.get(os.path.splitext(out)[1].lower())  # noqa: PTH122  (a text is all that is needed)
    if form is None:
        raise UsageError(f"--out {out}: the ending of a picture is one of {', '.join(FORMS)}")
    check_unharmed(out, {f"the {name}": getattr(arguments, name) for name in ("playbook", *_TABLES)})
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
