"""The face takes the extension's kernels where it was built, else Numba's; without either there are no columns."""

from __future__ import annotations

import subprocess
import sys

import pytest

from journeykit import kernels
from journeykit.columns import has_columns

pytest.importorskip("pyarrow")


def test_the_extension_is_taken_where_it_is(monkeypatch):
    """It alone will do: Numba is not looked for."""
    pytest.importorskip("journeykit.kernels._core")
    monkeypatch.delenv("JOURNEYKIT_KERNELS", raising=False)
    assert kernels._kernel("add_counts").__module__ == "journeykit.kernels._core"
    monkeypatch.setitem(sys.modules, "numba", None)
    assert has_columns()


def test_numba_is_taken_where_it_is_asked_for(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("JOURNEYKIT_KERNELS", "numba")
    assert kernels._kernel("add_counts").__module__ == "journeykit.kernels.native.group_by_contact"
    assert has_columns()


WITHOUT = """
import os, sys
os.environ["JOURNEYKIT_KERNELS"] = "numba"
sys.modules["numba"] = None

from datetime import UTC, datetime
from journeykit import Arbiter, MissingExtraError, Playbook
from journeykit.columns import has_columns

assert not has_columns()
at = datetime(2026, 11, 5, tzinfo=UTC)
try:
    Arbiter(Playbook.from_dict({"content": [], "campaigns": []})).decide_table([{"contact_id": "anna"}], at=at)
except MissingExtraError as error:
    print(error)
"""


def test_without_kernels_the_extra_is_named():
    """A process of its own: neither the extension nor Numba."""
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout
    assert said == "decide_table needs the extra 'columns': pip install 'journeykit[columns]'\n"
