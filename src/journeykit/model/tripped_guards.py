"""Tripped guards: which campaigns are paused, and by what."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, fields, frozen

from journeykit.basics.clock import iso_text, micros
from journeykit.basics.plain_data import write_json
from journeykit.basics.validation import instances, listed, names, required_text, shown, whole
from journeykit.errors import DataError, ModelError, closest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from journeykit.model.campaign import Campaign
    from journeykit.model.guard import Guard

_MOST = 10**15


class _HasGuards(Protocol):
    """A playbook."""

    @property
    def guards(self) -> Sequence[Guard]: ...

    @property
    def campaigns(self) -> Sequence[Campaign] | None: ...

    @property
    def fingerprint(self) -> str: ...


def _instant(value: datetime | str) -> datetime:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(iso_text(value))
        except ValueError:
            raise ModelError(f"an instant is text such as 2026-11-05T10:00:00+00:00, found {shown(value)}") from None
    return value


def _aware(_: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, datetime):
        raise ModelError(f"{attribute.name} is an instant, found {shown(value)}", field=attribute.name)
    micros(value, what=attribute.name)


@frozen(kw_only=True)
class GuardTrip:
    """A guard that tripped for a campaign.

    Attributes:
        guard: its name.
        campaign: the campaign's id.
        messages: how many messages of it were in the window.
        answered: how many of them have a response.
        responses: how many responses these have.
        third_last_at: the instant of the third last of these responses. To lift the guard later than that leaves less
            than three of them, and so it does not trip by them again.
    """

    guard: str = field(validator=required_text)
    campaign: str = field(validator=required_text)
    messages: int = field(validator=whole(1, _MOST))
    answered: int = field(validator=whole(1, _MOST))
    responses: int = field(validator=whole(1, _MOST))
    third_last_at: datetime = field(converter=_instant, validator=_aware)

    @property
    def key(self) -> tuple[str, str]:
        """Guard and campaign."""
        return self.guard, self.campaign

    @property
    def rate(self) -> float:
        """The messages with a response, of all of them."""
        return self.answered / self.messages

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        own = {name: getattr(self, name) for name in ("guard", "campaign", "messages", "answered", "responses")}
        return own | {"third_last_at": self.third_last_at.isoformat()}

    def __str__(self) -> str:
        return (
            f"guard {self.guard!r} tripped for campaign {self.campaign!r}: {self.answered:,} of {self.messages:,} "
            f"messages have a response ({100 * self.rate:.3g} %)"
        )


@frozen(kw_only=True)
class TrippedGuards:
    """What `journeykit measure` found of a playbook's guards; given to an arbiter, it pauses their campaigns.

    Attributes:
        playbook: the fingerprint of the playbook whose guards these are.
        until: the instant at which observation ended.
        asked: the names of the guards that could be asked. Of others nothing is known.
        trips: the guards that tripped, each with its campaign.

    Raises:
        ModelError: for what cannot be.

    Example:
        >>> from datetime import UTC, datetime
        >>> at = datetime(2026, 11, 5, tzinfo=UTC)
        >>> own = {"messages": 900, "answered": 4, "responses": 4, "third_last_at": at}
        >>> trip = GuardTrip(guard="complaints", campaign="launch", **own)
        >>> tripped = TrippedGuards(playbook="0" * 64, until=at, asked=["complaints"], trips=[trip])
        >>> TrippedGuards.from_dict(tripped.to_dict()) == tripped
        True
    """

    playbook: str = field(validator=required_text)
    until: datetime = field(converter=_instant, validator=_aware)
    asked: tuple[str, ...] = field(default=(), converter=names)
    trips: tuple[GuardTrip, ...] = field(default=(), converter=listed, validator=instances(GuardTrip))

    def __attrs_post_init__(self) -> None:
        known = set[tuple[str, str]]()
        for trip in self.trips:
            if trip.key in known:
                raise ModelError(f"{trip.guard!r} is there twice for campaign {trip.campaign!r}", field="trips")
            known.add(trip.key)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "playbook": self.playbook,
            "until": self.until.isoformat(),
            "asked": list(self.asked),
            "trips": [trip.to_dict() for trip in self.trips],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrippedGuards:
        """Tripped guards from plain data.

        Raises:
            ModelError: for anything else.
        """
        own = _parts(cls, data, "tripped guards are {playbook, until, asked, trips}")
        trips = listed(own["trips"], "a list of trips")
        what = "a trip is {guard, campaign, messages, answered, responses, third_last_at}"
        return cls(**{**own, "trips": [GuardTrip(**_parts(GuardTrip, trip, what)) for trip in trips]})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write them to a JSON file, which appears whole or not at all."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TrippedGuards:
        """Read tripped guards from a JSON file.

        Raises:
            DataError: if it holds none, or cannot be read. Nothing is decided then: a run without guards would send
                what they forbid.
        """
        from pathlib import Path

        try:
            return cls.from_dict(json.loads(Path(path).read_text("utf-8")))
        except OSError as error:
            raise DataError(f"no tripped guards can be read: {error.strerror}", source=os.fspath(path)) from error
        except (ValueError, ModelError) as error:
            raise DataError(f"no tripped guards can be read: {error}", source=os.fspath(path)) from error

    def notes(self, playbook: _HasGuards, spelt: Callable[[str], str] = str) -> Iterator[str]:
        """What a person should know of them where they are used with a playbook: what does not fit it.

        Args:
            playbook: the playbook.
            spelt: gives the id of a campaign as the playbook writes it.
        """
        guards = [own.name for own in playbook.guards]
        if self.playbook != playbook.fingerprint:
            yield (
                "guards: they were asked by another playbook, whose trips hold here too: measure again with this one"
            )
        for name in dict.fromkeys(trip.guard for trip in self.trips if trip.guard not in guards):
            hint = _hint(name, guards)
            yield f"guards: the playbook has no guard {name!r}{hint}; what it tripped for is paused all the same"
        for name in guards:
            if name not in self.asked:
                yield f"guards: {name!r} was not asked: it pauses nothing; measure with the events of its response"
        if playbook.campaigns is None:
            return
        known = [own.id for own in playbook.campaigns]
        for name in dict.fromkeys(trip.campaign for trip in self.trips if spelt(trip.campaign) not in known):
            yield f"guards: the playbook has no campaign {name!r}{_hint(name, known)}; so nothing of it is paused"


def guard_notes(
    tripped: TrippedGuards | None, playbook: _HasGuards, spelt: Callable[[str], str] = str
) -> Iterator[str]:
    """What a person should know of the guards of a run: that none were asked, or what does not fit the playbook."""
    if tripped is not None:
        yield from tripped.notes(playbook, spelt)
    elif playbook.guards:
        named = ", ".join(repr(own.name) for own in playbook.guards)
        yield (
            f"guards: {named}: it is not known what tripped, and so nothing is paused anew: give what "
            f"`journeykit measure --guards-out` writes (--guards)"
        )


def pauses_of(keys: Iterable[tuple[str, str]], guards: Sequence[Guard]) -> dict[str, str]:
    """By campaign, the guard that pauses it: of several the first of the playbook.

    Args:
        keys: the guards that hold, each with its campaign.
        guards: the playbook's guards.

    Example:
        >>> pauses_of([("b", "launch"), ("a", "launch")], ())
        {'launch': 'b'}
    """
    order = {own.name: place for place, own in enumerate(guards)}
    found: dict[str, str] = {}
    for guard, campaign in sorted(keys, key=lambda key: order.get(key[0], len(order))):
        found.setdefault(campaign, guard)
    return found


def _hint(name: str, known: Sequence[str]) -> str:
    # Among very many names, the search for the nearest takes too long.
    meant = closest(name, known) if len(known) <= 500 else None
    return f"; did you mean {meant!r}?" if meant else ""


def _parts(kind: type, data: object, what: str) -> dict[str, Any]:
    """The parts of a value from plain data that has these and no others."""
    if not isinstance(data, Mapping) or set(data) != {own.name for own in fields(kind)}:
        raise ModelError(f"{what}, found {shown(data)}")
    return dict(data)
