"""Processes that crowd and die, for the tests of the ledger.

    python ledger_worker.py crowd URL
    python ledger_worker.py seats URL
    python ledger_worker.py tangle URL
    python ledger_worker.py kill ENGINE URL SHARE...

Everything is loaded once; what crowds and dies are forks of this process.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sqlalchemy import event

from journeykit import Arbiter, Cap, Claim, Contact, Playbook, Window
from journeykit.job import Inputs, Job
from journeykit.ledger import Ledger, MemoryLedger, ledger_run
from journeykit.ledger.reservation import added_up

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PROCESSES, CROWDED = 32, 40
PEOPLE, PIECE = 160, 40
PATIENCE = 900
TWO = Arbiter(Playbook(caps=[Cap(name="two", max=2, window=Window.ever())]))
NIGHT = Arbiter(
    Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": f"c{n}", "content": ["note"], "weight": n + 1} for n in range(3)],
            "caps": [{"name": "two a week", "max": 2, "window": {"rolling": "7d"}}],
        }
    )
)


def contacts():
    return [{"contact_id": f"p{number}", "consent": "email"} for number in range(PEOPLE)]


def fork(work):
    """Run something in a process of its own; its id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:  # noqa: BLE001  (a fork must never go on with its parent's work)
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def wait(child):
    """How a process ended: its exit code, or less than 0 for the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def load(url):
    """Let a forked process find all modules loaded: the database's driver, and what decides and reserves."""
    with Ledger(url) as ledger:
        ledger.stats()
    TWO.decide(Contact(id="x"), claims=[Claim(campaign="x", channel="email")], at=AT, ledger=MemoryLedger())
    gc.freeze()


# A crowd


def crowd(url):
    """Many processes ask for the same contacts, each in an order of its own."""

    def ask(number):
        ledger = Ledger(url, patience=PATIENCE)
        names = [f"p{contact}" for contact in range(CROWDED)]
        Random(number).shuffle(names)
        claim = Claim(campaign=f"c{number}", channel="email", weight=1)
        for name in names:
            TWO.decide(Contact(id=name, consent=["email"]), claims=[claim], at=AT, ledger=ledger)
        ledger.close()

    load(url)
    children = [fork(lambda number=number: ask(number)) for number in range(PROCESSES)]
    codes = {wait(child) for child in children}
    sys.exit(0 if codes == {0} else 1)


# Quotas

SEATS = Arbiter(
    Playbook.from_dict({"quotas": [{"name": "seats", "max": 4, "where": {"campaign": "meetup"}, "window": "ever"}]})
)
_COUNTED = [
    {"name": "calls", "max": 30, "where": {"campaign": ["c0", "c1"]}, "window": {"calendar": "day", "zone": "UTC"}},
    {"name": "budget", "max": 40, "of": "cost", "window": "ever"},
    {"name": "seats", "max": 9, "where": {"campaign": ["c1", "c2"]}, "window": {"calendar": "week", "zone": "UTC"}},
    {"name": "all", "max": 70, "window": {"between": ["2026-11-01", "2026-11-30"], "zone": "UTC"}},
]
TANGLE = Arbiter(
    Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [
                {"id": f"c{n}", "content": ["note"], "weight": n + 1, "cost": 0.5, "repeat": None} for n in range(3)
            ],
            "caps": [{"name": "six", "max": 6, "window": {"rolling": "7d"}, "per": "account"}],
            "quotas": _COUNTED,
        }
    )
)


def seats(url):
    """Many processes ask for a few seats; how many were granted."""

    def ask(number):
        with Ledger(url, patience=PATIENCE) as ledger:
            claim = Claim(campaign="meetup", channel="email", weight=1)
            for turn in range(3):
                anna = Contact(id=f"p{number}-{turn}", consent=["email"])
                SEATS.decide(anna, claims=[claim], at=AT, ledger=ledger)

    with Ledger(url, patience=PATIENCE) as ledger:
        ledger.upgrade()
    load(url)
    children = [fork(lambda number=number: ask(number)) for number in range(PROCESSES)]
    codes = {wait(child) for child in children}
    with Ledger(url) as ledger:
        sys.stdout.write(f"{sum(ledger.stats()['touches'].values())}\n")
    sys.exit(0 if codes == {0} else 1)


def tangle(url):
    """Decisions, moves and jobs at once; then what the ledger counts, and what its messages come to."""

    def work(number):
        random = Random(number)
        with Ledger(url, patience=PATIENCE) as ledger:
            ids = []
            for turn in range(12):
                account = f"a{random.randint(0, 3)}"
                people = [Contact(id=f"{account}-{own}", account=account, consent=["email"]) for own in range(4)]
                some = random.sample(people, random.randint(1, 3))
                if random.random() < 0.1:
                    rows = [{"contact_id": who.id, "account_id": account, "consent_email": True} for who in some]
                    TANGLE.decide_table(rows, at=AT, ledger=ledger, run_id=f"{number} {turn}")
                else:
                    found = TANGLE.decide_account(some, at=AT, ledger=ledger)
                    ids += [row.decision_id for own in found for row in own.rows if row.outcome == "granted"]
                random.shuffle(ids)
                (ledger.release if random.random() < 0.7 else ledger.confirm)(ids[:2])

    with Ledger(url, patience=PATIENCE) as ledger:
        ledger.upgrade()
    load(url)
    children = [fork(lambda number=number: work(number)) for number in range(8)]
    codes = {wait(child) for child in children}
    with Ledger(url) as ledger, ledger.reading() as transaction:
        held = [own.uses for own in transaction.all_touches() if own.counts]
        wanted = {name: use for name, use in added_up(held).items() if use}
        used = {name: use for name, use in transaction.used((), list(wanted)).items() if use}
    sys.stdout.write(f"{sorted(used.items())}\n{sorted(wanted.items())}\n")
    most = {own["name"]: own["max"] * 10**9 for own in _COUNTED}
    sys.exit(0 if codes == {0} and all(use <= most[key.split()[-1]] for key, use in used.items()) else 1)


# Deaths


def night(engine, url, out, at_event=None):
    """A run over tables, which dies at an event of its connections where one is given; how many there were."""
    ledger = Ledger(url, patience=PATIENCE)
    count = 0

    def step(*_):
        nonlocal count
        if count == at_event:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    for name in ("before_cursor_execute", "after_cursor_execute", "commit", "rollback"):
        event.listen(ledger.engine, name, step)
    if engine == "one":
        Job(NIGHT, Inputs(contacts=contacts()), at=AT, run_id="night", ledger=ledger).write(out)
    else:
        from journeykit.job import TableJob

        TableJob(NIGHT, contacts(), at=AT, run_id="night", ledger=ledger).write(out)
    ledger.close()
    return count


def kill(engine, url, shares):
    """Begin a run and kill it after each of the shares of its events; then let it end.

    Between two events of its connections nothing changes in a ledger: to die there is to die before the next one.
    A run that goes on needs fewer statements than the first, since much is reserved already: where it ends before
    the event at which it would have died, it is killed half as far on, so that each share is one death.
    """
    ledger_run.PIECE = PIECE
    folder = Path(os.environ["WORK"])
    undisturbed, other = os.environ["UNDISTURBED"], folder / "undisturbed.csv"
    events = night(engine, undisturbed, other)
    sys.stdout.write(f"{events} events\n")
    sys.stdout.flush()
    out = folder / "out.csv"
    deaths = 0
    for share in map(float, shares):
        at = int(share * events)
        while wait(fork(lambda at=at: night(engine, url, out, at))) != -signal.SIGKILL:
            out.unlink(missing_ok=True)
            at //= 2
        deaths += 1
        out.unlink(missing_ok=True)
    night(engine, url, out)
    same = out.read_bytes() == other.read_bytes()
    sys.stdout.write(f"deaths {deaths}, same {same}\n")


if __name__ == "__main__":
    if sys.argv[1] in ("crowd", "seats", "tangle"):
        {"crowd": crowd, "seats": seats, "tangle": tangle}[sys.argv[1]](sys.argv[2])
    else:
        kill(sys.argv[2], sys.argv[3], sys.argv[4:])
