"""Executors that cannot decide as the driver does are refused by name, before any work begins."""

from __future__ import annotations

import sys

import pytest

from journeykit import ExecutorError
from journeykit.basics.version import VERSION
from journeykit.spark import executor_check
from journeykit.spark.executor_check import ExecutorFacts, check_executors
from journeykit.spark.spark_errors import said_by_spark


def facts(**changes):
    own = {"host": "node7", "python": "3.11.7", "path": "/python", "version": VERSION, "has_kernels": True}
    return ExecutorFacts(**own | {"trouble": None} | changes)


def test_an_executor_says_what_it_lacks():
    """The package, its version, its extension module, and what else the work imports."""
    assert facts().fault() is None
    assert facts(version=None, trouble="No module named 'journeykit'").fault() == (
        "has no journeykit (No module named 'journeykit')"
    )
    assert facts(version="0.0.9").fault() == "has journeykit 0.0.9"
    assert facts(has_kernels=False).fault() == "has journeykit without its extension module"
    assert facts(trouble="ImportError: numpy").fault() == "cannot import what the work needs (ImportError: numpy)"


def test_the_cause_is_the_last_error_that_is_named():
    """Of pages of Java's and Python's traces, one line is told."""
    said = (
        "An error occurred while calling o1.collect.\n: org.apache.spark.SparkException: Job aborted: Lost task 1.1 in "
        "stage 9.0 (TID 11) (vm executor driver): java.io.IOException: Cannot run program: No such file\n\tat java.X\n"
        "Caused by: java.io.IOException: error=2\n\t... 32 more\n"
    )
    assert said_by_spark(RuntimeError(said)) == "java.io.IOException: Cannot run program: No such file"
    assert said_by_spark(RuntimeError()) == "RuntimeError"


@pytest.fixture
def workers(spark, monkeypatch):
    """Lets a check begin anew, with workers of another Python."""
    monkeypatch.setattr(executor_check, "_PASSED", {})

    def use(path):
        monkeypatch.setattr(spark.sparkContext, "pythonExec", str(path))

    return use


@pytest.mark.usefixtures("workers")
def test_good_executors_are_asked_once(spark, connect, monkeypatch):
    """What was found well in a session is not asked again; sessions of Connect are asked alike."""
    check_executors(spark, ["oracle"])
    check_executors(connect)
    monkeypatch.setattr(executor_check, "_told", None)
    check_executors(spark)
    check_executors(spark, ["oracle"])
    check_executors(connect)


def test_an_executor_with_another_version_is_refused(spark, workers, tmp_path):
    """The error says where it is, which version it has, which one is wanted and what to do."""
    fake = tmp_path / "journeykit" / "basics"
    fake.mkdir(parents=True)
    (fake / "version.py").write_text("VERSION = '0.0.9'\n", "utf-8")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}:$PYTHONPATH exec {sys.executable} "$@"\n', "utf-8")
    python.chmod(0o755)
    (fake.parent / "__init__.py").touch()
    workers(python)
    with pytest.raises(ExecutorError) as told:
        check_executors(spark)
    assert f"which has journeykit {VERSION} with its extension module: " in str(told.value)
    assert "has journeykit 0.0.9. To do: install journeykit[spark]==" in str(told.value)


def test_a_python_that_is_not_there_and_a_module_that_is_not_there_are_said(spark, workers):
    """Where no Python runs on an executor, or it lacks a policy's module, that is the message."""
    with pytest.raises(
        ExecutorError, match=r"cannot import what the work needs \(ModuleNotFoundError: .*'my_policies'"
    ):
        check_executors(spark, ["my_policies"])
    workers("/nowhere/python")
    with pytest.raises(ExecutorError, match=r'cannot run Python .*Cannot run program "/nowhere/python'):
        check_executors(spark)
