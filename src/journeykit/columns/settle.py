"""Settling over columns: one contact's contests, and why each claim fared as it did.

The same as `journeykit.contest` and `journeykit.explain`, on arrays. What is said of one contact at a time lies in a
`Desk`: arrays that are made once and used for every contact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from journeykit.columns.jit import entry, kernel, leaf

from journeykit.civil import DAY, LAST
from journeykit.columns.clocks import day_of, day_start
from journeykit.columns.eligible import (
    CAPPED,
    CLOSED,
    CONFLICT,
    GRANTED,
    NOT_WORTH_IT,
    OUTBID,
    QUIET,
    REQUIRES,
    hours_open,
    is_date,
)
from journeykit.columns.layout import COUNTS, DATED, DEFERS, NO_LIMIT, NONE, OBEYS_CAPS, OBEYS_HOURS, PAUSED, RULE_RESERVE
from journeykit.columns.room import (
    ALL,
    BEFORE,
    EVER,
    EXEMPT,
    FOREVER,
    HISTORY,
    RIVAL,
    ROLLING,
    RUNNING,
    WINNER,
    add_span,
    back,
    crowd,
    first_fit,
    load,
    place_of,
)
from journeykit.columns.records import record
from journeykit.columns.search import CLAUSE, ITEM, MEMBER, ROW, Problem, solve

GRANTED_OUTCOME, DEFERRED_OUTCOME, DENIED_OUTCOME = range(3)
_STEPS = 10_000
_LARGEST_WEIGHT = 10**15
_FORCED = -(2**61)
NOBODY, NO, YES = np.int64(-1), np.int64(0), np.int64(1)


class History(NamedTuple):
    """The touches of contacts.

    Attributes:
        first: where the touches of each contact start, and one more.
        at: the instant of each.
        shape: what it is besides whose and when.
    """

    first: np.ndarray
    at: np.ndarray
    shape: np.ndarray


CLAIMS = record(
    "opening label weight rank group own state rule timed from_ asked at_from at_to",
    "given product preference interest propensity value",
)
"""Claims of contacts: what each asks to send; under which name it is written; weight in millionths, `NONE` where it is
not weighed; the policy's rank; claims of one group exclude each other; its place among the texts of claims' own dates;
state, 0 where it is eligible at some instant, else the reason why not, and the first rule of that reason; whether
nothing but time stands in its way; the first instant of its own, or `NONE`; when it was asked for; where its instants lie;
its own weight, NaN for none; and what the policy
`weighted` makes of it, with the factors."""
TIMES = record("at fits")
"""The instants for which a claim asks, and whether it is eligible then."""
ROWS = record("contact label outcome reason rule weight send_at retry_at displaced needs lost_from lost_to")
"""Answers: whose; of which claim; granted, deferred or denied, as 0, 1, 2; the number of the reason; the first rule
that stops it, or -1; weight, value of what it pushed out and weight that would have won, in millionths; when it goes and
when it could go after all; and where the campaigns that won instead lie. `NONE` stands for none."""
GRANTS = record("entry at number crowded")
"""Winners: the claim; when it goes; its place in the order of claims; and whether it takes the room of a loser."""


class Entries(NamedTuple):
    """Claims of contacts, in blocks.

    Attributes:
        claim: the claims (`CLAIMS`).
        time: their instants (`TIMES`).
        used: how many claims and instants there are.
    """

    claim: np.ndarray
    time: np.ndarray
    used: np.ndarray


class Rows(NamedTuple):
    """Answers.

    Attributes:
        row: the answers (`ROWS`).
        lost: the campaigns that won instead.
        used: how many of both there are.
    """

    row: np.ndarray
    lost: np.ndarray
    used: np.ndarray


class Tally(NamedTuple):
    """Counts.

    Attributes:
        labels: by label, reason and outcome.
        rules: by rule, of losers.
        stages: by stage and outcome.
        sums: value, bound, and searches that were given up.
        missing: by kind of data, how many claims lack it.
    """

    labels: np.ndarray
    rules: np.ndarray
    stages: np.ndarray
    sums: np.ndarray
    missing: np.ndarray


class Desk(NamedTuple):
    """Room to work on one contact.

    Attributes:
        spans: what stands in the caps' windows (`SPANS`).
        touch: the touches that count (`TOUCHES_AT`).
        counts: by campaign, how many touches there were.
        mark: by cell or campaign, whether it was looked at.
        winner: the claims that were granted (`GRANTS`).
        won: by claim, its winner, or -1.
        sizes: how many touches, winners, exempt winners there are; and whether the contact must be left.
    """

    spans: np.ndarray
    touch: np.ndarray
    counts: np.ndarray
    mark: np.ndarray
    winner: np.ndarray
    won: np.ndarray
    sizes: np.ndarray


TOUCHES_AT = record("at kind")
"""A touch that counts: when, and what it is besides."""
TOUCHES, WINNERS, EXEMPTS, LEFT = range(4)


@leaf
def clear_desk(rules, desk):
    """Forget the contact before."""
    spans = desk.spans
    for place in range(spans.count[0]):
        spans.head[spans.cell[place]] = -1
    spans.count[0] = 0
    for place in range(desk.sizes[TOUCHES]):
        campaign = rules.shapes.campaign[desk.touch.kind[place]]
        if campaign >= 0:
            desk.counts[campaign] = 0
    desk.sizes[:] = 0


@leaf
def read_history(rules, history, contact, zone, desk, entries, low, high, derived):
    """The touches that count, as spans in the caps' windows."""
    shapes, windows, zones = rules.shapes, rules.windows, rules.zones
    count = 0
    for place in range(history.first[contact], history.first[contact + 1]):
        at, shape = history.at[place], history.shape[place]
        status = shapes.status[shape]
        if status == 0:
            continue
        if status == 2:
            if at < rules.now:
                continue
            if shapes.campaign[shape] >= 0:
                if derived:
                    if shapes.replaced[shape]:
                        continue
                elif _asked_again(rules.openings, shapes, shape, entries, low, high):
                    continue
        desk.touch.at[count] = at
        desk.touch.kind[count] = shape
        count += 1
        if shapes.campaign[shape] >= 0:
            desk.counts[shapes.campaign[shape]] += 1
        for cell_place in range(shapes.cell_from[shape], shapes.cell_to[shape]):
            cell = rules.shape_cells.cell[cell_place]
            window = rules.cell_cap[cell]
            kind = windows.kind[window]
            if kind == ROLLING:
                if at + windows.span[window] > rules.now:
                    add_span(desk.spans, cell, at, at, rules.shape_cells.points[cell_place], -1, HISTORY)
                continue
            if kind != EVER and kind != RUNNING:
                # What is older than all that the zones are known for is too old for any window of days.
                if at > zones.high:
                    desk.sizes[LEFT] = 1
                if not zones.low <= at <= zones.high:
                    continue
            _stand(windows, zones, zone, desk.spans, cell, window, at, shapes.ends[shape],
                   rules.shape_cells.points[cell_place], -1, HISTORY)
    desk.sizes[TOUCHES] = count


@leaf
def _asked_again(openings, shapes, shape, entries, low, high):
    """Whether a planned touch is one of the claims, and so replaced by it."""
    for entry in range(low, high):
        opening = entries.claim.opening[entry]
        if (
            openings.campaign[opening] == shapes.campaign[shape]
            and (shapes.content[shape] == -1 or shapes.content[shape] == openings.content[opening])
            and (shapes.channel[shape] == -1 or shapes.channel[shape] == openings.channel[opening])
        ):
            return True
    return False


@leaf
def _end_of(windows, zones, zone, window, ends):
    """For a `running` window, when a campaign that ends on a local date is over."""
    if windows.kind[window] != RUNNING or ends <= NONE or ends >= 10**9:
        return FOREVER
    own = windows.zone[window]
    return day_start(zones, zone if own < 0 else own, ends + 1)


@leaf
def _stand(windows, zones, zone, spans, cell, window, at, ends, points, who, layer):
    counts, place = place_of(windows, window, zones, zone, at)
    end = place
    if windows.kind[window] == RUNNING:
        end = _end_of(windows, zones, zone, window, ends)
        counts = at < end
    if counts:
        add_span(spans, cell, place, end, points, who, layer)


@leaf
def limit_of(rules, people, contact, cap):
    """The limit of a cap for a contact; `NO_LIMIT` where it does not bind him."""
    caps = rules.caps
    rule = caps.audience[cap]
    if rule >= 0 and not people.audience[contact, rule >> 6] >> (rule & 63) & 1:
        return NO_LIMIT
    own = caps.own[cap]
    return caps.limit[cap] if own < 0 else people.limit[contact, own]


# Conflicts and requirements


@leaf
def barred(rules, zone, conflict, opening, first, then, at):
    """The first and last instant at which a touch, or winner, bars an opening; an empty span where it does not."""
    bit = 1 << conflict
    openings, conflicts = rules.openings, rules.conflicts
    both = conflicts.both_ways[conflict]
    behind = ahead = meets = False
    if openings.then[opening] & bit and first & bit:
        meets = ahead = True
        behind = both
    if openings.first[opening] & bit and then & bit:
        meets = behind = True
        ahead = ahead or both
    if not meets:
        return 1, 0
    if conflicts.lag_days[conflict] < 0:
        length = conflicts.lag_length[conflict]
        return at - (length if behind else 0), at + (length if ahead else 0)
    lag = conflicts.lag_days[conflict]
    day = day_of(rules.zones, zone, at)
    low = day_start(rules.zones, zone, day - (lag if behind else 0))
    return low, day_start(rules.zones, zone, day + (lag if ahead else 0) + 1) - 1


@leaf
def clashes(rules, zone, opening, at, first, then, when):
    """Whether a touch, or winner, bars an opening at an instant."""
    if not (rules.openings.then[opening] & first or rules.openings.first[opening] & then):
        return False
    for conflict in range(len(rules.conflicts)):
        low, high = barred(rules, zone, conflict, opening, first, then, when)
        if low <= at <= high:
            return True
    return False


@leaf
def met_by_history(rules, desk, zone, need, at):
    """Whether a touch will do for a requirement at an instant."""
    window = rules.within[need]
    if window < 0:
        return False
    windows, zones, shapes = rules.windows, rules.zones, rules.shapes
    for place in range(desk.sizes[TOUCHES]):
        shape, when = desk.touch.kind[place], desk.touch.at[place]
        if not shapes.partner[shape] >> need & 1 or when > at:
            continue
        if windows.kind[window] == RUNNING:
            end = _end_of(windows, zones, zone, window, shapes.ends[shape])
            if shapes.campaign[shape] != -1 and when < end and when <= at < end:
                return True
            continue
        counts, start = place_of(windows, window, zones, zone, when)
        sees, end = place_of(windows, window, zones, zone, at)
        if counts and sees and back(windows, window, end) <= start <= end:
            return True
    return False


@leaf
def met_before(rules, desk, zone, entries, need, at, obeys):
    """Whether the history, or a winner that came before the contest, will do for a requirement."""
    if met_by_history(rules, desk, zone, need, at):
        return True
    if obeys:
        for winner in range(desk.sizes[EXEMPTS]):
            opening = entries.claim.opening[desk.winner.entry[winner]]
            if rules.openings.partner[opening] >> need & 1 and desk.winner.at[winner] <= at:
                return True
    return False


@leaf
def met_after(rules, desk, zone, entries, entry, need, at):
    """Whether a requirement of a claim is met by the history or by any winner that may be its partner."""
    obeys = np.int64(rules.openings.traits[entries.claim.opening[entry]] & OBEYS_CAPS != 0)
    if met_before(rules, desk, zone, entries, need, at, obeys):
        return True
    tier = rules.openings.tier[entries.claim.opening[entry]]
    for winner in range(desk.sizes[WINNERS]):
        other = desk.winner.entry[winner]
        opening = entries.claim.opening[other]
        exempt = rules.openings.traits[opening] & OBEYS_CAPS == 0
        early = rules.openings.tier[opening] <= tier
        if (
            other != entry
            and rules.openings.partner[opening] >> need & 1
            and desk.winner.at[winner] <= at
            and ((exempt or early) if obeys else (exempt and early))
        ):
            return True
    return False


# The contest


@leaf
def goes_before(rules, entries, one, one_at, other, other_at):
    """Whether a claim at an instant stands before another in the order of claims."""
    if entries.claim.weight[one] != entries.claim.weight[other]:
        return entries.claim.weight[one] > entries.claim.weight[other]
    if one_at != other_at:
        return one_at < other_at
    ties = rules.openings.tie
    if ties[entries.claim.opening[one]] != ties[entries.claim.opening[other]]:
        return ties[entries.claim.opening[one]] < ties[entries.claim.opening[other]]
    return entries.claim.own[one] < entries.claim.own[other]


@kernel
def _grown(array, size):
    """The same numbers in an array that has room for so many."""
    if size <= len(array):
        return array
    found = np.zeros(max(size, 2 * len(array)), array.dtype)
    found[: len(array)] = array
    return found


@kernel
def contest(rules, people, contact, desk, entries, low, high, obeys):
    """The problem that claims make."""
    openings, windows, zones = rules.openings, rules.windows, rules.zones
    zone = people.person.zone[contact]
    count = 0
    for entry in range(low, high):
        if entries.claim.state[entry] == 0 and (openings.traits[entries.claim.opening[entry]] & OBEYS_CAPS != 0) == (obeys != 0):
            for place in range(entries.claim.at_from[entry], entries.claim.at_to[entry]):
                count += entries.time.fits[place]
    items = np.zeros(count, ITEM)
    count = 0
    single = True
    for entry in range(low, high):
        if entries.claim.state[entry] == 0 and (openings.traits[entries.claim.opening[entry]] & OBEYS_CAPS != 0) == (obeys != 0):
            for place in range(entries.claim.at_from[entry], entries.claim.at_to[entry]):
                if entries.time.fits[place]:
                    items.entry[count], items.at[count] = entry, entries.time.at[place]
                    single = single and entries.time.at[place] == items.at[0]
                    count += 1
    row, member = np.zeros(8, ROW), np.zeros(32, MEMBER)
    rows = members = 0
    mark = desk.mark
    # Repeats: of one campaign, history and this decision together.
    for item in range(count):
        campaign = openings.campaign[entries.claim.opening[items.entry[item]]]
        repeat = openings.repeats[entries.claim.opening[items.entry[item]]]
        if repeat < 0 or mark[campaign]:
            continue
        mark[campaign] = 1
        left = repeat - desk.counts[campaign]
        member = _grown(member, members + count)
        start = members
        for other in range(item, count):
            if openings.campaign[entries.claim.opening[items.entry[other]]] == campaign:
                if left <= 0:
                    items.shut[other] = True
                else:
                    member.pick[members], member.use[members] = other, 1
                    members += 1
        if left <= 0 or members - start <= left:
            members = start
        else:
            row = _grown(row, rows + 1)
            row.room[rows] = left
            row.start[rows], row.stop[rows] = start, members
            rows += 1
    for item in range(count):
        mark[openings.campaign[entries.claim.opening[items.entry[item]]]] = 0
    # Groups: of one wish, one.
    for item in range(count):
        group = entries.claim.group[items.entry[item]]
        first = True
        other = item - 1
        while first and other >= 0:
            first = entries.claim.group[items.entry[other]] != group
            other -= 1
        if not first:
            continue
        member = _grown(member, members + count)
        start = members
        for other in range(item, count):
            if entries.claim.group[items.entry[other]] == group:
                member.pick[members], member.use[members] = other, 1
                members += 1
        if members - start == 1:
            members = start
        else:
            row = _grown(row, rows + 1)
            row.room[rows] = 1
            row.start[rows], row.stop[rows] = start, members
            rows += 1
    # Caps: what some window of some cap holds together.
    if obeys:
        for item in range(count):
            opening = entries.claim.opening[items.entry[item]]
            for cell_place in range(openings.cell_from[opening], openings.cell_to[opening]):
                cell = rules.cells.cell[cell_place]
                if desk.mark[cell]:
                    continue
                desk.mark[cell] = 1
                cap = rules.cell_cap[cell]
                limit = limit_of(rules, people, contact, cap)
                if limit == NO_LIMIT:
                    continue
                if single and windows.kind[cap] != RUNNING:
                    counts, own = place_of(windows, cap, zones, zone, items.at[0])
                    if not counts:
                        continue
                    left = max(0, limit - load(windows, cap, desk.spans, cell, BEFORE, own, own))
                    member = _grown(member, members + count)
                    start = members
                    total = 0
                    for other in range(item, count):
                        points = _points_in(rules, entries.claim.opening[items.entry[other]], cell)
                        if points >= 0:
                            if points > left:
                                items.shut[other] = True
                            member.pick[members], member.use[members] = other, points
                            members += 1
                            total += points
                    if total <= left:
                        members = start
                    else:
                        row = _grown(row, rows + 1)
                        row.room[rows] = left
                        row.start[rows], row.stop[rows] = start, members
                        rows += 1
                    continue
                # Over time: a row for each window that ends with one of the claims or touches.
                placed, ends = np.empty(count, np.int64), np.empty(count, np.int64)
                points = np.full(count, -1, np.int64)
                for other in range(item, count):
                    own_points = _points_in(rules, entries.claim.opening[items.entry[other]], cell)
                    if own_points < 0:
                        continue
                    counts, own = place_of(windows, cap, zones, zone, items.at[other])
                    end = own
                    if windows.kind[cap] == RUNNING:
                        ends_on = openings.ends[entries.claim.opening[items.entry[other]]]
                        end = _end_of(windows, zones, zone, cap, ends_on)
                        counts = items.at[other] < end
                    if counts:
                        if load(windows, cap, desk.spans, cell, BEFORE, own, end) + own_points > limit:
                            items.shut[other] = True
                        else:
                            placed[other], ends[other], points[other] = own, end, own_points
                spans = desk.spans
                history = 0
                span = spans.head[cell]
                while span >= 0:
                    history += 1
                    span = spans.before[span]
                edges = np.empty(history + count, np.int64)
                size = 0
                span = spans.head[cell]
                while span >= 0:
                    edges[size] = spans.start[span]
                    size += 1
                    span = spans.before[span]
                for other in range(item, count):
                    if points[other] >= 0:
                        edges[size] = placed[other]
                        size += 1
                edges = np.sort(edges[:size])
                for at in range(size):
                    if at and edges[at] == edges[at - 1]:
                        continue
                    begin = edges[at]
                    if windows.kind[cap] != RUNNING:
                        begin = back(windows, cap, edges[at])
                        if at + 1 < size and edges[at + 1] > edges[at]:
                            # Of windows that start together, the one that ends last holds what the others hold.
                            if back(windows, cap, edges[at + 1]) == begin:
                                continue
                        elif at + 1 < size:
                            later = at + 1
                            while later < size and edges[later] == edges[at]:
                                later += 1
                            if later < size and back(windows, cap, edges[later]) == begin:
                                continue
                    member = _grown(member, members + count)
                    start = members
                    total = 0
                    for other in range(item, count):
                        if points[other] >= 0 and (
                            placed[other] <= edges[at] < ends[other]
                            if windows.kind[cap] == RUNNING
                            else begin <= placed[other] <= edges[at]
                        ):
                            member.pick[members], member.use[members] = other, points[other]
                            members += 1
                            total += points[other]
                    left = limit
                    span = spans.head[cell]
                    while span >= 0:
                        if (
                            spans.start[span] <= edges[at] < spans.end[span]
                            if windows.kind[cap] == RUNNING
                            else begin <= spans.start[span] <= edges[at]
                        ):
                            left -= spans.points[span]
                        span = spans.before[span]
                    if total <= left:
                        members = start
                    else:
                        row = _grown(row, rows + 1)
                        row.room[rows] = max(0, left)
                        row.start[rows], row.stop[rows] = start, members
                        rows += 1
        for item in range(count):
            opening = entries.claim.opening[items.entry[item]]
            for cell_place in range(openings.cell_from[opening], openings.cell_to[opening]):
                desk.mark[rules.cells.cell[cell_place]] = 0
    # Conflicts: with the history they shut an item, among items they make pairs.
    if len(rules.conflicts):
        for item in range(count):
            opening = entries.claim.opening[items.entry[item]]
            if not (openings.first[opening] or openings.then[opening]):
                continue
            for place in range(desk.sizes[TOUCHES]):
                shape = desk.touch.kind[place]
                if clashes(rules, zone, opening, items.at[item], rules.shapes.first[shape], rules.shapes.then[shape],
                           desk.touch.at[place]):
                    items.shut[item] = True
            if obeys:
                for winner in range(desk.sizes[EXEMPTS]):
                    other = entries.claim.opening[desk.winner.entry[winner]]
                    if clashes(rules, zone, opening, items.at[item], openings.first[other], openings.then[other],
                               desk.winner.at[winner]):
                        items.shut[item] = True
        for item in range(count):
            opening = entries.claim.opening[items.entry[item]]
            if items.shut[item] or not (openings.first[opening] or openings.then[opening]):
                continue
            for rival in range(item + 1, count):
                other = entries.claim.opening[items.entry[rival]]
                if items.shut[rival] or items.entry[rival] == items.entry[item]:
                    continue
                if clashes(rules, zone, opening, items.at[item], openings.first[other], openings.then[other],
                           items.at[rival]):
                    member = _grown(member, members + 2)
                    row = _grown(row, rows + 1)
                    start = members
                    member.pick[start], member.pick[start + 1] = item, rival
                    member.use[start] = member.use[start + 1] = 1
                    members += 2
                    row.room[rows] = 1
                    row.start[rows], row.stop[rows] = start, members
                    rows += 1
    # Requirements: an item, and those of which one must be granted with it.
    clause, partner = np.zeros(0, CLAUSE), np.zeros(0, np.int64)
    clauses = 0
    partners = 0
    for need in range(len(rules.within)):
        for item in range(count):
            opening = entries.claim.opening[items.entry[item]]
            if (
                items.shut[item]
                or not openings.needy[opening] >> need & 1
                or met_before(rules, desk, zone, entries, need, items.at[item], obeys)
            ):
                continue
            clause, partner = _grown(clause, clauses + 1), _grown(partner, partners + count)
            clause.pick[clauses], clause.start[clauses] = item, partners
            for rival in range(count):
                other = entries.claim.opening[items.entry[rival]]
                if (
                    not items.shut[rival]
                    and items.entry[rival] != items.entry[item]
                    and openings.partner[other] >> need & 1
                    and items.at[rival] <= items.at[item]
                    and openings.tier[other] <= openings.tier[opening]
                ):
                    partner[partners] = rival
                    partners += 1
            clause.stop[clauses] = partners
            clauses += 1
    for place in range(count):
        items.group[place] = entries.claim.group[items.entry[place]]
    return Problem(items, row[:rows], member, clause[:clauses], partner)


@leaf
def _points_in(rules, opening, cell):
    """How much an opening weighs in a cell; -1 where it does not count there."""
    openings = rules.openings
    for place in range(openings.cell_from[opening], openings.cell_to[opening]):
        if rules.cells.cell[place] == cell:
            return rules.cells.points[place]
    return -1


@leaf
def level_before(rules, entries, one, other):
    """Whether the level (tier and rank) of a claim is decided before another's."""
    tier, rival = rules.openings.tier[entries.claim.opening[one]], rules.openings.tier[entries.claim.opening[other]]
    return tier < rival or (tier == rival and entries.claim.rank[one] < entries.claim.rank[other])


@leaf
def put_values(rules, entries, problem, force, without):
    """Values, levels and the order of claims; with a claim forced in, or without one."""
    items = problem.items
    count = len(items)
    plain = True
    for item in range(count):
        entry = items.entry[item]
        value = 1 if entry == force else max(0, entries.claim.weight[entry] - rules.reserve)
        items.value[item] = 0 if items.shut[item] or entry == without else value
        place = item
        while place > 0:
            before = items.order[place - 1]
            if not goes_before(rules, entries, entry, items.at[item], items.entry[before], items.at[before]):
                break
            items.order[place] = before
            place -= 1
        items.order[place] = item
        items.level[item] = 0
        plain = plain and not level_before(rules, entries, items.entry[0], entry)
        plain = plain and not level_before(rules, entries, entry, items.entry[0])
    if not plain:
        # Levels as whole numbers: how many items come before, level by level.
        for item in range(count):
            for other in range(count):
                if items.value[other] > 0:
                    items.level[item] += level_before(rules, entries, items.entry[other], items.entry[item])
    if force >= 0:
        for item in range(count):
            if items.entry[item] == force:
                items.level[item] = _FORCED


@leaf
def answer(rules, entries, found, chosen, force, without):
    """The best set for a contest, marked in `chosen`; False where the search was given up."""
    put_values(rules, entries, found, force, without)
    return solve(found, chosen)


@kernel
def grant(rules, people, contact, desk, entries, found, obeys):
    """Settle a contest: its winners, and where they stand in the caps' windows."""
    items = found.items
    openings, windows, zones = rules.openings, rules.windows, rules.zones
    chosen = np.zeros(len(items), np.bool_)
    if not answer(rules, entries, found, chosen, NOBODY, NOBODY):
        desk.sizes[LEFT] = 1
        return
    for item in range(len(items)):
        if not chosen[item]:
            continue
        entry, at = items.entry[item], items.at[item]
        opening = entries.claim.opening[entry]
        winner = desk.sizes[WINNERS]
        desk.winner.entry[winner], desk.winner.at[winner] = entry, at
        desk.sizes[WINNERS] += 1
        if not obeys:
            desk.sizes[EXEMPTS] += 1
        counts = openings.traits[opening] & COUNTS
        if not obeys and not counts:
            continue
        layer = EXEMPT if not obeys else WINNER if counts else RIVAL
        for place in range(openings.cell_from[opening], openings.cell_to[opening]):
            cell = rules.cells.cell[place]
            _stand(windows, zones, people.person.zone[contact], desk.spans, cell, rules.cell_cap[cell], at,
                   openings.ends[opening], rules.cells.points[place], winner, layer)


@leaf
def number_winners(rules, desk, entries):
    """The place of each winner in the order of claims."""
    for winner in range(desk.sizes[WINNERS]):
        desk.winner.number[winner] = 0
        for other in range(desk.sizes[WINNERS]):
            if goes_before(rules, entries, desk.winner.entry[other], desk.winner.at[other],
                           desk.winner.entry[winner], desk.winner.at[winner]):
                desk.winner.number[winner] += 1


# When it may go after all


@leaf
def open_from(rules, zone, opening, since):
    """The first instant from `since` on at which a campaign is open; `FOREVER` if never."""
    openings, zones = rules.openings, rules.zones
    if openings.traits[opening] & PAUSED:
        return FOREVER
    today = day_of(zones, zone, since)
    day = max(today, openings.starts[opening])
    if openings.traits[opening] & DATED:
        found = FOREVER
        for place in range(openings.date_from[opening], openings.date_to[opening]):
            if day <= rules.dates[place] < found:
                found = rules.dates[place]
        if found == FOREVER:
            return FOREVER
        day = found
    if day > openings.ends[opening]:
        return FOREVER
    return since if today == day else max(since, day_start(zones, zone, day))


@leaf
def retry(rules, people, contact, desk, entries, entry):
    """The earliest instant after the span at which a claim alone fits all that is known; `NONE` if never."""
    openings, windows, zones = rules.openings, rules.windows, rules.zones
    opening = entries.claim.opening[entry]
    flags = openings.traits[opening]
    zone = people.person.zone[contact]
    same = 0
    for winner in range(desk.sizes[WINNERS]):
        other = desk.winner.entry[winner]
        if entries.claim.group[other] == entries.claim.group[entry]:
            return NONE
        same += openings.campaign[entries.claim.opening[other]] == openings.campaign[opening]
    repeat = openings.repeats[opening]
    if repeat >= 0 and desk.counts[openings.campaign[opening]] + same >= repeat:
        return NONE
    at = rules.last + 1
    if entries.claim.from_[entry] != NONE:
        if entries.claim.from_[entry] < rules.now:
            return NONE
        at = max(at, entries.claim.from_[entry])
    for _ in range(_STEPS):
        later = open_from(rules, zone, opening, at)
        if later == FOREVER:
            return NONE
        if flags & OBEYS_HOURS and (len(rules.hours.periods) or len(rules.hours.holidays)):
            later = hours_open(rules.hours, zones, zone, openings.channel[opening], later, rules.horizon)
            if later == FOREVER:
                return NONE
        if flags & OBEYS_CAPS:
            for place in range(openings.cell_from[opening], openings.cell_to[opening]):
                cell = rules.cells.cell[place]
                cap = rules.cell_cap[cell]
                limit = limit_of(rules, people, contact, cap)
                if limit == NO_LIMIT:
                    continue
                end = _end_of(windows, zones, zone, cap, openings.ends[opening])
                later = first_fit(windows, cap, zones, zone, desk.spans, cell, later, end, rules.cells.points[place], limit)
                if later == FOREVER:
                    return NONE
        if openings.first[opening] or openings.then[opening]:
            later = _clear_from(rules, desk, zone, entries, opening, later)
        if openings.needy[opening]:
            for need in range(len(rules.within)):
                if openings.needy[opening] >> need & 1:
                    later = _met_from(rules, desk, zone, entries, entry, need, later)
                    if later == FOREVER:
                        return NONE
        if later > zones.high:
            if later >= LAST:
                return NONE
            # Beyond what the zones are known for: the one-contact engine decides.
            desk.sizes[LEFT] = 1
            return NONE
        if later == at:
            return at
        at = later
    return NONE


@leaf
def _clear_from(rules, desk, zone, entries, opening, since):
    """The first instant from `since` on that no conflict bars."""
    at = since
    moved = True
    while moved:
        moved = False
        for conflict in range(len(rules.conflicts)):
            for place in range(desk.sizes[TOUCHES]):
                shape = desk.touch.kind[place]
                low, high = barred(rules, zone, conflict, opening, rules.shapes.first[shape],
                                   rules.shapes.then[shape], desk.touch.at[place])
                if low <= at <= high:
                    at = high + 1
                    moved = True
            for winner in range(desk.sizes[WINNERS]):
                other = entries.claim.opening[desk.winner.entry[winner]]
                low, high = barred(rules, zone, conflict, opening, rules.openings.first[other],
                                   rules.openings.then[other], desk.winner.at[winner])
                if low <= at <= high:
                    at = high + 1
                    moved = True
    return at


@leaf
def _met_from(rules, desk, zone, entries, entry, need, since):
    """The first instant from `since` on at which a requirement is met; `FOREVER` if never."""
    at = since
    while True:
        if met_after(rules, desk, zone, entries, entry, need, at):
            return at
        later = FOREVER
        for place in range(desk.sizes[TOUCHES]):
            if at < desk.touch.at[place] < later:
                later = desk.touch.at[place]
        for winner in range(desk.sizes[WINNERS]):
            if at < desk.winner.at[winner] < later:
                later = desk.winner.at[winner]
        if later == FOREVER:
            return FOREVER
        at = later


# Why it lost


@leaf
def _note(notes, kind, by_history, rule):
    """Remember the first rule of each kind of stop, and in which order the kinds came."""
    place = 2 * kind + by_history
    if notes[place] < 0:
        notes[place] = rule
    if notes[8 + by_history] < 0:
        notes[8 + by_history] = rule


_BY_CAP, _BY_ROOM, _BY_CONFLICT, _BY_NEED = range(4)


@leaf
def _stops(rules, people, contact, desk, entries, entry, at, notes):
    """What stops a claim at an instant: bits for cap, conflict with the past, any conflict, and requirement."""
    openings, windows, zones = rules.openings, rules.windows, rules.zones
    opening = entries.claim.opening[entry]
    zone = people.person.zone[contact]
    obeys = np.int64(openings.traits[opening] & OBEYS_CAPS != 0)
    found = 0
    if obeys:
        for place in range(openings.cell_from[opening], openings.cell_to[opening]):
            cell = rules.cells.cell[place]
            cap = rules.cell_cap[cell]
            limit = limit_of(rules, people, contact, cap)
            if limit == NO_LIMIT:
                continue
            counts, own = place_of(windows, cap, zones, zone, at)
            end = own
            if windows.kind[cap] == RUNNING:
                end = _end_of(windows, zones, zone, cap, openings.ends[opening])
                counts = at < end
            points = rules.cells.points[place]
            if counts and crowd(windows, cap, desk.spans, cell, own, end, points, limit, desk.winner.crowded):
                past = points + load(windows, cap, desk.spans, cell, BEFORE, own, end) > limit
                found |= past
                _note(notes, _BY_CAP if past else _BY_ROOM, past, rules.rule[0] + cap)
    campaign = openings.campaign[opening]
    repeat = openings.repeats[opening]
    same = siblings = 0
    for winner in range(desk.sizes[WINNERS]):
        other = desk.winner.entry[winner]
        same += openings.campaign[entries.claim.opening[other]] == campaign
        siblings += entries.claim.group[other] == entries.claim.group[entry]
    if repeat >= 0 and desk.counts[campaign] + same >= repeat:
        past = desk.counts[campaign] >= repeat
        found |= past
        _note(notes, _BY_CAP if past else _BY_ROOM, past, rules.rule[1] + campaign)
        for winner in range(desk.sizes[WINNERS]):
            if openings.campaign[entries.claim.opening[desk.winner.entry[winner]]] == campaign:
                desk.winner.crowded[winner] = True
    if siblings:
        _note(notes, _BY_ROOM, 0, rules.rule[2] + campaign)
        for winner in range(desk.sizes[WINNERS]):
            if entries.claim.group[desk.winner.entry[winner]] == entries.claim.group[entry]:
                desk.winner.crowded[winner] = True
    if openings.first[opening] or openings.then[opening]:
        found |= _conflicts(rules, desk, zone, entries, opening, obeys, at, notes)
    if openings.needy[opening]:
        for need in range(len(rules.within)):
            if openings.needy[opening] >> need & 1 and not met_after(rules, desk, zone, entries, entry, need, at):
                found |= 8
                _note(notes, _BY_NEED, 0, rules.rule[4] + need)
    return found


@leaf
def _conflicts(rules, desk, zone, entries, opening, obeys, at, notes):
    openings = rules.openings
    found = 0
    for conflict in range(len(rules.conflicts)):
        for place in range(desk.sizes[TOUCHES]):
            shape = desk.touch.kind[place]
            low, high = barred(rules, zone, conflict, opening, rules.shapes.first[shape],
                               rules.shapes.then[shape], desk.touch.at[place])
            if low <= at <= high:
                found |= 6
                _note(notes, _BY_CONFLICT, 1, rules.rule[3] + conflict)
                break
    # The winners in the order of claims.
    for number in range(desk.sizes[WINNERS]):
        for winner in range(desk.sizes[WINNERS]):
            if desk.winner.number[winner] != number:
                continue
            other = entries.claim.opening[desk.winner.entry[winner]]
            for conflict in range(len(rules.conflicts)):
                low, high = barred(rules, zone, conflict, opening, openings.first[other], openings.then[other],
                                   desk.winner.at[winner])
                if low <= at <= high:
                    past = 1 if obeys and not openings.traits[other] & OBEYS_CAPS else 0
                    found |= 6 if past else 4
                    _note(notes, _BY_CONFLICT, past, rules.rule[3] + conflict)
                    desk.winner.crowded[winner] = True
    return found


@leaf
def why(rules, people, contact, desk, entries, entry, exempt, main, notes):
    """The reason for which an eligible claim lost, and the first rule that stopped it."""
    notes[:] = -1
    for winner in range(desk.sizes[WINNERS]):
        desk.winner.crowded[winner] = False
    all_capped = all_past = all_conflict = all_stopped = True
    for place in range(entries.claim.at_from[entry], entries.claim.at_to[entry]):
        if entries.time.fits[place]:
            stops = _stops(rules, people, contact, desk, entries, entry, entries.time.at[place], notes)
            all_capped = all_capped and stops & 1 != 0
            all_past = all_past and stops & 3 != 0
            all_conflict = all_conflict and stops & 7 != 0
            all_stopped = all_stopped and stops & 15 != 0
    opening = entries.claim.opening[entry]
    kind = _BY_ROOM
    reason = OUTBID
    if all_capped:
        reason, kind = CAPPED, _BY_CAP
    elif all_past:
        reason, kind = CONFLICT, _BY_CONFLICT
    elif rules.openings.needy[opening] and not _possible(rules, entries, entry, exempt, main):
        reason, kind = REQUIRES, _BY_NEED
    elif all_conflict:
        reason, kind = CONFLICT, _BY_CONFLICT
    elif all_stopped:
        reason, kind = REQUIRES, _BY_NEED
    for place in (2 * kind + 1, 2 * kind, 9, 8):
        if notes[place] >= 0:
            return reason, notes[place]
    return reason, -1


@kernel
def _possible(rules, entries, entry, exempt, main):
    """Whether any feasible set contains a claim."""
    obeys = np.int64(rules.openings.traits[entries.claim.opening[entry]] & OBEYS_CAPS != 0)
    found = main if obeys else exempt
    chosen = np.zeros(len(found.items), np.bool_)
    answer(rules, entries, found, chosen, entry, NOBODY)
    for item in range(len(chosen)):
        if chosen[item] and found.items.entry[item] == entry:
            return True
    return False


# What it would have taken


@leaf
def _total(rules, entries, found, chosen, force):
    total = 0
    for item in range(len(chosen)):
        if chosen[item] and found.items.entry[item] != force:
            total += entries.claim.weight[found.items.entry[item]] - rules.reserve
    return total


@kernel
def displaced(rules, desk, entries, entry, main, total):
    """The value of what a granted claim that obeys caps pushed out; `NONE` where the search was given up."""
    chosen = np.zeros(len(main.items), np.bool_)
    if not answer(rules, entries, main, chosen, NOBODY, entry):
        desk.sizes[LEFT] = 1
        return NONE
    without = _total(rules, entries, main, chosen, NOBODY)
    for winner in range(desk.sizes[EXEMPTS]):
        without += entries.claim.weight[desk.winner.entry[winner]] - rules.reserve
    return without - (total - entries.claim.weight[entry] + rules.reserve)


@leaf
def _wins(rules, desk, entries, entry, found, chosen, force):
    if not answer(rules, entries, found, chosen, force, NOBODY):
        desk.sizes[LEFT] = 1
    for item in range(len(chosen)):
        if chosen[item] and found.items.entry[item] == entry:
            return True
    return False


@kernel
def needs(rules, desk, entries, entry, found):
    """The smallest weight with which a losing claim would have been granted; `NONE` where no weight would do."""
    count = len(found.items)
    now, forced = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    if not _wins(rules, desk, entries, entry, found, forced, entry):
        return NONE
    _wins(rules, desk, entries, entry, found, now, NOBODY)
    # How much less the others reach, level by level, once the claim is forced in.
    short = 0
    done = np.zeros(count, np.bool_)
    while True:
        first = -1
        for item in range(count):
            rival = found.items.entry[item]
            if (
                (now[item] or forced[item])
                and rival != entry
                and not done[item]
                and not level_before(rules, entries, entry, rival)
                and (first < 0 or level_before(rules, entries, rival, first))
            ):
                first = rival
        short = 0
        if first < 0:
            break
        for item in range(count):
            rival = found.items.entry[item]
            if level_before(rules, entries, rival, first) or level_before(rules, entries, first, rival):
                continue
            done[item] = True
            if rival != entry:
                short += (entries.claim.weight[rival] - rules.reserve) * (int(now[item]) - int(forced[item]))
        if not level_before(rules, entries, first, entry):
            break
        if short > 0:
            return NONE
        if short < 0:
            break
    own = entries.claim.weight[entry]
    least = rules.reserve + max(1, short)
    best = NONE
    for weight in (least, least + 1):
        if weight <= _LARGEST_WEIGHT and best == NONE:
            entries.claim.weight[entry] = weight
            if _wins(rules, desk, entries, entry, found, forced, NOBODY):
                best = weight
    entries.claim.weight[entry] = own
    return best


# The answers


@leaf
def _add_row(rows, contact, label, outcome, reason, rule, weight):
    place = rows.used[0]
    rows.row.contact[place] = contact
    rows.row.label[place] = label
    rows.row.outcome[place] = outcome
    rows.row.reason[place] = reason
    rows.row.rule[place] = rule
    rows.row.weight[place] = weight
    rows.row.send_at[place] = NONE
    rows.row.retry_at[place] = NONE
    rows.row.displaced[place] = NONE
    rows.row.needs[place] = NONE
    rows.used[0] = place + 1
    rows.row.lost_from[place] = rows.row.lost_to[place] = rows.used[1]
    return place


@leaf
def _add_lost(rules, rows, desk, entries):
    """The campaigns of the winners that take the room, in the order of claims, each once."""
    place = rows.used[0] - 1
    start = rows.used[1]
    for number in range(desk.sizes[WINNERS]):
        for winner in range(desk.sizes[WINNERS]):
            if desk.winner.crowded[winner] and desk.winner.number[winner] == number:
                campaign = rules.openings.campaign[entries.claim.opening[desk.winner.entry[winner]]]
                known = False
                for other in range(start, rows.used[1]):
                    known = known or rows.lost[other] == campaign
                if not known:
                    rows.lost[rows.used[1]] = campaign
                    rows.used[1] += 1
    rows.row.lost_to[place] = rows.used[1]


@kernel
def settle(rules, people, contact, history, desk, entries, low, high, everything, derived, rows, order, notes):
    """Settle one contact and write his answers; False where the one-contact engine must."""
    openings = rules.openings
    clear_desk(rules, desk)
    zone = people.person.zone[contact]
    eligible = exempts = timed = 0
    for entry in range(low, high):
        timed += entries.claim.timed[entry]
        if entries.claim.state[entry] == 0:
            eligible += 1
            exempts += openings.traits[entries.claim.opening[entry]] & OBEYS_CAPS == 0
    if eligible or timed:
        read_history(rules, history, contact, zone, desk, entries, low, high, derived)
    exempt = contest(rules, people, contact, desk, entries, low, high if exempts else low, NO)
    if exempts:
        grant(rules, people, contact, desk, entries, exempt, NO)
    main = contest(rules, people, contact, desk, entries, low, high if eligible > exempts else low, YES)
    if eligible > exempts:
        grant(rules, people, contact, desk, entries, main, YES)
    if desk.sizes[LEFT]:
        return False
    number_winners(rules, desk, entries)
    for entry in range(low, high):
        desk.won[entry - low] = -1
    total = 0
    for winner in range(desk.sizes[WINNERS]):
        entry = desk.winner.entry[winner]
        desk.won[entry - low] = winner
        total += entries.claim.weight[entry] - rules.reserve
    for entry in range(low, high):
        opening, label = entries.claim.opening[entry], entries.claim.label[entry]
        obeys = np.int64(openings.traits[opening] & OBEYS_CAPS != 0)
        if desk.won[entry - low] >= 0:
            place = _add_row(rows, contact, label, GRANTED_OUTCOME, GRANTED, -1, entries.claim.weight[entry])
            rows.row.send_at[place] = desk.winner.at[desk.won[entry - low]]
            if rules.explain:
                if not obeys:
                    return False
                rows.row.displaced[place] = displaced(rules, desk, entries, entry, main, total)
            order[place] = entry
            continue
        later = NONE
        wanted = NONE
        lost = False
        if entries.claim.state[entry] == 0:
            if rules.explain:
                wanted = needs(rules, desk, entries, entry, main if obeys else exempt)
            if entries.claim.weight[entry] <= rules.reserve:
                reason, rule = NOT_WORTH_IT, RULE_RESERVE
            else:
                reason, rule = why(rules, people, contact, desk, entries, entry, exempt, main, notes)
                lost = True
                if reason == CAPPED or reason == CONFLICT or reason == OUTBID:
                    later = retry(rules, people, contact, desk, entries, entry)
        else:
            reason, rule = entries.claim.state[entry], entries.claim.rule[entry]
            if entries.claim.timed[entry] and entries.claim.weight[entry] > rules.reserve:
                later = retry(rules, people, contact, desk, entries, entry)
        if desk.sizes[LEFT]:
            return False
        outcome = DEFERRED_OUTCOME if later != NONE and openings.traits[opening] & DEFERS else DENIED_OUTCOME
        weight = entries.claim.weight[entry] if entries.claim.state[entry] == 0 or entries.claim.timed[entry] else NONE
        place = _add_row(rows, contact, label, outcome, reason, rule, weight)
        rows.row.retry_at[place] = later
        rows.row.needs[place] = wanted
        if lost:
            _add_lost(rules, rows, desk, entries)
        order[place] = entry
    return not desk.sizes[LEFT]


@entry
def settle_all(
    rules, people, history, desk, entries, entry_first, start, stop, everything, derived, label_when, rows, order, tally, doubt, left
):
    """Settle contacts of a block; the numbers of those that were left go to `left`; how many there are."""
    notes = np.empty(10, np.int64)
    count = 0
    for contact in range(start, stop):
        low, high = entry_first[contact - start], entry_first[contact - start + 1]
        if low == high:
            continue
        if doubt[contact - start]:
            left[count] = contact
            count += 1
            continue
        first, lost = rows.used[0], rows.used[1]
        if not settle(rules, people, contact, history, desk, entries, low, high, everything, derived, rows, order, notes):
            rows.used[0], rows.used[1] = first, lost
            left[count] = contact
            count += 1
            continue
        _count(rules, people, contact, rows, order, entries, first, tally)
        _put_in_order(rules, entries, rows, order, first, label_when, everything)
    return count


@leaf
def _count(rules, people, contact, rows, order, entries, first, tally):
    stage = people.person.stage[contact]
    for place in range(first, rows.used[0]):
        outcome = rows.row.outcome[place]
        tally.labels[entries.claim.opening[order[place]], rows.row.reason[place], outcome] += 1
        tally.stages[stage, outcome] += 1
        if outcome == GRANTED_OUTCOME:
            tally.sums[0] += rows.row.weight[place] - rules.reserve
        elif rows.row.rule[place] >= 0:
            tally.rules[rows.row.rule[place]] += 1


@leaf
def _row_before(rules, entries, rows, one, one_entry, other, other_entry, label_when):
    """Whether a row stands before another: those with a weight first, in the order of claims."""
    weight, rival = rows.row.weight[one], rows.row.weight[other]
    if weight != rival:
        return weight > rival
    asks = entries.time.at[entries.claim.at_from[one_entry]] if label_when[rows.row.label[one]] else 0
    rival = entries.time.at[entries.claim.at_from[other_entry]] if label_when[rows.row.label[other]] else 0
    if asks != rival:
        return asks < rival
    tie, rival = rules.openings.tie[entries.claim.opening[one_entry]], rules.openings.tie[entries.claim.opening[other_entry]]
    if tie != rival:
        return tie < rival
    return label_when[rows.row.label[one]] < label_when[rows.row.label[other]]


@kernel
def _put_in_order(rules, entries, rows, order, first, label_when, everything):
    """Sort the rows of a contact, and let go of those that are not asked for."""
    last = rows.used[0]
    size = last - first
    places = np.empty(size, np.int64)
    count = 0
    for place in range(first, last):
        if rows.row.outcome[place] == DENIED_OUTCOME and not everything:
            continue
        at = count
        while at > 0 and _row_before(rules, entries, rows, place, order[place], places[at - 1], order[places[at - 1]], label_when):
            places[at] = places[at - 1]
            at -= 1
        places[at] = place
        count += 1
    lost_from = rows.row.lost_from[first] if size else 0
    lost = rows.lost[lost_from : rows.used[1]].copy()
    held = rows.row[first:last].copy()
    used = lost_from
    for at in range(count):
        own = places[at] - first
        rows.row[first + at] = held[own]
        rows.row.lost_from[first + at] = used
        for place in range(held.lost_from[own], held.lost_to[own]):
            rows.lost[used] = lost[place - lost_from]
            used += 1
        rows.row.lost_to[first + at] = used
    rows.used[0] = first + count
    rows.used[1] = used
