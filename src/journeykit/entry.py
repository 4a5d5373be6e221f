"""Entries and winners: the claims of one case, before and after."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from journeykit.basics.clock import micros

if TYPE_CHECKING:
    from datetime import date

    from journeykit.compiled import Degrees, Effects
    from journeykit.eligibility import Opening
    from journeykit.model.claim import Claim

Level = tuple[int, int]
"""Tier and rank: the smaller is decided first."""


class Entry:
    """One claim in a case.

    Attributes:
        opening: what it asks to send; None where that is not known.
        claim: the claim.
        group: claims of one group exclude each other: the contents of one wish.
        asked: the instants at which it could go if it were eligible.
        instants: those at which it is.
        weight: in millionths, or None where it was not weighed.
        obeys_caps: whether caps can stop it.
        level: tier and rank.
        factors: what the weight is made of.
        fit: how far it fits the contact, once that has been asked.
        fault: what is wrong with it, or None.
        own: its own date or instant as a text, which tells apart claims that ask for the same thing; or nothing.
        id: its own id, which does so too; or nothing.
        whose: the contact's id where an account is decided together; else nothing.
        outside: its own date, where that lies outside the decision's span.
    """

    __slots__ = (
        "asked",
        "claim",
        "factors",
        "fault",
        "fit",
        "group",
        "id",
        "instants",
        "level",
        "obeys_caps",
        "opening",
        "outside",
        "own",
        "twin",
        "weight",
        "whose",
    )

    def __init__(
        self, opening: Opening | None, claim: Claim, group: int | str, asked: list[int], *, fault: str | None = None
    ) -> None:
        self.opening = opening
        self.obeys_caps = opening is None or opening.campaign.obeys_caps
        self.claim = claim
        self.group = group
        self.asked = asked
        self.instants: list[int] = []
        self.weight: int | None = None
        self.level: Level = (0, 0)
        self.factors: dict[str, float] | None = None
        self.fault = fault
        self.fit: Degrees | None = None
        self.outside: str | None = None
        self.own = "" if claim.at is None or fault is not None else _own_date(claim.at)
        self.id = "" if claim.id is None or fault is not None else claim.id
        self.twin = 0
        self.whose = ""


class Winner:
    """A granted claim: when it goes, and what it does to others."""

    __slots__ = ("at", "effects", "entry", "number")

    def __init__(self, entry: Entry, at: int, effects: Effects, number: int) -> None:
        self.entry = entry
        self.at = at
        self.effects = effects
        self.number = number


def _own_date(at: datetime | date) -> str:
    return str(micros(at)) if isinstance(at, datetime) else at.isoformat()


def opening_of(entry: Entry) -> Opening:
    """What an entry asks to send, for one that is known to be sound."""
    assert entry.opening is not None  # noqa: S101  (an entry without an opening is faulty, and never gets this far)
    return entry.opening
