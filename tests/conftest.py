"""Settings of all tests."""

import os

from hypothesis import settings

# The machines that run the tests are shared: how long an example takes says nothing. In CI a run must repeat.
settings.register_profile("shared", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("repeatable" if os.environ.get("CI") == "true" else "shared")
