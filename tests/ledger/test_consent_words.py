"""Words of consent: the last word by its own instant holds, in whatever order, and by whatever way, words arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import KINDS, ledger_of
from test_ledger_runs import ENGINES, Run

from journeykit import Arbiter, Contact, ModelError, Playbook
from journeykit.cli import main
from journeykit.ledger import ConsentWord, MemoryLedger, OptOut, SendLog

DAY = datetime(2026, 11, 1, 10, tzinfo=UTC)
AT = DAY + timedelta(days=9)
ANNA = Contact(id="anna", consent=["email", "sms"])
PLAYBOOK = Playbook.from_dict(
    {
        "content": [
            {"id": "offer", "channel": "email", "topics": ["promo"]},
            {"id": "note", "channel": "email"},
            {"id": "ping", "channel": "sms", "topics": ["promo"]},
        ],
        "campaigns": [{"id": name, "content": [name]} for name in ("offer", "note", "ping")],
    }
)
ARBITER = Arbiter(PLAYBOOK)
LOG = {
    "contact": "who",
    "at": "when",
    "event": "what",
    "events": {
        f"{word} {scope}": {"status": word, "scope": scope}
        for word in ("opted_out", "opted_in")
        for scope in ("all", "channel", "topic")
    }
    | {word: {"status": word} for word in ("opted_out", "opted_in", "suppressed", "unsuppressed")},
    "channel": "channel",
    "topic": "topic",
    "message": "id",
}
SCOPES = ({}, {"channel": "email"}, {"channel": "sms"}, {"topic": "promo"}, {"suppressed": True})


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def row(scope, day, yes, who="anna"):
    """A word as a row of a send log."""
    word = "opted_in" if yes else "opted_out"
    kind = "topic" if "topic" in scope else "channel" if "channel" in scope else "all"
    name = ("unsuppressed" if yes else "suppressed") if scope.get("suppressed") else f"{word} {kind}"
    return {"id": None, "who": who, "when": DAY + timedelta(days=day), "what": name, "channel": None, "topic": None} | {
        own: value for own, value in scope.items() if own != "suppressed"
    }


def say(ledger, word, by, who="anna"):
    """A word by a call, or by a send log of its own."""
    scope, day, yes = word
    if by == "log":
        ledger.import_log([row(scope, day, yes, who)], LOG)
    else:
        (ledger.opt_in if yes else ledger.opt_out)(who, at=DAY + timedelta(days=day), **scope)


def answer(ledger, who="anna"):
    return [(no.about, (no.at - DAY).days) for no in ledger.opt_outs(who)]


def right(words):
    """What holds of words, worked out otherwise: of each scope the latest, at equal instants the no."""
    found = []
    for scope in SCOPES:
        own = sorted((day, not yes) for about, day, yes in words if about == scope)
        if own and own[-1][1]:
            found.append((scope, own[-1][0]))
    return sorted(found, key=lambda no: (no[1], SCOPES.index(no[0])))


def in_words(found):
    about = {None: "everything"}
    return sorted(
        (
            "suppressed" if scope.get("suppressed") else about.get(next(iter(scope), None)) or " ".join(*scope.items()),
            day,
        )
        for scope, day in found
    )


WORD = st.tuples(st.sampled_from(SCOPES), st.integers(0, 3), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(WORD, max_size=5), st.randoms(use_true_random=False))
def test_no_order_of_arrival_changes_what_holds(words, rng):
    """Calls, logs of one row, and logs of many, in every order, with repetitions: the answer is that of the words."""
    wanted = in_words(right(words))
    orders = list(permutations(words))
    for order in rng.sample(orders, min(12, len(orders))):
        ledger = MemoryLedger()
        for word in order:
            say(ledger, word, rng.choice(["log", "call"]))
        assert sorted(answer(ledger)) == wanted
        ledger.import_log([row(*word) for word in order], LOG)
        assert sorted(answer(ledger)) == wanted
        together = MemoryLedger()
        together.import_log([row(*word) for word in order], LOG)
        assert answer(together) == answer(ledger)


def test_every_order_is_alike_in_every_store(ledger):
    """A no, a yes, and a no at the instant of the yes; by calls and by logs."""
    words = [({"channel": "email"}, 6, False), ({"channel": "email"}, 4, True), ({"topic": "promo"}, 4, False)]
    words.append(({"topic": "promo"}, 4, True))
    rng = Random(5)
    for number, order in enumerate(permutations(words)):
        who = f"p{number}"
        for word in order:
            say(ledger, word, rng.choice(["log", "call"]), who)
        assert answer(ledger, who) == [("topic promo", 4), ("channel email", 6)]
        assert len(ledger.export(who)["opt_outs"]) == 4, "every word is recorded"


def test_an_opt_in_before_the_opt_out_takes_nothing_back(ledger):
    """The later word holds, though it arrived first; and a later opt-out than the first is not lost."""
    ledger.opt_out("anna", channel="email", at=DAY + timedelta(days=6))
    assert not ledger.opt_in("anna", channel="email", at=DAY + timedelta(days=4))
    assert answer(ledger) == [("channel email", 6)]
    ledger.opt_out("anna", channel="email", at=DAY + timedelta(days=8))
    assert not ledger.opt_in("anna", channel="email", at=DAY + timedelta(days=7))
    assert answer(ledger) == [("channel email", 8)]
    assert ledger.opt_in("anna", channel="email", at=DAY + timedelta(days=9))
    assert answer(ledger) == []


def test_an_opt_in_where_nothing_holds_is_remembered(ledger):
    """An older unsubscribe that a log brings later does not win; a younger one does."""
    assert not ledger.opt_in("anna", channel="email", at=DAY + timedelta(days=5))
    old = {"time": int(DAY.timestamp()), "event_type": "users.messages.email.Unsubscribe", "external_user_id": "anna"}
    old["campaign_id"] = None
    assert ledger.import_log([{**old, "id": "1"}], "braze").opt_outs == 1
    assert answer(ledger) == []
    assert ledger.import_log([{**old, "id": "2", "time": old["time"] + 6 * 86_400}], "braze").opt_outs == 1
    assert answer(ledger) == [("channel email", 6)]


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        ({"topic": "promo"}, {"offer": "topic consent promo", "ping": "topic consent promo"}),
        ({"channel": "email"}, {"offer": "consent email", "note": "consent email"}),
        ({}, dict.fromkeys(("offer", "note", "ping"), "opted_out")),
    ],
)
def test_each_scope_stops_its_own(ledger, scope, stopped):
    """In a decision, in both engines over tables, and at the moment of sending."""
    early = ARBITER.decide(ANNA, at=AT, ledger=ledger)
    assert len(early.granted) == 3
    ledger.opt_out("anna", at=AT, **scope)
    for held in ledger.reservations("anna"):
        found = ledger.release_check(held, ANNA, AT, arbiter=ARBITER)
        assert [rule for _, rule in found.reasons] == [stopped.get(held.campaign)] * (held.campaign in stopped)
    ledger.release(early)
    late = ARBITER.decide(ANNA, at=AT, ledger=ledger, key="late")
    assert {row.campaign for row in late.rows if row.outcome == "denied"} == set(stopped)
    ledger.release(late)
    contacts = [{"contact_id": "anna", "consent": ["email", "sms"]}]
    for engine in ENGINES:
        rows = Run(engine, ARBITER, contacts, ledger, at=AT, run_id=engine).rows()
        assert {row[4]: row[10] for row in rows if row[8] != "granted"} == stopped
        ledger.release(run_id=engine)


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [({"channel": " EMAIL"}, {"offer", "note"}), ({"topic": "Promo"}, {"offer", "ping"})],
)
def test_words_are_read_in_the_playbooks_own(scope, stopped):
    """However a desk or a log writes a channel or topic: an opt-out wins over what the row says in other letters."""
    ledger = MemoryLedger()
    anna = Contact(id="anna", consent={"Email": True, "sms": True}, topic_consent={"PROMO": True})
    held = ARBITER.decide(anna, at=AT, ledger=ledger)
    ledger.opt_out("anna", at=AT, **scope)
    checks = [ledger.release_check(own, anna, AT, arbiter=ARBITER) for own in ledger.reservations("anna")]
    assert {check.reservation.campaign for check in checks if not check} == stopped
    ledger.release(held)
    for engine in ENGINES:
        contacts = [{"contact_id": "anna", "consent": ["Email", "sms"], "topic_consent_promo": True}]
        rows = Run(engine, ARBITER, contacts, ledger, at=AT, run_id=engine).rows()
        assert {row[4] for row in rows if row[8] != "granted"} == stopped
        ledger.release(run_id=engine)
    assert {
        row.campaign for row in ARBITER.decide(anna, at=AT, ledger=ledger).rows if row.reason != "granted"
    } == stopped


MISSPELT = [
    ({"channel": "e-mail"}, "email", {"offer", "note"}),
    ({"topic": "promos"}, "promo", {"offer", "ping"}),
]


@pytest.mark.parametrize(("scope", "meant", "stopped"), MISSPELT)
def test_a_misspelt_opt_out_holds_for_the_nearest_word_and_is_told(ledger, scope, meant, stopped):
    """It takes the careful case in every way to decide; the summary of a run names it, and what it was taken for."""
    held = ARBITER.decide(ANNA, at=AT, ledger=ledger)
    ledger.opt_out("anna", at=AT, **scope)
    checks = [ledger.release_check(own, ANNA, AT, arbiter=ARBITER) for own in ledger.reservations("anna")]
    assert {check.reservation.campaign for check in checks if not check} == stopped
    ledger.release(held)
    ((kind, word),) = scope.items()
    for engine in ENGINES:
        run = Run(engine, ARBITER, [{"contact_id": "anna", "consent": ["email", "sms"]}], ledger, at=AT, run_id=engine)
        assert {row[4] for row in run.rows() if row[8] != "granted"} == stopped
        (told,) = [found for found in run.job.summary().mismatches if found.table == "ledger"]
        assert (told.column, told.kind, told.found, told.rows, told.expected) == (kind, "unknown", word, 1, meant)
        assert f"the opt-out holds for '{meant}' too" in str(told)
        ledger.release(run_id=engine)
    decision = ARBITER.decide(ANNA, at=AT, ledger=ledger, key="now")
    assert {row.campaign for row in decision.rows if row.reason != "granted"} == stopped


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("scope", "meant", "stopped"), MISSPELT)
def test_a_misspelt_opt_out_after_a_run_began_is_decided_again(engine, scope, meant, stopped):
    """Who has opted out since is decided again with the careful case."""
    ledger = MemoryLedger()
    run = Run(engine, ARBITER, [{"contact_id": "anna", "consent": ["email", "sms"]}], ledger, at=AT)
    ledger.opt_out("anna", at=AT, **scope)
    assert {row[4] for row in run.rows() if row[8] != "granted"} == stopped, meant
    assert not any("stay reserved" in note for note in run.told_notes())


@pytest.mark.parametrize(("scope", "meant", "stopped"), MISSPELT)
def test_a_misspelt_opt_in_allows_nothing(ledger, scope, meant, stopped):
    """A yes takes back only what it names: not the nearest word, nor a no of it."""
    ((kind, _),) = scope.items()
    ledger.opt_out("anna", at=AT, **{kind: meant})
    ledger.opt_in("anna", at=AT + timedelta(hours=1), **scope)
    decision = ARBITER.decide(ANNA, at=AT, ledger=ledger)
    assert {row.campaign for row in decision.rows if row.reason != "granted"} == stopped


@pytest.mark.parametrize("engine", ENGINES)
def test_words_of_the_ledger_that_are_near_none_are_told_and_stop_nothing(engine):
    """Other playbooks may write them; one in other letters is read as the playbook's own."""
    ledger = MemoryLedger()
    for who in ("anna", "ben"):
        ledger.opt_out(who, at=AT, channel="whatsapp")
    ledger.opt_out("ben", at=AT, topic="weekly digest")
    ledger.opt_out("ben", at=AT, topic="Promo")
    run = Run(engine, ARBITER, [{"contact_id": "anna", "consent": ["email", "sms"]}], ledger, at=AT)
    assert {row[8] for row in run.rows()} == {"granted"}
    told = {(own.column, own.kind, own.found, own.rows, own.expected) for own in run.job.summary().mismatches}
    assert told == {
        ("channel", "unknown", "whatsapp", 2, None),
        ("topic", "unknown", "weekly digest", 1, None),
        ("topic", "folded", "Promo", 1, "promo"),
    }


def test_the_topic_of_a_contact_who_is_forgotten_stays(ledger):
    """Under a hash; and what was said of everything else is not touched by it."""
    ledger.opt_out("anna", topic="promo", at=DAY)
    assert ledger.forget("anna")["opt_outs_kept"] == 1
    (no,) = ledger.opt_outs("anna")
    assert (no.contact, no.topic) == (None, "promo")
    assert {row.campaign: str(row.outcome) for row in ARBITER.decide(ANNA, at=AT, ledger=ledger).rows} == {
        "note": "granted",
        "offer": "denied",
        "ping": "denied",
    }


def test_a_word_is_about_one_thing():
    """More than one scope in one word is refused, and so is an empty name."""
    ledger = MemoryLedger()
    for scope in ({"channel": "sms", "topic": "x"}, {"channel": "sms", "suppressed": True}):
        with pytest.raises(ModelError, match="at most one of channel, topic and suppressed"):
            ledger.opt_out("anna", at=AT, **scope)
        with pytest.raises(ModelError, match="at most one"):
            ledger.opt_in("anna", at=AT, **scope)
    with pytest.raises(ModelError, match="topic must be a text that is not empty"):
        ledger.opt_out("anna", at=AT, topic="")
    assert OptOut is ConsentWord


def test_a_log_whose_words_lack_their_scope():
    """A no is then one of more; a yes is a bad row, since it would take back what nobody took back."""
    ledger = MemoryLedger()
    nobody = {"channel": None, "topic": None}
    rows = [
        row({"topic": "promo"}, 1, False, "a") | nobody | {"channel": "sms"},
        row({"topic": "promo"}, 1, False, "b") | nobody,
        row({"channel": "sms"}, 1, False, "c") | nobody,
        row({"topic": "promo"}, 1, False, "d") | {"topic": "promo; news"},
    ]
    assert ledger.import_log(rows, LOG).opt_outs == 4
    assert [answer(ledger, who) for who in "abcd"] == [
        [("channel sms", 1)],
        [("everything", 1)],
        [("everything", 1)],
        [("topic news", 1), ("topic promo", 1)],
    ]
    ledger.opt_out("a", at=DAY)
    found = ledger.import_log(
        [
            row({"topic": "x"}, 2, True, "a") | nobody,
            row({"channel": "x"}, 2, True, "a") | nobody,
            row({}, 3, True, "b"),
        ],
        LOG,
    )
    assert [bad.field for bad in found.bad_first] == ["topic", "channel"]
    assert (found.opt_ins, answer(ledger, "a"), answer(ledger, "b")) == (1, [("everything", 0), ("channel sms", 1)], [])
    assert str(found).splitlines()[0].endswith("1 opt-ins")


def test_what_a_map_may_say_of_words():
    """The scope is one of three, of words alone; and topics need their column."""
    base = {"contact": "c", "at": "t", "event": "e", "message": "m"}
    for meaning, message in (
        ({"status": "opted_out", "scope": "every"}, "scope is one of all, channel, topic"),
        ({"status": "sent", "scope": "all"}, "beside status opted_out or opted_in"),
        ({"status": "suppressed", "scope": "all"}, "beside status opted_out or opted_in"),
        ({"status": "opted_out", "scope": "topic"}, "give topic, the column with the topics"),
    ):
        with pytest.raises(ModelError, match=message):
            SendLog.of({**base, "events": {"x": meaning}})


def test_messages_of_a_log_bring_their_topics():
    """The column of topics says what a message is about, too."""
    ledger = MemoryLedger()
    log = {"contact": "c", "at": "t", "topic": "about", "message": "m", "channel_is": "email"}
    ledger.import_log([{"c": "anna", "t": AT, "m": 1, "about": "promo;news"}], log)
    assert ledger.touches("anna")[0].topics == ("promo", "news")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_reads_words_as_of_its_beginning(ledger, engine):
    """By their instants, of those that it knew; an older no that comes later changes nothing, a newer one does."""
    ledger.opt_out("a", at=DAY)
    ledger.opt_in("b", at=DAY + timedelta(days=5))
    contacts = [{"contact_id": who, "consent": ["email", "sms"]} for who in "abc"]

    run = Run(engine, ARBITER, contacts, ledger, at=AT)
    ledger.opt_in("a", at=DAY + timedelta(days=1))
    ledger.opt_out("b", at=DAY + timedelta(days=4))
    ledger.opt_out("c", topic="promo", at=DAY)
    wanted = {("b", "offer"), ("b", "note"), ("b", "ping"), ("c", "note")}
    rows = run.rows()
    assert {(row[2], row[4]) for row in rows if row[8] == "granted"} == wanted
    assert [note[:40] for note in run.told_notes()] == ["ledger: 1 contacts were decided again, since"[:40]]
    assert Run(engine, ARBITER, contacts, ledger, at=AT).rows() == rows, "begun again it ends alike"


def test_words_on_the_command_line(tmp_path, capsys, monkeypatch):
    """Said, taken back, shown; what does not go together is refused."""
    monkeypatch.chdir(tmp_path)
    url = "sqlite:///l.db"
    main(["ledger", "upgrade", url])
    capsys.readouterr()
    late, early = ("--at", "2026-11-06T10:00:00Z"), ("--at", "2026-11-04T10:00:00Z")
    assert main(["ledger", "opt-out", url, "anna", "--topic", "promo", *late]) == 0
    assert main(["ledger", "opt-in", url, "anna", "--topic", "promo", *early]) == 0
    assert main(["ledger", "opt-out", url, "anna", "--channel", "sms", *early]) == 0
    assert main(["ledger", "opt-in", url, "anna", "--channel", "sms"]) == 0
    assert main(["ledger", "opt-out", url, "anna", "--suppressed"]) == 0
    promo = "anna: opt-outs that hold: topic promo"
    assert capsys.readouterr().out.splitlines() == [
        promo,
        promo,
        "anna: opt-outs that hold: channel sms, topic promo",
        promo,
        f"{promo}, suppressed",
    ]
    assert main(["ledger", "show", url, "anna"]) == 0
    assert capsys.readouterr().out.startswith("anna has opted out of topic promo: said at 2026-11-06T10:00:00+00:00\n")
    assert main(["ledger", "opt-out", url, "anna", "--topic", "x", "--channel", "y"]) == 2
    assert "not allowed with" in capsys.readouterr().err
    assert main(["ledger", "opt-out", url, "anna", "--topic", ""]) == 2
    assert "the topic is empty" in capsys.readouterr().err
