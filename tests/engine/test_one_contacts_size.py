"""One contact's size: very many claims or touches of one contact harm neither the answer nor the job."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from random import Random

import pyarrow as pa
import pytest
from generate import window

from journeykit import Arbiter, Cap, Claim, Contact, Playbook, Touch
from journeykit.audit import violations
from journeykit.columns import worker
from journeykit.engine.contact_group import ContactGroup, ContactInputs
from journeykit.engine.window_usage import Gauge, WindowUsage
from journeykit.job import Inputs, Job
from journeykit.tables import instant_text

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
CAPS = [
    {"name": "two a week", "max": 2, "window": {"calendar": "week"}},
    {"name": "one a day", "max": 1, "window": {"calendar": "day"}},
    {"name": "no repeats", "max": 1, "by": "campaign", "window": {"days": 90}},
    {"name": "five in 30 days", "max": 5, "window": {"rolling": "30d"}},
]
ANNA = Contact(id="anna", consent={"email": True, "sms": True}, timezone="UTC")


# The answers


def crowded(seed: int):
    """A gatekeeper's caps and conflicts, and more claims than they let through, many of them alike."""
    rng = Random(seed)
    at = AT + timedelta(hours=rng.randrange(100))
    caps = [
        Cap(
            name=f"cap {number}",
            max=rng.choice((1, 1, 2, 3)),
            window=window(rng, at.date()),
            by=rng.choice(((), (), ("campaign",), ("channel",))),
        )
        for number in range(rng.randrange(1, 4))
    ]
    conflicts = ()
    if rng.random() < 0.3:
        data = {"name": "clash", "first": {"channel": "email"}, "then": {"channel": "sms"}, "lag": "1d"}
        conflicts = Playbook.from_dict({"conflicts": [data]}).conflicts
    playbook = Playbook(caps=tuple(caps), conflicts=conflicts)
    until = at + timedelta(days=rng.randrange(1, 4)) if rng.random() < 0.6 else None
    claims = [
        Claim(
            campaign=f"c{rng.randrange(12):02d}",
            channel=rng.choice(("email", "email", "email", "sms")),
            content=rng.choice((None, "a", "b")),
            weight=rng.choice((1.0, 2.0, 2.0, 3.0, 5.0)),
            at=rng.choice((None,) * 8 + (at, (at + timedelta(days=1)).date())),
        )
        for _ in range(rng.randrange(6, 26))
    ]
    touches = [
        Touch(
            at=at - timedelta(hours=rng.randrange(-60, 400)),
            channel=rng.choice(("email", "sms")),
            campaign=f"c{rng.randrange(12):02d}",
            status=rng.choice(("sent", "reserved", "planned")),
        )
        for _ in range(rng.randrange(4))
    ]
    return playbook, claims, touches, at, until


def told(decision):
    return [row.to_dict() for row in decision.rows], decision.total, decision.optimal, decision.bound


@pytest.mark.parametrize("number", range(6))
def test_claims_that_are_left_out_change_no_answer(monkeypatch, number):
    """Of many claims those that no best set holds are left out; of few none are: that is the answer to compare with."""
    shorter = 0
    for seed in range(number, 240, 6):
        playbook, claims, touches, at, until = crowded(seed)
        arbiter = Arbiter(playbook)
        want = arbiter.decide(ANNA, touches, claims, at=at, until=until, explain=True)
        expected = told(want)
        with monkeypatch.context() as patch:
            patch.setattr("journeykit.engine.contact_round.MANY_ITEMS", 0)
            patch.setattr("journeykit.engine.dominance._NARROW", 2)
            patch.setattr("journeykit.engine.dominance._MARGIN", 1)
            rounds = arbiter.decider.rounds(
                ContactGroup((ANNA,), {ANNA.id: ContactInputs(touches, claims, {})}, at=at, until=until)
            )
            shorter += bool(rounds.main.dominated)
            found = arbiter.decide(ANNA, touches, claims, at=at, until=until, explain=True)
            assert told(found) == expected, seed
    assert shorter > 4


@pytest.mark.parametrize("number", range(4))
def test_parts_are_settled_one_after_the_other_and_break_no_rule(monkeypatch, number):
    best = parts = 0
    for seed in range(number, 160, 4):
        playbook, claims, touches, at, until = crowded(seed)
        arbiter = Arbiter(playbook)
        want = arbiter.decide(ANNA, touches, claims, at=at, until=until)
        with monkeypatch.context() as patch:
            patch.setattr("journeykit.engine.contact_round.MANY_ITEMS", 5)
            patch.setattr("journeykit.engine.contact_round.MOST_ITEMS", 5)
            found = arbiter.decide(ANNA, touches, claims, at=at, until=until)
            rows = found.rows
        assert not list(violations(playbook, found, ANNA, touches, claims)), seed
        assert len(rows) == len(want.rows)
        assert found.total <= want.total <= found.bound
        assert not found.optimal or found.total == want.total
        best += found.total == want.total
        parts += 1
    assert best > parts / 2


@pytest.mark.parametrize("seed", range(40))
def test_what_stands_in_windows_is_found_as_by_looking_at_all_of_it(seed):
    """The sorted way against the plain one: every window that holds a place, looked at in full."""
    rng = Random(seed)
    gauge = Gauge(window(rng, AT.date()), ANNA_CLOCK)
    base = int(AT.timestamp() * 1_000_000)
    made = [
        gauge.span(base + rng.randrange(-40, 40) * 6 * 3_600_000_000, None, rng.randrange(3), rng.randrange(-1, 4))
        for _ in range(rng.randrange(60))
    ]
    spans = [span for span in made if span is not None]
    filled = WindowUsage(gauge, spans)
    for _ in range(12):
        own = gauge.span(base + rng.randrange(-20, 20) * 6 * 3_600_000_000, None, 1)
        if own is None:
            continue
        windows = list(plain_windows(gauge, spans, own))
        assert gauge.load(filled, own) == max(sum(span[2] for span in inside) for inside in windows)
        limit = rng.randrange(1, 8)
        full = [inside for inside in windows if sum(span[2] for span in inside) + 1 > limit]
        want = {span[3] for inside in full for span in inside if span[2]} | ({-1} if full else set())
        assert gauge.occupants(filled, own, limit) == want
        since = base + rng.randrange(-20, 20) * 6 * 3_600_000_000
        assert gauge.first_fit(filled, since, None, 1, limit) == plain_fit(gauge, spans, since, limit)


ANNA_CLOCK = Arbiter(Playbook()).decider.ruleset.clock


def plain_windows(gauge, spans, own):
    if gauge.running:
        for instant in {own[0], *(span[0] for span in spans if own[0] < span[0] < own[1])}:
            yield [span for span in spans if span[0] <= instant < span[1]]
        return
    for end in {own[0], *(span[0] for span in spans if span[0] > own[0])}:
        if gauge.back(end) <= own[0]:
            yield [span for span in spans if gauge.back(end) <= span[0] <= end]


def plain_fit(gauge, spans, since, limit):
    leaves = [] if gauge.window.last is None else [gauge.clock.day_start((gauge.window.last - EPOCH).days + 1)]
    for start, end, *_ in spans:
        if gauge.running:
            leaves += [end]
        elif (place := gauge.window.leave(start)) is not None:
            leaves.append(gauge.window.opens(place, gauge.clock))
    for at in sorted({since, *(leave for leave in leaves if since < leave < 2**60)}):
        own = gauge.span(at, None, 1)
        if own is None or max(sum(span[2] for span in i) for i in plain_windows(gauge, spans, own)) + 1 <= limit:
            return at
    return None


EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()


# The time


def claims_of(count, *, dated=False):
    return [
        {
            "contact_id": "big",
            "campaign_id": f"k{number % 7 if dated else number}",
            "channel": "email",
            "weight": 1 + number % 13,
            **({"at": instant_text(AT + timedelta(minutes=number))} if dated else {}),
        }
        for number in range(count)
    ]


def touches_of(count):
    return [
        {
            "contact_id": "big",
            "sent_at": instant_text(AT - timedelta(seconds=60 * 86_400 * number / count)),
            "channel": "email",
            "campaign_id": f"k{number % 5}",
        }
        for number in range(count)
    ]


def run(engine, count, kind, *, plan):
    """The seconds of processor time that a job takes, its rows and its summary."""
    options = {"at": AT, "until": AT + timedelta(days=14) if plan else None}
    contacts = [{"contact_id": name, "consent": "email"} for name in ("big", "small")]
    if kind == "touches":
        content = {"content": [{"id": "note", "channel": "email"}]}
        campaigns = [{"id": "launch", "content": ["note"]}, {"id": "news", "content": ["note"], "repeat": None}]
        arbiter = Arbiter(Playbook.from_dict({"caps": CAPS, "campaigns": campaigns, **content}))
        tables = {"touches": touches_of(count)}
    else:
        arbiter = Arbiter(Playbook.from_dict({"caps": CAPS}))
        small = {"contact_id": "small", "campaign_id": "x", "channel": "email", "weight": 1}
        tables = {"claims": [*claims_of(count, dated=kind == "dated"), small]}
    began = time.process_time()
    if engine == "columns":
        summaries = []
        table = arbiter.decide_table(contacts, **tables, **options, everything=True, summary=summaries.append)
        return time.process_time() - began, table.num_rows, summaries[0]
    job = Job(arbiter, Inputs(contacts=contacts, **tables), **options)
    rows = sum(len(decision.rows) for _, decision in job.decisions())
    return time.process_time() - began, rows, job.summary()


CASES = [("touches", False), ("touches", True), ("claims", False), ("claims", True), ("dated", True)]


@pytest.mark.parametrize(("kind", "plan"), CASES)
@pytest.mark.parametrize("engine", ["one", "columns"])
def test_time_grows_with_the_number_and_not_with_its_square(engine, kind, plan):
    """Four times as many took sixteen times as long, or had no room."""
    few = 1_050
    run(engine, 10, kind, plan=plan)
    short, rows, _ = run(engine, few, kind, plan=plan)
    long, more, summary = run(engine, 4 * few, kind, plan=plan)
    assert long < 9 * short + 0.5
    assert summary.contacts == 2
    if kind != "touches":
        assert (rows, more) == (few + 1, 4 * few + 1)
    assert summary.outcomes["granted"] >= 1


@pytest.mark.parametrize(("kind", "plan"), CASES)
def test_both_engines_say_the_same_of_a_large_contact(kind, plan):
    found = [run(engine, 1_200, kind, plan=plan)[2] for engine in ("one", "columns")]
    one, columns = ({**summary.to_dict(), "written": 0} for summary in found)
    columns["notes"] = [note for note in columns["notes"] if not note.startswith("contacts that fell back to the row")]
    assert one == columns


def test_room_for_a_contact_with_many_claims_is_not_made(monkeypatch):
    """100,000 claims of one contact asked for 37 GiB, and so did a table that names as many campaigns."""
    made = []
    decision_rows = worker.decision_rows

    def noted(*sizes):
        made.append(sum(sizes))
        return decision_rows(*sizes)

    monkeypatch.setattr(worker, "decision_rows", noted)
    run("columns", 4_000, "claims", plan=False)
    assert max(made) < 5_000_000


def test_a_mixed_column_that_no_rule_reads_costs_little():
    """One column of mixed objects made a frame of pandas more than ten times as slow."""
    pandas = pytest.importorskip("pandas")
    count = 60_000
    frame = pandas.DataFrame({"contact_id": range(count), "consent_email": [True] * count, "score": [5.0] * count})
    mixed = frame.assign(notes=[number if number % 2 else str(number) for number in range(count)])
    content = [{"id": "note", "channel": "email"}]
    campaigns = [{"id": "launch", "content": ["note"], "audience": "score >= 5"}]
    arbiter = Arbiter(Playbook.from_dict({"caps": CAPS, "content": content, "campaigns": campaigns}))
    times = []
    for given in (frame, frame, mixed, frame, mixed):
        began = time.process_time()
        assert len(arbiter.decide_table(given, at=AT)) == count
        times.append(time.process_time() - began)
    plain, slow = min(times[1], times[3]), min(times[2], times[4])
    assert slow < 2 * plain + 0.5


def test_a_table_of_arrow_with_many_claims_of_one_contact_is_decided():
    claims = pa.Table.from_pylist(claims_of(2_000))
    table = Arbiter(Playbook.from_dict({"caps": CAPS})).decide_table(
        [{"contact_id": "big", "consent": "email"}], claims=claims, at=AT, everything=True
    )
    outcomes = table["outcome"].to_pylist()
    assert (len(outcomes), outcomes.count("granted")) == (2_000, 1)
