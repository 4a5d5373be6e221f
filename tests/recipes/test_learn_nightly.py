"""The nightly job that learns: a model is put into use where the evaluation says that it is no worse."""

from __future__ import annotations

import shutil
import subprocess
from importlib import import_module

import pytest
from test_docs import DOCS

RECIPE = DOCS / "cookbook" / "learning"
HEAD = "response,measure,estimator,difference_low,effective_size"


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """Ask the recipe with some rows of estimates; what is in the model's file after that."""
    monkeypatch.syspath_prepend(RECIPE)
    module = import_module("ship_model")

    def asked(*rows, **given):
        (tmp_path / "estimates.csv").write_text("\n".join([HEAD, *rows]) + "\n")
        (tmp_path / "new").write_text("new")
        (tmp_path / "old").write_text("old")
        is_shipped = module.ship(tmp_path / "new", tmp_path / "old", tmp_path / "estimates.csv", "sale", **given)
        found = (tmp_path / "old").read_text()
        assert is_shipped == (found == "new") == (not (tmp_path / "new").exists())
        return found

    return asked


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("sale,rate,doubly_robust,0.001,300", "new"),
        ("sale,rate,doubly_robust,-0.009,300", "new"),
        ("sale,rate,doubly_robust,-0.011,300", "old"),
        ("sale,rate,doubly_robust,0.001,49", "old"),
        ("sale,rate,doubly_robust,,", "old"),
        ("sale,rate,self_normalised,0.5,300", "old"),
        ("sale,value,doubly_robust,0.5,300", "old"),
        ("click,rate,doubly_robust,0.5,300", "old"),
    ],
)
def test_a_model_is_shipped_where_it_is_no_worse(ship, row, found):
    """The lower end of the interval counts, of the response that was asked for; what says nothing changes nothing."""
    assert ship(row) == found


def test_the_margin_is_what_may_be_lost(ship):
    """Without a margin the new decisions must be better for sure."""
    row = "sale,rate,doubly_robust,-0.009,300"
    assert ship(row, margin=0) == "old"
    assert ship(row, margin=0.02) == "new"


def test_the_script_can_be_read_by_a_shell():
    """The night's script has no mistake of syntax."""
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("there is no sh")
    assert subprocess.run([shell, "-n", str(RECIPE / "night.sh")], check=False).returncode == 0
