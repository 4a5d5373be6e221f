"""Pooling: the problems of contacts, put into the pool instead of being settled at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.columns.problem_pool import own_groups
from journeykit.engine.candidate import message_of
from journeykit.engine.class_rows import cautious, classes_of
from journeykit.kernels.interface.problem_arrays import CLAUSE, ITEM, LINE, MEMBER, UNIT, ProblemPool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.quota_arrays import QuotaLayout
    from journeykit.engine.round import Round


def problem_of_round(
    own: Round, quotas: QuotaLayout, openings: dict[object, int], key: int, *, several: bool
) -> ProblemPool:
    """The problem of a round of the row engine as a pool of one unit.

    Args:
        own: the round.
        quotas: the quotas, laid out.
        openings: by message, its number.
        key: the hash of the contact's id.
        several: whether there are several levels.
    """
    items = own.items
    numbered = [(number, item) for number, item in enumerate(own.in_order) if item not in own.ruled_out]
    order = [item for _, item in numbered]
    place = {item: at for at, item in enumerate(order)}
    records, columns, levels, own_group = [], [], [], []
    groups: dict[object, int] = {}
    for at, (number, item) in enumerate(numbered):
        candidate, when = items[item]
        facts, message = own.facts_of(candidate), message_of(candidate)
        weight = candidate.weight or 0
        kind = quotas.kind(openings[message], facts.clock.day(when), when)
        records.append((facts.worth(candidate), kind, number))
        own_group.append(groups.setdefault((candidate.contact, candidate.group), at))
        columns.append(quotas.amounts(message, candidate.claim, weight))
        levels.append(candidate.level[1])
    problem = own.problem
    derived = {id(row) for row in own.implied}
    rows = [
        *(row for row in problem.rows if id(row) not in derived),
        *((dict.fromkeys(group, 1), 1) for group in problem.groups),
    ]
    rows += [(dict.fromkeys(pair, 1), 1) for pair in problem.pairs]
    rows += cautious(classes_of(problem))
    lines, members = _lines(rows, place)
    clauses: list[tuple[int, int, int]] = []
    partners: list[int] = []
    for item, wanted in problem.clauses:
        if item in place:
            start = len(partners)
            partners += sorted(place[other] for other in wanted if other in place)
            clauses.append((place[item], start, len(partners)))
    first = np.array([0, len(order)], np.int64)
    pool = ProblemPool(
        first=first,
        unit=np.array([(0, 0, 0, len(lines), 0, len(clauses))], UNIT),
        item=np.array(records, ITEM),
        group=own_groups(first, np.array(own_group, np.int32)),
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


def _shape(pool: ProblemPool, mark: np.ndarray) -> None:
    from journeykit.kernels import classify_problems

    classify_problems(pool, mark)
