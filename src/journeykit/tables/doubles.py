"""Doubles: several rows of one contact. The first counts, and what a later one forbids holds all the same."""

from __future__ import annotations

import pickle
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from weakref import finalize

from attrs import evolve

from journeykit.model.contact import ANY, Consent, Contact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from journeykit.playbook.playbook import Playbook


class Doubles:
    """What the later rows of contacts forbid.

    Args:
        unknown_allows: whether the playbook lets a contact of unknown consent have messages.

    Attributes:
        changed: the contacts to whom a later row forbade something, as far as they were looked at.

    Example:
        >>> doubles = Doubles()
        >>> doubles.add(Contact(id="anna", opted_out=True))
        >>> doubles.applied(Contact(id="anna", consent=["email"])).opted_out
        True
    """

    def __init__(self, *, unknown_allows: bool = False) -> None:
        self.unknown_allows = unknown_allows
        self.changed: set[str] = set()
        self._of: dict[str, list[Contact]] = {}

    @classmethod
    def of(cls, playbook: Playbook) -> Doubles:
        """None yet, under the settings of a playbook."""
        return cls(unknown_allows=playbook.on_missing.consent == "allow")

    def add(self, later: Contact) -> None:
        """Take notice of what a later row says of a contact, if it forbids anything."""
        consents = [*(later.consent or {}).values(), *later.topic_consent.values()]
        if later.opted_out or later.suppressed or any(not own.granted or own.until is not None for own in consents):
            self._of.setdefault(later.id, []).append(later)

    def __contains__(self, key: object) -> bool:
        return key in self._of

    def applied(self, contact: Contact) -> Contact:
        """A contact as its later rows leave it."""
        found = contact
        for later in self._of.get(contact.id, ()):
            consent = self._merged(found.consent, later.consent)
            topics = self._merged(found.topic_consent, later.topic_consent) or {}
            changes: dict[str, Any] = {}
            if consent != found.consent:
                changes["consent"] = consent
            if topics != found.topic_consent:
                changes["topic_consent"] = topics
            for name in ("opted_out", "suppressed"):
                if getattr(later, name) and not getattr(found, name):
                    changes[name] = True
            if changes:
                found = evolve(found, **changes)
        if found is not contact:
            self.changed.add(contact.id)
        return found

    def _merged(
        self, first: Mapping[str, Consent] | None, later: Mapping[str, Consent] | None
    ) -> dict[str, Consent] | None:
        """Consents of two rows: what either withdraws is withdrawn, and of two ends the earlier one holds."""
        found = dict(first or {})
        rest = (later or {}).get(ANY)
        before = found.get(ANY)
        for name in [name for name in (*found, *(later or {})) if name != ANY]:
            own, other = found.get(name) or before, (later or {}).get(name) or rest
            if other is None:
                continue
            if not other.granted:
                found[name] = Consent(False)
            elif own is None:
                # Unknown here: where the rest is withdrawn, that must not take it along, nor become a consent.
                if rest is not None and not rest.granted:
                    found[name] = Consent(self.unknown_allows, other.until)
            elif own.granted and other.until is not None:
                found[name] = Consent(True, other.until if own.until is None else min(own.until, other.until))
        if rest is not None and not rest.granted:
            found[ANY] = Consent(False)
        return found or None


def restricted_notes(source: str, contacts: int) -> Iterator[str]:
    """What a person should know of contacts to whom a later row of theirs forbids something.

    Args:
        source: the table of contacts.
        contacts: how many they are.
    """
    if contacts:
        whom = "1 contact has" if contacts == 1 else f"{contacts:,} contacts have"
        yield f"{source}: {whom} an opt-out or a withdrawn consent in a second row only, and that holds"


class Spool:
    """Rows that can be read only once, made readable again: the first reading writes them to a temporary file.

    Example:
        >>> rows = Spool(iter([{"contact_id": "anna"}]))
        >>> list(rows) == list(rows)
        True
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows: Iterator[Any] | None = iter(rows)
        self._file: Any = TemporaryFile()  # noqa: SIM115  (it is closed with the last who reads)
        finalize(self, self._file.close)
        # What cannot be written waits here, by its number.
        self._odd: dict[int, Any] = {}
        self._count = 0

    def __iter__(self) -> Iterator[Any]:
        if self._rows is not None:
            self._fill(self._rows)
            self._rows = None
        return self._again()

    def _fill(self, rows: Iterator[Any]) -> None:
        for number, row in enumerate(rows):
            self._count = number + 1
            try:
                written = pickle.dumps(row, pickle.HIGHEST_PROTOCOL)
            except Exception:  # noqa: BLE001  (rows are foreign: whatever pickle says, they can wait in memory)
                self._odd[number] = row
                continue
            self._file.write(written)

    def _again(self) -> Iterator[Any]:
        at = 0
        for number in range(self._count):
            if number in self._odd:
                yield self._odd[number]
                continue
            # Several may read at once.
            self._file.seek(at)
            row = pickle.load(self._file)  # noqa: S301  (our own file)
            at = self._file.tell()
            yield row


def rereadable(source: Any) -> Any:
    """A source that can be read again: one that is its own iterator comes as a `Spool`."""
    if isinstance(source, str) or not hasattr(source, "__next__"):
        return source
    return Spool(source)
