"""The parts of the report as values: what a part finds, its chart, its tables, and what would fill it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import field, frozen

from journeykit.basics.text import clean

_Key = TypeVar("_Key")
_Named = TypeVar("_Named")
LONGEST_NAME = 60
"""So many characters of a name are shown; the whole name, up to a limit of its own, is shown on hover."""
LONGEST_HINT = 200
MOST_ROWS = 500
"""So many rows has a table of the page at most; how many are left out is said below it."""
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_OF_OBJECTS = frozenset(
    {
        "__defineGetter__",
        "__defineSetter__",
        "__lookupGetter__",
        "__lookupSetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    }
)
"""What every object of a script has: Vega takes a name like that for something that it counted already."""
ISOLATE, ISOLATED = "\u2068", "\u2069"
"""What keeps the direction of a name from the words around it; in the page alone, not on terminals."""

TEXT, COUNT, NUMBER, SHARE, DAY = "text", "count", "number", "share", "day"
"""The kinds of columns: a share is a number from 0 to 1, a day a date as ISO text."""


class ShortNames:
    """Names as charts and tables show them: short, each its own, safe to print.

    Attributes:
        hints: by short name, the whole one, or as much of it as a reader wants; of names that are cut.

    Example:
        >>> names = ShortNames()
        >>> names("launch"), len(names("x" * 10_000)), names("x" * 9_999) == names("x" * 10_000)
        ('launch', 60, False)
    """

    def __init__(self) -> None:
        self.hints: dict[str, str] = {}
        self._of: dict[str, str] = {}
        self._taken: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        """The name as it is shown."""
        found = self._of.get(name)
        if found is None:
            found = self._of[name] = self._new(name)
        return found

    def _new(self, name: str) -> str:
        plain = clean(name)
        short = plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"
        is_cut = short != plain
        number = self._taken[short] = self._taken.get(short, 0) + 1
        if number > 1:
            # Two long names may begin alike.
            mark = f" ({number})"
            short = f"{short[: LONGEST_NAME - len(mark)]}{mark}"
        if short in _OF_OBJECTS or any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in short):
            short = f"{ISOLATE}{short}{ISOLATED}"
        if is_cut:
            self.hints[short] = hint_of(name)
        return short


def hint_of(name: str) -> str:
    """The whole name, for those who ask; one of thousands of characters is cut."""
    whole = clean(name)
    return whole if len(whole) <= LONGEST_HINT else f"{whole[:LONGEST_HINT]}… ({len(name):,} characters)"


@frozen
class PageColumn:
    """A column of a table of the page.

    Attributes:
        name: its heading.
        kind: what its cells are: ``text``, ``count``, ``number``, ``share`` (from 0 to 1) or ``day``.
    """

    name: str
    kind: str = COUNT


@frozen(kw_only=True)
class PageTable:
    """A table of the page.

    Attributes:
        title: what its rows are.
        columns: its columns.
        rows: its rows, a cell for each column; None for an empty one.
        cut: how many more rows there are.
    """

    title: str
    columns: Sequence[PageColumn]
    rows: Sequence[Sequence[Any]]
    cut: int = 0

    @classmethod
    def of(cls, title: str, columns: Sequence[PageColumn], rows: Sequence[Sequence[Any]]) -> PageTable:
        """A table of rows, of which as many are kept as a page holds."""
        return cls(title=title, columns=columns, rows=rows[:MOST_ROWS], cut=max(0, len(rows) - MOST_ROWS))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = [column.name for column in self.columns]
        return {"title": self.title, "rows": [dict(zip(names, row, strict=True)) for row in self.rows], "cut": self.cut}


@frozen(kw_only=True)
class PageChart:
    """A chart of the page, with the table of what it shows.

    Attributes:
        title: what it finds, as a sentence.
        chart: an altair chart; None where there is nothing to draw.
        legend: by name, the place of its colour; empty where the chart needs none.
        table: what it shows.
        notes: what is to be said of it.
    """

    title: str
    table: PageTable
    chart: Any = None
    legend: Mapping[str, int] = field(factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"title": self.title, "notes": list(self.notes), "table": self.table.to_dict()}


@frozen(kw_only=True)
class PagePart:
    """A part of the report.

    Attributes:
        key: its name in addresses and plain data.
        title: its heading.
        lines: what is said first.
        figures: numbers in large letters, with what each is.
        charts: its charts.
        html: what it shows below them, such as a picture: markup that is safe.
        missing: what would fill it; empty where it is filled.
    """

    key: str
    title: str
    lines: tuple[str, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    charts: tuple[PageChart, ...] = ()
    html: str = ""
    missing: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        found = {"title": self.title, "lines": list(self.lines), "charts": [own.to_dict() for own in self.charts]}
        return {**found, "missing": self.missing} if self.missing else found


def leaders(values: Mapping[_Key, float], name: Callable[[_Key], _Named]) -> tuple[_Named, ...]:
    """All that have the largest value, by their names: a title that names one of several would not be true.

    Example:
        >>> leaders({"events": 2, "sales": 3, "care": 3}, str)
        ('sales', 'care')
    """
    most = max(values.values())
    return tuple(name(own) for own, value in values.items() if math.isclose(value, most, rel_tol=1e-9))


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence.

    Example:
        >>> listed(["a"]), listed(["a", "b"]), listed("abcde")
        ('a', 'a and b', 'a, b, c and 2 more')
    """
    shown = [*names[:most], f"{len(names) - most:,} more"] if len(names) > most else [*names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def percent(part: float, whole: float) -> str:
    """A share in words.

    Example:
        >>> percent(41, 100), percent(1, 3000), percent(0, 0)
        ('41 %', '0.03 %', '0 %')
    """
    share = 100 * part / whole if whole else 0.0
    if share and abs(share) < 1:
        return f"{share:.1g} %"
    return f"{share:.0f} %"


def amount(value: float) -> str:
    """A number in words: whole ones whole, large ones without decimals.

    Example:
        >>> amount(1234.5), amount(3), amount(2.5), amount(0.00125)
        ('1,234', '3', '2.50', '0.00125')
    """
    if abs(value) >= 1_000 or value == round(value):
        return f"{value:,.0f}"
    if abs(value) < 1:
        return f"{value:.3g}"
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.1f}"
