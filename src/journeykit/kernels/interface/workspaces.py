"""Workspaces: the room in which kernels work on one contact, or on one unit of a pool. They are made once a thread."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table
from journeykit.kernels.interface.decision_arrays import GRANTS, STOPS, DecisionRows, decision_rows
from journeykit.kernels.interface.problem_arrays import MOST_ITEMS, MOST_ROWS, ProblemPool
from journeykit.kernels.interface.records import record

NODES = 5_000
"""So many nodes a search for one contact may visit."""
PRICE_NODES = 150
"""So many nodes one at prices may visit: many passes matter more than the last millionth of one contact's choice."""


HISTORY, EXEMPT, WINNER, RIVAL = 1, 2, 4, 8
"""The layers that a span may be in: the history, exempt winners, winners, and winners that do not count."""
BEFORE, ALL, RIVALS = HISTORY | EXEMPT, HISTORY | EXEMPT | WINNER, HISTORY | EXEMPT | WINNER | RIVAL
SPANS = record("head count before cell start end points who layer")
"""The contents of the windows of one contact. By cell: its last span, or -1. In the first place: how many spans there
are. By span: the one before it in its cell; its cell; where it starts on the window's axis and, for a `running`
window, where it ends; how much it weighs; the number of the winner, or -1 for the history; and its layer."""


def spans_for(cells: int, most: int) -> np.ndarray:
    """Empty spans (`SPANS`) with room for so many."""
    found = np.zeros(max(cells, most), SPANS)
    found["head"] = -1
    return found


SEARCH_ITEM = record("order value level group entry at shut kind charge free wins")
"""A claim at an instant: in the order of claims, the item in this place; what it is worth, 0 or less to be
left out; tier and rank as one number, the smaller decided first; of the items of one group one at most is taken; the
claim, the instant, and whether the history rules it out; its kind among what quotas tell apart, and what their prices
take from it, in millionths, and what they add to it, as a number of 0 or less; and whether it would be granted if no
price took anything."""
SEARCH_ROW = record("start stop room")
"""What goes together: where its members lie, and how much there is in all."""
SEARCH_MEMBER = record("pick use")
"""An item in a row, and what it uses."""
SEARCH_CLAUSE = record("pick start stop")
"""An item, and where the partners lie of which one at least must be taken with it."""


_ROOM_FOR_MEMBERS = 65_536
"""A contact with more than this falls back to the row engine."""


class SearchProblem(ArrayBundle):
    """What goes together, among items.

    Attributes:
        items: what can be taken (`SEARCH_ITEM`).
        rows: what goes together (`SEARCH_ROW`).
        members: the members of the rows (`SEARCH_MEMBER`).
        clauses: what needs a partner (`SEARCH_CLAUSE`).
        partners: the partners.
        size: how many items, rows, members, clauses and partners there are.
    """

    fields: ClassVar = {
        "items": table(SEARCH_ITEM),
        "rows": table(SEARCH_ROW),
        "members": table(SEARCH_MEMBER),
        "clauses": table(SEARCH_CLAUSE),
        "partners": table(np.int64),
        "size": table(np.int64),
    }


ITEMS, LINES, MEMBERS, CLAUSES, PARTNERS = range(5)


def search_problem(items: int) -> SearchProblem:
    """An empty problem with room for so many items."""
    items = min(items, MOST_ITEMS)
    return SearchProblem(
        items=np.zeros(items, SEARCH_ITEM),
        rows=np.zeros(MOST_ROWS, SEARCH_ROW),
        members=np.zeros(_ROOM_FOR_MEMBERS, SEARCH_MEMBER),
        clauses=np.zeros(MOST_ROWS, SEARCH_CLAUSE),
        partners=np.zeros(_ROOM_FOR_MEMBERS, np.int64),
        size=np.zeros(5, np.int64),
    )


SEARCH_NUMBERS = record("place")
"""By item, its place among those that are kept."""


class SearchWorkspace(ArrayBundle):
    """What one search is given and says besides its answer; the room that it works in is its own.

    Attributes:
        by: numbers by item (`SEARCH_NUMBERS`).
        live: by item, whether it can be taken at all.
        terms: how many nodes a search may visit; whether it settles then for the best it has seen, 1 or 0; and, added
            up, by how much what it settled for may fall short of the best.
    """

    fields: ClassVar = {
        "by": table(SEARCH_NUMBERS),
        "live": table(np.bool_),
        "terms": table(np.int64),
    }


def search_workspace(items: int, *, nodes: int = NODES, settles: bool = False) -> SearchWorkspace:
    """Room for searches among so many items, of so many nodes; and whether they settle then for what they have."""
    items = max(1, min(items, MOST_ITEMS))
    return SearchWorkspace(
        by=np.zeros(items + 1, SEARCH_NUMBERS),
        live=np.zeros(items, np.bool_),
        terms=np.array([nodes, int(settles), 0], np.int64),
    )


PRICE_STEP = record("worth order prefix room chosen best head spare part link line use")
"""What a choice keeps by item or row: see where it is used."""


class PriceWorkspace(ArrayBundle):
    """Room to solve one unit.

    Attributes:
        by: numbers by item (`PRICE_STEP`).
        problem: the problem as the exact search (`native/exact_search.cpp`) takes it.
        work: room for its search.
        found: how many items were chosen; and how many units were not solved to the end.
    """

    fields: ClassVar = {
        "by": table(PRICE_STEP),
        "problem": SearchProblem,
        "work": SearchWorkspace,
        "taken": table(np.bool_),
        "found": table(np.int64),
    }


def price_workspace(pool: ProblemPool) -> PriceWorkspace:
    """Room to solve the units of a pool."""
    unit, line = pool.unit, pool.line
    size = max(pool.widest, int((unit["row_to"] - unit["row_from"]).max(initial=1)))
    # The links of items with the rows that they are in: as many as a unit has members.
    sizes = np.concatenate([np.zeros(1, np.int64), np.cumsum(line["stop"] - line["start"])])
    size = max(size, int((sizes[unit["row_to"]] - sizes[unit["row_from"]]).max(initial=1)))
    items = min(pool.widest, MOST_ITEMS)
    return PriceWorkspace(
        by=np.zeros(size + 2, PRICE_STEP),
        problem=search_problem(items),
        work=search_workspace(items, nodes=PRICE_NODES, settles=True),
        taken=np.zeros(items + 1, np.bool_),
        found=np.zeros(2, np.int64),
    )


PLACED = record("start end points edge")
"""The place of an item on a window's axis, how much it weighs there; and, apart from that, the edges of windows."""
TOUCHES_AT = record("at kind")
"""A touch that counts: when, and what it is besides."""


class DecisionWorkspace(ArrayBundle):
    """Room to work on one contact.

    Attributes:
        spans: the contents of the caps' windows (`SPANS`).
        touch: the touches that count (`TOUCHES_AT`).
        counts: by campaign, how many touches there were.
        mark: by cell or campaign, whether it was looked at.
        winner: the claims that were granted (`GRANTS`).
        won: by claim, its winner, or -1.
        chance: by claim, the chance with which it is granted, NaN for none.
        exempt: the problem of the claims that need not obey caps.
        main: the problem of the others.
        work: room for a search.
        chosen: by item, whether a search took it; likewise `forced` and `done`.
        placed: by item, its place in a window that is looked at over time.
        draft: the answers, before they are put in order; `order` has the claim of each, `places` their order.
        stop: what stops a claim (`STOPS`), each rule once for each kind.
        dearest: by side of the quotas, what its price takes most from a claim.
        sizes: how many touches, winners, exempt winners there are; whether the contact must be left; how many stops;
            whether its weights are drawn.
    """

    fields: ClassVar = {
        "spans": table(SPANS),
        "touch": table(TOUCHES_AT),
        "counts": table(np.int64),
        "mark": table(np.int64),
        "winner": table(GRANTS),
        "won": table(np.int64),
        "chance": table(np.float64),
        "exempt": SearchProblem,
        "main": SearchProblem,
        "work": SearchWorkspace,
        "chosen": table(np.bool_),
        "forced": table(np.bool_),
        "done": table(np.bool_),
        "placed": table(PLACED),
        "draft": DecisionRows,
        "order": table(np.int64),
        "places": table(np.int64),
        "stop": table(STOPS),
        "dearest": table(np.float64),
        "sizes": table(np.int64),
    }


TOUCHES, WINNERS, EXEMPTS, LEFT, FOUND, DRAWN = range(6)


def decision_workspace(
    *, touches: int, claims: int, items: int, cells: int, campaigns: int, spans: int, rules: int, sides: int
) -> DecisionWorkspace:
    """Room for contacts with so many touches, claims and items, and for a playbook's cells, campaigns and quotas.

    So many rules, at most, stop one claim.
    """
    items = min(items, MOST_ITEMS)
    return DecisionWorkspace(
        spans=spans_for(cells, spans),
        touch=np.zeros(touches + 1, TOUCHES_AT),
        counts=np.zeros(max(1, campaigns), np.int64),
        mark=np.zeros(max(1, cells, campaigns), np.int64),
        winner=np.zeros(claims + 1, GRANTS),
        won=np.zeros(claims + 1, np.int64),
        chance=np.zeros(claims + 1),
        exempt=search_problem(items),
        main=search_problem(items),
        work=search_workspace(items),
        chosen=np.zeros(items + 1, np.bool_),
        forced=np.zeros(items + 1, np.bool_),
        done=np.zeros(items + 1, np.bool_),
        placed=np.zeros(touches + 2 * items + claims + 2, PLACED),
        draft=decision_rows(claims + 1, (claims + 1) ** 2 // 4 + claims + 1, (claims + 1) * rules),
        order=np.zeros(claims + 1, np.int64),
        places=np.zeros(claims + 1, np.int64),
        stop=np.zeros(2 * rules + 1, STOPS),
        dearest=np.zeros(sides + 1, np.float64),
        sizes=np.zeros(6, np.int64),
    )
