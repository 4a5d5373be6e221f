"""Pages and docstrings that need Spark, Ray or Dask run; in `tests/test_docs.py` run all others.

On a page and in a docstring, ``spark`` is the session of the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from spark_session import need
from test_docs import APART, SPARK_MODULES, WITH_EXAMPLES, check_examples, check_page, page_name, scratch

__all__ = ["scratch"]


WITHOUT = {"ray-and-dask.md": ("ray", "dask.dataframe")}
"""Pages that need no Spark, and the modules that they need; both say much, and start processes."""


@pytest.mark.parametrize("page", [page for page in APART if page.name not in WITHOUT], ids=page_name)
@pytest.mark.usefixtures("scratch")
def test_page_of_spark_runs(page, spark):
    """Every code block of a page runs, and prints what the page says."""
    check_page(page, {"spark": spark})


@pytest.mark.parametrize("page", [page for page in APART if page.name in WITHOUT], ids=page_name)
def test_page_of_ray_and_dask_runs(page, scratch):
    """In a process of its own, where logs and warnings of other packages are not judged."""
    need(*WITHOUT[page.name], java=False)
    run = f"test_docs.check_page(pathlib.Path({str(page)!r}), {{}})"
    code = f"import logging, pathlib, test_docs; logging.disable(logging.CRITICAL); {run}"
    paths = os.pathsep.join([str(scratch), *sys.path])
    command, env = [sys.executable, "-W", "ignore", "-c", code], os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr


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
