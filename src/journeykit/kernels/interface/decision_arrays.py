"""Candidates and decision rows, as kernels write them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table
from journeykit.kernels.interface.contact_arrays import ESTIMATES
from journeykit.kernels.interface.records import record

CLAIMS = record(
    "opening label weight rank group own id dated kind state rule outside timed from_ asked expires at_from at_to "
    "claim_row refused before",
    "given lead patience product preference interest propensity value",
)
"""Claims of contacts: what each asks to send; under which name it is written; weight in millionths, `NONE` where it is
not weighed; the policy's rank; claims of one group exclude each other; its place among the texts of claims' own dates
and ids; the number of its id, 0 for none; whether it has a date or instant of its own; the kind of opening whose slots
its instants are, or -1; state, 0 where it is eligible at some instant, else the reason why not, and the first rule of
that reason; the rule of its own date where that lies outside the span, or -1; whether nothing but time is in its
way; the first instant of its own, or `NONE`; when it was asked for; the last instant at which it may go; where its
instants lie; its place in the claims table, or -1; its own weight, NaN for none; and what the policy `weighted` makes
of it, before patience and its content's fit and in all, with the factors. It is dated 2 where its date is an occasion.
Of a step: bits of the steps before it that the contact is refused; and the one that must go before it, -1 for none, or,
below that, -2 less a later one that has gone."""
TIMES = record("at fits")
"""The instants for which a claim asks, and whether it is eligible then."""
ROWS = record(
    "contact label outcome reason rule weight price send_at retry_at displaced needs "
    "lost_from lost_to bind_from bind_to",
    "chance",
)
"""Answers: whose; of which claim; granted, deferred or denied, as 0, 1, 2; the number of the reason; the first rule
that stops it, or -1; weight, what the prices of quotas take from it, value of what it pushed out and weight that would
have won, in millionths; when it goes and when it could go after all; where the campaigns that won instead lie; and
where all rules that stop it lie. `NONE` means none. And the chance with which it is granted, NaN for none."""
STOPS = record("rule kind past")
"""What stops a claim: the rule, what kind of stop it is, and whether the history alone does it."""
GRANTS = record("entry at number crowded charge")
"""Winners: the claim; when it goes; its place in the order of claims; whether it uses up capacity of a loser; and what
the prices of quotas take from it."""


class CandidateArrays(ArrayBundle):
    """Claims of contacts, in blocks.

    Attributes:
        claim: the claims (`CLAIMS`).
        time: their instants (`TIMES`).
        used: how many claims and instants there are.
        estimate: by claim, what models say of it besides propensity and value (`ESTIMATES`); empty where they say
            nothing of the kind.
        risk: by claim, what the policy's weight is less, since the contact may opt out; empty where that costs nothing.
    """

    fields: ClassVar = {
        "claim": table(CLAIMS),
        "time": table(TIMES),
        "used": table(np.int64),
        "estimate": table(ESTIMATES),
        "risk": table(np.float64),
    }


class DecisionRows(ArrayBundle):
    """Answers.

    Attributes:
        row: the answers (`ROWS`).
        lost: the campaigns that won instead.
        bind: the rules that stop claims.
        used: how many of the three there are.
    """

    fields: ClassVar = {
        "row": table(ROWS),
        "lost": table(np.int64),
        "bind": table(np.int64),
        "used": table(np.int64),
    }


class RowColumns(ArrayBundle):
    """Answers as the columns of a table. Those that are not asked for have no length.

    Attributes:
        contact: the row of the contact.
        label: the label of the claim.
        outcome: granted, deferred or denied, as 0, 1, 2.
        reason: the number of the reason.
        rule: the first rule that stops it.
        weight: the weight; and so are price, displaced, needs and chance what their names say.
        send_at: when it goes, in microseconds; and retry_at when it could go after all.
        lost_first: where the campaigns that won instead begin in `lost`.
        bind_first: where the rules that stop it begin in `bind`.
        name: by kind of name, what the claim is called, as a code.
        known: by column (`KNOWN_RULE` and so on), a validity bitmap.
        counts: by column, how many values are known.
        used: how many rows, campaigns and rules there are.
    """

    fields: ClassVar = {
        **dict.fromkeys(("contact", "label", "outcome", "reason", "rule"), table(np.int32)),
        **dict.fromkeys(("weight", "price", "displaced", "needs", "chance"), table(np.float64)),
        **dict.fromkeys(("send_at", "retry_at"), table(np.int64)),
        **dict.fromkeys(("lost_first", "lost", "bind_first", "bind"), table(np.int32)),
        "name": table(np.int32, 2),
        "known": table(np.uint8, 2),
        "counts": table(np.int64),
        "used": table(np.int64),
    }


class DecisionCounts(ArrayBundle):
    """Counts.

    Attributes:
        labels: by label, reason and outcome.
        rules: by rule, how many losers it stops; of those that were not eligible, how many it stops first.
        stages: by stage and outcome.
        sums: the value in two parts: what the lowest 32 bits of values add up to, and the rest, in units of 2**32.
        missing: by kind of data, how many claims lack it.
        usage: by side of the quotas, what was granted uses, in smallest units.
        explored: where weights are drawn, of how many contacts; and how many eligible claims have no chance.
    """

    fields: ClassVar = {
        "labels": table(np.int64, 3),
        "rules": table(np.int64),
        "stages": table(np.int64, 2),
        "sums": table(np.int64),
        "missing": table(np.int64),
        "usage": table(np.int64),
        "explored": table(np.int64),
    }


def decision_rows(rows: int, lost: int, bind: int) -> DecisionRows:
    """Room for so many answers, so many campaigns that won instead, and so many rules."""
    return DecisionRows(
        row=np.zeros(rows, ROWS),
        lost=np.zeros(lost, np.int64),
        bind=np.zeros(bind, np.int64),
        used=np.zeros(3, np.int64),
    )
