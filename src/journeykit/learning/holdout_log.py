"""Tables of decisions, for uplift: which contacts could get a campaign's messages, and which were held out from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from attrs import frozen
from numpy.typing import NDArray

from journeykit.basics.clock import micros
from journeykit.learning.feature_matrix import Feature
from journeykit.learning.history_features import FeatureMaker, PossibleMessages, features_of
from journeykit.learning.message_examples import MOST_EXAMPLES, NOT_DRAWN, OUT_OF_SCOPE
from journeykit.learning.timeline import STAGE, Timeline
from journeykit.learning.uplift_rows import UpliftRows
from journeykit.measuring.cell_columns import instants
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.measuring.event_parts import EventParts
from journeykit.model.bad_row import BadRow
from journeykit.model.outcome import Reason
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_with
from journeykit.tables.cells import instant_reader
from journeykit.tables.header import fold_name, places_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from journeykit.learning.message_history import MessageHistory
    from journeykit.measuring.cell_columns import Faults
    from journeykit.model.response import Response
    from journeykit.tables import TableSource
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.bad_row_list import BadRows

_NEEDED = ("contact_id", "campaign_id", "decided_at", "reason")
_COLUMNS = (*_NEEDED, "rule")
_OUT, _TREATED, _HELD_ALL, _HELD = range(4)
"""What a row says of its contact: not to be compared, could get it, held out from everything, or from the campaign."""
_PLAYBOOK_RULE = "holdout"
_BEFORE_HOLDOUT = frozenset(list(Reason)[1 : list(Reason).index(Reason.HOLDOUT)])
NOT_ELIGIBLE = "not eligible, whether or not the contact is held out"
MORE = "more of the same contact and campaign"
NO_MESSAGES_AT_ALL = "held out from all campaigns, where the campaign has a holdout of its own"
TOO_YOUNG = "younger than the response's within"
"""Why a row of the log is not compared."""


@frozen(eq=False, kw_only=True)
class HoldoutLog:
    """Contacts and campaigns as they were first decided: who could get the messages, and who was held out.

    A hash deals contacts out to a holdout, so those held out are like those that could get the messages: every row
    whose reason comes after the holdout's, or that was granted. Of each contact and campaign the first such row counts:
    what is decided later depends on what was sent.

    Attributes:
        ids: the ids of the contacts, by number.
        contact: by row, the number of the contact.
        campaign: by row, the number of the campaign: a place in `campaigns`.
        at: by row, when it was decided, in microseconds since 1970.
        treated: by row, whether the contact could get the campaign's messages.
        campaigns: the ids of the campaigns.
        left_out: by reason, how many rows are not here.

    Example:
        >>> from journeykit.tables import BadRows
        >>> row = {"campaign_id": "news", "decided_at": "2026-11-05T10:00Z"}
        >>> log = HoldoutLog.read(
        ...     [{**row, "contact_id": "anna", "reason": "outbid"}, {**row, "contact_id": "boris", "reason": "holdout"},
        ...      {**row, "contact_id": "clara", "reason": "not_in_audience"}],
        ...     zone=None, bad=BadRows(),
        ... )
        >>> log.treated.tolist(), log.left_out
        ([True, False], {'not eligible, whether or not the contact is held out': 1})
    """

    ids: pa.Array
    contact: NDArray[np.int64]
    campaign: NDArray[np.int64]
    at: NDArray[np.int64]
    treated: NDArray[np.bool_]
    campaigns: tuple[str, ...]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.contact)

    @classmethod
    def read(cls, source: TableSource, *, zone: tzinfo | None, bad: BadRows) -> Self:
        """Read a table of decisions, which has all rows (`journeykit decide --all`).

        Args:
            source: the table.
            zone: the zone in which instants without an offset are meant.
            bad: where bad rows are counted.

        Raises:
            DataError: for a table that cannot be read.
        """
        table = open_with(source, "decisions", _NEEDED, zone)
        found = _LogRows(table.source, zone, bad)
        for part in table.parts(lambda name: fold_name(name) in _COLUMNS):
            if isinstance(part, BadRow):
                bad.add(part)
            else:
                found.take(part)
        bad.refuse_useless(table.source, found.good)
        return cls(**found.joined(), ids=found.numbers.ids, campaigns=tuple(found.campaigns))

    def rows(
        self,
        response: Response,
        history: MessageHistory,
        events: TableSource,
        *,
        until: datetime,
        zone: tzinfo | None,
        bad: BadRows,
        most: int = MOST_EXAMPLES,
        seed: int = 0,
        about: NDArray[np.bool_] | None = None,
    ) -> UpliftRows:
        """The rows with what was known of the contacts, and whether they responded.

        An event is a response to a row if it comes after it and at most the response's `within` later, whatever
        messages there were in between: of contacts that get none nothing else can be asked. Features that messages
        themselves change, such as touches, are left out: they would tell who is held out.

        Args:
            response: the response.
            history: the past of the contacts.
            events: the table of events.
            until: the end of what is known; rows whose `within` is not over then are left out.
            zone: the zone in which instants without an offset are meant.
            bad: where bad rows of the events are counted.
            most: so many rows at most; of more, those of some contacts are drawn, so that contacts held out somewhere
                have half of the rows, or as many as they have.
            seed: of this draw.
            about: by campaign, whether the response is about it; rows of others are left out. None for all.
        """
        is_about = np.ones(len(self), np.bool_) if about is None else about[self.campaign]
        is_young = is_about & (self.at > micros(until, what="until") - response.length)
        old = np.flatnonzero(is_about & ~is_young)
        kept = old[self._drawn(old, most, seed)]
        line = self._answers(response, events, zone, bad)
        contact, at = self.contact[kept], self.at[kept]
        after = line.before(contact, at + response.length + 1) - line.before(contact, at + 1)
        order = np.argsort(self.campaigns)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        campaigns = tuple(sorted(self.campaigns))
        campaign = place[self.campaign[kept]] if len(place) else self.campaign[kept]
        possible = PossibleMessages(
            contact=ContactNumbers.of(history.ids).find(Column(self.ids), len(self.ids), {}).astype(np.int64)[contact],
            at=at,
            moment=np.arange(len(kept)),
            kind=campaign,
            kinds=tuple({"campaign": (name,)} for name in campaigns),
        )
        features = (Feature("campaign", "category", campaigns), *stable_features(history))
        left = {OUT_OF_SCOPE: int(np.count_nonzero(~is_about)), TOO_YOUNG: int(np.count_nonzero(is_young))}
        left |= {NOT_DRAWN: len(old) - len(kept)}
        return UpliftRows(
            matrix=FeatureMaker(history, features).matrix(possible),
            treated=self.treated[kept],
            label=after > 0,
            contact=contact,
            campaign=campaign,
            campaigns=campaigns,
            left_out={why: count for why, count in {**self.left_out, **left}.items() if count},
        )

    def _drawn(self, rows: NDArray[np.int64], most: int, seed: int) -> NDArray[np.bool_]:
        """Of some rows, which are of contacts that are drawn: the fewer are held out, the more of them are needed."""
        if len(rows) <= most:
            return np.ones(len(rows), np.bool_)
        contact = self.contact[rows]
        is_held = np.zeros(len(self.ids), np.bool_)
        is_held[contact[~self.treated[rows]]] = True
        side = is_held[contact].astype(np.int64)
        share = most / 2 / np.maximum(np.bincount(side, minlength=2), 1)
        found: NDArray[np.bool_] = np.random.default_rng(seed).random(len(self.ids))[contact] < share[side]
        return found

    def _answers(self, response: Response, events: TableSource, zone: tzinfo | None, bad: BadRows) -> Timeline:
        """The events that are responses, by contact."""
        parts = EventParts(
            events, [response], contacts=ContactNumbers.of(self.ids), campaign_number=lambda _: 0, zone=zone, bad=bad
        )
        own = parts.names[response.event]
        found = [(part.contact[part.name == own], part.at[part.name == own]) for part in parts]
        contact = np.concatenate([np.zeros(0, np.int64), *(who for who, _ in found)])
        at = np.concatenate([np.zeros(0, np.int64), *(when for _, when in found)])
        return Timeline.of(contact, at, np.zeros(len(at), np.int64), len(self.ids))


def stable_features(history: MessageHistory) -> tuple[Feature, ...]:
    """The features of a past that messages do not make: the stage, and attributes of contacts."""
    counted = {own.name for own in features_of(history, attributes=())} - {STAGE}
    return tuple(own for own in features_of(history) if own.name not in counted)


class _LogRows:
    """A table of decisions while it is read."""

    def __init__(self, source: str, zone: tzinfo | None, bad: BadRows) -> None:
        self.numbers = ContactNumbers()
        self.campaigns: dict[str, int] = {}
        self.good = 0
        self.not_eligible = 0
        self._source = source
        self._instant = instant_reader(zone, bounded=True)
        self._bad = bad
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def take(self, part: Part) -> None:
        """Take a chunk."""
        number, names, arrays = part
        places = places_of(names, self._source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        faults: Faults = {}
        at = instants(columns, places, rows, faults, "decided_at", self._instant)
        contact = self.numbers.meet(columns[places["contact_id"]] if "contact_id" in places else None, rows, faults)
        for row in sorted(faults):
            self._bad.add(BadRow(self._source, number + row, *faults[row]))
        good = np.ones(rows, np.bool_)
        good[list(faults)] = False
        self.good += int(np.count_nonzero(good))
        campaign, side = self._campaign(columns, places, rows), _sides(columns, places, rows)
        used = np.flatnonzero(good & (side != _OUT) & (campaign >= 0))
        self.not_eligible += int(np.count_nonzero(good)) - len(used)
        self._parts.append((contact[used], campaign[used].astype(np.int32), at[used], side[used].astype(np.int8)))

    def _campaign(self, columns: Sequence[Column], places: Mapping[str, int], rows: int) -> NDArray[np.int64]:
        if "campaign_id" not in places:
            return np.full(rows, -1)
        column = columns[places["campaign_id"]]
        number = [
            -1 if value is None or value == "" else self.campaigns.setdefault(str(value), len(self.campaigns))
            for value in column.values
        ]
        found: NDArray[np.int64] = np.array(number or [-1], np.int64)[column.codes]
        return found

    def joined(self) -> dict[str, Any]:
        """The first row of each contact and campaign, and how many rows are left out."""
        parts = self._parts or [(np.zeros(0, np.int64),) * 4]
        columns = (np.concatenate(own) for own in zip(*parts, strict=True))
        return _first_rows(*columns, left_out={NOT_ELIGIBLE: self.not_eligible})


def _sides(columns: Sequence[Column], places: Mapping[str, int], rows: int) -> NDArray[np.int64]:
    """By row, what it says of its contact."""
    if "reason" not in places:
        return np.full(rows, _OUT)
    reason = columns[places["reason"]]
    known = {str(own) for own in Reason} - {str(own) for own in _BEFORE_HOLDOUT}
    side = [_HELD if own == Reason.HOLDOUT else _TREATED if own in known else _OUT for own in reason.values]
    found: NDArray[np.int64] = np.array(side or [_OUT], np.int64)[reason.codes]
    if "rule" in places:
        rule = columns[places["rule"]]
        of_all = np.array([own == _PLAYBOOK_RULE for own in rule.values] or [False], np.bool_)[rule.codes]
        found[of_all & (found == _HELD)] = _HELD_ALL
    return found


def _first_rows(
    contact: NDArray[Any],
    campaign: NDArray[Any],
    at: NDArray[np.int64],
    side: NDArray[Any],
    *,
    left_out: dict[str, int],
) -> dict[str, Any]:
    """The first row of each contact and campaign, and how many rows are left out."""
    # A campaign with a holdout of its own is compared with that: others held out get nothing of other campaigns either.
    has_own = np.bincount(campaign, side == _HELD, int(campaign.max(initial=-1)) + 1) > 0
    is_all = has_own[campaign] & (side == _HELD_ALL)
    left_out[NO_MESSAGES_AT_ALL] = int(np.count_nonzero(is_all))
    rows = np.flatnonzero(~is_all)
    # Of one instant a row that says held out goes first: another content of the campaign says nothing else.
    order = np.lexsort((-side[rows], at[rows], campaign[rows], contact[rows]))
    rows = rows[order]
    first = np.ones(len(rows), np.bool_)
    first[1:] = (contact[rows][1:] != contact[rows][:-1]) | (campaign[rows][1:] != campaign[rows][:-1])
    left_out[MORE] = int(np.count_nonzero(~first))
    rows = rows[first]
    return {
        "contact": contact[rows].astype(np.int64),
        "campaign": campaign[rows].astype(np.int64),
        "at": at[rows],
        "treated": side[rows] == _TREATED,
        "left_out": {why: count for why, count in left_out.items() if count},
    }
