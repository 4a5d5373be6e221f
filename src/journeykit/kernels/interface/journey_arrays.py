"""Journeys, events and paths, as kernels read and write them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from journeykit.kernels.interface.array_bundle import ArrayBundle, table

NEVER = 2**62
"""An instant, or a length of time, that is not reached."""
MISSING = -(2**62)
"""No instant."""
SAID, TOTAL, AGE, LAST, KNOWN, NOT, AND, OR = range(8)
"""The conditions and joints of a program."""
LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, UNEQUAL = range(6)


class Routes(ArrayBundle):
    """The transitions of a journey, and its programs.

    Attributes:
        leaving: where the transitions of each stage start, and one more; they are in document order.
        place: of each transition, its place in the journey.
        target: the stage to which it leads.
        event: the event that takes it, or -1.
        rule: the program that takes it, or -1.
        after: the silence that takes it, in microseconds, or -1.
        without: the event whose absence is silence; -1 for any.
        gate: the program that must be true of a contact who takes it, or -1.
        reentry: how long a contact must have been away from its target; `NEVER` where they may not come back.
        timed: whether time alone may open it.
        program: where each program starts, and one more.
        op: what each part of a program is.
        a: what it looks at.
        b: how: an operator, or where its verdicts start.
        unit: of an age, in microseconds.
        limit: what a number is compared with.
        asked: where the events that a program asks about start, and one more.
        asked_event: these events.
        total_event: of what is counted or added up, the event.
        total_part: which numbers are added up; -1 where events are counted.
        sum_event: of each property that is added up, the event.
        sum_part: and which numbers.
        total_length: how far back; -1 for all.
        last_event: of the last values that are asked for, the event.
        last_part: and which values.
        verdicts: what conditions say of last values: false, true or unknown.
        moves: by event, whether it takes transitions, and nothing else asks for it.
        events: how many names of events the journey asks for.
        stages: how many stages there are.
    """

    fields: ClassVar = {
        "leaving": table(np.int64),
        "place": table(np.int64),
        "target": table(np.int64),
        "event": table(np.int64),
        "rule": table(np.int64),
        "after": table(np.int64),
        "without": table(np.int64),
        "gate": table(np.int64),
        "reentry": table(np.int64),
        "timed": table(np.bool_),
        "program": table(np.int64),
        "op": table(np.int64),
        "a": table(np.int64),
        "b": table(np.int64),
        "unit": table(np.int64),
        "limit": table(np.float64),
        "asked": table(np.int64),
        "asked_event": table(np.int64),
        "total_event": table(np.int64),
        "total_part": table(np.int64),
        "sum_event": table(np.int64),
        "sum_part": table(np.int64),
        "total_length": table(np.int64),
        "last_event": table(np.int64),
        "last_part": table(np.int64),
        "verdicts": table(np.int8),
        "moves": table(np.bool_),
        "events": int,
        "stages": int,
    }


DUPLICATE, UNKNOWN_EVENT, NOT_A_NUMBER, NOT_COMPARABLE, NOT_QUALIFIED, NOT_AGAIN, OTHER_STAGE, STEPS = range(8)
"""What is counted."""
GOOD, EMPTY, BAD = range(3)
"""What a number to be added up is."""
NO_VALUE, ODD_VALUE = -1, -2
"""The codes of a last value that is missing, and of one that cannot be compared."""


NULL_VALUE, FALSE_VALUE, TRUE_VALUE, WHOLE, FLOAT, TEXT, NESTED = range(7)
"""What a member of a JSON object is."""


class EventArrays(ArrayBundle):
    """Events by contact.

    Attributes:
        first: where each contact's events start, and one more.
        order: the events of each contact; `arrange` puts them into the order of time.
        at: their instants.
        name: their names; one that the journey does not ask for is `Routes.events`, a duplicate -1.
        mark: what tells an event from others.
        number: by property that is added up, the numbers in millionths.
        state: whether these are good, empty or bad.
        value: by property of which the last is asked for, the codes of its values.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "order": table(np.int64),
        "at": table(np.int64),
        "name": table(np.int16),
        "mark": table(np.uint64),
        "number": table(np.int64, 2),
        "state": table(np.int8, 2),
        "value": table(np.int32, 2),
    }


class Members(ArrayBundle):
    """Room for the members of JSON objects.

    Attributes:
        row: of each member, its row.
        name: the number of its name.
        kind: what it is.
        word: a whole number, the bits of a float, or where a text starts: in the objects or, that far behind their end,
            in ``text``; of what is nested, where it starts in the objects.
        end: where its text ends.
        name_start: of each name, where it starts in the objects.
        name_end: where it ends.
        salt: what is mixed into the marks of its values.
        text: room for texts without their escapes.
    """

    fields: ClassVar = {
        "row": table(np.int32),
        "name": table(np.int32),
        "kind": table(np.int8),
        "word": table(np.int64),
        "end": table(np.int64),
        "name_start": table(np.int64),
        "name_end": table(np.int64),
        "salt": table(np.uint64),
        "text": table(np.uint8),
    }


class ContactEntry(ArrayBundle):
    """The contacts.

    Attributes:
        said: by condition, what it says of each: false, true or unknown.
        stage: the stage on which each enters.
        start: when; `MISSING` for at the first event.
        rank: by property of which the last is asked for, the rank of each value among those of one instant.
    """

    fields: ClassVar = {
        "said": table(np.int8, 2),
        "stage": table(np.int64),
        "start": table(np.int64),
        "rank": table(np.int64, 2),
    }


class WalkState(ArrayBundle):
    """What is known of one contact during the walk.

    Attributes:
        latest: by event, the instant of the last one.
        fresh: by event, how many of this instant took no transition yet.
        refused: by event, why the first of its transitions could not be taken at this instant, or 0.
        low: by total, the first event that still counts.
        total: the totals.
        left: by stage, when the contact left it.
        spent: by transition, whether it must close before it is taken on this stay.
        passed: by stage, the number of the settling in which they entered it.
        value: by last value, its code.
        value_at: its instant.
        stack: the verdicts of a program.
    """

    fields: ClassVar = {
        "latest": table(np.int64),
        "fresh": table(np.int64),
        "refused": table(np.int64),
        "low": table(np.int64),
        "total": table(np.int64),
        "left": table(np.int64),
        "spent": table(np.bool_),
        "passed": table(np.int64),
        "value": table(np.int64),
        "value_at": table(np.int64),
        "stack": table(np.int8),
    }


class PathRecords(ArrayBundle):
    """Room for steps.

    Attributes:
        contact: whose.
        stage: the stage that they entered.
        since: when.
        way: the place of the transition in the journey; -1 where they entered the journey.
        evidence: the instant of the last event on which it rests, or `MISSING`.
    """

    fields: ClassVar = {
        "contact": table(np.int32),
        "stage": table(np.int16),
        "since": table(np.int64),
        "way": table(np.int16),
        "evidence": table(np.int64),
    }
