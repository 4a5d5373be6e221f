"""What is known of messages before they are sent, made from the past of their contacts.

One function makes the features of messages that were sent and of those that might be sent, so that a model is asked
about what it was taught.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from journeykit.basics.clock import DAY, HOUR, WEEKDAYS, Clock
from journeykit.errors import DataError
from journeykit.learning.feature_matrix import Feature, FeatureMatrix
from journeykit.learning.timeline import STAGE
from journeykit.model.cap import Facets
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from journeykit.learning.attribute_versions import AttributeColumn
    from journeykit.learning.message_history import MessageHistory
    from journeykit.learning.timeline import Timeline
    from journeykit.measuring.message_table import MessageTable

FACETS = ("campaign", "team", "goal", "channel", "theme")
"""What a message is, as far as it is a feature."""
ANSWERS = "responses_"
"""Before the name of a response: how often the contact has given it."""
OF_CONTACT = "contact."
"""Before an attribute that is called as a feature of the message is."""
_DAYS = (7, 30)
_WEEKDAYS = tuple(sorted(WEEKDAYS))
_MOST_CLASSES = 200
"""Only so many classes of an attribute are told apart: those that are most frequent."""
_ROWS = 1 << 18
"""So many rows are made at once."""
_SELDOM = 0.01
"""An hour of the day at which a smaller share of messages went says nothing of those to come."""


@frozen(eq=False, kw_only=True)
class PossibleMessages:
    """Messages that were sent, or might be: whose, when and what.

    Attributes:
        contact: by moment, the number of the contact; -1 for one who has no past.
        at: by moment, the instant, in microseconds since 1970.
        moment: by message, its moment, ascending: several may be possible at once.
        kind: by message, what it is: a place in `kinds`.
        kinds: by facet, what such a message is.
    """

    contact: NDArray[np.int64]
    at: NDArray[np.int64]
    moment: NDArray[np.int64]
    kind: NDArray[np.int64]
    kinds: tuple[Facets, ...]

    @classmethod
    def sent(cls, table: MessageTable, rows: NDArray[np.int64]) -> PossibleMessages:
        """Messages that were sent: some rows of a table of messages."""
        return cls(
            contact=table.contact[rows].astype(np.int64),
            at=table.at[rows],
            moment=np.arange(len(rows)),
            kind=table.kind[rows].astype(np.int64),
            kinds=table.kinds,
        )

    def __len__(self) -> int:
        return len(self.kind)

    def parts(self, rows: int = _ROWS) -> Iterable[PossibleMessages]:
        """The same in parts of about so many messages."""
        start = 0
        while start < len(self):
            # A part ends where a moment does.
            last = self.moment[min(start + rows, len(self)) - 1]
            end = int(np.searchsorted(self.moment, last, "right"))
            low = int(self.moment[start])
            moments = slice(low, int(last) + 1)
            yield PossibleMessages(
                contact=self.contact[moments],
                at=self.at[moments],
                moment=self.moment[start:end] - low,
                kind=self.kind[start:end],
                kinds=self.kinds,
            )
            start = end


class _Past:
    """What is counted of the past of contacts, worked out once for some messages.

    Args:
        history: the past.
        possible: the messages.
        names: by facet, the names that its groups have.
    """

    def __init__(self, history: MessageHistory, possible: PossibleMessages, names: Mapping[str, Sequence[str]]) -> None:
        self.history = history
        self.possible = possible
        self._names = names
        owners, owner = np.unique(possible.contact, return_inverse=True)
        self.owners, self.owner = owners, owner.astype(np.int64)
        self._grouped: dict[str, tuple[Timeline, NDArray[np.int64], NDArray[np.int64]]] = {}

    @cached_property
    def messages(self) -> Timeline:
        return self.history.messages.of_owners(self.owners)

    @cached_property
    def answers(self) -> Timeline:
        return self.history.answers.of_owners(self.owners)

    def counted(self, line: Timeline, days: int | None = None) -> NDArray[np.int64]:
        """By moment, how much there was before it, in so many days or ever."""
        at = self.possible.at
        found = line.before(self.owner, at)
        return found if days is None else found - line.before(self.owner, at - days * DAY)

    def days_since(self, line: Timeline) -> NDArray[np.float64]:
        """By moment, the days since what was last."""
        last = line.last(self.owner, self.possible.at)
        since = self.possible.at - np.append(line.at, 0)[last]
        return np.where(last < 0, np.nan, since / DAY)

    def counted_of(self, facet: str, days: int | None) -> NDArray[np.float64]:
        """By message, how many of its campaign, say, the contact got before."""
        found = np.zeros(len(self.possible))
        line, rows, owner = self._of_group(facet)
        at = self.possible.at[self.possible.moment[rows]]
        count = line.before(owner, at)
        found[rows] = count if days is None else count - line.before(owner, at - days * DAY)
        return found

    def _of_group(self, facet: str) -> tuple[Timeline, NDArray[np.int64], NDArray[np.int64]]:
        """The past by contact and group, the messages before which there is some, and whose it is."""
        found = self._grouped.get(facet)
        if found is None:
            names = self._names[facet]
            place = {name: number for number, name in enumerate(names)}
            line = self.messages.by_group(places(self.history.kinds, facet, place), max(1, len(names)))
            group = places(self.possible.kinds, facet, place)[self.possible.kind]
            owner = self.owner[self.possible.moment] * max(1, len(names)) + group
            rows = np.flatnonzero(group >= 0)
            rows = rows[line.first[owner[rows] + 1] > line.first[owner[rows]]]
            found = self._grouped[facet] = line, rows, owner[rows]
        return found

    def answered(self, response: str) -> NDArray[np.int64]:
        """By moment, how often the contact has given a response."""
        if response not in self.history.responses:
            return np.zeros(len(self.owner), np.int64)
        group = np.where(np.array(self.history.responses) == response, 0, -1)
        return self.counted(self.answers.by_group(group, 1))

    def stages(self) -> NDArray[np.int64]:
        """By moment, the place of the contact's stage; the first for one who had not entered the journey."""
        steps = self.history.steps
        assert steps is not None  # noqa: S101  (else there is no such feature)
        line = steps.of_owners(self.owners)
        last = line.last(self.owner, self.possible.at)
        return np.where(last < 0, 0, np.append(line.code, 0)[last])


_BY_MOMENT: dict[str, Callable[[_Past], NDArray[np.generic]]] = {
    "touches": lambda past: past.counted(past.messages),
    **{f"touches_{days}d": lambda past, days=days: past.counted(past.messages, days) for days in _DAYS},  # type: ignore[misc]
    "days_since_message": lambda past: past.days_since(past.messages),
    "days_since_response": lambda past: past.days_since(past.answers),
}
_BY_MESSAGE: dict[str, tuple[str, int | None]] = {
    "campaign_touches": ("campaign", None),
    **{f"{facet}_touches_{days}d": (facet, days) for facet in ("campaign", "channel") for days in _DAYS},
}
_OF_TIME = ("weekday", "hour")


def places(kinds: Sequence[Facets], facet: str, place: Mapping[str, int]) -> NDArray[np.int64]:
    """By kind, the number of what it is; -1 for none that is known, and for several.

    Example:
        >>> places([{"channel": ("sms",)}, {}], "channel", {"email": 0, "sms": 1}).tolist()
        [1, -1]
    """
    return np.array([place.get(_only(own.get(facet, ())), -1) for own in kinds], np.int64)


def _only(values: Sequence[str]) -> str:
    """The only value; nothing where there is none or several, of which nobody knows which it is."""
    return values[0] if len(values) == 1 else ""


def built_in(history: MessageHistory) -> set[str]:
    """The names of the features that are no attributes of contacts."""
    named = {*FACETS, *_BY_MOMENT, *_BY_MESSAGE, *_OF_TIME, *(ANSWERS + own for own in history.responses)}
    return named if history.steps is None else named | {STAGE}


def features_of(history: MessageHistory, *, attributes: Iterable[str] | None = None) -> tuple[Feature, ...]:
    """The features that a past gives.

    Args:
        history: the past. Classes of what messages are, are those of its messages.
        attributes: the folded names of the attributes of contacts that are features; None for those that may be:
            those that hold always, and all of a table that says from when on they hold.
    """
    own = history.kinds
    used = np.unique(history.messages.code).tolist()
    facets = {name: sorted({_only(own[kind].get(name, ())) for kind in used} - {""}) for name in FACETS}
    found = [Feature(name, "category", tuple(classes)) for name, classes in facets.items()]
    if history.steps is not None:
        found.append(Feature(STAGE, "category", tuple(sorted(history.stages))))
    found += [Feature(name) for name in (*_BY_MOMENT, *_BY_MESSAGE, *(ANSWERS + name for name in history.responses))]
    found += [Feature("weekday", "category", _WEEKDAYS), Feature("hour")]
    taken = built_in(history)
    known = {} if history.contacts is None else history.contacts.columns
    for fold in usable_attributes(history) if attributes is None else attributes:
        column = known[fold]
        if fold == STAGE and history.steps is not None:
            continue
        name = OF_CONTACT + column.name if column.name in taken else column.name
        found.append(Feature(name) if column.classes is None else Feature(name, "category", frequent(column)))
    return tuple(found)


def usable_attributes(history: MessageHistory) -> tuple[str, ...]:
    """The folded names of the attributes of which is known how they were."""
    known = history.contacts
    if known is None:
        return ()
    return tuple(fold for fold in known.columns if known.is_dated or fold in known.static)


def attribute_names(features: Iterable[Iterable[Feature]]) -> frozenset[str]:
    """The folded names of the attributes of contacts that features may be: all that are no others."""
    named = {own.name for several in features for own in several}
    others = {*FACETS, *_BY_MOMENT, *_BY_MESSAGE, *_OF_TIME}
    return frozenset(
        fold_name(name.removeprefix(OF_CONTACT))
        for name in named
        if name not in others and not name.startswith(ANSWERS)
    )


def frequent(column: AttributeColumn) -> tuple[str, ...]:
    """The classes of an attribute, or the most frequent of very many."""
    classes = column.classes or ()
    if len(classes) <= _MOST_CLASSES:
        return classes
    counts = np.bincount(column.values[~np.isnan(column.values)].astype(np.int64), minlength=len(classes))
    return tuple(classes[place] for place in np.sort(np.argsort(-counts, kind="stable")[:_MOST_CLASSES]).tolist())


class FeatureMaker:
    """Makes features of messages.

    Args:
        history: the past of the contacts.
        features: which features; their classes are those that values are places of, and after them in the matrix those
            that only these messages and contacts have, so that what was never seen is not taken for missing.
        hour: the hour of the day for all messages; None for that of each.

    Raises:
        DataError: for a feature that the past cannot give.
    """

    def __init__(self, history: MessageHistory, features: Sequence[Feature], *, hour: int | None = None) -> None:
        self.features = tuple(_widened(own, _attribute_classes(history, own)) for own in features)
        self._history = history
        self._hour = hour
        self._names = {name: _known_names(history, name) for name in ("campaign", "channel")}
        self._attributes = {
            own.name: self._attribute(own)
            for own in self.features
            if own.name not in built_in(history) and not own.name.startswith(ANSWERS)
        }

    def matrix(self, possible: PossibleMessages) -> FeatureMatrix:
        """The features of messages."""
        # A column after the other, as it is filled and read.
        values = np.empty((len(self.features), len(possible))).T
        features = self._features(possible)
        start = 0
        for part in possible.parts():
            past = _Past(self._history, part, self._names)
            for place, own in enumerate(features):
                values[start : start + len(part), place] = self._column(own, past)
            start += len(part)
        return FeatureMatrix(features, values)

    def _features(self, possible: PossibleMessages) -> tuple[Feature, ...]:
        """The features, with what these messages are: a campaign that is new is not a message without one."""
        used = [possible.kinds[kind] for kind in np.unique(possible.kind).tolist()]
        facets = {name: {_only(own.get(name, ())) for own in used} - {""} for name in FACETS}
        return tuple(_widened(own, facets.get(own.name, ())) for own in self.features)

    def _column(self, own: Feature, past: _Past) -> NDArray[np.float64]:
        possible = past.possible
        if own.name in self._attributes:
            return self._attributes[own.name](past)[possible.moment]
        if own.name in FACETS:
            known = places(possible.kinds, own.name, {name: place for place, name in enumerate(own.classes)})
            return np.where(known < 0, np.nan, known)[possible.kind]
        if own.name in _BY_MESSAGE:
            return past.counted_of(*_BY_MESSAGE[own.name])
        return self._by_moment(own, past).astype(np.float64)[possible.moment]

    def _by_moment(self, own: Feature, past: _Past) -> NDArray[np.generic]:
        if own.name in _BY_MOMENT:
            return _BY_MOMENT[own.name](past)
        if own.name == STAGE:
            return _class_places(self._history.stages, own)[past.stages()]
        if own.name.startswith(ANSWERS):
            return past.answered(own.name.removeprefix(ANSWERS))
        day, hour = self._local(past.possible.at)
        # The first day of 1970 was a Thursday.
        if own.name == "weekday":
            return _class_places(WEEKDAYS, own)[(day + 3) % 7]
        return hour if self._hour is None else np.full(len(hour), float(self._hour))

    def _local(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Local days and hours of instants."""
        return local_days(self._history.clock, at)

    def _attribute(self, own: Feature) -> Callable[[_Past], NDArray[np.float64]]:
        """What gives an attribute of the contacts, by moment."""
        known = self._history.contacts
        fold = _attribute_of(own)
        if known is None:
            raise DataError(
                f"the model asks for {own.name!r}, an attribute of contacts: give the table of contacts (--contacts on "
                "the command line)"
            )
        if fold not in known.columns and not len(known.given):
            raise DataError(f"the model asks for {own.name!r}, and the table has no rows", source="contacts")
        if fold not in known.columns:
            raise DataError(f"the model asks for {own.name!r}, which the contacts do not have", source="contacts")
        column = known.columns[fold]
        is_empty = bool(np.isnan(column.values).all())
        if not is_empty and (column.classes is None) != (own.kind == "number"):
            found, asked = ("text", "a number") if own.kind == "number" else ("a number", "text")
            raise DataError(
                f"{column.name!r} is {found}, and in what the model learned from {asked}", source="contacts"
            )
        values = column.values
        if column.classes is not None and not is_empty:
            values = _class_places(column.classes, own)[
                np.where(np.isnan(values), len(column.classes), values).astype(np.int64)
            ]
        values = np.append(values, np.nan)
        return lambda past: values[known.place_of(fold, past.possible.contact, past.possible.at)]


def unseen_classes(
    history: MessageHistory, features: Iterable[Feature], contact: NDArray[np.int64], at: int
) -> dict[str, dict[str, int]]:
    """By category of contacts and class that it does not have, how many of some contacts are of it at an instant.

    Args:
        history: the past of the contacts.
        features: the features, with the classes that they have.
        contact: the numbers of the contacts.
        at: the instant, in microseconds since 1970.
    """
    known = history.contacts
    found: dict[str, dict[str, int]] = {}
    for own in features:
        column = None if known is None or own.name in built_in(history) else known.columns.get(_attribute_of(own))
        # Where more classes were met than are told apart, nobody knows which were seen.
        if known is None or column is None or column.classes is None or not 0 < len(own.classes) < _MOST_CLASSES:
            continue
        row = known.place_of(_attribute_of(own), contact, np.full(len(contact), at))
        value = np.append(column.values, np.nan)[row]
        count = np.bincount(value[~np.isnan(value)].astype(np.int64), minlength=len(column.classes)).tolist()
        strange = {name: times for name, times in zip(column.classes, count, strict=True) if times}
        strange = {name: times for name, times in strange.items() if name not in own.classes}
        if strange:
            found[own.name] = strange
    return found


def local_days(zone: Clock, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Local days and hours of instants.

    Example:
        >>> from journeykit.basics.clock import clock
        >>> local_days(clock("Europe/Skopje"), np.array([9 * HOUR]))
        (array([0]), array([10.]))
    """
    if not len(at):
        return np.zeros(0, np.int64), np.zeros(0)
    since, ahead = np.array(zone.offsets(int(at.min()), int(at.max()))).T
    local = at + ahead[np.searchsorted(since, at, "right") - 1]
    return local // DAY, (local % DAY // HOUR).astype(np.float64)


def hour_counts(zone: Clock, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """By local hour of the day, how many instants are in it; counts of several parts add up.

    Example:
        >>> from journeykit.basics.clock import clock
        >>> np.flatnonzero(hour_counts(clock("Europe/Skopje"), np.array([9 * HOUR]))).tolist()
        [10]
    """
    found = np.zeros(24, np.int64)
    for start in range(0, len(at), _ROWS):
        hours = local_days(zone, at[start : start + _ROWS])[1].astype(np.int64)
        found += np.bincount(hours, minlength=24)
    return found


def usual_hour(zone: Clock, counts: NDArray[np.int64], at: int) -> int | None:
    """The hour of the day at which most messages went; None where enough of them went at that of an instant.

    Args:
        zone: the zone in which hours are meant.
        counts: by local hour, how many messages went.
        at: the instant, in microseconds since 1970.
    """
    own = int(local_days(zone, np.array([at]))[1][0])
    return None if counts[own] >= _SELDOM * counts.sum() else int(counts.argmax())


def _widened(own: Feature, classes: Iterable[str]) -> Feature:
    """A category with more classes."""
    more = {*classes} - {*own.classes} if own.kind == "category" else ()
    return evolve(own, classes=tuple(sorted({*own.classes, *more}))) if more else own


def _attribute_classes(history: MessageHistory, own: Feature) -> tuple[str, ...]:
    """The classes of a category that contacts have."""
    known = None if history.contacts is None else history.contacts.columns.get(_attribute_of(own))
    # Where more classes were met than are told apart, those of the others count as missing.
    if known is None or own.name in built_in(history) or len(own.classes) >= _MOST_CLASSES:
        return ()
    return known.classes or ()


def _attribute_of(own: Feature) -> str:
    return fold_name(own.name.removeprefix(OF_CONTACT))


def _class_places(names: Sequence[str], own: Feature) -> NDArray[np.float64]:
    """By name, and last for none, the place of the class."""
    place = {name: float(number) for number, name in enumerate(own.classes)}
    return np.array([*(place.get(name, np.nan) for name in names), np.nan])


def _known_names(history: MessageHistory, facet: str) -> tuple[str, ...]:
    return tuple(sorted({_only(own.get(facet, ())) for own in history.kinds} - {""}))
