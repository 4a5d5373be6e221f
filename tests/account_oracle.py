"""Accounts by brute force: `Oracle`, for each contact, and above them every set that keeps the caps per account too."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from attrs import evolve, frozen
from generate import CHANNELS, ZONES, _claims, _touches, situation
from oracle import Mark, Oracle, TooManyItemsError, Wish, _Sets, adds_to, cap_windows, used_of, window_zone

from journeykit import Cap, Claim, Contact, Playbook, Scope, Touch, Window
from journeykit.basics.validation import scaled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from generate import Situation

MOST_ITEMS = 10
MILLION = 1_000_000
Item = tuple[Wish, Any]


@frozen(kw_only=True)
class Gathering:
    """Everything that the decision for one account is made from."""

    seed: int
    playbook: Playbook
    contacts: tuple[Contact, ...]
    touches: tuple[Touch, ...]
    claims: dict[str, tuple[Claim, ...]] | None
    at: datetime
    until: datetime | None

    def but(self, **changes: Any) -> Gathering:
        """The same with some parts changed."""
        return evolve(self, **changes)

    def of(self, contact: Contact) -> Situation:
        """What one contact's decision would be made from, were they alone."""
        own = tuple(evolve(touch, contact=None) for touch in self.touches if touch.contact == contact.id)
        claims = None if self.claims is None else self.claims.get(contact.id, ())
        return situation(0).but(
            seed=self.seed,
            playbook=self.playbook,
            contact=contact,
            touches=own,
            claims=claims,
            at=self.at,
            until=self.until,
        )


def gathering(seed: int) -> Gathering:
    """A random account of one to three contacts with few claims, and caps of which most are per account."""
    rng = Random(seed)
    found = situation(seed)
    while found.playbook.campaigns is None or not found.playbook.caps:
        found = situation(rng.randrange(10**9))
    playbook = with_account_caps(rng, found.playbook)
    if playbook.requirements:
        playbook = evolve(playbook, campaigns=[evolve(campaign, tier=0) for campaign in playbook.campaigns or ()])
    contacts = tuple(
        Contact(
            id=name,
            account="acme",
            stage="early",
            role=rng.choice(("user", "boss", None)),
            timezone=rng.choice((*ZONES, None)),
            consent=list(CHANNELS),
            attributes={"weekly": rng.choice((0, 1, 2, 1.5, None)), "vip": rng.random() < 0.7},
        )
        for name in rng.sample(("anna", "ben", "cleo"), rng.choice((1, 2, 2, 3)))
    )
    plan = found.until is not None
    claims = None
    if rng.random() < 0.8:
        most = 2 if plan else 4
        claims = {
            contact.id: tuple(_claims(rng, playbook, found.at, few=plan)[: rng.randint(0, most)])
            for contact in contacts
        }
    touches = [
        evolve(touch, contact=name, account="acme")
        for name in (*(contact.id for contact in contacts), "dora")
        for touch in _touches(rng, playbook, found.at)[:3]
    ]
    touches += [evolve(touch, contact="eve", account="other") for touch in _touches(rng, playbook, found.at)[:2]]
    return Gathering(
        seed=seed,
        playbook=playbook,
        contacts=contacts,
        touches=tuple(touches),
        claims=claims,
        at=found.at,
        until=found.until,
    )


def with_account_caps(rng: Random, playbook: Playbook) -> Playbook:
    """The playbook with most of its caps per account."""
    caps = [_for_accounts(rng, cap) for cap in playbook.caps]
    if rng.random() < 0.5:
        caps.append(Cap(name="all", max=rng.choice((1, 2, 3)), per="account", window=Window.rolling("24h")))
    return evolve(playbook, caps=caps)


def _for_accounts(rng: Random, cap: Cap) -> Cap:
    if rng.random() < 0.25:
        return cap
    window: Window = cap.window
    if window.is_local:
        window = evolve(window, zone=rng.choice(("playbook", "Asia/Kolkata", "America/New_York")))
    if rng.random() < 0.5:
        cap = evolve(cap, where=Scope(), by=())
    return evolve(cap, per="account", window=window, max=2 if cap.max == 0 and rng.random() < 0.7 else cap.max)


class Member(Oracle):
    """One contact, as brute force sees them among their colleagues."""

    def __init__(self, account: AccountOracle, contact: Contact) -> None:
        self.account = account
        super().__init__(account.gathering.of(contact))
        self.caps_limits = self.limits
        self.limits = [
            None if cap.per == "account" else limit for cap, limit in zip(self.playbook.caps, self.limits, strict=True)
        ]
        for wish in self.wishes:
            wish.whose = contact.id

    def position(self, item: Item) -> tuple[Any, ...]:
        weight, *rest = super().position(item)
        return weight, self.contact.id, *rest

    def is_protected_by(self, cap: Cap) -> bool:
        local = self.at.astimezone(ZoneInfo(self.zone))
        verdict = True if cap.audience is None else cap.audience.test(self.values, local)
        return self.playbook.on_missing.cap == "apply" if verdict is None else verdict

    @property
    def chosen(self) -> tuple[list[Item], list[Item]]:
        return self.account.chosen

    @property
    def winners(self) -> list[Item]:
        return self.account.winners

    def own(self, items: Iterable[Item]) -> list[Item]:
        return [item for item in items if item[0].whose == self.contact.id]

    def stops(
        self, wish: Wish, at: datetime, winners: Sequence[Item], *, later: bool = False
    ) -> Iterator[tuple[str, str, set[int]]]:
        places = [place for place, (rival, _) in enumerate(winners) if rival.whose == self.contact.id]
        for kind, name, crowd in super().stops(wish, at, [winners[place] for place in places], later=later):
            yield kind, name, {places[place] for place in crowd}
        if wish.campaign.obeys_caps:
            yield from self.account.stops(self, wish, at, winners, later=later)

    def reason(self, wish: Wish) -> str:
        (at,) = wish.asked
        if wish.is_twin:
            return "invalid"
        if failed := self.failures(wish, at):
            return failed[0]
        if (wish, at) in self.winners:
            return "granted"
        if wish.weight <= self.reserve:
            return "not_worth_it"
        before = self.chosen[0] if wish.campaign.obeys_caps else []
        stops = list(self.stops(wish, at, before))
        over = wish.campaign.repeat is not None and self._touched(wish) >= wish.campaign.repeat
        if any(kind == "cap" for kind, _, _ in stops) or over:
            return "capped"
        if any(kind == "conflict" for kind, _, _ in stops):
            return "conflict"
        rivals = [item for item in self.account.items if item[0].campaign.obeys_caps == wish.campaign.obeys_caps]
        if not any((wish, at) in found for found in self.account.feasible(rivals, before)):
            return "requires"
        kinds = {kind for kind, _, _ in self.stops(wish, at, self.winners)}
        return next((kind for kind in ("conflict", "requires") if kind in kinds), "outbid")

    def wins_with(self, wish: Wish, weight: int) -> bool:
        before, wish.weight = wish.weight, weight
        try:
            obeys = wish.campaign.obeys_caps
            pool = [i for m in self.account.members for i in m._items() if i[0].campaign.obeys_caps == obeys]
            found = self.account.best(pool, self.chosen[0] if obeys else [])
        finally:
            wish.weight = before
        return any(winner is wish for winner, _ in found)

    def displaced(self, wish: Wish) -> int:
        left = [item for item in self.account.items if item[0] is not wish]
        exempt = self.account.best([item for item in left if not item[0].campaign.obeys_caps], [])
        others = self.account.best([item for item in left if item[0].campaign.obeys_caps], exempt)
        with_it = [item for item in self.winners if item[0] is not wish]
        return self.worth(exempt) + self.worth(others) - self.worth(with_it)

    def turning_points(self, until: datetime) -> list[datetime]:
        found = [Oracle.turning_points(member, until) for member in self.account.everybody]
        return sorted(set().union(*found))


class AccountOracle:
    """The decision for an account by brute force."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.playbook = gathering.playbook
        self.members = [Member(self, contact) for contact in sorted(gathering.contacts, key=lambda c: c.id)]
        ids = {contact.id for contact in gathering.contacts}
        strangers = sorted({t.contact for t in gathering.touches if t.account == "acme"} - ids)
        absent = gathering.but(claims={})
        self.gathering = absent
        self.everybody = [*self.members, *(Member(self, Contact(id=name, account="acme")) for name in strangers)]
        self.gathering = gathering
        self.items = [item for member in self.members for item in member.items]
        self.of = {member.contact.id: member for member in self.members}
        if len(self.items) > MOST_ITEMS:
            raise TooManyItemsError
        self.history = [mark for member in self.everybody for mark in member.history]
        self.limits = [self._limit(number, cap) for number, cap in enumerate(self.playbook.caps)]

    def _limit(self, number: int, cap: Cap) -> int | None:
        if cap.per != "account":
            return None
        found = [member.caps_limits[number] for member in self.members if member.is_protected_by(cap)]
        return min((limit for limit in found if limit is not None), default=None)

    def position(self, item: Item) -> tuple[Any, ...]:
        return self.of[item[0].whose].position(item)

    @cached_property
    def chosen(self) -> tuple[list[Item], list[Item]]:
        exempt = self.best([item for item in self.items if not item[0].campaign.obeys_caps], [])
        return exempt, self.best([item for item in self.items if item[0].campaign.obeys_caps], exempt)

    @cached_property
    def winners(self) -> list[Item]:
        return sorted([*self.chosen[0], *self.chosen[1]], key=self.position)

    def best(self, items: list[Item], before: list[Item]) -> list[Item]:
        order = sorted(items, key=self.position)
        place = {item: number for number, item in enumerate(order)}
        levels = sorted({wish.level for wish, _ in items})
        reserve = scaled(self.playbook.reserve, MILLION)

        def merit(found: list[Item]) -> tuple[Any, ...]:
            totals = [sum(wish.weight - reserve for wish, _ in found if wish.level == level) for level in levels]
            return [-total for total in totals], sorted(place[item] for item in found)

        return sorted(min(self.feasible(items, before), key=merit), key=self.position)

    def feasible(self, items: list[Item], before: list[Item]) -> Iterator[list[Item]]:
        """Every set that keeps all rules: each contact's own, and the caps per account."""
        own = []
        for member in self.members:
            mine = sorted(member.own(items), key=member.position)
            sets = _Sets(member, mine, member.own(before))
            own.append([[mine[place] for place in places] for places in sets.feasible()])
        for parts in product(*own):
            found = [item for part in parts for item in part]
            if self._fits(found, before):
                yield found

    def _fits(self, items: list[Item], before: list[Item]) -> bool:
        marks = [self.mark(item, place) for place, item in enumerate(items)]
        for cap, limit in self.caps():
            standing = [*self.counted(), *(self.mark(item, -2) for item in self.shielded(cap, before))]
            mine = [mark for mark, (wish, _) in zip(marks, items, strict=True) if self.obeys(cap, wish)]
            for held in self.windows(cap, [*(mark for mark in standing if mark.is_counted), *mine]):
                known = [mark for mark in held if mark.who < 0]
                is_new = any(mark.who >= 0 and adds_to(cap, known, mark) for mark in held)
                if is_new and used_of(cap, held) > limit:
                    return False
        return True

    def caps(self) -> Iterator[tuple[Cap, int]]:
        for cap, limit in zip(self.playbook.caps, self.limits, strict=True):
            if limit is not None:
                yield cap, limit

    def counted(self) -> list[Mark]:
        return [mark for mark in self.history if mark.is_counted]

    def shielded(self, cap: Cap, items: Iterable[Item]) -> list[Item]:
        return [item for item in items if self.of[item[0].whose].is_protected_by(cap)]

    def obeys(self, cap: Cap, wish: Wish) -> bool:
        return wish.campaign.obeys_caps and self.of[wish.whose].is_protected_by(cap)

    def mark(self, item: Item, who: int) -> Mark:
        return self.of[item[0].whose].mark(*item, who)

    def windows(self, cap: Cap, marks: list[Mark]) -> Iterator[list[Mark]]:
        """Every window of a cap, for each of its groups, and what of the marks it holds."""
        cells: dict[tuple[str, ...], list[Mark]] = {}
        for mark in marks:
            for key in Oracle._cells(cap, mark.facets):
                cells.setdefault(key, []).append(mark)
        zone = window_zone(cap.window, "UTC", self.playbook.timezone)
        for inside in cells.values():
            yield from cap_windows(cap, zone, inside)

    def stops(
        self, member: Member, wish: Wish, at: datetime, winners: Sequence[Item], *, later: bool
    ) -> Iterator[tuple[str, str, set[int]]]:
        own = member.mark(wish, at, len(winners))
        for cap, limit in self.caps():
            if not member.is_protected_by(cap):
                continue
            standing = []
            for place, item in enumerate(winners):
                mark = self.mark(item, place)
                if item in self.shielded(cap, [item]) and (mark.is_counted or (mark.obeys and not later)):
                    standing.append(mark)
            crowd: set[int] = set()
            broken = False
            for held in self.windows(cap, [*self.counted(), *standing, own]):
                others = [mark for mark in held if mark is not own]
                if own in held and used_of(cap, held) > limit and adds_to(cap, others, own):
                    broken = True
                    crowd.update(mark.who for mark in held if mark.who >= 0 and mark is not own)
            if broken:
                yield "cap", cap.name, crowd
