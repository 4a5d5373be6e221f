"""A case: one contact's claims, history and moment, gathered, weighed and settled.

Explaining a case is `journeykit.explain`'s work; here it is only decided.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import Clock, clock, day_number, first_and_last, micros
from journeykit.basics.validation import LARGEST, MILLIONTH, all_of, scaled
from journeykit.contest import Contest
from journeykit.eligibility import Opening, Subject, failures, missing, slot_of_day, withdrawn
from journeykit.entry import Entry, Level, Winner, opening_of
from journeykit.errors import ModelError
from journeykit.model.claim import Claim
from journeykit.model.touch import Touch
from journeykit.past import Partners, Past, bars_of, clashes, holds
from journeykit.policies.policy import Context, offers
from journeykit.prices import whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date

    from journeykit.compiled import Compiled, Effects
    from journeykit.engine.contact_group import QuotaChoice
    from journeykit.model.claim import Scores
    from journeykit.model.contact import Contact
    from journeykit.model.quota import Side
    from journeykit.playbook.vocabulary import Vocabulary
    from journeykit.prices import Tariff
    from journeykit.room import Filled, Span

_ByKey = dict[tuple[str, ...], list[tuple[Winner, int]]]
_ByClaim = dict[tuple[str, str | None], list[Winner]]


class Case:
    """One contact's claims, history and moment.

    Attributes:
        winners: what is granted, in the order of claims.
        everyone: the winners by their numbers: his own, or those of the whole account that he was decided with.
        total: sum of weight less reserve over the winners, in millionths.
        bound: no set of claims is worth more.
        optimal: whether the search came to its end.
        together: the ids of the contacts that are decided together; none where he is alone.
    """

    together: tuple[str, ...] = ()

    def __init__(
        self,
        compiled: Compiled,
        *,
        policy: Any,
        policy_name: str,
        contact: Contact,
        touches: Iterable[Touch],
        claims: Iterable[Claim] | None,
        scores: Scores,
        at: datetime,
        until: datetime | None,
        budget: int,
        tariff: Tariff | None = None,
        choice: QuotaChoice | None = None,
        scored: Collection[str] = (),
    ) -> None:
        self.compiled = compiled
        self.tariff = tariff
        self.choice = choice
        self.playbook = compiled.playbook
        self.policy = policy
        self.policy_name = policy_name
        self.at = at
        self.until = until
        self.now, self.last = first_and_last(at, until)
        vocabulary = compiled.vocabulary
        contact = vocabulary.contact(contact)
        self.clock: Clock = compiled.clock if contact.timezone is None else clock(contact.timezone)
        self.subject = Subject(contact, self.playbook, compiled.schedule, self.clock, self.now)
        self.contact = self.subject.contact
        self.scores = {_spelt(vocabulary, name): score for name, score in scores.items()}
        self.scored = compiled.scored.union(vocabulary.spelt("campaign", name) for name in scored)
        self.budget = budget
        self.reserve = scaled(self.playbook.reserve, MILLIONTH)
        self.gauges = compiled.gauges(self.clock)
        self._limits: dict[int, int | None] = {}
        # What rows of claims that are alike have in common.
        self.known: dict[Any, Any] = {}
        self._spans: dict[tuple[int, tuple[str, ...], int], Filled] = {}
        self._rivals: dict[tuple[int, tuple[str, ...]], Filled] = {}
        self._keyed: dict[
            tuple[int, int], tuple[Sequence[Winner], dict[tuple[str, ...], list[tuple[Winner, int]]]]
        ] = {}
        self._sorted: tuple[Sequence[Winner], _ByClaim, dict[int | str, list[Winner]]] = ((), {}, {})
        self._bars: dict[tuple[int, int], dict[int, list[tuple[int, int]]]] = {}
        self._partners: dict[int, Partners | None] = {}
        self._ranks = getattr(policy, "rank", None)
        self._slots: dict[tuple[str | None, bool], list[int]] = {}
        self.claims = None if claims is None else [vocabulary.claim(own) for own in all_of(Claim, claims, "claims")]
        self._touches = all_of(Touch, touches, "touches")
        self.gathered = self._gather_openings() if self._is_plain else self._gather_all()
        self.entries = [entry for entry in self.gathered if entry.instants and self.weigh(entry)]
        self._settle()

    @property
    def arbitrations(self) -> Mapping[str, Case]:
        """By contact id, the settled claims."""
        return {self.contact.id: self}

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
        schedule = self.compiled.schedule
        found: list[Entry] = []
        for channel, fits in self.compiled.fits(contact.stage, contact.role):
            consent = contact.consent_for(channel, now) if channel is not None else None
            agreed = not contact.opted_out and (consent is True or (consent is None and not deny_unknown))
            in_hours = not schedule or not schedule.closed(channel, now, self.clock)
            for opening, claim, fit in fits:
                if not opening.starts <= day <= opening.ends or (
                    opening.dates is not None and day not in opening.dates
                ):
                    continue
                if (not agreed and opening.campaign.needs_consent) or (
                    not in_hours and opening.campaign.obeys_quiet_hours
                ):
                    continue
                if opening.audience is not None and opening.audience(values, local) is not True:
                    continue
                if opening.rare and not self._passes_rare(opening):
                    continue
                entry = self._derived(opening, claim, [now])
                if self.scored and self.lacks_score(entry.claim):
                    continue
                entry.instants = entry.asked
                entry.fit = fit
                found.append(entry)
        return found

    def _passes_rare(self, opening: Opening) -> bool:
        """The checks that most openings are spared."""
        if opening.campaign.needs_consent:
            for holdout in (self.playbook.holdout, opening.campaign.holdout):
                if holdout is not None and holdout.holds(self.contact.id):
                    return False
            if any(withdrawn(self.contact, opening, self.now)):
                return False
        return not any(missing(self.subject, opening, self.now))

    def _derived(self, opening: Opening, claim: Claim, asked: list[int]) -> Entry:
        """The entry of an opening that nobody asked for; the contents of one campaign are one wish, and one group."""
        return Entry(opening, self._scored(claim) if self.scores else claim, claim.campaign, asked)

    def _scored(self, claim: Claim) -> Claim:
        # The score of the content, else that of the campaign.
        score = self.scores.get((claim.campaign, claim.content)) or self.scores.get(claim.campaign)
        if score is None:
            return claim
        return evolve(
            claim,
            propensity=score.propensity if claim.propensity is None else claim.propensity,
            value=score.value if claim.value is None else claim.value,
        )

    @cached_property
    def everything(self) -> list[Entry]:
        """Every claim, one entry each, eligible or not; the faulty ones too."""
        if not self._is_plain:
            return self.gathered
        known = {entry.opening: entry for entry in self.gathered}
        now = [self.now]
        return [
            known.get(opening) or self._derived(opening, claim, now) for opening, claim in self.compiled.claims.items()
        ]

    def _gather_all(self) -> list[Entry]:
        if self.claims is None:
            entries = [self._derived(opening, claim, []) for opening, claim in self.compiled.claims.items()]
        else:
            entries = [entry for group, claim in enumerate(self.claims) for entry in self._expand(group, claim)]
            _mark_twins(entries)
        for entry in entries:
            self._open(entry)
        return entries

    def _expand(self, group: int, claim: Claim) -> list[Entry]:
        """A claim as entries: one for each content that it leaves open."""
        fault = claim.fault()
        if fault is not None:
            return [Entry(None, claim, group, [], fault=fault)]
        openings = self.compiled.openings_for(claim)
        if isinstance(openings, str):
            return [Entry(None, claim, group, [], fault=openings)]
        lacking = self.compiled.lacking(openings, claim)
        if lacking is not None:
            return [Entry(None, claim, group, [], fault=lacking)]
        return [self._entry(group, _complete(claim, opening), opening) for opening in openings]

    def _entry(self, group: int, claim: Claim, opening: Opening) -> Entry:
        """The entry of a claim that was brought, for one content."""
        fault = None
        if self.scores:
            claim = self._scored(claim)
            fault = claim.fault()
        return Entry(None if fault else opening, claim, group, [], fault=fault)

    def lacks_score(self, claim: Claim) -> bool:
        """Whether a claim needs a score that it does not have."""
        return claim.propensity is None and claim.weight is None and claim.campaign in self.scored

    def _open(self, entry: Entry) -> None:
        """Work out when an entry could go, and when it may."""
        opening = entry.opening
        if opening is None or entry.fault is not None:
            return
        entry.asked = self._asked(entry, opening)
        if entry.outside is None:
            if self.scored and self.lacks_score(entry.claim):
                return
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
            start = self.clock.day_start(day)
            at = slot if slot is not None else max(start, self.now) if day == self.clock.day(self.now) else start
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
            fit = entry.fit = self.compiled.fit(opening, contact.stage, contact.role)[2]
        base, stage_fit, role_fit, gain = fit
        channel = opening.channel
        preference = contact.preferences.get(channel, 1.0) if contact.preferences and channel else 1.0
        interest = 1.0
        if self.playbook.interest_lift and not set(contact.interests).isdisjoint(opening.about):
            interest += self.playbook.interest_lift
        return Context(
            self.subject.local,
            self.playbook,
            opening.campaign,
            opening.content,
            opening.team,
            base,
            stage_fit,
            role_fit,
            preference,
            interest,
            gain,
        )

    def weigh(self, entry: Entry) -> bool:
        """Give an entry its weight and level; False, with a fault, where that cannot be done."""
        found = self.weighed(entry)
        if isinstance(found, str):
            entry.fault = found
            return False
        entry.weight, entry.level = found
        return True

    def weighed(self, entry: Entry) -> tuple[int, Level] | str:
        """The weight and level of an entry, or what is wrong with them."""
        claim = entry.claim
        tier = opening_of(entry).campaign.tier
        weight: Any = claim.weight
        rank = 0
        if weight is None or self._ranks is not None:
            context = self.context(entry)
            try:
                if weight is None:
                    weight = self.policy.weigh(claim, self.contact, context)
                if self._ranks is not None:
                    rank = _as_int(self._ranks(claim, self.contact, context))
                weight = weight if type(weight) is float else _as_float(weight)
            except Exception as error:  # noqa: BLE001  (a policy is foreign code: whatever it raises is its fault)
                return f"policy {self.policy_name!r} failed: {type(error).__name__}: {error}"
        if not -LARGEST <= weight <= LARGEST:
            return f"policy {self.policy_name!r} gave the weight {weight!r}; allowed are numbers up to {LARGEST:g}"
        return round(weight * MILLIONTH), (tier, rank)

    def factors(self, entry: Entry, weight: int) -> dict[str, float]:
        """What a weight that the policy gave is made of, by name; the policy's name where it does not say."""
        own = {self.policy_name: weight / MILLIONTH}
        if not offers(self.policy, "factors", "weigh"):
            return own
        try:
            found = dict(self.policy.factors(entry.claim, self.contact, self.context(entry)))
            # A whole number stays one; what is none is refused.
            return {str(name): factor for name, factor in found.items() if _as_float(factor) is not None}
        except Exception:  # noqa: BLE001  (foreign code: a row is written all the same)
            return own

    # History

    @cached_property
    def past(self) -> Past:
        """The history, read when something asks for it: a contact whom nobody may address needs none."""
        return Past(self.compiled, self.contact.id, self._touches, self.now, self._decides_again)

    def _decides_again(self, touch: Touch) -> bool:
        """Whether a planned touch is one of the claims of this case, and so replaced by it."""
        return (touch.campaign, touch.content, touch.channel, touch.claim) in self._asked_for

    @cached_property
    def _asked_for(self) -> frozenset[tuple[str | None, ...]]:
        """What the claims ask for: campaign, content, channel and id, each also with the last three left open."""
        asked: set[tuple[str, str | None, str | None, str | None]]
        if self.claims is None:
            asked = {(o.campaign.id, o.content_id, o.channel, None) for o in self.compiled.claims}
        else:
            asked = {
                (e.claim.campaign, e.claim.content, e.claim.channel, e.claim.id)
                for g, c in enumerate(self.claims)
                for e in self._expand(g, c)
                if e.fault is None
            }
        return frozenset(
            (campaign, own, way, name)
            for campaign, content, channel, claim in asked
            for own in (content, None)
            for way in (channel, None)
            for name in (claim, None)
        )

    def limit(self, cap: int) -> int | None:
        """The limit of a cap for this contact, in billionths; None where it does not bind him.

        Raises:
            ModelError: if it is a limit of his own that cannot be.
        """
        if cap not in self._limits:
            protects = self.is_protected_by(cap)
            self._limits[cap] = self.playbook.caps[cap].limit_for(self.subject.values) if protects else None
        return self._limits[cap]

    def is_protected_by(self, cap: int) -> bool:
        """Whether the contact is in a cap's audience; where that is unknown, the playbook says what holds."""
        audience = self.compiled.audiences[cap]
        if audience is None:
            return True
        found = audience(self.subject.values, self.subject.local)
        return found is True or (found is None and self.playbook.on_missing.cap == "apply")

    def touched(self, cap: int, key: tuple[str, ...]) -> Sequence[tuple[int, date | None, int]]:
        """The touches that count in a cap's windows: instant, last date of the campaign, and points."""
        return self.past.spans.get((cap, key), ())

    def winners_in(self, cap: int, *, exempt: bool = False) -> Sequence[Winner]:  # noqa: ARG002  (an account asks)
        """The winners that can count in a cap's windows: all, or those that were settled first."""
        return self.exempt_winners if exempt else self.winners

    def spans(self, cap: int, key: tuple[str, ...], winners: Sequence[Winner] = ()) -> list[Span]:
        """What stands in a cap's windows: the history, and the winners given."""
        gauge = self.gauges[cap]
        found = [gauge.span(at, ends, points) for at, ends, points in self.touched(cap, key)]
        found += [
            gauge.span(winner.at, winner.effects.ends, points, winner.number)
            for winner, points in (self._winners_by_key(cap, winners).get(key, ()) if winners else ())
        ]
        return [span for span in found if span is not None]

    def _winners_by_key(self, cap: int, winners: Sequence[Winner]) -> _ByKey:
        """By group of a cap, the winners that count there, and their points."""
        memory = (cap, id(winners))
        known = self._keyed.get(memory)
        if known is None or known[0] is not winners:
            found: _ByKey = {}
            for winner in winners:
                for number, own, points in winner.effects.cells:
                    if number == cap:
                        found.setdefault(own, []).append((winner, points))
            known = self._keyed[memory] = winners, found
        return known[1]

    def _sorted_winners(self) -> None:
        if self._sorted[0] is not self.winners:
            campaigns: _ByClaim = {}
            groups: dict[int | str, list[Winner]] = {}
            for winner in self.winners:
                claim = winner.entry.claim
                campaigns.setdefault((claim.campaign, claim.id), []).append(winner)
                groups.setdefault(winner.entry.group, []).append(winner)
            self._sorted = self.winners, campaigns, groups

    def winners_repeating(self, entry: Entry) -> Sequence[Winner]:
        """The winners of the campaign of an entry, and of its id."""
        self._sorted_winners()
        return self._sorted[1].get((entry.claim.campaign, entry.claim.id), ())

    def winners_of_group(self, group: int | str) -> Sequence[Winner]:
        """The winners of a group of claims that exclude each other."""
        self._sorted_winners()
        return self._sorted[2].get(group, ())

    def before_spans(self, cap: int, key: tuple[str, ...]) -> Filled:
        """What stood in a cap's windows before claims that obey caps were settled."""
        return self._remembered(cap, key, self.winners_in(cap, exempt=True))

    def all_spans(self, cap: int, key: tuple[str, ...]) -> Filled:
        """What stands in a cap's windows now that all is settled."""
        return self._remembered(cap, key, self.winners_in(cap))

    def rival_spans(self, cap: int, key: tuple[str, ...]) -> Filled:
        """The same, to a rival: within one decision a winner that obeys but does not count takes room as if it did."""
        known = self._rivals.get((cap, key))
        if known is None:
            known = self._rivals[cap, key] = self._with_rivals(cap, key)
        return known

    def _with_rivals(self, cap: int, key: tuple[str, ...]) -> Filled:
        found: list[Span] = []
        for winner in self.winners_in(cap):
            opening = opening_of(winner.entry)
            if opening.campaign.obeys_caps and not opening.campaign.counts_toward_caps:
                spans = (
                    self.gauges[cap].span(winner.at, winner.effects.ends, points, winner.number)
                    for number, own, points in opening.cells
                    if number == cap and own == key
                )
                found += [span for span in spans if span is not None]
        known = self.all_spans(cap, key)
        return self.gauges[cap].fill([*known, *found]) if found else known

    def _remembered(self, cap: int, key: tuple[str, ...], winners: Sequence[Winner]) -> Filled:
        memory = (cap, key, len(winners))
        found = self._spans.get(memory)
        if found is None:
            found = self._spans[memory] = self.gauges[cap].fill(self.spans(cap, key, winners))
        return found

    # Settling

    def _settle(self) -> None:
        """Exempt claims first; then, with what they count as history, all others."""
        entries = self.contenders()
        exempt, main = self.choice or (None, None)
        self.exempt: Contest = self.contend([entry for entry in entries if not entry.obeys_caps], (), exempt)
        self.exempt_winners = self.exempt.winners()
        self.contest: Contest = self.contend(
            [entry for entry in entries if entry.obeys_caps], self.exempt_winners, main
        )
        both = [*self.exempt_winners, *self.contest.winners()]
        both.sort(key=lambda winner: self.order(winner.entry, winner.at))
        for number, winner in enumerate(both):
            winner.number = number
        self.winners = self.everyone = both
        self.total = sum(self.worth(winner.entry) for winner in both)
        self.optimal = self.exempt.optimal and self.contest.optimal
        self.bound = self.exempt.bound + self.contest.bound

    def contenders(self) -> list[Entry]:
        """The eligible claims, those left out that a limit of the contact's own makes invalid."""
        if not self.compiled.has_own_limits:
            return self.entries
        for entry in self.entries:
            self._check_limits(entry)
        return [entry for entry in self.entries if entry.fault is None]

    def contend(self, entries: list[Entry], before: Sequence[Winner], given: frozenset[int] | None = None) -> Contest:
        """The contest of some claims, after what was granted before."""
        return Contest(self, entries, before, given)

    def _check_limits(self, entry: Entry) -> None:
        """A limit of the contact's own that cannot be makes the claims that it should stop invalid, and no others."""
        if entry.obeys_caps:
            for cap, _, _ in opening_of(entry).cells:
                try:
                    self.limit(cap)
                except ModelError as error:
                    entry.fault = f"cap {self.playbook.caps[cap].name!r}: {error}"
                    entry.weight = None

    def worth(self, entry: Entry) -> int:
        """Weight less reserve, in millionths."""
        return (entry.weight or 0) - self.reserve

    def charge(self, entry: Entry, at: int, *, free: bool = False) -> int:
        """What the prices of quotas take from an entry that goes at an instant; or, free, only what they add to it."""
        if self.tariff is None:
            return 0
        return whole(min(term, 0.0) if free else term for _, term in self.terms(entry, at))

    def terms(self, entry: Entry, at: int) -> list[tuple[Side, float]]:
        """What each side of a quota takes from an entry that goes at an instant, in weight."""
        if self.tariff is None:
            return []
        return self.tariff.terms(opening_of(entry), entry.claim, entry.weight or 0, self.clock.day(at))

    @staticmethod
    def order(entry: Entry, at: int) -> tuple[int, str, int, tuple[int, str, str, str], str, str]:
        """The place of a claim, at an instant, in the order of claims."""
        return -(entry.weight or 0), entry.whose, at, opening_of(entry).tie, entry.own, entry.id

    def clashes(self, opening: Opening, effects: Effects, at: int) -> list[tuple[int, int, int]]:
        """The conflicts of an opening with a touch or winner at an instant: number, first and last instant it bars."""
        return clashes(self.playbook.conflicts, opening, effects, at, self.clock)

    def met_by_history(self, requirement: int, at: int) -> bool:
        """Whether a touch of the history will do for a requirement at an instant."""
        partners = self.partners_in_history(requirement)
        return partners is not None and partners.meet(at)

    def partners_in_history(self, requirement: int) -> Partners | None:
        """The touches of the history that will do for a requirement; None where none ever does."""
        if requirement not in self._partners:
            gauge, bit = self.compiled.within(self.clock)[requirement], 1 << requirement
            touches = (touch for touch in self.past.touches if touch[1].partner & bit)
            self._partners[requirement] = None if gauge is None else Partners(gauge, touches)
        return self._partners[requirement]

    def bars(self, opening: Opening) -> dict[int, list[tuple[int, int]]]:
        """By number, the instants that the conflicts of an opening with the history bar, as merged spans."""
        key = opening.first, opening.then
        if key == (0, 0):
            return {}
        found = self._bars.get(key)
        if found is None:
            found = self._bars[key] = bars_of(self.playbook.conflicts, opening, self.past.touches, self.now, self.clock)
        return found

    def barred_by_history(self, opening: Opening, at: int) -> bool:
        """Whether a conflict with the history bars an opening at an instant."""
        return any(holds(spans, at) for spans in self.bars(opening).values())


def _spelt(vocabulary: Vocabulary, key: str | tuple[str, str | None]) -> str | tuple[str, str | None]:
    """The key of a score as the playbook writes it."""
    if isinstance(key, str):
        return vocabulary.spelt("campaign", key)
    campaign, content = key
    return vocabulary.spelt("campaign", campaign), content and vocabulary.spelt("content", content)


def _complete(claim: Claim, opening: Opening) -> Claim:
    """A claim with the content and channel that it left open."""
    if claim.content == opening.content_id and claim.channel == opening.channel:
        return claim
    return evolve(claim, content=opening.content_id, channel=opening.channel)


def _as_float(value: object) -> float:
    if isinstance(value, bool) or value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"a weight is a number, found {value!r}")
    return float(value)  # type: ignore[arg-type]


def _as_int(value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"a rank is a whole number, found {value!r}")
    return value.__index__()  # type: ignore[no-any-return]


def _mark_twins(entries: Sequence[Entry]) -> None:
    """Of claims that ask for the same thing one stands; which one does not depend on their order."""
    same: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in entries:
        claim = entry.claim
        if entry.fault is None:
            same.setdefault((claim.campaign, claim.content, claim.channel, entry.own, claim.id), []).append(entry)
    wishes = Counter(entry.group for entry in entries)
    for twins in same.values():
        ordered = sorted(twins, key=lambda twin: _claim_order(twin, wishes)) if len(twins) > 1 else ()
        for place, entry in enumerate(ordered):
            if place:
                entry.twin = place
                entry.fault = "the same claim is there already"


def _claim_order(entry: Entry, wishes: Mapping[int | str, int]) -> tuple[Any, ...]:
    claim = entry.claim
    rest = (claim.propensity, claim.value, claim.cost, claim.asked_at and micros(claim.asked_at))
    return (
        -(claim.weight if claim.weight is not None else -LARGEST),
        *((part is None, part or 0) for part in rest),
        sorted(claim.numbers.items()),
        # What asks for fewer contents stands before what leaves them open.
        wishes[entry.group],
        sorted(claim.facets.items()),
    )
