"""Bad rows: what could not be used, counted and shown."""

from __future__ import annotations

from collections import Counter

from attrs import frozen

from journeykit.errors import DataError


@frozen
class BadRow:
    """A row, or a claim, that cannot be used; the others go on without it.

    Attributes:
        source: the table.
        row: which, counted from 1 without the header.
        field: the column that is wrong; empty where the whole row is.
        found: what stands there.
        allowed: what may stand there.

    Example:
        >>> print(BadRow("contacts.csv", 3, "timezone", "'Mars/Base'", "an IANA time zone"))
        contacts.csv, row 3, field 'timezone': found 'Mars/Base'; allowed is an IANA time zone
    """

    source: str
    row: int
    field: str
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f", field {self.field!r}" if self.field else ""
        return f"{self.source}, row {self.row}{place}: found {self.found}; allowed is {self.allowed}"


class BadRows:
    """The rows that could not be used: all are counted, the first ones kept.

    Attributes:
        total: how many.
        kinds: how many by table, column and what would have been allowed.
        first: the first ones, as they were met.
        rows: by table that was read to its end, how many rows it has.

    Args:
        most: how many are tolerated; None for any number.
        keep: how many are kept to be shown.

    Example:
        >>> from journeykit.tables import Contacts
        >>> bad = BadRows()
        >>> [contact.id for _, contact in Contacts([{"contact_id": "anna"}, {"contact_id": "anna"}], bad=bad)]
        ['anna']
        >>> print(bad.first[0])
        contacts, row 2, field 'contact_id': found 'anna'; allowed is one row for each contact
    """

    def __init__(self, most: int | None = None, keep: int = 100) -> None:
        self.most = most
        self.keep = keep
        self.total = 0
        self.kinds: Counter[tuple[str, str, str]] = Counter()
        self.first: list[BadRow] = []
        self.rows: dict[str, int] = {}

    def add(self, bad: BadRow) -> None:
        """Count a row.

        Raises:
            DataError: if there are now more than are tolerated.
        """
        self.total += 1
        self.kinds[bad.source, bad.field, bad.allowed] += 1
        if len(self.first) < self.keep:
            self.first.append(bad)
        if self.most is not None and self.total > self.most:
            shown_rows = "\n".join(f"  {row}" for row in self.first[:5])
            more = "" if self.total <= 5 else f"\n  ... and {self.total - 5:,} more"
            raise DataError(f"more bad rows than the {self.most:,} that are tolerated:\n{shown_rows}{more}")
