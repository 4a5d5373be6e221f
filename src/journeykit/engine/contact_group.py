"""A contact group: contacts that are decided together, and all that their decision is made from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from journeykit.basics.validation import all_of, shown
from journeykit.errors import ModelError
from journeykit.model.touch import Touch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from journeykit.model.claim import Claim, Scored, Scores
    from journeykit.model.contact import Contact

QuotaChoice = tuple[frozenset[int] | None, frozenset[int] | None]
"""What a run with quotas chose for a group, in the round of exempt claims and in the main one: items, by their places
in the order of claims; None where it has not chosen yet."""


class ContactInputs:
    """What the decision about one contact is made from, besides the contact record.

    Attributes:
        touches: the contact's history.
        claims: the claims; None makes one claim of every campaign's every content.
        scores: by campaign id, or by campaign and content.
        bad_claims: how many of the claims are counted as bad rows already.
    """

    __slots__ = ("bad_claims", "claims", "scores", "touches")

    def __init__(
        self, touches: Iterable[Touch], claims: Iterable[Claim] | None, scores: Scores | None, bad_claims: int = 0
    ) -> None:
        self.touches = touches
        self.claims = claims
        self.scores: Scores = scores or {}
        self.bad_claims = bad_claims


class ContactGroup:
    """Contacts that are decided together: those of one account where caps count per account; else one contact.

    Attributes:
        contacts: the contacts.
        inputs: by contact id, what the decision about each is made from.
        at: the instant of the decision.
        until: the last instant of a plan, or None.
        scored: the ids of campaigns whose claims need a score, besides those that say so.
        colleagues: the touches of contacts of the account that are not decided now.
    """

    __slots__ = ("at", "colleagues", "contacts", "inputs", "scored", "until")

    def __init__(
        self,
        contacts: Sequence[Contact],
        inputs: Mapping[str, ContactInputs],
        *,
        at: datetime,
        until: datetime | None = None,
        scored: Scored = (),
        colleagues: Sequence[Touch] = (),
    ) -> None:
        self.contacts = contacts
        self.inputs = inputs
        self.at = at
        self.until = until
        self.scored = scored
        self.colleagues = colleagues

    @classmethod
    def of(
        cls,
        contacts: Sequence[Contact],
        touches: Iterable[Touch],
        claims: Mapping[str, Iterable[Claim]] | None,
        scores: Mapping[str, Scores] | None,
        *,
        at: datetime,
        until: datetime | None = None,
        scored: Scored = (),
    ) -> ContactGroup:
        """A group whose touches come in one list, in any order, and are sorted out here.

        Args:
            contacts: the contacts, all of one account, or one without.
            touches: the touches of the account.
            claims: by contact id; None makes one claim of every campaign's every content, for each contact.
            scores: by contact id, and then by campaign, or by campaign and content.
            at: the instant of the decision.
            until: the last instant of a plan, or None.
            scored: the ids of campaigns whose claims need a score, besides those that say so.

        Raises:
            ModelError: for contacts of several accounts, a contact that is given twice, and touches, claims or scores
                that belong to none of the contacts.
        """
        _check(contacts, claims, scores)
        own, colleagues = _sorted_out(contacts, all_of(Touch, touches, "touches"))
        inputs = {
            contact.id: ContactInputs(
                own[contact.id],
                None if claims is None else claims.get(contact.id, ()),
                None if scores is None else scores.get(contact.id),
            )
            for contact in contacts
        }
        return cls(contacts, inputs, at=at, until=until, scored=scored, colleagues=colleagues)

    def key(self, *, by_account: bool) -> str:
        """What tells the group from all others: the account where caps count per account, else the contact id."""
        first = self.contacts[0]
        return first.id if first.account is None or not by_account else f"account {first.account}"


def grouped(
    contacts: Iterable[Contact], make: Callable[[list[Contact]], ContactGroup], *, by_account: bool
) -> list[ContactGroup]:
    """Contacts in groups, in the order in which the first contact of each comes.

    Args:
        contacts: the contacts.
        make: makes a group of contacts.
        by_account: whether caps count per account.
    """
    found: dict[tuple[str, str], list[Contact]] = {}
    for contact in contacts:
        alone = contact.account is None or not by_account
        found.setdefault(("contact", contact.id) if alone else ("account", str(contact.account)), []).append(contact)
    return [make(own) for own in found.values()]


def _check(contacts: Sequence[Contact], *by_contact: Mapping[str, object] | None) -> None:
    ids = {contact.id for contact in contacts}
    accounts = {contact.account for contact in contacts}
    if len(ids) < len(contacts):
        twice = sorted(contact.id for contact in contacts)
        again = next(one for one, other in pairwise(twice) if one == other)
        raise ModelError(f"the contact {again!r} is given twice", field="contacts")
    if len(accounts) > 1:
        named = ", ".join(sorted(repr(account) for account in accounts))
        raise ModelError(f"contacts that are decided together are of one account, found {named}", field="contacts")
    if len(contacts) > 1 and None in accounts:
        raise ModelError("a contact without an account is an account of one: decide each alone", field="contacts")
    for name, given in zip(("claims", "scores"), by_contact, strict=True):
        if given is not None and not isinstance(given, Mapping):
            raise ModelError(f"{name} are given by contact id, as a mapping, found {shown(given)}", field=name)
        strange = sorted(set(given or ()) - ids)
        if strange:
            raise ModelError(f"{name} are given for {strange[0]!r}, who is none of the contacts", field=name)


def _sorted_out(contacts: Sequence[Contact], touches: Sequence[Touch]) -> tuple[dict[str, list[Touch]], list[Touch]]:
    """The touches of each contact, and those of colleagues that are not decided now."""
    own: dict[str, list[Touch]] = {contact.id: [] for contact in contacts}
    only = contacts[0]
    colleagues = []
    for touch in touches:
        if touch.contact is None and len(contacts) > 1:
            raise ModelError(
                f"a touch must name its contact where several contacts are decided together, found {shown(touch)}",
                field="touches",
            )
        name = only.id if touch.contact is None else touch.contact
        if name in own:
            own[name].append(touch)
        elif only.account is not None and touch.account == only.account:
            colleagues.append(touch)
    return own, colleagues
