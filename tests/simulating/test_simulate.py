"""Simulations: real decisions night after night, and what chance makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from random import Random

import pytest

from journeykit import Arbiter, Contact, DataError, ModelError, Playbook, Score, Touch, simulate
from journeykit.journey import Event

NEVER = 1e-5
"""So small a chance that nothing of it comes to pass here; a message that is never answered would not be sent."""
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
PLAYBOOK = {
    "content": [{"id": "letter", "channel": "email"}, {"id": "call", "channel": "phone", "topics": ["care"]}],
    "campaigns": [
        {"id": "news", "content": ["letter"], "repeat": None},
        {"id": "care", "content": ["call"], "repeat": 2, "weight": 2},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
    "responses": [{"name": "sale", "event": "purchase", "within": "7d", "value": "amount"}],
}
PEOPLE = [{"contact_id": name, "consent_email": True, "consent_phone": True} for name in ("anna", "ben", "clara")]


def scores(people=PEOPLE, campaigns=("news", "care"), **chances):
    """The same chances for all contacts and campaigns."""
    return [{"contact_id": own["contact_id"], "campaign_id": name, **chances} for own in people for name in campaigns]


def days(count):
    """So many nights."""
    return {"at": AT, "until": AT + timedelta(days=count - 1)}


def totals(found, place=0):
    """The sums of all days, and the levels at the end."""
    own = found.playbooks[place]
    return {name: own.total(name).mean for name in own.measures}


def test_all_messages_are_sent_and_answered() -> None:
    """With a chance of 1 each message is answered, and worth what the score says."""
    found = simulate(
        Playbook.from_dict(PLAYBOOK), PEOPLE, scores=scores(propensity=1.0, value=5.0, opt_out=0), **days(4)
    )
    assert totals(found) == {"messages": 12, "responses": 12, "value": 60, "opt_outs": 0, "base": 3}
    # Two calls, then letters: the cap and the repeats hold over the nights.
    assert found.playbooks[0].campaign("care", "messages").mean == 6
    assert found.playbooks[0].by_world("messages").tolist() == [[3, 3, 3, 3]]


def test_whoever_opts_out_gets_nothing_more() -> None:
    """With a chance of 1 the first message is the last."""
    found = simulate(Playbook.from_dict(PLAYBOOK), PEOPLE, scores=scores(propensity=NEVER, opt_out=1.0), **days(4))
    assert totals(found) == {"messages": 3, "responses": 0, "value": 0, "opt_outs": 3, "base": 0}


@pytest.mark.parametrize(
    ("scope", "messages", "opt_outs", "base"),
    [("all", 3, 3, 0), ("channel", 6, 6, 0), ("topic", 6, 6, 0)],
)
def test_an_opt_out_takes_back_what_was_said(scope, messages, opt_outs, base) -> None:
    """That of a channel leaves the other one; that of a topic leaves what has none, whose opt-out is of everything."""
    found = simulate(
        Playbook.from_dict(PLAYBOOK), PEOPLE, scores=scores(propensity=NEVER, opt_out=1.0), opt_outs=scope, **days(4)
    )
    assert totals(found) == {"messages": messages, "responses": 0, "value": 0, "opt_outs": opt_outs, "base": base}


def test_pressure_makes_the_next_message_riskier() -> None:
    """Each message of seven days doubles the chance, and the playbook that decides knows."""
    playbook = {
        **PLAYBOOK,
        "campaigns": [{"id": "news", "content": ["letter"], "repeat": None, "starts": "2026-11-02"}],
        "opt_out_cost": 1,
    }
    history = [{"contact_id": "anna", "sent_at": AT - timedelta(days=3), "channel": "email"}]
    # A message is worth 0.05; two messages ago it risked 0.02.
    risks = scores(PEOPLE[:2], ["news"], propensity=1e-2, value=5.0, opt_out=0.02)
    found = simulate(Playbook.from_dict(playbook), PEOPLE[:2], history, risks, pressure=2, **days(10)).playbooks[0]
    # Ben is written to until two messages of a week stop the third, which would risk 0.08. Anna's history is in the
    # score already: it takes the message of three days ago longer to be forgotten, and then leaves more behind.
    assert found.by_world("messages")[0].tolist() == [2, 2, 0, 0, 1, 0, 0, 2, 2, 0]
    plain = simulate(Playbook.from_dict(playbook), PEOPLE[:2], history, risks, **days(3)).playbooks[0]
    assert plain.by_world("messages")[0].tolist() == [2, 2, 2]


JOURNEY = {
    **PLAYBOOK,
    "journey": {
        "stages": [{"name": "lead", "value": 10}, {"name": "customer", "value": 100}, {"name": "gone", "lost": True}],
        "transitions": [
            {"from": "lead", "to": "customer", "event": "purchase"},
            {"from": "customer", "to": "gone", "after": "3d"},
        ],
    },
}


def test_answers_move_contacts_along_the_journey() -> None:
    """A purchase makes a customer; three days of silence lose them."""
    people = [{**own, "stage": "lead"} for own in PEOPLE]
    sold = [
        own | {"propensity": 1.0 if own["contact_id"] == "anna" else NEVER}
        for own in scores(campaigns=["care"], opt_out=0)
    ]
    playbook = {**JOURNEY, "campaigns": JOURNEY["campaigns"][1:]}
    own = simulate(Playbook.from_dict(playbook), people, scores=sold, **days(6)).playbooks[0]
    assert own.stages == ("lead", "customer", "gone")
    # The second answer comes an hour after the second night; three days later, before the fifth night's end, they go.
    assert own.on_stages[0].tolist() == [[2, 1, 0]] * 4 + [[2, 0, 0]] * 2
    assert own.by_world("lifetime").tolist() == [[120.0] * 4 + [20.0] * 2]
    assert own.by_world("base").tolist() == [[3.0] * 4 + [2.0] * 2]


def test_contacts_without_a_message_move_by_chance() -> None:
    """A chance of 1 moves everybody to whom nothing was sent, and nobody else."""
    people = [{**own, "stage": "lead", "consent_phone": own["contact_id"] == "anna"} for own in PEOPLE]
    playbook = {**JOURNEY, "campaigns": JOURNEY["campaigns"][1:]}
    found = simulate(Playbook.from_dict(playbook), people, chances={"lead": {"gone": 1.0}}, **days(3))
    assert found.playbooks[0].on_stages[0].tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_the_mean_over_seeds_is_the_expectation() -> None:
    """Two nights, one contact: all that can happen, each with its probability."""
    chance, leaves = 0.3, 0.4
    playbook = Playbook.from_dict({**PLAYBOOK, "campaigns": PLAYBOOK["campaigns"][:1]})
    worlds = 400
    many = [{"contact_id": f"c{number}", "consent_email": True} for number in range(50)]
    table = scores(many, ["news"], propensity=chance, value=2.0, opt_out=leaves)
    found = simulate(playbook, many, scores=table, seeds=worlds // 50, **days(3))
    expected = {"messages": 0.0, "responses": 0.0, "opt_outs": 0.0}
    for nights in product(product((True, False), repeat=2), repeat=3):
        weight, here = 1.0, True
        sums = dict.fromkeys(expected, 0.0)
        for answers, goes in nights:
            weight *= (chance if answers else 1 - chance) * (leaves if goes else 1 - leaves)
            if here:
                sums = {
                    "messages": sums["messages"] + 1,
                    "responses": sums["responses"] + answers,
                    "opt_outs": sums["opt_outs"] + goes,
                }
                here = not goes
        expected = {name: own + weight * sums[name] for name, own in expected.items()}
    assert expected["messages"] == pytest.approx(1 + 0.6 + 0.36)
    for name, own in expected.items():
        # About four standard errors of a mean over so many contacts and worlds.
        assert totals(found)[name] / 50 == pytest.approx(own, abs=4 * 0.85 / worlds**0.5), name


def oracle(playbook, people, table, nights, touches):
    """The days as one contact after the other has them, where all chances are 0 or 1."""
    arbiter = Arbiter(playbook)
    found = []
    history = {who.id: list(touches.get(who.id, ())) for who in people}
    events = {who.id: [] for who in people}
    out = set()
    by_key = {(own["contact_id"], own["campaign_id"]): own for own in table}
    scored = {(own["campaign_id"], name) for own in table for name in ("propensity", "opt_out")}
    for night in range(nights):
        at = AT + timedelta(days=night)
        messages = answers = leaves = 0
        for who in people:
            contact = Contact(id=who.id, consent=who.consent, attributes=who.attributes, opted_out=who.id in out)
            own = {
                campaign: Score(propensity=row["propensity"], value=row["value"], opt_out=row["opt_out"])
                for (name, campaign), row in by_key.items()
                if name == who.id
            }
            decision = arbiter.decide(contact, history[who.id], at=at, scores=own, scored=scored, events=events[who.id])
            gone = False
            for row in decision.rows:
                if row.outcome != "granted":
                    continue
                messages += 1
                history[who.id].append(
                    Touch(at=row.send_at, channel=row.channel, campaign=row.campaign, content=row.content)
                )
                said = by_key[who.id, row.campaign]
                if said["propensity"] == 1:
                    answers += 1
                    later = row.send_at + timedelta(hours=1)
                    events[who.id].append(Event("purchase", later, {"campaign_id": row.campaign}))
                gone |= bool(said["opt_out"])
            leaves += gone
            out |= {who.id} if gone else set()
        found.append([messages, answers, leaves, len(people) - len(out)])
    return found


@pytest.mark.parametrize("seed", range(2))
def test_chances_of_0_and_1_are_the_arbiter_day_by_day(seed) -> None:
    """Whatever caps, waits, rests and rules there are: the simulation is the arbiter asked night after night."""
    rng = Random(seed)
    playbook = Playbook.from_dict(
        {
            **PLAYBOOK,
            "campaigns": [
                {"id": "news", "content": ["letter"], "repeat": None, "audience": "age >= 20"},
                {"id": "care", "content": ["call", "letter"], "repeat": 3, "weight": 2, "series": {"gap": "2d"}},
                {"id": "sale", "content": ["letter"], "repeat": None, "audience": "count('purchase', '4d') >= 1"},
                {"id": "calm", "content": ["call"], "repeat": None, "patience": {"after": "3d", "factor": 3}},
            ],
            "caps": [
                {"name": "two in three days", "max": 2, "window": {"days": 3}},
                {"name": "one mail a day", "max": 1, "where": {"channel": "email"}, "window": {"rolling": "24h"}},
            ],
            "conflicts": [{"name": "apart", "first": {"campaign": "sale"}, "then": {"campaign": "news"}, "lag": "2d"}],
            "rests": [
                {
                    "name": "ignored",
                    "event": "ignored",
                    "times": 2,
                    "within": "9d",
                    "for": "3d",
                    "after": "2d",
                    "by": "campaign",
                }
            ],
        }
    )
    names = [f"c{number}" for number in range(12)]
    people = [
        Contact(
            id=name, consent=rng.sample(["email", "phone"], rng.randint(1, 2)), attributes={"age": rng.randint(10, 60)}
        )
        for name in names
    ]
    table = [
        {
            "contact_id": name,
            "campaign_id": own.id,
            "propensity": 1.0 if rng.random() < 0.4 else NEVER,
            "value": rng.randint(1, 9),
            "opt_out": float(rng.random() < 0.15),
        }
        for name in names
        for own in playbook.campaigns
    ]
    touches = {
        name: [Touch(at=AT - timedelta(hours=rng.randint(1, 90)), channel="email", campaign="news", content="letter")]
        for name in names[::2]
    }
    rows = [
        {
            "contact_id": name,
            "sent_at": own.at,
            "channel": own.channel,
            "campaign_id": own.campaign,
            "content_id": own.content,
        }
        for name, several in touches.items()
        for own in several
    ]
    contacts = [{"contact_id": who.id, "consent": list(who.consent), **who.attributes} for who in people]
    found = simulate(playbook, contacts, rows, table, events=[], **days(10)).playbooks[0]
    series = [found.by_world(name)[0].tolist() for name in ("messages", "responses", "opt_outs", "base")]
    assert [list(day) for day in zip(*series, strict=True)] == oracle(playbook, people, table, 10, touches)
    assert sum(series[0]) > 40
    assert sum(series[1]) > 5
    assert sum(series[2]) >= 1


def test_one_seed_repeats_to_the_bit() -> None:
    """Whatever the order of the rows and the number of threads; and another seed is another world."""
    many = [{"contact_id": f"c{number}", "consent_email": True, "consent_phone": True} for number in range(40)]
    table = [own | {"value": 0.1 * place} for place, own in enumerate(scores(many, propensity=0.3, opt_out=0.05))]
    playbook = Playbook.from_dict(PLAYBOOK)
    one, other, next_one = (
        simulate(playbook, people, scores=rows, seed=seed, threads=threads, **days(5)).playbooks[0]
        for people, rows, seed, threads in ((many, table, 3, 1), (many[::-1], table[::-1], 3, 2), (many, table, 4, 1))
    )
    assert one.days.tolist() == other.days.tolist()
    assert one.days.tolist() != next_one.days.tolist()


def test_equal_playbooks_meet_the_same_luck() -> None:
    """The differences of a playbook from itself are none, in each world."""
    playbook = Playbook.from_dict({**PLAYBOOK, "name": "now"})
    found = simulate(
        [playbook, playbook], PEOPLE, scores=scores(propensity=0.3, value=2.0, opt_out=0.1), seeds=3, **days(4)
    )
    assert [own.name for own in found.playbooks] == ["now (1)", "now (2)"]
    gap = found.difference("now (2)", "value")
    assert (gap.mean, gap.low, gap.high) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seeds": 0}, "seeds is a whole number from 1 on"),
        ({"opt_outs": "mail"}, "opt_outs is one of all, channel, topic"),
        ({"pressure": 0}, "pressure is a number above 0"),
        ({"response": "sole"}, "did you mean 'sale'"),
        ({"until": AT - timedelta(days=1)}, "lies before at"),
        ({"until": AT + timedelta(days=3_660)}, "more than 3,660 nights"),
        ({"level": 2}, "level must be a number between 0 and 1"),
        ({"chances": {"lead": {"customer": 0.1}}}, "the playbook has none"),
    ],
)
def test_what_cannot_be_simulated_is_said(change, said) -> None:
    """In plain words, before the first night."""
    with pytest.raises(ModelError, match=said):
        simulate(Playbook.from_dict(PLAYBOOK), PEOPLE, **(days(2) | change))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"campaigns": []}, "has no campaigns"),
        (
            {"quotas": [{"name": "seats", "max": 2, "window": {"calendar": "month", "zone": "playbook"}}]},
            "seats count over several runs",
        ),
    ],
)
def test_playbooks_that_cannot_be_simulated(more, said) -> None:
    """One that sends nothing, and one whose quotas need a ledger."""
    with pytest.raises(ModelError, match=said):
        simulate(Playbook.from_dict(PLAYBOOK | more), PEOPLE, **days(2))


def test_dead_ends_are_told() -> None:
    """Scores without chances, and contacts whom nothing reaches."""
    said = str(simulate(Playbook.from_dict(PLAYBOOK), PEOPLE, scores=scores(value=3.0), **days(2)))
    assert "messages without propensity, none of which is answered: 6 of 6 (care)" in said
    assert "messages without opt_out, none of which makes anybody opt out: 6 of 6 (care)" in said
    asking = {**PLAYBOOK, "campaigns": [{"id": "news", "content": ["letter"], "audience": "count('visit') == 0"}]}
    asking["responses"] = [{"name": "reply", "event": "reply", "within": "2d", "where": {"channel": "phone"}}]
    said = str(simulate(Playbook.from_dict(asking), PEOPLE, scores=scores(campaigns=["news"], propensity=1), **days(2)))
    assert "rules ask for events, and none are given: they know those of the simulation alone" in said
    assert (
        "no response of the playbook is about messages of news: their answers are events of the name 'response'" in said
    )
    nobody = [{"contact_id": "dora", "consent": []}]
    assert "no message goes out; why, in the first night: no_consent: 2" in str(
        simulate(Playbook.from_dict(PLAYBOOK), nobody, **days(2))
    )


def alike():
    """Days and stages of a simulation in which everything has a part, as lists."""
    playbook = {
        "journey": {
            "stages": ["lead", {"name": "customer", "value": 9}],
            "transitions": [{"from": "lead", "to": "customer", "event": "sale"}],
        },
        "content": [{"id": "letter", "channel": "email"}],
        "campaigns": [{"id": "news", "content": ["letter"], "repeat": None}],
        "responses": [{"name": "sale", "event": "sale", "within": "2d"}],
        "opt_out_cost": 1,
    }
    people = [{"contact_id": number, "stage": "lead", "consent_email": True} for number in range(20)]
    table = scores(people, ["news"], propensity=0.2, opt_out=0.05)
    more = {"pressure": 1.5, "seeds": 2, "chances": {"lead": {"customer": 0.1}}}
    own = simulate(Playbook.from_dict(playbook), people, scores=table, **more, **days(5)).playbooks[0]
    return [own.days.tolist(), own.on_stages.tolist()]


def test_it_is_the_same_without_the_extension_module() -> None:
    """Contact by contact, with the same luck."""
    code = (
        "import json, sys; sys.modules['journeykit.kernels._core'] = None; sys.path[:0] = sys.argv[1:]; "
        "from test_simulate import alike; print(json.dumps(alike()))"
    )
    here = Path(__file__).parent
    command = [sys.executable, "-c", code, str(here), str(here.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == alike()


def test_arms_are_reported_apart() -> None:
    """Each with its own contacts, and together they are all."""
    experiment = {
        "name": "price",
        "arms": [
            {"name": "now", "share": 0.5},
            {"name": "new", "share": 0.5, "with": {"caps": [{"name": "one a day", "max": 0}]}},
        ],
    }
    many = [{"contact_id": f"c{number}", "consent_email": True} for number in range(60)]
    found = simulate(
        Playbook.from_dict({**PLAYBOOK, "experiments": [experiment]}),
        many,
        scores=scores(many, propensity=0.5, opt_out=0.1),
        **days(3),
    )
    own = found.playbooks[0]
    arms = {
        name: (size, own.total("messages", place).mean)
        for place, (name, size) in enumerate(zip(own.arms, own.sizes, strict=True))
    }
    assert sum(size for size, _ in arms.values()) == 60
    assert arms["price:new"][1] == 0
    assert arms["price:now"][1] == own.total("messages").mean > 60
    assert "price:new" in str(found)
    assert {row["arm"] for row in found.rows()} == {None, *(name or "(none)" for name in own.arms)}


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202eabc", "x" * 10_000])
def test_names_of_any_kind_are_shown(name) -> None:
    """They cannot break out of the page, nor make the text as wide as they are."""
    playbook = {**PLAYBOOK, "name": name, "campaigns": [{"id": name, "content": ["letter"]}]}
    found = simulate(Playbook.from_dict(playbook), PEOPLE, **days(1))
    assert "<script>" not in found._repr_html_()
    assert found.to_dict()["playbooks"][0]["campaigns"][0]["campaign"] == name
    assert max(map(len, str(found).splitlines())) <= 130


def test_a_table_without_contacts_is_refused() -> None:
    """There is nobody to simulate."""
    with pytest.raises(DataError, match="there are no contacts"):
        simulate(Playbook.from_dict(PLAYBOOK), [], **days(1))


def test_doubles_and_bad_rows_are_told() -> None:
    """What the first night could not use is named; the others go on."""
    people = [*PEOPLE, {"contact_id": "anna", "opted_out": True}, {"contact_id": None}]
    found = simulate(Playbook.from_dict(PLAYBOOK), people, scores=scores(propensity=1.0), **days(1))
    assert "rows that could not be used, in the first night: 2" in str(found)
    # A later row of one who has opted out forbids, and is counted.
    assert totals(found) == {"messages": 2, "responses": 2, "value": 2, "opt_outs": 0, "base": 2}


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        # Three seats in each night; the others get letters.
        ({"quotas": [{"name": "seats", "max": 3, "where": {"campaign": "care"}}]}, {"care": 9, "news": 9}),
        # Two accounts, each with one message in two days.
        (
            {"caps": [{"name": "calm", "max": 1, "per": "account", "window": {"days": 2, "zone": "playbook"}}]},
            {"care": 4, "news": 0},
        ),
    ],
)
def test_quotas_hold_in_each_night_and_accounts_are_decided_together(more, sent) -> None:
    """As in real nights."""
    people = [
        {"contact_id": f"c{number}", "account_id": f"a{number % 2}", "consent_email": True, "consent_phone": True}
        for number in range(6)
    ]
    own = simulate(Playbook.from_dict(PLAYBOOK | more), people, **days(3)).playbooks[0]
    assert {name: own.campaign(name, "messages").mean for name in own.campaigns} == sent


def test_one_luck_for_all_makes_differences_narrow() -> None:
    """Playbooks that differ in little differ by little in each world."""
    many = [
        {"contact_id": f"c{number}", "consent_email": True, "consent_phone": True, "vip": number < 10}
        for number in range(80)
    ]
    table = scores(many, propensity=0.3, value=4.0, opt_out=0.03)
    other = {
        **PLAYBOOK,
        "name": "other",
        "campaigns": [PLAYBOOK["campaigns"][0], PLAYBOOK["campaigns"][1] | {"audience": "vip == False"}],
    }
    found = simulate([Playbook.from_dict(PLAYBOOK), Playbook.from_dict(other)], many, scores=table, seeds=6, **days(5))
    gap, total = found.difference("other", "value"), found.playbooks[1].total("value")
    assert 0 < gap.high - gap.low < 0.6 * (total.high - total.low)
