"""Where the extension module was not built, contacts are decided one by one, and people are told."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from journeykit import kernels
from journeykit.cli import main

PLAYBOOK = """
content: [{id: note, channel: email}]
campaigns: [{id: launch, content: [note], audience: score >= 40}]
"""
WITHOUT = """
import sys
# As where it was not built: it is not found.
sys.modules["journeykit.kernels._core"] = None
"""


def run(code: str, *arguments: str, folder=None) -> subprocess.CompletedProcess[str]:
    """A process of its own, without the extension module."""
    command = [sys.executable, "-c", WITHOUT + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


MAIN = "from journeykit.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "play.yaml").write_text(PLAYBOOK)

    def write(rows):
        lines = ["contact_id,score,consent_email", *(f"c{n},{n % 100},true" for n in range(rows))]
        (tmp_path / "contacts.csv").write_text("\n".join(lines) + "\n")
        return ["decide", "play.yaml", "--contacts", "contacts.csv", "--at", "2026-11-05T10:00Z"]

    return write


def test_kernels_are_those_of_the_extension():
    """Where it is built it is found, and says how it was built."""
    if find_spec("journeykit.kernels._core") is None:
        pytest.skip("the extension module is not built here")
    assert kernels.has_kernels()
    assert kernels.add_counts.__module__ == "journeykit.kernels._core"
    assert "C++20" in (kernels.build_text() or "")


def test_the_version_says_that_it_is_not_built(tmp_path):
    said = run(MAIN, "--version", folder=tmp_path).stdout.splitlines()[1]
    assert said == "extension module: not built, which takes a C++20 compiler: contacts are decided one by one"


def test_the_row_engine_decides_and_the_summary_says_so(tables, tmp_path):
    done = run(MAIN, *tables(100), "--out", "out.jsonl", "--summary", "sum.json", folder=tmp_path)
    assert (done.returncode, len((tmp_path / "out.jsonl").read_text().splitlines())) == (0, 60)
    summary = json.loads((tmp_path / "sum.json").read_text())
    assert summary["engine"] == "one"
    assert "journeykit's extension module is not built: contacts were decided one by one" in summary["notes"]
    assert "install journeykit again" not in done.stderr


def test_large_tables_are_told_once(tables, tmp_path):
    done = run(MAIN, *tables(10_064), "--out", "out.csv", folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("install journeykit again where a C++20 compiler is") == 1


@pytest.mark.parametrize(
    ("code", "purpose"),
    [
        ("Journey(['a', 'b'], [Transition(source='a', to='b', event='e')]).place_table([], at=at)", "place_table"),
        (
            "list(Job(Arbiter(Playbook(quotas=[Quota(name='few', max=1)])), anna, at=at).decisions())",
            "a run with quotas",
        ),
    ],
)
def test_what_needs_it_asks_for_it_by_name(code, purpose, tmp_path):
    for package in ("numpy", "pyarrow", "narwhals"):
        pytest.importorskip(package)
    text = f"""
from datetime import UTC, datetime
from journeykit import Arbiter, MissingExtensionError, Playbook, Quota
from journeykit.job import Inputs, Job
from journeykit.journey import Journey, Transition
at = datetime(2026, 11, 5, tzinfo=UTC)
anna = Inputs(contacts=[{{"contact_id": "anna"}}])
try:
    {code}
except MissingExtensionError as error:
    print(error)
"""
    done = run(text, folder=tmp_path)
    wanted = (
        "needs journeykit's extension module, which was not built: install journeykit again where a C++20 compiler is"
    )
    assert done.stdout == f"{purpose} {wanted}\n", done.stderr


TABLES = """
import json
from datetime import UTC, datetime
import pandas, polars, pyarrow
from journeykit import Arbiter, Playbook

arbiter = Arbiter(Playbook.load("play.yaml"))
at = datetime(2026, 11, 5, 10, tzinfo=UTC)
people = [{"contact_id": n, "score": n % 100, "consent_email": True} for n in range(1, 120)]
history = [{"contact_id": 70, "campaign_id": "launch", "sent_at": "2026-11-04T10:00Z", "channel": "email"}]
found, told = {}, []
for kind in (list, pandas.DataFrame, polars.DataFrame, pyarrow.Table.from_pylist):
    table = arbiter.decide_table(kind(people), kind(history), at=at, everything=True, columns=["contact_id", "outcome"])
    values = zip(list(table["contact_id"]), list(table["outcome"]))
    found[len(found)] = type(table).__module__, [[str(cell) for cell in row] for row in values]
pieces = list(arbiter.decide_table(people, history, at=at, stream=True, summary=lambda own: told.append(own.to_dict())))
told[0].pop("notes")
print(json.dumps([found, told, sum(len(piece) for piece in pieces)]))
"""


def test_tables_of_any_kind_are_decided_alike(tables, tmp_path):
    """Dataframes in, dataframes out: what the columnar engine gives, but for the note."""
    for package in ("pandas", "polars", "pyarrow"):
        pytest.importorskip(package)
    done = run(TABLES, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found, _, rows = json.loads(done.stdout)
    assert [kind.split(".")[0] for kind, _ in found.values()] == ["pyarrow", "pandas", "polars", "pyarrow"]
    assert rows == 59
    if kernels.has_kernels():
        command = [sys.executable, "-c", TABLES]
        other = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert json.loads(other.stdout) == json.loads(done.stdout)


CONTRADICTS = """
from datetime import UTC, datetime
from journeykit import Arbiter, ModelError, Playbook

at = datetime(2026, 11, 5, 10, tzinfo=UTC)
try:
    Arbiter(Playbook()).decide_table([{"contact_id": 1}], at=at, everything=True, outcomes="granted")
except ModelError as error:
    print(error)
"""


def test_options_that_contradict_are_refused(tmp_path):
    pytest.importorskip("pyarrow")
    done = run(CONTRADICTS, folder=tmp_path)
    assert "everything and outcomes='granted' contradict" in done.stdout, done.stderr


def test_asking_the_funnel_for_columns_is_refused(tmp_path):
    journey = "{stages: [{name: a}, {name: b}], transitions: [{from: a, to: b, event: e}]}"
    (tmp_path / "play.yaml").write_text(f"journey: {journey}\n")
    (tmp_path / "events.csv").write_text("contact_id,event,at\nanna,e,2026-11-01T10:00Z\n")
    command = ["funnel", "play.yaml", "--events", "events.csv", "--at", "2026-11-05T10:00Z", "--engine", "columns"]
    done = run(MAIN, *command, folder=tmp_path)
    assert done.returncode != 0
    assert "the engine columns needs journeykit's extension module" in done.stderr


def test_asking_for_columns_is_refused(tables, tmp_path):
    """By exit code, in words."""
    done = run(MAIN, *tables(3), "--out", "out.csv", "--engine", "columns", folder=tmp_path)
    assert done.returncode != 0
    assert "--engine columns needs journeykit's extension module" in done.stderr
    assert not (tmp_path / "out.csv").exists()


MEASURED = """
content: [{id: note, channel: email}]
campaigns: [{id: launch, content: [note]}]
journey: {stages: [lead, customer], transitions: [{from: lead, to: customer, event: purchase}]}
segments: [{name: large, rule: size >= 2}]
responses: [{name: sale, event: purchase, value: amount, within: 7d}]
holdout: {share: 0.5}
experiments: [{name: tone, arms: [{name: plain, share: 0.5}, {name: bold, share: 0.4, with: {reserve: 1}}]}]
"""


def test_messages_are_measured_alike(tmp_path, capsys):
    """By stage, segment and arm, against a holdout and in arms: the same figures as with the extension module."""
    for package in ("numpy", "pyarrow", "narwhals"):
        pytest.importorskip(package)
    names = [f"c{number}" for number in range(40)]
    tables = {
        "contacts": ["contact_id,size", *(f"{name},{place % 4}" for place, name in enumerate(names))],
        "touches": [
            "contact_id,sent_at,campaign_id",
            *(f"{name},2026-11-{1 + place % 9:02}T09:00:00Z,launch" for place, name in enumerate(names + names[::3])),
        ],
        "events": [
            "contact_id,event,at,amount",
            *(f"{name},purchase,2026-11-{2 + place % 7:02}T10:00:00Z,{place}" for place, name in enumerate(names[::2])),
        ],
    }
    (tmp_path / "play.yaml").write_text(MEASURED)
    command = ["measure", str(tmp_path / "play.yaml"), "--by", "stage,segment,size,arm", "--json"]
    for name, lines in tables.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
        command += [f"--{name}", str(tmp_path / f"{name}.csv")]
    command += ["--since", "2026-11-01T00:00Z", "--until", "2026-12-01T00:00Z"]
    done = run(MAIN, *command, folder=tmp_path)
    assert main(command) == 0
    assert done.stdout == capsys.readouterr().out


def test_decisions_are_evaluated_alike(tmp_path, capsys):
    """By a log of the same rows: the same figures as with the extension module."""
    for package in ("numpy", "pyarrow", "narwhals"):
        pytest.importorskip(package)
    places = [(f"c{number}", what, number % 3 == place) for number in range(40) for place, what in enumerate("abc")]
    head = "contact_id,campaign_id,decided_at,outcome,chance"
    tables = {
        "log": [
            head,
            *(f"{own},{what},2026-11-02T09:00Z,{'granted' if sent else 'denied'},0.3" for own, what, sent in places),
        ],
        "decisions": [head, *(f"{own},{what},2026-11-02T09:00Z,granted," for own, what, _ in places if what == "b")],
        "events": [
            "contact_id,event,at,amount",
            *(f"c{number},purchase,2026-11-04T10:00Z,5" for number in range(0, 40, 7)),
        ],
    }
    (tmp_path / "play.yaml").write_text("responses: [{name: sale, event: purchase, value: amount, within: 7d}]\n")
    command = ["evaluate", str(tmp_path / "play.yaml"), "--until", "2026-12-01T00:00Z", "--json"]
    for name, lines in tables.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
        command += [f"--{name}", str(tmp_path / f"{name}.csv")]
    done = run(MAIN, *command, folder=tmp_path)
    assert main(command) == 0
    assert done.stdout == capsys.readouterr().out
    assert json.loads(done.stdout)["responses"][0]["rate"]["log"]["messages"] == 40
