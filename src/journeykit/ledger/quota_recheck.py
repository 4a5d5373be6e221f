"""What a run over many contacts had chosen for some, as far as their history still allows it.

A run with quotas knows the capacity for all contacts together. A contact that is decided again has only its own claims,
and could take what the run has given to another. So it may get what the run had chosen for it and nothing else: a
message that falls away frees capacity, and uses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import micros
from journeykit.basics.ids import claim_digest, contact_key, decision_id
from journeykit.engine.candidate import message_of
from journeykit.engine.quota_charges import whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from journeykit.engine.arbitration import TwoRounds
    from journeykit.engine.candidate import Candidate
    from journeykit.engine.contact_facts import ContactFacts
    from journeykit.engine.round import Round
    from journeykit.model.claim import Claim


def id_of(run_id: str, contact: str, claim: Claim) -> str:
    """The id of the row that is about a claim, and of its reservation."""
    own = None if claim.at is None else claim.at.isoformat()
    digest = claim_digest(run_id, claim.campaign, claim.content, claim.channel, own, claim=claim.id)
    return decision_id(contact_key(contact), digest)


def still_allowed(rounds: TwoRounds, chosen: Mapping[str, datetime], run_id: str) -> TwoRounds:
    """The rounds of contacts, with the best of what a run had chosen for them that still goes together.

    A claim may move to another instant if there it uses the same of every quota.

    Args:
        rounds: the contacts as they are now.
        chosen: by the id of its row, when a claim was to go.
        run_id: the name of the run.
    """
    exempt = _still(rounds.exempt, chosen, run_id)
    found = rounds.with_choice((exempt, None))
    return found.with_choice((exempt, _still(found.main, chosen, run_id)))


def _still(own: Round, chosen: Mapping[str, datetime], run_id: str) -> frozenset[int]:
    values = {}
    for item, (candidate, at) in enumerate(own.items):
        facts = own.facts_of(candidate)
        when = chosen.get(id_of(run_id, facts.contact.id, candidate.claim))
        if when is not None and (
            at == micros(when) or _uses(facts, candidate, at) == _uses(facts, candidate, micros(when))
        ):
            values[item] = max(1, facts.worth(candidate) + _paid(facts, candidate, at))
    return own.best_of(values)


def _uses(facts: ContactFacts, candidate: Candidate, at: int) -> list[int]:
    """What a claim uses of each side of the quotas."""
    message, day = message_of(candidate), facts.clock.day(at)
    sides = () if facts.charges is None else facts.charges.sides
    weight = candidate.weight or 0
    return [side.use(message.campaign, message.facets, candidate.claim, weight, day, at) for side in sides]


def _paid(facts: ContactFacts, candidate: Candidate, at: int) -> int:
    """What minima pay for a claim, in millionths; what a maximum allows is the contact's already, and costs nothing."""
    return -whole(term for side, term in facts.terms(candidate, at) if not side.is_max)
