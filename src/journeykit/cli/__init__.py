"""The command line: ``journeykit check``, ``decide``, ``plan``, ``explain``, ``ledger``, ``graph`` and so on."""

from journeykit.cli.arguments import AGAIN, DATA, DONE, FAILED, INTERRUPTED, PLAYBOOK, USAGE
from journeykit.cli.main import main

__all__ = ["AGAIN", "DATA", "DONE", "FAILED", "INTERRUPTED", "PLAYBOOK", "USAGE", "main"]
