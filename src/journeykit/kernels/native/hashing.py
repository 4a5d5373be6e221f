"""Hashes of ids, the index of contacts, holdouts."""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.codes import FIRST, SECOND, STIR_FIRST, STIR_SECOND
from journeykit.kernels.native.jit import entry_point, inlined

_FIRST, _SECOND = np.uint64(FIRST), np.uint64(SECOND)
_STIR_FIRST, _STIR_SECOND = np.uint64(STIR_FIRST), np.uint64(STIR_SECOND)
_ADD_FIRST, _ADD_SECOND = np.uint64(0x52DCE729), np.uint64(0x38495AB5)
_FIVE, _EIGHT, _BITS, _SHIFT = np.uint64(5), np.uint64(8), np.uint64(64), np.uint64(33)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@inlined
def _turn(value, bits):
    return value << np.uint64(bits) | value >> np.uint64(64 - bits)


@inlined
def _stir(value):
    value ^= value >> _SHIFT
    value *= _STIR_FIRST
    value ^= value >> _SHIFT
    value *= _STIR_SECOND
    return value ^ value >> _SHIFT


@inlined
def _word(data, low, high):
    """Up to eight bytes as one number, the first the lowest."""
    found = np.uint64(0)
    for at in range(high - 1, low - 1, -1):
        found = found << _EIGHT | np.uint64(data[at])
    return found


@entry_point
def hash_ids(offsets, data, one, two, bad):
    """MurmurHash3 (x64, 128 bits, seed 0) of texts; marks those that are empty or hold a NUL."""
    for row in range(len(offsets) - 1):
        low, high = offsets[row], offsets[row + 1]
        first = second = np.uint64(0)
        at = low
        while at + 16 <= high:
            first ^= _turn(_word(data, at, at + 8) * _FIRST, 31) * _SECOND
            first = (_turn(first, 27) + second) * _FIVE + _ADD_FIRST
            second ^= _turn(_word(data, at + 8, at + 16) * _SECOND, 33) * _FIRST
            second = (_turn(second, 31) + first) * _FIVE + _ADD_SECOND
            at += 16
        if high - at > 8:
            second ^= _turn(_word(data, at + 8, high) * _SECOND, 33) * _FIRST
        first ^= _turn(_word(data, at, min(high, at + 8)) * _FIRST, 31) * _SECOND
        size = np.uint64(high - low)
        first ^= size
        second ^= size
        first += second
        second += first
        first, second = _stir(first), _stir(second)
        first += second
        one[row] = first
        two[row] = second + first
        odd = high == low
        for place in range(low, high):
            odd |= data[place] == 0
        bad[row] = odd


@entry_point
def write_ids(one, two, claim_one, claim_two, label, contact, out):
    """The ids of decisions, 32 hexadecimal digits each."""
    for row in range(len(label)):
        own, claim = contact[row], label[row]
        first = _stir(one[own] ^ claim_one[claim])
        second = _stir(two[own] ^ claim_two[claim] ^ first)
        place = row * 32
        for shift in range(60, -4, -4):
            out[place] = _HEX[first >> np.uint64(shift) & np.uint64(15)]
            out[place + 16] = _HEX[second >> np.uint64(shift) & np.uint64(15)]
            place += 1


@entry_point
def index_add(one, two, start, skip, table_one, table_two, table_row, again):
    """Add keys as rows numbered from `start`, and mark those that are there already; how many are new."""
    mask = np.uint64(len(table_row) - 1)
    count = 0
    for row in range(len(one)):
        if skip[row]:
            continue
        slot = one[row] & mask
        while table_row[slot] >= 0 and not (table_one[slot] == one[row] and table_two[slot] == two[row]):
            slot = (slot + np.uint64(1)) & mask
        if table_row[slot] >= 0:
            again[row] = True
        else:
            table_one[slot], table_two[slot], table_row[slot] = one[row], two[row], start + row
            count += 1
    return count


@entry_point
def index_move(old_one, old_two, old_row, table_one, table_two, table_row):
    """Copy an index into larger tables."""
    mask = np.uint64(len(table_row) - 1)
    for place in range(len(old_row)):
        if old_row[place] >= 0:
            slot = old_one[place] & mask
            while table_row[slot] >= 0:
                slot = (slot + np.uint64(1)) & mask
            table_one[slot], table_two[slot], table_row[slot] = old_one[place], old_two[place], old_row[place]


@entry_point
def index_find(one, two, table_one, table_two, table_row, found):
    """The row of each key, -1 where it has none."""
    mask = np.uint64(len(table_row) - 1)
    for row in range(len(one)):
        slot = one[row] & mask
        while table_row[slot] >= 0 and not (table_one[slot] == one[row] and table_two[slot] == two[row]):
            slot = (slot + np.uint64(1)) & mask
        found[row] = table_row[slot]


@inlined
def _fnv_point(found, point):
    return ((found ^ point) * 0x01000193) & 0xFFFFFFFF


@entry_point
def in_holdout(seed, offsets, data, share, out):
    """Who is in a holdout: `journeykit.model.holdout.Holdout` over texts in UTF-8, given the seed's code points."""
    start = 0x811C9DC5
    for point in seed:
        start = _fnv_point(start, point)
    for row in range(len(offsets) - 1):
        found = start
        at, high = offsets[row], offsets[row + 1]
        while at < high:
            byte = np.int64(data[at])
            if byte < 0x80:
                point, more = byte, 0
            elif byte < 0xE0:
                point, more = byte & 0x1F, 1
            elif byte < 0xF0:
                point, more = byte & 0x0F, 2
            else:
                point, more = byte & 0x07, 3
            for step in range(1, more + 1):
                point = point << 6 | np.int64(data[at + step]) & 0x3F
            at += 1 + more
            found = _fnv_point(found, point)
        # The decimal digits, the highest first.
        unit = 1
        while found // unit >= 10:
            unit *= 10
        digits, found = found, 0x811C9DC5
        while unit:
            found = _fnv_point(found, digits // unit % 10 + 48)
            unit //= 10
        out[row] = found % 10_000 / 10_000 < share


@entry_point
def set_bits(out, word, bits, where):
    """Set bits of whole numbers in some rows."""
    for row in range(len(where)):
        if where[row]:
            out[row, word] |= bits
