"""Labels of buckets: numbers that Spark's hash spreads over partitions, one to each."""

from __future__ import annotations

from itertools import count

_SEED = 42
_WORD = 0xFFFFFFFF


def bucket_labels(partitions: int) -> list[int]:
    """For each of so many partitions, the smallest number that Spark's hash partitioning puts there.

    Numbers from 0 on would not do: of 200 numbers some partitions get four, and every third none. Where another
    engine hashes otherwise, rows still go where their label goes; only the partitions are of less equal size.

    Example:
        >>> bucket_labels(4)
        [12, 6, 2, 0]
    """
    found: dict[int, int] = {}
    for label in count():
        found.setdefault(partition_of(label, partitions), label)
        if len(found) == partitions:
            return [found[partition] for partition in range(partitions)]
    raise AssertionError


def partition_of(label: int, partitions: int) -> int:
    """The partition in which Spark puts a row by the hash of an int: Murmur3 of 32 bits, with the seed 42.

    Example:
        >>> [partition_of(label, 4) for label in range(4)]
        [3, 3, 2, 3]
    """
    key = _rotated(label * 0xCC9E2D51 & _WORD, 15) * 0x1B873593 & _WORD
    found = (_rotated(_SEED ^ key, 13) * 5 + 0xE6546B64 & _WORD) ^ 4
    found = (found ^ found >> 16) * 0x85EBCA6B & _WORD
    found = (found ^ found >> 13) * 0xC2B2AE35 & _WORD
    found ^= found >> 16
    return (found - (1 << 32) if found >> 31 else found) % partitions


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _WORD
