"""The tables that a job reads."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from journeykit.basics.clock import clock
from journeykit.errors import DataError
from journeykit.tables import TableSource

TABLES = ("contacts", "touches", "scores", "claims", "events")
"""The tables of a job."""
Progress = Callable[[int, int | None], None]
"""Is called with the number of contacts that are done, and with the number of all where that is known."""


@frozen(kw_only=True)
class Inputs:
    """The tables that a job reads: files (CSV, JSON lines, Parquet), or rows as mappings.

    Attributes:
        contacts: who; may be left out where claims are given, whose contacts are then taken.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None derives claims from the campaigns' audiences.
        events: what contacts did, for rules that ask for it.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.

    Raises:
        ModelError: for an unknown zone.
        DataError: where neither contacts nor claims are given.
    """

    contacts: TableSource | None = None
    touches: TableSource | None = None
    scores: TableSource | None = None
    claims: TableSource | None = None
    events: TableSource | None = None
    zone: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.contacts is None and self.claims is None:
            raise DataError("either contacts or claims must be given")
        if self.zone is not None:
            clock(self.zone)
