"""The rules of a run, as kernels read them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table
from journeykit.kernels.interface.records import record

WEIGHT, PROPENSITY, NUMBER = range(3)
"""Where what a quota adds up comes from: the weight, the propensity, or (from here on) a number of the claims table."""


class Quotas(ArrayBundle):
    """The sides of quotas, for the kernels.

    Attributes:
        edge: the local dates, ascending, at which what counts can change: they tell kinds of one opening apart.
        change: the instants, ascending, at which it can change too, where quotas have periods.
        fixed: by kind and side, what any claim of the kind uses, in smallest units.
        factor: by kind and side, what the side's column is multiplied with.
        column: by side, its column, or -1.
        source: by column, where it comes from.
        number: by claim of the claims table, the further numbers, in smallest units.
        slot: by opening, the slot of its campaign: claims of one slot are decided at the same prices.
        price: by slot and side, the price in weight; all 0 where there are none.
        unit: by side, how many smallest units make one.
        rule: by side, the rule that it is in a decision.
        touched: by kind, where the sides that claims of it use lie in `sides`, and one more.
        sides: these sides.
        hard: by side, whether it must hold.
        charged: whether there are prices.
        run: whether they are those of this run.
    """

    fields: ClassVar = {
        "edge": table(np.int64),
        "change": table(np.int64),
        "fixed": table(np.int64, 2),
        "factor": table(np.int64, 2),
        "column": table(np.int64),
        "source": table(np.int64),
        "number": table(np.int64, 2),
        "slot": table(np.int64),
        "price": table(np.float64, 2),
        "unit": table(np.float64),
        "rule": table(np.int64),
        "touched": table(np.int64),
        "sides": table(np.int64),
        "hard": table(np.bool_),
        "charged": int,
        "run": int,
    }


OFTEN = 2**62


class Zones(ArrayBundle):
    """The offsets of zones over a span of instants.

    Attributes:
        first: where the offsets of each zone start, and one more.
        since: the instant from which each offset holds; the first of a zone holds from ever.
        offset: microseconds by which local time is ahead of UTC.
        low: the first instant for which they are good.
        high: the last one.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "since": table(np.int64),
        "offset": table(np.int64),
        "low": int,
        "high": int,
    }


FOREVER = 2**63 - 1
"""An instant that never comes."""
ROLLING, DAYS, CALENDAR, STRETCH, BETWEEN, EVER, RUNNING, DECISION = range(8)
WINDOWS = record("kind span unit every shift zone first last")
"""Windows as numbers: which kind; how long, in microseconds or local days; the period, see `period_edge`, how many of
them, and where weeks start; the number of the zone, or -1 for the contact's own; first and last day of `between`."""

OPENINGS = record(
    "campaign content channel traits starts ends audience timely holdout tier repeats tie first then needy partner "
    "wait_days wait_length "
    "hours cell_from cell_to topic_from topic_to date_from date_to lever_from lever_to patient program_from program_to "
    "named part_from part_to rule_audience rule_stage rule_role rule_paused rule_starts rule_ends rule_holdout "
    "group series step steps gap_days gap_length own_date own_rank rule_step rule_weight",
    "scale content_weight lever cost min_uplift",
)
"""What can be asked for, one record for each opening; names are numbers of the layout's lists, and what belongs to an
opening in a list of its own lies there from one place to another. A claim may wait for so many local days, or
microseconds; `NONE` for no limit. The least uplift is NaN where there is none."""
CELLS = record("cell points")
"""The cells in which something counts, and how much it weighs there."""
PROGRAM = record("op place", "number")
"""The steps of weight expressions, operands before operations: what to do, the place of an attribute, and a number."""
PATIENCE = record("length", "factor")
"""By campaign that has patience: how long ago its last touch must be at least, and the factor."""
LEVERS = record("rule", "factor")
"""The levers in whose scope openings are: the mask of whom each is for, or -1; and what it multiplies weights with."""
PARTS = record("audience timely rule")
"""The named rules of which the audiences of openings are made: the mask of whom each selects, its number among those
that ask for time, or -1, and the rule."""
CAPS = record("limit own audience")
"""By cap: its limit in billionths, `NO_LIMIT`, or `OWN_LIMIT`; the column of the contacts' own limits, or -1; and the
mask of whom it protects, or -1."""
CONFLICTS = record("lag_days lag_length both_ways")
"""By conflict: its local days, or -1; its microseconds; and whether it holds both ways."""
PERIODS = record("start end days is_send rule")
"""Quiet hours and send hours: local times, bits of the weekdays on which they begin, which of the two, and the rule."""
HOLIDAYS = record("day rule number")
"""Days on which nothing goes out, ascending, the rule of each, and which holiday it is; a day of several is there for
each."""
SHAPES = record("status campaign content channel id ends first then partner replaced step dated cell_from cell_to")
"""What touches do, one record for each kind of touch. Status is 0 where it never counts, 1 where it does, and 2 where
it does unless it was planned for the past; content and channel are its own, -1 for none; the id is that of its claim,
0 for none and -1 for one that no claim has; it is replaced where claims
are derived and decided again, of a campaign with dates only on these, which are those of the opening `dated`, or -1.
The step is that of its series, or -1."""


class HourTables(ArrayBundle):
    """Quiet hours, send hours and holidays.

    Attributes:
        periods: the hours (`PERIODS`), quiet ones first.
        first: by zone, where the rows of `applies` start that are for its contacts.
        applies: by period, then holiday, and by what an opening obeys: 1 where it holds, 0 where it does not; send
            hours of which that is unknown have the number of their audience, from 2.
        times: by zone and by what an opening obeys, the local time of day at which it goes, or `NONE`.
        edges: the local times at which anything can end.
        holidays: the holidays (`HOLIDAYS`).
    """

    fields: ClassVar = {
        "periods": table(PERIODS),
        "first": table(np.int64),
        "applies": table(np.int8, 2),
        "times": table(np.int64, 2),
        "edges": table(np.int64),
        "holidays": table(HOLIDAYS),
    }


class ExploreArrays(ArrayBundle):
    """What a run draws, and for whom.

    Attributes:
        contact: by contact, the first half of the key of its id.
        claim: by label, the key of the claim.
        normal: by one of equal parts of all chances, the normal quantile in its middle; empty where weights are dealt
            anew.
        weight: by vector and candidate of a block, the weight with the drawn propensity, where a policy of one's own
            was asked for it; else empty.
        share: the share of contacts that is drawn.
        start: what the seed and the instant of the run are stirred to.
        draws: how many numbered vectors there are; 0 where nothing is drawn.
    """

    fields: ClassVar = {
        "contact": table(np.uint64),
        "claim": table(np.uint64),
        "normal": table(np.float64),
        "weight": table(np.int64, 2),
        "share": table(np.float64),
        "start": int,
        "draws": int,
    }


def nothing_drawn() -> ExploreArrays:
    """Of a run that does not explore."""
    keys = np.zeros(0, np.uint64)
    weight = np.zeros((0, 0), np.int64)
    return ExploreArrays(
        contact=keys, claim=keys, normal=np.zeros(0), weight=weight, share=np.zeros(1), start=0, draws=0
    )


class Rules(ArrayBundle):
    """What holds for every contact of a run.

    Attributes:
        openings: what can be asked for (`OPENINGS`).
        stage_fit: by opening and stage, the degree of fit.
        role_fit: by opening and role.
        loss: by stage, what it costs where a contact opts out, NaN where that is not known; empty where that costs
            nothing.
        stage_gain: by opening and stage, what the content is expected to bring by moving the contact on, NaN where that
            is not known; no columns where no content says that it does.
        owner: by opening and stage, the rule of the stage's owner where that is another department, or -1.
        cells: the cells of the openings (`CELLS`).
        topics: the topics of the openings.
        dates: the openings' own local dates, ascending.
        levers: the levers of the openings (`LEVERS`), in their order.
        parts: the named rules of the openings' audiences (`PARTS`), in their order.
        program: the weight expressions of the openings (`PROGRAM`); an opening without one has its weight in `scale`.
        patience: the patience of campaigns (`PATIENCE`); an opening has its place there, or -1.
        caps: the caps (`CAPS`).
        cell_cap: by cell, its cap.
        conflicts: the conflicts (`CONFLICTS`).
        within: by requirement, its window, or -1.
        rule: the number of the first rule of a cap, repeat, sibling, conflict and requirement.
        same: by rule, the first one that has its name.
        consent_rule: by channel, the rule of its consent; the last is of no channel.
        topic_rule: by topic, the rule of its consent.
        hours: quiet hours, send hours and holidays.
        windows: the windows of the caps, then those of the requirements.
        zones: the offsets of time zones.
        shapes: the kinds of touches (`SHAPES`).
        shape_cells: the cells in which they count (`CELLS`).
        now: the instant of the decision.
        last: the last instant of the plan.
        reserve: what a message must be worth more than, in millionths.
        horizon: after so many days of quiet nothing opens any more.
        explain: whether rows tell what it would have taken.
        denies: what the playbook denies where data is missing.
        series: whether any campaign is a series.
        rests: the number of the first cap that is a rest.
        quotas: what claims use of the quotas, and the prices of these.
        explore: what is drawn.
    """

    fields: ClassVar = {
        "openings": table(OPENINGS),
        "stage_fit": table(np.float64, 2),
        "role_fit": table(np.float64, 2),
        "stage_gain": table(np.float64, 2),
        "loss": table(np.float64),
        "owner": table(np.int64, 2),
        "cells": table(CELLS),
        "topics": table(np.int64),
        "dates": table(np.int64),
        "levers": table(LEVERS),
        "parts": table(PARTS),
        "program": table(PROGRAM),
        "patience": table(PATIENCE),
        "caps": table(CAPS),
        "cell_cap": table(np.int64),
        "conflicts": table(CONFLICTS),
        "within": table(np.int64),
        "rule": table(np.int64),
        "same": table(np.int64),
        "consent_rule": table(np.int64),
        "topic_rule": table(np.int64),
        "hours": HourTables,
        "windows": table(WINDOWS),
        "zones": Zones,
        "shapes": table(SHAPES),
        "shape_cells": table(CELLS),
        "now": int,
        "last": int,
        "reserve": int,
        "horizon": int,
        "explain": int,
        "denies": int,
        "series": int,
        "rests": int,
        "quotas": Quotas,
        "explore": ExploreArrays,
    }
