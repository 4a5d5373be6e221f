"""Which rows and columns of the table of decisions are written."""

from __future__ import annotations

from collections.abc import Iterable, KeysView
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Self

from attrs import frozen

from journeykit.basics.validation import shown
from journeykit.errors import ModelError, closest
from journeykit.model.outcome import Outcome
from journeykit.tables.decision_columns import DECISIONS
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.model.outcome import Row

_OUTCOMES = tuple(Outcome)
_NAMED = {"granted": Outcome.GRANTED, "all": Outcome.DENIED}


@frozen
class OutputSelection:
    """Which rows and columns of the table of decisions are written.

    Attributes:
        last: the last outcome that has rows, in the order granted, deferred, denied; those before it have rows too.
        columns: the names of the columns, in the order in which they are written.

    Example:
        >>> selection = OutputSelection.of("granted", ["contact_id", "campaign_id"])
        >>> selection.columns, selection.has(Outcome.DEFERRED)
        (('contact_id', 'campaign_id'), False)
    """

    last: Outcome = Outcome.DEFERRED
    columns: tuple[str, ...] = tuple(DECISIONS)

    @classmethod
    def of(cls, outcomes: str | None = None, columns: Iterable[str] | None = None, *, everything: bool = False) -> Self:
        """The selection that options ask for.

        Args:
            outcomes: ``granted`` for granted rows alone, ``all`` for denied rows too; None for granted and deferred
                rows.
            columns: the names of the columns, in the order in which they are written, whatever their case; None for
                all.
            everything: whether denied rows are written too, as ``all`` says.

        Raises:
            ModelError: for an unknown word or column, a column that is named twice, names without an order, and options
                that contradict.
        """
        if outcomes is not None and outcomes not in tuple(_NAMED):  # a list has no hash
            raise ModelError(
                f"outcomes is {shown(outcomes)}; allowed are {', '.join(_NAMED)}, or None for granted and deferred rows"
                f"{_meant(str(outcomes), _NAMED)}",
                field="outcomes",
            )
        if everything and outcomes not in (None, "all"):
            raise ModelError("everything and outcomes='granted' contradict: leave one of them out", field="outcomes")
        last = Outcome.DENIED if everything else Outcome.DEFERRED if outcomes is None else _NAMED[outcomes]
        return cls(last, tuple(DECISIONS) if columns is None else _checked(columns))

    def has(self, outcome: Outcome) -> bool:
        """Whether rows of an outcome are written."""
        return _OUTCOMES.index(outcome) <= self.last_number

    @property
    def last_number(self) -> int:
        """The number of the last outcome that has rows, from 0."""
        return _OUTCOMES.index(self.last)

    @property
    def kinds(self) -> Mapping[str, str]:
        """What each column holds, by name."""
        return {name: DECISIONS[name] for name in self.columns}

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """Those of some rows that are written."""
        return [row for row in rows if self.has(row.outcome)]

    def widened(self, last: Outcome, columns: Iterable[str]) -> Self:
        """This selection with more outcomes and columns, which come last."""
        wider = max(self.last, last, key=_OUTCOMES.index)
        return type(self)(wider, tuple(dict.fromkeys((*self.columns, *columns))))


EVERYTHING = OutputSelection(Outcome.DENIED)
"""All rows and columns."""


def _checked(columns: Iterable[str]) -> tuple[str, ...]:
    if isinstance(columns, str):
        raise ModelError("columns is a text; give a list of names", field="columns")
    if isinstance(columns, AbstractSet) and not isinstance(columns, KeysView):
        raise ModelError("columns is a set, which has no order; give a list of names", field="columns")
    if not isinstance(columns, Iterable):
        raise ModelError(f"columns is {shown(columns)}; give a list of names", field="columns")
    names = tuple(fold_name(name) if isinstance(name, str) else name for name in columns)
    if not names:
        raise ModelError("columns is empty; name at least one column", field="columns")
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise ModelError(f"the name of a column is text, found {shown(name)}", field="columns")
        if not name:
            raise ModelError("one of the columns has an empty name; leave it out", field="columns")
        if name not in DECISIONS:
            hint = _meant(str(name), DECISIONS) or f"; there are {', '.join(DECISIONS)}"
            raise ModelError(f"the table of decisions has no column {name!r}{hint}", field="columns")
        if name in names[:place]:
            raise ModelError(f"column {name!r} is named twice; name it once", field="columns")
    return names


def _meant(word: str, known: Iterable[str]) -> str:
    meant = closest(word, known)
    return f"; did you mean {meant!r}?" if meant else ""


def cells_at(columns: Sequence[str]) -> tuple[int, ...]:
    """The places of columns among the cells of a whole row."""
    order = {name: place for place, name in enumerate(DECISIONS)}
    return tuple(order[name] for name in columns)
