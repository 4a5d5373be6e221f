"""The columnar engine: the decisions of the one-contact engine, row for row, over tables.

Needs the extra ``columns``: NumPy, Numba, PyArrow and narwhals, whose only home this is (besides Parquet files among
the tables). Contacts come in chunks; each chunk becomes arrays, kernels decide it, and its answers become a piece of
the table of decisions. What is odd in a chunk (a cell that cannot be read, a claim that is there twice, a search that
is too long for the kernels) is left, contact by contact, to the one-contact engine.

Numba compiles the kernels when they are first used on a machine, which takes a minute or two, and keeps them on disk.
"""
