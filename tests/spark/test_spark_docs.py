"""Pages and docstrings that need Spark, Ray or Dask run; in `tests/test_docs.py` run all others.

On a page and in a docstring, ``spark`` is the session of the tests.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from test_docs import APART, SPARK_MODULES, WITH_EXAMPLES, check_examples, check_page, page_name, scratch

__all__ = ["scratch"]


@pytest.mark.parametrize("page", APART, ids=page_name)
@pytest.mark.usefixtures("scratch")
def test_page_of_spark_runs(page, spark):
    """Every code block of a page runs, and prints what the page says."""
    check_page(page, {"spark": spark})


@pytest.mark.parametrize("name", [name for name in SPARK_MODULES if name in WITH_EXAMPLES])
@pytest.mark.usefixtures("scratch")
def test_docstring_examples_of_spark_run(name, spark):
    """Every example in a docstring runs, and gives what the docstring says."""
    check_examples(name, {"spark": spark})


def test_modules_of_spark_load_without_pyspark():
    """The documents are built, and the command line says what is missing, where PySpark is not installed."""
    code = (
        f"import sys, importlib; sys.modules['pyspark'] = None; [importlib.import_module(n) for n in {SPARK_MODULES}]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
