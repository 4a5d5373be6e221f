"""Segments: named rules that tell contacts apart, one definition for all departments."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.validation import instance, optional_text, required_text
from journeykit.rule import Rule
from journeykit.rule.values import Held, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from journeykit.model.contact import Contact


def _rule(value: Rule | str) -> Rule:
    return Rule(value) if isinstance(value, str) else value


@frozen(kw_only=True)
class Segment:
    """A name for the contacts of whom a rule is true.

    Attributes:
        name: which; audiences, caps and policies see it among the contact's ``segments``.
        rule: the rule that selects contacts. It may ask for other segments of the playbook by their names, as in
            ``"enterprise" in segments``; whatever else it asks of ``segments``, such as their number, sees those that
            the contact brings itself.
        description: for people; None for none.
        uses: the segments of the playbook for which its rule asks; the playbook fills them in.

    Example:
        >>> Segment(name="enterprise", rule="employees >= 500").rule
        Rule(text='employees >= 500')
    """

    name: str = field(validator=required_text)
    rule: Rule = field(converter=_rule, validator=instance(Rule))
    description: str | None = field(default=None, validator=optional_text)
    uses: tuple[Segment, ...] = field(default=(), init=False, eq=False, repr=False)

    def verdict(self, values: Mapping[str, Any], local: datetime, known: dict[str, Verdict]) -> Verdict:
        """Whether the rule is true of a contact; None where that is unknown.

        Args:
            values: what is known of the contact.
            local: the instant at which the rule is asked, in the contact's zone.
            known: by name, what was said of the contact at that instant before; what is said now is added.
        """
        if not self.uses:
            return self.rule.compiled(values, local)
        if self.name not in known:
            own = Held(values["segments"])
            own.named = {
                used.name: True if used.name in own else used.verdict(values, local, known) for used in self.uses
            }
            known[self.name] = self.rule.compiled({**values, "segments": own}, local)
        return known[self.name]


def segments_of(segments: Iterable[Segment], contact: Contact, local: datetime) -> Held:
    """The segments of a contact: those that it brings itself, then those whose rules are true of it, in their order.

    Beside them, those whose rules are unknown.

    Args:
        segments: the named ones.
        contact: who.
        local: the instant at which the rules are asked, in the contact's zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Contact
        >>> named = [Segment(name="big", rule="employees >= 500"), Segment(name="small", rule="employees < 20")]
        >>> acme = Contact(id="anna", segments=["vip"], attributes={"employees": 700})
        >>> segments_of(named, acme, datetime(2026, 11, 5, tzinfo=UTC))
        ('vip', 'big')
    """
    values, own, known = contact.values(), contact.segments, dict[str, Verdict]()
    verdicts = [
        (
            segment.name,
            segment.verdict(values, local, known) if segment.uses else segment.rule.compiled(values, local),
        )
        for segment in segments
        if segment.name not in own
    ]
    found = Held((*own, *(name for name, verdict in verdicts if verdict is True)))
    found.unknown = frozenset(name for name, verdict in verdicts if verdict is None)
    return found


def segmented(segments: Iterable[Segment], contact: Contact, local: datetime) -> Contact:
    """The contact with all its segments; the arguments are those of `segments_of`."""
    found = segments_of(segments, contact, local)
    if len(found) == len(contact.segments) and not found.unknown:
        return contact
    # A copy, not attrs' evolve: that would check every field again, for each contact of each decision.
    made = copy(contact)
    object.__setattr__(made, "segments", found)
    return made
