"""Scores that several runs of one playbook read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.tables.arrow.kept_table import KeptTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeykit.columns.score_columns import ScoreEncoder


class KeptScores(KeptTable):
    """Scores that several runs of one playbook read, one after the other: encoded once."""

    _encoder: ScoreEncoder | None = None

    def encoded(self, encode: Callable[[], ScoreEncoder]) -> ScoreEncoder:
        """The scores as arrays.

        Args:
            encode: what encodes them; it is called the first time.
        """
        if self._encoder is None:
            self._encoder = encode()
            self._encoder.is_kept = True
        return self._encoder
