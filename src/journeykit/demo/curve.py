"""Redemptions kept against mailings saved: the same year under looser and tighter rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.demo.households import Households
from journeykit.demo.kept import kept
from journeykit.demo.replay import replay
from journeykit.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from journeykit.demo.retailer import Retailer
    from journeykit.playbook.playbook import Playbook

WEEKS = (2, 4, 6, 8, 10)
"""The caps that are tried: one mailing in so many weeks."""
RESERVES = (0.03, 0.04, 0.05, 0.06, 0.07, 0.08)
"""The reserves that are tried. From 0.1 on, the first guess of a chance, nothing goes out and nothing is learned."""


def curve(retailer: Retailer, playbook: Playbook, progress: Callable[[str], object] = str) -> list[dict[str, Any]]:
    """Replay the year under caps of different lengths, and with different reserves.

    Args:
        retailer: the year.
        playbook: the demo's rules.
        progress: called with a line of text before each replay.

    Returns:
        One mapping for each replay: ``line`` (``first_come`` and ``choice_alone`` under caps of different lengths,
        ``reserve`` under the playbook's own caps), ``setting`` and the counts of `journeykit.demo.figures.kept`.
    """
    households = Households(retailer, playbook)
    points = []
    for line, setting, rules in _settings(playbook):
        progress(f"replaying the year: {line}, {setting}")
        points.append({"line": line, "setting": setting, **kept(retailer, replay(retailer, rules, households).granted)})
    return points


def _settings(playbook: Playbook) -> Iterator[tuple[str, str, Playbook]]:
    for line, policy in (("first_come", "first_come"), ("choice_alone", playbook.policy)):
        for weeks in WEEKS:
            yield line, f"{weeks} weeks", evolve(_one_in(playbook, weeks), policy=policy, reserve=0)
    for reserve in RESERVES:
        yield "reserve", f"{reserve:g}", evolve(playbook, reserve=reserve)


def _one_in(playbook: Playbook, weeks: int) -> Playbook:
    """The playbook, with its cap on mailings in some weeks over so many weeks."""
    window = Window.days(7 * weeks)
    caps = [evolve(cap, window=window) if cap.window == Window.days(28) else cap for cap in playbook.caps or ()]
    return evolve(playbook, caps=caps)
