"""The table of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeykit.model.outcome import Row

DECISIONS: Mapping[str, str] = {
    "decision_id": "text",
    "run_id": "text",
    "contact_id": "text",
    "account_id": "text",
    "campaign_id": "text",
    "content_id": "text",
    "channel": "text",
    "team": "text",
    "outcome": "text",
    "reason": "text",
    "rule": "text",
    "lost_to": "texts",
    "weight": "number",
    "price": "number",
    "send_at": "instant",
    "retry_at": "instant",
    "displaced": "number",
    "needs": "number",
    "playbook": "text",
    "decided_at": "instant",
    "claim_id": "text",
    "binding": "texts",
    "tags": "texts",
    "arm": "text",
    "chance": "number",
}
"""The columns of a table of decisions, in order, and what each holds."""
LISTS = tuple(name for name, kind in DECISIONS.items() if kind == "texts")
"""Those of them that hold several texts."""


def decision_cells(row: Row) -> tuple[Any, ...]:
    """A row of a decision as the cells of the table of decisions, under `DECISIONS`."""
    return (
        row.decision_id,
        row.run_id,
        row.contact,
        row.account,
        # The ids of an invalid claim are as they were found, which need not be text.
        _as_text(row.campaign),
        _as_text(row.content),
        _as_text(row.channel),
        row.team,
        row.outcome.value,
        row.reason.value,
        row.rule,
        row.lost_to,
        row.weight,
        row.price,
        row.send_at,
        row.retry_at,
        row.displaced,
        row.needs,
        row.playbook,
        row.decided_at,
        _as_text(row.claim),
        row.binding,
        row.tags,
        row.arm,
        row.chance,
    )


def _as_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
