"""Scores that several runs of one playbook read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.tables.arrow.kept_table import KeptTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from journeykit.columns.score_columns import ScoreEncoder


class KeptScores(KeptTable):
    """Scores that several runs of one playbook read, one after the other: encoded once."""

    _encoder: ScoreEncoder | None = None
    _risk: np.ndarray | None = None

    def pressed(self, risk: np.ndarray) -> None:
        """From here on, the chances of opt-outs are others.

        Args:
            risk: by row of the table of contacts, by what they are multiplied; none becomes more than 1.
        """
        self._risk = risk

    def encoded(self, encode: Callable[[], ScoreEncoder]) -> ScoreEncoder:
        """The scores as arrays.

        Args:
            encode: what encodes them; it is called the first time.
        """
        if self._encoder is None:
            self._encoder = encode()
            self._encoder.is_kept = True
        self._encoder.risk = self._risk
        return self._encoder
