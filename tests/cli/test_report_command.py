"""``journeykit report``: what it writes, prints and refuses."""

from __future__ import annotations

import json

import pytest

from journeykit.cli import main

PLAYBOOK = {
    "name": "autumn",
    "content": [{"id": "invitation", "channel": "email"}, {"id": "voucher", "channel": "email"}],
    "campaigns": [
        {"id": "fair", "content": ["invitation"], "weight": 2},
        {"id": "offer", "content": ["voucher"], "weight": 3},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
}


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A folder with a playbook, contacts and all claims of a run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "playbook.json").write_text(json.dumps(PLAYBOOK), "utf-8")
    (tmp_path / "contacts.csv").write_text("contact_id,consent\nanna,email\nben,email\n", "utf-8")
    told = ["playbook.json", "--contacts", "contacts.csv", "--at", "2026-11-05T10:00Z", "--all", "--quiet"]
    assert main(["decide", *told, "--out", "all.parquet"]) == 0
    return tmp_path


def test_the_page_is_written_and_what_it_lacks_is_named(night, capsys):
    """One line says how large it is, the others what is not in it; JSON says what the page says."""
    assert main(["report", "playbook.json", "--decisions", "all.parquet", "--out", "page.html"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("page.html: ")
    assert "not shown: The journey: --contacts" in told
    assert (night / "page.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert main(["report", "--playbook", "playbook.json", "--decisions", "all.parquet", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert next(iter(found)) == "schema"
    assert found["schema"] == "journeykit.report/1"
    assert found["parts"]["contests"]["charts"][0]["table"]["rows"][0]["winner"] == "offer"
    assert main(["report", "playbook.json", "--decisions", "all.parquet"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 120


@pytest.mark.parametrize(
    ("given", "said", "code"),
    [
        (["--decisions", "all.parquet"], "give one playbook", 2),
        (["playbook.json", "--decisions", "all.parquet", "--out", "page.pdf"], "ends in .html", 2),
        (["playbook.json", "--decisions", "all.parquet", "--examples", "many"], "no whole number", 2),
        (["playbook.json", "--decisions", "none.parquet"], "none.parquet", 4),
        (["playbook.json", "--decisions", "all.parquet", "--measures", "contacts.csv"], "not JSON", 4),
    ],
)
def test_wrong_usage_is_said_in_plain_words(night, capsys, given, said, code):
    """Before any work where that can be."""
    assert main(["report", *given]) == code
    assert said in capsys.readouterr().err
