"""The features of messages as a table: what was known before each, and which responses it brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import micros
from journeykit.learning.feature_matrix import Feature
from journeykit.learning.history_features import ANSWERS, FeatureMaker, PossibleMessages, features_of
from journeykit.learning.message_examples import answered, is_about
from journeykit.model.response import WELL_KNOWN, responses_of
from journeykit.tables.arrow.arrays import coded, flags, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.learning.message_history import MessageHistory
    from journeykit.model.response import Response

MESSAGE_COLUMNS = {"contact_id": pa.string(), "sent_at": pa.timestamp("us", "UTC"), "content_id": pa.string()}
"""The columns that say which message a row is about, with their types; its campaign is a feature."""
ANSWERED, VALUE = "answered_", "value_"
"""Before the name of a response: whether the message was answered by it, and what that was worth."""


def feature_table(
    history: MessageHistory,
    *,
    until: datetime,
    since: datetime | None = None,
    attributes: Iterable[str] | None = None,
) -> pa.Table:
    """The features of sent messages, with what came of them, as a table: what `journeykit.learn` learns from.

    Nothing that happened at the instant of a message or later is in its features.

    Args:
        history: the past.
        until: the end of what is known.
        since: messages from this instant on; None for all. Those before it count as touches all the same.
        attributes: as of `features_of`.

    Returns:
        An Arrow table with a row for each message, by contact id and instant: ``contact_id``, ``sent_at`` and
        ``content_id``; a column for each feature by its name, a text where it is a category and a 64-bit float
        elsewhere, null where it is missing; and of each response (those of the playbook, then ``opt_out`` and
        ``complaint``) ``answered_NAME``, null for a message that is younger than the response's ``within`` or that it
        is not about, and ``value_NAME``, null where there is no value.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, Response
        >>> from journeykit.learning import MessageHistory
        >>> playbook = Playbook(responses=[Response(name="sale", event="purchase", within="7d")])
        >>> letter = {"contact_id": "anna", "campaign_id": "news"}
        >>> sent = [{**letter, "sent_at": f"2026-11-0{day}T09:00Z"} for day in (2, 4)]
        >>> bought = [{"contact_id": "anna", "event": "purchase", "at": "2026-11-03T10:00Z"}]
        >>> end = datetime(2026, 12, 1, tzinfo=UTC)
        >>> found = feature_table(MessageHistory.read(playbook, sent, bought, until=end), until=end)
        >>> found.select(["campaign", "touches_7d", "responses_sale", "answered_sale"]).to_pylist()[1]
        {'campaign': 'news', 'touches_7d': 1.0, 'responses_sale': 1.0, 'answered_sale': False}
    """
    features = all_features(history, attributes)
    table = history.table
    first = 0 if since is None else micros(since, what="since")
    rows = np.flatnonzero(table.at >= first) if since is not None else np.arange(len(table))
    possible = PossibleMessages.sent(table, rows)
    matrix = FeatureMaker(history, features).matrix(possible)
    own = table.rows.select(list(MESSAGE_COLUMNS)).take(numbers(rows, pa.int64()))
    columns = {name: own[name].cast(kind) for name, kind in MESSAGE_COLUMNS.items()}
    for place, feature in enumerate(matrix.features):
        columns[feature.name] = _column(feature, matrix.values[:, place])
    for response in all_responses(history.credits.responses):
        columns |= _answers(history, response, possible, rows, micros(until, what="until"))
    return pa.table(columns)


def all_responses(given: tuple[Response, ...]) -> tuple[Response, ...]:
    """The responses of which a table of features has columns: the well-known ones too, whatever events there are.

    Args:
        given: the playbook's, or those of credits.
    """
    return responses_of(given, {own.event for own in WELL_KNOWN})


def all_features(history: MessageHistory, attributes: Iterable[str] | None = None) -> tuple[Feature, ...]:
    """The features of which a table has columns: those of all responses among them; see `features_of`."""
    found = features_of(history, attributes=attributes)
    named = {own.name for own in found}
    more = [Feature(ANSWERS + own.name) for own in all_responses(history.credits.responses)]
    # They come before what is known of the instant.
    place = [own.name for own in found].index("weekday")
    return (*found[:place], *(own for own in more if own.name not in named), *found[place:])


def _column(feature: Feature, values: NDArray[np.float64]) -> pa.Array:
    missing = np.isnan(values)
    if feature.kind == "number":
        return numbers(np.ascontiguousarray(values), pa.float64(), missing)
    places = np.where(missing, -1, values).astype(np.int64)
    return coded(places, texts(list(feature.classes)), missing=True).cast(pa.string())


def _answers(
    history: MessageHistory, response: Response, possible: PossibleMessages, rows: NDArray[np.int64], end: int
) -> dict[str, pa.Array]:
    """Whether messages were answered by a response, and what that was worth."""
    unknown = (possible.at > end - response.length) | ~is_about(response, history)[possible.kind]
    label, value = answered(history, response)
    known = flags(label[rows])
    if unknown.any():
        known = pa.array(label[rows], mask=unknown)
    return {
        ANSWERED + response.name: known,
        VALUE + response.name: numbers(value[rows], pa.float64(), np.isnan(value[rows]) | unknown),
    }
