"""Why: the rows of a decision.

Reasons, binding rules, who won instead, when a loser may go after all, and what weight would have won.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import moment
from journeykit.basics.validation import MILLIONTH, shown
from journeykit.engine.attention import MIN_UPLIFT
from journeykit.engine.candidate import Candidate, Winner, message_of
from journeykit.engine.counterfactuals import displaced_by, needs_of
from journeykit.engine.eligibility import EXPIRES, TIMED, failures
from journeykit.engine.quota_charges import whole
from journeykit.engine.retry import alike, retry, stopped_later
from journeykit.engine.stops import Stop, stops_at
from journeykit.engine.window_usage import HISTORY
from journeykit.errors import ModelError
from journeykit.model.outcome import Outcome, Reason, Row
from journeykit.rule.named_rules import NamedRules

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from datetime import datetime

    from journeykit.engine.arbitration import Arbitration
    from journeykit.engine.message import Message
    from journeykit.model.quota import Side

RETRIED = {Reason.RESTING, Reason.CAPPED, Reason.CONFLICT, Reason.OUTBID}
"""The reasons of eligible claims that time can lift."""
_TRIFLE = 1e-3
_ORDER = {reason: place for place, reason in enumerate(Reason)}


def write_rows(arbitration: Arbitration, run_id: str, fingerprint: str, explain: bool) -> tuple[Row, ...]:
    """One row for each claim of an arbitration, in the order of claims."""
    writer = RowWriter(arbitration, run_id, fingerprint, explain=explain)
    made = [(writer.row(candidate), candidate) for candidate in arbitration.claims.everything]
    made.sort(key=_row_order)
    return tuple(row for row, _ in made)


def _numbers(candidates: Sequence[Candidate]) -> dict[Candidate, int]:
    """Numbers for the claims that nothing but their faults tells apart, so that each has an id of its own."""
    seen: dict[tuple[object, ...], int] = {}
    numbers = {}
    for candidate in sorted(
        candidates, key=lambda candidate: (candidate.fault is not None, candidate.duplicate, candidate.fault or "")
    ):
        key = _asked(candidate)
        numbers[candidate] = seen.get(key, 0)
        seen[key] = numbers[candidate] + 1
    return numbers


def _row_order(made: tuple[Row, Candidate]) -> tuple[object, ...]:
    row, candidate = made
    own = row.date
    return (
        row.weight is None,
        -(row.weight or 0),
        candidate.slots[0] if own is not None and candidate.slots else 0,
        candidate.message.tie if candidate.message else (0, row.campaign, row.content or "", row.channel or ""),
        "" if own is None else own.isoformat(),
        row.claim or "",
        row.twin,
    )


def _asked(candidate: Candidate) -> tuple[str | None, str | None, str | None, str | None, date | None]:
    """Campaign, content, channel and id of a claim, and its own instant or date.

    A faulty claim may hold anything there: what is no text is shown as text, and what is no date is left out.
    """
    claim = candidate.claim
    if candidate.fault is None:
        return claim.campaign, claim.content, claim.channel, claim.id, claim.at
    found: tuple[object, ...] = (claim.campaign, claim.content, claim.channel, claim.id)
    campaign, content, channel, name = (part if part is None or isinstance(part, str) else str(part) for part in found)
    own: object = claim.at
    return campaign, content, channel, name, own if isinstance(own, date) else None


class RowWriter:
    """Writes the rows of one contact: reasons, rules, prices, and what would have been needed."""

    def __init__(self, arbitration: Arbitration, run_id: str, fingerprint: str, *, explain: bool) -> None:
        self.arbitration = arbitration
        self.facts = arbitration.facts
        self.claims = arbitration.claims
        self.run_id = run_id
        self.fingerprint = fingerprint
        self.explain = explain
        self.decided_at = moment(arbitration.facts.now)
        self.numbers = {} if arbitration.claims.claims is None else _numbers(arbitration.claims.everything)
        self.granted = {winner.candidate: winner for winner in arbitration.winners}
        # Where weights are drawn, what another weight would have done says nothing.
        self.compares = explain and not arbitration.rounds.is_drawn

    def row(self, candidate: Candidate) -> Row:
        """The row of a candidate."""
        if candidate in self.granted:
            return self._granted(candidate, self.granted[candidate])
        if candidate.fault is not None:
            return self._row(candidate, Reason.INVALID, note=candidate.fault, binding=("invalid",))
        if candidate.instants:
            return self._loser(candidate)
        return self._ineligible(candidate)

    def _granted(self, candidate: Candidate, winner: Winner) -> Row:
        displaced = displaced_by(self.arbitration, candidate, winner.at) if self.compares else None
        return self._row(
            candidate,
            Reason.GRANTED,
            send_at=moment(winner.at),
            displaced=None if displaced is None else displaced / MILLIONTH,
            price=self.facts.charge(candidate, winner.at),
        )

    def _ineligible(self, candidate: Candidate) -> Row:
        arbitration = self.arbitration
        message = candidate.message
        assert message is not None  # noqa: S101  (a candidate without a message is faulty)
        claims, subject = self.claims, self.facts.subject
        lacks = claims.lacks(candidate) if claims.may_lack else ()
        refused = partial(claims.refused, candidate) if claims.checks else tuple
        failed = []
        for at in candidate.slots:
            expired = None if candidate.expiry is None else candidate.expired(at)
            failed.append(self._failed(failures(subject, message, at, lacks=lacks, refused=refused, expired=expired)))
        if candidate.outside is not None:
            failed = [[*found, (Reason.CAMPAIGN_CLOSED, candidate.outside)] for found in failed]
        if claims.is_below(candidate):
            failed = [[*found, (Reason.NOT_WORTH_IT, MIN_UPLIFT)] for found in failed]
        if len(failed) == 1 and len(failed[0]) == 1 and failed[0][0][0] not in TIMED:
            reason, rule = failed[0][0]
            note = self._note(candidate, message, reason) if self.explain else ""
            return self._row(candidate, reason, binding=(rule,), failed=(reason,), note=note)
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
            found = self.claims.weighed(candidate)
            weight = None
            if not isinstance(found, str):
                weight, candidate.level = found
            if weight is not None and weight > self.facts.reserve and self._has_limits(message):
                retry_at = retry(arbitration, candidate)
                rest = () if retry_at is not None else stopped_later(arbitration, candidate)
        shown = tuple(rules) if self.explain else tuple(rules)[:1]
        return self._row(
            candidate,
            reason,
            binding=tuple(dict.fromkeys((*shown, *rest))),
            note=self._note(candidate, message, reason) if self.explain else "",
            failed=tuple(reasons) if self.explain else (reason,),
            retry_at=retry_at,
            weight=weight,
        )

    def _note(self, candidate: Candidate, message: Message, reason: Reason) -> str:
        """What exactly is wrong."""
        if reason is Reason.EXPIRED and candidate.expiry is not None:
            claim, wait = candidate.claim, message.campaign.wait
            if candidate.expiry[1] == EXPIRES or claim.asked_at is None:
                return f"expires {shown(claim.expires)}"
            return f"asked for at {claim.asked_at.isoformat()}, and waits {wait}"
        if reason is Reason.NOT_WORTH_IT:
            return f"the uplift is {candidate.claim.uplift:g}, and must be at least {message.campaign.min_uplift:g}"
        return self._outside(message, reason)

    def _outside(self, message: Message, reason: Reason) -> str:
        """The part of the audience's rule that fails for the contact, with its values."""
        audience = message.campaign.audience
        if reason is not Reason.NOT_IN_AUDIENCE or audience is None:
            return ""
        values, local = self.facts.subject.values, self.facts.subject.local
        if not isinstance(audience, NamedRules):
            return "; ".join(part.line for part in audience.explain(values, local).failing())
        found = []
        for name, rule in audience.parts:
            lines = "; ".join(part.line for part in rule.explain(values, local).failing())
            # A rule that has no name of its own is called by its text.
            found += [lines if name in lines else f"{name}: {lines}"] if lines else []
        return "; ".join(found)

    def _failed(self, found: Iterator[tuple[Reason, str]]) -> list[tuple[Reason, str]]:
        """The checks that fail at an instant: all of them, or the first alone where nothing depends on the others."""
        if self.explain or self.facts.until is not None:
            return list(found)
        first = next(found, None)
        if first is None:
            return []
        return [first, *found] if first[0] in TIMED else [first]

    def _has_limits(self, message: Message) -> bool:
        """Whether the contact's own limits can be read for the caps that could stop a message."""
        try:
            for cap, *_ in message.cells:
                self.arbitration.caps.limit(cap)
        except ModelError:
            return False
        return True

    def _loser(self, candidate: Candidate) -> Row:
        arbitration = self.arbitration
        needs = needs_of(arbitration, candidate) if self.compares else None
        charges = CandidateCharges(arbitration, candidate)
        if charges.hopeless:
            return self._row(candidate, Reason.NOT_WORTH_IT, binding=("reserve",), needs=needs, price=charges.least)
        known = self._known(candidate)
        loss = None if known is None else arbitration.known.get(known)
        if loss is None:
            loss = self._loss(candidate, charges)
            if known is not None:
                arbitration.known[known] = loss
        return self._row(candidate, needs=needs, price=charges.least, **loss)

    def _known(self, candidate: Candidate) -> Hashable | None:
        """What a loss is remembered by; None where it is the claim's own, and not that of all that are alike."""
        arbitration = self.arbitration
        if arbitration.facts.charges is not None or arbitration.facts.capacity is not None:
            return None
        campaign = message_of(candidate).campaign
        if campaign.repeat is not None and arbitration.facts.history.repeated(candidate) >= campaign.repeat:
            return None
        if any(
            w.candidate.group == candidate.group or w.candidate.claim.campaign == campaign.id
            for w in arbitration.winners
        ):
            return None
        key = alike(arbitration, candidate)
        return None if key is None else ("loss", key, tuple(candidate.instants))

    def _loss(self, candidate: Candidate, charges: CandidateCharges) -> dict[str, Any]:
        """Why an eligible claim lost, to whom, and when it may go after all."""
        arbitration = self.arbitration
        found = [list(stops_at(arbitration, candidate, at)) for at in candidate.instants]
        reason = _reason(arbitration, candidate, found, charges)
        # A step whose turn comes once the gap is over goes then.
        timed = reason in RETRIED or (reason is Reason.REQUIRES and candidate.before is not None)
        retry_at = retry(arbitration, candidate) if timed else None
        stops = sorted(
            (stop for part in [charges.stops() if reason is Reason.QUOTA_FULL else [], *found] for stop in part),
            key=lambda stop: (stop.reason is not reason, not stop.by_history),
        )
        lost = sorted(set().union(*(stop.winners for stop in stops)) - {HISTORY}) if stops else []
        return {
            "reason": reason,
            "binding": tuple(dict.fromkeys(stop.name for stop in stops)),
            "lost_to": tuple(
                dict.fromkeys(arbitration.rounds.winners[number].candidate.claim.campaign for number in lost)
            ),
            "retry_at": retry_at,
        }

    def _row(
        self,
        candidate: Candidate,
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
        claim, message, contact = candidate.claim, candidate.message, self.facts.contact
        outcome = Outcome.DENIED
        if reason is Reason.GRANTED:
            outcome = Outcome.GRANTED
        elif retry_at is not None and message is not None and message.campaign.if_lost != "drop":
            outcome = Outcome.DEFERRED
        campaign, content, channel, name, own_date = _asked(candidate)
        weight = candidate.weight if weight is None else weight
        draw = self.arbitration.draw
        factors = None if draw is None or weight is None else draw.factors(candidate, weight)
        if factors is None:
            factors = {} if weight is None else self.claims.factors(candidate, weight)
        return Row(
            run_id=self.run_id,
            contact=contact.id,
            account=contact.account,
            campaign=campaign or "",
            content=content,
            channel=channel,
            team=message.team_name if message else None,
            date=own_date,
            outcome=outcome,
            reason=reason,
            binding=binding,
            lost_to=lost_to,
            weight=None if weight is None else weight / MILLIONTH,
            factors=factors,
            price=None if price is None or self.facts.charges is None else price / MILLIONTH,
            send_at=send_at,
            retry_at=retry_at,
            displaced=displaced,
            needs=needs,
            failed=failed,
            note=note,
            twin=self.numbers.get(candidate, 0) if self.numbers else 0,
            playbook=self.fingerprint,
            decided_at=self.decided_at,
            claim=name,
            tags=message.tags if message else (),
            propensity=claim.propensity if candidate.fault is None else None,
            arm=self.facts.ruleset.arm,
            chance=self.arbitration.rounds.chances.get(candidate),
        )


class CandidateCharges:
    """What the prices of quotas make of a candidate that lost.

    Attributes:
        hopeless: whether it is not worth sending at any of its instants, even if no quota were full.
        least: what they take at least, in millionths.
    """

    __slots__ = ("_terms", "arbitration", "candidate", "hopeless", "least")

    def __init__(self, arbitration: Arbitration, candidate: Candidate) -> None:
        self.arbitration = arbitration
        self.candidate = candidate
        self._terms: list[tuple[Side, float]] = []
        worth = arbitration.facts.worth(candidate)
        if arbitration.facts.charges is None:
            self.hopeless, self.least = worth <= 0, 0
            return
        found = [arbitration.facts.terms(candidate, at) for at in candidate.instants]
        self.hopeless = all(worth - whole(min(term, 0.0) for _, term in terms) <= 0 for terms in found)
        self._terms = min(found, key=lambda terms: whole(term for _, term in terms))
        self.least = whole(term for _, term in self._terms)

    @property
    def took_it(self) -> bool:
        """Whether it would be granted if no price of a quota took anything from the contact's claims."""
        return (
            self.arbitration.facts.charges is not None
            and self.candidate in self.arbitration.round_of(self.candidate).free
        )

    def stops(self) -> list[Stop]:
        """The quotas that take from it at any instant, the dearest first; where none does, those that it would use."""
        sides = [] if self.arbitration.facts.charges is None else self.arbitration.facts.charges.sides
        dearest = [0.0] * len(sides)
        for at in self.candidate.instants:
            for side, term in self.arbitration.facts.terms(self.candidate, at):
                place = next(place for place, own in enumerate(sides) if own is side)
                dearest[place] = max(term, dearest[place])
        # What saved prices add to break ties is no reason.
        least = _TRIFLE * max(dearest, default=0.0)
        dear = sorted((-term, place) for place, term in enumerate(dearest) if term > least)
        names = dict.fromkeys(side.quota.name for side in [sides[place] for _, place in dear] or self._used(sides))
        return [Stop(Reason.QUOTA_FULL, name, set(), by_history=False) for name in names]

    def _used(self, sides: Sequence[Side]) -> list[Side]:
        arbitration, candidate, message = self.arbitration, self.candidate, message_of(self.candidate)
        times = {(arbitration.facts.clock.day(at), at) for at in candidate.instants}
        facts = message.campaign, message.facets, candidate.claim, candidate.weight or 0
        used = (side for side in sides if any(side.use(*facts, *time) > 0 for time in times))
        return sorted(used, key=lambda side: not side.hard)


def _reason(
    arbitration: Arbitration, candidate: Candidate, stops: list[list[Stop]], charges: CandidateCharges
) -> Reason:
    """Why an eligible claim lost: the first of the reasons that leaves none of its instants open."""
    for reason in (Reason.RESTING, Reason.CAPPED, Reason.CONFLICT):
        stops = [found for found in stops if not _any(found, reason, by_history=True)]
        if not stops:
            return reason
    stops = [found for found in stops if not _any(found, Reason.QUOTA_FULL, by_history=True)]
    if not stops:
        return Reason.QUOTA_FULL
    if (message_of(candidate).needy or candidate.is_step) and not arbitration.round_of(candidate).admits(candidate):
        return Reason.REQUIRES
    if (arbitration.facts.charges is not None and arbitration.facts.charges.run and not all(stops)) or charges.took_it:
        # Its price took it; or nothing stopped it but a quota that was full in whole numbers.
        return Reason.QUOTA_FULL
    for reason in (Reason.CONFLICT, Reason.REQUIRES):
        stops = [found for found in stops if not _any(found, reason, by_history=False)]
        if not stops:
            return reason
    return Reason.OUTBID


def _any(stops: Sequence[Stop], reason: Reason, *, by_history: bool) -> bool:
    return any(stop.reason is reason and (stop.by_history or not by_history) for stop in stops)
