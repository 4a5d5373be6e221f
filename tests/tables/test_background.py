"""Writing goes on beside deciding: what goes wrong is told, and what is stopped leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journeykit.basics.threads import Background, at_once, is_busy


def test_things_are_worked_on_in_order_and_errors_are_told():
    """An error of the thread is raised in that of the caller; nothing is worked on after it."""
    found = []

    def work(number):
        if number == 2:
            raise OSError(28, "No space left on device")
        found.append(number)

    def write():
        with Background(work) as background:
            for number in range(100):
                background.put(number)

    with pytest.raises(OSError, match="No space left"):
        write()
    assert found == [0, 1]


class _Kept:
    """A thing that says whether Python waits for its end, as it does for that of what its main thread has."""

    def __init__(self, seen):
        self.seen = seen

    def __del__(self):
        self.seen.append(is_busy() or threading.current_thread() is threading.main_thread())


def test_python_waits_until_things_are_let_go():
    """Compiled code may be what lets a thing go: a thread that does so while Python ends would end it with an error."""
    seen: list[bool] = []
    with Background(lambda _: None) as background:
        for _ in range(5):
            background.put(_Kept(seen))
    assert list(at_once(lambda _: None, (_Kept(seen) for _ in range(5)), 2)) == [None] * 5
    until = time.monotonic() + 10
    while len(seen) < 10 and time.monotonic() < until:
        time.sleep(0.01)
    assert seen == [True] * 10


def test_where_the_caller_fails_what_waits_is_let_go():
    """Only what is being worked on is waited for."""
    found, began, goes_on = [], threading.Event(), threading.Event()

    def work(number):
        began.set()
        goes_on.wait(10)
        found.append(number)

    def fail():
        with Background(work, ahead=5) as background:
            for number in range(3):
                background.put(number)
            began.wait(10)
            threading.Timer(0.1, goes_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert found == [0]


ENDS_EARLY = """
import time
from journeykit.basics.threads import at_once
results = at_once(lambda number: time.sleep(0.3) or print(number, flush=True), range(9), 2)
next(results)
raise KeyboardInterrupt
"""


def test_python_waits_for_what_threads_are_doing_when_it_ends():
    """A thread that comes back from compiled code into a Python that is gone would end the process with an error."""
    done = subprocess.run([sys.executable, "-c", ENDS_EARLY], capture_output=True, text=True, check=False, timeout=60)
    assert "KeyboardInterrupt" in done.stderr
    assert 2 <= len(done.stdout.replace("\n", "")) <= 4, "what had begun, and nothing more"
    assert done.returncode in (130, -2)


LEAN = """
import sys
from journeykit.cli import main
code = main(sys.argv[1:])
found = {"pandas", "polars", "scipy", "pyarrow.dataset", "duckdb"} & sys.modules.keys()
assert not found, found
sys.exit(code)
"""


def test_a_job_over_files_loads_no_library_of_dataframes(tmp_path):
    """Each of them takes longer to load than a thousand contacts to decide."""
    campaigns = [{"id": "launch", "content": ["note"], "audience": "score >= 40 and city == 'Skopje'"}]
    playbook = {"content": [{"id": "note", "channel": "email"}], "campaigns": campaigns}
    (tmp_path / "playbook.json").write_text(json.dumps(playbook))
    people = {"contact_id": ["anna", "ben"], "score": [50, 30], "city": ["Skopje", "Bitola"]}
    pq.write_table(pa.table(people), tmp_path / "c.parquet")
    touches = {"contact_id": ["anna"], "sent_at": ["2026-11-04T10:00Z"], "channel": ["email"]}
    pq.write_table(pa.table(touches), tmp_path / "t.parquet")
    command = ["decide", "playbook.json", "--contacts", "c.parquet", "--touches", "t.parquet", "--engine", "columns"]
    command += ["--at", "2026-11-05T10:00Z", "--out", "d.parquet"]
    done = subprocess.run(
        [sys.executable, "-c", LEAN, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize(("ending", "end", "code"), [("csv", signal.SIGTERM, 143), ("parquet", signal.SIGINT, 130)])
def test_a_job_that_is_stopped_while_it_writes_ends_at_once(tmp_path, ending, end, code):
    """The output does not appear, and nothing is left beside it."""
    campaigns = [{"id": f"k{number}", "content": ["note"], "repeat": None} for number in range(10)]
    playbook = {"content": [{"id": "note", "channel": "email"}], "campaigns": campaigns}
    (tmp_path / "playbook.json").write_text(json.dumps(playbook))
    people = pa.array([f"c{number:07}" for number in range(200_000)])
    pq.write_table(
        pa.table({"contact_id": people, "consent_email": pa.repeat(True, len(people))}), tmp_path / "c.parquet"
    )
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "journeykit", "decide", "playbook.json", "--contacts", "c.parquet"]
    command += ["--at", "2026-11-05T10:00Z", "--engine", "columns", "--all", "--out", f"out/d.{ending}"]
    work = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ})
    while not any(own.stat().st_size > 4 for own in (tmp_path / "out").glob(".*.tmp")):
        assert work.poll() is None, work.communicate()[1]
        time.sleep(0.005)
    began = time.monotonic()
    work.send_signal(end)
    said = work.communicate(timeout=60)[1]
    assert time.monotonic() - began < 10
    assert work.returncode == code
    assert "no output was written" in said
    assert not list((tmp_path / "out").iterdir())


SLOW = """
import sys, time
from contextlib import contextmanager
from journeykit.tables import folder_output
from journeykit.tables.arrow import text_lines, write_decisions
inside = []
def watched(owner, name):
    own = getattr(owner, name)
    @contextmanager
    def watch(*args):
        with own(*args) as given:
            try:
                yield given
            finally:
                if inside:
                    print("closed while it is written to", file=sys.stderr)
    setattr(owner, name, watch)
watched(write_decisions, "output_file")
watched(folder_output, "whole_folder")
def slowed(owner, name):
    own = getattr(owner, name)
    def slow(*args):
        inside.append(True)
        print("writes", flush=True)
        time.sleep(0.4)
        inside.clear()
        return own(*args)
    setattr(owner, name, slow)
slowed(write_decisions.ParquetGroups, "_write_group")
slowed(text_lines.TextLines, "lines")
from journeykit.cli import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize(
    ("out", "ends", "code"),
    [
        # Each kind of output, and each way to end: one has nothing to do with the other.
        ("d.parquet", [signal.SIGINT], 130),
        ("d.csv", [signal.SIGTERM], 143),
        ("d.jsonl", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM], 129),
        ("folder", [signal.SIGINT], 130),
        ("folder", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM], 129),
    ],
)
def test_who_closes_the_output_waits_until_nobody_writes_to_it(tmp_path, out, ends, code):
    """The thread is writing and the caller waits for it: it is the first signal that counts, and nothing is left."""
    playbook = {
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": "k", "content": ["note"], "repeat": None}],
    }
    (tmp_path / "playbook.json").write_text(json.dumps(playbook))
    people = pa.array([f"c{number:07}" for number in range(70_000)])
    pq.write_table(pa.table({"contact_id": people}), tmp_path / "c.parquet")
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-c", SLOW, "decide", "playbook.json", "--contacts", "c.parquet", "--quiet", "--all"]
    command += ["--at", "2026-11-05T10:00Z", "--engine", "columns", "--out", f"out/{out}"]
    command += ["--partition", "channel"] if out == "folder" else []
    work = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert work.stdout.readline() == "writes\n"
    for end in ends:
        time.sleep(0.1)
        work.send_signal(end)
    said = work.communicate(timeout=60)[1]
    assert work.returncode == code, said
    assert said.count("\n") == 1
    assert said.endswith("; no output was written\n"), "without a ledger nothing is said of one"
    assert not list((tmp_path / "out").iterdir())


def test_a_second_interrupt_does_not_end_the_waiting():
    """The thread has left its work when the interrupt is raised, however often there is one."""
    found, began = [], threading.Event()

    def work(number):
        began.set()
        time.sleep(0.4)
        found.append(number)

    def interrupt():
        began.wait(10)
        for _ in range(3):
            time.sleep(0.1)
            signal.raise_signal(signal.SIGINT) if sys.platform == "win32" else signal.pthread_kill(
                threading.main_thread().ident, signal.SIGINT
            )

    def write():
        with Background(work) as background:
            background.put(1)
            background.put(2)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        write()
    assert found == [1]
    interrupting.join()


STUCK = """
import threading, time
from journeykit.basics import stopping
from journeykit.cli import main as cli
from journeykit.tables.files import whole_file
stopping._LONGEST = 0.3
class Closing:
    def __enter__(self): ...
    def __exit__(self, *_):
        print("closes", flush=True)
        time.sleep(60)
def run(*_):
    with whole_file("out/d.csv"), Closing():
        pass
import sys
module = sys.modules["journeykit.cli.main"]
module._run = run
sys.exit(module.main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_process_that_cannot_close_ends_all_the_same(tmp_path):
    """It does not wait for ever, as for a pipe that nobody reads; what it was writing is removed."""
    (tmp_path / "out").mkdir()
    work = subprocess.Popen(
        [sys.executable, "-c", STUCK, "decide", "--ledger", "memory://"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert work.stdout.readline() == "closes\n"
    work.send_signal(signal.SIGTERM)
    said = work.communicate(timeout=30)[1]
    assert work.returncode == 143
    assert "ended by SIGTERM; no output was written; what the ledger has reserved by then stays" in said
    assert not list((tmp_path / "out").iterdir())
