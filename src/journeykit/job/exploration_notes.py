"""Notes on exploration: what a run, or a look at its tables, says where nothing can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.words import Words


def spread_notes(playbook: Playbook, words: Mapping[str, Words]) -> Iterator[str]:
    """That propensities are to be drawn, and no table says how uncertain they are.

    Args:
        playbook: the rule set.
        words: by table, what its columns are compared with.
    """
    how = playbook.explore
    if how is None or how.method != "thompson":
        return
    if not any(words[name].has("spread") for name in ("scores", "claims") if name in words):
        yield "explore: neither scores nor claims have the column 'spread': thompson draws nothing"
