"""The segments of a contact, worked out anew: those that ask for others are asked after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.rule.values import Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from journeykit.model.segment import Segment


def values_with_segments(segments: Iterable[Segment], given: Mapping[str, Any], local: datetime) -> dict[str, Any]:
    """What rules read of a contact at an instant, with all its segments.

    Args:
        segments: those of the playbook; no rule asks for its own segment by way of others.
        given: what is known of the contact, with the segments that it brings.
        local: the instant, in the contact's zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Segment
        >>> named = [Segment(name="key", rule="'big' in segments and vip"), Segment(name="big", rule="size > 9")]
        >>> given = {"size": 20, "vip": True, "segments": ()}
        >>> values_with_segments(named, given, datetime(2026, 11, 5, tzinfo=UTC))["segments"]
        ('big', 'key')
    """
    said: dict[str, bool | None] = dict.fromkeys(given["segments"], True)
    left = [own for own in segments if own.name not in said]
    while left:
        names = {own.name for own in left}
        for own in [own for own in left if names.isdisjoint(own.rule.segments_asked)]:
            brought = Held(given["segments"])
            brought.named = said
            said[own.name] = own.rule.test({**given, "segments": brought}, local)
            left.remove(own)
    held = Held(name for name, verdict in said.items() if verdict is True)
    held.unknown = frozenset(name for name, verdict in said.items() if verdict is None)
    return {**given, "segments": held}
