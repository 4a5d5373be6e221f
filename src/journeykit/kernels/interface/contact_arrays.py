"""Contacts, their touches, claims and scores, as kernels read them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table
from journeykit.kernels.interface.records import record

PERSONS = record("stage role zone traits interest")
"""Contacts, one record for each: stage and role (the last but one means all others, the last none), time zone
(the playbook's where there is none), what else is true of them, and their set of interests."""


class Contacts(ArrayBundle):
    """Contacts, one place for each.

    Attributes:
        person: what single numbers say (`PERSONS`).
        consent: by channel, whether it is unknown, agreed or withdrawn.
        consent_until: by channel, the instant from which it no longer holds; no columns where there are no such.
        topic: by topic, whether it is unknown, agreed or withdrawn.
        preference: by channel; no columns where nobody has any.
        interested: by set of interests and opening, what they make a claim weigh; no columns where that is nothing.
        audience: by rule, whether it is true of them; bits of whole numbers.
        outside: by opening, whether its audience leaves them out; bits of whole numbers.
        absent: by opening, whether there is no such claim for them; bits of whole numbers. No columns where there are
            all.
        timely: in a plan, by kind of opening and rule that asks for time, at which slots it is true; bits of whole
            numbers. No places where there is no such rule.
        limit: by own limit, in billionths, or `NO_LIMIT`.
        holdout: by holdout, whether they are in it.
        latest: by campaign that has patience, the instant of the last touch that counts, or `NONE`; no columns where
            no campaign has patience.
        operand: by attribute that weight expressions read, its value; NaN where it is unknown.
    """

    fields: ClassVar = {
        "person": table(PERSONS),
        "consent": table(np.int8, 2),
        "consent_until": table(np.int64, 2),
        "topic": table(np.int8, 2),
        "preference": table(np.float64, 2),
        "interested": table(np.float64, 2),
        "audience": table(np.int64, 2),
        "outside": table(np.int64, 2),
        "absent": table(np.int64, 2),
        "timely": table(np.int64, 4),
        "limit": table(np.int64, 2),
        "holdout": table(np.bool_, 2),
        "latest": table(np.int64, 2),
        "operand": table(np.float64, 2),
    }


class SlotTimes(ArrayBundle):
    """The instants of a decision, by time zone and opening.

    Attributes:
        first: where they start for each zone and kind of opening, and one more.
        at: the instants.
        kind: by opening, its kind.
        dated: by zone, kind and date, the instant of a claim of that date.
        kinds: how many kinds there are.
        longest: how many instants one claim has at most.
        single: whether there is one instant only.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "at": table(np.int64),
        "kind": table(np.int64),
        "dated": table(np.int64, 3),
        "kinds": int,
        "longest": int,
        "single": int,
    }


class Barred(ArrayBundle):
    """Who cannot get what at one instant: openings as bits of whole numbers, 64 to a number.

    Attributes:
        every: all openings.
        needs: those that need consent.
        channel: by channel, those that need its consent.
        topic: by topic, those that need consent and have the topic.
        stage: by stage, those that do not fit it.
        role: by role, likewise.
        owner: by stage, those that another department owns.
        holdout: by holdout, those that it keeps back.
        parted: those whose audience is made of named rules.
        no_zone: those that a contact without a time zone cannot get; likewise the next two.
        no_stage: without a stage.
        no_role: without a role.
        no_channel: those that nobody can get, since they need a consent and have no channel.
        deny_unknown: all or none: whether an unknown consent denies.
        expressed: those whose weight is an expression.
        scored: those whose claims need a score.
        closed: by time zone, those whose campaign is closed.
        quiet: by time zone, those that are kept back by the hours.
    """

    fields: ClassVar = {
        "every": table(np.int64),
        "needs": table(np.int64),
        "channel": table(np.int64, 2),
        "topic": table(np.int64, 2),
        "stage": table(np.int64, 2),
        "role": table(np.int64, 2),
        "owner": table(np.int64, 2),
        "holdout": table(np.int64, 2),
        "parted": table(np.int64),
        "no_zone": table(np.int64),
        "no_stage": table(np.int64),
        "no_role": table(np.int64),
        "no_channel": table(np.int64),
        "deny_unknown": table(np.int64),
        "expressed": table(np.int64),
        "scored": table(np.int64),
        "closed": table(np.int64, 2),
        "quiet": table(np.int64, 2),
    }


TEXT_SCANS = record("place length longest rows last open least most")
"""Where the scan of a file of text is: what its last byte was part of; how many bytes the record has so far, and how
many it may have; how many lines there are; the last byte that is no blank; and how many more bytes a character has, and
between which the next one lies."""

SCORES = record("opening", "propensity value")
"""What models say: what would be sent, and two numbers, NaN for none."""
ESTIMATES = record("", "spread opt_out uplift")
"""What models say besides, NaN for none: how uncertain the propensity is, the chance that the message makes the contact
opt out, and by how much it changes the chance of a response."""


class ScoreArrays(ArrayBundle):
    """What models say of contacts.

    Attributes:
        first: where the scores of each contact start, and one more.
        score: the scores (`SCORES`); of several for one opening the last holds.
        chance: room for one contact's propensities by opening, all NaN.
        worth: likewise, for the values.
        estimate: by score, what models say besides (`ESTIMATES`); empty where they say nothing of the kind.
        estimated: likewise, room for one contact's by opening, all NaN.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "score": table(SCORES),
        "chance": table(np.float64),
        "worth": table(np.float64),
        "estimate": table(ESTIMATES),
        "estimated": table(ESTIMATES),
    }


class TouchArrays(ArrayBundle):
    """The touches of contacts.

    Attributes:
        first: where the touches of each contact start, and one more.
        at: the instant of each.
        shape: what it is besides whose and when.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "at": table(np.int64),
        "shape": table(np.int32),
    }


class QuotaChoiceArrays(ArrayBundle):
    """What a run over many contacts chose for each of them: items, by their places in the order of claims.

    Attributes:
        known: 0 where nothing was chosen, 1 where it was for exempt claims, 2 where it was for all.
        exempt_first: where the items of each contact's exempt claims start, and one more.
        exempt: the items.
        main_first: likewise, for the others.
        main: the items.
    """

    fields: ClassVar = {
        "known": int,
        "exempt_first": table(np.int64),
        "exempt": table(np.int32),
        "main_first": table(np.int64),
        "main": table(np.int32),
    }


ASKED = np.dtype([*((name, np.int32) for name in ("opening", "label", "group", "own")), ("weight", np.float64)])
"""Claims as kernels read them, one record for each opening that a claim covers: the opening; under which name it
is written; which claim; its own date or instant, or -1; and the weight, NaN for none. So few bytes, since there are
tens of millions."""
CLAIM_EXTRA = record("asked expires last_day", "propensity value")
"""What few claims bring besides: the instant of asking, the last instant and the last date on which it may go, or
`NONE`; and numbers, NaN for none."""
OWNS = record("rank at date rule id")
"""A claim's own date or instant, and id: its place, from 1, among the texts by which claims are told apart; its
instant, or `NONE`; the number of its date, or -1; the rule of one that lies outside the span; and the number of its id,
or 0 for none."""


class ClaimArrays(ArrayBundle):
    """Claims of contacts, for the kernels.

    Attributes:
        first: where the claims of each contact start, and one more.
        asked: the claims (`ASKED`), by contact.
        extra: what they bring besides (`CLAIM_EXTRA`); empty where none brings any of it.
        own: their own dates and instants (`OWNS`).
        number: by claim, the further numbers that quotas add up, in smallest units.
        estimate: by claim, what it says of itself as models do (`ESTIMATES`); empty where none says any of it.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "asked": table(ASKED),
        "extra": table(CLAIM_EXTRA),
        "own": table(OWNS),
        "number": table(np.int64, 2),
        "estimate": table(ESTIMATES),
    }
