"""Bundles: tables and numbers that kernels take by reference.

A bundle is one pointer: to a few words that say where each table lies, and how long it is. The same words are a struct
of the extension module, so that nothing is copied or looked up by name.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


def table(kind: Any, dimensions: int = 1) -> tuple[np.dtype, int]:
    """A field of a bundle that is an array."""
    return np.dtype(kind), dimensions


class ArrayBundle:
    """Tables and numbers by name. Each class says in `fields` what it holds: arrays, whole numbers, other bundles."""

    fields: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **values: Any) -> None:
        words: list[int] = []
        for name, kind in self.fields.items():
            value = values.pop(name)
            if isinstance(kind, tuple):
                value = self._checked(name, kind, value)
                words += [value.ctypes.data, *value.shape]
            else:
                words.append(value.address if isinstance(value, ArrayBundle) else int(value))
            setattr(self, name, value)
        if values:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(values)}")
        self._words = np.array(words, np.int64)
        self.address: int = self._words.ctypes.data

    @staticmethod
    def _checked(name: str, kind: tuple[np.dtype, int], value: Any) -> Any:
        """An array as the kernels read it: of one kind, contiguous."""
        dtype, dimensions = kind
        if value.ndim != dimensions or value.dtype != dtype:
            raise TypeError(f"{name} must be {dimensions}d of {dtype}, found {value.ndim}d of {value.dtype}")
        return value if value.flags.c_contiguous else np.ascontiguousarray(value)

    def __reduce__(self) -> tuple[Any, ...]:
        """A bundle travels by its tables: where they lie is another place there."""
        return partial(type(self), **{name: getattr(self, name) for name in self.fields}), ()

    def __getattr__(self, name: str) -> Any:  # only for type checkers: the fields are set one by one
        raise AttributeError(name)

    def but(self, **values: Any) -> Self:
        """The same bundle with other values of some fields."""
        return type(self)(**{name: getattr(self, name) for name in self.fields} | values)
