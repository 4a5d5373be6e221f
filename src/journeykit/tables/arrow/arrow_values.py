"""Values of Arrow arrays as Python's own, and the schema of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from journeykit.tables.cells import plain_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

# The years 1 to 9999, which Python knows, in seconds since 1970.
_FIRST_SECOND, _END_SECOND = -62_135_596_800, 253_402_300_800
_NOT_UTF8 = chr(0xDCFF)


def schema_of(columns: Mapping[str, str]) -> pa.Schema:
    """The schema of a table whose columns have kinds as `journeykit.tables.table_writer` names them."""
    kinds = {
        "text": pa.string(),
        "number": pa.float64(),
        "whole": pa.int64(),
        "instant": pa.timestamp("us", "UTC"),
        "texts": pa.list_(pa.string()),
    }
    return pa.schema([(name, kinds[kind]) for name, kind in columns.items()])


def uuid_columns(file: Any) -> frozenset[str]:
    """The columns of an open Parquet file that hold UUIDs, which older versions of Arrow read as mere bytes."""
    schema = file.metadata.schema
    columns = map(schema.column, range(len(schema)))
    return frozenset(column.path for column in columns if column.logical_type.type == "UUID")


def is_uuid(kind: Any) -> bool:
    """Whether a type of Arrow is that of UUIDs."""
    return getattr(kind, "extension_name", "") == "arrow.uuid"


def uuid_texts(column: Any) -> list[str | None]:
    """The texts of UUIDs, which come as Arrow's own type or as 16 bytes each."""
    storage = getattr(column, "storage", column)
    return [None if value is None else _uuid_text(value.hex()) for value in storage.to_pylist()]


def _uuid_text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def cells_of(array: pa.Array) -> list[Any]:
    """The cells of a column as they are read row by row."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        found = in_microseconds(array)
        return [python_value(cell) for cell in array] if found is None else python_values(found)
    if pa.types.is_decimal(kind):
        return [plain_decimal(value) for value in array.to_pylist()]
    return uuid_texts(array) if is_uuid(kind) else python_values(array)


def in_microseconds(array: Any) -> Any | None:
    """Timestamps as microseconds in UTC, which Python counts; None where some are too far from today for these."""
    kind = array.type
    per_second = {"s": 1, "ms": 1_000}.get(kind.unit)
    if per_second is not None and len(array):
        edges = pc.min_max(array.cast(pa.int64())).as_py()
        least, most = edges["min"], edges["max"]
        if least is not None and (least // per_second < _FIRST_SECOND or most // per_second >= _END_SECOND):
            return None
    # Rules know no zone but UTC.
    return array.cast(pa.timestamp("us", "UTC" if kind.tz else None), safe=False)


def python_values(array: Any) -> list[Any]:
    """The values of an array as Python's own; what Python cannot hold as text that is bad where it matters."""
    try:
        found: list[Any] = array.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        found = [python_value(cell) for cell in array]
    return found


def python_value(cell: Any) -> Any:
    """One value; what Python cannot hold comes as a text, which is then found bad where it matters."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return _undecoded(cell)
    except Exception as error:  # noqa: BLE001  (pyarrow lets many errors through: of dates, texts and zones)
        value, unit = getattr(cell, "value", None), getattr(cell.type, "unit", None)
        return f"<{type(error).__name__}>" if value is None or unit is None else f"{value} {unit} since 1970"


def _undecoded(cell: Any) -> str:
    """Text that is not UTF-8: with lone surrogates, so that two such texts stay two and none passes for an id."""
    own = getattr(cell, "value", cell)
    buffer = getattr(own, "as_buffer", lambda: None)()
    return _NOT_UTF8 if buffer is None else bytes(buffer).decode("utf-8", "surrogateescape")
