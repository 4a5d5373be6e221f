"""Names by number, as layouts use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Names:
    """Names by number, in the order of their first appearance."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.list: list[str] = []
        self.number: dict[str, int] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> int:
        """The number of a name."""
        number = self.number.setdefault(name, len(self.list))
        if number == len(self.list):
            self.list.append(name)
        return number

    def find(self, name: str | None) -> int:
        """The number of a name, or -1."""
        return -1 if name is None else self.number.get(name, -1)
