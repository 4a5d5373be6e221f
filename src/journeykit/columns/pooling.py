"""Pooling: the problems of contacts, put into the pool instead of being settled at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from journeykit.columns.bundle import Bundle, table
from journeykit.columns.jit import entry_point, kernel
from journeykit.columns.layout import OBEYS_CAPS
from journeykit.columns.pool import CLAUSE, ITEM, LINE, MEMBER, UNIT, Pool, shape_of
from journeykit.columns.search import CLAUSES, ITEMS, LINES, MOST_ITEMS, MOST_ROWS
from journeykit.columns.settle import (
    LEFT,
    NOBODY,
    amount_of,
    clear_desk,
    contest,
    grant,
    pick_given,
    put_values,
    read_history,
)
from journeykit.entry import opening_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.quotas import QuotaLayout
    from journeykit.contest import Contest

_ROOM = 70_000


class Part(Bundle):
    """A part of a pool that is being filled.

    Attributes:
        pool: the tables, with room to spare.
        contact: by unit, whose problem it is.
        used: how many units, items, rows, members, clauses and partners there are.
        mark: room, by item, all 0.
    """

    fields: ClassVar = {
        "pool": Pool,
        "contact": table(np.int64),
        "used": table(np.int64),
        "mark": table(np.int64),
    }


UNITS, ITEMS_, LINES_, MEMBERS_, CLAUSES_, PARTNERS_ = range(6)


def part_for(units: int, items: int, columns: int, *, several: bool) -> Part:
    """An empty part with room for so many units and items."""
    items += MOST_ITEMS
    pool = Pool(
        first=np.zeros(units + 1, np.int64),
        unit=np.zeros(units, UNIT),
        item=np.zeros(items, ITEM),
        column=np.zeros((items, columns), np.int64),
        level=np.zeros(items if several else 0, np.int64),
        line=np.zeros(items + MOST_ROWS, LINE),
        member=np.zeros(4 * items + _ROOM, MEMBER),
        clause=np.zeros(items + MOST_ROWS, CLAUSE),
        partner=np.zeros(4 * items + _ROOM, np.int32),
        key=np.zeros(units, np.uint64),
    )
    return Part(
        pool=pool, contact=np.zeros(units, np.int64), used=np.zeros(6, np.int64), mark=np.zeros(items, np.int64)
    )


def taken_from(part: Part) -> tuple[Pool, np.ndarray]:
    """What a part holds, as a pool of its own, and whose problems these are; the part is empty again then."""
    units, items, lines, members, clauses, partners = part.used.tolist()
    pool = part.pool
    found = Pool(
        first=pool.first[: units + 1].copy(),
        unit=pool.unit[:units].copy(),
        item=pool.item[:items].copy(),
        column=pool.column[:items].copy(),
        level=pool.level[:items].copy(),
        line=pool.line[:lines].copy(),
        member=pool.member[:members].copy(),
        clause=pool.clause[:clauses].copy(),
        partner=pool.partner[:partners].copy(),
        key=pool.key[:units].copy(),
    )
    part.used[:] = 0
    return found, part.contact[:units].copy()


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
def pool_all(
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

    Ends with the contact before whom the room runs out. The contacts that the one-contact engine must look at go to
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
        doubt: by contact from `base` on, whether the one-contact engine must look at him.
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


def pool_of(contest: Contest, quotas: QuotaLayout, openings: dict[object, int], key: int, *, several: bool) -> Pool:
    """The problem of a contest of the one-contact engine as a pool of one unit.

    Args:
        contest: the contest.
        quotas: the quotas, laid out.
        openings: by opening, its number.
        key: the hash of the contact's id.
        several: whether there are several levels.
    """
    items = contest.items
    numbered = [(number, item) for number, item in enumerate(contest.in_order) if item not in contest.shut]
    order = [item for _, item in numbered]
    place = {item: at for at, item in enumerate(order)}
    records, columns, levels = [], [], []
    groups: dict[object, int] = {}
    for at, (number, item) in enumerate(numbered):
        entry, when = items[item]
        case, opening = contest.case_of(entry), opening_of(entry)
        weight = entry.weight or 0
        kind = quotas.kind(openings[opening], case.clock.day(when))
        records.append((case.worth(entry), kind, number, groups.setdefault((entry.whose, entry.group), at)))
        columns.append(quotas.amounts(opening, entry.claim, weight))
        levels.append(entry.level[1])
    problem = contest.problem
    derived = {id(row) for row in contest.derived}
    rows = [
        *(row for row in problem.rows if id(row) not in derived),
        *((dict.fromkeys(group, 1), 1) for group in problem.groups),
    ]
    rows += [(dict.fromkeys(pair, 1), 1) for pair in problem.pairs]
    lines, members = _lines(rows, place)
    clauses: list[tuple[int, int, int]] = []
    partners: list[int] = []
    for item, wanted in problem.clauses:
        if item in place:
            start = len(partners)
            partners += sorted(place[own] for own in wanted if own in place)
            clauses.append((place[item], start, len(partners)))
    pool = Pool(
        first=np.array([0, len(order)], np.int64),
        unit=np.array([(0, 0, 0, len(lines), 0, len(clauses))], UNIT),
        item=np.array(records, ITEM),
        column=np.array(columns, np.int64).reshape(len(order), len(quotas.columns)),
        level=np.array(levels if several else [], np.int64),
        line=np.array(lines, LINE),
        member=np.array(members, MEMBER),
        clause=np.array(clauses, CLAUSE),
        partner=np.array(partners, np.int32),
        key=np.array([key], np.uint64),
    )
    _shape(pool, np.zeros(len(order) + 1, np.int64))
    return pool


def _lines(
    rows: Sequence[tuple[dict[int, int], int]], place: dict[int, int]
) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
    """Rows in smallest whole numbers, but those that can stop nothing."""
    lines: list[tuple[int, ...]] = []
    members: list[tuple[int, int]] = []
    for uses, room in rows:
        kept = [(place[item], use) for item, use in uses.items() if item in place and use]
        if sum(use for _, use in kept) > room:
            unit = int(np.gcd.reduce([use for _, use in kept]))
            lines.append((len(members), len(members) + len(kept), room // unit))
            members += [(item, use // unit) for item, use in sorted(kept)]
    return lines, members


def _shape(pool: Pool, mark: np.ndarray) -> None:
    from journeykit.columns.pool import shape_all

    shape_all(pool, mark)
