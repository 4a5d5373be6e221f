"""The front door: what `import journeykit` offers, and what it does not load."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import journeykit


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_every_name_is_there_and_sorted() -> None:
    """Every name that the front door lists can be had, and the list is sorted."""
    names = [name for name in journeykit.__all__ if name != "presets"]
    assert names == sorted(names)
    for name in names:
        assert getattr(journeykit, name).__name__ == name
        assert name in dir(journeykit)


def test_no_name_of_a_package_is_one_of_its_files() -> None:
    """A file that is imported hides what its package offers by the same name; the command line's own is a file's."""
    for package in pkgutil.iter_modules(journeykit.__path__):
        if package.ispkg and package.name not in ("cli", "demo"):
            room = importlib.import_module(f"journeykit.{package.name}")
            files = {file.name for file in pkgutil.iter_modules(room.__path__)}
            assert files & set(getattr(room, "__all__", ())) == set(), package.name


def test_what_is_not_there_is_said_plainly() -> None:
    """A name that does not exist is an ordinary AttributeError."""
    with pytest.raises(AttributeError, match="has no attribute 'Arbitre'"):
        _ = journeykit.Arbitre


def test_importing_loads_no_engine_and_nothing_heavy() -> None:
    """Importing the library loads neither its engine nor NumPy, networkx, cattrs, YAML or Arrow."""
    heavy = ["numpy", "networkx", "cattrs", "yaml", "pyarrow", "journeykit.arbiter", "journeykit.engine.selection"]
    assert run(f"import sys, journeykit; print([name for name in {heavy} if name in sys.modules])") == "[]"


def test_deciding_loads_nothing_heavy() -> None:
    """A decision from Python objects, and the playbook's fingerprint, need no cattrs, YAML, NumPy, networkx or file."""
    code = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from journeykit import Arbiter, Cap, Claim, Contact, Playbook, Window\n"
        "playbook = Playbook(caps=[Cap(name='one a day', max=1, window=Window.calendar('day'))])\n"
        "claims = [Claim(campaign='launch', channel='email', weight=8)]\n"
        "decision = Arbiter(playbook).decide(\n"
        "    Contact(id='anna', consent=['email']), claims=claims, at=datetime(2026, 11, 5, 10, tzinfo=UTC))\n"
        "assert len(decision.granted) == 1 and decision.rows[0].playbook == playbook.fingerprint\n"
        "heavy = ['cattrs', 'yaml', 'numpy', 'networkx', 'pyarrow', 'journeykit.tables']\n"
        "files = ['read', 'parse', 'yaml', 'json_schema', 'positions', 'value_readers']\n"
        "heavy += [f'journeykit.playbook.{name}' for name in files]\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run(code) == "[]"


def test_the_journey_loads_networkx_only_when_drawn() -> None:
    """Networkx is loaded by the method that needs it, and not before."""
    code = (
        "import sys\nfrom journeykit import Journey\nbefore = 'networkx' in sys.modules\n"
        "Journey().graph()\nprint(before, 'networkx' in sys.modules)"
    )
    assert run(code) == "False True"
