"""Where the hashes of a playbook put contacts: below a share, and into which arms; for many ids at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.kernels import has_kernels
from journeykit.measuring.cell_columns import id_column
from journeykit.model.holdout import bucket
from journeykit.playbook.experiment_arms import ArmAssignment
from journeykit.tables.arrow.arrays import numbers
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeykit.measuring.message_table import MessageTable
    from journeykit.playbook.playbook import Playbook


def arm_places(playbook: Playbook, messages: MessageTable) -> list[NDArray[np.int64]]:
    """By experiment, and by number of the contact, the place of the arm that the hash gives now; -1 for none."""
    ids, accounts = messages.ids, account_ids(messages)
    if has_kernels():
        from journeykit.columns.arm_numbers import ArmColumns

        columns = ArmColumns(playbook)
        return [columns.of_experiment(own.name, ids, accounts) for own in playbook.experiments]
    assignment = ArmAssignment(playbook)
    pairs = zip(ids.to_pylist(), [None] * len(ids) if accounts is None else accounts.to_pylist(), strict=True)
    places = [assignment.places_of(contact, account) for contact, account in pairs]
    return [np.array([own[number] for own in places], np.int64) for number in range(len(playbook.experiments))]


def arm_texts(playbook: Playbook, messages: MessageTable) -> pa.Array:
    """By message, the arms of its contact as decisions name them (``experiment:arm``), as lists."""
    places = arm_places(playbook, messages)
    many = [len(own.arms) + 1 for own in playbook.experiments]
    code = np.zeros(len(messages.ids), np.int64)
    for size, place in zip(many, places, strict=True):
        code = code * size + place + 1
    kinds, rows = np.unique(code, return_inverse=True)
    names = []
    for kind in kinds.tolist():
        arms, rest = [], kind
        for size, own in zip(reversed(many), reversed(playbook.experiments), strict=True):
            rest, place = divmod(rest, size)
            if place:
                arms.append(f"{own.name}:{own.arms[place - 1].name}")
        names.append(arms[::-1])
    return pa.array(names, pa.list_(pa.string())).take(numbers(rows[messages.contact].astype(np.int64), pa.int64()))


def is_below(seed: str, ids: pa.Array, share: float) -> NDArray[np.bool_]:
    """By id, whether its bucket (`journeykit.model.holdout.bucket`) is below a share.

    Args:
        seed: the seed of the hash.
        ids: the ids, as large strings.
        share: from 0 to 1.

    Example:
        >>> from journeykit.tables.arrow.arrays import texts
        >>> is_below("seed", texts(["a", "b"]), 0.1).tolist()
        [True, False]
    """
    if not has_kernels():
        return np.array([bucket(seed, own) < share for own in ids.to_pylist()], np.bool_)
    from journeykit.columns.chunk import text_buffers
    from journeykit.kernels import in_holdout

    found = np.empty(len(ids), np.bool_)
    in_holdout(np.array([ord(char) for char in seed], np.int64), *text_buffers(ids), share, found)
    return found


def account_ids(messages: MessageTable) -> pa.Array | None:
    """By number of the contact, the account's id as the table of contacts has it."""
    people = messages.contacts
    name = (
        None if people is None else next((own for own in people.column_names if fold_name(own) == "account_id"), None)
    )
    return None if people is None or name is None else id_column(people[name])
