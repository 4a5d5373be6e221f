"""Measuring a journey from tables: contacts are placed, told apart, and their sales counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from journeykit.basics.clock import clock
from journeykit.columns import missing_module
from journeykit.errors import ModelError, missing
from journeykit.journey.measure.estimates import Estimates
from journeykit.journey.placing_results import Placements
from journeykit.placing.funnel_rows import Asked, SalesMet, measured_rows
from journeykit.placing.rows import place_rows
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime

    from journeykit.playbook.playbook import Playbook


@frozen(repr=False)
class Funnel:
    """A journey, measured from tables.

    Attributes:
        estimates: how contacts move through the journey, how long they stay and what they buy.
        placements: where they are, and what became of the tables' rows.
        notes: what looks like a mistake: an event or a property that was asked for and is nowhere.
    """

    estimates: Estimates
    placements: Placements
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([str(self.estimates), *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.estimates._repr_html_()


def funnel_table(
    playbook: Playbook,
    events: Any,
    contacts: Any = None,
    *,
    at: datetime,
    by: str | None = None,
    won: str | None = None,
    lost: str | None = None,
    amount: str | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    engine: str | None = None,
) -> Funnel:
    """Measure a journey from tables, as ``journeykit funnel`` does.

    Args:
        playbook: whose journey and segments.
        events: the table of events; see `Journey.place_table`.
        contacts: the table of contacts; None for everybody who has an event.
        at: the instant at which observation ended, aware.
        by: the column of contacts that tells them apart, in whatever case; or ``segments``: those that contacts bring
            and those of the playbook. None for none.
        won: the event of a sale that was won; None where sales do not matter.
        lost: the event of one that was lost; None where these are not recorded.
        amount: the property of the event that says what was paid: a column of the events in whatever case, or a name
            in ``properties``.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated when contacts are placed, as a number or as a share of each table's
            rows (``"1%"``); None for any number.
        engine: ``one`` or ``columns``; both give the same. None for columns, where the extra is installed.

    Returns:
        The estimates, with what they rest on.

    Raises:
        DataError: for a table that cannot be used, too many bad rows, or a column ``by`` that no contact has.
        MissingExtraError: for ``columns`` without that extra, or without the extension module.
        ModelError: for what cannot be asked.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook
        >>> way = {"from": "lead", "to": "customer", "event": "buy"}
        >>> playbook = Playbook.from_dict({"journey": {"stages": ["lead", "customer"], "transitions": [way]}})
        >>> log = [
        ...     {"contact_id": "anna", "event": "visit", "at": "2026-11-01T09:00Z"},
        ...     {"contact_id": "anna", "event": "buy", "at": "2026-11-02T09:00Z", "properties": '{"amount": 120}'},
        ... ]
        >>> at = datetime(2026, 11, 5, tzinfo=UTC)
        >>> found = funnel_table(playbook, log, at=at, won="buy", amount="amount")
        >>> found.estimates.funnel[0].converted.part, found.estimates.sales.total
        (1, 120.0)
    """
    journey = playbook.journey
    if journey is None:
        raise ModelError("the playbook has no journey to measure", field="journey")
    if by is not None and contacts is None:
        raise ModelError("by needs contacts: they say who is what", field="by")
    if won is None and (lost is not None or amount is not None):
        raise ModelError("lost and amount need won, the event of a sale that was won", field="won")
    if won is not None and won == lost:
        raise ModelError("won and lost are one event: a sale is won or lost", field="lost")
    if engine not in (None, "one", "columns"):
        raise ModelError(f"engine is one or columns, found {engine!r}", field="engine")
    lacking = missing_module()
    if engine == "columns" and lacking is not None:
        raise missing(lacking, "columns", "the engine columns")
    known = None if zone is None else clock(zone).zone
    events, contacts = repeatable(events), repeatable(contacts)
    placements: Placements
    if lacking is None and engine != "one":
        placements = journey.place_table(events, contacts, at, zone=zone, timezone=playbook.timezone, max_bad=max_bad)
    else:
        placements = place_rows(journey, events, contacts, at, zone=known, timezone=playbook.timezone, max_bad=max_bad)
    asked = Asked(playbook, events, contacts, at, None if by is None else fold_name(by), won, lost, amount, known)
    bad = BadRows()
    if placements.engine == "columns":
        found, ignored, met = _measured_columns(asked, placements, bad)
    else:
        found, ignored, met = measured_rows(asked, placements, bad)
    more = {"contact_bad_row": bad.total, **ignored}
    found = evolve(found, ignored={**found.ignored, **{why: count for why, count in more.items() if count}})
    return Funnel(found, placements, () if won is None else tuple(met.notes(asked)))


def _measured_columns(asked: Asked, placements: Any, bad: BadRows) -> tuple[Estimates, Counter[str], SalesMet]:
    from journeykit.placing.funnel_columns import measured_columns

    return measured_columns(asked, placements, bad)


def repeatable(table: Any) -> Any:
    """A table that can be read more than once."""
    if not isinstance(table, Iterator):
        return table
    return table.read_all() if hasattr(table, "read_all") else list(table)
