"""What a table of claims asks for: problems of all slices must number it alike, and no slice knows all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from journeykit.columns.claim_columns import ASKED, ClaimEncoder
from journeykit.spark.grouped_tables import arrow_schema
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from journeykit.playbook.playbook import Playbook


def asked_for(claims: DataFrame, playbook: Playbook) -> list[tuple[Any, ...]]:
    """What the rows of a table of claims ask for, each once: campaign, content, channel and what claims bring."""
    names = [name for name in claims.columns if fold_name(name) in ASKED]
    read = claims.select([f"`{name.replace('`', '``')}`" for name in names]).distinct()
    rows = [tuple(row) for row in read.collect()]
    columns = zip(*rows, strict=True) if rows else [() for _ in names]
    arrays = [pa.array(own, kind.type) for own, kind in zip(columns, arrow_schema("claims", read), strict=True)]
    # Whose claims they are does not matter here.
    ids = pa.array(["1"] * len(rows), pa.string())
    source = open_source(pa.table([ids, *arrays], names=["contact_id", *names]), "claims")
    return sorted(ClaimEncoder(source, playbook, zone=None, bad=BadRows()).asks, key=repr)
