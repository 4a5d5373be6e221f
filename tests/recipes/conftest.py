"""The files of the nightly job, and the recipes that have environments of their own.

Airflow, Dagster and dbt bring a hundred packages each, and pin some. Their recipes run in environments of their own
(`.ci/recipes`); where such a package is missing, its test is not collected, and counts as nothing.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from heavy import HEAVY
from test_docs import DOCS, write_files

collect_ignore = [f"test_{name}.py" for name in HEAVY if find_spec(name) is None]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the playbook and the contacts of the page on the nightly job, and a ledger."""
    from journeykit.ledger import Ledger

    monkeypatch.chdir(tmp_path)
    write_files((DOCS / "cookbook" / "nightly-job.md").read_text(encoding="utf-8"))
    monkeypatch.setenv("MESSAGES", str(tmp_path))
    monkeypatch.setenv("LEDGER", f"sqlite:///{tmp_path}/messages.db")
    with Ledger(f"sqlite:///{tmp_path}/messages.db") as ledger:
        ledger.upgrade()
    return Path(tmp_path)
