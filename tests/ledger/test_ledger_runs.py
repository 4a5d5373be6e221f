"""Runs over tables with a ledger: both engines alike, begun again without a trace, and overlapped by other jobs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from tempfile import TemporaryDirectory

import pytest
import tabled
from attrs import evolve
from generate import quotas, situation, with_experiments
from ledgers import KINDS, ledger_of
from test_account_tables import world
from test_one_equals_columns import cells, plain

from journeykit import (
    Arbiter,
    Arm,
    Cap,
    CapChange,
    Claim,
    Contact,
    DataError,
    Experiment,
    Playbook,
    RuleChanges,
    Touch,
    Window,
)
from journeykit.basics.clock import clock, micros
from journeykit.columns.worker import Worker
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import MemoryLedger, Reservation
from journeykit.ledger.ledger_run import LedgerRun
from journeykit.ledger.saved_decisions import DecisionInputs
from journeykit.tables import decision_cells

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
ENGINES = ("one", "columns")
TWO = Arbiter(
    Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": f"c{n}", "content": ["note"], "weight": n + 1} for n in range(4)],
            "caps": [{"name": "two a week", "max": 2, "window": {"rolling": "7d"}}],
        }
    )
)

IN_ARMS = Arbiter(
    evolve(
        TWO.playbook,
        experiments=[
            Experiment(
                name="pressure",
                arms=[
                    Arm(name="as now", share=0.5),
                    Arm(name="more", share=0.4, changes=RuleChanges(caps=[CapChange(name="two a week", max=3)])),
                ],
            )
        ],
    )
)


def people(count):
    return [{"contact_id": f"p{number}", "consent": "email"} for number in range(count)]


class Run:
    """A run by one of the engines: begun when it is made, done when its rows are asked for."""

    def __init__(self, engine, arbiter, contacts, ledger, *, at=AT, until=None, run_id="night", **tables):
        self.one = engine == "one"
        when = {"at": at, "until": until, "run_id": run_id, "ledger": ledger}
        if self.one:
            self.job = Job(arbiter, Inputs(contacts=contacts, **tables), **when)
        else:
            # More threads change nothing, and wait for each other where tables are this small.
            self.job = TableJob(arbiter, contacts, **tables, **when, everything=True, threads=1)

    def rows(self):
        if self.one:
            return [plain(decision_cells(row)) for _, decision in self.job.decisions() for row in decision.rows]
        return cells(self.job.batches())

    def told(self):
        """The summary, without what the engines tell in other words."""
        found = self.job.summary().to_dict()
        return {name: value for name, value in found.items() if name not in ("written", "notes", "bad_rows")}

    def told_notes(self):
        """What the summary says of the ledger to a person."""
        return [note for note in self.job.summary().notes if note.startswith("ledger: ")]


def granted(rows):
    """The ids of what was granted."""
    return {row[0] for row in rows if row[8] == "granted"}


def reserved(ledger, run_id="night"):
    """The ids of what a run has reserved, each once."""
    with ledger.transaction() as transaction:
        found = [held.id for held in transaction.in_status("reserved", None, run_id, 10**6)]
    assert len(set(found)) == len(found)
    return set(found)


def in_run(ledger, run_id="night"):
    """All that a run has reserved, as the ledger keeps it."""
    with ledger.transaction() as transaction:
        return transaction.in_status("reserved", None, run_id, 10**6)


def put(ledger, rows):
    """Put a table of touches into a ledger as far as it can hold them; the others."""
    rest, held = [], []
    for number, row in enumerate(rows):
        if row["status"] not in ("sent", "reserved"):
            rest.append(row)
            continue
        held.append(
            Reservation(
                id=f"t{number}",
                contact=row["contact_id"],
                at=row["sent_at"],
                status=row["status"],
                channel=row["channel"],
                campaign=row["campaign_id"],
                content=row["content_id"],
                team=row["team"],
                topics=tuple(row["topic"] or ()),
                **{name: tuple(row.get(name) or ()) for name in ("solutions", "without")},
                **{name: row.get(name) for name in ("goal", "theme", "campaign_ends", "counts_toward_caps")},
            )
        )
    with ledger.transaction() as transaction:
        transaction.add(held)
    return rest or None


def disturb(arbiter, ledger, rng, rows, at):
    """Other jobs take room, release some, and people opt out."""
    for row in rng.sample(rows, len(rows) // 2):
        who = Contact(id=row["contact_id"], account=row["account_id"], consent=["email", "sms", "push"])
        arbiter.decide(who, at=at, ledger=ledger)
    for row in rng.sample(rows, 2):
        held = [own for own in ledger.reservations(row["contact_id"]) if own.status == "reserved"]
        ledger.release(held[:1])
    ledger.opt_out(rng.choice(rows)["contact_id"], at=at)


def assert_reserved(playbook, rows, contacts, told):
    """What a run says is reserved of each quota is what its rows add up to."""
    zones = {row["contact_id"]: row["timezone"] or playbook.timezone for row in contacts}
    arbiter = Arbiter(playbook)
    whole = [usage for usage in told if "arm" not in usage]
    for quota, usage in zip(playbook.quotas, whole, strict=True):
        if quota.of not in ("count", "share", "value"):
            continue
        inside = total = 0.0
        for row in rows:
            if row[8] != "granted" or not quota.has_day(clock(zones[row[2]]).day(micros(row[14]))):
                continue
            (opening,) = arbiter.decider.ruleset.messages_for(Claim(campaign=row[4], content=row[5], channel=row[6]))
            worth = row[12] if quota.of == "value" else 1
            total += worth
            inside += worth if quota.where.matches(opening.facets) else 0
        wanted = inside if quota.of != "share" else inside / total if total else 0
        assert abs(usage["reserved"] - wanted) < 1e-6, (quota, usage, wanted)


def with_quotas(seed):
    """A situation whose playbook has quotas too."""
    found = situation(seed)
    own = quotas(Random(-seed), found.playbook, found.at.date())
    return found.but(playbook=evolve(found.playbook, quotas=own, on_infeasible="relax"))


def with_arms(seed):
    """A situation with experiments, and with quotas or caps per account."""
    found = (with_quotas, world, situation)[seed // 4 % 3](seed)
    return found if found.playbook.campaigns is None else with_experiments(found)


@pytest.mark.parametrize("start", range(0, 16, 8))
@pytest.mark.parametrize(
    "make", [situation, with_quotas, world, with_arms], ids=["plain", "quotas", "accounts", "arms"]
)
def test_both_engines_reserve_alike(make, start):
    """The ledger's history counts as if it were given; overlapped, and begun again, the rows are the same."""
    # Prices take their time: half of the situations do for quotas.
    for seed in range(start, start + 8, {with_quotas: 2, with_arms: 4}.get(make, 1)):
        found = make(seed)
        if found.playbook.campaigns is None:
            continue
        arbiter, when = Arbiter(found.playbook), {"at": found.at, "until": found.until}
        rng = Random(seed)
        contacts, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
        wanted = Run("one", arbiter, contacts, None, touches=history, **when).rows()
        overlapped, stored = [], []
        for engine in ENGINES:
            ledger = MemoryLedger()
            rest = put(ledger, history)
            assert Run(engine, arbiter, contacts, ledger, touches=rest, **when).rows() == wanted
            assert reserved(ledger) == granted(wanted)
            stored.append(sorted(map(repr, in_run(ledger))))

            ledger = MemoryLedger()
            rest = put(ledger, history)
            run = Run(engine, arbiter, contacts, ledger, touches=rest, **when)
            disturb(arbiter, ledger, Random(seed), contacts, found.at)
            rows, told = run.rows(), run.told()
            assert granted(rows) == reserved(ledger)
            again = Run(engine, arbiter, contacts, ledger, touches=rest, **when)
            assert again.rows() == rows
            assert again.told() == told
            assert granted(rows) == reserved(ledger)
            if found.playbook.quotas:
                assert granted(rows) <= granted(wanted), "nothing that the run had not chosen"
                assert_reserved(found.playbook, rows, contacts, told["quotas"])
            overlapped.append((rows, told))
        assert overlapped[0] == overlapped[1], seed
        assert stored[0] == stored[1], seed


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_overlapping_job_took_is_decided_again(ledger, engine, monkeypatch):
    """Not overwritten: nobody gets more than their cap, and the others get what they would have got."""
    monkeypatch.setattr("journeykit.ledger.ledger_run.PIECE", 100)
    run = Run(engine, TWO, people(330), ledger)
    for number in range(0, 330, 11):
        who = Contact(id=f"p{number}", consent=["email"])
        TWO.decide(who, claims=[Claim(campaign="c0", content="note", channel="email")], at=AT, ledger=ledger)
    ledger.opt_out("p1", at=AT)
    rows = run.rows()
    assert granted(rows) == reserved(ledger)
    mine = [(row[2], row[4]) for row in rows if row[8] == "granted"]
    assert [campaign for who, campaign in mine if who == "p11"] == ["c3"]
    assert [campaign for who, campaign in mine if who == "p12"] == ["c3", "c2"]
    assert [campaign for who, campaign in mine if who == "p1"] == []
    assert len(mine) == 2 * 330 - 30 - 2
    assert Run(engine, TWO, people(330), ledger).rows() == rows


@pytest.mark.parametrize("asked", [False, True], ids=["derived", "asked"])
@pytest.mark.parametrize("book", [TWO, IN_ARMS], ids=["all", "arms"])
def test_contacts_are_decided_again_in_bulk(ledger, book, asked, monkeypatch):
    """By the columnar engine, a piece at a time: with claims, scores, touches and opt-outs, as the other does it."""
    monkeypatch.setattr("journeykit.ledger.ledger_run.PIECE", 40)
    names = [f"p{number}" for number in range(100)]
    contacts = [{"contact_id": name, "consent": "email", "timezone": "Europe/Skopje"} for name in names]
    tables = {
        "touches": [{"contact_id": name, "sent_at": AT - DAY, "channel": "email"} for name in names[::3]],
        "scores": [{"contact_id": name, "campaign_id": "c0", "value": 9} for name in names[::2]],
    }
    if asked:
        tables["claims"] = [
            {"contact_id": name, "campaign_id": f"c{n}", "weight": n + 0.5} for name in names for n in range(4)
        ]
    alone = []
    cases = DecisionInputs.arbitrations
    monkeypatch.setattr(
        DecisionInputs, "arbitrations", lambda self, *own: alone.append(self.contacts[0].id) or cases(self, *own)
    )

    def run(engine, name):
        return Run(engine, book, contacts, ledger, run_id=name, **tables)

    def told(run):
        return {**run.told(), "run_id": ""}

    one, other = run("one", "first"), run("columns", "second")
    for name in names[::2]:
        claim = Claim(campaign="c0", content="note", channel="email")
        TWO.decide(Contact(id=name, consent=["email"]), claims=[claim], at=AT, ledger=ledger)
    ledger.opt_out("p1", at=AT)
    ledger.opt_out("p3", at=AT, channel="email")
    wanted = one.rows()
    ledger.release(run_id="first")
    alone.clear()
    rows = other.rows()
    assert alone == ["p3"], "only what the kernels cannot be told"
    assert [row[2:] for row in rows] == [row[2:] for row in wanted]
    assert granted(rows) == reserved(ledger, "second")
    assert "100 contacts were decided again" in other.told_notes()[0]
    alone.clear()
    again = run("columns", "second")
    assert again.rows() == rows
    assert alone == ["p3"]
    assert told(again) == told(other) == told(one)
    assert run("one", "second").rows() == rows, "the other engine goes on where this one was"


SEATS = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [
        {"id": "meetup", "content": ["note"], "weight": 3},
        {"id": "news", "content": ["note"], "weight": 2},
    ],
    "caps": [{"name": "one", "max": 1, "where": {"channel": "email"}, "window": {"rolling": "7d"}}],
    "quotas": [
        {"name": "seats", "max": 5, "where": {"campaign": "meetup"}},
        {"name": "readers", "min": 15, "hard": True, "where": {"campaign": "news"}},
    ],
}


def overlap(ledger, campaign, names):
    """Another job sends something to people."""
    claims = [Claim(campaign=campaign, channel="sms", weight=1)]
    for name in names:
        Arbiter(Playbook()).decide(Contact(id=name, consent=["sms"]), claims=claims, at=AT, ledger=ledger)


@pytest.mark.parametrize("seats", [None, 1_600], ids=["plain", "quotas"])
def test_a_late_conflict_decides_again_only_the_contacts_that_it_touches(seats, tmp_path, monkeypatch):
    """Of 1,200 contacts in a SQLite ledger three have news: no other one of their chunk is decided again."""
    quota = [] if seats is None else [{"name": "seats", "max": seats}]
    arbiter = Arbiter(Playbook.from_dict({**TWO.playbook.to_dict(), "quotas": quota}))
    decided, decide = Counter(), Worker.decide
    late, told = ("p7", "p700", "p1199"), []

    def counted(self, chunk, *own):
        decided.update(chunk.ids.to_pylist())
        return decide(self, chunk, *own)

    monkeypatch.setattr(Worker, "decide", counted)
    for engine in ENGINES:
        with ledger_of("sqlite", tmp_path) as ledger:
            run = Run(engine, arbiter, people(1_200), ledger)
            for name in late:
                claim = Claim(campaign="c0", content="note", channel="email")
                arbiter.decide(Contact(id=name, consent=["email"]), claims=[claim], at=AT, ledger=ledger)
            rows = run.rows()
            assert granted(rows) == reserved(ledger)
        told.append((rows, run.told()))
    assert told[0] == told[1]
    # As before, to take their part out of the counts; and anew, which with quotas the row engine does.
    again = {name: count - 1 for name, count in decided.items() if count > 1}
    assert again == dict.fromkeys(late, 2 if seats is None else 1)
    assert len(decided) == 1_200


@pytest.mark.parametrize("until", [None, AT + DAY])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_hard_maximum_holds_whatever_overlapping_jobs_do(engine, until):
    """Who is decided again gets only what the run had chosen for them; what falls away stays empty, and is told."""
    arbiter, when = Arbiter(Playbook.from_dict(SEATS)), {"until": until}
    chosen = Run(engine, arbiter, people(20), MemoryLedger(), **when).rows()
    seated = {row[2] for row in chosen if row[8] == "granted" and row[4] == "meetup"}
    readers = sorted({row[2] for row in chosen if row[8] == "granted"} - seated)
    assert (len(seated), len(readers)) == (5, 15)

    ledger = MemoryLedger()
    run = Run(engine, arbiter, people(20), ledger, **when)
    # Those who cannot read the news any more would all rather go to the meetup.
    overlap(ledger, "news", [row["contact_id"] for row in people(20)])
    rows = run.rows()
    assert granted(rows) == reserved(ledger)
    assert granted(rows) < granted(chosen)
    assert {row[2] for row in rows if row[8] == "granted"} == seated
    found = {(row[4], row[9]) for row in rows if row[2] in readers}
    assert found == {("news", "capped"), ("meetup", "quota_full")}
    assert any("15 messages fell away" in note for note in run.job.summary().notes)
    usages = [(own.name, own.usage, own.reserved) for own in run.job.summary().quotas]
    assert usages == [("seats", 5, 5), ("readers", 15, 0)]
    assert "quota readers (count): 15 of at least 15, reserved 0" in str(run.job.summary())
    again = Run(engine, arbiter, people(20), ledger, **when)
    assert again.rows() == rows
    assert any("15 messages fell away" in note for note in again.job.summary().notes)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_the_run_chose_moves_only_where_quotas_count_it_alike(engine):
    """A seat of one day is not taken on another; without days the claim may go later."""
    rule = {"name": "one a day", "max": 1, "window": {"calendar": "day"}}
    when = {"until": AT + 2 * DAY}
    for during, expected in ((None, {"p0", "p1"}), (["2026-11-05", "2026-11-05"], {"p1"})):
        quota = {**SEATS["quotas"][0], **({} if during is None else {"during": during})}
        arbiter = Arbiter(Playbook.from_dict({**SEATS, "caps": [rule], "quotas": [quota]}))
        ledger = MemoryLedger()
        run = Run(engine, arbiter, people(2), ledger, **when)
        # The day is full now for one of them.
        overlap(ledger, "other", ["p0"])
        rows = run.rows()
        assert {row[2] for row in rows if row[8] == "granted" and row[4] == "meetup"} == expected, during
        assert Run(engine, arbiter, people(2), ledger, **when).rows() == rows


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_goes_on_where_its_reservations_have_moved(ledger, engine):
    """Confirmed, released and expired meanwhile, they are still those of the run."""
    rows = Run(engine, TWO, people(20), ledger).rows()
    first, second, *_ = sorted(reserved(ledger))
    ledger.confirm(first)
    ledger.release(second)
    ledger.expire(AT + DAY)
    assert Run(engine, TWO, people(20), ledger).rows() == rows
    assert reserved(ledger) == set()
    with ledger.reading() as transaction:
        assert transaction.stats()["touches"] == {"expired": 38, "released": 1, "sent": 1}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_history_that_changes_later_is_read_as_it_was(ledger, engine):
    """What was reserved when the run began, and has been released since, counted then."""
    held = TWO.decide(Contact(id="p0", consent=["email"]), at=AT, ledger=ledger)
    rows = Run(engine, TWO, people(3), ledger).rows()
    ledger.release(row.decision_id for row in held.rows if row.send_at)
    assert Run(engine, TWO, people(3), ledger).rows() == rows
    assert granted(Run(engine, TWO, people(3), ledger, run_id="next").rows())


@pytest.mark.parametrize("engine", ENGINES)
def test_another_run_counts_the_reservations_of_the_first(ledger, engine):
    """They are history to it."""
    assert len(granted(Run(engine, TWO, people(5), ledger).rows())) == 10
    assert granted(Run(engine, TWO, people(5), ledger, run_id="next").rows()) == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_of_other_tables_is_refused(engine):
    """What it has reserved would be lost; the error says how to free it."""
    ledger = MemoryLedger()
    Run(engine, TWO, people(3), ledger).rows()
    with pytest.raises(DataError, match="ledger release URL --run night"):
        Run(engine, TWO, people(3), ledger, touches=[{"contact_id": "p1", "sent_at": AT, "channel": "email"}]).rows()
    with pytest.raises(DataError, match="another at"):
        Run(engine, TWO, people(3), ledger, at=AT + DAY)
    with pytest.raises(DataError, match="another playbook"):
        Run(engine, Arbiter(evolve(TWO.playbook, name="other")), people(3), ledger)
    assert len(ledger.release(run_id="night")) == 6
    assert len(granted(Run(engine, TWO, people(3), ledger, run_id="next").rows())) == 6


@pytest.mark.parametrize("engine", ENGINES)
def test_colleagues_who_are_not_decided_count_in_caps_of_the_account(ledger, engine):
    """Their touches come from the ledger, when the run began and when it decides again."""
    arbiter = Arbiter(evolve(TWO.playbook, caps=[Cap(name="two", max=2, window=Window.rolling("7d"), per="account")]))
    claim = [Claim(campaign="c0", content="note", channel="email")]

    def touch(name):
        arbiter.decide(Contact(id=name, account="acme", consent=["email"]), claims=claim, at=AT, ledger=ledger)

    touch("eve")
    contacts = [{"contact_id": name, "account_id": "acme", "consent": "email"} for name in ("anna", "ben")]
    run = Run(engine, arbiter, contacts, ledger)
    assert len(granted(Run(engine, arbiter, contacts, MemoryLedger()).rows())) == 2
    touch("dan")
    rows = run.rows()
    assert granted(rows) == reserved(ledger) == set()
    assert Run(engine, arbiter, contacts, ledger).rows() == rows


@pytest.mark.parametrize("engine", ENGINES)
def test_opt_outs_of_the_ledger_win_over_the_table(ledger, engine):
    """Of the forgotten too; but not what is said later, before it is begun again."""
    ledger.opt_out("p0", at=AT)
    ledger.opt_out("p1", at=AT, channel="email")
    ledger.opt_out("p2", at=AT, suppressed=True)
    ledger.opt_out("p3", at=AT)
    ledger.forget("p3")
    rows = Run(engine, TWO, people(5), ledger).rows()
    found = {row[2]: row[9] for row in rows}
    assert found == {"p0": "opted_out", "p1": "no_consent", "p2": "suppressed", "p3": "opted_out", "p4": "outbid"}
    assert len(granted(rows)) == 2
    ledger.opt_out("p4", at=AT)
    assert Run(engine, TWO, people(5), ledger).rows() == rows
    # An id that no ledger can hold is a bad row, and that of none who was forgotten.
    assert granted(Run(engine, TWO, [*people(1), {"contact_id": "p\0", "consent_email": True}], ledger).rows()) == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_touches_that_are_given_count_again_when_it_is_decided_again(ledger, engine):
    """Those of the caller and those of the ledger are told apart, even where they are equal."""
    told = [{"contact_id": "p0", "sent_at": AT - DAY, "channel": "email"}]
    put(ledger, [{**told[0], "status": "sent", "campaign_id": None, "content_id": None, "team": None, "topic": None}])
    three = Arbiter(evolve(TWO.playbook, caps=[Cap(name="three", max=3, window=Window.rolling("7d"))]))
    run = Run(engine, three, people(1), ledger, touches=told)
    three.decide(
        Contact(id="p0", consent=["email"]),
        [Touch(at=AT - DAY, channel="email")],
        [Claim(campaign="c0", content="note", channel="email")],
        at=AT,
        ledger=ledger,
    )
    assert granted(run.rows()) == set()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("words", [("email", "c1"), ("Email", " C1"), ("carrier pigeon", "gone ")])
def test_a_history_in_other_words_counts_once_when_it_is_decided_again(engine, words):
    """What the ledger holds as `Email`, the tables of the run have as `email`: it is the same touch."""
    ledger = MemoryLedger()
    columns = {"contact": "id", "at": "at", "message": "id", "channel": "channel", "campaign": "campaign"}
    log = {"at": str(AT - DAY), "channel": words[0], "campaign": words[1]}
    ledger.import_log([{"id": name, **log} for name in ("p0", "p1")], columns)
    three = Arbiter(evolve(TWO.playbook, caps=[Cap(name="three", max=3, window=Window.rolling("7d"))]))
    run = Run(engine, three, people(2), ledger)
    claim = Claim(campaign="c0", content="note", channel="email")
    three.decide(Contact(id="p0", consent=["email"]), claims=[claim], at=AT, ledger=ledger)
    assert sorted(row[2] for row in run.rows() if row[8] == "granted") == ["p0", "p1", "p1"]


@pytest.mark.parametrize("engine", ENGINES)
def test_claims_with_ids_keep_them_when_they_are_decided_again(engine):
    """The decision that is kept says which of them was granted, and all of its rows are given again."""
    ledger = MemoryLedger()
    claims = [
        {"contact_id": "p0", "campaign_id": "c0", "claim_id": f"i{number}", "weight": number + 1} for number in range(3)
    ]
    run = Run(engine, TWO, people(1), ledger, claims=claims)
    TWO.decide(Contact(id="p0", consent=["email"]), claims=[Claim(campaign="c3")], at=AT, ledger=ledger)
    rows = run.rows()
    found = ledger.decision(run_id="night", contact="p0")
    assert [grant.claim for grant in found.granted] == ["i2"]
    assert [plain(decision_cells(row)) for row in found.rows] == rows
    assert Run(engine, TWO, people(1), ledger, claims=claims).rows() == rows


# Named like another, and begun again otherwise


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_over_tables_decides_no_contact_alone(ledger, engine):
    """What it has decided stands in its output; an answer beside it would be a second one."""
    rows = Run(engine, TWO, people(2), ledger).rows()
    for name in ("p0", "p9"):
        with pytest.raises(DataError, match="is one over tables"):
            TWO.decide(Contact(id=name, consent=["email"]), at=AT, ledger=ledger, run_id="night")
    assert Run(engine, TWO, people(2), ledger).rows() == rows
    assert granted(rows) == reserved(ledger)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_of_single_decisions_is_none_over_tables(ledger, engine):
    """Nor the other way round, also where nothing was granted."""
    first = TWO.decide(Contact(id="p0"), at=AT, ledger=ledger, run_id="night")
    assert first.granted == ()
    with pytest.raises(DataError, match="decided one by one"):
        Run(engine, TWO, people(2), ledger)
    assert TWO.decide(Contact(id="p0"), at=AT, ledger=ledger, run_id="night").rows == first.rows
    assert granted(Run(engine, TWO, people(2), ledger, run_id="other").rows()) == reserved(ledger, "other")


ONE_FOR_ALL = Arbiter(
    evolve(TWO.playbook, caps=[Cap(name="one", max=1, window=Window.rolling("7d"), per="account")]),
)


def colleagues(*names):
    return [{"contact_id": name, "account_id": "acme", "consent": "email"} for name in names]


@pytest.mark.parametrize("engine", ENGINES)
def test_two_tables_in_one_run_share_the_caps_of_an_account(ledger, engine):
    """A colleague in the other table has the only place; and each of them is begun again as it was."""
    first = Run(engine, ONE_FOR_ALL, colleagues("anna"), ledger)
    rows = first.rows()
    assert len(granted(rows)) == 1
    other = Run(engine, ONE_FOR_ALL, colleagues("ben"), ledger)
    others = other.rows()
    assert granted(others) == set()
    assert Run(engine, ONE_FOR_ALL, colleagues("anna"), ledger).rows() == rows
    assert granted(rows) == reserved(ledger)
    assert any("1 contacts who are not in these tables" in note for note in other.told_notes())


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_left_of_a_larger_table_is_told(ledger, engine):
    """Rows that are gone when it is begun again keep their reservations, which are in no file now."""
    Run(engine, TWO, people(3), ledger).rows()
    again = Run(engine, TWO, people(2), ledger)
    again.rows()
    assert any("for 1 contacts who are not in these tables" in note for note in again.told_notes())
    whole = Run(engine, TWO, people(3), ledger)
    whole.rows()
    assert whole.told_notes() == []


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_freed_before_a_run_is_begun_again_is_told(ledger, engine):
    """Its rows say granted, and their room may be another's."""
    rows = Run(engine, TWO, people(2), ledger).rows()
    ledger.release(run_id="night")
    again = Run(engine, TWO, people(2), ledger)
    assert again.rows() == rows
    assert any("4 of the messages that this run has granted are not reserved any more" in n for n in again.told_notes())


@pytest.mark.parametrize("engine", ENGINES)
def test_who_was_decided_again_is_asked_the_same(ledger, engine):
    """An answer that was kept is that to the claims of then."""

    def run(*campaigns):
        claims = [{"contact_id": "p0", "campaign_id": name, "content_id": "note"} for name in campaigns]
        return Run(engine, TWO, people(1), ledger, claims=claims)

    first = run("c2", "c3")
    overlap(ledger, "c0", ["p0"])
    rows = first.rows()
    assert run("c2", "c3").rows() == rows
    with pytest.raises(DataError, match="reserved other messages"):
        run("c1", "c3").rows()


# What others do meanwhile


@pytest.mark.parametrize("how", ["confirm", "log"])
@pytest.mark.parametrize("engine", ENGINES)
def test_what_comes_to_count_again_during_a_run_is_counted(ledger, engine, how):
    """A late confirmation, or a send log, of what had expired when the run began."""
    one = Arbiter(evolve(TWO.playbook, caps=[Cap(name="one", max=1, window=Window.rolling("7d"))]))
    alone = Arbiter(evolve(TWO.playbook, caps=[Cap(name="one", max=1, window=Window.rolling("7d"), per="account")]))
    for arbiter in (one, alone):
        name = f"p{arbiter is alone:d}"
        row = {"contact_id": name, "account_id": f"acme {name}", "consent": "email"}
        who = Contact(id=name, account=f"acme {name}", consent=["email"])
        claim = [Claim(campaign="c0", content="note", channel="email")]
        old = arbiter.decide(who, claims=claim, at=AT, ledger=ledger)
        ledger.expire(AT + DAY)
        later = {"at": AT + DAY, "run_id": name}
        # Caps per account count it for a colleague too.
        whom = row if arbiter is one else row | {"contact_id": "colleague"}
        run = Run(engine, arbiter, [whom], ledger, **later)
        if how == "confirm":
            assert len(ledger.confirm(old)) == 1
        else:
            log = {"contact": "c", "at": "t", "channel_is": "email", "message": "m"}
            assert ledger.import_log([{"c": name, "t": AT, "m": 1}], log).matched == 1
        rows = run.rows()
        assert granted(rows) == set()
        assert Run(engine, arbiter, [whom], ledger, **later).rows() == rows


@pytest.mark.parametrize("engine", ENGINES)
def test_a_confirmation_of_the_runs_own_is_no_news(ledger, engine):
    """What had expired of it, and was sent after all, is still what the run decided."""
    rows = Run(engine, TWO, people(1), ledger).rows()
    own = sorted(reserved(ledger))
    ledger.expire(AT + DAY)
    ledger.confirm(own)
    again = Run(engine, TWO, people(1), ledger)
    assert again.rows() == rows
    assert again.told_notes() == []


@pytest.mark.parametrize("engine", ENGINES)
def test_an_opt_in_changes_no_run_that_was_begun_before(ledger, engine):
    """Who had opted out when it began, and in the meantime not any more, is decided as of then."""
    ledger.opt_out("p0", at=AT)
    ledger.opt_out("p1", at=AT, channel="sms")
    first = Run(engine, TWO, people(2), ledger)
    assert ledger.opt_in("p1", channel="sms")
    rows = first.rows()
    assert first.told_notes() == [], "nobody was decided again"
    assert ledger.opt_in("p0")
    assert Run(engine, TWO, people(2), ledger).rows() == rows
    assert len(granted(Run(engine, TWO, people(1), ledger, run_id="next").rows())) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_an_opt_out_after_a_run_began_is_not_as_of_then(ledger, engine):
    """Whom it had reserved for before is granted again, as the ledger holds it; `release_check` stops that."""
    rows = Run(engine, TWO, people(2), ledger).rows()
    ledger.opt_out("p0", at=AT)
    assert Run(engine, TWO, people(2), ledger).rows() == rows
    held = next(own for own in ledger.reservations("p0"))
    assert not ledger.release_check(held, Contact(id="p0", consent=["email"]), AT, arbiter=TWO)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_run_keeps_against_an_opt_out_since_it_began_is_told(ledger, engine):
    """A run begun again counts the contacts whose messages stand although they said no to them since."""

    def told():
        run = Run(engine, TWO, people(6), ledger)
        run.rows()
        return [note for note in run.told_notes() if "stay reserved" in note]

    ledger.opt_out("p5", at=AT)
    assert told() == []
    ledger.opt_out("p0", at=AT, channel="sms")
    ledger.opt_out("p1", at=AT, topic="promo")
    ledger.opt_out("p5", at=AT)
    ledger.opt_out("p4", at=AT)
    ledger.opt_in("p4", at=AT + DAY)
    assert told() == [], "none of these words forbids a message that is reserved"
    ledger.opt_out("p0", at=AT)
    ledger.opt_out("p1", at=AT, channel="e-mail")
    ledger.opt_out("p2", at=AT, suppressed=True)
    (note,) = told()
    assert "messages of 3 contacts stay" in note
    assert "release_check" in note
    assert "journeykit ledger release" in note
    ledger.release([own for name in ("p0", "p1") for own in ledger.reservations(name)])
    (note,) = told()
    assert "messages of 1 contact stay" in note
    ledger.release(ledger.reservations("p2"))
    assert told() == []


@pytest.mark.parametrize("engine", ENGINES)
def test_odd_attributes_stop_no_run(ledger, engine):
    """One who is decided again is written down with all that a table can hold."""
    import pyarrow as pa

    own = {"price": [Decimal("2.5")], "opens": [time(9, 30)], "raw": [b"x"], "span": [DAY]}
    table = pa.table({"contact_id": ["p0"], "consent": ["email"], **own})
    run = Run(engine, TWO, table.to_pylist() if engine == "one" else table, ledger)
    overlap(ledger, "c0", ["p0"])
    rows = run.rows()
    assert granted(rows) == reserved(ledger)
    assert Run(engine, TWO, table.to_pylist() if engine == "one" else table, ledger).rows() == rows


def test_the_history_of_some_is_that_of_all():
    """As of the beginning of a run, by contact and by account, whatever has moved since."""
    arbiter = ONE_FOR_ALL
    for kind in ("memory", "sqlite"):
        with TemporaryDirectory() as folder, ledger_of(kind, folder) as ledger:
            held = [
                Reservation(
                    id=f"{name}{status}",
                    contact=name,
                    account="acme" if name < "c" else None,
                    at=AT,
                    status=status,
                )
                for name in ("anna", "ben", "cora")
                for status in ("reserved", "sent", "expired", "released")
            ]
            with ledger.transaction() as transaction:
                transaction.add(held)
            mark = LedgerRun(ledger, arbiter.decider, run_id="night", at=AT, until=None).mark
            ledger.release(["annareserved", "corareserved"])
            ledger.confirm(["benreserved", "annaexpired"])
            with ledger.transaction() as transaction:
                transaction.add([Reservation(id="new", contact="anna", account="acme", at=AT, status="sent")])
            with ledger.reading() as transaction:
                every = {own.id: own.status for own in transaction.as_of(mark)}
                assert every == {own.id: own.status for own in held if own.status in ("reserved", "sent")}
                for names, accounts in ((["anna"], []), ([], ["acme"]), (["cora"], ["acme"]), (["cora", "ben"], [])):
                    found = {own.id for own in transaction.as_of(mark, names, accounts)}
                    wanted = {own.id for own in held if own.contact in names or own.account in accounts}
                    assert found == wanted & set(every), (kind, names, accounts)
