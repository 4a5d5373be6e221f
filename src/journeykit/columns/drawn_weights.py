"""Drawn weights: what a policy of one's own makes of drawn propensities, over columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.kernels import draw_propensities

if TYPE_CHECKING:
    from journeykit.columns.chunk import Chunk
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.history_columns import ChunkHistory
    from journeykit.kernels.interface.contact_arrays import Contacts
    from journeykit.kernels.interface.decision_arrays import CandidateArrays
    from journeykit.kernels.interface.rules import Rules


class Block(NamedTuple):
    """The candidates of some contacts of a chunk.

    Attributes:
        chunk: the contacts.
        contacts: as numbers.
        past: their touches.
        entries: the candidates.
        entry_first: where those of each contact begin.
        start: the first contact.
        stop: the one after the last.
    """

    chunk: Chunk
    contacts: Contacts
    past: ChunkHistory
    entries: CandidateArrays
    entry_first: np.ndarray
    start: int
    stop: int


def rules_with_draws(engine: ColumnarEngine, rules: Rules, block: Block) -> Rules:
    """The rules, with the weights that candidates have by each vector where the policy must be asked for them.

    The kernels draw weights anew where they deal them, or where the policy is `weighted`.
    """
    explore = rules.explore
    if not len(explore.normal) or engine.weigher.is_plain:
        return rules
    entries, first, start, stop = block.entries, block.entry_first, block.start, block.stop
    count = int(entries.used[0])
    undrawn = entries.claim[:count].copy()
    weight = np.empty((explore.draws, count), np.int64)
    for vector, found in enumerate(weight):
        draw_propensities(rules, block.contacts, entries, first, start, stop, vector)
        engine.weigher.weigh(*block, np.zeros(stop - start, np.bool_))
        found[:] = entries.claim["weight"][:count]
        entries.claim[:count] = undrawn
    return rules.but(explore=explore.but(weight=weight))
