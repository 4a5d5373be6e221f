"""How kernels are compiled: once, to disk."""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import njit

entry: Any = njit(cache=True, nogil=True, error_model="numpy", _nrt=True)
"""A kernel that Python calls."""
_inner: Any = partial(njit, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
kernel: Any = _inner(_nrt=True)
"""A kernel that other kernels call. Without the wrappers for Python it compiles much faster."""
leaf: Any = _inner(_nrt=False)
"""A kernel that makes no arrays. Without the counting of references it compiles faster still."""
inlined: Any = njit(nogil=True, inline="always")
"""A kernel so small that it is written out where it is called."""
