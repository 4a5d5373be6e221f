"""What tasks have counted adds up, however often they are done and however their buckets are shared."""

from __future__ import annotations

import pickle
from random import Random

from journeykit.job.run_counts import RunCounts
from journeykit.spark.part_counts import PartCounts, PartsSum, latest


def part(written: int) -> PartCounts:
    return PartCounts.of(RunCounts(written=written))


def test_a_part_that_comes_again_counts_once():
    """In any order, through sums of sums, as Spark merges them."""
    parts = {frozenset([bucket, bucket + 10]): part(bucket) for bucket in range(10)}
    rng, told = Random(1), PartsSum()
    for _ in range(20):
        arrived = [dict([own]) for own in [*parts.items(), *rng.sample(list(parts.items()), 4)]]
        rng.shuffle(arrived)
        halves = [told.zero({}), told.zero({})]
        for own in arrived:
            half = rng.randrange(2)
            halves[half] = told.addInPlace(halves[half], own)
        found = latest(told.addInPlace(*halves))
        assert found == parts
        assert sum(own.unpacked().written for own in found.values()) == sum(range(10))


def test_another_sharing_of_buckets_is_in_place_of_the_former():
    """Another action may join buckets otherwise: its parts come last, and what they overlap is let go."""
    first = {frozenset([1, 2]): part(12), frozenset([3]): part(3), frozenset([4]): part(4)}
    again = {frozenset([2, 3]): part(23), frozenset([1]): part(1)}
    found = latest(PartsSum().addInPlace(dict(first), again))
    assert found == {**again, frozenset([4]): first[frozenset([4])]}


def test_what_the_driver_calls_stays_there():
    """Workers add without telling; the driver tells of contacts that are done."""
    done = []
    own = PartsSum(lambda contacts, total: done.append((contacts, total)))
    other = pickle.loads(pickle.dumps(own))
    sent = other.addInPlace({}, {frozenset([1]): PartCounts(5, b"")})
    assert not done
    own.addInPlace({frozenset([2]): PartCounts(2, b"")}, sent)
    assert done == [(7, None)]
