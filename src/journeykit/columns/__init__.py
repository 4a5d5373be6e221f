"""The columnar engine: the decisions of the row engine, row for row, over tables.

Needs the kernels and the extra ``columns``: NumPy, PyArrow and narwhals. Contacts come in chunks; each chunk becomes
arrays, kernels decide it, and its answers become a piece of the table of decisions. Contacts that the columnar engine
cannot handle (an unreadable cell, a duplicate claim, a search too long) fall back to the row engine, one by one.

The kernels are those of the extension module, which is built with the package; where it was not, the row engine does the
work.
"""

from importlib.util import find_spec

from journeykit.kernels import has_kernels


def has_columns() -> bool:
    """Whether the columnar engine is installed: the packages of its extra, and kernels."""
    return has_kernels() and all(find_spec(name) is not None for name in ("numpy", "narwhals", "pyarrow"))
