"""The way of many contacts along the journey: `journeykit.journey.walk.Walk` as a kernel.

It does what the readable engine does, in the same order, and a property test holds the two together.
"""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.journey_arrays import MISSING, NEVER, NOT_AGAIN, NOT_QUALIFIED, OTHER_STAGE
from journeykit.kernels.native.jit import entry_point, kernel

_NEVER, _MISSING = np.int64(NEVER), np.int64(MISSING)
_NEAR = 2


# The order of events


@kernel
def _after(log, one, two, by_mark):
    """Whether one event comes after another."""
    if by_mark:
        if log.mark[one] != log.mark[two]:
            return log.mark[one] > log.mark[two]
        return one > two
    if log.at[one] != log.at[two]:
        return log.at[one] > log.at[two]
    if log.mark[one] != log.mark[two]:
        return log.mark[one] > log.mark[two]
    return one > two


@kernel
def _sift(log, low, root, count, by_mark):
    order = log.order
    while True:
        child = 2 * root + 1
        if child >= count:
            return
        if child + 1 < count and _after(log, order[low + child + 1], order[low + child], by_mark):
            child += 1
        if not _after(log, order[low + child], order[low + root], by_mark):
            return
        order[low + root], order[low + child] = order[low + child], order[low + root]
        root = child


@kernel
def _sort(log, low, high, by_mark):
    order = log.order
    count = high - low
    if count <= 32:
        for at in range(low + 1, high):
            own = order[at]
            place = at
            while place > low and _after(log, order[place - 1], own, by_mark):
                order[place] = order[place - 1]
                place -= 1
            order[place] = own
        return
    ordered = True
    for at in range(low + 1, high):
        if _after(log, order[at - 1], order[at], by_mark):
            ordered = False
            break
    if ordered:
        return
    for root in range(count // 2 - 1, -1, -1):
        _sift(log, low, root, count, by_mark)
    for last in range(count - 1, 0, -1):
        order[low], order[low + last] = order[low + last], order[low]
        _sift(log, low, np.int64(0), last, by_mark)


@entry_point
def sort_events(log, begin, end, by_mark):
    """Put the events of contacts into the order of time, and mark those that were there before.

    Args:
        log: the events.
        begin: the first contact.
        end: one more than the last.
        by_mark: whether two events with one mark are the same whenever they happened.
    """
    for contact in range(begin, end):
        low, high = log.first[contact], log.first[contact + 1]
        if by_mark:
            _sort(log, low, high, True)
            for at in range(low + 1, high):
                if log.mark[log.order[at]] == log.mark[log.order[at - 1]]:
                    log.name[log.order[at]] = -1
        _sort(log, low, high, False)
        if not by_mark:
            for at in range(low + 1, high):
                one, two = log.order[at], log.order[at - 1]
                if log.mark[one] == log.mark[two] and log.at[one] == log.at[two]:
                    log.name[one] = -1


# What rules say: 0 for false, 1 for true, 2 for unknown


@kernel
def _compared(value, operator, limit):
    if operator == 0:
        return value < limit
    if operator == 1:
        return value <= limit
    if operator == 2:
        return value > limit
    if operator == 3:
        return value >= limit
    if operator == 4:
        return value == limit
    return value != limit


@kernel
def _counts(routes, log, total, event):
    """Whether an event is one of those that are counted or added up."""
    if log.name[event] != routes.total_event[total]:
        return False
    part = routes.total_part[total]
    return part < 0 or log.state[part, event] == 0


@kernel
def _amount(routes, log, total, event):
    part = routes.total_part[total]
    return np.int64(1) if part < 0 else log.number[part, event]


@kernel
def _let_go(routes, log, memory, total, at, known):
    """Take events that are too old out of a total; then `low` is the oldest that counts, or `known`."""
    low = memory.low[total]
    length = routes.total_length[total]
    while low < known:
        event = log.order[low]
        if _counts(routes, log, total, event):
            if log.at[event] > at - length:
                break
            memory.total[total] -= _amount(routes, log, total, event)
        low += 1
    memory.low[total] = low


@kernel
def _verdict(routes, log, whose, memory, program, contact, at, known):
    top = 0
    stack = memory.stack
    for place in range(routes.program[program], routes.program[program + 1]):
        op, a, b = routes.op[place], routes.a[place], routes.b[place]
        if op == 5:
            if stack[top - 1] < 2:
                stack[top - 1] = 1 - stack[top - 1]
            continue
        if op >= 6:
            # Any false one settles `and`, any true one `or`; else any unknown one.
            settled = np.int8(0) if op == 6 else np.int8(1)
            found = np.int8(1) - settled
            for other in range(top - a, top):
                if stack[other] == settled:
                    found = settled
                    break
                if stack[other] == 2:
                    found = np.int8(2)
            top -= a
            stack[top] = found
            top += 1
            continue
        verdict = np.int8(2)
        if op == 0:
            verdict = whose.said[a, contact]
        elif op == 1:
            if routes.total_length[a] >= 0:
                _let_go(routes, log, memory, a, at, known)
            value = np.float64(memory.total[a])
            if routes.total_part[a] >= 0:
                value /= 1e6
            verdict = np.int8(1) if _compared(value, b, routes.limit[place]) else np.int8(0)
        elif op == 2:
            if memory.latest[a] != _MISSING:
                age = np.float64(at - memory.latest[a]) / np.float64(routes.unit[place])
                verdict = np.int8(1) if _compared(age, b, routes.limit[place]) else np.int8(0)
        elif op == 3:
            verdict = routes.verdicts[b + memory.value[a] + 1]
        else:
            is_known = memory.latest[a] != _MISSING
            verdict = np.int8(1) if is_known == (b == 1) else np.int8(0)
        stack[top] = verdict
        top += 1
    return stack[0]


@kernel
def _change_after(routes, log, memory, program, at, known):
    """The next instant at which time alone may change what a program says."""
    found = _NEVER
    for place in range(routes.program[program], routes.program[program + 1]):
        op, a = routes.op[place], routes.a[place]
        if op == 1 and routes.total_length[a] >= 0:
            _let_go(routes, log, memory, a, at, known)
            if memory.low[a] < known:
                found = min(found, log.at[log.order[memory.low[a]]] + routes.total_length[a])
        elif op == 2 and memory.latest[a] != _MISSING:
            reach = routes.limit[place] * np.float64(routes.unit[place])
            if abs(reach) < 4e18:
                middle = memory.latest[a] + np.int64(reach)
                if middle + _NEAR + 1 > at:
                    found = min(found, max(middle - _NEAR, at + 1))
    return found


# The way


@kernel
def _back_at(routes, memory, way, stage, at):
    """From when on the contact may enter the target of a transition."""
    left = at if routes.target[way] == stage else memory.left[routes.target[way]]
    if left == _MISSING:
        return _MISSING
    return _NEVER if routes.reentry[way] == _NEVER else left + routes.reentry[way]


@kernel
def _due(routes, memory, way, since, last):
    silent = last if routes.without[way] < 0 else memory.latest[routes.without[way]]
    return max(since, silent) + routes.after[way]


@kernel
def _is_open(routes, log, whose, memory, way, contact, stage, since, last, at, known):
    if routes.event[way] >= 0:
        if memory.fresh[routes.event[way]] == 0:
            return False
    elif routes.rule[way] >= 0:
        if _verdict(routes, log, whose, memory, routes.rule[way], contact, at, known) != 1:
            return False
    elif at < _due(routes, memory, way, since, last):
        return False
    if routes.reentry[way] > 0 and at < _back_at(routes, memory, way, stage, at):
        _refuse(routes, memory, way, NOT_AGAIN)
        return False
    gate = routes.gate[way]
    if gate >= 0 and _verdict(routes, log, whose, memory, gate, contact, at, known) != 1:
        _refuse(routes, memory, way, NOT_QUALIFIED)
        return False
    return True


@kernel
def _refuse(routes, memory, way, why):
    """Remember why the first transition of an event could not be taken."""
    event = routes.event[way]
    if event >= 0 and memory.refused[event] == 0:
        memory.refused[event] = why


@kernel
def _open_way(routes, log, whose, memory, contact, stage, since, last, at, known, settling):
    """The first transition that can be taken, or -1; see `Walk` for those that are spent."""
    for way in range(routes.leaving[stage], routes.leaving[stage + 1]):
        if not _is_open(routes, log, whose, memory, way, contact, stage, since, last, at, known):
            memory.spent[way] = False
        elif memory.passed[routes.target[way]] == settling:
            memory.spent[way] = routes.event[way] < 0
            _refuse(routes, memory, way, NOT_AGAIN)
        elif not memory.spent[way]:
            return way
    return -1


@kernel
def _timer_after(routes, log, memory, stage, since, last, at, known):
    """The next instant at which time alone may open a way."""
    found = _NEVER
    for way in range(routes.leaving[stage], routes.leaving[stage + 1]):
        if not routes.timed[way]:
            continue
        if routes.reentry[way] > 0:
            back = _back_at(routes, memory, way, stage, at)
            if back == _NEVER:
                continue
            if back > at:
                found = min(found, back)
        if routes.after[way] >= 0:
            due = _due(routes, memory, way, since, last)
            if due > at:
                found = min(found, due)
        if routes.rule[way] >= 0:
            found = min(found, _change_after(routes, log, memory, routes.rule[way], at, known))
        if routes.gate[way] >= 0:
            found = min(found, _change_after(routes, log, memory, routes.gate[way], at, known))
    return found


@kernel
def _evidence(routes, memory, way, last, at):
    if routes.event[way] >= 0:
        return at
    if routes.rule[way] >= 0:
        found = _MISSING
        for place in range(routes.asked[routes.rule[way]], routes.asked[routes.rule[way] + 1]):
            found = max(found, memory.latest[routes.asked_event[place]])
        return found
    return last if routes.without[way] < 0 else memory.latest[routes.without[way]]


@kernel
def _forget(routes, memory, low):
    """Know nothing of the contact whose events start here."""
    for event in range(len(memory.latest)):
        memory.latest[event] = _MISSING
        memory.fresh[event] = 0
        memory.refused[event] = 0
    for total in range(len(routes.total_event)):
        memory.low[total] = low
        memory.total[total] = 0
    for stage in range(routes.stages):
        memory.left[stage] = _MISSING
        memory.passed[stage] = 0
    for way in range(len(routes.place)):
        memory.spent[way] = False
    for last in range(len(routes.last_event)):
        memory.value[last] = -1
        memory.value_at[last] = _MISSING


@kernel
def _learn(routes, log, whose, memory, event, at, counted):
    """Know of one more event."""
    name = log.name[event]
    if name >= routes.events:
        counted[1] += 1
        return
    memory.latest[name] = at
    memory.fresh[name] += 1
    for total in range(len(routes.total_event)):
        if _counts(routes, log, total, event):
            memory.total[total] += _amount(routes, log, total, event)
    for place in range(len(routes.sum_event)):
        if routes.sum_event[place] == name and log.state[routes.sum_part[place], event] == 2:
            counted[2] += 1
    for last in range(len(routes.last_event)):
        if routes.last_event[last] != name:
            continue
        part = routes.last_part[last]
        code = log.value[part, event]
        if code == -2:
            counted[3] += 1
        elif code >= 0 and (
            memory.value_at[last] < at or whose.rank[part, code] > whose.rank[part, memory.value[last]]
        ):
            memory.value[last], memory.value_at[last] = code, at


@kernel
def _walk(routes, log, whose, memory, paths, counted, contact, until, used):
    """The way of one contact: how much room is used then, or -1 where it did not suffice."""
    low, high = log.first[contact], log.first[contact + 1]
    _forget(routes, memory, low)
    stage, start = whose.stage[contact], whose.start[contact]
    since = last = _MISSING
    timer = _NEVER
    entered = False
    known = low
    settling = 0
    while True:
        while known < high and log.name[log.order[known]] < 0:
            counted[0] += 1
            known += 1
        at = log.at[log.order[known]] if known < high else _NEVER
        waiting = timer if entered else (start if start != _MISSING else _NEVER)
        now = min(at, waiting)
        if now > until:
            return used
        fresh = known
        while known < high and log.at[log.order[known]] == now:
            event = log.order[known]
            if log.name[event] < 0:
                counted[0] += 1
            else:
                _learn(routes, log, whose, memory, event, now, counted)
                last = now
            known += 1
        settling += 1
        if not entered and (start == _MISSING or now >= start):
            if used == len(paths.contact):
                return -1
            entered, since = True, now
            memory.passed[stage] = settling
            paths.contact[used], paths.stage[used], paths.since[used] = contact, stage, now
            paths.way[used] = -1
            paths.evidence[used] = now if start == _MISSING else _MISSING
            used += 1
        if entered:
            while True:
                way = _open_way(routes, log, whose, memory, contact, stage, since, last, now, known, settling)
                if way < 0:
                    break
                if used == len(paths.contact):
                    return -1
                paths.evidence[used] = _evidence(routes, memory, way, last, now)
                if routes.event[way] >= 0:
                    memory.fresh[routes.event[way]] -= 1
                memory.left[stage] = now
                stage, since = routes.target[way], now
                for other in range(routes.leaving[stage], routes.leaving[stage + 1]):
                    memory.spent[other] = False
                memory.passed[stage] = settling
                paths.contact[used], paths.stage[used], paths.since[used] = contact, stage, now
                paths.way[used] = routes.place[way]
                used += 1
            timer = _timer_after(routes, log, memory, stage, since, last, now, known)
        for place in range(fresh, known):
            name = log.name[log.order[place]]
            if 0 <= name < routes.events:
                if memory.refused[name]:
                    counted[memory.refused[name]] += memory.fresh[name]
                elif routes.moves[name]:
                    counted[OTHER_STAGE] += memory.fresh[name]
                memory.fresh[name] = memory.refused[name] = 0


@entry_point
def walk_journeys(routes, log, whose, memory, paths, counted, total, begin, end, until):
    """The ways of contacts, as far as there is room: the contact at whom to go on, and how much room is used.

    Args:
        routes: the journey.
        log: the events, arranged.
        whose: the contacts.
        memory: room to walk in.
        paths: room for steps.
        counted: room to count in.
        total: what was counted, added to what is there.
        begin: the first contact.
        end: one more than the last.
        until: the last instant that is looked at.
    """
    used = 0
    for contact in range(begin, end):
        counted[:] = 0
        now = _walk(routes, log, whose, memory, paths, counted, contact, until, used)
        if now < 0:
            return contact, used
        used = now
        for kind in range(len(counted)):
            total[kind] += counted[kind]
    return end, used


@entry_point
def contact_offsets(contact, first, place):
    """The place of each event when all are put together by contact; `first` is used up."""
    for event in range(len(contact)):
        place[event] = first[contact[event]]
        first[contact[event]] += 1
