"""Files that appear whole or not at all: what a killed process left beside them is removed by the next run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from journeykit.tables.files import whole_file

WRITER = """
import sys, time
from journeykit.tables.write_rows import whole_file
with whole_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


def writer(path):
    """A process that is in the middle of writing a file."""
    own = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert own.stdout.readline() == b"writing\n"
    return own


def made_long_ago(folder):
    """As if what is being written had been begun an hour ago."""
    found = list(folder.glob(".*.tmp"))
    for left in found:
        os.utime(left, (time.time() - 3600,) * 2)
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_next_run_removes_what_a_killed_one_left(tmp_path):
    """Its own only: not what another process still writes, and not what looks a little like it."""
    others = [tmp_path / name for name in (".out.csv.tmp", ".out.csv.0123456789ab.bak", ".out.csv.0123456789xy.tmp")]
    for other in others:
        other.write_bytes(b"mine")
    killed, alive = writer(tmp_path / "out.csv"), writer(tmp_path / "out.csv")
    try:
        before = {left.name for left in made_long_ago(tmp_path)}
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        with whole_file(tmp_path / "other.csv") as file:
            file.write(b"other")
        assert {left.name for left in tmp_path.glob(".*.tmp")} == before, "another target's are not its own"
        with whole_file(tmp_path / "out.csv") as file:
            file.write(b"whole")
        assert len([name for name in before if (tmp_path / name).exists()]) == len(before) - 1
        assert (tmp_path / "out.csv").read_bytes() == b"whole"
        assert all(other.read_bytes() == b"mine" for other in others)
    finally:
        alive.kill()
        alive.communicate()
    made_long_ago(tmp_path)
    with whole_file(tmp_path / "out.csv") as file:
        file.write(b"again")
    assert sorted(own.name for own in tmp_path.iterdir()) == sorted(["other.csv", "out.csv", *(o.name for o in others)])
