"""Parquet files that journeykit knows again by a mark in their metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.errors import MissingExtraError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence


def marked_columns(path: str | os.PathLike[str], mark: Mapping[str, str]) -> Sequence[str] | None:
    """The columns of a Parquet file whose metadata has a mark; None for any other file.

    Raises:
        MissingExtraError: without the extra ``columns``.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("columns", "a Parquet file") from None
    try:
        found = pq.read_metadata(path)
        words: Mapping[bytes, bytes] = found.metadata or {}
        columns: Sequence[str] = found.schema.to_arrow_schema().names
    except (pa.ArrowException, OSError):
        return None
    return columns if all(words.get(name.encode()) == word.encode() for name, word in mark.items()) else None
