"""Schemas of Spark as schemas of Arrow, and back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_PLAIN = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "binary": pa.binary(),
    "void": pa.null(),
}
_NAMES = {kind: name for name, kind in _PLAIN.items()}


def arrow_type(kind: Any) -> pa.DataType:
    """A type of Spark as Arrow has it; what no table of ours uses is text.

    Args:
        kind: a `pyspark.sql.types.DataType`.
    """
    name = kind.typeName()
    if name == "array":
        return pa.list_(arrow_type(kind.elementType))
    if name == "map":
        return pa.map_(arrow_type(kind.keyType), arrow_type(kind.valueType))
    if name == "struct":
        return pa.struct(arrow_schema(kind))
    if name == "decimal":
        return pa.decimal128(kind.precision, kind.scale)
    return _PLAIN.get(kind.simpleString(), pa.string())


def arrow_schema(schema: Any) -> pa.Schema:
    """The columns of a Spark DataFrame as Arrow has them.

    Args:
        schema: a `pyspark.sql.types.StructType`.
    """
    return pa.schema([(own.name, arrow_type(own.dataType)) for own in schema])


def spark_ddl(schema: pa.Schema) -> str:
    """Columns of texts, numbers, instants and lists of texts as Spark's DDL has them.

    Example:
        >>> spark_ddl(pa.schema({"contact_id": pa.int64(), "lost_to": pa.list_(pa.string())}))
        '`contact_id` bigint, `lost_to` array<string>'
    """
    return ", ".join(f"`{own.name}` {_ddl_type(own.type)}" for own in schema)


def _ddl_type(kind: pa.DataType) -> str:
    return f"array<{_ddl_type(kind.value_type)}>" if pa.types.is_list(kind) else _NAMES.get(kind, "string")
