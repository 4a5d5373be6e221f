"""The decider: a playbook, compiled, with its policy; it decides groups of contacts and writes their rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, field, frozen, validators

from journeykit.basics.clock import first_and_last, moment
from journeykit.basics.validation import MILLIONTH
from journeykit.basics.version import VERSION
from journeykit.engine.account import Account
from journeykit.engine.arbitration import Arbitration, TwoRounds
from journeykit.engine.candidate import message_of
from journeykit.engine.counted_quotas import need_ledger
from journeykit.engine.gather import ClaimGatherer
from journeykit.engine.quota_charges import QuotaCharges
from journeykit.engine.reasons import write_rows
from journeykit.engine.ruleset import Ruleset
from journeykit.engine.selection import NODE_BUDGET
from journeykit.errors import DataError, ModelError, PolicyError, closest
from journeykit.model.decision import Decision
from journeykit.model.outcome import Grant
from journeykit.playbook.playbook import Playbook
from journeykit.playbook.vocabulary import Vocabulary
from journeykit.policies import BUILT_IN
from journeykit.policies.claim_check import Check
from journeykit.policies.policy import Policy, policy_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from attrs import Attribute

    from journeykit.engine.arm_deciders import ArmDeciders  # noqa: TC004  (loaded where it is needed)
    from journeykit.engine.contact_group import ContactGroup, QuotaChoice
    from journeykit.engine.weight_draw import WeightDraw
    from journeykit.model.contact import Contact
    from journeykit.model.outcome import Row
    from journeykit.model.prices import Prices  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.tripped_guards import TrippedGuards  # noqa: TC004  (loaded where it is needed)

Decided = tuple[Decision | ModelError, int]
"""A decision, or why there is none; and how many of the contact's claims are counted as bad rows already."""


_MOST_VARIANTS = 8
"""So many compiled playbooks that differ in what is paused are kept."""


class HasDecider(Protocol):
    """Whatever decides by a decider: a `Decider`, or an `Arbiter`."""

    @property
    def decider(self) -> Decider:
        """The decider."""


class GroupDecision:
    """What was decided of a group.

    Attributes:
        group: the contacts.
        decided: for each contact, in their order, the decision, or why there is none.
        arbitrations: by contact id, the settled claims; none where the group could not be decided.
        used: by side of the quotas, what was granted uses, where a run with quotas chose.
    """

    __slots__ = ("arbitrations", "decided", "group", "used")

    def __init__(
        self, group: ContactGroup, decided: list[Decided], arbitrations: Mapping[str, Arbitration], used: list[int]
    ) -> None:
        self.group = group
        self.decided = decided
        self.arbitrations = arbitrations
        self.used = used


def as_dict(value: Mapping[str, Policy]) -> dict[str, Policy]:
    """Policies by name, as a dict of one's own."""
    return dict(value)


def _check_prices(decider: Decider, attribute: Attribute[Any], value: Any) -> None:
    from journeykit.model.prices import Prices

    validators.instance_of(Prices)(decider, attribute, value)


def _check_guards(decider: Decider, attribute: Attribute[Any], value: Any) -> None:
    from journeykit.model.tripped_guards import TrippedGuards

    validators.instance_of(TrippedGuards)(decider, attribute, value)


@frozen(eq=False)
class Decider:
    """A playbook, compiled, with the policy that it names. Immutable, thread-safe, picklable.

    Attributes:
        playbook: the rule set.
        policies: policies of your own by name.
        prices: saved prices of the playbook's quotas, or None.
        budget: the most nodes one search visits before it settles for the best set it has seen.
        checks: checks of eligibility of somebody else's.
        guards: tripped guards, which pause campaigns; None where none are given.
        pauses: by id of a campaign that a guard pauses, the guard; None takes those of `guards`. A ledger knows more.
        fingerprint: the fingerprint of the playbook.
        ruleset: the playbook, compiled.
        charges: what the saved prices take from claims; None without prices.
        policy: the policy that the playbook names.
        arm: of one that decides the contacts in some arms of experiments, these, as decisions name them.
        arms: the deciders of the contacts in each arm; None for a playbook without experiments.

    Raises:
        PolicyError: for a policy that is not known, or that is not a policy.
        DataError: for prices of another playbook.
    """

    playbook: Playbook = field(validator=validators.instance_of(Playbook))
    policies: Mapping[str, Policy] = field(factory=dict, converter=as_dict)
    prices: Prices | None = field(default=None, validator=validators.optional(_check_prices))
    budget: int = NODE_BUDGET
    checks: tuple[Check, ...] = ()
    arm: str | None = field(default=None, kw_only=True)
    whole: str | None = field(default=None, kw_only=True, repr=False)
    guards: TrippedGuards | None = field(default=None, kw_only=True, validator=validators.optional(_check_guards))
    pauses: Mapping[str, str] | None = field(default=None, kw_only=True)
    fingerprint: str = field(init=False, repr=False)
    ruleset: Ruleset = field(init=False, repr=False)
    charges: QuotaCharges | None = field(init=False, repr=False)
    policy: Policy = field(init=False, repr=False)
    arms: ArmDeciders[Decider] | None = field(init=False, repr=False)
    policy_identity: str = field(init=False, repr=False)
    _variants: dict[tuple[tuple[str, str], ...], Decider] = field(init=False, repr=False, factory=dict)

    @fingerprint.default
    def _take_fingerprint(self) -> str:
        found: object = self.playbook
        if not isinstance(found, Playbook):
            raise ModelError(f"an Arbiter is made from a Playbook, found {type(found).__name__}", field="playbook")
        # The rules of an arm are a part of the whole playbook.
        return self.whole or self.playbook.fingerprint

    @ruleset.default
    def _compile(self) -> Ruleset:
        if self.prices is not None and self.prices.playbook != self.fingerprint:
            raise DataError(
                f"the prices are those of another playbook: its fingerprint is {self.prices.playbook[:12]}..., this "
                f"one's {self.fingerprint[:12]}...; run the quotas again with this playbook",
                source="prices",
            )
        return Ruleset(self.playbook, self.arm, self._pauses())

    def _pauses(self) -> Mapping[str, str]:
        """By campaign, the guard that pauses it."""
        if self.pauses is not None or self.guards is None:
            return self.pauses or {}
        return self._pauses_by((trip.key for trip in self.guards.trips), Vocabulary.of(self.playbook))

    def guard_notes(self) -> Iterator[str]:
        """What a person should know of the guards."""
        from journeykit.model.tripped_guards import guard_notes

        return guard_notes(self.guards, self.playbook, partial(self.ruleset.vocabulary.spelt, "campaign"))

    def pause_notes(self) -> Iterator[str]:
        """What a person should know of campaigns that a ledger pauses, and of trips that were lifted there."""
        pauses = self.ruleset.pauses
        if pauses:
            some = ", ".join(f"{name!r} by {guard!r}" for name, guard in sorted(pauses.items()))
            yield f"guards: paused until a person lifts it (`journeykit ledger guard lift`): {some}"
        for trip in () if self.guards is None else self.guards.trips:
            if self.ruleset.vocabulary.spelt("campaign", trip.campaign) not in pauses:
                yield (
                    f"guards: {trip.guard!r} tripped for {trip.campaign!r} by responses from before a person lifted "
                    f"it: that is not paused"
                )

    def pauses_by(self, keys: Iterable[tuple[str, str]]) -> dict[str, str]:
        """By campaign, in the playbook's spelling, the guard that pauses it.

        Args:
            keys: the guards that hold, each with its campaign.
        """
        return self._pauses_by(keys, self.ruleset.vocabulary)

    def _pauses_by(self, keys: Iterable[tuple[str, str]], words: Vocabulary) -> dict[str, str]:
        from journeykit.model.tripped_guards import pauses_of

        return pauses_of(((guard, words.spelt("campaign", name)) for guard, name in keys), self.playbook.guards)

    def with_pauses(self, pauses: Mapping[str, str]) -> Decider:
        """The same with other campaigns paused, compiled once.

        Args:
            pauses: by id of a campaign that a guard pauses, the guard.
        """
        if pauses == self.ruleset.pauses:
            return self
        key = tuple(sorted(pauses.items()))
        found = self._variants.get(key)
        if found is None:
            if len(self._variants) >= _MOST_VARIANTS:
                self._variants.clear()
            found = evolve(self, pauses=dict(pauses))
            object.__setattr__(found, "_variants", self._variants)
            self._variants[key] = found
        return found

    @charges.default
    def _make_charges(self) -> QuotaCharges | None:
        return None if self.prices is None else QuotaCharges.of(self.playbook, self.prices)

    @policy.default
    def _choose_policy(self) -> Policy:
        return self._policy_called(self.policy_name, "the playbook's policy")

    def _policy_called(self, name: str, what: str) -> Policy:
        known = {**BUILT_IN, **self.policies}
        if name not in known:
            hint = closest(name, known)
            raise PolicyError(
                f"{what} is {name!r}; known are {', '.join(sorted(known))}"
                + (f"; did you mean {hint!r}?" if hint else "")
                + ". Give your own as Arbiter(playbook, policies={name: object})."
            )
        policy = known[name]
        if isinstance(policy, type) or not callable(getattr(policy, "weigh", None)):
            raise PolicyError(
                f"policy {name!r} must be an object with a method weigh(claim, contact, context), found {policy!r}"
            )
        return policy

    @arms.default
    def _make_arms(self) -> ArmDeciders[Decider] | None:
        if not self.playbook.experiments:
            return None
        from journeykit.engine.arm_deciders import ArmDeciders

        return ArmDeciders(self.playbook, self._of_arm)

    def _of_arm(self, rules: Playbook, arm: str | None) -> Decider:
        """The decider of the contacts in some arms, whose rules are given."""
        prices = None if self.prices is None else self.prices.of_arm(arm)
        how = partial(Decider, arm=arm, whole=self.fingerprint, pauses=self.ruleset.pauses)
        return how(rules, self.policies, prices, self.budget, self.checks)

    @policy_identity.default
    def _identify(self) -> str:
        others = () if self.arms is None else self.arms.policies
        found = [policy_identity(self._policy_called(name, "the policy of an arm")) for name in others]
        return "; ".join([policy_identity(self.policy), *found])

    def __reduce__(self) -> tuple[object, ...]:
        own = (self.playbook, dict(self.policies), self.prices, self.budget, self.checks)
        return partial(Decider, arm=self.arm, whole=self.whole, guards=self.guards, pauses=self.pauses), own

    @property
    def decider(self) -> Decider:
        """Itself: whatever takes an `Arbiter` takes a decider."""
        return self

    @property
    def policy_name(self) -> str:
        """The name of the policy."""
        return self.playbook.policy

    @property
    def shows_history(self) -> bool:
        """Whether code of somebody else may look at the whole history of contacts."""
        named = () if self.arms is None else self.arms.policies
        used = [self.policy, *(self._policy_called(name, "the policy of an arm") for name in named)]
        return bool(self.checks) or not {*map(type, used)} <= {type(own) for own in BUILT_IN.values()}

    @property
    def by_account(self) -> bool:
        """Whether any cap counts per account, so that the contacts of an account are decided together."""
        return bool(self.ruleset.per_account)

    @property
    def playbooks(self) -> tuple[Playbook, ...]:
        """The playbook, then as each combination of arms of its experiments has it."""
        arms = () if self.arms is None else self.arms.every
        return (self.playbook, *(own.playbook for _, own, _ in arms))

    def of(self, contact: Contact) -> Decider:
        """The decider of a contact: itself, or that of the contact's arms."""
        return self if self.arms is None else self.arms.of(contact)

    def in_arm(self, arm: str | None) -> Decider:
        """The decider of the contacts in some arms, as decisions name them."""
        return self if self.arms is None else self.arms.named(arm)

    def rounds(
        self, group: ContactGroup, choice: QuotaChoice | None = None, charges: QuotaCharges | None = None
    ) -> TwoRounds:
        """The rounds of a group: exempt claims first, then all others.

        Args:
            group: the contacts.
            choice: what a run with quotas chose for them; None to choose here.
            charges: what the prices of quotas take from claims; None takes the decider's own.

        Raises:
            ModelError: for contacts that cannot be decided.
        """
        several = self.by_account or len(group.contacts) > 1
        contacts = sorted(group.contacts, key=lambda contact: contact.id) if several else group.contacts
        gathered = [self._gathered(contact, group, charges) for contact in contacts]
        if not several:
            return TwoRounds(gathered, None, choice, self._draws(gathered))
        for own in gathered:
            for candidate in own.candidates:
                candidate.contact = own.facts.contact.id
        account = Account([own.facts for own in gathered], group.colleagues)
        return TwoRounds(gathered, account, choice, self._draws(gathered))

    def _draws(self, gathered: Sequence[ClaimGatherer]) -> Sequence[WeightDraw]:
        """What exploration makes of the weights of contacts; the contacts of an account are drawn as one."""
        how = self.playbook.explore
        if how is None:
            return ()
        from journeykit.engine.weight_draw import WeightDraw

        found = []
        for own in gathered:
            contact = own.facts.contact
            together = self.by_account and contact.account is not None
            found.append(WeightDraw(how, str(contact.account if together else contact.id), own))
        return found

    def _gathered(self, contact: Contact, group: ContactGroup, charges: QuotaCharges | None) -> ClaimGatherer:
        """What is gathered of a contact, by the rules of the contact's arms where there are experiments."""
        own = self.of(contact)
        return ClaimGatherer(
            own.ruleset,
            contact,
            group,
            policy=own.policy,
            policy_name=own.policy_name,
            charges=own.charges if charges is None else charges.of_arm(own.arm),
            budget=self.budget,
            checks=self.checks,
        )

    def decide(self, group: ContactGroup, *, explain: bool = False, run_id: str | None = None) -> tuple[Decision, ...]:
        """Decide a group, without a ledger: one decision for each contact, in their order.

        Raises:
            ModelError: for contacts that cannot be decided, and quotas that are counted in a ledger.
        """
        need_ledger(self.ruleset.counted)
        found = self.rounds(group).arbitrations
        decided = tuple(self.decision(found[own.id], explain=explain, run_id=run_id) for own in group.contacts)
        if not (self.playbook.guards or self.guards):
            return decided
        said = tuple(self.guard_notes())
        return tuple(evolve(own, notes=(*own.notes, *said)) for own in decided) if said else decided

    def decide_group(
        self,
        group: ContactGroup,
        *,
        explain: bool,
        run_id: str,
        choice: QuotaChoice | None = None,
        charges: QuotaCharges | None = None,
        keep_to: Callable[[TwoRounds], TwoRounds] | None = None,
    ) -> GroupDecision:
        """Decide a group of a table, which may hold contacts that cannot be decided.

        Args:
            group: the contacts.
            explain: whether the rows tell also what was displaced and what weight would have won.
            run_id: the name of the run.
            choice: what a run with quotas chose for them; None to choose here.
            charges: what the prices of that run take from claims.
            keep_to: gives the rounds of the group what is left of counted quotas; None where a run chose, or has none.
        """
        inputs = group.inputs
        try:
            rounds = self.rounds(group, choice, charges)
            found = (rounds if keep_to is None else keep_to(rounds)).arbitrations
        except ModelError as error:
            return GroupDecision(group, [(error, inputs[own.id].bad_claims) for own in group.contacts], {}, [])
        decided: list[Decided] = [
            (self.decision(found[own.id], explain=explain, run_id=run_id), inputs[own.id].bad_claims)
            for own in group.contacts
        ]
        return GroupDecision(group, decided, found, [] if charges is None else _used(found.values(), charges))

    def decision(self, arbitration: Arbitration, *, explain: bool = False, run_id: str | None = None) -> Decision:
        """What an arbitration comes to, as a decision; its rows are worked out when they are first read."""
        return Decision(
            contact=arbitration.facts.contact.id,
            at=arbitration.facts.at,
            until=arbitration.facts.until,
            timezone=arbitration.facts.clock.name,
            granted=tuple(
                Grant(
                    winner.candidate.claim.campaign,
                    winner.candidate.claim.content,
                    winner.candidate.claim.channel,
                    moment(winner.at),
                    (winner.candidate.weight or 0) / MILLIONTH,
                    winner.candidate.claim.id,
                    winner.candidate.claim.at,
                )
                for winner in arbitration.winners
            ),
            total=arbitration.total / MILLIONTH,
            optimal=arbitration.optimal,
            bound=arbitration.bound / MILLIONTH,
            together=arbitration.together,
            write=partial(self._write, arbitration, run_id),
            explain=explain,
            arm=arbitration.facts.ruleset.arm,
            notes=(*self.ruleset.notes_of(arbitration.facts.contact), *_explored(arbitration)),
            vector=None if arbitration.draw is None else arbitration.draw.vector,
        )

    def _write(self, arbitration: Arbitration, run_id: str | None, explain: bool) -> tuple[Row, ...]:
        run_id = run_id or self.run_id(arbitration.facts.at, arbitration.facts.until)
        return write_rows(arbitration, run_id, self.fingerprint, explain)

    def run_id(self, at: datetime, until: datetime | None = None, inputs: Iterable[str] = ()) -> str:
        """The default name of a run: a hash of all that makes one run decide otherwise than another.

        Args:
            at: the instant of the decisions.
            until: the last instant of a plan, or None.
            inputs: which tables are given besides contacts: some of ``touches``, ``scores`` and ``claims``.
        """
        first, last = first_and_last(at, until)
        span = [first, None if until is None else last]
        prices = None if self.prices is None else self.prices.to_dict()
        parts = [self.fingerprint, *span, self.policy_identity, prices, sorted(inputs), VERSION]
        parts += [policy_identity(check) for check in self.checks]
        if self.ruleset.pauses:
            parts.append({"pauses": self.ruleset.pauses})
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _explored(arbitration: Arbitration) -> Iterator[str]:
    """What a person should know of a contact who is drawn."""
    draw = arbitration.draw
    if draw is not None and draw.vector is not None:
        taking = f"the weights of {draw.count} claims are drawn" if draw.count > 1 else "one weight is drawn"
        own = f"this contact was drawn: vector {draw.vector + 1} of {draw.how.draws} ({draw.how.method})"
        yield f"explore: {own}; {taking if draw.count else 'no weight is drawn'}"


def _used(arbitrations: Iterable[Arbitration], charges: QuotaCharges) -> list[int]:
    """By side of the quotas, what the winners use, in smallest units."""
    winners = [(found.facts.clock, winner) for found in arbitrations for winner in found.winners]
    return [
        sum(
            side.use(
                message_of(winner.candidate).campaign,
                message_of(winner.candidate).facets,
                winner.candidate.claim,
                winner.candidate.weight or 0,
                clock.day(winner.at),
                winner.at,
            )
            for clock, winner in winners
        )
        for side in charges.sides
    ]
