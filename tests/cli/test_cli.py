"""The command line: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from journeykit import __version__, cli
from journeykit.cli import main, progress_bar

PLAYBOOK = """
{"teams": [{"name": "events"}, {"name": "community"}],
 "content": [{"id": "invitation", "channel": "email"}, {"id": "check-in", "channel": "email"}],
 "campaigns": [
   {"id": "meetup", "team": "events", "content": ["invitation"], "weight": 3, "audience": "city == 'Ohrid'"},
   {"id": "care", "team": "community", "content": ["check-in"], "weight": 0.5}],
 "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
 "on_missing": {"consent": "allow"}}
"""
AT = ("--at", "2026-11-05T10:00:00Z")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A directory with a playbook and two contacts, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("play.json").write_text(PLAYBOOK)
    Path("c.csv").write_text("contact_id,city,timezone\nanna,Ohrid,Europe/Skopje\nberta,Skopje,\n")


def decide(*more: str, contacts: str = "c.csv", out: str = "d.csv", playbook: str = "play.json") -> int:
    return main(["decide", playbook, "--contacts", contacts, *AT, "--out", out, *more])


def plan(*more: str, until: str = "2026-11-07T10:00:00Z", out: str = "d.csv") -> int:
    return main(["plan", "play.json", "--contacts", "c.csv", *AT, "--until", until, "--out", out, *more])


def rows(path: str = "d.csv") -> list[str]:
    return Path(path).read_text().splitlines()[1:]


def process(*arguments: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "journeykit", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


def leftovers() -> set[str]:
    return {path.name for path in Path().iterdir()} - {"play.json", "c.csv", "__pycache__"}


# decide


def test_decide_writes_granted_and_deferred_claims(capsys):
    """The decisions go to the file, the summary to standard error, nothing to standard output."""
    assert decide() == cli.DONE
    assert [row.split(",")[4] for row in rows()] == ["meetup", "care", "care"]
    output = capsys.readouterr()
    assert output.out == ""
    assert "2 contacts, 4 claims, 3 rows written" in output.err
    assert "\x1b" not in output.err


def test_all_adds_denied_claims():
    """With --all every claim has its row."""
    assert decide("--all") == cli.DONE
    assert len(rows()) == 4


def test_explain_fills_two_columns():
    """With --explain the columns displaced and needs have values."""
    assert decide("--explain") == cli.DONE
    granted, deferred, _ = (row.split(",") for row in rows())
    assert (granted[16], deferred[17]) == ("0.5", "3.0")


def test_json_prints_the_summary(capsys):
    """The summary as JSON goes to standard output."""
    assert decide("--json") == cli.DONE
    output = capsys.readouterr()
    assert json.loads(output.out)["outcomes"] == {"granted": 2, "deferred": 1, "denied": 1}
    assert output.err == ""


def test_a_run_has_the_name_it_is_given():
    """--run names the run; without it the name is a hash."""
    assert decide("--run", "night") == cli.DONE
    assert rows()[0].split(",")[1] == "night"
    assert decide() == cli.DONE
    assert len(rows()[0].split(",")[1]) == 16


def test_a_plan_reaches_until():
    """With --until, claims take slots of several days."""
    assert decide("--until", "2026-11-08T10:00:00Z") == cli.DONE
    assert [row.split(",")[8] for row in rows()].count("granted") == 3


def test_all_tables_are_read():
    """Touches fill caps, claims replace audiences, scores weigh."""
    Path("t.csv").write_text("contact_id,sent_at,channel\nanna,2026-11-05 09:00,email\n")
    Path("k.jsonl").write_text(
        '{"contact_id": "anna", "campaign_id": "care"}\n{"contact_id": "x", "campaign_id": "care"}'
    )
    Path("s.csv").write_text("contact_id,campaign_id,value\nanna,care,4\n")
    more = ("--touches", "t.csv", "--claims", "k.jsonl", "--scores", "s.csv", "--zone", "Europe/Skopje")
    assert decide(*more, "--all") == cli.DONE
    (row,) = rows()
    assert row.split(",")[9:13] == ["capped", "one a day", "", "2.0"]


def test_claims_alone_will_do():
    """With --claims the contacts may be left out."""
    Path("k.csv").write_text("contact_id,campaign_id\nzoe,care\n")
    assert main(["decide", "play.json", "--claims", "k.csv", *AT, "--out", "d.csv"]) == cli.DONE
    assert rows()[0].split(",")[2] == "zoe"


def test_standard_output_can_take_the_decisions(capfdbinary):
    """`--out -` prints them; the summary stays on standard error."""
    assert decide("--format", "jsonl", out="-") == cli.DONE
    lines = capfdbinary.readouterr().out.splitlines()
    assert [json.loads(line)["campaign_id"] for line in lines] == ["meetup", "care", "care"]


def test_a_device_is_written_as_it_stands():
    """`/dev/null` is no file to be replaced."""
    assert decide("--format", "csv", out=os.devnull) == cli.DONE
    assert not Path(os.devnull).is_file()


def test_own_policies_come_from_the_current_directory(capsys):
    """--policy gives the object of a module here the name that the playbook uses."""
    Path("house_policy.py").write_text(
        "class Flat:\n    def weigh(self, claim, contact, context):\n        return 7.0\nflat = Flat()\n"
    )
    Path("own.json").write_text(json.dumps(json.loads(PLAYBOOK) | {"policy": "flat"}))
    assert decide(playbook="own.json") == cli.USAGE
    assert "the playbook's policy is 'flat'" in capsys.readouterr().err
    assert decide("--policy", "flat=house_policy:flat", playbook="own.json") == cli.DONE
    assert rows()[0].split(",")[12] == "7.0"


# plan


CALENDAR = """\
Plan from Thu 2026-11-05 until Sat 2026-11-07: messages granted / claims deferred, by team.
Days are those of UTC, the playbook's zone; a contact's own may differ.

day             events  community  all
--------------  ------  ---------  ---
Thu 2026-11-05       1          1    2
Fri 2026-11-06       0          1    1
Sat 2026-11-07       0          0    0
later                -          -    -
all                  1          2    3
"""


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_plan_prints_its_calendar(capsys, engine):
    """The calendar goes to standard output, the summary to standard error, and the decisions to the file."""
    assert plan("--engine", engine) == cli.DONE
    output = capsys.readouterr()
    assert output.out == CALENDAR
    assert "2 contacts, 4 claims, 3 rows written" in output.err
    planned = Path("d.csv").read_bytes()
    assert decide("--until", "2026-11-07T10:00:00Z", "--engine", engine) == cli.DONE
    assert Path("d.csv").read_bytes() == planned


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_plan_draws_its_calendar(capsys, engine):
    """As SVG beside what it prints; with another ending nothing is decided."""
    pytest.importorskip("altair")
    assert plan("--engine", engine, "--calendar", "c.svg") == cli.DONE
    assert capsys.readouterr().out == CALENDAR
    assert "community sends 67 % of 3 messages" in " ".join(Path("c.svg").read_text("utf-8").split())
    assert plan("--calendar", "c.png", out="again.csv") == cli.USAGE
    assert "--calendar c.png: the ending of a picture is one of .svg, .html" in capsys.readouterr().err
    assert plan("--calendar", "c.csv", out="again.csv") == cli.USAGE
    assert not Path("again.csv").exists()


def test_a_plan_takes_what_decide_takes():
    """Denied claims, explanations and a name for the run."""
    assert plan("--all", "--explain", "--run", "two weeks") == cli.DONE
    assert len(rows()) == 4
    assert rows()[0].split(",")[1] == "two weeks"
    assert rows()[0].split(",")[16] == "0.0"


def test_json_prints_the_summary_of_a_plan_and_its_calendar(capsys):
    """Both as one object."""
    assert plan("--json") == cli.DONE
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert found["outcomes"] == {"granted": 3, "denied": 1}
    assert found["timezone"] == "UTC"
    assert len(found["calendar"]) == 6
    assert found["calendar"][0] == {"day": "2026-11-05", "team": "events", "granted": 1, "deferred": 0}
    assert found["later"] == {"events": 0, "community": 0}
    assert output.err == ""


def test_where_a_plan_is_printed_its_calendar_gives_way(capfd):
    """With `--out -` the decisions have the standard output for themselves."""
    assert plan("--format", "jsonl", out="-") == cli.DONE
    output = capfd.readouterr()
    assert [json.loads(line)["outcome"] for line in output.out.splitlines()] == ["granted"] * 3
    assert output.err.startswith(CALENDAR)
    assert "2 contacts" in output.err


def test_a_plan_that_fails_leaves_nothing_behind(capsys):
    """Neither a file nor a calendar."""
    Path("c.csv").write_text("contact_id,timezone\nanna,Mars\n")
    assert plan("--max-bad", "0") == cli.DATA
    assert plan(until="2026-11-01T10:00:00Z") == cli.USAGE
    assert plan("--json", "--format", "csv", out="-") == cli.USAGE
    assert capsys.readouterr().out == ""
    assert leftovers() == set()


def test_a_calendar_fits_the_terminal(monkeypatch):
    """Where there is one; what has no room there is told together."""
    many = json.loads(PLAYBOOK)
    many["teams"] += [{"name": f"office {number}"} for number in range(5)]
    Path("play.json").write_text(json.dumps(many))
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "55")
    assert plan("--engine", "one") == cli.DONE
    assert "day             events  community  5 others  all" in screen.text


# Exit codes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["dance"], "invalid choice: 'dance'"),
        (["decide", "play.json", "--contacts", "c.csv", *AT], "required: --out"),
        (["decide", "play.json", "--contacts", "c.csv", "--out", "d.csv"], "required: --at"),
        (["decide", "play.json", "--contacts", "c.csv", "--at", "2026-11-05T10:00", "--out", "d.csv"], "has no offset"),
        (["decide", "play.json", "--contacts", "c.csv", "--at", "today", "--out", "d.csv"], "is no instant"),
        (["decide", "play.json", *AT, "--out", "d.csv"], "give --contacts, or --claims, or both"),
        (["plan", "play.json", "--contacts", "c.csv", *AT, "--out", "d.csv"], "required: --until"),
        (["explain", "play.json", "--contacts", "c.csv", *AT], "required: --contact"),
        (["explain", "play.json", *AT, "--contact", "anna"], "give --contacts, or --claims, or both"),
    ],
)
def test_a_wrong_command_line_is_exit_2(capsys, arguments, message):
    """The message says what to write instead."""
    assert main(arguments) == cli.USAGE
    assert message in capsys.readouterr().err
    assert leftovers() == set()


@pytest.mark.parametrize(
    ("more", "out", "message"),
    [
        (("--until", "2026-11-01T10:00:00Z"), "d.csv", "--until lies before --at"),
        (("--zone", "Mars/Base"), "d.csv", "--zone: unknown time zone"),
        (("--max-bad", "-1"), "d.csv", "write a whole number from 0"),
        (("--policy", "flat"), "d.csv", "NAME=MODULE:OBJECT"),
        (("--policy", "flat=no_such_module:x"), "d.csv", "cannot be loaded: ModuleNotFoundError"),
        (("--policy", "flat=json:nothing"), "d.csv", "cannot be loaded: AttributeError"),
        (("--policy", "weighted=json:dumps"), "d.csv", "must be an object with a method weigh"),
        ((), "d.xlsx", "the ending of a table is one of"),
        (("--at", "0001-01-01T00:00:00Z"), "d.csv", "argument --at"),
        ((), "c.csv", "--out c.csv would overwrite the contacts"),
        ((), "play.json", "the ending of a table is one of"),
        (("--format", "csv"), "play.json", "would overwrite the playbook"),
        (("--format", "csv"), ".", "is a directory"),
        ((), "-", "needs --format"),
        (("--format", "csv", "--json"), "-", "both want the standard output"),
    ],
)
def test_wrong_choices_are_exit_2_before_any_work(capsys, more, out, message):
    """Nothing is written, and nothing is overwritten."""
    before = Path("c.csv").read_text()
    assert decide(*more, out=out) == cli.USAGE
    assert message in capsys.readouterr().err
    assert leftovers() == set()
    assert Path("c.csv").read_text() == before


def test_work_that_fails_is_exit_1(capsys):
    """A folder that is not there."""
    assert decide(out="nowhere/d.csv") == cli.FAILED
    assert capsys.readouterr().err == "journeykit: nowhere/d.csv: No such file or directory\n"


def test_either_engine_writes_the_same_rows():
    """With --engine one and --engine columns the files have the same bytes."""
    assert decide("--engine", "one", "--all", out="one.csv") == cli.DONE
    assert decide("--engine", "columns", "--all", out="columns.csv") == cli.DONE
    assert Path("one.csv").read_bytes() == Path("columns.csv").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to offer")
def test_a_full_disk_is_exit_1(capsys):
    """The message is the system's."""
    assert decide("--format", "csv", out="/dev/full") == cli.FAILED
    assert "No space left" in capsys.readouterr().err


def test_an_invalid_playbook_is_exit_3(capsys):
    """All its problems are listed at once."""
    Path("bad.json").write_text('{"caps": [{"name": "x"}], "reserv": 1}')
    for arguments in (["check", "bad.json"], ["graph", "bad.json"], ["explain", "bad.json", "--claims", "x", *AT]):
        assert main([*arguments, *(["--contact", "a"] if arguments[0] == "explain" else [])]) == cli.PLAYBOOK
        said = capsys.readouterr().err
        assert "reserv" in said
        assert "caps[0]" in said
    assert decide(playbook="none.json") == cli.PLAYBOOK
    assert "none.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ("contactid\nanna\n", (), "the column 'contact_id' is missing"),
        ("contact_id\nanna,x\n", (), "c2.csv, row 1: 2 fields in a table of 1"),
        ("", (), "the file is empty"),
        ("contact_id,timezone\nanna,Mars\nberta,Mars\n", ("--max-bad", "1"), "more bad rows than the 1"),
    ],
)
def test_unusable_data_is_exit_4(capsys, content, more, message):
    """And leaves no output behind."""
    Path("c2.csv").write_text(content)
    assert decide(*more, contacts="c2.csv") == cli.DATA
    assert message in capsys.readouterr().err
    assert leftovers() == {"c2.csv"}
    assert decide(contacts="none.csv") == cli.DATA


def test_bad_rows_are_shown_and_stop_nothing(capsys):
    """Without --max-bad any number of bad rows is isolated; with it, so many are tolerated."""
    Path("c2.csv").write_text("contact_id,timezone\nanna,Mars\nberta,UTC\n")
    for more in ((), ("--max-bad", "1")):
        assert decide(*more, contacts="c2.csv") == cli.DONE
        assert "c2.csv, row 1, field 'timezone': found 'Mars'" in capsys.readouterr().err
        assert [row.split(",")[2] for row in rows()] == ["berta"]


def test_whatever_happens_there_is_one_message_and_no_traceback(capsys, monkeypatch):
    """A fault of our own is said as such."""
    monkeypatch.setattr("journeykit.job.row_job.RowJob.write", lambda *_, **__: 1 / 0)
    assert decide("--engine", "one") == cli.FAILED
    assert capsys.readouterr().err == (
        "journeykit: this should not happen, please report it: ZeroDivisionError: division by zero\n"
    )


@pytest.mark.parametrize("body", ["sys.exit(0)", "pass"])
def test_a_policy_cannot_end_the_process_as_if_all_were_well(capsys, body):
    """Whether it exits while it is loaded or while it weighs: exit 1, its name, and no output file."""
    name = f"quitting_policy_{body[:3]}"
    Path(f"{name}.py").write_text(
        f"import sys\n{body}\nclass Quitter:\n    def weigh(self, *_):\n        sys.exit(0)\nquitter = Quitter()\n"
    )
    Path("own.json").write_text(json.dumps(json.loads(PLAYBOOK) | {"policy": "q"}))
    assert decide("--policy", f"q={name}:quitter", playbook="own.json") == cli.FAILED
    assert f"most likely the policy q ({name}:quitter)" in capsys.readouterr().err
    assert leftovers() == {f"{name}.py", "own.json"}


# The other commands


def test_explain_prints_the_table_of_one_contact(capsys):
    """In the contact's local time; as JSON or HTML where asked."""
    arguments = ["explain", "play.json", "--contacts", "c.csv", *AT, "--contact", "anna"]
    assert main(arguments) == cli.DONE
    text = capsys.readouterr().out
    assert text.startswith("Decision for anna, Thu 2026-11-05 11:00 (Europe/Skopje)\n")
    assert "needs 3" in text
    assert main([*arguments, "--json"]) == cli.DONE
    assert json.loads(capsys.readouterr().out)["contact"] == "anna"
    assert main([*arguments, "--html"]) == cli.DONE
    assert capsys.readouterr().out.startswith("<div>")


def test_explaining_a_contact_who_is_not_there_is_exit_4(capsys):
    """The message names them."""
    assert main(["explain", "play.json", "--contacts", "c.csv", *AT, "--contact", "zoe"]) == cli.DATA
    assert "no usable row of contact 'zoe'" in capsys.readouterr().err


def test_check_says_what_it_found(capsys):
    """Warnings leave a playbook valid; --json gives the findings as data."""
    Path("warn.json").write_text(json.dumps(json.loads(PLAYBOOK) | {"policy": "wieghted"}))
    assert main(["check", "play.json"]) == cli.DONE
    assert "play.json: valid, 0 warnings\nfingerprint " in capsys.readouterr().out
    assert main(["check", "warn.json"]) == cli.DONE
    assert "warning: policy: 'wieghted' is not built in" in capsys.readouterr().out
    assert main(["check", "warn.json", "--json"]) == cli.DONE
    assert json.loads(capsys.readouterr().out)["problems"][0]["suggestion"] == "weighted"
    Path("bad.json").write_text('{"reserv": 1}')
    assert main(["check", "bad.json", "--json"]) == cli.PLAYBOOK
    assert json.loads(capsys.readouterr().out)["problems"][0]["suggestion"] == "reserve"


def test_graph_draws_the_journey(capsys):
    """On standard output or in a file; the default journey where the playbook has none."""
    assert main(["graph", "play.json"]) == cli.DONE
    drawn = capsys.readouterr().out
    assert drawn.startswith("stateDiagram-v2")
    assert "advocacy" in drawn
    assert main(["graph", "play.json", "--out", "g.mmd"]) == cli.DONE
    assert Path("g.mmd").read_text() == drawn


@pytest.mark.parametrize("number", ["0", "many", "1000"])
def test_threads_are_a_number(capsys, number):
    """Found before anything is read."""
    command = ["decide", "play.yaml", "--at", "2026-11-05T10:00Z", "--out", "o.csv"]
    assert main([*command, "--threads", number]) == cli.USAGE
    assert "is no whole number from 1 to 256" in capsys.readouterr().err


def test_schema_is_printed(capsys):
    """What editors need to check a playbook."""
    assert main(["schema"]) == cli.DONE
    assert "caps" in json.loads(capsys.readouterr().out)["properties"]


def test_version_and_help(capsys):
    """Both are no errors; help names every command."""
    assert main(["--version"]) == cli.DONE
    first, extension, packages = capsys.readouterr().out.splitlines()
    assert first == f"journeykit {__version__}"
    assert extension.startswith("extension module: ")
    assert f"pyarrow {version('pyarrow')}, narwhals {version('narwhals')}" in packages
    assert main(["--help"]) == cli.DONE
    said = capsys.readouterr().out
    assert all(f"\n    {name} " in said for name in ("check", "decide", "plan", "explain", "graph", "schema", "demo"))
    for name in ("check", "decide", "plan", "explain", "graph", "schema"):
        assert main([name, "--help"]) == cli.DONE
        assert capsys.readouterr().out


def test_the_demo_gets_its_own_arguments(monkeypatch):
    """The demo reads what follows its name, and its exit code is ours."""

    class Demo:
        @staticmethod
        def main(argv):
            return len(argv)

    monkeypatch.setitem(sys.modules, "journeykit.demo", Demo)
    assert main(["demo", "--help", "x", "y"]) == 3


def test_help_loads_neither_the_engine_nor_tables():
    """The command line opens at once."""
    code = (
        "import sys; from journeykit.cli import main; main(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('journeykit.engine', 'journeykit.tables')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0


# The terminal and the system


class Terminal:
    """A standard error that says it is a terminal."""

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass


def test_progress_is_shown_on_a_terminal_only(monkeypatch):
    """Rows done, of how many, and how fast; wiped away in the end."""
    Path("many.csv").write_text("contact_id\n" + "".join(f"c{number}\n" for number in range(128)))
    ticks = iter(range(1_000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert decide("--engine", "one", contacts="many.csv") == cli.DONE
    assert "64 contacts, " in screen.text
    assert "128 contacts, " in screen.text
    assert screen.text.index("\r\x1b[K") < screen.text.index("run ")


def test_a_terminal_shows_what_takes_long(monkeypatch):
    """Where no contact is counted for some time, as while tables are read, the phase and its seconds are shown."""
    monkeypatch.setattr(progress_bar, "_STEP", 0.01)
    monkeypatch.setattr(progress_bar, "_PATIENCE", 0.03)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress_bar.ProgressBar() as bar:
        bar.watch.begin("reading")
        began = time.monotonic()
        while "reading, 0 s" not in screen.text:
            assert time.monotonic() - began < 10
            time.sleep(0.01)
    assert screen.text.endswith("\r\x1b[K")


def test_quiet_prints_errors_alone(monkeypatch):
    """Neither progress nor the summary, on a terminal too; what goes wrong is printed all the same."""
    Path("many.csv").write_text("contact_id\n" + "".join(f"c{number}\n" for number in range(128)))
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert decide("--engine", "one", "--quiet", contacts="many.csv") == cli.DONE
    assert screen.text == ""
    assert decide("--engine", "one", "--quiet", "--max-bad", "0", contacts="c.csv") in (cli.DONE, cli.DATA)
    assert main(["decide", "no.json", "--contacts", "c.csv", *AT, "--out", "d.csv", "--quiet"]) != cli.DONE
    assert "no.json" in screen.text


def test_sigterm_and_sigint_leave_nothing_behind():
    """Stopped midway, the work ends with 143 or 130, without traceback and without any file."""
    Path("house_policy.py").write_text(
        "import pathlib, time\n"
        "class Slow:\n"
        "    def weigh(self, claim, contact, context):\n"
        "        pathlib.Path('began').touch()\n"
        "        time.sleep(60)\n"
        "slow = Slow()\n"
    )
    Path("own.json").write_text(json.dumps(json.loads(PLAYBOOK) | {"policy": "slow"}))
    arguments = (
        "decide",
        "own.json",
        "--contacts",
        "c.csv",
        *AT,
        "--out",
        "d.csv",
        "--policy",
        "slow=house_policy:slow",
    )
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        work = process(*arguments)
        while not Path("began").exists():
            assert work.poll() is None
            time.sleep(0.02)
        work.send_signal(number)
        said = work.communicate(timeout=30)[1]
        assert work.returncode == code
        assert "Traceback" not in said
        assert f"({signal.SIGINT.name})" in said or "ended by SIGTERM" in said
        assert "no output was written" in said
        Path("began").unlink()
        assert leftovers() == {"house_policy.py", "own.json"}


def test_a_reader_that_goes_away_is_no_error_of_ours():
    """`journeykit schema | head -1` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    work = process("schema", stdout=write)
    os.close(write)
    assert work.communicate(timeout=30)[1] == ""
    assert work.returncode == cli.FAILED


def test_a_poor_terminal_gets_codes_for_letters_it_lacks():
    """Any name can be printed anywhere."""
    Path("c.csv").write_text("contact_id\nЂђ\n", encoding="utf-8")
    work = process(
        "explain", "play.json", "--contacts", "c.csv", *AT, "--contact", "Ђђ",
        stdout=subprocess.PIPE, env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert "Decision for \\u0402" in work.communicate(timeout=30)[0]
    assert work.returncode == cli.DONE


# quotas


def with_quotas(*quotas: dict, **more) -> None:
    Path("quotas.json").write_text(json.dumps(json.loads(PLAYBOOK) | {"quotas": list(quotas)} | more))


SEATS = {"name": "seats", "max": 1, "where": {"team": "community"}}


def test_decide_keeps_quotas_and_saves_their_prices(capsys):
    """The summary tells of each quota, also as JSON; the prices serve `explain` for one contact."""
    with_quotas(SEATS, {"name": "money", "max": 3, "of": "cost"})
    assert decide("--all", "--json", "--save-prices", "prices.json", playbook="quotas.json") == cli.DONE
    told = json.loads(capsys.readouterr().out)
    seats, money = told["quotas"]
    assert (seats["name"], seats["usage"], seats["max"], money["usage"]) == ("seats", 1, 1, 0)
    assert told["gap"] == 0
    saved = json.loads(Path("prices.json").read_text())
    assert saved["playbook"] == told["playbook"]
    asked = ("explain", "quotas.json", "--contacts", "c.csv", *AT, "--contact", "anna")
    assert main([*asked, "--prices", "prices.json"]) == cli.DONE
    assert "quotas hold over all contacts" not in capsys.readouterr().err
    assert main([*asked]) == cli.DONE
    assert "quotas hold over all contacts" in capsys.readouterr().err


def test_prices_that_do_not_belong_here_are_refused(capsys):
    """Of another playbook, or where there are no quotas."""
    with_quotas(SEATS)
    assert decide("--save-prices", "p.json", playbook="quotas.json") == cli.DONE
    with_quotas(SEATS | {"max": 2})
    asked = ("explain", "quotas.json", "--contacts", "c.csv", *AT, "--contact", "anna", "--prices", "p.json")
    assert main([*asked]) == cli.DATA
    assert "another playbook" in capsys.readouterr().err
    assert decide("--save-prices", "p.json") == cli.USAGE
    assert "no quotas" in capsys.readouterr().err


def test_quotas_that_cannot_hold_end_the_work(capsys):
    """Nothing is written, and the message names them and what is missing."""
    with_quotas({"name": "full hall", "min": 5, "hard": True})
    assert decide(playbook="quotas.json") == cli.FAILED
    said = capsys.readouterr().err
    assert "'full hall' wants at least 5, no more than 2 can be had: 3 are missing" in said
    assert not Path("d.csv").exists()
    with_quotas({"name": "full hall", "min": 5, "hard": True}, on_infeasible="relax")
    assert decide(playbook="quotas.json") == cli.DONE
    assert "the hard quota 'full hall' was relaxed" in capsys.readouterr().err


# Wrong options


@pytest.mark.parametrize(
    ("arguments", "usage", "words"),
    [
        (["decide", "p.yaml", "--at", "2026-11-05T10:00Z", "--out", "o.csv", "--contact", "c.csv", "--tuches", "t"],
         "usage: journeykit decide ", "unrecognized arguments: --tuches t; did you mean --touches?"),
        (["check", "p.yaml", "--jsn"], "usage: journeykit check ",
         "unrecognized arguments: --jsn; did you mean --json?"),
        (["ledger", "show", "sqlite://", "anna", "--all"], "usage: journeykit ledger show ",
         "unrecognized arguments: --all"),
        (["place", "p.yaml", "--events", "e.csv"], "usage: journeykit place ", "required: --at"),
        (["schema", "playbook", "more"], "usage: journeykit schema ", "unrecognized arguments: more"),
        (["--frobnicate"], "usage: journeykit [-h]", "required: COMMAND"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told_with_the_usage_of_its_command(capsys, arguments, usage, words):
    """The usage that is printed is that of the command which does not know the option."""
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith(usage)
    assert words in said


@pytest.mark.parametrize("again", [("--contacts", "c.csv"), ("--zone=UTC", "--zone=UTC"), ("--out", "e.csv")])
def test_an_option_with_one_value_is_given_once(capsys, again):
    """The second value would replace the first without a word; own policies are several by design."""
    assert decide(*again) == 2
    assert "given twice; it takes one value" in capsys.readouterr().err
    assert not Path("d.csv").exists()


def test_errors_advise_what_can_be_done_on_the_command_line(tmp_path, capsys, monkeypatch):
    """An error from the command line names options and commands, and no Python."""
    monkeypatch.chdir(tmp_path)
    Path("playbook.json").write_text('{"policy": "wighted", "caps": []}', "utf-8")
    Path("empty.json").write_text('{"journey": {"stages": [{"name": "lead", "owner": ""}]}}', "utf-8")
    Path("contacts.csv").write_text("contact_id\nanna\n", "utf-8")
    tables = ["--contacts", "contacts.csv", "--at", "2026-11-05T10:00:00Z"]
    for arguments, code, words in (
        (["decide", "playbook.json", *tables, "--out", "o.csv"], 2, "--policy wighted=MODULE:OBJECT"),
        (["explain", "playbook.json", *tables, "--contact", "anna"], 2, "did you mean 'weighted'?"),
        (["ledger", "stats", "sqlite:///none.db"], 1, "run `journeykit ledger upgrade URL`"),
        (["check", "empty.json"], 3, "expected a text that is not empty"),
    ):
        assert main(arguments) == code
        said = capsys.readouterr().err
        assert words in said
        assert not any(word in said for word in ("Arbiter(", "policies=", "upgrade()", "None", "tzinfo"))


WINDOW = '"quotas": [{"name": "seats", "max": 4, "window": {"calendar": "month", "zone": "playbook"}}], "on_missing"'


@pytest.mark.parametrize(
    "command",
    [
        ("decide", "--out", "d.csv"),
        ("plan", "--out", "d.csv", "--until", "2026-11-06T10:00:00Z"),
        ("explain", "--contact", "anna"),
    ],
)
def test_quotas_with_a_window_need_a_ledger(command, capsys):
    """It is wrong usage, as what else needs a ledger is."""
    Path("windows.json").write_text(PLAYBOOK.replace('"on_missing"', WINDOW))
    assert main([command[0], "windows.json", "--contacts", "c.csv", *AT, *command[1:]]) == 2
    assert "the quota 'seats' counts over all runs and single decisions" in capsys.readouterr().err
    assert main(["ledger", "upgrade", "sqlite:///l.db"]) == 0
    assert (
        main([command[0], "windows.json", "--contacts", "c.csv", *AT, *command[1:], "--ledger", "sqlite:///l.db"]) == 0
    )


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_counts_of_nothing_are_left_out(engine, capsys):
    """The summary says nothing of claims without a channel where none of them is granted."""
    Path("claims.csv").write_text("contact_id,campaign_id\nanna,meetup\nberta,nothing\n")
    assert decide("--claims", "claims.csv", "--engine", engine) == 0
    told = capsys.readouterr().err
    assert "granted by channel: email 1\n" in told
    assert "granted by stage: (none) 1\n" in told
