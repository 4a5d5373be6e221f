"""Reads the arguments of a command line: errors in the log's own format, and each option once."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import USAGE
from journeykit.cli.json_log import is_json_log, tell
from journeykit.errors import closest

if TYPE_CHECKING:
    from typing import NoReturn


class CommandParser(argparse.ArgumentParser):
    """Reads arguments; of options that a command does not have, the command itself tells, with its own usage.

    An option with one value is given once: a second value would replace the first without a word.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for name in (None, "store"):
            self.register("action", name, StoreOnce)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        if is_json_log():
            tell("error", "failed", message, {"code": USAGE, "usage": " ".join(self.format_usage().split())})
            sys.exit(USAGE)
        super().error(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Read what is known, and say of the first option that is not which one was meant."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            given = next((word for word in unknown if word.startswith("-")), "").partition("=")[0]
            meant = closest(given, known) if given else None
            hint = f"; did you mean {meant}?" if meant else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown


class StoreOnce(argparse.Action):
    """Takes the value of an option that is given once."""

    _is_given = False

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        """Keep the value, the first time."""
        if option is not None and self._is_given:
            parser.error(f"argument {'/'.join(self.option_strings)}: given twice; it takes one value")
        self._is_given = option is not None
        setattr(namespace, self.dest, values)


class ShowVersion(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it, and end."""
        from journeykit.cli.version_text import version_text

        print(version_text())
        parser.exit()
