"""``--log-format json``: what commands say on standard error, as lines of JSON."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
import threading
import warnings
from datetime import datetime
from pathlib import Path

import pytest

from journeykit.basics.watch import LOG, Watch
from journeykit.cli import DATA, DONE, PLAYBOOK, USAGE, main
from journeykit.cli.json_log import JsonLog, json_log, tell

OWN = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "sale", "content": ["note"]}],
    "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
}
WHEN = ("--at", "2026-11-05T10:00:00Z")
FORMAT = ("--log-format", "json")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(OWN))
    Path("c.csv").write_text("contact_id,consent\nanna,email\nmüller,email\n,email\n")


def said(capsys):
    """The lines of the log; each has the same four keys first."""
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for line in found:
        assert [*line][:4] == ["time", "level", "event", "message"]
        assert datetime.fromisoformat(line["time"]).tzinfo is not None
        assert line["level"] in ("debug", "info", "warning", "error")
    return found


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_run_says_its_phases_and_its_summary(capsys, engine):
    """Each phase as it begins and ends, with seconds; the numbers of the summary are fields."""
    words = ["decide", "own.json", "--contacts", "c.csv", *WHEN, "--engine", engine, "--out", "d.csv"]
    assert main([*words, *FORMAT]) == DONE
    found = said(capsys)
    phases = [(line["event"], line["phase"]) for line in found if line["event"].startswith("phase")]
    assert phases[0] == ("phase_began", "reading")
    assert phases[-1] == ("phase_ended", "deciding")
    assert all("seconds" in line for line in found if line["event"] == "phase_ended")
    (summary,) = (line for line in found if line["event"] == "summary")
    assert (summary["level"], summary["contacts"], summary["bad_rows"], summary["written"]) == ("info", 2, 1, 2)
    assert summary["outcomes"] == {"granted": 2}
    assert summary["message"].startswith("run ")
    assert main(words) == DONE
    assert capsys.readouterr().err.startswith("run ")


def test_the_option_comes_anywhere(capsys):
    """Before the command, after it, with an equals sign; what is printed as JSON stays on standard output."""
    words = ["decide", "own.json", "--contacts", "c.csv", *WHEN, "--out", "d.csv", "--json"]
    for given in ([*FORMAT, *words], [*words, "--log-format=json"], ["decide", *FORMAT, *words[1:]]):
        assert main(given) == DONE
        told = capsys.readouterr()
        assert json.loads(told.out)["schema"] == "journeykit.summary/1"
        assert [json.loads(line)["event"] for line in told.err.splitlines()][-1] == "summary"
    assert main([*words, "--log-format", "text"]) == DONE
    assert capsys.readouterr().err == ""


def test_the_option_is_given_once_and_whole(capsys):
    """What would be taken for it and do nothing is refused, and so is a second one."""
    assert main(["check", "own.json", "--log-format", "json", "--log-format=text"]) == USAGE
    assert "argument --log-format: given twice; it takes one value" in capsys.readouterr().err
    for words in (["--log-form", "json", "check", "own.json"], ["--log=json", "check", "own.json"]):
        assert main(words) == USAGE


def test_a_quiet_run_says_errors_alone(capsys):
    """Neither phases nor the summary."""
    words = ["decide", "own.json", "--contacts", "c.csv", *WHEN, "--out", "d.csv", "--quiet", *FORMAT]
    assert main(words) == DONE
    assert said(capsys) == []
    assert main([*words, "--max-bad", "0"]) == DATA
    assert [(line["level"], line["event"], line["code"]) for line in said(capsys)] == [("error", "failed", DATA)]


@pytest.mark.parametrize(
    ("words", "code", "fields"),
    [
        (["decide", "own.json", "--contacts", "no.csv", *WHEN, "--out", "d.csv"], DATA, {"source": "no.csv"}),
        (["decide", "own.json", *WHEN, "--out", "d.csv"], USAGE, {"error": "UsageError"}),
        (["decide", "own.json", "--contcts", "x"], USAGE, {}),
        (["decide"], USAGE, {}),
        (["check", "bad.json"], PLAYBOOK, {"error": "PlaybookError"}),
        (["check", "own.json", "--log-format", "xml"], USAGE, {}),
    ],
)
def test_an_error_is_one_line_with_its_parts(capsys, words, code, fields):
    """The exit code, the kind of error, the file and the field."""
    Path("bad.json").write_text(json.dumps({"campaigns": [{"id": "a", "tema": "x"}]}))
    is_text = "--log-format" in words
    assert main([*words, *(() if is_text else FORMAT)]) == code
    if is_text:
        assert capsys.readouterr().err == "journeykit: --log-format is 'xml'; allowed are text, json\n"
        return
    (line,) = (line for line in said(capsys) if line["level"] == "error")
    assert (line["event"], line["code"]) == ("failed", code)
    assert line.items() >= fields.items()
    assert line["message"]
    assert "problems" in line or code != PLAYBOOK


def test_what_is_printed_is_a_line_whatever_it_holds():
    """Several lines of one text are one record; letters come through any encoding; pieces wait for their end."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    log = JsonLog(stream)
    print("warning: Љубица\nsecond \ud800 line", file=log)
    print("a", "b", file=log)
    log.write("no end")
    assert not log.isatty()
    log.close()
    found = [json.loads(line) for line in raw.getvalue().decode().splitlines()]
    assert [(line["level"], line["message"]) for line in found] == [
        ("warning", "Љубица\nsecond \ud800 line"),
        ("info", "a b"),
        ("info", "no end"),
    ]


def test_warnings_of_others_are_warnings(capsys):
    """Those of Python, and what other libraries log; not what they log for their own sake."""
    shows = warnings.showwarning
    with json_log(quiet=False), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("a column\nis old", stacklevel=1)
        logging.getLogger("other").warning("slow\nly")
        logging.getLogger("other").info("nothing")
    found = [(line["level"], line["event"]) for line in said(capsys)]
    assert found == [("warning", "log")] * 2
    assert warnings.showwarning is shows


def test_threads_write_whole_lines(capsys):
    """A word of the heartbeat does not cut another line."""
    with json_log(quiet=False):
        jobs = [threading.Thread(target=lambda: [tell("info", "x", "y" * 99) for _ in range(200)]) for _ in range(4)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    assert len(said(capsys)) == 800


def test_progress_has_numbers(capsys):
    """How many contacts are done, and of how many."""
    level, handlers = LOG.level, list(LOG.handlers)
    with json_log(quiet=False):
        watch = Watch(every=0.0)
        watch.begin("deciding")
        watch.count(5, 10)
    (line,) = (line for line in said(capsys) if line["event"] == "progress")
    assert (line["phase"], line["contacts"], line["of"]) == ("deciding", 5, 10)
    assert (LOG.level, LOG.handlers) == (level, handlers)
    assert not isinstance(sys.stderr, JsonLog)
    logging.getLogger("journeykit").info("nobody listens")
    assert capsys.readouterr().err == ""


def test_a_signal_is_a_line_too():
    """Also where nobody waits for the end of the work."""
    code = "import sys, time; from journeykit.cli import main; import journeykit.cli.check_command as c\n"
    code += "print('x', flush=True); sys.exit(main())"
    words = [sys.executable, "-c", code, "decide", "own.json", "--contacts", "-", *WHEN, "--out", "d.csv", *FORMAT]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as work:
        assert work.stdout is not None
        assert work.stdout.readline() == b"x\n"
        # It reads what never comes.
        threading.Event().wait(0.5)
        work.send_signal(signal.SIGTERM)
        _, told = work.communicate()
    (line,) = (json.loads(line) for line in told.decode().splitlines() if '"error"' in line)
    assert (line["event"], line["code"]) == ("failed", 143)
    assert work.returncode == 143
