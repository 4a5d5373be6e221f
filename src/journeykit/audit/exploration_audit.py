"""The audit of exploration: whether a contact is drawn, worked out anew, and whether chances fit what was granted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from journeykit.audit.violation import Violation
from journeykit.basics.clock import micros
from journeykit.model.exploration import claim_key, claim_number
from journeykit.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.model.exploration import Exploration
    from journeykit.model.outcome import Row
    from journeykit.playbook.playbook import Playbook

_ELIGIBLE = frozenset(
    {
        Reason.GRANTED,
        Reason.NOT_WORTH_IT,
        Reason.RESTING,
        Reason.CAPPED,
        Reason.CONFLICT,
        Reason.REQUIRES,
        Reason.QUOTA_FULL,
        Reason.OUTBID,
    }
)
_TRIFLE = 1e-9


def faults_of_exploration(playbook: Playbook, decision: Decision, contact: Contact) -> Iterator[Violation]:
    """What is wrong with the vector of a contact, and with the chances of the claims.

    Args:
        playbook: the rule set.
        decision: what was decided.
        contact: for whom.
    """
    how = playbook.explore
    if how is None:
        if decision.vector is not None or any(row.chance is not None for row in decision.rows):
            yield Violation("explore", "chances without a playbook that explores")
        return
    together = contact.account is not None and any(cap.per == "account" for cap in playbook.caps)
    start = how.start(str(contact.account if together else contact.id), micros(decision.at))
    vector = how.vector(start)
    # What a ledger kept does not say by which vector.
    if decision.vector != vector and not (decision.replayed and decision.vector is None):
        yield Violation("explore", f"decided by {_named(decision.vector)}, and the contact has {_named(vector)}")
    if vector is not None and how.method == "uniform":
        yield from _misdealt(start, vector, decision.rows)
    for row in decision.rows:
        fault = _fault(how, row, is_drawn=vector is not None, is_sure=not playbook.quotas)
        if fault is not None:
            yield Violation("explore", f"{row.campaign}: {fault}")


def _misdealt(start: int, vector: int, rows: Iterable[Row]) -> Iterator[Violation]:
    """Weights that were dealt otherwise than the vector says: the smaller a claim's number, the larger its weight.

    No two weights that are dealt are equal.
    """
    found = [(_number(start, vector, row), row.weight or 0.0, row.campaign) for row in rows if "dealt" in row.factors]
    for (_, weight, _), (_, after, campaign) in pairwise(sorted(found)):
        if after >= weight:
            yield Violation("explore", f"{campaign}: dealt a weight of {after:.10g}, more than the vector gives it")


def _number(start: int, vector: int, row: Row) -> int:
    own = None if row.date is None else row.date.isoformat()
    return claim_number(start, vector, claim_key(row.campaign, row.content, row.channel, own, row.claim))


def _named(vector: int | None) -> str:
    return "no vector" if vector is None else f"vector {vector + 1}"


def _fault(how: Exploration, row: Row, *, is_drawn: bool, is_sure: bool) -> str | None:
    """What is wrong with the chance of a claim, or None."""
    if row.reason not in _ELIGIBLE:
        return None if row.chance is None else f"a chance of {row.chance:g}, and it is not eligible"
    if row.chance is None:
        # What is not worth it for more than its weight was not weighed against others at all.
        is_sure = is_sure and row.reason is not Reason.NOT_WORTH_IT
        return "eligible, and without a chance" if is_sure else None
    granted = row.outcome is Outcome.GRANTED
    if not any(_could_be(how, row.chance, undrawn, granted, is_drawn=is_drawn) for undrawn in (False, True)):
        return f"{'granted' if granted else 'not granted'}, and a chance of {row.chance:g} cannot be"
    return None


def _could_be(how: Exploration, chance: float, undrawn: bool, granted: bool, *, is_drawn: bool) -> bool:
    """Whether a chance can be, where the claim is granted, or not, to the contact if they are not drawn."""
    if not is_drawn and granted != undrawn:
        return False
    if how.share == 0:
        return chance == undrawn
    times = (chance - (1 - how.share) * undrawn) / how.share * how.draws
    if abs(times - round(times)) > _TRIFLE / how.share * how.draws:
        return False
    least, most = (int(granted), how.draws - int(not granted)) if is_drawn else (0, how.draws)
    return least <= round(times) <= most
