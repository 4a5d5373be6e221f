"""Tables of Spark grouped by contact: slices of all tables, each of whole contacts, or of whole accounts."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError
from journeykit.job.inputs import TABLES
from journeykit.spark.arrow_types import arrow_type
from journeykit.spark.bucket_labels import bucket_labels
from journeykit.spark.bucketing import BUCKETED, AccountBucketing, Bucketing
from journeykit.spark.row_order import has_order
from journeykit.spark.slice_reader import MARK, SliceReader
from journeykit.tables.header import fold_name, missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

_PARTITIONS = 200
"""Spark's default for ``spark.sql.shuffle.partitions``."""


class GroupedTables:
    """Tables of Spark, brought together: all rows of a contact come to one task, in one slice.

    Rows are put into buckets by the key of their contact, in Arrow's format, by the workers; Spark moves and sorts
    whole buckets, a few thousand rows at a time, and never a row of its own. A key is that of the local engine: ids
    that are one id there, such as 7 and "7", are one here. Rows without an id that can be read arrive too, each once,
    and spread over all buckets by what else they say.

    In a slice, rows of one contact are in one order, however they arrived: of `contacts`, `scores` and `claims` by
    ``order_by``, and where that says nothing by their cells, column by column, empty cells last. Of `events` those that
    have one ``event_id`` are in such an order, the earliest first.

    Args:
        tables: DataFrames by name: some of ``contacts``, ``touches``, ``scores``, ``claims`` and ``events``.
        wanted: by the name of a table and of a column of it, whether the column is read; of the others slices have the
            name and the type, and nothing in them. None reads all.
        order_by: names of columns of the contacts (of the claims, where no contacts are given): which of several rows
            with one id comes first, and is taken. ``"updated_at desc"`` begins with the latest. Other tables that have
            such columns are put in order by them, too.
        partitions: among how many tasks the buckets are shared; None for ``spark.sql.shuffle.partitions`` buckets,
            which Spark joins where they are small (adaptive execution).
        by_account: whether a slice holds whole accounts. Touches and all else of a contact go with the first of its
            rows among the contacts. This moves all rows a second time.

    Attributes:
        frame: the buckets: a DataFrame that `slices` reads, for ``frame.mapInArrow``.
        slices: makes of the batches that ``mapInArrow`` gives the slices: an iterator of Arrow tables by the names of
            ``tables``. It can be pickled, and needs no Spark. Slices are in no order that means anything.
        buckets: the numbers of all buckets, each of which some task has, with rows or without.
        empty: a slice without rows: the columns and types of all tables.

    Raises:
        DataError: for a table without ``contact_id``, or with two columns of one name.
        ModelError: for an ``order_by`` that names no column, or one that has no order.

    Example:
        >>> grouped = GroupedTables({"contacts": contacts, "touches": touches})  # doctest: +SKIP
        >>> def rows(batches):
        ...     for tables in grouped.slices(batches):
        ...         yield pa.record_batch({"contacts": [tables["contacts"].num_rows]})
        >>> grouped.frame.mapInArrow(rows, "contacts long").show()  # doctest: +SKIP
    """

    def __init__(
        self,
        tables: Mapping[str, Any],
        *,
        wanted: Callable[[str, str], bool] | None = None,
        order_by: str | Sequence[str] = (),
        partitions: int | None = None,
        by_account: bool = False,
    ) -> None:
        given = {name: tables[name] for name in TABLES if tables.get(name) is not None}
        order = _order(order_by)
        first = {fold_name(name) for name, _ in order}
        read = {name: _read(name, frame.columns, wanted, first) for name, frame in given.items()}
        schemas = {name: arrow_schema(name, frame, read[name]) for name, frame in given.items()}
        _check_order(order, schemas)
        self.slices = SliceReader(schemas, read, order)
        self.empty = self.slices.empty()
        main = next(iter(given.values()))
        labels = bucket_labels(_buckets(main, partitions))
        marks = _marks(main.sparkSession, labels)
        frames = [
            numbered(frame, read[name]).mapInArrow(Bucketing(place, labels, read[name]), BUCKETED)
            for place, (name, frame) in enumerate(given.items())
        ]
        self.buckets = frozenset(labels)
        self.frame = _moved([*frames, marks], partitions)
        if by_account and "contacts" in given:
            by_account = self.frame.mapInArrow(AccountBucketing(self.slices, labels), BUCKETED)
            self.frame = _moved([by_account, marks], partitions)


def _marks(spark: Any, labels: Sequence[int]) -> Any:
    """One row for each bucket, so that every bucket is in some task, be it empty."""
    own = "explode(array({})) as bucket", f"{MARK} as place", "cast('' as binary) as rows"
    return spark.range(0, 1, 1, 1).selectExpr(own[0].format(", ".join(map(str, labels))), *own[1:])


def _moved(frames: Iterable[Any], partitions: int | None) -> Any:
    """Each bucket in one task, in one piece."""
    by = ["bucket"] if partitions is None else [partitions, "bucket"]
    frame = reduce(lambda one, two: one.unionAll(two), frames)
    return frame.repartition(*by).sortWithinPartitions("bucket")


def _buckets(frame: Any, partitions: Any) -> int:
    """How many buckets there are."""
    if partitions is None:
        return shuffle_partitions(frame.sparkSession)
    if isinstance(partitions, bool) or not isinstance(partitions, int) or partitions < 1:
        raise ModelError(f"partitions is a whole number from 1 on, found {shown(partitions)}", field="partitions")
    return partitions


def shuffle_partitions(spark: Any) -> int:
    """Into how many partitions Spark puts rows that it moves; where a platform says ``auto``, Spark's own default."""
    said = str(spark.conf.get("spark.sql.shuffle.partitions"))
    return max(1, int(said)) if said.isdigit() else _PARTITIONS


def _read(
    name: str, columns: Sequence[str], wanted: Callable[[str, str], bool] | None, first: Container[str]
) -> tuple[str, ...]:
    """The columns of a table that are read: those that are wanted, the id, and those that put rows in order."""
    if "contact_id" not in places_of(columns, name):
        raise missing_column("contact_id", columns, name)
    if wanted is None:
        return tuple(columns)
    folds = ((own, fold_name(own)) for own in columns)
    return tuple(own for own, fold in folds if wanted(name, own) or fold in first or fold == "contact_id")


def numbered(frame: Any, names: Sequence[str]) -> Any:
    """Some columns, numbered: `mapInArrow` takes dots in names for what they are not."""
    return frame.select([f"`{name.replace('`', '``')}`" for name in names]).toDF(*map(str, range(len(names))))


def arrow_schema(name: str, frame: Any, read: Container[str] = ()) -> pa.Schema:
    """The columns of a table, in Arrow's types; one that is not read may be of a type that Arrow lacks."""
    fields = []
    for own in frame.schema.fields:
        try:
            kind = arrow_type(own.dataType, own.name, name)
        except DataError:
            if own.name in read:
                raise
            kind = pa.null()
        fields.append(pa.field(own.name, kind))
    return pa.schema(fields)


def _order(order_by: str | Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """The columns that go first, and for each whether the largest comes first."""
    found = []
    for text in [order_by] if isinstance(order_by, str) else order_by:
        name, _, way = text.strip().rpartition(" ")
        found.append((name, way.lower() == "desc") if way.lower() in ("asc", "desc") and name else (text, False))
    return tuple(found)


def _check_order(order: Sequence[tuple[str, bool]], schemas: Mapping[str, pa.Schema]) -> None:
    """Refuse an order by a column that is not there, or whose cells have none."""
    main = "contacts" if "contacts" in schemas else "claims"
    for name, _ in order:
        own = next((own for own in schemas[main] if fold_name(own.name) == fold_name(name)), None)
        if own is None:
            raise missing_column(name, schemas[main].names, main)
        if not has_order(own.type):
            raise ModelError(f"order_by: {name!r} has no order: its type is {own.type}", field="order_by")
