"""Array bundles as Numba sees them."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models, register_default
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import NativeValue, typeof_impl, unbox
from numba.np import numpy_support
from numba.np.arrayobj import make_array, populate_array

from journeykit.kernels.interface.array_bundle import ArrayBundle

_WORD = ir.IntType(64)


class _BundleType(types.Type):
    def __init__(self, kind: type[ArrayBundle]) -> None:
        self.kind = kind
        super().__init__(name=f"Bundle({kind.__module__}.{kind.__qualname__})")

    def field(self, name: str) -> tuple[Any, int]:
        """The type of a field, and its place."""
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


@typeof_impl.register(ArrayBundle)
def _typeof(value: ArrayBundle, _: Any) -> _BundleType:
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
