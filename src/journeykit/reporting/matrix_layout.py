"""The layout of a messaging matrix: the messages of a playbook, its audiences, and the columns of channel and theme."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from attrs import field, frozen

from journeykit.engine.message import Message, foreign_owner, owner_of
from journeykit.engine.ruleset import Ruleset
from journeykit.errors import ModelError, RuleError, closest
from journeykit.playbook.playbook import Playbook
from journeykit.rule import Rule
from journeykit.rule.reasoning import can_be_true

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


AUDIENCES = ("stage", "stage*role", "segment")
"""What the rows of a matrix can be."""
FACETS_SHOWN = ("theme", "topic", "solution", "content", "campaign", "team", "goal", "tag")
"""What the columns of a matrix can be told apart by, below the channel."""
OTHER = ""
"""The stages, or roles, that nothing in the playbook names, together."""
_LONGEST_NAME = 1_000

Profile = tuple[str | None, str | None, str | None]
"""What tells contacts apart: segment, stage and role; None for none."""
Column = tuple[str, str | None]
"""A column: a channel, and a theme (or whatever `by` says); None for messages without one."""
Side = dict[str, tuple[int, ...]]
"""One side of a conflict: by campaign, the places of its messages."""


@frozen(eq=False)
class MatrixLayout:
    """The messages of a playbook as a matrix shows them.

    Attributes:
        playbook: whose.
        audience: what the rows are, one of `AUDIENCES`.
        by: what the columns are told apart by, one of `FACETS_SHOWN`.
        ruleset: the playbook, compiled.
        messages: the contents of campaigns, in the playbook's order.
        channels: their channels, in the order of their first content.
        columns: the columns, by channel.
        members: by column, the places of its messages.
        carried: by channel, the places of its messages.
        stages: the stages that the playbook names: the journey's in its order, then those of contents and campaigns.
        roles: the roles that contents name.
        sides: by conflict, its two sides: by campaign, the places of the messages that are `first`, or `then`.

    Raises:
        ModelError: for an audience or a facet that there is not.
    """

    playbook: Playbook
    audience: str = field(default="stage")
    by: str = field(default="theme")
    ruleset: Ruleset = field(init=False)
    messages: tuple[Message, ...] = field(init=False)
    channels: tuple[str, ...] = field(init=False)
    columns: tuple[Column, ...] = field(init=False)
    members: tuple[tuple[int, ...], ...] = field(init=False)
    carried: tuple[tuple[int, ...], ...] = field(init=False)
    stages: tuple[str, ...] = field(init=False)
    roles: tuple[str, ...] = field(init=False)
    sides: tuple[tuple[Side, Side], ...] = field(init=False)
    _owners: dict[str | None, str | None] = field(init=False, repr=False, factory=dict)

    @audience.validator
    def _check_audience(self, _: object, value: str) -> None:
        _known(value, AUDIENCES, "audience")

    @by.validator
    def _check_by(self, _: object, value: str) -> None:
        _known(value, FACETS_SHOWN, "by")

    @ruleset.default
    def _compile(self) -> Ruleset:
        return Ruleset(self.playbook)

    @messages.default
    def _find_messages(self) -> tuple[Message, ...]:
        return self.ruleset.messages

    @channels.default
    def _find_channels(self) -> tuple[str, ...]:
        sent = {own.channel for own in self.messages}
        return tuple(dict.fromkeys(own.channel for own in self.playbook.content or () if own.channel in sent))

    @columns.default
    def _find_columns(self) -> tuple[Column, ...]:
        values: dict[str | None, None] = {}
        places = {content.id: place for place, content in enumerate(self.playbook.content or ())}
        for message in sorted(self.messages, key=lambda own: places[own.content_id or ""]):
            values |= dict.fromkeys(self.values_of(message))
        if None in values:
            values[None] = values.pop(None)
        found = {(own.channel, value) for own in self.messages for value in self.values_of(own)}
        return tuple(column for column in product(self.channels, values) if column in found)

    @members.default
    def _find_members(self) -> tuple[tuple[int, ...], ...]:
        found: dict[Column, list[int]] = {column: [] for column in self.columns}
        for place, message in enumerate(self.messages):
            for value in self.values_of(message):
                found[str(message.channel), value].append(place)
        return tuple(map(tuple, found.values()))

    @carried.default
    def _find_carried(self) -> tuple[tuple[int, ...], ...]:
        found: dict[str | None, list[int]] = {channel: [] for channel in self.channels}
        for place, message in enumerate(self.messages):
            found[message.channel].append(place)
        return tuple(map(tuple, found.values()))

    @stages.default
    def _find_stages(self) -> tuple[str, ...]:
        journey = self.playbook.journey
        first = [stage.name for stage in journey.stages] if journey else []
        named = {stage for own in self.playbook.campaigns or () for stage in own.stages} | self.ruleset.stages
        return tuple(dict.fromkeys([*first, *sorted(named)]))

    @roles.default
    def _find_roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(role for own in self.playbook.content or () for role in own.roles or ()))

    @sides.default
    def _find_sides(self) -> tuple[tuple[Side, Side], ...]:
        numbers = range(len(self.playbook.conflicts))
        return tuple((self._side(number, "first"), self._side(number, "then")) for number in numbers)

    def _side(self, conflict: int, name: str) -> Side:
        found: dict[str, list[int]] = {}
        for place, message in enumerate(self.messages):
            if getattr(message, name) >> conflict & 1:
                found.setdefault(message.campaign.id, []).append(place)
        return {campaign: tuple(places) for campaign, places in found.items()}

    def values_of(self, message: Message) -> tuple[str | None, ...]:
        """The values by which the columns tell a message apart: several where it has several."""
        return tuple(dict.fromkeys(message.facets.get(self.by, ()))) or (None,)

    def stage_of(self, stage: str | None) -> str | None:
        """A contact's stage as rows have it: those that nothing names are one."""
        return stage if stage is None or stage in self.stages else OTHER

    def role_of(self, role: str | None) -> str | None:
        """A contact's role, likewise."""
        return role if role is None or role in self.roles else OTHER

    def fits(self, message: Message, row: Profile) -> tuple[float, ...]:
        """Stage fit x role fit of a message, for each way in which contacts of a row may differ; those above 0.

        A segment says neither stage nor role, and a stage says no role: then each of those that the content names.
        """
        content = message.content
        if content is None:
            return ()
        stages, roles = [row[1]], [row[2]]
        if self.audience == "segment":
            stages = [None] if content.stages is None else [*content.stages]
        if self.audience != "stage*role":
            roles = [None] if content.roles is None else [*content.roles]
        degrees = (content.stage_fit(stage) * content.role_fit(role) for stage in stages for role in roles)
        return tuple(degree for degree in degrees if degree > 0)

    def speaks(self, message: Message, row: Profile) -> tuple[float, ...]:
        """The degrees of fit of a message that may speak to contacts of a row; none where it surely does not."""
        fits = self.fits(message, row)
        return () if not fits or self.is_foreign(message, row) or not self.may_be_in(message, row) else fits

    def silence(self, row: Profile, live: Sequence[bool]) -> str | None:
        """Why no live message speaks to contacts of a row: the step at which the last one falls out; None if one does.

        Args:
            row: which.
            live: by message, whether its campaign is live.
        """
        left = [*zip(self.messages, live, strict=True)]
        steps: tuple[tuple[str, Callable[[Message, bool], bool]], ...] = (
            ("no_content", lambda own, _: bool(self.fits(own, row))),
            ("foreign_owner", lambda own, _: not self.is_foreign(own, row)),
            ("no_campaign", lambda _, is_live: is_live),
            ("not_in_audience", lambda own, _: self.may_be_in(own, row)),
        )
        for name, passes in steps:
            left = [own for own in left if passes(*own)]
            if not left:
                return name
        return None

    def is_foreign(self, message: Message, row: Profile) -> bool:
        """Whether the stage of a row is owned by a department for which the team does not speak."""
        if self.audience == "segment":
            return False
        if row[1] not in self._owners:
            self._owners[row[1]] = owner_of(self.playbook.journey, row[1])
        return foreign_owner(self._owners[row[1]], message, row[1]) is not None

    def may_be_in(self, message: Message, row: Profile) -> bool:
        """Whether somebody of a row can be in the campaign's audience; False only where that is sure."""
        audience = message.campaign.audience
        if audience is None:
            return True
        return can_be_true(audience, *self._said_of(row))

    def _said_of(self, row: Profile) -> Iterator[Rule]:
        """What the name of a row says of its contacts, as rules."""
        segment, stage, role = row
        if self.audience == "segment":
            if segment is not None:
                yield from self._rules(f"{segment!r} in segments", segment)
                yield from (own.rule for own in self.playbook.segments if own.name == segment)
            return
        known = {"stage": stage, "role": role if self.audience == "stage*role" else None}
        for name, value in known.items():
            if value:
                yield from self._rules(f"{name} == {value!r}", value)

    @staticmethod
    def _rules(text: str, name: str) -> Iterator[Rule]:
        """A rule, if its text is no longer than rules are."""
        if len(name) <= _LONGEST_NAME:
            try:
                yield Rule(text)
            except RuleError:
                return

    def rows(self) -> Iterator[Profile]:
        """The rows that the playbook itself knows, in order."""
        if self.audience == "segment":
            yield from ((own.name, None, None) for own in self.playbook.segments)
            return
        roles: Iterable[str | None] = self.roles if self.audience == "stage*role" else [None]
        yield from ((None, *pair) for pair in product(self.stages, roles or [None]))


def _known(value: str, allowed: tuple[str, ...], name: str) -> None:
    if value not in allowed:
        hint = closest(value, allowed)
        meant = f"; did you mean {hint!r}?" if hint else ""
        raise ModelError(f"{name} is one of {', '.join(allowed)}, found {value!r}{meant}", field=name)


def row_of(layout: MatrixLayout, names: Mapping[str, str | None]) -> Profile:
    """The row of contacts of a segment, a stage or a role, as they are given; what the rows are not is left out.

    Args:
        layout: the rows.
        names: what contacts have, by ``segment``, ``stage`` and ``role``.
    """
    stage, role = layout.stage_of(names.get("stage")), layout.role_of(names.get("role"))
    if layout.audience == "segment":
        return names.get("segment"), None, None
    return None, stage, role if layout.audience == "stage*role" else None
