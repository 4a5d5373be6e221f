"""What `journeykit --version` says: the library, how its extension module was built, and the packages beside it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from journeykit.basics.version import VERSION
from journeykit.kernels import build_text

_PACKAGES = ("pyarrow", "narwhals", "numpy")


def version_text() -> str:
    """Three lines: the version, the extension module, and the packages that tables need."""
    build = build_text() or "not built, which takes a C++20 compiler: contacts are decided one by one"
    packages = ", ".join(f"{name} {_version_of(name)}" for name in _PACKAGES)
    return f"journeykit {VERSION}\nextension module: {build}\npackages for tables: {packages}"


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"
