"""YAML as a playbook needs it: data without surprises. The only home of PyYAML.

No object is ever made from a tag, nothing is copied by an alias, no key merges or hides another, and a word
without quotes stays that word (`Plain`) until the schema says what it is: ``no`` is a text where a text is
wanted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from journeykit.errors import MissingExtraError, PlaybookError, Problem
from journeykit.playbook.positions import Plain, Rows, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_KEY = object()


def read_yaml(text: str, *, deepest: int, most: int, source: str) -> Any:
    """The data of a YAML text: `Table`, `Rows`, `Plain` and quoted texts; None for a text without data.

    Raises:
        PlaybookError: if it is not YAML, or uses what a playbook may not: tags, anchors, aliases, merge
            keys, keys that are no texts, several documents, more than ``deepest`` levels or ``most`` values.
        MissingExtraError: without PyYAML.

    Example:
        >>> read_yaml("channel: no", deepest=50, most=100, source="example")
        {'channel': 'no'}
    """
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("yaml", "reading a YAML playbook") from None
    builder = _Builder(deepest, most)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(type(event).__name__, event)
            if builder.stopped:
                break
    except yaml.YAMLError as error:
        builder.problems.append(_too_deep(error, deepest) or _syntax(error))
    except (ValueError, OverflowError) as error:  # the scanner without C, for an impossible escape
        builder.problems.append(Problem("", f"this is not YAML: {error}"))
    if builder.problems:
        raise PlaybookError(builder.problems, source=source)
    return builder.root


def _too_deep(error: Any, deepest: int) -> Problem | None:
    """The fault of a text that the parser itself finds nested too deep, which is deeper than we allow."""
    if "nesting depth" not in str(getattr(error, "problem", None)):
        return None
    return Problem("", f"nested more than {deepest} deep", line=error.problem_mark.line + 1)


def _syntax(error: Any) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    said = ", ".join(part for part in parts if part) or str(error).split("\n", 1)[0]
    return Problem("", f"this is not YAML: {said}", line=None if mark is None else mark.line + 1)


class _Builder:
    """Puts parse events together, without recursion."""

    def __init__(self, deepest: int, most: int) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self.stopped = False
        self._deepest = deepest
        self._most = self._left = most
        self._documents = 0
        self._open: list[Table | Rows] = []
        self._keys: list[Any] = []

    def take(self, kind: str, event: Any) -> None:
        line = event.start_mark.line + 1
        self._left -= 1
        if self._left < 0:
            self.stopped = True
            self.problems.append(Problem("", f"more than {self._most:,} values", line=line))
        for message in self._refused(kind, event):
            self.problems.append(Problem("", message, line=line))
        if kind == "ScalarEvent":
            self._place(Plain(event.value) if event.implicit[0] else event.value, line)
        elif kind == "AliasEvent":
            self._place("*", line)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin(Table() if kind == "MappingStartEvent" else Rows(), line)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()
            self._keys.pop()

    def _refused(self, kind: str, event: Any) -> Iterator[str]:
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                self.stopped = True
                yield "a playbook is one document, found a second one after '---'"
        elif kind == "AliasEvent":
            yield f"aliases are not read, found '*{event.anchor}'; write the value out"
        else:
            if getattr(event, "tag", None) is not None:
                yield f"tags are not read, found {event.tag!r}; the schema says what each value is"
            if getattr(event, "anchor", None) is not None:
                yield f"anchors are not read, found '&{event.anchor}'; write each value out where it is used"

    def _begin(self, container: Table | Rows, line: int) -> None:
        self._place(container, line)
        self._open.append(container)
        self._keys.append(_NO_KEY)
        if len(self._open) > self._deepest:
            self.stopped = True
            self.problems.append(Problem("", f"nested more than {self._deepest} deep", line=line))

    def _place(self, value: Any, line: int) -> None:
        if not self._open:
            self.root = value
            return
        container = self._open[-1]
        if isinstance(container, Rows):
            container.append(value)
            container.lines.append(line)
        elif self._keys[-1] is _NO_KEY:
            self._keys[-1] = self._key(container, value, line)
        else:
            container[self._keys[-1]] = value
            self._keys[-1] = _NO_KEY

    def _key(self, table: Table, value: Any, line: int) -> str:
        if not isinstance(value, str):
            self.problems.append(Problem("", "a key is a text, found a list or a mapping", line=line))
            return ""
        if isinstance(value, Plain) and value == "<<":
            self.problems.append(Problem("", "merge keys are not read, found '<<'; write the keys out", line=line))
        key = str(value)
        if key in table:
            table.twice.append(key)
        table.lines[key] = line
        return key


# What words without quotes mean

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    word: value for name, value in (("true", True), ("false", False)) for word in (name, name.title(), name.upper())
}
_NULLS = ("", "~", "null", "Null", "NULL")
_ODD = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")


def whole_number(digits: str) -> float:
    """A number of digits alone; infinity where there are too many for Python, for the model to refuse."""
    return int(digits) if len(digits) < 1_000 else float(digits)


def core_value(value: Any) -> Any:
    """A value; of a word without quotes, what YAML's core schema (1.2) makes of it."""
    if not isinstance(value, Plain):
        return value
    text = str(value)
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2])
        return int(text, base) if base else whole_number(text)
    if _FLOAT.fullmatch(text) or _ODD.fullmatch(text):
        return float(_ODD.sub(r"\1\2", text))
    return text


def is_null(value: object) -> bool:
    """Whether a value is null, or spells it in YAML."""
    return value is None or (isinstance(value, Plain) and value in _NULLS)
