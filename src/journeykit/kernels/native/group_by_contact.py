"""Rows grouped by contact."""

from __future__ import annotations

from journeykit.kernels.native.jit import entry_point


@entry_point
def spread_claims(claim_rows, order, starts, flat, asked):
    """A record for each opening that each claim covers."""
    place = 0
    for claim in range(len(order)):
        row = order[claim]
        kind = claim_rows.kind[row]
        for own in range(starts[kind], starts[kind + 1]):
            asked.opening[place], asked.label[place], asked.group[place] = flat[own], flat[own], claim
            asked.own[place], asked.asked[place] = claim_rows.own[row], claim_rows.asked[row]
            asked.weight[place], asked.propensity[place] = claim_rows.weight[row], claim_rows.propensity[row]
            asked.value[place] = claim_rows.value[row]
            place += 1


@entry_point
def duplicate_claims(first, asked, rank, tie, irregular):
    """Mark the contacts with two claims that ask for the same thing at the same time, whatever they bring besides.

    Those who are marked already are passed over.
    """
    for contact in range(len(irregular)):
        if irregular[contact]:
            continue
        for one in range(first[contact], first[contact + 1]):
            for other in range(first[contact], one):
                if tie[asked.opening[one]] == tie[asked.opening[other]] and rank[one] == rank[other]:
                    irregular[contact] = True


@entry_point
def add_counts(rows, first):
    """Count the touches of each contact, one place ahead."""
    for row in rows:
        first[row + 1] += 1


@entry_point
def fill_touches(rows, at, shapes, place, out_at, out_shape):
    """Write each touch to the next free place of its contact."""
    for touch in range(len(rows)):
        own = place[rows[touch]]
        out_at[own] = at[touch]
        out_shape[own] = shapes[touch]
        place[rows[touch]] = own + 1
