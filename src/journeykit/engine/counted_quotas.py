"""Counted quotas: those whose use is counted over all runs and single decisions, period by period."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol

from journeykit.basics.clock import FOREVER, day_date
from journeykit.basics.validation import BILLIONTH, MILLIONTH, scaled
from journeykit.errors import ModelError
from journeykit.model.quota import Side, number_in
from journeykit.playbook.write import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.basics.clock import Clock
    from journeykit.engine.message import Message
    from journeykit.model.cap import Facets
    from journeykit.model.claim import Claim
    from journeykit.model.quota import Quota
    from journeykit.playbook.playbook import Playbook

_NEVER = -FOREVER
_MARGIN = 2 * 86_400 * 1_000_000
"""Periods are known for so long after the last instant of a decision: a claim may go at an hour of the next day."""


class HasNumbers(Protocol):
    """What a message uses of quotas is read off these; a `journeykit.ledger.Reservation` has them."""

    @property
    def at(self) -> datetime: ...  # noqa: D102  (see the class)
    @property
    def micros(self) -> int: ...  # noqa: D102
    @property
    def cost(self) -> float | None: ...  # noqa: D102
    @property
    def propensity(self) -> float | None: ...  # noqa: D102
    @property
    def weight(self) -> float | None: ...  # noqa: D102
    @property
    def numbers(self) -> Mapping[str, float]: ...  # noqa: D102


class CountedQuota:
    """A quota with a window.

    Attributes:
        quota: the quota.
        cap: its maximum, where that binds single decisions: a hard one, and no share; else None.
    """

    def __init__(self, quota: Quota, playbook: Clock) -> None:
        """Read the window.

        Args:
            quota: the quota.
            playbook: the playbook's clock.
        """
        assert quota.window is not None  # noqa: S101  (only such are counted)
        self.quota = quota
        self._window = quota.window
        self._local = quota.window.clock(playbook, playbook)
        self._axis = quota.window.axis(self._local)
        self._starts: dict[int, int] = {}
        most = next((side for side in quota.sides if side.is_max), None)
        self.cap = most if most is not None and most.hard and quota.of != "share" else None
        # What is counted under a name goes on while this is the same, whatever becomes of the limits.
        window = {**plain(quota.window), **({} if quota.window.kind == "ever" else {"zone": self._local.name})}
        definition = [plain(quota.where), window, quota.of]
        self._digest = sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def mark(self) -> str:
        """The key under which a ledger knows that it counts the quota."""
        return f"{self._digest} - {self.quota.name}"

    def start(self, at: int) -> int | None:
        """The place at which the period of an instant starts, a day number; None where nothing is counted."""
        place = self._axis(at)
        if place is None or self._window.kind != "calendar":
            return place if place is None else 0
        found = self._starts.get(place)
        if found is None:
            found = self._starts[place] = self._window.back(place)
        return found

    def period(self, start: int) -> str:
        """A period, for people."""
        return day_date(start).isoformat() if self._window.kind == "calendar" else str(self._window)

    def span(self, start: int) -> tuple[int, int]:
        """The first instant of a period, and the first one after it."""
        if self._window.kind == "ever":
            return _NEVER, FOREVER
        first = start if self._window.kind == "calendar" else self._window.back(start)
        last = self._window.leave(start)
        assert last is not None  # noqa: S101  (these windows end)
        return self._local.day_start(first), self._local.day_start(last)

    def key(self, at: int) -> str | None:
        """The key under which what is used in the period of an instant is kept; None where nothing is counted."""
        start = self.start(at)
        return None if start is None else self.key_of(start)

    def key_of(self, start: int) -> str:
        """The key of a period."""
        return f"{self._digest} {self.period(start)} {self.quota.name}"

    def starts(self, first: int, last: int) -> Iterator[int]:
        """The periods in which some of the instants between two lie."""
        if self._window.kind != "calendar":
            begin, end = self.span(0)
            if begin <= last and first < end:
                yield 0
            return
        at = first
        while at <= last:
            start = self.start(at)
            assert start is not None  # noqa: S101  (every instant is in a calendar period)
            yield start
            at = self.span(start)[1]

    def amount(self, held: HasNumbers) -> int:
        """What a message that counts has of what is added up, in smallest units."""
        quota = self.quota
        if quota.of == "cost":
            return scaled(held.cost or 0.0, BILLIONTH)
        if quota.of == "responses":
            return scaled(1.0 if held.propensity is None else held.propensity, BILLIONTH)
        if quota.of == "value":
            return scaled(held.weight or 0.0, MILLIONTH)
        own = quota.own_column
        return BILLIONTH if own is None else scaled(number_in(held.numbers, own) or 0.0, BILLIONTH)

    def uses(self, facets: Facets, held: HasNumbers) -> Iterator[tuple[str, int]]:
        """What a message uses, by key."""
        key = self.key(held.micros)
        if key is None:
            return
        if self.quota.of == "share":
            yield _all_of(key), BILLIONTH
        if self.quota.where.matches(facets):
            yield key, self.amount(held)

    def sides(self, start: int, last: int, used: Mapping[str, int]) -> Iterator[Side]:
        """The most and the least of a period, less what was used of it before.

        Of a period after the last instant of a run there is but the maximum: nothing is wanted of it.
        """
        ahead = self.span(start)[0] > last
        key = self.key_of(start)
        before, messages = used.get(key, 0), used.get(_all_of(key), 0)
        for side in self.quota.sides:
            if ahead and side != self.cap:
                continue
            spent = before
            if self.quota.of == "share":
                spent -= scaled(side.limit, side.unit) * messages // BILLIONTH
            yield Side(
                self.quota,
                side.is_max,
                period=self.period(start),
                span=None if self._window.kind == "ever" else self.span(start),
                spent=side.sign * spent,
                counted=messages // BILLIONTH,
                ahead=ahead,
            )

    def keys(self, start: int) -> list[str]:
        """The keys of a period: of a share also that of all messages, in the scope or not."""
        key = self.key_of(start)
        return [key, _all_of(key)] if self.quota.of == "share" else [key]


def _all_of(key: str) -> str:
    """The key of all messages of a period, of which some are in the scope of a share."""
    return f"{key} of all"


class CountedQuotas:
    """The quotas of a playbook that have a window; true where there are any.

    Attributes:
        every: the quotas.
        capped: those with a maximum that binds single decisions.
    """

    def __init__(self, playbook: Playbook, local: Clock) -> None:
        self.every = tuple(CountedQuota(quota, local) for quota in playbook.quotas if quota.window is not None)
        self.capped = tuple(counted for counted in self.every if counted.cap is not None)
        self._playbook = playbook

    def __bool__(self) -> bool:
        return bool(self.every)

    @property
    def names(self) -> str:
        """Their names, for people."""
        return ", ".join(repr(counted.quota.name) for counted in self.every)

    def keys(self, first: int, last: int) -> list[str]:
        """The keys of the periods from an instant to another, and a little longer."""
        return [
            key
            for counted in self.every
            for start in counted.starts(first, last + _MARGIN)
            for key in counted.keys(start)
        ]

    def sides(self, first: int, last: int, used: Mapping[str, int]) -> list[Side]:
        """The sides of all quotas of the playbook: of those with a window, period by period, less what was used.

        Args:
            first: the first instant of a decision.
            last: its last one.
            used: by key, what was used before.
        """
        counted = {own.quota.name: own for own in self.every}
        found: list[Side] = []
        for quota in self._playbook.quotas:
            own = counted.get(quota.name)
            if own is None:
                found += quota.sides
            else:
                found += (side for start in own.starts(first, last + _MARGIN) for side in own.sides(start, last, used))
        return found


class Use(NamedTuple):
    """What a claim uses of a quota in a period.

    Attributes:
        key: the key of the quota and period.
        name: the quota's name.
        amount: how much, in smallest units, above 0.
    """

    key: str
    name: str
    amount: int


class QuotaCapacity:
    """What is left of the maxima of counted quotas to the contacts of one decision.

    Args:
        quotas: the quotas.
        used: by key, what is used; of a period that is not there nothing is left.
    """

    def __init__(self, quotas: CountedQuotas, used: Mapping[str, int]) -> None:
        self._quotas = quotas.capped
        self._used = used
        self._bounds = {counted.quota.name: counted.cap.bound for counted in self._quotas if counted.cap is not None}

    def uses(self, message: Message, claim: Claim, weight: int, at: int) -> list[Use]:
        """What a claim uses; what would give room back gives none here."""
        found = []
        for counted in self._quotas:
            key = counted.key(at) if counted.quota.where.matches(message.facets) else None
            if key is not None and counted.cap is not None:
                # A maximum has one period here: the day, by which runs filter, does not matter.
                amount = counted.cap.use(message.campaign, message.facets, claim, weight, 0, at)
                if amount > 0:
                    found.append(Use(key, counted.quota.name, amount))
        return found

    def left(self, use: Use) -> int:
        """How much is left of what a claim uses."""
        used = self._used.get(use.key)
        return 0 if used is None else max(0, self._bounds[use.name] - used)

    def is_known(self, use: Use) -> bool:
        """Whether it is known what was used in the period."""
        return use.key in self._used

    def after(self, name: str, at: int) -> int | None:
        """The first instant after the period of an instant; None where nothing comes after it."""
        counted = next(own for own in self._quotas if own.quota.name == name)
        start = counted.start(at)
        if start is None:
            return at
        end = counted.span(start)[1]
        return None if end >= FOREVER else end


def capacity_keys(quotas: CountedQuotas, asked: Iterable[tuple[Message, Sequence[int]]]) -> tuple[list[str], list[str]]:
    """The maxima that messages may use, given with their instants: the names of the quotas, and the keys."""
    names: dict[str, None] = {}
    keys: dict[str, None] = {}
    for message, instants in asked:
        for counted in quotas.capped:
            if counted.quota.where.matches(message.facets):
                for at in instants:
                    key = counted.key(at)
                    if key is not None:
                        names[counted.quota.name] = None
                        keys[key] = None
    return sorted(names), sorted(keys)


def need_ledger(quotas: CountedQuotas) -> None:
    """Refuse to decide without a ledger by quotas that are counted in one.

    Raises:
        ModelError: naming the quotas.
    """
    if quotas:
        several = len(quotas.every) > 1
        raise ModelError(
            f"the quota{'s' * several} {quotas.names} count{'s' * (not several)} over all runs and single "
            f"decisions (window), and {'their' if several else 'its'} use is kept in a ledger: give ledger "
            "(--ledger URL)",
            field="ledger",
        )
