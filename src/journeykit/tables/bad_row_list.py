"""Bad rows: what could not be used, counted and shown."""

from __future__ import annotations

import re
from collections import Counter
from copy import copy
from typing import TYPE_CHECKING

from journeykit.basics.validation import shown
from journeykit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from journeykit.model.bad_row import BadRow


_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


class BadRows:
    """The rows that could not be used: all are counted, the first ones kept.

    Attributes:
        total: how many.
        kinds: how many by table, column and what would have been allowed.
        first: the first ones, as they were met; of each table at least one.
        rows: by table that was read to its end, how many rows it has.

    Args:
        most: how many are tolerated, as a number or, such as ``"1%"``, as a share of the rows of a table; None for any
            number.
        keep: how many are kept to be shown; None for all.
        is_part: whether these are rows of a part of the tables: what only the whole tells is not judged, such as
            which share of a table's rows is bad.
        whose: makes of rows what is shown of them, where their numbers say nothing; None shows them as they are.

    Raises:
        DataError: for a limit that is neither.

    Example:
        >>> from journeykit.tables import ContactTable
        >>> bad = BadRows()
        >>> [contact.id for _, contact in ContactTable([{"contact_id": "anna"}, {"contact_id": "anna"}], bad=bad)]
        ['anna']
        >>> print(bad.first[0])
        contacts, row 2, field 'contact_id': found 'anna'; allowed is one row for each contact
    """

    def __init__(
        self,
        most: int | str | None = None,
        keep: int | None = 100,
        *,
        is_part: bool = False,
        whose: Callable[[Sequence[BadRow]], Sequence[BadRow]] | None = None,
    ) -> None:
        self.most = None if isinstance(most, str) else most
        self.share = share_of(most) if isinstance(most, str) else None
        self.keep = keep
        self.is_part = is_part
        self._whose = whose
        self.total = 0
        self.kinds: Counter[tuple[str, str, str]] = Counter()
        self.first: list[BadRow] = []
        self.rows: dict[str, int] = {}
        self._by_source: Counter[str] = Counter()
        self._useless: Counter[str] = Counter()

    def add(self, bad: BadRow, *, is_useless: bool = True) -> None:
        """Count a row.

        Args:
            bad: the row.
            is_useless: whether the row is lost; not where it can be read and is no more than refused, such as a claim
                for a content that a split does not choose.

        Raises:
            DataError: if there are now more than are tolerated.
        """
        self.total += 1
        self.kinds[bad.source, bad.field, bad.allowed] += 1
        self._by_source[bad.source] += 1
        self._useless[bad.source] += is_useless
        if self.keep is None or len(self.first) < self.keep or self._by_source[bad.source] == 1:
            self.first.append(bad)
        self._check_most()

    def merge(self, other: BadRows) -> None:
        """Count the bad rows of another part of the tables; the first ones are then those of the first contacts.

        What comes of several parts is the same in any order, where each keeps all of its rows or was merged likewise.

        Example:
            >>> from journeykit.model.bad_row import BadRow
            >>> first, second = BadRows(), BadRows()
            >>> for bad, contact in ((first, "zoe"), (second, "anna")):
            ...     bad.add(BadRow("contacts", 0, "stage", "'x'", "a stage", contact=contact))
            >>> first.merge(second)
            >>> first.total, [bad.contact for bad in first.first]
            (2, ['anna', 'zoe'])
        """
        self.total += other.total
        self.kinds.update(other.kinds)
        self._by_source.update(other._by_source)
        self._useless.update(other._useless)
        for source, rows in other.rows.items():
            self.rows[source] = self.rows.get(source, 0) + rows
        self.first = sorted([*self.first, *other.first], key=_place)
        self._cut()

    def with_rows(self, first: Sequence[BadRow]) -> BadRows:
        """The same counts with other words for the rows that are kept."""
        found = copy(self)
        found.first = list(first)
        return found

    def _cut(self) -> None:
        """Let go of those that are more than are kept: of each table at least one stays."""
        if self.keep is not None:
            kept = self.first[: self.keep]
            met = {bad.source for bad in kept}
            first = {bad.source: bad for bad in reversed(self.first) if bad.source not in met}
            self.first = [*kept, *sorted(first.values(), key=_place)]

    def _check_most(self) -> None:
        if self.most is not None and self.total > self.most:
            raise DataError(f"more bad rows than the {self.most:,} that are tolerated:\n{self._shown(self.first)}")

    def lines(self, first: int = 5) -> Iterator[str]:
        """What is bad, a line for each table: how many rows, the numbers of some, and what is wrong with one.

        Example:
            >>> from journeykit.model.bad_row import BadRow
            >>> bad = BadRows()
            >>> for row in (7, 3):
            ...     bad.add(BadRow("c.csv", row, "cost", "'x'", "a number"))
            >>> list(bad.lines())
            ["bad rows of c.csv: 2 (rows 3, 7); the first: row 3, field 'cost': found 'x'; allowed is a number"]
        """
        for source, count in self._by_source.items():
            own = sorted((bad for bad in self.first if bad.source == source), key=lambda bad: bad.row)
            numbers = [f"{bad.row}" for bad in own if bad.row][:first]
            more = ["..."] * (count > len(numbers))
            where = f" (rows {', '.join([*numbers, *more])})" if count > 1 and numbers else ""
            said = str(own[0]).removeprefix(f"{source}, ")
            yield f"bad rows of {source}: {count:,}{where}; the first: {said}"

    def check(self) -> None:
        """Look at how many there are, and at the shares of the tables that were read to their end.

        Raises:
            DataError: if there are more, or a larger share of a table's rows is bad, than is tolerated.
        """
        self._check_most()
        if self.share is None or self.is_part:
            return
        for source, rows in self.rows.items():
            count = self._by_source[source]
            if count > self.share * rows:
                own = [bad for bad in self.first if bad.source == source]
                raise DataError(
                    f"{count:,} of {rows:,} rows are bad ({count / max(1, rows):.3%}), more than the "
                    f"{self.share:.4%} that are tolerated:\n{self._shown(own, count)}",
                    source=source,
                )

    def refuse_useless(self, source: str, good: int | None = None) -> None:
        """Refuse a table that has rows, none of which can be used: what it says is lost, and nobody would notice.

        Args:
            source: the table, which was read to its end.
            good: how many of its rows can be used; None where each bad row was added once, which says it too.

        Raises:
            DataError: with the first of the bad rows.
        """
        count = self._useless[source]
        if self.is_part or not count or (count < self.rows.get(source, count + 1) if good is None else good):
            return
        own = [bad for bad in self.first if bad.source == source]
        rows = self.rows.get(source, count)
        none = "its only row cannot be used" if rows == 1 else f"none of its {rows:,} rows can be used"
        raise DataError(f"{none}; bad rows:\n{self._shown(own, count)}", source=source)

    def _shown(self, rows: Sequence[BadRow], total: int | None = None) -> str:
        count = self.total if total is None else total
        more = "" if count <= 5 else f"\n  ... and {count - 5:,} more"
        own = rows[:5] if self._whose is None else self._whose(rows[:5])
        return "\n".join(f"  {row}" for row in own) + more


def _place(bad: BadRow) -> tuple[str, str, int, str, str, str]:
    """By what the first bad rows of several parts come first."""
    contact = "" if bad.contact is None else shown(bad.contact)
    return contact, bad.source, bad.row, bad.field, bad.found, bad.allowed


def refuse_useless_tables(bad: BadRows, sources: Mapping[str, str], contacts: int) -> None:
    """Refuse contacts, scores or claims that have rows, none of which can be used; touches are refused sooner.

    Args:
        bad: the bad rows, once all tables were read.
        sources: by the name of a table, what its bad rows call it.
        contacts: how many contacts were decided.

    Raises:
        DataError: with the first of the bad rows.
    """
    given = list(sources.values())
    for name, source in sources.items():
        # Where one file is two tables, nobody knows of which of them a row is bad.
        if name != "touches" and given.count(source) == 1:
            bad.refuse_useless(source, contacts if name == "contacts" else None)


def share_of(text: str) -> float:
    """A share that is written in per cent.

    Raises:
        DataError: for what is no share.

    Example:
        >>> share_of("1%"), share_of("0.5 %")
        (0.01, 0.005)
    """
    found = _SHARE.fullmatch(text.strip())
    if found is None or float(found[1]) > 100:
        raise DataError(
            f"{text!r} is no number of bad rows and no share; write a whole number from 0, or a share as 1%"
        )
    return float(found[1]) / 100
