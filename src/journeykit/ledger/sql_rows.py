"""Rows of a ledger in SQL, as touches, words of consent, runs and changes of what waits."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import day_date, day_number, micros, moment
from journeykit.basics.validation import joined, parted
from journeykit.ledger.consent_word import ConsentWord
from journeykit.ledger.reservation import Reservation
from journeykit.ledger.transaction import RunMark, WaitingRow

if TYPE_CHECKING:
    from sqlalchemy import Row


def mark_of(row: Row[Any]) -> RunMark:
    """A run that was begun."""
    return RunMark(
        run_id=row.run_id,
        playbook=row.playbook,
        at=row.at,
        until=row.until,
        touches=row.touches,
        moves=row.moves,
        opt_outs=row.opt_outs,
        alone=row.alone,
        waiting=row.waiting,
        used=json.loads(row.used) if row.used else {},
        events=row.events,
    )


def waiting_of(row: Row[Any]) -> WaitingRow:
    """A change of what waits."""
    return WaitingRow(
        key=row.key,
        contact=row.contact_id,
        claim=row.claim,
        since=row.since,
        until=row.until,
        at=row.at,
        run_id=row.run_id,
    )


def touch_row(touch: Reservation) -> dict[str, Any]:
    """The row of a touch."""
    touch.check_held()
    return {
        "id": touch.id,
        "contact_id": touch.contact,
        "account_id": touch.account,
        "at": touch.micros,
        "channel": touch.channel,
        "campaign_id": touch.campaign,
        "content_id": touch.content,
        "claim_id": touch.claim,
        "team": touch.team,
        "goal": touch.goal,
        "topics": joined(touch.topics),
        "solutions": joined(touch.solutions),
        "theme": touch.theme,
        "tags": joined(touch.tags),
        "campaign_ends": None if touch.campaign_ends is None else day_number(touch.campaign_ends),
        "counts_toward_caps": touch.counts_toward_caps,
        "without": joined(touch.without),
        "cost": touch.cost,
        "propensity": touch.propensity,
        "weight": touch.weight,
        "numbers": json.dumps(dict(touch.numbers)) if touch.numbers else None,
        "uses": json.dumps(dict(touch.uses)) if touch.uses else None,
        "expires": None if touch.expires is None else micros(touch.expires),
        "expires_by": touch.expires_by,
        "arm": touch.arm,
        "status": touch.status,
        "run_id": touch.run_id,
        "decided_at": None if touch.decided_at is None else micros(touch.decided_at),
        "message": touch.message,
        "parts": json.dumps(dict(touch.parts)) if touch.parts else None,
    }


@lru_cache(maxsize=4096)
def _taken_apart(text: str | None) -> tuple[str, ...]:
    return tuple(parted(text)) if text else ()


def reservation_of(row: Row[Any]) -> Reservation:
    """The touch of a row."""
    return Reservation(
        id=row.id,
        contact=row.contact_id,
        account=row.account_id,
        at=moment(row.at),
        channel=row.channel,
        campaign=row.campaign_id,
        content=row.content_id,
        claim=row.claim_id,
        team=row.team,
        goal=row.goal,
        topics=_taken_apart(row.topics),
        solutions=_taken_apart(row.solutions),
        theme=row.theme,
        tags=_taken_apart(row.tags),
        campaign_ends=None if row.campaign_ends is None else day_date(row.campaign_ends),
        counts_toward_caps=row.counts_toward_caps,
        without=_taken_apart(row.without),
        cost=row.cost,
        propensity=row.propensity,
        weight=row.weight,
        numbers=json.loads(row.numbers) if row.numbers else {},
        uses=json.loads(row.uses) if row.uses else {},
        expires=None if row.expires is None else moment(row.expires),
        expires_by=row.expires_by,
        arm=row.arm,
        status=row.status,
        run_id=row.run_id,
        decided_at=None if row.decided_at is None else moment(row.decided_at),
        message=row.message,
        parts=json.loads(row.parts) if row.parts else {},
    )


def word_of(row: Row[Any]) -> ConsentWord:
    """A word of consent."""
    return ConsentWord(
        person=row.person,
        contact=row.contact_id,
        channel=row.channel,
        topic=row.topic,
        suppressed=row.suppressed,
        at=moment(row.at),
        taken_back=row.taken_back,
    )
