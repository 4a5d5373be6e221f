"""What a run over many contacts had chosen for some, as far as their history still allows it.

A run with quotas knows the capacity for all contacts together. A contact that is decided again has only its own claims,
and could take what the run has given to another. So it may get what the run had chosen for it and nothing else: a
message that falls away frees capacity, and uses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import micros
from journeykit.basics.ids import claim_digest, contact_key, decision_id
from journeykit.entry import opening_of
from journeykit.prices import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from journeykit.account import Account
    from journeykit.case import Case
    from journeykit.contest import Contest
    from journeykit.engine.contact_group import QuotaChoice
    from journeykit.entry import Entry
    from journeykit.model.claim import Claim


def id_of(run_id: str, contact: str, claim: Claim) -> str:
    """The id of the row that is about a claim, and of its reservation."""
    own = None if claim.at is None else claim.at.isoformat()
    digest = claim_digest(run_id, claim.campaign, claim.content, claim.channel, own, claim=claim.id)
    return decision_id(contact_key(contact), digest)


def still_allowed(
    settle: Callable[[QuotaChoice | None], Case | Account], chosen: Mapping[str, datetime], run_id: str
) -> Case | Account:
    """Contacts, settled with the best of what a run had chosen for them that still goes together.

    A claim may move to another instant if there it uses the same of every quota.

    Args:
        settle: settles them as they are now, with what is chosen for them.
        chosen: by the id of its row, when a claim was to go.
        run_id: the name of the run.
    """
    found = settle(None)
    exempt = _still(found.exempt, chosen, run_id)
    if found.exempt.items:
        found = settle((exempt, None))
    return settle((exempt, _still(found.contest, chosen, run_id)))


def _still(contest: Contest, chosen: Mapping[str, datetime], run_id: str) -> frozenset[int]:
    values = {}
    for item, (entry, at) in enumerate(contest.items):
        case = contest.case_of(entry)
        when = chosen.get(id_of(run_id, case.contact.id, entry.claim))
        if when is not None and (at == micros(when) or _uses(case, entry, at) == _uses(case, entry, micros(when))):
            values[item] = max(1, case.worth(entry) + _paid(case, entry, at))
    return contest.best_of(values)


def _uses(case: Case, entry: Entry, at: int) -> list[int]:
    """What a claim uses of each side of the quotas."""
    opening, day = opening_of(entry), case.clock.day(at)
    sides = () if case.tariff is None else case.tariff.sides
    return [side.use(opening.campaign, opening.facets, entry.claim, entry.weight or 0, day) for side in sides]


def _paid(case: Case, entry: Entry, at: int) -> int:
    """What minima pay for a claim, in millionths; the capacity under a maximum is the contact's already."""
    return -whole(term for side, term in case.terms(entry, at) if not side.is_max)
