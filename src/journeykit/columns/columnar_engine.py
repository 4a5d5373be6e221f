"""The columnar engine: chunks of contacts in, answers out."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import DAY, FOREVER, clock, first_and_last
from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.columns.contact_encoder import ContactEncoder
from journeykit.columns.decision_counts import REASONS
from journeykit.columns.draw_arrays import explore_arrays
from journeykit.columns.hour_arrays import hour_tables
from journeykit.columns.plain_rules import are_plain, plain_rules
from journeykit.columns.row_causes import MOST_OCCASIONS, playbook_causes
from journeykit.columns.ruleset_arrays import RulesetArrays
from journeykit.columns.weighing import Weigher
from journeykit.columns.zone_arrays import LocalKinds, zones_of
from journeykit.engine.data_needs import DATA_NEEDS, DataNeeds
from journeykit.engine.eligibility import Subject, first_send_time, slot_of_day
from journeykit.engine.ruleset import reach_of
from journeykit.kernels import barred_now
from journeykit.kernels.interface.codes import DENY_CONSENT, DENY_ROLE, DENY_STAGE, DENY_ZONE
from journeykit.kernels.interface.contact_arrays import Barred, SlotTimes
from journeykit.kernels.interface.rules import CELLS, SHAPES, Rules
from journeykit.model.contact import Contact
from journeykit.model.quiet_hours import HORIZON, WEEKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from journeykit.columns.zone_arrays import LocalKind
    from journeykit.engine.decider import Decider
    from journeykit.engine.message import Message
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.kernels.interface.plain_arrays import PlainRules
    from journeykit.model.claim import Scored
    from journeykit.model.quiet_hours import Schedule
    from journeykit.model.quota import Side
    from journeykit.model.send_at import SendAt
    from journeykit.playbook.playbook import Playbook
    from journeykit.rule import Rule

_FAR = 40 * 366
"""So many days ahead zones are known for; what lies farther falls back to the row engine."""
_MARGIN = 800
_FURTHER_RULES = 15
"""So many rules more than one for each reason can stop a claim, besides those that are counted: repeats, siblings, what
closes a campaign, holdouts, missing data, a weight and a cost that are not known, and an uplift that is too small."""


class _Anybody(Subject):
    """Contacts that are alike in all that local times ask of them."""

    __slots__ = ("_answers", "_own_times")

    def __init__(self, playbook: Playbook, layout: RulesetArrays, kind: LocalKind, at: int) -> None:
        super().__init__(Contact(id="slots", timezone=kind.zone), playbook, clock(kind.zone), at)
        self._answers = dict(zip(layout.hour_rules, kind.answers, strict=False))
        self._own_times = dict(zip(layout.send_times, kind.times, strict=False))

    def send_time(self, message: Message) -> int | None:
        known = None if message.send_at is None else self._own_times.get(message.send_at)
        return super().send_time(message) if known is None else known

    def holds(self, rule: Rule, at: int) -> bool | None:  # noqa: ARG002  (what asks for time is not for the kernels)
        return self._answers.get(rule)


class Moment(NamedTuple):
    """What zones and hours are, for the time zones met so far.

    Attributes:
        rules: the rules, with zones and hours.
        slots: the instants.
        bars: who cannot get what, where there is one instant only.
        zones: how many kinds of contacts were met, by time zone and hours.
        most_rules: how many rules at most stop one claim.
        plain: what the instant makes of rules that are plain.
    """

    rules: Rules
    slots: SlotTimes
    bars: Barred | None
    zones: int
    most_rules: int
    plain: PlainRules | None


class ColumnarEngine:
    """A playbook as arrays, and the moment of a run. Immutable but for the time zones that it has met.

    Args:
        decider: the playbook, compiled, and its policy.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware, or None.
        explain: whether rows tell what was displaced and what weight would have won.
        everything: whether denied claims are written too.
        openings: what a table of claims asks for; None where campaigns make the claims.
        dates: the dates that claims ask for, as day numbers.
        numbers: the columns of numbers that the claims table has for quotas.
        brings_cost: whether the claims table has costs.
        scored: the campaigns whose claims need a score, besides those that say so.
        sides: the sides of the quotas as the run has them; None for those of the playbook.
    """

    def __init__(
        self,
        decider: Decider,
        *,
        at: datetime,
        until: datetime | None,
        explain: bool,
        everything: bool,
        openings: Sequence[Any] | None = None,
        dates: Sequence[int] = (),
        numbers: Sequence[str] = (),
        brings_cost: bool = False,
        scored: Scored = (),
        sides: Sequence[Side] | None = None,
    ) -> None:
        self.decider = decider
        self.compiled = decider.ruleset
        self.playbook = decider.playbook
        self.at = at
        self.until = until
        self.explain = explain
        self.everything = everything
        self.last_outcome = 2 if everything else 1
        self.now, self.last = first_and_last(at, until)
        self.scored = frozenset(scored)
        # Of what recurs, so many days are listed; what comes later falls back to the row engine.
        days = self.now // DAY - 2, self.last // DAY + _MARGIN - 2
        self.brings_cost = brings_cost
        self.derived = derived = openings is None
        asked = list(self.compiled.messages if openings is None else openings)
        own_days: list[int | None] = [None] * len(asked)
        if derived:
            # Each date on which a campaign can claim, somewhere on earth, is an opening of its own.
            for message, day in self._occasions(tuple(asked)):
                asked.append(message)
                own_days.append(day)
        score_needs = self.compiled.attention.all_needs(self.scored)
        self.layout = RulesetArrays(self.compiled, asked, numbers, score_needs, days, own_days, sides)
        self.dates = self.layout.dates if derived else dates
        self.quotas = self.layout.quotas.quotas(self.layout.quota_rules, None)
        self.zones = LocalKinds(self.layout.zones)
        # One instant needs no slots: what is true then is known.
        self._at_once = until is None and not self.layout.send_times
        slots = None if self._at_once else lambda: self.moment().slots
        self.encoder = ContactEncoder(self.layout, at, self.zones, slots, until)
        self.weigher = Weigher(decider, self.layout, self.now)
        self.explore = explore_arrays(self.playbook.explore, self.now)
        self.latest = self.now
        self._moment: Moment | None = None
        self._lock = threading.Lock()
        self.denies = _denies(self.playbook.on_missing)
        needs = DataNeeds(self.playbook)
        bits = {name: 1 << bit for bit, name in enumerate(DATA_NEEDS)}
        self.asks = np.array(
            [sum(bits[a] for a in needs.of(o.campaign.id, o.content_id, o.channel)) for o in self.layout.list],
            np.int64,
        )

    def share_with(self, base: ColumnarEngine) -> None:
        """Number rules, and where the rules about contacts are the same contacts too, as another engine does.

        Args:
            base: the engine of a playbook that differs in limits and windows of caps, factors, reserve and policy.
        """
        own, other = self.layout, base.layout
        if own.rules.list != other.rules.list[: len(own.rules.list)]:
            raise AssertionError("the rules of an arm are numbered otherwise than those of its playbook")
        own.rules = other.rules
        limits = [[cap.max for cap in layout.own_limits] for layout in (own, other)]
        if limits[0] == limits[1] and own.zones == other.zones:
            self.encoder, self.zones = base.encoder, base.zones

    @cached_property
    def causes(self) -> tuple[str, ...]:
        """Why the kernels cannot decide any contact, and each falls back to the row engine; none where they can."""
        return tuple(playbook_causes(self))

    @property
    def can(self) -> bool:
        """Whether the kernels can decide at all; else each contact falls back to the row engine."""
        return not self.causes

    def _occasions(self, messages: Sequence[Message]) -> Iterator[tuple[Message, int]]:
        """The dates on which campaigns can claim, whatever the time zone."""
        first, last = self.now // DAY - 1, self.last // DAY + 1
        dated = ((message, day) for message in messages for day in _dates_of(message, first, last))
        return islice(dated, MOST_OCCASIONS + 1)

    @property
    def oldest(self) -> int:
        """Touches before this instant can matter to no cap, conflict or requirement."""
        return oldest_of(self.playbook, self.now)

    def charge(self, tariff: QuotaCharges) -> None:
        """From here on claims are charged the prices of quotas."""
        self.quotas = self.layout.quotas.quotas(self.layout.quota_rules, tariff)

    def _span(self) -> tuple[int, int]:
        """The instants for which zones must be known."""
        finite = [reach for reach in map(reach_of, self.layout.windows_list) if reach < FOREVER]
        lags = [conflict.lag.days or 0 for conflict in self.playbook.conflicts]
        lags += [own.series.gap.days or 0 for own in self.compiled.campaigns.values() if own.series is not None]
        waits = [own.wait.days for own in self.compiled.campaigns.values() if own.wait is not None and own.wait.days]
        # An instant of asking that lies so far back that the claim is over in any zone need not be known exactly.
        low = self.now - max([*finite, *((days + 3) * DAY for days in (*lags, *waits)), 0]) - 3 * DAY
        firsts = [window.first for window in self.layout.windows_list if window.first is not None]
        low = min([low, *(_instant_of(day) for day in firsts)])
        dates = [date for c in self.compiled.campaigns.values() for date in (c.starts, c.ends, *_listed(c.dates))]
        dates += [window.last for window in self.layout.windows_list]
        far = self.now + _FAR * DAY
        high = max([self.last, min(self.latest, far), *(min(_instant_of(d), far) for d in dates if d is not None)])
        longest = max([*finite, *((lag + 3) * DAY for lag in lags), 0])
        return max(low, -30_000 * 366 * DAY // 30), high + min(longest, _FAR * DAY) + _MARGIN * DAY

    def moment(self) -> Moment:
        """Zones, hours and slots, for all time zones that were met."""
        with self._lock:
            if self._moment is None or self._moment.zones < len(self.zones.list):
                self._moment = self._make_moment(list(self.zones.list))
            return self._moment

    def _make_moment(self, kinds: Sequence[LocalKind]) -> Moment:
        low, high = self._span()
        layout = self.layout
        names = [kind.zone for kind in kinds]
        zones = zones_of(names, low, high)
        numbers = {name: number for number, name in reversed([*enumerate(names)])}
        rules = Rules(
            **layout.parts,
            hours=hour_tables(layout, low // DAY, high // DAY, kinds),
            windows=layout.windows(numbers),
            zones=zones,
            shapes=np.zeros(0, SHAPES),
            shape_cells=np.zeros(0, CELLS),
            now=self.now,
            last=self.last,
            reserve=scaled(self.playbook.reserve, MILLIONTH),
            horizon=HORIZON if self.playbook.holidays else WEEKS,
            explain=int(self.explain),
            denies=self.denies,
            series=int(bool(self.compiled.series)),
            rests=self.compiled.rests.first,
            quotas=self.quotas,
            explore=self.explore,
        )
        bars = None
        if self._at_once:
            faults = np.zeros((len(names), len(layout.list)), np.int64)
            barred_now(rules, faults)
            bars = layout.bars(faults, self.denies)
        most_rules = self._most_rules(rules)
        plain = None
        if bars is not None and self.weigher.is_plain and are_plain(rules):
            before = None if self._moment is None else self._moment.plain
            plain = plain_rules(rules, self.asks, len(layout.channels.list), most_rules, before)
        return Moment(rules, self._slots(kinds), bars, len(kinds), most_rules, plain)

    @staticmethod
    def _most_rules(rules: Rules) -> int:
        openings, hours = rules.openings, rules.hours
        widths = [int((openings[f"{name}_to"] - openings[f"{name}_from"]).max(initial=0)) for name in ("cell", "topic")]
        holidays = len(np.unique(hours.holidays["rule"]))
        each = len(rules.conflicts) + len(rules.within) + len(rules.quotas.unit) + len(hours.periods) + holidays
        return sum(widths) + each + len(REASONS) + _FURTHER_RULES

    def _slots(self, zones: Sequence[LocalKind]) -> SlotTimes:
        """The instants of a plan, by zone and kind of opening: those that obey the same hours and go at one time."""
        openings = self.layout.list
        kinds: dict[tuple[Schedule, SendAt | None], Any] = {}
        for opening in openings:
            kinds.setdefault((opening.schedule, opening.send_at), opening)
        order = {key: place for place, key in enumerate(kinds)}
        kind = np.array([order[o.schedule, o.send_at] for o in openings], np.int64)
        first, instants = [0], []
        dated = np.zeros((len(zones), max(1, len(kinds)), len(self.dates)), np.int64)
        for zone, own in enumerate(zones):
            subject = _Anybody(self.playbook, self.layout, own, self.now)
            for place, opening in enumerate(kinds.values()):
                if not self._at_once:
                    instants += self._instants(subject, opening)
                    first.append(len(instants))
                for date, day in enumerate(self.dates):
                    dated[zone, place, date] = self._instant_on(subject, opening, day)
        firsts = np.array(first, np.int64)
        longest = max(1, int(np.diff(firsts).max(initial=1)))
        single = int(self._at_once)
        return SlotTimes(
            first=firsts,
            at=np.array(instants, np.int64),
            kind=kind,
            dated=dated,
            kinds=max(1, len(kinds)),
            longest=longest,
            single=single,
        )

    def _instants(self, subject: Subject, opening: Any) -> list[int]:
        """The instants of claims without a date of their own."""
        local, time = subject.clock, subject.send_time(opening)
        if self.until is None:
            return [self.now if time is None else first_send_time(local, time, self.now)]
        days = range(local.day(self.now), local.day(self.last) + 1)
        found = (slot_of_day(subject, opening, day, self.now) for day in days)
        return [at for at in found if at is not None and at <= self.last]

    def _instant_on(self, subject: Subject, opening: Any, day: int) -> int:
        """The instant of a claim that asks for a date; on a day without a slot the day's start, where checks say no."""
        today = day == subject.clock.day(self.now)
        slot = self.now if self.until is None and today else slot_of_day(subject, opening, day, self.now)
        if slot is not None:
            return slot
        start = subject.clock.day_start(day)
        return max(start, self.now) if today else start


def oldest_of(playbook: Playbook, now: int, further: int = 0) -> int:
    """Touches before this instant can matter to no cap, conflict or requirement of a playbook.

    Args:
        playbook: the playbook.
        now: the instant of the decision.
        further: how far back something else looks, in microseconds.
    """
    if any(campaign.series for campaign in playbook.campaigns or ()):
        return -FOREVER
    found = [further, *(reach_of(cap.window) for cap in playbook.caps)]
    found += [reach_of(need.within) for need in playbook.requirements if need.within is not None]
    for conflict in playbook.conflicts:
        days, length = conflict.lag.days, conflict.lag.length
        found.append((days + 3) * DAY if days is not None else (length or timedelta()) // timedelta(microseconds=1))
    reach = max(found, default=0)
    return -FOREVER if reach == FOREVER else now - reach


def _dates_of(message: Message, first: int, last: int) -> Iterable[int]:
    return () if message.dates is None else message.dates.between(first, last)


def _listed(dates: Any) -> Sequence[Any]:
    """The last of some dates; those of a recurrence are looked for as far as zones are known."""
    return dates[-1:] if isinstance(dates, tuple) else ()


def _instant_of(day: Any) -> int:
    from journeykit.basics.clock import day_number

    return day_number(day) * DAY


def _denies(on_missing: Any) -> int:
    return (
        DENY_ZONE * (on_missing.timezone == "deny")
        + DENY_STAGE * (on_missing.stage == "deny")
        + DENY_ROLE * (on_missing.role == "deny")
        + DENY_CONSENT * (on_missing.consent == "deny")
    )
