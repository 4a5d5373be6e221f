"""The problems of many contacts, collected into a pool."""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.codes import OBEYS_CAPS
from journeykit.kernels.interface.problem_arrays import CLAUSES_, ITEMS_, LINES_, MEMBERS_, PARTNERS_, UNITS
from journeykit.kernels.interface.workspaces import CLAUSES, ITEMS, LEFT, LINES
from journeykit.kernels.native.decide_block import (
    NOBODY,
    amount_of,
    clear_desk,
    contest,
    grant,
    pick_given,
    put_values,
    read_history,
)
from journeykit.kernels.native.jit import entry_point, kernel
from journeykit.kernels.native.pool_shapes import shape_of


@kernel
def _has_room(pool, used, problem):
    items = problem.size[ITEMS]
    members = partners = 0
    for row in range(problem.size[LINES]):
        members += problem.rows.stop[row] - problem.rows.start[row]
    for clause in range(problem.size[CLAUSES]):
        partners += problem.clauses.stop[clause] - problem.clauses.start[clause]
    return (
        used[UNITS] < len(pool.unit)
        and used[ITEMS_] + items <= len(pool.item)
        and used[LINES_] + problem.size[LINES] <= len(pool.line)
        and used[MEMBERS_] + members <= len(pool.member)
        and used[CLAUSES_] + problem.size[CLAUSES] <= len(pool.clause)
        and used[PARTNERS_] + partners <= len(pool.partner)
    )


@kernel
def _add(rules, claim, desk, problem, part, contact, key):
    """Add a contact's problem: its items in the order of claims, but those that the history rules out."""
    pool, used, items = part.pool, part.used, problem.items
    unit, first = used[UNITS], used[ITEMS_]
    pool.first[unit] = first
    place = desk.work.by.place
    count = np.int64(0)
    for at in range(problem.size[ITEMS]):
        item = items.order[at]
        place[item] = -1
        if items.shut[item]:
            continue
        place[item] = count
        own = first + count
        entry = items.entry[item]
        pool.item.value[own] = claim.weight[entry] - rules.reserve
        pool.item.kind[own], pool.item.number[own] = items.kind[item], at
        group = count
        for other in range(count):
            if items.group[items.order[pool.item.number[first + other]]] == items.group[item]:
                group = np.int64(pool.item.group[first + other])
                break
        pool.item.group[own] = group
        for column in range(pool.column.shape[1]):
            pool.column[own, column] = amount_of(rules.quotas, claim, entry, column)
        if len(pool.level):
            pool.level[own] = claim.rank[entry]
        count += 1
    if count == 0:
        return
    pool.unit.row_from[unit] = used[LINES_]
    for row in range(problem.size[LINES]):
        start = used[MEMBERS_]
        unit_of = total = np.int64(0)
        for at in range(problem.rows.start[row], problem.rows.stop[row]):
            item, use = place[problem.members.pick[at]], problem.members.use[at]
            if item < 0 or use == 0:
                continue
            pool.member.pick[used[MEMBERS_]], pool.member.use[used[MEMBERS_]] = item, use
            used[MEMBERS_] += 1
            total += use
            while use:
                unit_of, use = use, unit_of % use
        if total <= problem.rows.room[row]:
            used[MEMBERS_] = start
            continue
        for at in range(start, used[MEMBERS_]):
            pool.member.use[at] //= unit_of
        line = used[LINES_]
        pool.line.start[line], pool.line.stop[line] = start, used[MEMBERS_]
        pool.line.room[line] = problem.rows.room[row] // unit_of
        used[LINES_] += 1
    pool.unit.row_to[unit] = used[LINES_]
    pool.unit.clause_from[unit] = used[CLAUSES_]
    for clause in range(problem.size[CLAUSES]):
        item = place[problem.clauses.pick[clause]]
        if item < 0:
            continue
        own = used[CLAUSES_]
        pool.clause.pick[own], pool.clause.start[own] = item, used[PARTNERS_]
        for at in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
            partner = place[problem.partners[at]]
            if partner >= 0:
                pool.partner[used[PARTNERS_]] = partner
                used[PARTNERS_] += 1
        pool.clause.stop[own] = used[PARTNERS_]
        used[CLAUSES_] += 1
    pool.unit.clause_to[unit] = used[CLAUSES_]
    shape_of(pool, unit, count, part.mark)
    pool.key[unit] = key
    part.contact[unit] = contact
    used[UNITS] = unit + 1
    used[ITEMS_] = first + count
    pool.first[unit + 1] = first + count


@entry_point
def collect_problems(
    rules,
    people,
    history,
    desk,
    entries,
    entry_first,
    base,
    start,
    stop,
    obeys,
    derived,
    given,
    keys,
    doubt,
    part,
    left,
):
    """Put the problems of contacts into a part of the pool.

    Ends with the contact before whom the room runs out. The contacts that the row engine must look at go to
    `left`, the first place of which says how many there are.

    Args:
        rules: what holds for every contact.
        people: the contacts.
        history: their touches.
        desk: room to work on one.
        entries: their claims.
        entry_first: where the claims of each lie, from the contact `base` on.
        base: the first contact of the claims.
        start: the first contact to look at.
        stop: where they end.
        obeys: 0 for the claims that need not obey caps, 1 for the others.
        derived: whether claims were derived.
        given: what was chosen among the exempt claims.
        keys: by contact, the hash of the id.
        doubt: by contact from `base` on, whether the row engine must look at them.
        part: where the problems go.
        left: see above.
    """
    claim = entries.claim
    openings = rules.openings
    for contact in range(start, stop):
        low, high = entry_first[contact - base], entry_first[contact - base + 1]
        if low == high:
            continue
        if doubt[contact - base]:
            left[0] += 1
            left[left[0]] = contact
            continue
        exempts = others = np.int64(0)
        for entry in range(low, high):
            if claim.state[entry] == 0:
                if openings.traits[claim.opening[entry]] & OBEYS_CAPS:
                    others += 1
                else:
                    exempts += 1
        if (others if obeys else exempts) == 0:
            continue
        clear_desk(rules, desk)
        zone = people.person.zone[contact]
        read_history(rules, history, contact, zone, desk, entries, low, high, derived)
        desk.exempt.size[ITEMS] = desk.main.size[ITEMS] = 0
        good = True
        if exempts:
            good = contest(rules, people, contact, desk, entries, low, high, 0, desk.exempt)
            if good and obeys:
                good = pick_given(rules, desk, claim, desk.exempt, given, contact, 0)
                if good:
                    grant(rules, people, contact, desk, entries, desk.exempt, desk.chosen, 0)
        found = desk.main if obeys else desk.exempt
        if good and obeys:
            good = contest(rules, people, contact, desk, entries, low, high, 1, found)
        if not good or desk.sizes[LEFT]:
            left[0] += 1
            left[left[0]] = contact
            continue
        if not _has_room(part.pool, part.used, found):
            return contact
        put_values(openings, rules.reserve, claim, found, NOBODY, NOBODY)
        _add(rules, claim, desk, found, part, contact, keys[contact])
    return stop
