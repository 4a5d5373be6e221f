"""Mismatches: where data and playbook do not speak of the same things."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from journeykit.basics.validation import one_of
from journeykit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

UNKNOWN = "unknown"
FOLDED = "folded"
MISSING_COLUMN = "missing_column"
WRONG_TYPE = "wrong_type"
KINDS = (UNKNOWN, FOLDED, MISSING_COLUMN, WRONG_TYPE)
"""A word that the playbook does not name; one that it writes in another case or without blanks; a column that it reads
and the table lacks; values that a comparison of the playbook can never meet."""
_KEPT = 100
"""So many different findings of one kind are kept for a column."""
_SHOWN = 10


@frozen(kw_only=True)
class Mismatch:
    """Something in a table that the playbook does not know, or something that it asks for and the table lacks.

    Attributes:
        table: ``contacts``, ``touches``, ``claims``, ``scores`` or ``events``; or ``ledger``, of its opt-outs.
        column: the column.
        kind: ``unknown``, ``folded``, ``missing_column`` or ``wrong_type``.
        found: what was found, as the table writes it; of a missing column, what reads it.
        rows: how many rows have it; 0 where the whole table is meant.
        expected: the nearest word or column, the word that was taken, or the type that the playbook compares with;
            None where nothing is near.
        place: where the playbook names such words, such as ``the journey``.
        effect: what follows from it; an empty text for nothing.
        harmless: whether a strict run lets it pass all the same, such as a campaign of the past among the touches.

    Example:
        >>> word = Mismatch(
        ...     table="contacts", column="stage", kind="unknown", found="Decison", rows=6,
        ...     expected="decision", place="the journey",
        ... )
        >>> print(word)
        contacts: stage 'Decison' (6 rows) is not in the journey; did you mean 'decision'?
    """

    table: str
    column: str
    kind: str = field(validator=one_of(*KINDS))
    found: str = ""
    rows: int = 0
    expected: str | None = None
    place: str = "the playbook"
    effect: str = ""
    harmless: bool = False

    @property
    def refuses(self) -> bool:
        """Whether a strict run refuses it: everything but what is harmless, and words whose case or blanks differ."""
        return self.kind != FOLDED and not self.harmless

    def to_dict(self) -> dict[str, Any]:
        """The mismatch as plain data."""
        return {name: getattr(self, name) for name in ("table", "column", "kind", "found", "rows", "expected")} | {
            "text": str(self)
        }

    def __str__(self) -> str:
        rows = f" ({self.rows:,} row{'s' * (self.rows != 1)})" if self.rows else ""
        hint = f"; did you mean {self.expected!r}?" if self.expected else ""
        if self.kind == FOLDED:
            said = f"{self.column} {self.found!r}{rows} is read as {self.expected!r}"
        elif self.kind == MISSING_COLUMN:
            said = f"there is no column {self.column!r}" + (f", which {self.found} reads" if self.found else "") + hint
        elif self.kind == WRONG_TYPE:
            said = f"{self.column!r} has {self.found}{rows}"
            said += f", where the playbook compares with {self.expected}" if self.expected else ""
        elif self.found == self.column:
            said = f"the column {self.column!r} names nothing in {self.place}{hint}"
        elif self.found:
            said = f"{self.column} {self.found!r}{rows} is not in {self.place}{hint}"
        else:
            said = f"{self.column} is missing{rows}"
        if not self.effect:
            return f"{self.table}: {said}"
        return f"{self.table}: {said}" + (f" ({self.effect})" if said.endswith("?") else f"; {self.effect}")


class Mismatches:
    """Counts mismatches while tables are read, whatever the order of their rows and chunks.

    For each table, column and kind the first hundred findings in the order of their texts are told apart; all rows
    are counted.

    Example:
        >>> first, second = Mismatches(), Mismatches()
        >>> first.add("contacts", "stage", "unknown", "Decison", rows=2, expected="decision", place="the journey")
        >>> second.add("contacts", "stage", "unknown", "Decison", rows=4, expected="decision", place="the journey")
        >>> first.merge(second)
        >>> [str(found) for found in first]
        ["contacts: stage 'Decison' (6 rows) is not in the journey; did you mean 'decision'?"]
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], dict[str, Mismatch]] = {}
        self._rows: Counter[tuple[str, str, str]] = Counter()

    def add(
        self,
        table: str,
        column: str,
        kind: str,
        found: str = "",
        *,
        rows: int = 0,
        expected: str | None = None,
        place: str = "the playbook",
        effect: str = "",
        harmless: bool = False,
    ) -> None:
        """Count a finding; the arguments are the attributes of a `Mismatch`."""
        self._add(
            Mismatch(
                table=table,
                column=column,
                kind=kind,
                found=found,
                rows=rows,
                expected=expected,
                place=place,
                effect=effect,
                harmless=harmless,
            )
        )

    def _add(self, new: Mismatch) -> None:
        key = (new.table, new.column, new.kind)
        self._rows[key] += new.rows
        own = self._found.setdefault(key, {})
        known = own.get(new.found)
        if known is not None:
            own[new.found] = evolve(known, rows=known.rows + new.rows)
            return
        own[new.found] = new
        if len(own) > _KEPT:
            # What is let go never comes back: so what is kept is counted in full, in whatever order it came.
            del own[max(own)]

    def merge(self, other: Mismatches) -> None:
        """Count what another has counted."""
        for key, own in other._found.items():
            for found in own.values():
                self._add(found)
            self._rows[key] += other._rows[key] - sum(found.rows for found in own.values())

    def __iter__(self) -> Iterator[Mismatch]:
        """All findings: those that a strict run refuses first, and of these those with the most rows."""
        found = [mismatch for own in self._found.values() for mismatch in own.values()]
        return iter(sorted(found, key=_importance))

    def __len__(self) -> int:
        return sum(len(own) for own in self._found.values())

    def refuse(self) -> None:
        """Refuse the data, if it does not match the playbook.

        Raises:
            DataError: naming what does not match; words whose case or blanks alone differ are let pass.
        """
        odd = [mismatch for mismatch in self if mismatch.refuses]
        if odd:
            raise DataError("\n".join(["the data does not match the playbook:", *lines(odd, indent="  ")]))


def _importance(found: Mismatch) -> tuple[bool, bool, int, int, str, str, str]:
    return (
        not found.refuses,
        found.kind == FOLDED,
        -KINDS.index(found.kind),
        -found.rows,
        found.table,
        found.column,
        found.found,
    )


def lines(found: Iterable[Mismatch], *, most: int = _SHOWN, indent: str = "") -> Iterator[str]:
    """The first mismatches, one to a line, and how many more there are."""
    given = list(found)
    yield from (f"{indent}{mismatch}" for mismatch in given[:most])
    if len(given) > most:
        yield f"{indent}... and {len(given) - most:,} more"
