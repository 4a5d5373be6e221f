"""What the granted claims of a log brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import frozen
from numpy.typing import NDArray

from journeykit.basics.clock import clock, micros, moment
from journeykit.errors import DataError
from journeykit.measuring.cell_columns import instants
from journeykit.measuring.credits import Credits, credit
from journeykit.measuring.message_table import MessageTable
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.arrays import as_numpy, coded, numbers, one_piece, texts
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import instant_reader
from journeykit.tables.header import fold_name, places_of

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.evaluating.claim_log import ClaimKinds, ClaimLog
    from journeykit.model.response import Response
    from journeykit.playbook.playbook import Playbook

_ROW = "log_row"


@frozen(eq=False, kw_only=True)
class LogAnswers:
    """The events that are credited to the granted claims of a log.

    Attributes:
        credits: the credits; messages are those of `message_row`.
        row: by message, the place of its claim in the log.
        until: the instant at which observation ended, in microseconds since 1970.
    """

    credits: Credits
    row: NDArray[np.int64]
    until: int

    @classmethod
    def of(
        cls,
        playbook: Playbook,
        log: ClaimLog,
        kinds: ClaimKinds,
        ids: pa.Array,
        events: Any,
        *,
        until: datetime | None,
        zone: str | None,
        max_bad: int | str | None,
    ) -> LogAnswers:
        """Credit events to the granted claims of a log, whether or not they are evaluated.

        Args:
            playbook: the rule set with the responses.
            log: the log.
            kinds: what its claims are.
            ids: the contacts' ids, by number.
            events: the events, a table that can be read more than once.
            until: the instant at which observation ended; None for that of the last event.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            max_bad: how many bad rows of events are tolerated.
        """
        end = last_event(events, zone) if until is None else micros(until, what="until")
        messages = MessageTable.read(
            playbook,
            sent_claims(log, kinds, ids),
            contacts=pa.table({"contact_id": ids}),
            until=moment(end),
            columns=(_ROW, "decision_id"),
        )
        row = as_numpy(one_piece(messages.rows[_ROW])) if _ROW in messages.rows.column_names else np.zeros(0, np.int64)
        found = credit(playbook, messages, events, zone=zone, max_bad=max_bad)
        return cls(credits=found, row=row.astype(np.int64), until=end)

    def of_response(self, response: Response, claims: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """By claim of the log, whether it was answered, and what the answers are worth as far as that is known."""
        own = self.credits.of(response.name)
        row = self.row[own.message]
        answered = np.zeros(claims, np.bool_)
        answered[row] = True
        return answered, np.bincount(row, own.share * np.nan_to_num(own.value), claims).astype(np.float64)


def sent_claims(log: ClaimLog, kinds: ClaimKinds, ids: pa.Array) -> pa.Table:
    """The granted claims of a log as a table of touches, each with its place in the log."""
    row = np.flatnonzero(log.is_sent)
    kind = numbers(log.kind[row], pa.int64())
    columns = {
        "contact_id": coded(log.contact[row], ids),
        "sent_at": numbers(log.send_at[row], pa.timestamp("us", "UTC")),
        "decision_id": log.decision,
        _ROW: numbers(row, pa.int64()),
    }
    for column, part in (("campaign_id", "campaign"), ("content_id", "content"), ("channel", "channel")):
        columns[column] = texts([getattr(touch, part) for touch in kinds.touches]).take(kind)
    columns["team"] = texts([touch.team for touch in kinds.touches]).take(kind)
    tags = pa.array([list(touch.tags) for touch in kinds.touches], pa.list_(pa.string()))
    if any(touch.tags for touch in kinds.touches):
        columns["tags"] = tags.take(kind)
    return pa.table(columns)


def last_event(events: Any, zone: str | None) -> int:
    """The instant of the last event, in microseconds since 1970.

    Raises:
        DataError: where there is no event of which that is known.

    Example:
        >>> last_event([{"contact_id": "anna", "event": "visit", "at": "1970-01-01T00:00:01Z"}], None)
        1000000
    """
    where = None if zone is None else clock(zone).zone
    source, read = open_source(events, "events", zone=where), instant_reader(where, bounded=True)
    found: int | None = None
    for part in source.parts(lambda name: fold_name(name) == "at"):
        if isinstance(part, BadRow):
            continue
        _, names, arrays = part
        places, columns = places_of(names, source.source), [Column(array) for array in arrays]
        if "at" not in places:
            continue
        faults: dict[int, tuple[str, str, str]] = {}
        at = instants(columns, places, len(columns[0]), faults, "at", read)
        good = np.ones(len(at), np.bool_)
        good[list(faults)] = False
        if good.any():
            found = max(int(at[good].max()), at[good].max() if found is None else found)
    if found is None:
        raise DataError(
            "no event says when observation ended; give the end with until", source=source.source, field="at"
        )
    return int(found)
