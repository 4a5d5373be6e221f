"""Overlap: which campaigns meet in the same contacts, and how often both go out."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.model.outcome import Reason
from journeykit.reporting.audience_overlap import AudienceOverlap, asks_events
from journeykit.reporting.contact_bits import ContactBits, pairs
from journeykit.reporting.decision_source import DecisionSource
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.playbook.playbook import Playbook

OVERLAPS: Mapping[str, str] = {
    "campaign": "text",
    "other": "text",
    "audience": "whole",
    "eligible": "whole",
    "both": "whole",
    "campaign_only": "whole",
    "other_only": "whole",
    "neither": "whole",
}
"""The columns of the table of overlaps, with the kind of each."""
COMPETING = frozenset(list(Reason)[list(Reason).index(Reason.NOT_WORTH_IT) :]) | {Reason.GRANTED}
"""The reasons of claims that are eligible: nothing of the contact, the content or the time forbids them."""
_SHOWN = 20
_UNKNOWN = "-"
_LONGEST = 26


@frozen(kw_only=True)
class CampaignCount:
    """One campaign, in an overlap.

    Attributes:
        campaign: its id.
        audience: contacts in its audience; None where the contacts are not given, or the playbook does not have it.
        eligible: contacts who could get it; None where decisions have no denied claims.
        granted: contacts who get it.
    """

    campaign: str
    audience: int | None
    eligible: int | None
    granted: int

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: getattr(self, name) for name in ("campaign", "audience", "eligible", "granted")}


@frozen(kw_only=True)
class CampaignPair:
    """Two campaigns, in an overlap; what is not known is None, as in `CampaignCount`.

    Attributes:
        campaign: the id of one.
        other: the id of the other, which comes later in the playbook.
        audience: contacts in the audiences of both.
        eligible: contacts who could get either.
        both: contacts who get both.
        campaign_only: those of ``eligible`` who get the one and not the other.
        other_only: those who get the other and not the one.
        neither: those who get neither.
    """

    campaign: str
    other: str
    audience: int | None
    eligible: int | None
    both: int
    campaign_only: int | None
    other_only: int | None
    neither: int | None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: getattr(self, name) for name in OVERLAPS}


@frozen(kw_only=True, repr=False)
class CampaignOverlap:
    """How campaigns share their contacts.

    Attributes:
        contacts: how many contacts the table of contacts has; None where it is not given.
        decided: of how many contacts there are decisions.
        campaigns: each campaign, in the playbook's order.
        pairs: each two of them that share a contact; those that most contacts share come first.
        apart: how many pairs of campaigns share nobody.
        notes: what is to be said of the tables.
    """

    contacts: int | None
    decided: int
    campaigns: tuple[CampaignCount, ...]
    pairs: tuple[CampaignPair, ...]
    apart: int
    notes: tuple[str, ...] = ()

    def of(self, campaign: str, other: str) -> CampaignPair:
        """What two campaigns share, in whatever order they are named.

        Raises:
            KeyError: for two that share nobody.
        """
        for own in self.pairs:
            if {own.campaign, own.other} == {campaign, other}:
                return own
        raise KeyError((campaign, other))

    def to_dict(self) -> dict[str, Any]:
        """The overlap as plain data."""
        return {
            "contacts": self.contacts,
            "decided": self.decided,
            "campaigns": [own.to_dict() for own in self.campaigns],
            "pairs": [own.to_dict() for own in self.pairs],
            "apart": self.apart,
            "notes": list(self.notes),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """The pairs, as rows of a table with the columns of `OVERLAPS`."""
        return (own.to_dict() for own in self.pairs)

    def _heading(self) -> Iterator[str]:
        of = f"{self.decided:,} contacts decided"
        yield of if self.contacts is None else f"{of}, {self.contacts:,} in the table of contacts."
        yield (
            "audience: in the audiences of both. eligible: could get either. both: get both. one, other: get that one "
            "alone."
        )
        yield from self.notes

    def _tables(self, shown: int) -> Iterator[ReportTable]:
        whole = [
            (_cut(own.campaign), _count(own.audience), _count(own.eligible), _count(own.granted))
            for own in self.campaigns[:shown]
        ]
        more = len(self.campaigns) - len(whole)
        title = "Campaigns" + (f" (the first {len(whole)}; {more:,} more in --json and --out)" if more else "")
        yield ReportTable(title, ("campaign", "audience", "eligible", "granted"), whole, 1)
        rows = [
            (
                _cut(own.campaign),
                _cut(own.other),
                *(_count(getattr(own, name)) for name in list(OVERLAPS)[2:5]),
                _share(own.both, own.eligible),
                *(_count(getattr(own, name)) for name in list(OVERLAPS)[5:]),
            )
            for own in self.pairs[:shown]
        ]
        more = len(self.pairs) - len(rows)
        title = "Pairs" + (f" (the {len(rows)} that most share; {more:,} more in --json and --out)" if more else "")
        if self.apart:
            title += f"; {self.apart:,} pairs share nobody"
        headings = ("one", "other", "audience", "eligible", "both", "share", "one alone", "other alone", "neither")
        yield ReportTable(title, headings, rows, 2)

    def __str__(self) -> str:
        return text(self._heading(), self._tables(_SHOWN))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self._heading(), self._tables(_SHOWN))


def overlap(
    playbook: Playbook,
    contacts: Any = None,
    touches: Any = None,
    scores: Any = None,
    claims: Any = None,
    *,
    decisions: Any = None,
    at: datetime | None = None,
    until: datetime | None = None,
    events: Any = None,
    zone: str | None = None,
    policies: Mapping[str, Any] | None = None,
    guards: Any = None,
    max_bad: int | str | None = None,
    threads: int | None = None,
) -> CampaignOverlap:
    """Count the contacts that campaigns share: in their audiences, among those who could get both, and who do.

    Decisions are given, or made now from the other tables. A contact is eligible for a campaign where nothing of the
    contact, the content or the time forbids a claim: it is granted, or loses for its weight, a rest, a cap, a conflict,
    a requirement, a quota, or against others. Who is in an audience is asked of its rule alone, of contacts without
    consent too, and whether the campaign is open or not.

    Args:
        playbook: the rule set.
        contacts: the table of contacts; may be left out where decisions are given, audiences are not counted then.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None derives claims from the audiences.
        decisions: the decisions, as `DecisionLog` takes them: whole ones (``decide --all``), or the eligible are not
            counted. None to decide now.
        at: the instant of the decisions, aware, where they are made now.
        until: the last instant of a plan.
        events: what contacts did, for rules that ask for it.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        policies: your own policies by name.
        guards: tripped guards, whose campaigns are paused.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).
        threads: how many chunks of contacts are decided at once.

    Raises:
        DataError: for a table that cannot be used, decisions of another playbook, or too many bad rows.
        MissingExtraError: without the extra ``columns``.
        ModelError: where neither decisions nor an instant are given, or both.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, overlap
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [
        ...         {"id": "launch", "content": ["note"], "weight": 8},
        ...         {"id": "meetup", "content": ["note"], "audience": "city == 'Skopje'"},
        ...     ],
        ...     "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        ... })
        >>> contacts = [{"contact_id": n, "city": city, "consent": "email"} for n, city in enumerate(["Skopje", "Bar"])]
        >>> found = overlap(playbook, contacts, at=datetime(2026, 11, 5, 10, tzinfo=UTC)).of("launch", "meetup")
        >>> found.audience, found.eligible, found.both, found.campaign_only
        (1, 1, 0, 1)
    """
    how = {"at": at, "until": until, "zone": zone, "policies": policies, "guards": guards, "max_bad": max_bad}
    tables = {"contacts": contacts, "touches": touches, "scores": scores, "claims": claims, "events": events}
    source = DecisionSource.of(playbook, decisions, **tables, **how, threads=threads)
    counted = _Counted(playbook)
    for piece in source.pieces(("contact_id", "campaign_id", "outcome", "reason")):
        counted.take(piece)
    notes = list(source.notes())
    if not source.has_denied:
        notes.append("the decisions have no denied claims, so the eligible are not counted: decide --all writes them")
    audiences, when = None, source.at
    if contacts is not None and when is not None and playbook.campaigns is not None:
        audiences = AudienceOverlap.read(playbook, source.inputs.contacts, at=when, zone=zone, max_bad=max_bad)
        unsure = asks_events(playbook)
        if unsure:
            notes.append(f"audiences that ask what contacts did are not counted: {', '.join(unsure)}")
        if decisions is not None:
            notes += audiences.bad_lines
    return counted.overlap(audiences, has_eligible=source.has_denied, notes=tuple(dict.fromkeys(notes)))


class _Counted:
    """Counts claims by contact and campaign.

    Args:
        playbook: whose campaigns come first.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._known = {own.id: place for place, own in enumerate(playbook.campaigns or ())}
        self._unsure = {self._known[name] for name in asks_events(playbook)}
        self._own = len(self._known)
        self._contacts = ContactNumbers()
        self._bits: dict[str, ContactBits] = {}

    def take(self, piece: Any) -> None:
        """Take some rows."""
        ids, campaign, outcome, reason = (Column(piece[name].combine_chunks()) for name in piece.column_names[:4])
        contact = self._contacts.meet(ids, len(ids), {}).astype(np.int64)
        names = [self._place(value) for value in campaign.values]
        place = np.array(names or [-1], np.int64)[campaign.codes]
        granted = outcome.among(("granted",))
        eligible = reason.among(COMPETING)
        there = (contact >= 0) & (place >= 0)
        for name, chosen in (("granted", granted), ("eligible", eligible | granted)):
            rows = chosen & there
            self._of(name).add(contact[rows], place[rows])

    def _place(self, value: Any) -> int:
        return -1 if value is None else self._known.setdefault(str(value), len(self._known))

    def _of(self, name: str) -> ContactBits:
        """The bits of an outcome; anew with more of them where campaigns were met that had no place yet."""
        found = self._bits.get(name)
        if found is None or found.names < len(self._known):
            made = ContactBits(max(8, 2 * len(self._known) if found is not None else len(self._known)))
            if found is not None:
                made.take(found, self._contacts.count)
            found = self._bits[name] = made
        return found

    def overlap(
        self, audiences: AudienceOverlap | None, *, has_eligible: bool, notes: tuple[str, ...]
    ) -> CampaignOverlap:
        """What was counted."""
        names, count = list(self._known), self._contacts.count
        granted, eligible = (self._of(name).matrix(count) for name in ("granted", "eligible"))
        both = pairs(granted, granted, len(names))
        could = pairs(eligible, eligible, len(names)) if has_eligible else None
        gets_one = pairs(granted, eligible, len(names)) if has_eligible else None
        campaigns = tuple(
            CampaignCount(
                campaign=name,
                audience=self._audience(audiences, place, place),
                eligible=None if could is None else int(could[place, place]),
                granted=int(both[place, place]),
            )
            for place, name in enumerate(names)
        )
        found = []
        for one, other in combinations(range(len(names)), 2):
            own = self._pair(names, one, other, self._audience(audiences, one, other), both, could, gets_one)
            if own.audience or own.eligible or own.both:
                found.append(own)
        return CampaignOverlap(
            contacts=None if audiences is None else audiences.contacts,
            decided=count,
            campaigns=campaigns,
            pairs=tuple(sorted(found, key=lambda own: (-(own.eligible or own.both), -(own.audience or 0)))),
            apart=len(names) * (len(names) - 1) // 2 - len(found),
            notes=notes,
        )

    def _pair(
        self,
        names: Sequence[str],
        one: int,
        other: int,
        audience: int | None,
        both: NDArray[np.int64],
        could: NDArray[np.int64] | None,
        gets_one: NDArray[np.int64] | None,
    ) -> CampaignPair:
        number = int(both[one, other])
        eligible = only = others = neither = None
        if could is not None and gets_one is not None:
            eligible = int(could[one, other])
            only, others = int(gets_one[one, other]) - number, int(gets_one[other, one]) - number
            neither = eligible - number - only - others
        return CampaignPair(
            campaign=names[one],
            other=names[other],
            audience=audience,
            eligible=eligible,
            both=number,
            campaign_only=only,
            other_only=others,
            neither=neither,
        )

    def _audience(self, audiences: AudienceOverlap | None, one: int, other: int) -> int | None:
        """How many contacts are in two audiences; None where that is not known."""
        if audiences is None or max(one, other) >= self._own or {one, other} & self._unsure:
            return None
        return int(audiences.pairs[one, other])


def _count(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _share(part: int, whole: int | None) -> str:
    return _UNKNOWN if not whole else f"{100 * part / whole:.1f} %"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
