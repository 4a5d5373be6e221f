"""Text on a terminal: what cannot break a line, and how many columns it takes."""

from __future__ import annotations

import unicodedata


def clean(text: str) -> str:
    r"""A text that cannot break a line, drive a terminal or turn the direction of what follows.

    Example:
        >>> print(clean("a\nb"))
        a\u000ab
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def width_of(text: str) -> int:
    """How many columns a text takes: letters of East Asia take two, marks on letters none.

    Example:
        >>> width_of("summit"), width_of("東京")
        (6, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """A text filled with blanks to so many columns; with ``right`` it is aligned at the right."""
    gap = " " * (columns - width_of(text))
    return gap + text if right else text + gap
