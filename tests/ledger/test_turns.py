"""Threads that wait for a connection get one in the order in which they came."""

from __future__ import annotations

from threading import Thread
from time import sleep

from journeykit.ledger.turns import Turns


def test_a_place_goes_to_the_thread_that_has_waited_longest():
    """Five wait, one after the other; none is passed over."""
    turns, done, threads = Turns(1), [], []
    assert turns.take(0)

    def work(number):
        assert turns.take(60)
        done.append(number)
        turns.give()

    for number in range(5):
        threads.append(Thread(target=work, args=[number]))
        threads[-1].start()
        while len(turns._waiting) <= number:
            sleep(0.001)
    turns.give()
    for thread in threads:
        thread.join()
    assert done == [0, 1, 2, 3, 4]


def test_one_that_waits_no_longer_is_no_hindrance():
    """Without patience there is no place; a thread that gave up is not given one."""
    turns = Turns(1)
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.give()
    assert turns.take(0)
