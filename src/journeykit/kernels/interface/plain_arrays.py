"""What the plain path of the kernels reads and works with: one instant, and caps that only ever get emptier.

Occasions and the steps of a series would be openings of their own, bits like the others. `count: campaigns` would add
to `CELL_ROOMS` the campaigns that are counted already, and events per contact would be read where touches are.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table
from journeykit.kernels.interface.records import record


class PlainRules(ArrayBundle):
    """What one instant makes of the rules.

    Attributes:
        since: by time zone and cap, the first instant at which a touch still counts.
        leaving: by time zone and cap, when what counts now no longer does; `NONE` where each touch has its own instant.
        uneven: by time zone, whether its days may come twice, so that instants say nothing of days.
        weight: by stage, role and opening, the weight of a contact of whom nothing else is known.
        order: by stage and role, the openings in the order of claims.
        rank: by stage, role and opening, the place in that order.
        weighed: by stage and role, whether all these weights are good.
        tie: all openings, in the order of claims that weigh the same.
        tier: all tiers, ascending.
        alike: by opening, a number that those share whose campaigns are open, whose hours are, and which count, alike.
        always: by opening, whether its campaign is open from now on and no hours apply.
        closed_rule: by opening, the rule that closes its campaign, -1 where that depends on the time zone.
        asking: how many openings ask for a time zone, a stage and a role.
        asking_consent: by channel, how many openings ask for its consent; the last is of no channel.
        asking_gain: by stage, how many openings ask in vain for what it gains.
        asking_loss: by stage, how many openings ask in vain for what an opt-out costs on it.
        stages: how many stages there are.
        roles: how many roles.
        nested: whether the caps are nested for all openings, and each counts them alike.
        repeats: whether some campaign limits its repeats.
        exempts: whether some claims need not obey caps.
        rules: how many rules at most stop one claim.
    """

    fields: ClassVar = {
        "since": table(np.int64, 2),
        "leaving": table(np.int64, 2),
        "uneven": table(np.bool_),
        "weight": table(np.int64, 2),
        "order": table(np.int32, 2),
        "rank": table(np.int32, 2),
        "weighed": table(np.bool_),
        "tie": table(np.int64),
        "tier": table(np.int64),
        "alike": table(np.int64),
        "always": table(np.bool_),
        "closed_rule": table(np.int64),
        "asking": table(np.int64),
        "asking_consent": table(np.int64),
        "asking_gain": table(np.int64),
        "asking_loss": table(np.int64),
        "stages": int,
        "roles": int,
        "nested": int,
        "repeats": int,
        "exempts": int,
        "rules": int,
    }


BARRED_WORDS = record(
    "suppressed opted_out by_channel withdrawn closed quiet outside unfit miscast foreign held missing unknown "
    "unvalued absent"
)
"""What is in the way of 64 openings for one contact, as bits; `by_channel` is that part of `withdrawn` which is of a
channel, `unknown` that part of `missing` which is of a consent, `unvalued` that of the value of a stage, and `absent`
those of which there is no claim, and so nothing is in the way."""
CELL_ROOMS = record("stamp limit before after kept total points mixed members winners later asked")
"""What a cell holds of one contact: for which contact that is good; the limit; what the history and exempt winners use,
then all winners too, then only those that count; what the claims would use that fit alone, what each of them uses,
whether they differ, and which they are; the winners in it, as bits; and when there is room again, for how much."""
CAMPAIGN_ROOMS = record("stamp touches claims winners members")
"""Likewise, what a campaign has: touches, claims that fit alone, its winners and claims as bits."""
PLAIN_ITEMS = record("opening weight reason winner later tie")
"""Claims of one contact, in the order of claims: what is asked for; its weight; why it must wait, or 0; the number of
the winner that it is, or -1, or -2 where it does not fit the history; when it could go after all, or `NONE`; and its
place among those that weigh the same."""
RETRIES = record("stamp later")
"""Likewise, when openings that are alike may go after all; before, what the campaign itself says."""
PLAIN_SPANS = record("cell at points leaves")
"""What counts in a cell: since when, how much, and until when, `NONE` while nobody asked."""

LANES = 16
"""Counters of 16 bits, four to a number: so many numbers count for 64 openings."""


class PlainWorkspace(ArrayBundle):
    """Room to settle contacts plainly.

    Attributes:
        word: what is in the way, 64 openings to a record (`BARRED_WORDS`).
        cell: by cell (`CELL_ROOMS`).
        campaign: by campaign (`CAMPAIGN_ROOMS`).
        item: the claims of one contact (`PLAIN_ITEMS`).
        retry: by number of openings that are alike (`RETRIES`).
        span: what counts (`PLAIN_SPANS`).
        place: by place in the order of claims, whether there is such a claim; bits.
        binding: cells, or campaigns, that may stop something.
        winner: the winners' claims, in the order of claims.
        leaves: by touch in a cell, until when it counts, and how much (`PLAIN_SPANS`).
        lane: by kind of fault and 64 openings, counters for each opening.
        used: the stamp of the contact; how many contacts the lanes count; and how many were settled so far.
    """

    fields: ClassVar = {
        "word": table(BARRED_WORDS),
        "cell": table(CELL_ROOMS),
        "campaign": table(CAMPAIGN_ROOMS),
        "item": table(PLAIN_ITEMS),
        "retry": table(RETRIES),
        "span": table(PLAIN_SPANS),
        "place": table(np.int64),
        "binding": table(np.int64),
        "winner": table(np.int64),
        "leaves": table(PLAIN_SPANS),
        "lane": table(np.uint64, 3),
        "used": table(np.int64),
    }


FAULT_KINDS = 16
"""Kinds of faults that are counted apart; those of owners come after them, by stage."""
MOST_WINNERS = 62
"""Winners, and claims that may be in the way of others, are bits of one number."""


def plain_workspace(*, openings: int, cells: int, campaigns: int, stages: int, spans: int) -> PlainWorkspace:
    """Room for a playbook's openings, cells, campaigns and stages, and for so many touches and winners in cells."""
    words = -(-openings // 64)
    return PlainWorkspace(
        word=np.zeros(words, BARRED_WORDS),
        cell=np.zeros(cells, CELL_ROOMS),
        campaign=np.zeros(max(1, campaigns), CAMPAIGN_ROOMS),
        item=np.zeros(openings + 1, PLAIN_ITEMS),
        retry=np.zeros(openings + 1, RETRIES),
        span=np.zeros(spans, PLAIN_SPANS),
        place=np.zeros(words, np.int64),
        binding=np.zeros(cells + campaigns + 1, np.int64),
        winner=np.zeros(MOST_WINNERS + 2, np.int64),
        leaves=np.zeros(spans, PLAIN_SPANS),
        lane=np.zeros((FAULT_KINDS + stages, words, LANES), np.uint64),
        used=np.zeros(3, np.int64),
    )
