"""Spellings: how a playbook writes the names that columns bring in whatever case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from journeykit.model.cap import Limit
from journeykit.playbook.experiment_arms import every_cap
from journeykit.playbook.section_checks import scopes_of
from journeykit.playbook.vocabulary import Vocabulary, rules_of, send_times_of
from journeykit.rule.expression import Expression
from journeykit.rule.looks import LIST, looks_of
from journeykit.rule.values import TEXT

if TYPE_CHECKING:
    from journeykit.playbook.playbook import Playbook
    from journeykit.rule import Rule


@frozen
class Spellings:
    """How a playbook writes the names that columns bring in whatever case.

    Attributes:
        channels: by folded name, the channels of the playbook.
        topics: likewise, its topics.
        attributes: likewise, the attributes of contacts that its rules read.
        vocabulary: the words of its cells: stages, roles, channels and so on; None leaves them as they are.
        texts: the folded names of those whose text matters, because a rule compares them with a text or each other.

    Example:
        >>> from journeykit import Campaign, Playbook
        >>> playbook = Playbook(campaigns=[Campaign(id="a", audience="City == 'Skopje'")])
        >>> Spellings.of(playbook).attributes
        {'city': ('City',)}
    """

    channels: Mapping[str, tuple[str, ...]] = field(factory=dict)
    topics: Mapping[str, tuple[str, ...]] = field(factory=dict)
    attributes: Mapping[str, tuple[str, ...]] = field(factory=dict)
    vocabulary: Vocabulary | None = None
    texts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, playbook: Playbook) -> Spellings:
        """The names that a playbook uses."""
        contents = playbook.content or ()
        scoped = [part for _, scope in scopes_of(playbook) for part in (scope.match, scope.exclude)]
        channels = [content.channel for content in contents]
        channels += [name for hours in (*playbook.quiet_hours, *playbook.send_hours) for name in hours.channel]
        channels += [name for cap in playbook.caps if isinstance(cap.points, Mapping) for name in cap.points]
        topics = [topic for content in contents for topic in content.topics]
        rules = [rule for _, rule in rules_of(playbook)]
        paths = {path for rule in rules for path in rule.names}
        limits = {cap.max.attribute for cap in every_cap(playbook) if isinstance(cap.max, Limit)}
        limits |= {own.attribute for _, own in send_times_of(playbook) if own.attribute is not None}
        for own in (campaign.weight for campaign in playbook.campaigns or ()):
            paths |= set(own.attributes) if isinstance(own, Expression) else set()
        return cls(
            _folded([*channels, *(name for part in scoped for name in part.get("channel", ()))]),
            _folded([*topics, *(name for part in scoped for name in part.get("topic", ()))]),
            _folded([*paths, *(path.partition(".")[0] for path in paths), *limits]),
            Vocabulary.of(playbook),
            texts_of(rules),
        )


def texts_of(rules: Iterable[Rule]) -> frozenset[str]:
    """The folded names of the attributes whose text matters to some rules."""
    looks = (look for rule in rules for look in looks_of(rule.tree))
    return frozenset(look.path.casefold() for look in looks if look.kind in (TEXT, LIST, None))


def _folded(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        found.setdefault(name.casefold(), []).append(name)
    return {fold: tuple(spellings) for fold, spellings in found.items()}
