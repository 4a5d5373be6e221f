"""The relationship, from small tables that can be checked by eye; and what is counted of what cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans

from journeykit import DataError, ModelError, Playbook
from journeykit.basics.clock import DAY
from journeykit.measuring import measure, measure_relation
from journeykit.measuring.churn_measures import churn_measures
from journeykit.measuring.relation_events import first_of_each
from journeykit.measuring.relation_tables import RelationTables
from journeykit.measuring.sale_cohorts import sale_cohorts

JOURNEY = {
    "stages": ["lead", "customer", {"name": "gone", "lost": True}],
    "transitions": [
        {"from": "lead", "to": "customer", "event": "purchase"},
        {"from": "any", "to": "gone", "event": "leave"},
        {"from": "gone", "to": "customer", "event": "purchase"},
    ],
}
SALE = {"name": "sale", "event": "purchase", "value": "amount", "within": "7d"}
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return SINCE + timedelta(days=number)


def event(contact: str, name: str, at: float, **properties) -> dict:
    return {"contact_id": contact, "event": name, "at": day(at), **properties}


def playbook(**sections) -> Playbook:
    return Playbook.from_dict({"journey": JOURNEY, "responses": [SALE], **sections})


def measured(events, book=None, **asked):
    return measure_relation(book or playbook(), events, since=SINCE, until=UNTIL, **asked)


# Scores


def test_the_last_answer_of_a_contact_counts_and_others_are_told() -> None:
    """Anna thinks better of it; answers that are no scores are counted by why, and none is dropped silently."""
    log = [
        event("anna", "survey", 1, score=3),
        event("anna", "survey", 5, score=10),
        event("ben", "survey", 2, score=7),
        event("cleo", "survey", 2, score=11),
        event("dora", "survey", 2, score="ten"),
        event("emil", "survey", 2),
        event("fay", "survey", 200, score=0),
        event("gus", "survey", 3, score=0),
    ]
    contacts = [{"contact_id": name} for name in ("anna", "ben", "cleo", "dora", "emil", "fay")]
    found = measured(log, contacts=contacts).block("nps")
    assert (found.everything.promoters, found.everything.passives, found.everything.detractors) == (1, 1, 0)
    assert found.not_used == {"unknown_contact": 1, "no_number": 1, "no_score": 1, "out_of_range": 1, "earlier": 1}


def test_scores_by_stage_segment_and_the_teams_that_wrote_before() -> None:
    """The stage is that at the answer; a message after it is none before it."""
    log = [event("anna", "visit", 0), event("anna", "survey", 4, score=9), event("anna", "purchase", 5, amount=1)]
    log += [event("ben", "purchase", 1, amount=1), event("ben", "survey", 4, score=2)]
    log += [event("cleo", "visit", 1), event("cleo", "survey", 4, score=8)]
    touches = [
        {"contact_id": "anna", "sent_at": day(3), "team": "care"},
        {"contact_id": "ben", "sent_at": day(6), "team": "care"},
        {"contact_id": "ben", "sent_at": day(2), "team": "shop"},
    ]
    contacts = [{"contact_id": name, "kind": kind} for name, kind in (("anna", "x"), ("ben", "y"), ("cleo", "y"))]
    found = measured(log, contacts=contacts, touches=touches, by="kind").block("nps")
    assert {name: own.score for name, own in found.by_stage.items()} == {"lead": 50.0, "customer": -100.0}
    assert {name: own.score for name, own in found.by_segment.items()} == {"x": 100.0, "y": -50.0}
    assert {name: (own.written.score, own.others.score) for name, own in found.by_team.items()} == {
        "(any)": (0.0, 0.0),
        "care": (100.0, -50.0),
        "shop": (-100.0, 50.0),
    }
    assert "small" in str(found)


# Churn


def test_who_is_lost_by_month() -> None:
    """Anna leaves in February and comes back in March, Ben comes in February, Cleo is silent from March on."""
    log = [event("anna", "visit", -10), event("anna", "leave", 40), event("anna", "purchase", 70, amount=5)]
    log += [event("ben", "visit", 45), event("ben", "visit", 80)]
    log += [event("cleo", "visit", -20), event("cleo", "visit", 3)]
    found = measured(log, silent="60d").block("churn")
    assert [
        (own.month, own.share.part, own.share.whole, own.came, own.came_and_left) for own in found.everything.months
    ] == [("2026-01", 0, 2, 0, 0), ("2026-02", 1, 2, 1, 0), ("2026-03", 1, 2, 1, 0)]
    assert (found.everything.whole.part, found.everything.whole.whole) == (1, 2)
    assert (found.lost, found.silent) == (("gone",), "60d")
    share = found.everything.months[1].share
    assert (share.low, share.high) == pytest.approx(proportion_confint(1, 2, method="wilson"))
    # What the text has of who remains is in the table too.
    remain = {row["measure"]: row for row in found.rows() if row["measure"].startswith("remain")}
    curve = found.everything.curve
    assert remain["remain 30 days"]["rate"] == curve.after(30 * DAY)[0] == 1.0
    assert remain["remain: half by day"]["value"] == curve.median / DAY


def test_nothing_says_who_is_lost() -> None:
    """Without a stage that is a loss and without a time of silence there is no churn, and that is said."""
    book = Playbook.from_dict({"journey": {"stages": ["lead"]}})
    found = measured([event("anna", "visit", 1)], book)
    assert found.block("churn") is None
    assert any("no churn: no stage" in note for note in found.notes)
    tables = RelationTables.read(book, [event("anna", "visit", 1)], since=SINCE, until=UNTIL)
    with pytest.raises(ModelError, match="nothing says who is lost"):
        churn_measures(tables)


LOGS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["visit", "leave", "purchase"]), st.integers(-40, 95)),
    max_size=14,
    unique_by=lambda own: (own[0], own[2]),
)


@given(LOGS, st.sampled_from([None, "20d"]))
@settings(max_examples=40, deadline=None)
def test_months_follow_each_other(log, silent) -> None:
    """Who is there at the start of a month less the lost and with those who came is who is there at the next one."""
    rows = [event(contact, name, at) for contact, name, at in log]
    tables = RelationTables.read(playbook(), rows, since=SINCE, until=UNTIL, silent=silent)
    found = churn_measures(tables).everything
    starts = [own.share.whole for own in found.months] + [int(np.count_nonzero(tables.stays.is_present(tables.until)))]
    for month, after in zip(found.months, starts[1:], strict=True):
        # One who was lost and came back in one month came in it.
        assert after == month.share.whole - month.share.part + month.came - month.came_and_left
    assert (found.curve.low <= found.curve.share + 1e-12).all()


# Lifetime value, cohorts, returns


def test_messages_cost_what_contacts_bring() -> None:
    """A customer of three months buys for 90 and costs 30: 20 a month of 30 days."""
    log = [event("anna", "purchase", 0, amount=0.0), event("anna", "purchase", 45, amount=90)]
    touches = [{"contact_id": "anna", "sent_at": day(at), "cost": 10} for at in (10, 20, 30)]
    found = measured(log, touches=touches).block("base_value")
    assert found.values.chain.rewards["customer"] == pytest.approx(20)
    assert found.everything.contacts_before == found.everything.contacts_after == 1
    assert found.everything.after.low is None


def test_cohorts_by_month_and_before_and_after_a_date() -> None:
    """Sales of Anna, who came in January, and of Ben and Cleo, who came in March; what is young stands apart."""
    log = [event("anna", "visit", 2), event("anna", "purchase", 10, amount=30), event("anna", "lost_deal", 50)]
    log += [
        event("ben", "visit", 62),
        event("ben", "purchase", 70, amount=50),
        event("ben", "purchase", 71, amount="?"),
    ]
    log += [event("cleo", "visit", 85), event("cleo", "purchase", 86, amount=70)]
    found = measured(log, lost_sale="lost_deal").block("cohorts")
    rows = [
        (own.cohort, own.contacts, own.buyers.part, own.sales.won, own.sales.lost, own.sales.average)
        for own in found.everything.cohorts
    ]
    assert rows == [("2026-01", 1, 1, 1, 1, 30.0), ("2026-03", 2, 2, 3, 0, 60.0)]
    assert found.not_used == {"no_number": 1}
    found = measured(log, lost_sale="lost_deal", before=day(30), within="20d").block("cohorts")
    rows = [(own.cohort, own.contacts, own.young, own.sales.won, own.sales.lost) for own in found.everything.cohorts]
    assert rows == [("before 2026-01-31", 1, 0, 1, 0), ("from 2026-01-31", 1, 1, 2, 0)]
    assert found.not_used == {"outside": 2, "no_number": 1}
    assert found.everything.average.difference == 20.0
    late = measured([event("emil", "purchase", -9, amount=8), *log], before=day(30)).block("cohorts").everything
    assert [own.cohort for own in late.cohorts] == ["earlier", "before 2026-01-31", "from 2026-01-31"]
    assert found.everything.close_rate is None
    assert "no close rate: no event has the name 'lost-deal'; did you mean 'lost_deal'?" in str(
        measured(log, lost_sale="lost-deal")
    )
    assert "From 2026-01-31 on, less before" in str(found)


def test_without_a_holdout_nothing_was_kept() -> None:
    """Both returns say what they cannot say."""
    touches = [{"contact_id": "anna", "sent_at": day(9), "team": "shop", "cost": 2}]
    found = measured([event("anna", "purchase", 10, amount=30)], touches=touches).block("returns")
    assert [(own.team, own.value_per_cost.value) for own in found.money] == [("(all)", 15.0), ("shop", 15.0)]
    assert found.kept == ()
    assert "not compared" in found.said[0]


def test_what_is_left_out_is_said() -> None:
    """Without surveys, values and touches there are no such parts, each with a sentence."""
    found = measured([event("anna", "visit", 1)], playbook(responses=[]))
    assert [own.name for own in found.blocks] == ["churn"]
    assert len(found.notes) == 2
    assert set(found.to_dict()) == {"since", "until", "level", "churn", "notes"}
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"value": "sales"}, "did you mean 'sale'"),
        ({"silent": "0d"}, "silent is longer than nothing"),
        ({"silent": "soon"}, "soon"),
        ({"discount": -1}, "discount must be a rate from 0 to 1"),
        ({"discount": 5}, "discount must be a rate from 0 to 1"),
        ({"by": "kind"}, "by needs contacts"),
        ({"before": UNTIL + timedelta(days=1)}, "before must be between since and until"),
        ({"lost_sale": "purchase"}, "won and lost are one event"),
        ({"level": 1}, "level must be a number between 0 and 1"),
    ],
)
def test_what_cannot_be_asked(asked, said) -> None:
    """Each mistake has its own words."""
    with pytest.raises(ModelError, match=said):
        measured([event("anna", "purchase", 1, amount=1)], **asked)


def test_signs_of_life_that_no_event_is() -> None:
    """A misspelt sign of life would make everybody silent; it is refused."""
    with pytest.raises(DataError, match="cannot be a sign of life"):
        measured([event("anna", "visit", 1)], silent="30d", signs=["visits"])
    found = measured([event("anna", "visit", 1), event("anna", "mail", 60)], silent="30d", signs=["visit"])
    assert found.block("churn").everything.whole.whole == 0
    assert found.block("churn").everything.months[0].came_and_left == 1


def test_two_responses_with_a_value_are_asked_about() -> None:
    """Where it is not clear whose value counts, it is asked."""
    book = playbook(responses=[SALE, {**SALE, "name": "profit", "value": "margin"}])
    with pytest.raises(ModelError, match=r"several responses have a value \(sale, profit\)"):
        measured([event("anna", "purchase", 1, amount=1)], book)
    found = measured([event("anna", "purchase", 1, amount=1, margin=3)], book, value="profit")
    assert found.block("cohorts").everything.cohorts[0].sales.total == 3


def test_the_order_of_rows_changes_nothing() -> None:
    """Rows in another order give the same report, intervals included."""
    rng = np.random.default_rng(5)
    log = []
    for number in range(60):
        log.append(event(f"c{number}", "visit", number % 7))
        log += [event(f"c{number}", "purchase", float(at), amount=10) for at in rng.uniform(8, 80, 3)]
        if number % 3 == 0:
            log.append(event(f"c{number}", "leave", 85))
    tables = [measured(rows, silent="60d").to_dict() for rows in (log, log[::-1])]
    assert tables[0] == tables[1]
    assert tables[0]["base_value"]["all"]["after"]["low"] is not None


def test_cohorts_alone() -> None:
    """The parts can be asked one by one, of tables that were read once."""
    log = [event("anna", "visit", 1), event("anna", "purchase", 2, amount=5)]
    tables = RelationTables.read(playbook(), log, since=SINCE, until=UNTIL, numbers=["amount"])
    assert sale_cohorts(tables, won="purchase").everything.cohorts[0].sales.average is None


# Holdouts and arms


def answered(contacts: int) -> list[dict]:
    """A survey by each of some contacts; every third one cancels later."""
    log = []
    for number in range(contacts):
        log.append(event(f"c{number}", "purchase", -5, amount=number % 5))
        log.append(event(f"c{number}", "survey", 20, score=number % 11))
        if number % 3 == 0:
            log.append(event(f"c{number}", "leave", 50))
    return log


def test_what_a_holdout_shows_of_scores_and_of_value() -> None:
    """Scores differ as statsmodels says; a message to the holdout is told, and its contact stays in it."""
    book = playbook(holdout={"share": 0.3})
    holdout, names = book.holdout, [f"c{number}" for number in range(120)]
    held = [name for name in names if holdout.holds(name)]
    touches = [{"contact_id": name, "sent_at": day(9), "cost": 0.5} for name in (*names[:60], held[0])]
    found = measured(answered(120), book, touches=touches)
    scores = found.block("nps").by_arm["holdout"]
    sides = [
        [(number % 11 > 8) - (number % 11 < 7) for number in range(120) if holdout.holds(f"c{number}") == is_held]
        for is_held in (False, True)
    ]
    ends = CompareMeans.from_data(*sides).tconfint_diff(usevar="unequal")
    assert scores.differences[0].fixed == pytest.approx(ends, rel=1e-6)
    row = next(row for row in found.block("nps").rows() if row["group"] == "messaged - holdout")
    assert [row["value_low"], row["value_high"]] == pytest.approx([100 * end for end in ends], rel=1e-6)
    assert row["value"] == pytest.approx(100 * scores.differences[0].difference)
    kept = found.block("returns").kept[0]
    assert kept.contacts == {"holdout": len(held), "messaged": 120 - len(held)}
    # Everybody is worth the same at the start, and one who left nothing at the end.
    left = [sum(number % 3 == 0 and (f"c{number}" in held) == is_held for number in range(120)) for is_held in (0, 1)]
    worth = found.block("base_value").values.values["customer"]
    gone = [left[0] / (120 - len(held)), left[1] / len(held)]
    assert kept.kept.value == pytest.approx(-worth * (gone[0] - gone[1]))
    assert kept.lost.difference == pytest.approx(gone[0] - gone[1])
    assert "holdout was written to" in found.block("returns").said[0]


def test_arms_of_an_experiment_keep_value_too() -> None:
    """Each other arm is compared with the one that changes nothing; without contacts nobody knows who was assigned."""
    arms = [{"name": "few", "share": 0.5, "with": {"reserve": 2}}, {"name": "now", "share": 0.5}]
    book = playbook(experiments=[{"name": "fewer", "arms": arms}])
    touches = [{"contact_id": f"c{number}", "sent_at": day(9)} for number in range(50)]
    contacts = [{"contact_id": f"c{number}"} for number in range(120)]
    found = measured(answered(120), book, touches=touches, contacts=contacts)
    (kept,) = found.block("returns").kept
    assert (kept.name, kept.arm, kept.against, sum(kept.contacts.values())) == ("fewer", "few", "now", 120)
    assert kept.per_cost is None
    assert set(found.block("nps").by_arm["fewer"].scores) == {"few", "now"}
    assert "by fewer" in str(found)
    assert measured(answered(120), book, touches=touches).block("returns").kept == ()


def test_without_the_kernels_the_report_is_the_same() -> None:
    """Where the extension module is not built, everything is measured alike, intervals included."""
    book = {"journey": JOURNEY, "responses": [SALE], "holdout": {"share": 0.3}}
    book["segments"] = [{"name": "large", "rule": "size > 3"}]
    log = [{**row, "at": row["at"].isoformat()} for row in answered(40)]
    touches = [{"contact_id": f"c{number}", "sent_at": day(9).isoformat(), "cost": 1} for number in range(20)]
    contacts = [{"contact_id": f"c{number}", "size": number % 7} for number in range(45)]
    asked = {"contacts": contacts, "touches": touches, "by": "segments", "silent": "60d"}
    code = """
import json, sys
sys.modules["journeykit.kernels._core"] = None
from datetime import UTC, datetime
from journeykit import Playbook
from journeykit.measuring import measure_relation
book, log, asked = json.loads(sys.stdin.read())
since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
print(json.dumps(measure_relation(Playbook.from_dict(book), log, since=since, until=until, **asked).to_dict()))
"""
    given = json.dumps([book, log, asked])
    run = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, text=True, check=True)
    found = measured(log, Playbook.from_dict(book), **asked).to_dict()
    assert json.loads(run.stdout) == json.loads(json.dumps(found))
    assert found["churn"]["silent"] == "60d"


@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 3), st.integers(0, 2)), max_size=20),
)
def test_an_event_that_is_there_again_counts_once(rows) -> None:
    """Of equal events of a contact the first instant counts; of contacts whom nobody knows, every one."""
    contact, at, mark = (np.array([row[place] for row in rows], np.int64) for place in range(3))
    kept = first_of_each(contact, at, mark.astype(np.uint64))
    found = sorted(zip(contact[kept].tolist(), mark[kept].tolist(), at[kept].tolist(), strict=True))
    first: dict[tuple[int, int], int] = {}
    for whose, when, what in rows:
        if whose >= 0:
            first[whose, what] = min(when, first.get((whose, what), when))
    strangers = [(whose, what, when) for whose, when, what in rows if whose < 0]
    assert found == sorted([*((*key, when) for key, when in first.items()), *strangers])


def test_where_accounts_are_dealt_out_they_are_the_unit() -> None:
    """Contacts of an account who say and do the same tell no more than one of them does."""
    arms = [{"name": "now", "share": 0.5}, {"name": "few", "share": 0.5, "with": {"reserve": 2}}]
    experiment = {"name": "fewer", "arms": arms}
    cap = {"name": "firm", "max": 9, "window": "ever", "per": "account"}
    touches = [{"contact_id": "c0", "sent_at": day(9)}]

    def compared(size, **sections):
        names = [f"c{number}" for number in range(60 * size)]
        contacts = [{"contact_id": name, "account_id": f"a{place // size}"} for place, name in enumerate(names)]
        log = []
        for place, name in enumerate(names):
            number = place // size
            log += [event(name, "purchase", -5, amount=1), event(name, "survey", 20, score=number % 11)]
            log += [event(name, "leave", 50)] * (number % 3 == 0)
        book = playbook(experiments=[experiment], **sections)
        found = measured(log, book, touches=touches, contacts=contacts)
        return found.block("nps").by_arm["fewer"].differences[0], found.block("returns").kept[0].lost

    for one, many in zip(compared(1, caps=[cap]), compared(4, caps=[cap]), strict=True):
        assert many.arm.contacts == 4 * one.arm.contacts
        assert many.arm.units == one.arm.units
        assert many.fixed == pytest.approx(one.fixed, abs=0.03)


def test_what_the_holdout_gets_too_is_no_cost_of_what_was_kept() -> None:
    """Messages that need no consent go to the holdout as to all others."""
    campaigns = [{"id": "news"}, {"id": "bill", "needs_consent": False}]
    book = playbook(holdout={"share": 0.3}, campaigns=campaigns)
    touches = [
        {"contact_id": f"c{number}", "sent_at": day(9), "campaign_id": name, "cost": cost}
        for number in range(50)
        for name, cost in (("news", 1), ("bill", 9), (None, 1))
    ]
    kept = measured(answered(120), book, touches=touches).block("returns").kept[0]
    assert kept.cost == 2 * sum(not book.holdout.holds(f"c{number}") for number in range(50))
    assert kept.per_cost.value == pytest.approx(kept.in_all.value / kept.cost)


def test_what_was_kept_of_some_contacts_is_by_the_cost_of_messages_to_them() -> None:
    """Who came later, or is held out, is not counted among them; neither are the messages to them."""
    book = playbook(holdout={"share": 0.3})
    log = [*answered(120), *(event(f"late{number}", "purchase", 5, amount=1) for number in range(40))]
    late = [f"late{number}" for number in range(40)]
    touches = [
        {"contact_id": name, "sent_at": day(9), "cost": 1} for name in (*(f"c{number}" for number in range(120)), *late)
    ]
    found = measured(log, book, touches=touches).block("returns")
    kept = found.kept[0]
    assert kept.cost == kept.contacts["messaged"] < 120
    assert kept.per_cost.value == pytest.approx(kept.in_all.value / kept.cost)
    assert "cost of messages to them" in str(found)
    assert found.money[0].cost == 160
    rows = {(row["measure"], row["group"]): row for row in found.rows()}
    per = rows["lifetime value kept per cost", "messaged - holdout"]
    assert (per["value"], per["value_low"], per["cost"]) == (kept.per_cost.value, kept.per_cost.low, kept.cost)
    lost = rows["lost", "messaged - holdout"]
    assert (lost["rate"], lost["low"], lost["high"]) == (kept.lost.difference, *kept.lost.fixed)
    assert rows["lost", "holdout"]["rate"] == kept.lost.against.mean
    money, per = rows["return in money", "(all)"], found.money[0].value_per_cost
    assert (money["value_per_cost"], money["value_low"], money.get("low")) == (per.value, per.low, None)


def test_both_values_per_cost_of_a_report_are_one() -> None:
    """A message that is younger than `within` is in neither; a team that has no other has no return yet."""
    touches = [{"contact_id": "anna", "sent_at": day(at), "team": "shop", "cost": 1} for at in (9, 80, 88)]
    touches.append({"contact_id": "anna", "sent_at": day(89), "team": "care", "cost": 1})
    log = [event("anna", "purchase", 10, amount=30), event("anna", "purchase", 89.5, amount=5)]
    found = measured(log, touches=touches).block("returns")
    plain = measure(playbook(), touches, log, since=SINCE, until=UNTIL, by="team")
    own = {group.group[0]: group.responses[0] for group in plain.by("team").groups}
    own["(all)"] = plain.everything.responses[0]
    for money in found.money:
        there = own[money.team]
        assert (money.messages, money.cost, money.value) == (there.rate.whole, there.cost, there.value)
        assert (money.value_per_cost and money.value_per_cost.value) == there.value_per_cost
    assert [(money.team, money.messages) for money in found.money] == [("(all)", 2), ("shop", 2), ("care", 0)]


def test_an_arm_of_whom_nobody_answered_stands_beside_the_others() -> None:
    """It has no score and is compared with none; the other arms are."""
    arms = [{"name": name, "share": share} for name, share in (("now", 0.5), ("few", 0.499), ("rare", 0.001))]
    book = playbook(experiments=[{"name": "fewer", "arms": arms}])
    contacts = [{"contact_id": f"c{number}"} for number in range(24)]
    touches = [{"contact_id": "c1", "sent_at": day(9)}]
    found = measured(answered(24), book, touches=touches, contacts=contacts).block("nps")
    own = found.by_arm["fewer"]
    assert own.scores["rare"].answers == 0
    assert sum(score.answers for score in own.scores.values()) == 24
    assert [(one.arm.name, one.difference is None) for one in own.differences] == [("few", False), ("rare", True)]
    assert any(row["group"] == "rare" and row["contacts"] == 0 for row in found.rows())
    assert "rare - now" not in str(found)
