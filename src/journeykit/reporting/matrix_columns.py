"""Counting a table of contacts for a messaging matrix, over columns."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import clock, micros
from journeykit.kernels.interface.codes import (
    AGREED,
    IS_OPTED_OUT,
    IS_SUPPRESSED,
    NO_ZONE,
    UNKNOWN,
    WITHDRAWN,
)
from journeykit.reporting.contact_steps import ContactSteps
from journeykit.reporting.matrix_layout import OTHER
from journeykit.reporting.matrix_tally import WHYS, MatrixTally
from journeykit.segments.contact_chunks import ContactChunks
from journeykit.tables.column_names import Spellings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.kernels.interface.contact_arrays import Contacts
    from journeykit.reporting.matrix_layout import MatrixLayout, Profile
    from journeykit.tables.bad_row_list import BadRows

_ROWS = 8_192
"""So many contacts are looked at together: few enough for what is known of them to stay in the processor's cache."""


class _Sums(NamedTuple):
    """By profile the counts, those of all contacts, and by conflict how often each pair of campaigns met."""

    profiles: list[tuple[Profile, list[int]]]
    every: list[int]
    met: list[np.ndarray]


class MatrixColumns:
    """Counts a table of contacts.

    Args:
        layout: the messages.
        contacts: a dataframe, a path, a folder or dataset of Parquet files, or rows as mappings.
        at: the instant, aware.
        zone: the zone in which instants without an offset are meant; None makes them bad.
        bad: takes the rows that cannot be used.

    Raises:
        DataError: for a table that cannot be used.
    """

    def __init__(self, layout: MatrixLayout, contacts: Any, *, at: datetime, zone: tzinfo | None, bad: BadRows) -> None:
        self.layout, self.at = layout, micros(at)
        spellings = Spellings.of(layout.playbook)
        self.chunks = ContactChunks(layout.playbook, contacts, at=at, spellings=spellings, zone=zone, bad=bad)
        self.arrays, self.zones = self.chunks.layout, self.chunks.encoder.zones
        self.rules = _Rules(layout, self.arrays)
        self.steps = ContactSteps(layout, at)

    def count(self, tally: MatrixTally) -> None:
        """Count all contacts.

        Raises:
            DataError: for a table that cannot be read, none of whose rows can be used, or with too many bad ones.
        """
        for piece in self.chunks.pieces(self._work):
            people, masks, used, sums = piece.made
            if not np.array_equal(used, piece.good):
                # Doubles are rare: a chunk that has some is counted again, without them.
                sums = self._sums(people, masks, piece.good)
            for profile, counts in sums.profiles:
                tally.add_to(profile, counts)
            tally.every = [one + other for one, other in zip(tally.every, sums.every, strict=True)]
            for table, more in zip(tally.met, sums.met, strict=True):
                table[:] = (np.array(table, np.int64).reshape(more.shape) + more).tolist()
            for _, contact in piece.apart:
                self.steps.add_to(tally, contact)

    def _work(self, chunk: Chunk, people: Contacts) -> tuple[Contacts, Any, np.ndarray, _Sums]:
        masks = None
        if self.layout.audience == "segment":
            masks = self.chunks.encoder.segments(chunk, people.person["zone"])
        used = ~chunk.apart
        return people, masks, used, self._sums(people, masks, used)

    def _sums(self, people: Contacts, masks: Any, wanted: np.ndarray) -> _Sums:
        """What some contacts of a chunk come to."""
        zones = self.zones.names
        counts: dict[Profile, np.ndarray] = {}
        every = np.zeros(self.rules.width, np.int64)
        met = [np.zeros((len(first), len(then)), np.int64) for first, then in self.layout.sides]
        for start, stop in pairwise([*range(0, len(wanted), _ROWS), len(wanted)]):
            rows = np.flatnonzero(wanted[start:stop]) + start
            facts, eligible = self.rules.facts(people, rows, zones, self.at)
            every += facts.sum(axis=0, dtype=np.int64)
            self._meet(met, eligible)
            person = people.person[rows]
            codes, values = (None, []) if masks is None else (masks.codes[rows], masks.values)
            for profile, own in self._by_profile(facts, person["stage"], person["role"], codes, values):
                counts[profile] = own if profile not in counts else counts[profile] + own
        return _Sums([(profile, own.tolist()) for profile, own in counts.items()], every.tolist(), met)

    def _by_profile(
        self, facts: np.ndarray, stage: np.ndarray, role: np.ndarray, codes: np.ndarray | None, values: list[Any]
    ) -> Iterator[tuple[Profile, np.ndarray]]:
        """The counts of some contacts by profile; those in several segments are in several."""
        stages: list[str | None] = [*self.arrays.stages.list, OTHER, None]
        roles: list[str | None] = [*self.arrays.roles.list, OTHER, None]
        own = stage * len(roles) + role
        names: list[str | None] = [None]
        rows = np.arange(len(facts))
        if codes is not None:
            names, group, rows = _spread(codes, values)
            own = own[rows] * len(names) + group
        order = np.argsort(own, kind="stable")
        found, first = np.unique(own[order], return_index=True)
        if not len(found):
            return
        sums = np.add.reduceat(facts[rows[order]], first, axis=0, dtype=np.int64)
        for key, counts in zip(found.tolist(), sums, strict=True):
            rest, segment = divmod(key, len(names))
            yield (names[segment], stages[rest // len(roles)], roles[rest % len(roles)]), counts

    def _meet(self, met: list[np.ndarray], eligible: np.ndarray) -> None:
        for table, sides in zip(met, self.layout.sides, strict=True):
            # So few rows that these floats hold every count exactly.
            first, then = (_any_of(eligible, own.values()).astype(np.float32) for own in sides)
            np.add(table, (first.T @ then).astype(np.int64), out=table)


class _Rules:
    """What the messages ask of contacts, as tables."""

    def __init__(self, layout: MatrixLayout, arrays: RulesetArrays) -> None:
        self.layout, self.arrays = layout, arrays
        self._playbook = layout.ruleset.playbook
        parts, messages = arrays.parts, layout.messages
        self._stage_fits = parts["stage_fit"].T > 0
        self._own = parts["owner"].T < 0
        self._role_fits = parts["role_fit"].T > 0
        self._asks = np.array([own.campaign.needs_consent for own in messages], np.bool_)
        missing = self._playbook.on_missing
        self._denied = missing.consent == "deny"
        self._no_stage = self._of(lambda own: own.content.stages is not None) & (missing.stage == "deny")
        self._no_role = self._of(lambda own: own.content.roles is not None) & (missing.role == "deny")
        self._no_zone = self._of(lambda own: own.local) & (missing.timezone == "deny")
        self._holdouts = [
            None if own.campaign.holdout is None else arrays.holdouts.index(own.campaign.holdout, 1) for own in messages
        ]
        self._open: dict[str, np.ndarray] = {}
        self.width = MatrixTally(layout).width

    def _of(self, asks: Any) -> np.ndarray:
        return np.array([own.content is not None and asks(own) for own in self.layout.messages], np.bool_)

    def facts(self, people: Contacts, rows: np.ndarray, zones: list[str], at: int) -> tuple[np.ndarray, np.ndarray]:
        """Of some contacts, what a tally counts, and which messages can address them."""
        person, count = people.person[rows], len(self.layout.messages)
        consent = self._consents(people, rows, at)
        traits = person["traits"]
        suppressed, opted_out = traits & IS_SUPPRESSED != 0, traits & IS_OPTED_OUT != 0
        left = np.repeat(~suppressed[:, None], count, axis=1)
        why = np.where(suppressed, 0, -1)
        why = np.full(len(rows), 2) if not count else why
        for number, step in enumerate(self._steps(people, rows, zones, at, consent, opted_out), 1):
            left &= step
            why[(why < 0) & ~left.any(axis=1)] = number
        reach = consent == AGREED
        if not self._denied:
            reach |= consent == UNKNOWN
        reach &= ~(suppressed | opted_out)[:, None]
        channels = [self.arrays.channels.number[name] for name in self.layout.channels]
        whys = why[:, None] == np.arange(len(WHYS))
        parts = [np.ones((len(rows), 1), np.bool_), why[:, None] < 0, whys, reach[:, channels], left]
        return np.hstack([*parts, _any_of(left, (*self.layout.members, *self.layout.carried))]), left

    def _steps(
        self,
        people: Contacts,
        rows: np.ndarray,
        zones: list[str],
        at: int,
        consent: np.ndarray,
        opted_out: np.ndarray,
    ) -> Iterator[np.ndarray]:
        """Which messages pass each step after the first."""
        person, count, asks = people.person[rows], len(self.layout.messages), self._asks
        yield ~(opted_out[:, None] & asks)
        fits = self._stage_fits[person["stage"]] & self._role_fits[person["role"]]
        if people.absent.shape[1]:
            fits &= ~_unpacked(people.absent[rows], count)
        yield fits
        yield self._own[person["stage"]]
        found, places = np.unique(person["zone"], return_inverse=True)
        live = np.zeros((len(found), count), np.bool_)
        for place, zone in enumerate(found.tolist()):
            live[place] = self._open_in(zones[zone], at)
        yield live[places.reshape(-1)]
        yield ~_unpacked(people.outside[rows], count)
        yield self._kept(people, rows)
        channels = [self.arrays.channels.number.get(own.channel or "", -1) for own in self.layout.messages]
        agreed = np.column_stack([consent, np.full(len(rows), UNKNOWN, consent.dtype)])[:, channels]
        yield ~(asks & (agreed == WITHDRAWN)) & ~self._withdrawn_topics(people, rows)
        yield self._known(person, agreed)

    def _open_in(self, zone: str, at: int) -> np.ndarray:
        """Which messages' campaigns are open in a time zone."""
        found = self._open.get(zone)
        if found is None:
            day = clock(zone).day(at)
            found = np.array([own.campaign.closed(day) is None for own in self.layout.messages], np.bool_)
            self._open[zone] = found
        return found

    def _kept(self, people: Contacts, rows: np.ndarray) -> np.ndarray:
        """Which messages no holdout keeps back."""
        held = people.holdout[rows]
        found = np.ones((len(rows), len(self.layout.messages)), np.bool_)
        for place, holdout in enumerate(self._holdouts):
            if self._asks[place]:
                found[:, place] = ~held[:, 0] if holdout is None else ~(held[:, 0] | held[:, holdout])
        return found

    def _consents(self, people: Contacts, rows: np.ndarray, at: int) -> np.ndarray:
        """By channel, what the contacts said of it; what has expired is withdrawn."""
        found: np.ndarray = people.consent[rows].copy()
        if people.consent_until.shape[1]:
            found[(found == AGREED) & (people.consent_until[rows] <= at)] = WITHDRAWN
        return found

    def _withdrawn_topics(self, people: Contacts, rows: np.ndarray) -> np.ndarray:
        found = np.zeros((len(rows), len(self.layout.messages)), np.bool_)
        topics = people.topic[rows] == WITHDRAWN
        for place, message in enumerate(self.layout.messages):
            if self._asks[place] and message.topics:
                found[:, place] = topics[:, [self.arrays.topics.number[name] for name in message.topics]].any(axis=1)
        return found

    def _known(self, person: np.ndarray, agreed: np.ndarray) -> np.ndarray:
        """Which messages miss no data that they test."""
        found = np.ones(agreed.shape, np.bool_)
        if self._denied:
            found &= ~(self._asks & (agreed == UNKNOWN))
        stageless = person["stage"] == len(self.arrays.stages.list) + 1
        roleless = person["role"] == len(self.arrays.roles.list) + 1
        found &= ~(stageless[:, None] & self._no_stage)
        found &= ~(roleless[:, None] & self._no_role)
        found &= ~((person["traits"] & NO_ZONE != 0)[:, None] & self._no_zone)
        return found


def _unpacked(bits: np.ndarray, count: int) -> np.ndarray:
    """Bits of whole numbers, 64 to a number, as truths."""
    octets = np.ascontiguousarray(bits).view(np.uint8).reshape(len(bits), 8 * bits.shape[1])
    found: np.ndarray = np.unpackbits(octets, axis=1, bitorder="little", count=count)
    return found.astype(np.bool_)


def _any_of(eligible: np.ndarray, members: Any) -> np.ndarray:
    """By group of messages, whether one of them can address a contact."""
    found = [eligible[:, list(places)].any(axis=1) for places in members]
    return np.column_stack(found) if found else np.zeros((len(eligible), 0), np.bool_)


def _spread(codes: np.ndarray, values: list[Any]) -> tuple[list[str | None], np.ndarray, np.ndarray]:
    """The segments of contacts, one by one: their names, and by contact and segment which name and which contact."""
    used = np.unique(codes)
    numbers: dict[str | None, int] = {}
    lists = [[numbers.setdefault(name, len(numbers)) for name in (values[code] or (None,))] for code in used.tolist()]
    sizes = np.array([len(own) for own in lists], np.int64)
    starts = np.cumsum(sizes) - sizes
    place = np.searchsorted(used, codes)
    each = sizes[place]
    rows = np.repeat(np.arange(len(codes)), each)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(each) - each, each)
    flat = np.array([number for own in lists for number in own], np.int64)
    return list(numbers), flat[starts[place][rows] + within], rows
