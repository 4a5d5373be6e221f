"""Why: the rows of a decision.

Reasons, binding rules, who won instead, when a loser may go after all, and what weight would have won.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import LAST, day_number, moment
from journeykit.basics.validation import LARGEST, MILLIONTH
from journeykit.eligibility import failures
from journeykit.entry import Entry, Winner, opening_of
from journeykit.errors import ModelError
from journeykit.model.outcome import Outcome, Reason, Row
from journeykit.past import holds, merged
from journeykit.prices import whole
from journeykit.room import HISTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence
    from datetime import datetime

    from journeykit.case import Case
    from journeykit.contest import Contest
    from journeykit.eligibility import Opening
    from journeykit.model.quota import Side
    from journeykit.room import Span

TIMED = {Reason.CAMPAIGN_CLOSED, Reason.QUIET_HOURS}
"""The reasons of eligibility that time alone can lift."""
_MOST_STEPS = 10_000
_TRIFLE = 1e-3
_ORDER = {reason: place for place, reason in enumerate(Reason)}


class Stop:
    """One rule that stops a claim at an instant."""

    __slots__ = ("by_history", "name", "reason", "winners")

    def __init__(self, reason: Reason, name: str, winners: set[int], *, by_history: bool) -> None:
        self.reason = reason
        self.name = name
        self.winners = winners
        self.by_history = by_history


def write_rows(case: Case, run_id: str, fingerprint: str, explain: bool) -> tuple[Row, ...]:
    """One row for each claim of a case, in the order of claims."""
    writer = _Writer(case, run_id, fingerprint, explain=explain)
    made = [(writer.row(entry), entry) for entry in case.everything]
    made.sort(key=lambda pair: _row_order(pair[1], pair[0].weight, pair[0].twin))
    return tuple(row for row, _ in made)


def _numbers(entries: Sequence[Entry]) -> dict[Entry, int]:
    """Numbers for the claims that nothing but their faults tells apart, so that each has an id of its own."""
    seen: dict[tuple[object, ...], int] = {}
    numbers = {}
    for entry in sorted(entries, key=lambda entry: (entry.fault is not None, entry.twin, entry.fault or "")):
        key = (*_ids(entry), _own_date(entry), _own_id(entry))
        numbers[entry] = seen.get(key, 0)
        seen[key] = numbers[entry] + 1
    return numbers


def _row_order(entry: Entry, weight: float | None, number: int) -> tuple[object, ...]:
    own = _own_date(entry)
    when = "" if own is None else own.isoformat()
    tie = entry.opening.tie if entry.opening else (0, *(str(part or "") for part in _ids(entry)))
    return (
        weight is None,
        -(weight or 0),
        entry.asked[0] if own is not None and entry.asked else 0,
        tie,
        when,
        _own_id(entry) or "",
        number,
    )


def _own_date(entry: Entry) -> date | None:
    """The claim's own instant or date; a faulty claim may hold anything there."""
    own: object = entry.claim.at
    return own if isinstance(own, date) else None


def _own_id(entry: Entry) -> str | None:
    """The claim's own id; a faulty claim may hold anything there, and is shown as text."""
    own: object = entry.claim.id
    return own if own is None or isinstance(own, str) else str(own)


def _ids(entry: Entry) -> tuple[str | None, ...]:
    """Campaign, content and channel; a faulty claim may hold anything there, and is shown as text."""
    claim = entry.claim
    if entry.fault is None:
        return claim.campaign, claim.content, claim.channel
    found: tuple[object, ...] = (claim.campaign, claim.content, claim.channel)
    return tuple(part if part is None or isinstance(part, str) else str(part) for part in found)


class _Writer:
    def __init__(self, case: Case, run_id: str, fingerprint: str, *, explain: bool) -> None:
        self.case = case
        self.run_id = run_id
        self.fingerprint = fingerprint
        self.explain = explain
        self.decided_at = moment(case.now)
        self.numbers = {} if case.claims is None else _numbers(case.everything)
        self.granted = {winner.entry: winner for winner in case.winners}

    def row(self, entry: Entry) -> Row:
        if entry in self.granted:
            return self._granted(entry, self.granted[entry])
        if entry.fault is not None:
            return self._row(entry, Reason.INVALID, note=entry.fault, binding=("invalid",))
        if entry.instants:
            return self._loser(entry)
        return self._ineligible(entry)

    def _granted(self, entry: Entry, winner: Winner) -> Row:
        displaced = displaced_by(self.case, entry, winner.at) if self.explain else None
        return self._row(
            entry,
            Reason.GRANTED,
            send_at=moment(winner.at),
            displaced=None if displaced is None else displaced / MILLIONTH,
            price=self.case.charge(entry, winner.at),
        )

    def _ineligible(self, entry: Entry) -> Row:
        case = self.case
        opening = entry.opening
        assert opening is not None  # noqa: S101  (an entry without an opening is faulty)
        lacks_score = case.lacks_score(entry.claim)
        failed = [self._failed(opening, at, lacks_score=lacks_score) for at in entry.asked]
        if entry.outside is not None:
            failed = [[*found, (Reason.CAMPAIGN_CLOSED, entry.outside)] for found in failed]
        if len(failed) == 1 and len(failed[0]) == 1 and failed[0][0][0] not in TIMED:
            reason, rule = failed[0][0]
            return self._row(entry, reason, binding=(rule,), failed=(reason,), note=self._outside(opening, reason))
        reasons = sorted({reason for found in failed for reason, _ in found}, key=_ORDER.__getitem__)
        # With several instants, the first check that leaves none of them open is the reason.
        left = failed
        for reason in reasons:
            left = [found for found in left if all(other is not reason for other, _ in found)]
            if not left:
                break
        rules = dict.fromkeys(
            rule for wanted in (reason, *reasons) for found in failed for which, rule in found if which is wanted
        )
        retry_at = None
        weight = None
        rest: tuple[str, ...] = ()
        if TIMED.issuperset(reasons):
            found = case.weighed(entry)
            weight = None
            if not isinstance(found, str):
                weight, entry.level = found
            if weight is not None and weight > case.reserve and self._has_limits(opening):
                retry_at = retry(case, entry)
                rest = () if retry_at is not None else _stopped_later(case, entry)
        shown = tuple(rules) if self.explain else tuple(rules)[:1]
        return self._row(
            entry,
            reason,
            binding=tuple(dict.fromkeys((*shown, *rest))),
            note=self._outside(opening, reason),
            failed=tuple(reasons) if self.explain else (reason,),
            retry_at=retry_at,
            weight=weight,
        )

    def _outside(self, opening: Opening, reason: Reason) -> str:
        """The part of the audience's rule that fails for the contact, with its values; only where rows explain."""
        audience = opening.campaign.audience
        if not self.explain or reason is not Reason.NOT_IN_AUDIENCE or audience is None:
            return ""
        told = audience.explain(self.case.subject.values, self.case.subject.local)
        return "; ".join(part.line for part in told.failing())

    def _failed(self, opening: Opening, at: int, *, lacks_score: bool) -> list[tuple[Reason, str]]:
        """The checks that fail at an instant: all of them, or the first alone where nothing depends on the others."""
        found = failures(self.case.subject, opening, at, lacks_score=lacks_score)
        if self.explain or self.case.until is not None:
            return list(found)
        first = next(found, None)
        if first is None:
            return []
        return [first, *found] if first[0] in TIMED else [first]

    def _has_limits(self, opening: Opening) -> bool:
        """Whether the contact's own limits can be read for the caps that could stop an opening."""
        try:
            for cap, *_ in opening.cells:
                self.case.limit(cap)
        except ModelError:
            return False
        return True

    def _loser(self, entry: Entry) -> Row:
        case = self.case
        needs = needs_of(case, entry) if self.explain else None
        charges = _Charges(case, entry)
        if charges.hopeless:
            return self._row(entry, Reason.NOT_WORTH_IT, binding=("reserve",), needs=needs, price=charges.least)
        known = self._known(entry)
        loss = None if known is None else case.known.get(known)
        if loss is None:
            loss = self._loss(entry, charges)
            if known is not None:
                case.known[known] = loss
        return self._row(entry, needs=needs, price=charges.least, **loss)

    def _known(self, entry: Entry) -> Hashable | None:
        """What a loss is remembered by; None where it is the claim's own, and not that of all that are alike."""
        case = self.case
        if case.tariff is not None:
            return None
        campaign = opening_of(entry).campaign
        if campaign.repeat is not None and case.past.of(campaign.id, entry.claim.id) >= campaign.repeat:
            return None
        if any(w.entry.group == entry.group or w.entry.claim.campaign == campaign.id for w in case.winners):
            return None
        key = _alike(case, entry)
        return None if key is None else ("loss", key, tuple(entry.instants))

    def _loss(self, entry: Entry, charges: _Charges) -> dict[str, Any]:
        """Why an eligible claim lost, to whom, and when it may go after all."""
        case = self.case
        found = [list(stops_at(case, entry, at)) for at in entry.instants]
        reason = _reason(case, entry, found, charges)
        retry_at = retry(case, entry) if reason in (Reason.CAPPED, Reason.CONFLICT, Reason.OUTBID) else None
        stops = sorted(
            (stop for part in [charges.stops() if reason is Reason.QUOTA_FULL else [], *found] for stop in part),
            key=lambda stop: (stop.reason is not reason, not stop.by_history),
        )
        lost = sorted(set().union(*(stop.winners for stop in stops)) - {HISTORY}) if stops else []
        return {
            "reason": reason,
            "binding": tuple(dict.fromkeys(stop.name for stop in stops)),
            "lost_to": tuple(dict.fromkeys(case.everyone[number].entry.claim.campaign for number in lost)),
            "retry_at": retry_at,
        }

    def _row(
        self,
        entry: Entry,
        reason: Reason,
        *,
        binding: tuple[str, ...] = (),
        lost_to: tuple[str, ...] = (),
        send_at: datetime | None = None,
        retry_at: datetime | None = None,
        displaced: float | None = None,
        needs: float | None = None,
        failed: tuple[Reason, ...] = (),
        note: str = "",
        weight: int | None = None,
        price: int | None = None,
    ) -> Row:
        case, claim, opening = self.case, entry.claim, entry.opening
        outcome = Outcome.DENIED
        if reason is Reason.GRANTED:
            outcome = Outcome.GRANTED
        elif retry_at is not None and opening is not None and opening.campaign.if_lost == "defer":
            outcome = Outcome.DEFERRED
        campaign, content, channel = _ids(entry)
        own = _own_date(entry)
        weight = entry.weight if weight is None else weight
        factors = {} if weight is None or claim.weight is not None else case.factors(entry, weight)
        return Row(
            run_id=self.run_id,
            contact=case.contact.id,
            account=case.contact.account,
            campaign=campaign or "",
            content=content,
            channel=channel,
            team=opening.team_name if opening else None,
            date=own,
            outcome=outcome,
            reason=reason,
            binding=binding,
            lost_to=lost_to,
            weight=None if weight is None else weight / MILLIONTH,
            factors=factors,
            price=None if price is None or case.tariff is None else price / MILLIONTH,
            send_at=send_at,
            retry_at=retry_at,
            displaced=displaced,
            needs=needs,
            failed=failed,
            note=note,
            twin=self.numbers.get(entry, 0),
            playbook=self.fingerprint,
            decided_at=self.decided_at,
            claim=_own_id(entry),
            tags=opening.tags if opening else (),
            propensity=claim.propensity if entry.fault is None else None,
        )


class _Charges:
    """What the prices of quotas make of an entry that lost.

    Attributes:
        hopeless: whether it is not worth sending at any of its instants, even if no quota were full.
        least: what they take at least, in millionths.
    """

    __slots__ = ("_terms", "case", "entry", "hopeless", "least")

    def __init__(self, case: Case, entry: Entry) -> None:
        self.case = case
        self.entry = entry
        self._terms: list[tuple[Side, float]] = []
        worth = case.worth(entry)
        if case.tariff is None:
            self.hopeless, self.least = worth <= 0, 0
            return
        found = [case.terms(entry, at) for at in entry.instants]
        self.hopeless = all(worth - whole(min(term, 0.0) for _, term in terms) <= 0 for terms in found)
        self._terms = min(found, key=lambda terms: whole(term for _, term in terms))
        self.least = whole(term for _, term in self._terms)

    @property
    def took_it(self) -> bool:
        """Whether it would be granted if no price of a quota took anything from the contact's claims."""
        return self.case.tariff is not None and self.entry in contest_of(self.case, self.entry).free

    def stops(self) -> list[Stop]:
        """The quotas that take from it at any instant, the dearest first; where none does, those that it would use."""
        sides = [] if self.case.tariff is None else self.case.tariff.sides
        dearest = [0.0] * len(sides)
        for at in self.entry.instants:
            for side, term in self.case.terms(self.entry, at):
                place = next(place for place, own in enumerate(sides) if own is side)
                dearest[place] = max(term, dearest[place])
        # What saved prices add to break ties is no reason.
        least = _TRIFLE * max(dearest, default=0.0)
        dear = sorted((-term, place) for place, term in enumerate(dearest) if term > least)
        names = dict.fromkeys(side.quota.name for side in [sides[place] for _, place in dear] or self._used(sides))
        return [Stop(Reason.QUOTA_FULL, name, set(), by_history=False) for name in names]

    def _used(self, sides: Sequence[Side]) -> list[Side]:
        case, entry, opening = self.case, self.entry, opening_of(self.entry)
        days = {case.clock.day(at) for at in entry.instants}
        facts = opening.campaign, opening.facets, entry.claim, entry.weight or 0
        used = (side for side in sides if any(side.use(*facts, day) > 0 for day in days))
        return sorted(used, key=lambda side: not side.hard)


def _reason(case: Case, entry: Entry, stops: list[list[Stop]], charges: _Charges) -> Reason:
    """Why an eligible claim lost: the first of the reasons that leaves none of its instants open."""
    for reason in (Reason.CAPPED, Reason.CONFLICT):
        stops = [found for found in stops if not _any(found, reason, by_history=True)]
        if not stops:
            return reason
    if opening_of(entry).needy and not contest_of(case, entry).admits(entry):
        return Reason.REQUIRES
    if (case.tariff is not None and case.tariff.run and not all(stops)) or charges.took_it:
        # Its price took it; or nothing stood in its way but a quota that was full in whole numbers.
        return Reason.QUOTA_FULL
    for reason in (Reason.CONFLICT, Reason.REQUIRES):
        stops = [found for found in stops if not _any(found, reason, by_history=False)]
        if not stops:
            return reason
    return Reason.OUTBID


def _any(stops: Sequence[Stop], reason: Reason, *, by_history: bool) -> bool:
    return any(stop.reason is reason and (stop.by_history or not by_history) for stop in stops)


def contest_of(case: Case, entry: Entry) -> Contest:
    """The contest in which a claim competes."""
    contest = case.contest if entry.obeys_caps else case.exempt
    return contest.joined_by(entry) if entry in contest.left_out else contest


def _entries(contest: Contest, chosen: Sequence[int]) -> set[Entry]:
    return {contest.items[item][0] for item in chosen}


def stops_at(case: Case, entry: Entry, at: int) -> Iterator[Stop]:
    """Every rule that adding a claim at an instant to the history and the winners would break."""
    opening = opening_of(entry)
    yield from _capped(case, opening, at)
    yield from _repeated(case, entry)
    for number, spans in case.bars(opening).items():
        if holds(spans, at):
            yield Stop(Reason.CONFLICT, case.playbook.conflicts[number].name, set(), by_history=True)
    for winner in case.winners if opening.first or opening.then else ():
        for number, low, high in case.clashes(opening, winner.effects, winner.at):
            if low <= at <= high:
                before = _goes_before(entry, winner)
                yield Stop(Reason.CONFLICT, case.playbook.conflicts[number].name, {winner.number}, by_history=before)
    for number, requirement in enumerate(case.playbook.requirements):
        if opening.needy >> number & 1 and not _met(case, entry, number, at):
            yield Stop(Reason.REQUIRES, requirement.name, set(), by_history=False)


def _goes_before(entry: Entry, winner: Winner) -> bool:
    """Whether a winner was settled before an entry's contest began, and so is history to it."""
    return entry.obeys_caps and not winner.entry.obeys_caps


def _capped(case: Case, opening: Opening, at: int) -> Iterator[Stop]:
    if not opening.campaign.obeys_caps:
        return
    for cap, key, points in opening.cells:
        limit = case.limit(cap)
        own = case.gauges[cap].span(at, opening.campaign.ends, points)
        if limit is None or own is None:
            continue
        crowd, by_history = _crowd(case, cap, key, own, limit)
        if crowd:
            reason = Reason.CAPPED if by_history else Reason.OUTBID
            yield Stop(reason, case.playbook.caps[cap].name, crowd, by_history=by_history)


def _crowd(case: Case, cap: int, key: tuple[str, ...], own: Span, limit: int) -> tuple[set[int], bool]:
    """Who stands in a window that a claim would push over its limit, and whether the history alone does that."""
    known = ("crowd", cap, key, own)
    if known not in case.known:
        gauge = case.gauges[cap]
        crowd = gauge.crowd(case.rival_spans(cap, key), own, limit)
        by_history = bool(crowd) and own[2] + gauge.load(case.before_spans(cap, key), own) > limit
        case.known[known] = crowd, by_history
    found: tuple[set[int], bool] = case.known[known]
    return found


def _repeated(case: Case, entry: Entry) -> Iterator[Stop]:
    campaign = opening_of(entry).campaign
    same = {winner.number for winner in case.winners_repeating(entry)}
    if campaign.repeat is not None:
        before = case.past.of(campaign.id, entry.claim.id)
        if before >= campaign.repeat:
            yield Stop(Reason.CAPPED, f"repeat of {campaign.id}", same, by_history=True)
        elif before + len(same) >= campaign.repeat:
            yield Stop(Reason.OUTBID, f"repeat of {campaign.id}", same, by_history=False)
    siblings = {winner.number for winner in case.winners_of_group(entry.group)}
    if siblings:
        yield Stop(Reason.OUTBID, f"one content of {campaign.id}", siblings, by_history=False)


def _met(case: Case, entry: Entry, requirement: int, at: int) -> bool:
    return case.met_by_history(requirement, at) or any(
        winner.entry is not entry
        and winner.effects.partner >> requirement & 1
        and winner.at <= at
        and _may_partner(entry, winner)
        for winner in case.winners
    )


def _may_partner(entry: Entry, winner: Winner) -> bool:
    exempt = not winner.entry.obeys_caps
    early = winner.entry.level[0] <= entry.level[0]
    return exempt or early if entry.obeys_caps else exempt and early


# When it may go after all


def retry(case: Case, entry: Entry) -> datetime | None:
    """The earliest instant after the decision's span at which a claim alone fits the history and what was granted.

    Audience, stage, consent and weight are held as they are. Each rule says from when on it has no objection; the
    latest of these is asked again, until all agree. No instant before that one can do, so the answer is exact.
    """
    if case.winners_of_group(entry.group):
        # The wish was granted, with another content: nothing of it is left to go later.
        return None
    key = _alike(case, entry)
    if key is not None and key in case.known:
        found: datetime | None = case.known[key]
        return found
    at = _agreed(_timed_rules(case, entry), _since(case, entry))
    found = None if at is None else moment(at)
    if key is not None:
        case.known[key] = found
    return found


def _alike(case: Case, entry: Entry) -> Hashable | None:
    """All that `_timed_rules` and `_since` read of a claim, so that claims that are alike are worked out once.

    None for a claim of which more is read.
    """
    opening = opening_of(entry)
    campaign = opening.campaign
    if opening.needy or entry.outside is not None or entry.claim.at is not None:
        return None
    same = len(case.winners_repeating(entry))
    worn = campaign.repeat is not None and case.past.of(campaign.id, entry.claim.id) + same >= campaign.repeat
    return (
        "retry",
        worn,
        entry.asked[-1],
        campaign.paused,
        opening.starts,
        opening.ends,
        opening.dates,
        opening.channel,
        campaign.obeys_quiet_hours,
        opening.cells if campaign.obeys_caps else None,
        opening.first,
        opening.then,
    )


def _since(case: Case, entry: Entry) -> int | None:
    """The first instant for which a claim was not considered; None where its own has passed.

    Of a claim with a date or instant of its own only that was; of others the whole span was, but for its end where they
    have no slot there.
    """
    asked = entry.asked[-1]
    if entry.outside is not None:
        return None if asked < case.now else max(case.last + 1, asked)
    if entry.claim.at is not None:
        return asked + 1
    return case.last + 1 if asked == case.last else case.last


def _agreed(rules: Sequence[Callable[[int], int | None]], since: int | None) -> int | None:
    """The first instant from ``since`` on to which no rule objects; None if there is none."""
    at = since
    for _ in range(_MOST_STEPS):
        later = at
        for rule in rules:
            if later is None:
                return None
            later = rule(later)
        if later is None or later >= LAST:
            return None
        if later == at:
            return at
        at = later
    return None


def _stopped_later(case: Case, entry: Entry) -> tuple[str, ...]:
    """What stops a claim once its time has come, where it could not go then either."""
    at = _agreed(_opening_rules(case, opening_of(entry)), _since(case, entry))
    if at is None:
        return ()
    stops = sorted(stops_at(case, entry, at), key=lambda stop: (stop.reason is not Reason.CAPPED, not stop.by_history))
    return tuple(stop.name for stop in stops)


def _opening_rules(case: Case, opening: Opening) -> list[Callable[[int], int | None]]:
    """When the campaign is open, and the hours allow it."""
    rules: list[Callable[[int], int | None]] = [partial(_open_from, case, opening)]
    if opening.campaign.obeys_quiet_hours and case.compiled.schedule:
        rules.append(lambda since: case.compiled.schedule.opens(opening.channel, since, case.clock))
    return rules


def _timed_rules(case: Case, entry: Entry) -> list[Callable[[int], int | None]]:
    opening = opening_of(entry)
    rules = _opening_rules(case, opening)
    campaign = opening.campaign
    if campaign.repeat is not None:
        same = len(case.winners_repeating(entry))
        if case.past.of(campaign.id, entry.claim.id) + same >= campaign.repeat:
            rules.append(lambda _: None)
    if campaign.obeys_caps:
        for cap, key, points in opening.cells:
            limit = case.limit(cap)
            if limit is not None:
                rules.append(
                    partial(
                        case.gauges[cap].first_fit,
                        case.all_spans(cap, key),
                        ends=campaign.ends,
                        points=points,
                        limit=limit,
                    )
                )
    if opening.first or opening.then:
        barred = [span for spans in case.bars(opening).values() for span in spans]
        barred += [
            (low, high) for winner in case.winners for _, low, high in case.clashes(opening, winner.effects, winner.at)
        ]
        if barred:
            rules.append(partial(_clear_of, merged(barred)))
    rules += [
        partial(_met_from, case, entry, number)
        for number in range(len(case.playbook.requirements))
        if opening.needy >> number & 1
    ]
    return rules


def _open_from(case: Case, opening: Opening, since: int) -> int | None:
    """The first instant from ``since`` on at which the campaign is open."""
    campaign = opening.campaign
    day = max(case.clock.day(since), opening.starts)
    if campaign.paused:
        return None
    if campaign.dates is not None:
        own = [number for number in map(day_number, campaign.dates) if number >= day]
        if not own:
            return None
        day = own[0]
    if day > opening.ends:
        return None
    return since if case.clock.day(since) == day else max(since, case.clock.day_start(day))


def _clear_of(barred: list[tuple[int, int]], since: int) -> int:
    """The first instant from ``since`` on that none of some merged spans holds."""
    place = bisect_right(barred, (since, LAST)) - 1
    return barred[place][1] + 1 if place >= 0 and since <= barred[place][1] else since


def _met_from(case: Case, entry: Entry, requirement: int, since: int) -> int | None:
    """The first instant from ``since`` on at which a requirement is met."""
    # Only a touch that will do, or a winner, can change the answer.
    partners = case.partners_in_history(requirement)
    touches = () if partners is None else partners.instants[bisect_right(partners.instants, since) :]
    winners = (winner.at for winner in case.winners if winner.at > since)
    instants: set[int] = {since, *touches, *winners}
    for at in sorted(instants):
        if _met(case, entry, requirement, at):
            return at
    return None


# What it would have taken


def displaced_by(case: Case, entry: Entry, at: int) -> int | None:
    """The value, in millionths, of what a claim granted at an instant pushed out; None in a large account."""
    contest = contest_of(case, entry)
    if not (contest.searched and case.contest.searched):
        return None
    gain = contest.gain(entry, at)
    if contest is case.contest:
        return contest.solve(without=entry).total - (contest.reached - gain)
    left = case.contend([rival for rival in contest.entries if rival is not entry], ())
    rest = case.contend(case.contest.entries, left.winners())
    return left.answer.total + rest.answer.total - (contest.reached + case.contest.reached - gain)


def needs_of(case: Case, entry: Entry) -> float | None:
    """The smallest weight with which a losing claim would have been granted; None where no weight would do.

    With the claim forced in, the others reach less than the best total by some amount: the claim must be worth
    that much, or one millionth more where the tie goes against it.
    """
    contest = contest_of(case, entry)
    now = contest.answer
    if not now.optimal:
        return None
    forced = contest.solve(force=entry)
    if entry not in _entries(contest, forced.chosen) or not forced.optimal:
        return None
    levels = sorted(set(now.totals) | set(forced.totals) | {entry.level})
    # At the prices of a run it may be among the best though the run, which had to keep the quotas, left it out.
    mine = [contest.items[item][1] for item in now.chosen if contest.items[item][0] is entry]
    own = sum(contest.gain(entry, at) for at in mine)
    for level in levels:
        short = now.totals.get(level, 0) - forced.totals.get(level, 0) - (own if level == entry.level else 0)
        if level == entry.level:
            break
        if short > 0:
            return None
        if short < 0:
            break
    at = next(contest.items[item][1] for item in forced.chosen if contest.items[item][0] is entry)
    least = case.reserve + case.charge(entry, at) + max(1, short)
    for weight in (least, least + 1):
        if weight <= LARGEST * MILLIONTH and entry in _entries(contest, contest.solve(weights={entry: weight}).chosen):
            return weight / MILLIONTH
    return None
