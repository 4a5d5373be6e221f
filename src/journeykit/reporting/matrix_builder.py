"""Building the messaging matrix: from a playbook alone, or with contacts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import clock, micros
from journeykit.basics.validation import shown
from journeykit.columns import has_columns, missing_module
from journeykit.errors import ModelError, missing
from journeykit.model.contact import Contact
from journeykit.reporting.contact_steps import ContactSteps
from journeykit.reporting.matrix_layout import MatrixLayout, row_of
from journeykit.reporting.matrix_parts import ConflictPair, CrowdedRow, MatrixCell, MatrixGroup, MatrixMessage
from journeykit.reporting.matrix_tally import WHYS, MatrixTally
from journeykit.reporting.matrix_value import MessagingMatrix
from journeykit.reporting.theme_threads import theme_threads
from journeykit.segments.count import contact_objects
from journeykit.tables import BadRows, ContactTable, Spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, tzinfo

    from journeykit.engine.message import Message
    from journeykit.playbook.playbook import Playbook
    from journeykit.reporting.matrix_grants import MatrixGrants
    from journeykit.reporting.matrix_layout import Profile

_SHOWN = 5


def messaging_matrix(
    playbook: Playbook,
    contacts: Any = None,
    decisions: Any = None,
    *,
    at: datetime | None = None,
    until: datetime | None = None,
    touches: Any = None,
    audience: str = "stage",
    by: str = "theme",
    zone: str | None = None,
    max_bad: int | str | None = None,
    engine: str | None = None,
) -> MessagingMatrix:
    """The messaging matrix of a playbook: audience x channel x theme, and which content speaks there.

    A message can address a contact where everything holds that decisions ask of the contact (consent, the campaign's
    period, audience, fit of stage and role, owner of the stage, holdouts, missing data), but for the hour of the day,
    scores, caps and other messages. Of a campaign with a split, that is the variant of the contact.

    Args:
        playbook: whose messages.
        contacts: objects, or a table of them; None for the playbook alone.
        decisions: decisions on these contacts, as `journeykit decide` writes them (with ``--all`` also what lost), in
            one table, a folder or a list of them. Objects as contacts do not go with it.
        at: the instant at which campaigns are live and rules are asked, aware; None for that of the last decision.
            Without contacts and decisions it may be None, and then all campaigns are live that are not paused.
        until: the end of the days whose free slots are counted where several messages ask for the same contacts, aware;
            None for none. They are those that the history and the decisions leave (`journeykit.free_slots`).
        touches: the history, for free slots.
        audience: what the rows are: ``stage``, ``stage*role`` (the role in the decision unit) or ``segment``.
        by: what the columns are told apart by, below the channel: ``theme``, ``topic``, ``solution``, ``content``,
            ``campaign``, ``team``, ``goal`` or ``tag``. A message with several values is in several columns.
        zone: IANA name of the zone in which instants of a table without an offset are meant.
        max_bad: how many bad rows of a table are tolerated, as a number or as a share of its rows (``"1%"``).
        engine: ``one`` or ``columns``; both count the same. None for columns, where the extra is installed.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows.
        ModelError: for an argument that cannot be, such as contacts without an instant.

    Example:
        >>> from journeykit import Campaign, Content, Playbook
        >>> content = [
        ...     Content(id="outlook", channel="email", theme="leadership", stages={"awareness": 1, "decision": 0.4}),
        ...     Content(id="check-in", channel="phone", theme="care", stages=["retention"]),
        ... ]
        >>> campaigns = [Campaign(id="nurture", content=["outlook"]), Campaign(id="hello", content=["check-in"])]
        >>> matrix = messaging_matrix(Playbook(content=content, campaigns=campaigns))
        >>> [(own.group.label, own.channel, own.value) for own in matrix.cells if own.messages]
        [('awareness', 'email', 'leadership'), ('decision', 'email', 'leadership'), ('retention', 'phone', 'care')]
    """
    layout = MatrixLayout(playbook, audience, by)
    _check_slots(contacts, until, touches)
    where = None if zone is None else clock(zone).zone
    tally, notes = None, list(_unsent(layout))
    grants = _grants(layout, contacts, decisions, where)
    at = grants.last() if grants is not None and at is None else at
    now = None if at is None else micros(at)
    if contacts is not None:
        if at is None:
            raise ModelError("contacts are asked at an instant: give at", field="at")
        tally, bad = _counted(layout, contacts, at, where, max_bad, engine)
        notes += [f"rows that could not be used: {bad.total:,}"] * bool(bad.total)
        notes += layout.ruleset.events_asked.silence
        if grants is not None:
            grants.count(contacts, at=at, zone=zone, max_bad=max_bad)
            notes += grants.notes()
    slots = None
    if until is not None and at is not None:
        when = {"at": at, "until": until, "zone": zone}
        slots = _slots(layout, contacts, touches, decisions, {**when, "max_bad": max_bad})
    return _Matrix(layout, now, tally, grants, slots).build(at, until, notes)


def _slots(
    layout: MatrixLayout, contacts: Any, touches: Any, decisions: Any, how: dict[str, Any]
) -> dict[Profile, Counter[str]]:
    """By row and channel, how many slots are free."""
    from journeykit.reporting.slot_report import free_slots

    plan = () if decisions is None else decisions
    channels = layout.channels or None
    found = free_slots(layout.playbook, contacts, touches, decisions=plan, by=layout.audience, channels=channels, **how)
    slots: dict[Profile, Counter[str]] = {}
    for own in found.groups:
        row = row_of(layout, dict(zip(layout.audience.split("*"), own.group, strict=True)))
        slots.setdefault(row, Counter()).update({channel: sum(days.values()) for channel, days in own.free.items()})
    return slots


def _check_slots(contacts: Any, until: datetime | None, touches: Any) -> None:
    """Refuse what free slots cannot be counted of, or what only they need."""
    if until is None:
        if touches is not None:
            raise ModelError("touches are for free slots: give until too", field="touches")
        return
    if contacts is None:
        raise ModelError("free slots are those of contacts: give contacts too", field="until")
    lacking = missing_module()
    if lacking is not None:
        raise missing(lacking, "columns", "matrix with free slots")
    if isinstance(contacts, Iterator) or contact_objects(contacts):
        raise ModelError("free slots go with a table of contacts, not with Contact objects", field="contacts")


def _grants(layout: MatrixLayout, contacts: Any, decisions: Any, zone: tzinfo | None) -> MatrixGrants | None:
    """What counts decisions; None without any."""
    if decisions is None:
        return None
    if contacts is None:
        raise ModelError("decisions do not say the stage of a contact: give contacts too", field="decisions")
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "columns", "matrix with decisions")
    if isinstance(contacts, Iterator) or contact_objects(contacts):
        raise ModelError("decisions go with a table of contacts, not with Contact objects", field="contacts")
    from journeykit.reporting.matrix_grants import MatrixGrants

    return MatrixGrants(layout, decisions, zone)


def _counted(
    layout: MatrixLayout,
    contacts: Any,
    at: datetime,
    zone: tzinfo | None,
    max_bad: int | str | None,
    engine: str | None,
) -> tuple[MatrixTally, BadRows]:
    tally, bad = MatrixTally(layout), BadRows(max_bad)
    objects = contact_objects(contacts)
    if objects is not None:
        _count_objects(tally, objects, at)
    elif engine == "columns" or (engine is None and has_columns()):
        from journeykit.reporting.matrix_columns import MatrixColumns

        MatrixColumns(layout, contacts, at=at, zone=zone, bad=bad).count(tally)
    else:
        steps = ContactSteps(layout, at)
        found = ContactTable(contacts, spellings=Spellings.of(layout.playbook), zone=zone, bad=bad)
        for _, contact in found:
            steps.add_to(tally, contact)
        bad.refuse_useless(found.source, tally.every[0])
        bad.check()
    return tally, bad


def _count_objects(tally: MatrixTally, contacts: Iterable[Any], at: datetime) -> None:
    steps, vocabulary = ContactSteps(tally.layout, at), tally.layout.ruleset.vocabulary
    for contact in contacts:
        if not isinstance(contact, Contact):
            raise ModelError(f"contacts must be Contact objects, found {shown(contact)}", field="contacts")
        steps.add_to(tally, vocabulary.contact(contact))


def _unsent(layout: MatrixLayout) -> Iterator[str]:
    """What has no place in the matrix."""
    playbook = layout.playbook
    if playbook.campaigns is None:
        yield "the playbook names no campaigns, so no content speaks to anybody"
        return
    sent = {own.content_id for own in layout.messages}
    idle = [own.id for own in playbook.content or () if own.id not in sent]
    if idle:
        yield f"content that no campaign sends: {_some(idle)}"
    empty = [own.id for own in playbook.campaigns if not own.content]
    if empty:
        yield f"campaigns without content of their own, which have no place here: {_some(empty)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(shown, names[:_SHOWN])) + more


class _Matrix:
    """Makes the value of what was laid out and counted."""

    def __init__(
        self,
        layout: MatrixLayout,
        now: int | None,
        tally: MatrixTally | None,
        grants: MatrixGrants | None,
        slots: Mapping[Profile, Counter[str]] | None,
    ) -> None:
        self.layout, self.tally, self.grants, self.slots = layout, tally, grants, slots
        day = None if now is None else clock(layout.playbook.timezone).day(now)
        self.live = [
            not own.campaign.paused if day is None else own.campaign.closed(day) is None for own in layout.messages
        ]

    def build(self, at: datetime | None, until: datetime | None, notes: list[str]) -> MessagingMatrix:
        """The matrix."""
        layout = self.layout
        rows = self._rows()
        spoken = {row: self._messages(row, profiles) for row, profiles in rows.items()}
        groups = {row: self._group(row, profiles) for row, profiles in rows.items()}
        return MessagingMatrix(
            playbook=layout.playbook.name,
            fingerprint=layout.playbook.fingerprint,
            at=at,
            audience=layout.audience,
            by=layout.by,
            groups=tuple(groups.values()),
            columns=layout.columns,
            cells=tuple(cell for row, own in rows.items() for cell in self._cells(own, groups[row], spoken[row])),
            everybody=self._everybody(),
            has_decisions=self.grants is not None,
            until=until,
            crowded=tuple(sorted(self._crowded(rows, groups, spoken), key=_most_first)),
            pairs=tuple(sorted(self._pairs(), key=lambda own: -(own.met or 0))),
            threads=tuple(theme_threads(layout, self.live)),
            notes=tuple(notes),
        )

    def _rows(self) -> dict[Profile, list[Profile]]:
        """By row, the profiles of its contacts: the playbook's rows, then those of contacts alone; never none."""
        found: dict[Profile, list[Profile]] = {row: [] for row in self.layout.rows()}
        others: dict[Profile, list[Profile]] = {}
        for profile in [] if self.tally is None else self.tally.counts:
            row = row_of(self.layout, dict(zip(("segment", "stage", "role"), profile, strict=True)))
            (found if row in found else others).setdefault(row, []).append(profile)
        found |= {row: others[row] for row in sorted(others, key=_last)}
        # A playbook that names no stage speaks to everybody alike.
        return found or {(None, None, None): []}

    def _group(self, row: Profile, profiles: list[Profile]) -> MatrixGroup:
        segment, stage, role = row
        silence = self.layout.silence(row, self.live)
        group = MatrixGroup(audience=self.layout.audience, segment=segment, stage=stage, role=role, silence=silence)
        if self.tally is None:
            return group
        found = self._counted(group, self._sum(profiles))
        # What can address somebody speaks, whatever the names of the row say.
        return evolve(found, silence=None) if found.addressed else found

    def _everybody(self) -> MatrixGroup | None:
        if self.tally is None:
            return None
        return self._counted(MatrixGroup(audience=self.layout.audience), self.tally.every)

    def _counted(self, group: MatrixGroup, counts: list[int]) -> MatrixGroup:
        """A row with what was counted."""
        tally = self.tally
        assert tally is not None  # noqa: S101  (there are counts)
        (contacts,), (addressed,), whys, reach = (tally.part(counts, number) for number in range(4))
        return evolve(
            group,
            contacts=contacts,
            addressed=addressed,
            unheard={why: count for why, count in zip(WHYS, whys, strict=True) if count},
            reach=dict(zip(self.layout.channels, reach, strict=True)),
        )

    def _sum(self, profiles: list[Profile]) -> list[int]:
        assert self.tally is not None  # noqa: S101  (there are profiles)
        each = [self.tally.counts[profile] for profile in profiles]
        return list(map(sum, zip(*each, strict=True))) if each else [0] * self.tally.width

    def _messages(self, row: Profile, profiles: list[Profile]) -> list[MatrixMessage | None]:
        """By place, the messages that speak in a row."""
        return [self._message(place, row, profiles) for place in range(len(self.layout.messages))]

    def _cells(
        self, profiles: list[Profile], group: MatrixGroup, spoken: list[MatrixMessage | None]
    ) -> Iterator[MatrixCell]:
        tally = self.tally
        counts = None if tally is None else self._sum(profiles)
        inside = None if tally is None or counts is None else tally.part(counts, 5)
        for place, ((channel, value), members) in enumerate(zip(self.layout.columns, self.layout.members, strict=True)):
            messages = (spoken[member] for member in members)
            yield MatrixCell(
                group=group,
                channel=channel,
                value=value,
                messages=tuple(own for own in messages if own is not None),
                eligible=None if inside is None else inside[place],
            )

    def _message(self, place: int, row: Profile, profiles: list[Profile]) -> MatrixMessage | None:
        """A message in a row, where it speaks there."""
        message, tally = self.layout.messages[place], self.tally
        degrees = self.layout.speaks(message, row)
        eligible, mean = None, None
        if tally is not None:
            met = [(profile, tally.part(tally.counts[profile], 4)[place]) for profile in profiles]
            fits = [(_fit(message, profile), count) for profile, count in met if count]
            eligible = sum(count for _, count in fits)
            if fits:
                degrees = tuple(degree for degree, _ in fits)
                mean = math.fsum(degree * count for degree, count in fits) / eligible
        if not degrees:
            return None
        return MatrixMessage(
            campaign=message.campaign.id,
            content=str(message.content_id),
            team=message.team_name,
            live=self.live[place],
            fit_low=min(degrees),
            fit_high=max(degrees),
            fit_mean=mean,
            eligible=eligible,
            granted=self._decided("granted", row, [place]),
            lost=self._decided("lost", row, [place]),
        )

    def _decided(self, what: str, row: Profile, places: Iterable[int]) -> int | None:
        """How many claims of some messages were granted to contacts of a row, or lost; None without decisions."""
        if self.grants is None:
            return None
        counts = getattr(self.grants, what).get(row)
        return 0 if counts is None else int(sum(counts[place] for place in places))

    def _crowded(
        self,
        rows: dict[Profile, list[Profile]],
        groups: dict[Profile, MatrixGroup],
        spoken: dict[Profile, list[MatrixMessage | None]],
    ) -> Iterator[CrowdedRow]:
        """Where more than one message asks for the same contacts."""
        layout, tally = self.layout, self.tally
        for row, profiles in rows.items():
            counts = None if tally is None else self._sum(profiles)
            for number, (channel, members) in enumerate(zip(layout.channels, layout.carried, strict=True)):
                speaking = [place for place in members if self.live[place] and spoken[row][place]]
                contacts, wanted = None, None
                if tally is not None and counts is not None:
                    contacts = tally.part(counts, 6)[number]
                    eligible = tally.part(counts, 4)
                    wanted = sum(eligible[place] for place in members) / contacts if contacts else None
                if (len(speaking) > 1) if tally is None else (wanted or 0) > 1:
                    yield CrowdedRow(
                        group=groups[row],
                        channel=channel,
                        messages=len(speaking),
                        contacts=contacts,
                        wanted=wanted,
                        granted=self._decided("granted", row, members),
                        lost=self._decided("lost", row, members),
                        slots=None if self.slots is None else self.slots.get(row, Counter())[channel],
                    )

    def _pairs(self) -> Iterator[ConflictPair]:
        layout, tally, grants = self.layout, self.tally, self.grants
        for number, (conflict, (first, then)) in enumerate(zip(layout.playbook.conflicts, layout.sides, strict=True)):
            seen = set()
            for row, one in enumerate(first):
                for column, other in enumerate(then):
                    # Where each is on both sides, the pair is one.
                    if one == other or (other, one) in seen:
                        continue
                    seen.add((one, other))
                    met = None if tally is None else tally.met[number][row][column]
                    yield ConflictPair(
                        conflict=conflict.name,
                        first=one,
                        then=other,
                        met=met,
                        stopped=None if grants is None else grants.stopped(conflict.name, one, other),
                        both=None if grants is None else grants.both[number][row][column],
                    )


def _fit(message: Message, profile: Profile) -> float:
    """Stage fit x role fit of a message for a contact, as the weight has it."""
    return message.stage_fit(profile[1]) * message.role_fit(profile[2])


def _last(row: Profile) -> tuple[tuple[bool, bool, str], ...]:
    """The order of rows of contacts alone: by name, then other names, then none."""
    return tuple((name is None, name == "", name or "") for name in row)


def _most_first(own: CrowdedRow) -> tuple[float, int]:
    return -(own.wanted or 0), -own.messages
