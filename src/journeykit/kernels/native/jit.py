"""How kernels are compiled: once, to disk; where no folder can be written, in each process anew.

Kernels make no arrays: all that they work on is made by Python, once for each thread. So nothing in them counts
references, which would cost more than the work itself, at run time as well as when they are compiled.
"""

from __future__ import annotations

import logging
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.extending import intrinsic

import journeykit.kernels.native.bundle_type  # noqa: F401  (teaches Numba what an array bundle is)

LOG = logging.getLogger("journeykit")
_made: Any = partial(njit, nogil=True, error_model="numpy", _nrt=False)


def entry_point(function: Any) -> Any:
    """A kernel that Python calls, kept on disk as long as nothing changes that kernels are made of.

    Numba looks at the file of the kernel alone, and would keep it when those that it calls are no longer the same.

    Where Numba finds no folder that it can write, as in a read-only container without a home, the kernel is compiled
    in memory. A folder below the temporary one is no place for it: what lies there under a name that others can
    guess may be theirs, and what is loaded from the disk is run.
    """
    try:
        made = _made(cache=True)(function)
    except RuntimeError:  # Numba's "cannot cache function: no locator available"
        _tell()
        return _made()(function)
    kept = made._cache._cache_file  # noqa: SLF001  (Numba has no other place for it)
    kept._source_stamp = (kept._source_stamp, _sources())  # noqa: SLF001
    kept._load_index = partial(_known, kept._load_index)  # noqa: SLF001
    return made


def _known(load: Any) -> Any:
    """The kernels that are kept, by their signatures; none where the list of them cannot be read.

    Numba reads the list before it looks whether it still holds, and reading fails where a module has moved since.
    """
    try:
        return load()
    except Exception:  # noqa: BLE001  (whatever it is, the kernel can be compiled anew)
        return {}


@cache
def _tell() -> None:
    """Say once that each process compiles."""
    LOG.warning(
        "no folder can be written to keep the compiled engine in, so each process compiles it, for one to two minutes:"
        " name one in NUMBA_CACHE_DIR"
    )


@cache
def _sources() -> str:
    """A digest of what kernels are made of: all of this package, and the layouts of the tables that they read."""
    made = sha256()
    native = Path(__file__).parent
    for path in sorted([*native.glob("*.py"), *(native.parent / "interface").glob("*.py")]):
        made.update(path.read_bytes())
    return made.hexdigest()


kernel: Any = _made(no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""A kernel that other kernels call: without the wrappers for Python it compiles much faster."""
inlined: Any = _made(inline="always")
"""A kernel that is small, or called in one place, and written out there: a call with many tables costs more."""


@intrinsic
def trailing_zeros(_: Any, number: Any) -> Any:  # noqa: ARG001  (Numba wants the name)
    """How many zeros a whole number that is not 0 ends with, in binary."""

    def made(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), made
