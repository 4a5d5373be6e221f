"""The family tree of journeykit's errors.

::

    JourneykitError
    ├── ModelError          a value that cannot be: a window of no length, an unknown time zone
    ├── RuleError           an audience rule that cannot be read; knows its text and column
    ├── PlaybookError       everything that is wrong in a playbook, at once
    ├── DataError           a table or a row that cannot be used
    ├── InfeasibleError     hard quotas that cannot hold together; knows which, and what is missing
    ├── PolicyError         an object that is no policy, or an unknown name
    ├── LedgerError         what the ledger cannot do, or may not; knows what kind of trouble it is
    ├── ExecutorError       executors of Spark that cannot do the work as the driver would
    └── MissingExtraError   a package that an extra would have installed

Each error carries its parts as attributes; the message says what was found and what is allowed.
"""

from __future__ import annotations

import difflib
import errno
import os
from functools import partial
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable


class JourneykitError(Exception):
    """The root: catch this one to catch them all."""


class ModelError(JourneykitError, ValueError):
    """A value that cannot be, such as a window of no length or an unknown time zone.

    Attributes:
        field: the name of the field that is wrong, or an empty text.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class RuleError(JourneykitError, ValueError):
    """An audience rule that cannot be read.

    Attributes:
        text: the rule as it was given.
        column: where in the text, counted from 1; 0 when no single place is to blame.
    """

    def __init__(self, message: str, *, text: str = "", column: int = 0) -> None:
        place = f" (column {column})" if column else ""
        super().__init__(f"{message}{place}")
        self.message = message
        self.text = text
        self.column = column


KeyPath = tuple[str | int, ...]
"""Where something is, step by step: ``("campaigns", 2, "team")``."""


def path_text(path: KeyPath) -> str:
    """A path as problems write it.

    Example:
        >>> path_text(("campaigns", 2, "team"))
        'campaigns[2].team'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step[:100]}" for step in path).removeprefix(".")


@frozen
class Problem:
    """One fault of a playbook.

    Attributes:
        path: where, such as ``campaigns[2].team``.
        message: what is wrong and what is allowed.
        line: the line in the file, counted from 1; None where the source has no lines.
        suggestion: what was probably meant, or None.
        severity: ``error`` or ``warning``.
        steps: the path step by step; none where only its text is known.
    """

    path: str
    message: str
    line: int | None = None
    suggestion: str | None = None
    severity: str = "error"
    steps: KeyPath = field(default=(), repr=False, eq=False)

    @classmethod
    def at(cls, steps: KeyPath, message: str, suggestion: str | None = None) -> Problem:
        """A fault at a path."""
        return cls(path_text(steps), message, suggestion=suggestion, steps=steps)

    @classmethod
    def warning(cls, path: str, message: str, suggestion: str | None = None) -> Problem:
        """A problem that does not keep a playbook from being used."""
        return cls(path, message, suggestion=suggestion, severity="warning")

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{line}{self.path or 'playbook'}: {self.message}{hint}"


class PlaybookError(JourneykitError, ValueError):
    """Everything that is wrong in a playbook, at once.

    Attributes:
        problems: the faults, in the order of the file.
        source: the name of the file, or ``playbook``.
    """

    def __init__(self, problems: Iterable[Problem], *, source: str = "playbook") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{source}: {count} problem{'s' if count != 1 else ''}\n{lines}")

    def __reduce__(self) -> tuple[object, ...]:
        return partial(PlaybookError, source=self.source), (self.problems,)


class DataError(JourneykitError, ValueError):
    """A table, row or argument that cannot be used.

    Attributes:
        source: the file or argument, or an empty text.
        row: the row, counted from 1 without the header; None where the whole is meant.
        field: the column or attribute, or an empty text.
    """

    def __init__(self, message: str, *, source: str = "", row: int | None = None, field: str = "") -> None:
        place = ", ".join(
            part for part in (source, f"row {row}" if row is not None else "", field and f"field {field!r}") if part
        )
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.source = source
        self.row = row
        self.field = field


class InfeasibleError(JourneykitError):
    """Hard quotas that cannot hold together.

    Attributes:
        quotas: their names; without any one of them the others could hold.
        missing: how much the first of them lacks if the others hold; None where that is not known.
    """

    def __init__(self, message: str, *, quotas: Iterable[str] = (), missing: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.quotas = tuple(quotas)
        self.missing = missing


class PolicyError(JourneykitError, ValueError):
    """An object that is no policy, an unknown name, or a policy that cannot be loaded."""


class LedgerError(JourneykitError):
    """What the ledger cannot do, or may not. Nothing of the transaction in which it was raised is kept.

    Attributes:
        kind: ``locked`` (another job held it for too long: try again), ``full`` (no room on the disk), ``lost`` (the
            connection broke; where that was while it committed, as the message says then, it is not known whether the
            transaction is kept, so ask again with the same key or run), ``place`` (it cannot be opened), ``schema``
            (it must be created or upgraded), ``move`` (a change of state that may not be), ``unknown`` (it holds no
            such reservation) or ``other``.
    """

    def __init__(self, message: str, *, kind: str = "other") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        # Where a worker of Spark raises it, its text alone comes to the driver.
        self.add_note(f"kind: {kind}")


class ExecutorError(JourneykitError):
    """Executors of Spark that cannot do the work as the driver would: without the library, or with another version."""


EXTENSION = "journeykit.kernels._core"
"""The name of the extension module."""


class MissingExtraError(JourneykitError, ImportError):
    """A package that one of journeykit's extras would have installed.

    Attributes:
        extra: the extra to install.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the extra {extra!r}: pip install 'journeykit[{extra}]'")
        self.extra = extra
        self.purpose = purpose

    def __reduce__(self) -> tuple[object, ...]:
        return MissingExtraError, (self.extra, self.purpose)


class MissingExtensionError(MissingExtraError):
    """The extension module of journeykit, which is built where a C++20 compiler is at hand, and was not."""

    def __init__(self, purpose: str) -> None:
        super().__init__("columns", purpose)

    def __str__(self) -> str:
        return (
            f"{self.purpose} needs journeykit's extension module, which was not built: "
            "install journeykit again where a C++20 compiler is"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return MissingExtensionError, (self.purpose,)


def missing(module: str | None, extra: str, purpose: str) -> MissingExtraError:
    """What to say where a module is missing: the extra that installs it, or that the extension is not built.

    Example:
        >>> print(missing("numpy", "columns", "decide_table"))
        decide_table needs the extra 'columns': pip install 'journeykit[columns]'
    """
    return MissingExtensionError(purpose) if module == EXTENSION else MissingExtraError(extra, purpose)


def named_error(error: OSError, name: str | os.PathLike[str]) -> OSError:
    """An error of the file system that says which file it is about; one that says so already stays as it is.

    Example:
        >>> print(named_error(OSError(28, "No space left on device"), "decisions.csv"))
        [Errno 28] No space left on device: 'decisions.csv'
    """
    if error.filename is not None or error.errno is None or error.errno not in _ABOUT_A_FILE:
        return error
    return OSError(error.errno, error.strerror or os.strerror(error.errno), os.fspath(name))


_ABOUT_A_FILE = {errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EBADF, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""What a full disk, a limit, a broken disk and a closed file are."""


def closest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that a misspelt one probably meant, or None; in whatever case.

    Example:
        >>> closest("tema", ["team", "theme", "topic"])
        'team'
        >>> closest("Email", ["email", "Emal"])
        'email'
    """
    folded: dict[str, str] = {}
    for name in allowed:
        folded.setdefault(name.strip().casefold(), name)
    own = word.strip().casefold()
    found = [own] if own in folded else difflib.get_close_matches(own, list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None
