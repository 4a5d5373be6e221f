"""Text in a picture: what can be drawn, how wide it becomes, and where its lines break."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from journeykit.basics.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator


def told(text: str) -> str:
    r"""A text on one line, without what no picture can hold; emoji that are joined stay so.

    Example:
        >>> print(told("two\nlines\x00"))
        two lines\u0000
    """
    return "".join(char if char == "\u200d" else clean(char) for char in " ".join(text.split()))


_NARROW, _BROAD = frozenset("iljtfrI.,:;|'!()[]{}/\\ \"`"), frozenset("mwMW@%&QOGND+=<>~^#_")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text becomes, in a broad font."""
    return sum(map(_em, text)) * size * (1.1 if bold else 1)


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.38
    if char in _BROAD:
        return 0.84
    if unicodedata.combining(char) or char == "\u200d":
        return 0
    if unicodedata.east_asian_width(char) in "WF" or char > "\u2fff":
        return 1.25 if char > "\uffff" else 1.05
    return 0.7 if char.isupper() else 0.59


def wrapped(text: str, widest: float, size: float, *, most: int, bold: bool = False) -> tuple[str, ...]:
    """A text as lines of about equal length; what does not fit into so many of them is cut.

    Example:
        >>> wrapped("one two three four", 60, 12, most=3)
        ('one two', 'three four')
        >>> wrapped("one two three four", 60, 12, most=1)
        ('one two…',)
    """
    lines = _filled(text, widest, size, bold=bold)
    if len(lines) > most:
        last = lines[most - 1]
        rest = last if len(lines[most]) == 0 else f"{last} {lines[most]}"
        while rest and width_of(f"{rest}…", size, bold=bold) > widest:
            rest = rest[:-1]
        return (*lines[: most - 1], f"{rest.rstrip()}…")
    narrow = widest
    while narrow > size and len(tight := _filled(text, narrow - 6, size, bold=bold)) == len(lines):
        if any(part not in text.split() for line in tight for part in line.split()):
            break
        narrow, lines = narrow - 6, tight
    return tuple(lines)


def _filled(text: str, widest: float, size: float, *, bold: bool) -> list[str]:
    lines: list[str] = []
    for whole in text.split(" "):
        for word in _pieces(whole, widest, size, bold=bold):
            if lines and width_of(f"{lines[-1]} {word}", size, bold=bold) <= widest:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
    return lines


def _pieces(word: str, widest: float, size: float, *, bold: bool) -> Iterator[str]:
    """A word, broken where it is longer than a line: after a sign that divides it, if there is one."""
    while width_of(word, size, bold=bold) > widest:
        end = 1
        while width_of(word[: end + 1], size, bold=bold) <= widest:
            end += 1
        better = max((word.rfind(sign, 0, end) + 1 for sign in "_-./"), default=0)
        end = better if better > end // 2 else end
        yield word[:end]
        word = word[end:]
    yield word


def counted(number: int, noun: str) -> str:
    """A number of things in words.

    Example:
        >>> counted(1200, "contact"), counted(1, "stage")
        ('1,200 contacts', '1 stage')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
