"""Touches and events of a few contacts, and a playbook that credits them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from journeykit import Playbook, Response, Scope

DAY = datetime(2026, 11, 1, tzinfo=UTC)
PLAYBOOK = Playbook(
    responses=[
        Response(name="last", event="buy", within="3d", value="amount"),
        Response(name="first", event="buy", within="5d", credit="first", where=Scope.of(channel="email")),
        Response(name="linear", event="buy", within="6d", credit="linear", value="amount"),
        Response(name="click", event="click", within="1d"),
    ]
)


def tables(seed: int, rows: int = 60, contacts: int = 6) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Touches and events of a few contacts, many of them at one instant, with names of messages right and wrong."""
    rng = Random(seed)

    def common(column: str) -> dict[str, object]:
        at = DAY + timedelta(hours=4 * rng.randrange(60))
        return {"contact_id": f"c{rng.randrange(contacts)}", column: at, "campaign_id": rng.choice(["a", "b", None])}

    def decision() -> str | None:
        return rng.choice([None, None, f"d{rng.randrange(20)}"])

    touches = [
        {**common("sent_at"), "channel": rng.choice(["email", "sms"]), "decision_id": decision()} for _ in range(rows)
    ]
    events: list[dict[str, object]] = [
        {
            **common("at"),
            "event": rng.choice(["buy", "buy", "click", "opt_out"]),
            "decision_id": decision(),
            "amount": rng.choice([None, 1, 2.5, "3", "many"]),
            "event_id": rng.choice([None, rng.randrange(40)]),
        }
        for _ in range(rows)
    ]
    return touches, [*events, *rng.sample(events, 4), {**events[0], "contact_id": "nobody"}]
