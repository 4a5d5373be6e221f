"""Random journeys, and contacts to be placed on them, on whole minutes.

Everything that a rule or a time-out can wait for falls on a whole minute, or just after one, so that
`tests/placing_oracle.py` can look at each of them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from attrs import frozen

from journeykit import Journey, Stage, Transition
from journeykit.journey import Event

# The night in which clocks go forward, so that a local day begins and an hour is missing within the horizon.
BEGIN = datetime(2026, 3, 28, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HORIZON = 420
STAGES = ("awareness", "consideration", "decision", "retention")
EVENTS = ("visit", "form", "purchase")
ZONES = ("UTC", "Europe/Skopje", "America/New_York")
LENGTHS = ("7m", "30m", "1h", "2h")


@frozen
class Situation:
    """A journey, a contact, and when they are looked at: the arguments of `Journey.place`."""

    journey: Journey
    events: tuple[Event, ...]
    at: datetime
    attributes: dict[str, Any]
    stage: str | None
    start: datetime | None
    timezone: str

    def given(self) -> dict[str, Any]:
        """All but the events and the instant."""
        return {"stage": self.stage, "start": self.start, "timezone": self.timezone}


def situation(seed: int) -> Situation:
    """A random journey and a random contact."""
    pick = Random(seed)
    return Situation(
        journey=journey(pick),
        events=log(pick),
        at=max(instant(pick) for _ in range(3)),
        attributes=attributes(pick),
        stage=pick.choice((None, None, *STAGES)),
        start=pick.choice((None, None, None, BEGIN + 10 * pick.randrange(20) * MINUTE)),
        timezone=pick.choice(ZONES),
    )


def instant(pick: Random) -> datetime:
    """A whole minute of the horizon."""
    return BEGIN + pick.randrange(HORIZON) * MINUTE


def journey(pick: Random) -> Journey:
    """A journey of a few stages; gates, re-entry and ways of a stage to itself included."""
    names = STAGES[: pick.randrange(2, 5)]
    stages = [
        Stage(
            name,
            reentry=pick.choice(("always", "always", "always", "never", "40m", "3h", "0d")),
            qualified=rule(pick) if pick.random() < 0.2 else None,
        )
        for name in (*names, *STAGES[len(names) :])
    ]
    return Journey(stages, [transition(pick, names) for _ in range(pick.choice((2, 5, 9, 14)))])


def transition(pick: Random, names: tuple[str, ...] = STAGES) -> Transition:
    """A transition by an event, by a rule, or by time."""
    source, to, kind = pick.choice(names), pick.choice(names), pick.random()
    if kind < 0.35:
        return Transition(source=source, to=to, event=pick.choice(EVENTS))
    if kind < 0.7:
        return Transition(source=source, to=to, when=rule(pick))
    after = pick.choice(("0d", "5m", "30m", "1h", "90m", "4h"))
    return Transition(source=source, to=to, after=after, without=pick.choice((None, None, *EVENTS)))


def rule(pick: Random, deep: int = 2) -> str:
    """A rule: a leaf, or several joined."""
    if not deep or pick.random() < 0.5:
        return pick.choice(_LEAVES)(pick)
    parts = [rule(pick, deep - 1) for _ in range(pick.randrange(2, 4))]
    joined = f" {pick.choice(('and', 'or'))} ".join(parts)
    return f"({joined})" if pick.random() < 0.7 else f"not ({joined})"


def _op(pick: Random) -> str:
    return pick.choice(("<", "<=", ">", ">=", "==", "!="))


def _length(pick: Random) -> str:
    return pick.choice(("", *(f', "{length}"' for length in LENGTHS)))


def _count(pick: Random) -> str:
    return f'count("{pick.choice(EVENTS)}"{_length(pick)})'


def _age(pick: Random) -> str:
    event = pick.choice(EVENTS)
    if pick.random() < 0.5:
        return f'hours_since("{event}") {_op(pick)} {pick.choice((0, 0.5, 1, 1.5, 3, -1))}'
    return f'days_since("{event}") {_op(pick)} {pick.choice((0, 0.0625, 0.125, 0.1))}'


def _of_date(pick: Random) -> str:
    if pick.random() < 0.5:
        return f"days_since(born) {_op(pick)} {pick.choice((0, 1, 2, -1))}"
    return f"hours_since({pick.choice(('born', 'met'))}) {_op(pick)} {pick.choice((0, 1, 23, 24, 25, 2.5))}"


_LEAVES = (
    lambda pick: f"{_count(pick)} {_op(pick)} {pick.randrange(4)}",
    lambda pick: f"{_count(pick)} {_op(pick)} {pick.randrange(4)}",
    lambda pick: f"1 <= {_count(pick)} < {pick.choice((2, 3))}",
    lambda pick: f"{_count(pick)} {_op(pick)} {_count(pick)}",
    lambda pick: f"{_count(pick)} {_op(pick)} score",
    lambda pick: f'sum("purchase.amount"{_length(pick)}) {_op(pick)} {pick.choice((0, 0.3, 2.5))}',
    _age,
    _age,
    lambda pick: f'30 > hours_since("{pick.choice(EVENTS)}") {pick.choice((">", ">="))} {pick.choice((0.5, 2))}',
    lambda pick: f'hours_since("{pick.choice(EVENTS)}") {_op(pick)} {pick.choice(("score", _count(pick)))}',
    lambda pick: f'days_since("{pick.choice(EVENTS)}") is {pick.choice(("", "not "))}None',
    lambda pick: f'last("form.role") {pick.choice(("==", "!="))} "boss"',
    lambda pick: 'last("form.role") ' + pick.choice(("is None", 'in ("boss", 3)', 'not in ("user",)')),
    lambda pick: f"score {_op(pick)} {pick.choice((0, 1, 2))}",
    lambda pick: "vip",
    _of_date,
)


def log(pick: Random) -> tuple[Event, ...]:
    """Events on few instants, so that some share one; some are there twice, and they are in no order."""
    found = []
    for number in range(pick.choice((0, 3, 10, 25))):
        properties = {}
        if pick.random() < 0.7:
            properties["amount"] = pick.choice((1, 2.5, 0.1, 0.2, -1, None, "much", True, float("nan")))
        if pick.random() < 0.7:
            properties["role"] = pick.choice(("boss", "user", 3, 3.0, True, None, ("boss",)))
        at = BEGIN + pick.choice((1, 5, 10)) * pick.randrange(30) * MINUTE
        own = str(number) if pick.random() < 0.3 else None
        found.append(Event(pick.choice((*EVENTS, *EVENTS, "other")), at, properties, own))
    found += [event for event in found if pick.random() < 0.1]
    return tuple(pick.sample(found, len(found)))


def attributes(pick: Random) -> dict[str, Any]:
    """What is known of a contact, with gaps."""
    found = {
        "score": pick.choice((0, 1, 2, 1.5, None, "high")),
        "vip": pick.choice((True, False, None)),
        "born": pick.choice((date(2026, 3, 28), date(2026, 3, 29), "2026-03-27", None)),
        "met": pick.choice((BEGIN, BEGIN + 90 * MINUTE, "2026-03-28T21:00:00+01:00", "never")),
    }
    return {name: value for name, value in found.items() if pick.random() < 0.8}
