"""What a learned model expects of claims: as of their instants, and never from a contact's own answers."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from attrs import evolve

import journeykit
from journeykit import Playbook, Response
from journeykit.basics.clock import micros
from journeykit.evaluating.campaign_means import FOLDS, campaign_means

pytest.importorskip("sklearn")
from journeykit.evaluating.model_expectations import ModelExpectations, PossibleClaims
from journeykit.learning.model_candidates import BASELINE, LOGISTIC

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
RULES = Playbook(responses=[Response(name="sale", event="purchase", value="amount", within="7d")])
NAMES = ("news", "call")


def answers(generator, number):
    """Whether a contact answers: those of an even number mostly do, the others hardly ever."""
    return generator.random() < (0.8 if number % 2 == 0 else 0.05)


def tables(contacts=800, seed=1):
    """A past of one message each, a log of the next, decisions that call all, and what followed."""
    generator = np.random.default_rng(seed)
    past, log, decisions, events = [], [], [], []
    people = [{"contact_id": f"c{number}", "parity": ["even", "odd"][number % 2]} for number in range(contacts)]
    for number, person in enumerate(people):
        who = person["contact_id"]
        first, second = generator.choice(NAMES, 2)
        past.append({"contact_id": who, "sent_at": AT - timedelta(days=30), "campaign_id": first})
        if answers(generator, number):
            events.append({"contact_id": who, "event": "purchase", "at": AT - timedelta(days=28), "amount": 10})
        for name in NAMES:
            own = {"contact_id": who, "campaign_id": name, "decided_at": AT}
            log.append({**own, "chance": 0.5, "outcome": "granted" if name == second else "deferred"})
            decisions.append({**own, "outcome": "granted" if name == "call" else "deferred"})
        if answers(generator, number):
            events.append({"contact_id": who, "event": "purchase", "at": AT + timedelta(days=2), "amount": 10})
    events.append({"contact_id": "c0", "event": "visit", "at": AT + timedelta(days=20)})
    return people, past, log, decisions, events


PEOPLE, PAST, LOG, DECISIONS, EVENTS = tables()


@pytest.fixture(scope="module")
def model():
    """What was learned before the log."""
    return journeykit.learn(RULES, PAST, EVENTS, until=AT, contacts=PEOPLE, static=["parity"])


@pytest.mark.parametrize("is_seen", [False, True])
def test_a_model_makes_the_interval_narrower(model, is_seen):
    """Who a contact is explains most of the answers; also where the model may have seen those of the log."""
    assert model.responses["sale"].card.chosen != BASELINE
    own = evolve(model, until=micros(AT + timedelta(days=20))) if is_seen else model
    given = {"model": own, "contacts": PEOPLE, "touches": PAST}
    found = journeykit.evaluate(RULES, LOG, DECISIONS, EVENTS, **given)
    plain = journeykit.evaluate(RULES, LOG, DECISIONS, EVENTS).of("sale")
    narrow, wide = (of.rate.by("doubly_robust").found for of in (found.of("sale"), plain))
    assert narrow.ends[0] < 0.425 < narrow.ends[1]
    assert narrow.ends[1] - narrow.ends[0] < 0.92 * (wide.ends[1] - wide.ends[0])
    assert found.of("sale").value.by("doubly_robust").found.mean == pytest.approx(10 * narrow.mean, rel=0.02)
    assert found.of("sale").rate.by("self_normalised").to_dict() == plain.rate.by("self_normalised").to_dict()
    assert ("fitted anew to the log" in str(found)) == is_seen


@pytest.mark.parametrize("chosen", [BASELINE, LOGISTIC])
def test_a_contact_s_own_answer_is_not_expected(model, chosen):
    """Where the answers of a fifth of the contacts change, what is expected of the others does, and not of these."""
    size = 300
    claims = PossibleClaims(
        contact=np.arange(size),
        at=np.full(size, micros(AT)),
        kind=np.arange(size) % 2,
        kinds=({"campaign": ("news",)}, {"campaign": ("call",)}),
        ids=pa.array([own["contact_id"] for own in PEOPLE]),
    )
    seen = evolve(model, until=None)
    expectations = ModelExpectations.read(seen, RULES, claims, touches=PAST, events=EVENTS, contacts=PEOPLE)
    own = model.responses["sale"]
    own = evolve(own, card=evolve(own.card, chosen=chosen))
    rows, sent = np.arange(size), np.ones(size, bool)
    answered = np.random.default_rng(4).random(size) < 0.4
    told = {"rows": rows, "unit": rows, "is_sent": sent}
    before = expectations.chances(own, **told, answered=answered)
    after = expectations.chances(own, **told, answered=answered | (rows % FOLDS == 1))
    assert (before[rows % FOLDS == 1] == after[rows % FOLDS == 1]).all()
    assert (before[rows % FOLDS != 1] != after[rows % FOLDS != 1]).mean() > 0.9


def test_a_campaign_s_mean_is_that_of_other_contacts():
    """Two campaigns, ten contacts with two messages each: their own answers take no part."""
    unit = np.repeat(np.arange(10), 2)
    group = np.tile([0, 1], 10)
    outcome = (unit == 3).astype(float)
    found = campaign_means(group=group, unit=unit, is_sent=np.ones(20, bool), outcome=outcome)
    # Contacts 3 and 8 are of one part: of the other eight nobody answered.
    assert found[unit == 3].tolist() == found[unit == 8].tolist() == [0, 0]
    assert set(found[(unit != 3) & (unit != 8)].round(9)) == {round((1 + 10 * 2 / 16) / 18, 9)}
    assert campaign_means(group=group[:0], unit=unit[:0], is_sent=group[:0] > 0, outcome=outcome[:0]).tolist() == []
