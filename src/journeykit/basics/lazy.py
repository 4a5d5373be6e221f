"""Names that load their module when they are touched."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from journeykit.errors import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def door(module: str, name: str) -> Any:
    """What a module holds by a name. The module is loaded now, wherever it is in the order of imports.

    Example:
        >>> door("journeykit.errors", "closest")("tema", ["team", "topic"])
        'team'
    """
    return getattr(import_module(module), name)


def lazy_names(
    package: str, homes: Mapping[str, str], extras: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package whose names load when they are touched.

    Args:
        package: the name of the package.
        homes: by name, the module that holds it, as ``journeykit`` sees it; with a colon, what it is called there. A
            module that itself has the name is meant itself.
        extras: by package of others that a module may lack, or the extension module, the extra that installs it.

    Example:
        >>> load, names = lazy_names("journeykit.basics", {"nearest": "errors:closest"})
        >>> load("nearest")("tema", ["team"]), names()
        ('team', ['nearest'])
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, _, called = homes[name].partition(":")
        try:
            module = import_module(f"journeykit.{home}")
        except ModuleNotFoundError as error:
            if error.name is None or error.name not in (extras or {}):
                raise
            raise missing(error.name, (extras or {})[error.name], f"{package}.{name}") from error
        value = module if f".{home}".endswith(f".{name}") else getattr(module, called or name)
        # What is found once is an ordinary name of the package.
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(homes)
