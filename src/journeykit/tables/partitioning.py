"""A table of decisions as a folder of Parquet files: which file a row goes to."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from attrs import frozen

from journeykit.basics.clock import clock
from journeykit.errors import DataError, ModelError, closest
from journeykit.tables.files import PART
from journeykit.tables.folders import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from journeykit.model.outcome import Row

_NEEDS = {"day": ("send_at", "retry_at"), "channel": ("channel",), "team": ("team",)}
_MOST_PARTS = 1_000
_LONGEST_NAME = 255


def folder_name(name: str, value: str | None) -> str:
    """What the folder of a value is called, as Hive calls it.

    Args:
        name: the column.
        value: its value in all rows of the folder.

    Raises:
        DataError: for a name that is too long.
    """
    if value is None:
        return f"{name}={NOTHING}"
    text = quote(value, safe="") if value != NOTHING else "%5F" + value[1:]
    if len(name) + 1 + len(text) > _LONGEST_NAME:
        raise DataError(f"the {name} {value[:40]!r}... is too long for the name of a folder; shorten it")
    return f"{name}={text}"


@frozen
class Partitioning:
    """How the rows of a table of decisions are put into folders.

    ``day`` is the local date, in the playbook's zone, of ``send_at``, or where a row has none of ``retry_at``: so a
    plan's calendar counts days. A row without any is in ``__HIVE_DEFAULT_PARTITION__``; where that is true of all rows,
    there is one file and no such folder.

    Attributes:
        by: ``day``, ``channel`` or ``team``.
        zone: IANA name of the zone of days.

    Example:
        >>> Partitioning.of("team", "UTC").folder("growth & co")
        'team=growth%20%26%20co'
    """

    by: str
    zone: str

    @classmethod
    def of(cls, by: str, zone: str) -> Self:
        """The same.

        Raises:
            ModelError: for another word than ``day``, ``channel`` or ``team``.
        """
        if by not in _NEEDS:
            meant = closest(str(by), _NEEDS)
            hint = f"; did you mean {meant!r}?" if meant else ""
            raise ModelError(f"partition is {by!r}; allowed are {', '.join(_NEEDS)}{hint}", field="partition")
        return cls(by, zone)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that say where a row goes."""
        return _NEEDS[self.by]

    def columns(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Those columns that the files have: what folders are called is in no file.

        Raises:
            ModelError: where none is left.
        """
        left = tuple(name for name in columns if name != self.by)
        if not left:
            raise ModelError(f"a table of {self.by!r} alone cannot be partitioned by it", field="columns")
        return left

    def folder(self, value: str | None) -> str:
        """What a folder is called.

        Raises:
            DataError: for a name that is too long.
        """
        return folder_name(self.by, value)

    def value(self, row: Row) -> str | None:
        """The value by which a row is put into a folder."""
        if self.by != "day":
            found: str | None = getattr(row, self.by)
            return found
        at = row.send_at or row.retry_at
        return None if at is None else at.astimezone(clock(self.zone).zone).date().isoformat()


def check_parts(count: int, by: str) -> None:
    """Refuse too many folders.

    Raises:
        DataError: for more than a thousand.
    """
    if count > _MOST_PARTS:
        raise DataError(f"the decisions have more than {_MOST_PARTS:,} values of {by}; write one file instead")


class PartFiles:
    """The files of a folder that is being written, each opened once it has a row.

    Args:
        folder: the folder.
        partitioning: how rows are put into folders.
        open_part: makes what writes to a file, given its path; a context manager.
        keeps: whether there is a folder also where no row has a value, as beside others that have.
    """

    def __init__(
        self, folder: Path, partitioning: Partitioning, open_part: Callable[[Path], Any], *, keeps: bool = False
    ) -> None:
        self._folder = folder
        self._keeps = keeps
        self._partitioning = partitioning
        self._open_part = open_part
        self._open: dict[str | None, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._open:
            # A folder without a file is no table.
            self.writer(None)
        self._stack.__exit__(kind, error, trace)
        if kind is None and set(self._open) == {None} and not self._keeps:
            # Of folders without any value readers cannot tell what kind of values they have.
            only = self._folder / self._partitioning.folder(None)
            (only / PART).rename(self._folder / PART)
            only.rmdir()

    def writer(self, value: str | None) -> Any:
        """What writes rows of a value.

        Raises:
            DataError: for too many values.
        """
        found = self._open.get(value)
        if found is None:
            check_parts(len(self._open) + 1, self._partitioning.by)
            folder = self._folder / self._partitioning.folder(value)
            folder.mkdir()
            found = self._open[value] = self._stack.enter_context(self._open_part(folder / PART))
        return found
