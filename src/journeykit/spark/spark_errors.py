"""What Spark says where something failed, in one line, and the error of this library behind it."""

from __future__ import annotations

import re

from journeykit import errors
from journeykit.errors import DataError, JourneykitError, LedgerError

_TASK = re.compile(r"\(\S+ executor \S+\): ")
_CAUSE = "Caused by: "
_JAVA = re.compile(r"^org\.apache\.spark\.[\w.]+: ")
_STATE = re.compile(r"\s*SQLSTATE: \w+")
_NAMED = re.compile(r"(?:[\w.]+\.)?\w*(?:Error|Exception)\b:? .*")
_OURS = re.compile(
    r"^journeykit\.errors\.(\w+): (.*?)(?=^\s*SQLSTATE|^\tat |^Caused by|^\s*$|\Z)", re.MULTILINE | re.DOTALL
)
_OF_DATA = re.compile(r"\[(?:FAILED_READ_FILE|CANNOT_READ|MALFORMED|FAILED_PARSE|PATH_|TABLE_OR_VIEW|CORRUPT)[\w.]*\]")
_BY_TEXT = ("ModelError", "DataError", "PolicyError", "InfeasibleError", "ExecutorError")
"""Errors that their message alone makes."""


def said_by_spark(error: BaseException) -> str:
    """Of what Spark says, the line that names the failure; where it is a file, also what is wrong with it.

    Example:
        >>> said = ["Job aborted", "Traceback:", "  File ...", "ImportError: PyArrow is missing", chr(9) + "at java"]
        >>> said_by_spark(RuntimeError(chr(10).join(said)))
        'ImportError: PyArrow is missing'
        >>> said = ["org.apache.spark.SparkException: [FAILED_READ_FILE] Error while reading a.csv. SQLSTATE: KD001"]
        >>> said += [chr(9) + "at java", "Caused by: java.io.IOException: the end is missing"]
        >>> said_by_spark(RuntimeError(chr(10).join(said)))
        '[FAILED_READ_FILE] Error while reading a.csv: java.io.IOException: the end is missing'
    """
    text = _TASK.split(str(error))[-1]
    lines = [
        line.strip().removeprefix(": ")
        for line in text.splitlines()
        if line.strip() and not line.startswith(("\tat ", "\t..."))
    ]
    named = [line for line in lines if _NAMED.match(line)]
    found = [named[-1] if named else lines[0] if lines else type(error).__name__]
    if _OF_DATA.search(found[0]):
        found += [line.removeprefix(_CAUSE) for line in lines if line.startswith(_CAUSE)][-1:]
    return ": ".join(dict.fromkeys(_STATE.sub("", _JAVA.sub("", line)).rstrip(". ") for line in found))


def error_behind(error: BaseException, work: str = "do the work") -> JourneykitError:
    """The error of this library that a task raised; else what Spark says, as one.

    Args:
        error: what PySpark raised.
        work: what Spark could not do.

    Example:
        >>> said = ["Traceback ...", "journeykit.errors.DataError: row 3: no id", chr(9) + "at java"]
        >>> error_behind(RuntimeError(chr(10).join(said)))
        DataError('row 3: no id')
    """
    text = str(error)
    found = _OURS.findall(text)
    if found:
        name, message = found[-1]
        if name == "LedgerError":
            message, _, kind = message.partition("\nkind: ")
            return LedgerError(message.strip(), kind=kind.strip() or "other")
        own = getattr(errors, name) if name in _BY_TEXT else JourneykitError
        return own(message.strip())
    if _OF_DATA.search(text):
        return DataError(f"a table cannot be read: {said_by_spark(error)}; mend what is named, or leave it out")
    return JourneykitError(f"Spark could not {work}: {said_by_spark(error)}")
