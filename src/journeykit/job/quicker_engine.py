"""Which engine is quicker for some tables: loading the columnar engine takes longer than deciding a few contacts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from journeykit.basics.clock import DAY, micros
from journeykit.columns import has_columns
from journeykit.job.inputs import TABLES
from journeykit.tables import format_of

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.engine.decider import Decider
    from journeykit.job.inputs import Inputs

_MOST_CONTACTS = 2_000
_MOST_BYTES = 400_000
"""Tables of more bytes in all take the row engine longer to read than the other one to load."""
_MOST_CLAIMS = 6_000
"""So many claims the row engine decides while the other one loads: see `benchmarks/small.py`."""


def quicker_engine(inputs: Inputs, decider: Decider, *, at: datetime, until: datetime | None, out: str) -> str:
    """The engine that is quicker, ``one`` or ``columns``, as far as the sizes of the tables tell.

    Args:
        inputs: the tables.
        decider: the playbook, compiled.
        at: the instant of the decisions.
        until: the last instant of a plan, or None.
        out: the file to which the decisions are written.

    Returns:
        ``one`` where the extra ``columns`` or the extension module is missing; also for a few contacts in CSV or JSON
        lines, as long as no table is Parquet, which needs most of what the columnar engine needs. Else ``columns``.
    """
    if not has_columns():
        return "one"
    playbook = decider.playbook
    if playbook.quotas or format_of(out) == "parquet":
        return "columns"
    sizes = [_size(getattr(inputs, name)) for name in TABLES]
    if sum(sizes) > _MOST_BYTES:
        return "columns"
    source = inputs.contacts if inputs.claims is None else inputs.claims
    rows = _lines(source)
    days = 1 if until is None else 1 + max(0, micros(until) - micros(at)) // DAY
    claims = rows * days * (len(decider.ruleset.messages) if inputs.claims is None else 1)
    return "one" if rows < _MOST_CONTACTS and claims <= _MOST_CLAIMS else "columns"


def _size(source: object) -> int:
    """The bytes of a table; more than any number where it is no plain file that is read row by row."""
    if source is None:
        return 0
    if not isinstance(source, str | os.PathLike):
        return _MOST_BYTES + 1
    path = os.fspath(source)
    is_plain = format_of(path) in ("csv", "jsonl") and not path.endswith(".gz") and os.path.isfile(path)  # noqa: PTH113
    return os.stat(path).st_size if is_plain else _MOST_BYTES + 1  # noqa: PTH116


def _lines(source: object) -> int:
    """How many lines a small file has."""
    assert isinstance(source, str | os.PathLike)  # noqa: S101  (its size was asked)
    with open(source, "rb") as file:  # noqa: PTH123
        return file.read().count(b"\n")
