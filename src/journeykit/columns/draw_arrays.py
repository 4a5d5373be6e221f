"""Exploration over columns: what the kernels need to draw the weights of contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.ids import contact_key, stir
from journeykit.kernels.interface.rules import ExploreArrays, nothing_drawn
from journeykit.model.exploration import normal_quantiles

if TYPE_CHECKING:
    from journeykit.model.exploration import Exploration


_MASK = 2**64 - 1


def _signed(bits: int) -> int:
    """64 bits as the kernels' whole numbers have them."""
    return bits - (1 << 64) if bits >> 63 else bits


def explore_arrays(how: Exploration | None, now: int) -> ExploreArrays:
    """What is drawn, but for contacts and claims: their keys are those of a chunk.

    Args:
        how: the section of the playbook; None where nothing is drawn.
        now: the instant of the run, in microseconds.
    """
    if how is None:
        return nothing_drawn()
    draws_propensities = how.method == "thompson"
    return nothing_drawn().but(
        normal=np.array(normal_quantiles() if draws_propensities else (), np.float64),
        share=np.array([how.share], np.float64),
        start=_signed(stir(contact_key(how.seed)[0] ^ (now & _MASK))),
        draws=how.draws,
    )
