"""The parts of a messaging matrix: rows, cells, crowded rows, conflicts and themes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from journeykit.reporting.matrix_layout import OTHER


@frozen(kw_only=True)
class MatrixGroup:
    """A row of the matrix: contacts of one segment, or of one stage (and role).

    Attributes:
        audience: what the rows of the matrix are: ``segment``, ``stage`` or ``stage*role``.
        segment: the segment; None for contacts in none, and where rows are no segments.
        stage: the stage; empty for all that the playbook does not name, None for contacts without one.
        role: the role in the decision unit, likewise.
        silence: why no live message speaks to such contacts, as the playbook alone says it: ``no_content`` fits,
            ``foreign_owner``: another department owns the stage, ``no_campaign`` is live, or ``not_in_audience``. None
            where one does.
        contacts: how many they are; None without contacts.
        addressed: how many of them a message can address.
        unheard: how many nobody can address, by why: the step at which the last message falls out.
        reach: by channel, how many can be reached: neither suppressed nor opted out, and the channel agreed to.
    """

    audience: str
    segment: str | None = None
    stage: str | None = None
    role: str | None = None
    silence: str | None = None
    contacts: int | None = None
    addressed: int | None = None
    unheard: Mapping[str, int] = field(factory=dict)
    reach: Mapping[str, int] = field(factory=dict)

    @property
    def names(self) -> Mapping[str, str | None]:
        """What tells the row apart: its segment, or stage, or stage and role."""
        return {name: getattr(self, name) for name in self.audience.split("*")}

    @property
    def label(self) -> str:
        """The row's name for people."""
        return ", ".join(self.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """The parts of that name."""
        return tuple(
            f"no {name}" if value is None else f"other {name}s" if value == OTHER else value
            for name, value in self.names.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        counts = {"contacts": self.contacts, "addressed": self.addressed}
        return {
            "label": self.label,
            **self.names,
            "silence": self.silence,
            **counts,
            "unheard": dict(self.unheard),
            "reach": dict(self.reach),
        }


@frozen(kw_only=True)
class MatrixMessage:
    """A content of a campaign that speaks in a cell.

    Attributes:
        campaign: the campaign.
        content: the content.
        team: its team.
        live: whether the campaign is open at the instant of the matrix, in the playbook's zone; without an instant,
            whether it is not paused.
        fit_low: stage fit x role fit, the lowest of those whom it fits: of the contacts whom it can address; without
            contacts, of the stages and roles that the row leaves open.
        fit_high: the highest.
        fit_mean: the mean over the contacts whom it can address; None where there are none.
        eligible: how many contacts of the row it can address; None without contacts.
        granted: how many times it was granted to contacts of the row; None without decisions.
        lost: how many of its claims there lost to a cap, a conflict, a quota or a better message; None likewise.
    """

    campaign: str
    content: str
    team: str | None
    live: bool
    fit_low: float
    fit_high: float
    fit_mean: float | None = None
    eligible: int | None = None
    granted: int | None = None
    lost: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: getattr(self, name) for name in _MESSAGE}


_MESSAGE = ("campaign", "content", "team", "live", "fit_low", "fit_high", "fit_mean", "eligible", "granted", "lost")


@frozen(kw_only=True)
class MatrixCell:
    """Where a row and a column meet.

    Attributes:
        group: the row.
        channel: the channel.
        value: the theme, topic, ... of the column; None for messages without one.
        messages: the contents that speak there, in the playbook's order.
        eligible: how many contacts of the row some message of the cell can address; None without contacts.
    """

    group: MatrixGroup
    channel: str
    value: str | None
    messages: tuple[MatrixMessage, ...] = ()
    eligible: int | None = None

    @property
    def is_hole(self) -> bool:
        """Whether nobody speaks there: no content of a live campaign; or it can address none of the contacts."""
        return not any(own.live for own in self.messages) or (bool(self.group.contacts) and not self.eligible)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            **self.group.names,
            "channel": self.channel,
            "value": self.value,
            "eligible": self.eligible,
            "hole": self.is_hole,
            "messages": [own.to_dict() for own in self.messages],
        }


@frozen(kw_only=True)
class CrowdedRow:
    """How many contents ask for the attention of the contacts of a row by one channel.

    Attributes:
        group: the row.
        channel: the channel.
        messages: how many messages of live campaigns speak there.
        contacts: how many contacts of the row one of them can address; None without contacts.
        wanted: how many messages can address one of these contacts, as a mean; None where there are none.
        granted: how many messages were granted to them; None without decisions.
        lost: how many of their claims lost to a cap, a conflict, a quota or a better message; None likewise.
        slots: how many slots of the channel are free from ``at`` to ``until``, over all contacts of the row and days;
            see `journeykit.free_slots`. None without an end.
    """

    group: MatrixGroup
    channel: str
    messages: int
    contacts: int | None = None
    wanted: float | None = None
    granted: int | None = None
    lost: int | None = None
    slots: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        counts = {name: getattr(self, name) for name in ("messages", "contacts", "wanted", "granted", "lost", "slots")}
        return {**self.group.names, "channel": self.channel, **counts}


@frozen(kw_only=True)
class ConflictPair:
    """Two campaigns that a conflict keeps apart.

    Attributes:
        conflict: the name of the conflict.
        first: the campaign after which the other may not follow.
        then: the other.
        met: how many contacts both can address; None without contacts.
        stopped: how many claims of one of them lost to the other while the conflict was binding; None without
            decisions, and where these do not say it.
        both: how many contacts were granted both, in an order or at a distance that the conflict allows; None without
            decisions.
    """

    conflict: str
    first: str
    then: str
    met: int | None = None
    stopped: int | None = None
    both: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: getattr(self, name) for name in ("conflict", "first", "then", "met", "stopped", "both")}


@frozen(kw_only=True)
class ThemeThread:
    """Where a theme speaks along the journey, and where it is broken off.

    Attributes:
        theme: which.
        stages: by stage of the journey, the channels in which some content of the theme fits it and its campaign is
            live.
        gaps: the stages without it between two that have it.
        ends_after: the last stage that has it, where the journey goes on; None where it does not.
        channel_gaps: by channel that has it somewhere, the stages that have it in another channel alone.
    """

    theme: str
    stages: Mapping[str, tuple[str, ...]]
    gaps: tuple[str, ...] = ()
    ends_after: str | None = None
    channel_gaps: Mapping[str, tuple[str, ...]] = field(factory=dict)

    @property
    def is_broken(self) -> bool:
        """Whether it has a gap, or ends before the journey does."""
        return bool(self.gaps) or self.ends_after is not None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "theme": self.theme,
            "stages": {stage: list(channels) for stage, channels in self.stages.items()},
            "gaps": list(self.gaps),
            "ends_after": self.ends_after,
            "channel_gaps": {channel: list(stages) for channel, stages in self.channel_gaps.items()},
        }


@frozen(kw_only=True, repr=False)
class MatrixFacts:
    """What a messaging matrix holds; `MessagingMatrix` says what each part is."""

    playbook: str
    fingerprint: str
    at: datetime | None
    audience: str
    by: str
    groups: tuple[MatrixGroup, ...]
    columns: tuple[tuple[str, str | None], ...]
    cells: tuple[MatrixCell, ...]
    everybody: MatrixGroup | None = None
    has_decisions: bool = False
    until: datetime | None = None
    crowded: tuple[CrowdedRow, ...] = ()
    pairs: tuple[ConflictPair, ...] = ()
    threads: tuple[ThemeThread, ...] = ()
    notes: tuple[str, ...] = ()
