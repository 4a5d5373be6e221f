"""Words of consent: what contacts have said about being written to, and which of it holds.

A contact says no, or yes, to everything, to one channel, to one topic, or is suppressed. Each word is kept with its own
instant, and speaks for its own scope alone. What holds for a scope is the latest word by its own instant, in whatever
order words arrive, from calls and send logs alike; where two words have the same instant the no wins.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from journeykit.basics.validation import shown
from journeykit.errors import ModelError
from journeykit.ledger.reservation import check_held
from journeykit.model.contact import ANY, Consent, Contact
from journeykit.model.mismatch import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.engine.ruleset import Ruleset
    from journeykit.ledger.reservation import Reservation
    from journeykit.model.mismatch import Mismatches
    from journeykit.playbook.vocabulary import Vocabulary

Scope = tuple[str, str | None, str | None, bool]
"""Whose word it is, its channel and its topic, where it is about one, and whether it is about suppression."""


@frozen(kw_only=True)
class ConsentWord:
    """A word of consent, as the ledger holds it. A no that holds wins over any contact row.

    Attributes:
        person: a hash of the contact's id, which stays when the contact is forgotten.
        contact: the contact's id; None once the contact is forgotten.
        channel: the channel that it is about; None where it is not about one channel.
        topic: the topic that it is about; None where it is not about one topic.
        suppressed: whether it is about suppression: nothing may go at all, whatever a campaign says, after a hard
            bounce, a complaint, or for a legal reason.
        at: when it was said, UTC.
        taken_back: whether it is a yes: from then on, an earlier no of the same scope does not hold.

    Raises:
        ModelError: for a word about more than one of a channel, a topic and suppression.

    Example:
        >>> from datetime import UTC
        >>> at = datetime(2026, 11, 5, tzinfo=UTC)
        >>> ConsentWord(person="p", contact="anna", topic="promo", at=at).about
        'topic promo'
    """

    person: str
    contact: str | None
    at: datetime
    channel: str | None = None
    topic: str | None = None
    suppressed: bool = False
    taken_back: bool = False

    def __attrs_post_init__(self) -> None:
        for name in ("channel", "topic"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise ModelError(f"{name} must be a text that is not empty, or None; found {shown(value)}", field=name)
            check_held(f"{name} of a word of consent", value)
        if sum((self.channel is not None, self.topic is not None, self.suppressed)) > 1:
            raise ModelError(
                "a word of consent is about everything, one channel, one topic, or suppression; give at most one of "
                "channel, topic and suppressed",
                field="suppressed" if self.suppressed else "topic",
            )

    @property
    def what(self) -> Scope:
        """Whose word it is, and its scope."""
        return self.person, self.channel, self.topic, self.suppressed

    @property
    def about(self) -> str:
        """Its scope, as a text."""
        if self.suppressed:
            return "suppressed"
        if self.channel is not None:
            return f"channel {self.channel}"
        return "everything" if self.topic is None else f"topic {self.topic}"


def standing(said: Iterable[ConsentWord]) -> list[ConsentWord]:
    """The opt-outs that hold, of all that was ever said: for each scope the latest word, if it is a no.

    They come by instant, then by scope, and so do not depend on the order of the words.

    Example:
        >>> from datetime import UTC
        >>> no = ConsentWord(person="p", contact="anna", at=datetime(2026, 11, 6, tzinfo=UTC))
        >>> early, late = (evolve(no, taken_back=True, at=datetime(2026, 11, day, tzinfo=UTC)) for day in (4, 8))
        >>> standing([no, early]) == [no], standing([late, no])
        (True, [])
    """
    last: dict[Scope, ConsentWord] = {}
    for word in said:
        known = last.get(word.what)
        if known is None or (known.at, not known.taken_back) < (word.at, not word.taken_back):
            last[word.what] = word
    found = [word for word in last.values() if not word.taken_back]
    return sorted(found, key=lambda no: (no.at, no.suppressed, no.channel or "", no.topic or "", no.person))


def is_known(word: ConsentWord, said: Iterable[ConsentWord]) -> bool:
    """Whether this very word, of its scope and instant, is among those that were said."""
    return any(own.what == word.what and own.at == word.at and own.taken_back == word.taken_back for own in said)


def left_alone(contact: Contact, words: Iterable[ConsentWord], vocabulary: Vocabulary) -> Contact:
    """A contact for whom the opt-outs of the ledger have won over what the caller says.

    Both are read in the playbook's words: an opt-out of ``Email`` stops what the contact row allows as ``email``, and
    so does one of ``e-mail``, where the playbook knows no such channel; see `held_for`.

    Example:
        >>> from datetime import UTC
        >>> from journeykit import Playbook
        >>> from journeykit.playbook.vocabulary import Vocabulary
        >>> since = datetime(2026, 11, 5, tzinfo=UTC)
        >>> word = ConsentWord(person="", contact="anna", channel="sms", at=since)
        >>> anna = Contact(id="anna", consent=["sms", "email"])
        >>> left_alone(anna, [word], Vocabulary.of(Playbook())).consent_for("sms", 0)
        False
    """
    own = list(words)
    if own:
        contact = vocabulary.contact(contact)
    for word in own:
        no = dict.fromkeys(held_for(word, vocabulary), Consent(False))
        if word.suppressed:
            contact = evolve(contact, suppressed=True)
        elif word.topic is not None:
            contact = evolve(contact, topic_consent={**contact.topic_consent, **no})
        elif word.channel is not None:
            contact = evolve(contact, consent={**(contact.consent or {}), **no})
        else:
            contact = evolve(contact, opted_out=True)
    return contact


def held_for(no: ConsentWord, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The channels or topics that an opt-out holds for, in the playbook's words.

    One that the playbook does not know may be a misspelt one: the opt-out holds for the nearest that it knows too. A
    yes takes back only the very scope that it names, so a misspelt yes allows nothing.

    Example:
        >>> from datetime import UTC
        >>> from journeykit import Content, Playbook
        >>> from journeykit.playbook.vocabulary import Vocabulary
        >>> known = Vocabulary.of(Playbook(content=[Content(id="note", channel="email")]))
        >>> no = ConsentWord(person="", contact="anna", channel="e-mail", at=datetime(2026, 11, 5, tzinfo=UTC))
        >>> held_for(no, known)
        ('e-mail', 'email')
    """
    kind = "topic" if no.channel is None else "channel"
    word = no.topic if no.channel is None else no.channel
    if word is None:
        return ()
    found = vocabulary.spelt(kind, word)
    if found in vocabulary.words.get(kind, ()):
        return (found,)
    near = vocabulary.nearest(kind, word)
    return (found,) if near is None else (found, near)


def forbids(no: ConsentWord, held: Reservation, compiled: Ruleset) -> bool:
    """Whether an opt-out forbids a message that is reserved, as the playbook judges it now."""
    if no.suppressed:
        return True
    vocabulary = compiled.vocabulary
    known = vocabulary.spelt("campaign", held.campaign or "")
    campaign = compiled.campaigns.get(known)
    if campaign is not None and not campaign.needs_consent:
        return False
    own = held_for(no, vocabulary)
    if no.channel is not None:
        return held.channel is not None and vocabulary.spelt("channel", held.channel) in own
    if no.topic is None:
        return True
    content = compiled.contents.get(vocabulary.spelt("content", held.content or ""))
    topics = {*vocabulary.spelt_all("topic", held.topics), *(() if content is None else content.topics)}
    return not topics.isdisjoint(own)


def tell_unknown(held: Iterable[ConsentWord], vocabulary: Vocabulary, found: Mismatches) -> None:
    """Count opt-outs whose channel or topic the playbook does not write so."""
    count = Counter(
        ("topic", no.topic) if no.channel is None else ("channel", no.channel)
        for no in held
        if no.channel is not None or no.topic is not None
    )
    for (kind, word), rows in count.items():
        known = vocabulary.words.get(kind, frozenset())
        if word is None or word == ANY or word in known or not known:
            continue
        sight = vocabulary.look(kind, word)
        near = None if sight is None else sight.nearest
        found.add(
            "ledger",
            kind,
            UNKNOWN if sight is None else sight.kind,
            word,
            rows=rows,
            expected=near,
            place=f"the playbook's {kind}s",
            effect=f"the opt-out holds for {near!r} too" if sight and near and sight.kind == UNKNOWN else "",
            # To be careful is right, and what was said of other playbooks' words is no fault.
            harmless=True,
        )
