"""A row of a table that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from journeykit.basics.validation import shown

if TYPE_CHECKING:
    from journeykit.errors import ModelError


@frozen
class BadRow:
    """A row, or a claim, that cannot be used; the others go on without it.

    Attributes:
        source: the table.
        row: which, counted from 1 without the header; 0 where it is no row of a table, or rows have no numbers.
        field: the column that is wrong; empty where the whole row is.
        found: the value that was read; empty where what is allowed says it.
        allowed: the values that are allowed.
        raw: what was read in place of a row that cannot be read at all.
        pairs: of a row two of whose keys are one name, all keys with their values, so that what it forbids holds.
        contact: where rows have no numbers, the id of the contact whose row it is, as the table has it.

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
    contact: Any = None

    @classmethod
    def of_error(cls, source: str, row: int, error: ModelError) -> BadRow:
        """A row of which no value can be made; the error says what was found, and what is allowed.

        Example:
            >>> from journeykit import ModelError
            >>> print(BadRow.of_error("contacts.csv", 3, ModelError("a contact needs an id", field="id")))
            contacts.csv, row 3, field 'id': a contact needs an id; the row is left out
        """
        return cls(source, row, error.field, "", f"{error}; the row is left out")

    def __str__(self) -> str:
        place = f"{self.source}, row {self.row}" if self.row else self.source
        place += "" if self.contact is None else f", contact {shown(self.contact)}"
        place += f", field {self.field!r}" if self.field else ""
        return f"{place}: found {self.found}; allowed is {self.allowed}" if self.found else f"{place}: {self.allowed}"
