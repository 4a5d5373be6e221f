"""Types: what Spark's types are in Arrow's batches, and back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from journeykit.errors import DataError

_PLAIN = {
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "byte": pa.int8(),
    "date": pa.date32(),
    "double": pa.float64(),
    "float": pa.float32(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "short": pa.int16(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "void": pa.null(),
}


_DDL = {"binary", "boolean", "date", "double", "float", "string", "timestamp"}
_SPELT = {pa.int8(): "tinyint", pa.int16(): "smallint", pa.int32(): "int", pa.int64(): "bigint"} | {
    kind: name for name, kind in _PLAIN.items() if name in _DDL
}


def ddl_of(schema: pa.Schema) -> str:
    """Columns of whole numbers, texts, numbers, instants and lists of these, as Spark's DDL has them.

    Example:
        >>> ddl_of(pa.schema({"contact_id": pa.int64(), "lost_to": pa.list_(pa.string())}))
        '`contact_id` bigint, `lost_to` array<string>'
    """
    return ", ".join(f"`{own.name}` {_ddl_type(own.type)}" for own in schema)


def _ddl_type(kind: pa.DataType) -> str:
    return f"array<{_ddl_type(kind.value_type)}>" if pa.types.is_list(kind) else _SPELT[kind]


def arrow_type(kind: Any, column: str, source: str) -> pa.DataType:
    """The type in which Spark gives a column to Python.

    Args:
        kind: Spark's type.
        column: the name of the column, for errors.
        source: the name of its table, likewise.

    Raises:
        DataError: for a type that Spark does not give to Python in Arrow's format, such as an interval of months.
    """
    name = kind.typeName().partition("(")[0]
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "decimal":
        return pa.decimal128(kind.precision, kind.scale)
    if name == "array":
        return pa.list_(arrow_type(kind.elementType, column, source))
    if name == "map":
        return pa.map_(*(arrow_type(own, column, source) for own in (kind.keyType, kind.valueType)))
    if name == "struct":
        return pa.struct([(own.name, arrow_type(own.dataType, column, source)) for own in kind.fields])
    if name in ("char", "varchar"):
        return pa.string()
    message = (
        f"the column {column!r} is of the type {kind.simpleString()}, which cannot be read: cast it, or leave it out"
    )
    raise DataError(message, source=source, field=column)
