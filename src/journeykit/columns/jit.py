"""How kernels are compiled: once, to disk.

Kernels make no arrays: all that they work on is made by Python, once for each thread. So nothing in them counts
references, which would cost more than the work itself, at run time as well as when they are compiled.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import njit

_made: Any = partial(njit, nogil=True, error_model="numpy", _nrt=False)
entry: Any = _made(cache=True)
"""A kernel that Python calls."""
kernel: Any = _made(no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""A kernel that other kernels call: without the wrappers for Python it compiles much faster."""
inlined: Any = _made(inline="always")
"""A kernel that is small, or called in one place, and written out there: a call with many tables costs more."""
