"""The columnar engine: the decisions of the row engine, row for row, over tables.

Needs the kernels and the extra ``columns``: NumPy, PyArrow and narwhals. Contacts come in chunks; each chunk becomes
arrays, kernels decide it, and its answers become a piece of the table of decisions. Contacts that the columnar engine
cannot handle (an unreadable cell, a duplicate claim, a search too long) fall back to the row engine, one by one.

The kernels are those of the extension module, which is built with the package; where it was not, the row engine does
the work.
"""

from importlib.util import find_spec

from journeykit.errors import EXTENSION
from journeykit.kernels import has_kernels


def missing_module() -> str | None:
    """The first module that the columnar engine lacks: of the packages of its extra, and the kernels; None for none."""
    lacking = (name for name in ("numpy", "narwhals", "pyarrow") if find_spec(name) is None)
    return next(lacking, None if has_kernels() else EXTENSION)


def has_columns() -> bool:
    """Whether the columnar engine is installed."""
    return missing_module() is None
