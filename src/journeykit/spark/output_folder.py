"""The folder that a run on Spark writes its decisions to: it has the files of the attempts that count alone."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from attrs import frozen
from pyarrow import ArrowException
from pyarrow.fs import FileSelector, FileSystem, FileType

from journeykit.errors import DataError, JourneykitError, ModelError
from journeykit.spark.arrow_types import ddl_of
from journeykit.spark.decision_files import WITH_FOLDERS, WRITTEN, DecisionFiles
from journeykit.spark.slice_job import as_function
from journeykit.spark.spark_errors import error_behind
from journeykit.tables.arrow.write_decisions import ParquetGroups
from journeykit.tables.decision_columns import DECISIONS
from journeykit.tables.files import MARK, PART, PARTS, RUN, check_replaceable, whole_folder
from journeykit.tables.formats import format_of
from journeykit.tables.marked_files import marked_columns
from journeykit.tables.partitioning import Partitioning, check_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame

    from journeykit.job.summary import Summary
    from journeykit.spark.counts_told import CountsTold
    from journeykit.spark.quota_slices import QuotaDecider
    from journeykit.spark.run_summary import RunSummary
    from journeykit.spark.slice_job import SliceDecider

_ATTEMPTS = "_attempts"
_DONE = "_SUCCESS"
"""An empty file that says that a folder is whole, as Hadoop and those after it write one."""
_AT_ONCE = 16
"""So many files of a store are looked at, or moved, at once."""


@frozen
class OutputFolder:
    """A folder of Parquet files of decisions, in a file system that pyarrow reaches.

    Attributes:
        system: the file system.
        path: the folder in it.
        columns: the columns of the files.
        partitioning: how rows are put into folders; None for none.
    """

    system: Any
    path: str
    columns: tuple[str, ...]
    partitioning: Partitioning | None

    @classmethod
    def of(cls, out: str | os.PathLike[str], columns: Sequence[str], partition: str | None, zone: str) -> Self:
        """The folder that is asked for.

        Args:
            out: a path of this machine, or an address such as ``s3://bucket/decisions``.
            columns: the columns of the table.
            partition: ``day``, ``channel`` or ``team``; None for none.
            zone: IANA name of the zone of days.

        Raises:
            ModelError: for a place that is no such folder, and one that pyarrow does not reach.
        """
        text = os.fspath(out)
        if format_of(text) not in (None, "parquet") or text in ("", "-"):
            raise ModelError(f"out is {text!r}, and Spark writes a folder of Parquet files", field="out")
        partitioning = None if partition is None else Partitioning.of(partition, zone)
        system, path = _system_of(text)
        kept = tuple(columns) if partitioning is None else partitioning.columns(columns)
        return cls(system, path, kept, partitioning)

    @property
    def is_local(self) -> bool:
        """Whether it is one of this machine, or looks like one."""
        return bool(self.system.type_name == "local")

    @property
    def has_folders(self) -> bool:
        """Whether a folder is renamed at once."""
        return self.system.type_name in WITH_FOLDERS

    @property
    def is_there(self) -> bool:
        """Whether anything is there."""
        return bool(self.system.get_file_info(self.path).type != FileType.NotFound)

    def need_apart(self, tables: Mapping[str, DataFrame]) -> None:
        """Refuse a folder in which a table is read.

        Raises:
            DataError: naming the table.
        """
        for name, frame in tables.items():
            for file in frame.inputFiles():
                parts = urlsplit(file)
                own = unquote(parts.path) if self.has_folders else unquote(f"{parts.netloc}{parts.path}")
                if f"{os.path.realpath(own) if self.is_local else own}".startswith(f"{self.path}/"):
                    raise DataError(
                        f"the {name} are read there, and the decisions would overwrite them; write to another place",
                        source=self.path,
                    )

    def check(self) -> None:
        """Refuse what is in the way: anything but a table of decisions, which is replaced.

        Raises:
            DataError: naming what else there is.
        """
        if self.is_local:
            check_replaceable(self.path)
            return
        found = self.system.get_file_info(self.path)
        if found.type == FileType.File:
            raise DataError("this is a file, and a folder is to be written; write to another place", source=self.path)
        if found.type == FileType.Directory:
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                for name, is_own in threads.map(self._looked_at, self._below(self.path)):
                    if not is_own:
                        raise DataError(
                            f"the folder holds {name!r}, which is no part of a table of decisions; write to another "
                            "place",
                            source=self.path,
                        )

    def _below(self, path: str) -> list[Any]:
        found: list[Any] = self.system.get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
        return found

    def _looked_at(self, found: Any) -> tuple[str, bool]:
        """What something in the folder is called, and whether it is part of a table of decisions, or passed over."""
        name = PurePosixPath(found.path).relative_to(self.path)
        is_folder = found.type == FileType.Directory
        if is_folder or name.name.startswith(("_", ".")):
            own = len(name.parts) == 1 and "=" in name.name and not name.name.startswith(f"{RUN}=")
            return str(name), own if is_folder else len(name.parts) <= 2
        if len(name.parts) > 2 or not PARTS.fullmatch(name.name):
            return str(name), False
        with self.system.open_input_file(found.path) as file:
            columns = marked_columns(file, MARK)
        return str(name), columns is not None and DECISIONS.keys() >= set(columns)

    @contextmanager
    def filling(self) -> Iterator[FolderStage]:
        """A place where files are written, until they are put in their place, all of them; or none.

        Raises:
            DataError: for what is in the way.
            OSError: where nothing can be written.
        """
        if self.is_local:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            with whole_folder(self.path) as folder:
                attempts = folder / _ATTEMPTS
                attempts.mkdir()
                yield FolderStage(self, str(attempts), str(folder))
                # A task that goes on, because another one was quicker, finds no folder then.
                away = Path(_hidden(self.path))
                attempts.rename(away)
                with suppress(OSError):
                    self.system.delete_dir(str(away))
            return
        self.check()
        staging = _hidden(self.path)
        try:
            whole = f"{staging}/whole" if self.has_folders else self.path
            if self.has_folders:
                self.system.create_dir(f"{staging}/{_ATTEMPTS}")
                self.system.create_dir(whole)
            yield FolderStage(self, f"{staging}/{_ATTEMPTS}", whole)
            if self.has_folders:
                self._swap(whole, f"{staging}/old")
        finally:
            with suppress(OSError):
                self.system.delete_dir(staging)

    def _swap(self, whole: str, old: str) -> None:
        """Rename a folder, over one that is there."""
        self.check()
        if not self.is_there:
            self.system.move(whole, self.path)
            return
        self.system.move(self.path, old)
        try:
            self.system.move(whole, self.path)
        except OSError:
            self.system.move(old, self.path)
            raise


@frozen
class FolderStage:
    """A folder that is being filled.

    Attributes:
        folder: what is asked for.
        attempts: where each attempt of a task writes.
        whole: where the files that count are put.
    """

    folder: OutputFolder
    attempts: str
    whole: str

    @property
    def files(self) -> DecisionFiles:
        """What tasks get of it."""
        own = self.folder
        return DecisionFiles(own.system, self.attempts, own.columns, own.partitioning)

    def take(self, written: Sequence[Any]) -> None:
        """Put the files of the attempts that count where they belong.

        Args:
            written: rows as of `journeykit.spark.decision_files.WRITTEN`.

        Raises:
            DataError: for too many values, and for files that this machine does not see.
        """
        system, partitioning = self.folder.system, self.folder.partitioning
        folders = {row["folder"] for row in written}
        if partitioning is not None:
            check_parts(len(folders), partitioning.by)
            if folders == {partitioning.folder(None)}:
                # Of folders without any value readers cannot tell what kind of values they have.
                folders = {""}
        if self.whole == self.folder.path:
            # What was there goes first: better no rows for a moment than some of them twice.
            with suppress(FileNotFoundError):
                system.delete_file(f"{self.whole}/{_DONE}")
            system.delete_dir_contents(self.whole, missing_dir_ok=True)
        elif self.folder.has_folders:
            for folder in folders - {""}:
                system.create_dir(f"{self.whole}/{folder}")
        alone = folders == {""}
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(lambda row: self._move(row, "" if alone else row["folder"]), written))
        if not written:
            self._write_empty()
        with system.open_output_stream(f"{self.whole}/{_DONE}"):
            pass

    def _move(self, row: Any, folder: str) -> None:
        source = "/".join(filter(None, (self.attempts, row["attempt"], row["folder"], row["name"])))
        try:
            self.folder.system.move(source, "/".join(filter(None, (self.whole, folder, row["name"]))))
        except FileNotFoundError as error:
            raise DataError(
                "a file that an executor has written is not to be seen from the driver: write to a place that all "
                "machines share",
                source=self.folder.path,
            ) from error

    def _write_empty(self) -> None:
        """A folder without a file is no table."""
        with (
            self.folder.system.open_output_stream(f"{self.whole}/{PART}") as file,
            ParquetGroups(file, dict, self.folder.columns, mark=MARK),
        ):
            pass


def decided_into(
    folder: OutputFolder,
    frame: DataFrame,
    decider: SliceDecider | QuotaDecider,
    counted: CountsTold,
    told: RunSummary,
) -> Summary:
    """Decide all, and write the table of decisions, which appears whole or not at all.

    Args:
        folder: where.
        frame: the tables, grouped.
        decider: decides them.
        counted: takes what tasks have counted to the driver.
        told: the summary, which has begun.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows; nothing is written then.
    """
    with folder.filling() as stage:
        work = as_function(decider.writing(stage.files))
        rows = counted.decisions(frame.mapInArrow(work, counted.widened(ddl_of(WRITTEN))))
        try:
            written = rows.collect()
        except Exception as error:
            raise error_behind(error) from error
        summary: Summary = told.get
        if sum(row["rows"] for row in written) != told.counts().written:
            raise JourneykitError("the files of the run do not have the rows that it counted; nothing is written")
        stage.take(written)
    return summary


def _hidden(path: str) -> str:
    """A name beside a folder that readers pass over."""
    folder = PurePosixPath(path)
    return str(folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(6)}.tmp"))


def _system_of(text: str) -> tuple[Any, str]:
    """The file system of a place, which answers, and the path in it."""
    try:
        system, path = FileSystem.from_uri(text if "://" in text else Path(text).absolute().as_uri())
        path = path.rstrip("/")
        if system.type_name == "local":
            path = os.path.realpath(path)
        system.get_file_info(path)
    except (ArrowException, OSError, ValueError) as error:
        raise ModelError(
            f"out is {text!r}, which pyarrow does not reach from here ({error}); take decide without out, and let "
            "Spark write its DataFrame",
            field="out",
        ) from error
    if system.type_name not in WITH_FOLDERS and "/" not in path:
        raise ModelError(f"out is {text!r}, which is a whole bucket; name a folder in it", field="out")
    return system, path
