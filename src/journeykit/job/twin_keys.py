"""Rows of contacts that are bad, while what they forbid holds, over columns.

Two of their keys are one name, or an earlier row has the contact.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.ids import contact_key
from journeykit.errors import ModelError
from journeykit.tables.contact_table import twin_restrictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.columns.chunk import Chunk
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


def restricted_again(chunks: Iterable[Chunk], repeated: np.ndarray, run: Run, met: ContactIndex) -> Iterator[int]:
    """The places of the contacts to whom a later row forbids something, which the run's doubles take notice of.

    Args:
        chunks: the contacts, with what forbids.
        repeated: by row, whether an earlier row has the contact.
        run: the run.
        met: the contacts by key.
    """
    row = 0
    for chunk in chunks:
        rows = np.flatnonzero(repeated[row : row + chunk.rows])
        contacts = met.find(chunk.one, chunk.two)
        for own in rows.tolist():
            key = chunk.ids[own].as_py()
            with suppress(ModelError):
                run.doubles.add(chunk.plan.restrictions(key, [column.value(own) for column in chunk.columns]))
            if key in run.doubles:
                yield int(contacts[own])
        row += chunk.rows
