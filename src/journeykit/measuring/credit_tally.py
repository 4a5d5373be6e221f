"""What became of messages and events that were credited, as numbers that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import Factory, asdict, define, frozen

from journeykit.measuring.credits import Credits
from journeykit.measuring.response_count import OUT_OF_SCOPE, UNKNOWN_CAMPAIGN, ResponseCount
from journeykit.measuring.table_notes import event_notes, not_sent_notes, strange_names, twice_notes
from journeykit.model.bad_row import BadRow
from journeykit.model.response import responses_of
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.measuring.message_table import MessageTable
    from journeykit.playbook.playbook import Playbook

_SUMS = ("contacts", "messages", "earlier", "outside", "strangers", "no_cost", "repeated", "alike", "credits", "others")
_SETS = ("not_sent", "campaigns", "other_names", "seen", "properties")


@frozen(kw_only=True)
class CreditSummary:
    """What became of the messages and events of tables.

    Attributes:
        contacts: how many contacts have touches, or are in the table of contacts.
        messages: how many messages there are.
        earlier: how many there are besides, from before the start, to which events may be credited.
        not_sent: by status, how many touches are no messages.
        outside: how many messages are left out, because of the start and the end.
        strangers: how many messages have contacts that the table of contacts lacks.
        no_cost: how many messages have a cost that is no number from 0 on.
        repeated: how many messages have a decision id that another one of the same contact has too.
        alike: how many messages without a decision id are the same as another.
        credits: how many rows of credit there are: an event that is shared counts once for each message.
        responses: what became of the events of each response.
        others: how many events have a name that no response asks for.
        bad_rows: how many rows could not be used.
        bad: the first of them.
        notes: what else is worth knowing.
    """

    contacts: int
    messages: int
    earlier: int
    not_sent: Mapping[str, int]
    outside: int
    strangers: int
    no_cost: int
    repeated: int
    alike: int
    credits: int
    responses: tuple[ResponseCount, ...]
    others: int
    bad_rows: int
    bad: tuple[BadRow, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            **asdict(self, recurse=False),
            "not_sent": dict(self.not_sent),
            "responses": [own.to_dict() for own in self.responses],
            "bad": [str(own) for own in self.bad],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = [f"{self.messages:,} messages to {self.contacts:,} contacts"]
        lines += [f"  {own.response}: {own.credited:,} of {own.events:,} events are credited" for own in self.responses]
        return "\n".join([*lines, *self.notes])


@define(kw_only=True)
class CreditTally:
    """What became of messages and events, of all or of some of the contacts: parts add up to the whole, in any order.

    Attributes:
        contacts: how many contacts have touches, or are in the table of contacts.
        messages: how many messages there are.
        earlier: how many there are besides, from before the start, to which events may be credited.
        not_sent: by status, how many touches are no messages.
        outside: how many messages are left out, because of the start and the end.
        strangers: how many messages have contacts that the table of contacts lacks.
        no_cost: how many messages have a cost that is no number from 0 on.
        repeated: how many messages have a decision id that another one of the same contact has too.
        alike: how many messages without a decision id are the same as another.
        campaigns: by campaign that touches name, how many messages are of it.
        credits: how many rows of credit there are: an event that is shared counts once for each message.
        responses: by response, what became of its events.
        strange: by response, the campaigns that events name and that no message of their part has, with how many.
        others: how many events have a name that no response asks for.
        other_names: by these names, how many, as far as the names are few.
        seen: the names of events that there are, as far as they are those of responses.
        properties: the names of the properties that these events have.
        bad: the rows that could not be used.
    """

    contacts: int = 0
    messages: int = 0
    earlier: int = 0
    not_sent: Counter[str] = Factory(Counter)
    outside: int = 0
    strangers: int = 0
    no_cost: int = 0
    repeated: int = 0
    alike: int = 0
    campaigns: Counter[str] = Factory(Counter)
    credits: int = 0
    responses: dict[str, ResponseCount] = Factory(dict)
    strange: dict[str, Counter[str]] = Factory(dict)
    others: int = 0
    other_names: Counter[str] = Factory(Counter)
    seen: set[str] = Factory(set)
    properties: set[str] = Factory(set)
    bad: BadRows = Factory(BadRows)

    @classmethod
    def of(cls, messages: MessageTable, found: Credits, bad: BadRows) -> CreditTally:
        """What became of messages and of the events that were credited to them.

        Args:
            messages: the messages.
            found: what is credited to them.
            bad: the rows of both tables that could not be used.
        """
        counts = np.bincount(messages.kind, minlength=len(messages.kinds)).tolist()
        campaigns: Counter[str] = Counter()
        for facets, count in zip(messages.kinds, counts, strict=True):
            campaigns.update(dict.fromkeys(facets.get("campaign", ()), count))
        return cls(
            contacts=len(messages.ids),
            messages=len(messages),
            earlier=0 if messages.earlier is None else len(messages.earlier),
            **{name: getattr(messages, name) for name in ("outside", "strangers", "no_cost", "repeated", "alike")},
            not_sent=Counter(messages.not_sent),
            campaigns=campaigns,
            credits=len(found),
            responses={own.response: own for own in found.counts},
            strange={name: Counter(own) for name, own in found.strange.items()},
            others=found.others,
            other_names=Counter(found.other_names),
            seen=set(found.seen),
            properties=set(found.properties),
            bad=bad,
        )

    def merge(self, other: CreditTally) -> None:
        """Count what a part has counted that has other contacts; it is not changed."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _SETS:
            getattr(self, name).update(getattr(other, name))
        for name, count in other.responses.items():
            self.responses[name] = self.responses[name].plus(count) if name in self.responses else count
        for name, strange in other.strange.items():
            self.strange.setdefault(name, Counter()).update(strange)
        self.bad.merge(other.bad)

    def counts(self, playbook: Playbook) -> tuple[ResponseCount, ...]:
        """What became of the events of each response: the playbook's, then the well-known ones that there are.

        Args:
            playbook: the rule set.
        """
        return tuple(
            self._known(playbook, self.responses.get(own.name, ResponseCount(own.name, 0, 0))).hinted(
                own, {*self.other_names, *self.seen}, self.properties
            )
            for own in responses_of(playbook.responses, self.seen)
        )

    def _known(self, playbook: Playbook, count: ResponseCount) -> ResponseCount:
        """The events that name a campaign which neither the playbook nor a message of any contact has."""
        known = {*self.campaigns, *(own.id for own in playbook.campaigns or ())}
        strange = sum(times for name, times in self.strange.get(count.response, {}).items() if name not in known)
        return count.moved(OUT_OF_SCOPE, UNKNOWN_CAMPAIGN, strange) if strange else count

    def summary(self, playbook: Playbook) -> CreditSummary:
        """The same as a summary.

        Args:
            playbook: the rule set.
        """
        return CreditSummary(
            **{name: getattr(self, name) for name in _SUMS},
            not_sent=dict(sorted(self.not_sent.items())),
            responses=self.counts(playbook),
            bad_rows=self.bad.total,
            bad=tuple(self.bad.first),
            notes=tuple(self.notes(playbook)),
        )

    def notes(self, playbook: Playbook) -> Iterator[str]:
        """What is to be said of the tables, a line each.

        Args:
            playbook: the rule set.
        """
        yield from sorted(self.bad.lines())
        yield from not_sent_notes(self)
        known = {own.id for own in playbook.campaigns or ()}
        if known:
            found = Counter({name: count for name, count in self.campaigns.items() if name not in known})
            yield from strange_names("campaign", found, known)
        yield from twice_notes(self)
        yield from event_notes(self._events(playbook))

    def _events(self, playbook: Playbook) -> Credits:
        """What became of the events, without the rows of credit."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        return Credits(
            responses=responses_of(playbook.responses, self.seen),
            message=whole,
            response=whole,
            event=whole,
            at=whole,
            value=real,
            share=real,
            counts=self.counts(playbook),
            others=self.others,
            other_names=self.other_names,
        )
