"""Deciding over columns: one contact's rounds, and the reason of each claim.

The same as `journeykit.engine.round` and `journeykit.engine.reasons`, on arrays. The state of one contact at a time is
in a `DecisionWorkspace`: arrays that are made once and used for every contact.
"""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.codes import (
    CAPPED,
    CLOSED,
    CONFLICT,
    COUNTS,
    DATED,
    DEFERRED_OUTCOME,
    DEFERS,
    DENIED_OUTCOME,
    GRANTED,
    GRANTED_OUTCOME,
    LAST_INSTANT,
    LAST_REASON,
    MISSING,
    NO_LIMIT,
    NONE,
    NOT_WORTH_IT,
    OBEYS_CAPS,
    OBEYS_HOURS,
    OUTBID,
    PAUSED,
    QUOTA_FULL,
    REQUIRES,
    RULE_RESERVE,
    RULE_SCORE,
    SCORED,
)
from journeykit.kernels.interface.problem_arrays import MOST_ROWS
from journeykit.kernels.interface.rules import EVER, FOREVER, NUMBER, PROPENSITY, ROLLING, RUNNING, WEIGHT
from journeykit.kernels.interface.workspaces import (
    BEFORE,
    CLAUSES,
    EXEMPT,
    EXEMPTS,
    FOUND,
    HISTORY,
    ITEMS,
    LEFT,
    LINES,
    MEMBERS,
    PARTNERS,
    RIVAL,
    TOUCHES,
    WINNER,
    WINNERS,
)
from journeykit.kernels.native.collect_claims import (
    further_rule,
    hours_open,
    is_by_opening,
    lasting_faults,
    outside_then,
    timely_faults,
)
from journeykit.kernels.native.exact_search import solve
from journeykit.kernels.native.jit import entry_point, inlined, kernel
from journeykit.kernels.native.local_time import day_of, day_start
from journeykit.kernels.native.window_spans import (
    add_span,
    back,
    crowd,
    first_fit,
    load,
    place_of,
)

_STEPS = 10_000
_TRIFLE = 1e-3
_LARGEST_WEIGHT = 10**15
_FORCED = -(2**61)
NOBODY, NO, YES = np.int64(-1), np.int64(0), np.int64(1)


@inlined
def clear_desk(rules, desk):
    """Forget the contact before."""
    touch = desk.touch
    sizes = desk.sizes
    counted = desk.counts
    shapes = rules.shapes
    spans = desk.spans
    for place in range(spans.count[0]):
        spans.head[spans.cell[place]] = -1
    spans.count[0] = 0
    for place in range(sizes[TOUCHES]):
        campaign = shapes.campaign[touch.kind[place]]
        if campaign >= 0:
            counted[campaign] = 0
    sizes[:] = 0


@kernel
def read_history(rules, history, contact, zone, desk, entries, low, high, derived):
    """The touches that count, as spans in the caps' windows."""
    touch = desk.touch
    sizes = desk.sizes
    counted = desk.counts
    cell_cap = rules.cell_cap
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
        touch.at[count] = at
        touch.kind[count] = shape
        count += 1
        if shapes.campaign[shape] >= 0:
            counted[shapes.campaign[shape]] += 1
        for cell_place in range(shapes.cell_from[shape], shapes.cell_to[shape]):
            cell = rules.shape_cells.cell[cell_place]
            window = cell_cap[cell]
            kind = windows.kind[window]
            if kind == ROLLING:
                if at + windows.span[window] > rules.now:
                    add_span(desk.spans, cell, at, at, rules.shape_cells.points[cell_place], -1, HISTORY)
                continue
            if kind != EVER and kind != RUNNING:
                # What is older than all that the zones are known for is too old for any window of days.
                if at > zones.high:
                    sizes[LEFT] = 1
                if not zones.low <= at <= zones.high:
                    continue
            _stand(
                windows,
                zones,
                zone,
                desk.spans,
                cell,
                window,
                at,
                shapes.ends[shape],
                rules.shape_cells.points[cell_place],
                -1,
                HISTORY,
            )
    sizes[TOUCHES] = count


@kernel
def _asked_again(openings, shapes, shape, entries, low, high):
    """Whether a planned touch is one of the claims, and so replaced by it."""
    claim = entries.claim
    for entry in range(low, high):
        opening = claim.opening[entry]
        if (
            openings.campaign[opening] == shapes.campaign[shape]
            and (shapes.content[shape] == -1 or shapes.content[shape] == openings.content[opening])
            and (shapes.channel[shape] == -1 or shapes.channel[shape] == openings.channel[opening])
            and (shapes.id[shape] == 0 or shapes.id[shape] == claim.id[entry])
        ):
            return True
    return False


@kernel
def _end_of(windows, zones, zone, window, ends):
    """For a `running` window, when a campaign that ends on a local date is over."""
    if windows.kind[window] != RUNNING or ends <= NONE or ends >= 10**9:
        return FOREVER
    own = windows.zone[window]
    return day_start(zones, zone if own < 0 else own, ends + 1)


@kernel
def _stand(windows, zones, zone, spans, cell, window, at, ends, points, who, layer):
    counts, place = place_of(windows, window, zones, zone, at)
    end = place
    if windows.kind[window] == RUNNING:
        end = _end_of(windows, zones, zone, window, ends)
        counts = at < end
    if counts:
        add_span(spans, cell, place, end, points, who, layer)


@kernel
def limit_of(caps, audience, limits, contact, cap):
    """The limit of a cap for a contact; `NO_LIMIT` where it does not bind them."""
    rule = caps.audience[cap]
    if rule >= 0 and not audience[contact, rule >> 6] >> (rule & 63) & 1:
        return NO_LIMIT
    own = caps.own[cap]
    return caps.limit[cap] if own < 0 else limits[contact, own]


# What prices of quotas take


@inlined
def kind_of(rules, zone, opening, at):
    """The kind, among what quotas tell apart, of what an opening sends at an instant."""
    edges = rules.quotas.edge
    kind = opening * (len(edges) + 1)
    if len(edges):
        day = day_of(rules.zones, zone, at)
        for place in range(len(edges)):
            kind += day >= edges[place]
    return kind


@kernel
def amount_of(quotas, claim, entry, column):
    """What a claim has of a column that quotas add up, in smallest units."""
    source = quotas.source[column]
    if source == WEIGHT:
        return claim.weight[entry]
    if source == PROPENSITY:
        chance = claim.propensity[entry]
        return np.int64(1_000_000_000) if chance != chance else np.int64(np.rint(chance * 1e9))
    return quotas.number[claim.claim_row[entry], source - NUMBER]


@kernel
def use_of(quotas, claim, entry, kind, side):
    """What a claim uses of one side of a quota, in smallest units."""
    column = quotas.column[side]
    if column < 0:
        return quotas.fixed[kind, side]
    factor = quotas.factor[kind, side]
    return factor * amount_of(quotas, claim, entry, column) if factor else np.int64(0)


@kernel
def term_of(quotas, claim, entry, kind, side):
    """What the price of one side of a quota takes from a claim, in weight."""
    price = quotas.price[quotas.slot[claim.opening[entry]], side]
    if price == 0:
        return 0.0
    return price * (use_of(quotas, claim, entry, kind, side) / quotas.unit[side])


@kernel
def charge_of(quotas, claim, entry, kind):
    """What the prices of quotas take from a claim, in millionths."""
    total = 0.0
    for place in range(quotas.touched[kind], quotas.touched[kind + 1]):
        total += term_of(quotas, claim, entry, kind, quotas.sides[place])
    return np.int64(np.rint(total * 1_000_000))


@kernel
def part_of(quotas, claim, entry, kind, sign):
    """What those of them take (sign 1), or add (-1, as a number below 0), that do so."""
    total = 0.0
    for place in range(quotas.touched[kind], quotas.touched[kind + 1]):
        term = term_of(quotas, claim, entry, kind, quotas.sides[place])
        if term * sign > 0:
            total += term
    return np.int64(np.rint(total * 1_000_000))


@kernel
def full_quotas(rules, desk, zone, entries, entry, rows):
    """Bind the rules of the quotas that take from a claim at any instant, the dearest first.

    Where none does, those that it uses, the hard ones first.
    """
    claim, time, quotas, dearest = entries.claim, entries.time, rules.quotas, desk.dearest
    sides = len(quotas.unit)
    for side in range(sides):
        dearest[side] = 0.0
    most = 0.0
    for at in range(claim.at_from[entry], claim.at_to[entry]):
        if time.fits[at]:
            kind = kind_of(rules, zone, claim.opening[entry], time.at[at])
            for place in range(quotas.touched[kind], quotas.touched[kind + 1]):
                side = quotas.sides[place]
                dearest[side] = max(dearest[side], term_of(quotas, claim, entry, kind, side))
                most = max(most, dearest[side])
    if most > 0.0:
        # What saved prices add to break ties is no reason.
        least = _TRIFLE * most
        while True:
            best = np.int64(-1)
            for side in range(sides):
                if dearest[side] > least and (best < 0 or dearest[side] > dearest[best]):
                    best = side
            if best < 0:
                return
            bind(rules, rows, quotas.rule[best])
            dearest[best] = 0.0
    for wanted in range(2):
        for side in range(sides):
            if (quotas.hard[side] != 0) == (wanted == 0) and _uses(rules, zone, entries, entry, side):
                bind(rules, rows, quotas.rule[side])


@kernel
def _uses(rules, zone, entries, entry, side):
    """Whether a claim uses something of a side of a quota at any of its instants."""
    claim, time = entries.claim, entries.time
    for at in range(claim.at_from[entry], claim.at_to[entry]):
        if time.fits[at]:
            kind = kind_of(rules, zone, claim.opening[entry], time.at[at])
            if use_of(rules.quotas, claim, entry, kind, side) > 0:
                return True
    return False


@kernel
def verdict(rules, zone, entries, entry):
    """What prices make of a claim that lost: whether it is hopeless, and what they take at least."""
    claim, time = entries.claim, entries.time
    worth = claim.weight[entry] - rules.reserve
    if not rules.quotas.charged:
        return worth <= 0, np.int64(NONE)
    hopeless = True
    least = np.int64(2**62)
    for place in range(claim.at_from[entry], claim.at_to[entry]):
        if time.fits[place]:
            kind = kind_of(rules, zone, claim.opening[entry], time.at[place])
            charge = charge_of(rules.quotas, claim, entry, kind)
            hopeless = hopeless and worth - part_of(rules.quotas, claim, entry, kind, -1) <= 0
            least = min(least, charge)
    return hopeless, least


# Conflicts and requirements


@kernel
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


@kernel
def clashes(rules, zone, opening, at, first, then, when):
    """Whether a touch, or winner, bars an opening at an instant."""
    openings = rules.openings
    if not (openings.then[opening] & first or openings.first[opening] & then):
        return False
    for conflict in range(len(rules.conflicts)):
        low, high = barred(rules, zone, conflict, opening, first, then, when)
        if low <= at <= high:
            return True
    return False


@kernel
def met_by_history(rules, desk, zone, need, at):
    """Whether a touch will do for a requirement at an instant."""
    touch = desk.touch
    sizes = desk.sizes
    window = rules.within[need]
    if window < 0:
        return False
    windows, zones, shapes = rules.windows, rules.zones, rules.shapes
    for place in range(sizes[TOUCHES]):
        shape, when = touch.kind[place], touch.at[place]
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


@kernel
def met_before(rules, desk, zone, entries, need, at, obeys):
    """Whether the history, or a winner that came before the contest, will do for a requirement."""
    claim = entries.claim
    winners = desk.winner
    sizes = desk.sizes
    openings = rules.openings
    if met_by_history(rules, desk, zone, need, at):
        return True
    if obeys:
        for winner in range(sizes[EXEMPTS]):
            opening = claim.opening[winners.entry[winner]]
            if openings.partner[opening] >> need & 1 and winners.at[winner] <= at:
                return True
    return False


@kernel
def met_after(rules, desk, zone, entries, entry, need, at):
    """Whether a requirement of a claim is met by the history or by any winner that may be its partner."""
    claim = entries.claim
    winners = desk.winner
    sizes = desk.sizes
    openings = rules.openings
    obeys = np.int64(openings.traits[claim.opening[entry]] & OBEYS_CAPS != 0)
    if met_before(rules, desk, zone, entries, need, at, obeys):
        return True
    tier = openings.tier[claim.opening[entry]]
    for winner in range(sizes[WINNERS]):
        other = winners.entry[winner]
        opening = claim.opening[other]
        exempt = openings.traits[opening] & OBEYS_CAPS == 0
        early = openings.tier[opening] <= tier
        if (
            other != entry
            and openings.partner[opening] >> need & 1
            and winners.at[winner] <= at
            and ((exempt or early) if obeys else (exempt and early))
        ):
            return True
    return False


# The contest


@kernel
def goes_before(openings, claim, one, one_at, other, other_at):
    """Whether a claim at an instant comes before another in the order of claims."""
    if claim.weight[one] != claim.weight[other]:
        return claim.weight[one] > claim.weight[other]
    if one_at != other_at:
        return one_at < other_at
    ties = openings.tie
    if ties[claim.opening[one]] != ties[claim.opening[other]]:
        return ties[claim.opening[one]] < ties[claim.opening[other]]
    return claim.own[one] < claim.own[other]


@inlined
def add_member(problem, item, use):
    """Add an item to the row that is being made."""
    place = problem.size[MEMBERS]
    problem.members.pick[place], problem.members.use[place] = item, use
    problem.size[MEMBERS] = place + 1


@inlined
def end_row(problem, start, total, room):
    """End the row that is being made, and forget it where it can stop nothing."""
    if total <= room:
        problem.size[MEMBERS] = start
    else:
        row = problem.size[LINES]
        problem.rows.start[row], problem.rows.stop[row] = start, problem.size[MEMBERS]
        problem.rows.room[row] = max(0, room)
        problem.size[LINES] = row + 1


@inlined
def is_full(problem, count):
    """Whether there might be no room for one more row."""
    return problem.size[LINES] >= MOST_ROWS or problem.size[MEMBERS] + count > len(problem.members)


@kernel
def contest(rules, people, contact, desk, entries, low, high, obeys, problem):
    """The problem that claims make; False where it is too large."""
    claim = entries.claim
    time = entries.time
    openings = rules.openings
    items = problem.items
    for place in range(5):
        problem.size[place] = 0
    count = 0
    single = True
    for entry in range(low, high):
        opening = claim.opening[entry]
        if claim.state[entry] or (openings.traits[opening] & OBEYS_CAPS != 0) != (obeys != 0):
            continue
        for place in range(claim.at_from[entry], claim.at_to[entry]):
            if time.fits[place]:
                if count >= len(items):
                    return False
                items.entry[count], items.at[count], items.shut[count] = entry, time.at[place], 0
                items.group[count] = claim.group[entry]
                items.charge[count] = items.free[count] = items.wins[count] = 0
                if len(rules.quotas.unit):
                    kind = kind_of(rules, people.person.zone[contact], opening, time.at[place])
                    items.kind[count] = kind
                    if rules.quotas.charged:
                        items.charge[count] = charge_of(rules.quotas, claim, entry, kind)
                        items.free[count] = part_of(rules.quotas, claim, entry, kind, -1)
                single = single and time.at[place] == items.at[0]
                count += 1
    problem.size[ITEMS] = count
    if not _repeats_and_groups(rules, desk, entries.claim, problem):
        return False
    if obeys and not _cap_rows(rules, people, contact, desk, entries.claim, problem, single):
        return False
    if len(rules.conflicts) and not _conflict_rows(rules, people, contact, desk, entries.claim, problem, obeys):
        return False
    return len(rules.within) == 0 or _clauses(rules, people, contact, desk, entries, problem, obeys)


@kernel
def repeated(rules, desk, campaign, id_):
    """How many touches a claim of a campaign repeats: those of its id, and those whose claim had none.

    A claim without an id repeats all of the campaign.
    """
    shapes, touch = rules.shapes, desk.touch
    count = desk.counts[campaign]
    if id_ == 0 or count == 0:
        return count
    for place in range(desk.sizes[TOUCHES]):
        shape = touch.kind[place]
        if shapes.campaign[shape] == campaign and shapes.id[shape] != 0 and shapes.id[shape] != id_:
            count -= 1
    return count


@inlined
def is_same(openings, claim, one, other):
    """Whether two claims are of one campaign and have the same id, or none."""
    return (
        openings.campaign[claim.opening[one]] == openings.campaign[claim.opening[other]]
        and claim.id[one] == claim.id[other]
    )


@kernel
def _repeats_and_groups(rules, desk, claim, problem):
    """Rows of the items of one campaign, history and this decision together; and of the contents of one claim."""
    items, openings = problem.items, rules.openings
    count = problem.size[ITEMS]
    for item in range(count):
        entry = items.entry[item]
        repeats = openings.repeats[claim.opening[entry]]
        if repeats < 0:
            continue
        first = True
        other = item - 1
        while first and other >= 0:
            first = not is_same(openings, claim, items.entry[other], entry)
            other -= 1
        if not first:
            continue
        left = repeats - repeated(rules, desk, openings.campaign[claim.opening[entry]], claim.id[entry])
        start = problem.size[MEMBERS]
        if is_full(problem, count):
            return False
        for other in range(item, count):
            if is_same(openings, claim, items.entry[other], entry):
                if left <= 0:
                    items.shut[other] = 1
                else:
                    add_member(problem, other, 1)
        end_row(problem, start, problem.size[MEMBERS] - start, left)
    for item in range(count):
        first = True
        other = item - 1
        while first and other >= 0:
            first = items.group[other] != items.group[item]
            other -= 1
        if first:
            start = problem.size[MEMBERS]
            if is_full(problem, count):
                return False
            for other in range(item, count):
                if items.group[other] == items.group[item]:
                    add_member(problem, other, 1)
            end_row(problem, start, problem.size[MEMBERS] - start, 1)
    return True


@kernel
def _points_in(openings, cells, opening, cell):
    """How much an opening weighs in a cell; -1 where it does not count there."""
    for place in range(openings.cell_from[opening], openings.cell_to[opening]):
        if cells.cell[place] == cell:
            return cells.points[place]
    return -1


@kernel
def _cap_rows(rules, people, contact, desk, claim, problem, single):
    """Rows of what some window of some cap holds together."""
    cell_cap = rules.cell_cap
    person = people.person
    openings, cells, windows, zones = rules.openings, rules.cells, rules.windows, rules.zones
    items, mark = problem.items, desk.mark
    count, zone = problem.size[ITEMS], person.zone[contact]
    good = True
    for item in range(count):
        opening = claim.opening[items.entry[item]]
        for cell_place in range(openings.cell_from[opening], openings.cell_to[opening]):
            cell = cells.cell[cell_place]
            if mark[cell]:
                continue
            mark[cell] = 1
            cap = cell_cap[cell]
            limit = limit_of(rules.caps, people.audience, people.limit, contact, cap)
            if limit == NO_LIMIT:
                continue
            if not single or windows.kind[cap] == RUNNING:
                good = good and _rows_over_time(rules, zone, desk, claim, problem, item, cell, limit)
                continue
            counts, own = place_of(windows, cap, zones, zone, items.at[0])
            if not counts:
                continue
            left = max(0, limit - load(windows, cap, desk.spans, cell, BEFORE, own, own))
            start = problem.size[MEMBERS]
            if is_full(problem, count):
                # The marks are cleared below, or the contacts that come next would lose these caps.
                good = False
                continue
            total = 0
            for other in range(item, count):
                points = _points_in(openings, cells, claim.opening[items.entry[other]], cell)
                if points >= 0:
                    if points > left:
                        items.shut[other] = 1
                    add_member(problem, other, points)
                    total += points
            end_row(problem, start, total, left)
    for item in range(count):
        opening = claim.opening[items.entry[item]]
        for cell_place in range(openings.cell_from[opening], openings.cell_to[opening]):
            mark[cells.cell[cell_place]] = 0
    return good


@kernel
def _rows_over_time(rules, zone, desk, claim, problem, first, cell, limit):
    """A row for each window of a cell that ends with one of the items or touches."""
    cell_cap = rules.cell_cap
    openings, windows, zones, spans = rules.openings, rules.windows, rules.zones, desk.spans
    items, placed = problem.items, desk.placed
    count, cap = problem.size[ITEMS], cell_cap[cell]
    running = windows.kind[cap] == RUNNING
    size = 0
    span = spans.head[cell]
    while span >= 0:
        if size >= len(placed):
            return False
        placed.edge[size] = spans.start[span]
        size += 1
        span = spans.before[span]
    for item in range(count):
        placed.points[item] = -1
    for item in range(first, count):
        opening = claim.opening[items.entry[item]]
        points = _points_in(openings, rules.cells, opening, cell)
        if points < 0:
            continue
        counts, own = place_of(windows, cap, zones, zone, items.at[item])
        end = own
        if running:
            end = _end_of(windows, zones, zone, cap, openings.ends[opening])
            counts = items.at[item] < end
        if not counts:
            continue
        if load(windows, cap, spans, cell, BEFORE, own, end) + points > limit:
            items.shut[item] = 1
            continue
        if size >= len(placed):
            return False
        placed.start[item], placed.end[item], placed.points[item] = own, end, points
        placed.edge[size] = own
        size += 1
    # The edges in order, each once.
    for at in range(1, size):
        edge, before = placed.edge[at], at - 1
        while before >= 0 and placed.edge[before] > edge:
            placed.edge[before + 1] = placed.edge[before]
            before -= 1
        placed.edge[before + 1] = edge
    for at in range(size):
        edge = placed.edge[at]
        if at + 1 < size and placed.edge[at + 1] == edge:
            continue
        low = edge if running else back(windows, cap, edge)
        if not running and at + 1 < size and back(windows, cap, placed.edge[at + 1]) == low:
            # Of windows that start together, the one that ends last holds what the others hold.
            continue
        if is_full(problem, count):
            return False
        start = problem.size[MEMBERS]
        total = 0
        for item in range(first, count):
            if placed.points[item] >= 0 and (
                placed.start[item] <= edge < placed.end[item] if running else low <= placed.start[item] <= edge
            ):
                add_member(problem, item, placed.points[item])
                total += placed.points[item]
        left = limit
        span = spans.head[cell]
        while span >= 0:
            if spans.start[span] <= edge < spans.end[span] if running else low <= spans.start[span] <= edge:
                left -= spans.points[span]
            span = spans.before[span]
        end_row(problem, start, total, left)
    return True


@kernel
def _conflict_rows(rules, people, contact, desk, claim, problem, obeys):
    """Conflicts: with the history they shut an item, of two items that conflict one goes."""
    winners = desk.winner
    touch = desk.touch
    sizes = desk.sizes
    person = people.person
    openings, shapes, items = rules.openings, rules.shapes, problem.items
    count, zone = problem.size[ITEMS], person.zone[contact]
    for item in range(count):
        opening = claim.opening[items.entry[item]]
        if not (openings.first[opening] or openings.then[opening]):
            continue
        for place in range(sizes[TOUCHES]):
            kind = touch.kind[place]
            if clashes(rules, zone, opening, items.at[item], shapes.first[kind], shapes.then[kind], touch.at[place]):
                items.shut[item] = 1
        for winner in range(sizes[EXEMPTS] if obeys else 0):
            other = claim.opening[winners.entry[winner]]
            if clashes(
                rules, zone, opening, items.at[item], openings.first[other], openings.then[other], winners.at[winner]
            ):
                items.shut[item] = 1
    for item in range(count):
        opening = claim.opening[items.entry[item]]
        if items.shut[item] or not (openings.first[opening] or openings.then[opening]):
            continue
        for rival in range(item + 1, count):
            other = claim.opening[items.entry[rival]]
            if items.shut[rival] or items.entry[rival] == items.entry[item]:
                continue
            if clashes(
                rules, zone, opening, items.at[item], openings.first[other], openings.then[other], items.at[rival]
            ):
                if is_full(problem, 2):
                    return False
                start = problem.size[MEMBERS]
                add_member(problem, item, 1)
                add_member(problem, rival, 1)
                end_row(problem, start, 2, 1)
    return True


@kernel
def _clauses(rules, people, contact, desk, entries, problem, obeys):
    """Requirements: an item, and those of which one must be granted with it."""
    person = people.person
    openings, items, claim = rules.openings, problem.items, entries.claim
    count, zone = problem.size[ITEMS], person.zone[contact]
    for need in range(len(rules.within)):
        for item in range(count):
            opening = claim.opening[items.entry[item]]
            if (
                items.shut[item]
                or not openings.needy[opening] >> need & 1
                or met_before(rules, desk, zone, entries, need, items.at[item], obeys)
            ):
                continue
            clause, partners = problem.size[CLAUSES], problem.size[PARTNERS]
            if clause >= len(problem.clauses) or partners + count > len(problem.partners):
                return False
            problem.clauses.pick[clause], problem.clauses.start[clause] = item, partners
            for rival in range(count):
                other = claim.opening[items.entry[rival]]
                if (
                    not items.shut[rival]
                    and items.entry[rival] != items.entry[item]
                    and openings.partner[other] >> need & 1
                    and items.at[rival] <= items.at[item]
                    and openings.tier[other] <= openings.tier[opening]
                ):
                    problem.partners[partners] = rival
                    partners += 1
            problem.clauses.stop[clause] = partners
            problem.size[CLAUSES], problem.size[PARTNERS] = clause + 1, partners
    return True


@kernel
def level_before(openings, claim, one, other):
    """Whether the level (tier and rank) of a claim is decided before another's."""
    tier, rival = openings.tier[claim.opening[one]], openings.tier[claim.opening[other]]
    return tier < rival or (tier == rival and claim.rank[one] < claim.rank[other])


@kernel
def put_values(openings, reserve, claim, problem, force, without):
    """Values, levels and the order of claims; with a claim forced in, or without one."""
    items = problem.items
    count = problem.size[ITEMS]
    plain = True
    for item in range(count):
        entry = items.entry[item]
        value = claim.weight[entry] - reserve - items.charge[item]
        if entry == force:
            value = 1
        elif claim.weight[entry] <= reserve and items.charge[item] >= 0:
            value = 0
        items.value[item] = 0 if items.shut[item] or entry == without else value
        place = item
        while place > 0:
            before = items.order[place - 1]
            if not goes_before(openings, claim, entry, items.at[item], items.entry[before], items.at[before]):
                break
            items.order[place] = before
            place -= 1
        items.order[place] = item
        items.level[item] = 0
        plain = plain and not level_before(openings, claim, items.entry[0], entry)
        plain = plain and not level_before(openings, claim, entry, items.entry[0])
    if not plain:
        # Levels as whole numbers: how many items come before, level by level.
        for item in range(count):
            for other in range(count):
                if items.value[other] > 0:
                    items.level[item] += level_before(openings, claim, items.entry[other], items.entry[item])
    if force >= 0:
        for item in range(count):
            if items.entry[item] == force:
                items.level[item] = _FORCED


@kernel
def answer(openings, reserve, claim, problem, work, chosen, force, without):
    """The best set for a contest, marked in `chosen`; False where the search was given up."""
    put_values(openings, reserve, claim, problem, force, without)
    return solve(problem, work, chosen)


@kernel
def pick_given(rules, desk, claim, found, given, contact, obeys):
    """Mark what a contest chooses, or what was chosen for it; False where that cannot be, or a search failed."""
    if given.known <= obeys:
        return answer(rules.openings, rules.reserve, claim, found, desk.work, desk.chosen, NOBODY, NOBODY)
    put_values(rules.openings, rules.reserve, claim, found, NOBODY, NOBODY)
    chosen, order = desk.chosen, found.items.order
    for item in range(found.size[ITEMS]):
        chosen[item] = False
    if obeys:
        for place in range(given.main_first[contact], given.main_first[contact + 1]):
            chosen[order[given.main[place]]] = True
    else:
        for place in range(given.exempt_first[contact], given.exempt_first[contact + 1]):
            chosen[order[given.exempt[place]]] = True
    return holds(found, chosen)


@kernel
def holds(problem, chosen):
    """Whether a choice keeps every rule of a contest."""
    for item in range(problem.size[ITEMS]):
        if chosen[item] and problem.items.shut[item]:
            return False
    for row in range(problem.size[LINES]):
        used = np.int64(0)
        for place in range(problem.rows.start[row], problem.rows.stop[row]):
            if chosen[problem.members.pick[place]]:
                used += problem.members.use[place]
        if used > problem.rows.room[row]:
            return False
    for clause in range(problem.size[CLAUSES]):
        if chosen[problem.clauses.pick[clause]]:
            met = False
            for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                met = met or chosen[problem.partners[place]]
            if not met:
                return False
    return True


@inlined
def grant(rules, people, contact, desk, entries, found, chosen, obeys):
    """Settle a contest: its winners, and their places in the caps' windows."""
    claim = entries.claim
    winners = desk.winner
    sizes = desk.sizes
    cells = rules.cells
    cell_cap = rules.cell_cap
    person = people.person
    items = found.items
    openings, windows, zones = rules.openings, rules.windows, rules.zones
    for item in range(found.size[ITEMS]):
        if not chosen[item]:
            continue
        entry, at = items.entry[item], items.at[item]
        opening = claim.opening[entry]
        winner = sizes[WINNERS]
        winners.entry[winner], winners.at[winner], winners.charge[winner] = entry, at, items.charge[item]
        sizes[WINNERS] += 1
        if not obeys:
            sizes[EXEMPTS] += 1
        counts = openings.traits[opening] & COUNTS
        if not obeys and not counts:
            continue
        layer = EXEMPT if not obeys else WINNER if counts else RIVAL
        for place in range(openings.cell_from[opening], openings.cell_to[opening]):
            cell = cells.cell[place]
            _stand(
                windows,
                zones,
                person.zone[contact],
                desk.spans,
                cell,
                cell_cap[cell],
                at,
                openings.ends[opening],
                cells.points[place],
                winner,
                layer,
            )


@inlined
def number_winners(rules, desk, entries):
    """The place of each winner in the order of claims."""
    winners = desk.winner
    sizes = desk.sizes
    for winner in range(sizes[WINNERS]):
        winners.number[winner] = 0
        for other in range(sizes[WINNERS]):
            if goes_before(
                rules.openings,
                entries.claim,
                winners.entry[other],
                winners.at[other],
                winners.entry[winner],
                winners.at[winner],
            ):
                winners.number[winner] += 1


# When it may go after all


@kernel
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


@kernel
def since_of(rules, entries, entry):
    """The first instant for which a claim was not considered; `FOREVER` where its own has passed.

    Of a claim with a date or instant of its own only that was; of others the whole span was, but for its end where
    they have no slot there.
    """
    claim, time = entries.claim, entries.time
    asked = time.at[claim.at_to[entry] - 1]
    if claim.from_[entry] != NONE:
        return FOREVER if claim.from_[entry] < rules.now else max(rules.last + 1, claim.from_[entry])
    if claim.dated[entry]:
        return asked + 1
    return rules.last + 1 if asked == rules.last else rules.last


@kernel
def open_at(rules, zone, opening, since):
    """The first instant from `since` on at which a campaign is open, and no hours forbid it; `FOREVER` if never."""
    at = since
    hours, openings = rules.hours, rules.openings
    for _ in range(_STEPS):
        later = open_from(rules, zone, opening, at)
        if later != FOREVER and openings.traits[opening] & OBEYS_HOURS and (len(hours.periods) or len(hours.holidays)):
            later = hours_open(hours, rules.zones, zone, openings.channel[opening], later, rules.horizon)
        if later == at or later == FOREVER:
            return later
        at = later
    return FOREVER


@kernel
def retry(rules, people, contact, desk, entries, entry):
    """The earliest instant after the span at which a claim alone fits all that is known; `NONE` if never."""
    claim = entries.claim
    winners = desk.winner
    sizes = desk.sizes
    cells = rules.cells
    cell_cap = rules.cell_cap
    person = people.person
    openings, windows, zones = rules.openings, rules.windows, rules.zones
    opening = claim.opening[entry]
    flags = openings.traits[opening]
    zone = person.zone[contact]
    same = 0
    for winner in range(sizes[WINNERS]):
        other = winners.entry[winner]
        if claim.group[other] == claim.group[entry]:
            return NONE
        same += is_same(openings, claim, other, entry)
    repeat = openings.repeats[opening]
    if repeat >= 0 and repeated(rules, desk, openings.campaign[opening], claim.id[entry]) + same >= repeat:
        return NONE
    at = since_of(rules, entries, entry)
    if at == FOREVER:
        return NONE
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
                cell = cells.cell[place]
                cap = cell_cap[cell]
                limit = limit_of(rules.caps, people.audience, people.limit, contact, cap)
                if limit == NO_LIMIT:
                    continue
                end = _end_of(windows, zones, zone, cap, openings.ends[opening])
                later = first_fit(windows, cap, zones, zone, desk.spans, cell, later, end, cells.points[place], limit)
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
            if later >= LAST_INSTANT:
                return NONE
            # Beyond what the zones are known for: the row engine decides.
            sizes[LEFT] = 1
            return NONE
        if later == at:
            return at
        at = later
    return NONE


@kernel
def _clear_from(rules, desk, zone, entries, opening, since):
    """The first instant from `since` on that no conflict bars."""
    claim = entries.claim
    winners = desk.winner
    touch = desk.touch
    sizes = desk.sizes
    openings = rules.openings
    shapes = rules.shapes
    at = since
    moved = True
    while moved:
        moved = False
        for conflict in range(len(rules.conflicts)):
            for place in range(sizes[TOUCHES]):
                shape = touch.kind[place]
                low, high = barred(
                    rules, zone, conflict, opening, shapes.first[shape], shapes.then[shape], touch.at[place]
                )
                if low <= at <= high:
                    at = high + 1
                    moved = True
            for winner in range(sizes[WINNERS]):
                other = claim.opening[winners.entry[winner]]
                low, high = barred(
                    rules, zone, conflict, opening, openings.first[other], openings.then[other], winners.at[winner]
                )
                if low <= at <= high:
                    at = high + 1
                    moved = True
    return at


@kernel
def _met_from(rules, desk, zone, entries, entry, need, since):
    """The first instant from `since` on at which a requirement is met; `FOREVER` if never."""
    winners = desk.winner
    touch = desk.touch
    sizes = desk.sizes
    at = since
    while True:
        if met_after(rules, desk, zone, entries, entry, need, at):
            return at
        later = FOREVER
        for place in range(sizes[TOUCHES]):
            if at < touch.at[place] < later:
                later = touch.at[place]
        for winner in range(sizes[WINNERS]):
            if at < winners.at[winner] < later:
                later = winners.at[winner]
        if later == FOREVER:
            return FOREVER
        at = later


# Why it lost


@kernel
def _note(rules, desk, kind, past, rule):
    """Remember a stop, in the order in which they come; each rule once for each kind."""
    stop, sizes = desk.stop, desk.sizes
    own = rules.same[rule]
    for place in range(sizes[FOUND]):
        if stop.rule[place] == own and stop.kind[place] == kind and stop.past[place] == past:
            return
    place = sizes[FOUND]
    stop.rule[place], stop.kind[place], stop.past[place] = own, kind, past
    sizes[FOUND] = place + 1


@kernel
def bind(rules, rows, rule):
    """Let a rule stop the claim whose row is being made, unless it does already."""
    own = rules.same[rule] if rule < len(rules.same) else rule
    for place in range(rows.row.bind_from[rows.used[0]], rows.used[2]):
        if rows.bind[place] == own:
            return
    rows.bind[rows.used[2]] = own
    rows.used[2] += 1


@kernel
def bind_stops(rules, desk, rows, kind):
    """Bind what stops a claim: that of a kind first, and of each that of the history first."""
    stop = desk.stop
    for other in range(2):
        for past in range(1, -1, -1):
            for place in range(desk.sizes[FOUND]):
                if (stop.kind[place] == kind) == (other == 0) and stop.past[place] == past:
                    bind(rules, rows, stop.rule[place])


_BY_CAP, _BY_ROOM, _BY_CONFLICT, _BY_NEED, _BY_QUOTA = range(5)
_ANY = 16


@kernel
def _stops(rules, people, contact, desk, entries, entry, at):
    """What stops a claim at an instant: bits for cap, conflict with the past, any conflict, requirement, anything."""
    claim = entries.claim
    winners = desk.winner
    sizes = desk.sizes
    cells = rules.cells
    cell_cap = rules.cell_cap
    person = people.person
    openings, windows, zones = rules.openings, rules.windows, rules.zones
    opening = claim.opening[entry]
    zone = person.zone[contact]
    obeys = np.int64(openings.traits[opening] & OBEYS_CAPS != 0)
    found = 0
    if obeys:
        for place in range(openings.cell_from[opening], openings.cell_to[opening]):
            cell = cells.cell[place]
            cap = cell_cap[cell]
            limit = limit_of(rules.caps, people.audience, people.limit, contact, cap)
            if limit == NO_LIMIT:
                continue
            counts, own = place_of(windows, cap, zones, zone, at)
            end = own
            if windows.kind[cap] == RUNNING:
                end = _end_of(windows, zones, zone, cap, openings.ends[opening])
                counts = at < end
            points = cells.points[place]
            if counts and crowd(windows, cap, desk.spans, cell, own, end, points, limit, winners.crowded):
                past = points + load(windows, cap, desk.spans, cell, BEFORE, own, end) > limit
                found |= past
                found |= _ANY
                _note(rules, desk, _BY_CAP if past else _BY_ROOM, np.int64(past), rules.rule[0] + cap)
    campaign = openings.campaign[opening]
    repeat = openings.repeats[opening]
    same = siblings = 0
    for winner in range(sizes[WINNERS]):
        other = winners.entry[winner]
        same += is_same(openings, claim, other, entry)
        siblings += claim.group[other] == claim.group[entry]
    before = repeated(rules, desk, campaign, claim.id[entry]) if repeat >= 0 else np.int64(0)
    if repeat >= 0 and before + same >= repeat:
        past = before >= repeat
        found |= past
        found |= _ANY
        _note(rules, desk, _BY_CAP if past else _BY_ROOM, np.int64(past), rules.rule[1] + campaign)
        for winner in range(sizes[WINNERS]):
            if is_same(openings, claim, winners.entry[winner], entry):
                winners.crowded[winner] = True
    if siblings:
        found |= _ANY
        _note(rules, desk, _BY_ROOM, NO, rules.rule[2] + campaign)
        for winner in range(sizes[WINNERS]):
            if claim.group[winners.entry[winner]] == claim.group[entry]:
                winners.crowded[winner] = True
    if openings.first[opening] or openings.then[opening]:
        found |= _conflicts(rules, desk, zone, entries, opening, obeys, at)
    if openings.needy[opening]:
        for need in range(len(rules.within)):
            if openings.needy[opening] >> need & 1 and not met_after(rules, desk, zone, entries, entry, need, at):
                found |= 8
                _note(rules, desk, _BY_NEED, NO, rules.rule[4] + need)
    return found


@kernel
def _conflicts(rules, desk, zone, entries, opening, obeys, at):
    claim = entries.claim
    winners = desk.winner
    touch = desk.touch
    sizes = desk.sizes
    shapes = rules.shapes
    openings = rules.openings
    found = 0
    for conflict in range(len(rules.conflicts)):
        for place in range(sizes[TOUCHES]):
            shape = touch.kind[place]
            low, high = barred(rules, zone, conflict, opening, shapes.first[shape], shapes.then[shape], touch.at[place])
            if low <= at <= high:
                found |= 6
                _note(rules, desk, _BY_CONFLICT, YES, rules.rule[3] + conflict)
                break
    # The winners in the order of claims.
    for number in range(sizes[WINNERS]):
        for winner in range(sizes[WINNERS]):
            if winners.number[winner] != number:
                continue
            other = claim.opening[winners.entry[winner]]
            for conflict in range(len(rules.conflicts)):
                low, high = barred(
                    rules, zone, conflict, opening, openings.first[other], openings.then[other], winners.at[winner]
                )
                if low <= at <= high:
                    past = YES if obeys and not openings.traits[other] & OBEYS_CAPS else NO
                    found |= 6 if past else 4
                    _note(rules, desk, _BY_CONFLICT, past, rules.rule[3] + conflict)
                    winners.crowded[winner] = True
    return found


@kernel
def why(rules, people, contact, desk, entries, entry, rows):
    """The reason for which an eligible claim lost; what stopped it is bound to the row that is being made."""
    claim = entries.claim
    time = entries.time
    winners = desk.winner
    sizes = desk.sizes
    openings = rules.openings
    sizes[FOUND] = 0
    for winner in range(sizes[WINNERS]):
        winners.crowded[winner] = False
    all_capped = all_past = all_conflict = all_stopped = all_barred = True
    for place in range(claim.at_from[entry], claim.at_to[entry]):
        if time.fits[place]:
            stops = _stops(rules, people, contact, desk, entries, entry, time.at[place])
            all_capped = all_capped and stops & 1 != 0
            all_past = all_past and stops & 3 != 0
            all_conflict = all_conflict and stops & 7 != 0
            all_stopped = all_stopped and stops & 15 != 0
            all_barred = all_barred and stops != 0
    opening = claim.opening[entry]
    by = _BY_ROOM
    reason = OUTBID
    if all_capped:
        reason, by = CAPPED, _BY_CAP
    elif all_past:
        reason, by = CONFLICT, _BY_CONFLICT
    elif openings.needy[opening] and not _possible(rules, desk, entries.claim, entry):
        reason, by = REQUIRES, _BY_NEED
    elif rules.quotas.charged and (
        (rules.quotas.run and not all_barred) or _wins_freely(rules, desk, entries.claim, entry)
    ):
        # Its price took it; or nothing stopped it but a quota that was full in whole numbers.
        full_quotas(rules, desk, people.person.zone[contact], entries, entry, rows)
        # None of the others is of this kind.
        reason, by = QUOTA_FULL, _BY_QUOTA
    elif all_conflict:
        reason, by = CONFLICT, _BY_CONFLICT
    elif all_stopped:
        reason, by = REQUIRES, _BY_NEED
    bind_stops(rules, desk, rows, by)
    return reason


@kernel
def _wins(rules, desk, claim, entry, found, chosen, force):
    """Whether a claim is among the best set, with a claim forced in."""
    sizes = desk.sizes
    if not answer(rules.openings, rules.reserve, claim, found, desk.work, chosen, force, NOBODY):
        sizes[LEFT] = 1
    for item in range(found.size[ITEMS]):  # noqa: SIM110  (a kernel)
        if chosen[item] and found.items.entry[item] == entry:
            return True
    return False


@kernel
def _possible(rules, desk, claim, entry):
    """Whether any feasible set contains a claim."""
    openings = rules.openings
    if openings.traits[claim.opening[entry]] & OBEYS_CAPS:
        return _wins(rules, desk, claim, entry, desk.main, desk.chosen, entry)
    return _wins(rules, desk, claim, entry, desk.exempt, desk.chosen, entry)


@kernel
def _choose_freely(rules, desk, claim, found):
    """Mark what would be granted if no price of a quota took anything; False where the search was given up."""
    items, taken = found.items, False
    for item in range(found.size[ITEMS]):
        taken = taken or items.charge[item] != items.free[item]
    if not taken:
        return True
    for item in range(found.size[ITEMS]):
        items.charge[item], items.free[item] = items.free[item], items.charge[item]
    done = answer(rules.openings, rules.reserve, claim, found, desk.work, desk.chosen, NOBODY, NOBODY)
    for item in range(found.size[ITEMS]):
        items.charge[item], items.free[item] = items.free[item], items.charge[item]
        items.wins[item] = desk.chosen[item]
    return done


@kernel
def _wins_freely(rules, desk, claim, entry):
    """Whether a claim would be granted if no price of a quota took anything."""
    found = desk.main if rules.openings.traits[claim.opening[entry]] & OBEYS_CAPS else desk.exempt
    for item in range(found.size[ITEMS]):  # noqa: SIM110  (a kernel)
        if found.items.entry[item] == entry and found.items.wins[item]:
            return True
    return False


# What it would have taken


@kernel
def displaced(rules, desk, claim, entry, main, total):
    """The value of what a granted claim that obeys caps pushed out; `NONE` where the search was given up.

    `total` is what the others are worth together.
    """
    winners = desk.winner
    sizes = desk.sizes
    if not answer(rules.openings, rules.reserve, claim, main, desk.work, desk.chosen, NOBODY, entry):
        sizes[LEFT] = 1
        return NONE
    without = np.int64(0)
    for item in range(main.size[ITEMS]):
        if desk.chosen[item]:
            without += claim.weight[main.items.entry[item]] - rules.reserve - main.items.charge[item]
    for winner in range(sizes[EXEMPTS]):
        without += claim.weight[winners.entry[winner]] - rules.reserve - winners.charge[winner]
    return without - total


@kernel
def needs(rules, desk, claim, entry, found):
    """The smallest weight with which a losing claim would have been granted; `NONE` where no weight would do."""
    openings, count = rules.openings, found.size[ITEMS]
    now, forced, done = desk.chosen, desk.forced, desk.done
    if not _wins(rules, desk, claim, entry, found, forced, entry):
        return NONE
    _wins(rules, desk, claim, entry, found, now, NOBODY)
    for item in range(count):
        done[item] = False
    # How much less the others reach, level by level, once the claim is forced in.
    short = np.int64(0)
    while True:
        first = np.int64(-1)
        for item in range(count):
            rival = found.items.entry[item]
            if (
                (now[item] or forced[item])
                and rival != entry
                and not done[item]
                and not level_before(openings, claim, entry, rival)
                and (first < 0 or level_before(openings, claim, rival, first))
            ):
                first = rival
        short = np.int64(0)
        if first < 0:
            break
        for item in range(count):
            rival = found.items.entry[item]
            if level_before(openings, claim, rival, first) or level_before(openings, claim, first, rival):
                continue
            done[item] = True
            if rival != entry:
                worth = claim.weight[rival] - rules.reserve - found.items.charge[item]
                short += worth * (int(now[item]) - int(forced[item]))
        if not level_before(openings, claim, first, entry):
            break
        if short > 0:
            return NONE
        if short < 0:
            break
    own = claim.weight[entry]
    least = rules.reserve + max(1, short)
    for item in range(count):
        if forced[item] and found.items.entry[item] == entry:
            least += found.items.charge[item]
    best = np.int64(NONE)
    for weight in (least, least + 1):
        if weight <= _LARGEST_WEIGHT and best == NONE:
            claim.weight[entry] = weight
            if _wins(rules, desk, claim, entry, found, forced, NOBODY):
                best = weight
    claim.weight[entry] = own
    return best


# The answers


@kernel
def bind_faults(rules, people, contact, entries, entry, rows):
    """Bind why a claim is not eligible: the first rule; if rows explain, all, those of its reason first."""
    claim, time = entries.claim, entries.time
    opening, reason = claim.opening[entry], claim.state[entry]
    bind(rules, rows, claim.rule[entry])
    if not rules.explain:
        return
    lasting = lasting_faults(rules, opening, people, contact)
    for turn in range(LAST_REASON + 1):
        # The reason itself, and then all the others in their order.
        wanted = reason if turn == 0 else turn
        for place in range(claim.at_from[entry], claim.at_to[entry]):
            at = time.at[place]
            found = lasting | timely_faults(rules, opening, people, contact, at)
            found |= outside_then(rules, opening, people, contact, claim.kind[entry], place - claim.at_from[entry])
            if found >> wanted & 1:
                count = 0
                rule = further_rule(rules, opening, people, contact, wanted, at, 0)
                while rule >= 0:
                    bind(rules, rows, rule)
                    count += 1
                    rule = further_rule(rules, opening, people, contact, wanted, at, count)
            if claim.outside[entry] >= 0 and wanted == CLOSED:
                bind(rules, rows, claim.outside[entry])
        unscored = np.isnan(claim.propensity[entry]) and np.isnan(claim.given[entry])
        if wanted == MISSING and unscored and rules.openings.traits[opening] & SCORED:
            bind(rules, rows, RULE_SCORE)


@kernel
def bind_rest(rules, people, contact, desk, entries, entry, rows):
    """Bind what stops a claim once its time has come, where it could not go then either."""
    zones = rules.zones
    opening, zone = entries.claim.opening[entry], people.person.zone[contact]
    since = since_of(rules, entries, entry)
    at = FOREVER if since == FOREVER else open_at(rules, zone, opening, since)
    if at == FOREVER:
        return
    if at > zones.high:
        desk.sizes[LEFT] = np.int64(at < LAST_INSTANT)
        return
    desk.sizes[FOUND] = 0
    _stops(rules, people, contact, desk, entries, entry, at)
    bind_stops(rules, desk, rows, _BY_CAP)


@inlined
def _add_row(rows, contact, label, outcome, reason, weight):
    """Write the row that is being made, but for what is not known of all rows; its rules are bound already."""
    row = rows.row
    place = rows.used[0]
    row.contact[place] = contact
    row.label[place] = label
    row.outcome[place] = outcome
    row.reason[place] = reason
    row.bind_to[place] = rows.used[2]
    row.rule[place] = rows.bind[row.bind_from[place]] if row.bind_from[place] < rows.used[2] else -1
    row.weight[place] = weight
    row.price[place] = NONE
    row.send_at[place] = NONE
    row.retry_at[place] = NONE
    row.displaced[place] = NONE
    row.needs[place] = NONE
    rows.used[0] = place + 1
    row.lost_from[place] = row.lost_to[place] = rows.used[1]
    return place


@kernel
def _add_lost(rules, rows, desk, entries):
    """The campaigns of the winners that use up the limit, in the order of claims, each once."""
    claim = entries.claim
    winners = desk.winner
    sizes = desk.sizes
    row = rows.row
    openings = rules.openings
    place = rows.used[0] - 1
    start = rows.used[1]
    for number in range(sizes[WINNERS]):
        for winner in range(sizes[WINNERS]):
            if winners.crowded[winner] and winners.number[winner] == number:
                campaign = openings.campaign[claim.opening[winners.entry[winner]]]
                known = False
                for other in range(start, rows.used[1]):
                    known = known or rows.lost[other] == campaign
                if not known:
                    rows.lost[rows.used[1]] = campaign
                    rows.used[1] += 1
    row.lost_to[place] = rows.used[1]


@inlined
def settle(rules, people, contact, history, desk, entries, low, high, derived, given):
    """Settle one contact and write the answers; False where the row engine must."""
    claim = entries.claim
    winners = desk.winner
    sizes = desk.sizes
    won = desk.won
    person = people.person
    openings = rules.openings
    clear_desk(rules, desk)
    zone = person.zone[contact]
    eligible = exempts = timed = 0
    for entry in range(low, high):
        timed += claim.timed[entry]
        if claim.state[entry] == 0:
            eligible += 1
            exempts += openings.traits[claim.opening[entry]] & OBEYS_CAPS == 0
    if eligible or timed:
        read_history(rules, history, contact, zone, desk, entries, low, high, derived)
    desk.exempt.size[ITEMS] = desk.main.size[ITEMS] = 0
    for obeys in range(2):
        if (exempts if obeys == 0 else eligible - exempts) == 0:
            continue
        found = desk.main if obeys else desk.exempt
        if not contest(rules, people, contact, desk, entries, low, high, obeys, found) or not pick_given(
            rules, desk, entries.claim, found, given, contact, obeys
        ):
            sizes[LEFT] = 1
            break
        grant(rules, people, contact, desk, entries, found, desk.chosen, obeys)
        if rules.quotas.charged and not _choose_freely(rules, desk, entries.claim, found):
            sizes[LEFT] = 1
            break
    if sizes[LEFT]:
        return False
    rows, order = desk.draft, desk.order
    rows.used[:] = 0
    number_winners(rules, desk, entries)
    for entry in range(low, high):
        won[entry - low] = -1
    total = np.int64(0)
    for winner in range(sizes[WINNERS]):
        entry = winners.entry[winner]
        won[entry - low] = winner
        total += claim.weight[entry] - rules.reserve - winners.charge[winner]
    for entry in range(low, high):
        opening, label = claim.opening[entry], claim.label[entry]
        obeys = np.int64(openings.traits[opening] & OBEYS_CAPS != 0)
        rows.row.bind_from[rows.used[0]] = rows.used[2]
        if won[entry - low] >= 0:
            place = _add_row(rows, contact, label, GRANTED_OUTCOME, GRANTED, claim.weight[entry])
            winner = won[entry - low]
            rows.row.send_at[place] = winners.at[winner]
            if rules.quotas.charged:
                rows.row.price[place] = winners.charge[winner]
            if rules.explain:
                if not obeys:
                    return False
                others = total - (claim.weight[entry] - rules.reserve - winners.charge[winner])
                rows.row.displaced[place] = displaced(rules, desk, entries.claim, entry, desk.main, others)
            order[place] = entry
            continue
        later = NONE
        wanted = NONE
        price = np.int64(NONE)
        lost = False
        if claim.state[entry] == 0:
            if rules.explain:
                wanted = needs(rules, desk, entries.claim, entry, desk.main if obeys else desk.exempt)
            hopeless, price = verdict(rules, zone, entries, entry)
            if hopeless:
                reason = NOT_WORTH_IT
                bind(rules, rows, RULE_RESERVE)
            else:
                reason = why(rules, people, contact, desk, entries, entry, rows)
                lost = True
            hope = lost and (reason == CAPPED or reason == CONFLICT or reason == OUTBID)
        else:
            reason = claim.state[entry]
            bind_faults(rules, people, contact, entries, entry, rows)
            hope = claim.timed[entry] and claim.weight[entry] > rules.reserve
        if hope:
            later = retry(rules, people, contact, desk, entries, entry)
            if later == NONE and not lost and not sizes[LEFT]:
                bind_rest(rules, people, contact, desk, entries, entry, rows)
        if sizes[LEFT]:
            return False
        outcome = DEFERRED_OUTCOME if later != NONE and openings.traits[opening] & DEFERS else DENIED_OUTCOME
        weight = claim.weight[entry] if claim.state[entry] == 0 or claim.timed[entry] else NONE
        place = _add_row(rows, contact, label, outcome, reason, weight)
        rows.row.price[place] = price
        rows.row.retry_at[place] = later
        rows.row.needs[place] = wanted
        if lost:
            _add_lost(rules, rows, desk, entries)
        order[place] = entry
    return not sizes[LEFT]


@entry_point
def decide_block(
    rules,
    people,
    history,
    desk,
    entries,
    entry_first,
    start,
    stop,
    everything,
    derived,
    given,
    label_when,
    rows,
    tally,
    doubt,
    left,
):
    """Settle contacts of a block; the numbers of those that were left go to `left`; how many there are."""
    count = 0
    for contact in range(start, stop):
        low, high = entry_first[contact - start], entry_first[contact - start + 1]
        if low == high:
            continue
        if doubt[contact - start]:
            left[count] = contact
            count += 1
            continue
        if not settle(rules, people, contact, history, desk, entries, low, high, derived, given):
            left[count] = contact
            count += 1
            continue
        _count(rules, people, contact, desk, entries, tally)
        _put_in_order(rules, desk, entries, label_when, everything, rows)
    return count


@inlined
def _count(rules, people, contact, desk, entries, tally):
    claim = entries.claim
    person = people.person
    labels = tally.labels
    stages = tally.stages
    stopped = tally.rules
    stage, draft = person.stage[contact], desk.draft
    for place in range(draft.used[0]):
        outcome = draft.row.outcome[place]
        labels[claim.opening[desk.order[place]], draft.row.reason[place], outcome] += 1
        stages[stage, outcome] += 1
        if outcome == GRANTED_OUTCOME:
            tally.sums[0] += draft.row.weight[place] - rules.reserve
            if rules.quotas.charged:
                # Added up once more from the rows themselves: the run compares it with what it meant to grant.
                entry = desk.order[place]
                kind = kind_of(rules, person.zone[contact], claim.opening[entry], draft.row.send_at[place])
                for part in range(rules.quotas.touched[kind], rules.quotas.touched[kind + 1]):
                    side = rules.quotas.sides[part]
                    tally.usage[side] += use_of(rules.quotas, claim, entry, kind, side)
        elif draft.row.reason[place] > NOT_WORTH_IT:
            for bound in range(draft.row.bind_from[place], draft.row.bind_to[place]):
                stopped[draft.bind[bound]] += 1
        elif draft.row.rule[place] >= 0 and not is_by_opening(draft.row.reason[place]):
            stopped[draft.row.rule[place]] += 1


@kernel
def _row_before(openings, entries, draft, order, one, other, label_when):
    """Whether a row comes before another: those with a weight first, in the order of claims."""
    time = entries.time
    weight, rival = draft.weight[one], draft.weight[other]
    if weight != rival:
        return weight > rival
    claim, mine, theirs = entries.claim, order[one], order[other]
    asks = time.at[claim.at_from[mine]] if label_when[draft.label[one]] & 1 else 0
    rival = time.at[claim.at_from[theirs]] if label_when[draft.label[other]] & 1 else 0
    if asks != rival:
        return asks < rival
    tie, rival = openings.tie[claim.opening[mine]], openings.tie[claim.opening[theirs]]
    if tie != rival:
        return tie < rival
    return label_when[draft.label[one]] < label_when[draft.label[other]]


@inlined
def _put_in_order(rules, desk, entries, label_when, everything, rows):
    """Give the rows of a contact in the order of claims, but those that are not asked for."""
    row = rows.row
    draft, places = desk.draft, desk.places
    count = 0
    for place in range(draft.used[0]):
        if draft.row.outcome[place] == DENIED_OUTCOME and not everything:
            continue
        at = count
        while at > 0 and _row_before(rules.openings, entries, draft.row, desk.order, place, places[at - 1], label_when):
            places[at] = places[at - 1]
            at -= 1
        places[at] = place
        count += 1
    for at in range(count):
        own, place = places[at], rows.used[0]
        row[place] = draft.row[own]
        row.lost_from[place] = rows.used[1]
        for lost in range(draft.row.lost_from[own], draft.row.lost_to[own]):
            rows.lost[rows.used[1]] = draft.lost[lost]
            rows.used[1] += 1
        row.lost_to[place] = rows.used[1]
        row.bind_from[place] = rows.used[2]
        for bound in range(draft.row.bind_from[own], draft.row.bind_to[own]):
            rows.bind[rows.used[2]] = draft.bind[bound]
            rows.used[2] += 1
        row.bind_to[place] = rows.used[2]
        rows.used[0] = place + 1
