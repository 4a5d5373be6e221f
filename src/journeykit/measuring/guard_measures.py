"""Guards, asked: for which campaigns responses such as complaints are more than a guard lets pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.basics.clock import micros, moment
from journeykit.journey.measure.funnel_report import ReportTable
from journeykit.model.guard import LEAST_RESPONSES
from journeykit.model.response import responses_of
from journeykit.model.tripped_guards import GuardTrip, TrippedGuards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from journeykit.measuring.credits import Credits
    from journeykit.measuring.measured_tables import MeasuredTables
    from journeykit.measuring.message_table import MessageTable
    from journeykit.model.guard import Guard
    from journeykit.model.response import Response


@frozen(kw_only=True)
class GuardMeasures:
    """What the guards of a playbook found: the part ``guards`` of the report.

    Attributes:
        tripped: the guards that tripped, as `Arbiter` and ``decide --guards`` take them.
        unasked: by guard that could not be asked, why.
        limits: by guard, its highest rate.
    """

    tripped: TrippedGuards
    unasked: Mapping[str, str]
    limits: Mapping[str, float]

    name = "guards"

    def notes(self) -> Iterator[str]:
        """What tripped, and what could not be asked, a line each."""
        for name, why in self.unasked.items():
            yield f"guard {name!r} cannot be asked, and pauses nothing: {why}"
        for trip in self.tripped.trips:
            yield f"{trip}, at most {100 * self.limits[trip.guard]:.3g} % are let pass"

    def tables(self) -> Iterator[ReportTable]:
        """The trips as a table; none where nothing tripped."""
        rows = [
            (own.guard, own.campaign, f"{own.messages:,}", f"{own.answered:,}", f"{1_000 * own.rate:,.2f} in 1,000")
            for own in self.tripped.trips
        ]
        if rows:
            yield ReportTable("Guards that tripped", ("guard", "campaign", "messages", "responded", "rate"), rows, 2)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, which `TrippedGuards.from_dict` reads."""
        return self.tripped.to_dict()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of measures: each guard and campaign that tripped."""
        for own in self.tripped.trips:
            counts = {"messages": own.messages, "responded": own.answered, "events": own.responses, "rate": own.rate}
            yield {"by": "guard", "group": own.campaign, "measure": own.guard, **counts}


def guard_measures(tables: MeasuredTables) -> GuardMeasures | None:
    """What the guards of the playbook found; None for a playbook without guards.

    A guard looks at the campaign's messages of its own window before the end, also where the report begins later. Of
    one that a person has lifted, only responses after that count; and then the rate is that of all messages of the
    window, or of those sent since, whichever is higher: neither may old messages hide what new ones do.
    """
    guards = tables.playbook.guards
    if not guards:
        return None
    messages, credits_ = _within(tables)
    unasked: dict[str, str] = {}
    trips: list[GuardTrip] = []
    known = {own.name: own for own in credits_.responses}
    met = {own.response: own.events for own in credits_.counts}
    for guard in guards:
        response = known.get(guard.response)
        if response is None or not met[guard.response]:
            event = response or next(own for own in _responses(tables) if own.name == guard.response)
            unasked[guard.name] = f"the events have no {event.event!r}"
            continue
        trips += _trips(guard, response, messages, credits_.of(guard.response), tables)
    return GuardMeasures(
        tripped=TrippedGuards(
            playbook=tables.playbook.fingerprint,
            until=moment(micros(tables.until)),
            asked=[own.name for own in guards if own.name not in unasked],
            trips=trips,
        ),
        unasked=unasked,
        limits={own.name: own.max for own in guards},
    )


def _responses(tables: MeasuredTables) -> Sequence[Response]:
    return responses_of(tables.playbook.responses, {own.response for own in tables.playbook.guards})


def _within(tables: MeasuredTables) -> tuple[MessageTable, Credits]:
    """The messages of all windows, and their credits: those of the report, where it begins early enough."""
    first = micros(tables.until) - max(own.length for own in tables.playbook.guards)
    messages = tables.messages
    has_earlier = messages.earlier is not None or messages.outside > 0
    if first >= micros(tables.since) or not has_earlier:
        return messages, tables.credits
    return tables.read.messages(first), tables.read.credits(first)


def _trips(
    guard: Guard, response: Response, messages: MessageTable, own: Credits, tables: MeasuredTables
) -> Iterator[GuardTrip]:
    """The campaigns for which a guard trips."""
    of_kind = [next(iter(facets.get("campaign", ())), None) for facets in messages.kinds]
    scoped = [
        name is not None and guard.where.surely_matches(facets) and response.where.surely_matches(facets)
        for name, facets in zip(of_kind, messages.kinds, strict=True)
    ]
    names = sorted({name for name, inside in zip(of_kind, scoped, strict=True) if inside and name is not None})
    number = {name: place for place, name in enumerate(names)}
    places = [number[name] if inside and name else -1 for name, inside in zip(of_kind, scoped, strict=True)]
    campaign = np.array(places or [-1], np.int64)[messages.kind]
    # Messages before the window are of no campaign.
    campaign = np.where(messages.at >= micros(tables.until) - guard.length, campaign, -1)
    credited = campaign[own.message]
    counts = np.bincount(credited[credited >= 0], minlength=len(names))
    for place in np.flatnonzero(counts >= LEAST_RESPONSES).tolist():
        lifted = tables.lifts.get((guard.name, names[place]))
        yield from _trip(guard, names[place], messages.at, campaign == place, own, credited == place, lifted)


def _trip(
    guard: Guard,
    name: str,
    at: NDArray[np.int64],
    inside: NDArray[np.bool_],
    own: Credits,
    credited: NDArray[np.bool_],
    lifted: int | None,
) -> Iterator[GuardTrip]:
    """A guard that trips for a campaign, given its messages and credits; with the higher rate where it was lifted."""
    if lifted is None:
        chosen = [inside]
    else:
        credited = credited & (own.at > lifted)
        chosen = [inside, inside & (at > lifted)]
    found = []
    for some in chosen:
        mine = credited & some[own.message]
        # An event that several messages share is one response.
        events, first = np.unique(own.event[mine], return_index=True)
        answered, total = len(np.unique(own.message[mine])), int(np.count_nonzero(some))
        if total and guard.trips(responses=len(events), answered=answered, messages=total):
            third = int(np.sort(own.at[mine][first])[-LEAST_RESPONSES])
            found.append(
                GuardTrip(
                    guard=guard.name,
                    campaign=name,
                    messages=total,
                    answered=answered,
                    responses=len(events),
                    third_last_at=moment(third),
                )
            )
    yield from sorted(found, key=lambda trip: -trip.rate)[:1]
