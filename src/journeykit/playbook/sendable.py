"""What a playbook's campaigns may send, as far as the playbook alone says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.model.cap import FACETS, Facets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from journeykit.model.cap import Scope
    from journeykit.playbook.sections import Sections

_OF_CAMPAIGNS = ("campaign", "team", "goal")
_OF_CONTENT = tuple(name for name in FACETS if name not in _OF_CAMPAIGNS)


@frozen
class Sendable:
    """A kind of message that the playbook's campaigns may send.

    Attributes:
        facets: what is known of it.
        unknown: the facets of which its claim may say something else: tags; and those that only its claim says: of a
            campaign without content all that its content would say.
        campaign: the id of its campaign.
        repeat: how many of them one contact gets at most; None for any number.
        obeys_hours: whether quiet hours, send hours and holidays can stop it.
    """

    facets: Facets
    unknown: tuple[str, ...]
    campaign: str
    repeat: int | None
    obeys_hours: bool

    def may_match(self, scope: Scope) -> bool:
        """Whether a message of this kind can be in scope."""
        return self._all(scope.match, self.unknown) and not (scope.exclude and self._all(scope.exclude, ()))

    def must_match(self, scope: Scope) -> bool:
        """Whether every message of this kind is in scope."""
        return self._all(scope.match, ()) and not (scope.exclude and self._all(scope.exclude, self.unknown))

    def _all(self, wanted: Mapping[str, tuple[str, ...]], free: Iterable[str]) -> bool:
        return all(
            name in free or not set(values).isdisjoint(self.facets.get(name, ())) for name, values in wanted.items()
        )


def sendables(playbook: Sections) -> list[Sendable] | None:
    """The kinds of messages that a playbook's campaigns may send; None where any campaign may be claimed."""
    if playbook.campaigns is None:
        return None
    content = {own.id: own for own in playbook.content or ()}
    found = []
    for campaign in playbook.campaigns:
        parts: list[Any] = [content[name] for name in campaign.content if name in content]
        # Claims may bring tags of their own.
        unknown = ("tag",) if parts else _OF_CONTENT
        found += [
            Sendable(playbook.facets(campaign, part), unknown, campaign.id, campaign.repeat, campaign.obeys_quiet_hours)
            for part in parts or [None]
        ]
    return found
