"""Cells that no comparison can ever read: told by `check`, refused by strict runs, counted alike by both engines."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from journeykit import Arbiter, Playbook
from journeykit.__main__ import main
from journeykit.errors import DataError
from journeykit.job import Inputs, Job, TableJob
from journeykit.job.table_survey import inspect

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def playbook(rule):
    return Playbook.from_dict(
        {
            "content": [{"id": "letter", "channel": "email"}],
            "campaigns": [{"id": "launch", "content": ["letter"], "audience": rule}],
            "on_missing": {"consent": "allow"},
        }
    )


CASES = {
    "number": ("score >= 40", {"score": "50%"}, {"score": "50"}),
    "truth": ("vip", {"vip": "often"}, {"vip": "yes"}),
    "instant": ("signup >= '2026-11-01'", {"signup": "2026-W45"}, {"signup": "2026-11-02"}),
    "age": ("days_since(signup) >= 3", {"signup": "lately"}, {"signup": "2026-11-02"}),
    "list": ("tags == 'vip'", {"tags": ["vip"]}, {"tags": "vip"}),
    "field": ("role >= 2", {"role": "boss"}, {"role": "2"}),
    "part": ("address.size >= 2", {"address.size": "large"}, {"address.size": 2}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_strict_run_refuses_cells_that_no_comparison_can_read(case):
    """By either engine, with the cell, the rule and how many rows; and lets pass what can be read, or is empty."""
    rule, wrong, right = CASES[case]
    arbiter = Arbiter(playbook(rule))
    good = [{"contact_id": "a", **right}, {"contact_id": "b", **dict.fromkeys(right)}]
    bad = [*good, {"contact_id": "c", **wrong}]
    (name,) = wrong
    for rows in (bad, pa.Table.from_pylist(bad)) if case not in {"list", "part"} else (bad,):
        with pytest.raises(DataError, match=rf"'{name}' has .* \(1 row\), where the playbook compares with"):
            arbiter.decide_table(rows, at=AT, strict=True)
    with pytest.raises(DataError, match=rf"'{name}' has .* \(1 row\), where the playbook compares with"):
        Job(arbiter, Inputs(contacts=bad), at=AT, strict=True)
    assert arbiter.decide_table(good, at=AT, strict=True).num_rows == 1
    assert len(list(Job(arbiter, Inputs(contacts=good), at=AT, strict=True).decisions())) == 2


@pytest.mark.parametrize("case", CASES)
def test_check_and_both_engines_tell_the_same(case):
    """The same finding, word for word, before a run and after it."""
    rule, wrong, right = CASES[case]
    arbiter = Arbiter(playbook(rule))
    rows = [{"contact_id": "a", **right}, {"contact_id": "b", **wrong}, {"contact_id": "c", **wrong}]
    before = [str(found) for found in inspect(arbiter.playbook, {"contacts": rows}).mismatches]
    one, columns = Job(arbiter, Inputs(contacts=rows), at=AT), TableJob(arbiter, rows, at=AT)
    list(one.decisions())
    columns.table()
    assert [list(map(str, job.summary().mismatches)) for job in (one, columns)] == [before, before]
    assert len(before) == 1
    assert "(2 rows), where the playbook compares with" in before[0]


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_the_command_line_refuses_before_anything_is_written(engine, tmp_path, capsys):
    """`decide --strict` is exit 4 without an output; `check --contacts` prints the same line."""
    book, table, out = tmp_path / "p.json", tmp_path / "c.csv", tmp_path / "out.csv"
    book.write_text(json.dumps(playbook("score >= 40").to_dict()))
    table.write_text('contact_id,score\na,50\nb,"50,5"\n')
    line = "contacts: 'score' has '50,5' (1 row), where the playbook compares with numbers such as 50.5"
    assert main(["check", str(book), "--contacts", str(table)]) == 0
    assert line in capsys.readouterr().out
    arguments = ["decide", str(book), "--contacts", str(table), "--at", AT.isoformat(), "--engine", engine]
    assert main([*arguments, "--strict", "--out", str(out)]) == 4
    assert line in capsys.readouterr().err
    assert not out.exists()
    assert main([*arguments, "--out", str(out)]) == 0
