"""What all commands share: exit codes, the error of a wrong command line, and how arguments are read."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from journeykit.basics.plain_data import with_schema
from journeykit.errors import DataError, ModelError, PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import tzinfo

    from journeykit.learning import LearnedModel
    from journeykit.ledger import Ledger
    from journeykit.playbook.playbook import Playbook

DONE, FAILED, USAGE, PLAYBOOK, DATA, GUARD = range(6)
AGAIN = 75
INTERRUPTED = 130
"""The exit codes."""
TABLES = ("contacts", "touches", "scores", "claims", "events")
"""The tables of a job."""
_MOST_THREADS = 256
TABLE_KINDS = (
    "CSV, JSON lines or Parquet, as the ending says; or a folder of Parquet files; one may be -, standard input"
)
"""What help says of tables."""


class UsageError(Exception):
    """A wrong command line, found after it was parsed."""


# The arguments that commands share


def add_command(commands: Any, name: str, run: Callable[..., Any], words: str) -> argparse.ArgumentParser:
    """Add a command that has no arguments yet."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=f"{words[0].upper()}{words[1:]}."
    )
    parser.set_defaults(command=run)
    return parser


def add_playbook_command(commands: Any, name: str, run: Callable[..., Any], words: str) -> argparse.ArgumentParser:
    """Add a command whose first argument is a playbook."""
    parser = add_command(commands, name, run, words)
    parser.add_argument("playbook", metavar="PLAYBOOK", help="a playbook: .yaml, .toml or .json")
    return parser


def add_zone(parser: Any) -> None:
    """Add the zone of instants without an offset."""
    parser.add_argument(
        "--zone", metavar="NAME", help="the zone in which instants of tables without an offset are meant"
    )


def add_policy(parser: argparse.ArgumentParser, playbook: str = "the playbook") -> None:
    """Add policies of the user's own."""
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        type=policy,
        metavar="NAME=MODULE:OBJECT",
        help=f"your own policy, by the name that {playbook} uses; may be repeated",
    )


def add_engine(parser: Any, same: str, *, default: str = "") -> None:
    """Add the choice of the engine, which gives the same rows, paths or numbers either way."""
    parser.add_argument(
        "--engine", choices=("one", "columns"), help=f"engine to use; both give the same {same}{default}"
    )


def add_max_bad(parser: Any, words: str = "fail where more rows are bad") -> None:
    """Add how many bad rows are tolerated."""
    parser.add_argument("--max-bad", type=max_bad, metavar="N|SHARE", help=words)


def add_table_format(parser: Any, words: str = "where the ending does not say it") -> None:
    """Add the format of a table that is written."""
    parser.add_argument("--format", choices=("csv", "jsonl", "parquet"), help=words)


def add_forms(parser: argparse.ArgumentParser) -> None:
    """Add the choice between text, JSON and HTML."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", action="store_true", help="print HTML")


# How an argument is read


def instant(text: str) -> datetime:
    """Read an instant with an offset."""
    from journeykit.basics.clock import iso_text, micros

    try:
        found = datetime.fromisoformat(iso_text(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no instant; write 2026-11-05T10:00:00Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} has no offset; write it as 2026-11-05T10:00:00Z or 2026-11-05T10:00:00+01:00"
        )
    try:
        micros(found)
    except ModelError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return found


def run_name(text: str) -> str:
    """Read the name of a run."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; leave the option out, or give a name")
    return text


def columns(text: str) -> tuple[str, ...]:
    """Read the columns of the table of decisions, separated by commas."""
    from journeykit.tables.output_selection import OutputSelection

    try:
        return OutputSelection.of(columns=text.split(",")).columns
    except ModelError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def name_list(text: str) -> tuple[str, ...]:
    """Read names, separated by commas."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name")
    return found


def all_names(given: Iterable[tuple[str, ...]] | None) -> tuple[str, ...] | None:
    """The names of an option that may be repeated, each once; None where it was not given."""
    return None if given is None else tuple(dict.fromkeys(name for own in given for name in own))


def max_bad(text: str) -> int | str:
    """Read how many bad rows are tolerated: a whole number, or a share of a table's rows."""
    from journeykit.tables.bad_row_list import share_of

    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    try:
        share_of(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def threads(text: str) -> int:
    """Read a number of threads."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_THREADS):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {_MOST_THREADS:,}")
    return int(text)


def seed(text: str) -> int:
    """Read a seed."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def level(text: str) -> float:
    """Read the level of an interval."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number between 0 and 1, such as 0.95")
    return found


def policy(text: str) -> tuple[str, Callable[[], Any], str]:
    """Read a policy: its name, what loads it, and where it is."""
    return _named_object("policy", text)


def estimator(text: str) -> tuple[str, Callable[[], Any], str]:
    """Read an estimator: its name, what loads it, and where it is."""
    return _named_object("estimator", text)


def _named_object(what: str, text: str) -> tuple[str, Callable[[], Any], str]:
    name, mark, place = text.partition("=")
    module, colon, attribute = place.partition(":")
    if not (name and mark and module and colon and attribute):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=MODULE:OBJECT")
    return name, partial(_load_object, what, module, attribute), place


def _load_object(what: str, module: str, attribute: str) -> Any:
    here = os.getcwd()  # noqa: PTH109  (sys.path wants a text)
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        kind = PolicyError if what == "policy" else UsageError
        raise kind(f"the {what} {module}:{attribute} cannot be loaded: {type(error).__name__}: {error}") from error
    return found


def policies_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The user's own policies by name, loaded."""
    return {name: load() for name, load, _ in arguments.policy}


def zone_of(arguments: argparse.Namespace) -> tzinfo | None:
    """The zone of instants without an offset.

    Raises:
        UsageError: for an unknown time zone.
    """
    from journeykit.basics.clock import clock

    try:
        return None if arguments.zone is None else clock(arguments.zone).zone
    except ModelError as error:
        raise UsageError(f"--zone: {error}") from error


def load_model(path: str, playbook: Playbook, trusted: Iterable[str]) -> LearnedModel:
    """The model in a file.

    Raises:
        DataError: for a file that is not there, or holds no model that can be used.
    """
    from journeykit.learning import LearnedModel

    try:
        return LearnedModel.load(path, playbook, trusted=trusted)
    except OSError as error:
        raise DataError(f"the model cannot be read: {error.strerror or error}", source=path) from error


def open_ledger(url: str) -> Ledger:
    """The ledger at an address.

    Raises:
        UsageError: for an address of another kind.
    """
    from journeykit.ledger import Ledger

    try:
        return Ledger(url)
    except ModelError as error:
        raise UsageError(str(error)) from error


# What is written


def check_unharmed(
    out: str,
    read: Mapping[str, str | None],
    harm: Callable[[Any, str], str | None] | None = None,
    *,
    option: str = "out",
) -> None:
    """Refuse an output that would overwrite, or land in, what is read.

    Args:
        out: the file to write.
        read: by what messages call it, what is read.
        harm: what writing would do to a table; None for that of a file.
        option: the option that names the output.

    Raises:
        UsageError: where it would.
    """
    from journeykit.tables.outputs import ADVICE, harm_to

    for name, source in read.items():
        found = (harm or harm_to)(source, out)
        if found is not None:
            raise UsageError(f"--{option} {out} would {found} {name}; {ADVICE}")


def as_json(value: Any) -> str:
    """A value as JSON that people can read."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def print_json(what: str, data: Mapping[str, Any]) -> None:
    """Print plain data as JSON that says first what it is; see `journeykit.basics.plain_data.with_schema`."""
    print(as_json(with_schema(what, data)))


def print_found(found: Any, arguments: argparse.Namespace) -> None:
    """Print an explanation or a report as text, or as HTML where that is asked for."""
    print(found._repr_html_() if arguments.html else found)


def write_summary(path: str, what: str, summary: Mapping[str, Any]) -> None:
    """Write a summary as JSON that says first what it is, whole or not at all."""
    from journeykit.tables.files import whole_file

    with whole_file(path) as file:
        # In JSON the escape of a lone surrogate is that surrogate.
        file.write((as_json(with_schema(what, summary)) + "\n").encode("utf-8", "backslashreplace"))
