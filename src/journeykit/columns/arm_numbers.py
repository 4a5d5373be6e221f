"""Arms over columns: in which arms of a playbook's experiments contacts are, worked out by the kernels' hash.

Without the extension module each contact is asked, with the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.basics.validation import BILLIONTH
from journeykit.kernels import has_kernels
from journeykit.model.experiment import text_of
from journeykit.playbook.experiment_arms import ArmAssignment

if TYPE_CHECKING:
    from journeykit.model.experiment import Experiment
    from journeykit.playbook.experiment_arms import Places
    from journeykit.playbook.sections import Sections


class ArmColumns:
    """Puts contacts into arms, column by column: the same arms as `ArmAssignment` says of each.

    Args:
        playbook: the playbook.

    Attributes:
        assignment: who is in which arms.
        places: the combinations of arms, by number: for each experiment the place of the arm, or -1.
        shares: by number, the share of the contacts that is in it.
        names: by number, the arms as decisions name them; None for none.
    """

    def __init__(self, playbook: Sections) -> None:
        self.assignment = ArmAssignment(playbook)
        every = list(self.assignment.every)
        self.places: list[Places] = [places for places, _ in every]
        self.shares = [share for _, share in every]
        self.names = [text_of(self.assignment.experiments, places) for places in self.places]

    def numbers(self, contacts: Any, accounts: Any = None) -> np.ndarray:
        """By contact, the number of the combination of arms.

        Args:
            contacts: the ids: an Arrow array of texts, or texts.
            accounts: the accounts of the contacts, likewise, None for a contact without; None where there are none.
        """
        keys = _texts(contacts)
        if self.assignment.by_account and accounts is not None:
            keys = pc.coalesce(_texts(accounts), keys)
        if not has_kernels():
            own = {places: number for number, places in enumerate(self.places)}
            return np.array([own[self.assignment.places_of(key, None)] for key in keys.to_pylist()], np.int64)
        from journeykit.columns.chunk import text_buffers

        return self.numbers_of(*text_buffers(keys))

    def numbers_of(self, offsets: np.ndarray, data: np.ndarray) -> np.ndarray:
        """The same of ids in UTF-8, one after the other, given where each begins."""
        found = np.zeros(max(0, len(offsets) - 1), np.int64)
        stride = 1
        radix: list[int] = []
        for experiment in self.assignment.experiments:
            found += stride * (1 + _places(experiment, offsets, data))
            radix.append(stride)
            stride *= len(experiment.arms) + 1
        table = np.full(stride, -1, np.int64)
        for number, places in enumerate(self.places):
            table[sum(step * (1 + place) for step, place in zip(radix, places, strict=True))] = number
        return table[found]

    def of_experiment(self, name: str, contacts: Any, accounts: Any = None) -> np.ndarray:
        """By contact, the place of the arm in one experiment; -1 for none. The arguments are those of `numbers`."""
        place = [own.name for own in self.assignment.experiments].index(name)
        table = np.array([places[place] for places in self.places], np.int64)
        found: np.ndarray = table[self.numbers(contacts, accounts)]
        return found

    def texts(self, contacts: Any, accounts: Any = None) -> pa.Array:
        """By contact, the arms as decisions name them; null for none. The arguments are those of `numbers`."""
        return pa.array(self.names, pa.string()).take(pa.array(self.numbers(contacts, accounts)))


def _texts(values: Any) -> pa.Array:
    found = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    found = found if isinstance(found, pa.Array) else pa.array(found, pa.large_string())
    return found if pa.types.is_large_string(found.type) else found.cast(pa.large_string())


def _places(experiment: Experiment, offsets: np.ndarray, data: np.ndarray) -> np.ndarray:
    """By id, the place of the arm; -1 for none."""
    from journeykit.kernels import in_holdout

    count = max(0, len(offsets) - 1)
    seed = np.array([ord(char) for char in experiment.hash_seed], np.int64)
    passed, inside = np.zeros(count, np.int64), np.empty(count, np.bool_)
    wide = offsets.astype(np.int64)
    for end in experiment.ends:
        # The same hash as a holdout's: below the end or not.
        in_holdout(seed, wide, data, min(1.0, end / BILLIONTH), inside)
        passed += ~inside
    passed[passed == len(experiment.ends)] = -1
    return passed
