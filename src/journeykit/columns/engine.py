"""The columnar engine: chunks of contacts in, answers out."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import DAY, FOREVER, clock, first_and_last
from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.columns.clocks import zones_of
from journeykit.columns.eligible import (
    BAD,
    DENY_CONSENT,
    DENY_ROLE,
    DENY_STAGE,
    DENY_ZONE,
    REASONS,
    Bars,
    Scores,
    Slots,
    derive,
    derive_now,
    gather,
    now_faults,
)
from journeykit.columns.layout import CELLS, MOST_CONFLICTS, SHAPES, Layout, Names, Rules
from journeykit.columns.people import Chunk, Crowd
from journeykit.columns.pooling import part_for, pool_all, taken_from
from journeykit.columns.records import joined
from journeykit.columns.settle import (
    CLAIMS,
    ROWS,
    TIMES,
    Entries,
    Given,
    History,
    Tally,
    desk_for,
    rows_for,
    settle_all,
)
from journeykit.columns.weighing import Weigher
from journeykit.compiled import reach_of
from journeykit.eligibility import Subject, slot_of_day
from journeykit.job import GAPS, Asks
from journeykit.model.contact import Contact
from journeykit.model.quiet_hours import HORIZON, WEEKS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from journeykit.columns.eligible import People
    from journeykit.columns.pool import Pool
    from journeykit.columns.wishes import Wishes
    from journeykit.engine.decider import Decider
    from journeykit.playbook.playbook import Playbook
    from journeykit.prices import Tariff

BLOCK = 16_384
"""So many claims are settled at a time: few enough to stay in the processor's cache."""
_FAR = 40 * 366
"""So many days ahead zones are known for; what lies farther is left to the one-contact engine."""
_MARGIN = 800
_FURTHER_RULES = 12
"""So many rules more than one for each reason can stop a claim, besides those that are counted: repeats, siblings, what
closes a campaign, holdouts and missing data."""


class Moment(NamedTuple):
    """What zones and hours are, for the time zones met so far; and how many rules at most stop one claim."""

    rules: Rules
    slots: Slots
    bars: Bars | None
    zones: int
    most_rules: int


class Engine:
    """A playbook as arrays, and the moment of a run. Immutable but for the time zones that it has met.

    Args:
        decider: the playbook, compiled, and its policy.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware, or None.
        explain: whether rows tell what was displaced and what weight would have won.
        everything: whether denied claims are written too.
        openings: what can be asked for; None for what the playbook lists.
        dates: the dates that claims ask for, as day numbers.
        numbers: the columns of numbers that the claims table has for quotas.
        scored: the ids of campaigns whose claims need a score, besides those that say so.
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
        scored: Collection[str] = (),
    ) -> None:
        self.decider = decider
        self.compiled = decider.ruleset
        self.playbook = decider.playbook
        self.at = at
        self.until = until
        self.explain = explain
        self.dates = dates
        self.everything = everything
        self.now, self.last = first_and_last(at, until)
        self.scored = frozenset(scored)
        asked = self.compiled.openings if openings is None else openings
        self.layout = Layout(self.compiled, asked, numbers, self.compiled.scored | self.scored)
        self.quotas = self.layout.quotas.quotas(self.layout.quota_rules, None)
        self.zones = Names(self.layout.zones)
        # One instant needs no slots: what is true then is known.
        slots = None if until is None else lambda: self.moment().slots
        self.crowd = Crowd(self.layout, at, self.zones, slots)
        self.weigher = Weigher(decider, self.layout, self.now)
        self.latest = self.now
        self._moment: Moment | None = None
        self._lock = threading.Lock()
        self.denies = _denies(self.playbook.on_missing)
        asks = Asks(self.playbook)
        bits = {name: 1 << bit for bit, name in enumerate(GAPS)}
        self.asks = np.array(
            [sum(bits[a] for a in asks.asked(o.campaign.id, o.content_id, o.channel)) for o in self.layout.list],
            np.int64,
        )

    @property
    def can(self) -> bool:
        """Whether the kernels can decide at all; else each contact is left to the one-contact engine."""
        rules = max(len(self.playbook.conflicts), len(self.playbook.requirements))
        return rules <= MOST_CONFLICTS and not self.compiled.per_account

    @property
    def oldest(self) -> int:
        """Touches before this instant can matter to no cap, conflict or requirement."""
        return oldest_of(self.playbook, self.now)

    def charge(self, tariff: Tariff) -> None:
        """From here on claims are charged the prices of quotas."""
        self.quotas = self.layout.quotas.quotas(self.layout.quota_rules, tariff)

    def _span(self) -> tuple[int, int]:
        """The instants for which zones must be known."""
        finite = [reach for reach in map(reach_of, self.layout.windows_list) if reach < FOREVER]
        lags = [conflict.lag.days or 0 for conflict in self.playbook.conflicts]
        low = self.now - max([*finite, *((lag + 3) * DAY for lag in lags), 0]) - 3 * DAY
        firsts = [window.first for window in self.layout.windows_list if window.first is not None]
        low = min([low, *(_instant_of(day) for day in firsts)])
        dates = [date for c in self.compiled.campaigns.values() for date in (c.starts, c.ends, *(c.dates or ()))]
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

    def _make_moment(self, names: list[str]) -> Moment:
        low, high = self._span()
        layout = self.layout
        zones = zones_of(names, low, high)
        numbers = {name: number for number, name in enumerate(names)}
        rules = Rules(
            **layout.parts,
            hours=layout.hours(low // DAY, high // DAY),
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
            quotas=self.quotas,
        )
        bars = None
        if self.until is None:
            faults = np.zeros((len(names), len(layout.list)), np.int64)
            now_faults(rules, faults)
            bars = layout.bars(faults, self.denies)
        return Moment(rules, self._slots(names), bars, len(names), self._most_rules(rules))

    @staticmethod
    def _most_rules(rules: Rules) -> int:
        openings, hours = rules.openings, rules.hours
        widths = [int((openings[f"{name}_to"] - openings[f"{name}_from"]).max(initial=0)) for name in ("cell", "topic")]
        holidays = len(np.unique(hours.holidays["rule"]))
        each = len(rules.conflicts) + len(rules.within) + len(rules.quotas.unit) + len(hours.periods) + holidays
        return sum(widths) + each + len(REASONS) + _FURTHER_RULES

    def _slots(self, names: Sequence[str]) -> Slots:
        """The instants of a plan, by zone and kind of opening: those of one channel that obey hours alike."""
        openings = self.layout.list
        kinds: dict[tuple[str | None, bool], Any] = {}
        for opening in openings:
            kinds.setdefault((opening.channel, opening.campaign.obeys_quiet_hours), opening)
        order = {key: place for place, key in enumerate(kinds)}
        kind = np.array([order[o.channel, o.campaign.obeys_quiet_hours] for o in openings], np.int64)
        first, instants = [0], []
        dated = np.zeros((len(names), max(1, len(kinds)), len(self.dates)), np.int64)
        for zone, name in enumerate(names):
            local = clock(name)
            contact = Contact(id="slots", timezone=name)
            subject = Subject(contact, self.playbook, self.compiled.schedule, local, self.now)
            for place, opening in enumerate(kinds.values()):
                if self.until is not None:
                    days = range(local.day(self.now), local.day(self.last) + 1)
                    found = (slot_of_day(subject, opening, day, self.now) for day in days)
                    instants += [at for at in found if at is not None and at <= self.last]
                    first.append(len(instants))
                for date, day in enumerate(self.dates):
                    dated[zone, place, date] = self._instant_on(subject, opening, day)
        firsts = np.array(first, np.int64)
        longest = max(1, int(np.diff(firsts).max(initial=1)))
        single = int(self.until is None)
        return Slots(
            first=firsts,
            at=np.array(instants, np.int64),
            kind=kind,
            dated=dated,
            kinds=max(1, len(kinds)),
            longest=longest,
            single=single,
        )

    def _instant_on(self, subject: Subject, opening: Any, day: int) -> int:
        """The instant of a claim that asks for a date; on a day without a slot the day's start, where checks say no."""
        today = day == subject.clock.day(self.now)
        slot = self.now if self.until is None and today else slot_of_day(subject, opening, day, self.now)
        if slot is not None:
            return slot
        start = subject.clock.day_start(day)
        return max(start, self.now) if today else start


def oldest_of(playbook: Playbook, now: int) -> int:
    """Touches before this instant can matter to no cap, conflict or requirement of a playbook."""
    found = [reach_of(cap.window) for cap in playbook.caps]
    found += [reach_of(need.within) for need in playbook.requirements if need.within is not None]
    for conflict in playbook.conflicts:
        days, length = conflict.lag.days, conflict.lag.length
        found.append((days + 3) * DAY if days is not None else (length or timedelta()) // timedelta(microseconds=1))
    reach = max(found, default=0)
    return -FOREVER if reach == FOREVER else now - reach


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


class Answers(NamedTuple):
    """What became of a chunk.

    Attributes:
        rows: the answers (`ROWS`), the contacts ascending.
        lost: the campaigns that won instead.
        bound: the rules that stop claims.
        left: the contacts that the one-contact engine must decide.
        tally: the counts.
    """

    rows: np.ndarray
    lost: np.ndarray
    bound: np.ndarray
    left: np.ndarray
    tally: Tally


class Worker:
    """Decides chunks with arrays that it uses again and again; one for each thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.most_cells = 1

    def _prepare(self, moment: Moment, most_touches: int, most_claims: int) -> None:
        layout, longest = self.engine.layout, moment.slots.longest
        claims = max(most_claims, 1)
        block = max(BLOCK, claims)
        self.entries = Entries(
            claim=np.zeros(block, CLAIMS),
            time=np.zeros(max(2 * BLOCK, claims * longest), TIMES),
            used=np.zeros(2, np.int64),
        )
        cells = layout.parts["openings"]["cell_to"] - layout.parts["openings"]["cell_from"]
        widest = max(int(cells.max(initial=1)), self.most_cells)
        # A loser can lose to all winners: at most a quarter of the claims' square for each contact.
        self.rows = rows_for(block, block * (claims // 4 + 1) + claims**2 // 4 + claims, block * moment.most_rules)
        self.desk = desk_for(
            touches=most_touches,
            claims=claims,
            items=claims * longest,
            cells=layout.cells,
            campaigns=len(layout.campaigns.list),
            spans=(most_touches + claims) * widest + 1,
            rules=moment.most_rules,
            sides=len(layout.quotas.sides),
        )

    def decide(
        self,
        chunk: Chunk,
        people: People,
        history: History,
        shapes: Any,
        scores: Scores,
        wishes: Wishes | None,
        label_when: np.ndarray,
        given: Given,
    ) -> Answers:
        """The answers for the contacts of a chunk that are not marked `BAD`."""
        engine = self.engine
        moment, rules = self._ready(people, history, shapes, wishes)
        tally = _tally(engine.layout)
        taken, lost, bound, left = [], [], [], []
        places = rules_bound = 0
        entry_first = np.zeros(chunk.rows + 1, np.int64)
        start = 0
        entries, rows = self.entries, self.rows
        while start < chunk.rows:
            stop = self._gather(rules, people, moment, scores, wishes, start, chunk.rows, 1, entry_first, tally)
            doubt = np.zeros(stop - start, np.bool_)
            engine.weigher.weigh(chunk, people, entries, entry_first, start, stop, doubt)
            rows.used[:] = 0
            given_up = np.zeros(stop - start, np.int64)
            count = settle_all(
                rules,
                people,
                history,
                self.desk,
                entries,
                entry_first,
                start,
                stop,
                engine.everything,
                wishes is None,
                given,
                label_when,
                rows,
                tally,
                doubt,
                given_up,
            )
            used = rows.row[: rows.used[0]].copy()
            used["lost_from"] += places
            used["lost_to"] += places
            used["bind_from"] += rules_bound
            used["bind_to"] += rules_bound
            places += int(rows.used[1])
            rules_bound += int(rows.used[2])
            taken.append(used)
            lost.append(rows.lost[: rows.used[1]].copy())
            bound.append(rows.bind[: rows.used[2]].copy())
            if count:
                left.append(given_up[:count].copy())
                first = np.zeros(2, np.int64)
                for contact in given_up[:count].tolist():
                    # What was counted of contacts that are left is taken back.
                    self._gather(rules, people, moment, scores, wishes, contact, contact + 1, -1, first, tally)
            start = stop
        return Answers(
            rows=joined(ROWS, taken),
            lost=np.concatenate([np.zeros(0, np.int64), *lost]),
            bound=np.concatenate([np.zeros(0, np.int64), *bound]),
            left=np.concatenate([np.zeros(0, np.int64), *left]),
            tally=tally,
        )

    def _ready(self, people: People, history: History, shapes: Any, wishes: Wishes | None) -> tuple[Moment, Rules]:
        """Room for the contacts of a chunk that are not marked `BAD`, and the rules as they are for it."""
        moment = self.engine.moment()
        quotas = self.engine.quotas
        if wishes is not None:
            quotas = quotas.but(number=wishes.number)
        rules = moment.rules.but(shapes=shapes[0], shape_cells=shapes[1], quotas=quotas)
        good = people.person["traits"] & BAD == 0
        counts = np.diff(history.first)[good]
        # Without a table of claims each contact has one for each opening; with one, it may name many openings.
        most = len(self.engine.layout.list) if wishes is None else int(np.diff(wishes.first)[good].max(initial=0))
        self.most_cells = int((shapes[0]["cell_to"] - shapes[0]["cell_from"]).max(initial=1))
        self._prepare(moment, int(counts.max(initial=0)), most)
        return moment, rules

    def pool(
        self,
        chunk: Chunk,
        people: People,
        history: History,
        shapes: Any,
        scores: Scores,
        wishes: Wishes | None,
        given: Given,
        obeys: int,
        *,
        several: bool,
    ) -> tuple[list[tuple[Pool, np.ndarray]], np.ndarray]:
        """The problems of the contacts of a chunk that are not marked `BAD`, each with whose they are; and who is left.

        Args:
            chunk: the contacts; and so are the next five.
            people: as numbers.
            history: their touches.
            shapes: the kinds of touches.
            scores: what models say.
            wishes: their claims, or None.
            given: what was chosen for them already.
            obeys: 0 for claims that need not obey caps, 1 for the others.
            several: whether there are several levels.
        """
        engine = self.engine
        moment, rules = self._ready(people, history, shapes, wishes)
        tally, columns = _tally(engine.layout), len(engine.layout.quotas.columns)
        entry_first = np.zeros(chunk.rows + 1, np.int64)
        left = np.zeros(chunk.rows + 1, np.int64)
        found = []
        start = 0
        part = None
        while start < chunk.rows:
            stop = self._gather(rules, people, moment, scores, wishes, start, chunk.rows, 1, entry_first, tally)
            doubt = np.zeros(stop - start, np.bool_)
            engine.weigher.weigh(chunk, people, self.entries, entry_first, start, stop, doubt)
            if part is None or len(part.pool.unit) < stop - start or len(part.mark) < self.entries.used[1]:
                part = part_for(stop - start, int(self.entries.used[1]), columns, several=several)
            base = start
            while start < stop:
                start = pool_all(
                    rules,
                    people,
                    history,
                    self.desk,
                    self.entries,
                    entry_first,
                    base,
                    start,
                    stop,
                    obeys,
                    wishes is None,
                    given,
                    chunk.one,
                    doubt,
                    part,
                    left,
                )
                found.append(taken_from(part))
        return found, left[1 : 1 + left[0]]

    def _gather(
        self,
        rules: Rules,
        people: People,
        moment: Moment,
        scores: Scores,
        wishes: Wishes | None,
        start: int,
        stop: int,
        sign: int,
        entry_first: np.ndarray,
        tally: Tally,
    ) -> int:
        engine, entries, slots = self.engine, self.entries, moment.slots
        if wishes is not None:
            return gather(
                rules, people, slots, engine.asks, scores, wishes, start, stop, sign, entries, entry_first, tally
            )
        if moment.bars is not None:
            return derive_now(
                rules,
                moment.bars,
                people,
                engine.asks,
                scores,
                start,
                stop,
                engine.everything,
                sign,
                entries,
                entry_first,
                tally,
            )
        return derive(
            rules, people, slots, engine.asks, scores, start, stop, engine.everything, sign, entries, entry_first, tally
        )


def _tally(layout: Layout) -> Tally:
    return Tally(
        labels=np.zeros((max(1, len(layout.list)), len(REASONS), 3), np.int64),
        rules=np.zeros(len(layout.rules.list), np.int64),
        stages=np.zeros((len(layout.stages.list) + 2, 3), np.int64),
        sums=np.zeros(3, np.int64),
        missing=np.zeros(len(GAPS), np.int64),
        usage=np.zeros(len(layout.quotas.sides), np.int64),
    )
