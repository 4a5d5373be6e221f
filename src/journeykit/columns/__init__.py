"""The columnar engine: the decisions of the row engine, row for row, over tables.

Needs the extra ``columns``: NumPy, Numba, PyArrow and narwhals. Contacts come in chunks; each chunk becomes arrays,
kernels decide it, and its answers become a piece of the table of decisions. Contacts that the columnar engine cannot
handle (an unreadable cell, a duplicate claim, a search too long) fall back to the row engine, one by one.

Numba compiles the kernels when they are first used on a machine, which takes a minute or two, and keeps them on disk.
"""
