"""Settings of all tests."""

import os
import signal

from hypothesis import settings

# The machines that run the tests are shared: how long an example takes says nothing. In CI a run must repeat.
settings.register_profile("shared", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("repeatable" if os.environ.get("CI") == "true" else "shared")

# A shell starts what runs in its background so that it passes over interrupts; what a test starts would do so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
