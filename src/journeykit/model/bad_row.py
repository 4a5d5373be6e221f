"""A row of a table that cannot be used."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen


@frozen
class BadRow:
    """A row, or a claim, that cannot be used; the others go on without it.

    Attributes:
        source: the table.
        row: which, counted from 1 without the header.
        field: the column that is wrong; empty where the whole row is.
        found: the value that was read.
        allowed: the values that are allowed.
        raw: what was read in place of a row that cannot be read at all.
        pairs: of a row two of whose keys are one name, all keys with their values, so that what it forbids holds.

    Example:
        >>> print(BadRow("contacts.csv", 3, "timezone", "'Mars/Base'", "an IANA time zone"))
        contacts.csv, row 3, field 'timezone': found 'Mars/Base'; allowed is an IANA time zone
    """

    source: str
    row: int
    field: str
    found: str
    allowed: str
    raw: Any = attrs.field(default=None, eq=False, repr=False)
    pairs: tuple[tuple[Any, Any], ...] = attrs.field(default=(), eq=False, repr=False)

    def __str__(self) -> str:
        place = f", field {self.field!r}" if self.field else ""
        return f"{self.source}, row {self.row}{place}: found {self.found}; allowed is {self.allowed}"
