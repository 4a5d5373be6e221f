"""Where a run writes its decisions: a file, or a folder, that is no table from which they are made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from journeykit.errors import ModelError
from journeykit.tables.formats import format_of
from journeykit.tables.outputs import need_apart, need_folder_apart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from journeykit.tables.folder_output import FolderOutput


def output_of(
    out: str | os.PathLike[str],
    partition: str | None,
    *,
    append: bool,
    run: tuple[str, datetime, datetime | None, str],
    tables: Mapping[str, Any],
    columns: Sequence[str],
    zone: str,
) -> FolderOutput | None:
    """The folder of a run's decisions; None for a file.

    Args:
        out: the file, or the folder.
        partition: by what the rows are put into folders; None for a file.
        append: whether ``out`` is a log, a folder to which each run adds one of its own.
        run: its name, its first and last instant, and the fingerprint of the playbook.
        tables: what it reads, by name.
        columns: the columns of the decisions.
        zone: IANA name of the zone of days.

    Raises:
        DataError: where the decisions would be written over, or into, a table that they are made from, and for what is
            in the way.
        ModelError: for the name of a file where a folder is written.
    """
    if partition is None and not append:
        need_apart(out, tables)
        return None
    from journeykit.tables.folder_output import FolderOutput, RunOfLog
    from journeykit.tables.partitioning import Partitioning

    partitioning = None if partition is None else Partitioning.of(partition, zone)
    if os.fspath(out) == "-" or format_of(out) is not None:
        what = "append" if append else "partition"
        raise ModelError(
            f"out is {os.fspath(out)!r}, and {what} writes a folder of Parquet files; give the name of a folder",
            field="out",
        )
    found = FolderOutput(out, partitioning, RunOfLog.of(*run) if append else None)
    found.columns(columns)
    need_folder_apart(found.folder, tables)
    found.check()
    return found
