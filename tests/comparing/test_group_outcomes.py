"""Groups of contacts: what they get, and how sure it is that this is more or less than what all others get."""

from datetime import UTC, datetime

import numpy as np
import pytest

from journeykit import Campaign, Cap, Content, ModelError, Playbook, Window, compare
from journeykit.comparing.group_outcomes import group_changes, group_outcomes
from journeykit.segments.group_facet import GroupFacet

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def playbook(audience=None, most=1):
    """Two campaigns, the first for some contacts."""
    return Playbook(
        content=[Content(id=name, channel="email") for name in ("offer", "news")],
        campaigns=[
            Campaign(id="offer", content=("offer",), weight=3, audience=audience),
            Campaign(id="news", content=("news",), weight=1),
        ],
        caps=[Cap(name="one a day", max=most, window=Window.calendar("day"))],
    )


def people(count):
    """So many contacts, half of them in each town; those of the first are younger."""
    rng = np.random.default_rng(1)
    ages = rng.integers(20, 60, count) - np.where(np.arange(count) % 2, 0, 15)
    return [
        {"contact_id": f"c{n}", "consent_email": n % 5 > 0, "town": ("Bitola", "Ohrid")[n % 2], "age": int(age)}
        for n, age in enumerate(ages)
    ]


def test_groups_are_compared_with_all_others():
    """An offer to those over 40 goes to one town more than to the other."""
    found = compare(playbook("age > 40"), contacts=people(400), at=AT, by="town")
    bitola, ohrid = found.groups[0].groups
    assert (bitola.group, bitola.contacts, ohrid.contacts) == ("Bitola", 200, 200)
    assert bitola.reached.arm.mean == ohrid.reached.arm.mean == 0.8
    assert bitola.value.fixed[1] < 0 < ohrid.value.fixed[0]
    assert bitola.rate.low < bitola.rate.part / bitola.rate.whole < bitola.rate.high
    assert "Groups of contacts are compared with all other contacts" in str(found)
    assert found.to_dict()["groups"][0]["groups"][1]["value"]["difference"] == ohrid.value.difference


def test_a_change_is_told_by_group():
    """Without its audience the offer goes to all: the younger town gains more."""
    found = compare(playbook("age > 40"), playbook(), contacts=people(400), at=AT, by=["town"])
    bitola, ohrid = found.pairs[0].by_groups["town"]
    assert bitola.value.low > ohrid.value.high > 0
    assert bitola.messages.mean == 0
    assert bitola.messages.low is None


def test_what_the_contacts_do_not_have_is_refused():
    """Groups need contacts, and a level below 1."""
    with pytest.raises(ModelError, match="give contacts"):
        compare(playbook(), claims=[{"contact_id": "a", "campaign_id": "news"}], at=AT, by="town")
    with pytest.raises(ModelError, match="level"):
        compare(playbook(), contacts=people(2), at=AT, by="town", level=1)


def facet_of(labels):
    """Groups by number."""
    names = sorted(set(labels.tolist()))
    return GroupFacet(("town",), tuple((str(name),) for name in names), labels.astype(np.int32), np.eye(len(names)) > 0)


def test_values_that_are_alike_have_no_error():
    """Rounding of sums makes no spread: one group less the other has an interval where the other way round has one."""
    value = np.array([100_000, 200_000, 300_000] + [100_000] * 30)
    ones = np.ones(33, np.int64)
    counts = {"eligible": ones, "granted": ones, "value": value}
    found = group_outcomes(facet_of(np.arange(33) // 3 > 0), np.arange(33), counts, by="town", side="a").groups
    assert [own.value.fixed for own in found] == [None, None]


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Of many populations in which a group gets more, the intervals at 90 % miss the true difference in a tenth."""
    rng = np.random.default_rng(7)
    tries, size = 250, 240
    held = {"reached": 0, "messages": 0, "value": 0, "rate": 0, "change": 0}
    truth = {"reached": 0.5**3 - 0.6**3, "messages": 0.3, "value": 0.6, "rate": 0.5, "change": 0.3}
    for _ in range(tries):
        group = np.repeat([0, 1, 1], size // 3)
        chance = np.where(group == 0, 0.5, 0.4)
        granted = rng.binomial(3, chance)
        counts = {"eligible": np.full(size, 3), "granted": granted, "value": granted * 2_000_000}
        facet, contact = facet_of(group), np.arange(size)
        own = group_outcomes(facet, contact, counts, by="town", side="a", level=0.9).groups[0]
        ends = {name: getattr(own, name).fixed for name in ("messages", "value")}
        ends["reached"] = tuple(-end for end in reversed(own.reached.fixed))
        ends["rate"] = own.rate.low, own.rate.high
        more = rng.binomial(3, 0.1, size)
        change = group_changes(facet, contact, more, more, 0.9)[0].messages
        ends["change"] = change.low, change.high
        for name, (low, high) in ends.items():
            held[name] += low <= truth[name] <= high
    for name, count in held.items():
        assert 0.86 <= count / tries <= 0.95, (name, count)
