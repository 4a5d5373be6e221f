"""Jobs over tables: contacts, touches, scores and claims in, a table of decisions and a summary out.

`RowJob` decides contact by contact and needs no extra; `TableJob` decides by the columnar engine (extra ``columns``).
Both are the same run over tables, and give the same rows, summary and calendar. `TablesByRows` is a `RowJob` that takes
and gives what `TableJob` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.job.calendar import Calendar as Calendar
    from journeykit.job.inputs import Inputs as Inputs
    from journeykit.job.row_job import RowJob as Job
    from journeykit.job.row_job import RowJob as RowJob
    from journeykit.job.row_job import decide_one as decide_one
    from journeykit.job.summary import Summary as Summary
    from journeykit.job.table_job import TableJob as TableJob
    from journeykit.job.tables_by_rows import TablesByRows as TablesByRows

_HOMES = {
    "Calendar": "job.calendar",
    "Inputs": "job.inputs",
    "RowJob": "job.row_job",
    "TablesByRows": "job.tables_by_rows",
    "Summary": "job.summary",
    "TableJob": "job.table_job",
    "decide_one": "job.row_job",
}
# The job over rows was the first one, and its short name stays.
_FORMER = {"Job": "job.row_job:RowJob"}

__all__ = ["Job", *_HOMES]  # noqa: PLE0604  (the keys are texts; loaded when touched)
__getattr__, __dir__ = lazy_names(__name__, _HOMES | _FORMER)
