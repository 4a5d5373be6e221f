"""Recipes that this environment has no packages for run in environments of their own."""

from __future__ import annotations

import re

from heavy import HEAVY
from test_docs import DOCS, ROOT


def test_ci_runs_what_is_not_collected_here():
    """Each has a file of tests, a page, and an environment in the script that CI runs."""
    script = (ROOT / ".ci" / "recipes").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^  \[(\w+)\]=", script, re.MULTILINE)) == HEAVY
    assert '.ci/recipes "$wheel"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for name in HEAVY:
        assert (DOCS / "cookbook" / f"{name}.md").exists()
        assert (ROOT / "tests" / "recipes" / f"test_{name}.py").exists()
