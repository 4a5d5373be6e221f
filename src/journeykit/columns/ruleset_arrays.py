"""The layout: a compiled playbook as arrays, for one run."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import day_number
from journeykit.basics.validation import BILLIONTH, scaled
from journeykit.columns.expression_program import named_by, program_of
from journeykit.columns.name_numbers import Names
from journeykit.columns.quota_arrays import QuotaLayout
from journeykit.columns.touch_columns import touches_and_marks
from journeykit.columns.window_arrays import windows_of
from journeykit.engine.attention import MIN_UPLIFT, STAGE_VALUE
from journeykit.engine.eligibility import EXPIRES, NEEDS_SCORE, WAIT, audience_label
from journeykit.engine.message import ALWAYS, foreign_owner, owner_of, owner_rule
from journeykit.journey import Journey
from journeykit.kernels.interface.codes import (
    CLOSED,
    COUNTS,
    DATED,
    DEFERS,
    DENY_CONSENT,
    DENY_ROLE,
    DENY_STAGE,
    DENY_ZONE,
    LOCAL,
    NEEDS_CONSENT,
    NO_LIMIT,
    NONE,
    OBEYS_CAPS,
    OBEYS_HOURS,
    OPT_OUT_SCORED,
    OWN_LIMIT,
    PAUSED,
    QUIET,
    RECURS,
    ROLED,
    SCORED,
    SKIPS,
    STAGED,
    UPLIFT_SCORED,
)
from journeykit.kernels.interface.contact_arrays import Barred
from journeykit.kernels.interface.records import records
from journeykit.kernels.interface.rules import (
    CAPS,
    CELLS,
    CONFLICTS,
    LEVERS,
    OPENINGS,
    PARTS,
    PATIENCE,
    PROGRAM,
    SHAPES,
)
from journeykit.model.cap import Limit
from journeykit.model.quiet_hours import NO_HOURS
from journeykit.model.recurrence import Recurrence
from journeykit.rule.named_rules import NamedRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.engine.attention import ScoreNeeds
    from journeykit.engine.effects import Effects
    from journeykit.engine.message import Message
    from journeykit.engine.ruleset import Ruleset
    from journeykit.model.campaign import Campaign
    from journeykit.model.patience import Patience
    from journeykit.model.quota import Side
    from journeykit.model.touch import Touch
    from journeykit.model.window import Lag
    from journeykit.rule import Rule

RULES = (
    *("suppressed", "opted_out", "dates", "stage", "role", "timezone", "holdout", "reserve"),
    *(NEEDS_SCORE, EXPIRES, WAIT, STAGE_VALUE, MIN_UPLIFT),
)


class ShapeTables(NamedTuple):
    """What touches are, without their contacts and instants.

    Attributes:
        shapes: what each does (`SHAPES`).
        cells: the cells in which they count (`CELLS`).
        touches: each as a touch, at some instant.
        marks: which of them begin a rest, and are no touches.
    """

    shapes: np.ndarray
    cells: np.ndarray
    touches: list[Touch]
    marks: np.ndarray


class RulesetArrays:
    """A compiled playbook as arrays.

    Attributes:
        openings: what can be asked for.
        rules: the texts of all rules that can stop a claim.
        stages: the stages that something names; then all others, and none.
        roles: likewise, the roles.
        audiences: the rules that select contacts where they are true, of campaigns, levers and caps.
        careful: the rules of caps that protect contacts unless they are false; numbered after these.
        timely: those of campaigns that ask for time.
        timing: the hours and holidays that openings obey, for all audiences, each with a time of day or none.
        send_times: these times of day.
        hour_rules: the audiences of these.
        patience: by id of a campaign that has it, its patience.
        operands: the attributes that weight expressions read.
        own_limits: the attributes that hold limits of the contacts' own.
        splits: by campaign with a split, for each content its openings, and where its share of the contacts ends.
        own_days: by opening, the date that it is for, of a campaign with dates of its own; None for any.
        dates: these dates, each once, in order.
    """

    def __init__(
        self,
        compiled: Ruleset,
        openings: Sequence[Message],
        numbers: Sequence[str] = (),
        needs: ScoreNeeds | None = None,
        days: tuple[int, int] = (0, 0),
        own_days: Sequence[int | None] = (),
        sides: Sequence[Side] | None = None,
    ) -> None:
        self.compiled, playbook = compiled, compiled.playbook
        self.needs = compiled.attention.needs if needs is None else needs
        self.days = days
        self.own_days = tuple(own_days) or (None,) * len(openings)
        self.dates = sorted({day for day in self.own_days if day is not None})
        self.quotas = QuotaLayout(playbook, openings, numbers, sides)
        self.list = tuple(openings)
        stages = compiled.stages | {stage.name for stage in (playbook.journey or Journey()).stages}
        self.stages = Names(sorted(stages | {stage for o in openings for stage in o.campaign.stages}))
        self.roles = Names(sorted(compiled.roles))
        self.channels = Names(opening.channel for opening in openings if opening.channel is not None)
        self.campaigns = Names(opening.campaign.id for opening in openings)
        self.contents = Names(opening.content_id for opening in openings if opening.content_id is not None)
        self.topics = Names(topic for opening in openings for topic in opening.topics)
        self.timing = list(dict.fromkeys((own.schedule, own.send_at) for own in openings)) or [(NO_HOURS, None)]
        self.send_times = list(dict.fromkeys(own for _, own in self.timing if own is not None))
        self.hour_rules = playbook.schedule.audiences
        self.rules = Names(RULES)
        self.audiences: list[Rule] = []
        self.careful: list[Rule] = []
        self.timely: list[Rule] = []
        self.patience: dict[str, Patience] = {}
        self.operands: list[str] = []
        self.own_limits = [cap for cap in playbook.caps if isinstance(cap.max, Limit)]
        self.holdouts = [playbook.holdout, *dict.fromkeys(o.campaign.holdout for o in openings if o.campaign.holdout)]
        self.splits = _splits(openings)
        for lever in playbook.levers:
            # Of whom it is unknown is counted, whatever it is about.
            self.audience(lever.when)
        self._cells: dict[tuple[int, tuple[str, ...]], int] = {}
        self.windows_list = [cap.window for cap in playbook.caps]
        self.windows_list += [need.within for need in playbook.requirements if need.within is not None]
        self.parts = self._openings() | self._limits()
        self.quota_rules = [self.rules.add(side.quota.name) for side in self.quotas.sides]
        # Of rules that share a name the first counts for all, so that a name is shown, and counted, once.
        first: dict[str, int] = {}
        self.parts["same"] = np.array([first.setdefault(name, n) for n, name in enumerate(self.rules.list)], np.int64)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return max(1, len(self._cells))

    @property
    def zones(self) -> list[str]:
        """The zones that the playbook itself uses, its own first."""
        own = [window.zone for window in self.windows_list if window.zone not in ("contact", "playbook")]
        return list(dict.fromkeys([self.compiled.playbook.timezone, *own]))

    def windows(self, zones: Mapping[str, int]) -> np.ndarray:
        """The windows of the caps, then those of the requirements."""
        return windows_of(self.windows_list, zones, self.compiled.playbook.timezone)

    def audience(self, rule: Rule | None) -> int:
        """The number of a rule that selects contacts."""
        if rule is None:
            return -1
        if rule not in self.audiences:
            self.audiences.append(rule)
        return self.audiences.index(rule)

    def protected(self, rule: Rule | None) -> int:
        """The number of a rule that says whom a cap protects: where it is unknown too, unless the playbook waives."""
        if rule is None or self.compiled.playbook.on_missing.cap == "waive":
            return self.audience(rule)
        if rule not in self.careful:
            self.careful.append(rule)
        # They come after the rules that select: all openings are laid out by now.
        return len(self.audiences) + self.careful.index(rule)

    def _patient(self, campaign: Campaign) -> int:
        """The place of a campaign among those that have patience, or -1."""
        if campaign.patience is None:
            return -1
        self.patience.setdefault(campaign.id, campaign.patience)
        return list(self.patience).index(campaign.id)

    def _timely(self, opening: Message) -> int:
        """The number of an audience that asks for time, or -1."""
        rule = opening.campaign.audience
        return -1 if rule is None or not opening.timely else self._timed(rule)

    def timely_of(self, chosen: np.ndarray) -> list[int]:
        """The rules that are asked at each slot of some openings, the named rules of audiences among them."""
        openings, parts = self.parts["openings"][chosen], self.parts["parts"]["timely"]
        own = [parts[start:end] for start, end in zip(openings["part_from"], openings["part_to"], strict=True)]
        found = np.unique(np.concatenate([openings["timely"], *own]))
        return [int(number) for number in found if number >= 0]

    def _timed(self, rule: Rule) -> int:
        """The number of a rule that is asked at each slot."""
        if rule not in self.timely:
            self.timely.append(rule)
        return self.timely.index(rule)

    def _parts(self, opening: Message) -> list[tuple[int, int, int]]:
        """The named rules of an audience: the number of each, that among those that ask for time, and what it is."""
        audience = opening.campaign.audience
        if not isinstance(audience, NamedRules):
            return []
        return [
            (self.audience(rule), self._timed(rule) if opening.timely else -1, self.rules.add(audience_label(name)))
            for name, rule in audience.parts
        ]

    def _openings(self) -> dict[str, np.ndarray]:
        table = self.list
        journey = self.compiled.playbook.journey
        stages: list[str | None] = [*self.stages.list, "", None]
        roles: list[str | None] = [*self.roles.list, "", None]
        ties = {tie: place for place, tie in enumerate(sorted({o.tie for o in table}))}
        rule = self.rules.add
        owners = {stage: owner_of(journey, stage) for stage in stages}

        def owner(opening: Message, stage: str | None) -> int:
            found = foreign_owner(owners[stage], opening, stage)
            return -1 if found is None else rule(owner_rule(found))

        cells = [[(self._cell(cap, key), points) for cap, key, points in o.cells] for o in table]
        places = {timing: place for place, timing in enumerate(self.timing)}
        topics = [[self.topics.number[topic] for topic in o.topics] for o in table]
        steps = self._steps()
        own_dates = {day: place for place, day in enumerate(self.dates)}
        dates = [[] if o.dates is None else list(o.dates.between(*self._days_of(o))) for o in table]
        levers = [[(self.audience(lever.when), lever.factor) for lever in o.levers] for o in table]
        expressions = [o.expression for o in table]
        self.operands = list(dict.fromkeys(name for own in expressions if own is not None for name in own.attributes))
        programs = [[] if own is None else program_of(own, self.operands) for own in expressions]
        openings = records(
            OPENINGS,
            campaign=[self.campaigns.number[o.campaign.id] for o in table],
            content=[self.contents.find(o.content_id) for o in table],
            channel=[self.channels.find(o.channel) for o in table],
            traits=[_flags(o) | self._scored(o.campaign.id) for o in table],
            starts=[o.starts for o in table],
            ends=[o.ends for o in table],
            scale=[o.scale for o in table],
            content_weight=[1.0 if o.content is None else o.content.weight for o in table],
            lever=[o.team.lever if o.team else 1.0 for o in table],
            cost=[math.nan if o.campaign.cost is None else o.campaign.cost for o in table],
            min_uplift=[math.nan if o.campaign.min_uplift is None else o.campaign.min_uplift for o in table],
            named=[named_by(o.expression) for o in table],
            rule_weight=[-1 if o.expression is None else rule(f"weight of {o.campaign.id}") for o in table],
            patient=[self._patient(o.campaign) for o in table],
            audience=[self.audience(o.campaign.audience) for o in table],
            timely=[self._timely(o) for o in table],
            holdout=[-1 if h is None else self.holdouts.index(h, 1) for h in (o.campaign.holdout for o in table)],
            tier=[o.campaign.tier for o in table],
            repeats=[-1 if o.campaign.repeat is None else o.campaign.repeat for o in table],
            tie=[ties[o.tie] for o in table],
            wait_days=[_wait(o)[0] for o in table],
            wait_length=[_wait(o)[1] for o in table],
            first=[o.first for o in table],
            then=[o.then for o in table],
            needy=[o.needy for o in table],
            partner=[o.partner for o in table],
            hours=[places[o.schedule, o.send_at] for o in table],
            rule_audience=[rule(str(o.campaign.audience)) for o in table],
            rule_stage=[rule(f"stages of {o.content_id}") for o in table],
            rule_role=[rule(f"roles of {o.content_id}") for o in table],
            rule_paused=[rule(o.campaign.paused_by) for o in table],
            rule_starts=[rule(f"starts {o.campaign.starts}") for o in table],
            rule_ends=[rule(f"ends {o.campaign.ends}") for o in table],
            rule_holdout=[rule(f"holdout of {o.campaign.id}") for o in table],
            group=self._groups(),
            series=[steps.get(o.campaign.id, -1) for o in table],
            step=[o.step for o in table],
            steps=[len(o.campaign.content) for o in table],
            gap_days=[-1 if o.campaign.series is None else _days(o.campaign.series.gap) for o in table],
            gap_length=[0 if o.campaign.series is None else _micros(o.campaign.series.gap.length) for o in table],
            own_date=[-1 if day is None else own_dates[day] for day in self.own_days],
            own_rank=[0 if day is None else own_dates[day] + 1 for day in self.own_days],
            rule_step=[-1 if o.step < 0 else rule(f"step {o.content_id} of {o.campaign.id}") for o in table],
        )
        parts = [self._parts(o) for o in table]
        of_openings: list[tuple[str, list[Any]]] = [("cell", cells), ("topic", topics), ("date", dates)]
        for name, lists in (*of_openings, ("lever", levers), ("part", parts), ("program", programs)):
            openings[f"{name}_from"], openings[f"{name}_to"] = _places(lists)
        return {
            "openings": openings,
            "stage_fit": _table([[o.stage_fit(s) for s in stages] for o in table], len(stages), np.float64),
            "role_fit": _table([[o.role_fit(r) for r in roles] for o in table], len(roles), np.float64),
            "stage_gain": self._gains(stages),
            "loss": self._losses(stages),
            "owner": _table([[owner(o, s) for s in stages] for o in table], len(stages), np.int64),
            "cells": np.array([cell for own in cells for cell in own], CELLS),
            "topics": np.array([topic for own in topics for topic in own], np.int64),
            "dates": np.array([day for own in dates for day in own], np.int64),
            "levers": np.array([lever for own in levers for lever in own], LEVERS),
            "parts": np.array([part for own in parts for part in own], PARTS),
            "program": np.array([step for own in programs for step in own], PROGRAM),
            "patience": np.array([(own.length, own.factor) for own in self.patience.values()], PATIENCE),
            "consent_rule": np.array(
                [rule(f"consent {channel}") for channel in (*self.channels.list, "(no channel)")], np.int64
            ),
            "topic_rule": np.array([rule(f"topic consent {topic}") for topic in self.topics.list], np.int64),
        }

    def _losses(self, stages: list[str | None]) -> np.ndarray:
        """By stage, what an opt-out costs; none where it costs nothing."""
        attention = self.compiled.attention
        return np.array([attention.loss(stage) for stage in stages] if attention.is_priced else [], np.float64)

    def _scored(self, campaign: str) -> int:
        """Which scores the claims of a campaign need, as bits."""
        needs = self.needs
        found = {SCORED: needs.propensity, OPT_OUT_SCORED: needs.opt_out, UPLIFT_SCORED: needs.uplift}
        return sum(bit for bit, campaigns in found.items() if campaign in campaigns)

    def _days_of(self, opening: Message) -> tuple[int, int]:
        """The days for which the dates of an opening are listed: of a recurrence as far as it is looked at."""
        return self.days if isinstance(opening.campaign.dates, Recurrence) else (-ALWAYS, ALWAYS)

    def _steps(self) -> dict[str, int]:
        """By campaign that is a series, the opening of its first step; the others follow it."""
        found: dict[str, int] = {}
        for place, own in enumerate(self.list):
            if own.step == 0:
                found.setdefault(own.campaign.id, place)
        return found

    def _groups(self) -> list[int]:
        """By opening, a number that those share whose derived claims exclude each other: contents of one date."""
        numbers: dict[tuple[object, ...], int] = {}
        keys = ((own.campaign.id, day, own.step) for own, day in zip(self.list, self.own_days, strict=True))
        return [numbers.setdefault(key, len(numbers)) for key in keys]

    def _gains(self, stages: list[str | None]) -> np.ndarray:
        """What contents are expected to bring, by opening and stage."""
        if not any(opening.content is not None and opening.content.advances for opening in self.list):
            return np.empty((len(self.list), 0))
        values = self.compiled.values
        rows = [[opening.stage_gain(stage, values) for stage in stages] for opening in self.list]
        return np.array([[np.nan if gain is None else gain for gain in row] for row in rows], np.float64)

    def _cell(self, cap: int, key: tuple[str, ...]) -> int:
        return self._cells.setdefault((cap, key), len(self._cells))

    def _limits(self) -> dict[str, np.ndarray]:
        playbook = self.compiled.playbook
        own = iter(range(len(self.own_limits)))
        named = [
            [cap.name for cap in playbook.caps],
            [f"repeat of {campaign}" for campaign in self.campaigns.list],
            [f"one content of {campaign}" for campaign in self.campaigns.list],
            [conflict.name for conflict in playbook.conflicts],
            [need.name for need in playbook.requirements],
        ]
        # One place for each, though two may share a name: a rule's place is its number plus where its kind starts.
        firsts = []
        for names in named:
            firsts.append(len(self.rules.list))
            self.rules.list.extend(names)
        within = iter(range(len(playbook.caps), len(self.windows_list)))
        return {
            "caps": records(
                CAPS,
                limit=[_limit(cap.max) for cap in playbook.caps],
                own=[next(own) if isinstance(cap.max, Limit) else -1 for cap in playbook.caps],
                audience=[self.protected(cap.audience) for cap in playbook.caps],
            ),
            "cell_cap": np.array([cap for cap, _ in self._cells] or [0], np.int64),
            "conflicts": records(
                CONFLICTS,
                lag_days=[-1 if conflict.lag.days is None else conflict.lag.days for conflict in playbook.conflicts],
                lag_length=[_micros(conflict.lag.length) for conflict in playbook.conflicts],
                both_ways=[conflict.both_ways for conflict in playbook.conflicts],
            ),
            "within": np.array(
                [-1 if need.within is None else next(within) for need in playbook.requirements], np.int64
            ),
            "rule": np.array(firsts, np.int64),
        }

    def bars(self, now: np.ndarray, denies: int) -> Barred:
        """Who cannot get what at one instant, given by zone and opening what the instant forbids."""
        openings = self.parts["openings"]
        traits = openings["traits"]
        needs = traits & NEEDS_CONSENT != 0
        every = np.ones(len(openings), np.bool_)
        topic = np.zeros((len(self.topics.list), len(openings)), np.bool_)
        for opening, own in enumerate(self.list):
            for name in own.topics:
                topic[self.topics.number[name], opening] = needs[opening]
        holdout = [needs] + [needs & (openings["holdout"] == number) for number in range(1, len(self.holdouts))]
        return Barred(
            every=packed(every),
            needs=packed(needs),
            channel=packed([needs & (openings["channel"] == c) for c in range(len(self.channels.list))], len(openings)),
            topic=packed(topic, len(openings)),
            stage=packed(self.parts["stage_fit"].T <= 0, len(openings)),
            role=packed(self.parts["role_fit"].T <= 0, len(openings)),
            owner=packed(self.parts["owner"].T >= 0, len(openings)),
            holdout=packed(holdout, len(openings)),
            parted=packed(openings["part_from"] < openings["part_to"]),
            no_zone=packed(every & (denies & DENY_ZONE != 0) & (traits & LOCAL != 0)),
            no_stage=packed(every & (denies & DENY_STAGE != 0) & (traits & STAGED != 0)),
            no_role=packed(every & (denies & DENY_ROLE != 0) & (traits & ROLED != 0)),
            no_channel=packed(needs & (openings["channel"] < 0)),
            expressed=packed(openings["program_from"] < openings["program_to"]),
            scored=packed((traits & (SCORED | OPT_OUT_SCORED | UPLIFT_SCORED) != 0) | (needs & self._may_lack_value)),
            deny_unknown=packed(every & (denies & DENY_CONSENT != 0)),
            closed=packed(now >> CLOSED & 1 != 0, len(openings)),
            quiet=packed(now >> QUIET & 1 != 0, len(openings)),
        )

    @property
    def _may_lack_value(self) -> bool:
        """Whether the value of a stage may be unknown that an opt-out costs."""
        return bool(np.isnan(self.parts["loss"]).any())

    def shapes(self, parts: Sequence[Mapping[str, Any]], ids: Mapping[str, int]) -> ShapeTables:
        """What touches do, and where they count, given what they are, and the ids of claims."""
        touches, effects, marks = touches_and_marks(self.compiled, parts)
        cells = [self._cells_of(effect) for effect in effects]
        status = {"sent": 1, "reserved": 1, "planned": 2}
        shapes = records(
            SHAPES,
            status=[status.get(touch.status, 0) for touch in touches],
            campaign=[_own(self.campaigns, touch.campaign) for touch in touches],
            content=[_own(self.contents, touch.content) for touch in touches],
            channel=[_own(self.channels, touch.channel) for touch in touches],
            id=[0 if touch.claim is None else ids.get(touch.claim, -1) for touch in touches],
            ends=[NONE if effect.ends is None else day_number(effect.ends) for effect in effects],
            first=[effect.first for effect in effects],
            then=[effect.then for effect in effects],
            partner=[effect.partner for effect in effects],
            replaced=[self._is_replaced(touch) for touch in touches],
            step=[self._step_of(touch, effect) for touch, effect in zip(touches, effects, strict=True)],
            dated=[self._dated(touch) for touch in touches],
        )
        shapes["cell_from"], shapes["cell_to"] = _places(cells)
        return ShapeTables(shapes, np.array([cell for own in cells for cell in own], CELLS), touches, marks)

    def _cells_of(self, effects: Effects) -> list[tuple[int, int]]:
        """The cells in which a touch counts, as far as some opening counts there too."""
        found = ((self._cells.get((cap, key)), points) for cap, key, points in effects.cells)
        return [(cell, points) for cell, points in found if cell is not None]

    def _step_of(self, touch: Touch, effects: Effects) -> int:
        """The step of a series that a touch is, or -1."""
        campaign = self.compiled.campaigns.get(touch.campaign or "")
        if campaign is None or campaign.series is None or effects.content not in campaign.content:
            return -1
        return campaign.content.index(effects.content)

    def _dated(self, touch: Touch) -> int:
        """An opening that has the dates of a touch's campaign, or -1."""
        if touch.campaign not in self.compiled.dated:
            return -1
        return next((place for place, own in enumerate(self.list) if own.campaign.id == touch.campaign), -1)

    def _is_replaced(self, touch: Any) -> bool:
        return touch.claim is None and any(
            touch.content in (None, o.content_id) and touch.channel in (None, o.channel)
            for o in self.compiled.messages_of.get(touch.campaign or "", ())
        )


def packed(flags: Any, width: int | None = None) -> np.ndarray:
    """Flags as bits of whole numbers, 64 to a number, along the last axis."""
    found = np.asarray(flags, np.bool_)
    if width is not None:
        found = found.reshape(len(found), width)
    words = -(-found.shape[-1] // 64)
    padded = np.zeros((*found.shape[:-1], words * 64), np.bool_)
    padded[..., : found.shape[-1]] = found
    bits = np.packbits(padded, axis=-1, bitorder="little")
    return np.ascontiguousarray(bits).view(np.int64).reshape(*found.shape[:-1], words)


def _splits(openings: Sequence[Message]) -> dict[str, list[tuple[list[int], float]]]:
    """By campaign with a split, for each content its openings, and where its share of the contacts ends."""
    places: dict[tuple[str, str | None], list[int]] = {}
    for number, own in enumerate(openings):
        places.setdefault((own.campaign.id, own.content_id), []).append(number)
    campaigns = {own.campaign.id: own.campaign for own in openings if own.campaign.split}
    return {
        name: [(places[name, content], end) for content, end in campaign.variants]
        for name, campaign in campaigns.items()
    }


def _own(names: Names, name: str | None) -> int:
    """The number of a name, -1 for none, -2 for one that nothing else has."""
    return -1 if name is None else names.number.get(name, -2)


def _micros(length: Any) -> int:
    return 0 if length is None else int(length // timedelta(microseconds=1))


def _days(gap: Lag) -> int:
    return -1 if gap.days is None else gap.days


def _limit(limit: Any) -> int:
    if isinstance(limit, Limit):
        return OWN_LIMIT
    return NO_LIMIT if limit is None else scaled(limit, BILLIONTH)


def _wait(opening: Message) -> tuple[int, int]:
    """For how many local days, or microseconds, a claim may wait; `NONE` for no limit."""
    wait = opening.campaign.wait
    if wait is None:
        return NONE, NONE
    return (wait.days, NONE) if wait.days is not None else (NONE, _micros(wait.length))


def _flags(opening: Message) -> int:
    campaign, content = opening.campaign, opening.content
    found = {
        NEEDS_CONSENT: campaign.needs_consent,
        OBEYS_CAPS: campaign.obeys_caps,
        COUNTS: campaign.counts_toward_caps,
        OBEYS_HOURS: campaign.obeys_quiet_hours,
        PAUSED: campaign.paused,
        RECURS: isinstance(campaign.dates, Recurrence),
        DEFERS: campaign.if_lost != "drop",
        SKIPS: campaign.if_lost == "skip",
        LOCAL: opening.local,
        STAGED: content is not None and content.stages is not None,
        ROLED: content is not None and content.roles is not None,
        DATED: opening.dates is not None,
    }
    return sum(bit for bit, holds in found.items() if holds)


def _places(lists: Sequence[Sequence[Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Where each list starts and ends once they are joined."""
    found = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    return found[:-1], found[1:]


def _table(rows: list[list[Any]], width: int, kind: Any) -> np.ndarray:
    return np.array(rows, kind).reshape(len(rows), width)
