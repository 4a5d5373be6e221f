"""The audit: a finished decision, checked from scratch against the playbook.

Nothing here is shared with the engine, and nothing here is fast: every rule is read as the design words it and
tried on what was granted. Whether a better set exists is not asked, only whether this one breaks anything.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.audit.arm_audit import ArmAudit
from journeykit.audit.attention_audit import faults_of_attention
from journeykit.audit.cap_audit import broken_cap
from journeykit.audit.check_audit import asked_claim, context_of, faults_of_checks, seen_by
from journeykit.audit.claim_audit import faults_of_owner, is_in_time, own_weight, standing
from journeykit.audit.exploration_audit import faults_of_exploration
from journeykit.audit.hours_audit import closed_by, misses_time
from journeykit.audit.rest_audit import broken_rests
from journeykit.audit.segment_audit import values_with_segments
from journeykit.audit.step_audit import StepMark, faults_of_step
from journeykit.audit.violation import Violation
from journeykit.audit.window_audit import AuditMark, counter_of, step_of
from journeykit.basics.clock import DAY, clock, day_number, micros
from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.errors import ModelError
from journeykit.model.campaign import Campaign
from journeykit.model.claim import Claim
from journeykit.playbook.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from journeykit.model.cap import Cap, Conflict, Requirement
    from journeykit.model.claim import Scores
    from journeykit.model.contact import Contact
    from journeykit.model.content import Content
    from journeykit.model.decision import Decision
    from journeykit.model.outcome import Grant
    from journeykit.model.touch import Touch
    from journeykit.playbook.playbook import Playbook
    from journeykit.policies.claim_check import Check
    from journeykit.rule import Rule


def violations(
    playbook: Playbook,
    decision: Decision,
    contact: Contact,
    touches: Iterable[Touch] = (),
    claims: Iterable[Claim] | None = None,
    scores: Scores | None = None,
    checks: Sequence[Check] = (),
) -> Iterator[Violation]:
    """Every rule that the granted claims of a decision break; none for a sound decision.

    Args:
        playbook: the rule set.
        decision: what was decided.
        contact: for whom.
        touches: the history that was decided on.
        claims: the claims that were decided; None where they came from the campaigns.
        scores: what models said of the contact, for campaigns whose claims need a score.
        checks: checks of your own, as they were given to the arbiter.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Cap, Claim, Contact, Playbook, Touch, Window
        >>> playbook = Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))])
        >>> anna, at = Contact(id="anna", consent=["email"]), datetime(2026, 11, 5, 10, tzinfo=UTC)
        >>> claims = [Claim(campaign="news", channel="email")]
        >>> decision = Arbiter(playbook).decide(anna, claims=claims, at=at)
        >>> list(violations(playbook, decision, anna, claims=claims))
        []
        >>> forgotten = Touch(at=at, channel="email")
        >>> [broken.rule for broken in violations(playbook, decision, anna, [forgotten], claims)]
        ['one a day']
    """
    given = None if claims is None else tuple(claims)
    yield from _Audit(playbook, decision, contact, tuple(touches), given, scores, checks).run()


def account_violations(
    playbook: Playbook,
    decisions: Sequence[Decision],
    contacts: Sequence[Contact],
    touches: Iterable[Touch] = (),
    claims: Mapping[str, Iterable[Claim]] | None = None,
    scores: Mapping[str, Scores] | None = None,
    checks: Sequence[Check] = (),
) -> Iterator[Violation]:
    """Every rule that the granted claims of an account's decisions break: each contact's own, and the caps per account.

    Args:
        playbook: the rule set.
        decisions: what was decided, one for each contact.
        contacts: for whom, in the same order.
        touches: the account's history that was decided on.
        claims: by contact id, the claims that were decided; None where they came from the campaigns.
        scores: by contact id, what models said, for campaigns whose claims need a score.
        checks: as for `violations`.
    """
    history = tuple(touches)
    audits = [
        _Audit(
            playbook,
            decision,
            contact,
            history,
            None if claims is None else tuple(claims.get(contact.id, ())),
            (scores or {}).get(contact.id),
            checks,
        )
        for decision, contact in zip(decisions, contacts, strict=True)
    ]
    for audit in audits:
        audit.colleagues = [other for other in audits if other is not audit]
        yield from audit.run()


class _Audit:
    def __init__(
        self,
        playbook: Playbook,
        decision: Decision,
        contact: Contact,
        touches: Sequence[Touch],
        claims: Sequence[Claim] | None,
        scores: Scores | None,
        checks: Sequence[Check] = (),
    ) -> None:
        self.checks, self.arms = checks, ArmAudit(playbook, contact)
        self.playbook = playbook = self.arms.rules
        self.vocabulary = vocabulary = Vocabulary.of(playbook)
        self.scores = scores or {}
        self.decision = decision
        self.contact = contact = vocabulary.contact(contact)
        self.touches = touches = [vocabulary.touch(touch) for touch in touches]
        self.sources: list[Claim | Campaign] = list(playbook.campaigns or ())
        if claims is not None:
            self.sources = [vocabulary.claim(claim) for claim in claims if claim.fault() is None]
        self.home = clock(playbook.timezone)
        self.clock = self.home if contact.timezone is None else clock(contact.timezone)
        self.campaigns = {campaign.id: campaign for campaign in playbook.campaigns or ()}
        self.contents = {content.id: content for content in playbook.content or ()}
        self._send_at = {own.name: own.send_at for own in playbook.channels}
        self.now = micros(decision.at)
        self.local_now = self.clock.moment(self.now)
        self.values = self._values(self.local_now)
        self.last = self.now if decision.until is None else micros(decision.until)
        self.history = [self._touched(touch) for touch in touches if self._stands(touch)]
        self.granted = [self._granted(grant) for grant in decision.granted]
        self.everything = [*self.history, *self.granted]
        self.colleagues: list[_Audit] = []

    def run(self) -> Iterator[Violation]:
        if self.decision.contact != self.contact.id:
            yield Violation("contact", f"the decision is about {self.decision.contact}, not {self.contact.id}")
        yield from self.arms.faults(self.decision)
        yield from faults_of_exploration(self.playbook, self.decision, self.contact)
        resting = broken_rests(self.playbook.rests_by_event, self.contact, self.touches, self.now, self._touched)
        for mark in self.granted:
            yield from self._person(mark)
            yield from self._moment(mark)
            yield from resting(mark)
        yield from self._asked_for()
        yield from self._repeats()
        for cap in self.playbook.caps:
            yield from self._cap(cap)
        for conflict in self.playbook.conflicts:
            yield from self._conflict(conflict)
        for requirement in self.playbook.requirements:
            yield from self._requirement(requirement)
        for mark in self.granted:
            yield from self._series(mark)

    # What there is

    def _values(self, local: datetime) -> dict[str, Any]:
        """What rules read of the contact at an instant; its named segments are asked of it as it was given."""
        return values_with_segments(self.playbook.segments, self.contact.values(), local)

    def _facets(
        self, campaign: Campaign | None, content: Content | None, own: Mapping[str, str | None]
    ) -> dict[str, tuple[str, ...]]:
        known = self.playbook.facets(campaign, content)
        return known | {name: (value,) for name, value in own.items() if value is not None}

    def _granted(self, grant: Grant) -> AuditMark:
        # Where the playbook lists no campaigns any will do, as often as the caps allow.
        campaign = self.campaigns.get(grant.campaign) or Campaign(id=grant.campaign, repeat=None)
        content = self.contents.get(grant.content or "")
        facets = self._facets(campaign, content, {"channel": grant.channel, "content": grant.content})
        asked = self._claim_of(grant)
        if asked is not None and asked.facets:
            # A team that the claim brings may have no goal: nothing else of the campaign's own then stays.
            own = self.playbook.facets(campaign, content, asked.facets)
            sent = {name: facets[name] for name in ("channel", "content") if name in facets}
            facets = own | sent
        return AuditMark(micros(grant.send_at), grant.campaign, facets, campaign, grant, content, claim=grant.claim)

    def _claim_of(self, grant: Grant) -> Claim | None:
        """The claim that a grant answers: of several that ask for the same, the heaviest, and so on, counts."""
        found = [source for source in self.sources if isinstance(source, Claim) and self._asks(source, grant)]
        own = [source for source in found if source.at == grant.date]
        return min(own or found, key=standing, default=None)

    def _touched(self, touch: Touch) -> AuditMark:
        campaign = self.campaigns.get(touch.campaign or "")
        content = self.contents.get(touch.content or "")
        if campaign is not None and touch.content is None and len(campaign.content) == 1:
            content = self.contents.get(campaign.content[0])
        names = ("channel", "campaign", "content", "team", "goal", "theme")
        facets = self._facets(campaign, content, {name: getattr(touch, name) for name in names})
        for name, own in (("topic", "topics"), ("solution", "solutions"), ("tag", "tags")):
            facets[name] = getattr(touch, own) or facets.get(name, ())
        # What a message is known not to have had, no playbook gives it.
        unknown = {"topics": "topic", "solutions": "solution", "tags": "tag"}
        gone = {unknown.get(name, name) for name in touch.without}
        facets = {name: values for name, values in facets.items() if values and name not in gone}
        if "channel" not in touch.without:
            channel = facets.get("channel", (None,))[0]
            facets["channel"] = self.vocabulary.channels_of(channel, campaign, self.contents)
        return AuditMark(touch.micros, touch.campaign, facets, campaign, touch=touch, claim=touch.claim)

    def _stands(self, touch: Touch) -> bool:
        """Whether a touch counts: it is the contact's, it happened or will, and it is not decided again."""
        if touch.contact not in (None, self.contact.id) or touch.status not in ("sent", "reserved", "planned"):
            return False
        if touch.status != "planned":
            return True
        return touch.micros >= self.now and not any(
            campaign == touch.campaign
            and touch.content in (None, content)
            and touch.channel in (None, channel)
            and touch.claim in (None, claim)
            and self._is_dated_alike(touch)
            for campaign, content, channel, claim in self._wanted()
        )

    def _is_dated_alike(self, touch: Touch) -> bool:
        """Whether a planned touch is of a date for which its campaign claims, where it has dates of its own."""
        dated = next((own for own in self.sources if isinstance(own, Campaign) and own.id == touch.campaign), None)
        if dated is None or dated.dates is None:
            return True
        day = self.clock.day(touch.micros)
        inside = self.clock.day(self.now) <= day <= self.clock.day(self.last)
        # A campaign that is paused has its occasions all the same.
        return inside and evolve(dated, paused=False).closed(day) is None

    def _of_account(self, cap: Cap) -> list[AuditMark]:
        """What counts in a cap per account: the touches of all, and the grants of those whom the cap protects."""
        known = {self.contact.id, *(other.contact.id for other in self.colleagues)}
        strangers = [
            self._touched(touch)
            for touch in self.touches
            if touch.contact is not None
            and touch.contact not in known
            and touch.account is not None
            and touch.account == self.contact.account
            and (touch.status in ("sent", "reserved") or (touch.status == "planned" and touch.micros >= self.now))
        ]
        others = [mark for other in self.colleagues for mark in other.history]
        grants = [mark for other in self.colleagues if other.is_protected_by(cap) for mark in other.granted]
        return [*self.everything, *strangers, *others, *grants]

    def is_protected_by(self, cap: Cap) -> bool:
        """Whether the contact is in a cap's audience."""
        found = True if cap.audience is None else self._test(cap.audience, self.now)
        return found is True or (found is None and self.playbook.on_missing.cap == "apply")

    def _test(self, rule: Rule, at: int) -> bool | None:
        """What a rule says of the contact at an instant."""
        then = self.clock.moment(at)
        return rule.test(self._values(then), then)

    def _limit(self, cap: Cap) -> int | None:
        """The limit of a cap: the contact's own or, per account, the smallest of those whom it protects."""
        found = [cap.limit_for(self.values)]
        for other in self.colleagues if cap.per == "account" else ():
            with suppress(ModelError):
                found += [cap.limit_for(other.values)] if other.is_protected_by(cap) else []
        return min((limit for limit in found if limit is not None), default=None)

    def _wanted(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        """Every campaign, content, channel and id of a claim that is asked for."""
        for source in self.sources:
            name, own = (source.id, None) if isinstance(source, Campaign) else (source.campaign, source.id)
            known = self.campaigns.get(name)
            # Of a split campaign any variant may have been planned.
            for parts in self._contents_of(known if known is not None and known.split else source):
                yield *parts, own

    def _askings(self) -> Iterator[tuple[Claim | Campaign, str | None, int | None]]:
        """What one grant each can answer: a claim, or one of a campaign's dates; of a series each of its steps."""
        first, last = self.clock.day(self.now), self.clock.day(self.last)
        for source in self.sources:
            known = self.campaigns.get(source.id if isinstance(source, Campaign) else source.campaign)
            steps = (None,) if known is None or known.series is None else known.content
            days: Iterable[int | None] = (None,)
            if isinstance(source, Campaign) and source.dates is not None:
                days = [day for day in range(first, last + 1) if source.closed(day) is None]
            yield from ((source, step, day) for step in steps for day in days)

    def _contents_of(self, source: Claim | Campaign) -> Iterator[tuple[str, str | None, str | None]]:
        """The contents of one claim, of which one can be granted."""
        campaign, content_id, channel = (
            (source.id, None, None)
            if isinstance(source, Campaign)
            else (source.campaign, source.content, source.channel)
        )
        known = self.campaigns.get(campaign)
        contents = [self.contents[one] for one in known.content] if known else []
        if not contents:
            other = self.contents.get(content_id or "")
            yield campaign, content_id, channel or (other.channel if other else None)
        for content in contents:
            if content_id in (None, content.id) and channel in (None, content.channel):
                yield campaign, content.id, content.channel

    # Section 5: who is eligible, and when

    def _person(self, mark: AuditMark) -> Iterator[Violation]:
        grant, campaign, content = mark.grant, mark.settings, mark.content
        assert grant is not None and campaign is not None  # noqa: S101, PT018  (made so from a grant)
        contact, on_missing = self.contact, self.playbook.on_missing

        def broken(rule: str, message: str) -> Violation:
            return Violation(rule, f"{mark.label}: {message}")

        if contact.suppressed:
            yield broken("suppressed", "the contact is suppressed")
        if campaign.needs_consent:
            agreed = None if grant.channel is None else contact.consent_for(grant.channel, mark.at)
            if contact.opted_out:
                yield broken("opted_out", "the contact opted out")
            if agreed is False:
                yield broken("no_consent", f"no consent for {grant.channel}")
            if agreed is None and on_missing.consent == "deny":
                yield broken("missing_data", f"it is not known whether there is consent for {grant.channel}")
            for topic in mark.facets.get("topic", ()):
                entry = contact.topic_consent.get(topic) or contact.topic_consent.get("*")
                if entry is not None and not entry.holds_at(mark.at):
                    yield broken("no_consent", f"no consent for the topic {topic}")
            holdouts = (self.playbook.holdout, campaign.holdout)
            if any(holdout is not None and holdout.holds(contact.id) for holdout in holdouts):
                yield broken("holdout", "the contact is held out")
        if campaign.audience is not None and self._test(campaign.audience, mark.at) is not True:
            yield broken("not_in_audience", f"the contact is not in {campaign.audience}")
        for word, own, degrees, policy in (
            ("stage", contact.stage, content.stages if content else None, on_missing.stage),
            ("role", contact.role, content.roles if content else None, on_missing.role),
        ):
            if degrees is not None and own is None and policy == "deny":
                yield broken("missing_data", f"the contact's {word} is missing")
            if degrees is not None and own is not None and not degrees.get(own, 0) > 0:
                yield broken(f"wrong_{word}", f"{grant.content} does not fit the {word} {own}")
        for fault in faults_of_owner(self.playbook, contact.stage, campaign, mark.facets.get("team")):
            yield broken("wrong_owner", fault)
        if self.playbook.opt_out_cost is not None or campaign.min_uplift is not None:
            asked = asked_claim(grant, self._claim_of(grant), self.scores)
            for rule, fault in faults_of_attention(self.playbook, campaign, asked, contact.stage):
                yield broken(rule, fault)
        if self.checks:
            asked = asked_claim(grant, self._claim_of(grant), self.scores)
            touches = [own.touch for own in self.history if own.touch is not None]
            context = context_of(self.playbook, campaign, content, contact, self.local_now, touches)
            for rule, fault in faults_of_checks(self.checks, asked, seen_by(contact, self.values), context):
                yield broken(rule, fault)
        if campaign.split and grant.content != campaign.variant_of(contact.id):
            yield broken("split", f"{grant.content} is not the content that the split chooses for {contact.id}")
        if not scaled(grant.weight, MILLIONTH) > scaled(self.playbook.reserve, MILLIONTH):
            yield broken("not_worth_it", f"the weight {grant.weight} is not above the reserve {self.playbook.reserve}")

    def _moment(self, mark: AuditMark) -> Iterator[Violation]:
        grant, campaign = mark.grant, mark.settings
        assert grant is not None and campaign is not None  # noqa: S101, PT018  (made so from a grant)
        send_at = campaign.send_at or self._send_at.get(grant.channel or "")
        own_instant = isinstance(grant.date, datetime)
        if send_at is not None and not own_instant and misses_time(send_at, self.values, self.clock, mark.at, self.now):
            yield Violation("send_at", f"{mark.label} is not at its time of day")
        # Where one instant is decided, a time of day comes after it.
        is_later = send_at is not None and not own_instant and self.decision.until is None
        if not self.now <= mark.at <= (self.last + 3 * DAY if is_later else self.last):
            yield Violation("span", f"{mark.label} lies outside the decision's span")
        closed = campaign.closed(self.clock.day(mark.at))
        if closed is not None:
            yield Violation("campaign_closed", f"{mark.label}: {closed}")
        if campaign.obeys_quiet_hours:
            local = self.clock.local(mark.at)
            for label in closed_by(self.playbook, mark.facets, grant.channel, local, partial(self._test, at=mark.at)):
                yield Violation("quiet_hours", f"{mark.label}: {label}")
        if self.contact.timezone is None and self.playbook.on_missing.timezone == "deny":
            dated = send_at or campaign.starts or campaign.ends or campaign.dates
            timed = campaign.obeys_quiet_hours and self.playbook.schedule.about(mark.facets, grant.channel)
            capped = campaign.obeys_caps and any(
                cap.window.is_local
                and cap.where.matches(mark.facets)
                and cap.points_of(mark.facets)
                and cap.keys_of(mark.facets)
                for cap in self.playbook.caps
            )
            if dated or timed or capped:
                yield Violation("missing_data", f"{mark.label}: the contact's time zone is missing")

    # Sections 3 and 15: one grant for one claim, and so many of a campaign

    def _asked_for(self) -> Iterator[Violation]:
        """Every grant must have a claim of its own that asked for just this."""
        taker: dict[int, int] = {}
        askings = list(self._askings())

        def place(grant: int, seen: set[int]) -> bool:
            wanted = self.decision.granted[grant]
            day = self.clock.day(micros(wanted.send_at))
            for source, (asking, step, own) in enumerate(askings):
                fits = step in (None, wanted.content) and own in (None, day)
                if source not in seen and fits and self._asks(asking, wanted):
                    seen.add(source)
                    if source not in taker or place(taker[source], seen):
                        taker[source] = grant
                        return True
            return False

        for grant, mark in enumerate(self.granted):
            if not place(grant, set()):
                yield Violation("one content", f"{mark.label}: no claim that is left asks for it")

    def _asks(self, source: Claim | Campaign, grant: Grant) -> bool:
        if (grant.campaign, grant.content, grant.channel) not in self._contents_of(source):
            return False
        known = self.campaigns.get(grant.campaign)
        if known is not None and known.scored and not self._has_score(source, grant):
            return False
        if isinstance(source, Campaign):
            return grant.claim is None
        if source.id != grant.claim:
            return False
        if source.weight is not None and scaled(self._own_weight(source, known), MILLIONTH) != scaled(
            grant.weight, MILLIONTH
        ):
            return False
        if not is_in_time(source, known, grant, self.clock):
            return False
        if source.at is None:
            return True
        return (
            source.at == grant.send_at
            if isinstance(source.at, datetime)
            else day_number(source.at) == self.clock.day(micros(grant.send_at))
        )

    def _own_weight(self, claim: Claim, campaign: Campaign | None) -> float:
        touched = (mark.at for mark in self.history if mark.campaign == claim.campaign)
        return own_weight(claim, campaign, max(touched, default=None), self.now)

    def _has_score(self, source: Claim | Campaign, grant: Grant) -> bool:
        if isinstance(source, Claim) and (source.weight is not None or source.propensity is not None):
            return True
        score = self.scores.get((grant.campaign, grant.content)) or self.scores.get(grant.campaign)
        return score is not None and score.propensity is not None

    def _repeats(self) -> Iterator[Violation]:
        known = self.campaigns.get
        for name, claim, step in dict.fromkeys((m.campaign, m.claim, step_of(m)) for m in self.granted):
            campaign = known(name or "")
            if campaign is None or campaign.repeat is None:
                continue
            found = sum((m.campaign, m.claim, step_of(m)) == (name, claim, step) for m in self.granted)
            # A touch without an id could be that of any claim; a claim without one repeats all of them.
            found += sum(
                (m.campaign, step_of(m)) == (name, step) and (m.claim in (None, claim) or claim is None)
                for m in self.history
            )
            if found > campaign.repeat:
                yield Violation("repeat", f"{campaign.id}: {found} touches; at most {campaign.repeat} are allowed")

    # Section 4: windows

    def _cap(self, cap: Cap) -> Iterator[Violation]:
        if not self.is_protected_by(cap):
            return
        everything = self._of_account(cap) if cap.per == "account" else self.everything
        local = cap.window.clock(self.clock, self.home)
        yield from broken_cap(cap, partial(self._limit, cap), everything, self.granted, local)

    # Section 4: conflicts and requirements

    def _conflict(self, conflict: Conflict) -> Iterator[Violation]:
        for mark in self.granted:
            for other in self.everything:
                if other is not mark and (self._follows(conflict, mark, other) or self._follows(conflict, other, mark)):
                    yield Violation(conflict.name, f"{mark.label} and {other.label}")

    def _follows(self, conflict: Conflict, first: AuditMark, then: AuditMark) -> bool:
        if not (conflict.first.matches(first.facets) and conflict.then.matches(then.facets)):
            return False
        lag, distance = conflict.lag.days, self.clock.day(then.at) - self.clock.day(first.at)
        if conflict.lag.length is not None:
            lag = conflict.lag.length.days * 86_400_000_000 + conflict.lag.length.seconds * 1_000_000
            distance = then.at - first.at
        assert isinstance(lag, int)  # noqa: S101  (a lag is days or a length)
        return 0 <= distance <= lag or (conflict.both_ways and 0 <= -distance <= lag)

    def _requirement(self, requirement: Requirement) -> Iterator[Violation]:
        for mark in self.granted:
            if requirement.claim.matches(mark.facets) and not self._has_partner(requirement, mark):
                yield Violation(requirement.name, f"{mark.label}: the partner that it requires is missing")

    def _series(self, mark: AuditMark) -> Iterator[Violation]:
        campaign = mark.settings
        if campaign is None or campaign.series is None:
            return
        history, granted = (
            [StepMark(own.at, step_of(own), own.claim) for own in marks if own.campaign == mark.campaign]
            for marks in (self.history, self.granted)
        )
        step = StepMark(mark.at, step_of(mark), mark.claim)
        for fault in faults_of_step(campaign, step, history, granted, self.clock, partial(self._is_refused, mark)):
            yield Violation("series", f"{mark.label}: {fault}")

    def _is_refused(self, mark: AuditMark, step: str) -> bool:
        """Whether the contact is refused another step at a mark's instant."""
        assert mark.grant is not None  # noqa: S101  (of what was granted)
        grant = evolve(mark.grant, content=step, channel=self.contents[step].channel)
        found = {broken.rule for broken in self._person(self._granted(grant))}
        return bool(found - {"not_worth_it", "invalid"}) or self._lacks_score(grant)

    def _lacks_score(self, grant: Grant) -> bool:
        known = self.campaigns[grant.campaign]
        return known.scored and not any(
            self._has_score(source, grant)
            for source in self.sources
            if (source.id if isinstance(source, Campaign) else source.campaign) == grant.campaign
        )

    def _has_partner(self, requirement: Requirement, mark: AuditMark) -> bool:
        def will_do(other: AuditMark) -> bool:
            return other is not mark and other.at <= mark.at and requirement.partner.surely_matches(other.facets)

        if any(will_do(other) and _goes_before(other.settings, mark.settings) for other in self.granted):
            return True
        if requirement.within is None:
            return False
        counted = counter_of(requirement.within, requirement.within.clock(self.clock, self.home))
        return any(will_do(touch) and counted(touch, mark.at) for touch in self.history)


def _goes_before(partner: Campaign | None, campaign: Campaign | None) -> bool:
    """Whether a campaign is decided before, or together with, another."""
    assert partner is not None and campaign is not None  # noqa: S101, PT018  (both are of grants)
    if partner.obeys_caps == campaign.obeys_caps:
        return partner.tier <= campaign.tier
    return not partner.obeys_caps
