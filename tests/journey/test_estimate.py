"""What paths say of a journey: moves, times, the funnel and sales."""

from __future__ import annotations

import itertools
import json
import pickle
import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import DataError, Journey, ModelError, Stage
from journeykit.basics.clock import DAY
from journeykit.journey import Chain, Event, Evidence, Placement, Share, Step, estimate, sales_of
from journeykit.journey.measure.intervals import quantiles, remaining, student_quantile, times_by
from journeykit.journey.placing_results import Placements

NAMES = ("lead", "talk", "offer", "customer")
JOURNEY = Journey([Stage(name) for name in NAMES])


def day(number: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


END = day(100)


def paths_of(**paths):
    """Rows of paths written as {contact: "lead 0, talk 5"}."""
    return [
        (contact, step.split()[0], day(float(step.split()[1])))
        for contact, path in paths.items()
        for step in path.split(", ")
    ]


def moves_of(found):
    return {(move.source, move.to): (move.share.part, move.share.whole) for move in found.moves}


def funnel_of(found):
    return [
        (step.reached, step.in_order, step.converted and step.converted.part, step.skipped, step.waiting, step.left)
        for step in found.funnel
    ]


# Published numbers


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_that_were_published(part, whole, low, high):
    """Wilson's interval, as Newcombe gives it (Statistics in Medicine 17, 1998, table I, method 3)."""
    share = Share.of(part, whole)
    assert (round(share.low, 4), round(share.high, 4)) == (low, high)


def test_students_quantiles_are_those_of_the_tables():
    """Two-sided, of 95 % and 99 %; where the short way begins, nothing jumps."""
    degrees = (1, 2, 3, 4, 5, 9, 10, 29, 30, 60, 120)
    at_95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.262, 2.228, 2.045, 2.042, 2.000, 1.980]
    at_99 = [63.657, 9.925, 5.841, 4.604, 4.032, 3.250, 3.169, 2.756, 2.750, 2.660, 2.617]
    assert [round(student_quantile(0.95, own), 3) for own in degrees] == at_95
    assert [round(student_quantile(0.99, own), 3) for own in degrees] == at_99
    assert 0 < student_quantile(0.95, 1000) - student_quantile(0.95, 1001) < 1e-5


ENDED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
GOING = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_times_are_those_of_the_textbook():
    """Weeks of remission under 6-MP (Freireich and others, Blood 21, 1963): the product-limit estimate.

    The values are worked out by hand in Kleinbaum and Klein, "Survival Analysis", chapter 2.
    """
    found = [(length, round(share, 3)) for length, share in remaining(ENDED, GOING)]
    assert found == [(6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538), (23, 0.448)]
    assert times_by(ENDED, GOING) == (13, 23, None)
    assert times_by(PLACEBO, []) == quantiles(PLACEBO) == (4, 8, 12)


def test_the_textbook_as_stays_on_a_stage():
    """The same as paths: who is in remission still is on the stage still, and a median that is not reached is None."""
    rows = []
    for number, weeks in enumerate(ENDED):
        rows += paths_of(**{f"e{number}": f"lead 0, talk {weeks}"})
    for number, weeks in enumerate(GOING):
        rows += paths_of(**{f"g{number}": f"lead {100 - weeks}"})
    stays = estimate(JOURNEY, rows, END).stays[0]
    assert (stays.entered, stays.ended, stays.going, stays.cut) == (21, 9, 12, 0)
    assert stays.quartiles == (timedelta(days=13), timedelta(days=23), None)
    assert stays.completed == tuple(map(timedelta, quantiles(ENDED)))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_without_open_ends_the_times_are_plain_quantiles(lengths):
    """Where every stay ended, the product-limit estimate says what sorting says."""
    assert times_by(lengths, []) == quantiles(lengths)


@given(st.lists(st.integers(0, 30), max_size=60), st.lists(st.integers(0, 30), max_size=60))
def test_times_are_where_the_curve_comes_down(ended, going):
    """The short way to the times says what the curve says."""
    curve = list(remaining(ended, going))
    wanted = tuple(
        next((time for time, share in curve if share <= 1 - part + 1e-9), None) for part in (0.25, 0.5, 0.75)
    )
    assert times_by(ended, going) == wanted


# By hand

SMALL = {
    "anna": "lead 0, talk 10, offer 14, customer 20",
    "ben": "lead 5, talk 9, lead 30, talk 40",
    "cleo": "lead 50, offer 60",
    "dora": "talk 20, lead 22",
    "emil": "lead 90",
}


def test_the_smallest_case_by_hand():
    """Five contacts: moves, entries, stays, and the funnel."""
    found = estimate(JOURNEY, paths_of(**SMALL), END)
    assert (found.contacts, found.steps, found.entries) == (5, 13, {"lead": 4, "talk": 1})
    assert moves_of(found) == {
        ("lead", "talk"): (3, 4),
        ("lead", "offer"): (1, 4),
        ("talk", "lead"): (2, 3),
        ("talk", "offer"): (1, 3),
        ("offer", "customer"): (1, 1),
    }
    assert found.probabilities()["lead"] == {"talk": 0.75, "offer": 0.25}
    lead, talk, _, customer = found.stays
    assert (lead.entered, lead.ended, lead.going) == (6, 4, 2)
    assert lead.completed == (timedelta(days=4), timedelta(days=10), timedelta(days=10))
    assert (talk.entered, talk.ended, talk.going) == (4, 3, 1)
    assert customer.quartiles == (None, None, None)
    # reached, in order, converted, skipped, waiting, left
    assert funnel_of(found) == [(5, 5, 2, 1, 2, 0), (3, 2, 1, 0, 1, 1), (2, 1, 1, 0, 1, 0), (1, 1, None, 0, 1, 0)]
    assert found.funnel[0].drop_off == 3
    assert found.funnel[0].between == timedelta(days=4)
    assert found.funnel[3].drop_off is None


def test_who_skips_a_stage_did_not_reach_it():
    """A contact counts where they were, as one who skipped, and leaves the ordered funnel at the skipped stage."""
    found = estimate(JOURNEY, paths_of(anna="lead 0, offer 3, customer 4"), END)
    assert funnel_of(found) == [(1, 1, 0, 1, 0, 0), (0, 0, 0, 0, 0, 0), (1, 0, 1, 0, 0, 0), (1, 0, None, 0, 1, 0)]
    assert found.funnel[1].converted == Share(0, 0, None, None)


def test_the_funnel_may_have_an_order_of_its_own():
    """Stages that it leaves out stand between, and stop nobody."""
    found = estimate(JOURNEY, paths_of(**SMALL), END, order=["lead", "customer"])
    assert funnel_of(found) == [(5, 5, 1, 0, 2, 2), (1, 1, None, 0, 1, 0)]
    for order, said in ((["lead", "custmer"], "did you mean 'customer'"), (["lead", "lead"], "'lead' twice")):
        with pytest.raises(ModelError, match=said):
            estimate(JOURNEY, [], END, order=order)


def test_a_matrix_per_period_by_hand():
    """Looks at days 100, 70, 40 and 10 (and before): the stage a period later, whatever happened in between."""
    found = estimate(JOURNEY, paths_of(**SMALL), END)
    # anna: talk 10, customer 40, 70, 100; ben: talk 10, talk 40, 70, 100; cleo: offer 70, 100; dora: lead 40, 70, 100
    assert found.period_counts("30d") == {
        "lead": {"lead": 2},
        "talk": {"talk": 3, "customer": 1},
        "offer": {"offer": 1},
        "customer": {"customer": 2},
    }
    assert found.per_period("30d")["talk"] == {"talk": 0.75, "customer": 0.25}
    for period, said in (("0d", "longer than nothing"), ("a month", "no length of time")):
        with pytest.raises(ModelError, match=said):
            found.per_period(period)


def test_matrices_fit_the_chain():
    """What paths say goes into a chain as it is."""
    found = estimate(JOURNEY, paths_of(**SMALL), END)
    chain = Chain.from_journey(JOURNEY, found.per_period(), 0.1, rewards={"customer": 100})
    assert chain.values()["customer"] == pytest.approx(1100)
    assert Chain.from_counts(found.period_counts(), stages=NAMES).probabilities == found.per_period()
    jumps = Chain.from_journey(JOURNEY, found.probabilities())
    assert jumps.absorption()["lead"] == {"customer": pytest.approx(1)}


def test_segments_apart():
    """A contact of several segments counts in each, one of none in (none), and all contacts once in all."""
    segments = {"anna": ["vip", "retail"], "ben": "retail", "cleo": None, "dora": ["", pd.NA], "emil": float("nan")}
    found = estimate(JOURNEY, paths_of(**SMALL), END, segments=segments)
    assert {name: own.contacts for name, own in found.by_segment.items()} == {"retail": 2, "vip": 1, "(none)": 3}
    assert moves_of(found) == moves_of(estimate(JOURNEY, paths_of(**SMALL), END))
    assert moves_of(found.by_segment["vip"]) == {
        ("lead", "talk"): (1, 1),
        ("talk", "offer"): (1, 1),
        ("offer", "customer"): (1, 1),
    }
    assert found.by_segment["retail"].per_period("30d")["talk"] == {"talk": 0.75, "customer": 0.25}


SALES = [
    ("anna", day(20), 100, True),
    ("anna", day(40), 300.0, True),
    ("ben", day(41), None, False),
    ("cleo", day(42), Decimal(50), True),
    ("zoe", day(43), 70, False),
]


def test_sales_by_hand():
    """Close rate and average, with what the average is worth; also of contacts without a path."""
    segments = {"anna": "vip", "ben": "vip"}
    found = estimate(JOURNEY, paths_of(**SMALL), END, segments=segments, sales=SALES)
    sales = found.sales
    assert (sales.won, sales.lost, sales.close_rate) == (3, 2, Share.of(3, 5))
    assert (sales.amounts, sales.total, sales.average) == (3, 450, 150)
    assert sales.error == pytest.approx((35000 / 2 / 3) ** 0.5)
    assert (sales.low, sales.high) == (None, None)
    vip, rest = (found.by_segment[name].sales for name in ("vip", "(none)"))
    assert (vip.won, vip.lost, vip.average) == (2, 1, 200)
    assert (rest.won, rest.lost, rest.average, rest.error) == (1, 1, 50, None)
    assert estimate(JOURNEY, [], END).sales is None


def test_the_interval_of_an_average_sale():
    """Of five sales or more, by Student's distribution; not below zero, unless some sales are."""

    def sold(*amounts):
        return estimate(JOURNEY, [], END, sales=[("anna", day(20), amount, True) for amount in amounts]).sales

    assert (sold(1, 2, 3, 4).low, sold(1, 2, 3, 4).high, sold(1, 2, 3, 4).average) == (None, None, 2.5)
    five = sold(80, 90, 100, 110, 120)
    assert five.high - five.average == pytest.approx(2.776445 * five.error)
    assert five.average - five.low == pytest.approx(2.776445 * five.error)
    skewed = sold(1, 1, 1, 1, 100)
    assert (skewed.low, skewed.high) == (0.0, pytest.approx(skewed.average + 2.776445 * skewed.error))
    assert sold(-50, 1, 1, 1, 100).low == -50
    told = estimate(JOURNEY, [], END, sales=[("anna", day(1), amount, True) for amount in (1, 1, 1, 1, 100)])
    assert str(told).splitlines()[-1].endswith("20.80  0.00 to 75.77")


def test_to_be_lost_is_no_progress():
    """Stages that are marked lost are no part of the funnel: who goes there came no further, and is elsewhere."""
    journey = Journey(["lead", Stage("lost", lost=True), "talk", "customer"])
    rows = [("anna", "lead", day(1)), ("anna", "lost", day(2)), ("ben", "lead", day(1)), ("ben", "talk", day(3))]
    rows += [("ben", "lost", day(4)), ("cleo", "lead", day(1)), ("cleo", "lost", day(2)), ("cleo", "talk", day(5))]
    found = estimate(journey, rows, END)
    assert [step.stage for step in found.funnel] == ["lead", "talk", "customer"]
    lead, talk, _ = found.funnel
    assert (lead.reached, lead.converted.part, lead.skipped, lead.waiting, lead.left) == (3, 2, 0, 0, 1)
    assert (talk.reached, talk.converted.part, talk.waiting, talk.left) == (2, 0, 1, 1)
    assert {(move.source, move.to) for move in found.moves} >= {("lead", "lost"), ("talk", "lost")}
    # One who names the stages of a funnel has them all.
    assert [step.stage for step in estimate(journey, rows, END, order=["lead", "lost"]).funnel] == ["lead", "lost"]


def test_without_losses_there_is_no_close_rate():
    """Where nobody ever lost a sale, losses are not recorded: a rate of 100 % would say what nobody knows."""
    found = estimate(JOURNEY, [], END, sales=[("anna", day(1), 5, True)])
    assert found.sales.close_rate is None
    assert found.sales.average == 5


def test_sales_among_events():
    """Events that won or lost a sale are found by name, in rows or as events of a contact."""
    rows = [
        {"contact_id": "anna", "event": "purchase", "at": day(1), "amount": 12},
        {"contact_id": "anna", "event": "webinar", "at": day(2), "amount": None},
        {"contact_id": "ben", "event": "closed_lost", "at": day(3)},
    ]
    wanted = [("anna", day(1), 12, True), ("ben", day(3), None, False)]
    names = {"won": "purchase", "lost": "closed_lost", "amount": "amount"}
    assert list(sales_of(rows, **names)) == wanted
    pairs = [
        (row["contact_id"], Event(row["event"], row["at"], {"amount": row["amount"]} if "amount" in row else {}))
        for row in rows
    ]
    assert list(sales_of(pairs, **names)) == wanted
    assert list(sales_of(rows, won="purchase")) == [("anna", day(1), None, True)]


# What cannot be used


def test_nothing_is_dropped_without_a_count():
    """Each kind of row that cannot be used is counted, and the rest goes on."""
    rows = [
        ("anna", "lead", day(0)),
        ("anna", "lead", day(0)),
        ("anna", "shop", day(10)),
        ("anna", "offer", day(20)),
        ("anna", "customer", day(101)),
        (None, "lead", day(1)),
        (["x"], "lead", day(1)),
        (float("nan"), "lead", day(1)),
        ("ben", "talk", day(9)),
        ("ben", "lead", day(5)),
        ("cleo", "lead", datetime(2026, 1, 2)),
        ("dora", "lead", day(1)),
        ("dora", "talk", "2026-01-02T00:00:00Z"),
        ("dora", "offer", day(4)),
        ("emil", 7, day(1)),
    ]
    found = estimate(JOURNEY, rows, END)
    assert found.ignored == {
        "bad_instant": 2,
        "duplicate": 1,
        "future": 1,
        "no_contact": 3,
        "unknown_stage": 2,
    }
    assert found.repaired == {"out_of_order": 1}
    assert found.contacts == 3
    assert found.steps + sum(found.ignored.values()) == len(rows)
    # No move is counted across what is not known.
    assert moves_of(found) == {("lead", "talk"): (1, 1)}
    lead = found.stays[0]
    assert (lead.entered, lead.ended, lead.going, lead.cut) == (3, 1, 0, 2)
    assert [step.reached for step in found.funnel] == [3, 1, 2, 0]


def test_who_did_not_enter_is_counted():
    """A placement without a path is of a contact who has not entered; one without an id is of somebody."""
    nobody = Placement(None, "lead", (Step("lead", day(1), None, Evidence("")),))
    found = estimate(JOURNEY, [Placement("finn", "lead"), nobody, nobody], END)
    assert (found.contacts, found.ignored) == (2, {"not_entered": 1})
    with pytest.raises(DataError, match="all are"):
        estimate(JOURNEY, [nobody, ("anna", "lead", day(1))], END)


def test_sales_that_cannot_be_used_are_counted():
    """An instant or an outcome that is none leaves the sale out; an amount that is none leaves the amount out."""
    sales = [
        ("anna", datetime(2026, 1, 2), 1, True),
        ("anna", day(101), 1, True),
        ("anna", day(1), 1, "yes"),
        ("anna", day(1), "12", True),
        ("anna", day(1), float("nan"), True),
        (None, day(1), 7, True),
        (["x"], day(1), "a lot", False),
        ("anna", day(1), 1e10, True),
    ]
    found = estimate(JOURNEY, [], END, sales=sales, segments={"anna": "vip"})
    assert found.ignored == {
        "sale_bad_amount": 3,
        "sale_bad_instant": 1,
        "sale_bad_outcome": 1,
        "sale_future": 1,
    }
    assert (found.sales.won, found.sales.lost, found.sales.amounts, found.sales.average) == (4, 1, 1, 7)


def test_segments_that_only_have_sales_are_there():
    """A contact may have bought without a path: their segment counts, and nothing is lost between all and the parts."""
    found = estimate(JOURNEY, paths_of(**SMALL), END, sales=[("zoe", day(1), 5, True)], segments={"zoe": "new"})
    assert list(found.by_segment) == ["new", "(none)"]
    assert (found.by_segment["new"].contacts, found.by_segment["new"].sales.won) == (0, 1)


@pytest.mark.parametrize(
    ("paths", "error", "said"),
    [
        ([("a", "lead", day(1)), ("b", "lead", day(1)), ("a", "talk", day(2))], DataError, "are not together"),
        ([("a", "lead")], DataError, "contact, stage and since"),
        ([7], DataError, "contact, stage and since"),
        (7, DataError, "paths are placements"),
        ("paths.csv", DataError, "paths are placements"),
        (pa.table({"contact_id": ["a"], "stage": ["lead"]}), DataError, "'since' is missing"),
    ],
)
def test_what_is_no_path_is_an_error(paths, error, said):
    """The message says what a path is."""
    with pytest.raises(error, match=said):
        estimate(JOURNEY, paths, END)


@pytest.mark.parametrize(
    ("more", "said"),
    [({"at": datetime(2026, 1, 1)}, "naive"), ({"level": 95}, "level"), ({"level": 0}, "level")],
)
def test_settings_that_cannot_be_are_errors(more, said):
    """A naive end and a level that is none are refused."""
    with pytest.raises(ModelError, match=said):
        estimate(JOURNEY, [], **{"at": END, **more})
    with pytest.raises(DataError, match="a sale has"):
        estimate(JOURNEY, [], END, sales=[("anna", 7)])


# Any paths


def random_rows(seed, contacts=60):
    """Paths with loops, leaps, stops at one instant and returns; each contact's rows in order."""
    rng = random.Random(seed)
    rows = []
    for contact in range(contacts):
        at, stage = rng.randrange(60), 0 if rng.random() < 0.8 else rng.randrange(4)
        while at <= 100:
            rows.append((f"c{contact}", NAMES[stage], day(at)))
            if rng.random() < 0.2:
                break
            stage = rng.choice([other for other in range(4) if other != stage])
            at += rng.choice([0, 1, 3, 10, 40])
    return rows


def by_contact(rows):
    return [list(own) for _, own in itertools.groupby(rows, key=lambda row: row[0])]


@pytest.mark.parametrize("seed", range(10))
def test_what_holds_of_all_estimates(seed):
    """Probabilities sum to one, intervals hold their share, the ordered funnel never rises, and counts add up."""
    rng = random.Random(seed)
    rows = random_rows(seed)
    segments = {f"c{contact}": rng.choice(["a", "b", None]) for contact in range(60)}
    found = estimate(JOURNEY, rows, END, segments=segments)
    for own in (found, *found.by_segment.values()):
        for matrix in (own.probabilities(), own.per_period("7d"), own.per_period("30d")):
            assert all(sum(row.values()) == pytest.approx(1) for row in matrix.values())
        for share in [*(move.share for move in own.moves), *(step.converted for step in own.funnel[:-1])]:
            assert share.rate is None or 0 <= share.low <= share.rate <= share.high <= 1
        in_order = [step.in_order for step in own.funnel]
        assert in_order == sorted(in_order, reverse=True)
        for step in own.funnel:
            parts = step.skipped + step.waiting + step.left + (step.converted.part if step.converted else 0)
            assert parts == step.reached >= step.in_order
        assert sum(stays.entered for stays in own.stays) == own.steps
        assert sum(stays.going for stays in own.stays) == own.contacts
        for stays in own.stays:
            known = [time for time in stays.quartiles if time is not None]
            assert known == sorted(known)
    assert sum(own.contacts for own in found.by_segment.values()) == found.contacts
    assert sum(own.steps for own in found.by_segment.values()) == found.steps


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_contacts_is_irrelevant(rng):
    """The same contacts in another order give the same estimates."""
    groups = by_contact(random_rows(3))
    segments = {f"c{contact}": ("a", "b")[contact % 2] for contact in range(60)}
    sales = [(f"c{contact}", day(contact), contact * 0.1, contact % 3 > 0) for contact in range(60)]
    wanted = estimate(JOURNEY, random_rows(3), END, segments=segments, sales=sales).to_dict()
    rng.shuffle(groups)
    rng.shuffle(sales)
    assert estimate(JOURNEY, itertools.chain(*groups), END, segments=segments, sales=sales).to_dict() == wanted


def test_every_spelling_of_paths_gives_the_same():
    """Datetimes, whole microseconds, placements, tables of Arrow and what holds one; also rows out of order."""
    rows = random_rows(5)
    wanted = estimate(JOURNEY, rows, END)
    whole = [
        (contact, stage, (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
        for contact, stage, at in rows
    ]
    placements = [
        Placement(own[0][0], own[-1][1], tuple(Step(stage, at, None, Evidence("")) for _, stage, at in own))
        for own in by_contact(rows)
    ]
    contacts, stages, since = zip(*rows, strict=True)
    tables = [
        pa.table(
            {"contact_id": contacts, "stage": stages, "since": pa.array(since, pa.timestamp(unit, "UTC")), "x": stages}
        )
        for unit in ("us", "ms")
    ]

    parts = dict.fromkeys(Placements.__abstractmethods__) | {"paths": tables[0]}
    for paths in (whole, placements, *tables, type("Placed", (Placements,), parts)(), iter(rows)):
        assert estimate(JOURNEY, paths, END) == wanted
    naive = pa.table({"contact_id": contacts, "stage": stages, "since": pa.array(since, pa.timestamp("us"))})
    assert estimate(JOURNEY, naive, END).ignored == {"bad_instant": len(rows)}


def test_rows_of_a_contact_are_put_in_order():
    """Rows that stand in any order within their contact give the path in order of time."""
    rows = paths_of(**SMALL)
    mixed = [row for own in by_contact(rows) for row in reversed(own)]
    found = estimate(JOURNEY, mixed, END)
    assert found.repaired == {"out_of_order": 8}
    assert moves_of(found) == moves_of(estimate(JOURNEY, rows, END))
    assert found.stays == estimate(JOURNEY, rows, END).stays


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_those_of_sql(seed):
    """Moves, entries and ends, the funnel, its medians and the matrix per period, as DuckDB finds them."""
    rows = random_rows(seed, 200)
    found = estimate(JOURNEY, rows, END)
    numbered = [(*row, number) for own in by_contact(rows) for number, row in enumerate(own)]
    base = duckdb.connect()
    base.execute("set timezone = 'UTC'; create table p (contact text, stage text, since timestamptz, step int)")
    base.executemany("insert into p values (?, ?, ?, ?)", numbered)
    moves = """
        select stage, later, count(*) from (select stage, lead(stage) over w later from p window w as (partition by
        contact order by step)) where later is not null group by all"""
    assert {(a, b): count for a, b, count in base.execute(moves).fetchall()} == {
        pair: part for pair, (part, _) in moves_of(found).items()
    }
    ended = """
        select stage, count(*) filter (later is not null), count(*) filter (later is null),
        quantile_disc(later - since, 0.5) filter (later is not null)
        from (select stage, since, lead(since) over (partition by contact order by step) later from p) group by all"""
    assert {stage: rest for stage, *rest in base.execute(ended).fetchall()} == {
        own.stage: [own.ended, own.going, own.completed[1]] for own in found.stays
    }
    for step in found.funnel[:-1]:
        went = """
            with a as (select contact, min(step) step, min(since) since from p where stage = $here group by 1),
            b as (select a.contact, min(p.since) - min(a.since) took from a join p on p.contact = a.contact
            and p.stage = $there and p.step > a.step group by 1)
            select (select count(*) from a), count(*), quantile_disc(took, 0.5) from b"""
        reached, converted, between = base.execute(went, {"here": step.stage, "there": step.to}).fetchone()
        assert (step.reached, step.converted.part, step.between) == (reached, converted, between)
    in_order = """
        with recursive walk as (select contact, 1 depth, min(step) step from p where stage = $1 group by 1
        union all select * from (select p.contact, any_value(depth) + 1, min(p.step) from walk join p
        on p.contact = walk.contact and p.step > walk.step and p.stage = list_value($1, $2, $3, $4)[depth + 1]
        group by p.contact)) select depth, count(*) from walk group by 1 order by 1"""
    counts = dict(base.execute(in_order, dict(zip("1234", NAMES, strict=True))).fetchall())
    assert [step.in_order for step in found.funnel] == [counts.get(depth, 0) for depth in range(1, 5)]
    looks = """
        with t as (select $at::timestamptz - interval (k * 7) day look from range(15) r(k)),
        s as (select look, contact, arg_max(stage, step) stage from t join p on since <= look group by all)
        select stage, later, count(*) from (select stage, lead(stage) over (partition by contact order by look) later
        from s) where later is not null group by all"""
    wanted = {(a, b): count for a, b, count in base.execute(looks, {"at": END}).fetchall()}
    mine = found.period_counts("7d")
    assert {(a, b): count for a, row in mine.items() for b, count in row.items()} == wanted


# As text and data


def test_estimates_are_shown():
    """A text for people, tables for notebooks, and plain data for other programs; names cannot break them."""
    segments = {"anna": "<b>\n", "ben": "retail"}
    found = estimate(JOURNEY, [*paths_of(**SMALL), ("finn", "lead", day(200))], END, segments=segments, sales=SALES)
    text = str(found)
    assert text == repr(found)
    assert text.startswith("5 contacts, 13 steps, until 2026-04-11 00:00 (UTC).\nIntervals are at 95 %")
    assert "Not used: future 1." in text
    assert "\nall        lead            5         5        2   40.0 %   11.8 to 76.9 %         3           1" in text
    assert "\nretail       0     1       0.0 %    0.0 to 79.3 %        0             -" in text
    page = found._repr_html_()
    assert "&lt;b&gt;\\u000a" in page
    assert "<b>" not in page
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [own["segment"] for own in data["segments"]] == ["<b>\n", "retail", "(none)"]
    assert data["funnel"][0]["converted"]["part"] == 2
    assert data["stays"][0]["completed_days"] == [4, 10, 10]
    assert "segments" not in data["segments"][0]
    assert str(found.by_segment["retail"]).startswith("1 contact of segment retail, 4 steps")


def test_many_segments_are_quick():
    """A segment for each contact: the work grows with the contacts, and not with their square."""
    rows = [row for number in range(3000) for row in paths_of(**{f"c{number}": "lead 0, talk 3"})]
    sales = [(f"c{number}", day(5), 1, True) for number in range(3000)]
    began = time.process_time()
    found = estimate(JOURNEY, rows, END, segments={f"c{number}": f"s{number}" for number in range(3000)}, sales=sales)
    assert time.process_time() - began < 5
    assert {own.contacts for own in found.by_segment.values()} == {own.sales.won for own in found.by_segment.values()}


def test_nothing_at_all_is_a_result():
    """Without paths there are zeros, and nothing that is known."""
    found = estimate(JOURNEY, [], END, segments={}, sales=[])
    assert (found.contacts, found.moves, found.per_period(), found.by_segment) == (0, (), {}, {})
    assert found.funnel[0].converted.rate is None
    assert found.sales.average is None
    assert "0 contacts" in str(found)
    assert found._repr_html_()
    assert found.to_dict()["stays"][0]["quartiles_days"] == [None, None, None]


def test_estimates_travel():
    """They can be pickled, and know then what they knew."""
    found = estimate(JOURNEY, paths_of(**SMALL), END, segments={"anna": "vip"})
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.per_period("7d") == found.per_period("7d")


def test_the_curve_of_a_stage():
    """The share of stays that last longer, by time; those cut short count until they were cut."""
    found = estimate(JOURNEY, [*paths_of(a="lead 0, talk 2", b="lead 0, shop 3", c="lead 0, talk 4")], END)
    assert found.curve("lead") == [(timedelta(days=2), pytest.approx(2 / 3)), (timedelta(days=4), 0)]
    with pytest.raises(ModelError, match="no stage 'shop'"):
        found.curve("shop")


def test_days_are_of_24_hours():
    """An instant may be a number of microseconds, so that a day has 86 400 000 000 of them."""
    found = estimate(JOURNEY, [("a", "lead", 0), ("a", "talk", 3 * DAY)], datetime(1970, 1, 9, tzinfo=UTC))
    assert found.stays[0].quartiles[0] == timedelta(days=3)
