"""How kernels are compiled: once, to disk."""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import njit

entry: Any = njit(cache=True, nogil=True, error_model="numpy")
"""A kernel that Python calls."""
kernel: Any = partial(njit, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)()
"""A kernel that other kernels call: without the wrapper for Python it compiles much faster."""
inlined: Any = partial(njit, nogil=True, inline="always")()
"""A kernel so small that it is written out where it is called."""
leaf: Any = partial(njit, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)()
