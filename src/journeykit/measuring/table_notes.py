"""What is to be said of messages and events that were read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from journeykit.errors import closest
from journeykit.model.response import WELL_KNOWN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from journeykit.measuring.credits import Credits
    from journeykit.measuring.message_table import MessageTable
    from journeykit.playbook.playbook import Playbook

_NAMED = 5
"""So many strange names are given."""


class MessagesRead(Protocol):
    """What is asked of messages: a `MessageTable`, or a `journeykit.measuring.credit_tally.CreditTally`."""

    @property
    def not_sent(self) -> Mapping[str, int]: ...  # noqa: D102
    @property
    def repeated(self) -> int: ...  # noqa: D102
    @property
    def alike(self) -> int: ...  # noqa: D102


def not_sent_notes(messages: MessagesRead) -> Iterator[str]:
    """The touches that are no messages."""
    if messages.not_sent:
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(messages.not_sent.items()))
        yield f"touches that are no messages: {told}"


def twice_notes(messages: MessagesRead) -> Iterator[str]:
    """The messages that are in the table twice, or seem to be."""
    if messages.repeated:
        yield f"messages with the decision_id of another one of the same contact: {messages.repeated:,}"
    if messages.alike:
        what = (
            "without a decision_id, of one contact, one instant, and the same campaign, content and channel as another"
        )
        yield f"messages {what}: {messages.alike:,}; each counts. Are touches in the table twice?"


def event_notes(found: Credits) -> Iterator[str]:
    """The events that are not credited, and those that are no response."""
    yield from found.lines
    if found.others:
        yield f"events that are no response: {found.others:,}{''.join(_named(found))}"


def _named(found: Credits) -> Iterator[str]:
    """The names of events that are no response: first those near the name of one, then those that there are most of."""
    asked = [own.event for own in (*found.responses, *WELL_KNOWN)]
    near = {name: closest(name, asked) for name in found.other_names}
    order = sorted(near, key=lambda name: (near[name] is None, -found.other_names[name], name))
    # Where there are very many names, not all of their events are counted by name.
    is_whole = sum(found.other_names.values()) == found.others
    for place, name in enumerate(order[:_NAMED]):
        count = f" {found.other_names[name]:,}" if is_whole else ""
        hint = "" if near[name] is None else f" (did you mean {near[name]!r}?)"
        yield f"{', ' if place else '; '}{name!r}{count}{hint}"
    if len(order) > _NAMED:
        yield ", ..."


def unknown_campaign_notes(playbook: Playbook, messages: MessageTable) -> Iterator[str]:
    """The campaigns of messages that the playbook does not have, where it has some."""
    known = {own.id for own in playbook.campaigns or ()}
    if not known:
        return
    counts = np.bincount(messages.kind, minlength=len(messages.kinds)).tolist()
    found: Counter[str] = Counter()
    for facets, count in zip(messages.kinds, counts, strict=True):
        for name in facets.get("campaign", ()):
            if name not in known:
                found[name] += count
    yield from strange_names("campaign", found, known)


def strange_names(what: str, found: Counter[str], known: Collection[str], *, of: str = "messages") -> Iterator[str]:
    """Names that messages have and the playbook has not, with the names that may be meant."""
    most = sorted(found.items(), key=lambda own: (-own[1], own[0]))[:_NAMED]
    for name, count in most:
        hint = closest(name, known)
        meant = f"; did you mean {hint!r}?" if hint else ""
        if count:
            yield f"{of} of {what} {name!r}, which the playbook does not have: {count:,}{meant}"
    rest = sum(found.values()) - sum(count for _, count in most)
    if rest:
        yield f"{of} of other {what}s that the playbook does not have: {rest:,}"
