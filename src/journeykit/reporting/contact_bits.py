"""A bit for each contact and name: which contacts have what, and how many have two of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 32_768
"""So many contacts are multiplied at once: the sums of their ones are exact in float32."""


class ContactBits:
    """Which contacts have which of some names: an eighth of a byte for each of both.

    Args:
        names: how many names there are.

    Example:
        >>> bits = ContactBits(3)
        >>> bits.add(np.array([0, 5, 5]), np.array([2, 2, 0]))
        >>> pairs(bits.matrix(6), bits.matrix(6), 3).tolist()
        [[1, 0, 1], [0, 0, 0], [1, 0, 2]]
    """

    def __init__(self, names: int) -> None:
        self.names = names
        self._bits = np.zeros((1024, (names + 7) // 8), np.uint8)

    def add(self, contact: NDArray[np.int64], name: NDArray[np.int64]) -> None:
        """Note that contacts have names: by place the number of a contact, and of a name."""
        if not len(contact):
            return
        self._need(int(contact.max()) + 1)
        order = np.argsort(name, kind="stable")
        names, first = np.unique(name[order], return_index=True)
        for own, rows in zip(names.tolist(), np.split(order, first[1:]), strict=True):
            self._bits[contact[rows], own >> 3] |= np.uint8(128 >> (own & 7))

    def take(self, other: ContactBits, contacts: int) -> None:
        """Take what others of no more names have noted of so many contacts."""
        self._need(contacts)
        own = other.matrix(contacts)
        self._bits[:contacts, : own.shape[1]] |= own

    def matrix(self, contacts: int) -> NDArray[np.uint8]:
        """By contact, the bits of all names, eight to a byte."""
        self._need(contacts)
        return self._bits[:contacts]

    def _need(self, contacts: int) -> None:
        if contacts > len(self._bits):
            grown = np.zeros((max(contacts, 2 * len(self._bits)), self._bits.shape[1]), np.uint8)
            grown[: len(self._bits)] = self._bits
            self._bits = grown


def ones(bits: NDArray[np.uint8], names: int) -> NDArray[np.float32]:
    """Bits as ones and zeros, a column for each name."""
    return np.unpackbits(bits, axis=1, count=names).astype(np.float32)


def pairs(one: NDArray[np.uint8], other: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """By two of so many names, how many contacts have the first among some bits and the second among others."""
    found = np.zeros((count, count), np.int64)
    for start in range(0, len(one), _BLOCK):
        own = ones(one[start : start + _BLOCK], count)
        more = own if other is one else ones(other[start : start + _BLOCK], count)
        found += (own.T @ more).astype(np.int64)
    return found
