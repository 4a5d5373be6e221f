"""Contacts: the people whose attention is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import date, datetime
from typing import Any, Self

from attrs import Factory, field, fields, frozen

from journeykit.basics.clock import clock, micros
from journeykit.basics.validation import boolean, names, optional_text, required_text, shown
from journeykit.errors import ModelError, closest
from journeykit.rule.tree import EVENTS

_FOREVER = 9000
ANY = "*"
"""The entry of a consent mapping that speaks for whatever the mapping does not name."""


@frozen
class Consent:
    """Whether a contact agreed to a channel or topic, and until when.

    Attributes:
        granted: True for agreed, False for withdrawn.
        until: the instant from which the consent no longer holds; None for no expiry.

    Example:
        >>> from datetime import UTC
        >>> Consent(True, until=datetime(2026, 12, 1, tzinfo=UTC)).holds(datetime(2026, 12, 1, tzinfo=UTC))
        False
    """

    granted: bool = field(validator=boolean)
    until: datetime | None = None
    _until: int | None = field(init=False, repr=False, eq=False)

    @_until.default
    def _until_micros(self) -> int | None:
        # The last years of the calendar are how tables write "for ever".
        if self.until is None or self.until.year > _FOREVER:
            return None
        return micros(self.until, what="until")

    def holds(self, at: datetime) -> bool:
        """Whether the consent is given and not expired at an instant."""
        return self.holds_at(micros(at))

    def holds_at(self, at: int) -> bool:
        """The same, for an instant in microseconds."""
        return self.granted and (self._until is None or at < self._until)


def _consents(value: Any) -> dict[str, Consent] | None:
    """A mapping of names to consents; a list names all that was agreed to, and withdraws the rest."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        found = {}
        for name, consent in value.items():
            if not isinstance(name, str) or not name:
                raise ModelError(f"a consent is named by a channel or topic, found {name!r}", field="consent")
            if consent is None:
                continue
            if isinstance(consent, bool):
                consent = Consent(consent)  # noqa: PLW2901  (the short form of the same thing)
            if not isinstance(consent, Consent):
                raise ModelError(
                    f"the consent for {name!r} must be true, false or a Consent, found {shown(consent)}",
                    field="consent",
                )
            found[name] = consent
        return found
    if not isinstance(value, (str, Iterable)):
        raise ModelError(f"consent is a mapping or a list of channels, found {shown(value)}", field="consent")
    return {name: Consent(True) for name in names(value)} | {ANY: Consent(False)}


def _topic_consents(value: object) -> dict[str, Consent]:
    if value is not None and not isinstance(value, Mapping):
        raise ModelError(
            f"topic_consent is a mapping of topics to true or false, found {shown(value)}", field="topic_consent"
        )
    return _consents(value) or {}


def _preferences(value: Mapping[str, Any] | None) -> dict[str, float]:
    found = {}
    for channel, degree in (value or {}).items():
        if degree is None or degree != degree:  # noqa: PLR0124  (NaN is a missing preference)
            continue
        if isinstance(degree, bool) or not isinstance(degree, (int, float)) or not 0 <= degree <= 1:
            raise ModelError(
                f"the preference for {channel!r} must be a number from 0 to 1, found {shown(degree)}",
                field="preferences",
            )
        found[channel] = float(degree)
    return found


def _known_zone(_: Any, __: Any, value: str | None) -> None:
    if value is not None:
        clock(value)


def _mapping(_: Any, __: Any, value: object) -> None:
    if not isinstance(value, Mapping):
        raise ModelError(f"attributes must be a mapping of names to values, found {shown(value)}", field="attributes")


def _read_moment(value: Any) -> Any:
    """A text of an instant or a date, as JSON has it, as what it says."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if len(value) == len("2026-11-05") else datetime.fromisoformat(value)
    except ValueError:
        return value


def _moment(_: Any, attribute: Any, value: object) -> None:
    if value is not None and not isinstance(value, date):
        raise ModelError(f"{attribute.name} is an aware instant or a date, found {shown(value)}", field=attribute.name)
    if isinstance(value, datetime):
        micros(value, what=attribute.name)


def _identifier(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _with_hint(name: object, known: Iterable[str]) -> str:
    hint = closest(name, known) if isinstance(name, str) else None
    return shown(name) + (f" (did you mean {hint!r}?)" if hint else "")


def _read_consent(field_name: str, name: object, value: Any) -> Any:
    """A consent from plain data: what is no mapping is judged with the rest of the contact."""
    if not isinstance(value, Mapping):
        return value
    where = f"{field_name} for {shown(name)}"
    unknown = [key for key in value if key not in ("granted", "until")]
    if unknown or "granted" not in value:
        found = ", ".join(map(shown, unknown)) if unknown else "no granted"
        raise ModelError(f"{where} has granted (true or false) and until (an instant), found {found}", field=field_name)
    return Consent(value["granted"], until=_read_instant(where, field_name, value.get("until")))


def _read_instant(where: str, field_name: str, value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ModelError(
            f"{where}: until is an instant such as 2026-12-01T00:00:00Z, found {shown(value)}", field=field_name
        )
    return found


@frozen(kw_only=True)
class Contact:
    """A person, and what is known about them.

    Attributes:
        id: who. A whole number is taken as its text.
        account: the company or household of the contact.
        role: the role in the decision unit: ``decision_maker``, ``influencer``, ``user``, ``gatekeeper``, ...
        stage: the stage of the journey.
        stage_since: when the contact entered that stage, an aware instant or a local date, also as text, for
            ``days_in_stage()`` in rules. Placing writes it; a table brings it as a column.
        segments: the segments that the contact is in.
        timezone: IANA name of the contact's time zone.
        opted_out: the contact wants no messages at all.
        suppressed: a hard bounce, a complaint, a legal bar: nothing may go, whatever a campaign says.
        consent: by channel, ``{"email": True, "sms": Consent(True, until=...)}``: a channel that is not named
            is unknown. Or a list of channels: those not listed are withdrawn. None is unknown altogether.
        topic_consent: by topic; only an entry that withdraws, or has expired, denies.
        preferences: by channel, from 0 to 1.
        persona: the kind of person: part of the profile.
        purchase_insight: what is known of how the contact buys: part of the profile.
        value_proposition: what to promise the contact: part of the profile.
        interests: the topics that the contact cares about: part of the profile.
        attributes: everything else, by name; rules read them.
        events: what the contact did, as rules count it; the engines put it here (``Arbiter.decide(..., events=...)``).

    Raises:
        ModelError: for a value that cannot be, with the name of its field.

    Example:
        >>> anna = Contact(id="anna", role="decision_maker", consent=["email"], attributes={"city": "Skopje"})
        >>> anna.values()["city"]
        'Skopje'
    """

    id: str = field(converter=_identifier, validator=required_text)
    account: str | None = field(default=None, converter=_identifier, validator=optional_text)
    role: str | None = field(default=None, validator=optional_text)
    stage: str | None = field(default=None, validator=optional_text)
    segments: tuple[str, ...] = field(default=(), converter=names)
    timezone: str | None = field(default=None, validator=[optional_text, _known_zone])
    opted_out: bool = field(default=False, validator=boolean)
    suppressed: bool = field(default=False, validator=boolean)
    consent: Mapping[str, Consent] | None = field(default=None, converter=_consents)
    topic_consent: Mapping[str, Consent] = field(factory=dict, converter=_topic_consents)
    preferences: Mapping[str, float] = field(factory=dict, converter=_preferences)
    persona: str | None = field(default=None, validator=optional_text)
    purchase_insight: str | None = field(default=None, validator=optional_text)
    value_proposition: str | None = field(default=None, validator=optional_text)
    interests: tuple[str, ...] = field(default=(), converter=names)
    attributes: Mapping[str, Any] = field(default=Factory(dict), validator=_mapping)
    events: Any = field(default=None, eq=False, repr=False)
    stage_since: datetime | date | None = field(default=None, converter=_read_moment, validator=_moment)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """A contact from plain data, such as the JSON of a web request.

        Args:
            data: the fields by name; what is None or left out is not known. ``consent`` is a list of channels, or a
                mapping of channels to true, false or ``{"granted": true, "until": "2027-01-01T00:00:00Z"}``; and so is
                ``topic_consent``, by topic. Whatever else rules read belongs in ``attributes``.

        Raises:
            ModelError: for a key that is no field, which may be a misspelt one; and for a value that cannot be.

        Example:
            >>> agreed = {"email": {"granted": True, "until": "2027-01-01T00:00Z"}}
            >>> Contact.from_dict({"id": "anna", "consent": agreed}).consent["email"].until.year
            2027
            >>> Contact.from_dict({"id": "anna", "stgae": "decision"})  # doctest: +ELLIPSIS
            Traceback (most recent call last):
                ...
            journeykit.errors.ModelError: a contact has no field 'stgae' (did you mean 'stage'?); ...
        """
        given: Any = data
        if not isinstance(given, Mapping):
            raise ModelError(f"a contact is a mapping of fields to values, found {shown(data)}")
        known = [own.name for own in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise ModelError(
                f"a contact has no field {', '.join(_with_hint(name, known) for name in unknown)}; it has "
                f"{', '.join(known)}. Everything else belongs in attributes",
                field=str(unknown[0]),
            )
        if given.get("id") is None:
            raise ModelError("a contact needs an id", field="id")
        found = {name: value for name, value in given.items() if value is not None}
        for name in ("consent", "topic_consent"):
            if isinstance(found.get(name), Mapping):
                found[name] = {own: _read_consent(name, own, value) for own, value in found[name].items()}
        return cls(**found)

    def consent_for(self, channel: str, at: int) -> bool | None:
        """Whether the contact agrees to a channel at an instant (microseconds); None where nothing is known."""
        if self.consent is None:
            return None
        entry = self.consent.get(channel) or self.consent.get(ANY)
        return None if entry is None else entry.holds_at(at)

    def values(self) -> dict[str, Any]:
        """What rules can read: the attributes and, before them, the contact's own fields."""
        found = {
            **self.attributes,
            "id": self.id,
            "account": self.account,
            "role": self.role,
            "stage": self.stage,
            "segments": self.segments,
            "timezone": self.timezone,
            "interests": self.interests,
            "persona": self.persona,
        }
        # A table brings these as attributes.
        if self.purchase_insight is not None:
            found["purchase_insight"] = self.purchase_insight
        if self.value_proposition is not None:
            found["value_proposition"] = self.value_proposition
        if self.events is not None:
            found[EVENTS] = self.events
        if self.stage_since is not None:
            found["stage_since"] = self.stage_since
        return found

    def with_events(self, events: Any) -> Contact:
        """The contact with what they did.

        Args:
            events: a `journeykit.journey.event_history.EventHistory`, or None for nothing at hand.
        """
        if events is None:
            return self
        # A copy, not attrs' evolve: that would check every field again, for each contact of each decision.
        made = copy(self)
        object.__setattr__(made, "events", events)
        return made
