"""Vocabulary: the words that a playbook knows, and how the words of data are matched to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, field, frozen

from journeykit.errors import path_text
from journeykit.journey import Journey
from journeykit.model.campaign import EVERYWHERE
from journeykit.model.cap import Either
from journeykit.model.mismatch import FOLDED, UNKNOWN
from journeykit.model.touch import IGNORED, STATUSES
from journeykit.playbook.section_checks import scopes_of
from journeykit.rule import In, Literal, Name
from journeykit.rule.tree import AtLeast, Compare, Options

if TYPE_CHECKING:
    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.model.content import Content
    from journeykit.model.quiet_hours import Holiday, Hours
    from journeykit.model.send_at import SendAt
    from journeykit.model.touch import Touch
    from journeykit.playbook.sections import Sections
    from journeykit.rule import Rule

_MANY = 5_000
"""Among more words than these, the search for the nearest takes too long."""
_SHORT, _MIDDLE, _LONG = 4, 40, 100
_PLACES = {
    "stage": "the journey",
    "channel": "the playbook's content",
    "campaign": "the playbook's campaigns",
    "content": "the playbook's content",
    "team": "the playbook's teams",
    "status": "the list of statuses",
    "event": "what rules and rests ask for",
}
_TOUCH_WORDS = ("channel", "campaign", "content", "team", "goal", "theme")
_TOUCH_LISTS = (("topics", "topic"), ("solutions", "solution"), ("tags", "tag"))


class Sight(NamedTuple):
    """What a vocabulary says of a word that it does not have as it is written.

    Attributes:
        kind: ``folded`` or ``unknown``, as of a `Mismatch`.
        nearest: the word that was taken, or the nearest one; None where nothing is near.
        place: where the playbook names such words.
    """

    kind: str
    nearest: str | None
    place: str


@frozen(eq=False)
class Vocabulary:
    """The words that a playbook knows, by kind.

    Kinds are stages, roles, channels, campaigns, contents, teams, goals, segments, topics, solutions, interests, themes
    and statuses. A word is matched exactly first; then without blanks around it; then in whatever case, where that
    names exactly one.

    Attributes:
        words: by kind, the words.
        closed: the kinds of which the playbook lists all there are: every other word is unknown. Of the others, such as
            segments, which contacts bring, a word is unknown only where it is near one that the playbook names.

    Example:
        >>> from journeykit import Content, Playbook
        >>> known = Vocabulary.of(Playbook(content=[Content(id="note", channel="email")]))
        >>> known.spelt("channel", " Email"), known.spelt("channel", "e-mail"), known.look("channel", "e-mail").nearest
        ('email', 'e-mail', 'email')
    """

    words: Mapping[str, frozenset[str]]
    closed: frozenset[str] = frozenset()
    _folds: Mapping[str, Mapping[str, str]] = field(init=False, repr=False)
    _indices: dict[str, _Index] = field(init=False, repr=False, factory=dict)

    @_folds.default
    def _fold_all(self) -> dict[str, dict[str, str]]:
        return {kind: _folded(words) for kind, words in self.words.items()}

    @classmethod
    def of(cls, playbook: Sections) -> Vocabulary:
        """The words that a playbook uses."""
        found: dict[str, set[str]] = {}
        for kind, word in _words(playbook):
            found.setdefault(kind, set()).add(word)
        asked: dict[str, set[str]] = {}
        for _, rule in rules_of(playbook):
            for kind, literal in words_asked(rule):
                asked.setdefault(kind, set()).add(literal)
        closed = {
            "stage": playbook.journey is not None or bool(found.get("stage")),
            "role": bool(found.get("role")),
            "channel": playbook.content is not None,
            "campaign": playbook.campaigns is not None,
            "content": playbook.content is not None,
            "team": playbook.teams is not None,
            "status": True,
        }
        if playbook.journey is None:
            # Without a journey there are the default stages, and those that rules ask for.
            found.setdefault("stage", set()).update(asked.get("stage", ()), (own.name for own in Journey().stages))
        found["status"] = set(STATUSES)
        for kind in ("role", "segment"):
            found.setdefault(kind, set()).update(asked.get(kind, ()))
        return cls(
            {kind: frozenset(words) for kind, words in found.items()},
            frozenset(kind for kind, holds in closed.items() if holds),
        )

    def spelt(self, kind: str, word: str) -> str:
        """A word as the playbook writes it; one that names nothing, or several, as it came."""
        known = self.words.get(kind)
        if known is None or word in known:
            return word
        bare = word.strip()
        return bare if bare in known else self._folds[kind].get(bare.casefold(), word)

    def spelt_all(self, kind: str, words: Iterable[str]) -> tuple[str, ...]:
        """Several words as the playbook writes them, without repeats."""
        return tuple(dict.fromkeys(self.spelt(kind, word) for word in words))

    def score_key(self, key: str | tuple[str, str | None]) -> str | tuple[str, str | None]:
        """The campaign, or campaign and content, of a score as the playbook writes them."""
        if isinstance(key, str):
            return self.spelt("campaign", key)
        campaign, content = key
        return self.spelt("campaign", campaign), content and self.spelt("content", content)

    def _knows(self, kind: str, words: Iterable[str]) -> bool:
        """Whether all words are known as they are written."""
        known = self.words.get(kind)
        return known is None or known.issuperset(words)

    def look(self, kind: str, word: str) -> Sight | None:
        """The finding about a word; None for one that is known as written, or that nothing asks for."""
        known = self.words.get(kind)
        if known is None or word in known:
            return None
        place = _PLACES.get(kind, "the playbook")
        found = self.spelt(kind, word)
        if found != word:
            return Sight(FOLDED, found, place)
        nearest = self.nearest(kind, word)
        if nearest is None and kind not in self.closed:
            return None
        return Sight(UNKNOWN, nearest, place)

    def nearest(self, kind: str, word: str) -> str | None:
        """The known word that another one probably means: one or two letters more, fewer or changed; else None."""
        index = self._indices.get(kind)
        if index is None:
            index = self._indices[kind] = _Index(self.words.get(kind, frozenset()))
        return index.nearest(word)

    def channels_of(
        self, channel: str | None, campaign: Campaign | None, contents: Mapping[str, Content]
    ) -> tuple[str, ...]:
        """The channels by which a touch went: one, or one of several where nobody knows which; none where any will do.

        A word that is near a channel may mean it. Without a word it is a channel of the campaign's contents, else any.
        A word that is near none is a channel of its own.

        Args:
            channel: what the touch says, as the playbook writes it; or what its content says.
            campaign: the campaign, where it is known.
            contents: the contents of the playbook, by id.
        """
        if channel is not None:
            sight = self.look("channel", channel)
            near = None if sight is None else sight.nearest
            return (channel,) if near is None else Either((channel, near))
        own = {contents[name].channel for name in (campaign.content if campaign else ()) if name in contents}
        found = tuple(sorted(own or self.words.get("channel", frozenset())))
        return found if len(found) < 2 and own else Either(found)

    # Objects

    def contact(self, contact: Contact) -> Contact:
        """A contact in the playbook's words; the same one where nothing differs."""
        changes: dict[str, Any] = {}
        for name in ("stage", "role"):
            word = getattr(contact, name)
            if word is not None and (found := self.spelt(name, word)) != word:
                changes[name] = found
        for name, kind in (("segments", "segment"), ("interests", "interest")):
            words = getattr(contact, name)
            if words and not self._knows(kind, words) and (several := self.spelt_all(kind, words)) != words:
                changes[name] = several
        for name, kind in (("consent", "channel"), ("topic_consent", "topic"), ("preferences", "channel")):
            own: Mapping[str, object] | None = getattr(contact, name)
            if own and not self._knows(kind, own) and any(self.spelt(kind, word) != word for word in own):
                # What is written as the playbook does wins over what is not.
                exact = {word: value for word, value in own.items() if self.spelt(kind, word) == word}
                changes[name] = {self.spelt(kind, word): value for word, value in own.items()} | exact
        return evolve(contact, **changes) if changes else contact

    def touch(self, touch: Touch) -> Touch:
        """A touch in the playbook's words; the same one where nothing differs."""
        changes: dict[str, Any] = {}
        for name in _TOUCH_WORDS:
            word = getattr(touch, name)
            if word is not None and (found := self.spelt(name, word)) != word:
                changes[name] = found
        for name, kind in _TOUCH_LISTS:
            words = getattr(touch, name)
            if words and (several := self.spelt_all(kind, words)) != words:
                changes[name] = several
        return evolve(touch, **changes) if changes else touch

    def claim(self, claim: Claim) -> Claim:
        """A claim in the playbook's words; the same one where nothing differs."""
        changes: dict[str, Any] = {}
        # A claim's own data may be bad: that is judged elsewhere.
        for name in _TOUCH_WORDS:
            word: object = getattr(claim, name)
            if isinstance(word, str) and (found := self.spelt(name, word)) != word:
                changes[name] = found
        for name, kind in _TOUCH_LISTS:
            words: object = getattr(claim, name)
            if words and isinstance(words, tuple) and all(isinstance(one, str) for one in words):
                several = self.spelt_all(kind, words)
                if several != words:
                    changes[name] = several
        return evolve(claim, **changes) if changes else claim


class _Index:
    """Words by what is left of them when letters are dropped: what is near is found without trying all."""

    def __init__(self, words: Iterable[str]) -> None:
        self._of: list[dict[str, list[str]]] = [{}, {}, {}]
        known = sorted(words)
        if len(known) > _MANY:
            return
        for word in known:
            for dropped, variants in enumerate(_variants(_bare(word))):
                for variant in variants:
                    self._of[dropped].setdefault(variant, []).append(word)

    def nearest(self, word: str) -> str | None:
        bare = _bare(word)
        if len(bare) > _LONG:
            return None
        variants = _variants(bare)
        # As many letters may differ as are dropped: nothing, a letter too many or too few, then a letter changed.
        for own, other in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2)):
            if len(bare) <= _SHORT and own and other:
                break
            found = [
                near
                for variant in variants[own]
                for near in self._of[other].get(variant, ())
                # Tier 1 is no misspelt tier 2, nor is spring 2025 that of 2026.
                if _digits(near) == _digits(word) and not (own and other and len(_bare(near)) <= _SHORT)
            ]
            if found:
                return min(found)
        return None


def _digits(word: str) -> str:
    return "".join(char for char in word if char.isdigit())


def _bare(word: str) -> str:
    return "".join(char for char in word.casefold() if char.isalnum())


def _variants(bare: str) -> tuple[set[str], set[str], set[str]]:
    """A word, and what is left of it without one and, if it is long, without two letters."""
    one = {bare[:at] + bare[at + 1 :] for at in range(len(bare))} if 2 < len(bare) <= _LONG else set()
    two = {own[:at] + own[at + 1 :] for own in one for at in range(len(own))} if 7 < len(bare) <= _MIDDLE else set()
    return {bare}, one, two


def _folded(words: Iterable[str]) -> dict[str, str]:
    """By folded word the one word that is meant; those that mean several are left out."""
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(word.strip().casefold(), []).append(word)
    return {fold: own[0] for fold, own in found.items() if len(own) == 1}


def names_of(playbook: Sections) -> Iterator[tuple[str, str, str]]:
    """Every name that a playbook writes: its kind, where it is, and how it is spelled."""
    journey = playbook.journey
    for at, stage in enumerate(journey.stages if journey else ()):
        yield "stage", f"journey.stages[{at}].name", stage.name
        if stage.owner:
            yield "department", f"journey.stages[{at}].owner", stage.owner
    for at, segment in enumerate(playbook.segments):
        yield "segment", f"segments[{at}].name", segment.name
    for at, team in enumerate(playbook.teams or ()):
        yield "team", f"teams[{at}].name", team.name
        yield "department", f"teams[{at}].department", team.department
        speaks = ((place, name) for place, name in enumerate(team.speaks) if name != EVERYWHERE)
        yield from (("department", f"teams[{at}].speaks[{place}]", name) for place, name in speaks)
        if team.goal:
            yield "goal", f"teams[{at}].goal", team.goal
    yield from _content_names(playbook)
    for at, campaign in enumerate(playbook.campaigns or ()):
        yield "campaign", f"campaigns[{at}].id", campaign.id
        named = (("team", campaign.team), ("goal", campaign.goal))
        yield from ((kind, f"campaigns[{at}].{kind}", name) for kind, name in named if name)
        yield from (("tag", f"campaigns[{at}].tags[{n}]", name) for n, name in enumerate(campaign.tags))
        yield from (("stage", f"campaigns[{at}].stages[{n}]", name) for n, name in enumerate(campaign.stages))
    rules = ("caps", "conflicts", "requirements", "quotas", "levers", "rests", "responses", "experiments", "guards")
    for section in rules:
        for at, rule in enumerate(getattr(playbook, section)):
            yield f"name of {section}", f"{section}[{at}].name", rule.name
    for steps, scope in scopes_of(playbook):
        where = path_text(steps)
        for part, values in ((where, scope.match), (f"{where}.not", scope.exclude)):
            yield from ((facet, f"{part}.{facet}", name) for facet, own in values.items() for name in own)
    for at, cap in enumerate(playbook.caps):
        if isinstance(cap.points, Mapping):
            yield from (("channel", f"caps[{at}].points.{name}", name) for name in cap.points)
    for at, channel in enumerate(playbook.channels):
        yield "channel", f"channels[{at}].name", channel.name
    for path, hours in hours_of(playbook):
        yield from (("channel", f"{path}.channel", name) for name in hours.channel)


def _content_names(playbook: Sections) -> Iterator[tuple[str, str, str]]:
    for at, content in enumerate(playbook.content or ()):
        path = f"content[{at}]"
        yield "content", f"{path}.id", content.id
        yield "channel", f"{path}.channel", content.channel
        if content.theme:
            yield "theme", f"{path}.theme", content.theme
        for kind, part, names in (
            ("stage", "stages", content.stages),
            ("stage", "advances", content.advances),
            ("role", "roles", content.roles),
            ("topic", "topics", content.topics),
            ("solution", "solutions", content.solutions),
            ("tag", "tags", content.tags),
        ):
            yield from ((kind, f"{path}.{part}", name) for name in names or ())


def hours_and_holidays(playbook: Sections) -> Iterator[tuple[str, str, Hours | Holiday]]:
    """Quiet hours, send hours and holidays, each with its path and what it is called."""
    for section, words in (("quiet_hours", "quiet hours"), ("send_hours", "send hours"), ("holidays", "holiday")):
        yield from ((f"{section}[{at}]", words, own) for at, own in enumerate(getattr(playbook, section)))


def send_times_of(playbook: Sections) -> Iterator[tuple[str, SendAt]]:
    """The times of day at which campaigns and channels send, each with what it is of."""
    for channel in playbook.channels:
        if channel.send_at is not None:
            yield f"the channel {channel.name!r}", channel.send_at
    for campaign in playbook.campaigns or ():
        if campaign.send_at is not None:
            yield f"the campaign {campaign.id!r}", campaign.send_at


def hours_of(playbook: Sections) -> Iterator[tuple[str, Hours]]:
    """Quiet and send hours, each with its path."""
    for section in ("quiet_hours", "send_hours"):
        yield from ((f"{section}[{at}]", hours) for at, hours in enumerate(getattr(playbook, section)))


def _words(playbook: Sections) -> Iterator[tuple[str, str]]:
    """The words of a playbook with their kinds, those of its rules about contacts aside."""
    for kind, _, name in names_of(playbook):
        yield kind, name
        if kind in ("topic", "solution"):
            yield "interest", name
    yield from (("event", name) for name in events_of(playbook.journey))
    yield from (("event", name) for _, rule in rules_of(playbook) for name in rule.events if name != IGNORED)
    for rest in playbook.rests_by_event:
        yield from (("event", name) for name in (rest.event, *rest.response) if name != IGNORED)
    yield from (("event", response.event) for response in playbook.responses)


def events_of(journey: Journey | None) -> Iterator[str]:
    """The events that a journey asks for."""
    for way in () if journey is None else journey.transitions:
        yield from (name for name in (way.event, way.without) if name is not None)
        yield from (own.event for own in (() if way.when is None else way.when.aggregates))
    for stage in () if journey is None else journey.stages:
        yield from (own.event for own in (() if stage.qualified is None else stage.qualified.aggregates))


def rules_of(playbook: Sections) -> Iterator[tuple[str, Rule]]:
    """The rules about contacts that decisions ask, each with its path: all audiences, and segments."""
    for at, campaign in enumerate(playbook.campaigns or ()):
        if campaign.audience is not None:
            yield f"campaigns[{at}].audience", campaign.audience
    for at, cap in enumerate(playbook.caps):
        if cap.audience is not None:
            yield f"caps[{at}].audience", cap.audience
    for at, lever in enumerate(playbook.levers):
        if lever.when is not None:
            yield f"levers[{at}].when", lever.when
    for path, _, hours in hours_and_holidays(playbook):
        if hours.audience is not None:
            yield f"{path}.audience", hours.audience
    for at, segment in enumerate(playbook.segments):
        yield f"segments[{at}].rule", segment.rule


def unknown_words_asked(playbook: Sections) -> Iterator[tuple[str, str, str, Sight]]:
    """The stages and roles that rules ask for and the playbook does not name.

    Yields:
        The path of the rule, the kind of the word, the word, and what is to be said of it. Of roles, and of stages
        without a journey, only those that are near a known one: contacts may bring others.
    """
    words: dict[str, set[str]] = {}
    for kind, word in _words(playbook):
        if kind in ("stage", "role"):
            words.setdefault(kind, set()).add(word)
    if playbook.journey is None:
        words.setdefault("stage", set()).update(own.name for own in Journey().stages)
    closed = frozenset(["stage"] if playbook.journey is not None else [])
    known = Vocabulary({kind: frozenset(own) for kind, own in words.items()}, closed)
    for path, rule in rules_of(playbook):
        for kind, word in words_asked(rule):
            sight = known.look(kind, word)
            if sight is not None:
                yield path, kind, word, sight


_ASKED = {"stage": "stage", "role": "role", "segments": "segment"}


def words_asked(rule: Rule) -> Iterator[tuple[str, str]]:
    """The texts with which a rule compares a contact's stage, role or segments, each with its kind."""
    for node in rule.tree.walk():
        if isinstance(node, Compare) and node.op in ("==", "!="):
            for name, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(name, Name) and name.path in ("stage", "role") and isinstance(other, Literal):
                    yield from _texts(name.path, [other])
        elif isinstance(node, AtLeast):
            yield "stage", node.least
        elif isinstance(node, In):
            if isinstance(node.item, Name) and node.item.path in ("stage", "role") and isinstance(node.among, Options):
                yield from _texts(node.item.path, node.among.literals)
            elif isinstance(node.among, Name) and node.among.path == "segments" and isinstance(node.item, Literal):
                yield from _texts("segments", [node.item])


def _texts(path: str, literals: Iterable[Literal]) -> Iterator[tuple[str, str]]:
    for literal in literals:
        if isinstance(literal.value, str):
            yield _ASKED[path], literal.value
