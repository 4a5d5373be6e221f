"""Once: attributes that are worked out when they are first read, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

_Value = TypeVar("_Value")


class once(Generic[_Value]):  # noqa: N801  (it decorates, like property)
    """A method that is called when its name is first read, and whose value then takes its place.

    `functools.cached_property` does the same, and takes a lock each time up to Python 3.11; what decides one contact is
    never shared between threads.

    Example:
        >>> class Circle:
        ...     @once
        ...     def area(self) -> float:
        ...         print("worked out")
        ...         return 3.14
        >>> circle = Circle()
        >>> circle.area, circle.area
        worked out
        (3.14, 3.14)
    """

    def __init__(self, work: Callable[[Any], _Value]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> once[_Value]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> _Value: ...
    def __get__(self, owner: object | None, kind: type) -> once[_Value] | _Value:
        """The value, worked out the first time."""
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._work(owner)
        return value
