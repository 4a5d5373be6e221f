"""Settings of all tests."""

import gc
import os
import signal
import sys

from hypothesis import settings

# The machines that run the tests are shared: how long an example takes says nothing. In CI a run must repeat.
settings.register_profile("shared", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("repeatable" if os.environ.get("CI") == "true" else "shared")


# What tests write need not outlive the machine, and to wait for disks takes longer than most tests.
os.fsync = lambda _: None


def pytest_collection_finish():
    """What is collected stays until the end: Python need not look through it again and again for what to let go."""
    if "ledgers" in sys.modules:
        sys.modules["ledgers"].wait_for_no_disk()
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    """Databases that tests have made are dropped."""
    if "ledgers" in sys.modules:
        sys.modules["ledgers"].drop_databases()


# A shell starts what runs in its background so that it passes over interrupts; what a test starts would do so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
