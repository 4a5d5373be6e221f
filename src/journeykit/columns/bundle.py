"""Bundles: tables and numbers that kernels take by reference.

A kernel that takes a tuple of arrays gets every address, length and stride of every one of them as an argument of its
own, and hands them all on with every call. A bundle is one pointer instead: to a few words that say where each table
lies. What a kernel does not use it does not load. Here Numba learns of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models, register_default
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import NativeValue, typeof_impl, unbox
from numba.np import numpy_support
from numba.np.arrayobj import make_array, populate_array

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = ir.IntType(64)


def table(kind: Any, dimensions: int = 1) -> tuple[np.dtype, int]:
    """A field of a bundle that is an array."""
    return np.dtype(kind), dimensions


class Bundle:
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
                words.append(value.address if isinstance(value, Bundle) else int(value))
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

    def __getattr__(self, name: str) -> Any:  # only for type checkers: the fields are set one by one
        raise AttributeError(name)

    def but(self, **values: Any) -> Self:
        """The same bundle with other values of some fields."""
        return type(self)(**{name: getattr(self, name) for name in self.fields} | values)


class _BundleType(types.Type):
    def __init__(self, kind: type[Bundle]) -> None:
        self.kind = kind
        super().__init__(name=f"Bundle({kind.__module__}.{kind.__qualname__})")

    def field(self, name: str) -> tuple[Any, int]:
        """The type of a field, and where it stands."""
        place = 0
        for own, kind in self.kind.fields.items():
            if own == name:
                if isinstance(kind, tuple):
                    dtype = numpy_support.from_dtype(kind[0])
                    return types.Array(dtype, kind[1], "C"), place
                return (types.int64 if kind is int else _BundleType(kind)), place
            place += 1 + (kind[1] if isinstance(kind, tuple) else 0)
        raise AttributeError(name)


@register_default(_BundleType)
class _BundleModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _BundleType) -> None:
        super().__init__(manager, kind, _WORD.as_pointer())


@typeof_impl.register(Bundle)
def _typeof(value: Bundle, _: Any) -> _BundleType:
    return _BundleType(type(value))


@unbox(_BundleType)
def _unbox(_: _BundleType, value: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(value, "address")
    word = c.pyapi.long_as_longlong(address)
    c.pyapi.decref(address)
    return NativeValue(
        c.builder.inttoptr(word, _WORD.as_pointer()), is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred())
    )


@infer_getattr
class _BundleAttributes(AttributeTemplate):
    key = _BundleType

    def generic_resolve(self, kind: _BundleType, name: str) -> Any:
        return kind.field(name)[0] if name in kind.kind.fields else None


@lower_getattr_generic(_BundleType)
def _get(context: Any, builder: Any, kind: _BundleType, value: Any, name: str) -> Any:
    found, place = kind.field(name)

    def word(at: int) -> Any:
        return builder.load(builder.gep(value, [ir.Constant(ir.IntType(32), at)]))

    if isinstance(found, _BundleType):
        return builder.inttoptr(word(place), _WORD.as_pointer())
    if not isinstance(found, types.Array):
        return word(place)
    array = make_array(found)(context, builder)
    size = context.get_abi_sizeof(context.get_data_type(found.dtype))
    shape = [word(place + 1 + axis) for axis in range(found.ndim)]
    strides = [ir.Constant(_WORD, size)]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    populate_array(
        array,
        data=builder.inttoptr(word(place), array.data.type),
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=ir.Constant(_WORD, size),
        meminfo=None,
    )
    return array._getvalue()  # noqa: SLF001  (Numba's own way)
