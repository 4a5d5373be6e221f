"""Decisions of runs over tables that the ledger keeps: the rows of a contact, as they were written."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import moment
from journeykit.model.decision import Decision
from journeykit.model.outcome import Grant, Outcome, Reason, Row
from journeykit.tables.decision_columns import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ARM = list(DECISIONS).index("arm")


@frozen(kw_only=True)
class KeptRow(Row):
    """A row as it was written, with the id that it had.

    Attributes:
        id: its `decision_id`.
    """

    id: str

    @property
    def decision_id(self) -> str:
        """The id that it had."""
        return self.id


def kept_key(run_id: str, contact: str) -> str:
    """The key under which a run over tables keeps what it decided of a contact; no two have the same."""
    return f"table {len(run_id)} {run_id} contact {contact}"


def arm_in(rows: Sequence[Sequence[Any]]) -> str | None:
    """The arm of the contact of some rows of the table of decisions, under `DECISIONS`."""
    found: str | None = rows[0][_ARM] if rows else None
    return found


def kept_text(
    contact: str, zone: str, at: datetime, until: datetime | None, rows: Sequence[Sequence[Any]], reserve: float
) -> str:
    """What was decided of a contact, as the ledger keeps it: JSON.

    Args:
        contact: the contact's id.
        zone: the contact's time zone, or the playbook's.
        at: the instant of the decision.
        until: the last instant of a plan, or None.
        rows: the rows of the table of decisions, denied ones too, under `DECISIONS`.
        reserve: what a message must be worth.
    """
    return json.dumps(
        {
            "contact": contact,
            "timezone": zone,
            "at": at.isoformat(),
            "until": None if until is None else until.isoformat(),
            "reserve": reserve,
            "rows": [[_cell(kind, value) for kind, value in zip(DECISIONS.values(), row, strict=True)] for row in rows],
        },
        separators=(",", ":"),
    )


def _cell(kind: str, value: Any) -> Any:
    if kind == "instant" and value is not None:
        return value.isoformat() if isinstance(value, datetime) else moment(value).isoformat()
    return list(value) if kind == "texts" and value is not None else value


def kept_decision(found: Mapping[str, Any], *, explain: bool) -> Decision:
    """The decision that was kept."""
    rows = tuple(_row(dict(zip(DECISIONS, cells, strict=True)), found["contact"]) for cells in found["rows"])
    granted = [row for row in rows if row.outcome is Outcome.GRANTED]
    total = sum((row.weight or 0) - found["reserve"] for row in granted)
    return Decision(
        arm=rows[0].arm if rows else None,
        contact=found["contact"],
        at=datetime.fromisoformat(found["at"]),
        until=None if found["until"] is None else datetime.fromisoformat(found["until"]),
        timezone=found["timezone"],
        granted=tuple(_grant(row) for row in granted),
        total=total,
        bound=total,
        write=lambda _: rows,
        explain=explain,
    )


def _grant(row: Row) -> Grant:
    assert row.send_at is not None  # noqa: S101  (it is granted)
    return Grant(row.campaign, row.content, row.channel, row.send_at, row.weight or 0.0, row.claim)


def _row(cells: Mapping[str, Any], contact: str) -> KeptRow:
    instants = {
        name: None if cells[name] is None else datetime.fromisoformat(cells[name])
        for name, kind in DECISIONS.items()
        if kind == "instant"
    }
    decided_at = instants["decided_at"]
    assert decided_at is not None  # noqa: S101  (each row has one)
    binding = tuple(cells["binding"] or ()) or ((cells["rule"],) if cells["rule"] else ())
    return KeptRow(
        id=cells["decision_id"],
        run_id=cells["run_id"],
        contact=contact,
        account=cells["account_id"],
        campaign=cells["campaign_id"],
        content=cells["content_id"],
        channel=cells["channel"],
        team=cells["team"],
        date=None,
        outcome=Outcome(cells["outcome"]),
        reason=Reason(cells["reason"]),
        binding=binding,
        lost_to=tuple(cells["lost_to"] or ()),
        weight=cells["weight"],
        factors={},
        price=cells["price"],
        send_at=instants["send_at"],
        retry_at=instants["retry_at"],
        displaced=cells["displaced"],
        needs=cells["needs"],
        failed=(),
        note="",
        twin=0,
        playbook=cells["playbook"],
        decided_at=decided_at,
        claim=cells["claim_id"],
        tags=tuple(cells["tags"] or ()),
        arm=cells["arm"],
        chance=cells["chance"],
    )
