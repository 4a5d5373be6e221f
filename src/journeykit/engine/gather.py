"""Gathering: the claims of one contact as candidates, with the instants at which each may go, and its weight."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import micros
from journeykit.basics.once import once
from journeykit.basics.validation import LARGEST, MILLIONTH, all_of, shown
from journeykit.engine.attention import STAGE_VALUE
from journeykit.engine.candidate import Candidate, message_of
from journeykit.engine.candidate_slots import CandidateSlots
from journeykit.engine.contact_facts import ContactFacts
from journeykit.engine.duplicate_claims import mark_duplicates
from journeykit.engine.eligibility import (
    NEEDS_SCORE,
    TIMED,
    expiry,
    failures,
    missing,
    withdrawn,
)
from journeykit.engine.ruleset import asked_combinations
from journeykit.engine.weight_factors import own_factors, weight_of
from journeykit.errors import ModelError
from journeykit.model.claim import Claim
from journeykit.model.quiet_hours import NO_HOURS
from journeykit.policies.claim_check import verdict_of
from journeykit.policies.policy import Context, offers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from journeykit.engine.candidate import Level
    from journeykit.engine.contact_group import ContactGroup
    from journeykit.engine.message import Message
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.engine.ruleset import AskedFor, Degrees, Ruleset
    from journeykit.model.campaign import Campaign
    from journeykit.model.contact import Contact
    from journeykit.model.quiet_hours import Schedule
    from journeykit.model.touch import Touch
    from journeykit.policies.claim_check import Check


class ClaimGatherer:
    """The claims of one contact, as candidates.

    Attributes:
        facts: what is known of the contact.
        claims: the claims; None where campaigns make them.
        checks: checks of eligibility of somebody else's.
        may_lack: whether a claim may lack data of its own, so that `lacks` has to be asked.
        gathered: the candidates: every one, or only the eligible ones where campaigns make them for one instant.
        candidates: the eligible candidates that have a weight.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        contact: Contact,
        group: ContactGroup,
        *,
        policy: Any,
        policy_name: str,
        charges: QuotaCharges | None,
        budget: int,
        checks: Sequence[Check] = (),
    ) -> None:
        """Gather.

        Args:
            ruleset: the rules.
            contact: the contact.
            group: the group that it is of, with what its decision is made from.
            policy: what gives claims their weights.
            policy_name: its name.
            charges: what the prices of quotas take from claims, or None.
            budget: the most nodes one search visits.
            checks: checks of eligibility of somebody else's.
        """
        inputs, vocabulary = group.inputs[contact.id], ruleset.vocabulary
        self.ruleset = ruleset
        self.playbook = ruleset.playbook
        self.policy = policy
        self.policy_name = policy_name
        self._rank = getattr(policy, "rank", None)
        self.checks = checks
        self._variants: dict[str, str | None] = {}
        self.facts = ContactFacts(
            ruleset,
            contact,
            inputs.touches,
            at=group.at,
            until=group.until,
            charges=charges,
            budget=budget,
            asked_for=self._asked_for,
            derived=inputs.claims is None,
        )
        self._slots = CandidateSlots(self.facts)
        self.scores = {vocabulary.score_key(name): score for name, score in inputs.scores.items()}
        self.attention = ruleset.attention
        self.needs = self.attention.needs
        if group.scored:
            self.needs = self.attention.all_needs(group.scored, partial(vocabulary.spelt, "campaign"))
        self.may_lack = bool(self.needs) or ruleset.has_expressions or self.attention.is_priced
        claims = inputs.claims
        self.claims = None if claims is None else [vocabulary.claim(own) for own in all_of(Claim, claims, "claims")]
        self.gathered = self._gather_now() if self._is_for_now else self._gather_all()
        for candidate in self.gathered if checks else ():
            if candidate.instants and self.refused(candidate):
                candidate.instants = []
        self.candidates = [own for own in self.gathered if own.instants and self._weigh(own)]
        if ruleset.series:
            self._set_steps(self.gathered)

    @property
    def _is_for_now(self) -> bool:
        """Whether campaigns make the claims for this very instant: the common case, and the fast one."""
        return self.claims is None and self.facts.until is None and not self.ruleset.has_send_times

    def contenders(self) -> list[Candidate]:
        """The candidates, without those that an invalid limit of the contact's own makes invalid."""
        if self.ruleset.has_own_limits:
            for candidate in self.candidates:
                self._check_limits(candidate)
            return [candidate for candidate in self.candidates if candidate.fault is None]
        return self.candidates

    @once
    def everything(self) -> list[Candidate]:
        """Every candidate, eligible or not; the faulty ones too."""
        if not self._is_for_now:
            return self.gathered
        known = {candidate.message: candidate for candidate in self.gathered}
        now = [self.facts.now]
        found = [known.get(message) or self._derived(message, claim, now) for message, claim in self._derivable()]
        if self.ruleset.series:
            self._set_steps(found)
        return found

    # Gathering

    def _gather_now(self) -> list[Candidate]:
        """The eligible messages at the decision's instant: what `failures` says, asked the cheap way round."""
        facts, subject = self.facts, self.facts.subject
        contact, now, values, local = facts.contact, facts.now, subject.values, subject.local
        if contact.suppressed:
            return []
        day = facts.clock.day(now)
        deny_unknown = self.playbook.on_missing.consent == "deny"
        closed: dict[Schedule, bool] = {}
        found: list[Candidate] = []
        for channel, fits in self.ruleset.fits(contact.stage, contact.role):
            consent = contact.consent_for(channel, now) if channel is not None else None
            agreed = not contact.opted_out and (consent is True or (consent is None and not deny_unknown))
            for message, claim, fit in fits:
                if not agreed and message.campaign.needs_consent:
                    continue
                if not message.is_always_open:
                    dates, schedule = message.dates, message.schedule
                    if not message.starts <= day <= message.ends or (dates is not None and day not in dates):
                        continue
                    if schedule is not NO_HOURS:
                        is_closed = closed.get(schedule)
                        if is_closed is None:
                            is_closed = bool(subject.schedule_of(message).closed(channel, now, facts.clock))
                            closed[schedule] = is_closed
                        if is_closed:
                            continue
                if message.audience is not None and message.audience(values, local) is not True:
                    continue
                if message.rare and not self._passes_rare(message):
                    continue
                own = claim if message.dates is None else self.ruleset.occasion(message, day)
                candidate = self._derived(message, own, [now])
                if (self.may_lack and self.lacks(candidate)) or (self.attention.least and self.is_below(candidate)):
                    continue
                candidate.instants = candidate.slots
                candidate.fit = fit
                found.append(candidate)
        return found

    def _passes_rare(self, message: Message) -> bool:
        """The checks that most messages are spared."""
        facts = self.facts
        if message.campaign.split and not self._is_variant(message):
            return False
        if message.campaign.needs_consent:
            for holdout in (self.playbook.holdout, message.campaign.holdout):
                if holdout is not None and holdout.holds(facts.contact.id):
                    return False
            if any(withdrawn(facts.contact, message, facts.now)):
                return False
        return not any(missing(facts.subject, message, facts.now))

    def _derivable(self) -> Iterable[tuple[Message, Claim]]:
        """The messages that campaigns claim to send the contact."""
        found: Iterable[tuple[Message, Claim]] = self.ruleset.claims.items()
        if self.ruleset.has_splits:
            found = [own for own in found if self._is_variant(own[0])]
        return [each for own in found for each in self._occasions_of(*own)] if self.ruleset.dated else found

    def _occasions_of(self, message: Message, claim: Claim) -> Iterable[tuple[Message, Claim]]:
        """A claim for each of the campaign's own dates within the span; the claim itself where there is none."""
        if message.dates is None:
            return [(message, claim)]
        day = self.facts.clock.day
        days = message.dates.between(day(self.facts.now), day(self.facts.last))
        return [(message, self.ruleset.occasion(message, day)) for day in days] or [(message, claim)]

    def _is_variant(self, message: Message) -> bool:
        """Whether its campaign's split, if there is one, chooses the message for the contact."""
        return not message.campaign.split or message.content_id == self._variant_of(message.campaign)

    def _variant_of(self, campaign: Campaign) -> str | None:
        if campaign.id not in self._variants:
            self._variants[campaign.id] = campaign.variant_of(self.facts.contact.id)
        return self._variants[campaign.id]

    def _derived(self, message: Message, claim: Claim, slots: list[int]) -> Candidate:
        """The candidate of a claim that a campaign makes; the contents of one campaign are one group."""
        own = self._with_score(claim) if self.scores else claim
        if claim.at is None:
            return Candidate(message, own, claim.campaign, slots)
        found = Candidate(message, own, (claim.campaign, claim.at), slots)
        found.is_occasion = True
        return found

    def _with_score(self, claim: Claim) -> Claim:
        # The score of the content, else that of the campaign.
        score = self.scores.get((claim.campaign, claim.content)) or self.scores.get(claim.campaign)
        if score is None:
            return claim
        return evolve(
            claim,
            propensity=score.propensity if claim.propensity is None else claim.propensity,
            value=score.value if claim.value is None else claim.value,
            spread=score.spread if claim.spread is None else claim.spread,
            opt_out=score.opt_out if claim.opt_out is None else claim.opt_out,
            uplift=score.uplift if claim.uplift is None else claim.uplift,
        )

    def _gather_all(self) -> list[Candidate]:
        if self.claims is None:
            found = [self._derived(message, claim, []) for message, claim in self._derivable()]
        else:
            found = [own for group, claim in enumerate(self.claims) for own in self._expand(group, claim)]
            mark_duplicates(found)
        for candidate in found:
            self._open(candidate)
        return found

    def _expand(self, group: int, claim: Claim) -> list[Candidate]:
        """A claim as candidates: one for each content that it leaves open."""
        fault = claim.fault()
        if fault is not None:
            return [Candidate(None, claim, group, [], fault=fault)]
        messages = self.ruleset.messages_for(claim)
        if isinstance(messages, str):
            return [Candidate(None, claim, group, [], fault=messages)]
        if messages[0].campaign.split:
            messages = tuple(message for message in messages if self._is_variant(message))
            if not messages:
                chosen = self._variant_of(self.ruleset.campaigns[claim.campaign])
                fault = f"the split of campaign {claim.campaign!r} chooses the content {chosen!r} for the contact"
                return [Candidate(None, claim, group, [], fault=fault)]
        lacking = self.ruleset.lacking(messages, claim)
        if lacking is not None:
            return [Candidate(None, claim, group, [], fault=lacking)]
        return [self._brought(group, _complete(claim, message), message) for message in messages]

    def _brought(self, group: int, claim: Claim, message: Message) -> Candidate:
        """The candidate of a claim that was brought, for one content."""
        fault = None
        if self.scores:
            claim = self._with_score(claim)
            fault = claim.fault()
        return Candidate(None if fault else message, claim, group, [], fault=fault)

    def _asked_for(self) -> AskedFor:
        """What the claims ask for: campaign, content, channel and id, each also with the last three left open."""
        return self.ruleset.asked_for if self.claims is None else self._asked_for_by_claims

    @once
    def _asked_for_by_claims(self) -> AskedFor:
        claims = [candidate.claim for candidate in self.gathered if candidate.message is not None]
        asked = {(own.campaign, own.content, own.channel, own.id) for own in claims}
        if self.ruleset.has_splits:
            # Whatever a split chose when the message was planned, it is decided again.
            asked |= {
                (own.campaign, other.content_id, other.channel, own.id)
                for own in claims
                for other in self.ruleset.messages_of.get(own.campaign, ())
                if other.campaign.split
            }
        return asked_combinations(asked)

    def lacks(self, candidate: Candidate) -> list[str]:
        """The rules by which a claim lacks data of its own: a score, or what its weight is worked out of."""
        found = [NEEDS_SCORE] if self.needs.lacks(candidate.claim) else []
        message = candidate.message
        if message is not None and message.expression is not None and candidate.claim.weight is None:
            gain = self._fit(candidate)[3]
            if math.isnan(weight_of(message, candidate.claim, self.facts.subject.values, gain)):
                found.append(f"weight of {message.campaign.id}")
        return [*found, STAGE_VALUE] if math.isnan(self.risk(candidate)) else found

    def risk(self, candidate: Candidate) -> float:
        """What a message costs at the chance that the contact opts out; NaN where that is not known."""
        if not self.attention.is_priced:
            return 0.0
        return self.attention.risk(candidate.claim, self.facts.contact.stage)

    def is_below(self, candidate: Candidate) -> bool:
        """Whether a message changes less than its campaign asks for."""
        return self.attention.is_below(candidate.claim)

    def refused(self, candidate: Candidate) -> tuple[str, ...]:
        """The names of the checks that do not allow a claim; one that fails makes the claim faulty."""
        if candidate.refused is None:
            found = []
            for check in self.checks:
                try:
                    allowed = verdict_of(check, candidate.claim, self.facts.contact, self.context(candidate))
                except Exception as error:  # noqa: BLE001  (a check is foreign code: whatever it raises is its fault)
                    allowed = False
                    candidate.fault = f"check {check.name!r} failed: {type(error).__name__}: {error}"
                if not allowed:
                    found.append(check.name)
            candidate.refused = tuple(found)
        return candidate.refused

    # Series

    def _set_steps(self, candidates: Sequence[Candidate]) -> None:
        """Say what must go before each step of a series."""
        refused: dict[Message, bool] = {}
        for candidate in candidates:
            message = candidate.message
            if message is None or message.step < 0:
                continue
            steps = self.ruleset.messages_of[message.campaign.id]
            candidate.before = steps[message.step - 1] if message.step else None
            if message.campaign.if_lost == "skip":
                self._skip(candidate, steps, refused)

    def _skip(self, candidate: Candidate, steps: Sequence[Message], refused: dict[Message, bool]) -> None:
        """Pass over the steps before a candidate that the contact is refused; and do not go back to one passed over."""
        own = step = message_of(candidate).step
        while step and not self._has_gone(candidate, steps[step - 1]):
            if not self._refuses(steps[step - 1], refused):
                break
            step -= 1
        candidate.before = steps[step - 1] if step else None
        if not self._has_gone(candidate, steps[own]):
            candidate.passed = next((later for later in steps[own + 1 :] if self._has_gone(candidate, later)), None)

    def _has_gone(self, candidate: Candidate, step: Message) -> bool:
        """Whether the history holds a touch of a step that is of the candidate's id."""
        claim = candidate.claim
        touches = self.facts.history.steps.get((claim.campaign, step.content_id or ""), ())
        return any(claim.id in (None, own) for _, own in touches)

    def _refuses(self, step: Message, refused: dict[Message, bool]) -> bool:
        """Whether the contact is refused a step, at every instant, for more than its hour or day."""
        if step not in refused:
            campaign, number = step.campaign, step.step
            asked = [own for own in self.gathered if own.message and own.message.campaign is campaign]
            asked = [own for own in asked if message_of(own).step == number and own.fault is None]
            if not asked:
                asked = [self._derived(step, self.ruleset.claims[step], [])]
                self._open(asked[0])
            refused[step] = all(map(self._is_refused, asked))
        return refused[step]

    def _is_refused(self, candidate: Candidate) -> bool:
        # Of a candidate that was not gathered no check has been asked yet; one that fails refuses nothing for good.
        if candidate.fault is not None or (candidate.instants and not self.refused(candidate)):
            return False
        lacks = self.lacks(candidate)
        found = (
            failures(
                self.facts.subject,
                message_of(candidate),
                at,
                lacks=lacks,
                refused=partial(self.refused, candidate),
                expired=candidate.expired(at),
            )
            for at in candidate.slots
        )
        return all(any(reason not in TIMED for reason, _ in each) for each in found) and candidate.fault is None

    # When a candidate may go

    def _open(self, candidate: Candidate) -> None:
        """Work out when a candidate could go, and when it may."""
        message = candidate.message
        if message is None or candidate.fault is not None:
            return
        try:
            self.facts.subject.send_time(message)
            candidate.slots = self._slots.of(candidate, message)
        except ModelError as error:
            candidate.fault = f"send_at: {error}"
            return
        if candidate.claim.expires is not None or message.campaign.wait is not None:
            candidate.expiry = expiry(candidate.claim, message.campaign, self.facts.clock)
        if candidate.outside is None:
            if (self.may_lack and self.lacks(candidate)) or self.is_below(candidate):
                return
            subject = self.facts.subject
            candidate.instants = [
                at
                for at in candidate.slots
                if candidate.expired(at) is None and not any(True for _ in failures(subject, message, at))
            ]

    def _check_limits(self, candidate: Candidate) -> None:
        """An invalid limit of the contact's own makes the candidates that it should stop invalid, and no others."""
        if candidate.obeys_caps:
            for cap, _, _ in message_of(candidate).cells:
                try:
                    self.facts.limit(cap)
                except ModelError as error:
                    candidate.fault = f"cap {self.playbook.caps[cap].name!r}: {error}"
                    candidate.weight = None

    # Weighing

    def context(self, candidate: Candidate, claim: Claim | None = None) -> Context:
        """What the policy may look at for a candidate; or for the claim as it is with a drawn propensity."""
        message = message_of(candidate)
        claim = candidate.claim if claim is None else claim
        contact = self.facts.contact
        base, stage_fit, role_fit, gain = candidate.fit or self._fit(candidate)
        channel = message.channel
        preference = contact.preferences.get(channel, 1.0) if contact.preferences and channel else 1.0
        interest = 1.0
        if self.playbook.interest_lift and not set(contact.interests).isdisjoint(message.about):
            interest += self.playbook.interest_lift
        own = None
        if message.has_own_factors:
            subject = self.facts.subject
            patience = self._patience(claim, message)
            weight = weight_of(message, claim, subject.values, gain)
            own = own_factors(message, weight, subject.values, subject.local, stage_fit, role_fit, patience)
            base = own.base
        return Context(
            self.facts.subject.local,
            self.playbook,
            message.campaign,
            message.content,
            message.team,
            base,
            stage_fit,
            role_fit,
            preference,
            interest,
            gain,
            own,
            self._history,
        )

    def _fit(self, candidate: Candidate) -> Degrees:
        if candidate.fit is None:
            contact = self.facts.contact
            candidate.fit = self.ruleset.fit(message_of(candidate), contact.stage, contact.role)[2]
        return candidate.fit

    def _history(self) -> tuple[Touch, ...]:
        return self.facts.counting

    def _patience(self, claim: Claim, message: Message) -> float:
        """The factor of a campaign's patience."""
        patience = message.campaign.patience
        if patience is None:
            return 1.0
        last = self.facts.history.latest.get(message.campaign.id)
        if last is None and claim.asked_at is not None:
            last = micros(claim.asked_at)
        return patience.factor_at(self.facts.now, last)

    def _weigh(self, candidate: Candidate) -> bool:
        """Give a candidate its weight and level; False, with a fault, where that cannot be done."""
        found = self.weighed(candidate)
        if isinstance(found, str):
            candidate.fault = found
            return False
        candidate.weight, candidate.level = found
        return True

    def weighed(self, candidate: Candidate, claim: Claim | None = None) -> tuple[int, Level] | str:
        """The weight and level of a candidate, or what is wrong with them.

        Args:
            candidate: the candidate.
            claim: its claim as it is with a drawn propensity; None for the claim as it is.
        """
        claim = candidate.claim if claim is None else claim
        tier = message_of(candidate).campaign.tier
        weight: Any = claim.weight
        rank = 0
        if weight is not None and weight > 0:
            weight = weight * self._patience(claim, message_of(candidate))
        if weight is None or self._rank is not None:
            contact, context = self.facts.contact, self.context(candidate, claim)
            try:
                if weight is None:
                    weight = self.policy.weigh(claim, contact, context)
                if self._rank is not None:
                    rank = _as_int(self._rank(claim, contact, context))
                weight = weight if type(weight) is float else _as_float(weight)
            except Exception as error:  # noqa: BLE001  (a policy is foreign code: whatever it raises is its fault)
                return f"policy {self.policy_name!r} failed: {type(error).__name__}: {error}"
        if not -LARGEST <= weight <= LARGEST:
            return f"policy {self.policy_name!r} gave the weight {weight!r}; allowed are numbers up to {LARGEST:g}"
        if self.attention.is_priced:
            # Nothing multiplies what an opt-out may cost, whatever the policy.
            weight = max(weight - self.risk(candidate), -LARGEST)
        return round(weight * MILLIONTH), (tier, rank)

    def factors(self, candidate: Candidate, weight: int, claim: Claim | None = None) -> dict[str, float]:
        """What a weight that the policy gave is made of, by name; the policy's name where it does not say.

        Args:
            candidate: the candidate.
            weight: its weight, in millionths.
            claim: as for `weighed`.
        """
        claim = candidate.claim if claim is None else claim
        if claim.weight is not None:
            patience = self._patience(claim, message_of(candidate))
            return {} if patience == 1 or claim.weight <= 0 else {"weight": claim.weight, "patience": patience}
        risk = self.risk(candidate)
        own = {self.policy_name: round(weight / MILLIONTH + risk, 6) if risk else weight / MILLIONTH}
        taken = {"opt_out": -risk} if risk else {}
        if not offers(self.policy, "factors", "weigh"):
            return own | taken
        try:
            found = dict(self.policy.factors(claim, self.facts.contact, self.context(candidate, claim)))
            # A whole number stays one; what is not a number is refused.
            return {str(name): factor for name, factor in found.items() if _as_float(factor) is not None} | taken
        except Exception:  # noqa: BLE001  (foreign code: a row is written all the same)
            return own | taken


def _complete(claim: Claim, message: Message) -> Claim:
    """A claim with the content and channel that it left open."""
    if claim.content == message.content_id and claim.channel == message.channel:
        return claim
    return evolve(claim, content=message.content_id, channel=message.channel)


def _as_float(value: object) -> float:
    if isinstance(value, bool) or value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"a weight is a number, found {shown(value)}")
    return float(value)  # type: ignore[arg-type]


def _as_int(value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"a rank is a whole number, found {shown(value)}")
    return value.__index__()  # type: ignore[no-any-return]
