"""Parquet files that journeykit knows again by a mark in their metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.errors import MissingExtraError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence


def words_of(path: str | os.PathLike[str]) -> dict[str, str]:
    """What the metadata of a Parquet file says, by key; nothing of any other file.

    Raises:
        MissingExtraError: without the extra ``columns``.
    """
    return _metadata(path)[0]


def marked_columns(path: str | os.PathLike[str], mark: Mapping[str, str]) -> Sequence[str] | None:
    """The columns of a Parquet file whose metadata has a mark; None for any other file.

    Raises:
        MissingExtraError: without the extra ``columns``.
    """
    words, columns = _metadata(path)
    return columns if all(words.get(name) == word for name, word in mark.items()) else None


def _metadata(path: str | os.PathLike[str]) -> tuple[dict[str, str], Sequence[str] | None]:
    """The words of a file's metadata, and its columns; None where it is no Parquet file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("columns", "a Parquet file") from None
    try:
        found = pq.read_metadata(path)
        columns: Sequence[str] = found.schema.to_arrow_schema().names
    except (pa.ArrowException, OSError):
        return {}, None
    given: Mapping[bytes, bytes] = found.metadata or {}
    return {name.decode("utf-8", "replace"): word.decode("utf-8", "replace") for name, word in given.items()}, columns
