"""A case: one contact's claims, history and moment, gathered, weighed and settled.

Explaining a case is `journeykit.explain`'s work; here it is only decided.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.campaign import Claim, Score
from journeykit.civil import Clock, clock, day_number, micros
from journeykit.eligibility import Opening, Subject, failures, missing, slot_of_day, withdrawn
from journeykit.errors import ModelError
from journeykit.fields import LARGEST, MILLIONTH, scaled
from journeykit.policy import Context
from journeykit.room import HISTORY, Gauge, Span
from journeykit.selection import Problem, combine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.cap import Conflict
    from journeykit.compiled import Compiled, Effects
    from journeykit.contact import Contact
    from journeykit.touch import Touch

Level = tuple[int, int]
_MICROSECOND = timedelta(microseconds=1)
FIRST: Level = (-1, 0)
"""The level of a claim that is forced in."""


class Entry:
    """One claim in a case.

    Attributes:
        opening: what it asks to send; None where that is not known.
        claim: the claim.
        group: claims of one group exclude each other: the contents of one wish.
        asked: the instants at which it could go if it were eligible.
        instants: those at which it is.
        weight: in millionths, or None where it was not weighed.
        level: tier and rank.
        factors: what the weight is made of.
        fault: what is wrong with it, or None.
        outside: its own date, where that lies outside the decision's span.
    """

    __slots__ = (
        "asked",
        "claim",
        "factors",
        "fault",
        "fit",
        "group",
        "instants",
        "level",
        "opening",
        "outside",
        "twin",
        "weight",
    )

    def __init__(
        self, opening: Opening | None, claim: Claim, group: int, asked: list[int], *, fault: str | None = None
    ) -> None:
        self.opening = opening
        self.claim = claim
        self.group = group
        self.asked = asked
        self.instants: list[int] = []
        self.weight: int | None = None
        self.level: Level = (0, 0)
        self.factors: dict[str, float] | None = None
        self.fault = fault
        self.fit: tuple[float, float, float] | None = None
        self.outside: str | None = None
        self.twin = 0


class Winner:
    """A granted claim: when it goes, and what it does to others."""

    __slots__ = ("at", "effects", "entry", "number")

    def __init__(self, entry: Entry, at: int, effects: Effects, number: int) -> None:
        self.entry = entry
        self.at = at
        self.effects = effects
        self.number = number


class Case:
    """One contact's claims, history and moment.

    Attributes:
        winners: what is granted, in the order of claims.
        total: sum of weight less reserve over the winners, in millionths.
        bound: no set of claims is worth more.
        optimal: whether the search came to its end.
    """

    def __init__(
        self,
        compiled: Compiled,
        *,
        policy: Any,
        policy_name: str,
        contact: Contact,
        touches: Iterable[Touch],
        claims: Iterable[Claim] | None,
        scores: Mapping[str, Score],
        at: datetime,
        until: datetime | None,
        budget: int,
    ) -> None:
        self.compiled = compiled
        self.playbook = compiled.playbook
        self.policy = policy
        self.policy_name = policy_name
        self.contact = contact
        self.at = at
        self.until = until
        self.now = micros(at)
        self.last = self.now if until is None else micros(until, what="until")
        if self.last < self.now:
            raise ModelError(f"until ({until}) lies before at ({at})", field="until")
        self.clock: Clock = compiled.clock if contact.timezone is None else clock(contact.timezone)
        self.subject = Subject(contact, self.playbook, compiled.schedule, self.clock, self.now)
        self.scores = scores
        self.budget = budget
        self.reserve = scaled(self.playbook.reserve, MILLIONTH)
        self.gauges = compiled.gauges(self.clock)
        self._limits: dict[int, int | None] = {}
        self._spans: dict[tuple[int, tuple[str, ...], int], list[Span]] = {}
        self._ranks = getattr(policy, "rank", None)
        self._slots: dict[tuple[str | None, bool], list[int]] = {}
        self.claims = None if claims is None else tuple(claims)
        self.gathered = self._gather_openings() if self._is_plain else self._gather_all()
        self.entries = [entry for entry in self.gathered if entry.instants and self.weigh(entry)]
        self._take_history(tuple(touches))
        self._settle()

    @property
    def _is_plain(self) -> bool:
        """Whether every campaign asks for this very instant: the common case, and the fast one."""
        return self.claims is None and self.until is None

    # Gathering

    def _gather_openings(self) -> list[Entry]:
        """The eligible openings at the decision's instant: what `failures` says, asked the cheap way round."""
        contact, now, values, local = self.contact, self.now, self.subject.values, self.subject.local
        if contact.suppressed:
            return []
        day = self.clock.day(now)
        deny_unknown = self.playbook.on_missing.consent == "deny"
        channels: dict[str | None, tuple[bool, bool]] = {}
        found: list[Entry] = []
        for opening, claim, base, stage_fit, role_fit in self.compiled.fits(contact.stage, contact.role):
            if not opening.starts <= day <= opening.ends or (opening.dates is not None and day not in opening.dates):
                continue
            campaign = opening.campaign
            channel = opening.channel
            state = channels.get(channel)
            if state is None:
                consent = contact.consent_for(channel, now) if channel is not None else None
                agreed = not contact.opted_out and (consent is True or (consent is None and not deny_unknown))
                state = agreed, not self.compiled.schedule.closed(channel, now, self.clock)
                channels[channel] = state
            if (campaign.needs_consent and not state[0]) or (campaign.obeys_quiet_hours and not state[1]):
                continue
            if opening.audience is not None and opening.audience(values, local) is not True:
                continue
            if opening.rare and not self._passes_rare(opening):
                continue
            entry = Entry(opening, claim, len(found), [now])
            entry.instants = entry.asked
            entry.fit = base, stage_fit, role_fit
            found.append(entry)
        return self._group(found)

    def _passes_rare(self, opening: Opening) -> bool:
        """The checks that most openings are spared."""
        if opening.campaign.needs_consent:
            for holdout in (self.playbook.holdout, opening.campaign.holdout):
                if holdout is not None and holdout.holds(self.contact.id):
                    return False
            if any(withdrawn(self.contact, opening, self.now)):
                return False
        return not any(missing(self.subject, opening, self.now))

    def _group(self, entries: list[Entry]) -> list[Entry]:
        """The contents of one campaign are one wish: they share a group; scores speak for all of them."""
        groups: dict[str, int] = {}
        for entry in entries:
            entry.group = groups.setdefault(entry.claim.campaign, entry.group)
            if self.scores:
                entry.claim = self._scored(entry.claim)
        return entries

    def _scored(self, claim: Claim) -> Claim:
        score = self.scores.get(claim.campaign)
        if score is None:
            return claim
        return evolve(
            claim,
            propensity=score.propensity if claim.propensity is None else claim.propensity,
            value=score.value if claim.value is None else claim.value,
        )

    def all_entries(self) -> list[Entry]:
        """Every claim, one entry each, eligible or not; the faulty ones too."""
        if not self._is_plain:
            return self.gathered
        known = {entry.opening: entry for entry in self.gathered}
        now = [self.now]
        return [
            known.get(opening) or Entry(opening, claim, place, now)
            for place, (opening, claim) in enumerate(self.compiled.claims.items())
        ]

    def _gather_all(self) -> list[Entry]:
        if self.claims is None:
            asked = enumerate(self.compiled.claims.items())
            entries = self._group([Entry(opening, claim, place, []) for place, (opening, claim) in asked])
        else:
            entries = [entry for group, claim in enumerate(self.claims) for entry in self._expand(group, claim)]
            _mark_twins(entries)
        for entry in entries:
            self._open(entry)
        return entries

    def _expand(self, group: int, claim: Claim) -> list[Entry]:
        """A claim as entries: one for each content that it leaves open."""
        if not isinstance(claim, Claim):
            raise ModelError(f"claims must be Claim objects, found {claim!r}", field="claims")
        claim = self._scored(claim)
        fault = claim.fault()
        if fault is not None:
            return [Entry(None, claim, group, [], fault=fault)]
        openings = self.compiled.openings_for(claim)
        if isinstance(openings, str):
            return [Entry(None, claim, group, [], fault=openings)]
        return [
            Entry(opening, evolve(claim, content=opening.content_id, channel=opening.channel), group, [])
            for opening in openings
        ]

    def _open(self, entry: Entry) -> None:
        """Work out when an entry could go, and when it may."""
        opening = entry.opening
        if opening is None or entry.fault is not None:
            return
        entry.asked = self._asked(entry, opening)
        if entry.outside is None:
            entry.instants = [at for at in entry.asked if not any(True for _ in failures(self.subject, opening, at))]

    def _asked(self, entry: Entry, opening: Opening) -> list[int]:
        """The instants of a claim: its own, or one on each local day of the span."""
        own = entry.claim.at
        if own is None:
            if self.until is None:
                return [self.now]
            return self._day_slots(opening) or [self.now]
        if isinstance(own, datetime):
            at = micros(own)
        else:
            day = day_number(own)
            slot = self.now if self.until is None and day == self.clock.day(self.now) else self._slot(opening, day)
            # On a day without a slot it asks for the day's start, where the check of the hours says why not.
            at = slot if slot is not None else max(self.clock.day_start(day), self.now)
        if not self.now <= at <= self.last:
            entry.outside = f"asked for {own.isoformat()}"
        return [at]

    def _day_slots(self, opening: Opening) -> list[int]:
        """The slots of the span, one a local day, for an opening's channel."""
        key = (opening.channel, opening.campaign.obeys_quiet_hours)
        slots = self._slots.get(key)
        if slots is None:
            days = range(self.clock.day(self.now), self.clock.day(self.last) + 1)
            found = (self._slot(opening, day) for day in days)
            slots = self._slots[key] = [at for at in found if at is not None and at <= self.last]
        return slots

    def _slot(self, opening: Opening, day: int) -> int | None:
        return slot_of_day(self.subject, opening, day, self.now)

    # Weighing

    def context(self, entry: Entry) -> Context:
        """What the policy may look at for an entry."""
        opening = entry.opening
        assert opening is not None  # noqa: S101  (an entry without an opening is faulty and never weighed)
        contact = self.contact
        fit = entry.fit
        if fit is None:
            fit = entry.fit = self.compiled.fit(opening, contact.stage, contact.role)[2:]
        channel = opening.channel
        preference = contact.preferences.get(channel, 1.0) if contact.preferences and channel else 1.0
        interest = 1.0
        if self.playbook.interest_lift and not set(contact.interests).isdisjoint(opening.topics):
            interest += self.playbook.interest_lift
        return Context(
            self.subject.local,
            self.playbook,
            opening.campaign,
            opening.content,
            opening.team,
            *fit,
            preference,
            interest,
        )

    def weigh(self, entry: Entry) -> bool:
        """Give an entry its weight and level; False, with a fault, where that cannot be done."""
        opening, claim = entry.opening, entry.claim
        assert opening is not None  # noqa: S101  (only eligible entries are weighed, and they have one)
        weight: Any = claim.weight
        if weight is None or self._ranks is not None:
            context = self.context(entry)
            try:
                if weight is None:
                    weight = self.policy.weigh(claim, self.contact, context)
                rank = 0 if self._ranks is None else self._ranks(claim, self.contact, context)
                weight = weight if type(weight) is float else _as_float(weight)
                rank = rank if type(rank) is int else _as_int(rank)
            except Exception as error:  # noqa: BLE001  (a policy is foreign code: whatever it raises is its fault)
                entry.fault = f"policy {self.policy_name!r} failed: {type(error).__name__}: {error}"
                return False
            entry.level = (opening.campaign.tier, rank)
        else:
            entry.level = (opening.campaign.tier, 0)
        if not -LARGEST <= weight <= LARGEST:
            entry.fault = (
                f"policy {self.policy_name!r} gave the weight {weight!r}; allowed are numbers up to {LARGEST:g}"
            )
            return False
        entry.weight = round(weight * MILLIONTH)
        return True

    # History

    def _take_history(self, touches: Sequence[Touch]) -> None:
        """The touches that count: who they are and what they do, with what is decided again left out."""
        self.history: list[tuple[int, Effects]] = []
        self.counts: dict[str, int] = {}
        self.spans_of: dict[tuple[int, tuple[str, ...]], list[tuple[int, date | None, int]]] = {}
        for touch in touches:
            if not touch.counts_at(self.now) or touch.contact not in (None, self.contact.id):
                continue
            effects = self.compiled.effects(touch)
            if touch.status == "planned" and touch.campaign is not None and self._decides_again(touch):
                continue
            at = touch.micros
            self.history.append((at, effects))
            if effects.campaign is not None:
                self.counts[effects.campaign] = self.counts.get(effects.campaign, 0) + 1
            for cap, key, points in effects.cells:
                self.spans_of.setdefault((cap, key), []).append((at, effects.ends, points))

    def _decides_again(self, touch: Touch) -> bool:
        """Whether a planned touch is one of the claims of this case, and so replaced by it."""
        if self.claims is None:
            asked = (
                (o.campaign.id, o.content_id, o.channel)
                for o in self.compiled.of_campaign.get(touch.campaign or "", ())
            )
        else:
            asked = (
                (e.claim.campaign, e.claim.content, e.claim.channel)
                for g, c in enumerate(self.claims)
                for e in self._expand(g, c)
            )
        return any(
            campaign == touch.campaign and touch.content in (None, content) and touch.channel in (None, channel)
            for campaign, content, channel in asked
        )

    def limit(self, cap: int) -> int | None:
        """The limit of a cap for this contact, in billionths; None where it does not bind him.

        Raises:
            ModelError: if it is a limit of his own that cannot be.
        """
        if cap not in self._limits:
            audience = self.compiled.audiences[cap]
            protects = audience is None or audience(self.subject.values, self.subject.local) is True
            self._limits[cap] = self.playbook.caps[cap].limit_for(self.subject.values) if protects else None
        return self._limits[cap]

    def spans(self, cap: int, key: tuple[str, ...], winners: Sequence[Winner] = ()) -> list[Span]:
        """What stands in a cap's windows: the history, and the winners given."""
        gauge = self.gauges[cap]
        found = [gauge.span(at, ends, points) for at, ends, points in self.spans_of.get((cap, key), ())]
        found += [
            gauge.span(winner.at, winner.effects.ends, points, winner.number)
            for winner in winners
            for number, own, points in winner.effects.cells
            if number == cap and own == key
        ]
        return [span for span in found if span is not None]

    def before_spans(self, cap: int, key: tuple[str, ...]) -> list[Span]:
        """What stood in a cap's windows before claims that obey caps were settled."""
        return self._remembered(cap, key, self.exempt_winners)

    def all_spans(self, cap: int, key: tuple[str, ...]) -> list[Span]:
        """What stands in a cap's windows now that all is settled."""
        return self._remembered(cap, key, self.winners)

    def _remembered(self, cap: int, key: tuple[str, ...], winners: Sequence[Winner]) -> list[Span]:
        memory = (cap, key, len(winners))
        found = self._spans.get(memory)
        if found is None:
            found = self._spans[memory] = self.spans(cap, key, winners)
        return found

    # Settling

    def _settle(self) -> None:
        """Exempt claims first; then, with what they count as history, all others."""
        for entry in self.entries:
            self._check_limits(entry)
        entries = [entry for entry in self.entries if entry.fault is None]
        self.exempt = Contest(self, [e for e in entries if not _opening(e).campaign.obeys_caps], ())
        self.exempt_winners = self.exempt.winners()
        self.contest = Contest(self, [e for e in entries if _opening(e).campaign.obeys_caps], self.exempt_winners)
        both = [*self.exempt_winners, *self.contest.winners()]
        both.sort(key=lambda winner: self.order(winner.entry, winner.at))
        for number, winner in enumerate(both):
            winner.number = number
        self.winners = both
        self.total = sum(self.worth(winner.entry) for winner in both)
        self.optimal = self.exempt.optimal and self.contest.optimal
        self.bound = self.exempt.bound + self.contest.bound

    def _check_limits(self, entry: Entry) -> None:
        """A limit of the contact's own that cannot be makes the claims that it should stop invalid, and no others."""
        opening = _opening(entry)
        if opening.campaign.obeys_caps:
            for cap, _, _ in opening.cells:
                try:
                    self.limit(cap)
                except ModelError as error:
                    entry.fault = f"cap {self.playbook.caps[cap].name!r}: {error}"
                    entry.weight = None

    def worth(self, entry: Entry) -> int:
        """Weight less reserve, in millionths."""
        return (entry.weight or 0) - self.reserve

    @staticmethod
    def order(entry: Entry, at: int) -> tuple[int, int, tuple[int, str, str, str]]:
        """The place of a claim, at an instant, in the order of claims."""
        return -(entry.weight or 0), at, _opening(entry).tie

    def clashes(self, opening: Opening, effects: Effects, at: int) -> list[tuple[int, int, int]]:
        """The conflicts of an opening with a touch or winner at an instant: number, first and last instant it bars."""
        found = []
        for number, conflict in enumerate(self.playbook.conflicts):
            bit = 1 << number
            back = ahead = None
            if opening.then & bit and effects.first & bit:
                ahead = True
                back = conflict.both_ways
            if opening.first & bit and effects.then & bit:
                back = True
                ahead = ahead or conflict.both_ways
            if ahead is not None or back is not None:
                found.append((number, *self._barred(conflict, at, back=bool(back), ahead=bool(ahead))))
        return found

    def _barred(self, conflict: Conflict, at: int, *, back: bool, ahead: bool) -> tuple[int, int]:
        lag = conflict.lag
        if lag.days is None:
            assert lag.length is not None  # noqa: S101  (a lag is one or the other)
            length = lag.length // _MICROSECOND
            return at - (length if back else 0), at + (length if ahead else 0)
        day = self.clock.day(at)
        first = self.clock.day_start(day - (lag.days if back else 0))
        return first, self.clock.day_start(day + (lag.days if ahead else 0) + 1) - 1

    def met_by_history(self, requirement: int, at: int) -> bool:
        """Whether a touch of the history will do for a requirement at an instant."""
        gauge = self.compiled.within(self.clock)[requirement]
        if gauge is None:
            return False
        bit = 1 << requirement
        for when, effects in self.history:
            if effects.partner & bit and when <= at and _still_counts(gauge, when, effects, at):
                return True
        return False


def _opening(entry: Entry) -> Opening:
    assert entry.opening is not None  # noqa: S101  (an entry without an opening is faulty and never settled)
    return entry.opening


def _still_counts(gauge: Gauge, when: int, effects: Effects, at: int) -> bool:
    span = gauge.span(when, effects.ends, 1)
    if span is None:
        return False
    if gauge.running:
        return effects.campaign is not None and span[0] <= at < span[1]
    place = gauge.axis(at)
    return place is not None and gauge.back(place) <= span[0] <= place


class Contest:
    """Claims that compete: the problem they make, and its answers.

    Attributes:
        entries: the claims.
        items: one for each claim and instant at which it may go.
        shut: the items that the history alone rules out.
    """

    def __init__(self, case: Case, entries: list[Entry], before: Sequence[Winner]) -> None:
        self.case = case
        self.entries = entries
        self.before = before
        self.items = [(entry, at) for entry in entries for at in entry.instants]
        self.shut: set[int] = set()
        self.optimal = True
        self.bound = 0
        if not self.items:
            self.problem = Problem()
            self.chosen: tuple[int, ...] = ()
            return
        self.single = len({at for _, at in self.items}) == 1
        groups, rows = self._groups_and_repeats()
        rows += self._cap_rows()
        pairs = self._pairs()
        clauses = self._clauses()
        open_groups = tuple(tuple(item for item in group if item not in self.shut) for group in groups)
        self.problem = Problem(tuple(rows), tuple(group for group in open_groups if len(group) > 1), pairs, clauses)
        answer = self.solve()
        self.chosen, self.optimal, self.bound = answer.chosen, answer.optimal, answer.bound

    def winners(self) -> list[Winner]:
        """The granted claims."""
        effects = self.case.compiled.effects_of_winner
        return [
            Winner(entry, at, effects(_opening(entry)), HISTORY)
            for entry, at in (self.items[item] for item in self.chosen)
        ]

    def solve(
        self,
        *,
        weights: Mapping[Entry, int] | None = None,
        force: Entry | None = None,
        without: Entry | None = None,
    ) -> Answer:
        """The best set, with other weights, with a claim forced in, or without one."""
        case = self.case
        weights = weights or {}
        active, levels, values = [], [], []
        for item, (entry, _) in enumerate(self.items):
            value = weights.get(entry, entry.weight or 0) - case.reserve
            if item in self.shut or entry is without or (value <= 0 and entry is not force):
                continue
            active.append(item)
            levels.append(FIRST if entry is force else entry.level)
            values.append(1 if entry is force else value)
        every = [0] * len(self.items)
        for item, value in zip(active, combine(levels, values), strict=True):
            every[item] = value
        items = self.items
        if weights:
            key = {
                item: (
                    -weights.get(items[item][0], items[item][0].weight or 0),
                    *case.order(*items[item])[1:],
                )
                for item in active
            }
        else:
            key = {item: case.order(*items[item]) for item in active}
        choice = self.problem.solve(every, sorted(active, key=key.__getitem__), case.budget)
        totals: dict[Level, int] = {}
        for item in choice.chosen:
            entry = items[item][0]
            if entry is not force:
                totals[entry.level] = totals.get(entry.level, 0) + weights.get(entry, entry.weight or 0) - case.reserve
        total = sum(totals.values())
        optimal = choice.bound == choice.value
        one_level = len(set(levels)) <= 1
        bound = total if optimal else choice.bound if one_level else sum(values)
        return Answer(choice.chosen, totals, total, bound, optimal=optimal)

    def _groups_and_repeats(self) -> tuple[list[list[int]], list[tuple[dict[int, int], int]]]:
        groups: dict[int, list[int]] = {}
        campaigns: dict[str, list[int]] = {}
        for item, (entry, _) in enumerate(self.items):
            groups.setdefault(entry.group, []).append(item)
            opening = _opening(entry)
            if opening.campaign.repeat is not None:
                campaigns.setdefault(opening.campaign.id, []).append(item)
        rows = []
        for campaign, items in campaigns.items():
            repeat = _opening(self.items[items[0]][0]).campaign.repeat
            room = (repeat or 0) - self.case.counts.get(campaign, 0)
            if room <= 0:
                self.shut.update(items)
            elif len(items) > room:
                rows.append((dict.fromkeys(items, 1), room))
        return list(groups.values()), rows

    def _cap_rows(self) -> list[tuple[dict[int, int], int]]:
        """A row for each set of claims that some window of some cap holds together."""
        cells: dict[tuple[int, tuple[str, ...]], list[tuple[int, int]]] = {}
        for item, (entry, _) in enumerate(self.items):
            opening = _opening(entry)
            if opening.campaign.obeys_caps:
                for cap, key, points in opening.cells:
                    cells.setdefault((cap, key), []).append((item, points))
        rows: list[tuple[dict[int, int], int]] = []
        for (cap, key), members in cells.items():
            limit = self.case.limit(cap)
            if limit is not None:
                spans = self.case.spans(cap, key, self.before)
                if self.single and not self.case.gauges[cap].running:
                    self._row_at_once(cap, limit, spans, members, rows)
                else:
                    self._rows_over_time(cap, limit, spans, members, rows)
        return rows

    def _row_at_once(
        self,
        cap: int,
        limit: int,
        spans: list[Span],
        members: list[tuple[int, int]],
        rows: list[tuple[dict[int, int], int]],
    ) -> None:
        gauge = self.case.gauges[cap]
        own = gauge.span(self.items[0][1], None, 0)
        if own is None:
            return
        room = max(0, limit - (gauge.load(spans, own) if spans else 0))
        used = 0
        for item, points in members:
            used += points
            if points > room:
                self.shut.add(item)
        if used > room:
            rows.append((dict(members), room))

    def _rows_over_time(
        self,
        cap: int,
        limit: int,
        spans: list[Span],
        members: list[tuple[int, int]],
        rows: list[tuple[dict[int, int], int]],
    ) -> None:
        gauge = self.case.gauges[cap]
        placed = []
        for item, points in members:
            entry, at = self.items[item]
            own = gauge.span(at, _opening(entry).campaign.ends, points, item)
            if own is not None:
                placed.append(own)
                if gauge.load(spans, own) + points > limit:
                    self.shut.add(item)
        placed = [span for span in placed if span[3] not in self.shut]
        if not placed:
            return
        seen: set[tuple[frozenset[int], int]] = set()
        everything = [*spans, *placed]
        for group in gauge.groups(everything):
            inside = [everything[at] for at in group]
            row = {span[3]: span[2] for span in inside if span[3] != HISTORY}
            room = limit - sum(span[2] for span in inside) + sum(row.values())
            key = (frozenset(row), room)
            if sum(row.values()) > room and key not in seen:
                seen.add(key)
                rows.append((row, max(0, room)))
        self._add_sum(gauge, limit, spans, placed, rows)

    def _add_sum(
        self,
        gauge: Gauge,
        limit: int,
        spans: list[Span],
        placed: list[Span],
        rows: list[tuple[dict[int, int], int]],
    ) -> None:
        """A row that follows from the others, and that no search finds alone: how many fit over the whole span.

        Filling the windows from the left, each as early as possible, fits the most (an exchange argument: an earlier
        place leaves every later window no fuller).
        """
        points = {span[2] for span in placed}
        if gauge.running or len(points) != 1:
            return
        each = points.pop()
        filled = list(spans)
        count = 0
        for own in sorted({(start, end, each, HISTORY) for start, end, _, _ in placed}):
            while count < len(placed) and gauge.load(filled, own) + each <= limit:
                filled.append(own)
                count += 1
        rows.append(({span[3]: 1 for span in placed}, count))

    def _pairs(self) -> tuple[tuple[int, int], ...]:
        """Conflicts: with the history they shut an item, among items they make pairs."""
        case = self.case
        if not case.playbook.conflicts:
            return ()
        marked = [item for item, (entry, _) in enumerate(self.items) if _opening(entry).first or _opening(entry).then]
        pairs = []
        others = [*case.history, *((winner.at, winner.effects) for winner in self.before)]
        for item in marked:
            entry, at = self.items[item]
            opening = _opening(entry)
            if any(
                low <= at <= high for when, effects in others for _, low, high in case.clashes(opening, effects, when)
            ):
                self.shut.add(item)
        effects = {item: case.compiled.effects_of_winner(_opening(self.items[item][0])) for item in marked}
        for place, item in enumerate(marked):
            entry, at = self.items[item]
            opening = _opening(entry)
            for other in marked[place + 1 :]:
                rival, when = self.items[other]
                if rival is not entry and any(
                    low <= at <= high for _, low, high in case.clashes(opening, effects[other], when)
                ):
                    pairs.append((item, other))
        return tuple(pair for pair in pairs if self.shut.isdisjoint(pair))

    def _clauses(self) -> tuple[tuple[int, frozenset[int]], ...]:
        """Requirements: an item, and those of which one must be granted with it."""
        case = self.case
        clauses = []
        for number in range(len(case.playbook.requirements)):
            bit = 1 << number
            for item, (entry, at) in enumerate(self.items):
                if item in self.shut or not _opening(entry).needy & bit or self.met_before(number, at):
                    continue
                partners = frozenset(
                    other
                    for other, (rival, when) in enumerate(self.items)
                    if other not in self.shut
                    and rival is not entry
                    and _opening(rival).partner & bit
                    and when <= at
                    and rival.level[0] <= entry.level[0]
                )
                clauses.append((item, partners))
        return tuple(clauses)

    def met_before(self, requirement: int, at: int) -> bool:
        """Whether the history, or a winner that came before this contest, will do for a requirement."""
        bit = 1 << requirement
        return self.case.met_by_history(requirement, at) or any(
            winner.effects.partner & bit and winner.at <= at for winner in self.before
        )


class Answer:
    """One answer of a contest."""

    __slots__ = ("bound", "chosen", "optimal", "total", "totals")

    def __init__(
        self, chosen: tuple[int, ...], totals: dict[Level, int], total: int, bound: int, *, optimal: bool
    ) -> None:
        self.chosen = chosen
        self.totals = totals
        self.total = total
        self.bound = bound
        self.optimal = optimal


def _as_float(value: object) -> float:
    if isinstance(value, bool) or value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"a weight is a number, found {value!r}")
    return float(value)  # type: ignore[arg-type]


def _as_int(value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"a rank is a whole number, found {value!r}")
    return value.__index__()  # type: ignore[no-any-return]


def _mark_twins(entries: Iterable[Entry]) -> None:
    """Of claims that ask for the same thing one stands; which one does not depend on their order."""
    same: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in entries:
        claim = entry.claim
        if entry.fault is None:
            own = claim.at
            when = micros(own) if isinstance(own, datetime) else own.isoformat() if own is not None else None
            same.setdefault((claim.campaign, claim.content, claim.channel, when), []).append(entry)
    for twins in same.values():
        for place, entry in enumerate(sorted(twins, key=_claim_order) if len(twins) > 1 else ()):
            if place:
                entry.twin = place
                entry.fault = "the same claim is there already"


def _claim_order(entry: Entry) -> tuple[Any, ...]:
    claim = entry.claim
    rest = (claim.propensity, claim.value, claim.cost, claim.asked_at and micros(claim.asked_at))
    return (
        -(claim.weight if claim.weight is not None else -LARGEST),
        *((part is None, part or 0) for part in rest),
        sorted(claim.numbers.items()),
    )
