"""Who is assigned to what by a hash: to a holdout, or to an arm; for many ids at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.kernels import has_kernels
from journeykit.model.holdout import bucket

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


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
