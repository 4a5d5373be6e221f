"""Tables of any kind, decided contact by contact: where the extension module is not built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import pyarrow as pa

from journeykit.basics.watch import LOG
from journeykit.job.inputs import Inputs
from journeykit.job.row_job import RowJob
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.decision_batches import rows_batch
from journeykit.tables.arrow.decision_schema import decision_schema
from journeykit.tables.arrow.frames import native
from journeykit.tables.arrow.open_arrow import as_rows, open_source
from journeykit.tables.header import fold_name
from journeykit.tables.output_selection import OutputSelection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from journeykit.engine.decider import HasDecider
    from journeykit.job.run import RunOptions
    from journeykit.model.outcome import Row

_AT_ONCE = 10_000
"""So many contacts make a batch."""


class TablesByRows(RowJob):
    """Tables to decide, contact by contact, into a table of the caller's kind: what `TableJob` does, far slower.

    Args:
        arbiter: the arbiter, or its decider.
        contacts: as for `TableJob`; and so are the next ones.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None derives claims from the campaigns' audiences.
        events: what contacts did, for rules that ask for it.
        everything: whether denied claims are given too; else what the option ``outcomes`` says.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        threads: not used: one contact comes after the other.
        options: as for `TableJob`.
    """

    def __init__(
        self,
        arbiter: HasDecider,
        contacts: Any = None,
        touches: Any = None,
        scores: Any = None,
        claims: Any = None,
        events: Any = None,
        *,
        everything: bool = False,
        zone: str | None = None,
        threads: int | None = None,  # noqa: ARG002  (as the docstring says)
        **options: Unpack[RunOptions],
    ) -> None:
        given = {"contacts": contacts, "touches": touches, "scores": scores, "claims": claims, "events": events}
        tables = {name: as_rows(table, name) for name, table in given.items()}
        if everything:
            # As over columns: what contradicts is refused.
            OutputSelection.of(options.get("outcomes"), everything=True)
            options["outcomes"] = "all"
        super().__init__(arbiter, Inputs(**tables, zone=zone), **options)
        self._like = claims if contacts is None else contacts
        self._id_kind = _kind_of_ids(tables["claims" if contacts is None else "contacts"])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of the table of decisions, in chunks. Once only."""
        rows: list[Row] = []
        for done, (_, decision) in enumerate(self.decisions(), 1):
            rows += self.output.rows(decision.rows)
            if done % _AT_ONCE == 0:
                if done == _AT_ONCE:
                    LOG.warning("journeykit's extension module is not built: contacts are decided one by one")
                yield self._batch(rows)
                rows = []
        yield self._batch(rows)

    def _batch(self, rows: list[Row]) -> pa.RecordBatch:
        self.written += len(rows)
        names = [row.contact for row in rows]
        ids = names if self._id_kind == pa.large_string() else [int(name) for name in names]
        return rows_batch(rows, ids, decision_schema(self._id_kind, self.output.columns))

    def table(self) -> Any:
        """The table of decisions, of the kind of the table of contacts."""
        return native(pa.Table.from_batches(self.batches()).unify_dictionaries(), self._like)

    def pieces(self, done: Callable[[TablesByRows], object]) -> Iterator[Any]:
        """The table of decisions in pieces, of the kind of the table of contacts; then ``done`` is given the job."""
        for batch in self.batches():
            yield native(pa.Table.from_batches([batch]), self._like)
        done(self)


def _kind_of_ids(table: Any) -> pa.DataType:
    """The kind of the contacts' ids: whole numbers stay what they are, all else is text."""
    for part in open_source(table, "contacts").parts(lambda name: fold_name(name) == "contact_id"):
        if not isinstance(part, BadRow) and part[2]:
            array = Column(part[2][0]).array
            if array is not None and pa.types.is_integer(array.type):
                found: pa.DataType = array.type
                return found
            break
    return pa.large_string()
