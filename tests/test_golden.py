"""What the library gives, byte for byte: a change of layout, names or speed changes none of it.

`tests/data/golden` holds one file for each area. What is long is held by its SHA-256, its first lines and a digest for
every fifty lines, so that a difference can be found. Texts for people, which may be reworded, have files of their own
(`*_words.txt`). Where behaviour changes on purpose, write the files again, and read the difference:

    JOURNEYKIT_GOLDEN=write pytest tests/test_golden.py [-k AREA]

Only documented names are used here, and the command line through its entry point.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from journeykit.columns import has_columns

pytest.importorskip("sqlalchemy")
if not has_columns():
    pytest.skip("the columnar engine is not installed", allow_module_level=True)


import journeykit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from golden import GOLDEN
from golden_decisions import (
    audits,
    audits_words,
    decisions,
    decisions_words,
    findings_words,
    fingerprints,
    formats,
    identities,
    single_decisions,
    single_decisions_words,
)
from golden_journeys import (
    briefs,
    briefs_words,
    measures,
    measures_words,
    pictures,
    placements,
    placements_words,
    segments,
    segments_words,
)
from golden_ledger import command_line, command_line_words, ledger, ledger_words

AREAS: list[tuple[Callable[[], Iterator[tuple[str, str]]], ...]] = [
    (fingerprints, findings_words),
    (identities,),
    (decisions, decisions_words),
    (formats,),
    (single_decisions, single_decisions_words, audits, audits_words),
    (placements, placements_words),
    (segments, segments_words),
    (measures, measures_words),
    (briefs, briefs_words),
    (pictures,),
    (ledger, ledger_words),
    (command_line, command_line_words),
]
"""What is worked out from the same decisions stands together: one test, in one process, decides them once."""


def written(area: Callable[[], Iterator[tuple[str, str]]]) -> str:
    """What an area gives now, as its file holds it; worked out in a folder of its own."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            pages = [f"== {title}\n{text.rstrip(chr(10))}\n" for title, text in area()]
        finally:
            os.chdir(before)
    return "\n".join(pages)


@pytest.fixture(autouse=True)
def one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is part of the default name of a run."""
    monkeypatch.setattr(journeykit, "__version__", "0.1.0")


@pytest.mark.parametrize("areas", AREAS, ids=lambda areas: areas[0].__name__)
def test_nothing_has_changed(areas: tuple[Callable[[], Iterator[tuple[str, str]]], ...]) -> None:
    """An area gives what its file says, to the byte."""
    changed = []
    for area in areas:
        found, file = written(area), GOLDEN / f"{area.__name__}.txt"
        if os.environ.get("JOURNEYKIT_GOLDEN") == "write":
            file.write_text(found, encoding="utf-8", newline="\n")
        elif found != (wanted := file.read_text("utf-8")):
            lines = wanted.splitlines(), found.splitlines()
            found_lines = difflib.unified_diff(*lines, "as it was", "as it is", lineterm="", n=2)
            changed += [file.name, *list(found_lines)[:60]]
    if os.environ.get("JOURNEYKIT_GOLDEN") == "write":
        pytest.skip("written again")
    if changed:
        pytest.fail("\n".join(changed), pytrace=False)
