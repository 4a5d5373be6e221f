"""Parquet files of decisions that the tasks of a run write themselves, each attempt of one in a folder of its own."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
from attrs import frozen

from journeykit.tables.arrow.write_decisions import GROUP, PART_GROUP, ParquetGroups, rows_by_value
from journeykit.tables.files import MARK
from journeykit.tables.partitioning import Partitioning, check_parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


WRITTEN = pa.schema({"attempt": pa.string(), "folder": pa.string(), "name": pa.string(), "rows": pa.int64()})
"""A file that a task has written: the folder of the attempt; in this the folder of a value, empty where there is no
partitioning; the name of the file; and its rows."""
WITH_FOLDERS = ("local", "hdfs")
"""File systems, as pyarrow calls their types, in which a folder is renamed at once, with all that is in it."""


@frozen
class DecisionFiles:
    """Where tasks write decisions. Tasks have it pickled.

    Attributes:
        system: the file system, of pyarrow.
        attempts: the folder in which each attempt of a task has one of its own.
        columns: the columns of the files.
        partitioning: how rows are put into folders; None for none.
    """

    system: Any
    attempts: str
    columns: tuple[str, ...]
    partitioning: Partitioning | None

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that say where a row goes."""
        return () if self.partitioning is None else self.partitioning.needs

    def begin(self) -> AttemptFiles:
        """The files of this attempt of a task."""
        from pyspark import TaskContext

        context = TaskContext.get()
        number = 0 if context is None else context.partitionId()
        return AttemptFiles(self, f"{number}-{secrets.token_hex(6)}", number)


class AttemptFiles:
    """The files that one attempt of a task writes, each opened once it has a row.

    Args:
        files: where tasks write.
        attempt: the name of the attempt, which no other has.
        number: that of the task.
    """

    def __init__(self, files: DecisionFiles, attempt: str, number: int) -> None:
        self._files = files
        self._attempt = attempt
        self._name = f"part-{number}.parquet"
        self._known: Mapping[str, pa.Array] = {}
        self._open: dict[str, ParquetGroups] = {}
        self._rows: dict[str, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._make(self._attempt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, batch: pa.RecordBatch, words: Mapping[str, pa.Array]) -> None:
        """Write rows.

        Args:
            batch: the rows.
            words: by which their texts are coded, by column.
        """
        self._known, partitioning = words, self._files.partitioning
        parts = [(None, batch)] if partitioning is None else rows_by_value(batch, partitioning)
        for value, own in parts:
            folder = "" if partitioning is None else partitioning.folder(value)
            self.file(folder).write(own.select(list(self._files.columns)))
            self._rows[folder] += own.num_rows

    def file(self, folder: str) -> ParquetGroups:
        """The file in the folder of a value.

        Raises:
            DataError: for too many values.
        """
        found = self._open.get(folder)
        if found is None:
            files = self._files
            if files.partitioning is not None:
                check_parts(len(self._open) + 1, files.partitioning.by)
            where = self._attempt
            if folder:
                where = f"{where}/{folder}"
                self._make(where)
            stream = self._stack.enter_context(
                files.system.open_output_stream(f"{files.attempts}/{where}/{self._name}")
            )
            group = GROUP if files.partitioning is None else PART_GROUP
            found = ParquetGroups(stream, lambda: self._known, files.columns, group, MARK)
            self._open[folder] = self._stack.enter_context(found)
            self._rows[folder] = 0
        return found

    def written(self) -> pa.RecordBatch:
        """What was written (`WRITTEN`); once the files are closed."""
        rows = [
            {"attempt": self._attempt, "folder": folder, "name": self._name, "rows": rows}
            for folder, rows in self._rows.items()
        ]
        return pa.RecordBatch.from_pylist(rows, schema=WRITTEN)

    def _make(self, folder: str) -> None:
        """Make a folder, where there are such: only in one that is there, for an attempt may outlive the run."""
        if self._files.system.type_name in WITH_FOLDERS:
            self._files.system.create_dir(f"{self._files.attempts}/{folder}", recursive=False)
