"""The audit of what a decider decided, with the playbook, checks and tripped guards that it decided by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.validation import all_of, shown
from journeykit.errors import ModelError
from journeykit.model.contact import Contact
from journeykit.model.decision import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from journeykit.audit import Violation
    from journeykit.engine.decider import Decider
    from journeykit.journey import Event
    from journeykit.model.claim import Claim, Scores
    from journeykit.model.touch import Touch
    from journeykit.model.tripped_guards import TrippedGuards
    from journeykit.playbook.playbook import Playbook


class DecisionAuditor:
    """Checks decisions on one contact, or on one account, from scratch.

    Attributes:
        playbook: the rule set.
        guards: tripped guards, whose campaigns are paused; or None.
        decider: what decided.
    """

    __slots__ = ()

    playbook: Playbook
    guards: TrippedGuards | None
    decider: Decider

    def audit(
        self,
        decision: Decision,
        contact: Contact,
        touches: Iterable[Touch] = (),
        claims: Iterable[Claim] | None = None,
        scores: Scores | None = None,
        events: Iterable[Event] | None = None,
    ) -> tuple[Violation, ...]:
        """Check a decision from scratch, with code that shares nothing with the engine.

        Args:
            decision: what was decided.
            contact: for whom.
            touches: the history that was decided on.
            claims: the claims that were decided; None where they came from the campaigns.
            scores: as they were given to `decide`.
            events: likewise.

        Returns:
            Every rule that what was granted breaks; none for a sound decision.
        """
        from journeykit.audit import guard_violations, violations

        _check_kinds(Decision, [decision], "decision")
        _check_kinds(Contact, [contact], "contact")
        contact = self.decider.ruleset.with_events(contact, events, decision.at)
        found = violations(self.playbook, decision, contact, touches, claims, scores, self.decider.checks)
        return (*found, *guard_violations(self.playbook, self.guards, [decision]))

    def audit_account(
        self,
        decisions: Iterable[Decision],
        contacts: Iterable[Contact],
        touches: Iterable[Touch] = (),
        claims: Mapping[str, Iterable[Claim]] | None = None,
        scores: Mapping[str, Scores] | None = None,
        events: Mapping[str, Iterable[Event]] | None = None,
    ) -> tuple[Violation, ...]:
        """Check the decisions of an account from scratch, the caps per account too, as `audit` does for one contact.

        Args:
            decisions: what was decided, one for each contact.
            contacts: for whom, in the same order.
            touches: as they were given to `decide_account`.
            claims: likewise.
            scores: likewise.
            events: likewise.
        """
        from journeykit.audit import account_violations, guard_violations

        found, whose = all_of(Decision, decisions, "decisions"), all_of(Contact, contacts, "contacts")
        if events is not None and found:
            ruleset, at = self.decider.ruleset, found[0].at
            whose = tuple(ruleset.with_events(contact, events.get(contact.id, ()), at) for contact in whose)
        own = (self.playbook, tuple(found), tuple(whose), touches, claims, scores, self.decider.checks)
        return (*account_violations(*own), *guard_violations(self.playbook, self.guards, found))


def _check_kinds(kind: type, given: Iterable[object], name: str) -> None:
    """Refuse what is not of a kind: several where one is wanted, say."""
    for own in given:
        if not isinstance(own, kind):
            raise ModelError(f"{name} must be a {kind.__name__}, found {shown(own)}", field=name)
