"""Rows of contacts two of whose keys are one name, over columns: they are bad, and what they forbid holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.ids import contact_key
from journeykit.tables.contact_table import twin_restrictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.columns.contact_index import ContactIndex
    from journeykit.job.run import Run
    from journeykit.model.bad_row import BadRow


def restricted_by(rows: Iterable[BadRow], run: Run, met: ContactIndex) -> Iterator[int]:
    """The places of the contacts to whom such rows forbid something, which the run's doubles take notice of."""
    for bad in rows:
        for own in twin_restrictions(bad, run.spellings, run.zone):
            run.doubles.add(own)
            one, two = (np.array([half], np.uint64) for half in contact_key(own.id))
            place = int(met.find(one, two)[0])
            if place >= 0 and own.id in run.doubles:
                yield place
