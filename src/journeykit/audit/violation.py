"""Violations: the rules that a finished decision breaks."""

from __future__ import annotations

from attrs import frozen


@frozen
class Violation:
    """A rule that a decision breaks.

    Attributes:
        rule: the name of the rule: of a cap, conflict or requirement, or a word such as ``repeat`` or ``no_consent``.
        message: what exactly is wrong, for people.
    """

    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"
