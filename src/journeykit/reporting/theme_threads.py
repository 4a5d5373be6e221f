"""Themes along the journey: where each speaks, and where it is broken off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.engine.message import foreign_owner, owner_of
from journeykit.reporting.matrix_parts import ThemeThread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.reporting.matrix_layout import MatrixLayout


def theme_threads(layout: MatrixLayout, live: Sequence[bool]) -> Iterator[ThemeThread]:
    """The themes of a playbook's content along its journey; stages that are marked lost are left out.

    Args:
        layout: the messages.
        live: by message, whether its campaign is live.
    """
    journey = layout.playbook.journey
    stages = [stage.name for stage in journey.stages if not stage.lost] if journey else []
    themes = dict.fromkeys(own.theme for own in layout.playbook.content or () if own.theme is not None)
    if not stages:
        return
    for theme in themes:
        found = {stage: _channels(layout, live, theme, stage) for stage in stages}
        if any(found.values()):
            yield _thread(theme, found)


def _channels(layout: MatrixLayout, live: Sequence[bool], theme: str, stage: str) -> tuple[str, ...]:
    """The channels in which a theme speaks on a stage."""
    owner = owner_of(layout.playbook.journey, stage)
    return tuple(
        dict.fromkeys(
            str(message.channel)
            for message, is_live in zip(layout.messages, live, strict=True)
            if is_live
            and theme in message.facets.get("theme", ())
            and message.stage_fit(stage) > 0
            and foreign_owner(owner, message, stage) is None
        )
    )


def _thread(theme: str, stages: dict[str, tuple[str, ...]]) -> ThemeThread:
    names = list(stages)
    there = [place for place, name in enumerate(names) if stages[name]]
    inside = names[there[0] : there[-1] + 1]
    channels = dict.fromkeys(channel for own in stages.values() for channel in own)
    return ThemeThread(
        theme=theme,
        stages=stages,
        gaps=tuple(name for name in inside if not stages[name]),
        ends_after=names[there[-1]] if there[-1] < len(names) - 1 else None,
        channel_gaps={
            channel: missing
            for channel in channels
            if (missing := tuple(name for name in inside if stages[name] and channel not in stages[name]))
        },
    )
