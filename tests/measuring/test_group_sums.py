"""Sums over messages by group and contact, against a count one by one."""

from collections import Counter, defaultdict
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from journeykit.measuring.group_measures import AnsweredMessages, measures_of
from journeykit.measuring.group_sums import GroupSums, MessageGroups
from journeykit.measuring.message_facets import facet_names, spread
from journeykit.measuring.message_pressure import messages_before
from journeykit.measuring.message_stages import last_at_most
from journeykit.measuring.ratio_interval import Draws

MESSAGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), max_size=40)


@given(MESSAGES)
def test_sums_by_group_and_contact(messages):
    """As a count one by one gives them, whatever the order of contacts."""
    unit, group, flag = (np.array([own[place] for own in messages], np.int64) for place in range(3))
    value = np.arange(len(messages))
    sums = GroupSums(MessageGroups(("g",), tuple((str(n),) for n in range(4)), np.arange(len(messages)), group), unit)
    wanted = defaultdict(int)
    for own, (contact, number, _) in zip(value.tolist(), messages, strict=True):
        wanted[number, contact] += own
    found = [own.tolist() for own in sums.slices(sums.by_unit(value))]
    assert found == [[wanted[key] for key in sorted(wanted) if key[0] == number] for number in range(4)]
    assert sums.by_group(flag.astype(np.bool_)) == [sum(own[2] for own in messages if own[1] == n) for n in range(4)]
    assert sums.units() == [len({own[0] for own in messages if own[1] == number}) for number in range(4)]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=3, unique=True), max_size=12), st.data())
def test_facets_together(topics, data):
    """A message is in each pair of its groups of two facets, once."""
    teams = data.draw(st.lists(st.sampled_from("xy"), min_size=len(topics), max_size=len(topics)))
    values = [tuple(own) or (None,) for own in topics]
    left = spread(("topic",), np.arange(len(topics)), values)
    right = spread(("team",), np.arange(len(topics)), [(own,) for own in teams])
    both = left.times(right)
    found = [(both.names[group], row) for group, row in zip(both.group.tolist(), both.message.tolist(), strict=True)]
    wanted = [((topic, team), row) for row, team in enumerate(teams) for topic in values[row]]
    assert Counter(found) == Counter(wanted)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=30), st.integers(1, 20))
def test_messages_before(messages, length):
    """As a count one by one gives them."""
    messages.sort()
    contact, at = (np.array([own[place] for own in messages], np.int64) for place in range(2))
    wanted = [
        sum(other[0] == own[0] and own[1] - other[1] < length for other in messages[:row])
        for row, own in enumerate(messages)
    ]
    assert messages_before(contact, at, length).tolist() == wanted
    with patch("journeykit.measuring.message_pressure._FEW_BEFORE", 1):
        assert messages_before(contact, at, length).tolist() == wanted


def test_messages_before_of_a_contact_who_is_no_person():
    """Very many messages to one contact take no longer than as many to others."""
    number = 200_000
    found = messages_before(np.zeros(number, np.int64), np.arange(number), number)
    assert np.array_equal(found, np.arange(number))


@given(st.lists(st.lists(st.integers(0, 20), max_size=6), min_size=1, max_size=6), st.integers(0, 20))
def test_the_last_of_a_part_that_is_at_most_a_limit(parts, limit):
    """As a search one by one finds it."""
    parts = [sorted(part) for part in parts]
    ends = np.cumsum([len(part) for part in parts])
    starts = ends - [len(part) for part in parts]
    values = np.array([own for part in parts for own in part], np.int64)
    found = last_at_most(starts, ends, values, np.full(len(parts), limit))
    counts = [sum(own <= limit for own in part) for part in parts]
    assert found.tolist() == [start + count - 1 if count else -1 for start, count in zip(starts, counts, strict=True)]


def test_facets_are_named_with_commas_and_stars():
    """A table for each, or for several together; each once."""
    assert facet_names("team, stage * segment,team") == (("team",), ("stage", "segment"))


def test_measures_of_two_groups():
    """Old messages have rates, young ones stand apart; cost that is unknown of one message gives no value per cost."""
    groups = MessageGroups(("team",), (("a",), ("b",)), np.arange(5), np.array([0, 0, 0, 1, 1]))
    contact = np.array([0, 0, 1, 1, 2])
    old = np.array([1, 1, 1, 1, 0], np.bool_)
    credits_ = np.array([0, 0, 3, 4]), np.ones(4), np.array([10.0, 20, 5, 7])
    answers = [AnsweredMessages("sale", old, ~old, *credits_)]
    cost = np.array([1.0, 1.0, 1.0, 2.0, np.nan])
    one, two = measures_of(groups, answers, contact=contact, unit=contact, cost=cost, draws=Draws())
    sale = one.responses[0]
    assert (one.messages, one.contacts, one.cost, one.cost_unknown) == (3, 2, 3.0, 0)
    assert (sale.rate.part, sale.rate.whole, sale.rate.units, sale.events) == (1, 3, 2, 2.0)
    assert (sale.value, sale.worth.rate, sale.value_per_cost, sale.young) == (30.0, 10.0, 10.0, 0)
    sale = two.responses[0]
    assert (two.messages, two.contacts, two.cost, two.cost_unknown) == (2, 2, 2.0, 1)
    assert (sale.rate.part, sale.rate.whole, sale.young, sale.young_part, sale.value_per_cost) == (1, 1, 1, 1, 2.5)
