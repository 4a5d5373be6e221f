"""Folders of Parquet files that a run writes its decisions to: one of its own, or one more in a log of all runs."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from attrs import field, frozen

from journeykit.errors import DataError
from journeykit.tables.decision_columns import DECISIONS, decision_cells
from journeykit.tables.files import MARK, PART, RUN, check_replaceable, folder_lock, whole_folder
from journeykit.tables.marked_files import words_of
from journeykit.tables.output_selection import cells_at
from journeykit.tables.partitioning import PartFiles, Partitioning, folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from journeykit.model.outcome import Row

_FACTS = "journeykit_run"
"""The key of a file's metadata under which a log keeps what it was a run of."""


@frozen
class RunOfLog:
    """A run whose decisions a log keeps.

    Attributes:
        run_id: its name.
        at: the instant of the decisions, as text.
        until: the last instant of a plan, or None.
        playbook: the fingerprint.
    """

    run_id: str
    at: str
    until: str | None
    playbook: str

    @classmethod
    def of(cls, run_id: str, at: datetime, until: datetime | None, playbook: str) -> Self:
        """The same of instants, whatever offset they are written with."""
        first, last = (None if own is None else own.astimezone(UTC).isoformat() for own in (at, until))
        return cls(run_id, str(first), last, playbook)

    def to_text(self) -> str:
        """What the metadata of its files says."""
        return json.dumps([self.run_id, self.at, self.until, self.playbook])

    def __str__(self) -> str:
        until = "" if self.until is None else f" to {self.until}"
        return f"of {self.at}{until}, playbook {self.playbook[:12]}"


@frozen
class FolderOutput:
    """A folder of Parquet files.

    Attributes:
        path: the folder that is asked for: of the decisions, or the log.
        partitioning: how rows are put into folders; None for one file.
        run: the run that the log keeps; None where the folder is no log, and is replaced as a whole.
    """

    path: Path = field(converter=Path)
    partitioning: Partitioning | None
    run: RunOfLog | None = None

    @property
    def folder(self) -> Path:
        """The folder that appears whole or not at all."""
        return self.path if self.run is None else self.path / folder_name(RUN, self.run.run_id)

    @property
    def mark(self) -> Mapping[str, str]:
        """What the metadata of the files says."""
        return MARK if self.run is None else {**MARK, _FACTS: self.run.to_text()}

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that say where a row goes."""
        return () if self.partitioning is None else self.partitioning.needs

    def columns(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Those columns that the files have.

        Raises:
            ModelError: where none is left.
        """
        return tuple(columns) if self.partitioning is None else self.partitioning.columns(columns)

    def check(self) -> None:
        """Refuse what is in the way.

        Raises:
            DataError: for a folder that holds other things, a log that is partitioned otherwise, or one that has
                another run of this name.
        """
        check_replaceable(self.folder)
        if self.run is None or not os.path.lexists(self.path):
            return
        if not self.path.is_dir():
            raise DataError("this is a file, and a log is a folder; write to another place", source=str(self.path))
        self._check_log()
        if self.folder.exists():
            self._check_same(self.run)

    def _check_log(self) -> None:
        """Refuse a folder that is no log, or one that is partitioned otherwise."""
        is_checked = False
        for below in sorted(self.path.iterdir()):
            if below.name.startswith((".", "_")):
                continue
            if not below.name.startswith(f"{RUN}=") or not below.is_dir():
                raise DataError(
                    f"the folder holds {below.name!r}, and a log holds folders called run=...; give another folder",
                    source=str(self.path),
                )
            if is_checked or below == self.folder:
                continue
            is_checked = True
            own, found = self.partitioning and self.partitioning.by, _partitioned_by(below)
            if found != own:
                said, wanted = (f"partitioned by {by}" if by else "not partitioned" for by in (found, own))
                raise DataError(
                    f"the runs of this log are {said}, and this one would be {wanted}; all are alike in a log",
                    source=str(self.path),
                )

    def _check_same(self, run: RunOfLog) -> None:
        """Refuse to replace a run that was another one: what it decided would be lost."""
        part = next(self.folder.rglob(PART), None)
        text = None if part is None else words_of(part).get(_FACTS)
        if text != run.to_text():
            found = "of which nothing is known" if text is None else str(RunOfLog(*json.loads(text)))
            raise DataError(
                f"the log has another run called {run.run_id!r}, {found}; give this one another name, or leave "
                "the name out",
                source=str(self.path),
            )

    @contextmanager
    def writers(
        self, open_part: Callable[[Path], AbstractContextManager[Any]]
    ) -> Iterator[Callable[[str | None], Any]]:
        """A function that gives what writes the rows of a value; all files appear together, or none.

        Args:
            open_part: makes what writes to a file, given its path.

        Raises:
            DataError: as `check` says, also for what came in between; for too many values, and for long names.
            OSError: if the folder cannot be written.
        """
        with self._whole() as folder:
            if self.partitioning is None:
                with open_part(folder / PART) as write:
                    yield lambda _: write
            else:
                with PartFiles(folder, self.partitioning, open_part, keeps=self.run is not None) as parts:
                    yield parts.writer

    @contextmanager
    def _whole(self) -> Iterator[Path]:
        self.check()
        if self.run is None:
            with whole_folder(self.path) as folder:
                yield folder
            return
        self.path.mkdir(exist_ok=True)
        with whole_folder(self.folder, beside=_beside(self.path), placing=self._placing) as folder:
            yield folder

    @contextmanager
    def _placing(self) -> Iterator[None]:
        """One run after the other finds its place; of two of one name at once the second replaces the first."""
        with folder_lock(self.path):
            self.check()
            yield


def _beside(log: Path) -> Path:
    """Beside what a run is made until it is whole: outside of the log, where no reader looks, if that is possible."""
    real = Path(os.path.realpath(log))
    is_near = real.parent.stat().st_dev == real.stat().st_dev and os.access(real.parent, os.W_OK)
    return real if is_near else real / "run"


def _partitioned_by(run: Path) -> str | None:
    """By what the files of a run are put into folders."""
    names = (below.name for below in run.iterdir() if below.is_dir() and not below.name.startswith("."))
    return next((name.partition("=")[0] for name in names), None)


@contextmanager
def folder_writer(output: FolderOutput, columns: Sequence[str]) -> Iterator[Callable[[Row], object]]:
    """A function that writes rows of decisions to a folder of Parquet files, which appears whole or not at all.

    Args:
        output: the folder.
        columns: the columns of the table, in their order.

    Raises:
        DataError: for a folder that holds other things, too many values or names that are too long.
        OSError: if the folder cannot be written.
    """
    from journeykit.tables.parquet import parquet_writer

    kept, partitioning = output.columns(columns), output.partitioning
    places = cells_at(kept)

    @contextmanager
    def open_part(part: Path) -> Iterator[Callable[[Sequence[Any]], object]]:
        kinds = {name: DECISIONS[name] for name in kept}
        with part.open("wb") as file, parquet_writer(file, kinds, output.mark) as write:
            yield write

    with output.writers(open_part) as writer:

        def write_row(row: Row) -> None:
            cells = decision_cells(row)
            writer(None if partitioning is None else partitioning.value(row))([cells[place] for place in places])

        yield write_row
